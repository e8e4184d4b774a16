"""Gradients at points where their formula divides by zero, though the function is regular there.

``det(A) * inv(A).T`` is the adjugate, transposed, and exists for a singular A too. The gradient of
a norm at 0 is taken as 0, one of its subgradients: x / norm(x) is computed so. Contract: elsewhere
the value is that of what is printed.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..core.expr import (
    Expr,
    add,
    div,
    matmul,
    mul,
    node,
    num,
    rebuild,
    remade,
    transpose,
    walk,
    with_args,
)
from ..core.shapes import SCALAR
from ..ops import TABLE
from .adjugates import with_adjugates
from .powers import Seen, factors, signed


def regular(x: Expr, seen: Seen) -> Expr:
    """Return a gradient whose determinants and norms may vanish; names are left, but seen through.

    A quotient of the user's own is none of a gradient: forward values are not to be passed.
    """

    def change(e: Expr, args: tuple[Expr, ...]) -> Expr:
        work = with_args(e, args)
        if work.is_matrix_product:
            return with_adjugates(work, seen)
        if not work.is_scaled:
            return work
        over, under = factors(work)
        over = _adjugates(over, seen)
        over, under = _by_norms(over, under, seen)
        under = [_nonzero(d, over, under, seen) for d in under]
        if (over, under) == factors(work):
            return work
        return quotient(over, under)

    return rebuild(x, change, Expr.is_name)


def quotient(over: Sequence[Expr], under: Sequence[Expr]) -> Expr:
    """Return a quotient of products, without numbers that cancel."""
    above = [f for f in over if f is not num(1)]
    below = [f for f in under if f is not num(1)]
    for f in [f for f in below if f.is_number and f in above]:
        above.remove(f)
        below.remove(f)
    return div(mul(*above), mul(*below)) if below else mul(*above)


# Determinants ------------------------------------------------------------------------------------


def _adjugates(over: list[Expr], seen: Seen) -> list[Expr]:
    """Return factors with det(M) and one inv(M) of the others made the adjugate of M."""
    for k, d in enumerate(over):
        whole, rest = _determinant(seen(d))
        if whole is None:
            continue
        for j, f in enumerate(over):
            joined = _with_adjugate(f, whole, seen) if j != k else None
            if joined is not None:
                left = [*over[:j], joined, *over[j + 1 :]]
                return [*left[:k], *rest, *left[k + 1 :]]
    return over


def _determinant(d: Expr) -> tuple[Expr | None, list[Expr]]:
    """Return M and what is left of a power of det(M) when one is taken away."""
    if d.op == "det":
        return d.args[0], []
    if d.op in ("pow", "square") and d.args[0].op == "det":
        if d.op == "square" or d.args[1] == num(2):
            return d.args[0].args[0], [d.args[0]]
        if d.args[1] == num(3):
            return d.args[0].args[0], [with_args(d, (d.args[0], num(2)))]
    return None, []


def _with_adjugate(f: Expr, of: Expr, seen: Seen) -> Expr | None:
    """Return ``f`` times det(M), where it is linear in inv(M): with the adjugate in its place."""
    if f.op == "inv" and f.args[0] is of:
        return node("adjugate", f.args, f.shape)
    if f.op == "solve" and f.args[0] is of:
        return matmul(node("adjugate", (of,), of.shape), f.args[1])
    if f.op in ("matmul", "mul", "div"):
        places = f.args[:1] if f.is_quotient else f.args
        for k, a in enumerate(places):
            inside = _with_adjugate(a, of, seen)
            if inside is not None:
                args = (*f.args[:k], inside, *f.args[k + 1 :])
                return remade(f, args)
    if f.is_sum:
        terms = [_with_adjugate(a, of, seen) for a in f.args]
        if any(t is not None for t in terms):
            whole = node("det", (of,), SCALAR)
            pairs = zip(terms, f.args, strict=True)
            return add(*(mul(whole, a) if t is None else t for t, a in pairs))
    if TABLE[f.op].linear:
        inside = _with_adjugate(f.args[0], of, seen)
        if inside is not None:
            return signed(f, (inside,))
    return None


# Norms -------------------------------------------------------------------------------------------


def _nonzero(d: Expr, over: Sequence[Expr], under: Sequence[Expr], seen: Seen) -> Expr:
    """Return the norm of what stands over it, or 1 where that is 0."""
    inside = _normed(seen(d), seen)
    if inside is None:
        return d
    above, below = factors(inside)
    parts = all(f in over for f in above) and all(f in under for f in below)
    if not parts and not any(_is_linear(f, inside, seen) for f in over):
        return d
    return node("where", (d, num(0), d, num(1)), d.shape, ">")


def holds_norm(x: Expr) -> bool:
    """Whether a gradient is computed with a norm that may be 0."""
    parts = walk(x, Expr.is_name)
    return any(e.op == "where" and e.args[::2] == (e.args[0],) * 2 for e in parts)


def _by_norms(over: list[Expr], under: list[Expr], seen: Seen) -> tuple[list[Expr], list[Expr]]:
    """Return factors with those written out that stand for a quotient by a norm."""
    for k, q in enumerate(over):
        above, below = factors(seen(q)) if q.is_name else ([q], [])
        norms = [_normed(seen(d), seen) for d in below]
        rest = [*over[:k], *over[k + 1 :]]
        if any(u is not None and any(_is_linear(f, u, seen) for f in rest) for u in norms):
            return [*over[:k], *above, *over[k + 1 :]], [*under, *below]
    return over, under


def _normed(d: Expr, seen: Seen) -> Expr | None:
    """Return what a norm is of, also where it is written as the root of a sum of squares."""
    if d.op == "norm" and d.data is None:
        return d.args[0]
    if d.op != "sqrt" and d.fixed_power[1] != Fraction(1, 2):
        return None
    total = seen(d.args[0])
    if total.is_matrix_product and len(total.args) == 2:
        return total.args[1] if transpose(total.args[0]) is total.args[1] else None
    body = total.args[0] if total.op == "sum" else total
    if body.op == "square" or body.fixed_power[1] == 2:
        return body.args[0] if total.op == "sum" else None
    return None


def _is_linear(f: Expr, u: Expr, seen: Seen) -> bool:
    """Whether a factor vanishes with u: it is u, or a product with u."""
    if f is u or seen(f) is seen(u):
        return True
    if f.is_product:
        return any(_is_linear(a, u, seen) for a in f.args)
    if f.is_sum or f.op == "where":
        parts = f.args if f.is_sum else f.args[2:]
        return all(a is num(0) or _is_linear(a, u, seen) for a in parts)
    return TABLE[f.op].linear and _is_linear(f.args[0], u, seen)
