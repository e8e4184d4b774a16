"""What templates call: inline text, formulas and pieces of formulas, in each format.

Contract: every text that reaches a page passes through ``text``; formulas come from the printers
of notation. Layout (tables, boxes, headings) is the template's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from ..core.errors import MissingRuleError
from ..notation.latex import latex
from ..notation.math import Math, row
from ..notation.typst import typst
from ..notation.words import words
from .escape import (
    latex_text,
    latex_typed,
    markdown_code,
    markdown_text,
    portable_text,
    typed,
    typst_string,
    typst_text,
)
from .model import Code, Inline, Link, Ref, RunIn, Strong, Toned
from .theme import COLORS
from .widths import cut_sign, lines, pieces, width

_FITS = 7.0  # em: an inline formula that certainly fits in a column
_BESIDE = 26.0  # em: what a step has beside its reason, and a little more
_LINE = 28.0  # em: a display that certainly fits on a line
DIALECTS = ("github", "jupyter", "portable")  # of Markdown


class Printer:
    """Prints inline text; a format says how each kind of piece is set."""

    def inline(self, text: Inline) -> str:
        """Return running text."""
        return "".join(self._piece(p) for p in text)

    def _piece(self, piece: Any) -> str:
        if isinstance(piece, str):
            return self.text(piece)
        if isinstance(piece, Math):
            return self.math(piece)
        if isinstance(piece, Strong):
            return self.anchored(piece.anchor) + self.strong(piece.text)
        if isinstance(piece, Code):
            return self.code(piece.text)
        if isinstance(piece, Ref):
            return self.ref(piece)
        if isinstance(piece, Link):
            return self.link(piece)
        if isinstance(piece, RunIn):
            return self.run_in(piece)
        assert isinstance(piece, Toned)
        return self.toned(piece.role, piece.text)

    def text(self, text: str) -> str:
        """Return text, escaped."""
        raise NotImplementedError

    def math(self, math: Math) -> str:
        """Return a formula in running text."""
        raise NotImplementedError

    def strong(self, text: str) -> str:
        """Return text in bold."""
        raise NotImplementedError

    def anchored(self, name: str) -> str:
        """Return a place in the text that ``ref`` leads to; nothing for no name."""
        return ""

    def ref(self, ref: Ref) -> str:
        """Return a number that leads to its line."""
        return self.text(ref.text)

    def link(self, link: Link) -> str:
        """Return words that lead to a page elsewhere."""
        return self.text(link.text)

    def run_in(self, title: RunIn) -> str:
        """Return the number of a section that begins in the middle of a page's text."""
        return f"{self.strong(title.number)} {self.inline(title.title)}"

    def code(self, text: str) -> str:
        """Return text as it is typed."""
        raise NotImplementedError

    def toned(self, role: str, text: str) -> str:
        """Return text in the colour of a role."""
        return self.text(text)

    def plain(self, text: Inline) -> str:
        """Return running text without formatting: for bookmarks and metadata."""
        return "".join(
            p if isinstance(p, str) else words(p) if isinstance(p, Math) else p.text for p in text
        )

    @staticmethod
    def flows(math: Math) -> bool:
        """Return whether the format may break an inline formula by itself: no part is long."""
        return max(map(width, pieces(math))) < _FITS

    @staticmethod
    def wide(math: Math) -> bool:
        """Return whether a display may need more than a line."""
        return width(math) > _LINE

    @staticmethod
    def lines(math: Math, room: float = _LINE) -> tuple[Math, ...]:
        """Return a formula as lines that fit below each other, each at most ``room`` em wide."""
        return (math,) if width(math) <= room else lines(math, room)

    @staticmethod
    def whole(parts: Iterable[Math]) -> bool:
        """Return whether a piece of a step would have to be made small beside its reason."""
        return max(map(width, parts)) > _BESIDE

    @staticmethod
    def cut(math: Math) -> tuple[Math, ...]:
        """Return the pieces of a formula that may stand on different lines."""
        return pieces(math)

    @staticmethod
    def joined(parts: Iterable[Math]) -> Math:
        """Return pieces as one formula."""
        return row(*parts)


class MarkdownPrinter(Printer):
    """Markdown in one of the ``DIALECTS``; formulas without colour.

    ``github`` has fences of its own for mathematics; ``jupyter`` and ``portable`` have dollar
    signs, and ``portable`` is read by Pandoc too, which takes more signs for markup. ``graph`` is
    where the picture of the computation lies.
    """

    def __init__(self, dialect: str = "github", graph: str = "graph.svg") -> None:
        if dialect not in DIALECTS:
            raise MissingRuleError(
                f"there is no dialect of Markdown {dialect!r}",
                remedy=f"choose {' or '.join(DIALECTS)}",
            )
        self.dialect, self.graph = dialect, graph

    def text(self, text: str) -> str:
        return markdown_text(text) if self.dialect == "github" else portable_text(text)

    def math(self, math: Math) -> str:
        return self._inline(self.tex(math))

    def tex(self, math: Math) -> str:
        """Return a formula without its delimiters."""
        return latex(math, dialect="github")

    def display(self, math: Math) -> str:
        r"""Return a formula in display style, as a table cell takes it."""
        return self._inline(rf"\displaystyle {self.tex(math)}")

    def _inline(self, tex: str) -> str:
        return f"$`{tex}`$" if self.dialect == "github" else f"${tex}$"

    def fenced(self, tex: str) -> str:
        """Return lines of TeX as a display."""
        opened, closed = ("```math", "```") if self.dialect == "github" else ("$$", "$$")
        return f"{opened}\n{tex}\n{closed}"

    def strong(self, text: str) -> str:
        return f"**{self.text(text)}**"

    def code(self, text: str) -> str:
        return markdown_code(text)

    def anchored(self, name: str) -> str:
        tag = "span" if self.dialect == "portable" else "a"
        return f'<{tag} id="{name}"></{tag}>' if name else ""

    def ref(self, ref: Ref) -> str:
        return f"[{self.text(ref.text)}](#{ref.target})"

    def link(self, link: Link) -> str:
        return f"[{self.text(link.text)}](<{link.url}>)"

    def block(self, math: Math) -> str:
        """Return the lines inside a math fence; a wide formula is broken at its signs."""
        if not self.wide(math):
            return self.tex(math)
        found = lines(math, _LINE)
        if len(found) == 1:
            return self.tex(math)
        shown = [_piece(line, self.tex) for line in found]
        return "\\begin{aligned}\n& " + " \\\\\n& \\quad ".join(shown) + "\n\\end{aligned}"

    def fence(self, text: str) -> str:
        """Return a code fence longer than any run of backticks in a listing."""
        longest = max((len(run) for run in re.findall("`+", text)), default=0)
        return "`" * max(3, longest + 1)

    def typed(self, line: str) -> str:
        """Return a line of a listing, with nothing in it that ends the line."""
        return typed(line)


class LatexPrinter(Printer):
    """LaTeX; colours are the names that the preamble defines."""

    colors: ClassVar[dict[str, str]] = {role: f"c-{role}" for role in COLORS}

    def text(self, text: str) -> str:
        return latex_text(text)

    def tex(self, math: Math) -> str:
        """Return a formula without its delimiters."""
        return latex(math, colors=self.colors)

    def math(self, math: Math) -> str:
        if self.flows(math):
            return f"${self.tex(math)}$"
        return " ".join(rf"\fit{{${tex}$}}" for tex in self._pieces(pieces(math)))

    def breaks(self, text: Inline) -> bool:
        """Return whether a formula in the text is set in boxes, which do not stretch."""
        return any(isinstance(p, Math) and not self.flows(p) for p in text)

    def broken(self, parts: Iterable[Math]) -> str:
        """Return pieces in display style, each a box that is scaled if it is too wide."""
        return " ".join(rf"\fit{{$\displaystyle {tex}$}}" for tex in self._pieces(parts))

    def stack(self, found: Iterable[Math]) -> str:
        """Return lines below each other."""
        shown = r" \\ & \qquad ".join(self._pieces(found))
        return rf"$\begin{{aligned}} & {shown} \end{{aligned}}$"

    def _pieces(self, parts: Iterable[Math]) -> list[str]:
        return [_piece(p, self.tex) for p in parts]

    def strong(self, text: str) -> str:
        return rf"\textbf{{{self.text(text)}}}"

    def anchored(self, name: str) -> str:
        return rf"\phantomsection\label{{{name}}}" if name else ""

    def ref(self, ref: Ref) -> str:
        return rf"\hyperref[{ref.target}]{{{self.text(ref.text)}}}"

    def link(self, link: Link) -> str:
        return rf"\href{{{link.url}}}{{{self.text(link.text)}}}"

    def run_in(self, title: RunIn) -> str:
        mark = self.bookmark(f"{title.number} {self.plain(title.title)}", 2)
        return f"{mark}{self.strong(title.number)} {self.inline(title.title)}"

    @staticmethod
    def bookmark(title: str, level: int) -> str:
        """Return an entry of the outline, in the characters that every viewer has."""
        plain = re.sub(r"[^A-Za-z0-9 .,;:()=+/?'-]", "?", title)
        return rf"\pdfbookmark[{level}]{{{plain}}}{{section-{plain.split()[0]}}}"

    def code(self, text: str) -> str:
        return rf"\texttt{{{self.text(text)}}}"

    def toned(self, role: str, text: str) -> str:
        return rf"\textcolor{{{self.colors[role]}}}{{{self.text(text)}}}"

    def heading(self, text: Inline) -> str:
        """Return a title whose formulas are words in the bookmarks."""
        return "".join(
            rf"\texorpdfstring{{{self.math(p)}}}{{{latex_text(words(p))}}}"
            if isinstance(p, Math)
            else self._piece(p)
            for p in text
        )

    def typed(self, line: str) -> str:
        """Return a line as it was typed, its spaces kept."""
        return latex_typed(line)

    def listing(self, line: str) -> str:
        """Return a line of code in the characters that the listing's font has."""
        plain = typed(line).replace("\\end{", "\\end {")
        return "".join(c if c.isascii() else "?" for c in plain)


def _piece(math: Math, tex: Callable[[Math], str]) -> str:
    """Return a piece in TeX; the sign that ends it keeps the spaces of a binary sign."""
    ended = cut_sign(math)
    return tex(math) if ended is None else f"{tex(ended[0])} {tex(ended[1])} {{}}"


class TypstPrinter(Printer):
    """Typst; every formula has its reading in words beside it."""

    colors: ClassVar[dict[str, str]] = {role: f"c-{role}" for role in COLORS}

    def text(self, text: str) -> str:
        return typst_text(text)

    def string(self, text: str) -> str:
        """Return a string literal."""
        return typst_string(text)

    def body(self, math: Math) -> str:
        """Return a formula and its reading, as two arguments of a function."""
        return f"{typst_string(words(math))}, ${typst(math, colors=self.colors)}$.body"

    def _bodies(self, parts: Iterable[Math]) -> list[str]:
        """Return pieces; the sign that ends one keeps the space before it."""
        return [f"{typst_string(words(p))}, ${self._joining(p)}$.body" for p in parts]

    def _joining(self, math: Math) -> str:
        """Return a formula; the sign that ends it keeps the space before it."""
        ended = cut_sign(math)
        if ended is None:
            return typst(math, colors=self.colors)
        body, sign = (typst(m, colors=self.colors) for m in ended)
        return f"{body} med {sign}"

    def math(self, math: Math) -> str:
        if self.flows(math):
            return f"#m({self.body(math)});"
        return " ".join(f"#m({body});" for body in self._bodies(pieces(math)))

    def display(self, math: Math) -> str:
        """Return a formula in display style, inside code."""
        return f"d({self.body(math)})"

    def parts(self, parts: Iterable[Math]) -> str:
        """Return pieces in display style as an array, inside code."""
        return "(" + "".join(f"d({body}), " for body in self._bodies(parts)) + ")"

    def strong(self, text: str) -> str:
        return f"#strong[{self.text(text)}];"

    def anchored(self, name: str) -> str:
        return f"#metadata(none)<{name}>" if name else ""

    def ref(self, ref: Ref) -> str:
        return f'#to("{ref.target}")[{self.text(ref.text)}];'

    def link(self, link: Link) -> str:
        return f"#link({typst_string(link.url)})[{self.text(link.text)}];"

    def run_in(self, title: RunIn) -> str:
        return f"#run-in[{self.strong(title.number)} {self.inline(title.title)}];"

    def code(self, text: str) -> str:
        return f"#raw({typst_string(text)});"

    def toned(self, role: str, text: str) -> str:
        return f"#text(fill: {self.colors[role]})[{self.text(text)}];"
