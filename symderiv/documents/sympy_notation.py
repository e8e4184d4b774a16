"""SymPy expressions and matrices as notation, entries tinted by the value of an index.

Contract: prints what SymPy holds and changes nothing but the order of terms and factors. A symbol
``X_{1,2}`` is the entry (1, 2) of ``X``; what has no notation here is printed by its name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.later import sympy
from ..notation.math import (
    Fence,
    Frac,
    Grid,
    Math,
    Num,
    Op,
    Root,
    Row,
    Script,
    Sym,
    Tint,
    Word,
    listed,
    row,
    sup,
)
from .theme import SLICES

Matrix = Sequence[Sequence[Any]]

_PLACE = re.compile(r"(.*)_\{(\d+(?:,\d+)?)\}")
_LAST = 10**6  # rank of what the summed index does not occur in
_MINUS = Op("−")
_RELATIONS = {  # by the class in SymPy
    **{"StrictGreaterThan": ">", "StrictLessThan": "<"},
    **{"GreaterThan": "≥", "LessThan": "≤"},
}


@dataclass(frozen=True, slots=True)
class EntryWriter:
    """Writes explicit entries; ``axes`` says which index of a name is the one that is summed.

    ``order`` ranks names: the factors of a product are written in the order of the matrix product.
    """

    axes: Mapping[str, int] = field(default_factory=dict)
    order: Mapping[str, int] = field(default_factory=dict)
    offset: int = 0

    def grid(self, matrix: Matrix) -> Grid:
        """Return a matrix of entries."""
        return Grid(tuple(tuple(self(x) for x in line) for line in matrix))

    def __call__(self, x: Any) -> Math:
        x = sympy.sympify(x)
        if x.is_Add:
            return self._sum(x)
        if x.is_Mul:
            return self._product(x)
        if x.is_Pow:
            return self._power(x)
        if x.is_Symbol:
            return self._symbol(x)
        if x.is_Rational:
            return _rational(x)
        pieces = x.args if x.is_Piecewise else getattr(x, "pieces", None)
        if pieces is not None:
            return self._piecewise(pieces)
        if x.is_Relational:
            sign = _RELATIONS.get(type(x).__name__, "=")
            return row(self(x.lhs), Op(sign), self(x.rhs))
        return self._function(x)

    def terms(self, x: Any) -> dict[int | None, list[Any]]:
        """Return the terms of a sum by the value of the summed index; ``None`` where it has none.

        >>> a, b = map(sympy.Symbol, ("X_{1,1}", "X_{2,1}"))
        >>> sorted(EntryWriter(axes={"X": 0}).terms(a + b))
        [1, 2]
        """
        found: dict[int | None, list[Any]] = {}
        for term in sympy.Add.make_args(sympy.sympify(x)):
            found.setdefault(self._value(term), []).append(term)
        return found

    def _value(self, term: Any) -> int | None:
        """Return the value of the summed index in a term, if it is the same all through."""
        values = {self._slice(s) for s in term.free_symbols} - {None}
        return values.pop() if len(values) == 1 else None

    def _slice(self, symbol: Any) -> int | None:
        name, place = name_and_place(symbol)
        axis = self.axes.get(name)
        return place[axis] if axis is not None and axis < len(place) else None

    def _symbol(self, x: Any) -> Math:
        name, place = name_and_place(x)
        if not place:
            return Sym(name)
        body = Script(Sym(name), sub=row(*(Num(str(k)) for k in place)))
        value = self._slice(x)
        if value is None or value > len(SLICES):
            return body
        return Tint(SLICES[value - 1], body)

    def _rank(self, x: Any) -> tuple[Any, ...]:
        """Order terms and factors: numbers, then by slice, then as in the matrix product."""
        places = sorted(map(name_and_place, x.free_symbols), key=self._place_rank)
        first = [(self._place_rank(p), p) for p in places]
        return (not x.is_number, self._value(x) or _LAST, bool(x.is_Add), first, str(x))

    def _place_rank(self, place: tuple[str, tuple[int, ...]]) -> tuple[Any, ...]:
        return (self.order.get(place[0], len(self.order)), place)

    def _sum(self, x: Any) -> Math:
        parts: list[Math] = []
        numbers = [t for t in x.args if t.is_number]
        terms = [t for t in x.args if not t.is_number]
        ordered = sorted(terms, key=lambda t: (t.could_extract_minus_sign(), self._rank(t)))
        # A number leads (1 − tanh² z), unless it is negative and something can lead instead.
        lead = [] if numbers and numbers[0] < 0 and ordered else numbers
        for term in [*lead, *ordered, *([] if lead else numbers)]:
            negative = term.could_extract_minus_sign()
            if parts or negative:
                parts.append(_MINUS if negative else Op("+"))
            parts.append(self(-term if negative else term))
        return row(*parts)

    def _product(self, x: Any) -> Math:
        if x.could_extract_minus_sign():
            return row(_MINUS, self._factor(-x) if (-x).is_Add else self(-x))
        over, under = sympy.fraction(x)
        if under != 1:
            return Frac(self(over), self(under))
        factors = sorted(sympy.Mul.make_args(x), key=self._rank)
        return row(*(self._factor(f) for f in factors))

    def _factor(self, x: Any) -> Math:
        body = self(x)
        return Fence("(", body, ")") if x.is_Add else body

    def _power(self, x: Any) -> Math:
        base, exponent = x.args
        if exponent == sympy.Rational(1, 2):
            return Root(self(base))
        if exponent.could_extract_minus_sign():
            return Frac(Num("1"), self(base ** (-exponent)))
        body = self(base)
        plain = base.is_Symbol or (base.is_Integer and base >= 0)
        return sup(body if plain else Fence("(", body, ")"), self(exponent))

    def _piecewise(self, pieces: Any) -> Math:
        (value, condition), *rest = pieces
        if len(rest) == 1 and rest[0][0] == 0 and rest[0][1] == sympy.true:
            if isinstance(condition, sympy.StrictGreaterThan) and condition.args == (value, 0):
                return row(Word("max"), Fence("(", listed(Num("0"), self(value)), ")"))
            one = Script(Sym("1", bold=True), sub=self(condition))
            return one if value == 1 else row(one, self._factor(value))
        parts: list[Math] = []
        for value, condition in pieces:
            always = condition == sympy.true
            what = Word("otherwise", False) if always else row(Word("if", False), self(condition))
            parts += [self(value), what]
        return Fence("{", listed(*parts), "}")

    def _function(self, x: Any) -> Math:
        if not x.args:
            return Sym("e" if x == sympy.E else str(x))
        if isinstance(x, sympy.Abs):
            return Fence("|", self(x.args[0]), "|")
        if isinstance(x, sympy.exp):
            return sup(Sym("e"), self(x.args[0]))
        head: Math = Word(_FUNCTION_NAMES.get(str(x.func), str(x.func)))
        letter = getattr(x.func, "unspecified", None)
        if letter is not None:
            primes = Word("′", function=False)
            head = sup(Sym(letter[0]), Row((primes,) * letter[1])) if letter[1] else Sym(letter[0])
        return row(head, Fence("(", listed(*(self(a) for a in x.args)), ")"))


_FUNCTION_NAMES = {"Heaviside": "H", "Max": "max", "Min": "min"}  # by the name in SymPy


def name_and_place(symbol: Any) -> tuple[str, tuple[int, ...]]:
    """Return the name and the place that a symbol of an entry stands for.

    >>> name_and_place(sympy.Symbol("X_{1,2}")), name_and_place(sympy.Symbol("s"))
    (('X', (1, 2)), ('s', ()))
    """
    found = _PLACE.fullmatch(symbol.name)
    if found is None:
        return symbol.name, ()
    return found[1], tuple(int(k) for k in found[2].split(","))


def _rational(x: Any) -> Math:
    sign = [_MINUS] if x < 0 else []
    over, under = Num(str(abs(int(x.p)))), Num(str(int(x.q)))
    return row(*sign, over if x.q == 1 else Frac(over, under))
