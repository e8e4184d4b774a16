"""Options and printing that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from ..api import load
from ..core.errors import InputError, UnknownNameError
from ..notation.math import EQUALS, Math, fraction_of_partials, row
from ..notation.unicode import unicode
from ..ops.text import text
from ..ops.written import Writer
from ..problems import Problem, library
from ..problems.declarations import Declarations, parse_var_option
from ..problems.problem import build
from ..problems.properties import CROSSWISE, crosswise, in_columns, readings
from ..problems.syntaxes import PYTHON, SYNTAXES

Command = Callable[..., Any]


def syntax_option(command: Command) -> Command:
    """Add ``--syntax``."""
    return click.option(
        "--syntax",
        type=click.Choice([s.name for s in SYNTAXES.values() if s.states_problems]),
        default=PYTHON.name,
        show_default=True,
        help="How expressions are written.",
    )(command)


def problem_options(command: Command) -> Command:
    """Add the options that say how the text of a problem is read."""
    for option in (
        syntax_option,
        click.option("--upstream", metavar="NAME", help="Name of the given gradient (G)."),
        click.option(
            "--var",
            "variables",
            multiple=True,
            metavar="'X: n, d'",
            help="Declare a variable, a loss or an entrywise function; repeatable.",
        ),
    ):
        command = option(command)
    return command


def json_option(command: Command) -> Command:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print data for machines.")(command)


def read_problem(
    source: str, variables: Sequence[str], upstream: str | None, syntax: str = PYTHON.name
) -> Problem:
    """Return the problem that an argument names or states: a file, a ready-made one, a text."""
    path = Path(source)
    bare = all(c.isalnum() or c in "-_." for c in source) and bool(source)
    is_file = source.endswith(".toml") or (len(source) < 200 and bare and path.is_file())
    if is_file or source in library.names():
        if variables or upstream:
            raise InputError("--var and --upstream are for expressions; a file declares its own")
        return load(source)
    if bare and "-" in source and all(len(part) > 1 for part in source.split("-")):
        near = get_close_matches(source, library.names())
        raise UnknownNameError(
            f"there is no file and no ready-made problem {source!r}",
            remedy=f"ready-made: {', '.join(near or library.names())}; a file ends in .toml",
        )
    declared = Declarations()
    for option in variables:
        name, shape = parse_var_option(option)
        declared.declare(name, shape)
    return build(source, declared, upstream=upstream, syntax=syntax)


def inferred_note(problem: Problem) -> str:
    """Return how undeclared names were read, or nothing."""
    found = [
        f"{v.name}: {', '.join(map(str, v.written)) or 'scalar'}"
        for v in problem.variables.values()
        if v.inferred
    ]
    return "; ".join(found)


def reading_notes(problem: Problem) -> list[str]:
    """Return how the declared properties were read, and where a reading is to be looked at."""
    variables = problem.variables.values()
    read = [f"{v.name} {reading}" for v in variables for reading in readings(v)]
    lines = [f"read as  {'; '.join(read)}"] if read else []
    for v in variables:
        along = crosswise(problem.objective, v)
        if along is not None:
            lines.append(f"note: {text(along)} {CROSSWISE} {v.name}, declare {in_columns(v)}")
    return lines


def equation(name: str, variable: Math, value: Math) -> str:
    """Return ``∂L/∂W = value`` on one line."""
    left = fraction_of_partials(Writer().name(name), variable)
    return unicode(row(left, EQUALS, value))
