"""How far work is, told to whoever listens; who works knows nothing of terminals.

Contract: telling changes no result, and costs next to nothing where nobody listens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Listener = Callable[[str, int, int], None]  # what is done, how many parts are, of how many
T = TypeVar("T")
_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Have a function told what is done meanwhile.

    >>> with listening(lambda what, done, of: print(what, done, of)):
    ...     tell("the first check")
    the first check 0 0
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def unheard() -> None:
    """Have nobody told from here on, as in a process of its own beside that which listens."""
    _listener.set(None)


def tell(what: str, done: int = 0, of: int = 0) -> None:
    """Say what is done now, and how many of its parts are done, of how many (0: not known)."""
    listener = _listener.get()
    if listener is not None:
        listener(what, done, of)


def told(what: str, parts: Sequence[T]) -> Iterable[T]:
    """Yield the parts of some work, and say how far it is.

    >>> with listening(lambda what, done, of: print(what, done, of)):
    ...     list(told("sizes", [3, 4]))
    sizes 0 2
    sizes 1 2
    [3, 4]
    """
    for k, part in enumerate(parts):
        tell(what, k, len(parts))
        yield part
