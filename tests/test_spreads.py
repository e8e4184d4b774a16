"""What every term of a derivative divides by has a name, said once: σ of a layer norm."""

from __future__ import annotations

import numpy as np
import pytest

import symderiv as sd
from symderiv.core.expr import walk_all
from symderiv.ops.text import text

# An objective, its declarations, the gradient with respect to X in names, and what these are.
NAMED = [
    (
        "Y = layernorm(X, eps); L(Y)",
        {"X": "n, d", "eps": "scalar"},
        "(G - mean(G, axis=1) - Y * mean(G * Y, axis=1)) / sigma_X",
        {"sigma_X": "sqrt(var(X, axis=1) + eps)"},
    ),
    (
        "Y = rmsnorm(X, eps); L(Y)",
        {"X": "n, d", "eps": "scalar"},
        "(G - Y * mean(G * Y, axis=1)) / rho_X",
        {"rho_X": "sqrt(eps + mean(X ** 2, axis=1))"},
    ),
    (
        "Y = rmsnorm(X, 0); L(Y)",
        {"X": "n, d"},
        "(G - Y * mean(G * Y, axis=1)) / rho_X",
        {"rho_X": "sqrt(mean(X ** 2, axis=1))"},
    ),
    (
        "H1 = A @ X; Y = layernorm(H1, 0.5); L(Y)",
        {"A": "m, n", "X": "n, d"},
        "A.T @ dH1",
        {"sigma1": "sqrt(var(H1, axis=1) + 0.5)"},
    ),
    # A name of the writer's for it is taken, and no name of theirs is taken twice.
    (
        "s = sqrt(var(X, axis=1) + eps); Y = layernorm(X, eps); L(Y * s)",
        {"X": "n, d", "eps": "scalar"},
        "(dY - mean(dY, axis=1) - Y * mean(dY * Y, axis=1)) / s"
        " + 2 * (X - mean(X, axis=1)) * dv / d",
        {},
    ),
    (
        "Y = layernorm(X, eps); L(sigma_X * Y)",
        {"X": "n, d", "eps": "scalar", "sigma_X": "scalar"},
        "(dY - mean(dY, axis=1) - Y * mean(dY * Y, axis=1)) / sigma1",
        {"sigma1": "sqrt(var(X, axis=1) + eps)"},
    ),
]


@pytest.mark.parametrize(("source", "declared", "gradient", "names"), NAMED)
def test_the_root_in_a_derivative_has_a_name(
    source: str, declared: dict[str, str], gradient: str, names: dict[str, str]
) -> None:
    d = sd.derive(source, **declared).data
    section = d["X"].section
    assert text(section.result) == gradient
    lines = [s for x in d.sections for s in x.steps if " names this root" in s.reason]
    assert {str(s.reason[0].data): text(s.reason[0].args[0]) for s in lines} == names
    assert d.recheck() > 0


@pytest.mark.parametrize("name", ["layer-norm", "rms-norm"])
def test_every_style_says_the_name_once_before_it_is_used(name: str) -> None:
    d = sd.derive(name).data
    for steps in ([s for x in d.sections for s in x.steps], d.differentials):
        uses = [_is_named(s.before) or _is_named(s.after) for s in steps]
        first = uses.index(True)
        assert " names this root" in steps[first].reason
        assert sum(" names this root" in s.reason for s in steps) == 1


def _is_named(x: sd.core.expr.Expr) -> bool:
    found = walk_all([x], lambda e: e.is_name)
    return any(e.is_name and str(e.data).startswith(("sigma", "rho")) for e in found)


def test_a_gradient_as_text_needs_no_automatic_name() -> None:
    d = sd.derive("Y = layernorm(X, eps); L(Y)", X="n, d", eps="scalar")
    assert "sigma" not in d["X"].text
    again = sd.derive(f"Z = {d['X'].text}; L(Z)", X="n, d", eps="scalar", G="n, d", Y="n, d")
    assert again.data.problem.variables["X"].shape == d.data.problem.variables["X"].shape


def test_what_is_written_out_is_as_it_was() -> None:
    """What a writer divides by is an intermediate of theirs, with no second name."""
    d = sd.derive(
        "M = mean(X, axis=0); C = X - M; S = mean(C ** 2, axis=0) + eps; L(C / sqrt(S))",
        X="n, d",
        eps="scalar",
    ).data
    assert not any(" names this root" in s.reason for x in d.sections for s in x.steps)


# What a writer spells out, with the automatic names and what they stand for.
SPELLED = [
    (
        "L((X - mean(X, axis=1)) / sqrt(var(X, axis=1) + eps))",
        {"X": "n, d", "eps": "scalar"},
        "dC + 2 * C * dv / d - mean(dC, axis=1)",
        {"C": "X - mean(X, axis=1)", "v": "z + eps", "z": "var(X, axis=1)"},
    ),
    (
        "L((X - mean(X, axis=0)) / sqrt(mean((X - mean(X, axis=0)) ** 2, axis=0) + eps))",
        {"X": "n, d", "eps": "scalar"},
        "dC - mean(dC, axis=0)",
        {"C": "X - mean(X, axis=0)", "v": "eps + mean(C ** 2, axis=0).T"},
    ),
    (
        "L((x - mean(x)) / std(x))",
        {"x": "n"},
        "dc - mean(dc) - (c.T @ G) * c / (std(x) ** 3 * n)",
        {"c": "x - mean(x)"},
    ),
    (
        "L(X / sqrt(mean(X ** 2, axis=1) + eps))",
        {"X": "n, d", "eps": "scalar"},
        "G / sqrt(v) + 2 * X * dv / d",
        {"v": "mean(X ** 2, axis=1) + eps"},
    ),
]


@pytest.mark.parametrize(("source", "declared", "gradient", "names"), SPELLED)
def test_a_standardisation_spelled_out_has_the_letters_that_people_use(
    source: str, declared: dict[str, str], gradient: str, names: dict[str, str]
) -> None:
    d = sd.derive(source, **declared).data
    found = d[next(iter(declared))].section
    assert text(found.result) == gradient
    values = {str(s.expr.data): text(s.expr.args[0]) for s in d.stages if s.automatic}
    assert names.items() <= values.items()
    assert d.recheck() > 0


def test_the_code_computes_the_name_once() -> None:
    made = sd.derive("layer-norm")
    module = made.compile().module
    assert module.excerpt.count("_var(") == 1
    assert "sigma_X = np.sqrt(_var(X, axis=1) + eps)" in module.excerpt
    forward = module.source.partition("def forward")[2].partition("def backward")[0]
    before, _, kept = forward.partition("if cache is not None:")
    assert "sigma_X" not in before.partition('"""\n    ')[2].rpartition('"""')[2]
    assert "sigma_X = " in kept


@pytest.mark.parametrize("norm", ["layernorm", "rmsnorm"])
def test_the_gradients_are_those_of_differences(norm: str) -> None:
    code = sd.derive(f"Y = {norm}(X, eps); L(Y * g.T)", X="n, d", eps="scalar", g="d").compile()
    assert any(n in code.source for n in ("sigma_X", "rho_X"))
    rng = np.random.default_rng(0)
    x, eps, g, given = rng.normal(size=(3, 4)), 0.3, rng.normal(size=4), rng.normal(size=(3, 4))

    def loss(x: np.ndarray, eps: float) -> float:
        c = x - x.mean(axis=1, keepdims=True) if norm == "layernorm" else x
        y = c / np.sqrt((c**2).mean(axis=1, keepdims=True) + eps)
        return float((given * y * g).sum())

    found = code.backward(X=x, eps=eps, g=g, G=given)
    h = 1e-6
    for k in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[k] = h
        slope = (loss(x + step, eps) - loss(x - step, eps)) / (2 * h)
        assert found["X"][k] == pytest.approx(slope, abs=1e-7)
    slope = (loss(x, eps + h) - loss(x, eps - h)) / (2 * h)
    assert found["eps"] == pytest.approx(slope, abs=1e-7)
