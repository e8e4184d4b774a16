"""Arrays of numbers that a module keeps, as the patterns that they are: a triangle of ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.shapes import size
from .array import FUNCTIONS, Traced, explained
from .array_expressions import SymbolArray, filled


def pattern_of(tensor: Any) -> Traced | None:
    """Return a constant array as an expression of the language, None where it is just numbers."""
    values = np.asarray(tensor.detach().cpu().numpy())
    if values.ndim == 0:
        number = float(values)
        return Traced(SymbolArray((), explained(abs(number)))) if number >= 0 else None
    dims = tuple(map(size, values.shape))
    if values.ndim > 1 and all(n == 1 for n in values.shape[:-2]):
        matrix = values.reshape(values.shape[-2:]).astype(float)
        ones = Traced(filled("ones", dims[-2:]))
        for name in ("tril", "triu"):
            if np.array_equal(matrix, getattr(np, name)(np.ones_like(matrix))):
                found = FUNCTIONS[getattr(np, name)](ones)
                return Traced(SymbolArray(dims, found._array.expr))
    for word, value in (("ones", 1), ("zeros", 0)):
        if (values == value).all():
            return Traced(filled(word, dims))
    return None
