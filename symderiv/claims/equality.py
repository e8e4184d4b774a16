"""Takes things claimed to be equal; says which differ, and what they are terms of."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.expr import (
    Expr,
    free_indices,
    index_sum,
    own_indices,
    rebuild,
    transpose,
    walk,
    with_args,
)
from ..core.expr import node as expr_node
from ..core.shapes import SCALAR, Dim, swapped
from ..core.transposing import flip
from ..ops.text import text
from ..problems import ClaimText, Problem
from .deciding import Comparer, Merged
from .judging import Judge, clashes, verdict
from .targets import Targets, of_expression
from .verdict import TRANSPOSED, WRONG, Verdict


class Equality:
    """Says how things differ that were claimed to be equal."""

    def __init__(self, problem: Problem, targets: Targets) -> None:
        self.problem, self.targets = problem, targets

    def different(
        self, claim: ClaimText, expressions: tuple[Expr, ...], left: Expr, right: Expr
    ) -> Verdict:
        """Return the verdict on things of which two differ."""
        turned = swapped(left.shape) == right.shape
        comparer = Comparer(self.problem, expressions, Merged(clashes(left, right)))
        if turned and not left.is_scalar and comparer.equal(transpose(left), right):
            return verdict(
                comparer,
                TRANSPOSED,
                "one is the transpose of the other",
                claim=claim,
                slips=("transposed",),
                claimed=expressions,
                truth=left,
            )
        judge = Judge(self.problem, of_expression(right, "other"))
        clauses, slips, corrects, correction = self._apart(expressions, left, right)
        return verdict(
            comparer,
            WRONG,
            "; ".join(clauses),
            claim=claim,
            slips=slips,
            counterexample=judge.counterexample(comparer, left, right),
            correction=text(correction) if correction is not None else "",
            corrects=corrects,
            correction_expr=correction,
            claimed=expressions,
            truth=left,
        )

    def _apart(
        self, expressions: Sequence[Expr], left: Expr, right: Expr
    ) -> tuple[list[str], tuple[str, ...], str, Expr | None]:
        """Return how two things differ, and the gradient that they are terms of, if any."""
        picks = [_picks(left), _picks(right)]
        clauses = ["they are different functions"]
        if all(picks) and picks[0] != picks[1]:
            clauses = [f"the first depends on {picks[0]} only, the other on {picks[1]} only"]
        whole = self._whole(expressions)
        if whole is None:
            return clauses, ("different",), "", None
        name, correction, turned = whole
        end = ", transposed" if turned else ""
        clauses.append(f"their sum over all rows is the gradient by {name}{end}")
        slips = ("missing-sum", "transposed") if turned else ("missing-sum",)
        return clauses, slips, f"dL/d{name}", correction

    def _whole(self, expressions: Sequence[Expr]) -> tuple[str, Expr, bool] | None:
        """Return the gradient that the expressions are terms of, if their sum is one."""
        general = _generalised(expressions)
        if general is None or self.problem.objective.shape != SCALAR:
            return None
        index, dim, body = general
        for name in self.problem.wrt:
            truth = self.targets.gradient(name)
            for turned in (False, True):
                summed = index_sum(index, dim, flip(body) if turned else body)
                if summed.shape != truth.shape:
                    continue
                comparer = Comparer(self.problem, [summed, truth])
                if comparer.equal(summed, truth):
                    return name, summed, turned
        return None


def _generalised(expressions: Sequence[Expr]) -> tuple[str, Dim, Expr] | None:
    """Return X[i, :] for X[1, :], X[2, :]: one body whose index takes the written positions."""
    index = "i"
    bodies: list[tuple[Expr, Dim | None]] = []
    for x in expressions:
        if free_indices(x):
            return None
        bodies.append(_with_index(x, index))
    if len({b for b, _ in bodies}) != 1 or bodies[0][1] is None:
        return None
    return index, bodies[0][1], bodies[0][0]


def _with_index(x: Expr, index: str) -> tuple[Expr, Dim | None]:
    dims: list[Dim] = []

    def change(old: Expr, args: tuple[Expr, ...]) -> Expr:
        if old.op == "row" and isinstance(old.data, int):
            dims.append(old.args[0].shape[0])
            return expr_node("row", args, old.shape, index)
        return with_args(old, args)

    body = rebuild(x, change)
    return body, dims[0] if dims and all(d == dims[0] for d in dims) else None


def _picks(x: Expr) -> str:
    """Return the rows, columns and entries at written positions that an expression uses."""
    found = {
        f"`{text(e)}`": None for e in walk(x) if any(isinstance(i, int) for i in own_indices(e))
    }
    return " and ".join(found)
