"""``symderiv page`` writes the page to type in as one file, for a web site or a memory stick."""

from __future__ import annotations

from pathlib import Path

import click

from ..core.errors import InputError
from ..page.single import single_page
from ..results.writing import write_files
from .common import NamedPath, force_option
from .terminal import say


@click.command(name="page", short_help="Write the page to type in as one file.")
@click.option(
    "-o",
    "--output",
    type=NamedPath(),
    default=Path("symderiv.html"),
    show_default=True,
    help="The file.",
)
@click.option(
    "--runtime",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="The folder of the npm package pyodide: Python itself goes inside, too.",
)
@force_option
def command(output: Path, runtime: Path | None, force: bool) -> None:
    """Write the page of ``symderiv serve`` as one file that needs no server.

    \b
    symderiv page -o symderiv.html
    symderiv page -o symderiv.html --runtime node_modules/pyodide

    Python runs in the browser. Without --runtime it is loaded from its public address when the
    page is opened; with it, the file needs no network.
    """
    if output.suffix != ".html":
        raise InputError(f"{output} is no page", remedy="its name ends in .html")
    content = single_page(runtime).encode()
    write_files(output.parent, {output.name: content}, force=force or _is_page(output))
    say(f"wrote {output}, {len(content) / 1e6:.1f} MB")


def _is_page(path: Path) -> bool:
    """Whether a file is such a page."""
    try:
        with path.open("rb") as file:
            return path.is_file() and b"<title>symderiv</title>" in file.read(2_000)
    except OSError:
        return False
