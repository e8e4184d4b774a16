"""Dual numbers, values with a slope: sums, products, quotients and powers carry the slope along."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any


@dataclass(frozen=True, slots=True)
class Dual:
    """A value and its slope along one direction."""

    value: Any
    slope: Any

    @staticmethod
    def of(x: Any) -> Dual:
        """Return a number as a constant."""
        return x if isinstance(x, Dual) else Dual(x, Fraction(0))

    def __add__(self, other: Any) -> Dual:
        other = Dual.of(other)
        return Dual(self.value + other.value, self.slope + other.slope)

    __radd__ = __add__

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.slope)

    def __sub__(self, other: Any) -> Dual:
        return self + -Dual.of(other)

    def __rsub__(self, other: Any) -> Dual:
        return -self + Dual.of(other)

    def __mul__(self, other: Any) -> Dual:
        other = Dual.of(other)
        return Dual(self.value * other.value, self.slope * other.value + self.value * other.slope)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Dual:
        other = Dual.of(other)
        quotient = self.value / other.value
        return Dual(quotient, (self.slope - quotient * other.slope) / other.value)

    def __rtruediv__(self, other: Any) -> Dual:
        return Dual.of(other) / self

    def __pow__(self, exponent: int) -> Dual:
        if not exponent:
            return Dual(self.value**0, self.slope * 0)
        return Dual(self.value**exponent, exponent * self.value ** (exponent - 1) * self.slope)
