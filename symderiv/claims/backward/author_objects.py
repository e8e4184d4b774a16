"""The objects of a forward and a backward pass: layers that keep weights and leave gradients.

Contract: a backward function is run as its author runs it, behind its own forward pass, with the
weights of a point in the objects; afterwards these are as they were. Gradients that lie in the
objects from before are zero at first, so that one that is added to is what was added.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...problems import Problem
from ...problems.tracing.declared_arrays import Path
from ...problems.tracing.held_arrays import HeldArrays, Place, gradient_homes, is_numbers


@dataclass(frozen=True, slots=True)
class Left:
    """What a backward pass left in an object: the value, and where it stands."""

    value: Any
    path: Path

    @property
    def words(self) -> str:
        """Return where it stands, as it is written behind the object."""
        first, *rest = self.path
        return str(first) + "".join(f".{k}" if isinstance(k, str) else f"[{k}]" for k in rest)


class AuthorObjects:
    """The objects that a backward function shares with the function that a problem was traced from.

    ``homes`` says where each variable stands, as an argument or in an object.
    """

    def __init__(self, problem: Problem, function: Callable[..., Any]) -> None:
        self.author = problem.function
        forward = [] if self.author is None else [self.author.function]
        self.held = HeldArrays(*forward, function)
        parameters = () if self.author is None else self.author.parameters
        self.parameters = [n for n in parameters if n in self.held.names]
        self.homes: dict[str, Path] = {n: (n,) for n in problem.variables}
        self.homes |= {} if self.author is None else self.author.homes
        self.homes |= {n: self.held.homes[n] for n in self.parameters}
        self.is_shared = inspect.ismethod(function) or self.held.has_objects

    @contextmanager
    def at(self, space: Mapping[str, Any]) -> Iterator[None]:
        """Let the weights have the values of a point while this is open."""
        values = {n: space[n] for n in self.parameters}
        with self.held.put({n: _alike(self.held.names[n], x) for n, x in values.items()}):
            kept = {*self.homes.values()}
            for place in self.held.places():
                if place.home not in kept and kept & {*gradient_homes(place.path)}:
                    _clear(place)
            yield

    def left(self) -> dict[Path, Left]:
        """Return what lies where the words say that it is a gradient, by the home of that."""
        found: dict[Path, Left] = {}
        for place in self.held.places():
            value = place.get()
            homes = gradient_homes(place.path) if _is_array(value) else ()
            for home in homes:
                copy = value.copy() if type(value) is np.ndarray else value
                found.setdefault(home, Left(copy, place.path))
        return found

    def standing(self) -> dict[str, Any]:
        """Return what the places of the held arrays hold now, by name."""
        names = {home: n for n, home in self.held.homes.items()}
        there = [p for p in self.held.places() if p.is_of_parameter and p.home in names]
        return {names[p.home]: p.get() for p in reversed(there)}


def _alike(old: Any, new: Any) -> Any:
    """Return a value as the old one is written: a float, or an array."""
    return float(new) if type(old) is float else np.array(new, dtype=float)


def _is_array(x: Any) -> bool:
    return is_numbers(x) or (hasattr(x, "shape") and hasattr(x, "dtype"))


def _clear(place: Place) -> None:
    """Put a gradient from before to zero."""
    value = place.get()
    if type(value) is float:
        place.put(0.0)
    elif type(value) is np.ndarray and value.dtype.kind == "f" and value.flags.writeable:
        value[...] = 0.0
