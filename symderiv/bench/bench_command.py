"""``symderiv bench``: measurements against other programs."""

from __future__ import annotations

import sys

import click

from ..cli.common import json_option
from ..cli.terminal import say, say_data
from ..core.errors import InputError
from .derive_times import DEPTHS, described, measure, table


@click.group(name="bench", short_help="Measure speed against other programs.")
def command() -> None:
    """Measure speed against other programs, in turns in one process.

    \b
    symderiv bench derive
    """


@command.command(name="derive", short_help="How long deriving takes.")
@click.option("--repeat", type=click.IntRange(1), default=5, show_default=True, help="Turns.")
@click.option(
    "--depth",
    metavar="10,100,1000",
    default=",".join(map(str, DEPTHS)),
    show_default=True,
    help="Layers of the networks.",
)
@click.option("--quick", is_flag=True, help="A few small cases, once.")
@json_option
def derive_command(repeat: int, depth: str, quick: bool, as_json: bool) -> None:
    """Measure deriving: against SymPy's diff, and against JAX's trace of deep networks."""
    try:
        depths = [int(k) for k in depth.split(",")]
    except ValueError:
        depths = []
    if not depths or min(depths) < 1:
        raise InputError(f"--depth {depth}: these are not depths", remedy="write --depth 10,100")
    shown = sys.stderr.isatty()
    found = measure(
        repeat=1 if quick else repeat,
        depths=[2, 4] if quick else depths,
        quick=quick,
        progress=lambda line: say(line, err=True) if shown else None,
    )
    if as_json:
        say_data(described(found))
    else:
        say(table(found))
