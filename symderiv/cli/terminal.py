"""What the command line prints, through one door: in characters that the stream has, and safe.

Contract: text of a user moves no cursor and colours nothing; ``NO_COLOR`` and ``TERM=dumb`` are
honoured; what an encoding lacks is printed in ASCII, and JSON loses nothing by it.
"""

from __future__ import annotations

import os
import re
import shutil
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
_REASON = re.compile(r"(.*\S) {3,}(\x1b\[2m.*)")  # a line of a derivation, and why it holds
_HANGING = 4  # spaces, by which what does not fit on a line stands further in
_NARROWEST = 20  # columns
_AGAIN = 0.02  # seconds until an interrupt that was lost is sent again


def say(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Print text on the terminal, or on the error stream."""
    stream = sys.stderr if err else sys.stdout
    if stream.isatty():
        lines = text.split("\n")
        # Where something stands in a text is said by carets below it.
        text = "\n".join(x if err and x.startswith("    ") else _fitted(x) for x in lines)
    pieces = _COLOURED.split(text)
    shown = "".join(p if k % 2 else visible(p) for k, p in enumerate(pieces))
    if not _has(stream, shown):
        shown = ascii_mathematics(shown)
    click.echo(shown, err=err, nl=nl, color=None if has_colours() else False)


def note(text: str) -> None:
    """Print what a user should know of what was asked, on the error stream."""
    say(f"{click.style('note', fg='cyan')}: {text}", err=True)


def columns() -> int:
    """Return how many characters a line of the terminal has."""
    return max(shutil.get_terminal_size((100, 24)).columns, _NARROWEST)


def _wide(text: str) -> int:
    return len(_COLOURED.sub("", text))


def _fitted(line: str) -> str:
    """Return a line broken between words where it is too long for the terminal."""
    plain, width = _COLOURED.sub("", line), columns()
    if len(plain) <= width:
        return line
    indent = min(len(plain) - len(plain.lstrip()) + _HANGING, width // 3)
    parts = _REASON.fullmatch(line)
    if parts is not None:
        return f"{_fitted(parts[1])}\n{_fitted(' ' * indent + parts[2])}"
    gaps_and_words = re.split(r"( +)", line)
    found, used = gaps_and_words[0], _wide(gaps_and_words[0])
    for gap, word in zip(gaps_and_words[1::2], gaps_and_words[2::2], strict=True):
        if used + len(gap) + _wide(word) > width and used > indent:
            found, used, gap = f"{found}\n{' ' * indent}", indent, ""
        found, used = f"{found}{gap}{word}", used + len(gap) + _wide(word)
    return found


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
