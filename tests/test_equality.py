"""Equal derivations are equal, results travel between processes, and verdicts are true or not."""

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import symderiv as sd

SHAPES = {"X": "n, d", "W": "d, m"}
TEXT = "Z = X @ W; L(tanh(Z))"
ARRAYS = {"X": np.ones((2, 3)), "W": np.full((3, 2), 0.1), "G": np.ones((2, 2))}

MADE = {
    "problem": lambda: sd.problem(TEXT, **SHAPES),
    "derivation": lambda: sd.derive(TEXT, **SHAPES),
    "result": lambda: sd.derive(TEXT, **SHAPES)["W"],
    "tangent": lambda: sd.derive("logdet(S)", S="n, n symmetric", structured="tangent")["S"],
    "independent": lambda: sd.derive("logdet(S)", S="n, n symmetric", structured="independent"),
    "jacobian": lambda: sd.jacobian("A @ x", "x"),
    "hessian": lambda: sd.hessian("norm(X @ w) ** 2", "w"),
    "order-2": lambda: sd.derive("norm(X @ w) ** 2", "w", order=2),
    "library": lambda: sd.derive("softmax-cross-entropy"),
    "verdict": lambda: sd.check("x.T @ A @ x", "x", claim="2 * A @ x"),
    "answers": lambda: sd.check("linear-layer"),
    "graph": lambda: sd.derive(TEXT, **SHAPES).graph(),
    "certificate": lambda: sd.derive("x.T @ x").verify(),
    "costs": lambda: sd.derive(TEXT, **SHAPES).costs(),
}


@pytest.mark.parametrize("name", MADE)
def test_what_is_made_twice_is_equal(name: str) -> None:
    first, second = MADE[name](), MADE[name]()
    assert first == second
    assert not (first != second)  # noqa: SIM202 - the operator itself
    assert first in [second]
    assert first != MADE["jacobian" if name != "jacobian" else "result"]()
    assert first != 3


@pytest.mark.parametrize(
    "name", [n for n in MADE if n not in ("verdict", "answers", "certificate")]
)
def test_what_is_equal_has_one_hash(name: str) -> None:
    assert len({MADE[name](), MADE[name]()}) == 1


def test_what_differs_is_not_equal() -> None:
    base = sd.derive(TEXT, **SHAPES)
    assert base["W"] != base["X"]
    assert base != sd.derive(TEXT, ["W"], **SHAPES)
    assert base != sd.derive("Z = X @ W; L(Z)", **SHAPES)
    assert sd.problem(TEXT, title="a", **SHAPES) != sd.problem(TEXT, title="b", **SHAPES)
    ambient = sd.derive("logdet(S)", S="n, n symmetric")
    assert ambient["S"] != MADE["tangent"]()
    assert sd.jacobian("A @ x", "x") != sd.jacobian("A @ x", "x", layout="denominator")


@pytest.mark.parametrize("name", MADE)
def test_what_is_made_is_pickled_and_copied(name: str) -> None:
    made = MADE[name]()
    for again in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made), copy.copy(made)):
        assert again == made
        assert type(again) is type(made)
        assert repr(again) == repr(made)


def test_compiled_code_is_pickled() -> None:
    made = sd.derive(TEXT, **SHAPES).compile()
    again = pickle.loads(pickle.dumps(made))
    assert again.source == made.source
    found, known = again.backward(**ARRAYS), made.backward(**ARRAYS)
    assert all(np.array_equal(found[n], known[n]) for n in known)


def test_a_long_chain_is_pickled() -> None:
    lines = [f"z{k} = tanh(z{k - 1} @ W) + x" for k in range(1, 151)]
    problem = sd.problem("\n".join(["z0 = x", *lines, "L(z150)"]), x="n, n", W="n, n")
    assert pickle.loads(pickle.dumps(problem)) == problem


@pytest.mark.parametrize(
    ("claim", "is_right"),
    [("(A + A.T) @ x", True), ("2 * A @ x", False), ("x.T @ (A + A.T)", False), ("A @ x", False)],
)
def test_a_verdict_is_true_where_it_is_right_alone(claim: str, is_right: bool) -> None:
    verdict = sd.check("x.T @ A @ x", "x", claim=claim)
    assert bool(verdict) is is_right
    assert bool(verdict) is (verdict.verdict == "right")


def test_verdicts_on_functions_are_true_where_all_are_right() -> None:
    def right(X: Any, W: Any, G: Any) -> Any:
        return G @ W.T, X.T @ G

    def half(X: Any, W: Any, G: Any) -> Any:
        return G @ W.T, 2 * X.T @ G

    problem = sd.problem("L(X @ W)", **SHAPES)
    assert sd.check(problem, claim=right)
    assert not sd.check(problem, claim=half)
    assert sd.check(problem, "X", claim=half)
    assert not sd.check(problem, "W", claim=half)


def test_answers_are_true_where_all_are_right() -> None:
    assert sd.check("lora")
    assert not sd.check("linear-layer")
