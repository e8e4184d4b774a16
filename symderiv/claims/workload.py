"""Takes expressions and sizes; returns about how many operations computing them takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from ..core.expr import Expr, free_ranges, walk_all
from ..ops import TABLE

_INDEXED = 40  # times as long as an entry of a matrix takes one that is computed alone


def work(expressions: Sequence[Expr], sizes: Mapping[str, int]) -> int:
    """Return about how many operations it takes to compute expressions for all their indices."""
    return sum(operations(e, sizes) for e in walk_all(expressions))


def operations(e: Expr, sizes: Mapping[str, int]) -> int:
    """Return about how many operations one node takes, its arguments known."""
    free = [d.at(sizes) for d in free_ranges(e).values()]
    entries: int = prod(d.at(sizes) for d in e.shape) * prod(free) * (_INDEXED if free else 1)
    return TABLE[e.op].work(e, entries, sizes)
