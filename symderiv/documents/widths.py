"""How wide a formula is, roughly, and where it may be broken.

Purpose: decide from the tree which formulas can need more than a line; the exact fit is left to
the formats, which measure. Contract: pure; widths are in em of the running text.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from ..notation.identifiers import name_of
from ..notation.math import (
    Big,
    Brace,
    Fence,
    Frac,
    Grid,
    Math,
    Num,
    Op,
    Root,
    Row,
    Script,
    Sym,
    Tint,
    Under,
    Word,
    row,
)
from ..notation.spacing import is_unary, items_of

_RELATIONS = frozenset("=≠<>≤≥≔∈→⟹≈")
_SUMS = frozenset("+−")
_PRODUCTS = frozenset("⊙⊘")
_LONG = 18.0  # em: a longer piece is broken at its products as well
_SMALL = 0.7


def width(math: Math) -> float:
    """Return the width of a formula in display style, in em, to about a fifth.

    >>> width(Sym("X")) < width(row(Sym("X"), Op("+"), Sym("W")))
    True
    """
    return _BY_CLASS[type(math)](math)


def _sym(m: Sym) -> float:
    name = name_of(m)
    small = sum(width(s) for s in (name.sub, name.sup) if s is not None)
    return 0.6 * len(name.core) + 0.5 * len(name.prefix) + _SMALL * small


def _op(m: Op) -> float:
    return 1.4 if m.char in _RELATIONS else 0.4 if m.char in ",:;/" else 1.2


def _script(m: Script) -> float:
    return width(m.base) + _SMALL * max((width(s) for s in (m.sub, m.sup) if s), default=0.0)


def _big(m: Big) -> float:
    limits = [width(s) * _SMALL for s in (m.lower, m.upper) if s is not None]
    return max(1.4, *limits) + 0.2 + width(m.body) if limits else 1.6 + width(m.body)


def _grid(m: Grid) -> float:
    columns = [max(width(c) for c in column) for column in zip(*m.rows, strict=True)]
    return 1.0 + sum(columns) + 1.0 * (len(columns) - 1)


_BY_CLASS: dict[type[Math], Callable[[Any], float]] = {
    Sym: _sym,
    Num: lambda m: 0.5 * len(m.text),
    Op: _op,
    Word: lambda m: 0.5 * len(m.text) + (0.2 if m.function else 0),
    Row: lambda m: sum(width(i) for i in m.items) + 0.08 * len(m.items),
    Frac: lambda m: max(width(m.over), width(m.under)) + 0.3,
    Script: _script,
    Root: lambda m: 1.0 + width(m.body),
    Fence: lambda m: 0.8 + width(m.body),
    Big: _big,
    Under: lambda m: max(width(m.body), 0.6 * width(m.note)) + 0.3,
    Brace: lambda m: max(width(m.body), _SMALL * width(m.label)),
    Grid: _grid,
    Tint: lambda m: width(m.body),
}


def pieces(math: Math) -> tuple[Math, ...]:
    """Return a formula cut at its outermost signs, so that no piece reads as the whole.

    ``+`` and ``−`` end a piece; a relation leads one, but the first is never cut off.

    >>> len(pieces(row(Sym("Z"), Op("="), Sym("X"), Op("+"), Sym("b"))))
    2
    """
    if not isinstance(math, Row):
        return (math,)
    items = items_of(math)
    related, cuts = False, []
    for k, item in enumerate(items):
        if _sign(item) in _RELATIONS:
            cuts += [k] if related else []
            related = True
        elif _sign(item) in _SUMS and not is_unary(items, k):
            cuts.append(k + 1)
    found = [p for part in _between(items, cuts) for p in _at_products(part)]
    return tuple(row(*part) for part in found)


def _between(items: tuple[Math, ...], cuts: list[int]) -> list[tuple[Math, ...]]:
    return [items[a:b] for a, b in pairwise([0, *cuts, len(items)]) if a < b]


def _at_products(items: tuple[Math, ...]) -> list[tuple[Math, ...]]:
    if width(row(*items)) < _LONG:
        return [items]
    return _between(items, [k + 1 for k, item in enumerate(items) if _sign(item) in _PRODUCTS])


def lines(math: Math, room: float) -> tuple[Math, ...]:
    """Return a formula as lines no wider than ``room``, as far as its outermost signs allow.

    >>> len(lines(row(Sym("Z"), Op("="), Sym("X"), Op("+"), Sym("b")), 3.0))
    2
    """
    found: list[list[Math]] = []
    length = 0.0
    for part in pieces(math):
        if found and length + width(part) <= room:
            found[-1].append(part)
            length += width(part)
        else:
            found.append([part])
            length = width(part)
    return tuple(row(*parts) for parts in found)


def cut_sign(math: Math) -> tuple[Math, Math] | None:
    """Return a piece without the sign that ends it, and this sign; None where there is none."""
    items = items_of(math) if isinstance(math, Row) else ()
    if len(items) < 2 or _sign(items[-1]) not in _SUMS | _PRODUCTS:
        return None
    return row(*items[:-1]), items[-1]


def _sign(item: Math) -> str:
    if isinstance(item, Tint):
        return _sign(item.body)
    return item.char if isinstance(item, Op) else ""
