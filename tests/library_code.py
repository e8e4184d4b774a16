"""What the tests of generated code for PyTorch and JAX share: samples, points, and how both run."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.codegen.libraries import LIBRARIES
from symderiv.codegen.library_tests import TESTS
from symderiv.codegen.module import Compiled, compile_module, module_of
from symderiv.core.errors import MissingRuleError
from symderiv.core.expr import walk_all
from symderiv.ops import TABLE
from symderiv.values.sampling import least_sizes

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


def code_of(sample: str) -> tuple[sd.Derivation, Compiled] | None:
    """Return the derivation of a sample and its code, where all of it has derivatives."""
    try:
        d = posed(sample)
        return d, compile_module(module_of(d.data))
    except MissingRuleError:
        return None


def operators(d: sd.Derivation) -> set[str]:
    return {e.op for e in walk_all([d.problem.objective, *(r.expr for r in d.values())])}


def close(found: Any, expected: Any) -> None:
    assert np.shape(found) == np.shape(expected)
    if np.all(np.isfinite(expected)):
        gap = np.abs(found - expected) / np.maximum(1, np.abs(expected).max(initial=0))
        assert gap.max(initial=0) <= 1e-12


def passes(d: sd.Derivation, library: str, folder: Path) -> bool:
    """Whether the test that travels with a module for a library passes, run in this process."""
    matrices = [h.data for h in d.hessians]
    numpy = module_of(d.data, matrices=matrices)
    module = LIBRARIES[library](d.data, matrices=matrices)
    test = folder / f"test_{module.name}.py"
    (folder / f"{module.name}.py").write_text(module.source, encoding="utf-8")
    test.write_text(TESTS[library](d.data, module, numpy), encoding="utf-8")
    sys.path.insert(0, str(folder))
    try:
        return pytest.main(["-q", "-x", "-p", "no:cacheprovider", str(test)]) == 0
    finally:
        sys.path.remove(str(folder))
        for name in (test.stem, module.name):
            sys.modules.pop(name, None)
