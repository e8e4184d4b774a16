"""One line of a derivation, as data."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.expr import Expr

Reason = tuple[str | Expr, ...]
SIFTING = ": a delta picks one term of the sum"  # the end of the reason of a step that sifts


class Above(str):
    """A part of a reason that means the steps just above: cited where lines have numbers."""


@dataclass(frozen=True, slots=True)
class Step:
    """One line ``before = after`` with its law; ``opens`` where a chain of equalities begins."""

    before: Expr
    after: Expr
    law: str
    reason: Reason
    opens: bool = False
    sifted: tuple[str, ...] = ()  # the indices that a delta takes away, which the reason names
    own: Reason | None = None  # what neither steps before nor definitions say; None: all of reason
