"""Arrays of random numbers that a function draws: they become arguments of the problem.

A function that draws ``eps = rng.normal(size=mu.shape)`` computes with another array each time; its
derivative is that with the array held fixed, which is therefore a variable.
"""

from __future__ import annotations

import dis
import re
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np

from ...core.expr import var
from ...core.shapes import ONE, Shape, size
from .array import Traced, as_dim
from .array_expressions import SymbolArray
from .user_places import is_users, refuse

_NAME = re.compile(r"[A-Za-z]\w*\Z", re.ASCII)


class _RandomArrays:
    """The arrays that were drawn since a trace began, by name."""

    def __init__(self) -> None:
        self.shapes: dict[str, str] = {}
        self.values: dict[str, Any] = {}  # of arrays that the function brings along
        self.taken: set[str] = set()

    def begin(self, taken: set[str]) -> None:
        """Begin a trace in which some names are taken."""
        self.shapes, self.values, self.taken = {}, {}, set(taken)

    def drawn(self, shape: Any) -> Traced:
        """Return a new variable of a shape."""
        sizes = shape if isinstance(shape, tuple | list) else (shape,)
        dims = tuple(map(as_dim, sizes))
        return Traced(self._variable(_assigned_name() or "noise", dims), shared=True)

    def brought(self, values: Any) -> SymbolArray:
        """Return the variable of an array that the function brings along, under its name there."""
        name = next((n for n, known in self.values.items() if known is values), None)
        if name is None:
            name = self._fresh(_name_there(values) or "C")
            self.values[name] = values
        return self._variable(name, tuple(map(size, values.shape)))

    def _fresh(self, name: str) -> str:
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def _variable(self, name: str, dims: Shape) -> SymbolArray:
        name = name if name in self.values else self._fresh(name)
        self.shapes[name] = ", ".join(map(str, dims)) or "scalar"
        return SymbolArray(dims, var(name, (*dims, *(ONE,) * (2 - len(dims)))))


random_arrays = _RandomArrays()


def _name_there(values: Any) -> str | None:
    """Return the name that an array has in the user's functions, or in an object that they use."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if is_users(frame.f_code):
            spaces = [frame.f_locals]
            objects = [x for x in frame.f_locals.values() if not isinstance(x, Traced)]
            spaces += [vars(x) for x in objects if hasattr(x, "__dict__")]
            spaces += [x for s in spaces for x in list(s.values()) if isinstance(x, dict)][:50]
            spaces += [frame.f_globals]
            for space in spaces:
                for name, value in list(space.items()):
                    if value is values and isinstance(name, str) and _NAME.match(name):
                        return name
        frame = frame.f_back
    return None


def _assigned_name() -> str | None:
    """Return the local variable that the user's line assigns, if it does nothing else."""
    frame = sys._getframe(3)
    following = [i for i in dis.get_instructions(frame.f_code) if i.offset > frame.f_lasti]
    after = next((i for i in following if i.opname not in ("CACHE", "NOP")), None)
    if after is None or after.opname not in ("STORE_FAST", "STORE_NAME"):
        return None
    name = str(after.argval)
    return name if name.isascii() and name[0].isalpha() else None


def _has_symbols(shape: Any) -> bool:
    sizes = shape if isinstance(shape, tuple | list) else (shape,)
    return any(isinstance(s, Traced) for s in sizes)


def _sized(original: Callable[..., Any], place: int) -> Callable[..., Any]:
    """Return a function that draws, whose argument at a place, or ``size``, is the shape."""

    def draw(*args: Any, **options: Any) -> Any:
        shape = options.get("size", args[place] if len(args) > place else None)
        if shape is None or not _has_symbols(shape):
            return original(*args, **options)
        _refuse_symbols([*args[:place], *(v for k, v in options.items() if k != "size")])
        return random_arrays.drawn(shape)

    return draw


def _spread(original: Callable[..., Any]) -> Callable[..., Any]:
    def draw(*shape: Any) -> Any:
        return random_arrays.drawn(shape) if _has_symbols(shape) else original(*shape)

    return draw


def _refuse_symbols(parameters: list[Any]) -> None:
    if any(isinstance(p, Traced) and p.ndim for p in parameters):
        raise refuse(
            "random numbers whose distribution is computed",
            "draw standard numbers and compute with them: mu + sigma * rng.normal(size=mu.shape)",
        )


_PLACES = {"normal": 2, "uniform": 2, "binomial": 2, "standard_normal": 0, "random": 0}
_PLACES |= {"random_sample": 0, "laplace": 2, "gumbel": 2, "choice": 1}


class _Generator:
    """A generator of random numbers that follows sizes that are symbols."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return _sized(found, _PLACES[name]) if name in _PLACES else found


def _generator(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args, **options: _Generator(original(*args, **options))


FOLLOWED_DRAWS: dict[tuple[Any, str], Callable[..., Any]] = {
    **{
        (np.random, name): _sized(getattr(np.random, name), place)
        for name, place in _PLACES.items()
    },
    **{(np.random, name): _spread(getattr(np.random, name)) for name in ("rand", "randn")},
    (np.random, "default_rng"): _generator(np.random.default_rng),
}
