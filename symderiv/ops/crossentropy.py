"""Table entry of cross_entropy: the mean over the rows of -sum(targets * logsoftmax(logits)).

A mean over rows is what PyTorch's cross_entropy gives by default; without it, write
``-sum(T * logsoftmax(Z))``. Rows of targets need not sum to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..core.expr import Expr, mul, neg, node, transpose
from ..core.shapes import ONE, SCALAR, Dim
from ..notation.math import Fence, Math, Word, listed, row
from ..tensor import Factor, Label, Scale, Term, Value, add, call, contract, scaled, spread
from .base import (
    Application,
    Cells,
    Codes,
    Definition,
    EntryPlace,
    Writes,
    leading,
    register,
    total,
)
from .flops import per_entry
from .leaves import axes
from .networks import last_axis, over_rows
from .softmax import logsoftmax, softmax

_MINUS = Scale(Fraction(-1))


@dataclass(frozen=True)
class CrossEntropyCall:
    """Arguments logits and targets of one shape; ``data`` is how many axes of theirs are core.

    The last axis holds the classes; with two core axes, the other holds the rows.
    """

    data: int
    name: str = "cross_entropy"

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the cotangent C sent to the logits Z or the targets T, with n rows.

        C / n (softmax(Z) * the row sums of T - T) to Z, and -C / n logsoftmax(Z) to T.
        """
        logits, targets = node.children
        lead = leading(logits, self.data)
        labels = (*lead, *range(self.data))
        dims: dict[Any, Dim] = dict(zip(labels, logits.dims, strict=True))
        share = Scale.of(dims[0], -1) if self.data == 2 else Scale()
        if position == 1:
            slope = scaled(logsoftmax(logits), _MINUS)
        else:
            rows: tuple[Label, ...] = labels[:-1]
            sums = contract([Factor(targets, labels)], rows, dims)
            whole = [Factor(softmax(logits), labels), Factor(over_rows(sums, logits), labels)]
            slope = add([contract(whole, labels, dims), scaled(targets, _MINUS)])
        return contract([Factor(cotangent, lead), Factor(slope, labels)], labels, dims, share)

    def rebuild(self, args: tuple[Expr, ...]) -> Expr:
        """Return the call as an expression; for every row on its own, by the definition."""
        logits, targets = args
        if ONE in logits.shape:
            turned = args if logits.shape[0] == ONE else tuple(map(transpose, args))
            return node(self.name, turned, SCALAR)
        if self.data == 2:
            return node(self.name, args, SCALAR)
        product = mul(targets, node("logsoftmax", (logits,), logits.shape, 1))
        return neg(node("sum", (product,), (logits.shape[0], ONE), 1))


def _build(call: Application) -> Expr:
    call.expect(2)
    logits, targets = last_axis(call, "cross_entropy"), call.expr(1)
    call.same_shape(logits, targets)
    return node("cross_entropy", (logits, targets), SCALAR)


def _lower(e: Expr, args: Sequence[Value]) -> Value:
    core = len(axes(e.args[0].shape))
    logits, targets = spread(args, e.args[0].shape)
    dims = logits.term.dims[: len(logits.loose)]
    function = CrossEntropyCall(core)
    return Value(call(function, (logits.term, targets.term), dims), e.shape, logits.loose)


def _cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    found = []
    for scores, targets in zip(*args, strict=True):
        whole = at.math.log(total([at.math.exp(z) for z in scores]))
        found += [t * (whole - z) for z, t in zip(scores, targets, strict=True)]
    return [[total(found) * at.math.number(Fraction(1, len(args[0])))]]


def _notation(e: Expr, write: Writes) -> Math:
    return row(Word("CE"), Fence("(", listed(*(write(a) for a in e.args)), ")"))


def _code(e: Expr, code: Codes) -> str:
    return code.function(e, "_cross_entropy")


register(
    name="cross_entropy",
    rests_on=Definition.of_vector(
        "cross_entropy(x.T, t.T)",
        "-sum(t * logsoftmax(x, axis=0))",
        of_rows="the mean over the rows",
        t="n",
    ),
    is_logarithm=True,
    flops=per_entry(6),
    build=_build,
    usage="cross_entropy(logits, targets): the mean over the rows",
    law="the gradient of the cross-entropy is (softmax(Z) ⊙ the row sums of T - T) / n",
    source="Goodfellow, Bengio and Courville, Deep Learning (2016), section 6.2.2.3",
    lower=_lower,
    explicit=_cells,
    notation=_notation,
    numpy=_code,
    samples=(
        "cross_entropy(X, A @ X) * X",
        "cross_entropy(A @ X, X * X) * s",
        "cross_entropy(x.T, x.T) * x",
        "cross_entropy(x.T, 2 * x.T)",
    ),
    bad=(
        "cross_entropy(X)",
        "cross_entropy(x, x)",
        "cross_entropy(X, A)",
        "cross_entropy(X, X, axis=0)",
    ),
)
