"""Takes the value of a stage; returns what it mentions: its target, names, functions, laws."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ...core.expr import Expr, rebuild, with_args
from ...ops.base import OperatorCall
from ...tensor import Term, moves_entries
from .entry_forms import Ends, Monomial
from .staging import Stage
from .steps import Above, LawOf, Reason


def listed(names: Sequence[Expr]) -> list[str | Expr]:
    """Return names for a sentence: one and another."""
    found: list[str | Expr] = []
    for name in names:
        found += [" and ", name] if found else [name]
    return found


def joined(parts: Iterable[Sequence[str | Expr]]) -> Reason:
    """Return parts of a reason as one, with a semicolon between them."""
    return tuple(x for k, p in enumerate(parts) for x in (("; ", *p) if k else p))


def meets(term: Term, target: Term) -> bool:
    """Whether a stage's value contains the target itself, not through another name."""
    return any(t is target for t in _inside(term))


def _inside(term: Term) -> Iterator[Term]:
    """Yield every distinct part of a stage's value in reading order, nothing below a name."""
    seen: set[Term] = set()
    stack = [term]
    while stack:
        top = stack.pop()
        if top not in seen:
            seen.add(top)
            yield top
            if not top.is_atom:
                stack += reversed(top.children)


def named_in(term: Term) -> dict[Term, None]:
    """Return the variables and names that a stage's value uses, not through another name."""
    return {t: None for t in _inside(term) if t.is_atom}


class Reach:
    """Which names depend on which others; what lies before both of two is never looked at."""

    def __init__(self, stages: Sequence[Stage]) -> None:
        self.used = {s.term: named_in(s.value) for s in stages}
        self._place = {s.term: k for k, s in enumerate(stages)}
        self._terms = {s.expr: s.term for s in stages}
        self._known: dict[Term, dict[Term, bool]] = {}

    def __call__(self, name: Expr, target: Term) -> bool:
        """Whether a named intermediate depends on a variable or on an earlier one."""
        known = self._known.setdefault(target, {target: True})
        first = self._place.get(target, -1)
        stack = [self._terms[name]]
        while stack:
            top = stack[-1]
            used = self.used.get(top, {}) if self._place.get(top, -1) > first else {}
            waiting = [t for t in used if t not in known]
            if top in known or not waiting or any(known.get(t) for t in used):
                known.setdefault(top, any(known.get(t) for t in used))
                stack.pop()
            else:
                stack += waiting
        return known[self._terms[name]]


def names_in(term: Term) -> list[Expr]:
    """Return the named intermediates that a stage's value uses."""
    leaves: list[Expr] = [t.data for t in _inside(term) if t.is_leaf]
    return [e for e in dict.fromkeys(leaves) if e.is_name]


def laws(value: Term, target: Term) -> list[LawOf]:
    """Return the laws of the functions of the target that a stage's value uses."""
    met = [c for c in calls(value) if target in c.children or _moves(c, target)]
    # Other calls keep there what is no part of the expression.
    functions = [
        (c.data.name, c.data.data if isinstance(c.data, OperatorCall) else None) for c in met
    ]
    return list(dict.fromkeys(LawOf(name, data=data) for name, data in functions))


def _moves(term: Term, target: Term) -> bool:
    return moves_entries(term) and meets(term, target)


def why_known(
    pieces: Sequence[tuple[Stage, Ends, list[Monomial] | None]], target: Term
) -> list[str]:
    """Return why the derivatives of stages are known: derived above, or laws of functions."""
    found = [law for s, _, local in pieces if local is None for law in laws(s.value, target)]
    above = ["; ", Above("the derivative above")] if any(p[2] is not None for p in pieces) else []
    return [*above, *(part for law in dict.fromkeys(found) for part in ("; ", law))]


def calls(term: Term) -> list[Term]:
    """Return the calls that a stage's value is made of, not through another name."""
    return [t for t in _inside(term) if t.is_call]


def with_names(x: Expr, names: Mapping[Expr, Expr]) -> Expr:
    """Return ``x`` with values replaced by their names; what a name stands for stays."""

    def change(old: Expr, args: tuple[Expr, ...]) -> Expr:
        return names.get(old) or with_args(old, args)

    return rebuild(x, change, Expr.is_name) if names else x
