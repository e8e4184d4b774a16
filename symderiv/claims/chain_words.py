"""Takes judged lines; says which is the first that is wrong, why, and what became of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from .verdict import RIGHT_IF, ClaimLine, Verdict

_SHOWN = 4  # groups of lines after the first wrong one that the diagnosis speaks of
_LATER = {
    "follows": ("only carries the error on", "only carry the error on"),
    "recovers": ("is right again", "are right again"),
    "holds": ("is right", "are right"),
    "breaks": ("is wrong too", "are wrong too"),
    "transposed": ("is transposed", "are transposed"),
    "right-if": ("needs an assumption", "need an assumption"),
    "unreadable": ("has shapes that do not fit", "have shapes that do not fit"),
}


def told(found: Verdict, number: int, lines: Sequence[ClaimLine]) -> str:
    """Return which line is the first that is wrong, why, and what became of the later ones."""
    if found.verdict == RIGHT_IF:
        head = f"Line {number} is right only if {found.assumption}"
    else:
        one = "wrong already" if number == first_claimed(lines) else "the first that is wrong"
        head = f"Line {number} is {one}: {found.cause}"
    earlier = [x for x in lines if x.number < number and x.status in ("right-if", "transposed")]
    parts = [head, *(f"before it, line {x.number} {_LATER[x.status][0]}" for x in earlier[:1])]
    later = [x for x in lines if x.number > number and x.status != "defines"]
    for status, group in groupby(later, lambda x: x.status):
        numbers = [x.number for x in group]
        verb = _LATER[status][len(numbers) > 1]
        parts.append(f"{listed(numbers)} {verb}")
    if len(parts) > _SHOWN + 1:
        parts = [*parts[: _SHOWN + 1], "and so on"]
    return "; ".join(parts) + "."


def first_claimed(lines: Sequence[ClaimLine]) -> int:
    """Return the number of the first line that claims something."""
    return next(x.number for x in lines if x.status != "defines")


def listed(numbers: Sequence[int]) -> str:
    """Return "line 4", "lines 4 and 5", or "lines 4 to 9"."""
    if len(numbers) == 1:
        return f"line {numbers[0]}"
    joint = "and" if len(numbers) == 2 else "to"
    return f"lines {numbers[0]} {joint} {numbers[-1]}"
