"""The reason of every step fits the step: decided from its two sides, for every library problem."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import symderiv as sd
from symderiv.core.errors import CheckError
from symderiv.core.expr import Expr
from symderiv.derivation.derivations import DerivedGradients
from symderiv.derivation.jacobians import hessian_of, jacobian_of
from symderiv.derivation.lemmas import lemma_of, lemmas_of
from symderiv.derivation.narration import Step
from symderiv.derivation.narration.fitting import NEEDS, misfit
from symderiv.derivation.narration.steps import Act, LawOf
from symderiv.derivation.rechecking import recheck
from symderiv.ops import TABLE
from symderiv.ops.text import text
from symderiv.problems import library
from symderiv.problems.properties import readings

NAMES = library.names()


def derived(name: str) -> DerivedGradients:
    d = sd.derive(name)
    return DerivedGradients(d.problem, list(d))


def steps_of(d: DerivedGradients) -> list[Step]:
    """Return the steps of all styles, and those of the lemmas that they rest on."""
    own = [*(s for section in d.sections for s in section.steps), *d.differentials]
    lemmas = lemmas_of(own, frozenset(d.problem.taken)).values()
    return [*own, *(s for lemma in lemmas for s in (*lemma.steps, *lemma.short))]


def shown(step: Step) -> str:
    reason = "".join(p if isinstance(p, str) else text(p) for p in step.reason)
    return f"{text(step.before)[:200]} = {text(step.after)[:200]} [{step.law}: {reason}]"


def test_every_law_says_what_it_needs() -> None:
    assert {*NEEDS} == {*Act}


@pytest.mark.sampled(12)
@pytest.mark.parametrize("name", NAMES)
def test_every_step_is_of_the_kind_that_it_says(name: str) -> None:
    for step in steps_of(derived(name)):
        assert not misfit(step), f"{misfit(step)}: {shown(step)}"


@pytest.mark.sampled(12)
@pytest.mark.parametrize("name", NAMES)
def test_every_reason_says_something(name: str) -> None:
    for step in steps_of(derived(name)):
        words = [p for p in step.reason if isinstance(p, str)]
        assert step.reason, shown(step)
        assert "definition" not in words, shown(step)
        assert not any(p in (";", "; ", "") for p in step.reason[-1:]), shown(step)


@pytest.mark.sampled(12)
@pytest.mark.parametrize("name", NAMES)
def test_what_is_called_a_definition_is_one(name: str) -> None:
    d = derived(name)
    defined = {*d.problem.definitions, *d.problem.upstream, d.problem.objective_name}
    stages = {s.target for s in d.sections} | {e for s in d.sections for e in [s.given] if e}
    for step in (s for section in d.sections for s in section.steps):
        for words, named in zip(step.reason, step.reason[1:], strict=False):
            if isinstance(words, str) and words.endswith("definition of "):
                assert isinstance(named, Expr)
                assert str(named.data) in defined or named in stages, shown(step)


def properties_named(d: DerivedGradients) -> Iterator[tuple[Step, str]]:
    """Yield every step with the variables whose declared properties its reason names."""
    said = {
        v.name: f" {' and '.join(readings(v))}"
        for v in d.problem.variables.values()
        if v.properties
    }
    for step in (s for section in d.sections for s in section.steps):
        for named, words in zip(step.reason, step.reason[1:], strict=False):
            if isinstance(named, Expr) and words == said.get(str(named.data)):
                yield step, str(named.data)


DECLARED = {n: library.load_named(n).variables.values() for n in NAMES}
WITH_PROPERTIES = [n for n in NAMES if any(v.properties for v in DECLARED[n])]


@pytest.mark.sampled(12)
@pytest.mark.parametrize("name", WITH_PROPERTIES)
def test_a_property_is_named_where_the_step_is_false_without_it(name: str) -> None:
    d = derived(name)
    named = list(properties_named(d))
    for step, variable in named:
        known = d.problem.variables
        without = {**known, variable: replace(known[variable], properties=())}
        with pytest.raises(CheckError):
            recheck(replace(d.problem, variables=without), [step])


@pytest.mark.sampled(12)
@pytest.mark.parametrize("name", NAMES)
def test_a_function_of_several_operations_is_cited_by_its_lemma(name: str) -> None:
    d = derived(name)
    own = [*(s for section in d.sections for s in section.steps), *d.differentials]
    cited = {p.operator for s in own for p in s.reason if isinstance(p, LawOf)}
    found = lemmas_of(own, frozenset(d.problem.taken))
    assert {n for n in cited if not isinstance(TABLE[n].rests_on, str)} <= {*found}


EXPRESSIONS = {
    "norm(A @ x - y) ** 2": {"A": "m, n", "x": "n", "y": "m"},
    "logdet(X)": {"X": "n, n"},
    "trace(inv(X) @ A)": {"X": "n, n", "A": "n, n"},
    "x.T @ A @ x / (x.T @ x)": {"A": "n, n", "x": "n"},
    "sum(log(1 + exp(-y * (X @ w))))": {"X": "n, d", "w": "d", "y": "n"},
    "L(softmax(Q @ K.T / sqrt(d)) @ V)": {"Q": "n, d", "K": "m, d", "V": "m, v"},
    "sum(where(X > 0, X, 2 * X) ** 2)": {"X": "n, d"},
    "det(X) * trace(X)": {"X": "n, n"},
    "norm(x) ** 3": {"x": "n"},
    "s ** 2 * sum(x)": {"x": "n", "s": "scalar"},
}
MATRICES = {
    "softmax(x, axis=0)": {"x": "n"},
    "x * (A @ x)": {"A": "n, n", "x": "n"},
    "A @ x": {"A": "m, n", "x": "n"},
    "sum(log(1 + exp(-y * (X @ w))))": {"X": "n, d", "w": "d", "y": "n"},
    "norm(A @ w - y) ** 4": {"A": "m, n", "w": "n", "y": "m"},
}


@pytest.mark.parametrize("objective", EXPRESSIONS)
def test_every_step_of_an_expression_is_of_its_kind(objective: str) -> None:
    d = sd.derive(objective, **EXPRESSIONS[objective])
    for step in steps_of(DerivedGradients(d.problem, list(d))):
        assert not misfit(step), f"{misfit(step)}: {shown(step)}"


@pytest.mark.parametrize("value", MATRICES)
def test_every_step_to_a_matrix_of_derivatives_is_of_its_kind(value: str) -> None:
    p = sd.problem(value, **MATRICES[value])
    by = "w" if "w" in p.variables else "x"
    found = hessian_of(p, by) if p.objective.is_scalar else jacobian_of(p, by)
    for step in (*found.steps, *found.identified.steps):
        assert not misfit(step), f"{misfit(step)}: {shown(step)}"


CASES = json.loads((Path(__file__).parent / "data/identities.json").read_text(encoding="utf-8"))


@pytest.mark.sampled(40)
@pytest.mark.parametrize("name", CASES)
def test_every_step_of_a_case_is_of_its_kind(name: str) -> None:
    case = CASES[name]
    p = sd.problem(case["expr"], **case["variables"])
    if case["kind"] == "gradient":
        steps = steps_of(DerivedGradients(p, [case["wrt"]]))
    else:
        find = hessian_of if case["kind"] == "hessian" else jacobian_of
        found = find(p, case["wrt"])
        steps = [*found.steps, *(() if found.not_identified else found.identified.steps)]
    for step in steps:
        assert not misfit(step), f"{misfit(step)}: {shown(step)}"
        assert step.reason, shown(step)
        assert "definition" not in step.reason, shown(step)


def reasons_of(problem: str, target: str) -> list[str]:
    section = next(s for s in derived(problem).sections if str(s.target.data) == target)
    return ["".join(p if isinstance(p, str) else text(p) for p in s.reason) for s in section.steps]


def test_a_cotangent_that_equals_a_variable_is_cited_as_what_was_derived() -> None:
    assert not [r for r in reasons_of("matrix-factorisation", "P") if "definition of lam" in r]


def test_a_sum_over_several_arrays_is_no_matrix_product() -> None:
    assert reasons_of("convolution-2d", "W")[0] == "definition of Y, entry by entry"
    lemma = lemma_of(TABLE["cross_entropy"].rests_on)  # type: ignore[arg-type]
    assert not [s for s in lemma.steps if s.law is Act.MATMUL]


def test_a_lemma_defines_only_what_has_a_definition() -> None:
    steps = [s for section in derived("neo-hooke").sections for s in section.steps]
    assert [*lemmas_of(steps)] == ["det"]
