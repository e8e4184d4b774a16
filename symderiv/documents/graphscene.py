"""A graph as lines, boxes and labels at their places: what every printer of it draws.

Contract: pure and deterministic; lengths are in points, y grows downward; knows no formats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, hypot

from ..notation.math import Math, listed
from .graph import ComputationGraph, GraphNode, operation
from .graphlayout import Box, Path, Point, layers_of, place
from .theme import COTANGENT, INPUT
from .widths import width

WIDE, HIGH = 425.0, 620.0  # of a page's text, less a heading
SIZE, SMALL = 9.5, 8.0  # of letters
_READ_WELL = 0.8  # as small as a picture is made so that it leaves room beside it for text
LEGIBLE = 0.6  # a picture that must be made smaller than that is not printed
_HEIGHT = 15.5  # of a box
PITCH = 28.0  # from a layer to the next, at the least
_LINE = 11.5  # of parameters below each other
_PAD = 5.0
_SIDE = 17.0  # the arrow from parameters to their box
_PAIR = 1.7  # a pair of arrows, forward and backward, about its middle
_MARGIN = 2.0
HEAD = 3.5


@dataclass(frozen=True, slots=True)
class Frame:
    """A box by its upper left corner; ``role`` is the colour of its line."""

    x: float
    y: float
    width: float
    height: float
    role: str


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line through points; with a head at its end where ``head``."""

    points: Path
    role: str
    head: bool = True

    @property
    def pointing(self) -> tuple[int, int]:
        """Return the direction of the head, which is along an axis."""
        (a, b), (x, y) = self.points[-2:]
        return (x > a) - (x < a), (y > b) - (y < b)

    @property
    def triangle(self) -> Path:
        """Return the corners of the head."""
        (x, y), (u, v) = self.points[-1], self.pointing
        a, b = x - HEAD * u, y - HEAD * v
        w = 0.38 * HEAD
        return ((x, y), _rounded(a - w * v, b - w * u), _rounded(a + w * v, b + w * u))


@dataclass(frozen=True, slots=True)
class Label:
    """A formula; ``y`` is its baseline, ``anchor`` is start, middle or end."""

    x: float
    y: float
    text: Math
    role: str
    anchor: str = "middle"
    size: float = SIZE


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything to draw, and the extent of it."""

    width: float
    height: float
    frames: tuple[Frame, ...]
    strokes: tuple[Stroke, ...]
    labels: tuple[Label, ...]

    @property
    def scale(self) -> float:
        """Return how much smaller it is drawn, at most 1: to fit a page, a tall one about half."""
        whole = min(1.0, WIDE / self.width, HIGH / self.height)
        half = min(whole, HIGH / 2 / self.height)
        return round(max(half, min(whole, _READ_WELL)), 3)


def scene_of(graph: ComputationGraph) -> Scene:
    """Return the scene of a graph; operations are left out where a page is too narrow for them."""
    found = _Drawing(graph).scene()
    if found.width <= WIDE:
        return found
    plain = tuple(replace(n, operation="") for n in graph.nodes)
    return _Drawing(replace(graph, nodes=plain)).scene()


def depth(graph: ComputationGraph) -> int:
    """Return the number of layers."""
    arrows = [(e.source, e.target) for e in graph.edges]
    return 1 + max(layers_of([n.name for n in graph.nodes], arrows).values())


def _rounded(x: float, y: float) -> Point:
    return (round(x, 2), round(y, 2))


def _wide(math: Math, size: float = SIZE) -> float:
    return round(size * 1.05 * width(math), 1)


class _Drawing:
    """Draws one graph."""

    def __init__(self, graph: ComputationGraph) -> None:
        self.graph = graph
        self.lines = {n.name: _lines(n) for n in graph.nodes}
        self.boxes = {n.name: self._box(n) for n in graph.nodes}
        self.layout = place(self.boxes, [(e.source, e.target) for e in graph.edges])
        self.frames: list[Frame] = []
        self.strokes: list[Stroke] = []
        self.labels: list[Label] = []

    def _cells(self, n: GraphNode) -> tuple[float, float]:
        """Return the widths of the name and of the cotangent."""
        name = max(_wide(n.label) + 2 * _PAD, 20.0)
        return name, 0.0 if n.adjoint is None else _wide(n.adjoint) + 2 * _PAD

    def _box(self, n: GraphNode) -> Box:
        beside = max((_wide(line) for line in self.lines[n.name]), default=0.0)
        left = beside + _SIDE + 2 if beside else 0.0
        right = _wide(operation(n.operation), SMALL) + 4 if n.operation else 0.0
        height = max(_HEIGHT, _LINE * len(self.lines[n.name]))
        return Box(sum(self._cells(n)), height, left, right)

    def scene(self) -> Scene:
        """Return everything at its place."""
        for n in self.graph.nodes:
            self._draw(n)
        for e in self.graph.edges:
            path = self.layout.paths[e.source, e.target]
            self._arrows(self._between(path, e.source, e.target), e.backward)
        extent = self.layout
        m = 2 * _MARGIN
        return Scene(
            round(extent.width + m, 1),
            round(extent.height + m, 1),
            tuple(self.frames),
            tuple(self.strokes),
            tuple(self.labels),
        )

    def _between(self, path: Path, source: str, target: str) -> Path:
        """Return a path from the lower edge of one box to the upper edge of another."""
        (x, _), *inner, (u, _) = path
        start = self.layout.centers[source][1] + _HEIGHT / 2
        stop = self.layout.centers[target][1] - _HEIGHT / 2
        return ((x, start), *inner, (u, stop))

    def _draw(self, n: GraphNode) -> None:
        x, y = self._moved(self.layout.centers[n.name])
        name, other = self._cells(n)
        left, top = x - (name + other) / 2, y - _HEIGHT / 2
        base = y + 0.33 * SIZE
        role = INPUT if n.kind == "input" else "ink"
        self.frames.append(Frame(*_rounded(left, top), round(name + other, 1), _HEIGHT, "muted"))
        self.labels.append(Label(*_rounded(left + name / 2, base), n.label, role))
        if n.adjoint is not None:
            cut = left + name
            ends = (_rounded(cut, top), _rounded(cut, top + _HEIGHT))
            self.strokes.append(Stroke(ends, "rule", head=False))
            at = _rounded(cut + other / 2, base)
            self.labels.append(Label(*at, n.adjoint, COTANGENT))
        if n.operation:
            at = _rounded(left + name + other + 4, y + 0.3 * SMALL)
            self.labels.append(Label(*at, operation(n.operation), "muted", "start", SMALL))
        self._beside(n, left, y)

    def _beside(self, n: GraphNode, left: float, y: float) -> None:
        lines = self.lines[n.name]
        if not lines:
            return
        end = left - _SIDE - 2
        for k, line in enumerate(lines):
            base = y + (k - (len(lines) - 1) / 2) * _LINE + 0.33 * SIZE
            self.labels.append(Label(*_rounded(end, base), line, "ink", "end"))
        path = ((left - _SIDE, y), (left, y))
        m = _MARGIN
        back = any(p.receives for p in n.beside)
        self._arrows(tuple((a - m, b - m) for a, b in path), back)

    def _arrows(self, path: Path, backward: bool) -> None:
        moved = tuple(map(self._moved, path))
        if not backward:
            self.strokes.append(Stroke(moved, "muted"))
            return
        self.strokes.append(Stroke(_shifted(moved, _PAIR), "muted"))
        self.strokes.append(Stroke(_shifted(moved, -_PAIR)[::-1], COTANGENT))

    def _moved(self, p: Point) -> Point:
        return _rounded(p[0] + _MARGIN, p[1] + _MARGIN)


def _lines(n: GraphNode) -> list[Math]:
    """Return the parameters of a node in lines of one, two or three."""
    labels = [p.label for p in n.beside]
    if not labels:
        return []
    each = ceil(len(labels) / ceil(len(labels) / 2)) if len(labels) < 9 else 3
    return [listed(*labels[k : k + each]) for k in range(0, len(labels), each)]


def _shifted(path: Sequence[Point], by: float) -> Path:
    """Return the parallel of a path at a distance, at the right of one who walks along it."""
    normals = []
    for (a, b), (x, y) in pairwise(path):
        length = hypot(x - a, y - b)
        normals.append(((b - y) / length, (x - a) / length))
    found = []
    for k, (x, y) in enumerate(path):
        u, v = normals[max(k - 1, 0)]
        w, z = normals[min(k, len(normals) - 1)]
        stretch = by / (1 + u * w + v * z)
        found.append(_rounded(x + stretch * (u + w), y + stretch * (v + z)))
    return tuple(found)
