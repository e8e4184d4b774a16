"""Takes the stages of a value; returns its Jacobian by differentials, line by line.

The differential of each named intermediate is written as a matrix times the change of what it is
made of, and the differentials before it are put in: dy = J dx, and J is the Jacobian. Matrices are
stacked by vec. Source: Magnus and Neudecker, Matrix Differential Calculus (2019), chapters 5, 6
and 9 (first and second identification theorems).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ...calculus import jacobian
from ...calculus.matrixform import vec_order
from ...core.errors import MissingRuleError
from ...core.expr import Expr, add, differential, matmul, mul, neg, num, power, transpose, walk
from ...core.shapes import ONE, Dim, Shape
from ...ops.vectors import vec
from ...tensor import Term
from .differentials import changes, rules, total_of
from .forward import Staged
from .stage_words import joined, listed, meets
from .staging import Stage
from .steps import Act, Reason, Step

# How what stands around a change becomes a matrix in front of it, by the operator that comes in.
_FRONTS = {
    "kron": "vec of a product is a Kronecker product times vec",
    "commutation": "vec of a transpose is a commutation matrix times vec",
    "diag": "an entrywise factor is a diagonal matrix",
}
_STACKED = "the entries are stacked, and what multiplies each change stands in front"
_FRONT = "what multiplies each change stands in front"


@dataclass(frozen=True, slots=True)
class Identified:
    """What a derivation by differentials found: its steps, and the matrix of the last one."""

    steps: tuple[Step, ...]
    matrix: Expr  # in the names of the steps; by a scalar, in the shape of the value


class ForwardDifferentials:
    """Derives the differential of a value from those of its stages; one variable moves.

    Raises MissingRuleError where the derivative of a stage has no matrix form.
    """

    def __init__(self, posed: Staged) -> None:
        self.posed, self.value, self.target = posed, posed.value, posed.target
        self.by: Expr = posed.target.data
        self.known: dict[Term, Expr] = {}
        self._locals: dict[Term, dict[Term, Expr]] = {}
        self.steps: list[Step] = []

    def of(self, x: Expr) -> Expr:
        """Return the change of an expression."""
        return differential(x, (str(self.by.data),))

    def found(self) -> Identified:
        """Return the steps from the variable to the value, and the matrix that they end in."""
        if not self.posed.found:
            reason: Reason = (self.value, " does not contain ", self.by)
            none = total_of([], self.value.shape)
            step = Step(self.of(self.value), none, Act.DIFFERENTIAL, reason, True)
            shape = (_length(self.value.shape), _length(self.by.shape))
            return Identified((step,), none if self.by.is_scalar else total_of([], shape))
        for stage in self.posed.found:
            if len(stage.expr.shape) > 2:
                raise MissingRuleError(f"{stage.expr.data} is a tensor, which has no vec")
            self._stage(stage)
        return Identified(tuple(self.steps), self.known[self.posed.found[-1].term])

    def _stage(self, stage: Stage) -> None:
        """Append the lines of a stage: its differential, and those before it put in."""
        self._introduce(stage)
        targets = [t for t in (self.target, *self.known) if meets(stage.value, t)]
        terms = [
            x
            for t in targets
            for x in changes(stage.value, t, self.of(t.data), stage.expr, self._written)
        ]
        natural, whole = total_of(terms, stage.expr.shape), self.of(stage.expr)
        why = rules(stage.value, stage.expr.args[0], targets)
        self.steps.append(Step(whole, natural, Act.DIFFERENTIAL, why, True))
        if self.by.is_scalar:
            self._by_scalar(stage, targets, natural)
            return
        local = self._locals[stage.term] = {t: self._local(stage, t) for t in targets}
        front = add(*(_product(local[t], vec(self.of(t.data))) for t in targets))
        first = natural
        if stage.expr.shape[1] != ONE:
            words = self._fronted(local.values(), _STACKED)
            self.steps.append(Step(vec(whole), front, Act.FRONT, words, True))
            first = front
        self._next(first, front, Act.FRONT, self._fronted(local.values(), _FRONT))
        used = [t for t in targets if t is not self.target]
        change = vec(self.of(self.by))
        chained = {t: _product(local[t], self.known[t]) if t in used else local[t] for t in targets}
        put = add(*(_product(x, change) for x in chained.values()))
        before = listed([self.of(t.data) for t in used])
        self._next(front, put, Act.SUBSTITUTE, (*before, " put in"))
        self.known[stage.term] = matrix = add(*chained.values())
        self._next(put, _product(matrix, change), Act.COLLECT, _COLLECTED)

    def chained(self, stage: Term, names: Mapping[Term, Expr]) -> Expr:
        """Return the Jacobian of a stage, in names for those of what it is made of."""
        made: dict[Term, Expr] = {}
        for s in self.posed.found:
            parts = [
                x if t is self.target else _product(x, names.get(t, made[t]))
                for t, x in self._locals[s.term].items()
            ]
            made[s.term] = add(*parts)
            if s.term is stage:
                break
        return made[stage]

    def _introduce(self, stage: Stage) -> None:
        """Append the line that says what an automatic name stands for."""
        if stage.automatic:
            reason: Reason = (stage.expr, " names ", stage.expr.args[0])
            self.steps.append(Step(stage.expr, stage.expr.args[0], Act.NAMES, reason, True))

    def _by_scalar(self, stage: Stage, targets: Sequence[Term], natural: Expr) -> None:
        """Append the lines of a stage where one number moves: its derivative keeps its shape."""
        parts = []
        for t in targets:
            if t is self.target:
                parts.append(self._written(jacobian(stage.value, t), stage.expr.shape))
            else:
                parts += changes(stage.value, t, self.known[t], stage.expr, self._written)
        self.known[stage.term] = matrix = total_of(parts, stage.expr.shape)
        used = [self.of(t.data) for t in targets if t is not self.target]
        put: Reason = (*listed(used), " put in")
        law = Act.SUBSTITUTE if used else Act.FRONT
        self._next(natural, mul(matrix, self.of(self.by)), law, put if used else (_FRONT,))

    def _next(self, before: Expr, after: Expr, law: Act, reason: Reason) -> None:
        """Append a line that goes on from the last one, where it says something else."""
        if after is not before:
            self.steps.append(Step(before, after, law, reason))

    def _local(self, stage: Stage, by: Term) -> Expr:
        """Return the matrix that takes a change of one name to the change of a stage."""
        term = jacobian(stage.value, by)
        shape = stage.expr.shape
        if not by.dims:
            return vec(self._written(term, shape))
        whole = vec_order(term, len(stage.term.dims), len(by.dims))
        rows, cols = _length(shape), _length(by.data.shape)
        return self._written(whole, (rows, cols))

    def _written(self, term: Term, shape: Shape) -> Expr:
        return self.posed.in_names(term, shape)

    @staticmethod
    def _fronted(matrices: Iterable[Expr], otherwise: str) -> Reason:
        """Return how the matrices came to stand in front of the changes."""
        met = {e.op for m in matrices for e in walk(m, Expr.is_name)}
        return joined([[words] for op, words in _FRONTS.items() if op in met]) or (otherwise,)


def collected(
    product: Expr,
    matrix: Expr,
    by: Expr,
    moving: tuple[str, ...],
    words: str = "the factors in front are collected",
) -> tuple[Step, ...]:
    """Return the step from a product of matrices times a change to one matrix times it."""
    change = differential(by, moving)
    if by.is_scalar:
        before, after = mul(product, change), mul(matrix, change)
    else:
        before, after = _product(product, vec(change)), _product(matrix, vec(change))
    if before is after:
        return ()
    return (Step(before, after, Act.COLLECT, (words,)),)


def second_differential(
    loss: Expr, gradient: Expr, by: Expr, matrix: Expr, moving: tuple[str, ...]
) -> tuple[Step, ...]:
    """Return the steps from the change of a loss to dxᵀ H dx, where d(gradient) is H dx."""
    first, change = differential(loss, moving), differential(by, moving)
    second = differential(first, moving)
    turn, stacked = differential(gradient, moving), vec(change)
    if by.is_scalar:
        once, twice = mul(gradient, change), mul(turn, change)
        found = mul(matrix, power(change, num(2)))
    else:
        row = transpose(stacked)
        once = matmul(transpose(vec(gradient)), stacked)
        twice, found = matmul(row, vec(turn)), matmul(row, matrix, stacked)
    still: Reason = ("linearity; ", change, " stays as it is")
    return (
        Step(first, once, Act.DIFFERENTIAL, ("definition of ", gradient), True),
        Step(second, twice, Act.DIFFERENTIAL, still, True),
        Step(twice, found, Act.SUBSTITUTE, (turn, " put in")),
    )


def _product(matrix: Expr, change: Expr) -> Expr:
    """Return a matrix times a column, a row or another matrix, without an identity between."""
    if change.op == "eye":
        return matrix
    if matrix.is_negative:
        return neg(_product(matrix.args[0], change))
    if matrix.op == "eye":
        return change
    if matrix.is_hadamard and matrix.args[-1].op == "eye":
        return mul(*matrix.args[:-1], change)
    # A number stays behind, where a change stands.
    return mul(matrix, change) if change.is_scalar else matmul(matrix, change)


def _length(shape: Shape) -> Dim:
    found: Dim = shape[0] * shape[1]
    return found


_COLLECTED: Reason = ("all terms with the change of the variable",)
