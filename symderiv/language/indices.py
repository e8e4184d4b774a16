"""Indices of the language, and what to write where shapes do not fit.

Contract: an index is a symbol that is no variable, or a position from 1; a symbol has one range.
``IndexReader`` is the part of the elaborator that reads them.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from ..errors import IndexNameError, LanguageError, ShapeError, Span, UnsupportedError
from ..expr import Expr, Index, column, entry, row, transpose
from ..shapes import ONE, Dim, DimMismatchError, Shape, Unifier, describe
from .declarations import Declarations
from .remedies import attribute_remedy


class IndexReader:
    """Reads subscripts; the elaborator supplies names, places and shapes."""

    declared: Declarations
    definitions: dict[str, Expr]
    unifier: Unifier
    indices: dict[str, Dim]
    bound: set[str]

    def read(self, at: ast.expr) -> Expr:
        """Return the expression that a syntax tree stands for."""
        raise NotImplementedError

    def shape(self, x: Expr) -> Shape:
        """Return the shape of an expression with everything bound put in."""
        raise NotImplementedError

    def span(self, at: ast.AST) -> Span:
        """Return where a syntax node stands in the text."""
        raise NotImplementedError

    def source(self, at: ast.AST) -> str:
        """Return the text of a syntax node, shortened."""
        raise NotImplementedError

    def unify(self, left: Dim, right: Dim, error: Callable[[], LanguageError]) -> Dim:
        """Make two dimensions equal, or raise what ``error`` says."""
        raise NotImplementedError

    def between(self, left: ast.expr, right: ast.expr) -> Span:
        """Return the place of the operator sign between two operands."""
        raise NotImplementedError

    def attribute(self, at: ast.Attribute) -> Expr:
        """Return ``X.T`` or ``T.mT``; raises UnsupportedError or ShapeError."""
        if at.attr not in ("T", "mT"):
            raise UnsupportedError(
                f".{at.attr} is not part of the language",
                span=self.span(at),
                remedy=attribute_remedy(at.attr, self.source(at.value)),
            )
        x = self.read(at.value)
        if at.attr == "T" and len(x.shape) > 2:
            raise ShapeError(
                f"{self.source(at.value)} is {describe(self.shape(x))}: .T swaps the axes of a "
                "matrix",
                span=self.span(at),
                remedy=f"write {self.source(at.value)}.mT to swap the last two axes",
            )
        return transpose(x)

    def check_batches(self, at: ast.BinOp, a: Shape, b: Shape) -> None:
        """Refuse a product of tensors whose batch axes do not broadcast; raises ShapeError."""
        try:
            self.unifier.broadcast((*a[:-2], ONE, ONE), (*b[:-2], ONE, ONE))
        except DimMismatchError:
            raise ShapeError(
                f"{self.source(at.left)} is {describe(a)} and {self.source(at.right)} is "
                f"{describe(b)}: their batch axes are different",
                span=self.between(at.left, at.right),
                remedy="batch axes are aligned from the right and must be equal",
            ) from None

    def _subscript(self, at: ast.Subscript) -> Expr:
        x = self.read(at.value)
        parts = list(at.slice.elts) if isinstance(at.slice, ast.Tuple) else [at.slice]
        shape = self.shape(x)
        if len(shape) > 2:
            return self._tensor_entry(at, x, parts, shape)
        if len(parts) == 1 and shape[1] == ONE and not isinstance(parts[0], ast.Slice):
            return entry(x, self.index(parts[0], shape[0]), 1)
        if len(parts) != 2:
            raise IndexNameError(
                f"{self.source(at)} has {len(parts)} index{'es' * (len(parts) != 1)}; "
                f"{self.source(at.value)} is {describe(shape)}",
                span=self.span(at),
                remedy="write X[i, j] for an entry, X[i, :] for a row, X[:, j] for a column",
            )
        rows, cols = (self._slice(p, d) for p, d in zip(parts, shape, strict=True))
        if rows is None and cols is None:
            raise IndexNameError(
                f"{self.source(at)} is the whole matrix",
                span=self.span(at),
                remedy=f"write {self.source(at.value)}",
            )
        if rows is None:
            assert cols is not None
            return column(x, cols)
        return row(x, rows) if cols is None else entry(x, rows, cols)

    def _tensor_entry(
        self, at: ast.Subscript, x: Expr, parts: list[ast.expr], shape: Shape
    ) -> Expr:
        if len(parts) != len(shape) or any(isinstance(p, ast.Slice) for p in parts):
            marks = ", ".join("ijklrstuvw"[: len(shape)])
            raise IndexNameError(
                f"{self.source(at)} is no entry; {self.source(at.value)} is {describe(shape)}",
                span=self.span(at),
                remedy=f"an entry of a tensor has an index for every axis: "
                f"{self.source(at.value)}[{marks}]",
            )
        return entry(x, *(self.index(p, d) for p, d in zip(parts, shape, strict=True)))

    def _slice(self, at: ast.expr, dim: Dim) -> Index | None:
        if not isinstance(at, ast.Slice):
            return self.index(at, dim)
        if at.lower or at.upper or at.step:
            raise IndexNameError(
                f"{self.source(at)}: only a whole row or column can be taken",
                span=self.span(at),
                remedy="write X[i, :] or X[:, j]",
            )
        return None

    def index(self, at: ast.expr, dim: Dim) -> Index:
        """Return an index and make its range ``dim``; raises IndexNameError."""
        if isinstance(at, ast.Constant) and type(at.value) is int:
            self._check_position(at, at.value, dim)
            return int(at.value)
        if (
            not isinstance(at, ast.Name)
            or at.id in self.definitions
            or (at.id in self.declared.variables and at.id not in self.bound)
        ):
            raise IndexNameError(
                f"{self.source(at)} is not an index",
                span=self.span(at),
                remedy="an index is a symbol that is not a variable, or an integer from 1",
            )
        known = self.indices.setdefault(at.id, dim)
        self.indices[at.id] = self.unify(
            known,
            dim,
            lambda: IndexNameError(
                f"the index {at.id} runs over {self.unifier.resolve(known)} elsewhere and over "
                f"{self.unifier.resolve(dim)} here".replace("?", ""),
                span=self.span(at),
                remedy="an index has one range; are two indices swapped?",
            ),
        )
        return at.id

    def _check_position(self, at: ast.expr, value: int, dim: Dim) -> None:
        top = self.unifier.resolve(dim)
        if value < 1 or (not top.symbols and value > top.coefficient):
            raise IndexNameError(
                f"the index {value} is out of range 1..{top}".replace("?", ""),
                span=self.span(at),
                remedy="indices start at 1, as on paper",
            )


def broadcast_remedy(a: Shape, b: Shape, x: str, y: str, sign: str) -> str:
    """Return what to write instead of ``x sign y`` of two shapes that do not broadcast."""
    for (rows, cols), other, name, left in ((b[-2:], a, y, x), (a[-2:], b, x, y)):
        if cols == ONE and rows == other[-1]:
            return (
                f"write {left} {sign} {name}.T to use {name} in every row, or give {name} "
                f"the size {other[-2]} to use it in every column"
            )
    if a == (b[1], b[0]):
        return f"is one of them transposed? write {y}.T"
    return "the shapes must be equal, or one of them a row, a column or a scalar"
