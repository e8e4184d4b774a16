"""Takes a claim and its mended formula; returns its text with the smallest wrong parts marked.

The claim is printed with every part known by its place, so that a part that stands in two places is
marked in the wrong one only. Nothing is marked where the whole formula differs.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from ..core.expr import Expr, node, rebuild
from ..core.shapes import SCALAR
from ..ops import SUM, TABLE
from ..ops.text import text

Path = tuple[int, ...]
_FLAT = ("add", "mul", "matmul")
_MOST = 200  # places; more would mark everything
_OPEN, _CLOSE = 0xE000, 0xE800  # private characters, which no name holds


@dataclass(frozen=True, slots=True)
class Marked:
    """A claim in the language, and the wrong places in it: half-open ranges of characters."""

    text: str
    places: tuple[tuple[int, int], ...]
    tree: Expr | None = field(default=None, repr=False, compare=False)  # every part its own node
    wrong: tuple[Expr, ...] = field(default=(), repr=False, compare=False)  # parts of the tree

    @property
    def carets(self) -> str:
        """Return a line of carets to stand under the text."""
        under = [" "] * len(self.text)
        for start, stop in self.places:
            under[start:stop] = "^" * (stop - start)
        return "".join(under).rstrip()

    def parts(self) -> list[tuple[str, bool]]:
        """Return the text in parts, each with whether it is wrong."""
        ends = sorted({0, len(self.text), *(k for place in self.places for k in place)})
        starts = {start for start, _ in self.places}
        return [(self.text[a:b], a in starts) for a, b in pairwise(ends)]


@dataclass(frozen=True, slots=True)
class MarkedPlace:
    """A wrong part of a tree: all of it, what it has around one argument, or its sign."""

    path: Path
    inner: Path | None = None  # the argument that is right, inside what is too much around it
    sign: bool = False


def marked(claimed: Expr, right: Expr) -> Marked | None:
    """Return a claim with the places marked in which it differs from the right formula.

    >>> from symderiv.core.expr import matmul, transpose, var
    >>> from symderiv.core.shapes import symbol
    >>> X, w = var("X", (symbol("n"), symbol("n"))), var("w", (symbol("n"), symbol("n")))
    >>> marked(matmul(X, X, w), matmul(X, transpose(X), w))
    Marked(text='X @ X @ w', places=((4, 5),))
    """
    places = wrong_places(claimed, right)
    if not places or len(places) > _MOST:
        return None
    printed = _Printed(claimed, places)
    if printed.plain != text(claimed):
        return None
    found = _joined([span for p in places for span in printed.spans(p)])
    whole = len(found) == 1 and found[0] == (0, len(printed.plain))
    if whole or not found:
        return None
    return Marked(printed.plain, tuple(found), printed.tree, tuple(map(printed.part, places)))


def wrong_places(claimed: Expr, right: Expr) -> list[MarkedPlace]:
    """Return the smallest places in which two trees differ; none where the roots do."""
    found = _differences(_shapeless(claimed), _shapeless(right), ())
    return [] if found == [MarkedPlace(())] else found


def _shapeless(x: Expr) -> Expr:
    """Return a tree in which what is written alike is alike, whatever sizes were taken as equal."""

    def change(e: Expr, args: tuple[Expr, ...]) -> Expr:
        return node(e.op, args, SCALAR, e.data if args else (e.data, text(e)))

    return rebuild(x, change)


def _differences(a: Expr, b: Expr, at: Path) -> list[MarkedPlace]:
    if a is b:
        return []
    if a.is_name:
        return [MarkedPlace(at)]
    if b in a.args and a.args.count(b) == 1:
        return [MarkedPlace(at, (*at, a.args.index(b)))]
    if b.is_negative and b.args[0] is a:
        return [MarkedPlace(at, sign=True)]
    if a.op != b.op or a.data != b.data:
        return [MarkedPlace(at)]
    if a.op in _FLAT and Counter(a.args) == Counter(b.args):
        return [MarkedPlace(at)]  # in another order
    pairs = _aligned(a.args, b.args) if a.op in _FLAT else _paired(a.args, b.args)
    if pairs is None:
        return [MarkedPlace(at)]
    found: list[MarkedPlace] = []
    for k, other in pairs:
        here = (*at, k)
        found += [MarkedPlace(here)] if other is None else _differences(a.args[k], other, here)
    children = {MarkedPlace((*at, k)) for k in range(len(a.args))}
    every = len(children) > 1 and children <= set(found)
    return [MarkedPlace(at)] if not found or every else found


def _paired(
    left: tuple[Expr, ...], right: tuple[Expr, ...]
) -> list[tuple[int, Expr | None]] | None:
    return list(enumerate(right)) if left and len(left) == len(right) else None


def _aligned(
    left: tuple[Expr, ...], right: tuple[Expr, ...]
) -> list[tuple[int, Expr | None]] | None:
    """Return what each operand is to be compared with; None where one of the right is missing."""
    common = [(-1, -1), *_common(left, right), (len(left), len(right))]
    found: list[tuple[int, Expr | None]] = []
    for (i, j), (k, m) in pairwise(common):
        ours, theirs = range(i + 1, k), right[j + 1 : m]
        if len(ours) < len(theirs):
            return None
        same = len(ours) == len(theirs)
        found += [(p, theirs[q] if same else None) for q, p in enumerate(ours)]
    return found


def _common(left: tuple[Expr, ...], right: tuple[Expr, ...]) -> list[tuple[int, int]]:
    """Return the places of a longest common subsequence."""
    longest = [[0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i in reversed(range(len(left))):
        for j in reversed(range(len(right))):
            one = max(longest[i + 1][j], longest[i][j + 1])
            longest[i][j] = longest[i + 1][j + 1] + 1 if left[i] is right[j] else one
    found, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        if left[i] is right[j]:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif longest[i + 1][j] >= longest[i][j + 1]:
            i += 1
        else:
            j += 1
    return found


class _Printed:
    """An expression printed so that it is known where in the text some of its parts stand."""

    def __init__(self, x: Expr, places: list[MarkedPlace]) -> None:
        paths = {p for place in places for p in (place.path, place.inner) if p is not None}
        paths |= {(*p, 0) for p in paths}  # what a sign that is not printed alone stands before
        paths |= {p[:k] for p in list(paths) for k in range(len(p))}
        self._number = {p: k for k, p in enumerate(sorted(paths))}
        self._path: dict[Expr, Path] = {}
        self._found: dict[Path, tuple[int, int]] = {}
        self.tree = unshared(x, self._path)
        self.plain = self._strip(self._show(self.tree))

    def _show(self, e: Expr, level: int = SUM) -> str:
        operator = TABLE[e.op]
        body = operator.text(e, self._show)
        body = f"({body})" if operator.level(e) < level else body
        number = self._number.get(self._path.get(e, (-1,)))
        if number is None or number >= _CLOSE - _OPEN:
            return body
        return f"{chr(_OPEN + number)}{body}{chr(_CLOSE + number)}"

    def _strip(self, shown: str) -> str:
        paths = list(self._number)
        plain: list[str] = []
        start: dict[int, int] = {}
        for c in shown:
            k = ord(c)
            if _OPEN <= k < _CLOSE:
                start[k - _OPEN] = len(plain)
            elif _CLOSE <= k < 2 * _CLOSE - _OPEN:
                self._found[paths[k - _CLOSE]] = (start[k - _CLOSE], len(plain))
            else:
                plain.append(c)
        return "".join(plain)

    def spans(self, place: MarkedPlace) -> list[tuple[int, int]]:
        """Return where a wrong place stands in the text."""
        start, stop = self._span(place.path)
        if place.sign:
            sign = self._sign(start)
            return [(start, stop) if sign == start else (sign, sign + 1)]
        inner = self._found.get(place.inner) if place.inner is not None else None
        if inner is None:
            return [(start, stop)]
        around = [(start, inner[0]), (inner[1], stop)]
        return [self._trimmed(*s) for s in around if self.plain[s[0] : s[1]].strip()]

    def part(self, place: MarkedPlace) -> Expr:
        """Return the part of the tree that is wrong, without a minus that its sum prints."""
        found = self.tree
        for k in place.path:
            found = found.args[k]
        return found.args[0] if found.is_negative and place.path not in self._found else found

    def _span(self, path: Path) -> tuple[int, int]:
        if path in self._found:
            return self._found[path]
        inner = self._found.get((*path, 0))
        if inner is not None:  # a minus that the sum around it prints
            return self._sign(inner[0]), inner[1]
        return self._span(path[:-1])

    def _sign(self, start: int) -> int:
        """Return where the sign before a term of a sum stands, or the start without one."""
        before = self.plain[:start].rstrip()
        return len(before) - 1 if before[-1:] in ("+", "-") else start

    def _trimmed(self, start: int, stop: int) -> tuple[int, int]:
        found = self.plain[start:stop]
        return start + len(found) - len(found.lstrip()), stop - len(found) + len(found.rstrip())


def unshared(x: Expr, paths: dict[Expr, Path], at: Path = ()) -> Expr:
    """Return a tree in which every part is a node of its own, and note the place of each."""
    made = type(x)()
    made.op, made.shape, made.data = x.op, x.shape, x.data
    made.args = tuple(unshared(a, paths, (*at, k)) for k, a in enumerate(x.args))
    made._free, made._reduced = x._free, x._reduced
    paths[made] = at
    return made


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return spans in order, those that touch as one."""
    found: list[tuple[int, int]] = []
    for start, stop in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], stop))
        else:
            found.append((start, stop))
    return found
