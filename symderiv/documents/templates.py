"""The templates, inside the installed package or beside it in a checkout, and their filling."""

from __future__ import annotations

from base64 import b64encode
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined

from .model import Document
from .printers import Printer
from .theme import COLORS, PAGE

_CHECKOUT = Path(__file__).resolve().parents[2] / "templates"
_FONT = "fonts/stix-two-math.woff2"


def loader() -> BaseLoader:
    """Return what finds the templates; those of a checkout where the package has none.

    >>> "derivation.md.j2" in loader().list_templates()
    True
    """
    installed = resources.files("symderiv").joinpath("templates")
    if installed.is_dir():
        return PackageLoader("symderiv", "templates")
    return FileSystemLoader(_CHECKOUT)


def template_files() -> list[tuple[str, bytes]]:
    """Return what web pages are made with: templates, styles, scripts and the font, by name."""
    installed = resources.files("symderiv").joinpath("templates")
    folder = installed if installed.is_dir() else _CHECKOUT
    names = sorted(x.name for x in folder.iterdir() if not x.is_dir())
    kept = [
        n
        for n in names
        if n.endswith((".html.j2", "shared.j2", ".css", ".css.j2", "page.js", "copying.js"))
    ]
    return [(n, folder.joinpath(n).read_bytes()) for n in (*kept, _FONT)]


def math_font() -> str:
    """Return the font of formulas on web pages, in base 64: a part of STIX Two Math (OFL)."""
    installed = resources.files("symderiv").joinpath("templates")
    folder = installed if installed.is_dir() else _CHECKOUT
    return b64encode(folder.joinpath(_FONT).read_bytes()).decode("ascii")


@cache
def _environment() -> Environment:
    return Environment(
        loader=loader(),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
    )


def filled(name: str, **given: Any) -> str:
    """Return a template that is no document, filled; a plain file as it is."""
    return _environment().get_template(name).render(colors=COLORS, page=PAGE, **given)


def rendered(
    document: Document, suffix: str, printer: Printer, name: str = "derivation", **more: Any
) -> str:
    """Return a document in one of the formats, by its template and its printer."""
    template = _environment().get_template(f"{name}.{suffix}.j2")
    return template.render(doc=document, p=printer, colors=COLORS, page=PAGE, **more)
