"""SymPy, loaded when it is first used: a gradient in matrix form needs none of it.

Loading it takes more time than deriving does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sympy as sympy
else:

    class _Later:
        """A module that is imported when an attribute of it is first asked for."""

        def __init__(self, name: str) -> None:
            self.__name = name

        def __getattr__(self, attribute: str) -> Any:
            value = getattr(import_module(self.__name), attribute)
            setattr(self, attribute, value)  # found at once from now on
            return value

    sympy = _Later("sympy")
