"""Documents as Markdown, LaTeX, Typst and PDF.

Contract: the same document gives the same bytes; text is escaped by the format's printer.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from typing import Any

import typst as compiler

from ..core.errors import InputError, MissingRuleError
from .model import Document
from .printers import LatexPrinter, MarkdownPrinter, TypstPrinter
from .templates import rendered

_STAMP = 0  # seconds since 1970 in the metadata of a PDF: the same document, the same bytes
# Nothing in a document runs a program, or reads or writes elsewhere.
_TEX_ENVIRONMENT = {
    **{"SOURCE_DATE_EPOCH": "0", "FORCE_SOURCE_DATE": "1"},
    **{"openin_any": "p", "openout_any": "p", "shell_escape": "f"},
}
_TEX_OPTIONS = (
    *("-norc", "-pdf", "-interaction=nonstopmode", "-halt-on-error"),
    "-latexoption=-no-shell-escape",
)
# latexmk takes a file of the same size and second for unchanged: two quick runs in one second
# leave references behind, which LaTeX itself says in its log
_TEX_AGAIN = 3


def markdown(document: Document, dialect: str = "github") -> str:
    """Return a document in Markdown: that of GitHub, of notebooks, or what most renderers read.

    Raises MissingRuleError for a dialect that there is not.
    """
    return rendered(document, "md", MarkdownPrinter(dialect))


def latex(document: Document) -> str:
    """Return a document as LaTeX source."""
    return rendered(document, "tex", LatexPrinter())


def typst(document: Document) -> str:
    """Return a document as Typst source."""
    return rendered(document, "typ", TypstPrinter())


def pdf(document: Document, engine: str = "typst") -> bytes:
    """Return a document as PDF, by ``typst`` (accessible: PDF/UA-1) or by ``latexmk``.

    Raises InputError where the engine is not installed or refuses the document.
    """
    if engine == "typst":
        return _by_typst(typst(document))
    if engine == "latexmk":
        return _by_latexmk(latex(document))
    raise MissingRuleError(f"there is no PDF engine {engine!r}", remedy="choose typst or latexmk")


def pictures(document: Document, ppi: float = 110) -> list[bytes]:
    """Return the pages of a document as PNG pictures."""
    return _compiled(typst(document), format="png", ppi=ppi)


def _by_typst(source: str) -> bytes:
    return _compiled(source, format="pdf", pdf_standards=["ua-1"], timestamp=_STAMP)[0]


def _compiled(source: str, **options: Any) -> list[bytes]:
    try:
        made = compiler.compile(source.encode(), ignore_system_fonts=True, **options)
    except compiler.TypstError as e:
        raise InputError(f"Typst refused the document: {e}") from e
    return made if isinstance(made, list) else [made]


def _by_latexmk(source: str) -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "document.tex"
        path.write_text(source, encoding="utf-8")
        typeset(path)
        return path.with_suffix(".pdf").read_bytes()


def typeset(path: Path) -> str:
    """Make the PDF beside a LaTeX file by ``latexmk`` and return the log of its last run.

    Raises InputError where latexmk is not installed or LaTeX refuses the file.
    """
    program = which("latexmk")
    if program is None:
        raise InputError("latexmk is not installed", remedy="use the engine typst")
    for again in ((), *(("-g",),) * _TEX_AGAIN):
        run = subprocess.run(
            [program, *_TEX_OPTIONS, *again, path.name],
            cwd=path.parent,
            env={**os.environ, **_TEX_ENVIRONMENT},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if run.returncode or not path.with_suffix(".pdf").exists():
            lines = [line for line in run.stdout.splitlines() if line.startswith("!")]
            raise InputError(f"LaTeX refused the document: {' '.join(lines) or run.stdout[-400:]}")
        log = path.with_suffix(".log").read_text(encoding="utf-8", errors="replace")
        if "Rerun to get" not in log:
            break
    return log
