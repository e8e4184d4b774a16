"""Table entry of reshape: the entries, row by row, in another shape.

Between matrices it is a contraction with fuses, as vec and kron are; with a tensor on either side
it is a call, whose pullback is the reshape back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..core.cells import flat, reshaped
from ..core.expr import Expr, node, ones
from ..core.shapes import ONE, SCALAR, Dim, Shape, times, trimmed
from ..core.unit_axes import fitted
from ..notation.math import Fence, Math, Op, Script, Word, row
from ..tensor import (
    COLUMN,
    INNER,
    ROW,
    Factor,
    Label,
    Term,
    Value,
    call,
    fuse,
    is_zero,
    product,
    zero,
)
from .base import ATOM, Application, Cells, Codes, EntryPlace, Texts, Writes, register
from .flops import free
from .leaves import axes, size_notation

Dims = tuple[Dim, ...]


def _pair(shape: Shape, mark: int) -> tuple[Label, Label, list[Factor]]:
    """Return the labels of a row and a column on the place that both are read from."""
    rows, cols = shape
    if ONE in shape:
        return INNER, INNER, []
    ends = (INNER + mark, INNER + mark + 1)
    return *ends, [Factor(fuse(rows, cols), (INNER, *ends))]


@dataclass(frozen=True)
class ReshapeCall:
    """The same entries under other axes; ``data`` holds the core dimensions before and after."""

    data: tuple[Dims, Dims]
    name: str = "reshape"

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the cotangent in the shape of the argument."""
        before, after = self.data
        return reshape_term(cotangent, after, before)

    def rebuild(self, args: tuple[Expr, ...]) -> Expr:
        """Return the call as an expression; what is in front of the core stays there."""
        before, after = self.data
        found = axes(args[0].shape)
        dims = (*found[: len(found) - len(before)], *after)
        return fitted(args[0], (*dims, *SCALAR)[: max(2, len(dims))])


def reshape_term(term: Term, before: Dims, after: Dims) -> Term:
    """Return a term with its last axes, ``before``, as others; a reshape undoes another."""
    lead = term.dims[: len(term.dims) - len(before)]
    if before == after:
        return term
    if is_zero(term):
        return zero((*lead, *after))
    if term.is_call and isinstance(term.data, ReshapeCall) and term.data.data[1] == before:
        return reshape_term(term.children[0], term.data.data[0], after)
    return call(ReshapeCall((before, after)), (term,), (*lead, *after))


def _build(call: Application) -> Expr:
    call.expect(2, 9)
    x = call.expr(0)
    dims = call.dims(1)
    shape = trimmed(dims if len(dims) > 1 else (*dims, ONE))
    call.same_shape(ones(times(call.shape(x))), ones(times(shape)))
    return node("reshape", (x,), shape) if len(shape) > 2 or shape != x.shape else x


def _lower(e: Expr, args: Sequence[Value]) -> Value:
    before, after = axes(e.args[0].shape), axes(e.shape)
    if len(e.shape) > 2 or len(e.args[0].shape) > 2:
        return Value(reshape_term(args[0].term, before, after), e.shape, args[0].loose)
    i, j, inside = _pair(e.args[0].shape, 1)
    p, q, outside = _pair(e.shape, 3)
    names = {p: ROW, q: COLUMN} if outside else {}
    row = ROW if e.shape[0] != ONE else COLUMN
    whole = INNER if outside else row
    inside = [Factor(f.term, (whole, *f.labels[1:])) for f in inside]
    outside = [Factor(f.term, (whole, *(names[x] for x in f.labels[1:]))) for f in outside]
    i, j = (whole if x == INNER else x for x in (i, j))
    return product([(args[0], i, j)], e.shape, extra=[*inside, *outside])


# An index that does nothing but put axes in: ``[:, :, None]``.
_SPREAD = re.compile(r"\[(?::|None)(?:, (?::|None))*\]\Z")


def _cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    cells: Cells = reshaped(flat(args[0]), [at.size(d) for d in e.shape])
    return cells


def _text(e: Expr, text: Texts) -> str:
    is_column = len(e.shape) == 2 and e.shape[1] == ONE
    dims = map(str, e.shape[:1] if is_column else e.shape)
    return f"reshape({', '.join([text(e.args[0]), *dims])})"


def _notation(e: Expr, write: Writes) -> Math:
    sizes = [size_notation(d) for d in kept(e.shape)]
    mark = [x for d in sizes for x in (Op("×"), d)][1:]
    return row(Script(Word("reshape"), sub=row(*mark)), Fence("(", write(e.args[0]), ")"))


def kept(shape: Shape) -> Dims:
    """Return the axes of the array that holds a shape."""
    return axes(shape) if len(shape) == 2 else shape


def _code(e: Expr, code: Codes) -> str:
    before, after = kept(e.args[0].shape), kept(e.shape)
    body = code(e.args[0], ATOM)
    if before == after:
        return body
    if not after:
        return f"{body}[{', '.join('0' for _ in before)}]"
    spread = _SPREAD.search(body)
    thick = tuple(d for d in before if d != ONE)
    if spread is not None and thick == after and spread[0].count(":") == len(after):
        return body[: spread.start()]  # the axes of size 1 are those put in at the end
    return f"{body}.reshape({', '.join(code.length(d) for d in after)})"


register(
    name="reshape",
    explained="has the same entries, row by row, in another shape",
    linear=True,
    moves=True,
    multiplies=True,
    plain=True,
    flops=free,
    tensors="whole",
    build=_build,
    usage="reshape(X, n, m)",
    law="reshape: each entry keeps its derivative and gets a new place",
    source="definition; rows are read first, as NumPy does",
    lower=_lower,
    explicit=_cells,
    text=_text,
    notation=_notation,
    numpy=_code,
    samples=(
        "reshape(X, n*d)",
        "reshape(X, d, n) @ X",
        "reshape(kron(x, x), n, n) @ X",
        "reshape(T, t*n, d) @ X.T",
        "reshape(X * X, d, n, 1) * X[1, 1]",
        "reshape(reshape(T, t*n, d) @ X.T, t, n, n) @ X",
    ),
    bad=("reshape(X)", "reshape(X, n)", "reshape(X, n, n)", "reshape(X, X, n)", "reshape(T, n, d)"),
)
