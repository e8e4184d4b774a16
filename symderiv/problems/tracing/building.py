"""NumPy's operations on nodes: what shape the result has, and how the language writes it.

Contract: every function gives what NumPy gives for arrays whose symbolic sizes are different
numbers; what NumPy would refuse for these is refused here, in NumPy's words.
"""

from __future__ import annotations

from dataclasses import replace

from ...core.errors import ShapeError
from ...core.shapes import ONE, Dim, trimmed
from .traced_nodes import Node
from .user_places import refuse

_HEADS = (1, 0, 2)  # the order of axes that puts the heads of an attention in front
REDUCTIONS = ("sum", "mean", "max", "min", "prod", "logsumexp", "var")


def shown(dims: tuple[Dim, ...]) -> str:
    """Return a shape as NumPy writes it."""
    return f"({', '.join(map(str, dims))}{',' if len(dims) == 1 else ''})"


def _inner(n: Node) -> tuple[Dim, ...]:
    """Return the shape in the language of a node with two axes or more."""
    return trimmed(n.dims)


def broadcast(*nodes: Node) -> tuple[Dim, ...]:
    """Return NumPy's broadcast of shapes; raises ShapeError with the line."""
    return broadcast_dims(*(n.dims for n in nodes))


def broadcast_dims(*shapes: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """Return NumPy's broadcast of shapes; raises ShapeError with the line."""
    rank = max(map(len, shapes))
    result = []
    for column in zip(*((ONE,) * (rank - len(s)) + s for s in shapes), strict=True):
        sizes = dict.fromkeys(d for d in column if d != ONE)
        if len(sizes) > 1:
            raise refuse(
                "operands could not be broadcast together with shapes "
                + " ".join(map(shown, shapes)),
                "keepdims=True keeps the axis of a reduction, x[:, None] makes a column of a "
                "vector",
                ShapeError,
            )
        result.append(next(iter(sizes), ONE))
    return tuple(result)


def entrywise(template: str, *nodes: Node) -> Node:
    """Return an entrywise operation; ``template`` has a ``{k}`` for every operand."""
    dims = broadcast(*nodes)
    args = tuple(_facing(n, nodes) for n in nodes)
    per_row = any(a.per_row for a in args)
    as_row = template
    for k in range(len(args)):
        as_row = as_row.replace(f"{{{k}}}", f"{{{k}:r}}" if args[k].rank == 1 else f"{{{k}}}")
    column, row = template, as_row
    if len(dims) != 1:
        column, row = as_row if len(dims) > 1 else template, ""
    elif all(not a.column for a in args if a.rank == 1):
        column = ""
    return Node(dims, column, args, row, per_row, made=template, of=nodes)


def _facing(n: Node, others: tuple[Node, ...]) -> Node:
    """Return a column beside a square matrix as the matrix with that in every column."""
    if n.rank < 2 or n.per_row or _inner(n)[-1] != ONE or len(_inner(n)) > 2:
        return n
    rows = _inner(n)[0]
    square = (rows, rows)
    if rows == ONE or not any(o.rank > 1 and _inner(o) == square for o in others):
        return n
    return Node(square, f"{{0}} @ ones({rows}).T", (n,))


def matmul(a: Node, b: Node) -> Node:
    """Return ``a @ b``."""
    if not a.rank or not b.rank:
        raise refuse("matmul of a number", "write * for a product with a number", ShapeError)
    if a.dims[-1] != b.dims[max(0, b.rank - 2)]:
        raise refuse(
            f"matmul: shapes {shown(a.dims)} and {shown(b.dims)} do not fit: {a.dims[-1]} is not "
            f"{b.dims[max(0, b.rank - 2)]}",
            "transpose one of them: .T",
            ShapeError,
        )
    per_row = a.per_row or b.per_row
    if a.rank == 1 and b.rank == 1:
        return Node((), "{0:r} @ {1}", (a, b), per_row=per_row)
    if a.rank == 2 and b.rank == 1:
        return Node(a.dims[:1], "{0} @ {1}", (a, b), "{1:r} @ {0}.T", per_row)
    if a.rank == 1 and b.rank == 2:
        return Node(b.dims[1:], "{1}.T @ {0}", (a, b), "{0:r} @ {1}", per_row)
    if b.rank == 1:
        column = matmul(a, reshape(b, (*b.dims, ONE)))
        return reshape(column, column.dims[:-1])
    if a.rank == 1:
        row = matmul(reshape(a, (ONE, *a.dims)), b)
        return reshape(row, (*row.dims[:-2], row.dims[-1]))
    batch = broadcast_dims(a.dims[:-2], b.dims[:-2]) if a.rank + b.rank > 4 else ()
    return Node((*batch, a.dims[-2], b.dims[-1]), "{0} @ {1}", (a, b), per_row=per_row)


def transpose(n: Node, axes: tuple[int, ...] | None = None) -> Node:
    """Return the axes in another order, by default reversed."""
    order = tuple(reversed(range(n.rank))) if axes is None else tuple(a % n.rank for a in axes)
    if sorted(order) != list(range(n.rank)):
        raise refuse(f"{axes} are not the axes of {shown(n.dims)}", "name each once", ShapeError)
    if order == tuple(range(n.rank)):
        return n
    dims = tuple(n.dims[a] for a in order)
    if n.rank == 2:
        return Node(dims, "{0}.T", (n,), per_row=n.per_row)
    if _inner(n) != n.dims or trimmed(dims) != dims:
        raise refuse(
            f"axes of size 1 in front of {shown(n.dims)} cannot be moved",
            "transpose before you add the axis",
        )
    if order[-2:] == (n.rank - 1, n.rank - 2) and order[:-2] == tuple(range(n.rank - 2)):
        return Node(dims, "{0}.mT", (n,), per_row=n.per_row)
    if order == _HEADS and n.made == "reshape" and _splits_columns(n):
        return Node(dims, f"split_heads({{0}}, {dims[0]})", n.of, per_row=n.per_row)
    made, text = f"transpose{order}", f"transpose({{0}}, {order})"
    return Node(dims, text, (n,), per_row=n.per_row, made=made, of=(n,))


def _splits_columns(n: Node) -> bool:
    """Whether a node of three axes holds the columns of a matrix in groups of one size."""
    (source,) = n.of
    return source.rank == 2 and source.dims[0] == n.dims[0] and ONE not in n.dims


def reshape(n: Node, dims: tuple[Dim, ...]) -> Node:
    """Return the same entries, row after row, in another shape."""
    if dims == n.dims:
        return n
    made = _reshaped(n, dims)
    if n.axes and n.made in REDUCTIONS:  # with its axes put back it is still that reduction
        kept = tuple(ONE if k in n.axes else d for k, d in enumerate(n.of[0].dims))
        return replace(made, made=n.made, of=n.of, axes=n.axes) if dims == kept else made
    return made


def _reshaped(n: Node, dims: tuple[Dim, ...]) -> Node:
    old, new = (trimmed(d) if len(d) > 1 else d for d in (n.dims, dims))
    if all(d == ONE for d in (*old, *new)):
        return Node(dims, "{0}", (n,), per_row=n.per_row)
    if n.rank > 1 and old == new:
        return Node(dims, "{0}", (n,), per_row=n.per_row)
    if len(old) == 1 and new in ((*old, ONE), (ONE, *old)):
        return Node(dims, "{0}" if new[1] == ONE else "{0:r}", (n,), per_row=n.per_row)
    if len(new) == 1 and old == (*new, ONE):
        return Node(dims, "{0}", (n,), per_row=n.per_row)
    if len(new) == 1 and old == (ONE, *new):
        return Node(dims, "", (n,), "{0}", n.per_row)
    sizes = ", ".join(map(str, new))
    if n.made == f"transpose{_HEADS}" and dims == (n.dims[0], n.dims[1] * n.dims[2]):
        return Node(dims, "merge_heads({0})", n.of, per_row=n.per_row)
    made = "reshape"
    return Node(dims, f"reshape({{0}}, {sizes})", (n,), per_row=n.per_row, made=made, of=(n,))


def _axes(n: Node, axis: int | tuple[int, ...] | None) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(n.rank))
    given = axis if isinstance(axis, tuple) else (axis,)
    for a in given:
        if type(a) is not int or not -n.rank <= a < n.rank:
            raise refuse(f"axis {a} is out of bounds for {shown(n.dims)}", "count from 0")
    return tuple(sorted({a % n.rank for a in given}))


def reduce(
    kind: str, n: Node, axis: int | tuple[int, ...] | None = None, keepdims: bool = False
) -> Node:
    """Return a reduction; without ``keepdims`` its axes are dropped."""
    axes = _axes(n, axis)
    if not axes and n.rank:
        return n
    made = _all_axes(kind, n, axes, keepdims)
    return made if made is n else replace(made, made=kind, of=(n,), axes=axes)


def _all_axes(kind: str, n: Node, axes: tuple[int, ...], keepdims: bool) -> Node:
    kept = tuple(ONE if k in axes else d for k, d in enumerate(n.dims))
    left = tuple(d for k, d in enumerate(n.dims) if k not in axes)
    if len(axes) == n.rank:
        return Node(kept if keepdims else (), f"{kind}({{0}})", (n,), per_row=n.per_row)
    if kind == "sum" and n.rank > 2 and not keepdims and _inner(n) == n.dims:
        letters = "abcdfghijk"[: n.rank]
        out = "".join(c for k, c in enumerate(letters) if k not in axes)
        return Node(left, f'einsum("{letters}->{out}", {{0}})', (n,), per_row=n.per_row)
    if len(axes) > 1 and kind == "var":
        apart = entrywise("({0} - {1}) ** 2", n, reduce("mean", n, axes, keepdims=True))
        return reduce("mean", apart, axes, keepdims)
    result = n
    for a in axes:
        result = _reduced(kind, result, a)
    return result if keepdims else reshape(result, left)


def _reduced(kind: str, n: Node, axis: int) -> Node:
    """Return the reduction of one axis of several, which is kept."""
    dims = (*n.dims[:axis], ONE, *n.dims[axis + 1 :])
    place = axis - (n.rank - len(_inner(n)))
    if place < 0:
        return Node(dims, "{0} * 0" if kind == "var" else "{0}", (n,), per_row=n.per_row)
    return Node(dims, f"{kind}({{0}}, axis={place})", (n,), per_row=n.per_row or place == 1)


def call(
    template: str, dims: tuple[Dim, ...], *args: Node, row: str = "", per_row: bool = False
) -> Node:
    """Return a function of the language with a result of the given shape."""
    return Node(dims, template, args, row, per_row or any(a.per_row for a in args))


def number(text: str) -> Node:
    """Return a number."""
    return Node((), text)
