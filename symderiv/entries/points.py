"""Takes names and sizes; returns rational values for every entry, and what SymPy makes of them.

Contract: a point is the same on every run (its seed is text). Variables have the properties that
were declared for them; definitions have the value of their definition. A SymPy expression made of
rational operations has an exact value, any other one of 50 digits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from random import Random
from typing import Any

from ..core.cells import each, entry_at
from ..core.errors import MissingRuleError
from ..core.expr import Expr, Variable, walk_all
from ..core.later import sympy
from ..core.shapes import ONE
from ..ops import TABLE, Cells
from ..values.explicit import ExactMath, Explicit, compare, same
from ..values.sampling import OUTSIDE_DOMAIN as OUTSIDE_DOMAIN
from ..values.sampling import values
from .symbols import name_and_place, pieces_of, undefined

ATTEMPTS = 12


class Point(Explicit):
    """Values of all names at given sizes."""

    def __init__(
        self, sizes: Mapping[str, int], given: Mapping[str, Cells], names: Mapping[str, Expr]
    ) -> None:
        super().__init__(sizes, given, math=ExactMath())
        self.names = names
        self._values: dict[Any, Any] = {}

    def again(self, lift: Callable[[Any], Any] = lambda x: x) -> Point:
        """Return the same point with nothing computed yet."""
        return Point(self.sizes, {n: each(lift, c) for n, c in self.values.items()}, self.names)

    def same(self, derived: Any, value: Any) -> bool:
        """Whether a SymPy expression has a value here."""
        return same(self.value(derived), value)

    def value(self, e: Any) -> Any:
        """Return the value of a SymPy expression; raises one of ``OUTSIDE_DOMAIN``."""
        found = self._values.get(e)
        if found is None:
            found = self._values[e] = self._value(e)
        return found

    def _value(self, e: Any) -> Any:
        if e.is_Symbol:
            return self._symbol(e)
        if e.is_Rational:
            return Fraction(int(e.p), int(e.q))
        if e.is_Add:
            return sum((self.value(a) for a in e.args), Fraction(0))
        if e.is_Mul:
            product: Any = Fraction(1)
            for a in e.args:
                product = product * self.value(a)
            return product
        if e.is_Pow:
            return self.math.power(self.value(e.base), self.value(e.exp))
        if e in (sympy.pi, sympy.E):
            return self.math.constant("pi" if e == sympy.pi else "e")
        if (pieces := pieces_of(e)) is not None:
            return next(self.value(x) for x, test in pieces if self._holds(test))
        if e in undefined():
            raise ValueError(f"{e} is no real number")
        return self._function(e)

    def _symbol(self, s: Any) -> Any:
        name, place = name_and_place(s)
        x = self.names[name]
        indices = iter(place)
        return entry_at(self.cells(x), [1 if d == ONE else next(indices) for d in x.shape])

    def _function(self, e: Any) -> Any:
        args = [self.value(a) for a in e.args]
        letter = getattr(e, "unspecified", None)
        if letter is not None:
            return self.math.unspecified(*letter, *args)
        mark = getattr(e, "mark", None)
        if mark is not None:
            sign, position = mark
            return self.math.pick(sign, args, [Fraction(k == position) for k in range(len(args))])
        if isinstance(e, sympy.Abs):
            return abs(args[0])
        if isinstance(e, sympy.DiracDelta) and args[0] != 0:
            return Fraction(0)  # the slope of a sign, where it has one
        name = type(e).__name__
        try:
            return getattr(self.math, name.lower())(*args)
        except AttributeError:
            raise MissingRuleError(f"no value is known of the SymPy function {name}") from None

    def _holds(self, test: Any) -> bool:
        if test in (sympy.true, sympy.false):
            return bool(test)
        if isinstance(test, sympy.And | sympy.Or):
            quantifier = all if isinstance(test, sympy.And) else any
            return quantifier(self._holds(a) for a in test.args)
        if isinstance(test, sympy.Not):
            return not self._holds(test.args[0])
        left, right = self.value(test.lhs), self.value(test.rhs)
        return compare(test.rel_op, left, right)


def points(
    names: Mapping[str, Expr],
    sizes: Mapping[str, int],
    variables: Mapping[str, Variable] | None = None,
    others: Sequence[Expr] = (),
) -> Iterator[Point]:
    """Yield a few points to try, one after the other where a function is not defined.

    ``names`` are the expressions that entries are symbols of; ``variables`` tells the properties;
    ``others`` will be evaluated too, so that their domain counts.
    """
    return Points(names, sizes, variables).tried(others)


class Points:
    """The points at one choice of sizes, each kept with what was evaluated there."""

    def __init__(
        self,
        names: Mapping[str, Expr],
        sizes: Mapping[str, int],
        variables: Mapping[str, Variable] | None = None,
    ) -> None:
        self._names, self.sizes = names, sizes
        nodes = list(walk_all([*names.values()]))
        self._leaves = {str(v.data): v for v in nodes if v.is_variable}
        self._known = {n: v.properties for n, v in (variables or {}).items()}
        self._nodes = {*nodes}
        self._domains = {TABLE[e.op].domain for e in nodes}
        self._kept: dict[tuple[int, tuple[str, ...]], Point] = {}

    def tried(self, others: Sequence[Expr] = ()) -> Iterator[Point]:
        """Yield the points to try for expressions in the names, in order."""
        domains = self._domains | {
            TABLE[e.op].domain for e in walk_all(others, self._nodes.__contains__)
        }
        for attempt in range(ATTEMPTS):
            positive = "positive" in domains and attempt % 2 == 0
            # Half of those that come after a failure are near 0, where functions do not saturate.
            within = ("unit",) if "unit" in domains or attempt % 4 > 1 else ()
            yield self._point(attempt, (("positive",) if positive else ()) + within)

    def _point(self, attempt: int, extra: tuple[str, ...]) -> Point:
        found = self._kept.get((attempt, extra))
        if found is None:
            random = Random(f"{sorted(self.sizes.items())} {attempt}")
            drawn = [
                Variable(n, v.shape, "matrix", self._known.get(n, ()) + extra)
                for n, v in sorted(self._leaves.items())
            ]
            found = Point(self.sizes, values(drawn, self.sizes, random), self._names)
            self._kept[attempt, extra] = found
        return found
