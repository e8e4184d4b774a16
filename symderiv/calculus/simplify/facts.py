"""Takes declared properties of variables; answers what they say of index terms.

A property holds at the point where a derivative is evaluated, so facts are used after
differentiating and never before. Leaves of symmetric variables are replaced by leaves that know it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ...tensor import Term, leaf, named, rebuilt, walk_terms

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
