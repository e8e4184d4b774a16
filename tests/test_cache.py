"""What generated forward keeps: what backward reads, nothing more, and as little as it can be."""

import ast
from functools import cache

import numpy as np
import pytest

import symderiv as sd
from symderiv.codegen.module import Module, compile_module, module_of
from symderiv.codegen.testfile import checked_sizes
from symderiv.derivation.derivations import DerivedGradients
from symderiv.evidence.differences import backward, callables, draw, hidden_sizes, stand_ins
from symderiv.problems.library import load_named, names


@cache
def derived(name: str) -> DerivedGradients:
    """Return the derivation of a ready-made problem."""
    return DerivedGradients(load_named(name))


def keys_read(module: Module) -> list[str]:
    """Return the keys of the cache that the source of backward reads."""
    tree = ast.parse(module.source)
    (function,) = (f for f in tree.body if getattr(f, "name", "") == "backward")
    return [
        n.slice.value
        for n in ast.walk(function)
        if isinstance(n, ast.Subscript)
        and isinstance(n.value, ast.Name)
        and n.value.id == "cache"
        and isinstance(n.slice, ast.Constant)
    ]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", names())
def test_cache_holds_what_backward_reads(name: str) -> None:
    d = derived(name)
    f = compile_module(module_of(d))
    sizes = checked_sizes(d)[0]
    inputs, given = draw(d, sizes, 0)
    options = {**callables(f), **hidden_sizes(f, sizes)}
    kept: dict = {}
    f.forward(*inputs.values(), **stand_ins(f, given), **options, cache=kept)
    assert sorted(kept) == sorted(keys_read(f.module))
    plain = backward(f, inputs, given, options)
    cached = backward(f, inputs, given, {**options, "cache": kept})
    for n in d:
        assert np.array_equal(plain[n], cached[n], equal_nan=True)
    for key, value in kept.items():
        less = {k: v for k, v in kept.items() if k != key}
        with pytest.raises(KeyError, match=key):
            backward(f, inputs, given, {**options, "cache": less})
        assert not any(value is x for x in inputs.values()), key
    code = f.source.split("def forward")[1].splitlines()
    assert [x for x in code if len(x) > 100] == []


def test_a_norm_keeps_its_deviations_and_the_writer_his_order() -> None:
    d = sd.derive(
        "K = X @ V; Q = X @ W; A = Q @ K.T; N = layernorm(A, eps); H = X; L(N @ H)",
        X="n, d", V="d, k", W="d, k", eps="scalar positive", wrt="V, W, X",
    )  # fmt: skip
    module = module_of(d.data)
    assert keys_read(module) == ["K", "Q", "N", "sigma_A"]
    assert "sigma_A = np.sqrt(_var(A, axis=1) + eps)  # (n,)" in module.source
    assert module.source.index("    K = X @ V") < module.source.index("    Q = X @ W")
