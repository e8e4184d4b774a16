"""Whether two formulas have one value, by NumPy at points whose sizes all differ.

It shares nothing with the comparer of claims: the values come from generated code, in floats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any

import numpy as np

from symderiv.codegen.evaluation import evaluate
from symderiv.core.expr import Expr, Variable, free_ranges, node, own_indices, rebuild, with_args
from symderiv.problems import Problem
from symderiv.values.sampling import inside, least_sizes, values

TOLERANCE = 1e-7
SHAKE = 1e-12
SEEDS = 3
SIZES = ((3, 1), (4, -1))  # where the sizes start, and in which order they grow


def functions(a: float, b: float, c: float) -> dict[str, Any]:
    """Return a function and its derivatives, f(t) = a sin(bt + c) + t^2."""
    return {
        "f": lambda t: a * np.sin(b * t + c) + t * t,
        "fp": lambda t: a * b * np.cos(b * t + c) + 2 * t,
        "fpp": lambda t: -a * b * b * np.sin(b * t + c) + 2,
    }


Assumed = Mapping[str, Sequence[str]]


def points(
    p: Problem, assumed: Assumed | None = None, equal: Mapping[str, str | int] | None = None
) -> Iterator[tuple[dict[str, int], dict[str, Any]]]:
    """Yield sizes and arrays of everything that is given in a problem."""
    least = least_sizes([p.objective])
    for start, step in SIZES:
        names = list(p.dims)[::step]
        sizes = {d: max(start + k, least.get(d, 1)) for k, d in enumerate(names)}
        for d, same in (equal or {}).items():
            sizes[d] = sizes[same] if isinstance(same, str) else same
        for seed in range(SEEDS):
            yield sizes, drawn(p, sizes, seed, assumed or {})


def drawn(p: Problem, sizes: Mapping[str, int], seed: int, assumed: Assumed) -> dict[str, Any]:
    random = Random(f"mutations {seed}")
    extra = (*inside([p.objective]), *(("positive",) if seed == 1 else ()))
    known = [
        Variable(v.name, v.shape, v.kind, (*v.properties, *assumed.get(v.name, ()), *extra))
        for v in p.variables.values()
    ]
    known += [Variable(g, x.shape, "matrix") for g, x in p.upstream.items()]
    found = {n: np.array(c, dtype=float).squeeze() for n, c in values(known, sizes, random).items()}
    shaped = {
        v.name: v.written if v.name in p.variables else p.upstream[v.name].shape for v in known
    }
    for n, x in found.items():
        dims = [d.at(sizes) for d in shaped[n]]
        found[n] = x.reshape(
            dims
            if n in p.variables
            else [k for k, d in zip(dims, shaped[n], strict=True) if str(d) != "1"]
        )
    return {**sizes, **found, **functions(0.7, 1.3, 0.4)}


def placed(x: Expr, spot: Mapping[str, int]) -> Expr:
    """Return a formula with numbers for its free indices."""

    def change(e: Expr, args: tuple[Expr, ...]) -> Expr:
        if not any(i in spot for i in own_indices(e)):
            return with_args(e, args)
        data: Any = e.data
        if isinstance(data, tuple):
            data = tuple(spot.get(i, i) for i in data)
        else:
            data = spot.get(data, data)
        return node(e.op, args, e.shape, data)

    return rebuild(x, change)


def value(x: Expr, given: Mapping[str, Any]) -> Any:
    """Return the value of a formula, not a number where it has none."""
    with np.errstate(all="ignore"):
        try:
            return np.asarray(evaluate(x, given))
        except np.linalg.LinAlgError:
            return np.array(np.nan)


def spots(x: Expr, y: Expr) -> list[dict[str, int]]:
    """Return a few positions for the free indices of two formulas, different and the same."""
    names = list(dict.fromkeys([*free_ranges(x), *free_ranges(y)]))
    if not names:
        return [{}]
    return [{n: 1 + (k + shift) % 2 for k, n in enumerate(names)} for shift in (0, 1)] + [
        dict.fromkeys(names, 2)
    ]


def are_equal(
    p: Problem,
    x: Expr,
    y: Expr,
    assumed: Assumed | None = None,
    equal: Mapping[str, str | int] | None = None,
) -> bool | None:
    """Return whether two formulas of one shape have one value; None where neither has any."""
    defined = False
    for _, given in points(p, assumed, equal):
        for spot in spots(x, y):
            a, b = (value(placed(e, spot), given) for e in (x, y))
            if not is_settled(b, value(placed(y, spot), shaken(given))):
                continue
            defined = True
            if a.shape != b.shape or not np.allclose(
                a, b, rtol=TOLERANCE, atol=TOLERANCE * _size(b)
            ):
                return False
    return True if defined else None


def shaken(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with a relative change in the twelfth digit."""
    random = np.random.default_rng(0)
    return {
        n: v * (1 + SHAKE * random.uniform(-1, 1, v.shape)) if isinstance(v, np.ndarray) else v
        for n, v in given.items()
    }


def is_settled(b: Any, again: Any) -> bool:
    """Whether a value is finite, and not what rounding makes of an all but singular matrix."""
    return bool(np.all(np.isfinite(b)) and np.allclose(again, b, rtol=1e-8, atol=1e-8 * _size(b)))


def _size(b: Any) -> float:
    return float(max(1e-3, np.max(np.abs(b)))) if b.size else 1.0
