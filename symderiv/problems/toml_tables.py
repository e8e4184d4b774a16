"""Files that people write: read with their limits, parsed, and searched for the place of an entry.

Contract: what is no regular file of a few megabytes of UTF-8 text is refused before it is read.
Knows TOML and JSON, not what a file means.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import ProblemFileError, Span
from ..core.plaintext import shortened

LARGEST = 4_000_000  # bytes
DEEPEST = 40  # parts of a dotted key
Path_ = tuple[str | int, ...]

_AT = re.compile(r" \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)")
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+"""
_DOTTED = re.compile(rf"""(?<![\w"'-])(?:{_PART}\.[ \t]*+){{{DEEPEST}}}""")
_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"""\s*([\w-]+|"[^"]*"|'[^']*')\s*=""")
_FENCES = ('"""', "'" * 3)


def read_bytes(path: Path) -> bytes:
    """Return the content of a regular file that is not too large; raises ProblemFileError."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            what = "a folder" if stat.S_ISDIR(found.st_mode) else "a device or a pipe"
            raise ProblemFileError(f"{path} cannot be read: it is {what}, not a file")
        if found.st_size > LARGEST:
            raise ProblemFileError(
                f"{path} cannot be read: it has {found.st_size:,} bytes; the limit is {LARGEST:,}",
                remedy="split it into several files",
            )
        # A file can be exchanged for a pipe, or grow: opening must not wait, nor reading end late.
        with open(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)), "rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise ProblemFileError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:  # a NUL in the name
        raise ProblemFileError(f"{shortened(str(path))} cannot be read: {error}") from None


def read_text(path: Path) -> str:
    """Return the text of a file; raises ProblemFileError."""
    try:
        return read_bytes(path).decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ProblemFileError(f"{path} is not UTF-8 text: line {line}") from None


def parse_toml(source: str, name: str) -> dict[str, Any]:
    """Return the tables of a TOML text; raises ProblemFileError with the place."""
    deep = _DOTTED.search(source)
    if deep is not None:
        raise _not(
            name, "TOML", f"a name of more than {DEEPEST} parts", _span(source, deep.start())
        )
    try:
        return tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        at = _AT.search(said)
        raise _not(name, "TOML", _AT.sub("", said), _toml_span(source, at)) from None
    except RecursionError:
        raise _not(name, "TOML", "brackets nest too deep", _deep_span(source)) from None
    except ValueError as error:  # a number of too many digits
        raise _not(name, "TOML", str(error), None) from None


def parse_json(source: str, name: str, line: int | None = None) -> Any:
    """Return the value of a JSON text; ``line`` is where it stands in a file of such lines."""
    where = name if line is None else f"{name}: line {line}"
    try:
        return json.loads(source)
    except json.JSONDecodeError as error:
        span = _span(source, min(error.pos, max(len(source) - 1, 0)))
        raise _not(where, "JSON", error.msg, span) from None
    except RecursionError:
        raise _not(where, "JSON", "brackets nest too deep", _deep_span(source)) from None
    except ValueError as error:
        raise _not(where, "JSON", str(error), None) from None


def _not(name: str, what: str, why: str, span: Span | None) -> ProblemFileError:
    remedy = "see an example: symderiv list, and its files" if what == "TOML" else ""
    return ProblemFileError(f"{name} is not {what}: {why}", span=span, remedy=remedy)


def _toml_span(source: str, at: re.Match[str] | None) -> Span:
    lines = source.split("\n")
    if at is None or at["line"] is None:
        row = max((k for k, line in enumerate(lines) if line.strip()), default=0)
        return Span(source, len(lines[row]), len(lines[row]) + 1, row)
    row, column = int(at["line"]) - 1, int(at["column"]) - 1
    return Span(source, column, column + 1, min(row, len(lines) - 1))


def _span(source: str, position: int) -> Span:
    start = source.rfind("\n", 0, position) + 1
    return Span(source, position - start, position - start + 1, source.count("\n", 0, position))


def _deep_span(source: str) -> Span | None:
    """Return where brackets first nest deeper than anybody writes them."""
    depth = 0
    for k, char in enumerate(source):
        depth += (char in "[{") - (char in "]}")
        if depth > DEEPEST:
            return _span(source, k)
    return None


@dataclass(frozen=True, slots=True)
class FileText:
    """A file as its errors show it: what it is called, and its text."""

    name: str
    source: str = ""

    def place(self, path: Path_) -> Span | None:
        """Return where an entry of a TOML text stands: its name, or that of its table."""
        best: tuple[int, Span] | None = None
        for here, span in self._entries():
            common = _common(here, path)
            if common == len(here) and (best is None or common > best[0]):
                best = (common, span)
        return best[1] if best is not None else None

    def _entries(self) -> Iterator[tuple[Path_, Span]]:
        table: Path_ = ()
        counts: dict[str, int] = {}
        fence = ""
        for row, line in enumerate(self.source.split("\n")):
            if fence:
                fence = "" if fence in line else fence
                continue
            header, key = _HEADER.match(line), _KEY.match(line)
            if header is not None and not key:
                name = header[2].strip("\"'")
                parts: list[str | int] = [p.strip().strip("\"'") for p in name.split(".")]
                if header[1] == "[[":
                    counts[name] = counts.get(name, -1) + 1
                    parts.append(counts[name])
                table = tuple(parts)
                start = line.index(name)
                yield table[:1], Span(self.source, start, start + len(name), row)
                yield table, Span(self.source, start, start + len(name), row)
            elif key is not None:
                name = key[1].strip("\"'")
                start = line.index(name, key.start(1)) if name else key.start(1)
                yield (*table, name), Span(self.source, start, start + max(len(name), 1), row)
                fence = next((f for f in _FENCES if line.count(f) == 1), "")


def _common(first: Path_, second: Path_) -> int:
    count = 0
    for a, b in zip(first, second, strict=False):
        if a != b:
            break
        count += 1
    return count
