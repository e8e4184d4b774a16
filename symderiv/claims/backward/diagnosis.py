"""Takes a wrong gradient in arrays; returns the slip that explains it at every point, if any."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, combinations, product
from typing import Any, NamedTuple

import numpy as np

from ...codegen.assignments import shape_text
from ...core.expr import Expr
from ..verdict import as_sentence
from .trials import Laboratory, Trial
from .variants import Variant, formula_slips, pullback_slips

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


_SINGLE, _HALF, _DOUBLE = 2e-4, 2e-2, 1e-9
_MATCH = 1e-6
_NEARLY = 1e-5


class SlipFound(NamedTuple):
    """The slips of a gradient with the sentence that names them."""

    slips: tuple[str, ...]
    sentence: str


def tolerance(claimed: Any) -> tuple[float, str]:
    """Return how closely arrays of a precision can agree, with words where it is not double.

    >>> tolerance(np.zeros(2, dtype=np.float32))[1]
    'single precision'
    """
    if claimed.dtype.kind == "f" and claimed.dtype.itemsize < 4:
        return _HALF, "half precision"
    if claimed.dtype.kind == "f" and claimed.dtype.itemsize == 4:
        return _SINGLE, "single precision"
    return _DOUBLE, ""


def close(claimed: Any, truth: Any, bound: float) -> bool:
    """Whether arrays have one shape and agree relative to their largest entry.

    >>> close(np.ones(2), np.ones(2) + 1e-12, 1e-9), close(np.ones(2), np.ones(3), 1e-9)
    (True, False)
    """
    if np.shape(claimed) != np.shape(truth):
        return False
    return gap(claimed, truth) <= bound


def gap(claimed: Any, truth: Any) -> float:
    """Return the largest difference relative to the largest entry, or to 1e-3."""
    scale = max(float(np.max(np.abs(truth), initial=0.0)), 1e-3)
    found = float(np.max(np.abs(claimed - truth), initial=0.0)) / scale
    return found if np.isfinite(found) else float("inf")


class Diagnosis:
    """The search for the slip of one gradient."""

    def __init__(self, lab: Laboratory, name: str, trials: Sequence[Trial]) -> None:
        self.lab, self.name, self.trials = lab, name, trials
        self.truth = [t.truth[name] for t in trials]
        self.claimed = [t.claimed[name] for t in trials]
        self.match = max(_MATCH, 5 * max(tolerance(c)[0] for c in self.claimed))
        self.fits = all(
            np.shape(c) == np.shape(t) for c, t in zip(self.claimed, self.truth, strict=True)
        )

    def find(self) -> SlipFound:
        """Return the slip, likeliest first."""
        searches: list[Callable[[], SlipFound | None]] = [
            self._not_numbers,
            self._axes,
            self._scaled,
            self._nearly,
            self._other_gradient,
            self._known_slip,
            self._per_sample,
        ]
        for search in searches:
            found = search()
            if found is not None:
                return found
        return self._different()

    def is_transpose(self) -> bool:
        """Whether it is the transpose of the gradient at all points."""
        return self._all(lambda c: c.T) and all(np.ndim(t) == 2 for t in self.truth)

    def _all(self, change: Callable[[Any], Any], bound: float | None = None) -> bool:
        """Whether all claimed arrays, changed, are the gradients."""
        bound = self.match if bound is None else bound
        pairs = zip(self.claimed, self.truth, strict=True)
        try:
            return all(close(change(c), t, bound) for c, t in pairs)
        except (ValueError, IndexError, np.exceptions.AxisError):
            return False

    def _not_numbers(self) -> SlipFound | None:
        for c, t in zip(self.claimed, self.trials, strict=True):
            bad = np.argwhere(~np.isfinite(c))
            if len(bad):
                what = "NaN" if np.any(np.isnan(c)) else "infinite"
                at = ", ".join(f"{d} = {s}" for d, s in t.sizes.items())
                spot = f" in entry {tuple(int(k) + 1 for k in bad[0])}" if np.ndim(c) else ""
                return SlipFound(("not-finite",), f"It is {what}{spot} at {at}.")
        return None

    def _axes(self) -> SlipFound | None:
        """Name a gradient of another shape whose sum, mean or transpose is the right one."""
        if self.fits:
            return None
        seen, right = self._shape_words()
        wrong = f"It has shape {seen}, the gradient {right}"
        if self._reshaped():
            return SlipFound(("shape",), f"{wrong}; the numbers are right.")
        most = min(np.ndim(c) for c in self.claimed)
        for axis in range(most):
            for word, turned in product(("sum", "mean"), (False, True)):
                if self._all(partial(_reduced, word=word, axis=axis, turned=turned)):
                    end = " and a transpose" if turned and np.ndim(self.truth[0]) > 1 else ""
                    sentence = f"{wrong}: the {word} over axis {axis}{end} is left out."
                    return SlipFound(("missing-sum",), sentence)
        if self._all(lambda c: c.sum()) and not np.ndim(self.truth[0]):
            return SlipFound(("missing-sum",), f"{wrong}: the sum over all entries is left out.")
        return self._too_much_summed(wrong)

    def _reshaped(self) -> bool:
        pairs = zip(self.claimed, self.truth, strict=True)
        return all(
            np.size(c) == np.size(t)
            and np.squeeze(c).shape == np.squeeze(t).shape
            and close(np.reshape(c, np.shape(t)), t, self.match)
            for c, t in pairs
        )

    def _too_much_summed(self, wrong: str) -> SlipFound | None:
        for axis in range(np.ndim(self.truth[0])):
            for keep in (False, True):
                pairs = list(zip(self.claimed, self.truth, strict=True))
                if all(close(c, t.sum(axis=axis, keepdims=keep), self.match) for c, t in pairs):
                    return SlipFound(("sum-too-much",), f"{wrong}: it is summed over axis {axis}.")
        return None

    @property
    def right_shape(self) -> str:
        """Return the shape of the gradient in words."""
        return shape_text(self.lab.axes(self.name))

    def _shape_words(self) -> tuple[str, str]:
        right = self.right_shape
        counts = {np.ndim(c) for c in self.claimed}
        if len(counts) > 1:
            return str(np.shape(self.claimed[0])), right
        axes = [self._dim(k) for k in range(counts.pop())]
        return f"({', '.join(axes)}{',' if len(axes) == 1 else ''})", right

    def _dim(self, axis: int) -> str:
        """Return the name of a size that an axis has at all points."""
        sizes = [np.shape(c)[axis] for c in self.claimed]
        for d in self.lab.problem.dims:
            if sizes == [t.sizes[d] for t in self.trials]:
                return d
        return str(sizes[0]) if len(set(sizes)) == 1 else "?"

    def _scaled(self) -> SlipFound | None:
        found = self._factor(self.truth)
        if found is None and all(np.ndim(c) == 2 for c in self.claimed):
            found = self._factor([t.T for t in self.truth])
            if found is not None:
                words = f"It is transposed, and {found.words}."
                return SlipFound((found.slip, "transposed"), words)
        return SlipFound((found.slip,), as_sentence(found.words)) if found is not None else None

    def _factor(self, references: Sequence[Any]) -> Multiple | None:
        ratios, sizes, scalars = [], [], []
        for c, r, t in zip(self.claimed, references, self.trials, strict=True):
            if not np.any(r) and not np.any(c):
                continue
            k = ratio(c, r)
            if k is None or not np.isfinite(k) or abs(k) < 1e-12:
                return None
            ratios.append(k)
            sizes.append(t.sizes)
            scalars.append(t.space)
        if not ratios:
            return None
        names = [n for n, v in self.lab.problem.variables.items() if v.kind == "scalar"]
        values = {n: np.array([float(s[n]) for s in scalars]) for n in names}
        return factor(ratios, sizes, values)

    def _nearly(self) -> SlipFound | None:
        if not self.fits or not self._all(lambda c: c, _NEARLY):
            return None
        worst = max(gap(c, t) for c, t in zip(self.claimed, self.truth, strict=True))
        return SlipFound(
            ("precision",),
            f"It agrees to {worst:.0e} only, less than its precision allows: a small constant is "
            "added or left out, or it is computed by differences or in a lower precision.",
        )

    def _other_gradient(self) -> SlipFound | None:
        lab = self.lab
        for n in [*lab.problem.variables, *lab.problem.definitions]:
            if n == self.name:
                continue
            expr = lab.whole[n].expr if n in lab.whole else lab.whole.by_definition(n)
            if self._is(expr, {}):
                what = "variable" if n in lab.problem.variables else "definition"
                return SlipFound(("wrong-variable",), f"It is the gradient by the {what} {n}.")
        return None

    def _known_slip(self) -> SlipFound | None:
        truth = self.lab.gradient(self.name)
        for v in self._variants(truth):
            matched = self._is(v.expr, v.extra)
            if matched:
                first = matched if isinstance(matched, Multiple) else None
                if first is None:
                    return SlipFound((v.slip,), v.sentence)
                return SlipFound((v.slip, first.slip), f"{v.sentence} Then {first.words}.")
        return None

    def _variants(self, truth: Expr) -> Iterator[Variant]:
        return chain(pullback_slips(self.lab.problem, self.name), formula_slips(truth))

    def _is(self, x: Expr, extra: dict[str, Expr]) -> bool | Multiple:
        """Whether an expression is what was claimed at all points, or times which factor."""
        references = []
        same = True
        for c, t in zip(self.claimed, self.trials, strict=True):
            space = {**t.space}
            space.update({n: self.lab.value(e, t.space) for n, e in extra.items()})
            lost = any(v is None for v in space.values())
            value = None if lost else self.lab.gradient_at(self.name, space, x)
            if value is None or np.shape(value) != np.shape(c) or not np.all(np.isfinite(value)):
                return False
            same = same and close(c, value, self.match)
            if not same and (np.size(c) < 2 or ratio(c, value) is None):
                return False
            references.append(value)
        return same or self._factor(references) or False

    def _per_sample(self) -> SlipFound | None:
        if not self.fits:
            seen, right = self._shape_words()
            sentence = f"It has shape {seen}, the gradient {right}."
            return SlipFound(("shape",), sentence)
        return None

    def _different(self) -> SlipFound:
        """Return where a gradient differs, if that is in some rows or columns only."""
        for axis, word in ((0, "row"), (1, "column")):
            if any(np.ndim(t) <= axis or np.shape(t)[axis] == 1 for t in self.truth):
                continue
            wrong = [self._wrong_along(c, t, axis) for c, t in self._pairs()]
            for spot, name in ((0, "first"), (-1, "last")):
                if all(w == [spot % t.shape[axis]] for w, t in zip(wrong, self.truth, strict=True)):
                    return SlipFound(("wrong-part",), f"It differs in the {name} {word} only.")
        return SlipFound(("different",), "It differs from the gradient.")

    def _pairs(self) -> list[tuple[Any, Any]]:
        return list(zip(self.claimed, self.truth, strict=True))

    def _wrong_along(self, c: Any, t: Any, axis: int) -> list[int]:
        size = max(float(np.max(np.abs(t), initial=0.0)), 1e-3)
        off = np.abs(c - t) > self.match * size
        other = tuple(k for k in range(np.ndim(t)) if k != axis)
        return [int(k) for k in np.flatnonzero(off.any(axis=other))]


def _reduced(c: Any, word: str, axis: int, turned: bool) -> Any:
    found = c.sum(axis=axis) if word == "sum" else c.mean(axis=axis)
    return found.T if turned else found
