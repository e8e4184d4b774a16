"""Indices as NumPy counts them (from 0) to places in the language (from 1), and new axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.shapes import ONE, Dim, DimMismatchError, difference, divided, size
from .array import FUNCTIONS, UFUNCS, Condition, Traced, as_dim, sized
from .array_expressions import SymbolArray, misfit, shown
from .array_operations import part, reshape
from .array_operations import picked as entries_at
from .comparing import subtracted
from .index_arrays import Positions
from .label_arrays import (
    LabelsUsedError,
    SymbolRange,
    are_labels,
    is_every,
    picked,
    used_as_labels,
)
from .laid_out_functions import length_of, rows_at
from .user_places import refuse

_REMEDY = (
    'declare a size of which the slice is known to be a part, as in x="4*n" or x="7", or give '
    "that part to the function as an argument of its own"
)


def sliced(n: SymbolArray, axis: int, given: slice) -> SymbolArray:
    """Return ``x[start:stop]`` of one axis."""
    dim = n.dims[axis]
    if given.step not in (None, 1):
        return rows_at(n, range(length_of(n, axis))[given], axis)
    start = None if given.start is None else _bound(given.start, dim)
    stop = dim if given.stop is None else _bound(given.stop, dim)
    inside = stop is not None and (stop == dim or _less(dim, stop) is not None)
    length = stop if start is None or stop is None else _less(stop, start)
    if length is None or not inside:
        raise _unknown(given, dim)
    return part(n, axis, start, length)


def _bound(given: Any, dim: Dim) -> Dim | None:
    """Return how many entries are in front of a bound, None for no entry."""
    if type(given) is int and given <= 0:
        if given == 0:
            return None
        found = _less(dim, size(-given))
        if found is None:
            raise _unknown(given, dim)
        return found
    found = as_dim(given)
    if found.symbols or dim.symbols or found.coefficient < dim.coefficient:
        return found
    return dim


def _less(a: Dim, b: Dim) -> Dim | None:
    """Return what is left of a size, which may be one only where a symbol is large enough."""
    if subtracted(a, b) is not None:
        return subtracted(a, b)
    try:
        return difference([a], [b]) if not b.symbols else None
    except DimMismatchError:
        return None


def _unknown(given: Any, dim: Dim) -> Exception:
    if isinstance(given, slice):
        given = f"{_word(given.start)}:{_word(given.stop)}"
    return refuse(f"{given} is not known to lie within an axis of size {dim}", _REMEDY)


def _word(bound: Any) -> str:
    if bound is None:
        return ""
    return str(bound._array.size) if isinstance(bound, Traced) else str(bound)


def from_the_end(n: SymbolArray, axis: int, place: int) -> int:
    """Return the place counted from 0 that a place counted from the end is."""
    dim = n.dims[axis]
    if not dim.symbols:
        if place < -dim.coefficient:
            raise misfit(f"index {place} is out of bounds for an axis of size {dim}")
        return place + dim.coefficient
    raise refuse(
        f"an entry counted from the end of an axis of size {dim}",
        'declare the size as a number, as in X="5, d", or give that entry as an argument',
    )


def _split(x: Any, sections: Any, axis: int = 0) -> list[Traced]:
    n = x._array
    if not -n.rank <= axis < n.rank:
        raise misfit(f"axis {axis} of {shown(n.dims)}", "count from 0")
    axis %= n.rank
    if not isinstance(sections, list | tuple):
        count = as_dim(sections)
        length = divided(n.dims[axis], count)
        if length is None or count.symbols:
            raise misfit(
                f"array split of {n.dims[axis]} entries into {count} does not result in an equal "
                "division",
                f'declare the size as a multiple, as in x="{count}*n"',
            )
        sections = [sized(Dim(k, ()) * length) for k in range(1, count.coefficient)]
    bounds, whole = [None, *sections, None], [slice(None)] * axis
    return [x[(*whole, slice(*pair))] for pair in zip(bounds, bounds[1:], strict=False)]


FUNCTIONS[np.split] = _split


def index(n: SymbolArray, places: Any) -> SymbolArray:
    """Return ``x[places]``: whole axes and parts of them, new axes, and integers."""
    name = used_as_labels(places)
    if name is not None:
        raise LabelsUsedError(name)
    if are_labels(places):
        return picked(n, places)  # type: ignore[return-value]
    given = list(places) if isinstance(places, tuple) else [places]
    given = [_every(p, n.dims[k]) if k < n.rank else p for k, p in enumerate(given)]
    axes = sum(p is not None and p is not Ellipsis for p in given)
    if axes > n.rank:
        raise misfit(f"too many indices for an array of shape {shown(n.dims)}")
    dots = [k for k, p in enumerate(given) if p is Ellipsis]
    k = dots[0] if dots else len(given)
    given[k : k + 1] = [slice(None)] * (n.rank - axes)
    axis = 0
    for k, p in enumerate(given):
        if isinstance(p, slice):
            n, given[k] = sliced(n, axis, p), slice(None)
        elif isinstance(p, np.integer):
            given[k] = int(p) if p >= 0 else from_the_end(n, axis, int(p))
        elif type(p) is int and p < 0:
            given[k] = from_the_end(n, axis, p)
        elif _are_places(p):
            n, given[k] = rows_at(n, [int(q) for q in p], axis), slice(None)
        elif p is not None and type(p) is not int:
            raise _no_place(p)
        axis += p is not None
    at = [None if isinstance(p, slice) else p + 1 for p in given if p is not None]
    entries = entries_at(n, at)
    dims, left = [], list(entries.dims)
    for p in given:
        if p is None:
            dims.append(ONE)
        elif isinstance(p, slice):
            dims.append(left.pop(0))
    return reshape(entries, tuple(dims))


def _every(p: Any, dim: Dim) -> Any:
    """Return a whole axis for an index that runs over all its places in order."""
    return slice(None) if type(p) in (Positions, SymbolRange) and is_every(p, dim) else p


def _are_places(p: Any) -> bool:
    """Whether an index is a list of integers, in one of its forms."""
    if isinstance(p, list | range):
        return all(isinstance(q, int | np.integer) and not isinstance(q, bool) for q in p)
    return type(p) is np.ndarray and p.ndim == 1 and p.dtype.kind in "iu"


def _no_place(p: Any) -> Exception:
    if isinstance(p, Condition):
        return refuse("an index that is a condition", "write np.where(condition, a, b)")
    if isinstance(p, range | list | np.ndarray) or (
        isinstance(p, Traced) and p._array.size is None
    ):
        return refuse(
            "an index that is an array of integers",
            'give one-hot rows instead, as in Y="n, k": np.sum(Y * P, axis=1) for the entries '
            "P[np.arange(n), y], Y @ E for the rows E[y]",
        )
    return refuse(
        "an index that is neither an integer, nor a slice, nor None",
        "give that part to the function as an argument of its own",
    )


UFUNCS["getitem"] = index
