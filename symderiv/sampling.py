"""Points at which expressions are evaluated: sizes, and exact values that respect declarations.

Contract: deterministic for a seed, on every machine and under every hash seed; values are small
fractions, so that exact arithmetic stays exact and short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product
from random import Random

from .expr import Expr, Variable, index_ranges, own_indices, walk_all
from .language import Problem
from .ops import TABLE, Cells
from .shapes import ONE, Shape


def least_sizes(expressions: Iterable[Expr]) -> dict[str, int]:
    """Return the smallest size of each dimension at which every written position exists."""
    least: dict[str, int] = {}
    for e in walk_all([*expressions]):
        found = list(zip(own_indices(e), index_ranges(e), strict=True))
        if e.op == "onehot" and isinstance(e.data, int):
            found.append((e.data, e.shape[0]))
        for index, dim in found:
            if isinstance(index, int) and dim.symbols == dim.names and len(dim.names) == 1:
                name = dim.symbols[0]
                least[name] = max(least.get(name, 1), -(-index // dim.coefficient))
    return least


def size_grid(
    dims: Sequence[str], least: Mapping[str, int], sizes: Sequence[int] = (1, 2, 3)
) -> Iterator[dict[str, int]]:
    """Yield every combination of sizes, smallest first, that is not too small."""
    combos = product(*(sizes for _ in dims))
    for combo in sorted(combos, key=lambda c: (sum(c), c)):
        found = dict(zip(dims, combo, strict=True))
        if all(found[d] >= least.get(d, 1) for d in dims):
            yield found


def distinct_sizes(dims: Sequence[str], least: Mapping[str, int], start: int = 2) -> dict[str, int]:
    """Return sizes that are all different, so that nothing fits by accident."""
    found: dict[str, int] = {}
    size = start
    for d in dims:
        size = max(size, least.get(d, 1))
        found[d] = size
        size += 1
    return found


def inside(expressions: Iterable[Expr]) -> tuple[str, ...]:
    """Return ``("unit",)`` where a function is defined on -1 to 1 alone, to draw points there."""
    found = any(TABLE[e.op].domain == "unit" for e in walk_all([*expressions]))
    return ("unit",) if found else ()


def values(
    variables: Iterable[Variable], sizes: Mapping[str, int], random: Random, *, integers: int = 0
) -> dict[str, Cells]:
    """Return exact cells for variables; ``integers`` limits them to small whole numbers."""
    return {v.name: _cells(v.shape, v.properties, sizes, random, integers) for v in variables}


def _cells(
    shape: Shape,
    properties: Sequence[str],
    sizes: Mapping[str, int],
    random: Random,
    integers: int,
) -> Cells:
    rows, cols = shape[-2].at(sizes), shape[-1].at(sizes)
    if len(shape) > 2:
        count = shape[0].at(sizes)
        tensor: Cells = [
            _cells(shape[1:], properties, sizes, random, integers) for _ in range(count)
        ]
        return tensor

    def draw() -> Fraction:
        if "binary" in properties:
            return Fraction(random.randint(0, 1))
        if "pm1" in properties:
            return Fraction(random.choice((-1, 1)))
        if "count" in properties:
            return Fraction(random.randint(0, 6))
        if "unit01" in properties:
            return Fraction(random.randint(1, 9), 10)
        top = integers or 9
        low = 1 if "positive" in properties else -top
        value = Fraction(random.randint(low, top), 1 if integers else random.randint(1, 5))
        if "unit" in properties:
            value /= 2 * top
        return value if value or integers else Fraction(1, 2)

    grid: Cells = [[draw() for _ in range(cols)] for _ in range(rows)]
    return _structured(grid, properties, random, is_column=shape[-1] == ONE)


def _structured(
    grid: Cells, properties: Sequence[str], random: Random, *, is_column: bool
) -> Cells:
    rows, cols = len(grid), len(grid[0])
    none, one = Fraction(0), Fraction(1)
    if "onehot" in properties:
        if is_column:
            hit = random.randrange(rows)
            return [[one if i == hit else none] for i in range(rows)]
        hits = [random.randrange(cols) for _ in range(rows)]
        return [[one if j == hits[i] else none for j in range(cols)] for i in range(rows)]
    if "onehot_cols" in properties:
        hits = [random.randrange(rows) for _ in range(cols)]
        return [[one if i == hits[j] else none for j in range(cols)] for i in range(rows)]
    if "orthogonal" in properties:
        return _reflections(grid)
    for name, change in _NORMALIZED.items():
        if name in properties:
            return change(grid)
    for i, j in product(range(rows), range(cols)):
        if "symmetric" in properties and j < i:
            grid[i][j] = grid[j][i]
        if "toeplitz" in properties and i and j:
            grid[i][j] = grid[i - 1][j - 1]
        if "skew" in properties:
            grid[i][j] = none if i == j else (-grid[j][i] if j < i else grid[i][j])
        off = ("diagonal" in properties and i != j) or ("lower" in properties and j > i)
        if off or ("upper" in properties and j < i):
            grid[i][j] = none
    if "spd" in properties:
        gram = [[sum((x * y for x, y in zip(a, b, strict=True)), none) for b in grid] for a in grid]
        return [
            [x + (one if i == j else none) for j, x in enumerate(r)] for i, r in enumerate(gram)
        ]
    if "invertible" in properties:
        top = 10 * rows
        return [[x + (top if i == j else 0) for j, x in enumerate(r)] for i, r in enumerate(grid)]
    return grid


def _sum_to_one(grid: Cells) -> Cells:
    """Return rows that sum to one; of a column, its entries."""
    if len(grid[0]) == 1:
        return _transposed(_sum_to_one(_transposed(grid))) if len(grid) > 1 else [[Fraction(1)]]
    return [[*r[:-1], 1 - sum(r[:-1], Fraction(0))] for r in grid]


def _transposed(grid: Cells) -> Cells:
    return [list(r) for r in zip(*grid, strict=True)]


def _columns_sum_to_one(grid: Cells) -> Cells:
    return _transposed([[*r[:-1], 1 - sum(r[:-1], Fraction(0))] for r in _transposed(grid)])


def _length_one(grid: Cells) -> Cells:
    """Return a column of length one: the first of an orthogonal matrix."""
    size = len(grid)
    square = [[r[0] * (j + 1) + (i == j) for j in range(size)] for i, r in enumerate(grid)]
    return [[r[0]] for r in _reflections(square)]


def _projection(grid: Cells, other: int = 0) -> Cells:
    """Return I - u v' / (v' u), which is idempotent; symmetric where u and v are the same."""
    u, v = [r[0] for r in grid], [r[other] for r in grid]
    inner = sum((a * b for a, b in zip(u, v, strict=True)), Fraction(0))
    if not inner:
        u = v = [Fraction(1 + i) for i in range(len(grid))]
        inner = sum((a * b for a, b in zip(u, v, strict=True)), Fraction(0))
    return [[int(i == j) - a * b / inner for j, b in enumerate(v)] for i, a in enumerate(u)]


def _reflections(grid: Cells) -> Cells:
    """Return an exact orthogonal matrix: the product of two Householder reflections."""
    size = len(grid)
    result = [[Fraction(int(i == j)) for j in range(size)] for i in range(size)]
    for k in range(min(2, size)):
        v = [row[k] for row in grid]
        square = sum((x * x for x in v), Fraction(0))
        if not square:
            continue
        dots = [sum((a * b for a, b in zip(row, v, strict=True)), Fraction(0)) for row in result]
        result = [
            [a - 2 * d * b / square for a, b in zip(row, v, strict=True)]
            for row, d in zip(result, dots, strict=True)
        ]
    return result


_NORMALIZED: dict[str, Callable[[Cells], Cells]] = {
    "sums_to_one": _sum_to_one,
    "columns_sum_to_one": _columns_sum_to_one,
    "normalized": _length_one,
    "projection": _projection,
    "idempotent": lambda grid: _projection(grid, -1),
}


def point(
    problem: Problem,
    sizes: Mapping[str, int],
    seed: int,
    *,
    integers: int = 0,
    positive: bool = False,
    near: bool = False,
    assumed: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Cells]:
    """Return exact values of the variables and the given gradients of a problem.

    ``assumed`` are properties that variables are to have beyond those declared; ``near`` draws
    values of at most 1/2, where networks do not saturate.
    """
    more = assumed or {}
    random = Random(f"{seed}:{sorted(sizes.items())}")
    close = ("unit",) if near else inside([problem.objective])
    extra = (("positive",) if positive else ()) + close
    variables = [
        Variable(v.name, v.shape, v.kind, (*v.properties, *more.get(v.name, ()), *extra))
        for v in problem.variables.values()
    ]
    given = [
        Variable(g, x.shape, "matrix", tuple(more.get(g, ()))) for g, x in problem.upstream.items()
    ]
    return values([*variables, *given], sizes, random, integers=integers)
