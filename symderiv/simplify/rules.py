"""The rules of simplification: each a named line of mathematics that holds wherever it applies.

A rule takes a contraction apart and returns an equal term, or None where it does not apply. The
first six hold for all real arguments at which both sides are defined; what needs a property of a
variable asks the facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from ..ops.base import ENTRYWISE
from ..tensor import (
    Factor,
    Label,
    Scale,
    Term,
    add,
    call,
    constant,
    contract,
    delta,
    scaled,
    summands,
)
from .assumptions import Facts
from .matching import Match, matches
from .parts import Parts, orders
from .size import Sizes


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule may ask: the facts, the size of a term, and how a term reads simplified."""

    facts: Facts
    sizes: Sizes
    simplified: Callable[[Term], Term]


Apply = Callable[[Parts, Context], Term | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """A named rewriting of a contraction, with the law that makes it true."""

    name: str
    law: str
    apply: Apply


def _inverse_cancels(parts: Parts, context: Context) -> Term | None:
    for k, f in parts.calls("inv"):
        if f.exponent != 1 or len(f.labels) != 2:
            continue
        inside = Parts.of(f.term.children[0])
        for (a, b), (slot, far) in product(orders(f), ((0, 1), (1, 0))):
            near, outer = ((b, a), (a, b))[slot]
            for match in matches(inside, parts, {inside.out[slot]: near}):
                if k in match.positions or not parts.only_in(near, k, *_at(parts, match, near)):
                    continue
                ends = Factor(delta(f.term.dims[0]), (outer, match.labels[inside.out[far]]))
                scale = Scale(1 / inside.scale.value, tuple((n, -e) for n, e in inside.scale.sizes))
                return parts.replaced((k, *match.positions), [ends], scale)
    return None


def _at(parts: Parts, match: Match, label: Label) -> tuple[int, ...]:
    """Return the matched positions that carry a label, once for each time they do."""
    return tuple(p for p in match.positions for x in parts.factors[p].labels if x == label)


def _ratio_cancels(parts: Parts, context: Context) -> Term | None:
    for k, f in enumerate(parts.factors):
        if f.term.kind != "contract" or not f.term.children or f.exponent > -1:
            continue
        pattern = Parts.of(f.term)
        for match in matches(pattern, parts, dict(zip(pattern.out, f.labels, strict=True))):
            up = Factor(f.term, f.labels, f.exponent + 1)
            return parts.replaced((k, *match.positions), [up] if up.exponent else [])
    return None


def _orthogonal_cancels(parts: Parts, context: Context) -> Term | None:
    for k, f in enumerate(parts.factors):
        if not context.facts.has(f.term, "orthogonal") or f.exponent not in (1, 2):
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


# What two entrywise functions of one argument make: over, under, quotient.
_QUOTIENTS = (("sin", "cos", "tan"), ("sinh", "cosh", "tanh"))


def _quotient_of_functions(parts: Parts, context: Context) -> Term | None:
    for over, under, quotient in _QUOTIENTS:
        for k, f in parts.calls(over):
            for j, g in parts.calls(under):
                if f.labels != g.labels or f.term.children != g.term.children:
                    continue
                if f.exponent > 0 and g.exponent == -f.exponent:
                    whole = call(ENTRYWISE[quotient](None), f.term.children, f.term.dims)
                    return parts.replaced((k, j), [Factor(whole, f.labels, f.exponent)])
    return None


def _logistic(parts: Parts, context: Context) -> Term | None:
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
        minus = scaled(u, Scale(Fraction(-1)))
        new = [
            Factor(call(ENTRYWISE["sigmoid"](None), (x,), x.dims), f.labels, Fraction(e))
            for x, e in ((u, power), (minus, count - power))
        ]
        if power and power != count:
            one = call(ENTRYWISE["sigmoid"](None), (u,), u.dims)
            rest = add(
                [
                    contract([], tuple(range(len(u.dims))), dict(enumerate(u.dims))),
                    scaled(one, Scale(Fraction(-1))),
                ]
            )
            new[1] = Factor(rest, f.labels, Fraction(count - power))
        return parts.replaced(gone, [x for x in new if x.exponent])
    return None


def _one_plus_exp(term: Term) -> Term | None:
    """Return u where a term is 1 + exp(u)."""
    if term.kind != "add" or len(term.children) != 2:
        return None
    found = None
    for scale, body in summands(term):
        if scale != Scale():
            return None
        if body.kind == "call" and body.data.name == "exp":
            found = body.children[0]
        elif body.kind != "contract" or body.children:
            return None
    return found


def _clear_fractions(parts: Parts, context: Context) -> Term | None:
    """Multiply a factor into a sum whose own fractions it cancels: v (1 + q / v) = v + q."""
    for k, f in enumerate(parts.factors):
        if f.term.kind != "add" or f.exponent not in (1, -1):
            continue
        for j, g in enumerate(parts.factors):
            if j == k or not set(g.labels) <= set(f.labels) or len(set(f.labels)) < len(f.labels):
                continue
            if (g.exponent > 0) != (f.exponent > 0) or not _occurs(g.term, f.term):
                continue
            marks = tuple(f.labels.index(x) for x in g.labels)
            new = _multiplied(f.term, g.term, marks, abs(g.exponent))
            if context.sizes(new) < context.sizes(f.term) + context.sizes(g.term) + 1:
                return parts.replaced((k, j), [Factor(new, f.labels, f.exponent)])
    return None


def _occurs(factor: Term, total: Term) -> bool:
    """Whether a factor divides one of the summands of a sum, or is the base of a power in it."""
    return any(
        (f.term is factor and f.exponent < 0)
        or (f.term.kind == "call" and f.term.data.name == "pow" and f.term.children[0] is factor)
        for _, body in summands(total)
        for f in Parts.of(body).factors
    )


def _powers_join(parts: Parts, context: Context) -> Term | None:
    for k, f in parts.calls("pow"):
        base, exponent = f.term.children
        for j, g in enumerate(parts.factors):
            if g.term is not base or g.labels != f.labels or f.exponent != 1:
                continue
            more = constant(Scale(g.exponent), exponent.dims)
            new = call(f.term.data, (base, add([exponent, more])), f.term.dims)
            return parts.replaced((k, j), [Factor(new, f.labels)])
    return None


def _multiplied(total: Term, by: Term, marks: tuple[int, ...], exponent: Fraction) -> Term:
    out = tuple(range(len(total.dims)))
    dims = dict(enumerate(total.dims))
    return add(
        contract([Factor(body, out), Factor(by, marks, exponent)], out, dims, scale)
        for scale, body in summands(total)
    )


def _binary_powers(parts: Parts, context: Context) -> Term | None:
    for k, f in enumerate(parts.factors):
        if f.exponent > 1 and context.facts.has(f.term, "binary", "onehot"):
            return parts.replaced((k,), [Factor(f.term, f.labels)])
    return None


def _sum_of_sum(parts: Parts, context: Context) -> Term | None:
    """Sum a sum term by term where that is shorter: the rows of X - mean(X) add up to 0."""
    for k, f in enumerate(parts.factors):
        alone = [x for x in f.labels if parts.only_in(x, k)]
        if f.term.kind != "add" or f.exponent != 1 or not alone:
            continue
        ends = tuple(x for x in f.labels if x not in alone)
        dims = dict(zip(f.labels, f.term.dims, strict=True))
        whole = contract([f], ends, dims)
        new = add(
            context.simplified(contract([Factor(body, f.labels)], ends, dims, scale))
            for scale, body in summands(f.term)
        )
        if context.sizes(new) < context.sizes(whole):
            return parts.replaced((k,), [Factor(new, ends)])
    return None


def rules() -> Iterator[Rule]:
    """Yield the rules in the order in which they are tried."""
    yield Rule("inverse-cancels", "a matrix times its inverse is the identity", _inverse_cancels)
    yield Rule("ratio-cancels", "a sum divided by itself is 1", _ratio_cancels)
    yield Rule("orthogonal-cancels", "QᵀQ = I for an orthogonal matrix", _orthogonal_cancels)
    yield Rule(
        "quotient-of-functions", "sin / cos = tan, sinh / cosh = tanh", _quotient_of_functions
    )
    yield Rule("logistic", "1 / (1 + exp(-u)) = σ(u)", _logistic)
    yield Rule("powers-join", "x xʸ = xʸ⁺¹", _powers_join)
    yield Rule("clear-fractions", "v (1 + q / v) = v + q", _clear_fractions)
    yield Rule("sum-of-sum", "a sum may be summed term by term", _sum_of_sum)
    yield Rule("binary-powers", "b² = b for entries 0 and 1", _binary_powers)


RULES = tuple(rules())
