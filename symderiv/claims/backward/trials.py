"""Takes a problem; returns points with the arrays and gradients there, to run a function beside.

Sizes are all different and vary independently of each other, so that nothing fits by accident and a
factor n is told from a factor 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from ...codegen.evaluation import evaluate
from ...codegen.module import Compiled, compile_module, module_of
from ...core.errors import InputError, SymderivError, UndefinedError, UnknownNameError
from ...core.expr import Expr
from ...core.shapes import ONE, Shape
from ...derivation.derivations import DerivedGradients
from ...evidence.conditioning import exact_point
from ...evidence.differences import (
    backward,
    box,
    callables,
    draw,
    hidden_sizes,
    objective,
    stand_ins,
)
from ...ops.text import text
from ...problems import Problem
from ...problems.numpy_axes import array_shape, given_axes, keeps_axis
from ...values.rounding import is_saturated
from ...values.sampling import least_sizes, point, size_grid
from ..deciding import work
from ..taken_branches import OUTSIDE
from .branches import Branches, boundaries, search

_PRIMES = (3, 5, 7, 11, 13)
_SEEDS = (0, 1)
_MOST_SMALL = 30
_NEARER = 12  # powers of 1/8 that are tried where functions are saturated
_MOST_WORK = 100_000  # operations by which it is seen whether they are
_BRANCH_SEED = 10
_SHAKEN, _STEADY = 1e-14, 1e-9  # relative
Space = dict[str, Any]


@dataclass(slots=True)
class Trial:
    """One point: sizes, arrays by name, the gradients there and what was claimed of them."""

    sizes: Mapping[str, int]
    space: Space  # variables, given gradients, functions and sizes
    truth: Mapping[str, Any]
    claimed: dict[str, Any] = field(default_factory=dict)
    beside: bool = False  # whether it was sought in a branch, or beside a border


class Laboratory:
    """The derivation of a problem, evaluated at points."""

    def __init__(self, problem: Problem, names: Sequence[str]) -> None:
        self.problem = problem
        known = [*problem.variables, *problem.definitions]
        for name in names:
            if name not in known:
                raise UnknownNameError(
                    f"no gradient with respect to {name!r}: it is not in the problem",
                    remedy=f"there are: {', '.join(known)}",
                )
        self.names = tuple(names)
        wrt = [n for n in names if n in problem.variables]
        self.derivation = DerivedGradients(problem, wrt or list(problem.variables))
        self.compiled: Compiled = compile_module(module_of(self.derivation))
        self.box = box(self.derivation, self.compiled)
        self.functions = callables(self.compiled)
        self.missed: tuple[str, ...] = ()  # sides of boundaries on which no point is

    @cached_property
    def whole(self) -> DerivedGradients:
        """The derivation by every variable, whose definitions have gradients too."""
        if {*self.problem.variables} <= {*self.derivation}:
            return self.derivation
        return DerivedGradients(self.problem, list(self.problem.variables))

    def gradient(self, name: str) -> Expr:
        """Return the gradient by a variable or a definition as an expression."""
        if name in self.derivation:
            return self.derivation[name].expr
        return self.whole.by_definition(name)

    def text(self, name: str) -> str:
        """Return that gradient in the language; it parses back."""
        if name in self.derivation:
            return self.derivation[name].text
        return text(self.gradient(name))

    def trials(self) -> list[Trial]:
        """Return points of several sizes at which the gradients are finite, in every branch."""
        found = [*self.some()]
        found += self._nearer(found)
        found += self._in_branches(found)
        if not found:
            raise UndefinedError(
                "no point was found at which the gradient is defined",
                remedy="is something divided by zero, or singular, or a logarithm below 0?",
            )
        return found

    def some(self) -> Iterator[Trial]:
        """Yield random points of several sizes at which the gradients are finite."""
        for sizes in self._sizes():
            for seed in _SEEDS:
                found = self._drawn(sizes, seed)
                if found is not None:
                    yield found

    def _nearer(self, before: Sequence[Trial]) -> list[Trial]:
        """Return a point nearer to 0, where functions are saturated at all others.

        There they are what they tend to, and a wrong gradient that tends to the same looks right.
        """
        if not all(map(self._is_saturated, before)):
            return []
        sizes, (positive, scale) = self._sizes()[0], self.box.drawn
        nearer = (self._drawn(sizes, 0, positive, scale / 8**k) for k in range(1, _NEARER))
        return [*islice((t for t in nearer if t is not None and not self._is_saturated(t)), 1)]

    def _is_saturated(self, trial: Trial) -> bool:
        """Whether functions have values at a point that hardly change around it."""
        x = self.problem.objective
        if self.functions or work([x], trial.sizes) > _MOST_WORK:
            return False
        here = exact_point(self.problem, {**trial.space, **trial.sizes})
        try:
            here.cells(x)
        except OUTSIDE:
            return False
        return is_saturated(here.scalars())

    def _in_branches(self, before: Sequence[Trial]) -> list[Trial]:
        """Return points in the branches that no earlier point is in, and close to their borders."""
        found = boundaries(self.problem.objective)
        if not found:
            return []
        sizes = self._sizes()[0]
        variables = self.problem.variables
        free = [n for n, v in variables.items() if not {*v.properties} - {"positive"}]
        fixed = {**self.functions, **{d: sizes[d] for d in self.problem.dims}}

        def value(x: Expr, point: Mapping[str, Any]) -> Any:
            return self.value(x, {**fixed, **point})

        branches = Branches(found, value)
        for t in before:
            if t.sizes == sizes:
                branches.see({n: t.space[n] for n in variables})
        branches.kept.clear()
        given = draw(self.derivation, sizes, _BRANCH_SEED, *self.box.drawn)[1]

        def drawn(seed: int) -> Mapping[str, Any]:
            return draw(self.derivation, sizes, seed, *self.box.drawn)[0]

        positive = [n for n in free if variables[n].properties]
        points = [
            p
            for p in search(branches, drawn, free, _BRANCH_SEED)
            if all(np.all(p[n] > 0) for n in positive)
        ]
        self.missed = tuple(branches.missed())
        tried = [self._at(sizes, {**p, **given}) for p in points]
        return [replace(t, beside=True) for t in tried if t is not None]

    def small(self) -> Iterator[Trial]:
        """Yield points of small whole numbers, of the smallest sizes first."""
        dims = self.problem.dims
        grid = size_grid(dims, least_sizes([self.problem.objective]))
        count = 0
        for sizes in grid:
            for seed in (0, 1):
                count += 1
                if count > _MOST_SMALL:
                    return
                cells = point(
                    self.problem, sizes, seed, integers=2, positive=bool(self.box.positive)
                )
                given = {n: array(c, self.axes(n)) for n, c in cells.items()}
                trial = self._at(sizes, given)
                if trial is not None:
                    yield trial

    def axes(self, name: str) -> Shape:
        """Return the axes of an array: those that its variable is declared with."""
        problem = self.problem
        if name in problem.variables:
            return problem.variables[name].written
        if name in problem.upstream:
            return given_axes(problem, name)
        x = problem.definitions[name]
        return x.shape if keeps_axis(x, problem.variables) else array_shape(x.shape)

    @property
    def has_two_forms(self) -> bool:
        """Whether the given gradient is a column or a row, which comes with one axis or two."""
        shapes = [x.shape for x in self.problem.upstream.values()]
        return len(shapes) == 1 and len(array_shape(shapes[0])) == 1 == len(shapes[0]) - 1

    def in_the_other_form(self, space: Mapping[str, Any]) -> Space:
        """Return the given gradient with two axes for one, or one for two."""
        (name, x), *_ = self.problem.upstream.items()
        if name not in space:
            return {}
        plain = np.ravel(space[name])
        column = (-1, 1) if x.shape[1] == ONE else (1, -1)
        return {name: plain if np.ndim(space[name]) == 2 else plain.reshape(column)}

    def shown_by(self, size: str) -> str:
        """Return where an array shows a size, as NumPy reads it; "" where none does."""
        for n in [*self.problem.variables, *self.problem.upstream]:
            for k, d in enumerate(array_shape(self.problem.known()[n].shape)):
                if str(d) == size:
                    return f"{n}.shape[{k}]"
        return ""

    def is_thin(self, name: str) -> bool:
        """Whether an array has an axis of size 1 that the language does without."""
        known = self.problem.known()
        return name in known and len(self.axes(name)) > len(array_shape(known[name].shape))

    def _sizes(self) -> list[dict[str, int]]:
        dims = self.problem.dims
        least = least_sizes([self.problem.objective])
        count = len(dims)
        rising = [2 + k for k in range(count)]
        primes = [_PRIMES[k % len(_PRIMES)] + k // len(_PRIMES) for k in range(count)]
        choices = [rising, rising[::-1], primes, primes[::-1]]
        if count == 1:
            choices = [[2], [3], [5]]
        rows = [least.raised(dict(zip(dims, c, strict=True))) for c in choices]
        return [r for k, r in enumerate(rows) if r not in rows[:k]]

    def _drawn(self, sizes: Mapping[str, int], seed: int, *drawn: Any) -> Trial | None:
        inputs, given = draw(self.derivation, sizes, seed, *(drawn or self.box.drawn))
        return self._at(sizes, {**inputs, **given})

    def _at(self, sizes: Mapping[str, int], arrays: Mapping[str, Any]) -> Trial | None:
        problem = self.problem
        inputs = {n: arrays[n] for n in problem.variables}
        free = () if problem.function is None else problem.function.parameters
        bound = {n: np.asarray(x) for n, x in problem.values.items() if n not in free}
        inputs.update(bound)
        given = {g: arrays[g] for g in problem.upstream}
        keywords = {**self.functions, **hidden_sizes(self.compiled, sizes)}
        space = {**inputs, **given, **self.functions, **stand_ins(self.compiled, given)}
        for d in problem.dims:
            space.setdefault(d, sizes[d])
        with np.errstate(all="ignore"):
            value = objective(self.compiled, inputs, given, keywords)
        if not np.all(np.isfinite(value)):
            return None  # of a function that is not defined there nothing is the gradient
        truth = self._truth(sizes, space, keywords)
        if not all(x is not None and np.all(np.isfinite(x)) for x in truth.values()):
            return None
        # Beside a singular matrix the digits of a gradient are noise; another point decides.
        again = self._truth(sizes, self.shaken(space), keywords)
        settled = all(again[n] is not None and is_steady(again[n], x) for n, x in truth.items())
        return Trial(dict(sizes), space, truth) if settled else None

    def shaken(self, space: Mapping[str, Any]) -> Space:
        """Return a point whose variables differ from those of another in their last digits."""
        near = dict(space)
        for k, n in enumerate(self.problem.variables):
            signs = np.random.default_rng(k).choice([-1.0, 1.0], np.shape(space[n]))
            near[n] = space[n] * (1 + _SHAKEN * signs)
        return near

    def _truth(
        self, sizes: Mapping[str, int], space: Mapping[str, Any], keywords: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the gradients at a point, None for one that has no value there."""
        inputs = {n: space[n] for n in self.problem.variables}
        given = {g: space[g] for g in self.problem.upstream}
        with np.errstate(all="ignore"):
            found = dict(backward(self.compiled, inputs, given, {**keywords}))
            return {n: found[n] if n in found else self.gradient_at(n, space) for n in self.names}

    def _thick(self, x: Expr, value: Any) -> Any:
        """Return the value of a column or a row with the axis of size 1 that NumPy gives it."""
        if value is None or not keeps_axis(x, self.problem.variables):
            return value
        return np.reshape(value, (-1, 1) if x.shape[1] == ONE else (1, -1))

    def gradient_at(self, name: str, space: Mapping[str, Any], x: Expr | None = None) -> Any:
        """Return a gradient, or what stands for it, as an array with the axes that it should have.

        None where it has no value.
        """
        value = self.value(self.gradient(name) if x is None else x, space)
        problem = self.problem
        of = problem.variables[name].expr if name in problem.variables else problem.known()[name]
        return self._thick(of, value) if np.shape(value) == (np.size(value),) else value

    def value(self, x: Expr, space: Mapping[str, Any]) -> Any:
        """Return the value of an expression at a point, or None where it has none."""
        try:
            with np.errstate(all="ignore"):
                return evaluate(x, space)
        except (SymderivError, np.linalg.LinAlgError, ValueError, ZeroDivisionError):
            return None

    def _saved(self, space: Space) -> Space:
        """Return what the generated forward pass saves for its backward pass."""
        p, module = self.problem, self.compiled.module
        keywords = {n: space[n] for n in (*self.functions, *module.losses, *module.sizes)}
        saved: Space = {}
        self.compiled.forward(*(space[n] for n in p.variables), cache=saved, **keywords)
        return saved

    def others(self) -> list[str]:
        """Return what else a function may ask for by name: functions, losses, sizes."""
        names = [*self.functions, *self.compiled.module.losses, *self.problem.dims]
        known = self.problem.known()
        return [n for n in dict.fromkeys(names) if n not in known]

    def filled(self, space: Space, needed: Sequence[str], everything: bool) -> Space:
        """Return a point with the definitions, and their gradients, that a function asks for."""
        full = dict(space)
        for n, x in self.problem.definitions.items():
            if n not in full and (n in needed or everything):
                full[n] = self._thick(x, self.value(x, space))
            if f"d{n}" not in full and f"d{n}" in needed:
                value = self.value(self.whole.by_definition(n), space)
                full[f"d{n}"] = self._thick(x, value)
        if everything:
            full = {**self._saved(space), **full}
        lost = [n for n in needed if full.get(n) is None]
        if lost:
            raise InputError(f"{lost[0]} has no value to be given to the callable")
        return {n: x for n, x in full.items() if x is not None}


def array(cells: Any, axes: Shape) -> Any:
    """Return cells as an array with so many axes, without those that are always one."""
    full = np.array(_floats(cells))
    while full.ndim > len(axes):
        full = full.reshape(full.shape[:-1] if full.shape[-1] == 1 else full.shape[1:])
    return full


def _floats(cells: Any) -> Any:
    return [_floats(c) for c in cells] if isinstance(cells, list) else float(cells)


def is_steady(a: Any, b: Any, bound: float = _STEADY) -> bool:
    """Whether two values of one thing, at points that are nearly one, are nearly one."""
    if np.shape(a) != np.shape(b):
        return False
    scale = max(float(np.max(np.abs(b), initial=0.0)), 1e-3)
    return bool(np.max(np.abs(a - b), initial=0.0) <= bound * scale)
