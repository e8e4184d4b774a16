"""Takes dL/dz dz/dx, or dz/dx alone, as written in a claim; returns these derivatives.

The derivative of a scalar is a gradient and has the shape of what it is by; of a column by a column
or a scalar it is the Jacobian in numerator layout. The names on the way are independent.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count, pairwise

from ..calculus import lower, reverse
from ..calculus.matrixform import Raiser
from ..core.errors import ParseError, UnsupportedError
from ..core.expr import Expr, Variable, num, transpose, var
from ..core.shapes import ONE, SCALAR, describe
from ..derivation.derivations import facts_of
from ..derivation.jacobians import jacobian_of
from ..problems import Problem
from .about import About


class Factors:
    """The derivatives of one problem by the names on the way; ``said`` says how each was read."""

    def __init__(self, problem: Problem, about: About | None = None) -> None:
        self.problem, self.known, self.about = problem, problem.known(), about
        self.said: dict[str, None] = {}
        self.holds_asked = False  # whether what the claim is about was among them

    def is_asked(self, path: tuple[str, ...]) -> bool:
        """Whether a derivative is the one that a claim is about, also where of an entry of it."""
        about, defined = self.about, self.problem.definitions
        if about is None or about.order != 1 or path[1:] != (about.name,):
            return False
        of, asked = (x if x in defined else "" for x in (path[0], about.of))
        if of != asked or (not path[0] and self.problem.objective.shape != SCALAR):
            return False
        self.holds_asked = True
        return True

    def __call__(self, path: tuple[str, ...], first: Expr | None = None) -> Expr:
        """Return a derivative; raises LanguageError for one that is no matrix.

        ``first`` is the given gradient by the second name, if there is one.
        """
        by_variable = path[-1] in self.problem.variables and len(path) == 2
        if by_variable and path[0] == self.problem.label and not self.is_asked(path):
            raise ParseError(
                f"the gradient with respect to {path[-1]} is not given",
                remedy="it is what claims are about",
            )
        named = " ".join(f"d{a or self.problem.objective_name}/d{b}" for a, b in pairwise(path))
        if not path[0]:
            self.said[f"{named} is the gradient, in the shape of {path[-1]}"] = None
            return self._along(path, num(1)) if first is None else self._along(path[1:], first)
        of, by = self.known[path[0]], self.known[path[-1]]
        if of.shape == SCALAR:
            self.said[f"{named} has the shape of {path[-1]}"] = None
            return self._along(path, num(1))
        return self._jacobian(path, named, of, by)

    def _along(self, path: tuple[str, ...], cotangent: Expr) -> Expr:
        """Return the cotangent of the last name, given that of the first."""
        for of, by in pairwise(path):
            value = self.known[of].args[0] if of else self.problem.objective
            cotangent = self._pulled(value, self.known[by], cotangent)
        return cotangent

    def _pulled(self, value: Expr, by: Expr, cotangent: Expr) -> Expr:
        root, leaf, seed = (lower(x).term for x in (value, by, cotangent))
        found = reverse(root, [leaf], seed)
        if leaf not in found.cotangents:
            raise ParseError(
                f"what is differentiated with respect to {by.data} does not depend on it",
                remedy="write a derivative with respect to what it is made of",
            )
        term = found.gradient(leaf)
        return Raiser(facts=facts_of(self.problem)).shaped(term, by.shape)

    def _jacobian(self, path: tuple[str, ...], named: str, of: Expr, by: Expr) -> Expr:
        """Return a Jacobian: what is pulled back is linear in the cotangent."""
        if ONE not in of.shape or ONE not in by.shape or len(of.shape) + len(by.shape) > 4:
            raise UnsupportedError(
                f"{named} is no matrix: {path[0]} is {describe(of.shape)}, and "
                f"{path[-1]} is {describe(by.shape)}",
                remedy=rf"write the chain from the objective on, \frac{{\partial L}}{{\partial "
                rf"{path[0]}}} {named}, or what the derivative comes to",
            )
        seed = next(n for n in (f"seed{k}" for k in count()) if n not in self.known)
        pulled = self._along(path, var(seed, of.shape))
        if by.shape == SCALAR:
            self.said[f"{named} has the shape of {path[0]}"] = None
            return self._pulled(pulled, var(seed, of.shape), num(1))
        moved = {**self.problem.variables, seed: Variable(seed, of.shape, "vector")}
        posed = replace(self.problem, variables=moved, objective=pulled, label="", claims=())
        self.said[f"{named} is the Jacobian, rows for {path[0]} and columns for {path[-1]}"] = None
        return transpose(jacobian_of(posed, seed).expr)
