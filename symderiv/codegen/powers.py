"""Powers of e in expressions: what stands around them, and sums of them below their largest.

Contract: every function takes ``seen``, which returns what a name stands for.
"""

from __future__ import annotations

from collections.abc import Callable

from ..core.expr import Expr, add, neg, node, num, power, remade, transpose, with_args
from ..core.shapes import ONE, reduced_shape

Seen = Callable[[Expr], Expr]


def entrywise(name: str, x: Expr) -> Expr:
    """Return an entrywise function of one argument."""
    return node(name, (x,), x.shape)


def without_one(e: Expr, one: int = 1) -> Expr | None:
    """Return x where an expression is 1 + x (or, asked for -1, x - 1)."""
    if not e.is_sum or len(e.args) < 2:
        return None
    for k, a in enumerate(e.args):
        if a == num(one) or (one == 1 and a.is_ones and a.shape == e.shape):
            return add(*(b for j, b in enumerate(e.args) if j != k))
    return None


def two_powers(e: Expr, seen: Seen) -> tuple[Expr, Expr] | None:
    """Return a and b where an expression is exp(a) + exp(b); a is 0 for 1 + exp(b)."""
    rest = without_one(e)
    if rest is not None:
        power_ = seen(rest)
        return (num(0), power_.args[0]) if power_.op == "exp" else None
    if not e.is_sum or len(e.args) != 2:
        return None
    a, b = map(seen, e.args)
    return (a.args[0], b.args[0]) if a.op == b.op == "exp" else None


def in_shape(x: Expr, like: Expr) -> Expr:
    """Return an expression that has lost an axis of ones with that axis again."""
    if x.shape == like.shape:
        return x
    return add(x, node("zeros", (), like.shape))


def signed(e: Expr, args: tuple[Expr, ...]) -> Expr:
    """Return a node with other arguments; two signs, or two transposes, are none."""
    if e.is_negative:
        inner = args[0]
        if inner.op == "sum" and inner.args[0].is_negative:
            return with_args(inner, inner.args[0].args)
        return neg(inner)
    return transpose(args[0]) if e.is_transpose else with_args(e, args)


def turned(e: Expr) -> Expr:
    """Return a transpose that is taken of the factors of a product."""
    if e.op in ("mul", "div", "neg"):
        return remade(e, tuple(map(turned, e.args)))
    if e.is_power and e.args[1].is_scalar:
        return power(turned(e.args[0]), e.args[1])
    return transpose(e)


def is_shifted(u: Expr) -> bool:
    """Whether an exponent is one below its largest entry, so that no power is larger than 1."""
    return u.is_sum and any(a.is_negative and a.args[0].op == "max" for a in u.args)


def shifted(d: Expr, seen: Seen) -> tuple[Expr, Expr, Expr] | None:
    """Return U, m and A @ exp(U - m) for A @ exp(U), with the largest m of each column; or None.

    Also of exp(U) @ B, by rows, and of a sum of products with exp(U).
    """
    y = seen(d)
    if len(y.shape) > 2:
        return None
    if y.is_matrix_product and len(y.args) == 2:
        for k, a in enumerate(y.args):
            if seen(a).op == "exp" and not is_shifted(seen(a).args[0]):
                shift = _below_largest(seen(a).args[0], 1 - k)
                args = (*y.args[:k], shift[1], *y.args[k + 1 :])
                return seen(a).args[0], shift[0], with_args(y, args)
    if y.op == "sum" and y.args[0].is_hadamard:
        parts = y.args[0].args
        for k, a in enumerate(parts):
            fits = seen(a).op == "exp" and a.shape == y.args[0].shape
            if fits and not is_shifted(seen(a).args[0]):
                axis = None if y.data is None else int(str(y.data))
                top, rest = _below_largest(seen(a).args[0], axis)
                body = with_args(y.args[0], (*parts[:k], rest, *parts[k + 1 :]))
                return seen(a).args[0], top, with_args(y, (body,))
    return None


def _below_largest(u: Expr, axis: int | None) -> tuple[Expr, Expr]:
    """Return the largest of some entries along an axis, and exp(u - that)."""
    if ONE in u.shape and axis is not None and u.shape[1 - axis] == ONE:
        axis = None
    top = node("max", (u,), reduced_shape(u.shape, axis), axis)
    return top, entrywise("exp", add(u, neg(top)))


def factors(e: Expr) -> tuple[list[Expr], list[Expr]]:
    """Return the factors of a product or a quotient, over and under the line."""
    if e.is_negative:
        over, under = factors(e.args[0])
        return [num(-1), *over], under
    if e.is_hadamard:
        parts = [factors(a) for a in e.args]
        return [f for p in parts for f in p[0]], [f for p in parts for f in p[1]]
    if e.is_quotient:
        (over, more), (under, fewer) = map(factors, e.args)
        return [*over, *fewer], [*more, *under]
    base, count = e.fixed_power
    if count in (1, 2, 3, 4):
        return [base] * int(count), []
    return ([], [base] * -int(count)) if count in (-1, -2, -3) else ([e], [])
