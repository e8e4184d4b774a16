"""Gradients written as ∂L/∂W, ∇_W L and their like: found in a row, and what they are of and by.

Contract: ``find`` knows the form only; ``gradient`` is the tree of one on a right-hand side.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...core.errors import LanguageError
from . import script_meaning as marks
from .laid_out import Fraction, Group, Item, RowLayout, Scripted, Sign, Symbol, base_of, sub_of
from .latex_symbols import Symbols
from .script_meaning import is_letter_d, is_sign
from .scripts import powers
from .symbol_names import label_of, spellings, written_of
from .trees import Derived, at_item, like

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
    if isinstance(item, Scripted) and is_sign(item.base, "nabla", "partial"):
        return _nabla(item, items, i)
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


def _nabla(item: Scripted, items: Sequence[Item], i: int) -> Derivative | None:
    if item.sub is None or item.sups:
        return None
    by = item.sub.items
    stop = i + 1
    if stop == len(items) or isinstance(items[stop], Sign):
        return Derivative((), by, stop, nabla=True)
    follows = items[stop]
    raised = isinstance(follows, Scripted) and follows.sub is None
    of, sups = (follows.base, follows.sups) if raised else (follows, ())  # type: ignore[attr-defined]
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


def gradient(symbols: Symbols, found: Derivative, first: Item, last: Item) -> ast.expr:
    """Return the given gradient, or the derivative, that stands on the right-hand side."""
    place = RowLayout(first.start, last.stop, ())
    by = found.by[0] if len(found.by) == 1 else place
    path = _path(symbols, found, by)
    try:
        tree = _given(symbols, found.of, by, place)
    except LanguageError as error:
        if path is None:
            raise
        tree = _derived(symbols, path, None, place, found.nabla)
        if not path[0] and path[1] not in symbols.names.defined:
            tree.refused = error  # gradients by variables are what claims are about
    return like(powers(symbols, tree, found.sups), symbols.at(place))


def _derived(
    symbols: Symbols,
    path: tuple[str, ...],
    given: ast.expr | None,
    place: RowLayout,
    nabla: bool = False,
) -> Derived:
    tree = at_item(Derived(), symbols.text, place)
    tree.path, tree.given, tree.nabla = path, given, nabla
    return tree


def _path(symbols: Symbols, found: Derivative, by: Item) -> tuple[str, str] | None:
    """Return of what a derivative is, "" for the objective, and by what; None for no names."""
    of = found.of[0] if len(found.of) == 1 else None
    under = _name_of(symbols, by, symbols.names.values)
    over = "" if of is None else _name_of(symbols, of, symbols.names.defined)
    lettered = isinstance(of, Symbol) and not over and written_of(of) in _OBJECTIVES
    is_loss = not found.of or lettered
    return (over, under) if under and (over or is_loss) else None


def _name_of(symbols: Symbols, item: Item, kinds: tuple[str, ...]) -> str:
    """Return the name that an item is, "" for anything else."""
    base, script = base_of(item), label_of(sub_of(item))
    raised = isinstance(item, Scripted) and item.sups
    if not isinstance(base, Symbol) or script is None or raised:
        return ""
    found = symbols.names.of(spellings(base, script), kinds)
    return found[0] if found else ""


def _given(symbols: Symbols, of: tuple[Item, ...], by: Item, place: RowLayout) -> ast.expr:
    """Return the given gradient by what an item is; raises ParseError where there is none."""
    base, sub = base_of(by), sub_of(by)
    known = ", ".join(f"{g} = dL/d{z}" for z, gs in symbols.given.items() for _, g in gs)
    names = ", ".join(symbols.gradients)
    remedy = f"write the given gradient by its name: {names}" if names else "none is given"
    remedy = f"the given gradients are: {known}" if known else remedy
    if not isinstance(base, Symbol) or (isinstance(by, Scripted) and by.sups):
        raise symbols.fail("a gradient by this is not given", place, remedy)
    script, indices = label_of(sub), None
    named = symbols.names.of(spellings(base, script or ""), symbols.given)
    if not named and sub is not None:
        named = symbols.names.of(spellings(base), symbols.given)
        indices = marks.indices(symbols.text, sub)
    if not named or (sub is not None and script is None and indices is None):
        written = written_of(base) + (script or "")
        raise symbols.fail(f"the gradient by {written} is not given", place, remedy)
    losses = symbols.given[named[0]]
    of_name = written_of(of[0]) if of and isinstance(of[0], Symbol) else ""
    if of and (not of_name or of_name not in (*_OBJECTIVES, *(x for x, _ in losses))):
        raise symbols.fail("this is no gradient of the loss", place, remedy)
    chosen = [g for x, g in losses if x == of_name] or [g for _, g in losses]
    if len(set(chosen)) != 1:
        raise symbols.fail("several gradients are given there", place, remedy)
    name = at_item(ast.Name(chosen[0], ast.Load()), symbols.text, place)
    tree = _derived(symbols, ("", named[0]), name, place)
    return tree if indices is None else symbols.reader.indexed(tree, indices, symbols.at(place))
