"""Takes terms with the same axes; returns their canonical sum, products unexpanded."""

from __future__ import annotations

from collections.abc import Iterable

from ..core.scale import UNIT_SCALE, Scale
from .contractions import rescaled, scaled
from .terms import Term, is_zero, total, zero


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
    return term.kind == "contract" and len(term.children) == 1 and term.children[0].kind == "add"


def summands(term: Term) -> list[tuple[Scale, Term]]:
    """Return a term as a list of (scale, body) whose sum it is; products stay unexpanded."""
    if is_zero(term):
        return []
    if term.kind == "add":
        return list(zip(term.data, term.children, strict=True))
    if term.kind != "contract":
        return [(UNIT_SCALE, term)]
    scale: Scale = term.data[0]
    body = rescaled(term, UNIT_SCALE)
    if body.kind == "add" and abs(scale.value) == 1 and not scale.sizes:
        return [(scale * s, b) for s, b in zip(body.data, body.children, strict=True)]
    return [(scale, body)]
