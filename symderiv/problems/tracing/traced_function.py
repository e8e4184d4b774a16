"""The function that a problem was traced from, to be run again on arrays of numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .declared_arrays import Path, mapped


class TracedFunction:
    """A function, and how its arguments are made of arrays by the names of the problem.

    It is not compared, and left out where a problem is pickled.
    """

    def __init__(
        self, function: Callable[..., Any], tree: Mapping[str, Any], names: Mapping[Path, str]
    ) -> None:
        self.function, self.tree, self.names = function, tree, names

    def __reduce__(self) -> Any:
        return _nothing, ()

    def __call__(self, arrays: Mapping[str, Any]) -> Any:
        """Return what the function returns for arrays by name."""
        names = self.names
        given = mapped(
            lambda path, leaf: arrays[names[path]] if path in names else leaf, dict(self.tree)
        )
        return self.function(**given)

    def cache(self, arrays: Mapping[str, Any]) -> Any:
        """Return what the function returns beside its value, for its backward pass."""
        found = self(arrays)
        if isinstance(found, Mapping):
            return found.get("cache", found)
        return found[-1] if isinstance(found, tuple) and len(found) > 1 else None


def _nothing() -> None:
    return None
