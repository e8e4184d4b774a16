"""Laws that hold for every expression: checked on random ones, grown from the operator table.

A random expression is a sample of the table whose variables are replaced by random expressions of
the same shapes, so that an operator takes part because it is in the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from symderiv.calculus import lower
from symderiv.codegen.evaluate import evaluate
from symderiv.derivation import Derivation
from symderiv.errors import CheckError, MissingRuleError
from symderiv.explicit import Dual, DualMath, Explicit, same, same_cells
from symderiv.expr import Expr, node, rebuild, walk, with_args
from symderiv.language.problem import Problem, problem
from symderiv.notation.text import text
from symderiv.ops import TABLE, Cells
from symderiv.ops.base import ENTRYWISE
from symderiv.sampling import distinct_sizes, least_sizes, point
from symderiv.shapes import ONE, describe
from symderiv.tensor import Factor, Term, call, contract, factors_of, is_zero, named, scaled
from symderiv.tensor import add as add_terms

DECLARED = {
    "X": "n, d", "Y": "n, d", "A": "n, n", "C": "d, d", "x": "n", "y": "n", "v": "d",
    "s": "scalar", "f": "entrywise",
}  # fmt: skip
RENAMED = {
    "X": "W2", "Y": "B_in", "A": "M", "C": "Q", "x": "zeta", "y": "a_1", "v": "beta", "s": "kappa",
}  # fmt: skip
SMALL = (("n", 1), ("d", 1))
OUTSIDE_DOMAIN = (ZeroDivisionError, TypeError, ValueError, OverflowError)
TENSORS = re.compile(r"(?<![.\w])(T|H)\b")
VARIABLES = re.compile(r"\b(X|A|x|s)\b")
NAMES = re.compile(r"\b(" + "|".join(RENAMED) + r")\b(?!\()")

LEAVES = {
    "n x d": ("X", "Y", "X", "ones(n) @ v.T"),
    "d x n": ("X.T", "Y.T"),
    "n x n": ("A", "A.T", "eye(n)", "A"),
    "d x d": ("C", "C.T", "X.T @ Y"),
    "n x 1": ("x", "y", "ones(n)", "X @ v"),
    "d x 1": ("v", "X.T @ y"),
    "1 x n": ("x.T", "y.T"),
    "1 x d": ("v.T", "X[1, :]"),
    "1 x 1": ("s", "2", "x.T @ y", "-0.5", "n", "y[1]"),
}
SHAPES = {"X": "n x d", "A": "n x n", "x": "n x 1", "s": "1 x 1"}
OBJECTIVES = ("sum({} * Y)", "L({})", "sum({} ** 2)")


@dataclass(frozen=True)
class Form:
    """A sample of the table: its text, the shape of its value, and how wild its values are."""

    text: str
    shape: str
    is_rational: bool
    is_positive: bool


def _is_rational(e: Expr) -> bool:
    return e.op not in ENTRYWISE and e.op not in ("norm", "pow", "sqrt", "const", "loss")


@cache
def forms() -> dict[str, tuple[Form, ...]]:
    """Return the samples of the whole table by the shape of their value."""
    found: dict[str, list[Form]] = {}
    for operator in TABLE.values():
        for sample in operator.samples:
            if ";" in sample or operator.name == "loss" or TENSORS.search(sample):
                continue
            x = problem(f"L({sample})", **DECLARED).objective.args[0]
            rational = all(map(_is_rational, walk(x)))
            form = Form(sample, describe(x.shape), rational, operator.domain == "positive")
            found.setdefault(form.shape, []).append(form)
    # The samples are mostly of the shape of X; the others are reached by these.
    for shape, extra in {
        "n x n": ("X @ X.T", "A + A", "x @ x.T", "A * A"),
        "d x d": ("X.T @ X", "X.T @ A @ X"),
        "n x 1": ("A @ x", "sum(X, axis=1)", "diag(A)", "x * s", "A @ x - x"),
        "d x 1": ("X.T @ x",),
        "1 x n": ("x.T @ A", "(A @ x).T"),
        "1 x d": ("x.T @ X", "mean(X, axis=0)"),
        "d x n": ("X.T @ A", "(A @ X).T"),
        "1 x 1": ("sum(X)", "x.T @ A @ x", "trace(A)", "dot(X, X)", "s * s", "s + 1", "mean(x)"),
    }.items():
        found.setdefault(shape, []).extend(Form(t, shape, True, False) for t in extra)
    return {shape: tuple(fs) for shape, fs in found.items()}


@st.composite
def written(draw: st.DrawFn, shape: str, depth: int, rational: bool = False) -> str:
    """Return the text of a random expression of a shape."""
    known = [f for f in forms().get(shape, ()) if f.is_rational or not rational]
    if depth <= 0 or not known or draw(st.integers(0, 5)) == 0:
        return draw(st.sampled_from(LEAVES[shape]))
    form = draw(st.sampled_from(known))
    below = depth - 1 if form.is_rational else min(depth - 1, 1)
    if "Sum(" in form.text:
        below = 0  # an index of its own for every sum is the writer's business
    tame = rational or not form.is_rational

    def inside(match: re.Match[str]) -> str:
        body = draw(written(SHAPES[match[0]], below, tame))
        return f"(({body}) ** 2 + 1)" if form.is_positive else f"({body})"

    return VARIABLES.sub(inside, form.text)


@st.composite
def objectives(draw: st.DrawFn, depth: int) -> str:
    """Return the text of a random problem with a scalar objective."""
    around = draw(st.sampled_from(OBJECTIVES))
    shape = "n x d" if "Y" in around else draw(st.sampled_from(sorted(LEAVES)))
    body = draw(written(shape, depth))
    if draw(st.integers(0, 4)) == 0:
        value = draw(written("n x d", 1))
        return f"Z = {value}; " + around.format(f"({NAMES.sub(_z_for_x, body)})")
    return around.format(f"({body})")


def _z_for_x(match: re.Match[str]) -> str:
    return "Z" if match[0] == "X" else match[0]


def posed(written: str) -> Problem:
    return problem(written, **DECLARED)


def reproduction(p: Problem, sizes: Mapping[str, int] | None = None, seed: int = 0) -> str:
    declared = ", ".join(f"{k}={v!r}" for k, v in DECLARED.items())
    at = f"; sizes = {dict(sizes)}; seed = {seed}" if sizes is not None else ""
    return f"\nreproduce: p = problem({p.text!r}, {declared}){at}"


def derived(p: Problem) -> Derivation:
    try:
        return Derivation(p)
    except MissingRuleError:
        assume(False)
        raise


def checked_sizes(p: Problem) -> Iterator[dict[str, int]]:
    """Yield distinct sizes, and those with a one where every written position exists."""
    least = least_sizes([p.objective, *p.definitions.values()])
    yield distinct_sizes(p.dims, least)
    for name, one in SMALL:
        yield {d: max(one if d == name else 2, least.get(d, 1)) for d in p.dims}


def directional(p: Problem, values: Mapping[str, Cells], sizes: Mapping[str, int], seed: int
                ) -> tuple[Dual, dict[str, Cells]]:  # fmt: skip
    """Return the objective with its slope along a random direction, and that direction."""
    random = Random(seed)
    direction = {
        n: [[Fraction(random.randint(-9, 9), 7) for _ in r] for r in values[n]] for n in p.variables
    }
    lifted = {
        n: [
            [Dual(x, u) for x, u in zip(r, q, strict=True)]
            for r, q in zip(cells, direction[n], strict=True)
        ]
        if n in direction
        else cells
        for n, cells in values.items()
    }
    found = Explicit(sizes, lifted, math=DualMath()).cells(p.objective)
    return Dual.of(found[0][0]), direction


def plain(cells: Cells) -> Cells:
    return [[Dual.of(x).value for x in r] for r in cells]


def check_gradient(written: str) -> None:
    """Compare <gradient, direction> with the slope along it: exactly where both are rational."""
    p = posed(written)
    derivation = derived(p)
    checked = 0
    for seed, sizes in enumerate(checked_sizes(p)):
        for attempt in range(4):
            values = point(p, sizes, seed + attempt, integers=3 * (attempt % 2))
            try:
                objective, direction = directional(p, values, sizes, seed)
            except OUTSIDE_DOMAIN:
                continue
            slope = Fraction(0)
            at = Explicit(sizes, values)
            for name, result in derivation.items():
                gradient = plain(at.cells(result.expr))
                for r, q in zip(gradient, direction[name], strict=True):
                    slope = slope + sum((g * u for g, u in zip(r, q, strict=True)), Fraction(0))
            assert same(slope, objective.slope), (
                f"{derivation!r}\ngives the slope {slope}, not {objective.slope}"
                + reproduction(p, sizes, seed + attempt)
            )
            checked += 1
            break
    assume(checked)  # else it is defined nowhere, such as the slope of norm(zeros(n))


DEPTH = 4
FEW = settings(
    max_examples=120,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
FEWER = settings(FEW, max_examples=15)
MANY = settings(FEW, max_examples=2000)


# Derivatives -------------------------------------------------------------------------------------


@FEW
@given(objectives(DEPTH))
def test_gradient_is_the_slope_along_every_direction(written: str) -> None:
    check_gradient(written)


@pytest.mark.slow
@MANY
@given(objectives(DEPTH))
def test_gradient_is_the_slope_of_two_thousand_objectives(written: str) -> None:
    check_gradient(written)


@FEWER
@given(objectives(2))
def test_every_step_of_a_derivation_holds(written: str) -> None:
    p = posed(written)
    try:
        derived(p).recheck()
    except CheckError as error:
        raise AssertionError(f"{error}{reproduction(p)}") from None


# Text and code -----------------------------------------------------------------------------------


@FEW
@given(objectives(DEPTH))
def test_text_parses_back_to_an_equal_expression(written: str) -> None:
    p = posed(written)
    for x in (p.objective, *(r.expr for r in derived(p).values())):
        again = p.read(text(x))
        assert again.shape == x.shape, text(x) + reproduction(p)
        assert lower(again).term is lower(x).term, text(x) + reproduction(p)


@FEW
@given(objectives(3))
def test_generated_code_has_the_shape_of_the_gradient(written: str) -> None:
    p = posed(written)
    sizes = distinct_sizes(p.dims, least_sizes([p.objective, *p.definitions.values()]))
    values = point(p, sizes, 0, positive=True)
    arrays = {n: np.array(c, dtype=float) for n, c in values.items()}
    for n, x in [*p.variables.items(), *p.upstream.items()]:
        if ONE in x.shape:
            arrays[n] = arrays[n].reshape([d.at(sizes) for d in x.shape if d != ONE])
    functions = {"f" + "p" * k: np.cos for k in range(4)}
    with np.errstate(all="ignore"):
        for result in derived(p).values():
            found = evaluate(result.expr, {**arrays, **functions, "L": np.sum, **sizes})
            kept = tuple(d.at(sizes) for d in result.variable.shape if d != ONE)
            assert found.shape == kept, result.text + reproduction(p, sizes)


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


@FEW
@given(objectives(DEPTH))
def test_canonical_form_is_idempotent(written: str) -> None:
    p = posed(written)
    for t in (lower(p.objective).term, *(r.term for r in derived(p).values())):
        assert rebuilt(t) is t, reproduction(p)


def shuffled(x: Expr, random: Random) -> Expr:
    """Return an expression with the operands of commuting operators in another order."""

    def change(e: Expr, args: tuple[Expr, ...]) -> Expr:
        if e.op == "named":
            return e  # a name stands for what it was defined by, as it was written
        if e.op not in ("add", "mul", "dot"):
            return with_args(e, args)
        return node(e.op, tuple(random.sample(args, len(args))), e.shape, e.data)

    return rebuild(x, change)


@FEW
@given(objectives(DEPTH), st.integers(0, 10**6))
def test_canonical_form_is_independent_of_the_order_of_operands(written: str, seed: int) -> None:
    p = posed(written)
    other = shuffled(p.objective, Random(seed))
    assert lower(other).term is lower(p.objective).term, f"{text(other)}{reproduction(p)}"


def size(t: Term) -> int:
    """Return the number of nodes, every use of a shared one counted."""
    return 1 + sum(map(size, t.children))


def renamed(written: str) -> Problem:
    """Return a problem with other names of its variables, in the same order."""
    declared = {RENAMED.get(name, name): shape for name, shape in DECLARED.items()}
    return problem(NAMES.sub(lambda m: RENAMED[m[0]], written), **declared)


@FEW
@given(objectives(DEPTH))
def test_gradient_is_independent_of_names(written: str) -> None:
    p, q = posed(written), renamed(written)
    first, second = derived(p), derived(q)
    sizes = distinct_sizes(p.dims, least_sizes([p.objective, *p.definitions.values()]))
    values = point(p, sizes, 1, integers=2)
    moved = {RENAMED.get(n, n): cells for n, cells in values.items()}
    for name, result in first.items():
        other = second[RENAMED[name]]
        counts = [size(r.term) for r in (result, other)]
        assert counts[0] == counts[1], f"{result.text} | {other.text}{reproduction(p)}"
        try:
            left = plain(Explicit(sizes, values).cells(result.expr))
        except OUTSIDE_DOMAIN:
            continue
        right = plain(Explicit(sizes, moved).cells(other.expr))
        assert same_cells(left, right), f"{result.text} | {other.text}{reproduction(p, sizes, 1)}"
