"""Takes a matrix whose rows or columns run over pairs of pairs; returns it with Kronecker products.

An index of such a matrix stands on the rows, on the columns, or, where a delta made two of them
one, on both; a factor may join one of the rows to one of the columns. That is a product of a block
for each, ``ones(n)``, ``ones(n).T``, ``eye(n)`` or a matrix, between what depends on the rows alone
and on the columns alone: ``diag(u) @ kron(eye(k), ones(n)) @ diag(v)``. Where the columns are in
another order, a commutation matrix stands behind it. Source: Magnus and Neudecker, Matrix
Differential Calculus (2019), sections 2.2 and 3.7.

Contract: equals the term for every size; None where an index stands otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from ...core.expr import Expr, eye, ones
from ...core.shapes import Dim
from ...core.transposing import flip
from ...ops.vectors import commutation, kron, vec
from ...tensor import Factor, Label, Parts, Term, connected, contract, fuse
from .paired_axes import held

_TURNED = "turned"  # the columns, of which the pair is in the other order


def without_nested_axes(raiser: Any, term: Term) -> Term | None:
    """Return a contraction with a Kronecker product in place of all pairs."""
    scale, factors, _, ranges = Parts.of(term)
    fuses = [f for f in factors if f.term.is_fuse]
    pairs = {f.labels[0]: f for f in fuses}
    inner = {x for f in fuses for x in f.labels[1:]}
    if len(term.dims) != 2 or len(pairs) < len(fuses) or not inner & pairs.keys():
        return None
    rest = [f for f in factors if f not in fuses]
    parts = _Nested(raiser, rest, pairs, ranges, 1).parts()
    if parts is None and 1 in pairs:
        _, slow, fast = pairs.pop(1).labels
        turned = fuse(ranges[fast], ranges[slow])
        pairs[_TURNED], ranges[_TURNED] = Factor(turned, (_TURNED, fast, slow)), turned.dims[0]
        parts = _Nested(raiser, rest, pairs, ranges, _TURNED).parts()
        swap = held(commutation(ranges[fast], ranges[slow]))
        parts = parts and [*parts, Factor(swap, (_TURNED, 1))]
    if parts is None:
        return None
    used = {x: ranges[x] for f in parts for x in f.labels}
    return contract(parts, (0, 1), {**used, 0: ranges[0], 1: ranges[1]}, scale)


class _Nested:
    """Factors between rows and columns that run over indices in an order each."""

    def __init__(
        self,
        raiser: Any,
        factors: Sequence[Factor],
        pairs: dict[Label, Factor],
        dims: dict[Any, Dim],
        columns: Label,
    ) -> None:
        self.raiser, self.factors, self.pairs, self.dims = raiser, factors, pairs, dims
        self.axes: tuple[Label, Label] = (0, columns)
        self.trees = [[*self._tree(x)] for x in self.axes]  # places and indices
        self.ends = [[x for x in tree if x not in pairs] for tree in self.trees]
        self.joined: dict[Label, Label] = {}  # an index of the columns to one of the rows
        self.matrices: dict[Label, list[Factor]] = {}  # that join them, by that of the rows

    def _tree(self, x: Label) -> Iterator[Label]:
        yield x
        for y in self.pairs[x].labels[1:] if x in self.pairs else ():
            yield from self._tree(y)

    def parts(self) -> list[Factor] | None:
        """Return the factors of the same product without pairs."""
        trees = [{*tree} for tree in self.trees]
        repeated = any(len(t) < len(tree) for t, tree in zip(trees, self.trees, strict=True))
        if repeated or not self.pairs.keys() <= trees[0] | trees[1]:
            return None
        own: tuple[list[Factor], list[Factor]] = ([], [])
        parts: list[Factor] = []
        for met, members in self._components(trees[0] | trees[1]):
            sides = [k for k in (0, 1) if met <= trees[k]]
            if not met:
                parts += members
            elif sides:
                own[min(sides, key=lambda k: len(self.ends[k]))].extend(members)
            elif not self._join(met, members):
                return None
        order = self._order()
        if order is None:
            return None
        if any(x in self.ends[0] and x in self._columns() for x in order):
            parts.append(Factor(held(self._blocks(order)), self.axes))
        for k, members in enumerate(own):
            if members:
                parts.append(Factor(held(self._vector(k, members)), (self.axes[k],)))
        return parts

    def _components(self, cut: set[Label]) -> list[tuple[set[Label], list[Factor]]]:
        """Return what hangs together by indices that are only summed over, and where it stands."""
        groups = connected(self.factors, lambda f: {*f.labels} - cut)
        return [({x for f in fs for x in f.labels} & cut, fs) for _, fs in groups]

    def _join(self, met: set[Label], members: Sequence[Factor]) -> bool:
        """Note that factors join one index of the rows to one of the columns, if they do."""
        rows, columns = (met & {*ends} for ends in self.ends)
        if len(met) != 2 or len(rows) != 1 or len(columns) != 1:
            return False
        (row,), (column,) = rows, columns
        if self.joined.setdefault(column, row) != row:
            return False
        self.matrices.setdefault(row, []).extend(members)
        return True

    def _columns(self) -> list[Label]:
        return [self.joined.get(x, x) for x in self.ends[1]]

    def _order(self) -> list[Label] | None:
        """Return the indices of both axes in an order that is that of each, or None."""
        rows, rest, found = self.ends[0], self._columns(), list[Label]()
        shared = [x for x in rows if x in rest]
        if shared != [x for x in rest if x in rows]:
            return None
        for x in rows:
            if x in shared:
                at = rest.index(x)
                found += rest[:at]
                rest = rest[at + 1 :]
            found.append(x)
        return found + rest

    def _blocks(self, order: Sequence[Label]) -> Expr:
        """Return the Kronecker product of a block for each index, those of one kind in one."""

        def kind(x: Label) -> tuple[bool, bool, Label]:
            return x in self.ends[0], x in self._columns(), x if x in self.matrices else None

        blocks: list[Expr] = []
        for (left, right, joined), members in groupby(order, kind):
            sizes = [self.dims[x] for x in members]
            size = sizes[0]
            for d in sizes[1:]:
                size = size * d
            if joined is not None:
                blocks.append(self._matrix(joined))
            elif left and right:
                blocks.append(eye(size))
            else:
                blocks.append(ones(size) if left else flip(ones(size)))
        found = blocks.pop()
        while blocks:
            found = kron(blocks.pop(), found)
        return found

    def _matrix(self, row: Label) -> Expr:
        column = next(c for c, r in self.joined.items() if r == row)
        return self._natural(self.matrices[row], (row, column))

    def _vector(self, k: int, members: Sequence[Factor]) -> Expr:
        """Return what depends on the indices of one axis alone."""
        x = self.axes[k]
        if x not in self.pairs:
            return self._natural(members, (x,))
        inner = [self.pairs[y] for y in self.trees[k] if y in self.pairs and y != x]
        _, slow, fast = self.pairs[x].labels
        return vec(self._natural([*members, *inner], (fast, slow)))

    def _natural(self, parts: Sequence[Factor], axes: tuple[Label, ...]) -> Expr:
        used = {*axes}.union(*(f.labels for f in parts))
        ranges = {x: d for x, d in self.dims.items() if x in used}
        return self.raiser.natural(contract(parts, axes, ranges))  # type: ignore[no-any-return]
