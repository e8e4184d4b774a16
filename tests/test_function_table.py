"""Functions of statistics and geometry: their derivatives of both orders, and their spellings."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special as special

import symderiv as sd
from symderiv.calculus import lower
from symderiv.problems.problem import problem

DECLARED = {
    "x": "n", "y": "n", "X": "n, d", "A": "m, n", "B": "p, n", "a": "3", "b": "3", "s": "scalar",
}  # fmt: skip

GRADIENTS = [
    ("sum(lgamma(x))", "x", "digamma(x)"),
    ("sum(digamma(x))", "x", "trigamma(x)"),
    ("sum(trigamma(x))", "x", "polygamma(2, x)"),
    ("sum(polygamma(3, x))", "x", "polygamma(4, x)"),
    ("sum(log2(x))", "x", "1 / (log(2) * x)"),
    ("sum(log10(x))", "x", "1 / (log(10) * x)"),
    ("sum(arctan2(x, y))", "x", "y / (x ** 2 + y ** 2)"),
    ("sum(arctan2(x, y))", "y", "-x / (x ** 2 + y ** 2)"),
    ("sum(clip(x, -1, 1))", "x", "where(x < 1, 1, 0) * where(x > -1, 1, 0)"),
    ("std(x)", "x", "(x - mean(x)) / (n * std(x))"),
    ("cumsum(x).T @ y", "x", "tril(ones(n, n)).T @ y"),
    ("norm(x, 1)", "x", "sign(x)"),
    ('norm(x, "inf")', "x", "max_mask(abs(x)) * sign(x)"),
    ("norm(x, 4)", "x", "x ** 3 / norm(x, 4) ** 3"),
    ("norm(x, s)", "x", "sign(x) * (abs(x) / norm(x, s)) ** (s - 1)"),
    ("sum(khatri_rao(A, B))", "A", "ones(m) @ sum(B, axis=0)"),
    ("cross(a, b).T @ a", "a", "zeros(3)"),
    ("L(cross(a, b))", "a", "cross(b, G)"),
    ("sum(normal_pdf(x))", "x", "-x * normal_pdf(x)"),
    ("sum(normal_cdf(x))", "x", "normal_pdf(x)"),
]
HESSIANS = [
    *(f"sum({f}(x))" for f in "lgamma digamma trigamma log2 log10 normal_pdf normal_cdf".split()),
    "sum(arctan2(x, y))",
    "sum(clip(x, -1, 1) ** 2)",
    "std(x)",
    "sum(cumsum(x) ** 2)",
    "norm(x, 3)",
    "norm(x, 4) ** 2",
    "norm(x, s)",
]
SPELLINGS = [
    ("norm(x, 1)", "norm1(x)"),
    ('norm(x, "inf")', "norminf(x)"),
    ("norm(x, 2)", "norm(x)"),
    ("polygamma(0, x)", "digamma(x)"),
    ("polygamma(1, x)", "trigamma(x)"),
]


def read(text: str) -> sd.Problem:
    return problem(text, **{k: v for k, v in DECLARED.items() if k in text})


@pytest.mark.parametrize(("text", "wrt", "gradient"), GRADIENTS)
def test_gradient_is_the_one_of_the_books(text: str, wrt: str, gradient: str) -> None:
    p = read(text)
    assert sd.check(p, wrt=wrt, claim=gradient).verdict == "right"


@pytest.mark.sampled(4)
@pytest.mark.parametrize("text", HESSIANS)
def test_second_derivative_agrees_with_dual_numbers_and_differences(text: str) -> None:
    assert sd.hessian(read(text), "x").verify()


@pytest.mark.parametrize(("one", "other"), SPELLINGS)
def test_two_spellings_are_one_term(one: str, other: str) -> None:
    p = read(f"sum({one}) + sum({other})")
    assert lower(p.read(one)).term is lower(p.read(other)).term


@pytest.mark.parametrize("kind", ["1", "'inf'"])
def test_norm_with_two_readings_of_a_matrix_is_refused_with_both(kind: str) -> None:
    with pytest.raises(sd.SymderivError, match="two readings") as caught:
        sd.problem(f"norm(X, {kind})", X="n, d")
    assert "max(sum(abs(X)" in str(caught.value)


def test_functions_of_numpy_and_scipy_are_followed() -> None:
    def f(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.sum(np.arctan2(x, y) + special.gammaln(x) + special.psi(x) + special.ndtr(y))

    found = sd.derive(sd.trace(f, x="n", y="n"))
    assert found["x"].text == "digamma(x) + trigamma(x) + y / (x ** 2 + y ** 2)"
    assert found["y"].text == "normal_pdf(y) - x / (x ** 2 + y ** 2)"
