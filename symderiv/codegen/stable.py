"""Expressions in the form that is computed: none overflows on the way to a value that does not.

Contract: the value is that of what is printed, wherever that is finite; a named intermediate is
looked through where what it names makes a stable form, ``P = softmax(A); log(P)`` too.
"""

from __future__ import annotations

from collections.abc import Callable

from ..core.expr import Expr, rebuild, walk
from .logarithms import stable_log, stable_log1p
from .powers import Seen, entrywise, signed, without_one
from .quotients import folded_inner, folded_product

_MOST_RULES = 8  # at one node


class Stable:
    """Rewrites expressions into stable forms; remembers them. Named values are left by name."""

    def __init__(self) -> None:
        self._memo: dict[Expr, Expr] = {}

    def __call__(self, x: Expr) -> Expr:
        """Return an equal expression that neither overflows nor cancels where it need not."""
        return rebuild(x, self._changed, Expr.is_name)

    def _changed(self, e: Expr, args: tuple[Expr, ...]) -> Expr:
        work = signed(e, args)
        for _ in range(_MOST_RULES):
            rule = _RULES.get(work.op)
            found = rule(work, self.seen) if rule is not None else None
            if found is None:
                break
            work = found
        return work

    def seen(self, e: Expr) -> Expr:
        """Return what a name stands for, itself in its stable form."""
        if not e.is_name:
            return e
        if e not in self._memo:
            # The names inside first: those of a deep problem stand inside each other.
            for name in filter(Expr.is_name, walk(e, known=self._memo)):
                if name not in self._memo:
                    self._memo[name] = name  # one that its own value mentions would have no end
                    self._memo[name] = self.seen(self(name.args[0]))
        return self._memo[e]


def _add(e: Expr, seen: Seen) -> Expr | None:
    """Write exp(x) - 1 as expm1(x): it keeps the digits of a small x."""
    rest = without_one(e, -1)
    if rest is None or rest.op != "exp" or rest.shape != e.shape:
        return None
    return entrywise("expm1", rest.args[0])


_RULES: dict[str, Callable[[Expr, Seen], Expr | None]] = {
    "log": stable_log,
    "log1p": stable_log1p,
    "div": folded_product,
    "mul": folded_product,
    "matmul": folded_inner,
    "add": _add,
}
