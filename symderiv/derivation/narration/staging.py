"""Takes an objective; returns the named intermediates through which it depends on its variables.

The writer's definitions are kept; where a function or a sum stands inside something else without a
name, it gets one.

Contract: every stage is a polynomial in leaves, names, and functions of leaves and names, so that
one application of the product rule differentiates it. A stage is a leaf wherever it is used, so
that nothing differentiates through it by accident.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

from ...calculus.simplify import Simplifier
from ...core.expr import Expr
from ...core.expr import named as named_expr
from ...core.unit_axes import fitted
from ...ops import TABLE
from ...tensor import (
    Factor,
    Term,
    contract,
    factors_of,
    is_whole,
    is_zero,
    leaf,
    moves_entries,
    rebuilt,
    summands,
    walk_terms,
)

_MATRIX, _VECTOR, _SCALAR = "ZRUVHPQ", "zruvhpq", "stuvpq"
# Beyond these, the order of automatic names may differ.
_DEEP = 50  # named intermediates
_LEVELS = 150  # terms in each other


@dataclass(frozen=True, slots=True)
class Stage:
    """A named intermediate: its name as an expression and as a term, and its value by stages."""

    expr: Expr
    term: Term
    value: Term
    automatic: bool


class Stages:
    """The stages of one objective, arguments before the stages that use them."""

    def __init__(
        self,
        root: Term,
        leaves: Iterable[Term],
        written: Callable[[Term], Expr],
        taken: Iterable[str],
    ) -> None:
        self.leaves = set(leaves)
        self._written = written
        self.taken = set(taken)
        self.stages: dict[Term, Stage] = {}
        self._memo: dict[Term, Term] = {}
        self._names: dict[Term, Term] = {}
        self._depends: dict[Term, bool] = {}
        self._numbers: dict[str, int] = {}  # of automatic names, by their letter
        self._stage_deep(root)
        self.root = self._staged(root)

    def depends(self, term: Term) -> bool:
        """Whether a term depends on one of the leaves."""
        for t in walk_terms(term, known=self._depends):
            self._depends[t] = t in self.leaves or any(self._depends[c] for c in t.children)
        return self._depends[term]

    def _stage_deep(self, root: Term) -> None:
        """Stage the names of a deep problem from the bottom up, so that nothing recurses far."""
        depth: dict[Term, int] = {}
        for t in walk_terms(root):
            depth[t] = 1 + max((depth[c] for c in t.children), default=0)
        names = list(filter(Term.is_name, depth))
        if len(names) > _DEEP or depth[root] > _LEVELS:
            for term in names:
                self._staged(term)

    def _staged(self, term: Term) -> Term:
        """Return a term with every intermediate on the way to the leaves replaced by a name."""
        if not self.depends(term) or term.is_leaf:
            return term
        found = self._memo.get(term)
        if found is None:
            alone = self._is_alone(term)
            found = self._memo[term] = self._name(term) if alone else self._rebuilt(term)
            self._depends.setdefault(found, True)
        return found

    @staticmethod
    def _is_alone(term: Term) -> bool:
        """Whether a term is a stage of its own: its entries are no function of single entries."""
        mixes = is_whole(term) or getattr(term.data, "reuses_cotangent", False)
        return bool(mixes and term.dims)

    def _value(self, term: Term) -> Term:
        """Return what a stage names: in it, a function of whole matrices needs no other name."""
        return self._rebuilt(term) if self._is_alone(term) else self._staged(term)

    def _rebuilt(self, term: Term) -> Term:
        if term.is_name:
            value = self._value(term.children[0])
            expr: Expr = term.data
            if value is not term.children[0]:
                expr = named_expr(str(expr.data), self._shaped(value, expr))
            fresh = leaf(expr, value.dims)
            self._keep(Stage(expr, fresh, value, False))
            self._depends[fresh] = True
            return fresh
        if term.is_shared:
            return self._staged(term.children[0])
        if term.is_call:
            # What only moves entries needs no name for what it moves.
            inner = self._staged if moves_entries(term) else self._argument
            return rebuilt(term, map(inner, term.children))
        if not term.is_contraction:
            return rebuilt(term, (self._factor(c, 1) for c in term.children))
        scale, factors, dims = factors_of(term)
        parts = [
            Factor(self._factor(f.term, f.exponent), f.labels, f.exponent)
            for f in map(_rooted, factors)
        ]
        return contract(parts, range(len(term.dims)), dict(enumerate(dims)), scale)

    def _shaped(self, value: Term, like: Expr) -> Expr:
        written = self._written(value)
        return fitted(written, like.shape)

    def _keep(self, stage: Stage) -> None:
        self.stages[stage.term] = stage

    def _argument(self, term: Term) -> Term:
        plain = term.is_atom or not self.depends(term)
        return self._staged(term) if plain else self._name(term)

    def _factor(self, term: Term, exponent: Fraction | int) -> Term:
        composite = term.is_sum or (term.is_contraction and exponent != 1)
        rooted = Fraction(exponent).denominator == 2
        named = composite and self.depends(term)
        return self._name(term, rooted=rooted) if named else self._staged(term)

    def _name(self, term: Term, *, rooted: bool = False) -> Term:
        value = self._value(term)
        if value.is_atom:
            return value
        found = self._names.get(term)
        if found is None:
            expr = named_expr(self._letter(term, rooted), self._written(value))
            found = self._names[term] = leaf(expr, value.dims)
            self._keep(Stage(expr, found, value, True))
            self._depends[found] = True
        return found

    def _letter(self, term: Term, rooted: bool) -> str:
        letters = (_SCALAR, _VECTOR, _MATRIX)[min(len(term.dims), 2)]
        if any(s.value < 0 for s, _ in summands(term)) and term.dims:
            letters = letters[1] + letters
            if zero_axes(term):
                letters = "cC"[len(term.dims) > 1] + letters
        elif rooted:  # as a variance is
            letters = "vV"[len(term.dims) > 1] + letters
        name = next((n for n in letters if n not in self.taken), None)
        while name is None or name in self.taken:
            self._numbers[letters[-1]] = number = self._numbers.get(letters[-1], 0) + 1
            name = f"{letters[-1]}{number}"
        self.taken.add(name)
        return name


def zero_axes(term: Term) -> set[int]:
    """Return the axes along which the entries of a sum add up to 0, whatever its leaves are."""
    marks, dims = tuple(range(len(term.dims))), dict(enumerate(term.dims))
    found = set()
    for k in marks if term.is_sum else ():
        along = contract([Factor(term, marks)], [x for x in marks if x != k], dims)
        if is_zero(Simplifier()(along)):
            found.add(k)
    return found


def _rooted(f: Factor) -> Factor:
    """Return an even power of a root, as ‖r‖² is, as a power of what is under it: Σ rᵢ².

    What is smooth is not taken through a function that is not.
    """
    square = TABLE[f.term.data.name].square if f.term.kind == "call" else None
    if square is None or f.exponent % 2 or f.term.dims:
        return f
    under = square(f.term)
    return f if under is None else Factor(under, f.labels, f.exponent / 2)
