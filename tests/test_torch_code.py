"""Generated code for PyTorch: every operator equals NumPy's, the library's modules autograd."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.codegen.library_modules import compile_library
from symderiv.codegen.module import compile_module, module_of
from symderiv.codegen.torch_module import torch_module_of
from symderiv.core.errors import MissingRuleError, UnsupportedError
from symderiv.core.expr import walk_all
from symderiv.ops import TABLE
from symderiv.problems.library import names
from symderiv.values.sampling import least_sizes

torch = pytest.importorskip("torch", reason="PyTorch is not installed")

SHAPES = {
    "X": "n, d", "A": "n, n", "x": "n", "s": "scalar", "T": "t, n, d", "H": "n, h*k",
}  # fmt: skip
SAMPLES = [
    pytest.param(op.name, s, id=f"{op.name}: {s}")
    for op in TABLE.values()
    if not op.internal
    for s in op.samples
    if not any(word in s for word in ("f(", "fp(", "L("))
]
# PyTorch has no function for them.
WITHOUT = {"logm", "sqrtm", "logm_frechet", "sylvester"}


def posed(sample: str) -> sd.Derivation:
    *definitions, last = sample.split("; ")
    problem = sd.problem("; ".join([*definitions, f"L({last})"]), **SHAPES)
    return sd.derive(problem, wrt=list(problem.variables))


def arrays_of(d: sd.Derivation, domain: str, seed: int = 0) -> tuple[list[Any], dict[str, int]]:
    """Return an array for every variable and the given gradient, and the sizes."""
    rng = np.random.default_rng(seed)
    dims = {s for v in d.problem.variables.values() for k in v.shape for s in k.names}
    least = least_sizes([d.problem.objective])
    order = sorted(dims | set(d.problem.dims))
    sizes = {k: max(2 + j % 2, least.get(k, 1)) for j, k in enumerate(order)}
    shapes = [s for _, s in module_of(d.data).shapes]
    found = []
    for axes in shapes:
        shape = [eval(a, {}, sizes) for a in axes]  # noqa: S307 - sizes of our own
        values = rng.uniform(0.1, 0.9, shape)
        signs = 1.0 if domain == "positive" else rng.choice([-1.0, 1.0], shape)
        found.append(values * signs)
    return found, sizes


@pytest.mark.sampled(12)
@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_operator_computes_what_numpy_does(name: str, sample: str) -> None:
    try:
        d = posed(sample)
        code = compile_module(module_of(d.data))
    except MissingRuleError:
        return
    if {e.op for e in walk_all([d.problem.objective, *(r.expr for r in d.values())])} & WITHOUT:
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
    found = theirs(*tensors, **hidden)
    close(found.detach().numpy(), value)
    slopes = torch.autograd.grad(found, tensors, torch.tensor(given), allow_unused=True)
    for n, slope in zip(d.problem.variables, slopes, strict=True):
        close(np.zeros(np.shape(ours[n])) if slope is None else slope.numpy(), ours[n])


def close(found: Any, expected: Any) -> None:
    assert np.shape(found) == np.shape(expected)
    if np.all(np.isfinite(expected)):
        gap = np.abs(found - expected) / np.maximum(1, np.abs(expected).max(initial=0))
        assert gap.max(initial=0) <= 1e-12


@pytest.mark.sampled(9)
@pytest.mark.parametrize("name", names())
def test_module_of_the_library_passes_its_own_test(name: str, tmp_path: Path) -> None:
    d = sd.derive(sd.load(name))
    for file, content in d.files(["torch"]).items():
        (tmp_path / file).write_bytes(content)
    (test,) = tmp_path.glob("test_*.py")
    assert passes(test)


def passes(test: Path) -> bool:
    """Whether a generated test passes, run in this process."""
    sys.path.insert(0, str(test.parent))
    try:
        return pytest.main(["-q", "-x", "-p", "no:cacheprovider", str(test)]) == 0
    finally:
        sys.path.remove(str(test.parent))
        for name in (test.stem, test.stem.removeprefix("test_")):
            sys.modules.pop(name, None)
