"""Options that several commands share."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from ..api import STATING, parse_var_options, problem_names
from ..core.errors import InputError
from .terminal import note

Command = Callable[..., Any]


def syntax_option(command: Command) -> Command:
    """Add ``--syntax``."""
    return click.option(
        "--syntax",
        type=click.Choice(STATING),
        default=STATING[0],
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


def output_options(
    choices: Sequence[str], default: Sequence[str], into: str
) -> Callable[[Command], Command]:
    """Add ``--output``, ``--format`` and ``--force``."""

    def add(command: Command) -> Command:
        for option in (
            force_option,
            click.option(
                "--format",
                "formats",
                type=Formats(choices),
                metavar=",".join(choices),
                default=",".join(default),
                show_default=True,
                help="What to write with -o.",
            ),
            click.option("-o", "--output", type=NamedPath(), help=into),
        ):
            command = option(command)
        return command

    return add


def jobs_option(said: str) -> Callable[[Command], Command]:
    """Add ``--jobs``."""
    return click.option("-j", "--jobs", type=click.IntRange(1), default=1, help=said)


def force_option(command: Command) -> Command:
    """Add ``--force``."""
    said = "Overwrite files that symderiv did not write, or that were changed since."
    return click.option("--force", is_flag=True, help=said)(command)


class NamedPath(click.Path):
    """A path that is not the empty text, which would be the folder one happens to be in."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: Any, ctx: click.Context | None) -> Any:
        if value == "":
            raise InputError("-o names nothing", remedy="name it: -o output; here: -o .")
        return super().convert(value, param, ctx)


class Formats(click.ParamType):  # type: ignore[type-arg]
    """Names of formats with commas between them."""

    name = "formats"

    def __init__(self, choices: Sequence[str]) -> None:
        self.choices = choices

    def convert(self, value: Any, param: Any, ctx: click.Context | None) -> list[str]:
        chosen = [f.strip() for f in value.split(",") if f.strip()]
        unknown = [f for f in chosen if f not in self.choices]
        if unknown or not chosen:
            what = f"no format {unknown[0]!r}" if unknown else "--format names no format"
            raise InputError(what, remedy=f"there are: {', '.join(self.choices)}")
        return list(dict.fromkeys(chosen))

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        done, comma, begun = incomplete.rpartition(",")
        left = [c for c in self.choices if c not in done.split(",") and c.startswith(begun)]
        return [CompletionItem(f"{done}{comma}{c}") for c in left]


class ProblemSource(click.ParamType):  # type: ignore[type-arg]
    """A ready-made problem, a file, or an expression; the names and files are completed."""

    name = "problem"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        found = [CompletionItem(n) for n in problem_names() if n.startswith(incomplete)]
        return found or [CompletionItem(incomplete, type="file")]


def refuse_idle(ctx: click.Context, needed: str, names: Sequence[str]) -> None:
    """Refuse options that do nothing without another; ``names`` are those of parameters."""
    for name in names:
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = next(p.opts[-1] for p in ctx.command.params if p.name == name)
            raise InputError(
                f"{option} is about the files that are written", remedy=f"say where: {needed}"
            )


def note_unused(declared: Sequence[str], *texts: str) -> None:
    """Say which declarations no text uses."""
    words = {w for t in texts for w in re.findall(r"\w+", unicodedata.normalize("NFKC", t))}
    for name in parse_var_options(declared):
        if unicodedata.normalize("NFKC", name) not in words:
            note(f'--var "{name}" is not used: there is no {name} in the expression')
