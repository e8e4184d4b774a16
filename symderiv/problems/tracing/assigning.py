"""Assignments to parts of arrays: ``x[:, :k] = ..``, ``out[i, j] = ..``, ``x[c] *= a``.

An array whose sizes are numbers, made of zeros and filled piece by piece, holds its entries as
NumPy does, so that views and loops mean what they mean there; it becomes an expression where it is
used. An array of symbolic sizes is joined anew of what is assigned and what is left.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.errors import ShapeError
from ...core.shapes import Shape, size
from . import array_operations as operations
from .array import CELLS, FUNCTIONS, UFUNCS, Condition, Traced, operand
from .array_expressions import SymbolArray, broadcast_dims, call, entrywise, filled, misfit, shown
from .constants import constant
from .label_arrays import LabelsUsedError, are_labels, assigned_at, used_as_labels
from .numpy_indices import index
from .random_arrays import random_arrays
from .user_places import refuse

# arrays of symbolic sizes


def assigned(x: SymbolArray, places: Any, value: SymbolArray) -> SymbolArray:
    """Return an array with another value in one of its parts."""
    given = list(places) if isinstance(places, tuple) else [places]
    if any(p is None or not isinstance(p, slice | int | type(Ellipsis) | Traced) for p in given):
        raise refuse("an assignment to entries picked by a list", "build the array as a whole")
    dots = [k for k, p in enumerate(given) if p is Ellipsis]
    at = dots[0] if dots else len(given)
    given[at : at + 1] = [slice(None)] * (x.rank - len(given) + len(dots))
    part = index(x, tuple(given))
    if broadcast_dims(part.dims, value.dims) != part.dims:
        raise refuse(
            f"could not broadcast input array from shape {shown(value.dims)} into shape "
            f"{shown(part.dims)}",
            "assign an array of that shape",
            ShapeError,
        )
    value = entrywise("multiply", value, filled("ones", part.dims)) if part.rank else value
    kept = [k for k, p in enumerate(given) if isinstance(p, slice)]
    inner = iter(part.dims)
    shape = tuple(next(inner) if k in kept else size(1) for k in range(x.rank))
    return _put(x, given, 0, operations.reshape(value, shape))


def _put(x: SymbolArray, places: list[Any], axis: int, value: SymbolArray) -> SymbolArray:
    """Return an array in which a value stands between what is before and after it."""
    if axis == x.rank:
        return value
    place = places[axis]
    whole: list[Any] = [slice(None)] * axis
    if type(place) is int and place >= 0 and x.dims[axis].symbols:
        return _at_unit(x, places, axis, value)
    if not isinstance(place, slice):
        place = slice(place, place + 1 if not isinstance(place, int) or place != -1 else None)
    if place.step not in (None, 1):
        raise refuse("an assignment to a slice with a step", "build the array as a whole")
    middle = index(x, (*whole, place))
    inside = _put(middle, places, axis + 1, value)
    pieces = [inside]
    if place.start is not None and not (type(place.start) is int and place.start == 0):
        pieces.insert(0, index(x, (*whole, slice(None, place.start))))
    if place.stop is not None and middle.dims[axis] != x.dims[axis]:
        last = index(x, (*whole, slice(place.stop, None))) if not _is_end(x, axis, place) else None
        pieces += [last] if last is not None else []
    return operations.concatenated(pieces, axis)


def _at_unit(x: SymbolArray, places: list[Any], axis: int, value: SymbolArray) -> SymbolArray:
    """Return an array with another value at one place of an axis of symbolic size."""
    dim = x.dims[axis]
    unit = call("onehot", (dim,), places[axis] + 1, dim)
    unit = operations.reshape(unit, tuple(dim if k == axis else size(1) for k in range(x.rank)))
    shape = tuple(size(1) if k == axis else d for k, d in enumerate(x.dims))
    old = operations.reshape(index(x, (*[slice(None)] * axis, places[axis])), shape)
    change = entrywise("subtract", _put(old, places, axis + 1, value), old)
    return entrywise("add", x, entrywise("multiply", unit, change))


def _is_end(x: SymbolArray, axis: int, place: slice) -> bool:
    stop = place.stop
    dim = x.dims[axis]
    if type(stop) is int:
        return not dim.symbols and stop >= dim.coefficient
    return isinstance(stop, Traced) and stop._array.size == dim


# entries that a condition picks


class Selected:
    """The entries of an array where a condition holds: ``x[c]``, which can be computed with."""

    def __init__(self, condition: Condition, whole: Traced) -> None:
        self.condition, self.whole = condition, whole

    def _with(self, name: str, other: Any, turned: bool = False) -> Selected:
        if isinstance(other, Selected):
            if other.condition._array.expr is not self.condition._array.expr:
                raise refuse("entries picked by two conditions", "write np.where(c, a, b)")
            other = other.whole
        elif getattr(other, "ndim", 0):
            raise refuse("entries picked by a condition beside an array", "write np.where(c, a, b)")
        pair = (other, self.whole) if turned else (self.whole, other)
        return Selected(self.condition, UFUNCS[name](*pair))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options or ufunc.__name__ not in UFUNCS:
            raise refuse(f"np.{ufunc.__name__} of picked entries", "write np.where(c, a, b)")
        if len(inputs) == 1:
            return Selected(self.condition, UFUNCS[ufunc.__name__](self.whole))
        first = inputs[0] is self
        return self._with(ufunc.__name__, inputs[1] if first else inputs[0], not first)

    def __neg__(self) -> Selected:
        return Selected(self.condition, -self.whole)

    def sum(self) -> Any:
        """Return the sum of the entries."""
        return FUNCTIONS[np.sum](FUNCTIONS[np.where](self.condition, self.whole, 0))

    def mean(self) -> Any:
        """Return the mean of the entries."""
        count = FUNCTIONS[np.sum](FUNCTIONS[np.where](self.condition, 1, 0))
        return UFUNCS["divide"](self.sum(), count)


def _operator(name: str, turned: bool = False) -> Callable[..., Selected]:
    return lambda self, other: self._with(name, other, turned)


for _sign, _name in (
    ("add", "add"),
    ("sub", "subtract"),
    ("mul", "multiply"),
    ("truediv", "divide"),
    ("pow", "power"),
):
    setattr(Selected, f"__{_sign}__", _operator(_name))
    setattr(Selected, f"__i{_sign}__", _operator(_name))
    setattr(Selected, f"__r{_sign}__", _operator(_name, True))


# arrays whose sizes are numbers


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """One entry of an array of symbols, by its place counted row after row."""

    source: SymbolArray
    place: int

    def value(self) -> SymbolArray:
        """Return the entry as an expression."""
        if not self.source.rank:
            return self.source
        shape = [d.coefficient for d in self.source.dims]
        at = np.unravel_index(self.place, shape)
        return index(self.source, tuple(int(k) for k in at))


class CellArray(np.ndarray):
    """An array whose entries are numbers, or entries of arrays of symbols."""

    @classmethod
    def of(cls, values: Any) -> CellArray:
        """Return an array with the entries of an array of numbers."""
        return np.asarray(values, dtype=float).astype(object).view(cls)

    def _cells(self) -> Any:
        return self.view(np.ndarray)

    @property
    def has_symbols(self) -> bool:
        """Whether an entry is no number."""
        return any(isinstance(x, _Piece) for x in self._cells().flat)

    def symbols(self) -> SymbolArray:
        """Return the array as an expression."""
        return _assembled(self._cells())

    def _whole(self) -> Any:
        """Return what NumPy's functions can take: an array of symbols, or one of numbers."""
        return Traced(self.symbols()) if self.has_symbols else self._cells().astype(float)

    def __getitem__(self, places: Any) -> Any:
        if isinstance(places, Traced) or _holds_traced(places) or are_labels(places):
            return Traced(self.symbols())[places]
        found = super().__getitem__(places)
        return Traced(found.value()) if isinstance(found, _Piece) else found

    def __setitem__(self, places: Any, value: Any) -> None:
        if isinstance(places, Condition):
            value, places = FUNCTIONS[np.where](places, _plain(value), self._whole()), ...
        if are_labels(places) or used_as_labels(places):
            value, places = _set(Traced(self.symbols()), places, _plain(value)), ...
        region = np.ones(self.shape).__getitem__(places)
        super().__setitem__(places, _cells_of(value, np.shape(region)))

    def __iter__(self) -> Any:
        return (self[k] for k in range(len(self)))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.pop("out", None)
        found = getattr(ufunc, method)(*map(_plain, inputs), **options)
        if out is None:
            is_plain = isinstance(found, np.ndarray) and not isinstance(found, Traced)
            return CellArray.of(found) if is_plain and found.dtype.kind == "f" else found
        out[0][...] = found
        return out[0]

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return function(*map(_plain, args), **{k: _plain(v) for k, v in options.items()})

    def __reduce__(self) -> Any:
        raise refuse("a copy of an array of symbols", "leave the copy out")

    def __float__(self) -> float:
        return float(self._cells().astype(float))

    def astype(self, kind: Any, *_: Any, **__: Any) -> Any:  # type: ignore[override]
        """Return a copy with entries of a type."""
        if not self.has_symbols:
            return self._cells().astype(kind)
        return self.copy()


def _through(name: str) -> Callable[..., Any]:
    def method(self: CellArray, *args: Any, **options: Any) -> Any:
        return getattr(self._whole(), name)(*map(_plain, args), **options)

    return method


for _name in "sum mean max min prod var std dot trace cumsum clip".split():
    setattr(CellArray, _name, _through(_name))


def _holds_traced(places: Any) -> bool:
    return isinstance(places, tuple) and any(isinstance(p, Traced) for p in places)


def _plain(x: Any) -> Any:
    """Return an argument of a function of NumPy with entries put together."""
    if isinstance(x, CellArray):
        return x._whole()
    if isinstance(x, list | tuple):
        return type(x)(map(_plain, x))
    return x


def _cells_of(value: Any, shape: Any) -> Any:
    """Return entries for a part of an array that has a shape."""
    if isinstance(value, CellArray):
        return value._cells()
    if not isinstance(value, Traced):
        return value
    source = value._array
    sizes = [d.coefficient for d in source.dims if not d.symbols]
    if len(sizes) < source.rank:
        raise misfit(
            f"could not broadcast input array from shape {shown(source.dims)} into shape {shape}",
            'declare the sizes as numbers: X="4, 3"',
        )
    cells = np.empty(int(np.prod(sizes)), dtype=object)
    for k in range(len(cells)):
        cells[k] = _Piece(source, k)
    return cells.reshape(sizes) if sizes else cells[0]


def _assembled(cells: Any) -> SymbolArray:
    """Return entries as one expression, from pieces as large as they are."""
    flat = list(cells.flat)
    dims: Shape = tuple(map(size, cells.shape))
    if not any(isinstance(x, _Piece) for x in flat):
        return constant(cells.astype(float), operand, random_arrays.brought)
    run = _run(flat, 0)
    if run == len(flat) and isinstance(flat[0], _Piece) and _covers(flat[0], run):
        return operations.reshape(flat[0].source, dims)
    if cells.ndim > 1:
        rows = [_assembled(c) for c in cells]
        if cells.ndim == 2:
            return operations.stacked(rows)
        vectors = [operations.reshape(r, (size(len(flat) // len(rows)),)) for r in rows]
        return operations.reshape(operations.concatenated(vectors), dims)
    parts, start = [], 0
    while start < len(flat):
        run = _run(flat, start)
        parts.append(_vector(flat[start : start + run]))
        start += run
    return operations.concatenated(parts)


def _run(flat: list[Any], start: int) -> int:
    """Return how many entries from a place on are of one source, in its order, or numbers."""
    first = flat[start]
    k = start + 1
    if not isinstance(first, _Piece):
        while k < len(flat) and not isinstance(flat[k], _Piece):
            k += 1
        return k - start
    while (
        k < len(flat)
        and isinstance(flat[k], _Piece)
        and flat[k].source is first.source
        and flat[k].place == first.place + k - start
    ):
        k += 1
    return k - start


def _covers(first: _Piece, run: int) -> bool:
    total = int(np.prod([d.coefficient for d in first.source.dims]))
    return first.place == 0 and run == total


def _vector(entries: list[Any]) -> SymbolArray:
    """Return entries that follow each other in one source, or numbers, as a vector."""
    first, run = entries[0], len(entries)
    length = size(run)
    if not isinstance(first, _Piece):
        return constant(np.array(entries, dtype=float), operand, random_arrays.brought)
    if _covers(first, run):
        return operations.reshape(first.source, (length,))
    if run == 1:
        return operations.reshape(first.value(), (length,))
    total = size(int(np.prod([d.coefficient for d in first.source.dims])))
    flat = operations.reshape(first.source, (total,))
    return index(flat, slice(first.place or None, first.place + run))


CELLS.append(CellArray)


def _set(x: Traced, places: Any, value: Any) -> Any:
    """Return an array after ``x[places] = value``."""
    if isinstance(places, Condition):
        if isinstance(value, Selected):
            value = value.whole
        elif operand(value).rank:
            raise refuse("an array for entries picked by a condition", "write np.where(c, a, b)")
        if places._array.dims != x._array.dims:
            raise refuse("a condition of another shape", "write np.where(c, a, b)")
        return FUNCTIONS[np.where](places, value, x)
    name = used_as_labels(places)
    if name is not None:
        raise LabelsUsedError(name)
    if are_labels(places):
        return assigned_at(x._array, places, value)
    return Traced(assigned(x._array, places, operand(value)))


UFUNCS["setitem"] = _set
UFUNCS["selected"] = lambda x, condition: Selected(condition, x)
UFUNCS["constant"] = lambda x: constant(x, operand, random_arrays.brought)
