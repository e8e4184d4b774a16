"""Superscripts and subscripts of whatever is no plain name: transposes, powers, entries."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from . import script_meaning as marks
from .laid_out import Fraction, Group, Item, Number, RootLayout, RowLayout, Scripted, Symbol
from .latex_symbols import Symbols
from .script_meaning import bare, is_sign
from .symbol_names import label_of
from .trees import Special, at_item, at_range, binary, call, like, transposed


def scripted(
    symbols: Symbols, tree: ast.expr, item: Scripted, base: Item | None = None
) -> ast.expr:
    """Return a tree with the scripts of an item: the one written first binds first."""
    sub, sups, base = item.sub, item.sups, base or item
    if sub is None:
        return powers(symbols, tree, sups)
    found = marks.indices(symbols.text, sub)
    if found is None:
        raise symbols.fail("the subscript is no index", sub, "an index is a letter or a number")
    lower = symbols.indexed(tree, found, base, sub)
    if not sups:
        return lower
    upper = symbols.indexed(powers(symbols, tree, sups), found, base, sub)
    ways = [upper, powers(symbols, lower, sups)]
    return _ordered(symbols, ways, base, sub, sups, item.above_first)


def powers(symbols: Symbols, tree: ast.expr, sups: Sequence[RowLayout]) -> ast.expr:
    """Return a tree with superscripts, in their order."""
    for sup in sups:
        tree = power(symbols, tree, sup)
    return tree


def _ordered(
    symbols: Symbols,
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
    core, below = symbols.text[base.start : base.stop], symbols.text[sub.start : sub.stop]
    above = "".join(f"^{symbols.text[s.start : s.stop]}" for s in sups)
    hints = [f"({core}{above})_{below}", f"({core}_{below}){above}"]
    if not turning:
        ways, hints = ways[::-1], hints[::-1]
    return symbols.choice([like(w, ways[0]) for w in ways], hints)


def power(symbols: Symbols, tree: ast.expr, sup: RowLayout) -> ast.expr:
    """Return a tree with one superscript."""
    items = bare(sup)
    if not items:
        raise symbols.fail("an empty superscript", sup, "leave it out")
    if all(is_sign(x, "prime") for x in items):
        for _ in items:
            tree = _up_to(symbols, symbols.special("prime", [tree], sup), tree, sup)
        return tree
    if marks.is_transpose(items):
        turned = _up_to(symbols, _transposed(symbols, tree, tree, sup, items), tree, sup)
        return _or_power(symbols, turned, tree, sup, items)
    if marks.is_inverse(items):
        return _up_to(symbols, symbols.special("inverse", [tree], sup), tree, sup)
    if marks.is_inverse_transpose(items):
        inner = _up_to(symbols, symbols.special("inverse", [tree], sup), tree, sup)
        return _up_to(symbols, _transposed(symbols, inner, tree, sup, items), tree, sup)
    rest = marks.beside_transpose(items)
    if rest is not None and not _has_letter(symbols, items):
        return _turned_power(symbols, tree, sup, items, rest)
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
        return _up_to(symbols, call("pinv", [tree], tree), tree, sup)
    if len(items) == 1 and is_sign(items[0], "dagger", "star"):
        raise symbols.fail(
            "the superscript can be an adjoint, a pseudo-inverse or a label",
            sup,
            "write X^\\top, X^{+}, or a declared name",
        )
    return _up_to(
        symbols, symbols.special("power", [tree, symbols.expression(items, sup)], sup), tree, sup
    )


def _has_letter(symbols: Symbols, items: tuple[Item, ...]) -> bool:
    """Whether a letter of a superscript that could transpose is a name of the problem."""
    letters = [x for x in items if isinstance(x, Symbol) and marks.is_transpose((x,))]
    return any(symbols.names.of([x.name], symbols.names.readable) for x in letters)


def _transposed(
    symbols: Symbols, value: ast.expr, base: ast.expr, sup: RowLayout, items: tuple[Item, ...]
) -> ast.expr:
    """Return a transpose; of a scalar, a letter T is more likely a number: no name so far."""
    letter = any(isinstance(x, Symbol) and not x.word for x in items)
    doubtful = letter and (isinstance(base, ast.Name) or len(items) > 2)
    return symbols.special("turned", [value], sup) if doubtful else transposed(value, value)


def _turned_power(
    symbols: Symbols,
    tree: ast.expr,
    sup: RowLayout,
    items: tuple[Item, ...],
    exponent: tuple[Item, ...],
) -> ast.expr:
    """Return the transpose of a power: of the inverse for a minus alone."""
    turned = _up_to(symbols, _transposed(symbols, tree, tree, sup, items), tree, sup)
    inner = marks.bare(RowLayout(sup.start, sup.stop, exponent))
    if marks.is_inverse(inner) or (len(inner) == 1 and is_sign(inner[0], "-")):
        return _up_to(symbols, symbols.special("inverse", [turned], sup), tree, sup)
    power = symbols.expression(inner, sup)
    return _up_to(symbols, symbols.special("power", [turned, power], sup), tree, sup)


def _or_power(
    symbols: Symbols, turned: ast.expr, tree: ast.expr, sup: RowLayout, items: tuple[Item, ...]
) -> ast.expr:
    """Return a transpose, or a power too where T is a name of the problem."""
    letter = marks.is_letter_transpose(items)
    if not letter or not symbols.names.of([letter], symbols.names.readable):
        return turned
    exponent = at_item(ast.Name(letter, ast.Load()), symbols.text, items[0])
    powered = _up_to(symbols, symbols.special("power", [tree, exponent], sup), tree, sup)
    return symbols.choice([turned, like(powered, turned)], [r"X^\top", f"(X)^{{1 {letter}}}"])


def _up_to(symbols: Symbols, node: ast.expr, tree: ast.expr, sup: RowLayout) -> ast.expr:
    """Return a node whose place goes from a tree to its superscript."""
    like(node, tree)
    last = symbols.at(sup)
    if last.lineno == node.lineno:
        node.end_lineno, node.end_col_offset = last.end_lineno, last.end_col_offset
    return node


def norm(symbols: Symbols, group: Group, sub: RowLayout | None) -> ast.expr:
    """Return a norm; what stands below says which."""
    mark = label_of(sub)
    if sub is not None and len(bare(sub)) == 1:
        item = bare(sub)[0]
        mark = "inf" if is_sign(item, "infty") else "nuc" if is_sign(item, "star") else mark
    if mark not in ("", "1", "2", "F", "fro", "Fro", "inf", "nuc"):
        if sub is not None and _is_exponent(symbols, sub):
            body = symbols.expression(group.body.items, group)
            return symbols.special("norm", [body, symbols.expression(bare(sub), sub)], group, "p")
        raise symbols.fail(
            f"the norm {mark or 'with this subscript'} is not read",
            sub or group,
            r"there are \|x\|, \|x\|_1, \|x\|_2, \|x\|_\infty, \|x\|_3, "
            r"\|X\|_F, \|X\|_2 and \|X\|_*",
        )
    body = symbols.expression(group.body.items, group)
    return symbols.special("norm", [body], group, mark or "")


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
    found: ast.expr = at_range(Special(), symbols.text, item.start, sup.stop)
    assert isinstance(found, Special)
    found.kind, found.args, found.mark = "exponential", [inner], ""
    return found


def is_exponential(
    symbols: Symbols, base: Item, sub: RowLayout | None, sups: Sequence[RowLayout]
) -> bool:
    """Whether a base is the number e with an exponent."""
    is_e = isinstance(base, Symbol) and base.name == "e" and not base.accent
    return is_e and sub is None and len(sups) == 1 and not symbols.is_value(base)  # type: ignore[arg-type]
