"""Shows a page to the person at the machine: in the notebook that asks, else in the browser."""

from __future__ import annotations

import sys
import tempfile
import webbrowser
from html import escape
from pathlib import Path
from typing import Any

_HEIGHT = 640  # pixels of a page inside a notebook


def show_page(page: str) -> str:
    """Show a web page and return where: ``notebook``, or the address of a temporary file."""
    display = _notebook()
    if display is not None:
        frame = f'<iframe srcdoc="{escape(page)}" width="100%" height="{_HEIGHT}"></iframe>'
        display({"text/html": frame}, raw=True)
        return "notebook"
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", prefix="symderiv-", suffix=".html", delete=False
    ) as file:
        file.write(page)
    address = Path(file.name).as_uri()
    webbrowser.open(address)
    return address


def _notebook() -> Any:
    """Return what displays data where a kernel runs this; None elsewhere."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or getattr(shell, "kernel", None) is None:
        return None
    return sys.modules["IPython.display"].display
