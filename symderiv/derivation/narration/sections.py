"""Takes an objective as an index term; returns the derivation of its gradients, line by line.

For each named intermediate, walking backward, and for each variable: the entry of what depends on
it, the product rule, the deltas, the sifting, the chain rule, and the matrix form that the entries
spell. Every ``before = after`` holds for all values of the free indices and can be evaluated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...calculus import reverse
from ...calculus.matrixform import Raiser
from ...calculus.simplify import Facts, Reuse
from ...core.errors import NoEntriesError
from ...core.expr import Expr, Variable, add, index_sum, mul, named, partial
from ...core.shapes import Dim, Shape
from ...problems.properties import readings
from ...tensor import Term, leaf, zero
from ...tensor import add as add_terms
from .differentials import Backward
from .entry_forms import Ends, Forms, Letters, Monomial, place, total
from .folds import Fold, fold_of
from .matrix_steps import closing_steps
from .spreads import definition, introduced, spreads
from .stage_slopes import StageSlopes
from .stage_words import Reach, joined, laws, listed, meets, names_in, why_known, with_names
from .staging import Stage, Stages, zero_axes
from .steps import Act, GradientOf, Reason, Step


@dataclass(frozen=True, slots=True)
class Section:
    """The derivation of one gradient: of a variable, or of a named intermediate on the way.

    >>> from symderiv import derive
    >>> from symderiv.ops.text import text
    >>> sections = derive("Z = 3 * X; sum(Z ** 2)", X="n, d").sections
    >>> [(text(s.target), text(s.result), len(s.steps)) for s in sections]
    [('Z', '2 * Z', 5), ('X', '3 * dZ', 7)]
    """

    target: Expr
    steps: tuple[Step, ...]
    result: Expr  # the gradient in terms of names
    entry: tuple[str, ...]  # the free indices that name an entry of the target
    summed: tuple[tuple[str, Dim], ...]  # indices the final form sums over
    given: Expr | None = None  # what stands for the gradient in later sections: G, or dZ


@dataclass(frozen=True, slots=True)
class Narration:
    """A whole derivation: sections walking backward, stages, the objective in their names."""

    sections: tuple[Section, ...]
    stages: tuple[Stage, ...]
    objective: Expr
    backward: Backward


def narrate(
    objective: str,
    root: Term,
    leaves: Sequence[Term],
    raiser: Raiser,
    taken: Sequence[str],
    *,
    labelled: bool = False,
    declared: Sequence[Variable] = (),
) -> Narration:
    """Return the derivation of the gradients by ``leaves``, those of intermediates first.

    Where the writer named the objective (``labelled``), gradients are written with this name, too.
    A property of one of the ``declared`` variables that a form rests on is named.
    """
    narrator = _Narrator(objective, root, leaves, raiser, taken, labelled=labelled)
    narrator.declared = [v for v in declared if v.properties]
    sections = narrator.sections()
    stages = (*narrator.stages.stages.values(), *narrator.made)
    return Narration(tuple(sections), stages, narrator.loss.args[0], narrator.backward(sections))


class _Narrator:
    def __init__(
        self,
        objective: str,
        root: Term,
        leaves: Sequence[Term],
        raiser: Raiser,
        taken: Sequence[str],
        *,
        labelled: bool,
    ) -> None:
        self.raiser, self.leaves = raiser, list(leaves)
        self.declared: list[Variable] = []
        self.stages = Stages(root, leaves, raiser.natural, [*taken, objective])
        self.root = self.stages.root
        self.loss = named(objective, raiser.natural(self.root))
        self._taken = {*taken, objective, *self.stages.taken}
        found = list(self.stages.stages.values())
        self.spreads = spreads(found, self.leaves, raiser, self._taken)
        self._taken |= {str(s.expr.data) for s in self.spreads.values()}
        self._reuse = self._reused(labelled)
        self.letters = Letters([*self._taken, "e"])
        self.forms = Forms(raiser, self.letters, [(x, s.expr) for x, s in self.spreads.items()])
        self.made = [s for s in self.spreads.values() if s.automatic]
        self._lines = {s.expr: definition(s, self.forms) for s in self.made}
        self.given: dict[Term, Expr] = {}
        self.cotangents: dict[Term, tuple[Term, Expr]] = {}  # of stages, with their names
        self.folds: dict[Term, Fold] = {}
        self._derived: set[Term] = set()  # whose gradients have steps
        self._users: dict[Term, list[Stage]] = {}
        self._reach = Reach(tuple(found))
        for stage in found:
            for used in self._reach.used[stage.term]:
                self._users.setdefault(used, []).append(stage)
        named_calls = [s for s in found if s.term.dims and s.value.is_call]
        self.calls: dict[Expr, Expr] = {s.expr.args[0]: s.expr for s in named_calls}
        self.slopes = StageSlopes(self.forms, self.letters, self.calls, self._reach)

    def _reused(self, labelled: bool) -> Reuse:
        """Return what puts names in the place of values: the writer's, and those of spreads."""
        stages = self.stages.stages.values()
        names = [(s.term, s.value) for s in stages if not s.automatic]
        names += [(s.term, x) for x, s in self.spreads.items()]
        label = [(leaf(self.loss, ()), self.root)] if labelled else []
        # What is less its mean comes back in derivatives of what is made of it.
        label += [(s.term, s.value) for s in stages if s.automatic and zero_axes(s.value)]
        # A function that divides by a spread has a value only where the root has one.
        roots = {s.term for s in self.spreads.values()}
        return Reuse(names, label, self.raiser.simplify.facts, roots)

    def sections(self) -> list[Section]:
        stages = list(self.stages.stages.values())
        found: list[Section] = []
        for stage in reversed(stages):
            section = self._section(stage.term, stage.expr)
            given = self.given[stage.term] = self._name_gradient(stage, section.result)
            self.cotangents[stage.term] = self._found, given
            # The gradient at the argument of an unspecified loss is given, not derived.
            if section.steps:
                self._derived.add(stage.term)
                found.append(replace(section, given=given))
        found += [self._section(x, x.data) for x in self.leaves]
        return found

    def backward(self, sections: Sequence[Section]) -> Backward:
        """Return what was found, for a derivation by differentials."""
        results = {x: s.result for x in self.leaves for s in sections if s.target is x.data}
        return Backward(
            self.loss,
            self.root,
            tuple(self.stages.stages.values()),
            self.leaves,
            self.given,
            results,
            self.folds,
            lambda term, shape: with_names(
                self.raiser.shaped(term, shape, self._reuse), self.calls
            ),
            [s.expr for s in self.made],
        )

    def _name_gradient(self, stage: Stage, written: Expr) -> Expr:
        """Return what stands for the gradient of a stage later: G itself, or a name dZ."""
        plain = written.args[0] if written.is_transpose else written
        if plain.is_symbol:
            return written
        name = f"d{stage.expr.data}"
        while name in self._taken:
            name += "_"
        return named(name, written)

    def _is_given(self, target: Term, result: Expr) -> bool:
        """Whether the gradient of a target is known by definition: L(Z) has the gradient G."""
        plain = result.args[0] if result.is_transpose else result
        alone = self.root.is_call and self.root.children == (target,)
        return alone and plain.is_variable and not self._consumers(target)

    def _result(self, target: Term, expr: Expr, consumers: list[Stage], direct: bool) -> Expr:
        """Return the gradient in terms of the gradients of the stages that use the target."""
        parts = [reverse(self.root, [target]).gradient(target)] if direct else []
        for stage in consumers:
            given = leaf(self.given[stage.term], stage.term.dims)
            parts.append(reverse(stage.value, [target], given).gradient(target))
        # A target that meets the objective only through other names is not met by it directly.
        found = self._found = add_terms(parts or [zero(target.dims)])
        whole = self.raiser.shaped(found, expr.shape, self._reuse)
        return with_names(whole, self.calls)

    def _rests_on(self, term: Term, shape: Shape) -> list[Reason]:
        """Return the properties of variables without which a term has another form."""
        known = {v.name: v.properties for v in self.declared}
        if not known:
            return []
        form = Raiser({}, Facts(known)).shaped(term, shape)
        return [
            (v.expr, f" {' and '.join(readings(v))}")
            for v in self.declared
            if Raiser({}, Facts({**known, v.name: ()})).shaped(term, shape) is not form
        ]

    def _fold(self, target: Term, result: Expr) -> Fold | None:
        """Return the function that the gradient of a stage folds to; it is remembered."""
        stages = tuple(self.stages.stages.values())
        fold = fold_of((self._found, result), target, stages, self.cotangents, self.raiser)
        if fold is not None:
            self.folds[target] = fold
            self._found = fold.terms[1]
        return fold

    def _consumers(self, target: Term) -> list[Stage]:
        return self._users.get(target, [])

    def _section(self, target: Term, expr: Expr) -> Section:
        self.letters.reserved = set()
        ends = self.letters.targets(len(target.dims))
        self.letters.reserved = set(ends)
        consumers = self._consumers(target)
        direct = meets(self.root, target)
        result = self._result(target, expr, consumers, direct)
        rests_on = self._rests_on(self._found, expr.shape)
        if self._is_given(target, result):
            return Section(expr, (), result, ends, ())
        steps: list[Step] = []
        pieces: list[tuple[Stage, Ends, list[Monomial] | None]] = []
        for stage in consumers:
            spot = self.letters.pair("ij", len(stage.term.dims), ends)
            pieces.append((stage, spot, self._stage(stage, spot, target, expr, ends, steps)))
        monomials = self._chain(target, expr, ends, pieces, direct, steps)
        fold = self._fold(target, result)
        if fold is not None:
            result = fold.result
            monomials = fold.into(total(monomials), self.forms, ends, steps)
        steps += closing_steps(result, ends, monomials, rests_on)
        steps = introduced(steps, self._lines)
        bound = tuple(dict.fromkeys(b for m in monomials for b in m.bound))
        return Section(expr, tuple(steps), result, ends, bound)

    # one stage, differentiated entry by entry

    def _stage(
        self, stage: Stage, spot: Ends, target: Term, expr: Expr, ends: Ends, steps: list[Step]
    ) -> list[Monomial] | None:
        """Return the derivative of an entry of a stage; None where it has no form of its own."""
        local: list[Step] = []
        try:
            found = self.slopes.of_stage(stage, spot, target, expr, ends, local)
        except NoEntriesError:
            steps += local[:1]  # what the stage is
            return None
        steps += local
        return found

    # the chain rule over all consumers

    def _chain(
        self,
        target: Term,
        expr: Expr,
        ends: Ends,
        pieces: list[tuple[Stage, Ends, list[Monomial] | None]],
        direct: bool,
        steps: list[Step],
    ) -> list[Monomial]:
        by = place(expr, ends)
        own: list[Monomial] = []
        if direct:
            own = self._own(target, expr, ends, steps, bool(pieces))
        if not pieces:
            return own
        shown = [m.expr() for m in own]
        used: list[Monomial] = list(own)
        for stage, spot, local in pieces:
            shown.append(self._through(stage, spot, expr, by))
            used += self._substituted(stage, spot, local, target, ends)
        every = "every entry of " if any(s.term.dims for s, _, _ in pieces) else ""
        names = listed([s.expr for s, _, _ in pieces])
        fixed = [n for n in names_in(self.root) if n is not expr and self._reach(n, target)]
        alone: Reason = (" in ", self.loss, " itself, with ", *listed(fixed), " held fixed, and")
        itself = alone if direct and fixed else ()
        because: Reason = ("chain rule: ", expr, " acts", *itself, f" through {every}", *names)
        first = add(*shown)
        steps.append(Step(partial(self.loss, by), first, Act.CHAIN, because, True))
        known, why = self._known([s for s, _, _ in pieces]), tuple(why_known(pieces, target))
        steps.append(Step(first, total(used), Act.SUBSTITUTE, (*known, *why), own=why))
        return self.slopes.sift(used, steps)

    def _known(self, stages: Sequence[Stage]) -> list[str | Expr]:
        """Return why the gradients of stages are known: given by definition, or derived before."""
        defined = [self.given[s.term] for s in stages if s.term not in self._derived]
        derived = [s.expr for s in stages if s.term in self._derived]
        words: list[str | Expr] = ["definition of ", *listed(defined)] if defined else []
        if derived:
            words += ["; "] if words else []
            words += [
                p for k, e in enumerate(derived) for p in (*[" and "][: k > 0], GradientOf(e))
            ]
        return words

    def _through(self, stage: Stage, spot: Ends, expr: Expr, by: Expr) -> Expr:
        """Return the part of the chain rule that goes through one stage, in symbols."""
        at = place(stage.expr, spot)
        held = tuple(n for n in names_in(stage.value) if n is not expr)
        body = mul(partial(self.loss, at), partial(at, by, held))
        for name, dim in reversed(_ranges(stage, spot)):
            body = index_sum(name, dim, body)
        return body

    def _substituted(
        self, stage: Stage, spot: Ends, local: list[Monomial] | None, target: Term, ends: Ends
    ) -> list[Monomial]:
        """Return the same part with the stage's gradient and its derivative put in."""
        if local is None:
            cotangent = leaf(self.given[stage.term], stage.term.dims)
            pulled = reverse(stage.value, [target], cotangent).gradient(target)
            return [self.slopes.in_names(m) for m in self.forms.monomials(pulled, ends)]
        given = place(self.given[stage.term], spot)
        bound = tuple(_ranges(stage, spot))
        return [Monomial(m.scale, (given, *m.factors), m.deltas, (*bound, *m.bound)) for m in local]

    def _own(
        self, target: Term, expr: Expr, ends: Ends, steps: list[Step], more: bool
    ) -> list[Monomial]:
        """Differentiate the objective itself, where it contains the target."""
        if not more:
            shown = total(self.forms.monomials(self.root, ()))
            steps.append(Step(self.loss, shown, Act.OBJECTIVE, ("definition of ", self.loss), True))
            return self._whole(target, expr, ends, steps)
        # With other paths to the target, the direct terms join the chain rule.
        quiet: list[Step] = []
        return self._whole(target, expr, ends, quiet)

    def _whole(self, target: Term, expr: Expr, ends: Ends, steps: list[Step]) -> list[Monomial]:
        """Differentiate the objective entry by entry, or by the rules of whole functions."""
        local: list[Step] = []
        try:
            found = self.slopes.differentiate(self.root, (), self.loss, target, expr, ends, local)
        except NoEntriesError:
            found = self.forms.monomials(reverse(self.root, [target]).gradient(target), ends)
            pulled = [self.slopes.in_names(m) for m in found]
            reason: Reason = joined([law] for law in laws(self.root, target))
            by = partial(self.loss, place(expr, ends))
            steps.append(Step(by, total(pulled), Act.KNOWN, reason, True))
            return pulled
        steps += local
        return found


def _ranges(stage: Stage, spot: Ends) -> list[tuple[str, Dim]]:
    return list(zip(map(str, spot), stage.term.dims, strict=True))
