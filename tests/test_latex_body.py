r"""LaTeX to paste: ``\input`` takes a body in any class that loads amsmath, and nothing more."""

import re
import subprocess
from pathlib import Path
from shutil import which

import pytest
from hostile import PLAIN, TEXTS, posed
from library_documents import document_of

import symderiv as sd
from symderiv.core.errors import InputError
from symderiv.documents.arrange import build
from symderiv.documents.latex_body import latex_body
from symderiv.documents.model import Document
from symderiv.problems import library
from symderiv.results.derived import verify_folder

FRAME = r"\begin{frame}[allowframebreaks]\input{body}\end{frame}"
CLASSES = {
    "article": (r"\documentclass{article}\usepackage{amsmath}", r"\input{body}", 1),
    "columns": (r"\documentclass[twocolumn]{article}\usepackage{amsmath}", r"\input{body}", 2),
    "report": (
        r"\documentclass[11pt]{report}\usepackage{mathtools,booktabs,hyperref}",
        r"\input{body}",
        1,
    ),
    "beamer": (r"\documentclass{beamer}", FRAME, 0),
}
TOO_LONG = ("decoder-block", "encoder-block")  # for one frame: TeX's lengths end at 5.7 m
FEW = ("linear-layer", "attention", "softmax-cross-entropy")


def page(text: str) -> Document:
    d = sd.derive(posed(text))
    return build(d.data, verdicts=d.verdicts, meanings=d.problem.meanings, code='"x" < 1 | {2}\\')


def compiled(folder: Path, kind: str, body: str) -> str:
    """Return what LaTeX says of a document of a class that takes a body, the second time."""
    if which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    head, inside, _ = CLASSES[kind]
    if kind == "beamer" and not _finds("beamer.cls", "pgfmath.sty"):
        pytest.skip("beamer is not installed")
    (folder / "body.tex").write_text(body, encoding="utf-8")
    source = f"{head}\\begin{{document}}{inside}\\end{{document}}"
    (folder / "whole.tex").write_text(source, encoding="utf-8")
    run = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "whole.tex"]
    for _ in range(2):
        done = subprocess.run(run, cwd=folder, capture_output=True, text=True, errors="replace")
        assert done.returncode == 0, [x for x in done.stdout.splitlines() if x.startswith("!")]
    return done.stdout


def _finds(*files: str) -> bool:
    return subprocess.run(["kpsewhich", *files], capture_output=True).returncode == 0


@pytest.mark.slow
@pytest.mark.sampled(5, rest="exhaustive")
@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("name", library.names())
def test_every_class_takes_a_body(kind: str, name: str, tmp_path: Path) -> None:
    if kind == "beamer" and name in TOO_LONG:
        pytest.skip("longer than what a frame can hold")
    said = compiled(tmp_path, kind, latex_body(document_of(name), CLASSES[kind][2]))
    assert not re.findall(r"undefined on|multiply defined", said)


def test_an_article_takes_a_body(tmp_path: Path) -> None:
    said = compiled(tmp_path, "article", latex_body(document_of("ridge-regression")))
    assert not re.findall(r"Overfull|undefined on|multiply defined", said)


@pytest.mark.slow
@pytest.mark.sampled(5, rest="exhaustive")
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_body_of_any_text_compiles(text: str, tmp_path: Path) -> None:
    compiled(tmp_path, "article", latex_body(page(text)))


@pytest.mark.sampled(6)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_body_runs_no_command_of_a_text(text: str) -> None:
    source = latex_body(page(text))
    assert _commands(source) <= _commands(latex_body(page(PLAIN))) | _SPELLED
    plain = re.sub(r"\\.", "", source)
    assert plain.count("{") == plain.count("}")
    assert not set(source) & {c for c in map(chr, range(0x20)) if c != "\n"}


_SPELLED = {
    *("textbackslash textasciicircum textasciitilde textbar textless textgreater").split(),
    *("textsuperscript ldots ss o l quad").split(),
}


def _commands(source: str) -> set[str]:
    return set(re.findall(r"(?<!\\)(?:\\\\)*\\([A-Za-z@]+)", source))


def test_a_body_needs_amsmath_alone() -> None:
    for name in FEW:
        source = latex_body(document_of(name))
        assert not re.findall(r"\\(?:color|textcolor|coloneqq|href|hyperref|resizebox)\b", source)
        assert "bmatrix*" not in source
        assert {*re.findall(r"\\(?:re)?(?:newcommand|def|let)\b", source)} == set()
        labels = re.findall(r"\\label\{(.*?)\}", source)
        assert len(labels) == len(set(labels))
        assert {*re.findall(r"\\ref\{(.*?)\}", source)} <= {*labels}


def test_a_level_and_colours_are_chosen() -> None:
    page = document_of("linear-layer")
    assert r"\subsection{Position-wise linear layer}" in latex_body(page, 2)
    assert r"\textbf{Position-wise linear layer}" in latex_body(page, 0)
    assert "section{" not in latex_body(page, 0)
    assert r"\color[HTML]{" in latex_body(page, color=True)
    with pytest.raises(InputError, match="no level of sections 6"):
        latex_body(page, 6)


@pytest.mark.slow
@pytest.mark.sampled(5, rest="exhaustive")
@pytest.mark.skipif(which("pandoc") is None, reason="pandoc is not installed")
@pytest.mark.parametrize("name", library.names())
def test_pandoc_reads_a_body(name: str) -> None:
    source = latex_body(document_of(name))
    done = subprocess.run(
        ["pandoc", "-f", "latex", "-t", "markdown"],
        input=source,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr
    assert done.stdout.startswith("# ")
    for table in re.findall(r"\\begin\{tabular\}", source):
        assert "Meaning" in done.stdout or "Shape" in done.stdout, table
    displays = len(re.findall(r"\\begin\{(?:equation|align|gather\*)\}", source))
    assert done.stdout.count("$$") == 2 * displays


@pytest.mark.slow
def test_a_body_is_beside_the_document_and_verified(tmp_path: Path) -> None:
    d = sd.derive("x.T @ A @ x", wrt="x")
    d.write(tmp_path, ["tex"], section=3, color=True)
    assert r"\subsubsection{" in (tmp_path / "derivation-body.tex").read_text()
    assert verify_folder(tmp_path)[1] == []
