"""``symderiv list`` prints the ready-made problems."""

from __future__ import annotations

import sys
import textwrap

import click

from ..api import Problem, ready_made
from .common import json_option
from .terminal import columns, say, say_data

_WIDTH = 102  # of a line that goes to no terminal


@click.command(name="list", short_help="List the ready-made problems.")
@json_option
def command(as_json: bool) -> None:
    """List the ready-made problems; derive one with ``symderiv derive NAME``."""
    groups = ready_made()
    if as_json:
        data = [_data(group, p) for group, problems in groups.items() for p in problems]
        say_data(data)
        return
    room = columns() if sys.stdout.isatty() else _WIDTH
    wide = max(len(p.name) for problems in groups.values() for p in problems)
    for k, (group, problems) in enumerate(groups.items()):
        say(("\n" if k else "") + click.style(group, bold=True))
        for p in problems:
            line = f"{p.title}: {'; '.join(p.text.splitlines())}"
            short = textwrap.shorten(line, max(room - wide - 4, 20), placeholder=" ...")
            say(f"  {p.name.ljust(wide)}  {short}")


def _data(group: str, p: Problem) -> dict[str, str]:
    return {"name": p.name, "group": group, "title": p.title, "text": p.text, "source": p.source}
