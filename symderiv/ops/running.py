"""Table entry of the running sums along an axis: a product with a triangle of ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from ..core.expr import Expr, node
from ..core.shapes import ONE, Dim
from ..notation.math import Word
from ..tensor import Factor, Label, Scale, Value, call, constant, contract
from .base import ATOM, Application, Cells, Codes, EntryPlace, register
from .flops import per_entry
from .matrices import TriangleCall
from .matrix_axes import axis_notation, axis_text, mapped_cells, slots_of


def _build(call: Application) -> Expr:
    call.expect(1, 1, "axis")
    x = call.expr(0)
    axis = call.axis(of=x)
    if axis is None and ONE not in x.shape:
        raise call.fail(
            "along which axis? NumPy's running sum of all entries is no matrix",
            remedy="write cumsum(X, axis=0) down the columns, cumsum(X, axis=1) along the rows",
        )
    return node("cumsum", (x,), x.shape, axis)


def _lower(e: Expr, args: Sequence[Value]) -> Value:
    """Return the sum over j of x_j times 1 where j is at most the place i."""
    body = args[0]
    assert e.data is None or isinstance(e.data, int)
    slots = slots_of(e.shape, e.data)
    if not slots:
        return body
    size = body.term.dims[slots[0]]
    ones = constant(Scale(), (size, size))
    triangle = call(TriangleCall("tril"), (ones,), ones.dims)
    out: list[Label] = list(range(len(body.term.dims)))
    inside = list(out)
    inside[slots[0]] = "earlier"
    factors = [Factor(triangle, (out[slots[0]], "earlier")), Factor(body.term, tuple(inside))]
    dims: dict[Label, Dim] = {**dict(enumerate(body.term.dims)), "earlier": size}
    return Value(contract(factors, out, dims), e.shape, body.loose)


def _cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    found: Cells = mapped_cells(args[0], e.data, lambda values: list(accumulate(values)))
    return found


def _code(e: Expr, code: Codes) -> str:
    if not slots_of(e.shape, e.data):  # type: ignore[arg-type]
        return code(e.args[0], ATOM)
    if len(e.shape) == 2 and ONE in e.shape:
        return code.function(e, "np.cumsum")
    return code.function(e, "np.cumsum", f"axis={e.data}")


register(
    name="cumsum",
    explained="adds up the entries as far as each place",
    axis="keeps",
    linear=True,
    flops=per_entry(1),
    tensors="whole",
    build=_build,
    usage="cumsum(x), cumsum(X, axis=0), cumsum(X, axis=1)",
    law="linearity: an entry takes part in all sums from its place on",
    source="definition",
    lower=_lower,
    explicit=_cells,
    text=axis_text,
    notation=axis_notation(Word("cumsum")),
    numpy=_code,
    samples=(
        "cumsum(x) * x",
        "cumsum(x.T)",
        "cumsum(X, axis=0) * X",
        "cumsum(A @ X, axis=1) * X",
        "cumsum(T, axis=1) * T",
        "cumsum(T * T, axis=0)",
    ),
    bad=("cumsum()", "cumsum(X)", "cumsum(X, axis=2)", "cumsum(X, A)"),
)
