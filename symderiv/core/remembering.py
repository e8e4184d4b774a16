"""Takes a function of nodes; returns one of expressions, found once for every shared node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from .expr import Expr, walk

T = TypeVar("T")


class remembered(Generic[T]):  # noqa: N801 - it decorates a function
    """A function of an expression that is found once for every node, arguments first.

    The function may call itself on the arguments of a node; nothing recurses and nothing is found
    twice, however often a part is shared. Its values must not hold expressions: they would be kept
    alive. ``leave`` holds for nodes below which it does not look.
    """

    def __init__(
        self, find: Callable[[Expr], T], leave: Callable[[Expr], bool] | None = None
    ) -> None:
        self._find, self._leave = find, leave
        self._known: WeakKeyDictionary[Expr, T] = WeakKeyDictionary()
        self.__doc__ = find.__doc__

    def __call__(self, x: Expr) -> T:
        """Return the value for a node."""
        known = self._known
        if x in known:
            return known[x]
        for e in walk(x, self._leave, known):
            known[e] = self._find(e)
        return known[x]
