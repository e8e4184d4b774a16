"""Asks nodes of graphs of what kind they are, and walks over them, arguments first."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterator, Sequence
from operator import attrgetter
from typing import TypeVar, overload

T = TypeVar("T", bound=Hashable)


class Notion:
    """Whether a node is of one of some kinds: asked of it, or handed on as a test of nodes.

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


def arguments_first(
    roots: Sequence[T],
    below: Callable[[T], Sequence[T]],
    leave: Callable[[T], bool] | None = None,
    known: Container[T] = (),
) -> Iterator[T]:
    """Yield every distinct node after those that ``below`` gives of it; nothing recurses.

    Nothing is looked for below a node that ``leave`` holds for, nor from one that is ``known``.
    """
    seen: set[T] = set()
    stack: list[tuple[T, bool]] = [(x, False) for x in reversed(roots)]
    while stack:
        current, expanded = stack.pop()
        if current in known:
            continue
        if expanded:
            yield current
        elif current not in seen:
            seen.add(current)
            stack.append((current, True))
            if leave is None or not leave(current):
                stack.extend((a, False) for a in reversed(below(current)))
