"""Takes the stages of an objective; returns names for the spreads that their derivatives bring.

A layer norm is written without its standard deviation, but its derivative divides by it in every
term. Such a root of a reduction gets a name: σ where it does not change when the same number is
added to all that is reduced, ρ where it does, each with the index of what it is of.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain, count

from ...calculus import reverse
from ...calculus.matrixform import Raiser
from ...core.expr import Expr, var, walk_all
from ...core.expr import named as named_expr
from ...core.shapes import ONE, Shape
from ...tensor import (
    Factor,
    Term,
    contract,
    factors_of,
    is_entrywise,
    is_zero,
    leaf,
    walk_terms,
)
from .entry_forms import Forms, place, total
from .forward import in_leaves
from .stage_words import calls, meets
from .staging import Stage
from .steps import Act, Step

_ABOUT_MEAN, _ABOUT_ZERO = "sigma", "rho"
_NAMES = " names this root"
_HALF = Fraction(1, 2)
_NUMBER = re.compile(r"_?\d+$", re.ASCII)


def spreads(
    stages: Sequence[Stage], leaves: Sequence[Term], raiser: Raiser, taken: Collection[str]
) -> dict[Term, Stage]:
    """Return names for spreads, by the roots as derivatives have them.

    One that the writer gave a name to goes by that; the other names are not ``taken``.
    """
    used = {*taken}
    targets = [t for t in (*leaves, *(s.term for s in stages)) if t.dims]
    named: dict[Term, Stage] | None = None
    found: dict[Term, Stage] = {}
    for under, target in _under_roots(stages, targets):
        value = _root(under)
        if value in found:
            continue
        if named is None:
            named = _written(stages, raiser)
        simple = raiser.simplify(value)
        if simple not in named:
            name = _name(under, target, raiser, used)
            used.add(name)
            expr = named_expr(name, raiser.natural(simple))
            named[simple] = Stage(expr, leaf(expr, value.dims), value, True)
        found[value] = named[simple]
    return found


def _written(stages: Sequence[Stage], raiser: Raiser) -> dict[Term, Stage]:
    """Return what the writer gave names to, by the values without automatic names."""
    values: dict[Term, Term] = {}
    found: dict[Term, Stage] = {}
    memo: dict[Term, Term] = {}
    for stage in stages:
        value = in_leaves(stage.value, values, memo)
        if stage.automatic:
            values[stage.term] = value
        else:
            found[raiser.simplify(value)] = stage
    return found


def definition(spread: Stage, forms: Forms) -> Step:
    """Return the line that says what a name stands for."""
    spot = forms.letters.pair("ij", len(spread.term.dims))
    with forms.spelled_out(spread.expr):
        value = total(forms.monomials(spread.value, spot))
    return Step(place(spread.expr, spot), value, Act.NAMES, (spread.expr, _NAMES), True)


def whole_definition(name: Expr) -> Step:
    """Return the line that says what a name stands for, as a matrix."""
    return Step(name, name.args[0], Act.NAMES, (name, _NAMES), True)


def introduced(steps: Iterable[Step], lines: dict[Expr, Step]) -> list[Step]:
    """Return steps with the line of a name before the chain that first uses it.

    A line that has been given is taken from ``lines``.
    """
    found: list[Step] = []
    opened = 0
    for step in steps:
        opened = len(found) if step.opens else opened
        for e in walk_all([step.before, step.after], Expr.is_name) if lines else ():
            if e in lines:
                found.insert(opened, lines.pop(e))
                opened += 1
        found.append(step)
    return found


def _under_roots(stages: Sequence[Stage], targets: Sequence[Term]) -> Iterator[tuple[Term, Term]]:
    """Yield what derivatives of functions take a root of, with the target reduced in it."""
    for stage in stages:
        if all(map(is_entrywise, calls(stage.value))):
            continue  # what a polynomial divides by has been named as a stage
        given = leaf(var("?seed", _shape(stage.term)), stage.term.dims)
        for target in (t for t in targets if meets(stage.value, t)):
            for part in walk_terms(reverse(stage.value, [target], given).gradient(target)):
                for f in factors_of(part)[1] if part.is_contraction else ():
                    if f.exponent.denominator == 2 and _reduces(f.term, target):
                        yield f.term, target


def _shape(term: Term) -> Shape:
    return (*term.dims, *(ONE,) * (2 - len(term.dims)))


def _reduces(under: Term, target: Term) -> bool:
    """Whether a value is made of all entries along an axis of the target."""
    return not under.is_atom and len(under.dims) < len(target.dims) and meets(under, target)


def _root(under: Term) -> Term:
    labels = tuple(range(len(under.dims)))
    return contract([Factor(under, labels, _HALF)], labels, dict(enumerate(under.dims)))


def _name(under: Term, of: Term, raiser: Raiser, taken: Collection[str]) -> str:
    """Return σ or ρ, with the number of what it is of, else with its name."""
    letter = _ABOUT_MEAN if _is_about_mean(under, of, raiser) else _ABOUT_ZERO
    whole = str(of.data.data)
    number = _NUMBER.search(whole)
    wanted = [f"{letter}{number[0]}" if number else "", f"{letter}_{whole}"]
    return next(
        n for n in chain(wanted[not number :], (f"{letter}{k}" for k in count(1))) if n not in taken
    )


def _is_about_mean(under: Term, of: Term, raiser: Raiser) -> bool:
    """Whether a value stays when the same number is added to all entries along an axis."""
    given = leaf(var("?seed", _shape(under)), under.dims)
    slope = reverse(under, [of], given).gradient(of)
    marks = tuple(range(len(of.dims)))
    along = (
        contract([Factor(slope, marks)], [x for x in marks if x != k], dict(enumerate(of.dims)))
        for k in marks
    )
    return any(is_zero(raiser.simplify(x)) for x in along)
