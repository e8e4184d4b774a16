"""Claims that say no more than that what they are about is itself.

Contract: such a claim is never right, as there is nothing in it to be right about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..core.expr import walk
from ..problems import Problem
from .reading import Reading
from .targets import Target
from .verdict import RIGHT, UNDECIDED, Verdict, as_sentence


def unless_empty(
    found: Verdict, lines: Sequence[Reading], problem: Problem, target: Target
) -> Verdict:
    """Return a verdict, which is another where every line that is right says nothing."""
    if found.verdict != RIGHT or not all(_says_nothing(x, target) for x in lines):
        return found
    used = {str(e.data) for e in walk(target.truth) if e.is_variable}
    names = [n for n in (*problem.variables, *problem.upstream) if n in used]
    within = (
        f" in {' and '.join(filter(None, [', '.join(names[:-1]), names[-1]]))}" if names else ""
    )
    cause = f"it says only {target.word} itself; write what that comes to{within}"
    return replace(
        found,
        verdict=UNDECIDED,
        cause=cause,
        diagnosis=as_sentence(cause),
        evidence="not decided",
        left_out=(),
    )


def _says_nothing(reading: Reading, target: Target) -> bool:
    """Whether what equals a target is written with it, by whatever name."""
    named = (str(e.data) for e in walk(reading.expr) if e.is_name)
    return reading.holds_asked or target.called in named
