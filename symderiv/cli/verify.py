"""``symderiv verify`` takes a certificate and runs it again."""

from __future__ import annotations

from pathlib import Path

import click

from ..results.derived import verify_folder
from .common import jobs_option
from .progress import quiet_option, shown
from .terminal import say


@click.command(name="verify", short_help="Run a certificate again.")
@click.argument("folder", type=click.Path(path_type=Path))
@jobs_option("2: checks side by side.")
@quiet_option
def command(folder: Path, jobs: int, quiet: bool) -> None:
    """Derive again what a folder's certificate is about, run every check, compare the files.

    Exit code 0: everything holds; 1: something differs; 2: no certificate could be read.
    """
    with shown(quiet):
        certificate, differences = verify_folder(folder, jobs)
    for line in certificate.lines() + certificate.backend_lines():
        say(f"holds: {line}")
    for line in differences:
        say(click.style(f"differs: {line}", fg="red"))
    if not differences:
        say(f"{folder}: every file is what is written from this derivation")
    raise click.exceptions.Exit(1 if differences else 0)
