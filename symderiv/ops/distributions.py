"""Table entries of the gamma function, its derivatives, and of the normal distribution.

``lgamma`` is log gamma of what is positive, ``digamma`` is its derivative, ``trigamma`` that of
digamma, and ``polygamma(k, x)`` the one of order k of digamma, so that each has the next for its
derivative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from ..core.expr import Expr, node
from ..notation.math import Fence, Math, Num, Word, listed, row
from ..tensor import Term, Value, call, monomial
from .base import (
    Application,
    Cells,
    Codes,
    Definition,
    EntryPlace,
    Pointwise,
    Texts,
    Writes,
    broadcast,
    register,
    written_function,
)
from .entrywise import entrywise

_TABLES = "Abramowitz and Stegun, Handbook of Mathematical Functions (1964)"
_HIGHEST = 20  # order of a polygamma function that can be written
_NAMES = ("digamma", "trigamma")


@dataclass(frozen=True)
class PolygammaCall:
    """The derivative of order ``data`` of digamma, entry by entry."""

    data: int
    name: str = "polygamma"
    entrywise: ClassVar[bool] = True

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the cotangent times the polygamma function of the next order."""
        slope = _polygamma(self.data + 1, node.children[0])
        return monomial((cotangent, 1), (slope, 1))

    def rebuild(self, args: tuple[Expr, ...]) -> Expr:
        """Return the call as an expression."""
        return polygamma(self.data, args[0])


def _polygamma(order: int, x: Term) -> Term:
    return call(PolygammaCall(order), (x,), x.dims)


def polygamma(order: int, x: Expr) -> Expr:
    """Return a derivative of digamma; the first ones have names of their own."""
    if order < len(_NAMES):
        return node(_NAMES[order], (x,), x.shape)
    return node("polygamma", (x,), x.shape, order)


def order_of(e: Expr) -> int:
    """Return which derivative of digamma an expression is."""
    return _NAMES.index(e.op) if e.op in _NAMES else int(str(e.data))


def _lower(e: Expr, args: Sequence[Value]) -> Value:
    return Value(_polygamma(order_of(e), args[0].term), e.shape, args[0].loose)


def _build(call: Application) -> Expr:
    if call.name in _NAMES:
        call.expect(1)
        return polygamma(_NAMES.index(call.name), call.expr(0))
    call.expect(2)
    order = call.choice(0, tuple(range(_HIGHEST + 1)))
    return polygamma(int(str(order)), call.expr(1))


def _cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    order = at.math.number(Fraction(order_of(e)))
    return broadcast([args[0]], lambda x: at.math.polygamma(order, x))


def _text(e: Expr, text: Texts) -> str:
    order = "" if e.op in _NAMES else f"{e.data}, "
    return f"{e.op}({order}{text(e.args[0])})"


def _notation(e: Expr, write: Writes) -> Math:
    order = [] if e.op in _NAMES else [Num(str(e.data))]
    return row(Word(e.op), Fence("(", listed(*order, write(e.args[0])), ")"))


def _code(e: Expr, code: Codes) -> str:
    if e.op == "digamma":
        return code.function(e, "scipy.special.digamma")
    return code.called("_polygamma", str(order_of(e)), code(e.args[0]))


entrywise(
    "lgamma",
    lambda m, x: m.lgamma(x),
    "the derivative of log Γ(x), for x > 0, is digamma(x)",
    rests_on="the definition of digamma",
    explained="is the logarithm of the gamma function",
    derivative=lambda x, y: Pointwise(_polygamma(0, x.term)),
    numpy="scipy.special.loggamma",
    slope="digamma(x)",
    domain="positive",
    singular=0,
    sympy="loggamma",
    source=f"{_TABLES}, eq. 6.3.1",
)
for _name, _explained, _usage, _law, _call in (
    (
        "digamma",
        "is the derivative of the logarithm of the gamma function",
        "digamma(x)",
        "digamma' = trigamma",
        "digamma({})",
    ),
    (
        "trigamma",
        "is the second derivative of the logarithm of the gamma function",
        "trigamma(x)",
        "trigamma'(x) = polygamma(2, x)",
        "trigamma({})",
    ),
    (
        "polygamma",
        "of k and x is the derivative of order k + 1 of the logarithm of the gamma function",
        "polygamma(k, x), the derivative of order k of digamma",
        "polygamma'(k, x) = polygamma(k + 1, x)",
        "polygamma(2, {})",
    ),
):
    register(
        name=_name,
        rests_on="the definition of the next one",
        explained=_explained,
        entrywise=True,
        singular=0,
        tensors="batch",
        build=_build,
        usage=_usage,
        law=_law,
        source=f"{_TABLES}, eq. 6.4.1",
        lower=_lower,
        explicit=_cells,
        text=_text,
        notation=_notation,
        numpy=_code,
        samples=tuple(
            _call.format(x) + rest for x, rest in (("X", ""), ("A @ X", " * X"), ("x", " * x"))
        ),
        bad=(f"{_name}()", _call.format("X, X"), f"{_name}(X, 1)"),
        domain="positive",
        analytic=_name == "digamma",
    )


# The normal distribution -------------------------------------------------------------------------


def _bell(m: Any, x: Any) -> Any:
    return m.exp(-x * x * m.number(Fraction(1, 2))) / m.root(2 * m.constant("pi"))


def _below(m: Any, x: Any) -> Any:
    return m.number(Fraction(1, 2)) * (1 + m.erf(x / m.root(m.number(Fraction(2)))))


entrywise(
    "normal_pdf",
    _bell,
    "the density φ of the standard normal distribution: φ'(x) = -x φ(x)",
    range="positive",
    rests_on=Definition.of_number("normal_pdf(x)", "exp(-x ** 2 / 2) / sqrt(2 * pi)"),
    derivative=lambda x, y: -x * y,
    numpy="_normal_pdf",
    notation=written_function("normpdf"),
    source=f"{_TABLES}, eq. 26.2.1",
)
entrywise(
    "normal_cdf",
    _below,
    "the standard normal distribution Φ: Φ'(x) = φ(x)",
    range="unit",
    rests_on="an integral: its derivative is what is integrated",
    derivative=lambda x, y: x.apply("normal_pdf"),
    slope="normal_pdf(x)",
    numpy="scipy.special.ndtr",
    notation=written_function("normcdf"),
    source=f"{_TABLES}, eq. 26.2.2",
)
