"""Takes a claimed Jacobian; tells whether it is laid out otherwise: row by row, or its diagonal.

Contract: decided by evaluation; the same numbers in another order are no other derivative, but a
formula in them is wrong here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..core.errors import LanguageError
from ..core.expr import Expr, free_indices
from ..core.shapes import ONE, Shape
from ..ops.text import text
from ..problems import Problem
from ..values.explicit import plain, same_cells
from .deciding import OUTSIDE, Comparer
from .reading import read_claim


@dataclass(frozen=True, slots=True)
class Ends:
    """What the rows and the columns of a Jacobian run over: the value and the variable."""

    value: Shape
    variable: Shape

    @property
    def has_order(self) -> bool:
        """Whether either is a matrix, whose entries can be read in two orders."""
        return any(ONE not in shape for shape in (self.value, self.variable))

    def is_row_by_row(self, comparer: Comparer, claimed: Expr, truth: Expr) -> bool:
        """Return whether a claim is a Jacobian in which matrices are read row by row."""
        if not self.has_order or claimed.shape != truth.shape:
            return False
        evaluated = 0
        for here in comparer.points(claimed, truth):
            try:
                left, right = plain(here.cells(claimed)), plain(here.cells(truth))
            except OUTSIDE:
                continue
            rows, columns = (_row_by_row(s, here.sizes) for s in (self.value, self.variable))
            if not same_cells(left, [[right[i][j] for j in columns] for i in rows]):
                return False
            evaluated += 1
        return evaluated > 0


def diagonals(problem: Problem, claimed: Expr, truth: Expr) -> Iterator[Expr]:
    """Yield the matrix on whose diagonal the entries of a claim stand, where it has the shape."""
    if free_indices(claimed) or claimed.shape == truth.shape:
        return
    for form in ("diag({})", "diag(vec({}))"):
        try:
            found = read_claim(problem, form.format(text(claimed)))
        except LanguageError:
            continue
        if found.refusal is None and found.expr.shape == truth.shape:
            yield found.expr


def _row_by_row(shape: Shape, sizes: Mapping[str, int]) -> Sequence[int]:
    """Return where the entries of a matrix, row by row, stand in the order of columns."""
    n, m = (d.at(sizes) for d in shape)
    return [j * n + i for i in range(n) for j in range(m)]
