"""The test that travels with a module for JAX: pytest, ``check_grads``, ``jit``, ``vmap``."""

from __future__ import annotations

from collections.abc import Sequence

from ..derivation.derivations import DerivedGradients
from .guard import checked
from .jax_helpers import JAX
from .library_modules import LibraryModule
from .literals import literal
from .module import Module
from .numpy_code import python_name
from .testfile import POINT, parts_of_test

_OPENING = '''"""Tests of {module}.py: gradients against JAX's own, under jit, vmap and grad."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import {module} as code

jax.config.update("jax_enable_x64", True)

'''
_TOOLS = '''

def arrays(sizes, seed, dtype=np.float64):
    """Return random arrays of a dtype, as JAX has them."""
    inputs, given = draw(sizes, seed)
    as_jax = [{{n: jnp.asarray(a, dtype=dtype) for n, a in x.items()}} for x in (inputs, given)]
    return as_jax[0], as_jax[1]


def named(sizes):
    """Return what is passed by name: sizes that no array shows, unspecified functions."""
    return {{**FUNCTIONS, **{{d: sizes[d] for d in HIDDEN}}}}


def loss(function, inputs, given, sizes):
    """Return a scalar function of the arrays by which gradients are derived."""

    def value(chosen):
        whole = {{**inputs, **chosen}}
        found = function(*(whole[n] for n in VARIABLES), **named(sizes))
        for gradient in given.values():
            found = (gradient * found).sum()
        return found.sum()

    return value


def gradients(function, inputs, given, sizes):
    chosen = {{n: inputs[n] for n in DERIVED}}
    return jax.jit(jax.grad(loss(function, inputs, given, sizes)))(chosen)


def close(found, expected, bound=1e-9):
    """Whether arrays are equal to rounding, where those expected are finite."""
    if not bool(jnp.isfinite(expected).all()):
        return True
    return bool((jnp.abs(found - expected) <= bound * jnp.maximum(1, jnp.abs(expected))).all())


@pytest.mark.parametrize("seed", POINTS)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_gradients_equal_those_of_jax(sizes, seed):
    inputs, given = arrays(sizes, seed)
    found = gradients(code.{function}, inputs, given, sizes)
    expected = gradients(code.forward, inputs, given, sizes)
    if not all(bool(jnp.isfinite(g).all()) for g in found.values()):
        pytest.skip("outside the domain at these sizes")
    for name in DERIVED:
        assert found[name].shape == inputs[name].shape
        assert close(found[name], expected[name]), name


def test_jit_changes_nothing():
    inputs, given = arrays(SIZES[0], 0)
    chosen = {{n: inputs[n] for n in DERIVED}}
    plain = jax.grad(loss(code.{function}, inputs, given, SIZES[0]))(chosen)
    compiled = gradients(code.{function}, inputs, given, SIZES[0])
    for name in DERIVED:
        assert close(compiled[name], plain[name]), name


def test_vmap_takes_one_point_after_the_other():
    points = [arrays(SIZES[0], seed)[0] for seed in (0, 1)]
    _, given = arrays(SIZES[0], 0)
    stacked = {{n: jnp.stack([p[n] for p in points]) for n in VARIABLES}}

    def slopes(inputs):
        return gradients(code.{function}, inputs, given, SIZES[0])

    found = jax.jit(jax.vmap(slopes))(stacked)
    for k, inputs in enumerate(points):
        for name, expected in slopes(inputs).items():
            assert close(found[name][k], expected), name


def test_gradients_are_differentiated_again():
    inputs, given = arrays(SIZES[0], 0)
    chosen = {{n: inputs[n] for n in DERIVED}}

    def size(function):
        slopes = jax.grad(loss(function, inputs, given, SIZES[0]))
        whole = jax.grad(lambda x: sum((g * jnp.cos(g)).sum() for g in slopes(x).values()))
        return jax.jit(whole)(chosen)

    found, expected = size(code.{function}), size(code.forward)
    for name in DERIVED:
        assert close(found[name], expected[name], 1e-7), name


def test_float32_stays_float32():
    inputs, given = arrays(SIZES[0], 0, np.float32)
    assert code.{function}(*inputs.values(), **named(SIZES[0])).dtype == np.float32
    for gradient in gradients(code.{function}, inputs, given, SIZES[0]).values():
        assert gradient.dtype == np.float32


@pytest.mark.parametrize("name", VARIABLES)
def test_wrong_shape_is_refused(name):
    inputs, _ = arrays(SIZES[0], 0)
    inputs[name] = jnp.ones((*inputs[name].shape, 2))
    with pytest.raises(ValueError, match=name + r" has shape .* expected"):
        code.{function}(*inputs.values(), **named(SIZES[0]))
'''


def source_of_jax_test(
    derivation: DerivedGradients,
    module: LibraryModule,
    numpy: Module,
    positive: Sequence[str] = (),
    scale: float = 1.0,
) -> str:
    """Return the source of a pytest file for a module for JAX.

    ``numpy`` is the module of the same derivation for NumPy; ``positive`` and ``scale`` say where
    points are drawn, as for its test.
    """
    parts = parts_of_test(derivation, numpy, positive, scale)
    names = {
        **parts,
        "module": module.name,
        "function": module.function,
        "functions": JAX.code(parts["functions"]),
        "matrices": "",
        "conventions": "",
    }
    derived = [python_name(n) for n in derivation.problem.variables if n in derivation]
    constants = f"DERIVED = {literal(derived)}\n"
    source = _OPENING.format(**names) + constants + (POINT + _TOOLS).format(**names)
    checked(source, ["pytest", module.name], "jax")
    return source
