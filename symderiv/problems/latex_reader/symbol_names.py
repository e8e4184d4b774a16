"""Symbols of a formula to the names of a problem.

A name is found by how it is typeset: accents, subscripts and Greek letters are spelled out in all
the usual ways, and underscores do not count. Contract: pure; knows declarations, no shapes.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from ...core.errors import UnknownNameError
from ...notation.identifiers import spelled_out
from ...ops import FUNCTIONS
from . import macro_tables as tables
from .laid_out import Group, Item, Number, RowLayout, Scripted, Sign, Symbol, is_sign, span

LONGEST_RUN = 60
_MOST_WAYS = 6


@dataclass(slots=True)
class SymbolNames:
    """The names that a formula may use, by kind."""

    values: tuple[str, ...]  # variables, definitions, given gradients
    sizes: tuple[str, ...]
    entrywise: tuple[str, ...]
    losses: tuple[str, ...]
    differentials: tuple[str, ...] = ()  # dZ, where the gradient at Z is given
    defined: tuple[str, ...] = ()  # of the values those that are definitions
    columns: bool = False  # whether x_i is the i-th column of X, not its i-th row
    _spelled: dict[str, list[str]] = field(init=False)
    _lettered: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._spelled = {}
        own = (*self.values, *self.sizes, *self.entrywise, *self.losses)
        self._lettered = spelled_out(tuple(dict.fromkeys(own)))
        for name in (*own, *self.differentials):
            self._spelled.setdefault(name.replace("_", ""), []).append(name)

    def of(self, spellings: Iterable[str], kinds: Iterable[str]) -> list[str]:
        """Return the names among ``kinds`` that have one of the spellings."""
        allowed = set(kinds)
        found = [n for s in spellings for n in self._spelled.get(s.replace("_", ""), ())]
        fits = [n for n in dict.fromkeys(found) if n in allowed]
        # Of names that look alike, all but one are printed as they are spelled.
        return [n for n in fits if n not in self._lettered] or fits

    def is_spelled(self, name: str) -> bool:
        """Whether a name is printed letter by letter, as another one looks the same."""
        return name in self._lettered

    @property
    def readable(self) -> tuple[str, ...]:
        """Return what can stand for a value: sizes are numbers."""
        return (*self.values, *self.sizes)


def spellings(symbol: Symbol, label: str = "") -> list[str]:
    """Return how a symbol with a script that is part of its name may be spelled.

    >>> spellings(Symbol(0, 1, "y", accent="hat"), "1")
    ['yhat1', 'y1hat']
    >>> spellings(Symbol(0, 7, "lambda", greek=True))
    ['lambda', 'lam', 'lamda', 'lmbda']
    """
    cores = tables.GREEK_SPELLINGS.get(symbol.name, (symbol.name,))
    if not symbol.greek:
        cores = (symbol.name,)
    accents = ["", "vec"] if symbol.accent == "vec" else [symbol.accent]
    return list(
        dict.fromkeys(
            spelled
            for core in cores
            for a in accents
            for spelled in (f"{core}{a}{label}", f"{core}{label}{a}")
        )
    )


def label_of(row: RowLayout | None) -> str | None:
    """Return a script as part of a name: its letters and digits, or None if it has others."""
    parts: list[str] = []
    for item in row.items if row is not None else ():
        if isinstance(item, Group) and item.kind in ("", ")"):
            inner = label_of(item.body)
            if inner is None:
                return None
            parts.append(inner)
        elif isinstance(item, Symbol) and not item.accent:
            parts.append(item.name)
        elif isinstance(item, Number):
            parts.append(item.text)
        elif isinstance(item, Sign) and item.name == "star":
            parts.append("star")
        elif not (isinstance(item, Sign) and item.name == ","):
            return None
    return "".join(parts)


def is_label(items: tuple[Item, ...]) -> bool:
    """Whether a superscript in parentheses is part of a name: W^{(1)}."""
    one = len(items) == 1
    return one and (
        (isinstance(items[0], Group) and items[0].kind == ")") or is_sign(items[0], "star")
    )


def function_of(word: str) -> str | None:
    """Return the function of the language that a word on paper stands for."""
    found = tables.FUNCTION_WORDS.get(word)
    if found is None and word in FUNCTIONS and FUNCTIONS[word].build is not None:
        found = word
    return found


def unknown(text: str, names: SymbolNames, item: Item, written: str) -> UnknownNameError:
    """Return the error about a symbol that stands for nothing."""
    functions = (
        [*tables.FUNCTION_WORDS, *FUNCTIONS] if isinstance(item, Symbol) and item.word else []
    )
    near = difflib.get_close_matches(written, [*names.values, *functions], 1)
    known = ", ".join(names.values)
    remedy = f"did you mean {near[0]}?" if near and len(written) > 1 else f"there are: {known}"
    return UnknownNameError(
        f"{written!r} is no name of the problem", span=span(text, item), remedy=remedy
    )


def segmentations(symbols: list[Item], names: SymbolNames) -> list[list[tuple[int, int]]]:
    """Return the ways to read letters side by side as names, as ranges of them.

    Longer names first; a single letter always stands for itself.
    """
    kinds = (*names.readable, *names.entrywise, *names.losses, *names.differentials)

    def known(i: int, j: int) -> bool:
        run = symbols[i:j]
        if any(s is not s.base for s in run[:-1]):
            return False
        last = run[-1]
        sub = label_of(last.sub)
        core = "".join(map(written_of, run))
        options = [core] if not sub else [core + sub, core]
        if names.of(options, kinds):
            return True
        upright = all(isinstance(s, Symbol) and not s.greek and not s.bold for s in run)
        return upright and j - i > 1 and function_of(core) is not None

    count = len(symbols)
    ways: dict[int, list[list[tuple[int, int]]]] = {count: [[]]}  # from a letter to the last
    for i in reversed(range(count)):
        ends = [j for j in range(count, i, -1) if ways[j] and known(i, j)]
        ways[i] = [[(i, j), *rest] for j in ends for rest in ways[j]][:_MOST_WAYS]
    return ways[0]


def written_of(item: Item) -> str:
    """Return a symbol as it is spelled first."""
    if isinstance(item.base, Number):
        return item.base.text
    assert isinstance(item.base, Symbol)
    return spellings(item.base)[0]


def merged(run: Sequence[Item]) -> Item:
    """Return letters as one symbol, with the scripts of the last; a row of what are no letters."""
    last = run[-1]
    base = last.base
    if len(run) == 1:
        return last
    if not all(isinstance(x, Symbol | Number) for x in (*run[:-1], base)):
        return RowLayout(run[0].start, last.stop, tuple(run))
    symbol = Symbol(run[0].start, base.stop, "".join(map(written_of, run)), word=True)
    return replace(last, start=symbol.start, base=symbol) if isinstance(last, Scripted) else symbol
