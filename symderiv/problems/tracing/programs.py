"""From a program that a library of arrays recorded to a problem, with the writer's names.

JAX and PyTorch trace a function themselves; what they record is computed once more, on arrays of
symbols. ``Program`` is what their readers give: the result, and what local variables held.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any

from ...core.errors import InputError, LanguageError, Span
from ...core.expr import Expr, walk
from ...ops.text import text as spelled
from .. import Problem, problem
from ..declarations import Declarations
from .array import Traced
from .array_expressions import SymbolArray
from .declared_arrays import Path
from .function_recognition import recognised
from .index_arrays import Labels
from .local_definitions import definitions, used
from .markers import refuse_marks, settled, unmarked
from .user_places import is_users


@dataclass(frozen=True, slots=True)
class Program:
    """What a function computes: its result, and local variables that held a part of it."""

    result: Traced
    names: Sequence[tuple[str, Traced]]


# The arrays of a function's arguments, by the path to each.
Given = Mapping[Path, Traced | Labels]


@dataclass(frozen=True, slots=True)
class TraceOptions:
    """What the caller of ``trace`` asked for beside the function."""

    loss: str | None = None
    wrt: Sequence[str] | str | None = None
    title: str = ""

    @property
    def names(self) -> list[str]:
        """The variables with respect to which derivatives are wanted, as far as they are said."""
        return [self.wrt] if isinstance(self.wrt, str) else list(self.wrt or ())


def posed(program: Program, shapes: Mapping[str, str], asked: TraceOptions, name: str) -> Problem:
    """Return the problem of a program whose variables are declared."""
    value, names = _named(program)
    return stated(program.result, value, names, shapes, asked, name)


def stated(
    result: Traced,
    value: Expr,
    names: Mapping[Expr, str],
    shapes: Mapping[str, str],
    asked: TraceOptions,
    name: str,
) -> Problem:
    """Return the problem that a result states, with names for parts of its value."""
    loss = asked.loss
    if loss is not None and not result._array.rank:
        raise InputError(
            "the function returns a scalar, which needs no loss around it", remedy="leave loss= out"
        )
    declared = Declarations()
    for variable, shape in shapes.items():
        declared.declare(variable, shape)
    taken = [*shapes, *declared.dims, *([loss] if loss else [])]
    found, value = definitions(value, names, taken, name_result=loss is not None)
    lines = [f"{n} = {spelled(x)}" for n, x in found.items()]
    lines.append(spelled(value) if loss is None else f"{loss}({spelled(value)})")
    if loss is not None:
        shapes = {**shapes, loss: "loss"}
    title = asked.title or (f"Gradients of {name}" if name.isidentifier() else "")
    return problem("\n".join(lines), wrt=asked.wrt, title=title, variables=dict(shapes))


def _named(program: Program) -> tuple[Expr, dict[Expr, str]]:
    """Return the result without marks, and the names of what it uses."""
    result = program.result._array.expr
    held = [(name, x._array.expr) for name, x in program.names]
    read = settled(recognised([*(x for _, x in held), result]))
    refuse_marks(read[result])
    uses = used(list(walk(read[result], Expr.is_name)))
    names: dict[Expr, str] = {}
    for name, x in held:
        value = unmarked(read[x])
        if uses[value]:
            names.setdefault(value, name)
    return read[result], names


def variables_of(declared: Declarations) -> dict[str, Traced]:
    """Return declared variables as arrays of symbols."""
    return {
        name: Traced(SymbolArray(v.written, v.expr), shared=True)
        for name, v in declared.variables.items()
    }


class Locals:
    """Notes what the local variables of the user's functions held when these returned."""

    def __init__(self, kind: Callable[[Any], bool]) -> None:
        self.kind = kind
        self.found: list[tuple[str, Any]] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note them while this is open; a profiler that runs is put back."""
        before = sys.getprofile()
        sys.setprofile(self._see)
        try:
            yield
        finally:
            sys.setprofile(before)

    def _see(self, frame: FrameType, event: str, argument: Any) -> None:
        if event != "return" or not is_users(frame.f_code) or frame.f_code.co_name[0] == "<":
            return
        for name, value in frame.f_locals.items():
            if self.kind(value):
                self.note(name, value)

    def note(self, name: str, value: Any) -> None:
        """Note a value under a name, the first one that it had."""
        if all(value is not x for _, x in self.found):
            self.found.append((name, value))


def placed(error: LanguageError, where: str, line: str) -> LanguageError:
    """Return an error with the line of the user's file that it is about."""
    if not where:
        return error
    line = line.strip()
    span = Span(line, 0, len(line)) if line else None
    return type(error)(f"{where}: {error.subject}", span=span, remedy=error.remedy)
