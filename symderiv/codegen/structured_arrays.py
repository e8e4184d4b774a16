"""Arrays with the properties that a problem declares, for points at which code is checked.

The same source runs here and travels with a generated test. Contract: takes any float array of
the shape, returns one with the property; the most special property wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .guard import run
from .literals import literal, quoted

_DIAGONALS = "np.subtract.outer(*map(np.arange, x.shape))"
_TOEPLITZ = f"x[tuple(np.maximum(s * {_DIAGONALS}, 0) for s in (1, -1))]"
_MIRRORED = f"x[0][np.abs({_DIAGONALS})]"

STRUCTURES = {
    "onehot": "np.eye(x.shape[-1])[np.abs(x).argmax(axis=-1)]",
    "onehot_cols": "np.eye(x.shape[-2])[:, np.abs(x).argmax(axis=-2)]",
    "sums_to_one": "np.abs(x) / np.abs(x).sum(axis=-1, keepdims=True)",
    "binary": "(x > 0) * 1.0",
    "pm1": "np.sign(x)",
    "count": "np.floor(3 * np.abs(x))",
    "unit01": "np.abs(x) / 2",
    "spd toeplitz": f"{_MIRRORED} + 2 * np.abs(x).sum() * np.eye(len(x))",
    "diagonal toeplitz": "x[0, 0] * np.eye(len(x))",
    "symmetric toeplitz": _MIRRORED,
    "skew toeplitz": f"{_MIRRORED} * np.sign({_DIAGONALS})",
    "lower toeplitz": f"np.tril({_TOEPLITZ})",
    "upper toeplitz": f"np.triu({_TOEPLITZ})",
    "orthogonal": "np.linalg.qr(x)[0]",
    "spd": "x @ x.T + np.eye(len(x))",
    "diagonal": "np.diag(np.diag(x))",
    "toeplitz": _TOEPLITZ,
    "symmetric": "(x + x.T) / 2",
    "skew": "(x - x.T) / 2",
    "lower": "np.tril(x)",
    "upper": "np.triu(x)",
    "invertible": "x + 4 * np.eye(len(x))",
}

# What becomes of a gradient g that takes all entries of x as independent, by structure and
# convention: the part along the matrices of the structure, or the sum over what is one entry.
_ALONG = "sum(np.eye(len(g), k=k) * np.diagonal(g, k).{}() for k in range(1 - len(g), len(g)))"
_SUMS, _MEANS = _ALONG.format("sum"), _ALONG.format("mean")
PROJECTIONS = {
    ("symmetric", "tangent"): "(g + g.T) / 2",
    ("symmetric", "independent"): "g + g.T - np.diag(np.diag(g))",
    ("skew", "tangent"): "(g - g.T) / 2",
    ("skew", "independent"): "g - g.T",
    ("diagonal", "tangent"): "np.diag(np.diag(g))",
    ("diagonal", "independent"): "np.diag(np.diag(g))",
    ("lower", "tangent"): "np.tril(g)",
    ("lower", "independent"): "np.tril(g)",
    ("upper", "tangent"): "np.triu(g)",
    ("upper", "independent"): "np.triu(g)",
    ("toeplitz", "tangent"): _MEANS,
    ("toeplitz", "independent"): _SUMS,
    ("diagonal toeplitz", "tangent"): "np.trace(g) / len(g) * np.eye(len(g))",
    ("diagonal toeplitz", "independent"): "np.trace(g) * np.eye(len(g))",
    ("symmetric toeplitz", "tangent"): f"({_MEANS} + {_MEANS}.T) / 2",
    ("symmetric toeplitz", "independent"): f"{_SUMS} + {_SUMS}.T - np.trace(g) * np.eye(len(g))",
    ("skew toeplitz", "tangent"): f"({_MEANS} - {_MEANS}.T) / 2",
    ("skew toeplitz", "independent"): f"{_SUMS} - {_SUMS}.T",
    ("lower toeplitz", "tangent"): f"np.tril({_MEANS})",
    ("lower toeplitz", "independent"): f"np.tril({_SUMS})",
    ("upper toeplitz", "tangent"): f"np.triu({_MEANS})",
    ("upper toeplitz", "independent"): f"np.triu({_SUMS})",
    ("orthogonal", "tangent"): "g - x @ (x.T @ g + g.T @ x) / 2",
}

PROJECTED = '''
def projected(name, x, g):
    """Return the gradient by a variable from the one that takes its entries as independent."""
    kind = CONVENTIONS.get(name)
{branches}    return g
'''

SOURCE = '''
def with_structure(name, x):
    """Return an array with the structure that its variable was declared to have."""
    kind = STRUCTURES.get(name)
{branches}    return x
'''


def structure(properties: Sequence[str]) -> str | None:
    """Return the property that shapes an array, or None.

    >>> structure(["invertible", "symmetric"])
    'symmetric'
    """
    return next((name for name in STRUCTURES if {*name.split()} <= {*properties}), None)


def source_of_structures(wanted: dict[str, str]) -> str:
    """Return the definition of ``with_structure`` for variables by name, if any needs it."""
    if not wanted:
        return ""
    kinds = [k for k in STRUCTURES if k in wanted.values()]
    branches = "".join(
        f"    if kind == {quoted(k)}:\n        return {STRUCTURES[k]}\n" for k in kinds
    )
    return f"\n\nSTRUCTURES = {literal(wanted)}\n\n{SOURCE.format(branches=branches)}"


def source_of_projections(wanted: Mapping[str, tuple[str, str]]) -> str:
    """Return the definition of ``projected`` for variables by name, if any needs it."""
    if not wanted:
        return ""
    branches = "".join(
        f"    if kind == {literal(kind)}:\n        return {PROJECTIONS[kind]}\n"
        for kind in dict.fromkeys(wanted.values())
    )
    return f"\n\nCONVENTIONS = {literal(dict(wanted))}\n\n{PROJECTED.format(branches=branches)}"


def projected(x: Any, g: Any, kind: tuple[str, str] | None) -> Any:
    """Return a gradient under a convention, from the one that takes entries as independent."""
    if kind is None:
        return g
    space = run(source_of_projections({"x": kind}), {"np": np}, "<symderiv projection>")
    return space["projected"]("x", x, g)


def structured(x: Any, properties: Sequence[str]) -> Any:
    """Return an array with the structure of some properties."""
    kind = structure(properties)
    if kind is None:
        return x
    space = run(source_of_structures({"x": kind}), {"np": np}, "<symderiv structure>")
    return space["with_structure"]("x", x)
