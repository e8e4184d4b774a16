"""What the web page's template calls: text, formulas as MathML, what is copied.

Contract: every text is escaped; nothing here needs a script.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape

from ..notation.latex import latex
from ..notation.math import Math, Row, Sym
from ..notation.mathml import mathml
from .escape import single_line, typed
from .model import Link, Ref, RunIn
from .printers import Printer
from .widths import cut_sign


class HtmlPrinter(Printer):
    """HTML; formulas are MathML Core, colours are classes of the page's style."""

    def text(self, text: str) -> str:
        return escape(single_line(text), quote=False)

    def attribute(self, text: str) -> str:
        """Return text for an attribute in double quotes."""
        return escape(single_line(text))

    def math(self, math: Math) -> str:
        return mathml(math)

    def display(self, math: Math) -> str:
        """Return a formula in display style, as a cell of a table takes it."""
        return mathml(math, style="display")

    def block(self, math: Math) -> str:
        """Return a display: its pieces, each a formula, so that the page breaks between them."""
        return self.parts(self.cut(math))

    def parts(self, parts: Iterable[Math]) -> str:
        """Return pieces in display style, with a place to break between them."""
        return " ".join(mathml(p, style="display", follows=cut_sign(p) is not None) for p in parts)

    @staticmethod
    def copied(math: Math, more: Iterable[tuple[str, str]] = ()) -> str:
        """Return what a reader may copy of a formula, as data in an attribute."""
        copied = [["LaTeX", latex(math, dialect="amsmath")], *more]
        return escape(json.dumps(copied, ensure_ascii=False))

    @staticmethod
    def symbol(math: Math) -> str:
        """Return the name by which the formulas of a page mark a symbol."""
        return next((escape(s.name) for s in _symbols(math)), "")

    def anchored(self, name: str) -> str:
        return f'<span id="{name}"></span>' if name else ""

    def ref(self, ref: Ref) -> str:
        target = ref.target.replace("line-", "eq-")
        return f'<a href="#{target}">{self.text(ref.text)}</a>'

    def link(self, link: Link) -> str:
        return f'<a href="{self.attribute(link.url)}">{self.text(link.text)}</a>'

    def run_in(self, title: RunIn) -> str:
        place = title.number.replace(".", "-")
        number = self.text(title.number)
        return f'<strong id="section-{place}">{number}</strong> {self.inline(title.title)}'

    def strong(self, text: str) -> str:
        return f"<strong>{self.text(text)}</strong>"

    def code(self, text: str) -> str:
        return f"<code>{self.text(text)}</code>"

    def toned(self, role: str, text: str) -> str:
        return f'<span class="c-{role}">{self.text(text)}</span>'

    def typed(self, line: str) -> str:
        """Return a line of a listing."""
        return escape(typed(line), quote=False)


def _symbols(math: Math) -> Iterable[Sym]:
    if isinstance(math, Sym):
        yield math
    for name in ("body", "base", "over"):
        inner = getattr(math, name, None)
        if isinstance(inner, Math):
            yield from _symbols(inner)
    if isinstance(math, Row):
        for item in math.items:
            yield from _symbols(item)
