"""Integer labels in functions of NumPy: ``P[np.arange(n), y]``, ``W[y]``, ``np.eye(k)[y]``.

An argument that the function uses as an index holds labels. What it picks is a product with their
one-hot rows; how many labels there are is the size of the axis that they index.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...core.shapes import ONE, divided, times
from .array import FUNCTIONS, UFUNCS, Traced, as_dim, sized
from .array_expressions import SymbolArray
from .attributes import without_numbers
from .index_arrays import Labels, Positions, compared, picked_rows
from .tracing_remedies import LOOP
from .user_places import refuse

_REMEDY = "labels pick entries or rows: P[np.arange(n), y], W[y], np.eye(k)[y]"


class LabelsUsedError(Exception):
    """An argument that was declared as an array of numbers is used as an index."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class LabelArray:
    """An argument that holds labels, as an array of integers."""

    def __init__(self, labels: Labels) -> None:
        self.labels = labels

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return np.ndarray

    @property
    def shape(self) -> tuple[Any, ...]:
        """Return the sizes."""
        return self.labels.shape

    @property
    def ndim(self) -> int:
        """Return the number of axes."""
        return len(self.labels.dims)

    @property
    def size(self) -> Any:
        """Return the number of labels."""
        return sized(times(self.labels.dims))

    @property
    def dtype(self) -> Any:
        """Return the type of the entries: integers."""
        return np.dtype(np.int64)

    def copy(self) -> LabelArray:
        """Return the labels."""
        return self

    def astype(self, kind: Any, **_: Any) -> LabelArray:
        """Return the labels, as integers of another type."""
        return self

    def reshape(self, *sizes: Any) -> LabelArray:
        """Return the labels in another shape."""
        given = sizes[0] if len(sizes) == 1 and isinstance(sizes[0], tuple | list) else sizes
        known = [as_dim(s) for s in given if isinstance(s, Traced) or s != -1]
        left = divided(times(self.labels.dims), times(known))
        if left is None:
            raise refuse("labels in a shape that does not fit", _REMEDY)
        dims = [as_dim(s) if isinstance(s, Traced) or s != -1 else left for s in given]
        if len(dims) == 2 and dims[1] == ONE:
            return LabelArray(replace(self.labels, tail=(ONE,)))
        return LabelArray(self.labels.reshaped(tuple(dims)))

    def flatten(self, *_: Any) -> LabelArray:
        """Return the labels along one axis."""
        return LabelArray(self.labels.reshaped((times(self.labels.dims),)))

    ravel = squeeze = flatten

    def __getitem__(self, places: Any) -> Any:
        given = places if isinstance(places, tuple) else (places,)
        if given[-1] is None and all(p == slice(None) for p in given[:-1]):
            return LabelArray(replace(self.labels, tail=(*self.labels.tail, ONE)))
        if len(given) == 1 and isinstance(places, int | np.integer):
            return OneLabel(self.labels, int(places))
        if given == (slice(None),):
            return self
        raise refuse("a part of the labels", _REMEDY)

    def __eq__(self, other: Any) -> Any:
        if type(other) is np.ndarray and np.array_equal(other.ravel(), np.arange(other.size)):
            other = Positions((*self.labels.dims[:-1], as_dim(other.size)), len(self.labels.own))
        if isinstance(other, Positions):
            other = replace(other, axis=len(self.labels.own), dims=(ONE, other.dims[-1]))
            return compared(self.labels, "==", other).condition()
        raise refuse("a comparison with labels", "compare with all: y[:, None] == np.arange(k)")

    __hash__ = None  # type: ignore[assignment]
    __iter__ = without_numbers("a loop over the labels", LOOP)
    __array__ = __index__ = __float__ = __int__ = without_numbers("arithmetic with labels", _REMEDY)
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __array__
    __lt__ = __gt__ = __le__ = __ge__ = __ne__ = __array__

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **_: Any) -> Any:
        if ufunc is np.equal and inputs[0] is not self:
            return self == inputs[0]
        raise refuse(f"np.{ufunc.__name__} of labels", _REMEDY)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if function in (np.ravel, np.squeeze, np.reshape, np.copy):
            return getattr(args[0], function.__name__)(*args[1:])
        if function in (np.shape, np.ndim, np.size):
            return getattr(args[0], function.__name__)
        raise refuse(f"np.{function.__name__} of labels", _REMEDY)


class OneLabel:
    """One of the labels, ``y[3]``, to index with."""

    def __init__(self, labels: Labels, place: int) -> None:
        self.labels, self.place = labels, place

    def picked(self, x: SymbolArray) -> Any:
        """Return the entry, or the row, that the label picks."""
        rows = self.labels.one_hot(x.dims[0])
        return UFUNCS["matmul"](rows[self.place], Traced(x))

    __index__ = __bool__ = __int__ = __float__ = without_numbers(
        "a label as a number", "labels pick entries or rows: P[np.arange(n), y], W[y]"
    )
    __eq__ = __ne__ = __bool__
    __hash__ = None  # type: ignore[assignment]


class SymbolRange:
    """``range(n)`` where n is a symbol: an index of all rows, and no loop."""

    def __init__(self, positions: Positions) -> None:
        self.positions = positions

    __iter__ = without_numbers(
        "a loop over a size that is a symbol",
        'write it for all rows at once (@, np.sum), or declare the number of steps: X="3, d"',
    )
    __len__ = __iter__


def range_of(*args: Any) -> Any:
    """Return ``range(..)``, of a symbol as an index of all rows."""
    if len(args) == 1 and isinstance(args[0], Traced):
        return SymbolRange(Positions((as_dim(args[0]),), 0))
    return range(*args)


def are_labels(places: Any) -> bool:
    """Whether an index has labels in it."""
    given = places if isinstance(places, tuple) else (places,)
    return any(type(p) in (LabelArray, OneLabel) for p in given)


def used_as_labels(places: Any) -> str | None:
    """Return the name of the argument of numbers that an index takes for labels."""
    for p in places if isinstance(places, tuple) else (places,):
        if isinstance(p, Traced) and p._array.size is None:
            e = p._array.expr
            e = e.args[0] if e.op == "entry" else e  # y[3] of y
            if e.op == "var":
                return str(e.data)
    return None


def picked(x: SymbolArray, places: Any) -> Traced:
    """Return what labels pick from an array."""
    given = places if isinstance(places, tuple) else (places,)
    if len(given) == 1 and type(given[0]) is OneLabel:
        return given[0].picked(x)  # type: ignore[no-any-return]
    if len(given) == 2 and type(given[1]) is OneLabel and isinstance(given[0], int):
        return given[1].picked(Traced(x)[given[0]]._array)  # type: ignore[no-any-return]
    if len(given) == 1:
        return picked_rows(Traced(x), given[0].labels)  # type: ignore[no-any-return]
    rows = _rows(x, given)
    if rows is None:
        raise refuse("an index of labels beside another index", _REMEDY)
    return FUNCTIONS[np.sum](UFUNCS["multiply"](rows, Traced(x)), axis=rows_axis(given))  # type: ignore[no-any-return]


def assigned_at(x: SymbolArray, places: Any, value: Any) -> Any:
    """Return an array with other values at the entries that labels pick, one in every row."""
    given = places if isinstance(places, tuple) else (places,)
    rows = _rows(x, given)
    if rows is None:
        raise refuse("an assignment to rows that labels pick, which may be the same", _REMEDY)
    if isinstance(value, int | float) and value == 1 and x.expr.op == "zeros":
        return rows
    if isinstance(value, Traced) and value.ndim:
        value = FUNCTIONS[np.expand_dims](value, rows_axis(given))
    kept = UFUNCS["multiply"](Traced(x), UFUNCS["subtract"](1, rows))
    return UFUNCS["add"](kept, UFUNCS["multiply"](rows, value))


def rows_axis(given: tuple[Any, ...]) -> int:
    """Return the axis along which labels pick."""
    return 1 if type(given[1]) is LabelArray else 0


def _rows(x: SymbolArray, given: tuple[Any, ...]) -> Any:
    """Return the one-hot array of a pair of indices that picks one entry a row or column."""
    if len(given) != 2 or x.rank != 2:
        return None
    axis = rows_axis(given)
    labels, other = given[axis], given[1 - axis]
    if type(labels) is not LabelArray or not is_every(other, x.dims[1 - axis]):
        return None
    rows = labels.labels.one_hot(x.dims[axis])
    return rows if axis else rows.T


def is_every(index: Any, dim: Any) -> bool:
    """Whether an index runs over all places of an axis in order."""
    if isinstance(index, SymbolRange):
        index = index.positions
    if isinstance(index, Positions):
        return not index.shift and times(index.dims) == dim
    if isinstance(index, range | list) or type(index) is np.ndarray:
        values = np.asarray(list(index) if not isinstance(index, np.ndarray) else index)
        return not dim.symbols and np.array_equal(values, np.arange(dim.coefficient))
    return False
