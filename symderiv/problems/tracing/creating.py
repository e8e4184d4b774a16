"""Functions that never ask their arguments: np.eye(n), np.zeros((n, d)), np.asarray(x), len(x).

NumPy asks an array of symbols before it computes with it, except where the array stands for a
size or in a list; Python's ``len`` makes an integer of what an array answers. While a function is
traced, these few names lead to functions that look first, and otherwise do what they always do.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .array import FUNCTIONS, Traced
from .user_places import refuse


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
    raise refuse(
        "np.arange of a size that is a symbol",
        'for entries picked by labels, P[np.arange(n), y], give one-hot rows Y="n, k" as an '
        "argument and write np.sum(Y * P, axis=1)",
    )


_counted = len


def _len(x: Any) -> Any:
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
    (np, f.__name__): _looking(f, FUNCTIONS[f])
    for f in (np.eye, np.identity, np.ones, np.zeros, np.full, *_FOLLOWED)
}
_REPLACED[builtins, "len"] = _len


@contextmanager
def following_creation() -> Iterator[None]:
    """Let np.eye(n) and its like follow sizes that are symbols, while this context is open."""
    before = {place: getattr(*place) for place in _REPLACED}
    for place, looking in _REPLACED.items():
        setattr(*place, looking)
    try:
        yield
    finally:
        for place, original in before.items():
            setattr(*place, original)
