"""Takes a term and the writer's names; returns it with a name for every value that has one.

J det(A)⁻¹ where J = √det(A) is J⁻¹, and p = e^(-q) / c stands for its right side: also for a power
of it and for a part of a product, wherever that is shorter.

Contract: the value stays the same, also where it is defined: no root is taken of what need not be
positive.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator
from fractions import Fraction

from ...tensor import Factor, Label, Parts, Term, is_zero, orders, rebuilt
from .facts import Facts
from .matching import matches
from .readable_size import Sizes
from .simplifier import Simplifier


class Reuse:
    """Puts names in the place of what they name; pairs of a name and its value, as terms.

    A value is known as it was written, and simplified under the facts. Of ``names``, a value that
    is no product has its name wherever it is written; those of ``labels`` have none. A name of
    ``rooted`` is a root that the term has a value without only where it has one, too.
    """

    def __init__(
        self,
        names: Iterable[tuple[Term, Term]],
        labels: Iterable[tuple[Term, Term]] = (),
        facts: Facts | None = None,
        rooted: Container[Term] = (),
    ) -> None:
        self._whole: dict[Term, Term] = {}
        self._patterns: list[tuple[Term, Parts]] = []
        self._by_rarest: dict[Term, list[int]] = {}  # numbers of patterns, by one of the factors
        self._sizes = Sizes()
        self._memo: dict[Term, Term] = {}
        self._names = [*((n, x, False) for n, x in names), *((n, x, True) for n, x in labels)]
        self._simplify = Simplifier(facts)
        self._rooted = rooted

    def _read_names(self) -> None:
        """Learn what the names stand for, once something is to be read with them."""
        for name, value, is_label in self._names:
            if value.is_atom or not value.children:
                continue
            simple = self._simplify(value)
            if is_label or value.is_contraction:
                self._learn(name, value)
            if simple is not value:
                self._learn(name, simple)
        self._names = []
        common = Counter(t for _, p in self._patterns for t in {f.term for f in p.factors})
        for number, (_, pattern) in enumerate(self._patterns):
            rarest = min(pattern.factors, key=lambda f: common[f.term])
            self._by_rarest.setdefault(rarest.term, []).append(number)

    def _learn(self, name: Term, value: Term) -> None:
        pattern = Parts.of(value)
        carried = {x for f in pattern.factors for x in f.labels}
        if pattern.factors and carried >= set(pattern.out):
            self._patterns.append((name, pattern))
        if value.children and not value.is_atom:
            self._whole.setdefault(value, name)

    def __call__(self, term: Term) -> Term:
        """Return an equal term in which names stand; the term itself where none would."""
        if self._names:
            self._read_names()
        if not self._whole:
            return term
        stack = [(term, self._named(term))]
        while stack:
            top, better = stack[-1]
            if top in self._memo:
                stack.pop()
                continue
            inside = () if better.is_atom else better.children
            waiting = [c for c in inside if c not in self._memo]
            if waiting:
                stack += [(c, self._named(c)) for c in waiting]
            else:
                stack.pop()
                self._memo[top] = (
                    rebuilt(better, (self._memo[c] for c in inside)) if inside else better
                )
        return self._memo[term]

    def _named(self, term: Term) -> Term:
        """Return a term with names for all of it, or for products of its factors."""
        while term not in self._whole and term.is_contraction and not is_zero(term):
            better = next(self._shorter(term), None)
            if better is None:
                return term
            term = better
        return self._whole.get(term, term)

    def _shorter(self, term: Term) -> Iterator[Term]:
        parts = Parts.of(term)
        for name, pattern in self._candidates(parts):
            powers = _powers(parts, name, pattern, name in self._rooted)
            for new in (*powers, *_products(parts, name, pattern)):
                if self._rank(new) < self._rank(term):
                    yield new

    def _rank(self, term: Term) -> tuple[int, int]:
        """Return how long a product reads, then how much is multiplied: σ⁻³ c c is y y σ⁻¹."""
        powers = (f.exponent for f in Parts.of(term).factors)
        return self._sizes(term), sum(abs(int(k)) if k.denominator == 1 else 1 for k in powers)

    def _candidates(self, parts: Parts) -> Iterator[tuple[Term, Parts]]:
        """Yield the patterns that may be in a product, in the order of their first factors."""
        places: dict[Term, int] = {}
        for k, f in enumerate(parts.factors):
            places.setdefault(f.term, k)
        numbers = {n for t in places for n in self._by_rarest.get(t, ())}
        firsts = {n: self._patterns[n][1].factors[0].term for n in numbers}
        found = [(places[t], n) for n, t in firsts.items() if t in places]
        yield from (self._patterns[n] for _, n in sorted(found))


def _products(parts: Parts, name: Term, pattern: Parts) -> Iterator[Term]:
    """Yield a contraction with a name for some of its factors, and what is summed over them."""
    for match in matches(pattern, parts, {}):
        labels = tuple(match.labels[x] for x in pattern.out)
        yield parts.replaced(match.positions, [Factor(name, labels)], pattern.scale.power(-1))


def _powers(parts: Parts, name: Term, pattern: Parts, is_rooted: bool = False) -> Iterator[Term]:
    """Yield a contraction with a whole power of a name for powers of all that the name multiplies.

    What is left of the powers stays beside it.
    """
    if len(pattern.dims) > len(pattern.out):
        return  # a sum has no powers that are products
    for positions, labels in _placed(pattern, parts):
        pairs = [(parts.factors[k], w) for k, w in zip(positions, pattern.factors, strict=True)]
        ratios = [f.exponent / w.exponent for f, w in pairs]
        power = int(min(ratios, key=abs))
        if not power or any((r > 0) != (power > 0) for r in ratios):
            continue
        if not is_rooted and any(not _is_defined(f, w) for f, w in pairs):
            continue
        left = [
            Factor(f.term, f.labels, f.exponent - power * w.exponent)
            for f, w in pairs
            if f.exponent != power * w.exponent
        ]
        ends = tuple(labels[x] for x in pattern.out)
        whole = Factor(name, ends, Fraction(power))
        yield parts.replaced(positions, [whole, *left], pattern.scale.power(-power))


def _is_defined(f: Factor, wanted: Factor) -> bool:
    """Whether a power that a name is made of has a value wherever another one has."""
    rooted = wanted.exponent.denominator != 1 and f.exponent.denominator == 1
    return not rooted and not (wanted.exponent < 0 < f.exponent)


def _placed(
    pattern: Parts,
    parts: Parts,
    done: tuple[int, ...] = (),
    known: dict[Label, Label] | None = None,
) -> Iterator[tuple[tuple[int, ...], dict[Label, Label]]]:
    """Yield which factors those of a pattern are, whatever their exponents, and their labels."""
    if len(done) == len(pattern.factors):
        yield done, known or {}
        return
    wanted = pattern.factors[len(done)]
    for k, f in enumerate(parts.factors):
        if k in done or f.term is not wanted.term:
            continue
        for labels in orders(f):
            found = dict(known or {})
            pairs = zip(wanted.labels, labels, strict=True)
            if all(found.setdefault(a, b) == b for a, b in pairs):
                yield from _placed(pattern, parts, (*done, k), found)
