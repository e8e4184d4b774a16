"""Arrays of symbols: the axes that NumPy gives a value, and its expression in the language.

NumPy has vectors of one axis, the language has columns and rows. The expression of a vector is a
column; where a row is needed it stands in ``turned``, and so does a row where a column is needed.
Expressions are built as they were written, one operation a node: products and sums are flattened,
and what is turned is turned inside, when names are given (``local_definitions``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from ...core.errors import LanguageError, ShapeError
from ...core.expr import Expr, dim_size, is_one_per_row, neg, node, num, ones, transpose
from ...core.shapes import ONE, Dim, Shape, broadcast, swapped, trimmed
from ...ops import FUNCTIONS
from ..call_arguments import applied
from .user_places import refuse

_TURNED = "vector"  # marks the transpose between the column and the row of a vector
_order = count()


@dataclass(frozen=True, slots=True, eq=False)
class SymbolArray:
    """The axes that NumPy gives a value, and its expression.

    >>> from symderiv.core.expr import var
    >>> from symderiv.core.shapes import symbol
    >>> x = SymbolArray((symbol("n"),), var("x", (symbol("n"), ONE)))
    >>> entrywise("log_expit", x).expr
    neg(softplus(neg(var('x'))))
    """

    dims: Shape
    expr: Expr
    size: Dim | None = None  # the size that a number is
    test: tuple[SymbolArray, str, SymbolArray] | None = None  # where truth values are 1
    order: int = field(default_factory=lambda: next(_order))

    @property
    def rank(self) -> int:
        """Return how many axes NumPy gives it."""
        return len(self.dims)


def shown(dims: Shape) -> str:
    """Return a shape as NumPy writes it."""
    return f"({', '.join(map(str, dims))}{',' if len(dims) == 1 else ''})"


def misfit(problem: str, remedy: str = "") -> LanguageError:
    """Return the error for shapes that NumPy would refuse, with the line."""
    return refuse(problem, remedy, ShapeError)


# expressions as they were written


def raw(op: str, *args: Expr, data: Any = None) -> Expr:
    """Return one operation entry by entry, with its arguments as they are."""
    return node(op, args, broadcast([a.shape for a in args]), data)


def turned(x: Expr) -> Expr:
    """Return the row of a vector that is a column, or the column of one that is a row."""
    return x if x.is_scalar else node("transpose", (x,), swapped(x.shape), _TURNED)


def is_turned(x: Expr) -> bool:
    """Whether an expression is the row of a column, or the column of a row."""
    return x.is_transpose and x.data == _TURNED


def plus(x: Expr, y: Expr) -> Expr:
    """Return x + y."""
    return raw("add", x, y)


def minus(x: Expr, y: Expr) -> Expr:
    """Return x - y."""
    return raw("add", x, negative(y))


def negative(x: Expr) -> Expr:
    """Return -x."""
    return neg(x) if x.is_number else raw("neg", x)


def product(x: Expr, y: Expr, batch: Shape = ()) -> Expr:
    """Return x @ y."""
    return node("matmul", (x, y), trimmed((*batch, x.shape[-2], y.shape[-1])))


def function(name: str) -> Callable[..., Expr]:
    """Return an entrywise function of the language, by its name there."""
    op = FUNCTIONS[name].name
    return lambda *args: raw(op, *args)


def call(name: str, dims: Shape, *args: Any, **options: int | None) -> SymbolArray:
    """Return a function of the language with a result of the given shape; errors get the line."""
    given = (a.expr if isinstance(a, SymbolArray) else a for a in args)
    try:
        return SymbolArray(dims, applied(name, *given, **options))
    except LanguageError as error:
        raise refuse(error.subject, error.remedy, type(error)) from None


def number(value: Any) -> SymbolArray:
    """Return a number."""
    return SymbolArray((), num(value))


def size_number(dim: Dim) -> SymbolArray:
    """Return a size as a number to compute with."""
    return SymbolArray((), dim_size(dim), dim)


def filled(word: str, dims: Shape) -> SymbolArray:
    """Return an array of ``ones`` or ``zeros``."""
    return call(word, dims, *dims) if dims else number(int(word == "ones"))


# entry by entry

_log, _exp, _sqrt, _softplus = map(function, ("log", "exp", "sqrt", "softplus"))
_SAME = (
    "exp log log1p expm1 sqrt square sign sin cos tan sinh cosh tanh arcsin arccos arctan erf "
    "maximum minimum arctan2 abs relu sigmoid softplus digamma"
).split()

# What an entrywise operation of NumPy or of SciPy is, by its name there.
ENTRY_FUNCTIONS: dict[str, Callable[..., Expr]] = {
    **{name: function(name) for name in _SAME},
    "add": plus,
    "subtract": minus,
    "multiply": lambda x, y: raw("mul", x, y),
    "divide": lambda x, y: raw("div", x, y),
    "power": lambda x, y: raw("pow", x, y),
    "float_power": lambda x, y: raw("pow", x, y),
    "negative": negative,
    "positive": lambda x: x,
    "conjugate": lambda x: x,
    "absolute": function("abs"),
    "fabs": function("abs"),
    "reciprocal": lambda x: raw("div", num(1), x),
    "exp2": lambda x: raw("pow", num(2), x),
    "log2": lambda x: raw("div", _log(x), _log(num(2))),
    "log10": lambda x: raw("div", _log(x), _log(num(10))),
    "hypot": lambda x, y: _sqrt(plus(raw("pow", x, num(2)), raw("pow", y, num(2)))),
    "logaddexp": lambda x, y: plus(x, _softplus(minus(y, x))),
    "gammaln": function("lgamma"),
    "loggamma": function("lgamma"),
    "psi": function("digamma"),
    "ndtr": function("normal_cdf"),
    "expit": function("sigmoid"),
    "log_expit": lambda x: negative(_softplus(negative(x))),
}
# The same where the other operand is 0.
WITH_ZERO = {"maximum": function("relu"), "logaddexp": _softplus}


def broadcast_dims(*shapes: Shape) -> Shape:
    """Return NumPy's broadcast of shapes; raises ShapeError with the line."""
    rank = max(map(len, shapes))
    result = []
    for sizes_here in zip(*((ONE,) * (rank - len(s)) + s for s in shapes), strict=True):
        sizes = dict.fromkeys(d for d in sizes_here if d != ONE)
        if len(sizes) > 1:
            raise misfit(
                "operands could not be broadcast together with shapes "
                + " ".join(map(shown, shapes)),
                "keepdims=True keeps the axis of a reduction, x[:, None] makes a column of a "
                "vector",
            )
        result.append(next(iter(sizes), ONE))
    return tuple(result)


def entrywise(function: str | Callable[..., Expr], *arrays: SymbolArray) -> SymbolArray:
    """Return an entrywise function of arrays, given by its name in NumPy or on expressions."""
    made = ENTRY_FUNCTIONS[function] if isinstance(function, str) else function
    dims = broadcast_dims(*(a.dims for a in arrays))
    args = [_facing(a, arrays) for a in arrays]
    if len(dims) > 1:
        args = [turned(x) if a.rank == 1 else x for a, x in zip(arrays, args, strict=True)]
    return SymbolArray(dims, made(*args))


def _facing(a: SymbolArray, others: Sequence[SymbolArray]) -> Expr:
    """Return a column beside a square matrix as the matrix with that in every column."""
    x = a.expr
    if a.rank < 2 or is_one_per_row(x) or x.shape[1] != ONE or len(x.shape) > 2:
        return x
    rows = x.shape[0]
    if rows == ONE or not any(o.rank > 1 and o.expr.shape == (rows, rows) for o in others):
        return x
    return product(x, transpose(ones(rows)))
