"""Places with more than one reading: each is tried, and the one that fits is taken.

Contract: what a reading binds stays bound only if it is the one; where two fit and are not the same
expression, the error shows both, in the language.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from ...core.errors import AmbiguousTextError, LanguageError, UnsupportedError
from ...core.expr import Expr
from ...ops.text import text as spelled
from ..scope import Scope

_MOST_READINGS = 400


class Choices:
    """Tries readings of places in one scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope, self.tried = scope, 0

    def attempt(self, read: Callable[[], Expr]) -> Expr | LanguageError:
        """Return a reading, or why it cannot be; what it bound stays bound only if it is read."""
        before = self.scope.state()
        try:
            return read()
        except AmbiguousTextError:
            raise
        except LanguageError as error:
            self.scope.restore(before)
            return error

    def chosen(
        self, ways: Sequence[Callable[[], Expr]], at: ast.expr, hints: Callable[[int], str]
    ) -> Expr:
        """Return the one reading that fits; raises AmbiguousTextError where two do."""
        fits: list[tuple[int, Expr, tuple[Any, ...]]] = []
        failures: list[LanguageError] = []
        start = self.scope.state()
        for k, way in enumerate(ways):
            self.tried += 1
            if self.tried > _MOST_READINGS:
                raise UnsupportedError(
                    "too many places that can be read in two ways",
                    span=self.scope.span(at),
                    remedy="put parentheses around arguments and factors",
                )
            found = self.attempt(way)
            after = self.scope.state()
            self.scope.restore(start)
            if isinstance(found, LanguageError):
                failures.append(found)
            elif not any(found == x for _, x, _ in fits):
                fits.append((k, found, after))
        if not fits:
            raise failures[0]
        if len(fits) > 1 and not self.scope.unifier.collect:
            self._ambiguous(at, [(spelled(x), hints(k)) for k, x, _ in fits[:2]])
        self.scope.restore(fits[0][2])
        return fits[0][1]

    def first(self, ways: Sequence[Callable[[], Expr]]) -> Expr:
        """Return the first reading that fits."""
        failures: list[LanguageError] = []
        for way in ways:
            self.tried += 1
            found = self.attempt(way)
            if not isinstance(found, LanguageError):
                return found
            failures.append(found)
        raise failures[0]

    def _ambiguous(self, at: ast.expr, readings: list[tuple[str, str]]) -> None:
        (first, how), (second, other) = readings
        raise AmbiguousTextError(
            f"this can be read in two ways: {first}, or {second}",
            span=self.scope.span(at),
            remedy=f"write {how} for the first, {other} for the second",
        )
