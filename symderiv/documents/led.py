"""A sentence and the formulas that it announces: on one line where they fit, else below it.

Many formulas flow after it, over pages where they must; a few stay on one page with it.
"""

from __future__ import annotations

from .model import Block, Display, Inline, Kept, Paragraph, words_of
from .widths import width

_LINE = 38.0  # em: what certainly fits on a line
_APART = 2.0  # em between formulas
_LETTER = 0.45  # em
_FEW = 8


def led(lead: Inline, display: Display) -> Block:
    """Return a sentence with its display.

    >>> from symderiv.notation.math import Sym
    >>> led(("Take",), Display((Sym("x"),))).kind
    'display'
    >>> led(("Take",), Display((Sym("xyz_abc"),) * 8)).kind
    'kept'
    """
    needed = words_of(lead, _LETTER) + sum(_APART + width(m) for m in display.items)
    if needed < _LINE or len(display.items) > _FEW:
        return Display(display.items, lead)
    return Kept((Paragraph(lead), display))
