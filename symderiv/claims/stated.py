"""Claims in LaTeX to claims that say what they are about: left-hand sides, chains, several lines.

Contract: a claim comes out with the text of its right-hand sides and what these are about; a claim
in another syntax is returned as it is.
"""

from __future__ import annotations

from dataclasses import replace

from ..errors import LanguageError, ParseError
from ..language import ClaimText, Problem
from ..language.latex import Equation, LatexReader, equations, subject
from ..language.syntaxes import LATEX
from ..shapes import ONE
from .reading import About, read_about


def stated(problem: Problem, claim: ClaimText) -> list[ClaimText]:
    r"""Return the claims that a text of LaTeX makes, each with what it is about; raises ParseError.

    ``about`` of the claim may be empty where every equation has a left-hand side that says it.

    >>> from symderiv.library import load_named
    >>> p = load_named("linear-layer")
    >>> text = r"\frac{\partial L}{\partial W} = X^\top G"
    >>> [c.about for c in stated(p, ClaimText("", (text,), syntax="latex"))]
    ['dL/dW']
    """
    if claim.syntax != LATEX.name:
        return [claim]
    lines = [line for says in claim.says for line in equations(says)]
    if claim.about.strip() == "equal":
        return [replace(claim, says=tuple(side for line in lines for side in line.sides))]
    return [_one(problem, claim, line) for line in lines]


def only(problem: Problem, claim: ClaimText) -> ClaimText:
    """Return the one claim that a text makes; raises ParseError where it makes several."""
    found = stated(problem, claim)
    if len(found) != 1:
        raise ParseError(
            f"{len(found)} equations are one claim each",
            remedy="give one at a time, or write the lines of one claim with = in front",
        )
    return found[0]


def _one(problem: Problem, claim: ClaimText, line: Equation) -> ClaimText:
    sides = line.sides
    reader = problem.reader(sides[0], syntax=LATEX)
    assert isinstance(reader, LatexReader)
    names = (*problem.variables, *problem.definitions)
    about = None
    if len(sides) > 1:
        matrices = tuple(n for n, x in problem.known().items() if ONE not in x.shape)
        about = subject(sides[0], reader.names(), names, problem.objective_name, matrices)
    if not about and not claim.about:
        raise ParseError(
            f"nothing says what this is about: {_short(' = '.join(sides))}",
            remedy=r"write --wrt W, or \frac{\partial L}{\partial W} = on the left",
        )
    if about is None:
        return one_side(replace(claim, says=sides))
    if about == "":
        return one_side(replace(claim, says=sides[1:]))
    if claim.about and not _agree(claim.about, about, problem.objective_name):
        raise ParseError(
            f"the left-hand side is about {about}, and the claim about {claim.about}",
            remedy="leave one of them out",
        )
    return one_side(replace(claim, about=about, says=sides[1:]))


def one_side(claim: ClaimText) -> ClaimText:
    """Return a claim that says one thing; raises LanguageError for a chain a = b = c."""
    if len(claim.says) != 1:
        raise LanguageError(
            f"a claim about {claim.about} says one thing, not {len(claim.says)}: "
            f"{_short(' = '.join(claim.says))}",
            remedy='several things that are the same are about = "equal"',
        )
    return claim


def _agree(asked: str, found: str, objective: str) -> bool:
    """Whether what was asked about is what a left-hand side is about, or holds the entry of it."""
    a, b = read_about(asked, objective), read_about(found, objective)
    return a == b or (a.name == b.name and a == About("gradient", a.name))


def _short(text: str) -> str:
    return text if len(text) <= 70 else text[:67] + "..."
