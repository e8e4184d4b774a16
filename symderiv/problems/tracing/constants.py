"""Arrays of numbers in a traced function, as expressions of the language.

What is a pattern (zeros, ones, an identity, a triangle of ones) is written as one; a small array
of other numbers is joined of its entries.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.shapes import size
from . import array_operations as operations
from .array_expressions import SymbolArray, call, entrywise, filled
from .user_places import refuse

_MOST = 64  # entries that are written one by one ..
_SHORT = 8  # .. each of no more signs


def constant(given: Any, written: Any, brought: Any) -> SymbolArray:
    """Return an array of numbers as an expression: ``written`` reads one number.

    ``brought`` makes a variable of an array of many numbers, or of long ones.

    >>> from symderiv.problems.tracing.array import operand
    >>> [constant(x, operand, None).expr for x in (np.eye(3), np.full(2, 0.5))]
    [eye(), mul(num(Fraction(1, 2)), ones())]
    """
    values = np.asarray(given, dtype=float)
    dims = tuple(map(size, values.shape))
    if not values.ndim:
        return written(float(values))  # type: ignore[no-any-return]
    if not values.size:
        raise refuse("an array without entries", "leave empty arrays out")
    found = pattern(values)
    if found is not None:
        return found
    first = values.flat[0]
    if (values == first).all():
        return entrywise("multiply", written(float(first)), filled("ones", dims))
    if values.size > _MOST or any(len(repr(float(v))) > _SHORT for v in values.flat):
        return brought(given)  # type: ignore[no-any-return]
    entries = [operations.reshape(written(float(v)), (size(1),)) for v in values.flat]
    return operations.reshape(operations.concatenated(entries), dims)


def pattern(values: Any) -> SymbolArray | None:
    """Return zeros, ones, an identity or a triangle of ones, None for other numbers."""
    dims = tuple(map(size, values.shape))
    for word, value in (("zeros", 0), ("ones", 1)):
        if (values == value).all():
            return filled(word, dims)
    if values.ndim != 2:
        return None
    if values.shape[0] == values.shape[1] and np.array_equal(values, np.eye(len(values))):
        return call("eye", dims, dims[0])
    for name, build in (("tril", np.tril), ("triu", np.triu)):
        for k in (0, -1 if name == "tril" else 1):
            if np.array_equal(values, build(np.ones_like(values), k)):
                other, wide = ("triu", -1) if name == "tril" else ("tril", 1)
                return operations.triangle(filled("ones", dims), k, name, other, wide)
    return None
