"""Documents and parts of them as HTML: pages that stand alone, outputs of notebooks, answers."""

from __future__ import annotations

from .html_printer import HtmlPrinter
from .model import Block, Document
from .templates import filled, math_font, rendered
from .theme import NIGHT, NIGHT_COLORS


def html(document: Document) -> str:
    """Return a document as a web page that stands alone: no network, no script needed to read it.

    Formulas are MathML Core; their font is embedded.
    """
    return rendered(
        document, "html", HtmlPrinter(), night=_night(), font=math_font(), opened_steps=True
    )


def fragment(blocks: tuple[Block, ...]) -> str:
    """Return blocks as a part of a web page, such as an output of a notebook, with its style."""
    page = Document("", (), blocks)
    return rendered(page, "html", HtmlPrinter(), "fragment", night=_night(), opened_steps=False)


def part(blocks: tuple[Block, ...]) -> str:
    """Return blocks as a part of a page that has their style."""
    page = Document("", (), blocks)
    return rendered(page, "html", HtmlPrinter(), "part", opened_steps=True)


def page_style() -> str:
    """Return the style of blocks on a page, the font of formulas inside."""
    return filled("sheet.css.j2", night=_night(), font=math_font())


def _night() -> dict[str, str]:
    """Return the colours of dark pages, by the names of their variables."""
    return {**NIGHT, **{f"c-{role}": color for role, color in NIGHT_COLORS.items()}}
