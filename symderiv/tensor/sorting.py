"""Takes the factors of a contraction; returns them in one order, however they were written."""

from __future__ import annotations

from typing import Any

from ..core.budget import spend
from ..core.shapes import Dim
from .terms import Factor, Label, Order

_REFINING = 2  # steps of a factor for each comparison while it is sorted


def _place(f: Factor) -> tuple[int, str]:
    return f.term.place


def _order(f: Factor) -> Order:
    return f.term.order


def sorted_factors(
    factors: list[Factor], out: tuple[Label, ...], dims: dict[Any, Dim]
) -> list[Factor]:
    """Sort factors by what they are and how they hang together, not by how they were written."""
    if len(factors) < 2:
        return factors
    if len({f.term.place for f in factors}) == len(factors):
        return sorted(factors, key=_place)
    if len({f.term.order for f in factors}) == len(factors):
        return sorted(factors, key=_order)
    colour: dict[Label, Any] = {x: (1, str(dims[x])) for f in factors for x in f.labels}
    colour.update((x, (0, str(k))) for k, x in enumerate(out))
    if len({f.term for f in factors}) == len(factors):
        colour = _refined(colour, factors)
    else:
        colour = _told_apart(colour, factors)

    def place(f: Factor) -> Any:
        colours = [colour[x] for x in f.labels]
        mirrors = f.term.symmetric is True
        return (f.term.order, f.exponent, tuple(sorted(colours) if mirrors else colours))

    def upright(f: Factor) -> Factor:
        """Return a factor whose axes may be exchanged with its labels in order."""
        if f.term.symmetric is not True:
            return f
        return Factor(f.term, tuple(sorted(f.labels, key=lambda x: colour[x])), f.exponent)

    return [upright(f) for f in sorted(factors, key=place)]


def _refined(colour: dict[Label, Any], factors: list[Factor]) -> dict[Label, Any]:
    """Return a finer order of labels: by the places at which they meet which factors."""
    seen: dict[Label, list[Any]] = {x: [] for x in colour}
    for f in factors:
        mirrors = f.term.symmetric is True
        colours = [colour[x] for x in f.labels]
        mark = (f.term.order, f.exponent, tuple(sorted(colours) if mirrors else colours))
        for slot, x in enumerate(f.labels):
            seen[x].append((mark, 0 if mirrors else slot))
    steps = _REFINING * len(factors) * len(factors).bit_length()
    spend(steps, f"a product of {len(factors):,} factors to put in order")
    ranked = {x: (colour[x], sorted(seen[x])) for x in colour}
    places = sorted(ranked.values())
    first: dict[int, int] = {}
    for k, v in enumerate(places):
        first[id(v)] = k if not k or v != places[k - 1] else first[id(places[k - 1])]
    return {x: (first[id(v)], "") for x, v in ranked.items()}


def _told_apart(colour: dict[Label, Any], factors: list[Factor]) -> dict[Label, Any]:
    """Return an order of labels without ties: where labels look alike, any of them is first."""
    while True:
        classes = 0
        while len(set(colour.values())) > classes:
            classes = len(set(colour.values()))
            colour = _refined(colour, factors)
        tied = [v for v in colour.values() if list(colour.values()).count(v) > 1]
        if not tied:
            return colour
        place = min(tied)
        chosen = next(x for x, v in colour.items() if v == place)
        colour[chosen] = (place[0], "first")
