"""Takes lines that should all equal one derivative, or each other; finds the first wrong one.

Contract: every line is compared with the derivative, or with the first line, and with the line
before it, by exact evaluation (see ``judging``). A line that equals the wrong line before it
follows from it correctly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from ..core.errors import LanguageError, UndefinedError
from ..core.expr import (
    Expr,
    free_indices,
    index_sum,
    own_indices,
    rebuild,
    transpose,
    walk,
    with_args,
)
from ..core.expr import node as expr_node
from ..core.shapes import SCALAR, Dim, swapped
from ..core.transposing import flip
from ..ops.text import text
from ..problems import ClaimText, Problem
from .about import About, read_about
from .assumptions import Assumption
from .deciding import Comparer, Merged
from .judging import Judge, clashes, verdict
from .lines import Lines, WrittenLine
from .reading import Reading
from .targets import Target, Targets, of_expression
from .vacuous import unless_empty
from .verdict import RIGHT, RIGHT_IF, TRANSPOSED, WRONG, ClaimLine, Verdict, as_sentence


class Equality:
    """Says how things differ that were claimed to be equal."""

    def __init__(self, problem: Problem, targets: Targets) -> None:
        self.problem, self.targets = problem, targets

    def different(
        self, claim: ClaimText, expressions: tuple[Expr, ...], left: Expr, right: Expr
    ) -> Verdict:
        """Return the verdict on things of which two differ."""
        turned = swapped(left.shape) == right.shape
        comparer = Comparer(self.problem, expressions, Merged(clashes(left, right)))
        if turned and not left.is_scalar and comparer.equal(transpose(left), right):
            return verdict(
                comparer,
                TRANSPOSED,
                "one is the transpose of the other",
                claim=claim,
                slips=("transposed",),
                claimed=expressions,
                truth=left,
            )
        judge = Judge(self.problem, of_expression(right, "other"))
        clauses, slips, corrects, correction = self._apart(expressions, left, right)
        return verdict(
            comparer,
            WRONG,
            "; ".join(clauses),
            claim=claim,
            slips=slips,
            counterexample=judge.counterexample(comparer, left, right),
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
        clauses = ["they are different functions"]
        if all(picks) and picks[0] != picks[1]:
            clauses = [f"the first depends on {picks[0]} only, the other on {picks[1]} only"]
        whole = self._whole(expressions)
        if whole is None:
            return clauses, ("different",), "", None
        name, correction, turned = whole
        end = ", transposed" if turned else ""
        clauses.append(f"their sum over all rows is the gradient with respect to `{name}`{end}")
        slips = ("missing-sum", "transposed") if turned else ("missing-sum",)
        return clauses, slips, f"dL/d{name}", correction

    def _whole(self, expressions: Sequence[Expr]) -> tuple[str, Expr, bool] | None:
        """Return the gradient that the expressions are terms of, if their sum is one."""
        general = _generalised(expressions)
        if general is None or self.problem.objective.shape != SCALAR:
            return None
        index, dim, body = general
        for name in self.problem.wrt:
            truth = self.targets.gradient(name)
            for turned in (False, True):
                summed = index_sum(index, dim, flip(body) if turned else body)
                if summed.shape != truth.shape:
                    continue
                comparer = Comparer(self.problem, [summed, truth])
                if comparer.equal(summed, truth):
                    return name, summed, turned
        return None


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


_SHOWN = 4  # groups of lines after the first wrong one that the diagnosis speaks of
_LATER = {
    "follows": ("only carries the error on", "only carry the error on"),
    "recovers": ("is right again", "are right again"),
    "holds": ("is right", "are right"),
    "breaks": ("is wrong too", "are wrong too"),
    "transposed": ("is transposed", "are transposed"),
    "right-if": ("needs an assumption", "need an assumption"),
    "unreadable": ("has shapes that do not fit", "have shapes that do not fit"),
}


def told(found: Verdict, number: int, lines: Sequence[ClaimLine]) -> str:
    """Return which line is the first that is wrong, why, and what became of the later ones."""
    if found.verdict == RIGHT_IF:
        head = f"Line {number} is right only if {found.assumption}"
    else:
        one = "wrong already" if number == first_claimed(lines) else "the first that is wrong"
        head = f"Line {number} is {one}: {found.cause}"
    earlier = [x for x in lines if x.number < number and x.status in ("right-if", "transposed")]
    parts = [head, *(f"before it, line {x.number} {_LATER[x.status][0]}" for x in earlier[:1])]
    later = [x for x in lines if x.number > number and x.status != "defines"]
    for status, group in groupby(later, lambda x: x.status):
        numbers = [x.number for x in group]
        verb = _LATER[status][len(numbers) > 1]
        parts.append(f"{listed(numbers)} {verb}")
    if len(parts) > _SHOWN + 1:
        parts = [*parts[: _SHOWN + 1], "and so on"]
    return "; ".join(parts) + "."


def first_claimed(lines: Sequence[ClaimLine]) -> int:
    """Return the number of the first line that claims something."""
    return next(x.number for x in lines if x.status != "defines")


def listed(numbers: Sequence[int]) -> str:
    """Return "line 4", "lines 4 and 5", or "lines 4 to 9"."""
    if len(numbers) == 1:
        return f"line {numbers[0]}"
    joint = "and" if len(numbers) == 2 else "to"
    return f"lines {numbers[0]} {joint} {numbers[-1]}"


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
