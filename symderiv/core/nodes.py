"""Asks nodes of graphs of what kind they are, and walks over them, arguments first."""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterator, Sequence
from functools import cache
from typing import TypeVar, overload

C = TypeVar("C")
T = TypeVar("T", bound=Hashable)


class Notion:
    """Whether a node is of one of some kinds: asked of it, or handed on as a test of nodes.

    >>> from symderiv.core.expr import Expr, num
    >>> num(2).is_number, num(2).is_sum, list(filter(Expr.is_number, [num(2)]))
    (True, False, [num(Fraction(2, 1))])
    """

    def __init__(self, *kinds: str) -> None:
        self.kinds = kinds

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __call__(self, node: object) -> bool:
        return bool(getattr(node, self._name))

    @overload
    def __get__(self, node: None, owner: type) -> Notion: ...
    @overload
    def __get__(self, node: object, owner: type) -> bool: ...
    def __get__(self, node: object | None, owner: type) -> Notion | bool:
        assert node is None, "a node is of a class made by of_kind"
        return self


@cache
def of_kind(base: type[C], kind: str) -> type[C]:
    """Return the class of nodes of one kind: it knows the answer to every notion of the base."""
    notions = {k: v for k, v in vars(base).items() if isinstance(v, Notion)}
    answers = {name: kind in notion.kinds for name, notion in notions.items()}
    return type(base.__name__, (base,), {"__module__": base.__module__, "__slots__": (), **answers})


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
            inside = below(current) if leave is None or not leave(current) else ()
            if inside:
                stack.append((current, True))
                stack += [(x, False) for x in reversed(inside) if x not in seen]
            else:
                yield current
