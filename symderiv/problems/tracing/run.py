"""Running a function once on arrays of symbols, and reading what it computed as a problem."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import Any

import numpy as np

from ...core.errors import InputError, LanguageError, Span, SymderivError
from ...core.expr import Expr, var, walk
from ...core.plaintext import shortened
from ...core.shapes import ONE, Dim, size
from .. import Problem
from ..declarations import declared_by
from .array import SHADOWED, Condition, Traced
from .array_expressions import SymbolArray
from .assigning import CellArray
from .creating import BUILTINS, FOLLOWED_FUNCTIONS, following_creation
from .declared_arrays import Path, mapped, picked_output
from .frameworks import LIBRARIES, Arrays, imported_library, library_of, traced
from .function_recognition import recognised
from .held_arrays import HeldArrays
from .index_arrays import ClassesNeededError, Labels
from .label_arrays import LabelArray, LabelsUsedError
from .local_definitions import used
from .markers import refuse_marks, settled, unmarked
from .programs import TraceOptions, stated
from .random_arrays import random_arrays
from .random_numbers import drawn
from .traced_function import TracedFunction
from .user_places import explain, is_users, name_of, refusals, whole_line


def trace(
    function: Callable[..., Any],
    /,
    *,
    loss: str | None = None,
    wrt: Sequence[str] | str | None = None,
    title: str = "",
    output: int | str | None = None,
    framework: str | None = None,
    variables: Mapping[str, Any] | None = None,
    **declarations: Any,
) -> Problem:
    """Return the problem that a function written with NumPy, JAX or PyTorch computes.

    Every parameter is declared by its name, with a shape in which a vector has one size, as its
    array has: ``X="n, d"``, labels as ``y="n label(k)"``, dicts, lists and dataclasses of such;
    an array of numbers in the place of a shape is an example. What is not declared keeps its
    default, and an option is given as it is. The function runs once, on arrays of symbols, with
    NumPy's meaning (a vector added to a matrix goes to every row); its local variables become
    definitions, arrays that it brings along variables with bound values, random numbers arguments.
    An array of an object (``self.b``) that ``wrt`` names is a variable, whatever it holds.
    ``loss="L"`` puts an unspecified loss around a result that is no scalar; of several results the
    first array counts, or ``output=``, a place or a key. A function of JAX or PyTorch, or an
    ``nn.Module``, is traced by its own library; ``framework`` says which, where that does not show.
    The title is "Gradients of layer" for a function ``layer``, where none is given.

    Raises UnsupportedError, with the line in the function's file and what to write instead, for
    what cannot be followed: branches on values, loops over a size that is a symbol, functions that
    the language does not have. Raises ShapeError, with the line, where NumPy would refuse shapes.

    >>> import numpy as np
    >>> def layer(X, W, b):
    ...     Z = X @ W + b
    ...     return np.maximum(Z, 0)
    >>> p = trace(layer, loss="L", X="n, d", W="d, m", b="m")
    >>> print(p.text)
    Z = X @ W + b.T
    L(relu(Z))
    """
    options: dict[str, Any] = {"loss": loss, "wrt": wrt, "title": title, "output": output}
    given = declared_by(variables, declarations, options, _parameters(function))
    asked = TraceOptions(loss, wrt, title)
    library = framework or library_of(function, given)
    if library in LIBRARIES:
        return traced(function, library, given, asked, partial(picked_output, output))
    if library not in (None, "numpy"):
        raise InputError(
            f"there is no framework {shortened(library)}", remedy="numpy, jax and torch are traced"
        )
    try:
        return _of_numpy(function, given, asked, output)
    except SymderivError:
        # A function that uses methods alone does not show the library that it is written for.
        other = imported_library(function) if framework is None else None
        if other is None:
            raise
        try:
            return traced(function, other, given, asked, partial(picked_output, output))
        except SymderivError:
            pass
        raise


def _of_numpy(
    function: Callable[..., Any],
    given: Mapping[str, Any],
    asked: TraceOptions,
    output: int | str | None,
    parameters: Sequence[str] = (),
) -> Problem:
    """Return the problem of a function written with NumPy.

    Arrays that it has from objects are variables where they are ``parameters``, or asked for.
    """
    labels: dict[str, Dim | None] = {}
    while True:
        held = _Held(function, [*parameters, *asked.names])
        try:
            arrays, recorder, result = _followed(function, given, labels, output, held)
            break
        except LabelsUsedError as used_so:
            labels[used_so.name] = None
        except ClassesNeededError as needed:
            labels[needed.name] = needed.classes
    value, names = recorder.named(result._array.expr)
    shapes = {**arrays.shapes, **held.shapes, **random_arrays.shapes}
    picks = [n for path, n in arrays.names.items() if type(arrays.given[path]) is Labels]
    if asked.wrt is None and picks:
        asked = replace(asked, wrt=[n for n in shapes if n not in picks])
    found = stated(result, value, names, shapes, asked, getattr(function, "__name__", ""))
    values = {**held.values, **random_arrays.values}
    brought = {n: x for n, x in values.items() if n in found.variables}
    again = partial(_of_numpy, function, given, asked, output)
    author = TracedFunction(function, given, arrays.names, [*held.shapes], again)
    return replace(found, values=brought, labels=tuple(picks), function=author)


def _followed(
    function: Callable[..., Any],
    given: Mapping[str, Any],
    labels: Mapping[str, Dim | None],
    output: int | str | None,
    held: _Held,
) -> tuple[Arrays, _Recorder, Traced]:
    """Return the arrays of the arguments, what was noted, and the result of one run."""
    arrays = Arrays(given, labels)

    def argument(path: Path, leaf: Any) -> Any:
        found = arrays.given.get(path, leaf)
        return LabelArray(found) if type(found) is Labels else found

    SHADOWED.clear()
    held.declare(arrays.taken)
    SHADOWED.update({"pi", "e"} & {*arrays.shapes, *held.shapes})
    recorder = _Recorder()
    arguments = _arguments(function, mapped(argument, dict(given)))
    with held.arrays.put(held.symbols):
        taken = arrays.taken | held.shapes.keys()
        return arrays, recorder, _run_alike(recorder, function, arguments, output, taken)


class _Held:
    """The arrays that a function has from objects, and that are variables of its problem."""

    def __init__(self, function: Callable[..., Any], asked: Sequence[str]) -> None:
        self.arrays = HeldArrays(function)
        self.asked = dict.fromkeys(n for n in asked if n in self.arrays.names)
        self.shapes: dict[str, str] = {}
        self.values: dict[str, Any] = {}
        self.symbols: dict[str, Traced] = {}

    def declare(self, taken: set[str]) -> None:
        """Declare those that are asked for and whose name is free."""
        for name in self.asked:
            value = self.arrays.names[name]
            if name in taken:
                continue
            dims = tuple(map(size, np.shape(value)))
            self.shapes[name] = ", ".join(map(str, dims)) or "scalar"
            self.values[name] = value
            expr = var(name, (*dims, *(ONE,) * (2 - len(dims))))
            self.symbols[name] = Traced(SymbolArray(dims, expr), shared=True)


def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of the parameters of a function; raises InputError where it has none."""
    if not callable(function):
        raise InputError(f"{shortened(function)} is no function", remedy="trace(f, X='n, d')")
    try:
        return tuple(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        raise InputError(
            f"the parameters of {shortened(function)} are not known",
            remedy="trace a function of Python that calls it: lambda X: f(X)",
        ) from None


def _arguments(function: Callable[..., Any], arrays: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments by name; raises InputError for one that has no shape."""
    parameters = inspect.signature(function).parameters
    open_ = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for name in arrays:
        if name not in parameters and not open_:
            raise InputError(
                f"the function has no parameter {name!r}",
                remedy=f"it has: {', '.join(parameters)}",
            )
    for name, p in parameters.items():
        fixed = p.kind in (p.POSITIONAL_ONLY, p.VAR_POSITIONAL)
        required = p.default is p.empty and p.kind is not p.VAR_KEYWORD
        if fixed or (required and name not in arrays):
            raise InputError(
                f"the parameter {name!r} has no shape"
                if not fixed
                else f"the parameter {name!r} cannot be given by its name",
                remedy=f'declare it: {name}="n, d", or {name}={{"W": "n, d"}} for a dict of '
                "arrays; an option is given as it is: stride=2"
                if not fixed
                else "write an ordinary parameter",
            )
    return dict(arrays)


def _run_alike(
    recorder: _Recorder,
    function: Callable[..., Any],
    given: dict[str, Any],
    output: int | str | None,
    taken: set[str],
) -> Traced:
    """Return the result of the function, which must compute with the same numbers each time."""
    drawn.begin(again=False)
    random_arrays.begin(taken)
    result = recorder.run(function, dict(given))
    if drawn.first:
        drawn.begin(again=True)
        shapes = random_arrays.shapes
        random_arrays.begin(taken)
        _Recorder().run(function, dict(given))
        random_arrays.shapes = shapes
    result = _as_traced(picked_output(output, result))
    if isinstance(result, Traced):
        return result
    what = f"a {type(result).__name__}" if result is not None else "nothing"
    where, span = recorder.last or ("the function", None)
    raise InputError(
        f"{where}: it returns {what}, not one array of what it was given",
        span=span,
        remedy="let it return the value that is to be differentiated, or say which one it is: "
        'output=1, output="loss"',
    )


def _as_traced(value: Any) -> Any:
    """Return an array that holds entries of arrays of symbols as one of these."""
    return Traced(value.symbols()) if isinstance(value, CellArray) and value.has_symbols else value


_COMPREHENSIONS = ("<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>")


def _of_functions(function: Any) -> Any:
    if type(function) is Traced:
        return None
    try:
        return FOLLOWED_FUNCTIONS.get(function)
    except TypeError:  # no hash
        return None


class _Recorder:
    """Notes which local variables hold which arrays when functions of the user return."""

    def __init__(self) -> None:
        self.depth = 0
        # By expression: the depth, the name, whether a helper's parameter gave it, and the order.
        self.found: dict[Expr, tuple[int, str, bool, int]] = {}
        self.last: tuple[str, Span | None] | None = None  # where the outermost function returned
        self.spaces: list[tuple[dict[str, Any], str, Any]] = []  # names of modules, as they were

    def run(self, function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        """Return the result of the function; a profiler that runs is put back."""
        with following_creation():
            return self._run(function, arguments)

    def _run(self, function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        before = sys.getprofile()
        refusals.clear()
        sys.setprofile(self._see)
        try:
            found = function(**arguments)
        except (LanguageError, LabelsUsedError, ClassesNeededError):
            raise
        except Exception as failure:
            if refusals:
                raise refusals[0] from failure  # an error of its own, made of ours
            if isinstance(failure, TypeError | AttributeError | ValueError | IndexError):
                raise explain(failure) from failure
            raise
        finally:
            sys.setprofile(before)
            for space, name, before_it in reversed(self.spaces):
                if before_it is None:
                    del space[name]
                else:
                    space[name] = before_it
            self.spaces.clear()
        if refusals:  # caught by the function, which would not have met it with arrays
            raise refusals[0]
        return found

    def _see(self, frame: FrameType, event: str, argument: Any) -> None:
        if event not in ("call", "return") or not is_users(frame.f_code):
            return
        if event == "call":
            self.depth += 1
            self._look_at(frame)
            return
        # The variable of a comprehension stands for many values.
        local = {} if frame.f_code.co_name in _COMPREHENSIONS else frame.f_locals
        helper = frame.f_code.co_varnames[: frame.f_code.co_argcount] if self.depth > 1 else ()
        for name, value in local.items():
            value = _as_traced(value)
            held = isinstance(value, Traced) and not isinstance(value, Condition)
            if not held or (value._array.rank == 0 and value._array.expr.op == "size"):
                continue
            array = value._array
            known = self.found.get(array.expr, (sys.maxsize,))
            order = min(array.order, known[-1])
            if self.depth < known[0]:
                self.found[array.expr] = (self.depth, name, name in helper, order)
        self.depth -= 1
        line = frame.f_lineno
        if self.depth == 0:
            self.last = name_of(frame.f_code, line), whole_line(frame.f_code, line)

    def _look_at(self, frame: FrameType) -> None:
        """Put what follows symbols in the place of what asks for numbers, in the user's module."""
        space = frame.f_globals
        for name in frame.f_code.co_names:
            there = space.get(name)
            new = BUILTINS.get(name) if name not in space else _of_functions(there)
            if new is not None:
                self.spaces.append((space, name, there))
                space[name] = new

    def named(self, result: Expr) -> tuple[Expr, dict[Expr, str]]:
        """Return the result, and the name of what a variable held, the outermost function's first.

        What was given to a helper and is used once is named by no variable of the function.
        """
        ordered = sorted(self.found, key=lambda x: self.found[x][-1])
        read = settled(recognised([*ordered, result]))
        refuse_marks(read[result])
        uses = used(list(walk(read[result], Expr.is_name)))
        names: dict[Expr, str] = {}
        for x in ordered:
            _, name, passed, _ = self.found[x]
            value = unmarked(read[x])
            if uses[value] > 1 or not passed:
                names.setdefault(value, name)
        return read[result], names
