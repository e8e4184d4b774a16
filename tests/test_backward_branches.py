"""Functions as claims are decided in every branch, and close to every boundary."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import symderiv as sd
from symderiv.claims.backward.branches import boundaries
from symderiv.claims.backward.trials import Laboratory
from symderiv.problems.library import names


class Branching(NamedTuple):
    text: str
    shapes: dict[str, str]  # of the variable asked for first
    right: Callable[..., Any]
    wrong: tuple[Callable[..., Any], ...]


def huber(x: Any, at: float) -> Any:
    return np.where(np.abs(x) > at, np.sign(x), x)


def largest(x: Any) -> Any:
    return (np.arange(np.size(x)) == np.argmax(x)) * 1.0


BRANCHING = {
    "a thin layer": Branching(
        "L(where(X <= 0.3, relu(X), 0))",
        {"X": "n, d"},
        lambda X, G: G * ((X > 0) & (X <= 0.3)),
        (
            lambda X, G: 3 * G * ((X > 0) & (X <= 0.3)),
            lambda X, G: 0 * G,
            lambda X, G: G * ((X > 0) & (X <= 0.29)),
            lambda X, G: G * (X <= 0.3),
        ),
    ),
    "a hinge that is shifted": Branching(
        "sum(relu(X @ w - 0.1))",
        {"w": "d", "X": "n, d"},
        lambda w, X: X.T @ (X @ w > 0.1),
        (lambda w, X: X.T @ (X @ w > 0), lambda w, X: X.T @ (X @ w > 0.11)),
    ),
    "a maximum with a small number": Branching(
        "sum(maximum(x, 0.01))",
        {"x": "n"},
        lambda x: np.where(x > 0.01, 1.0, 0.0),
        (lambda x: np.where(x > 0, 1.0, 0.0),),
    ),
    "an absolute value that is shifted": Branching(
        "sum(abs(x + 0.01))",
        {"x": "n"},
        lambda x: np.sign(x + 0.01),
        (np.sign,),
    ),
    "a norm of what is shifted": Branching(
        "norm(x - 0.01, 1)",
        {"x": "n"},
        lambda x: np.sign(x - 0.01),
        (np.sign,),
    ),
    "the sign of the largest entry": Branching(
        'norm(x - 0.01, "inf")',
        {"x": "n"},
        lambda x: largest(abs(x - 0.01)) * np.sign(x - 0.01),
        (
            lambda x: largest(abs(x - 0.01)) * np.sign(x),
            lambda x: largest(abs(x)) * np.sign(x - 0.01),
        ),
    ),
    "all entries on one side": Branching(
        "max(relu(x - 0.01))",
        {"x": "n"},
        lambda x: largest(x) * (np.max(x) > 0.01),
        (lambda x: largest(x) * (np.max(x) > 0),),
    ),
    "the largest of each row": Branching(
        "sum(max(X - 0.01 * Y, axis=1))",
        {"X": "n, d", "Y": "n, d"},
        lambda X, Y: np.array([largest(r) for r in X - 0.01 * Y]),
        (lambda X, Y: np.array([largest(r) for r in X]),),
    ),
    "two conditions at once": Branching(
        "relu(a - 0.3) * relu(b - 0.01)",
        {"b": "scalar", "a": "scalar"},
        lambda b, a: np.maximum(a - 0.3, 0) * (b > 0.01),
        (lambda b, a: np.maximum(a - 0.3, 0) * (b > 0),),
    ),
    "Huber": Branching(
        "sum(where(abs(x) <= 1, 0.5 * x ** 2, abs(x) - 0.5))",
        {"x": "n"},
        lambda x: huber(x, 1),
        (lambda x: huber(x, 1.05), lambda x: huber(x, 0.95), lambda x: x),
    ),
    "a layer of a hundredth": Branching(
        "sum(where(x > 0.3, where(x < 0.31, x ** 2, 0), 0))",
        {"x": "n"},
        lambda x: np.where((x > 0.3) & (x < 0.31), 2 * x, 0),
        (lambda x: 0 * x, lambda x: np.where((x > 0.3) & (x < 0.31), x, 0)),
    ),
    "a layer far away": Branching(
        "sum(where(x > 5, where(x < 5.1, x ** 2, 0), 0))",
        {"x": "n"},
        lambda x: np.where((x > 5) & (x < 5.1), 2 * x, 0),
        (lambda x: 0 * x,),
    ),
    "far away": Branching(
        "sum(where(x > 50, x ** 2, 0))",
        {"x": "n"},
        lambda x: np.where(x > 50, 2 * x, 0),
        (lambda x: 0 * x,),
    ),
    "two bounds": Branching(
        "sum(clip(x, -0.02, 20) ** 2)",
        {"x": "n"},
        lambda x: np.where((x > -0.02) & (x < 20), 2 * x, 0),
        (
            lambda x: np.where(x > -0.02, 2 * x, 0),
            lambda x: np.where(x < 20, 2 * x, 0),
            lambda x: np.where((x > -0.02) & (x < 21), 2 * x, 0),
        ),
    ),
    "two bounds that are given": Branching(
        "sum(clip(x, -c, c) * y)",
        {"c": "scalar", "x": "n", "y": "n"},
        lambda c, x, y: np.sum(y * np.where((x >= c) | (c < 0), 1, np.where(x <= -c, -1, 0))),
        (
            lambda c, x, y: np.sum(y * np.where(x >= c, 1, np.where(x <= -c, -1, 0))),
            lambda c, x, y: np.sum(y * ((x >= c) | (c < 0))),
        ),
    ),
    "bounds in either order": Branching(
        "sum(clip(x, a, a + b + 9))",
        {"b": "scalar", "a": "scalar", "x": "n"},
        lambda b, a, x: np.sum((x >= a + b + 9) | (b < -9)) * 1.0,
        (lambda b, a, x: np.sum(x >= a + b + 9) * 1.0,),
    ),
    "branches in each other": Branching(
        "sum(where(X @ w > 0, relu(X @ w - y), minimum(X @ w, y)))",
        {"w": "d", "X": "n, d", "y": "n"},
        lambda w, X, y: X.T @ (np.where(X @ w > 0, X @ w > y, X @ w < y) * 1.0),
        (
            lambda w, X, y: X.T @ (np.where(X @ w > 0, X @ w > y, 1) * 1.0),
            lambda w, X, y: X.T @ ((X @ w > y) * 1.0),
        ),
    ),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", BRANCHING)
def test_functions_are_decided_in_every_branch(name: str) -> None:
    case = BRANCHING[name]
    problem = sd.problem(case.text, **case.shapes)
    wrt = next(iter(case.shapes))
    found = sd.check(problem, wrt, case.right)
    assert found.verdict == "right", found
    assert "At none of them" not in found.diagnosis
    for wrong in case.wrong:
        found = sd.check(problem, wrt, wrong)
        assert found.verdict == "wrong", found
        assert found.counterexample is not None


def test_a_branch_that_no_point_enters_is_named() -> None:
    found = sd.check("sum(relu(x ** 2))", "x", lambda x: 2 * x, x="n")
    assert found.verdict == "right"
    assert "At none of them is x ** 2 <= 0." in found.diagnosis


def test_smooth_functions_have_no_more_points() -> None:
    problem = sd.problem("L(tanh(X @ W))", X="n, d", W="d, m")
    assert boundaries(problem.objective) == []
    assert len(Laboratory(problem, ["W"]).trials()) == 8


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in names() if boundaries(sd.load(n).objective)])
def test_both_sides_of_every_boundary_of_the_library_are_met(name: str) -> None:
    lab = Laboratory(sd.load(name), sd.load(name).wrt)
    found = lab.trials()
    assert len(found) <= 8 + 60
    assert lab.missed == ()


SINGULAR = {
    # the gradient of a determinant exists where the matrix is singular, this formula of it does not
    "an inverse that the gradient does without": (
        "det(X.T @ A @ X)",
        {"X": "n, d", "A": "n, n"},
        lambda A, X: (
            np.linalg.det(X.T @ A @ X)
            * (A @ X @ np.linalg.inv(X.T @ A @ X) + A.T @ X @ np.linalg.inv(X.T @ A @ X).T)
        ),
    ),
    # with more columns than rows there is no inverse, and the digits of one are noise
    "an inverse at some sizes": (
        "trace(inv(X.T @ diag(w) @ X))",
        {"w": "n", "X": "n, d"},
        lambda X, w: -np.sum((X @ np.linalg.inv((X.T * w) @ X)) ** 2, axis=1),
    ),
}


@pytest.mark.parametrize("name", SINGULAR)
def test_points_beside_singular_matrices_decide_nothing(name: str) -> None:
    text, shapes, claim = SINGULAR[name]
    problem, wrt = sd.problem(text, **shapes), next(iter(shapes))
    found = sd.check(problem, wrt, claim)
    assert found.verdict == "right", found
    space: dict[str, Any] = {"claim": claim}
    names = ", ".join(inspect.signature(claim).parameters)
    exec(f"def doubled({names}): return 2 * claim({names})", space)  # our own
    assert sd.check(problem, wrt, space["doubled"]).verdict == "wrong"


@pytest.mark.parametrize("text", ["sum(relu(x + 1))", "sum(relu(x - y)) + sum(relu(x + y))"])
def test_positive_variables_stay_positive_around_corners(text: str) -> None:
    shapes = {"x": "n positive", "y": "n positive"}
    problem = sd.problem(text, variables={n: s for n, s in shapes.items() if n in text})
    trials = Laboratory(problem, ["x"]).trials()
    assert all(np.all(t.space[n] > 0) for t in trials for n in problem.variables)


def test_corners_where_a_margin_has_no_value_are_passed_over() -> None:
    problem = sd.problem("max(relu(log(x)))", x="n")
    assert sd.check(problem, "x", lambda x: largest(x) * (np.max(x) > 1) / x).verdict == "right"
