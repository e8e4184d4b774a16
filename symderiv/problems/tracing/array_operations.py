"""Operations on arrays of symbols: NumPy's shapes and meaning in, expressions of the language out.

``matmul(a, b)``, ``reduced("mean", a, axis)``, ``concatenated([a, b], 1)``: whoever reads functions
of arrays calls these, once for every operation that was written.

Contract: every function gives what NumPy gives for arrays whose symbolic sizes are different
numbers; what NumPy would refuse for these is refused here, in NumPy's words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...core.expr import column, entry, node, num, row
from ...core.shapes import (
    ONE,
    Dim,
    Shape,
    difference,
    is_difference,
    summed_sizes,
    swapped,
    times,
    trimmed,
)
from ...ops.einsum import expanded, read_spec
from ..call_arguments import applied
from .array_expressions import (
    SymbolArray,
    broadcast_dims,
    call,
    entrywise,
    filled,
    misfit,
    number,
    product,
    raw,
    shown,
    size_number,
    turned,
)
from .user_places import refuse

_MOST_JOINED = 8  # arguments of one concat
_HEADS = (1, 0, 2)  # the order of axes that puts the heads of an attention in front
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
REDUCTIONS = ("sum", "mean", "max", "min", "prod")

# truth values

_OPPOSITE = {">": "<=", "<=": ">", "<": ">=", ">=": "<"}


def compared(a: SymbolArray, sign: str, b: SymbolArray) -> SymbolArray:
    """Return where a comparison holds: 1 there, and 0 elsewhere."""
    if sign in ("==", "!="):  # |a - b| <= 0, > 0
        between = a if b.expr is num(0) else entrywise("subtract", a, b)
        return compared(entrywise("absolute", between), "<=" if sign == "==" else ">", number(0))
    return replace(_choice((a, sign, b), number(1), number(0)), test=(a, sign, b))


def where(condition: SymbolArray, yes: SymbolArray, no: SymbolArray) -> SymbolArray:
    """Return one value where a condition holds, and another elsewhere."""
    if condition.test is None:  # of numbers, or of what is 0 or 1: is it another than 0?
        condition = compared(condition, "!=", number(0))
        assert condition.test is not None
    return _choice(condition.test, yes, no)


def _choice(
    test: tuple[SymbolArray, str, SymbolArray], yes: SymbolArray, no: SymbolArray
) -> SymbolArray:
    left, sign, right = test
    return entrywise(lambda *args: raw("where", *args, data=sign), left, right, yes, no)


def _tested(c: SymbolArray) -> tuple[SymbolArray, str, SymbolArray]:
    if c.test is None:
        raise refuse("an operation of truth values on numbers", "compare first: (x > 0) & (y < 1)")
    return c.test


def joined(function: str, c: SymbolArray, d: SymbolArray) -> SymbolArray:
    """Return where both conditions hold (``multiply``), or one of them (``add``)."""
    _tested(c), _tested(d)
    return compared(entrywise(function, c, d), ">", number(0))


def negated(c: SymbolArray) -> SymbolArray:
    """Return where a condition does not hold."""
    left, sign, right = _tested(c)
    return compared(left, _OPPOSITE[sign], right)


# products


def matmul(a: SymbolArray, b: SymbolArray) -> SymbolArray:
    """Return ``a @ b``."""
    if not a.rank or not b.rank:
        raise misfit("matmul of a number", "write * for a product with a number")
    rows = b.dims[max(0, b.rank - 2)]
    if a.dims[-1] != rows:
        raise misfit(
            f"matmul: shapes {shown(a.dims)} and {shown(b.dims)} do not fit: {a.dims[-1]} is not "
            f"{rows}",
            "transpose one of them: .T",
        )
    if a.rank == 1 and b.rank == 1:
        return SymbolArray((), product(turned(a.expr), b.expr))
    if a.rank == 2 and b.rank == 1:
        return SymbolArray(a.dims[:1], product(a.expr, b.expr))
    if a.rank == 1 and b.rank == 2:
        return SymbolArray(b.dims[1:], product(transposed(b).expr, a.expr))
    if b.rank == 1:
        made = matmul(a, reshape(b, (*b.dims, ONE)))
        return reshape(made, made.dims[:-1])
    if a.rank == 1:
        made = matmul(reshape(a, (ONE, *a.dims)), b)
        return reshape(made, (*made.dims[:-2], made.dims[-1]))
    batch = broadcast_dims(a.dims[:-2], b.dims[:-2]) if a.rank + b.rank > 4 else ()
    dims = (*batch, a.dims[-2], b.dims[-1])
    return SymbolArray(dims, product(a.expr, b.expr, batch))


def dot(a: SymbolArray, b: SymbolArray) -> SymbolArray:
    """Return the product as ``np.dot`` takes it."""
    if not a.rank or not b.rank:
        return entrywise("multiply", a, b)
    if b.rank > 2:
        raise misfit("np.dot with a tensor on the right", "write it with np.einsum")
    return matmul(a, b)


def inner(a: SymbolArray, b: SymbolArray) -> SymbolArray:
    """Return the sum of products along the last axes, as ``np.inner``."""
    if not a.rank or not b.rank:
        return entrywise("multiply", a, b)
    if max(a.rank, b.rank) > 2:
        raise misfit("np.inner of tensors", "write it with np.einsum")
    return matmul(a, transposed(b))


def outer(a: SymbolArray, b: SymbolArray) -> SymbolArray:
    """Return the products of every entry of one with every entry of the other."""
    a, b = (reshape(x, (times(x.dims),)) for x in (a, b))
    return SymbolArray(a.dims + b.dims, product(a.expr, turned(b.expr)))


def einsum(subscripts: str, *arrays: SymbolArray) -> SymbolArray:
    """Return the sum of products that indices say; an ellipsis is what has no letter."""
    spec = read_spec(expanded(subscripts, [a.rank for a in arrays]) or "")
    shapes = " ".join(shown(a.dims) for a in arrays)
    if spec is None or len(spec[0]) != len(arrays):
        raise misfit(f"np.einsum: {subscripts!r} does not fit {shapes}", "name each index once")
    inputs, output = spec
    sizes: dict[str, Dim] = {}
    for letters, a in zip(inputs, arrays, strict=True):
        fits = len(letters) == a.rank and all(
            sizes.setdefault(c, d) == d for c, d in zip(letters, a.dims, strict=True)
        )
        if not fits:
            raise misfit(f"np.einsum: {letters!r} does not fit {shown(a.dims)}")
    dims = tuple(sizes[c] for c in output)
    return call("einsum", dims, f"{','.join(inputs)}->{output}", *arrays)


def tensordot(a: SymbolArray, b: SymbolArray, axes: Any = 2) -> SymbolArray:
    """Return the sums of products along pairs of axes, or along so many of the last and first."""
    if type(axes) is int:
        pairs = [(a.rank - axes + k, k) for k in range(axes)]
    else:
        lists = [[x] if type(x) is int else list(x) for x in axes]
        pairs = [(x % a.rank, y % b.rank) for x, y in zip(*lists, strict=True)]
    first = list(_LETTERS[: a.rank])
    second = list(_LETTERS[a.rank : a.rank + b.rank])
    for x, y in pairs:
        second[y] = first[x]
    summed = {first[x] for x, _ in pairs}
    output = "".join(c for c in first + second if c not in summed)
    return einsum(f"{''.join(first)},{''.join(second)}->{output}", a, b)


def kron(a: SymbolArray, b: SymbolArray) -> SymbolArray:
    """Return the Kronecker product of two matrices."""
    if (a.rank, b.rank) != (2, 2):
        raise refuse("np.kron of other things than two matrices", "write it with matrices")
    return call("kron", (a.dims[0] * b.dims[0], a.dims[1] * b.dims[1]), a, b)


# axes


def axes_of(a: SymbolArray, axis: Any) -> tuple[int, ...]:
    """Return axes counted from the front, all of them for None; raises UnsupportedError."""
    if axis is None:
        return tuple(range(a.rank))
    given = axis if isinstance(axis, tuple) else (axis,)
    for k in given:
        if type(k) is not int or not -a.rank <= k < a.rank:
            raise refuse(f"axis {k} is out of bounds for {shown(a.dims)}", "count from 0")
    return tuple(sorted({k % a.rank for k in given}))


def transposed(a: SymbolArray, axes: tuple[int, ...] | None = None) -> SymbolArray:
    """Return the axes in another order, by default reversed."""
    order = tuple(reversed(range(a.rank))) if axes is None else tuple(k % a.rank for k in axes)
    if sorted(order) != list(range(a.rank)):
        raise misfit(f"{axes} are not the axes of {shown(a.dims)}", "name each once")
    if order == tuple(range(a.rank)):
        return a
    dims = tuple(a.dims[k] for k in order)
    if a.rank == 2:
        return SymbolArray(dims, node("transpose", (a.expr,), swapped(a.expr.shape)))
    if trimmed(a.dims) != a.dims or trimmed(dims) != dims:
        raise refuse(
            f"axes of size 1 in front of {shown(a.dims)} cannot be moved",
            "transpose before you add the axis",
        )
    if order == _HEADS and a.expr.op == "reshape" and ONE not in a.dims:
        (source,) = a.expr.args
        if len(source.shape) == 2 and source.shape[0] == a.dims[0]:
            return call("split_heads", dims, source, dims[0])
    return call("transpose", dims, a, *order)


def exchanged(a: SymbolArray, i: int, j: int) -> SymbolArray:
    """Return two axes exchanged."""
    order = list(range(a.rank))
    if not all(-a.rank <= k < a.rank for k in (i, j)):
        raise misfit(f"axes {i} and {j} of {shown(a.dims)}", "count from 0")
    order[i], order[j] = order[j], order[i]
    return transposed(a, tuple(order))


def moved(a: SymbolArray, source: Any, destination: Any) -> SymbolArray:
    """Return axes at other places, the others in their order."""
    pairs = [[k] if type(k) is int else list(k) for k in (source, destination)]
    if not all(-a.rank <= k < a.rank for p in pairs for k in p):
        raise refuse(f"axes {source} to {destination} of {shown(a.dims)}", "count from 0")
    to = {j % a.rank: i % a.rank for i, j in zip(*pairs, strict=True)}
    rest = iter(k for k in range(a.rank) if k not in to.values())
    return transposed(a, tuple(to[k] if k in to else next(rest) for k in range(a.rank)))


def squeezed(a: SymbolArray, axis: int | None = None) -> SymbolArray:
    """Return an array without its axes of size 1, or without one of them."""
    kept = enumerate(a.dims)
    return reshape(a, tuple(d for k, d in kept if d != ONE or axis not in (None, k, k - a.rank)))


def with_axis(a: SymbolArray, axis: int) -> SymbolArray:
    """Return an array with a new axis of size 1."""
    if not -a.rank <= axis + 1 <= a.rank + 1:
        raise misfit(f"axis {axis} of {shown(a.dims)}", "count from 0")
    k = axis % (a.rank + 1)
    return reshape(a, (*a.dims[:k], ONE, *a.dims[k:]))


def reshape(a: SymbolArray, dims: Shape) -> SymbolArray:
    """Return the same entries, row after row, in another shape."""
    if dims == a.dims:
        return a
    old, new = (trimmed(d) if len(d) > 1 else d for d in (a.dims, dims))
    is_same = (len(old) > 1 and old == new) or all(d == ONE for d in (*old, *new))
    vector, other = (old, new) if len(old) == 1 else (new, old)
    if is_same or (len(vector) == 1 and other == (*vector, ONE)):
        return SymbolArray(dims, a.expr)
    if len(vector) == 1 and other == (ONE, *vector):
        return SymbolArray(dims, turned(a.expr))
    has_heads = a.expr.op == "permute" and a.expr.data == _HEADS
    if has_heads and dims == (a.dims[0], a.dims[1] * a.dims[2]):
        return call("merge_heads", dims, a.expr.args[0])
    return call("reshape", dims, a, *new)


def reduced(kind: str, a: SymbolArray, axis: Any = None, keepdims: bool = False) -> SymbolArray:
    """Return a ``sum``, ``mean``, ``max``, ``min``, ``prod`` or ``var`` along axes."""
    axes = axes_of(a, axis)
    if not axes and a.rank:
        return a
    kept = tuple(ONE if k in axes else d for k, d in enumerate(a.dims))
    left = tuple(d for k, d in enumerate(a.dims) if k not in axes)
    if len(axes) == a.rank:
        return call(kind, kept if keepdims else (), a)
    if kind == "sum" and a.rank > 2 and not keepdims and trimmed(a.dims) == a.dims:
        letters = "abcdfghijk"[: a.rank]
        out = "".join(c for k, c in enumerate(letters) if k not in axes)
        return call("einsum", left, f"{letters}->{out}", a)
    if len(axes) > 1 and kind == "var":
        apart = entrywise("subtract", a, reduced("mean", a, axes, keepdims=True))
        return reduced("mean", entrywise("power", apart, number(2)), axes, keepdims)
    result = a
    for k in axes:
        result = _reduced(kind, result, k)
    return result if keepdims else reshape(result, left)


def _reduced(kind: str, a: SymbolArray, axis: int) -> SymbolArray:
    """Return the reduction of one axis of several, which is kept."""
    dims = (*a.dims[:axis], ONE, *a.dims[axis + 1 :])
    place = axis - (a.rank - len(a.expr.shape))
    if place < 0:
        return entrywise("multiply", a, number(0)) if kind == "var" else SymbolArray(dims, a.expr)
    return call(kind, dims, a, axis=place)


def variance(
    a: SymbolArray, axis: Any = None, ddof: int = 0, keepdims: bool = False
) -> SymbolArray:
    """Return the variance, biased where ``ddof`` is 0."""
    biased = reduced("var", a, axis, keepdims)
    if not ddof:
        return biased
    n = times(a.dims[k] for k in axes_of(a, axis))
    degrees = entrywise("subtract", size_number(n), number(ddof))
    return entrywise("divide", entrywise("multiply", biased, size_number(n)), degrees)


def deviation(*args: Any, **options: Any) -> SymbolArray:
    """Return the standard deviation, as ``variance`` takes its arguments."""
    return entrywise("sqrt", variance(*args, **options))


def cumulated(a: SymbolArray, axis: Any = None) -> SymbolArray:
    """Return the sums of the entries of a vector up to each place."""
    if a.rank != 1:
        raise refuse("np.cumsum of a matrix", "write np.tril(np.ones((n, n))) @ X")
    below = filled("ones", a.dims * 2)
    return matmul(call("tril", below.dims, below), a)


def normalized(name: str, a: SymbolArray, axis: int = -1) -> SymbolArray:
    """Return ``softmax`` or ``logsoftmax`` along an axis."""
    place = 0 if a.rank == 1 else axis % a.rank - (a.rank - len(a.expr.shape))
    return call(name, a.dims, a, axis=place)


# parts and joined arrays


def part(a: SymbolArray, axis: int, before: Dim | None, length: Dim) -> SymbolArray:
    """Return so many entries of one axis, behind so many others."""
    if before is None and length == a.dims[axis]:
        return a
    dims = (*a.dims[:axis], length, *a.dims[axis + 1 :])
    place = axis if a.rank == 1 else axis - (a.rank - len(a.expr.shape))
    behind = difference([a.dims[axis]], [length] if before is None else [before, length])
    if not any(d is not None and is_difference(d) for d in (before, length, behind)):
        return call("part", dims, a, before, length, axis=place)
    # Of a symbol, less a number: a part where the symbol is large enough.
    shape = (*a.expr.shape[:place], length, *a.expr.shape[place + 1 :])
    ends = tuple((d,) if d is not None else () for d in (before, behind))
    return SymbolArray(dims, node("part", (a.expr,), shape, (ends[0], length, ends[1], place)))


def picked(a: SymbolArray, at: Sequence[int | None]) -> SymbolArray:
    """Return the entries at places counted from 1, None for a whole axis; the others are gone."""
    if all(p is None for p in at):
        return a
    for p, dim in zip(at, a.dims, strict=True):
        if p is not None and not dim.symbols and p > dim.coefficient:
            raise misfit(f"index {p - 1} is out of bounds for an axis of size {dim}")
    x = a.expr
    if a.rank == 1:
        return SymbolArray((), entry(x, at[0] or 1, 1) if a.dims != (ONE,) else x)
    if a.rank > 2 or ONE in a.dims:
        return _contracted(a, at)
    i, j = at
    if i is not None and j is not None:
        return SymbolArray((), entry(x, i, j))
    if i is not None:
        return SymbolArray(a.dims[1:], turned(row(x, i)))
    return SymbolArray(a.dims[:1], column(x, j or 1))


def _contracted(a: SymbolArray, at: Sequence[int | None]) -> SymbolArray:
    """Return the entries at places of a tensor: its products with unit vectors."""
    alone = [k for k, p in enumerate(at) if p is not None and a.dims[k] == ONE]
    if alone:
        kept = [k for k in range(a.rank) if k not in alone]
        return picked(reshape(a, tuple(a.dims[k] for k in kept)), [at[k] for k in kept])
    if ONE in a.dims:
        raise refuse(
            f"an integer index into an array of shape {shown(a.dims)}",
            "index it before you add the axis of size 1",
        )
    letters = _LETTERS[: a.rank]
    places = [k for k, p in enumerate(at) if p is not None]
    left = [k for k in range(a.rank) if k not in places]
    inputs = ",".join([letters, *(letters[k] for k in places)])
    units = [applied("onehot", at[k], a.dims[k]) for k in places]
    out = "".join(letters[k] for k in left)
    return call("einsum", tuple(a.dims[k] for k in left), f"{inputs}->{out}", a, *units)


def concatenated(arrays: Sequence[SymbolArray], axis: int = 0) -> SymbolArray:
    """Return arrays of one rank behind each other along an axis."""
    rank, dims = arrays[0].rank, arrays[0].dims
    fits = rank and -rank <= axis < rank and all(a.rank == rank for a in arrays)
    axis %= rank or 1
    if not fits or any(a.dims[k] != dims[k] for a in arrays for k in range(rank) if k != axis):
        shapes = " ".join(shown(a.dims) for a in arrays)
        raise misfit(f"shapes {shapes} cannot be joined along axis {axis}")
    if rank > 2 and any(trimmed(a.dims) != a.dims for a in arrays):
        raise refuse(
            "joining tensors whose first axis has size 1", "join them before you add the axis"
        )
    if len(arrays) == 1:
        return arrays[0]
    if len(arrays) > _MOST_JOINED:
        groups = range(0, len(arrays), _MOST_JOINED)
        return concatenated(
            [concatenated(arrays[k : k + _MOST_JOINED], axis) for k in groups], axis
        )
    joined = summed_sizes([a.dims[axis] for a in arrays])
    return call("concat", (*dims[:axis], joined, *dims[axis + 1 :]), *arrays, axis=axis)


def stacked(arrays: Sequence[SymbolArray], axis: int = 0) -> SymbolArray:
    """Return arrays of one shape along a new axis, as ``np.stack`` does."""
    rank = arrays[0].rank
    if any(a.dims != arrays[0].dims for a in arrays) or not -rank - 1 <= axis <= rank:
        shapes = " ".join(shown(a.dims) for a in arrays)
        raise misfit(f"shapes {shapes} cannot be stacked along axis {axis}")
    if rank > 1:
        raise refuse(
            "np.stack of matrices", "join them with np.concatenate, or compute with each of them"
        )
    axis %= rank + 1
    parts = [reshape(a, (*a.dims[:axis], ONE, *a.dims[axis:])) for a in arrays]
    return concatenated(parts, axis)


# functions of matrices


def square_size(a: SymbolArray, name: str) -> Dim:
    """Return the rows of a square matrix; raises ShapeError with the line."""
    if a.rank != 2 or a.dims[0] != a.dims[1]:
        raise misfit(f"{name} needs a square matrix, not {shown(a.dims)}")
    return a.dims[0]


def matrix_function(name: str, a: SymbolArray, rank: int = 2) -> SymbolArray:
    """Return a function of a square matrix whose value has so many of its axes."""
    square_size(a, name)
    return call(name, a.dims[:rank], a)


def triangle(a: SymbolArray, k: int, name: str, other: str, wide: int) -> SymbolArray:
    """Return ``tril`` or ``triu``; without the diagonal it is what the other leaves."""
    if a.rank != 2:
        remedy = "multiply each matrix with a mask: x * np.tril(np.ones((n, n)))"
        raise refuse(f"np.{name} of an array of shape {shown(a.dims)}", remedy)
    if k not in (0, wide):
        raise refuse(f"np.{name} with k={k}", f"{name}(X) and {name}(X, k={wide}) are followed")
    return call(name, a.dims, a) if k == 0 else entrywise("subtract", a, call(other, a.dims, a))


def inverse(a: SymbolArray) -> SymbolArray:
    """Return the inverse of a matrix, or of each of a stack of them."""
    is_stack = a.rank > 2 and a.dims[-1] == a.dims[-2]
    return call("inv", a.dims, a) if is_stack else matrix_function("inv", a)


def pseudo_inverse(a: SymbolArray) -> SymbolArray:
    """Return the pseudo-inverse of a matrix."""
    if a.rank != 2:
        raise misfit("np.linalg.pinv of a stack of matrices")
    return call("pinv", a.dims[::-1], a)


def diagonal(a: SymbolArray) -> SymbolArray:
    """Return the diagonal of a matrix, or the matrix with a vector as its diagonal."""
    if a.rank == 1:
        return call("diag", a.dims * 2, a)
    return call("diag", (square_size(a, "np.diag"),), a)


def solved(a: SymbolArray, b: SymbolArray) -> SymbolArray:
    """Return the solution x of ``a @ x = b``."""
    rows = square_size(a, "solve")
    if b.rank not in (1, 2) or b.dims[0] != rows:
        raise misfit(f"solve: shapes {shown(a.dims)} and {shown(b.dims)} do not fit")
    return call("solve", b.dims, a, b)


def norm(a: SymbolArray, kind: Any = None, axis: Any = None, keepdims: bool = False) -> SymbolArray:
    """Return the norm that ``np.linalg.norm`` takes; raises UnsupportedError for others."""
    if a.rank > 2 and axis is None and kind is None:
        axis = tuple(range(a.rank))
    entries = axis is not None or a.rank == 1
    euclidean = kind == "fro" if isinstance(axis, tuple) and kind else kind in (None, 2)
    if axis is None and not keepdims and (kind is None or (entries and euclidean)):
        return call("norm", (), a)
    if entries and euclidean:
        squares = entrywise("power", a, number(2))
        return entrywise("sqrt", reduced("sum", squares, axis, keepdims))
    if entries and kind in (1, float("inf")) and not isinstance(axis, tuple):
        return reduced("sum" if kind == 1 else "max", entrywise("absolute", a), axis, keepdims)
    if a.rank == 2 and axis is None and not keepdims and kind in ("fro", "nuc", 2):
        return call("norm", (), a, kind)
    raise refuse(f"np.linalg.norm with ord={kind}, axis={axis}", "write the norm with sums")
