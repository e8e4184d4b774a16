"""Published derivatives: right at every draw, read back from their text, and as short as on paper.

The cases are from the Matrix Cookbook, matrixcalculus.org, SymPy's tests and open bugs, networks,
statistics and optimisation. A gradient has the shape of its variable, a Jacobian or a Hessian is
in vec order; ``structured`` says where the free parameters of a structured variable are counted.
"""

from __future__ import annotations

import json
import re
import statistics
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from generator import read_back

import symderiv as sd
from symderiv.codegen.evaluation import evaluate

CASES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data/identities.json").read_text(encoding="utf-8")
)
TOLERANCE = 1e-8
WORDS = re.compile(r"[A-Za-z_]\w*|\d+\.?\d*(?:e-?\d+)?|\*\*|[-+*/@]")


@cache
def result(name: str) -> Any:
    """Return what is derived for a case."""
    case = CASES[name]
    if case["kind"] == "gradient":
        structured = case.get("structured", "ambient")
        found = sd.derive(case["expr"], wrt=case["wrt"], structured=structured, **case["variables"])
        return found[case["wrt"]]
    function = sd.jacobian if case["kind"] == "jacobian" else sd.hessian
    return function(case["expr"], wrt=case["wrt"], **case["variables"])


def entrywise(a: float, b: float, c: float, d: float) -> dict[str, Any]:
    """Return f(t) = a sin(bt + c) + d t^2 and its derivatives."""
    return {
        "f": lambda t: a * np.sin(b * t + c) + d * t * t,
        "fp": lambda t: a * b * np.cos(b * t + c) + 2 * d * t,
        "fpp": lambda t: -a * b * b * np.sin(b * t + c) + 2 * d,
    }


def given(case: dict[str, Any], draw: dict[str, Any]) -> dict[str, Any]:
    """Return what a result is evaluated at."""
    values = {n: np.array(v, dtype=float) for n, v in draw["inputs"].items()}
    if "G" in draw:
        values["G"] = np.array(draw["G"], dtype=float)
    functions = entrywise(*draw["f"]) if "f" in draw else {}
    return {**case["sizes"], **values, **functions}


@pytest.mark.parametrize("name", CASES)
def test_published_derivative_is_found(name: str) -> None:
    case, found = CASES[name], result(name)
    for draw in case["draws"]:
        value = np.asarray(found.evaluate(**given(case, draw)))
        expected = np.reshape(np.array(draw["expected"], dtype=float), value.shape)
        np.testing.assert_allclose(value, expected, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("name", CASES)
def test_its_text_parses_back_to_an_equal_expression(name: str) -> None:
    case, found = CASES[name], result(name)
    p = getattr(found, "problem", None) or found.derivation.problem
    again = read_back(p, found.text)
    assert again.shape == found.expr.shape
    for draw in case["draws"]:
        values = given(case, draw)
        left, right = evaluate(found.expr, values), evaluate(again, values)
        np.testing.assert_allclose(left, right, rtol=TOLERANCE, atol=TOLERANCE)


def nodes(written: str) -> int:
    """Return how many names, numbers and signs stand in a text, definitions included."""
    return len(WORDS.findall(written))


def test_answers_are_as_short_as_on_paper() -> None:
    ratios = sorted(
        (nodes(result(name).text) / nodes(case["truth"]), name)
        for name, case in CASES.items()
        if "truth" in case
    )
    values = [r for r, _ in ratios]
    spread = [round(q, 2) for q in statistics.quantiles(values, n=10)]
    within = sum(r <= 1.25 for r in values) / len(values)
    print(f"{len(values)} cases, median {statistics.median(values):.2f}, deciles {spread}")
    print(f"at most 1.25: {within:.1%}")
    for ratio, name in ratios[:-11:-1]:
        print(f"{ratio:.2f} {name}: {result(name).text} | {CASES[name]['truth']}")
    assert statistics.median(values) <= 1
    assert within >= 0.95
