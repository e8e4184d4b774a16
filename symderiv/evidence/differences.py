"""Takes generated code; compares its gradients with differences, complex steps where analytic.

Source of the complex step: Squire and Trapp, SIAM Review 40 (1998), eq. 5. The unspecified loss is
stood in for by the inner product of its argument with G, whose gradient is G.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np

from ..codegen.module import Compiled
from ..codegen.structured_arrays import projected, structured
from ..codegen.testfile import checked_sizes
from ..core.budget import spend
from ..core.errors import CheckError
from ..core.expr import walk
from ..core.shapes import Dim
from ..derivation.derivations import DerivedGradients
from ..ops import TABLE
from ..problems.numpy_axes import given_axes
from ..values.sampling import inside
from .conditioning import difference_bounds, is_rounding

Arrays = dict[str, Any]
SEEDS = (0, 1, 2)
_CALL, _QUICK = 20, 100  # steps of one pass, and numbers that NumPy computes in a step
SCALES = (1.0, 0.25, 0.0625, 0.015625)  # of the box in which points lie
_COMPLEX_STEP, _CENTRAL_STEP = 1e-30, 1e-6
_KINK = 1e-3  # by how much both slopes at a kink differ at least, relative to them
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


def draw_scale(derivation: DerivedGradients) -> float:
    """Return by what the values that are drawn are multiplied: 0.25 for functions on (-1, 1)."""
    return 0.25 if inside([derivation.problem.objective]) else 1.0


def draw(
    derivation: DerivedGradients,
    sizes: Mapping[str, int],
    seed: int,
    positive: Sequence[str] = (),
    scale: float = 1.0,
) -> tuple[Arrays, Arrays]:
    """Return random inputs and given gradients; a point of the box 0.5 <= |x| <= 1.5.

    The box is a quarter of that where a function is defined on -1 to 1 alone; ``scale`` makes it
    smaller, for functions that saturate.
    """
    problem = derivation.problem
    scale = scale * draw_scale(derivation)
    rng = np.random.default_rng([seed, *(sizes[d] for d in problem.dims)])

    def array(shape: tuple[int, ...], is_positive: bool) -> Any:
        entries = prod(shape)
        spend(entries // _QUICK, f"an array of {entries:,} entries")
        values = rng.uniform(0.5, 1.5, shape) * scale
        signed = values if is_positive else values * rng.choice([-1.0, 1.0], shape)
        return np.asarray(signed)

    def shape_of(dims: Sequence[Dim]) -> tuple[int, ...]:
        return tuple(d.at(sizes) for d in dims)

    inputs = {}
    for n, v in problem.variables.items():
        plain = array(shape_of(v.written), n in positive or "positive" in v.properties)
        inputs[n] = structured(plain, v.properties)
    given = {g: array(shape_of(given_axes(problem, g)), False) for g in problem.upstream}
    return inputs, given


def hidden_sizes(compiled: Compiled, sizes: Mapping[str, int]) -> dict[str, int]:
    """Return the sizes that no array shows, as keywords."""
    return {d: sizes[d] for d in compiled.module.sizes}


def objective(compiled: Compiled, inputs: Arrays, given: Arrays, keywords: Arrays) -> Any:
    """Return the objective at a point; an unspecified loss is the inner product with G."""
    entries = sum(np.size(x) for x in inputs.values())
    spend(_CALL + entries // _QUICK, f"a forward pass of {entries:,} numbers")
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


@dataclass(frozen=True, slots=True)
class PointBox:
    """Where points are drawn: which variables positive, and how much nearer to 0 than 0.5..1.5."""

    positive: tuple[str, ...] = ()
    scale: float = 1.0

    @property
    def drawn(self) -> tuple[tuple[str, ...], float]:
        """The last arguments of ``draw``."""
        return self.positive, self.scale


def box(derivation: DerivedGradients, compiled: Compiled) -> PointBox:
    """Return the first box in which code is defined: of both signs, else positive, else smaller.

    Positive at once where a difference could lie across a pole, of which only the entry's domain
    tells.
    """
    every = tuple(derivation.problem.variables)
    used = {e.op for e in walk(derivation.problem.objective)}
    poles = any(TABLE[op].domain == "positive" and not TABLE[op].analytic for op in used)
    signs = (every,) if poles else ((), every)
    for scale, positive in product(SCALES, signs):
        if _is_defined(derivation, compiled, PointBox(positive, scale)):
            return PointBox(positive, scale)
    return PointBox(every)


def _is_defined(derivation: DerivedGradients, compiled: Compiled, where: PointBox) -> bool:
    for sizes, seed in product(checked_sizes(derivation), SEEDS):
        if 1 in sizes.values():
            continue  # what is undefined at n = 1 is so for positive values too
        inputs, given = draw(derivation, sizes, seed, where.positive, where.scale)
        keywords = {**callables(compiled), **hidden_sizes(compiled, sizes)}
        with np.errstate(all="ignore"):
            gradients = backward(compiled, inputs, given, keywords)
            value = objective(compiled, inputs, given, keywords)
        if not all(np.all(np.isfinite(x)) for x in (value, *gradients.values())):
            return False
    return True


def check_differences(
    derivation: DerivedGradients, compiled: Compiled, where: PointBox | None = None
) -> Differences:
    """Compare every entry of every gradient at 3 points and 3 sizes; raises CheckError.

    Where rounding may be why the two differ, nothing is decided: all points are drawn again,
    nearer to 0, where no function saturates.
    """
    first = box(derivation, compiled) if where is None else where
    method = "complex step" if compiled.module.analytic else "central differences"
    best: Differences | None = None
    for scale in (s for s in SCALES if s <= first.scale):
        found = _within(derivation, compiled, PointBox(first.positive, scale), method)
        if found is None:
            continue
        best = found if best is None else best
        if all(d.error <= TOLERANCE[method] / 10 for d in found):
            return found
    if best is None:
        raise CheckError(
            "floats decide at none of the points that were tried: too much is lost to rounding",
            remedy="is a difference taken of things that are nearly equal, such as 1 - tanh(x)**2?",
        )
    return best


class Differences(tuple[Difference, ...]):
    """What was compared, by variable, and the box in which the points lie."""

    box: PointBox

    @classmethod
    def of(cls, found: Sequence[Difference], where: PointBox) -> Differences:
        """Return comparisons with their box."""
        result = cls(found)
        result.box = where
        return result


def _within(
    derivation: DerivedGradients, compiled: Compiled, where: PointBox, method: str
) -> Differences | None:
    """Compare within one box; None where rounding leaves a point undecided."""
    worst = dict.fromkeys(derivation, 0.0)
    counts = dict.fromkeys(derivation, 0)
    for sizes, seed in product(checked_sizes(derivation), SEEDS):
        keywords = {**callables(compiled), **hidden_sizes(compiled, sizes)}
        inputs, given = draw(derivation, sizes, seed, where.positive, where.scale)
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
                with np.errstate(all="ignore"):
                    if has_kink(compiled, inputs, given, keywords, name):
                        continue
                step = 0.0 if compiled.module.analytic else _CENTRAL_STEP
                arrays = {**sizes, **inputs, **given}
                bounds = difference_bounds(derivation, compiled, arrays, name, step)
                if is_rounding(gradients[name], expected, bounds, TOLERANCE[method]):
                    return None
                raise CheckError(
                    f"the generated gradient with respect to {name} differs from {method} by "
                    f"{error:.1e}",
                    remedy=f"at sizes {sizes}, seed {seed}; nothing is written",
                )
            worst[name] = max(worst[name], error)
            counts[name] += expected.size
    if not any(counts.values()):
        raise CheckError(
            "the generated code was defined at none of the points that were tried",
            remedy='declare variables that must be so as positive: --var "x: n positive"',
        )
    return Differences.of([Difference(n, method, worst[n], counts[n]) for n in derivation], where)


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


def check_direction(derivation: DerivedGradients, compiled: Compiled, where: PointBox) -> None:
    """Compare gradients with one difference along a direction of all variables together.

    Sizes that are numbers are what they are, symbols 2. Raises CheckError.
    """
    sizes = dict.fromkeys(derivation.problem.dims, 2)
    keywords = {**callables(compiled), **hidden_sizes(compiled, sizes)}
    for seed in SEEDS:
        inputs, given = draw(derivation, sizes, seed, *where.drawn)
        ways, _ = draw(derivation, sizes, seed + len(SEEDS))
        ways = {n: ways[n] for n in derivation}
        with np.errstate(all="ignore"):
            found = backward(compiled, inputs, given, keywords)
            slope = sum(np.sum(found[n] * way) for n, way in ways.items())
            ends = []
            step = 1j * _COMPLEX_STEP if compiled.module.analytic else _CENTRAL_STEP
            for sign in (1, -1):
                moved = {n: a + sign * step * ways.get(n, 0) for n, a in inputs.items()}
                ends.append(objective(compiled, moved, given, keywords))
            value = (ends[0] - ends[1]) / (2 * step)
        bound = 1e-6 * max(1.0, *(float(np.abs(g * ways[n]).sum()) for n, g in found.items()))
        if np.isfinite(value) and np.isfinite(slope) and not abs(value - slope) <= bound:
            raise CheckError("the generated code differs from a difference at its own sizes")


def has_kink(
    compiled: Compiled, inputs: Arrays, given: Arrays, keywords: Arrays, name: str
) -> bool:
    """Whether the objective has two slopes at a point, on both sides of an entry of a variable.

    Points of whole numbers, such as those of a binary variable, may lie where it has no gradient.
    """
    if compiled.module.analytic:
        return False
    here = objective(compiled, inputs, given, keywords)
    for place in np.ndindex(inputs[name].shape):
        sides = []
        for sign in (1, -1):
            moved = {n: np.array(a) for n, a in inputs.items()}
            moved[name][place] += sign * _CENTRAL_STEP
            end = objective(compiled, moved, given, keywords)
            sides.append(sign * (end - here) / _CENTRAL_STEP)
        if abs(sides[0] - sides[1]) > _KINK * max(1.0, *map(abs, sides)):
            return True
    return False


def relative_error(found: Any, expected: Any) -> float:
    """Return the largest |found - expected| / max(1, |expected|); infinite for a wrong shape."""
    if np.shape(found) != np.shape(expected):
        return float("inf")
    gap = np.abs(np.asarray(found) - expected) / np.maximum(1.0, np.abs(expected))
    return float(np.max(gap, initial=0.0))
