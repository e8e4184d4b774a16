"""Names for what a document differentiates, which mean nothing else in the problem."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import chain, count

from ..core.expr import Expr, walk
from ..core.shapes import ONE
from ..ops.text import text
from ..problems import Problem


def name_of_value(problem: Problem, value: Expr) -> str:
    """Return a name for what is differentiated, which the problem does not use."""
    if value.is_name:
        return str(value.data)
    pool = "yzuvst" if value.shape[1] == ONE else "YFZVUS"
    taken = problem.taken
    found: str = next(c for c in [*pool, "Value"] if c not in taken)
    return found


def name_of_gradient(problem: Problem, value: Expr, by: str, *, several: bool) -> str:
    """Return a name for a gradient, which nothing else has: g, or g_w where there are several."""
    calls = [e.data for e in walk(problem.objective) if e.op in ("apply", "loss")]
    functions = {str(data[0]) for data in calls if isinstance(data, tuple)}
    taken = {*problem.taken, *functions, problem.objective_name}
    # g_w beside a variable g would be read as a derivative of g; no automatic name is a word.
    letters = ("g", "gamma", "grad") if value.shape[1] == ONE else ("D", "Gamma", "grad")
    free = [n for n in letters if n not in taken] or ["gradient"]
    names = [f"{n}_{by}" if several else n for n in free]
    numbered = (f"{names[-1]}{k}" for k in count(1))
    return next(n for n in chain(names, numbered) if n not in taken)


def free_name(problem: Problem, names: Iterable[str], *, named: bool = True) -> str:
    """Return the first name that a problem does not use; nor for an objective that is named."""
    taken = {*problem.taken, problem.objective_name if named else problem.label}
    return next(n for n in names if n not in taken)


def explained_length(x: Expr, own: Collection[str]) -> int:
    """Return how long an expression reads, with what names stand for that are not its ``own``."""
    met: dict[Expr, None] = {}
    waiting = [x]
    while waiting:
        inside = walk(waiting.pop(), Expr.is_name)
        made = [e for e in inside if e.is_name and str(e.data) not in own and e not in met]
        met.update(dict.fromkeys(made))
        waiting += [e.args[0] for e in made]
    return len(text(x)) + sum(len(text(e)) + len(text(e.args[0])) for e in met)
