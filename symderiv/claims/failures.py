"""Takes two expressions; returns the smallest sizes and whole numbers at which they differ.

It ends after a fixed amount of work; a point on a boundary between pieces is given only where there
is no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from ..core.budget import too_much
from ..core.cells import flat, reshaped, sizes_of
from ..core.expr import Expr
from ..derivation.derivations import is_network
from ..ops import Cells
from ..values.explicit import Explicit
from ..values.sampling import least_sizes, size_grid
from .boundaries import has_pieces, on_a_boundary
from .deciding import Comparer, difference, work
from .taken_branches import OUTSIDE

_POINTS = 26  # of whole numbers, at one choice of sizes
_SOUGHT = 2_000_000  # operations that are spent on a counterexample


def simple_points(comparer: Comparer, sizes: Mapping[str, int]) -> Iterator[dict[str, Cells]]:
    """Yield small whole numbers: ones, counting, then random."""
    drawn = comparer.at(sizes, 0, integers=1)
    free = {n: not (v.properties) for n, v in comparer.problem.variables.items()}
    for kind in ("ones", "count"):
        count = 0
        values: dict[str, Cells] = {}
        for name, cells in drawn.items():
            entries = flat(cells)
            if free.get(name, True):
                numbers = range(count + 1, count + 1 + len(entries))
                entries = [Fraction(1 if kind == "ones" else k) for k in numbers]
            count += len(entries)
            values[name] = reshaped(entries, sizes_of(cells))
        yield values
    for seed in range(_POINTS - 2):
        yield comparer.at(sizes, seed, integers=1 + seed // 8)


def _sizes_of_failure(comparer: Comparer, left: Expr, right: Expr) -> Iterator[dict[str, int]]:
    """Yield sizes, small ones first; of a network, those last at which floats do not differ."""
    least = least_sizes([left, right])
    grid = size_grid(comparer.problem.dims, least)
    every = {tuple(s.items()): s for s in map(comparer.merged.apply, grid)}
    last: list[dict[str, int]] = []
    for sizes in every.values():
        if not least.fit(sizes):
            continue
        if is_network(comparer.problem) and comparer.may_equal(left, right, [sizes]):
            last.append(sizes)
        else:
            yield sizes
    yield from last


Failure = tuple[dict[str, int], dict[str, Cells], dict[str, int], Cells, Cells]


def smallest_failure(comparer: Comparer, left: Expr, right: Expr) -> Failure | None:
    """Return the smallest sizes and whole numbers at which two expressions differ.

    Where they are equal at the sizes at which both can be read there are none, and the search
    ends after a fixed amount of work. Pieces that hold no whole numbers are found by themselves.
    """
    same = left.shape == right.shape and has_pieces([left, right])
    if same and comparer.may_equal(left, right):
        found = _failure_in_a_piece(comparer, left, right)  # seldom at whole numbers
        if found is not None:
            return found
    if _is_dear(comparer, left, right):
        return next(_at_compared_points(comparer, left, right), None)
    on_boundary: Failure | None = None
    for sizes, values in _simple_points(comparer, left, right):
        try:
            differing = difference(left, right, Explicit(sizes, values))
        except OUTSIDE:
            continue
        if differing is None:
            continue
        if not _is_on_boundary(left, right, sizes, values, differing[0]):
            return sizes, values, *differing
        on_boundary = on_boundary or (sizes, values, *differing)
    found = on_boundary or _failure_in_a_piece(comparer, left, right, anywhere=True)
    found = found or next(_at_compared_points(comparer, left, right), None)
    cost = sum(work([left, right], s) for s in _sizes_of_failure(comparer, left, right))
    if found is None and cost * _POINTS > _SOUGHT:
        what = "the search for a counterexample"
        on = f"{cost * _POINTS:,} operations at small sizes"
        comparer.left_out.append(too_much(what, _SOUGHT, on))
    return found


def _is_dear(comparer: Comparer, left: Expr, right: Expr) -> bool:
    """Whether simple points take too much at the smallest sizes; others are known by now."""
    smallest = next(_sizes_of_failure(comparer, left, right), None)
    return smallest is not None and work([left, right], smallest) * _POINTS > _SOUGHT


def _simple_points(
    comparer: Comparer, left: Expr, right: Expr
) -> Iterator[tuple[dict[str, int], dict[str, Cells]]]:
    """Yield small sizes with small whole numbers, until enough work is spent on them."""
    spent = 0
    for sizes in _sizes_of_failure(comparer, left, right):
        cost = work([left, right], sizes)
        for values in simple_points(comparer, sizes):
            spent += cost
            if spent > _SOUGHT:
                return
            yield sizes, values


def _is_on_boundary(
    left: Expr,
    right: Expr,
    sizes: Mapping[str, int],
    values: Mapping[str, Cells],
    spot: Mapping[str, int],
) -> bool:
    def point(math: Any) -> Explicit:
        return Explicit(sizes, values, math=math, positions=spot)

    return on_a_boundary([left, right], point)


def _at_compared_points(comparer: Comparer, left: Expr, right: Expr) -> Iterator[Failure]:
    """Yield where two expressions differ that digits tell apart between whole numbers only."""
    for here in comparer.every_point(left, right) if left.shape == right.shape else ():
        try:
            found = difference(left, right, here)
        except OUTSIDE:
            continue
        if found is not None:
            yield here.sizes, here.values, *found


def _failure_in_a_piece(
    comparer: Comparer, left: Expr, right: Expr, *, anywhere: bool = False
) -> Failure | None:
    if left.shape != right.shape:
        return None
    here = comparer.failing_piece(left, right, anywhere=anywhere)
    if here is None:
        return None
    try:
        found = difference(left, right, here)
    except OUTSIDE:
        return None
    return None if found is None else (here.sizes, here.values, *found)
