"""Superscripts and subscripts of whatever is no plain name: transposes, powers, entries."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from . import script_meaning as marks
from .applications import Applications
from .laid_out import Fraction, Group, Item, Number, RootLayout, RowLayout, Symbol
from .script_meaning import bare, is_sign
from .symbol_names import label_of
from .trees import Special, at_item, at_range, binary, call, like, transposed


class Scripts(Applications):
    """Reads scripts."""

    def scripted(
        self,
        tree: ast.expr,
        base: Item,
        sub: RowLayout | None,
        sups: Sequence[RowLayout],
        above_first: bool,
    ) -> ast.expr:
        """Return a tree with scripts: the one written first binds first."""
        if sub is None:
            for sup in sups:
                tree = self.power(tree, sup)
            return tree
        found = marks.indices(self.text, sub)
        if found is None:
            raise self.fail("the subscript is no index", sub, "an index is a letter or a number")
        lower = self.indexed(tree, found, base, sub)
        if not sups:
            return lower
        upper = tree
        for sup in sups:
            upper = self.power(upper, sup)
        ways = [self.indexed(upper, found, base, sub), lower]
        for sup in sups:
            ways[1] = self.power(ways[1], sup)
        return self._ordered(ways, base, sub, sups, above_first)

    def _ordered(
        self,
        ways: list[ast.expr],
        base: Item,
        sub: RowLayout,
        sups: Sequence[RowLayout],
        above_first: bool,
    ) -> ast.expr:
        """Return a place with an index and a superscript: (A^T)_{ij} or (A_{ij})^T."""
        items = [bare(s) for s in sups]
        sliced = any(is_sign(x, ":", "cdot", "star") for x in bare(sub))
        turning = all(marks.is_transpose(x) or marks.is_inverse(x) for x in items)
        if above_first and turning:
            return ways[0]
        if sliced and not above_first:
            return ways[1]
        core, below = self.text[base.start : base.stop], self.text[sub.start : sub.stop]
        above = "".join(f"^{self.text[s.start : s.stop]}" for s in sups)
        hints = [f"({core}{above})_{below}", f"({core}_{below}){above}"]
        if not turning:
            ways, hints = ways[::-1], hints[::-1]
        return self.choice([like(w, ways[0]) for w in ways], hints)

    def power(self, tree: ast.expr, sup: RowLayout) -> ast.expr:
        """Return a tree with one superscript."""
        items = bare(sup)
        if not items:
            raise self.fail("an empty superscript", sup, "leave it out")
        if all(is_sign(x, "prime") for x in items):
            for _ in items:
                tree = self._up_to(self.special("prime", [tree], sup), tree, sup)
            return tree
        if marks.is_transpose(items):
            turned = self._up_to(self._transposed(tree, tree, sup, items), tree, sup)
            return self._or_power(turned, tree, sup, items)
        if marks.is_inverse(items):
            return self._up_to(self.special("inverse", [tree], sup), tree, sup)
        if marks.is_inverse_transpose(items):
            inner = self._up_to(self.special("inverse", [tree], sup), tree, sup)
            return self._up_to(self._transposed(inner, tree, sup, items), tree, sup)
        rest = marks.beside_transpose(items)
        if rest is not None and not self._has_letter(items):
            return self._turned_power(tree, sup, items, rest)
        if marks.has_transpose(items):
            raise self.fail(
                "the transpose in this superscript is not read",
                sup,
                r"write one transpose, first or last: X^{-2\top}, or (X^{-2})^\top",
            )
        if marks.is_entrywise(items):
            exponent = self.expression(items[1:], sup)
            return binary(ast.Pow(), tree, exponent)
        if len(items) == 1 and is_sign(items[0], "+"):
            return self._up_to(call("pinv", [tree], tree), tree, sup)
        if len(items) == 1 and is_sign(items[0], "dagger", "star"):
            raise self.fail(
                "the superscript can be an adjoint, a pseudo-inverse or a label",
                sup,
                "write X^\\top, X^{+}, or a declared name",
            )
        return self._up_to(
            self.special("power", [tree, self.expression(items, sup)], sup), tree, sup
        )

    def _has_letter(self, items: tuple[Item, ...]) -> bool:
        """Whether a letter of a superscript that could transpose is a name of the problem."""
        letters = [x for x in items if isinstance(x, Symbol) and marks.is_transpose((x,))]
        return any(self.names.of([x.name], self.names.readable) for x in letters)

    def _transposed(
        self, value: ast.expr, base: ast.expr, sup: RowLayout, items: tuple[Item, ...]
    ) -> ast.expr:
        """Return a transpose; of a scalar, a letter T is more likely a number: no name so far."""
        letter = any(isinstance(x, Symbol) and not x.word for x in items)
        doubtful = letter and (isinstance(base, ast.Name) or len(items) > 2)
        return self.special("turned", [value], sup) if doubtful else transposed(value, value)

    def _turned_power(
        self, tree: ast.expr, sup: RowLayout, items: tuple[Item, ...], exponent: tuple[Item, ...]
    ) -> ast.expr:
        """Return the transpose of a power: of the inverse for a minus alone."""
        turned = self._up_to(self._transposed(tree, tree, sup, items), tree, sup)
        inner = marks.bare(RowLayout(sup.start, sup.stop, exponent))
        if marks.is_inverse(inner) or (len(inner) == 1 and is_sign(inner[0], "-")):
            return self._up_to(self.special("inverse", [turned], sup), tree, sup)
        power = self.expression(inner, sup)
        return self._up_to(self.special("power", [turned, power], sup), tree, sup)

    def _or_power(
        self, turned: ast.expr, tree: ast.expr, sup: RowLayout, items: tuple[Item, ...]
    ) -> ast.expr:
        """Return a transpose, or a power too where T is a name of the problem."""
        letter = marks.is_letter_transpose(items)
        if not letter or not self.names.of([letter], self.names.readable):
            return turned
        exponent = at_item(ast.Name(letter, ast.Load()), self.text, items[0])
        powered = self._up_to(self.special("power", [tree, exponent], sup), tree, sup)
        return self.choice([turned, like(powered, turned)], [r"X^\top", f"(X)^{{1 {letter}}}"])

    def _up_to(self, node: ast.expr, tree: ast.expr, sup: RowLayout) -> ast.expr:
        """Return a node whose place goes from a tree to its superscript."""
        like(node, tree)
        last = at_item(ast.Constant(0), self.text, sup)
        if last.lineno == node.lineno:
            node.end_lineno, node.end_col_offset = last.end_lineno, last.end_col_offset
        return node

    def norm(self, group: Group, sub: RowLayout | None) -> ast.expr:
        """Return a norm; what stands below says which."""
        mark = label_of(sub)
        if sub is not None and len(bare(sub)) == 1:
            item = bare(sub)[0]
            mark = "inf" if is_sign(item, "infty") else "nuc" if is_sign(item, "star") else mark
        if mark not in ("", "1", "2", "F", "fro", "Fro", "inf", "nuc"):
            if sub is not None and self._is_exponent(sub):
                body = self.expression(group.body.items, group)
                return self.special("norm", [body, self.expression(bare(sub), sub)], group, "p")
            raise self.fail(
                f"the norm {mark or 'with this subscript'} is not read",
                sub or group,
                r"there are \|x\|, \|x\|_1, \|x\|_2, \|x\|_\infty, \|x\|_3, "
                r"\|X\|_F, \|X\|_2 and \|X\|_*",
            )
        body = self.expression(group.body.items, group)
        return self.special("norm", [body], group, mark or "")

    def _is_exponent(self, sub: RowLayout) -> bool:
        """Whether what stands below a norm is a number, or has a scalar of the problem in it."""
        items = bare(sub)
        if any(isinstance(x, Fraction | RootLayout) for x in items):
            return True
        return any(
            isinstance(x, Number) or (isinstance(x, Symbol) and self.is_value(x)) for x in items
        )

    def exponential(self, item: Item, sup: RowLayout) -> ast.expr:
        """Return e to a power."""
        inner = self.expression(bare(sup), sup)
        found: ast.expr = at_range(Special(), self.text, item.start, sup.stop)
        assert isinstance(found, Special)
        found.kind, found.args, found.mark = "exponential", [inner], ""
        return found

    def is_exponential(self, base: Item, sub: RowLayout | None, sups: Sequence[RowLayout]) -> bool:
        """Whether a base is the number e with an exponent."""
        is_e = isinstance(base, Symbol) and base.name == "e" and not base.accent
        return is_e and sub is None and len(sups) == 1 and not self.is_value(base)  # type: ignore[arg-type]
