"""Functions written with NumPy, as people write them: traced, their values, gradients, refusals."""

from __future__ import annotations

import inspect
import math
import random
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special
from traced_values import SIZES, arrays_of, compare

import symderiv as sd
from symderiv.codegen.evaluation import evaluate
from symderiv.core.errors import InputError, ShapeError, UnsupportedError

# ten forward passes


def softmax(z: Any) -> Any:
    e = np.exp(z - np.max(z, axis=-1, keepdims=True))
    return e / np.sum(e, axis=-1, keepdims=True)


def softmax_classifier(X: Any, W: Any, b: Any, Y: Any) -> Any:
    logits = X @ W + b
    P = softmax(logits)
    return -np.mean(np.sum(Y * np.log(P), axis=1))


def attention(X: Any, Wq: Any, Wk: Any, Wv: Any) -> Any:
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    n, d = K.shape
    S = Q @ K.T / np.sqrt(d)
    A = softmax(S)
    return A @ V


def layer_norm(X: Any, gamma: Any, beta: Any, eps: float = 1e-5) -> Any:
    mu = X.mean(axis=-1, keepdims=True)
    var = ((X - mu) ** 2).mean(axis=-1, keepdims=True)
    Xhat = (X - mu) / np.sqrt(var + eps)
    return gamma * Xhat + beta


def batch_norm(X: Any, gamma: Any, beta: Any, eps: float = 1e-5) -> Any:
    mu = np.mean(X, axis=0)
    var = np.var(X, axis=0)
    Xhat = (X - mu) / np.sqrt(var + eps)
    return gamma * Xhat + beta


def vae_loss(X: Any, Xr: Any, mu: Any, logvar: Any) -> Any:
    rec = 0.5 * np.sum((X - Xr) ** 2, axis=1)
    kl = -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar), axis=1)
    return np.mean(rec + kl)


def logistic_regression(X: Any, w: Any, y: Any, lam: float = 0.1) -> Any:
    z = X @ w
    p = 1 / (1 + np.exp(-z))
    loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    loss += lam * np.sum(w**2) / 2
    return loss


def feed_forward(X: Any, W1: Any, b1: Any, W2: Any, b2: Any) -> Any:
    h = np.maximum(X @ W1 + b1, 0)
    return h @ W2 + b2


def rms_norm(X: Any, g: Any, eps: float = 1e-6) -> Any:
    rms = np.sqrt(np.mean(X**2, axis=-1, keepdims=True) + eps)
    return X / rms * g


def info_nce(A: Any, B: Any, tau: float = 0.5) -> Any:
    A = A / np.linalg.norm(A, axis=1, keepdims=True)
    B = B / np.linalg.norm(B, axis=1)[:, None]
    S = A @ B.T / tau
    lse = np.log(np.sum(np.exp(S), axis=1))
    return np.mean(lse - np.diag(S))


def ridge(X: Any, w: Any, y: Any, lam: Any) -> Any:
    r = X @ w - y
    return r @ r / X.shape[0] + lam * w.dot(w)


FORWARD: list[tuple[Callable[..., Any], dict[str, str]]] = [
    (softmax_classifier, {"X": "n, d", "W": "d, k", "b": "k", "Y": "n, k"}),
    (attention, {"X": "n, d", "Wq": "d, k", "Wk": "d, k", "Wv": "d, m"}),
    (layer_norm, {"X": "n, d", "gamma": "d", "beta": "d"}),
    (batch_norm, {"X": "n, d", "gamma": "d", "beta": "d"}),
    (vae_loss, {"X": "n, d", "Xr": "n, d", "mu": "n, k", "logvar": "n, k"}),
    (logistic_regression, {"X": "n, d", "w": "d", "y": "n"}),
    (feed_forward, {"X": "n, d", "W1": "d, m", "b1": "m", "W2": "m, k", "b2": "k"}),
    (rms_norm, {"X": "n, d", "g": "d"}),
    (info_nce, {"A": "n, d", "B": "n, d"}),
    (ridge, {"X": "n, d", "w": "d", "y": "n", "lam": "scalar"}),
]


# functions that NumPy writes in several steps


def stable_logsumexp(X: Any) -> Any:
    m = X.max(axis=1)
    return m + np.log(np.sum(np.exp(X - m[:, None]), axis=1))


def stable_logsumexp_kept(X: Any) -> Any:
    m = X.max(axis=1, keepdims=True)
    return np.log(np.sum(np.exp(X - m), axis=1, keepdims=True)) + m


def log_softmax(X: Any) -> Any:
    z = X - X.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


FUSED: list[tuple[Callable[..., Any], dict[str, str], str]] = [
    (softmax, {"z": "n, d"}, "softmax(z)"),
    (softmax, {"z": "n"}, "softmax(z, axis=0)"),
    (softmax, {"z": "b, t, d"}, "softmax(z)"),
    (lambda X: np.exp(X) / np.sum(np.exp(X), axis=0), {"X": "n, d"}, "softmax(X, axis=0)"),
    (stable_logsumexp, {"X": "n, d"}, "logsumexp(X, axis=1)"),
    (stable_logsumexp_kept, {"X": "n, d"}, "logsumexp(X, axis=1)"),
    (log_softmax, {"X": "n, d"}, "logsoftmax(X)"),
    (lambda x: 1.0 / (np.exp(-x) + 1), {"x": "n"}, "sigmoid(x)"),
    (lambda x: x / (1 + np.exp(-x)), {"x": "n"}, "silu(x)"),
    (lambda x: x / np.sqrt(np.mean(x * x) + 0.01), {"x": "n"}, "rmsnorm(x.T, 0.01).T"),
    (
        lambda X: (X - np.mean(X, -1)[..., None]) / np.sqrt(X.var(1, keepdims=True) + 0.01),
        {"X": "n, d"},
        "layernorm(X, 0.01)",
    ),
    (
        lambda T, s: (T - T.mean(-1, keepdims=True)) / np.sqrt(s + T.var(-1)[:, :, None]),
        {"T": "b, n, d", "s": "scalar"},
        "layernorm(T, s)",
    ),
    (
        lambda X: X.reshape(X.shape[0], 2, -1).transpose(1, 0, 2),
        {"X": "n, 2*d"},
        "split_heads(X, 2)",
    ),
    (
        lambda T: np.exp(T).transpose(1, 0, 2).reshape(T.shape[1], -1),
        {"T": "b, n, d"},
        "merge_heads(exp(T))",
    ),
    (lambda X: np.log(1 + np.exp(X)), {"X": "n, d"}, "softplus(X)"),
    (lambda x: np.log1p(np.exp(-x)), {"x": "n"}, "softplus(-x)"),
]


# single operations, for their meaning


def _reassigned(x: Any) -> Any:
    x = x * 2
    x += 1
    y = x
    y *= 3
    return x.sum() * y.mean()


SMALL: list[tuple[Callable[..., Any], dict[str, str]]] = [
    (lambda X, b: X + b, {"X": "n, n", "b": "n"}),
    (lambda X, b: X * b[:, None], {"X": "n, n", "b": "n"}),
    (lambda X: X - X.mean(axis=1), {"X": "n, n"}),
    (lambda X: X - X.mean(axis=1, keepdims=True), {"X": "n, n"}),
    (lambda X: X.sum(axis=0) * X.max(0) + X.sum(axis=1) @ X, {"X": "n, n"}),
    (lambda X, x: (x @ X) * (X.T @ x) - x @ X @ X.T @ X, {"X": "n, d", "x": "n"}),
    (lambda x, y: x[:, None] - y[None, :], {"x": "n", "y": "m"}),
    (lambda X, Y: ((X[:, None, :] - Y[None, :, :]) ** 2).sum(axis=2), {"X": "n, d", "Y": "m, d"}),
    (lambda X: X[0] + X[1] * X[0, 1] + X[:, 2].sum() * X[2], {"X": "n, d"}),
    (lambda X: np.where(X > 0, X, 0.1 * X) + (X <= 0.5) * X, {"X": "n, d"}),
    (lambda X, Y: np.einsum("ij,kj->ik", X, Y), {"X": "n, d", "Y": "m, d"}),
    (lambda X: X.reshape(-1) ** 2, {"X": "n, d"}),
    (lambda T, W: T @ W, {"T": "b, t, d", "W": "d, k"}),
    (lambda T, v: T @ v + T.mean(axis=(1, 2))[:, None], {"T": "b, t, d", "v": "d"}),
    (lambda T: T.transpose(0, 2, 1) / T.std(axis=2)[:, None, :], {"T": "b, t, d"}),
    (lambda T: T.sum(axis=0) + np.max(T, axis=0) + T.swapaxes(0, 1).mean(axis=1), {"T": "b, t, d"}),
    (
        lambda A, b: np.linalg.solve(A @ A.T + np.eye(A.shape[0], like=A), b),
        {"A": "n, d", "b": "n"},
    ),
    (lambda A: np.linalg.slogdet(A @ A.T + 1.0)[1] + np.linalg.det(A), {"A": "n, n"}),
    (lambda A: np.trace(np.linalg.inv(A)) + np.linalg.norm(A), {"A": "n, n"}),
    (lambda x, y: np.outer(x, y) / (np.linalg.norm(x) * np.linalg.norm(y)), {"x": "n", "y": "m"}),
    (lambda X, Y: np.concatenate([X, Y], axis=1) ** 3, {"X": "n, d", "Y": "n, k"}),
    (lambda x: np.logaddexp(0, x) + np.logaddexp(x, 1) + np.clip(x, -0.5, 0.5), {"x": "n"}),
    (lambda X: np.log(2 * np.pi) * X.size + scipy.special.erf(X), {"X": "n, d"}),
    (lambda x: x / x.shape[0] + math.e * np.add.reduce(x), {"x": "n"}),
    (_reassigned, {"x": "n"}),
    (
        lambda X: np.trace(X @ X + np.eye(X.shape[0])) + np.where(X == 0, 1.0, X).sum(),
        {"X": "n, n"},
    ),
    (lambda X: np.triu(X, k=1) @ np.tril(X, -1) + np.full(X.shape, 2.0), {"X": "n, n"}),
    (lambda x: np.concatenate(np.split(x, 2)[::-1]) * np.asarray(x)[..., :], {"x": "2*n"}),
    (lambda x, y: np.stack([x, y], axis=1) @ np.stack([x, y]), {"x": "n", "y": "n"}),
    (lambda x, y: np.vstack([x, y]) @ np.column_stack((x, y)), {"x": "n", "y": "n"}),
    (lambda x, y: np.hstack([x, y]) * np.array([x[0], y[1]]).sum(), {"x": "n", "y": "m"}),
    (lambda X, x: np.vstack([X, x]) ** 2, {"X": "n, d", "x": "d"}),
    (lambda T: T[:, :, 2:4] * T[..., -2:] + T[..., :2], {"T": "b, d, 4"}),
    (lambda X: X[:-1] * X[1:] + X[-1, 1], {"X": "5, d"}),
    (lambda x, w: sum(w[k] * x[k : 5 + k] for k in range(3)), {"x": "7", "w": "3"}),
    (
        lambda A, B: np.einsum("...ij,jk", A, B) + np.einsum("bij,jk", A, B),
        {"A": "b, n, d", "B": "d, m"},
    ),
    (lambda x, A, y: np.einsum("i,ij,j", x, A, y), {"x": "n", "A": "n, d", "y": "d"}),
    (lambda A, B: np.tensordot(A, B, axes=1) * np.tensordot(A, A), {"A": "n, d", "B": "d, m"}),
    (lambda A, B: np.linalg.multi_dot([A, B, A]) * np.vdot(A, A), {"A": "n, d", "B": "d, n"}),
    (lambda A: np.linalg.pinv(A) * np.var(A, axis=0, ddof=1)[:, None], {"A": "n, d"}),
    (lambda A: np.linalg.eigvalsh(A + A.T) ** 3, {"A": "n, n"}),
    (
        lambda x, w: np.average(x, weights=w) * np.cumsum(x) + np.atleast_2d(x) @ x,
        {"x": "n", "w": "n"},
    ),
    (lambda X: X.clip(-0.5, 0.5) + np.broadcast_to(X[0], X.shape), {"X": "n, d"}),
    (lambda X: X * (X.shape[0] != X.shape[1]) * (X.shape[0] % 2 == 0), {"X": "2*n, d"}),
    *((f, shapes) for f, shapes, _ in FUSED),
    (lambda T: softmax(T) * softmax(T.sum(axis=1))[:, None, :], {"T": "b, d, d"}),
    (lambda X: np.exp(X) / np.exp(X).sum(axis=1), {"X": "n, n"}),
    (lambda X, Y: np.exp(X) / np.exp(Y).sum(axis=1)[:, None], {"X": "n, d", "Y": "n, d"}),
    (lambda X, Y: np.log(np.exp(X - Y).sum(axis=1)) + Y.sum(axis=1), {"X": "n, d", "Y": "n, d"}),
    (lambda X, y: np.exp(X - y) / np.exp(X - y).sum(axis=1)[:, None], {"X": "n, n", "y": "n"}),
    (lambda X: X - np.log(np.exp(X).sum(axis=0)), {"X": "n, n"}),
    (lambda X: X - np.log(np.exp(X).sum(axis=1)), {"X": "n, n"}),
    (lambda X: (X - X.mean(1)) / np.sqrt(X.var(1, keepdims=True) + 0.01), {"X": "n, n"}),
    (lambda X: (X - X.mean(1)[:, None]) / np.sqrt(X.var(1) + 0.01), {"X": "n, n"}),
    (lambda X: (X - X.mean(0)) / np.sqrt(X.var(0) + 0.01), {"X": "n, n"}),
    (lambda X: X.reshape(2, X.shape[0], -1).transpose(1, 0, 2), {"X": "n, 2*d"}),
    (lambda T: (T**2).transpose(1, 0, 2).reshape(-1, T.shape[2]), {"T": "b, n, d"}),
    (lambda x: x.sum() / len(x), {"x": "n"}),
    (lambda X: sum(np.exp(X)[k] for k in range(len(X))) * len([X, X]), {"X": "3, d"}),
]


@pytest.mark.parametrize(("f", "shapes"), FORWARD, ids=[f.__name__ for f, _ in FORWARD])
def test_forward_passes_have_their_values_and_gradients(
    f: Callable[..., Any], shapes: dict[str, str]
) -> None:
    compare(f, shapes)


@pytest.mark.parametrize(("f", "shapes"), SMALL, ids=[str(k) for k in range(len(SMALL))])
def test_operations_mean_what_they_mean_to_numpy(
    f: Callable[..., Any], shapes: dict[str, str]
) -> None:
    compare(f, shapes)


def test_local_variables_become_definitions() -> None:
    p = sd.trace(attention, loss="L", X="n, d", Wq="d, k", Wk="d, k", Wv="d, m")
    assert [n for n in ("Q", "K", "V", "S", "A") if n in p.definitions] == ["Q", "K", "V", "S", "A"]


def test_a_traced_problem_derives_what_the_text_does() -> None:
    traced = sd.trace(feed_forward, loss="L", **FORWARD[6][1])
    written = sd.problem("h = relu(X @ W1 + b1.T); L(h @ W2 + b2.T)", **FORWARD[6][1])
    for name in ("W1", "b1", "W2", "b2", "X"):
        assert sd.derive(traced)[name].text == sd.derive(written)[name].text


@pytest.mark.parametrize(("f", "shapes", "text"), FUSED)
def test_steps_for_the_sake_of_rounding_become_one_function(
    f: Callable[..., Any], shapes: dict[str, str], text: str
) -> None:
    assert sd.trace(f, **shapes).text == text


def test_attention_derives_what_its_text_does() -> None:
    shapes = FORWARD[1][1]
    text = "Q = X @ Wq; K = X @ Wk; V = X @ Wv; S = Q @ K.T / sqrt(k); A = softmax(S); L(A @ V)"
    traced, written = sd.trace(attention, loss="L", **shapes), sd.problem(text, **shapes)
    for name in shapes:
        assert str(sd.derive(traced)[name].text) == str(sd.derive(written)[name].text)


def test_jacobian_and_check_take_a_traced_problem() -> None:
    p = sd.trace(lambda A, x: np.sin(A @ x), A="m, n", x="n")
    assert sd.jacobian(p, "x").text == "diag(cos(A @ x)) @ A"
    p = sd.trace(lambda A, x: x @ A @ x, A="n, n", x="n")
    assert sd.check(p, wrt="x", claim="(A + A.T) @ x").verdict == "right"


# refusals


def branch(x: Any) -> Any:
    if x.sum() > 0:
        return x.sum()
    return -x.sum()


def adds_in_place(x: Any) -> Any:
    x += 1
    return x.sum()


def adds_to_a_view(x: Any) -> Any:
    y = x * 2
    z = y.T
    y += 1
    return z.sum()


def loops(X: Any) -> Any:
    total = 0
    for row in X:
        total = total + row.sum()
    return total


def ranges(X: Any) -> Any:
    return sum(X[i].sum() for i in range(X.shape[0]))


def uses_a_constant(x: Any) -> Any:
    return (x * np.array(["a", "b"])).sum()


def sorts(x: Any) -> Any:
    return np.sort(x)[0]


def slices(x: Any) -> Any:
    return x[::2].sum()


def draws_a_number(x: Any) -> Any:
    return (x * np.random.rand()).sum()


def asks_for_a_size(X: Any) -> Any:
    return X.sum() if X.shape[0] > 1 else X[0, 0]


def takes_the_larger(x: Any) -> Any:
    return max(x.sum(), 0)


def counts_from_the_end(x: Any) -> Any:
    return x[-1]


def has_out(x: Any) -> Any:
    return np.exp(x, out=x).sum()


def misfits(X: Any) -> Any:
    return (X - X.mean(axis=1)).sum()


def sums_some(x: Any) -> Any:
    return x.sum(where=x > 0)


def finds(x: Any) -> Any:
    return x.argmax() * x.sum()


REFUSED = [
    (sums_some, "x", "x.sum(where", "cannot do this"),
    (finds, "x", "x.argmax", "cannot do this"),
    (branch, "x", "    if x.sum() > 0:", "np.where"),
    (adds_in_place, "x", "x += 1", "x = x + .."),
    (adds_to_a_view, "x", "y += 1", "x = x + .."),
    (loops, "X", "for row in X:", "all rows at once"),
    (ranges, "X", "range(X.shape[0])", "np.sum"),
    (uses_a_constant, "x", "np.array([", "as an argument"),
    (sorts, "x", "np.sort", "outside of the function"),
    (slices, "x", "x[::2]", "as a number"),
    (draws_a_number, "x", "np.random.rand", "as an argument"),
    (asks_for_a_size, "X", "X.shape[0] > 1", "as a number"),
    (takes_the_larger, "x", "max(x.sum()", "np.maximum"),
    (counts_from_the_end, "x", "x[-1]", "as a number"),
    (has_out, "x", "out=x", "without options"),
    (misfits, "X", "X.mean(axis=1)", "keepdims=True"),
]


@pytest.mark.parametrize(
    ("f", "name", "line", "remedy"), REFUSED, ids=[r[0].__name__ for r in REFUSED]
)
def test_what_cannot_be_followed_is_refused_with_its_line(
    f: Callable[..., Any], name: str, line: str, remedy: str
) -> None:
    kind = ShapeError if f is misfits else UnsupportedError
    with pytest.raises(kind) as caught:
        sd.trace(f, **{name: "n, d" if name == "X" else "n"})
    source, first = inspect.getsourcelines(f)
    place = next(k for k, s in enumerate(source) if line.strip() in s)
    message = str(caught.value)
    assert f"test_tracing.py, line {first + place}" in message
    assert line.strip() in message
    assert remedy in message


def test_numbers_that_python_worked_out_are_written_as_what_they_are() -> None:
    p = sd.trace(lambda x: -0.5 * np.log(2 * np.pi) * np.sqrt(2 / np.pi) * 0.1 * x, x="scalar")
    assert np.isclose(evaluate(p.objective, {"x": 1.0}), -0.0733223606, rtol=1e-3)
    p = sd.trace(lambda x: np.log(2 * np.pi) * x.sum() + math.pi, x="n")
    assert p.text == "log(2 * pi) * sum(x) + pi"


def test_sum_of_python_begins_with_nothing() -> None:
    p = sd.trace(lambda x, y: sum(v**2 for v in (x, y)), loss="L", x="n", y="n")
    assert p.text == "L(x ** 2 + y ** 2)"


def test_arguments_and_results_are_checked() -> None:
    with pytest.raises(InputError, match="no parameter"):
        sd.trace(ridge, X="n, d", w="d", y="n", lam="scalar", z="n")
    with pytest.raises(InputError, match="has no shape"):
        sd.trace(ridge, X="n, d", w="d", y="n")
    with pytest.raises(InputError, match=r"test_tracing.py, line \d+: it returns a str"):
        sd.trace(lambda x: ("x", x), x="n")
    with pytest.raises(InputError, match="returns no 2"):
        sd.trace(lambda x: (x, x), x="n", output=2)
    with pytest.raises(InputError, match="needs no loss"):
        sd.trace(lambda x: x.sum(), loss="L", x="n")


# compositions drawn at random: the value is NumPy's, and what NumPy refuses is refused

UNARY = (
    "np.tanh({0})|({0}).T|np.exp({0})|({0})[:, None]|({0})[None]|({0}).sum(axis=0)|"
    "({0}).mean(axis=-1)|({0}).max(axis=1, keepdims=True)|({0}).sum()|({0})[0]|-({0})|"
    "np.ravel({0})|np.squeeze({0})|({0}).reshape(-1, 1)|({0}).swapaxes(0, -1)|"
    "np.var({0}, axis=0)|np.linalg.norm({0}, axis=-1)|({0})[..., None]|np.diag({0})|"
    "({0}).std(axis=-1, keepdims=True)|({0}).min(axis=(0, 1))|({0})[:, 1]|"
    "np.exp({0}) / np.sum(np.exp({0}), axis=-1)"
).split("|")
BINARY = (
    "({0}) + ({1})|({0}) * ({1})|({0}) @ ({1})|np.maximum({0}, {1})|np.dot({0}, {1})|"
    "np.where({0} > 0, 1.0, {1})|({0}) - ({1})|np.outer({0}, {1})|np.inner({0}, {1})|"
    "np.concatenate([{0}, {1}])"
).split("|")
DRAWN = {"X": "n, d", "A": "n, n", "x": "n", "y": "d", "T": "b, n, d"}


def _composition(rng: random.Random, depth: int) -> str:
    if depth == 0 or rng.random() < 0.15:
        return rng.choice(list(DRAWN))
    if rng.random() < 0.55:
        return rng.choice(UNARY).format(_composition(rng, depth - 1))
    left, right = _composition(rng, depth - 1), _composition(rng, depth - 1)
    return rng.choice(BINARY).format(left, right)


@pytest.mark.parametrize("seed", range(4))
def test_compositions_have_the_values_of_numpy_or_are_refused(seed: int) -> None:
    rng, arrays, good = random.Random(seed), arrays_of(DRAWN), 0
    for _ in range(60):
        text = _composition(rng, rng.choice([2, 3, 4]))
        names = [n for n in DRAWN if re.search(rf"(?<![\w.]){n}(?!\w)", text)]
        f = eval(f"lambda {', '.join(names)}: {text}", {"np": np})
        given = {n: arrays[n] for n in names}
        try:
            with np.errstate(all="ignore"):
                value = f(**given)
        except (ValueError, IndexError, TypeError):
            with pytest.raises(sd.SymderivError):
                sd.trace(f, **{n: DRAWN[n] for n in names})
            continue
        try:
            p = sd.trace(f, **{n: DRAWN[n] for n in names})
        except sd.SymderivError:
            continue
        if not np.isfinite(value).all():
            continue
        ours = evaluate(p.objective, {**given, **{k: SIZES[k] for k in p.dims}})
        assert np.squeeze(ours).shape == np.squeeze(value).shape, text
        assert np.allclose(np.squeeze(ours), np.squeeze(value)), text
        good += 1
    assert good > 10
