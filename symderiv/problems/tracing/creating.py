"""Functions that never ask their arguments: np.eye(n), np.zeros((n, d)), np.asarray(x), len(x).

NumPy asks an array of symbols before it computes with it, except where the array stands for a
size or in a list; Python's ``len`` makes an integer of what an array answers. While a function is
traced, these few names lead to functions that look first, and otherwise do what they always do.
"""

from __future__ import annotations

import builtins
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .array import FUNCTIONS, Traced, as_dim
from .assigning import CellArray
from .attributes import TypeOf
from .index_arrays import Positions
from .label_arrays import LabelArray, range_of
from .laid_out_functions import OF_MATH, of_scipy
from .random_arrays import FOLLOWED_DRAWS
from .user_places import is_users, refuse


def _fresh(original: Any, sized: Any) -> Any:
    """Return what makes an array that a function may fill, entry by entry where it has numbers."""

    def choose(*args: Any, **options: Any) -> Any:
        if not is_users(sys._getframe(1).f_code):
            return original(*args, **options)
        if options.get("like") is None and any(map(_holds_symbols, (*args, *options.values()))):
            if len(args) > 1 and original is np.empty:  # as compiled code asks for an array
                raise refuse("np.empty with a symbol for a size", "write np.zeros(shape)")
            made = FUNCTIONS[sized](*args, **options)
            numbers = [d.coefficient for d in made._array.dims if not d.symbols]
            if not made.ndim or len(numbers) < made.ndim:
                return made
            like = args[0] if isinstance(args[0], Traced) and args[0].ndim else None
            if like is None:
                return made
            return CellArray.of(sized(numbers, *args[1:], **options))
        made = original(*args, **options)
        is_plain = type(made) is np.ndarray and made.dtype == float and made.ndim
        return CellArray.of(made) if is_plain else made

    return choose


def _holds_symbols(x: Any) -> bool:
    if isinstance(x, list | tuple):
        return any(map(_holds_symbols, x))
    return isinstance(x, Traced)


def _looking(original: Any, symbolic: Callable[..., Any]) -> Callable[..., Any]:
    def choose(*args: Any, **options: Any) -> Any:
        if options.get("like") is None and any(map(_holds_symbols, (*args, *options.values()))):
            return symbolic(*args, **options)
        return original(*args, **options)

    return choose


def _array(x: Any, dtype: Any = None, **_: Any) -> Traced:
    made = x.copy() if isinstance(x, Traced) else _of_rows(x)
    return made if dtype is None else made.astype(dtype)


def _asarray(x: Any, dtype: Any = None, **_: Any) -> Traced:
    if not isinstance(x, Traced):
        return _array(x, dtype)
    return x if dtype is None else x._sharing(x.astype(dtype)._array)


def _of_rows(rows: Any) -> Traced:
    parts = [_of_rows(r) if isinstance(r, list | tuple) else r for r in rows]
    return FUNCTIONS[np.stack](parts)  # type: ignore[no-any-return]


def _arange(*args: Any, **options: Any) -> Any:
    if len(args) == 1 and isinstance(args[0], Traced):
        return Positions((as_dim(args[0]),), 0)
    raise refuse(
        "np.arange with a start or a step that is a symbol",
        "index with np.arange(n): P[np.arange(n), y], where y holds labels",
    )


_counted = len


def _len(x: Any) -> Any:
    if type(x) is LabelArray:
        return x.shape[0]
    return x.shape[0] if isinstance(x, Traced) and x.ndim else _counted(x)


_FOLLOWED: dict[Any, Callable[..., Any]] = {
    np.array: _array,
    np.asarray: _asarray,
    np.asanyarray: _asarray,
    np.ascontiguousarray: _asarray,
    np.arange: _arange,
}
FUNCTIONS.update(_FOLLOWED)
_REPLACED: dict[tuple[Any, str], Callable[..., Any]] = {
    (np, f.__name__): _looking(f, FUNCTIONS[f]) for f in _FOLLOWED
}
_MADE = {"ones": np.ones, "zeros": np.zeros, "full": np.full, "empty": np.zeros}
_REPLACED.update({(np, n): _fresh(getattr(np, n), f) for n, f in _MADE.items()})
_REPLACED.update({(np, f"{n}_like"): _fresh(getattr(np, f"{n}_like"), f) for n, f in _MADE.items()})
_REPLACED.update({(np, f.__name__): _fresh(f, np.eye) for f in (np.eye, np.identity)})
_REPLACED[builtins, "len"] = _len


class _AsFloat(type(float)):  # type: ignore[misc]
    """Makes what stands for ``float`` be it, in comparisons and for its instances."""

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, float)

    def __eq__(cls, other: object) -> bool:
        return other is float or other is cls

    def __hash__(cls) -> int:
        return hash(float)


class FloatOf(float, metaclass=_AsFloat):
    """The builtin ``float``, which leaves an array of symbols as it is."""

    dtype = np.dtype(float)

    def __new__(cls, x: Any = 0.0) -> Any:
        """Return a number, or the entry of an array of symbols."""
        if isinstance(x, Traced):
            return x.reshape(()) if x.ndim else x
        return float(x)


# What stands in the place of a builtin, or of a function, in the user's modules.
BUILTINS: dict[str, Any] = {"type": TypeOf, "float": FloatOf, "range": range_of}
FOLLOWED_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    getattr(math, name): f for name, f in OF_MATH.items()
}
_REPLACED.update(FOLLOWED_DRAWS)
_REPLACED.update({(math, name): f for name, f in OF_MATH.items()})


@contextmanager
def following_creation() -> Iterator[None]:
    """Let np.eye(n) and its like follow sizes that are symbols, while this context is open."""
    for name, (original, looking) in of_scipy().items():
        FOLLOWED_FUNCTIONS[original] = looking
        _REPLACED[sys.modules["scipy.special"], name] = looking
    before = {place: getattr(*place) for place in _REPLACED}
    for place, looking in _REPLACED.items():
        setattr(*place, looking)
    try:
        yield
    finally:
        for place, original in before.items():
            setattr(*place, original)
