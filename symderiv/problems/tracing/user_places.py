"""Where in the user's own file something happened, and errors that show the line."""

from __future__ import annotations

import linecache
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType

import numpy

from ...core.errors import LanguageError, Span, UnsupportedError
from .tracing_remedies import chosen

_PACKAGE = str(Path(__file__).parent.parent)
_PYTHON = sysconfig.get_path("stdlib")
_NUMPY = str(Path(numpy.__file__).parent)


def is_users(code: CodeType) -> bool:
    """Whether code is neither of this package nor of an installed one."""
    return is_users_file(code.co_filename)


def is_users_file(file: str) -> bool:
    """Whether a file is neither of this package nor of an installed one."""
    installed = "site-packages" in file or "dist-packages" in file
    inside = file.startswith((_PACKAGE, _NUMPY, _PYTHON, "<frozen")) or file.endswith(".pyx")
    return not (inside or installed)


# What was refused since a function began to run: it may catch the error, and go another way.
refusals: list[LanguageError] = []


def refuse(
    problem: str, remedy: str | dict[str, str], error: type[LanguageError] = UnsupportedError
) -> LanguageError:
    """Return the error for what stands in the line of the user's file that runs now.

    Remedies by word are chosen by the words of what stands there.
    """
    found = _refusal(problem, remedy, error)
    refusals.append(found)
    return found


_quiet: list[bool] = []


@contextmanager
def without_places() -> Iterator[None]:
    """Let errors have no place in a file while this is open: a text is read, no function runs."""
    _quiet.append(True)
    try:
        yield
    finally:
        _quiet.pop()


def _refusal(
    problem: str, remedy: str | dict[str, str], error: type[LanguageError]
) -> LanguageError:
    frame: FrameType | None = None if _quiet else sys._getframe(2)
    while frame is not None and not is_users(frame.f_code):
        frame = frame.f_back
    if frame is None:
        return error(problem, remedy=remedy if isinstance(remedy, str) else chosen(remedy, ""))
    return _located(problem, remedy, error, frame.f_code, frame.f_lineno, frame.f_lasti)


def explain(failure: Exception) -> LanguageError:
    """Return what Python raised in the user's function as an error with the line."""
    at, last = failure.__traceback__, None
    while at is not None:
        last = at if is_users(at.tb_frame.f_code) else last
        at = at.tb_next
    problem, remedy = f"{type(failure).__name__}: {failure}", "arrays of symbols cannot do this"
    if last is None:
        return UnsupportedError(problem, remedy=remedy)
    code = last.tb_frame.f_code
    return _located(problem, remedy, UnsupportedError, code, last.tb_lineno, last.tb_lasti)


def _located(
    problem: str,
    remedy: str | dict[str, str],
    error: type[LanguageError],
    code: CodeType,
    line: int,
    last: int,
) -> LanguageError:
    span = _span(code, last, line)
    if not isinstance(remedy, str):
        remedy = chosen(remedy, span.text[span.start : span.stop] if span else "")
    return error(f"{name_of(code, line)}: {problem}", span=span, remedy=remedy)


def name_of(code: CodeType, line: int) -> str:
    """Return the file, the line and the function in which something happened."""
    inside = "" if code.co_name.startswith("<") else f", in {code.co_name}"
    return f"{Path(code.co_filename).name}, line {line}{inside}"


def whole_line(code: CodeType, line: int) -> Span | None:
    """Return a line of the user's file, all of it marked."""
    text = linecache.getline(code.co_filename, line).strip()
    return Span(text, 0, len(text)) if text else None


def _span(code: CodeType, last_instruction: int, line: int) -> Span | None:
    file = code.co_filename
    source = linecache.getline(file, line).rstrip()
    text = source.lstrip()
    if not text:
        return None
    left = len(source) - len(text)
    first, last, start, stop = list(code.co_positions())[last_instruction // 2]
    if first != line or last != line or start is None or stop is None:
        return Span(text, 0, len(text))
    return Span(text, start - left, stop - left)
