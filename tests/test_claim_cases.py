"""Ninety gradients that people claimed on public pages: verdict, slip, correction, counterexample.

The pages are named in ``source``; the verdicts and the classes of the slips are a reader's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from symderiv.claims import Checker, Verdict
from symderiv.claims.deciding import Comparer
from symderiv.problems import ClaimText, Problem
from symderiv.problems.declarations import PROPERTIES, Declarations
from symderiv.problems.problem import build
from symderiv.values.explicit import same_cells

CASES = json.loads((Path(__file__).parent / "data" / "claims.json").read_text(encoding="utf-8"))
MEANT = {"correct": "right", "wrong": "wrong", "layout-only": "transposed"}
RENAMED = {"onehot_rows": "onehot"}
# What a reader calls a slip, and what this program may call it.
CLASSES: dict[str, tuple[str, ...]] = {
    "chain-factor": ("chain-factor",),
    "missing-factor": ("missing-factor", "extra-factor", "chain-factor", "sum-vs-mean"),
    "factor-order": ("factor-order",),
    "wrong-sign": ("sign",),
    "missing-term": ("missing-term", "undifferentiated", "extra-term"),
    "sum-vs-mean": ("sum-vs-mean", "missing-factor"),
    "missing-sum": ("missing-sum",),
    "wrong-variable": ("wrong-variable",),
    "elementwise-vs-matmul": ("elementwise",),
    "transposed": ("transposed",),
    "tool-bug": ("missing-term", "extra-factor"),
    "broadcasting": ("broadcasting",),
    "symmetric-parametrisation": ("symmetric-convention",),
    "trace-not-dropped": ("extra-trace", "chain-factor"),
    "index-swap": ("index-swap", "wrong-variable"),
}


def posed(case: Mapping[str, Any]) -> Problem:
    declared = Declarations()
    for name, (shape, properties) in case["vars"].items():
        known = [RENAMED.get(p, p) for p in properties if RENAMED.get(p, p) in PROPERTIES]
        sizes = ", ".join(map(str, shape)) or "scalar"
        declared.declare(name, " ".join([sizes, *(known if shape else [])]))
    return build(case["expr"], declared)


@cache
def checked(number: int) -> Verdict:
    case = CASES[number]
    problem = posed(case)
    about = f"d{problem.objective_name}/d{case['wrt']}"
    return Checker(problem).check(ClaimText(about, (case["claim"],)))


def named(case: Mapping[str, Any], found: Verdict) -> bool:
    return bool(set(found.slips[:2]) & set(CLASSES[case["primary"]]))


@pytest.mark.sampled(13)
@pytest.mark.parametrize("number", range(len(CASES)), ids=[c["id"] for c in CASES])
def test_verdict_correction_and_counterexample(number: int) -> None:
    case, found = CASES[number], checked(number)
    assert found.verdict == MEANT.get(case["verdict"], "right-if"), found.diagnosis
    if found.verdict == "right":
        return
    assert found.correction_expr is not None
    assert found.truth is not None
    problem = posed(case)
    sides = [found.correction_expr, found.truth]
    assert Comparer(problem, sides).equal(*sides)
    if found.verdict in ("wrong", "right-if") and found.slips[-1:] != ("shape",):
        shown = found.counterexample
        assert shown is not None
        assert not same_cells(shown.claimed_cells, shown.right_cells)


@pytest.mark.slow
def test_the_slip_is_named_in_four_of_five_wrong_claims() -> None:
    wrong = [k for k, c in enumerate(CASES) if c["verdict"] == "wrong"]
    missed = [CASES[k]["id"] for k in wrong if not named(CASES[k], checked(k))]
    assert len(missed) <= len(wrong) / 5, missed
