"""Takes a sum; returns it factored: ``A @ x / s + B @ x / s`` is ``(A + B) @ x / s``.

A factor may leave a sum where every summand that shares it carries it on the same free indices
(a scalar, a Hadamard factor), or where it hangs on one free index and one bound index (the outer
matrix of a product). Nothing is multiplied out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from ...core.shapes import Dim
from ...tensor import Factor, Label, Parts, Scale, Term, add, contract, orders, scaled, summands
from .readable_size import Sizes

_MOST_SUMMANDS = 400  # of a sum in which common factors are sought

Key = tuple[Term, tuple[Label | None, ...], tuple[bool, bool]]


@dataclass(frozen=True, slots=True)
class _Member:
    """A summand that has a common factor: where it stands in it, and on which labels."""

    scale: Scale
    parts: Parts
    position: int
    labels: tuple[Label, ...]

    @property
    def factor(self) -> Factor:
        return self.parts.factors[self.position]

    @property
    def rest(self) -> list[Factor]:
        """Return the other factors."""
        return [f for k, f in enumerate(self.parts.factors) if k != self.position]

    def inner(self) -> list[Label]:
        """Return the bound label on which an outer matrix hangs, or nothing."""
        return [x for x in self.labels if x not in self.parts.out]

    def without(self, exponent: Fraction, ends: Sequence[Label], common: Scale) -> Term:
        """Return what is left when a power of the factor and a scale are taken out."""
        f, rest = self.factor, self.rest
        if f.exponent != exponent:
            rest.append(Factor(f.term, f.labels, f.exponent - exponent))
        carried = {x for g in rest for x in g.labels} | set(ends)
        dims = {x: d for x, d in self.parts.dims.items() if x in carried}
        return contract(rest, ends, dims, self.scale * common.power(-1))


class _Candidate(NamedTuple):
    """What could leave a product: its key, where it stands in it, and on which labels."""

    key: Key
    position: int
    labels: tuple[Label, ...]


def _candidates(parts: Parts) -> Iterator[_Candidate]:
    """Yield what could leave a product, with its free labels (None for the bound one)."""
    chosen = any(True for _ in parts.calls("where"))
    seen: set[Key] = set()
    for k, f in enumerate(parts.factors):
        if f.term.is_indicator or _on_diagonal(parts, f):
            continue
        # Where there is a choice, x may be negative, and x ** -2 has no factor x ** -0.5.
        kind = (f.exponent < 0, chosen and f.exponent.denominator != 1)
        for labels in orders(f):
            outer = tuple(x if x in parts.out else None for x in labels)
            if None not in outer or _is_outer(parts, k, labels):
                key = (f.term, outer, kind)
                if key not in seen:
                    seen.add(key)
                    yield _Candidate(key, k, labels)
                break  # a symmetric factor in one order is enough


def _on_diagonal(parts: Parts, f: Factor) -> bool:
    """Whether a vector makes a diagonal matrix: diag(s) - s sᵀ reads best as it stands."""
    deltas = [g for g in parts.factors if g.term.is_delta]
    return len(f.labels) == 1 and any(f.labels[0] in g.labels for g in deltas)


def _is_outer(parts: Parts, k: int, labels: tuple[Label, ...]) -> bool:
    """Whether a factor is a matrix between one free index and one bound index."""
    if parts.factors[k].exponent != 1 or len(labels) != 2:
        return False
    inner = [x for x in labels if x not in parts.out]
    free = [x for x in labels if x in parts.out]
    if len(inner) != 1 or len(free) != 1:
        return False
    rest = [g for j, g in enumerate(parts.factors) if j != k]
    met = any(inner[0] in g.labels for g in rest)
    return met and not any(free[0] in g.labels for g in rest)


class Factoring:
    """Takes factors out of sums; what could leave a summand is found once for each.

    A sum of which one factor is taken out comes again with all its other summands.
    """

    def __init__(self, sizes: Sizes) -> None:
        self._sizes = sizes
        self._known: dict[Term, tuple[_Candidate, ...]] = {}

    def __call__(self, term: Term) -> Term:
        """Return a sum with the factor taken out that saves most; itself where none does."""
        if not term.is_sum:
            return term
        if len(term.children) > _MOST_SUMMANDS:
            return _number_out(term)
        shared = self._shared(term)
        if not shared:
            return _number_out(term)
        sizes = self._sizes

        def worth(key: Key) -> tuple[int, bool, bool, object, tuple[str, ...]]:
            saved = (len(shared[key]) - 1) * (sizes(key[0]) + 1)
            whole = len(shared[key]) == len(term.children)
            right = key[1][:1] == (None,)  # a factor on the right before one on the left
            return (saved, whole, right, key[0].order, tuple(map(str, key[1])))

        best = max(shared, key=worth)
        inside, members = shared[best], []
        for k, found in inside.items():
            scale, parts = term.data[k], Parts.of(term.children[k])
            members.append(_Member(scale * parts.scale, parts, found.position, found.labels))
        outside = [scaled(b, s) for k, (s, b) in enumerate(summands(term)) if k not in inside]
        return add([*outside, self._taken_out(term, best, members)])

    def _shared(self, term: Term) -> dict[Key, dict[int, _Candidate]]:
        """Return what several summands could give, with the summands by their places."""
        known = self._known
        found: dict[Key, dict[int, _Candidate]] = {}
        for place, body in enumerate(term.children):
            if body not in known:
                known[body] = tuple(_candidates(Parts.of(body)))
            for candidate in known[body]:
                if candidate[0] in found:
                    found[candidate[0]][place] = candidate
                else:
                    found[candidate[0]] = {place: candidate}
        return {key: places for key, places in found.items() if len(places) > 1}

    def _taken_out(self, term: Term, key: Key, members: Sequence[_Member]) -> Term:
        """Return the factor times the sum of what is left of the members."""
        factor, outer, _ = key
        exponent = min((m.factor.exponent for m in members), key=abs)
        common = common_scale([m.scale for m in members])
        out = tuple(range(len(term.dims)))
        dims: dict[Label, Dim] = dict(enumerate(term.dims))
        link = members[0].inner()
        if link:
            free: tuple[Label, ...] = tuple(x for x in out if x not in outer)
            dims["link"] = members[0].parts.dims[link[0]]
        else:
            carried = {x for m in members for f in m.rest for x in f.labels}
            carried |= {x for m in members if m.factor.exponent != exponent for x in m.labels}
            free = tuple(x for x in out if x in carried)
        body = add(m.without(exponent, (*free, *m.inner()), common) for m in members)
        ends = (*free, "link") if link else free
        marks = tuple("link" if x is None else x for x in outer)
        factors = [Factor(factor, marks, exponent), Factor(self(body), ends)]
        return contract(factors, out, dims, common)


def _number_out(term: Term) -> Term:
    """Return a sum with a number or a size that all summands have in front."""
    if any(s.is_unit for s in term.data):
        return term
    common = common_scale([s * Parts.of(b).scale for s, b in summands(term)])
    if abs(common.value) == 1 and not common.sizes:
        return term
    return scaled(add(scaled(b, s * common.power(-1)) for s, b in summands(term)), common)


def common_scale(scales: Sequence[Scale]) -> Scale:
    """Return the scale that all share up to sign, else 1; negative where all are."""
    first = scales[0]
    alike = all(abs(s.value) == abs(first.value) for s in scales)
    value = abs(first.value) if alike else Fraction(1)
    sizes = Counter(dict(first.sizes))
    for s in scales[1:]:
        powers = dict(s.sizes)
        for name in list(sizes):
            both = (sizes[name], powers.get(name, 0))
            same = (both[0] > 0) == (both[1] > 0) and both[1] != 0
            sizes[name] = min(both, key=abs) if same else 0
    kept = tuple(sorted((n, e) for n, e in sizes.items() if e))
    negative = all(s.value < 0 for s in scales)
    return Scale(-value if negative else value, kept)
