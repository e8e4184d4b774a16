"""Takes the text of a claim; returns its lines as read: ``dL/dW = ..``, ``= ..``, ``S = ..``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from ..core.errors import DeclarationError, LanguageError, ParseError, Span
from ..core.expr import BINDERS, Expr, free_indices, sum_index, walk
from ..core.shapes import Dim
from ..ops.text import text
from ..problems import ClaimText, Problem
from ..problems.declarations import Declarations
from ..problems.elaborate import CONSTANTS
from .about import About, read_about
from .reading import Reading, read_claim

_MANY = "one expression on each line; what is equal to it goes onto the next"


@dataclass(frozen=True, slots=True)
class WrittenLine:
    """One line as it was read."""

    number: int
    text: str
    reading: Reading | None  # None where it defines a name


class Lines:
    """Reads the lines of a claim; definitions among them are further ones of the problem."""

    def __init__(self, problem: Problem, claim: ClaimText, about: About) -> None:
        self.problem, self.claim, self.about = problem, claim, about
        self.names: list[tuple[int, str]] = []

    def read(self, ranges: Mapping[str, Dim], truth: Expr | None = None) -> list[WrittenLine]:
        """Return the lines; raises LanguageError, with the number of the line."""
        found = [self._line(k, says, ranges, truth) for k, says in enumerate(self.claim.says, 1)]
        readings = [w.reading for w in found if w.reading is not None]
        if not readings:
            raise ParseError(
                "no line claims anything",
                remedy="write = before what is claimed, or what it is about: dL/dW = ..",
            )
        parts = [walk(r.expr) for r in readings] + [walk(x) for x in self._values()]
        refuse_unused(self.names, {str(e.data) for p in parts for e in p if e.is_name})
        return found

    def _values(self) -> list[Expr]:
        return [self.problem.definitions[name] for _, name in self.names]

    def _line(
        self, number: int, says: str, ranges: Mapping[str, Dim], truth: Expr | None
    ) -> WrittenLine:
        syntax = self.claim.syntax
        with numbered(number):
            name, right = split(says, self.about)
            if name:
                self.problem = defined(self.problem, name, right, syntax)
                self.names.append((number, name))
                return WrittenLine(number, says.strip(), None)
            reading = read_claim(
                self.problem, right, dict(ranges), syntax=syntax, about=self.about, truth=truth
            )
        return WrittenLine(number, says.strip(), reading)

    def correction(self, x: Expr) -> str:
        """Return a formula as text that can be read, with the definitions of the lines in it."""
        used = {str(e.data) for e in walk(x) if e.is_name}
        local = [n for _, n in self.names if n in used]
        return "; ".join([*(f"{n} = {text(self.problem.definitions[n])}" for n in local), text(x)])


@contextmanager
def numbered(number: int) -> Iterator[None]:
    """Have errors name the line that they are in."""
    try:
        yield
    except LanguageError as error:
        error.subject = f"line {number}: {error.subject}"
        raise


def only_line(claim: ClaimText, about: About) -> str:
    """Return what a claim of one line says."""
    name, says = split(claim.says[0], about)
    return f"{name} = {says}" if name else says


def parts(says: str) -> list[str]:
    """Return the lines of a text: ``;`` and line ends outside of brackets part them.

    >>> parts("S = tanh(X @ W); X.T @ (G * (1 - S ** 2))")
    ['S = tanh(X @ W)', 'X.T @ (G * (1 - S ** 2))']
    """
    found, depth, quote = [""], 0, ""
    for c in says:
        if quote or c in "\"'":
            quote = "" if c == quote else quote or c
        depth += 0 if quote else (c in "([{") - (c in ")]}")
        if c in ";\n" and not quote and depth <= 0:
            found.append("")
        else:
            found[-1] += c
    return [line.strip() for line in found if line.strip()] or [says]


def split(line: str, about: About) -> tuple[str, str]:
    """Return the name that a line defines, or "", and what stands on its right.

    Raises ParseError where the left is another derivative than the claim is about.
    """
    at = _equals(line)
    if at is None:
        return "", line
    left, right = line[:at].strip(), line[at + 1 :].strip()
    if re.fullmatch(r"[^\W\d]\w*", left):
        return left, right
    span = Span(line, 0, at)
    if not left or _names(left, about):
        if _equals(right) is not None:
            raise ParseError("the line says two things", span=span, remedy=_MANY)
        return "", right
    if about.is_equal or not re.match(r"\s*d\^?2?\w*(\[.*\])?\s*/", left):
        raise ParseError("the line has two sides", span=span, remedy=_MANY)
    raise ParseError(
        f"the line is about {left}, the claim about {about.text.strip()}",
        span=span,
        remedy=f"write {about.text.strip()} = .., or = .., or the expression alone",
    )


def _names(left: str, about: About) -> bool:
    """Whether the left of a line is what the claim is about."""
    try:
        return not about.is_equal and read_about(left).same(about)
    except ParseError:
        return False


def _equals(line: str) -> int | None:
    """Return where the first equals sign outside of parentheses stands."""
    depth = 0
    for k, c in enumerate(line):
        depth += (c in "([{") - (c in ")]}")
        alone = line[k - 1 : k] not in ("=", "<", ">", "!") and line[k + 1 : k + 2] != "="
        if c == "=" and depth == 0 and alone:
            return k
    return None


def defined(problem: Problem, name: str, says: str, syntax: str) -> Problem:
    """Return a problem with one more definition; raises DeclarationError, LanguageError."""
    for taken, what in (
        (problem.variables, "a variable of the problem"),
        (problem.definitions, "defined already"),
        (problem.upstream, "the given gradient"),
        (problem.dims, "a size"),
        (CONSTANTS, "a constant"),
        ((problem.objective_name,), "the objective"),
        (problem.declared.losses, "a loss"),
        (problem.declared.entrywise, "a function"),
        (_indices(problem), "an index of the problem"),
    ):
        if name in taken:
            raise DeclarationError(
                f"{name!r} is {what}",
                remedy="use another name for a definition; a claimed line starts with = or nothing",
            )
    Declarations().check_name(name, name)
    reading = read_claim(problem, says, syntax=syntax)
    if reading.refusal is not None:
        raise reading.refusal
    loose = free_indices(reading.expr)
    if loose:
        raise DeclarationError(
            f"the definition of {name} has the free index {next(iter(loose))}",
            remedy=f"bind it: Sum({next(iter(loose))}, ..), or write it out where it is used",
        )
    return replace(problem, definitions={**problem.definitions, name: reading.expr})


def _indices(problem: Problem) -> set[str]:
    return {sum_index(e)[0] for e in walk(problem.objective) if e.op in BINDERS}


def refuse_unused(names: Sequence[tuple[int, str]], used: set[str]) -> None:
    """Refuse a definition that no line uses: it may have been meant as a claim."""
    for number, name in names:
        if name not in used:
            raise ParseError(
                f"line {number} defines {name}, and no later line uses it",
                remedy="a line that is claimed starts with = or with what it is about: dL/dW = ..",
            )
