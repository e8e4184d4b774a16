"""Scripts: what a subscript or a superscript says.

Contract: a table of forms, each a test on the row; what is none of them is an exponent.
"""

from __future__ import annotations

import ast

from .layout import Group, Item, Number, Row, Sign, Symbol
from .trees import at_item

TRANSPOSES = ("T", "t", "top", "intercal")


def bare(row: Row) -> tuple[Item, ...]:
    """Return the items of a script, without braces around all of them."""
    items = row.items
    while len(items) == 1 and isinstance(items[0], Group) and not items[0].kind:
        items = items[0].body.items
    return items


def is_sign(item: Item, *names: str) -> bool:
    """Whether an item is one of these signs."""
    return isinstance(item, Sign) and item.name in names


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


def is_entrywise(items: tuple[Item, ...]) -> bool:
    """Whether a superscript is a power entry by entry: ⊙2."""
    return len(items) > 1 and is_sign(items[0], "odot")


def is_label(items: tuple[Item, ...]) -> bool:
    """Whether a superscript in parentheses is part of a name: W^{(1)}."""
    one = len(items) == 1
    return one and (
        (isinstance(items[0], Group) and items[0].kind == ")") or is_sign(items[0], "star")
    )


def indices(text: str, row: Row) -> list[ast.expr] | None:
    """Return the indices of a subscript as the language writes them; None if it has others.

    Letters side by side are one index each; ``:`` and a dot are all of an axis.
    """
    found: list[ast.expr] = []
    for item in bare(row):
        if isinstance(item, Symbol) and not item.accent:
            found.append(at_item(ast.Name(item.name, ast.Load()), text, item))
        elif isinstance(item, Number) and item.text.isdecimal():
            found.append(at_item(ast.Constant(int(item.text)), text, item))
        elif is_sign(item, ":", "cdot", "star"):
            found.append(at_item(ast.Slice(), text, item))
        elif not is_sign(item, ","):
            return None
    return found or None


def has_comma(row: Row) -> bool:
    """Whether the indices of a subscript are separated."""
    return any(is_sign(item, ",") for item in bare(row))
