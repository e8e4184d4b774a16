"""Index terms: the one form in which all of multilinear algebra looks alike.

A *contraction* is ``scale * sum over the bound indices of a product of entries``. Matrix product,
transpose, trace, outer and Hadamard product, diag, sum and broadcasting are all contractions;
they differ only in which indices are shared, summed or left free. A factor may carry an exponent,
so that quotients and powers are monomials too. Everything else is a sum of contractions, or the
call of a function whose pullback an operator's table entry supplies.

Contract: terms are immutable and shared (equal terms are one object). ``contract`` and ``add``
return canonical terms: deltas sifted, nested contractions merged, equal factors gathered, bound
indices renamed, factors and summands sorted, like summands added. This module names no operator.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b
from typing import Any, Protocol
from weakref import WeakValueDictionary

from ..errors import MissingRuleError
from ..expr import Expr
from ..shapes import Dim
from .scale import UNIT_SCALE, Scale

Label = Hashable
Dims = tuple[Dim, ...]


class Function(Hashable, Protocol):
    """What a call needs to know of the operator it came from (supplied by the operator table)."""

    @property
    def name(self) -> str: ...
    @property
    def data(self) -> Hashable: ...
    def pullback(self, node: Term, position: int, cotangent: Term) -> Term: ...
    def rebuild(self, args: tuple[Expr, ...]) -> Expr: ...


class Term:
    """A node: ``kind`` is leaf, named, delta, unit, add, call or contract."""

    __slots__ = ("kind", "dims", "data", "children", "order", "__weakref__")
    kind: str
    dims: Dims
    data: Any
    children: tuple[Term, ...]
    order: tuple[int, str, bytes]

    def __repr__(self) -> str:
        return f"{self.kind}{self.children or ''}[{self.data}]"


_terms: WeakValueDictionary[Hashable, Term] = WeakValueDictionary()
_RANK = {"leaf": 0, "named": 1, "unit": 2, "call": 3, "contract": 4, "add": 5, "delta": 6}


def _term(kind: str, dims: Dims, data: Hashable, children: tuple[Term, ...], name: str) -> Term:
    key = (kind, dims, data, children)
    found = _terms.get(key)
    if found is None:
        found = Term()
        found.kind, found.dims, found.data, found.children = kind, dims, data, children
        digest = blake2b(f"{kind}|{name}|{_spell(data)}".encode(), digest_size=8)
        for child in children:
            digest.update(child.order[2])
        found.order = (_RANK[kind], name, digest.digest())
        _terms[key] = found
    return found


def _spell(data: Hashable) -> str:
    return repr(data) if not isinstance(data, Expr) else str(data.data)


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of a contraction: a term, the label of each of its axes, an exponent."""

    term: Term
    labels: tuple[Label, ...]
    exponent: Fraction = Fraction(1)


def leaf(expr: Expr, dims: Dims) -> Term:
    """Return a variable, or a given cotangent, as a term."""
    return _term("leaf", dims, expr, (), str(expr.data))


def named(expr: Expr, value: Term) -> Term:
    """Return a definition the writer named; it stays a name in every result."""
    return _term("named", value.dims, expr, (value,), str(expr.data))


def delta(dim: Dim) -> Term:
    """Return the Kronecker delta over one dimension."""
    return _term("delta", (dim, dim), None, (), "")


def unit(position: int, dim: Dim) -> Term:
    """Return the unit vector with its 1 at ``position`` (counted from 1)."""
    return _term("unit", (dim,), position, (), f"{position:06d}")


def call(function: Function, args: tuple[Term, ...], dims: Dims) -> Term:
    """Return a function of terms."""
    return _term("call", dims, function, args, function.name)


def constant(scale: Scale, dims: Dims = ()) -> Term:
    """Return a scale, spread over the given axes."""
    labels = tuple(range(len(dims)))
    return contract([], labels, dict(zip(labels, dims, strict=True)), scale)


def zero(dims: Dims) -> Term:
    """Return the zero term."""
    return _term("contract", dims, (Scale(Fraction(0)), (), (), dims), (), "")


def is_zero(term: Term) -> bool:
    """Whether a term is the zero term."""
    return term.kind == "contract" and not term.data[0].value


def scaled(term: Term, scale: Scale) -> Term:
    """Return a multiple of a term."""
    labels = tuple(range(len(term.dims)))
    return contract([Factor(term, labels)], labels, dict(enumerate(term.dims)), scale)


def monomial(*factors: tuple[Term, int | Fraction], scale: Scale = UNIT_SCALE) -> Term:
    """Return an entrywise product of powers of terms that all have the same axes, or none."""
    dims = max((t.dims for t, _ in factors), key=len)
    labels = tuple(range(len(dims)))
    parts = [Factor(t, labels[: len(t.dims)], Fraction(e)) for t, e in factors]
    return contract(parts, labels, dict(enumerate(dims)), scale)


def factors_of(term: Term) -> tuple[Scale, tuple[Factor, ...], Dims]:
    """Return the parts of a contraction; its free indices are 0, 1, .. in axis order."""
    scale, label_lists, exponents, dims = term.data
    factors = tuple(map(Factor, term.children, label_lists, exponents))
    return scale, factors, dims


def contract(
    factors: Iterable[Factor],
    out: Sequence[Label],
    dims: dict[Any, Dim],
    scale: Scale = UNIT_SCALE,
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

    def multiply(self, factor: Factor) -> None:
        """Multiply by a factor, merging a nested contraction where its value allows it."""
        term, exponent = factor.term, factor.exponent
        if not exponent:
            return
        if exponent < 0 and _has_zeros(term):
            raise MissingRuleError(
                "division by a matrix that has zeros off its diagonal or off one place",
                remedy="divide by the vector on the diagonal instead",
            )
        if term.kind == "delta":
            self.deltas.append((factor.labels[0], factor.labels[1]))
        elif term.kind == "contract" and self._merges(term, exponent):
            self._merge(factor)
        else:
            key = (term, factor.labels)
            self.powers[key] = self.powers.get(key, Fraction(0)) + exponent

    @staticmethod
    def _merges(term: Term, exponent: Fraction) -> bool:
        scale, _, _, dims = term.data
        whole = exponent.denominator == 1
        pointwise = len(dims) == len(term.dims) and (scale.value or exponent > 0)
        return exponent == 1 or bool(whole and pointwise)

    def _merge(self, factor: Factor) -> None:
        scale, inner, dims = factors_of(factor.term)
        self.scale = self.scale * scale.power(int(factor.exponent))
        names: dict[Label, Label] = dict(enumerate(factor.labels))
        for k in range(len(factor.labels), len(dims)):
            names[k] = object()
            self.dims[names[k]] = dims[k]
        for f in inner:
            labels = tuple(names[x] for x in f.labels)
            self.multiply(Factor(f.term, labels, f.exponent * factor.exponent))

    def finish(self) -> Term:
        """Sift the deltas, check the unit vectors, and return the canonical term."""
        out_dims = tuple(self.dims[x] for x in self.out)
        if not self.scale.value:
            return zero(out_dims)
        kept = self._sift()
        factors = _gather_units([Factor(t, x, e) for (t, x), e in self.powers.items() if e])
        if factors is None:
            return zero(out_dims)
        for pair in kept:
            first, second = sorted(pair, key=self.out.index)
            factors.append(Factor(delta(self.dims[first]), (first, second)))
        self._count_unused(factors)
        return _canonical(self.scale, factors, self.out, self.dims, out_dims)

    def _sift(self) -> list[tuple[Label, Label]]:
        free = set(self.out)
        kept: list[tuple[Label, Label]] = []
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

    def _rename(self, old: Label, new: Label) -> None:
        powers, self.powers = self.powers, {}
        for (term, labels), exponent in powers.items():
            key = (term, tuple(new if x == old else x for x in labels))
            self.powers[key] = self.powers.get(key, Fraction(0)) + exponent
        del self.dims[old]

    def _count_unused(self, factors: list[Factor]) -> None:
        used = {x for f in factors for x in f.labels} | set(self.out)
        for label in [x for x in self.dims if x not in used]:
            self.scale = self.scale * Scale.of(self.dims.pop(label))


def _has_zeros(term: Term) -> bool:
    """Whether a term is zero in some entries by construction: it holds a delta or a unit."""
    if term.kind in ("delta", "unit"):
        return True
    return term.kind == "contract" and any(map(_has_zeros, term.children))


def _gather_units(factors: list[Factor]) -> list[Factor] | None:
    """Drop repeated unit vectors on one index; None where two of them are orthogonal."""
    seen: dict[Label, int] = {}
    kept: list[Factor] = []
    for f in factors:
        if f.term.kind != "unit":
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
    if scale == UNIT_SCALE and len(factors) == 1:
        only = factors[0]
        if only.exponent == 1 and only.labels == out:
            return only.term
    factors = _sorted(factors, out, dims)
    number: dict[Label, int] = {x: k for k, x in enumerate(out)}
    for f in factors:
        for x in f.labels:
            number.setdefault(x, len(number))
    all_dims = tuple(dims[x] for x in number)
    data = (
        scale,
        tuple(tuple(number[x] for x in f.labels) for f in factors),
        tuple(f.exponent for f in factors),
        all_dims,
    )
    return _term("contract", outs, data, tuple(f.term for f in factors), "")


def _sorted(factors: list[Factor], out: tuple[Label, ...], dims: dict[Any, Dim]) -> list[Factor]:
    """Sort factors by what they are and how they hang together, not by how they were written."""
    if len(factors) < 2:
        return factors
    colour: dict[Label, Any] = {x: (1, str(dims[x])) for f in factors for x in f.labels}
    colour.update((x, (0, str(k))) for k, x in enumerate(out))
    if len({f.term for f in factors}) == len(factors):
        colour = _refined(colour, factors)
    else:
        colour = _told_apart(colour, factors)
    return sorted(
        factors, key=lambda f: (f.term.order, f.exponent, tuple(colour[x] for x in f.labels))
    )


def _refined(colour: dict[Label, Any], factors: list[Factor]) -> dict[Label, Any]:
    """Return a finer order of labels: by the places at which they meet which factors."""
    seen: dict[Label, list[Any]] = {x: [] for x in colour}
    for f in factors:
        mark = (f.term.order, f.exponent, tuple(colour[x] for x in f.labels))
        for slot, x in enumerate(f.labels):
            seen[x].append((mark, slot))
    ranked = {x: (colour[x], sorted(seen[x])) for x in colour}
    places = sorted(ranked.values())
    return {x: (places.index(v), "") for x, v in ranked.items()}


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


def add(terms: Iterable[Term]) -> Term:
    """Return the canonical sum of terms that all have the same axes."""
    gathered: dict[tuple[Term, tuple[tuple[str, int], ...]], Fraction] = {}
    dims: Dims = ()
    for term in terms:
        dims = term.dims
        for scale, body in summands(term):
            key = (body, scale.sizes)
            gathered[key] = gathered.get(key, Fraction(0)) + scale.value
    kept = [(Scale(v, sizes), body) for (body, sizes), v in gathered.items() if v]
    if not kept:
        return zero(dims)
    if len(kept) == 1:
        return scaled(kept[0][1], kept[0][0])
    kept.sort(key=lambda item: (item[1].order, item[0].sizes))
    scales = tuple(s for s, _ in kept)
    return _term("add", dims, scales, tuple(b for _, b in kept), "")


def summands(term: Term) -> list[tuple[Scale, Term]]:
    """Return a term as a list of (scale, body) whose sum it is; products stay unexpanded."""
    if is_zero(term):
        return []
    if term.kind == "add":
        return list(zip(term.data, term.children, strict=True))
    if term.kind != "contract":
        return [(UNIT_SCALE, term)]
    scale, factors, dims = factors_of(term)
    body = contract(factors, range(len(term.dims)), dict(enumerate(dims)))
    if body.kind == "add" and abs(scale.value) == 1 and not scale.sizes:
        return [(scale * s, b) for s, b in zip(body.data, body.children, strict=True)]
    return [(scale, body)]
