"""Takes a vector or a matrix and a variable; returns the derivative of its entry, line by line.

Forward: from the variable through the named intermediates to the value, each entry differentiated
as it stands. No objective is made up for it, and no cotangent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...calculus.matrixform import Raiser
from ...calculus.simplify import Reuse
from ...calculus.simplify.facts import rebuilt
from ...core.expr import Expr, named, partial
from ...core.shapes import Shape
from ...tensor import Term
from ...tensor import named as named_term
from .entry_forms import Ends, Forms, Letters, Monomial, place, total
from .stage_slopes import Slope, StageSlopes
from .stage_words import Reach, with_names
from .staging import Stage, Stages, zero_axes
from .steps import Act, Step


@dataclass(frozen=True, slots=True)
class Forward:
    """The derivative of an entry of a value by an entry of a variable, and how it was found."""

    steps: tuple[Step, ...]
    value: Expr  # the name of what is differentiated, standing for it
    monomials: tuple[Monomial, ...]
    reuse: Reuse  # puts the names that the steps use in the place of what they name
    calls: dict[Expr, Expr]  # functions that have names
    stages: tuple[Stage, ...]

    def in_names(self, term: Term, raiser: Raiser, shape: Shape) -> Expr:
        """Return a term as an expression in the names that the steps use."""
        return with_names(raiser.shaped(term, shape, self.reuse), self.calls)

    @property
    def entry(self) -> Expr:
        """Return the derivative as the last of the steps has it."""
        return total(self.monomials)


def forward(
    name: str,
    root: Term,
    target: Term,
    ends: tuple[Ends, Ends],
    raiser: Raiser,
    taken: Sequence[str],
) -> Forward:
    """Return the derivative of ``root``, called ``name``, at the entries ``ends`` of both.

    Raises NoEntriesError where a derivative is a function of whole matrices.
    """
    whole = root if root.kind == "named" else named_term(named(name, raiser.natural(root)), root)
    stages = Stages(whole, [target], raiser.natural, [*taken, name])
    found = list(stages.stages.values())
    if not found:
        return _unmoved(named(name, raiser.natural(root)), target.data, ends, raiser)
    letters = Letters([*taken, *stages.taken, "e"])
    # What is a power is written as such where it is differentiated, and named afterwards.
    names = [(s.value, s.expr) for s in found if s is not found[-1] or s.value.kind == "call"]
    forms = Forms(raiser, letters, names)
    calls = {s.expr.args[0]: s.expr for s in found if s.term.dims and s.value.kind == "call"}
    slopes = StageSlopes(forms, letters, calls, Reach(tuple(found)))
    steps: list[Step] = []
    value, by = ends
    monomials: list[Monomial] = []
    values: dict[Term, Term] = {}
    for stage in found:
        letters.reserved = set(by)
        spot = value if stage.term is stages.root else _spot(letters, stage, by)
        letters.reserved |= set(spot)
        monomials = slopes.of_stage(stage, spot, target, target.data, by, steps)
        slopes.known[stage.term] = Slope(spot, tuple(monomials))
        slopes.centred[stage.expr] = centred(stage, values)
    reuse = Reuse((), [(s.term, s.value) for s in found], raiser.simplify.facts)
    return Forward(tuple(steps), found[-1].expr, tuple(monomials), reuse, calls, tuple(found))


def _unmoved(value: Expr, by: Expr, ends: tuple[Ends, Ends], raiser: Raiser) -> Forward:
    """Return the derivative of a value by a variable that it does not contain."""
    slope = partial(place(value, ends[0]), place(by, ends[1]))
    reason = (value, " does not contain ", by)
    step = Step(slope, total(()), Act.KNOWN, reason, True)
    return Forward((step,), value, (), Reuse((), [], raiser.simplify.facts), {}, ())


def _spot(letters: Letters, stage: Stage, by: Ends) -> Ends:
    return letters.pair("ij", len(stage.term.dims), by)


def centred(stage: Stage, values: dict[Term, Term]) -> set[int]:
    """Return the axes along which the entries of a stage add up to 0, whatever its variables are.

    ``values`` are those of the stages before, in the leaves alone; that of this stage is added.
    """
    values[stage.term] = in_leaves(stage.value, values, {})
    return zero_axes(values[stage.term])


def in_leaves(term: Term, values: dict[Term, Term], memo: dict[Term, Term]) -> Term:
    """Return a term with the values of names in their place."""
    if term not in memo:
        if term in values or not term.children:
            memo[term] = values.get(term, term)
        else:
            inner = tuple(in_leaves(c, values, memo) for c in term.children)
            memo[term] = inner[0] if term.kind == "named" else rebuilt(term, inner)
    return memo[term]
