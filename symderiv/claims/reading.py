"""Takes a claim as text; returns it as an expression, with the sizes that had to be equated.

Contract: a claim that does not type-check is read again with the clashing sizes taken as equal, so
that it can still be evaluated and its slip be named.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..core.errors import (
    IndexNameError,
    LanguageError,
    RangeClashError,
    ShapeError,
    SymderivError,
    UnknownSizeError,
)
from ..core.expr import Expr, free_ranges
from ..core.positions import Range, Use, allowed, placed
from ..core.shapes import Dim, DimMismatchError, Shape, describe
from ..problems import Problem
from ..problems.elaborate import Elaborator
from ..problems.grammar import only_expression, prepared
from ..problems.latex_reader import LatexReader
from ..problems.problem import kind_of
from ..problems.rewriting import propose
from ..problems.scope import settle
from ..problems.statements import known_names
from ..problems.syntaxes import LATEX, PYTHON, syntax_of
from .about import About, says_asked
from .computed_factors import Factors


@dataclass(frozen=True, slots=True)
class Reading:
    """One claimed expression, read."""

    text: str
    expr: Expr
    ranges: dict[str, Dim]  # of its free indices
    equated: tuple[tuple[Dim, Dim], ...] = ()
    refusal: LanguageError | None = None  # why it does not type-check, if it does not
    said: tuple[str, ...] = ()  # how derivatives in it were read
    within: Mapping[str, Range] = field(default_factory=dict)  # where its shifted indices have a
    # place, if not everywhere; the indices of the expression count from the first of it
    written: Expr | None = None  # as a tree whose shapes do not fit, where they do not
    holds_asked: bool = False  # whether it is written with what it is about


def read_claim(
    problem: Problem,
    text: str,
    ranges: dict[str, Dim] | None = None,
    *,
    syntax: str = "python",
    shape: Shape | None = None,
    about: About | None = None,
    truth: Expr | None = None,
) -> Reading:
    """Return a claimed expression; raises LanguageError where it cannot be read at all.

    ``ranges`` are indices whose range is known beforehand (p and q of an entry claim); ``shape`` is
    what the claim should have, for constants of which it says no size. ``about`` is what it is
    about, and ``truth`` what that is, for a claim that names it.
    """
    named = about is not None and says_asked(text, about, problem.known())
    if named and truth is not None and syntax == PYTHON.name:
        return Reading(text, truth, dict(ranges or {}), holds_asked=True)
    try:
        return _read(problem, text, ranges, syntax, shape, about)
    except LanguageError as error:
        if syntax == PYTHON.name:
            kinds = {n: kind_of(x.shape) for n, x in problem.known().items()}
            names = known_names(problem.declared, kinds)
            propose(error, text, names, lambda x: _read(problem, x, ranges, syntax, shape))
        raise


def read_quoted(problem: Problem, text: str) -> Expr | None:
    """Return the expression that a sentence about a claim quotes, or None where it is none.

    Indices that stand free in it keep their names; names of functions are no expressions.
    """
    try:
        found = _read(problem, text, None, PYTHON.name, None)
    except SymderivError:
        return None
    return found.expr if found.refusal is None else None


def _read(
    problem: Problem,
    text: str,
    ranges: dict[str, Dim] | None,
    syntax: str,
    shape: Shape | None,
    about: About | None = None,
) -> Reading:
    """Return a reading; x_i of a matrix X is a row, or a column where only that fits."""
    found = _attempt(problem, text, ranges, syntax, shape, Factors(problem, about))
    if syntax != LATEX.name or _fits(found, shape):
        return found
    try:
        factors = Factors(problem, about)
        other = _attempt(problem, text, ranges, syntax, shape, factors, columns=True)
    except LanguageError:
        return found
    return other if _fits(other, shape) else found


def _fits(found: Reading, shape: Shape | None) -> bool:
    return found.refusal is None and (shape is None or found.expr.shape == shape)


def _attempt(
    problem: Problem,
    text: str,
    ranges: dict[str, Dim] | None,
    syntax: str,
    shape: Shape | None,
    factors: Factors,
    columns: bool = False,
) -> Reading:
    written, plain = syntax_of(syntax), prepared(text)
    tree = only_expression(written.parse(plain))
    refusal: LanguageError | None = None
    assumed: list[tuple[Dim, Dim]] = []
    most = len(problem.dims)  # of equations: each settles a size, or they go in a circle

    def made(assumed: Sequence[tuple[Dim, Dim]], *, collect: bool) -> Elaborator:
        reader = problem.reader(plain, collect=collect, assumed=assumed, syntax=written)
        if isinstance(reader, LatexReader):
            reader.columns, reader.derivative = columns, factors
        return _with_indices(reader, ranges or {})

    while True:
        reader = made(assumed, collect=refusal is not None)
        try:
            found = reader.read(tree)
            _give_sizes(reader, found, shape)
            expr, within = _placed(reader, settle(reader, found), ranges or {})
        except (ShapeError, IndexNameError, DimMismatchError) as error:
            if refusal is None:
                if not _is_clash(error) or isinstance(error, DimMismatchError):
                    raise
                refusal = error
            elif not _is_clash(error) or not len(assumed) < len(reader.unifier.assumed) <= most:
                return Reading(text, problem.objective, {}, (), refusal)
            assumed = list(reader.unifier.assumed)
            continue
        own = None if refusal is None else _as_written(made((), collect=True), tree) or expr
        known = (tuple(reader.unifier.assumed), refusal, tuple(factors.said), within, own)
        return Reading(text, expr, free_ranges(expr), *known, factors.holds_asked)


def _with_indices(reader: Elaborator, ranges: Mapping[str, Dim]) -> Elaborator:
    reader.indices.update(ranges)
    reader.bound.update(ranges)  # so that they may be shifted, as those of a sum
    reader.uses = {name: [Use(dim, 0)] for name, dim in ranges.items()}
    return reader


def _as_written(reader: Elaborator, tree: ast.expr) -> Expr | None:
    """Return a claim whose shapes do not fit as the tree that was written, if that can be."""
    reader.unifier.overlooks = True
    try:
        return settle(reader, reader.read(tree))
    except (LanguageError, DimMismatchError):
        return None


def _placed(
    reader: Elaborator, x: Expr, ranges: Mapping[str, Dim]
) -> tuple[Expr, dict[str, Range]]:
    """Return an expression at the positions at which all of its shifted indices have a place."""
    within: dict[str, Range] = {}
    resolve = reader.unifier.resolve
    for name, dim in ranges.items():
        uses = [Use(resolve(u.dim), u.offset) for u in reader.uses[name]]
        if len({*uses}) < 2:
            continue
        try:
            found = allowed(uses)
        except DimMismatchError:
            raise IndexNameError(
                f"there is no {name} of 1..{resolve(dim)} at which every place exists",
                remedy="is an index shifted too far, or in the wrong direction?",
            ) from None
        x = placed(x, name, found, resolve)
        if found != Range(1, resolve(dim)):
            within[name] = found
    return x, within


def _give_sizes(reader: Elaborator, found: Expr, shape: Shape | None) -> None:
    """Give a claim the sizes that it should have where it says none."""
    own = reader.shape(found)
    if shape is None or len(own) != len(shape):
        return
    for unknown, dim in zip(own, shape, strict=True):
        if unknown.is_unknown:
            reader.unify(unknown, dim, lambda: _of_another_shape(reader, found, shape))


def _of_another_shape(reader: Elaborator, found: Expr, shape: Shape) -> ShapeError:
    return ShapeError(
        f"{reader.text.strip()} is {describe(reader.shape(found))}, not {describe(shape)}",
        remedy="write a constant with its sizes",
    )


def _is_clash(error: LanguageError | DimMismatchError) -> bool:
    """Whether an error is one of sizes, which reading on under equal sizes can get past."""
    unknown = isinstance(error, UnknownSizeError)
    return isinstance(error, ShapeError | RangeClashError | DimMismatchError) and not unknown
