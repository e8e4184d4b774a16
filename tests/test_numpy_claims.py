"""Claims written as NumPy is, or with other names of the given gradient, are read as texts."""

from __future__ import annotations

import pytest

import symderiv as sd
from symderiv.cli.main import main
from symderiv.core.errors import LanguageError, ShapeError, UnknownNameError, UnsupportedError
from symderiv.problems.tracing.formulas import in_language

LINEAR = sd.problem("Z = X @ W + ones(n) @ b.T; L(Z)", X="n, d", W="d, m", b="m")
TANH = sd.problem("out = x @ w; L(tanh(out))", x="n, d", w="d, m")
SQUARES = sd.problem("0.5 * norm(X @ w - y) ** 2", X="n, d", w="d", y="n")
COLUMNS = sd.problem("Z = W @ x + b; A = tanh(Z); L(A)", x="d, 1", W="h, d", b="h, 1")
SCALED = sd.problem("v = mean(Y, axis=0); L(X / v)", X="n, d", Y="n, d")
RELU = sd.problem("Z = X @ W; L(relu(Z))", X="n, d", W="d, m")
SOFTMAX = sd.load("softmax-cross-entropy")

CLAIMS = [
    (LINEAR, "W", "np.dot(X.T, G)", "right"),
    (LINEAR, "W", "X.T.dot(dZ)", "right"),
    (LINEAR, "W", "X.transpose() @ G", "right"),
    (LINEAR, "W", "np.transpose(G) @ X", "transposed"),
    (LINEAR, "W", "X.T @ dL/dZ", "right"),
    (LINEAR, "W", "X.T @ dZ / n", "wrong"),
    (LINEAR, "W", "np.matmul(X.T, dout) / X.shape[0]", "wrong"),
    (LINEAR, "W", "np.einsum('ni,nj->ij', X, upstream)", "right"),
    (LINEAR, "b", "G.sum(axis=0)", "right"),
    (LINEAR, "b", "np.sum(dL/dZ, axis=0)", "right"),
    (LINEAR, "b", "dL/dZ.sum(axis=0)", "right"),
    (LINEAR, "b", "G.mean(axis=0)", "wrong"),
    (LINEAR, "b", "G.sum(axis=1)", "wrong"),
    (LINEAR, "b", "G.sum(axis=0, keepdims=True)", "transposed"),
    (LINEAR, "b", "np.ones(n) @ G", "right"),
    (LINEAR, "X", "np.dot(G, W.T)", "right"),
    (LINEAR, "X", "(dL/dZ) @ W.T", "right"),
    (TANH, "w", "x.T @ (dout * (1 - np.tanh(out) ** 2))", "right"),
    (TANH, "w", "x.T @ (delta * (1 - tanh(out) ** 2))", "right"),
    (TANH, "w", "x.T @ dout", "wrong"),
    (TANH, "w", "np.dot(x.T, dout)", "wrong"),
    (SQUARES, "w", "np.dot(X.T, np.dot(X, w) - y)", "right"),
    (SQUARES, "w", "np.dot(np.dot(X, w) - y, X)", "right"),
    (SQUARES, "w", "2 * X.T.dot(X.dot(w) - y)", "wrong"),
    (COLUMNS, "W", "np.dot(dA * (1 - np.tanh(np.dot(W, x) + b) ** 2), x.T)", "right"),
    (COLUMNS, "b", "dA * (1 - np.power(A, 2))", "right"),
    (COLUMNS, "b", "np.sum(dA * (1 - np.power(A, 2)), axis=1, keepdims=True)", "right"),
    (SCALED, "X", "np.divide(G, v)", "right"),
    (SCALED, "X", "np.multiply(G, np.mean(X, axis=0))", "wrong"),
    (SCALED, "X", "np.divide(G, v[None, :])", "right"),
    (RELU, "X", "(G * (X @ W > 0)) @ W.T", "right"),
    (RELU, "W", "X.T @ (G * (Z > 0))", "right"),
    (RELU, "W", "X.T @ (G * (Z >= 0.1))", "wrong"),
    (SOFTMAX, "W", "np.dot(X.T, softmax(Z) - T) / n", "right"),
    (SOFTMAX, "W", "X.T @ (np.exp(Z) / np.sum(np.exp(Z), axis=1, keepdims=True) - T) / n", "right"),
    (SOFTMAX, "b", "np.mean(softmax(Z) - T, axis=0)", "right"),
    (SOFTMAX, "b", "np.sum(softmax(Z) - T, axis=0)", "wrong"),
]  # fmt: skip


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("problem", "wrt", "claim", "verdict"), CLAIMS)
def test_a_claim_of_numpy_has_the_meaning_of_numpy(
    problem: sd.Problem, wrt: str, claim: str, verdict: str
) -> None:
    found = sd.check(problem, wrt=wrt, claim=claim)
    assert found.verdict == verdict, found.diagnosis
    assert found.read_as
    assert found.claim.says == (claim,)
    assert in_language(problem, found.read_as) == found.read_as


REFUSED = [
    ("np.foo(G)", UnsupportedError, "np.foo(G)"),
    ("G.sort()", UnsupportedError, "G.sort()"),
    ("G.sum(axis=2)", UnsupportedError, "G.sum(axis=2)"),
    ("np.dot(G, X)", ShapeError, "np.dot(G, X)"),
    ("np.sum(Q, axis=0)", UnsupportedError, "Q"),
    ("np.divide(G, b[:, None])", ShapeError, "np.divide(G, b[:, None])"),
    ("np.sum(G, axes=0)", UnsupportedError, "np.sum(G, axes=0)"),
    ("np.__loader__(G)", UnsupportedError, "np.__loader__(G)"),
    ("G.__class__()", UnsupportedError, "G.__class__()"),
    ("np.sum(open('x'))", UnsupportedError, "open('x')"),
    ("np.sum(lambda: G)", UnsupportedError, "lambda: G"),
]


@pytest.mark.parametrize(("claim", "error", "place"), REFUSED)
def test_what_is_not_followed_is_refused_at_its_place(
    claim: str, error: type[LanguageError], place: str
) -> None:
    with pytest.raises(error) as caught:
        sd.check(LINEAR, wrt="b", claim=claim)
    span = caught.value.span
    assert span is not None
    assert span.text[span.start : span.stop] == place


AS_THEY_ARE = ["G.T @ where(G > 0, 1, 0)", "G.T @ ones(n)", "X.T @ G", "delta(i, j) * b[i]"]


@pytest.mark.parametrize("claim", AS_THEY_ARE)
def test_a_text_of_the_language_stays_as_it_is(claim: str) -> None:
    assert in_language(LINEAR, claim) == claim


def test_a_name_that_is_nothing_stays_unknown() -> None:
    for claim in ("X.T @ Q", "X.T @ (dout + upstream)", "X.T @ (G + dout)"):
        with pytest.raises(UnknownNameError):
            sd.check(LINEAR, wrt="W", claim=claim)


def test_the_command_line_reads_numpy(capsys: pytest.CaptureFixture[str]) -> None:
    args = ["check", "L(X @ W)", "--wrt", "W", "--claim", "np.dot(X.T, dout)"]
    for more, words in (([], "read as: X.T @ G"), (["--json"], '"read_as": "X.T @ G"')):
        with pytest.raises(SystemExit) as end:
            main([*args, *more])
        assert not end.value.code
        assert words in capsys.readouterr().out
