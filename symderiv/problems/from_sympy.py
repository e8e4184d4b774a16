"""SymPy expressions to the expression language: text, and a declaration for every name.

Whatever SymPy has built is read by the names of its classes, so that nothing of SymPy is imported
here, and a class that is not listed is refused by its name. All symbols are taken as real.
SymPy counts rows and columns from 0, the language from 1; a bound index runs over a whole axis in
both, so it keeps its letter.

Contract: the text means what the SymPy expression means; nothing is dropped or guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ..core.errors import ShapeError, UnsupportedError
from ..ops import TABLE

_NAME = re.compile(r"[A-Za-z]\w*\Z", re.ASCII)
_WRITTEN_OUT = 3  # SymPy makes A**2 of A*A, which is a product to people
_ATOM = re.compile(r"\w+\Z|\w+\([^()]*\)\Z")
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
    text = reader.read(x)
    # What is the size of something is a number of that name in the language already.
    variables = {n: v for n, v in reader.variables.items() if n not in reader.sizes}
    return WrittenText(text, variables, reader.symbols)


def _refused(x: Any, remedy: str) -> UnsupportedError:
    return UnsupportedError(f"SymPy's {type(x).__name__} cannot be read: {x}", remedy=remedy)


def _wrapped(text: str) -> str:
    return text if _ATOM.match(text) else f"({text})"


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
    inner: dict[Any, str] = field(default_factory=dict)  # argument of a function: what it is

    def read(self, x: Any) -> str:
        """Return the text of an expression."""
        if getattr(x, "is_Symbol", False) and x in self.inner:
            return self.inner[x]
        for kind in type(x).__mro__:
            found = _READERS.get(kind.__name__)
            if found is not None:
                return found(self, x)
        raise _refused(x, "write that part in the expression language, or give it a symbol")

    def part(self, x: Any) -> str:
        """Return the text of an operand."""
        return _wrapped(self.read(x))

    # names and sizes

    def size(self, dim: Any) -> str:
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
        return "*".join(map(str, factors))

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

    def _matrix_symbol(self, x: Any) -> str:
        rows, cols = (self.size(d) for d in x.shape)
        self._keep(x.name, x)
        self.variables[x.name] = rows if cols == "1" else f"{rows}, {cols}"
        return str(x.name)

    def _symbol(self, x: Any) -> str:
        if x in self.bound:
            raise _refused(x, "an index stands in brackets only: X[i, j]")
        name = str(x.name)
        self._keep(name, x)
        self.variables.setdefault(name, "scalar positive" if x.is_positive else "scalar")
        return name

    def _number(self, x: Any) -> str:
        value = Fraction(str(x))
        return str(value) if value.denominator == 1 and value >= 0 else f"({value})"

    def _pi(self, x: Any) -> str:
        self._keep("pi", x)
        return "pi"

    # arithmetic

    def _sum(self, x: Any) -> str:
        if any(_is_matrix(a) for a in x.args) and not all(_is_matrix(a) for a in x.args):
            raise _refused(x, "SymPy itself does not add a scalar to a matrix")
        return " + ".join(self.part(a) for a in x.args)

    def _product(self, x: Any) -> str:
        scalars = [self.part(a) for a in x.args if not getattr(a, "is_Matrix", False)]
        matrices = [self.part(a) for a in x.args if getattr(a, "is_Matrix", False)]
        together = [f"({' @ '.join(matrices)})"] if matrices else []
        return " * ".join(scalars + together)

    def _hadamard(self, x: Any) -> str:
        return " * ".join(self.part(a) for a in x.args)

    def _power(self, x: Any) -> str:
        base, exponent = x.args
        if _is_matrix(base) or _is_matrix(exponent):
            raise _refused(x, "a power of a matrix is MatPow, of its entries HadamardPower")
        return self._raised(base, exponent)

    def _raised(self, base: Any, exponent: Any) -> str:
        """Return a power entry by entry, as a person would write it."""
        if exponent.is_Rational and exponent < 0:
            return f"1 / {_wrapped(self._raised(base, -exponent))}"
        if exponent == 1:
            return self.part(base)
        if exponent.is_Rational and 2 * exponent == 1:
            return f"sqrt({self.read(base)})"
        return f"{self.part(base)} ** {self.part(exponent)}"

    def _matrix_power(self, x: Any) -> str:
        base, exponent = x.args
        if not _is_matrix(base):
            return self._raised(base, exponent)
        if exponent == -1:
            return f"inv({self.read(base)})"
        if exponent.is_Integer and 2 <= exponent <= _WRITTEN_OUT:
            return " @ ".join([self.part(base)] * int(exponent))
        if exponent.is_Rational and not exponent.is_Integer:
            if 2 * exponent != 1:
                raise _refused(x, "roots other than the square root have no rule")
            return f"sqrtm({self.read(base)})"
        return f"matrix_power({self.read(base)}, {self.read(exponent)})"

    def _hadamard_power(self, x: Any) -> str:
        return self._raised(*x.args)

    # functions

    def _function(self, x: Any) -> str:
        """Return a function of scalars; of a matrix it would be another function."""
        if any(_is_matrix(a) for a in x.args):
            raise _refused(x, "entry by entry it is X.applyfunc(..)")
        return f"{_FUNCTIONS[type(x).__name__]}({', '.join(self.read(a) for a in x.args)})"

    def _unspecified(self, x: Any) -> str:
        name = type(x).__name__
        if len(x.args) != 1 or _is_matrix(x.args[0]):
            raise _refused(x, "an unspecified function has one scalar argument")
        if name != "L" and not re.fullmatch("[fgh]p*", name):
            self.variables[name] = "entrywise"
        return f"{name}({self.read(x.args[0])})"

    def _extreme(self, name: str, x: Any) -> str:
        text = self.read(x.args[0])
        for a in x.args[1:]:
            text = f"{name}({text}, {self.read(a)})"
        return text

    def _piecewise(self, x: Any) -> str:
        *cases, last = x.args
        if last.args[1] != True:  # noqa: E712 (SymPy's own truth)
            raise _refused(x, "its last case must be True: nothing else may be left open")
        text = self.read(last.args[0])
        for value, test in reversed([c.args for c in cases]):
            sign = _COMPARISONS.get(type(test).__name__)
            if sign is None:
                raise _refused(test, "a condition is one comparison with <, <=, > or >=")
            left, right = map(self.read, test.args)
            text = f"where({left} {sign} {right}, {self.read(value)}, {text})"
        return text

    def _applied(self, x: Any) -> str:
        """Return a function of every entry: its body, with the matrix in the argument's place."""
        function, matrix = x.function, x.expr
        text = self.part(matrix)
        (argument,) = function.variables
        before = self.inner.get(argument)
        self.inner[argument] = text
        body = self.part(function.expr)
        del self.inner[argument]
        if before is not None:
            self.inner[argument] = before
        # A constant function still has the shape of its argument.
        has = argument in function.expr.free_symbols
        return body if has else f"{body} * {self._filled('ones', x.shape)}"

    # matrices

    def _filled(self, name: str, shape: Any) -> str:
        rows, cols = map(self.size, shape)
        return f"{name}({rows})" if cols == "1" else f"{name}({rows}, {cols})"

    def _kron(self, x: Any) -> str:
        text = self.read(x.args[0])
        for a in x.args[1:]:
            text = f"kron({text}, {self.read(a)})"
        return text

    def _inner(self, x: Any) -> str:
        left, right = (self.part(a) + (".T" if a.shape[1] != 1 else "") for a in x.args)
        return f"dot({left}, {right})"

    def _element(self, x: Any) -> str:
        matrix, *places = x.args
        for place, dim in zip(places, matrix.shape, strict=True):
            if place in self.bound and self.bound[place][1] != dim:
                raise _refused(x, f"the index {place} does not run over the whole axis of {dim}")
        marks = ", ".join(self._mark(place, x) for place in places)
        return f"{self.part(matrix)}[{marks}]"

    def _mark(self, place: Any, x: Any) -> str:
        """Return an index as it is written in the language."""
        if place in self.bound:
            return self.bound[place][0]
        if place.is_Integer and place >= 0:
            return str(int(place) + 1)
        raise _refused(x, "an index is an integer, or the bound index of a Sum")

    def _index_sum(self, x: Any) -> str:
        body, *limits = x.args
        added: list[tuple[Any, str]] = []
        for index, low, high in (tuple(limit) for limit in limits):
            if low != 0:
                raise _refused(x, "an index of SymPy starts at 0 and runs over a whole axis")
            letter = self._letter(index)
            self.bound[index] = (letter, high + 1)
            added.append((index, letter))
        text = self.read(body)
        for index, letter in added:
            del self.bound[index]
            text = f"Sum({letter}, {text})"
        return text

    def _letter(self, index: Any) -> str:
        """Return a letter for a bound index that nothing else in the expression has."""
        taken = self.taken | {letter for letter, _ in self.bound.values()}
        named = [] if index.is_Dummy else [index.name]
        pool = [*named, *"ijklrstuvw", *(f"i{k}" for k in range(1, 1000))]
        return next(str(c) for c in pool if _NAME.match(c) and c not in taken)

    def _delta(self, x: Any) -> str:
        return f"delta({', '.join(self._mark(a, x) for a in x.args[:2])})"


def _call(name: str) -> Callable[[_Reader, Any], str]:
    return lambda reader, x: f"{name}({', '.join(reader.read(a) for a in x.args)})"


_READERS: dict[str, Callable[[_Reader, Any], str]] = {
    "MatrixSymbol": _Reader._matrix_symbol,
    "Symbol": _Reader._symbol,
    "Rational": _Reader._number,
    "Float": _Reader._number,
    "Pi": _Reader._pi,
    "Exp1": lambda reader, x: "exp(1)",
    "Add": _Reader._sum,
    "MatAdd": _Reader._sum,
    "Mul": _Reader._product,
    "MatMul": _Reader._product,
    "HadamardProduct": _Reader._hadamard,
    "Pow": _Reader._power,
    "MatPow": _Reader._matrix_power,
    "HadamardPower": _Reader._hadamard_power,
    "Inverse": lambda reader, x: f"inv({reader.read(x.args[0])})",
    "Transpose": lambda reader, x: f"{reader.part(x.args[0])}.T",
    "Adjoint": lambda reader, x: f"{reader.part(x.args[0])}.T",
    "Trace": _call("trace"),
    "Determinant": _call("det"),
    "KroneckerProduct": _Reader._kron,
    "DotProduct": _Reader._inner,
    "DiagMatrix": _call("diag"),
    "DiagonalOf": _call("diag"),
    "DiagonalMatrix": lambda reader, x: f"diag(diag({reader.read(x.args[0])}))",
    "Identity": lambda reader, x: f"eye({reader.size(x.shape[0])})",
    "OneMatrix": lambda reader, x: reader._filled("ones", x.shape),
    "ZeroMatrix": lambda reader, x: reader._filled("zeros", x.shape),
    "MatrixElement": _Reader._element,
    "Sum": _Reader._index_sum,
    "KroneckerDelta": _Reader._delta,
    "ElementwiseApplyFunction": _Reader._applied,
    "AppliedUndef": _Reader._unspecified,
    "Piecewise": _Reader._piecewise,
    "Max": lambda reader, x: reader._extreme("maximum", x),
    "Min": lambda reader, x: reader._extreme("minimum", x),
    **dict.fromkeys(_FUNCTIONS, _Reader._function),
}
