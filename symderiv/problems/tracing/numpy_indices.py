"""Indices as NumPy counts them (from 0) to places in the language (from 1), and new axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.errors import ShapeError
from ...core.shapes import ONE
from .array import Condition, Traced
from .building import call, reshape, shown
from .slicing import from_the_end, sliced
from .traced_nodes import Node
from .user_places import refuse


def index(n: Node, places: Any) -> Node:
    """Return ``x[places]``: whole axes and parts of them, new axes, and integers."""
    given = list(places) if isinstance(places, tuple) else [places]
    axes = sum(p is not None and p is not Ellipsis for p in given)
    if axes > n.rank:
        raise refuse(f"too many indices for an array of shape {shown(n.dims)}", "", ShapeError)
    dots = [k for k, p in enumerate(given) if p is Ellipsis]
    k = dots[0] if dots else len(given)
    given[k : k + 1] = [slice(None)] * (n.rank - axes)
    axis = 0
    for k, p in enumerate(given):
        if isinstance(p, slice):
            n, given[k] = sliced(n, axis, p), slice(None)
        elif type(p) is int and p < 0:
            given[k] = from_the_end(n, axis, p)
        elif p is not None and type(p) is not int:
            raise _no_place(p)
        axis += p is not None
    picked = _picked(n, [p for p in given if p is not None])
    dims, left = [], list(picked.dims)
    for p in given:
        if p is None:
            dims.append(ONE)
        elif isinstance(p, slice):
            dims.append(left.pop(0))
    return reshape(picked, tuple(dims))


def _no_place(p: Any) -> Exception:
    if isinstance(p, Condition):
        return refuse("an index that is a condition", "write np.where(condition, a, b)")
    if isinstance(p, range | list | np.ndarray) or (isinstance(p, Traced) and p._node.size is None):
        return refuse(
            "an index that is an array of integers",
            'give one-hot rows instead, as in Y="n, k": np.sum(Y * P, axis=1) for the entries '
            "P[np.arange(n), y], Y @ E for the rows E[y]",
        )
    return refuse(
        "an index that is neither an integer, nor a slice, nor None",
        "give that part to the function as an argument of its own",
    )


def _picked(n: Node, places: list[Any]) -> Node:
    """Return the entries at integer places; the axes of these are gone."""
    at = [None if isinstance(p, slice) else p + 1 for p in places]
    if all(p is None for p in at):
        return n
    for p, dim in zip(at, n.dims, strict=True):
        if p is not None and not dim.symbols and p > dim.coefficient:
            raise refuse(
                f"index {p - 1} is out of bounds for an axis of size {dim}", "", ShapeError
            )
    if n.rank == 1:
        return call(f"{{0}}[{at[0]}]", (), n) if n.dims != (ONE,) else call("{0}", (), n)
    if n.rank == 2 and ONE not in n.dims:
        if None not in at:
            return call(f"{{0}}[{at[0]}, {at[1]}]", (), n)
        if at[1] is None:
            return call("", n.dims[1:], n, row=f"{{0}}[{at[0]}, :]")
        return call(f"{{0}}[:, {at[1]}]", n.dims[:1], n)
    return _contracted(n, at)


def _contracted(n: Node, at: list[int | None]) -> Node:
    """Return the entries at places of a tensor: its products with unit vectors."""
    alone = [k for k, p in enumerate(at) if p is not None and n.dims[k] == ONE]
    if alone:
        kept = [k for k in range(n.rank) if k not in alone]
        less = reshape(n, tuple(n.dims[k] for k in kept))
        return _picked(less, [slice(None) if at[k] is None else (at[k] or 1) - 1 for k in kept])
    if ONE in n.dims:
        raise refuse(
            f"an integer index into an array of shape {shown(n.dims)}",
            "index it before you add the axis of size 1",
        )
    letters = "abcdefghijklm"[: n.rank]
    chosen = [k for k, p in enumerate(at) if p is not None]
    left = [k for k in range(n.rank) if k not in chosen]
    inputs = ",".join([letters, *(letters[k] for k in chosen)])
    out = "".join(letters[k] for k in left)
    units = ", ".join(f"onehot({at[k]}, {n.dims[k]})" for k in chosen)
    return call(f'einsum("{inputs}->{out}", {{0}}, {units})', tuple(n.dims[k] for k in left), n)
