"""What a backward function returned: arrays by the name of the variable.

A result is one array, a mapping (keys W, dW, grad_W, W_grad, dL/dW), an object with such fields,
or a tuple in the order of the variables. Arrays may be NumPy's, PyTorch's or JAX's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import InputError

_SPELLINGS = ("{}", "d{}", "grad_{}", "{}_grad", "dL/d{}", "dL_d{}", "d_{}", "grad{}", "g{}")


def by_name(
    result: Any, wrt: Sequence[str], variables: Sequence[str], asked: bool
) -> dict[str, Any]:
    """Return the gradients that a function returned; raises InputError where they cannot be told.

    ``asked`` says whether all of ``wrt`` must be there.
    """
    if result is None:
        raise InputError(
            "the callable returned None",
            remedy="return the gradient, or a dict or a tuple of gradients",
        )
    found = _pairs(result, wrt, variables)
    missing = [n for n in wrt if n not in found]
    if missing and (asked or not found):
        raise InputError(
            f"the callable returned no gradient by {missing[0]}",
            remedy=f"return a dict with {missing[0]!r}, or a tuple in the order {', '.join(wrt)}",
        )
    return {n: array_of(found[n], n) for n in wrt if n in found}


def _pairs(result: Any, wrt: Sequence[str], variables: Sequence[str]) -> dict[str, Any]:
    if isinstance(result, Mapping):
        return _named(result, wrt)
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        return _named({f.name: getattr(result, f.name) for f in dataclasses.fields(result)}, wrt)
    if hasattr(result, "_asdict"):
        named = _named(result._asdict(), wrt)
        if named:
            return named
    if not _is_sequence(result):
        if len(wrt) > 1:
            raise InputError(
                f"the callable returned one array, for {len(wrt)} gradients",
                remedy=f"return them all, or say which it is: wrt={wrt[0]!r}",
            )
        return {wrt[0]: result}
    for order in (wrt, variables):
        if len(result) == len(order):
            return {n: x for n, x in zip(order, result, strict=True) if x is not None}
    raise InputError(
        f"the callable returned {len(result)} arrays, for {len(wrt)} gradients",
        remedy=f"return them in the order {', '.join(wrt)}, or as a dict",
    )


def _is_sequence(result: Any) -> bool:
    """Whether a result is several arrays; a list of numbers is one."""
    if isinstance(result, tuple):
        return True
    return isinstance(result, list) and any(hasattr(x, "shape") or x is None for x in result)


def _named(result: Mapping[str, Any], wrt: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for n in wrt:
        for spelling in _SPELLINGS:
            if found.get(n) is None and result.get(spelling.format(n)) is not None:
                found[n] = result[spelling.format(n)]
    return {n: x for n, x in found.items() if x is not None}


def array_of(x: Any, name: str) -> Any:
    """Return a NumPy array of what may be another library's."""
    try:
        if hasattr(x, "detach"):
            x = x.detach().cpu().resolve_conj().resolve_neg().numpy()
        array = np.asarray(x)
    except (TypeError, ValueError) as error:
        raise InputError(f"the gradient by {name} is not an array of numbers: {error}") from None
    if array.dtype.kind not in "fciub":
        raise InputError(
            f"the gradient by {name} is not an array of numbers: it is {type(x).__name__}"
        )
    return np.array(array)
