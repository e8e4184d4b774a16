"""Writes the table of properties in the page of the language from the properties themselves."""

from __future__ import annotations

from pathlib import Path

from symderiv.problems.properties import READINGS

DOCS = Path(__file__).parent.parent / "symderiv" / "docs"
PAGE = DOCS / "language.md"
BEGIN, END = "<!-- properties: begin -->", "<!-- properties: end -->"


def with_table(text: str) -> str:
    """Return a page with the table put between its marks."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    rows = [f"| `{name}` | {reading} |" for name, reading in READINGS.items()]
    table = "\n".join(["| written | the variable |", "|---|---|", *rows])
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
