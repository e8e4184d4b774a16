"""The ways in which a text can be written: our own, that of matrixcalculus.org, and LaTeX."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..core.errors import InputError
from . import grammar, matrixcalculus
from . import latex_reader as latex
from .elaborate import Elaborator
from .grammar import Statement
from .latex_reader import LatexReader
from .matrixcalculus import MatrixReader


@dataclass(frozen=True, slots=True)
class Syntax:
    """How a text becomes trees, and what reads those."""

    name: str
    parse: Callable[[str], list[Statement]]
    reader: type[Elaborator]
    states_problems: bool = True  # or only claims about a problem


PYTHON = Syntax("python", grammar.parse, Elaborator)
LATEX = Syntax("latex", latex.parse, LatexReader, states_problems=False)
SYNTAXES = {
    s.name: s for s in (PYTHON, Syntax("matrixcalculus", matrixcalculus.parse, MatrixReader), LATEX)
}


def syntax_of(name: str) -> Syntax:
    """Return a syntax by its name; raises InputError.

    >>> syntax_of("python").name
    'python'
    """
    if name not in SYNTAXES:
        raise InputError(f"no syntax {name!r}", remedy=f"there are: {', '.join(SYNTAXES)}")
    return SYNTAXES[name]


def problem_syntax(name: str) -> Syntax:
    """Return a syntax in which problems are stated; raises InputError."""
    found = syntax_of(name)
    if not found.states_problems:
        there = ", ".join(s.name for s in SYNTAXES.values() if s.states_problems)
        raise InputError(
            f"a problem is not stated in {name}: only claims are",
            remedy=f"there are: {there}; the claim stays in {name}",
        )
    return found
