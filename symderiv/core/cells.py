"""The entries of an expression as lists in lists, one level for each axis, and functions of them.

Entries are scalars of any kind but lists; a matrix has two levels, a column as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from math import prod
from typing import Any

from .budget import spend

Cells = list[list[Any]]


def depth(cells: Any) -> int:
    """Return how many axes cells have.

    >>> depth([[1, 2]]), depth([[[1], [2]]])
    (2, 3)
    """
    count = 0
    while isinstance(cells, list):
        cells, count = cells[0], count + 1
    return count


def flat(cells: Any) -> list[Any]:
    """Return every entry, the last axis running fastest.

    >>> flat([[[1], [2]], [[3], [4]]])
    [1, 2, 3, 4]
    """
    if not isinstance(cells, list):
        return [cells]
    if not isinstance(cells[0], list):
        return [*cells]
    return [x for part in cells for x in flat(part)]


def sizes_of(cells: Any) -> tuple[int, ...]:
    """Return the number of entries along every axis.

    >>> sizes_of([[1, 2, 3]])
    (1, 3)
    """
    found: list[int] = []
    while isinstance(cells, list):
        found.append(len(cells))
        cells = cells[0]
    return tuple(found)


def each(function: Callable[..., Any], *cells: Any) -> Any:
    """Return a function of the entries at equal places of cells of one shape.

    >>> each(lambda x, y: x + y, [[1, 2]], [[3, 4]])
    [[4, 6]]
    """
    if not isinstance(cells[0], list):
        return function(*cells)
    if not isinstance(cells[0][0], list):
        return [function(*entries) for entries in zip(*cells, strict=True)]
    return [each(function, *parts) for parts in zip(*cells, strict=True)]


def built(sizes: Sequence[int], entry: Callable[..., Any], at: tuple[int, ...] = ()) -> Any:
    """Return cells of a shape; ``entry`` takes the place, counted from 0.

    Raises ValueError where an axis has no entries: lists would forget the axes behind it.

    >>> built((1, 2), lambda i, j: 10 * i + j)
    [[0, 1]]
    """
    if not at:
        spend(prod(sizes), f"an array of {prod(sizes):,} entries")
    if not sizes:
        return entry(*at)
    if sizes[0] < 1:
        raise ValueError("an axis without entries")
    return [built(sizes[1:], entry, (*at, k)) for k in range(sizes[0])]


def places(cells: Any) -> Iterator[tuple[int, ...]]:
    """Yield every place, counted from 1.

    >>> list(places([[7, 8]]))
    [(1, 1), (1, 2)]
    """
    yield from product(*(range(1, size + 1) for size in sizes_of(cells)))


def entry_at(cells: Any, place: Sequence[int]) -> Any:
    """Return the entry at a place that is counted from 1.

    >>> entry_at([[7, 8]], (1, 2))
    8
    """
    for k in place:
        cells = cells[k - 1]
    return cells


def replaced(cells: Any, place: Sequence[int], entry: Any) -> Any:
    """Return a copy with another entry at a place that is counted from 1.

    >>> replaced([[7, 8]], (1, 2), 9)
    [[7, 9]]
    """
    if not place:
        return entry
    here = place[0] - 1
    return [replaced(c, place[1:], entry) if k == here else c for k, c in enumerate(cells)]


def reshaped(entries: Sequence[Any], sizes: Sequence[int]) -> Any:
    """Return entries, the last axis running fastest, as cells of a shape.

    >>> reshaped([1, 2, 3, 4], (2, 2))
    [[1, 2], [3, 4]]
    """
    if not sizes:
        return entries[0]
    step = len(entries) // sizes[0]
    parts = (entries[k * step : (k + 1) * step] for k in range(sizes[0]))
    return [reshaped(part, sizes[1:]) for part in parts]


def levelled(cells: Any, rank: int) -> Any:
    """Return cells without their leading axes of size 1 beyond a rank."""
    while depth(cells) > rank:
        cells = cells[0]
    return cells


def turned_over(cells: Cells) -> Cells:
    """Return cells with rows and columns exchanged; of a stack, those of every matrix.

    >>> turned_over([[1, 2]])
    [[1], [2]]
    """
    if cells and isinstance(cells[0][0], list):
        return [turned_over(c) for c in cells]
    return [list(r) for r in zip(*cells, strict=True)]


def batched(args: Sequence[Any], function: Callable[[Sequence[Cells]], Cells]) -> Any:
    """Return a function of matrices at every position of the broadcast leading axes.

    >>> batched([[[[1]], [[2]]], [[5]]], lambda pair: [[pair[0][0][0] + pair[1][0][0]]])
    [[[6]], [[7]]]
    """
    deepest = max(map(depth, args))
    if deepest <= 2:
        return function(args)
    deep = [depth(a) == deepest for a in args]
    count = max(len(a) for a, is_deep in zip(args, deep, strict=True) if is_deep)

    def part(a: Any, is_deep: bool, k: int) -> Any:
        return a if not is_deep else a[k if len(a) > 1 else 0]

    return [
        batched([part(a, is_deep, k) for a, is_deep in zip(args, deep, strict=True)], function)
        for k in range(count)
    ]


def broadcast(args: Sequence[Cells], combine: Callable[..., Any]) -> Cells:
    """Return entrywise ``combine`` of cells, NumPy-broadcast, aligned from the last axis."""
    if max(map(depth, args)) > 2:
        tensor: Cells = batched(args, lambda parts: broadcast(parts, combine))
        return tensor
    rows, cols = max(len(a) for a in args), max(len(a[0]) for a in args)
    if all(len(a) == rows and len(a[0]) == cols for a in args):
        result: Cells = each(combine, *args)
        return result
    return [
        [
            combine(*(a[i if len(a) > 1 else 0][j if len(a[0]) > 1 else 0] for a in args))
            for j in range(cols)
        ]
        for i in range(rows)
    ]
