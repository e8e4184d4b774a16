"""Random objectives in generated code, at large, tiny and ordinary entries, to many digits."""

from __future__ import annotations

import warnings
from random import Random
from typing import Any

import numpy as np
import pytest
from test_stable_code import Digits, compiled, mpmath

import symderiv as sd
from symderiv.evidence.differences import backward, objective
from symderiv.values.explicit import Explicit

SHAPES = {"x": "n", "y": "n", "w": "d", "X": "n, d"}
ENTRYWISE = (
    "exp log sin tanh relu sigmoid softplus silu abs elu gelu expm1 log1p arctan square erf"
).split()
UNDER = ("(1 + exp({}))", "(1 + ({}) ** 2)", "cosh({})", "sqrt(1 + ({}) ** 2)")
INSIDE = (
    "1 + exp({})", "softmax({}, axis=0)", "sigmoid({})", "1 - sigmoid({})", "cosh({})",
    "1 + ({}) ** 2", "exp({}) + exp(y)",
)  # fmt: skip
SCALARS = (
    "sum({})", "log(sum(exp({})))", "norm({})", "mean({})", "x.T @ ({})", "log(mean(exp({})))",
)  # fmt: skip
DRAWS = {
    "ordinary": lambda r: round(r.uniform(-2, 2), 3),
    "large": lambda r: r.choice([-400.0, -100.0, -30.0, 0.5, 30.0, 100.0, 400.0, -2.0]),
    "tiny": lambda r: r.choice([1e-9, -1e-9, 1e-5, 1.5, -1.0]),
}
BOUNDS = {"float64": 1e-6, "float32": 2e-2}
_DIGITS, _STEP = 800, -380


class Writer:
    """Writes a random objective, with definitions on the way."""

    def __init__(self, seed: int) -> None:
        self.random, self.definitions = Random(f"awkward {seed}"), list[str]()

    def text(self) -> str:
        """Return a problem."""
        whole = self.random.choice(SCALARS).format(self.column(self.random.choice((1, 2, 2))))
        return "; ".join([*self.definitions, whole])

    def column(self, depth: int) -> str:
        """Return a column of n entries; one of four has a name."""
        if depth <= 0:
            return self.random.choice(["x", "y", "X @ w", "2 * x", "x - y"])
        written = self._written(depth - 1)
        if self.random.random() > 0.25:
            return written
        self.definitions.append(f"v{len(self.definitions)} = {written}")
        return f"v{len(self.definitions) - 1}"

    def _written(self, depth: int) -> str:
        pick, inner, other = self.random.choice, self.column(depth), self.column(depth - 1)
        forms = (
            f"{pick(ENTRYWISE)}({inner})",
            f"({inner} {pick('+-*')} {other})",
            f"({inner} / {pick(UNDER).format(other)})",
            f"where({self.column(0)} {pick('><')} {pick(['0.25', '1', 'y'])}, {inner}, {other})",
            f"softmax({inner}, axis=0)",
            f"(exp({inner}) / sum(exp({inner})))",
            f"log({pick(INSIDE).format(inner)})",
            f"({inner}) ** {pick('23')}",
            f"maximum({inner}, {other})",
            f"logsoftmax({inner}, axis=0)",
        )
        return pick(forms)


def exact(problem: Any, arrays: dict[str, Any]) -> dict[str, Any] | None:
    """Return value and gradients by differences; None at a kink, or outside the domain."""

    def value(moved: dict[str, Any]) -> Any:
        cells = {n: a.reshape((*a.shape, 1, 1)[:2]).tolist() for n, a in moved.items()}
        found = Explicit({"n": 2, "d": 2}, cells, math=Digits()).cells(problem.objective)[0][0]
        if isinstance(found, mpmath.mpc) or not mpmath.isfinite(found):
            raise ValueError("outside the domain")
        return found

    with mpmath.workdps(_DIGITS):
        at = {n: np.vectorize(mpmath.mpf, otypes=[object])(arrays[n]) for n in problem.variables}
        step, found = mpmath.mpf(10) ** _STEP, dict[str, Any]()
        try:
            found[""] = here = value(at)
            for n in problem.wrt:
                found[n] = np.zeros(at[n].shape, dtype=object)
                for place in np.ndindex(at[n].shape):
                    sides = []
                    for sign in (1, -1):
                        moved = at[n].copy()
                        moved[place] += sign * step
                        sides.append(sign * (value({**at, n: moved}) - here) / step)
                    if abs(sides[0] - sides[1]) > 1e-20 * max(1, abs(sides[0])):
                        return None
                    found[n][place] = sides[0]
        except (ArithmeticError, TypeError, ValueError):
            return None
        wanted = {n: np.asarray(v, dtype=object).astype(float) for n, v in found.items()}
    return wanted if all(np.all(np.abs(v) < 1e30) for v in wanted.values()) else None


def check(seed: int) -> int:
    """Compare code with exact values at a few points; return at how many."""
    text = Writer(seed).text()
    problem = sd.problem(text, **{n: s for n, s in SHAPES.items() if n in text})
    code, count = compiled(text, {n: s for n, s in SHAPES.items() if n in text}), 0
    for kind, draw in DRAWS.items():
        random = Random(f"{kind} {seed}")
        shapes = {n: (2,) * len(v.written) for n, v in problem.variables.items()}
        arrays = {
            n: np.array([np.float32(draw(random)) for _ in range(2 ** len(s))], dtype=float)
            for n, s in shapes.items()
        }
        arrays = {n: a.reshape(shapes[n]) for n, a in arrays.items()}
        expected = exact(problem, arrays)
        if expected is None:
            continue
        count += 1
        for dtype, bound in BOUNDS.items():
            inputs = [arrays[n].astype(dtype) for n in code.module.forward]
            hidden = dict.fromkeys(code.module.sizes, 2)
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                found = {"": code.forward(*inputs, **hidden), **code.backward(*inputs, **hidden)}
            for name, got in found.items():
                scale = max(1.0, np.abs(expected[name]).max())
                assert np.asarray(got).dtype == dtype, (text, kind, name)
                gap = np.abs(np.asarray(got, dtype=float) - expected[name]).max()
                assert gap <= bound * scale, (text, kind, dtype, name, arrays)
    return count


@pytest.mark.parametrize("seed", range(8))
def test_code_is_exact_where_exponentials_overflow(seed: int) -> None:
    assert check(seed) >= 0


@pytest.mark.parametrize("text", [
    "sum(expm_frechet(A, C))", "sum(logm_frechet(A, C))", "sum(logm(A) * C)", "sum(sqrtm(A) * C)",
    "sum(sylvester(A, A, C))", "sum(expm(A) * C)",
])  # fmt: skip
def test_a_function_of_a_matrix_that_overflows_is_undefined_there(text: str) -> None:
    compiled = sd.derive(text, A="n, n", C="n, n").compile()
    inputs = {"A": np.array([[np.inf, 1.0], [2.0, 3.0]]), "C": np.ones((2, 2))}
    with np.errstate(all="ignore"):
        value, slopes = (f(compiled, inputs, {}, {}) for f in (objective, backward))
    assert not np.isfinite(value)
    assert not any(np.all(np.isfinite(g)) for g in slopes.values())
