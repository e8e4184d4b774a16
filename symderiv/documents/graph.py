"""The computation graph of a problem: values forward, cotangents backward, as one description.

Contract: frozen data, read off a derivation; computes no derivative and no coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.errors import MissingRuleError
from ..core.expr import Expr, named, var
from ..notation.math import PARTIAL, Math, Op, Sym, Word, row
from ..notation.words import words
from ..ops.base import FUNCTIONS, TABLE
from ..ops.written import Writer
from .symbols_shown import mentioned

if TYPE_CHECKING:
    from ..derivation.derivations import DerivedGradients

_SHARED = 4  # uses of a variable that is a node; with more it stands beside each of them
_SHORT = 9  # letters of an operation that is written beside a box


@dataclass(frozen=True, slots=True)
class Parameter:
    """A variable that one definition alone uses; it stands beside that, not in a layer."""

    name: str
    label: Math
    receives: bool  # whether the problem asks for its gradient


@dataclass(frozen=True, slots=True)
class GraphNode:
    """An input, a named value, or the objective; ``adjoint`` is what its cotangent is called."""

    name: str
    label: Math
    kind: str  # "input" | "value" | "objective"
    adjoint: Math | None = None
    operation: str = ""
    beside: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """A value that another is computed from; ``backward``: a cotangent comes back along it."""

    source: str
    target: str
    backward: bool


@dataclass(frozen=True, slots=True)
class ComputationGraph:
    """Nodes, in an order in which every edge points forward, and edges."""

    title: str
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]

    @property
    def alt(self) -> str:
        """Return the graph in words, for those who do not see it."""
        said = []
        for n in self.nodes:
            if n.kind == "input":
                continue
            sources = [e.source for e in self.edges if e.target == n.name]
            used = [words(m.label) for m in self.nodes if m.name in sources]
            used += [words(p.label) for p in n.beside]
            said.append(f"{words(n.label)} from {', '.join(used) or 'nothing'}")
        back = [words(n.adjoint) for n in reversed(self.nodes) if n.adjoint is not None]
        tail = f" Cotangents, backward: {', '.join(back)}." if back else ""
        return f"Computation graph. {'; '.join(said)}.{tail}"


def graph_of(derivation: DerivedGradients, cotangent: str = "d") -> ComputationGraph:
    """Return the graph of a derivation's problem, with cotangents in one of their notations.

    Variables that one definition alone uses, or very many, stand beside it; every other one is a
    node. Raises MissingRuleError for a problem without definitions.
    """
    return _Reading(derivation, cotangent).graph()


class _Reading:
    """Reads one derivation."""

    def __init__(self, derivation: DerivedGradients, cotangent: str) -> None:
        self.derivation, self.problem = derivation, derivation.problem
        problem = self.problem
        made = frozenset(derivation.adjoints)
        self.write = Writer(differentials=made, names=problem.taken, cotangent=cotangent)
        objective = problem.objective_name
        while objective in problem.definitions or objective in problem.variables:
            objective += "_"
        self.objective = objective
        self.values: dict[str, Expr] = {**problem.definitions, objective: problem.objective}
        names = {*problem.definitions, *problem.variables}
        self.uses = {n: [u for u in mentioned(x) if u in names] for n, x in self.values.items()}
        self.flows = self._flowing()

    def _flowing(self) -> set[str]:
        """Return the names along which a cotangent comes back to a requested variable."""
        found = set(self.derivation.wrt)
        for name, uses in self.uses.items():
            if found & {*uses}:
                found.add(name)
        return found

    def graph(self) -> ComputationGraph:
        """Return the graph."""
        users: dict[str, list[str]] = {n: [] for n in self.problem.variables}
        for name, uses in self.uses.items():
            for u in uses:
                if u in users:
                    users[u].append(name)
        inputs = [v for v, by in users.items() if by and not self._stands_beside(v, by)]
        for uses in self.uses.values():  # nothing above it: its first variable is its input
            if not any(u in self.problem.definitions or u in inputs for u in uses):
                inputs += [v for v in users if v in uses and len(users[v]) <= _SHARED][:1]
        ordered = [v for v in self.problem.variables if v in inputs]
        nodes = [self._input(v) for v in ordered]
        nodes += [self._value(n, ordered) for n in self.problem.definitions]
        nodes.append(self._value(self.objective, ordered))
        own = {n.name for n in nodes}
        edges = [
            GraphEdge(u, n, u in self.flows and n in self.flows)
            for n, uses in self.uses.items()
            for u in uses
            if u in own
        ]
        if not self.problem.definitions:
            raise MissingRuleError(
                "a computation graph needs named definitions",
                remedy="name intermediates: H = X @ W; sum(H)",
            )
        return ComputationGraph(self.problem.title, tuple(nodes), tuple(edges))

    def _stands_beside(self, name: str, by: list[str]) -> bool:
        constant = name not in self.derivation.wrt and self.problem.variables[name].expr.is_scalar
        return len(by) == 1 or len(by) > _SHARED or constant

    def _input(self, name: str) -> GraphNode:
        return GraphNode(name, self._variable(name), "input", self._gradient(name))

    def _variable(self, name: str) -> Math:
        return self.write(self.problem.variables[name].expr)

    def _gradient(self, name: str) -> Math | None:
        if name not in self.derivation.wrt:
            return None
        return row(
            PARTIAL, Sym(self.problem.objective_name), Op("/"), PARTIAL, self._variable(name)
        )

    def _value(self, name: str, inputs: list[str]) -> GraphNode:
        value = self.values[name]
        beside = tuple(
            Parameter(u, self._variable(u), u in self.derivation.wrt)
            for u in self.uses[name]
            if u in self.problem.variables and u not in inputs
        )
        if name == self.objective:
            loss = Sym(self.problem.objective_name)
            return GraphNode(name, loss, "objective", None, "", beside)
        label = self.write(named(name, value))
        return GraphNode(name, label, "value", self._adjoint(name), _called(value), beside)

    def _adjoint(self, name: str) -> Math | None:
        """Return the name of the cotangent of a definition, where it has one."""
        for given, of in self.problem.upstream.items():
            if of.is_name and str(of.data) == name:
                return self.write(var(given, of.shape))
        own = self.derivation.adjoint_names.get(name)
        return self.write(self.derivation.adjoints[own]) if own is not None else None


def _called(value: Expr) -> str:
    """Return the function that a definition calls last, if its name is short."""
    operator = TABLE[value.op]
    name = operator.spelled or operator.name
    return name if name in FUNCTIONS and len(name) <= _SHORT else ""


def operation(text: str) -> Math:
    """Return the name of a function as notation."""
    return Word(text, function=False)
