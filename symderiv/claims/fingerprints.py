"""Takes expressions; returns values that tell them apart, so that one claim meets many candidates.

Contract: equal fingerprints only propose, as they are floats; equality is then decided by comparing
at many points. Expressions that differ by one constant factor, or by transposition, meet as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..core.cells import each, flat, sizes_of, turned_over
from ..core.expr import Expr, free_ranges, walk
from ..ops import Cells
from ..values.explicit import Explicit, plain
from ..values.sampling import least_sizes
from .deciding import OUTSIDE, Comparer, are_close, entries, operations, placements
from .multiples import CLOSE, Multiple, multiple

_SEEDS = 6
_MOST_SPENT = 2_000_000  # operations on telling candidates apart
_NO_VALUE = (*OUTSIDE, KeyError, AttributeError, RecursionError)


class Prints:
    """Takes fingerprints at two points of one problem, with different sizes."""

    def __init__(self, comparer: Comparer, truth: Expr) -> None:
        self._dims = comparer.problem.dims
        self._truth = truth  # its free indices are those of the claim, in one order
        self._known: dict[tuple[Expr, int], Cells | None] = {}
        self._met: set[Expr] = set()
        self._spent = 0
        points = [self._at(comparer, sizes) for sizes in self._sizes(comparer)]
        # At some sizes the gradient may have no value, such as the inverse of X @ X.T of a tall X.
        # At size 1 it may be zero, such as the gradient through a softmax.
        points.sort(key=lambda found: -found[0])
        self._points = [point for _, point in points[:2]]

    def _sizes(self, comparer: Comparer) -> Iterator[dict[str, int]]:
        least = least_sizes(comparer.expressions)
        low = 2 if len(self._dims) < 4 else 1
        for start, forward in ((low, True), (low + 1, False), (low + 1, True), (low, False)):
            names = self._dims if forward else self._dims[::-1]
            sizes = least.raised({d: start + k for k, d in enumerate(names)})
            yield comparer.merged.apply({d: sizes[d] for d in self._dims})

    def _at(self, comparer: Comparer, sizes: dict[str, int]) -> tuple[int, Explicit]:
        """Return a point of some sizes, and how much the gradient has there: a value, not 0."""
        found: list[tuple[int, Explicit]] = []
        for seed in range(_SEEDS):
            here = comparer.near(sizes, seed)
            try:
                found.append((1 + any(entries(self._placed(here, self._truth))), here))
            except OUTSIDE:
                found.append((0, here))
            if found[-1][0]:
                break
        return found[-1]

    def _affords(self, x: Expr) -> bool:
        """Whether there is work left for an expression; what was met before costs nothing."""

        def is_known(e: Expr) -> bool:
            return e in self._met and not free_ranges(e)

        new = [e for e in walk(x, is_known) if not is_known(e)]
        self._met.update(new)
        self._spent += sum(operations(e, self._points[0].sizes) for e in new)
        return self._spent <= _MOST_SPENT

    def _cells(self, x: Expr, at: int = 0) -> Cells | None:
        """Return the values of an expression at one of the points, or None where there are none."""
        if (x, at) not in self._known:
            if at == 0 and not self._affords(x):
                return None
            try:
                self._known[x, at] = self._placed(self._points[at], x)
            except _NO_VALUE:
                self._known[x, at] = None
        return self._known[x, at]

    def _placed(self, here: Explicit, x: Expr) -> Cells:
        spots = [here.placed(s).cells(x) for s in placements(here.sizes, self._truth)]
        return plain(spots[0]) if len(spots) == 1 else [plain(c) for c in spots]

    def key(self, x: Expr, *, turned: bool = False) -> tuple[object, ...] | None:
        """Return what expressions that differ by a factor have in common."""
        cells = self._cells(x)
        try:
            return None if cells is None else ratio_key(turned_over(cells) if turned else cells)
        except OUTSIDE:
            return None

    def is_zero(self, x: Expr) -> bool | None:
        """Return whether every entry is 0; None where there is no value."""
        found = [self._cells(x, at) for at in (0, 1)]
        return None if None in found else ratio_key(found[0] or []) is None

    def factor(self, claimed: Expr, right: Expr, *, turned: bool) -> Multiple | None:
        """Return the factor between two expressions, where it is one that people forget."""
        ratios = []
        for at in (0, 1):
            a, b = self._cells(claimed, at), self._cells(right, at)
            try:
                ratio = None if a is None or b is None else _ratio(a, b, turned=turned)
            except OUTSIDE:
                return None
            if ratio is None:
                return None
            ratios.append(ratio)
        sizes = [{d: float(p.sizes[d]) for d in self._dims} for p in self._points]
        return multiple(ratios, sizes)

    def depends(self, x: Expr, name: str) -> bool | None:
        """Return whether a value depends on a variable; None where there is none."""
        here = self._points[0]
        moved = iter(range(7, 7 + len(flat(here.values[name]))))
        changed = each(lambda y: y + 1 / next(moved), here.values[name])
        there = Explicit(here.sizes, {**here.values, name: changed}, math=here.math)
        try:
            return not are_close(self._placed(here, x), self._placed(there, x))
        except (*OUTSIDE, KeyError):
            return None


def _ratio(claimed: Cells, right: Cells, *, turned: bool) -> float | None:
    """Return the one number that makes the second the first, or None."""
    a, b = entries(turned_over(claimed) if turned else claimed), entries(right)
    if len(a) != len(b):
        return None
    lead = max(range(len(b)), key=lambda k: abs(b[k]))
    ratio = a[lead] / b[lead] if b[lead] else 0.0
    most = max(map(abs, a), default=0.0)
    close = all(abs(x - ratio * y) <= CLOSE * most for x, y in zip(a, b, strict=True))
    return ratio if ratio and close else None


_PLACES = 6  # of a ratio of entries that a key shows
_NOTHING = 1e-11
_LEAD = 0.999  # of the largest entry; entries of one size are the first of them on every machine


def ratio_key(cells: Cells) -> tuple[object, ...] | None:
    """Return what cells that differ by a factor have in common; None for zeros."""
    found = entries(cells)
    largest = max(map(abs, found), default=0.0)
    if largest < _NOTHING:
        return None
    lead = next(x for x in found if abs(x) >= _LEAD * largest)
    return (sizes_of(cells), tuple(round(x / lead, _PLACES) + 0.0 for x in found))
