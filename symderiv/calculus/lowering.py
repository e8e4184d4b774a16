"""Takes an expression; returns its index term, by the operator table."""

from __future__ import annotations

from ..core.errors import MissingRuleError
from ..core.expr import Expr, walk
from ..ops import TABLE
from ..tensor import Value


def lower(x: Expr, memo: dict[Expr, Value] | None = None) -> Value:
    """Return the index term of an expression; ``memo`` keeps what is shared between calls."""
    done: dict[Expr, Value] = {} if memo is None else memo
    if x in done:
        return done[x]
    for e in walk(x, done.__contains__):
        if e not in done:
            if not TABLE[e.op].tensors and any(len(a.shape) > 2 for a in e.args):
                raise MissingRuleError(f"no rule for {e.op} of a tensor")
            done[e] = TABLE[e.op].lower(e, [done[a] for a in e.args])
    return done[x]
