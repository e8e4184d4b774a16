"""Takes variables and draws; returns a point and the directions in which it may be moved.

Directions keep what was declared where that is linear, as symmetry is; where it bounds the entries,
as positive does, a point is asked; any other variable, such as an orthogonal one, stays.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from fractions import Fraction
from random import Random
from typing import Any

from ..core.cells import each, places, replaced
from ..core.expr import Variable
from ..ops import Cells
from ..values.explicit import Explicit
from ..values.sampling import admits
from .boundaries import Region, Values

_BOUNDS = {"positive", "unit01", "unit"}
_LINEAR = {
    *("symmetric", "skew", "diagonal", "lower", "upper", "toeplitz", "spd", "invertible"),
    *("sums_to_one", "columns_sum_to_one"),
}
_ENTRIES = 10  # that are moved one by one
_MIXED = 8  # directions in which more are moved together
_TOP = 3
_DRAWN = 3  # differences of drawn matrices of one structure


def region(
    names: Mapping[Hashable, Variable],
    functions: Mapping[Hashable, Variable],
    sizes: Mapping[str, int],
    draws: Sequence[Values],
    point: Callable[[Values, Any], Explicit],
) -> Region:
    """Return the region around the first of some draws; the others give directions.

    What unspecified functions are is moved by itself.
    """
    start = draws[0]
    free = {n: v for n, v in names.items() if {*v.properties} <= _BOUNDS}
    directions = [*_of_entries(free, start), *_of_entries(functions, start)]
    for name, v in names.items():
        more = {*v.properties} - _BOUNDS
        for other in draws[1 : 1 + _DRAWN] if more and more <= _LINEAR else ():
            directions.append({name: each(lambda a, b: b - a, start[name], other[name])})

    def holds(values: Values) -> bool:
        return all(admits(v.properties, values[n]) for n, v in names.items() if v.properties)

    return Region(sizes, start, directions, point, holds)


def _of_entries(free: Mapping[Hashable, Variable], start: Values) -> Iterator[Values]:
    """Yield directions of variables without structure: entry by entry, or mixed."""
    every = [(n, place) for n in free for place in places(start[n])]
    none = {n: each(lambda x: Fraction(0), start[n]) for n in free}
    if len(every) <= _ENTRIES:
        for name, place in every:
            yield {name: replaced(none[name], place, Fraction(1))}
        return
    random = Random(f"directions {len(every)}")
    for _ in range(_MIXED):
        yield {n: _mixed(cells, random) for n, cells in none.items()}


def _mixed(none: Cells, random: Random) -> Cells:
    mixed: Cells = each(lambda x: Fraction(random.randint(-_TOP, _TOP)), none)
    return mixed
