"""Takes what a claim is about, ``dL/dW[p, q]`` or ``d2L/dw2``; returns names and indices."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass

from ..core.errors import ParseError, Span

_INDICES = r"(\[(?P<{}>[^\]]*)\])?"
_NAME = r"(?P<{}>[A-Za-z]\w*?)"
_FIRST = re.compile(
    rf"\s*d(?P<of>(?!\d)\w*?)\s*{_INDICES.format('at')}\s*/\s*d\s*{_NAME.format('name')}\s*"
    rf"{_INDICES.format('indices')}\s*\Z"
)
_SECOND = re.compile(
    rf"\s*d\^?2\s*(?P<of>(?!\d)\w*?)\s*/\s*d\s*{_NAME.format('name')}"
    rf"(\^?2|\s*{_INDICES.format('at')}\s*(?<=[\s\]])d\s*{_NAME.format('by')}\s*"
    rf"{_INDICES.format('indices')})\s*\Z"
)
_REMEDY = (
    'write "dL/dW", "dL/dW[p, q]", "dy/dx" for a Jacobian, "d2L/dw2" for a Hessian, or "equal"'
)


@dataclass(frozen=True, slots=True)
class About:
    """What a claim is about: a derivative, an entry of it, or the equality of expressions."""

    text: str
    order: int = 0  # of the derivative; 0 for "equal"
    of: str = ""  # what is differentiated, as it is called; "" for the objective
    name: str = ""
    by: str = ""  # the second variable of a second derivative
    at: tuple[str, ...] = ()  # the entry of the value, or of the first variable of two
    indices: tuple[str, ...] = ()  # the entry of the variable, or of the second of two

    @property
    def is_equal(self) -> bool:
        """Whether several things are claimed to be the same."""
        return self.order == 0

    @property
    def is_entry(self) -> bool:
        """Whether the claim is about one entry."""
        return bool(self.at or self.indices)

    @property
    def span(self) -> Span:
        """The whole text."""
        return Span(self.text, 0, len(self.text))

    def same(self, other: About) -> bool:
        """Whether both name one derivative, and the same entry of it."""
        ends = [(a.order, a.name, a.by, a.at, a.indices) for a in (self, other)]
        return ends[0] == ends[1] and (self.of == other.of or "" in (self.of, other.of))


def says_asked(text: str, about: About, known: Container[str]) -> bool:
    """Whether a text is nothing but the name of what a claim is about.

    >>> [says_asked(x, read_about("dL/dW"), ["W"]) for x in ("dL/dW", "(d / dW)", "2 * dL/dW")]
    [True, True, False]
    """
    try:
        found = read_about(re.sub(r"\A[\s(]+|[\s)]+\Z", "", text))
    except ParseError:
        return False
    return not found.is_equal and f"d{found.of}" not in known and found.same(about)


def read_about(about: str) -> About:
    """Return what a claim is about; raises ParseError."""
    if about.strip() == "equal":
        return About(about)
    found = _SECOND.match(about)
    if found is not None:
        by = found["by"] or found["name"]
        places = [_places(about, found, group) for group in ("at", "indices")]
        return About(about, 2, found["of"], found["name"], by, *places)
    found = _FIRST.match(about)
    if found is None:
        raise ParseError(
            f"a claim cannot be about {about!r}", span=Span(about, 0, len(about)), remedy=_REMEDY
        )
    places = [_places(about, found, group) for group in ("at", "indices")]
    return About(about, 1, found["of"], found["name"], "", *places)


def _places(about: str, found: re.Match[str], group: str) -> tuple[str, ...]:
    if found[group] is None:
        return ()
    names = tuple(i.strip() for i in found[group].split(","))
    for i in names:
        if not re.fullmatch(r"[A-Za-z_]\w*|[1-9]\d*", i):
            raise ParseError(
                f"{i!r} is not an index",
                span=Span(about, found.start(group), found.end(group)),
                remedy="an index is a symbol or an integer from 1: dL/dW[p, q]",
            )
    return names
