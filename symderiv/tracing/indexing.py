"""Indices as NumPy counts them (from 0) to places in the language (from 1), and new axes."""

from __future__ import annotations

from typing import Any

from ..errors import ShapeError
from ..shapes import ONE
from .building import call, reshape, shown
from .nodes import Node
from .places import refuse


def index(n: Node, places: Any) -> Node:
    """Return ``x[places]``: whole axes, new axes, and integers from the front."""
    given = list(places) if isinstance(places, tuple) else [places]
    axes = sum(p is not None and p is not Ellipsis for p in given)
    if axes > n.rank:
        raise refuse(f"too many indices for an array of shape {shown(n.dims)}", "", ShapeError)
    dots = [k for k, p in enumerate(given) if p is Ellipsis]
    k = dots[0] if dots else len(given)
    given[k : k + 1] = [slice(None)] * (n.rank - axes)
    for p in given:
        whole = isinstance(p, slice) and p == slice(None)
        if not (whole or p is None or (type(p) is int and p >= 0)):
            raise refuse(
                "an index that is neither an integer from 0 on, nor : , nor None",
                "give that part to the function as an argument of its own",
            )
    picked = _picked(n, [p for p in given if p is not None])
    dims, left = [], list(picked.dims)
    for p in given:
        if p is None:
            dims.append(ONE)
        elif isinstance(p, slice):
            dims.append(left.pop(0))
    return reshape(picked, tuple(dims))


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
    raise refuse(
        f"an integer index into an array of shape {shown(n.dims)}",
        "give that part to the function as an argument of its own",
    )
