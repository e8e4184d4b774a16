"""Scales: rational numbers times powers of sizes, the constants in front of a contraction."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from ..core.errors import UnsupportedError
from ..core.shapes import Dim

_LONGEST_NUMBER = 20_000  # bits


class Scale(NamedTuple):
    """A rational number times powers of dimensions (``1/n`` of a mean)."""

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

    @staticmethod
    def of(dim: Dim, exponent: int = 1) -> Scale:
        """Return the size of a dimension, or a power of it."""
        scale = Scale(Fraction(dim.coefficient) ** exponent)
        for name in dim.symbols:
            scale = scale * Scale(Fraction(1), ((name, exponent),))
        return scale


UNIT_SCALE = Scale()
