"""Tables of files that people write (TOML): entries checked one by one, errors with their place."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ProblemFileError, Span


def read_text(path: Path) -> str:
    """Return the text of a file; raises ProblemFileError."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ProblemFileError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ProblemFileError(f"{path} is not UTF-8 text") from None


class TableReader:
    """Reads tables of a file; every error names the file and, where it can, the place."""

    def __init__(self, name: str, source: str) -> None:
        self.name, self.source = name, source

    def _fail(self, message: str, remedy: str = "", mark: str = "") -> ProblemFileError:
        return ProblemFileError(
            f"{self.name}: {message}", span=self._place(mark) if mark else None, remedy=remedy
        )

    def _place(self, mark: str) -> Span | None:
        """Return the first line that starts with ``mark``, or contains it."""
        lines = self.source.split("\n")
        for fits in (str.startswith, str.__contains__):
            for k, line in enumerate(lines):
                if fits(line.strip().strip("["), mark):
                    start = line.index(mark)
                    return Span(self.source, start, start + len(mark), k)
        return None

    def _keys(self, table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
        for key in table:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                remedy = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
                raise self._fail(f"no entry {key!r} in {where}", remedy, key)

    def _table(self, data: Mapping[str, Any], key: str) -> dict[str, Any]:
        found = data.get(key, {})
        if not isinstance(found, dict):
            raise self._fail(f"{key} is not a table", f"write it as [{key}]", key)
        return found

    def _string(self, value: object, where: str) -> str:
        if not isinstance(value, str):
            raise self._fail(
                f"{where} is {value!r}, not a text", "put it into quotes", where.split(".")[-1]
            )
        return value
