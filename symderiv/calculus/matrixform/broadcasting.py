"""Takes a matrix and a row or column; returns one scaled by the other, by broadcasting or diag.

``X / sum(X, axis=1)`` rather than ``diag(1 / sum(X, axis=1)) @ X``. A column that could go to the
rows or to the columns of a square matrix is never left to be guessed: the language refuses it.
"""

from __future__ import annotations

from ...core.expr import Expr, is_one_per_row, matmul
from ...core.shapes import ONE, Shape
from ...core.transposing import flip, is_reciprocal
from .pieces import diagonal, hadamard


def may_spread(vector: Expr, shape: Shape) -> bool:
    """Whether a row or a column may stand beside a matrix of a shape without being ambiguous."""
    return vector.shape[0] == ONE or shape[0] != shape[1] or _is_clear(vector)


def _is_clear(column: Expr) -> bool:
    """Whether every factor of a column has one number for each row: each may stand by itself."""
    if column.is_scaled:
        return all(a.is_scalar or _is_clear(a) for a in column.args)
    return is_one_per_row(column)


def spreads_well(vector: Expr) -> bool:
    """Whether a scaling reads better entry by entry than as a diagonal matrix."""
    return is_reciprocal(vector) or is_one_per_row(vector)


def is_spreading(x: Expr) -> bool:
    """Whether a writer scales by broadcasting here: a vector times a matrix, entry by entry."""
    vectors = [a for a in x.args if ONE in a.shape and not a.is_scalar]
    return x.is_scaled and ONE not in x.shape and bool(vectors)


def scaled_rows(column: Expr, matrix: Expr, spreads: bool) -> Expr:
    """Return a matrix with its rows scaled by a column."""
    if (spreads or spreads_well(column)) and may_spread(column, matrix.shape):
        return hadamard([matrix, column])
    return matmul(diagonal(column), matrix)


def scaled_columns(matrix: Expr, column: Expr, spreads: bool) -> Expr:
    """Return a matrix with its columns scaled by what stands in a column."""
    if spreads or spreads_well(column):
        return hadamard([matrix, flip(column)])
    return matmul(matrix, diagonal(column))
