"""The README and every docstring say what is so: their examples are run."""

import doctest
import importlib
import pkgutil
import re
import shlex
from pathlib import Path

import pytest

import symderiv
from symderiv.cli.main import main

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    (body.strip(), after.strip())
    for (kind, body), (next_kind, after) in zip(BLOCKS, [*BLOCKS[1:], ("", "")], strict=True)
    if kind == "bash" and next_kind == "text"
]
MODULES = sorted(
    m.name
    for m in pkgutil.walk_packages(symderiv.__path__, "symderiv.")
    if not m.name.endswith("__main__")
)


def test_two_commands_do_all_the_set_up() -> None:
    setups = [body for kind, body in BLOCKS if kind == "bash" and "pip install" in body]
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


def test_python_examples_of_the_readme_run() -> None:
    examples = [body for kind, body in BLOCKS if kind == "python"]
    test = doctest.DocTestParser().get_doctest("\n".join(examples), {}, "README", "README.md", 0)
    runner = doctest.DocTestRunner()
    runner.run(test)
    assert runner.summarize().attempted > 10
    assert runner.summarize().failed == 0


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0


def test_readme_links_exist() -> None:
    root = Path(__file__).parent.parent
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (root / target).exists(), target
