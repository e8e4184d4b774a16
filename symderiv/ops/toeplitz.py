"""Table entry of the sums along the diagonals of a square matrix.

They are what a gradient by a Toeplitz matrix is made of: each free entry stands on one diagonal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..core.expr import Expr, node
from ..core.shapes import SCALAR
from ..tensor import Term, Value, call
from .base import ATOM, Application, Cells, EntryPlace, register, written_function
from .flops import per_entry
from .inverses import DirectionCall


@dataclass(frozen=True)
class DiagonalSumsCall(DirectionCall):
    """The Toeplitz matrix of the sums along the diagonals: linear, and its own adjoint."""

    name: str = "diagonal_sums"

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the sums along the diagonals of the cotangent."""
        return call(self, (cotangent,), node.dims)


def diagonal_sums(term: Term) -> Term:
    """Return the sums along the diagonals of a matrix, each in the places that it was made of."""
    return call(DiagonalSumsCall(), (term,), term.dims)


def _build(call: Application) -> Expr:
    call.expect(1)
    x = call.square(0)
    return node("diagonal_sums", (x,), x.shape)


def _lower(e: Expr, args: Sequence[Value]) -> Value:
    body = args[0]
    return body if e.shape == SCALAR else Value(diagonal_sums(body.term), e.shape, body.loose)


def _cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    totals: dict[int, Any] = {}
    for i, r in enumerate(args[0]):
        for j, x in enumerate(r):
            totals[i - j] = totals[i - j] + x if i - j in totals else x
    return [[totals[i - j] for j in range(len(r))] for i, r in enumerate(args[0])]


register(
    name="diagonal_sums",
    explained="adds up the entries of each diagonal",
    linear=True,
    flops=per_entry(1),
    tensors="batch",
    build=_build,
    usage="diagonal_sums(A)",
    law="the sums along the diagonals are linear, and their own adjoint",
    source="Petersen and Pedersen, The Matrix Cookbook (2012), eq. 143-144",
    lower=_lower,
    explicit=_cells,
    notation=written_function("diagsums"),
    numpy=lambda e, code: (
        code(e.args[0], ATOM) if e.is_scalar else code.function(e, "_diagonal_sums")
    ),
    samples=(
        "diagonal_sums(A) @ X",
        "diagonal_sums(A @ A.T) * A",
        "diagonal_sums(x @ x.T) @ x",
        "diagonal_sums(T @ T.mT)",
    ),
    bad=("diagonal_sums(X)", "diagonal_sums()", "diagonal_sums(A, A)"),
)
