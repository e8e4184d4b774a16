"""Takes the stages of an objective; returns its gradients by differentials, line by line.

dL is the inner product of the cotangent of a stage with its differential. The differential of
each stage is put in, and each factor beside it moved to the other side of the inner product; what
stands there in the end are the gradients, of all variables at once. Source: Magnus and Neudecker,
Matrix Differential Calculus (2019), chapters 5 and 9; Minka, Old and New Matrix Algebra Useful
for Statistics (2000).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from ...calculus import reverse
from ...core.expr import Expr, add, differential, mul, node, num, var, walk, zeros
from ...core.shapes import ONE, SCALAR, Shape
from ...ops import TABLE
from ...tensor import Factor, Term, contract, factors_of, leaf, scaled, summands, walk_terms
from .folds import Fold
from .spreads import introduced, whole_definition
from .stage_words import Reach, joined, laws, meets
from .staging import Stage
from .steps import POWER, POWERS, Act, LawOf, Reason, Step

# How what stands around a change goes to the other side of an inner product.
_MOVES: dict[str, Callable[[Expr], bool]] = {
    "a factor moves to the other side transposed": lambda e: e.op == "matmul",
    "an entrywise factor moves as it is": lambda e: (
        e.op == "mul" and sum(not a.is_scalar for a in e.args) > 1
    ),
    "a transpose moves as a transpose": lambda e: e.op == "transpose",
    "a sum moves as equal entries": lambda e: (
        e.op not in ("dot", "matmul")
        and not TABLE[e.op].moves
        and _axes(e) < max(map(_axes, e.args), default=0)
    ),
    "entries that change places go back to their own": lambda e: (
        e.op != "transpose" and TABLE[e.op].moves
    ),
    "a number moves as it is": lambda e: (
        e.op == "mul" and sum(not a.is_scalar for a in e.args) == 1
    ),
}


@dataclass(frozen=True)
class Backward:
    """What a derivation backward found: stages, the names of their cotangents, how to write."""

    loss: Expr
    root: Term
    stages: Sequence[Stage]
    leaves: Sequence[Term]
    given: Mapping[Term, Expr]
    results: Mapping[Term, Expr]  # by target, the whole gradient in names
    folds: Mapping[Term, Fold]  # gradients that are a function with a name
    written: Callable[[Term, Shape], Expr]
    spreads: Sequence[Expr] = ()  # names that no stage has: what derivatives divide by


class Differentials:
    """Writes the derivation; ``moving`` are the variables that change."""

    def __init__(self, found: Backward) -> None:
        self.found = found
        self.moving = tuple(sorted(str(x.data.data) for x in found.leaves))
        self._reach = Reach(tuple(found.stages))
        self.steps: list[Step] = []

    def of(self, x: Expr) -> Expr:
        """Return the differential of an expression."""
        return differential(x, self.moving)

    def narrate(self) -> tuple[Step, ...]:
        """Return the steps, from dL to the gradients of all variables."""
        self._first()
        for stage in reversed(self.found.stages):
            self._stage(stage)
        for x in self.found.leaves:
            first, *more = self.found.folds[x].whole() if x in self.found.folds else [None]
            self.steps += [replace(first, opens=True), *more] if first else []
        inner = [self._inner(self.found.results[x], x.data) for x in self.found.leaves]
        whole = total_of(inner, SCALAR)
        last = self.steps[-1]
        if last.after is not whole or len(self.found.stages) > 1:
            self.steps.append(Step(self.of(self.found.loss), whole, Act.COLLECT, _COLLECTED, True))
        lines = {e: whole_definition(e) for e in self.found.spreads}
        return tuple(introduced(self.steps, lines))

    def _first(self) -> None:
        parts = []
        for t in self._targets(self.found.root):
            gradient = reverse(self.found.root, [t]).gradient(t)
            parts.append(self._inner(self.found.written(gradient, t.data.shape), t.data))
        loss, root = self.found.loss, self.found.root
        written = loss.args[0]
        if written.is_loss:  # of which nothing is known but its gradient
            reason = joined([["definition of the gradient"]])
        else:
            reason = rules(root, written, self._targets(root))
            if self.found.stages:
                why: Reason = ("definition of ", loss)
                self.steps.append(Step(loss, written, Act.DEFINITION, why, True))
        whole = total_of(parts, SCALAR)
        self.steps.append(Step(self.of(loss), whole, Act.DIFFERENTIAL, reason, True))

    def _stage(self, stage: Stage) -> None:
        given = self.found.given[stage.term]
        whole = self.of(stage.expr)
        write = self.found.written
        if given.op == "named":
            why: Reason = ("names the cotangent of ", stage.expr)
            fold = self.found.folds.get(stage.term)
            first = given.args[0] if fold is None else fold.before
            self.steps.append(Step(given, first, Act.NAMES, why, True))
            self.steps += [] if fold is None else fold.whole()
        targets = self._targets(stage.value)
        terms = [
            x for t in targets for x in changes(stage.value, t, self.of(t.data), stage.expr, write)
        ]
        self.steps.append(
            Step(
                whole,
                total_of(terms, stage.expr.shape),
                Act.DIFFERENTIAL,
                rules(stage.value, stage.expr.args[0], targets),
                True,
            )
        )
        put = total_of([self._product(given, x) for x in terms], SCALAR)
        before = self._inner(given, stage.expr)
        self.steps.append(Step(before, put, Act.SUBSTITUTE, (self.of(stage.expr), " put in"), True))
        moved = []
        for t in targets:
            local = reverse(stage.value, [t], leaf(given, stage.term.dims)).gradient(t)
            moved.append(self._inner(self.found.written(local, t.data.shape), t.data))
        last = total_of(moved, SCALAR)
        if last is not put:
            self.steps.append(Step(put, last, Act.MOVE, self._moves(terms)))

    def _targets(self, value: Term) -> list[Term]:
        """Return the variables and names that a value changes with, in reading order."""
        names = [*self.found.leaves, *(s.term for s in self.found.stages)]
        return [t for t in names if meets(value, t)]

    def _inner(self, cotangent: Expr, of: Expr) -> Expr:
        return self._product(cotangent, self.of(of))

    @staticmethod
    def _product(cotangent: Expr, change: Expr) -> Expr:
        """Return the inner product of a cotangent with a change."""
        if cotangent.shape == SCALAR:
            return mul(cotangent, change)
        return node("dot", (cotangent, change), SCALAR)

    def _moves(self, terms: Sequence[Expr]) -> Reason:
        nodes = [e for x in terms for e in walk(x, _is_whole) if _holds_change(e)]
        found = [[words] for words, holds in _MOVES.items() if any(map(holds, nodes))]
        return joined(found) or ("the same numbers are added",)


def _axes(e: Expr) -> int:
    return sum(d != ONE for d in e.shape)


def _is_whole(e: Expr) -> bool:
    return e.op in ("named", "differential")


def _holds_change(e: Expr) -> bool:
    return e.op != "differential" and any(x.op == "differential" for x in walk(e, _is_whole))


def total_of(terms: Sequence[Expr], shape: Shape) -> Expr:
    """Return a sum of terms; the empty one is zero, in the shape that it has."""
    if terms:
        return add(*terms)
    return num(0) if shape == SCALAR else zeros(*shape)


def changes(
    value: Term, target: Term, change: Expr, like: Expr, written: Callable[[Term, Shape], Expr]
) -> list[Expr]:
    """Return the terms that a change of one name adds to the change of a value shaped ``like``."""
    seed = leaf(var("?seed", like.shape), value.dims)
    pulled = reverse(value, [target], seed).gradient(target)
    labels = tuple(range(len(target.dims)))
    factors = [Factor(pulled, labels), Factor(leaf(change, target.dims), labels)]
    along = contract(factors, (), dict(enumerate(target.dims)))
    found = reverse(along, [seed]).gradient(seed)
    return [written(scaled(body, s), like.shape) for s, body in summands(found)]


def rules(value: Term, as_written: Expr, targets: Sequence[Term]) -> Reason:
    """Return the rules by which a value has its differential, those of functions last."""
    found = dict.fromkeys(_forward(law) for t in targets for law in laws(value, t))
    rules: dict[str, None] = {}
    inner = [t for c in value.children for t in walk_terms(c, Term.is_name)]
    if value.is_call and any(_moving(t, targets) > 1 for t in inner):
        rules["product rule"] = None
    for _, body in summands(value):
        factors = factors_of(body)[1] if body.is_contraction else ()
        moving = [f for f in factors if any(meets(f.term, t) for t in targets)]
        if len(moving) > 1:
            rules["product rule"] = None
        if any(f.exponent != 1 for f in moving):
            # x.T @ x is no power as it is written, but a product.
            written = walk(as_written, Expr.is_name)
            rules[POWER if any(e.op in POWERS for e in written) else "product rule"] = None
    if not rules and not found:
        rules["linearity"] = None
    return joined([[rule] for rule in (*rules, *found)])


def _moving(term: Term, targets: Sequence[Term]) -> int:
    """Return how many factors of a product change with the targets."""
    factors = factors_of(term)[1] if term.is_contraction else ()
    return sum(any(meets(f.term, t) for t in targets) for f in factors)


def _forward(law: str) -> str:
    """Return what a law says of a differential: one of a linear function only says so."""
    operator = TABLE[law.operator] if isinstance(law, LawOf) else None
    if operator is not None and operator.linear and operator.moves:
        return "linearity: entries only change places"
    return law


_COLLECTED: Reason = ("all inner products with the change of a variable",)
