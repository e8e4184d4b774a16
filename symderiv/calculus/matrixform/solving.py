"""Takes an expression; returns it with ``inv(A) @ b`` written as ``solve(A, b)``.

A product with a vector in the middle, or with an inverse at its end, is solved from both ends:
A⁻ᵀ g bᵀ A⁻ᵀ is ``solve(A.T, g) @ solve(A, b).T``. Nothing else changes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from ...core.expr import Expr, is_name, matmul, node, rebuild, transpose, with_args
from ...core.shapes import ONE, broadcast
from ...core.transposing import flip


def with_solves(x: Expr, symmetric: Collection[Expr] = ()) -> Expr:
    """Return an expression with products by inverses as solutions of linear equations.

    ``symmetric`` are matrices that are their own transposes.
    """

    def turned(f: Expr) -> Expr:
        return f if f in symmetric else flip(f)

    def change(old: Expr, args: tuple[Expr, ...]) -> Expr:
        new = with_args(old, args)
        return _product(new.args, turned) if new.op == "matmul" else new

    return rebuild(x, change, is_name)


def _product(factors: Sequence[Expr], turned: Callable[[Expr], Expr]) -> Expr:
    """Return a product solved from the left, and from the right behind a vector."""
    cut = next((k for k, f in enumerate(factors[:-1], 1) if f.shape[-1] == ONE), None)
    cut = cut or _before_inverses(factors)
    if not cut:
        return matmul(*_from_left(factors))
    behind = [turned(f) for f in reversed(factors[cut:])]
    return matmul(*_from_left(factors[:cut]), flip(matmul(*_from_left(behind))))


def _before_inverses(factors: Sequence[Expr]) -> int:
    """Return where the last factor stands that inverses at the end stand behind; 0 without any."""
    last = len(factors) - 1
    while last and _inverted(factors[last]) is not None:
        last -= 1
    return last if last < len(factors) - 1 else 0


def _from_left(factors: Sequence[Expr]) -> list[Expr]:
    done = [factors[-1]]
    for f in reversed(factors[:-1]):
        matrix = _inverted(f)
        if matrix is None:
            done.insert(0, f)
        else:
            right = matmul(*done)
            stacks = [(*x.shape[:-2], ONE, ONE) for x in (matrix, right)]
            shape = (*broadcast(stacks)[:-2], matrix.shape[-1], right.shape[-1])
            done = [node("solve", (matrix, right), shape)]
    return done


def _inverted(x: Expr) -> Expr | None:
    """Return the matrix of which an expression is the inverse, or None."""
    if x.op == "inv":
        return x.args[0]
    if x.op == "transpose" and x.args[0].op == "inv":
        return transpose(x.args[0].args[0])
    return None
