"""Tells which axes of a constant have a size that nothing beside it tells: the ones of tr(1 1ᵀ).

A product, a sum and a function of entries tell or pass on sizes; everything else is asked.
"""

from __future__ import annotations

from itertools import pairwise

from ..core.expr import Expr
from ..core.shapes import ONE

_TELLING = ("transpose", "dot")  # which give every argument the sizes of the whole or of the others
_PLACES = ("entry", "row", "column")
_NAMES = ("var", "named", "loss")


class Constants:
    """The expressions without any name in them, remembered."""

    def __init__(self) -> None:
        self._known: dict[Expr, bool] = {}

    def __contains__(self, e: Expr) -> bool:
        stack = [e]
        while stack:
            top = stack[-1]
            waiting = [a for a in top.args if a not in self._known]
            if top in self._known:
                stack.pop()
            elif top.op in _NAMES or not waiting:
                stack.pop()
                named = top.op in _NAMES or not all(self._known[a] for a in top.args)
                self._known[top] = not named
            else:
                stack += waiting
        return self._known[e]

    def leaves_open(self, e: Expr) -> bool:
        """Whether an expression has a constant argument whose size neither it nor another tells."""
        if e.op in _TELLING or e.op in _NAMES:
            return False
        if e.op in _PLACES and not any(str(i).isdecimal() for i in _marks(e)):
            return False  # the range of an index is known
        if e.op == "matmul":
            pairs = pairwise(e.args)
            return any(a.shape[-1] != ONE and a in self and b in self for a, b in pairs)
        return any(_is_open(a, e) and a in self for a in e.args)


def _marks(e: Expr) -> tuple[object, ...]:
    return e.data if isinstance(e.data, tuple) else (e.data,)


def _is_open(a: Expr, e: Expr) -> bool:
    """Whether an argument has an axis that is none of the whole."""
    if len(a.shape) != len(e.shape):
        return True
    return any(d not in (ONE, whole) for d, whole in zip(a.shape, e.shape, strict=True))
