"""Claims as written to claims as expressions: what each is about, with its free indices.

Contract: a claim that does not type-check is read again with the clashing sizes taken as equal, so
that it can still be evaluated and its slip be named; what was equated is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import IndexNameError, LanguageError, ParseError, ShapeError, Span, UnknownNameError
from ..expr import Expr, entry, free_ranges
from ..language import Problem
from ..language.elaborate import Elaborator
from ..language.grammar import only_expression, prepared
from ..language.settling import settle
from ..language.syntaxes import syntax_of
from ..shapes import Dim, DimMismatchError, Shape, describe

_ABOUT = re.compile(
    r"\s*d(?P<of>\w*?)\s*/\s*d(?P<name>[A-Za-z]\w*)\s*(\[(?P<indices>[^\]]*)\])?\s*\Z"
)


@dataclass(frozen=True, slots=True)
class About:
    """What a claim is about: a gradient, an entry of it, or the equality of expressions."""

    kind: str  # "gradient" | "entry" | "equal"
    name: str = ""
    indices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """One claimed expression, read."""

    text: str
    expr: Expr
    ranges: dict[str, Dim]  # of its free indices
    equated: tuple[tuple[Dim, Dim], ...] = ()
    refusal: LanguageError | None = None  # why it does not type-check, if it does not


def read_about(about: str, objective: str = "L") -> About:
    """Return what a claim is about; raises ParseError."""
    if about.strip() == "equal":
        return About("equal")
    match = _ABOUT.match(about)
    if match is not None and match["of"] not in ("", "L", objective):
        raise ParseError(
            f"a claim about d{match['of']} is not about the objective, which is {objective}",
            span=Span(about, match.start("of"), match.end("of")),
            remedy=f"write d{objective}/d{match['name']}",
        )
    if match is None:
        raise ParseError(
            f"a claim cannot be about {about!r}",
            span=Span(about, 0, len(about)),
            remedy='write "dL/dW", "dL/dW[p, q]" or "equal"',
        )
    if match["indices"] is None:
        return About("gradient", match["name"])
    names = tuple(i.strip() for i in match["indices"].split(","))
    for i in names:
        if not re.fullmatch(r"[A-Za-z_]\w*|[1-9]\d*", i):
            raise ParseError(
                f"{i!r} is not an index",
                span=Span(about, match.start("indices"), match.end("indices")),
                remedy="an index is a symbol or an integer from 1: dL/dW[p, q]",
            )
    return About("entry", match["name"], names)


def target_entry(problem: Problem, about: About, gradient: Expr) -> Expr:
    """Return the entry of the gradient that an entry claim is about."""
    marks: list[str | int] = [int(i) if i.isdecimal() else i for i in about.indices]
    rank = len(gradient.shape)
    if len(marks) == 1 and rank == 2 and str(gradient.shape[1]) == "1":
        marks.append(1)
    if len(marks) != rank:
        raise IndexNameError(
            f"an entry of the gradient by {about.name} ({describe(gradient.shape)}) has "
            f"{'two' if rank == 2 else rank} indices, not {len(marks)}",
            remedy=f"write dL/d{about.name}[{', '.join('pqrstuvw'[:rank])}]",
        )
    return entry(gradient, *marks)


def read_claim(
    problem: Problem,
    text: str,
    ranges: dict[str, Dim] | None = None,
    *,
    syntax: str = "python",
    shape: Shape | None = None,
) -> Reading:
    """Return a claimed expression; raises LanguageError where it cannot be read at all.

    ``ranges`` are indices whose range is known beforehand (p and q of an entry claim); ``shape`` is
    what the claim should have, for constants of which it says no size.
    """
    written, plain = syntax_of(syntax), prepared(text)
    tree = only_expression(written.parse(plain))
    refusal: LanguageError | None = None
    assumed: list[tuple[Dim, Dim]] = []
    while True:
        reader = problem.reader(plain, collect=refusal is not None, assumed=assumed, syntax=written)
        reader.indices.update(ranges or {})
        try:
            found = reader.read(tree)
            _give_sizes(reader, found, shape)
            expr = settle(reader, found)
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


def _give_sizes(reader: Elaborator, found: Expr, shape: Shape | None) -> None:
    """Give a claim the sizes that it should have where it says none."""
    own = reader.shape(found)
    if shape is None or len(own) != len(shape):
        return
    for unknown, dim in zip(own, shape, strict=True):
        if unknown.is_unknown:
            reader.unifier.unify(unknown, dim)


def _is_clash(error: LanguageError) -> bool:
    """Whether an error is one of sizes, which reading on under equal sizes can get past."""
    return isinstance(error, ShapeError) or "runs over" in error.subject


def variable_or_stage(problem: Problem, name: str) -> None:
    """Check that a name can be differentiated by; raises UnknownNameError."""
    if name not in problem.variables:
        known = ", ".join(problem.variables)
        raise UnknownNameError(
            f"the claim is about {name!r}, which is not a variable of the problem",
            remedy=f"the variables are: {known}",
        )
