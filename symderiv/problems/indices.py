"""Indices of the language, and what to write where shapes do not fit.

Contract: an index is a symbol that is no variable, or a position from 1; a symbol has one range.
``IndexReader`` is the part of the elaborator that reads them.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from ..core.errors import IndexNameError, LanguageError, ShapeError, Span, UnsupportedError
from ..core.expr import Expr, Index, transpose
from ..core.positions import AxisBlock, Shift, Use, allowed, at_marks, placed, steps
from ..core.shapes import ONE, Dim, DimMismatchError, Shape, describe, difference, size
from .remedies import attribute_remedy
from .sizes import Signed, SizeReader

Mark = Index | Shift | AxisBlock | None


class IndexReader(SizeReader):
    """Reads subscripts; the elaborator supplies names, places and shapes."""

    uses: dict[str, list[Use]]  # of the indices that are bound
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
        is_column = len(parts) == 1 and len(shape) == 2 and shape[1] == ONE
        if len(parts) != len(shape) and not is_column:
            raise self._miscounted(at, parts, shape)
        marks = [self._mark(p, d) for p, d in zip(parts, shape, strict=False)]
        if all(isinstance(p, ast.Slice) and p.lower is p.upper is None for p in parts):
            raise IndexNameError(
                f"{self.source(at)} is the whole of it",
                span=self.span(at),
                remedy=f"write {self.source(at.value)}",
            )
        if is_column:
            whole = marks[0] is None or isinstance(marks[0], AxisBlock)
            return at_marks(x, [*marks, None if whole else 1])
        if len(shape) > 2 and not all(isinstance(m, str | int | Shift) for m in marks):
            marks = [self._slab(at, m, d) for m, d in zip(marks, shape, strict=True)]
        return at_marks(x, marks)

    def _miscounted(self, at: ast.Subscript, parts: list[ast.expr], shape: Shape) -> IndexNameError:
        letters = ", ".join("ijklrstuvw"[: len(shape)])
        remedy = "write X[i, j] for an entry, X[i, :] for a row, X[:, j] for a column"
        if len(shape) > 2:
            remedy = f"write {self.source(at.value)}[{letters}], or : for a whole axis"
        return IndexNameError(
            f"{self.source(at)} has {len(parts)} index{'es' * (len(parts) != 1)}; "
            f"{self.source(at.value)} is {describe(shape)}",
            span=self.span(at),
            remedy=remedy,
        )

    def _slab(self, at: ast.Subscript, mark: Mark, dim: Dim) -> Mark:
        """Return a position on an axis of a tensor as a block of size 1."""
        if isinstance(mark, int):
            return self._cut(at, dim, ([size(mark)], []), ([size(mark)], []))
        return mark

    def _mark(self, at: ast.expr, dim: Dim) -> Mark:
        """Return what stands between the brackets for one axis; None is the whole of it."""
        if not isinstance(at, ast.Slice):
            return self.position(at, dim)
        if at.step is not None:
            raise IndexNameError(
                f"{self.source(at)}: every place from the first to the last is taken",
                span=self.span(at),
                remedy="write X[1:k, :]",
            )
        if at.lower is None and at.upper is None:
            return None
        start = ([ONE], []) if at.lower is None else self._place(at.lower)
        is_open = self.unifier.resolve(dim).is_unknown
        if at.upper is None:
            stop: Signed = ([dim], [])
        else:
            stop = self._place(at.upper)
            if is_open and start != ([ONE], []) and len(stop[0]) == 1 and not stop[1]:
                # x[2:n] of an x that nothing declares goes to its end.
                self.unifier.unify(dim, stop[0][0])
                is_open = False
        if is_open:
            raise IndexNameError(
                f"{self.source(at)}: how large the axis is that this is a part of is not known",
                span=self.span(at),
                remedy="declare the shape of what it is taken from",
            )
        return self._cut(at, self.unifier.resolve(dim), start, stop)

    def _cut(self, at: ast.AST, dim: Dim, start: Signed, stop: Signed) -> AxisBlock | None:
        """Return the block from one place to another, both included."""
        try:
            before = difference(start[0], [*start[1], ONE])
            length = difference([*stop[0], *start[1], ONE], [*stop[1], *start[0]])
            behind = difference([dim, *stop[1]], stop[0])
        except DimMismatchError:
            length = None
        if length is None or length.coefficient < 0:
            raise IndexNameError(
                f"{self.source(at)} is no part of 1..{dim}".replace("?", ""),
                span=self.span(at),
                remedy="places count from 1, and both ends are included: x[2:n]",
            )
        found = AxisBlock(before, length, behind)
        return None if before is None and behind is None else found

    def _place(self, at: ast.expr) -> Signed:
        """Return a place made of sizes and numbers as what is added and what is taken away."""
        is_zero = isinstance(at, ast.Constant) and at.value == 0
        if is_zero or (isinstance(at, ast.UnaryOp) and isinstance(at.op, ast.USub)):
            raise IndexNameError(
                f"{self.source(at)}: places count from 1",
                span=self.span(at),
                remedy="the last place of x: n is x[n], the one before it x[n - 1]",
            )
        return self.signed(at, self._no_place)

    def _no_place(self, message: str, at: ast.AST) -> IndexNameError:
        return IndexNameError(
            f"{self.source(at)} is not a place",
            span=self.span(at),
            remedy="a place is a number from 1, a size, or a sum of those: x[2:n], x[k + 1]",
        )

    def position(self, at: ast.expr, dim: Dim) -> Index | Shift | AxisBlock:
        """Return an index, a shifted one, or a place that a size stands for: x[n], x[n - 1]."""
        names = {n.id for n in ast.walk(at) if isinstance(n, ast.Name)}
        if isinstance(at, ast.BinOp) and names & self.bound:
            return self._shifted(at, dim)
        if isinstance(at, ast.UnaryOp):
            self._place(at)
        is_sum = isinstance(at, ast.BinOp) and isinstance(at.op, ast.Add | ast.Sub)
        is_size = isinstance(at, ast.Name) and at.id in self.declared.dims
        if is_sum and names - set(self.declared.dims):
            raise IndexNameError(
                f"{self.source(at)}: only an index that a Sum or a Prod binds can be shifted",
                span=self.span(at),
                remedy="write the sum: Sum(i, x[i + 1] * x[i])",
            )
        if (is_sum and names) or (is_size and not names & set(self.indices)):
            place = self._place(at)
            # Where the one place there is is taken, that is the whole axis.
            return self._cut(at, self.unifier.resolve(dim), place, place) or 1
        return self.index(at, dim)

    def _shifted(self, at: ast.BinOp, dim: Dim) -> Shift | str:
        """Return i + 1, and make the range of i such that there is a place."""
        pairs = ((at.left, at.right, True), (at.right, at.left, isinstance(at.op, ast.Add)))
        for name, number, fits in pairs:
            whole = isinstance(number, ast.Constant) and type(number.value) is int
            if isinstance(name, ast.Name) and name.id in self.bound and whole and fits:
                if not isinstance(at.op, ast.Add | ast.Sub) or abs(number.value) >= 10**6:  # type: ignore[attr-defined]
                    break
                sign = 1 if isinstance(at.op, ast.Add) else -1
                offset = sign * number.value  # type: ignore[attr-defined]
                self._use(name, dim, offset)
                return Shift(name.id, offset) if offset else name.id
        raise IndexNameError(
            f"{self.source(at)} is not an index",
            span=self.span(at),
            remedy="an index is shifted by a number: x[i + 1], X[i - 1, j]",
        )

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
        self._use(at, dim, 0)
        return at.id

    def _use(self, at: ast.Name, dim: Dim, offset: int) -> None:
        """Note a use of an index; its range is that of the axis, or some places more or less."""
        known = self.indices.setdefault(at.id, dim)
        if at.id in self.bound:
            self.uses.setdefault(at.id, []).append(Use(dim, offset))
            if steps(self.unifier.resolve(known), self.unifier.resolve(dim)) is not None:
                return
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

    def bind(self, name: str, body: Expr) -> Expr:
        """Return a body in which an index that was bound runs from 1 to what is its range then."""
        uses = [Use(self.unifier.resolve(u.dim), u.offset) for u in self.uses.pop(name, [])]
        if len({*uses}) < 2 and not any(u.offset for u in uses):
            return body
        found = allowed(uses)
        self.indices[name] = found.size
        return placed(body, name, found, self.unifier.resolve)

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
