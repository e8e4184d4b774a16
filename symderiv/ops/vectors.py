"""Table entries of vec, kron and the commutation matrix: one axis that runs over two.

``vec`` stacks columns, so that an entry ``X[i, j]`` of an n x m matrix stands at place
``(j - 1) n + i``; in a Kronecker product the left factor runs slowly (Magnus and Neudecker, Matrix
Differential Calculus, 2019, chapters 2 and 3).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ..core.expr import Expr, Index, column, entry, eye, node
from ..core.shapes import ONE, Dim
from ..notation.math import Fence, Math, Op, Script, Sym, Word, listed, row
from ..tensor import COLUMN, INNER, ROW, Factor, Label, Value, fuse, product
from .base import (
    ATOM,
    PRODUCT,
    Application,
    Cells,
    Codes,
    EntryPlace,
    Writes,
    binds,
    letter_or_word,
    register,
)
from .flops import free
from .leaves import size_notation

_BOOK = "Magnus and Neudecker, Matrix Differential Calculus (2019)"


def vec(x: Expr) -> Expr:
    """Return the columns of a matrix, one below the other; a column is its own."""
    if x.shape[1] == ONE:
        return x
    return node("vec", (x,), (x.shape[0] * x.shape[1], ONE))


def kron(a: Expr, b: Expr) -> Expr:
    """Return the Kronecker product."""
    (m, n), (p, q) = a.shape, b.shape
    return node("kron", (a, b), (m * p, n * q))


def commutation(m: Dim, n: Dim) -> Expr:
    """Return the matrix that takes vec(X) to vec(X.T) for X m x n."""
    if ONE in (m, n):
        return eye(m * n)
    return node("commutation", (), (m * n, m * n), (m, n))


def pair_entry(slow: Dim, fast: Dim, at: tuple[Index, Index, Index]) -> Expr:
    """Return what is 1 where the first index is the place of the pair of the others, else 0."""
    k, s, f = at
    return entry(kron(column(eye(slow), s), column(eye(fast), f)), k, 1)


def _fused(whole: Label, slow: Dim, fast: Dim, mark: int) -> tuple[Label, Label, list[Factor]]:
    """Return the labels of two axes that one axis runs over, and the fuse that says so.

    A dimension of 1 has no axis: then the other one is the whole.
    """
    if ONE in (slow, fast):
        return whole, whole, []
    labels = (INNER + mark, INNER + mark + 1)
    return *labels, [Factor(fuse(slow, fast), (whole, *labels))]


def _build_vec(call: Application) -> Expr:
    call.expect(1)
    return vec(call.expr(0))


def _build_kron(call: Application) -> Expr:
    call.expect(2)
    factors = [call.expr(0), call.expr(1)]
    for k, x in enumerate(factors):
        if len(call.shape(x)) > 2:
            raise call.fail("kron is of two matrices, and this is a stack of them", k)
    return kron(*factors)


def _build_commutation(call: Application) -> Expr:
    call.expect(2)
    return commutation(call.dim(0), call.dim(1))


def _vec_lower(e: Expr, args: Sequence[Value]) -> Value:
    rows, cols = e.args[0].shape
    slow, fast, extra = _fused(ROW, cols, rows, 0)
    return product([(args[0], fast, slow)], e.shape, extra=extra)


def _kron_lower(e: Expr, args: Sequence[Value]) -> Value:
    (m, n), (p, q) = (a.shape for a in e.args)
    i, k, rows = _fused(ROW, m, p, 0)
    j, l, cols = _fused(COLUMN, n, q, 2)  # noqa: E741
    return product([(args[0], i, j), (args[1], k, l)], e.shape, extra=[*rows, *cols])


def _sizes(e: Expr) -> tuple[Dim, Dim]:
    assert isinstance(e.data, tuple)
    return e.data


def _commutation_lower(e: Expr, args: Sequence[Value]) -> Value:
    m, n = _sizes(e)
    i, j = INNER, INNER + 1
    # Both run over one pair; the fast index of one is the slow index of the other.
    extra = [Factor(fuse(m, n), (ROW, i, j)), Factor(fuse(n, m), (COLUMN, j, i))]
    return product([], e.shape, extra=extra)


def _vec_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    return [[x] for column in zip(*args[0], strict=True) for x in column]


def _kron_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    left, right = args
    return [[x * y for x in r for y in q] for r in left for q in right]


def _commutation_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    m, n = (at.size(d) for d in _sizes(e))
    hits = {(i * n + j, j * m + i) for i in range(m) for j in range(n)}
    spots = range(m * n)
    return [[at.math.number(Fraction((r, c) in hits)) for c in spots] for r in spots]


def _vec_code(e: Expr, code: Codes) -> str:
    x = e.args[0]
    if ONE in x.shape:
        return code(x, ATOM)
    turned = x.args[0] if x.is_transpose else None
    flat = code(turned, ATOM) if turned is not None else f"{code(x, ATOM)}.T"
    return f"{flat}.reshape(-1)"


def _kron_code(e: Expr, code: Codes) -> str:
    a, b = e.args
    if a.is_scalar or b.is_scalar:
        return f"{code(a, PRODUCT)} * {code(b, PRODUCT)}"
    flat = [d for d in e.shape if d != ONE]
    inside = ", ".join(_full(x, len(flat) == 2, code) for x in (a, b))
    return f"np.kron({inside})"


def _full(x: Expr, two: bool, code: Codes) -> str:
    """Return an operand with both of its axes where the product has both."""
    if not two or ONE not in x.shape:
        return code(x)
    return f"{code(x, ATOM)}[:, None]" if x.shape[1] == ONE else f"{code(x, ATOM)}[None, :]"


def _commutation_code(e: Expr, code: Codes) -> str:
    m, n = (code.size(d) for d in _sizes(e))
    whole = f"{m} * {n}"
    turned = f"np.eye({whole}, dtype=dtype).reshape({n}, {m}, {whole}).swapaxes(0, 1)"
    return f"{turned}.reshape({whole}, {whole})"


def _commutation_notation(e: Expr, write: Writes) -> Math:
    sizes = [size_notation(d) for d in _sizes(e)]
    short = Script(Sym("K"), sub=listed(*sizes))
    return letter_or_word("K", "commutation", lambda e: sizes, short)(e, write)


def _kron_notation(e: Expr, write: Writes) -> Math:
    a, b = e.args
    if all(x.shape[-1] == ONE != x.shape[-2] for x in (a, b)):  # x ⊗ y is also x yᵀ
        factors = listed(write(a), write(b))
        return row(Word("kron"), Fence("(", factors, ")"))
    return row(write(a, ATOM), Op("⊗"), write(b, ATOM))


register(
    name="vec",
    explained="puts the columns of a matrix one below the other",
    linear=True,
    moves=True,
    multiplies=True,
    plain=True,
    flops=free,
    build=_build_vec,
    usage="vec(X)",
    law="vec stacks the columns: each entry keeps its derivative and gets a new place",
    source=f"{_BOOK}, section 2.4",
    lower=_vec_lower,
    explicit=_vec_cells,
    numpy=_vec_code,
    samples=(
        "vec(A).T @ vec(A @ A) * X",
        "sum(vec(X) * vec(X)) * X",
        "sum(exp(vec(A @ X))) * x",
        "kron(x, ones(d)).T @ vec(X.T) * x",
    ),
    bad=("vec()", "vec(X, X)", "vec(X) + x"),
)
register(
    name="kron",
    explained="has a block for each entry of the first matrix, that entry times the second",
    rests_on="linear in each factor",
    multiplies=True,
    build=_build_kron,
    usage="kron(A, B)",
    law="a Kronecker product is linear in each factor",
    source=f"{_BOOK}, section 2.2",
    written=binds(PRODUCT),
    lower=_kron_lower,
    explicit=_kron_cells,
    notation=_kron_notation,
    numpy=_kron_code,
    samples=(
        "trace(kron(A, A)) * X",
        "kron(A, X) @ kron(x, ones(d))",
        "kron(x, X)",
        "kron(x.T, A)",
        "kron(x, x)",
        "kron(s, X)",
    ),
    bad=("kron(X)", "kron(X, A, A)", "kron(X, A) @ X"),
)
register(
    name="commutation",
    multiplies=True,
    flops=free,
    build=_build_commutation,
    usage="commutation(m, n)",
    law="the commutation matrix takes vec(X) to vec(X.T)",
    source="Magnus and Neudecker, The Annals of Statistics 7 (1979) 381, section 3",
    lower=_commutation_lower,
    explicit=_commutation_cells,
    text=lambda e, text: "commutation({}, {})".format(*_sizes(e)),
    notation=_commutation_notation,
    numpy=_commutation_code,
    samples=("commutation(n, d) @ vec(X)", "commutation(n, n) @ vec(A) * vec(A)"),
    bad=("commutation(n)", "commutation(X, n)", "commutation(n, d) @ X"),
)
