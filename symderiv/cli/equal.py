"""``symderiv equal`` takes expressions and prints whether they are equal."""

from __future__ import annotations

import click

from ..api import equal, parse_var_options
from .common import json_option, note_unused, syntax_option
from .terminal import say, say_data


@click.command(name="equal", short_help="Compare two expressions.")
@click.argument("left", metavar="A")
@click.argument("right", metavar="B")
@click.option("--var", "variables", multiple=True, metavar="'X: n, d'", help="Declare a variable.")
@syntax_option
@json_option
def command(left: str, right: str, variables: tuple[str, ...], syntax: str, as_json: bool) -> None:
    """Say whether two expressions are equal, at random points of several sizes.

    \b
    symderiv equal "(A @ B).T" "B.T @ A.T"
    """
    note_unused(variables, left, right)
    verdict = equal(left, right, syntax=syntax, variables=parse_var_options(variables))
    if as_json:
        say_data(verdict.as_dict())
    else:
        say("\n".join(verdict.told()))
    raise click.exceptions.Exit(0 if verdict.verdict == "right" else 1)
