"""Running a function once on arrays of symbols, and reading what it computed as a problem."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any

from ...core.errors import InputError, LanguageError, Span
from ...core.expr import Expr, walk
from ...core.plaintext import shortened
from ...ops.text import text as spelled
from .. import Problem, problem
from ..declarations import Declarations, declared_by
from .array import Condition, Traced
from .array_expressions import SymbolArray
from .attributes import TypeOf
from .creating import following_creation
from .frameworks import LIBRARIES, library_of, traced
from .function_recognition import recognised
from .local_definitions import definitions, used
from .programs import TraceOptions
from .random_numbers import drawn
from .user_places import explain, is_users, name_of, refusals, whole_line


def trace(
    function: Callable[..., Any],
    /,
    *,
    loss: str | None = None,
    wrt: Sequence[str] | str | None = None,
    title: str = "",
    framework: str | None = None,
    variables: Mapping[str, Any] | None = None,
    **declarations: Any,
) -> Problem:
    """Return the problem that a function written with NumPy, JAX or PyTorch computes.

    Every parameter is declared by its name, with a shape in which a vector has one size, as its
    array has; one that is not declared keeps its default, a number. The function runs once, on
    arrays of symbols: operators, ufuncs, reductions, ``np.einsum``, ``np.linalg`` and indices are
    followed with NumPy's meaning (a vector added to a matrix goes to every row), and its local
    variables become definitions. ``loss="L"`` puts an unspecified loss around a result that is no
    scalar. The title is "Gradients of layer" for a function ``layer``, where none is given.

    Raises UnsupportedError, with the line in the function's file and what to write instead, for
    what cannot be followed: branches on values, loops over rows, item assignment, functions that
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
    options: dict[str, Any] = {"loss": loss, "wrt": wrt, "title": title}
    library = framework or library_of(function, {**(variables or {}), **declarations})
    if library in LIBRARIES:
        given = declared_by(variables, declarations, options, _parameters(function))
        return traced(function, library, given, TraceOptions(loss, wrt, title), lambda x: x)
    shapes = declared_by(variables, declarations, options, _parameters(function))
    declared = Declarations()
    for name, shape in shapes.items():
        declared.declare(name, shape)
    arrays = {
        name: Traced(SymbolArray(v.written, v.expr), shared=True)
        for name, v in declared.variables.items()
    }
    recorder = _Recorder()
    result = _run_alike(recorder, function, _arguments(function, arrays))
    if loss is not None and not result._array.rank:
        raise InputError(
            "the function returns a scalar, which needs no loss around it",
            remedy="leave loss= out",
        )
    taken = [
        *shapes,
        *(s for v in declared.variables.values() for d in v.shape for s in d.names),
    ]
    taken += [loss] if loss is not None else []
    value, names = recorder.named(result._array.expr)
    found, value = definitions(value, names, taken, name_result=loss is not None)
    lines = [f"{n} = {spelled(x)}" for n, x in found.items()]
    lines.append(spelled(value) if loss is None else f"{loss}({spelled(value)})")
    if loss is not None:
        shapes = {**shapes, loss: "loss"}
    name = getattr(function, "__name__", "")
    if name.isidentifier():  # a lambda has none
        title = title or f"Gradients of {name}"
    return problem("\n".join(lines), wrt=wrt, title=title, variables=shapes)


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


def _arguments(function: Callable[..., Any], arrays: dict[str, Traced]) -> dict[str, Any]:
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
                remedy=f'declare it: {name}="n, d"' if not fixed else "write an ordinary parameter",
            )
    return dict(arrays)


def _run_alike(recorder: _Recorder, function: Callable[..., Any], given: dict[str, Any]) -> Traced:
    """Return the result of the function, which must compute with the same numbers each time."""
    drawn.begin(again=False)
    result = recorder.run(function, dict(given))
    if drawn.first:
        drawn.begin(again=True)
        _Recorder().run(function, dict(given))
    if isinstance(result, Traced):
        return result
    what = f"a {type(result).__name__}" if result is not None else "nothing"
    where, span = recorder.last or ("the function", None)
    raise InputError(
        f"{where}: it returns {what}, not one array of what it was given",
        span=span,
        remedy="let it return the value that is to be differentiated, or trace a function that "
        "picks it: lambda X, W: f(X, W)[0]",
    )


_COMPREHENSIONS = ("<genexpr>", "<listcomp>", "<setcomp>", "<dictcomp>")


class _Recorder:
    """Notes which local variables hold which arrays when functions of the user return."""

    def __init__(self) -> None:
        self.depth = 0
        # By expression: the depth, the name, whether a helper's parameter gave it, and the order.
        self.found: dict[Expr, tuple[int, str, bool, int]] = {}
        self.last: tuple[str, Span | None] | None = None  # where the outermost function returned
        self.spaces: list[dict[str, Any]] = []  # of modules in which type answers for symbols

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
        except LanguageError:
            raise
        except Exception as failure:
            if refusals:
                raise refusals[0] from failure  # an error of its own, made of ours
            if isinstance(failure, TypeError | AttributeError | ValueError | IndexError):
                raise explain(failure) from failure
            raise
        finally:
            sys.setprofile(before)
            for space in self.spaces:
                del space["type"]
        if refusals:  # caught by the function, which would not have met it with arrays
            raise refusals[0]
        return found

    def _see(self, frame: FrameType, event: str, argument: Any) -> None:
        if event not in ("call", "return") or not is_users(frame.f_code):
            return
        if event == "call":
            self.depth += 1
            if "type" in frame.f_code.co_names and "type" not in frame.f_globals:
                frame.f_globals["type"] = TypeOf
                self.spaces.append(frame.f_globals)
            return
        # The variable of a comprehension stands for many values.
        local = {} if frame.f_code.co_name in _COMPREHENSIONS else frame.f_locals
        helper = frame.f_code.co_varnames[: frame.f_code.co_argcount] if self.depth > 1 else ()
        for name, value in local.items():
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

    def named(self, result: Expr) -> tuple[Expr, dict[Expr, str]]:
        """Return the result, and the name of what a variable held, the outermost function's first.

        What was given to a helper and is used once is named by no variable of the function.
        """
        ordered = sorted(self.found, key=lambda x: self.found[x][-1])
        read = recognised([*ordered, result])
        uses = used(list(walk(read[result], Expr.is_name)))
        names: dict[Expr, str] = {}
        for x in ordered:
            _, name, passed, _ = self.found[x]
            if uses[read[x]] > 1 or not passed:
                names.setdefault(read[x], name)
        return read[result], names
