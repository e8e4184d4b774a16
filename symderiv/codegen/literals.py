"""Text as source: the one way by which what a user wrote enters generated code.

Contract: a text becomes one constant, which holds it exactly and which it cannot leave; that is
read back before it is used.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from ..core.errors import CheckError

_QUOTES = '"""'


def literal(value: Any) -> str:
    """Return texts and numbers, also in lists, tuples and dicts, as source.

    >>> literal(["X", "a'b"])
    '[\\'X\\', "a\\'b"]'
    """
    source = repr(value)
    return _read_back(source, source, value)


def quoted(text: str) -> str:
    """Return a text as a string of generated code, in double quotes.

    >>> quoted("n")
    '"n"'
    """
    source = f'"{_escaped(text)}"'
    return _read_back(source, source, text)


def docstring(lines: Sequence[str]) -> list[str]:
    """Return lines of text as a docstring, its quotes at the margin of the first line.

    >>> docstring(["  A title", "", "  of X"])[2]
    '  of X'
    """
    margin = lines[0][: len(lines[0]) - len(lines[0].lstrip(" "))]
    first, *rest = map(_escaped, lines)
    source = [f"{margin}{_QUOTES}{first[len(margin) :]}", *rest, f"{margin}{_QUOTES}"]
    held = "\n".join([lines[0][len(margin) :], *lines[1:], margin])
    _read_back("\n".join(source)[len(margin) :], "\n".join(source), held)
    return source


def _escaped(line: str) -> str:
    """Return a line of text for a literal: no quote ends it, and nothing in it is invisible."""
    found = []
    for char, following in zip(line, f'{line[1:]}"', strict=False):
        if char == "\\" or (char == '"' and following == '"'):
            found.append(f"\\{char}")
        elif char.isprintable():
            found.append(char)
        else:
            found.append(char.encode("unicode_escape", "surrogatepass").decode())
    return "".join(found)


def _read_back(source: str, result: str, value: Any) -> str:
    if ast.literal_eval(source) != value:
        raise CheckError("a text does not stand in the generated code as it was written")
    return result
