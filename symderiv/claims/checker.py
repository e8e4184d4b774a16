"""Takes a problem and claims about it; reads what each is about and says, and returns a verdict."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cached_property
from typing import Any

from ..core.errors import BudgetError, LanguageError, UndefinedError
from ..core.expr import Expr, walk
from ..core.positions import Range, added, placed, steps
from ..core.shapes import SCALAR, Dim
from ..derivation.derivations import is_network
from ..ops.text import text
from ..problems import ClaimText, Problem
from ..problems.number_sizes import SMALLEST, with_symbols
from .about import read_about
from .chains import ClaimChain, EqualityProof
from .deciding import OUTSIDE, Comparer, Kept
from .judging import Judge, verdict
from .latex_claims import only
from .lines import only_line
from .reading import Reading, read_claim
from .targets import Target, Targets
from .verdict import RIGHT, RIGHT_IF, UNDECIDED, WRONG, Counterexample, Verdict


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


_NUMBER = re.compile(r"(?<![\w.])\d+\.?\d*")


class Checker:
    """Checks claims about one problem."""

    def __init__(self, problem: Problem) -> None:
        self._stated = problem
        self.targets = Targets(problem)
        self.problem = self._with_cotangents(problem)
        self._kept: Kept = {}

    @cached_property
    def _model(self) -> Checker | None:
        """The checker of the problem with symbols for sizes that are large numbers."""
        found = with_symbols(self._stated)
        return None if found is None else Checker(found[0])

    def _is_free_of_sizes(self, claim: ClaimText, model: Checker) -> bool:
        """Whether no number in a claim, or in what it is about, can come from a size.

        X / 60 may be right where 60 is a product of sizes, though it is wrong for others.
        """
        numbers = [float(x) for line in claim.says for x in _NUMBER.findall(line)]
        if any(x >= SMALLEST for x in numbers) or self._stated.objective.shape != SCALAR:
            return False
        names = self._stated.wrt
        pairs = ((text(c.gradient(n)) for n in names) for c in (self, model))
        return all(a == b for a, b in zip(*pairs, strict=True))

    def gradient(self, name: str) -> Expr:
        """Return the gradient by a variable."""
        return self.targets.gradient(name)

    def _with_cotangents(self, problem: Problem) -> Problem:
        """Return a problem with the names that its gradients are written in: dH for that of H."""
        if problem.objective.shape != SCALAR or not is_network(problem):
            return problem
        made = {n: e.args[0] for n, e in self.targets.whole.adjoints.items()}
        return replace(problem, definitions={**problem.definitions, **made})

    def check(self, claim: ClaimText) -> Verdict:
        """Return the verdict on a claim; raises LanguageError where it cannot be read."""
        if self._model is not None:
            try:
                found = self._model.check(claim)
            except LanguageError:
                pass  # what it says of the numbers fits them alone
            else:
                if found.verdict == RIGHT or self._is_free_of_sizes(claim, self._model):
                    return found
        try:
            return self._check(claim)
        except UndefinedError as error:
            words = f"{error.subject[0].upper()}{error.subject[1:]}."
            cause = error.__cause__
            return Verdict(
                claim=claim,
                verdict=UNDECIDED,
                diagnosis=words,
                evidence="not decided",
                left_out=(cause.subject,) if isinstance(cause, BudgetError) else (),
            )

    def _check(self, claim: ClaimText) -> Verdict:
        claim = only(self.problem, claim)
        about = read_about(claim.about)
        if about.is_equal:
            return EqualityProof(self.problem, self.targets, claim)()
        if not claim.says:
            raise LanguageError(f"the claim about {claim.about} says nothing")
        target = self.targets(about)
        if len(claim.says) > 1:
            return ClaimChain(self.problem, claim, about, target)()
        says = only_line(claim, about)
        reading = read_claim(
            self.problem,
            says,
            target.ranges,
            syntax=claim.syntax,
            shape=target.truth.shape,
            about=about,
            truth=target.truth,
        )
        if reading.within and reading.refusal is None:
            return Shifted(self.problem, target, reading)(claim)
        found = Judge(self.problem, target, self._kept)(claim, reading)
        if found.verdict == RIGHT and not self._has_values:
            raise UndefinedError("no point was found at which the objective is defined")
        return replace(found, corrects=claim.about, said=reading.said)

    @cached_property
    def _has_values(self) -> bool:
        """Whether the objective has a value anywhere; of a formula that has none, nothing holds."""
        x = self.problem.objective
        x = x.args[0] if x.is_loss else x
        comparer = Comparer(self.problem, [x], kept=self._kept)
        if comparer.is_too_much(x) or any(e.is_loss for e in walk(x)):
            return True  # not to be computed here: the derivative was
        for here in comparer.points(x):
            try:
                here.cells(x)
            except OUTSIDE:
                continue
            return True
        return False
