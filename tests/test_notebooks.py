"""A derivation as a notebook: valid, the same bytes, its code runs and finds what it should."""

import ast
import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hostile import PLAIN, TEXTS, posed

import symderiv as sd
from symderiv.codegen.module import module_of
from symderiv.codegen.notebook_cells import cells_of
from symderiv.codegen.testfile import source_of_check
from symderiv.documents.arrange import build
from symderiv.documents.notebook import notebook
from symderiv.problems import library
from symderiv.results.derived import verify_folder

needs_ipython = pytest.mark.skipif(not find_spec("IPython"), reason="IPython is not installed")
needs_nbclient = pytest.mark.skipif(
    not (find_spec("nbclient") and find_spec("ipykernel")), reason="nbclient is not installed"
)
SHAPES: Any = {"X": "n, d", "w": "d", "y": "n"}
WAYS: dict[str, Callable[[], Any]] = {
    "layer": lambda: sd.derive("linear-layer"),
    "graph": lambda: sd.derive("attention"),
    "hessian": lambda: sd.derive("norm(X @ w - y)**2", wrt="w", order=2, **SHAPES),
    "jacobian": lambda: sd.jacobian("A @ sin(x)", wrt="x", A="m, n", x="n"),
    "function": lambda: sd.derive("sum(f(X @ w))", wrt="w", **SHAPES),
    "several-losses": lambda: sd.derive("L(x * L(x) + L(2 * x))", x="n"),
    "structured": lambda: sd.derive("logdet(S)", structured="independent", S="p, p symmetric"),
    "size": lambda: sd.derive("sum(x) * trace(eye(n))", wrt="x", x="m"),
}


def cells(source: str, kind: str) -> list[str]:
    return ["".join(c["source"]) for c in json.loads(source)["cells"] if c["cell_type"] == kind]


def made(problem: sd.Problem) -> str:
    d = sd.derive(problem)
    module = module_of(d.data)
    page = build(d.data, code=module.excerpt, meanings=problem.meanings)
    return notebook(page, cells_of(module, *source_of_check(d.data, module)))


def ran(source: str) -> str:
    """Return what the code cells print, run one after the other."""
    said, space = io.StringIO(), {"__name__": "notebook"}
    with contextlib.redirect_stdout(said):
        for cell in cells(source, "code"):
            exec(compile(cell, "cell", "exec"), space)
    return said.getvalue()


def test_a_notebook_is_cells_of_sections_with_names_of_their_own() -> None:
    problem = sd.load("attention")
    source = made(problem)
    assert source == made(problem)
    data = json.loads(source)
    assert (data["nbformat"], data["nbformat_minor"]) == (4, 5)
    names = [c["id"] for c in data["cells"]]
    assert len(names) == len(set(names))
    first, *rest = cells(source, "markdown")
    assert first.startswith("# ")
    assert all(c.startswith("## ") for c in rest)
    assert "$`" not in source
    assert "```math" not in source
    pictured = [c for c in data["cells"] if "attachment:graph.svg" in "".join(c["source"])]
    assert [set(c["attachments"]) for c in pictured] == [{"graph.svg"}]
    kinds = [c["cell_type"] for c in data["cells"]]
    at = kinds.index("code")
    assert "".join(data["cells"][at - 1]["source"]).startswith("## ")
    assert "Code" in "".join(data["cells"][at - 1]["source"]).splitlines()[0]
    assert kinds[at : at + 3] == ["code"] * 3


@needs_ipython
def test_the_code_of_a_notebook_compares_gradients_with_differences() -> None:
    assert "equal differences at 9 points" in ran(made(sd.load("linear-layer")))


@pytest.mark.slow
@needs_ipython
@pytest.mark.parametrize("name", library.names())
def test_the_code_of_every_notebook_runs(name: str) -> None:
    said = ran(made(sd.load(name)))
    assert "equal differences at" in said
    assert "at 0 points" not in said


@pytest.mark.slow
@needs_nbclient
@pytest.mark.parametrize("way", WAYS)
def test_a_notebook_is_valid_and_executes_clean(way: str, tmp_path: Path) -> None:
    (path,) = (p for p in WAYS[way]().write(tmp_path, ["ipynb"]) if p.suffix == ".ipynb")
    script = (
        "import sys, nbclient, nbformat\n"
        "book = nbformat.read(sys.argv[1], 4)\n"
        "nbformat.validate(book)\n"
        "nbclient.NotebookClient(book, timeout=120).execute()\n"
        "print([o for c in book.cells for o in c.get('outputs', [])])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "equal differences at" in done.stdout
    assert "image/svg+xml" in done.stdout
    assert "stderr" not in done.stdout


@pytest.mark.sampled(6)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_notebook_holds_a_text_as_data(text: str) -> None:
    plain, found = (made(posed(t)) for t in (PLAIN, text))
    assert len(json.loads(plain)["cells"]) == len(json.loads(found)["cells"])
    for a, b in zip(cells(plain, "code"), cells(found, "code"), strict=True):
        assert _without_docstrings(a) == _without_docstrings(b)


def _without_docstrings(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            del body[0]
    return ast.dump(tree)


@pytest.mark.slow
def test_a_notebook_is_written_and_verified(tmp_path: Path) -> None:
    sd.derive("x.T @ A @ x", wrt="x").write(tmp_path, ["ipynb"])
    assert (tmp_path / "derivation.ipynb").read_bytes().endswith(b"}\n")
    assert verify_folder(tmp_path)[1] == []
