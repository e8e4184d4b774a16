"""A formula as it is laid out: symbols, scripts, fractions, delimiters; no meaning yet.

Contract: every item knows its place in the text, from ``start`` to ``stop``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from ...core.errors import Span
from ..syntax_nodes import N
from .tokens import place


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
