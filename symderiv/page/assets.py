"""The page's parts: its frame, its style with the font inside, its scripts."""

from __future__ import annotations

from functools import cache

from ..documents.templates import filled
from ..documents.web import page_style


@cache
def app_page() -> str:
    """Return the page that a server answers."""
    return filled("app.html.j2", single=None)


@cache
def asset(name: str) -> str:
    """Return a script, or the style sheet with the font of formulas inside."""
    return page_style() + filled(name) if name.endswith(".css") else filled(name)
