"""Takes left-hand sides d/dx of a formula, D f, or dL = ...; returns the claims about gradients.

A formula on the left must be the objective; a right-hand side that is linear in dW is turned into
the gradient that stands in it, by differentiating it along dW.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ..core.errors import LanguageError, ParseError
from ..core.expr import Expr, Variable, walk
from ..core.shapes import ONE, SCALAR
from ..derivation.derivations import DerivedGradients
from ..derivation.jacobians import jacobian_of
from ..ops.text import text
from ..problems import ClaimText, Problem
from ..problems.latex_reader.subject import Subject
from ..problems.syntaxes import LATEX, PYTHON
from .about import read_about
from .deciding import Comparer
from .reading import read_claim

_UPRIGHT = re.compile(
    r"\\(?:mathrm|text|operatorname|mathop|rm)\s*(?:\{\s*d\s*\}|d(?![A-Za-z]))\s*(?=[A-Za-z\\])"
)
_APART = re.compile(r"(?<![A-Za-z\\}])d\s+(?=[A-Za-z\\])")
_VARIED = re.compile(r"\\delta\s*(?=[A-Za-z\\])")


def check_objective(problem: Problem, formula: str) -> None:
    """Raise ParseError where what is differentiated on the left is not the objective."""
    error = ParseError(
        f"the left-hand side is not about the objective: it differentiates {formula}",
        remedy=f"the objective is {text(problem.objective)}",
    )
    try:
        reading = read_claim(problem, formula, syntax=LATEX.name)
        found, objective = reading.expr, problem.objective
        if reading.refusal is not None or found.shape != objective.shape or reading.ranges:
            raise error
        if found != objective and not Comparer(problem, [found, objective]).equal(found, objective):
            raise error
    except LanguageError as refused:
        raise error from refused


def columns(
    problem: Problem, found: Subject | None, about: str, sides: Sequence[str]
) -> tuple[str, ...]:
    """Return right-hand sides; the row that D f is for a scalar f of a column is turned."""
    if found is None or not found.is_map or problem.objective.shape != SCALAR or not about:
        return tuple(sides)
    by = problem.known().get(read_about(about).name)
    if by is None or by.shape[1] != ONE:
        return tuple(sides)
    return tuple(_turned(problem, s, by) for s in sides)


def _turned(problem: Problem, side: str, by: Expr) -> str:
    try:
        reading = read_claim(problem, side, syntax=LATEX.name)
    except LanguageError:
        return side
    is_row = reading.expr.shape[0] == ONE != reading.expr.shape[1]
    return rf"{{\left({side}\right)}}^{{\top}}" if is_row else side


def from_differential(problem: Problem, claim: ClaimText, sides: Sequence[str]) -> ClaimText:
    """Return the claim about a gradient that a differential makes: dL = tr(Mᵀ dW) says M."""
    wanted = read_about(claim.about).name if claim.about else ""
    known = problem.variables
    names = {f"d{n}": v for n, v in known.items() if f"d{n}" not in known}
    moved = {d: Variable(d, v.shape, v.kind) for d, v in names.items()}
    wider = replace(problem, variables={**known, **moved})
    found: list[str] = []
    for side in sides:
        expr = read_claim(wider, _plain(side, known), syntax=LATEX.name).expr
        used = {str(e.data) for e in walk(expr) if e.op == "var"} & set(names)
        by = f"d{wanted}" if wanted else min(used) if len(used) == 1 else ""
        if by not in used:
            raise ParseError(
                f"nothing says by what: the differentials there are {', '.join(sorted(used))}"
                if used
                else "the right-hand side of a differential has no differential in it",
                remedy=r"write dL = \operatorname{tr}(M^\top dW)",
            )
        wanted = by[1:]
        found.append(text(_along(wider, expr, by)))
    value = problem.objective_name if problem.objective.shape == SCALAR else "y"
    about = claim.about or f"d{value}/d{wanted}"
    return replace(claim, about=about, says=tuple(found), syntax=PYTHON.name, converted=True)


def _plain(side: str, known: object) -> str:
    """Return a side in which differentials are written dx: an upright d, a variation δ."""
    side = _UPRIGHT.sub("d", side)
    if "delta" not in known:  # type: ignore[operator]
        side = _VARIED.sub("d", side)
    return _APART.sub("d", side) if "d" not in known else side  # type: ignore[operator]


def _along(problem: Problem, expr: Expr, by: str) -> Expr:
    """Return the derivative of what is linear in a direction by that; raises ParseError."""
    posed = replace(problem, objective=expr, upstream={})
    scalar = expr.shape == SCALAR
    slope = DerivedGradients(posed, [by])[by].expr if scalar else jacobian_of(posed, by).expr
    if any(e.op == "var" and str(e.data) == by for e in walk(slope)):
        raise ParseError(f"the right-hand side is not linear in {by}", remedy=r"write dL = M : dW")
    return slope
