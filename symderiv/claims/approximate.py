"""Takes cells of numbers; returns them in floats, which tell at once what is not equal.

What floats cannot tell apart is then decided exactly; no verdict rests on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from ..core.cells import each, flat, sizes_of
from ..ops import Cells
from ..values.explicit import Explicit, plain
from ..values.scalars import FloatMath

_PLACES = 6  # of a ratio of entries that a key shows
_CLOSE = 1e-6
_SMALL = 1e-5  # below it, what should cancel may be all there is
_LEAD = 0.999  # of the largest entry; entries of one size are the first of them on every machine


def in_floats(here: Explicit) -> Explicit:
    """Return the same point in floats."""
    values: Mapping[str, Cells] = {n: each(float, c) for n, c in here.values.items()}
    return Explicit(here.sizes, values, math=FloatMath())


def entries(cells: Cells) -> list[float]:
    """Return every entry as a float; raises ValueError where one is not finite."""
    found = [float(x) for x in flat(plain(cells))]
    if not all(map(isfinite, found)):
        raise ValueError("too large for a float")
    return found


def ratio_key(cells: Cells) -> tuple[object, ...] | None:
    """Return what cells that differ by a factor have in common; None for zeros."""
    found = entries(cells)
    largest = max(map(abs, found), default=0.0)
    if largest < _CLOSE * _SMALL:
        return None
    lead = next(x for x in found if abs(x) >= _LEAD * largest)
    return (sizes_of(cells), tuple(round(x / lead, _PLACES) + 0.0 for x in found))


def are_close(left: Cells, right: Cells) -> bool:
    """Whether cells of one shape have entries that floats cannot tell apart."""
    if sizes_of(left) != sizes_of(right):
        return False
    a, b = entries(left), entries(right)
    scale = max(map(abs, (*a, *b, _SMALL)))
    return all(abs(x - y) <= _CLOSE * scale for x, y in zip(a, b, strict=True))
