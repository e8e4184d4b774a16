"""The ready-made problems of statistics, recurrent cells, convolutions and mechanics.

Each is compared with a reference written here from its source: values and gradients by complex
steps, so that a file that says something else than its title is found.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.core.errors import ProblemFileError
from symderiv.problems import library
from symderiv.results.derived import verify_folder

SIZES = {
    "n": 3, "d": 2, "m": 4, "k": 2, "K": 3, "V": 5, "p": 2, "q": 3, "c": 2, "i": 5, "o": 4,
}  # fmt: skip
STEP = 1e-30


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def logdet(s: Any) -> Any:
    return np.log(np.linalg.det(s))


def logsoftmax(z: Any) -> Any:
    return z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))


def embedding(S: Any, E: Any, G: Any) -> Any:
    return sum(G[i] @ E[int(np.argmax(S[i]))] for i in range(len(S)))


def lstm(x_t: Any, h_prev: Any, c_prev: Any, G: Any, **w: Any) -> Any:
    f, i, o, g = (w[f"W_{k}"] @ x_t + w[f"U_{k}"] @ h_prev + w[f"b_{k}"] for k in "fiog")
    c = sigmoid(f) * c_prev + sigmoid(i) * np.tanh(g)
    return G @ (sigmoid(o) * np.tanh(c))


def gru(x_t: Any, h_prev: Any, G: Any, **w: Any) -> Any:
    r, z = (sigmoid(w[f"W_{k}"] @ x_t + w[f"U_{k}"] @ h_prev + w[f"b_{k}"]) for k in "rz")
    new = np.tanh(w["W_h"] @ x_t + w["U_h"] @ (r * h_prev) + w["b_h"])
    return G @ (z * h_prev + (1 - z) * new)


def convolution_1d(X: Any, W: Any, P: Any, G: Any) -> Any:
    places = range(W.shape[2])
    return sum(G[:, o] @ sum(W[:, :, k] @ X[:, o + k] for k in places) for o in range(G.shape[1]))


def convolution_2d(X: Any, W: Any, P: Any, Q: Any, G: Any) -> Any:
    rows, cols = W.shape
    return sum(G[o, p] * np.sum(W * X[o : o + rows, p : p + cols]) for o, p in np.ndindex(G.shape))


def vae(x: Any, mu: Any, logvar: Any, eps: Any, W: Any, b: Any) -> Any:
    y = sigmoid(W @ (mu + np.exp(logvar / 2) * eps) + b)
    likelihood = x @ np.log(y) + (1 - x) @ np.log(1 - y)
    return -likelihood - 0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar))


def info_nce(Q: Any, K: Any, tau: Any) -> Any:
    scores = np.exp(Q @ K.T / tau)
    return -np.mean(np.log(np.diag(scores) / np.sum(scores, axis=1)))


def logistic(X: Any, w: Any, b: Any, y: Any) -> Any:
    p = sigmoid(X @ w + b)
    return -np.sum(y * np.log(p) + (1 - y) * np.log(1 - p))


def multinomial(X: Any, W: Any, Y: Any) -> Any:
    return -np.sum(Y * logsoftmax(X @ W))


def poisson(X: Any, beta: Any, y: Any) -> Any:
    return -np.sum(y * (X @ beta) - np.exp(X @ beta))


def ridge(X: Any, w: Any, y: Any, lam: Any) -> Any:
    return np.sum((y - X @ w) ** 2) + lam * np.sum(w**2)


def factorisation(A: Any, M: Any, P: Any, Q: Any, lam: Any) -> Any:
    known = zip(*np.nonzero(M), strict=True)
    return sum((A[u, i] - P[u] @ Q[i]) ** 2 for u, i in known) + lam * (np.sum(P**2) + np.sum(Q**2))


def gaussian(X: Any, mu: Any, Sigma: Any) -> Any:
    inverse = np.linalg.inv(Sigma)
    each = [(x - mu) @ inverse @ (x - mu) + logdet(2 * np.pi * Sigma) for x in X]
    return -sum(each) / 2


def gaussian_process(D: Any, y: Any, sigma_f: Any, ell: Any, sigma_n: Any) -> Any:
    k = sigma_f**2 * np.exp(-D / (2 * ell**2)) + sigma_n**2 * np.eye(len(y))
    return -(y @ np.linalg.solve(k, y) + logdet(2 * np.pi * k)) / 2


def components(S: Any, W: Any, Lambda: Any) -> Any:
    return np.trace(W.T @ S @ W) + np.sum(Lambda * (np.eye(W.shape[1]) - W.T @ W))


def reconstruction(X: Any, W: Any) -> Any:
    return sum(np.sum((x - W @ (W.T @ x)) ** 2) for x in X)


def canonical(Sxx: Any, Syy: Any, Sxy: Any, a: Any, b: Any) -> Any:
    return a @ Sxy @ b / (np.sqrt(a @ Sxx @ a) * np.sqrt(b @ Syy @ b))


def neo_hooke(F: Any, mu: Any, lam: Any) -> Any:
    return mu / 2 * (np.sum(F**2) - 3) - mu * logdet(F) + lam / 2 * logdet(F) ** 2


def kirchhoff(F: Any, mu: Any, lam: Any) -> Any:
    strain = (F.T @ F - np.eye(3)) / 2
    return lam / 2 * np.trace(strain) ** 2 + mu * np.sum(strain**2)


REFERENCES: dict[str, Callable[..., Any]] = {
    "embedding-lookup": embedding,
    "lstm-cell": lstm,
    "gru-cell": gru,
    "convolution-1d": convolution_1d,
    "convolution-2d": convolution_2d,
    "vae-loss": vae,
    "info-nce": info_nce,
    "logistic-regression": logistic,
    "multinomial-regression": multinomial,
    "poisson-regression": poisson,
    "ridge-regression": ridge,
    "matrix-factorisation": factorisation,
    "gaussian-log-likelihood": gaussian,
    "gaussian-process": gaussian_process,
    "principal-components": components,
    "reconstruction-error": reconstruction,
    "canonical-correlation": canonical,
    "neo-hooke": neo_hooke,
    "saint-venant-kirchhoff": kirchhoff,
}
# The index patterns of convolutions fix some sizes: o = i - k + 1.
PATTERNS = {
    "convolution-1d": {"P": ("i", "o", "k")},
    "convolution-2d": {"P": ("i", "o", "k"), "Q": ("j", "p", "l")},
}
OTHER_SIZES = {"convolution-2d": {"i": 4, "k": 2, "o": 3, "j": 5, "l": 3, "p": 3}}


def index_pattern(i: int, o: int, k: int) -> Any:
    """Return the pattern of stride 1 without padding."""
    return np.array([[[float(a == b + c) for c in range(k)] for b in range(o)] for a in range(i)])


def drawn(properties: frozenset[str], shape: tuple[int, ...], rng: Any) -> Any:
    """Return a random array with the properties of a declaration."""
    x = rng.uniform(-1, 1, shape)
    if "positive" in properties:
        return 0.5 + np.abs(x)
    if "binary" in properties:
        return (x > 0) * 1.0
    if "onehot" in properties:
        return np.eye(shape[1])[rng.integers(shape[1], size=shape[0])]
    if "spd" in properties:
        return x @ x.T + np.eye(shape[0])
    return x + x.T if "symmetric" in properties else x


def arrays(name: str, p: sd.Problem) -> dict[str, Any]:
    """Return a small point of a problem, upstream gradients among them."""
    sizes = {**SIZES, **OTHER_SIZES.get(name, {})}
    rng = np.random.default_rng(7)
    patterns = PATTERNS.get(name, {})
    shapes = {n: (v.shape, v.kind, v.properties) for n, v in p.variables.items()}
    shapes |= {n: (x.shape, "vector" if x.shape[-1].at(sizes) == 1 else "", frozenset())
               for n, x in p.upstream.items()}  # fmt: skip
    found = {}
    for n, (dims, kind, properties) in shapes.items():
        full = tuple(x.at(sizes) for x in dims)
        shape = {"scalar": (), "vector": full[:1]}.get(kind, full)
        found[n] = drawn(frozenset(properties), shape, rng)
        if n in patterns:
            found[n] = index_pattern(*(sizes[d] for d in patterns[n]))
    if name == "gaussian-process":
        found["D"] = (found["y"][:, None] - found["y"]) ** 2
    if name == "neo-hooke":
        found["F"] = np.eye(3) + found["F"] / 4
    return found


def slope(f: Callable[..., Any], at: dict[str, Any], name: str) -> Any:
    """Return a gradient by complex steps."""
    result = np.zeros(at[name].shape)
    for place in np.ndindex(result.shape):
        moved = np.array(at[name], dtype=complex)
        moved[place] += 1j * STEP
        result[place] = np.imag(f(**{**at, name: moved})) / STEP
    return result


@pytest.mark.parametrize("name", REFERENCES)
def test_gradients_are_those_of_the_reference(name: str) -> None:
    d = sd.derive(sd.load(name))
    at = arrays(name, d.problem)
    for n, gradient in d.items():
        expected = slope(REFERENCES[name], at, n)
        np.testing.assert_allclose(
            np.reshape(gradient.evaluate(**at), expected.shape), expected, rtol=1e-10, atol=1e-10
        )


@pytest.mark.parametrize("name", REFERENCES)
def test_problem_says_what_it_is(name: str) -> None:
    p = library.load_named(name)
    assert all((p.title, p.question, p.claims))
    assert set(p.variables) <= set(p.meanings)
    assert set(p.definitions) <= set(p.meanings)


@pytest.mark.parametrize(
    ("name", "by", "text"),
    [
        ("logistic-regression", "w", "X.T @ diag(sigmoid(z) * (1 - sigmoid(z))) @ X"),
        ("poisson-regression", "beta", "X.T @ diag(exp(eta)) @ X"),
    ],
)
def test_hessians_of_the_textbook(name: str, by: str, text: str) -> None:
    assert sd.hessian(sd.load(name), by).text == text


def test_hessian_of_ridge_regression_is_the_penalised_gram_matrix() -> None:
    h = sd.hessian(sd.load("ridge-regression"), "w")
    at = arrays("ridge-regression", h.problem)
    expected = 2 * (at["X"].T @ at["X"] + at["lam"] * np.eye(SIZES["d"]))
    np.testing.assert_allclose(h.evaluate(**at), expected, rtol=1e-13)


def test_hessian_of_multinomial_regression() -> None:
    h = sd.hessian(sd.load("multinomial-regression"), "W")
    at = arrays("multinomial-regression", h.problem)
    x, k = at["X"], SIZES["K"]
    share = np.exp(logsoftmax(x @ at["W"]))
    # Bishop (2006), equation 4.110, its blocks in the order of column stacking
    blocks = [
        [x.T @ np.diag(share[:, a] * ((a == b) - share[:, b])) @ x for b in range(k)]
        for a in range(k)
    ]
    np.testing.assert_allclose(h.evaluate(**at), np.block(blocks), rtol=1e-12, atol=1e-12)


def test_constant_cotangents_get_no_names() -> None:
    d = sd.derive(sd.load("vae-loss"))
    assert d["b"].text == "da = sigmoid(a) - x; da"
    assert "= 1" not in d["mu"].text


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("name", "wrt"),
    [
        ("ridge-regression", ["w"]),
        ("logistic-regression", ["w", "b"]),
        ("multinomial-regression", ["W"]),
        ("poisson-regression", ["beta"]),
    ],
)
def test_regressions_ask_for_their_hessians(name: str, wrt: list[str], tmp_path: Path) -> None:
    d = sd.derive(name)
    assert [h.name for h in d.hessians if not h.data.is_mixed] == wrt
    d.write(tmp_path, ["md", "py"])
    page = (tmp_path / "derivation.md").read_text(encoding="utf-8")
    assert "Hessian" in page
    assert "Source: " in page
    assert verify_folder(tmp_path)[1] == []
    assert not sd.derive(name, order=1).hessians


def test_source_is_printed_as_it_stands_in_every_format(tmp_path: Path) -> None:
    text = 'title = "T"\nsource = "A & B_1, 50% of #2 <x> *y* {z} $5."\n'
    file = tmp_path / "p.toml"
    file.write_text(text + '[variables]\nx = "n"\n[objective]\nvalue = "x.T @ x"\n')
    sd.derive(file).write(tmp_path / "out", ["md", "tex", "pdf"])
    tex = (tmp_path / "out" / "derivation.tex").read_text(encoding="utf-8")
    assert r"Source: A \& B\_1, 50\% of \#2 \textless{}x\textgreater{} *y* \{z\} \$5." in tex
    md = (tmp_path / "out" / "derivation.md").read_text(encoding="utf-8")
    assert "Source: A" in md
    assert "<x>" not in md
    file.write_text(text + '[objective]\nvalue = "x.T @ x"\norder = 3\n')
    with pytest.raises(ProblemFileError, match="objective.order is 3"):
        sd.load(file)
