"""Places in tensors, truth values, axes and names that ordinary code has, traced."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from traced_values import compare

import symderiv as sd
from symderiv.core.errors import SymderivError


def first_token(X: Any, W: Any) -> Any:
    return np.tanh(X[:, 0, :] @ W)


def one_entry(X: Any) -> Any:
    return X[1, 0, 2] * np.sum(X)


def recurrent_batch(X: Any, W: Any, U: Any) -> Any:
    h = np.zeros((X.shape[0], U.shape[0]))
    for t in range(3):
        h = np.tanh(X[:, t] @ W + h @ U)
    return h


def kept_axis(X: Any) -> Any:
    m = X.max(axis=1, keepdims=True)
    return m[:, 0] * np.sum(X, axis=1)


def dot_of_a_stack(X: Any, W: Any) -> Any:
    return np.tanh(np.dot(X, W))


def norm_of_images(X: Any, g: Any) -> Any:
    mu, v = X.mean(axis=(0, 2), keepdims=True), X.var(axis=(0, 2), keepdims=True)
    return g[:, None] * (X - mu) / np.sqrt(v + 1e-5)


def both(x: Any, y: Any) -> Any:
    return np.where((x > 0) & (y < 0.5), x * y, x**2)


def neither(x: Any, y: Any) -> Any:
    return np.where(~(x > 0) | np.logical_and(y < 0.5, x < 2), x * y, x**2)


def outliers(x: Any) -> Any:
    return np.sum(np.logical_or(x > 0.5, x < -0.5) * x**2)


def length(T: Any) -> Any:
    return np.linalg.norm(T) + np.sum(np.linalg.norm(T, axis=(1, 2)))


def moved(T: Any, W: Any) -> Any:
    return np.moveaxis(T, 1, -1) ** 3 * W


def repeated(x: Any) -> Any:
    h = np.exp(x)
    return np.sum(np.broadcast_to(h, (2, *h.shape)) * h)


def likelihood(x: Any, mean: Any, var: Any) -> Any:
    return 0.5 * np.mean(np.log(2 * np.pi * var**2) + (x - mean) ** 2 / var**2)


def offset(A: Any) -> Any:
    return np.trace(A, offset=0) ** 2


TRACED: list[tuple[Callable[..., Any], dict[str, str]]] = [
    (first_token, {"X": "b, n, d", "W": "d, k"}),
    (one_entry, {"X": "b, n, d"}),
    (recurrent_batch, {"X": "b, 3, d", "W": "d, k", "U": "k, k"}),
    (kept_axis, {"X": "n, d"}),
    (dot_of_a_stack, {"X": "b, n, d", "W": "d, k"}),
    (norm_of_images, {"X": "b, n, d", "g": "n"}),
    (both, {"x": "n", "y": "n"}),
    (neither, {"x": "n", "y": "n"}),
    (outliers, {"x": "n"}),
    (length, {"T": "b, n, d"}),
    (moved, {"T": "b, n, d", "W": "d, n"}),
    (repeated, {"x": "n"}),
    (likelihood, {"x": "n, d", "mean": "d", "var": "d"}),
    (offset, {"A": "n, n"}),
]


@pytest.mark.parametrize(("f", "shapes"), TRACED, ids=[f.__name__ for f, _ in TRACED])
def test_places_axes_and_truth_values_mean_what_they_mean_to_numpy(
    f: Callable[..., Any], shapes: dict[str, str]
) -> None:
    compare(f, shapes)


def written_over(x: Any) -> Any:
    h = np.exp(x)
    g = np.broadcast_to(h, (2, *h.shape))
    h *= 3
    return np.sum(g * h)


REFUSED: list[tuple[Callable[..., Any], str]] = [
    (written_over, "write x = x + .."),
    (lambda x: np.sum(np.where(x > 0, -np.inf, x)), "-1e9"),
    (lambda x: np.sum((x > 0) & x), "compare first"),
]


@pytest.mark.parametrize(("f", "remedy"), REFUSED)
def test_what_has_another_meaning_is_refused(f: Callable[..., Any], remedy: str) -> None:
    with pytest.raises(SymderivError, match=re.escape(remedy)):
        sd.trace(f, x="n")


def test_a_function_gives_its_name_to_the_title() -> None:
    assert sd.trace(outliers, x="n").title == "Gradients of outliers"
    assert sd.trace(lambda x: np.sum(x), x="n").title != "Gradients of <lambda>"


def test_a_variable_may_have_the_name_of_a_function() -> None:
    d = sd.derive("sum(mean * mean(X, axis=0).T)", mean="d", X="n, d")
    assert d["mean"].text == "mean(X, axis=0).T"
    with pytest.raises(SymderivError, match="A is a matrix, not a function"):
        sd.derive("sum(A(X))", A="n, n", X="n, d")
