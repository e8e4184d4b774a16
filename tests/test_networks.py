"""Network parts: shortened pullbacks against those of the definitions, and their values."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import symderiv as sd
from symderiv.core.errors import LanguageError, MissingRuleError
from symderiv.core.expr import Expr
from symderiv.problems.problem import Problem
from symderiv.values.explicit import Explicit, same_cells
from symderiv.values.sampling import point

DECLARED = {"X": "n, d", "Y": "n, d", "A": "n, n", "x": "n", "eps": "scalar positive"}
# What each part is by definition, in the language itself.
EXPANSIONS = {
    "layernorm({x}, eps)": "({x} - mean({x}, axis=1))"
    " / sqrt(mean(({x} - mean({x}, axis=1)) ** 2, axis=1) + eps)",
    "rmsnorm({x}, eps)": "{x} / sqrt(mean({x} ** 2, axis=1) + eps)",
    "dropout({x}, {x}, eps / (1 + eps))": "{x} * {x} / (1 - eps / (1 + eps))",
}
EXPANSIONS["cross_entropy({x}, tanh({x}))"] = (
    "-mean(sum(tanh({x}) * logsoftmax({x}, axis=1), axis=1))"
)
ARGUMENTS = ("X", "(A @ X)", "x.T", "(X * Y)", "tanh(X)")
SIZES = ({"n": 2, "d": 3}, {"n": 3, "d": 2}, {"n": 2, "d": 1}, {"n": 1, "d": 2})


def read(text: str) -> Problem:
    return sd.problem(text, **DECLARED)


def gradients(p: Problem) -> dict[str, Expr]:
    return {n: r.expr for n, r in sd.derive(p).items()}


@pytest.mark.parametrize("argument", ARGUMENTS)
@pytest.mark.parametrize("short", EXPANSIONS)
@pytest.mark.parametrize("around", ["L({})", "sum(({}) ** 3)"])
def test_pullback_is_that_of_the_definition(short: str, argument: str, around: str) -> None:
    p = read(around.format(short.format(x=argument)))
    q = read(around.format(EXPANSIONS[short].format(x=argument)))
    left, right = gradients(p), gradients(q)
    assert set(left) == set(right)
    for sizes in SIZES:
        at = Explicit(sizes, point(p, sizes, 0, positive=True))
        for name in left:
            assert same_cells(at.cells(left[name]), at.cells(right[name])), (name, sizes)


def test_gradient_of_layernorm_is_written_in_its_output() -> None:
    d = sd.derive("L(layernorm(X, eps))", X="n, d", eps="scalar", wrt="X")
    assert "layernorm(X, eps)" in d["X"].text
    assert d["X"].text.count("sqrt") == 1


def test_gradients_of_a_whole_layer_parse_back() -> None:
    d = sd.derive("L(layernorm(X, eps) * g.T + b.T)", X="n, d", eps="scalar", g="d", b="d")
    for result in d.values():
        back = d.problem.read(result.text)
        for sizes in ({"n": 2, "d": 3}, {"n": 3, "d": 3}):
            at = Explicit(sizes, point(d.problem, sizes, 0, positive=True))
            assert same_cells(at.cells(back), at.cells(result.expr))


def test_rows_inside_a_sum() -> None:
    text = "Sum(i, sum(layernorm(X[i, :], 1) ** 3 * Y[i, :]))"
    left = gradients(read(text))
    right = gradients(read("sum(layernorm(X, 1) ** 3 * Y)"))
    for sizes in ({"n": 2, "d": 3}, {"n": 3, "d": 2}):
        at = Explicit(sizes, point(read(text), sizes, 1))
        for name in right:
            assert same_cells(at.cells(left[name]), at.cells(right[name]))


def test_eps_of_every_row_is_refused_not_guessed() -> None:
    with pytest.raises(MissingRuleError, match="eps"):
        sd.derive("Sum(i, sum(layernorm(X[i, :], x[i])))", X="n, d", x="n", wrt="X")


def test_values() -> None:
    rng = np.random.default_rng(1)
    x, m = rng.normal(size=(3, 4)), rng.integers(0, 2, size=(3, 4)).astype(float)
    centred = x - x.mean(axis=1, keepdims=True)
    for text, expected in (
        ("layernorm(X, 0.5)", centred / np.sqrt(x.var(axis=1, keepdims=True) + 0.5)),
        ("rmsnorm(X, 0.5)", x / np.sqrt((x**2).mean(axis=1, keepdims=True) + 0.5)),
        ("dropout(X, M, 0.25)", x * m / 0.75),
    ):
        d = sd.derive(f"sum({text} * H)", X="n, d", M="n, d", H="n, d", wrt="H")
        assert np.allclose(d["H"].evaluate(X=x, M=m), expected)


def test_causal_mask_hides_what_comes_later() -> None:
    p = read("sum(A * causal_mask(n))")
    cells = Explicit({"n": 3}, {}).cells(gradients(p)["A"])
    hidden = Fraction(-(10**9))
    assert cells == [[0, hidden, hidden], [0, 0, hidden], [0, 0, 0]]
    scores = np.full((3, 3), 5.0)
    weights = sd.derive("sum(exp(A + causal_mask(n)))", A="n, n")["A"].evaluate(A=scores)
    assert np.array_equal(weights, np.exp(5.0) * np.tril(np.ones((3, 3))))


def test_cross_entropy_is_a_mean_over_the_rows_for_any_targets() -> None:
    d = sd.derive("cross_entropy(Z, T)", Z="n, k", T="n, k")
    truth = "(softmax(Z) * sum(T, axis=1) - T) / n"
    assert sd.check(d.problem, wrt="Z", claim=truth).verdict == "right"
    usual = sd.check(d.problem, wrt="Z", claim="(softmax(Z) - T) / n")
    assert (usual.verdict, usual.assumption) == ("right-if", "every row of T sums to 1")
    assert sd.check(d.problem, wrt="T", claim="-logsoftmax(Z) / n").verdict == "right"


def test_cross_entropy_of_every_row() -> None:
    rows = "Sum(i, cross_entropy(X[i, :], Y[i, :]) ** 2)"
    left, right = gradients(read(rows)), gradients(read("sum(sum(Y * logsoftmax(X), axis=1) ** 2)"))
    for sizes in ({"n": 2, "d": 3}, {"n": 3, "d": 2}):
        at = Explicit(sizes, point(read(rows), sizes, 1))
        for name in right:
            assert same_cells(at.cells(left[name]), at.cells(right[name]))


@pytest.mark.parametrize("name", ["layernorm", "rmsnorm"])
def test_a_column_is_refused(name: str) -> None:
    with pytest.raises(LanguageError, match="last axis") as caught:
        sd.problem(f"sum({name}(x, 1))", x="n")
    assert "x.T" in caught.value.remedy
