"""Takes a claim in LaTeX; returns its right-hand sides, each with what it is about."""

from __future__ import annotations

from dataclasses import replace

from ..core.errors import ParseError
from ..core.shapes import ONE, SCALAR
from ..problems import ClaimText, Problem
from ..problems.latex_reader import Equation, LatexReader, equations, subject
from ..problems.latex_reader.subject import VALUE
from ..problems.syntaxes import LATEX
from .about import read_about
from .lefthand import check_objective, columns, from_differential
from .lines import parts


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
        found = subject(sides[0], reader.names(), names, value, matrices)
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
