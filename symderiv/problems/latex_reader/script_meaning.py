"""Scripts: what a subscript or a superscript says.

Contract: a table of forms, each a test on the row; what is none of them is an exponent.
"""

from __future__ import annotations

import ast
from itertools import pairwise

from ..syntax_nodes import binary
from .laid_out import Group, Item, Number, RowLayout, Scripted, Sign, Symbol
from .trees import at_item

TRANSPOSES = ("T", "t", "top", "intercal")


def bare(row: RowLayout) -> tuple[Item, ...]:
    """Return the items of a script, without braces around all of them."""
    items = row.items
    while len(items) == 1 and isinstance(items[0], Group) and not items[0].kind:
        items = items[0].body.items
    return items


def is_sign(item: Item, *names: str) -> bool:
    """Whether an item is one of these signs."""
    return isinstance(item, Sign) and item.name in names


def is_letter_d(item: Item) -> bool:
    """Whether an item is a d, the sign of a differential or a name."""
    return isinstance(item, Symbol) and item.name == "d" and not item.accent


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
    if not isinstance(item, Scripted) or item.sub is not None or len(item.sups) != 1:
        return [item]
    above = bare(item.sups[0])
    if isinstance(item.base, Number) and is_transpose(above):
        return [item.base, *above]
    return [item.base, *above] if is_sign(item.base, "top") else [item]


def _turns(item: Item) -> bool:
    """Whether an item is a transpose also where it stands beside a number: ⊤, T or a prime."""
    return is_transpose((item,)) and getattr(item, "name", "") != "t"


def is_entrywise(items: tuple[Item, ...]) -> bool:
    """Whether a superscript is a power entry by entry: ⊙2."""
    return len(items) > 1 and is_sign(items[0], "odot")


def is_label(items: tuple[Item, ...]) -> bool:
    """Whether a superscript in parentheses is part of a name: W^{(1)}."""
    one = len(items) == 1
    return one and (
        (isinstance(items[0], Group) and items[0].kind == ")") or is_sign(items[0], "star")
    )


def indices(text: str, row: RowLayout | None) -> list[ast.expr] | None:
    """Return the indices of a subscript as the language writes them; None if it has none or others.

    Letters side by side are one index each; ``:`` and a dot are all of an axis, ``2:n`` is a part
    of it, and ``i+1`` is one index.
    """
    found: list[ast.expr] = []
    for part in split_at(bare(row), ",") if row is not None else ():
        one = _one_index(text, part)
        several = [one] if one is not None else _letters(text, part)
        if several is None:
            return None
        found += several
    return found or None


def split_at(items: tuple[Item, ...], *signs: str) -> list[tuple[Item, ...]]:
    """Return what stands between some signs."""
    cuts = [-1, *(k for k, x in enumerate(items) if is_sign(x, *signs)), len(items)]
    return [items[a + 1 : b] for a, b in pairwise(cuts)]


def _one_index(text: str, items: tuple[Item, ...]) -> ast.expr | None:
    """Return what is more than letters: a range with two ends, a shifted index, or nothing."""
    colons = [k for k, x in enumerate(items) if is_sign(x, ":")]
    if len(colons) == 1 and len(items) > 1:
        ends = [place_of(text, p) for p in (items[: colons[0]], items[colons[0] + 1 :])]
        found = None if None in ends else ast.Slice(ends[0], ends[1])
        return None if found is None else at_item(found, text, items[0], items[-1])
    return place_of(text, items) if any(is_sign(x, "+", "-") for x in items) else None


def place_of(text: str, items: tuple[Item, ...]) -> ast.expr | None:
    """Return a place, a sum of letters and numbers: n, n-1, 2n+1; None for anything else."""
    total: ast.expr | None = None
    sign: type[ast.operator] = ast.Add
    term: ast.expr | None = None
    for item in (*items, None):
        if item is None or is_sign(item, "+", "-"):
            if term is None:
                return None
            total = term if total is None else binary(sign(), total, term)
            sign, term = ast.Sub if item is not None and is_sign(item, "-") else ast.Add, None
            continue
        factor = _letters(text, (item,))
        if factor is None or isinstance(factor[0], ast.Slice):
            return None
        term = factor[0] if term is None else binary(ast.Mult(), term, factor[0])
    return total


def _letters(text: str, items: tuple[Item, ...]) -> list[ast.expr] | None:
    found: list[ast.expr] = []
    for item in items:
        if isinstance(item, Symbol) and not item.accent:
            found.append(at_item(ast.Name(item.name, ast.Load()), text, item))
        elif isinstance(item, Number) and item.text.isdecimal():
            found.append(at_item(ast.Constant(int(item.text)), text, item))
        elif is_sign(item, ":", "cdot", "star"):
            found.append(at_item(ast.Slice(), text, item))
        else:
            return None
    return found


def has_comma(row: RowLayout) -> bool:
    """Whether the indices of a subscript are separated."""
    return any(is_sign(item, ",") for item in bare(row))
