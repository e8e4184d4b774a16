"""Backward functions written by hand: right ones are right, every classic bug has its name."""

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import symderiv as sd
from symderiv.core.errors import InputError
from symderiv.problems.library import names

LINEAR = sd.problem("Z = X @ W + ones(n) @ b.T; L(Z)", X="n, d", W="d, m", b="m")
RELU = sd.problem("Z = X @ W; H = relu(Z); L(H)", X="n, d", W="d, m")
SIGMOID = sd.problem("Z = X @ W; S = sigmoid(Z); L(S)", X="n, d", W="d, m")
SQUARES = sd.problem("0.5 * norm(X @ w - y) ** 2", X="n, d", w="d", y="n")


def softmax(Z: Any) -> Any:
    E = np.exp(Z - Z.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)


def row_mean(A: Any) -> Any:
    return A.mean(axis=1, keepdims=True)


def normalized(X: Any, eps: Any, axis: int) -> tuple[Any, Any]:
    s = np.sqrt(X.var(axis=axis, keepdims=True) + eps)
    return (X - X.mean(axis=axis, keepdims=True)) / s, s


def norm_backward(
    X: Any, g: Any, G: Any, eps: Any, axis: int, *, mean: int = 1, var: int = 1
) -> Any:
    Y, s = normalized(X, eps, axis)
    H = G * g
    through_mean = H.mean(axis=axis, keepdims=True)
    through_var = Y * (H * Y).mean(axis=axis, keepdims=True)
    return (H - mean * through_mean - var * through_var) / s


def softmax_back(A: Any, H: Any) -> Any:
    return A * (H - (A * H).sum(axis=1, keepdims=True))


def attention_query(
    Q: Any, K: Any, V: Any, G: Any, *, scaled: bool = True, whole: bool = True
) -> Any:
    root = np.sqrt(Q.shape[1])
    A = softmax(Q @ K.T / root)
    H = G @ V.T
    S = softmax_back(A, H) if whole else A * H
    return S @ K / (root if scaled else 1)


class Bug(NamedTuple):
    problem: Any
    wrt: str
    claim: Callable[..., Any]
    slip: str
    words: str


BUGS = {
    "linear, in the wrong layout": Bug(
        LINEAR, "W", lambda X, G: G.T @ X, "transposed", "transpose"
    ),
    "linear, mean for sum": Bug(
        LINEAR, "W", lambda X, G: X.T @ G / len(X), "sum-vs-mean", "n times too small"
    ),
    "linear, wrong sign": Bug(LINEAR, "W", lambda X, G: -X.T @ G, "sign", "minus the gradient"),
    "linear, bias not summed": Bug(LINEAR, "b", lambda G: G, "missing-sum", "(n, m)"),
    "linear, bias averaged": Bug(
        LINEAR, "b", lambda G: G.mean(axis=0), "sum-vs-mean", "n times too small"
    ),
    "linear, bias kept two axes": Bug(
        LINEAR, "b", lambda G: G.sum(axis=0, keepdims=True), "shape", "(1, m)"
    ),
    "linear, bias summed over the wrong axis": Bug(
        LINEAR, "b", lambda G: G.sum(axis=1), "shape", "(n,)"
    ),
    "linear, one gradient for each sample": Bug(
        LINEAR, "W", lambda X, G: np.einsum("nd,nm->ndm", X, G), "missing-sum", "(n, d, m)"
    ),
    "linear, gradient by another": Bug(
        LINEAR, "W", lambda X, G: G, "wrong-variable", "with respect to the definition `Z`"
    ),
    "linear, no upstream": Bug(
        LINEAR, "W", lambda X, G: X.T @ np.ones_like(G), "missing-upstream", "comes in, `G`"
    ),
    "linear, NaN": Bug(LINEAR, "W", lambda X, G: X.T @ G * np.nan, "not-finite", "NaN"),
    "relu, derivative left out": Bug(
        RELU, "W", lambda X, G: X.T @ G, "chain-factor", "derivative of `relu"
    ),
    "sigmoid, derivative left out": Bug(
        SIGMOID, "W", lambda X, G: X.T @ G, "chain-factor", "derivative of `sigmoid"
    ),
    "sigmoid, derivative at the output": Bug(
        SIGMOID,
        "W",
        lambda X, S, G: X.T @ (G * (1 / (1 + np.exp(-S))) * (1 - 1 / (1 + np.exp(-S)))),
        "chain-argument",
        "instead of `X @ W`",
    ),
    "sigmoid, formula of the output at the input": Bug(
        SIGMOID,
        "W",
        lambda X, Z, G: X.T @ (G * Z * (1 - Z)),
        "chain-argument",
        "`X @ W` for the value",
    ),
    "squares, factor 2": Bug(
        SQUARES, "w", lambda X, w, y: 2 * X.T @ (X @ w - y), "factor", "2 times too large"
    ),
    "squares, target left out": Bug(
        SQUARES, "w", lambda X, w: X.T @ (X @ w), "missing-term", "term"
    ),
    "cross-entropy, not divided by the batch": Bug(
        sd.load("softmax-cross-entropy"),
        "W",
        lambda X, Z, T: X.T @ (softmax(Z) - T),
        "sum-vs-mean",
        "n times too large",
    ),
    "cross-entropy, targets left out": Bug(
        sd.load("softmax-cross-entropy"),
        "W",
        lambda X, Z: X.T @ softmax(Z) / len(X),
        "missing-term",
        "T",
    ),
    "cross-entropy, sign": Bug(
        sd.load("softmax-cross-entropy"),
        "b",
        lambda Z, T: (T - softmax(Z)).mean(axis=0),
        "sign",
        "minus",
    ),
    "layer norm, mean taken as constant": Bug(
        sd.load("layer-norm"),
        "X",
        lambda X, g, G, eps: norm_backward(X, g, G, eps, 1, mean=0),
        "missing-term",
        "mean",
    ),
    "layer norm, variance taken as constant": Bug(
        sd.load("layer-norm"),
        "X",
        lambda X, g, G, eps: norm_backward(X, g, G, eps, 1, var=0),
        "missing-term",
        "Y",
    ),
    "layer norm, not divided by the deviation": Bug(
        sd.load("layer-norm"),
        "X",
        lambda X, g, G, eps: norm_backward(X, g, G, eps, 1) * normalized(X, eps, 1)[1],
        "missing-factor",
        "division",
    ),
    "layer norm, gain not summed": Bug(
        sd.load("layer-norm"), "g", lambda Y, G: G * Y, "missing-sum", "axis 0"
    ),
    "batch norm, variance taken as constant": Bug(
        sd.load("batch-norm"),
        "X",
        lambda X, g, G, eps: norm_backward(X, g, G, eps, 0, var=0),
        "missing-path",
        "v is taken as a constant",
    ),
    "batch norm, statistics taken as constants": Bug(
        sd.load("batch-norm"),
        "X",
        lambda X, g, G, eps: norm_backward(X, g, G, eps, 0, var=0, mean=0),
        "missing-path",
        "constant",
    ),
    "attention, scale left out": Bug(
        sd.load("attention"),
        "Q",
        lambda Q, K, V, G: attention_query(Q, K, V, G, scaled=False),
        "factor",
        "sqrt(k)",
    ),
    "attention, softmax taken as entrywise": Bug(
        sd.load("attention"),
        "Q",
        lambda Q, K, V, G: attention_query(Q, K, V, G, whole=False),
        "missing-term",
        "softmax",
    ),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", BUGS)
def test_every_bug_has_its_name(name: str) -> None:
    bug = BUGS[name]
    found = sd.check(bug.problem, wrt=bug.wrt, claim=bug.claim)
    assert found.verdict == ("transposed" if bug.slip == "transposed" else "wrong")
    assert found.slips[0] == bug.slip, found
    assert bug.words in found.diagnosis, found
    assert found.correction
    assert found.counterexample is not None
    example = found.counterexample
    if example is not None and bug.words != "(1, m)":
        assert example.claimed_cells != example.right_cells
    assert "proved" not in str(found)


@pytest.mark.sampled(9)
@pytest.mark.parametrize("name", names())
def test_generated_backward_passes_are_right(name: str) -> None:
    problem = sd.load(name)
    found = sd.check(problem, claim=sd.derive(problem).compile().backward)
    assert list(found) == list(problem.wrt)
    assert found.verdict == "right", found
    assert all(v.slips == () for v in found.values())


RIGHT: dict[str, tuple[Any, Any, Callable[..., Any]]] = {
    "by name": (LINEAR, "W", lambda G, X: X.T @ G),
    "other words for the upstream gradient": (LINEAR, "W", lambda dout, x: x.T @ dout),
    "the gradient of the output": (LINEAR, "W", lambda X, dZ: X.T @ dZ),
    "in order": (LINEAR, "W", lambda inputs_, weights, bias, top: inputs_.T @ top),
    "any arguments": (LINEAR, "W", lambda *arrays: arrays[0].T @ arrays[3]),
    "one dict": (LINEAR, "W", lambda all_of_it: all_of_it["X"].T @ all_of_it["G"]),
    "a cache": (LINEAR, "W", lambda dout, cache: cache["X"].T @ dout),
    "keywords": (LINEAR, "W", lambda **arrays: arrays["X"].T @ arrays["G"]),
    "a definition and its gradient": (RELU, "W", lambda X, dH, Z: X.T @ (dH * (Z > 0))),
    "an option": (LINEAR, "W", lambda X, G, scale=1.0: scale * X.T @ G),
    "by a definition": (RELU, "Z", lambda G, Z: G * (Z > 0)),
    "nested lists": (LINEAR, "b", lambda G: [float(c) for c in G.sum(axis=0)]),
    "a dict": (LINEAR, ["W", "b"], lambda X, G: {"dW": X.T @ G, "grad_b": G.sum(axis=0)}),
    "a tuple": (LINEAR, None, lambda X, W, G: (G @ W.T, X.T @ G, G.sum(axis=0))),
    "a tuple in another order": (LINEAR, ["b", "W"], lambda X, G: (G.sum(axis=0), X.T @ G)),
}


@pytest.mark.parametrize("name", RIGHT)
def test_ways_to_take_and_to_return_arrays(name: str) -> None:
    problem, wrt, claim = RIGHT[name]
    found: Any = sd.check(problem, wrt=wrt, claim=claim)
    assert found.verdict == "right", found
    assert "equals the gradient at 8 points of 4 choices of sizes to 1e-12" in str(found)


def test_several_gradients_have_a_verdict_each() -> None:
    found = sd.check(LINEAR, claim=lambda X, W, G: {"W": -X.T @ G, "b": G, "X": W @ W.T})
    assert found.verdict == "wrong"
    assert found.wrong == ["X", "W", "b"]
    found = sd.check(LINEAR, claim=lambda X, W, G: {"W": X.T @ G, "b": G})
    assert found.wrong == ["b"]
    assert str(found["b"]) in str(found)


def test_the_right_form_is_given_in_the_language_and_as_code() -> None:
    found = sd.check(LINEAR, wrt="b", claim=lambda G: G)
    assert found.correction == "G.T @ ones(n)"
    assert found.code == "db = G.sum(axis=0)"


def test_two_slips_at_once() -> None:
    found = sd.check(RELU, wrt="W", claim=lambda X, G: -X.T @ G)
    assert found.slips == ("chain-factor", "sign")
    found = sd.check(LINEAR, wrt="W", claim=lambda X, G: G.T @ X / len(X))
    assert found.slips == ("sum-vs-mean", "transposed")


def test_changing_an_argument_in_place_is_said() -> None:
    def backward(X: Any, Z: Any, G: Any) -> Any:
        G[Z < 0] = 0
        return X.T @ G

    found = sd.check(RELU, wrt="W", claim=backward)
    assert (found.verdict, found.slips) == ("right", ("in-place",))
    assert "changes its argument G in place" in found.diagnosis


def test_results_that_differ_from_call_to_call_are_wrong() -> None:
    random = np.random.default_rng(0)

    def dropped(X: Any, G: Any) -> Any:
        return X.T @ (G * (random.random(G.shape) > 0.5))

    found = sd.check(LINEAR, wrt="W", claim=dropped)
    assert (found.verdict, found.slips) == ("wrong", ("not-deterministic",))


def test_single_precision_is_met_and_said() -> None:
    def single(X: Any, G: Any) -> Any:
        return X.astype(np.float32).T @ G.astype(np.float32)

    found = sd.check(LINEAR, wrt="W", claim=single)
    assert found.verdict == "right"
    assert "single precision" in found.diagnosis
    found = sd.check(LINEAR, wrt="W", claim=lambda X, G: 2 * single(X, G))
    assert found.slips == ("factor",)


def test_nearly_right_is_not_right() -> None:
    found = sd.check(LINEAR, wrt="W", claim=lambda X, G: X.T @ G + 1e-7)
    assert (found.verdict, found.slips) == ("wrong", ("precision",))


@pytest.mark.parametrize(
    ("wrt", "claim", "words"),
    [
        ("W", lambda X, G: None, "returned None"),
        ("W", lambda X, G: "X.T @ G", "not an array of numbers"),
        (None, lambda X, G: X.T @ G, "one array, for 3 gradients"),
        (None, lambda X, G: (X, G), "2 arrays, for 3 gradients"),
        (["W", "b"], lambda X, G: {"W": X.T @ G}, "no gradient with respect to b"),
    ],
)
def test_what_cannot_be_told_is_asked(wrt: Any, claim: Any, words: str) -> None:
    with pytest.raises(InputError) as error:
        sd.check(LINEAR, wrt=wrt, claim=claim)
    assert words in str(error.value)


def test_arrays_of_pytorch() -> None:
    torch = pytest.importorskip("torch")

    def backward(X: Any, Z: Any, G: Any) -> Any:
        return torch.matmul(X.t(), G * torch.sigmoid(Z) * (1 - torch.sigmoid(Z)))

    assert sd.check(SIGMOID, wrt="W", claim=backward).verdict == "right"
    wrong = sd.check(SIGMOID, wrt="W", claim=lambda X, G: torch.matmul(X.t(), G))
    assert wrong.slips == ("chain-factor",)


def test_arrays_of_jax() -> None:
    jnp = pytest.importorskip("jax.numpy")
    found = sd.check(LINEAR, wrt="b", claim=lambda G: jnp.sum(G, axis=0))
    assert found.verdict == "right"


def test_methods_and_objects_are_callables() -> None:
    class Layer:
        def backward(self, X: Any, G: Any) -> Any:
            return X.T @ G

        __call__ = backward

    assert "self" not in inspect.signature(Layer().backward).parameters
    assert sd.check(LINEAR, wrt="W", claim=Layer().backward).verdict == "right"
    assert sd.check(LINEAR, wrt="W", claim=Layer()).verdict == "right"


OPEN = {
    "Sum(i, exp(K[i, 1]))": {"K": "n, d"},
    "Sum(i, relu(K[i, 1]) * w[i])": {"K": "n, d", "w": "n"},
    "Sum(i, norm(K[i, :]) * sin(w[i]))": {"K": "n, d", "w": "n"},
    "Z = K @ K.T; Sum(i, softplus(Z[i, i]) / w[i])": {"K": "n, d", "w": "n"},
    "mean(sum(K * K, axis=1) * w)": {"K": "n, d", "w": "n"},
}


@pytest.mark.parametrize("text", OPEN)
def test_functions_about_open_indices_are_answered(text: str) -> None:
    problem = sd.problem(text, **OPEN[text])
    for claim in (lambda K: K, lambda K: 0 * K, lambda K: K[0], lambda K: 2 * K + 1):
        found = sd.check(problem, "K", claim)
        assert found.verdict == "wrong"
        assert found.diagnosis
    arrays = {"K": np.arange(6.0).reshape(3, 2) / 3 + 1, "w": np.array([1.0, 2.0, 3.0])}
    space: dict[str, Any] = {"np": np, **arrays}
    if not problem.definitions:
        exec(found.code, space)  # our own code
        assert np.allclose(space["dK"], sd.derive(problem)["K"].evaluate(**arrays))
