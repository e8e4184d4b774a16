"""Every error that symderiv raises on purpose, each with its subject, its place and a remedy.

    SymderivError
    |-- LanguageError            something that was written could not be read
    |   |-- ParseError           not an expression of the language
    |   |   `-- AmbiguousTextError      a text that has two readings
    |   |-- UnsupportedError     Python, but not a construct of the language
    |   |   `-- TooLargeError           a number or an exponent beyond the limits
    |   |-- UnknownNameError     a name or function that does not exist
    |   |-- DeclarationError     a variable, shape or property is declared wrongly
    |   |-- ShapeError           shapes that do not fit
    |   |   |-- AmbiguousShapeError   shapes that fit in two ways
    |   |   `-- UnknownSizeError      a constant whose size nothing tells
    |   |-- IndexNameError       an index that is unbound or out of range
    |   |   `-- RangeClashError         an index that has two ranges
    |   `-- ProblemFileError     a problem file that is not as documented
    |-- MissingRuleError         a derivative, form or target that no rule covers
    |   `-- NoEntriesError       a function whose entries SymPy cannot write out
    |-- BudgetError              more work than is done for one thing
    |-- InputError               arrays or arguments that do not fit the problem
    |-- CheckError               a printed equation or generated code failed its check
    |   `-- UndefinedError       nowhere is there a value to check
    `-- DisagreementError        two roads to one result differ (an internal error)

Contract: ``str(error)`` is what a person should read: one sentence, the line with a caret under
the place (where there is a place), and what to write instead.
"""

from __future__ import annotations

from dataclasses import dataclass

_WIDTH = 76


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of characters, on one line, of a text the user wrote."""

    text: str
    start: int
    stop: int
    line: int = 0

    def render(self) -> str:
        """Return the line and, under it, carets below the place."""
        lines = self.text.split("\n")
        line = lines[self.line] if self.line < len(lines) else ""
        start, stop = min(self.start, len(line)), max(self.stop, self.start + 1)
        if len(line) > _WIDTH:
            left = max(0, min(start - _WIDTH // 2, len(line) - _WIDTH))
            head = "..." if left else ""
            tail = "..." if left + _WIDTH < len(line) else ""
            line = head + line[left : left + _WIDTH] + tail
            start, stop = start - left + len(head), stop - left + len(head)
        stop = max(start + 1, min(stop, len(line)))
        return f"    {line}\n    {' ' * start}{'^' * (stop - start)}"


class SymderivError(Exception):
    """Base of all errors of this package.

    ``subject`` says what is wrong, ``span`` where, ``remedy`` what to write instead;
    ``exit_code`` is what the command line ends with.
    """

    exit_code = 2

    def __init__(self, subject: str, *, span: Span | None = None, remedy: str = "") -> None:
        self.subject, self.span, self.remedy = subject, span, remedy
        super().__init__(subject)

    def __str__(self) -> str:
        parts = [self.subject]
        if self.span is not None:
            parts.append(self.span.render())
        if self.remedy:
            parts.append(f"  {self.remedy}")
        return "\n".join(parts)

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows: the message, as what is at fault is what was given."""
        return f"{type(self).__name__}: {self}".split("\n")


class LanguageError(SymderivError):
    """Something that was written could not be read."""


class ParseError(LanguageError):
    """The text is not an expression of the language."""


class AmbiguousTextError(ParseError):
    """A text that can be read in two ways, which mean different things."""


class UnsupportedError(LanguageError):
    """The text is Python, but not a construct of the language."""


class TooLargeError(UnsupportedError):
    """A number or an exponent is beyond the limits; what was meant is clear."""


class UnknownNameError(LanguageError):
    """A name, function or property that does not exist."""


class DeclarationError(LanguageError):
    """A variable, shape or property is declared wrongly."""


class ShapeError(LanguageError):
    """Shapes do not fit."""


class AmbiguousShapeError(ShapeError):
    """Shapes fit in two ways, and the two mean different things."""


class UnknownSizeError(ShapeError):
    """The size of a constant is told by nothing."""


class IndexNameError(LanguageError):
    """An index is unbound, out of range, or has two ranges."""


class RangeClashError(IndexNameError):
    """An index counts places of two sizes."""


class ProblemFileError(LanguageError):
    """A problem file is not as documented."""


class MissingRuleError(SymderivError):
    """No rule covers what was asked for."""


class NoEntriesError(MissingRuleError):
    """A function of whole matrices whose entries have no form in SymPy."""


class BudgetError(SymderivError):
    """Something would take more work than is done for one thing; it says what is too much."""


class InputError(SymderivError):
    """Arrays or arguments do not fit the problem."""


class CheckError(SymderivError):
    """A printed equation or generated code failed its check; nothing is written."""

    exit_code = 1


class UndefinedError(CheckError):
    """No point was found at which what is to be checked has a value."""

    exit_code = 2


class DisagreementError(SymderivError):
    """Two independent roads lead to different results; both are in the message."""

    exit_code = 1
