"""The meaning of matrixcalculus.org's signs: shapes must match, nothing is spread on its own.

Contract: a subclass of the elaborator that differs only where that syntax means something else:
products and quotients are those of linear algebra, an entrywise sign joins equal shapes or a
scalar, ``vector(c)`` and ``matrix(c)`` take the size that their place gives them, and ``e`` is a
name like any other.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import ClassVar

from ..core.errors import LanguageError, ShapeError, UnsupportedError
from ..core.expr import Expr, eye, mul, number, ones
from ..core.shapes import ONE, SCALAR, Shape, describe
from .calls import ApplicationReader
from .elaborate import Elaborator

_ENTRYWISE = {"+": "+", "-": "-", "*": ".*", "/": "./", "**": ".^"}


class MatrixReader(Elaborator):
    """Reads the trees that ``matrixcalculus.parse`` makes."""

    signs: ClassVar[dict[type[ast.operator], str]] = {
        **Elaborator.signs,
        ast.FloorDiv: "quotient",
        ast.BitXor: "power",
    }

    def read(self, at: ast.expr) -> Expr:
        """Return the expression that a syntax tree stands for."""
        if isinstance(at, ast.Call) and isinstance(at.func, ast.Name):
            build = _SIZED.get(at.func.id)
            if build is not None and not (at.args and at.func.id == "eye"):
                return build(self, ApplicationReader(self, self.read, at, at.func.id))
        if isinstance(at, ast.Name) and at.id == "e" and not self._is_known("e"):
            return self._undeclared(at)
        return super().read(at)

    def _is_known(self, name: str) -> bool:
        return any(name in x for x in (self.declared.variables, self.definitions, self.inferred))

    def _combine(self, sign: str, at: ast.BinOp, left: Expr, right: Expr) -> Expr:
        if sign == "@":
            self._check_product(at, left, right)
        elif sign == "quotient":
            self._check_scalar(at, right)
            sign = "/"
        elif sign == "power":
            if not left.is_scalar:
                return self._matrix_power(at, left, right)
            self._check_scalar(at, right)
            sign = "**"
        else:
            self._check_shapes(sign, at, left, right)
        return super()._combine(sign, at, left, right)

    def _check_product(self, at: ast.BinOp, left: Expr, right: Expr) -> None:
        a, b = self.shape(left), self.shape(right)
        if SCALAR in (a, b):
            return
        x, y = self.source(at.left), self.source(at.right)
        remedy = "the columns of the left factor must be as many as the rows of the right"
        if a[1] == ONE and b[1] == ONE:
            remedy = f"write ({x})'*({y}), ({x})*({y})' or ({x}).*({y})"
        error = self._mismatch(at, left, right, remedy)
        # A size that is not known yet is never taken as 1: x*y of two vectors is a slip.
        if (a[1] == ONE) != (b[0] == ONE):
            raise error
        self.unify(a[1], b[0], lambda: error)

    def _check_shapes(self, sign: str, at: ast.BinOp, left: Expr, right: Expr) -> None:
        a, b = self.shape(left), self.shape(right)
        if SCALAR in (a, b):
            return
        remedy = f"both sides of {_ENTRYWISE[sign]} must have one shape, or one be a scalar"
        error = self._mismatch(at, left, right, remedy)
        for p, q in zip(a, b, strict=True):
            if (p == ONE) != (q == ONE):
                raise error
            self.unify(p, q, lambda: error)

    def _mismatch(self, at: ast.BinOp, left: Expr, right: Expr, remedy: str) -> LanguageError:
        a, b = _described(self.shape(left)), _described(self.shape(right))
        return ShapeError(
            f"{self.source(at.left)} is {a} and {self.source(at.right)} is {b}",
            span=self.between(at.left, at.right),
            remedy=remedy,
        )

    def _check_scalar(self, at: ast.BinOp, right: Expr) -> None:
        if not right.is_scalar:
            sign = "/" if isinstance(at.op, ast.FloorDiv) else "^"
            raise ShapeError(
                f"{self.source(at.right)} is {_described(self.shape(right))}; what follows {sign} "
                "is a scalar",
                span=self.span(at.right),
                remedy=f"entry by entry it is written .{sign}",
            )

    def _matrix_power(self, at: ast.BinOp, left: Expr, right: Expr) -> Expr:
        """Return A^k: a power of the matrix, never of its entries."""
        rows, cols = self.shape(left)
        remedy = "entry by entry it is written .^; of a square matrix, A^2 and A^-1"
        whole = right.op == "num" and number(right).denominator == 1 and number(right) >= -1
        if not whole or ONE in (rows, cols):
            raise UnsupportedError(
                f"{self.source(at)}: no such power of a matrix",
                span=self.between(at.left, at.right),
                remedy=remedy,
            )
        self.unify(rows, cols, lambda: self._mismatch(at, left, left, remedy))
        name, args = ("inv", [at.left]) if number(right) == -1 else ("matrix_power", [])
        function = ast.copy_location(ast.Name(name, ast.Load()), at)
        args = args or [at.left, at.right]
        return self.read(ast.copy_location(ast.Call(function, args, []), at))


def _described(shape: Shape) -> str:
    """Return a shape, or what kind it is where a size of it is not known yet."""
    if not any(d.is_unknown for d in shape):
        return describe(shape)
    if ONE in shape:
        return "a column" if shape[1] == ONE else "a row"
    return "a matrix"


def _vector(reader: MatrixReader, call: ApplicationReader) -> Expr:
    call.expect(1)
    return _constant(call, ones(reader.unifier.fresh()))


def _matrix(reader: MatrixReader, call: ApplicationReader) -> Expr:
    call.expect(1)
    return _constant(call, ones(reader.unifier.fresh(), reader.unifier.fresh()))


def _constant(call: ApplicationReader, filled: Expr) -> Expr:
    value = call.expr(0)
    return filled if value.op == "num" and number(value) == 1 else mul(value, filled)


def _eye(reader: MatrixReader, call: ApplicationReader) -> Expr:
    return eye(reader.unifier.fresh())


_SIZED: dict[str, Callable[[MatrixReader, ApplicationReader], Expr]] = {
    "vector": _vector,
    "matrix": _matrix,
    "eye": _eye,
}
