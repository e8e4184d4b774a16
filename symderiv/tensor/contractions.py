"""Takes factors with named indices; returns their contraction in canonical form.

``contract`` sifts deltas, merges nested contractions, gathers equal factors, and sorts what is
left, so that equal contractions are one object. ``transposed`` and ``is_symmetric`` read symmetry
off that form: a matrix is symmetric where exchanging its two axes gives the same term. Sums of
terms stay unexpanded: like summands are added, the rest is sorted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any

from ..core.budget import spend
from ..core.errors import MissingRuleError
from ..core.scale import UNIT_SCALE, Scale
from ..core.shapes import Dim
from .fuse import fuse_once
from .terms import (
    ONE_EXPONENT,
    Dims,
    Factor,
    Label,
    Order,
    Term,
    contraction,
    delta,
    factors_of,
    fuse,
    intern,
    is_entrywise,
    is_zero,
    total,
    walk_terms,
    zero,
)

_REFINING = 2  # steps of a factor for each comparison while it is sorted


def _place(f: Factor) -> tuple[int, str]:
    return f.term.place


def _order(f: Factor) -> Order:
    return f.term.order


def sorted_factors(
    factors: list[Factor], out: tuple[Label, ...], dims: dict[Any, Dim]
) -> list[Factor]:
    """Sort factors by what they are and how they hang together, not by how they were written."""
    if len(factors) < 2:
        return factors
    if len({f.term.place for f in factors}) == len(factors):
        return sorted(factors, key=_place)
    if len({f.term.order for f in factors}) == len(factors):
        return sorted(factors, key=_order)
    colour: dict[Label, Any] = {x: (1, str(dims[x])) for f in factors for x in f.labels}
    colour.update((x, (0, str(k))) for k, x in enumerate(out))
    if len({f.term for f in factors}) == len(factors):
        colour = _refined(colour, factors)
    else:
        colour = _told_apart(colour, factors)

    def place(f: Factor) -> Any:
        colours = [colour[x] for x in f.labels]
        mirrors = f.term.symmetric is True
        return (f.term.order, f.exponent, tuple(sorted(colours) if mirrors else colours))

    def upright(f: Factor) -> Factor:
        """Return a factor whose axes may be exchanged with its labels in order."""
        if f.term.symmetric is not True:
            return f
        return Factor(f.term, tuple(sorted(f.labels, key=lambda x: colour[x])), f.exponent)

    return [upright(f) for f in sorted(factors, key=place)]


def _refined(colour: dict[Label, Any], factors: list[Factor]) -> dict[Label, Any]:
    """Return a finer order of labels: by the places at which they meet which factors."""
    seen: dict[Label, list[Any]] = {x: [] for x in colour}
    for f in factors:
        mirrors = f.term.symmetric is True
        colours = [colour[x] for x in f.labels]
        mark = (f.term.order, f.exponent, tuple(sorted(colours) if mirrors else colours))
        for slot, x in enumerate(f.labels):
            seen[x].append((mark, 0 if mirrors else slot))
    steps = _REFINING * len(factors) * len(factors).bit_length()
    spend(steps, f"a product of {len(factors):,} factors to put in order")
    ranked = {x: (colour[x], sorted(seen[x])) for x in colour}
    places = sorted(ranked.values())
    first: dict[int, int] = {}
    for k, v in enumerate(places):
        first[id(v)] = k if not k or v != places[k - 1] else first[id(places[k - 1])]
    return {x: (first[id(v)], "") for x, v in ranked.items()}


def _told_apart(colour: dict[Label, Any], factors: list[Factor]) -> dict[Label, Any]:
    """Return an order of labels without ties: where labels look alike, any of them is first."""
    while True:
        classes = 0
        while len(set(colour.values())) > classes:
            classes = len(set(colour.values()))
            colour = _refined(colour, factors)
        tied = [v for v in colour.values() if list(colour.values()).count(v) > 1]
        if not tied:
            return colour
        place = min(tied)
        chosen = next(x for x, v in colour.items() if v == place)
        colour[chosen] = (place[0], "first")


def constant(scale: Scale, dims: Dims = ()) -> Term:
    """Return a scale, spread over the given axes."""
    return contraction(scale, (), (), (), dims, dims) if scale.value else zero(dims)


def scaled(term: Term, scale: Scale) -> Term:
    """Return a multiple of a term."""
    if scale is UNIT_SCALE:
        return term
    return rescaled(term, scale * term.data[0] if term.is_contraction else scale)


def rescaled(term: Term, scale: Scale) -> Term:
    """Return a term with another scale in front than it has; its order stays as it is."""
    if not scale.value:
        return zero(term.dims)
    if not term.is_contraction:
        children: tuple[Term, ...] = (term,)
        labels, exponents = (tuple(range(len(term.dims))),), (ONE_EXPONENT,)
        dims = term.dims
    else:
        _, labels, exponents, dims = term.data
        children = term.children
    if len(children) == 1 and scale.is_unit and exponents[0] == 1:
        only = children[0]
        if labels[0] == tuple(range(len(only.dims))) and len(only.dims) == len(term.dims):
            return only
    return contraction(scale, children, labels, exponents, dims, term.dims)


def monomial(*factors: tuple[Term, int | Fraction], scale: Scale = UNIT_SCALE) -> Term:
    """Return an entrywise product of powers of terms that all have the same axes, or none."""
    dims = max((t.dims for t, _ in factors), key=len)
    labels = tuple(range(len(dims)))
    parts = [
        Factor(t, labels[: len(t.dims)], ONE_EXPONENT if e == 1 else Fraction(e))
        for t, e in factors
    ]
    return contract(parts, labels, dict(enumerate(dims)), scale)


def contract(
    factors: Iterable[Factor], out: Sequence[Label], dims: dict[Any, Dim], scale: Scale = UNIT_SCALE
) -> Term:
    """Return the canonical contraction of ``factors`` with free indices ``out``.

    ``dims`` gives the range of every label. A label of ``out`` that no factor carries is
    broadcast over; one that is neither in ``out`` nor in a factor multiplies by its range.
    """
    work = _Contraction(tuple(out), dict(dims), scale)
    for factor in factors:
        work.multiply(factor)
    return work.finish()


class _Contraction:
    """A contraction under construction."""

    def __init__(self, out: tuple[Label, ...], dims: dict[Any, Dim], scale: Scale) -> None:
        self.out, self.dims, self.scale = out, dims, scale
        self.powers: dict[tuple[Term, tuple[Label, ...]], Fraction] = {}
        self.deltas: list[tuple[Label, Label]] = []
        self.fuses: list[tuple[Label, ...]] = []

    def multiply(self, factor: Factor) -> None:
        """Multiply by a factor, merging a nested contraction where its value allows it."""
        term, labels, exponent = factor
        if exponent is not ONE_EXPONENT and not self._may_raise(term, exponent):
            return
        kind = term.kind
        if kind == "delta":
            self.deltas.append((labels[0], labels[1]))
        elif kind == "fuse":
            self.fuses.append(labels)
        elif kind == "contract" and self._merges(term, exponent):
            self._merge(factor)
        else:
            self._gather(term, labels, exponent)

    @staticmethod
    def _may_raise(term: Term, exponent: Fraction) -> bool:
        """Whether a power is anything but 1; raises where a zero would be divided by."""
        if exponent < 0 and _has_zeros(term):
            raise MissingRuleError(
                "division by a matrix that has zeros off its diagonal or off one place",
                remedy="divide by the vector on the diagonal instead",
            )
        return bool(exponent)

    def _gather(self, term: Term, labels: tuple[Label, ...], exponent: Fraction) -> None:
        key = (term, labels)
        met = self.powers.get(key)
        if met is None and self.powers and len(labels) == 2 and is_symmetric(term):
            mirrored = (term, (labels[1], labels[0]))
            met = self.powers.get(mirrored)
            key = key if met is None else mirrored
        self.powers[key] = exponent if met is None else met + exponent

    @staticmethod
    def _merges(term: Term, exponent: Fraction) -> bool:
        """Whether a power of a contraction is the product of powers of what it is made of."""
        if exponent is ONE_EXPONENT or exponent == 1:
            return True
        scale, _, _, dims = term.data
        if exponent.denominator != 1 or not (scale.value or exponent > 0):
            return False
        return len(dims) == len(term.dims) or scale != UNIT_SCALE or len(components(term)) > 1

    def _merge(self, factor: Factor) -> None:
        term, ends, exponent = factor
        scale, label_lists, exponents, dims = term.data
        once = exponent is ONE_EXPONENT or exponent == 1
        if scale is not UNIT_SCALE:
            self.scale = self.scale * (scale if once else scale.power(int(exponent)))
        if not once and len(dims) > len(ends):
            for part, places, _ in components(term):
                marks = tuple(ends[k] for k in places)
                self.multiply(Factor(part, marks, exponent))
            return
        names: list[Label] = list(ends)
        for dim in dims[len(ends) :]:
            fresh = object()
            names.append(fresh)
            self.dims[fresh] = dim
        for child, labels, inner in zip(term.children, label_lists, exponents, strict=True):
            power = exponent if inner is ONE_EXPONENT else inner * exponent
            self.multiply(Factor(child, tuple([names[x] for x in labels]), power))

    def finish(self) -> Term:
        """Sift the deltas, check the unit vectors, and return the canonical term."""
        out, dims = self.out, self.dims
        out_dims = tuple([dims[x] for x in out])
        if self.scale is not UNIT_SCALE and not self.scale.value:
            return zero(out_dims)
        kept = self._sift() if self.deltas else []
        while self.fuses and fuse_once(self.fuses, self.deltas, dims, self._used()):
            kept = self._sift(kept)
        kept = self._linked(kept) if kept else kept
        factors = [Factor(t, x, e) for (t, x), e in self.powers.items() if e is ONE_EXPONENT or e]
        if any(f.term.is_unit for f in factors):
            gathered = _gather_units(factors)
            if gathered is None:
                return zero(out_dims)
            factors = gathered
        factors += [Factor(fuse(dims[x[1]], dims[x[2]]), x) for x in self.fuses]
        factors += [Factor(delta(dims[x]), (x, y)) for x, y in kept]
        self._count_unused(factors)
        return _canonical(self.scale, factors, out, dims, out_dims)

    def _sift(self, kept: Sequence[tuple[Label, Label]] = ()) -> list[tuple[Label, Label]]:
        free = set(self.out)
        kept = list(kept)
        work = self.deltas
        while work:
            a, b = work.pop()
            if a == b or (a, b) in kept or (b, a) in kept:
                continue
            if a in free and b in free:
                kept.append((a, b))
                continue
            gone, stays = (a, b) if a not in free else (b, a)
            self._rename(gone, stays)
            work[:] = [(stays if x == gone else x, stays if y == gone else y) for x, y in work]
        return kept

    def _rename(self, old: Label, new: Label, *, keep: bool = False) -> None:
        powers, self.powers = self.powers, {}
        for (term, labels), exponent in powers.items():
            self._gather(term, tuple(new if x == old else x for x in labels), exponent)
        self.fuses = [tuple(new if x == old else x for x in labels) for labels in self.fuses]
        if not keep:
            del self.dims[old]

    def _linked(self, kept: list[tuple[Label, Label]]) -> list[tuple[Label, Label]]:
        """Let every factor carry the first of the free indices that deltas make equal."""
        first: dict[Label, Label] = {}
        for pair in kept:
            a, b = (first.get(x, x) for x in pair)
            first.setdefault(a, a)
            first.setdefault(b, b)
            low = min(a, b, key=self.out.index)
            first = {x: low if y in (a, b) else y for x, y in first.items()}
        pairs = [(y, x) for x, y in first.items() if x != y]
        for low, high in pairs:
            self._rename(high, low, keep=True)
        return sorted(pairs, key=lambda p: [self.out.index(x) for x in p])

    def _used(self) -> set[Label]:
        """Return the labels that something other than a fuse carries, or that are free."""
        return {x for (_, labels), e in self.powers.items() if e for x in labels} | set(self.out)

    def _count_unused(self, factors: list[Factor]) -> None:
        used = set(self.out)
        for f in factors:
            used.update(f.labels)
        if len(used) == len(self.dims):
            return
        for label in [x for x in self.dims if x not in used]:
            self.scale = self.scale * Scale.of(self.dims.pop(label))


def connected(
    factors: Iterable[Factor], marks: Callable[[Factor], set[Label]]
) -> list[tuple[set[Label], list[Factor]]]:
    """Return the factors in groups that share marks, with the marks of each group."""
    groups: list[tuple[set[Label], list[Factor]]] = []
    for f in factors:
        own = marks(f)
        met = [g for g in groups if g[0] & own]
        groups = [g for g in groups if not g[0] & own]
        groups.append((own.union(*(g[0] for g in met)), [*(h for g in met for h in g[1]), f]))
    return groups


def components(term: Term) -> list[tuple[Term, list[int], list[Factor]]]:
    """Return terms whose product a contraction is, up to its scale: they share no bound index.

    Each comes with the free indices of the whole that it carries, and its factors there.
    """
    _, factors, dims = factors_of(term)
    free = len(term.dims)
    found = []
    groups = connected(factors, lambda f: {x for x in f.labels if int(str(x)) >= free})
    for bound, members in groups:
        ends = sorted(
            {int(str(x)) for f in members for x in f.labels} - {int(str(b)) for b in bound}
        )
        ranges = {x: dims[int(str(x))] for x in (*ends, *bound)}
        found.append((contract(members, ends, ranges), ends, members))
    return found


def _has_zeros(term: Term) -> bool:
    """Whether a term is zero in some entries by construction.

    A delta or a unit vector on a free index leaves zeros; on one that is summed over it only
    picks, as the unit vector in z[2] does.
    """
    if term.is_indicator:
        return True
    if not term.is_contraction:
        return False
    free = len(term.dims)
    _, factors, _ = factors_of(term)
    return any(_has_zeros(f.term) and _stays(f, free) for f in factors)


def _stays(factor: Factor, free: int) -> bool:
    """Whether the zeros of a factor are left once all labels from ``free`` on are summed over."""
    kept = [int(str(x)) < free for x in factor.labels]
    if factor.term.is_fuse:
        return kept[0] and any(kept[1:])
    return all(kept)


def _gather_units(factors: list[Factor]) -> list[Factor] | None:
    """Drop repeated unit vectors on one index; None where two of them are orthogonal."""
    seen: dict[Label, int] = {}
    kept: list[Factor] = []
    for f in factors:
        if not f.term.is_unit:
            kept.append(f)
        elif f.labels[0] not in seen:
            seen[f.labels[0]] = f.term.data
            kept.append(Factor(f.term, f.labels))
        elif seen[f.labels[0]] != f.term.data:
            return None
    return kept


def _canonical(
    scale: Scale, factors: list[Factor], out: tuple[Label, ...], dims: dict[Any, Dim], outs: Dims
) -> Term:
    if len(factors) == 1 and scale.is_unit:
        only = factors[0]
        if only.exponent is ONE_EXPONENT or only.exponent == 1:
            mirrored = len(out) == 2 and only.labels == (out[1], out[0])
            if only.labels == out or (mirrored and is_symmetric(only.term)):
                return only.term
    factors = sorted_factors(factors, out, dims)
    number: dict[Label, int] = {x: k for k, x in enumerate(out)}
    for f in factors:
        for x in f.labels:
            if x not in number:
                number[x] = len(number)
    return contraction(
        scale,
        tuple([f.term for f in factors]),
        tuple([_numbered(f, number) for f in factors]),
        tuple([f.exponent for f in factors]),
        tuple([dims[x] for x in number]),
        outs,
    )


def _numbered(f: Factor, number: dict[Label, int]) -> tuple[int, ...]:
    labels = tuple([number[x] for x in f.labels])
    if len(labels) == 2 and labels[0] > labels[1] and is_symmetric(f.term):
        return (labels[1], labels[0])
    return labels


def share(term: Term) -> Term:
    """Return a sum or a product as one factor and one summand: it is not merged into others.

    For what is used more than once. It stands for its only child; numbers and scalar factors stay
    outside, and a term that is a single thing is returned as it is.
    """
    if term.is_sum:
        return intern("share", term.dims, None, (term,), "")
    if not term.is_contraction:
        return term
    scale, factors, dims = factors_of(term)
    inside = [f for f in factors if f.labels]
    if not inside or (len(inside) == 1 and not inside[0].term.is_sum):
        return term
    out = range(len(term.dims))
    whole = contract(inside, out, dict(enumerate(dims)))
    outside = [Factor(f.term, (), f.exponent) for f in factors if not f.labels]
    shared = Factor(intern("share", term.dims, None, (whole,), ""), tuple(out))
    return contract([shared, *outside], out, dict(enumerate(term.dims)), scale)


def transposed(term: Term) -> Term:
    """Return a term of two axes with the axes exchanged."""
    if term.is_contraction:
        scale, factors, dims = factors_of(term)
        names = {0: 1, 1: 0}
        parts = [
            Factor(f.term, tuple(names.get(x, x) for x in f.labels), f.exponent)  # type: ignore[call-overload]
            for f in factors
        ]
        ranges = {names.get(k, k): d for k, d in enumerate(dims)}
        return contract(parts, (0, 1), ranges, scale)
    return contract([Factor(term, (1, 0))], (0, 1), {0: term.dims[1], 1: term.dims[0]})


def is_symmetric(term: Term) -> bool:
    """Whether exchanging the two axes of a term gives the same term; False where it has not two."""
    if term.symmetric is None:
        # Children first: the names of a deep problem stand inside each other.
        for t in walk_terms(term, lambda t: t.symmetric is not None or not _is_square(t)):
            if t.symmetric is None:
                t.symmetric = _is_square(t) and _mirrors(t)
    return bool(term.symmetric)


def _is_square(term: Term) -> bool:
    return len(term.dims) == 2 and term.dims[0] == term.dims[1]


def _mirrors(term: Term) -> bool:
    if term.is_alias:
        return is_symmetric(term.children[0])
    if term.is_call:
        keeps = getattr(term.data, "keeps_symmetry", False) or is_entrywise(term)
        return bool(keeps) and all(is_symmetric(c) for c in term.children if c.dims)
    if term.is_contraction:
        return transposed(term) is term
    if term.is_sum:
        parts = list(zip(term.children, term.data, strict=True))
        return {(transposed(c), s) for c, s in parts} == set(parts)
    return term.is_delta


def add(terms: Iterable[Term]) -> Term:
    """Return the canonical sum of terms that all have the same axes."""
    gathered: dict[tuple[Term, tuple[tuple[str, int], ...]], Scale] = {}
    given = list(terms)
    if len(given) == 1 and not _is_multiple_of_sum(given[0]):
        return given[0]
    for term in given:
        for scale, body in summands(term):
            key = (body, scale.sizes)
            met = gathered.get(key)
            gathered[key] = scale if met is None else Scale(met.value + scale.value, scale.sizes)
    kept = [(s, body) for (body, _), s in gathered.items() if s.value]
    if not kept:
        return zero(given[-1].dims if given else ())
    if len(kept) == 1:
        return scaled(kept[0][1], kept[0][0])
    kept.sort(key=lambda item: (item[1].order, item[0].sizes))
    return total(tuple(s for s, _ in kept), tuple(b for _, b in kept))


def _is_multiple_of_sum(term: Term) -> bool:
    return term.is_contraction and len(term.children) == 1 and term.children[0].is_sum


def summands(term: Term) -> list[tuple[Scale, Term]]:
    """Return a term as a list of (scale, body) whose sum it is; products stay unexpanded."""
    if is_zero(term):
        return []
    if term.is_sum:
        return list(zip(term.data, term.children, strict=True))
    if not term.is_contraction:
        return [(UNIT_SCALE, term)]
    scale: Scale = term.data[0]
    body = rescaled(term, UNIT_SCALE)
    if body.is_sum and abs(scale.value) == 1 and not scale.sizes:
        return [(scale * s, b) for s, b in zip(body.data, body.children, strict=True)]
    return [(scale, body)]
