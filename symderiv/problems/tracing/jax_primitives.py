"""The primitives of JAX's programs, each with what it is for arrays of symbols.

Source: the documentation of ``jax.lax``; the names and parameters are those of a jaxpr.
Contract: a table by name; every entry takes the operands of an equation and its parameters.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...core.shapes import ONE, Dim, Shape, difference, divided, size, symbol
from . import array_operations as operations
from . import numpy_functions  # noqa: F401  fills the tables
from .array import FUNCTIONS, UFUNCS, Condition, Traced, as_dim, operand, sized
from .index_arrays import (
    Counted,
    Labels,
    Mask,
    Positions,
    compared,
    mask_of,
    no_number,
    picked_entries,
    picked_rows,
)
from .markers import stopped
from .masks import chosen
from .user_places import refuse

Primitive = Callable[..., Any]
PRIMITIVES: dict[str, Primitive] = {}
_full, _ones, _zeros = (FUNCTIONS[f] for f in (np.full, np.ones, np.zeros))


def dim_of(x: Any) -> Dim:
    """Return a size of a jaxpr, an integer or a polynomial of JAX, as a size.

    >>> str(dim_of(3))
    '3'
    """
    if isinstance(x, Traced):
        return as_dim(x)
    if isinstance(x, int | np.integer):
        return size(int(x))
    return _parsed(str(x))


def _parsed(text: str) -> Dim:
    """Return the size that JAX writes as a polynomial: ``2*n + 1``, ``floordiv(d, 2)``."""

    def read(node: ast.expr) -> Dim | None:
        if isinstance(node, ast.Constant):
            return size(node.value) if node.value else None  # type: ignore[arg-type]
        if isinstance(node, ast.Name):
            return symbol(node.id)
        if isinstance(node, ast.BinOp):
            left, right = read(node.left), read(node.right)
            if isinstance(node.op, ast.Mult):
                return left * right if left and right else None
            sides = [[left], [right]] if isinstance(node.op, ast.Sub) else [[left, right], []]
            return difference(*([d for d in side if d] for side in sides))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "floordiv":
            quotient = divided(*(read(a) or ONE for a in node.args))
            if quotient is not None:
                return quotient
        raise refuse(
            f"{text} is no size that is known to be one",
            "declare the size as a number, or as a multiple: X='n, h*k'",
        )

    found = read(ast.parse(text.replace("^", "**"), mode="eval").body)
    if found is None:
        raise refuse(f"an axis of size {text}", "leave empty arrays out")
    return found


def _named(name: str) -> Primitive:
    return lambda *args, **_: UFUNCS[name](*map(no_number, args))


_SAME = (
    "exp exp2 log log1p expm1 sqrt sin cos tan sinh cosh tanh abs sign square erf div mul pow"
).split()
_RENAMED = {
    **{"add": "add", "sub": "subtract", "mul": "multiply", "div": "divide", "pow": "power"},
    **{"neg": "negative", "abs": "absolute", "asin": "arcsin", "acos": "arccos", "atan": "arctan"},
    **{"atan2": "arctan2", "logistic": "expit", "lgamma": "gammaln", "digamma": "psi"},
    **{"add_any": "add", "not": "logical_not", "and": "logical_and", "or": "logical_or"},
}
PRIMITIVES.update({p: _named(_RENAMED.get(p, p)) for p in (*_SAME, *_RENAMED)})


def _added(sign: int, name: str) -> Primitive:
    def build(a: Any, b: Any, **_: Any) -> Any:
        if isinstance(a, Positions) and type(b) is int:
            return a.moved(sign * int(b))
        if isinstance(b, Positions) and type(a) is int and sign == 1:
            return b.moved(int(a))
        if sign == 1 and any(isinstance(x, Positions | Labels) for x in (a, b)):
            return Counted()
        if type(b) in (int, float) and b == 0:
            return a
        return UFUNCS[name](no_number(a), no_number(b))

    return build


def _times(a: Any, b: Any, **_: Any) -> Any:
    for one, other in ((a, b), (b, a)):
        if isinstance(other, Positions) and type(one) is int and one == 1:
            return other
    return UFUNCS["multiply"](no_number(a), no_number(b))


def _compared(sign: str, name: str) -> Primitive:
    def build(a: Any, b: Any, **_: Any) -> Any:
        if a is b and sign in ("==", "!="):
            return sign == "=="  # how programs ask for what is no number
        whole = [isinstance(x, Positions | Labels) for x in (a, b)]
        if any(whole):
            number = b if whole[0] else a
            if sign == "<" and whole[0] and type(number) is int and number <= 0:
                return False  # an index is counted from 0
            return compared(a, sign, b)
        if name == "greater" and isinstance(a, Traced) and a._array.size is not None and b == 0:
            return True
        mask = mask_of(a) if type(b) in (int, float) and b == 0 else None
        if mask is not None and sign in ("==", "!=", ">"):
            return mask.opposite() if sign == "==" else mask
        return UFUNCS[name](a, b)

    return build


def _extreme(name: str, nothing: float) -> Primitive:
    def build(a: Any, b: Any, **_: Any) -> Any:
        for one, other in ((a, b), (b, a)):
            if type(one) is float and one == nothing:
                return other
        return UFUNCS[name](a, b)

    return build


def _select(which: Any, *cases: Any, **_: Any) -> Any:
    no, yes = cases
    if type(which) is bool:
        return yes if which else no
    if isinstance(no, Positions | Labels) or isinstance(yes, Positions | Labels):
        raise refuse("a choice between labels", "pick with labels that are arguments")
    return chosen(which, yes, no)


class Filled:
    """A number in every place of an array: a number beside arrays, an array by itself."""

    def __init__(self, value: Any, dims: Shape) -> None:
        self.value, self.dims = value, dims

    def array(self) -> Any:
        """Return the array."""
        shape = tuple(map(sized, self.dims))
        if type(self.value) in (int, float) and self.value in (0, 1):
            return _ones(shape) if self.value else _zeros(shape)
        return _full(shape, self.value)


def is_constant(x: Any) -> bool:
    """Whether an operand is a number or an array of numbers, and no array of symbols."""
    return type(x) in (int, float, bool, np.ndarray)


def _reduced(name: str) -> Primitive:
    function = getattr(np, name)

    def build(x: Any, axes: Any = (), **_: Any) -> Any:
        return FUNCTIONS[function](no_number(x), axis=tuple(axes)) if axes else x

    return build


def _dot_general(a: Any, b: Any, dimension_numbers: Any, **_: Any) -> Any:
    (left, right), (batch_left, batch_right) = dimension_numbers
    a, b = (Traced(operand(no_number(x))) for x in (a, b))
    if not batch_left and (a.ndim, b.ndim) in ((1, 1), (1, 2), (2, 1), (2, 2)) and len(left) == 1:
        first = a if left[0] == a.ndim - 1 else a.T
        second = b if right[0] == 0 else b.T
        return UFUNCS["matmul"](first, second)
    letters = iter("abcdefghijklmnopqrstuvwxyz")
    of_a = [next(letters) for _ in range(a.ndim)]
    of_b = [next(letters) for _ in range(b.ndim)]
    for i, j in zip((*left, *batch_left), (*right, *batch_right), strict=True):
        of_b[j] = of_a[i]
    free = [c for k, c in enumerate(of_a) if k not in (*left, *batch_left)]
    free += [c for k, c in enumerate(of_b) if k not in (*right, *batch_right)]
    output = "".join([*(of_a[k] for k in batch_left), *free])
    return FUNCTIONS[np.einsum](f"{''.join(of_a)},{''.join(of_b)}->{output}", a, b)


def _broadcast(x: Any, *_: Any, shape: Any, broadcast_dimensions: Any, **__: Any) -> Any:
    dims = tuple(map(dim_of, shape))
    places = [int(k) for k in broadcast_dimensions]
    if isinstance(x, Positions):
        return Positions(dims, places[x.axis], x.shift)
    if isinstance(x, Labels):
        if places != list(range(len(x.dims))) or dims[: len(x.own)] != x.own:
            raise refuse("labels along other axes", "pick with labels as they are declared")
        return replace(x, tail=dims[len(x.own) :])
    if not dims:
        return x
    if isinstance(x, Filled):
        x = x.value
    if isinstance(x, Mask):
        return x  # beside arrays with more axes in front
    if not isinstance(x, Traced) or not x.ndim:
        return _filled(x, dims)
    inner = tuple(x._array.dims[places.index(k)] if k in places else ONE for k in range(len(dims)))
    with_axes = x._sharing(operations.reshape(x._array, inner))
    if type(x) is Condition or inner == dims:
        return with_axes if inner == dims else _spread(with_axes, dims)
    return FUNCTIONS[np.broadcast_to](with_axes, tuple(map(sized, dims)))


def _spread(x: Traced, dims: Any) -> Any:
    return FUNCTIONS[np.where](x, 1, 0) * _ones(tuple(map(sized, dims))) > 0


def _filled(value: Any, dims: Any) -> Any:
    """Return a number in every place: itself beside arrays, which it is spread to anyway."""
    if isinstance(value, Traced) or (np.ndim(value) == 0 and any(d.symbols for d in dims)):
        return Filled(value, dims)
    return np.broadcast_to(value, tuple(d.coefficient for d in dims))


def _concatenate(*arrays: Any, dimension: int, **_: Any) -> Any:
    if isinstance(arrays[-1], Labels) and isinstance(arrays[0], Positions):
        return arrays  # a pair of indices for every place
    return FUNCTIONS[np.concatenate]([no_number(x) for x in arrays], axis=dimension)


def _slice(x: Any, start_indices: Any, limit_indices: Any, strides: Any = None, **_: Any) -> Any:
    places = _places(x, start_indices, limit_indices, strides or (1,) * x.ndim)
    found = x[tuple(places)]
    for k, p in enumerate(places):
        found = FUNCTIONS[np.expand_dims](found, k) if type(p) is int else found
    return found


def _places(x: Any, starts: Any, limits: Any, steps: Any) -> list[Any]:
    """Return the part of every axis, one entry as an integer; a bound at an end is left out."""
    found: list[Any] = []
    for dim, start, stop, step in zip(x._array.dims, starts, limits, steps, strict=True):
        if type(start) is type(stop) is int and stop == start + 1 and dim != ONE:
            found.append(start)
            continue
        first = None if type(start) is int and start == 0 else sized(dim_of(start))
        last = None if dim_of(stop) == dim else sized(dim_of(stop))
        found.append(slice(first, last, None if step == 1 else step))
    return found


def _dynamic_slice(x: Any, *starts: Any, slice_sizes: Any, **_: Any) -> Any:
    limits = []
    for start, length in zip(starts, slice_sizes, strict=True):
        if type(start) is not int:
            raise refuse("an index that is no number", "write the index as a number")
        limits.append(int(start) + length if start else length)
    return _slice(x, [int(s) for s in starts], limits)


def _gather(x: Any, indices: Any, dimension_numbers: Any, slice_sizes: Any, **_: Any) -> Any:
    collapsed = [int(k) for k in dimension_numbers.collapsed_slice_dims]
    at = [int(k) for k in dimension_numbers.start_index_map]
    if isinstance(indices, Labels) and at == [0] == collapsed:
        return picked_rows(x, replace(indices, tail=()))
    if type(indices) is tuple and at == [0, 1] == collapsed:
        return picked_entries(x, indices[1])
    if type(indices) is np.ndarray and indices.ndim == 1:
        starts = [0] * x.ndim
        for k, place in zip(at, indices.tolist(), strict=True):
            starts[k] = place
        limits = [s + n if s else n for s, n in zip(starts, slice_sizes, strict=True)]
        places = _places(x, starts, limits, (1,) * x.ndim)
        return x[tuple(starts[k] if k in collapsed else p for k, p in enumerate(places))]
    raise refuse(
        "an index that is an array of integers",
        'declare labels, as in y="n label(k)": P[arange(n), y], W[y]',
    )


def _squeeze(x: Any, dimensions: Any, **_: Any) -> Any:
    if isinstance(x, Labels):
        return replace(x, tail=x.tail[len(dimensions) :])
    return x[tuple(0 if k in dimensions else slice(None) for k in range(x.ndim))]


def _reshape(x: Any, *_: Any, new_sizes: Any, **__: Any) -> Any:
    dims = tuple(map(dim_of, new_sizes))
    if isinstance(x, Filled):
        return Filled(x.value, dims)
    if isinstance(x, Positions):
        axes = [k for k, d in enumerate(dims) if d == x.dims[x.axis]]
        if len(axes) == 1 and all(d == ONE for k, d in enumerate(dims) if k != axes[0]):
            return Positions(dims, axes[0], x.shift)
    if isinstance(x, Labels) and dims[: len(x.own)] == x.own:
        return replace(x, tail=dims[len(x.own) :])
    return no_number(x).reshape(tuple(map(sized, dims)))


def _integer_pow(x: Any, y: int, **_: Any) -> Any:
    return UFUNCS["power"](x, y)


def _cumsum(x: Any, axis: int, reverse: bool = False, **_: Any) -> Any:
    if reverse:
        raise refuse("a cumulative sum from the end", "write it with a triangle: jnp.tril(..) @ x")
    return FUNCTIONS[np.cumsum](x, axis=axis)


PRIMITIVES.update(
    add=_added(1, "add"),
    sub=_added(-1, "subtract"),
    mul=_times,
    max=_extreme("maximum", -np.inf),
    min=_extreme("minimum", np.inf),
    gt=_compared(">", "greater"),
    lt=_compared("<", "less"),
    ge=_compared(">=", "greater_equal"),
    le=_compared("<=", "less_equal"),
    eq=_compared("==", "equal"),
    ne=_compared("!=", "not_equal"),
    integer_pow=_integer_pow,
    rsqrt=lambda x, **_: 1 / UFUNCS["sqrt"](x),
    erfc=lambda x, **_: 1 - UFUNCS["erf"](x),
    is_finite=lambda x, **_: True,
    select_n=_select,
    reduce_sum=_reduced("sum"),
    reduce_max=_reduced("max"),
    reduce_min=_reduced("min"),
    reduce_prod=_reduced("prod"),
    dot_general=_dot_general,
    broadcast_in_dim=_broadcast,
    reshape=_reshape,
    transpose=lambda x, permutation, **_: FUNCTIONS[np.transpose](x, tuple(permutation)),
    squeeze=_squeeze,
    expand_dims=lambda x, dimensions, **_: FUNCTIONS[np.expand_dims](x, *dimensions),
    concatenate=_concatenate,
    slice=_slice,
    dynamic_slice=_dynamic_slice,
    gather=_gather,
    convert_element_type=lambda x, **_: x.ones() if isinstance(x, Mask) else x,
    copy=lambda x, **_: x,
    copy_p=lambda x, **_: x,
    stop_gradient=lambda x, **_: stopped(x) if isinstance(x, Traced) else x,
    clamp=lambda low, x, high, **_: FUNCTIONS[np.clip](x, low, high),
    cumsum=_cumsum,
    iota=lambda *_, shape, dimension, **__: Positions(tuple(map(dim_of, shape)), dimension),
    dim_as_value=lambda dim, **_: sized(dim_of(dim)),
    square=lambda x, **_: UFUNCS["power"](x, 2),
    cholesky=lambda x, **_: FUNCTIONS[np.linalg.cholesky](x),
)
# Functions that JAX's own modules define by way of decompositions, by their names there.
WHOLE: dict[str, Primitive] = {
    "inv": lambda a: FUNCTIONS[np.linalg.inv](a),
    "solve": lambda a, b: FUNCTIONS[np.linalg.solve](a, b),
    "det": lambda a: FUNCTIONS[np.linalg.det](a),
    "slogdet": lambda a: FUNCTIONS[np.linalg.slogdet](a),
    "diagonal": lambda a: FUNCTIONS[np.diagonal](a),
    "cholesky": lambda a: FUNCTIONS[np.linalg.cholesky](a),
}
# What a number in every place of an array goes through as that number.
ENTRYWISE = {*_SAME, *_RENAMED, "max", "min", "gt", "lt", "ge", "le", "eq", "ne", "integer_pow"}
ENTRYWISE |= {"rsqrt", "erfc", "is_finite", "select_n", "clamp", "square", "stop_gradient"}
