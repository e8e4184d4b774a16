"""Where the templates are: inside the installed package, or beside it in a checkout."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from jinja2 import BaseLoader, FileSystemLoader, PackageLoader

_CHECKOUT = Path(__file__).resolve().parents[2] / "templates"


def loader() -> BaseLoader:
    """Return what finds the templates; those of a checkout where the package has none.

    >>> "derivation.md.j2" in loader().list_templates()
    True
    """
    installed = resources.files("symderiv").joinpath("templates")
    if installed.is_dir():
        return PackageLoader("symderiv", "templates")
    return FileSystemLoader(_CHECKOUT)
