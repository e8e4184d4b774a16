"""A formula as it is written and as it is laid out: tokens, then symbols, scripts, fractions.

Contract: no meaning yet. Every token and item knows its place in the text, from ``start`` to
``stop``; spaces and comments are left out. The scanner is total on any text up to its length: what
has no meaning is a token too, and refused where it stands. Nothing is expanded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

from ...core.errors import Span
from ..syntax_nodes import N
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


@dataclass(frozen=True, slots=True)
class Item:
    """Base of all items: one without scripts is its own base."""

    start: int
    stop: int

    @property
    def base(self) -> Item:
        return self

    @property
    def sub(self) -> RowLayout | None:
        return None

    @property
    def sups(self) -> tuple[RowLayout, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class RowLayout(Item):
    """Items side by side."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Symbol(Item):
    """A letter, a letter of Greek by its name, or a word set as one."""

    name: str
    accent: str = ""
    bold: bool = False
    word: bool = False  # of several letters, or set upright as the name of a function
    greek: bool = False
    upright: bool = False


@dataclass(frozen=True, slots=True)
class Number(Item):
    """A number; bold, 1 and 0 are constant vectors."""

    text: str
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Sign(Item):
    """An operator, a relation, punctuation, or a mark such as ∂, by its name in the tables."""

    name: str


@dataclass(frozen=True, slots=True)
class BigOperator(Item):
    """The sign of a sum, or of a product over an index."""

    word: str = "Sum"


@dataclass(frozen=True, slots=True)
class Group(Item):
    """What stands in delimiters; braces alone have the kind ``""``."""

    kind: str  # "" | ")" | "]" | "}" | ">" | "|" | "||"
    body: RowLayout


@dataclass(frozen=True, slots=True)
class Fraction(Item):
    """A fraction."""

    over: RowLayout
    under: RowLayout


@dataclass(frozen=True, slots=True)
class RootLayout(Item):
    """A root, of a degree or square."""

    degree: RowLayout | None
    body: RowLayout


@dataclass(frozen=True, slots=True)
class Scripted(Item):
    """An item with a subscript, superscripts in their order, and primes among them."""

    base: Item = field()
    sub: RowLayout | None = field()
    sups: tuple[RowLayout, ...] = field()


@dataclass(frozen=True, slots=True)
class Forked(Item):
    """Letters that are names in more than one way."""

    ways: tuple[tuple[Item, ...], ...]


def bare(row: RowLayout) -> tuple[Item, ...]:
    """Return the items of a script, without braces around all of them."""
    items = row.items
    while len(items) == 1 and isinstance(items[0], Group) and not items[0].kind:
        items = items[0].body.items
    return items


def is_sign(item: Item, *names: str) -> bool:
    """Whether an item is one of these signs."""
    return isinstance(item, Sign) and item.name in names


def is_letter_d(item: Item) -> bool:
    """Whether an item is a d, the sign of a differential or a name."""
    return isinstance(item, Symbol) and item.name == "d" and not item.accent


def split_at(items: tuple[Item, ...], *signs: str) -> list[tuple[Item, ...]]:
    """Return what stands between some signs."""
    cuts = [-1, *(k for k, x in enumerate(items) if is_sign(x, *signs)), len(items)]
    return [items[a + 1 : b] for a, b in pairwise(cuts)]


def span(text: str, item: Item) -> Span:
    """Return the place of an item."""
    return place(text, item.start, item.stop)


def at_item(node: N, text: str, first: Item, last: Item | None = None) -> N:
    """Return a node with the place of an item, or from one item to another."""
    where = place(text, first.start, max((last or first).stop, first.start + 1))
    line = text.split("\n")[where.line]
    node.lineno = node.end_lineno = where.line + 1
    node.col_offset = len(line[: where.start].encode())
    node.end_col_offset = len(line[: where.stop].encode())
    return node


def place(text: str, start: int, stop: int) -> Span:
    """Return a range of a text as a place on its line."""
    line = text.count("\n", 0, start)
    begin = text.rfind("\n", 0, start) + 1
    end = text.find("\n", start)
    end = len(text) if end < 0 else end
    return Span(text, start - begin, max(min(stop, end), start + 1) - begin, line)
