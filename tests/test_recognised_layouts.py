"""A function recognised in its steps has NumPy's values, however its reductions are laid out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.codegen.evaluation import evaluate
from symderiv.core.errors import LanguageError

SIZES = {"n": 4, "d": 3, "b": 2}
SHAPES = ["n, n", "n, d", "n", "n, 1", "1, n", "b, n, d", "b, n, n", "b, b, n", "b, n, b"]


def _steps(total: Callable[..., Any]) -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """Yield functions in steps, in which ``total`` takes sums and their like of an array."""

    def shares(z: Any) -> Any:
        e = np.exp(z - total(np.max, z))
        return e / total(np.sum, e)

    def logarithms(z: Any) -> Any:
        shifted = z - total(np.max, z)
        return shifted - np.log(total(np.sum, np.exp(shifted)))

    def logsumexp(z: Any) -> Any:
        return np.log(total(np.sum, np.exp(z - total(np.max, z)))) + total(np.max, z)

    def normalized(z: Any) -> Any:
        return (z - total(np.mean, z)) / np.sqrt(total(np.var, z) + 0.01)

    def scaled(z: Any) -> Any:
        return z / np.sqrt(total(np.mean, z * z) + 0.01)

    yield from ((f.__name__, f) for f in (shares, logarithms, logsumexp, normalized, scaled))


def _layouts(rank: int) -> Iterator[tuple[Any, bool, bool]]:
    axes: list[Any] = [None, *range(-rank, rank), *([(0, 1)] if rank > 1 else [])]
    for axis in axes:
        for kept in (True, False):
            yield axis, kept, False
            yield axis, kept, True


def check(shape: str, axis: Any, kept: bool, widened: bool) -> None:
    """Compare every function in steps with NumPy, or let it be refused."""

    def total(reduce: Callable[..., Any], z: Any) -> Any:
        found = reduce(z, axis=axis, keepdims=kept)
        return found[..., None] if widened and found.ndim else found

    dims = [SIZES.get(word, 1) for word in shape.split(", ")]
    z = np.random.default_rng(0).normal(size=dims)
    for name, f in _steps(total):
        try:
            p = sd.trace(f, z=shape)
        except LanguageError:
            continue  # NumPy refuses it, for other sizes at least
        found = evaluate(p.objective, {"z": z, **{k: SIZES[k] for k in p.dims}})
        expected = np.squeeze(f(z))
        assert np.squeeze(found).shape == expected.shape, (name, p.text)
        assert np.allclose(np.squeeze(found), expected), (name, p.text)


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_functions_in_steps_have_their_values_in_every_layout(shape: str) -> None:
    for layout in _layouts(shape.count(",") + 1):
        check(shape, *layout)


@pytest.mark.parametrize(
    ("shape", "axis", "kept", "widened"),
    [("b, n, n", (0, 1), True, True), ("n, n", 0, False, False), ("n, n", 1, False, True)],
)
def test_what_is_added_back_in_another_layout_is_no_shift(
    shape: str, axis: Any, kept: bool, widened: bool
) -> None:
    check(shape, axis, kept, widened)
