"""Takes ratios of a gradient to the right one; returns the constant, size or scalar they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

_CLOSE = 1e-6
_CONSTANTS = ((2.0, "2"), (3.0, "3"), (4.0, "4"), (1.5, "3/2"))


@dataclass(frozen=True, slots=True)
class Multiple:
    """What a claimed gradient is times the right one."""

    slip: str
    words: str  # a sentence without its capital and its period


def ratio(claimed: Any, truth: Any) -> float | None:
    """Return k with claimed = k truth, or None."""
    own = np.vdot(truth, truth)
    if np.shape(claimed) != np.shape(truth) or not own:  # of what is tiny, it is 0, too
        return None
    k = float(np.vdot(truth, claimed) / own)
    most = float(np.max(np.abs(claimed), initial=0.0))
    if not most or not np.max(np.abs(claimed - k * truth)) <= _CLOSE * most:
        return None
    return k


def factor(
    ratios: Sequence[float], sizes: Sequence[Mapping[str, int]], scalars: Mapping[str, Any]
) -> Multiple | None:
    """Return what ratios at points of some sizes are; ``scalars`` are values at those points."""
    k = np.array(ratios)
    if _same(k, np.ones(len(k))):
        return None
    if _same(k, -np.ones(len(k))):
        return Multiple("sign", "the sign is wrong: it is minus the gradient")
    for sign, words in ((1.0, ""), (-1.0, " and of the wrong sign")):
        for value, name, kind in _forms(sizes, scalars):
            if _same(k, sign * value):
                return _said(kind, f"{name} times too large{words}", name, k, sizes, up=True)
            if _same(k, sign / value):
                return _said(kind, f"{name} times too small{words}", name, k, sizes, up=False)
    if np.ptp(k) <= _CLOSE * np.max(np.abs(k)):
        return Multiple("factor", f"it is {k[0]:.6g} times the gradient")
    return None


def _same(a: Any, b: Any) -> bool:
    return bool(np.all(np.abs(a - b) <= _CLOSE * np.maximum(np.abs(a), np.abs(b))))


def _said(
    kind: str, head: str, name: str, k: Any, sizes: Sequence[Mapping[str, int]], *, up: bool
) -> Multiple:
    if kind != "size":
        mend = f"divide by {name}" if up else f"multiply by {name}"
        return Multiple("factor", f"it is {head}: {mend}")
    met = dict.fromkeys(f"{abs(x) if up else 1 / abs(x):.6g}" for x in k)
    why = (
        "a sum for a mean, or a factor left out" if up else "a mean for a sum, or a factor too much"
    )
    named = [d for d in sizes[0] if d in name.replace("*", " ").split()]
    at = f" ({name} = {', '.join(met)} at the points tried)" if named else ""
    return Multiple("sum-vs-mean", f"it is {head}{at}: {why}")


def _forms(
    sizes: Sequence[Mapping[str, int]], scalars: Mapping[str, Any]
) -> Iterator[tuple[Any, str, str]]:
    """Yield values at the points, their name, and "size" where it is a number of terms."""
    ones = np.ones(len(sizes))
    for value, name in _CONSTANTS:
        yield ones * value, name, "number"
    dims = {d: np.array([float(s[d]) for s in sizes]) for d in sizes[0]}
    plain = {d: v for d, v in dims.items() if np.ptp(v)}
    for d, v in plain.items():
        yield v, d, "size"
    for d, v in plain.items():
        yield np.sqrt(v), f"sqrt({d})", "root"
        yield v**2, f"{d}**2", "square"
        yield 2 * v, f"2*{d}", "number"
        yield v / 2, f"{d}/2", "number"
        if np.all(v > 1):
            yield v / (v - 1), f"{d}/({d} - 1)", "bessel"
    for (a, u), (b, v) in combinations(plain.items(), 2):
        yield u * v, f"{a}*{b}", "size"
        yield u / v, f"{a}/{b}", "number"
        yield np.sqrt(u * v), f"sqrt({a}*{b})", "root"
    for s, v in scalars.items():
        yield v, s, "number"
        yield v**2, f"{s}**2", "number"
        if np.all(v > 0):
            yield np.sqrt(v), f"sqrt({s})", "root"
