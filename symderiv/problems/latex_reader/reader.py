"""Formulas to expressions: what shapes decide.

Contract: nothing is spread on its own. Readings that do not fit are dropped; where two fit and are
not the same expression, the error shows both. Sizes that clash are collected for a wrong claim as
everywhere (see ``claims.reading``); then the first reading that can be read is taken.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Protocol

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
from .formula_products import LONGEST, Products, chained
from .meaning import Meaning
from .readings import Choices
from .symbol_names import SymbolNames
from .trees import (
    Derived,
    Formula,
    Indexed,
    KnownTree,
    Product,
    ReadingChoice,
    Sized,
    Special,
    Total,
    call,
    like,
    transposed,
)

_ENTRYWISE = {"+": "+", "-": "-", "*": r"\odot", "/": r"\oslash", "**": r"^{\odot}"}


class Derivatives(Protocol):
    """Tells what derivatives are, by the names on the way."""

    def is_asked(self, path: tuple[str, ...]) -> bool:
        """Whether a derivative is what the formula is to say."""

    def __call__(self, path: tuple[str, ...], first: Expr | None) -> Expr:
        """Return a derivative; ``first`` is the given gradient by the second name, if any."""


class LatexReader(Elaborator):
    """Reads the trees of formulas."""

    signs: ClassVar[dict[type[ast.operator], str]] = {
        **Elaborator.signs,
        ast.FloorDiv: "quotient",
    }

    columns = False  # whether samples are the columns of a matrix: x_i of X
    derivative: Derivatives | None = None  # None where a formula may hold none

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._choices = Choices(self)
        self._products = Products(self._choices, self._combine)

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

    def read(self, at: ast.expr) -> Expr:
        """Return the expression that a tree stands for."""
        own = _OWN.get(type(at))
        return own(self, at) if own is not None else super().read(at)

    def _formula(self, at: Formula) -> Expr:
        meaning = Meaning(
            self.text, self.names(), self.given(), list(dict.fromkeys(self.gradients.values()))
        )
        return self.read(meaning.whole(at.row))  # type: ignore[arg-type]

    def attribute(self, at: ast.Attribute) -> Expr:
        """Return a transpose; of a tensor, that of its last two axes."""
        value = self.known(at.value)
        tensor = len(self.shape(value.value)) > 2
        return super().attribute(like(ast.Attribute(value, "mT" if tensor else at.attr), at))

    def _product(self, at: Product) -> Expr:
        if len(at.factors) > LONGEST:
            raise UnsupportedError(
                f"a product of {len(at.factors)} factors",
                span=self.span(at),
                remedy="name parts of it by definitions of the problem",
            )
        factors, signs = chained(at)
        parts = [(f, self.read(f)) for f in factors]
        return parts[0][1] if len(parts) == 1 else self._products.value(at, parts, signs)

    def _choice(self, at: ReadingChoice) -> Expr:
        ways = [partial(self.read, way) for way in at.ways]
        if not at.hints:
            return self._choices.first(ways)
        return self._choices.chosen(ways, at, lambda k: at.hints[k])

    # operators

    def _combine(self, sign: str, at: ast.BinOp, left: Expr, right: Expr) -> Expr:
        a, b = self.shape(left), self.shape(right)
        scalar = SCALAR in (a, b)
        if len(a) > 2 or len(b) > 2:
            signs = {"cdot": "@", "times": "@", "quotient": "/"}
            return super()._combine(signs.get(sign, sign), at, left, right)
        if sign in ("@", "cdot", "times"):
            if sign == "times" and not scalar:
                raise self._refused(at, r"\times of two arrays", r"write \odot, \otimes or no sign")
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
        parts: list[ast.expr] = [_known(left, at.left), _known(right, at.right)]
        return self.read(call("kron", parts, at))

    def _check_quotient(self, at: ast.BinOp, left: Expr, right: Expr) -> None:
        b = self.shape(right)
        if b == SCALAR:
            return
        x, y = self.source(at.left), self.source(at.right)
        if ONE not in b:
            raise self._refused(
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

    def _refused(self, at: ast.expr, what: str, remedy: str) -> UnsupportedError:
        return UnsupportedError(f"{what} is not read", span=self.span(at), remedy=remedy)

    # what shapes decide

    def known(self, at: ast.expr) -> KnownTree:
        """Return a tree as read."""
        if isinstance(at, KnownTree):
            return at
        return _known(self.read(at), at)

    def _special(self, at: Special) -> Expr:
        return _SPECIAL[at.kind](self, at)

    def _bars(self, at: Special) -> Expr:
        x = self.known(at.args[0])
        shape = self.shape(x.value)
        if shape == SCALAR:
            return self.read(call("abs", [x], at))
        if shape[-2] == shape[-1]:
            return self.read(call("det", [x], at))
        raise self._refused(at, f"| | around what is {describe(shape)}", r"write \|x\|, or \|X\|_F")

    def _log_bars(self, at: Special) -> Expr:
        """Return log |A| and log det A as one function, log |x| of a scalar as it stands."""
        inner = at.args[0]
        if isinstance(inner, Special):
            body = inner.args[0]
            if isinstance(body, ast.Call) and _is_call(body, "det"):
                return self.read(call("logdet", body.args, at))
            x = self.known(body)
            if not x.value.is_scalar:
                return self.read(call("logdet", [x], at))
            return self.read(call("log", [call("abs", [x], inner)], at))
        assert isinstance(inner, ast.Call)
        return self.read(call("logdet", inner.args, at))

    def _norm(self, at: Special) -> Expr:
        x = self.known(at.args[0])
        vector = ONE in self.shape(x.value)
        if not vector and at.mark in ("", "1", "inf"):
            mark = {"": r"\|X\|", "1": r"\|X\|_1", "inf": r"\|X\|_\infty"}[at.mark]
            raise AmbiguousTextError(
                f"{mark} of a matrix has more than one meaning",
                span=self.span(at),
                remedy=r"write \|X\|_F (entries), \|X\|_2 (spectral), \|X\|_* (nuclear)",
            )
        if at.mark == "p":
            return self.read(call("norm", [x, at.args[1]], at))
        name = {"1": "norm1", "inf": "norminf"}.get(at.mark, "norm")
        kind: list[ast.expr] = []
        if not vector and at.mark in ("2", "nuc"):
            kind = [like(ast.Constant(2 if at.mark == "2" else "nuc"), at)]
        return self.read(call(name, [x, *kind], at))

    def _inverse(self, at: Special) -> Expr:
        x = self.known(at.args[0])
        if self.shape(x.value) == SCALAR:
            return self.read(like(ast.BinOp(like(ast.Constant(1), at), ast.Div(), x), at))
        return self.read(call("inv", [x], at))

    def _power_of(self, at: Special) -> Expr:
        base, exponent = self.known(at.args[0]), self.known(at.args[1])
        shape = self.shape(base.value)
        if not exponent.value.is_scalar:
            raise self._refused(exponent, "an exponent that is no scalar", r"write \exp, or ^\top")
        if shape == SCALAR:
            return self.read(like(ast.BinOp(base, ast.Pow(), exponent), at))
        x, k = self.source(base), self.source(exponent)
        if ONE not in shape and any(d.is_unknown for d in shape):  # ones, as large as they must be
            self.unifier.unify(shape[-2], shape[-1])
            shape = self.shape(base.value)
        if shape[-2] != shape[-1]:
            both = rf"({x})^{{\odot {k}}} entry by entry"
            inner = rf"\|{x}\|^{k}" if ONE in shape else rf"{x}^\top {x}"
            what = f"a power of what is {describe(shape)}"
            raise self._refused(at, what, f"write {both}, or {inner}")
        number_ = exponent.value
        whole = number_.op != "num" or number(number_).denominator == 1
        if not whole or any(e.op in ("div", "pow") for e in walk(number_)):
            remedy = rf"write \operatorname{{sqrtm}}({x}), or ({x})^{{\odot {k}}} entry by entry"
            raise self._refused(at, "a root of a matrix", remedy)
        return self.read(call("matrix_power", [base, exponent], at))

    def _turned_of(self, at: Special) -> Expr:
        """Return a transpose that stands in an exponent, where a scalar may have any letter."""
        x = self.known(at.args[0])
        if x.value.is_scalar:
            what = f"a transpose in the exponent of the scalar {self.source(x)}"
            raise self._refused(at, what, "leave it out, or declare what it stands for")
        return self.read(transposed(x, at))

    def _prime(self, at: Special) -> Expr:
        """Return a transpose written as a prime, which on a number would be another number."""
        x = self.known(at.args[0])
        if x.value.is_scalar:
            what = f"a prime at the scalar {self.source(x)}"
            raise self._refused(at, what, "give it a name of its own")
        return self.read(transposed(x, at))

    def _entry_by_entry(self, at: Special) -> Expr:
        """Return a root or an exponential, of a square matrix only if it says which."""
        x = self.known(at.args[0])
        shape = self.shape(x.value)
        entrywise, matrix, macro = _FUNCTIONS[at.kind]
        if shape != SCALAR and shape[-2] == shape[-1]:
            written = self.source(x)
            raise AmbiguousTextError(
                f"this can be read in two ways: {entrywise}({written}) entry by entry, or "
                f"{matrix}({written})",
                span=self.span(at),
                remedy=rf"write {macro}({written}) for the first, "
                rf"\operatorname{{{matrix}}}({written}) for the second",
            )
        return self.read(call(entrywise, [x], at))

    def _sized(self, at: Sized) -> Expr:
        fresh = self.unifier.fresh
        if at.kind == "eye":
            return eye(fresh())
        if at.kind == "causal_mask":
            size_ = fresh()
            return node("causal_mask", (), (size_, size_))
        return ones(fresh()) if at.kind == "ones" else zeros(fresh(), fresh())

    def _indexed(self, at: Indexed) -> Expr:
        value = self.known(at.value)
        shape, marks = self.shape(value.value), list(at.marks)
        if shape == SCALAR:
            raise IndexNameError(
                f"{self.source(at.value)} is a scalar: it has no index",
                span=self.span(at),
                remedy="leave the index out",
            )
        axes = [d for d in shape if d != ONE]
        for mark in marks:
            if isinstance(mark, ast.Name) and mark.id in self.declared.dims:
                raise IndexNameError(
                    f"{mark.id} is a size: the index can be any, or the last",
                    span=self.span(mark),
                    remedy="write an index with a letter of its own",
                )
        if len(marks) < len(axes) and len(axes) > 2:
            split = [self._digits(at, m, len(axes) - len(marks) + 1) or [m] for m in marks]
            marks = [m for part in split for m in part]
        if len(marks) == 1 and len(axes) == 2:
            marks = self._two_digits(at, marks[0])
        if len(marks) == 1 and shape[0] == ONE and shape[1] != ONE:
            marks = [like(ast.Constant(1), marks[0]), *marks]
        part: ast.expr = marks[0] if len(marks) == 1 else like(ast.Tuple(marks, ast.Load()), at)
        return self._subscript(like(ast.Subscript(value, part, ast.Load()), at))

    def _digits(self, at: Indexed, mark: ast.expr, count: int) -> list[ast.expr] | None:
        """Return the digits of a number as one index each, if it has as many as there are axes."""
        value = mark.value if isinstance(mark, ast.Constant) else None
        digits = str(value) if isinstance(value, int) else ""
        if len(digits) != count or "0" in digits:
            return None
        return [like(ast.Constant(int(d)), mark) for d in digits]

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

    def _total(self, at: Total) -> Expr:
        name = at.index.id
        declared = self.declared
        taken = (declared.variables, self.bound, self.definitions, declared.dims)
        if any(name in names for names in taken):
            raise IndexNameError(
                f"{name} is a name or a size already",
                span=self.span(at.index),
                remedy="an index needs a name of its own",
            )
        outer = self.indices.pop(name, None)
        self.indices[name] = self.unifier.fresh()
        is_place = isinstance(at.upper, ast.BinOp)
        if at.upper is not None and not is_place:
            bound = self.read(at.upper)
            limit = bound.data if isinstance(bound.data, Dim) else size(int(number(bound)))
            self.indices[name] = limit
        self.bound.add(name)
        body = bind(self, name, self.read(at.body))
        self.bound.discard(name)
        dim = self.unifier.resolve(self.indices.pop(name))
        if outer is not None:
            self.indices[name] = outer
        if dim.is_unknown:
            raise IndexNameError(
                f"the range of the index {name} is not known: nothing in the body uses it",
                span=self.span(at.index),
                remedy=f"give it a limit: \\sum_{{{name}=1}}^{{n}}",
            )
        if is_place:
            self._check_limit(at, name, dim)
        return node(at.word, (body,), body.shape, (name, dim))

    def _check_limit(self, at: Total, name: str, dim: Dim) -> None:
        """Refuse a limit such as n - 1 that is not as far as the shifted places allow."""
        assert at.upper is not None
        added, taken = place(self, at.upper)
        if difference(added, taken) != dim:
            raise IndexNameError(
                f"the index {name} runs to {dim}".replace("?", ""),
                span=self.span(at.index),
                remedy="an index runs over what all of its places allow: leave the limit out",
            )

    def _called(self, at: ast.Call) -> Expr:
        alone = isinstance(at.func, ast.Name) and at.func.id in ("softmax", "logsoftmax")
        if alone and len(at.args) == 1 and not at.keywords:
            x = self.known(at.args[0])
            shape = self.shape(x.value)
            # Of a column, softmax can only be along it.
            options = {"axis": 0} if shape[-1] == ONE != shape[0] else {}
            at = call(at.func.id, [x], at, **options)  # type: ignore[attr-defined]
        return self._call(at)

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
            raise self._refused(at, f"the derivative of {names}", "write out what it is")
        try:
            return self.derivative(at.path, first)
        except LanguageError as error:
            error.span = error.span or self.span(at)
            raise

    def _read_already(self, at: KnownTree) -> Expr:
        return at.value


def _known(value: Expr, at: ast.expr) -> KnownTree:
    found = like(KnownTree(), at)
    found.value = value
    return found


def _is_call(at: ast.Call, name: str) -> bool:
    return isinstance(at.func, ast.Name) and at.func.id == name


def _turned(at: ast.BinOp) -> ast.BinOp:
    return like(ast.BinOp(transposed(at.left, at.left), at.op, at.right), at)


_SPECIAL: dict[str, Callable[[LatexReader, Special], Expr]] = {
    "bars": LatexReader._bars,
    "log-bars": LatexReader._log_bars,
    "norm": LatexReader._norm,
    "inverse": LatexReader._inverse,
    "turned": LatexReader._turned_of,
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
    ReadingChoice: LatexReader._choice,
    Product: LatexReader._product,
    Special: LatexReader._special,
    Sized: LatexReader._sized,
    Indexed: LatexReader._indexed,
    KnownTree: LatexReader._read_already,
    Derived: LatexReader._derived,
    Total: LatexReader._total,
    ast.Attribute: LatexReader.attribute,
    ast.Call: LatexReader._called,
}
