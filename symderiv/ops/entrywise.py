"""Table entries of the entrywise functions, each in a few lines.

A ``derivative`` is stated, in ``x`` (the argument) and ``y`` (the output), where a backward pass
can so reuse what the forward pass computed; elsewhere SymPy derives it from ``explicit``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from ..core.expr import Expr, node
from ..core.shapes import Shape, Unifier
from ..notation.math import (
    Fence,
    Frac,
    Math,
    Num,
    Op,
    Root,
    Script,
    Sym,
    Word,
    listed,
    row,
    sub,
    sup,
)
from ..tensor import COLUMN, ROW, Scale, Term, Value, call, constant, monomial, product, spread
from .base import (
    ATOM,
    ENTRYWISE,
    Application,
    Codes,
    Definition,
    Identity,
    OperatorCall,
    Pointwise,
    ShapeOf,
    Texts,
    Writes,
    broadcast,
    is_indicator,
    is_plain,
    read_pointwise,
    register,
    written_function,
)
from .sympy_derivatives import from_sympy

Derivative = Callable[[Pointwise, Pointwise], Pointwise]


def common_shape(args: Sequence[Expr]) -> Shape:
    """Return the shape that arguments are broadcast to."""
    shape = args[0].shape
    for a in args[1:]:
        shape = Unifier().broadcast(shape, a.shape)
    return shape


@dataclass(frozen=True)
class EntrywiseCall(OperatorCall):
    """An entrywise function of one argument, with its derivative in terms of x and y."""

    name: str
    derivative: Derivative
    data: Hashable = None
    entrywise: ClassVar[bool] = True

    def __repr__(self) -> str:
        return f"{self.name} {self.data}"

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the cotangent times the derivative, entry by entry."""
        slope = self.derivative(Pointwise(node.children[0]), Pointwise(node))
        return monomial((cotangent, 1), (slope.term, 1))


def entrywise(
    name: str,
    explicit: Callable[[Any, Any], Any],
    law: str,
    *,
    derivative: Derivative | None = None,
    numpy: str | None = None,
    source: str = "elementary calculus",
    **stated: Any,
) -> None:
    """Register an entrywise function of one argument.

    ``explicit`` computes an entry from scalar functions and the argument; the ``derivative``, in
    terms of the argument and the output, is SymPy's where none is stated. What else is ``stated``
    are fields of the entry.
    """
    slope = derivative or from_sympy(name, explicit)
    ENTRYWISE[name] = lambda data: EntrywiseCall(name, slope, data)

    def lower(e: Expr, args: Sequence[Value]) -> Value:
        body = args[0]
        term = call(EntrywiseCall(name, slope), (body.term,), body.term.dims)
        return Value(term, e.shape, body.loose)

    def code(e: Expr, write: Codes) -> str:
        return write.function(e, numpy or f"np.{name}")

    register(
        name=name,
        entrywise=True,
        tensors="batch",
        build=read_pointwise(name),
        usage=f"{name}(x)",
        law=law,
        source=source,
        lower=lower,
        explicit=lambda e, args, at: broadcast([args[0]], lambda x: explicit(at.math, x)),
        numpy=code,
        samples=(f"{name}(X)", f"{name}(A @ X) * X", f"{name}(x.T @ x) * x"),
        bad=(f"{name}()", f"{name}(X, X)", f"{name}(X, axis=1)"),
        **stated,
    )


def _exp_notation(e: Expr, write: Writes) -> Math:
    if e.is_scalar and not write.is_taken("e"):
        return sup(Sym("e"), write(e.args[0]))
    return written_function("exp")(e, write)


entrywise(
    "exp",
    lambda m, x: m.exp(x),
    "exp' = exp",
    range="positive",
    rests_on="school calculus",
    derivative=lambda x, y: y,
    slope="exp(x)",
    undoes="log",
    singular=0,
    notation=_exp_notation,
    sympy="exp",
)
_LOGARITHM: dict[str, Any] = {"domain": "positive", "singular": 0, "is_logarithm": True}
entrywise(
    "log",
    lambda m, x: m.log(x),
    "log'(x) = 1/x",
    rests_on="school calculus",
    slope="1 / x",
    undoes="exp",
    sympy="log",
    **_LOGARITHM,
)
for _base in (2, 10):
    entrywise(
        f"log{_base}",
        lambda m, x, base=_base: m.log(x) / m.log(m.number(Fraction(base))),  # type: ignore[misc]
        f"log{_base}'(x) = 1/(x log {_base})",
        rests_on=Definition.of_number(f"log{_base}(x)", f"log(x) / log({_base})"),
        derivative=lambda x, y, base=_base: (  # type: ignore[misc]
            x**-1 * (Pointwise(constant(Scale(Fraction(base)), x.term.dims)).apply("log")) ** -1
        ),
        notation=lambda e, write: row(
            sub(Word("log"), Num(e.op.removeprefix("log"))), Fence("(", write(e.args[0]), ")")
        ),
        **_LOGARITHM,
    )
entrywise(
    "sin",
    lambda m, x: m.sin(x),
    "sin' = cos",
    rests_on="school calculus",
    slope="cos(x)",
    undoes="arcsin",
    sympy="sin",
)
entrywise(
    "cos",
    lambda m, x: m.cos(x),
    "cos' = -sin",
    rests_on="school calculus",
    slope="-sin(x)",
    undoes="arccos",
    sympy="cos",
)
entrywise(
    "tan",
    lambda m, x: m.tan(x),
    "tan' = 1 + tan²",
    rests_on=Definition.of_number("tan(x)", "sin(x) / cos(x)"),
    derivative=lambda x, y: 1 + y**2,
    undoes="arctan",
    singular=0,
    sympy="tan",
)
entrywise(
    "sinh",
    lambda m, x: m.sinh(x),
    "sinh' = cosh",
    rests_on=Definition.of_number("sinh(x)", "(exp(x) - exp(-x)) / 2"),
    slope="cosh(x)",
    singular=0,
    sympy="sinh",
)
entrywise(
    "cosh",
    lambda m, x: m.cosh(x),
    "cosh' = sinh",
    range="positive",
    rests_on=Definition.of_number("cosh(x)", "(exp(x) + exp(-x)) / 2"),
    slope="sinh(x)",
    singular=0,
    sympy="cosh",
)
entrywise(
    "tanh",
    lambda m, x: m.tanh(x),
    "tanh' = 1 - tanh²",
    rests_on=Definition.of_number("tanh(x)", "(exp(x) - exp(-x)) / (exp(x) + exp(-x))"),
    derivative=lambda x, y: 1 - y**2,
    slope="1 - tanh(x) ** 2",
    sympy="tanh",
)
entrywise(
    "arcsin",
    lambda m, x: m.asin(x),
    "arcsin'(x) = 1 / √(1 - x²)",
    rests_on=Identity.of_number(
        "arcsin(x)", "sin(y)", "x", "divided by {cos(y)} = {sqrt(1 - x**2)}"
    ),
    domain="unit",
    singular=0,
    sympy="asin",
)
entrywise(
    "arccos",
    lambda m, x: m.acos(x),
    "arccos'(x) = -1 / √(1 - x²)",
    rests_on=Identity.of_number(
        "arccos(x)", "cos(y)", "x", "divided by {-sin(y)} = {-sqrt(1 - x**2)}"
    ),
    domain="unit",
    singular=0,
    sympy="acos",
)
entrywise(
    "arctan",
    lambda m, x: m.atan(x),
    "arctan'(x) = 1 / (1 + x²)",
    rests_on=Identity.of_number(
        "arctan(x)", "tan(y)", "x", "divided by {1 + tan(y)**2} = {1 + x**2}"
    ),
    sympy="atan",
)
entrywise(
    "log1p",
    lambda m, x: m.log(1 + x),
    "log1p'(x) = 1 / (1 + x)",
    rests_on=Definition.of_number("log1p(x)", "log(1 + x)"),
    undoes="expm1",
    **_LOGARITHM,
)
entrywise(
    "expm1",
    lambda m, x: m.exp(x) - 1,
    "expm1' = 1 + expm1",
    rests_on=Definition.of_number("expm1(x)", "exp(x) - 1"),
    derivative=lambda x, y: 1 + y,
    undoes="log1p",
    singular=0,
)
entrywise(
    "erf",
    lambda m, x: m.erf(x),
    "erf'(x) = 2 exp(-x²) / √π",
    rests_on="an integral: its derivative is what is integrated",
    numpy="scipy.special.erf",
    sympy="erf",
)
entrywise(
    "relu",
    lambda m, x: m.choose(">", x, m.number(Fraction(0)), x, m.number(Fraction(0))),
    "relu'(x) = 1 where x > 0, else 0 (and relu'(0) = 0)",
    range="nonnegative",
    rests_on=Definition.of_number("relu(x)", "where(x > 0, x, 0)"),
    derivative=lambda x, y: step(x),
    slope="where(x > 0, 1, 0)",
    numpy="np.maximum({x}, 0)",
    analytic=False,
    pieces="zero",
)
entrywise(
    "sigmoid",
    lambda m, x: 1 / (1 + m.exp(-x)),
    "sigmoid' = sigmoid (1 - sigmoid)",
    range="unit",
    derivative=lambda x, y: y * (1 - y),
    slope="sigmoid(x) * (1 - sigmoid(x))",
    rests_on=Definition.of_number("sigmoid(x)", "1 / (1 + exp(-x))"),
    numpy="_sigmoid",
    notation=lambda e, write: row(Word("σ"), Fence("(", write(e.args[0]), ")")),
)
entrywise(
    "softplus",
    lambda m, x: m.log(1 + m.exp(x)),
    "softplus' = sigmoid",
    range="positive",
    derivative=lambda x, y: x.apply("sigmoid"),
    rests_on=Definition.of_number("softplus(x)", "log(1 + exp(x))"),
    slope="sigmoid(x)",
    is_logarithm=True,
    numpy="_softplus",
)
entrywise(
    "silu",
    lambda m, x: x / (1 + m.exp(-x)),
    "silu'(x) = sigmoid(x) + silu(x) (1 - sigmoid(x))",
    derivative=lambda x, y: x.apply("sigmoid") + y * (1 - x.apply("sigmoid")),
    rests_on=Definition.of_number("silu(x)", "x * sigmoid(x)"),
    numpy="_silu",
)


def step(x: Pointwise) -> Pointwise:
    """Return 1 where x > 0, else 0."""
    dims = x.term.dims
    parts = (x.term, constant(Scale(Fraction(0)), dims), constant(Scale(), dims))
    return Pointwise(call(WhereCall(">"), (*parts, parts[1]), dims))


_SIGNS = {">": ">", "<": "<", ">=": "≥", "<=": "≤"}


@dataclass(frozen=True)
class WhereCall(OperatorCall):
    """The choice between two values by a comparison; ``data`` is the comparison's sign."""

    shape: ClassVar[ShapeOf] = staticmethod(lambda args: common_shape(args))
    data: str
    name: str = "where"
    entrywise: ClassVar[bool] = True

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the cotangent where the argument was chosen; the comparison has slope 0."""
        left, right, _, _ = node.children
        one, none = constant(Scale(), node.dims), constant(Scale(Fraction(0)), node.dims)
        if position < 2:
            return none
        pair = (one, none) if position == 2 else (none, one)
        return monomial((cotangent, 1), (call(self, (left, right, *pair), node.dims), 1))


def _build_where(call: Application) -> Expr:
    call.expect(3)
    left, sign, right = call.comparison(0)
    args = (left, right, call.expr(1), call.expr(2))
    return node("where", args, call.common_shape(*args), sign)


def _where_lower(e: Expr, args: Sequence[Value]) -> Value:
    parts = spread(args, e.shape)
    term = call(WhereCall(str(e.data)), tuple(p.term for p in parts), parts[0].term.dims)
    return Value(term, e.shape, parts[0].loose)


def _where_notation(e: Expr, write: Writes) -> Math:
    left, right, yes, no = e.args
    test = row(write(left), Op(_SIGNS[str(e.data)]), write(right))
    if (yes.op, no.op) == ("num", "num") and (yes.data, no.data) == (1, 0):
        return Script(Sym("1", bold=True), sub=test)
    return row(Word("where"), Fence("(", listed(test, write(yes), write(no)), ")"))


def _where_text(e: Expr, text: Texts) -> str:
    left, right, yes, no = e.args
    return f"where({text(left)} {e.data} {text(right)}, {text(yes)}, {text(no)})"


def _where_code(e: Expr, code: Codes) -> str:
    left, right, yes, no = (code.spread(a, e) for a in e.args)
    test = f"{left} {e.data} {right}"
    if is_indicator(e):
        return f"np.asarray({test}, dtype=dtype)"
    chosen = f"np.where({test}, {yes}, {no})"
    # Two numbers have no dtype of their own.
    numbers = all(map(is_plain, e.args[2:]))
    return f"np.asarray({chosen}, dtype=dtype)" if numbers else chosen


register(
    name="where",
    rests_on="school calculus",
    entrywise=True,
    pieces="order",
    plain=True,
    tensors="batch",
    build=_build_where,
    usage="where(c > 0, a, b)",
    law="a choice has the slope of the branch that is taken, at a corner too",
    source="elementary calculus; the boundary itself is left out",
    lower=_where_lower,
    explicit=lambda e, args, at: broadcast(
        args, lambda x, y, a, b: at.math.choose(str(e.data), x, y, a, b)
    ),
    text=_where_text,
    notation=_where_notation,
    numpy=_where_code,
    analytic=False,
    samples=("where(X > 0, X, 2 * X)", "where(A @ X < X, X * X, X)"),
    bad=("where(X, X, X)", "where(X == 0, X, X)", "where(X > 0, X)", "X > 0"),
)


def _power_like(name: str, exponent: Fraction, law: str, **stated: Any) -> None:
    """Register a power under its own name; a product of powers then needs no rule of its own."""
    register(
        name=name,
        entrywise=True,
        tensors="batch",
        build=read_pointwise(name),
        usage=f"{name}(x)",
        law=law,
        source="elementary calculus",
        lower=lambda e, args: product([(args[0], ROW, COLUMN)], e.shape, exponents=(exponent,)),
        samples=(f"{name}(X)", f"{name}(A @ X) * X", f"{name}(x.T @ x) * x"),
        bad=(f"{name}()", f"{name}(X, X)"),
        **stated,
    )


def _root_notation(e: Expr, write: Writes) -> Math:
    if e.is_scalar:
        return Root(write(e.args[0]))
    return sup(write(e.args[0], ATOM), row(Op("⊙"), Frac(Num("1"), Num("2"))))


def _square_notation(e: Expr, write: Writes) -> Math:
    mark: Math = Num("2") if e.is_scalar else row(Op("⊙"), Num("2"))
    return sup(write(e.args[0], ATOM), mark)


_power_like(
    "sqrt",
    Fraction(1, 2),
    "√'(x) = 1 / (2√x)",
    range="nonnegative",
    rests_on="the power rule",
    domain="positive",
    singular=0,
    explicit=lambda e, args, at: broadcast([args[0]], at.math.root),
    notation=_root_notation,
    numpy=lambda e, code: code.function(e, "np.sqrt"),
)
_power_like(
    "square",
    Fraction(2),
    "(x²)' = 2x",
    range="nonnegative",
    rests_on="the power rule",
    explicit=lambda e, args, at: broadcast([args[0]], lambda x: x * x),
    notation=_square_notation,
    numpy=lambda e, code: code.function(e, "np.square"),
)
