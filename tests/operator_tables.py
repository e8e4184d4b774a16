"""Writes the table of operators in ``symderiv/ops/README.md`` from the operator table itself."""

from __future__ import annotations

from pathlib import Path

from symderiv.ops import TABLE, Operator

README = Path(__file__).parent.parent / "symderiv" / "ops" / "README.md"
BEGIN, END = "<!-- operators: begin -->", "<!-- operators: end -->"


def cell(text: str) -> str:
    """Return a text as a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")


def line(op: Operator) -> str:
    """Return the row of one operator."""
    return f"| `{cell(op.usage)}` | {cell(op.law)} | {cell(op.source)} |"


def table() -> str:
    """Return the table of everything that can be written, in the order of registration."""
    rows = [line(op) for op in TABLE.values() if not op.internal]
    return "\n".join(["| written | law of its derivative | source |", "|---|---|---|", *rows])


def with_table(text: str) -> str:
    """Return a document with the table put between its marks."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
