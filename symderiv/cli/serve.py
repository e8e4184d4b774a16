"""``symderiv serve`` opens a page to type, read and copy."""

from __future__ import annotations

import webbrowser

import click

from ..core.errors import InputError
from ..page.server import LOOPBACK, PageServer
from ..page.worker import SECONDS
from .terminal import say


@click.command(name="serve", short_help="Open a page to type in, in the browser.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=0,
    help="Where the page is served; default: any that is free.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(1, 3600),
    default=SECONDS,
    show_default=True,
    help="The longest time for one answer.",
)
@click.option("--no-browser", is_flag=True, help="Only say where the page is.")
def command(port: int, seconds: float, no_browser: bool) -> None:
    """Serve a page to this machine alone: type an expression, read its derivatives and steps.

    \b
    symderiv serve
    symderiv serve --port 8000 --no-browser

    Ctrl-C ends it. Nothing that is typed is run or leaves the machine.
    """
    try:
        server = PageServer(port, seconds)
    except OSError as error:
        raise InputError(
            f"cannot serve at {LOOPBACK}:{port}: {error.strerror}", remedy="choose another --port"
        ) from None
    with server:
        say(f"{server.address}  (Ctrl-C ends it)")
        if not no_browser:
            webbrowser.open(server.address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("ended")
