"""Takes a term of two pairs of axes; returns it as a matrix in vec order, by Kronecker products.

The rows run over a pair (b slow, a fast) or one axis, the columns over (d slow, c fast). Matrices
that join a with c and b with d are ``kron(Q, P)``; those that join a with d and b with c the same
behind a commutation matrix; what stays on one side is a vec. Source: Magnus and Neudecker, Matrix
Differential Calculus (2019), sections 2.2, 2.4 and 3.7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...core.errors import MissingRuleError
from ...core.expr import Expr, eye, matmul, ones
from ...core.shapes import Dim
from ...core.transposing import flip
from ...ops.vectors import commutation, kron, vec
from ...tensor import (
    Factor,
    Parts,
    Scale,
    Term,
    add,
    contract,
    fuse,
    is_zero,
    scaled,
    summands,
    zero,
)
from .collecting import collect
from .pieces import Piece, PieceProduct, diagonal, hadamard, plus, spread_out

A, B, C, D = "a", "b", "c", "d"
_LEFT, _RIGHT = (A, B), (C, D)


@dataclass(frozen=True, slots=True)
class Side:
    """The rows or the columns of a form: a pair of axes, or one (``slow`` is None)."""

    slow: Dim | None
    fast: Dim


def kron_form(raiser: Any, term: Term, left: Side, right: Side) -> Expr:
    """Return a term with the axes (b, a, d, c), those that are there, as a matrix."""
    names = [x for x, d in ((B, left.slow), (A, left.fast), (D, right.slow), (C, right.fast)) if d]
    dims = dict(zip(names, term.dims, strict=True))
    terms: list[PieceProduct] = []
    for scale, part in distributed(term):
        r = raiser.reduced(part)
        pieces = [_renamed(p, names) for p in r.pieces]
        deltas = [frozenset(names[int(x)] for x in pair) for pair in r.deltas]
        if r.bound:
            body = through(pieces, deltas, dims, {_shared(x): d for x, d in r.bound.items()})
        else:
            body = KroneckerForm(dims, pieces, deltas).matrix()
        terms.append(PieceProduct(scale * r.scale, r.scalars, body))
    return plus([t.expr() for t in collect(terms)])


def distributed(term: Term) -> Iterator[tuple[Scale, Term]]:
    """Yield the summands of a term, sums of more than two axes inside products multiplied out."""
    for scale, body in summands(term):
        spot = _wide_sum(body)
        if spot is None:
            yield scale, body
            continue
        if body.is_sum:
            yield from ((scale * s, t) for s, t in distributed(body))
            continue
        parts = Parts.of(body)
        wide = parts.factors[spot]
        for weight, part in summands(wide.term):
            new = [Factor(part, wide.labels)]
            yield from distributed(parts.replaced((spot,), new, scale * weight))


def _wide_sum(term: Term) -> int | None:
    if term.is_sum:
        return 0
    if not term.is_contraction:
        return None
    wide = (k for k, c in enumerate(term.children) if c.is_sum and len(c.dims) > 2)
    return next(wide, None)


def _renamed(piece: Piece, names: Sequence[str]) -> Piece:
    """Return a piece with the names of its axes; an index that is still summed has its own."""
    ends = []
    for x in (piece.row, piece.column):
        free = isinstance(x, int) and x < len(names)
        ends.append(None if x is None else names[int(str(x))] if free else _shared(x))
    return Piece(piece.expr, ends[0], ends[1])


def _shared(label: object) -> str:
    return f"x{label}"


def through(
    pieces: Sequence[Piece],
    deltas: Sequence[frozenset[str]],
    dims: Mapping[str, Dim],
    bound: Mapping[str, Dim],
) -> Expr:
    """Return a product that sums over an index of three or more matrices.

    The sum is a product of two forms. Where a delta makes a row axis equal to a column axis, both
    forms carry it too, and what joins it with the index stands between them as a diagonal matrix.
    """
    kept = [c for c in (frozenset((B, D)), frozenset((A, C))) if c in deltas][:1]
    fast, slow = _middle(pieces, kept, list(bound))
    inner = {x for x in (fast, slow) if x is not None}
    between = [p for p in pieces if p.labels <= inner | set().union(*kept) and p.is_matrix]
    between = [p for p in between if p.labels & set(bound)]
    rest = [p for p in pieces if p not in between]
    across = [p for p in rest if p.labels & {A, B} and p.labels & {C, D}]
    sides = [[p for p in rest if p not in across and p.labels & set(s)] for s in (_LEFT, _RIGHT)]
    alone = [p for p in rest if p.labels <= set(bound)]
    own = [[d for d in deltas if d not in kept and d <= set(s)] for s in (_LEFT, _RIGHT)]
    extra = [d for d in deltas if d not in kept and not any(d in o for o in own)]
    # The pair between the two forms: the columns of the left one, the rows of the right one.
    known = {**dims, **bound}
    ranges = [{n: d for n, d in dims.items() if n in s} for s in (_LEFT, _RIGHT)]
    names: list[dict[str, str]] = [{}, {}]
    for x, marks in ((fast, (C, A)), (slow, (D, B))):
        for k in (0, 1) if x is not None else ():
            ranges[k][marks[k]] = known[str(x)]
            names[k].update({str(x): marks[k]} if x in bound else {})
    left = [_moved(p, names[0]) for p in sides[0]]
    right = [_moved(p, names[1]) for p in (*sides[1], *alone)]
    factors = [
        KroneckerForm(ranges[0], left, [*own[0], *kept]).matrix(),
        KroneckerForm(ranges[1], right, [*own[1], *kept]).matrix(),
    ]
    if between:
        turned = [p.starting(fast if fast in p.labels else C).expr for p in between]
        factors.insert(1, diagonal(vec(hadamard(turned))))
    body = matmul(*factors)
    if across or extra:
        body = hadamard([body, KroneckerForm(dict(dims), across, extra).matrix()])
    return body


def _middle(
    pieces: Sequence[Piece], kept: Sequence[frozenset[str]], bound: Sequence[str]
) -> tuple[str | None, str | None]:
    """Return the fast and the slow index of the pair between the two forms."""
    if len(bound) + len(kept) > 2:
        raise MissingRuleError(
            "no matrix form: several indices are shared by three or more matrices each",
            remedy="see the index form of the result",
        )
    if kept:
        return (bound[0], B) if B in kept[0] else (A, bound[0])
    if len(bound) == 1:
        return bound[0], None
    met = [x for x in bound if any(p.labels == {A, x} for p in pieces)]
    fast = met[0] if met else bound[0]
    return fast, next(x for x in bound if x != fast)


def _moved(piece: Piece, names: Mapping[str, str]) -> Piece:
    ends = [names.get(str(e), e) for e in (piece.row, piece.column)]
    return Piece(piece.expr, ends[0], ends[1])


class KroneckerForm:
    """One product of pieces on the axes a, b, c, d, as a matrix in vec order."""

    def __init__(
        self, dims: dict[str, Dim], pieces: Sequence[Piece], deltas: Sequence[frozenset[str]]
    ) -> None:
        self.dims = dims
        self.deltas = list(deltas)
        self.vectors: dict[str, list[Expr]] = {x: [] for x in dims}
        self.matrices: dict[frozenset[str], list[Piece]] = {}
        for p in pieces:
            self._place(p)

    def _place(self, p: Piece) -> None:
        if not p.is_matrix:
            self.vectors[next(iter(p.labels))].append(p.upright().expr)  # type: ignore[index]
            return
        if p.labels in self.deltas:
            self.vectors[str(p.row)].append(diagonal(p.expr))
            return
        for pair in self.deltas:
            # A piece across is written on one side where a delta makes its other end equal.
            for end in (p.row, p.column):
                other = p.column if end == p.row else p.row
                twin = next(iter(pair - {str(end)})) if end in pair else None
                if twin and _side(end) != _side(other) and _side(twin) == _side(other):
                    moved = p.starting(end)
                    self._place(Piece(moved.expr, twin, moved.column))
                    return
        self.matrices.setdefault(p.labels, []).append(p)  # type: ignore[arg-type]

    def matrix(self) -> Expr:
        """Return the product as a matrix."""
        straight = self._joins(A, C) or self._joins(B, D)
        crossed = self._joins(A, D) or self._joins(B, C)
        left, right = self._own(_LEFT), self._own(_RIGHT)
        if not straight and not crossed:
            rows = left if left is not None else self._alone(_LEFT)
            columns = right if right is not None else self._alone(_RIGHT)
            return matmul(rows, flip(columns))
        bodies = []
        if straight:
            bodies.append(self._straight())
        if crossed:
            bodies.append(self._crossed())
        body = hadamard(bodies)
        if left is not None:
            body = matmul(diagonal(left), body)
        if right is not None:
            body = matmul(body, diagonal(right))
        return body

    def _joins(self, x: str, y: str) -> bool:
        pair = frozenset((x, y))
        return pair in self.matrices or pair in self.deltas

    def _own(self, side: tuple[str, str]) -> Expr | None:
        """Return the vec of what stays on one side and joins its two axes, or None."""
        fast, slow = side
        pair = frozenset(side)
        found = [p.starting(fast).expr for p in self.matrices.pop(pair, [])]
        if pair in self.deltas:
            found.append(eye(self.dims[fast]))
        return vec(hadamard(found)) if found else None

    def _alone(self, side: tuple[str, str]) -> Expr:
        """Return the vec of the vectors of one side that no matrix joins to the other."""
        fast, slow = side
        if slow not in self.dims:
            found = self._vector(fast)
            return found if found is not None else ones(self.dims[fast])
        return vec(self._pair(fast, slow))

    def _vector(self, x: str) -> Expr | None:
        found = self.vectors.get(x, [])
        self.vectors[x] = []
        return hadamard(found) if found else None

    def _pair(self, x: str, y: str) -> Expr:
        """Return the matrix on two axes, with the vectors that stand on either."""
        found = [p.starting(x).expr for p in self.matrices.pop(frozenset((x, y)), [])]
        u, v = self._vector(x), self._vector(y)
        if frozenset((x, y)) in self.deltas:
            weights = [w for w in (u, v) if w is not None]
            weights += [diagonal(m) for m in found]
            return diagonal(hadamard(weights)) if weights else eye(self.dims[x])
        if not found:
            return spread_out(u, flip(v) if v is not None else None, (self.dims[x], self.dims[y]))
        body = hadamard(found)
        body = matmul(diagonal(u), body) if u is not None else body
        return matmul(body, diagonal(v)) if v is not None else body

    def _line(self, x: str, upright: bool) -> Expr:
        found = self._vector(x)
        line = found if found is not None else ones(self.dims[x])
        return line if upright else flip(line)

    def _block(self, x: str, y: str) -> Expr | None:
        """Return the matrix on a row axis and a column axis of which one may be missing."""
        if x in self.dims and y in self.dims:
            return self._pair(x, y)
        if x in self.dims:
            return self._line(x, True)
        return self._line(y, False) if y in self.dims else None

    def _straight(self) -> Expr:
        fast, slow = self._pair(A, C), self._block(B, D)
        return fast if slow is None else kron(slow, fast)

    def _crossed(self) -> Expr:
        if B not in self.dims:  # one row axis: no commutation is needed
            slow, fast = self._pair(A, D), self._block(B, C)
            assert fast is not None
            return kron(slow, fast)
        slow, fast = self._pair(B, C), self._block(A, D)
        assert fast is not None
        body = kron(slow, fast)
        if D not in self.dims:
            return body
        swap = commutation(self.dims[C], self.dims[D])
        return swap if slow.op == fast.op == "eye" else matmul(body, swap)


def _side(x: object) -> int:
    return 0 if x in _LEFT else 1


def vec_order(term: Term, rows: int, columns: int) -> Term:
    """Return a term whose first axes are rows and last ones columns with one axis for each.

    Two axes on a side become one in vec order: the second of them runs slowly.
    """
    if max(rows, columns) < 2:
        return term
    if is_zero(term):
        sides = (term.dims[:rows], term.dims[rows:])
        return zero(tuple(d if len(s) == 1 else s[0] * s[1] for s in sides for d in s[:1]))
    return add([scaled(_in_order(part, rows), scale) for scale, part in distributed(term)])


def _in_order(term: Term, rows: int) -> Term:
    dims: dict[Any, Dim] = dict(enumerate(term.dims))
    labels = tuple(dims)
    out: list[Any] = []
    factors = [Factor(term, labels)]
    for k, side in enumerate((labels[:rows], labels[rows:])):
        if len(side) < 2:
            out += side
            continue
        fast, slow = side
        pair = fuse(dims[slow], dims[fast])
        whole = ("whole", k)
        dims[whole] = pair.dims[0]
        factors.append(Factor(pair, (whole, slow, fast)))
        out.append(whole)
    return contract(factors, out, dims)
