"""Table entries of softmax and logsoftmax, along the last axis unless ``axis=`` says otherwise.

``axis=None`` goes over all entries at once. A column has a last axis of size 1, along which every
softmax is 1: that is refused, with ``axis=0`` as the remedy.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from ..core.expr import Expr, node
from ..core.shapes import ONE
from ..notation.math import Fence, Math, Word, row, sub
from ..tensor import Scale, Term, add, scaled
from .base import (
    Application,
    Cells,
    Codes,
    Definition,
    EntryPlace,
    Texts,
    Writes,
    register,
    total,
)
from .flops import per_entry
from .matrix_axes import (
    RULES,
    AxesLayout,
    Slots,
    along,
    axis_word,
    lower_along,
    mapped_cells,
    slots_of,
)

_MINUS = Scale(Fraction(-1))
_LAST: Slots = (-1,)


def softmax(term: Term, slots: Slots = _LAST) -> Term:
    """Return the softmax of a term along the axes at ``slots``, counted from the end."""
    return along("softmax", term, slots)


def logsoftmax(term: Term, slots: Slots = _LAST) -> Term:
    """Return the logarithm of the softmax of a term along the axes at ``slots``."""
    return along("logsoftmax", term, slots)


def _softmax_rule(layout: AxesLayout, node: Term, cotangent: Term) -> Term:
    """Return S * (C - sum(S * C)), in the output S."""
    mean = layout.reduced(node, cotangent, spread=True)
    return layout.whole(node, add([cotangent, scaled(mean, _MINUS)]))


def _logsoftmax_rule(layout: AxesLayout, node: Term, cotangent: Term) -> Term:
    """Return C - softmax(X) * sum(C)."""
    whole = layout.reduced(cotangent)
    share = layout.whole(softmax(layout.term, layout.slots), whole)
    return add([cotangent, scaled(share, _MINUS)])


def _build(name: str) -> Callable[[Application], Expr]:
    def build(call: Application) -> Expr:
        call.expect(1, 1, "axis")
        x = call.expr(0)
        last = len(x.shape) - 1
        axis = call.axis(last, x)
        if not slots_of(x.shape, axis):
            raise call.refuse(
                x,
                f"axis {'-1' if axis == last else axis} of {{shape}} has size 1, so every {name} "
                "along it is the same number",
                f"write {name}({{x}}, axis={1 if x.shape[0] == ONE else 0})",
            )
        return node(name, (x,), x.shape, axis)

    return build


def _text(e: Expr, text: Texts) -> str:
    axis = "" if e.data == len(e.shape) - 1 else f", axis={e.data}"
    return f"{e.op}({text(e.args[0])}{axis})"


def _notation(e: Expr, write: Writes) -> Math:
    body = Fence("(", write(e.args[0]), ")")
    word: Math = Word(e.op)
    if ONE not in e.args[0].shape and e.data != len(e.shape) - 1:
        word = sub(word, Word("all", function=False) if e.data is None else axis_word(e))
    return row(word, body)


def _code(e: Expr, code: Codes) -> str:
    is_line = len(e.shape) == 2 and ONE in e.shape
    axis = 0 if is_line else e.data
    return code.function(e, f"_{e.op}", f"axis={axis}")


def _softmax_cells(e: Expr, args: Any, at: EntryPlace) -> Cells:
    def combine(values: list[Any]) -> list[Any]:
        powers = [at.math.exp(x) for x in values]
        whole = total(powers)
        return [p / whole for p in powers]

    cells: Cells = mapped_cells(args[0], e.data, combine)
    return cells


def _logsoftmax_cells(e: Expr, args: Any, at: EntryPlace) -> Cells:
    def combine(values: list[Any]) -> list[Any]:
        whole = at.math.log(total([at.math.exp(x) for x in values]))
        return [x - whole for x in values]

    cells: Cells = mapped_cells(args[0], e.data, combine)
    return cells


for _name, _rule, _cells, _law, _value in (
    (
        "softmax",
        _softmax_rule,
        _softmax_cells,
        "S ⊙ (G - the sums of S ⊙ G), with S = softmax(X)",
        "t = sum(exp(x)); exp(x) / t",
    ),
    (
        "logsoftmax",
        _logsoftmax_rule,
        _logsoftmax_cells,
        "the gradient of logsoftmax is G minus softmax(X) times the sums of G",
        "t = sum(exp(x)); x - log(t)",
    ),
):
    RULES[_name] = _rule
    register(
        name=_name,
        axis="keeps",
        is_logarithm=_name == "logsoftmax",
        range="unit" if _name == "softmax" else "",
        flops=per_entry(5) if _name == "softmax" else per_entry(5, 1),
        tensors="whole",
        build=_build(_name),
        usage=f"{_name}(X), {_name}(x, axis=0)",
        law=_law,
        rests_on=Definition.of_vector(f"{_name}(x, axis=0)", _value),
        source="Goodfellow, Bengio and Courville, Deep Learning (2016), section 6.2.2.3",
        lower=lower_along,
        explicit=_cells,
        text=_text,
        notation=_notation,
        numpy=_code,
        samples=(
            f"{_name}(X) * X",
            f"{_name}(A @ X, axis=0)",
            f"{_name}(x, axis=0) * x",
            f"{_name}(X, axis=None)",
            f"{_name}(x.T)",
            f"{_name}(T @ X.T) @ X",
            f"{_name}(T, axis=1) * T",
        ),
        bad=(f"{_name}(x)", f"{_name}()", f"{_name}(X, axis=2)", f"{_name}(s)"),
    )
