"""Backward functions written from derivations: right ones are right, mutated ones never are.

Derivations of the library and of published identities become functions of NumPy with names that
people use: ten words for the upstream gradient, local variables of the same names, columns of two
axes, intermediates recomputed, gradients as a tuple, a dict or one array.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from random import Random

import pytest
from backward_writing import Habits, derived, habitual, written
from mutations import SLIPS, Asked
from numeric_values import are_equal
from test_mutations import COUNT, TRIES, derivations, problem, spelled

import symderiv as sd
from symderiv.core.expr import Expr
from symderiv.derivation.derivations import DerivedGradients
from symderiv.problems import Problem

KINDS = sorted(n for n, s in SLIPS.items() if s.about == "gradient")
SAMPLED, SHIFT = 50, 3  # every fiftieth


@dataclass
class Report:
    """What came out."""

    right: int = 0
    mutated: int = 0
    undecided: int = 0
    seconds: list[float] = field(default_factory=list)
    misses: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        worst, total = max(self.seconds, default=0.0), sum(self.seconds)
        return (
            f"{self.right} right, {self.mutated} mutated ({self.undecided} of them not decided), "
            f"{total:.0f} s, worst {worst:.1f} s"
        )


def mutations(p: Problem, wrt: str, seed: str) -> list[tuple[str, Expr]]:
    """Return one changed formula of another value for each of three slips."""
    asked = Asked(p, DerivedGradients(p, list(p.variables))[wrt])
    kinds = list(KINDS)
    Random(seed).shuffle(kinds)
    found: list[tuple[str, Expr]] = []
    for kind in kinds:
        order = sorted(dict.fromkeys(SLIPS[kind].mutate(asked)), key=spelled)
        Random(f"{seed} {kind}").shuffle(order)
        for x in order[:TRIES]:
            if spelled(x) and x.shape == asked.truth.shape and differs(p, x, asked.truth):
                found.append((kind, x))
                break
        if len(found) == 3:
            break
    return found


def differs(p: Problem, x: Expr, truth: Expr) -> bool:
    try:
        return are_equal(p, x, truth) is False
    except Exception:  # shapes that clash in the code alone
        return False


def check_written(source: str, wrt: str, report: Report) -> None:
    """Check one derivation written as a function, and mutated ones."""
    seed = f"{source} {wrt}"
    habits = Habits.of(seed)
    p = habitual(problem(source), habits)
    truth = derived(p, wrt)
    claims = [("right", truth), *mutations(p, wrt, seed)]
    for kind, x in claims:
        made = written(p, {wrt: x}, habits)
        start = time.perf_counter()
        found = sd.check(p, wrt=[wrt], claim=made.function)
        report.seconds.append(time.perf_counter() - start)
        verdict = found.verdict
        report.right += kind == "right"
        report.mutated += kind != "right"
        report.undecided += kind != "right" and verdict == "undecided"
        if (verdict == "right") != (kind == "right"):
            report.misses.append(f"{seed} ({kind}): {found}\n{made.source}\n{p.text}")
        if p.upstream and verdict != "undecided" and "the given gradient" not in str(found):
            report.misses.append(f"{seed}: the upstream gradient was not met: {found}")


def run(chosen: list[tuple[str, str]]) -> None:
    """Check derivations, and print how many claims there were."""
    report = Report()
    for source, wrt in chosen:
        check_written(source, wrt, report)
    print(report)
    assert not report.misses, "\n\n".join(report.misses)
    assert report.right == len(chosen)
    assert report.mutated >= 2 * len(chosen)
    assert report.undecided <= report.mutated // 3


def test_functions_written_from_derivations_are_told_from_mutated_ones() -> None:
    run(derivations()[SHIFT::SAMPLED])


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", range(2))
def test_two_hundred_derivations_written_as_functions(part: int) -> None:
    assert len(derivations()) == COUNT
    run(derivations()[part::2])
