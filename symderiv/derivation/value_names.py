"""What a matrix of derivatives is of: a name that means nothing else, and what is refused."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import chain, count

from ..calculus.reverse import dependents
from ..core.errors import MissingRuleError, UnsupportedError
from ..core.expr import Expr, Variable, walk
from ..core.shapes import ONE, Shape, describe
from ..ops.text import text
from ..problems import Problem
from ..tensor import Term


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


def refuse_tensors(value: Shape, variable: Variable) -> None:
    """Refuse what has no order of columns: vec is one of matrices."""
    for what, shape in (("what is differentiated", value), (variable.name, variable.shape)):
        if len(shape) > 2:
            raise UnsupportedError(
                f"{what} is {describe(shape)}: a tensor has no vec, so there is no matrix of "
                "derivatives",
                remedy="make it a matrix by reshape or einsum, or ask for the gradient of a scalar",
            )


def refuse_given(root: Term, leaf: Term) -> None:
    """Refuse a second derivative through an unspecified loss: only its first is given."""
    for term in dependents(root, {leaf}):
        if term.is_call and term.data.name == "loss":
            raise MissingRuleError(
                f"no rule for the second derivative of the unspecified {term.data.data[0]}: "
                "only its gradient is given",
                remedy="write the loss out, or ask for the Jacobian of its argument",
            )
