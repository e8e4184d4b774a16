"""``symderiv list``."""

from __future__ import annotations

import json
import textwrap

import click

from .. import library
from .common import json_option

_WIDTH = 100


@click.command(name="list", short_help="List the ready-made problems.")
@json_option
def command(as_json: bool) -> None:
    """List the ready-made problems; derive one with ``symderiv derive NAME``."""
    problems = [library.load_named(name) for name in library.names()]
    if as_json:
        data = [{"name": p.name, "title": p.title, "text": p.text} for p in problems]
        click.echo(json.dumps(data, indent=2))
        return
    wide = max(len(p.name) for p in problems)
    for p in problems:
        line = f"{p.title}: {'; '.join(p.text.splitlines())}"
        click.echo(
            f"{p.name.ljust(wide)}  {textwrap.shorten(line, _WIDTH - wide, placeholder=' ...')}"
        )
