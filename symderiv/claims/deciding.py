"""Deciding whether two expressions are the same: exact evaluation at points, never by looks.

Equality of rational functions is decided by evaluation at random rational points (Schwartz 1980,
Zippel 1979) at several sizes with distinct dimensions, so that nothing is right by accident of
n = d, and at large values; where functions are transcendental, to 40 of 50 digits.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice, product
from random import Random

from ..cells import each, flat, reshaped, sizes_of
from ..derivation import is_network
from ..errors import UndefinedError
from ..explicit import Explicit, is_exact, plain, same, same_cells
from ..expr import Expr, Variable, free_ranges, walk_all
from ..highprecision import HIGH, floated
from ..language import Problem
from ..ops import Cells
from ..sampling import distinct_sizes, least_sizes, point, size_grid
from ..sampling import values as values_of
from ..shapes import Dim
from .approximate import are_close, in_floats
from .assumptions import NOTHING, Assumption
from .working import work

POINTS = 6
_ROUGH = 2  # points in floats
# Where an expression has no value, or none of its shape at sizes that are taken as equal.
OUTSIDE = (ZeroDivisionError, TypeError, ValueError, OverflowError, IndexError)
_LARGE = 5  # a formula right for the sizes 1 to 4 alone is caught there
_FAR = 10_000  # and one right for small values alone, here
_NEAR = Fraction(1, 8)
_ATTEMPTS = 6  # at points in floats, until there are values
_MOST_WORK = 1_000_000  # operations at one point
_SHARE = 400_000  # at the points of one choice of sizes
_SOUGHT = 2_000_000  # operations that are spent on a counterexample
_DIGITS = 40  # of 150 that numbers have
_NOISE = 80  # digits after the point; what is smaller may be rounding
_EXPONENTIALS = {"expm", "expm_frechet"}  # far away, their entries have a million digits
# What is lost when the entries are scaled.
_BOUNDED = {
    *("orthogonal", "onehot", "onehot_cols", "binary", "pm1", "unit01"),
    *("sums_to_one", "columns_sum_to_one", "idempotent", "projection", "normalized"),
}


Kept = dict[Hashable, Explicit]
Agree = Callable[[Cells, Cells], bool]
_MOST_KEPT = 200  # points


@dataclass(slots=True)
class Merged:
    """Dimensions that are taken as equal while a claim is evaluated."""

    pairs: Sequence[tuple[Dim, Dim]] = ()

    @property
    def of_one(self) -> bool:
        """Whether a dimension is taken as a number, such as 1, where too much is equal."""
        return any(not d.symbols for pair in self.pairs for d in pair)

    def apply(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """Return sizes under which the merged dimensions are equal."""
        found = dict(sizes)
        for left, right in (*self.pairs, *self.pairs):  # again, as one may change another
            products = [d for d in (left, right) if len(d.symbols) > 1]
            names = [s for d in (left, right) if len(d.symbols) == 1 for s in d.symbols]
            if len(products) == 1 and names:
                if names[0] in products[0].symbols:
                    continue  # n = n*n says nothing of n
                found[names[0]] = products[0].at(found)
                continue
            names = [*left.symbols, *right.symbols]
            fixed = [d.coefficient for d in (left, right) if not d.symbols]
            value = fixed[0] if fixed else min(found[n] for n in names)
            found.update(dict.fromkeys(names, value))
        return found


@dataclass(slots=True)
class Comparer:
    """Compares expressions of one problem at many points; keeps what it evaluated."""

    problem: Problem
    expressions: Sequence[Expr]
    merged: Merged = field(default_factory=Merged)
    assumed: Assumption = NOTHING
    exact: bool = True
    count: int = 0
    poles: int = 0  # points at which the gradient has a value, and the claim has a pole
    kept: Kept = field(default_factory=dict)  # shared by the comparers of one problem

    def sizes(self) -> list[dict[str, int]]:
        """Return the sizes to compare at: all different twice, then with ones."""
        dims, least = self.problem.dims, least_sizes(self.expressions)
        first = distinct_sizes(dims, least)
        second = dict(zip(dims, reversed([first[d] for d in dims]), strict=True))
        small = {d: max(1, least.get(d, 1)) for d in dims}
        mixed = {d: max(1 + k % 2, least.get(d, 1)) for k, d in enumerate(dims)}
        raised = {d: max(s, least.get(d, 1)) for d, s in second.items()}
        large = distinct_sizes(dims, least, start=_LARGE)
        found = [self.merged.apply(s) for s in (first, raised, mixed, small, large)]
        # Sizes that are taken as equal must have the positions that are written.
        kept = [s for s in found if all(s[d] >= k for d, k in least.items())]
        return [s for k, s in enumerate(kept) if s not in kept[:k]]

    def points(self, *expressions: Expr) -> Iterator[Explicit]:
        """Yield the points of comparison, those with the most telling sizes first.

        The last two of each choice of sizes are far, of both signs and positive. Where much is to
        be computed there are fewer, and none where it is too much.
        """
        for sizes in self.sizes():
            cost = work(expressions, sizes)
            count = min(POINTS + 2, max(3, _SHARE // cost))
            seeds = range(POINTS + 2) if count == POINTS + 2 else [*range(count - 1), POINTS]
            if any(e.op in _EXPONENTIALS for e in walk_all(expressions)):
                seeds = range(min(count, POINTS))
            for seed in seeds if cost <= _MOST_WORK else ():
                yield self.here(sizes, seed)

    def is_zero(self, x: Expr) -> bool:
        """Whether every entry of an expression is 0, at a few points."""
        for sizes, seed in islice(product(self.sizes(), range(2)), _ATTEMPTS):
            here = self.here(sizes, seed)
            try:
                for spot in placements(sizes, x):
                    if not all(same(e, 0) for e in flat(plain(here.placed(spot).cells(x)))):
                        return False
            except OUTSIDE:
                continue
        return True

    def is_too_much(self, *expressions: Expr) -> bool:
        """Whether expressions cannot be computed at sizes that all differ."""
        return all(work(expressions, sizes) > _MOST_WORK for sizes in self.sizes()[:2])

    def here(self, sizes: Mapping[str, int], seed: int) -> Explicit:
        """Return a point, with everything that was evaluated there before."""
        key = (tuple(sizes.items()), seed, *_words(self.assumed))
        if key not in self.kept:
            if len(self.kept) >= _MOST_KEPT:
                self.kept.clear()
            values = self.at(sizes, seed)
            if seed >= POINTS:
                values = self._far(values, sizes)
            elif is_network(self.problem):  # whose functions are steep, and saturate
                values = self._far(values, sizes, _NEAR)
            self.kept[key] = Explicit(sizes, values)
        return self.kept[key]

    def may_equal(
        self, left: Expr, right: Expr, sizes: Sequence[dict[str, int]] | None = None
    ) -> bool:
        """Whether floats at a few points do not tell two expressions apart."""
        tried = 0
        few = sizes or sorted(self.sizes()[:3], key=lambda s: sum(s.values()))
        for at, seed in islice(product(few, range(_ROUGH)), _ATTEMPTS):
            here = self.near(at, seed)
            try:
                for spot in placements(at, left, right):
                    placed = here.placed(spot)
                    if not are_close(placed.cells(left), placed.cells(right)):
                        return False
            except (*OUTSIDE, AttributeError):
                continue
            tried += 1
            if tried >= _ROUGH:
                break
        return True

    def near(self, sizes: Mapping[str, int], seed: int) -> Explicit:
        """Return a point of small values in floats, where no exponential is too large."""
        key = ("floats", tuple(sizes.items()), seed, *_words(self.assumed))
        if key not in self.kept:
            values = self._far(self.at(sizes, seed), sizes, _NEAR)
            self.kept[key] = in_floats(Explicit(sizes, values))
        return self.kept[key]

    def _far(
        self, values: Mapping[str, Cells], sizes: Mapping[str, int], factor: Fraction | int = _FAR
    ) -> dict[str, Cells]:
        """Return large values, of the variables whose declaration leaves them free to be large."""
        variables = self.problem.variables.values()
        more = self.assumed.properties
        bounded = {v.name for v in variables if _BOUNDED & {*v.properties, *more.get(v.name, ())}}
        far = {n: c if n in bounded else each(lambda x: x * factor, c) for n, c in values.items()}
        return self._settled(far, sizes)

    def at(self, sizes: Mapping[str, int], seed: int, integers: int = 0) -> dict[str, Cells]:
        """Return values at one point, of which the assumptions hold."""
        values = point(
            self.problem,
            sizes,
            seed,
            integers=integers,
            positive=seed % 2 == 1,
            assumed=self.assumed.properties,
        )
        return self._settled(values, sizes)

    def _settled(self, values: dict[str, Cells], sizes: Mapping[str, int]) -> dict[str, Cells]:
        """Return values in which the variables that are assumed to equal an expression do."""
        for name, expr in self.assumed.fixed.items():
            values[name] = plain(Explicit(sizes, values).cells(expr))
        return values

    def equal(self, left: Expr, right: Expr) -> bool:
        """Return whether two expressions are equal at every point, for all free indices.

        Raises UndefinedError where the points do not tell.
        """
        if self._agree_in_names(left, right):
            return True
        evaluated = 0
        defined: dict[tuple[int, ...], bool] = {}
        for here in self.points(left, right):
            sizes = here.sizes
            try:
                for spot in placements(sizes, right):
                    here.placed(spot).cells(right)
            except OUTSIDE:
                continue  # outside the domain of a function: another point decides
            try:
                if _difference(left, right, here, _agree) is not None:
                    return False
            except ZeroDivisionError:
                defined.setdefault(tuple(sizes.values()), False)
                self.poles += 1
                continue  # a pole of the other side, such as a singular matrix, decides nothing
            except OUTSIDE:
                return False  # defined on one side only
            defined[tuple(sizes.values())] = True
            evaluated += 1
            self.count += 1
            self.exact = self.exact and _rational(left, here)
        if not all(defined.values()):
            return False  # at some sizes the other side is never defined
        if not evaluated:
            raise UndefinedError("no point was found at which both sides are defined")
        if self.is_too_much(left, right):
            raise UndefinedError("too much is to be computed where all sizes differ")
        return True

    def _agree_in_names(self, left: Expr, right: Expr) -> bool:
        """Whether two formulas are equal whatever the names in them stand for.

        What holds for free values of the intermediates holds for theirs; a network need not be
        evaluated for it. Where it does not hold, nothing is said.
        """
        if not is_network(self.problem) or self.assumed is not NOTHING or self.merged.pairs:
            return False
        names = [
            e
            for e in walk_all([left, right], lambda e: e.op == "named")
            if e.op == "named" and not free_ranges(e)
        ]
        count, exact = 0, True
        for sizes, seed in product(self.sizes(), range(POINTS)) if names else ():
            free = [Variable(str(e.data), e.shape, "tensor") for e in names]
            drawn = values_of(free, sizes, Random(f"names {seed}"))
            override = {e: drawn[str(e.data)] for e in names}
            here = Explicit(sizes, self.here(sizes, seed).values, override=override)
            try:
                if _difference(left, right, here, _agree) is not None:
                    return False
                exact = exact and _rational(left, here)
            except OUTSIDE:
                return False
            count += 1
        self.count += count
        self.exact = self.exact and exact
        return count > 0


def _words(assumed: Assumption) -> tuple[Hashable, ...]:
    return (tuple(assumed.properties.items()), tuple(assumed.fixed.items()))


def _rational(x: Expr, here: Explicit) -> bool:
    return is_exact(here.placed(dict.fromkeys(free_ranges(x), 1)).cells(x))


def placements(sizes: Mapping[str, int], *expressions: Expr) -> Iterator[dict[str, int]]:
    """Yield every assignment of the free indices of some expressions."""
    ranges: dict[str, Dim] = {}
    for x in expressions:
        for name, dim in free_ranges(x).items():
            if name not in ranges or dim.at(sizes) < ranges[name].at(sizes):
                ranges[name] = dim
    for spot in product(*(range(1, d.at(sizes) + 1) for d in ranges.values())):
        yield dict(zip(ranges, spot, strict=True))


def first_difference(
    left: Expr, right: Expr, sizes: Mapping[str, int], values: Mapping[str, Cells]
) -> tuple[dict[str, int], Cells, Cells] | None:
    """Return where two expressions differ at a point, with both values; None where they agree."""
    return _difference(left, right, Explicit(sizes, values))


def _difference(
    left: Expr, right: Expr, here: Explicit, agree: Agree = same_cells
) -> tuple[dict[str, int], Cells, Cells] | None:
    for spot in placements(here.sizes, left, right):
        at = here.placed(spot)
        a, b = plain(at.cells(left)), plain(at.cells(right))
        if not agree(a, b):
            return spot, a, b
    return None


def _agree(left: Cells, right: Cells) -> bool:
    """Whether cells are equal, to 40 digits of the largest entry however small it is.

    A saturated softmax or a steep function leaves gradients of 1e-60, which are not all the same.
    """
    if sizes_of(left) != sizes_of(right) or is_exact(left) and is_exact(right):
        return same_cells(left, right)
    pairs = [(floated(x), floated(y)) for x, y in zip(flat(left), flat(right), strict=True)]
    largest = max(max(abs(x), abs(y)) for x, y in pairs)
    close = largest * HIGH.mpf(10) ** -_DIGITS + HIGH.mpf(10) ** -_NOISE
    return all(abs(x - y) <= close for x, y in pairs)


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
    for seed in range(24):
        yield comparer.at(sizes, seed, integers=1 + seed // 8)


def _sizes_of_failure(comparer: Comparer, left: Expr, right: Expr) -> Iterator[dict[str, int]]:
    """Yield sizes, small ones first; of a network, those last at which floats do not differ."""
    least = least_sizes([left, right])
    grid = size_grid(comparer.problem.dims, least)
    every = {tuple(s.items()): s for s in map(comparer.merged.apply, grid)}
    last: list[dict[str, int]] = []
    for sizes in every.values():
        if any(sizes[d] < k for d, k in least.items()):
            continue
        if is_network(comparer.problem) and comparer.may_equal(left, right, [sizes]):
            last.append(sizes)
        else:
            yield sizes
    yield from last


def smallest_failure(
    comparer: Comparer, left: Expr, right: Expr
) -> tuple[dict[str, int], dict[str, Cells], dict[str, int], Cells, Cells] | None:
    """Return the smallest sizes and whole numbers at which two expressions differ.

    Where they are equal at the sizes at which both can be read there are none, and the search
    ends after a fixed amount of work.
    """
    spent = 0
    for sizes in _sizes_of_failure(comparer, left, right):
        cost = work([left, right], sizes)
        for values in simple_points(comparer, sizes):
            spent += cost
            if spent > _SOUGHT:
                return None
            try:
                found = first_difference(left, right, sizes, values)
            except OUTSIDE:
                continue
            if found is not None:
                return sizes, values, *found
    return None
