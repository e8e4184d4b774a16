"""Takes entries at several sizes; returns the families of monomials that they all are sums of.

A family is ``coefficient * sum over the running indices of a product of factors``, such as
``sum_i X[i, p] G[i, q]``. The search looks at nothing but monomials and the dimension of each
index place. It takes the monomial with the most distinct indices, makes a family of it, takes
*all* members of that family away from all entries at all sizes, and goes on until nothing is
left; an index that stands still at every size may also be a position (``X[1, q]``).

Contract: families are returned only if they reproduce every entry at every size exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import combinations, product
from math import prod

from ..core.expr import Expr, Index, delta, entry, index_sum, mul, neg, num, power
from ..core.scale import UNIT_SCALE, Scale
from ..core.shapes import ONE, Dim
from .polynomials import Monomial, Polynomial, merge

Labels = tuple[int, ...]
Key = tuple[Labels, Monomial]
Place = tuple[Dim, int]  # a value of an index, with the dimension that it runs over

MOST_FAMILIES = 24
MOST_POSITIONS = 2
_LABEL_NAMES = ("p", "q")
_RUNNING_NAMES = tuple("ijklrstuvwh") + tuple(f"i{k}" for k in range(1, 20))
_DEGREE = 3


@dataclass(frozen=True, slots=True)
class Observation:
    """Entries at one choice of sizes, by their labels (row and column, counted from 1)."""

    sizes: Mapping[str, int]
    entries: Mapping[Labels, Polynomial]


@dataclass(frozen=True, slots=True)
class FamilyFactor:
    """One factor: a name, the indices of its axes, and an exponent."""

    name: str
    indices: tuple[Index, ...]
    exponent: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True)
class Family:
    """A contraction: what its entry at ``labels`` is, summed over the other indices."""

    labels: tuple[Index, ...]
    factors: tuple[FamilyFactor, ...]
    free: tuple[tuple[str, Dim], ...]  # p and q; a label other than its own name is a delta
    ranges: tuple[tuple[str, Dim], ...]
    coefficient: Scale = UNIT_SCALE

    @property
    def summed(self) -> tuple[tuple[str, Dim], ...]:
        """The indices that are summed over, with their ranges."""
        return tuple((i, d) for i, d in self.ranges if i not in self.labels)

    def entry(self, leaves: Mapping[str, Expr]) -> Expr:
        """Return the entry at the free labels as an expression with ``Sum`` and ``delta``."""
        factors = [_cell(f, leaves[f.name]) for f in self.factors]
        for (name, dim), label in zip(self.free, self.labels, strict=True):
            if label != name:
                factors.append(delta(label, name, dim))
        whole = mul(*factors) if factors else None
        for name, dim in reversed(self.summed):
            whole = index_sum(name, dim, whole if whole is not None else num(1))
        size = Scale(abs(self.coefficient.value), self.coefficient.sizes)
        front = [size.expr()] if size != UNIT_SCALE or whole is None else []
        whole = mul(*front, *([whole] if whole is not None else []))
        return neg(whole) if self.coefficient.value < 0 else whole

    def members(self, sizes: Mapping[str, int]) -> Iterator[tuple[Key, bool]]:
        """Yield every member with its multiplicity, and whether all its indices are distinct."""
        names = [i for i, _ in self.ranges]
        spans = [range(1, d.at(sizes) + 1) for _, d in self.ranges]
        fixed = [(d, k) for d, k in self._positions_of_dims(dict(self.ranges))]
        for values in product(*spans):
            at: dict[Index, int] = dict(zip(names, values, strict=True))
            key = self._member(at)
            places = [(d, v) for (_, d), v in zip(self.ranges, values, strict=True)] + fixed
            yield key, len(set(places)) == len(places)

    def _positions_of_dims(self, ranges: Mapping[str, Dim]) -> list[Place]:
        # A position clashes with an index of its own dimension only; which dimension that is
        # does not matter for the count, so every dimension in play is taken.
        used = [*self.labels, *(i for f in self.factors for i in f.indices)]
        positions = {i for i in used if isinstance(i, int)}
        return sorted({(d, k) for d in ranges.values() for k in positions})

    def _member(self, at: Mapping[Index, int]) -> Key:
        def place(i: Index) -> int:
            return i if isinstance(i, int) else at[i]

        factors = (((f.name, tuple(map(place, f.indices)), ()), f.exponent) for f in self.factors)
        return tuple(map(place, self.labels)), merge(factors)


def _cell(f: FamilyFactor, x: Expr) -> Expr:
    """Return one factor of an entry: an entry of its name, or the name of a scalar."""
    indices = iter(f.indices)
    i, j = (next(indices) if d != ONE else 1 for d in x.shape)
    cell = x if x.is_scalar else entry(x, i, j)
    return cell if f.exponent == 1 else power(cell, num(f.exponent))


class FamilySearch:
    """Decomposes observed entries into families, or finds that there is no pattern."""

    def __init__(
        self,
        observations: Sequence[Observation],
        axes: Mapping[str, tuple[Dim, ...]],
        label_dims: tuple[Dim, ...],
        taken: frozenset[str] = frozenset(),
    ) -> None:
        self._observations = observations
        self._sizes = [o.sizes for o in observations]
        self._left: list[dict[Key, Fraction]] = [
            {(labels, m): c for labels, p in o.entries.items() for m, c in p.items()}
            for o in observations
        ]
        self._axes, self._label_dims = axes, label_dims
        self._label_names = [n if n not in taken else n + "1" for n in _LABEL_NAMES]
        self._running = [n for n in _RUNNING_NAMES if n not in taken]

    def run(self) -> tuple[Family, ...] | None:
        """Return the families, most indices first, or None."""
        found: list[Family] = []
        while any(self._left):
            family = self._next() if len(found) < MOST_FAMILIES else None
            if family is None:
                return None
            found.append(family)
        return tuple(found)

    def is_crowded(self) -> bool:
        """Whether some monomial may have more indices over a dimension than that has values."""
        largest = max(self._observations, key=lambda o: prod(o.sizes.values()))
        kinds = {tuple((atom[0], e) for atom, e in m) for p in largest.entries.values() for m in p}
        for kind in kinds:
            places = Counter(self._label_dims)
            for name, exponent in kind:
                for dim in self._axes[name]:
                    places[dim] += max(1, int(exponent))
            # Every summed index stands at two places, as a rule.
            if any(places[d] > 2 * d.at(largest.sizes) for d in places):
                return True
        return False

    def _next(self) -> Family | None:
        """Take one family away from what is left."""
        key = self._most_generic()
        places = list(dict.fromkeys(self._places(key)))
        for count in range(min(MOST_POSITIONS, len(places)) + 1):
            for positions in combinations(places, count):
                family = self._accepted(self._family(key, frozenset(positions)))
                if family is not None:
                    return family
        return None

    def _most_generic(self) -> Key:
        best = max(self._level(k) for left in self._left for k in left)
        for left in self._left:
            keys = [k for k in left if self._level(k) == best]
            if keys:
                return min(keys)
        raise AssertionError("some entry is left")

    def _level(self, key: Key) -> int:
        return len(set(self._places(key)))

    def _places(self, key: Key) -> Iterator[Place]:
        labels, monomial = key
        yield from zip(self._label_dims, labels, strict=True)
        for (name, index, _), _ in monomial:
            yield from zip(self._axes[name], index, strict=True)

    def _family(self, key: Key, positions: frozenset[Place]) -> Family:
        """Return the family of one monomial, some of its indices taken as fixed positions."""
        labels, monomial = key
        names: dict[Place, str] = {}
        for place, name in zip(self._places((labels, ())), self._label_names, strict=False):
            if place not in positions:
                names.setdefault(place, name)
        fresh = iter(self._running)
        for place in self._places(key):
            if place not in positions and place not in names:
                names[place] = next(fresh)

        def index(place: Place) -> Index:
            return names.get(place, place[1])

        factors = tuple(
            FamilyFactor(atom[0], tuple(map(index, zip(self._axes[atom[0]], atom[1]))), e)
            for atom, e in monomial
        )
        own = tuple(map(index, zip(self._label_dims, labels, strict=True)))
        ranges = tuple((name, place[0]) for place, name in names.items())
        free = tuple(zip(self._label_names, self._label_dims, strict=False))
        return Family(own, factors, free, ranges)

    def _accepted(self, family: Family) -> Family | None:
        """Take all members away, if they are there at every size; else change nothing."""
        members = [list(family.members(s)) for s in self._sizes]
        counts = [Counter(key for key, _ in found) for found in members]
        seen: list[tuple[Mapping[str, int], Fraction]] = []
        for sizes, found, count, left in zip(self._sizes, members, counts, self._left, strict=True):
            generic = [left.get(k, Fraction(0)) / count[k] for k, distinct in found if distinct]
            if generic:
                # Where two families meet in a few members, most members still show their own.
                seen.append((sizes, Counter(generic).most_common(1)[0][0]))
        coefficient = fit(seen)
        if coefficient is None:
            return None
        after = [
            _without(left, count, coefficient.at(sizes))
            for sizes, count, left in zip(self._sizes, counts, self._left, strict=True)
        ]
        if not self._is_progress(after, len(set(family.ranges)) + _fixed(family)):
            return None
        self._left = after
        return replace(family, coefficient=coefficient)

    def _is_progress(self, after: Sequence[Mapping[Key, Fraction]], level: int) -> bool:
        def top(left: Mapping[Key, Fraction]) -> int:
            return sum(self._level(k) >= level for k in left)

        pairs = [(top(old), top(new)) for old, new in zip(self._left, after, strict=True)]
        return all(new <= old for old, new in pairs) and any(new < old for old, new in pairs)


def _fixed(family: Family) -> int:
    used = [*family.labels, *(i for f in family.factors for i in f.indices)]
    return len({i for i in used if isinstance(i, int)})


def _without(left: dict[Key, Fraction], count: Counter[Key], c: Fraction) -> dict[Key, Fraction]:
    after = dict(left)
    for key, multiplicity in count.items():
        rest = after.get(key, Fraction(0)) - c * multiplicity
        if rest:
            after[key] = rest
        else:
            after.pop(key, None)
    return after


def fit(seen: Sequence[tuple[Mapping[str, int], Fraction]]) -> Scale | None:
    """Return the c * n^a d^b .. that takes the observed values, or None.

    A value that is the same at all sizes is a constant; else the exponents must be the only ones
    that explain it (sizes whose product is always 24 cannot tell 1/n from d m / 24).

    >>> fit([({"n": 2}, Fraction(1)), ({"n": 4}, Fraction(1, 2))])
    Scale(value=Fraction(2, 1), sizes=(('n', -1),))
    """
    if not seen or any(c == 0 for _, c in seen):
        return None
    if len({c for _, c in seen}) == 1:
        return Scale(seen[0][1])
    found = []
    for exponents in _exponents(len(seen[0][0])):
        powers = tuple((s, e) for s, e in zip(seen[0][0], exponents, strict=True) if e)
        unit = Scale(Fraction(1), powers)
        values = {c / unit.at(sizes) for sizes, c in seen}
        if len(values) == 1:
            found.append(Scale(values.pop(), powers))
    return found[0] if len(found) == 1 else None


@lru_cache
def _exponents(count: int) -> list[tuple[int, ...]]:
    """Return the exponents to try, simplest first."""

    def of_degree(count: int, degree: int) -> Iterator[tuple[int, ...]]:
        if not count:
            yield from [()] if not degree else []
            return
        for e in sorted(range(-degree, degree + 1), key=lambda e: (abs(e), e)):
            for rest in of_degree(count - 1, degree - abs(e)):
                yield (e, *rest)

    return [e for degree in range(_DEGREE + 1) for e in of_degree(count, degree)]
