"""Table entries of names, and of unspecified functions: a loss L(Z), an entrywise f(X)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ..core.errors import MissingRuleError
from ..core.expr import Expr, node, var
from ..core.shapes import SCALAR, Shape
from ..core.unit_axes import fitted
from ..notation.math import DIFFERENTIAL, Fence, Math, Num, Word, fraction_of_partials, row, sup
from ..tensor import Factor, Term, Value, call, contract, leaf, monomial, named
from .base import ATOM, Cells, Codes, EntryPlace, OperatorCall, Texts, Writes, register
from .flops import free, iterative


def loss_parts(e: Expr) -> tuple[str, str]:
    """Return the name of an unspecified loss and the name of its gradient."""
    assert isinstance(e.data, tuple)
    return e.data


@dataclass(frozen=True)
class LossCall:
    """An unspecified scalar function; all that is known is the name of its gradient."""

    data: tuple[str, str]
    shape: Shape
    name: str = "loss"

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the cotangent times the given gradient G."""
        body = node.children[0]
        gradient = leaf(var(self.data[1], self.shape), body.dims)
        labels = tuple(range(len(body.dims)))
        factors = [Factor(cotangent, ()), Factor(gradient, labels)]
        return contract(factors, labels, dict(enumerate(body.dims)))

    def rebuild(self, args: tuple[Expr, ...]) -> Expr:
        """Return the call as an expression; a row that was raised as a column is turned back."""
        return node("loss", (fitted(args[0], self.shape),), SCALAR, self.data)


def _loss_lower(e: Expr, args: Sequence[Value]) -> Value:
    if args[0].loose:
        raise MissingRuleError(
            f"{loss_parts(e)[0]}(..) inside Sum: no rule for an unspecified function of an "
            "indexed row or entry",
            remedy="apply it to the whole matrix, or write the function out",
        )
    function = LossCall(loss_parts(e), e.args[0].shape)
    return Value(call(function, (args[0].term,), ()), e.shape)


register(
    name="loss",
    plain=True,
    flops=free,
    tensors="whole",
    usage="L(Z)",
    law="chain rule: the gradient of the unspecified function at its argument is given",
    source="definition of the cotangent; Griewank and Walther, Evaluating Derivatives, ch. 3",
    lower=_loss_lower,
    explicit=lambda e, args, at: at.loss(e, args[0]),
    text=lambda e, text: f"{loss_parts(e)[0]}({text(e.args[0])})",
    notation=lambda e, write: row(write.name(loss_parts(e)[0]), Fence("(", write(e.args[0]), ")")),
    numpy=lambda e, code: f"{code.loss(e)}({code(e.args[0])})",
    samples=("L(A @ X) * X", "L(x) * x"),
    bad=("L()", "L(X, X)", "L(X, axis=0)"),
)


def apply_parts(e: Expr) -> tuple[str, int]:
    """Return the name of an unspecified entrywise function and its order of derivative."""
    assert isinstance(e.data, tuple)
    return e.data


@dataclass(frozen=True)
class ApplyCall(OperatorCall):
    """An unspecified entrywise function f, or one of its derivatives."""

    data: tuple[str, int]
    name: str = "apply"
    entrywise: ClassVar[bool] = True

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the cotangent times f', entry by entry."""
        letter, order = self.data
        slope = call(ApplyCall((letter, order + 1)), node.children, node.dims)
        return monomial((cotangent, 1), (slope, 1))


def _apply_lower(e: Expr, args: Sequence[Value]) -> Value:
    body = args[0]
    term = call(ApplyCall(apply_parts(e)), (body.term,), body.term.dims)
    return Value(term, e.shape, body.loose)


def spelled(e: Expr) -> str:
    """Return the name of f, f' or f'' as it is written in the language: f, fp, fpp."""
    letter, order = apply_parts(e)
    return letter + "p" * order


def _apply_notation(e: Expr, write: Writes) -> Math:
    letter, order = apply_parts(e)
    head = write.name(letter)
    marked = sup(head, Word("′" * order, function=False)) if order else head
    return row(marked, Fence("(", write(e.args[0]), ")"))


register(
    name="apply",
    entrywise=True,
    tensors="batch",
    usage="f(X), declared f: entrywise",
    law="chain rule, entry by entry",
    source="elementary calculus",
    lower=_apply_lower,
    explicit=lambda e, args, at: at.applied(e, args[0]),
    text=lambda e, text: f"{spelled(e)}({text(e.args[0])})",
    notation=_apply_notation,
    numpy=lambda e, code: f"{code.word(spelled(e))}({code(e.args[0])})",
    samples=("f(X)", "f(A @ X) * X", "fp(X) * X"),
    bad=("f()", "f(X, X)"),
)
register(
    name="named",
    plain=True,
    flops=free,
    tensors="whole",
    usage="Z = X @ W; L(Z)",
    law="a definition is a name for its value",
    source="definition",
    lower=lambda e, args: Value(named(e, args[0].term), e.shape, args[0].loose),
    explicit=lambda e, args, at: args[0],
    text=lambda e, text: str(e.data),
    notation=lambda e, write: write.symbol(e),
    numpy=lambda e, code: code.name(e),
    samples=("Z = A @ X; Z * X",),
    bad=("Z = X; Z = A; Z", "X = A; X", "Z = Z @ X; Z"),
)


def _partial_lower(e: Expr, args: Sequence[Value]) -> Value:
    raise MissingRuleError("a symbol ∂a/∂b stands in derivations only and is not differentiated")


def _partial_code(e: Expr, code: Codes) -> str:
    raise MissingRuleError("a symbol ∂a/∂b has no NumPy code")


def _partial_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    return at.derivative(e)


def _partial_text(e: Expr, text: Texts) -> str:
    return f"d({text(e.args[0])})/d({text(e.args[1])})"


register(
    name="partial",
    flops=iterative,
    usage="∂Z[i, j]/∂W[p, q], in derivations only",
    law="definition of the partial derivative of one entry by another",
    source="definition",
    lower=_partial_lower,
    explicit=_partial_cells,
    text=_partial_text,
    notation=lambda e, write: fraction_of_partials(write(e.args[0]), write(e.args[1])),
    numpy=_partial_code,
    samples=(),
    bad=("partial(X, X)",),
    internal="a symbol of derivations, not of the language",
)


def _differential_lower(e: Expr, args: Sequence[Value]) -> Value:
    raise MissingRuleError("a differential dx stands in derivations only")


def _differential_code(e: Expr, code: Codes) -> str:
    raise MissingRuleError("a differential dx has no NumPy code")


def _differential_notation(e: Expr, write: Writes) -> Math:
    """Write dx, and the differential of dL as d²L."""
    inner = e.args[0]
    if inner.op == "differential":
        return row(sup(DIFFERENTIAL, Num("2")), write(inner.args[0], ATOM))
    return row(DIFFERENTIAL, write(inner, ATOM))


register(
    name="differential",
    flops=iterative,
    usage="dX, in derivations only",
    law="definition of the differential: the change to first order",
    source="Magnus and Neudecker, Matrix Differential Calculus (2019), ch. 5",
    lower=_differential_lower,
    explicit=lambda e, args, at: at.differential(e),
    text=lambda e, text: f"d({text(e.args[0])})",
    notation=_differential_notation,
    numpy=_differential_code,
    samples=(),
    bad=("differential(X)",),
    internal="a symbol of derivations, not of the language",
)
