"""Arithmetic and comparisons of sizes, as a function computes with them.

Contract: different symbols are different positive numbers. A question that this does not decide
(is n greater than 3?) is refused with the line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core.errors import UnsupportedError
from ...core.shapes import Dim, DimMismatchError, left_over, summed_sizes
from .array import UFUNCS, Condition, Traced, operand
from .array_operations import compared
from .user_places import refuse


def two_sizes(a: Any, b: Any) -> tuple[Dim, Dim] | None:
    """Return two operands as sizes, where each is a size or an integer that is not negative."""
    first, second = (
        x._array.size
        if isinstance(x, Traced)
        else Dim(x, ())
        if type(x) is int and x >= 0
        else None
        for x in (a, b)
    )
    return None if first is None or second is None else (first, second)


def added(a: Dim, b: Dim) -> Dim:
    """Return the sum of two sizes."""
    return summed_sizes([a, b])


def subtracted(a: Dim, b: Dim) -> Dim | None:
    """Return what is left of a size; None where that is no size."""
    try:
        return left_over(a, [b])
    except DimMismatchError:
        return None


def _least(dim: Dim) -> int:
    """Return the least number that a size can be."""
    return dim.at(dict.fromkeys(dim.names, 1))


def _decided(a: Dim, sign: str, b: Dim) -> bool:
    """Return whether one size is ``==``, ``>`` or ``>=`` another.

    Raises UnsupportedError where the symbols leave it open.
    """
    if a == b:
        return sign != ">"
    if not a.symbols and not b.symbols:
        return {"==": a == b, ">": a > b, ">=": a >= b}[sign]
    if sign == "==" and a.symbols and b.symbols:
        return False
    if not b.symbols:
        least = _least(a)
        if least > b.coefficient or (sign == ">=" and least >= b.coefficient):
            return sign != "=="
    if not a.symbols and _least(b) > a.coefficient:
        return False
    if subtracted(a, b) is not None:
        return sign != "=="
    if subtracted(b, a) is not None:
        return False
    raise refuse(
        f"whether {a} {sign} {b} depends on the size that a symbol stands for",
        'declare the size as a number, as in X="3, d", or leave the question out',
        UnsupportedError,
    )


def _comparison(sign: str) -> Callable[[Any, Any], Any]:
    def build(a: Any, b: Any) -> Any:
        sizes = two_sizes(a, b)
        if sizes is None:
            if sign in ("==", "!=") and any(isinstance(x, Condition) for x in (a, b)):
                raise refuse("a comparison of truth values", "compare the numbers themselves")
            return Traced(compared(operand(a), sign, operand(b)))
        if sign == "!=":
            return not _decided(sizes[0], "==", sizes[1])
        first, second = sizes[::-1] if "<" in sign else sizes
        return _decided(first, sign.replace("<", ">"), second)

    return build


UFUNCS.update(
    greater=_comparison(">"),
    less=_comparison("<"),
    greater_equal=_comparison(">="),
    less_equal=_comparison("<="),
    equal=_comparison("=="),
    not_equal=_comparison("!="),
)
