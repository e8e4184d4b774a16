"""What is said about a claim: the verdict, the slip, a counterexample, the right form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..expr import Expr
from ..language import ClaimText
from ..notation.text import text
from ..ops import Cells

RIGHT, TRANSPOSED, RIGHT_IF, WRONG = "right", "transposed", "right-if", "wrong"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The answer to one claim."""

    claim: ClaimText
    verdict: str  # "right" | "transposed" | "right-if" | "wrong"
    diagnosis: str  # a sentence
    slips: tuple[str, ...] = ()  # names of the slips, root cause first
    assumption: str = ""  # under which it is right, for "right-if"
    counterexample: Counterexample | None = None
    correction: str = ""  # the right form, in the language, closest to what was written
    corrects: str = ""  # what the correction equals: "dL/dW", "dL/dW[p, q]"; "" for "equal"
    correction_expr: Expr | None = None
    claimed: tuple[Expr, ...] = ()  # what was claimed, read
    truth: Expr | None = None  # the gradient it was compared with
    evidence: str = ""  # how it was decided

    @property
    def read_as(self) -> str:
        """Return what was read, in the language, of a claim that is written otherwise."""
        if self.claim.syntax != "latex":
            return ""
        return " = ".join(text(x) for x in self.claimed)

    @property
    def answer(self) -> str:
        """Return the first word of the answer."""
        return {RIGHT: "Yes.", TRANSPOSED: "Transposed.", RIGHT_IF: "Only if", WRONG: "No."}[
            self.verdict
        ]
