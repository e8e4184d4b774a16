"""Takes the gradient of an intermediate; returns the function that its values add up to, if any.

What stands in the gradient under automatic names is put in, and what comes out is a function with
a name of its own: e^r / (1 + e^r) = sigma(r). Both are steps, and so nothing is folded in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...calculus.matrixform import Raiser
from ...core.expr import Expr, walk
from ...ops import TABLE
from ...ops.text import text
from ...tensor import Term, leaf
from .entry_forms import Ends, Forms, Monomial, total
from .forward import in_leaves
from .stage_words import joined, listed, named_in
from .staging import Stage
from .steps import Act, LawOf, Reason, Step

_FEW = 4  # names that are put in at once


@dataclass(frozen=True)
class Fold:
    """A gradient that is a known function once what its names stand for is put in."""

    before: Expr  # the gradient in names
    spelled: Expr  # with their values
    result: Expr  # folded
    names: tuple[Expr, ...]  # that are put in
    terms: tuple[Term, Term]  # the last two
    new: tuple[str, ...]  # the functions that came in

    def into(self, last: Expr, forms: Forms, ends: Ends, steps: list[Step]) -> list[Monomial]:
        """Append the steps for an entry; return the folded entry."""
        spelled, folded = (forms.monomials(t, ends) for t in self.terms)
        steps += self._lines(last, total(spelled), total(folded))
        return folded

    def whole(self) -> list[Step]:
        """Return the same steps for the whole gradient."""
        return self._lines(self.before, self.spelled, self.result)

    def _lines(self, before: Expr, spelled: Expr, result: Expr) -> list[Step]:
        put: Reason = ("definition of ", *listed(self.names))
        laws = [[LawOf(op, f"definition of {op}")] for op in self.new]
        return [Step(before, spelled, Act.FOLD, put), Step(spelled, result, Act.FOLD, joined(laws))]


def fold_of(
    before: tuple[Term, Expr],
    target: Term,
    stages: Sequence[Stage],
    cotangents: Mapping[Term, tuple[Term, Expr]],
    raiser: Raiser,
) -> Fold | None:
    """Return how the gradient of a stage folds, where all names after it are automatic.

    ``before`` is the gradient in names; ``cotangents`` has those of the later stages, with the
    names that stand for them.
    """
    places = [s.term for s in stages]
    later = stages[places.index(target) + 1 if target in places else 0 :]
    if not 0 < len(later) <= _FEW or not all(s.automatic for s in later):
        return None
    values: dict[Term, Term] = {}
    for s in later:
        values[s.term] = in_leaves(s.value, values, {})
    for s in reversed(later):
        found, name = cotangents[s.term]
        values[leaf(name, s.term.dims)] = in_leaves(found, values, {})
    term, written = before
    spelled = in_leaves(term, values, {})
    folded = raiser.simplify(spelled)
    as_spelled, result = raiser.natural(spelled), raiser.shaped(folded, written.shape)
    new = sorted(_functions(result) - _functions(as_spelled) - _functions(written))
    if not new or as_spelled.shape != written.shape or len(text(result)) > len(text(as_spelled)):
        return None
    raw = {leaf(name, s.term.dims): found for s in later for found, name in [cotangents[s.term]]}
    raw |= {s.term: s.value for s in later}
    met = [n for n in named_in(term) if n in raw]
    for n in met:
        met += [x for x in named_in(raw[n]) if x in raw and x not in met]
    names = tuple(n.data for n in met)
    return Fold(written, as_spelled, result, names, (spelled, folded), tuple(new))


def _functions(x: Expr) -> set[str]:
    """Return the functions in an expression that a lemma defines."""
    return {e.op for e in walk(x, Expr.is_name) if not isinstance(TABLE[e.op].rests_on, str)}
