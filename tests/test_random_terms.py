"""Random index terms keep their value: canonical, simplified with facts, and as matrices."""

from __future__ import annotations

import numpy as np
import pytest
import random_terms
from random_terms import Found

from symderiv.calculus.simplify import Facts, Simplifier
from symderiv.tensor import Scale, Term, scaled

SIZES = [{"n": 3, "m": 2}, {"n": 1, "m": 2}, {"n": 2, "m": 1}]
COUNTS = [50, pytest.param(1500, marks=pytest.mark.exhaustive)]


def checked(sizes: dict[str, int], count: int) -> list[Found]:
    """Return what was found at every seed, an exception included."""
    found = []
    for seed in range(count):
        try:
            with np.errstate(all="ignore"):
                found.append(random_terms.check(seed, sizes))
        except Exception as error:
            error.add_note(f"python tests/random_terms.py {seed} {sizes['n']} {sizes['m']}")
            raise
    return found


@pytest.mark.slow
@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_random_terms_keep_their_value(sizes: dict[str, int], count: int) -> None:
    found = checked(sizes, count)
    wrong = [f.wrong for f in found if f.wrong]
    assert not wrong, f"{len(wrong)} seeds:\n" + "\n\n".join(wrong[:5])
    terms = sum(f.checked for f in found)
    assert terms > 8 * count
    assert sum(f.refused for f in found) < 0.02 * terms


def test_a_simplifier_that_doubles_a_sum_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Doubling(Simplifier):
        def __init__(self, facts: Facts | None = None) -> None:
            super().__init__(facts)

        def __call__(self, term: Term) -> Term:
            found = super().__call__(term)
            return scaled(found, Scale(2 * random_terms.ONE)) if term.kind == "add" else found

    monkeypatch.setattr(random_terms, "Simplifier", Doubling)
    assert any(f.wrong.startswith("simplified") for f in checked(SIZES[0], 20))
