"""Layout to trees: sums of terms, products of factors, sums over an index.

Contract: everything that names alone decide is decided here; what shapes decide is left in the
tree (``Product``, ``Choice``, ``Special``) for the reader.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from . import derivative_marks as derivatives
from . import script_meaning as marks
from .index_sums import Totals, bound_by, is_operator
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
)
from .parser import DEEPEST
from .script_meaning import bare, is_sign
from .symbol_names import label_of, spellings, written_of
from .trees import Product, at_item, binary, call, joined, like

_RELATIONS: dict[str, type[ast.cmpop]] = {"<": ast.Lt, ">": ast.Gt, "<=": ast.LtE, ">=": ast.GtE}


class Meaning(Totals):
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
        start = 0
        while start < len(items):
            sign = items[start] if is_sign(items[start], "+", "-") else None
            first = start + 1 if sign is not None else 0 if start == 0 else start
            stop = self._term_end(items, first)
            if stop == first:
                at = items[min(first, len(items) - 1)]
                raise self.fail("a term is missing here", at, "write what is added")
            self._check_bound(items[first:stop], bound)
            term = self.term(items[first:stop])
            bound |= bound_by(items[first:stop])
            if result is None:
                result = term
                if sign is not None and is_sign(sign, "-"):
                    result = joined(ast.UnaryOp(ast.USub(), term), self._at(sign), term)
            else:
                op: ast.operator = ast.Sub() if sign and is_sign(sign, "-") else ast.Add()
                result = binary(op, result, term)
            start = stop
        assert result is not None
        return result

    def _at(self, item: Item) -> ast.expr:
        return at_item(ast.Constant(0), self.text, item)

    def _term_end(self, items: Sequence[Item], first: int) -> int:
        """Return where a term ends: at + or -, unless it is the sign of a factor."""
        for k in range(first, len(items)):
            if is_sign(items[k], "+", "-") and k > first and not is_operator(items[k - 1]):
                return k
            if is_sign(items[k], "+", "-") and k == first:
                return k
        return len(items)

    def _check_bound(self, items: Sequence[Item], bound: set[str]) -> None:
        """Refuse a term that uses the index of a sum before it: it may have been meant inside."""
        own = bound_by(items)
        for item, letter in _index_letters(items):
            if letter in bound - own:
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
            parts = [self.product([], p, items[k]) for p in (items[:k], items[k + 1 :])]
            return call("dot", parts, self._at(items[k]))
        return self.product([], items, items[0])

    def product(self, before: list[ast.expr], rest: Sequence[Item], place: Item) -> ast.expr:
        """Return factors that are read already times those that follow."""
        return self.multiplied(before, *self.factors(rest, first=not before))

    def factors(self, items: Sequence[Item], *, first: bool) -> tuple[list[ast.expr], list[str]]:
        """Return factors and the sign in front of each."""
        factors: list[ast.expr] = []
        signs: list[str] = []
        i, sign = 0, ""
        while i < len(items):
            item = items[i]
            if is_operator(item):
                assert isinstance(item, Sign)
                if sign or (first and not factors):
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
        factors = [*before, *rest]
        if len(factors) == 1:
            return factors[0]
        found = joined(Product(), factors[0], factors[-1])
        found.factors, found.signs = factors, [*[""] * len(before), *signs][1:]
        return found

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
            return joined(ast.UnaryOp(ast.USub(), tree), self._at(items[i]), tree), stop
        return self.factor(items, i)

    def factor(self, items: Sequence[Item], i: int) -> tuple[ast.expr, int]:
        """Return the factor that begins at an item, and where the next begins."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.fail(f"nested deeper than {DEEPEST} levels", items[i], "name inner parts")
        found = self._factor(items, i)
        self.depth -= 1
        return found

    def _factor(self, items: Sequence[Item], i: int) -> tuple[ast.expr, int]:
        item = items[i]
        big = item.base if isinstance(item, Scripted) else item
        if isinstance(big, BigOperator):
            return self.total(item, items, i + 1)
        found = derivatives.find(items, i, self.is_value)
        if found is not None:
            return self.given_gradient(found, items[i], items[found.stop - 1]), found.stop
        scripted = isinstance(item, Scripted) and isinstance(item.base, Fraction)
        if scripted:
            assert isinstance(item, Scripted)
            inner = derivatives.find([item.base], 0, self.is_value)
            if inner is not None:
                tree = self.given_gradient(inner, item, item)
                return self.scripted(tree, item, item.sub, item.sups, item.above_first), i + 1
        head = self.function(items, i)
        if head is not None:
            return self.application(head, items, i + 1)
        shadowed = self.shadowed(items, i)
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
            over = self.expression(item.over.items, item.over)
            under = self.expression(item.under.items, item.under)
            return at_item(ast.BinOp(over, ast.FloorDiv(), under), self.text, item)
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
        if self.is_exponential(base, sub, sups):
            return self.exponential(base, sups[0])
        if isinstance(base, Group) and base.kind == "||":
            return self.scripted(self.norm(base, sub), base, None, sups, False)
        if isinstance(base, Number):
            is_one = isinstance(base, Number) and sub is not None
            called = self.number(base, sub)
            return self.scripted(called, base, None, sups, False) if is_one or sups else called
        if isinstance(base, Symbol):
            return self._name_with_scripts(base, item)
        if isinstance(base, Sign | BigOperator):
            raise self.fail("a script of a sign", item, _hint(base))
        return self.scripted(self.atom(base), base, sub, sups, item.above_first)

    def _name_with_scripts(self, base: Symbol, item: Scripted) -> ast.expr:
        sub, sups = item.sub, item.sups
        plain = sub is None or bool(
            self.names.of(spellings(base, label_of(sub) or "?"), self.names.readable)
        )
        label = bool(sups) and marks.is_label(bare(sups[0]))
        if plain or label or not self.is_value(base):
            tree, taken = self.symbol(base, sub, sups)
            return self.scripted(tree, item, None, sups[taken:], False)
        tree, _ = self.symbol(base, None, ())
        if not sups:
            return self.symbol(base, sub, ())[0]
        return self.scripted(tree, base, sub, sups, item.above_first)

    def _group(self, group: Group) -> ast.expr:
        items = group.body.items
        if group.kind in ("|", "||"):
            if group.kind == "||":
                return self.norm(group, None)
            return self.special("bars", [self.expression(items, group)], group)
        if group.kind == ">":
            parts = self.arguments(group)
            if len(parts) != 2:
                raise self.fail("an inner product of two", group, r"\langle A, B \rangle")
            return call("dot", parts, self._at(group))
        if group.kind in ("]", "}") and any(is_sign(x, *_RELATIONS) for x in items):
            return self.indicator(items, group)
        return self.expression(items, group)

    def _root(self, item: RootLayout) -> ast.expr:
        body = self.expression(item.body.items, item.body)
        if item.degree is None or label_of(item.degree) == "2":
            return self.special("root", [body], item)
        degree = self.expression(item.degree.items, item.degree)
        one = like(ast.Constant(1), degree)
        exponent = like(ast.BinOp(one, ast.Div(), degree), degree)
        return self.special("power", [body, exponent], item)


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


def _index_letters(items: Sequence[Item]) -> list[tuple[Item, str]]:
    """Return the letters in subscripts, where they stand outside of any sum."""
    found: list[tuple[Item, str]] = []
    for item in items:
        if (
            isinstance(item, Scripted)
            and item.sub is not None
            and not isinstance(item.base, BigOperator)
        ):
            for x in bare(item.sub):
                if isinstance(x, Symbol):
                    found.append((x, written_of(x)))
    return found
