"""Takes a vector or a matrix and a variable; returns the derivative of its entry, line by line.

Forward: from the variable through the named intermediates to the value, each entry differentiated
as it stands. No objective is made up for it, and no cotangent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from ...calculus.matrixform import Raiser
from ...calculus.simplify import Reuse
from ...calculus.simplify.facts import rebuilt
from ...core.expr import Expr, named, partial
from ...core.shapes import Shape
from ...tensor import Scale, Term
from ...tensor import named as named_term
from .entry_forms import Ends, Forms, Letters, Monomial, place, total
from .matrix_steps import closing_steps
from .stage_slopes import Slope, StageSlopes
from .stage_words import Reach, with_names
from .staging import Stage, Stages, zero_axes
from .steps import Act, Reason, Step


@dataclass(frozen=True)
class Staged:
    """A value with a name, by the named intermediates between a variable and it."""

    value: Expr  # its name, standing for it
    target: Term
    stages: Stages
    raiser: Raiser

    @cached_property
    def found(self) -> tuple[Stage, ...]:
        """The stages, the value itself last; none where it does not move."""
        return tuple(self.stages.stages.values())

    @cached_property
    def reuse(self) -> Reuse:
        """What puts names in the place of what they name."""
        return Reuse((), [(s.term, s.value) for s in self.found], self.raiser.simplify.facts)

    @cached_property
    def calls(self) -> dict[Expr, Expr]:
        """The functions that have names."""
        return {s.expr.args[0]: s.expr for s in self.found if s.term.dims and s.value.is_call}

    def in_names(self, term: Term, shape: Shape, raiser: Raiser | None = None) -> Expr:
        """Return a term as an expression in the names of the stages."""
        written = (raiser or self.raiser).shaped(term, shape, self.reuse)
        return with_names(written, self.calls)


@dataclass(frozen=True, slots=True)
class Forward:
    """The derivative of an entry of a value by an entry of a variable, and how it was found."""

    steps: tuple[Step, ...]
    value: Expr  # the name of what is differentiated, standing for it
    monomials: tuple[Monomial, ...]
    posed: Staged
    jacobians: dict[Term, Expr]  # names of the Jacobians of stages, where these are long

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Return the stages, the value itself last."""
        return self.posed.found

    @property
    def entry(self) -> Expr:
        """Return the derivative as the last of the steps has it."""
        return total(self.monomials)


def staged(name: str, root: Term, target: Term, raiser: Raiser, taken: Sequence[str]) -> Staged:
    """Return the stages of ``root``, called ``name``, between a variable and it."""
    whole = root if root.kind == "named" else named_term(named(name, raiser.natural(root)), root)
    stages = Stages(whole, [target], raiser.natural, [*taken, name])
    found = list(stages.stages.values())
    value = found[-1].expr if found else named(name, raiser.natural(root))
    return Staged(value, target, stages, raiser)


class ChainOfMatrices(Protocol):
    """The Jacobians of stages as products of matrices, those of names that they use put in."""

    def chained(self, stage: Term, names: Mapping[Term, Expr]) -> Expr: ...


def forward(
    posed: Staged, ends: tuple[Ends, Ends], chain: ChainOfMatrices | None = None
) -> Forward:
    """Return the derivative of a value at the entries ``ends`` of it and of the variable.

    With a ``chain``, a Jacobian on the way that is a sum of several terms gets a name. Raises
    NoEntriesError where a derivative is a function of whole matrices.
    """
    stages, target, raiser, found = posed.stages, posed.target, posed.raiser, posed.found
    if not found:
        return _unmoved(posed, ends)
    letters = Letters([*stages.taken, "e"])
    # What is a power is written as such where it is differentiated, and named afterwards.
    names = [(s.value, s.expr) for s in found if s is not found[-1] or s.value.kind == "call"]
    forms = Forms(raiser, letters, names)
    slopes = StageSlopes(forms, letters, posed.calls, Reach(found))
    named_jacobians: dict[Term, Expr] = {}
    steps: list[Step] = []
    value, by = ends
    monomials: list[Monomial] = []
    values: dict[Term, Term] = {}
    for stage in found:
        letters.reserved = set(by)
        spot = value if stage.term is stages.root else _spot(letters, stage, by)
        letters.reserved |= set(spot)
        monomials = slopes.of_stage(stage, spot, target, target.data, by, steps)
        inner = stage is not found[-1] and len(stage.term.dims) < 2
        if chain is not None and inner and len(monomials) > 1:
            matrix = chain.chained(stage.term, named_jacobians)
            named_jacobians[stage.term] = name = _jacobian_name(stage, matrix, stages.taken)
            monomials = _under_name(stage, name, (*spot, *by), steps, monomials)
        slopes.known[stage.term] = Slope(spot, tuple(monomials))
        slopes.centred[stage.expr] = centred(stage, values)
    return Forward(tuple(steps), posed.value, tuple(monomials), posed, named_jacobians)


def _unmoved(posed: Staged, ends: tuple[Ends, Ends]) -> Forward:
    """Return the derivative of a value by a variable that it does not contain."""
    value, by = posed.value, posed.target.data
    slope = partial(place(value, ends[0]), place(by, ends[1]))
    reason = (value, " does not contain ", by)
    step = Step(slope, total(()), Act.KNOWN, reason, True)
    return Forward((step,), value, (), posed, {})


def _jacobian_name(stage: Stage, matrix: Expr, taken: set[str]) -> Expr:
    """Return a free name for the Jacobian of a stage: J_z for that of z."""
    pool = (f"{letter}_{stage.expr.data}" for letter in ("J", "Jac", "Jacobian"))
    numbered = (f"Jacobian_{stage.expr.data}{k}" for k in range(1, len(taken) + 2))
    return named(next(n for n in (*pool, *numbered) if n not in taken), matrix)


def _under_name(
    stage: Stage, name: Expr, spots: Ends, steps: list[Step], monomials: list[Monomial]
) -> list[Monomial]:
    """Append the lines that give the Jacobian of a stage a name; return its entry under it."""
    matrix = name.args[0]
    steps += closing_steps(matrix, spots, monomials)
    reason: Reason = (name, " names the Jacobian of ", stage.expr)
    steps.append(Step(name, matrix, Act.NAMES, reason, True))
    return [Monomial(Scale(), (place(name, spots),))]


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
