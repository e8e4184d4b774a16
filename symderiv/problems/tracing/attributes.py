"""What an array of symbols answers when it is asked what it is: an array, a number, a size.

A function branches on ``isinstance(x, np.ndarray)``, ``type(x)``, ``hasattr(x, "ndim")`` too.
Contract: the answer is that of an array of floats, of the number that NumPy makes of one entry, or
of the integer that a size is; what would need numbers to be answered is refused with the line.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from .array_expressions import SymbolArray
from .tracing_remedies import ARRAY, OF_NUMBERS
from .user_places import is_users, refuse


def without_numbers(what: str, remedy: str | dict[str, str]) -> Callable[..., NoReturn]:
    """Return a method that is refused."""

    def refused(self: Any, *args: Any, **options: Any) -> NoReturn:
        raise refuse(what, remedy)

    return refused


class Posing:
    """An object that says it is what an array would be in its place."""

    __slots__ = ("__weakref__", "_array", "_memory", "_origin")
    _array: SymbolArray
    _memory: list[Any]
    _origin: Any
    _sharing: Callable[[SymbolArray], Any]

    def _kind(self) -> type:
        """Return the type of what stands here when the function runs on numbers."""
        if self._array.size is not None:
            return int
        return np.ndarray if self._array.rank else np.float64

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        return self._kind()

    def __getattribute__(self, name: str) -> Any:
        """Hide from the user's function what the object it stands for does not have."""
        get = object.__getattribute__
        if is_users(sys._getframe(1).f_code) and not hasattr(get(self, "_kind")(), name):
            raise AttributeError(name)
        return get(self, name)

    def __getattr__(self, name: str) -> Any:
        kind = self._kind()
        if hasattr(kind, name):
            raise refuse(f"arrays of symbols cannot do this: .{name}", OF_NUMBERS)
        raise AttributeError(f"{kind.__name__!r} object has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OWN:
            object.__setattr__(self, name, value)
        elif hasattr(self._kind(), name):
            raise refuse(f"an assignment to .{name} of an array", "make a new array: x.reshape(..)")
        else:
            raise AttributeError(f"{self._kind().__name__!r} object has no attribute {name!r}")

    # the type of the entries, and arrays of the same entries

    @property
    def ndim(self) -> int:
        """Return the number of axes."""
        return self._array.rank

    @property
    def dtype(self) -> Any:
        """Return the type of the entries: floats."""
        return np.dtype(float)

    @property
    def real(self) -> Any:
        """Return the entries, which are real."""
        return self._sharing(self._array)

    def conj(self) -> Any:
        """Return the entries, which are real."""
        return self._sharing(self._array)

    conjugate = conj

    def view(self, kind: Any = np.ndarray) -> Any:
        """Return the array on the same memory, as entries of the same type."""
        if kind not in (np.ndarray, float, np.float64, np.dtype(float)):
            raise refuse(f".view of entries as {kind!r}", "leave the view out")
        return self._sharing(self._array)

    def copy(self) -> Any:
        """Return a copy."""
        return self.__copy__()

    def astype(self, kind: Any, **_: Any) -> Any:
        """Return a copy with entries of a type of floats."""
        if kind in (bool, np.bool_):
            is_mask = self._array.expr.op in ("tril", "triu", "eye")
            return operator.gt(self, 0) if is_mask else operator.ne(self, 0)
        if kind is not float and not np.issubdtype(kind, np.floating):
            raise refuse("entries that are no floats", "leave the conversion out")
        return operator.pos(self)  # numbers, of truth values too

    @property
    def __array_interface__(self) -> Any:
        raise refuse("this makes an array of numbers out of symbols", ARRAY)

    __array_struct__ = __array_interface__

    def __deepcopy__(self, memo: Any) -> Any:
        return self.__copy__()

    def __copy__(self) -> Any:
        return type(self)(self._array)  # type: ignore[call-arg]

    __round__ = __floor__ = __ceil__ = __trunc__ = without_numbers(
        "this needs a number, and the array has symbols for entries", "leave the rounding out"
    )


_OWN = {"_array", "_memory", "_origin"}


class _Builtin(type):
    """Makes ``isinstance(C, type)`` true of every class while ``type`` is replaced."""

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, type)

    def __subclasscheck__(cls, x: Any) -> bool:
        return issubclass(x, type)


class TypeOf(type, metaclass=_Builtin):
    """The builtin ``type``, to which an array of symbols has the type of what it stands for."""

    def __new__(cls, *args: Any, **options: Any) -> Any:
        """Return the type of an object, or a new class."""
        if len(args) == 1 and not options:
            return args[0].__class__ if issubclass(type(args[0]), Posing) else type(args[0])
        return type(*args, **options)
