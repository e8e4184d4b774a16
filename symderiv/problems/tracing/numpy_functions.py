"""NumPy's functions and the methods of its arrays, each with the operation that it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial, reduce
from typing import Any

import numpy as np

from ...core.shapes import ONE, Dim, times
from . import array_operations as operations
from .array import FUNCTIONS, UFUNCS, Condition, Traced, as_dim, operand
from .array_expressions import (
    ENTRY_FUNCTIONS,
    WITH_ZERO,
    SymbolArray,
    call,
    entrywise,
    filled,
    misfit,
)
from .comparing import added, subtracted, two_sizes
from .markers import INFINITY, hidden
from .user_places import refuse


def _entrywise(name: str) -> Callable[..., Traced]:
    special = WITH_ZERO.get(name)

    def build(*inputs: Any) -> Traced:
        if all(isinstance(x, Condition) for x in inputs):
            raise refuse(
                "arithmetic of truth values", "make numbers of them: np.where(c, 1.0, 0.0)"
            )
        others = [x for x in inputs if not (type(x) in (int, float) and x == 0)]
        if special is not None and len(others) == 1:
            return Traced(entrywise(special, operand(others[0])))
        return Traced(entrywise(name, *map(operand, inputs)))

    return build


def _of_sizes(name: str, combine: Callable[[Dim, Dim], Dim | None]) -> Callable[..., Traced]:
    """Return an operation of arrays whose result for two sizes is a size again."""
    build = _entrywise(name)

    def built(a: Any, b: Any) -> Traced:
        sizes = two_sizes(a, b)
        size = combine(*sizes) if sizes and all(s.coefficient for s in sizes) else None
        if size is not None and not size.symbols:
            return Traced(operand(size.coefficient))
        made = build(a, b)
        return made if size is None else Traced(replace(made._array, size=size))

    return built


def _of_arrays(
    operation: Callable[..., SymbolArray], count: int = 1, *, view: bool = False
) -> Callable[..., Traced]:
    """Return a function of NumPy whose first arguments, so many of them, are arrays.

    A ``view`` shares the memory of the first.
    """

    def build(*args: Any, **options: Any) -> Traced:
        known = {k: v for k, v in options.items() if not (k in ("out", "dtype") and v is None)}
        made = operation(*map(operand, args[:count]), *args[count:], **known)
        if not view or not isinstance(args[0], Traced):
            return Traced(made)
        return args[0] if made is args[0]._array else args[0]._sharing(made)

    return build


UFUNCS.update({name: _entrywise(name) for name in ENTRY_FUNCTIONS})
UFUNCS.update(
    add=_of_sizes("add", added),
    subtract=_of_sizes("subtract", subtracted),
    multiply=_of_sizes("multiply", lambda a, b: a * b),
    matmul=_of_arrays(operations.matmul, 2),
    logical_and=_of_arrays(partial(operations.joined, "multiply"), 2),
    logical_or=_of_arrays(partial(operations.joined, "add"), 2),
    logical_not=_of_arrays(operations.negated),
)
UFUNCS.update(bitwise_and=UFUNCS["logical_and"], bitwise_or=UFUNCS["logical_or"])
UFUNCS.update(invert=UFUNCS["logical_not"])


def _filled(word: str) -> Callable[..., Traced]:
    """Return np.ones or np.zeros; of an array, with its shape."""

    def build(shape: Any, *_: Any, **__: Any) -> Traced:
        if isinstance(shape, Traced) and shape._array.size is None:
            return Traced(filled(word, shape._array.dims))
        sizes = shape if isinstance(shape, tuple | list) else (shape,)
        return Traced(filled(word, tuple(map(as_dim, sizes))))

    return build


_ones, _zeros = _filled("ones"), _filled("zeros")


def _full(shape: Any, fill_value: Any, **_: Any) -> Any:
    return UFUNCS["multiply"](_ones(shape), fill_value)


def _eye(rows: Any, M: Any = None, k: int = 0, **_: Any) -> Traced:  # noqa: N803
    if M is not None or k:
        raise refuse("an identity that is not square or has a shifted diagonal", "write np.eye(n)")
    dim = as_dim(rows)
    return Traced(call("eye", (dim, dim), dim))


def _trace(a: SymbolArray, offset: int = 0) -> SymbolArray:
    if offset:
        raise refuse("np.trace beside the diagonal", "write it with np.einsum or a mask")
    return operations.matrix_function("trace", a, 0)


def _einsum(subscripts: Any, *arrays: Any, optimize: Any = False) -> Traced:
    if not isinstance(subscripts, str):
        raise refuse("np.einsum with lists of axes", 'write the indices: "ij,jk->ik"')
    operation = partial(operations.einsum, subscripts)
    return _of_arrays(operation, len(arrays), view=len(arrays) == 1)(*arrays)


def _slogdet(x: Any) -> tuple[Traced, Traced]:
    det = operations.matrix_function("det", x._array, 0)
    return Traced(entrywise("sign", det)), Traced(call("logdet", (), x._array))


def _matrix_power(a: SymbolArray, k: int) -> SymbolArray:
    return call("matrix_power", (operations.square_size(a, "matrix_power"),) * 2, a, k)


def _clip(
    x: Any, a_min: Any = None, a_max: Any = None, min: Any = None, max: Any = None, **_: Any
) -> Any:
    least, most = (a_min if min is None else min), (a_max if max is None else max)
    least, most = (None if _is_infinite(k) else k for k in (least, most))
    low = x if least is None else UFUNCS["maximum"](x, least)
    return low if most is None else UFUNCS["minimum"](low, most)


def _is_infinite(x: Any) -> bool:
    return type(x) is float and abs(x) == float("inf")


def _where(condition: Any, *cases: Any) -> Any:
    if len(cases) != 2:
        raise refuse("np.where without two values", "write np.where(condition, a, b)")
    for k, case in enumerate(cases):
        if type(case) is float and case == float("-inf"):
            first, second = (INFINITY if j == k else c for j, c in enumerate(cases))
            return hidden(_choose(condition, first, second))
    return _choose(condition, *cases)


_choose = _of_arrays(operations.where, 3)


def _broadcast_to(x: Any, shape: Any) -> Traced:
    ones = _ones(shape)._array
    return _of_arrays(lambda a: entrywise("multiply", a, ones), view=True)(x)


def _average(x: Any, axis: Any = None, weights: Any = None) -> Any:
    if weights is None:
        return x.mean(axis)
    if operand(weights).dims != x._array.dims:
        raise refuse("np.average with weights of another shape", "write it with np.sum")
    return (x * weights).sum(axis) / weights.sum(axis)


def _atleast_2d(a: SymbolArray) -> SymbolArray:
    return operations.reshape(a, (ONE,) * (2 - a.rank) + a.dims)


def _joined(
    join: Callable[..., SymbolArray], form: Callable[[SymbolArray], SymbolArray], axis: int = 0
) -> Callable[..., Traced]:
    """Return a function that joins a list of arrays, each in a form, along an axis."""

    def build(arrays: Any, axis: int = axis) -> Traced:
        if isinstance(arrays, Traced) or not len(arrays):
            raise misfit("one array where a list of arrays is joined", "write [x, y]")
        return Traced(join([form(operand(a)) for a in arrays], axis))

    return build


def _as_column(a: SymbolArray) -> SymbolArray:
    return operations.reshape(a, a.dims + (ONE,) * (2 - a.rank))


def _side_by_side(arrays: list[SymbolArray], axis: int) -> SymbolArray:
    return operations.concatenated(arrays, axis if arrays[0].rank > 1 else 0)


def _vector(a: SymbolArray) -> SymbolArray:
    return operations.reshape(a, (times(a.dims),))


# By the name of the function of NumPy, which is also that of a method.
_METHODS: dict[str, Callable[..., Any]] = {
    **{kind: _of_arrays(partial(operations.reduced, kind)) for kind in operations.REDUCTIONS},
    "var": _of_arrays(operations.variance),
    "std": _of_arrays(operations.deviation),
    "dot": _of_arrays(operations.dot, 2),
    "trace": _of_arrays(_trace),
    "clip": _clip,
    "swapaxes": _of_arrays(operations.exchanged, view=True),
    "squeeze": _of_arrays(operations.squeezed, view=True),
    "ravel": _of_arrays(_vector, view=True),
    "diagonal": _of_arrays(operations.diagonal, view=True),
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **_METHODS,
    "amax": _METHODS["max"],
    "amin": _METHODS["min"],
    "transpose": Traced.transpose,
    "reshape": Traced.reshape,
    "copy": Traced.copy,
    "diag": lambda x: Traced(operations.diagonal(x._array)) if x.ndim == 1 else x.diagonal(),
    "shape": lambda x: x.shape,
    "ndim": lambda x: x.ndim,
    "size": lambda x, axis=None: x.size if axis is None else x.shape[axis],
    "outer": _of_arrays(operations.outer, 2),
    "inner": _of_arrays(operations.inner, 2),
    "kron": _of_arrays(operations.kron, 2),
    "tensordot": _of_arrays(operations.tensordot, 2),
    "vdot": _of_arrays(lambda a, b: operations.dot(_vector(a), _vector(b)), 2),
    "einsum": _einsum,
    "where": _where,
    "tril": _of_arrays(lambda a, k=0: operations.triangle(a, k, "tril", "triu", -1)),
    "triu": _of_arrays(lambda a, k=0: operations.triangle(a, k, "triu", "tril", 1)),
    "cumsum": _of_arrays(operations.cumulated),
    "average": _average,
    "concatenate": _joined(operations.concatenated, lambda a: a),
    "vstack": _joined(operations.concatenated, _atleast_2d),
    "column_stack": _joined(operations.concatenated, _as_column, 1),
    "hstack": _joined(_side_by_side, lambda a: a if a.rank else _vector(a), 1),
    "moveaxis": _of_arrays(operations.moved, view=True),
    "expand_dims": _of_arrays(operations.with_axis, view=True),
    "atleast_2d": _of_arrays(_atleast_2d, view=True),
    "broadcast_to": _broadcast_to,
    "ones": _ones,
    "ones_like": _ones,
    "zeros": _zeros,
    "zeros_like": _zeros,
    "full": _full,
    "full_like": _full,
    "eye": _eye,
    "identity": _eye,
}
_OF_MATRICES: dict[str, Callable[..., Any]] = {
    "inv": _of_arrays(operations.inverse),
    "pinv": _of_arrays(operations.pseudo_inverse),
    "solve": _of_arrays(operations.solved, 2),
    "cholesky": _of_arrays(partial(operations.matrix_function, "cholesky")),
    "det": _of_arrays(lambda a: operations.matrix_function("det", a, 0)),
    "slogdet": _slogdet,
    "eigvalsh": _of_arrays(lambda a: operations.matrix_function("eigvalsh", a, 1)),
    "matrix_power": _of_arrays(_matrix_power),
    "trace": _METHODS["trace"],
    "norm": _of_arrays(lambda a, ord=None, **options: operations.norm(a, ord, **options)),
    "multi_dot": lambda arrays: Traced(reduce(operations.matmul, map(operand, arrays))),
}
FUNCTIONS.update({getattr(np, name): build for name, build in _FUNCTIONS.items()})
FUNCTIONS.update({getattr(np.linalg, name): build for name, build in _OF_MATRICES.items()})
for _name, _build in _METHODS.items():
    setattr(Traced, _name, _build)
