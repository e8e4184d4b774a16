"""Takes generated code; compares both passes with exact values at points of whole numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..codegen import Compiled, checked_sizes
from ..core.cells import each
from ..core.errors import CheckError
from ..core.expr import Expr
from ..derivation.derivations import DerivedGradients
from ..ops import Cells
from ..problems.numpy_axes import array_shape
from ..values.explicit import Dual, Explicit
from ..values.sampling import OUTSIDE_DOMAIN, point
from .conditioning import gradient_bounds, is_rounding, value_bounds
from .differences import hidden_sizes, relative_error

_POINTS = 3
_NEARER = 3  # points near 0, where floats decide at none of the others
TOLERANCE = 1e-9
_LARGEST = 1e100  # beyond it, what is computed on the way may be too large for a float


def check_exactly(derivation: DerivedGradients, compiled: Compiled) -> int:
    """Compare generated code with exact values; return how many numbers; raises CheckError.

    A point at which rounding may be why the two differ decides nothing: others, near 0, do.
    """
    problem = derivation.problem
    if compiled.module.functions or compiled.module.losses:
        return 0  # stand-ins of unspecified functions differ between both sides
    read = _expressions(derivation)
    count = 0
    for sizes in checked_sizes(derivation):
        decided = 0
        for seed in range(_POINTS + _NEARER):
            if decided == _POINTS or (seed >= _POINTS and decided):
                break
            near = seed >= _POINTS
            values = point(problem, sizes, seed, integers=3, positive=seed % 2 == 1, near=near)
            here = Explicit(sizes, values)
            try:
                expected = {n: _floats(here.cells(x)) for n, x in read.items()}
            except OUTSIDE_DOMAIN:
                continue  # outside the domain of a function, or of floats
            compared = _compare(derivation, compiled, here, expected)
            decided += compared > 0
            count += compared
    return count


def _expressions(derivation: DerivedGradients) -> dict[str, Expr]:
    """Return what the code computes: the objective under no name, and every gradient."""
    objective = derivation.problem.objective
    value = objective.args[0] if objective.op == "loss" else objective
    return {"": value, **{n: r.expr for n, r in derivation.items()}}


def _floats(cells: Cells) -> Any:
    found = np.array(each(lambda v: float(Dual.of(v).value), cells))
    if not np.all(np.abs(found) <= _LARGEST):
        raise ValueError("too large for floats")
    return found


def _compare(
    derivation: DerivedGradients, compiled: Compiled, here: Explicit, expected: Mapping[str, Any]
) -> int:
    """Compare at one point; return how many numbers, 0 where rounding leaves it undecided."""
    problem, sizes, values = derivation.problem, here.sizes, here.values
    keywords = hidden_sizes(compiled, sizes)
    inputs = [_array(values[n], v.kind) for n, v in problem.variables.items()]
    given = [_squeezed(values[g], x, sizes) for g, x in problem.upstream.items()]
    with np.errstate(all="ignore"):
        found = {"": compiled.forward(*inputs, **keywords)}
        found.update(compiled.backward(*inputs, *given, **keywords))
    count = 0
    for name, value in expected.items():
        flat_value = value.ravel()
        flat_found = np.asarray(found[name], dtype=float).ravel()
        if not relative_error(flat_found, flat_value) <= TOLERANCE:
            bounds = (
                gradient_bounds(derivation, here, name)
                if name
                else value_bounds(here, _expressions(derivation)[""])
            )
            if is_rounding(flat_found, flat_value, bounds, TOLERANCE):
                return 0
            what = f"gradient by {name}" if name else "forward pass"
            raise CheckError(f"the generated {what} is not exact at sizes {dict(sizes)}")
        count += value.size
    return count


def _array(cells: Cells, kind: str) -> Any:
    full = np.array(each(float, cells))
    return full[:, 0] if kind == "vector" else full[0, 0] if kind == "scalar" else full


def _squeezed(cells: Cells, x: Expr, sizes: Mapping[str, int]) -> Any:
    full = np.array(each(float, cells))
    return full.reshape([d.at(sizes) for d in array_shape(x.shape)])
