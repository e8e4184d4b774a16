"""Table entries of what moves entries and computes nothing: permuted axes, heads.

Splitting heads groups the columns: head j has columns j*k .. (j+1)*k of n x (h*k), as in
Vaswani et al., "Attention is all you need" (2017), section 3.2.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ..core.cells import built, depth, entry_at, levelled, sizes_of
from ..core.expr import Expr, node, transpose
from ..core.shapes import ONE, Dim, divided, trimmed
from ..core.unit_axes import fitted
from ..notation.math import Fence, Num, Word, listed, row, sub
from ..tensor import Label, Term, Value, call, gathered, is_zero, zero
from .base import ATOM, Application, Cells, Codes, EntryPlace, register, written_function
from .flops import free
from .leaves import axes, size_notation
from .reshaping import kept

Dims = tuple[Dim, ...]
_NUMPY = "NumPy reference manual"
_MOVED = "an entry stands at another place, and its gradient goes back from there"
_BLOCKS = "head a is columns (a−1)k + 1 to ak, and its gradient goes back to them"


def _build_transpose(call: Application) -> Expr:
    call.expect(1, 9)
    x = call.expr(0)
    rank = len(x.shape)
    given = call.integers(1) or tuple(reversed(range(rank)))
    order = tuple(k % rank if -rank <= k < rank else k for k in given)
    if sorted(order) != list(range(rank)):
        raise call.fail(
            f"the axes {', '.join(map(str, given))} are not those of {rank}, each once",
            remedy=f"write transpose(X, {', '.join(map(str, reversed(range(rank))))})",
        )
    if order == tuple(range(rank)):
        return x
    if order[:-2] == tuple(range(rank - 2)):
        return transpose(x)
    return node("permute", (x,), trimmed(tuple(x.shape[k] for k in order)), order)


def _order(e: Expr) -> tuple[int, ...]:
    assert isinstance(e.data, tuple)
    return e.data


def _permute_lower(e: Expr, args: Sequence[Value]) -> Value:
    order = _order(e)
    marks: list[Label] = [("axis", k) for k in range(len(order))]
    out = [marks[k] for k in order][len(order) - len(e.shape) :]
    return gathered([(args[0], marks)], out, e.shape)


def _permute_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    order, sizes = _order(e), sizes_of(args[0])

    def entry(*place: int) -> Any:
        spot = [0] * len(order)
        for k, p in zip(order, place, strict=True):
            spot[k] = p + 1
        return entry_at(args[0], spot)

    cells: Cells = levelled(built([sizes[k] for k in order], entry), len(e.shape))
    return cells


def _permute_code(e: Expr, code: Codes) -> str:
    source = e.args[0]
    order = _order(e)
    moved = f"np.transpose({code.full(source)}, {order})"
    return code.packed(moved, tuple(source.shape[k] for k in order), e.shape)


register(
    name="permute",
    explained="puts the axes in the order that stands below it",
    linear=True,
    moves=True,
    flops=free,
    spelled="transpose",
    build=_build_transpose,
    tensors="whole",
    usage="transpose(T, (1, 0, 2))",
    law=_MOVED,
    source=f"{_NUMPY}, numpy.transpose",
    lower=_permute_lower,
    explicit=_permute_cells,
    text=lambda e, text: f"transpose({text(e.args[0])}, {', '.join(map(str, _order(e)))})",
    notation=lambda e, write: row(
        sub(Word("transpose"), listed(*(Num(str(k)) for k in _order(e)))),
        Fence("(", write(e.args[0]), ")"),
    ),
    numpy=_permute_code,
    samples=("transpose(T, (1, 0, 2)) @ X.T", "transpose(T, 2, 0, 1)"),
    bad=("transpose(T, 0, 1)", "transpose(T, (0, 0, 1))", "transpose(T, a)", "transpose()"),
)


@dataclass(frozen=True)
class HeadsCall:
    """The columns of n x (h*k) as h matrices n x k, or these joined again: ``data`` is n, h, k."""

    name: str  # "split_heads" | "merge_heads"
    data: tuple[Dim, Dim, Dim]
    moves_entries: ClassVar[bool] = True

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the cotangent joined, or split, again."""
        back = "merge_heads" if self.name == "split_heads" else "split_heads"
        return heads_term(back, cotangent, self.data)

    def rebuild(self, args: tuple[Expr, ...]) -> Expr:
        """Return the call as an expression; what is in front of the core stays there."""
        rows, heads, cols = self.data
        split, joined = (heads, rows, cols), (rows, heads * cols)
        before, after = (joined, split) if self.name == "split_heads" else (split, joined)
        found = axes(args[0].shape)
        lead = found[: len(found) - len(axes(before))]
        body = fitted(args[0], (*lead, *before))
        return node(self.name, (body,), (*lead, *after), heads)


def heads_term(name: str, term: Term, data: tuple[Dim, Dim, Dim]) -> Term:
    """Return a term with its heads split or merged; one undoes the other."""
    rows, heads, cols = data
    split, joined = axes((heads, rows, cols)), axes((rows, heads * cols))
    before, after = (joined, split) if name == "split_heads" else (split, joined)
    dims = (*term.dims[: len(term.dims) - len(before)], *after)
    if is_zero(term):
        return zero(dims)
    function = term.data
    undone = isinstance(function, HeadsCall) and (function.data, function.name != name)
    if term.is_call and undone == (data, True):
        return term.children[0]
    return call(HeadsCall(name, data), (term,), dims)


def _build_split(call: Application) -> Expr:
    call.expect(2)
    x, heads = call.expr(0), call.dim(1)
    *lead, rows, cols = call.shape(x)
    size = divided(cols, heads)
    if size is None:
        raise call.fail(
            f"{cols} columns are no multiple of {heads}".replace("?", ""),
            remedy=f"declare the columns as a product: X: n, {heads}*k",
        )
    if heads == ONE:
        return x
    return node("split_heads", (x,), (*lead, heads, rows, size), heads)


def _build_merge(call: Application) -> Expr:
    call.expect(1)
    x = call.expr(0)
    shape = call.shape(x)
    if len(shape) < 3:
        raise call.fail("its argument has an axis of heads in front of rows and columns")
    *lead, heads, rows, size = shape
    return node("merge_heads", (x,), trimmed((*lead, rows, heads * size)), heads)


def _parts(e: Expr) -> tuple[Dim, Dim, Dim]:
    """Return rows, heads and the columns of one head."""
    heads, rows, cols = (e if e.op == "split_heads" else e.args[0]).shape[-3:]
    return rows, heads, cols


def _heads_lower(e: Expr, args: Sequence[Value]) -> Value:
    return Value(heads_term(e.op, args[0].term, _parts(e)), e.shape, args[0].loose)


def _heads_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    rows, heads, cols = map(at.size, _parts(e))

    def split(cells: Any) -> Any:
        if depth(cells) > 2:
            return [split(part) for part in cells]
        return [[r[j * cols : (j + 1) * cols] for r in cells] for j in range(heads)]

    def merged(cells: Any) -> Any:
        if depth(cells) > 3:
            return [merged(part) for part in cells]
        return [[x for head in cells for x in head[i]] for i in range(rows)]

    cells: Cells = split(args[0]) if e.op == "split_heads" else merged(args[0])
    return cells


def _split_code(e: Expr, code: Codes) -> str:
    *lead, heads, rows, cols = e.shape
    sizes = ", ".join(code.length(d) for d in (*lead, rows, heads, cols))
    return f"np.reshape({code(e.args[0])}, ({sizes})).swapaxes(-3, -2)"


def _merge_code(e: Expr, code: Codes) -> str:
    after = kept(e.shape)
    sizes = ", ".join(code.length(d) for d in after)
    source = f"{code(e.args[0], ATOM)}.swapaxes(-3, -2)"
    return f"np.reshape({source}, ({sizes}{',' * (len(after) == 1)}))"


register(
    name="split_heads",
    linear=True,
    moves=True,
    multiplies=True,
    flops=free,
    tensors="whole",
    build=_build_split,
    usage="split_heads(X, h)",
    law=_BLOCKS,
    source="Vaswani et al., Attention is all you need (2017), section 3.2.2",
    lower=_heads_lower,
    explicit=_heads_cells,
    text=lambda e, text: f"split_heads({text(e.args[0])}, {_parts(e)[1]})",
    notation=lambda e, write: row(
        sub(Word("split"), size_notation(_parts(e)[1])), Fence("(", write(e.args[0]), ")")
    ),
    numpy=_split_code,
    samples=(
        "split_heads(H, h) @ split_heads(H, h).mT",
        "split_heads(x @ H[1, :], h) * split_heads(H, h)",
        "split_heads(T @ X.T @ H, h)",
    ),
    bad=("split_heads(X, h)", "split_heads(H)", "split_heads(H, x)", "split_heads(H, h, h)"),
)
register(
    name="merge_heads",
    linear=True,
    moves=True,
    multiplies=True,
    flops=free,
    tensors="whole",
    build=_build_merge,
    usage="merge_heads(T)",
    law=_BLOCKS,
    source="Vaswani et al., Attention is all you need (2017), section 3.2.2",
    lower=_heads_lower,
    explicit=_heads_cells,
    notation=written_function("merge"),
    numpy=_merge_code,
    samples=(
        "merge_heads(T)",
        "merge_heads(split_heads(H, h) * x) @ H.T",
        "merge_heads(A @ split_heads(H, h))",
    ),
    bad=("merge_heads(X)", "merge_heads()", "merge_heads(T, 2)"),
)
