"""What kinds of nodes are called: a notion is asked of a node, or handed on as a test of nodes."""

from __future__ import annotations

from operator import attrgetter
from typing import overload


class Notion:
    """Whether a node is of one of some kinds, which an attribute of it names.

    >>> from symderiv.core.expr import Expr, num
    >>> num(2).is_number, num(2).is_sum, list(filter(Expr.is_number, [num(2)]))
    (True, False, [num(Fraction(2, 1))])
    """

    def __init__(self, attribute: str, *kinds: str) -> None:
        self._kind_of, self._kinds = attrgetter(attribute), frozenset(kinds)

    def __call__(self, node: object) -> bool:
        return self._kind_of(node) in self._kinds

    @overload
    def __get__(self, node: None, owner: type) -> Notion: ...
    @overload
    def __get__(self, node: object, owner: type) -> bool: ...
    def __get__(self, node: object | None, owner: type) -> Notion | bool:
        return self if node is None else self._kind_of(node) in self._kinds
