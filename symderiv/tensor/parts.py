"""Takes a term apart, so that a pattern is found in it, and puts it together again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ..core.scale import UNIT_SCALE, Scale
from ..core.shapes import Dim
from .contractions import add, contract, is_symmetric, scaled, share
from .terms import Factor, Label, Term, call, factors_of


class Parts(NamedTuple):
    """Scale, factors, free labels and ranges of a contraction."""

    scale: Scale
    factors: tuple[Factor, ...]
    out: tuple[Label, ...]
    dims: dict[Any, Dim]

    @staticmethod
    def of(term: Term) -> Parts:
        """Return the parts of a contraction; any other term is its own only factor."""
        out = tuple(range(len(term.dims)))
        if not term.is_contraction:
            return Parts(UNIT_SCALE, (Factor(term, out),), out, dict(enumerate(term.dims)))
        scale, factors, dims = factors_of(term)
        return Parts(scale, factors, out, dict(enumerate(dims)))

    def term(self) -> Term:
        """Return the contraction, in canonical form."""
        return contract(self.factors, self.out, self.dims, self.scale)

    def replaced(
        self, gone: Sequence[int], new: Sequence[Factor], scale: Scale = UNIT_SCALE
    ) -> Term:
        """Return the contraction with some factors (by position) replaced by others.

        An index that nothing carries any more was summed within what is gone.
        """
        factors = [*(f for k, f in enumerate(self.factors) if k not in gone), *new]
        carried = {x for f in factors for x in f.labels} | set(self.out)
        dims = {x: d for x, d in self.dims.items() if x in carried}
        return contract(factors, self.out, dims, self.scale * scale)

    def calls(self, name: str) -> Iterator[tuple[int, Factor]]:
        """Yield the factors that are calls of a function, with their positions."""
        for k, f in enumerate(self.factors):
            if f.term.is_call and f.term.data.name == name:
                yield k, f

    def only_in(self, label: Label, *positions: int) -> bool:
        """Whether a label is bound and carried by exactly the factors at these positions."""
        if label in self.out:
            return False
        met = [k for k, f in enumerate(self.factors) for x in f.labels if x == label]
        return sorted(met) == sorted(positions)


def orders(f: Factor) -> Iterator[tuple[Label, ...]]:
    """Yield the labels of a factor in every order that its symmetry allows."""
    yield f.labels
    if len(f.labels) == 2 and is_symmetric(f.term):
        yield (f.labels[1], f.labels[0])


def plain(term: Term) -> Term:
    """Return what a shared term is."""
    return term.children[0] if term.is_shared else term


def rebuilt(term: Term, children: Iterable[Term]) -> Term:
    """Return a call, a sum or a contraction with other children of the same axes."""
    new = tuple(children)
    if new == term.children:
        return term
    if term.is_call:
        return call(term.data, new, term.dims)
    if term.is_shared:
        return share(new[0])
    if term.is_sum:
        return add(scaled(c, s) for c, s in zip(new, term.data, strict=True))
    parts = Parts.of(term)
    pairs = zip(new, parts.factors, strict=True)
    return parts._replace(factors=tuple(f._replace(term=c) for c, f in pairs)).term()
