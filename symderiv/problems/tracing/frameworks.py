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
from dataclasses import replace
from types import CodeType, ModuleType
from typing import Any

import numpy as np

from ...core.errors import InputError, LanguageError, UnsupportedError
from ...core.shapes import Dim, size
from .. import Problem
from ..declarations import Declarations
from . import jax_functions, torch_functions
from .array import Traced
from .array_expressions import SymbolArray
from .declared_arrays import UNKNOWN, Path, leaves, mapped, names_of
from .index_arrays import ClassesNeededError, Labels
from .programs import Program, TraceOptions, posed
from .user_places import is_users

LIBRARIES = ("jax", "torch")
_RESERVED = ("e", "pi", "L", "G")
_LABELS = re.compile(r"(.*?)\s*label\((\w+|\?)\)\s*\Z", re.DOTALL)


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


def imported_library(function: Any) -> str | None:
    """Return a library whose name the module of a function has: its methods may be used alone."""
    function = getattr(inspect.unwrap(function), "__func__", function)
    space = getattr(function, "__globals__", {})
    roots = {_root(x.__name__) for x in list(space.values()) if isinstance(x, ModuleType)}
    return next((name for name in LIBRARIES if name in roots), None)


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
    try:
        return _traced(function, library, declarations, asked, output)
    except UnsupportedError as refused:
        if not _OF_INTEGERS.search(refused.subject):
            raise
        for guess in _with_labels(declarations):
            try:
                return _traced(function, library, guess, asked, output)
            except LanguageError:
                continue
        raise


def _traced(
    function: Any,
    library: str,
    declarations: Mapping[str, Any],
    asked: TraceOptions,
    output: Callable[[Any], Any],
) -> Problem:
    if library == "torch":
        return torch_functions.traced(function, declarations, asked, output)
    labels: dict[str, Dim | None] = {}
    while True:
        arrays = Arrays(declarations, labels)
        try:
            program = jax_functions.read(function, declarations, arrays.given, output)
        except ClassesNeededError as needed:
            labels[needed.name] = needed.classes
            continue
        picks = [n for p, n in arrays.names.items() if isinstance(arrays.given[p], Labels)]
        if asked.wrt is None and picks:
            asked = replace(asked, wrt=[n for n in arrays.shapes if n not in picks])
        found = posed(program, arrays.shapes, asked, getattr(function, "__name__", ""))
        return replace(found, labels=tuple(picks))


# What a library says of an array of numbers where it needs one of integers.
_OF_INTEGERS = re.compile(r"int64|Long|[Ii]nteger|[Ii]ndexer|int32")


def _with_labels(declarations: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield declarations in which one array of numbers holds labels."""
    for path, text in leaves(dict(declarations)):
        if isinstance(text, str) and "label(" not in text and text.count(",") < 2:

            def labelled(here: Path, leaf: Any, path: Path = path) -> Any:
                return f"{leaf} label({UNKNOWN}" if here == path else leaf

            yield mapped(labelled, dict(declarations))


class Arrays:
    """The arrays of a function's arguments: how each is declared, and its symbols."""

    def __init__(
        self, declarations: Mapping[str, Any], labels: Mapping[str, Dim | None] | None = None
    ) -> None:
        found = {p: x for p, x in leaves(dict(declarations)) if is_array(x)}
        self.names = names_of(list(found))
        self.shapes: dict[str, str] = {}
        self.given: dict[Path, Traced | Labels] = {}
        declared = Declarations()
        for path, x in found.items():
            name = self.names[path]
            text = x if isinstance(x, str) else example(x)
            read = _LABELS.match(text)
            classes = read[2] if read else (labels or {}).get(name, "")
            if classes == "?":
                classes = (labels or {}).get(name)
            text = read[1] if read else text
            if classes:
                text = f"{text}, {classes} onehot"
            declared.declare(name, text)
            variable = declared.variables.get(name)
            if variable is None:
                raise InputError(f"{name} is {text}, not an array", remedy=f'{name}="n, d"')
            self.shapes[name] = text
            array = Traced(SymbolArray(variable.written, variable.expr), shared=True)
            self.given[path] = array
            if classes is None:
                self.given[path] = Labels(name, variable.written)
            elif classes:
                self.given[path] = Labels(name, variable.written[:-1], array)

    @property
    def taken(self) -> set[str]:
        """Return the names that no other variable may have."""
        shapes = (x.dims if isinstance(x, Labels) else x._array.dims for x in self.given.values())
        sizes = (str(d) for dims in shapes for d in dims)
        return {*self.shapes, *sizes, *_RESERVED}


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
