"""Sums over an index: the index, its limits and what is summed."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from ...core.errors import UnsupportedError
from .gradients import Gradients
from .laid_out import BigOperator, Item, Number, RowLayout, Scripted, Sign, Symbol
from .script_meaning import bare, is_sign, place_of
from .symbol_names import written_of
from .trees import Total, at_item, joined, span

OPERATORS = ("cdot", "times", "odot", "oslash", "otimes", "/")


class Totals(Gradients):
    """Reads sums; a sum extends over the product that follows."""

    def term(self, items: Sequence[Item]) -> ast.expr:
        """Return the product of the items of a term."""
        raise NotImplementedError

    def total(self, item: Item, items: Sequence[Item], i: int) -> tuple[ast.expr, int]:
        sub = item.sub if isinstance(item, Scripted) else None
        if sub is None:
            raise self.fail("a sum without an index", item, r"write \sum_i, or sum(X)")
        big = item.base if isinstance(item, Scripted) else item
        assert isinstance(big, BigOperator)
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
            total = joined(Total(), at_item(ast.Constant(0), self.text, item), tree)
            total.index = at_item(ast.Name(letter, ast.Load()), self.text, sub)
            total.upper, total.body, total.word = upper, tree, big.word
            tree = total
        return tree, stop

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
        size = self._size(inside[0]) if len(inside) == 1 else place_of(self.text, inside)
        if size is None:
            known = ", ".join(self.names.sizes)
            raise self.fail("the upper limit is no size", item.sups[0], f"the sizes are: {known}")
        return size


def is_operator(item: Item) -> bool:
    """Whether an item is the sign of a product or a quotient."""
    return isinstance(item, Sign) and item.name in OPERATORS


def bound_by(items: Sequence[Item]) -> set[str]:
    """Return the indices that sums among these items bind."""
    found: set[str] = set()
    for item in items:
        if (
            isinstance(item, Scripted)
            and isinstance(item.base, BigOperator)
            and item.sub is not None
        ):
            for x in bare(item.sub):
                if is_sign(x, "="):
                    break
                if isinstance(x, Symbol):
                    found.add(written_of(x))
    return found
