"""Sizes of arrays as a function computes with them: sums, differences, comparisons.

Contract: different symbols are different positive numbers. A question that this does not decide
(is n greater than 3?) is refused with the line.
"""

from __future__ import annotations

from ...core.errors import UnsupportedError
from ...core.shapes import Dim, DimMismatchError, left_over, summed_sizes
from .user_places import refuse


def added(a: Dim, b: Dim) -> Dim:
    """Return the sum of two sizes."""
    return summed_sizes([a, b])


def subtracted(a: Dim, b: Dim) -> Dim | None:
    """Return what is left of a size; None where that is no size."""
    try:
        return left_over(a, [b])
    except DimMismatchError:
        return None


def least(dim: Dim) -> int:
    """Return the least number that a size can be."""
    return dim.at(dict.fromkeys(dim.names, 1))


def compared(a: Dim, sign: str, b: Dim) -> bool:
    """Return whether one size is ``==``, ``>`` or ``>=`` another.

    Raises UnsupportedError where the symbols leave it open.
    """
    if a == b:
        return sign != ">"
    if not a.symbols and not b.symbols:
        return {"==": a == b, ">": a > b, ">=": a >= b}[sign]
    if sign == "==" and a.symbols and b.symbols:
        return False
    if not b.symbols and (least(a) > b.coefficient or (sign == ">=" and least(a) >= b.coefficient)):
        return sign != "=="
    if not a.symbols and least(b) > a.coefficient:
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
