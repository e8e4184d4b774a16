"""The gradient through an adjugate, at singular matrices too.

What is printed, (<C, Y> I - Y^T C) X^-T with Y = adjugate(X), divides by det(X), and is a
polynomial all the same; code computes that from singular values. Contract: the form is recognised
by its parts, and that <C, Y> stands where it should is seen at points, in exact arithmetic.
"""

from __future__ import annotations

from fractions import Fraction
from random import Random

from ..core.expr import Expr, eye, matmul, mul, node, ones, transpose, walk
from ..core.shapes import ONE, SCALAR
from ..core.transposing import flip
from ..values.explicit import Explicit, same_cells
from .powers import Seen

_SIZES = (2, 3)
_MOST_PARTS = 60


def with_adjugates(e: Expr, seen: Seen) -> Expr:
    """Return a product in which pullbacks of adjugates need no inverse."""
    for k in range(len(e.args) - 1):
        inverted = seen(e.args[k + 1])
        plain = inverted.args[0] if inverted.is_transpose else inverted
        if not inverted.is_transpose or plain.op != "inv":
            continue
        cotangent = _cotangent(seen(e.args[k]), plain.args[0], seen)
        if cotangent is not None:
            pulled = node("adjugate_pullback", (plain.args[0], cotangent), plain.shape)
            return matmul(*e.args[:k], pulled, *e.args[k + 2 :])
    return e


def _cotangent(f: Expr, of: Expr, seen: Seen) -> Expr | None:
    """Return C where an expression is <C, Y> I - Y^T C with the adjugate Y of a matrix."""
    turned = f.is_transpose
    body = seen(f.args[0]) if turned else f
    if not body.is_sum or len(body.args) != 2:
        return None
    scale = next((s for a in body.args if (s := _multiple(a)) is not None), None)
    taken = next((a.args[0] for a in body.args if a.is_negative), None)
    if scale is None or taken is None:
        return None
    # (<C, Y> I - C^T Y)^T is read from the other end.
    found = _left_of(taken if turned else flip(taken), of, seen)
    if found is None:
        return None
    cotangent = transpose(found)
    inner = node("sum", (mul(cotangent, node("adjugate", (of,), of.shape)),), SCALAR)
    return cotangent if _is_equal(scale, inner) else None


def _multiple(e: Expr) -> Expr | None:
    """Return s where an expression is s I."""
    if not e.is_hadamard or [a.op for a in e.args if not a.is_scalar] != ["eye"]:
        return None
    return mul(*(a for a in e.args if a.is_scalar))


def _left_of(e: Expr, of: Expr, seen: Seen) -> Expr | None:
    """Return B where an expression is B Y with the adjugate Y of a matrix."""
    factors = e.args if e.is_matrix_product else (e,)
    last = seen(factors[-1])
    rest = list(factors[:-1])
    if last.op == "sum" and last.data == 0:
        last = seen(last.args[0])
        rest.append(transpose(ones(of.shape[0], ONE)))
    if last.op != "adjugate" or last.args[0] is not of:
        return None
    return matmul(*rest) if rest else eye(of.shape[0])


def _is_equal(left: Expr, right: Expr) -> bool:
    """Whether two scalars agree at points of random fractions.

    What has a name is any matrix first, so that of a chain only one link is evaluated.
    """
    if _agree(left, right, ("var", "named")):
        return True
    return _is_small(left, right) and _agree(left, right, ("var",))


def _is_small(*both: Expr) -> bool:
    """Whether expressions have few enough parts, those below names too, to be evaluated."""
    left = _MOST_PARTS

    def is_enough(e: Expr) -> bool:
        nonlocal left
        left -= 1
        return left < 0

    for x in both:
        for _ in walk(x, is_enough):
            pass
    return left >= 0


def _agree(left: Expr, right: Expr, leaves: tuple[str, ...]) -> bool:
    both = (left, right)
    nodes = {e: None for x in both for e in walk(x, lambda e: e.op in leaves)}
    given = [e for e in nodes if e.op in leaves]
    names = {s for e in nodes for d in e.shape for s in d.names}
    if any(len(e.shape) != 2 for e in given):
        return False
    for size in _SIZES:
        random = Random(size)
        sizes = dict.fromkeys(sorted(names), size)
        values = {
            e: [
                [Fraction(random.randint(1, 97), 64) for _ in range(e.shape[1].at(sizes))]
                for _ in range(e.shape[0].at(sizes))
            ]
            for e in sorted(given, key=lambda e: str(e.data))
        }
        try:
            here = Explicit(sizes, {}, override=values)
            if not same_cells(*(here.cells(x) for x in both)):
                return False
        except (ArithmeticError, LookupError, TypeError, ValueError):
            return False
    return True
