"""LaTeX text to tokens, each with its place; spaces and comments are left out.

Contract: total on any text up to its length: what has no meaning is a token too, and refused
where it stands. Nothing is expanded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...core.errors import Span
from .macro_tables import SPACES, UNICODE

_TOKEN = re.compile(
    r"(?P<space>\s+|%[^\n]*|~)"
    r"|(?P<row>\\\\(\*|\s*\[[^\]]*\])?)"
    r"|\\(?P<macro>[A-Za-z]+\*?|.)"
    r"|(?P<number>\d+(\.\d+)?|\.\d+)"
    r"|(?P<letter>[A-Za-z])"
    r"|(?P<char>.)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A macro (without its backslash), a letter, a number, any other character, or the end."""

    kind: str  # "macro" | "letter" | "number" | "char" | "row" | "end"
    text: str
    start: int
    stop: int

    def is_char(self, *chars: str) -> bool:
        """Whether it is one of these characters."""
        return self.kind == "char" and self.text in chars


def tokens(text: str) -> list[Token]:
    r"""Return the tokens of a text, the end last.

    >>> [t.text for t in tokens(r"X^\top \, G % the claim")]
    ['X', '^', 'top', 'G', '']
    """
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        kind, start, stop = str(match.lastgroup), match.start(), match.end()
        if kind == "space":
            continue
        if match["row"] is not None:
            found.append(Token("row", "\\\\", start, stop))
            continue
        if match["number"] is not None:
            kind = "number"
        word = match[kind]
        if kind == "char" and word in UNICODE:
            word = UNICODE[word]
            kind = "macro" if word[0] == "\\" else "char"
            word = word.lstrip("\\")
        if kind == "macro":
            word = word if len(word) == 1 else word.rstrip("*")
            if word == "_":
                found.append(Token("letter", "_", start, stop))
                continue
            if word in SPACES:
                continue
        found.append(Token(kind, word, start, stop))
    return [*found, Token("end", "", len(text), len(text))]


def place(text: str, start: int, stop: int) -> Span:
    """Return a range of a text as a place on its line."""
    line = text.count("\n", 0, start)
    begin = text.rfind("\n", 0, start) + 1
    end = text.find("\n", start)
    end = len(text) if end < 0 else end
    return Span(text, start - begin, max(min(stop, end), start + 1) - begin, line)
