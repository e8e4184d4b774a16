"""Expressions after reading: every size that was found out is put in."""

from __future__ import annotations

from ..core.errors import IndexNameError, UnknownSizeError
from ..core.expr import BINDERS, Expr, dims_of, node, rebuild, walk
from ..core.shapes import Dim
from .elaborate import Elaborator


def settle(reader: Elaborator, x: Expr) -> Expr:
    """Return an expression with every dimension that was found out put in."""
    if reader.unifier.is_idle and not reader.gradients:
        return x

    def change(old: Expr, args: tuple[Expr, ...]) -> Expr:
        data = old.data
        if isinstance(data, Dim):
            data = reader.unifier.resolve(data)
        elif old.op in (*BINDERS, "delta") and isinstance(data, tuple):
            data = (*data[:-1], reader.unifier.resolve(data[-1]))
        elif old.op == "part" and isinstance(data, tuple):
            start, own, rest, axis = data
            start, rest = map(reader.unifier.resolve_shape, (start, rest))
            data = (start, reader.unifier.resolve(own), rest, axis)
        elif old.op == "loss" and isinstance(data, tuple):
            data = (data[0], reader.gradients.get((data[0], args[0]), data[1]))
        shape = reader.unifier.resolve_shape(old.shape)
        same = args == old.args and shape == old.shape and data == old.data
        return old if same else node(old.op, args, shape, data)

    def leave(old: Expr) -> bool:
        # A definition was settled when it was read; an equation that was assumed changes it too.
        known = old.op == "named" and reader.definitions.get(str(old.data)) is old.args[0]
        return known and not reader.unifier.assumed

    settled = rebuild(x, change, leave)
    for e in walk(settled, leave):
        if e.op == "delta" and isinstance(e.data, tuple) and e.data[2].is_unknown:
            raise IndexNameError(
                f"the range of delta({e.data[0]}, {e.data[1]}) is not known",
                remedy="use its indices elsewhere too, as in Sum(i, delta(i, 1) * x[i])",
            )
    if any(d.startswith("?") for d in dims_of(settled, leave)):
        raise UnknownSizeError(
            "the size of a constant vector or matrix is not known",
            remedy="write it, ones(n, d) or \\mathbf{1}_{n \\times d}, or combine it with "
            "something of a known size",
        )
    return settled
