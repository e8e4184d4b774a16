"""Rules that put a product under a name it has, and two inverses under one."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product

from ...core.scale import UNIT_SCALE
from ...ops.inverses import inverse
from ...tensor import (
    Factor,
    Label,
    Parts,
    Scale,
    Term,
    add,
    contract,
    delta,
    orders,
    plain,
    scaled,
    summands,
)
from .matching import matches
from .rule import RuleContext


def names_fold(parts: Parts, context: RuleContext) -> Term | None:
    """Write E / s as P beside a sum that divides by P, where P = E / s: E (1 - t / P) / s = P - t.

    Only where the sum then loses its own fraction: P takes the place of several factors.
    """
    for k, f in enumerate(parts.factors):
        if not f.term.is_sum or f.exponent != 1:
            continue
        for name, labels in _divisors_by_name(f):
            value = plain(name.children[0])
            pattern = Parts.of(value)
            if not value.is_contraction or len(pattern.factors) < 2:
                continue
            names = dict(zip(pattern.out, labels, strict=True))
            met = _met(pattern, parts, names, k, context)
            if met is not None:
                named = Factor(name, labels)
                return parts.replaced(met, [named], pattern.scale.power(-1))
    return None


def _met(
    pattern: Parts, parts: Parts, names: dict[Label, Label], apart: int, context: RuleContext
) -> tuple[int, ...] | None:
    """Return which factors those of a pattern are, read without names; None where some lack."""
    found: list[int] = []
    for wanted in pattern.factors:
        if not set(wanted.labels) <= set(names):
            return None
        labels = tuple(names[x] for x in wanted.labels)
        k = next(
            (
                k
                for k, f in enumerate(parts.factors)
                if k not in (apart, *found)
                and (f.labels, f.exponent) == (labels, wanted.exponent)
                and (f.term is wanted.term or context.readings.same(f.term, wanted.term))
            ),
            None,
        )
        if k is None:
            return None
        found.append(k)
    return tuple(found)


def _divisors_by_name(f: Factor) -> Iterator[tuple[Term, tuple[Label, ...]]]:
    """Yield the names that divide summands of a sum, with their labels outside it."""
    for _, body in summands(f.term):
        inside = Parts.of(plain(body))
        names = dict(zip(inside.out, f.labels, strict=True))
        for g in inside.factors:
            if g.term.is_name and g.exponent == -1 and set(g.labels) <= set(inside.out):
                yield g.term, tuple(names[x] for x in g.labels)


def inverses_join(parts: Parts, context: RuleContext) -> Term | None:
    """Write inv(A) @ inv(W) as inv(W @ A) where A cancels an inverse in W.

    inv(A) @ inv(inv(A) + S) is inv(I + S @ A), and inv(I + inv(A) @ S) @ inv(A) is inv(A + S).
    """
    for k, f in parts.calls("inv"):
        for j, g in parts.calls("inv"):
            whole = g.term.children[0]
            if k == j or not whole.is_sum or f.exponent != 1 or g.exponent != 1:
                continue
            if len(f.labels) != 2 or not any(_has(b, f.term) for _, b in summands(whole)):
                continue
            for labels in orders(f):
                new = _joined(parts, (k, j), labels, context)
                if new is not None and context.sizes(new) < context.sizes(parts.term()):
                    return new
    return None


def _joined(
    parts: Parts, at: tuple[int, int], labels: tuple[Label, ...], context: RuleContext
) -> Term | None:
    """Return a contraction with two inverses that meet under one, on the side where they meet."""
    f, g = (parts.factors[k] for k in at)
    right = labels[1] == g.labels[0] and parts.only_in(labels[1], *at)
    if not right and not (g.labels[1] == labels[0] and parts.only_in(labels[0], *at)):
        return None
    joined = _times(g.term.children[0], f.term, context, right=right)
    ends = (labels[0], g.labels[1]) if right else (g.labels[0], labels[1])
    return parts.replaced(at, [Factor(inverse(joined), ends)])


def _has(body: Term, inverted: Term) -> bool:
    """Whether a summand is an inverse, or a product with it."""
    return body is inverted or any(f.term is inverted for f in Parts.of(body).factors)


def _times(whole: Term, inverted: Term, context: RuleContext, *, right: bool) -> Term:
    """Return a sum times the matrix of an inverse, term by term, with what cancels gone."""
    matrix = inverted.children[0]
    dims = dict.fromkeys((0, 1, "inner"), matrix.dims[0])
    found = []
    for scale, body in summands(whole):
        left, last = (body, matrix) if right else (matrix, body)
        ends = [Factor(left, (0, "inner")), Factor(last, ("inner", 1))]
        both = contract(ends, (0, 1), dims)
        one = body is inverted
        found.append(scaled(delta(matrix.dims[0]) if one else context.simplified(both), scale))
    return add(found)


def inverse_takes_the_rest(term: Term, context: RuleContext) -> Term | None:
    """Write inv(W) - inv(W) @ S @ inv(W) as inv(W) @ A @ inv(W) where W = A + S."""
    pairs = list(summands(term))
    places = {body: k for k, (_, body) in enumerate(pairs)}
    for j, (scale, body) in enumerate(pairs):
        parts = Parts.of(body)
        for k, f in parts.calls("inv"):
            whole = f.term.children[0]
            if not whole.is_sum or f.exponent != 1 or len(f.labels) != 2:
                continue
            for at, (share, one) in enumerate(summands(whole)):
                rest = add(scaled(b, s) for i, (s, b) in enumerate(summands(whole)) if i != at)
                inside = Parts.of(one)
                for alone, full in _completed(parts, k, inside, rest):
                    front = Parts.of(alone).scale if alone.is_contraction else UNIT_SCALE
                    i = places.get(scaled(alone, front.power(-1)), j)
                    first = scale * inside.scale.power(-1) * share.power(-1)
                    if i == j or pairs[i][0] != _minus(first * front):
                        continue
                    others = [scaled(b, s) for n, (s, b) in enumerate(pairs) if n not in (i, j)]
                    new = add([*others, scaled(full, _minus(first))])
                    if context.sizes(new) < context.sizes(term):
                        return new
    return None


def _minus(scale: Scale) -> Scale:
    return scale * Scale(Fraction(-1))


def _completed(parts: Parts, k: int, inside: Parts, rest: Term) -> Iterator[tuple[Term, Term]]:
    """Yield a product without S inv(W) in it, and with the rest of W in the place of S."""
    f = parts.factors[k]
    for (a, b), (slot, far) in product(orders(f), ((0, 1), (1, 0))):
        near, outer = ((b, a), (a, b))[slot]
        for match in matches(inside, parts, {inside.out[slot]: near}):
            end = match.labels.get(inside.out[far], near)
            met = tuple(p for p in match.positions for x in parts.factors[p].labels if x == near)
            if end == near or k in match.positions or not parts.only_in(near, k, *met):
                continue
            link = [Factor(delta(f.term.dims[0]), (outer, end))]
            ends = (near, end) if slot == 0 else (end, near)
            yield (
                parts.replaced((k, *match.positions), link),
                parts.replaced(match.positions, [Factor(rest, ends)]),
            )
