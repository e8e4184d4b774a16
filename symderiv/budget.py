"""How much work something may take: counted in steps, and the same on every machine.

A step is one entry of a matrix, one number drawn, one comparison of factors: what is counted is
what grows, never seconds. Who starts something of which nobody knows how large it is says how many
steps it may take (``allowed``); who does the work counts it (``spend``), before it is done.
Contract: without somebody who allows a number, nothing is counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from .errors import BudgetError

STEPS = 400_000  # of one check


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
    symderiv.errors.BudgetError: an example takes more than 10 steps: a matrix of 11 entries
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
            f"{count.what} takes more than {count.most:,} steps: {on}",
            remedy="take smaller sizes, or a part of it",
        )
