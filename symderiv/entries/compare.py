"""Takes a gradient; tells whether it agrees with SymPy's derivative by every entry, at small sizes.

Where sizes are at most 2, the difference of both is read as a polynomial in entries and must vanish
identically; everywhere else, and where that does not decide, both are evaluated at a rational
point: exactly where all functions are rational, to 40 digits otherwise. The derivatives are chained
definition by definition in numbers, so networks are as cheap as their parts. Where a function has
no entries in SymPy, dual numbers take their place, and the comparison says why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import prod
from random import Random
from typing import Any

from ..core.budget import allowed
from ..core.cells import built, flat, places, sizes_of
from ..core.errors import BudgetError, CheckError, InputError, NoEntriesError, UndefinedError
from ..core.expr import Expr, entry, partial, walk
from ..core.shapes import describe
from ..core.telling import told
from ..ops import Cells
from ..problems.number_sizes import MOST_ENTRIES
from ..problems.problem import Problem
from ..values.rounding import first_unequal
from ..values.sampling import LeastSizes, least_sizes, size_grid
from .entry_matrices import EntryRoad
from .generalise import names_of
from .points import OUTSIDE_DOMAIN, Point, Points
from .polynomials import PolynomialReader, UnreadableError

Sizes = Mapping[str, int]

LARGEST = 3
_STEPS = 2_000_000
MOST_SIZES = 27
DIGITS = 40
_MOST_COMBINATIONS = 100_000  # of sizes that are listed
_IDENTITY_SIZE = 2
_IDENTITY_MONOMIALS = 400


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The first entry (its place from 1) where the two differ, and both values there."""

    sizes: Sizes
    place: tuple[int, ...]
    derived: Any
    candidate: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was compared, how well, and the first mismatch if there is one."""

    sizes: tuple[Sizes, ...]
    entries: int  # compared, over all sizes
    identities: int  # of these, how many were compared as expressions, for all values at once
    exact: bool  # whether every comparison was exact; else to DIGITS digits
    mismatch: Mismatch | None = None
    reason: str = ""  # why dual numbers took the place of SymPy's entries; "" where they did not

    @property
    def agrees(self) -> bool:
        """Whether no entry differs."""
        return self.mismatch is None

    @property
    def digits(self) -> int | None:
        """The number of digits compared; None where the comparison was exact."""
        return None if self.exact else DIGITS


def agrees(
    problem: Problem, wrt: str, candidate: Expr, sizes: Sequence[Sizes] | None = None
) -> Comparison:
    """Compare a gradient with the derived entries; ``sizes`` defaults to all of 1, 2, 3.

    Raises InputError where the shape is not that of ``wrt``, CheckError where no point lies in
    the domain of the functions.

    >>> from symderiv.problems.problem import problem
    >>> p = problem("Z = X @ W; L(Z)", X="n, d", W="d, m")
    >>> agrees(p, "W", p.read("X.T @ G")).agrees
    True
    >>> agrees(p, "W", p.read("2 * X.T @ G")).mismatch.sizes
    {'n': 1, 'd': 1, 'm': 1}
    """
    return compare_all(problem, {wrt: candidate}, sizes)[wrt]


def compare_all(
    problem: Problem, candidates: Mapping[str, Expr], sizes: Sequence[Sizes] | None = None
) -> dict[str, Comparison]:
    """Compare gradients by several variables; what SymPy derives on the way is used for all."""
    choices = small_sizes(problem, *candidates.values()) if sizes is None else sizes
    with allowed("the comparison entry by entry", _STEPS):
        tallies = {w: _Tally(problem, w, x) for w, x in candidates.items()}
        reason = ""
        for chosen in told("the comparison of both roads, size by size", choices):
            try:
                place = _Place(problem, chosen, list(candidates))
                reason = _compare(tallies.values(), place, reason)
            except BudgetError:
                if not all(t.has_compared for t in tallies.values()):
                    raise
                break  # the smaller sizes have to do
    return {w: tally.result() for w, tally in tallies.items()}


def _compare(tallies: Collection[_Tally], place: _Place, reason: str) -> str:
    """Compare all candidates at one choice of sizes, where their entries are defined there.

    Takes and returns why SymPy has no entries: what it has none of at some sizes is not written
    out again at others.
    """
    try:
        for tally in tallies if not reason else ():
            tally.compare(place)
    except NoEntriesError as error:
        reason = error.subject
    except CheckError:
        return reason  # an entry is undefined at these sizes, such as a variance at n = 1
    for tally in tallies if reason else ():
        tally.compare_numbers(place, reason)
    return reason


def most_entries(problem: Problem, sizes: Sizes) -> int:
    """Return the number of entries of the largest variable."""
    shapes = [v.shape for v in problem.variables.values()]
    return max((prod(d.at(sizes) for d in shape) for shape in shapes), default=1)


def small_sizes(problem: Problem, *others: Expr) -> tuple[Sizes, ...]:
    """Return all choices of 1, 2, 3 for the dimensions; with many of those, a fixed sample.

    Sizes at which a position such as X[2, 1] does not exist, here or in ``others``, are left out.

    >>> from symderiv.problems.problem import problem
    >>> len(small_sizes(problem("L(X @ W)", X="n, d", W="d, m")))
    27
    """
    least = least_sizes([problem.objective, *problem.definitions.values(), *others])
    top = max([LARGEST, *least.values()])
    if top ** len(problem.dims) > _MOST_COMBINATIONS:
        return _drawn_sizes(problem.dims, least)
    whole = list(size_grid(problem.dims, least, range(1, top + 1)))
    # An axis of 6*d entries makes large sizes larger than can be compared entry by entry.
    grid = [s for s in whole if most_entries(problem, s) <= MOST_ENTRIES] or whole[:1]
    if len(grid) <= MOST_SIZES:
        return tuple(grid)
    chosen = Random(0).sample(range(1, len(grid)), MOST_SIZES - 1)
    return tuple(grid[k] for k in [0, *sorted(chosen)])


def _drawn_sizes(dims: Sequence[str], least: LeastSizes) -> tuple[Sizes, ...]:
    """Return choices of sizes that are drawn, where there are too many to list, smallest first."""
    random = Random(0)
    found = {tuple(least.raised(dict.fromkeys(dims, 1)).items()): None}
    for _ in range(MOST_SIZES - 1):
        drawn = least.raised({d: random.randint(1, LARGEST) for d in dims})
        found[tuple(drawn.items())] = None
    return tuple(dict(c) for c in sorted(found, key=lambda c: (sum(k for _, k in c), c)))


class _Place:
    """One choice of sizes: SymPy's entries there and the points, for all candidates."""

    def __init__(self, problem: Problem, sizes: Sizes, wrt: Sequence[str]) -> None:
        self.sizes, self.wrt, self._problem = sizes, wrt, problem
        self._found: dict[Point, dict[str, Cells]] = {}

    @cached_property
    def road(self) -> EntryRoad:
        """SymPy's entries; raises NoEntriesError and CheckError."""
        return EntryRoad(self._problem, self.sizes)

    @cached_property
    def points(self) -> Points:
        """The points to compare at."""
        return Points(names_of(self._problem), self.sizes, self._problem.variables)

    def chained(self, wrt: str, point: Point) -> Cells:
        """Return the gradient by ``wrt`` at a point, chained in numbers, once for all names."""
        if point not in self._found:
            try:
                self._found[point] = self.road.gradients(self.wrt, lift=point.value, plus=_sum)
            except OUTSIDE_DOMAIN:
                self._found[point] = {}  # that by another name may be defined here
        found = self._found[point]
        if wrt not in found:
            found[wrt] = self.road.gradient(wrt, lift=point.value, plus=_sum)
        return found[wrt]


class _Tally:
    """The comparison of one candidate while it goes through the sizes."""

    def __init__(self, problem: Problem, wrt: str, candidate: Expr) -> None:
        self._problem, self._wrt, self._candidate = problem, wrt, candidate
        self._names = names_of(problem)
        shape = self._names[wrt].shape
        if candidate.shape != shape:
            raise InputError(
                f"the gradient with respect to {wrt} is {describe(shape)}, "
                f"not {describe(candidate.shape)}"
            )
        self._sizes: list[Sizes] = []
        self._entries = self._identities = 0
        self._exact = True
        self._mismatch: Mismatch | None = None
        self._reason = ""
        # Properties make entries depend on one another, so an identity must not be expected.
        self._is_free = not any(v.properties for v in problem.variables.values())

    @property
    def has_compared(self) -> bool:
        """Whether something was compared already."""
        return bool(self._sizes)

    def result(self) -> Comparison:
        """Return what was found."""
        if not self._sizes:
            raise UndefinedError(
                f"no point was found where the gradient with respect to {self._wrt} is defined",
                remedy="declare variables that must be so as positive",
            )
        return Comparison(
            tuple(self._sizes),
            self._entries,
            self._identities,
            self._exact,
            self._mismatch,
            self._reason,
        )

    def compare(self, place: _Place) -> None:
        """Compare at one choice of sizes."""
        if self._mismatch is not None:
            return
        count = len(flat(place.road.symbols[self._wrt]))
        if self._is_identity(place):
            self._identities += count
        elif not self._at_a_point(place, lambda point: place.chained(self._wrt, point)):
            return  # defined nowhere at these sizes, such as log(0) at n = 1
        self._sizes.append(place.sizes)
        self._entries += count

    def _is_identity(self, place: _Place) -> bool:
        road = place.road
        if not self._is_free or not road.is_whole:
            return False
        if max(road.sizes.values(), default=1) > _IDENTITY_SIZE:
            return False
        if any(e.is_name and str(e.data) not in road.shapes for e in walk(self._candidate)):
            return False  # it names gradients on the way, whose entries would be compositions
        reader = PolynomialReader(_IDENTITY_MONOMIALS)
        try:
            pairs = _pairs(road.symbolic(self._wrt, place.wrt), road.cells(self._candidate))
            return all(reader.read(x) == reader.read(y) for _, x, y in pairs)
        except UnreadableError:
            return False

    def compare_numbers(self, place: _Place, reason: str) -> None:
        """Compare with the derivatives that dual numbers give, where SymPy has no entries."""
        self._reason = reason
        if self._mismatch is None and self._at_a_point(place, self._by_dual_numbers):
            self._sizes.append(place.sizes)
            self._entries += prod(d.at(place.sizes) for d in self._names[self._wrt].shape)

    def _at_a_point(self, place: _Place, derive: Callable[[Point], Cells]) -> bool:
        """Compare at a point; return whether one was found."""
        functions = (self._problem.objective, self._candidate)
        for point in place.points.tried(functions):
            try:
                self._compare_at(point, derive)
            except OUTSIDE_DOMAIN:
                continue
            return True
        return False

    def _by_dual_numbers(self, point: Point) -> Cells:
        source = self._names[self._wrt]

        def slope(*place: int) -> Any:
            by = entry(source, *(k + 1 for k in place))
            return point.cells(partial(self._problem.objective, by))[0][0]

        slopes: Cells = built([point.size(d) for d in source.shape], slope)
        return slopes

    def _compare_at(self, point: Point, derive: Callable[[Point], Cells]) -> None:
        found = _pairs(derive(point), point.cells(self._candidate))

        def both(at: Any) -> Iterator[tuple[Any, Any]]:
            again = _pairs(derive(at), at.cells(self._candidate)) if at is not point else found
            return ((x, y) for _, x, y in again)

        differing = first_unequal(point, both)
        exact = all(isinstance(x, Fraction) and isinstance(y, Fraction) for _, x, y in found)
        self._exact &= exact
        if differing is not None:
            place, x, y = found[differing]
            self._mismatch = Mismatch(dict(point.sizes), place, x, y)


def _sum(terms: Sequence[Any]) -> Any:
    return sum(terms, Fraction(0))


def _pairs(left: Cells, right: Cells) -> list[tuple[tuple[int, ...], Any, Any]]:
    if sizes_of(left) != sizes_of(right):
        raise CheckError("the gradients of the two roads have different shapes")
    return list(zip(places(left), flat(left), flat(right), strict=True))
