"""Takes a node and sizes; returns about how many operations it takes in exact arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

from ..core.expr import Expr

_ITERATED = 300  # operations that a matrix function takes for each entry of a product

Work = Callable[[Expr, int, Mapping[str, int]], int]  # from a node, its entries, and the sizes


def each_entry(e: Expr, entries: int, sizes: Mapping[str, int]) -> int:
    """Return one for every entry."""
    return entries


def products(e: Expr, entries: int, sizes: Mapping[str, int]) -> int:
    """Return what a matrix product takes."""
    return entries * max(a.shape[-1].at(sizes) for a in e.args)


def every_place(e: Expr, entries: int, sizes: Mapping[str, int]) -> int:
    """Return one for every choice of places along all the axes of the arguments."""
    met = dict.fromkeys(d for a in e.args for d in a.shape)
    return int(max(entries, prod(d.at(sizes) for d in met)))


def minors(e: Expr, entries: int, sizes: Mapping[str, int]) -> int:
    """Return what a determinant by all its minors takes for every entry."""
    return entries * (1 << e.args[0].shape[-1].at(sizes))


def iterated(e: Expr, entries: int, sizes: Mapping[str, int]) -> int:
    """Return what a function of a matrix by iterations takes."""
    size: int = max(d.at(sizes) for a in e.args for d in a.shape)
    return size**3 * _ITERATED
