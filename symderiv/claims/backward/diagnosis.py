"""Takes a wrong gradient in arrays; returns the slip that explains it at every point, if any."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from itertools import chain, product
from typing import Any, NamedTuple

import numpy as np

from ...codegen.assignments import shape_text
from ...core.expr import Expr
from ..edited_shapes import Reshaper
from ..edits import made_in
from ..mistakes import Mistakes
from ..multiples import CLOSE, WHOLE, Multiple, multiple
from ..verdict import GRADIENT, as_sentence
from .trials import Laboratory, Trial

_EXPONENTS = (*WHOLE, *(Fraction(k, 2) for k in (1, -1, 4, -4)))


def ratio(claimed: Any, truth: Any) -> float | None:
    """Return k with claimed = k truth, or None."""
    own = np.vdot(truth, truth)
    if np.shape(claimed) != np.shape(truth) or not own:  # of what is tiny, it is 0, too
        return None
    k = float(np.vdot(truth, claimed) / own)
    most = float(np.max(np.abs(claimed), initial=0.0))
    if not most or not np.max(np.abs(claimed - k * truth)) <= CLOSE * most:
        return None
    return k


def factor(
    ratios: Sequence[float],
    sizes: Sequence[Mapping[str, int]],
    scalars: Sequence[Mapping[str, Any]],
) -> tuple[str, str] | None:
    """Return what ratios at points of some sizes are, as a slip and a clause; None for 1.

    ``scalars`` are values at those points.
    """
    dims = [d for d in sizes[0] if len({s[d] for s in sizes}) > 1]
    values = [
        {**{d: float(s[d]) for d in dims}, **{f"({d} - 1)": s[d] - 1.0 for d in dims}, **more}
        for s, more in zip(sizes, scalars, strict=True)
    ]
    found = multiple(ratios, values, _EXPONENTS)
    if found is not None:
        return _said(found, dims)
    if np.ptp(ratios) <= CLOSE * np.max(np.abs(ratios)):
        return "factor", f"it is {ratios[0]:.6g} times the gradient"
    return None


def _said(found: Multiple, dims: Sequence[str]) -> tuple[str, str] | None:
    size, powers = abs(found.number), found.powers
    if not powers and size == 1:
        return ("sign", "the sign is wrong: it is minus the gradient") if found.number < 0 else None
    large = size >= 1 and (size > 1 or powers[0][1] > 0)
    if not large:
        size, powers = 1 / size, tuple((n, -p) for n, p in powers)
    above = [str(size.numerator)] * (size.numerator > 1) + [_power(*x) for x in powers if x[1] > 0]
    below = [str(size.denominator)] * (size.denominator > 1)
    below += [_power(n, -p) for n, p in powers if p < 0]
    name = "*".join(above) + "".join(f"/{x}" for x in below)
    words = f"it is {name} times too {'large' if large else 'small'}"
    words += " and of the wrong sign" if found.number < 0 else ""
    if size == 1 and all(p == 1 and n in dims for n, p in powers):
        why = "a sum for a mean, or a factor left out"
        return (
            "sum-vs-mean",
            f"{words}: {why if large else 'a mean for a sum, or a factor too much'}",
        )
    return "factor", f"{words}: {'divide' if large else 'multiply'} by {name}"


def _power(name: str, power: Fraction) -> str:
    if power.denominator > 1:
        return f"sqrt({name.strip('()')})"
    return name if power == 1 else f"{name}**{power}"


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
            self._repeated_rows,
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
                return SlipFound((found[0], "transposed"), f"It is transposed, and {found[1]}.")
        return SlipFound((found[0],), as_sentence(found[1])) if found is not None else None

    def _factor(self, references: Sequence[Any]) -> tuple[str, str] | None:
        ratios, sizes, scalars = [], [], []
        names = [n for n, v in self.lab.problem.variables.items() if v.kind == "scalar"]
        for c, r, t in zip(self.claimed, references, self.trials, strict=True):
            if not np.any(r) and not np.any(c):
                continue
            k = ratio(c, r)
            if k is None or not np.isfinite(k) or abs(k) < 1e-12:
                return None
            ratios.append(k)
            sizes.append(t.sizes)
            scalars.append({n: float(t.space[n]) for n in names})
        return factor(ratios, sizes, scalars) if ratios else None

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
            if self._is(expr):
                what = "variable" if n in lab.problem.variables else "definition"
                return SlipFound(
                    ("wrong-variable",), f"It is the gradient with respect to the {what} `{n}`."
                )
        return None

    def _known_slip(self) -> SlipFound | None:
        """Name a gradient that was derived wrongly, or has a slip in one place of its formula."""
        problem, truth = self.lab.problem, self.lab.gradient(self.name)
        derived = Mistakes(problem, self.name, truth, GRADIENT)
        fitting = Reshaper(problem.known(), [truth, problem.objective])
        near: SlipFound | None = None  # right but for a factor
        for m in chain(derived, made_in(problem, truth)):
            x = fitting(m.expr)
            matched = x is not None and self._is(x)
            slip, sentence = m.kind or m.slip, as_sentence(m.sentence)
            if isinstance(matched, tuple):
                more = f"{sentence} Then {matched[1]}."
                near = near or SlipFound((slip, matched[0]), more)
            elif matched:
                return SlipFound((slip,), sentence)
        return near

    def _is(self, x: Expr) -> bool | tuple[str, str]:
        """Whether an expression is what was claimed at all points, or times which factor."""
        references = []
        same = True
        for c, t in zip(self.claimed, self.trials, strict=True):
            value = self.lab.gradient_at(self.name, t.space, x)
            if value is None or np.shape(value) != np.shape(c) or not np.all(np.isfinite(value)):
                return False
            same = same and close(c, value, self.match)
            if not same and (np.size(c) < 2 or ratio(c, value) is None):
                return False
            references.append(value)
        return same or self._factor(references) or False

    def _repeated_rows(self) -> SlipFound | None:
        """Name rows picked by labels that are written once where a label occurs several times."""
        if not self.fits or not np.ndim(self.truth[0]):
            return None
        for label in self.lab.problem.labels:
            rows = [np.sum(np.asarray(t.space[label]), axis=0) for t in self.trials]
            if any(len(r) != len(t) for r, t in zip(rows, self.truth, strict=True)):
                continue
            wrong = [self._wrong_along(c, t, 0) for c, t in self._pairs()]
            several = [[*map(int, np.flatnonzero(r > 1))] for r in rows]
            if wrong == several and any(wrong) and any(np.any(r == 1) for r in rows):
                return SlipFound(
                    ("missing-sum",),
                    f"It differs only in the rows that {label} names more than once: their terms "
                    f"are to be summed, as np.add.at(d{self.name}, {label}, ...) does.",
                )
        return None

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
