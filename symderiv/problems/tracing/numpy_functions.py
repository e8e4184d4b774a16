"""NumPy's functions, each with what it is in the language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...core.errors import ShapeError
from ...core.shapes import Dim
from ...ops import FUNCTIONS as LANGUAGE
from .array import _INDEX, FUNCTIONS, UFUNCS, Condition, Traced, as_dim, operand
from .building import call, entrywise, matmul, reduce, shown, transpose
from .comparing import two_sizes
from .numpy_indices import index
from .recognising import fused
from .traced_nodes import Node
from .traced_sizes import added, subtracted
from .user_places import refuse

_INDEX.append(index)

_SAME = ("exp log log1p expm1 sqrt square sign sin cos tan sinh cosh tanh arcsin arccos arctan "
         "erf maximum minimum").split()  # fmt: skip
_TEMPLATES = {
    **{name: f"{name}({{0}})" for name in _SAME if name in LANGUAGE},
    **{name: f"{name}({{0}}, {{1}})" for name in ("maximum", "minimum")},
    "add": "{0} + {1}",
    "subtract": "{0} - {1}",
    "divide": "{0} / {1}",
    "power": "{0} ** {1}",
    "float_power": "{0} ** {1}",
    "negative": "-{0}",
    "positive": "{0}",
    "conjugate": "{0}",
    "absolute": "abs({0})",
    "fabs": "abs({0})",
    "reciprocal": "1 / {0}",
    "exp2": "2 ** {0}",
    "log2": "log({0}) / log(2)",
    "log10": "log({0}) / log(10)",
    "hypot": "sqrt({0} ** 2 + {1} ** 2)",
    "logaddexp": "{0} + softplus({1} - {0})",
    "arctan2": "arctan2({0}, {1})",
    "gammaln": "lgamma({0})",
    "loggamma": "lgamma({0})",
    "psi": "digamma({0})",
    "ndtr": "normal_cdf({0})",
    "expit": "sigmoid({0})",
    "log_expit": "-softplus(-{0})",
}


def _entrywise(template: str) -> Callable[..., Node]:
    def build(*inputs: Any) -> Node:
        if isinstance(inputs[0], Condition) and (
            len(inputs) == 1 or isinstance(inputs[1], Condition)
        ):
            raise refuse(
                "arithmetic of truth values", "make numbers of them: np.where(c, 1.0, 0.0)"
            )
        return fused(entrywise(template, *map(operand, inputs)))

    return build


def _of_sizes(template: str, combine: Callable[[Dim, Dim], Dim | None]) -> Callable[..., Node]:
    """Return an operation of arrays whose result for two sizes is a size again."""
    build = _entrywise(template)

    def built(a: Any, b: Any) -> Node:
        sizes = two_sizes(a, b)
        size = combine(*sizes) if sizes and all(s.coefficient for s in sizes) else None
        if size is not None and not size.symbols:
            return operand(size.coefficient)
        node = build(a, b)
        return node if size is None else replace(node, size=size)

    return built


def _maximum(a: Any, b: Any) -> Node:
    for x, other in ((a, b), (b, a)):
        if type(other) in (int, float) and other == 0:
            return _entrywise("relu({0})")(x)
    return _entrywise("maximum({0}, {1})")(a, b)


def _logaddexp(a: Any, b: Any) -> Node:
    for x, other in ((a, b), (b, a)):
        if type(other) in (int, float) and other == 0:
            return _entrywise("softplus({0})")(x)
    return _entrywise(_TEMPLATES["logaddexp"])(a, b)


UFUNCS.update({name: _entrywise(template) for name, template in _TEMPLATES.items()})
UFUNCS.update(
    add=_of_sizes("{0} + {1}", added),
    subtract=_of_sizes("{0} - {1}", subtracted),
    multiply=_of_sizes("{0} * {1}", lambda a, b: a * b),
    maximum=_maximum,
    logaddexp=_logaddexp,
    matmul=lambda a, b: matmul(operand(a), operand(b)),
)


def _function(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def put(build: Callable[..., Any]) -> Callable[..., Any]:
        FUNCTIONS.update(dict.fromkeys(functions, build))
        return build

    return put


def _method(name: str) -> Callable[..., Any]:
    def build(x: Any, *args: Any, **options: Any) -> Any:
        if isinstance(args[0] if args else None, tuple) and name == "reshape":
            args = args[0]
        known = {k: v for k, v in options.items() if not (k in ("out", "dtype") and v is None)}
        if name in ("sum", "mean", "max", "min", "prod", "var", "std") and args:
            known["axis"], args = args[0], args[1:]
        return getattr(x, name)(*args, **known)

    return build


for _np, _name in (
    (np.sum, "sum"), (np.mean, "mean"), (np.max, "max"), (np.amax, "max"), (np.min, "min"),
    (np.amin, "min"), (np.prod, "prod"), (np.var, "var"), (np.std, "std"), (np.dot, "dot"),
    (np.transpose, "transpose"), (np.swapaxes, "swapaxes"), (np.reshape, "reshape"),
    (np.ravel, "ravel"), (np.squeeze, "squeeze"), (np.copy, "copy"),
):  # fmt: skip
    FUNCTIONS[_np] = _method(_name)


def _square(n: Node, name: str) -> Dim:
    if n.rank != 2 or n.dims[0] != n.dims[1]:
        raise refuse(f"{name} needs a square matrix, not {shown(n.dims)}", "", ShapeError)
    return n.dims[0]


@_function(np.where)
def _where(condition: Any, a: Any, b: Any) -> Traced:
    if not isinstance(condition, Condition):
        raise refuse("np.where with a condition that is no comparison", "write np.where(x > 0, ..)")
    text = f"where({{0}} {condition._sign} {{1}}, {{2}}, {{3}})"
    return Traced(entrywise(text, condition._left, condition._right, operand(a), operand(b)))


@_function(np.clip)
def _clip(x: Any, least: Any, most: Any) -> Traced:
    low = x if least is None else Traced(UFUNCS["maximum"](x, least))
    return low if most is None else Traced(UFUNCS["minimum"](low, most))


@_function(np.outer)
def _outer(x: Any, y: Any) -> Traced:
    a, b = x.ravel()._node, y.ravel()._node
    return Traced(call("{0} @ {1:r}", a.dims + b.dims, a, b))


@_function(np.inner)
def _inner(a: Any, b: Any) -> Traced:
    left, right = operand(a), operand(b)
    if not left.rank or not right.rank:
        return Traced(UFUNCS["multiply"](a, b))
    if max(left.rank, right.rank) > 2:
        raise refuse("np.inner of tensors", "write it with np.einsum", ShapeError)
    return Traced(matmul(left, transpose(right)))


@_function(np.trace, np.linalg.trace)
def _trace(x: Any, offset: int = 0) -> Traced:
    if offset:
        raise refuse("np.trace beside the diagonal", "write it with np.einsum or a mask")
    _square(x._node, "trace")
    return Traced(call("trace({0})", (), x._node))


@_function(np.diag, np.diagonal)
def _diag(x: Any) -> Traced:
    n = x._node
    if n.rank == 1:
        return Traced(call("diag({0})", n.dims * 2, n))
    rows = _square(n, "np.diag")
    return x._sharing(call("diag({0})", (rows,), n))  # type: ignore[no-any-return]


_STACKED = "multiply each matrix with a mask: x * np.tril(np.ones((n, n)))"


def _triangle(name: str, other: str, wide: int) -> Callable[..., Traced]:
    """Return np.tril or np.triu; the triangle without its diagonal is what the other leaves."""

    def build(x: Any, k: int = 0) -> Traced:
        if x.ndim != 2:
            raise refuse(f"np.{name} of an array of shape {shown(x._node.dims)}", _STACKED)
        if k not in (0, wide):
            raise refuse(f"np.{name} with k={k}", f"{name}(X) and {name}(X, k={wide}) are followed")
        text = f"{name}({{0}})" if k == 0 else f"{{0}} - {other}({{0}})"
        return Traced(call(text, x._node.dims, x._node))

    return build


FUNCTIONS[np.tril] = _triangle("tril", "triu", -1)
FUNCTIONS[np.triu] = _triangle("triu", "tril", 1)


@_function(np.kron)
def _kron(x: Any, y: Any) -> Traced:
    a, b = operand(x), operand(y)
    if (a.rank, b.rank) != (2, 2):
        raise refuse("np.kron of other things than two matrices", "write it with matrices")
    dims = (a.dims[0] * b.dims[0], a.dims[1] * b.dims[1])
    return Traced(call("kron({0}, {1})", dims, a, b))


def _matrix_function(
    name: str, *, scalar: bool = False, stacked: bool = False
) -> Callable[[Any], Traced]:
    def build(x: Any) -> Traced:
        dims = x._node.dims
        if not (stacked and len(dims) > 2 and dims[-1] == dims[-2]):
            _square(x._node, name)
        return Traced(call(f"{name}({{0}})", () if scalar else x._node.dims, x._node))

    return build


def _eigvalsh(x: Any) -> Traced:
    return Traced(call("eigvalsh({0})", (_square(x._node, "eigvalsh"),), x._node))


@_function(np.linalg.pinv)
def _pinv(x: Any) -> Traced:
    if x.ndim != 2:
        raise refuse("np.linalg.pinv of a stack of matrices", "", ShapeError)
    return Traced(call("pinv({0})", x._node.dims[::-1], x._node))


FUNCTIONS[np.linalg.inv] = _matrix_function("inv", stacked=True)
FUNCTIONS[np.linalg.cholesky] = _matrix_function("cholesky")
FUNCTIONS[np.linalg.eigvalsh] = _eigvalsh
FUNCTIONS[np.linalg.det] = _matrix_function("det", scalar=True)


@_function(np.linalg.slogdet)
def _slogdet(x: Any) -> tuple[Traced, Traced]:
    _square(x._node, "slogdet")
    return Traced(call("sign(det({0}))", (), x._node)), Traced(call("logdet({0})", (), x._node))


@_function(np.linalg.solve)
def _solve(a: Any, b: Any) -> Traced:
    left, right = operand(a), operand(b)
    rows = _square(left, "solve")
    if right.rank not in (1, 2) or right.dims[0] != rows:
        raise refuse(
            f"solve: shapes {shown(left.dims)} and {shown(right.dims)} do not fit", "", ShapeError
        )
    return Traced(call("solve({0}, {1})", right.dims, left, right))


@_function(np.linalg.matrix_power)
def _matrix_power(x: Any, k: int) -> Traced:
    _square(x._node, "matrix_power")
    return Traced(call(f"matrix_power({{0}}, {k})", x._node.dims, x._node))


@_function(np.linalg.norm)
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Traced:  # noqa: A002
    n = x._node
    if n.rank > 2 and axis is None and ord is None:
        axis = tuple(range(n.rank))
    entries = axis is not None or n.rank == 1
    if ord is None and axis is None and not keepdims:
        return Traced(call("norm({0})", (), n))
    if entries and (ord == "fro" if isinstance(axis, tuple) and ord else ord in (None, 2)):
        if axis is None and not keepdims:
            return Traced(call("norm({0})", (), n))
        return Traced(
            entrywise("sqrt({0})", reduce("sum", entrywise("{0} ** 2", n), axis, keepdims))
        )
    if entries and ord in (1, np.inf) and not isinstance(axis, tuple):
        kind = "sum" if ord == 1 else "max"
        return Traced(reduce(kind, entrywise("abs({0})", n), axis, keepdims))
    templates = {"fro": "norm({0})", "nuc": 'norm({0}, "nuc")', 2: "norm({0}, 2)"}
    if n.rank == 2 and axis is None and not keepdims and ord in templates:
        return Traced(call(templates[ord], (), n))
    raise refuse(f"np.linalg.norm with ord={ord}, axis={axis}", "write the norm with sums")


@_function(np.moveaxis)
def _moveaxis(x: Any, source: Any, destination: Any) -> Traced:
    pairs = [[a] if type(a) is int else list(a) for a in (source, destination)]
    if not all(-x.ndim <= a < x.ndim for p in pairs for a in p):
        raise refuse(f"axes {source} to {destination} of {shown(x._node.dims)}", "count from 0")
    moved = {to % x.ndim: a % x.ndim for a, to in zip(*pairs, strict=True)}
    rest = iter(a for a in range(x.ndim) if a not in moved.values())
    order = [moved[k] if k in moved else next(rest) for k in range(x.ndim)]
    return x.transpose(order)  # type: ignore[no-any-return]


@_function(np.expand_dims)
def _expand_dims(x: Any, axis: int) -> Traced:
    places: list[Any] = [slice(None)] * x.ndim
    if not -x.ndim <= axis + 1 <= x.ndim + 1:
        raise refuse(f"axis {axis} of {shown(x._node.dims)}", "count from 0", ShapeError)
    places.insert(axis % (x.ndim + 1), None)
    return x[tuple(places)]  # type: ignore[no-any-return]


def _filled(word: str, dims: tuple[Dim, ...]) -> Traced:
    if not dims:
        return Traced(call("1" if word == "ones" else "0", ()))
    return Traced(call(f"{word}({', '.join(map(str, dims))})", dims))


def _sizes(shape: Any) -> tuple[Dim, ...]:
    return tuple(map(as_dim, shape if isinstance(shape, tuple | list) else (shape,)))


FUNCTIONS[np.shape] = lambda x: x.shape
FUNCTIONS[np.ndim] = lambda x: x.ndim
FUNCTIONS[np.size] = lambda x, axis=None: x.size if axis is None else x.shape[axis]
FUNCTIONS[np.ones_like] = lambda x: _filled("ones", x._node.dims)
FUNCTIONS[np.zeros_like] = lambda x: _filled("zeros", x._node.dims)
FUNCTIONS[np.ones] = lambda shape, **_: _filled("ones", _sizes(shape))
FUNCTIONS[np.zeros] = lambda shape, **_: _filled("zeros", _sizes(shape))


@_function(np.eye, np.identity)
def _eye(rows: Any, M: Any = None, k: int = 0, **_: Any) -> Traced:  # noqa: N803
    if M is not None or k:
        raise refuse("an identity that is not square or has a shifted diagonal", "write np.eye(n)")
    dim = as_dim(rows)
    return Traced(call(f"eye({dim})", (dim, dim)))


@_function(np.broadcast_to)
def _broadcast_to(x: Any, shape: Any) -> Traced:
    node = entrywise("{0} * {1}", operand(x), _filled("ones", _sizes(shape))._node)
    return x._sharing(node) if isinstance(x, Traced) else Traced(node)


@_function(np.average)
def _average(x: Any, axis: Any = None, weights: Any = None) -> Traced:
    if weights is None:
        return x.mean(axis)  # type: ignore[no-any-return]
    if operand(weights).dims != x._node.dims:
        raise refuse("np.average with weights of another shape", "write it with np.sum")
    return (x * weights).sum(axis) / weights.sum(axis)  # type: ignore[no-any-return]


@_function(np.atleast_2d)
def _atleast_2d(x: Any) -> Traced:
    return x if x.ndim >= 2 else x.reshape(*(1,) * (2 - x.ndim), *x.shape)  # type: ignore[no-any-return]


@_function(np.cumsum)
def _cumsum(x: Any, axis: Any = None) -> Traced:
    n = x._node
    if n.rank != 1:
        raise refuse("np.cumsum of a matrix", "write np.tril(np.ones((n, n))) @ X")
    (dim,) = n.dims
    return Traced(call(f"tril(ones({dim}, {dim})) @ {{0}}", n.dims, n))
