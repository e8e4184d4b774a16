"""Sums of terms: like summands added, the rest sorted; products stay unexpanded."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from .contraction import contract, scaled
from .scale import UNIT_SCALE, Scale
from .terms import Dims, Term, factors_of, intern, is_zero, zero


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
    return intern("add", dims, scales, tuple(b for _, b in kept), "")


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
