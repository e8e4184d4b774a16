"""Table entry of reshape: the entries of a matrix, row by row, in another shape."""

from __future__ import annotations

from collections.abc import Sequence

from ..expr import Expr, node, ones
from ..shapes import ONE, Dim
from ..tensor import COLUMN, INNER, ROW, Factor, Label, Value, fuse, product
from .base import (
    ATOM,
    Application,
    Cells,
    Codes,
    Operator,
    Place,
    Texts,
    binds,
    register,
    written_function,
)


def _pair(rows: Dim, cols: Dim, mark: int) -> tuple[Label, Label, list[Factor]]:
    """Return the labels of a row and a column on the place that both are read from."""
    if ONE in (rows, cols):
        return INNER, INNER, []
    ends = (INNER + mark, INNER + mark + 1)
    return *ends, [Factor(fuse(rows, cols), (INNER, *ends))]


def _build(call: Application) -> Expr:
    count = call.expect(2, 3)
    x = call.expr(0)
    shape = (call.dim(1), call.dim(2) if count == 3 else ONE)
    call.same_shape(ones(x.shape[0] * x.shape[1]), ones(shape[0] * shape[1]))
    return node("reshape", (x,), shape)


def _lower(e: Expr, args: Sequence[Value]) -> Value:
    i, j, inside = _pair(*e.args[0].shape, 1)
    p, q, outside = _pair(*e.shape, 3)
    names = {p: ROW, q: COLUMN} if outside else {}
    row = ROW if e.shape[0] != ONE else COLUMN
    whole = INNER if outside else row
    inside = [Factor(f.term, (whole, *f.labels[1:])) for f in inside]
    outside = [Factor(f.term, (whole, *(names[x] for x in f.labels[1:]))) for f in outside]
    i, j = (whole if x == INNER else x for x in (i, j))
    return product([(args[0], i, j)], e.shape, extra=[*inside, *outside])


def _cells(e: Expr, args: Sequence[Cells], at: Place) -> Cells:
    flat = [x for r in args[0] for x in r]
    width = at.size(e.shape[1])
    return [flat[k : k + width] for k in range(0, len(flat), width)]


def _text(e: Expr, text: Texts) -> str:
    dims = [str(d) for d in e.shape if d != ONE or e.shape[0] == ONE]
    return f"reshape({', '.join([text(e.args[0]), *dims])})"


def _code(e: Expr, code: Codes) -> str:
    sizes = [code.size(d) for d in e.shape if d != ONE]
    body = code(e.args[0], ATOM)
    if not sizes:
        return body
    return f"{body}.reshape({', '.join(sizes)})"


register(
    Operator(
        name="reshape",
        build=_build,
        usage="reshape(X, n, m)",
        law="reshape: each entry keeps its derivative and gets a new place",
        source="definition; rows are read first, as NumPy does",
        level=binds(ATOM),
        lower=_lower,
        explicit=_cells,
        text=_text,
        notation=written_function("reshape"),
        numpy=_code,
        samples=("reshape(X, n*d)", "reshape(X, d, n) @ X", "reshape(kron(x, x), n, n) @ X"),
        bad=("reshape(X)", "reshape(X, n)", "reshape(X, n, n)", "reshape(X, X, n)"),
    )
)
