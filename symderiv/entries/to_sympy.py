"""Takes an expression; returns SymPy's matrix expression, or scalar expression, that equals it.

Broadcasting is written out with matrices of ones, an entrywise function is an
``ElementwiseApplyFunction`` whose body the operator's own table entry computes. A 1 x 1 product
becomes its trace, so that scalars can be added to it. Indices count from 0 there.

Contract: equal for every size, or MissingRuleError, which names what SymPy has no expression for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from ..core.errors import MissingRuleError
from ..core.expr import Expr, number, sum_index, transpose, walk
from ..core.later import sympy
from ..core.shapes import ONE, Dim, Shape, parts_of
from ..ops import TABLE
from .symbols import SymbolicMath


def to_sympy(x: Expr, symbols: Mapping[str, Any] | None = None) -> Any:
    """Return an expression as SymPy's; ``symbols`` are objects to use for names.

    A name without one becomes a MatrixSymbol, or a real Symbol; a size a positive integer
    Symbol. Named definitions are written out. Raises MissingRuleError.

    >>> from symderiv.problems import problem
    >>> to_sympy(problem("x.T @ A @ x + norm(A)**2").objective)
    Trace(A.T*A) + Trace(x.T*A*x)
    """
    writer = _Writer(dict(symbols or {}))
    for e in walk(x):
        writer.done[e] = writer.one(e)
    return writer.done[x]


def _missing(e: Expr, what: str = "") -> MissingRuleError:
    return MissingRuleError(
        f"SymPy has no matrix expression for {what or e.op}",
        remedy="use .text, .latex or .evaluate(..), or write it out by its definition",
    )


class _Writer:
    """Writes nodes, arguments first."""

    def __init__(self, symbols: dict[str, Any]) -> None:
        self.symbols = symbols
        self.done: dict[Expr, Any] = {}

    def one(self, e: Expr) -> Any:
        """Return one node, from what its arguments became."""
        if len(e.shape) > 2:
            raise _missing(e, "a tensor")
        found = _WRITERS.get(e.op)
        if found is not None:
            return found(self, e)
        if TABLE[e.op].entrywise:
            return self.pointwise(e)
        raise _missing(e)

    def args(self, e: Expr) -> list[Any]:
        return [self.done[a] for a in e.args]

    # names, sizes, constants

    def dim(self, dim: Dim) -> Any:
        factors = [self._size_symbol(s) for s in dim.symbols]
        return sympy.Mul(sympy.Integer(dim.coefficient), *factors)

    def _size_symbol(self, name: str) -> Any:
        if name[0] == "(":
            return sympy.Add(*map(self.dim, parts_of(name)))
        return self.symbol(name, integer=True, positive=True)

    def shape(self, shape: Shape) -> tuple[Any, Any]:
        return self.dim(shape[0]), self.dim(shape[1])

    def symbol(self, name: str, **assumptions: bool) -> Any:
        found = self.symbols.get(name)
        if found is None:
            found = self.symbols[name] = sympy.Symbol(name, **assumptions)
        return found

    def variable(self, e: Expr) -> Any:
        name = str(e.data)
        if name in self.symbols:
            return self.symbols[name]
        return (
            self.symbol(name, real=True)
            if e.is_scalar
            else sympy.MatrixSymbol(name, *self.shape(e.shape))
        )

    def filled(self, e: Expr) -> Any:
        if e.is_scalar:
            return sympy.Integer(0 if e.op == "zeros" else 1)
        if e.op == "eye":
            return sympy.Identity(self.dim(e.shape[0]))
        kind = sympy.OneMatrix if e.is_ones else sympy.ZeroMatrix
        return kind(*self.shape(e.shape))

    # arithmetic

    def spread(self, e: Expr, shape: Shape) -> Any:
        """Return an argument in a shape that it is broadcast to."""
        x = self.done[e]
        if e.shape == shape:
            return x
        rows, cols = shape
        if e.is_scalar:
            return x * sympy.OneMatrix(*self.shape(shape))
        if e.shape[0] == rows:
            return x * sympy.OneMatrix(1, self.dim(cols))
        if e.shape[1] == cols:
            return sympy.OneMatrix(self.dim(rows), 1) * x
        return sympy.OneMatrix(self.dim(rows), 1) * x * sympy.OneMatrix(1, self.dim(cols))

    def sum(self, e: Expr) -> Any:
        parts = [self.spread(a, e.shape) for a in e.args]
        return sympy.Add(*parts) if e.is_scalar else sympy.MatAdd(*parts).doit(deep=False)

    def product(self, e: Expr) -> Any:
        scalars = sympy.Mul(*(self.done[a] for a in e.args if a.is_scalar))
        rest = [self.spread(a, e.shape) for a in e.args if not a.is_scalar]
        if not rest:
            return scalars
        return scalars * (rest[0] if len(rest) == 1 else sympy.HadamardProduct(*rest))

    def quotient(self, e: Expr) -> Any:
        over, under = e.args
        if under.is_scalar:
            return self.spread(over, e.shape) / self.done[under]
        inverse = sympy.HadamardPower(self.spread(under, e.shape), -1)
        if over.is_scalar:
            return self.done[over] * inverse
        return sympy.HadamardProduct(self.spread(over, e.shape), inverse)

    def power(self, e: Expr) -> Any:
        base, exponent = e.args
        if e.is_scalar:
            return self.done[base] ** self.done[exponent]
        if not exponent.is_scalar:
            raise _missing(e, "an entrywise power whose exponents differ from entry to entry")
        return sympy.HadamardPower(self.spread(base, e.shape), self.done[exponent])

    def matmul(self, e: Expr) -> Any:
        return self.entry_of(sympy.MatMul(*self.args(e)), e)

    def entry_of(self, x: Any, e: Expr) -> Any:
        """Return a 1 x 1 matrix as the scalar that it holds, any other as it is."""
        return sympy.Trace(x) if e.is_scalar and getattr(x, "is_Matrix", False) else x

    # reductions and functions

    def total(self, e: Expr) -> Any:
        (a,) = e.args
        x, (rows, cols) = self.done[a], a.shape
        if a.is_scalar:
            return x
        parts = [x]
        if e.data in (None, 0) and rows != ONE:
            parts.insert(0, sympy.OneMatrix(1, self.dim(rows)))
        if e.data in (None, 1) and cols != ONE:
            parts.append(sympy.OneMatrix(self.dim(cols), 1))
        return self.entry_of(sympy.MatMul(*parts) if len(parts) > 1 else x, e)

    def mean(self, e: Expr) -> Any:
        counts = [self.dim(d) for k, d in enumerate(e.args[0].shape) if e.data in (None, k)]
        return self.total(e) / sympy.Mul(*counts)

    def outer(self, e: Expr) -> Any:
        if any(a.is_scalar for a in e.args):
            raise _missing(e, "outer of a scalar")
        x, y = (self.done[a] if a.shape[1] == ONE else self.turned(a) for a in e.args)
        return self.entry_of(sympy.MatMul(x, sympy.Transpose(y)), e)

    def norm(self, e: Expr) -> Any:
        if e.data is not None:
            raise _missing(e, "a norm other than Frobenius'")
        return sympy.sqrt(self.squares(e.args[0], e.args[0]))

    def squares(self, left: Expr, right: Expr) -> Any:
        if left.is_scalar:
            return self.done[left] * self.done[right]
        return sympy.Trace(sympy.MatMul(self.turned(left), self.done[right]))

    def turned(self, e: Expr) -> Any:
        return self.done.get(transpose(e)) or sympy.Transpose(self.done[e])

    def diagonal(self, e: Expr) -> Any:
        (a,) = e.args
        if a.is_scalar:
            return self.done[a]
        if a.shape[1] == ONE:
            return _class("diagonal", "DiagMatrix")(self.done[a])
        if a.shape[0] == ONE:
            return _class("diagonal", "DiagMatrix")(self.turned(a))
        return _class("diagonal", "DiagonalOf")(self.done[a])

    def pointwise(self, e: Expr) -> Any:
        """Return an entrywise function of one matrix, and of scalars beside it."""
        matrices = list(dict.fromkeys(a for a in e.args if not a.is_scalar))
        if any(a.shape != e.shape for a in matrices) or len(matrices) > 1:
            raise _missing(e, f"{e.op} of several matrices")
        argument = sympy.Dummy("d", real=True)
        cells = [[[self.done[a] if a.is_scalar else argument]] for a in e.args]
        body = TABLE[e.op].explicit(e, cells, _ON_SCALARS)[0][0]
        if not matrices:
            return body
        return _class("applyfunc", "ElementwiseApplyFunction")(
            sympy.Lambda(argument, body), self.done[matrices[0]]
        )

    def unspecified(self, e: Expr) -> Any:
        assert isinstance(e.data, tuple)
        function = sympy.Function(e.data[0] + "p" * e.data[1])
        (a,) = e.args
        if a.is_scalar:
            return function(self.done[a])
        argument = sympy.Dummy("d", real=True)
        body = sympy.Lambda(argument, function(argument))
        return _class("applyfunc", "ElementwiseApplyFunction")(body, self.done[a])

    # indices

    def place(self, index: object) -> Any:
        if isinstance(index, int):
            return sympy.Integer(index - 1)
        return sympy.Symbol(str(index), integer=True, nonnegative=True)

    def entry(self, e: Expr) -> Any:
        assert isinstance(e.data, tuple)
        (a,) = e.args
        if a.is_scalar:
            return self.done[a]
        return _class("matexpr", "MatrixElement")(self.done[a], *map(self.place, e.data))

    def index_sum(self, e: Expr) -> Any:
        if not e.is_scalar:
            raise _missing(e, "a sum of matrices over an index")
        name, dim = sum_index(e)
        return sympy.Sum(self.done[e.args[0]], (self.place(name), 0, self.dim(dim) - 1))

    def delta(self, e: Expr) -> Any:
        assert isinstance(e.data, tuple)
        return sympy.KroneckerDelta(*map(self.place, e.data[:2]))

    def of_matrix(self, kind: Callable[..., Any], e: Expr, count: int) -> Any:
        """Return a function whose first arguments are matrices for SymPy too, not scalars."""
        if any(a.is_scalar for a in e.args[:count]):
            raise _missing(e, f"{e.op} of a scalar")
        return kind(*self.args(e))


class _Scalars:
    """Where an entrywise function is worked out: on one SymPy scalar."""

    math = SymbolicMath()


_ON_SCALARS: Any = _Scalars()
Write = Callable[[_Writer, Expr], Any]


def _matrix(kind: Callable[..., Any] | str, count: int = 1) -> Write:
    """Return the writer of a function of matrices: one of SymPy's by its name, or as given."""

    def write(w: _Writer, e: Expr) -> Any:
        return w.of_matrix(getattr(sympy, kind) if isinstance(kind, str) else kind, e, count)

    return write


def _class(module: str, name: str) -> Any:
    """Return a class of matrix expressions that SymPy does not export."""
    return getattr(import_module(f"sympy.matrices.expressions.{module}"), name)


def _turn(w: _Writer, e: Expr) -> Any:
    return sympy.Transpose(w.done[e.args[0]])


def _trace(w: _Writer, e: Expr) -> Any:
    (a,) = e.args
    return w.done[a] if a.is_scalar else sympy.Trace(w.done[a])


# By operator; a name that is in neither table is refused.
_WRITERS: dict[str, Write] = {
    "num": lambda w, e: sympy.Rational(number(e).numerator, number(e).denominator),
    "const": lambda w, e: {"pi": sympy.pi, "e": sympy.E}[str(e.data)],
    "var": _Writer.variable,
    "named": lambda w, e: w.done[e.args[0]],
    "size": lambda w, e: w.dim(e.data),  # type: ignore[arg-type]
    "ones": _Writer.filled,
    "zeros": _Writer.filled,
    "eye": _Writer.filled,
    "add": _Writer.sum,
    "neg": lambda w, e: -w.done[e.args[0]],
    "mul": _Writer.product,
    "div": _Writer.quotient,
    "pow": _Writer.power,
    "matmul": _Writer.matmul,
    "transpose": _turn,
    "sum": _Writer.total,
    "mean": _Writer.mean,
    "trace": _trace,
    "dot": lambda w, e: w.squares(*e.args),
    "norm": _Writer.norm,
    "diag": _Writer.diagonal,
    "apply": _Writer.unspecified,
    "entry": _Writer.entry,
    "Sum": _Writer.index_sum,
    "delta": _Writer.delta,
    "inv": _matrix("Inverse"),
    "det": _matrix("Determinant"),
    "logdet": _matrix(lambda a: sympy.log(sympy.Abs(sympy.Determinant(a)))),
    "matrix_power": _matrix("MatPow"),
    "kron": _matrix("KroneckerProduct", 2),
    "solve": _matrix(lambda a, b: sympy.MatMul(sympy.Inverse(a), b), 2),
    "hadamard": _Writer.product,
    "outer": _Writer.outer,
}
