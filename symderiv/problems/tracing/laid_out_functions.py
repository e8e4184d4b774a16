"""Functions of NumPy and SciPy that lay arrays out anew: tile, repeat, pad, roll, windows, diff.

They need sizes that are numbers where they count entries; where a size is a symbol they are
refused with the line.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from ...core.shapes import ONE, size, times
from . import array_operations as operations
from .array import FUNCTIONS, UFUNCS, Traced, as_dim, operand, sized
from .array_expressions import SymbolArray, call, filled
from .user_places import refuse


def length_of(x: SymbolArray, axis: int) -> int:
    """Return how many entries an axis has; raises UnsupportedError for a symbol."""
    dim = x.dims[axis]
    if dim.symbols:
        raise refuse(
            f"an axis of size {dim}, which is a symbol, entry by entry",
            'declare the size as a number, as in X="5, d"',
        )
    return dim.coefficient


def rows_at(x: SymbolArray, places: Sequence[int], axis: int = 0) -> SymbolArray:
    """Return the entries of an axis at some places, in their order."""
    if x.dims[axis].symbols and x.rank < 3 and all(p >= 0 for p in places):
        return _rows_of_a_symbol(x, places, axis)
    count = length_of(x, axis)
    if any(not -count <= p < count for p in places):
        raise refuse(f"an index out of bounds for an axis of size {count}", "count from 0")
    kept = [p % count for p in places]
    parts, start = [], 0
    while start < len(kept):
        stop = start + 1
        while stop < len(kept) and kept[stop] == kept[start] + stop - start:
            stop += 1
        before = size(kept[start]) if kept[start] else None
        parts.append(operations.part(x, axis, before, size(stop - start)))
        start = stop
    if not parts:
        raise refuse("an array without entries", "leave empty arrays out")
    return operations.concatenated(parts, axis)


def _rows_of_a_symbol(x: SymbolArray, places: Sequence[int], axis: int) -> SymbolArray:
    """Return rows, columns or entries by their places, where there may be any number of them."""
    at: list[int | None] = [None] * x.rank
    found = []
    for p in places:
        at[axis] = p + 1
        found.append(operations.picked(x, at))
    return operations.stacked(found, axis)


def _flat(x: SymbolArray) -> SymbolArray:
    return operations.reshape(x, (times(x.dims),))


def _repeat(x: Any, repeats: Any, axis: Any = None) -> Traced:
    a = _flat(operand(x)) if axis is None else operand(x)
    k = 0 if axis is None else axis % a.rank
    count = as_dim(repeats)
    wide = operations.reshape(a, (*a.dims[: k + 1], ONE, *a.dims[k + 1 :]))
    shape = (*a.dims[: k + 1], count, *a.dims[k + 1 :])
    spread = FUNCTIONS[np.broadcast_to](Traced(wide), tuple(map(sized, shape)))._array
    return Traced(operations.reshape(spread, (*a.dims[:k], a.dims[k] * count, *a.dims[k + 1 :])))


def _tile(x: Any, reps: Any) -> Traced:
    counts = [as_dim(r) for r in (reps if isinstance(reps, tuple | list) else (reps,))]
    a = operand(x)
    rank = max(a.rank, len(counts))
    counts = [ONE] * (rank - len(counts)) + counts
    a = operations.reshape(a, (*(ONE,) * (rank - a.rank), *a.dims))
    for k, count in enumerate(counts):
        if count == ONE:
            continue
        if a.dims[k] == ONE:
            shape = (*a.dims[:k], count, *a.dims[k + 1 :])
            a = FUNCTIONS[np.broadcast_to](Traced(a), tuple(map(sized, shape)))._array
            continue
        if count.symbols:
            raise refuse(f"np.tile with {count} copies", "declare the size as a number")
        a = operations.concatenated([a] * count.coefficient, k)
    return Traced(a)


def _roll(x: Any, shift: Any, axis: Any = None) -> Traced:
    a = operand(x)
    whole = a.dims
    a = _flat(a) if axis is None else a
    k = 0 if axis is None else axis % a.rank
    n = length_of(a, k)
    moved = rows_at(a, [(p - int(shift)) % n for p in range(n)], k)
    return Traced(operations.reshape(moved, whole))


def _flip(x: Any, axis: Any = None) -> Traced:
    a = operand(x)
    for k in operations.axes_of(a, axis):
        a = rows_at(a, range(length_of(a, k))[::-1], k)
    return Traced(a)


def _diff(x: Any, n: int = 1, axis: int = -1) -> Any:
    a = operand(x)
    k = axis % a.rank
    x, whole = Traced(a), (slice(None),) * k
    for _ in range(n):
        x = x[(*whole, slice(1, None))] - x[(*whole, slice(None, -1))]
    return x


def _pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Traced:
    if mode not in ("constant", "edge"):
        raise refuse(f"np.pad with mode={mode!r}", "write it with np.concatenate")
    a = operand(x)
    pairs = np.broadcast_to(np.asarray(pad_width, dtype=int), (a.rank, 2)).tolist()
    for k, (before, after) in enumerate(pairs):
        parts = [a]
        for count, at in ((before, 0), (after, 1)):
            if count:
                shape = (*a.dims[:k], size(count), *a.dims[k + 1 :])
                more = _edge(a, k, at, count) if mode == "edge" else _level(shape, constant_values)
                parts.insert(0 if not at else len(parts), more)
        a = operations.concatenated(parts, k)
    return Traced(a)


def _level(shape: Any, value: Any) -> SymbolArray:
    if value == 0:
        return filled("zeros", shape)
    return UFUNCS["multiply"](value, Traced(filled("ones", shape)))._array  # type: ignore[no-any-return]


def _edge(a: SymbolArray, axis: int, at: int, count: int) -> SymbolArray:
    return rows_at(a, [0 if not at else length_of(a, axis) - 1] * count, axis)


def _windows(x: Any, window_shape: Any, axis: Any = None, **_: Any) -> Traced:
    """Return views of an array through a window that slides along axes, as new last axes."""
    a = operand(x)
    widths = window_shape if isinstance(window_shape, tuple | list) else (window_shape,)
    axes = operations.axes_of(a, tuple(range(len(widths))) if axis is None else axis)
    for k, width in zip(axes, map(int, widths), strict=True):
        places = length_of(a, k) - width + 1
        shifted = [
            operations.part(a, k, size(j) if j else None, size(places)) for j in range(width)
        ]
        flats = [operations.reshape(s, (*s.dims, ONE)) for s in shifted]
        a = operations.concatenated(flats, a.rank)
    return Traced(a)


def _stack(arrays: Any, axis: int = 0, **_: Any) -> Traced:
    """Return arrays of one shape along a new axis."""
    parts = [operand(a) for a in arrays]
    rank = parts[0].rank
    if rank < 2:
        return Traced(operations.stacked(parts, axis))
    if any(p.dims != parts[0].dims for p in parts):
        raise refuse("np.stack of arrays of different shapes", "give them one shape")
    k = axis % (rank + 1)
    if k == rank:
        return Traced(
            operations.concatenated([operations.reshape(p, (*p.dims, ONE)) for p in parts], rank)
        )
    long = times(parts[0].dims)
    flat = operations.concatenated([operations.reshape(p, (long,)) for p in parts])
    together = operations.reshape(flat, (size(len(parts)), *parts[0].dims))
    return Traced(operations.moved(together, 0, k)) if k else Traced(together)


def _take(x: Any, indices: Any, axis: Any = None, **_: Any) -> Any:
    return x[(*[slice(None)] * (axis or 0), indices)] if axis is not None else x.ravel()[indices]


def _logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, **_: Any) -> Traced:
    if b is not None:
        return UFUNCS["log"](FUNCTIONS[np.sum](b * UFUNCS["exp"](a), axis=axis, keepdims=keepdims))  # type: ignore[no-any-return]
    return Traced(operations.reduced("logsumexp", operand(a), axis, keepdims))


def _along(name: str) -> Callable[..., Traced]:
    def build(x: Any, axis: Any = None) -> Traced:
        a = operand(x)
        if axis is None and a.rank > 1:
            flat = call(name, (times(a.dims),), _flat(a), axis=0)
            return Traced(operations.reshape(flat, a.dims))
        return Traced(operations.normalized(name, a, -1 if axis is None else axis))

    return build


FUNCTIONS.update(
    {
        np.repeat: _repeat,
        np.tile: _tile,
        np.roll: _roll,
        np.flip: _flip,
        np.fliplr: lambda x: _flip(x, 1),
        np.flipud: lambda x: _flip(x, 0),
        np.diff: _diff,
        np.pad: _pad,
        np.lib.stride_tricks.sliding_window_view: _windows,
        np.stack: _stack,
        np.take: _take,
    }
)


def _of_scipy(original: Callable[..., Any], build: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of SciPy that looks for symbols first."""

    def choose(a: Any, *args: Any, **options: Any) -> Any:
        if isinstance(a, list | tuple):
            a = _stack(a) if any(isinstance(x, Traced) for x in a) else a
        if not isinstance(a, Traced):
            return original(a, *args, **options)
        return build(a, *args, **options)

    return choose


def _of_a_number(name: str) -> Callable[[Any], Any]:
    original = getattr(math, name)
    return lambda x: UFUNCS[_IN_MATH.get(name, name)](x) if isinstance(x, Traced) else original(x)


# Of SciPy, by its name; SciPy asks an array for its numbers before it computes.
_BUILT: dict[str, Callable[..., Any]] = {
    "logsumexp": _logsumexp,
    "softmax": _along("softmax"),
    "log_softmax": _along("logsoftmax"),
}
_IN_MATH = {"pow": "power", "erf": "erf", "fabs": "absolute", "lgamma": "gammaln"}
OF_MATH = {n: _of_a_number(n) for n in "sqrt exp log log2 log10 tanh sin cos erf fabs".split()}


def of_scipy() -> dict[str, tuple[Callable[..., Any], Callable[..., Any]]]:
    """Return functions of SciPy by name, each with what follows it."""
    special = import_module("scipy.special")  # late: only functions that are traced need it
    originals = {n: getattr(special, n) for n in _BUILT}
    return {n: (f, _of_scipy(f, _BUILT[n])) for n, f in originals.items()}
