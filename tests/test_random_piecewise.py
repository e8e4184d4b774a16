"""Random piecewise claims: rewritten ones are right, shifted ones and small extra pieces not."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

import symderiv as sd

CONSTANTS = ["0", "0.1", "1", "-0.5", "2", "0.01", "1.05", "-3"]
INNER = {"x": "1", "2 * x - y": "2", "x * y": "y", "x - y": "1", "x + 0.3": "1"}
SHIFTS = ["0.1", "0.001", "0.00000001", "0.000000000000001", "0.05"]
Condition = tuple[str, str]  # something, and what it is above of
Slope = Callable[[list[str]], str]


def objective(r: Random) -> tuple[str, str, list[Condition], Slope]:
    """Return what is differentiated, its inner function, the conditions, and the outer slope."""
    c, a = r.choice(CONSTANTS), r.choice(list(INNER))
    one = [(a, c)]
    kinds: list[tuple[str, list[Condition], Slope]] = [
        (f"sum(relu({a} - ({c})))", one, lambda t: f"where({t[0]}, 1, 0)"),
        (f"sum(maximum({a}, {c}))", one, lambda t: f"where({t[0]}, 1, 0)"),
        (f"sum(abs({a} - ({c})))", one, lambda t: f"where({t[0]}, 1, -1)"),
        (
            f"sum(where({a} > {c}, ({a})**2, 3 * ({a})))",
            one,
            lambda t: f"where({t[0]}, 2 * ({a}), 3)",
        ),
        (f"sum(relu({a} - ({c}))**2) / 2", one, lambda t: f"where({t[0]}, {a} - ({c}), 0)"),
        (
            f"sum(minimum(maximum({a}, {c}), {c} + 1))",
            [(a, c), (a, f"{c} + 1")],
            lambda t: f"where({t[0]}, where({t[1]}, 0, 1), 0)",
        ),
        (
            f"sum(where({a} > {c}, tanh({a}), {a}))",
            one,
            lambda t: f"where({t[0]}, 1 - tanh({a})**2, 1)",
        ),
    ]
    of, conditions, slope = r.choice(kinds)
    return of, a, conditions, slope


def same(r: Random, a: str, c: str) -> str:
    """Return a condition, written in another way."""
    forms = [f"{a} > {c}", f"3 * ({a}) > 3 * ({c})", f"({a}) - ({c}) > 0", f"{c} < {a}"]
    return r.choice([*forms, f"exp({a}) > exp({c})"])


def shifted(r: Random, a: str, c: str) -> str:
    """Return a condition whose boundary lies beside that of another."""
    by, sign = r.choice(SHIFTS), r.choice("+-")
    forms = [f"{a} > {c} {sign} {by}", f"({a}) - ({c}) {sign} {by} > 0"]
    return r.choice([*forms, f"{a} > {c} {sign} {by} * y**2"])


def corner(r: Random) -> str:
    """Return what is not 0 in a piece between three boundaries only."""
    low, high = r.choice(CONSTANTS), r.choice(CONSTANTS)
    top, value = r.choice(["5", "7", "50"]), r.choice(["1", "0.001"])
    return f"where(x > {low}, where(y > {high}, where(x + y < {top}, {value}, 0), 0), 0)"


@pytest.mark.slow
@pytest.mark.sampled(40, rest="exhaustive")
@pytest.mark.parametrize("seed", range(100))
def test_random_piecewise_claims(seed: int) -> None:
    r = Random(f"piecewise {seed}")
    of, a, conditions, slope = objective(r)
    tests = [same(r, *c) for c in conditions]
    right = f"({INNER[a]}) * {slope(tests)}"
    off = r.randrange(len(tests))
    wrong = [shifted(r, *c) if k == off else same(r, *c) for k, c in enumerate(conditions)]
    claims = [right, f"({INNER[a]}) * {slope(wrong)}", f"{right} + {corner(r)}"]
    found = [sd.check(of, wrt="x", claim=c, x="n", y="n") for c in claims]
    assert [v.verdict for v in found] == ["right", "wrong", "wrong"], claims
    assert all(v.counterexample is not None for v in found[1:])
