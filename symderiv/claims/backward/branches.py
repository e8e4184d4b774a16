"""Takes expressions with branches; returns points in every branch and close to every boundary.

The boundaries of ``where``, ``relu``, ``abs`` and their like cut the space into cells. Lines
between random points of several scales are cut where a side of a boundary changes, until each cell
on the way is met. A point is kept for a cell that no earlier point is in, and two for each
boundary, one on each side, closer to it than what a person rounds. A line meets no corner, where
several entries are close to a boundary at once (as where the largest of them changes its sign):
corners are solved for. Whether the gradients have values there is for the caller to see.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice, product, zip_longest
from typing import Any

import numpy as np

from ...core.expr import Expr, add, free_indices, neg, node, num, walk
from ...core.shapes import reduced_shape
from ...ops import TABLE
from ...ops.text import text

_MOST_BOUNDARIES = 16
_MOST_CELLS = 24
_SCALES = (1.0, 0.2, 1.0, 0.05, 3.0)  # of the points between which lines are drawn, ..
_FAR = (0.05, 30.0, 0.05, 1000.0, 1.0, 30.0)  # .. and where a side was on none of them
_PARTS = 8  # of a line
_HALVINGS = 12  # of a part in which a side changes
_MOST_ENTERED = 4  # cells between which lines are drawn again, variable by variable
_MOST_CLOSE = 48  # boundaries that are met, each with the sides of others
_MOST_AROUND = 24  # points around corners
_MOST_SLOPES = 400  # of the margins by all entries, beyond which corners are not looked for
_NEWTON = 8  # steps to a corner
_STEP, _NEAR = 1e-6, 1e-4  # for a slope, and from a corner
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
    >>> [b.words for b in boundaries(problem('norm(x, "inf")', x="n").objective)]
    ['x > 0', 'max_mask(abs(x)) > 0.5']
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
    if pieces == "size":
        return [(e.args[0], num(0)), *_largest("max", node("abs", e.args, e.args[0].shape), None)]
    if pieces == "largest":
        return _largest(e.op[:3], e.args[0], e.data)
    if pieces == "order":
        return [(e.args[0], e.args[1])]
    if pieces == "bounds":  # which of two bounds counts is a choice as well
        x, low, high = e.args
        return [(x, low), (x, high), (low, high)]
    return []


def _largest(extreme: str, x: Expr, axis: Hashable) -> Sequence[tuple[Expr, Expr]]:
    """Return what is positive at the entry that is largest (or smallest) of several."""
    if reduced_shape(x.shape, axis) == x.shape:  # type: ignore[arg-type]
        return []
    return [(node(f"{extreme}_mask", (x,), x.shape, axis), num(Fraction(1, 2)))]


Sides = tuple[Any, ...]  # for each boundary, in which entries the margin is positive


@dataclass(slots=True)
class Branches:
    """The search for points in every cell; ``value`` gives an expression at a point."""

    boundaries: Sequence[Boundary]
    value: Callable[[Expr, Arrays], Any]
    met: set[tuple[Any, ...]] = field(default_factory=set)
    close: set[tuple[Any, ...]] = field(default_factory=set)
    kept: list[Arrays] = field(default_factory=list)
    entered: list[Arrays] = field(default_factory=list)  # the first in each cell

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
            self.entered.append(point)
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
        crossed = set(_crossed(at_a, at_b))
        wanted = crossed - self.close if len(self.close) < _MOST_CLOSE else set()
        if not crossed or (not wanted and sum(map(_differing, at_a, at_b)) < 2):
            return
        if not left:
            self.close |= crossed
            # What one entry gains another may lose: then each end is on both sides.
            self.kept += [a, b] if wanted else []
            return
        middle = _between(a, b, 0.5)
        at_middle = self.see(middle)
        self._cut(a, at_a, middle, at_middle, left - 1)
        self._cut(middle, at_middle, b, at_b, left - 1)

    def around(self, point: Arrays, free: Sequence[str]) -> None:
        """Keep points around the corners that lie near a point: entries of one boundary, together.

        Each entry is the farthest from it in turn, and the nearest, on both of its sides.
        """
        corners = [
            _Corner(lambda p, b=b: self.value(b.margin, p), point, free).points()  # type: ignore[misc]
            for b in self.boundaries
        ]
        found = (p for turn in zip_longest(*corners) for p in turn if p is not None)
        self.kept += islice((p for p in found if self.sides(p) is not None), _MOST_AROUND)

    def missed(self) -> Iterator[str]:
        """Yield, in words, the sides of boundaries on which no point was."""
        for k, b in enumerate(self.boundaries):
            seen = {side for (_, members, sides) in self.met for j, side in zip(members, sides)
                    if j == k}  # fmt: skip
            if seen == {False}:
                yield b.words
            elif seen == {True}:
                yield b.other


class _Corner:
    """Where all entries of a margin are 0, by Newton's method, and points around there."""

    def __init__(self, margin: Callable[[Arrays], Any], start: Arrays, free: Sequence[str]) -> None:
        self._margin, self._start = margin, start
        self._free = [n for n in free if np.size(start[n])]

    def points(self) -> Iterator[Arrays]:
        """Yield the points at which one entry is farthest from 0, or nearest, above it or below.

        None where there are so many entries to move that finding them takes too much.
        """
        count = np.size(self._margin(self._start))
        free = sum(np.size(self._start[n]) for n in self._free)
        is_small = count > 1 and count * free <= _MOST_SLOPES
        steps = self._solved(np.zeros(count), None) if is_small else None
        turns = product(range(count), ((1.0, -0.3), (-1.0, 0.3), (-0.3, -1.0), (0.3, 1.0)))
        for k, (at_one, at_others) in turns if steps is not None else ():
            target = np.where(np.arange(count) == k, at_one, at_others) * _NEAR
            found = self._solved(target, steps)
            if found is not None:
                yield self._moved(found)

    def _moved(self, steps: Any) -> dict[str, Any]:
        moved, first = dict(self._start), 0
        for n in self._free:
            x = self._start[n]
            moved[n] = x + np.reshape(steps[first : first + np.size(x)], np.shape(x))
            first += np.size(x)
        return moved

    def _at(self, steps: Any) -> Any:
        with np.errstate(all="ignore"):
            value = self._margin(self._moved(steps))
        return np.ravel(np.nan if value is None else value)

    def _solved(self, target: Any, steps: Any) -> Any:
        """Return steps to where the margin is about a target; None where none are found."""
        steps = (
            np.zeros(sum(np.size(self._start[n]) for n in self._free)) if steps is None else steps
        )
        for _ in range(_NEWTON):
            here = self._at(steps)
            if here.shape != target.shape or not np.all(np.isfinite(here)):
                return None
            if np.max(np.abs(target - here)) <= _NEAR / 10:
                return steps
            slopes = [(self._at(steps + _STEP * d) - here) / _STEP for d in np.eye(len(steps))]
            if not slopes or not np.all(np.isfinite(slopes)):
                return None
            steps = steps + np.linalg.lstsq(np.transpose(slopes), target - here, rcond=1e-9)[0]
        return None


def _cells(sides: Sides) -> Iterator[tuple[Any, ...]]:
    """Yield the sides of each entry, together for the boundaries of arrays of one shape."""
    for shape in dict.fromkeys(s.shape for s in sides):
        members = tuple(k for k, s in enumerate(sides) if s.shape == shape)
        columns = np.stack([sides[k].ravel() for k in members], axis=1)
        for row in {tuple(map(bool, r)) for r in columns}:
            yield shape, members, row


def _crossed(here: Sides, there: Sides) -> Iterator[tuple[Any, ...]]:
    """Yield the boundaries between two points, with the sides of the others for the same entry."""
    for k, (a, b) in enumerate(zip(here, there)):
        others = [s for j, s in enumerate(here) if j != k and s.shape == a.shape]
        for at in zip(*np.nonzero(a != b)) if a.shape else ([()] if a != b else []):
            yield k, *(bool(s[at]) for s in others)


def _differing(a: Any, b: Any) -> int:
    return int(np.sum(a != b))


def _between(a: Arrays, b: Arrays, t: float) -> dict[str, Any]:
    """Return the point that is a part of the way from one to another."""
    return {n: x + t * (b[n] - x) for n, x in a.items()}


def _staircase(points: Sequence[Arrays], free: Sequence[str]) -> Iterator[Arrays]:
    """Yield points from each to the next by way of one variable after the other.

    There and back, two conditions on different variables meet in all four ways.
    """
    for first, second in zip(points, points[1:]):
        at = dict(first)
        yield dict(at)
        for n in free:
            at[n] = second[n]
            yield dict(at)


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

    branches.along(points(_SCALES))
    if any(branches.missed()):
        branches.along(points(_FAR))
    if len(branches.boundaries) > 1:
        there = branches.entered[:_MOST_ENTERED]
        branches.along([*_staircase([*there, *reversed(there[:-1])], free)])
    branches.around(first, free)
    return branches.kept
