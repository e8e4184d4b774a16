"""Index terms under ``@``, ``.T`` and ``+``, so that a pullback reads as it does on paper."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..tensor import Factor, Label, Parts, Scale, Term, add, contract, delta, scaled
from .base import leading

_ROW, _MIDDLE, _COLUMN = "row", "middle", "column"


@dataclass(frozen=True)
class Mat:
    """A term whose last two axes are the row and the column; the axes in front are carried along.

    A term without leading axes (a constant) goes with every one that has them.
    """

    term: Term

    @property
    def lead(self) -> tuple[Label, ...]:
        """Return labels for the leading axes."""
        return leading(self.term, 2)

    @property
    def T(self) -> Mat:
        """Return the transpose."""
        return self._with((), ends=(_COLUMN, _ROW))

    def __matmul__(self, other: Mat) -> Mat:
        parts = [
            (self.term, (*self.lead, _ROW, _MIDDLE)),
            (other.term, (*other.lead, _MIDDLE, _COLUMN)),
        ]
        return Mat(joined(parts, (*_longer(self, other), _ROW, _COLUMN)))

    def __add__(self, other: Mat) -> Mat:
        return Mat(add([self.term, other.term]))

    def __neg__(self) -> Mat:
        return self * Fraction(-1)

    def __sub__(self, other: Mat) -> Mat:
        return self + -other

    def __mul__(self, number: Fraction | int) -> Mat:
        return Mat(scaled(self.term, Scale(Fraction(number))))

    __rmul__ = __mul__

    def times(self, *scalars: Term) -> Mat:
        """Return the matrix times scalars, which have the leading axes alone or none."""
        return self._with(scalars)

    def _with(self, scalars: tuple[Term, ...], ends: tuple[str, str] = (_ROW, _COLUMN)) -> Mat:
        lead = max([self.lead, *(leading(s, 0) for s in scalars)], key=len)
        parts = [(s, leading(s, 0)) for s in scalars]
        return Mat(joined([*parts, (self.term, (*self.lead, *ends))], (*lead, _ROW, _COLUMN)))

    def one(self) -> Mat:
        """Return the identity that multiplies it from the left."""
        return Mat(delta(self.term.dims[-2]))


def _longer(left: Mat, right: Mat) -> tuple[Label, ...]:
    return max(left.lead, right.lead, key=len)


def joined(parts: list[tuple[Term, tuple[Label, ...]]], out: tuple[Label, ...]) -> Term:
    """Return a contraction of terms with labelled axes."""
    dims: dict[Any, Any] = {}
    for term, labels in parts:
        dims.update(zip(labels, term.dims, strict=True))
    return contract([Factor(t, x) for t, x in parts], out, dims)


def inner(left: Mat, right: Mat) -> Term:
    """Return the sum of the products of equal places: a scalar, with the leading axes."""
    parts = [(m.term, (*m.lead, _ROW, _COLUMN)) for m in (left, right)]
    return joined(parts, _longer(left, right))


def applied(matrix: Mat, vector: Term) -> Term:
    """Return a matrix times a vector, whose last axis is its only one beside leading axes."""
    parts = [(matrix.term, (*matrix.lead, _ROW, _MIDDLE)), (vector, (*leading(vector, 1), _MIDDLE))]
    lead = max(matrix.lead, leading(vector, 1), key=len)
    return joined(parts, (*lead, _ROW))


def outer(left: Term, right: Term) -> Mat:
    """Return the matrix of the products of the entries of two vectors."""
    parts = [(left, (*leading(left, 1), _ROW)), (right, (*leading(right, 1), _COLUMN))]
    lead = max(leading(left, 1), leading(right, 1), key=len)
    return Mat(joined(parts, (*lead, _ROW, _COLUMN)))


def diagonal_between(left: Mat, weights: Term, right: Mat) -> Mat:
    """Return ``left @ diag(weights) @ right``."""
    lead = _longer(left, right)
    parts = [
        (left.term, (*left.lead, _ROW, _MIDDLE)),
        (weights, (*leading(weights, 1), _MIDDLE)),
        (right.term, (*right.lead, _MIDDLE, _COLUMN)),
    ]
    return Mat(joined(parts, (*lead, _ROW, _COLUMN)))


def identity_multiple(term: Term) -> Term | None:
    """Return the scalar s where a term is s times the identity matrix, else None.

    Such a matrix commutes with every other one, so that the derivative of a matrix function
    along it is that of the scalar function: Higham, Functions of Matrices (2008), section 3.2.
    """
    if term.is_sum:
        parts = [identity_multiple(c) for c in term.children]
        known = [scaled(p, s) for p, s in zip(parts, term.data, strict=True) if p is not None]
        return add(known) if len(known) == len(parts) else None
    scale, factors, _, dims = Parts.of(term)
    lead = len(term.dims) - 2
    ends = {lead, lead + 1}
    rest = [f for f in factors if not f.term.is_delta or set(f.labels) != ends]
    if len(rest) == len(factors) or any(ends & set(f.labels) for f in rest):
        return None
    kept = {k: d for k, d in dims.items() if k not in ends}
    return contract(rest, range(lead), kept, scale)
