"""Functions of JAX and PyTorch: which library a function is written with, and its arguments.

``traced(f, "jax", declarations, asked)`` declares the arrays of the arguments, lets the library
trace the function, and states what it computes as a problem.
"""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from types import CodeType, ModuleType
from typing import Any

import numpy as np

from ...core.errors import InputError, UnsupportedError
from ...core.shapes import size
from .. import Problem
from ..declarations import Declarations
from . import jax_functions, torch_functions
from .array import Traced
from .array_expressions import SymbolArray
from .declared_arrays import Path, leaves, names_of
from .index_arrays import Labels
from .programs import Program, TraceOptions, posed
from .user_places import is_users

LIBRARIES = ("jax", "torch")
_LABELS = re.compile(r"(.*?)\s*label\((\w+)\)\s*\Z", re.DOTALL)


def library_of(function: Any, declarations: Mapping[str, Any]) -> str | None:
    """Return ``"jax"`` or ``"torch"`` where a function is written with one of them, else None.

    >>> library_of(lambda x: x + 1, {"x": "n"}) is None
    True
    """
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(function, torch.nn.Module):
        return "torch"
    roots = [_root(type(x).__module__) for _, x in leaves(dict(declarations))]
    roots += _roots(inspect.unwrap(function) if callable(function) else None, set())
    return next((root for root in roots if root in LIBRARIES), None)


def _root(module: str | None) -> str:
    name = (module or "").partition(".")[0]
    return "jax" if name == "jaxlib" else name


def _roots(function: Any, seen: set[int]) -> Iterator[str]:
    """Yield the libraries that a function and the functions that it calls name."""
    function = getattr(function, "func", function)  # of functools.partial
    function = getattr(function, "__wrapped__", function)  # of jax.jit
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if code is None or id(code) in seen or not is_users(code):
        return
    seen.add(id(code))
    known = {**function.__globals__, **_closed_over(function)}
    for name in dict.fromkeys(_names(code)):
        value = known.get(name)
        if value is None:
            yield name  # an import within the function
        elif isinstance(value, ModuleType):
            yield _root(value.__name__)
        else:
            yield _root(getattr(value, "__module__", None))
            yield from _roots(value, seen)


def _closed_over(function: Any) -> dict[str, Any]:
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    found = {}
    for name, cell in cells:
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue  # not assigned yet
    return found


def _names(code: CodeType) -> Iterator[str]:
    yield from (*code.co_names, *code.co_freevars)
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from _names(part)


def traced(
    function: Any,
    library: str,
    declarations: Mapping[str, Any],
    asked: TraceOptions,
    output: Callable[[Any], Any],
) -> Problem:
    """Return the problem of a function of JAX or PyTorch, or of a module of PyTorch."""
    if importlib.util.find_spec(library) is None:
        raise InputError(
            f"{library} is not installed", remedy=f'install it: pip install "symderiv[{library}]"'
        )
    if library == "torch":
        return torch_functions.traced(function, declarations, asked, output)
    arrays = Arrays(declarations)
    program = jax_functions.read(function, declarations, arrays.given, output)
    return posed(program, arrays.shapes, asked, getattr(function, "__name__", ""))


class Arrays:
    """The arrays of a function's arguments: how each is declared, and its symbols."""

    def __init__(self, declarations: Mapping[str, Any]) -> None:
        found = {p: x for p, x in leaves(dict(declarations)) if is_array(x)}
        if not found:
            raise InputError("no array is declared", remedy='trace(f, X="n, d")')
        self.names = names_of(list(found))
        self.shapes: dict[str, str] = {}
        self.given: dict[Path, Traced | Labels] = {}
        declared = Declarations()
        for path, x in found.items():
            name = self.names[path]
            text = x if isinstance(x, str) else example(x)
            labels = _LABELS.match(text)
            if labels:
                text = f"{labels[1]}, {labels[2]} onehot"
            declared.declare(name, text)
            variable = declared.variables.get(name)
            if variable is None:
                raise InputError(f"{name} is {text}, not an array", remedy=f'{name}="n, d"')
            self.shapes[name] = text
            array = Traced(SymbolArray(variable.written, variable.expr), shared=True)
            own = variable.written[:-1]
            self.given[path] = Labels(name, own, array) if labels else array


def is_array(x: Any) -> bool:
    """Whether a part of the arguments is an array: a shape as a text, or an example."""
    return isinstance(x, str) or (hasattr(x, "shape") and hasattr(x, "dtype"))


def example(x: Any) -> str:
    """Return the shape of an array of numbers as a text."""
    if not np.issubdtype(np.dtype(str(x.dtype).rpartition(".")[2]), np.floating):
        raise UnsupportedError(
            "an example that is an array of integers",
            remedy='declare labels with the number of classes: y="n label(k)"',
        )
    return ", ".join(str(size(int(n))) for n in x.shape) or "scalar"


__all__ = ["LIBRARIES", "Arrays", "Program", "library_of", "traced"]
