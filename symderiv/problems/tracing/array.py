"""The array of symbols that a traced function computes with.

It takes part in NumPy's protocols (``__array_ufunc__`` and ``__array_function__``), so that
``np.exp(X)``, ``X @ W`` and ``np.sum(X, axis=1)`` in ordinary code build nodes.

Contract: it behaves as an array of floats with symbolic sizes would, or refuses with the line in
the user's file. What needs numbers (a branch, a loop, ``float``) is always refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import Any
from weakref import ref

import numpy as np

from ...core.errors import ShapeError
from ...core.expr import Expr, div, mul, node, num, walk
from ...core.shapes import SCALAR, Dim, divided, size, times
from .array_expressions import SymbolArray, function, negative, shown, size_number
from .array_operations import exchanged, reshape, transposed
from .attributes import Posing, without_numbers
from .random_numbers import drawn
from .tracing_remedies import ARRAY, BRANCH, FUNCTION, INTEGER, LOOP, NUMBER
from .user_places import refuse

_SMALL = 8
_LONG = 12  # digits; a shorter number was written as it stands


@cache
def _known() -> dict[float, Expr]:
    """Return what numbers of many digits are: roots and logarithms of small ones and pi."""
    pi, root, log = node("const", (), SCALAR, "pi"), function("sqrt"), function("log")
    found: dict[float, Expr] = {math.pi: pi, math.e: node("const", (), SCALAR, "e")}
    for b in range(1, _SMALL + 1):
        for a in range(1, _SMALL + 1):
            if math.gcd(a, b) > 1:
                continue
            x = num(a) if b == 1 else div(num(a), num(b))
            for value, inside in (
                (a / b, x),
                (a / b * math.pi, pi if a == b else mul(x, pi)),
                (a / b / math.pi, div(x, pi)),
            ):
                found.setdefault(value, inside)
                found.setdefault(math.sqrt(value), root(inside))
                if value > 1:
                    found.setdefault(math.log(value), log(inside))
                    found.setdefault(0.5 * math.log(value), div(log(inside), num(2)))
    return found


def explained(value: float) -> Expr:
    """Return what a positive number, or zero, is.

    >>> explained(0.5 * math.log(2 * math.pi)), explained(0.125)
    (div(log(mul(num(Fraction(2, 1)), const('pi'))), num(Fraction(2, 1))), num(Fraction(1, 8)))
    """
    text = repr(value)
    found = _known().get(value) if len(text) >= _LONG else None
    if found is not None and SHADOWED.intersection(str(e.data) for e in walk(found)):
        found = None  # a variable has the name of the constant
    return num(Fraction(text)) if found is None else found


# By the name of the ufunc or the operator, and by the function of NumPy; other modules fill them.
UFUNCS: dict[str, Callable[..., Any]] = {}
FUNCTIONS: dict[Any, Callable[..., Any]] = {}
SHADOWED: set[str] = set()  # names of constants that variables have
CELLS: list[type] = []  # the type of arrays that hold their entries


def operand(x: Any) -> SymbolArray:
    """Return what stands in an operation, a traced array or a number, as an array of symbols."""
    if isinstance(x, Traced):
        return x._array
    if type(x) in CELLS:
        return x.symbols()  # type: ignore[no-any-return]
    if isinstance(x, np.ndarray | np.generic) and x.ndim == 0:
        x = x.item()
    if isinstance(x, bool | int | Fraction):
        return SymbolArray((), num(x if isinstance(x, Fraction) else int(x)))
    if isinstance(x, float) and math.isfinite(x):
        found = explained(abs(x))
        if found.is_number and len(repr(abs(x))) >= _LONG:
            drawn.note(repr(abs(x)))
        return SymbolArray((), found if x >= 0 else negative(found))
    if isinstance(x, np.ndarray) and x.dtype.kind in "biuf":
        return UFUNCS["constant"](x)  # type: ignore[no-any-return]
    what = f"an array of shape {x.shape}" if isinstance(x, np.ndarray) else repr(x)
    remedy = "give it to the function as an argument, with a shape of its own"
    if isinstance(x, float):
        remedy = "write a large number for infinity: -1e9"
    raise refuse(f"{what} that is no argument of the function", remedy)


def sized(dim: Dim) -> Any:
    """Return a size as ``X.shape`` gives it: an integer, or a traced number."""
    return Traced(size_number(dim)) if dim.symbols else dim.coefficient


def as_dim(x: Any) -> Dim:
    """Return the size that an argument is; raises UnsupportedError."""
    if isinstance(x, Traced) and x._array.size is not None:
        return x._array.size
    if isinstance(x, int | np.integer) and x > 0:
        return size(int(x))
    raise refuse(
        "a size that is neither a size of an argument nor a multiple of one",
        'use X.shape[0], a multiple of it or a positive integer, or declare numbers: x="7"',
    )


def _operator(name: str) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """Return ``a + b``, the same from the right, and ``a += b``."""

    def forward(self: Traced, other: Any) -> Any:
        return UFUNCS[name](self, other)

    def backward(self: Traced, other: Any) -> Any:
        return UFUNCS[name](other, self)

    def in_place(self: Traced, other: Any) -> Traced:
        return self._assigned(UFUNCS[name](self, other))

    return forward, backward, in_place


class Traced(Posing):
    """An array of symbols: a node, and whether another array shares its memory."""

    __slots__ = ()

    def __new__(cls, node: SymbolArray, *_: Any, **__: Any) -> Traced:
        """Return an array, or a number, which has no rows."""
        if cls is Traced and (node.rank or node.test):
            cls = Condition if node.test else _Rows
        return object.__new__(cls)

    def __init__(self, node: SymbolArray, shared: bool = False) -> None:
        self._array = node
        # Who looks at the same memory; None stands for the caller of the function.
        self._memory = [None if shared else ref(self)]
        self._origin: tuple[Traced, Any] | None = None  # of what it is which part

    def __repr__(self) -> str:
        return f"Traced{shown(self._array.dims)}"

    def _sharing(self, node: SymbolArray) -> Traced:
        """Return an array on the same memory."""
        view = Traced(node)
        view._memory = self._memory
        self._memory.append(ref(view))
        return view

    @property
    def _shared(self) -> bool:
        """Whether another array that is still there looks at the same memory."""
        return not self._is_seen_by()

    def _is_seen_by(self, *others: Any) -> bool:
        """Whether nobody but this array, and others that are known, looks at its memory."""
        known = {id(self), *map(id, others)}
        return all(r is not None and (r() is None or id(r()) in known) for r in self._memory)

    def _assigned(self, value: Any) -> Traced:
        """Return what is left after ``x += ..``: NumPy writes into an array, not into a number."""
        node = operand(value)
        if not self._array.rank:
            return Traced(node)
        if self._origin is not None and self._is_seen_by(self._origin[0]):
            base, places = self._origin  # x[:, 0] += 1 writes into x
            base._array = UFUNCS["setitem"](base, places, value)._array
        elif self._shared:
            raise refuse(
                "an assignment in place to an argument or a view, which changes other arrays",
                "write x = x + .., which makes a new array",
            )
        if node.dims != self._array.dims:
            old, new = shown(self._array.dims), shown(node.dims)
            what = f"non-broadcastable output operand with shape {old} doesn't match the broadcast "
            raise refuse(f"{what}shape {new}", "write x = x + ..", ShapeError)
        self._array = node
        return self

    # what NumPy asks

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        name = ufunc.__name__
        if method == "reduce" and name in _REDUCED:
            return FUNCTIONS[_REDUCED[name]](*inputs, **{"axis": 0, **options})
        if method != "__call__" or options or name not in UFUNCS:
            way = "" if method == "__call__" else f".{method}"
            asked = f" with {', '.join(options)}=" if options else ""
            raise refuse(
                f"np.{name}{way}{asked} has no counterpart in the language",
                FUNCTION if way == asked == "" else "write it without options",
            )
        return UFUNCS[name](*inputs)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if function not in FUNCTIONS:
            module = str(getattr(function, "__module__", "numpy")).replace("numpy", "np")
            raise refuse(
                f"{module}.{function.__name__} has no counterpart in the language",
                FUNCTION,
            )
        try:
            return FUNCTIONS[function](*args, **options)
        except TypeError as error:
            what = str(error).partition("() ")[2] or str(error)
            raise refuse(
                f"np.{function.__name__}: {what}",
                "write what that option does as a step of its own",
            ) from None

    __array__ = without_numbers(
        "this makes an array of numbers out of symbols",
        ARRAY,
    )

    def __bool__(self) -> bool:
        if self._array.size is not None:
            return True  # a size is positive
        raise refuse("a branch that depends on the values of an array", BRANCH)

    __float__ = without_numbers(
        "this needs a number, and the array has symbols for entries",
        NUMBER,
    )
    __int__ = __complex__ = item = tolist = __float__
    __index__ = without_numbers(
        "this needs an integer, and a size is a symbol here",
        INTEGER,
    )
    __rmod__ = __and__ = __or__ = __xor__ = __invert__ = __divmod__ = without_numbers(
        "an operator of whole numbers or of truth values", "write it with + - * / ** @ and np.where"
    )
    # operators

    __add__, __radd__, __iadd__ = _operator("add")
    __sub__, __rsub__, __isub__ = _operator("subtract")
    __mul__, __rmul__, __imul__ = _operator("multiply")
    __truediv__, __rtruediv__, __itruediv__ = _operator("divide")
    __pow__, __rpow__, __ipow__ = _operator("power")
    __matmul__, __rmatmul__, __imatmul__ = _operator("matmul")
    __gt__, __lt__ = _operator("greater")[0], _operator("less")[0]
    __ge__, __le__ = _operator("greater_equal")[0], _operator("less_equal")[0]

    __eq__, __ne__ = _operator("equal")[0], _operator("not_equal")[0]
    __hash__ = without_numbers("a key that is a number", "leave the table of results out")

    def __format__(self, asked: str) -> str:
        return repr(self)

    def __floordiv__(self, other: Any) -> Any:
        quotient = divided(as_dim(self), as_dim(other))
        if quotient is None:
            raise refuse(f"{self._array.size} // {other} is no size", 'declare it: X="n, h*k"')
        return sized(quotient)

    def __mod__(self, other: Any) -> Any:
        if self._array.size is not None and divided(self._array.size, as_dim(other)) is not None:
            return 0
        raise refuse(f"whether {other} divides {self._array.size} is not known",
                     'declare a multiple, as in X="n, 2*d"')  # fmt: skip

    def __neg__(self) -> Any:
        return UFUNCS["negative"](self)

    def __pos__(self) -> Traced:
        return Traced(replace(self._array, test=None))

    def __abs__(self) -> Any:
        return UFUNCS["absolute"](self)

    def __getitem__(self, places: Any) -> Traced:
        if _is_mask(places):
            places = UFUNCS["greater"](places, 0)
        if isinstance(places, Condition):
            return UFUNCS["selected"](self, places)  # type: ignore[no-any-return]
        found = UFUNCS["getitem"](self._array, places)
        if isinstance(found, Traced):
            return found
        view = self._sharing(found)
        view._origin = (self, places)
        return view

    def __setitem__(self, places: Any, value: Any) -> None:
        """Follow an assignment to a part, and to the entries that a condition picks."""
        if _is_mask(places):
            places = UFUNCS["greater"](places, 0)
        if not self._is_seen_by(value):
            raise refuse(
                "an assignment in place to an argument or a view, which changes other arrays",
                "write into a copy: x = x.copy()",
            )
        self._array = UFUNCS["setitem"](self, places, value)._array

    # shape

    @property
    def shape(self) -> tuple[Any, ...]:
        """Return the sizes; a symbolic one is a number to compute with."""
        return tuple(map(sized, self._array.dims))

    @property
    def size(self) -> Any:
        """Return the number of entries."""
        return sized(times(self._array.dims))

    @property
    def T(self) -> Traced:  # noqa: N802
        """Return the transpose; of a number, itself."""
        return self._sharing(transposed(self._array)) if self._array.rank else self

    @property
    def mT(self) -> Traced:  # noqa: N802
        """Return the array with its last two axes swapped."""
        return self._sharing(exchanged(self._array, -1, -2))

    def transpose(self, *axes: Any) -> Traced:
        """Return the axes in another order."""
        given = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return self._sharing(transposed(self._array, tuple(given) if given else None))

    def reshape(self, *sizes: Any) -> Traced:
        """Return the entries, row after row, in another shape."""
        given = sizes[0] if len(sizes) == 1 and isinstance(sizes[0], tuple | list) else sizes
        open_ = [k for k, s in enumerate(given) if type(s) is int and s == -1]
        dims = [as_dim(1 if k in open_ else s) for k, s in enumerate(given)]
        whole = divided(times(self._array.dims), times(dims))
        if whole is None or len(open_) > 1 or (not open_ and whole != size(1)):
            raise refuse(
                f"an array of shape {shown(self._array.dims)} cannot be reshaped so",
                'the sizes must multiply to the same number; declare a product: X="n, h*k"',
                ShapeError,
            )
        for k in open_:
            dims[k] = whole
        return self._sharing(reshape(self._array, tuple(dims)))

    def flatten(self) -> Traced:
        """Return a copy of the entries, row after row."""
        return Traced(reshape(self._array, (times(self._array.dims),)))


def _is_mask(places: Any) -> bool:
    """Whether an index is an array of truth values, of numbers."""
    return type(places) is np.ndarray and places.dtype == bool


class _Rows(Traced):
    """An array of at least one axis, which has rows; a number has none."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def __iter__(self) -> Any:
        dim = self._array.dims[0]
        if dim.symbols:
            raise refuse("a loop over the rows of an array of symbolic size", LOOP)
        return (self[k] for k in range(dim.coefficient))

    def __len__(self) -> int:
        dim = self._array.dims[0]
        if dim.symbols:
            raise refuse("len() must be an integer, and the size is a symbol", "use .shape[0]")
        return dim.coefficient

    __contains__ = without_numbers("a branch that depends on the values of an array", BRANCH)


class Condition(Traced):
    """A comparison, which is 1 where it holds and 0 elsewhere."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def _kind(self) -> type:
        return np.ndarray if self._array.rank else np.bool_

    @property
    def dtype(self) -> Any:
        """Return the type of the entries: truth values."""
        return np.dtype(bool)

    __and__ = _operator("logical_and")[0]
    __or__ = _operator("logical_or")[0]
    __invert__ = lambda self: UFUNCS["logical_not"](self)  # noqa: E731


_REDUCED = {"add": np.sum, "multiply": np.prod, "maximum": np.max, "minimum": np.min}
