"""What the command line prints, through one door: in characters that the stream has, and safe.

Contract: text of a user moves no cursor and colours nothing; ``NO_COLOR`` and ``TERM=dumb`` are
honoured; what an encoding lacks is printed in ASCII, and JSON loses nothing by it.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from _thread import interrupt_main
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from ..core.plaintext import json_text, visible
from ..notation.ascii import ascii_mathematics

_COLOURED = re.compile(r"(\x1b\[(?:[0-2]|3[0-7])m)")  # what click.style makes of bold, dim, colours
_AGAIN = 0.02  # seconds until an interrupt that was lost is sent again


def say(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Print text on the terminal, or on the error stream."""
    pieces = _COLOURED.split(text)
    shown = "".join(p if k % 2 else visible(p) for k, p in enumerate(pieces))
    stream = sys.stderr if err else sys.stdout
    if not _has(stream, shown):
        shown = ascii_mathematics(shown)
    click.echo(shown, err=err, nl=nl, color=None if has_colours() else False)


def say_data(data: object) -> None:
    """Print data as JSON; what the encoding lacks is escaped."""
    text = json_text(data)
    click.echo(text if _has(sys.stdout, text) else json_text(data, ascii_only=True))


def has_colours() -> bool:
    """Whether a terminal may be coloured, and a bar moved on it."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _interrupt() -> None:
    """Send an interrupt to the main thread, also where that waits for something."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        interrupt_main()


def _has(stream: Any, text: str) -> bool:
    """Whether a stream can print a text."""
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


@contextmanager
def interrupts_kept() -> Iterator[None]:
    """See to it that Ctrl-C ends the program wherever it falls.

    Python drops an interrupt inside the callback of a weak reference, or inside a finalizer; it is
    sent again a moment later.
    """
    before = sys.unraisablehook

    def again(lost: Any) -> None:
        if issubclass(lost.exc_type, KeyboardInterrupt):
            timer = threading.Timer(_AGAIN, _interrupt)
            timer.daemon = True
            timer.start()
        else:
            before(lost)

    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = before
