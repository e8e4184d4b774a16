"""Gradients written as ∂L/∂W, ∇_W L and their like: found in a row of items.

Contract: finds the form only; what is named in it is looked up elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .laid_out import Fraction, Group, Item, RowLayout, Scripted, Sign, Symbol
from .script_meaning import is_sign

Known = Callable[[Symbol], bool]


@dataclass(frozen=True, slots=True)
class Derivative:
    """What is differentiated (nothing, where it is left out), by what, and the items behind it."""

    of: tuple[Item, ...]
    by: tuple[Item, ...]
    stop: int
    sups: tuple[RowLayout, ...] = ()  # of the name behind a nabla: the gradient's own
    nabla: bool = False


def find(items: Sequence[Item], i: int, known: Known) -> Derivative | None:
    """Return the derivative that begins at an item, or None.

    ``known`` says whether a letter is a name of the problem: d is the sign of a differential
    only where it is none.
    """
    item = items[i]
    if isinstance(item, Fraction):
        return _fraction(item, items, i, known)
    if isinstance(item, Scripted) and is_sign(item.base, "nabla", "partial"):
        return _nabla(item, items, i)
    if _is_mark(item, known) or _is_doubtful(items, i, known):
        return _inline(items, i, known)
    return None


def _is_doubtful(items: Sequence[Item], i: int, known: Known) -> bool:
    """Whether a d that is a name too is the sign of a differential: of what is no name."""
    follows = items[i + 1] if i + 1 < len(items) else None
    return is_letter_d(items[i]) and isinstance(follows, Symbol) and not known(follows)


def _is_mark(item: Item, known: Known) -> bool:
    if is_sign(item, "partial"):
        return True
    return is_letter_d(item) and (item.upright or not known(item))  # type: ignore[attr-defined,arg-type]


def is_letter_d(item: Item) -> bool:
    """Whether an item is a d, the sign of a differential or a name."""
    return isinstance(item, Symbol) and item.name == "d" and not item.accent


def _fraction(item: Fraction, items: Sequence[Item], i: int, known: Known) -> Derivative | None:
    over, under = item.over.items, item.under.items
    if not over or len(under) < 2:
        return None
    marked = _is_mark(over[0], known) and _is_mark(under[0], known)
    # d can be a size: dL/dW is still a gradient, as L is no name of a value.
    if not marked and not (_is_doubtful(over, 0, known) and is_letter_d(under[0])):
        return None
    if len(over) > 1:
        return Derivative(over[1:], under[1:], i + 1)
    follows = items[i + 1 : i + 2]
    return Derivative(tuple(follows), under[1:], i + 1 + len(follows))


def _nabla(item: Scripted, items: Sequence[Item], i: int) -> Derivative | None:
    if item.sub is None or item.sups:
        return None
    by = item.sub.items
    stop = i + 1
    if stop == len(items) or isinstance(items[stop], Sign):
        return Derivative((), by, stop, nabla=True)
    follows = items[stop]
    raised = isinstance(follows, Scripted) and follows.sub is None
    of, sups = (follows.base, follows.sups) if raised else (follows, ())  # type: ignore[attr-defined]
    stop += 1
    if stop < len(items) and isinstance(items[stop], Group) and not sups:
        stop += 1
    return Derivative((of,), by, stop, sups, True)


def _inline(items: Sequence[Item], i: int, known: Known) -> Derivative | None:
    """Find ∂L/∂W on one line."""
    for k in range(i + 1, min(i + 4, len(items))):
        if is_sign(items[k], "/"):
            if k + 2 >= len(items):
                return None
            if not _is_mark(items[k + 1], known) and not is_letter_d(items[k + 1]):
                return None
            return Derivative(tuple(items[i + 1 : k]), (items[k + 2],), k + 3)
        if isinstance(items[k], Sign):
            return None
    return None
