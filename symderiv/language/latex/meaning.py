"""Layout to trees: sums of terms, products of factors, sums over an index.

Contract: everything that names alone decide is decided here; what shapes decide is left in the
tree (``Product``, ``Choice``, ``Special``) for the reader.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from ...errors import UnsupportedError
from . import derivatives, marks
from .bounds import bound_by, hint, index_letters, is_operator
from .layout import Big, Forked, Fraction, Group, Item, Number, Root, Row, Scripted, Sign, Symbol
from .marks import bare, is_sign
from .names import label_of, spellings, written_of
from .parser import DEEPEST
from .scripts import Scripts
from .trees import Product, Total, at_item, binary, call, joined, like, span

_RELATIONS: dict[str, type[ast.cmpop]] = {"<": ast.Lt, ">": ast.Gt, "<=": ast.LtE, ">=": ast.GtE}
_OBJECTIVES = ("L", "l", "J", "loss", "ell")


class Meaning(Scripts):
    """Reads rows."""

    def whole(self, row: Row) -> ast.expr:
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
        for item, letter in index_letters(items):
            if letter in bound - own:
                raise self.fail(
                    f"a sum extends up to + and -: {letter} is no longer bound here",
                    item,
                    f"write \\sum_{letter} ( .. ) around what it sums, or name this index anew",
                )

    # terms

    def term(self, items: Sequence[Item]) -> ast.expr:
        """Return the product of the items of a term."""
        return self.product([], items, items[0])

    def product(self, before: list[ast.expr], rest: Sequence[Item], place: Item) -> ast.expr:
        """Return factors that are read already times those that follow."""
        factors, signs = list(before), [""] * (len(before) - 1)
        i, sign = 0, "" if before else None
        while i < len(rest):
            item = rest[i]
            if is_operator(item):
                assert isinstance(item, Sign)
                if sign or not factors:
                    raise self.fail("a factor is missing here", item, "write what is multiplied")
                sign = item.name
                i += 1
                continue
            if not sign and i:
                self._check_numbers(rest[i - 1], item)
            tree, i = self._signed(rest, i)
            if factors:
                signs.append(sign or "")
            factors.append(tree)
            sign = ""
        if sign:
            raise self.fail("a factor is missing here", rest[-1], "write what is multiplied")
        if len(factors) == 1:
            return factors[0]
        found = joined(Product(), factors[0], factors[-1])
        found.factors, found.signs = factors, signs
        return found

    def _check_numbers(self, left: Item, right: Item) -> None:
        """Refuse numbers side by side: 2 3, and 2 1/2, which is a number in itself."""
        parts = [*right.over.items, *right.under.items] if isinstance(right, Fraction) else [right]
        plain = all(isinstance(x, Number) and not x.bold for x in parts)
        if isinstance(left, Number) and not left.bold and plain:
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
        if isinstance(big, Big):
            return self._total(item, items, i + 1)
        found = derivatives.find(items, i, self.is_value)
        if found is not None:
            return self._given(found, items[i], items[found.stop - 1]), found.stop
        scripted = isinstance(item, Scripted) and isinstance(item.base, Fraction)
        if scripted:
            assert isinstance(item, Scripted)
            inner = derivatives.find([item.base], 0, self.is_value)
            if inner is not None:
                tree = self._given(inner, item, item)
                return self.scripted(tree, item, item.sub, item.sups, item.above_first), i + 1
        head = self.function(items, i)
        if head is not None:
            return self.application(head, items, i + 1)
        shadowed = self.shadowed(items, i)
        if shadowed is not None:
            called, stop = self.application(shadowed, items, i + 1)
            plain = self.product([self.atom(item)], items[i + 1 : stop], item)
            hints = [r"\operatorname{sigmoid}(..)", r"\sigma \cdot (..)"]
            return self.choice([called, like(plain, called)], hints), stop
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
        if isinstance(item, Root):
            return self._root(item)
        assert isinstance(item, Sign)
        raise self.fail(
            f"{self.text[item.start : item.stop]!r} cannot stand here", item, hint(item)
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
        if isinstance(base, Sign | Big):
            raise self.fail("a script of a sign", item, hint(base))
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

    def _root(self, item: Root) -> ast.expr:
        body = self.expression(item.body.items, item.body)
        if item.degree is None or label_of(item.degree) == "2":
            return self.special("root", [body], item)
        degree = self.expression(item.degree.items, item.degree)
        one = like(ast.Constant(1), degree)
        exponent = like(ast.BinOp(one, ast.Div(), degree), degree)
        return self.special("power", [body, exponent], item)

    # sums over an index

    def _total(self, item: Item, items: Sequence[Item], i: int) -> tuple[ast.expr, int]:
        sub = item.sub if isinstance(item, Scripted) else None
        if sub is None:
            raise self.fail("a sum without an index", item, r"write \sum_i, or sum(X)")
        letters = self._sum_indices(sub)
        upper = self._upper(item, letters)
        stop = next((k for k in range(i, len(items)) if bound_by([items[k]]) & {*letters}), None)
        stop = len(items) if stop is None else stop
        while stop > i and is_operator(items[stop - 1]):
            stop -= 1
        if stop == i:
            raise self.fail("nothing is summed", item, r"write what it sums: \sum_i x_i")
        tree = self.term(items[i:stop])
        for letter in reversed(letters):
            total = joined(Total(), self._at(item), tree)
            total.index = at_item(ast.Name(letter, ast.Load()), self.text, sub)
            total.upper, total.body = upper, tree
            tree = total
        return tree, stop

    def _sum_indices(self, sub: Row) -> list[str]:
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
                raise UnsupportedError(
                    "a sum runs over all of an index",
                    span=span(self.text, x),
                    remedy=r"write \sum_i, \sum_{i=1}^{n} or \sum_{i,j}; a condition is a factor",
                )
        return [written_of(x) for x in letters]

    def _upper(self, item: Item, letters: list[str]) -> ast.expr | None:
        assert isinstance(item, Scripted)
        if not item.sups:
            return None
        if len(item.sups) > 1 or len(letters) > 1:
            raise self.fail("one upper limit for one index", item.sups[0], r"\sum_{i=1}^{n}")
        inside = bare(item.sups[0])
        size = self._size(inside[0]) if len(inside) == 1 else None
        if size is None:
            known = ", ".join(self.names.sizes)
            raise self.fail("the upper limit is no size", item.sups[0], f"the sizes are: {known}")
        return size

    # given gradients

    def _given(self, found: derivatives.Derivative, first: Item, last: Item) -> ast.expr:
        """Return the given gradient that a derivative on the right-hand side is."""
        by = found.by[0] if len(found.by) == 1 else None
        scripted = isinstance(by, Scripted)
        base = by.base if isinstance(by, Scripted) else by
        sub = by.sub if isinstance(by, Scripted) else None
        known = ", ".join(f"{g} = dL/d{z}" for z, gs in self.given.items() for _, g in gs)
        names = ", ".join(self.gradients)
        remedy = f"write the given gradient by its name: {names}" if names else "none is given"
        remedy = f"the given gradients are: {known}" if known else remedy
        place = Row(first.start, last.stop, ())
        if not isinstance(base, Symbol) or (scripted and by.sups):  # type: ignore[union-attr]
            raise self.fail("a gradient by this is not given", place, remedy)
        tree = self._given_by(base, sub, place, remedy, found.of)
        for sup in found.sups:
            tree = self.power(tree, sup)
        return like(tree, at_item(ast.Constant(0), self.text, place))

    def _given_by(
        self, base: Symbol, sub: Row | None, place: Row, remedy: str, of: tuple[Item, ...]
    ) -> ast.expr:
        script = label_of(sub)
        named = self.names.of(spellings(base, script or "") if sub else spellings(base), self.given)
        indices = None
        if not named and sub is not None:
            named = self.names.of(spellings(base), self.given)
            indices = marks.indices(self.text, sub)
        if not named or (sub is not None and script is None and indices is None):
            written = written_of(base) + (script or "")
            raise self.fail(f"the gradient by {written} is not given", place, remedy)
        losses = self.given[named[0]]
        of_name = written_of(of[0]) if of and isinstance(of[0], Symbol) else ""
        if of and (not of_name or of_name not in (*_OBJECTIVES, *(x for x, _ in losses))):
            raise self.fail("this is no gradient of the loss", place, remedy)
        chosen = [g for x, g in losses if x == of_name] or [g for _, g in losses]
        if len(set(chosen)) != 1:
            raise self.fail("several gradients are given there", place, remedy)
        tree: ast.expr = at_item(ast.Name(chosen[0], ast.Load()), self.text, place)
        return tree if indices is None else self.indexed(tree, indices, place, place)
