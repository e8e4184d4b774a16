"""Rules about sums that are shorter multiplied out, or over one denominator; others stay."""

from __future__ import annotations

from ...tensor import Factor, Label, Scale, Term, add, contract, scaled, summands
from .contraction_parts import Parts, plain
from .rule import RuleContext

_MOST = 16  # summands that are worth writing out to see what cancels


def cancels_expanded(term: Term, context: RuleContext) -> Term | None:
    """Multiply a sum out where that is shorter: s (1 - y) - y (1 - s) = s - y."""
    pieces = _expanded(term)
    if pieces is None:
        return None
    new = add(pieces)
    return new if context.sizes(new) < context.sizes(term) else None


def _expanded(term: Term) -> list[Term] | None:
    """Return the summands of a sum multiplied out; None where there is nothing to multiply."""
    if not any(_sum_in(b) for _, b in summands(term)):
        return None
    found: list[Term] = []
    waiting = [scaled(b, s) for s, b in reversed(summands(term))]
    while waiting:
        top = waiting.pop()
        inner = _distributed(top)
        if inner is None:
            found.append(top)
        else:
            waiting += inner
        if len(found) + len(waiting) > _MOST:
            return None
    return found


def _sum_in(term: Term) -> bool:
    if term.kind in ("add", "share"):
        return plain(term).kind == "add"
    return term.kind == "contract" and any(plain(c).kind == "add" for c in term.children)


def _distributed(term: Term) -> list[Term] | None:
    """Return the summands that a product becomes over the first sum in it, or None."""
    parts = Parts.of(term)
    for k, f in enumerate(parts.factors):
        inner = plain(f.term)
        if inner.kind == "add" and f.exponent == 1:
            return [parts.replaced((k,), [Factor(b, f.labels)], s) for s, b in summands(inner)]
    return None


def over_one_denominator(term: Term, context: RuleContext) -> Term | None:
    """Write 1 - q / (1 + q) as 1 / (1 + q), where that is shorter."""
    out = tuple(range(len(term.dims)))
    dims: dict[Label, object] = dict(enumerate(term.dims))
    for v, labels in _denominators(term):
        over = [Factor(v, labels)]
        top: list[Term] = []
        for s, b in summands(term):
            piece = contract([Factor(b, out), *over], out, dims, s)  # type: ignore[arg-type]
            top += _distributed(piece) or [piece]
        new = add(top)
        if context.sizes(new) + context.sizes(v) + 1 < context.sizes(term):
            under = Factor(v, labels)._replace(exponent=-over[0].exponent)
            whole = [Factor(new, out), under]
            return contract(whole, out, dims, Scale())  # type: ignore[arg-type]
    return None


def _denominators(term: Term) -> list[tuple[Term, tuple[Label, ...]]]:
    """Return the sums that divide a summand entry by entry, with their places, each once."""
    found: dict[tuple[Term, tuple[Label, ...]], None] = {}
    for _, body in summands(term):
        parts = Parts.of(body)
        for f in parts.factors:
            if f.term.kind == "add" and f.exponent < 0 and set(f.labels) <= set(parts.out):
                found[f.term, f.labels] = None
    return list(found)
