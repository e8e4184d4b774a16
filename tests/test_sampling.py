"""What is drawn for a declared property covers it: both signs, both components, small and large."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from random import Random

import mpmath
import pytest

from symderiv.core.cells import each, flat
from symderiv.core.expr import Variable
from symderiv.core.shapes import ONE, Dim
from symderiv.ops import Cells
from symderiv.problems.declarations import PROPERTIES
from symderiv.values.sampling import admits, values

N, K = Dim(1, ("n",)), Dim(1, ("k",))
DRAWS = 60
SQUARE = {"symmetric", "skew", "diagonal", "toeplitz", "lower", "upper", "orthogonal", "spd"}
SQUARE |= {"invertible", "projection", "idempotent"}
COMPOSED = [
    "symmetric invertible", "diagonal invertible", "lower invertible", "upper invertible",
    "toeplitz invertible", "positive invertible", "skew", "symmetric orthogonal", "spd toeplitz",
    "diagonal orthogonal", "spd diagonal", "symmetric toeplitz", "positive symmetric",
    "positive sums_to_one", "unit01 sums_to_one", "binary symmetric",
]  # fmt: skip


def drawn(words: str, size: int, *, columns: int = 3) -> Iterator[Cells]:
    properties = tuple(words.split())
    shape = (N, N) if SQUARE & {*properties} else (N, K)
    if "normalized" in properties:
        shape = (N, ONE)
    v = Variable("x", shape, "matrix", properties)
    for seed in range(DRAWS):
        yield values([v], {"n": size, "k": columns}, Random(f"{words} {seed}"))["x"]


def determinant(grid: Cells) -> float:
    return float(mpmath.det(mpmath.matrix(each(float, grid))))


def eigenvalues(grid: Cells) -> list[float]:
    return [float(x) for x in mpmath.eigsy(mpmath.matrix(each(float, grid)), eigvals_only=True)]


@pytest.mark.parametrize("size", [1, 2, 4])
@pytest.mark.parametrize(
    "words", [*PROPERTIES, "normalized", "columns_sum_to_one", "projection", "idempotent"]
)
def test_every_drawn_value_has_the_property(words, size) -> None:
    assert all(admits([words], cells) for cells in drawn(words, size))


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("words", COMPOSED)
def test_every_drawn_value_has_both_properties(words, size) -> None:
    assert all(admits(words.split(), cells) for cells in drawn(words, size))


Statistic = Callable[[Cells], float]
ENTRY: Statistic = lambda grid: float(grid[0][0])  # noqa: E731
# A property, a number of what is drawn, and the values that it falls below and rises above.
COVERED: list[tuple[str, Statistic, list[float]]] = [
    *((words, determinant, [0]) for words in ("orthogonal", "invertible", "symmetric")),
    *(
        (f"{words} invertible", determinant, [0])
        for words in ("symmetric", "diagonal", "lower", "toeplitz")
    ),
    ("symmetric orthogonal", determinant, [0]),
    ("invertible", lambda g: float(sum(g[i][i] for i in range(len(g)))), [0]),
    ("spd", lambda g: eigenvalues(g)[0], [0.1, 1]),
    ("spd", lambda g: eigenvalues(g)[-1], [1, 2]),
    ("spd", determinant, [1]),
    ("normalized", ENTRY, [0]),
    *((p, ENTRY, [0]) for p in ("symmetric", "toeplitz", "diagonal", "sums_to_one")),
    ("positive", ENTRY, [0.5, 1, 4]),
    ("unit01", ENTRY, [0.2, 0.5, 0.8]),
    ("count", ENTRY, [0.5, 3]),
    ("binary", ENTRY, [0.5]),
    ("pm1", ENTRY, [0]),
    ("", ENTRY, [-4, -0.5, 0.5, 4]),
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize(("words", "of", "bounds"), COVERED)
def test_what_is_drawn_lies_on_both_sides(words, of, bounds, size) -> None:
    found = [of(cells) for cells in drawn(words, size)]
    for bound in bounds:
        below = sum(x < bound for x in found)
        assert 0.05 * DRAWS < below < 0.97 * DRAWS, (bound, sorted(found))


@pytest.mark.parametrize("size", [2, 3, 4])
def test_spectra_of_definite_matrices_lie_below_one_above_one_and_across(size) -> None:
    spectra = [eigenvalues(cells) for cells in drawn("spd", size)]
    below = sum(s[-1] < 1 for s in spectra)
    above = sum(s[0] >= 1 - 1e-9 for s in spectra)
    assert min(below, above, DRAWS - below - above) >= DRAWS / 20


@pytest.mark.parametrize("words", ["projection", "idempotent"])
@pytest.mark.parametrize("size", [1, 3, 4])
def test_projections_of_several_ranks_are_drawn(words, size) -> None:
    ranks = {sum((g[i][i] for i in range(size)), Fraction(0)) for g in drawn(words, size)}
    assert len(ranks) >= 2


def test_one_hot_rows_meet_every_place() -> None:
    assert {tuple(flat(cells)).index(1) for cells in drawn("onehot", 1)} == {0, 1, 2}


def test_what_one_variable_is_does_not_change_what_the_next_one_gets() -> None:
    def second(words: str) -> Cells:
        pair = [Variable("x", (N, N), "matrix", tuple(words.split()))]
        pair.append(Variable("y", (N, K), "matrix"))
        return values(pair, {"n": 3, "k": 2}, Random("pair"))["y"]

    assert second("") == second("orthogonal") == second("spd") == second("invertible")
