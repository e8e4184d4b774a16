"""Where the templates are: inside the installed package, or beside it in a checkout."""

from __future__ import annotations

from base64 import b64encode
from importlib import resources
from pathlib import Path

from jinja2 import BaseLoader, FileSystemLoader, PackageLoader

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


def math_font() -> str:
    """Return the font of formulas on web pages, in base 64: a part of STIX Two Math (OFL)."""
    installed = resources.files("symderiv").joinpath("templates")
    folder = installed if installed.is_dir() else _CHECKOUT
    return b64encode(folder.joinpath(_FONT).read_bytes()).decode("ascii")
