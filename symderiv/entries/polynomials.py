"""Takes SymPy expressions; returns polynomials in atoms, which the search for a pattern looks at.

An atom is an entry of a name, ``("X", (1, 2), ())``, or something that is not a polynomial in
those: a function of polynomials, ``("tanh", (), (polynomial,))``, or a sum under a negative or
broken power, ``("sum", (), (polynomial,))``. All are plain tuples, so that they sort and compare
the same on every run. What cannot be read raises ``UnreadableError``.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import gcd
from typing import Any

from ..core.budget import spend
from ..core.later import sympy
from ..ops import TABLE
from .symbols import name_and_place, pieces_of

Atom = tuple[str, tuple[int, ...], tuple[Any, ...]]
Monomial = tuple[tuple[Atom, Fraction], ...]
Polynomial = dict[Monomial, Fraction]

ONE = Fraction(1)
MOST_MONOMIALS = 1_200
_TABLE_NAMES = {op.sympy: op.name for op in TABLE.values()}
_STEPS = {  # by the class of a relation in SymPy
    **{"StrictGreaterThan": (">", 1), "GreaterThan": (">=", 1)},
    **{"StrictLessThan": (">", -1), "LessThan": (">=", -1)},
}


class Frozen(tuple[tuple[Monomial, Fraction], ...]):
    """A polynomial as a sorted tuple. Its hash is found once: functions stand in functions."""

    def __hash__(self) -> int:
        found = self.__dict__.get("hash")
        if found is None:
            found = self.__dict__["hash"] = super().__hash__()
        return int(found)


class UnreadableError(Exception):
    """The entries are not polynomials in atoms that this road knows, or are too large."""


def constant(value: Fraction) -> Polynomial:
    """Return a number as a polynomial."""
    return {(): value} if value else {}


def freeze(p: Polynomial) -> Frozen:
    """Return a polynomial as a sorted tuple: its canonical form."""
    return Frozen(sorted(p.items()))


def plus(*terms: Polynomial) -> Polynomial:
    """Return a sum."""
    result: Polynomial = {}
    for p in terms:
        for m, c in p.items():
            total = result.get(m, 0) + c
            if total:
                result[m] = total
            else:
                result.pop(m, None)
    return result


def scaled(p: Polynomial, factor: Fraction) -> Polynomial:
    """Return a multiple."""
    return {m: c * factor for m, c in p.items()} if factor else {}


def merge(factors: Iterable[tuple[Atom, Fraction]]) -> Monomial:
    """Return a product of powers of atoms, equal atoms collected."""
    powers: dict[Atom, Fraction] = {}
    for atom, exponent in factors:
        powers[atom] = powers.get(atom, Fraction(0)) + exponent
    return tuple(sorted((a, e) for a, e in powers.items() if e))


def times(left: Polynomial, right: Polynomial) -> Polynomial:
    """Return a product, multiplied out."""
    spend(len(left) * len(right), "an entry as a polynomial")
    result: Polynomial = {}
    for m, c in left.items():
        for k, b in right.items():
            both = merge(m + k)
            result[both] = result.get(both, Fraction(0)) + c * b
    return {m: c for m, c in result.items() if c}


class PolynomialReader:
    """Reads SymPy expressions as polynomials; equal subexpressions are read once."""

    def __init__(self, most: int = MOST_MONOMIALS) -> None:
        self._memo: dict[Any, Polynomial] = {}
        self._most = most

    def _times(self, left: Polynomial, right: Polynomial) -> Polynomial:
        if len(left) * len(right) > self._most:
            raise UnreadableError
        return times(left, right)

    def read(self, e: Any) -> Polynomial:
        """Return an expression as a polynomial in atoms; raises UnreadableError."""
        found = self._memo.get(e)
        if found is None:
            found = self._memo[e] = self._read(e)
        return found

    def _read(self, e: Any) -> Polynomial:
        if e.is_Rational:
            return constant(Fraction(int(e.p), int(e.q)))
        if e.is_Symbol:
            return _of_atom((*name_and_place(e), ()))
        if e in (sympy.pi, sympy.E):
            return _of_atom(("const:" + ("pi" if e == sympy.pi else "e"), (), ()))
        if e.is_Add:
            return plus(*(self.read(a) for a in e.args))
        if e.is_Mul:
            result = constant(ONE)
            for a in e.args:
                result = self._times(result, self.read(a))
            return result
        if e.is_Pow:
            return self._power(e.base, e.exp)
        if (pieces := pieces_of(e)) is not None:
            return self._pieces(pieces)
        return self._function(e)

    def _power(self, base: Any, exponent: Any) -> Polynomial:
        if not exponent.is_Rational:
            raise UnreadableError
        value, p = Fraction(int(exponent.p), int(exponent.q)), self.read(base)
        if value.denominator == 1 and value > self._most:
            raise UnreadableError
        if value.denominator == 1 and value > 0:
            result = constant(ONE)
            for _ in range(int(value)):
                result = self._times(result, p)
            return result
        if len(p) == 1:
            ((m, c),) = p.items()
            if value.denominator == 1:
                return {merge((a, x * value) for a, x in m): c ** int(value)}
        return _of_atom(("sum", (), (freeze(p),)), value)

    def _function(self, e: Any) -> Polynomial:
        if isinstance(e, sympy.polygamma) and e.args[0].is_Integer:
            return _of_atom((f"polygamma:{e.args[0]}", (), (freeze(self.read(e.args[1])),)))
        if len(e.args) != 1:
            raise UnreadableError
        p = self.read(e.args[0])
        letter = getattr(e, "unspecified", None)
        if letter is not None:
            return _of_atom((f"apply:{letter[0]}:{letter[1]}", (), (freeze(p),)))
        name = _TABLE_NAMES.get(type(e).__name__)
        if name is None:
            raise UnreadableError
        if name == "exp" and len(p) == 1 and all(c.denominator == 1 for c in p.values()):
            # exp(2x) is exp(x)**2: SymPy itself collects exp(x) exp(x), which hides the pattern.
            content = abs(gcd(*(int(c) for c in p.values())))
            base = freeze(scaled(p, Fraction(1, content)))
            return _of_atom((name, (), (base,)), Fraction(content))
        return _of_atom((name, (), (freeze(p),)))

    def _pieces(self, found: Any) -> Polynomial:
        """Return a choice as no + (yes - no) * step, the step being an atom."""
        *pieces, (last, otherwise) = found
        if otherwise != sympy.true:
            raise UnreadableError
        result = self.read(last)
        for value, condition in reversed(pieces):
            change = plus(self.read(value), scaled(result, -ONE))
            result = plus(result, self._times(change, self._step(condition)))
        return result

    def _step(self, condition: Any) -> Polynomial:
        found = _STEPS.get(type(condition).__name__)
        if found is None:
            raise UnreadableError
        sign, direction = found
        difference = self.read(condition.lhs - condition.rhs)
        return _of_atom((f"where:{sign}", (), (freeze(scaled(difference, Fraction(direction))),)))


def _of_atom(atom: Atom, exponent: Fraction = ONE) -> Polynomial:
    return {((atom, exponent),): ONE}
