"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from ..api import STATING

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
