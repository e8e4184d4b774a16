"""The README and every docstring say what is so: their examples are run."""

import ast
import doctest
import importlib
import json
import pkgutil
import re
import shlex
from itertools import pairwise
from pathlib import Path

import property_table
import pytest
from property_table import DOCS

import symderiv
from symderiv.cli.main import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {"README": README}
PAGES |= {p.stem: p.read_text(encoding="utf-8") for p in sorted(DOCS.glob("*.md"))}
BLOCKS = {name: re.findall(r"```(\w+)\n(.*?)```", page, re.DOTALL) for name, page in PAGES.items()}
COMMANDS = [
    (body.strip(), after.strip())
    for found in BLOCKS.values()
    for (kind, body), (next_kind, after) in pairwise([*found, ("", "")])
    if kind == "bash" and next_kind == "text"
]
MODULES = sorted(
    m.name
    for m in pkgutil.walk_packages(symderiv.__path__, "symderiv.")
    if not m.name.endswith("__main__")
)


def test_two_commands_do_all_the_set_up() -> None:
    setups = [body for kind, body in BLOCKS["README"] if kind == "bash" and "pip install" in body]
    assert len(setups) == 2
    assert all(s.startswith("python3 -m venv .venv && ") for s in setups)
    assert "symderiv derive linear-layer" in setups[0]
    assert "python -m pytest" in setups[1]


@pytest.mark.parametrize(("command", "output"), COMMANDS)
def test_printed_output_is_the_real_output(
    command: str,
    output: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command.split("&&")[-1].strip())
    assert words[0].endswith("symderiv")
    with pytest.raises(SystemExit):
        main(words[1:])
    out, err = capsys.readouterr()
    assert output in out + err


@pytest.mark.parametrize("name", [n for n, found in BLOCKS.items() if "python" in dict(found)])
def test_python_examples_run(name: str) -> None:
    examples = "\n".join(body for kind, body in BLOCKS[name] if kind == "python")
    test = doctest.DocTestParser().get_doctest(examples, {}, name, f"{name}.md", 0)
    runner = doctest.DocTestRunner()
    runner.run(test)
    assert runner.summarize().attempted > 1
    assert runner.summarize().failed == 0


def test_the_first_page_is_two_screens_and_leads_to_every_other() -> None:
    assert len(README.splitlines()) < 100
    for path in DOCS.glob("*.md"):
        assert f"symderiv/docs/{path.name}" in README
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith("# ")
        assert lines[2]


def test_the_documented_properties_are_those_there_are() -> None:
    page = PAGES["language"]
    assert property_table.with_table(page) == page, "run: python tests/property_table.py"


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    here = ROOT if name == "README" else DOCS
    for target in re.findall(r"\]\(([^)#]+)\)", PAGES[name]):
        assert (here / target).exists(), target


def test_the_tutorial_runs_from_top_to_bottom() -> None:
    notebook = json.loads((DOCS / "tutorial.ipynb").read_text(encoding="utf-8"))
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(ids) == len(set(ids))
    names: dict[str, object] = {}
    shown: list[str] = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            *first, last = ast.parse("".join(cell["source"])).body
            value = last.value if isinstance(last, ast.Expr) else ast.Constant(None)
            before = first if isinstance(last, ast.Expr) else [*first, last]
            exec(compile(ast.Module(before, []), "tutorial", "exec"), names)
            whole = ast.fix_missing_locations(ast.Expression(value))
            shown.append(repr(eval(compile(whole, "tutorial", "eval"), names)))
    assert any("the sum over axis 0 is left out" in text for text in shown)
    assert not any("object at 0x" in text for text in shown)
