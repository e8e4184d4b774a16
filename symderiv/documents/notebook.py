"""A derivation as a Jupyter notebook: Markdown cells, and code cells that run.

Contract: format 4.5, written here; the same document gives the same bytes: a cell's name is the
hash of its place and its content, and no output is kept.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from ..core.plaintext import json_text
from .graphs import GRAPH_FILE, graph_files
from .model import Block, CodeBlock, Document, Heading
from .printers import MarkdownPrinter
from .templates import rendered

_CODE = ("Code",)
_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebook(document: Document, code: Sequence[str]) -> str:
    """Return a document as a notebook; the code cells stand where its section of code is."""
    cells: list[dict[str, Any]] = []
    for part in _sections(document):
        cells.append(_markdown_cell(part, document))
        if _is_code(part.blocks[:1]):
            cells += map(_code_cell, code)
            code = ()
    cells += map(_code_cell, code)
    named = [{"id": _name(k, cell), **cell} for k, cell in enumerate(cells)]
    whole = {"cells": named, "metadata": _METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json_text(whole) + "\n"


def _sections(document: Document) -> Iterator[Document]:
    """Yield a document cut before its headings; the listings of its code are left out."""
    blocks: list[Block] = []
    part = document
    for b in document.blocks:
        if isinstance(b, Heading) and b.level == 1:
            yield replace(part, blocks=tuple(blocks))
            blocks, part = [], Document("", (), ())
        if not (isinstance(b, CodeBlock) and _is_code(blocks[:1])):
            blocks.append(b)
    yield replace(part, blocks=tuple(blocks))


def _is_code(first: Sequence[Block]) -> bool:
    return bool(first) and isinstance(first[0], Heading) and first[0].title == _CODE


def _markdown_cell(part: Document, whole: Document) -> dict[str, Any]:
    printer = MarkdownPrinter("jupyter", graph=f"attachment:{GRAPH_FILE}")
    text = rendered(part, "md", printer, whole=whole).strip("\n")
    cell = {"cell_type": "markdown", "metadata": {}, "source": text.splitlines(keepends=True)}
    pictures = graph_files(part)
    if pictures:
        shown = {n: {"image/svg+xml": b64encode(x).decode()} for n, x in pictures.items()}
        cell["attachments"] = shown
    return cell


def _code_cell(source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": source.strip("\n").splitlines(keepends=True),
    }


def _name(place: int, cell: dict[str, Any]) -> str:
    return sha256(f"{place}\n{''.join(cell['source'])}".encode()).hexdigest()[:16]
