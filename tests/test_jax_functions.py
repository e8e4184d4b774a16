"""Functions of JAX are traced as they are written, and their gradients agree."""

import functools
from typing import NamedTuple

import numpy as np
import pytest
from traced_frameworks import derived, drawn, filled, labels_of

import symderiv as sd

jax = pytest.importorskip("jax", reason="JAX is not installed")
jnp = jax.numpy


class Params(NamedTuple):
    W: object
    b: object


def layer(X, W, b):
    return jax.nn.relu(jnp.dot(X, W) + b)


def mlp(params, X):
    h = jax.nn.gelu(X @ params["W1"] + params["b1"])
    return h @ params["W2"] + params["b2"]


def of_a_tuple(params, X):
    return jnp.tanh(X @ params.W + params.b)


def exact_gelu(X):
    return jax.nn.gelu(X, approximate=False)


def squared(X, w, y):
    return jnp.mean((X @ w - y) ** 2)


@jax.jit
def logistic(X, w, y):
    return jnp.mean(jnp.log1p(jnp.exp(-y * (X @ w))))


def softplus_loss(X, w, y):
    return jax.nn.softplus(-y * (X @ w)).sum()


def picked(X, W, y):
    logp = jax.nn.log_softmax(X @ W)
    return -logp[jnp.arange(X.shape[0]), y].mean()


def one_hot(X, W, y):
    return -jnp.mean(jnp.sum(jax.nn.one_hot(y, W.shape[1]) * jax.nn.log_softmax(X @ W), axis=-1))


def embedded(E, W, y):
    return jnp.tanh(E[y] @ W)


def layer_norm(x, g, b):
    mu = x.mean(-1, keepdims=True)
    v = x.var(-1, keepdims=True)
    return (x - mu) / jnp.sqrt(v + 1e-5) * g + b


def rms_norm(x, g):
    return x * jax.lax.rsqrt(jnp.mean(x**2, axis=-1, keepdims=True) + 1e-6) * g


def attention(X, Wq, Wk, Wv):
    Q, K, V = X @ Wq, X @ Wk, X @ Wv
    S = Q @ K.T / jnp.sqrt(Q.shape[-1])
    n = X.shape[0]
    S = jnp.where(jnp.tril(jnp.ones((n, n))) == 0, -jnp.inf, S)
    return jax.nn.softmax(S, axis=-1) @ V


def heads(Q, K, V):
    S = jnp.einsum("hnd,hmd->hnm", Q, K) / jnp.sqrt(Q.shape[-1])
    return jnp.einsum("hnm,hmd->hnd", jax.nn.softmax(S, axis=-1), V)


def gaussian(K, y):
    return 0.5 * y @ jnp.linalg.solve(K, y) + 0.5 * jnp.linalg.slogdet(K)[1]


def inverse(A, x):
    return x @ jnp.linalg.inv(A) @ x + jnp.trace(A)


def recurrent(Wh, Wx, xs):
    def step(h, x):
        h = jnp.tanh(Wh @ h + Wx @ x)
        return h, h

    h, hs = jax.lax.scan(step, jnp.zeros(Wh.shape[0]), xs)
    return jnp.sum(h**2) + hs.sum()


def mapped(W, X):
    return jnp.sum(jax.vmap(lambda x: jnp.tanh(x @ W))(X), axis=0)


def activations(x):
    return jax.nn.silu(x) + jax.nn.sigmoid(x) + jax.nn.leaky_relu(x) + jax.nn.elu(x) + jnp.abs(x)


def logsumexp(X):
    return jax.nn.logsumexp(X, axis=1).sum() - X.max(axis=1).sum()


def triangles(A):
    return jnp.tril(A) @ A + jnp.triu(A) + jnp.eye(A.shape[0]) * A


def pieces(X):
    return (
        X[0].sum() + X[1:, 0].sum() + jnp.concatenate([X, X * 2], axis=1).sum() + X[:, None].sum()
    )


def clipped(x):
    return jnp.clip(x, -1, 1).sum() + jnp.maximum(x, 0.5).sum() + jnp.where(x > 0, x, 0).sum()


def helper(Z):
    return jax.nn.sigmoid(Z) * (1 - jax.nn.sigmoid(Z))


def by_helper(X, W):
    return helper(X @ W)


def spread(x):
    return x.std(axis=0).sum() + x.var() + jnp.linalg.norm(x)


def _scaled(X, W, scale):
    return jnp.tanh(X @ W) * scale


scaled = functools.partial(_scaled, scale=0.5)
LABELLED = {"X": "n, d", "W": "d, k", "y": "n label(k)"}
CASES = [
    (layer, {"X": "n, d", "W": "d, m", "b": "m"}, "L"),
    (mlp, {"params": {"W1": "d, p", "b1": "p", "W2": "p, m", "b2": "m"}, "X": "n, d"}, "L"),
    (of_a_tuple, {"params": Params("d, m", "m"), "X": "n, d"}, "L"),
    (exact_gelu, {"X": "n, d"}, "L"),
    (squared, {"X": "n, d", "w": "d", "y": "n"}, None),
    (logistic, {"X": "n, d", "w": "d", "y": "n"}, None),
    (softplus_loss, {"X": "n, d", "w": "d", "y": "n"}, None),
    (picked, LABELLED, None),
    (one_hot, LABELLED, None),
    (embedded, {"E": "k, d", "W": "d, m", "y": "n label(k)"}, "L"),
    (layer_norm, {"x": "n, d", "g": "d", "b": "d"}, "L"),
    (rms_norm, {"x": "n, d", "g": "d"}, "L"),
    (attention, {"X": "n, d", "Wq": "d, k", "Wk": "d, k", "Wv": "d, m"}, "L"),
    (heads, {"Q": "h, n, d", "K": "h, n, d", "V": "h, n, m"}, "L"),
    (gaussian, {"K": "n, n spd", "y": "n"}, None),
    (inverse, {"A": "n, n spd", "x": "n"}, None),
    (recurrent, {"Wh": "m, m", "Wx": "m, d", "xs": "3, d"}, None),
    (mapped, {"W": "d, m", "X": "n, d"}, "L"),
    (activations, {"x": "n"}, "L"),
    (logsumexp, {"X": "n, d"}, None),
    (triangles, {"A": "n, n"}, "L"),
    (pieces, {"X": "4, d"}, None),
    (clipped, {"x": "n"}, None),
    (by_helper, {"X": "n, d", "W": "d, m"}, "L"),
    (spread, {"x": "n, d"}, None),
    (scaled, {"X": "n, d", "W": "d, m"}, "L"),
]


@pytest.mark.parametrize(("function", "declarations", "loss"), CASES, ids=lambda x: "")
def test_gradients_are_those_of_jax(function, declarations, loss):
    problem = sd.trace(function, loss=loss, **declarations)
    labels = labels_of(declarations)
    arrays = drawn(problem, labels)
    value, upstream, gradients = derived(problem, arrays)
    with jax.enable_x64(True):
        given = {
            n: jnp.asarray(a.argmax(-1) if n in labels else a, dtype=None if n in labels else float)
            for n, a in arrays.items()
        }

        def scalar(inner):
            found = function(**filled(declarations, {**given, **inner}))
            return found if upstream is None else jnp.sum(found * upstream)

        inner = {n: a for n, a in given.items() if n in gradients and n not in labels}
        found = function(**filled(declarations, given))
        np.testing.assert_allclose(value, found, rtol=1e-12, atol=1e-13)
        for name, expected in jax.grad(scalar)(inner).items():
            np.testing.assert_allclose(
                gradients[name], expected, rtol=1e-10, atol=1e-12, err_msg=name
            )
