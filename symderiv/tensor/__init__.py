"""Index terms: contractions over named indices with Kronecker deltas, hash-consed and canonical."""

from .contraction import components, constant, contract, is_symmetric, monomial, scaled, transposed
from .scale import Scale
from .sums import add, summands
from .terms import (
    Factor,
    Function,
    Label,
    Term,
    call,
    delta,
    factors_of,
    fuse,
    is_entrywise,
    is_zero,
    leaf,
    named,
    share,
    unit,
    zero,
)
from .value import COLUMN, INNER, ROW, Value, labels, product, spread

__all__ = [
    "COLUMN",
    "INNER",
    "ROW",
    "Factor",
    "Function",
    "Label",
    "Scale",
    "Term",
    "Value",
    "add",
    "call",
    "components",
    "constant",
    "contract",
    "delta",
    "factors_of",
    "fuse",
    "is_entrywise",
    "is_symmetric",
    "is_zero",
    "labels",
    "leaf",
    "monomial",
    "named",
    "product",
    "scaled",
    "share",
    "spread",
    "summands",
    "transposed",
    "unit",
    "zero",
]
