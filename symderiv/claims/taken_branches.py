"""Takes an expression and a point; returns its value by way of the branches that are taken.

A branch that has no value where it is not taken does no harm, as long as every entry takes the same
one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from ..core.cells import broadcast, flat, sizes_of
from ..core.expr import Expr, free_indices, node, rebuild, with_args, zeros
from ..ops import Cells
from ..values.explicit import Explicit, compare, plain
from ..values.highprecision import HIGH, floated
from ..values.rounding import first_unequal, unequal
from ..values.sampling import OUTSIDE_DOMAIN

_DIGITS = 40  # of 150 that numbers have
_NOISE = 80  # digits after the point; what is smaller may be rounding

# Where an expression has no value, or none of its shape at sizes that are taken as equal.
OUTSIDE = (*OUTSIDE_DOMAIN, IndexError)


def taken(x: Expr, at: Explicit) -> Cells:
    """Return every entry of an expression; raises one of ``OUTSIDE`` where it has no value."""
    try:
        return at.cells(x)
    except OUTSIDE:
        chosen = _without_others(x, at)
        if chosen is x:
            raise
        return at.cells(chosen)


def agree(left: Expr, right: Expr, at: Explicit) -> bool:
    """Whether two expressions have one value at a point; raises what ``apart`` does."""
    return apart(left, right, at) is None


def apart(left: Expr, right: Expr, at: Explicit) -> tuple[Cells, Cells] | None:
    """Return the values that two expressions have at a point; None where they are the same.

    Raises one of ``OUTSIDE`` where one of them has none, LostDigitsError where the digits there
    are do not tell.
    """
    cells = plain(taken(left, at)), plain(taken(right, at))
    if sizes_of(cells[0]) != sizes_of(cells[1]):
        return cells

    def pairs(here: Explicit) -> Iterator[tuple[Any, Any]]:
        both = cells if here is at else (plain(taken(left, here)), plain(taken(right, here)))
        return zip(*map(flat, both), strict=True)

    return None if first_unequal(at, pairs, _differing) is None else cells


def _differing(pairs: Sequence[tuple[Any, Any]]) -> list[int]:
    """Return which pairs differ within 40 digits of the largest entry, however small it is.

    A saturated softmax or a steep function leaves gradients of 1e-60, which are not all the same.
    """
    if all(isinstance(x, Fraction | int) for pair in pairs for x in pair):
        return unequal(pairs)
    numbers = [(floated(x), floated(y)) for x, y in pairs]
    largest = max(max(abs(x), abs(y)) for x, y in numbers)
    close = largest * HIGH.mpf(10) ** -_DIGITS + HIGH.mpf(10) ** -_NOISE
    return [k for k, (x, y) in enumerate(numbers) if abs(x - y) > close]


def _without_others(x: Expr, at: Explicit) -> Expr:
    """Return an expression in which every choice that is clear stands for what it takes.

    A factor of zeros that a choice leaves says that a branch is not taken: so is the product,
    whether or not the other factors have a value, as the slope of what is not taken.
    """
    empty: set[Expr] = set()

    def change(old: Expr, args: tuple[Expr, ...]) -> Expr:
        found = with_args(old, args)
        if old.op == "where" and free_indices(old).keys() <= at.positions.keys():
            branch = _branch(str(old.data), args, at)
            if branch is None:
                return found
            # An addend of zeros gives a number the shape of the choice.
            same = branch.shape == old.shape
            found = branch if same else node("add", (zeros(*old.shape), branch), old.shape)
            if branch.op == "zeros" or (branch.is_number and not branch.data):
                empty.add(found)
            return found
        factors = args[:1] if old.op in _FIRST else args if old.op in _PRODUCTS else ()
        if any(a in empty for a in factors):
            found = zeros(*old.shape)
            empty.add(found)
        return found

    return rebuild(x, change, lambda e: e in at.override)


_PRODUCTS = {"mul", "matmul"}
_FIRST = {"div", "neg", "transpose", "sum"}


def _branch(sign: str, args: Sequence[Expr], at: Explicit) -> Expr | None:
    """Return the branch that every entry takes, or None."""
    try:
        sides = [plain(at.cells(a)) for a in args[:2]]
        holds = {*flat(broadcast(sides, lambda a, b: compare(sign, a, b)))}
    except OUTSIDE:
        return None
    return args[2 if holds.pop() else 3] if len(holds) == 1 else None
