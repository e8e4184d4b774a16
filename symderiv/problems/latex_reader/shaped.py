"""What the shapes of its parts decide about a formula.

Contract: nothing is spread on its own. Readings that do not fit are dropped; where two fit and are
not the same expression, the error shows both. Sizes that clash are collected for a wrong claim as
everywhere (see ``claims.reading``); then the first reading that can be read is taken.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import ClassVar, Protocol

from ...core.errors import (
    AmbiguousTextError,
    IndexNameError,
    LanguageError,
    ShapeError,
    UnsupportedError,
)
from ...core.expr import Expr, eye, node, number, ones, transpose, walk, zeros
from ...core.shapes import ONE, SCALAR, Dim, Shape, describe, difference, size
from ...ops.text import text as spelled
from ..elaborate import Elaborator
from ..indices import bind, place
from ..syntax_nodes import binary, call, like, transposed
from .formula_products import Derived, ProductReader
from .symbol_names import SymbolNames

_ENTRYWISE = {"+": "+", "-": "-", "*": r"\odot", "/": r"\oslash", "**": r"^{\odot}"}
# Functions that go entry by entry, of a square matrix only if that is said: with how it is said.
_FUNCTIONS = {"sqrt": ("sqrtm", r"\operatorname{sqrt}"), "exp": ("expm", r"\exp")}


class Derivatives(Protocol):
    """Tells what derivatives are, by the names on the way."""

    def is_asked(self, path: tuple[str, ...]) -> bool:
        """Whether a derivative is what the formula is to say."""

    def __call__(self, path: tuple[str, ...], first: Expr | None) -> Expr:
        """Return a derivative; ``first`` is the given gradient by the second name, if any."""


class ShapedReader(ProductReader):
    """Reads trees as formulas mean them, and makes those that hang on shapes."""

    columns = False  # whether samples are the columns of a matrix: x_i of X
    derivative: Derivatives | None = None  # None where a formula may hold none

    signs: ClassVar[dict[type[ast.operator], str]] = {**Elaborator.signs, ast.FloorDiv: "quotient"}

    def read(self, at: ast.expr) -> Expr:
        """Return the expression that a tree stands for."""
        if isinstance(at, Derived):
            return self._derived(at)
        if isinstance(at, ast.Attribute):
            return self.attribute(at)
        if isinstance(at, ast.Call) and (is_call(at, "softmax") or is_call(at, "logsoftmax")):
            at = self._along_a_column(at) if len(at.args) == 1 and not at.keywords else at
        return super().read(at)

    def attribute(self, at: ast.Attribute) -> Expr:
        """Return a transpose; of a tensor, that of its last two axes."""
        value = self.known(at.value)
        tensor = len(self.shape(value.value)) > 2
        return super().attribute(like(ast.Attribute(value, "mT" if tensor else at.attr), at))

    def _along_a_column(self, at: ast.Call) -> ast.Call:
        """Return a softmax with its axis, which of a column can only be one."""
        assert isinstance(at.func, ast.Name)
        x = self.known(at.args[0])
        shape = self.shape(x.value)
        return call(at.func.id, [x], at, axis=0) if shape[-1] == ONE != shape[0] else at

    def names(self) -> SymbolNames:
        """Return the names that a formula may use."""
        declared = self.declared
        values = dict.fromkeys((*declared.variables, *self.definitions, *self.inferred))
        return SymbolNames(
            tuple(values),
            tuple(declared.dims),
            tuple(declared.entrywise),
            tuple(declared.losses),
            tuple(f"d{z}" for z in self.given() if f"d{z}" not in values),
            tuple(self.definitions),
            self.columns,
        )

    def given(self) -> dict[str, list[tuple[str, str]]]:
        """Return the given gradients by the name of what they are the gradient at."""
        found: dict[str, list[tuple[str, str]]] = {}
        for (loss, argument), gradient in self.gradients.items():
            if argument.op in ("var", "named"):
                found.setdefault(str(argument.data), []).append((loss, gradient))
        return found

    def _derived(self, at: Derived) -> Expr:
        asked = self.derivative is not None and self.derivative.is_asked(at.path)
        first = None if at.given is None else self.read(at.given)
        if first is not None and len(at.path) == 2:
            return first
        if at.refused is not None and not asked:
            raise at.refused
        if at.nabla and at.path[0] and self.definitions[at.path[0]].shape != SCALAR:
            of, by = at.path[0], at.path[-1]
            raise AmbiguousTextError(
                f"the gradient of {of}, which is no scalar, can be the Jacobian or its transpose",
                span=self.span(at),
                remedy=rf"write \frac{{\partial {of}}}{{\partial {by}}} for the Jacobian",
            )
        if self.derivative is None:
            names = " by ".join(at.path[::-1])
            raise self.refused(at, f"the derivative of {names}", "write out what it is")
        try:
            return self.derivative(at.path, first)
        except LanguageError as error:
            error.span = error.span or self.span(at)
            raise

    # operators

    def _combine(self, sign: str, at: ast.BinOp, left: Expr, right: Expr) -> Expr:
        a, b = self.shape(left), self.shape(right)
        scalar = SCALAR in (a, b)
        if len(a) > 2 or len(b) > 2:
            signs = {"cdot": "@", "times": "@", "quotient": "/"}
            return super()._combine(signs.get(sign, sign), at, left, right)
        if sign in ("@", "cdot", "times"):
            if sign == "times" and not scalar:
                raise self.refused(at, r"\times of two arrays", r"write \odot, \otimes or no sign")
            if sign == "cdot" and a[1] == b[1] == ONE and not scalar:
                self.unify(a[0], b[0], lambda: self._mismatch(at, a, b, "of one length"))
                turned = binary(at.op, transposed(at.left, at.left), at.right)
                return super()._combine("@", turned, transpose(left), right)
            return self._matrix_product(at, left, right)
        if sign == "otimes":
            return self._kronecker(at, left, right)
        if sign == "quotient":
            if ONE not in b:
                x, y = self.source(at.left), self.source(at.right)
                raise self.refused(
                    at,
                    f"a quotient by {y}, which is {describe(b)}",
                    rf"write ({x}) \oslash ({y}) entry by entry, or {y}^{{-1}}",
                )
            sign = "/"
        if not scalar:
            self._check_equal(sign, at, a, b)
        return super()._combine(sign, at, left, right)

    def _matrix_product(self, at: ast.BinOp, left: Expr, right: Expr) -> Expr:
        a, b = self.shape(left), self.shape(right)
        if SCALAR not in (a, b):
            # A size that is not known yet is never taken as 1.
            unknown = a[1].is_unknown or b[0].is_unknown
            if unknown and (a[1] == ONE) != (b[0] == ONE):
                raise self._mismatch(at, a, b, "columns of one must meet rows of the other")
            if a[1] == b[1] == ONE or a[0] == b[0] == ONE:
                x, y = self.source(at.left), self.source(at.right)
                raise self._mismatch(
                    at, a, b, rf"write {x}^\top {y}, {x} {y}^\top or {x} \odot {y}"
                )
        return super()._combine("@", at, left, right)

    def _kronecker(self, at: ast.BinOp, left: Expr, right: Expr) -> Expr:
        a, b = self.shape(left), self.shape(right)
        if a[1] == b[1] == ONE and SCALAR not in (a, b):
            x, y = self.source(at.left), self.source(at.right)
            p, q = spelled(left), spelled(right)
            hints = (rf"{x} {y}^\top", rf"\operatorname{{kron}}({x}, {y})")
            raise self.two_ways(at, (f"{p} @ {q}.T", f"kron({p}, {q})"), hints)
        parts: list[ast.expr] = [self.known(at.left, left), self.known(at.right, right)]
        return self.read(call("kron", parts, at))

    def _check_equal(self, sign: str, at: ast.BinOp, a: Shape, b: Shape) -> None:
        written = _ENTRYWISE.get(sign, sign)
        remedy = f"both sides of {written} must have one shape, or one be a scalar"
        for p, q in zip(a, b, strict=True):
            if (p == ONE) != (q == ONE):
                raise self._mismatch(at, a, b, remedy)
            self.unify(p, q, lambda: self._mismatch(at, a, b, remedy))

    def _mismatch(self, at: ast.BinOp, a: Shape, b: Shape, remedy: str) -> ShapeError:
        x, y = self.source(at.left), self.source(at.right)
        return ShapeError(
            f"{x} is {describe(a)} and {y} is {describe(b)}: they do not fit".replace("?", ""),
            span=self.between(at.left, at.right),
            remedy=remedy,
        )

    def refused(self, at: ast.expr, what: str, remedy: str) -> UnsupportedError:
        """Return the error about what is not read."""
        return UnsupportedError(f"{what} is not read", span=self.span(at), remedy=remedy)

    # what shapes decide

    def bars(self, x: ast.expr, at: ast.expr) -> ast.expr:
        """Return a determinant or an absolute value."""
        if is_call(x, "det"):
            return call("abs", [x], at)
        x = self.known(x)
        shape = self.shape(x.value)
        if shape == SCALAR:
            return call("abs", [x], at)
        if shape[-2] == shape[-1]:
            return call("det", [x], at)
        raise self.refused(at, f"| | around what is {describe(shape)}", r"write \|x\|, or \|X\|_F")

    def norm(self, x: ast.expr, mark: str, at: ast.expr) -> ast.expr:
        """Return a norm by its mark: "" | "1" | "2" | "F" | "inf" | "nuc"."""
        x = self.known(x)
        vector = ONE in self.shape(x.value)
        if not vector and mark in ("", "1", "inf"):
            written = {"": r"\|X\|", "1": r"\|X\|_1", "inf": r"\|X\|_\infty"}[mark]
            raise AmbiguousTextError(
                f"{written} of a matrix has more than one meaning",
                span=self.span(at),
                remedy=r"write \|X\|_F (entries), \|X\|_2 (spectral), \|X\|_* (nuclear)",
            )
        name = {"1": "norm1", "inf": "norminf"}.get(mark, "norm")
        kind: list[ast.expr] = []
        if not vector and mark in ("2", "nuc"):
            kind = [like(ast.Constant(2 if mark == "2" else "nuc"), at)]
        return call(name, [x, *kind], at)

    def inverse(self, x: ast.expr, at: ast.expr) -> ast.expr:
        """Return the inverse of a matrix, or 1 over a scalar."""
        x = self.known(x)
        if self.shape(x.value) == SCALAR:
            return like(ast.BinOp(like(ast.Constant(1), at), ast.Div(), x), at)
        return call("inv", [x], at)

    def power(self, base: ast.expr, exponent: ast.expr, at: ast.expr) -> ast.expr:
        """Return a power of a scalar, or a whole one of a square matrix."""
        base, exponent = self.known(base), self.known(exponent)
        shape = self.shape(base.value)
        if not exponent.value.is_scalar:
            raise self.refused(exponent, "an exponent that is no scalar", r"write \exp, or ^\top")
        if shape == SCALAR:
            return like(ast.BinOp(base, ast.Pow(), exponent), at)
        x, k = self.source(base), self.source(exponent)
        if ONE not in shape and any(d.is_unknown for d in shape):  # ones, as large as they must be
            self.unifier.unify(shape[-2], shape[-1])
            shape = self.shape(base.value)
        if shape[-2] != shape[-1]:
            both = rf"({x})^{{\odot {k}}} entry by entry"
            inner = rf"\|{x}\|^{k}" if ONE in shape else rf"{x}^\top {x}"
            what = f"a power of what is {describe(shape)}"
            raise self.refused(at, what, f"write {both}, or {inner}")
        number_ = exponent.value
        whole = number_.op != "num" or number(number_).denominator == 1
        if not whole or any(e.op in ("div", "pow") for e in walk(number_)):
            remedy = rf"write \operatorname{{sqrtm}}({x}), or ({x})^{{\odot {k}}} entry by entry"
            raise self.refused(at, "a root of a matrix", remedy)
        return call("matrix_power", [base, exponent], at)

    def turned(self, x: ast.expr, mark: str, at: ast.expr) -> ast.expr:
        """Return a transpose by a ``mark`` that is more likely another at a scalar: ' or T."""
        x = self.known(x)
        if not x.value.is_scalar:
            return transposed(x, at)
        if mark == "prime":
            what, remedy = "a prime at the scalar", "give it a name of its own"
        else:
            what = "a transpose in the exponent of the scalar"
            remedy = "leave it out, or declare what it stands for"
        raise self.refused(at, f"{what} {self.source(x)}", remedy)

    def entry_by_entry(self, function: str, x: ast.expr, at: ast.expr) -> ast.expr:
        """Return a root or an exponential, of a square matrix only if it says which."""
        x = self.known(x)
        shape = self.shape(x.value)
        if shape != SCALAR and shape[-2] == shape[-1]:
            written = self.source(x)
            matrix, macro = _FUNCTIONS[function]
            readings = (f"{function}({written}) entry by entry", f"{matrix}({written})")
            hints = (f"{macro}({written})", rf"\operatorname{{{matrix}}}({written})")
            raise self.two_ways(at, readings, hints)
        return call(function, [x], at)

    def sized(self, kind: str, at: ast.expr) -> ast.expr:
        """Return a constant whose size its place gives: ones, zeros, eye, causal_mask."""
        fresh = self.unifier.fresh
        if kind in ("eye", "causal_mask"):
            n = fresh()
            return self.known(at, eye(n) if kind == "eye" else node(kind, (), (n, n)))
        return self.known(at, ones(fresh()) if kind == "ones" else zeros(fresh(), fresh()))

    def indexed(self, value: ast.expr, marks: list[ast.expr], at: ast.expr) -> ast.expr:
        """Return an entry, a row or a column."""
        value = self.known(value)
        shape = self.shape(value.value)
        if shape == SCALAR:
            raise self._no_index(
                f"{self.source(value)} is a scalar: it has no index", at, "leave the index out"
            )
        axes = [d for d in shape if d != ONE]
        for mark in marks:
            if isinstance(mark, ast.Name) and mark.id in self.declared.dims:
                raise self._no_index(
                    f"{mark.id} is a size: the index can be any, or the last",
                    mark,
                    "write an index with a letter of its own",
                )
        if len(marks) < len(axes):
            split = [self._digits(m, len(axes) - len(marks) + 1) or [m] for m in marks]
            marks = [m for part in split for m in part]
        if len(marks) == 1 and len(axes) == 2:
            x, i = self.source(value), self.source(marks[0])
            raise self._no_index(
                f"{x} has two indices: {self.source(at)} can be a row or a column",
                at,
                f"write {x}_{{{i},:}} for the row, {x}_{{:,{i}}} for the column",
            )
        if len(marks) == 1 and shape[0] == ONE and shape[1] != ONE:
            marks = [like(ast.Constant(1), marks[0]), *marks]
        part: ast.expr = marks[0] if len(marks) == 1 else like(ast.Tuple(marks, ast.Load()), at)
        return like(ast.Subscript(value, part, ast.Load()), at)

    def _digits(self, mark: ast.expr, count: int) -> list[ast.expr] | None:
        """Return the digits of a number as one index each, if it has as many as there are axes."""
        value = mark.value if isinstance(mark, ast.Constant) else None
        digits = str(value) if isinstance(value, int) else ""
        if len(digits) != count or "0" in digits:
            return None
        return [like(ast.Constant(int(d)), mark) for d in digits]

    def _no_index(self, message: str, at: ast.expr, remedy: str) -> IndexNameError:
        return IndexNameError(message, span=self.span(at), remedy=remedy)

    def total(
        self,
        word: str,
        index: ast.Name,
        upper: ast.expr | None,
        body: Callable[[], ast.expr],
        at: ast.expr,
    ) -> ast.expr:
        """Return a sum or a product over an index, with its upper limit if that is written."""
        name, known = index.id, self.declared
        taken = (known.variables, self.bound, self.definitions, known.dims)
        if any(name in names for names in taken):
            raise self._no_index(
                f"{name} is a name or a size already", index, "an index needs a name of its own"
            )
        outer = self.indices.pop(name, None)
        self.indices[name] = self.unifier.fresh()
        if upper is not None and not isinstance(upper, ast.BinOp):
            bound = self.read(upper)
            limit = bound.data if isinstance(bound.data, Dim) else size(int(number(bound)))
            self.indices[name] = limit
        self.bound.add(name)
        inner = bind(self, name, self.read(body()))
        self.bound.discard(name)
        dim = self.unifier.resolve(self.indices.pop(name))
        if outer is not None:
            self.indices[name] = outer
        if dim.is_unknown:
            raise self._no_index(
                f"the range of the index {name} is not known: nothing in the body uses it",
                index,
                f"give it a limit: \\sum_{{{name}=1}}^{{n}}",
            )
        if isinstance(upper, ast.BinOp) and difference(*place(self, upper)) != dim:
            # A limit such as n - 1 is as far as the shifted places allow.
            raise self._no_index(
                f"the index {name} runs to {dim}".replace("?", ""),
                index,
                "an index runs over what all of its places allow: leave the limit out",
            )
        return self.known(at, node(word, (inner,), inner.shape, (name, dim)))


def is_call(at: ast.expr, name: str) -> bool:
    """Whether a tree is the call of a function."""
    return isinstance(at, ast.Call) and isinstance(at.func, ast.Name) and at.func.id == name
