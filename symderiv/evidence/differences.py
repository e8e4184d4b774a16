"""Generated code against differences: complex step where it is analytic, central elsewhere.

Source of the complex step: Squire and Trapp, SIAM Review 40 (1998), eq. 5. Contract: the
unspecified loss is stood in for by the inner product of its argument with G, whose gradient is G.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from ..codegen import Compiled, checked_sizes, projected, structured
from ..codegen.lines import given_axes
from ..derivation import Derivation
from ..errors import CheckError
from ..expr import walk
from ..ops import TABLE
from ..sampling import inside

Arrays = dict[str, Any]
SEEDS = (0, 1, 2)
_COMPLEX_STEP, _CENTRAL_STEP = 1e-30, 1e-6
TOLERANCE = {"complex step": 1e-11, "central differences": 1e-5}


@dataclass(frozen=True, slots=True)
class Difference:
    """The largest error of one gradient over all points, relative to max(1, |value|)."""

    name: str
    method: str
    error: float
    entries: int


def unspecified(order: int) -> Any:
    """Return a stand-in f, fp or fpp for an unspecified entrywise function: sin(0.7 t) + t²/4."""
    return (
        lambda t: np.sin(0.7 * t) + t * t / 4,
        lambda t: 0.7 * np.cos(0.7 * t) + t / 2,
        lambda t: -0.49 * np.sin(0.7 * t) + 0.5,
    )[order]


def callables(compiled: Compiled) -> dict[str, Any]:
    """Return stand-ins for the unspecified functions of a module."""
    return {name: unspecified(order) for name, order in compiled.module.functions}


def draw_scale(derivation: Derivation) -> float:
    """Return by what the values that are drawn are multiplied: 0.25 for functions on (-1, 1)."""
    return 0.25 if inside([derivation.problem.objective]) else 1.0


def draw(
    derivation: Derivation, sizes: Mapping[str, int], seed: int, positive: Sequence[str] = ()
) -> tuple[Arrays, Arrays]:
    """Return random inputs and given gradients; a point of the box 0.5 <= |x| <= 1.5.

    The box is a quarter of that where a function is defined on -1 to 1 alone.
    """
    problem = derivation.problem
    scale = draw_scale(derivation)
    rng = np.random.default_rng([seed, *(sizes[d] for d in problem.dims)])

    def array(shape: tuple[int, ...], is_positive: bool) -> Any:
        values = rng.uniform(0.5, 1.5, shape) * scale
        signed = values if is_positive else values * rng.choice([-1.0, 1.0], shape)
        return np.asarray(signed)

    def shape_of(dims: Sequence[Any], kind: str) -> tuple[int, ...]:
        full = tuple(d.at(sizes) for d in dims)
        return {"scalar": (), "vector": full[:1]}.get(kind, full)

    inputs = {}
    for n, v in problem.variables.items():
        plain = array(shape_of(v.shape, v.kind), n in positive or "positive" in v.properties)
        inputs[n] = structured(plain, v.properties)
    given = {
        g: array(tuple(d.at(sizes) for d in given_axes(problem, g)), False)
        for g in problem.upstream
    }
    return inputs, given


def hidden_sizes(compiled: Compiled, sizes: Mapping[str, int]) -> dict[str, int]:
    """Return the sizes that no array shows, as keywords."""
    return {d: sizes[d] for d in compiled.module.sizes}


def objective(compiled: Compiled, inputs: Arrays, given: Arrays, keywords: Arrays) -> Any:
    """Return the objective at a point; an unspecified loss is the inner product with G."""
    losses = stand_ins(compiled, given)
    try:
        value = compiled.forward(*inputs.values(), **losses, **keywords)
    except np.linalg.LinAlgError:
        return np.nan  # a singular matrix, or one that is not positive definite
    if losses or not given:
        return value
    (gradient,) = given.values()
    return (gradient * value).sum()


def backward(compiled: Compiled, inputs: Arrays, given: Arrays, keywords: Arrays) -> Any:
    """Return the gradients at a point."""
    losses = stand_ins(compiled, given)
    try:
        return compiled.backward(*inputs.values(), *given.values(), **losses, **keywords)
    except np.linalg.LinAlgError:
        return {n: np.full(np.shape(inputs[n]), np.nan) for n in compiled.module.gradients}


def stand_ins(compiled: Compiled, given: Arrays) -> Arrays:
    """Return callables for the unspecified losses of an objective that is more than L(Z)."""
    names = compiled.module.losses
    return {n: _inner(g) for n, g in zip(names, given.values(), strict=bool(names))}


def _inner(gradient: Any) -> Any:
    return lambda z: (gradient * z).sum()


def needs_positive(derivation: Derivation, compiled: Compiled) -> list[str]:
    """Return the variables to be drawn positive: all, where the plain draw leaves the domain.

    Also where a difference could lie across a pole: nothing tells of it but the entry's domain.
    """
    used = {e.op for e in walk(derivation.problem.objective)}
    if any(TABLE[op].domain == "positive" and not TABLE[op].analytic for op in used):
        return list(derivation.problem.variables)
    for sizes, seed in product(checked_sizes(derivation), SEEDS):
        if 1 in sizes.values():
            continue  # what is undefined at n = 1 is so for positive values too
        inputs, given = draw(derivation, sizes, seed)
        keywords = {**callables(compiled), **hidden_sizes(compiled, sizes)}
        with np.errstate(all="ignore"):
            gradients = backward(compiled, inputs, given, keywords)
            value = objective(compiled, inputs, given, keywords)
        found = [value, *gradients.values()]
        if not all(np.all(np.isfinite(x)) for x in found):
            return list(derivation.problem.variables)
    return []


def check_differences(
    derivation: Derivation, compiled: Compiled, positive: Sequence[str] | None = None
) -> list[Difference]:
    """Compare every entry of every gradient at 3 points and 3 sizes; raises CheckError."""
    if positive is None:
        positive = needs_positive(derivation, compiled)
    method = "complex step" if compiled.module.analytic else "central differences"
    worst = dict.fromkeys(derivation, 0.0)
    counts = dict.fromkeys(derivation, 0)
    for sizes in checked_sizes(derivation):
        keywords = {**callables(compiled), **hidden_sizes(compiled, sizes)}
        for seed in SEEDS:
            inputs, given = draw(derivation, sizes, seed, positive)
            with np.errstate(all="ignore"):
                gradients = backward(compiled, inputs, given, keywords)
            if not _finite(gradients):
                continue  # outside the domain at these sizes, such as a variance at n = 1
            for name in derivation:
                with np.errstate(all="ignore"):
                    slopes = differences(compiled, inputs, given, keywords, name, method)
                expected = projected(inputs[name], slopes, derivation.conventions.get(name))
                error = relative_error(gradients[name], expected)
                if not error <= TOLERANCE[method]:
                    raise CheckError(
                        f"the generated gradient by {name} differs from {method} by {error:.1e}",
                        remedy=f"at sizes {sizes}, seed {seed}; nothing is written",
                    )
                worst[name] = max(worst[name], error)
                counts[name] += expected.size
    if not any(counts.values()):
        raise CheckError(
            "the generated code was defined at none of the points that were tried",
            remedy='declare variables that must be so as positive: --var "x: n positive"',
        )
    return [Difference(n, method, worst[n], counts[n]) for n in derivation]


def _finite(gradients: Mapping[str, Any]) -> bool:
    return all(np.all(np.isfinite(g)) for g in gradients.values())


def differences(
    compiled: Compiled, inputs: Arrays, given: Arrays, keywords: Arrays, name: str, method: str
) -> Any:
    """Return the gradient by one variable by differences."""
    result = np.zeros(inputs[name].shape)
    for place in np.ndindex(inputs[name].shape):
        if method == "complex step":
            moved = {n: np.array(a, dtype=complex) for n, a in inputs.items()}
            moved[name][place] += 1j * _COMPLEX_STEP
            value = objective(compiled, moved, given, keywords)
            result[place] = np.imag(value) / _COMPLEX_STEP
        else:
            ends = []
            for sign in (1, -1):
                moved = {n: np.array(a) for n, a in inputs.items()}
                moved[name][place] += sign * _CENTRAL_STEP
                ends.append(objective(compiled, moved, given, keywords))
            result[place] = (ends[0] - ends[1]) / (2 * _CENTRAL_STEP)
    return result


def relative_error(found: Any, expected: Any) -> float:
    """Return the largest |found - expected| / max(1, |expected|); infinite for a wrong shape."""
    if np.shape(found) != np.shape(expected):
        return float("inf")
    gap = np.abs(np.asarray(found) - expected) / np.maximum(1.0, np.abs(expected))
    return float(np.max(gap, initial=0.0))
