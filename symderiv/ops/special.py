"""Table entries of abs, sign, the activations beside relu, and of functions of several arguments.

Nonsmooth points: abs'(0) = sign(0) = 0, elu'(0) = 1, and the slope of leaky_relu at 0 is that of
its negative side. Where the arguments of maximum or minimum are equal, the slope goes to the
second one, so that maximum(x, 0) is relu; where clip meets a bound, to the bound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from ..core.expr import Expr, node
from ..core.shapes import SCALAR
from ..notation.math import Fence, Math, Word, listed, row, sub
from ..tensor import Scale, Term, Value, call, constant, leaf, monomial, spread
from .base import (
    Application,
    Codes,
    Definition,
    OperatorCall,
    Pointwise,
    ShapeOf,
    Writes,
    broadcast,
    register,
    written_function,
)
from .entrywise import WhereCall, common_shape, entrywise

_CUBIC = Fraction(44715, 1_000_000)  # of the tanh form of gelu: Hendrycks and Gimpel, section 2
_GELU = "Hendrycks and Gimpel, Gaussian Error Linear Units (2016)"


def choose(
    sign: str, left: Pointwise, right: Pointwise | int, yes: Pointwise | int, no: Pointwise | int
) -> Pointwise:
    """Return ``yes`` where ``left sign right`` holds, else ``no``, entry by entry."""
    parts = tuple(Pointwise.lift(p, left.term) for p in (left, right, yes, no))
    return Pointwise(call(WhereCall(sign), parts, left.term.dims))


def _least(m: Any, a: Any, b: Any) -> Any:
    return m.choose("<", a, b, a, b)


def _zero(m: Any) -> Any:
    return m.number(Fraction(0))


def _abs_notation(e: Expr, write: Writes) -> Math:
    # Bars around a matrix are its determinant, around a vector its length.
    if e.is_scalar:
        return Fence("|", write(e.args[0]), "|")
    return written_function("abs")(e, write)


entrywise(
    "abs",
    lambda m, x: m.fabs(x),
    "abs' = sign (and abs'(0) = 0)",
    range="nonnegative",
    rests_on="x or -x",
    derivative=lambda x, y: x.apply("sign"),
    slope="sign(x)",
    notation=_abs_notation,
    analytic=False,
    pieces="sign",
    sympy="Abs",
)
entrywise(
    "sign",
    lambda m, x: m.sign(x),
    "sign' = 0 (and sign(0) = 0)",
    rests_on="constant on either side of 0",
    derivative=lambda x, y: x * 0,
    analytic=False,
    sympy="sign",
    pieces="sign",
)
entrywise(
    "elu",
    lambda m, x: m.choose(">", x, _zero(m), x, m.exp(x) - 1),
    "elu'(x) = 1 where x > 0, else 1 + elu(x) = exp(x)",
    rests_on=Definition.of_number("elu(x)", "where(x > 0, x, exp(x) - 1)"),
    derivative=lambda x, y: choose(">", x, 0, 1, 1 + y),
    numpy="_elu",
    analytic=False,
    pieces="zero",
)


def _root_of(scale: int, *factors: Term) -> Pointwise:
    """Return the square root of a number times scalar terms, as a scalar."""
    inside = monomial(
        *((f, 1) for f in factors), (constant(Scale()), 1), scale=Scale(Fraction(scale))
    )
    return Pointwise(inside) ** Fraction(1, 2)


def _pi() -> Term:
    return leaf(node("const", (), SCALAR, "pi"), ())


def _gelu_slope(x: Pointwise, y: Pointwise) -> Pointwise:
    below = 1 + (x * _root_of(2) ** -1).apply("erf")
    bell = (x**2 * Fraction(-1, 2)).apply("exp")
    return below * Fraction(1, 2) + x * bell * _root_of(2, _pi()) ** -1


def _gelu_tanh_slope(x: Pointwise, y: Pointwise) -> Pointwise:
    root = Pointwise(monomial((_pi(), -1), scale=Scale(Fraction(2)))) ** Fraction(1, 2)
    t = (root * (x + x**3 * _CUBIC)).apply("tanh")
    inside = 1 + x**2 * (3 * _CUBIC)
    return (1 + t) * Fraction(1, 2) + x * (1 - t**2) * root * inside * Fraction(1, 2)


def _gelu_tanh(m: Any, x: Any) -> Any:
    half, cubic = m.number(Fraction(1, 2)), m.number(_CUBIC)
    t = m.tanh(m.root(2 / m.constant("pi")) * (x + cubic * x * x * x))
    return half * x * (1 + t)


entrywise(
    "gelu",
    lambda m, x: x * m.number(Fraction(1, 2)) * (1 + m.erf(x / m.root(m.number(Fraction(2))))),
    "gelu'(x) = Φ(x) + x φ(x), the normal distribution and its density",
    rests_on=Definition.of_number("gelu(x)", "x * normal_cdf(x)"),
    derivative=_gelu_slope,
    source=f"{_GELU}, section 2",
    numpy="_gelu",
)
entrywise(
    "gelu_tanh",
    _gelu_tanh,
    "product and chain rule on ½ x (1 + tanh(√(2/π) (x + 0.044715 x³)))",
    rests_on=Definition.of_number(
        "gelu_tanh(x)", "x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3))) / 2"
    ),
    derivative=_gelu_tanh_slope,
    source=f"{_GELU}, section 2",
    numpy="_gelu_tanh",
    notation=lambda e, write: row(
        sub(Word("gelu"), Word("tanh", function=False)), Fence("(", write(e.args[0]), ")")
    ),
)

Slope = Callable[..., Pointwise]


def _to_bound(low: Pointwise, high: Pointwise) -> Pointwise:
    return choose("<", low, high, 1, 0)


# The slopes of functions of several arguments by each of them; every entry puts in its own.
_SLOPES: dict[str, tuple[Slope, ...]] = {}


@dataclass(frozen=True)
class SeveralCall(OperatorCall):
    """An entrywise function of several arguments that have the same axes."""

    shape: ClassVar[ShapeOf] = staticmethod(lambda args: common_shape(args))
    name: str
    entrywise: ClassVar[bool] = True

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the cotangent times the slope by the argument at ``position``."""
        slope = _SLOPES[self.name][position](*map(Pointwise, node.children))
        return monomial((cotangent, 1), (slope.term, 1))


def _several_lower(e: Expr, args: Sequence[Value]) -> Value:
    parts = spread(args, e.shape)
    term = call(SeveralCall(e.op), tuple(p.term for p in parts), parts[0].term.dims)
    return Value(term, e.shape, parts[0].loose)


def _several(
    name: str,
    explicit: Callable[..., Any],
    law: str,
    numpy: str,
    samples: tuple[str, ...],
    usage: str,
    word: Math,
    slopes: tuple[Slope, ...],
    **stated: Any,
) -> None:
    """Register an entrywise function of as many arguments as it has slopes."""
    _SLOPES[name], count = slopes, len(slopes)

    def build(call: Application) -> Expr:
        call.expect(count)
        args = tuple(map(call.expr, range(count)))
        return node(name, args, call.common_shape(*args))

    def code(e: Expr, write: Codes) -> str:
        return write.called(numpy, *(write.spread(a, e) for a in e.args))

    def notation(e: Expr, write: Writes) -> Math:
        return row(word, Fence("(", listed(*(write.spread(a, e) for a in e.args)), ")"))

    register(
        name=name,
        entrywise=True,
        tensors="batch",
        build=build,
        usage=usage,
        law=law,
        source="elementary calculus",
        lower=_several_lower,
        explicit=lambda e, args, at: broadcast(args, lambda *xs: explicit(at.math, *xs)),
        notation=notation,
        numpy=code,
        analytic=False,
        samples=samples,
        bad=(f"{name}(X)", f"{name}(X, A)", f"{name}(X, s, s, s)"),
        **stated,
    )


_several(
    "leaky_relu",
    lambda m, x, s: m.choose(">", x, _zero(m), x, s * x),
    "leaky_relu'(x) = 1 where x > 0, else s; by s it is 0 where x > 0, else x",
    "_leaky_relu",
    ("leaky_relu(X, s) * X", "leaky_relu(A @ X, 0.1)", "leaky_relu(x, s) * x"),
    "leaky_relu(x, s)",
    sub(Word("relu"), Word("leaky", function=False)),
    (lambda x, s: choose(">", x, 0, 1, s), lambda x, s: choose(">", x, 0, 0, x)),
    rests_on=Definition.of_number("leaky_relu(x, s)", "where(x > 0, x, s * x)", s="scalar"),
    pieces="zero",
)
_several(
    "maximum",
    lambda m, a, b: m.choose(">", a, b, a, b),
    "the slope of the larger argument (of the second where both are equal)",
    "np.maximum",
    ("maximum(X, 3 + A @ X) * X", "maximum(X, s)", "maximum(x, 0) * x"),
    "maximum(a, b)",
    Word("max"),
    (lambda a, b: choose(">", a, b, 1, 0), lambda a, b: choose(">", a, b, 0, 1)),
    rests_on=Definition.of_number("maximum(x, b)", "where(x > b, x, b)", b="scalar"),
    pieces="order",
)
_several(
    "minimum",
    lambda m, a, b: m.choose("<", a, b, a, b),
    "the slope of the smaller argument (of the second where both are equal)",
    "np.minimum",
    ("minimum(X, 3 + A @ X) * X", "minimum(X, s)", "minimum(1, x) * x"),
    "minimum(a, b)",
    Word("min"),
    (lambda a, b: choose("<", a, b, 1, 0), lambda a, b: choose("<", a, b, 0, 1)),
    rests_on=Definition.of_number("minimum(x, b)", "where(x < b, x, b)", b="scalar"),
    pieces="order",
)
_several(
    "arctan2",
    lambda m, a, b: m.arctan2(a, b),
    "arctan2(y, x) has the slopes x / (x² + y²) by y and -y / (x² + y²) by x",
    "np.arctan2",
    ("arctan2(X, A @ X + 9) * X", "arctan2(X, s)", "arctan2(x, 2) * x"),
    "arctan2(y, x)",
    Word("arctan2"),
    (lambda a, b: b * (a**2 + b**2) ** -1, lambda a, b: -a * (a**2 + b**2) ** -1),
    rests_on="the angle of (x, y): arctan(y/x) up to a constant, or -arctan(x/y)",
    sympy="atan2",
)
_several(
    "clip",
    lambda m, x, a, b: _least(m, m.choose(">", x, a, x, a), b),
    "clip'(x) = 1 where low < x < high, else 0",
    "np.clip",
    ("clip(X, -1, 1) * X", "clip(A @ X, -s, 2)", "clip(x, s, 3) * x", "clip(X, X - 1, 1)"),
    "clip(x, low, high), which is minimum(maximum(x, low), high)",
    Word("clip"),
    (
        lambda x, a, b: choose(">", x, a, 1, 0) * choose("<", x, b, 1, 0),
        lambda x, a, b: choose(">", x, a, 0, 1) * _to_bound(a, b),
        lambda x, a, b: 1 - choose("<", x, b, 1, 0) * _to_bound(a, b),
    ),
    rests_on=Definition.of_number(
        "clip(x, a, b)", "minimum(maximum(x, a), b)", a="scalar", b="scalar"
    ),
    pieces="bounds",
)
