"""Takes matrices of scalars of any kind, fractions or SymPy symbols; returns products and inverses.

Determinants are expanded without a division, so that they hold for singular matrices and for
symbols; a system of equations is eliminated with the largest pivot that can be told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product as pairs
from typing import Any

from ..core.budget import spend
from .base import Cells, total

_SHORT = 64  # bits of a number whose product is one step


def times(left: Cells, right: Cells) -> Cells:
    """Return a matrix product."""
    if left and right:
        terms = len(left) * len(right) * len(right[0])
        long = max(_bits(left[0][0]), _bits(right[0][0])) // _SHORT
        spend(terms * (1 + long), f"a product of {terms:,} terms")
    columns = list(zip(*right, strict=True))
    return [[total([x * y for x, y in zip(r, c, strict=True)]) for c in columns] for r in left]


def _bits(x: Any) -> int:
    """Return how long the numerator of a fraction is, also of one with a slope."""
    value = getattr(x, "value", x)
    return value.numerator.bit_length() if isinstance(value, Fraction) else 0


def entrywise(combine: Callable[..., Any], *grids: Cells) -> Cells:
    """Return grids of one shape, combined entry by entry."""
    return [
        [combine(*entries) for entries in zip(*rows, strict=True)]
        for rows in zip(*grids, strict=True)
    ]


def identity(size: int, one: Any) -> Cells:
    """Return the identity matrix in the scalars of which ``one`` is the 1."""
    return [[one if i == j else one - one for j in range(size)] for i in range(size)]


def determinant(cells: Cells, one: Any) -> Any:
    """Return the determinant, by expansion along the rows; shared minors are computed once."""
    minors: dict[tuple[int, ...], Any] = {(): one}

    def minor(columns: tuple[int, ...]) -> Any:
        if columns not in minors:
            row = cells[len(cells) - len(columns)]
            terms = []
            for k, j in enumerate(columns):
                term = row[j] * minor(columns[:k] + columns[k + 1 :])
                terms.append(-term if k % 2 else term)
            minors[columns] = total(terms)
        return minors[columns]

    return minor(tuple(range(len(cells))))


def adjugate(cells: Cells, one: Any) -> Cells:
    """Return the transposed matrix of cofactors, which a singular matrix has as well."""
    size = range(len(cells))

    def cofactor(i: int, j: int) -> Any:
        rest = [[x for k, x in enumerate(r) if k != j] for m, r in enumerate(cells) if m != i]
        value = determinant(rest, one)
        return -value if (i + j) % 2 else value

    return [[cofactor(j, i) for j in size] for i in size]


def inverse(cells: Cells, one: Any) -> Cells:
    """Return adjugate / determinant; raises ZeroDivisionError for a singular matrix of numbers."""
    whole = determinant(cells, one)
    return entrywise(lambda x: x / whole, adjugate(cells, one))


def whole_power(cells: Cells, exponent: int, one: Any) -> Cells:
    """Return a matrix to a whole power; negative ones are powers of the inverse."""
    base = inverse(cells, one) if exponent < 0 else cells
    result = identity(len(cells), one)
    for _ in range(abs(exponent)):
        result = times(result, base)
    return result


def solved(matrix: Cells, right: Sequence[Any]) -> list[Any]:
    """Return x with ``matrix x = right``; raises ZeroDivisionError where there is no one x."""
    rows = [[*r, b] for r, b in zip(matrix, right, strict=True)]
    size = len(rows)
    for k in range(size):
        best = max(range(k, size), key=lambda i: _weight(rows[i][k]))
        rows[k], rows[best] = rows[best], rows[k]
        pivot = rows[k][k]
        rows[k] = [x / pivot for x in rows[k]]
        for i in range(size):
            factor = rows[i][k]
            if i != k and factor != 0:
                rows[i] = [x - factor * y for x, y in zip(rows[i], rows[k], strict=True)]
    return [r[-1] for r in rows]


def _weight(x: Any) -> float:
    """Return the size of a scalar; of a symbol only whether it is 0."""
    value = getattr(x, "value", x)
    if not getattr(value, "is_number", True):  # what SymPy would evaluate before it says so
        return float(value != 0)
    try:
        return abs(float(value))
    except TypeError:
        return float(value != 0)


def sylvester(a: Cells, b: Cells, c: Cells) -> Cells:
    """Return S with ``a S + S b = c``, entry by entry a system of linear equations."""
    rows, cols = range(len(a)), range(len(b))
    places = list(pairs(rows, cols))
    none = c[0][0] - c[0][0]

    def coefficient(at: tuple[int, int], of: tuple[int, int]) -> Any:
        (i, j), (k, m) = at, of
        left = a[i][k] if j == m else none
        return left + b[m][j] if i == k else left

    matrix = [[coefficient(at, of) for of in places] for at in places]
    flat = solved(matrix, [c[i][j] for i, j in places])
    return [flat[k * len(b) : (k + 1) * len(b)] for k in rows]
