"""How answers to claims read at a prompt, as lines: each in full, and many in a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..claims.verdict import RIGHT
from ..core.plaintext import styled

if TYPE_CHECKING:
    from .answers import Answer, Answers

_WIDTH = 100  # of a row of the table


def answer_lines(answers: Answers, many: bool) -> list[str]:
    """Return every answer in full; of many only those that are not right, then a table."""
    shown = [a for a in answers if not many or a.status != RIGHT]
    found = [line for a in shown for line in one_answer(a)]
    return found + (_summary(answers) if many else [])


def one_answer(answer: Answer) -> list[str]:
    """Return the answer to one claim in full, under the name that a sheet gives it."""
    head = [styled(f"{answer.label}:", "bold")] if answer.label else []
    if answer.verdict is not None:
        return [*head, *answer.verdict.told()]
    says = "  =  ".join(answer.claim.says)
    status = styled(f"{answer.status}:", "red", "bold")
    reason = answer.reason.split("\n")
    return [
        *head,
        styled(f"{answer.claim.about} = {says}", "bold"),
        f"  {status} {reason[0]}",
        *(f"  {line}" for line in reason[1:]),
        "",
    ]


def _summary(answers: Answers) -> list[str]:
    """Return a table of all claims, and how many there are of each verdict."""
    rows = [("claim", "about", "verdict", "why"), *answers.rows()]
    widths = [max(len(r[k]) for r in rows) for k in range(3)]
    lines = []
    for k, row in enumerate(rows):
        cells = [c.ljust(w) for c, w in zip(row[:3], widths, strict=True)]
        room = max(20, _WIDTH - sum(widths) - 6)
        why = row[3] if len(row[3]) <= room else f"{row[3][: room - 2]}.."
        if k:
            cells[2] = styled(cells[2], "green" if row[2] == RIGHT else "red")
            lines.append(f"{'  '.join(cells)}  {why}".rstrip())
        else:
            lines.append(styled(f"{'  '.join(cells)}  {why}", "bold"))
    counts = ", ".join(f"{n} {status}" for status, n in answers.counts.items())
    return [*lines, "", f"{len(answers)} claims: {counts}"]
