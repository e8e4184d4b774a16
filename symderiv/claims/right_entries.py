"""Takes a wrong claim; says which of its entries are right: those of the diagonal, or of one row.

A set of entries is named only where the claim is right in exactly these, at several points of
several sizes.
"""

from __future__ import annotations

from collections.abc import Callable

from ..core.cells import sizes_of
from ..core.expr import Expr, free_indices
from ..core.shapes import ONE, SCALAR
from ..values.explicit import Explicit, plain, same_cells
from .deciding import OUTSIDE, Comparer

_POINTS = 2  # at each choice of sizes
_LEAST = 2  # choices of sizes at which some entries are right and some are not
Grid = list[list[bool]]
Member = Callable[[int, int, int, int], bool]
# Whether an entry belongs to a set, by its row and column from 0, and their numbers.
_DIAGONAL: tuple[tuple[str, Member], ...] = (
    ("right on the diagonal only", lambda i, j, n, m: i == j),
    ("right off the diagonal only", lambda i, j, n, m: i != j),
    ("right above the diagonal only", lambda i, j, n, m: i < j),
    ("right below the diagonal only", lambda i, j, n, m: i > j),
    ("right on and above the diagonal only", lambda i, j, n, m: i <= j),
    ("right on and below the diagonal only", lambda i, j, n, m: i >= j),
)
_LINES: tuple[tuple[str, Member], ...] = (
    ("right in the first {row} only", lambda i, j, n, m: i == 0),
    ("right in all {rows} but the first", lambda i, j, n, m: i != 0),
    ("right in the last {row} only", lambda i, j, n, m: i == n - 1),
    ("right in all {rows} but the last", lambda i, j, n, m: i != n - 1),
    ("right in the first {column} only", lambda i, j, n, m: j == 0),
    ("right in all {columns} but the first", lambda i, j, n, m: j != 0),
    ("right in the last {column} only", lambda i, j, n, m: j == m - 1),
    ("right in all {columns} but the last", lambda i, j, n, m: j != m - 1),
)


def where_right(comparer: Comparer, claimed: Expr, truth: Expr) -> str:
    """Return in which entries a wrong claim is right, in words; "" where no set is exactly that."""
    shape = truth.shape
    whole = claimed.shape == shape != SCALAR and len(shape) == 2
    if not whole or free_indices(claimed) or free_indices(truth):
        return ""
    grids: list[Grid] = []
    for sizes in comparer.sizes():
        grid = _agreement(comparer, sizes, claimed, truth)
        if grid is not None:
            grids.append(grid)
            large = [d == ONE or size > 1 for d, size in zip(shape, sizes_of(grid), strict=True)]
            if all(large) and len({x for r in grid for x in r}) == 1:
                return ""  # all are right, or none is
    fixed = not any(d.symbols for d in shape)
    if sum(len({x for r in g for x in r}) == 2 for g in grids) < (1 if fixed else _LEAST):
        return ""
    column, line = shape[1] == ONE, shape[0] == ONE
    sets = _LINES if column or line else (*_DIAGONAL, *_LINES)
    words = next((w for w, member in sets if all(_is(g, member) for g in grids)), "")
    return words.format(
        row="entry" if column else "row",
        rows="entries" if column else "rows",
        column="entry" if line else "column",
        columns="entries" if line else "columns",
    )


def _agreement(
    comparer: Comparer, sizes: dict[str, int], claimed: Expr, truth: Expr
) -> Grid | None:
    """Return which entries agree at every point of some sizes."""
    found: Grid | None = None
    for seed in range(_POINTS):
        here = Explicit(sizes, comparer.at(sizes, seed))
        try:
            left, right = plain(here.cells(claimed)), plain(here.cells(truth))
        except OUTSIDE:
            continue
        grid = [
            [same_cells([[a]], [[b]]) for a, b in zip(r, s, strict=True)]
            for r, s in zip(left, right, strict=True)
        ]
        if found is not None:
            grid = [
                [a and b for a, b in zip(r, s, strict=True)]
                for r, s in zip(grid, found, strict=True)
            ]
        found = grid
    return found


def _is(grid: Grid, member: Member) -> bool:
    """Whether the entries that agree are exactly those of a set."""
    rows, columns = len(grid), len(grid[0])
    return all(
        agrees == member(i, j, rows, columns)
        for i, line in enumerate(grid)
        for j, agrees in enumerate(line)
    )
