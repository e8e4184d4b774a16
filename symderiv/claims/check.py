"""Checking claims: read what each is about and what it says, and judge it.

Contract: a claim of several lines is a chain (see ``chains``); every verdict is decided by exact
evaluation.
"""

from __future__ import annotations

from dataclasses import replace

from ..errors import LanguageError
from ..expr import Expr
from ..language import ClaimText, Problem
from .abouts import read_about
from .chains import Chain
from .judging import Judge
from .lines import only_line
from .proofs import Proof
from .reading import read_claim
from .targets import Targets
from .verdict import Verdict


class Checker:
    """Checks claims about one problem."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.targets = Targets(problem)

    def gradient(self, name: str) -> Expr:
        """Return the gradient by a variable."""
        return self.targets.gradient(name)

    def check(self, claim: ClaimText) -> Verdict:
        """Return the verdict on a claim; raises LanguageError where it cannot be read."""
        about = read_about(claim.about)
        if about.is_equal:
            return Proof(self.problem, self.targets, claim)()
        if not claim.says:
            raise LanguageError(f"the claim about {claim.about} says nothing")
        target = self.targets(about)
        if len(claim.says) > 1:
            return Chain(self.problem, claim, about, target)()
        says = only_line(claim, about)
        reading = read_claim(self.problem, says, target.ranges, syntax=claim.syntax)
        return replace(Judge(self.problem, target)(claim, reading), corrects=claim.about)
