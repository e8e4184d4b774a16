"""Takes a claim about an entry whose index is shifted; judges it where all of its places exist.

x[p + 1] + x[p - 1] says nothing of the ends: what is right elsewhere is right under that condition.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..core.expr import Expr
from ..core.positions import Range, added, placed, steps
from ..core.shapes import Dim
from ..ops.text import text
from ..problems import ClaimText, Problem
from .deciding import Comparer
from .judging import Judge, verdict
from .reading import Reading
from .targets import Target
from .verdict import RIGHT_IF, WRONG, Counterexample, Verdict


class Shifted:
    """Judges a claim with shifted indices where it says something."""

    def __init__(self, problem: Problem, target: Target, reading: Reading) -> None:
        self.problem, self.target, self.reading = problem, target, reading
        self.spans = {n: (r, target.ranges[n]) for n, r in reading.within.items()}

    def __call__(self, claim: ClaimText) -> Verdict:
        """Return the verdict; an edge at which nothing is said makes no claim wrong."""
        said, truth = self.reading.expr, self._there(self.target.truth)
        judge = Judge(self.problem, replace(self.target, truth=truth))
        same = judge.equal(said)
        inside = " and ".join(_inside(n, *span) for n, span in self.spans.items())
        outside = " or ".join(x for n, span in self.spans.items() for x in _outside(n, *span))
        nowhere = f"for {outside} it is not defined"
        parts: dict[str, Any] = {
            "claim": claim,
            "claimed": (said,),
            "truth": self.target.truth,
            "correction": text(self.target.truth),
            "correction_expr": self.target.truth,
            "corrects": claim.about,
        }
        if same is not None:
            words = f"it is right if {inside}; {nowhere}"
            slips = ("undefined-entries",)
            return verdict(same, RIGHT_IF, words, slips=slips, assumption=inside, **parts)
        comparer = Comparer(self.problem, [said, truth])
        example = judge.counterexample(comparer, said, truth)
        words = f"it differs from {self.target.word}; {nowhere}"
        return verdict(
            comparer,
            WRONG,
            words,
            slips=("different",),
            counterexample=None if example is None else self._as_written(example),
            **parts,
        )

    def _there(self, x: Expr) -> Expr:
        """Return an expression at the positions at which the claim says something."""
        for name, found in self.reading.within.items():
            x = placed(x, name, found, lambda d: d)
        return x

    def _as_written(self, example: Counterexample) -> Counterexample:
        """Return a counterexample whose indices count from 1, as they were written."""
        first = {n: r.first - 1 for n, (r, _) in self.spans.items()}
        indices = {n: k + first.get(n, 0) for n, k in example.indices.items()}
        return replace(example, indices=indices)


def _last(found: Range) -> Dim | None:
    return added(found.size, found.first - 1)


def _inside(name: str, found: Range, dim: Dim) -> str:
    """Return where there are places: 2 <= p <= n - 1."""
    last = _last(found)
    low = f"{found.first} <= " if found.first > 1 else ""
    high = f" <= {_plain(last)}" if last != dim else ""
    return f"{low}{name}{high}" if high or not low else f"{name} >= {found.first}"


def _outside(name: str, found: Range, dim: Dim) -> list[str]:
    """Return where there are none: p = 1, p = n."""
    said = []
    if found.first > 1:
        said.append(f"{name} = 1" if found.first == 2 else f"{name} < {found.first}")
    last = _last(found)
    if last is not None and last != dim:
        one = steps(dim, last) == 1
        said.append(f"{name} = {_plain(dim)}" if one else f"{name} > {_plain(last)}")
    return said


def _plain(dim: Dim | None) -> str:
    shown = str(dim)
    return shown[1:-1] if shown[0] == "(" and shown[-1] == ")" else shown
