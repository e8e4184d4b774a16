"""Text to syntax tree: Python's own parser, guarded, with every failure given a place and a remedy.

Contract: text is parsed, never evaluated. Input that is too long, too deep or not Python is refused
before anything walks it. This module knows the shape of programs, not the meaning of names.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from functools import lru_cache

from ..core.errors import ParseError, Span, UnsupportedError
from .declarations import is_letter

LONGEST = 100_000
MOST_DIGITS = 300
DEEPEST = 100

_DIGITS = re.compile(rf"[\d_]{{{MOST_DIGITS + 1},}}")
_OPEN, _CLOSE = "([{", ")]}"
_BRACKETS = _OPEN + _CLOSE


@dataclass(frozen=True, slots=True)
class Statement:
    """``name = value``, or a bare expression when ``name`` is None."""

    name: str | None
    value: ast.expr
    span: Span


@lru_cache(maxsize=8)
def lines_of(text: str) -> tuple[str, ...]:
    """Return the lines of a text; a deep problem asks for them at every place."""
    return tuple(text.split("\n"))


def span_of(text: str, node: ast.AST) -> Span:
    """Return where a syntax node stands; ``ast`` counts bytes, a person counts characters."""
    row = getattr(node, "lineno", 1) - 1
    lines = lines_of(text)
    line = lines[row] if row < len(lines) else ""
    start = _characters(line, getattr(node, "col_offset", 0))
    last = getattr(node, "end_lineno", row + 1) - 1
    end = getattr(node, "end_col_offset", 0)
    stop = _characters(line, end) if last == row else len(line)
    return Span(text, start, max(stop, start + 1), row)


def _characters(line: str, count: int) -> int:
    """Return how many characters the first bytes of a line are."""
    if line.isascii():
        return min(count, len(line))
    return len(line.encode()[:count].decode(errors="ignore"))


def prepared(text: str) -> str:
    """Return a text as it is parsed: no space around its lines; raises ParseError."""
    if not text.strip():
        raise ParseError(
            "empty input: there is no expression to read",
            remedy='write an expression, such as "L(X @ W)"',
        )
    if len(text) > LONGEST:
        raise ParseError(
            f"the input has {len(text):,} characters; the limit is {LONGEST:,}",
            remedy="name parts of it by definitions, or split the problem",
        )
    long = _DIGITS.search(text)
    if long is not None:
        row = text.count("\n", 0, long.start())
        start = long.start() - text.rfind("\n", 0, long.start()) - 1
        raise ParseError(
            f"a number of {len(long[0]):,} digits; the limit is {MOST_DIGITS}",
            span=Span(text, start, start + len(long[0]), row),
            remedy="write a large number as a power: 10 ** 40",
        )
    return "\n".join(line.strip() for line in text.replace("\r", "").split("\n"))


def parse(text: str) -> list[Statement]:
    """Return the statements of a text; raises ParseError or UnsupportedError."""
    text = prepared(text)
    check_brackets(text)
    tree = _python(text)
    _check_names(text, tree)
    found = [_statement(text, s) for s in tree.body]
    if not found:
        raise ParseError("there is only a comment", remedy='write an expression: "L(X @ W)"')
    return found


def _check_names(text: str, tree: ast.Module) -> None:
    """Refuse signs in names that Python takes for letters: the dot of X·W, the T of Xᵀ."""
    if text.isascii():
        return
    for at in ast.walk(tree):
        if not isinstance(at, ast.Name):
            continue
        span = span_of(text, at)
        written = lines_of(text)[span.line][span.start : span.stop]
        sign = next((c for c in written if not is_letter(c)), None)
        if sign is not None:
            start = span.start + written.index(sign)
            hint = next((hint for mark, hint in _HINTS if mark == sign), "")
            raise ParseError(
                f"{written!r} is not a name: {sign!r} is no letter of it",
                span=Span(text, start, start + 1, span.line),
                remedy=hint or "a name is letters (Latin or Greek), digits and _",
            )


def only_expression(statements: list[Statement]) -> ast.expr:
    """Return the one expression that a text was to be; raises ParseError."""
    if len(statements) != 1 or statements[0].name is not None:
        raise ParseError(
            "one expression was expected",
            span=statements[-1].span,
            remedy="definitions stand before it: S = tanh(Z); X.T @ S"
            if statements[-1].name is not None
            else "definitions belong into the problem, not here",
        )
    return statements[0].value


def parse_expression(text: str) -> ast.expr:
    """Return the syntax tree of a single expression."""
    return only_expression(parse(text))


def _python(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except SyntaxError as error:
        raise _syntax_error(text, error) from None
    except (RecursionError, MemoryError):
        raise _too_deep(None) from None
    except ValueError as error:
        raise ParseError(f"the text cannot be read: {error}") from None


def _too_deep(span: Span | None) -> ParseError:
    return ParseError(
        f"nested deeper than {DEEPEST} levels",
        span=span,
        remedy="name inner parts by definitions: Z = ...; L(Z)",
    )


def check_brackets(text: str) -> None:
    """Refuse brackets that do not match, or that nest too deep."""
    stack: list[tuple[str, Span]] = []
    for row, line in enumerate(text.split("\n")):
        for k, char in enumerate(line):
            if char == "#":
                break
            if char not in _BRACKETS:
                continue
            here = Span(text, k, k + 1, row)
            if char in _OPEN:
                stack.append((char, here))
                if len(stack) > DEEPEST:
                    raise _too_deep(here)
            else:
                if not stack or _OPEN.index(stack[-1][0]) != _CLOSE.index(char):
                    raise ParseError(f"{char!r} closes nothing", span=here, remedy="remove it")
                stack.pop()
    if stack:
        char, here = stack[-1]
        closing = _CLOSE[_OPEN.index(char)]
        raise ParseError(f"{char!r} is never closed", span=here, remedy=f"add {closing!r}")


_HINTS = (
    ("'", "a transpose is written X.T, not X'"),
    (".*", "the entrywise product is *, the matrix product @"),
    ("\\", "write LaTeX formulas in the expression language: X.T @ G"),
    ("==", "one = defines a name: Z = X @ W"),
    ("²", "a power is written X ** 2"),
    ("ᵀ", "a transpose is written X.T"),
    ("·", "the entrywise product is *, the matrix product @"),
    ("⊙", "the entrywise product is *"),
    ("−", "the minus sign is the ASCII -"),
    ("lambda", "lambda is a keyword of Python: call it lam, lambda_ or λ"),
)


def _syntax_error(text: str, error: SyntaxError) -> ParseError:
    line = (error.lineno or 1) - 1
    lines = text.split("\n")
    written = lines[line] if line < len(lines) else ""
    start = min(max((error.offset or 1) - 1, 0), max(len(written) - 1, 0))
    stop = start + 1
    if error.end_offset and (error.end_lineno or 0) - 1 == line:
        stop = max(stop, error.end_offset - 1)
    remedy = next(
        (hint for mark, hint in _HINTS if mark in written),
        "write it with + - * / ** @ .T, names, numbers and calls such as sum(X)",
    )
    return ParseError(
        "this is not an expression of the language",
        span=Span(text, start, stop, line),
        remedy=remedy,
    )


def _statement(text: str, node: ast.stmt) -> Statement:
    span = span_of(text, node)
    if isinstance(node, ast.Expr):
        return Statement(None, node.value, span)
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
        if isinstance(target, ast.Name):
            return Statement(target.id, node.value, span_of(text, target))
    kind = type(node).__name__
    raise UnsupportedError(
        f"{kind} is Python, but not a statement of this language",
        span=span,
        remedy="write definitions 'Z = X @ W' and, last, the objective",
    )
