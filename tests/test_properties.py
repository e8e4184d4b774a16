"""Laws that hold for every expression, checked on random ones over the whole operator table."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import generator
import numpy as np
import pytest
import test_table
from generator import Checked, random_problem, reproduction

from symderiv.calculus import lower
from symderiv.codegen.assignments import array_shape
from symderiv.codegen.evaluation import evaluate
from symderiv.core.errors import CheckError
from symderiv.derivation.derivations import DerivedGradients
from symderiv.problems.problem import Problem
from symderiv.tensor import Factor, Term, call, contract, factors_of, is_zero, named, scaled
from symderiv.tensor import add as add_terms

QUICK, DEPTH = 60, 6
GRADIENTS = 2000
BATCH = 50


def problems(count: int, depth: int = 4, start: int = 5000) -> list[Problem]:
    """Return random problems that no other test draws, among them one for every few operators."""
    step = max(1, len(generator.PUBLIC) // count)
    return [random_problem(start + k * step, depth) for k in range(count)]


# Derivatives -------------------------------------------------------------------------------------


@pytest.mark.sampled(8)
@pytest.mark.parametrize("seed", range(QUICK))
def test_gradient_is_the_slope_along_every_direction(seed: int) -> None:
    p = random_problem(seed, DEPTH)
    wrong = generator.failure(p, seed)
    assert not wrong, f"{generator.shrunk(p, seed)}\nwhich was{reproduction(p, seed=seed)}"


def checked(seeds: range) -> list[tuple[Checked, set[str]]]:
    """Return what was found at some seeds; the problem of a failure is the smallest like it."""
    found = []
    for seed in seeds:
        p = random_problem(seed, DEPTH)
        try:
            result = generator.check(p, seed)
        except Exception as error:  # noqa: BLE001 - whatever is raised is a finding
            result = Checked(problem=str(error))
        if result.problem:
            result = Checked(problem=generator.shrunk(p, seed))
        found.append((result, generator.used(p)))
    return found


@pytest.mark.exhaustive
def test_gradient_is_the_slope_of_two_thousand_objectives() -> None:
    done, slow, operators, missing = 0, 0, Counter[str](), Counter[str]()
    failures: list[str] = []
    with ProcessPoolExecutor(2) as pool:
        for start in range(QUICK, 2 * GRADIENTS, 2 * BATCH):
            if done >= GRADIENTS:
                break
            halves = [range(start, start + BATCH), range(start + BATCH, start + 2 * BATCH)]
            for found, names in (x for some in pool.map(checked, halves) for x in some):
                done, slow = done + (found.gradients > 0), slow + found.slow
                operators.update(names if found.gradients else ())
                missing[found.missing] += bool(found.missing)
                failures += [found.problem] * bool(found.problem)
    unseen = [name for name in generator.PUBLIC if not operators[name]]
    print(f"objectives checked: {done}, too slow: {slow}, missing rules: {+missing}")
    assert not failures, "\n".join(failures[:10])
    assert done >= GRADIENTS
    assert unseen == []


def test_every_step_of_a_derivation_holds() -> None:
    for p in problems(15, depth=2):
        try:
            DerivedGradients(p).recheck()
        except CheckError as error:
            raise AssertionError(f"{error}{reproduction(p)}") from None


# Text and code -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_code_has_the_value_of_the_gradient() -> None:
    for seed, p in enumerate(problems(40, depth=3)):
        for sizes, values in generator.points(p, seed):
            try:
                at = generator.Explicit(sizes, values)
                expected = {n: at.cells(r.expr) for n, r in DerivedGradients(p).items()}
            except generator.OUTSIDE_DOMAIN:
                continue
            with np.errstate(all="ignore"):
                given = test_table.arrays(p, values, sizes)
                for name, r in DerivedGradients(p).items():
                    found = evaluate(r.expr, given)
                    kept = [d.at(sizes) for d in array_shape(r.variable.shape)]
                    assert list(found.shape) == kept, reproduction(p, sizes=sizes, seed=seed)
                    error = test_table.difference(found, expected[name])
                    moved = {n: v * (1 + 1e-11) if np.ndim(v) else v for n, v in given.items()}
                    condition = np.max(np.abs(evaluate(r.expr, moved) - found), initial=0)
                    allowed = 1e-7 + condition
                    assert error < allowed, f"{r.text}{reproduction(p, sizes=sizes, seed=seed)}"


# The canonical form ------------------------------------------------------------------------------


def rebuilt(t: Term) -> Term:
    """Return a term put together again from its parts."""
    parts = tuple(map(rebuilt, t.children))
    if t.kind == "contract" and not is_zero(t):
        scale, factors, dims = factors_of(t)
        again = [Factor(p, f.labels, f.exponent) for p, f in zip(parts, factors, strict=True)]
        return contract(again, range(len(t.dims)), dict(enumerate(dims)), scale)
    if t.kind == "add":
        return add_terms(scaled(p, s) for p, s in zip(parts, t.data, strict=True))
    if t.kind == "call":
        return call(t.data, parts, t.dims)
    return named(t.data, parts[0]) if t.kind == "named" else t


def test_canonical_form_is_idempotent() -> None:
    for p in problems(20):
        for t in (lower(p.objective).term, *(r.term for r in DerivedGradients(p).values())):
            assert rebuilt(t) is t, reproduction(p)
