"""Claims read term by term: each term may have a slip of its own, or be missing.

Contract: as of ``search``; the terms of the gradient are those of the product rule, one for every
place in which the variable stands, or those that it is written in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Protocol

from ..core.expr import Expr, node
from .edits import Slipped, edits
from .fingerprints import Prints
from .mistakes import quoted

_TRIES = 700  # changes of one place that are tried in one term
_MOST = 5  # terms of a claim

Slips = tuple[tuple[str, str], ...]


class Meeting(Protocol):
    """The search that terms are a part of."""

    truth: Expr

    @property
    def prints(self) -> Prints: ...
    @property
    def slipped(self) -> Slipped: ...
    @property
    def divisions(self) -> Sequence[Sequence[Expr]]: ...
    def read_again(self, x: Expr) -> Expr | None: ...
    def shaped(self, x: Expr) -> Expr | None: ...
    def met(
        self, slips: Slips, whole: Expr, parts: Sequence[Expr]
    ) -> tuple[Slips, Expr, int] | None: ...
    def holds(self, x: Expr) -> bool: ...


def by_terms(search: Meeting) -> tuple[Slips, Expr] | None:
    """Return the slips of the terms and the mended sum, or None."""
    terms = _terms(search.slipped.claimed)
    if not 2 <= len(terms) <= _MOST:
        return None
    for division in search.divisions:
        if len(division) > 1:
            found = _matched(search, terms, division)
            if found is not None:
                return found
    return None


def _terms(x: Expr) -> list[Expr]:
    return list(x.args) if x.op == "add" else [x]


def _matched(
    search: Meeting, terms: Sequence[Expr], division: Sequence[Expr]
) -> tuple[Slips, Expr] | None:
    """Match every term of a claim with one of the gradient, as it is or with one change."""
    left = list(division)
    slips: list[tuple[str, str]] = []
    done: dict[int, Expr] = {}
    for changed in (False, True):
        for k, term in enumerate(terms):
            if k in done or not left:
                continue
            tried = islice(_changes(search, term), _TRIES) if changed else [((), term)]
            found = _first(search, tried, left, exactly=not changed)
            if found is not None:
                more, done[k], place = found
                slips += more
                left.pop(place)
    if len(done) < len(terms) or (left and len(left) == len(division)):
        return None
    for part in left:
        slips.append(("missing-term", f"the term {quoted(part)} is missing"))
    parts = (*(done[k] for k in sorted(done)), *left)
    whole = parts[0] if len(parts) == 1 else node("add", parts, search.truth.shape)
    again = search.read_again(whole)
    return (tuple(slips), again) if again is not None and slips and search.holds(again) else None


def _changes(search: Meeting, term: Expr) -> Iterator[tuple[Slips, Expr]]:
    yield (), term  # right but for a factor
    yield from edits(replace(search.slipped, claimed=term))


def _first(
    search: Meeting,
    tried: Iterator[tuple[Slips, Expr]] | Sequence[tuple[Slips, Expr]],
    left: Sequence[Expr],
    *,
    exactly: bool,
) -> tuple[Slips, Expr, int] | None:
    for slips, whole in tried:
        again = search.shaped(whole)
        found = search.met(slips, again, left) if again is not None else None
        if found is not None and not (exactly and found[0]):
            return found
    return None
