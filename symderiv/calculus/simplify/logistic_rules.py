"""Rules about the logistic function: σ(-u) = 1 - σ(u), eᵘ σ(-u) = σ(u)."""

from __future__ import annotations

from fractions import Fraction

from ...ops.base import ENTRYWISE
from ...tensor import Factor, Scale, Term, add, call, constant, contract, scaled, summands
from .contraction_parts import Parts
from .rule import RuleContext

_MINUS = Scale(Fraction(-1))


def exp_of_logistic(parts: Parts, context: RuleContext) -> Term | None:
    """Write exp(w) sigmoid(-w) as sigmoid(w)."""
    for k, f in parts.calls("exp"):
        (w,) = f.term.children
        for j, g in enumerate(parts.factors):
            whole = g.exponent.denominator == 1 and f.exponent.denominator == 1
            fits = whole and 0 < f.exponent <= g.exponent and g.labels == f.labels
            if fits and _is_logistic_of_minus(g.term, w):
                up = Factor(_logistic(w), f.labels, f.exponent)
                left = [Factor(g.term, g.labels, g.exponent - f.exponent)]
                return parts.replaced((k, j), [up, *(x for x in left if x.exponent)])
    return None


def reflected(term: Term, context: RuleContext) -> Term | None:
    """Write 1 - sigmoid(u) as sigmoid(-u) in a sum that has this too, where that is shorter."""
    parts = [Parts.of(body) for _, body in summands(term)]
    found = {f.term: None for p in parts for _, f in p.calls("sigmoid")}
    there = {f.term for p in parts for f in p.factors}
    for minus in found:
        other = _one_minus(_logistic(scaled(minus.children[0], _MINUS)))
        if other not in there:
            continue
        new = add(_with(b, s, other, minus) for s, b in summands(term))
        if new is not term:
            better = context.simplified(new)
            if context.sizes(better) < context.sizes(term):
                return better
    return None


def _with(body: Term, scale: Scale, old: Term, new: Term) -> Term:
    """Return a summand with a factor replaced."""
    parts = Parts.of(body)
    changed = [f._replace(term=new) if f.term is old else f for f in parts.factors]
    return contract(changed, parts.out, parts.dims, scale * parts.scale)


def _logistic(u: Term) -> Term:
    return call(ENTRYWISE["sigmoid"](None), (u,), u.dims)


def _one_minus(term: Term) -> Term:
    return add([constant(Scale(), term.dims), scaled(term, _MINUS)])


def _is_logistic_of_minus(term: Term, w: Term) -> bool:
    """Whether a term is sigmoid(-w), or 1 - sigmoid(w)."""
    return term is _logistic(scaled(w, _MINUS)) or term is _one_minus(_logistic(w))
