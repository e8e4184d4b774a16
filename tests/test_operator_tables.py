"""The table of operators in the documentation is the operator table."""

from __future__ import annotations

import operator_tables


def test_documented_operators_are_those_of_the_table() -> None:
    text = operator_tables.README.read_text(encoding="utf-8")
    assert text == operator_tables.with_table(text), "run: python tests/operator_tables.py"
