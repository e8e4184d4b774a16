"""Superscripts and subscripts of whatever is no plain name: transposes, powers, entries."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from ..syntax_nodes import binary, call, joined, transposed
from . import script_meaning as marks
from .laid_out import Fraction, Group, Item, Number, RootLayout, RowLayout, Symbol
from .latex_symbols import Symbols
from .script_meaning import bare, is_sign
from .symbol_names import label_of
from .trees import at_item


def scripted(symbols: Symbols, tree: ast.expr, item: Item, base: Item | None = None) -> ast.expr:
    """Return a tree with the scripts of an item: (A^T)_{ij} or (A_{ij})^T, as they are written."""
    sub, sups, base = item.sub, item.sups, base or item
    if sub is None:
        return powers(symbols, tree, sups)
    found = marks.indices(symbols.text, sub)
    if found is None:
        raise symbols.fail("the subscript is no index", sub, "an index is a letter or a number")
    at, entry = symbols.at(base, sub), symbols.reader.indexed
    ways: list[Callable[[], ast.expr]] = [
        lambda: entry(powers(symbols, tree, sups), found, at),
        lambda: powers(symbols, entry(tree, found, at), sups),
    ]
    items = [bare(s) for s in sups]
    sliced = any(is_sign(x, ":", "cdot", "star") for x in bare(sub))
    turning = all(marks.is_transpose(x) or marks.is_inverse(x) for x in items)
    above_first = bool(sups) and sups[0].start < sub.start
    if above_first and turning:
        return ways[0]()
    if not sups or (sliced and not above_first):
        return ways[1]()
    core, below = symbols.source(base), symbols.source(sub)
    above = "".join(f"^{symbols.source(s)}" for s in sups)
    hints = [f"({core}{above})_{below}", f"({core}_{below}){above}"]
    if not turning:
        ways, hints, at = ways[::-1], hints[::-1], symbols.at(base, sups[-1])
    return symbols.reader.choice(ways, hints, at)


def powers(symbols: Symbols, tree: ast.expr, sups: Sequence[RowLayout]) -> ast.expr:
    """Return a tree with superscripts, in their order."""
    for sup in sups:
        tree = power(symbols, tree, sup)
    return tree


def power(symbols: Symbols, tree: ast.expr, sup: RowLayout) -> ast.expr:
    """Return a tree with one superscript."""
    items, reader = bare(sup), symbols.reader
    at = joined(ast.Constant(0), tree, symbols.at(sup))
    if not items:
        raise symbols.fail("an empty superscript", sup, "leave it out")
    if all(is_sign(x, "prime") for x in items):
        for _ in items:
            tree = reader.turned(tree, "prime", at)
        return tree
    if marks.is_transpose(items):
        return _turned_or_power(symbols, tree, items, at)
    if marks.is_inverse(items):
        return reader.inverse(tree, at)
    if marks.is_inverse_transpose(items):
        return _transposed(symbols, reader.inverse(tree, at), tree, items, at)
    rest = marks.beside_transpose(items)
    if rest is not None and not _has_letter(symbols, items):
        turned = _transposed(symbols, tree, tree, items, at)
        inner = bare(RowLayout(sup.start, sup.stop, rest))
        if marks.is_inverse(inner) or (len(inner) == 1 and is_sign(inner[0], "-")):
            return reader.inverse(turned, at)
        return reader.power(turned, symbols.expression(inner, sup), at)
    if marks.has_transpose(items):
        raise symbols.fail(
            "the transpose in this superscript is not read",
            sup,
            r"write one transpose, first or last: X^{-2\top}, or (X^{-2})^\top",
        )
    if marks.is_entrywise(items):
        exponent = symbols.expression(items[1:], sup)
        return binary(ast.Pow(), tree, exponent)
    if len(items) == 1 and is_sign(items[0], "+"):
        return call("pinv", [tree], at)
    if len(items) == 1 and is_sign(items[0], "dagger", "star"):
        raise symbols.fail(
            "the superscript can be an adjoint, a pseudo-inverse or a label",
            sup,
            "write X^\\top, X^{+}, or a declared name",
        )
    return reader.power(tree, symbols.expression(items, sup), at)


def _has_letter(symbols: Symbols, items: tuple[Item, ...]) -> bool:
    """Whether a letter of a superscript that could transpose is a name of the problem."""
    letters = [x for x in items if isinstance(x, Symbol) and marks.is_transpose((x,))]
    return any(symbols.names.of([x.name], symbols.names.readable) for x in letters)


def _transposed(
    symbols: Symbols, value: ast.expr, base: ast.expr, items: tuple[Item, ...], at: ast.expr
) -> ast.expr:
    """Return a transpose; of a scalar, a letter T is more likely a number: no name so far."""
    letter = any(isinstance(x, Symbol) and not x.word for x in items)
    doubtful = letter and (isinstance(base, ast.Name) or len(items) > 2)
    return symbols.reader.turned(value, "T", at) if doubtful else transposed(value, at)


def _turned_or_power(
    symbols: Symbols, tree: ast.expr, items: tuple[Item, ...], at: ast.expr
) -> ast.expr:
    """Return a transpose, or a power too where T is a name of the problem."""
    ways: list[Callable[[], ast.expr]] = [
        lambda: _transposed(symbols, tree, tree, items, at),
        lambda: symbols.reader.power(tree, exponent, at),
    ]
    letter = marks.is_letter_transpose(items)
    if not letter or not symbols.names.of([letter], symbols.names.readable):
        return ways[0]()
    exponent = at_item(ast.Name(letter, ast.Load()), symbols.text, items[0])
    return symbols.reader.choice(ways, [r"X^\top", f"(X)^{{1 {letter}}}"], at)


def norm(symbols: Symbols, group: Group, sub: RowLayout | None) -> ast.expr:
    """Return a norm; what stands below says which."""
    mark = label_of(sub)
    if sub is not None and len(bare(sub)) == 1:
        item = bare(sub)[0]
        mark = "inf" if is_sign(item, "infty") else "nuc" if is_sign(item, "star") else mark
    if mark not in ("", "1", "2", "F", "fro", "Fro", "inf", "nuc"):
        if sub is not None and _is_exponent(symbols, sub):
            body = symbols.expression(group.body.items, group)
            return call("norm", [body, symbols.expression(bare(sub), sub)], symbols.at(group))
        raise symbols.fail(
            f"the norm {mark or 'with this subscript'} is not read",
            sub or group,
            r"there are \|x\|, \|x\|_1, \|x\|_2, \|x\|_\infty, \|x\|_3, "
            r"\|X\|_F, \|X\|_2 and \|X\|_*",
        )
    body = symbols.expression(group.body.items, group)
    return symbols.reader.norm(body, mark or "", symbols.at(group))


def _is_exponent(symbols: Symbols, sub: RowLayout) -> bool:
    """Whether what stands below a norm is a number, or has a scalar of the problem in it."""
    items = bare(sub)
    if any(isinstance(x, Fraction | RootLayout) for x in items):
        return True
    return any(
        isinstance(x, Number) or (isinstance(x, Symbol) and symbols.is_value(x)) for x in items
    )


def exponential(symbols: Symbols, item: Item, sup: RowLayout) -> ast.expr:
    """Return e to a power."""
    inner = symbols.expression(bare(sup), sup)
    return symbols.reader.entry_by_entry("exp", inner, symbols.at(item, sup))


def is_exponential(
    symbols: Symbols, base: Item, sub: RowLayout | None, sups: Sequence[RowLayout]
) -> bool:
    """Whether a base is the number e with an exponent."""
    is_e = isinstance(base, Symbol) and base.name == "e" and not base.accent
    return is_e and sub is None and len(sups) == 1 and not symbols.is_value(base)  # type: ignore[arg-type]
