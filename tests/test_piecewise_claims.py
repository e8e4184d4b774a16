"""Piecewise claims are compared in every piece, also where it is too small to be met by chance."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

import symderiv as sd
from symderiv.codegen.evaluation import evaluate
from symderiv.core.cells import flat
from symderiv.ops import TABLE

MARGIN = ("sum(relu(X @ w - 0.1))", {"X": "n, d", "w": "d"}, "w")
FLOOR = ("sum(maximum(x, 0.01))", {"x": "n"}, "x")
SHIFTED = ("sum(abs(x + 0.01))", {"x": "n"}, "x")
HUBER = ("sum(where(abs(x) > 1, abs(x) - 0.5, 0.5 * x**2))", {"x": "n"}, "x")
RELU = ("sum(relu(x))", {"x": "n"}, "x")
CUT = ("sum(relu(x - 0.2))", {"x": "n"}, "x")
ROOT = ("sum(where(x > 0, sqrt(x), 0))", {"x": "n"}, "x")
BALL = ("sum(x) * where(norm(x)**2 < 0.000001, 1, 0)", {"x": "n"}, "x")
LARGEST = ("sum(max(X, axis=1))", {"X": "n, d"}, "X")
NET = (
    "H = X @ W1; A = relu(H - 0.1); Z = A @ W2; P = relu(Z); Q = P @ W3; L(Q)",
    {"X": "n, d", "W1": "d, h", "W2": "h, k", "W3": "k, m"},
    "W2",
)
# Nothing is known of L and f but their names: both sides of what they decide are to be met.
LOSS = ("sum(relu(-3 - L(X)) * Y)", {"X": "n, n", "Y": "n, n"}, "Y")
BOUNDED = (
    "sum(minimum(tanh(abs(X)), 1 / (1 + square(L(Z)) * Z**2)))", {"X": "n, n", "Z": "n, n"}, "X",
)  # fmt: skip
MAPPED = ("sum(relu(-f(X)) * Y)", {"X": "n, n", "Y": "n, n", "f": "entrywise"}, "Y")
SLOPED = ("sum(relu(-f(X)) * Y)", {"X": "n, n", "Y": "n, n", "f": "entrywise"}, "X")
UPPER = ("sum(maximum(x, y) * z)", {"x": "n", "y": "n", "z": "n"}, "x")

WRONG = [
    (MARGIN, "X.T @ where(X @ w > 0, 1, 0)"),
    (MARGIN, "X.T @ where(X @ w > 0.1000000001, 1, 0)"),
    (FLOOR, "where(x > 0, 1, 0)"),
    (SHIFTED, "sign(x)"),
    (HUBER, "where(abs(x) > 1.05, sign(x), x)"),
    (HUBER, "where(abs(x) > 1, sign(x), where(x > 0.999999, 1, x))"),
    (CUT, "where(x > 0, 1, 0)"),
    (CUT, "where(x > 0.2, 1, where(x < -1000000, 1, 0))"),
    (ROOT, "where(x > 0, 0.5 / sqrt(x), 5)"),
    (RELU, "where(x > 0, where(x > 1, where(x < 1.0001, 2, 1), 1), 0)"),
    (RELU, "where(x > 0, 1, where(sum(x**2) < 0.000001, 1, 0))"),
    (RELU, "where(x > 0, 1, where(exp(x) < 0.00000001, 1, 0))"),
    (RELU, "where(x**3 > 0.001, 1, 0)"),
    (BALL, "zeros(n)"),
    (LARGEST, "where(max(X) > 1000, 1, 1) * max_mask(X + 0.001 * X * X, axis=1)"),
    (UPPER, "z * where(x > y + 0.000001 * z, 1, 0)"),
    (NET, "A.T @ ((G @ W3.T) * where(Z > 0.001, 1, 0))"),
    (LOSS, "2 * relu(-3 - L(X)) * ones(n, n)"),
    (LOSS, "zeros(n, n)"),
    (
        BOUNDED,
        "2 * where(tanh(abs(X)) < 1 / (1 + square(L(Z)) * Z**2), 1, 0) * sign(X)"
        " * (1 - tanh(abs(X))**2)",
    ),
    (MAPPED, "2 * relu(-f(X))"),
    (SLOPED, "-Y * fp(X) * where(f(X) < -1, 1, 0)"),
    (NET, "where(H > 0, H - 0.1, 0).T @ ((G @ W3.T) * where(Z > 0, 1, 0))"),
]
RIGHT = [
    (MARGIN, "X.T @ where(X @ w > 0.1, 1, 0)"),
    (MARGIN, "X.T @ (0.5 + 0.5 * sign(10 * X @ w - 1))"),
    (FLOOR, "where(x > 0.01, 1, 0)"),
    (SHIFTED, "where(x > -0.01, 1, -1)"),
    (HUBER, "where(x > 1, 1, where(x < -1, -1, x))"),
    (HUBER, "minimum(maximum(x, -1), 1)"),
    (CUT, "where(5 * x > 1, 1, 0)"),
    (LOSS, "where(L(X) < -3, -3 - L(X), 0) * ones(n, n)"),
    (BOUNDED, "where(tanh(abs(X)) < 1 / (1 + square(L(Z)) * Z**2), sign(X), 0)"
              " * (1 - tanh(abs(X))**2)"),
    (SLOPED, "where(f(X) < 0, -Y * fp(X), 0)"),
    (ROOT, "where(x > 0, 0.5 / sqrt(x), 0)"),
    (RELU, "where(exp(x) > 1, 1, 0)"),
    (RELU, "where(x**3 > 0, 1, 0)"),
    (RELU, "where(x**2 > -1, where(x > 0, 1, 0), 7)"),
    (LARGEST, "max_mask(X, axis=1)"),
    (UPPER, "z * where(x - y > 0, 1, 0)"),
    (NET, "A.T @ ((G @ W3.T) * where(Z > 0, 1, 0))"),
    (NET, "where(H > 0.1, H - 0.1, 0).T @ ((G @ W3.T) * where(Z > 0, 1, 0))"),
]  # fmt: skip


def checked(of: tuple[str, dict[str, str], str], claim: str) -> sd.Verdict:
    return sd.check(of[0], wrt=of[2], claim=claim, **of[1])


@pytest.mark.sampled(12)
@pytest.mark.parametrize(("of", "claim"), WRONG)
def test_claim_that_differs_in_a_small_piece_is_wrong_and_is_shown_there(of, claim) -> None:
    found = checked(of, claim)
    assert found.verdict == "wrong", found.evidence
    example = found.counterexample
    assert example is not None
    assert flat(example.claimed_cells) != flat(example.right_cells)


@pytest.mark.sampled(12)
@pytest.mark.parametrize(("of", "claim"), RIGHT)
def test_claim_that_is_right_in_every_piece_is_right(of, claim) -> None:
    found = checked(of, claim)
    assert found.verdict == "right", found.diagnosis


def test_counterexample_has_few_digits() -> None:
    example = checked(FLOOR, "where(x > 0, 1, 0)").counterexample
    assert example is not None
    assert example.values["x"] == [[Fraction(1, 200)]]


def test_counterexample_says_what_an_unspecified_function_is_there() -> None:
    example = checked(LOSS, "zeros(n, n)").counterexample
    assert example is not None
    value = Fraction(example.as_dict()["values"]["L(X)"][0][0])
    assert value < -3
    assert example.right_cells == [[-3 - value]]


def test_piece_that_no_point_enters_is_named() -> None:
    found = checked(RELU, "where(x**2 > -1, where(x > 0, 1, 0), 7)")
    assert found.evidence.endswith("; one side of `x ** 2 > -1` was never met")
    assert "was never met" not in checked(RELU, "where(2 * x > 0, 1, 0)").evidence


def test_points_in_every_pattern_of_two_conditions() -> None:
    # Each condition has both sides elsewhere: only where both hold, in a corner, do they differ.
    of = ("sum(x) + sum(y)", {"x": "scalar", "y": "scalar"}, "x")
    claim = "where(x > 3, where(y > 5, where(x + y < 8.001, 2, 1), 1), 1)"
    assert checked(of, claim).verdict == "wrong"


@pytest.mark.parametrize(
    ("of", "claim"),
    [
        (CUT, "where(x > 0, 1, 0)"),
        (SHIFTED, "sign(x)"),
        (("norm(X @ w - y)**2 / c", {"X": "n, d", "w": "d", "y": "n onehot", "c": "scalar"}, "w"),
         "2 * X.T @ (X @ w - y)"),
    ],
)  # fmt: skip
def test_no_assumption_stands_for_a_boundary_or_a_factor(of, claim) -> None:
    assert checked(of, claim).verdict == "wrong"


SLOPES = {"where": "where({0} > 0, x, 2 * x)", "leaky_relu": "leaky_relu({0}, 0.1)",
          "maximum": "maximum({0}, 0)", "minimum": "minimum(0, {0})",
          "clip": "clip({0}, -1, 1)"}  # fmt: skip
SHIFT = "x - 0.01 * y"


def unshifted(name: str) -> tuple[sd.Problem, str, list[str]]:
    """A problem with one piecewise operator of what is shifted; the gradient, right and slipped."""
    call = SLOPES.get(name, name + "({0})").format(SHIFT)
    p = sd.problem(f"sum({call} * x)", x="n", y="n")
    right = sd.derive(p, "x")["x"].text
    parts = right.split(SHIFT)
    one_less = [SHIFT.join(parts[:k]) + "x" + SHIFT.join(parts[k:]) for k in range(1, len(parts))]
    assert one_less
    return p, right, list(dict.fromkeys([right.replace(SHIFT, "x"), *one_less]))


@pytest.mark.sampled(20)
@pytest.mark.parametrize("name", [k for k, operator in TABLE.items() if operator.pieces])
def test_no_claim_without_a_small_shift_is_right(name: str) -> None:
    p, right, slipped = unshifted(name)

    def as_function(claim: str) -> Callable[..., Any]:
        said = sd.problem(claim, x="n", y="n").objective
        return lambda x, y: evaluate(said, {"x": x, "y": y})

    assert sd.check(p, "x", claim=right).verdict == "right"
    assert sd.check(p, "x", as_function(right)).verdict == "right"
    for claim in slipped:
        assert sd.check(p, "x", claim=claim).verdict == "wrong", claim
        assert sd.check(p, "x", as_function(claim)).verdict == "wrong", claim
