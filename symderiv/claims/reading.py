"""Claims as written to claims as expressions.

Contract: a claim that does not type-check is read again with the clashing sizes taken as equal, so
that it can still be evaluated and its slip be named; what was equated is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import IndexNameError, LanguageError, ShapeError
from ..expr import Expr, free_ranges
from ..language import Problem
from ..language.grammar import only_expression, prepared
from ..language.settling import settle
from ..language.syntaxes import syntax_of
from ..shapes import Dim, DimMismatchError


@dataclass(frozen=True, slots=True)
class Reading:
    """One claimed expression, read."""

    text: str
    expr: Expr
    ranges: dict[str, Dim]  # of its free indices
    equated: tuple[tuple[Dim, Dim], ...] = ()
    refusal: LanguageError | None = None  # why it does not type-check, if it does not


def read_claim(
    problem: Problem,
    text: str,
    ranges: dict[str, Dim] | None = None,
    *,
    syntax: str = "python",
) -> Reading:
    """Return a claimed expression; raises LanguageError where it cannot be read at all.

    ``ranges`` are indices whose range is known beforehand (p and q of an entry claim).
    """
    written, plain = syntax_of(syntax), prepared(text)
    tree = only_expression(written.parse(plain))
    refusal: LanguageError | None = None
    assumed: list[tuple[Dim, Dim]] = []
    while True:
        reader = problem.reader(plain, collect=refusal is not None, assumed=assumed, syntax=written)
        reader.indices.update(ranges or {})
        try:
            expr = settle(reader, reader.read(tree))
        except (ShapeError, IndexNameError, DimMismatchError) as error:
            clash = isinstance(error, DimMismatchError) or _is_clash(error)
            if refusal is None:
                if not clash or isinstance(error, DimMismatchError):
                    raise
                refusal = error
            elif len(reader.unifier.assumed) == len(assumed) or not clash:
                return Reading(text, problem.objective, {}, (), refusal)
            assumed = list(reader.unifier.assumed)
            continue
        return Reading(text, expr, free_ranges(expr), tuple(reader.unifier.assumed), refusal)


def _is_clash(error: LanguageError) -> bool:
    """Whether an error is one of sizes, which reading on under equal sizes can get past."""
    return isinstance(error, ShapeError) or "runs over" in error.subject
