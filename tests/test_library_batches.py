"""Batch axes: the ready-made problems with inputs X: t, n, d in place of X: n, d.

Written row by row, such a problem is that of every batch entry: the gradient by a parameter adds
the entries' gradients up, that by the input stacks them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.core.errors import SymderivError
from symderiv.evidence.differences import (
    TOLERANCE,
    backward,
    differences,
    draw,
    hidden_sizes,
    relative_error,
)
from symderiv.problems import library

SIZES = {"t": 2, "n": 3, "d": 4, "m": 5, "k": 2, "h": 2, "r": 2, "K": 3}
# What cannot have a batch axis in front, and why.
REFUSED = {
    "convolution-1d": "has 2 letters for 3 axes",  # einsum names every axis
    "convolution-2d": "has 2 letters for 3 axes",
}


def batched(p: sd.Problem) -> sd.Problem:
    """Return the problem with one axis more in front of X."""
    shapes = {
        v.name: " ".join([", ".join(map(str, v.written)) or "scalar", *v.properties])
        for v in p.variables.values()
    }
    return sd.problem(p.text, wrt=p.wrt, **{**shapes, "X": f"t, {shapes['X']}"})


def written_by_rows() -> list[str]:
    found = []
    for name in library.names():
        p = library.load_named(name)
        x = p.variables.get("X")
        if x is not None and x.kind == "matrix" and p.objective.op == "loss":
            found.append(name)
    return found


NAMES = sorted({*written_by_rows()} - {*REFUSED})
# The mean over axis 0 is one over the batch: a function of its own, not a loop.
COUPLED = {"batch-norm"}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", NAMES)
def test_gradients_of_a_batch_are_those_of_its_function(name: str) -> None:
    d = sd.derive(batched(sd.load(name)))
    compiled = d.compile()
    sizes = {dim: SIZES.get(dim, 3) for dim in d.problem.dims}
    keywords = hidden_sizes(compiled, sizes)
    method = "complex step" if compiled.module.analytic else "central differences"
    inputs, given = draw(d.data, sizes, 1)
    found = backward(compiled, inputs, given, keywords)
    for n in d:
        expected = differences(compiled, inputs, given, keywords, n, method)
        assert relative_error(found[n], expected) < TOLERANCE[method], n


@pytest.mark.slow
@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", sorted({*NAMES} - COUPLED))
def test_a_batch_is_the_loop_over_its_entries(name: str) -> None:
    one, all_ = sd.derive(name), sd.derive(batched(sd.load(name)))
    sizes = {d: SIZES.get(d, 3) for d in all_.problem.dims}
    inputs, given = draw(all_.data, sizes, 1)
    (upstream,) = given
    loop: dict[str, list[Any]] = {n: [] for n in one}
    for t in range(SIZES["t"]):
        here = {**inputs, **sizes, "X": inputs["X"][t], upstream: given[upstream][t]}
        for n in one:
            loop[n].append(one[n].evaluate(**here))
    compiled = all_.compile()
    run = backward(compiled, inputs, given, hidden_sizes(compiled, sizes))
    for n in one:
        expected = np.stack(loop[n]) if n == "X" else sum(loop[n])
        found = all_[n].evaluate(**inputs, **given, **sizes)
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(run[n], expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_cannot_be_batched_is_refused_by_name(name: str) -> None:
    with pytest.raises(SymderivError, match=REFUSED[name]):
        sd.derive(batched(sd.load(name)))
