"""Takes lines claimed to equal each other; finds the first that does not, and what follows."""

from __future__ import annotations

from dataclasses import replace

from ..core.errors import LanguageError, UndefinedError
from ..problems import ClaimText, Problem
from .about import read_about
from .chain_words import told
from .chains import compared, equal
from .deciding import Comparer
from .equality import Equality
from .judging import Judge, verdict
from .lines import Lines, WrittenLine
from .reading import Reading
from .targets import Targets, of_expression
from .verdict import RIGHT, ClaimLine, Verdict

_RIGHT = ("holds", "recovers")


class EqualityProof:
    """Checks lines that are claimed to be equal to each other."""

    def __init__(self, problem: Problem, targets: Targets, claim: ClaimText) -> None:
        self.claim, self.targets = claim, targets
        self.lines = Lines(problem, claim, read_about(claim.about))
        self.claimed: list[tuple[WrittenLine, Reading]] = []
        self.comparer: Comparer | None = None

    def __call__(self) -> Verdict:
        """Return the verdict on all lines."""
        written = self.lines.read({})
        self.claimed = [(w, w.reading) for w in written if w.reading is not None]
        if len(self.claimed) < 2:
            raise LanguageError('a claim about "equal" needs at least two things')
        judged: dict[int, ClaimLine] = {}
        for k, (w, reading) in enumerate(self.claimed):
            status = self._status(k, judged)
            place = reading.refusal.span if reading.refusal is not None else None
            judged[w.number] = ClaimLine(
                number=w.number, text=w.text, status=status, expr=reading.expr, place=place
            )
        defines = {
            w.number: ClaimLine(number=w.number, text=w.text, status="defines")
            for w in written
            if w.reading is None
        }
        lines = [{**defines, **judged}[w.number] for w in written]
        broken = [
            k for k, (w, _) in enumerate(self.claimed) if judged[w.number].status not in _RIGHT
        ]
        return self._broken(broken[0], lines) if broken else self._right(lines)

    def _status(self, k: int, judged: dict[int, ClaimLine]) -> str:
        """Return what became of a line: equal to the first that can be read, or to the last."""
        reading = self.claimed[k][1]
        if reading.refusal is not None:
            return "unreadable"
        first = next(r for _, r in self.claimed if r.refusal is None)
        if k == 0 or reading is first:
            return "holds"
        problem, before = self.lines.problem, self.claimed[k - 1]
        earlier = judged[before[0].number].status
        found = compared(problem, reading.expr, first.expr, mutual=True)
        if found is not None:
            self.comparer = found
            return "holds" if earlier in _RIGHT else "recovers"
        wrong = earlier in ("breaks", "follows")
        return "follows" if wrong and equal(problem, reading.expr, before[1].expr) else "breaks"

    def _right(self, lines: list[ClaimLine]) -> Verdict:
        expressions = tuple(r.expr for _, r in self.claimed)
        assert self.comparer is not None
        return verdict(
            self.comparer,
            RIGHT,
            "they are equal",
            claim=self.claim,
            claimed=expressions,
            truth=expressions[0],
            lines=tuple(lines),
        )

    def _broken(self, k: int, lines: list[ClaimLine]) -> Verdict:
        """Return the verdict where line k of those that claim something is the first wrong one."""
        w, reading = self.claimed[k]
        expressions = tuple(r.expr for _, r in self.claimed)
        if k == 0:
            found = Judge(self.lines.problem, of_expression(reading.expr, "line")).unreadable(
                self.claim, reading
            )
            found = replace(found, correction="", correction_expr=None)
        else:
            found = self._different(k)
        found = replace(found, claim=self.claim, claimed=expressions)
        many = len(self.claimed) > 2
        at = [x.number for x in lines].index(w.number)
        lines[at] = replace(lines[at], diagnosis=found.diagnosis)
        right = found.correction_expr
        return replace(
            found,
            diagnosis=told(found, w.number, lines if k else lines[: at + 1])
            if many
            else found.diagnosis,
            correction=self.lines.correction(right) if right is not None else found.correction,
            lines=tuple(lines),
        )

    def _different(self, k: int) -> Verdict:
        """Return how a line differs from the one before it, or from the first."""
        problem, (w, reading) = self.lines.problem, self.claimed[k]
        before, near = self.claimed[k - 1]
        judge = Judge(problem, of_expression(near.expr, f"line {before.number}"))
        claim = replace(self.claim, says=(w.text,))
        if reading.refusal is not None:
            return judge(claim, reading)
        expressions = tuple(r.expr for _, r in self.claimed)
        found = Equality(problem, self.targets).different(
            self.claim, expressions, self.claimed[0][1].expr, reading.expr
        )
        if found.slips not in (("different",), ("transposed",)) or len(self.claimed) == 2:
            return found
        try:
            return judge(claim, reading)
        except UndefinedError:  # the line before has no value anywhere
            return found
