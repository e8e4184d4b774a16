"""Rules of simplification where they nearly apply: diagonals, sums of ones, labels that repeat."""

from __future__ import annotations

import numpy as np
import pytest

from symderiv import derive, hessian, jacobian, problem
from symderiv.codegen.evaluation import evaluate
from symderiv.core.errors import DeclarationError, MissingRuleError, UnsupportedError

DECLARED = {
    "A": "n, n", "B": "n, n", "X": "n, d", "T": "t, n, d", "K": "n, n, d", "x": "n", "y": "n",
    "a": "scalar",
}  # fmt: skip
SIZES = {"n": 3, "d": 2, "t": 4}


@pytest.mark.parametrize(
    ("objective", "by"),
    [
        # A⁻¹ beside the diagonal of A is no product of both.
        ("x.T @ inv(A) @ diag(A)", "x"),
        ("x.T @ inv(A) @ diag(A) * a", "A"),
        ("x.T @ inv(A @ B) @ A @ diag(B)", "x"),
        ("x.T @ inv(y @ ones(n).T + A) @ y", "x"),
        # A sum over itself is 1, and what is summed over both counts.
        ("sum(log(sum(a * X, axis=1)))", "a"),
        ("sum(log(sum(a * T, axis=2)))", "a"),
        ("sum(log(a * A @ x))", "a"),
        # One exponential makes a logistic of 1 + exp(x), two do not.
        ("sum(log(exp(x) + exp(y)))", "x"),
        ("sum(1 / (1 + exp(x) + exp(y)))", "y"),
        ("dot(x, exp(y)) * sum(1 / (ones(n) * sum(exp(y))))", "x"),
        # A number in front of the sum stays under a power that is no whole number.
        ("(2 * dot(x, y)) ** (-1/2)", "x"),
        ("a * sqrt(3 * sum(a * x))", "a"),
        # The sum along a diagonal is no sum over everything.
        ("log(trace(exp(A)))", "A"),
        ("sum(log(einsum('iij->j', exp(K))))", "K"),
        ("log(einsum('iij->', exp(K)))", "K"),
        # Halves of a choice, signs, and what cancels multiplied out or over one denominator.
        ("dot(x, where(x > 1, y * x, x ** 2))", "x"),
        ("sum(abs(A) ** 3) + trace(A * abs(A))", "A"),
        ("sum(relu(x - y) ** 3) + trace(relu(A - 1) ** 2)", "x"),
        ("sum(relu(A - 1) ** 2) + trace(relu(A - 1) ** 2)", "A"),
        ("sum(x ** 2 / (y + x)) + trace(A ** 2 / (1 + A ** 2))", "x"),
        ("trace(A ** 2 / (1 + A ** 2)) + sum(A / (1 + A))", "A"),
        ("sum((1 + x / y) ** 4 * y)", "x"),
        ("sum((1 + x / y) ** -2 / y ** 2)", "x"),
        ("sum(exp(a * ones(n)) * x) + sum(a ** x)", "a"),
        ("sum(exp(a * x) / (1 + exp(a * x))) + trace(exp(A) / (1 + exp(A)))", "a"),
        ("sum(1 / (1 + exp(A))) + trace(exp(2 * A) / (1 + exp(A)) ** 2)", "A"),
        ("sum(tril(2 * tril(A)) ** 2)", "A"),
        # Numbers that are computed from arrays, as factors.
        ("a * sum(sqrt(2 * ones(n))) ** 3 * sum(x)", "a"),
    ],
)
def test_gradients_against_differences(objective: str, by: str) -> None:
    p = problem(objective, **{n: s for n, s in DECLARED.items() if n in objective or n == by})
    result = derive(p, wrt=[by])[by]
    random = np.random.default_rng(1)
    point = {
        v.name: random.uniform(0.5, 1.5, tuple(d.at(SIZES) for d in v.shape if str(d) != "1"))
        for v in p.variables.values()
    }
    got = evaluate(result.expr, {**point, **SIZES})
    here, wanted, step = point[by], np.zeros_like(point[by]), 1e-6
    for spot in np.ndindex(here.shape):
        move = np.zeros_like(here)
        move[spot] = step
        ends = [evaluate(p.objective, {**point, **SIZES, by: here + s * move}) for s in (1, -1)]
        wanted[spot] = (ends[0] - ends[1]) / (2 * step)
    assert np.allclose(got, wanted, rtol=1e-5, atol=1e-6), result.text


def test_a_onehot_variable_of_one_entry() -> None:
    assert derive(problem("(a * Y) ** 2", a="scalar", Y="1, 1 onehot"), wrt=["a"])["a"].text


def test_a_function_of_equal_entries_is_one_number() -> None:
    assert derive(problem("sum(2 ** x)", x="n"), wrt=["x"])["x"].text == "log(2) * 2 ** x"
    p = problem("sum(a ** T)", a="scalar", T="t, n, d")
    assert derive(p, wrt=["T"])["T"].text == "log(a) * a ** T"


@pytest.mark.parametrize("by", ["T", "x"])
def test_no_matrix_of_derivatives_of_a_tensor(by: str) -> None:
    p = problem("T * x.T", T="t, n, d", x="d")
    with pytest.raises(UnsupportedError, match="vec"):
        jacobian(p, wrt=by)
    scalar = problem("sum(T * x.T)", T="t, n, d", x="d")
    with pytest.raises(UnsupportedError, match="vec"):
        hessian(scalar, wrt="T")
    assert hessian(scalar, wrt="x").text == "zeros(d, d)"


@pytest.mark.parametrize("shape", ["n, n orthogonal symmetric", "t, n, n symmetric"])
def test_structures_that_cannot_be_checked_are_refused(shape: str) -> None:
    with pytest.raises(DeclarationError, match="Q"):
        problem("sum(Q)", Q=shape)


@pytest.mark.parametrize(
    ("objective", "declared"),
    [
        ("Sum(i, inv(A + x[i] * eye(n))[1, 2])", {"A": "n, n", "x": "n"}),
        ("sum(inv(T) * a)", {"T": "t, 1, 1", "a": "scalar"}),
    ],
)
def test_inverses_of_many_matrices_are_read_back(objective: str, declared: dict[str, str]) -> None:
    d = derive(problem(objective, **declared))
    assert d.verify()
    for result in d.values():
        assert problem(f"sum({result.text})", **declared).objective.is_scalar


@pytest.mark.parametrize("function", ["pinv", "expm"])
def test_a_function_without_a_form_for_many_matrices_is_refused(function: str) -> None:
    p = problem(
        f"Sum(i, a * x[i] * sum({function}(A + x[i] * eye(n))))", A="n, n", x="n", a="scalar"
    )
    with pytest.raises(MissingRuleError, match="many matrices"):
        derive(p, wrt=["a"])["a"].text  # noqa: B018
