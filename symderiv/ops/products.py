"""Table entries of two products of columns: that of Khatri and Rao, and the cross product.

``khatri_rao`` is the Kronecker product column by column, so that the left factor runs slowly.
``cross`` is of vectors of three entries, or of every row of n x 3 matrices, as NumPy takes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ..core.expr import Expr, node
from ..core.shapes import ONE, size
from ..tensor import (
    COLUMN,
    INNER,
    ROW,
    Factor,
    Term,
    Value,
    add,
    call,
    contract,
    fuse,
    is_zero,
    product,
    spread,
    zero,
)
from .base import (
    ATOM,
    Application,
    Cells,
    Codes,
    EntryPlace,
    OperatorCall,
    ShapeOf,
    broadcast,
    moved_to_back,
    moved_to_front,
    register,
    written_function,
)
from .flops import per_entry

_THREE = size(3)


def _build_columns(call: Application) -> Expr:
    call.expect(2)
    a, b = call.expr(0), call.expr(1)
    for k, x in enumerate((a, b)):
        if len(call.shape(x)) > 2:
            raise call.fail("khatri_rao is of two matrices, and this is a stack of them", k)
    (m, n), (p, q) = call.shape(a), call.shape(b)
    columns = call.equal_dims(n, q, "the number of columns", 1)
    return node("khatri_rao", (a, b), (m * p, columns))


def _columns_lower(e: Expr, args: Sequence[Value]) -> Value:
    slow, fast = (a.shape[0] for a in e.args)
    if ONE in (slow, fast):
        return product([(args[0], ROW, COLUMN), (args[1], ROW, COLUMN)], e.shape)
    i, k = INNER, INNER + 1
    pair = Factor(fuse(slow, fast), (ROW, i, k))
    return product([(args[0], i, COLUMN), (args[1], k, COLUMN)], e.shape, extra=[pair])


def _columns_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    left, right = args
    return [[x * y for x, y in zip(r, q, strict=True)] for r in left for q in right]


def _columns_code(e: Expr, code: Codes) -> str:
    a, b = e.args
    if ONE in (a.shape[0], b.shape[0]):
        return " * ".join(code.spread(x, e, ATOM) for x in e.args)
    if e.shape[1] == ONE:
        return f"np.kron({code(a)}, {code(b)})"
    sizes = f"{code.size(e.shape[0])}, {code.size(e.shape[1])}"
    return f"np.reshape({code(a, ATOM)}[:, None] * {code(b, ATOM)}, ({sizes}))"


register(
    name="khatri_rao",
    explained="is the Kronecker product, column by column",
    rests_on="linear in each factor",
    multiplies=True,
    build=_build_columns,
    usage="khatri_rao(A, B)",
    law="a Kronecker product of columns is linear in each factor",
    source="Khatri and Rao, Sankhya A 30 (1968), p. 167-180",
    lower=_columns_lower,
    explicit=_columns_cells,
    notation=written_function("khatrirao"),
    numpy=_columns_code,
    samples=(
        "khatri_rao(X, A @ X) * khatri_rao(X, X)",
        "khatri_rao(A, A) @ X",
        "khatri_rao(x, x)",
        "khatri_rao(x.T, X.T)",
    ),
    bad=("khatri_rao(X)", "khatri_rao(X, A)", "khatri_rao(X, T)", "khatri_rao(X, X, X)"),
)


@dataclass(frozen=True)
class CrossCall(OperatorCall):
    """The cross product along the last axis of two terms with the same axes."""

    shape: ClassVar[ShapeOf] = staticmethod(lambda args: max((a.shape for a in args), key=_count))
    name: str = "cross"

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return B x C by the left and C x A by the right: <C, A x B> is a triple product."""
        left, right = node.children
        pair = (right, cotangent) if position == 0 else (cotangent, left)
        return _cross(*pair)

    def along(self, node: Term, slopes: Mapping[int, Term], extra: int) -> Term:
        """Return the products with slopes that have further axes, one by one."""
        found = []
        for position, slope in slopes.items():
            moved = moved_to_front(slope, extra)
            labels = tuple(range(len(moved.dims)))
            dims = dict(enumerate(moved.dims))
            other = Factor(node.children[1 - position], labels[extra:])
            fixed = contract([other], labels, dims)
            pair = (moved, fixed) if position == 0 else (fixed, moved)
            found.append(moved_to_back(_cross(*pair), extra))
        return add(found)


def _count(shape: Any) -> int:
    return sum(d != ONE for d in shape)


def _cross(left: Term, right: Term) -> Term:
    """Return the cross product; that of a vector with itself is 0."""
    if left is right or is_zero(left) or is_zero(right):
        return zero(left.dims)
    return call(CrossCall(), (left, right), left.dims)


def _build_cross(call: Application) -> Expr:
    call.expect(2)
    a, b = call.expr(0), call.expr(1)
    shape = call.common_shape(a, b)
    for k, x in enumerate((a, b)):
        dims = call.shape(x)
        along = dims[0] if len(dims) == 2 and dims[1] == ONE else dims[-1]
        call.equal_dims(along, _THREE, "cross is of vectors with 3 entries, and this length", k)
    if len(shape) == 2 and shape[1] == ONE != shape[0] or shape[0] == ONE:
        call.same_shape(a, b)
    return node("cross", (a, b), shape)


def _cross_lower(e: Expr, args: Sequence[Value]) -> Value:
    left, right = spread(args, e.shape)
    return Value(_cross(left.term, right.term), e.shape, left.loose)


def _cross_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    def rows(cells: Any) -> Any:
        return [[x for r in cells for x in r]] if e.shape[-1] == ONE else cells

    pairs = broadcast([rows(a) for a in args], lambda x, y: (x, y))
    found = [
        [r[k - 2][0] * r[k - 1][1] - r[k - 1][0] * r[k - 2][1] for k in range(3)] for r in pairs
    ]
    return [[x] for x in found[0]] if e.shape[-1] == ONE else found


register(
    name="cross",
    explained="is the cross product of vectors with three entries",
    rests_on="linear in each factor",
    flops=per_entry(3),
    tensors="batch",
    build=_build_cross,
    usage="cross(a, b), of vectors with 3 entries or of the rows of n x 3 matrices",
    law="a cross product is linear in each factor; a triple product is cyclic",
    source="Abramowitz and Stegun, Handbook of Mathematical Functions (1964), section 3.5",
    lower=_cross_lower,
    explicit=_cross_cells,
    numpy=lambda e, code: code.called("np.cross", *(code(a) for a in e.args)),
    samples=(
        "cross(A[:, 1].T @ X[:, 1] * ones(3), ones(3) + concat(s, s * s, 2, axis=0)) @ x.T",
        "cross(x @ ones(3).T, x @ concat(s, s * s, 2, axis=0).T)",
        "cross(x @ concat(s, 3, s, axis=0).T, concat(s, s * s, 2, axis=0).T)",
    ),
    bad=("cross(x)", "cross(X, X)", "cross(x, x)", "cross(A, x, x)"),
)
