"""What the value of a stage mentions: its target, other names, functions and their laws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..expr import Expr, rebuild, with_args
from ..ops import TABLE
from ..tensor import Term, moves_entries
from .forms import Ends, Monomial
from .staging import Stage


def listed(names: Sequence[Expr]) -> list[str | Expr]:
    """Return names for a sentence: one and another."""
    found: list[str | Expr] = []
    for name in names:
        found += [" and ", name] if found else [name]
    return found


def meets(term: Term, target: Term) -> bool:
    """Whether a stage's value contains the target itself, not through another name."""
    if term is target:
        return True
    if term.kind in ("leaf", "named"):
        return False
    return any(meets(c, target) for c in term.children)


def named_in(term: Term) -> dict[Term, None]:
    """Return the variables and names that a stage's value uses, not through another name."""
    found: dict[Term, None] = {}
    seen: set[Term] = set()
    stack = [term]
    while stack:
        top = stack.pop()
        if top in seen:
            continue
        seen.add(top)
        if top.kind in ("leaf", "named"):
            found[top] = None
        else:
            stack += reversed(top.children)
    return found


def names_in(term: Term) -> list[Expr]:
    """Return the named intermediates that a stage's value uses."""
    if term.kind == "leaf":
        expr: Expr = term.data
        return [expr] if expr.op == "named" else []
    return list(dict.fromkeys(n for c in term.children for n in names_in(c)))


def laws(value: Term, target: Term) -> list[str]:
    """Return the laws of the functions of the target that a stage's value uses."""
    met = [c for c in calls(value) if target in c.children or _moves(c, target)]
    found = [TABLE[c.data.name].law for c in met]
    return list(dict.fromkeys(found))


def _moves(term: Term, target: Term) -> bool:
    return moves_entries(term) and meets(term, target)


def why_known(
    pieces: Sequence[tuple[Stage, Ends, list[Monomial] | None]], target: Term
) -> list[str]:
    """Return why the derivatives of stages are known: derived above, or laws of functions."""
    found = [law for s, _, local in pieces if local is None for law in laws(s.value, target)]
    above = ["; the derivative above"] if any(p[2] is not None for p in pieces) else []
    return [*above, *(f"; {law}" for law in dict.fromkeys(found))]


def calls(term: Term) -> list[Term]:
    """Return the calls that a stage's value is made of, not through another name."""
    if term.kind in ("leaf", "named"):
        return []
    below = [c for child in term.children for c in calls(child)]
    return [term, *below] if term.kind == "call" else below


def with_names(x: Expr, names: Mapping[Expr, Expr]) -> Expr:
    """Return ``x`` with values replaced by their names; what a name stands for stays."""

    def change(old: Expr, args: tuple[Expr, ...]) -> Expr:
        return names.get(old) or with_args(old, args)

    return rebuild(x, change, lambda e: e.op == "named") if names else x
