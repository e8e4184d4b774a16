"""Takes values at a point in several precisions; tells which differ by more than rounding.

1 - p of a saturated p keeps few of the digits that p has, and what is divided by it keeps no more:
a value moves by as much as rounding can be blamed for when the same is computed in more digits, or
in fewer. Fractions are compared exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle
from math import inf, isfinite
from typing import Any

from .dual import Dual
from .explicit import Explicit, same
from .highprecision import DIGITS, HIGH, floated
from .sampling import OUTSIDE_DOMAIN

_FINER = 9 * DIGITS  # against 3 * DIGITS that numbers have
_TOLD = 1000  # a difference so many times what rounding moved is none of rounding
_TINY, _HUGE = HIGH.mpf(10) ** -20, HIGH.mpf(10) ** 20
_TILTS = (1, -1, 0, -2, 1, 2, -1)  # of entries one after another, in the last of the fewest bits
_COARSE = (43, 45, 47)  # bits; floats have 53, so that what is seen is above what they lose
_LARGEST = HIGH.mpf(10) ** 290  # floats end beyond it, and below its reciprocal

Pairs = Callable[[Explicit], Iterable[tuple[Any, Any]]]
Apart = Callable[[Sequence[tuple[Any, Any]]], list[int]]


class LostDigitsError(ValueError):
    """Rounding may be why two values differ: another point is to decide."""


def unequal(pairs: Sequence[tuple[Any, Any]]) -> list[int]:
    """Return the numbers of the pairs that differ."""
    return [k for k, (x, y) in enumerate(pairs) if not same(x, y)]


def first_unequal(here: Explicit, pairs: Pairs, apart: Apart = unequal) -> int | None:
    """Return the number of the first pair that differs at a point; None where all are equal.

    Pairs that are ``apart`` are computed again in three times the digits. Raises LostDigitsError
    where they differ still, but no more than the digits that were added have moved them.
    """
    found = list(pairs(here))
    suspected = apart(found)
    if not any(isinstance(x, HIGH.mpf) for k in suspected for x in found[k]):
        return suspected[0] if suspected else None
    with HIGH.workdps(_FINER):
        try:
            finer = list(pairs(here.again()))
        except OUTSIDE_DOMAIN:
            raise LostDigitsError("there is no value where more digits are taken") from None
        differing = apart(finer)
        for k in differing:
            pair, fine = found[k], finer[k]
            moved = sum(abs(floated(x) - floated(y)) for x, y in zip(pair, fine, strict=True))
            if abs(floated(fine[0]) - floated(fine[1])) > _TOLD * moved:
                return k
    if differing:
        raise LostDigitsError("more digits are lost at this point than there are")
    return None


def is_saturated(values: Iterable[Any]) -> bool:
    """Whether one of some values is 0, 1 or infinite but for digits that are hardly looked at.

    >>> is_saturated([HIGH.tanh(3)]), is_saturated([HIGH.tanh(300)]), is_saturated([1])
    (False, True, False)
    """
    sizes = (abs(x) for x in values if isinstance(x, HIGH.mpf) and x)
    return any(not _TINY < x < _HUGE or abs(x - 1) < _TINY for x in sizes)


def float_bounds(here: Explicit, read: Callable[[Explicit], Sequence[Any]]) -> list[float]:
    """Return how far the rounding of floats may move each scalar that is read at a point.

    Infinite where they leave the range or the domain on the way. The point is in numbers or in
    dual numbers; it is computed in three precisions a little below that of floats, and beside the
    point: what an algorithm for floats gives is exact for numbers close by, and an entry that is
    0 by luck need not be 0 for it.
    """
    exact = here.again(_inexact)
    try:
        values = [floated(x) for x in read(exact)]
        if not all(_is_in_range(x) for x in exact.scalars()):
            return [inf] * len(values)
        bounds = [0.0] * len(values)
        for found in _nearly(here, read):
            moved = [abs(floated(x) - y) for x, y in zip(found, values, strict=True)]
            bounds = [max(b, _plain(m)) for b, m in zip(bounds, moved, strict=True)]
    except OUTSIDE_DOMAIN:
        return [inf] * _count(here, read)
    return bounds


def _nearly(here: Explicit, read: Callable[[Explicit], Sequence[Any]]) -> Iterator[Sequence[Any]]:
    for bits in _COARSE:
        with HIGH.workprec(bits):
            yield read(here.again(_inexact))
    tilts = cycle(_TILTS)
    yield read(here.again(lambda x: _inexact(x) * (1 + HIGH.ldexp(next(tilts), -_COARSE[0]))))


def _count(here: Explicit, read: Callable[[Explicit], Sequence[Any]]) -> int:
    try:
        return len(read(here))
    except OUTSIDE_DOMAIN:
        return 1


def _inexact(x: Any) -> Any:
    """Return a number, or a dual one, in the precision at hand."""
    if isinstance(x, Dual):
        return Dual(+floated(x.value), x.slope)
    return +floated(x)


def _is_in_range(x: Any) -> bool:
    size = abs(floated(Dual.of(x).value))
    return not size or 1 / _LARGEST < size < _LARGEST


def _plain(x: Any) -> float:
    found = float(x)
    return found if isfinite(found) else inf
