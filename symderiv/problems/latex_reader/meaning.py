"""Layout to trees: sums of terms, products of factors, functions, sums over an index.

Contract: a tree that is returned is one of the language; what hangs on shapes is asked of the
reader, from the inside out. Parentheses right behind a function hold its argument. Without them, a
trace or a determinant takes the product that follows, if that fits; for any other function, one
factor and all of them are two readings.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise, takewhile

from ...core.errors import UnsupportedError
from ...core.expr import Expr
from ..syntax_nodes import binary, call, joined, like
from . import gradients, scripts
from . import latex_functions as functions
from . import macro_tables as tables
from .laid_out import (
    BigOperator,
    Forked,
    Fraction,
    Group,
    Item,
    Number,
    RootLayout,
    RowLayout,
    Scripted,
    Sign,
    Symbol,
    bare,
    is_sign,
    split_at,
)
from .latex_functions import FunctionHead
from .latex_symbols import Symbols
from .parser import DEEPEST
from .shaped import ShapedReader
from .symbol_names import is_label, label_of, written_of

_OPERATORS = ("cdot", "times", "odot", "oslash", "otimes", "/")
_RELATIONS: dict[str, type[ast.cmpop]] = {"<": ast.Lt, ">": ast.Gt, "<=": ast.LtE, ">=": ast.GtE}


class Formula(ast.expr):
    """A whole formula that is not yet read: names decide how."""

    row: RowLayout


class Meaning(Symbols):
    """Reads rows."""

    def whole(self, row: RowLayout) -> ast.expr:
        """Return the tree of a formula, without punctuation at its end."""
        items = list(row.items)
        while items and is_sign(items[-1], ".", ",", ";"):
            items.pop()
        if len(items) == 1 and isinstance(items[0], Number) and items[0].text == "0":
            return self.sized("zeros", items[0], None)  # of the shape of the gradient
        return self.expression(items, row)

    def expression(self, items: Sequence[Item], place: Item) -> ast.expr:
        """Return the tree of items side by side: a comparison, or a sum of terms."""
        items = self.gathered(items)
        if not items:
            raise self.fail("nothing stands here", place, "write an expression")
        for k, item in enumerate(items):
            if isinstance(item, Sign) and item.name in _RELATIONS:
                left = self.expression(items[:k], item)
                right = self.expression(items[k + 1 :], item)
                op = _RELATIONS[item.name]()
                return joined(ast.Compare(left, [op], [right]), left, right)
        return self._sum(items)

    def _sum(self, items: list[Item]) -> ast.expr:
        result: ast.expr | None = None
        bound: set[str] = set()
        # A sign behind an operator is that of a factor.
        cuts = {k for k, x in enumerate(items) if is_sign(x, "+", "-")}
        cuts = {0} | {k for k in cuts if not _is_operator(items[k - 1])}
        for start, stop in pairwise([*sorted(cuts), len(items)]):
            sign = items[start]
            term = items[start + is_sign(sign, "+", "-") : stop]
            if not term:
                at = items[min(start + 1, len(items) - 1)]
                raise self.fail("a term is missing here", at, "write what is added")
            self._check_bound(term, bound)
            tree = self.term(term)
            bound |= _letters_below(term, sums=True).keys()
            if result is not None:
                op: ast.operator = ast.Sub() if is_sign(sign, "-") else ast.Add()
                result = binary(op, result, tree)
            elif is_sign(sign, "-"):
                result = joined(ast.UnaryOp(ast.USub(), tree), self.at(sign), tree)
            else:
                result = tree
        assert result is not None
        return result

    def _check_bound(self, items: Sequence[Item], bound: set[str]) -> None:
        """Refuse a term that uses the index of a sum before it: it may have been meant inside."""
        own = _letters_below(items, sums=True)
        for letter, item in _letters_below(items, sums=False).items():
            if letter in bound and letter not in own:
                raise self.fail(
                    f"a sum extends up to + and -: {letter} is no longer bound here",
                    item,
                    f"write \\sum_{letter} ( .. ) around what it sums, or use another index",
                )

    # terms

    def term(self, items: Sequence[Item]) -> ast.expr:
        """Return the product of the items of a term; A : B is the inner product of both."""
        cuts = [k for k, x in enumerate(items) if is_sign(x, ":")]
        if cuts:
            k = cuts[0]
            if len(cuts) > 1 or k in (0, len(items) - 1):
                raise self.fail("an inner product of two", items[k], "write A : B")
            parts = [self.product(p) for p in (items[:k], items[k + 1 :])]
            return call("dot", parts, self.at(items[k]))
        return self.product(items)

    def product(self, items: Sequence[Item]) -> ast.expr:
        """Return the product of items."""
        return self.multiplied([], *self.factors(items))

    def factors(self, items: Sequence[Item]) -> tuple[list[ast.expr], list[str]]:
        """Return factors and the sign in front of each."""
        factors: list[ast.expr] = []
        signs: list[str] = []
        i, sign = 0, ""
        while i < len(items):
            item = items[i]
            if _is_operator(item):
                assert isinstance(item, Sign)
                if sign or not factors:
                    raise self.fail("a factor is missing here", item, "write what is multiplied")
                sign = item.name
                i += 1
                continue
            if not sign and i:
                self._check_numbers(items[i - 1], item)
            tree, i = self._signed(items, i)
            factors.append(tree)
            signs.append(sign)
            sign = ""
        if sign:
            raise self.fail("a factor is missing here", items[-1], "write what is multiplied")
        return factors, signs

    def multiplied(
        self, before: list[ast.expr], rest: list[ast.expr], signs: list[str]
    ) -> ast.expr:
        """Return the product of factors, those of ``rest`` with the signs in front of them."""
        return self.reader.product([*before, *rest], [*[""] * len(before), *signs][1:])

    def _check_numbers(self, left: Item, right: Item) -> None:
        """Refuse numbers side by side: 2 3, and 2 1/2, which is a number in itself."""
        parts = [*right.over.items, *right.under.items] if isinstance(right, Fraction) else [right]
        numbers = isinstance(left, Number) and not left.bold
        if numbers and all(isinstance(x, Number) and not x.bold for x in parts):
            raise self.fail("two numbers side by side", right, r"write \cdot between them")

    def _signed(self, items: Sequence[Item], i: int) -> tuple[ast.expr, int]:
        if is_sign(items[i], "+", "-") and i + 1 < len(items):
            if is_sign(items[i + 1], "+", "-"):
                raise self.fail("two signs side by side", items[i + 1], "put parentheses around it")
            tree, stop = self.factor(items, i + 1)
            if is_sign(items[i], "+"):
                return tree, stop
            return joined(ast.UnaryOp(ast.USub(), tree), self.at(items[i]), tree), stop
        return self.factor(items, i)

    def factor(self, items: Sequence[Item], i: int) -> tuple[ast.expr, int]:
        """Return the factor that begins at an item, and where the next begins."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.fail(f"nested deeper than {DEEPEST} levels", items[i], "name inner parts")
        try:
            return self._factor(items, i)
        finally:
            self.depth -= 1

    def _factor(self, items: Sequence[Item], i: int) -> tuple[ast.expr, int]:
        item = items[i]
        big = item.base
        if isinstance(big, BigOperator):
            return self.total(item, items, i + 1)
        found = gradients.find(items, i, self.is_value)
        if found is not None:
            return gradients.gradient(self, found, items[i], items[found.stop - 1]), found.stop
        head = functions.find(self, items, i)
        if head is not None:
            return self.application(head, items, i + 1)
        shadowed = functions.shadowed(self, items, i)
        if shadowed is not None:
            return self.called_or_times(shadowed, item, items[i + 1]), i + 2
        if self._is_indicator(items, i):
            group = items[i + 1]
            assert isinstance(group, Group)
            return self.indicator(group.body.items, group), i + 2
        return self.atom(item), i + 1

    def _is_indicator(self, items: Sequence[Item], i: int) -> bool:
        """Whether a bold 1 or I is in front of a comparison: 1[x > 0]."""
        item = items[i]
        follows = items[i + 1] if i + 1 < len(items) else None
        one = isinstance(item, Number | Symbol) and item.bold
        if not one or not isinstance(follows, Group) or getattr(item, "name", "I") != "I":
            return False
        return any(is_sign(x, *_RELATIONS) for x in follows.body.items)

    # functions

    def application(
        self, head: FunctionHead, items: Sequence[Item], i: int
    ) -> tuple[ast.expr, int]:
        """Return a function with its argument, which begins at an item."""
        if i >= len(items):
            raise self.fail(f"{head.name} has no argument", head.item, f"write {head.name}(x)")
        group = functions.argument(items[i])
        if group is not None:
            return self._delimited(head, items[i], group), i + 1
        if isinstance(items[i], Sign):
            raise self.fail(f"{head.name} has no argument", items[i], "put it in parentheses")
        one, stop = self.factor(items, i)
        end = functions.reach(self, head, items, stop)
        short = functions.applied(self, head, [one])
        if stop >= end:
            return short, stop
        rest = items[stop:end]
        # Both readings share their factors: reading them twice would double at every level.
        others, signs = self.factors(rest)
        at, source = self.at(head.item, rest[-1]), self.source
        ways: list[Callable[[], ast.expr]] = [
            lambda: self.multiplied([short], others, signs),
            lambda: functions.applied(self, head, [self.multiplied([one], others, signs)]),
        ]
        if head.name in tables.GREEDY:
            return self.reader.choice(ways[::-1], [], at), end
        shown, first = source(head.item), source(items[i], items[stop - 1])
        both = source(items[i], rest[-1])
        hints = [f"{shown}({first}) {source(rest[0], rest[-1])}", f"{shown}({both})"]
        return self.reader.choice(ways, hints, at), end

    def _delimited(self, head: FunctionHead, item: Item, group: Group) -> ast.expr:
        if group.kind in ("|", "||"):
            return functions.applied(self, head, [self._group(group)])
        marks = self.indices(group.body) if head.name == "delta" else None
        parts = self.arguments(group) if marks is None else marks
        result = functions.applied(self, head, parts)
        powered = [s for s in item.sups if isinstance(bare(s)[0], Number)]
        if head.name not in tables.LOOSE or not powered or len(parts) != 1:
            return scripts.scripted(self, result, item)
        source = self.source
        macro, inside, mark = source(head.item), source(group), source(powered[0])
        hints = [f"({macro}{inside})^{mark}", f"{macro}({inside}^{mark})"]
        ways: list[Callable[[], ast.expr]] = [
            lambda: scripts.scripted(self, result, item),
            lambda: functions.applied(self, head, [scripts.power(self, parts[0], powered[0])]),
        ]
        return self.reader.choice(ways, hints, self.at(head.item, item))

    def arguments(self, group: Group) -> list[ast.expr]:
        """Return what stands between the commas of a group."""
        parts = split_at(group.body.items, ",")
        return [self.expression(part, group) for part in parts]

    def called_or_times(self, head: FunctionHead, item: Item, argument: Item) -> ast.expr:
        """Return sigmoid of parentheses, or σ times them where it is a name."""
        group = functions.argument(argument)
        assert group is not None
        inner = self.expression(group.body.items, group)
        base = item.base
        assert isinstance(base, Symbol)
        plain = scripts.scripted(self, self.symbol(base, None, ())[0], item)
        called = functions.applied(self, head, [inner])
        ways: list[Callable[[], ast.expr]] = [
            lambda: scripts.scripted(self, called, argument),
            lambda: self.multiplied([plain], [scripts.scripted(self, inner, argument)], [""]),
        ]
        hints = [r"\operatorname{sigmoid}(..)", r"\sigma \cdot (..)"]
        return self.reader.choice(ways, hints, self.at(item, argument))

    # sums over an index

    def total(self, item: Item, items: Sequence[Item], i: int) -> tuple[ast.expr, int]:
        sub = item.sub
        if sub is None:
            raise self.fail("a sum without an index", item, r"write \sum_i, or sum(X)")
        big = item.base
        assert isinstance(big, BigOperator)
        letters = self._sum_indices(sub)
        upper = self._upper(item, letters)
        again = (  # another sum over the same index is no part of this one
            k
            for k in range(i, len(items))
            if {*letters} & _letters_below([items[k]], sums=True).keys()
        )
        stop = next(again, len(items))
        while stop > i and _is_operator(items[stop - 1]):
            stop -= 1
        if stop == i:
            raise self.fail("nothing is summed", item, r"write what it sums: \sum_i x_i")
        at = self.at(item, items[stop - 1])

        def over(letters: Sequence[str]) -> ast.expr:
            if not letters:
                return self.term(items[i:stop])
            index = self.placed(ast.Name(letters[0], ast.Load()), sub)
            return self.reader.total(big.word, index, upper, lambda: over(letters[1:]), at)

        return over(letters), stop

    def _sum_indices(self, sub: RowLayout) -> list[str]:
        items = list(bare(sub))
        equals = [k for k, x in enumerate(items) if is_sign(x, "=")]
        if equals:
            last = items[equals[0] + 1 :]
            if len(last) != 1 or not isinstance(last[0], Number) or last[0].text != "1":
                raise self.fail("indices start at 1", sub, r"write \sum_{i=1}^{n} or \sum_i")
            items = items[: equals[0]]
        letters = [x for x in items if not is_sign(x, ",")]
        for x in letters:
            if not isinstance(x, Symbol) or x.word:
                remedy = r"write \sum_i, \sum_{i=1}^{n} or \sum_{i,j}; a condition is a factor"
                raise self.fail("a sum runs over all of an index", x, remedy, UnsupportedError)
        return [written_of(x) for x in letters]

    def _upper(self, item: Item, letters: list[str]) -> ast.expr | None:
        if not item.sups:
            return None
        if len(item.sups) > 1 or len(letters) > 1:
            raise self.fail("one upper limit for one index", item.sups[0], r"\sum_{i=1}^{n}")
        inside = bare(item.sups[0])
        size = self.size_of(inside[0]) if len(inside) == 1 else self.place_of(inside)
        if size is None:
            known = ", ".join(self.names.sizes)
            raise self.fail("the upper limit is no size", item.sups[0], f"the sizes are: {known}")
        return size

    # one item

    def atom(self, item: Item) -> ast.expr:
        """Return the tree of one item."""
        if isinstance(item, Scripted):
            return self._scripted(item)
        if isinstance(item, Symbol):
            return self.symbol(item, None, ())[0]
        if isinstance(item, Number):
            return self.number(item, None)
        if isinstance(item, Group):
            return self._group(item)
        if isinstance(item, Forked):
            return self.forked(item)
        if isinstance(item, Fraction):
            derivative = gradients.find([item], 0, self.is_value)
            if derivative is not None:
                return gradients.gradient(self, derivative, item, item)
            over = self.expression(item.over.items, item.over)
            under = self.expression(item.under.items, item.under)
            return self.placed(ast.BinOp(over, ast.FloorDiv(), under), item)
        if isinstance(item, RootLayout):
            return self._root(item)
        assert isinstance(item, Sign)
        raise self.fail(
            f"{self.text[item.start : item.stop]!r} cannot stand here", item, _hint(item)
        )

    def _scripted(self, item: Scripted) -> ast.expr:
        base, sub, sups = item.base, item.sub, item.sups
        while isinstance(base, Group) and not base.kind and len(base.body.items) == 1:
            inner = base.body.items[0]
            if not isinstance(inner, Symbol | Number | Group):
                break
            base = inner
        if scripts.is_exponential(self, base, sub, sups):
            return scripts.exponential(self, base, sups[0])
        if isinstance(base, Group) and base.kind == "||":
            return scripts.powers(self, scripts.norm(self, base, sub), sups)
        if isinstance(base, Number):
            return scripts.powers(self, self.number(base, sub), sups)
        if isinstance(base, Symbol):
            return self._name_with_scripts(base, item)
        if isinstance(base, Sign | BigOperator):
            raise self.fail("a script of a sign", item, _hint(base))
        return scripts.scripted(self, self.atom(base), item, base)

    def _name_with_scripts(self, base: Symbol, item: Scripted) -> ast.expr:
        sub, sups = item.sub, item.sups
        whole = not sub or not sups or is_label(bare(sups[0])) or self.is_value(base, sub)
        if whole or not self.is_value(base):
            tree, taken = self.symbol(base, sub, sups)
            return scripts.powers(self, tree, sups[taken:])
        return scripts.scripted(self, self.symbol(base, None, ())[0], item, base)

    def _group(self, group: Group) -> ast.expr:
        items = group.body.items
        if group.kind in ("|", "||"):
            if group.kind == "||":
                return scripts.norm(self, group, None)
            return self.reader.bars(self.expression(items, group), self.at(group))
        if group.kind == ">":
            parts = self.arguments(group)
            if len(parts) != 2:
                raise self.fail("an inner product of two", group, r"\langle A, B \rangle")
            return call("dot", parts, self.at(group))
        if group.kind in ("]", "}") and any(is_sign(x, *_RELATIONS) for x in items):
            return self.indicator(items, group)
        return self.expression(items, group)

    def _root(self, item: RootLayout) -> ast.expr:
        body = self.expression(item.body.items, item.body)
        if item.degree is None or label_of(item.degree) == "2":
            return self.reader.entry_by_entry("sqrt", body, self.at(item))
        degree = self.expression(item.degree.items, item.degree)
        one = like(ast.Constant(1), degree)
        exponent = like(ast.BinOp(one, ast.Div(), degree), degree)
        return self.reader.power(body, exponent, self.at(item))

    def forked(self, item: Forked) -> ast.expr:
        """Return the readings of letters that are names in more than one way."""
        hints = [_spaced(self.text, way) for way in item.ways]
        ways = [partial(self.product, way) for way in item.ways]
        return self.reader.choice(ways, hints, self.at(item))


class LatexReader(ShapedReader):
    """Reads the trees of formulas."""

    def read(self, at: ast.expr) -> Expr:
        """Return the expression that a tree stands for."""
        return super().read(Meaning(self).whole(at.row) if isinstance(at, Formula) else at)


def _is_operator(item: Item) -> bool:
    """Whether an item is the sign of a product or a quotient."""
    return isinstance(item, Sign) and item.name in _OPERATORS


def _letters_below(items: Sequence[Item], *, sums: bool) -> dict[str, Item]:
    """Return the letters in subscripts of sums, which bind them, or in those of all else."""
    found: dict[str, Item] = {}
    for item in items:
        if item.sub is not None and isinstance(item.base, BigOperator) == sums:
            below = takewhile(lambda x: not is_sign(x, "="), bare(item.sub))
            for x in below:
                if isinstance(x, Symbol):
                    found.setdefault(written_of(x), x)
    return found


def _spaced(text: str, way: Sequence[Item]) -> str:
    if len(way) == 1:
        return f"\\mathit{{{text[way[0].start : way[0].stop]}}}"
    return r" \, ".join(text[x.start : x.stop] for x in way)


def _hint(item: Item) -> str:
    name = item.name if isinstance(item, Sign) else ""
    return {
        "star": r"the product is written side by side, entry by entry \odot",
        "=": "one claim is one equation",
        "partial": r"a gradient is written \frac{\partial L}{\partial Z}",
        "nabla": r"a gradient is written \nabla_Z L",
        ",": "one expression, without commas",
        ".": "a number is written 0.5",
        "neq": "a sum runs over all of an index",
        "in": r"a sum is written \sum_i or \sum_{i=1}^{n}",
    }.get(name, "remove it")
