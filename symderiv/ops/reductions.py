"""Table entries of sum, mean, trace, dot and diag."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import prod

from ..core.cells import flat, levelled, sizes_of
from ..core.expr import Expr, node
from ..core.shapes import ONE, SCALAR
from ..notation.math import TRANSPOSE, Fence, Frac, Math, Num, Sym, Word, listed, row, sub, sup
from ..tensor import COLUMN, INNER, ROW, Factor, Scale, Value, delta, product, scaled
from .base import (
    ATOM,
    POWER,
    PRODUCT,
    Application,
    Cells,
    Codes,
    EntryPlace,
    Writes,
    broadcast,
    register,
    total,
    written_function,
)
from .batches import batch_code, over_batch, scalar_cells, traced
from .flops import Flops, free, per_entry
from .leaves import size_notation
from .matrix_axes import axis_text, axis_word, read_along, reduced_cells

_BOOK = "Petersen and Pedersen, The Matrix Cookbook (2012)"


def _build_trace(call: Application) -> Expr:
    call.expect(1)
    x = call.square(0)
    return node("trace", (x,), over_batch(call.shape(x)))


def _build_dot(call: Application) -> Expr:
    call.expect(2)
    x, y = call.expr(0), call.expr(1)
    call.same_shape(x, y)
    return node("dot", (x, y), SCALAR)


def _build_diag(call: Application) -> Expr:
    call.expect(1)
    x = call.expr(0)
    if ONE in x.shape:
        length = x.shape[0] if x.shape[1] == ONE else x.shape[1]
        return node("diag", (x,), (length, length))
    return node("diag", (x,), (call.square(0).shape[0], ONE))


def _sum_lower(e: Expr, args: Sequence[Value]) -> Value:
    last = len(e.args[0].shape) - 1
    row_label = INNER if e.data in (None, last - 1) else ROW
    column_label = INNER + 1 if e.data in (None, last) else COLUMN
    return product([(args[0], row_label, column_label)], e.shape)


def _mean_lower(e: Expr, args: Sequence[Value]) -> Value:
    scale = Scale()
    for axis, dim in enumerate(e.args[0].shape):
        if e.data in (None, axis):
            scale = scale * Scale.of(dim, -1)
    whole = _sum_lower(e, args)
    return Value(scaled(whole.term, scale), whole.shape, whole.loose)


def _sum_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    cells: Cells = levelled(reduced_cells(args[0], e.data, total), len(e.shape))
    return cells


def _mean_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    sizes = sizes_of(args[0])
    count = prod(sizes) if e.data is None else sizes[int(str(e.data))]
    share = at.math.number(Fraction(1, count))
    return broadcast([_sum_cells(e, args, at)], lambda x: x * share)


def _sum_notation(e: Expr, write: Writes) -> Math:
    body = Fence("(", write(e.args[0]), ")")
    word = Word(e.op)
    if e.data is None or ONE in e.args[0].shape:
        return row(word, body)
    if not _is_product(e):
        return row(sub(word, axis_word(e)), body)
    return beside_ones(e, e.args[0], write)


def _is_product(e: Expr) -> bool:
    """Whether sums along an axis are a product with ones: those of the matrices of a tensor too."""
    last = len(e.args[0].shape) - 1
    return e.data is not None and int(str(e.data)) >= last - 1 and len(e.shape) == last + 1


def beside_ones(e: Expr, x: Expr, write: Writes) -> Math:
    """Return the sums or means ``e`` as a product of ``x`` with ones: 1ᵀ X, X 1, (1/n) Xᵀ 1.

    Of a tensor it is that of each of its matrices.
    """
    one, inner = Sym("1", bold=True), write(x, PRODUCT if x.is_matrix_product else POWER)
    first = e.data == len(e.args[0].shape) - 2 and x is e.args[0]
    ends = [sup(one, TRANSPOSE), inner] if first else [inner, one]
    share = Frac(Num("1"), size_notation(e.args[0].shape[int(str(e.data))]))
    return row(*([share] * (e.op == "mean")), *ends)


def _binds_written(e: Expr) -> int:
    """Return how tightly a sum binds as it is written: along an axis it is a product with ones."""
    return ATOM if ONE in e.args[0].shape or not _is_product(e) else PRODUCT


def _axis_code(e: Expr, code: Codes) -> str:
    source = e.args[0]
    if source.is_scalar or (e.data is not None and source.shape[int(str(e.data))] == ONE):
        return code(source, ATOM)
    if e.data is not None and len(source.shape) > 2:
        place, lost = int(str(e.data)), len(source.shape) - len(e.shape)
        thin = {k for k, d in enumerate(source.shape) if k < lost or (k != place and d == ONE)}
        if len(e.shape) == 2 and (thin | {place} == {place}) and (lost or ONE in e.shape):
            return f"{code(source, ATOM)}.{e.op}(axis={place})"
        kept = f"{code(source, ATOM)}.{e.op}(axis={e.data}, keepdims=True)"
        return code.packed(kept, (*source.shape[:place], ONE, *source.shape[place + 1 :]), e.shape)
    axis = "" if e.data is None or ONE in source.shape else f"axis={e.data}"
    return f"{code(source, ATOM)}.{e.op}({axis})"


for _name, _lower, _cells, _law in (
    ("sum", _sum_lower, _sum_cells, "linearity: the derivative of a sum is spread over its terms"),
    ("mean", _mean_lower, _mean_cells, "linearity: a mean is a sum divided by the number of terms"),
):
    register(
        name=_name,
        axis="reduces",
        linear=True,
        plain=True,
        flops=per_entry(1) if _name == "sum" else per_entry(1, 1),
        tensors="whole",
        build=read_along(_name),
        usage=f"{_name}(X), {_name}(X, axis=0), {_name}(X, axis=1)",
        law=_law,
        source="definition",
        lower=_lower,
        explicit=_cells,
        text=axis_text,
        notation=_sum_notation,
        written=_binds_written,
        numpy=_axis_code,
        samples=(
            f"{_name}(X) * X",
            f"X * {_name}(X, axis=1)",
            f"{_name}(X, axis=0) * X",
            f"{_name}(x) * x",
            f"{_name}(T) * T",
            f"T * {_name}(T, axis=2)",
            f"{_name}(T, axis=0) * X",
            f"X @ {_name}(T, axis=1).mT",
        ),
        bad=(
            f"{_name}()",
            f"{_name}(X, axis=2)",
            f"{_name}(X, 'a')",
            f"{_name}(X, dim=0)",
            f"{_name}(T, axis=3)",
        ),
    )


def _trace_code(e: Expr, code: Codes) -> str:
    if e.args[0].is_scalar:
        return code(e.args[0], ATOM)
    if len(e.args[0].shape) == 2:
        return f"np.trace({code(e.args[0])})"
    return batch_code(e, code, f'np.einsum("...ii->...", {code(e.args[0])})')


register(
    name="trace",
    linear=True,
    plain=True,
    flops=lambda e: Flops.of(*e.args[0].shape[:-1]),
    tensors="whole",
    build=_build_trace,
    usage="trace(A)",
    law="the trace sums the diagonal",
    source=f"{_BOOK}, eq. 99-101",
    lower=lambda e, args: traced(e, args[0]),
    explicit=scalar_cells(lambda x, at: total([r[k] for k, r in enumerate(x)])),
    notation=written_function("tr"),
    numpy=_trace_code,
    samples=("trace(A) * X", "trace(X.T @ A @ X) * X", "trace(A @ A) * A", "trace(T @ T.mT @ A)"),
    bad=("trace(X)", "trace()", "trace(x)", "trace(A, A)"),
)
register(
    name="dot",
    rests_on="linear in each factor",
    flops=per_entry(2),
    build=_build_dot,
    usage="dot(A, B)",
    law="the inner product sums the products of equal places",
    source=f"{_BOOK}, eq. 117",
    lower=lambda e, args: product([(a, INNER, INNER + 1) for a in args], e.shape),
    explicit=lambda e, args, at: [[total([x * y for x, y in zip(*map(flat, args), strict=True)])]],
    notation=lambda e, write: Fence("⟨", listed(write(e.args[0]), write(e.args[1])), "⟩"),
    numpy=lambda e, code: inner_code(e.args[0], e.args[1], code),
    samples=("dot(X, A @ X) * X", "dot(x, x) * x"),
    bad=("dot(X)", "dot(X, A)", "dot(x, X)"),
)


def inner_code(x: Expr, y: Expr, code: Codes) -> str:
    """Return the code of the sum of products of equal places; np.vdot conjugates complex ones."""
    if x.is_scalar or ONE not in x.shape:
        product = f"{code(x, POWER)} * {code(y, POWER)}"
        return product if x.is_scalar else f"({product}).sum()"
    return f"{code(x, POWER)} @ {code(y, POWER)}"


def _diag_lower(e: Expr, args: Sequence[Value]) -> Value:
    source = e.args[0].shape
    if source == SCALAR:
        return args[0]
    if ONE in source:
        dim = e.shape[0]
        return product([(args[0], ROW, ROW)], e.shape, extra=[Factor(delta(dim), (ROW, COLUMN))])
    return product([(args[0], ROW, ROW)], e.shape)


def _diag_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    cells = args[0]
    if len(cells) > 1 and len(cells[0]) > 1 or ONE not in e.args[0].shape:
        return [[r[k]] for k, r in enumerate(cells)]
    flat = [x for r in cells for x in r]
    none = at.math.number(Fraction(0))
    return [[x if i == j else none for j in range(len(flat))] for i, x in enumerate(flat)]


register(
    name="diag",
    explained="is the diagonal matrix of a vector, or the diagonal of a matrix",
    linear=True,
    plain=True,
    flops=free,
    build=_build_diag,
    usage="diag(x), diag(A)",
    law="a diagonal matrix carries a Kronecker delta",
    source=f"{_BOOK}, eq. 142",
    lower=_diag_lower,
    explicit=_diag_cells,
    numpy=lambda e, code: (
        code(e.args[0], ATOM) if e.args[0].is_scalar else f"np.diag({code(e.args[0])})"
    ),
    samples=("diag(x) @ X", "X.T @ diag(x) @ X", "diag(A) * x", "diag(A @ A.T) * x"),
    bad=("diag(X)", "diag()", "diag(x, x)"),
)
