"""Takes a problem and sizes; returns every entry of a Jacobian or a Hessian, by SymPy.

The derivatives of the definitions are chained forward in plain sums, from the variable to what is
differentiated; of a Hessian that is the gradient that SymPy found, so that the index road has no
part in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..core.cells import flat, turned_over
from ..core.errors import DisagreementError, NoEntriesError
from ..core.expr import Expr
from ..core.later import sympy
from ..core.shapes import SCALAR
from ..ops import Cells
from ..problems.problem import Problem
from ..values.rounding import first_unequal
from .entry_matrices import EntryRoad, refuse_unprintable
from .generalise import names_of
from .points import OUTSIDE_DOMAIN, points

_POINTS = 3  # at one of small numbers, different entries may be equal


@dataclass(frozen=True, slots=True)
class MatrixEntries:
    """What SymPy computed at one choice of sizes.

    The matrix has a row for each entry of the value and a column for each of the variable, both
    column by column; by a scalar, it has the shape of the value.
    """

    sizes: Mapping[str, int]
    values: tuple[tuple[str, Cells], ...]  # of every definition
    value: Cells  # what is differentiated
    matrix: Cells


def matrix_entries(
    problem: Problem, value: Expr, wrt: str, sizes: Mapping[str, int], of: str = ""
) -> MatrixEntries:
    """Return the derivative of every entry of a value by every entry of a variable.

    With ``of``, the value is the gradient by that variable, which SymPy finds too. Raises
    NoEntriesError where a function has no entries, or they would be too long.

    >>> from symderiv.problems.problem import problem
    >>> p = problem("x * x", x="n")
    >>> matrix_entries(p, p.objective, "x", {"n": 2}).matrix
    [[2*x_{1}, 0], [0, 2*x_{2}]]
    """
    road = EntryRoad(problem, sizes)
    if not road.is_whole:
        raise NoEntriesError("entries of compositions of many functions are not written out")
    inner = value.args[0] if value.is_name else value
    cells = road.gradient(of) if of else road.cells(inner)
    by = flat(turned_over(road.symbols[wrt]))
    slopes: dict[Any, list[Any]] = {s: [sympy.Integer(int(s == b)) for b in by] for s in by}
    for stage in road.stages[:-1]:
        if stage.gradient:
            raise NoEntriesError("an unspecified loss has no entries")
        for s, x in zip(flat(road.symbols[stage.name]), flat(stage.cells), strict=True):
            slopes[s] = _along(road, x, slopes, len(by))
    if problem.variables[wrt].shape == SCALAR:
        found = [[_along(road, x, slopes, 1)[0] for x in r] for r in cells]
    else:
        found = [_along(road, x, slopes, len(by)) for x in flat(turned_over(cells))]
    refuse_unprintable(flat(found))
    defined = tuple((n, road.cells(x)) for n, x in problem.definitions.items() if x is not inner)
    return MatrixEntries(dict(sizes), defined, cells, found)


def _along(road: EntryRoad, x: Any, slopes: Mapping[Any, list[Any]], count: int) -> list[Any]:
    """Return the derivatives of an entry by every entry of the variable: the chain rule."""
    used = [s for s in sorted(x.free_symbols, key=str) if s in slopes]
    parts = [(road.partial(x, s), slopes[s]) for s in used]
    return [sympy.Add(*(d * inner[k] for d, inner in parts)) for k in range(count)]


def check_entries(problem: Problem, entries: MatrixEntries, matrix: Expr) -> int:
    """Compare the entries with a matrix at a few points; return how many there are.

    Raises DisagreementError, and NoEntriesError where they are defined at no point.
    """
    ours, count = flat(entries.matrix), 0

    def both(at: Any) -> Iterator[tuple[Any, Any]]:
        return zip(map(at.value, ours), flat(at.cells(matrix)), strict=True)

    for point in points(names_of(problem), entries.sizes, problem.variables, [matrix]):
        try:
            wrong = first_unequal(point, both)
        except OUTSIDE_DOMAIN:
            continue
        if wrong is not None:
            raise DisagreementError(
                f"an entry of SymPy's, {ours[wrong]}, is not that of the matrix of derivatives",
                remedy="this is an error of the program; please report it",
            )
        count += 1
        if count == _POINTS:
            break
    if not count:
        raise NoEntriesError("no point was found at which every entry is defined")
    return len(ours)
