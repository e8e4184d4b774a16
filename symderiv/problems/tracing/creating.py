"""Functions that never ask their arguments: np.eye(n), np.zeros((n, d)), np.asarray(x), len(x).

NumPy asks an array of symbols before it computes with it, except where the array stands for a
size or in a list; Python's ``len`` makes an integer of what an array answers. While a function is
traced, these few names lead to functions that look first, and otherwise do what they always do.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ...core.errors import ShapeError
from ...core.shapes import ONE, summed_sizes, trimmed
from .array import FUNCTIONS, UFUNCS, Traced, operand
from .building import call, reshape, shown
from .traced_nodes import Node
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
    return Traced(UFUNCS["multiply"](_ONES(shape), fill_value))


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


def _nodes(arrays: Any) -> list[Node]:
    if isinstance(arrays, Traced) or not len(arrays):
        raise refuse("one array where a list of arrays is joined", "write [x, y]", ShapeError)
    return [operand(a) for a in arrays]


def _joined(nodes: Sequence[Node], axis: int) -> Traced:
    """Return nodes of one rank behind each other along an axis."""
    rank, dims = nodes[0].rank, nodes[0].dims
    fits = rank and -rank <= axis < rank and all(n.rank == rank for n in nodes)
    axis %= rank or 1
    if not fits or any(n.dims[k] != dims[k] for n in nodes for k in range(rank) if k != axis):
        shapes = " ".join(shown(n.dims) for n in nodes)
        raise refuse(f"shapes {shapes} cannot be joined along axis {axis}", "", ShapeError)
    if rank > 2 and any(trimmed(n.dims) != n.dims for n in nodes):
        raise refuse(
            "joining tensors whose first axis has size 1", "join them before you add the axis"
        )
    joined = summed_sizes([n.dims[axis] for n in nodes])
    whole = (*dims[:axis], joined, *dims[axis + 1 :])
    if len(nodes) == 1:
        return Traced(nodes[0])
    arguments = ", ".join(f"{{{k}}}" for k in range(len(nodes)))
    return Traced(call(f"concat({arguments}, axis={axis})", whole, *nodes))


def _concatenate(arrays: Any, axis: int = 0) -> Traced:
    return _joined(_nodes(arrays), axis)


def stack(arrays: Any, axis: int = 0) -> Traced:
    """Return arrays of one shape along a new axis, as ``np.stack`` does."""
    nodes = _nodes(arrays)
    rank = nodes[0].rank
    if any(n.dims != nodes[0].dims for n in nodes) or not -rank - 1 <= axis <= rank:
        shapes = " ".join(shown(n.dims) for n in nodes)
        raise refuse(f"shapes {shapes} cannot be stacked along axis {axis}", "", ShapeError)
    if rank > 1:
        raise refuse(
            "np.stack of matrices", "join them with np.concatenate, or compute with each of them"
        )
    axis %= rank + 1
    return _joined([reshape(n, (*n.dims[:axis], ONE, *n.dims[axis:])) for n in nodes], axis)


def _raised(form: Callable[[Node], Node], axis: int) -> Callable[..., Traced]:
    """Return a function that joins arrays along an axis once each has its form."""

    def build(arrays: Any) -> Traced:
        return _joined([form(n) for n in _nodes(arrays)], axis)

    return build


def _as_row(n: Node) -> Node:
    return reshape(n, (ONE,) * (2 - n.rank) + n.dims) if n.rank < 2 else n


def _as_column(n: Node) -> Node:
    return reshape(n, (*n.dims, *(ONE,) * (2 - n.rank))) if n.rank < 2 else n


def _hstack(arrays: Any) -> Traced:
    nodes = [n if n.rank else reshape(n, (ONE,)) for n in _nodes(arrays)]
    return _joined(nodes, 1 if nodes[0].rank > 1 else 0)


FUNCTIONS[np.concatenate] = _concatenate
FUNCTIONS[np.stack] = stack
FUNCTIONS[np.vstack] = _raised(_as_row, 0)
FUNCTIONS[np.column_stack] = _raised(_as_column, 1)
FUNCTIONS[np.hstack] = _hstack
