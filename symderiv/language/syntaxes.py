"""The ways in which a text can be written: our own, and that of matrixcalculus.org."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import InputError
from . import grammar, matrixcalculus
from .elaborate import Elaborator
from .grammar import Statement
from .matrix_reader import MatrixReader


@dataclass(frozen=True, slots=True)
class Syntax:
    """How a text becomes trees, and what reads those."""

    name: str
    parse: Callable[[str], list[Statement]]
    reader: type[Elaborator]


PYTHON = Syntax("python", grammar.parse, Elaborator)
SYNTAXES = {
    s.name: s for s in (PYTHON, Syntax("matrixcalculus", matrixcalculus.parse, MatrixReader))
}


def syntax_of(name: str) -> Syntax:
    """Return a syntax by its name; raises InputError.

    >>> syntax_of("python").name
    'python'
    """
    if name not in SYNTAXES:
        raise InputError(f"no syntax {name!r}", remedy=f"there are: {', '.join(SYNTAXES)}")
    return SYNTAXES[name]
