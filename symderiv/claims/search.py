"""Takes a wrong claim; returns the slip in it, and the formula without it where there is one.

A slip is only named when the mended claim was found equal to the gradient, or the claim equal to
what the derivation gives with that slip. Candidates meet by fingerprint: claims with one or two
places changed on one side, the gradient and those derived wrongly on the other, up to a factor and
a transposition.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, islice

from ..core.errors import LanguageError, UndefinedError
from ..core.expr import Expr, node, transpose
from ..core.shapes import SCALAR, Dim, DimMismatchError
from ..core.transposing import flip
from ..problems import Problem
from .assumptions import Assumption
from .deciding import Comparer, Kept, Merged
from .edited_shapes import Reshaper
from .edits import LIKELY, Slipped, Slips, edits, exchange, index_edits
from .fingerprints import Prints
from .mistakes import Mistaken, quoted, total
from .multiples import Multiple
from .reading import Reading, read_claim
from .tidying import choices

_TRIES = 3000  # changes of one place that are tried
_TERMS, _TRIES_IN_TERM = 5, 700  # of a sum, and changes of one place in one of them
_NEAREST = 400  # and of one place, where the slip is known and only the mended claim is sought
_MENDED = 1000  # letters of a claim that is mended for that


@dataclass(frozen=True, slots=True)
class FoundSlip:
    """What went wrong, and the claim without it, where that could be written."""

    slips: Slips
    expr: Expr | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a claim may be equal to: the gradient, or one that was derived wrongly."""

    slips: Slips
    expr: Expr
    turned: bool


@dataclass
class Search:
    """Looks for the slip in one claim about one gradient."""

    problem: Problem
    name: str
    reading: Reading
    truth: Expr
    ranges: dict[str, Dim]
    merged: Merged
    kept: Kept
    target: Callable[[Expr], Expr]  # of a gradient, what the claim is about: itself or an entry
    mistakes: Mistaken  # the derivation, to be done wrongly
    symmetric: bool = True  # whether the convention for symmetric variables may have been meant

    def __call__(self) -> FoundSlip | None:
        """Return the slips, or None where none was found."""
        claimed = self.reading.expr
        plain: list[tuple[Slips, Expr]] = [((), claimed)] if self.reading.refusal is None else []
        exchanged = self._exchanged()
        if exchanged is not None:
            return exchanged
        for slips, whole in (*plain, *index_edits(replace(self.slipped, claimed=claimed))):
            found = self.meet(slips, whole, self._right)
            if found is not None:
                return found
        wrong = self._by_convention() or self._derived_wrongly(self.mistaken)
        if wrong is not None and len(wrong.slips) == 1:
            return FoundSlip(wrong.slips, self._closest())
        found = self._edited()
        if wrong is not None and (found is None or len(wrong.slips) < len(found.slips)):
            found = FoundSlip(wrong.slips, found.expr if found is not None else None)
        found = found or self._by_terms()
        if found is None and self.merged.pairs:  # right at the sizes at which it can be read
            found = self._derived_wrongly([((), self.truth)])
        return found

    # the two sides

    @cached_property
    def prints(self) -> Prints:
        """The points at which readable formulas are told apart."""
        return Prints(self._comparer(self.truth), self.truth)

    @cached_property
    def _right(self) -> dict[object, list[Candidate]]:
        return self.keyed([((), self.truth)], self.prints)

    def keyed(
        self, candidates: Sequence[tuple[Slips, Expr]], prints: Prints
    ) -> dict[object, list[Candidate]]:
        found: dict[object, list[Candidate]] = {}
        for slips, expr in candidates:
            for turned in (False, True)[: 1 if expr.is_scalar or self.ranges else 2]:
                key = prints.key(expr, turned=turned)
                if key is not None:
                    found.setdefault(key, []).append(Candidate(slips, expr, turned))
        return found

    @cached_property
    def mistaken(self) -> list[tuple[Slips, Expr]]:
        """What comes out when the derivation goes wrong, but is not right all the same."""
        found: list[tuple[Slips, Expr]] = []
        for m in self.mistakes:
            try:
                expr = self.target(m.expr) if self.ranges else m.expr
            except LanguageError:
                continue
            found.append((((m.slip, m.sentence),), expr))
        return found

    # meeting

    def meet(
        self,
        slips: Slips,
        whole: Expr,
        targets: dict[object, list[Candidate]],
        *,
        exactly: bool = False,
    ) -> FoundSlip | None:
        """Return what makes a formula equal to the gradient, after its factor and its direction."""
        key = self.prints.key(whole)
        for target in targets.get(key, ()) if key is not None else ():
            scale = self.prints.factor(whole, target.expr, turned=target.turned)
            if scale is None:
                continue
            more = (*slips, *_direction(target), *scale.slips())
            if exactly and len(more) > len(slips):
                continue
            mended = _mended(whole, target, scale)
            again = self.shaped(mended)
            if again is None or choices(again) > self._choices:
                continue  # what was wrong is still there, and chosen no more
            if self._is(again, target.expr):
                return FoundSlip((*target.slips, *more), again)
        return None

    @cached_property
    def _choices(self) -> int:
        return max(choices(self.reading.expr), choices(self.truth))

    def _comparer(self, *expressions: Expr, merged: Merged | None = None) -> Comparer:
        return Comparer(self.problem, expressions, merged or Merged(), kept=self.kept)

    def _is(self, x: Expr, right: Expr) -> bool:
        if x.shape != right.shape:
            return False
        try:
            return self._comparer(x, right).equal(x, right)
        except UndefinedError:
            return False

    @cached_property
    def shaped(self) -> Reshaper:
        """What gives a changed claim its shapes, with sizes taken as equal told apart again."""
        return Reshaper(self.problem.known(), [self.reading.expr, self.truth], self.ranges)

    def _exchanged(self) -> FoundSlip | None:
        """Return whether a claim that its sizes refute is right with the two indices exchanged."""
        if self.reading.refusal is None or len(self.ranges) != 2:
            return None
        (p, first), (q, second) = self.ranges.items()
        try:
            again = read_claim(self.problem, self.reading.text, {p: second, q: first})
        except (LanguageError, DimMismatchError):
            return None
        whole = exchange(again.expr, p, q)
        if again.refusal is not None or not self._is(whole, self.truth):
            return None
        return FoundSlip((("index-swap", f"the index pair `{p}`, `{q}` is swapped"),), whole)

    # one side: wrong derivations

    def _by_convention(self) -> FoundSlip | None:
        """Return whether it is the gradient by the independent entries of a symmetric matrix."""
        shape = self.truth.shape
        if (
            not self.symmetric
            or self.merged.of_one
            or self.ranges
            or len(shape) != 2
            or shape[0] != shape[1]
            or shape == SCALAR
        ):
            return None
        g = self.truth
        diagonal = node("mul", (node("eye", (), shape), g), shape)
        other = node("add", (g, transpose(g), node("neg", (diagonal,), shape)), shape)
        symmetric = Assumption("", {self.name: ("symmetric",)})
        sides = [self.reading.expr, other]
        try:
            comparer = Comparer(self.problem, sides, self.merged, symmetric, kept=self.kept)
            same = comparer.may_equal(sides[0], other) and comparer.equal(sides[0], other)
        except UndefinedError:
            return None
        words = (
            "it is another convention: the derivative with respect to the independent entries of a "
            f"symmetric `{self.name}`, in which both entries off the diagonal are one variable"
        )
        return FoundSlip((("symmetric-convention", words),), None) if same else None

    def _derived_wrongly(self, candidates: Sequence[tuple[Slips, Expr]]) -> FoundSlip | None:
        """Return the mistake in the derivation whose result is the claim."""
        claimed = self.reading.expr
        comparer = self._comparer(claimed, self.truth, merged=self.merged)
        prints = Prints(comparer, self.truth) if self.merged.pairs else self.prints
        key = prints.key(claimed)
        matches: list[FoundSlip] = []
        if self.merged.of_one:
            return None
        for target in self.keyed(candidates, prints).get(key, ()) if key is not None else ():
            scale = prints.factor(claimed, target.expr, turned=target.turned)
            if scale is None or (target.slips and self._is_harmless(target)):
                continue
            wrong = flip(target.expr) if target.turned else target.expr
            try:
                same = comparer.equal(scale.mended(claimed), wrong)
            except UndefinedError:
                continue
            if same:
                more = (*_direction(target), *scale.slips())
                if target.slips or more:
                    matches.append(FoundSlip((*target.slips, *more), None))
        return min(matches, key=lambda f: len(f.slips), default=None)

    def _is_harmless(self, target: Candidate) -> bool:
        """Whether a mistake changes nothing but a constant factor."""
        return self.prints.factor(target.expr, self.truth, turned=False) is not None

    # the other side: changed claims

    @cached_property
    def slipped(self) -> Slipped:
        """The claim and everything that may stand in it."""
        fits = self.reading.refusal is None and self.reading.expr.shape == self.truth.shape
        claimed = self.reading.written or self.reading.expr
        entry = tuple(self.ranges)
        derivative = self.mistakes.derivative
        return Slipped(self.problem, claimed, self.truth, derivative, fits, entry)

    def _closest(self) -> Expr | None:
        """Return the right formula that one change of the claim gives, if any does.

        One that is right as it stands is closer than one that also needs a factor or a
        transposition.
        """
        near: Expr | None = None
        tried = edits(self.slipped) if len(self.reading.text) <= _MENDED else iter(())
        for slips, whole in islice(tried, _NEAREST):
            again = self.shaped(whole)
            found = self.meet(slips, again, self._right) if again is not None else None
            if found is not None and len(found.slips) == len(slips):
                return found.expr
            if found is not None and near is None:
                near = found.expr
        return near

    def _edited(self) -> FoundSlip | None:
        """Return the slip in one place of a formula, or in two, and the formula mended there."""
        wrong = self.keyed(self.mistaken, self.prints)
        near: list[FoundSlip] = []  # right but for a factor or the direction, or for a wrong rule
        for slips, whole in islice(edits(self.slipped), _TRIES):
            again = self.shaped(whole)
            if again is None:
                continue
            found = self.meet(slips, again, self._right, exactly=True)
            if found is not None:
                return found
            if near:
                continue
            found = self.meet(slips, again, self._right)
            if found is None and slips[0][0] in LIKELY:
                found = self.meet(slips, again, wrong)
                found = FoundSlip(found.slips, None) if found is not None else None
            if found is not None:
                near.append(found)
        return near[0] if near else None

    # both sides, term by term

    def _by_terms(self) -> FoundSlip | None:
        """Return the slips of a sum of which each term may have one of its own, or be missing.

        The terms of the gradient are those that it is written in, or those of the product rule,
        one for every place in which the variable stands.
        """
        claimed, truth = self.reading.expr, self.truth
        if claimed.op != "add" or len(claimed.args) > _TERMS:
            return None
        for parts in (truth.args if truth.op == "add" else (), self.mistakes.parts):
            found = self._matched(claimed.args, parts) if len(parts) > 1 else None
            if found is not None or self.ranges:
                return found
        return None

    def _matched(self, terms: Sequence[Expr], parts: Sequence[Expr]) -> FoundSlip | None:
        """Match every term of a claim with one of the gradient, as it is or with one change."""
        left, done = list(parts), dict[int, Expr]()
        slips: list[tuple[str, str]] = []
        for changed in (False, True):
            for k, term in enumerate(terms):
                found = self._term(term, left, changed=changed) if k not in done else None
                if found is not None:
                    more, done[k], place = found
                    slips += more
                    left.pop(place)
        if len(done) < len(terms):
            return None
        slips += [("missing-term", f"the term {quoted(part)} is missing") for part in left]
        again = self.shaped(total([*(done[k] for k in sorted(done)), *left]))
        same = again is not None and slips and self._is(again, self.truth)
        return FoundSlip(tuple(slips), again) if same else None

    def _term(
        self, term: Expr, parts: Sequence[Expr], *, changed: bool
    ) -> tuple[Slips, Expr, int] | None:
        """Return the slips of a term, what it must be, and which of some terms that is."""
        targets = self.keyed([((), p) for p in parts], self.prints)
        more = edits(replace(self.slipped, claimed=term)) if changed else iter(())
        for slips, whole in islice(chain([((), term)], more), _TRIES_IN_TERM):
            again = self.shaped(whole)
            found = self.meet(slips, again, targets) if again is not None else None
            if found is None or found.expr is None or (found.slips and not changed):
                continue
            for k, part in enumerate(parts):
                if self._is(found.expr, part):
                    return found.slips, found.expr, k
        return None


def _direction(target: Candidate) -> Slips:
    if not target.turned:
        return ()
    return (("transposed", "the index pair is swapped: the result is transposed"),)


def _mended(whole: Expr, target: Candidate, scale: Multiple) -> Expr:
    return scale.mended(flip(whole) if target.turned else whole)
