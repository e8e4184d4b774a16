"""LaTeX to paste: what the template of a body calls.

Contract: amsmath is all that a body needs; no macro of its own stands in a formula, a heading or a
label, so that any part can be cut out; no colour unless it is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..core.errors import InputError
from ..notation.latex import latex
from ..notation.math import Math
from .escape import latex_text, latex_typed
from .model import Document, Heading, Inline, Line, Ref, words_of
from .printers import Printer
from .templates import rendered
from .theme import COLORS
from .widths import width

SECTIONS = range(6)  # 0: words in bold, which slides take; 1: section; 5: subparagraph
_COMMANDS = ("section", "subsection", "subsubsection", "paragraph", "subparagraph")
_ROOM = 19.0  # em: a column of a page that has two
_LETTER = 0.42  # em


def latex_body(document: Document, section: int = 1, *, color: bool = False) -> str:
    r"""Return a document as LaTeX for ``\input`` in another one, which loads amsmath.

    ``section`` is the level of its title; with ``color`` it needs xcolor. Raises InputError for
    another level.
    """
    printer = BodyPrinter(_label(document.title), checked_section(section), color=color)
    return rendered(document, "tex", printer, "body")


def checked_section(section: int) -> int:
    """Return a level of sections; raises InputError for what is none."""
    if isinstance(section, bool) or section not in SECTIONS:
        raise InputError(
            f"there is no level of sections {section!r}",
            remedy="0 for words in bold, 1 for section, to 5 for subparagraph",
        )
    return section


def _label(title: str) -> str:
    """Return what the labels of a document begin with.

    >>> _label("A layer: $W x$")
    'a-layer-w-x'
    """
    words = re.findall(r"[a-z0-9]+", title.lower())
    return "-".join(words)[:40].strip("-") or "derivation"


class BodyPrinter(Printer):
    """LaTeX that needs amsmath, numbered by the document that it is put into."""

    def __init__(self, label: str, section: int, *, color: bool = False) -> None:
        self.label, self.section = label, section
        self.colors = COLORS if color else {}
        self.results = 0

    def text(self, text: str) -> str:
        return latex_text(text).replace(r"\textquotedbl{}", "''")  # it needs another encoding

    def tex(self, math: Math) -> str:
        """Return a formula without its delimiters."""
        return latex(math, colors=self.colors, dialect="amsmath")

    def math(self, math: Math) -> str:
        return f"${self.tex(math)}$"

    def strong(self, text: str) -> str:
        return rf"\textbf{{{self.text(text)}}}"

    def code(self, text: str) -> str:
        return rf"\texttt{{{self._typed(latex_text(text))}}}"

    def ref(self, ref: Ref) -> str:
        kind, _, number = ref.target.partition("-")
        if kind != "line":
            return self.text(ref.text)
        return self.text(ref.text).replace(number, rf"\ref{{{self.label}:{number}}}")

    def run_in(self, title: Any) -> str:
        return rf"\textbf{{{self.inline(title.title)}}}"

    def toned(self, role: str, text: str) -> str:
        plain = self.text(text)
        color = self.colors.get(role)
        return rf"\textcolor[HTML]{{{color[1:].upper()}}}{{{plain}}}" if color else plain

    def named(self, number: object) -> str:
        """Return the label of a line."""
        return rf"\label{{{self.label}:{number}}}"

    def result(self) -> str:
        """Return the label of the next result."""
        self.results += 1
        return self.named(f"result-{self.results}")

    def heading(self, title: Inline, level: int) -> str:
        """Return a title, that of the document at level 0."""
        at = self.section - 1 + level
        if self.section and at < len(_COMMANDS):
            return rf"\{_COMMANDS[at]}{{{self.inline(title)}}}"
        return rf"\par\medskip\noindent\textbf{{{self.inline(title)}}}\par\nopagebreak"

    def title(self, document: Document) -> str:
        """Return the title of a document."""
        return self.heading(Heading((document.title,)).title, 0)

    def shown(self, math: Math) -> str:
        """Return a formula for a display, on as many lines as a narrow column needs."""
        first, *more = map(self.tex, self.lines(math, _ROOM))
        if not more:
            return first
        rest = "".join(f" \\\\\n& \\quad {line}" for line in more)
        return f"\\begin{{aligned}}\n& {first}{rest}\n\\end{{aligned}}"

    def step(self, line: Line) -> str:
        """Return a step as rows of ``align``: its reason, then its formula."""
        left = self.tex(line.left) + "\n" if line.left is not None else ""
        reasons = [rf"& \quad \text{{{r}}} \notag" for r in self._reasons(line.reason)]
        room = _ROOM - (width(line.left) if line.left is not None else 0.0)
        first, *more = map(self.tex, self.lines(self.joined(line.right), room))
        formula = [f"& {first}", *(rf"& \quad {x}" for x in more)]
        label = self.named(line.number) if line.cited else ""
        rows = [*reasons, *(rf"{x} \notag" for x in formula[:-1]), formula[-1] + " " + label]
        return left + " \\\\\n".join(rows).rstrip()

    def _reasons(self, reason: Inline) -> Iterator[str]:
        """Yield a reason in parentheses, in rows that fit."""
        if not reason:
            return
        row: list[Any] = ["("]
        for part in _parts((*reason, ")")):
            if words_of((*row, *part), _LETTER) > _ROOM and len(row) > 1:
                yield self.inline(tuple(row)).strip()
                row = []
            row += part
        yield self.inline(tuple(row)).strip()

    def typed(self, line: str) -> str:
        """Return a line of a listing; it breaks where it is too long, not where it begins."""
        inner = line.lstrip(" ")
        indent = "~" * (len(line) - len(inner))
        return indent + self._typed(latex_typed(inner).replace("~", " "))

    @staticmethod
    def _typed(escaped: str) -> str:
        """Return escaped text for letters of one width, which have these signs."""
        for name, sign in (("quotedbl", '"'), ("less", "<"), ("greater", ">"), ("bar", "|")):
            escaped = escaped.replace(rf"\text{name}{{}}", sign)
        return escaped


def _parts(text: Inline) -> Iterator[list[Any]]:
    """Yield what of running text is not broken: words with what touches them."""
    part: list[Any] = []
    for piece in text:
        for x in re.findall(r"\s*\S+|\s+", piece) if isinstance(piece, str) else [piece]:
            if isinstance(x, str) and x[:1].isspace() and part:
                yield part
                part = []
            part.append(x)
    if part:
        yield part
