"""What the parameters of a backward function stand for, and that the verdict says so."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.problems.given_gradients import is_upstream_word

SPELLINGS = (
    "dout dLdy delta error accum_grad grad_y dZ next_dz top_diff d_out upstream grad grad_output "
    "dh_next dloss G g dA whatever"
).split()


def from_local_out(x: Any, w: Any) -> Any:
    out = x @ w
    return np.tanh(out)


def from_local_grad(x: Any, w: Any) -> Any:
    grad = x @ w
    return np.tanh(grad)


def from_local_delta(x: Any, w: Any) -> Any:
    delta = x @ w
    return np.tanh(delta)


def affine(x: Any, w: Any) -> Any:
    out = x @ w
    out += 0
    return out


def from_helper(x: Any, w: Any) -> Any:
    return np.tanh(affine(x, w))


def in_text(name: str) -> Any:
    return sd.problem(f"{name} = x @ w; L(tanh({name}))", x="n, d", w="d, m")


PROBLEMS = {
    f.__name__: lambda f=f: sd.trace(f, loss="L", x="n, d", w="d, m")
    for f in (from_local_out, from_local_grad, from_local_delta, from_helper)
} | {f"text {n}": lambda n=n: in_text(n) for n in ("out", "grad", "delta", "error", "y")}


def tanh_pair(upstream: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return a right backward pass and one without the slope, their gradient named so."""
    space: dict[str, Any] = {"np": np}
    source = f"""
def right(x, w, {upstream}):
    d = {upstream} * (1 - np.tanh(x @ w) ** 2)
    return d @ w.T, x.T @ d

def wrong(x, w, {upstream}):
    return {upstream} @ w.T, x.T @ {upstream}
"""
    exec(source, space)  # the parameter has another name each time
    return space["right"], space["wrong"]


@pytest.mark.sampled(6)
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_one_unknown_parameter_is_the_given_gradient(name: str) -> None:
    problem = PROBLEMS[name]()
    few = SPELLINGS if "out" in name else SPELLINGS[len(name) % 3 :: 3]
    for upstream in few:
        right, wrong = tanh_pair(upstream)
        found = sd.check(problem, claim=right)
        assert found.verdict == "right", (upstream, found)
        words = "the given gradient G"
        assert found["w"].read_as.startswith(f"x, w, {upstream} = {words}")
        assert found["w"].read_as in str(found)
        assert found["w"].read_as in repr(found)
        assert found["w"].as_dict()["read_as"] == found["w"].read_as
        found = sd.check(problem, claim=wrong)
        assert not any(v.verdict == "right" for v in found.values())
        assert words in str(found)


def test_a_name_with_two_meanings_is_right_under_an_assumption_at_most() -> None:
    problem = sd.problem("Z = x @ w; L(tanh(Z))", x="n, d", w="d, m")
    found = sd.check(problem, "w", lambda x, dZ: x.T @ dZ)
    assert (found.verdict, found.assumption) == ("right-if", "dZ is the gradient with respect to Z")
    found = sd.check(problem, "w", lambda x, Z, dZ: x.T @ (dZ * (1 - np.tanh(Z) ** 2)))
    assert found.verdict == "right"
    found = sd.check(problem, "w", lambda x, dZ: 2 * x.T @ dZ)
    assert found.verdict == "wrong"
    found = sd.check(problem, "w", lambda x, dZ, G: x.T @ dZ + 0 * G.sum())
    assert found.verdict == "right"
    assert found.read_as == "x, dZ = the gradient with respect to Z, G = the given gradient G"


def test_a_word_for_the_upstream_is_no_local_variable_beside_others() -> None:
    def right(dout: Any, x: Any, w: Any, out: Any) -> Any:
        return x.T @ (dout * (1 - np.tanh(out) ** 2))

    found = sd.check(in_text("out"), "w", right)
    assert found.verdict == "right"
    assert found.read_as == "dout = the given gradient G, x, w, out = the value of out"


def test_the_gradient_of_a_scalar_by_itself_is_one() -> None:
    def backward(x: Any, w: Any, dout: Any) -> Any:
        return dout * 2 * x.T @ (x @ w)

    found = sd.check("sum((x @ w) ** 2)", "w", backward, x="n, d", w="d, m")
    assert found.verdict == "right"
    assert "dout = 1, the gradient of the objective itself" in found.read_as


def test_parameters_in_order_save_the_gradient_that_is_named() -> None:
    problem = sd.problem("L(A @ B)", A="n, d", B="d, m")
    found = sd.check(problem, "B", lambda dout, inputs_, weights: inputs_.T @ dout)
    assert found.verdict == "right"
    assert found.read_as == "dout = the given gradient G, inputs_ = A, weights = B"


RETURNED = {
    "the order of the source": lambda X, W, b, dout: _named(X, W, dout),
    "lower case": lambda X, W, b, dout: {
        "dx": dout @ W.T,
        "dw": X.T @ dout,
        "db": dout.sum(axis=0),
    },
}


def _named(X: Any, W: Any, dout: Any) -> Any:  # noqa: N803
    return dout @ W.T, X.T @ dout, dout.sum(axis=0)


def test_a_tuple_has_the_order_that_its_names_or_its_shapes_say() -> None:
    problem = sd.load("linear-layer")
    assert problem.wrt != tuple(problem.variables)

    def by_names(X: Any, W: Any, dout: Any) -> Any:
        dx, dw, db = dout @ W.T, X.T @ dout, dout.sum(axis=0)
        return dw, dx, db

    found = sd.check(problem, claim=by_names)
    assert found.verdict == "right"
    assert found["W"].read_as.endswith("returns (dW, dX, db)")
    for claim in RETURNED.values():
        assert sd.check(problem, claim=claim).verdict == "right"


def cached(dout: Any, cache: Any) -> Any:
    x, w = cache
    return x.T @ dout


def of_torch(ctx: Any, grad_output: Any) -> Any:
    x, w = ctx.saved_tensors
    return x.T @ grad_output


def _refused() -> None:
    raise AssertionError


UNDECIDED: dict[str, tuple[Callable[..., Any], str]] = {
    "it raises": (lambda X, G: X @ G, "It was given X (2, 3), G (2, 4)"),
    "it unpacks a cache": (cached, "raises"),
    "it is a function of autograd": (of_torch, "AttributeError"),
    "two unknown parameters": (lambda dout, layer: dout, "takes as 'layer'"),
    "an unbound method": (lambda self, dout: dout, "takes as 'self'"),
    "it leaves the program": (lambda X, G: sys.exit(3), "SystemExit"),
    "it asserts": (lambda X, G: _refused(), "AssertionError"),
    "an object that is not there": (lambda X, G: X.T @ SimpleNamespace().G, "AttributeError"),
}


@pytest.mark.parametrize("name", UNDECIDED)
def test_what_raises_or_is_called_in_the_wrong_manner_is_not_decided(name: str) -> None:
    claim, words = UNDECIDED[name]
    problem = sd.problem("L(X @ W)", X="n, d", W="d, m")
    found = sd.check(problem, wrt="W", claim=claim)
    assert found.verdict == "undecided"
    assert words in found.diagnosis
    assert found.counterexample is None
    assert sd.check(problem, wrt=["W"], claim=claim).verdict == "undecided"


def test_a_function_that_raises_at_some_sizes_is_not_right() -> None:
    def fixed(X: Any, G: Any) -> Any:
        return X.reshape(2, 3).T @ G

    problem = sd.problem("L(X @ W)", X="n, d", W="d, m")
    assert sd.check(problem, "W", fixed).verdict == "undecided"
    assert sd.check(problem, "W", lambda X, G: 2 * fixed(X, G)).verdict == "wrong"


def test_words_for_the_given_gradient() -> None:
    assert all(map(is_upstream_word, set(SPELLINGS) - {"G", "g", "whatever"}))
    assert not any(map(is_upstream_word, ("cache", "mask", "eps", "labels", "idx", "data", "dim")))


def test_a_default_does_not_hide_the_given_gradient() -> None:
    problem = sd.problem("L(X @ W)", X="n, d", W="d, m")
    found = sd.check(problem, "W", lambda X, dout=1.0: X.T @ dout)
    assert found.verdict == "right"
    for claim in (
        lambda X, G, scale=1.0: scale * X.T @ G,
        lambda X, grad_y, delta=1.0: delta * X.T @ grad_y,
        lambda X, whatever, d_model=1.0: d_model * X.T @ whatever,
    ):
        assert sd.check(problem, "W", claim).verdict == "right"


def test_gradients_in_the_order_of_the_parameters_are_told_by_their_shapes() -> None:
    problem = sd.problem("L(X @ W)", X="n, d", W="d, m")
    found = sd.check(problem, claim=lambda dout, W, X: (X.T @ dout, dout @ W.T))
    assert found.verdict == "right"
    assert found["X"].read_as.endswith("returns (dW, dX)")


def test_a_tuple_in_another_order_than_that_of_the_variables_is_right_under_an_assumption() -> None:
    problem = sd.problem("L(Q @ K.T)", Q="n, d", K="n, d")

    def named(dout: Any, K: Any, Q: Any) -> Any:  # noqa: N803
        dK, dQ = dout.T @ Q, dout @ K
        return dK, dQ

    assert sd.check(problem, claim=named).verdict == "right"
    found = sd.check(problem, claim=lambda dout, K, Q: (dout.T @ Q, dout @ K))
    assert (found.verdict, found["Q"].assumption) == ("right-if", "the tuple is dK, dQ")
    assert sd.check(problem, claim=lambda dout, K, Q: (dout.T @ Q, dout @ Q)).verdict == "wrong"


def test_one_word_is_the_gradient_of_a_local_variable_or_one_where_nothing_is_given() -> None:
    problem = sd.problem("out = x @ w; sum(tanh(out))", x="n, d", w="d, m")
    found = sd.check(problem, "w", lambda x, dout: x.T @ dout)
    assert (found.verdict, found.read_as) == ("right", "x, dout = the gradient with respect to out")
    found = sd.check(problem, "w", lambda x, w, dout: dout * x.T @ (1 - np.tanh(x @ w) ** 2))
    assert (found.verdict, found.assumption) == ("right-if", "dout is 1")


def test_of_a_function_that_is_defined_nowhere_nothing_is_the_gradient() -> None:
    found = sd.check("sum(log(-x ** 2))", "x", lambda x: 2 / x, x="n")
    assert found.verdict == "undecided"
    assert "no point was found" in found.diagnosis.lower()


def test_truth_values_and_integers_are_numbers() -> None:
    found = sd.check("sum(relu(x))", "x", lambda x: x > 0, x="n")
    assert found.verdict == "right"
    assert sd.check("sum(relu(x))", "x", lambda x: x > 0.5, x="n").verdict == "wrong"
    assert sd.check("sum(3 * x)", "x", lambda x: np.full(len(x), 3), x="n").verdict == "right"
