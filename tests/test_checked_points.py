"""What the checks of generated code can decide, and where: kinks, sizes, complex steps."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest

import symderiv as sd
from symderiv.codegen.module import compile_module, module_of
from symderiv.core.errors import CheckError, InputError
from symderiv.evidence.backends import check_backends
from symderiv.evidence.differences import check_differences
from symderiv.evidence.verification import gather

CHECKED = [
    # An inner product is no conjugated one under a complex step.
    ("dot(x, y)", {"x": "n", "y": "n"}),
    ("dot(X, Y) * pinv(x) @ x", {"X": "n, d", "Y": "n, d", "x": "m"}),
    # A product with whole numbers may be 0, where relu has two slopes.
    ("L(relu(X @ W))", {"X": "n, d binary", "W": "d, m"}),
    ("sum(abs(X @ w))", {"X": "n, d pm1", "w": "d binary"}),
    # A definition that cancels is computed all the same.
    ('H = einsum("ij,kl->ijl", Q, X); L(elu(Q.T) + H - H)', {"Q": "n, m", "X": "k, n"}),
    ("L(W @ x)", {"W": "2*d, 6*d", "x": "6*d"}),
    # Both roads take a stack of right sides.
    ('(einsum("aij,aij->i", A, B) * solve(Z, w))[1]',
     {"A": "a, n, m", "B": "a, n, m", "Z": "n, n", "w": "n"}),
]  # fmt: skip


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("text", "shapes"), CHECKED)
def test_a_right_derivation_is_not_refused_for_its_points(
    text: str, shapes: dict[str, str]
) -> None:
    assert gather(sd.derive(sd.problem(text, **shapes)).data).certificate.differences


def test_a_kink_excuses_no_wrong_code() -> None:
    d = sd.derive(sd.problem("L(relu(X @ W))", X="n, d binary", W="d, m"))
    module = module_of(d.data)
    wrong = module.source.replace("dX = ", "dX = 2 * ")
    assert wrong != module.source
    with pytest.raises(CheckError, match="gradient with respect to X"):
        check_differences(d.data, compile_module(replace(module, source=wrong)))


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
@pytest.mark.parametrize(
    "text",
    ["sum(x * sigmoid(1.5))", "sum(x * softplus(2) * erf(0.3) * where(1 > 2, 3, 4) * elu(-0.5))"],
)
def test_constants_under_functions_are_compared_with_pytorch(text: str) -> None:
    d = sd.derive(text)
    found = check_backends(d.data, compile_module(module_of(d.data)))
    assert any(b["name"] == "torch" and "error" in b for b in found)


def test_sizes_follow_from_products_that_arrays_show() -> None:
    d = sd.derive(sd.problem("sum(reshape(x, n, h*d) * X)", x="n*h*d", X="n, h*d"))
    arrays = {"x": np.arange(24.0), "X": np.ones((2, 12))}
    assert d["X"].evaluate(**arrays).shape == (2, 12)
    heads = sd.derive(sd.problem("sum(softmax(split_heads(Q, h)) * Y)", Q="n, h*d", Y="h, n, d"))
    arrays = {"Q": np.ones((2, 12)), "Y": np.ones((3, 2, 4))}
    assert heads["Q"].evaluate(**arrays).shape == (2, 12)
    alone = sd.derive(sd.problem("sum(softmax(split_heads(Q, h)) ** 2)", Q="n, h*d"))["Q"]
    assert alone.evaluate(Q=np.ones((2, 12)), h=3).shape == (2, 12)
    with pytest.raises(InputError, match="size [dh] is not shown"):
        alone.evaluate(Q=np.ones((2, 12)))
