"""Table entries of network parts: layernorm, rmsnorm, dropout, the causal mask.

A normalisation stays one node whose pullback is written in its output, as in the papers and as
kernels compute it. Source: Ba, Kiros and Hinton, "Layer Normalization" (2016), eq. 3-4; Zhang and
Sennrich, "Root Mean Square Layer Normalization" (2019), eq. 4; the pullbacks follow by the
quotient rule and are compared with those of the definitions in a test.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from ..core.errors import MissingRuleError
from ..core.expr import Expr, node, transpose
from ..core.shapes import ONE, SCALAR
from ..notation.math import Script, Sym, Word
from ..tensor import (
    COLUMN,
    ROW,
    Factor,
    Label,
    Scale,
    Term,
    Value,
    add,
    call,
    constant,
    contract,
    leaf,
    product,
    scaled,
)
from .base import (
    POWER,
    PRODUCT,
    Application,
    Cells,
    Codes,
    Definition,
    EntryPlace,
    broadcast,
    leading,
    letter_or_word,
    register,
    total,
)
from .flops import free, per_entry
from .leaves import axes, size_notation
from .matrix_axes import along

HIDDEN = Fraction(-(10**9))  # what the causal mask adds: finite, and its exponential is 0


def last_axis(call: Application, what: str) -> Expr:
    """Return the first argument, whose last axis must be longer than 1."""
    x = call.expr(0)
    if x.shape[-1] == ONE:
        raise call.refuse(
            x,
            f"{what} runs along the last axis, and of {{shape}} that has one number",
            "a column is turned into a row first: {x}.T",
        )
    return x


def scalar(call: Application, position: int, name: str) -> Expr:
    """Return an argument that must be a scalar."""
    x = call.expr(position)
    if not x.is_scalar:
        raise call.refuse(x, f"{name} is a scalar, not {{shape}}", f"write a number for {name}")
    return x


def averaged(term: Term, out: Sequence[Label], *factors: Factor) -> Term:
    """Return the mean of a product over the last axis of ``term``."""
    labels = (*out, "k")
    dims = dict(zip(labels, term.dims, strict=True))
    return contract([Factor(term, labels), *factors], out, dims, Scale.of(term.dims[-1], -1))


def over_rows(term: Term, like: Term) -> Term:
    """Return a term without the last axis of ``like``, spread along it."""
    labels = (*leading(like, 1), "k")
    dims = dict(zip(labels, like.dims, strict=True))
    return contract([Factor(term, labels[:-1])], labels, dims)


@dataclass(frozen=True)
class RowNorm:
    """Every row divided by its spread: that about its mean (layernorm), or about 0 (rmsnorm).

    Arguments X and eps, a scalar; the last axis of X is normalised, all before it are leading.
    """

    name: str
    data: None = None
    reuses_cotangent: ClassVar[bool] = True

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the cotangent sent to X or to eps, written in the output Y.

        With m(.) the mean over a row and s = sqrt(var + eps): (C - m(C) - Y m(C Y)) / s to X
        (without m(C) for rmsnorm), and -1/2 C Y / s^2, summed, to eps.
        """
        lead = leading(node, 1)
        labels = (*lead, "k")
        dims = dict(zip(labels, node.dims, strict=True))
        square = self._square(node)
        if position == 1:
            factors = [Factor(t, labels) for t in (cotangent, node)]
            half = Scale(Fraction(-1, 2))
            return contract([*factors, Factor(square, lead, Fraction(-1))], (), dims, half)
        along = averaged(cotangent, lead, Factor(node, labels))
        minus = Scale(Fraction(-1))
        parts = [
            cotangent,
            contract([Factor(node, labels), Factor(along, lead)], labels, dims, minus),
        ]
        if self.name == "layernorm":
            parts.append(scaled(over_rows(averaged(cotangent, lead), node), minus))
        factors = [Factor(add(parts), labels), Factor(square, lead, Fraction(-1, 2))]
        return contract(factors, labels, dims)

    def _square(self, node: Term) -> Term:
        """Return var + eps: what every row is divided by the root of."""
        x, eps = node.children
        lead = leading(x, 1)
        dims = dict(zip(lead, x.dims, strict=False))
        spread_eps = contract([Factor(eps, ())], lead, dims)
        if self.name == "layernorm":
            return add([along("variance", x, (-1,)), spread_eps])
        return add([averaged(x, lead, Factor(x, (*lead, "k"))), spread_eps])

    def rebuild(self, args: tuple[Expr, ...]) -> Expr:
        """Return the call as an expression; a row that was raised as a column is turned back."""
        x, eps = args
        if x.shape[-1] == ONE:
            turned = transpose(x)
            return transpose(node(self.name, (turned, eps), turned.shape))
        return node(self.name, args, x.shape)


def _build_norm(name: str) -> Callable[[Application], Expr]:
    def build(call: Application) -> Expr:
        call.expect(2)
        x = last_axis(call, name)
        return node(name, (x, scalar(call, 1, "eps")), x.shape)

    return build


def _norm_lower(e: Expr, args: Sequence[Value]) -> Value:
    x, eps = args
    if eps.loose:
        raise MissingRuleError(
            f"{e.op}: no rule for an eps that depends on an index",
            remedy="eps is one number for all rows",
        )
    return Value(call(RowNorm(e.op), (x.term, eps.term), x.term.dims), e.shape, x.loose)


def _norm_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    eps, found = args[1][0][0], []
    for line in args[0]:
        share = at.math.number(Fraction(1, len(line)))
        mean = total(line) * share if e.op == "layernorm" else at.math.number(Fraction(0))
        centred = [x - mean for x in line]
        root = at.math.root(total([x * x for x in centred]) * share + eps)
        found.append([x / root for x in centred])
    return found


for _name, _law, _source, _value in (
    (
        "layernorm",
        "pullback of Y = layernorm(X): (C - mean C - Y mean(C Y)) / √(var X + ε), row by row",
        "Ba, Kiros and Hinton, Layer Normalization (2016), eq. 3-4",
        "mu = mean(x); c = x - mu; sigma = sqrt(mean(c ** 2) + eps); c / sigma",
    ),
    (
        "rmsnorm",
        "pullback of Y = rmsnorm(X): (C - Y mean(C Y)) / √(mean X² + ε), row by row",
        "Zhang and Sennrich, Root Mean Square Layer Normalization (2019), eq. 4",
        "rho = sqrt(mean(x ** 2) + eps); x / rho",
    ),
):
    register(
        name=_name,
        flops=per_entry(5, 4) if _name == "layernorm" else per_entry(3, 3),
        tensors="batch",
        build=_build_norm(_name),
        usage=f"{_name}(X, eps)",
        law=_law,
        rests_on=Definition.of_vector(f"{_name}(x.T, eps).T", _value, eps="scalar"),
        source=_source,
        lower=_norm_lower,
        explicit=_norm_cells,
        numpy=lambda e, code: code.function(e, f"_{e.op}"),
        samples=(
            f"{_name}(X, 1)",
            f"{_name}(A @ X, 0.5) * X",
            f"{_name}(X, s ** 2 + 1) * X",
            f"{_name}(x.T, 0.25) * x.T",
            f"{_name}(T, 0.5) * T",
        ),
        bad=(
            f"{_name}(X)",
            f"{_name}(x, 1)",
            f"{_name}(X, x)",
            f"{_name}(X, 1, axis=0)",
            f"{_name}(X, 1, 1)",
        ),
    )


def _build_mask(call: Application) -> Expr:
    call.expect(1)
    size = call.dim(0)
    return node("causal_mask", (), (size, size))


def _mask_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    size = range(at.size(e.shape[0]))
    return [[at.math.number(HIDDEN if j > i else Fraction(0)) for j in size] for i in size]


def _mask_code(e: Expr, code: Codes) -> str:
    if e.is_scalar:
        return "0.0"
    size = code.size(e.shape[0])
    return f"np.triu(np.full(({size}, {size}), -1e9, dtype=dtype), 1)"


register(
    name="causal_mask",
    flops=free,
    build=_build_mask,
    usage="causal_mask(n): 0 on and below the diagonal, -1e9 above it",
    law="a constant does not depend on the variable",
    source="Vaswani et al., Attention Is All You Need (2017), section 3.2.3",
    lower=lambda e, args: Value(leaf(e, axes(e.shape)), e.shape),
    explicit=_mask_cells,
    text=lambda e, text: f"causal_mask({e.shape[0]})",
    notation=letter_or_word(
        "M",
        "causal_mask",
        lambda e: [size_notation(e.shape[0])],
        Script(Sym("M"), sub=Word("causal", function=False)),
    ),
    numpy=_mask_code,
    samples=("(A + causal_mask(n)) @ X", "causal_mask(n) @ X", "exp(A + causal_mask(n)) @ X"),
    bad=("causal_mask()", "causal_mask(X)", "causal_mask(n, d)", "causal_mask(0)"),
)


def _build_dropout(call: Application) -> Expr:
    call.expect(3)
    x, mask = call.expr(0), call.expr(1)
    return node("dropout", (x, mask, scalar(call, 2, "p")), call.same_shape(x, mask))


def _dropout_lower(e: Expr, args: Sequence[Value]) -> Value:
    x, mask, p = args
    left = scaled(p.term, Scale(Fraction(-1)))
    kept = Value(add([constant(Scale(), p.term.dims), left]), SCALAR, p.loose)
    places = [(x, ROW, COLUMN), (mask, ROW, COLUMN), (kept, ROW, COLUMN)]
    return product(places, e.shape, exponents=(1, 1, -1))


def _dropout_code(e: Expr, code: Codes) -> str:
    x, mask, p = e.args
    return f"{code(x, PRODUCT)} * {code(mask, POWER)} / (1 - {code(p, PRODUCT)})"


register(
    name="dropout",
    explained="multiplies by a given mask and divides by 1 − p",
    rests_on="linear in X, with a given mask",
    entrywise=True,
    flops=per_entry(2),
    tensors="batch",
    build=_build_dropout,
    usage="dropout(X, M, p): X * M / (1 - p) with a given mask M of zeros and ones",
    law="the product with a given mask is linear",
    source="Srivastava et al., Dropout, Journal of Machine Learning Research 15 (2014)",
    lower=_dropout_lower,
    explicit=lambda e, args, at: broadcast(args, lambda x, m, p: x * m / (1 - p)),
    numpy=_dropout_code,
    samples=("dropout(X, A @ X, 0.5) * X", "dropout(X, X, 0.25)", "dropout(x, x, s / (s + 2))"),
    bad=("dropout(X)", "dropout(X, A, 0.5)", "dropout(X, X, x)", "dropout(X, X)"),
)
