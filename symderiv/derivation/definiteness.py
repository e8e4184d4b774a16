"""Takes a symmetric matrix as an expression; returns whether its form shows that it is definite.

Only what can be read off: Xᵀ D X with D ≥ 0, AᵀA, sums and positive multiples of such, what is
declared. What cannot be read off may be definite all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from ..core.expr import Expr, add, matmul, num, number
from ..core.shapes import ONE
from ..core.transposing import flip
from ..ops import TABLE

Declared = Mapping[str, tuple[str, ...]]  # the properties of variables by name

SEMI, DEFINITE = "positive semidefinite", "positive definite"


def definiteness(x: Expr, declared: Declared) -> str:
    """Return ``positive definite``, ``positive semidefinite``, or nothing where none shows.

    >>> from symderiv import hessian
    >>> definiteness(hessian("norm(A @ x - y)**2", "x", A="m, n", y="m").expr, {})
    'positive semidefinite'
    >>> definiteness(hessian("norm(A @ x)**2 + norm(x)**2", "x", A="m, n").expr, {})
    'positive definite'
    """
    if x.op == "mul" and not x.is_scalar:
        scalars = [a for a in x.args if a.is_scalar]
        rest = [a for a in x.args if not a.is_scalar]
        if len(rest) != 1 or not all(is_nonnegative(s, declared) for s in scalars):
            return ""
        strict = all(_is_positive(s, declared) for s in scalars)
        return _weaker(definiteness(rest[0], declared), strict=strict)
    if x.op == "div" and x.args[1].is_scalar and _is_positive(x.args[1], declared):
        return definiteness(x.args[0], declared)
    if x.op == "add":
        parts = [definiteness(a, declared) for a in x.args]
        return "" if "" in parts else DEFINITE if DEFINITE in parts else SEMI
    if x.op == "eye":
        return DEFINITE
    if x.op == "diag" and x.args[0].shape[1] == ONE:
        if _is_positive(x.args[0], declared):
            return DEFINITE
        return SEMI if is_nonnegative(x.args[0], declared) else ""
    if x.is_variable and "spd" in declared.get(str(x.data), ()):
        return DEFINITE
    return _of_product(x, declared) if x.is_matrix_product else ""


class Seen(StrEnum):
    """The form by which a matrix is seen to be definite, or nearly."""

    SQUARE = "square"  # Mᵀ M
    WEIGHTED = "weighted"  # Mᵀ D M, of such a D
    SCALED = "scaled"  # the same with a diagonal D
    SQUARES = "squares"  # a sum of such Mᵀ M
    MULTIPLIED = "multiplied out"  # the same
    SUM = "sum"  # of such matrices
    DIAGONAL = "diagonal"
    PLAIN = "plain"  # what is declared, or the identity


def seen_as(x: Expr) -> Seen:
    """Return the form of a matrix that is definite, or nearly, but for positive numbers."""
    if x.op in ("mul", "div") and not x.is_scalar:
        (body,) = [a for a in x.args if not a.is_scalar]
        return seen_as(body)
    if x.op == "diag":
        return Seen.DIAGONAL
    if x.op == "add":
        squares = all(seen_as(a) is Seen.SQUARE for a in x.args)
        return Seen.SQUARES if squares else Seen.SUM
    if not x.is_matrix_product:
        return Seen.PLAIN
    _, factors = _taken_apart(x)
    if not _is_mirrored(factors):
        squares = seen_as(_multiplied_out(factors)) is Seen.SQUARES
        return Seen.MULTIPLIED if squares else Seen.SUM
    if len(factors) % 2 == 0:
        return Seen.SQUARE
    return Seen.SCALED if factors[len(factors) // 2].op == "diag" else Seen.WEIGHTED


def _weaker(found: str, *, strict: bool) -> str:
    return found if strict or not found else SEMI


def _of_product(x: Expr, declared: Declared) -> str:
    """Return what is seen of a product that reads the same from both ends, transposed."""
    scalars, factors = _taken_apart(x)
    if not all(is_nonnegative(a, declared) for a in scalars):
        return ""
    count = len(factors)
    if not _is_mirrored(factors):
        return definiteness(_multiplied_out(factors), declared)
    if count % 2 == 0:
        return SEMI
    return _weaker(definiteness(factors[count // 2], declared), strict=False)


def _is_mirrored(factors: list[Expr]) -> bool:
    """Whether factors around the middle one are those on the other side, transposed."""
    return all(flip(factors[k]) is factors[-1 - k] for k in range(len(factors) // 2))


def _multiplied_out(factors: list[Expr]) -> Expr:
    """Return a product without the first sum among its factors; the number 0 without one."""
    for k, a in enumerate(factors):
        whole = a.args[0] if a.is_transpose else a
        if whole.is_sum:
            terms = map(flip, whole.args) if a.is_transpose else whole.args
            return add(*(matmul(*factors[:k], t, *factors[k + 1 :]) for t in terms))
    return num(0)


def _taken_apart(x: Expr) -> tuple[list[Expr], list[Expr]]:
    """Return the scalars of a product and its other factors."""
    scalars: list[Expr] = []
    factors: list[Expr] = []
    for a in x.args:
        parts = a.args if a.op == "mul" and not a.is_scalar else (a,)
        rest = [p for p in parts if not p.is_scalar]
        if len(rest) > 1:  # a Hadamard product is one factor
            parts, rest = (a,), [a]
        scalars += [p for p in parts if p.is_scalar]
        factors += [f for p in rest for f in (p.args if p.is_matrix_product else (p,))]
    return scalars, factors


def is_nonnegative(x: Expr, declared: Declared) -> bool:
    """Whether every entry is seen to be at least 0."""
    if _is_positive(x, declared):
        return True
    if x.op in ("mul", "add", "matmul", "outer"):
        return all(is_nonnegative(a, declared) for a in x.args)
    if x.op == "pow" and x.args[1].is_number:
        even = number(x.args[1]).numerator % 2 == 0
        return even or is_nonnegative(x.args[0], declared)
    if x.op == "div":
        return is_nonnegative(x.args[0], declared) and is_nonnegative(x.args[1], declared)
    if x.op == "where":
        return all(is_nonnegative(a, declared) for a in x.args[2:])
    if x.op in ("sum", "mean", "transpose", "diag", "reshape", "vec"):
        return is_nonnegative(x.args[0], declared)
    return TABLE[x.op].range in ("nonnegative", "positive", "unit") or _is_zero(x)


def _is_zero(x: Expr) -> bool:
    return x.op == "zeros" or (x.is_number and number(x) == 0)


def _is_positive(x: Expr, declared: Declared) -> bool:
    """Whether every entry is seen to be above 0."""
    if x.is_number:
        return number(x) > 0
    if x.op in ("size", "const", "ones"):
        return True
    if x.is_variable:
        return "positive" in declared.get(str(x.data), ())
    if x.op in ("mul", "div"):
        return all(_is_positive(a, declared) for a in x.args)
    if x.op == "add":
        return _is_rest_of_one(x) or all(_is_positive(a, declared) for a in x.args)
    if x.op == "pow":
        return _is_positive(x.args[0], declared)
    return TABLE[x.op].range in ("positive", "unit")


def _is_rest_of_one(x: Expr) -> bool:
    """Whether this is 1 - y with y between 0 and 1."""
    if len(x.args) != 2:
        return False
    minus = [a.args[0] for a in x.args if a.op == "neg"]
    one = [a for a in x.args if a.is_number and number(a) == 1 or a.op == "ones"]
    return len(minus) == 1 and len(one) == 1 and TABLE[minus[0].op].range == "unit"
