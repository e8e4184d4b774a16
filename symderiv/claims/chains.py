"""Takes lines that should all equal one derivative; finds the first wrong one and what follows it.

Contract: every line is compared with the derivative and with the line before it, by exact
evaluation (see ``judging``). A line that equals the wrong line before it follows from it correctly.
"""

from __future__ import annotations

from dataclasses import replace

from ..core.errors import UndefinedError
from ..core.expr import Expr
from ..problems import ClaimText, Problem
from .about import About
from .assumptions import Assumption
from .chain_words import told
from .circular import unless_empty
from .deciding import Comparer
from .judging import Judge, verdict
from .lines import Lines, WrittenLine
from .reading import Reading
from .targets import Target
from .verdict import RIGHT, RIGHT_IF, TRANSPOSED, WRONG, ClaimLine, Verdict, as_sentence


class ClaimChain:
    """Checks lines that should all equal one derivative."""

    def __init__(self, problem: Problem, claim: ClaimText, about: About, target: Target) -> None:
        self.claim, self.target = claim, target
        self.lines = Lines(problem, claim, about)
        self.first: Verdict | None = None  # on the first line that is not right
        self.number = 0
        self.assumption: Assumption | None = None  # under which the first such line is right
        self.same: Comparer | None = None

    def __call__(self) -> Verdict:
        """Return the verdict on all lines."""
        written = self.lines.read(self.target.ranges, self.target.truth)
        judged: list[ClaimLine] = []
        before: tuple[ClaimLine, Reading] | None = None
        for w in written:
            if w.reading is None:
                judged.append(ClaimLine(number=w.number, text=w.text, status="defines"))
                continue
            judged.append(self._judged(w, w.reading, before))
            before = judged[-1], w.reading
        readings = [w.reading for w in written if w.reading is not None]
        said = [s for r in readings for s in r.said]
        found = replace(self._all(judged), said=tuple(dict.fromkeys(said)))
        return unless_empty(found, readings, self.lines.problem, self.target)

    def _all(self, lines: list[ClaimLine]) -> Verdict:
        claimed = tuple(x.expr for x in lines if x.expr is not None)
        word = self.target.word
        if self.first is None:
            assert self.same is not None
            words = f"every line equals {word}"
            found = verdict(self.same, RIGHT, words, claim=self.claim, truth=self.target.truth)
            found = replace(found, claimed=claimed)
        else:
            found = replace(
                self.first,
                claim=self.claim,
                claimed=claimed,
                truth=self.target.truth,
                diagnosis=told(self.first, self.number, lines),
            )
        right = self.target.truth if self.first is None else found.correction_expr
        written = self.lines.correction(right) if right is not None else ""
        return replace(
            found,
            lines=tuple(lines),
            corrects=self.claim.about,
            correction=written,
            correction_expr=right,
        )

    # one line

    def _judged(
        self, w: WrittenLine, reading: Reading, before: tuple[ClaimLine, Reading] | None
    ) -> ClaimLine:
        line = ClaimLine(number=w.number, text=w.text, status="holds", expr=reading.expr)
        judge = Judge(self.lines.problem, self.target)
        same = judge.equal(reading.expr) if reading.refusal is None else None
        if same is not None:
            wrong_before = before is not None and before[0].status not in ("holds", "recovers")
            self.same = same if self.same is None or not same.exact else self.same
            return replace(line, status="recovers" if wrong_before else "holds")
        if before is not None and self._follows(judge, reading, before):
            words = f"it equals line {before[0].number}"
            return replace(line, status="follows", diagnosis=as_sentence(words))
        status, words = self._broken(judge, w, reading, before)
        place = reading.refusal.span if reading.refusal is not None else None
        return replace(line, status=status, diagnosis=words, place=place)

    def _follows(self, judge: Judge, reading: Reading, before: tuple[ClaimLine, Reading]) -> bool:
        line, earlier = before
        if reading.refusal is not None or line.status in ("holds", "recovers", "unreadable"):
            return False
        if equal(self.lines.problem, reading.expr, earlier.expr):
            return True
        if self.assumption is None or line.status not in ("right-if", "follows"):
            return False
        return judge.under(self.assumption, reading.expr) is not None

    def _broken(
        self,
        judge: Judge,
        w: WrittenLine,
        reading: Reading,
        before: tuple[ClaimLine, Reading] | None,
    ) -> tuple[str, str]:
        """Return what became of a line that is wrong, and why; the first is looked into closely."""
        claim = replace(self.claim, says=(w.text,))
        if self.first is not None and self.first.verdict == WRONG:
            return ("unreadable" if reading.refusal else "breaks"), _why(reading)
        found = judge.decided(claim, reading)
        if found is None:
            right = before is not None and before[0].status in ("holds", "recovers")
            near = before[1].expr if before is not None and right else self.target.truth
            closer = replace(self.target, truth=near)
            found = Judge(self.lines.problem, closer).wrong(claim, reading)
        if self.first is None or found.verdict == WRONG:
            self.first, self.number = found, w.number
            assumed = judge.assumed(reading.expr) if found.verdict == RIGHT_IF else None
            self.assumption = assumed[1] if assumed is not None else None
        if reading.refusal is not None:
            return "unreadable", found.diagnosis
        statuses = {TRANSPOSED: "transposed", RIGHT_IF: "right-if", WRONG: "breaks"}
        words = f"Right only if {found.assumption}." if found.assumption else found.diagnosis
        return statuses[found.verdict], words


def _why(reading: Reading) -> str:
    if reading.refusal is not None:
        return f"Its shapes do not fit: {reading.refusal.subject}."
    return "It is not right, and does not follow from the line before."


def compared(problem: Problem, left: Expr, right: Expr, *, mutual: bool = False) -> Comparer | None:
    """Return how two expressions were found equal, or None where they are not."""
    if left.shape != right.shape:
        return None
    comparer = Comparer(problem, [left, right], mutual=mutual)
    try:
        return comparer if comparer.equal(left, right) else None
    except UndefinedError:  # the right is never defined: the left may be
        return comparer if comparer.equal(right, left) else None


def equal(problem: Problem, left: Expr, right: Expr) -> bool:
    """Return whether two expressions are equal where both have values."""
    try:
        return left is right or compared(problem, left, right) is not None
    except UndefinedError:
        return False
