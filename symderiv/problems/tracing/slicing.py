"""Slices: parts of an array along an axis, where the bounds are sizes that are known to fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.errors import ShapeError
from ...core.shapes import Dim, divided, size, trimmed
from .array import FUNCTIONS, Traced, as_dim
from .building import call, shown
from .traced_nodes import Node
from .traced_sizes import subtracted
from .user_places import refuse

_REMEDY = (
    'declare a size of which the slice is known to be a part, as in x="4*n" or x="7", or give '
    "that part to the function as an argument of its own"
)


def part(n: Node, axis: int, before: Dim | None, length: Dim) -> Node:
    """Return so many entries of one axis, behind so many others."""
    if before is None and length == n.dims[axis]:
        return n
    dims = (*n.dims[:axis], length, *n.dims[axis + 1 :])
    place = axis if n.rank == 1 else axis - (n.rank - len(trimmed(n.dims)))
    return call(f"part({{0}}, {before or 0}, {length}, axis={place})", dims, n)


def sliced(n: Node, axis: int, given: slice) -> Node:
    """Return ``x[start:stop]`` of one axis."""
    dim = n.dims[axis]
    if given.step not in (None, 1):
        raise refuse("a slice with a step", "reverse or thin out the array outside the function")
    start = None if given.start is None else _bound(given.start, dim)
    stop = dim if given.stop is None else _bound(given.stop, dim)
    inside = stop is not None and (stop == dim or subtracted(dim, stop) is not None)
    length = stop if start is None or stop is None else subtracted(stop, start)
    if length is None or not inside:
        raise _unknown(given, dim)
    return part(n, axis, start, length)


def _bound(given: Any, dim: Dim) -> Dim | None:
    """Return how many entries are in front of a bound, None for no entry."""
    if type(given) is int and given <= 0:
        if given == 0:
            return None
        found = subtracted(dim, size(-given))
        if found is None:
            raise _unknown(given, dim)
        return found
    found = as_dim(given)
    if found.symbols or dim.symbols or found.coefficient < dim.coefficient:
        return found
    return dim


def _unknown(given: Any, dim: Dim) -> Exception:
    if isinstance(given, slice):
        given = f"{_word(given.start)}:{_word(given.stop)}"
    return refuse(f"{given} is not known to lie within an axis of size {dim}", _REMEDY)


def _word(bound: Any) -> str:
    if bound is None:
        return ""
    return str(bound._node.size) if isinstance(bound, Traced) else str(bound)


def from_the_end(n: Node, axis: int, place: int) -> int:
    """Return the place counted from 0 that a place counted from the end is."""
    dim = n.dims[axis]
    if not dim.symbols:
        if place < -dim.coefficient:
            raise refuse(
                f"index {place} is out of bounds for an axis of size {dim}", "", ShapeError
            )
        return place + dim.coefficient
    raise refuse(
        f"an entry counted from the end of an axis of size {dim}",
        'declare the size as a number, as in X="5, d", or give that entry as an argument',
    )


def _split(x: Any, sections: Any, axis: int = 0) -> list[Traced]:
    n = x._node
    if not -n.rank <= axis < n.rank:
        raise refuse(f"axis {axis} of {shown(n.dims)}", "count from 0", ShapeError)
    axis %= n.rank
    places: list[Any] = [slice(None)] * n.rank
    if isinstance(sections, list | tuple):
        bounds: list[Any] = [None, *sections, None]
        found = []
        for start, stop in zip(bounds, bounds[1:], strict=False):
            places[axis] = slice(start, stop)
            found.append(x[tuple(places)])
        return found
    count = as_dim(sections)
    length = divided(n.dims[axis], count)
    if length is None or count.symbols:
        raise refuse(
            f"array split of {n.dims[axis]} entries into {count} does not result in an equal "
            "division",
            f'declare the size as a multiple, as in x="{count}*n"',
            ShapeError,
        )
    whole = [None if k == 0 else Dim(k, ()) * length for k in range(count.coefficient)]
    return [x._sharing(part(n, axis, before, length)) for before in whole]


FUNCTIONS[np.split] = _split
