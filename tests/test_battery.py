"""A battery of derivatives from books, papers and manuals, with numbers that PyTorch gave.

``data/battery.json``: per case the expression, the variables, a compact closed form where the
literature has one (else null), and two points with the derivative there, by PyTorch's reverse mode
in double precision on an evaluation of its own. Sources: The Matrix Cookbook (2012), sections 2.1
to 2.8; the examples of matrixcalculus.org; SymPy's tests of matrix derivatives; the usual networks,
likelihoods, penalties and energies. G is the gradient of the one unspecified loss, and
f(t) = 1.2 sin(0.7 t + 0.3) + 0.4 t**2 the unspecified entrywise function.
"""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.codegen.evaluation import evaluate
from symderiv.evidence.second_derivatives import shown_sizes
from symderiv.problems import Problem

CASES = json.loads((Path(__file__).parent / "data" / "battery.json").read_text("utf-8"))
NODE = re.compile(r"[A-Za-z_]\w*|\d+\.?\d*|\*\*|[-+*/@]")
# det(I + u vᵀ) = 1 + vᵀu and y² = 1 are not known here; solve(A, b) is read as inv(A) @ b.
LONGER = {"cb-148-det-rank1", "cb-149-logdet-rank1", "he-1-logistic-pm", "more-34-solve"}


def derived(case: dict[str, Any]) -> tuple[Any, Problem]:
    """Return a case's derivative, and its problem."""
    if case["kind"] != "gradient":
        make = sd.jacobian if case["kind"] == "jacobian" else sd.hessian
        found = make(case["expr"], case["wrt"], **case["vars"])
        return found, found.problem
    d = sd.derive(case["expr"], [case["wrt"]], **case["vars"])
    return d[case["wrt"]], d.problem


def values(draw: dict[str, Any]) -> dict[str, Any]:
    """Return the arrays and sizes of a point."""
    arrays = {n: np.array(x["values"]).reshape(x["shape"]) for n, x in draw["inputs"].items()}
    if draw["G"]:
        arrays["G"] = np.array(draw["G"]["values"]).reshape(draw["G"]["shape"])
    functions = {
        "f": lambda t: 1.2 * np.sin(0.7 * t + 0.3) + 0.4 * t * t,
        "fp": lambda t: 0.84 * np.cos(0.7 * t + 0.3) + 0.8 * t,
        "fpp": lambda t: -0.588 * np.sin(0.7 * t + 0.3) + 0.8,
    }
    return {**functions, **draw["sizes"], **arrays}


def inlined(text: str) -> str:
    """Return a text with its named parts put in."""
    while "; " in text:
        head, text = text.split("; ", 1)
        name, part = head.split(" = ", 1)
        text = re.sub(rf"\b{name}\b", lambda _, p=part: f"({p})", text)  # type: ignore[misc]
    return text


def length(text: str) -> int:
    """Return the number of names, numbers and signs."""
    return len(NODE.findall(text))


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["id"])
def test_derivative_has_its_numbers_and_its_text_parses_back(case: dict[str, Any]) -> None:
    found, problem = derived(case)
    again = problem.read(inlined(found.text))
    for draw in case["draws"]:
        at = values(draw)
        expected = np.array(draw["expected"]["values"])
        for got in (found.evaluate(**at), evaluate(again, shown_sizes(problem, at))):
            np.testing.assert_allclose(np.ravel(got), expected, rtol=1e-8, atol=1e-9)
    if case["truth"] and case["id"] not in LONGER:
        assert length(found.text) <= 1.25 * length(case["truth"]), found.text


def test_forms_are_as_short_as_those_of_the_literature(capsys: pytest.CaptureFixture[str]) -> None:
    known = [c for c in CASES if c["truth"]]
    ratios = sorted(length(derived(c)[0].text) / length(c["truth"]) for c in known)
    with capsys.disabled():
        spread = [ratios[int(len(ratios) * q)] for q in (0.5, 0.9, 0.95, 0.99)]
        print("\nlengths at 50, 90, 95, 99 %:", *(f"{r:.2f}" for r in spread))
    assert statistics.median(ratios) <= 1
    assert ratios[int(len(ratios) * 0.95)] <= 1.15
