"""Generated code for PyTorch: every operator equals NumPy's, the library's modules autograd."""

from pathlib import Path

import numpy as np
import pytest
from library_code import SAMPLES, arrays_of, close, code_of, operators, passes

import symderiv as sd
from symderiv.codegen.library_modules import compile_library
from symderiv.codegen.torch_module import torch_module_of
from symderiv.core.errors import UnsupportedError
from symderiv.ops import TABLE
from symderiv.problems.library import names

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

# PyTorch has no function for them.
WITHOUT = {"logm", "sqrtm", "logm_frechet", "sylvester"}


@pytest.mark.sampled(12)
@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_operator_computes_what_numpy_does(name: str, sample: str) -> None:
    found = code_of(sample)
    if found is None:
        return
    d, code = found
    if operators(d) & WITHOUT:
        with pytest.raises(UnsupportedError, match="has no code for PyTorch"):
            torch_module_of(d.data)
        return
    theirs = compile_library(torch_module_of(d.data))
    arrays, sizes = arrays_of(d, TABLE[name].domain)
    *inputs, given = arrays if d.problem.upstream else [*arrays, np.ones(())]
    hidden = {n: sizes[n] for n in code.module.sizes}
    with np.errstate(all="ignore"):
        value = code.forward(*inputs, **hidden)
        ours = code.backward(*arrays, **hidden)
    tensors = [torch.tensor(a, requires_grad=True) for a in inputs]
    result = theirs(*tensors, **hidden)
    close(result.detach().numpy(), value)
    slopes = torch.autograd.grad(result, tensors, torch.tensor(given), allow_unused=True)
    for n, slope in zip(d.problem.variables, slopes, strict=True):
        close(np.zeros(np.shape(ours[n])) if slope is None else slope.numpy(), ours[n])


@pytest.mark.sampled(9)
@pytest.mark.parametrize("name", names())
def test_module_of_the_library_passes_its_own_test(name: str, tmp_path: Path) -> None:
    assert passes(sd.derive(sd.load(name)), "torch", tmp_path)


def test_variable_without_a_derived_gradient_is_refused() -> None:
    code = sd.derive("sum((X @ w) ** 2)", wrt="w").compile("torch")
    x, w = torch.ones(3, 2, requires_grad=True), torch.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match="no gradient was derived by X"):
        code(x, w)
    assert code(x.detach(), w).requires_grad


def test_parameters_of_the_layer_can_be_chosen() -> None:
    d = sd.derive(sd.load("lora"))
    assert d.compile("torch", parameters=["A"]).module.parameters == ("A",)
