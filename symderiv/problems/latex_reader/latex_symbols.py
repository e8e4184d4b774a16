"""Symbols to trees: names of the problem, entries of them, constants.

Contract: where a symbol is a name in two ways, the shapes choose; one that is nothing is an error
that lists the names there are.
"""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from functools import partial, reduce

from ...core.errors import AmbiguousTextError, LanguageError, ParseError
from ..syntax_nodes import N, binary, call, like, transposed
from .laid_out import (
    Forked,
    Group,
    Item,
    Number,
    RowLayout,
    Scripted,
    Symbol,
    at_item,
    bare,
    is_letter_d,
    is_sign,
    span,
    split_at,
)
from .shaped import ShapedReader
from .symbol_names import (
    LONGEST_RUN,
    SymbolNames,
    function_of,
    is_label,
    label_of,
    merged,
    segmentations,
    spellings,
    unknown,
    written_of,
)

Entry = tuple[ast.Name, list[ast.expr]]  # a name, and the indices at it


class Symbols(ABC):
    """Reads symbols with their subscripts; who reads what stands inside of one is a subclass."""

    def __init__(self, reader: ShapedReader, names: SymbolNames | None = None) -> None:
        self.reader, self.text, self.depth = reader, reader.text, 0
        self.names = names or reader.names()
        self.given = reader.given()  # gradients by the name of what they are at
        self.gradients = tuple(dict.fromkeys(reader.gradients.values()))

    @abstractmethod
    def expression(self, items: Sequence[Item], place: Item) -> ast.expr:
        """Return the tree of items side by side; ``place`` is where they would stand."""

    def fail(
        self, message: str, at: Item, remedy: str, kind: type[LanguageError] = ParseError
    ) -> LanguageError:
        """Return the error about an item."""
        return kind(message, span=span(self.text, at), remedy=remedy)

    def placed(self, node: N, first: Item, last: Item | None = None) -> N:
        """Return a node at an item, or from one item to another."""
        return at_item(node, self.text, first, last)

    def at(self, first: Item, last: Item | None = None) -> ast.expr:
        """Return a node that is only a place: that of an item, or from one to another."""
        return self.placed(ast.Constant(0), first, last)

    def source(self, first: Item, last: Item | None = None) -> str:
        """Return the text of an item, or from one to another."""
        return self.text[first.start : (last or first).stop].strip()

    def is_value(self, symbol: Symbol, sub: RowLayout | None = None) -> bool:
        """Whether a symbol, with a subscript as part of it, is a name of a value or a size."""
        label = label_of(sub)
        found = label is not None and self.names.of(spellings(symbol, label), self.names.readable)
        return bool(found)

    # letters side by side

    def gathered(self, items: Sequence[Item]) -> list[Item]:
        """Return items in which letters that make one name are one symbol."""
        found: list[Item] = []
        items = [self._fused(item) for item in items]
        i = 0
        while i < len(items):
            j = i
            while j < len(items) and _continues(items, i, j):
                j += 1
                if isinstance(items[j - 1], Scripted):
                    break
            if j - i < 2:
                found.append(items[i])
                i += 1
                continue
            follows = j < len(items) and not isinstance(items[j], Number | Symbol)
            found.extend(self._run(list(items[i:j]), called=follows))
            i = j
        return found

    def _fused(self, item: Item) -> Item:
        """Return a name of several letters in one font as one symbol: a bold word with scripts."""
        base = item.base
        if not isinstance(base, Group) or base.kind or len(base.body.items) < 2:
            return item
        if not all(isinstance(x, Symbol) for x in base.body.items):
            return item
        core = "".join(map(written_of, base.body.items))
        script = label_of(item.sub)
        options = (core, core + (script or ""))
        if not self.names.of(options, (*self.names.readable, *self.names.differentials)):
            return item
        symbol = Symbol(base.start, base.stop, core, word=True)
        return replace(item, base=symbol) if isinstance(item, Scripted) else symbol

    def _run(self, run: list[Item], *, called: bool) -> list[Item]:
        if len(run) > LONGEST_RUN:
            place = replace(run[0], stop=run[-1].stop)
            raise self.fail(
                f"{len(run)} letters side by side", place, "put spaces between the factors"
            )
        ways = self._differentials(run, segmentations(run, self.names))
        plain = [w for w in ways if not any(self._is_word(run[i:j]) for i, j in w)]
        if plain and (not called or len(ways) > len(plain)):
            ways = plain if not called else [w for w in ways if w not in plain] or plain
        if not ways:
            if any(isinstance(item, Number) for item in run):
                place = replace(run[0], stop=run[-1].stop)
                raise unknown(self.text, self.names, place, "".join(map(written_of, run)))
            return run
        split = [tuple(merged(run[i:j]) for i, j in way) for way in ways]
        if len(split) == 1:
            return list(split[0])
        return [Forked(run[0].start, run[-1].stop, tuple(split))]

    def _differentials(
        self, run: list[Item], ways: list[list[tuple[int, int]]]
    ) -> list[list[tuple[int, int]]]:
        """Drop the ways in which a d beside a name is a factor: dZ is never a size d times Z."""
        kept = [w for w in ways if not any(self._loose_d(run, i, j) for i, j in w)]
        if ways and not kept:
            k = next(i for w in ways for i, j in w if self._loose_d(run, i, j))
            place = replace(run[k], stop=run[k + 1].stop)
            what = written_of(run[k + 1]) + (label_of(run[k + 1].sub) or "")
            given = ", ".join(self.gradients)
            raise self.fail(
                f"d{what} is no name of the problem",
                place,
                rf"the given gradients are: {given or 'none'}; d times {what} is d \cdot {what}",
            )
        return kept

    def _loose_d(self, run: list[Item], i: int, j: int) -> bool:
        return j == i + 1 < len(run) and is_letter_d(run[i])

    def _is_word(self, run: list[Item]) -> bool:
        core = "".join(map(written_of, run))
        return (
            len(run) > 1
            and not self.names.of([core], self.names.readable)
            and bool(function_of(core))
        )

    # one symbol

    def symbol(
        self, item: Symbol, sub: RowLayout | None, sups: tuple[RowLayout, ...]
    ) -> tuple[ast.expr, int]:
        """Return a symbol with its subscript, and how many of its superscripts it took."""
        if is_letter_d(item) and item.upright:
            raise self.fail("an upright d is no name", item, "write d for a name")
        label = label_of(sups[0]) if sups and is_label(bare(sups[0])) else None
        taken = 1 if label is not None else 0
        ways = self.named(item, sub, label or "")
        if not ways and taken:
            if self.named(item, sub, "") and not is_sign(bare(sups[0])[0], "star"):
                raise self.fail(
                    f"the superscript of {written_of(item)} is no part of a name",
                    sups[0],
                    "write the i-th row X_{i,:}, the i-th entry x_i; a power without parentheses",
                )
            taken = 0
        if not ways:
            constant = self.constant(item, sub)
            if constant is not None:
                return constant, taken
            ways = self.named(item, sub, "")
        if not ways:
            capital = self.of_capital(item, sub)
            if capital is not None:
                return self._sample(capital, item, sub), taken
            script = (label_of(sub) or "") + (label or "")
            raise unknown(self.text, self.names, item, written_of(item) + script)
        at = self.at(item, sub)
        found = [partial(self._part, way, item, sub) for way in ways]
        return self.reader.choice(found, self._hints(item, sub, len(ways)), at), taken

    def of_capital(self, item: Symbol, sub: RowLayout | None) -> Entry | None:
        """Return x_i and x_ij as parts of a matrix X, where there is no x of its own."""
        big = item.name.upper()
        marks = self.indices(sub) or []
        if len(item.name) != 1 or big not in self.names.values or len(marks) not in (1, 2):
            return None
        return self._name(big, item), marks

    def _part(self, entry: Entry, item: Symbol, sub: RowLayout | None) -> ast.expr:
        """Return a name with its indices."""
        name, marks = entry
        return self.reader.indexed(name, marks, self.at(item, sub)) if marks else name

    def _sample(self, entry: Entry, item: Symbol, sub: RowLayout | None) -> ast.expr:
        """Return x_ij of X, or x_i: the i-th row, as a column, as the rows are samples."""
        name, marks = entry
        if len(marks) == 2:
            return self._part(entry, item, sub)
        whole = like(ast.Slice(), marks[0])
        if self.names.columns:
            return self._part((name, [whole, *marks]), item, sub)
        row = self._part((name, [*marks, whole]), item, sub)
        return transposed(row, row)

    def _hints(self, item: Symbol, sub: RowLayout | None, count: int) -> list[str]:
        core = self.text[item.start : item.stop]
        word = f"\\mathit{{{written_of(item)}{label_of(sub) or ''}}}"
        script = self.text[sub.start : sub.stop].strip("{}") if sub is not None else ""
        return [word, f"({core})_{{{script}}}", *["another name"] * count][:count]

    def named(self, item: Symbol, sub: RowLayout | None, label: str) -> list[Entry]:
        """Return the names that a symbol can be, as a whole or with its subscript as indices."""
        names = (*self.names.readable, *self.names.differentials)
        if item.word and self.names.is_spelled(item.name):
            return [(self._name(item.name, item), self.indices(sub) or [])]
        ways: list[Entry] = []
        script = label_of(sub)
        if script is not None:
            options = [*spellings(item, script + label), *spellings(item, label + script)]
            ways += [(self._name(n, item, sub), []) for n in self.names.of(options, names)]
        if sub is None:
            return ways
        marks = self.indices(sub)
        if marks is not None:
            whole = self.names.of(
                spellings(item, label), (*self.names.values, *self.names.differentials)
            )
            ways += [(self._name(n, item), marks) for n in whole]
        if any(is_sign(x, ",") for x in bare(sub)) and script is not None:
            ways += self._partly(item, sub, label)
        return ways

    def _partly(self, item: Symbol, sub: RowLayout, label: str) -> list[Entry]:
        """Read ``W_{1,ij}``: the first part belongs to the name."""
        items = bare(sub)
        comma = next(k for k, x in enumerate(items) if is_sign(x, ","))
        head = label_of(RowLayout(sub.start, sub.stop, items[:comma])) or ""
        rest = RowLayout(sub.start, sub.stop, items[comma + 1 :])
        marks = self.indices(rest)
        if not head or marks is None:
            return []
        found = self.names.of(spellings(item, head + label), self.names.values)
        return [(self._name(n, item), marks) for n in found]

    def _name(self, name: str, item: Item, sub: RowLayout | None = None) -> ast.Name:
        if name in self.names.differentials:
            gradients = list(dict.fromkeys(g for _, g in self.given[name[1:]]))
            if len(gradients) > 1:
                raise self.fail(f"{name} is several", item, f"write {' or '.join(gradients)}")
            name = gradients[0]
        return self.placed(ast.Name(name, ast.Load()), item, sub)

    # indices

    def indices(self, row: RowLayout | None) -> list[ast.expr] | None:
        """Return the indices of a subscript as the language has them; None if it has none.

        Letters side by side are one index each; ``:`` and a dot are all of an axis, ``2:n`` is a
        part of it, and ``i+1`` is one index.
        """
        found: list[ast.expr] = []
        for part in split_at(bare(row), ",") if row is not None else ():
            one = self._one_index(part)
            several = [one] if one is not None else self._letters(part)
            if several is None:
                return None
            found += several
        return found or None

    def _one_index(self, items: tuple[Item, ...]) -> ast.expr | None:
        """Return what is more than letters: a range with two ends, a shifted index, or nothing."""
        if sum(is_sign(x, ":") for x in items) == 1 < len(items):
            low, high = (self.place_of(x) for x in split_at(items, ":"))
            found = ast.Slice(low, high)
            return self.placed(found, items[0], items[-1]) if low and high else None
        return self.place_of(items) if any(is_sign(x, "+", "-") for x in items) else None

    def place_of(self, items: tuple[Item, ...]) -> ast.expr | None:
        """Return a place, a sum of letters and numbers: n, n-1, 2n+1; None for anything else."""
        total: ast.expr | None = None
        signs = [x for x in items if is_sign(x, "+", "-")]
        for sign, term in zip([None, *signs], split_at(items, "+", "-"), strict=True):
            factors = self._letters(term)
            if not factors or any(isinstance(x, ast.Slice) for x in factors):
                return None
            product = reduce(lambda a, b: binary(ast.Mult(), a, b), factors)
            op = ast.Sub() if sign is not None and is_sign(sign, "-") else ast.Add()
            total = product if total is None else binary(op, total, product)
        return total

    def _letters(self, items: tuple[Item, ...]) -> list[ast.expr] | None:
        found: list[ast.expr] = []
        for item in items:
            if isinstance(item, Symbol) and not item.accent:
                found.append(self.placed(ast.Name(item.name, ast.Load()), item))
            elif isinstance(item, Number) and item.text.isdecimal():
                found.append(self.placed(ast.Constant(int(item.text)), item))
            elif is_sign(item, ":", "cdot", "star"):
                found.append(self.placed(ast.Slice(), item))
            else:
                return None
        return found

    # constants

    def constant(self, item: Symbol, sub: RowLayout | None) -> ast.expr | None:
        """Return what a letter stands for where it is no name of the problem."""
        marks = self.indices(sub) or []
        if item.name == "I" and not item.accent:
            return self.sized("eye", item, sub)
        if item.name == "e" and len(marks) == 1:
            assert sub is not None
            whole = self.placed(ast.Slice(), sub)
            identity = self.sized("eye", item, None)
            return self.reader.indexed(identity, [whole, marks[0]], self.at(item, sub))
        if item.name == "e" and sub is None and not item.upright:
            raise self.fail(
                "e is not declared: is it a name, or the number 2.718..?",
                item,
                "declare it, or write \\mathrm{e} or \\exp(1) for the number",
                AmbiguousTextError,
            )
        if item.name == "M" and label_of(sub) == "causal":
            return self.sized("causal_mask", item, None)
        if item.name == "K" and sub is not None and not item.accent:
            sizes = [self.size_of(x) for x in bare(sub) if not is_sign(x, ",")]
            if len(sizes) == 2 and None not in sizes:
                return call("commutation", [s for s in sizes if s is not None], self.at(item, sub))
        if item.name in ("e", "pi") and sub is None:
            return self.placed(ast.Name(item.name, ast.Load()), item)
        if item.name == "delta" and len(marks) == 2:
            return call("delta", marks, self.at(item, sub))
        return None

    def number(self, item: Number, sub: RowLayout | None) -> ast.expr:
        """Return a number, or a constant vector: a bold 1, or a 1 with a size."""
        if item.bold or (sub is not None and item.text in "10"):
            if item.text not in "10":
                raise self.fail(f"a bold {item.text}", item, "bold are 1 and 0, the vectors")
            if sub is not None and any(is_sign(x, "<", ">", "<=", ">=") for x in _inner(sub)):
                return self.indicator(_inner(sub), sub)
            return self.sized("ones" if item.text == "1" else "zeros", item, sub)
        if sub is not None:
            raise self.fail("a number with an index", item, "an index stands at a name: X_{ij}")
        whole = item.text.isdecimal() and len(item.text) < 400
        value = int(item.text) if whole else float(item.text)
        return self.placed(ast.Constant(value), item)

    def indicator(self, items: Sequence[Item], place: Item) -> ast.expr:
        """Return 1 where a comparison holds and 0 elsewhere."""
        test = self.expression(items, place)
        one, none = (like(ast.Constant(k), test) for k in (1, 0))
        return call("where", [test, one, none], test)

    def sized(self, kind: str, item: Item, sub: RowLayout | None) -> ast.expr:
        """Return a constant of the sizes in its subscript, or of the size its place gives it."""
        if sub is None:
            return self.reader.sized(kind, self.at(item))
        sizes = self._sizes(sub)
        if sizes:
            sizes = sizes[:1] if kind == "eye" and len(set(map(ast.dump, sizes))) == 1 else sizes
            return call(kind, sizes, self.at(item, sub))
        marks = self.indices(sub)
        if kind == "eye" and marks is not None and len(marks) == 2:
            return call("delta", marks, self.at(item, sub))
        known = ", ".join(self.names.sizes)
        raise self.fail("the subscript is no size", sub, f"the sizes are: {known}")

    def _sizes(self, sub: RowLayout) -> list[ast.expr]:
        """Return the sizes in a subscript: n×d, or letters side by side; n·d is one. Else none."""
        items = bare(sub)
        apart = any(is_sign(x, ",", "times", "cdot") for x in items)
        parts = split_at(items, ",", "times") if apart else [(x,) for x in items]
        factors = [[x for x in part if not is_sign(x, "cdot")] for part in parts]
        sums = [x for part in factors for x in part if self.size_of(x) is None]
        if not all(factors) or any(not isinstance(x, Group) or x.kind != ")" for x in sums):
            return []
        return [self.dimension(part, sub) for part in factors]

    def dimension(self, items: Sequence[Item], place: Item) -> ast.expr:
        """Return a size: a product of names and numbers, or a sum in parentheses."""
        factors = [self.size_of(x) or self.expression([x], place) for x in items]
        if not factors:
            raise self.fail("a size is missing here", place, "write n, or n, d")
        return reduce(lambda a, b: binary(ast.Mult(), a, b), factors)

    def size_of(self, item: Item) -> ast.expr | None:
        """Return the size that an item is, None for anything else."""
        if isinstance(item, Number) and item.text.isdecimal():
            return self.placed(ast.Constant(int(item.text)), item)
        base = item.base
        if not isinstance(base, Symbol):
            return None
        script = label_of(item.sub)
        found = self.names.of(spellings(base, script or ""), self.names.sizes)
        return self.placed(ast.Name(found[0], ast.Load()), item) if found else None


def _inner(row: RowLayout) -> Sequence[Item]:
    items = bare(row)
    if len(items) == 1 and getattr(items[0], "kind", "") in (")", "]", "}"):
        body: RowLayout = items[0].body  # type: ignore[attr-defined]
        return body.items
    return items


def _continues(items: Sequence[Item], first: int, j: int) -> bool:
    """Whether an item goes on with a run of letters that begins at ``first``."""
    item = items[j]
    base = item.base
    if j > first and items[j - 1].stop != item.start:
        return False
    if isinstance(base, Number):
        return j > first and not base.bold and isinstance(item, Number)
    return isinstance(base, Symbol) and not base.word and not base.accent
