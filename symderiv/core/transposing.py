"""Takes an expression; returns its transpose, carried inside where that leaves fewer to read."""

from __future__ import annotations

from .expr import Expr, add, div, matmul, mul, neg, node, number, remade, transpose
from .remembering import remembered
from .shapes import ONE, swapped


def flip(x: Expr) -> Expr:
    """Return the transpose, carried into products, where it costs least."""
    if x.is_matrix_product:
        return matmul(*(flip(a) for a in reversed(x.args)))
    if x.is_hadamard and sum(not a.is_scalar for a in x.args) == 1:
        return mul(*(a if a.is_scalar else flip(a) for a in x.args))
    if x.is_negative:
        return neg(flip(x.args[0]))
    if x.op == "Sum":
        return node("Sum", (flip(x.args[0]),), swapped(x.shape), x.data)
    if x.is_sum and not turns_spread(x):
        turned = [flip(a) for a in x.args]
        if set(turned) == set(x.args):
            return x
        bodies = [t.args[0] if t.is_negative else t for t in turned]
        return transpose(x) if any(map(transposes, bodies)) else add(*turned)
    if x.op == "commutation" and isinstance(x.data, tuple):
        return node("commutation", (), x.shape, (x.data[1], x.data[0]))
    if x.op == "kron":
        return node("kron", tuple(map(flip, x.args)), swapped(x.shape))
    if x.op == "diag" and x.shape[0] == x.shape[1]:
        return x
    if is_reciprocal(x):
        return div(x.args[0], flip(x.args[1]))
    if x.op in ("ones", "zeros"):
        return x if x.shape[0] == x.shape[1] else transpose(x)
    if x.op == "concat":
        turned = [_filled(a) or flip(a) for a in x.args]
        if sum(map(count_transposes, turned)) <= sum(map(count_transposes, x.args)):
            return node("concat", tuple(turned), swapped(x.shape), 1 - int(str(x.data)))
    return _flipped_inside(x) or transpose(x)


def _filled(x: Expr) -> Expr | None:
    """Return the transpose of zeros or ones as zeros or ones of the other shape."""
    return node(x.op, (), swapped(x.shape)) if x.op in ("ones", "zeros") else None


def turns_spread(x: Expr) -> bool:
    """Whether a row stands beside a square matrix in it: turned, it could go anywhere."""
    square = x.shape[0] == x.shape[1] and not x.is_scalar
    return square and any(a.shape[0] == ONE and not a.is_scalar for a in x.args)


def _flipped_inside(x: Expr) -> Expr | None:
    """Return a power, a root or a quotient of what is transposed without the transposes."""
    if x.op not in ("pow", "sqrt", "mul", "div") or turns_spread(x):
        return None
    parts = [a for a in x.args if not a.is_scalar]
    if not all(a.is_transpose or _flipped_inside(a) is not None for a in parts):
        return None
    return remade(x, [a if a.is_scalar else flip(a) for a in x.args])


def is_reciprocal(e: Expr) -> bool:
    """Whether an expression is 1 over something."""
    return e.is_quotient and e.args[0].is_number and number(e.args[0]) == 1


def transposes(x: Expr) -> int:
    """Return how many transposes stand in the factors of a product."""
    parts = x.args if x.is_product else (x,)
    return sum(p.is_transpose for p in parts)


def _count(x: Expr) -> int:
    """Return how many transposes stand anywhere in an expression."""
    return (x.is_transpose) + sum(map(count_transposes, x.args))


count_transposes = remembered(_count)
