"""Signs between factors, and the indices that sums bind, read off the layout alone."""

from __future__ import annotations

from collections.abc import Sequence

from .layout import Big, Item, Scripted, Sign, Symbol
from .marks import bare, is_sign
from .names import written_of

_OPERATORS = ("cdot", "times", "odot", "oslash", "otimes", "/")


def is_operator(item: Item) -> bool:
    """Whether a sign multiplies or divides."""
    return isinstance(item, Sign) and item.name in _OPERATORS


def hint(item: Item) -> str:
    """Return what to write instead of a sign that means nothing here."""
    name = item.name if isinstance(item, Sign) else ""
    return {
        "star": r"the product is written side by side, entry by entry \odot",
        "=": "one claim is one equation",
        "partial": r"a gradient is written \frac{\partial L}{\partial Z}",
        "nabla": r"a gradient is written \nabla_Z L",
        ",": "one expression, without commas",
        ".": "a number is written 0.5",
        "neq": "a sum runs over all of an index",
        "in": r"a sum is written \sum_i or \sum_{i=1}^{n}",
    }.get(name, "remove it")


def bound_by(items: Sequence[Item]) -> set[str]:
    """Return the indices that sums among these items bind."""
    found: set[str] = set()
    for item in items:
        if isinstance(item, Scripted) and isinstance(item.base, Big) and item.sub is not None:
            for x in bare(item.sub):
                if is_sign(x, "="):
                    break
                if isinstance(x, Symbol):
                    found.add(written_of(x))
    return found


def index_letters(items: Sequence[Item]) -> list[tuple[Item, str]]:
    """Return the letters in subscripts, where they stand outside of any sum."""
    found: list[tuple[Item, str]] = []
    for item in items:
        if isinstance(item, Scripted) and item.sub is not None and not isinstance(item.base, Big):
            for x in bare(item.sub):
                if isinstance(x, Symbol):
                    found.append((x, written_of(x)))
    return found
