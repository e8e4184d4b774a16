"""Rules about signs and choices: absolute values, relu, and sums of two halves of a choice."""

from __future__ import annotations

from ...tensor import Factor, Parts, Term, add, call, contract, plain_number, scaled, summands
from .rule import RuleContext


def signs_and_sizes(parts: Parts, context: RuleContext) -> Term | None:
    """Sign(u) |u| = u, sign(u) u = |u|, and the same for quotients."""
    for k, s in parts.calls("sign"):
        (u,) = s.term.children
        for j, f in enumerate(parts.factors):
            if f.labels != s.labels or s.exponent != 1 or f.exponent not in (1, -1):
                continue
            if f.term.is_call and f.term.data.name == "abs" and f.term.children[0] is u:
                return parts.replaced((k, j), [Factor(u, f.labels, f.exponent)])
    return None


def relu_is_chosen(parts: Parts, context: RuleContext) -> Term | None:
    """Apply relu(u) [u > 0] = relu(u), and u [u > 0] = relu(u)."""
    for k, w in parts.calls("where"):
        u = _where_positive(w.term)
        if u is None or w.exponent != 1:
            continue
        for _, f in parts.calls("relu"):
            if f.labels == w.labels and f.term.children[0] is u and f.exponent > 0:
                return parts.replaced((k,), [])
    return None


def _where_positive(term: Term) -> Term | None:
    """Return u where a term is 1 where u > 0, else 0."""
    left, right, yes, no = term.children
    numbers = [plain_number(x) for x in (right, yes, no)]
    return left if term.data.data == ">" and numbers == [0, 1, 0] else None


def halves_join(term: Term, context: RuleContext) -> Term | None:
    """Write a [c] + b [not c] as one choice between a and b, where that is shorter."""
    found: dict[tuple[object, ...], dict[bool, tuple[int, Term]]] = {}
    for place, (scale, body) in enumerate(summands(term)):
        half = _half(scaled(body, scale))
        if half is not None:
            test, chosen, rest = half
            found.setdefault(test, {}).setdefault(chosen, (place, rest))
    for test, halves in found.items():
        if len(halves) < 2:
            continue
        (first, yes), (second, no) = halves[True], halves[False]
        function, left, right = test
        joined = call(function, (left, right, yes, no), term.dims)  # type: ignore[arg-type]
        others = [
            scaled(b, s) for k, (s, b) in enumerate(summands(term)) if k not in (first, second)
        ]
        new = add([*others, joined])
        if context.sizes(new) < context.sizes(term):
            return new
    return None


def _half(term: Term) -> tuple[tuple[object, ...], bool, Term] | None:
    """Return the test, whether it must hold, and what is left, of an entrywise half of a choice."""
    parts = Parts.of(term)
    for k, f in parts.calls("where"):
        left, right, yes, no = f.term.children
        first, second = plain_number(yes), plain_number(no)
        if f.labels != parts.out or f.exponent != 1 or {first, second} != {0, 1}:
            continue
        rest = parts.replaced((k,), [])
        return (f.term.data, left, right), first == 1, rest
    return None


def spread_call(term: Term, context: RuleContext) -> Term | None:
    """Apply an entrywise function to a number that is spread over axes before it is spread."""
    if not term.dims or not getattr(term.data, "entrywise", False):
        return None
    narrow = [_narrowed(c) for c in term.children]
    if any(n is None for n in narrow):
        return None
    inner = call(term.data, tuple(n for n in narrow if n is not None), ())
    dims = dict(enumerate(term.dims))
    return contract([Factor(inner, ())], tuple(dims), dims)


def _narrowed(term: Term) -> Term | None:
    """Return the scalar that a term spreads over all its axes, or None."""
    if not term.is_contraction:
        return None
    parts = Parts.of(term)
    if any(x in parts.out for f in parts.factors for x in f.labels):
        return None
    dims = {x: d for x, d in parts.dims.items() if x not in parts.out}
    return contract(parts.factors, (), dims, parts.scale)
