"""Pages of documents: as few as good notes need, and cut where a reader does not mind."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from itertools import groupby

import pytest

import symderiv as sd

# Pages of a document with everything in it, at most.
LENGTHS = {
    "linear-layer": 5,
    "softmax-cross-entropy": 4,
    "attention": 5,
    "ffn-relu": 5,
    "layer-norm": 5,
    "batch-norm": 5,
    "rms-norm": 4,
    "multi-head-attention": 5,
    "encoder-block": 10,
    "lstm-cell": 8,
    "gru-cell": 8,
    "logistic-regression": 5,
    "multinomial-regression": 5,
    "gaussian-process": 6,
    "matrix-factorisation": 4,
    "neo-hooke": 3,
    "convolution-2d": 3,
}
QUICK = ("linear-layer", "softmax-cross-entropy")
NAMES = [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in LENGTHS]
_WORD = re.compile(r'xMin="([\d.]+)" yMin="([\d.]+)" xMax="[\d.]+" yMax="([\d.]+)">(.*?)</word>')
_FOOT = 842 - 50  # points from the top: below it stands the number of the page
_TITLE = re.compile(
    r"[1-9]\d?\.\d{1,2} (?![\d−])"
    r"|\d+ (Problem|Derivation|The|Every|Are|Is|Does|Cost|Numeric|Code|To)\b"
)


@cache
def pages(name: str) -> list[list[str]]:
    """Return the lines of each page of a document, read from its PDF."""
    made = sd.derive(name).files(["pdf"])["derivation.pdf"]
    command = ["pdftotext", "-bbox", "-", "-"]
    found = subprocess.run(command, input=made, capture_output=True, check=True).stdout.decode()
    return [_lines(page) for page in found.split("</page>")[:-1]]


def _lines(page: str) -> list[str]:
    """Return the words of a page by their height on it."""
    words = [(float(y), float(z), float(x), w) for x, y, z, w in _WORD.findall(page)]
    words = sorted(w for w in words if w[0] < _FOOT)
    lines = groupby(words, key=lambda w: round((w[0] + w[1]) / 2 / 9))
    return [" ".join(w[3] for w in sorted(line, key=lambda w: w[2])) for _, line in lines]


pytestmark = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="no pdftotext")


@pytest.mark.parametrize("name", NAMES)
def test_a_document_is_as_short_as_good_notes(name: str) -> None:
    assert len(pages(name)) <= LENGTHS[name]


@pytest.mark.parametrize("name", NAMES)
def test_no_page_ends_in_a_heading(name: str) -> None:
    for page in pages(name):
        assert not _TITLE.match(page[-1]), page[-1]


@pytest.mark.parametrize("name", NAMES)
def test_no_page_begins_with_a_conclusion_or_has_three_lines(name: str) -> None:
    for page in pages(name)[1:]:
        assert not re.search(r"\(\d+\)$", page[0]), page[0]
        assert len(page) > 4, page


def test_numbers_of_lines_and_of_papers_lead_there() -> None:
    d = sd.derive("linear-layer")
    made = {k: v.decode() for k, v in d.files(["md", "tex", "html"]).items() if "derivation" in k}
    for link, place, source in (
        ("[4](#line-4)", '<a id="line-4"></a>', made["derivation.md"]),
        (r"\hyperref[line-4]{4}", r"\label{line-4}", made["derivation.tex"]),
        ('<a href="#eq-4">4</a>', 'id="eq-4"', made["derivation.html"]),
    ):
        assert link in source
        assert place in source


def test_symbols_of_which_a_table_says_the_same_share_a_row() -> None:
    made = sd.derive("x.T @ A @ x + x.T @ B @ x", wrt="x").files(["md"])
    page = made["derivation.md"].decode()
    assert page.count("| variable |") == page.count("| constants |") == 1
