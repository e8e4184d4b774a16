"""One line of a derivation: an equation, its law, and the reason that is printed beside it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Self

from ...core.expr import Expr
from ...ops import TABLE

Reason = tuple[str | Expr, ...]
POWER = "power rule"
POWERS = ("pow", "sqrt", "div")  # what is written as a power of something
SIFTING = ": a delta picks one term of the sum"  # the end of the reason of a step that sifts


class Act(StrEnum):
    """What a step does; what each asks of the two sides of a step is in ``fitting``."""

    DEFINITION = "definition"
    NAMES = "names"
    ENTRIES = "entry by entry"
    OBJECTIVE = "objective"
    MATMUL = TABLE["matmul"].law
    LINEARITY = "linearity"
    PRODUCT = "product rule"
    INDEPENDENT = "independent"
    KNOWN = "known derivatives"
    CALCULUS = "differentiated"
    CHAIN = "chain rule"
    SUBSTITUTE = "substitute"
    SIFT = "sift"
    ZERO_SUM = "zero sum"
    TRANSPOSE = TABLE["transpose"].law
    READ = "matrix product, read right to left"
    MATRIX = "matrix form"
    COLLECTED = "collected"
    FREE = "free entries"
    JACOBIAN = "read off"
    DIFFERENTIAL = "differential"
    MOVE = "move"
    COLLECT = "collect"
    FRONT = "in front"
    IDENTITY = "identity"
    BOTH_SIDES = "both sides"
    SOLVED = "solved"
    EXPANSION = "expansion"
    FOLD = "fold"
    PULLED = "pulled back"


class Above(str):
    """A part of a reason that means the steps just above: cited where lines have numbers."""


class LawOf(str):
    """A part of a reason that is the law of an operator; a lemma that derives it is cited."""

    operator: str
    data: Hashable  # which function of its name, as of norms

    def __new__(cls, operator: str, words: str = "", data: Hashable = None) -> LawOf:
        """Return the part for an operator of the table, in its law's words or in others."""
        found = super().__new__(cls, words or TABLE[operator].law)
        found.operator, found.data = operator, data
        return found


class FoundAbove(str):
    """A part of a reason that means what was found of a name above; cited by its number."""

    words: ClassVar[str]
    name: Expr

    def __new__(cls, name: Expr) -> Self:
        """Return the part for a name."""
        found = super().__new__(cls, f"{cls.words} {name.data}")
        found.name = name
        return found


class DerivativeOf(FoundAbove):
    """The derivative of a name; the line that ends in it is cited."""

    words = "the derivative of"


class GradientOf(FoundAbove):
    """The gradient by a name; the box that holds it is cited."""

    words = "the gradient with respect to"


@dataclass(frozen=True, slots=True)
class Step:
    """One line ``before = after`` with its law; ``opens`` where a chain of equalities begins.

    >>> from symderiv import derive
    >>> from symderiv.ops.text import text
    >>> step = derive("x.T @ A @ x", A="n, n", x="n")["A"].steps[-2]
    >>> text(step.before), text(step.after), step.law
    ('Sum(i, Sum(j, x[j] * x[i] * delta(i, p) * delta(j, q)))', 'x[p] * x[q]', 'sift')
    """

    before: Expr
    after: Expr
    law: Act
    reason: Reason
    opens: bool = False
    sifted: tuple[str, ...] = ()  # the indices that a delta takes away, which the reason names
    own: Reason | None = None  # what neither steps before nor definitions say; None: all of reason
