"""Takes a wrong claim whose slip was not found; returns facts about it, found by evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..core.cells import sizes_of
from ..core.expr import Expr, free_indices, variables, walk
from ..core.shapes import ONE, SCALAR
from ..ops.text import text
from ..values.explicit import Explicit, plain, same_cells
from .deciding import OUTSIDE, Comparer
from .edits import Slips
from .fingerprints import Prints
from .verdict import MISSING_FACTOR


def traits(claimed: Expr, truth: Expr, prints: Prints, word: str, *, tiny: bool = False) -> Slips:
    """Return how a claim differs from the gradient, which ``word`` names, most telling first.

    ``tiny``: the claim can be read at some size 1 alone, where much is a multiple of much.
    """
    families = [f for f in _FAMILIES if f is not _direction] if tiny else _FAMILIES
    return tuple(found for family in families for found in family(claimed, truth, prints, word))


def _zero(claimed: Expr, truth: Expr, prints: Prints, word: str) -> Iterator[tuple[str, str]]:
    if prints.is_zero(claimed) and prints.is_zero(truth) is False:
        yield "missing-term", f"it is zero, and {word} is not"


def outer(claimed: Expr, truth: Expr, prints: Prints, word: str) -> Iterator[tuple[str, str]]:
    """A column combined with a row, entry by entry, where the gradient has nothing like it."""
    if not any(map(_is_outer, walk(truth))):
        for e in filter(_is_outer, walk(claimed)):
            yield "broadcasting", f"`{text(e)}` combines a column and a row into a matrix"
            return


def _is_outer(e: Expr) -> bool:
    if e.op not in ("add", "mul", "div") or len(e.shape) != 2:
        return False
    columns = any(a.shape[-1] == ONE != a.shape[-2] for a in e.args)
    rows = any(a.shape[-2] == ONE != a.shape[-1] for a in e.args)
    return columns and rows


def _dependence(claimed: Expr, truth: Expr, prints: Prints, word: str) -> Iterator[tuple[str, str]]:
    names = dict.fromkeys([*variables(truth), *variables(claimed)])
    lacks, has = [], []
    for n in names:
        sides = [n in variables(x) and prints.depends(x, n) is not False for x in (claimed, truth)]
        if sides == [False, True]:
            lacks.append(f"`{n}`")
        if sides == [True, False]:
            has.append(f"`{n}`")
    if lacks and has:
        words = f"it depends on {_and(has)}, and not on {_and(lacks)}; {word} does the reverse"
        yield "wrong-variable", words
    elif lacks:
        yield MISSING_FACTOR, f"it does not depend on {_and(lacks)}, and {word} does"
    elif has:
        yield "extra-factor", f"it depends on {_and(has)}, and {word} does not"


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _direction(claimed: Expr, truth: Expr, prints: Prints, word: str) -> Iterator[tuple[str, str]]:
    keys = [prints.key(x) for x in (claimed, truth)]
    if truth.shape != SCALAR and keys[0] is not None and keys[0] == keys[1]:
        yield MISSING_FACTOR, f"it is {word} times a scalar that is not constant"


_FAMILIES = (_zero, _direction, outer, _dependence)


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
