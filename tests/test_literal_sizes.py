"""Sizes that are numbers are sizes like any other: derived, checked, computed and verified."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import symderiv as sd
from symderiv.cli.main import main
from symderiv.codegen.evaluation import evaluate
from symderiv.core.expr import dim_size, div, mul, num, power
from symderiv.core.shapes import Dim, size, summed_sizes, symbol
from symderiv.ops.text import text
from symderiv.problems.number_sizes import with_symbols

# A problem, its sizes, and what stands for the numbers.
CASES = {
    "a vector": ("sum(x ** 2)", {"x": "500"}, {"n500": 500}),
    "a square": ("trace(A @ A)", {"A": "30, 30"}, {"n30": 30}),
    "an inverse": ("logdet(A)", {"A": "30, 30"}, {"n30": 30}),
    "least squares": (
        "norm(A @ x - b) ** 2",
        {"A": "80, 50", "x": "50", "b": "80"},
        {"n50": 50, "n80": 80},
    ),
    "a mean": ("mean(X * X)", {"X": "40, 3"}, {"n40": 40}),
    "a row stays one": ("sum(X @ w) ** 2", {"X": "1, 200", "w": "200"}, {"n200": 200}),
    "numbers beside symbols": ("L(X @ W)", {"X": "n, 300", "W": "300, m"}, {"n300": 300}),
    "a product of sizes": ("sum(reshape(X, 150) ** 2)", {"X": "10, 15"}, {"n10": 10, "n15": 15}),
    "a sum of sizes": (
        "sum((concat(X, Y, axis=0) @ w) ** 2)",
        {"X": "40, 6", "Y": "70, 6", "w": "6"},
        {"n6": 6, "n40": 40, "n70": 70},
    ),
    "a constructor": ("sum(A @ ones(30)) ** 2", {"A": "30, 30"}, {"n30": 30}),
    "a taken name": ("n30 * trace(A @ A)", {"A": "30, 30", "n30": "scalar"}, {"n30_": 30}),
}


N, M = symbol("n"), symbol("m")
FACTORS = [N, size(2) * N, N * M, summed_sizes([N, M]), size(2) * summed_sizes([N, M]) * M]


@pytest.mark.parametrize("dim", FACTORS, ids=str)
def test_a_size_of_several_factors_is_read_as_it_is_written(dim: Dim) -> None:
    p = sd.problem("sum(Y) * s", s="scalar", Y="n, m")
    sizes = {"n": 3, "m": 2}
    s, k, value = p.variables["s"].expr, dim_size(dim), dim.at(sizes)
    for e, expected in (
        (div(s, k), 5 / value),
        (power(k, num(2)), value**2),
        (mul(s, k), 5 * value),
    ):
        for written in (e, p.read(text(e))):
            assert float(evaluate(written, {"s": 5.0, **sizes})) == expected


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", CASES)
def test_numbers_are_checked_as_symbols(name: str) -> None:
    text, variables, symbols = CASES[name]
    certificate = sd.derive(text, **variables).verify()
    assert dict(certificate.symbols) == symbols
    assert certificate.roads
    assert certificate.steps
    assert not certificate.left_out


def test_code_and_values_keep_the_number() -> None:
    d = sd.derive("mean(X * X)", X="40, 3")
    assert d["X"].text == "X / 60"
    X = np.arange(120.0).reshape(40, 3)
    assert np.allclose(d["X"].evaluate(X=X), X / 60)
    assert np.allclose(d.compile().backward(X)["X"], X / 60)
    with pytest.raises(ValueError, match="40"):
        d.compile().backward(X[:3])


def test_small_numbers_mean_themselves() -> None:
    assert with_symbols(sd.problem("sum(x ** 2)", x="3")) is None
    assert with_symbols(sd.problem("sum(X)", X="n, 5")) is None


@pytest.mark.slow
def test_what_is_written_is_verified_again(tmp_path: Path) -> None:
    sd.derive("sum(x ** 2)", x="500").write(tmp_path, formats=["md", "py"])
    assert "n500" in (tmp_path / "derivation.md").read_text(encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(tmp_path)])
    assert not ended.value.code


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        ("2 * A.T @ (A @ x - b)", "right"),
        ("A.T @ (A @ x - b)", "wrong"),
        ("2 * A.T @ (A @ x - b) + zeros(50)", "right"),  # a number that is a size
        ("50 * A.T @ (A @ x - b)", "wrong"),
    ],
)
def test_claims_are_decided_at_small_sizes(claim: str, verdict: str) -> None:
    text, variables, _ = CASES["least squares"]
    assert sd.check(text, wrt="x", claim=claim, **variables).verdict == verdict


def test_a_number_that_comes_from_sizes_is_right() -> None:
    assert sd.check("mean(X * X)", wrt="X", claim="X / 60", X="40, 3").verdict == "right"
    assert sd.check("mean(X * X)", wrt="X", claim="X / 61", X="40, 3").verdict == "wrong"
    large = {"A": "800, 500", "x": "500", "b": "800"}
    claim = "2 * A.T @ (A @ x - b)"
    assert sd.check("norm(A @ x - b) ** 2", wrt="x", claim=claim, **large).verdict == "right"
