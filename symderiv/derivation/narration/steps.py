"""One line of a derivation, as data."""

from __future__ import annotations

from dataclasses import dataclass

from ...core.expr import Expr

Reason = tuple[str | Expr, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One line ``before = after`` with its law; ``opens`` where a chain of equalities begins."""

    before: Expr
    after: Expr
    law: str
    reason: Reason
    opens: bool = False
