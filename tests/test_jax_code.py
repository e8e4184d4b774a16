"""Generated code for JAX: every operator equals NumPy's, the library's modules jax.grad."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from library_code import SAMPLES, arrays_of, close, code_of, operators, passes

import symderiv as sd
from symderiv.codegen.jax_module import jax_module_of
from symderiv.codegen.library_modules import compile_library
from symderiv.core.errors import UnsupportedError
from symderiv.ops import TABLE
from symderiv.problems.library import names

jax = pytest.importorskip("jax", reason="JAX is not installed")

# JAX has no function for them.
WITHOUT = {"logm", "logm_frechet"}


@pytest.fixture(autouse=True)
def _double_precision() -> None:
    jax.config.update("jax_enable_x64", True)


@pytest.mark.sampled(24)
@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_operator_computes_what_numpy_does(name: str, sample: str) -> None:
    found = code_of(sample)
    if found is None:
        return
    d, code = found
    if operators(d) & WITHOUT:
        with pytest.raises(UnsupportedError, match="has no code for JAX"):
            jax_module_of(d.data)
        return
    theirs = compile_library(jax_module_of(d.data))
    arrays, sizes = arrays_of(d, TABLE[name].domain)
    *inputs, given = arrays if d.problem.upstream else [*arrays, np.ones(())]
    hidden = {n: sizes[n] for n in code.module.sizes}
    with np.errstate(all="ignore"):
        value = code.forward(*inputs, **hidden)
        ours = code.backward(*arrays, **hidden)

    def both(*inputs):  # type: ignore[no-untyped-def]
        result, pull_back = jax.vjp(lambda *x: theirs(*x, **hidden), *inputs)
        return result, pull_back(jax.numpy.asarray(given))

    result, slopes = jax.jit(both)(*inputs)
    close(np.asarray(result), value)
    for n, slope in zip(d.problem.variables, slopes, strict=True):
        close(np.asarray(slope), ours[n])


@pytest.mark.sampled(40)
@pytest.mark.parametrize("name", names())
def test_module_of_the_library_passes_its_own_test(name: str, tmp_path: Path) -> None:
    assert passes(sd.derive(sd.load(name)), "jax", tmp_path)


def test_variable_without_a_derived_gradient_is_refused() -> None:
    code = sd.derive("sum((X @ w) ** 2)", wrt="w").compile("jax")
    x, w = np.ones((3, 2)), np.ones(2)
    assert jax.grad(code, 1)(x, w).shape == (2,)
    with pytest.raises(ValueError, match="no gradient was derived by X"):
        jax.grad(code)(x, w)


SHARDED = """
import jax, numpy as np, symderiv as sd
from jax.sharding import Mesh, NamedSharding, PartitionSpec

jax.config.update("jax_enable_x64", True)
layer = sd.derive(sd.load("linear-layer")).compile("jax")
mesh = Mesh(np.array(jax.devices()), ("rows",))
rows, whole = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in (("rows", None), ()))
rng = np.random.default_rng(0)
X, W, b, G = (rng.normal(size=s) for s in ((64, 3), (3, 4), (4,), (64, 4)))
given = [jax.device_put(a, s) for a, s in ((W, whole), (b, whole), (X, rows), (G, rows))]
slopes = lambda W, b, X, G: jax.vjp(lambda W, b: layer(X, W, b), W, b)[1](G)
whole_slopes = jax.jit(slopes, out_shardings=whole).lower(*given).compile()
dW, db = whole_slopes(*given)
assert len(jax.devices()) == 8
assert np.abs(dW - X.T @ G).max() < 1e-12 and np.abs(db - G.sum(axis=0)).max() < 1e-12
print(whole_slopes.as_text().count(" all-reduce("), whole_slopes.as_text().count(" all-gather("))
"""


def test_rows_on_eight_devices_are_summed_by_one_all_reduce() -> None:
    devices = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    environment = {**os.environ, **devices, "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", SHARDED]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["1", "0"]
