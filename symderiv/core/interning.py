"""A table that gives the one object with some parts, as long as somebody holds that object."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar
from weakref import ref

T = TypeVar("T")


class _Entry(ref[T]):
    """A weak reference that knows under which key it is kept."""

    __slots__ = ("key",)
    key: Hashable


class Interned(Generic[T]):
    """The one object for each key, as long as somebody holds it."""

    __slots__ = ("_entries", "_forget")

    def __init__(self) -> None:
        entries: dict[Hashable, _Entry[T]] = {}

        def forget(entry: ref[T]) -> None:
            key = entry.key  # type: ignore[attr-defined]
            if entries.get(key) is entry:
                del entries[key]

        self._entries = entries
        self._forget: Callable[[ref[T]], None] = forget

    def get(self, key: Hashable) -> T | None:
        """Return the object kept under a key, or None."""
        entry = self._entries.get(key)
        return None if entry is None else entry()

    def put(self, key: Hashable, value: T) -> None:
        """Keep an object under a key."""
        entry = _Entry(value, self._forget)
        entry.key = key
        self._entries[key] = entry
