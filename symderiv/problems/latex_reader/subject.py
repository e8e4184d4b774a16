"""What the left-hand side of an equation is about: a gradient, a differential, or an entry.

Contract: returns it as claims say it (``dL/dW[p, q]``), or None for a side that is a formula. What
is differentiated is the objective, by its letter or written out, which is checked elsewhere.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from ...core.errors import LanguageError, ParseError
from . import gradients as derivatives
from . import script_meaning as marks
from .laid_out import Fraction, Group, Item, RowLayout, Scripted, Symbol, base_of, sub_of
from .parser import parse_row
from .script_meaning import is_sign
from .symbol_names import SymbolNames, label_of, spellings, unknown, written_of
from .trees import span


@dataclass(frozen=True, slots=True)
class Subject:
    """What a left-hand side is about."""

    about: str = ""  # "" for the derivative by what is not said
    of: str = ""  # what is differentiated, where it is written out
    is_map: bool = False  # D f and ∂f/∂xᵀ: of a scalar function, a row
    is_differential: bool = False  # dL = .., of which the gradient is a factor


VALUE = "y"  # what a function is called that is not a scalar
_OBJECTIVES = ("L", "l", "ell", "J", "f", "F", "E", "C", "Loss", "loss", "cost")


def subject(
    text: str,
    names: SymbolNames,
    variables: tuple[str, ...],
    objective: str,
    matrices: tuple[str, ...] = (),
) -> Subject | None:
    """Return what a side is about, None for a formula; raises LanguageError.

    ``matrices`` are the variables of two indices: 11 is the first entry of one.
    """
    row = parse_row(text)
    whole = _without_name(text, row, names, variables, objective)
    if whole is not None:
        return whole
    items, outer = _opened(row)
    first = items[0] if items else None
    if isinstance(first, Group) and not first.kind and len(first.body.items) == 1:
        items = (first.body.items[0], *items[1:])  # {\partial \over \partial X}

    def known(symbol: Symbol) -> bool:
        return bool(names.of(spellings(symbol), names.readable))

    if not items:
        return None
    found = derivatives.find(items, 0, known)
    if found is None:
        about = _differential(text, items, names, variables, objective)
        return None if about is None else Subject(about)
    of = found.of
    ends = found.stop == len(items) or all(isinstance(x, Group) for x in items[found.stop :])
    if _is_open(items[0]):
        of = items[1:]
    elif not ends:
        return None
    elif found.sups:
        raise _transposed(text, row)
    by, is_map = _upright(found.by)
    written = _formula_of(text, of, names, objective)
    name, indices = _variable(text, by, names, variables)
    if is_map and name in matrices:
        raise _transposed(text, row)
    if outer is not None and not indices:
        indices = _indices(text, outer)
    if name in matrices and len(indices) == 1 and len(indices[0]) == 2 and indices[0].isdecimal():
        indices = list(indices[0])
    at = f"[{', '.join(indices)}]" if indices else ""
    return Subject(f"d{objective}/d{name}{at}", written, is_map)


def _upright(by: tuple[Item, ...]) -> tuple[tuple[Item, ...], bool]:
    """Return what a derivative is by without its transpose, and whether it had one: ∂/∂xᵀ."""
    item = by[0]
    if len(by) != 1 or not isinstance(item, Scripted) or not item.sups:
        return by, False
    if not marks.is_transpose(marks.bare(item.sups[0])):
        return by, False
    return (replace(item, sups=item.sups[1:]),), True


def _is_open(item: Item) -> bool:
    """Whether a sign of a derivative stands before what it is of: ∂/∂x, ∇_x."""
    if isinstance(item, Fraction):
        return len(item.over.items) == 1
    return isinstance(item, Scripted) and is_sign(item.base, "nabla", "partial")


def _without_name(
    text: str, row: RowLayout, names: SymbolNames, variables: tuple[str, ...], objective: str
) -> Subject | None:
    """Return the forms that do not say by what, or by an index: ∇f, f', Df, grad f, f_x, df."""
    items = row.items
    if not items:
        return None
    first, rest = items[0], items[1:]
    base = base_of(first)
    sub = sub_of(first)
    if is_sign(first, "nabla") and objective == VALUE:
        raise ParseError(
            "the gradient of what is no scalar can be the Jacobian or its transpose",
            span=span(text, first),
            remedy=r"write Df, or \frac{\partial f}{\partial x}, for the Jacobian",
        )
    if is_sign(first, "nabla"):
        return Subject(of=_formula_of(text, rest, names, objective))
    if isinstance(first, Scripted) and not sub and _is_prime(first):
        if isinstance(base, Group) and not rest:
            return Subject(of=text[base.start : base.stop])
        return Subject() if _is_objective((base, *rest), names, objective) else None
    # dL is a differential also where d is a size; a value called d is that value.
    kinds = names.values if marks.is_letter_d(base) and rest else names.readable
    if not isinstance(base, Symbol) or names.of(spellings(base), kinds):
        return None
    about = _by_index(text, sub, names, variables, objective)
    varied = base.name == "delta" and base.greek
    if (varied or marks.is_letter_d(base)) and rest and not isinstance(first, Scripted):
        return _differential_of(text, rest, names, objective)
    return _by_letter(text, base, sub, rest, names, objective, about)


def _by_letter(
    text: str,
    base: Symbol,
    sub: RowLayout | None,
    rest: tuple[Item, ...],
    names: SymbolNames,
    objective: str,
    about: str,
) -> Subject | None:
    """Return a derivative that begins with a letter; ``about`` is what its index says."""
    if base.accent == "dot" and _is_objective((replace(base, accent=""), *rest), names, objective):
        return Subject()
    if base.name == "grad" and rest:
        return Subject(about, _formula_of(text, rest, names, objective))
    if base.name == "D" and rest and (sub is None or about):
        return Subject(about, _formula_of(text, rest, names, objective), True)
    if base.name == "J" and sub is not None and _is_objective(marks.bare(sub), names, objective):
        return Subject(is_map=True)
    if base.name == "J" and objective == VALUE and (sub is None or about):
        return Subject(about, is_map=True)
    if sub is not None and about and _is_objective((base, *rest), names, objective):
        return Subject(about)
    return None


def _is_prime(item: Scripted) -> bool:
    return len(item.sups) == 1 and all(is_sign(x, "prime") for x in marks.bare(item.sups[0]))


def _by_index(
    text: str, sub: RowLayout | None, names: SymbolNames, variables: tuple[str, ...], objective: str
) -> str:
    """Return what a derivative is about whose index is a variable, "" for any other index."""
    if sub is None:
        return ""
    try:
        name, indices = _variable(text, marks.bare(sub), names, variables)
    except LanguageError:
        return ""
    return "" if indices else f"d{objective}/d{name}"


def _differential_of(
    text: str, rest: tuple[Item, ...], names: SymbolNames, objective: str
) -> Subject | None:
    """Return the differential of the objective, by its letter or written out in parentheses."""
    if _is_objective(rest, names, objective):
        return Subject(is_differential=True)
    first = rest[0]
    grouped = len(rest) == 1 and isinstance(first, Group) and first.kind in (")", "]")
    if grouped or (isinstance(first, Symbol) and first.word):  # d(..), d log det X
        return Subject(of=text[first.start : rest[-1].stop], is_differential=True)
    return None


def _opened(row: RowLayout) -> tuple[tuple[Item, ...], RowLayout | None]:
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


def _transposed(text: str, row: RowLayout) -> LanguageError:
    return ParseError(
        "a claim is about a gradient, not about its transpose",
        span=span(text, row),
        remedy="transpose both sides",
    )


def _is_objective(of: tuple[Item, ...], names: SymbolNames, objective: str) -> bool:
    """Whether this is the letter of the objective, which can be called: f(x)."""
    if not of or not isinstance(of[0], Symbol):
        return False
    if len(of) != 1 and not (len(of) == 2 and isinstance(of[1], Group)):
        return False
    spelled = spellings(of[0])
    if objective in spelled:
        return True
    taken = (*names.values, *names.sizes, *names.entrywise)
    return bool(set(spelled) & set(_OBJECTIVES)) and not names.of(spelled, taken)


def _formula_of(text: str, of: tuple[Item, ...], names: SymbolNames, objective: str) -> str:
    """Return what is differentiated, where it is not the letter of the objective."""
    if not of or _is_objective(of, names, objective):
        return ""
    return text[of[0].start : of[-1].stop]


def _variable(
    text: str, by: tuple[Item, ...], names: SymbolNames, variables: tuple[str, ...]
) -> tuple[str, list[str]]:
    """Return the name that a derivative is by, with the indices at it."""
    place = RowLayout(by[0].start, by[-1].stop, ())
    item = _joined(by)
    base = base_of(item)
    if isinstance(item, Scripted) and item.sups and marks.is_transpose(marks.bare(item.sups[0])):
        raise _transposed(text, place)
    if not isinstance(base, Symbol):
        if isinstance(base, Group) and isinstance(item, Scripted) and len(base.body.items) == 1:
            name, _ = _variable(text, base.body.items, names, variables)
            return name, _indices(text, item.sub) if item.sub is not None else []
        raise ParseError(
            "this is no variable", span=span(text, place), remedy="a gradient is by one name"
        )
    sub = sub_of(item)
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
        head = label_of(RowLayout(sub.start, sub.stop, items[:comma])) or ""
        part = names.of(spellings(base, head + (label or "")), variables) if head else []
        sub = RowLayout(sub.start, sub.stop, items[comma + 1 :])
    if whole:
        return whole[0], []
    if part and sub is not None:
        return part[0], _indices(text, sub)
    entry = _entry_of_capital(text, base, sub, variables)
    if entry is not None:
        return entry
    known = SymbolNames(variables, (), (), ())
    raise unknown(text, known, place, written_of(base) + (script or ""))


def _entry_of_capital(
    text: str, base: Symbol, sub: RowLayout | None, variables: tuple[str, ...]
) -> tuple[str, list[str]] | None:
    """Return x_ij as the entry of a matrix X, where there is no x of its own."""
    capital = base.name.upper()
    if sub is None or len(base.name) != 1 or capital not in variables:
        return None
    found = _indices(text, sub)
    both = len(found) == 1 and len(found[0]) == 2 and found[0].isdecimal()
    return (capital, found) if both or len(found) == 2 else None


def _joined(by: tuple[Item, ...]) -> Item:
    """Return the letters behind ∂ as one symbol."""
    if len(by) == 1:
        return by[0]
    last = by[-1]
    base = base_of(last)
    if not all(isinstance(x, Symbol) for x in (*by[:-1], base)):
        return RowLayout(by[0].start, last.stop, by)
    core = "".join(map(written_of, by))
    symbol = Symbol(by[0].start, base.stop, core, word=True)
    return replace(last, start=symbol.start, base=symbol) if isinstance(last, Scripted) else symbol


def _indices(text: str, row: RowLayout) -> list[str]:
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
    names: SymbolNames,
    variables: tuple[str, ...],
    objective: str,
) -> str | None:
    """Return what ``dW`` is about: the name that code gives to a gradient."""
    if len(items) < 2 or not isinstance(items[0], Symbol) or items[0].name != "d":
        return None
    whole = _joined(items)
    base = base_of(whole)
    if not isinstance(base, Symbol) or names.of(spellings(base), names.readable):
        return None
    rest = _joined(items[1:])
    inner = base_of(rest)
    script = label_of(sub_of(rest))
    if not isinstance(inner, Symbol):
        return None
    found = names.of([*spellings(inner, script or ""), *spellings(inner)], variables)
    if not found:
        return None
    name, indices = _variable(text, items[1:], names, variables)
    return f"d{objective}/d{name}" + (f"[{', '.join(indices)}]" if indices else "")
