"""Gradients written as ∂L/∂W, ∇_W L and their like: found in a row, and what they are of and by.

Contract: ``find`` knows the form only; ``gradient`` is the tree of one on a right-hand side.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...core.errors import LanguageError
from ..syntax_nodes import like
from .formula_products import Derived
from .laid_out import Fraction, Group, Item, RowLayout, Sign, Symbol, is_letter_d, is_sign
from .latex_symbols import Entry, Symbols
from .scripts import powers
from .symbol_names import label_of, merged, written_of

Known = Callable[[Symbol], bool]
_OBJECTIVES = ("L", "l", "J", "loss", "ell")


@dataclass(frozen=True, slots=True)
class Derivative:
    """What is differentiated (nothing, where it is left out), by what, and the items behind it."""

    of: tuple[Item, ...]
    by: tuple[Item, ...]
    stop: int
    sups: tuple[RowLayout, ...] = ()  # of the name behind a nabla: the gradient's own
    nabla: bool = False


def find(items: Sequence[Item], i: int, known: Known) -> Derivative | None:
    """Return the derivative that begins at an item, or None.

    ``known`` says whether a letter is a name of the problem: d is the sign of a differential
    only where it is none.
    """
    item = items[i]
    if isinstance(item, Fraction):
        return _fraction(item, items, i, known)
    if item.sub is not None and item.sub.items and is_sign(item.base, "nabla", "partial"):
        return None if item.sups else _nabla(item.sub.items, items, i + 1)
    if _is_mark(item, known) or _is_doubtful(items, i, known):
        return _inline(items, i, known)
    return None


def _is_doubtful(items: Sequence[Item], i: int, known: Known) -> bool:
    """Whether a d that is a name too is the sign of a differential: of what is no name."""
    follows = items[i + 1] if i + 1 < len(items) else None
    return is_letter_d(items[i]) and isinstance(follows, Symbol) and not known(follows)


def _is_mark(item: Item, known: Known) -> bool:
    if is_sign(item, "partial"):
        return True
    return is_letter_d(item) and (item.upright or not known(item))  # type: ignore[attr-defined,arg-type]


def _fraction(item: Fraction, items: Sequence[Item], i: int, known: Known) -> Derivative | None:
    over, under = item.over.items, item.under.items
    if not over or len(under) < 2:
        return None
    marked = _is_mark(over[0], known) and _is_mark(under[0], known)
    # d can be a size: dL/dW is still a gradient, as L is no name of a value.
    if not marked and not (_is_doubtful(over, 0, known) and is_letter_d(under[0])):
        return None
    if len(over) > 1:
        return Derivative(over[1:], under[1:], i + 1)
    follows = items[i + 1 : i + 2]
    return Derivative(tuple(follows), under[1:], i + 1 + len(follows))


def _nabla(by: tuple[Item, ...], items: Sequence[Item], stop: int) -> Derivative:
    if stop == len(items) or isinstance(items[stop], Sign):
        return Derivative((), by, stop, nabla=True)
    follows = items[stop]
    of, sups = (follows, ()) if follows.sub else (follows.base, follows.sups)
    stop += 1
    if stop < len(items) and isinstance(items[stop], Group) and not sups:
        stop += 1
    return Derivative((of,), by, stop, sups, True)


def _inline(items: Sequence[Item], i: int, known: Known) -> Derivative | None:
    """Find ∂L/∂W on one line."""
    for k in range(i + 1, min(i + 4, len(items))):
        if is_sign(items[k], "/"):
            if k + 2 >= len(items):
                return None
            if not _is_mark(items[k + 1], known) and not is_letter_d(items[k + 1]):
                return None
            return Derivative(tuple(items[i + 1 : k]), (items[k + 2],), k + 3)
        if isinstance(items[k], Sign):
            return None
    return None


# what is named in one


def by_what(symbols: Symbols, by: Sequence[Item]) -> list[Entry]:
    """Return what a derivative can be by: values, with the indices at them."""
    if not by:
        return []
    item = merged(by)
    base, sub = item.base, item.sub
    if isinstance(base, Group) and not item.sups:  # (W_1)_{pq}
        at = symbols.indices(sub) or []
        inner = by_what(symbols, base.body.items) if at else []
        return [(name, at) for name, _ in inner]
    label = label_of(item.sups[0]) if item.sups else ""
    if not isinstance(base, Symbol) or label is None:
        return []
    ways = symbols.named(base, sub, label)
    capital = None if ways else symbols.of_capital(base, sub)
    if capital is not None and (len(capital[1]) == 2 or is_two_digits(capital[1][0])):
        ways = [capital]
    return [way for way in ways if way[0].id in symbols.names.values]


def is_two_digits(index: ast.expr) -> bool:
    """Whether an index is two: 11 is the first entry of a matrix."""
    return isinstance(index, ast.Constant) and 10 <= index.value < 100  # type: ignore[operator]


def gradient(symbols: Symbols, found: Derivative, first: Item, last: Item) -> ast.expr:
    """Return the given gradient, or the derivative, that stands on the right-hand side."""
    place = RowLayout(first.start, last.stop, ())
    ways = by_what(symbols, found.by)
    given = [way for way in ways if way[0].id in symbols.given]
    name, at = (given or ways)[0] if ways else (None, [])
    tree = symbols.placed(Derived(), place)
    tree.given, tree.nabla, over = None, found.nabla, ""
    try:
        tree.given = _given(symbols, found, name, place)
    except LanguageError as error:
        over = _defined(symbols, found.of)
        is_loss = not found.of or (not over and _letter(found.of) in _OBJECTIVES)
        if name is None or at or not (over or is_loss):
            raise
        if not over and name.id not in symbols.names.defined:
            tree.refused = error  # gradients by variables are what claims are about
    assert name is not None
    tree.path = (over, name.id)
    whole = symbols.reader.indexed(tree, at, symbols.at(place)) if at else tree
    return like(powers(symbols, whole, found.sups), symbols.at(place))


def _letter(of: Sequence[Item]) -> str:
    """Return the letter that is differentiated, "" for anything else."""
    return written_of(of[0]) if of and isinstance(of[0], Symbol) else ""


def _defined(symbols: Symbols, of: Sequence[Item]) -> str:
    """Return the definition that is differentiated, "" for anything else."""
    ways = by_what(symbols, of) if len(of) == 1 else []
    return next((n.id for n, at in ways if not at and n.id in symbols.names.defined), "")


def _given(
    symbols: Symbols, found: Derivative, name: ast.Name | None, place: RowLayout
) -> ast.Name:
    """Return the given gradient by a name; raises ParseError where there is none."""
    known = ", ".join(f"{g} = dL/d{z}" for z, gs in symbols.given.items() for _, g in gs)
    names = ", ".join(symbols.gradients)
    remedy = f"write the given gradient by its name: {names}" if names else "none is given"
    remedy = f"the given gradients are: {known}" if known else remedy
    if name is None or name.id not in symbols.given:
        written = symbols.source(found.by[0], found.by[-1])
        raise symbols.fail(f"the gradient with respect to {written} is not given", place, remedy)
    losses = symbols.given[name.id]
    of = _letter(found.of)
    if found.of and (not of or of not in (*_OBJECTIVES, *(x for x, _ in losses))):
        raise symbols.fail("this is no gradient of the loss", place, remedy)
    chosen = {g for x, g in losses if x == of} or {g for _, g in losses}
    if len(chosen) != 1:
        raise symbols.fail("several gradients are given there", place, remedy)
    return symbols.placed(ast.Name(chosen.pop(), ast.Load()), place)
