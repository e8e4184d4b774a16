"""Functions: which one an item is, what its scripts say of it, and the call of it.

Contract: knows names, no shapes; what its argument is, is read elsewhere.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ..syntax_nodes import binary, call, like
from . import macro_tables as tables
from .laid_out import (
    BigOperator,
    Group,
    Item,
    Number,
    RowLayout,
    Sign,
    Symbol,
    bare,
    is_sign,
    split_at,
)
from .latex_symbols import Symbols
from .scripts import is_inverse
from .shaped import is_call
from .symbol_names import function_of, label_of, spellings

_DELIMITED = (")", "]", "}")


@dataclass(frozen=True, slots=True)
class FunctionHead:
    """A function's name in the language, its options, primes, and the power of its value."""

    name: str
    item: Item
    axis: tuple[int | None, ...] = ()  # where it is said, also that it is all entries
    power: RowLayout | None = None
    primes: int = 0
    extra: tuple[ast.expr, ...] = ()  # arguments that stand in its subscript: sizes


def find(symbols: Symbols, items: Sequence[Item], i: int) -> FunctionHead | None:
    """Return the function that an item is, or None."""
    item = items[i]
    base = item.base
    called = i + 1 < len(items) and argument(items[i + 1]) is not None
    lettered = _lettered(symbols, item) if called else None
    if lettered is not None:
        return lettered
    if not isinstance(base, Symbol):
        return None
    word = _word(symbols, base, called)
    if word is None:
        return None
    if item.sub is not None and symbols.is_value(base, item.sub):
        return None
    return _with_scripts(symbols, word, item)


def _word(symbols: Symbols, symbol: Symbol, called: bool) -> str | None:
    options = spellings(symbol)
    if symbols.names.of(options, symbols.names.readable):
        return None
    own = symbols.names.of(options, (*symbols.names.entrywise, *symbols.names.losses))
    if own:
        return own[0] if called else None
    if symbol.name == "sigma":
        return "sigmoid" if called or symbol.word else None
    if symbol.word and not symbol.accent:
        return function_of(symbol.name)
    letter = symbol.name if not symbol.accent and not symbol.greek else ""
    return letter if called and letter in ("f", "g", "h", "L") else None


def _with_scripts(symbols: Symbols, word: str, item: Item) -> FunctionHead | None:
    found = FunctionHead(word, item)
    if item.sub is not None:
        found = _with_subscript(symbols, found, item.sub)
    power, primes = None, 0
    for sup in item.sups:
        inside = bare(sup)
        if all(is_sign(x, "prime") for x in inside):
            primes += len(inside)
        elif is_inverse(inside):
            raise symbols.fail(
                f"{word} to the -1 can be its inverse function or 1/{word}",
                sup,
                f"write \\arc{word}, or \\frac{{1}}{{\\{word} x}}",
            )
        elif power is None and len(inside) == 1 and isinstance(inside[0], Number):
            power = sup
        else:
            return None
    return replace(found, power=power, primes=primes)


def _lettered(symbols: Symbols, item: Item) -> FunctionHead | None:
    """Return a function that is written as a letter with an index: u_1(X), 1_max(X)."""
    base = item.base
    if item.sub is None or item.sups or not isinstance(base, Symbol | Number):
        return None
    if isinstance(base, Symbol) and (symbols.is_value(base) or not base.bold):
        return None
    letter = base.text if isinstance(base, Number) else base.name
    head, axis = _split_axis(item.sub)
    name = tables.LETTERED.get((letter, label_of(head) or ""))
    return None if name is None else FunctionHead(name, item, axis)


def _with_subscript(symbols: Symbols, head: FunctionHead, sub: RowLayout) -> FunctionHead:
    """Return a function with what its subscript says: another name, an axis, sizes."""
    first, axis = _split_axis(sub)
    mark = label_of(first) if first.items else ""
    if (head.name, mark) in tables.SUBSCRIPTED:
        name = tables.SUBSCRIPTED[head.name, str(mark)]
        return replace(head, name=name, axis=axis)
    if not first.items:
        return replace(head, axis=axis)
    if head.name in tables.SIZED:
        return _with_sizes(symbols, head, first, axis)
    raise symbols.fail(
        f"the subscript of {head.name} is not read", sub, f"leave it out: \\{head.name}"
    )


def _with_sizes(
    symbols: Symbols, head: FunctionHead, sub: RowLayout, axis: tuple[int | None, ...]
) -> FunctionHead:
    """Return a function whose subscript holds sizes, or the order of axes."""
    parts = split_at(bare(sub), ",", "times")
    sizes = [symbols.dimension(p, sub) for p in parts]
    if head.name == "part":
        zero = symbols.placed(ast.Constant(0), sub)
        before = [binary(ast.Add(), a, b) for a, b in pairwise(sizes[:-1])] or sizes[:-1]
        sizes = [before[-1] if before else zero, sizes[-1]]
        return replace(head, extra=tuple(sizes), axis=axis or (0,))
    return replace(head, name=tables.SIZED[head.name], extra=tuple(sizes))


def reach(symbols: Symbols, head: FunctionHead, items: Sequence[Item], start: int) -> int:
    """Return where the product that a function could take ends, from behind its first factor.

    It ends at another function and at a sum; for a trace, at another trace only.
    """
    greedy = head.name in tables.GREEDY
    for k in range(start, len(items)):
        item = items[k]
        if isinstance(item, Sign) and (not greedy or is_sign(item, ",")):
            return k
        found = find(symbols, items, k)
        if found is not None and (not greedy or found.name in tables.GREEDY):
            return k
        if found is None and isinstance(item.base, BigOperator):
            return k
    return len(items)


def applied(symbols: Symbols, head: FunctionHead, args: list[ast.expr]) -> ast.expr:
    """Return the call of a function, with its derivative and power."""
    at = symbols.at(head.item)
    at.end_lineno, at.end_col_offset = args[-1].end_lineno, args[-1].end_col_offset
    if head.primes:
        result = _derivative(symbols, head, args, at)
    elif head.name == "log" and len(args) == 1 and _determined(args[0]):
        result = call("logdet", _determined(args[0]), at)  # log |A| and log det A are one function
    elif head.name in ("max", "min") and len(args) == 2:
        result = call(f"{head.name}imum", args, at)
    else:
        options = {"axis": head.axis[0]} if head.axis else {}
        result = call(head.name, [*args, *head.extra], at, **options)
    if head.power is None:
        return result
    exponent = symbols.expression(bare(head.power), head.power)
    return like(ast.BinOp(result, ast.Pow(), exponent), at)


def _derivative(
    symbols: Symbols, head: FunctionHead, args: list[ast.expr], at: ast.expr
) -> ast.expr:
    if head.name in (*symbols.names.entrywise, "f", "g", "h"):
        return call(head.name + "p" * head.primes, args, at)
    template = tables.DERIVATIVES.get(head.name)
    if template is None or head.primes > 1 or len(args) != 1:
        known = ", ".join(tables.DERIVATIVES)
        raise symbols.fail(
            f"the derivative of {head.name} is not known by a prime",
            head.item,
            f"write it out; there are the first derivatives of {known}",
        )
    tree = ast.parse(template, mode="eval").body
    found = _Placed(args[0], at).visit(tree)
    assert isinstance(found, ast.expr)
    return found


def shadowed(symbols: Symbols, items: Sequence[Item], i: int) -> FunctionHead | None:
    """Return sigmoid for a σ that is also a name of the problem, before parentheses."""
    item = items[i]
    base = item.base
    if not isinstance(base, Symbol) or base.name != "sigma" or not symbols.is_value(base):
        return None
    called = i + 1 < len(items) and argument(items[i + 1]) is not None
    return _with_scripts(symbols, "sigmoid", item) if called and item.sub is None else None


class _Placed(ast.NodeTransformer):
    """Puts an argument for x and a place at every node."""

    def __init__(self, argument: ast.expr, at: ast.expr) -> None:
        self.argument, self.at = argument, at

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Name) and node.id == "x":
            return self.argument
        node = self.generic_visit(node)
        return like(node, self.at) if isinstance(node, ast.expr) else node


def _split_axis(sub: RowLayout) -> tuple[RowLayout, tuple[int | None, ...]]:
    """Return a subscript without the axis that it ends with, and that."""
    items = bare(sub)
    last = items[-1] if items else None
    word = last.name.replace(" ", "") if isinstance(last, Symbol) else ""
    if word not in tables.AXES:
        return sub, ()
    rest = items[:-2] if len(items) > 1 and is_sign(items[-2], ",") else items[:-1]
    return RowLayout(sub.start, sub.stop, rest), (tables.AXES[word],)


def argument(item: Item) -> Group | None:
    """Return the delimiters that hold an argument, with or without scripts."""
    group = item.base
    if not isinstance(group, Group):
        return None
    return group if group.kind in _DELIMITED or (item is group and group.kind != ">") else None


def _determined(tree: ast.expr) -> list[ast.expr]:
    """Return the matrix of which a tree is the determinant, or the size of that."""
    if is_call(tree, "abs"):
        tree = tree.args[0]  # type: ignore[attr-defined]
    return tree.args if is_call(tree, "det") else []  # type: ignore[attr-defined]
