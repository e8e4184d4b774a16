"""Claims about an entry whose index is shifted say nothing of the ends, and the verdict says so."""

from __future__ import annotations

import pytest

import symderiv as sd
from symderiv.core import errors

NEIGHBOURS = "Sum(i, x[i] * x[i + 1])"
STEPS = "sum((x[2:n] - x[1:n - 1]) ** 2)"
GRID = "Sum(i, Sum(j, X[i, j] * X[i + 1, j + 1]))"
CUBE = "Sum(i, x[i] ** 2 * x[i + 1])"
# Objective, what the claim is about, what it says, where it is right, where it is not defined.
RIGHT_INSIDE = (
    (NEIGHBOURS, "dL/dx[p]", "x[p + 1] + x[p - 1]", "2 <= p <= n - 1", "p = 1 or p = n"),
    (STEPS, "dL/dx[p]", "4*x[p] - 2*x[p + 1] - 2*x[p - 1]", "2 <= p <= n - 1", "p = 1 or p = n"),
    ("Sum(i, x[i] * x[i + 2])", "dL/dx[p]", "x[p + 2] + x[p - 2]", "3 <= p <= n - 2",
     "p < 3 or p > n - 2"),
    (GRID, "dL/dX[p, q]", "X[p + 1, q + 1] + X[p - 1, q - 1]",
     "2 <= p <= n - 1 and 2 <= q <= d - 1", "p = 1 or p = n or q = 1 or q = d"),
    ("Sum(i, sum(X[i, :] * X[i + 1, :]))", "dL/dX[p, q]", "X[p + 1, q] + X[p - 1, q]",
     "2 <= p <= n - 1", "p = 1 or p = n"),
    (CUBE, "d2L/dx[p]dx[q]", "2*x[p + 1]*delta(p, q) + 2*x[p]*delta(p + 1, q) "
     "+ 2*x[q]*delta(p, q + 1)", "p <= n - 1 and q <= n - 1", "p = n or q = n"),
)  # fmt: skip
WRONG = (
    (NEIGHBOURS, "dL/dx[p]", "x[p + 1] - x[p - 1]"),
    (NEIGHBOURS, "dL/dx[p]", "x[p + 1]"),
    (NEIGHBOURS, "dL/dx[p]", "x[p + 2] + x[p - 1]"),
    (STEPS, "dL/dx[p]", "4*x[p] - x[p + 1] - 2*x[p - 1]"),
    (GRID, "dL/dX[p, q]", "X[p + 1, q - 1] + X[p - 1, q + 1]"),
)


def posed(text: str) -> sd.Problem:
    return sd.problem(text, variables={"X": "n, d"} if "X" in text else {"x": "n"})


@pytest.mark.parametrize(("text", "about", "says", "inside", "outside"), RIGHT_INSIDE)
def test_a_claim_that_is_right_inside_is_right_if(
    text: str, about: str, says: str, inside: str, outside: str
) -> None:
    found = sd.check(posed(text), about=about, claim=says)
    assert (found.verdict, found.assumption) == ("right-if", inside)
    assert found.diagnosis == f"It is right if {inside}; for {outside} it is not defined."
    assert not found


@pytest.mark.parametrize(("text", "about", "says"), WRONG)
def test_a_claim_that_is_wrong_inside_is_wrong(text: str, about: str, says: str) -> None:
    found = sd.check(posed(text), about=about, claim=says)
    assert found.verdict == "wrong"
    assert "it is not defined" in found.diagnosis
    assert found.counterexample is not None


def test_a_counterexample_counts_as_it_is_written() -> None:
    found = sd.check(posed(NEIGHBOURS), about="dL/dx[p]", claim="x[p + 1] - x[p - 1]")
    example = found.counterexample
    assert example is not None
    assert (example.sizes, example.indices) == ({"n": 3}, {"p": 2})


def test_a_shift_that_has_a_place_everywhere_is_no_condition() -> None:
    p = sd.problem("X[2:n, :] @ w", X="n, d", w="d")
    assert sd.check(p, about="dy[p]/dw[q]", claim="X[p + 1, q]").verdict == "right"
    assert sd.check(p, about="dy[p]/dw[q]", claim="X[p, q]").verdict != "right"


def test_where_no_position_is_left_a_claim_is_refused() -> None:
    p = sd.problem(NEIGHBOURS, x="2")
    with pytest.raises(errors.IndexNameError, match=r"no p of 1\.\.2"):
        sd.check(p, about="dL/dx[p]", claim="x[p + 1] + x[p - 1]")
