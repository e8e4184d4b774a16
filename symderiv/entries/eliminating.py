"""Takes a family of monomials; returns it as matrix algebra, its summed indices eliminated.

The factors are edges (matrices) and weights (vectors) on a graph whose vertices are the indices.
A summed index between two edges is a matrix product, one at the end of an edge a product with a
vector, two edges that close a circle a trace, parallel edges a Hadamard product, weights that are
in the way a diag.

Contract: the result equals the family, or is None where an index joins three or more different
others (that is an einsum, not matrix algebra). Orientation: as few transposes as can be had.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from ..core.expr import (
    Expr,
    Index,
    column,
    dim_size,
    div,
    entry,
    eye,
    matmul,
    mul,
    node,
    num,
    ones,
    power,
    row,
)
from ..core.scale import Scale
from ..core.shapes import ONE, SCALAR, Dim
from ..core.transposing import count_transposes, flip
from .families import Family


@dataclass(frozen=True, slots=True)
class PatternPiece:
    """One summand: a coefficient, scalar factors, and what has the shape of the result."""

    coefficient: Scale
    scalars: tuple[Expr, ...]
    core: Expr | None  # None for the number 1


@dataclass(slots=True)
class _Edge:
    tail: str
    head: str
    matrix: Expr  # its rows run over ``tail``

    def seen_from(self, end: str) -> tuple[str, Expr]:
        """Return the other end, and the matrix with its rows at ``end``."""
        if end == self.tail:
            return self.head, self.matrix
        return self.tail, flip(self.matrix)

    @property
    def ends(self) -> frozenset[str]:
        return frozenset((self.tail, self.head))


def raised(x: Expr, exponent: Fraction) -> Expr:
    """Return an entrywise power, written as people write it."""
    if exponent == 1:
        return x
    if exponent == Fraction(1, 2):
        if x.op == "sum" and x.args[0].fixed_power[1] == 2:
            return node("norm", (x.args[0].fixed_power[0],), SCALAR)
        if x.is_matrix_product and x.is_scalar and x.args == (flip(x.args[-1]), x.args[-1]):
            return node("norm", (x.args[-1],), SCALAR)
        return node("sqrt", (x,), x.shape)
    if exponent.denominator == 2 and x.is_scalar:
        root = raised(x, Fraction(1, 2))
        return raised(root, Fraction(exponent.numerator))
    return power(x, num(exponent))


def hadamard(factors: list[Expr]) -> Expr:
    """Return the entrywise product, with negative powers below one fraction bar."""
    over: list[Expr] = []
    under: list[Expr] = []
    for x in sorted(factors, key=lambda f: f.is_power):
        base, exponent = x.fixed_power
        if exponent < 0:
            under.append(raised(base, -exponent))
        else:
            over.append(x)
    top = mul(*over) if over else num(1)
    return div(top, mul(*under)) if under else top


class _Network:
    """The graph of one family while its summed indices are eliminated."""

    def __init__(self, dims: Mapping[str, Dim], kept: frozenset[str]) -> None:
        self.dims, self.kept = dims, kept
        self.weights: dict[str, list[Expr]] = {i: [] for i in dims}
        self.edges: list[_Edge] = []
        self.scalars: list[Expr] = []

    def place(self, x: Expr, indices: tuple[Index, ...], exponent: Fraction) -> None:
        """Put one factor on the graph; a fixed position picks a row, column or entry of it."""
        found = iter(indices)
        i, j = (next(found) if d != ONE else None for d in x.shape)
        if isinstance(i, int) or isinstance(j, int):
            x, i, j = _picked(x, i, j)
        x = raised(x, exponent)
        match i, j:
            case None, None:
                self.scalars.append(x)
            case str(), None:
                self.weights[i].append(x)
            case None, str():
                self.weights[j].append(flip(x))
            case str(), str() if i == j:
                self.weights[i].append(node("diag", (x,), (x.shape[0], ONE)))
            case str(), str():
                self.edges.append(_Edge(i, j, x))

    def eliminate(self) -> bool:
        """Sum over every index that is not kept; return whether that could be written."""
        steps = (self._drop, self._close, self._merge_at)
        while running := [i for i in self.weights if i not in self.kept]:
            if not any(step(k) for step in steps for k in running):
                return False
        return True

    def _at(self, k: str) -> list[_Edge]:
        return [e for e in self.edges if k in e.ends]

    def _drop(self, k: str) -> bool:
        """Eliminate an index with at most two different neighbours."""
        edges = self._at(k)
        others = {e.seen_from(k)[0] for e in edges}
        if len(edges) > 2 or len(others) != len(edges):
            return False
        weights = self.weights.pop(k)
        self.edges = [e for e in self.edges if k not in e.ends]
        if not edges:
            self.scalars.append(summed(weights, self.dims[k]))
        elif len(edges) == 1:
            other, matrix = edges[0].seen_from(k)
            vector = hadamard(weights) if weights else ones(self.dims[k])
            self.weights[other].append(matmul(flip(matrix), vector))
        else:
            (left, first), (right, second) = (e.seen_from(k) for e in edges)
            middle = [diagonal(hadamard(weights))] if weights else []
            chain = matmul(flip(first), *middle, second)
            self.edges.append(_Edge(left, right, chain))
        return True

    def _close(self, k: str) -> bool:
        """Eliminate two indices that only two edges join: a trace, or a sum of products."""
        edges = self._at(k)
        if len(edges) != 2 or edges[0].ends != edges[1].ends:
            return False
        other, first = edges[0].seen_from(k)
        if other in self.kept or self.weights[k] or self.weights[other] or len(self._at(other)) > 2:
            return False
        _, second = edges[1].seen_from(k)
        cyclic = [matmul(first, flip(second)), matmul(second, flip(first))]
        choices = [node("trace", (c,), SCALAR) for c in cyclic]
        choices += [
            node("sum", (mul(*p),), SCALAR) for p in ([first, second], [flip(first), flip(second)])
        ]
        self.scalars.append(min(choices, key=count_transposes))
        self.edges = [e for e in self.edges if k not in e.ends]
        del self.weights[k], self.weights[other]
        return True

    def _merge_at(self, k: str) -> bool:
        """Merge edges that join the same two indices into one Hadamard product."""
        for e in self._at(k):
            parallel = [f for f in self.edges if f.ends == e.ends]
            if len(parallel) > 1:
                self.merge(e.tail, e.head)
                return True
        return False

    def merge(self, tail: str, head: str) -> Expr | None:
        """Return the matrix between two indices, all parallel edges merged."""
        parallel = [e for e in self.edges if e.ends == {tail, head}]
        if not parallel:
            return None
        matrix = hadamard([e.seen_from(tail)[1] for e in parallel])
        self.edges = [e for e in self.edges if e.ends != {tail, head}]
        self.edges.append(_Edge(tail, head, matrix))
        return matrix

    def vector(self, i: str) -> Expr | None:
        """Return the weight of an index, if it has one."""
        return hadamard(self.weights[i]) if self.weights[i] else None


def _picked(x: Expr, i: Index | None, j: Index | None) -> tuple[Expr, Index | None, Index | None]:
    """Return a factor with its fixed positions taken."""
    if not isinstance(i, str) and not isinstance(j, str):
        return entry(x, i or 1, j or 1), None, None
    if isinstance(i, int):
        return row(x, i), None, j
    assert isinstance(j, int)
    return column(x, j), i, None


def diagonal(vector: Expr) -> Expr:
    """Return the diagonal matrix of a vector."""
    dim = vector.shape[0]
    return eye(dim) if vector.is_ones else node("diag", (vector,), (dim, dim))


def summed(weights: list[Expr], dim: Dim) -> Expr:
    """Return the sum of the entrywise product of vectors: an inner product where there are two."""
    if not weights:
        return dim_size(dim)
    if len(weights) == 1:
        return _summed_vector(weights[0])
    chains = [w for w in weights if w.is_matrix_product] or weights
    last = chains[-1]
    rest = list(weights)
    rest.remove(last)
    first = hadamard(rest)
    choices = [matmul(flip(first), last), matmul(flip(last), first)]
    return min(choices, key=count_transposes)


def _summed_vector(vector: Expr) -> Expr:
    base, exponent = vector.fixed_power
    if exponent == 2:
        return matmul(flip(base), base)
    if vector.op == "diag":
        return node("trace", vector.args, SCALAR)
    if vector.is_matrix_product and vector.args[-1].is_ones:
        matrix = matmul(*vector.args[:-1])
        return node("sum", (min(matrix, flip(matrix), key=count_transposes),), SCALAR)
    return node("sum", (vector,), SCALAR)


def piece(
    family: Family, leaves: Mapping[str, Expr], label_dims: tuple[Dim, ...]
) -> PatternPiece | None:
    """Return a family as a summand: a matrix for two labels, a column for one, a scalar for none.

    None where it is not matrix algebra.
    """
    if any(len(leaves[f.name].shape) > 2 for f in family.factors):
        return None  # a tensor, though one of its axes has size 1
    dims = dict(family.ranges)
    labels = [f"#{k}" if isinstance(i, int) else i for k, i in enumerate(family.labels)]
    dims.update((i, d) for i, d in zip(labels, label_dims, strict=True) if i[0] == "#")
    network = _Network(dims, frozenset(labels))
    for name, position in zip(labels, family.labels, strict=True):
        if isinstance(position, int):
            unit = node("onehot", (), (dims[name], ONE), position)
            network.weights[name].append(unit)
    for f in family.factors:
        network.place(leaves[f.name], f.indices, f.exponent)
    if not network.eliminate():
        return None
    return PatternPiece(family.coefficient, tuple(network.scalars), _core(network, labels))


def _core(network: _Network, labels: list[str]) -> Expr | None:
    if not labels:
        return None
    vector = network.vector(labels[0])
    column_of_ones = ones(network.dims[labels[0]])
    if len(labels) == 1:
        return vector or column_of_ones
    if labels[0] == labels[1]:
        return diagonal(vector or column_of_ones)
    across = network.vector(labels[1])
    matrix = network.merge(*labels)
    if matrix is not None:
        left = [diagonal(vector)] if vector else []
        return matmul(*left, matrix, *([diagonal(across)] if across else []))
    if vector is None and across is None:
        return ones(network.dims[labels[0]], network.dims[labels[1]])
    right = across or ones(network.dims[labels[1]])
    return matmul(vector or column_of_ones, flip(right))
