"""The test that travels with a module for PyTorch: pytest, ``gradcheck``, and autograd's slopes."""

from __future__ import annotations

from collections.abc import Sequence

from ..derivation.derivations import DerivedGradients
from .guard import checked
from .library_modules import LibraryModule
from .literals import literal
from .module import Module
from .numpy_code import python_name
from .testfile import POINT, parts_of_test
from .torch_helpers import TORCH

_OPENING = '''"""Tests of {module}.py: gradients against differences and autograd."""

import numpy as np
import pytest
import torch

import {module} as code

'''
_TOOLS = '''

def tensors(sizes, seed, dtype=torch.float64):
    """Return random tensors; gradients are taken by those of DERIVED alone."""
    inputs, given = draw(sizes, seed)
    found = {{n: torch.tensor(a, dtype=dtype) for n, a in inputs.items()}}
    for n in DERIVED:
        found[n].requires_grad_()
    return found, {{n: torch.tensor(a, dtype=dtype) for n, a in given.items()}}


def named(sizes):
    """Return what is passed by name: sizes that no array shows, unspecified functions."""
    return {{**FUNCTIONS, **{{d: sizes[d] for d in HIDDEN}}}}


def gradients(function, inputs, given, sizes, by=None):
    """Return the gradients of a function of the tensors, zeros where it is constant."""
    by = DERIVED if by is None else by
    value = function(*inputs.values(), **named(sizes))
    for gradient in given.values():
        value = (gradient * value).sum()
    if not value.requires_grad:
        return {{n: torch.zeros_like(inputs[n]) for n in by}}
    found = torch.autograd.grad(value, [inputs[n] for n in by], allow_unused=True)
    pairs = zip(by, found)
    return {{n: torch.zeros_like(inputs[n]) if g is None else g for n, g in pairs}}


def are_finite(found):
    return all(bool(torch.isfinite(g).all()) for g in found.values())


@pytest.mark.parametrize("seed", POINTS)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_gradients_equal_those_of_autograd(sizes, seed):
    inputs, given = tensors(sizes, seed)
    found = gradients(code.{function}, inputs, given, sizes)
    expected = gradients(code.forward, inputs, given, sizes)
    for name in DERIVED:
        assert found[name].shape == inputs[name].shape
        if are_finite(found) and bool(torch.isfinite(expected[name]).all()):
            gap = (found[name] - expected[name]).abs()
            assert bool((gap <= {tolerance} * expected[name].abs().clamp(min=1)).all()), name


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_gradcheck(sizes):
    inputs, given = tensors(sizes, 0)
    if not are_finite(gradients(code.{function}, inputs, given, sizes)):
        pytest.skip("outside the domain at these sizes")

    def function(*arrays):
        return code.{function}(*arrays, **named(sizes))

    arrays = tuple(inputs.values())
    assert torch.autograd.gradcheck(function, arrays)
{again}

def test_every_gradient_can_be_asked_for_alone():
    inputs, given = tensors(SIZES[0], 0)
    whole = gradients(code.{function}, inputs, given, SIZES[0])
    for name in DERIVED:
        fixed = {{n: a if n == name else a.detach() for n, a in inputs.items()}}
        (alone,) = gradients(code.{function}, fixed, given, SIZES[0], [name]).values()
        assert torch.equal(alone, whole[name]) or not are_finite(whole), name


def test_float32_stays_float32():
    inputs, given = tensors(SIZES[0], 0, torch.float32)
    assert code.{function}(*inputs.values(), **named(SIZES[0])).dtype == torch.float32
    for gradient in gradients(code.{function}, inputs, given, SIZES[0]).values():
        assert gradient.dtype == torch.float32


def test_the_layer_computes_the_function():
    inputs, _ = tensors(SIZES[0], 0)
    held = {{n: inputs[n].detach().clone() for n in PARAMETERS}}
    layer = code.{layer}(*held.values(), **{{d: SIZES[0][d] for d in HIDDEN}})
    given = [a for n, a in inputs.items() if n not in PARAMETERS]
    found = layer(*given, **FUNCTIONS)
    expected = code.{function}(*inputs.values(), **named(SIZES[0]))
    assert torch.equal(found, expected) or not bool(torch.isfinite(expected).all())
    assert len(list(layer.parameters())) == len(PARAMETERS)


@pytest.mark.parametrize("name", VARIABLES)
def test_wrong_shape_is_refused(name):
    inputs, _ = tensors(SIZES[0], 0)
    inputs[name] = torch.ones((*inputs[name].shape, 2), dtype=torch.float64)
    with pytest.raises(ValueError, match=name + r" has shape .* expected"):
        code.{function}(*inputs.values(), **named(SIZES[0]))
'''
_TWICE = """    assert torch.autograd.gradgradcheck(function, arrays)
"""
_ONCE = """

def test_a_second_derivative_is_refused():
    inputs, given = tensors(SIZES[0], 0)
    value = code.{function}(*inputs.values(), **named(SIZES[0]))
    by = [inputs[n] for n in DERIVED]
    with pytest.raises(RuntimeError, match="order 2"):
        torch.autograd.grad(value.sum(), by, create_graph=True, allow_unused=True)
"""


def source_of_torch_test(
    derivation: DerivedGradients,
    module: LibraryModule,
    numpy: Module,
    positive: Sequence[str] = (),
    scale: float = 1.0,
) -> str:
    """Return the source of a pytest file for a module for PyTorch.

    ``numpy`` is the module of the same derivation for NumPy; ``positive`` and ``scale`` say where
    points are drawn, as for its test.
    """
    parts = parts_of_test(derivation, numpy, positive, scale)
    names = {
        **parts,
        "module": module.name,
        "function": module.function,
        "layer": dict(module.others)["layer"],
        "tolerance": "1e-9",
        "functions": TORCH.code(parts["functions"]),
        "matrices": "",
        "conventions": "",
        "again": _TWICE if module.twice else _ONCE.format(function=module.function),
    }
    derived = [python_name(n) for n in derivation.problem.variables if n in derivation]
    held = literal([python_name(n) for n in module.parameters])
    constants = f"DERIVED = {literal(derived)}\nPARAMETERS = {held}\n"
    source = _OPENING.format(**names) + constants + (POINT + _TOOLS).format(**names)
    checked(source, ["pytest", module.name, module.name.split(".")[0]], "torch")
    return source
