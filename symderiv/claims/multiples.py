"""Takes what a claim is times the right value, at points; returns the factor that people forget.

A factor is a small fraction times powers of sizes, or of other numbers with names. It only
proposes: whether the claim is right without it is decided by comparing the two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product
from math import prod

from ..core.expr import Expr, node, num
from ..core.shapes import SCALAR, Dim
from .verdict import MISSING_FACTOR

Powers = tuple[tuple[str, Fraction], ...]
WHOLE = (Fraction(1), Fraction(-1))
CLOSE = 1e-6  # relative, of floats
_LARGEST = 12  # numerator and denominator


@dataclass(frozen=True, slots=True)
class Multiple:
    """A constant and sizes: claimed = number * product of sizes ** powers * right."""

    number: Fraction
    powers: Powers = ()

    def slips(self) -> list[tuple[str, str]]:
        """Return what went wrong, in words."""
        found = []
        for name, power in self.powers:
            words = "is missing" if power > 0 else "too many"
            found.append(("sum-vs-mean", f"a factor 1/{name} {words}"))
        if self.number < 0:
            found.append(("sign", "the sign is wrong"))
        size = abs(self.number)
        if size.denominator == 1 and size > 2:
            found.append(("extra-factor", f"the factor {size} is too much"))
        elif size != 1:
            found.append((MISSING_FACTOR, f"a factor {1 / size} is missing"))
        return found

    def mended(self, x: Expr) -> Expr:
        """Return an expression without the factor."""
        for name, power in self.powers:
            n = node("size", (), SCALAR, Dim(1, (name,)))
            x = node("div" if power > 0 else "mul", (x, n) if power > 0 else (n, x), x.shape)
        size = abs(self.number)
        if size.numerator > 1:
            x = node("div", (x, num(size.numerator)), x.shape)
        if size.denominator > 1:
            x = node("mul", (num(size.denominator), x), x.shape)
        return node("neg", (x,), x.shape) if self.number < 0 else x


def multiple(
    ratios: Sequence[float],
    values: Sequence[Mapping[str, float]],
    exponents: Sequence[Fraction] = WHOLE,
) -> Multiple | None:
    """Return the factor that ratios at points are, where it is one that people forget.

    >>> multiple([-1.0, -1.5], [{"n": 2.0, "m": 3.0}, {"n": 3.0, "m": 4.0}])
    Multiple(number=Fraction(-1, 2), powers=(('n', Fraction(1, 1)),))
    """
    for powers in _monomials([*values[0]], exponents):
        found = _simple([r / _value(powers, v) for r, v in zip(ratios, values, strict=True)])
        if found is not None:
            return Multiple(found, powers)
    return None


def _monomials(names: Sequence[str], exponents: Sequence[Fraction]) -> Iterator[Powers]:
    yield ()
    for count in (1, 2):
        for some in combinations(names, count):
            for powers in product(exponents, repeat=count):
                yield tuple(zip(some, powers, strict=True))


def _value(powers: Powers, values: Mapping[str, float]) -> float:
    """Return a product of powers; what is not positive has no root."""
    if any(values[n] <= 0 and p.denominator > 1 for n, p in powers):
        return float("nan")
    return prod(values[n] ** (p if p.denominator > 1 else p.numerator) for n, p in powers)


def _simple(numbers: Sequence[float]) -> Fraction | None:
    """Return one number, which some are, as the small fraction that it is."""
    first = numbers[0]
    if not all(abs(x - first) <= CLOSE * abs(first) for x in numbers) or abs(first) > _LARGEST + 1:
        return None
    for below in range(1, _LARGEST + 1):
        above = round(first * below)
        if 0 < abs(above) <= _LARGEST and abs(first * below - above) <= CLOSE * abs(above):
            return Fraction(above, below)
    return None
