"""The documentation of the operator table says what is so: its table, and its recipe."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import operator_tables
import pytest

import symderiv

PACKAGE = Path(symderiv.__file__).parent
TEXT = operator_tables.README.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_documented_operators_are_those_of_the_table() -> None:
    assert operator_tables.with_table(TEXT) == TEXT, "run: python tests/operator_tables.py"


@pytest.mark.slow
def test_recipe_adds_an_operator(tmp_path: Path) -> None:
    entry, examples, _ = BLOCKS
    assert ">>>" in examples
    shutil.copytree(PACKAGE, tmp_path / "symderiv", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "symderiv" / "ops" / "entrywise.py").open("a", encoding="utf-8") as module:
        module.write(f"\n{entry}")
    run = subprocess.run(
        [sys.executable, "-m", "doctest", str(operator_tables.README)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        encoding="utf-8",
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_quoted_pullback_is_that_of_the_inverse() -> None:
    source = (PACKAGE / "ops" / "inverses.py").read_text(encoding="utf-8")
    assert BLOCKS[-1].strip() in source
