"""A traced function beside the function itself: its value, and gradients by differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import symderiv as sd
from symderiv.codegen.evaluation import evaluate

SIZES = {"n": 4, "d": 3, "k": 2, "m": 5, "h": 2, "b": 2, "t": 3}


def _length(word: str) -> int:
    return math.prod(SIZES.get(w.strip(), 0) or int(w) for w in word.split("*"))


def arrays_of(shapes: dict[str, str]) -> dict[str, Any]:
    """Return numbers for arrays of the given shapes, labels and probabilities positive."""
    rng = np.random.default_rng(7)
    found: dict[str, Any] = {}
    for name, shape in shapes.items():
        words = [] if shape == "scalar" else [_length(w) for w in shape.split(",")]
        drawn = rng.normal(size=tuple(words))
        found[name] = drawn if words else float(drawn)
    if "Y" in found and "W" in found:
        found["Y"] = np.abs(found["Y"])
    return found


def _copies(arrays: dict[str, Any]) -> dict[str, Any]:
    return {n: np.array(x) if np.ndim(x) else x for n, x in arrays.items()}


def _differences(f: Callable[..., Any], arrays: dict[str, Any], name: str) -> Any:
    x = np.asarray(arrays[name], dtype=float)
    slope = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        sides = []
        for step in (1e-6, -1e-6):
            moved = x.copy()
            moved[place] += step
            sides.append(f(**{**_copies(arrays), name: moved if moved.ndim else float(moved)}))
        slope[place] = (sides[0] - sides[1]) / 2e-6
    return slope


def compare(f: Callable[..., Any], shapes: dict[str, str]) -> None:
    """Check that the traced function has the value and the gradients of the function."""
    arrays = arrays_of(shapes)
    value = f(**_copies(arrays))
    matrix = np.ndim(value) > 0
    p = sd.trace(f, loss="Loss" if matrix else None, **shapes)
    plain = sd.trace(f, **shapes)
    sizes = {w: k for w, k in SIZES.items() if w in plain.dims}
    ours = evaluate(plain.objective, {**arrays, **sizes})
    assert np.squeeze(ours).shape == np.squeeze(value).shape
    assert np.allclose(np.squeeze(ours), np.squeeze(value))
    weights = np.random.default_rng(1).normal(size=np.shape(value))
    given = {next(iter(p.upstream)): weights} if matrix else {}
    d = sd.derive(p)
    for name in shapes:
        slope = _differences(lambda **a: np.sum(f(**a) * weights), arrays, name)
        if not matrix:
            slope = slope / weights
        result = d[name].evaluate(**arrays, **given)
        assert np.allclose(result, slope, rtol=1e-5, atol=1e-6), (name, d[name].text)
