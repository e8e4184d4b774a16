"""Generated code for PyTorch: every operator equals NumPy's, the library's modules autograd."""

from math import prod
from pathlib import Path
from typing import Any

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

# The block of GPT-2: norms before the sublayers, causal attention with heads, an MLP with GELU.
GPT2 = """
N1 = layernorm(X, 1e-5) * g1.T + c1.T
Q = split_heads(N1 @ Wq + bq.T, h)
K = split_heads(N1 @ Wk + bk.T, h)
V = split_heads(N1 @ Wv + bv.T, h)
S = softmax(Q @ K.mT / sqrt(k) + causal_mask(T))
R = X + merge_heads(S @ V) @ Wo + bo.T
N2 = layernorm(R, 1e-5) * g2.T + c2.T
Z = R + gelu_tanh(N2 @ W1 + b1.T) @ W2 + b2.T
L(Z)
"""
OF_GPT2 = {
    "X": "T, d", "g1": "d", "c1": "d", "Wq": "d, h*k", "bq": "h*k", "Wk": "d, h*k", "bk": "h*k",
    "Wv": "d, h*k", "bv": "h*k", "Wo": "h*k, d", "bo": "d", "g2": "d", "c2": "d", "W1": "d, f",
    "b1": "f", "W2": "f, d", "b2": "d",
}  # fmt: skip

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
    with pytest.raises(ValueError, match="no gradient was derived with respect to X"):
        code(x, w)
    assert code(x.detach(), w).requires_grad


def test_parameters_of_the_layer_can_be_chosen() -> None:
    d = sd.derive(sd.load("lora"))
    assert d.compile("torch", parameters=["A"]).module.parameters == ("A",)


def block(sizes: dict[str, int]) -> list[Any]:
    torch.manual_seed(0)
    shapes = [
        [prod(sizes[n] for n in a.split("*")) for a in s.split(", ")] for s in OF_GPT2.values()
    ]
    return [(torch.randn(s, dtype=torch.float64) / s[0] ** 0.5).requires_grad_() for s in shapes]


def test_block_of_gpt2_passes_gradcheck_and_equals_autograd() -> None:
    derivation = sd.derive(sd.problem(GPT2, **OF_GPT2))
    code = derivation.compile("torch")
    assert code.module.parameters == tuple(n for n in OF_GPT2 if n != "X")
    small = block({"T": 3, "d": 4, "h": 2, "k": 2, "f": 5})
    assert torch.autograd.gradcheck(lambda *x: code(*x, h=2, k=2), small)
    inputs = block({"T": 32, "d": 64, "h": 4, "k": 16, "f": 256})
    upstream = torch.randn(32, 64, dtype=torch.float64)
    ours = torch.autograd.grad(code(*inputs, h=4, k=16), inputs, upstream)
    expected = torch.autograd.grad(code.forward(*inputs, h=4, k=16), inputs, upstream)
    for a, b in zip(ours, expected, strict=True):
        assert (a - b).abs().max() <= 1e-10 * max(1, b.abs().max())


def test_names_of_arguments_and_results_can_be_chosen() -> None:
    d = sd.derive(sd.load("linear-layer"))
    names = {"X": "inputs", "W": "weight", "b": "bias", "Z": "out"}
    code = d.compile("torch", names=names)
    assert code.module.forward == ("inputs", "weight", "bias")
    assert code.module.parameters == ("weight", "bias")
    x, w, b = torch.ones(3, 2), torch.ones(2, 4), torch.ones(4)
    assert torch.equal(code(inputs=x, weight=w, bias=b), x @ w + b)
