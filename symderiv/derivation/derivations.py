"""Takes a problem; returns its gradients with their steps, all that documents and code see.

Contract: a gradient is held in matrix form (an expression of the language) and in index form; the
steps are built when they are asked for. ``recheck`` evaluates every printed equation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..calculus import lower, reverse
from ..calculus.matrixform import Raiser
from ..calculus.simplify import Facts
from ..core.budget import allowed
from ..core.errors import BudgetError, ShapeError, UnknownNameError
from ..core.expr import Expr, Variable
from ..core.expr import named as named_expr
from ..core.shapes import ONE, SCALAR, describe
from ..ops.sharing import shared_text
from ..ops.text import text
from ..ops.written import Writer
from ..problems import Problem
from ..tensor import Term, named, zero
from ..values.explicit import Explicit
from ..values.sampling import at_first_defined
from .lemmas import lemmas_of
from .narration import Alike, Narration, Section, Step, alike, narrate
from .narration.differentials import Differentials
from .narration.entry_forms import Forms, Letters, total
from .narration.free_entries import to_free_entries
from .narration.staging import Stage
from .rechecking import recheck
from .structured import AMBIENT, check_convention, projected, structure_of, words

_SHALLOW = 4  # with more named intermediates than that, their cotangents get names as well

_STEPS = 5_000_000  # of deriving, a comparison of two factors each


@dataclass(frozen=True, eq=False)
class Gradient:
    """The gradient of the objective with respect to one variable, in the variable's shape.

    By a structured variable ``ambient`` is the one that it was made from, else None.

    >>> from symderiv.problems import problem
    >>> dW = DerivedGradients(problem("Z = X @ W; L(Z)", X="n, d", W="d, m"))["W"]
    >>> dW.text, dW.index_form
    ('X.T @ G', 'Sum(k, X[k, p] * G[k, q])')
    """

    derivation: DerivedGradients
    variable: Variable
    expr: Expr
    term: Term
    ambient: Gradient | None = None

    @property
    def name(self) -> str:
        """Return the name of the variable."""
        return self.variable.name

    @property
    def problem(self) -> Problem:
        """Return the problem that it is of."""
        return self.derivation.problem

    @property
    def text(self) -> str:
        """Return the gradient in the expression language; it parses back.

        What is repeated in it is named before it: ``S = softmax(Z, axis=1); S * (G - ..)``.
        """
        adjoints = self.derivation.adjoints.values()
        return shared_text(self.expr, self.problem.taken, adjoints)

    @cached_property
    def index_expr(self) -> Expr:
        """Return the entry (p, q) of the gradient as an expression over named indices."""
        letters = Letters(self.problem.taken)
        forms = Forms(Raiser(), letters)
        ends = letters.targets(len(self.term.dims))
        return total([m.along_path() for m in forms.monomials(self.term, ends)])

    @property
    def index_form(self) -> str:
        """Return the entry (p, q) of the gradient in the language, over named indices."""
        return text(self.index_expr)

    @property
    def rests_on(self) -> list[Variable]:
        """Return the variables without whose properties the gradient has another form."""
        declared = [v for v in self.problem.variables.values() if v.properties]
        known = {v.name: v.properties for v in declared}

        def form(facts: Mapping[str, tuple[str, ...]]) -> Expr:
            return Raiser({}, Facts(facts)).shaped(self.term, self.variable.shape)

        return [v for v in declared if form({**known, v.name: ()}) is not form(known)]

    @property
    def section(self) -> Section:
        """Return the derivation of this gradient, step by step."""
        target = self.problem.known()[self.name]
        return next(s for s in self.derivation.sections if s.target is target)

    @property
    def steps(self) -> tuple[Step, ...]:
        """Return the steps of the derivation; each ``before = after`` can be evaluated."""
        if self.name in self.problem.definitions and not self._is_narrated:
            return ()  # so short that it is written where it is used
        return self.section.steps

    @property
    def _is_narrated(self) -> bool:
        target = self.problem.known()[self.name]
        return any(s.target is target for s in self.derivation.sections)

    @property
    def structure(self) -> str:
        """Return the structure of the variable, by which the gradient was made from another."""
        return str(structure_of(self.variable)) if self.ambient else ""

    @property
    def words(self) -> str:
        """Return what the gradient is under its convention, as the end of a sentence."""
        return words(self.variable, self.derivation.structured) if self.ambient else ""


class DerivedGradients(Mapping[str, Gradient]):
    """The gradients of one problem, by the name of the variable, under one convention.

    >>> from symderiv.problems import problem
    >>> found = DerivedGradients(problem("x.T @ A @ x", A="n, n", x="n"))
    >>> {name: gradient.text for name, gradient in found.items()}
    {'A': 'x @ x.T', 'x': '(A + A.T) @ x'}
    """

    def __init__(
        self, problem: Problem, wrt: Sequence[str] | None = None, structured: str = AMBIENT
    ) -> None:
        check_convention(structured)
        require_scalar(problem)
        self.problem = problem
        names = tuple(wrt) if wrt is not None else problem.wrt
        for name in names:
            if name not in problem.variables:
                raise UnknownNameError(
                    f"cannot differentiate with respect to {name!r}: "
                    "it is not a variable of the problem",
                    remedy=f"the variables are: {', '.join(problem.variables)}",
                )
        self.wrt, self.structured = names, structured
        self._values: dict[Expr, Any] = {}
        self._defined: dict[tuple[tuple[str, int], ...], bool] = {}
        self.adjoints: dict[str, Expr] = {}
        self.adjoint_names: dict[str, str] = {}  # by the definition whose cotangent it is
        self._taken = frozenset(self.problem.taken)
        with allowed("the derivation", _STEPS):
            self._derive(names)

    def _derive(self, names: Sequence[str]) -> None:
        problem = self.problem
        self.root: Term = lower(problem.objective, self._values).term
        self.leaves = {n: lower(problem.variables[n].expr, self._values).term for n in names}
        labels = [named(problem.labelled, self.root)] if problem.labelled else []
        self.raiser = Raiser(self._values, facts_of(problem), labels=labels)
        naming = self._named_adjoint if is_network(problem) else None
        self.reverse = reverse(self.root, self.leaves.values(), name=naming)
        self._gradients = {n: self._gradient(n) for n in names}

    @property
    def conventions(self) -> dict[str, tuple[str, str]]:
        """What gradients by structured variables mean, where that is not the usual thing."""
        return {n: (g.structure, self.structured) for n, g in self.items() if g.ambient}

    @cached_property
    def ambient(self) -> DerivedGradients:
        """The same, with all entries as independent."""
        return DerivedGradients(self.problem, self.wrt) if self.conventions else self

    @property
    def is_network(self) -> bool:
        """Whether the cotangents of definitions have names as well."""
        return is_network(self.problem)

    def _named_adjoint(self, node: Term, cotangent: Term) -> Term:
        """Return the cotangent of a named intermediate under a name: dH for that of H."""
        if cotangent.is_atom or not cotangent.children:
            return cotangent  # short already: a name, or a constant
        source: Expr = node.data
        name = f"d{source.data}"
        while name in self._taken or name in self.adjoints:
            name += "_"
        value = self.raiser.shaped(cotangent, source.shape)
        if value.op == "zeros" or (value.is_number and not value.data):
            return zero(cotangent.dims)  # its terms cancel
        self.adjoints[name] = named_expr(name, value)
        self.adjoint_names[str(source.data)] = name
        return named(self.adjoints[name], cotangent)

    def _gradient(self, name: str) -> Gradient:
        variable = self.problem.variables[name]
        term = self.reverse.gradient(self.leaves[name])
        found = Gradient(self, variable, self.raiser.shaped(term, variable.shape), term)
        structure = structure_of(variable)
        if structure is None or self.structured == AMBIENT:
            return found
        term = projected(term, variable, structure, self.structured)
        return Gradient(self, variable, self.raiser.shaped(term, variable.shape), term, found)

    def __getitem__(self, name: str) -> Gradient:
        if name not in self._gradients:
            known = ", ".join(self._gradients)
            raise UnknownNameError(
                f"no gradient with respect to {name!r}", remedy=f"there are: {known}"
            )
        return self._gradients[name]

    def __contains__(self, name: object) -> bool:
        return name in self._gradients

    def __iter__(self) -> Iterator[str]:
        return iter(self._gradients)

    def __len__(self) -> int:
        return len(self._gradients)

    def by_definition(self, name: str) -> Expr:
        """Return the gradient by a definition, taken as independent of all others."""
        return self.cotangent(name).expr

    def cotangent(self, name: str) -> Gradient:
        """Return the gradient by a definition as one by a variable of its name and shape."""
        value = self.problem.known()[name]
        term = lower(value, self._values).term
        cotangent = self.reverse.cotangents.get(term, zero(term.dims))
        if cotangent.is_name and str(cotangent.data.data) in self.adjoints:
            cotangent = cotangent.children[0]
        thin = value.shape[1] == ONE
        flat = "vector" if thin else "matrix"
        kind = "tensor" if len(value.shape) > 2 else flat
        stand_in = Variable(name, value.shape, "scalar" if value.shape == SCALAR else kind)
        return Gradient(self, stand_in, self.raiser.shaped(cotangent, value.shape), cotangent)

    @property
    def writer(self) -> Writer:
        """The writer of formulas in which the names of the problem stand."""
        return Writer(names=self.problem.taken)

    @cached_property
    def _narration(self) -> Narration:
        return narrate(
            self.problem.objective_name,
            self.root,
            list(self.leaves.values()),
            self.raiser,
            self.problem.taken,
            labelled=bool(self.problem.label),
            declared=tuple(self.problem.variables.values()),
        )

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Return the derivations of all gradients, those of named intermediates first."""
        made = {g.variable.expr: g for g in self.values() if g.ambient}
        return tuple(
            to_free_entries(s, (g.structure, self.structured), g.expr, g.index_expr)
            if (g := made.get(s.target))
            else s
            for s in self._narration.sections
        )

    @cached_property
    def differentials(self) -> tuple[Step, ...]:
        """Return the steps from dL to all gradients, by differentials."""
        return Differentials(self._narration.backward).narrate()

    @cached_property
    def repeats(self) -> dict[Expr, Alike]:
        """Return for targets whose derivation is an earlier one in other names: which, and how."""
        return alike(self.sections)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Return the named intermediates, the writer's and the automatic ones."""
        return self._narration.stages

    @property
    def staged_objective(self) -> Expr:
        """Return the objective in terms of the named intermediates."""
        return self._narration.objective

    def is_defined(self, sizes: Mapping[str, int]) -> bool:
        """Whether some point at these sizes lies in the domain of the objective and gradients."""
        known = self._defined.get(tuple(sizes.items()))
        if known is None:
            try:
                with allowed("a point of the domain"):
                    known = at_first_defined(self.problem, sizes, self._is_defined_at) is not None
            except BudgetError:
                known = True  # nothing speaks against it
            self._defined[tuple(sizes.items())] = known
        return known

    def _is_defined_at(self, here: Explicit) -> bool:
        for x in (self.problem.objective, *(g.expr for g in self.values())):
            here.cells(x)
        return True

    def recheck(self, sizes: Mapping[str, int] | None = None, seed: int = 0) -> int:
        """Evaluate every printed equation, for all its indices; return how many were checked.

        Exact for rational functions, to 40 digits otherwise. Raises CheckError at the first
        equation that does not hold.
        """
        steps = [step for section in self.sections for step in section.steps]
        count = recheck(self.problem, [*steps, *self.differentials], sizes, seed)
        lemmas = lemmas_of(steps, frozenset(self._taken))
        return count + sum(lemma.recheck() for lemma in lemmas.values())


def is_network(problem: Problem) -> bool:
    """Whether there are so many definitions that their cotangents have names as well."""
    return len(problem.definitions) > _SHALLOW


def require_scalar(problem: Problem) -> None:
    """Refuse an objective that has no gradient because it is not a scalar."""
    shape = problem.objective.shape
    if shape != SCALAR:
        raise ShapeError(
            f"the objective is {describe(shape)}; a gradient needs a scalar",
            span=problem.place,
            remedy="write L(..) around it for an unspecified loss, or sum(..); "
            "for its Jacobian ask jacobian(..)",
        )


def facts_of(problem: Problem) -> Facts:
    """Return what is known of the variables of a problem."""
    return Facts({n: v.properties for n, v in problem.variables.items() if v.properties})
