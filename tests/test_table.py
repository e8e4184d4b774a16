"""Every entry of the operator table, by what the entry itself states: samples, refusals, domain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from fractions import Fraction
from functools import cache
from itertools import cycle
from typing import Any

import numpy as np
import pytest

from symderiv.api import check
from symderiv.calculus import lower
from symderiv.calculus.matrixform import Raiser
from symderiv.codegen.assignments import array_shape
from symderiv.codegen.evaluation import evaluate
from symderiv.core.cells import each, entry_at, places, sizes_of
from symderiv.core.errors import LanguageError
from symderiv.core.expr import Expr, entry, partial, walk
from symderiv.derivation.derivations import DerivedGradients
from symderiv.notation.latex import latex
from symderiv.notation.typst import typst
from symderiv.notation.unicode import unicode
from symderiv.ops import TABLE, Cells, Operator
from symderiv.ops.base import PIECES, put
from symderiv.ops.text import text
from symderiv.ops.written import Writer
from symderiv.problems.problem import Problem, problem
from symderiv.values.explicit import (
    Dual,
    ExactMath,
    Explicit,
    is_exact,
    loss_value,
    plain,
    same,
    same_cells,
)
from symderiv.values.sampling import distinct_sizes, least_sizes, point

DECLARED = {
    "X": "n, d",
    "A": "n, n",
    "x": "n",
    "s": "scalar",
    "f": "entrywise",
    "T": "t, n, d",
    "H": "n, h*k",
}
OUTSIDE_DOMAIN = (ZeroDivisionError, TypeError, ValueError)
TOLERANCE = 1e-10

PUBLIC = [op for op in TABLE.values() if not op.internal]
SAMPLES = [pytest.param(op.name, s, id=f"{op.name}: {s}") for op in PUBLIC for s in op.samples]
BAD = [pytest.param(b, id=f"{op.name}: {b}") for op in TABLE.values() for b in op.bad]


def wrapped(sample: str, around: str = "L({})") -> str:
    """Return a sample as a problem: what stands last becomes a scalar."""
    *definitions, last = sample.split("; ")
    return "; ".join([*definitions, around.format(last)])


@cache
def posed(sample: str) -> Problem:
    return problem(wrapped(sample), **DECLARED)


@cache
def derived(sample: str) -> DerivedGradients:
    return DerivedGradients(posed(sample))


def value_of(p: Problem) -> Expr:
    """Return the sample itself, without the loss around it."""
    return p.objective.args[0]


def reproduction(p: Problem, sizes: object = None, seed: object = None) -> str:
    declared = ", ".join(f"{k}={v!r}" for k, v in DECLARED.items())
    at = "" if sizes is None else f"  # sizes {sizes}, seed {seed}"
    return f"problem({p.text!r}, {declared}){at}"


def checked_sizes(p: Problem, *others: Expr) -> list[dict[str, int]]:
    """Return distinct sizes, and all sizes with ones at which every written position exists."""
    least = least_sizes([p.objective, *p.definitions.values(), *others])
    found = [distinct_sizes(p.dims, least), distinct_sizes(p.dims, least, start=1)]
    found += [
        least.raised(dict(zip(p.dims, cycle(sizes), strict=False)))
        for sizes in ((3, 1), (1, 3), (1, 1))
    ]
    return [s for k, s in enumerate(found) if s not in found[:k]]


def points(p: Problem, domain: str) -> Iterator[tuple[dict[str, int], int, dict[str, Cells]]]:
    """Yield one point inside the domain for every choice of sizes."""
    for sizes in checked_sizes(p):
        for seed in range(8):
            values = point(p, sizes, seed, positive=domain == "positive" or seed > 4)
            try:
                Explicit(sizes, values).cells(p.objective)
            except OUTSIDE_DOMAIN:
                continue
            yield sizes, seed, values
            break
        else:
            pytest.fail(f"no point in the domain: {reproduction(p, sizes)}")


def arrays(p: Problem, values: Mapping[str, Cells], sizes: Mapping[str, int]) -> dict[str, Any]:
    """Return what generated code is called with at a point."""

    def array(name: str) -> Any:
        shape = p.variables[name].shape if name in p.variables else p.upstream[name].shape
        return np.array(each(float, values[name])).reshape(
            [d.at(sizes) for d in array_shape(shape)]
        )

    def entrywise(order: int) -> Any:
        stand_in = ExactMath().unspecified
        return np.vectorize(lambda v: float(stand_in("f", order, Fraction(v))), otypes=[float])

    def loss(z: Any) -> float:
        return float(loss_value("L", [[Fraction(float(v)) for v in np.ravel(z)]]))

    functions = {"f" + "p" * k: entrywise(k) for k in range(3)}
    return {**{n: array(n) for n in values}, **functions, "L": loss, **sizes}


def difference(found: Any, cells: Cells) -> float:
    expected = np.array(each(lambda x: float(Dual.of(x).value), cells))
    scale = np.maximum(1.0, np.abs(expected))
    return float(np.max(np.abs(np.reshape(found, expected.shape) - expected) / scale))


# What is written --------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_sample_uses_its_operator(name: str, sample: str) -> None:
    p = posed(sample)
    used = {e.op for e in walk(p.objective)}
    assert name in used or TABLE[name].usage == f"{name}(x)", reproduction(p)


@pytest.mark.sampled(by="name")
@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_text_parses_back_to_an_equal_expression(name: str, sample: str) -> None:
    p = posed(sample)
    gradients = [r.expr for r in derived(sample).values()]
    for x in (value_of(p), *gradients):
        again = p.read(text(x))
        assert lower(again).term is lower(x).term, f"{text(x)!r}: {reproduction(p)}"
    assert p.read(text(value_of(p))) is value_of(p), reproduction(p)


@pytest.mark.sampled(by="name")
@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_notation_is_well_formed(name: str, sample: str) -> None:
    for x in (value_of(posed(sample)), *(r.expr for r in derived(sample).values())):
        math = Writer()(x)
        written = latex(math)
        bare = written.replace(r"\{", "").replace(r"\}", "")
        depths = np.cumsum([(c == "{") - (c == "}") for c in bare])
        assert min(depths, default=0) >= 0, written
        assert sum((c == "{") - (c == "}") for c in bare) == 0, written
        assert written.count(r"\left") == written.count(r"\right"), written
        assert typst(math).strip()
        assert unicode(math).strip()


# What is computed -------------------------------------------------------------------------------


@pytest.mark.sampled(by="name")
@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_index_term_has_the_explicit_value(name: str, sample: str) -> None:
    p = posed(sample)
    x = value_of(p)
    raised = Raiser().shaped(lower(x).term, x.shape)
    for sizes, seed, values in points(p, TABLE[name].domain):
        at = Explicit(sizes, values)
        left, right = plain(at.cells(raised)), plain(at.cells(x))
        assert same_cells(left, right), (
            f"{text(raised)} is not {text(x)}: {reproduction(p, sizes, seed)}"
        )


@pytest.mark.sampled(by="name")
@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_generated_code_has_the_explicit_value(name: str, sample: str) -> None:
    p = posed(sample)
    for sizes, seed, values in points(p, TABLE[name].domain):
        given = arrays(p, values, sizes)
        at = Explicit(sizes, values)
        for x in (value_of(p), *(r.expr for r in derived(sample).values())):
            error = difference(evaluate(x, given), at.cells(x))
            assert error <= TOLERANCE, f"{text(x)}, off by {error}: {reproduction(p, sizes, seed)}"


@pytest.mark.sampled(by="name")
@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_gradient_is_the_derivative_by_dual_numbers(name: str, sample: str) -> None:
    p, derivation = posed(sample), derived(sample)
    for sizes, seed, values in points(p, TABLE[name].domain):
        at = Explicit(sizes, values)
        is_rational = is_exact(plain(at.cells(value_of(p))))
        for result in derivation.values():
            gradient = plain(at.cells(result.expr))
            assert sizes_of(gradient) == tuple(d.at(sizes) for d in result.variable.shape)
            for spot in places(gradient):
                found = entry_at(gradient, spot)
                by = entry(result.variable.expr, *spot)
                expected = Dual.of(at.cells(partial(p.objective, by))[0][0]).value
                assert is_exact([[found]]) or not (is_rational and is_exact([[expected]])), (
                    reproduction(p, sizes, seed)
                )
                assert same(found, expected), (
                    f"dL/d{result.name}{list(spot)} = {found}, not {expected}, from "
                    f"{result.text}: {reproduction(p, sizes, seed)}"
                )


@pytest.mark.sampled(by="name")
@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_every_step_of_the_derivation_holds(name: str, sample: str) -> None:
    derivation = derived(sample)
    is_given = all(r.expr.op == "var" for r in derivation.values())  # dL(X)/dX = G: no step
    assert derivation.recheck() > 0 or is_given, reproduction(derivation.problem)


# What is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize("written", BAD)
def test_refusal_names_its_subject_and_a_remedy(written: str) -> None:
    with pytest.raises(LanguageError) as caught:
        problem(wrapped(written), **DECLARED)
    assert caught.value.subject
    assert caught.value.span is not None or caught.value.remedy, str(caught.value)
    if caught.value.span is not None:
        assert "^" in caught.value.span.render()


# What the table demands of an entry -------------------------------------------------------------


def complete() -> Operator:
    return replace(TABLE["exp"], name="fresh", build=None)


def test_repeated_entry_is_refused() -> None:
    with pytest.raises(TypeError, match="exp"):
        put(TABLE["exp"])


@pytest.mark.parametrize(
    ("field", "empty"),
    [
        *((f.name, "") for f in fields(Operator) if f.type == "str" and f.default != ""),
        *(
            (f.name, None)
            for f in fields(Operator)
            if str(f.type).startswith("Callable") and "None" not in str(f.type)
        ),
        ("samples", ()),
        ("bad", ()),
    ],
)
def test_incomplete_entry_is_refused(field: str, empty: object) -> None:
    with pytest.raises(TypeError, match="incomplete"):
        put(replace(complete(), **{field: empty}))
    assert "fresh" not in TABLE


def test_complete_entry_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(TABLE, "fresh", raising=False)
    try:
        assert put(complete()) is TABLE["fresh"]
    finally:
        del TABLE["fresh"]


def test_internal_entry_states_its_reason_and_has_no_function_of_its_name() -> None:
    for op in TABLE.values():
        if op.internal:
            assert op.samples == (), op.name
            assert op.build is None, op.name


# Facts that others ask for ----------------------------------------------------------------------


def test_facts_are_among_those_that_are_asked_for() -> None:
    for op in TABLE.values():
        assert op.pieces in PIECES, op.name
        assert op.axis in ("", "reduces", "keeps"), op.name
        assert op.undoes in ("", *TABLE), op.name


@pytest.mark.parametrize("name", [op.name for op in TABLE.values() if op.slope])
def test_stated_slope_is_the_derivative(name: str) -> None:
    whole = f"sum({name}(x))"
    assert check(whole, "x", TABLE[name].slope, x="n positive"), name
    if TABLE[name].domain == "real":
        assert check(whole, "x", TABLE[name].slope, x="n"), name


@pytest.mark.parametrize("name", [op.name for op in TABLE.values() if op.undoes])
def test_function_undoes_the_other(name: str) -> None:
    composed = problem(f"L({name}({TABLE[name].undoes}(x)))", x="n").objective.args[0]
    x = np.array([0.1, 0.3, 0.8])
    assert np.allclose(evaluate(composed, {"x": x}), x), name
