"""Takes a matrix in whole numbers of a fixed unit; returns its exponential, root or logarithm so.

A number x is held as the integer nearest x * 2^bits: Python multiplies such integers much faster
than it multiplies numbers with an exponent, and the entries of one matrix are of one size.

Contract: where a function has no value, or none that the iteration reaches, ValueError is raised;
ZeroDivisionError where a matrix is singular. Correct to a few units times the condition.
Source of the algorithms: Higham, Functions of Matrices (2008), sections 6.3, 10.3 and 11.5.
"""

from __future__ import annotations

Integers = list[list[int]]

_STEPS = 200


def _identity(size: int, bits: int) -> Integers:
    return [[(1 << bits) * (i == j) for j in range(size)] for i in range(size)]


def _times(a: Integers, b: Integers, bits: int) -> Integers:
    columns = list(zip(*b, strict=True))
    return [[sum(x * y for x, y in zip(r, c, strict=True)) >> bits for c in columns] for r in a]


def _plus(a: Integers, b: Integers, sign: int = 1) -> Integers:
    return [[x + sign * y for x, y in zip(r, q, strict=True)] for r, q in zip(a, b, strict=True)]


def _over(a: Integers, divisor: int) -> Integers:
    return [[x // divisor for x in r] for r in a]


def norm(a: Integers) -> int:
    """Return the largest sum of absolute values of a row."""
    return max(sum(map(abs, r)) for r in a)


def inverted(a: Integers, bits: int) -> Integers:
    """Return the inverse, by elimination with the largest pivot; raises ZeroDivisionError."""
    size = len(a)
    rows = [[*r, *q] for r, q in zip(a, _identity(size, bits), strict=True)]
    for k in range(size):
        best = max(range(k, size), key=lambda i: abs(rows[i][k]))
        rows[k], rows[best] = rows[best], rows[k]
        pivot = rows[k][k]
        if abs(pivot) >> (bits // 4) == 0:  # far below what rounding leaves
            raise ZeroDivisionError("a singular matrix has no inverse")
        rows[k] = [(x << bits) // pivot for x in rows[k]]
        for i in range(size):
            factor = rows[i][k]
            if i != k and factor:
                pairs = zip(rows[i], rows[k], strict=True)
                rows[i] = [x - (factor * y >> bits) for x, y in pairs]
    return [r[size:] for r in rows]


def exponential(a: Integers, bits: int) -> Integers:
    """Return e^A: a Taylor series of a scaled matrix, squared back."""
    halvings = max(0, (norm(a) >> bits).bit_length() + 5)
    small = _over(a, 1 << halvings)
    term = total = _identity(len(a), bits)
    k = 0
    while norm(term):
        k += 1
        term = _over(_times(term, small, bits), k)
        total = _plus(total, term)
        if norm(term) <= 4 * len(a):  # nothing but rounding is left
            break
    for _ in range(halvings):
        total = _times(total, total, bits)
    return total


def square_root(a: Integers, bits: int) -> Integers:
    """Return the principal root, by the product form of the Denman-Beavers iteration."""
    one = _identity(len(a), bits)
    m, x = a, a
    for _ in range(_STEPS):
        inverse = inverted(m, bits)
        x = _over(_times(x, _plus(one, inverse), bits), 2)
        m = _over(_plus(_plus(one, one), _plus(m, inverse)), 4)
        if norm(_plus(m, one, -1)) >> (bits // 6) == 0:
            return x
    raise ValueError("there is no principal root")


def logarithm(a: Integers, bits: int) -> Integers:
    """Return the principal logarithm: roots until A is near I, then 2 atanh of (A - I)/(A + I).

    A root takes as much as some twenty products, the series with half as many bits about ten.
    """
    one = _identity(len(a), bits)
    roots = 0
    while norm(_plus(a, one, -1)) >> (bits - 2):
        a, roots = square_root(a, bits), roots + 1
        if roots > _STEPS:
            raise ValueError("there is no principal logarithm")
    z = _times(_plus(a, one, -1), inverted(_plus(a, one), bits), bits)
    total = _times(z, _inverse_tangents(_times(z, z, bits), bits), bits)
    return [[x << (roots + 1) for x in r] for r in total]


def _inverse_tangents(square: Integers, bits: int) -> Integers:
    """Return atanh(Z) / Z from Z², the sum of Z^2k / (2k + 1), in blocks of some of its terms.

    Source: Paterson and Stockmeyer, SIAM Journal on Computing 2 (1973).
    """
    terms, size = 1, norm(square)
    left = size
    while left:  # what a term adds at most
        terms, left = terms + 1, left * size >> bits
    powers = [_identity(len(square), bits)]
    while len(powers) ** 2 < terms:
        powers.append(_times(powers[-1], square, bits))
    block = len(powers)
    leap = _times(powers[-1], square, bits)
    total = [[0] * len(square) for _ in square]
    for first in reversed(range(0, terms, block)):
        total = _times(total, leap, bits)
        for k, power in enumerate(powers, first):
            total = _plus(total, _over(power, 2 * k + 1))
    return total
