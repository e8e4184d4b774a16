"""Forward functions in the styles of assignments and tutorials, traced as they are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from traced_values import compare

import symderiv as sd

# assignments: NumPy's dot, steps in place, hand-written stability


def softmax_loss(X: Any, W: Any, b: Any, Y: Any, reg: float = 0.1) -> Any:
    N = X.shape[0]
    scores = X.dot(W) + b
    scores -= np.max(scores, axis=1, keepdims=True)
    p = np.exp(scores) / np.sum(np.exp(scores), axis=1, keepdims=True)
    loss = -np.sum(Y * np.log(p)) / N
    loss += reg * np.sum(W * W)
    return loss


def two_layer_net(X: Any, W1: Any, b1: Any, W2: Any, b2: Any, Y: Any) -> Any:
    h = X.dot(W1) + b1
    h[h < 0] = 0
    scores = h.dot(W2) + b2
    shifted = scores - scores.max(axis=1, keepdims=True)
    logp = shifted - np.log(np.sum(np.exp(shifted), axis=1, keepdims=True))
    return -(Y * logp).sum(axis=1).mean()


def batchnorm_in_steps(x: Any, gamma: Any, beta: Any, eps: float = 1e-5) -> Any:
    N, D = x.shape
    assert gamma.shape == (D,)
    mu = 1.0 / N * np.sum(x, axis=0)
    xmu = x - mu
    var = 1.0 / N * np.sum(xmu**2, axis=0)
    ivar = 1.0 / np.sqrt(var + eps)
    return gamma * (xmu * ivar) + beta


def sigmoid(z: Any) -> Any:
    return 1 / (1 + np.exp(-z))


def lstm_step(x: Any, h: Any, c: Any, W: Any, U: Any, b: Any) -> Any:
    a = x @ W + h @ U + b
    H = h.shape[1]
    i, f = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H])
    o, g = sigmoid(a[:, 2 * H : 3 * H]), np.tanh(a[:, 3 * H :])
    c = f * c + i * g
    return o * np.tanh(c)


def lstm_by_split(x: Any, h: Any, c: Any, W: Any, U: Any, b: Any) -> Any:
    i, f, o, g = np.split(x @ W + h @ U + b, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c)


# tutorials: helpers, classes, loops over a fixed number of steps


def recurrent(X: Any, h0: Any, Wx: Any, Wh: Any, b: Any) -> Any:
    h = h0
    for t in range(3):
        h = np.tanh(X[t] @ Wx + h @ Wh + b)
    return h


def layers_in_a_loop(X: Any, W1: Any, W2: Any, W3: Any) -> Any:
    h = X
    for W in [W1, W2, W3]:
        h = np.maximum(0, h @ W)
    return 0.5 * np.sum(h**2)


class Normalizer:
    """Root mean square normalization with a gain."""

    def __init__(self, gain: Any, eps: float = 1e-5) -> None:
        self.gain, self.eps = gain, eps

    def __call__(self, x: Any) -> Any:
        return x * self.gain / np.sqrt(np.mean(np.square(x), axis=-1, keepdims=True) + self.eps)


def normalized_by_a_class(X: Any, g: Any) -> Any:
    return Normalizer(g)(X)


def convolution(x: Any, w: Any, b: Any) -> Any:
    K = w.shape[0]
    n = x.shape[0]
    out = 0
    for k in range(K):
        out = out + w[k] * x[k : n - K + 1 + k]
    return out + b


def gelu(x: Any) -> Any:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def feed_forward_gelu(X: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
    return gelu(X @ W1 + b1) @ W2 + b2


def swiglu(X: Any, W: Any, V: Any, W2: Any) -> Any:
    a = X @ W
    return (a / (1 + np.exp(-a)) * (X @ V)) @ W2


def multi_head(X: Any, Wq: Any, Wk: Any, Wv: Any, Wo: Any, h: int = 2) -> Any:
    n, d = X.shape
    assert d % h == 0
    dh = d // h
    q = (X @ Wq).reshape(n, h, dh).transpose(1, 0, 2)
    k = (X @ Wk).reshape(n, h, dh).transpose(1, 0, 2)
    v = (X @ Wv).reshape(n, h, dh).transpose(1, 0, 2)
    s = q @ k.transpose(0, 2, 1) / np.sqrt(dh)
    a = np.exp(s - s.max(-1, keepdims=True))
    a = a / a.sum(-1, keepdims=True)
    return (a @ v).transpose(1, 0, 2).reshape(n, d) @ Wo


def causal_attention(X: Any, Wq: Any, Wk: Any, Wv: Any) -> Any:
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    S = Q @ K.T / np.sqrt(K.shape[-1])
    mask = np.tril(np.ones((X.shape[0], X.shape[0])))
    S = np.where(mask == 0, -1e9, S)
    A = np.exp(S - S.max(axis=-1, keepdims=True))
    A /= A.sum(axis=-1, keepdims=True)
    return A @ V


def attention_by_einsum(q: Any, k: Any, v: Any) -> Any:
    s = np.einsum("bid,bjd->bij", q, k) / np.sqrt(q.shape[-1])
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return np.einsum("bij,bjd->bid", e / e.sum(axis=-1, keepdims=True), v)


# losses


def smoothed_labels(Z: Any, Y: Any, eps: float = 0.1) -> Any:
    smooth = (1 - eps) * Y + eps / Z.shape[-1]
    logp = Z - np.log(np.exp(Z).sum(axis=-1, keepdims=True))
    return -np.mean(np.sum(smooth * logp, axis=-1))


def cross_entropy_with_logits(z: Any, y: Any) -> Any:
    return np.mean(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z))))


def huber(r: Any, delta: float = 1.0) -> Any:
    a = np.abs(r)
    return np.where(a <= delta, 0.5 * r**2, delta * (a - 0.5 * delta)).sum()


def redundancy_reduction(Za: Any, Zb: Any, lam: float = 0.005) -> Any:
    za = (Za - Za.mean(0)) / Za.std(0)
    zb = (Zb - Zb.mean(0)) / Zb.std(0)
    c = za.T @ zb / Za.shape[0]
    on = ((np.diag(c) - 1) ** 2).sum()
    return on + lam * ((c**2).sum() - (np.diag(c) ** 2).sum())


def soft_clusters(X: Any, C: Any) -> Any:
    d2 = np.sum((X[:, np.newaxis, :] - C[np.newaxis, :, :]) ** 2, axis=-1)
    return -np.log(np.exp(-d2).sum(1)).sum()


def neighbour_embedding(Y: Any, A: Any) -> Any:
    sq = np.sum(Y**2, 1)
    num = 1 / (1 + sq[:, None] + sq[None, :] - 2 * Y @ Y.T)
    Q = num / num.sum()
    return -np.sum(A * np.log(Q))


# statistics


def gaussian_process(A: Any, y: Any, s: Any) -> Any:
    n = y.shape[0]
    K = A @ A.T + s**2 * np.eye(n)
    sign, logdet = np.linalg.slogdet(K)
    return -0.5 * y @ np.linalg.solve(K, y) - 0.5 * logdet - 0.5 * n * np.log(2 * np.pi)


def gaussian_divergence(m: Any, A: Any, q: Any, B: Any) -> Any:
    S, P = A @ A.T, B @ B.T
    iP = np.linalg.inv(P)
    diff = q - m
    logs = np.log(np.linalg.det(P) / np.linalg.det(S))
    return 0.5 * (np.trace(iP @ S) + diff.T @ iP @ diff - m.shape[0] + logs)


def log_volume(X: Any) -> Any:
    Xc = X - X.mean(axis=0)
    C = Xc.T @ Xc / (X.shape[0] - 1)
    return np.linalg.slogdet(C)[1] + np.var(X, axis=0, ddof=1).sum()


STYLES: list[tuple[Callable[..., Any], dict[str, str]]] = [
    (softmax_loss, {"X": "n, d", "W": "d, k", "b": "k", "Y": "n, k"}),
    (two_layer_net, {"X": "n, d", "W1": "d, m", "b1": "m", "W2": "m, k", "b2": "k", "Y": "n, k"}),
    (batchnorm_in_steps, {"x": "n, d", "gamma": "d", "beta": "d"}),
    (lstm_step, {"x": "n, d", "h": "n, k", "c": "n, k", "W": "d, 4*k", "U": "k, 4*k", "b": "4*k"}),
    (
        lstm_by_split,
        {"x": "n, d", "h": "n, k", "c": "n, k", "W": "d, 4*k", "U": "k, 4*k", "b": "4*k"},
    ),
    (recurrent, {"X": "3, d", "h0": "n", "Wx": "d, n", "Wh": "n, n", "b": "n"}),
    (layers_in_a_loop, {"X": "n, d", "W1": "d, m", "W2": "m, k", "W3": "k, d"}),
    (normalized_by_a_class, {"X": "n, d", "g": "d"}),
    (convolution, {"x": "7", "w": "3", "b": "scalar"}),
    (feed_forward_gelu, {"X": "n, d", "W1": "d, m", "b1": "m", "W2": "m, k", "b2": "k"}),
    (swiglu, {"X": "n, d", "W": "d, m", "V": "d, m", "W2": "m, d"}),
    (
        multi_head,
        {"X": "n, 2*d", **dict.fromkeys(("Wq", "Wk", "Wv"), "2*d, 2*d"), "Wo": "2*d, k"},
    ),
    (causal_attention, {"X": "n, d", "Wq": "d, k", "Wk": "d, k", "Wv": "d, m"}),
    (attention_by_einsum, {"q": "b, n, d", "k": "b, m, d", "v": "b, m, d"}),
    (smoothed_labels, {"Z": "n, k", "Y": "n, k"}),
    (cross_entropy_with_logits, {"z": "n", "y": "n"}),
    (huber, {"r": "n"}),
    (redundancy_reduction, {"Za": "n, d", "Zb": "n, d"}),
    (soft_clusters, {"X": "n, d", "C": "k, d"}),
    (neighbour_embedding, {"Y": "n, d", "A": "n, n"}),
    (gaussian_process, {"A": "n, d", "y": "n", "s": "scalar"}),
    (gaussian_divergence, {"m": "d", "A": "d, d", "q": "d", "B": "d, d"}),
    (log_volume, {"X": "n, d"}),
]


@pytest.mark.parametrize(("f", "shapes"), STYLES, ids=[f.__name__ for f, _ in STYLES])
def test_functions_as_people_write_them_have_their_values_and_gradients(
    f: Callable[..., Any], shapes: dict[str, str]
) -> None:
    compare(f, shapes)


def test_steps_of_an_assignment_are_read_as_the_functions_they_are() -> None:
    p = sd.trace(two_layer_net, **STYLES[1][1])
    assert "logp = logsoftmax(scores)" in p.text
    p = sd.trace(causal_attention, loss="L", **STYLES[12][1])
    assert "A = softmax(S)" in p.text


# the encoder block of the library, written with NumPy


def softmax(z: Any) -> Any:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def normalize(x: Any, eps: Any) -> Any:
    mu = x.mean(axis=-1, keepdims=True)
    var = ((x - mu) ** 2).mean(axis=-1, keepdims=True)
    return (x - mu) / np.sqrt(var + eps)


def encoder_block(
    X: Any, Wq: Any, bq: Any, Wk: Any, bk: Any, Wv: Any, bv: Any, Wo: Any, bo: Any, gamma1: Any,
    beta1: Any, W1: Any, b1: Any, W2: Any, b2: Any, gamma2: Any, beta2: Any, eps: Any,
    heads: int = 4,
) -> Any:  # fmt: skip
    n = X.shape[0]
    k = Wq.shape[1] // heads

    def split(T: Any) -> Any:
        return T.reshape(n, heads, k).transpose(1, 0, 2)

    Q = split(X @ Wq + bq)
    K = split(X @ Wk + bk)
    V = split(X @ Wv + bv)
    A = Q @ K.transpose(0, 2, 1) / np.sqrt(k)
    S = softmax(A)
    O = (S @ V).transpose(1, 0, 2).reshape(n, heads * k)  # noqa: E741
    R1 = X + O @ Wo + bo
    N1 = normalize(R1, eps)
    Y1 = N1 * gamma1 + beta1
    H = Y1 @ W1 + b1
    F = np.maximum(H, 0)
    R2 = Y1 + F @ W2 + b2
    N2 = normalize(R2, eps)
    Z = N2 * gamma2 + beta2
    return Z  # noqa: RET504  named as in the library


def test_an_encoder_block_derives_what_the_library_does() -> None:
    block = sd.load("encoder-block")
    shapes = {n: ", ".join(map(str, v.written)) or "scalar" for n, v in block.variables.items()}
    shapes = {n: shape.replace("h*k", "4*k") for n, shape in shapes.items()}
    traced = sd.trace(encoder_block, loss="L", wrt=block.wrt, **shapes)
    assert traced.text == block.text.replace(", h)", ", 4)")
    ours, theirs = sd.derive(traced), sd.derive(block)
    assert len(block.wrt) == 17
    for name in block.wrt:
        expected = str(theirs[name].text).replace(", h)", ", 4)").replace("h*k", "4*k")
        assert str(ours[name].text) == expected


# loops of many steps


def steps_of(count: int) -> Callable[..., Any]:
    def forward(x: Any, W: Any) -> Any:
        h = x
        for _ in range(count):
            h = np.tanh(h @ W)
        return h

    return forward


def sums_of(count: int) -> Callable[..., Any]:
    def forward(x: Any, w: Any) -> Any:
        total = x
        for _ in range(count):
            total = total * 0.5 + np.sin(total + w)
        return total

    return forward


@pytest.mark.parametrize("make", [steps_of, sums_of], ids=["products", "sums"])
def test_steps_of_a_loop_are_no_brackets(make: Callable[[int], Any]) -> None:
    shapes = {"x": "n, d", "W": "d, d"} if make is steps_of else {"x": "n", "w": "n"}
    compare(make(40 if make is steps_of else 5), shapes)
    problem = sd.trace(make(200), loss="L", **shapes)
    assert len(problem.definitions) > 200 * 2 // 24
    assert max(map(_depth, problem.text.splitlines())) <= 24
    if make is steps_of:
        assert list(sd.trace(make(5), loss="L", **shapes).definitions) == ["h"]


def _depth(line: str) -> int:
    depth = deepest = 0
    for c in line:
        depth += {"(": 1, ")": -1}.get(c, 0)
        deepest = max(deepest, depth)
    return deepest
