"""Takes how the entries of an entrywise function are computed; returns its derivative, by SymPy.

It is derived when it is first asked for, and translated as it stands; an entry whose derivative
reads better in another form (in terms of the output) states it.

Contract: an answer that holds a function outside the table raises MissingRuleError.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache, reduce
from operator import add, mul
from typing import Any

from ..core.errors import MissingRuleError
from ..core.expr import node
from ..core.later import sympy
from ..core.shapes import SCALAR
from ..tensor import Scale, constant, leaf, monomial
from .base import ENTRYWISE, TABLE, Pointwise


class _SymPy:
    """Scalar functions on one SymPy symbol, as ``explicit`` asks for them."""

    def number(self, value: Fraction) -> Any:
        """Return a rational number."""
        return sympy.Rational(value.numerator, value.denominator)

    def root(self, x: Any) -> Any:
        """Return the square root."""
        return sympy.sqrt(x)

    def __getattr__(self, name: str) -> Any:
        return getattr(sympy, name)


def from_sympy(
    name: str, explicit: Callable[[Any, Any], Any]
) -> Callable[[Pointwise, Pointwise], Pointwise]:
    """Return the derivative of an entrywise function by SymPy; raises MissingRuleError.

    ``explicit`` is called with scalar functions and an argument, as by the entry road.
    """

    @cache
    def slope() -> Any:
        x = sympy.Symbol("x", real=True)
        return sympy.diff(explicit(_SymPy(), x), x)

    def derivative(x: Pointwise, y: Pointwise) -> Pointwise:
        return _spread(_translated(slope(), x, name), x)

    return derivative


def _spread(value: Pointwise, like: Pointwise) -> Pointwise:
    """Return a scalar with the axes of ``like``; anything else as it is."""
    return Pointwise(monomial((value.term, 1), (constant(Scale(), like.term.dims), 1)))


def _translated(e: Any, x: Pointwise, name: str) -> Pointwise:
    if e.is_Symbol:
        return x
    if e.is_Rational:
        return Pointwise(constant(Scale(Fraction(int(e.p), int(e.q)))))
    if e == sympy.pi:
        return Pointwise(leaf(node("const", (), SCALAR, "pi"), ()))
    parts = [_translated(a, x, name) for a in e.args]
    if e.is_Add:
        return reduce(add, (_spread(p, x) for p in parts))
    if e.is_Mul:
        return reduce(mul, parts)
    if e.is_Pow and e.exp.is_Rational:
        return parts[0] ** Fraction(int(e.exp.p), int(e.exp.q))
    called = next((n for n in ENTRYWISE if TABLE[n].sympy == type(e).__name__), None)
    if len(parts) == 1 and called is not None:
        return _spread(parts[0], x).apply(called)
    raise MissingRuleError(
        f"the derivative of {name} that SymPy gives holds {e}, which is not in the table",
        remedy=f"state the derivative in the entry of {name}",
    )
