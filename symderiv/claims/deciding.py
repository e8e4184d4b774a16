"""Takes two expressions; decides whether they are equal, by exact evaluation at points.

Equality of rational functions is decided by evaluation at random rational points (Schwartz 1980,
Zippel 1979) at several sizes with distinct dimensions, so that nothing is right by accident of
n = d, and at large values; where functions are transcendental, to 40 of 50 digits.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import islice, product
from math import isfinite, prod
from random import Random
from typing import Any

from ..core.budget import too_much
from ..core.cells import each, flat, sizes_of
from ..core.errors import BudgetError, UndefinedError
from ..core.expr import Expr, Variable, free_ranges, walk_all
from ..core.shapes import ONE, Dim, size
from ..derivation.derivations import is_network
from ..ops import TABLE, Cells
from ..ops.functions import apply_parts, loss_parts
from ..problems import Problem
from ..values.explicit import Explicit, called, is_exact, plain, same
from ..values.rounding import LostDigitsError, is_saturated
from ..values.sampling import distinct_sizes, inside, least_sizes, point
from ..values.sampling import values as values_of
from ..values.scalars import FloatMath
from .assumptions import NOTHING, Assumption, is_square
from .boundaries import DIFFERENT, SAME, UNKNOWN, Failure, Pieces, Region, Values, has_pieces
from .regions import region
from .taken_branches import OUTSIDE as OUTSIDE
from .taken_branches import apart, taken


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


POINTS = 6
_ROUGH = 2  # points in floats
_LARGE = 5  # a formula right for the sizes 1 to 4 alone is caught there
_FAR = 10_000  # and one right for small values alone, here
_NEAR = Fraction(1, 8)
_NEARER = 12  # powers of it that are tried where functions are saturated
_ATTEMPTS = 6  # at points in floats, until there are values
_MOST_WORK = 1_000_000  # operations at one point
_SHARE = 400_000  # at the points of one choice of sizes
_PIECEWISE = 200_000  # operations that are spent on boundaries between pieces
_MOST_LOOKS = 1200  # points at which these are looked for
_STARTS = 3  # points from which they are
_SLOPES = 3  # of an unspecified function at 0 that are free, beyond its order
# What is lost when the entries are scaled.
_BOUNDED = {
    *("orthogonal", "onehot", "onehot_cols", "binary", "pm1", "unit01"),
    *("sums_to_one", "columns_sum_to_one", "idempotent", "projection", "normalized"),
}


Kept = dict[Hashable, Any]
LOST, POLE = "lost", "pole"  # which a point may say, beside what one near a boundary does
_MOST_KEPT = 200  # points


@dataclass(slots=True)
class Comparer:
    """Compares expressions of one problem at many points; keeps what it evaluated."""

    problem: Problem
    expressions: Sequence[Expr]
    merged: Merged = field(default_factory=Merged)
    assumed: Assumption = NOTHING
    first: int = 0  # the seed of the first point
    mutual: bool = False  # whether neither side says where the other must have values
    exact: bool = True
    count: int = 0
    poles: int = 0  # points at which the gradient has a value, and the claim has a pole
    kept: Kept = field(default_factory=dict)  # shared by the comparers of one problem
    piecewise: int = 0  # points close to a boundary between pieces
    unreached: list[Expr] = field(default_factory=list)  # choices with a side that was not met
    left_out: list[str] = field(default_factory=list)  # what would have taken too much

    def sizes(self) -> list[dict[str, int]]:
        """Return the sizes to compare at: all different twice, then with ones."""
        dims, least = self.problem.dims, least_sizes(self.expressions)
        first = distinct_sizes(dims, least)
        second = dict(zip(dims, reversed([first[d] for d in dims]), strict=True))
        small = least.raised(dict.fromkeys(dims, 1))
        mixed = least.raised({d: 1 + k % 2 for k, d in enumerate(dims)})
        raised = least.raised(second)
        large = distinct_sizes(dims, least, start=_LARGE)
        found = [self.merged.apply(s) for s in (first, raised, mixed, small, large)]
        # Sizes that are taken as equal must have the positions that are written.
        kept = [s for s in found if least.fit(s) and self.assumed.allows(s)]
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
            if any(TABLE[e.op].is_exponential for e in walk_all(expressions)):
                seeds = range(min(count, POINTS))
            for seed in seeds if cost <= _MOST_WORK else ():
                yield self.here(sizes, seed)

    @staticmethod
    def _vanishes(x: Expr, here: Explicit) -> bool:
        """Whether every entry of an expression is 0 at a point."""
        return all(
            same(e, 0)
            for spot in placements(here.sizes, x)
            for e in flat(plain(taken(x, here.placed(spot))))
        )

    def is_zero(self, x: Expr) -> bool:
        """Whether every entry of an expression is 0, at a few points."""
        for sizes, seed in islice(product(self.sizes(), range(2)), _ATTEMPTS):
            try:
                if not self._vanishes(x, self.here(sizes, seed)):
                    return False
            except OUTSIDE:
                continue
        return True

    def is_too_much(self, *expressions: Expr) -> bool:
        """Whether expressions cannot be computed at sizes that all differ."""
        return all(work(expressions, sizes) > _MOST_WORK for sizes in self.sizes()[:2])

    def here(self, sizes: Mapping[str, int], seed: int) -> Explicit:
        """Return a point, with everything that was evaluated there before."""
        key = (tuple(sizes.items()), self.first + seed, *_words(self.assumed))
        if key not in self.kept:
            if len(self.kept) >= _MOST_KEPT:
                self.kept.clear()
            values = self.at(sizes, self.first + seed)
            if seed >= POINTS:
                values = self._far(values, sizes)
            elif is_network(self.problem):  # whose functions are steep, and saturate
                values = self._far(values, sizes, _NEAR)
            self.kept[key] = Explicit(sizes, values)
        found: Explicit = self.kept[key]
        return found

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
        found: Explicit = self.kept[key]
        return found

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
        if self._is_told_apart(left, right):
            return False
        evaluated, lost = 0, 0
        much = self.is_too_much(left, right)
        defined: dict[tuple[int, ...], bool] = {}
        tried: set[tuple[int, ...]] = set()
        telling = False  # whether some entry was not 0
        for here in self.every_point(left, right):
            tried.add(tuple(here.sizes.values()))
            said = self._compared(left, right, here)
            if said == DIFFERENT:
                return False
            lost += said == LOST
            if said == POLE:
                defined.setdefault(tuple(here.sizes.values()), False)
                self.poles += 1
            if said == SAME:
                defined[tuple(here.sizes.values())] = True
                evaluated += 1
                telling = telling or not self._vanishes(right, here)
                self.count += 1
                self.exact = self.exact and _rational(left, here) and _rational(right, here)
                if much:  # no number of points like this one decides
                    break
        if not all(defined.values()):
            return False  # at some sizes the other side is never defined
        self._note_sizes(left, right)
        self._require(evaluated, lost, telling or not (tried - {*defined} or self.left_out))
        if much:
            refused = UndefinedError("too much is to be computed where all sizes differ")
            raise refused from BudgetError(self.left_out[0])
        return self.pieces_agree(left, right)

    @staticmethod
    def _require(evaluated: int, lost: int, telling: bool) -> None:
        """Raise UndefinedError where the points that were compared do not tell."""
        if not evaluated:
            where = "the digits of both sides tell" if lost else "both sides are defined"
            raise UndefinedError(f"no point was found at which {where}")
        if not telling:
            where = "at other sizes they are not defined, or too much"
            raise UndefinedError(f"both sides are 0 wherever they were compared; {where}")

    def _note_sizes(self, left: Expr, right: Expr) -> None:
        """Note at which sizes two expressions are too much to be compared."""
        for sizes in self.sizes():
            cost = work([left, right], sizes)
            if cost > _MOST_WORK:
                at = ", ".join(f"{d} = {k}" for d, k in sizes.items())
                what = f"the comparison at {at}" if at else "the comparison"
                self.left_out.append(too_much(what, _MOST_WORK, f"{cost:,} operations"))

    def _compared(self, left: Expr, right: Expr, here: Explicit) -> str:
        """Return what a point says of two expressions."""
        try:
            for spot in placements(here.sizes, right):
                taken(right, here.placed(spot))
        except OUTSIDE:
            lacks = self.mutual and self._lacks_a_component(left, right, here)
            return DIFFERENT if lacks else UNKNOWN  # outside the domain: another point decides
        try:
            if difference(left, right, here) is None:
                return SAME
            # Whole numbers may stand on a boundary between pieces by accident.
            return DIFFERENT if self._differ_beside(left, right, here) else UNKNOWN
        except LostDigitsError:
            return LOST
        except ZeroDivisionError:
            return POLE  # of the other side, such as a singular matrix: it decides nothing
        except OUTSIDE:
            return DIFFERENT  # defined on one side only

    def every_point(self, left: Expr, right: Expr) -> Iterator[Explicit]:
        """Yield the points of comparison, then nearer ones where those do not tell."""
        yield from self.points(left, right)
        yield from self._nearer(left, right)

    def _nearer(self, left: Expr, right: Expr) -> Iterator[Explicit]:
        """Yield points nearer and nearer to 0, where functions are saturated at all others.

        There a function is what it tends to, as far as digits show, and a wrong formula that
        tends to the same is not told apart.
        """
        if not all(is_saturated(at.scalars([left, right])) for at in self.points(left, right)):
            return
        for sizes, k in product(self.sizes()[:1], range(1, _NEARER)):
            if work([left, right], sizes) > _MOST_WORK:
                return
            values = self._far(self.at(sizes, self.first + k), sizes, _NEAR**k)
            here = Explicit(sizes, values)
            yield here
            if not is_saturated(here.scalars([left, right])):
                return

    def _lacks_a_component(self, left: Expr, right: Expr, here: Explicit) -> bool:
        """Whether one side has no value at a point, and has one where determinants turn their sign.

        A logarithm of a variable says for which entries it is meant; one of a determinant leaves
        out half of the matrices.
        """
        values = dict(here.values)
        for v in self.problem.variables.values():
            cells = values[v.name]
            if is_square(v) and {*v.properties} <= {"invertible", "orthogonal"}:
                values[v.name] = [[-x for x in cells[0]], *cells[1:]]
        mirrored = Explicit(here.sizes, values)
        try:
            for spot in placements(here.sizes, left, right):
                taken(left, here.placed(spot))
                for x in (left, right):
                    taken(x, mirrored.placed(spot))
        except OUTSIDE:
            return False
        return True

    def _differ_beside(self, left: Expr, right: Expr, here: Explicit) -> bool:
        """Whether two expressions that differ at a point do so around it, too."""
        pieces = self._pieces(left, right)
        if not pieces.left:  # nothing is to be looked at, so nothing is drawn
            return True
        region = self._region(here.sizes, 0, (), {}, dict(here.values.items()))
        return pieces.differ_around(region)

    def _is_told_apart(self, left: Expr, right: Expr) -> bool:
        """Whether two expressions differ at a point that told others apart."""
        for here in self._telling if not self.merged.pairs else ():
            try:
                if difference(left, right, here) is not None:
                    return True
            except OUTSIDE:
                continue
        return False

    # piece by piece

    def pieces_agree(self, left: Expr, right: Expr, names: Sequence[Expr] = ()) -> bool:
        """Whether two expressions agree close to every boundary between their pieces.

        ``names`` are intermediates that are taken as independent.
        """
        if left is right:
            return True
        pieces = self._pieces(left, right)
        most = pieces.left
        found = self._failure(pieces, names)
        if found is None and pieces.left <= 0 and has_pieces([left, right]):
            what = "the comparison close to every boundary between pieces"
            self.left_out.append(too_much(what, most, "one more point"))
        self.piecewise += pieces.count
        self.unreached = [*dict.fromkeys([*self.unreached, *pieces.unreached])]
        if found is not None and not names:
            values = found.region.moved(found.steps)
            self._telling.append(found.region.point(values, None))
        return found is None

    def one_sided(self, x: Expr) -> set[Expr]:
        """Return the choices of an expression of which one side was never met."""
        pieces = self._pieces(x, x)
        self._failure(pieces)
        return {*pieces.unreached}

    def failing_piece(self, left: Expr, right: Expr, *, anywhere: bool = False) -> Explicit | None:
        """Return a point of few digits at which two expressions differ, near a boundary."""
        pieces = self._pieces(left, right)
        found = self._failure(pieces)
        if found is None or not (found.chosen or anywhere):
            return None
        return found.region.point(pieces.simple(found), None)

    @property
    def _telling(self) -> list[Explicit]:
        """Points at which something was found to differ that was the same elsewhere."""
        found: list[Explicit] = self.kept.setdefault(("telling", *_words(self.assumed)), [])
        return found

    def _pieces(self, left: Expr, right: Expr) -> Pieces:
        cost = max(work([left, right], sizes) for sizes in self._small_sizes())
        return Pieces(
            (left, right),
            lambda sizes: [*placements(sizes, left, right)],
            min(_MOST_LOOKS, _PIECEWISE // cost),
        )

    def _failure(self, pieces: Pieces, names: Sequence[Expr] = ()) -> Failure | None:
        """Return where two sides differ close to a boundary; nothing is drawn to look at none."""
        return pieces.failure(self._regions(names, pieces.sides)) if pieces.left else None

    def _regions(self, names: Sequence[Expr], sides: Sequence[Expr]) -> list[Region]:
        chosen = self._small_sizes()
        functions = _functions(sides)
        return [self._region(s, k, names, functions) for k in range(_STARTS) for s in chosen]

    def _small_sizes(self) -> list[dict[str, int]]:
        """Return the smallest sizes, and those at which every axis has two entries."""
        dims, least = self.problem.dims, least_sizes(self.expressions)
        found = [self.merged.apply(least.raised(dict.fromkeys(dims, k))) for k in (1, 2)]
        kept = [s for s in found if least.fit(s) and self.assumed.allows(s)]
        return [s for k, s in enumerate(kept) if s not in kept[:k]]

    def _region(
        self,
        sizes: dict[str, int],
        seed: int,
        names: Sequence[Expr],
        functions: Mapping[Hashable, Variable],
        start: Values | None = None,
    ) -> Region:
        draws: list[Values] = [] if start is None else [start]
        for k in range(self.first + seed, self.first + seed + 2 * _STARTS, 2):
            drawn, free = self.at(sizes, k), self._free(names, sizes, k)
            chosen = values_of(functions.values(), sizes, Random(f"functions {k}"))
            named = {e: free[str(e.data)] for e in names}
            draws.append({**dict(drawn.items()), **dict(chosen.items()), **dict(named.items())})

        def point(values: Values, math: Any) -> Explicit:
            plainly = {str(n): c for n, c in values.items() if not isinstance(n, Expr)}
            override = {n: c for n, c in values.items() if isinstance(n, Expr)}
            settled = self._settled(plainly, sizes)
            return Explicit(sizes, settled, math=math, override=override)

        return region(self._variables(names), functions, sizes, draws, point)

    def _variables(self, names: Sequence[Expr]) -> dict[Hashable, Variable]:
        """The variables and the given gradients, with all that is declared or assumed of them."""
        more, extra = self.assumed.properties, inside([self.problem.objective])
        found: dict[Hashable, Variable] = {
            v.name: replace(v, properties=(*v.properties, *more.get(v.name, ()), *extra))
            for v in self.problem.variables.values()
        }
        for g, x in self.problem.upstream.items():
            found[g] = Variable(g, x.shape, "matrix", tuple(more.get(g, ())))
        return found | {e: Variable(str(e.data), e.shape, "tensor") for e in names}

    def _agree_in_names(self, left: Expr, right: Expr) -> bool:
        """Whether two formulas are equal whatever the names in them stand for.

        What holds for free values of the intermediates holds for theirs; a network need not be
        evaluated for it. Where it does not hold, nothing is said.
        """
        if not is_network(self.problem) or self.assumed is not NOTHING or self.merged.pairs:
            return False
        names = [
            e for e in walk_all([left, right], Expr.is_name) if e.is_name and not free_ranges(e)
        ]
        count, exact = 0, True
        for sizes, seed in product(self.sizes(), range(POINTS)) if names else ():
            drawn = self._free(names, sizes, seed)
            override = {e: drawn[str(e.data)] for e in names}
            here = Explicit(sizes, self.here(sizes, seed).values, override=override)
            try:
                if difference(left, right, here) is not None:
                    return False
                exact = exact and _rational(left, here)
            except OUTSIDE:
                return False
            count += 1
        if not count or not self.pieces_agree(left, right, names):
            return False
        self.count += count
        self.exact = self.exact and exact
        return True

    @staticmethod
    def _free(names: Sequence[Expr], sizes: Mapping[str, int], seed: int) -> dict[str, Cells]:
        """Return values of intermediates that are taken as independent."""
        free = [Variable(str(e.data), e.shape, "tensor") for e in names]
        return values_of(free, sizes, Random(f"names {seed}"))


def _functions(sides: Sequence[Expr]) -> dict[Hashable, Variable]:
    """Return what unspecified functions may be chosen to be at a point, as variables.

    Nothing is known of them, so that both sides of what they decide are to be looked at.
    """
    found: dict[str, int] = {}
    for e in walk_all([*sides]):
        if e.op == "loss":
            found[called(loss_parts(e)[0])] = 1
        elif e.op == "apply":
            name, order = apply_parts(e)
            found[called(name)] = max(order + _SLOPES, found.get(called(name), 0))
    return {n: Variable(n, (size(k), ONE), "vector") for n, k in sorted(found.items())}


def _words(assumed: Assumption) -> tuple[Hashable, ...]:
    return (tuple(assumed.properties.items()), tuple(assumed.fixed.items()), assumed.ordered)


def _rational(x: Expr, here: Explicit) -> bool:
    return is_exact(taken(x, here.placed(dict.fromkeys(free_ranges(x), 1))))


def placements(sizes: Mapping[str, int], *expressions: Expr) -> Iterator[dict[str, int]]:
    """Yield every assignment of the free indices of some expressions."""
    ranges: dict[str, Dim] = {}
    for x in expressions:
        for name, dim in free_ranges(x).items():
            if name not in ranges or dim.at(sizes) < ranges[name].at(sizes):
                ranges[name] = dim
    for spot in product(*(range(1, d.at(sizes) + 1) for d in ranges.values())):
        yield dict(zip(ranges, spot, strict=True))


def difference(
    left: Expr, right: Expr, here: Explicit
) -> tuple[dict[str, int], Cells, Cells] | None:
    """Return where two expressions differ at a point, with both values; None where they agree."""
    for spot in placements(here.sizes, left, right):
        values = apart(left, right, here.placed(spot))
        if values is not None:
            return spot, *values
    return None


_INDEXED = 40  # times as long as an entry of a matrix takes one that is computed alone


def work(expressions: Sequence[Expr], sizes: Mapping[str, int]) -> int:
    """Return about how many operations it takes to compute expressions for all their indices."""
    return sum(operations(e, sizes) for e in walk_all(expressions))


def operations(e: Expr, sizes: Mapping[str, int]) -> int:
    """Return about how many operations one node takes, its arguments known."""
    free = [d.at(sizes) for d in free_ranges(e).values()]
    entries: int = prod(d.at(sizes) for d in e.shape) * prod(free) * (_INDEXED if free else 1)
    return TABLE[e.op].work(e, entries, sizes)


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


_CLOSE = 1e-6
_SMALL = 1e-5  # below it, what should cancel may be all there is


def are_close(left: Cells, right: Cells) -> bool:
    """Whether cells of one shape have entries that floats cannot tell apart."""
    if sizes_of(left) != sizes_of(right):
        return False
    a, b = entries(left), entries(right)
    scale = max(map(abs, (*a, *b, _SMALL)))
    return all(abs(x - y) <= _CLOSE * scale for x, y in zip(a, b, strict=True))
