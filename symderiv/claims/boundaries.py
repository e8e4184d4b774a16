"""Takes two piecewise expressions; compares them in every piece, close to both sides of boundaries.

Every choice between branches compares two numbers (relu, abs, sign, max, where, ..); where their
difference is 0 is a boundary, which belongs to no piece. Points are moved, by Newton's method on
the differences, to where one of them is just above or just below 0; then two and three at once, in
every order of how close they are: of linear conditions that meets every piece there is, since each
has a corner, or the flat that stands for one. It ends after a number of evaluations.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import permutations, product
from typing import Any

from ..core.cells import broadcast, each
from ..core.expr import Expr, free_indices, walk_all
from ..ops import TABLE, Cells
from ..ops.text import text
from ..values.explicit import ExactMath, Explicit
from ..values.highprecision import HIGH, floated
from ..values.rounding import LostDigitsError
from .taken_branches import OUTSIDE, agree, taken

Values = dict[Hashable, Cells]
Key = tuple[Expr, tuple[int, ...], int]  # a node, where its indices stand, which comparison
Steps = tuple[Fraction, ...]

SAME, DIFFERENT, UNKNOWN = "same", "different", "unknown"
_CLOSE = tuple(Fraction(1, 10**k) for k in (30, 25, 20))  # of the boundaries, the closest first
_ASIDE = Fraction(1, 10**40)
_WIDE = Fraction(1, 10**6)
_SHOWN = tuple(Fraction(1, 2 * 10**k) for k in (0, 1, 2, 3, 4, 6, 9, 15))
_MOST = 12  # boundaries at one choice of sizes
_ITERATIONS = 30
_PATIENCE = 5  # steps of Newton's method without half the distance: it leads nowhere
_HALVINGS = 6
_TOGETHER = 3  # conditions that are met at once
_STEP = Fraction(1, 1 << 100)
_BITS = 260  # of a coordinate that Newton's method leads to
_NOTHING = 1e-78  # what rounding may leave of a difference that is 0
_FARTHEST = 10**9
_EXPONENTS = 2000  # of two, beyond which a number is as good as 0, or as infinite
_ROUNDED = 16  # digits after the point that a counterexample may have


class Watching(ExactMath):
    """Scalar functions that note the difference of every two numbers that they compare."""

    def __init__(self) -> None:
        self.differences: list[Any] = []

    def choose(self, sign: str, x: Any, y: Any, yes: Any, no: Any) -> Any:
        """Return ``yes`` where ``x sign y`` holds, else ``no``."""
        self.differences.append(x - y)
        return super().choose(sign, x, y, yes, no)


@dataclass(frozen=True)
class Region:
    """What may vary at one choice of sizes: a point, and the directions that lead to others."""

    sizes: Mapping[str, int]
    start: Values
    directions: Sequence[Values]
    point: Callable[[Values, Any], Explicit]
    admits: Callable[[Values], bool]

    def moved(self, steps: Steps) -> Values:
        """Return the values so many steps along each direction."""
        found = self.start
        for k, t in enumerate(steps):
            found = self.along(k, t, found) if t else found
        return found

    def along(self, k: int, step: Fraction, values: Values) -> Values:
        """Return values a step along one direction away from some."""
        found = dict(values)
        for name, cells in self.directions[k].items():
            found[name] = each(lambda x, d: x + step * d if d else x, found[name], cells)
        return found


@dataclass(frozen=True)
class Look:
    """What was seen at a point: differences of compared numbers, and whether both sides agree."""

    differences: Mapping[Key, Any]
    said: str


@dataclass(frozen=True)
class Failure:
    """Where two expressions differ, and close to which boundaries that was found."""

    region: Region
    steps: Steps
    chosen: tuple[Key, ...] = ()
    targets: Steps = ()


@dataclass
class Pieces:
    """Compares two expressions piece by piece; ``left`` may be ``evaluations`` in all."""

    sides: tuple[Expr, Expr]
    spots: Callable[[Mapping[str, int]], Sequence[Mapping[str, int]]]  # of the free indices
    left: int
    count: int = 0  # points that were compared
    _seen: dict[Expr, set[bool]] = field(default_factory=dict)
    _slopes: dict[Key, Steps] = field(default_factory=dict)

    @property
    def unreached(self) -> list[Expr]:
        """The choices of which one side was never met."""
        return [e for e, sides in self._seen.items() if len(sides) == 1]

    def failure(self, regions: Sequence[Region]) -> Failure | None:
        """Return where the sides differ, or None where no such point was found."""
        shut: list[set[tuple[Key, bool]]] = [set() for _ in regions]  # sides that none leads to
        for together in range(1, _TOGETHER + 1):
            for region, sides in zip(regions, shut, strict=True):
                found = self._differing(region, together, sides)
                if found is not None:
                    return found
        return None

    def differ_around(self, region: Region, steps: Steps | None = None) -> bool:
        """Whether sides that differ at a point differ on both sides of it as well.

        On a boundary, where only one of two pieces has its value, they may differ by accident;
        numbers that are whole stay on it.
        """
        start = steps or (Fraction(0),) * len(region.directions)
        look = self.look(region, region.moved(start))
        if look is None or all(look.differences.values()):
            return True
        # In a direction that lies in no boundary that people write.
        aside = tuple(
            _ASIDE * (1 + Fraction(37 * k, 101) + Fraction(k, 97) ** 2) for k, _ in enumerate(start)
        )
        for sign in (1, -1):
            there = tuple(t + sign * a for t, a in zip(start, aside, strict=True))
            beside = self.look(region, region.moved(there))
            if beside is None or beside.said == DIFFERENT:
                return True
        return False

    def look(
        self, region: Region, values: Values, only: Sequence[Expr] | None = None
    ) -> Look | None:
        """Return what is seen at a point; None where it is none of the region.

        With ``only`` some choices, nothing else is computed, the sides are not compared, and
        numbers have many digits instead of all: they lead to a point, which is then looked at.
        """
        if self.left <= 0 or not region.admits(values):
            return None
        self.left -= 1
        math = Watching()
        if only is not None:
            values = {n: each(floated, c) for n, c in values.items()}
        here = region.point(values, math)
        found: dict[Key, Any] = {}
        said = UNKNOWN if only is not None else SAME
        for spot in self.spots(region.sizes):
            at = here.placed(spot)
            found.update(_differences(only or self.sides, at, math, tuple(spot.values())))
            said = self._compared(at) if said == SAME else said
        for (e, _, _), x in found.items():
            if abs(x) > _NOTHING:
                self._seen.setdefault(e, set()).add(bool(x > 0))
        return Look(found, said)

    def _compared(self, at: Explicit) -> str:
        left, right = self.sides
        try:
            taken(right, at)
        except OUTSIDE:
            return UNKNOWN
        try:
            return SAME if agree(left, right, at) else DIFFERENT
        except (ZeroDivisionError, LostDigitsError):
            return UNKNOWN
        except OUTSIDE:
            return DIFFERENT

    # moving

    def _differing(
        self, region: Region, together: int, shut: set[tuple[Key, bool]]
    ) -> Failure | None:
        """Return where the sides differ, close to so many boundaries at once."""
        origin: Steps = (Fraction(0),) * len(region.directions)
        look = self.look(region, region.start)
        if look is None:
            return None
        last: Failure | None = None  # where nothing else is found
        if look.said == DIFFERENT and self.differ_around(region):
            last = Failure(region, origin)
            if all(look.differences.values()):
                return last
        if not look.differences:
            return last
        keys = self._boundaries(region, origin, look)
        for chosen in permutations(keys, together):
            at = origin
            for targets in _targets(together):
                if self.left <= 0:
                    return last
                sides = {(k, t > 0) for k, t in zip(chosen, targets, strict=True)}
                if sides & shut:
                    continue
                found = self._solved(region, at, chosen, targets)
                if found is None:
                    shut |= sides if together == 1 and abs(targets[0]) == _CLOSE[0] else set()
                    continue
                at, seen = found
                self.count += seen.said == SAME
                if seen.said == DIFFERENT and self.differ_around(region, at):
                    return Failure(region, at, chosen, targets)
        return last

    def _boundaries(self, region: Region, steps: Steps, look: Look) -> list[Key]:
        """Return the different boundaries, those of different nodes first."""
        slopes = self._slopes = self._derived(region, steps, look, look.differences)
        found: dict[object, Key] = {}
        turns: dict[tuple[Expr, tuple[int, ...]], int] = {}
        ordered: list[tuple[int, Key]] = []
        for key, x in look.differences.items():
            rows = slopes.get(key, ())
            if not any(rows):
                continue
            same = (x, *rows) if x > 0 else (-x, *(-r for r in rows))
            if found.setdefault(same, key) is key:
                turn = turns[key[:2]] = turns.get(key[:2], 0) + 1
                ordered.append((turn, key))
        return [key for _, key in sorted(ordered, key=lambda t: t[0])][:_MOST]

    def _derived(
        self, region: Region, steps: Steps, look: Look, keys: Iterable[Key]
    ) -> dict[Key, Steps]:
        """Return the slopes of some differences along every direction."""
        rows: dict[Key, list[Fraction]] = {key: [] for key in keys}
        nodes, values = _nodes(rows), region.moved(steps)
        for k in range(len(steps)):
            there = self.look(region, region.along(k, _STEP, values), nodes)
            for key, row in rows.items():
                x = there.differences.get(key) if there is not None else None
                row.append(Fraction(0) if x is None else _slope(x - look.differences[key]))
        return {key: tuple(row) for key, row in rows.items()}

    def _solved(
        self, region: Region, steps: Steps, chosen: Sequence[Key], targets: Sequence[Fraction]
    ) -> tuple[Steps, Look] | None:
        """Return steps to where the chosen differences are about their targets."""
        nodes, slopes, best, since = _nodes(chosen), dict(self._slopes), None, 0
        look = self.look(region, region.moved(steps), nodes)
        for turn in range(_ITERATIONS):
            if look is None or any(k not in look.differences for k in chosen):
                return None
            off = [t - _fraction(look.differences[k]) for k, t in zip(chosen, targets, strict=True)]
            if all(abs(x) <= abs(t) / 4 for x, t in zip(off, targets, strict=True)):
                self._slopes, look = slopes, self.look(region, region.moved(steps))
                return None if look is None else (steps, look)
            far = max(map(abs, off))
            best, since = (far, 0) if best is None or far < best / 2 else (best, since + 1)
            if since > _PATIENCE:
                return None
            # The slopes that are known hold everywhere where differences are linear.
            if turn or any(k not in slopes for k in chosen):
                slopes.update(self._derived(region, steps, look, chosen))
            change = _least([slopes[k] for k in chosen], off)
            if change is None:
                return None
            steps, look = self._stepped(region, steps, change, nodes)
        return None

    def _stepped(
        self, region: Region, steps: Steps, change: Steps, nodes: Sequence[Expr]
    ) -> tuple[Steps, Look | None]:
        """Return where a step leads; half of it where it leads out of the region."""
        for _ in range(_HALVINGS):
            there = tuple(_short(t + c) for t, c in zip(steps, change, strict=True))
            if all(abs(t) <= _FARTHEST for t in there):
                look = self.look(region, region.moved(there), nodes)
                if look is not None:
                    return there, look
            change = tuple(c / 2 for c in change)
        return steps, None

    # showing

    def simple(self, found: Failure) -> Values:
        """Return values of few digits at which the sides differ, near those that were found."""
        self.left += _ITERATIONS * len(_SHOWN)
        region, steps = found.region, found.steps
        for wide in _SHOWN if found.chosen else ():
            wider = tuple(t / abs(t) * wide for t in found.targets)
            there = self._solved(region, steps, found.chosen, wider)
            if there is not None and _shows(there[1]):
                steps = there[0]
                break
        values = region.moved(steps)
        for digits in range(_ROUNDED):
            short: Values = {n: each(lambda x: round(x, digits), c) for n, c in values.items()}  # noqa: B023
            if _shows(self.look(region, short)):
                return short
        return values


def _nodes(keys: Iterable[Key]) -> list[Expr]:
    return [*dict.fromkeys(e for e, _, _ in keys)]


def _shows(look: Look | None) -> bool:
    """Whether two sides differ at a point that is on no boundary."""
    return look is not None and look.said == DIFFERENT and all(look.differences.values())


def _differences(
    sides: Sequence[Expr], at: Explicit, math: Watching, place: tuple[int, ...]
) -> Iterator[tuple[Key, Any]]:
    """Yield what every node compares; nodes under an index count with the one that binds it."""
    failed: set[Expr] = set()
    for e in walk_all(sides):
        if free_indices(e) and e not in sides:
            continue
        math.differences.clear()
        if any(a in failed for a in e.args):
            failed.add(e)
            if e.op == "where" and not any(a in failed for a in e.args[:2]):
                tested = [at.cells(a) for a in e.args[:2]]
                broadcast(tested, lambda x, y: math.choose(">", x, y, 1, 0))
        else:
            try:
                at.cells(e)
            except OUTSIDE:
                failed.add(e)
        for k, x in enumerate(math.differences):
            yield (e, place if free_indices(e) else (), k), x


def has_pieces(sides: Iterable[Expr]) -> bool:
    """Whether anything is chosen by comparing numbers, so that there are boundaries."""
    return any(TABLE[e.op].pieces for e in walk_all([*sides]))


def on_a_boundary(sides: Sequence[Expr], here: Callable[[Any], Explicit]) -> bool:
    """Whether a point lies on a boundary, where a derivative need not exist."""
    if not has_pieces(sides):
        return False
    math = Watching()
    at = here(math)
    return any(not x for _, x in _differences(sides, at, math, ()))


def _targets(together: int) -> Iterator[Steps]:
    """Yield values on both sides of so many boundaries, closest to the first."""
    if together == 1:
        yield from ((sign * by,) for by in (_WIDE, _CLOSE[0]) for sign in (1, -1))
        return
    for signs in product((1, -1), repeat=together):
        yield tuple(s * by for s, by in zip(signs, _CLOSE, strict=False))


def condition(e: Expr) -> str:
    """Return what a choice asks, as it is written."""
    if e.op == "where":
        left, right = e.args[:2]
        return f"{text(left)} {e.data} {text(right)}"
    return text(e)


def _fraction(x: Any) -> Fraction:
    """Return a number of any kind as a fraction; 0 where it is tiny, a limit where it is huge."""
    if isinstance(x, Fraction | int):
        return Fraction(x)
    sign, digits, exponent, bits = HIGH.convert(x)._mpf_
    if abs(exponent + bits) > _EXPONENTS:
        exponent, digits = (_EXPONENTS, 1) if exponent > 0 else (0, 0)
    value = Fraction(int(digits)) * Fraction(2) ** int(exponent)
    return -value if sign else value


def _slope(change: Any) -> Fraction:
    return _short(_fraction(change) / _STEP)


def _short(x: Fraction) -> Fraction:
    """Return a fraction with few digits, which is the same where it has few."""
    if x.denominator.bit_length() <= _BITS:
        return x
    return Fraction(round(x * (1 << _BITS)), 1 << _BITS)


def _least(rows: Sequence[Steps], values: Sequence[Fraction]) -> Steps | None:
    """Return the shortest x with rows @ x = values, or None where the rows depend."""
    gram = [[_dot(r, q) for q in rows] for r in rows]
    system = [[*r, v] for r, v in zip(gram, values, strict=True)]
    size = len(system)
    for k in range(size):
        pivot = next((i for i in range(k, size) if system[i][k]), None)
        if pivot is None:
            return None
        system[k], system[pivot] = system[pivot], system[k]
        system[k] = [_short(x / system[k][k]) for x in system[k]]
        for i in range(size):
            if i != k and system[i][k]:
                factor = system[i][k]
                pairs = zip(system[i], system[k], strict=True)
                system[i] = [_short(x - factor * y) for x, y in pairs]
    weights = [r[-1] for r in system]
    return tuple(_short(_dot(weights, column)) for column in zip(*rows, strict=True))


def _dot(a: Sequence[Fraction], b: Sequence[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))
