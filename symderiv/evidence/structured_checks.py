"""Takes structured gradients; compares them with slopes along the structure, exactly if rational.

The slope along a direction is found by dual numbers from the objective alone; outside of the
structure the gradient must be zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from ..core.cells import each
from ..core.errors import DisagreementError, UndefinedError
from ..core.expr import Expr
from ..derivation.derivations import DerivedGradients, Gradient
from ..derivation.structured import INDEPENDENT, structure_of
from ..ops import Cells
from ..ops.grids import times
from ..problems import Problem
from ..values.explicit import Dual, DualMath, Explicit, is_exact
from ..values.rounding import first_unequal
from ..values.sampling import at_first_defined, least_sizes, size_grid

_MOST_SIZES = 6
Pairs = list[tuple[Any, Any]]


def check_structured(derivation: DerivedGradients) -> tuple[Mapping[str, Any], ...]:
    """Compare every structured gradient of a derivation; raises DisagreementError."""
    results = [r for r in derivation.values() if r.ambient]
    return tuple(_checked(derivation, r) for r in results)


def _checked(derivation: DerivedGradients, result: Gradient) -> dict[str, Any]:
    def both(here: Explicit) -> tuple[Cells, Pairs]:
        found = plain_cells(here.cells(result.expr))
        return found, list(_pairs(derivation, result, here, found))

    what = f"{derivation.structured} gradient by {result.name}"
    found = compare_with_duals(derivation.problem, result.expr, both, what, _MOST_SIZES)
    return {"by": result.name, **found, "what": what[0].upper() + what[1:]}


def compare_with_duals(
    problem: Problem,
    expr: Expr,
    both: Callable[[Explicit], tuple[Cells, Pairs]],
    what: str,
    most: int,
) -> dict[str, Any]:
    """Compare a derivative with dual numbers, at ``most`` choices of sizes; count its entries.

    ``both`` gives its entries at a point, and pairs of numbers that must agree. Raises
    DisagreementError, and UndefinedError where no point is found.
    """

    def compared(here: Explicit) -> tuple[Cells, Pairs, int | None]:
        found, pairs = both(here)
        wrong = first_unequal(here, lambda at: pairs if at is here else both(at)[1])
        return found, pairs, wrong

    entries, exact, count = 0, True, 0
    for sizes in size_grid(problem.dims, least_sizes([problem.objective, expr])):
        if count == most:
            break
        at = at_first_defined(problem, sizes, compared)
        if at is None:
            continue  # the objective is defined at no point that was tried
        found, pairs, wrong = at
        count += 1
        entries += len(pairs)
        exact = exact and is_exact(found)
        if wrong is not None:
            ours, theirs = pairs[wrong]
            raise DisagreementError(
                f"the {what} at {sizes} is {ours} where dual numbers give {theirs}",
                remedy="this is an error of the program; please report it",
            )
    if not count:
        raise UndefinedError(
            "no point was found at which the objective is defined",
            remedy="is something divided by zero, or singular, or a logarithm below 0?",
        )
    return {"entries": entries, "exact": exact, "sizes": f"{count} choices of sizes"}


def plain_cells(cells: Cells) -> Cells:
    """Return the values of numbers that may be dual."""
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
    way = times(x, turn)
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
