"""Arrays as the author of a function wrote it for: of NumPy, PyTorch or JAX, labels as integers."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...problems import Problem

_CALL = "__call__"


def as_author(problem: Problem, space: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by name as the author's functions take them: labels as integers."""
    labels = {n: np.asarray(space[n]).argmax(-1) for n in problem.labels if n in space}
    return {**space, **labels}


def library_of(function: Callable[..., Any]) -> str:
    """Return "torch" or "jax" where a function uses that library, else "numpy"."""
    inner = inspect.unwrap(getattr(function, "__func__", function))
    code = getattr(inner, "__code__", None)
    if code is None:
        inner = getattr(type(function), _CALL, None)
        code = getattr(inner, "__code__", None)
    spaces = {**getattr(inner, "__globals__", {}), **_closure(inner)}
    written = [spaces.get(n) for n in getattr(code, "co_names", ()) if n in spaces]
    written += [*getattr(inner, "__annotations__", {}).values(), *_closure(inner).values()]
    written += getattr(code, "co_names", ())
    for library in ("torch", "jax"):
        if any(_home(x) == library for x in written):
            return library
    return "numpy"


def libraries(first: str) -> list[str]:
    """Return the libraries whose arrays a function may take, likeliest first.

    A function that uses methods alone does not show that it is written for PyTorch.
    """
    return [first, "torch"] if first == "numpy" and "torch" in sys.modules else [first]


def _closure(function: Any) -> dict[str, Any]:
    cells = getattr(function, "__closure__", None) or ()
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    return {n: c.cell_contents for n, c in zip(names, cells, strict=True)}


def _home(x: Any) -> str:
    if isinstance(x, str):
        return x.partition(".")[0]
    name = getattr(x, "__name__", "") if inspect.ismodule(x) else getattr(x, "__module__", "")
    return str(name or "").partition(".")[0]


def arrays_for(library: str, value: Any) -> Any:
    """Return a value as an array of a library; numbers, functions and sizes as they are."""
    if isinstance(value, dict):
        return {n: arrays_for(library, x) for n, x in value.items()}
    if type(value) in (list, tuple):
        return type(value)(arrays_for(library, x) for x in value)
    if not isinstance(value, np.ndarray):
        return value
    if library == "torch" and "torch" in sys.modules:
        return sys.modules["torch"].tensor(value)
    if library == "jax" and "jax" in sys.modules:
        return sys.modules["jax"].numpy.asarray(value)
    return value.copy()
