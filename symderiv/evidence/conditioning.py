"""Takes an expression and a point; returns how far the rounding of floats may move its value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from ..codegen.module import Compiled
from ..core.cells import each, entry_at, flat, places, replaced
from ..core.expr import Expr
from ..derivation.derivations import DerivedGradients
from ..ops import Cells
from ..problems import Problem
from ..values.explicit import Dual, DualMath, Explicit
from ..values.rounding import float_bounds

_LARGEST_GIVEN = 1.5  # entry of a given gradient that is drawn


def is_rounding(found: Any, expected: Any, bounds: Sequence[float], tolerance: float) -> bool:
    """Whether every gap that is over a relative tolerance is within what rounding may move."""
    if np.shape(found) != np.shape(expected):
        return False
    if len(bounds) != np.size(expected):
        return bool(bounds) and min(bounds) == np.inf
    with np.errstate(all="ignore"):
        gap = np.ravel(np.abs(np.asarray(found) - expected))
        over = ~(gap <= tolerance * np.maximum(1.0, np.ravel(np.abs(expected))))
        within = (np.asarray(bounds) == np.inf) | (gap <= bounds)
        return bool(np.all(within | ~over))


def value_bounds(here: Explicit, x: Expr) -> list[float]:
    """Return how far rounding may move every entry of an expression at a point."""
    return float_bounds(here, lambda at: [Dual.of(v).value for v in flat(at.cells(x))])


def gradient_bounds(derivation: DerivedGradients, here: Explicit, name: str) -> list[float]:
    """Return how far rounding may move every entry of a gradient at a point.

    As it is printed, or chained from the values of the forward pass, as code computes it.
    """
    objective = derivation.problem.objective
    own = value_bounds(here, derivation[name].expr)
    spots = [*places(here.values[name])]
    if len(own) != len(spots):
        return own
    chained = [_slope_bound(here, objective, name, spot) for spot in spots]
    return [a + b for a, b in zip(own, chained, strict=True)]


def difference_bounds(
    derivation: DerivedGradients,
    compiled: Compiled,
    arrays: Mapping[str, Any],
    name: str,
    step: float,
) -> list[float]:
    """Return how far rounding may move a gradient and its difference, together, by entry.

    ``arrays`` holds the sizes as well; ``step`` is that of a central difference, 0 for a complex
    one, whose rounding is that of the chain rule.
    """
    problem = derivation.problem
    if compiled.module.functions:
        return []  # stand-ins of unspecified functions have other values in exact arithmetic
    here = exact_point(problem, arrays)
    objective = problem.objective
    value = objective.args[0] if objective.is_loss else objective
    moved = _LARGEST_GIVEN * sum(value_bounds(here, value)) / step if step else 0.0
    return [b + moved for b in gradient_bounds(derivation, here, name)]


def exact_point(problem: Problem, arrays: Mapping[str, Any]) -> Explicit:
    """Return the point that sizes and arrays are, by name, in exact numbers."""
    sizes = {d: arrays[d] for d in problem.dims}
    shapes = {n: v.shape for n, v in problem.variables.items()}
    shapes.update((g, x.shape) for g, x in problem.upstream.items())
    values = {n: _cells(arrays[n], [d.at(sizes) for d in s]) for n, s in shapes.items()}
    return Explicit(sizes, values)


def _slope_bound(here: Explicit, objective: Expr, name: str, spot: Sequence[int]) -> float:
    lifted = {n: each(Dual.of, c) for n, c in here.values.items()}
    seed = Dual(entry_at(here.values[name], spot), Fraction(1))
    lifted[name] = replaced(lifted[name], spot, seed)
    point = Explicit(here.sizes, lifted, math=DualMath())
    (bound,) = float_bounds(point, lambda at: [Dual.of(at.cells(objective)[0][0]).slope])
    return bound


def _cells(array: Any, sizes: Sequence[int]) -> Cells:
    grid: Cells = each(Fraction, np.asarray(array, dtype=float).reshape(sizes).tolist())
    return grid
