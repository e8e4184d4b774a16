"""The operator table: everything that is known about each operator, in one entry each."""

from . import (
    arithmetic,
    entrywise,
    functions,
    indexing,
    leaves,
    networks,
    reductions,
    reshaping,
    vectors,
)
from .base import ATOM, POWER, PRODUCT, SIGN, SUM, TABLE, Cells, Operator

__all__ = [
    "ATOM",
    "POWER",
    "PRODUCT",
    "SIGN",
    "SUM",
    "TABLE",
    "Cells",
    "Operator",
    "arithmetic",
    "entrywise",
    "functions",
    "indexing",
    "leaves",
    "networks",
    "reductions",
    "reshaping",
    "vectors",
]
