"""Formulas to expressions: what shapes decide.

Contract: nothing is spread on its own. Readings that do not fit are dropped; where two fit and are
not the same expression, the error shows both. Sizes that clash are collected for a wrong claim as
everywhere (see ``claims.reading``); then the first reading that can be read is taken.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar

from ...errors import (
    AmbiguousTextError,
    IndexNameError,
    LanguageError,
    ShapeError,
    UnsupportedError,
)
from ...expr import Expr, eye, number, ones, transpose, walk, zeros
from ...notation.text import text as spelled
from ...shapes import ONE, SCALAR, Shape, describe
from ..elaborate import Elaborator
from . import products, totals
from .meaning import Meaning
from .names import Names
from .trees import Choice, Formula, Indexed, Product, Sized, Special, Total, call, like, transposed

_MOST_READINGS = 400
_ENTRYWISE = {"+": "+", "-": "-", "*": r"\odot", "/": r"\oslash", "**": r"^{\odot}"}


class LatexReader(Elaborator):
    """Reads the trees of formulas."""

    signs: ClassVar[dict[type[ast.operator], str]] = {
        **Elaborator.signs,
        ast.FloorDiv: "quotient",
        ast.BitOr: "cdot",
        ast.BitXor: "times",
        ast.BitAnd: "otimes",
    }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.tried = 0

    def names(self) -> Names:
        """Return the names that a formula may use."""
        declared = self.declared
        values = dict.fromkeys((*declared.variables, *self.definitions, *self.inferred))
        return Names(
            tuple(values),
            tuple(declared.dims),
            tuple(declared.entrywise),
            tuple(declared.losses),
            tuple(f"d{z}" for z in self.given() if f"d{z}" not in values),
        )

    def given(self) -> dict[str, list[tuple[str, str]]]:
        """Return the given gradients by the name of what they are the gradient at."""
        found: dict[str, list[tuple[str, str]]] = {}
        for (loss, argument), gradient in self.gradients.items():
            if argument.op in ("var", "named"):
                found.setdefault(str(argument.data), []).append((loss, gradient))
        return found

    def read(self, at: ast.expr) -> Expr:
        """Return the expression that a tree stands for."""
        own = _OWN.get(type(at))
        return own(self, at) if own is not None else super().read(at)

    def _formula(self, at: Formula) -> Expr:
        meaning = Meaning(
            self.text, self.names(), self.given(), list(dict.fromkeys(self.gradients.values()))
        )
        return self.read(meaning.whole(at.row))  # type: ignore[arg-type]

    # readings

    def attempt(self, read: Callable[[], Expr]) -> Expr | LanguageError:
        """Return a reading, or why it cannot be; what it bound stays bound only if it is read."""
        before = (self.unifier.state(), dict(self.indices), set(self.bound), self._depth)
        try:
            return read()
        except AmbiguousTextError:
            raise
        except LanguageError as error:
            self.restore(before)
            return error

    def restore(self, before: tuple[Any, ...]) -> None:
        """Go back to what was bound before a reading."""
        state, indices, bound, self._depth = before
        self.unifier.restore(state)
        self.indices.clear()
        self.indices.update(indices)
        self.bound.clear()
        self.bound.update(bound)

    def chosen(
        self, ways: Sequence[Callable[[], Expr]], at: ast.expr, hints: Callable[[int], str]
    ) -> Expr:
        """Return the one reading that fits; raises AmbiguousTextError where two do."""
        fits: list[tuple[int, Expr, tuple[Any, ...]]] = []
        failures: list[LanguageError] = []
        start = (self.unifier.state(), dict(self.indices), set(self.bound), self._depth)
        for k, way in enumerate(ways):
            self.tried += 1
            if self.tried > _MOST_READINGS:
                raise UnsupportedError(
                    "too many places that can be read in two ways",
                    span=self.span(at),
                    remedy="put parentheses around arguments and factors",
                )
            found = self.attempt(way)
            after = (self.unifier.state(), dict(self.indices), set(self.bound), self._depth)
            self.restore(start)
            if isinstance(found, LanguageError):
                failures.append(found)
            elif not any(found == x for _, x, _ in fits):
                fits.append((k, found, after))
        if not fits:
            raise failures[0]
        if len(fits) > 1 and not self.unifier.collect:
            self._ambiguous(at, [(spelled(x), hints(k)) for k, x, _ in fits[:2]])
        self.restore(fits[0][2])
        return fits[0][1]

    def _ambiguous(self, at: ast.expr, readings: list[tuple[str, str]]) -> None:
        (first, how), (second, other) = readings
        raise AmbiguousTextError(
            f"this can be read in two ways: {first}, or {second}",
            span=self.span(at),
            remedy=f"write {how} for the first, {other} for the second",
        )

    def _choice(self, at: Choice) -> Expr:
        ways = [partial(self.read, way) for way in at.ways]
        return self.chosen(ways, at, lambda k: at.hints[k])

    def _product(self, at: Product) -> Expr:
        return products.read(self, at)

    # operators

    def _combine(self, sign: str, at: ast.BinOp, left: Expr, right: Expr) -> Expr:
        a, b = self.shape(left), self.shape(right)
        scalar = SCALAR in (a, b)
        if len(a) > 2 or len(b) > 2:
            signs = {"cdot": "@", "times": "@", "quotient": "/"}
            return super()._combine(signs.get(sign, sign), at, left, right)
        if sign in ("@", "cdot", "times"):
            if sign == "times" and not scalar:
                self._refuse(at, r"\times of two arrays", r"write \odot, \otimes or no sign")
            if sign == "cdot" and a[1] == b[1] == ONE and not scalar:
                self.unify(a[0], b[0], lambda: self._mismatch(at, a, b, "of one length"))
                return super()._combine("@", _turned(at), transpose(left), right)
            return self._matrix_product(at, left, right)
        if sign == "otimes":
            return self._kronecker(at, left, right)
        if sign == "quotient":
            self._check_quotient(at, left, right)
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
            raise AmbiguousTextError(
                f"this can be read in two ways: {spelled(left)} @ {spelled(right)}.T, or "
                f"kron({spelled(left)}, {spelled(right)})",
                span=self.span(at),
                remedy=rf"write {x} {y}^\top for the first, \operatorname{{kron}}({x}, {y}) for "
                "the second",
            )
        return self.read(call("kron", [at.left, at.right], at))

    def _check_quotient(self, at: ast.BinOp, left: Expr, right: Expr) -> None:
        b = self.shape(right)
        if b == SCALAR:
            return
        x, y = self.source(at.left), self.source(at.right)
        if ONE not in b:
            self._refuse(
                at,
                f"a quotient by {y}, which is {describe(b)}",
                rf"write ({x}) \oslash ({y}) entry by entry, or {y}^{{-1}}",
            )

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

    def _refuse(self, at: ast.expr, what: str, remedy: str) -> None:
        raise UnsupportedError(f"{what} is not read", span=self.span(at), remedy=remedy)

    # what shapes decide

    def _special(self, at: Special) -> Expr:
        return _SPECIAL[at.kind](self, at)

    def _bars(self, at: Special) -> Expr:
        shape = self.shape(self.read(at.args[0]))
        if shape == SCALAR:
            return self.read(call("abs", at.args, at))
        if shape[0] == shape[1]:
            return self.read(call("det", at.args, at))
        self._refuse(at, f"| | around what is {describe(shape)}", r"write \|x\|, or \|X\|_F")
        raise AssertionError

    def _log_bars(self, at: Special) -> Expr:
        """Return log |A| and log det A as one function, log |x| of a scalar as it stands."""
        inner = at.args[0]
        while isinstance(inner, Special) and self.read(inner.args[0]).is_scalar:
            body = inner.args[0]
            if not isinstance(body, ast.Call):
                return self.read(call("log", at.args, at))
            inner = body
        if isinstance(inner, Special):
            return self.read(call("logdet", inner.args, at))
        if isinstance(inner.func, ast.Name) and inner.func.id == "det":  # type: ignore[attr-defined]
            return self.read(call("logdet", inner.args, at))  # type: ignore[attr-defined]
        return self.read(call("log", at.args, at))

    def _norm(self, at: Special) -> Expr:
        shape = self.shape(self.read(at.args[0]))
        vector = ONE in shape
        if not vector and at.mark in ("", "1", "inf"):
            mark = {"": r"\|X\|", "1": r"\|X\|_1", "inf": r"\|X\|_\infty"}[at.mark]
            raise AmbiguousTextError(
                f"{mark} of a matrix has more than one meaning",
                span=self.span(at),
                remedy=r"write \|X\|_F (entries), \|X\|_2 (spectral), \|X\|_* (nuclear)",
            )
        name = {"1": "norm1", "inf": "norminf"}.get(at.mark, "norm")
        kind: list[ast.expr] = []
        if not vector and at.mark in ("2", "nuc"):
            kind = [like(ast.Constant(2 if at.mark == "2" else "nuc"), at)]
        return self.read(call(name, [at.args[0], *kind], at))

    def _inverse(self, at: Special) -> Expr:
        x = self.read(at.args[0])
        shape = self.shape(x)
        if shape == SCALAR:
            one = like(ast.Constant(1), at)
            return self.read(like(ast.BinOp(one, ast.Div(), at.args[0]), at))
        return self.read(call("inv", at.args, at))

    def _power_of(self, at: Special) -> Expr:
        base, exponent = self.read(at.args[0]), self.read(at.args[1])
        shape = self.shape(base)
        if not exponent.is_scalar:
            self._refuse(at.args[1], "an exponent that is no scalar", r"write \exp, or ^\top")
        if shape == SCALAR:
            return self.read(like(ast.BinOp(at.args[0], ast.Pow(), at.args[1]), at))
        x, k = self.source(at.args[0]), self.source(at.args[1])
        if len(shape) > 2 or shape[0] != shape[1]:
            both = rf"({x})^{{\odot {k}}} entry by entry"
            inner = rf"\|{x}\|^{k}" if ONE in shape else rf"{x}^\top {x}"
            self._refuse(at, f"a power of what is {describe(shape)}", f"write {both}, or {inner}")
        whole = exponent.op != "num" or number(exponent).denominator == 1
        if not whole or any(e.op in ("div", "pow") for e in walk(exponent)):
            self._refuse(
                at, "a root of a matrix", rf"write \operatorname{{sqrtm}}({x}), or \odot {k}"
            )
        return self.read(call("matrix_power", at.args, at))

    def _prime(self, at: Special) -> Expr:
        """Return a transpose written as a prime, which on a number would be another number."""
        if self.read(at.args[0]).is_scalar:
            x = self.source(at.args[0])
            self._refuse(at, f"a prime at the scalar {x}", "give it a name of its own")
        return self.read(transposed(at.args[0], at))

    def _entry_by_entry(self, at: Special) -> Expr:
        """Return a root or an exponential, of a square matrix only if it says which."""
        shape = self.shape(self.read(at.args[0]))
        entrywise, matrix, macro = _FUNCTIONS[at.kind]
        if shape != SCALAR and shape[-2] == shape[-1]:
            x = self.source(at.args[0])
            raise AmbiguousTextError(
                f"this can be read in two ways: {entrywise}({x}) entry by entry, or {matrix}({x})",
                span=self.span(at),
                remedy=rf"write {macro}({x}) for the first, \operatorname{{{matrix}}}({x}) for the "
                "second",
            )
        return self.read(call(entrywise, at.args, at))

    def _sized(self, at: Sized) -> Expr:
        fresh = self.unifier.fresh
        if at.kind == "eye":
            return eye(fresh())
        return ones(fresh()) if at.kind == "ones" else zeros(fresh(), fresh())

    def _indexed(self, at: Indexed) -> Expr:
        x = self.read(at.value)
        shape, marks = self.shape(x), list(at.marks)
        if shape == SCALAR:
            raise IndexNameError(
                f"{self.source(at.value)} is a scalar: it has no index",
                span=self.span(at),
                remedy="leave the index out",
            )
        axes = [d for d in shape if d != ONE]
        if len(marks) == 1 and len(axes) == 2:
            marks = self._two_digits(at, marks[0])
        if len(marks) == 1 and shape[0] == ONE and shape[1] != ONE:
            marks = [like(ast.Constant(1), marks[0]), *marks]
        part: ast.expr = marks[0] if len(marks) == 1 else like(ast.Tuple(marks, ast.Load()), at)
        return self._subscript(like(ast.Subscript(at.value, part, ast.Load()), at))

    def _two_digits(self, at: Indexed, mark: ast.expr) -> list[ast.expr]:
        value = mark.value if isinstance(mark, ast.Constant) else None
        if isinstance(value, int) and 10 < value < 100 and value % 10:
            return [like(ast.Constant(d), mark) for d in divmod(value, 10)]
        x, i = self.source(at.value), self.source(mark)
        raise IndexNameError(
            f"{x} has two indices: {self.source(at)} can be a row or a column",
            span=self.span(at),
            remedy=f"write {x}_{{{i},:}} for the row, {x}_{{:,{i}}} for the column",
        )

    def _called(self, at: ast.Call) -> Expr:
        alone = isinstance(at.func, ast.Name) and at.func.id in ("softmax", "logsoftmax")
        if alone and len(at.args) == 1 and not at.keywords:
            shape = self.shape(self.read(at.args[0]))
            if shape[-1] == ONE != shape[0]:
                # Of a column, softmax can only be along it.
                at = call(at.func.id, at.args, at, axis=0)  # type: ignore[attr-defined]
        return self._call(at)


def _turned(at: ast.BinOp) -> ast.BinOp:
    return like(ast.BinOp(transposed(at.left, at.left), at.op, at.right), at)


_SPECIAL: dict[str, Callable[[LatexReader, Special], Expr]] = {
    "bars": LatexReader._bars,
    "log-bars": LatexReader._log_bars,
    "norm": LatexReader._norm,
    "inverse": LatexReader._inverse,
    "prime": LatexReader._prime,
    "power": LatexReader._power_of,
    "root": LatexReader._entry_by_entry,
    "exponential": LatexReader._entry_by_entry,
}
_FUNCTIONS = {
    "root": ("sqrt", "sqrtm", r"\operatorname{sqrt}"),
    "exponential": ("exp", "expm", r"\exp"),
}
_OWN: dict[type[ast.expr], Callable[..., Expr]] = {
    Formula: LatexReader._formula,
    Choice: LatexReader._choice,
    Product: LatexReader._product,
    Special: LatexReader._special,
    Sized: LatexReader._sized,
    Indexed: LatexReader._indexed,
    Total: totals.total,
    ast.Call: LatexReader._called,
}
