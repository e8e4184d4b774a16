"""What a call of generated code may leave out or write otherwise: bound arrays, integer labels.

A traced function brings arrays of its own (the weights of an object) and takes labels as integers.
The problem has variables for both: the arrays are put in, labels are turned to one-hot rows.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..problems import Problem


def completed(problem: Problem, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return arrays by name with the bound ones put in, and one-hot rows for integer labels.

    Raises InputError where nothing tells how many labels there are.
    """
    found = {n: np.asarray(x) for n, x in problem.values.items()} | dict(given)
    for name in problem.labels:
        if name not in found:
            continue
        labels = np.asarray(found[name])
        written = problem.variables[name].written
        if labels.ndim == len(written) - 1:
            found[name] = np.eye(_classes(problem, name, found))[labels.astype(int)]
    return found


def _classes(problem: Problem, name: str, found: Mapping[str, Any]) -> int:
    """Return how many labels there are, from another array that has an axis of that size."""
    dim = problem.variables[name].written[-1]
    if not dim.symbols:
        return dim.coefficient
    for other, v in problem.variables.items():
        shape = np.shape(found.get(other, ()))
        if other != name and len(shape) == len(v.written):
            for axis, size in zip(v.written, shape, strict=True):
                if axis == dim:
                    return int(size)
    raise InputError(
        f"{name} holds integer labels, and no array shows how many there are",
        remedy=f"give one-hot rows, an array of shape (.., {dim})",
    )


def with_given(function: Callable[..., Any], problem: Problem) -> Callable[..., Any]:
    """Return a generated function that takes less: what is bound is left out of its signature."""
    if not problem.values and not problem.labels:
        return function
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        known = signature.parameters
        order = [p for n, p in known.items() if n not in problem.values or n in options]
        given = inspect.Signature(order).bind(*args, **options).arguments
        whole = completed(problem, given)
        return function(**{n: x for n, x in whole.items() if n in known})

    kept = [p for n, p in signature.parameters.items() if n not in problem.values]
    call.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]
    return call
