"""What the left-hand side of an equation is about: a gradient, or an entry of one.

Contract: returns it as claims say it (``dL/dW[p, q]``), or None for a side that is a formula.
"""

from __future__ import annotations

import ast
from dataclasses import replace

from ...errors import LanguageError, ParseError
from . import derivatives, marks
from .layout import Group, Item, Row, Scripted, Symbol
from .macros import parse_row
from .marks import is_sign
from .names import Names, label_of, spellings, unknown, written_of
from .trees import span

_OBJECTIVES = ("L", "l", "ell", "J", "f", "F", "E", "C", "Loss", "loss", "cost")


def subject(
    text: str,
    names: Names,
    variables: tuple[str, ...],
    objective: str,
    matrices: tuple[str, ...] = (),
) -> str | None:
    """Return what a side is about; raises LanguageError for a derivative of something else.

    It is empty for the gradient of the objective by what is not said, None for a formula.
    ``matrices`` are the variables of two indices: 11 is the first entry of one.
    """
    row = parse_row(text)
    items, outer = _opened(row)

    def known(symbol: Symbol) -> bool:
        return bool(names.of(spellings(symbol), names.readable))

    if not items:
        return None
    if is_sign(items[0], "nabla"):
        _check_objective(text, items[1:] or items, names, objective)
        return ""
    found = derivatives.find(items, 0, known)
    if found is None:
        return _differential(text, items, names, variables, objective)
    if found.stop != len(items):
        rest = items[found.stop :]
        if not all(isinstance(x, Group) for x in rest):
            return None
    if found.sups:
        raise _transposed(text, row)
    _check_objective(text, found.of, names, objective)
    name, indices = _variable(text, found.by, names, variables)
    if outer is not None and not indices:
        indices = _indices(text, outer)
    if name in matrices and len(indices) == 1 and len(indices[0]) == 2 and indices[0].isdecimal():
        indices = list(indices[0])
    return f"d{objective}/d{name}" + (f"[{', '.join(indices)}]" if indices else "")


def _opened(row: Row) -> tuple[tuple[Item, ...], Row | None]:
    """Return the items of a side without parentheses around all, and the indices behind these."""
    items, outer = row.items, None
    while len(items) == 1:
        item = items[0]
        if isinstance(item, Scripted) and isinstance(item.base, Group) and not item.sups:
            outer, items = item.sub, item.base.body.items
        elif isinstance(item, Group) and item.kind in ("", ")", "]"):
            items = item.body.items
        else:
            break
    return items, outer


def _transposed(text: str, row: Row) -> LanguageError:
    return ParseError(
        "a claim is about a gradient, not about its transpose",
        span=span(text, row),
        remedy="transpose both sides",
    )


def _check_objective(text: str, of: tuple[Item, ...], names: Names, objective: str) -> None:
    if not of:
        return
    first = of[0]
    called = len(of) == 1 or (len(of) == 2 and isinstance(of[1], Group))
    if isinstance(first, Symbol) and called:
        spelled = spellings(first)
        if objective in spelled or set(spelled) & set(_OBJECTIVES):
            taken = (*names.values, *names.sizes, *names.entrywise)
            if objective in spelled or not names.of(spelled, taken):
                return
    last = of[-1]
    raise ParseError(
        "the left-hand side is not about the objective",
        span=span(text, replace(Row(first.start, last.stop, ()))),
        remedy=rf"the objective is {objective}: write \frac{{\partial {objective}}}{{\partial W}}",
    )


def _variable(
    text: str, by: tuple[Item, ...], names: Names, variables: tuple[str, ...]
) -> tuple[str, list[str]]:
    """Return the name that a derivative is by, with the indices at it."""
    place = Row(by[0].start, by[-1].stop, ())
    item = _joined(by)
    base = item.base if isinstance(item, Scripted) else item
    if isinstance(item, Scripted) and item.sups and marks.is_transpose(marks.bare(item.sups[0])):
        raise _transposed(text, place)
    if not isinstance(base, Symbol):
        if isinstance(base, Group) and isinstance(item, Scripted) and len(base.body.items) == 1:
            name, _ = _variable(text, base.body.items, names, variables)
            return name, _indices(text, item.sub) if item.sub is not None else []
        raise ParseError(
            "this is no variable", span=span(text, place), remedy="a gradient is by one name"
        )
    sub = item.sub if isinstance(item, Scripted) else None
    label = label_of(item.sups[0]) if isinstance(item, Scripted) and item.sups else ""
    script = label_of(sub)
    whole = names.of(spellings(base, (script or "") + (label or "")), variables)
    if sub is not None and script is None:
        whole = []
    part = names.of(spellings(base, label or ""), variables) if sub is not None else []
    if whole and part:
        raise ParseError(
            f"this can be {whole[0]}, or an entry of {part[0]}",
            span=span(text, place),
            remedy=f"write --wrt {whole[0]} without a left-hand side",
        )
    if sub is not None and not whole and not part and marks.has_comma(sub):
        items = marks.bare(sub)
        comma = next(k for k, x in enumerate(items) if is_sign(x, ","))
        head = label_of(Row(sub.start, sub.stop, items[:comma])) or ""
        part = names.of(spellings(base, head + (label or "")), variables) if head else []
        sub = Row(sub.start, sub.stop, items[comma + 1 :])
    if whole:
        return whole[0], []
    if part and sub is not None:
        return part[0], _indices(text, sub)
    known = Names(variables, (), (), ())
    raise unknown(text, known, place, written_of(base) + (script or ""))


def _joined(by: tuple[Item, ...]) -> Item:
    """Return the letters behind ∂ as one symbol."""
    if len(by) == 1:
        return by[0]
    last = by[-1]
    base = last.base if isinstance(last, Scripted) else last
    if not all(isinstance(x, Symbol) for x in (*by[:-1], base)):
        return Row(by[0].start, last.stop, by)
    core = "".join(map(written_of, by))
    symbol = Symbol(by[0].start, base.stop, core, word=True)
    return replace(last, start=symbol.start, base=symbol) if isinstance(last, Scripted) else symbol


def _indices(text: str, row: Row) -> list[str]:
    found = marks.indices(text, row)
    if found is None or any(isinstance(x, ast.Slice) for x in found):
        raise ParseError(
            "a claim is about a gradient or an entry of it",
            span=span(text, row),
            remedy=r"write \frac{\partial L}{\partial W_{pq}}",
        )
    return [x.id if isinstance(x, ast.Name) else str(x.value) for x in found]  # type: ignore[attr-defined]


def _differential(
    text: str,
    items: tuple[Item, ...],
    names: Names,
    variables: tuple[str, ...],
    objective: str,
) -> str | None:
    """Return what ``dW`` is about: the name that code gives to a gradient."""
    if len(items) < 2 or not isinstance(items[0], Symbol) or items[0].name != "d":
        return None
    whole = _joined(items)
    base = whole.base if isinstance(whole, Scripted) else whole
    if not isinstance(base, Symbol) or names.of(spellings(base), names.readable):
        return None
    rest = _joined(items[1:])
    inner = rest.base if isinstance(rest, Scripted) else rest
    script = label_of(rest.sub) if isinstance(rest, Scripted) else ""
    if not isinstance(inner, Symbol):
        return None
    found = names.of([*spellings(inner, script or ""), *spellings(inner)], variables)
    if not found:
        return None
    name, indices = _variable(text, items[1:], names, variables)
    return f"d{objective}/d{name}" + (f"[{', '.join(indices)}]" if indices else "")
