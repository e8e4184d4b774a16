"""Markdown for each renderer: its formulas are read as formulas there, and nothing else is."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import Any

import pytest
from hostile import PLAIN, TEXTS, posed
from library_documents import document_of
from webpages import elements

import symderiv as sd
from symderiv.core.errors import MissingRuleError
from symderiv.documents.arrange import build
from symderiv.documents.model import Document
from symderiv.documents.printers import DIALECTS
from symderiv.documents.render import markdown
from symderiv.problems import library
from symderiv.results.derived import verify_folder

NODE = os.environ.get("SYMDERIV_NODE", "")  # node_modules with katex and mathjax-full
_CODE = re.compile(r"^(`{3,})(?!math)[^`\n]*\n.*?^\1$|(?<!\$)`[^`\n]+`(?!\$)", re.M | re.S)
_SHOWN = {"github": re.compile(r"^```math\n(.*?)\n```$", re.M | re.S)}
_INLINE = {"github": re.compile(r"\$`(.*?)`\$")}
_SHOWN |= dict.fromkeys(DIALECTS[1:], re.compile(r"^\$\$\n(.*?)\n\$\$$", re.M | re.S))
_INLINE |= dict.fromkeys(DIALECTS[1:], re.compile(r"(?<!\$)\$([^$\n]+)\$(?!\$)"))
needs_pandoc = pytest.mark.skipif(which("pandoc") is None, reason="pandoc is not installed")
needs_nbconvert = pytest.mark.skipif(not find_spec("nbconvert"), reason="nbconvert is missing")


def formulas(text: str, dialect: str) -> list[tuple[str, bool]]:
    """Return the formulas of a document, and whether they are displays."""
    plain = text if dialect == "github" else _CODE.sub("", text)
    found = [(tex, True) for tex in _SHOWN[dialect].findall(plain)]
    rest = _SHOWN[dialect].sub("", plain)
    return found + [(tex, False) for tex in _INLINE[dialect].findall(rest)]


def page(text: str) -> Document:
    d = sd.derive(posed(text))
    return build(d.data, verdicts=d.verdicts, meanings=d.problem.meanings)


@pytest.mark.parametrize("name", ["linear-layer", "batch-norm"])
def test_dialects_differ_in_delimiters_alone(name: str) -> None:
    texts = {d: markdown(document_of(name), d) for d in DIALECTS}
    found = {d: formulas(texts[d], d) for d in DIALECTS}
    assert found["github"]
    assert found["github"] == found["jupyter"] == found["portable"]
    assert "$`" not in texts["jupyter"] + texts["portable"]
    assert "```math" not in texts["jupyter"] + texts["portable"]


@pytest.mark.slow
@pytest.mark.skipif(not NODE or which("node") is None, reason="SYMDERIV_NODE names no modules")
def test_katex_and_mathjax_know_every_formula() -> None:
    asked = {f for n in library.names() for f in formulas(markdown(document_of(n)), "github")}
    done = subprocess.run(
        ["node", str(Path(__file__).with_name("formula_renderers.mjs")), NODE],
        input=json.dumps(sorted(asked)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == []


def pandoc(text: str, *options: str) -> str:
    done = subprocess.run(
        ["pandoc", "-f", "markdown", *options],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr
    return done.stdout


def nodes(x: Any) -> Iterator[dict[str, Any]]:
    if isinstance(x, dict):
        if "t" in x:
            yield x
        x = list(x.values())
    if isinstance(x, list):
        for part in x:
            yield from nodes(part)


@needs_pandoc
@pytest.mark.slow
@pytest.mark.sampled(3, rest="exhaustive")
@pytest.mark.parametrize("name", library.names())
def test_pandoc_reads_every_formula_as_one(name: str) -> None:
    text = markdown(document_of(name), "portable")
    read = [n["c"] for n in nodes(json.loads(pandoc(text, "-t", "json"))) if n["t"] == "Math"]
    found = [(c[1].strip(), c[0]["t"] == "DisplayMath") for c in read]
    assert sorted(found) == sorted((tex.strip(), d) for tex, d in formulas(text, "portable"))
    assert "<math" in pandoc(text, "-t", "html", "--mathml")  # without a warning


# What running text is made of, and what Pandoc guesses of the widths of columns.
_WORDS = "Str Space SoftBreak Span Quoted Code SingleQuote DoubleQuote ColWidth ColWidthDefault"


@needs_pandoc
@pytest.mark.sampled(12)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_pandoc_finds_no_markup_in_a_text(text: str) -> None:
    plain, found = (
        list(nodes(json.loads(pandoc(markdown(page(t), "portable"), "-t", "json"))))
        for t in (PLAIN, text)
    )
    kinds = [[n["t"] for n in x if n["t"] not in _WORDS.split()] for x in (plain, found)]
    assert kinds[0] == kinds[1]
    for n in found:
        assert n["t"] != "Span" or re.fullmatch(r"|(line|lemma)-\d+", n["c"][0][0])
        assert n["t"] != "Link" or n["c"][2][0].startswith("#")


@needs_nbconvert
@pytest.mark.sampled(12)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_notebook_finds_no_markup_in_a_text(text: str) -> None:
    from nbconvert.filters import markdown2html

    pages = [markdown2html(markdown(page(t), "jupyter")) for t in (PLAIN, text)]
    plain, found = (
        [tag for tag, _ in elements(p) if tag not in ("span", "code", "br")] for p in pages
    )
    assert plain == found
    # What MathJax finds afterwards: in one piece of text, outside of tags.
    shown = [re.sub(r"<(pre|code).*?</\1>", "", p, flags=re.S) for p in pages]
    shown = [re.sub(r'(id|href)="[^"]*"', "", s) for s in shown]
    pieces = [re.findall(r"\$\$?[^$<]+\$\$?|\\\(|\\\[|\\begin", s) for s in shown]
    assert len(pieces[0]) == len(pieces[1])


@needs_nbconvert
@pytest.mark.slow
@pytest.mark.sampled(3, rest="exhaustive")
@pytest.mark.parametrize("name", library.names())
def test_a_notebook_leaves_every_formula_to_mathjax(name: str) -> None:
    from html import unescape

    from nbconvert.filters import markdown2html

    text = markdown(document_of(name), "jupyter")
    source = unescape(markdown2html(text))
    for tex, display in formulas(text, "jupyter"):
        assert (f"$$\n{tex}\n$$" if display else f"${tex}$") in source


@pytest.mark.slow
def test_the_dialect_is_recorded_and_verified(tmp_path: Path) -> None:
    d = sd.derive("x.T @ A @ x", wrt="x")
    d.write(tmp_path, ["md"], markdown="jupyter")
    assert "$$\n" in (tmp_path / "derivation.md").read_text()
    assert verify_folder(tmp_path)[1] == []
    with pytest.raises(MissingRuleError, match="no dialect of Markdown 'mdx'"):
        d.files(["py"], markdown="mdx")
