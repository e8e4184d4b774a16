"""Scales, the constants in front of a contraction: rational numbers times powers of sizes."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import prod
from typing import NamedTuple

from .errors import UnsupportedError
from .expr import Expr, dim_size, div, mul, num
from .shapes import Dim, symbol

_LONGEST_NUMBER = 20_000  # bits


class Scale(NamedTuple):
    """A rational number times powers of dimensions (``1/n`` of a mean).

    >>> (Scale(Fraction(1, 2)) * Scale.of(Dim(4, ("n",)), -1)).power(2)
    Scale(value=Fraction(1, 64), sizes=(('n', -2),))
    """

    value: Fraction = Fraction(1)
    sizes: tuple[tuple[str, int], ...] = ()

    def __mul__(self, other: Scale) -> Scale:  # type: ignore[override]
        if other is UNIT_SCALE:
            return self
        if self is UNIT_SCALE:
            return other
        if not self.sizes and not other.sizes:
            return Scale(self.value * other.value)
        powers = dict(self.sizes)
        for name, exponent in other.sizes:
            powers[name] = powers.get(name, 0) + exponent
        kept = tuple(sorted((n, e) for n, e in powers.items() if e))
        return Scale(self.value * other.value, kept)

    @property
    def is_unit(self) -> bool:
        """Whether this is the number 1."""
        return self is UNIT_SCALE or (not self.sizes and self.value == 1)

    def power(self, exponent: int) -> Scale:
        """Return an integer power; raises UnsupportedError where it is absurdly large."""
        digits = max(self.value.numerator.bit_length(), self.value.denominator.bit_length())
        if digits * abs(exponent) > _LONGEST_NUMBER:
            raise UnsupportedError(
                f"a number to the power {exponent} is too long to write",
                remedy="give it a name: a scalar variable",
            )
        sizes = tuple((n, e * exponent) for n, e in self.sizes if exponent)
        return Scale(self.value**exponent, sizes)

    def at(self, sizes: Mapping[str, int]) -> Fraction:
        """Return the value at given sizes."""
        return self.value * prod(Fraction(sizes[s]) ** e for s, e in self.sizes)

    def expr(self) -> Expr:
        """Return it as an expression, with one fraction bar."""
        over = [dim_size(symbol(s)) for s, e in self.sizes for _ in range(e)]
        under = [dim_size(symbol(s)) for s, e in self.sizes for _ in range(-e)]
        if not under:
            return mul(*([num(self.value)] if self.value != 1 or not over else []), *over)
        if self.value.denominator != 1:
            under.insert(0, num(self.value.denominator))
        if self.value.numerator != 1 or not over:
            over.insert(0, num(self.value.numerator))
        return div(mul(*over), mul(*under))

    @staticmethod
    def of(dim: Dim, exponent: int = 1) -> Scale:
        """Return the size of a dimension, or a power of it."""
        scale = Scale(Fraction(dim.coefficient) ** exponent)
        for name in dim.symbols:
            scale = scale * Scale(Fraction(1), ((name, exponent),))
        return scale


UNIT_SCALE = Scale()
