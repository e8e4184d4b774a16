"""Generated code of every operator: matrices, stacks of them, sizes of 1, in both precisions."""

import warnings
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.codegen.module import compile_module, module_of
from symderiv.core.cells import each
from symderiv.core.errors import MissingRuleError
from symderiv.ops import TABLE, Operator
from symderiv.ops.flops import iterative
from symderiv.values.explicit import Dual, Explicit
from symderiv.values.sampling import least_sizes, point

SHAPES = {
    "X": "n, d", "A": "n, n", "x": "n", "s": "scalar", "f": "entrywise", "T": "t, n, d",
    "H": "n, h*k",
}  # fmt: skip
BOUNDS = ((np.float64, 1e-9), (np.float32, 1e-3))
OUTSIDE = (ZeroDivisionError, TypeError, ValueError)
_QUICK = 1  # samples of an operator that are tried each time

# A difference that decides a branch is a rounding error in single precision.
_TIES = {"where(A @ X < X, X * X, X)", "clip(A @ X, -s, 2)"}


def _slow(op: Operator, place: int) -> list[pytest.MarkDecorator]:
    # The entries of a matrix function take many digits.
    if op.flops is iterative:
        return [pytest.mark.slow if place == 1 else pytest.mark.exhaustive]
    return [pytest.mark.slow] if place >= _QUICK else []


SAMPLES = [
    pytest.param(op.name, s, id=f"{op.name}: {s}", marks=_slow(op, k))
    for op in TABLE.values()
    if not op.internal
    for k, s in enumerate(sorted(op.samples, key=lambda s: "T" not in s.replace(".T", "")))
    if not any(word in s for word in ("f(", "fp(", "L(")) and s not in _TIES
]  # fmt: skip


def floats(cells: Any) -> Any:
    return np.array(each(lambda v: float(Dual.of(v).value), cells))


def exact(d: sd.Derivation, sizes: Mapping[str, int], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value and the printed gradients, entry by entry."""
    at = Explicit(sizes, values)
    return {
        "": floats(at.cells(d.problem.objective)),
        **{n: floats(at.cells(r.expr)) for n, r in d.items()},
    }


def check(d: sd.Derivation, code: Any, sizes: Mapping[str, int], values: dict[str, Any]) -> None:
    """Compare what code gives at a point in both precisions with the entries."""
    expected = exact(d, sizes, values)
    if not all(np.all(np.abs(v) < 1e6) for v in expected.values()):
        return
    for kind, bound in BOUNDS:
        inputs = [
            floats(values[n]).reshape([k.at(sizes) for k in v.written]).astype(kind)
            for n, v in d.problem.variables.items()
        ]
        hidden = {n: sizes[n] for n in code.module.sizes}
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = {"": code.forward(*inputs, **hidden), **code.backward(*inputs, **hidden)}
        for name, value in found.items():
            wanted = expected[name].ravel()
            scale = max(1.0, np.abs(wanted).max(initial=0))
            assert np.asarray(value).dtype == kind, (name, sizes)
            assert np.abs(np.ravel(value) - wanted).max() <= bound * scale, (name, sizes)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_code_equals_the_entries(name: str, sample: str) -> None:
    *definitions, last = sample.split("; ")
    text = "; ".join([*definitions, f"sum(0.5 * ({last}) * ({last}))"])
    problem = sd.problem(text, **SHAPES)
    try:
        d = sd.derive(problem)
        code = compile_module(module_of(d.data))
    except MissingRuleError:
        return  # a second function of the sample has no derivative
    least = least_sizes([problem.objective])
    dims = {str(k) for v in problem.variables.values() for k in v.shape for k in k.names}
    dims |= set(problem.dims)
    for first, step in ((2, 1), (1, 0), (1, 2)):
        sizes = {
            k: max(first + step * (j % 2), least.get(k, 1)) for j, k in enumerate(sorted(dims))
        }
        for seed in (0, 1):
            drawn = point(problem, sizes, seed, positive=TABLE[name].domain != "real" or seed > 0)
            shrink = 50 if TABLE[name].domain == "unit" else 1
            # The same numbers in both precisions.
            values = {
                n: each(lambda v: Fraction(float(np.float32(float(v / shrink)))), c)  # noqa: B023
                for n, c in drawn.items()
            }
            try:
                check(d, code, sizes, values)
            except OUTSIDE:
                continue
