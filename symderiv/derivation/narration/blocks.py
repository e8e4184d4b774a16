"""Takes the entry of a Hessian by a matrix; returns it in blocks, one term for each row of data.

An entry (p, q), (r, s) that is a sum over k of a factor in p and r and of one in q and s is, in
vec order, the sum of the Kronecker products of two small matrices: the one in q and s, and the one
in p and r; the block (q, s) is the sum of the second, weighted by an entry of the first. Source:
Bishop, Pattern Recognition and Machine Learning (2006), equation 4.110, for multinomial regression.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from ...core.errors import ShapeError
from ...core.expr import (
    MAKERS,
    Expr,
    add,
    column,
    eye,
    free_indices,
    index_sum,
    matmul,
    mul,
    neg,
    node,
    num,
    own_indices,
    rebuild,
    row,
    transpose,
    var,
    with_args,
)
from ...core.shapes import ONE, SCALAR, Dim
from ...ops import TABLE
from ...ops.vectors import kron
from .entry_forms import Ends, Monomial, place, total
from .steps import Act, Reason, Step

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class KroneckerSum:
    """A matrix in vec order as a sum over one index of Kronecker products, and its block."""

    whole: Expr  # in the names of the problem alone, where they were spelled out
    named: Expr  # in the names of the steps
    block: Expr | None = None  # that of the columns q and s, a matrix in p and r

    def steps(self, monomials: Sequence[Monomial], value: Ends, by: Ends) -> list[Step]:
        """Return the step from the entry to its block, where there is one."""
        if self.block is None:
            return []
        (p, q), (r, s) = (tuple(map(str, e)) for e in (value, by))
        whole = place(self.block, (p, r))
        first, second, third, fourth = (var(i, SCALAR) for i in (p, r, q, s))
        at: Reason = ("matrix form in ", first, " and ", second)
        reason = (*at, ": the block of columns ", third, " and ", fourth)
        return [Step(total(monomials), whole, Act.MATRIX, reason)]

    def spelled_out(self, own: Collection[str]) -> KroneckerSum:
        """Return it with the values of names that are not a problem's ``own``."""

        def change(e: Expr, args: tuple[Expr, ...]) -> Expr:
            return args[0] if e.is_name and str(e.data) not in own else with_args(e, args)

        return replace(self, whole=rebuild(self.named, change))


def kronecker_sum(monomials: Sequence[Monomial], value: Ends, by: Ends) -> KroneckerSum | None:
    """Return the sum over rows that an entry is, where one factor is common to all its terms.

    ``value`` are p and q, ``by`` are r and s. None where it is no such sum.
    """
    if len(value) != 2 or len(by) != 2 or any(len(m.bound) != 1 for m in monomials):
        return None
    (p, q), (r, s) = [tuple(map(str, e)) for e in (value, by)]
    if not monomials:
        return None
    index = monomials[0].bound[0]
    terms = [_over(m, index) for m in monomials]
    inner = _common(terms, (p, r), (q, s))
    if inner is not None:
        common, weights, factors = inner
        block = index_sum(*index, mul(total(factors), common))
        whole = index_sum(*index, kron(weights, common))
        return KroneckerSum(whole, whole, block)
    outer = _common(terms, (q, s), (p, r))
    if outer is None:
        return None
    whole = index_sum(*index, kron(*outer[:2]))
    return KroneckerSum(whole, whole)


def _common(
    terms: Sequence[Monomial], pair: Pair, other: Pair
) -> tuple[Expr, Expr, list[Monomial]] | None:
    """Return the matrix in two indices that all terms share, and the sum of those in the others.

    The last are the terms of the sum, as products of entries.
    """
    parts = [_parted(m, {*pair}, {*other}) for m in terms]
    known = [x for x in parts if x is not None]
    shared = {_matrix(x, pair) for x, _ in known}
    weights = [_matrix(x, other) for _, x in known]
    (common, *more) = shared or {None}
    if more or common is None or None in weights or len(known) < len(parts):
        return None
    return common, add(*(x for x in weights if x is not None)), [x for _, x in known]


def _over(m: Monomial, index: tuple[str, Dim]) -> Monomial:
    """Return a monomial with another letter for its sum, which is left out."""
    name, dim = m.bound[0]
    if dim != index[1]:
        return m  # no part of it has the index: it is refused
    return replace(m.renamed(name, index[0]), bound=())


def _parted(m: Monomial, first: set[str], other: set[str]) -> tuple[Monomial, Monomial] | None:
    """Return the factors of a monomial in some indices and those in others; None if mixed."""
    if m.bound:
        return None
    inside: tuple[list[Expr], list[Expr]] = ([], [])
    for f in m.factors:
        met = {*free_indices(f)}
        if met & first and met & other:
            return None
        inside[not met & first].append(f)
    deltas = [[d for d in m.deltas if {d[0], d[1]} == side] for side in (first, other)]
    if sum(map(len, deltas)) < len(m.deltas):
        return None
    one = replace(m, scale=type(m.scale)(), factors=tuple(inside[0]), deltas=tuple(deltas[0]))
    return one, replace(m, factors=tuple(inside[1]), deltas=tuple(deltas[1]))


def _matrix(m: Monomial, pair: Pair) -> Expr | None:
    """Return a product of entries in two indices as a matrix with these as row and column."""
    sides: list[list[Expr]] = [[], [], []]
    for f in m.factors:
        met = [i for i in pair if i in free_indices(f)]
        if len(met) > 1:
            return None
        sides[pair.index(met[0]) if met else 2].append(f)
    vectors = [[_vector(f, pair[k]) for f in sides[k]] for k in (0, 1)]
    if any(v is None for side in vectors for v in side):
        return None
    left, right = ([v for v in side if v is not None] for side in vectors)
    scale = total([replace(m, factors=tuple(sides[2]), deltas=())])
    body = _joined(left, right, m.deltas[0][2] if m.deltas else None)
    if body is None:
        return None
    if scale is num(-1):
        return neg(body)
    return body if scale is num(1) else mul(scale, body)


def _joined(left: list[Expr], right: list[Expr], dim: Dim | None) -> Expr | None:
    """Return a bᵀ, or diag(a ⊙ b) under a delta, whose range is ``dim``."""
    if dim is not None:
        both = [*left, *right]
        return node("diag", (mul(*both),), (dim, dim)) if both else eye(dim)
    if not left or not right:
        return None
    return matmul(mul(*left), transpose(mul(*right)))


def _vector(f: Expr, index: str) -> Expr | None:
    """Return an entry, or a function of entries, with one of its indices left open: a column."""

    def change(e: Expr, args: tuple[Expr, ...]) -> Expr:
        if e.op == "entry":
            return _opened(e, index)
        if args == e.args:
            return e
        if e.op in MAKERS:
            return MAKERS[e.op](*args)
        if not TABLE[e.op].entrywise or len(args) > 1:
            raise ShapeError(f"{e.op} is no function of single entries")
        return node(e.op, args, args[0].shape, e.data)

    try:
        return rebuild(f, change, lambda e: e.is_name or index not in free_indices(e))
    except ShapeError:
        return None


def _opened(e: Expr, index: str) -> Expr:
    """Return a row or a column of what an entry is of, as a column; a vector itself."""
    x, marks = e.args[0], own_indices(e)
    if marks.count(index) != 1 or len(x.shape) > 2:
        raise ShapeError("two indices of one array")
    if ONE in x.shape:
        return x if x.shape[1] == ONE else transpose(x)
    first = marks[0] == index
    return column(x, marks[1]) if first else transpose(row(x, marks[0]))
