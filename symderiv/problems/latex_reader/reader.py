"""Formulas to expressions, against the names and the given gradients of a problem."""

from __future__ import annotations

import ast
from typing import Protocol

from ...core.errors import AmbiguousTextError, LanguageError
from ...core.expr import Expr
from ...core.shapes import SCALAR
from .meaning import Meaning
from .shaped import ShapedReader
from .symbol_names import SymbolNames
from .trees import Derived, Formula


class Derivatives(Protocol):
    """Tells what derivatives are, by the names on the way."""

    def is_asked(self, path: tuple[str, ...]) -> bool:
        """Whether a derivative is what the formula is to say."""

    def __call__(self, path: tuple[str, ...], first: Expr | None) -> Expr:
        """Return a derivative; ``first`` is the given gradient by the second name, if any."""


class LatexReader(ShapedReader):
    """Reads the trees of formulas."""

    columns = False  # whether samples are the columns of a matrix: x_i of X
    derivative: Derivatives | None = None  # None where a formula may hold none

    def names(self) -> SymbolNames:
        """Return the names that a formula may use."""
        declared = self.declared
        values = dict.fromkeys((*declared.variables, *self.definitions, *self.inferred))
        return SymbolNames(
            tuple(values),
            tuple(declared.dims),
            tuple(declared.entrywise),
            tuple(declared.losses),
            tuple(f"d{z}" for z in self.given() if f"d{z}" not in values),
            tuple(self.definitions),
            self.columns,
        )

    def given(self) -> dict[str, list[tuple[str, str]]]:
        """Return the given gradients by the name of what they are the gradient at."""
        found: dict[str, list[tuple[str, str]]] = {}
        for (loss, argument), gradient in self.gradients.items():
            if argument.op in ("var", "named"):
                found.setdefault(str(argument.data), []).append((loss, gradient))
        return found

    def read(self, at: ast.expr) -> Expr:
        """Return the expression that a tree stands for."""
        if isinstance(at, Formula):
            gradients = list(dict.fromkeys(self.gradients.values()))
            return self.read(Meaning(self, self.names(), self.given(), gradients).whole(at.row))
        return self._derived(at) if isinstance(at, Derived) else super().read(at)

    def _derived(self, at: Derived) -> Expr:
        asked = self.derivative is not None and self.derivative.is_asked(at.path)
        first = None if at.given is None else self.read(at.given)
        if first is not None and len(at.path) == 2:
            return first
        if at.refused is not None and not asked:
            raise at.refused
        if at.nabla and at.path[0] and self.definitions[at.path[0]].shape != SCALAR:
            of, by = at.path[0], at.path[-1]
            raise AmbiguousTextError(
                f"the gradient of {of}, which is no scalar, can be the Jacobian or its transpose",
                span=self.span(at),
                remedy=rf"write \frac{{\partial {of}}}{{\partial {by}}} for the Jacobian",
            )
        if self.derivative is None:
            names = " by ".join(at.path[::-1])
            raise self.refused(at, f"the derivative of {names}", "write out what it is")
        try:
            return self.derivative(at.path, first)
        except LanguageError as error:
            error.span = error.span or self.span(at)
            raise
