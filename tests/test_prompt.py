"""What the package returns reads at a prompt and in a notebook as it does on the terminal."""

import re
import subprocess
import sys
from pathlib import Path
from shutil import which
from types import SimpleNamespace

import pytest
from hostile import PLAIN, TEXTS, posed
from webpages import elements

import symderiv as sd
from symderiv.core.errors import SymderivError
from symderiv.results import showing

NETWORK = "H = X @ W1; A = relu(H); Z = A @ W2; L(Z)"
SHAPES = {"X": "n, d", "W1": "d, m", "W2": "m, k"}


def network() -> sd.Derivation:
    return sd.derive(NETWORK, wrt="W1", **SHAPES)


def returned() -> dict[str, object]:
    d = sd.derive("norm(X @ w - y)**2", wrt="w", X="n, d", w="d", y="n")
    claims = sd.check(sd.load("linear-layer"))
    return {
        "derivation": d,
        "result": d["w"],
        "hessian": d.hessian("w"),
        "jacobian": sd.jacobian("A @ sin(x)", wrt="x", A="m, n", x="n"),
        "problem": d.problem,
        "certificate": d.verify(),
        "verdict": sd.check(d.problem, wrt="w", claim="X.T @ (X @ w - y)"),
        "answers": claims,
        "answer": claims[0],
    }


@pytest.mark.parametrize(("name", "x"), returned().items(), ids=returned())
def test_nothing_is_a_dump_of_fields(name: str, x: object) -> None:
    for shown in (repr(x), str(x)):
        assert shown.strip()
        assert not re.search(r"\w+\(\w+=|object at 0x|\x1b", shown)
        assert shown == shown.strip("\n")


@pytest.mark.parametrize(("name", "x"), returned().items(), ids=returned())
def test_a_notebook_shows_elements_that_are_closed(name: str, x: object) -> None:
    found = elements(x._repr_html_())  # type: ignore[attr-defined]
    tags = {tag for tag, _ in found}
    assert not tags & {"script", "link", "img", "iframe"}
    formulas = {"derivation", "result", "hessian", "jacobian"}
    assert ("math" in tags) == (name in formulas)


def test_a_printed_derivation_is_what_the_terminal_prints(capsys) -> None:
    d = network()
    said = str(d).splitlines()
    assert said[0] == d.problem.title
    assert any("sift" in line for line in said)
    assert repr(d) == "dL/dW1 = X.T @ (where(H > 0, 1, 0) * (G @ W2.T))"


def test_cotangents_of_definitions_are_results() -> None:
    d = network()
    assert d["A"].text == "G @ W2.T"
    assert d["H"].text == "where(H > 0, 1, 0) * (G @ W2.T)"
    assert d["A"].steps
    assert d["Z"].text == "G"
    assert d["Z"].steps == ()
    assert list(d) == ["W1"]
    with pytest.raises(SymderivError, match="no gradient with respect to 'A2'"):
        d["A2"]
    check = sd.check(NETWORK, wrt="A", claim=d["A"].text, **SHAPES)
    assert check, check


def test_the_names_that_a_formula_uses_stand_below_it() -> None:
    lines = network().latex().splitlines()
    assert lines[0] == r"\begin{aligned}"
    assert lines[1].startswith(r"\frac{\partial L}{\partial W_{1}} &= X^{\top}")
    assert lines[2] == "H &= X W_{1}"


@pytest.mark.skipif(not which("pdflatex"), reason="LaTeX is not installed")
def test_what_is_copied_compiles_with_amsmath_alone(tmp_path: Path) -> None:
    forms = [d.latex() for d in (network(), sd.derive(sd.load("softmax-cross-entropy")))]
    forms += [network()["W1"].latex]
    body = "\n".join(f"\\[\n{x}\n\\]" for x in forms)
    source = f"\\documentclass{{article}}\\usepackage{{amsmath}}\\begin{{document}}{body}"
    (tmp_path / "a.tex").write_text(source + "\\end{document}", encoding="utf-8")
    run = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-1500:]


def test_an_error_in_a_notebook_is_its_message_with_the_caret() -> None:
    with pytest.raises(SymderivError) as raised:
        sd.derive("X @ Y", X="n, d", Y="n, d")
    shown = raised.value._render_traceback_()
    assert shown[0].startswith("ShapeError: ")
    assert any(set(line.strip()) == {"^"} for line in shown)
    assert not any("Traceback" in line for line in shown)


@pytest.mark.sampled(12)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_in_an_output_is_no_element_and_no_command(text: str) -> None:
    problem = posed(text, "title")
    plain = {tag for tag, _ in elements(posed(PLAIN, "title")._repr_html_())}
    assert {tag for tag, _ in elements(problem._repr_html_())} == plain
    assert "\x1b" not in repr(problem)


def test_a_page_is_shown_in_the_browser_or_in_the_notebook(monkeypatch, tmp_path) -> None:
    opened: list[str] = []
    monkeypatch.setattr(showing.webbrowser, "open", opened.append)
    monkeypatch.setattr(showing.tempfile, "tempdir", str(tmp_path))
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    address = network().show()
    assert opened == [address]
    assert next(tmp_path.iterdir()).read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    data: list[dict[str, str]] = []
    shell = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=1))
    monkeypatch.setitem(sys.modules, "IPython", shell)
    display = SimpleNamespace(display=lambda x, raw: data.append(x))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    assert network().show() == "notebook"
    assert data[0]["text/html"].startswith("<iframe srcdoc=")


def test_types_are_part_of_the_package() -> None:
    assert (Path(sd.__file__).parent / "py.typed").is_file()
