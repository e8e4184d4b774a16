"""Takes an expression and a shape that differs in axes of size 1; returns it in that shape."""

from __future__ import annotations

from .expr import Expr, node, transpose
from .shapes import ONE, Shape


def fitted(x: Expr, shape: Shape) -> Expr:
    """Return an expression in a shape that has the same axes but for those of size 1."""
    if x.shape == shape:
        return x
    if len(x.shape) == len(shape) == 2 and x.shape == shape[::-1] and ONE in shape:
        return transpose(x)
    if x.op == "reshape":
        return fitted(x.args[0], shape)
    return node("reshape", (x,), shape)
