"""Takes the factors of one contraction as a graph of pieces; sums its bound indices out in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from ...core.errors import MissingRuleError
from ...core.expr import Expr, column, entry, eye, matmul, node, ones, row, transpose
from ...core.shapes import ONE, SCALAR, Dim, Shape
from ...core.transposing import count_transposes, flip, transposes
from ...tensor import Factor, Label, Parts, Scale, Term, components, factors_of, is_symmetric
from .broadcasting import scaled_columns, scaled_rows
from .pieces import (
    Piece,
    PieceProduct,
    chain,
    cycle,
    diagonal,
    hadamard,
    inner_product,
    raised_power,
    spread_out,
    summed,
)

_NAMES = ("var", "named", "transpose", "matmul")


class Raises(Protocol):
    """What the walk asks of the raiser."""

    sums: str
    spreads: bool
    writes_scalars: bool

    def natural(self, term: Term) -> Expr: ...
    def written(self, term: Term) -> Expr | None: ...


def shape_of(term: Term) -> Shape:
    """Return the shape of a term with all its axes: a vector is a column."""
    return (*term.dims, *SCALAR)[: max(2, len(term.dims))]


def onehot(term: Term) -> Expr:
    """Return a unit vector."""
    return node("onehot", (), (term.dims[0], ONE), term.data)


class Reduced(NamedTuple):
    """A contraction with its indices summed out: pieces on those that are left, and deltas."""

    scale: Scale
    scalars: tuple[Expr, ...]
    pieces: tuple[Piece, ...]
    deltas: tuple[tuple[Label, ...], ...]
    bound: Mapping[Label, Dim] = {}  # indices that three or more matrices share


class Walk:
    """The graph walk over one contraction."""

    def __init__(self, raiser: Raises, term: Term) -> None:
        self.term = term
        self.scale, factors, self.out, self.dims = Parts.of(term)
        self.bound: list[Label] = list(range(len(term.dims), len(self.dims)))
        self.sums, self.spreads = raiser.sums, raiser.spreads
        self.scalars: list[Expr] = []
        self.scalars_written: list[Expr] = []
        self.linked = False
        self.pieces: list[Piece] = []
        factors = self._without_scalars(raiser, factors)
        self.units = [f for f in factors if f.term.is_unit]
        for f in factors:
            if f.term.is_delta:
                self.linked = True  # two free indices: the result is diagonal
            elif not f.term.is_unit:
                self._take(raiser, f)
        # A matrix with one index twice is a trace or a diagonal: all others must be there to tell.
        for piece in [p for p in self.pieces if p.is_loop]:
            self.pieces.remove(piece)
            self._put(piece)
        while self.units:
            self._pick(self.units.pop(0))

    def _without_scalars(self, raiser: Raises, factors: tuple[Factor, ...]) -> tuple[Factor, ...]:
        """Set the parts apart that are scalars the writer wrote; return the other factors."""
        # Without a factor on bound indices alone, every part has an end on a free one.
        free = len(self.out)
        inner = any(all(x >= free for x in marks) for marks in self.term.data[1])
        if not self.bound or not raiser.writes_scalars or not inner:
            return factors
        for part, ends, members in components(self.term):
            written = raiser.written(part) if not ends else None
            if written is not None and part is not self.term:
                self.scalars_written.append(written)
                factors = tuple(f for f in factors if f not in members)
                gone = {x for f in members for x in f.labels}
                self.bound = [x for x in self.bound if x not in gone]
        return factors

    def _take(self, raiser: Raises, f: Factor) -> None:
        if len(f.labels) > 2:
            raise MissingRuleError("no form in matrices alone: a factor has more than two axes")
        x = raised_power(raiser.natural(f.term), f.exponent)
        ends = (*f.labels, None, None)
        if x.is_transpose and len(f.labels) == 2:
            x, ends = x.args[0], (ends[1], ends[0])
        piece = Piece(x, ends[0], ends[1], len(f.labels) == 2 and is_symmetric(f.term))
        if piece.is_loop:
            self.pieces.append(piece)
        else:
            self._put(piece)

    def _put(self, piece: Piece) -> None:
        if piece.row is None and piece.column is None:
            self.scalars.append(piece.expr)
        elif piece.is_loop:
            label = piece.row
            picked = any(label in f.labels for f in self.units)
            alone = label in self.bound and not picked and not self._at(label)
            if alone:
                self.scalars.append(cycle(piece))
                self.bound.remove(label)
            else:
                self.pieces.append(Piece(diagonal(piece.expr), label, None))
        else:
            self.pieces.append(piece)

    def _at(self, label: Label) -> list[Piece]:
        return [p for p in self.pieces if p.meets(label)]

    def _pick(self, f: Factor) -> None:
        """Read a unit vector as a row, a column or an entry of the one piece it meets."""
        label, position = f.labels[0], f.term.data
        met = self._at(label)
        if label in self.out or len(met) != 1:
            self.pieces.append(Piece(onehot(f.term), label, None))
            return
        self.pieces.remove(met[0])
        self.bound.remove(label)
        if not met[0].is_matrix:
            self.scalars.append(_entry(met[0].expr, position))
        elif met[0].row == label:
            self._put(_line(row(met[0].expr, position), met[0].column))
        else:
            self._put(_line(column(met[0].expr, position), met[0].row))

    def product(self, *, spread: bool = False) -> PieceProduct:
        """Sum out every bound index and return what is left on the free ones.

        ``spread`` leaves out the ones that spread a scalar over the free indices.
        """
        self._sum_all()
        if self.bound:
            raise MissingRuleError(
                "no matrix form: an index is shared by three or more matrices",
                remedy="see the index form of the result",
            )
        body = self._assemble() if self.out and not spread else None
        return PieceProduct(self.scale, (*self.scalars, *self.scalars_written), body)

    def reduced(self) -> Reduced:
        """Return what is left on any number of free indices, the deltas between them apart."""
        self._sum_all()
        deltas = tuple(f.labels for f in factors_of(self.term)[1] if f.term.is_delta)
        scalars = (*self.scalars, *self.scalars_written)
        bound = {x: self.dims[x] for x in self.bound}
        return Reduced(self.scale, scalars, tuple(self.pieces), deltas, bound)

    def _sum_all(self) -> None:
        while True:
            self._merge_matrices()
            label = self._next()
            if label is None:
                break
            self.bound.remove(label)
            self._sum_out(label)

    def _merge_matrices(self) -> None:
        matrices = [p for p in self.pieces if p.is_matrix]
        if len(matrices) < 2 or (len(matrices) == 2 and matrices[0].labels != matrices[1].labels):
            return
        groups: dict[frozenset[Label], list[Piece]] = {}
        for p in matrices:
            groups.setdefault(p.labels, []).append(p)
        for labels, group in groups.items():
            if len(group) > 1 and not self._is_trace(group):
                row, column = self._ends(group)
                merged = hadamard([p.starting(row).expr for p in group])
                kept = [p for p in self.pieces if not (p.is_matrix and p.labels == labels)]
                self.pieces = [*kept, Piece(merged, row, column)]

    def _ends(self, group: Sequence[Piece]) -> tuple[Label, Label]:
        """Return row and column of an entrywise product, so that few transposes are written."""
        row, column = group[0].row, group[0].column
        assert row is not None
        assert column is not None

        def cost(ends: tuple[Label, Label]) -> int:
            turned = self.out == (ends[1], ends[0])
            return turned + sum(transposes(p.starting(ends[0]).expr) for p in group)

        return min(((row, column), (column, row)), key=cost)

    def _is_trace(self, group: Sequence[Piece]) -> bool:
        """Whether two matrices meet head to tail on two bound indices and nothing else does."""
        if len(group) != 2 or group[0].row != group[1].column:
            return False
        return all(x in self.bound and len(self._at(x)) == 2 for x in group[0].labels)

    def _next(self) -> Label | None:
        """Return the bound index that is cheapest to sum out, or None."""
        if len(self.bound) == 1 and len(self.pieces) < 3:
            return self.bound[0]
        costs: list[tuple[int, int, int]] = []
        for k, label in enumerate(self.bound):
            met = [p for p in self._at(label) if p.is_matrix]
            if len(met) <= 2:
                # Matrices by their names are multiplied before those that are made of entries:
                # G W.T, then the slope of a function entry by entry.
                made = sum(p.expr.op not in _NAMES for p in met)
                costs.append((len(met), made, k))
        return self.bound[min(costs)[2]] if costs else None

    def _sum_out(self, label: Label) -> None:
        met = self._at(label)
        self.pieces = [p for p in self.pieces if p not in met]
        matrices = [p for p in met if p.is_matrix]
        columns = [p.upright() for p in met if not p.is_matrix]
        vectors = [p.expr for p in columns]
        if len(matrices) == 2:
            left, right = matrices
            if vectors:
                right = self._weighted(right, label, hadamard(vectors))
            self._put(chain(left, label, right))
        elif matrices and vectors:
            vector = columns[0] if len(columns) == 1 else Piece(hadamard(vectors), label)
            body = matrices[0].ending(label)
            path = (*body.parts, *vector.parts)
            self._put(Piece(matmul(*(p.expr for p in path)), body.row, None, path=path))
        elif matrices:
            self._sum_alone(matrices[0], label)
        elif len(vectors) == 1:
            self.scalars.append(_sum_of(vectors[0], self._style(self.dims[label])))
        else:
            first = columns[0] if len(columns) == 2 else Piece(hadamard(vectors[:-1]), label)
            self.scalars.append(inner_product(first, columns[-1]))

    def _weighted(self, matrix: Piece, label: Label, weight: Expr) -> Piece:
        body = matrix.starting(label)
        expr = scaled_rows(weight, body.expr, self.spreads)
        if not expr.is_matrix_product:
            return Piece(expr, label, body.column)
        path = (Piece(diagonal(weight), symmetric=True), *body.parts)
        return Piece(expr, label, body.column, path=path)

    def _sum_alone(self, matrix: Piece, label: Label) -> None:
        other = matrix.row if matrix.column == label else matrix.column
        if other in self.bound and not self._at(other):
            self.bound.remove(other)
            both = self.dims[label] * self.dims[other]
            self.scalars.append(node(self._style(both, "sum"), (matrix.expr,), SCALAR))
        else:
            dim = self.dims[label]
            self._put(summed(matrix, label, dim, self._style(dim, self.sums)))

    def _style(self, dim: Dim, plain: str = "sum") -> str:
        """Return whether a sum over a range is a mean: the scale divides by the size."""
        powers = dict(self.scale.sizes)
        if not dim.symbols:
            return plain
        if any(powers.get(s, 0) > -dim.symbols.count(s) for s in dim.symbols):
            return plain
        self.scale = self.scale * Scale.of(dim)
        return "mean"

    def _assemble(self) -> Expr:
        shape = shape_of(self.term)
        if len(self.out) == 1:
            return _column([p.upright().expr for p in self.pieces]) or ones(shape[0])
        return self._diagonal() if self.linked else self._matrix(shape)

    def _diagonal(self) -> Expr:
        parts = [diagonal(p.expr) if p.is_matrix else p.upright().expr for p in self.pieces]
        return diagonal(hadamard(parts)) if parts else eye(self.term.dims[0])

    def _matrix(self, shape: Shape) -> Expr:
        i, j = self.out
        matrices = [p.starting(i).expr for p in self.pieces if p.is_matrix]
        left = [p.upright().expr for p in self.pieces if p.is_vector_on(i)]
        ends = [p.upright() for p in self.pieces if p.is_vector_on(j)]
        right = [p.expr for p in ends]
        u = hadamard(left) if left else None
        v = hadamard(right) if right else None
        if not matrices:
            across = ends[0].turned().expr if len(ends) == 1 else flip(v) if v else None
            return spread_out(u, across, shape)
        body = hadamard(matrices)
        if u is not None:
            body = scaled_rows(u, body, self.spreads)
        return scaled_columns(body, v, self.spreads) if v is not None else body


def _column(parts: list[Expr]) -> Expr | None:
    """Return an entrywise product of columns; of rows that are transposed, the product's."""
    if not parts:
        return None
    rows = [flip(p) for p in parts]
    turned = len(parts) > 1 and all(
        count_transposes(p) > count_transposes(r) for p, r in zip(parts, rows)
    )
    return transpose(hadamard(rows)) if turned else hadamard(parts)


def _line(expr: Expr, label: Label | None) -> Piece:
    return Piece(expr, None, label) if expr.shape[0] == ONE else Piece(expr, label, None)


def _entry(line: Expr, position: int) -> Expr:
    """Return an entry of a vector; an entry of a row or column is one of its matrix."""
    source = line.args[0] if line.op in ("row", "column") else line
    if line.op == "row":
        return entry(source, int(str(line.data)), position)
    if line.op == "column":
        return entry(source, position, int(str(line.data)))
    return entry(line if line.shape[1] == ONE else flip(line), position, 1)


def _sum_of(v: Expr, style: str) -> Expr:
    base, exponent = v.fixed_power
    if style == "sum" and exponent == 2:
        return matmul(flip(base), base)
    return node(style, (v,), SCALAR)
