"""Takes numbers and matrices; returns functions of them in numbers of 150 digits.

``MATRIX`` holds, by name, functions from grids of high-precision numbers to such a grid. A table
entry reaches them through ``at.math.matrix(name, ..)`` where its entries have no closed form. Each
raises ValueError outside its domain, so that another point is tried.
"""

from __future__ import annotations

import copyreg
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from typing import Any

import mpmath

from ..ops import Cells
from .fixedpoint import Integers, exponential, logarithm, square_root

DIGITS = 50

# A context of its own: its numbers keep its precision wherever they are added or multiplied.
HIGH = mpmath.MPContext()
HIGH.dps = 3 * DIGITS
_LONGEST_POWER = 50_000  # bits of an exact power
_FARTHEST = HIGH.mpf(10) ** 1000  # an exponential of more has a value that no memory holds
_GROW_SLOWLY = ("log", "power", "sqrt")
_APART = HIGH.mpf(10) ** -20  # singular values nearer to each other, or to 0, are not told apart


def floated(x: Any) -> Any:
    """Return a fraction or a number as a number of 150 digits."""
    return HIGH.mpf(x.numerator) / x.denominator if isinstance(x, Fraction) else HIGH.mpf(x)


def in_full() -> Any:
    """Return a context in which numbers have all of their digits, also where fewer were asked."""
    return HIGH.workdps(max(HIGH.dps, 3 * DIGITS))


# mpmath knows how to take a fraction on the right, but not on the left; the class below belongs
# to this context alone.
HIGH.mpf.__rsub__ = lambda self, other: -(self - floated(other))
HIGH.mpf.__rtruediv__ = lambda self, other: floated(other) / self


def _from_parts(parts: Any) -> Any:
    """Return the number of this context that has some parts, in another process too."""
    return HIGH.make_mpf(parts)


copyreg.pickle(HIGH.mpf, lambda x: (_from_parts, (x._mpf_,)))


def precise(name: str, *args: Any) -> Any:
    """Return a scalar function of mpmath; raises ValueError where its value is not real."""
    return _value(name, args, HIGH.prec)


@lru_cache(maxsize=1 << 12)  # both sides of a comparison, and the differences, share arguments
def _value(name: str, args: tuple[Any, ...], precision: int) -> Any:
    function = FUNCTIONS.get(name) or getattr(HIGH, name)
    given = [floated(a) for a in args]
    if name not in _GROW_SLOWLY and any(abs(a) > _FARTHEST for a in given):
        raise ValueError(f"{name} of a number that is too large")
    value = function(*given)
    if not isinstance(value, HIGH.mpf) or not HIGH.isfinite(value):
        raise ValueError(f"{name} has no real value there")
    return value


def is_long_power(x: Any, y: Fraction) -> bool:
    """Whether a power of a fraction has more bits than an exact value is worth."""
    if not isinstance(x, Fraction):
        return False
    bits = max(x.numerator.bit_length(), x.denominator.bit_length())
    return abs(y) * bits > _LONGEST_POWER


def singular(cells: Cells) -> tuple[Any, list[Any], Any]:
    """Return U, the singular values in falling order, and V^T, of the thin decomposition."""
    u, s, v = HIGH.svd_r(HIGH.matrix(cells), full_matrices=False)
    return u, list(s), v


def cells_of(matrix: Any) -> Cells:
    """Return an mpmath matrix as a grid."""
    return [[matrix[i, j] for j in range(matrix.cols)] for i in range(matrix.rows)]


def _nuclear(cells: Cells) -> Cells:
    """Return the sum of the singular values."""
    return [[HIGH.fsum(singular(cells)[1])]]


def _spectral(cells: Cells) -> Cells:
    """Return the largest singular value."""
    return [[singular(cells)[1][0]]]


def _polar(cells: Cells) -> Cells:
    """Return U V^T, which is one matrix only where no singular value is 0."""
    u, s, v = singular(cells)
    if s[-1] <= _APART * s[0]:
        raise ValueError("the orthogonal polar factor of a rank-deficient matrix is not unique")
    return cells_of(u * v)


def _leading(vector: list[Any]) -> Any:
    """Return the largest entry; raises ValueError where one of the other sign is as large."""
    found = max(vector, key=abs)
    if any(abs(found + x) <= _APART * abs(found) for x in vector):
        raise ValueError("which entry of a vector is the largest cannot be told")
    return found


def _largest(cells: Cells) -> tuple[list[Any], list[Any]]:
    """Return the singular vectors of the largest singular value, as lists.

    The largest entry of the right one, the first where there are several, is positive.
    """
    u, s, v = singular(cells)
    if not s[0] or (len(s) > 1 and s[0] - s[1] <= _APART * s[0]):
        raise ValueError("the largest singular value is not simple")
    left, right = [u[i, 0] for i in range(u.rows)], [v[0, j] for j in range(v.cols)]
    sign = 1 if _leading(right) > 0 else -1
    return [sign * x for x in left], [sign * x for x in right]


def _in_integers(
    function: Callable[[Integers, int], Integers], growth: Callable[[int], int]
) -> Callable[[Cells], Cells]:
    """Return a function of a matrix that is computed in whole numbers of a small unit.

    ``growth`` is how many more bits a matrix takes whose largest row sum is below a number;
    ValueError is raised where there are too many.
    """

    def evaluated(cells: Cells) -> Cells:
        size = int(HIGH.ceil(max(abs(x) for r in cells for x in r)))
        more = growth(size * len(cells))
        if more > _LONGEST_POWER:
            raise ValueError("its entries have too many digits")
        bits = HIGH.prec + 64 + more
        found = function([[int(HIGH.ldexp(x, bits)) for x in r] for r in cells], bits)
        return [[HIGH.ldexp(HIGH.mpf(x), -bits) for x in r] for r in found]

    return evaluated


def _as_power(size: int) -> int:
    """Return the bits that e^size and its reciprocal have."""
    return 3 * size


def _as_root(size: int) -> int:
    """Return the bits that a size, squared in an inverse, has."""
    return 64 + 8 * size.bit_length()


def _spectrum(cells: Cells) -> tuple[list[Any], Any]:
    """Return the eigenvalues of a symmetric matrix in rising order, and its eigenvectors."""
    values, vectors = HIGH.eigsy(HIGH.matrix(cells))
    order = sorted(range(len(cells)), key=lambda k: values[k])
    found = [values[k] for k in order]
    scale = max(abs(x) for x in found)
    if any(b - a <= _APART * scale for a, b in zip(found, found[1:], strict=False)):
        raise ValueError("an eigenvalue is not simple")
    return found, [[vectors[i, k] for k in order] for i in range(len(cells))]


def _eigenvectors(cells: Cells) -> Cells:
    """Return the eigenvectors as columns; the largest entry of each, the first, is positive."""
    vectors = _spectrum(cells)[1]
    largest = [_leading([r[k] for r in vectors]) for k in range(len(vectors))]
    return [[x if big > 0 else -x for x, big in zip(r, largest, strict=True)] for r in vectors]


def _lgamma(x: Any) -> Any:
    """Return log gamma(x)."""
    if x <= 0:
        raise ValueError("the logarithm of the gamma function is taken of positive numbers")
    return HIGH.loggamma(x)


def _polygamma(order: Any, x: Any) -> Any:
    """Return the derivative of digamma of an order that may be 0."""
    if x == HIGH.floor(x) <= 0:
        raise ValueError("the gamma function has a pole there")
    return HIGH.psi(int(order), x)


# Scalar functions that mpmath has not, or with other arguments, by the names of the entries.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "lgamma": _lgamma,
    "loggamma": _lgamma,
    "polygamma": _polygamma,
    "arctan2": HIGH.atan2,
}

MATRIX: dict[str, Callable[..., Cells]] = {
    "eigvalsh": lambda cells: [[x] for x in _spectrum(cells)[0]],
    "eigvecsh": _eigenvectors,
    "expm": _in_integers(exponential, _as_power),
    "left_singular": lambda cells: [[x] for x in _largest(cells)[0]],
    "logm": _in_integers(logarithm, _as_root),
    "norm_nuclear": _nuclear,
    "norm_spectral": _spectral,
    "polar": _polar,
    "right_singular": lambda cells: [[x] for x in _largest(cells)[1]],
    "sqrtm": _in_integers(square_root, _as_root),
}


def matrix_function(name: str, *grids: tuple[tuple[Any, ...], ...]) -> tuple[tuple[Any, ...], ...]:
    """Return a function of ``MATRIX``; raises ValueError outside its domain."""
    return _matrix(name, grids, HIGH.prec)


@lru_cache(maxsize=1 << 8)  # all slopes at a point share its value
def _matrix(name: str, grids: tuple[Any, ...], precision: int) -> tuple[tuple[Any, ...], ...]:
    return tuple(map(tuple, MATRIX[name](*(list(map(list, cells)) for cells in grids))))
