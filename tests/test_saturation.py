"""Points decide only what their digits can: networks that saturate, and what cancels."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.codegen.module import compile_module, module_of
from symderiv.core.errors import CheckError
from symderiv.core.expr import mul, num
from symderiv.derivation.derivations import DerivedGradients
from symderiv.evidence.conditioning import is_rounding, value_bounds
from symderiv.evidence.differences import check_differences
from symderiv.evidence.verification import check_exactly
from symderiv.problems.problem import problem
from symderiv.values.explicit import Explicit
from symderiv.values.highprecision import HIGH
from symderiv.values.rounding import LostDigitsError, first_unequal

SATURATING = {
    "p = sigmoid(x**3); -sum(log(1-p))": "3 * x ** 2 * p",
    "p = tanh(x**3); sum(log(1-p**2))": "-6 * x ** 2 * p",
    "p = sigmoid(100 * x); sum(log(1-p))": "-100 * p",
    "sum(sqrt(1 - tanh(x**3)**2))": "-3 * x**2 * tanh(x**3) * sqrt(1 - tanh(x**3)**2)",
    "sum(log(1 - erf(x**3)))": "-6 * x**2 * exp(-x**6) / sqrt(pi) / (1 - erf(x**3))",
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("text", SATURATING)
def test_a_right_derivation_is_not_refused_for_its_points(text: str) -> None:
    d = sd.derive(sd.problem(text, x="n"))
    assert d.verify().exact["numbers"] > 0
    assert sd.check(d.problem, wrt="x", claim=SATURATING[text]).verdict == "right"
    assert sd.check(d.problem, wrt="x", claim=f"2 * {SATURATING[text]}").verdict == "wrong"


@pytest.mark.slow
def test_a_network_with_a_logistic_loss_is_verified() -> None:
    text = "p = sigmoid(relu(X @ W1) @ w2); -sum(y*log(p) + (1-y)*log(1-p))"
    d = sd.derive(sd.problem(text, X="n, d", W1="d, h", w2="h", y="n"))
    assert d["w2"].text == "relu(X @ W1).T @ (p - y)"
    assert d.verify()


LOGISTIC = "-sum(y*log(p) + (1-y)*log(1-p))"
STEEP = {  # objective: what is right for its x, and what only looks like it
    "sum(exp(1000*x) / (1 + exp(1000*x)))": (
        ["1000*sigmoid(1000*x)*(1 - sigmoid(1000*x))"],
        ["0*x", "1000*sigmoid(1000*x)"],
    ),
    "sum(softplus(1000000*x))": (
        ["1000000*sigmoid(1000000*x)"],
        ["1000000*where(x > 0, 1, 0)", "500000*(x/abs(x) + 1)"],
    ),
    "sum(tanh(1000*x) * x)": (
        ["tanh(1000*x) + 1000*x*(1 - tanh(1000*x)**2)"],
        ["tanh(1000*x)", "sign(x)"],
    ),
    "sum(erf(1000*x))": (
        ["2000/sqrt(pi)*exp(-1000000*x**2)"],
        ["0*x", "2000/sqrt(pi)*exp(-1000*x**2)"],
    ),
    "sum(sqrt(1 + exp(x**3)) - exp(x**3/2))": (
        ["3*x**2*exp(x**3)/(2*sqrt(1 + exp(x**3))) - 3/2*x**2*exp(x**3/2)"],
        ["0*x", "3*x**2*exp(x**3)/(2*sqrt(2 + exp(x**3))) - 3/2*x**2*exp(x**3/2)"],
    ),
    "sum(log(1 + exp(10*exp(x))))": (
        ["10*exp(x)*sigmoid(10*exp(x))", "10*exp(x) - 10*exp(x)*sigmoid(-10*exp(x))"],
        ["10*exp(x)"],
    ),
}
DEEP = {  # p of a logistic loss: what is right for its w2, and what is not
    "sigmoid(relu(X @ W1) @ w2)": ("relu(X @ W1).T @ (p - y)", "relu(X @ W1).T @ (p - y) * p"),
    "sigmoid(100 * relu(relu(X @ W1) @ W3) @ w2)": (
        "100 * relu(relu(X @ W1) @ W3).T @ (p - y)",
        "100 * relu(relu(X @ W1) @ W3).T @ (p - p * y)",
    ),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("text", STEEP)
def test_a_claim_is_decided_where_functions_are_not_saturated(text: str) -> None:
    p = sd.problem(text, x="n")
    right, wrong = STEEP[text]
    for claim in right:
        assert sd.check(p, wrt="x", claim=claim).verdict == "right", claim
    for claim in wrong:
        found = sd.check(p, wrt="x", claim=claim)
        assert found.verdict == "wrong", claim
        assert found.counterexample is not None


@pytest.mark.sampled(2)
@pytest.mark.parametrize("text", DEEP)
def test_claims_about_a_network_that_saturates(text: str) -> None:
    shapes = {"X": "n, d", "W1": "d, h", "W3": "h, k", "w2": "k" if "W3" in text else "h", "y": "n"}
    used = {n: s for n, s in shapes.items() if n != "W3" or n in text}
    p = sd.problem(f"p = {text}; {LOGISTIC}", **used)
    right, wrong = DEEP[text]
    assert sd.check(p, wrt="w2", claim=right).verdict == "right"
    assert sd.check(p, wrt="w2", claim=wrong).verdict == "wrong"


def test_a_function_is_run_where_functions_are_not_saturated() -> None:
    p = sd.problem("sum(exp(1000*x) / (1 + exp(1000*x)))", x="n")

    def right(x: Any) -> Any:
        s = 1 / (1 + np.exp(-1000 * x))
        return 1000 * s * (1 - s)

    assert sd.check(p, wrt="x", claim=right).verdict == "right"
    assert sd.check(p, wrt="x", claim=lambda x: 0 * x).verdict == "wrong"


def test_rounding_excuses_no_wrong_gradient() -> None:
    d = DerivedGradients(problem("p = sigmoid(x**3); -sum(log(1-p))", x="n"))
    compiled = compile_module(module_of(d))
    wrong = compiled.source.replace("dx = ", "dx = 1.001 * ")
    assert wrong != compiled.source
    space: dict[str, object] = {"__name__": "wrong"}
    exec(wrong, space)
    broken = type(compiled)(compiled.module, space["forward"], space["backward"])
    with pytest.raises(CheckError, match="differs from complex step"):
        check_differences(d, broken)
    with pytest.raises(CheckError, match="not exact"):
        check_exactly(d, broken)


def test_what_cancels_is_compared_in_more_digits() -> None:
    p = problem("p = sigmoid(x); -sum(log(1-p))", x="n")
    one_less = p.read("1 - sigmoid(x)")
    far = Explicit({"n": 1}, {"x": [[Fraction(300)]]})  # 130 of 150 digits cancel

    def pairs(factor: Fraction) -> Callable[[Explicit], list[tuple[object, object]]]:
        exact = p.read("exp(-x) / (1 + exp(-x))")
        return lambda at: [
            (1 / at.cells(one_less)[0][0], 1 / at.cells(mul(num(factor), exact))[0][0])
        ]

    assert first_unequal(far, pairs(Fraction(1))) is None
    assert first_unequal(far, pairs(Fraction(1001, 1000))) == 0


def test_where_more_digits_move_a_value_another_point_decides() -> None:
    big = HIGH.mpf(10) ** 400
    with pytest.raises(LostDigitsError):
        first_unequal(Explicit({}, {}), lambda _: [(big + HIGH.pi - big, Fraction(3))])


def test_one_pair_that_surely_differs_decides_though_another_is_lost() -> None:
    big = HIGH.mpf(10) ** 400
    found = first_unequal(
        Explicit({}, {}),
        lambda _: [(big + HIGH.pi - big, Fraction(3)), (HIGH.mpf(1), Fraction(2))],
    )
    assert found == 1


def test_the_bound_of_a_value_grows_with_what_cancels() -> None:
    p = problem("sum(log(1 - sigmoid(x)))", x="n")
    found = [
        value_bounds(Explicit({"n": 1}, {"x": [[Fraction(k)]]}), p.objective)[0]
        for k in (1, 5, 10, 15)
    ]
    assert found == sorted(found)
    assert found[0] < 1e-11 < 1e-7 < found[-1]
    beyond = value_bounds(Explicit({"n": 1}, {"x": [[Fraction(40)]]}), p.objective)
    assert is_rounding([float("nan")], [1.0], beyond, 1e-9)
    assert not is_rounding([1.1], [1.0], [1e-3], 1e-9)


def test_an_entry_that_is_0_by_luck_has_a_bound() -> None:
    p = problem("L(adjugate(A) @ x)", A="n, n", x="n")
    at = Explicit({"n": 2}, {"A": grid([[3, 2], [2, 3]]), "x": grid([[2], [3]])})
    bounds = value_bounds(at, p.objective.args[0])
    assert 1e-14 < bounds[0] < 1e-11


def grid(cells: list[list[int]]) -> list[list[Fraction]]:
    return [[Fraction(x) for x in row] for row in cells]
