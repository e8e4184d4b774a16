"""Takes declared properties of variables; answers what they say of index terms.

A property holds at the point where a derivative is evaluated, so facts are used after
differentiating and never before. Leaves of symmetric variables are replaced by leaves that know it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ...tensor import (
    Factor,
    Term,
    add,
    call,
    contract,
    factors_of,
    leaf,
    named,
    scaled,
    share,
    summands,
    walk_terms,
)

_SYMMETRIC = {"symmetric", "spd", "diagonal"}


@dataclass(frozen=True)
class Facts:
    """Properties of variables by name."""

    properties: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def has(self, term: Term, *wanted: str) -> bool:
        """Whether a term is a variable with one of the properties."""
        if not term.is_leaf:
            return False
        return bool(set(wanted) & set(self.properties.get(str(term.data.data), ())))

    @property
    def symmetric(self) -> frozenset[str]:
        """Return the names of the variables that are symmetric matrices."""
        return frozenset(n for n, p in self.properties.items() if _SYMMETRIC & set(p))


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
        return add(scaled(c, s) for c, (s, _) in zip(new, summands(term), strict=True))
    scale, factors, dims = factors_of(term)
    parts = [Factor(c, f.labels, f.exponent) for c, f in zip(new, factors, strict=True)]
    return contract(parts, range(len(term.dims)), dict(enumerate(dims)), scale)


class Assumed:
    """Terms with the symmetric leaves put in; shared between all terms of one derivation."""

    def __init__(self, facts: Facts) -> None:
        self._names = facts.symmetric
        self._memo: dict[Term, Term] = {}

    def __call__(self, term: Term) -> Term:
        """Return the term with every symmetric variable known to be symmetric."""
        if not self._names:
            return term
        for t in walk_terms(term, known=self._memo):
            self._memo[t] = self._one(t)
        return self._memo[term]

    def _one(self, term: Term) -> Term:
        if term.is_leaf:
            known = str(term.data.data) in self._names and len(term.dims) == 2
            return leaf(term.data, term.dims, symmetric=True) if known else term
        if term.is_name:
            return named(term.data, self._memo[term.children[0]])
        if not term.children:
            return term
        return rebuilt(term, (self._memo[c] for c in term.children))
