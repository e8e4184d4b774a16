"""Takes scalars (fractions, floats or dual numbers); returns functions of them, of the same kind.

Contract: exact where the result is rational, else in as many digits as numbers have. A dual number
differentiates a transcendental function by a central difference; no rule of calculus is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from math import isfinite, isqrt, prod, sqrt
from typing import Any

from ..core.budget import spend
from ..ops import Cells
from .dual import Dual
from .highprecision import (
    FUNCTIONS,
    HIGH,
    floated,
    in_full,
    is_long_power,
    matrix_function,
    precise,
)

_HIGHEST_ORDER = 6  # of the stand-in for an unspecified function, a polynomial
_ITERATED = 64  # steps for each entry of a product that a function of matrices takes, in 150 digits
_MULTIPLIED = 8  # the highest power of a float that is a product
_TRUSTED = 10**20  # beyond it, the step of a difference is lost in rounding


class ExactMath:
    """Scalar functions on fractions, exact where the result is rational."""

    weight = 1  # steps that an entry counts for

    def number(self, value: Fraction) -> Any:
        """Return a rational number."""
        return value

    def constant(self, name: str) -> Any:
        """Return pi or e."""
        return +getattr(HIGH, name)

    def power(self, x: Any, y: Any) -> Any:
        """Return x to the y; exact only where that has not too many digits."""
        if isinstance(y, Fraction) and y.denominator == 1 and not is_long_power(x, y):
            return x ** int(y)
        if isinstance(y, Fraction) and y.denominator == 2:
            return self.root(x) ** int(y.numerator)
        return precise("power", x, y)

    def root(self, x: Any) -> Any:
        """Return the square root, exact for squares of fractions."""
        if isinstance(x, Fraction) and x >= 0:
            over, under = isqrt(x.numerator), isqrt(x.denominator)
            if over * over == x.numerator and under * under == x.denominator:
                return Fraction(over, under)
        return precise("sqrt", x)

    def choose(self, sign: str, x: Any, y: Any, yes: Any, no: Any) -> Any:
        """Return ``yes`` where ``x sign y`` holds, else ``no``."""
        return yes if compare(sign, x, y) else no

    def fabs(self, x: Any) -> Any:
        """Return the absolute value."""
        none = self.number(Fraction(0))
        return self.choose(">", x, none, x, self.choose("<", x, none, -x, none))

    def sign(self, x: Any) -> Any:
        """Return 1, -1, or 0 at 0."""
        one, none = self.number(Fraction(1)), self.number(Fraction(0))
        return self.choose(">", x, none, one, self.choose("<", x, none, -one, none))

    def pick(self, sign: str, values: Sequence[Any], results: Sequence[Any]) -> Any:
        """Return the result at the first largest (">") or smallest ("<") of some values."""
        best, found = values[0], results[0]
        for x, y in zip(values[1:], results[1:], strict=True):
            best, found = self.choose(sign, x, best, x, best), self.choose(sign, x, best, y, found)
        return found

    def matrix(self, name: str, *grids: Cells) -> Cells:
        """Return a function of whole matrices from ``highprecision.MATRIX``, in 150 digits."""
        for cells in grids:
            spend(_ITERATED * len(cells) ** 3, f"{name} of a {len(cells)} x {len(cells)} matrix")
        given = (tuple(tuple(floated(x) for x in r) for r in cells) for cells in grids)
        return [list(r) for r in matrix_function(name, *given)]

    def scale(self, values: Iterable[Any]) -> Fraction:
        """Return a power of two that no absolute value is above; 1 where all are 0."""
        largest = max(abs(floated(Dual.of(x).value)) for x in values)
        return Fraction(2) ** int(HIGH.mag(largest)) if largest else Fraction(1)

    def unspecified(self, letter: str, order: int, x: Any) -> Any:
        """Return a stand-in for an unspecified entrywise function, or its derivative."""
        # A polynomial of degree 6: rational, and nothing that occurs in a derivation is constant.
        if is_long_power(x, Fraction(_HIGHEST_ORDER)):
            x = floated(x)  # functions inside each other multiply digits by 6 each time
        result = x * 0
        for k in range(order, 7):
            share = Fraction((sum(map(ord, letter)) * (k + 3)) % 13 + 1, k + 2)
            for down in range(order):
                share = share * (k - down)
            result = result + share * x ** (k - order)
        return result

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        if name.startswith("_") or not (name in FUNCTIONS or hasattr(HIGH, name)):
            raise AttributeError(name)
        return lambda *args: precise(name, *args)


def compare(sign: str, x: Any, y: Any) -> bool:
    """Return whether ``x sign y`` holds."""
    a, b = (
        (x, y) if isinstance(x, Fraction) and isinstance(y, Fraction) else (floated(x), floated(y))
    )
    return bool({">": a > b, "<": a < b, ">=": a >= b, "<=": a <= b}[sign])


class FloatMath(ExactMath):
    """Scalar functions in double precision, on every machine the same.

    Each is rounded from a high-precision value. ValueError is raised where it is not finite.
    """

    def number(self, value: Fraction) -> Any:
        """Return a rational number as a float."""
        return float(value)

    def constant(self, name: str) -> Any:
        """Return pi or e."""
        return float(super().constant(name))

    def power(self, x: Any, y: Any) -> Any:
        """Return x to the y; low powers by multiplication."""
        if float(y).is_integer() and 0 < y <= _MULTIPLIED:
            return prod([x] * int(y))
        return _finite(float(super().power(Fraction(x), Fraction(y))))

    def root(self, x: Any) -> Any:
        """Return the square root, which every machine rounds in one way."""
        return sqrt(x)

    def matrix(self, name: str, *grids: Cells) -> Cells:
        """Return a function of whole matrices."""
        return [[float(x) for x in r] for r in super().matrix(name, *grids)]

    def unspecified(self, letter: str, order: int, x: Any) -> Any:
        """Return the stand-in for an unspecified function."""
        return float(super().unspecified(letter, order, Fraction(x)))

    def choose(self, sign: str, x: Any, y: Any, yes: Any, no: Any) -> Any:
        """Return one of two values by a comparison."""
        return super().choose(sign, Fraction(x), Fraction(y), yes, no)

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        plain = super().__getattr__(name)
        return lambda *args: _finite(float(plain(*map(Fraction, args))))


def _finite(x: float) -> float:
    if not isfinite(x):
        raise ValueError("too large for a float")
    return x


def _step() -> Any:
    """Return the step of a difference: its square, and rounding over it, are left out of sight."""
    return HIGH.mpf(10) ** (-4 * HIGH.dps // 15)


def _moved(x: Dual, sign: int) -> Any:
    return floated(x.value) + sign * _step() * floated(x.slope)


class DualMath(ExactMath):
    """Scalar functions on dual numbers, by central differences at high precision."""

    weight = 3

    def _lift(self, function: Callable[..., Any], *args: Any) -> Any:
        args = tuple(Dual.of(a) for a in args)
        value = function(*(a.value for a in args))
        if all(not a.slope for a in args):
            return Dual(value, Fraction(0))
        self._check_size(args)
        with in_full():
            ends = [function(*(_moved(a, sign) for a in args)) for sign in (1, -1)]
            slope = (ends[0] - ends[1]) / (2 * _step())
        return Dual(value, +slope)

    @staticmethod
    def _check_size(args: Iterable[Dual]) -> None:
        if any(abs(floated(a.value)) > _TRUSTED for a in args):
            raise ValueError("too large an argument for a difference to have 40 digits")

    def power(self, x: Any, y: Any) -> Any:
        """Return x to the y."""
        if isinstance(y, Fraction) and y.denominator == 1:
            return self._whole_power(Dual.of(x), int(y))
        y = Dual.of(y)
        if not y.slope and isinstance(y.value, Fraction) and y.value.denominator <= 2:
            base = Dual.of(x) if y.value.denominator == 1 else self.root(x)
            return base**y.value.numerator
        # The power of plain numbers: the one of this class would take its root of dual ones.
        return self._lift(ExactMath().power, x, y)

    @staticmethod
    def _whole_power(x: Dual, y: int) -> Dual:
        power = ExactMath().power
        slope = y * power(x.value, Fraction(y - 1)) * x.slope if y else x.slope * 0
        return Dual(power(x.value, Fraction(y)), slope)

    def root(self, x: Any) -> Any:
        """Return the square root."""
        x = Dual.of(x)
        root = super().root(x.value)
        return Dual(root, x.slope / (2 * root) if x.slope else Fraction(0))

    def matrix(self, name: str, *grids: Cells) -> Cells:
        """Return a function of whole matrices, its slopes by one difference along them."""
        grids = tuple([[Dual.of(x) for x in r] for r in cells] for cells in grids)
        plain = super().matrix
        values = plain(name, *([[x.value for x in r] for r in cells] for cells in grids))
        if all(not x.slope for cells in grids for r in cells for x in r):
            return [[Dual(x, Fraction(0)) for x in r] for r in values]
        self._check_size(x for cells in grids for r in cells for x in r)
        with in_full():
            ahead, behind = (
                plain(name, *([[_moved(x, sign) for x in r] for r in cells] for cells in grids))
                for sign in (1, -1)
            )
            slopes = [
                [(a - b) / (2 * _step()) for a, b in zip(p, q, strict=True)]
                for p, q in zip(ahead, behind, strict=True)
            ]
        return [
            [Dual(x, +slope) for x, slope in zip(r, q, strict=True)]
            for r, q in zip(values, slopes, strict=True)
        ]

    def choose(self, sign: str, x: Any, y: Any, yes: Any, no: Any) -> Any:
        """Return ``yes`` where ``x sign y`` holds, else ``no``."""
        return yes if compare(sign, Dual.of(x).value, Dual.of(y).value) else no

    def unspecified(self, letter: str, order: int, x: Any) -> Any:
        """Return the stand-in, differentiated by its next order."""
        x = Dual.of(x)
        value = ExactMath.unspecified(self, letter, order, x.value)
        if order == _HIGHEST_ORDER:
            return Dual(value, x.slope * 0)
        return Dual(value, ExactMath.unspecified(self, letter, order + 1, x.value) * x.slope)

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        plain = super().__getattr__(name)
        return lambda *args: self._lift(plain, *args)
