"""Slips as people make them: no assumption excuses them, and they are named for what they are."""

from __future__ import annotations

import pytest

import symderiv as sd

NET = (
    "H1 = relu(X @ W1); H2 = relu(H1 @ W2); L(H2 @ W3)",
    {"X": "n, d", "W1": "d, h", "W2": "h, r", "W3": "r, k"},
)
DEEP = ("L(W2 @ relu(W1 @ relu(x)))", {"x": "d", "W1": "h, d", "W2": "k, h"})
RAYLEIGH = ("w.T @ S @ w / (w.T @ w)", {"w": "n", "S": "n, n symmetric"})
GAUSSIAN = ("norm(x)**2 / (2 * s**2)", {"x": "n", "s": "scalar"})
LINEAR = ("L(X @ W + ones(n) @ b.T)", {"X": "n, d", "W": "d, m", "b": "m"})
UNIT = ("L(V @ f(W @ x))", {"V": "k, h", "W": "h, d", "x": "d"})
SQUARES = ("0.5 * norm(y - X @ w)**2", {"X": "n, d", "w": "d", "y": "n"})
ENTROPY = ("-sum(y * log(p) + (1 - y) * log(1 - p))", {"y": "n", "p": "n unit01"})
LASSO = ("norm(X @ w - y)**2 + lam * norm1(w)", {**SQUARES[1], "lam": "scalar"})
POISSON = ("sum(exp(X @ w)) - y.T @ X @ w", SQUARES[1])
LAYERS = (
    "Z1 = X @ W1 + ones(n) @ b1.T; A1 = relu(Z1); Z2 = A1 @ W2 + ones(n) @ b2.T; L(Z2)",
    {"X": "n, d", "W1": "d, h", "b1": "h", "W2": "h, k", "b2": "k"},
)

NO_EXCUSE = [
    # Both a declared and an assumed structure: only 0 has them.
    (RAYLEIGH, "w", "2 * S @ w / (w.T @ w)"),
    # What is divided by is no label.
    (GAUSSIAN, "x", "x / s"),
    # The derivative of a kink, where entries that are never negative would hide that it is gone.
    (NET, "W1", "X.T @ ((G @ W3.T) @ W2.T * where(H1 > 0, 1, 0))"),
    (DEEP, "x", "W1.T @ (where(W1 @ relu(x) > 0, 1, 0) * (W2.T @ G))"),
    (DEEP, "x", "where(x > 0, 1, 0) * (W1.T @ (W2.T @ G))"),
    # A transpose was forgotten: nothing in the gradient is symmetric in the matrix.
    (("L(W @ h + U @ x)", {"W": "n, n", "h": "n", "U": "n, d", "x": "d"}), "h", "W @ G"),
    (("x.T @ A.T @ A @ x", {"x": "n", "A": "n, n"}), "x", "2 * A @ A.T @ x"),
    # A factor that is a scalar was forgotten.
    (("norm(x)", {"x": "n"}), "x", "x"),
]


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("of", "wrt", "claim"), NO_EXCUSE)
def test_no_assumption_excuses_a_slip(of, wrt, claim) -> None:
    found = sd.check(of[0], wrt=wrt, claim=claim, **of[1])
    assert found.verdict == "wrong", found.diagnosis


ASSUMED = [
    (("x.T @ A @ x / (x.T @ x)", {"x": "n", "A": "n, n symmetric"}), "x",
     "2 * (A @ x - (x.T @ A @ x) * x)", "x has length 1"),
    (("L(x / norm(x))", {"x": "n"}), "x", "G - x * (x.T @ G)", "x has length 1"),
    (("L(X @ X.T)", {"X": "n, d"}), "X", "2 * G @ X", "G is symmetric"),
    (("trace(X.T @ A @ X @ B)", {"X": "n, d", "A": "n, n", "B": "d, d"}), "X",
     "A @ X @ B + A.T @ X @ B", "B is symmetric"),
    (("trace(X @ A @ X.T @ S)", {"X": "n, d", "A": "d, d", "S": "n, n"}), "X",
     "2 * S @ X @ A", "A and S are symmetric"),
    (("sum(abs(A @ relu(x)))", {"x": "d", "A": "m, d"}), "x",
     "A.T @ ones(m) * where(x > 0, 1, 0)", "the entries of A are positive"),
    (("norm(M * X)**2", {"M": "n, m", "X": "n, m"}), "X", "2 * M * X",
     "the entries of M are 0 or 1"),
]  # fmt: skip


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("of", "wrt", "claim", "words"), ASSUMED)
def test_assumption_that_people_make_is_found(of, wrt, claim, words) -> None:
    found = sd.check(of[0], wrt=wrt, claim=claim, **of[1])
    assert (found.verdict, found.assumption) == ("right-if", words)
    assert found.diagnosis == f"It is right if {words}."


NAMED = [
    (LINEAR, "b", "G", "missing-sum"),
    (("L(X @ W + b.T)", LINEAR[1]), "b", "G", "missing-sum"),
    (LINEAR, "b", "G.T", "missing-sum"),
    (("norm(x - m * ones(n))**2", {"x": "n", "m": "scalar"}), "m", "-2 * (x - m)", "missing-sum"),
    (LAYERS, "b1", "(G @ W2.T) * where(Z1 > 0, 1, 0)", "missing-sum"),
    (LAYERS, "W1", "X.T @ ((G @ W2) * where(Z1 > 0, 1, 0))", "transposed"),
    (LAYERS, "W1", "X.T @ ((G @ W2.T) * where(Z2 > 0, 1, 0))", "chain-factor"),
    (UNIT, "W", "((V @ G) * fp(W @ x)) @ x.T", "transposed"),
    (UNIT, "W", "((V.T @ G) * f(W @ x)) @ x.T", "chain-factor"),
    (("L(f(X @ w))", SQUARES[1]), "w", "X.T @ (G * fp(w))", "chain-factor"),
    (ENTROPY, "p", "-y / p - (1 - y) / (1 - p)", "sign"),
    (SQUARES, "w", "X.T @ X - X.T @ y", "missing-factor"),
    (POISSON, "w", "X.T @ exp(X @ w) - y", "missing-factor"),
    (POISSON, "w", "X.T @ exp(X @ w) - y.T @ X", "transposed"),
    (LASSO, "w", "2 * X.T @ (X @ w - y) + lam * abs(w)", "chain-factor"),
    (("logdet(X)", {"X": "n, n"}), "X", "1 / X", "elementwise"),
    (("w.T @ S @ w - lam * (w.T @ w - 1)", {**RAYLEIGH[1], "lam": "scalar"}), "w",
     "2 * S @ w - lam * w", "missing-factor"),
    (("L(softmax(Q @ K.T / sqrt(d)) @ V)", {"Q": "n, d", "K": "m, d", "V": "m, p"}), "V",
     "softmax(Q @ K.T / sqrt(d)) @ G", "transposed"),
]  # fmt: skip


@pytest.mark.sampled(9)
@pytest.mark.parametrize(("of", "wrt", "claim", "slip"), NAMED)
def test_slip_is_named_for_what_it_is(of, wrt, claim, slip) -> None:
    found = sd.check(of[0], wrt=wrt, claim=claim, **of[1])
    assert (found.verdict, found.slips[0]) == ("wrong", slip), found.diagnosis


CORRECTED = [
    (LASSO, "w", "2 * X.T @ (X @ w - y) + lam * abs(w)",
     "2 * X.T @ (X @ w - y) + lam * sign(w)"),
    (("L(X @ X)", {"X": "n, n"}), "X", "2 * G @ X", "G @ X.T + X.T @ G"),
    (("mean((X @ W - Y)**2)", {"X": "n, d", "W": "d, k", "Y": "n, k"}), "W",
     "X.T @ (X @ W - Y) / n", "2 * X.T @ (X @ W - Y) / (k * n)"),
]  # fmt: skip


@pytest.mark.parametrize(("of", "wrt", "claim", "mended"), CORRECTED)
def test_correction_has_its_numbers_in_one_place(of, wrt, claim, mended) -> None:
    assert sd.check(of[0], wrt=wrt, claim=claim, **of[1]).correction == mended


def test_a_factor_that_is_far_too_large_is_told_at_once() -> None:
    found = sd.check("sum(exp(-x**2) * y)", wrt="x", claim="exp(x**2) * y", x="n", y="n")
    assert found.verdict == "wrong"
