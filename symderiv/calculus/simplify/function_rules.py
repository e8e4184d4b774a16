"""Rules that fold functions: quotients and sums that have a name of their own, and sigmoids."""

from __future__ import annotations

from fractions import Fraction

from ...ops import TABLE
from ...ops.base import ENTRYWISE
from ...ops.decompositions import along_itself
from ...ops.softmax import softmax
from ...tensor import Factor, Parts, Scale, Term, add, call, constant, contract, scaled, summands
from .rule import RuleContext

# What two entrywise functions of one argument make: over, under, quotient.
_QUOTIENTS = (("sin", "cos", "tan"), ("sinh", "cosh", "tanh"))


def quotient_of_functions(parts: Parts, context: RuleContext) -> Term | None:
    """Sin / cos = tan, sinh / cosh = tanh."""
    for over, under, quotient in _QUOTIENTS:
        for k, f in parts.calls(over):
            for j, g in parts.calls(under):
                if f.labels != g.labels or f.term.children != g.term.children:
                    continue
                if f.exponent > 0 and g.exponent == -f.exponent:
                    whole = call(ENTRYWISE[quotient](None), f.term.children, f.term.dims)
                    return parts.replaced((k, j), [Factor(whole, f.labels, f.exponent)])
    return None


def logistic(parts: Parts, context: RuleContext) -> Term | None:
    """Apply (1 + e^u)^-k e^(p u) = sigmoid(u)^p sigmoid(-u)^(k-p), for 0 <= p <= k."""
    for k, f in enumerate(parts.factors):
        u = _one_plus_exp(f.term)
        if u is None or f.exponent >= 0 or f.exponent.denominator != 1:
            continue
        gone, power = [k], Fraction(0)
        for j, g in parts.calls("exp"):
            for sign, argument in ((1, u), (-1, scaled(u, Scale(Fraction(-1))))):
                if g.labels == f.labels and g.term.children[0] is argument:
                    gone.append(j)
                    power += sign * g.exponent
        count = -f.exponent
        if power.denominator != 1 or not 0 <= power <= count:
            continue
        both = ((u, power), (scaled(u, Scale(Fraction(-1))), count - power))
        if power and power != count:  # sigmoid(-v) is 1 - sigmoid(v): v is the shorter one
            first, last = sorted(both, key=lambda b: (context.sizes(b[0]), _is_negative(b[0])))
            both = (first, last)
        new = [
            Factor(call(ENTRYWISE["sigmoid"](None), (x,), x.dims), f.labels, Fraction(e))
            for x, e in both
        ]
        if power and power != count:
            one = new[0].term
            rest = add(
                [
                    contract([], tuple(range(len(u.dims))), dict(enumerate(u.dims))),
                    scaled(one, Scale(Fraction(-1))),
                ]
            )
            new[1] = Factor(rest, f.labels, new[1].exponent)
        return parts.replaced(gone, [x for x in new if x.exponent])
    return None


def _is_negative(term: Term) -> bool:
    """Whether every summand of a term has a minus in front."""
    return all((s * Parts.of(body).scale).value < 0 for s, body in summands(term))


def _one_plus_exp(term: Term) -> Term | None:
    """Return u where a term is 1 + exp(u)."""
    if not term.is_sum or len(term.children) != 2:
        return None
    bodies = [body for scale, body in summands(term) if scale == Scale()]
    one = constant(Scale(), term.dims)
    powers = [b for b in bodies if b.is_call and b.data.name == "exp"]
    return powers[0].children[0] if len(powers) == 1 and one in bodies else None


def powers_join(parts: Parts, context: RuleContext) -> Term | None:
    """X * x ** y = x ** (y + 1)."""
    for k, f in parts.calls("pow"):
        base, exponent = f.term.children
        for j, g in enumerate(parts.factors):
            if g.term is not base or g.labels != f.labels or f.exponent != 1:
                continue
            more = constant(Scale(g.exponent), exponent.dims)
            new = call(f.term.data, (base, add([exponent, more])), f.term.dims)
            return parts.replaced((k, j), [Factor(new, f.labels)])
    return None


def softmax_folds(parts: Parts, context: RuleContext) -> Term | None:
    """Write exp(Z) / sum(exp(Z)) as softmax(Z), along whatever the sum goes over."""
    for k, f in enumerate(parts.factors):
        inside = Parts.of(f.term)
        if f.exponent != -1 or len(inside.factors) != 1 or inside.scale != Scale():
            continue
        total = inside.factors[0]
        if not total.term.is_call or total.term.data.name != "exp" or total.exponent != 1:
            continue
        if len(set(total.labels)) < len(total.labels):
            continue  # a sum along a diagonal
        names = dict(zip(inside.out, f.labels, strict=True))
        slots = [j for j, x in enumerate(total.labels) if x not in inside.out]
        for j, g in parts.calls("exp"):
            kept = [x for i, x in enumerate(g.labels) if i not in slots]
            same = [names[x] for x in total.labels if x in inside.out]
            if g.term is total.term and g.exponent == 1 and kept == same and slots:
                count = len(total.labels)
                whole = softmax(total.term.children[0], tuple(i - count for i in slots))
                # An axis along which the sum was only spread may be summed over, and counts.
                spread = Factor(constant(Scale(), f.term.dims), f.labels)
                return parts.replaced((k, j), [Factor(whole, g.labels), spread])
    return None


def shares_add_up(parts: Parts, context: RuleContext) -> Term | None:
    """Sum a softmax, or a row or column that is one-hot, to 1, and a row of a layernorm to 0."""
    for k, f in enumerate(parts.factors):
        slots, total = _known_total(f.term, context)
        summed = [f.labels[slot] for slot in slots]
        if f.exponent == 1 and slots and all(parts.only_in(x, k) for x in summed):
            kept = tuple(dict.fromkeys(x for x in f.labels if x not in summed))
            dims = dict(zip(f.labels, f.term.dims, strict=True))
            known = contract([], kept, {x: dims[x] for x in kept}, Scale(Fraction(total)))
            return parts.replaced((k,), [Factor(known, kept)])
    return None


def _known_total(term: Term, context: RuleContext) -> tuple[tuple[int, ...], int]:
    """Return the axes along which the entries of a term add up to a number, and the number."""
    name = term.data.name if term.is_call else ""
    if name == "softmax":
        return term.data.data, 1
    if name == "layernorm":
        return (-1,), 0
    for known, slot in (("onehot", -1), ("onehot_cols", -min(2, len(term.dims)))):
        if term.dims and context.facts.has(term, known):
            return (slot,), 1
    return (), 0


def undone(term: Term, context: RuleContext) -> Term | None:
    """Write exp(log(x)) as x, and so on for every function under its inverse."""
    inner = term.children[0]
    if not inner.is_call or TABLE[term.data.name].undoes != inner.data.name:
        return None
    return inner.children[0]


def part_of_part(term: Term, context: RuleContext) -> Term | None:
    """Write tril(c tril(X)) as c tril(X), tril(I) as I, and so for triu."""
    name = term.data.name
    if name not in ("tril", "triu"):
        return None
    if term.children[0].is_delta:
        return term.children[0]
    parts = Parts.of(term.children[0])
    if len(parts.factors) != 1 or parts.factors[0].labels != parts.out:
        return None
    (only,) = parts.factors
    same = only.term.is_call and only.term.data == term.data and only.exponent == 1
    return term.children[0] if same else None


def commuting(term: Term, context: RuleContext) -> Term | None:
    """Write the derivative of f at s X along X as X f'(s X)."""
    return along_itself(term)


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
