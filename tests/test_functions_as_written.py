"""Functions as people write them with NumPy: each is traced as it stands, and its gradients agree.

Parameters in dicts, lists and objects, a returned cache, parts that are assigned, integer labels,
loops over numbers, arrays that the function brings along.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import scipy.special
from scipy.special import logsumexp
from traced_frameworks import drawn

import symderiv as sd
from symderiv.problems.tracing.declared_arrays import picked_output

KERNEL = np.array([1.0, 2.0, 1.0])
MIXING = np.random.default_rng(3).normal(size=(4, 3))


def two_layers(X, params):
    h = np.maximum(0, X @ params["W1"] + params["b1"])
    return h @ params["W2"] + params["b2"]


def list_of_pairs(x, layers):
    for W, b in layers:
        x = np.tanh(x @ W + b)
    return x


@dataclass
class Weights:
    W: Any
    b: Any


def of_a_dataclass(X, p):
    return X @ p.W + p.b


def with_cache(x, w, b):
    out = x.reshape(x.shape[0], -1) @ w + b
    return out, (x, w, b)


def with_gradients(X, w, y):
    r = X @ w - y
    return {"loss": np.sum(r**2), "grads": 2 * X.T @ r}


class Dense:
    def __init__(self, W):
        self.W, self.b = W, np.zeros((1, W.shape[1]))

    def forward(self, X):
        self.X = X
        return X.dot(self.W) + self.b


def with_a_global(X):
    return np.tanh(X @ MIXING)


def smoothed(x):
    out = np.zeros(len(x) - 2)
    for i in range(len(out)):
        out[i] = np.dot(x[i : i + 3], KERNEL)
    return out


def convolved(x, w, b):
    n, m = x.shape
    h, k = w.shape
    out = np.zeros((n - h + 1, m - k + 1))
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = np.sum(x[i : i + h, j : j + k] * w) + b
    return out


def padded(x, w):
    xp = np.pad(x, ((1, 1), (0, 0)), mode="constant")
    return sum(xp[k : k + x.shape[0]] * w[k] for k in range(3))


def windows(x, w):
    return np.lib.stride_tricks.sliding_window_view(x, 2) @ w


def accumulated(X, W):
    h, total = np.zeros(W.shape[0]), 0.0
    for x in X:
        h = np.tanh(W @ h + x)
        total += h.sum()
    return total


def states_kept(X, W):
    hs = np.zeros((X.shape[0] + 1, X.shape[1]))
    for t in range(X.shape[0]):
        hs[t + 1] = np.tanh(hs[t] @ W + X[t])
    return hs[1:]


def gates(x, prev, c, Wx, Wh, b):
    H = prev.shape[1]
    a = x.dot(Wx) + prev.dot(Wh) + b
    a[:, 0 : 3 * H] = 1 / (1 + np.exp(-a[:, 0 : 3 * H]))
    a[:, 3 * H :] = np.tanh(a[:, 3 * H :])
    i, f, o, g = a[:, :H], a[:, H : 2 * H], a[:, 2 * H : 3 * H], a[:, 3 * H :]
    c = f * c + i * g
    return o * np.tanh(c), c


def first_row_gone(X):
    Y = X * 2.0
    Y[0] = 0
    Y[:, 0] += 1
    return Y


def leaky(z):
    out = z.copy()
    out[z < 0] *= 0.01
    return out


def positive_mean(z):
    return z[z > 0].sum() + np.where(z > 1, z**2, 0).sum()


def masked_attention(Q, K):
    T = Q.shape[0]
    scores = Q @ K.T / math.sqrt(Q.shape[1])
    scores[np.triu(np.ones((T, T)), k=1).astype(bool)] = -1e9
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def infinite_mask(S):
    n = S.shape[0]
    S = np.where(np.tril(np.ones((n, n))) == 0, -np.inf, S)
    return scipy.special.softmax(S, axis=1)


def labels_by_range(x, y):
    n = len(y)
    p = np.exp(x - x.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    loss = np.sum(-np.log(p[range(n), y]))
    return float(loss / n)


def labels_one_by_one(x, y):
    from scipy.special import log_softmax

    logp = log_softmax(x, axis=1)
    loss = 0.0
    for i in range(len(y)):
        loss -= logp[i, y[i]]
    return loss / len(y)


def labels_by_arange(x, y):
    logp = x - logsumexp(x, axis=1, keepdims=True)
    return -logp[np.arange(y.shape[0]), y].mean()


def labels_by_eye(x, y):
    logp = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
    return -np.mean(np.sum(np.eye(4)[y] * logp, axis=1))


def labels_into_zeros(x, y):
    Y = np.zeros_like(x)
    Y[np.arange(len(y)), y] = 1
    return np.sum((x - Y) ** 2)


def hinge(x, y):
    n = x.shape[0]
    margins = np.maximum(0, x - x[np.arange(n), y][:, None] + 1)
    margins[np.arange(n), y] = 0
    return margins.sum() / n


def rows_by_labels(E, idx, W):
    return np.tanh(E[idx] @ W)


def fixed_rows(E):
    return E[[1, 0, 3]] @ E.T


def rotated(x):
    return np.concatenate([-x[:, 2:], x[:, :2]], axis=1) + np.roll(x, 1, axis=1) + x[:, ::-1]


def varied(x):
    return np.sum(np.sqrt(np.diff(x) ** 2 + 1e-3)) + np.sum(x[1:] * x[:-1])


def repeated(g, x):
    return np.repeat(g, 2) * x + np.tile(g, 2)


def stacked(X, Y):
    return np.stack([X, Y]).sum(axis=0) + np.stack([X, Y], axis=2)[:, :, 1]


def one_more_column(X, w, y):
    Xb = np.hstack((np.ones((X.shape[0], 1)), X))
    return np.mean((Xb @ w - y) ** 2)


def mixture(X, mu, pi):
    d = X.shape[1]
    logs = []
    for k in range(3):
        dist = np.sum((X - mu[k]) ** 2, axis=1)
        logs.append(np.log(pi[k]) - 0.5 * dist - 0.5 * d * np.log(2 * np.pi))
    return np.sum(logsumexp(np.stack(logs, axis=1), axis=1))


def clipped(p):
    return np.clip(p, -np.inf, 0.5).sum() + np.clip(p, a_min=0.1, a_max=None).sum()


CASES: list[tuple[Any, dict[str, Any], Any]] = [
    (two_layers, {"X": "n, d", "params": {"W1": "d, m", "b1": "m", "W2": "m, k", "b2": "k"}}, "L"),
    (list_of_pairs, {"x": "n, d", "layers": [("d, m", "m"), ("m, k", "k")]}, "L"),
    (of_a_dataclass, {"X": "n, d", "p": Weights("d, m", "m")}, "L"),
    (with_cache, {"x": "n, d", "w": "d, m", "b": "m"}, "L"),
    (with_gradients, {"X": "n, d", "w": "d", "y": "n"}, None),
    (Dense(MIXING).forward, {"X": "n, 4"}, "L"),
    (Dense(np.eye(3)).forward, {"X": "n, 3"}, "L"),
    (with_a_global, {"X": "n, 4"}, "L"),
    (smoothed, {"x": "6"}, "L"),
    (convolved, {"x": "4, 5", "w": "2, 3", "b": "scalar"}, "L"),
    (padded, {"x": "4, d", "w": "3"}, "L"),
    (windows, {"x": "5", "w": "2"}, "L"),
    (accumulated, {"X": "3, d", "W": "d, d"}, None),
    (states_kept, {"X": "3, 2", "W": "2, 2"}, "L"),
    (
        gates,
        {"x": "n, d", "prev": "n, h", "c": "n, h", "Wx": "d, 4*h", "Wh": "h, 4*h", "b": "4*h"},
        "L",
    ),
    (first_row_gone, {"X": "n, d"}, "L"),
    (leaky, {"z": "n, d"}, "L"),
    (positive_mean, {"z": "n"}, None),
    (masked_attention, {"Q": "n, d", "K": "n, d"}, "L"),
    (infinite_mask, {"S": "n, n"}, "L"),
    (labels_by_range, {"x": "n, k", "y": "n"}, None),
    (labels_one_by_one, {"x": "3, k", "y": "3"}, None),
    (labels_by_arange, {"x": "n, k", "y": "n"}, None),
    (labels_by_eye, {"x": "n, 4", "y": "n"}, None),
    (labels_into_zeros, {"x": "n, k", "y": "n"}, None),
    (hinge, {"x": "n, k", "y": "n label(k)"}, None),
    (rows_by_labels, {"E": "v, d", "idx": "n", "W": "d, m"}, "L"),
    (fixed_rows, {"E": "v, d"}, "L"),
    (rotated, {"x": "n, 4"}, "L"),
    (varied, {"x": "n"}, None),
    (repeated, {"g": "3", "x": "6"}, "L"),
    (stacked, {"X": "n, d", "Y": "n, d"}, "L"),
    (one_more_column, {"X": "n, d", "w": "d+1", "y": "n"}, None),
    (mixture, {"X": "n, d", "mu": "3, d", "pi": "3 positive"}, None),
    (clipped, {"p": "n"}, None),
]


def _differences(value: Any, x: np.ndarray) -> np.ndarray:
    slope = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        sides = []
        for step in (1e-5, -1e-5):
            moved = x.copy()
            moved[place] += step
            sides.append(value(moved))
        slope[place] = (sides[0] - sides[1]) / 2e-5
    return slope


@pytest.mark.parametrize(
    ("function", "declarations", "loss"), CASES, ids=[c[0].__name__ for c in CASES]
)
def test_gradients_are_those_of_the_function_as_it_stands(function, declarations, loss):
    problem = sd.trace(function, loss=loss, **declarations)
    arrays = drawn(problem, problem.labels)
    code = sd.derive(problem).compile()
    authors = {n: a.argmax(-1) if n in problem.labels else a for n, a in arrays.items()}

    def run(given):
        copies = {n: np.array(a) if np.ndim(a) else a for n, a in given.items()}
        return np.asarray(picked_output(None, problem.function(copies)), dtype=float)

    own = {n: a for n, a in authors.items() if n not in problem.values}
    value = run(authors)
    forward = code.forward(**own)
    found = np.asarray(forward[0] if isinstance(forward, tuple) else forward)
    np.testing.assert_allclose(found, value, rtol=1e-12, atol=1e-12)
    weights = np.random.default_rng(5).normal(size=value.shape)
    given = {next(iter(problem.upstream)): weights} if problem.upstream else {}
    gradients = code.backward(**own, **given)
    assert set(gradients) == set(problem.wrt)
    for name in [n for n in problem.wrt if n in own]:
        expected = _differences(
            lambda x, name=name: (
                np.sum(weights * run({**authors, name: x}))
                if problem.upstream
                else run({**authors, name: x})
            ),
            np.asarray(arrays[name], dtype=float),
        )
        np.testing.assert_allclose(gradients[name], expected, rtol=1e-6, atol=1e-7, err_msg=name)


# claims in the conventions of their authors


def affine_backward(dout, cache):
    x, w, b = cache
    return (dout @ w.T).reshape(x.shape), x.T @ dout, dout.sum(axis=0)


def affine_backward_transposed(dout, cache):
    x, w, b = cache
    return dout @ w, x.T @ dout, dout.sum(axis=0)


class Layer:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, X):
        self.X = X
        return X @ self.W + self.b

    def backward(self, dout):
        self.dW = self.X.T @ dout
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


class Mean(Layer):
    def backward(self, dout):
        self.dW = self.X.T @ dout / len(dout)
        self.db = dout.sum(axis=0)
        return dout @ self.W.T


def test_a_backward_pass_is_given_the_cache_of_its_forward_pass():
    shapes = {"x": "n, d", "w": "d, m", "b": "m"}
    found = sd.check(with_cache, claim=affine_backward, **shapes)
    assert {n: v.verdict for n, v in found.items()} == dict.fromkeys("xwb", "right")
    assert sd.check(with_cache, claim=affine_backward_transposed, **shapes)["x"].verdict != "right"


def test_a_method_leaves_gradients_in_its_object():
    W, b = MIXING, np.arange(3.0)
    layer, mean = Layer(W, b), Mean(W, b)
    found = sd.check(layer.forward, claim=layer.backward, X="n, 4")
    assert {n: v.verdict for n, v in found.items()} == dict.fromkeys(("X", "W", "b"), "right")
    assert sd.check(mean.forward, claim=mean.backward, X="n, 4")["W"].slips == ("sum-vs-mean",)


def test_labels_reach_the_claim_as_integers():
    def backward(x, y):
        p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
        p[np.arange(len(y)), y] -= 1
        return {"x": p / len(y)}

    assert sd.check(labels_by_range, claim=backward, x="n, k", y="n")["x"].verdict == "right"


def hidden_state(x, h, Wx, Wh):
    return np.tanh(x @ Wx + h @ Wh)


def by_the_reciprocal(x, h, Wx, Wh, dout):
    state = np.tanh(x @ Wx + h @ Wh)
    dt = dout / (1 - state**2)
    return {"Wx": x.T @ dt, "Wh": h.T @ dt}


def test_a_slip_of_a_function_is_named_as_that_of_its_formula():
    shapes = {"x": "n, d", "h": "n, m", "Wx": "d, m", "Wh": "m, m"}
    found = sd.check(hidden_state, claim=by_the_reciprocal, wrt=["Wx", "Wh"], **shapes)
    assert found["Wx"].slips == ("chain-factor",)
    assert found["Wx"].diagnosis.startswith("`dt` must be `G * (1 - tanh(")


def once_a_row(E, idx, W, dout):
    dE = np.zeros_like(E)
    dE[idx] += dout * (1 - np.tanh(E[idx] @ W) ** 2) @ W.T
    return {"E": dE}


def every_row(E, idx, W, dout):
    dE = np.zeros_like(E)
    np.add.at(dE, idx, dout * (1 - np.tanh(E[idx] @ W) ** 2) @ W.T)
    return {"E": dE}


def test_rows_that_labels_name_twice_are_summed():
    shapes = {"E": "v, d", "idx": "n", "W": "d, m"}
    assert sd.check(rows_by_labels, claim=every_row, wrt="E", **shapes).verdict == "right"
    found = sd.check(rows_by_labels, claim=once_a_row, wrt="E", **shapes)
    assert found.slips == ("missing-sum",)
    assert "np.add.at(dE, idx, ...)" in found.diagnosis


# what stays refused


def branches(x):
    return x.sum() if x[0] > 0 else -x.sum()


def sorts(x):
    return np.sort(x)[0]


def counts(x):
    return x.sum() / np.argmax(x)


def loops(X):
    return sum(row.sum() for row in X)


def writes_rows(E, y):
    out = E * 1.0
    out[y] = 0
    return out.sum()


REFUSED = [
    (branches, {"x": "n"}, "np.where"),
    (sorts, {"x": "n"}, "outside of the function"),
    (counts, {"x": "n"}, "one-hot"),
    (loops, {"X": "n, d"}, "np.sum"),
    (writes_rows, {"E": "v, d", "y": "n"}, "P[np.arange(n), y]"),
]


@pytest.mark.parametrize(
    ("function", "declarations", "remedy"), REFUSED, ids=[c[0].__name__ for c in REFUSED]
)
def test_what_stays_refused_names_its_line_and_a_remedy(function, declarations, remedy):
    with pytest.raises(sd.SymderivError) as error:
        sd.trace(function, **declarations)
    assert f"in {function.__name__}" in str(error.value)
    assert remedy in str(error.value)
