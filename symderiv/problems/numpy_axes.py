"""Which axes the array of an expression has in NumPy: a vector has one, a declared column two."""

from __future__ import annotations

from collections.abc import Mapping

from ..core.expr import Expr, Variable, walk
from ..core.shapes import ONE, Dim, Shape
from .problem import Problem


def array_shape(shape: Shape) -> tuple[Dim, ...]:
    """Return the axes of the array that holds a tensor, a matrix, a vector or a scalar.

    >>> from symderiv.core.shapes import ONE, symbol
    >>> [str(d) for d in array_shape((symbol("n"), ONE))]
    ['n']
    """
    is_short = len(shape) == 2 and ONE in shape
    return tuple(d for d in shape if d != ONE) if is_short else shape


def keeps_axis(x: Expr, variables: Mapping[str, Variable]) -> bool:
    """Whether NumPy would give a column or a row two axes: it comes from one declared so.

    >>> from symderiv.problems import problem
    >>> p = problem("L(W @ x + b)", W="h, d", x="d, 1", b="h, 1")
    >>> keeps_axis(p.objective.args[0], p.variables)
    True
    """
    kept: dict[Expr, bool] = {}
    for e in walk(x):
        thin = len(e.shape) == 2 and (e.shape[0] == ONE) != (e.shape[1] == ONE)
        parts = [a for a in e.args if a.shape == e.shape]
        if e.is_matrix_product:
            parts = [e.args[-1] if e.shape[1] == ONE else e.args[0]]
        elif e.is_transpose:
            parts = list(e.args)
        v = variables.get(str(e.data)) if e.is_variable else None
        declared = v is not None and len(v.written) == 2
        kept[e] = thin and (declared or any(kept[a] for a in parts))
    return kept[x]


def given_axes(problem: Problem, name: str) -> Shape:
    """Return the axes of the array of a given gradient: those of what it is the gradient by."""
    x = problem.upstream[name]
    whole = problem.objective.is_loss and keeps_axis(x, problem.variables)
    return x.shape if whole else array_shape(x.shape)
