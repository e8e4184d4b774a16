"""Columns and rows that are declared with two axes go in and out of code and claims with two."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symderiv as sd

COLUMNS = {
    "a layer": ("Z = W @ x + b; A = tanh(Z); L(A)", {"x": "d, 1", "W": "h, d", "b": "h, 1"}),
    "two layers": (
        "L(V @ relu(W @ x + b) + c)",
        {"x": "d, 1", "W": "h, d", "b": "h, 1", "V": "m, h", "c": "m, 1"},
    ),
    "a softmax": ("L(softmax(W @ x, axis=0))", {"x": "d, 1", "W": "h, d"}),
    "a row": ("L(tanh(x @ W) + b)", {"x": "1, d", "W": "d, m", "b": "1, m"}),
}
SIZES = {"d": 3, "h": 2, "m": 4, "n": 5}


def drawn(shapes: dict[str, str]) -> dict[str, Any]:
    rng = np.random.default_rng(5)
    words = {n: [w.strip() for w in s.split(",")] for n, s in shapes.items()}
    return {n: rng.normal(size=[SIZES.get(w, 1) for w in s]) for n, s in words.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", COLUMNS)
def test_code_takes_and_returns_columns_as_they_are_declared(name: str) -> None:
    text, shapes = COLUMNS[name]
    d = sd.derive(text, **shapes)
    code, arrays = d.compile(), drawn(shapes)
    value = code.forward(**arrays)
    assert value.ndim == 2
    assert 1 in value.shape
    G = np.random.default_rng(1).normal(size=value.shape)
    for given in (G, G.ravel()):
        found = code.backward(**arrays, G=given)
        for n, x in arrays.items():
            assert found[n].shape == x.shape
            assert np.allclose(found[n], d[n].evaluate(**arrays, G=given))
            assert d[n].evaluate(**arrays, G=given).shape == x.shape
    with pytest.raises(ValueError, match="G has shape"):
        code.backward(**arrays, G=np.ones((2, 7)))
    d.verify()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["two layers", "a row"])
def test_the_written_test_of_a_module_passes(name: str, tmp_path: Any) -> None:
    text, shapes = COLUMNS[name]
    d = sd.derive(text, **shapes)
    d.write(tmp_path, formats=["py"])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)


def layer(x: Any, W: Any, b: Any, dA: Any) -> Any:  # noqa: N803
    A = np.tanh(W @ x + b)
    dZ = dA * (1 - A**2)
    return W.T @ dZ, dZ @ x.T, dZ


def test_a_backward_pass_in_columns() -> None:
    problem = sd.problem(COLUMNS["a layer"][0], **COLUMNS["a layer"][1])
    assert sd.check(problem, claim=layer).verdict == "right"

    def doubled(x: Any, W: Any, b: Any, dA: Any) -> Any:  # noqa: N803
        dx, dW, db = layer(x, W, b, dA)
        return dx, dW, 2 * db

    found = sd.check(problem, claim=doubled)
    assert found.wrong == ["b"]
    assert found["b"].slips == ("factor",)
    assert found["b"].counterexample is not None


def test_a_wrong_column_is_answered() -> None:
    shapes = {"W": "h, d", "x": "d, n", "b": "h, 1"}
    problem = sd.problem("sum(tanh(W @ x + b))", **shapes)

    def right(W: Any, x: Any, b: Any) -> Any:  # noqa: N803
        return np.sum(1 - np.tanh(W @ x + b) ** 2, axis=1, keepdims=True)

    assert sd.check(problem, "b", right).verdict == "right"
    found = sd.check(problem, "b", lambda W, x, b: 2 * right(W, x, b))
    assert (found.verdict, found.slips) == ("wrong", ("factor",))
    found = sd.check(problem, "b", lambda W, x, b: right(W, x, b)[:, 0])
    assert (found.verdict, found.slips) == ("wrong", ("shape",))
    assert "the gradient (h, 1)" in found.diagnosis
    assert sd.check(problem, "b", "ones(h)").verdict == "wrong"
    for n in shapes:
        arrays = drawn(shapes)
        space: dict[str, Any] = {"np": np, **arrays}
        exec(sd.check(problem, n, lambda W, x, b: W * 0 + 1).code, space)  # our own code
        assert np.allclose(space[f"d{n}"], sd.derive(problem)[n].evaluate(**arrays))
        assert space[f"d{n}"].shape == arrays[n].shape


REDUCED: dict[str, tuple[Callable[..., Any], str]] = {
    "one axis": (lambda X, W, dout: dout[:, None] * W, "dout = the given gradient G"),
    "two axes": (lambda X, W, dout: dout * W, "dout = the given gradient G, of two axes"),
}


@pytest.mark.parametrize("name", REDUCED)
def test_the_gradient_of_a_reduction_comes_with_its_axis_or_without(name: str) -> None:
    claim, words = REDUCED[name]
    problem = sd.problem("L(sum(X * W, axis=1))", X="n, d", W="n, d")
    found = sd.check(problem, "X", claim)
    assert found.verdict == "right"
    assert found.read_as == f"X, W, {words}"
    found = sd.check(problem, "X", lambda X, W, dout: 2 * claim(X, W, dout))
    assert (found.verdict, found.slips) == ("wrong", ("factor",))
