"""SymPy expressions to expressions of the language, with a declaration for every name.

Whatever SymPy has built is read by the names of its classes, so that nothing of SymPy is imported
here, and a class that is not listed is refused by its name. All symbols are taken as real.
SymPy counts rows and columns from 0, the language from 1; a bound index runs over a whole axis in
both, so it keeps its letter.

Contract: the expression means what the SymPy expression means; nothing is dropped or guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from typing import Any

from ..core.errors import ShapeError, UnsupportedError
from ..core.expr import Expr, Index, add, div, matmul, mul, node, num, power, transpose, var
from ..core.positions import at_marks
from ..core.shapes import ONE, SCALAR, Dim, size, symbol, times
from ..ops import TABLE
from ..ops.text import text
from .call_arguments import applied

_NAME = re.compile(r"[A-Za-z]\w*\Z", re.ASCII)
_WRITTEN_OUT = 3  # SymPy makes A**2 of A*A, which is a product to people
_FUNCTIONS = {op.sympy: op.name for op in TABLE.values() if op.sympy}
_COMPARISONS = {
    "StrictGreaterThan": ">",
    "StrictLessThan": "<",
    "GreaterThan": ">=",
    "LessThan": "<=",
}


@dataclass(frozen=True, slots=True)
class WrittenText:
    """A SymPy expression in the language: text, declarations, and its own objects by name."""

    text: str
    variables: dict[str, str]
    symbols: dict[str, Any]


def is_sympy(x: object) -> bool:
    """Whether an object is an expression of SymPy."""
    return any(str(t.__module__).startswith("sympy.") for t in type(x).__mro__)


def from_sympy(x: Any) -> WrittenText:
    """Return a SymPy expression in the language.

    ``x`` is a MatrixExpr, or a scalar Expr of matrices and symbols. Raises UnsupportedError, which
    names the class, for what the language cannot say, ShapeError for a size that is no symbol,
    no integer and no product of these.
    """
    reader = _Reader(taken={s.name for s in getattr(x, "free_symbols", ())})
    written = text(reader.read(x))
    # What is the size of something is a number of that name in the language already.
    variables = {n: v for n, v in reader.variables.items() if n not in reader.sizes}
    return WrittenText(written, variables, reader.symbols)


def _refused(x: Any, remedy: str) -> UnsupportedError:
    return UnsupportedError(f"SymPy's {type(x).__name__} cannot be read: {x}", remedy=remedy)


def _is_matrix(x: Any) -> bool:
    """Whether an expression is a matrix with more than one entry, as far as SymPy knows."""
    return bool(getattr(x, "is_Matrix", False)) and tuple(x.shape) != (1, 1)


@dataclass
class _Reader:
    taken: set[str]
    variables: dict[str, str] = field(default_factory=dict)
    symbols: dict[str, Any] = field(default_factory=dict)
    sizes: dict[str, None] = field(default_factory=dict)
    bound: dict[Any, tuple[str, Any]] = field(default_factory=dict)  # index: letter, its range
    inner: dict[Any, Expr] = field(default_factory=dict)  # argument of a function: what it is

    def read(self, x: Any) -> Expr:
        """Return what an expression is in the language."""
        if getattr(x, "is_Symbol", False) and x in self.inner:
            return self.inner[x]
        for kind in type(x).__mro__:
            found = _READERS.get(kind.__name__)
            if found is not None:
                return found(self, x)
        raise _refused(x, "write that part in the expression language, or give it a symbol")

    # names and sizes

    def size(self, dim: Any) -> Dim:
        """Return a size: a symbol, an integer, or a product of these."""
        factors: list[Any] = []
        for f in dim.args if type(dim).__name__ == "Mul" else (dim,):
            power = type(f).__name__ == "Pow" and f.exp.is_Integer and f.exp > 0
            factors += [f.base] * int(f.exp) if power else [f]
        for f in factors:
            if not (f.is_Symbol or (f.is_Integer and f > 0)):
                raise ShapeError(
                    f"the size {dim} is not a symbol, a positive integer or a product of them",
                    remedy="give it a symbol of its own",
                )
            if f.is_Symbol:
                self._keep(str(f.name), f)
                self.sizes[str(f.name)] = None
        return times(symbol(str(f.name)) if f.is_Symbol else size(int(f)) for f in factors)

    def _keep(self, name: str, x: Any) -> None:
        """Note what a name stands for; refuses one that stands for two things."""
        if not _NAME.match(name):
            raise UnsupportedError(
                f"{name!r} is a name in SymPy, but not in the language",
                remedy="a name is letters, digits and _, and starts with a letter",
            )
        if self.symbols.setdefault(name, x) != x:
            raise UnsupportedError(
                f"{name!r} names two different things: {type(x).__name__} and "
                f"{type(self.symbols[name]).__name__}, or the same with other assumptions",
                remedy="give them two names",
            )

    def _matrix_symbol(self, x: Any) -> Expr:
        rows, cols = map(self.size, x.shape)
        self._keep(x.name, x)
        self.variables[x.name] = str(rows) if cols == ONE else f"{rows}, {cols}"
        return var(str(x.name), (rows, cols))

    def _symbol(self, x: Any) -> Expr:
        if x in self.bound:
            raise _refused(x, "an index stands in brackets only: X[i, j]")
        name = str(x.name)
        self._keep(name, x)
        self.variables.setdefault(name, "scalar positive" if x.is_positive else "scalar")
        return var(name, SCALAR)

    def _number(self, x: Any) -> Expr:
        return num(Fraction(str(x)))

    def _pi(self, x: Any) -> Expr:
        self._keep("pi", x)
        return node("const", (), SCALAR, "pi")

    # arithmetic

    def _sum(self, x: Any) -> Expr:
        if any(_is_matrix(a) for a in x.args) and not all(_is_matrix(a) for a in x.args):
            raise _refused(x, "SymPy itself does not add a scalar to a matrix")
        return add(*map(self.read, x.args))

    def _product(self, x: Any) -> Expr:
        scalars = [self.read(a) for a in x.args if not getattr(a, "is_Matrix", False)]
        matrices = [self.read(a) for a in x.args if getattr(a, "is_Matrix", False)]
        return mul(*scalars, *([matmul(*matrices)] if matrices else []))

    def _power(self, x: Any) -> Expr:
        base, exponent = x.args
        if _is_matrix(base) or _is_matrix(exponent):
            raise _refused(x, "a power of a matrix is MatPow, of its entries HadamardPower")
        return self._raised(base, exponent)

    def _raised(self, base: Any, exponent: Any) -> Expr:
        """Return a power entry by entry, as a person would write it."""
        if exponent.is_Rational and exponent < 0:
            return div(num(1), self._raised(base, -exponent))
        if exponent == 1:
            return self.read(base)
        if exponent.is_Rational and 2 * exponent == 1:
            return applied("sqrt", self.read(base))
        return power(self.read(base), self.read(exponent))

    def _matrix_power(self, x: Any) -> Expr:
        base, exponent = x.args
        if not _is_matrix(base):
            return self._raised(base, exponent)
        if exponent == -1:
            return applied("inv", self.read(base))
        if exponent.is_Integer and 2 <= exponent <= _WRITTEN_OUT:
            return matmul(*[self.read(base)] * int(exponent))
        if exponent.is_Rational and not exponent.is_Integer:
            if 2 * exponent != 1:
                raise _refused(x, "roots other than the square root have no rule")
            return applied("sqrtm", self.read(base))
        return applied("matrix_power", self.read(base), self.read(exponent))

    # functions

    def _function(self, x: Any) -> Expr:
        """Return a function of scalars; of a matrix it would be another function."""
        if any(_is_matrix(a) for a in x.args):
            raise _refused(x, "entry by entry it is X.applyfunc(..)")
        return applied(_FUNCTIONS[type(x).__name__], *map(self.read, x.args))

    def _unspecified(self, x: Any) -> Expr:
        name = type(x).__name__
        if len(x.args) != 1 or _is_matrix(x.args[0]):
            raise _refused(x, "an unspecified function has one scalar argument")
        argument = self.read(x.args[0])
        if name == "L":
            return node("loss", (argument,), SCALAR, (name, "G"))
        if re.fullmatch("[fgh]p*", name):
            return node("apply", (argument,), argument.shape, (name[0], len(name) - 1))
        self.variables[name] = "entrywise"
        return node("apply", (argument,), argument.shape, (name, 0))

    def _piecewise(self, x: Any) -> Expr:
        *cases, last = x.args
        if last.args[1] != True:  # noqa: E712 (SymPy's own truth)
            raise _refused(x, "its last case must be True: nothing else may be left open")
        found = self.read(last.args[0])
        for value, test in reversed([c.args for c in cases]):
            sign = _COMPARISONS.get(type(test).__name__)
            if sign is None:
                raise _refused(test, "a condition is one comparison with <, <=, > or >=")
            left, right = map(self.read, test.args)
            found = applied("where", (left, sign, right), self.read(value), found)
        return found

    def _applied(self, x: Any) -> Expr:
        """Return a function of every entry: its body, with the matrix in the argument's place."""
        function, matrix = x.function, self.read(x.expr)
        (argument,) = function.variables
        before = self.inner
        self.inner = {**before, argument: matrix}
        body = self.read(function.expr)
        self.inner = before
        # A constant function still has the shape of its argument.
        has = argument in function.expr.free_symbols
        return body if has else mul(body, self._filled("ones", x.shape))

    # matrices

    def _filled(self, name: str, shape: Any) -> Expr:
        rows, cols = map(self.size, shape)
        return applied(name, *((rows,) if cols == ONE else (rows, cols)))

    def _inner(self, x: Any) -> Expr:
        sides = (self.read(a) for a in x.args)
        return applied("dot", *(a if a.shape[1] == ONE else transpose(a) for a in sides))

    def _element(self, x: Any) -> Expr:
        matrix, *places = x.args
        for place, dim in zip(places, matrix.shape, strict=True):
            if place in self.bound and self.bound[place][1] != dim:
                raise _refused(x, f"the index {place} does not run over the whole axis of {dim}")
        return at_marks(self.read(matrix), [self._mark(place, x) for place in places])

    def _mark(self, place: Any, x: Any) -> Index:
        """Return an index as it is in the language."""
        if place in self.bound:
            return self.bound[place][0]
        if place.is_Integer and place >= 0:
            return int(place) + 1
        raise _refused(x, "an index is an integer, or the bound index of a Sum")

    def _index_sum(self, x: Any) -> Expr:
        body, *limits = x.args
        added: list[Any] = []
        for index, low, high in (tuple(limit) for limit in limits):
            if low != 0:
                raise _refused(x, "an index of SymPy starts at 0 and runs over a whole axis")
            self.bound[index] = (self._letter(index), high + 1)
            added.append(index)
        found = self.read(body)
        for index in added:
            letter, length = self.bound.pop(index)
            found = applied("Sum", letter, self.size(length), found)
        return found

    def _letter(self, index: Any) -> str:
        """Return a letter for a bound index that nothing else in the expression has."""
        taken = self.taken | {letter for letter, _ in self.bound.values()}
        named = [] if index.is_Dummy else [index.name]
        pool = [*named, *"ijklrstuvw", *(f"i{k}" for k in range(1, 1000))]
        return next(str(c) for c in pool if _NAME.match(c) and c not in taken)

    def _delta(self, x: Any) -> Expr:
        marks = [self._mark(a, x) for a in x.args[:2]]
        length = next(self.bound[a][1] for a in x.args[:2] if a in self.bound)
        return applied("delta", *marks, self.size(length))


def _call(name: str) -> Callable[[_Reader, Any], Expr]:
    """Return the reader of a function of the language; of one of two arguments, from the left."""

    def read(reader: _Reader, x: Any) -> Expr:
        first, *more = map(reader.read, x.args)
        return (
            reduce(lambda a, b: applied(name, a, b), more, first) if more else applied(name, first)
        )

    return read


_READERS: dict[str, Callable[[_Reader, Any], Expr]] = {
    "MatrixSymbol": _Reader._matrix_symbol,
    "Symbol": _Reader._symbol,
    "Rational": _Reader._number,
    "Float": _Reader._number,
    "Pi": _Reader._pi,
    "Exp1": lambda reader, x: applied("exp", num(1)),
    "Add": _Reader._sum,
    "MatAdd": _Reader._sum,
    "Mul": _Reader._product,
    "MatMul": _Reader._product,
    "HadamardProduct": lambda reader, x: mul(*map(reader.read, x.args)),
    "Pow": _Reader._power,
    "MatPow": _Reader._matrix_power,
    "HadamardPower": lambda reader, x: reader._raised(*x.args),
    "Inverse": lambda reader, x: applied("inv", reader.read(x.args[0])),
    "Transpose": lambda reader, x: transpose(reader.read(x.args[0])),
    "Adjoint": lambda reader, x: transpose(reader.read(x.args[0])),
    "Trace": _call("trace"),
    "Determinant": _call("det"),
    "KroneckerProduct": _call("kron"),
    "DotProduct": _Reader._inner,
    "DiagMatrix": _call("diag"),
    "DiagonalOf": _call("diag"),
    "DiagonalMatrix": lambda reader, x: applied("diag", applied("diag", reader.read(x.args[0]))),
    "Identity": lambda reader, x: applied("eye", reader.size(x.shape[0])),
    "OneMatrix": lambda reader, x: reader._filled("ones", x.shape),
    "ZeroMatrix": lambda reader, x: reader._filled("zeros", x.shape),
    "MatrixElement": _Reader._element,
    "Sum": _Reader._index_sum,
    "KroneckerDelta": _Reader._delta,
    "ElementwiseApplyFunction": _Reader._applied,
    "AppliedUndef": _Reader._unspecified,
    "Piecewise": _Reader._piecewise,
    "Max": _call("maximum"),
    "Min": _call("minimum"),
    **dict.fromkeys(_FUNCTIONS, _Reader._function),
}
