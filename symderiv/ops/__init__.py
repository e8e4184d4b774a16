"""The operator table: everything that is known about each operator, in one entry each."""

from . import (
    arithmetic,
    crossentropy,
    decompositions,
    distributions,
    einsum,
    entrywise,
    extremes,
    functions,
    indexing,
    joining,
    leaves,
    matrices,
    networks,
    norms,
    products,
    reductions,
    reshaping,
    running,
    shaping,
    softmax,
    special,
    toeplitz,
    vectors,
)
from .base import ATOM, FUNCTIONS, POWER, PRODUCT, SIGN, SUM, TABLE, Cells, Operator
