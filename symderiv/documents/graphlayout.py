"""Where the boxes and arrows of a graph stand: layers from top to bottom, few crossings.

Purpose: place any directed acyclic graph of boxes, so that every arrow points down and none passes
through a box. The method is that of layers: longest paths, long arrows through waypoints in every
layer between, orders by barycentres in sweeps, coordinates by least squares that keep the order.
Contract: pure and deterministic; lengths are in points, y grows downward; knows no formats.
Source: K. Sugiyama, S. Tagawa, M. Toda, "Methods for visual understanding of hierarchical system
structures", IEEE Trans. Systems, Man and Cybernetics 11 (1981).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

STUB = 5.0  # an arrow leaves and enters a box vertically, by so much
_APART = 13.0  # between neighbours in a layer
_PORT = 8.0  # between two arrows at one box
_STRAIGHT = 13.0  # between two layers whose arrows all are vertical
_SLANT = 9.0  # more than the stubs, where arrows are slanted
_BESIDE = 5.0  # between two arrows that leave a box towards the same side
_STEEP = 0.11  # height for the width that a slanted arrow bridges
_SWEEPS = 12
_ROUNDS = 160
_LOOSE, _TIGHTER, _TIGHT = 60.0, 0.95, 0.3  # how the least squares turn into least distances
_SHARP = 1.5
_NEARLY = 6.0  # an arrow that leans by less is made vertical


@dataclass(frozen=True, slots=True)
class Box:
    """A box to be placed: its width, and what stands at its left and right."""

    width: float
    height: float
    left: float = 0.0
    right: float = 0.0


Point = tuple[float, float]
Path = tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class GraphLayout:
    """The middles of boxes, the paths of arrows, and the extent of all."""

    centers: dict[str, Point]
    paths: dict[tuple[str, str], Path]
    width: float
    height: float


@dataclass(slots=True)
class _Spot:
    """A place in a layer: a box, or a waypoint of a long arrow."""

    box: Box
    layer: int
    real: bool
    ups: list[int]
    downs: list[int]
    x: float = 0.0


def layers_of(names: Sequence[str], arrows: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return the layer of every node: the longest path to it.

    What depends on one source alone stands, with it, as low as the rest allows.

    ``names`` are in an order in which every arrow points forward.

    >>> layers_of("adbc", [("a", "b"), ("b", "c"), ("d", "c")])
    {'a': 0, 'd': 1, 'b': 1, 'c': 2}
    """
    above: dict[str, list[str]] = {n: [] for n in names}
    for a, b in arrows:
        above[b].append(a)
    order = [n for n in names if above[n]]
    found = {n: 0 for n in names if not above[n]}
    for n in order:
        found[n] = 1 + max(found[a] for a in above[n])
    origins: dict[str, frozenset[str]] = {}
    for n in names:
        origins[n] = frozenset().union(*(origins[a] for a in above[n])) or frozenset({n})
    for source in (n for n in names if not above[n]):
        own = {n for n in names if origins[n] == {source}}
        room = [found[b] - found[a] - 1 for a, b in arrows if a in own and b not in own]
        for n in own if room else ():
            found[n] += min(room)
    return {n: found[n] for n in names}


def place(boxes: Mapping[str, Box], arrows: Sequence[tuple[str, str]]) -> GraphLayout:
    """Return the layout of boxes and arrows between them.

    ``boxes`` are in an order in which every arrow points forward, and no arrow occurs twice.
    """
    return _Placing(boxes, arrows).layout()


class _Placing:
    """One run of the method."""

    def __init__(self, boxes: Mapping[str, Box], arrows: Sequence[tuple[str, str]]) -> None:
        names = list(boxes)
        layer = layers_of(names, arrows)
        self.number = {n: k for k, n in enumerate(names)}
        self.spots = [_Spot(boxes[n], layer[n], True, [], []) for n in names]
        self.chains: dict[tuple[str, str], list[int]] = {}
        for a, b in arrows:
            chain = [self.number[a]]
            for level in range(layer[a] + 1, layer[b]):
                self.spots.append(_Spot(Box(_PORT - _APART / 2, 0.0), level, False, [], []))
                chain.append(len(self.spots) - 1)
            chain.append(self.number[b])
            self.chains[a, b] = chain
            for u, v in pairwise(chain):
                self.spots[u].downs.append(v)
                self.spots[v].ups.append(u)
        count = 1 + max((s.layer for s in self.spots), default=-1)
        self.rows: list[list[int]] = [[] for _ in range(count)]
        for k, s in enumerate(self.spots):
            self.rows[s.layer].append(k)

    def layout(self) -> GraphLayout:
        """Return the layout."""
        self._order()
        self._align()
        tops, height = self._heights()
        left = min((s.x - s.box.width / 2 - s.box.left for s in self.spots), default=0.0)
        right = max((s.x + s.box.width / 2 + s.box.right for s in self.spots), default=0.0)
        for s in self.spots:
            s.x = round(s.x - left, 1)
        centers = {}
        for name, k in self.number.items():
            low, high = tops[self.spots[k].layer]
            centers[name] = (self.spots[k].x, round((low + high) / 2, 1))
        paths = {arrow: self._path(chain, tops) for arrow, chain in self.chains.items()}
        return GraphLayout(centers, paths, round(right - left, 1), height)

    # -- orders ---------------------------------------------------------------------------------

    def _order(self) -> None:
        """Order every layer by the mean place of its neighbours; keep the best that was seen."""
        start = self.rows
        best, least = start, self._crossings()
        for turned, upward in product((False, True), repeat=2):
            self.rows = [r[::-1] if turned else list(r) for r in start]
            for sweep in range(_SWEEPS):
                down = (sweep % 2 == 0) != upward
                for row in self.rows if down else reversed(self.rows):
                    self._sort(row, down)
                count = self._crossings()
                if count < least:
                    best, least = [list(r) for r in self.rows], count
        self.rows = best

    def _sort(self, row: list[int], down: bool) -> None:
        places = {k: i for r in self.rows for i, k in enumerate(r)}
        means: dict[int, float] = {}
        for i, k in enumerate(row):
            near = self.spots[k].ups if down else self.spots[k].downs
            here = [self._relative(n, places) for n in near] or [(i + 0.5) / len(row)]
            means[k] = sum(here) / len(here)
        row.sort(key=means.__getitem__)

    def _relative(self, k: int, places: Mapping[int, int]) -> float:
        return (places[k] + 0.5) / len(self.rows[self.spots[k].layer])

    def _crossings(self) -> int:
        count = 0
        for upper, lower in pairwise(self.rows):
            place = {k: i for i, k in enumerate(lower)}
            ends = [sorted(place[d] for d in self.spots[k].downs) for k in upper]
            seen: list[int] = []
            for row in ends:
                count += sum(1 for e in row for s in seen if s > e)
                seen += row
        return count

    # -- coordinates ----------------------------------------------------------------------------

    def _port(self, k: int, other: int, down: bool) -> float:
        """Return how far from the middle of a spot the arrow to another is fixed."""
        s = self.spots[k]
        near = s.downs if down else s.ups
        if len(near) < 2:
            return 0.0
        row = self.rows[self.spots[near[0]].layer]
        ordered = sorted(near, key=row.index)
        step = min(_PORT, (s.box.width - 4) / len(near))
        return step * (ordered.index(other) - (len(near) - 1) / 2)

    def _align(self) -> None:
        """Move spots towards their neighbours, in the order that they have."""
        ports: dict[tuple[int, int], float] = {}
        for k, s in enumerate(self.spots):
            ports.update({(k, d): self._port(k, d, True) for d in s.downs})
            ports.update({(k, u): self._port(k, u, False) for u in s.ups})
        for row in self.rows:
            gaps = self._gaps(row)
            start = -gaps[-1] / 2
            for k, g in zip(row, gaps, strict=True):
                self.spots[k].x = start + g
        for turn in range(_ROUNDS):
            slack = max(_LOOSE * _TIGHTER**turn, _TIGHT)
            for row in self.rows if turn % 2 == 0 else reversed(self.rows):
                self._settle(row, ports, slack)
        self._straighten(ports)

    def _settle(self, row: list[int], ports: Mapping[tuple[int, int], float], slack: float) -> None:
        """Move a layer; the smaller ``slack``, the rather one arrow bends than all a little."""
        wished, weights = [], []
        for k in row:
            s = self.spots[k]
            total = moment = 0.0
            for n in (*s.ups, *s.downs):
                x = self.spots[n].x + ports[n, k] - ports[k, n]
                w = self._weight(k, n) / (abs(x - s.x) + slack) ** _SHARP
                total, moment = total + w, moment + x * w
            wished.append(moment / total if total else s.x)
            weights.append(total or 0.001)
        gaps = self._gaps(row)
        moved = _monotone([x - g for x, g in zip(wished, gaps, strict=True)], weights)
        for k, x, g in zip(row, moved, gaps, strict=True):
            self.spots[k].x = x + g

    def _straighten(self, ports: Mapping[tuple[int, int], float]) -> None:
        """Make arrows vertical that nearly are, from the top down, where there is room."""
        for row in self.rows:
            gaps = self._gaps(row)
            for i, k in enumerate(row):
                s = self.spots[k]
                near = [self.spots[n].x + ports[n, k] - ports[k, n] for n in s.ups]
                x = min(near, key=lambda x: abs(x - s.x), default=s.x)
                low = self.spots[row[i - 1]].x + gaps[i] - gaps[i - 1] if i else x
                after = row[i + 1 : i + 2]
                high = self.spots[after[0]].x - gaps[i + 1] + gaps[i] if after else x
                if abs(x - s.x) < _NEARLY and low <= x <= high:
                    s.x = x

    def _weight(self, k: int, n: int) -> float:
        """Return how much an arrow is to be straight: long ones, and those of a plain chain."""
        a, b = self.spots[k], self.spots[n]
        if not (a.real or b.real):
            return 8.0
        alone = all(len(s.ups) < 2 or len(s.downs) < 2 for s in (a, b))
        return 2.0 if a.real and b.real and alone else 1.0

    def _gaps(self, row: list[int]) -> list[float]:
        """Return the least distance of every spot from the first one."""
        found = [0.0]
        for a, b in pairwise(self.spots[k].box for k in row):
            between = a.width / 2 + a.right + _APART + b.left + b.width / 2
            found.append(found[-1] + between)
        return found

    # -- lines ----------------------------------------------------------------------------------

    def _heights(self) -> tuple[list[tuple[float, float]], float]:
        """Return top and bottom of every layer."""
        y = 0.0
        found = []
        for k, row in enumerate(self.rows):
            high = max(self.spots[s].box.height for s in row)
            found.append((round(y, 1), round(y + high, 1)))
            y += high + (self._between(k) if k + 1 < len(self.rows) else 0.0)
        return found, round(y, 1)

    def _between(self, level: int) -> float:
        wide = extra = 0.0
        for k in self.rows[level]:
            for d in self.spots[k].downs:
                a = self.spots[k].x + self._port(k, d, True)
                b = self.spots[d].x + self._port(d, k, False)
                wide = max(wide, abs(a - b))
                extra = max(extra, self._stub(k, d, True) + self._stub(d, k, False))
        return _STRAIGHT if wide < 1 else extra + max(_SLANT, _STEEP * wide)

    def _stub(self, k: int, other: int, down: bool) -> float:
        """Return how long an arrow stays vertical: the longer, the more arrows run beside it."""
        s, end = self.spots[k], self.spots[other].x
        near = [self.spots[n].x for n in (s.downs if down else s.ups)]
        outer = [x for x in near if (x > end > s.x) or (x < end < s.x)]
        return STUB + _BESIDE * len(outer)

    def _path(self, chain: Sequence[int], tops: Sequence[tuple[float, float]]) -> Path:
        points: list[Point] = []
        for u, v in pairwise(chain):
            a, b = self.spots[u], self.spots[v]
            x = round(a.x + self._port(u, v, True), 1)
            end = round(b.x + self._port(v, u, False), 1)
            if abs(x - end) < 1 and not b.real:
                end = x
            low, high = tops[a.layer], tops[b.layer]
            start = (sum(low) + a.box.height) / 2 if a.real else low[1]
            stop = (sum(high) - b.box.height) / 2 if b.real else high[0]
            bend, back = self._stub(u, v, True), self._stub(v, u, False)
            points += [(x, start), (x, low[1] + bend), (end, high[0] - back), (end, stop)]
        return _plain(points)


def _plain(points: Sequence[Point]) -> Path:
    """Return a path without points that repeat or lie on a vertical line between others."""
    kept: list[Point] = []
    for x, y in points:
        p = (round(x, 1), round(y, 1))
        if kept and kept[-1] == p:
            continue
        if len(kept) > 1 and kept[-1][0] == kept[-2][0] == p[0]:
            kept.pop()
        kept.append(p)
    return tuple(kept)


def _monotone(wished: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the nearest numbers that do not fall, by weighted squares: pool neighbours."""
    pools: list[tuple[float, float, int]] = []
    for x, w in zip(wished, weights, strict=True):
        mean, weight, count = x, w, 1
        while pools and pools[-1][0] > mean:
            m, v, c = pools.pop()
            mean, weight, count = (m * v + mean * weight) / (v + weight), v + weight, c + count
        pools.append((mean, weight, count))
    return [mean for mean, _, count in pools for _ in range(count)]
