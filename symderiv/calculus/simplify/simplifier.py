"""Takes a term; returns it simplified, by facts, then rules and factoring at every node, upward.

A term is visited once; at one contraction no more than ``BUDGET`` rules are applied. Terms that the
writer gave a form of their own are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from ...tensor import Parts, Term, is_zero, rebuilt, walk_terms
from .factoring import Factoring
from .facts import Assumed, Facts
from .readable_size import Sizes
from .readings import Readings
from .rule import Rule, RuleContext, features
from .rules import CALL_RULES, RULES, SUM_RULES

BUDGET = 50


class Simplifier:
    """Simplifies terms, remembering what is shared between them."""

    def __init__(self, facts: Facts | None = None) -> None:
        self.facts = facts or Facts()
        self.assumed = Assumed(self.facts)
        self._context = RuleContext(self.facts, Sizes(), Readings(), self)
        self._factored = Factoring(self._context.sizes)
        self._memo: dict[Term, Term] = {}
        self._rules: dict[frozenset[str], tuple[Rule, ...]] = {}

    def keep(self, terms: Iterable[Term]) -> None:
        """Leave these terms as they are: the writer's own."""
        self._memo.update((t, t) for t in terms)

    def __call__(self, term: Term) -> Term:
        """Return an equal term that reads better."""
        term = self.assumed(term)
        for t in walk_terms(term, Term.is_name, self._memo):
            self._memo[t] = self._one(t)
        return self._memo[term]

    def _one(self, term: Term) -> Term:
        if term.is_atom or not term.children:
            return term
        work = rebuilt(term, (self._memo[c] for c in term.children))
        for _ in range(BUDGET):
            if work.is_sum:  # one that comes up again while it is worked on stays
                self._memo.setdefault(work, work)
            better = self._step(work)
            if better is None or better is work:
                break
            # A sum that has been taken apart has new sums in it.
            work = self(better) if work.is_sum else better
            if work in self._memo:
                return self._memo[work]
        return work

    def _step(self, term: Term) -> Term | None:
        if is_zero(term):
            return None
        if term.is_sum:
            better = self._factored(term)
            if better is not term:
                return better
            tried = (rule.apply(term, self._context) for rule in SUM_RULES)
            return next((t for t in tried if t is not None), None)
        if term.is_call:
            found = (rule.apply(term, self._context) for rule in CALL_RULES)
            return next((t for t in found if t is not None), None)
        if not term.is_contraction:
            return None
        relevant = self._relevant(features(term, self.facts))
        parts = Parts.of(term) if relevant else None
        for rule in relevant:
            assert parts is not None
            better_ = rule.apply(parts, self._context)
            if better_ is not None:
                return better_
        return None

    def _relevant(self, seen: frozenset[str]) -> tuple[Rule, ...]:
        """Return the rules that may apply to a contraction of which these features are seen."""
        found = self._rules.get(seen)
        if found is None:
            found = tuple(r for r in RULES if not r.needs or not seen.isdisjoint(r.needs))
            self._rules[seen] = found
        return found
