"""Checking claims: read, decide, name the slip, show the smallest counterexample, mend.

Contract: a verdict is decided by exact evaluation (see ``deciding``), never by text. A correction
is only given when it was found equal to the gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..derivation import Derivation, require_scalar
from ..errors import LanguageError, UndefinedError
from ..expr import (
    Expr,
    free_indices,
    free_ranges,
    index_sum,
    own_indices,
    rebuild,
    transpose,
    walk,
    with_args,
)
from ..expr import node as expr_node
from ..language import ClaimText, Problem
from ..notation.text import text
from ..shapes import Dim, describe, swapped
from .assumptions import assumptions
from .deciding import Comparer, Merged, smallest_failure
from .fingerprints import Prints
from .reading import About, Reading, read_about, read_claim, target_entry, variable_or_stage
from .search import Search
from .slips import flipped
from .stated import one_side, only
from .traits import outer, traits
from .verdict import RIGHT, RIGHT_IF, TRANSPOSED, WRONG, Counterexample, Verdict


class Checker:
    """Checks claims about one problem."""

    def __init__(self, problem: Problem) -> None:
        require_scalar(problem)
        self.problem = problem
        self._gradients: dict[str, Expr] = {}

    def gradient(self, name: str) -> Expr:
        """Return the gradient by a variable."""
        if name not in self._gradients:
            self._gradients[name] = self._derived(name)
        return self._gradients[name]

    def _derived(self, name: str) -> Expr:
        if name not in self.problem.definitions:
            variable_or_stage(self.problem, name)
            return Derivation(self.problem, [name])[name].expr
        whole = Derivation(self.problem, list(self.problem.variables))
        return whole.by_definition(name)

    def check(self, claim: ClaimText) -> Verdict:
        """Return the verdict on a claim; raises LanguageError where it cannot be read."""
        claim = only(self.problem, claim)
        about = read_about(claim.about, self.problem.objective_name)
        if about.kind == "equal":
            return self._equal(claim)
        claim = one_side(claim)
        truth = self.gradient(about.name)
        ranges: dict[str, Dim] = {}
        if about.kind == "entry":
            truth = target_entry(self.problem, about, truth)
            ranges = free_ranges(truth)
        reading = read_claim(
            self.problem, claim.says[0], ranges, syntax=claim.syntax, shape=truth.shape
        )
        return replace(self._compare(claim, about, reading, truth, ranges), corrects=claim.about)

    # a claim against the gradient

    def _compare(
        self,
        claim: ClaimText,
        about: About,
        reading: Reading,
        truth: Expr,
        ranges: dict[str, Dim],
    ) -> Verdict:
        claimed = reading.expr
        if reading.refusal is not None and not reading.equated:
            return self._unreadable(claim, reading, truth)
        comparer = Comparer(self.problem, [claimed, truth])
        fits = reading.refusal is None and claimed.shape == truth.shape
        said = {
            "claim": claim,
            "claimed": (claimed,),
            "truth": truth,
            "correction": text(truth),
            "correction_expr": truth,
        }
        if fits and comparer.equal(claimed, truth):
            return _verdict(comparer, RIGHT, "It equals the gradient.", **said)
        if reading.refusal is None and self._is_transpose(comparer, claimed, truth):
            words = f"The gradient has the shape of the variable, {describe(truth.shape)}."
            return _verdict(
                comparer, TRANSPOSED, f"It is the transpose. {words}", slips=("transposed",), **said
            )
        assumed = self._assumed(claimed, truth, about.name) if fits else None
        if assumed is not None:
            under, words = assumed
            return _verdict(
                under,
                RIGHT_IF,
                f"{words}.",
                slips=("assumption",),
                assumption=words,
                counterexample=self._counterexample(comparer, claimed, truth),
                **said,
            )
        return self._wrong(claim, about, reading, truth, ranges)

    def _is_transpose(self, comparer: Comparer, claimed: Expr, truth: Expr) -> bool:
        turned = swapped(claimed.shape)
        if turned != truth.shape or free_indices(claimed) or truth.is_scalar:
            return False
        return comparer.equal(transpose(claimed), truth)

    def _assumed(self, claimed: Expr, truth: Expr, wrt: str) -> tuple[Comparer, str] | None:
        """Return an assumption under which a claim is right, in words, if one is found."""
        for found in assumptions(self.problem, claimed, truth, wrt):
            sides = [claimed, truth]
            comparer = Comparer(self.problem, sides, Merged(found.equal), found)
            try:
                if comparer.equal(claimed, truth):
                    return comparer, found.words
            except UndefinedError:
                continue
        return None

    def _unreadable(self, claim: ClaimText, reading: Reading, truth: Expr) -> Verdict:
        assert reading.refusal is not None
        return Verdict(
            claim=claim,
            verdict=WRONG,
            diagnosis=f"Its shapes do not fit: {reading.refusal.subject}.",
            slips=("shape",),
            truth=truth,
            correction=text(truth),
            correction_expr=truth,
            evidence="decided by the shapes",
        )

    def _wrong(
        self,
        claim: ClaimText,
        about: About,
        reading: Reading,
        truth: Expr,
        ranges: dict[str, Dim],
    ) -> Verdict:
        claimed = reading.expr
        merged = Merged([*reading.equated, *_clashes(claimed, truth)])
        comparer = Comparer(self.problem, [claimed, truth], merged)

        def target(gradient: Expr) -> Expr:
            return target_entry(self.problem, about, gradient) if ranges else gradient

        found = Search(self.problem, about.name, reading, truth, ranges, merged, target)()
        prints = Prints(comparer, truth)
        slips = found.slips if found else traits(claimed, truth, prints)
        if found and slips[0][0] in ("wrong-part", "wrong-variable"):
            slips = (*outer(claimed, truth, prints), *slips)
        reason = _reason(reading, claimed, truth)
        right = found.expr if found and found.expr is not None else truth
        return _verdict(
            comparer,
            WRONG,
            _diagnosis([s for _, s in slips], reason, named=found is not None),
            claim=claim,
            slips=tuple(n for n, _ in slips) or ("different",),
            counterexample=self._counterexample(comparer, claimed, truth)
            or self._counterexample(
                replace(comparer, merged=Merged(reading.equated)), claimed, truth
            ),
            correction=text(right),
            correction_expr=right,
            claimed=(claimed,),
            truth=truth,
        )

    def _counterexample(
        self, comparer: Comparer, claimed: Expr, truth: Expr
    ) -> Counterexample | None:
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
        )

    # several things claimed to be equal

    def _equal(self, claim: ClaimText) -> Verdict:
        if len(claim.says) < 2:
            raise LanguageError('a claim about "equal" needs at least two things')
        readings = [read_claim(self.problem, s, syntax=claim.syntax) for s in claim.says]
        first = readings[0]
        expressions = tuple(r.expr for r in readings)
        refused = next((r for r in readings if r.refusal is not None), None)
        if refused is not None:
            return self._unreadable(claim, refused, refused.expr)
        comparer = Comparer(self.problem, expressions)
        for other in readings[1:]:
            same_shape = first.expr.shape == other.expr.shape
            if same_shape and comparer.equal(first.expr, other.expr):
                continue
            return self._different(claim, expressions, first.expr, other.expr)
        return _verdict(
            comparer, RIGHT, "They are equal.", claim=claim, claimed=expressions, truth=first.expr
        )

    def _different(
        self, claim: ClaimText, expressions: tuple[Expr, ...], left: Expr, right: Expr
    ) -> Verdict:
        turned = swapped(left.shape) == right.shape
        comparer = Comparer(self.problem, expressions, Merged(_clashes(left, right)))
        if turned and not left.is_scalar and comparer.equal(transpose(left), right):
            return _verdict(
                comparer,
                TRANSPOSED,
                "One is the transpose of the other.",
                claim=claim,
                slips=("transposed",),
                claimed=expressions,
                truth=left,
            )
        sentences, slips, corrects, correction = self._apart(expressions, left, right)
        return _verdict(
            comparer,
            WRONG,
            _sentence("; ".join(sentences)),
            claim=claim,
            slips=slips,
            counterexample=self._counterexample(comparer, left, right),
            correction=text(correction) if correction is not None else "",
            corrects=corrects,
            correction_expr=correction,
            claimed=expressions,
            truth=left,
        )

    def _apart(
        self, expressions: Sequence[Expr], left: Expr, right: Expr
    ) -> tuple[list[str], tuple[str, ...], str, Expr | None]:
        """Return how two things differ, and the gradient that they are terms of, if any."""
        picks = [_picks(left), _picks(right)]
        sentences = ["they are different functions"]
        if all(picks) and picks[0] != picks[1]:
            sentences = [f"the first depends on {picks[0]} only, the other on {picks[1]} only"]
        whole = self._whole(expressions)
        if whole is None:
            return sentences, ("different",), "", None
        name, correction, turned = whole
        end = ", transposed" if turned else ""
        sentences.append(f"their sum over all rows is the gradient by {name}{end}")
        slips = ("missing-sum", "transposed") if turned else ("missing-sum",)
        return sentences, slips, f"dL/d{name}", correction

    def _whole(self, expressions: Sequence[Expr]) -> tuple[str, Expr, bool] | None:
        """Return the gradient that the expressions are terms of, if their sum is one."""
        general = _generalised(expressions)
        if general is None:
            return None
        index, dim, body = general
        for name in self.problem.wrt:
            truth = self.gradient(name)
            for turned in (False, True):
                summed = index_sum(index, dim, flipped(body) if turned else body)
                if summed.shape != truth.shape:
                    continue
                comparer = Comparer(self.problem, [summed, truth])
                if comparer.equal(summed, truth):
                    return name, summed, turned
        return None


def _verdict(comparer: Comparer, verdict: str, diagnosis: str, **parts: Any) -> Verdict:
    return Verdict(verdict=verdict, diagnosis=diagnosis, evidence=_evidence(comparer), **parts)


def _generalised(expressions: Sequence[Expr]) -> tuple[str, Dim, Expr] | None:
    """Return X[i, :] for X[1, :], X[2, :]: one body whose index takes the written positions."""
    index = "i"
    bodies: list[tuple[Expr, Dim | None]] = []
    for x in expressions:
        if free_indices(x):
            return None
        bodies.append(_with_index(x, index))
    if len({b for b, _ in bodies}) != 1 or bodies[0][1] is None:
        return None
    return index, bodies[0][1], bodies[0][0]


def _with_index(x: Expr, index: str) -> tuple[Expr, Dim | None]:
    dims: list[Dim] = []

    def change(old: Expr, args: tuple[Expr, ...]) -> Expr:
        if old.op == "row" and isinstance(old.data, int):
            dims.append(old.args[0].shape[0])
            return expr_node("row", args, old.shape, index)
        return with_args(old, args)

    body = rebuild(x, change)
    return body, dims[0] if dims and all(d == dims[0] for d in dims) else None


def _picks(x: Expr) -> str:
    """Return the rows, columns and entries at written positions that an expression uses."""
    found = {
        f"`{text(e)}`": None for e in walk(x) if any(isinstance(i, int) for i in own_indices(e))
    }
    return " and ".join(found)


def _clashes(claimed: Expr, truth: Expr) -> list[tuple[Dim, Dim]]:
    """Return the sizes to be taken as equal so that two shapes can be compared entry by entry."""
    # Shapes are aligned from the right; further batch axes are no sizes to be equal.
    pairs = zip(reversed(claimed.shape), reversed(truth.shape), strict=False)
    return [(a, b) for a, b in pairs if a != b and a.symbols and b.symbols]


def _reason(reading: Reading, claimed: Expr, truth: Expr) -> str:
    if reading.refusal is not None:
        return reading.refusal.subject
    if claimed.shape != truth.shape:
        return f"it is `{describe(claimed.shape)}`, the gradient `{describe(truth.shape)}`"
    return ""


def _diagnosis(sentences: Sequence[str], reason: str, *, named: bool) -> str:
    """Return what is wrong in one sentence; shapes that do not fit follow from a named slip."""
    parts = [*sentences]
    if reason:
        parts.append(f"as written, {reason}" if named else reason)
    return _sentence("; and ".join(parts) or "it differs from the gradient")


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:] + "."


def _evidence(comparer: Comparer) -> str:
    how = "in exact rational arithmetic" if comparer.exact else "to 40 digits"
    if comparer.count:
        sizes = len(comparer.sizes())
        of = f" of {sizes} choices of sizes" if sizes > 1 else ""
        return f"equal {how} at {comparer.count} points{of}"
    return f"decided {how}"
