"""Takes variables and a seed; returns sizes, and exact values that respect the declarations.

The same seed gives the same values on every machine: small fractions, so that exact arithmetic
stays short.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from itertools import pairwise, product
from random import Random
from typing import Any, TypeVar

from ..core.budget import spend
from ..core.cells import turned_over
from ..core.expr import Expr, Variable, index_ranges, own_indices, walk_all
from ..core.shapes import ONE, Dim, Shape, difference, is_difference, parts_of, size
from ..ops import TABLE, Cells
from ..problems import Problem
from .explicit import Explicit

_MOST_RAISES = 1_000
_ATTEMPTS = 8  # points that are tried for one in the domain

# What arithmetic raises where a function is not defined, leaves the real numbers, or is too large.
OUTSIDE_DOMAIN = (ZeroDivisionError, TypeError, ValueError, OverflowError)
T = TypeVar("T")

Apart = Random | None  # what chooses among the kinds of one property; None for the first of them


def _choice(apart: Apart, kinds: Sequence[Any]) -> Any:
    return kinds[0] if apart is None else apart.choice(kinds)


class LeastSizes(dict[str, int]):
    """The smallest size of each dimension, and the differences that must be sizes: n - k."""

    def __init__(self, least: Mapping[str, int], differences: Iterable[Dim] = ()) -> None:
        super().__init__(least)
        self.differences = tuple(differences)

    def fit(self, sizes: Mapping[str, int]) -> bool:
        """Whether sizes are large enough."""
        known = [d for d in self.differences if set(d.names) <= set(sizes)]
        return all(sizes[d] >= k for d, k in self.items() if d in sizes) and all(
            d.at(sizes) > 0 for d in known
        )

    def raised(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """Return sizes with those raised that are too small.

        >>> from symderiv.core.shapes import difference, symbol
        >>> n, k = symbol("n"), symbol("k")
        >>> LeastSizes({"k": 2}, [difference([n], [k])]).raised({"n": 1, "k": 1})
        {'n': 3, 'k': 2}
        """
        found = {d: max(k, self.get(d, 1)) for d, k in sizes.items()}
        for _ in range(_MOST_RAISES):
            low = next((d for d in self.differences if _is_short(d, found)), None)
            if low is None:
                break
            found[_growing(low)] += 1
        return found


def _is_short(dim: Dim, sizes: Mapping[str, int]) -> bool:
    return set(dim.names) <= set(sizes) and dim.at(sizes) < 1


def _growing(dim: Dim) -> str:
    """Return a symbol with which a difference grows."""
    return next(p.names[0] for p in _parts(dim) if p.coefficient > 0 and p.names)


def least_sizes(expressions: Iterable[Expr]) -> LeastSizes:
    """Return the smallest size of each dimension at which every written position exists."""
    least: dict[str, int] = {}
    differences: dict[Dim, None] = {}
    for e in walk_all([*expressions]):
        found = list(zip(own_indices(e), index_ranges(e), strict=True))
        if e.op == "onehot" and isinstance(e.data, int):
            found.append((e.data, e.shape[0]))
        for index, dim in found:
            if isinstance(index, int) and dim.symbols == dim.names and len(dim.names) == 1:
                name = dim.symbols[0]
                least[name] = max(least.get(name, 1), -(-index // dim.coefficient))
            elif isinstance(index, int) and is_difference(dim) and index > 1:
                short = difference([dim], [size(index - 1)])
                differences.update({} if short is None else {short: None})
        written = (*e.shape, *_sizes_of(e.data))
        differences.update((d, None) for d in written if is_difference(d))
    able = [d for d in differences if any(p.coefficient > 0 and p.names for p in _parts(d))]
    return LeastSizes(least, able)


def _parts(dim: Dim) -> list[Dim]:
    return [p for s in dim.symbols if s[0] == "(" for p in parts_of(s)]


def _sizes_of(data: object) -> Iterator[Dim]:
    """Yield the sizes that stand in what an operator needs besides its arguments."""
    if isinstance(data, Dim):
        yield data
    elif isinstance(data, tuple):
        for part in data:
            yield from _sizes_of(part)


def size_grid(
    dims: Sequence[str], least: Mapping[str, int], sizes: Sequence[int] = (1, 2, 3)
) -> Iterator[dict[str, int]]:
    """Yield every combination of sizes, smallest first, that is not too small.

    Where a position beyond them is written, that is the smallest one that has it.
    """
    bounds = least if isinstance(least, LeastSizes) else LeastSizes(least)
    top = max(bounds.raised(dict.fromkeys(dims, 1)).values(), default=1)
    sizes = [*sizes, *range(max(sizes) + 1, top + 2)] if bounds.differences else sizes
    combos = sorted(product(*(sizes for _ in dims)), key=lambda c: (sum(c), c))
    every = (dict(zip(dims, combo, strict=True)) for combo in combos)
    fit = [found for found in every if bounds.fit(found)]
    yield from fit or [bounds.raised(dict.fromkeys(dims, 1))]


def distinct_sizes(dims: Sequence[str], least: Mapping[str, int], start: int = 2) -> dict[str, int]:
    """Return sizes that are all different, so that nothing fits by accident."""
    found: dict[str, int] = {}
    size = start
    for d in dims:
        size = max(size, least.get(d, 1))
        found[d] = size
        size += 1
    return least.raised(found) if isinstance(least, LeastSizes) else found


def inside(expressions: Iterable[Expr]) -> tuple[str, ...]:
    """Return ``("unit",)`` where a function is defined on -1 to 1 alone, to draw points there."""
    found = any(TABLE[e.op].domain == "unit" for e in walk_all([*expressions]))
    return ("unit",) if found else ()


def values(
    variables: Iterable[Variable],
    sizes: Mapping[str, int],
    random: Random,
    *,
    integers: int = 0,
    readable: bool = False,
) -> dict[str, Cells]:
    """Return exact cells for variables; ``integers`` limits them to small whole numbers.

    ``readable`` keeps to members of a property with few digits, such as A A' + I of definite ones.
    """
    draw = _Draw(sizes, random, integers, readable)
    return {v.name: draw(v.shape, v.properties) for v in variables}


@dataclass(frozen=True)
class _Draw:
    """Draws cells of a shape that have some properties."""

    sizes: Mapping[str, int]
    random: Random
    integers: int
    readable: bool

    def __call__(self, shape: Shape, properties: Sequence[str]) -> Cells:
        rows, cols = shape[-2].at(self.sizes), shape[-1].at(self.sizes)
        if len(shape) > 2:
            tensor: Cells = [self(shape[1:], properties) for _ in range(shape[0].at(self.sizes))]
            return tensor
        spend(3 * rows * cols, f"a matrix of {rows * cols:,} entries")
        grid: Cells = [[self._entry(properties) for _ in range(cols)] for _ in range(rows)]
        # What is chosen beside the entries is drawn apart, so that what follows stays as it is.
        apart = None if self.readable else Random(f"{properties} {grid}")
        return _structured(grid, properties, self.random, apart, is_column=shape[-1] == ONE)

    def _entry(self, properties: Sequence[str]) -> Fraction:
        random, integers = self.random, self.integers
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


def _structured(
    grid: Cells, properties: Sequence[str], random: Random, apart: Apart, *, is_column: bool
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
        return _orthogonal(grid, properties, apart)
    for name, change in _NORMALIZED.items():
        if name in properties:
            return change(grid, properties, apart)
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
        return _spd(grid, properties, apart)
    if "invertible" in properties and "skew" not in properties:
        return _invertible(grid, properties, apart)
    return grid


def _dot(a: Sequence[Fraction], b: Sequence[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def _spd(grid: Cells, properties: Sequence[str], apart: Apart) -> Cells:
    """Return a scaled A A' + c I, with eigenvalues below 1, above 1, or on both sides."""
    shift = _choice(apart, (Fraction(1), Fraction(1), Fraction(1, 10)))
    gram = [[_dot(a, b) for b in grid] for a in grid]
    if "toeplitz" in properties:  # a dominant diagonal keeps it
        shift = sum(map(abs, [*grid[0], *(r[0] for r in grid)]), shift)
        gram = [[grid[0][abs(i - j)] for j in range(len(grid))] for i in range(len(grid))]
    moved = [[x + (shift if i == j else 0) for j, x in enumerate(r)] for i, r in enumerate(gram)]
    trace = sum((r[i] for i, r in enumerate(moved)), Fraction(0))
    # A trace below 1 leaves every eigenvalue below 1.
    below = 1 / (trace + 1) / _choice(apart, (1, 10, 50))
    scale = _choice(apart, (Fraction(1), below, 1 / shift, len(grid) / trace))
    return [[x * scale for x in r] for r in moved]


def _invertible(grid: Cells, properties: Sequence[str], apart: Apart) -> Cells:
    """Return a matrix with one dominant entry in every row, of a determinant of either sign.

    One that is read has a small determinant above 0: it is L U, of small whole numbers.
    """
    size = len(grid)
    if apart is None and not {*properties} - {"invertible"}:
        return _small_product(grid)
    top = 10 * size
    if apart is None:
        top = 1 + 2 * int(max(sum(map(abs, r)) for r in grid))
    signs = [_choice(apart, (1, -1)) for _ in grid]
    if "positive" in properties:
        signs = [1] * size
    if "toeplitz" in properties:
        signs = signs[:1] * size
    turn = 0 if _SHAPED & {*properties} else _choice(apart, range(size))
    return [
        [x + (s * top if (j - i) % size == turn else 0) for j, x in enumerate(r)]
        for i, (r, s) in enumerate(zip(grid, signs, strict=True))
    ]


def _small_product(grid: Cells) -> Cells:
    """Return L U with signs of entries beside the diagonals, and 1 or 2 on that of U."""

    def sign(x: Fraction) -> Fraction:
        return Fraction((x > 0) - (x < 0))

    lower = [
        [sign(x) if j < i else Fraction(i == j) for j, x in enumerate(r)]
        for i, r in enumerate(grid)
    ]
    upper = [
        [sign(x) if j > i else (1 + abs(x) % 2 if i == j else Fraction(0)) for j, x in enumerate(r)]
        for i, r in enumerate(grid)
    ]
    return _times(lower, upper)


_SHAPED = {"symmetric", "diagonal", "lower", "upper"}


def _sum_to_one(grid: Cells, properties: Sequence[str], apart: Apart) -> Cells:
    """Return rows that sum to one; of a column, its entries."""
    if len(grid[0]) == 1 and len(grid) > 1:
        return turned_over(_sum_to_one(turned_over(grid), properties, apart))
    if _ABOVE_ZERO & {*properties}:
        return [[x / sum(r, Fraction(0)) for x in r] for r in grid]
    return [[*r[:-1], 1 - sum(r[:-1], Fraction(0))] for r in grid]


_ABOVE_ZERO = {"positive", "unit01"}


def _columns_sum_to_one(grid: Cells, properties: Sequence[str], apart: Apart) -> Cells:
    rows = turned_over(grid)
    if len(grid) == 1:
        return [[Fraction(1) for _ in grid[0]]]
    return turned_over(_sum_to_one(rows, properties, apart))


def _length_one(grid: Cells, properties: Sequence[str], apart: Apart) -> Cells:
    """Return a column of length one: the first of an orthogonal matrix."""
    size = len(grid)
    square = [[r[0] * (j + 1) + (i == j) for j in range(size)] for i, r in enumerate(grid)]
    sign = _choice(apart, (1, -1))
    return [[sign * r[0]] for r in _reflections(square, 2)]


def _projection(grid: Cells, properties: Sequence[str], apart: Apart, *, other: int = 0) -> Cells:
    """Return u v' / (v' u) or what it leaves of I; symmetric where u and v are the same."""
    u, v = [r[0] for r in grid], [r[other] for r in grid]
    inner = _dot(u, v)
    if not inner:
        u = v = [Fraction(1 + i) for i in range(len(grid))]
        inner = _dot(u, v)
    one = [[a * b / inner for b in v] for a in u]
    if _choice(apart, (False, True)):
        return one
    return [[int(i == j) - x for j, x in enumerate(r)] for i, r in enumerate(one)]


def _orthogonal(grid: Cells, properties: Sequence[str], apart: Apart) -> Cells:
    """Return an exact rotation or reflection: a product of Householder reflections."""
    size, signs = len(grid), [_choice(apart, (1, -1)) for _ in grid]
    mirrored = [[Fraction(s * (i == j)) for j in range(size)] for i, s in enumerate(signs)]
    if "diagonal" in properties:
        return mirrored
    if "symmetric" in properties:
        turn = _reflections(grid, 1)
        return _times(_times(turn, mirrored), turn)
    return _reflections(grid, _choice(apart, (2, size, size - 1)))


def _reflections(grid: Cells, count: int) -> Cells:
    """Return the product of the Householder reflections along the first columns of a matrix."""
    size = len(grid)
    result = [[Fraction(int(i == j)) for j in range(size)] for i in range(size)]
    for k in range(min(count, size)):
        v = [row[k] for row in grid]
        square = _dot(v, v)
        if not square:
            v, square = [Fraction(int(i == k)) for i in range(size)], Fraction(1)
        dots = [_dot(row, v) for row in result]
        result = [
            [a - 2 * d * b / square for a, b in zip(row, v, strict=True)]
            for row, d in zip(result, dots, strict=True)
        ]
    return result


_NORMALIZED: dict[str, Callable[[Cells, Sequence[str], Apart], Cells]] = {
    "sums_to_one": _sum_to_one,
    "columns_sum_to_one": _columns_sum_to_one,
    "normalized": _length_one,
    "projection": _projection,
    "idempotent": partial(_projection, other=-1),
}


def point(
    problem: Problem,
    sizes: Mapping[str, int],
    seed: int,
    *,
    integers: int = 0,
    positive: bool = False,
    near: bool = False,
    readable: bool = False,
    assumed: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Cells]:
    """Return exact values of the variables and the given gradients of a problem.

    ``assumed`` are properties that variables are to have beyond those declared; ``near`` draws
    values of at most 1/2, where networks do not saturate; of ``integers`` and ``readable`` see
    ``values``.
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
    drawn = [*variables, *given]
    return values(drawn, sizes, random, integers=integers, readable=readable)


def at_first_defined(
    problem: Problem, sizes: Mapping[str, int], read: Callable[[Explicit], T], seed: int = 0
) -> T | None:
    """Return what is read at the first point tried that lies in the domain, None where none does.

    Values of both signs and positive ones are tried in turn, half of the later ones near 0.
    """
    for k in range(_ATTEMPTS):
        values = point(problem, sizes, seed + k, positive=k % 2 == 1, near=k % 4 > 1)
        try:
            return read(Explicit(sizes, values))
        except OUTSIDE_DOMAIN:
            continue
    return None


def admits(properties: Iterable[str], cells: Cells) -> bool:
    """Whether cells have every one of some properties; of a tensor, each of its matrices."""
    if cells and isinstance(cells[0][0], list):
        return all(admits(properties, part) for part in cells)
    return all(_TESTS[p](cells) for p in properties)


def _every(test: Callable[[Fraction], bool]) -> Callable[[Cells], bool]:
    return lambda grid: all(test(x) for r in grid for x in r)


def _where(zero: Callable[[int, int], bool]) -> Callable[[Cells], bool]:
    """Return whether a matrix is 0 in some places."""
    return lambda grid: (
        not any(x for i, r in enumerate(grid) for j, x in enumerate(r) if zero(i, j))
    )


def _is_symmetric(grid: Cells) -> bool:
    return grid == turned_over(grid)


def _times(a: Cells, b: Cells) -> Cells:
    columns = turned_over(b)
    return [[_dot(r, c) for c in columns] for r in a]


def _is_one(grid: Cells) -> bool:
    return all(x == (i == j) for i, r in enumerate(grid) for j, x in enumerate(r))


def _pivots(grid: Cells) -> list[Fraction]:
    """Return the pivots of elimination, with a 0 at the end where the matrix is singular."""
    rows: Cells = [[*r] for r in grid]
    found: list[Fraction] = []
    while rows:
        at = next((i for i, r in enumerate(rows) if r[0]), None)
        if at is None:
            return [*found, Fraction(0)]
        first = rows.pop(at)
        found.append(first[0] * (-1) ** at)
        rows = [
            [x - r[0] / first[0] * y for x, y in zip(r[1:], first[1:], strict=True)] for r in rows
        ]
    return found


def _sums(grid: Cells) -> bool:
    """Whether every row sums to one, or a column does."""
    rows = turned_over(grid) if len(grid[0]) == 1 else grid
    return all(sum(r) == 1 for r in rows)


def _columns_sum(grid: Cells) -> bool:
    return all(sum(c) == 1 for c in turned_over(grid))


_binary = _every(lambda x: x in (0, 1))


_TESTS: dict[str, Callable[[Cells], bool]] = {
    "positive": _every(lambda x: x > 0),
    "unit01": _every(lambda x: 0 < x < 1),
    "unit": _every(lambda x: -1 <= x <= 1),
    "binary": _binary,
    "pm1": _every(lambda x: x in (-1, 1)),
    "count": _every(lambda x: x >= 0 and x.denominator == 1),
    "symmetric": _is_symmetric,
    "skew": lambda grid: grid == [[-x for x in r] for r in turned_over(grid)],
    "diagonal": _where(lambda i, j: i != j),
    "lower": _where(lambda i, j: j > i),
    "upper": _where(lambda i, j: j < i),
    "toeplitz": lambda grid: all(
        x == y for r, q in pairwise(grid) for x, y in zip(r, q[1:], strict=False)
    ),
    "orthogonal": lambda grid: _is_one(_times(grid, turned_over(grid))),
    "spd": lambda grid: _is_symmetric(grid) and all(p > 0 for p in _pivots(grid)),
    "invertible": lambda grid: all(_pivots(grid)),
    "onehot": lambda grid: _binary(grid) and _sums(grid),
    "onehot_cols": lambda grid: _binary(grid) and _columns_sum(grid),
    "sums_to_one": _sums,
    "columns_sum_to_one": _columns_sum,
    "normalized": lambda grid: sum(x * x for r in grid for x in r) == 1,
    "idempotent": lambda grid: _times(grid, grid) == grid,
    "projection": lambda grid: _is_symmetric(grid) and _times(grid, grid) == grid,
}
