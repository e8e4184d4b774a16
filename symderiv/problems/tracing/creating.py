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

from ...core.shapes import ONE
from .array import FUNCTIONS, UFUNCS, Traced, operand
from .array_expressions import SymbolArray, misfit
from .array_operations import concatenated, reshape, stacked
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


_ONES = FUNCTIONS[np.ones]


def _full(shape: Any, fill_value: Any, dtype: Any = None) -> Traced:
    return UFUNCS["multiply"](_ONES(shape), fill_value)  # type: ignore[no-any-return]


def _array(x: Any, dtype: Any = None, **_: Any) -> Traced:
    made = x.copy() if isinstance(x, Traced) else _of_rows(x)
    return made if dtype is None else made.astype(dtype)


def _asarray(x: Any, dtype: Any = None, **_: Any) -> Traced:
    if not isinstance(x, Traced):
        return _array(x, dtype)
    return x if dtype is None else x._sharing(x.astype(dtype)._node)


def _of_rows(rows: Any) -> Traced:
    return stack([_of_rows(r) if isinstance(r, list | tuple) else r for r in rows])


def _arange(*args: Any, **options: Any) -> Any:
    raise refuse(
        "np.arange of a size that is a symbol",
        'for entries picked by labels, P[np.arange(n), y], give one-hot rows Y="n, k" as an '
        "argument and write np.sum(Y * P, axis=1)",
    )


_counted = len


def _len(x: Any) -> Any:
    return x.shape[0] if isinstance(x, Traced) and x.ndim else _counted(x)


_FOLLOWED: dict[str, Callable[..., Any]] = {
    **{k: FUNCTIONS[getattr(np, k)] for k in ("eye", "identity", "ones", "zeros")},
    "full": _full,
    "array": _array,
    "asarray": _asarray,
    "asanyarray": _asarray,
    "ascontiguousarray": _asarray,
    "arange": _arange,
}


def creating_function(name: str) -> Callable[..., Any] | None:
    """Return a function such as np.ones that makes arrays of sizes that are symbols, or None."""
    return _FOLLOWED.get(name)


_REPLACED: dict[tuple[Any, str], Callable[..., Any]] = {
    **{(np, k): _looking(getattr(np, k), symbolic) for k, symbolic in _FOLLOWED.items()},
    (builtins, "len"): _len,
}
FUNCTIONS[np.full_like] = lambda x, fill_value, **_: _full(x.shape, fill_value)


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


def _operands(arrays: Any) -> list[SymbolArray]:
    if isinstance(arrays, Traced) or not len(arrays):
        raise misfit("one array where a list of arrays is joined", "write [x, y]")
    return [operand(a) for a in arrays]


def stack(arrays: Any, axis: int = 0) -> Traced:
    """Return arrays of one shape along a new axis, as ``np.stack`` does."""
    return Traced(stacked(_operands(arrays), axis))


def _raised(a: SymbolArray, row: bool) -> SymbolArray:
    """Return a vector as a matrix of one row or column."""
    more = (ONE,) * (2 - a.rank)
    return reshape(a, (*more, *a.dims) if row else (*a.dims, *more))


def _hstack(arrays: Any) -> Traced:
    nodes = [a if a.rank else reshape(a, (ONE,)) for a in _operands(arrays)]
    return Traced(concatenated(nodes, 1 if nodes[0].rank > 1 else 0))


FUNCTIONS[np.concatenate] = lambda arrays, axis=0: Traced(concatenated(_operands(arrays), axis))
FUNCTIONS[np.stack] = stack
FUNCTIONS[np.vstack] = lambda arrays: Traced(
    concatenated([_raised(a, row=True) for a in _operands(arrays)])
)
FUNCTIONS[np.column_stack] = lambda arrays: Traced(
    concatenated([_raised(a, row=False) for a in _operands(arrays)], 1)
)
FUNCTIONS[np.hstack] = _hstack
