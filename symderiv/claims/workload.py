"""About how much work it is to compute an expression: a budget that does not look at a clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from ..core.expr import Expr, free_ranges, walk_all

_INDEXED = 40  # times as long as an entry of a matrix takes one that is computed alone
_ITERATED = 300  # operations that a matrix function takes for each entry of a product
_FUNCTIONS = {
    *("sqrtm", "logm", "expm", "expm_frechet", "logm_frechet", "eigvalsh", "eigvecsh"),
    *("polar", "left_singular", "right_singular", "sylvester"),
}
_BY_MINORS = {"inv", "det", "logdet", "adjugate", "solve"}


def work(expressions: Sequence[Expr], sizes: Mapping[str, int]) -> int:
    """Return about how many operations it takes to compute expressions for all their indices."""
    return sum(operations(e, sizes) for e in walk_all(expressions))


def operations(e: Expr, sizes: Mapping[str, int]) -> int:
    """Return about how many operations one node takes, its arguments known."""
    free = [d.at(sizes) for d in free_ranges(e).values()]
    entries: int = prod(d.at(sizes) for d in e.shape) * prod(free) * (_INDEXED if free else 1)
    if e.op == "matmul":
        return entries * max(a.shape[-1].at(sizes) for a in e.args)
    if e.op == "einsum":
        met = dict.fromkeys(d for a in e.args for d in a.shape)
        return int(max(entries, prod(d.at(sizes) for d in met)))
    if e.op in _FUNCTIONS or (e.op == "norm" and e.data is not None):
        size = max(d.at(sizes) for a in e.args for d in a.shape)
        return size**3 * _ITERATED
    if e.op in _BY_MINORS:
        return entries * (1 << e.args[0].shape[-1].at(sizes))
    return entries
