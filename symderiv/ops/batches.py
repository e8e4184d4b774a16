"""Takes functions of one matrix; returns them at every position of the batch axes of a tensor.

A function whose value is a scalar leaves the batch axes: t matrices give a column of t numbers, as
NumPy gives an array of shape (t,).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..core.cells import depth
from ..core.expr import Expr
from ..core.shapes import ONE, SCALAR, Shape
from ..tensor import Factor, Label, Scale, Value, contract
from .base import Cells, Codes, EntryPlace


def over_batch(shape: Shape, core: Shape = SCALAR) -> Shape:
    """Return the shape of one value for every matrix; of a value with a core, that behind it.

    >>> from symderiv.core.shapes import symbol
    >>> t, n = symbol("t"), symbol("n")
    >>> [str(d) for d in over_batch((t, n, n))], len(over_batch((n, n)))
    (['t', '1'], 2)
    """
    lead = shape[:-2]
    if not lead:
        return core
    kept = (*lead, *(d for d in core if d != ONE))
    return kept if len(kept) > 1 else (*kept, ONE)


def every_matrix(cells: Any, function: Callable[[Cells], Any]) -> Any:
    """Return a scalar, or a list of scalars, for every matrix of a tensor, as cells."""

    def inside(part: Any) -> Any:
        return function(part) if depth(part) == 2 else [inside(p) for p in part]

    found = inside(cells)
    while depth(found) < 2:
        found = [found] if depth(found) == 0 else [[x] for x in found]
    return found


def scalar_cells(function: Callable[[Cells, EntryPlace], Any]) -> Callable[..., Cells]:
    """Return how the entries of a function with scalar values are computed."""

    def cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
        found: Cells = every_matrix(args[0], lambda x: function(x, at))
        return found

    return cells


def batch_code(e: Expr, code: Codes, call: str) -> str:
    """Return the code of one value for every matrix in the shape of the result."""
    shape = e.args[0].shape
    return code.packed(call, shape[:-2], e.shape) if len(shape) > 2 else call


def traced(e: Expr, body: Value) -> Value:
    """Return the sum of the diagonal of every matrix."""
    lead = tuple(range(len(body.term.dims) - 2 * (e.args[0].shape[-1] != ONE)))
    if e.args[0].shape[-1] == ONE:
        return Value(body.term, e.shape, body.loose)
    labels: tuple[Label, ...] = (*lead, "same", "same")
    dims = dict(zip(labels, body.term.dims, strict=True))
    term = contract([Factor(body.term, labels)], lead, dims, Scale())
    return Value(term, e.shape, body.loose)
