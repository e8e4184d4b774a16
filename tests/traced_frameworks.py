"""Functions of PyTorch and JAX beside the problems that they are traced to, on numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

import symderiv as sd

SIZES = (3, 4, 2, 5, 6, 7)


def drawn(problem: Any, labels: Any = ()) -> dict[str, np.ndarray]:
    """Return an array for every variable of a problem: one-hot rows for labels."""
    rng = np.random.default_rng(7)
    names = sorted({n for v in problem.variables.values() for d in v.shape for n in d.names})
    sizes = dict(zip(names, SIZES, strict=False))
    found = {}
    for name, v in problem.variables.items():
        shape = tuple(d.at(sizes) for d in v.written)
        found[name] = rng.standard_normal(shape)
        if name in labels:
            found[name] = np.eye(shape[-1])[rng.integers(shape[-1], size=shape[:-1])]
        if "spd" in v.properties:
            found[name] = found[name] @ found[name].T + np.eye(shape[0])
        if "positive" in v.properties or "unit01" in v.properties:
            found[name] = 1 / (1 + np.exp(-found[name]))
    return found


def derived(problem: Any, arrays: dict[str, np.ndarray]) -> tuple[Any, Any, dict[str, np.ndarray]]:
    """Return the value, the cotangent of the output (None for a scalar) and the gradients."""
    code = sd.derive(problem).compile()
    found = code.forward(**arrays)
    value = np.asarray(found[0] if isinstance(found, tuple) else found)
    if problem.objective.is_scalar and "L(" not in problem.text:
        return value, None, code.backward(**arrays)
    upstream = np.random.default_rng(8).standard_normal(value.shape)
    return value, upstream, code.backward(**arrays, G=upstream)


def labels_of(declarations: dict[str, Any]) -> set[str]:
    """Return the names of what is declared as labels."""
    return {n for n, s in declarations.items() if isinstance(s, str) and "label" in s}


def filled(tree: Any, arrays: dict[str, Any]) -> Any:
    """Return the arguments of a function from the arrays of the problem, in their order."""
    names = iter(arrays)

    def put(leaf: Any) -> Any:
        if isinstance(leaf, dict):
            return {k: put(v) for k, v in leaf.items()}
        if hasattr(leaf, "_fields"):
            return type(leaf)(*map(put, leaf))
        if isinstance(leaf, list | tuple):
            return type(leaf)(map(put, leaf))
        return arrays[next(names)]

    return put(tree)
