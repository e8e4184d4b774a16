"""Assumptions that make a claim right: those that leave something to be right about.

Contract: the verdict under an assumption is decided by evaluation at points that satisfy it.
"""

from __future__ import annotations

from ..errors import UndefinedError
from ..expr import Expr
from ..language import Problem
from .assumptions import assumptions
from .deciding import Comparer, Kept, Merged

_POLES = 4  # one point in so many may be a pole of a claim that is right under an assumption


def excuse(
    problem: Problem, claimed: Expr, truth: Expr, wrt: str, kept: Kept
) -> tuple[Comparer, str] | None:
    """Return an assumption under which a claim is right, in words, if one is found."""
    for found in assumptions(problem, claimed, truth, wrt):
        under = Comparer(problem, [claimed, truth], Merged(found.equal), found, kept=kept)
        try:
            holds = under.may_equal(claimed, truth) and under.equal(claimed, truth)
        except UndefinedError:
            continue
        if holds and _means_something(under, claimed, truth):
            return under, found.words
    return None


def _means_something(under: Comparer, claimed: Expr, truth: Expr) -> bool:
    """Whether an assumption leaves something to be right about.

    Where the claim is undefined, or where the gradient is 0 and the claim is not 0 in general, a
    formula with any other factor would be right as well.
    """
    if under.poles * _POLES > under.count:
        return False
    in_general = Comparer(under.problem, [claimed], kept=under.kept)
    return not under.is_zero(truth) or in_general.is_zero(claimed)
