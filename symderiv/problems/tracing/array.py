"""The array of symbols that a traced function computes with.

It takes part in NumPy's protocols (``__array_ufunc__`` and ``__array_function__``), so that
``np.exp(X)``, ``X @ W`` and ``np.sum(X, axis=1)`` in ordinary code build nodes.

Contract: it behaves as an array of floats with symbolic sizes would, or refuses with the line in
the user's file. What needs numbers (a branch, a loop, ``float``) is always refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from ...core.errors import ShapeError
from ...core.shapes import Dim, divided, size, times
from .attributes import Posing, without_numbers
from .building import entrywise, matmul, number, reduce, reshape, shown, transpose
from .random_numbers import drawn
from .traced_nodes import Node
from .tracing_remedies import ARRAY, BRANCH, FUNCTION, INTEGER, LOOP, NUMBER
from .user_places import refuse

_SMALL = 8
_LONG = 12  # digits; a shorter number was written as it stands


@cache
def _known() -> dict[float, str]:
    found: dict[float, str] = {math.pi: "pi", math.e: "e"}
    ratios = [
        (a / b, str(a) if b == 1 else f"{a} / {b}")
        for b in range(1, _SMALL + 1)
        for a in range(1, _SMALL + 1)
        if math.gcd(a, b) == 1
    ]
    for ratio, text in ratios:
        times_pi = "pi" if text == "1" else f"{text} * pi"
        for value, inside in (
            (ratio, text),
            (ratio * math.pi, times_pi),
            (ratio / math.pi, f"{text} / pi"),
        ):
            found.setdefault(value, inside)
            found.setdefault(math.sqrt(value), f"sqrt({inside})")
            if value > 1:
                found.setdefault(math.log(value), f"log({inside})")
                found.setdefault(0.5 * math.log(value), f"log({inside}) / 2")
    return found


def written(value: float) -> str:
    """Return the text of a positive number, or of zero.

    >>> written(0.5 * math.log(2 * math.pi)), written(math.sqrt(2 / math.pi)), written(0.125)
    ('log(2 * pi) / 2', 'sqrt(2 / pi)', '0.125')
    """
    text = repr(value)
    return text if len(text) < _LONG else _known().get(value, text)


def is_unexplained(text: str) -> bool:
    """Whether the text of a number has so many digits that nobody wrote it so."""
    return len(text) >= _LONG and text.replace(".", "").replace("e-", "").isdecimal()


# By the name of the ufunc, and by the function of NumPy; ``functions`` fills them.
UFUNCS: dict[str, Callable[..., Any]] = {}
FUNCTIONS: dict[Any, Callable[..., Any]] = {}


def operand(x: Any) -> Node:
    """Return a node for what stands in an operation: a traced array, or a number."""
    if isinstance(x, Traced):
        return x._node
    if isinstance(x, np.ndarray | np.generic) and x.ndim == 0:
        x = x.item()
    if isinstance(x, bool | int | Fraction):
        x = int(x) if isinstance(x, bool) else x
        return number(str(x) if x >= 0 else f"({x})")
    if isinstance(x, float) and math.isfinite(x):
        if is_unexplained(text := written(abs(x))):
            drawn.note(text)
        return number(text if x >= 0 else f"(-({text}))")
    what = f"an array of numbers of shape {x.shape}" if isinstance(x, np.ndarray) else repr(x)
    remedy = "give it to the function as an argument, with a shape of its own"
    if isinstance(x, float):
        remedy = "write a large number for infinity: -1e9"
    raise refuse(f"{what} that is no argument of the function", remedy)


def sized(dim: Dim) -> Any:
    """Return a size as ``X.shape`` gives it: an integer, or a traced number."""
    return Traced(Node((), str(dim), size=dim)) if dim.symbols else dim.coefficient


def as_dim(x: Any) -> Dim:
    """Return the size that an argument is; raises UnsupportedError."""
    if isinstance(x, Traced) and x._node.size is not None:
        return x._node.size
    if isinstance(x, int | np.integer) and x > 0:
        return size(int(x))
    raise refuse(
        "a size that is neither a size of an argument nor a multiple of one",
        'use X.shape[0], a multiple of it or a positive integer, or declare numbers: x="7"',
    )


def _array(made: Any) -> Any:
    return Traced(made) if isinstance(made, Node) else made


def _operator(name: str) -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """Return ``a + b``, the same from the right, and ``a += b``."""

    def forward(self: Traced, other: Any) -> Any:
        return _array(UFUNCS[name](self, other))

    def backward(self: Traced, other: Any) -> Any:
        return _array(UFUNCS[name](other, self))

    def in_place(self: Traced, other: Any) -> Traced:
        return self._assigned(UFUNCS[name](self, other))

    return forward, backward, in_place


class Traced(Posing):
    """An array of symbols: a node, and whether another array shares its memory."""

    __slots__ = ()

    def __new__(cls, node: Node, *_: Any, **__: Any) -> Traced:
        """Return an array, or a number, which has no rows."""
        return object.__new__(_Rows if cls is Traced and node.rank else cls)

    def __init__(self, node: Node, shared: bool = False) -> None:
        self._node, self._shared = node, shared

    def __repr__(self) -> str:
        return f"Traced{shown(self._node.dims)}"

    def _sharing(self, node: Node) -> Traced:
        """Return an array on the same memory."""
        self._shared = True
        return Traced(node, shared=True)

    def _assigned(self, node: Node) -> Traced:
        """Return what is left after ``x += ..``: NumPy writes into an array, not into a number."""
        if not self._node.rank:
            return Traced(node)
        if self._shared:
            raise refuse(
                "an assignment in place to an argument or a view, which changes other arrays",
                "write x = x + .., which makes a new array",
            )
        if node.dims != self._node.dims:
            old, new = shown(self._node.dims), shown(node.dims)
            what = f"non-broadcastable output operand with shape {old} doesn't match the broadcast "
            raise refuse(f"{what}shape {new}", "write x = x + ..", ShapeError)
        self._node = node
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
        return _array(UFUNCS[name](*inputs))

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
            raise refuse(f"np.{function.__name__}: {error}", "leave that option out") from None

    __array__ = without_numbers(
        "this makes an array of numbers out of symbols",
        ARRAY,
    )

    def __bool__(self) -> bool:
        if self._node.size is not None:
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

    def __eq__(self, other: object) -> Any:
        return EQUAL[0](self, other)

    def __ne__(self, other: object) -> Any:
        return EQUAL[1](self, other)

    __hash__ = without_numbers("a key that is a number", "leave the table of results out")

    def __format__(self, asked: str) -> str:
        return repr(self)

    def __floordiv__(self, other: Any) -> Any:
        quotient = divided(as_dim(self), as_dim(other))
        if quotient is None:
            raise refuse(f"{self._node.column} // {other} is no size", 'declare it: X="n, h*k"')
        return sized(quotient)

    def __mod__(self, other: Any) -> Any:
        if self._node.size is not None and divided(self._node.size, as_dim(other)) is not None:
            return 0
        raise refuse(f"whether {other} divides {self._node.column} is not known",
                     'declare a multiple, as in X="n, 2*d"')  # fmt: skip

    def __neg__(self) -> Traced:
        return Traced(UFUNCS["negative"](self))

    def __pos__(self) -> Traced:
        return Traced(self._node)

    def __abs__(self) -> Traced:
        return Traced(UFUNCS["absolute"](self))

    def __getitem__(self, places: Any) -> Traced:
        return self._sharing(_INDEX[0](self._node, places))

    def __setitem__(self, places: Any, value: Any) -> None:
        """Follow ``x[condition] = number``, which is a choice; refuse every other place."""
        number = operand(value).rank == 0
        if not (isinstance(places, Condition) and places._node.dims == self._node.dims and number):
            raise refuse(
                "an assignment to a part of an array",
                "build the array as a whole: np.where(condition, a, b), np.concatenate, np.stack",
            )
        self._assigned(FUNCTIONS[np.where](places, value, self)._node)

    # shape

    @property
    def shape(self) -> tuple[Any, ...]:
        """Return the sizes; a symbolic one is a number to compute with."""
        return tuple(map(sized, self._node.dims))

    @property
    def size(self) -> Any:
        """Return the number of entries."""
        return sized(times(self._node.dims))

    @property
    def T(self) -> Traced:  # noqa: N802
        """Return the transpose; of a number, itself."""
        return self._sharing(transpose(self._node)) if self._node.rank else self

    @property
    def mT(self) -> Traced:  # noqa: N802
        """Return the array with its last two axes swapped."""
        return self.swapaxes(-1, -2)

    def transpose(self, *axes: Any) -> Traced:
        """Return the axes in another order."""
        given = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes
        return self._sharing(transpose(self._node, tuple(given) if given else None))

    def swapaxes(self, a: int, b: int) -> Traced:
        """Return two axes exchanged."""
        order = list(range(self.ndim))
        if not all(-self.ndim <= k < self.ndim for k in (a, b)):
            raise refuse(
                f"axes {a} and {b} of {shown(self._node.dims)}", "count from 0", ShapeError
            )
        order[a], order[b] = order[b], order[a]
        return self._sharing(transpose(self._node, tuple(order)))

    def reshape(self, *sizes: Any) -> Traced:
        """Return the entries, row after row, in another shape."""
        given = sizes[0] if len(sizes) == 1 and isinstance(sizes[0], tuple | list) else sizes
        open_ = [k for k, s in enumerate(given) if type(s) is int and s == -1]
        dims = [as_dim(1 if k in open_ else s) for k, s in enumerate(given)]
        whole = divided(times(self._node.dims), times(dims))
        if whole is None or len(open_) > 1 or (not open_ and whole != size(1)):
            raise refuse(
                f"an array of shape {shown(self._node.dims)} cannot be reshaped so",
                'the sizes must multiply to the same number; declare a product: X="n, h*k"',
                ShapeError,
            )
        for k in open_:
            dims[k] = whole
        return self._sharing(reshape(self._node, tuple(dims)))

    def ravel(self) -> Traced:
        """Return the entries, row after row, as a vector."""
        return self.reshape(-1)

    def squeeze(self, axis: int | None = None) -> Traced:
        """Return the array without its axes of size 1."""
        kept = [
            d
            for k, d in enumerate(self._node.dims)
            if d != size(1) or (axis is not None and k != axis % self.ndim)
        ]
        return self._sharing(reshape(self._node, tuple(kept)))

    def flatten(self) -> Traced:
        """Return a copy of the entries, row after row."""
        return Traced(self.ravel()._node)

    # reductions

    def sum(self, axis: Any = None, *, keepdims: bool = False) -> Traced:
        """Return the sum."""
        return Traced(reduce("sum", self._node, axis, keepdims))

    def mean(self, axis: Any = None, *, keepdims: bool = False) -> Traced:
        """Return the mean."""
        return Traced(reduce("mean", self._node, axis, keepdims))

    def max(self, axis: Any = None, *, keepdims: bool = False) -> Traced:
        """Return the largest entry."""
        return Traced(reduce("max", self._node, axis, keepdims))

    def min(self, axis: Any = None, *, keepdims: bool = False) -> Traced:
        """Return the smallest entry."""
        return Traced(reduce("min", self._node, axis, keepdims))

    def prod(self, axis: Any = None, *, keepdims: bool = False) -> Traced:
        """Return the product of the entries."""
        return Traced(reduce("prod", self._node, axis, keepdims))

    def var(self, axis: Any = None, *, ddof: int = 0, keepdims: bool = False) -> Traced:
        """Return the biased variance."""
        biased = Traced(reduce("var", self._node, axis, keepdims))
        if not ddof:
            return biased
        axes = axis if isinstance(axis, tuple) else (axis,)
        n = self.size if axis is None else sized(times(self._node.dims[a] for a in axes))
        return biased * n / (n - ddof)  # type: ignore[no-any-return]

    def std(self, axis: Any = None, *, ddof: int = 0, keepdims: bool = False) -> Traced:
        """Return the biased standard deviation."""
        return Traced(entrywise("sqrt({0})", self.var(axis, ddof=ddof, keepdims=keepdims)._node))

    def dot(self, other: Any) -> Traced:
        """Return the product as ``np.dot`` takes it."""
        a, b = self._node, operand(other)
        if not a.rank or not b.rank:
            return Traced(UFUNCS["multiply"](self, other))
        if b.rank > 2:
            raise refuse("np.dot with a tensor on the right", "write it with np.einsum", ShapeError)
        return Traced(matmul(a, b))

    def clip(self, least: Any = None, most: Any = None) -> Traced:
        """Return the entries, none below the least and none above the most."""
        return FUNCTIONS[np.clip](self, least, most)  # type: ignore[no-any-return]

    def diagonal(self) -> Traced:
        """Return the diagonal."""
        return FUNCTIONS[np.diag](self)  # type: ignore[no-any-return]

    def trace(self) -> Traced:
        """Return the sum of the diagonal."""
        return Traced(FUNCTIONS[np.trace](self)._node)


class _Rows(Traced):
    """An array of at least one axis, which has rows; a number has none."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]
    __iter__ = without_numbers("a loop over the rows of an array of symbolic size", LOOP)
    __len__ = without_numbers("len() must be an integer, and the size is a symbol", "use .shape[0]")
    __contains__ = without_numbers("a branch that depends on the values of an array", BRANCH)


class Condition(Traced):
    """A comparison, which is 1 where it holds and 0 elsewhere; ``np.where`` takes its sides."""

    __slots__ = ("_left", "_right", "_sign")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, left: Node, sign: str, right: Node) -> None:
        super().__init__(entrywise(f"where({{0}} {sign} {{1}}, 1, 0)", left, right))
        self._left, self._sign, self._right = left, sign, right

    def _kind(self) -> type:
        return np.ndarray if self._node.rank else np.bool_

    def __copy__(self) -> Condition:
        return Condition(self._left, self._sign, self._right)

    @property
    def dtype(self) -> Any:
        """Return the type of the entries: truth values."""
        return np.dtype(bool)

    __and__ = _operator("logical_and")[0]
    __or__ = _operator("logical_or")[0]
    __invert__ = lambda self: UFUNCS["logical_not"](self)  # noqa: E731


_REDUCED = {"add": np.sum, "multiply": np.prod, "maximum": np.max, "minimum": np.min}
_INDEX: list[Callable[[Node, Any], Node]] = []  # ``indexing`` puts its reader here
EQUAL: list[Callable[[Any, Any], Any]] = []  # == and !=, from ``comparing``
