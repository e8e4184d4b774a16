"""Whether an assumption that makes a claim right leaves something to be right about.

Contract: decided by evaluation at points that satisfy the assumption.
"""

from __future__ import annotations

from ..expr import Expr
from .deciding import Comparer

_POLES = 4  # one point in so many may be a pole of a claim that is right under an assumption


def means_something(under: Comparer, claimed: Expr, truth: Expr) -> bool:
    """Whether a claim found equal to the truth under an assumption is right because of it.

    Where nothing could be computed at sizes that differ, nothing is known in general. Where the
    claim is undefined, or where the gradient is 0 and the claim is not 0 in general, a
    formula with any other factor would be right as well.
    """
    if under.is_too_much(claimed, truth) or under.poles * _POLES > under.count:
        return False
    in_general = Comparer(under.problem, [claimed], kept=under.kept)
    return not under.is_zero(truth) or in_general.is_zero(claimed)
