"""The operator table: everything that is known about each operator, in one entry each."""

from . import (
    arithmetic,
    entrywise,
    extremes,
    functions,
    indexing,
    leaves,
    networks,
    norms,
    reductions,
    reshaping,
    softmax,
    special,
    vectors,
)
from .base import ATOM, FUNCTIONS, POWER, PRODUCT, SIGN, SUM, TABLE, Cells, Operator

__all__ = [
    "ATOM",
    "FUNCTIONS",
    "POWER",
    "PRODUCT",
    "SIGN",
    "SUM",
    "TABLE",
    "Cells",
    "Operator",
    "arithmetic",
    "entrywise",
    "extremes",
    "functions",
    "indexing",
    "leaves",
    "networks",
    "norms",
    "reductions",
    "reshaping",
    "softmax",
    "special",
    "vectors",
]
