"""What stands between two neighbours in a row, and which bodies are tall: shared by the printers.

Purpose: decide once, from the tree alone, where a space, a dot or nothing belongs.
Contract: pure; ``gap`` never looks further than the two neighbours.
Must not know any output format.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto

from symderiv.notation.identifiers import name_of
from symderiv.notation.math import (
    DIFFERENTIAL,
    Big,
    Brace,
    Fence,
    Frac,
    Grid,
    Math,
    Num,
    Op,
    Root,
    Row,
    Script,
    Sym,
    Tint,
    Under,
    Word,
    row,
)


class Gap(Enum):
    """What is put between two neighbours that are not separated by a sign."""

    NONE = auto()
    APPLY = auto()  # a name and its argument in parentheses
    OPERATOR = auto()  # a function name without parentheses: formats know how to space it
    INNER = auto()  # a fraction, a matrix or a large operator: TeX spaces some of them
    THIN = auto()
    NOTED = auto()  # notes below would touch
    WORD = auto()  # a space as between words
    DOT = auto()  # a number after a factor would be read as one number


class _Kind(Enum):
    LETTER = auto()
    LONG = auto()  # a word, a differential, a letter that carries a subscript: needs air
    DIGITS = auto()
    SIGN = auto()
    MARK = auto()  # ∂, ∇, ⊤: belongs to its neighbour
    FUNCTION = auto()
    TEXT = auto()
    PARENS = auto()
    INNER = auto()
    NOTED = auto()


_BY_CLASS: dict[type[Math], _Kind] = {
    Num: _Kind.DIGITS,
    Op: _Kind.SIGN,
    Frac: _Kind.INNER,
    Big: _Kind.INNER,
    Grid: _Kind.INNER,
    Root: _Kind.LONG,
    Under: _Kind.NOTED,
    Brace: _Kind.NOTED,
}
_ROUND = frozenset("([)]")
_PREFIXES = frozenset("∂∇d")
_DOTS = frozenset("…⋯")


def gap(left: Math, right: Math) -> Gap:
    """Return what belongs between two neighbours.

    >>> gap(Sym("X"), Sym("W")), gap(Script(Sym("X"), Sym("i")), Sym("w"))
    (<Gap.NONE: 1>, <Gap.THIN: 5>)
    >>> gap(Word("tanh"), Fence("(", Sym("Z"), ")"))
    <Gap.APPLY: 2>
    """
    a, b = _tail(left), _head(right)
    if _Kind.SIGN in (a, b):
        return Gap.NONE
    if _Kind.TEXT in (a, b):
        return Gap.WORD
    if _Kind.NOTED in (a, b):
        return Gap.NONE if a is _Kind.MARK else Gap.NOTED
    if a is _Kind.MARK:
        return Gap.NONE
    if b is _Kind.PARENS and a is not _Kind.INNER:
        return Gap.APPLY
    if b is _Kind.DIGITS and a is not _Kind.FUNCTION:
        return Gap.DOT
    if _Kind.FUNCTION in (a, b):
        return Gap.OPERATOR
    if _Kind.INNER in (a, b):
        return Gap.INNER
    if _Kind.LONG in (a, b) or b is _Kind.MARK:
        return Gap.THIN if a is not _Kind.DIGITS or b is not _Kind.LETTER else Gap.NONE
    return Gap.NONE


def items_of(node: Row) -> tuple[Math, ...]:
    """Return the items of a row, flattened, coloured signs at an edge on their own.

    A sign that opens or closes a coloured group keeps its spacing only outside of it. A
    differential stays one item: dX W is not d(XW).

    >>> len(items_of(Row((Sym("a"), Tint("x", row(Op("+"), Sym("b")))))))
    3
    """
    items = tuple(_flat(node))
    return items if len(items) == 2 else tuple(_with_differentials(items))


def indices(node: Math) -> Math:
    """Return the indices of a script, with commas where two numbers would run together.

    >>> indices(row(Num("1"), Num("12")))
    Row(items=(Num(text='1'), Op(char=','), Num(text='12')))
    >>> indices(row(Num("1"), Num("2")))
    Row(items=(Num(text='1'), Num(text='2')))
    """
    if not isinstance(node, Row):
        return node
    parts: list[Math] = []
    for item in items_of(node):
        if parts and not isinstance(parts[-1], Op) and not isinstance(item, Op):
            digits = [part.text for part in (parts[-1], item) if isinstance(part, Num)]
            parts += [Op(",")] if any(len(text) > 1 for text in digits) else []
        parts.append(item)
    return Row(tuple(parts))


def is_unary(items: tuple[Math, ...], i: int) -> bool:
    """Return whether the sign at a place of a row is that of what follows it.

    >>> is_unary((Op("−"), Sym("x")), 0), is_unary((Sym("a"), Op("−"), Sym("x")), 1)
    (True, False)
    """
    return _is_sign(items[i], "+−-±") and (i == 0 or _is_sign(items[i - 1]))


def _is_sign(node: Math, among: str = "") -> bool:
    if isinstance(node, Tint):
        return _is_sign(node.body, among)
    return isinstance(node, Op) and (not among or node.char in among)


def _flat(node: Math) -> Iterator[Math]:
    if isinstance(node, Row):
        for item in node.items:
            yield from _flat(item)
    elif isinstance(node, Tint) and isinstance(node.body, Row):
        yield from _lifted(node.role, items_of(node.body))
    else:
        yield node


def _with_differentials(items: tuple[Math, ...]) -> Iterator[Math]:
    rest = iter(items)
    for item in rest:
        of = next(rest, None) if item == DIFFERENTIAL else None
        yield item if of is None else Row((item, of))


def _is_differential(node: Math) -> bool:
    return isinstance(node, Row) and len(node.items) == 2 and node.items[0] == DIFFERENTIAL


def _lifted(role: str, items: tuple[Math, ...]) -> Iterator[Math]:
    start, stop = 0, len(items)
    while start < stop and isinstance(items[start], Op):
        yield Tint(role, items[start])
        start += 1
    while stop > start and isinstance(items[stop - 1], Op):
        stop -= 1
    if start < stop:
        yield Tint(role, row(*items[start:stop]))
    for sign in items[stop:]:
        yield Tint(role, sign)


def is_numeric(node: Math) -> bool:
    """Return whether this is a number, with or without a sign and a colour.

    >>> is_numeric(row(Op("−"), Num("1"))), is_numeric(Sym("x"))
    (True, False)
    """
    if isinstance(node, Tint):
        return is_numeric(node.body)
    if isinstance(node, Row):
        return len(node.items) == 2 and node.items[0] == Op("−") and is_numeric(node.items[1])
    return isinstance(node, Num)


def unstacked(node: Script) -> Script:
    """Return a script whose base is a name, with what the name carries itself taken into account.

    A second subscript goes outside parentheses, a second superscript beside the first:
    the (i, j) entry of ``W_1`` is written (W_1) with subscript ij.

    >>> unstacked(Script(Sym("W_1"), Sym("i"))).base
    Fence(left='(', body=Sym(name='W_1', bold=False, spelled=False), right=')')
    """
    if not isinstance(node.base, Sym):
        return node
    name = name_of(node.base)
    if node.sub is not None and name.sub is not None:
        return Script(Fence("(", node.base, ")"), node.sub, node.sup)
    return node


def opens(node: Math) -> bool:
    """Return whether this begins with a parenthesis, which a large sign before it would touch.

    >>> opens(row(Fence("(", Sym("x"), ")"), Sym("y"))), opens(Sym("x"))
    (True, False)
    """
    return _head(node) is _Kind.PARENS


def _tail(node: Math) -> _Kind:
    if isinstance(node, Row) and node.items:
        return _Kind.LONG if _is_differential(node) else _tail(node.items[-1])
    if isinstance(node, Script):
        return _Kind.LONG if node.sub is not None else _tail(node.base)
    if isinstance(node, Tint):
        return _tail(node.body)
    if isinstance(node, Fence):
        return _Kind.LETTER if node.right in _ROUND else _Kind.LONG
    if isinstance(node, Sym) and name_of(node).sub is not None:
        return _Kind.LONG
    return _kind(node)


def _head(node: Math) -> _Kind:
    if isinstance(node, Row) and node.items:
        return _head(node.items[0])
    if isinstance(node, Script):
        return _head(node.base)
    if isinstance(node, Tint):
        return _head(node.body)
    if isinstance(node, Fence):
        return _Kind.PARENS if node.left in _ROUND else _Kind.LONG
    return _kind(node)


def _kind(node: Math) -> _Kind:
    if isinstance(node, Sym):
        name = name_of(node)
        return _Kind.LONG if name.is_word or name.prefix else _Kind.LETTER
    if isinstance(node, Word):
        return _word_kind(node)
    return _BY_CLASS.get(type(node), _Kind.LETTER)


def _word_kind(word: Word) -> _Kind:
    if word.function:
        return _Kind.FUNCTION
    if word.text in _PREFIXES:
        return _Kind.MARK
    if word.text in _DOTS:
        return _Kind.LONG
    return _Kind.TEXT if len(word.text) > 1 else _Kind.LETTER
