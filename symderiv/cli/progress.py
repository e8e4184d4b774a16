"""What takes longer than a second, shown on the terminal while it is done.

Contract: nothing is shown where the error stream is no terminal; where that moves no cursor, a
line for every new thing that is done.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

from ..core.telling import listening
from .terminal import has_colours, say

_PATIENCE = 1.0  # seconds, after which something is shown


def quiet_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--quiet``."""
    return click.option("--quiet", is_flag=True, help="Do not show how far it is.")(command)


@contextmanager
def shown(quiet: bool = False) -> Iterator[None]:
    """Show what is done meanwhile, and how far it is."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    display: _Lines = _Bar() if has_colours() else _Lines()
    timer = threading.Timer(_PATIENCE, display.begin)
    timer.daemon = True
    timer.start()
    try:
        with listening(display.tell):
            yield
    finally:
        timer.cancel()
        display.end()


class _Lines:
    """Prints a line for every new thing."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = self._ended = False
        self._now: tuple[str, int, int] = ("", 0, 0)

    def tell(self, what: str, done: int, of: int) -> None:
        with self._lock:
            is_new, self._now = what != self._now[0], (what, done, of)
            if self._begun:
                self._show(is_new)

    def begin(self) -> None:
        """Show what is done now, from here on."""
        with self._lock:
            if not self._ended:
                self._open()
                self._begun = True
                self._show(bool(self._now[0]))

    def end(self) -> None:
        with self._lock:
            self._ended = True
            if self._begun:
                self._close()

    def _open(self) -> None: ...

    def _show(self, is_new: bool) -> None:
        if is_new:
            say(f"{self._now[0]} ..", err=True)

    def _close(self) -> None: ...


class _Bar(_Lines):
    """Moves a bar, with the time that has passed."""

    def _open(self) -> None:
        self._bar = import_module(".moving_bar", __package__).bar()
        self._task = self._bar.add_task("", total=None, parts="")
        self._bar.start()

    def _show(self, is_new: bool) -> None:
        what, done, of = self._now
        self._bar.update(
            self._task,
            description=what,
            completed=done,
            total=of or None,
            parts=f"{done} of {of}" if of else "",
        )

    def _close(self) -> None:
        self._bar.stop()
