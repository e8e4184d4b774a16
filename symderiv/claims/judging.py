"""Takes one claim and its target; returns the verdict, the slip, a counterexample, the mended form.

Contract: a verdict is decided by exact evaluation (see ``deciding``), never by text. A correction
is only given when it was found equal to what the claim is about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..core.errors import UndefinedError
from ..core.expr import Expr, free_indices, transpose, walk, walk_all
from ..core.shapes import Dim, describe, swapped
from ..ops import Cells
from ..ops.text import text
from ..problems import ClaimText, Problem
from ..values.explicit import Explicit, called, is_exact
from .assumptions import Assumption, assumptions
from .boundaries import condition
from .deciding import Comparer, Kept, Merged
from .edits import Slips
from .failures import smallest_failure
from .fingerprints import Prints
from .layouts import diagonals
from .observations import outer, traits, where_right
from .places import marked
from .reading import Reading
from .reasons import why_equal
from .search import FoundSlip, Search
from .targets import Target
from .tidying import is_roundabout, tidied
from .vacuous import Excuses, means_something, unless_empty
from .verdict import (
    GRADIENT,
    RIGHT,
    RIGHT_IF,
    TRANSPOSED,
    WRONG,
    Counterexample,
    Verdict,
    as_sentence,
)

_AFRESH = 1000  # from which seed on the points of an assumption are its own


class Judge:
    """Judges what is claimed to equal one target."""

    def __init__(self, problem: Problem, target: Target, kept: Kept | None = None) -> None:
        self.problem, self.target = problem, target
        self._kept: Kept = {} if kept is None else kept  # what was evaluated for other claims

    def _comparer(self, claimed: Expr, merged: Merged | None = None) -> Comparer:
        sides = [claimed, self.target.truth]
        return Comparer(self.problem, sides, merged or Merged(), kept=self._kept)

    def __call__(self, claim: ClaimText, reading: Reading) -> Verdict:
        """Return the verdict on one claimed expression."""
        found = self.decided(claim, reading)  # whose truth is that of the claim
        return self.wrong(claim, reading) if found is None else found

    def equal(self, claimed: Expr) -> Comparer | None:
        """Return how a claim was found equal to the target, or None where it is not."""
        truth = self.target.truth
        if claimed.shape != truth.shape:
            return None
        comparer = self._comparer(claimed)
        return comparer if comparer.equal(claimed, truth) else None

    def decided(self, claim: ClaimText, reading: Reading) -> Verdict | None:
        """Return the verdict on a claim that is right, transposed, unreadable or right-if."""
        claimed, truth = reading.expr, self.target.truth
        if reading.refusal is not None:
            return None if reading.equated else self.unreadable(claim, reading)
        said: dict[str, Any] = {
            "claim": claim,
            "claimed": (claimed,),
            "truth": truth,
            "compared": self.target.word,
            "correction": text(truth),
            "correction_expr": truth,
        }
        same = self.equal(claimed)
        if same is not None:
            why = why_equal(self.problem, claimed, truth, exact=same.exact)
            words = f"it equals {self.target.word}: {why}"
            found = verdict(same, RIGHT, words, why=why, **said)
            return unless_empty(found, [reading], self.problem, self.target)
        comparer = self._comparer(claimed)
        if self._is_transpose(comparer, claimed):
            words, more = "it is the transpose", self._layout()
            return verdict(comparer, TRANSPOSED, words, more, slips=("transposed",), **said)
        laid = self._laid_out(comparer, claimed) if self.target.ends is not None else None
        if laid is not None:
            slip, words = laid
            other = self.counterexample(comparer, claimed, truth)
            return verdict(comparer, WRONG, words, slips=(slip,), counterexample=other, **said)
        assumed = self.assumed(claimed)
        if assumed is None:
            return None
        under, assumption = assumed
        return verdict(
            under,
            RIGHT_IF,
            f"it is right if {assumption.words}",
            slips=("assumption",),
            assumption=assumption.words,
            counterexample=self.counterexample(comparer, claimed, truth),
            holds=where_right(comparer, claimed, truth),
            **said,
        )

    def _laid_out(self, comparer: Comparer, claimed: Expr) -> tuple[str, str] | None:
        """Return how a claim holds the entries of a Jacobian in other places, as a slip."""
        target = self.target
        assert target.ends is not None
        if target.ends.is_row_by_row(comparer, claimed, target.truth):
            words = f"it is {target.word} of matrices read row by row; vec reads columns"
            return "vec-order", words
        for whole in diagonals(self.problem, claimed, target.truth):
            if self.equal(whole) is not None:
                return "elementwise", f"it is the diagonal: {target.word} is `{text(whole)}`"
        return None

    def _layout(self) -> str:
        if self.target.layout:
            return f"{self.target.layout[0].upper()}{self.target.layout[1:]}."
        if self.target.word == GRADIENT:
            shape = describe(self.target.truth.shape)
            return f"The gradient has the shape of the variable, {shape}."
        return f"The shape of {self.target.word} is {describe(self.target.truth.shape)}."

    def _is_transpose(self, comparer: Comparer, claimed: Expr) -> bool:
        truth = self.target.truth
        turned = swapped(claimed.shape)
        if turned != truth.shape or free_indices(claimed) or truth.is_scalar:
            return False
        return comparer.equal(transpose(claimed), truth)

    def assumed(self, claimed: Expr) -> tuple[Comparer, Assumption] | None:
        """Return an assumption under which a claim is right, if one is found."""
        truth = self.target.truth
        if claimed.shape != truth.shape:
            return None
        excuses = Excuses(self._comparer(claimed), claimed, truth, self.target.name)
        for found in assumptions(self.problem, claimed, truth, self.target.name):
            comparer = self.under(found, claimed)
            if comparer is None or not means_something(comparer, claimed, truth):
                continue
            if excuses.decides(comparer) or not self._holds_afresh(found, claimed):
                continue
            return None if excuses(found) else (comparer, found)
        return None

    def _holds_afresh(self, assumption: Assumption, claimed: Expr) -> bool:
        """Whether a claim is right under an assumption at points that did not lead to it."""
        own = replace(
            self._comparer(claimed, Merged(assumption.equal)), assumed=assumption, first=_AFRESH
        )
        try:
            return own.equal(claimed, self.target.truth)
        except UndefinedError:
            return False

    def under(self, assumption: Assumption, claimed: Expr) -> Comparer | None:
        """Return how a claim was found right under an assumption, or None where it is not."""
        truth = self.target.truth
        comparer = replace(self._comparer(claimed, Merged(assumption.equal)), assumed=assumption)
        if comparer.is_too_much(claimed, truth):
            return None  # which no comparison would decide: nothing is drawn for it
        try:
            same = comparer.may_equal(claimed, truth) and comparer.equal(claimed, truth)
            return comparer if same else None
        except UndefinedError:
            return None

    def unreadable(self, claim: ClaimText, reading: Reading) -> Verdict:
        """Return the verdict on a claim whose shapes do not fit."""
        assert reading.refusal is not None
        found = self._search(reading, Merged()) if reading.written is not None else None
        slips = found.slips if found is not None else ()
        shapes = f"its shapes do not fit: {reading.refusal.subject}"
        words = "; and ".join([*(w for _, w in slips), shapes])
        return Verdict(
            claim=claim,
            verdict=WRONG,
            diagnosis=as_sentence(words),
            cause=words,
            slips=(*(name for name, _ in slips), "shape"),
            truth=self.target.truth,
            correction=text(self.target.truth),
            correction_expr=self.target.truth,
            evidence="decided by the shapes",
        )

    def wrong(self, claim: ClaimText, reading: Reading) -> Verdict:
        """Return what went wrong in a claim that is not right."""
        claimed, truth = reading.expr, self.target.truth
        merged = Merged([*reading.equated, *clashes(claimed, truth)])
        comparer = self._comparer(claimed, merged)
        hopeless = reading.refusal is not None or comparer.is_too_much(claimed, truth)
        found, slips = self._slips(comparer, reading, merged)
        other = self._other_indices(reading)
        if not slips and other:
            slips = (("wrong-index", other),)
        reason = self._reason(reading)
        near = found.expr if found else None
        shown = self._tidied(truth if near is None else near)
        if is_roundabout(shown, truth) and len(text(truth)) < len(text(shown)):
            near, shown = None, truth
        example = self.counterexample(comparer, claimed, truth) or self.counterexample(
            replace(comparer, merged=Merged(reading.equated)), claimed, truth
        )
        if example is not None:
            sides = (example.claimed_cells, example.right_cells)
            comparer.exact = comparer.exact and all(map(is_exact, sides))
        return verdict(
            comparer,
            WRONG,
            self._diagnosis([s for _, s in slips], reason, named=found is not None),
            claim=claim,
            slips=tuple(n for n, _ in slips) or ("different",),
            counterexample=example,
            correction=text(shown),
            correction_expr=shown,
            claimed=(claimed,),
            truth=truth,
            holds="" if hopeless else where_right(comparer, claimed, truth),
            marked=marked(claimed, shown) if near is not None else None,
        )

    def _slips(
        self, comparer: Comparer, reading: Reading, merged: Merged
    ) -> tuple[FoundSlip | None, Slips]:
        """Return the slip that was found, and what is told; what is too much is not sought."""
        claimed, truth = reading.expr, self.target.truth
        if comparer.is_too_much(claimed, truth):
            return None, ()
        found = self._search(reading, merged)
        prints, word = Prints(comparer, truth), self.target.word
        if found is None:
            return None, traits(claimed, truth, prints, word, tiny=merged.of_one)
        if found.slips[0][0] in ("wrong-part", "wrong-variable"):
            return found, (*outer(claimed, truth, prints, word), *found.slips)
        return found, found.slips

    def _tidied(self, right: Expr) -> Expr:
        """Return a mended claim with its numbers put together."""
        shown = tidied(right)
        try:
            return shown if shown is right or self.equal(shown) is not None else right
        except UndefinedError:
            return right

    def _search(self, reading: Reading, merged: Merged) -> FoundSlip | None:
        target = self.target
        return Search(
            self.problem,
            target.name,
            reading,
            target.truth,
            target.ranges,
            merged,
            self._kept,
            target.pick,
            target.mistakes(),
            symmetric=target.word == GRADIENT,
        )()

    def counterexample(
        self, comparer: Comparer, claimed: Expr, truth: Expr
    ) -> Counterexample | None:
        """Return the smallest point at which a claim fails."""
        found = smallest_failure(comparer, claimed, truth)
        if found is None:
            return None
        sizes, values, spot, left, right = found
        met = {str(e.data) for x in (claimed, truth) for e in walk(x) if e.op == "var"}
        shown = {n: c for n, c in values.items() if n in met}
        used = {d for x in (claimed, truth) for e in walk(x) for dim in e.shape for d in dim.names}
        return Counterexample(
            {d: s for d, s in sizes.items() if d in used},
            shown,
            spot,
            claimed,
            left,
            truth,
            right,
            tuple((str(a), str(b)) for a, b in comparer.merged.pairs),
            _chosen([claimed, truth], Explicit(sizes, values)),
        )

    def _reason(self, reading: Reading) -> str:
        if reading.refusal is not None:
            return reading.refusal.subject
        shapes = [describe(x.shape) for x in (reading.expr, self.target.truth)]
        if reading.expr.shape != self.target.truth.shape:
            return f"it is `{shapes[0]}`, {self.target.word} `{shapes[1]}`"
        return ""

    def _other_indices(self, reading: Reading) -> str:
        """Return which index of a claim is not one of what it should be, or nothing."""
        other = [i for i in reading.ranges if i not in self.target.ranges]
        return (
            f"the index `{other[0]}` is free in it, and not in {self.target.word}" if other else ""
        )

    def _diagnosis(self, sentences: Sequence[str], reason: str, *, named: bool) -> str:
        """Return what is wrong as a clause; shapes that do not fit follow from a named slip."""
        parts = [*sentences]
        if reason:
            parts.append(f"as written, {reason}" if named else reason)
        return "; and ".join(parts) or f"it differs from {self.target.word}"


def verdict(comparer: Comparer, said: str, words: str, more: str = "", **parts: Any) -> Verdict:
    """Return a verdict with the evidence of the comparison; ``more`` are further sentences."""
    return Verdict(
        verdict=said,
        diagnosis=f"{as_sentence(words)} {more}".rstrip(),
        cause=words,
        evidence=_evidence(comparer),
        left_out=tuple(dict.fromkeys(comparer.left_out)),
        **parts,
    )


def clashes(claimed: Expr, truth: Expr) -> list[tuple[Dim, Dim]]:
    """Return the sizes to be taken as equal so that two shapes can be compared entry by entry."""
    # Shapes are aligned from the right; further batch axes are no sizes to be equal.
    pairs = zip(reversed(claimed.shape), reversed(truth.shape), strict=False)
    return [(a, b) for a, b in pairs if a != b and a.symbols and b.symbols]


def _chosen(sides: Sequence[Expr], here: Explicit) -> tuple[tuple[Expr, Cells], ...]:
    """Return the calls of unspecified functions, with what these were chosen to be at a point."""
    calls = [e for e in walk_all(sides) if e.op in ("loss", "apply") and not free_indices(e)]
    chosen = [e for e in calls if isinstance(e.data, tuple) and called(e.data[0]) in here.values]
    return tuple((e, here.cells(e)) for e in chosen)


def _evidence(comparer: Comparer) -> str:
    how = "in exact rational arithmetic" if comparer.exact else "to 40 digits"
    if comparer.count:
        sizes = len(comparer.sizes())
        of = f" of {sizes} choices of sizes" if sizes > 1 else ""
        said = f"equal {how} at {comparer.count} points{of}"
        if comparer.piecewise:
            said += f", and at {comparer.piecewise} close to a boundary between pieces"
        one = ", ".join(f"`{condition(e)}`" for e in comparer.unreached)
        return f"{said}; one side of {one} was never met" if one else said
    return f"decided {how}"
