"""What forward keeps for backward: no more than backward reads, and that as small as it can be.

Contract: a kept value is a named intermediate, or a smaller value made of them: where backward
needs ``R`` only inside ``sqrt(var(R, axis=1) + eps)``, that column is kept and ``R`` is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

from ..core.expr import Expr, free_indices, walk_all
from ..core.shapes import ONE, Dim
from ..derivation.names_met import names_used
from .numpy_code import is_trivial, python_name

_SUFFIXES = {"variance": "var"}


@dataclass(frozen=True, slots=True)
class KeptArrays:
    """One entry of the cache: a name, and the value, a named intermediate or made of such."""

    name: str
    expr: Expr


def kept_values(
    results: Sequence[Expr],
    named: Sequence[Expr],
    given: Sequence[str],
    fresh: Callable[[str], str],
) -> list[KeptArrays]:
    """Return what must be kept to compute ``results``; ``given`` names what is no forward value.

    ``fresh`` makes a name that is free. A name for a variable, or for a constant, is not kept.
    """
    return _Keeper(results, named, given).kept(fresh)


class _Keeper:
    def __init__(
        self, results: Sequence[Expr], named: Sequence[Expr], given: Sequence[str]
    ) -> None:
        self.named = names_used(results, named)
        names = {str(e.data) for e in named}
        self.nodes = list(walk_all(results, Expr.is_name))
        self.users: dict[Expr, dict[Expr, None]] = {}
        for e in self.nodes:
            for a in e.args if not e.is_name else ():
                self.users.setdefault(a, {})[e] = None
        self.uses: dict[str, list[Expr]] = {}  # the nodes by the name that they are
        for e in self.nodes:
            if e.is_name:
                self.uses.setdefault(str(e.data), []).append(e)
        self.roots = set(results)
        self.inner: set[Expr] = set()  # forward values: no cotangent stands in them
        self.leaves: dict[Expr, set[str]] = {}  # the named intermediates in every node
        for e in self.nodes:
            if e.is_name:
                is_forward, self.leaves[e] = str(e.data) in names, {str(e.data)}
            else:
                is_forward = all(a in self.inner for a in e.args) and not e.is_loss
                is_forward = is_forward and not (e.is_variable and str(e.data) in given)
                self.leaves[e] = {n for a in e.args for n in self.leaves[a]}
            if is_forward:
                self.inner.add(e)

    def kept(self, fresh: Callable[[str], str]) -> list[KeptArrays]:
        found: list[KeptArrays] = []
        placed: set[Expr] = set()
        for e in self.named:
            if is_trivial(e.args[0]):
                continue
            uses = self.uses[str(e.data)]
            smaller = self._smaller(uses)
            if smaller is None:
                found.append(KeptArrays(python_name(str(e.data)), e))
                continue
            for x in smaller:
                if x not in placed:
                    placed.add(x)
                    found.append(KeptArrays(fresh(f"{e.data}_{self._word(x, uses)}"), x))
        return found

    def _smaller(self, uses: Sequence[Expr]) -> list[Expr] | None:
        """Return smaller values through which alone an intermediate is used, if there are."""
        found: dict[Expr, None] = {}
        seen: set[Expr] = set()
        stack = list(uses)
        while stack:
            e = stack.pop()
            if e in seen:
                continue
            seen.add(e)
            if is_smaller(e, uses[0]) and not free_indices(e):
                found[self._extended(e)] = None
                continue
            users = self.users.get(e, {})
            if e in self.roots or not users or any(u not in self.inner for u in users):
                return None
            stack += users
        return list(found) if len(found) == 1 else None

    def _extended(self, e: Expr) -> Expr:
        """Return what a value is used for alone, as far as that is a forward value no larger."""
        while e not in self.roots:
            users = list(self.users.get(e, ()))
            if len(users) != 1 or users[0] not in self.inner or free_indices(users[0]):
                return e
            (user,) = users
            if user.is_negative:  # a sum writes the sign of a term itself, and what stands below
                return e
            if self.leaves[user] != self.leaves[e] or is_smaller(e, user):
                return e
            if _entries(user.shape) != _entries(e.shape) and not is_smaller(user, e):
                return e
            e = user
        return e

    def _word(self, x: Expr, uses: Sequence[Expr]) -> str:
        """Return what a smaller value is, in a word: ``std`` for the root of a variance."""
        inside = [e for e in walk_all([x], Expr.is_name) if is_smaller(e, uses[0])]
        names = {str(u.data) for u in uses}
        first = next(e for e in inside if self.leaves[e] & names)
        if first.op == "variance" and x.op == "sqrt":
            return "std"
        return _SUFFIXES.get(first.op, first.op)


def is_smaller(e: Expr, than: Expr) -> bool:
    """Whether a value has fewer entries than another, whatever the sizes are.

    >>> from symderiv.core.expr import var
    >>> from symderiv.core.shapes import symbol
    >>> x, s = var("X", (symbol("n"), symbol("d"))), var("s", (symbol("n"), ONE))
    >>> is_smaller(s, x), is_smaller(x, s), is_smaller(x, x)
    (True, False, False)
    """
    few, many = _entries(e.shape), _entries(than.shape)
    left = Counter(few.symbols) - Counter(many.symbols)
    if left or few == many:
        return False
    return few.coefficient <= many.coefficient


def _entries(shape: Sequence[Dim]) -> Dim:
    return prod(shape, start=ONE)
