"""Takes a claim; yields it mended of slips people make, each with a name and a sentence.

Contract: a slip is only named when mending it makes the claim equal to the gradient; which mends
hold is decided by evaluation. The likeliest slips come first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..core.expr import (
    Expr,
    Index,
    column,
    free_ranges,
    index_sum,
    matmul,
    own_indices,
    rebuild,
    row,
    transpose,
    walk,
    with_args,
)
from ..core.expr import node as expr_node
from ..core.shapes import Dim
from ..problems import Problem


@dataclass(frozen=True, slots=True)
class Mend:
    """A claim with one slip mended."""

    slip: str
    sentence: str
    expr: Expr


Mender = Callable[[Expr, "ClaimContext"], Iterator[Mend]]


@dataclass(frozen=True, slots=True)
class ClaimContext:
    """What a mender may use: the problem and the free indices that name the entry."""

    problem: Problem
    entry: tuple[str, ...]  # free indices of the target entry; others are "for every i"
    dims: tuple[Dim, ...]  # their ranges


def _missing_sum(claim: Expr, context: ClaimContext) -> Iterator[Mend]:
    for name, dim in free_ranges(claim).items():
        if name not in context.entry:
            what = "row" if _counts_rows(claim, name) else "term"
            yield Mend(
                "missing-sum",
                f"one {what} instead of the sum over all: `{name}` is fixed, and must be summed",
                index_sum(name, dim, claim),
            )


def _counts_rows(x: Expr, index: str) -> bool:
    """Whether an index stands only where rows are counted."""
    found = [e for e in walk(x) if index in own_indices(e)]
    return all(e.op != "column" and own_indices(e)[0] == index for e in found)


def _one_row(claim: Expr, context: ClaimContext) -> Iterator[Mend]:
    """A one-hot vector picks one row; the sum over all of its values is the sum over rows."""
    for v in context.problem.variables.values():
        if "onehot" not in v.properties or v.kind != "vector" or v.expr not in set(walk(claim)):
            continue
        summed = _over_unit_vectors(claim, v.expr)
        if summed is not None:
            yield Mend(
                "missing-sum",
                f"one row, picked by {v.name}, instead of the sum over all rows",
                summed,
            )


def _over_unit_vectors(claim: Expr, onehot: Expr) -> Expr | None:
    """Return the sum of a claim over all unit vectors: e.T @ X becomes X[i, :]."""
    index = next(i for i in ("i", "k", "r", "s") if i not in free_ranges(claim))
    dim = onehot.shape[0]

    def change(old: Expr, args: tuple[Expr, ...]) -> Expr:
        return _picked(args, onehot, index) if old.op == "matmul" else with_args(old, args)

    body = rebuild(claim, change)
    return None if onehot in set(walk(body)) else index_sum(index, dim, body)


def _picked(factors: tuple[Expr, ...], onehot: Expr, index: str) -> Expr:
    """Return a product in which e.T @ X reads X[i, :], and X @ e reads X[:, i]."""
    found: list[Expr] = []
    left = list(factors)
    while left:
        head = left.pop(0)
        if head is transpose(onehot) and left:
            found.append(row(left.pop(0), index))
        elif left and left[0] is onehot:
            found.append(column(head, index))
            left.pop(0)
        else:
            found.append(head)
    return matmul(*found)


def _swapped_indices(claim: Expr, context: ClaimContext) -> Iterator[Mend]:
    if len(context.entry) != 2:
        return
    p, q = context.entry
    swapped = exchange(claim, p, q)
    if swapped is not None and swapped is not claim:
        yield Mend("index-swap", f"the index pair `{p}`, `{q}` is swapped", swapped)


def exchange(x: Expr, p: str, q: str) -> Expr | None:
    """Return an expression with two free indices exchanged."""
    swap: dict[Index, Index] = {p: q, q: p}

    def change(old: Expr, args: tuple[Expr, ...]) -> Expr:
        if not any(i in swap for i in own_indices(old)):
            return with_args(old, args)
        data = old.data
        if isinstance(data, tuple):
            data = tuple(swap.get(i, i) if isinstance(i, str) else i for i in data)
        elif isinstance(data, str):
            data = swap[data]
        return expr_node(old.op, args, old.shape, data)

    return rebuild(x, change)


MENDERS: tuple[Mender, ...] = (
    _missing_sum,
    _one_row,
    _swapped_indices,
)


def mends(claim: Expr, context: ClaimContext) -> Iterator[tuple[Mend, ...]]:
    """Yield single slips first, then combinations of two, the last one mended last."""
    singles = [m for mender in MENDERS for m in mender(claim, context)]
    for m in singles:
        yield (m,)
    for first in singles:
        for mender in MENDERS:
            for second in mender(first.expr, context):
                if second.slip != first.slip:
                    yield (first, second)
