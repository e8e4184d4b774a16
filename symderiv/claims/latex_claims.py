"""Takes a claim in LaTeX; returns its right-hand sides, each with what it is about."""

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
from ..problems.latex_reader import Equation, LatexReader, equations, subject
from ..problems.latex_reader.subject import VALUE, Subject
from ..problems.syntaxes import LATEX, PYTHON
from .about import read_about
from .deciding import Comparer
from .lines import parts
from .reading import read_claim


def stated(problem: Problem, claim: ClaimText) -> list[ClaimText]:
    r"""Return the claims that a text of LaTeX makes, each with what it is about; raises ParseError.

    ``about`` of the claim may be empty where every equation has a left-hand side that says it.

    >>> from symderiv.problems.library import load_named
    >>> p = load_named("linear-layer")
    >>> text = r"\frac{\partial L}{\partial W} = X^\top G"
    >>> [c.about for c in stated(p, ClaimText("", (text,), syntax="latex"))]
    ['dL/dW']
    """
    if claim.syntax != LATEX.name:
        return [replace(claim, says=tuple(line for says in claim.says for line in parts(says)))]
    lines = [line for says in claim.says for line in equations(says)]
    if claim.about.strip() == "equal":
        return [replace(claim, says=tuple(side for line in lines for side in line.sides))]
    found: list[ClaimText] = []
    for line in lines:
        one = _one(problem, claim, line, found[-1].about if found else "")
        if found and found[-1].about == one.about:  # a further line of the same derivation
            found[-1] = replace(found[-1], says=(*found[-1].says, *one.says))
        else:
            found.append(one)
    return found


def only(problem: Problem, claim: ClaimText) -> ClaimText:
    """Return the one claim that a text makes; raises ParseError where it makes several."""
    found = stated(problem, claim)
    if len(found) != 1:
        raise ParseError(
            f"the equations are about {' and '.join(c.about for c in found)}",
            remedy="give one claim at a time",
        )
    return found[0]


def _one(problem: Problem, claim: ClaimText, line: Equation, before: str) -> ClaimText:
    """Return what one equation claims; without a left-hand side it goes on from the one before."""
    sides = line.sides
    reader = problem.reader(sides[0], syntax=LATEX)
    assert isinstance(reader, LatexReader)
    names = (*problem.variables, *problem.definitions)
    found = None
    if len(sides) > 1:
        matrices = tuple(n for n, x in problem.known().items() if ONE not in x.shape)
        scalar = problem.objective.shape == SCALAR
        value = problem.objective_name if scalar else VALUE
        found = subject(reader, names, value, matrices)
        if found is not None and found.of:
            check_objective(problem, found.of)
    about = None if found is None else found.about
    named = found is not None and found.is_differential
    if not about and not claim.about and not before and not named:
        raise ParseError(
            f"nothing says what this is about: {_short(' = '.join(sides))}",
            remedy=r"write --wrt W, or \frac{\partial L}{\partial W} = on the left",
        )
    if found is not None and found.is_differential:
        return from_differential(problem, replace(claim, about=claim.about or before), sides[1:])
    if not about:
        own = sides if found is None else columns(problem, found, claim.about or before, sides[1:])
        return replace(claim, about=claim.about or before, says=own)
    if claim.about and not _agree(claim.about, about):
        raise ParseError(
            f"the left-hand side is about {about}, and the claim about {claim.about}",
            remedy="leave one of them out",
        )
    return replace(claim, about=about, says=columns(problem, found, about, sides[1:]))


def _agree(asked: str, found: str) -> bool:
    """Whether what was asked about is what a left-hand side is about, or holds the entry of it."""
    a, b = read_about(asked), read_about(found)
    whole = replace(b, at=(), indices=())
    return a.same(b) or (not a.is_entry and a.same(whole))


def _short(text: str) -> str:
    return text if len(text) <= 70 else text[:67] + "..."


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
        used = {str(e.data) for e in walk(expr) if e.is_variable} & set(names)
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
    if any(e.is_variable and str(e.data) == by for e in walk(slope)):
        raise ParseError(f"the right-hand side is not linear in {by}", remedy=r"write dL = M : dW")
    return slope
