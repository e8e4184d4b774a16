"""A correction is the shortest right form near the claim, never what was wrong with its inverse."""

from __future__ import annotations

import pytest

import symderiv as sd

QUADRATIC = {"x": "n", "S": "n, n symmetric"}
COLUMN = {"x": "n"}

CORRECTED = [
    ("sqrt(x.T @ S @ x)", QUADRATIC, "S @ x / (x.T @ S @ x)", "S @ x / sqrt(x.T @ S @ x)"),
    ("sum(sqrt(x**2 + 1))", COLUMN, "x / (x**2 + 1)", "x / sqrt(x ** 2 + 1)"),
    ("1/sqrt(x.T @ S @ x)", QUADRATIC, "-S @ (x / sqrt(x.T @ S @ x))",
     "-S @ (x / (x.T @ S @ x) ** 1.5)"),
    ("sum(maximum(x, 0.01))", COLUMN, "where(x > 0, 1, 0)", "where(x > 0.01, 1, 0)"),
    ("sum(relu(x))", COLUMN, "where(x**3 > 0.001, 1, 0)", "where(x > 0, 1, 0)"),
    ("sum(where(abs(x) > 1, abs(x) - 0.5, 0.5 * x**2))", COLUMN,
     "where(abs(x) > 1.05, sign(x), x)", "where(abs(x) > 1, sign(x), x)"),
    ("sum(x)", COLUMN, "x**10", "ones(n)"),
    # What is near and no detour stays in the claim's own words.
    ("norm(x)**2 / 2 + sum(x)", COLUMN, "2 * x + ones(n)", "x + ones(n)"),
    ("norm(x)", COLUMN, "x / norm(x)**2", "x / norm(x)"),
    ("2 * sum(x**2)", COLUMN, "-(4 * x)", "4 * x"),
]  # fmt: skip


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("of", "shapes", "claim", "right"), CORRECTED)
def test_correction_is_the_short_form(of, shapes, claim, right) -> None:
    found = sd.check(of, wrt="x", claim=claim, **shapes)
    assert (found.verdict, found.correction) == ("wrong", right)


def test_margin_is_corrected_without_the_old_condition() -> None:
    found = sd.check(
        "sum(relu(X @ w - 0.1))", wrt="w", claim="X.T @ where(X @ w > 0, 1, 0)", X="n, d", w="d"
    )
    assert found.correction == "X.T @ where(X @ w - 0.1 > 0, 1, 0)"
