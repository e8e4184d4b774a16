"""Mutated gradients are wrong, rewritten ones are right, and the slip that was made is named.

What is expected is decided by NumPy (``numeric_values``), apart from the checker.
"""

from __future__ import annotations

import json
import re
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from mutations import SLIPS, Asked
from numeric_values import are_equal
from rewritings import REWRITINGS, new_names, renamed, rewritten, with_names

import symderiv as sd
from symderiv.claims import Checker, Verdict
from symderiv.core.errors import LanguageError
from symderiv.core.expr import Expr, free_ranges, substitute, transpose
from symderiv.core.shapes import DimMismatchError, Shape, swapped
from symderiv.derivation.derivations import DerivedGradients
from symderiv.ops.text import text
from symderiv.problems import ClaimText, Problem
from symderiv.problems.grammar import parse_expression
from symderiv.problems.library import names as library
from symderiv.problems.scope import settle

CASES = json.loads((Path(__file__).parent / "data/identities.json").read_text(encoding="utf-8"))
OF_ONE = 4  # gradients of one problem of the library
COUNT = 200
TRIES = 12
LETTERS = 1000  # of a claim about an entry, of which every term is a sum
SAMPLED, SHIFT = 12, 6  # every twelfth


@cache
def checker(source: str) -> Checker:
    return Checker(problem(source))


@cache
def problem(source: str) -> Problem:
    if source in CASES:
        case = CASES[source]
        return sd.problem(case["expr"], wrt=case["wrt"], **case["variables"])
    return sd.load(source)


@cache
def derivations() -> list[tuple[str, str]]:
    """Return sources and variables: of the library, then of the cases."""
    found = []
    for name in library():
        wrt = problem(name).wrt
        step = max(1, -(-len(wrt) // OF_ONE))
        found += [(name, w) for w in wrt[::step]]
    cases = [(n, c["wrt"]) for n, c in CASES.items() if is_general(c)]
    more = COUNT - len(found)
    return found + [cases[k * len(cases) // more] for k in range(more)]


def is_general(case: Mapping[str, Any]) -> bool:
    """Whether a case is a plain gradient, at sizes that may all differ."""
    sizes = ", ".join(case["variables"].values())
    plain = case["kind"] == "gradient" and "structured" not in case
    return plain and not re.search(r"\b\d", sizes)


@cache
def asked(source: str, wrt: str) -> Asked:
    p = problem(source)
    return Asked(checker(source).problem, DerivedGradients(p, list(p.variables))[wrt])


@dataclass
class Count:
    """What came out for one kind of slip or rewriting."""

    applicable: int = 0
    right: int = 0
    named: int = 0
    assumed: int = 0
    seconds: list[float] = field(default_factory=list)
    misses: list[str] = field(default_factory=list)

    def took(self, seconds: float) -> None:
        self.applicable += 1
        self.seconds.append(seconds)

    def missed(self, p: Problem, claim: ClaimText, expected: str, found: Verdict) -> None:
        self.misses.append(
            f"{p.name or p.text!r}: {claim.about} = {claim.says[0]}\n"
            f"    expected {expected}, found {found.verdict} {found.slips}: {found.diagnosis}"
        )


@dataclass(frozen=True)
class Mutated:
    """A mutated claim that has another value than the gradient, and its verdict."""

    claim: ClaimText
    expr: Expr | None  # None where the shapes clash
    truth: Expr
    verdict: str


def read(a: Asked, claim: ClaimText) -> Expr | None:
    """Return a claim as an expression, or None where its shapes clash."""
    ranges = free_ranges(a.result.index_expr) if "[" in claim.about else {}
    reader = a.problem.reader(claim.says[0])
    reader.indices.update(ranges)
    try:
        return settle(reader, reader.read(parse_expression(claim.says[0])))
    except (LanguageError, DimMismatchError):
        return None


@cache
def mutated(source: str, wrt: str, name: str) -> Mutated | None:
    """Return one claim with a slip, the first of a random order that has another value."""
    a, slip = asked(source, wrt), SLIPS[name]
    about, truth = f"d{a.problem.objective_name}/d{wrt}", a.truth
    if slip.about == "entry" and a.is_matrix:
        if len(text(a.result.index_expr)) > LETTERS:
            return None
        about, truth = f"{about}[{', '.join(a.entry)}]", a.result.index_expr
    tried = dict.fromkeys(slip.mutate(a))
    order = sorted(tried, key=spelled)
    Random(f"{source} {wrt} {name}").shuffle(order)
    for x in order[:TRIES]:
        if not spelled(x):
            continue
        claim = ClaimText(about, (spelled(x),))
        verdict = expected(a.problem, read(a, claim), truth)
        if verdict:
            return Mutated(claim, read(a, claim), truth, verdict)
    return None


def spelled(x: Expr) -> str:
    """Return a formula as a text, or nothing where its sizes cannot even be written."""
    try:
        return text(x)
    except DimMismatchError:
        return ""


def expected(p: Problem, x: Expr | None, truth: Expr) -> str:
    """Return the verdict on a claim; nothing where it is right or has no value at all."""
    if x is None:
        return "wrong"
    if x.shape == truth.shape and are_equal(p, x, truth) is not False:
        return ""
    turned = swapped(x.shape) == truth.shape and not x.is_scalar and not free_ranges(x)
    if turned and are_equal(p, transpose(x), truth):
        return "transposed"
    return "wrong"


def count_slip(source: str, wrt: str, name: str, count: Count) -> None:
    made = mutated(source, wrt, name)
    if made is None:
        return
    start = time.perf_counter()
    found = checker(source).check(made.claim)
    count.took(time.perf_counter() - start)
    p = checker(source).problem
    if found.verdict == "right-if" and made.verdict == "wrong" and made.expr is not None:
        count.assumed += 1
        is_right = made.expr is not None and holds_under(p, found, made.expr, made.truth)
    else:
        is_right = found.verdict == made.verdict
    count.right += is_right
    is_named = bool({*found.slips} & {*SLIPS[name].names}) or found.verdict == "right-if"
    count.named += is_named
    if not (is_right and is_named):
        count.missed(p, made.claim, f"{made.verdict} ({name})", found)
    mended = found.correction_expr
    if mended is not None and are_equal(p, mended, made.truth) is False:
        count.missed(p, made.claim, "a correction that is right", found)
        count.right -= 1


def count_rewriting(source: str, wrt: str, name: str, count: Count) -> None:
    a = asked(source, wrt)
    about = f"d{a.problem.objective_name}/d{wrt}"
    if name == "renamed":
        p = renamed(problem(source))
        names = new_names(problem(source))
        made = a.result.derivation.adjoint_names
        names |= {cotangent: f"d{names[stage]}" for stage, cotangent in made.items()}
        check = Checker(p)
        says = text(with_names(a.truth, names))
        about = f"d{p.objective_name}/d{names[wrt]}"
    else:
        check = checker(source)
        forms = [a.truth] if name == "as derived" else rewritten(a.truth, REWRITINGS[name])
        says = written(a, forms, f"{source} {wrt} {name}")
        if not says:
            return
    claim = ClaimText(about, (says,))
    start = time.perf_counter()
    found = check.check(claim)
    count.took(time.perf_counter() - start)
    count.right += found.verdict == "right"
    if found.verdict != "right":
        count.missed(check.problem, claim, f"right ({name})", found)


def written(a: Asked, forms: Sequence[Expr], seed: str) -> str:
    """Return one of some formulas as a text that the language reads, or nothing."""
    order = [text(x) for x in forms]
    Random(seed).shuffle(order)
    about = f"d{a.problem.objective_name}/d{a.result.name}"
    return next((says for says in order if read(a, ClaimText(about, (says,))) is not None), "")


SIZES = re.compile(r"(\w+) = (\w+)")


def holds_under(p: Problem, found: Verdict, x: Expr, truth: Expr) -> bool:
    """Whether a claim has the value of the gradient where the assumption that is named holds."""
    words = found.assumption
    for pattern, properties in ASSUMED.items():
        match = re.fullmatch(pattern, words)
        if match:
            return bool(are_equal(p, x, truth, dict.fromkeys(match.groups(), (properties,))))
    match = SIZES.fullmatch(words)
    if match and match[1] in p.dims:
        size = int(match[2]) if match[2].isdecimal() else match[2]
        return bool(are_equal(p, x, truth, equal={match[1]: size}))
    name, _, statistic = words.partition(" = ")
    if name in p.variables and statistic:
        put_in = {p.variables[name].expr: of_shape(p.read(statistic), p.variables[name].shape)}
        return bool(are_equal(p, substitute(x, put_in), substitute(truth, put_in)))
    return False


def of_shape(x: Expr, shape: Shape) -> Expr:
    return x if x.shape == shape else transpose(x)


ASSUMED = {
    r"(\w+) is symmetric": "symmetric",
    r"(\w+) and (\w+) are symmetric": "symmetric",
    r"every row of (\w+) sums to 1": "sums_to_one",
    r"the entries of (\w+) sum to 1": "sums_to_one",
    r"every column of (\w+) sums to 1": "columns_sum_to_one",
    r"the entries of (\w+) are 0 or 1": "binary",
    r"the entries of (\w+) are 1 or -1": "pm1",
    r"(\w+) is one-hot": "onehot",
    r"the rows of (\w+) are one-hot": "onehot",
    r"the columns of (\w+) are one-hot": "onehot_cols",
    r"the entries of (\w+) are positive": "positive",
    r"the entries of (\w+) and (\w+) are positive": "positive",
    r"(\w+) is diagonal": "diagonal",
    r"(\w+) is idempotent": "idempotent",
    r"(\w+) is symmetric and idempotent": "projection",
    r"(\w+) is orthogonal": "orthogonal",
    r"(\w+) is skew-symmetric": "skew",
    r"(\w+) has length 1": "normalized",
}


def table(rows: dict[str, Count]) -> str:
    """Return what came out, a line for each kind."""
    lines = [f"{'':24} claims  verdict  named  right-if  median s  worst s"]
    for name, c in rows.items():
        if c.applicable:
            middle, worst = statistics.median(c.seconds), max(c.seconds)
            lines.append(
                f"{name:24} {c.applicable:6}  {c.right:7}  {c.named:5}  {c.assumed:8}"
                f"  {middle:8.3f}  {worst:7.2f}"
            )
    return "\n".join(lines)


def run(chosen: Sequence[tuple[str, str]]) -> dict[str, Count]:
    """Return what comes out for every rewriting and every slip of some gradients."""
    kinds = ["as derived", "renamed", *REWRITINGS]
    rows = {name: Count() for name in (*kinds, *SLIPS)}
    for source, wrt in chosen:
        for name in kinds:
            count_rewriting(source, wrt, name, rows[name])
        for name in SLIPS:
            count_slip(source, wrt, name, rows[name])
    return rows


def check_all(rows: dict[str, Count]) -> None:
    """Every verdict is right, and nine slips of ten have their name."""
    print(table(rows))
    misses = "\n".join(m for c in rows.values() for m in c.misses)
    print(misses)
    slips = [rows[n] for n in SLIPS]
    assert all(c.right == c.applicable for c in rows.values()), misses
    assert sum(c.named for c in slips) >= 0.9 * sum(c.applicable for c in slips), misses


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", range(2))
def test_mutated_gradients_of_two_hundred_derivations(part: int) -> None:
    assert len(derivations()) == COUNT
    check_all(run(derivations()[part::2]))


@pytest.mark.slow
def test_mutated_gradients_of_some_derivations() -> None:
    check_all(run(derivations()[SHIFT :: 6 * SAMPLED]))


def test_every_slip_has_a_claim() -> None:
    for name in SLIPS:
        assert any(mutated(s, w, name) for s, w in derivations()[SHIFT::SAMPLED]), name
