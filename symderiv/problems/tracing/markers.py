"""What a program does for the sake of rounding or of its gradient, marked until it is understood.

``stop_gradient(max(z))`` within a softmax cancels, and so does a mask of minus infinity in front of
one. Marks stay in an expression while its functions are recognised; those that are left change what
a derivative is, and are refused.

Contract: marks are nodes that no table knows; ``settled`` leaves none.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...core.errors import UnsupportedError
from ...core.expr import Expr, node, walk, walk_all, with_args
from .array import Traced
from .array_expressions import SymbolArray

_STOPPED, _HIDDEN = "stopped", "hidden"
_OVER_ENTRIES = ("softmax", "logsoftmax", "logsumexp")
INFINITY = -1e9  # what stands for minus infinity: its exponential is 0


def stopped(x: Traced) -> Traced:
    """Mark an array through which no gradient is to go."""
    return _marked(_STOPPED, x)


def hidden(x: Traced) -> Traced:
    """Mark an array some of whose entries stand for minus infinity."""
    return _marked(_HIDDEN, x)


def _marked(mark: str, x: Traced) -> Traced:
    inner = x._array
    return Traced(SymbolArray(inner.dims, node(mark, (inner.expr,), inner.expr.shape)))


def settled(roots: Mapping[Expr, Expr]) -> dict[Expr, Expr]:
    """Return expressions without marks, by what they were; raises UnsupportedError."""
    done: dict[Expr, Expr] = {}
    for x in walk_all(list(roots.values()), Expr.is_name):
        if x.is_name:
            done[x] = x
            continue
        args = tuple(done[a.args[0] if _cancels(x, a) else a] for a in x.args)
        marked = x.op in (_STOPPED, _HIDDEN)
        done[x] = node(x.op, args, x.shape) if marked else with_args(x, args)
        if x.op == _STOPPED and not any(map(_is_variable, walk(x.args[0], Expr.is_name))):
            done[x] = done[x.args[0]]
    return {key: done[value] for key, value in roots.items()}


def _cancels(x: Expr, argument: Expr) -> bool:
    return x.op in _OVER_ENTRIES and argument.op == _HIDDEN


def _is_variable(x: Expr) -> bool:
    return x.op == "var"


def unmarked(x: Expr) -> Expr:
    """Return what a mark stands on: a name may be given to it."""
    return x.args[0] if x.op in (_STOPPED, _HIDDEN) else x


def refuse_marks(x: Expr) -> None:
    """Raise UnsupportedError for a mark that is left."""
    for part in walk(x, Expr.is_name):
        if part.op == _STOPPED:
            raise UnsupportedError(
                "a gradient is stopped here (stop_gradient, detach), so that what is derived would "
                "not be the derivative of the function",
                remedy="give what is held fixed to the function as an argument of its own",
            )
        if part.op == _HIDDEN:
            raise UnsupportedError(
                "minus infinity outside of a softmax or a logsumexp",
                remedy="write a large number for infinity: -1e9",
            )
