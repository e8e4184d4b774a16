"""A document as a web page: it stands alone, says what the PDF says, and formulas are MathML."""

import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from functools import cache
from pathlib import Path

import pytest
from browser import AXE, CHROMIUM, Browser
from webpages import elements, read

import symderiv as sd
from symderiv.codegen.module import module_of
from symderiv.documents.arrange import build
from symderiv.documents.model import Block, Boxed, Display, Document, Kept, StepTable
from symderiv.documents.theme import COLORS, MUTED, NIGHT, NIGHT_COLORS, contrast
from symderiv.documents.web import html
from symderiv.evidence.example import worked_example
from symderiv.notation.latex import latex
from symderiv.notation.math import Fence, Frac, Math, Num, Op, Row, Sym, Word, row, sub, sup
from symderiv.notation.mathml import mathml
from symderiv.problems import library

# MathML Core, section 2: what browsers know without a library.
CORE = set(
    "math mrow mi mn mo mtext mspace mfrac msqrt msub msup msubsup munder mover munderover"
    " mtable mtr mtd".split()
)
CHILDREN = {"mfrac": 2, "msub": 2, "msup": 2, "msubsup": 3, "munder": 2, "mover": 2}
CHILDREN |= {"munderover": 3}
LIBRARY = library.names()


@cache
def page_of(name: str) -> Document:
    d = sd.derive(sd.load(name))
    return build(d.data, code=module_of(d.data).excerpt, example=worked_example(d.data))


@cache
def source_of(name: str) -> str:
    return html(page_of(name))


def blocks(found: tuple[Block, ...]) -> list[Block]:
    return [y for x in found for y in (blocks(x.blocks) if isinstance(x, Kept) else [x])]


@pytest.mark.sampled(12)
@pytest.mark.parametrize("name", LIBRARY)
def test_every_page_is_closed_whole_and_stands_alone(name: str) -> None:
    source = source_of(name)
    page = read(source)
    tags = {tag for tag, _ in page.found}
    assert not tags & {"link", "img", "iframe", "object", "base", "form"}
    assert {t for t in tags if t.startswith("m") and t not in ("main", "meta")} <= CORE
    loaded = re.sub(r'<a href="https://(arxiv.org/abs|doi.org)/[^"]*">', "", source)  # of a source
    addresses = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([a-z]+:)""", loaded)
    assert set(addresses) <= {"data:"}
    assert not [a for _, given in page.found for a in given if a.startswith("on")]
    places = {a["href"] for tag, a in page.found if tag == "a" and a["href"].startswith("#")}
    ids = [given["id"] for _, given in page.found if "id" in given]
    assert len(ids) == len(set(ids))
    assert places <= {f"#{i}" for i in ids}
    assert len(source.encode()) < 1_000_000


def test_the_page_of_the_linear_layer_is_small() -> None:
    assert len(source_of("linear-layer").encode()) < 300_000


@pytest.mark.sampled(12)
@pytest.mark.parametrize("name", LIBRARY)
def test_every_formula_of_a_document_is_on_its_page(name: str) -> None:
    page, source = page_of(name), source_of(name)
    copied = [json.loads(a["data-copied"] or "") for _, a in elements(source) if "data-copied" in a]
    given = [text for pairs in copied for kind, text in pairs if kind == "LaTeX"]
    steps = 0
    for block in blocks(page.blocks):
        if isinstance(block, Boxed):
            assert latex(block.formula, dialect="amsmath") in given
        if isinstance(block, Display):
            assert {latex(x, dialect="amsmath") for x in block.items} <= {*given}
        if isinstance(block, StepTable):
            steps += len(block.lines)
    found = [a for tag, a in elements(source) if tag == "li" and "value" in a]
    assert len(found) == steps
    for item in found:
        assert item["id"] == f"eq-{item['value']}"


def test_every_script_and_fraction_has_its_parts() -> None:
    x, one = Sym("x_hat"), Num("1")
    for formula in (
        Frac(row(x, Op("+"), one), row(Sym("dZ"), Sym("W_1"))),
        sub(sup(Fence("(", row(Sym("A"), Sym("B")), ")"), Word("⊤", function=False)), Num("12")),
        row(Word("tr"), Fence("(", Num("1e-05"), ")")),
        sup(Num("2e-3"), row(Op("−"), one)),
    ):
        counted: list[tuple[str, int]] = []
        _count(mathml(formula), counted)
        for tag, children in counted:
            assert children == CHILDREN.get(tag, children)


def _count(source: str, counted: list[tuple[str, int]]) -> None:
    for e in ElementTree.fromstring(source).iter():
        counted.append((e.tag, len(e)))


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        (row(Op("−"), Sym("x")), '<mo form="prefix">−</mo><mi data-s="x">x</mi>'),
        (
            row(Sym("a"), Op("<"), Sym("b")),
            '<mi data-s="a">a</mi><mo>&lt;</mo><mi data-s="b">b</mi>',
        ),
        (Sym("ones"), '<mi mathvariant="normal" data-s="ones">𝟏</mi>'),
        (Sym("batch"), '<mi data-s="batch">𝑏𝑎𝑡𝑐ℎ</mi>'),
        (Row((Word("exp"), Fence("(", Sym("x"), ")"))), "<mi>exp</mi><mo>&#x2061;</mo><mrow>"),
    ],
)
def test_signs_and_words_have_their_elements(formula: Math, expected: str) -> None:
    assert mathml(formula).startswith(f"<math>{expected}")


def test_a_piece_that_another_follows_keeps_its_sign_between() -> None:
    piece = row(Sym("x"), Op("−"))
    assert mathml(piece, follows=True).endswith('<mo form="infix">−</mo></math>')
    assert "infix" not in mathml(row(Op("="), Sym("x")), follows=True)


def test_colours_are_told_from_dark_pages() -> None:
    assert NIGHT_COLORS.keys() == COLORS.keys()
    for ground in ("paper", "panel"):
        for color in (*NIGHT_COLORS.values(), NIGHT["ink"], NIGHT["muted"], NIGHT["accent"]):
            assert contrast(color, NIGHT[ground]) >= 4.5
    assert contrast(MUTED) >= 4.5


def test_pages_are_written_beside_the_other_documents(tmp_path) -> None:
    d = sd.derive("norm(X @ w - y)**2", wrt="w", X="n, d", w="d", y="n")
    assert "derivation.html" in {p.name for p in d.write(tmp_path, ["html", "md"])}
    assert d.files(["html"])["derivation.html"] == (tmp_path / "derivation.html").read_bytes()
    j = sd.jacobian("A @ sin(x)", wrt="x", A="m, n", x="n")
    assert [p.name for p in j.write(tmp_path / "j", ["html"])][0] == "derivation.html"
    assert "html" in sd.check(sd.load("linear-layer")).files(["html"]).popitem()[0]


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
def test_a_browser_sets_the_formulas(tmp_path) -> None:
    file = tmp_path / "page.html"
    file.write_text(source_of("linear-layer"), encoding="utf-8")
    run = subprocess.run(
        [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", file.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert run.stdout.count('class="copy"') == source_of("linear-layer").count("data-copied=")


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, True)])
def test_a_page_fits_and_is_accessible(tmp_path, width: int, dark: bool) -> None:
    file = tmp_path / "page.html"
    with Browser(tmp_path / "profile") as b:
        for name in ("linear-layer", "softmax-cross-entropy"):
            file.write_text(source_of(name), encoding="utf-8")
            b.resize(width, dark=dark)
            b.open(file.as_uri())
            assert b.run("document.documentElement.scrollWidth") <= width
            assert b.said == []
            if AXE:
                b.run(Path(AXE).read_text(encoding="utf-8") + "; 0")
                said = "axe.run().then((r) => r.violations.map((v) => [v.id, v.nodes[0].html]))"
                assert b.run(said) == []


@pytest.mark.slow
@pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
def test_pointing_at_a_symbol_says_what_it_is(tmp_path) -> None:
    file = tmp_path / "page.html"
    file.write_text(source_of("linear-layer"), encoding="utf-8")
    symbol = "document.querySelector('.steps [data-s=W]')"
    click = f"{symbol}.dispatchEvent(new MouseEvent('click', {{bubbles: true}}))"
    with Browser(tmp_path / "profile") as b:
        b.open(file.as_uri())
        b.run(click)
        b.until("!document.getElementById('about').hidden")
        assert "weights" in b.run("document.getElementById('about').textContent")
        assert b.run("document.querySelectorAll('.same').length") > 3
