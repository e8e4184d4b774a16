"""Takes expressions with branches; returns points in every branch and close to every boundary.

The boundaries of ``where``, ``relu``, ``abs`` and their like cut the space into cells. Lines
between random points of several scales are cut where a side of a boundary changes, until each cell
on the way is met. A point is kept for a cell that no earlier point is in, and two for each
boundary, one on each side, closer to it than what a person rounds. Whether the gradients have
values there is for the caller to see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...core.expr import Expr, add, free_indices, neg, num, walk
from ...ops import TABLE
from ...ops.text import text

_MOST_BOUNDARIES = 16
_MOST_CELLS = 24
_SCALES = (1.0, 0.2, 1.0, 0.05, 3.0)  # of the points between which lines are drawn, ..
_FAR = (0.05, 30.0, 0.05, 1000.0, 1.0, 30.0)  # .. and where a side was on none of them
_PARTS = 8  # of a line
_HALVINGS = 12  # of a part in which a side changes
Arrays = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Boundary:
    """What is positive on one side of a boundary, and how the two sides are written."""

    margin: Expr
    words: str
    other: str


def boundaries(x: Expr) -> list[Boundary]:
    """Return the boundaries between the branches of an expression.

    >>> from symderiv.problems import problem
    >>> [b.words for b in boundaries(problem("sum(where(x <= 0.3, relu(x), 0))", x="n").objective)]
    ['x > 0', 'x > 0.3']
    >>> [b.words for b in boundaries(problem("sum(clip(x, -1, s))", x="n", s="scalar").objective)]
    ['x > -1', 'x > s', '-1 > s']
    """
    found: dict[Expr, Boundary] = {}
    for e in walk(x):
        for left, right in _compared(e):
            margin, sides = add(left, neg(right)), (text(left), text(right))
            varies = any(a.op == "var" for a in walk(margin))
            if varies and not free_indices(margin):
                found.setdefault(margin, Boundary(margin, " > ".join(sides), " <= ".join(sides)))
    return list(found.values())[:_MOST_BOUNDARIES]


def _compared(e: Expr) -> Sequence[tuple[Expr, Expr]]:
    """Return what an operator compares, two by two, to choose between its branches."""
    pieces = TABLE[e.op].pieces
    if pieces in ("zero", "sign", "signs"):
        return [(e.args[0], num(0))]
    if pieces == "order":
        return [(e.args[0], e.args[1])]
    if pieces == "bounds":  # which of two bounds counts is a choice as well
        x, low, high = e.args
        return [(x, low), (x, high), (low, high)]
    return []


Sides = tuple[Any, ...]  # for each boundary, in which entries the margin is positive


@dataclass(slots=True)
class Branches:
    """The search for points in every cell; ``value`` gives an expression at a point."""

    boundaries: Sequence[Boundary]
    value: Callable[[Expr, Arrays], Any]
    met: set[tuple[Any, ...]] = field(default_factory=set)
    close: set[tuple[int, bool]] = field(default_factory=set)
    kept: list[Arrays] = field(default_factory=list)

    def sides(self, point: Arrays) -> Sides | None:
        """Return the sides of all boundaries on which a point is; None where one has no value."""
        found = [self.value(b.margin, point) for b in self.boundaries]
        if any(m is None or not np.all(np.isfinite(m)) for m in found):
            return None
        return tuple(np.asarray(m) > 0 for m in found)

    def see(self, point: Arrays) -> Sides | None:
        """Note the cells that a point is in, and keep it where one is new."""
        sides = self.sides(point)
        if sides is None:
            return None
        cells = set(_cells(sides))
        if not cells <= self.met and len(self.kept) < _MOST_CELLS:
            self.kept.append(point)
        self.met |= cells
        return sides

    def along(self, points: Sequence[Arrays]) -> list[Arrays]:
        """Return the points that are kept on the lines from each point to the next."""
        for first, second in zip(points, points[1:]):
            ends = [_between(first, second, k / _PARTS) for k in range(_PARTS + 1)]
            seen = [self.see(p) for p in ends]
            for k in range(_PARTS):
                self._cut(ends[k], seen[k], ends[k + 1], seen[k + 1], _HALVINGS)
        return self.kept

    def _cut(self, a: Arrays, at_a: Sides | None, b: Arrays, at_b: Sides | None, left: int) -> None:
        """Halve the way between two points as long as it may hold a cell, or comes closer."""
        if at_a is None or at_b is None:
            return
        changed = [k for k, (x, y) in enumerate(zip(at_a, at_b)) if not np.array_equal(x, y)]
        wanted = [k for k in changed if not {(k, True), (k, False)} <= self.close]
        if not changed or (not wanted and sum(map(_differing, at_a, at_b)) < 2):
            return
        if not left:
            self._keep_close(wanted, ((a, at_a, at_b), (b, at_b, at_a)))
            return
        middle = _between(a, b, 0.5)
        at_middle = self.see(middle)
        self._cut(a, at_a, middle, at_middle, left - 1)
        self._cut(middle, at_middle, b, at_b, left - 1)

    def _keep_close(
        self, wanted: Sequence[int], ends: Sequence[tuple[Arrays, Sides, Sides]]
    ) -> None:
        for point, here, there in ends:
            new = {(k, bool(s)) for k in wanted for s in here[k][here[k] != there[k]]}
            if not new <= self.close:
                self.close |= new
                self.kept.append(point)

    def missed(self) -> Iterator[str]:
        """Yield, in words, the sides of boundaries on which no point was."""
        for k, b in enumerate(self.boundaries):
            seen = {side for (_, members, sides) in self.met for j, side in zip(members, sides)
                    if j == k}  # fmt: skip
            if seen == {False}:
                yield b.words
            elif seen == {True}:
                yield b.other


def _cells(sides: Sides) -> Iterator[tuple[Any, ...]]:
    """Yield the sides of each entry, together for the boundaries of arrays of one shape."""
    for shape in dict.fromkeys(s.shape for s in sides):
        members = tuple(k for k, s in enumerate(sides) if s.shape == shape)
        columns = np.stack([sides[k].ravel() for k in members], axis=1)
        for row in {tuple(map(bool, r)) for r in columns}:
            yield shape, members, row


def _differing(a: Any, b: Any) -> int:
    return int(np.sum(a != b))


def _between(a: Arrays, b: Arrays, t: float) -> dict[str, Any]:
    """Return the point that is a part of the way from one to another."""
    return {n: x + t * (b[n] - x) for n, x in a.items()}


def search(
    branches: Branches, draw: Callable[[int], Arrays], free: Sequence[str], seed: int
) -> list[Arrays]:
    """Return points in new cells and close to boundaries; only the free variables differ."""
    first = draw(seed)

    def points(scales: Sequence[float]) -> list[Arrays]:
        drawn = [draw(seed + k) for k in range(len(scales))]
        return [
            {n: d[n] * s if n in free else x for n, x in first.items()}
            for d, s in zip(drawn, scales, strict=True)
        ]

    found = branches.along(points(_SCALES))
    return branches.along(points(_FAR)) if any(branches.missed()) else found
