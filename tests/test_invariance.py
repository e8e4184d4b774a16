"""An answer does not depend on names, or on the order of what commutes."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from generator import (
    OUTSIDE_DOMAIN,
    flat,
    points,
    posed,
    random_problem,
    replaced,
    reproduction,
)

from symderiv.calculus.matrixform.pieces import by_spelling
from symderiv.core.expr import Expr, mul, node, rebuild, var, walk
from symderiv.core.shapes import ONE, Dim
from symderiv.derivation.derivations import DerivedGradients
from symderiv.ops.text import text
from symderiv.problems.problem import Problem
from symderiv.tensor import Term
from symderiv.values.explicit import Explicit, plain, same

START, DEPTH = 20_000, 4
COUNTS = [
    6,
    pytest.param(60, marks=pytest.mark.slow),
    pytest.param(500, marks=pytest.mark.exhaustive),
]
COMMUTING = ("add", "mul", "dot", "hadamard")


def problems(count: int) -> list[Problem]:
    return [random_problem(START + 7 * k, DEPTH) for k in range(count)]


# Names -------------------------------------------------------------------------------------------


def renamed(p: Problem, names: dict[str, str]) -> Problem:
    """Return a problem with other names of its variables."""
    swap = {var(old, v.shape): var(new, v.shape) for old, new in names.items()
            if (v := p.variables.get(old))}  # fmt: skip
    return posed(replaced(p.objective, swap))


def names_of(p: Problem) -> list[str]:
    return sorted({str(e.data) for e in walk(p.objective) if e.op == "var"})


def back(written: str, names: dict[str, str]) -> str:
    old = {new: name for name, new in names.items()}
    return re.sub(r"\b[A-Za-z_]\w*\b", lambda m: old.get(m[0], m[0]), written)


@pytest.mark.parametrize("count", COUNTS)
def test_names_in_the_same_order_give_the_same_text(count: int) -> None:
    failures = []
    for p in problems(count):
        # In the same order among themselves and beside the names of given gradients.
        names = {name: f"{name}0" for name in names_of(p)}
        other = DerivedGradients(renamed(p, names))
        for name, r in DerivedGradients(p).items():
            found = back(text(other[names[name]].expr), names)
            if found != text(r.expr):
                failures.append(f"{text(r.expr)}\n{found}{reproduction(p)}")
    print(f"texts that depend on names: {len(failures)}")
    assert not failures, "\n".join(failures[:10])


def test_long_expressions_that_begin_alike_stand_in_the_order_of_their_names() -> None:
    n = Dim(1, ("n",))

    def long(first: str, last: str) -> Expr:
        x = var(first, (n, ONE))
        for _ in range(200):
            x = node("sin", (x,), x.shape)
        return mul(x, var(last, x.shape))

    for number in range(20):
        first, second = (long(f"a{number}", f"{end}{number}") for end in "yz")
        assert by_spelling(first) < by_spelling(second)


def size(t: Term, memo: dict[Term, int] | None = None) -> int:
    """Return the number of nodes, every use of a shared one counted."""
    memo = {} if memo is None else memo
    if t not in memo:
        memo[t] = 1 + sum(size(c, memo) for c in t.children)
    return memo[t]


@pytest.mark.parametrize("count", COUNTS)
def test_names_in_any_order_give_the_same_gradient(count: int) -> None:
    for seed, p in enumerate(problems(count)):
        shuffle = names_of(p)
        Random(seed).shuffle(shuffle)
        names = {name: f"M{k:02d}" for k, name in enumerate(shuffle)}
        first, second = DerivedGradients(p), DerivedGradients(renamed(p, names))
        for name, r in first.items():
            other = second[names[name]]
            line = f"{r.text} | {other.text}{reproduction(p, seed=seed)}"
            assert size(r.term) == size(other.term), line
            sizes, values = next(points(p, seed))
            moved = {names.get(n, n): cells for n, cells in values.items()}
            try:
                left = flat(plain(Explicit(sizes, values).cells(r.expr)))
            except OUTSIDE_DOMAIN:
                continue
            right = flat(plain(Explicit(sizes, moved).cells(other.expr)))
            assert all(map(same, left, right)), line


# Order -------------------------------------------------------------------------------------------


def without_names(p: Problem) -> Problem:
    """Return a problem with the values of its definitions in their place."""
    x = rebuild(
        p.objective,
        lambda e, args: args[0] if e.op == "named" else _again(e, args),
    )
    return posed(x)


def _again(e: Expr, args: tuple[Expr, ...]) -> Expr:
    return replaced(e, dict(zip(e.args, args, strict=True)))


def shuffled(x: Expr, random: Random) -> Expr:
    """Return an expression with the operands of commuting operators in another order."""

    def change(e: Expr, args: tuple[Expr, ...]) -> Expr:
        if e.op in COMMUTING:
            return node(e.op, tuple(random.sample(args, len(args))), e.shape, e.data)
        return _again(e, args) if args else e

    return rebuild(x, change)


def words(written: str) -> Counter[str]:
    """Return names, numbers and signs; 3 - x and -x + 3 have the same but for a plus."""
    return Counter(re.findall(r"[A-Za-z_]\w*|\d+\.?\d*|\*\*|[-*/@]", written))


@pytest.mark.parametrize("count", COUNTS)
def test_order_of_operands_gives_the_same_gradient(count: int) -> None:
    failures = []
    for seed, q in enumerate(problems(count)):
        p = without_names(q)
        other = replace(p, objective=shuffled(p.objective, Random(seed)))
        first, second = DerivedGradients(p), DerivedGradients(other)
        for name, r in first.items():
            line = f"{r.text} | {second[name].text}{reproduction(p, seed=seed)}"
            if r.term is not second[name].term:
                failures.append("term: " + line)
            elif words(text(r.expr)) != words(text(second[name].expr)):
                failures.append("text: " + line)
    print(f"gradients that depend on the order: {len(failures)}")
    assert not failures, "\n".join(failures[:10])
