"""The function that a problem was traced from, to be run again on arrays of numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .declared_arrays import Path, mapped
from .held_arrays import home_of


class TracedFunction:
    """A function, and how its arguments are made of arrays by the names of the problem.

    ``parameters`` are the variables that it has from objects, ``again`` traces it with others.
    It is not compared, and left out where a problem is pickled.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        tree: Mapping[str, Any],
        names: Mapping[Path, str],
        parameters: Sequence[str] = (),
        again: Callable[[Sequence[str]], Any] | None = None,
    ) -> None:
        self.function, self.tree, self.names = function, tree, names
        self.parameters, self.again = tuple(parameters), again

    def __reduce__(self) -> Any:
        return _nothing, ()

    def __call__(self, arrays: Mapping[str, Any]) -> Any:
        """Return what the function returns for arrays by name."""
        return self.function(**self.arguments(arrays))

    def arguments(self, arrays: Mapping[str, Any]) -> Any:
        """Return the arguments of the function, made of arrays by name."""
        names = self.names
        return mapped(
            lambda path, leaf: arrays[names[path]] if path in names else leaf, dict(self.tree)
        )

    def cache(self, arrays: Mapping[str, Any]) -> Any:
        """Return what the function returns beside its value, for its backward pass."""
        found = self(arrays)
        if isinstance(found, Mapping):
            return found.get("cache", found)
        return found[-1] if isinstance(found, tuple) and len(found) > 1 else None

    @property
    def homes(self) -> dict[str, Path]:
        """Where every argument stands in the trees that the function takes, by its name."""
        return {name: home_of(path) for path, name in self.names.items()}


def _nothing() -> None:
    return None
