"""Counts the steps of some work against the number allowed for it; BudgetError beyond that.

A step is one entry of a matrix, one number drawn, one comparison of factors: never a second. Who
starts work allows a number of steps (``allowed``), who does it counts them before (``spend``);
where nobody allowed a number, nothing is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from .errors import BudgetError
from .telling import tell

STEPS = 400_000  # of one check
T = TypeVar("T")


class _Count:
    """The steps that are left of those allowed for something."""

    __slots__ = ("left", "most", "what")

    def __init__(self, what: str, most: int) -> None:
        self.what, self.most, self.left = what, most, most


_current: ContextVar[_Count | None] = ContextVar("budget", default=None)


@contextmanager
def allowed(what: str, steps: int = STEPS) -> Iterator[None]:
    """Allow a number of steps for what is done meanwhile; what is inside another counts alone.

    >>> with allowed("an example", 10):
    ...     spend(11, "a matrix of 11 entries")
    Traceback (most recent call last):
    ...
    symderiv.core.errors.BudgetError: an example takes more than 10 steps: a matrix of 11 entries
      take smaller sizes, or a part of it
    """
    token = _current.set(_Count(what, steps))
    try:
        yield
    finally:
        _current.reset(token)


def spend(steps: int, on: str) -> None:
    """Count steps before they are done; raises BudgetError where more are not allowed."""
    count = _current.get()
    if count is None:
        return
    count.left -= steps
    if count.left < 0:
        raise BudgetError(
            too_much(count.what, count.most, on), remedy="take smaller sizes, or a part of it"
        )


def too_much(what: str, most: int, on: str) -> str:
    """Return the words for something that takes more steps than are allowed.

    >>> too_much("an example", 1000, "a matrix")
    'an example takes more than 1,000 steps: a matrix'
    """
    return f"{what} takes more than {most:,} steps: {on}"


class Checks:
    """Runs checks, each with its own number of steps, and notes those that would take more."""

    def __init__(self) -> None:
        self.left_out: list[str] = []

    def run(self, what: str, check: Callable[[], T], without: T) -> T:
        """Return what a check returns, or ``without`` where it is left out."""
        tell(what)
        try:
            with allowed(what):
                return check()
        except BudgetError as error:
            self.left_out.append(error.subject)
            return without


def not_checked(left_out: Iterable[str]) -> list[str]:
    """Return a sentence for each check that was left out."""
    return [f"not checked: {why}" for why in left_out]
