"""Takes a derivation; returns what it mentions: named intermediates, unspecified functions."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.expr import Expr, walk, walk_all
from ..ops import TABLE
from ..ops.functions import apply_parts, loss_parts, spelled
from .derivations import DerivedGradients
from .narration import Section

_MULTIPLIED = 100  # the highest power that NumPy takes by multiplying


def used(sections: Sequence[Section]) -> set[Expr]:
    """Return everything that the results of sections are made of."""
    return set(walk_all([s.result for s in sections]))


def named_nodes(derivation: DerivedGradients) -> list[Expr]:
    """Return every named intermediate that forward or backward mentions, arguments first.

    Definitions that do not depend on the variables are among them; gradients are not.
    """
    # A gradient that is the name of something already, H or dZ, is not given a name here.
    givens = {s.given for s in derivation.sections if s.given is not s.result}
    roots = [s.expr for s in derivation.stages]
    roots += [derivation.staged_objective, *(s.result for s in derivation.sections)]
    found: dict[str, Expr] = {}
    for e in walk_all(roots):
        if e.is_name and e not in givens:
            found.setdefault(str(e.data), e)
    return list(found.values())


def all_named(derivation: DerivedGradients, more: Sequence[Expr] = ()) -> list[Expr]:
    """Return the named intermediates; those too that only what was written or printed mentions.

    ``more`` is printed beside the gradients.
    """
    found = {str(e.data): e for e in named_nodes(derivation)}
    printed = [] if derivation.is_network else [r.expr for r in derivation.values()]
    for e in walk_all([derivation.problem.objective, *printed, *more]):
        if e.is_name:
            found.setdefault(str(e.data), e)
    return list(found.values())


def names_used(results: Sequence[Expr], named: Sequence[Expr]) -> list[Expr]:
    """Return the named intermediates that results mention; their own values are not entered."""
    met: set[Expr] = set()
    stack = list(results)
    while stack:
        e = stack.pop()
        if e not in met:
            met.add(e)
            if not e.is_name:
                stack.extend(e.args)
    names = {str(e.data) for e in met if e.is_name}
    return [e for e in named if str(e.data) in names]


def in_written_order(named: Sequence[Expr], written: Sequence[str]) -> list[Expr]:
    """Return named intermediates as the writer ordered them, each after those that it needs.

    Automatic names stand right before the first definition that needs them.
    """
    by_name = {str(e.data): e for e in named}
    done: dict[str, Expr] = {}
    stack = [n for n in dict.fromkeys([*written, *by_name]) if n in by_name][::-1]
    while stack:
        name = stack[-1]
        needs = [str(e.data) for e in names_used([by_name[name].args[0]], named)]
        waiting = [n for n in needs if n not in done and n != name]
        if name in done or not waiting:
            done.setdefault(name, by_name[stack.pop()])
        else:
            stack += waiting[::-1]
    return list(done.values())


def loss_names(objective: Expr, staged: Expr) -> dict[Expr, str]:
    """Return the name of the callable for every unspecified loss: L, or L1, L2, .."""
    found = [e for x in (objective, staged) for e in walk(x) if e.is_loss]
    order = {str(e.data): None for e in found}
    if len(order) < 2:
        return {e: loss_parts(e)[0] for e in found}
    numbers = {key: k for k, key in enumerate(order, 1)}
    return {e: f"{loss_parts(e)[0]}{numbers[str(e.data)]}" for e in found}


def functions(expressions: Sequence[Expr]) -> dict[str, int]:
    """Return the unspecified entrywise functions f, fp, fpp that occur, with their orders."""
    return {spelled(e): apply_parts(e)[1] for e in expressions if e.op == "apply"}


def is_analytic(e: Expr) -> bool:
    """Whether code of a node may be given complex numbers that are almost real.

    NumPy takes a high power of such a number by its logarithm, which loses the small part.
    """
    high = abs(e.fixed_power[1]) > _MULTIPLIED
    return TABLE[e.op].analytic and not high
