"""Takes structured gradients; compares them with slopes along the structure, exactly if rational.

The slope along a direction is found by dual numbers from the objective alone; outside of the
structure the gradient must be zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from functools import partial
from typing import Any

from ..core.cells import each
from ..core.errors import DisagreementError, UndefinedError
from ..derivation.derivations import DerivedGradients, Gradient
from ..derivation.structured import INDEPENDENT, structure_of
from ..ops import Cells
from ..values.explicit import Dual, DualMath, Explicit, is_exact
from ..values.rounding import first_unequal
from ..values.sampling import at_first_defined, least_sizes, size_grid

_MOST_SIZES = 6


def check_structured(derivation: DerivedGradients) -> tuple[Mapping[str, Any], ...]:
    """Compare every structured gradient of a derivation; raises DisagreementError."""
    results = [r for r in derivation.values() if r.ambient]
    return tuple(_checked(derivation, r) for r in results)


def _checked(derivation: DerivedGradients, result: Gradient) -> dict[str, Any]:
    problem, entries, exact, count = derivation.problem, 0, True, 0
    for sizes in size_grid(problem.dims, least_sizes([problem.objective, result.expr])):
        if count == _MOST_SIZES:
            break
        at = at_first_defined(problem, sizes, partial(_at, derivation, result))
        if at is None:
            continue
        found, pairs, wrong = at
        count += 1
        entries += len(pairs)
        exact = exact and is_exact(found)
        if wrong is not None:
            ours, theirs = pairs[wrong]
            raise DisagreementError(
                f"the {derivation.structured} gradient by {result.name} at {sizes} gives "
                f"{ours} where dual numbers give {theirs}",
                remedy="this is an error of the program; please report it",
            )
    if not count:
        raise UndefinedError(
            "no point was found at which the objective is defined",
            remedy="is something divided by zero, or singular, or a logarithm below 0?",
        )
    return {
        "by": result.name,
        "entries": entries,
        "exact": exact,
        "sizes": f"{count} choices of sizes",
        "what": f"{derivation.structured.capitalize()} gradient by {result.name}",
    }


def _at(
    derivation: DerivedGradients, result: Gradient, here: Explicit
) -> tuple[Cells, list[tuple[Any, Any]], int | None]:
    """Return the gradient at a point, its pairs, and the number of the first that differs."""
    found = _plain(here.cells(result.expr))
    pairs = list(_pairs(derivation, result, here, found))
    wrong = first_unequal(here, partial(_compared, derivation, result, here, pairs))
    return found, pairs, wrong


def _compared(
    derivation: DerivedGradients,
    result: Gradient,
    first: Explicit,
    found: list[tuple[Any, Any]],
    here: Explicit,
) -> Iterable[tuple[Any, Any]]:
    """Return the pairs at a point: those that were found at the first one, or new ones."""
    if here is first:
        return found
    return _pairs(derivation, result, here, _plain(here.cells(result.expr)))


def _plain(cells: Cells) -> Cells:
    return [[Dual.of(x).value for x in r] for r in cells]


def _pairs(
    derivation: DerivedGradients, result: Gradient, here: Explicit, found: Cells
) -> Iterator[tuple[Any, Any]]:
    """Yield what the gradient says and what dual numbers say, for every direction."""
    sizes, values = here.sizes, here.values
    x, structure = values[result.name], structure_of(result.variable)
    size = len(x)
    for i in range(size):
        for j in range(size):
            if structure == "orthogonal":
                yield from _on_stiefel(derivation, sizes, values, result.name, found, (i, j))
                continue
            way = _direction(str(structure), size, i, j)
            if way is None:
                yield found[i][j], Fraction(0)
                continue
            slope = _slope(derivation, sizes, values, result.name, way)
            length = sum(d * d for r in way for d in r)
            yield found[i][j], slope if derivation.structured == INDEPENDENT else slope / length


def _direction(structure: str, size: int, i: int, j: int) -> Cells | None:
    """Return the direction of the entry (i, j) within a structure, or None where it is fixed."""
    fixed = {
        "diagonal toeplitz": i != j,
        "lower toeplitz": j > i,
        "upper toeplitz": j < i,
        "skew toeplitz": i == j,
        "diagonal": i != j,
        "lower": j > i,
        "upper": j < i,
        "skew": i == j,
    }
    if fixed.get(structure, False):
        return None
    way = [[Fraction(0)] * size for _ in range(size)]
    if structure.endswith("toeplitz"):
        mirrored = {"symmetric": 1, "skew": -1}.get(structure.split()[0], 0)
        turned = 0 if i == j else mirrored
        return [
            [Fraction((p - q == i - j) + turned * (q - p == i - j)) for q in range(size)]
            for p in range(size)
        ]
    if structure in ("symmetric", "skew"):
        way[j][i] = Fraction(1 if structure == "symmetric" else -1)
    way[i][j] = Fraction(1)
    return way


def _on_stiefel(
    derivation: DerivedGradients,
    sizes: Mapping[str, int],
    values: Mapping[str, Cells],
    name: str,
    found: Cells,
    spot: tuple[int, int],
) -> Iterator[tuple[Any, Any]]:
    """Compare along X W with W skew, and check that Xᵀ times the gradient is skew."""
    x, size = values[name], len(values[name])
    turn = _direction("skew", size, *spot)
    i, j = spot
    inner = [[sum(x[k][a] * found[k][b] for k in range(size)) for b in (i, j)] for a in (i, j)]
    yield inner[0][1], -inner[1][0]
    if turn is None:
        return
    way = [
        [sum((x[a][k] * turn[k][b] for k in range(size)), Fraction(0)) for b in range(size)]
        for a in range(size)
    ]
    ours = sum(f * w for r, q in zip(found, way, strict=True) for f, w in zip(r, q, strict=True))
    yield ours, _slope(derivation, sizes, values, name, way)


def _slope(
    derivation: DerivedGradients,
    sizes: Mapping[str, int],
    values: Mapping[str, Cells],
    name: str,
    way: Cells,
) -> Any:
    lifted = {n: each(Dual.of, c) for n, c in values.items()}
    lifted[name] = [
        [Dual(Dual.of(v).value, d) for v, d in zip(r, q, strict=True)]
        for r, q in zip(values[name], way, strict=True)
    ]
    cells = Explicit(sizes, lifted, math=DualMath()).cells(derivation.problem.objective)
    return Dual.of(cells[0][0]).slope
