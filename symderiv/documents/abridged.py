"""Takes a document; returns it with formulas that nobody reads to their end cut short.

A formula of thousands of signs fills pages, or is made too small to be seen. What is left out is
counted in a note at the end of the document; the certificate holds the results whole.
"""

from __future__ import annotations

from dataclasses import is_dataclass, replace
from typing import Any

from ..notation.math import Big, Fence, Frac, Math, Row, Script, Tint, Under, Word, row
from .model import Document, Line, Note

MOST_SIGNS = 1_000  # of a formula, some twenty lines
_DOTS = Word("…", function=False)


def abridged(document: Document) -> Document:
    """Return a document whose formulas have at most ``MOST_SIGNS`` signs.

    >>> from symderiv.notation.math import Sym
    >>> from .model import Display
    >>> long = Row((Sym("x"),) * (MOST_SIGNS + 5))
    >>> abridged(Document("", (), (Display((long,)),))).blocks[1].text
    ('Formulas end in … after 1,000 signs: 5 are left out; the certificate has the results whole.',)
    """
    short = _Shortener()
    found: Document = short.of(document)
    if not short.left_out:
        return document
    said = (
        f"Formulas end in … after {MOST_SIGNS:,} signs: {short.left_out:,} are left out; "
        "the certificate has the results whole."
    )
    return replace(found, blocks=(*found.blocks, Note((said,))))


class _Shortener:
    """Shortens formulas wherever they stand; counts what it leaves out, once for each formula."""

    def __init__(self) -> None:
        self.left_out = 0
        # By identity, which is quick: what is counted is kept.
        self._signs: dict[int, tuple[Math, int]] = {id(_DOTS): (_DOTS, 0)}

    def of(self, x: Any) -> Any:
        """Return a part of a document with its formulas shortened; itself where none is long."""
        if isinstance(x, Math):
            return self._formula(x)
        if isinstance(x, tuple):
            new = tuple(map(self.of, x))
            return new if any(a is not b for a, b in zip(new, x, strict=True)) else x
        if not is_dataclass(x) or isinstance(x, type):
            return x
        if isinstance(x, Line):  # whose pieces are one formula
            x = replace(x, right=self._pieces(x.right))
        old = {n: getattr(x, n) for n in x.__dataclass_fields__}
        changed = {n: v for n, o in old.items() if (v := self.of(o)) is not o}
        return replace(x, **changed) if changed else x

    def _pieces(self, pieces: tuple[Math, ...]) -> tuple[Math, ...]:
        """Return the pieces of a formula; those beyond what one may have are left out."""
        signs, kept = 0, 0
        while kept < len(pieces) and signs + self._count(pieces[kept]) <= MOST_SIGNS:
            signs += self._count(pieces[kept])
            kept += 1
        gone = pieces[max(kept, 1) :]  # the first is cut by itself
        if not gone:
            return pieces
        self.left_out += sum(map(self._count, gone))
        return (*pieces[: max(kept, 1)], _DOTS)

    def _formula(self, math: Math) -> Math:
        signs = self._count(math)
        if signs <= MOST_SIGNS:
            return math
        short = self._cut(math, MOST_SIGNS)
        self.left_out += signs - self._count(short)
        return short

    def _count(self, math: Math) -> int:
        """Return how many signs a formula has."""
        if id(math) not in self._signs:
            inner = sum(map(self._count, _parts(math)))
            self._signs[id(math)] = (math, max(1, inner))
        return self._signs[id(math)][1]

    def _cut(self, math: Math, most: int) -> Math:
        """Return the beginning of a formula, its brackets closed."""
        if self._count(math) <= most:
            return math
        if isinstance(math, Row):
            kept: list[Math] = []
            for item in math.items:
                if self._count(item) > most:
                    break
                kept.append(item)
                most -= self._count(item)
            item, *more = math.items[len(kept) :]
            begun = self._cut(item, most) if most > 0 else item
            if begun is item:
                return row(*kept, _DOTS)
            return row(*kept, begun, _DOTS) if more else row(*kept, begun)
        if isinstance(math, Fence | Tint | Under | Big):
            return replace(math, body=self._cut(math.body, most))
        if isinstance(math, Script):
            return replace(math, base=self._cut(math.base, most))
        if isinstance(math, Frac):
            return Frac(self._cut(math.over, most), self._cut(math.under, most))
        return math


def _parts(x: Any) -> list[Math]:
    """Return the formulas that stand directly in one, or in its rows."""
    found: list[Math] = []
    for value in x if isinstance(x, tuple) else [getattr(x, n) for n in x.__dataclass_fields__]:
        if isinstance(value, Math):
            found.append(value)
        elif isinstance(value, tuple):
            found += _parts(value)
    return found
