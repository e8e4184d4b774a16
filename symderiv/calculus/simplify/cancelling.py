"""Rules by which factors cancel, and summands that do when they are multiplied out."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

from ...tensor import (
    Factor,
    Label,
    Parts,
    Scale,
    Term,
    add,
    constant,
    contract,
    delta,
    orders,
    plain,
    scaled,
    share,
    summands,
)
from .matching import Match, matches
from .rule import RuleContext


def inverse_cancels(parts: Parts, context: RuleContext) -> Term | None:
    """Inv(A) @ A = I, also where A is a product whose factors stand apart."""
    for k, f in parts.calls("inv"):
        if f.exponent != 1 or len(f.labels) != 2:
            continue
        inside = Parts.of(f.term.children[0])
        for (a, b), (slot, far) in product(orders(f), ((0, 1), (1, 0))):
            near, outer = ((b, a), (a, b))[slot]
            for match in matches(inside, parts, {inside.out[slot]: near}):
                end = match.labels.get(inside.out[far], near)  # a diagonal entry is no product
                if end == near or k in match.positions:
                    continue
                if not parts.only_in(near, k, *_at(parts, match, near)):
                    continue
                ends = Factor(delta(f.term.dims[0]), (outer, end))
                return parts.replaced((k, *match.positions), [ends], inside.scale.power(-1))
    return None


def _at(parts: Parts, match: Match, label: Label) -> tuple[int, ...]:
    """Return the matched positions that carry a label, once for each time they do."""
    return tuple(p for p in match.positions for x in parts.factors[p].labels if x == label)


def ratio_cancels(parts: Parts, context: RuleContext) -> Term | None:
    """A sum over itself is 1, also where one of the two has a name."""
    for k, f in enumerate(parts.factors):
        value = f.term.children[0] if f.term.is_name else f.term
        if not value.is_contraction or not value.children or f.exponent >= 0:
            continue
        pattern = Parts.of(value)
        for match in matches(pattern, parts, dict(zip(pattern.out, f.labels, strict=True))):
            up = Factor(f.term, f.labels, f.exponent + 1)
            # What is summed over both of them still is, and counts.
            rest = [up if up.exponent else Factor(constant(Scale(), f.term.dims), f.labels)]
            return parts.replaced((k, *match.positions), rest, pattern.scale.power(-1))
    return None


def names_join(parts: Parts, context: RuleContext) -> Term | None:
    """J det(A)ᵃ = Jᵃ⁺¹ where J names det(A): a name and what it names share one power."""
    for k, f in enumerate(parts.factors):
        if f.term.kind not in ("named", "add"):
            continue
        for j, g in enumerate(parts.factors):
            if not context.readings.same(f.term, g.term) or f.labels not in orders(g):
                continue
            power = f.exponent + g.exponent
            joined = Factor(f.term, f.labels, power)
            # What is summed over both of them still is, and counts.
            one = Factor(constant(Scale(), f.term.dims), f.labels)
            return parts.replaced((k, j), [joined if power else one])
    return None


def orthogonal_cancels(parts: Parts, context: RuleContext) -> Term | None:
    """Q.T @ Q = I = Q @ Q.T for an orthogonal variable."""
    for k, f in enumerate(parts.factors):
        if not context.facts.has(f.term, "orthogonal") or len(f.labels) != 2:
            continue
        for j in range(k + 1, len(parts.factors)):
            g = parts.factors[j]
            if g.term is not f.term or g.exponent != 1 or f.exponent != 1:
                continue
            for slot in (0, 1):
                met = f.labels[slot]
                if g.labels[slot] == met and parts.only_in(met, k, j):
                    outer = (f.labels[1 - slot], g.labels[1 - slot])
                    return parts.replaced((k, j), [Factor(delta(f.term.dims[0]), outer)])
    return None


def binary_powers(parts: Parts, context: RuleContext) -> Term | None:
    """B ** 2 = b for a variable with entries 0 and 1."""
    for k, f in enumerate(parts.factors):
        if f.exponent > 1 and context.facts.has(f.term, "binary", "onehot", "onehot_cols"):
            return parts.replaced((k,), [Factor(f.term, f.labels)])
    return None


def signs_square_to_one(parts: Parts, context: RuleContext) -> Term | None:
    """C ** 2 = 1 for a variable with entries 1 and -1, so that only odd powers stay."""
    for k, f in enumerate(parts.factors):
        whole = f.exponent.denominator == 1
        if whole and f.exponent != 1 and context.facts.has(f.term, "pm1"):
            odd = [Factor(f.term, f.labels)] if f.exponent % 2 else []
            kept = [g for j, g in enumerate(parts.factors) if j != k]
            # An index of which nothing is left still counts its range: each square is 1.
            return contract([*kept, *odd], parts.out, parts.dims, parts.scale)
    return None


def shared_cancels(parts: Parts, context: RuleContext) -> Term | None:
    """Look into a shared product that another factor cancels a part of: v (q / v) = q."""
    for k, f in enumerate(parts.factors):
        if not f.term.is_shared or f.exponent != 1:
            continue
        inside = Parts.of(plain(f.term))
        names = dict(zip(inside.out, f.labels, strict=True))
        for g in inside.factors:
            labels = tuple(names.get(x, x) for x in g.labels)
            if set(g.labels) <= set(inside.out) and any(
                (h.term is g.term or context.readings.same(h.term, g.term))
                and h.labels == labels
                and h.exponent * g.exponent < 0
                for h in parts.factors
            ):
                return parts.replaced((k,), [Factor(plain(f.term), f.labels)])
    return None


def _opened(body: Term, by: Term) -> Term:
    """Return what is shared where a factor cancels a part of it."""
    inside = plain(body)
    cancels = any(f.term is by and f.exponent < 0 for f in Parts.of(inside).factors)
    return inside if cancels else body


def clear_fractions(parts: Parts, context: RuleContext) -> Term | None:
    """Multiply a factor into a sum whose own fractions it cancels: v (1 + q / v) = v + q."""
    for k, f in enumerate(parts.factors):
        if not f.term.is_sum or f.exponent.denominator != 1:
            continue
        divisors = _divisors(f.term)
        for j, g in enumerate(parts.factors):
            by = divisors.get(g.term)
            if j == k or by is None or (g.exponent > 0) != (f.exponent > 0):
                continue
            if not set(g.labels) <= set(f.labels) or len(set(f.labels)) < len(f.labels):
                continue
            power = g.exponent / f.exponent
            if abs(f.exponent) != 1 and power.denominator != 1:
                continue  # v T² is (√v T)² for positive v only
            marks = tuple(f.labels.index(x) for x in g.labels)
            new = _multiplied(f.term, by, marks, power)
            if context.sizes(new) < context.sizes(f.term) + context.sizes(g.term) + 1:
                return parts.replaced((k, j), [Factor(new, f.labels, f.exponent)])
    return None


def _divisors(total: Term) -> dict[Term, Term]:
    """Return what divides one of the summands of a sum, or is the base of a power in it.

    What a divisor names is one as well, and comes with the name.
    """
    found: dict[Term, Term] = {}
    for _, body in summands(total):
        for f in Parts.of(plain(body)).factors:
            if f.exponent < 0:
                found[f.term] = f.term
            if f.term.is_call and f.term.data.name == "pow":
                base = f.term.children[0]
                found[base] = base
    named = {t.children[0]: t for t in found if t.is_name}
    return {**named, **found}


def _multiplied(total: Term, by: Term, marks: tuple[int, ...], exponent: Fraction) -> Term:
    out = tuple(range(len(total.dims)))
    dims = dict(enumerate(total.dims))
    return add(
        contract([Factor(_opened(body, by), out), Factor(by, marks, exponent)], out, dims, scale)
        for scale, body in summands(total)
    )


def sum_of_sum(parts: Parts, context: RuleContext) -> Term | None:
    """Sum a sum term by term where that is shorter: the rows of X - mean(X) add up to 0."""
    for k, f in enumerate(parts.factors):
        if not f.term.is_sum or f.exponent != 1:
            continue
        alone = [x for x in f.labels if parts.only_in(x, k)]
        if not alone:
            continue
        ends = tuple(dict.fromkeys(x for x in f.labels if x not in alone))
        dims = dict(zip(f.labels, f.term.dims, strict=True))
        whole = contract([f], ends, dims)
        new = add(
            context.simplified(contract([_whole(body, f.labels, alone)], ends, dims, scale))
            for scale, body in summands(f.term)
        )
        if context.sizes(new) < context.sizes(whole):
            return parts.replaced((k,), [Factor(new, ends)])
    return None


def _whole(body: Term, labels: tuple[Label, ...], summed: list[Label]) -> Factor:
    """Return a summand as one factor: a matrix product is summed as it stands."""
    parts = Parts.of(body)
    names = dict(zip(parts.out, labels, strict=True))
    ends = [{names.get(x) for x in g.labels} for g in parts.factors]
    is_product = any(None in e and e & set(summed) for e in ends)
    return Factor(share(body) if is_product else body, labels)


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
    inside = (f.term for _, b in summands(term) for f in Parts.of(b).factors)
    if not any(plain(t).is_sum for t in inside):
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


def _distributed(term: Term) -> list[Term] | None:
    """Return the summands that a product becomes over the first sum in it, or None."""
    parts = Parts.of(term)
    for k, f in enumerate(parts.factors):
        inner = plain(f.term)
        if inner.is_sum and f.exponent == 1:
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
            if f.term.is_sum and f.exponent < 0 and set(f.labels) <= set(parts.out):
                found[f.term, f.labels] = None
    return list(found)
