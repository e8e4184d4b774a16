"""Takes a problem and a variable; yields the Jacobian or Hessian with one rule of it broken.

A Jacobian J is the derivative of the gradient of L(y), which is J.T times the given G, by that G; a
gradient that is derived wrongly (see ``mistakes``) gives the wrong Jacobian so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from itertools import combinations, islice

from ..core.expr import Expr, Variable, variables
from ..derivation.derivations import DerivedGradients
from ..derivation.jacobians import DerivativeMatrix, jacobian_of
from ..problems.problem import kind_of
from .mistakes import NO_GRADIENT, Mistake, Mistakes, quoted, total

_MOST = 60  # mistakes that are lifted


class LiftedMistakes:
    """What comes out when a Jacobian or a Hessian is derived wrongly."""

    def __init__(self, made: DerivativeMatrix, word: str) -> None:
        self._made, self._word = made, word

    @cached_property
    def _pulled(self) -> Mistakes | None:
        posed, name = self._made.posed, self._made.name
        try:
            return Mistakes(posed, name, DerivedGradients(posed, [name])[name].expr, self._word)
        except NO_GRADIENT:
            return None

    @cached_property
    def parts(self) -> list[Expr]:
        """The terms of the product rule, or nothing where one has no matrix form."""
        pulled = self._pulled.parts if self._pulled is not None else []
        found = [self._lifted(p) for p in pulled]
        return [p for p in found if p is not None] if None not in found else []

    def __iter__(self) -> Iterator[Mistake]:
        yield from self._forgotten()
        if self._pulled is None:
            return
        for m in islice(self._pulled, _MOST):
            if m.slip == "missing-term" or any(self._given in variables(x) for x in m.about):
                continue  # in a Jacobian nothing comes in
            expr = self._lifted(m.expr)
            if expr is not None:
                yield replace(m, expr=expr)

    def _forgotten(self) -> Iterator[Mistake]:
        for count in range(len(self.parts) - 1, 0, -1):
            for kept in combinations(self.parts, count):
                left = [p for p in self.parts if p not in kept]
                term, verb = ("term", "is") if len(left) == 1 else ("terms", "are")
                said = " and ".join(map(quoted, left))
                words = f"the {term} {said} of the product rule {verb} missing"
                yield Mistake("missing-term", words, total(kept))

    def derivative(self, x: Expr) -> Expr | None:
        """Return None: a scalar in a Jacobian is no slip of its own."""
        return None

    @property
    def _given(self) -> str:
        return next(n for n in self._made.posed.upstream if n not in self._made.problem.upstream)

    def _lifted(self, pulled: Expr) -> Expr | None:
        """Return the Jacobian whose product with the cotangent is given, if it has a form."""
        posed, given = self._made.posed, self._given
        if given not in variables(pulled) or pulled.shape != self._made.variable.shape:
            return None
        shape = posed.upstream[given].shape
        known = {n: Variable(n, x.shape, kind_of(x.shape)) for n, x in variables(pulled).items()}
        question = replace(
            posed,
            objective=pulled,
            variables={**posed.variables, **known, given: Variable(given, shape, kind_of(shape))},
            definitions={},
            claims=(),
            upstream={},
        )
        try:
            if self._made.variable.kind == "scalar":
                return DerivedGradients(question, [given])[given].expr
            found = jacobian_of(question, given, "denominator").expr
        except NO_GRADIENT:
            return None
        return found if found.shape == self._made.shape else None
