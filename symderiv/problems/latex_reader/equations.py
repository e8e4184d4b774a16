r"""A text of LaTeX to its equations: environments and comments off, sides apart.

``$ .. $``, ``\[ .. \]`` and the environments of equations are taken off; in a file, what stands
between formulas is left out. A line that begins with = goes on with the line before it. Contract:
works on text and tokens; knows no names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ...core.errors import ParseError
from . import macro_tables as tables
from .laid_out import Token, place, tokens

LONGEST = 20_000
_COMMENT = re.compile(r"(?<!\\)%[^\n]*")
_NAMES = "|".join(sorted(tables.ENVIRONMENTS))
_DISPLAY = re.compile(
    rf"\$\$(?P<dollars>.*?)\$\$|\\\[(?P<brackets>.*?)\\\]"
    rf"|\\begin\{{(?P<name>{_NAMES})(?P<star>\*?)\}}(\{{\d*\}}|\[\w\])?(?P<body>.*?)"
    rf"\\end\{{(?P=name)(?P=star)\}}",
    re.DOTALL,
)
_INLINE = re.compile(r"(?<![\\$])\$(?P<dollars>[^$]+)\$(?!\$)|\\\((?P<brackets>.*?)\\\)", re.DOTALL)
_REMOVED = re.compile(r"\\(label|tag)\*?\{[^{}]*\}|\\(nonumber|notag|qedhere)(?![A-Za-z])")
_EQALIGN = re.compile(r"\\(?:eqalign|eqalignno|displaylines)\s*\{")
_CR = re.compile(r"\\cr(?![A-Za-z])")
_RELATIONS = ("coloneqq", "triangleq")


@dataclass(frozen=True, slots=True)
class Equation:
    """The sides of one equation; a formula alone has one."""

    sides: tuple[str, ...]


def equations(text: str) -> list[Equation]:
    r"""Return the equations of a text, in their order; raises ParseError.

    >>> equations(r"\begin{align*} \nabla_W L &= X^\top G \\ &= A \end{align*}")[0].sides
    ('\\nabla_W L', 'X^\\top G', 'A')
    """
    if len(text) > LONGEST:
        raise ParseError(
            f"the formula has {len(text):,} characters; the limit is {LONGEST:,}",
            remedy="give one formula at a time",
        )
    found: list[Equation] = []
    for formula in _formulas(_modern(_COMMENT.sub("", text.replace("\r", "")))):
        for line in _lines(formula):
            found.append(Equation(tuple(_sides(line))))
    if not found:
        raise ParseError("empty input: there is no formula to read", remedy=r"write X^\top G")
    return found


def _modern(text: str) -> str:
    """Return plain TeX's alignments as environments: \\eqalign{a &= b \\cr}."""
    start = _EQALIGN.search(text)
    while start is not None:
        depth, stop = 1, start.end()
        while stop < len(text) and depth:
            depth += {"{": 1, "}": -1}.get(text[stop], 0) * (text[stop - 1] != "\\")
            stop += 1
        if depth:
            raise ParseError("the braces of \\eqalign are never closed", remedy="add '}'")
        body = _CR.sub(r"\\\\ ", text[start.end() : stop - 1])
        text = f"{text[: start.start()]}\\begin{{aligned}}{body}\\end{{aligned}}{text[stop:]}"
        start = _EQALIGN.search(text)
    return text


def _formulas(text: str) -> list[str]:
    """Return what stands in displays; else what stands between dollars; else all of the text."""
    displayed = list(_DISPLAY.finditer(text))
    if displayed:
        return [_inside(m) for m in displayed]
    inline = list(_INLINE.finditer(text))
    if inline:
        return [next(g for g in m.groups() if g is not None) for m in inline]
    return [text]


def _inside(match: re.Match[str]) -> str:
    body = next(b for b in (match["dollars"], match["brackets"], match["body"]) if b is not None)
    nested = list(_DISPLAY.finditer(body))
    if nested:
        # \begin{equation} \begin{split} .. \end{split} \end{equation}
        start, stop = nested[0].start(), nested[-1].end()
        return body[:start] + " ".join(_inside(m) for m in nested) + body[stop:]
    aligned = match["name"] in tables.ALIGNED
    return re.sub(r"(?<!\\)&", " ", body) if aligned else body


def _lines(formula: str) -> list[str]:
    """Return the equations of a formula, each on one line."""
    formula = " ".join(_REMOVED.sub(" ", formula).split())
    if not formula:
        return []
    cuts = [t for t in tokens(formula) if t.kind == "row"]
    edges = [0, *(t.stop for t in cuts)]
    ends = [*(t.start for t in cuts), len(formula)]
    found: list[str] = []
    for start, stop in zip(edges, ends, strict=True):
        line = formula[start:stop].strip()
        if not line:
            continue
        if found and (_is_operator(tokens(line)[0]) or _is_operator(tokens(found[-1])[-2])):
            found[-1] = f"{found[-1]} {line}"
        else:
            found.append(line)
    return [_unpunctuated(line) for line in found]


def _is_operator(token: Token) -> bool:
    """Whether an equation goes on behind a token, or with one that begins a line."""
    return token.is_char("=", "+", "-", "/") or token.text in ("cdot", "times", "odot")


def _unpunctuated(line: str) -> str:
    return re.sub(r"(\s|\\[,;:!]|\\quad|[.,;])+$", "", line) or line


def _sides(line: str) -> list[str]:
    """Return what stands between the signs of equality that are in no braces or parentheses."""
    depth = 0
    cuts: list[Token] = []
    for token in tokens(line):
        opens = token.is_char("{", "(", "[") or token.text in ("left", "lbrace", "begin")
        shuts = token.is_char("}", ")", "]") or token.text in ("right", "rbrace", "end")
        depth += opens - shuts
        is_equal = token.is_char("=") or (token.kind == "macro" and token.text in _RELATIONS)
        if is_equal and depth <= 0:
            cuts.append(token)
    edges = [0, *(t.stop for t in cuts)]
    ends = [*(_start(line, t) for t in cuts), len(line)]
    sides = [_unpunctuated(line[a:b].strip()) for a, b in zip(edges, ends, strict=True)]
    for k, side in enumerate(sides):
        if not side and len(sides) > 1:
            at = cuts[min(k, len(cuts) - 1)]
            raise ParseError(
                "a side of the equation is missing",
                span=place(line, at.start, at.stop),
                remedy="write both sides of =",
            )
    return sides


def _start(line: str, sign: Token) -> int:
    """Return where a sign of equality starts: := is one."""
    before = line[: sign.start].rstrip()
    return len(before) - 1 if before.endswith(":") else sign.start
