"""Takes a form in matrices; returns the same for tensors, at every position of the batch axes."""

from __future__ import annotations

from collections.abc import Callable

from ...core.errors import MissingRuleError
from ...core.expr import (
    MAKERS,
    Expr,
    div,
    eye,
    matmul,
    mul,
    node,
    num,
    remade,
    transpose,
    with_args,
)
from ...core.shapes import ONE, SCALAR, Shape, trimmed


def no_form() -> MissingRuleError:
    """Return the error that says that there is no form in matrices."""
    return MissingRuleError(
        "no matrix form: an index is shared by three or more matrices",
        remedy="see the index form of the result",
    )


def missing(shape: Shape, wanted: Shape) -> Shape:
    """Return the shape of the ones that spread something over the axes it lacks."""
    padded = (ONE,) * (len(wanted) - len(shape)) + shape
    return tuple(w if p != w else ONE for p, w in zip(padded, wanted, strict=True))


def summed(x: Expr, axis: int, op: str = "sum") -> Expr:
    """Return the sum, or mean, along an axis, kept with size 1 unless it is leading."""
    shape = trimmed((*x.shape[:axis], ONE, *x.shape[axis + 1 :]))
    return node(op, (x,), shape, axis)


def total(x: Expr) -> Expr:
    """Return the sum of all entries, of what is being summed axis by axis."""
    while x.op == "sum":
        x = x.args[0]
    return node("sum", (x,), SCALAR)


class Lift:
    """Reads a form in matrices for the tensors that its names stand for."""

    def __init__(self, meaning: dict[Expr, Expr]) -> None:
        self._done = dict(meaning)

    def __call__(self, x: Expr) -> Expr:
        """Return the form with tensors in it; raises MissingRuleError where there is none."""
        found = self._done.get(x)
        if found is None:
            found = self._done[x] = self._lifted(x)
        return found

    def _lifted(self, x: Expr) -> Expr:
        if x.is_matrix_product:
            return self._matmul(x)
        args = tuple(map(self, x.args))
        if x.op in MAKERS:
            return x if args == x.args else remade(x, args)
        if all(len(a.shape) == 2 for a in args):
            return with_args(x, args)
        if x.op in ("sum", "mean"):
            last = len(args[0].shape) - 1
            if x.data is None:
                return summed(summed(args[0], last, x.op), last - 1, x.op)
            return summed(args[0], last - 1 + int(str(x.data)), x.op)
        if x.op == "trace":
            return self._trace(args[0])
        raise no_form()

    @staticmethod
    def _trace(x: Expr) -> Expr:
        dim = x.shape[-1]
        inner = summed(mul(eye(dim), x), len(x.shape) - 1)
        return summed(inner, len(inner.shape) - 2)

    def _matmul(self, x: Expr) -> Expr:
        """Return a product: a diagonal scales its neighbour, a column of ones sums the rows."""
        done: Expr | None = None
        waiting: list[Callable[[Expr], Expr]] = []
        for f in x.args:
            tensor = done is not None and len(done.shape) > 2
            if f.is_diagonal:
                weight = self(f.args[0])
                if len(weight.shape) > 2:
                    if done is None:
                        waiting.append(lambda y, w=weight: _scaled(y, w))  # type: ignore[misc]
                    else:
                        done = _scaled(done, transpose(weight))
                    continue
            if f.is_column_of_ones and tensor and done is not None:
                done = summed(done, len(done.shape) - 1)
                continue
            if f is x.args[0] and f.is_row_of_ones and len(x.args) > 1:
                waiting.append(lambda y: summed(y, len(y.shape) - 2))
                continue
            done = self(f) if done is None else matmul(done, self(f))
            while waiting:
                done = waiting.pop()(done)
        if done is None:
            raise no_form()
        return done


def _scaled(x: Expr, weight: Expr) -> Expr:
    """Return the product of weights and what they weigh; one over something divides."""
    minus = weight.is_transpose and weight.args[0].is_quotient
    quotient = weight.args[0] if minus else weight
    if not quotient.is_quotient or quotient.args[0] is not num(1):
        return mul(weight, x)
    under = quotient.args[1]
    return div(x, transpose(under) if minus else under)
