"""What is returned about a claim: the verdict, the slip, a counterexample, the right form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..core.budget import not_checked
from ..core.cells import each
from ..core.errors import Span
from ..core.expr import Expr, walk_all
from ..core.plaintext import Readable
from ..ops import Cells
from ..ops.text import text
from ..problems import ClaimText
from .places import Marked
from .told import verdict_lines

RIGHT, TRANSPOSED, RIGHT_IF, WRONG = "right", "transposed", "right-if", "wrong"
# No point tells: none has values, too much is to be computed, or the claim says nothing.
UNDECIDED = "undecided"
MISSING_FACTOR = "missing-factor"  # the slip that formulas, derivations and functions share
GRADIENT, JACOBIAN, HESSIAN = "the gradient", "the Jacobian", "the Hessian"
_ANSWERS = {
    RIGHT: "Yes.",
    TRANSPOSED: "Transposed.",
    RIGHT_IF: "Only if",
    WRONG: "No.",
    UNDECIDED: "Not decided.",
}


def _plain(cells: Any) -> Any:
    return each(lambda x: int(x) if x == int(x) else str(x), cells)


def as_sentence(words: str) -> str:
    """Return words with a capital and a period."""
    return words[0].upper() + words[1:] + "."


@dataclass(frozen=True, slots=True)
class Counterexample:
    """The smallest point at which a claim fails: sizes, small integers, and both sides."""

    sizes: Mapping[str, int]
    values: Mapping[str, Cells]  # the variables and given gradients that matter
    indices: Mapping[str, int]  # the free indices of the claim, where it has any
    claimed: Expr  # what was claimed, or the first of two expressions claimed to be equal
    claimed_cells: Cells
    right: Expr  # the gradient, or the second of the two
    right_cells: Cells
    equated: tuple[tuple[str, str], ...] = ()  # dimensions set equal to make the claim readable
    chosen: tuple[tuple[Expr, Cells], ...] = ()  # calls of unspecified functions that matter

    def as_dict(self) -> dict[str, Any]:
        """Return the point and both sides there as plain data."""
        return {
            "sizes": dict(self.sizes),
            "indices": dict(self.indices),
            "values": {
                **{n: _plain(cells) for n, cells in self.values.items()},
                **{text(e): _plain(cells) for e, cells in self.chosen},
            },
            "claimed": _plain(self.claimed_cells),
            "right": _plain(self.right_cells),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimLine:
    """One line of a chain of claims, and what became of it."""

    number: int  # from 1, as the lines were given
    text: str
    # "holds", "recovers" (right after a wrong line), "follows" (wrong, as the line before),
    # "breaks", "transposed", "right-if", "unreadable" (its shapes do not fit), or "defines"
    status: str
    diagnosis: str = ""
    expr: Expr | None = None
    place: Span | None = None  # where shapes do not fit

    def as_dict(self) -> dict[str, Any]:
        """Return the line as plain data."""
        kept = ("number", "text", "status", "diagnosis")
        return {name: getattr(self, name) for name in kept}


_CONSTANTS = {"e": "2.71828.., as no e is declared", "pi": "3.14159.."}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Verdict(Readable):
    """The answer to one claim; true where it is "right", and in no other case.

    >>> from symderiv import check
    >>> bool(check("x.T @ x", wrt="x", claim="2 * x")), bool(check("x.T @ x", "x", claim="x"))
    (True, False)
    """

    claim: ClaimText
    verdict: str  # "right" | "transposed" | "right-if" | "wrong" | "undecided"
    diagnosis: str  # sentences
    cause: str = ""  # the first of them, as a part of a longer one
    why: str = ""  # for "right": why both are equal, as a clause
    slips: tuple[str, ...] = ()  # names of the slips, root cause first
    assumption: str = ""  # under which it is right, for "right-if"
    counterexample: Counterexample | None = None
    correction: str = ""  # the right form, in the language, closest to what was written
    corrects: str = ""  # what the correction equals: "dL/dW", "dL/dW[p, q]"; "" for "equal"
    correction_expr: Expr | None = None
    claimed: tuple[Expr, ...] = ()  # what was claimed, read
    truth: Expr | None = None  # the gradient it was compared with
    compared: str = ""  # what that is: "the gradient", "the Jacobian", .. of a claim of one line
    evidence: str = ""  # how it was decided
    left_out: tuple[str, ...] = ()  # checks that would take too much, and why
    holds: str = ""  # in which entries a wrong claim is right: "right off the diagonal only"
    marked: Marked | None = None  # the claim with its wrong places, where a small change mends it
    lines: tuple[ClaimLine, ...] = ()  # of a claim of several lines
    said: tuple[str, ...] = ()  # how derivatives in it were read
    reread: str = ""  # the text in the language that stands for what was written

    def __bool__(self) -> bool:
        return self.verdict == RIGHT

    def told(self) -> list[str]:
        """Return the verdict as it is printed."""
        return verdict_lines(self)

    @property
    def checked(self) -> list[str]:
        """Return how it was decided, and what was not checked, as it would take too much."""
        return [*([self.evidence] if self.evidence else []), *not_checked(self.left_out)]

    @property
    def read_as(self) -> str:
        """Return what was read, in the language, of a claim that is written otherwise.

        A letter that was taken for a constant is said, as it may have been meant as a name.
        """
        if self.claim.syntax != "latex" and not self.claim.converted:
            return self.reread
        shown = " = ".join(text(x) for x in self.claimed)
        used = {e.data for e in walk_all(self.claimed) if e.op == "const"}
        constants = " and ".join(f"{c} = {v}" for c, v in _CONSTANTS.items() if c in used)
        notes = "; ".join([*self.said, *([constants] if constants else [])])
        return f"{shown}, where {notes}" if notes else shown

    def as_dict(self) -> dict[str, Any]:
        """Return the verdict as plain data; what there is nothing of has no key."""
        data: dict[str, Any] = {
            "about": self.claim.about,
            "says": list(self.claim.says),
            "verdict": self.verdict,
            "diagnosis": self.diagnosis,
            "slips": list(self.slips),
            "assumption": self.assumption,
            "correction": self.correction,
            "corrects": self.corrects,
            "evidence": self.evidence,
            "counterexample": None,
        }
        if self.read_as:
            data["read_as"] = self.read_as
        if self.holds:
            data["holds"] = self.holds
        if self.left_out:
            data["left out"] = list(self.left_out)
        if self.marked is not None:
            places = [list(p) for p in self.marked.places]
            data["marked"] = {"text": self.marked.text, "places": places}
        if self.is_chain:
            data["lines"] = [x.as_dict() for x in self.lines]
        if self.counterexample is not None:
            data["counterexample"] = self.counterexample.as_dict()
        return data

    @property
    def answer(self) -> str:
        """Return the first word of the answer."""
        if self.lines and self.verdict == RIGHT_IF:
            return "Not in general."
        return _ANSWERS[self.verdict]

    @property
    def is_chain(self) -> bool:
        """Whether there are lines of which more is to be said than whether two are equal."""
        return len(self.lines) > (2 if self.claim.about.strip() == "equal" else 1)
