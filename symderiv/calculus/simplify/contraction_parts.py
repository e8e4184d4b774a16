"""Takes a contraction apart, so that a rule finds a pattern in it, and puts it together again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ...core.scale import UNIT_SCALE
from ...core.shapes import Dim
from ...tensor import Factor, Label, Scale, Term, add, contract, factors_of, is_symmetric, summands


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


class Readings:
    """Sums as they read once names are read, found once for each: every pair is compared."""

    def __init__(self) -> None:
        self._memo: dict[Term, Term] = {}

    def same(self, a: Term, b: Term) -> bool:
        """Whether two different terms are one once names among their own parts are read."""
        if a is b or a.dims != b.dims:
            return False
        if "named" in (a.kind, b.kind):
            return _read(a) is _read(b)
        return a.kind == b.kind == "add" and self._of(a) is self._of(b)

    def _of(self, total: Term) -> Term:
        if total not in self._memo:
            self._memo[total] = _reads_names(total)
        return self._memo[total]


def _read(term: Term) -> Term:
    while term.is_name:
        term = term.children[0]
    return term


def _reads_names(total: Term) -> Term:
    """Return a sum with what the names in its summands stand for."""
    out, dims = range(len(total.dims)), dict(enumerate(total.dims))
    bodies = []
    for scale, body in summands(total):
        parts = Parts.of(body)
        read = [Factor(_read(f.term), f.labels, f.exponent) for f in parts.factors]
        whole = contract(read, parts.out, parts.dims, parts.scale)
        bodies.append(contract([Factor(whole, tuple(out))], out, dims, scale))
    return add(bodies)
