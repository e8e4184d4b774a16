"""Choices that programs of JAX and PyTorch write as masks: zeros, or minus infinity, elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import numpy_functions  # noqa: F401  fills the tables
from .array import FUNCTIONS, UFUNCS, Condition, Traced
from .array_expressions import call
from .index_arrays import Mask, mask_of
from .markers import INFINITY, hidden


def is_infinite(x: Any) -> bool:
    """Whether a number stands for minus infinity."""
    return type(x) is float and x <= -3e38


def masked(x: Any, condition: Any, where: bool) -> Traced:
    """Return an array with minus infinity where a condition holds, or where it does not.

    What a causal mask hides is written by adding the mask, as the language has it.
    """
    if isinstance(condition, Mask):
        seen = condition.opposite() if where else condition
        if seen.is_causal:
            causal = Traced(call("causal_mask", seen.dims, seen.dims[0]))
            return hidden(UFUNCS["add"](x, causal))
        condition = condition.condition()
    first, second = (INFINITY, x) if where else (x, INFINITY)
    return hidden(FUNCTIONS[np.where](condition, first, second))


def as_condition(x: Any) -> Any:
    """Return an array of truth values as a mask of positions or as a condition."""
    if isinstance(x, Mask) or type(x) is Condition:
        return x
    return mask_of(x) or UFUNCS["greater"](x, 0)


def chosen(condition: Any, yes: Any, no: Any) -> Any:
    """Return one value where a condition holds, and another elsewhere."""
    condition = as_condition(condition)
    yes, no = (x.ones() if isinstance(x, Mask) else x for x in (yes, no))
    if is_infinite(yes) or is_infinite(no):
        return masked(no if is_infinite(yes) else yes, condition, is_infinite(yes))
    if isinstance(condition, Mask):
        if type(no) in (int, float) and no == 0:
            return condition.kept(yes)
        if type(yes) in (int, float) and yes == 0:
            return condition.opposite().kept(no)
        condition = condition.condition()
    return FUNCTIONS[np.where](condition, yes, no)
