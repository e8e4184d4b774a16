"""Takes a derivation; returns the flops of its forward pass, every cotangent and every gradient.

Contract: counts what the generated code computes, in its order; every part is counted where it is
first computed. What one operator takes is its table entry's ``flops``, by the conventions there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from ..core.expr import Expr, free_ranges, walk
from ..core.shapes import Shape
from ..ops import TABLE
from ..ops.flops import Flops, total
from .derivations import DerivedGradients
from .names_met import in_written_order, named_nodes, used


@dataclass(frozen=True, slots=True)
class CostRow:
    """One value that is computed: a forward value, a cotangent, or a gradient."""

    name: str
    part: str  # "forward" | "cotangent" | "gradient"
    shape: Shape
    flops: Flops
    expr: Expr  # what is computed, in named values


@dataclass(frozen=True)
class Costs:
    """The flops of every value of a derivation, in the order in which they are computed."""

    rows: tuple[CostRow, ...]
    sizes: tuple[str, ...]

    @property
    def forward(self) -> Flops:
        """The flops of the forward pass."""
        return self._sum("forward")

    @property
    def backward(self) -> Flops:
        """The flops of all cotangents and gradients, given the named forward values."""
        return self._sum("cotangent", "gradient")

    def _sum(self, *parts: str) -> Flops:
        return total(r.flops for r in self.rows if r.part in parts).ordered(self.sizes)

    @property
    def ratio(self) -> Fraction | None:
        """Backward by forward at leading order, where that is one number for all sizes.

        It is a small number whatever the function (the cheap gradient principle: Griewank and
        Walther, Evaluating Derivatives, 2nd ed. 2008, section 4.6).
        """
        before, after = dict(self.forward.leading.terms), dict(self.backward.leading.terms)
        if not before or set(before) != set(after):
            return None
        quotients = {after[t] / v for t, v in before.items()}
        return quotients.pop() if len(quotients) == 1 else None

    def at(self, /, **sizes: int) -> dict[str, int | Fraction]:
        """Return the flops of every row, and of both passes, at given sizes."""
        found = {r.name: r.flops.at(**sizes) for r in self.rows}
        return {**found, "forward": self.forward.at(**sizes), "backward": self.backward.at(**sizes)}

    def __str__(self) -> str:
        rows = [(r.name, _shape(r.shape), str(r.flops)) for r in self.rows]
        rows += [("forward", "", str(self.forward)), ("backward", "", str(self.backward))]
        wide = [max(len(r[k]) for r in rows) for k in (0, 1)]
        return "\n".join(f"{a.ljust(wide[0])}  {b.ljust(wide[1])}  {c}" for a, b, c in rows)


def costs_of(derivation: DerivedGradients) -> Costs:
    """Return what a derivation costs; MissingRuleError where an operator has no count."""
    counter = _Counter()
    sizes = derivation.problem.dims
    rows = [
        CostRow(name, part, x.shape, counter(x).ordered(sizes), x)
        for part, name, x in _computed(derivation)
    ]
    return Costs(tuple(rows), tuple(sizes))


def _computed(derivation: DerivedGradients) -> Iterator[tuple[str, str, Expr]]:
    """Yield the part, the name and the value of everything that is computed, in order."""
    objective = derivation.problem.objective
    pure = objective.is_loss
    written = list(derivation.problem.definitions)
    for e in in_written_order(named_nodes(derivation), written):
        yield "forward", str(e.data), e.args[0]
    goal = objective.args[0] if pure else derivation.staged_objective
    if not goal.is_symbol:
        yield "forward", derivation.problem.objective_name if not pure else "output", goal
    needed = used(derivation.sections)
    for s in derivation.sections:
        name = f"d{s.target.data}"
        if s.given is None:
            yield "gradient", name, s.result
        elif s.given.is_name and s.given is not s.result and s.given in needed:
            yield "cotangent", str(s.given.data), s.result


class _Counter:
    """Counts expressions; what was computed before costs nothing."""

    def __init__(self) -> None:
        self.known: set[Expr] = set()
        self.constant: dict[Expr, bool] = {}

    def __call__(self, x: Expr) -> Flops:
        found = Flops()
        for e in walk(x, Expr.is_name, self.known):
            self.constant[e] = self._is_constant(e)
            if not e.is_name:
                self.known.add(e)
            if not e.is_name and not self.constant[e]:
                # What stands in a sum is computed for every value of its index.
                found = found + TABLE[e.op].flops(e).times(list(free_ranges(e).values()))
        return found

    def _is_constant(self, e: Expr) -> bool:
        """Whether a number is made of numbers and sizes alone."""
        if e.op in ("var", "named", "loss"):
            return False
        return e.is_scalar and all(self.constant.get(a, False) for a in e.args)


def _shape(shape: Shape) -> str:
    return f"({', '.join(map(str, shape))})"
