"""Arrays side by side and in layers: np.concatenate, np.stack and their relatives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...core.errors import ShapeError
from ...core.shapes import ONE, summed_sizes, trimmed
from .array import FUNCTIONS, Traced, operand
from .building import call, reshape, shown
from .traced_nodes import Node
from .user_places import refuse


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
