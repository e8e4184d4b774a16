"""Which variables of a problem are the parameters of a layer, and which are handed in at each call.

Contract: a parameter is a variable by which a gradient is derived and whose shape has no size of
the samples. The samples are what the leading axis of the output counts, where that is a matrix or
a tensor; of a loss, what the leading axes of the given arrays count. Of an output that is a vector,
nothing says what counts samples: the parameters are the first matrix and what is declared after it.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..core.errors import UnknownNameError
from ..core.shapes import Shape
from ..problems import Problem
from ..problems.numpy_axes import array_shape


def parameters_of(
    problem: Problem, wrt: Sequence[str], chosen: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Return the names of the parameters, in the order of the variables.

    ``chosen`` overrules the rule. Raises UnknownNameError for one by which nothing is derived.

    >>> from symderiv.problems import problem
    >>> p = problem("Z = X @ W + b.T; L(Z)", X="n, d", W="d, m", b="m")
    >>> parameters_of(p, ["X", "W", "b"])
    ('W', 'b')
    """
    if chosen is not None:
        for name in chosen:
            if name not in wrt:
                raise UnknownNameError(
                    f"{name} cannot be a parameter: there is no gradient with respect to it",
                    remedy=f"choose from {', '.join(wrt)}",
                )
        return tuple(n for n in problem.variables if n in chosen)
    shapes = {n: array_shape(v.shape) for n, v in problem.variables.items()}
    derived = [n for n in problem.variables if n in wrt]
    output = problem.objective
    axes = array_shape(output.args[0].shape if output.is_loss else output.shape)
    if len(axes) == 1:
        first = next((k for k, n in enumerate(derived) if len(shapes[n]) > 1), len(derived))
        return tuple(derived[first:])
    if axes:
        return tuple(_without(derived, shapes, {*axes[0].names}))
    given = [shapes[n] for n in shapes if n not in wrt and shapes[n]]
    found = _without(derived, shapes, {n for axes in given for n in axes[0].names})
    return tuple(found or derived)


def _without(names: Sequence[str], shapes: dict[str, Shape], samples: set[str]) -> list[str]:
    return [n for n in names if not samples & {s for d in shapes[n] for s in d.names}]
