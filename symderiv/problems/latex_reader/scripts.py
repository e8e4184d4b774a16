"""Superscripts and subscripts of whatever is no plain name: transposes, powers, entries."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from ..syntax_nodes import binary, call, joined, transposed
from .laid_out import Fraction, Group, Item, Number, RootLayout, RowLayout, Symbol, bare, is_sign
from .latex_symbols import Symbols
from .symbol_names import label_of

TRANSPOSES = ("T", "t", "top", "intercal")


def scripted(symbols: Symbols, tree: ast.expr, item: Item, base: Item | None = None) -> ast.expr:
    """Return a tree with the scripts of an item: (A^T)_{ij} or (A_{ij})^T, as they are written."""
    sub, sups, base = item.sub, item.sups, base or item
    if sub is None:
        return powers(symbols, tree, sups)
    found = symbols.indices(sub)
    if found is None:
        raise symbols.fail("the subscript is no index", sub, "an index is a letter or a number")
    at, entry = symbols.at(base, sub), symbols.reader.indexed
    ways: list[Callable[[], ast.expr]] = [
        lambda: entry(powers(symbols, tree, sups), found, at),
        lambda: powers(symbols, entry(tree, found, at), sups),
    ]
    items = [bare(s) for s in sups]
    sliced = any(is_sign(x, ":", "cdot", "star") for x in bare(sub))
    turning = all(is_transpose(x) or is_inverse(x) for x in items)
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
    if is_transpose(items):
        return _turned_or_power(symbols, tree, items, at)
    if is_inverse(items):
        return reader.inverse(tree, at)
    if is_inverse_transpose(items):
        return _transposed(symbols, reader.inverse(tree, at), tree, items, at)
    rest = beside_transpose(items)
    if rest is not None and not _has_letter(symbols, items):
        turned = _transposed(symbols, tree, tree, items, at)
        inner = bare(RowLayout(sup.start, sup.stop, rest))
        if is_inverse(inner) or (len(inner) == 1 and is_sign(inner[0], "-")):
            return reader.inverse(turned, at)
        return reader.power(turned, symbols.expression(inner, sup), at)
    if has_transpose(items):
        raise symbols.fail(
            "the transpose in this superscript is not read",
            sup,
            r"write one transpose, first or last: X^{-2\top}, or (X^{-2})^\top",
        )
    if len(items) > 1 and is_sign(items[0], "odot"):
        return binary(ast.Pow(), tree, symbols.expression(items[1:], sup))
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
    letters = [x for x in items if isinstance(x, Symbol) and is_transpose((x,))]
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
    letter = is_letter_transpose(items)
    if not letter or not symbols.names.of([letter], symbols.names.readable):
        return ways[0]()
    exponent = symbols.placed(ast.Name(letter, ast.Load()), items[0])
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


# what a superscript says: each form is a test on its items; what is none is an exponent


def is_transpose(items: tuple[Item, ...]) -> bool:
    """Whether a superscript transposes: ⊤, T in any font, or a prime."""
    if len(items) != 1:
        return False
    item = items[0]
    return is_sign(item, "top", "prime") or (isinstance(item, Symbol) and item.name in TRANSPOSES)


def is_letter_transpose(items: tuple[Item, ...]) -> str:
    """Return the letter of a transpose that could also be a name, or nothing."""
    if is_transpose(items) and isinstance(items[0], Symbol) and not items[0].word:
        return items[0].name
    return ""


def is_inverse(items: tuple[Item, ...]) -> bool:
    """Whether a superscript is -1."""
    return (
        len(items) == 2
        and is_sign(items[0], "-")
        and isinstance(items[1], Number)
        and items[1].text == "1"
    )


def is_inverse_transpose(items: tuple[Item, ...]) -> bool:
    """Whether a superscript is -⊤."""
    if len(items) == 3 and is_inverse(items[:2]):
        return is_transpose(items[2:])
    return len(items) == 2 and is_sign(items[0], "-") and is_transpose(items[1:])


def beside_transpose(items: tuple[Item, ...]) -> tuple[Item, ...] | None:
    """Return what a superscript says besides its one transpose: -2 of ``-2\\top``, ``\\top -2``.

    The transpose stands at an end, or behind a minus: a minus alone is the inverse. None where a
    superscript has no transpose beside anything, has several, or has one between two numbers.
    """
    flat = [x for item in items for x in _flat(item) if not is_sign(x, ",")]
    at = [k for k, x in enumerate(flat) if _turns(x)]
    ends = (0, len(flat) - 1, 1 if flat and is_sign(flat[0], "-") else 0)
    if len(flat) < 2 or len(at) != 1 or at[0] not in ends:
        return None
    return tuple(x for k, x in enumerate(flat) if k != at[0])


def has_transpose(items: tuple[Item, ...]) -> bool:
    """Whether a superscript has the sign of a transpose in it."""
    return any(is_sign(x, "top") for item in items for x in _flat(item))


def _flat(item: Item) -> list[Item]:
    """Return the number and the transpose of 1^⊤ side by side, and anything else as it is."""
    if item.sub is not None or len(item.sups) != 1:
        return [item]
    above = bare(item.sups[0])
    if isinstance(item.base, Number) and is_transpose(above):
        return [item.base, *above]
    return [item.base, *above] if is_sign(item.base, "top") else [item]


def _turns(item: Item) -> bool:
    """Whether an item is a transpose also where it stands beside a number: ⊤, T or a prime."""
    return is_transpose((item,)) and getattr(item, "name", "") != "t"
