"""Takes expressions; returns values that tell them apart, so that one claim meets many candidates.

Contract: equal fingerprints only propose; equality is then decided by comparing at many points.
Expressions that differ by one constant factor, or by transposition, are found by it as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, product
from typing import Any

from ..core.cells import flat, reshaped, sizes_of, turned_over
from ..core.expr import Expr, free_ranges, num, walk
from ..core.expr import node as expr_node
from ..core.shapes import SCALAR, Dim
from ..ops import Cells
from ..values.explicit import Explicit, plain
from ..values.highprecision import HIGH, floated
from ..values.sampling import least_sizes
from .approximate import entries, ratio_key
from .deciding import OUTSIDE, Comparer, placements
from .workload import operations

_DIGITS = 25  # of the high precision, that a fingerprint shows
_LARGEST = 12  # numerator and denominator of a factor that people forget
_ROUGH = 1e-6  # of a number up to that, in floats
_SEEDS = 6
_MOST_SPENT = 2_000_000  # operations on telling candidates apart


@dataclass(frozen=True, slots=True)
class ScaleFound:
    """A constant and sizes: claimed = number * product of sizes ** powers * right."""

    number: Fraction
    powers: tuple[tuple[str, int], ...] = ()

    @property
    def is_one(self) -> bool:
        """Whether there is nothing to mend."""
        return self.number == 1 and not self.powers

    def slips(self) -> list[tuple[str, str]]:
        """Return what went wrong, in words."""
        found = []
        for name, power in self.powers:
            words = "is missing" if power > 0 else "too many"
            found.append(("sum-vs-mean", f"a factor 1/{name} {words}"))
        if self.number < 0:
            found.append(("sign", "the sign is wrong"))
        size = abs(self.number)
        if size.denominator == 1 and size > 2:
            found.append(("extra-factor", f"the factor {size} is too much"))
        elif size != 1:
            found.append(("missing-factor", f"a factor {1 / size} is missing"))
        return found

    def mended(self, x: Expr) -> Expr:
        """Return an expression without the factor."""
        for name, power in self.powers:
            n = expr_node("size", (), SCALAR, Dim(1, (name,)))
            x = expr_node("div" if power > 0 else "mul", (x, n) if power > 0 else (n, x), x.shape)
        size = abs(self.number)
        if size.numerator > 1:
            x = expr_node("div", (x, num(size.numerator)), x.shape)
        if size.denominator > 1:
            x = expr_node("mul", (num(size.denominator), x), x.shape)
        return expr_node("neg", (x,), x.shape) if self.number < 0 else x


@dataclass(frozen=True, slots=True)
class Print:
    """The values of an expression at two points."""

    values: tuple[Cells, Cells]

    @property
    def is_zero(self) -> bool:
        """Whether every entry is 0."""
        return not any(flat(self.values[0]))


class Prints:
    """Takes fingerprints at two points of one problem, with different sizes."""

    def __init__(self, comparer: Comparer, truth: Expr) -> None:
        self._dims = comparer.problem.dims
        self._truth = truth  # its free indices are those of the claim, in one order
        self._known: dict[Expr, Print | None] = {}
        self._rough: dict[Expr, Cells | None] = {}
        self._met: set[Expr] = set()
        self._spent = 0
        self._points: list[Explicit] = []
        points = [self._at(comparer, sizes, truth) for sizes in self._sizes(comparer)]
        # At some sizes the gradient may have no value, such as the inverse of X @ X.T of a tall X.
        # At size 1 it may be zero, such as the gradient through a softmax.
        points.sort(key=lambda found: -found[0])
        self._points = [point for _, point in points[:2]]
        self._fast = self._near(comparer)

    def _sizes(self, comparer: Comparer) -> Iterator[dict[str, int]]:
        least = least_sizes(comparer.expressions)
        low = 2 if len(self._dims) < 4 else 1
        for start, forward in ((low, True), (low + 1, False), (low + 1, True), (low, False)):
            names = self._dims if forward else self._dims[::-1]
            sizes = least.raised({d: start + k for k, d in enumerate(names)})
            yield comparer.merged.apply({d: sizes[d] for d in self._dims})

    @staticmethod
    def _at(comparer: Comparer, sizes: dict[str, int], truth: Expr) -> tuple[int, Explicit]:
        """Return a point of some sizes, and how much the gradient has there: a value, not 0."""
        known = False
        for seed in range(_SEEDS):
            here = comparer.here(sizes, seed)
            try:
                spots = placements(sizes, truth)
                met = [any(flat(plain(here.placed(spot).cells(truth)))) for spot in spots]
            except OUTSIDE:
                continue
            if any(met):
                return 2, here
            known = True
            break
        return int(known), here

    def _affords(self, x: Expr) -> bool:
        """Whether there is work left for an expression; what was met before costs nothing."""

        def is_known(e: Expr) -> bool:
            return e in self._met and not free_ranges(e)

        new = [e for e in walk(x, is_known) if not is_known(e)]
        self._met.update(new)
        self._spent += sum(operations(e, self._fast.sizes) for e in new)
        return self._spent <= _MOST_SPENT

    def _near(self, comparer: Comparer) -> Explicit:
        """Return a point in floats at which the gradient has a value."""
        for seed in range(_SEEDS):
            here = comparer.near(self._points[0].sizes, seed)
            try:
                if any(entries(self._placed(here, self._truth))):
                    break
            except OUTSIDE:
                continue
        return here

    def key(self, x: Expr, *, turned: bool = False) -> tuple[object, ...] | None:
        """Return what expressions that differ by a factor have in common, in floats."""
        if x not in self._rough:
            if not self._affords(x):
                return None
            try:
                self._rough[x] = self._placed(self._fast, x)
            except (*OUTSIDE, KeyError, IndexError, AttributeError, RecursionError):
                self._rough[x] = None
        cells = self._rough[x]
        try:
            return None if cells is None else ratio_key(turned_over(cells) if turned else cells)
        except OUTSIDE:
            return None

    def of(self, x: Expr) -> Print | None:
        """Return the fingerprint, or None where the expression has no value."""
        if x not in self._known:
            try:
                self._known[x] = Print(
                    (self._placed(self._points[0], x), self._placed(self._points[1], x))
                )
            except (*OUTSIDE, KeyError, IndexError, AttributeError, RecursionError):
                self._known[x] = None
        return self._known[x]

    def _placed(self, here: Explicit, x: Expr) -> Cells:
        spots = [here.placed(s).cells(x) for s in placements(here.sizes, self._truth)]
        return plain(spots[0]) if len(spots) == 1 else [plain(c) for c in spots]

    def factor(self, claimed: Expr, right: Expr, *, turned: bool) -> ScaleFound | None:
        """Return the factor between two expressions, where it is one that people forget."""
        if not self._may_be_multiple(claimed, right, turned=turned):
            return None
        a, b = self.of(claimed), self.of(right)
        return None if a is None or b is None else self.scale(a, b, turned=turned)

    def _may_be_multiple(self, claimed: Expr, right: Expr, *, turned: bool) -> bool:
        """Whether the factor between two expressions may be one, as far as floats can tell."""
        rough = [self._rough.get(claimed), self._rough.get(right)]
        if rough[0] is None or rough[1] is None:
            return True
        a, b = entries(turned_over(rough[0]) if turned else rough[0]), entries(rough[1])
        if len(a) != len(b):
            return False
        lead = max(range(len(b)), key=lambda k: abs(b[k]))
        if not b[lead]:
            return True
        ratio = a[lead] / b[lead]
        return any(_may_be_simple(ratio / _size(p, self._fast)) for p in self._monomials())

    def scale(self, claimed: Print, right: Print, *, turned: bool) -> ScaleFound | None:
        """Return the factor between two expressions, where it is one that people forget."""
        ratios = []
        for a, b in zip(claimed.values, right.values, strict=True):
            ratio = _ratio(flat(turned_over(a) if turned else a), flat(b))
            if ratio is None:
                return None
            ratios.append(ratio)
        for powers in self._monomials():
            found = {
                _simple(r, _size(powers, p)) for r, p in zip(ratios, self._points, strict=True)
            }
            number = found.pop() if len(found) == 1 else None
            if number is not None:
                return ScaleFound(number, powers)
        return None

    def _monomials(self) -> Iterator[tuple[tuple[str, int], ...]]:
        yield ()
        for count in (1, 2):
            for names in combinations(self._dims, count):
                for powers in product((1, -1), repeat=count):
                    yield tuple(zip(names, powers, strict=True))

    def depends(self, x: Expr, name: str) -> bool | None:
        """Return whether a value depends on a variable; None where there is none."""
        here = self._points[0]
        values = dict(here.values)
        cells = values[name]
        moved = [y + Fraction(1, 7 + k) for k, y in enumerate(flat(cells))]
        changed = reshaped(moved, sizes_of(cells))
        there = Explicit(here.sizes, {**values, name: changed})
        try:
            spots = list(placements(here.sizes, self._truth))
            before = [plain(here.placed(s).cells(x)) for s in spots]
            after = [plain(there.placed(s).cells(x)) for s in spots]
        except (*OUTSIDE, KeyError, IndexError):
            return None
        return before != after


def _ratio(a: Sequence[Any], b: Sequence[Any]) -> Any | None:
    """Return the one number that makes the second the first, or None."""
    if len(a) != len(b):
        return None
    found = [floated(x) / floated(y) for x, y in zip(a, b, strict=True) if y]
    if not found or any(x and not y for x, y in zip(a, b, strict=True)):
        return None
    first = found[0]
    close = all(abs(x - first) <= abs(first) * HIGH.mpf(10) ** -_DIGITS for x in found)
    return first if close and first else None


def _size(powers: Sequence[tuple[str, int]], point: Explicit) -> Fraction:
    value = Fraction(1)
    for name, power in powers:
        value *= Fraction(point.sizes[name]) ** power
    return value


def _simple(ratio: Any, size: Fraction) -> Fraction | None:
    """Return a ratio without its sizes as the small fraction that it is, if it is one."""
    value = ratio * size.denominator / size.numerator
    if not _may_be_simple(float(value)):
        return None
    for below in range(1, _LARGEST + 1):
        above = int(HIGH.nint(value * below))
        near = abs(value - HIGH.mpf(above) / below) <= HIGH.mpf(10) ** -_DIGITS
        if near and above and abs(above) <= _LARGEST:
            return Fraction(above, below)
    return None


def _may_be_simple(value: float) -> bool:
    """Whether a float may be a small fraction; one that is huge has too many digits to ask."""
    if abs(value) > _LARGEST + 1:
        return False
    return any(abs(value * k - round(value * k)) <= _ROUGH for k in range(1, _LARGEST + 1))
