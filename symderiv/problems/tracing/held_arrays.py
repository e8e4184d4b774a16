"""Arrays that a function has from objects and its surroundings: the weights of a layer.

A *place* is where an array or a float stands: an attribute, a key of a dict, an entry of a list, a
name of the module. Its path says how it is reached from the function. Its *home* is the path
without the words that only say "parameter" or "gradient": ``params["W"]`` and ``grads["W"]``, ``W``
and ``dW``, ``W.data`` and ``W.grad`` have one home, and so a gradient finds what it is of.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from types import CellType, ModuleType
from typing import Any

import numpy as np

from ..given_gradients import names_of_gradient
from .declared_arrays import Path, names_of
from .user_places import is_users

_DEEPEST, _MOST = 8, 20_000
_LIBRARIES = {"numpy", "scipy", "torch", "jax", "jaxlib", "sympy", "symderiv"}
_PARAMETERS = {"params", "parameters", "weights"}
_GRADIENTS = {"grads", "grad", "gradients", "gradient", "dparams"}
_VALUE = {"data", "value", "val", "array"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: in a dict (of attributes too), a list, a tuple or a closure."""

    holder: Any
    key: Any
    path: Path

    def get(self) -> Any:
        """Return what stands here."""
        return self.holder.cell_contents if type(self.holder) is CellType else self.holder[self.key]

    def put(self, value: Any) -> None:
        """Let a value stand here; what stands in a tuple stays."""
        if type(self.holder) is CellType:
            self.holder.cell_contents = value
        elif not isinstance(self.holder, tuple):
            self.holder[self.key] = value

    @property
    def home(self) -> Path:
        """The path without words that say that this is a parameter."""
        return home_of(self.path)

    @property
    def is_of_parameter(self) -> bool:
        """Whether no word of the path says that a gradient stands here."""
        return not any(_word(k) in _GRADIENTS for k in self.path)


def home_of(path: Path) -> Path:
    """Return a path without words that say that a parameter or a gradient stands there.

    >>> home_of(("net", "params", "W")), home_of(("W", "data")), home_of(("l1", "grads", "W"))
    (('net', 'W'), ('W',), ('l1', 'W'))
    """
    inner = tuple(k for k in path[:-1] if _word(k) not in _PARAMETERS | _GRADIENTS)
    last = path[-1]
    return inner if inner and _word(last) in _VALUE else (*inner, last)


def gradient_homes(path: Path) -> list[Path]:
    """Return the homes of which a place may hold the gradient, by its words; none without any.

    >>> gradient_homes(("l1", "dW")), gradient_homes(("grads", "W")), gradient_homes(("W",))
    ([('l1', 'W')], [('W',)], [])
    """
    *outer, last = home_of(path) or path
    if _word(path[-1]) in _GRADIENTS and len(path) > 1:
        return [home_of((*path[:-1], "data"))]
    found = [(*outer, n) for n in names_of_gradient(last)] if isinstance(last, str) else []
    marked = any(_word(k) in _GRADIENTS for k in path[:-1])
    return [*found, *([(*outer, last)] if marked else [])]


def _word(key: Any) -> str:
    return key.strip("_").lower() if isinstance(key, str) else ""


class HeldArrays:
    """What functions have from elsewhere than their arguments: arrays, floats, and all about them.

    ``names`` are the arrays and floats of the first of the functions as variables would be called.

    >>> W = np.ones((2, 3))
    >>> def f(x): return x @ W
    >>> [*HeldArrays(f).names]
    ['W']
    """

    def __init__(self, *functions: Callable[..., Any]) -> None:
        self.functions = functions
        there = [p for p in self.places() if p.is_of_parameter and is_numbers(p.get())]
        first = {p.home: p for p in reversed(there)}
        words = {_words(p): p for p in [*first.values()][::-1] if _is_named(p.path)}
        names = names_of([*words])
        self.homes = {name: words[path].home for path, name in names.items()}
        self.names = {name: words[path].get() for path, name in names.items()}

    def places(self) -> Iterator[Place]:
        """Yield every place that is reached, those that are reached soonest first."""
        todo = [p for f in self.functions for p in _roots(f, set())]
        seen: set[int] = set()
        while todo and len(seen) < _MOST:
            place = todo.pop(0)
            if place.path:
                yield place
            value = place.get()
            if id(value) not in seen and len(place.path) < _DEEPEST:
                seen.add(id(value))
                todo += _inside(value, place.path)

    @property
    def has_objects(self) -> bool:
        """Whether there is an object, a dict or a list in which a function can leave something."""
        return any(
            type(p.holder) is not CellType and not _is_module(p.holder) for p in self.places()
        )

    @contextmanager
    def put(self, values: Mapping[str, Any]) -> Iterator[None]:
        """Let other values stand where arrays do, by name, in every place that has the array.

        Arrays that others may see a part of are written into. Afterwards all is as it was.
        """
        with self.undone():
            now = [(p, p.get()) for p in self.places()]
            for name, value in values.items():
                old = self.names[name]
                if _takes(old, value):
                    old[...] = value
                    continue
                for place, there in now:
                    if there is old and (_is_array(old) or self._is_at(place, name)):
                        place.put(value)
            yield

    def _is_at(self, place: Place, name: str) -> bool:
        return place.home == self.homes[name]

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Undo whatever happens to the objects and arrays while this is open."""
        places = [*self.places()]
        held = [p.get() for p in places]
        arrays = [(x, x.copy()) for x in held if _is_array(x)]
        insides = [vars(x) if _has_attributes(x) else x for x in held]
        insides += [p.holder for p in places if not _is_module(p.holder)]
        insides = list({id(x): x for x in insides}.values())
        dicts = [(x, dict(x)) for x in insides if type(x) is dict]
        lists = [(x, list(x)) for x in insides if type(x) is list]
        loose = [(p, x) for p, x in zip(places, held, strict=True) if len(p.path) == 1]
        try:
            yield
        finally:
            for full, before in dicts:
                full.clear()
                full.update(before)
            for row, old in lists:
                row[:] = old
            for place, value in loose:
                if place.get() is not value:
                    place.put(value)
            for array, numbers in arrays:
                if array.flags.writeable:
                    array[...] = numbers


def _is_module(holder: Any) -> bool:
    """Whether a holder is the dict of a module, of which a function uses a few names."""
    return type(holder) is dict and "__builtins__" in holder


def _takes(old: Any, new: Any) -> bool:
    """Whether an array can be written into another without a loss."""
    both = _is_array(old) and _is_array(new)
    return both and bool(old.flags.writeable) and old.dtype == new.dtype


def _is_array(x: Any) -> bool:
    """Whether a value is an array of NumPy, not one of symbols that poses as one."""
    return issubclass(type(x), np.ndarray)


def is_numbers(x: Any) -> bool:
    """Whether a value is an array of floats, or a float."""
    return type(x) is float or (
        issubclass(type(x), np.ndarray | np.floating) and x.dtype.kind == "f"
    )


def _is_named(path: Path) -> bool:
    """Whether a variable can be called after a path."""
    words = [k for k in path if isinstance(k, str)]
    return len(words) > 0 and all(w.isascii() and w.isidentifier() for w in words)


def _words(place: Place) -> Path:
    """Return the path after which a variable is called: the home, where that has a word."""
    return place.home if any(isinstance(k, str) for k in place.home) else place.path


def _has_attributes(x: Any) -> bool:
    """Whether a value is an object of a class of the user's."""
    if isinstance(x, type | ModuleType) or callable(x) and hasattr(x, "__code__"):
        return False
    root = type(x).__module__.partition(".")[0]
    foreign = root in sys.stdlib_module_names - {"__main__", "builtins"}  # where no module is named
    return not foreign and root not in _LIBRARIES and isinstance(getattr(x, "__dict__", 0), dict)


def _inside(value: Any, path: Path) -> list[Place]:
    """Return the places inside a value."""
    if _has_attributes(value):
        value = vars(value)
    if type(value) is dict:
        return [Place(value, k, (*path, k)) for k in value if not str(k).startswith("__")]
    if isinstance(value, list | tuple):
        return [Place(value, k, (*path, k)) for k in range(len(value))]
    inner = getattr(value, "__self__", None)
    return _inside(inner, path) if inspect.ismethod(value) else []


def _roots(function: Any, seen: set[int]) -> list[Place]:
    """Return the places that the code of a function, and of those that it calls, names."""
    if isinstance(function, partial):
        return [*_roots(function.func, seen), *_inside([*function.args], ("args",))]
    function = inspect.unwrap(function)
    owner = getattr(function, "__self__", None)
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if code is None and _has_attributes(function):  # an object that is called
        return [Place((function,), 0, ()), *_roots(type(function).__call__, seen)]
    found = [] if owner is None else [Place((owner,), 0, ())]
    if code is None or id(code) in seen or not is_users(code):
        return found
    seen.add(id(code))
    space: MutableMapping[str, Any] = function.__globals__
    closure = zip(code.co_freevars, function.__closure__ or (), strict=False)
    met = [Place(cell, name, (name,)) for name, cell in closure if _is_filled(cell)]
    met += [Place(space, n, (n,)) for n in code.co_names if n in space]
    for place in met:
        value = place.get()
        inner = getattr(value, "__code__", None)
        found += [place] if inner is None or inspect.ismethod(value) else _roots(value, seen)
    return found


def _is_filled(cell: CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:  # not assigned yet
        return False


def flat(tree: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the path and the value of every part of nested dicts and lists.

    >>> list(flat({"l1": {"dW": 1}, "db": [2]}))
    [(('l1', 'dW'), 1), (('db', 0), 2)]
    """
    if isinstance(tree, Mapping):
        for key, part in tree.items():
            yield from flat(part, (*path, key))
    elif isinstance(tree, list) or (isinstance(tree, tuple) and path):
        for k, part in enumerate(tree):
            yield from flat(part, (*path, k))
    else:
        yield path, tree


__all__: Sequence[str] = ["HeldArrays", "Place", "flat", "gradient_homes", "home_of", "is_numbers"]
