"""Generated code against exact values, so that forward and backward cannot err alike.

The forward pass is compared with the entries of the objective (or of the loss's argument), the
backward pass with those of each gradient, at points of small whole numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..cells import each
from ..codegen import Compiled, checked_sizes
from ..codegen.lines import array_shape
from ..derivation import Derivation
from ..errors import CheckError
from ..explicit import Dual, Explicit
from ..expr import Expr
from ..ops import Cells
from ..sampling import point
from .differences import hidden_sizes, relative_error

_POINTS = 3
TOLERANCE = 1e-9
_LARGEST = 1e100  # beyond it, what is computed on the way may be too large for a float


def check_exactly(derivation: Derivation, compiled: Compiled) -> int:
    """Compare generated code with exact values; return how many numbers; raises CheckError."""
    problem = derivation.problem
    if compiled.module.functions or compiled.module.losses:
        return 0  # stand-ins of unspecified functions differ between both sides
    count = 0
    for sizes in checked_sizes(derivation):
        for seed in range(_POINTS):
            values = point(problem, sizes, seed, integers=3, positive=seed % 2 == 1)
            try:
                expected = _expected(derivation, sizes, values)
            except (ZeroDivisionError, TypeError, ValueError):
                continue  # outside the domain of a function, or of floats
            count += _compare(derivation, compiled, sizes, values, expected)
    return count


def _expected(
    derivation: Derivation, sizes: Mapping[str, int], values: Mapping[str, Cells]
) -> dict[str, Any]:
    at = Explicit(sizes, values)
    objective = derivation.problem.objective
    value = objective.args[0] if objective.op == "loss" else objective
    found = {"": _floats(at.cells(value), value)}
    found.update((n, _floats(at.cells(r.expr), r.expr)) for n, r in derivation.items())
    return found


def _floats(cells: Cells, x: Expr) -> Any:
    found = np.array(each(lambda v: float(Dual.of(v).value), cells))
    if not np.all(np.abs(found) <= _LARGEST):
        raise ValueError("too large for floats")
    return found


def _compare(
    derivation: Derivation,
    compiled: Compiled,
    sizes: Mapping[str, int],
    values: Mapping[str, Cells],
    expected: Mapping[str, Any],
) -> int:
    problem, keywords = derivation.problem, hidden_sizes(compiled, sizes)
    inputs = [_array(values[n], v.kind) for n, v in problem.variables.items()]
    given = [_squeezed(values[g], x, sizes) for g, x in problem.upstream.items()]
    with np.errstate(all="ignore"):
        found = {"": compiled.forward(*inputs, **keywords)}
        found.update(compiled.backward(*inputs, *given, **keywords))
    count = 0
    for name, value in expected.items():
        flat = np.asarray(found[name], dtype=float).ravel()
        if not relative_error(flat, value.ravel()) <= TOLERANCE:
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
