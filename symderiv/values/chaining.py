"""Takes a deep scalar at a point; returns its derivative by any entry of a name, in numbers.

Contract: exact arithmetic as at the point it is given; every intermediate is differentiated once
by what it directly uses, so the cost grows with the network and not with its square.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, Protocol

from ..core.cells import built, flat, sizes_of
from ..core.expr import Expr, is_name, walk
from ..ops import Cells
from .dual import Dual

_DEEP = 4  # with fewer intermediates, one derivative at a time is as cheap


class Seeded(Protocol):
    """A point in dual numbers at which one entry has the slope 1."""

    def cells(self, x: Expr) -> Cells:
        """Return every entry of an expression."""


# By one entry of a name, with other names held fixed.
Seed = Callable[[Expr, Sequence[int], tuple[Expr, ...]], Seeded]


class Chain:
    """The derivatives of one scalar at one point."""

    def __init__(self, of: Expr, cells: Callable[[Expr], Cells], seed: Seed) -> None:
        self._of, self._cells, self._seed = of, cells, seed
        self._stages = [e for e in walk(of) if e.op == "named" and e is not of]
        self._used: dict[Expr, tuple[Expr, ...]] = {}  # the names in the body of a stage
        self._users: dict[Expr, list[Expr]] = {}
        self._bars: dict[Expr, Cells] = {of: [[Fraction(1)]]}
        for stage in (*self._stages, of):
            met = [e for e in walk(_body(stage), is_name) if e.op in ("var", "named")]
            self._used[stage] = tuple(e for e in met if e.op == "named")
            for e in met:
                self._users.setdefault(e, []).append(stage)

    @property
    def is_deep(self) -> bool:
        """Whether there are so many intermediates that chaining pays."""
        return len(self._stages) > _DEEP

    def slope(self, source: Expr, place: Sequence[int]) -> Any:
        """Return the derivative by one entry of a variable or of an intermediate."""
        total: Any = Fraction(source is self._of)
        for stage in self._users.get(source, ()):
            held = tuple(e for e in self._used[stage] if e is not source)
            local = flat(self._seed(source, place, held).cells(_body(stage)))
            for bar, x in zip(flat(self._bar(stage)), map(Dual.of, local), strict=True):
                total = total + bar * x.slope if x.slope else total
        return total

    def _bar(self, stage: Expr) -> Cells:
        """Return the derivative by every entry of a stage; those after it are found first."""
        for later in reversed(self._stages):
            if stage in self._bars:
                break
            if later not in self._bars:
                sizes = sizes_of(self._cells(later))
                self._bars[later] = built(
                    sizes, lambda *at, e=later: self.slope(e, [k + 1 for k in at])
                )
        return self._bars[stage]


def _body(stage: Expr) -> Expr:
    return stage.args[0] if stage.op == "named" else stage
