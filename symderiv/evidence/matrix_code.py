"""The functions of a module that return Jacobians and Hessians, as functions of named arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..codegen.matrix_functions import MatrixFunction
from ..codegen.module import Compiled
from ..core.errors import InputError
from ..core.expr import walk
from ..derivation.jacobians import DerivativeMatrix
from ..ops.functions import loss_parts
from .differences import relative_error


def matrix_value(jacobian: DerivativeMatrix, compiled: Compiled) -> Callable[..., Any]:
    """Return the matrix that a module computes as a function of its arrays by name.

    Raises InputError where an unspecified loss in what is differentiated has no value.
    """
    function = _function(jacobian, compiled)
    losses = [loss_parts(e)[0] for e in walk(jacobian.value) if e.is_loss]
    if losses:
        raise InputError(
            f"the code of the {jacobian.kind} cannot be checked: what is differentiated has the "
            f"unspecified {losses[0]} in it",
            remedy="write the loss out",
        )
    return lambda **arrays: np.asarray(_called(compiled, function.name, function, arrays, ()))


def product_error(
    jacobian: DerivativeMatrix, compiled: Compiled, arrays: Mapping[str, Any], matrix: Any
) -> float | None:
    """Return how far the product with a direction is from that of a matrix; None without one."""
    function = _function(jacobian, compiled)
    if not function.product:
        return None
    if function.of:
        shape = np.shape(arrays[function.by])
    else:
        inputs = [arrays[n] for n in compiled.module.forward]
        shape = np.shape(compiled.forward(*inputs, **_keywords(compiled, arrays)))
    direction = np.random.default_rng(len(matrix.shape)).uniform(-1, 1, shape)
    found = _called(compiled, function.product, function, arrays, (direction,))
    if function.product == "backward":
        found = found[function.by]
    plain = matrix.T if function.turned else matrix
    if function.of:
        return relative_error(np.ravel(found, "F"), plain @ np.ravel(direction, "F"))
    if np.ndim(arrays[function.by]):
        expected = plain.T @ np.ravel(direction, "F")
    else:
        expected = np.sum(plain * np.reshape(direction, plain.shape))
    return relative_error(np.ravel(found, "F"), np.ravel(expected))


def _function(jacobian: DerivativeMatrix, compiled: Compiled) -> MatrixFunction:
    asked = (jacobian.of, jacobian.name)
    return next(m for m in compiled.module.matrices if (m.of, m.by) == asked)


def _called(
    compiled: Compiled,
    name: str,
    function: MatrixFunction,
    arrays: Mapping[str, Any],
    more: tuple[Any, ...],
) -> Any:
    """Return what a function of a module returns at arrays by name."""
    factor = "" if function.of else function.direction
    plain = [arrays[n] for n in compiled.module.backward if n != factor]
    with np.errstate(all="ignore"):
        return getattr(compiled, name)(*plain, *more, **_keywords(compiled, arrays))


def _keywords(compiled: Compiled, arrays: Mapping[str, Any]) -> dict[str, Any]:
    named = (*(n for n, _ in compiled.module.functions), *compiled.module.sizes)
    return {n: arrays[n] for n in named}
