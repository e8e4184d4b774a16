"""Where in the user's own file something happened, and errors that show the line."""

from __future__ import annotations

import linecache
import sys
from pathlib import Path
from types import CodeType, FrameType

import numpy

from ..errors import LanguageError, Span, UnsupportedError

_PACKAGE = str(Path(__file__).parent.parent)
_NUMPY = str(Path(numpy.__file__).parent)


def is_users(code: CodeType) -> bool:
    """Whether code is neither of this package nor of an installed one."""
    file = code.co_filename
    installed = "site-packages" in file or "dist-packages" in file
    return not (file.startswith((_PACKAGE, _NUMPY)) or installed)


def refuse(
    problem: str, remedy: str, error: type[LanguageError] = UnsupportedError
) -> LanguageError:
    """Return the error for what stands in the line of the user's file that runs now."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not is_users(frame.f_code):
        frame = frame.f_back
    if frame is None:
        return error(problem, remedy=remedy)
    file, line = frame.f_code.co_filename, frame.f_lineno
    return error(
        f"{Path(file).name}, line {line}: {problem}", span=_span(frame, file, line), remedy=remedy
    )


def _span(frame: FrameType, file: str, line: int) -> Span | None:
    source = linecache.getline(file, line).rstrip()
    text = source.lstrip()
    if not text:
        return None
    left = len(source) - len(text)
    first, last, start, stop = list(frame.f_code.co_positions())[frame.f_lasti // 2]
    if first != line or last != line or start is None or stop is None:
        return Span(text, 0, len(text))
    return Span(text, start - left, stop - left)
