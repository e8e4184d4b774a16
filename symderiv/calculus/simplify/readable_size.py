"""Takes a term; returns about how many names, numbers and signs a person would write for it."""

from __future__ import annotations

from ...tensor import Scale, Term, factors_of, walk_terms


class Sizes:
    """Sizes of terms, remembered; ``known`` are terms that the writer gave a form of their own."""

    def __init__(self) -> None:
        self._memo: dict[Term, int] = {}

    def __call__(self, term: Term) -> int:
        """Return the size of a term; what it shares is counted wherever it is used."""
        for t in walk_terms(term, Term.is_name, self._memo):
            self._memo[t] = self._of(t)
        return self._memo[term]

    def _of(self, term: Term) -> int:
        if term.is_shared:
            return self._memo[term.children[0]]
        if term.is_call:
            return 1 + sum(self._memo[c] for c in term.children)
        if term.is_sum:
            parts = zip(term.data, term.children, strict=True)
            return sum(_number(s) + self._memo[c] + 1 for s, c in parts) - 1
        if not term.is_contraction:
            return 1
        scale, factors, _ = factors_of(term)
        each = [self._memo[f.term] + 2 * (abs(f.exponent) != 1) + 1 for f in factors]
        return max(sum(each) - 1, 0) + _number(scale)


def _number(scale: Scale) -> int:
    return 2 * (abs(scale.value) != 1) + sum(2 for _ in scale.sizes)
