"""Takes the derivation of a document; returns it with empty lines to fill in, reasons kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..notation.math import EQUALS, Word, row
from .model import Block, Boxed, Kept, Line, Paragraph, StepTable

_EMPTY = row(EQUALS, Word("…" * 12, function=False))


def blanked(blocks: Sequence[Block]) -> list[Block]:
    """Return blocks without their right-hand sides, and without what follows from those."""
    found: list[Block] = []
    for b in blocks:
        if isinstance(b, StepTable):
            found.append(StepTable(tuple(map(_blank, b.lines))))
        elif not isinstance(b, Boxed | Paragraph | Kept):
            found.append(b)
    return found


def _blank(line: Line) -> Line:
    return replace(line, right=(_EMPTY,), cited=False)
