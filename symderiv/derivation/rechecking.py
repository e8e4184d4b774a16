"""Takes the steps of a derivation; evaluates both sides of each at a point, for all its indices.

Contract: exact for rational functions, in as many digits as decide otherwise; one that does not
hold raises CheckError.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

from ..core.cells import flat
from ..core.errors import CheckError, UndefinedError
from ..core.expr import (
    BINDERS,
    Expr,
    free_indices,
    free_ranges,
    index_sum,
    mul,
    rebuild,
    sum_index,
    walk_all,
    with_args,
)
from ..ops.text import text
from ..problems import Problem
from ..values.explicit import Dual, Explicit
from ..values.rounding import first_unequal
from ..values.sampling import at_first_defined, distinct_sizes, least_sizes
from .narration import Step

_MOST_TERMS = 40_000


def recheck(
    problem: Problem, steps: Sequence[Step], sizes: Mapping[str, int] | None = None, seed: int = 0
) -> int:
    """Evaluate steps at a point of a problem; return how many equations were checked.

    Raises CheckError at the first one that does not hold.
    """
    expressions = [_inward(x) for t in steps for x in (t.before, t.after)]
    choices = [sizes] if sizes else _affordable(problem, expressions)
    for at in choices:
        count = at_first_defined(
            problem, at, lambda here: sum(_check(s, here) for s in steps), seed
        )
        if count is not None:
            return count
    raise UndefinedError(
        "no point was found at which the objective is defined",
        remedy="is something divided by zero, or singular, or a logarithm below 0?",
    )


def _inward(x: Expr) -> Expr:
    """Return an expression with what a sum does not run over in front of it.

    The same numbers are added (distributive law), but a nested sum over a chain of factors is
    then worked out index by index, not path by path.
    """

    def change(e: Expr, args: tuple[Expr, ...]) -> Expr:
        if e.op != "Sum" or not args[0].is_hadamard:
            return with_args(e, args)
        name, dim = sum_index(e)
        inside = [f for f in args[0].args if name in free_indices(f)]
        outside = [f for f in args[0].args if name not in free_indices(f)]
        if not inside or not outside:
            return with_args(e, args)
        return mul(*outside, index_sum(name, dim, mul(*inside)))

    return rebuild(x, change, lambda e: e.op in ("named", "partial", "differential"))


def _affordable(problem: Problem, expressions: Sequence[Expr]) -> list[dict[str, int]]:
    """Return sizes that are all different, or smaller ones where the sums would be long."""
    least = least_sizes([*expressions, problem.objective])
    dims = problem.dims
    # X.T @ X of a wide X has no inverse, but that of a tall one has: both are tried.
    distinct = [distinct_sizes(d, least) for d in (dims, dims[::-1])]
    for low in (2, 1):
        if all(_terms(expressions, at) <= _MOST_TERMS for at in distinct):
            break
        distinct = [
            least.raised({d: low + (k + s) % 2 for k, d in enumerate(dims)}) for s in (0, 1)
        ]
    return distinct


def _terms(expressions: Sequence[Expr], sizes: Mapping[str, int]) -> int:
    """Return how often the innermost bodies of the sums of expressions are evaluated."""
    found: dict[Expr, int] = {}
    for e in walk_all(expressions):
        inner = sum(found[a] for a in e.args) + 1
        found[e] = inner * (sum_index(e)[1].at(sizes) if e.op in BINDERS else 1)
    return sum(found[x] * prod(d.at(sizes) for d in free_ranges(x).values()) for x in expressions)


def _check(step: Step, here: Explicit) -> int:
    ranges = {**free_ranges(step.before), **free_ranges(step.after)}
    equation = (_inward(step.before), _inward(step.after))
    spots = [
        dict(zip(ranges, spot, strict=True))
        for spot in product(*(range(1, here.size(d) + 1) for d in ranges.values()))
    ]

    def sides(at: Explicit) -> Iterator[tuple[Any, Any]]:
        for spot in spots:
            placed = at.placed(spot)
            left, right = (flat(placed.cells(x)) for x in equation)
            for a, b in zip(left, right, strict=True):
                yield Dual.of(a).value, Dual.of(b).value

    wrong = first_unequal(here, sides)
    if wrong is not None:
        left, right = list(sides(here))[wrong]
        where = spots[wrong // (len(list(sides(here))) // len(spots))]
        raise CheckError(
            f"a step does not hold: {text(step.before)} = {text(step.after)}",
            remedy=f"at {where}: {left} is not {right}",
        )
    return len(spots)
