"""Takes a problem and a variable; returns the Jacobian or the Hessian, with its steps.

``J[i, j] = dy_i / dx_j`` (numerator layout); matrices on either side are read in vec order, column
by column; the derivative by a scalar has the shape of what is differentiated. A Hessian is the
Jacobian of the gradient, itself a term (reverse over reverse). The denominator layout is the
transpose.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ..calculus import jacobian, lower, product, reverse
from ..calculus.matrixform import Raiser, vec_order
from ..calculus.simplify import Facts, Simplifier
from ..core.errors import (
    InputError,
    MissingRuleError,
    NoEntriesError,
    ShapeError,
    UnknownNameError,
)
from ..core.expr import Expr, Index, Variable, node, partial, var, walk
from ..core.expr import named as named_expr
from ..core.shapes import ONE, SCALAR, Shape, describe
from ..notation.latex import latex
from ..ops.leaves import axes
from ..ops.sharing import shared_text
from ..ops.text import text
from ..ops.written import Writer
from ..problems import Problem
from ..problems.sentences import check_name
from ..tensor import Term, named
from ..tensor import transposed as turned
from .definiteness import Seen, definiteness, seen_as
from .derivations import DerivedGradients
from .narration import Step
from .narration.blocks import KroneckerSum, kronecker_sum
from .narration.entry_forms import Forms, Letters, place, total
from .narration.forward import Forward, Staged, forward, in_leaves, staged
from .narration.forward_differentials import (
    ForwardDifferentials,
    Identified,
    collected,
    second_differential,
)
from .narration.matrix_steps import closing_steps
from .narration.stage_words import listed
from .narration.staging import Stage, Stages
from .narration.steps import Act, Reason
from .rechecking import recheck
from .value_names import (
    explained_length,
    free_name,
    name_of_gradient,
    name_of_value,
    refuse_given,
    refuse_tensors,
)

LAYOUTS = ("numerator", "denominator")
_JACOBIAN = "the Jacobian is what multiplies the unknown cotangent, entry by entry"
_LAW = "vec order: the rows run over the entries of the value, the columns over the variable's"


@dataclass(frozen=True, eq=False)
class DerivativeMatrix:
    """The derivative of a vector or a matrix by a variable, or of a gradient: a Hessian."""

    problem: Problem
    variable: Variable
    value: Expr  # what is differentiated: the objective, or its gradient
    term: Term  # axes of the value, then those of the variable
    raiser: Raiser
    kind: str  # "jacobian" | "hessian"
    layout: str = "numerator"
    of: str = ""  # the variable of the gradient that a Hessian differentiates
    several: bool = False  # whether a Hessian is one of several in a document

    @property
    def is_hessian(self) -> bool:
        """Whether it is of a gradient."""
        return self.kind == "hessian"

    @property
    def is_mixed(self) -> bool:
        """Whether it is of the gradient by another variable."""
        return self.is_hessian and self.of != self.name

    @property
    def variables(self) -> tuple[str, ...]:
        """Return the names of the variables: of a Hessian that of its rows, then of its columns."""
        return (self.of, self.name) if self.is_mixed else (self.name,)

    @property
    def name(self) -> str:
        """Return the name of the variable."""
        return self.variable.name

    @property
    def label(self) -> str:
        """Return how it is called in plain text: ``dy/dx``, ``d2L/dw2``, ``d2L/dw db``."""
        if self.is_hessian:
            under = f"d{self.of} d{self.name}" if self.is_mixed else f"d{self.name}2"
            return f"d2{self.problem.objective_name}/{under}"
        return f"d{self.value_name}/d{self.name}"

    @property
    def shape(self) -> Shape:
        """Return the shape of the matrix, or of the value where the variable is a scalar."""
        (n, m), (p, q) = self.value.shape, self.variable.shape
        rows, cols = (n * m, p * q) if self.variable.shape != SCALAR else (n, m)
        return (rows, cols) if self.layout == "numerator" else (cols, rows)

    @cached_property
    def matrix(self) -> Term:
        """Return the Jacobian as a term with an axis for the rows and one for the columns."""
        counts = tuple(len(axes(x.shape)) for x in (self.value, self.variable.expr))
        if counts[1] == 0:
            whole = self.term
        else:
            whole = vec_order(self.term, counts[0], counts[1])
        both = len(whole.dims) == 2 and self.layout == "denominator"
        found = turned(whole) if both else whole
        return self._plainer(found) if self.is_hessian and not self.is_mixed else found

    def _plainer(self, whole: Term) -> Term:
        """Return a Hessian or its transpose, which is the same: what needs fewer transposes."""
        if len(whole.dims) != 2:
            return whole
        both = (whole, turned(whole))
        try:
            forms = [self.raiser.shaped(x, self.shape) for x in both]
        except MissingRuleError:
            return whole
        return min(zip(map(_turned_parts, forms), (0, 1), both, strict=True))[2]

    @cached_property
    def expr(self) -> Expr:
        """Return the Jacobian as a matrix expression; raises MissingRuleError without one."""
        try:
            return self.raiser.shaped(self.matrix, self.shape)
        except MissingRuleError as error:
            raise MissingRuleError(
                f"no matrix form of the {self.kind} with respect to {self.name}: {error.subject}",
                remedy=f".index_form gives its entries: {self.index_form}",
            ) from None

    @cached_property
    def in_step_names(self) -> Expr:
        """Return the matrix in numerator layout, in the names that the steps use.

        It is the product of those on the way where this reads shorter; raises MissingRuleError.
        """
        plain = self if self.layout == "numerator" else replace(self, layout="numerator")
        whole = self._staged.in_names(plain.matrix, plain.shape, self.raiser)
        forms = [whole] if self._chain is None else [self._chain[1].matrix, whole]
        return min(forms, key=lambda x: len(text(x)))

    @cached_property
    def in_output(self) -> tuple[Expr, Expr]:
        """Return a Jacobian and its entry in the names of its steps, where they read shorter."""
        found = self.forward
        if self.kronecker_sum is not None:
            return self.kronecker_sum.whole, self.index_expr
        if self.is_hessian or found is None or not self._is_plain:
            return self.expr, self.index_expr
        whole = self.in_step_names
        own = {*self.problem.definitions, self.value_name}
        long = explained_length(found.entry, own) > len(text(self.index_expr))
        one = None if long else found.entry
        if explained_length(whole, own) >= len(text(self.expr)):
            whole = self.expr
        return whole, one or self.index_expr

    @cached_property
    def kronecker_sum(self) -> KroneckerSum | None:
        """Return a Hessian by a matrix as a sum over rows, where this reads shorter."""
        if not self.is_hessian or self.is_mixed or self.forward is None or self.no_matrix:
            return None
        found = kronecker_sum(self.forward.monomials, *self.ends)
        if found is None:
            return None
        whole = found.spelled_out(self.problem.definitions)
        return whole if len(text(whole.whole)) < len(text(self.expr)) else None

    @property
    def has_matrix_form(self) -> bool:
        """Whether there is a matrix expression of it."""
        return not self.no_matrix

    @cached_property
    def no_matrix(self) -> str:
        """Return why there is no matrix expression of it; nothing where there is one."""
        known = self.problem.variables
        for v in (known[self.of], self.variable) if self.of else (self.variable,):
            if len(v.shape) > 2:
                return f"{v.name} is {describe(v.shape)}: a tensor has no vec"
        try:
            self.expr  # noqa: B018 - found, and kept
        except MissingRuleError as error:
            return error.subject
        return ""

    @property
    def definiteness(self) -> str:
        """Return what the form of a Hessian shows: that it is positive definite, or nearly."""
        if not self.is_hessian or self.is_mixed:
            return ""
        known = {v.name: v.properties for v in self.problem.variables.values()}
        return definiteness(self.expr, known)

    @property
    def seen_as(self) -> Seen | None:
        """Return the form that shows that a Hessian is definite, or nearly."""
        return seen_as(self.expr) if self.definiteness else None

    @property
    def text(self) -> str:
        """Return the Jacobian in the expression language; it parses back."""
        return shared_text(self.expr, self.problem.taken)

    @cached_property
    def ends(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the indices of an entry of the value, i and j, and of the variable, p and q.

        Of a Hessian, the entry of the gradient has the first of p, q, r, s.
        """
        letters = Letters(self.problem.taken)
        of, by = (len(axes(s)) for s in (self.value.shape, self.variable.shape))
        if self.is_hessian:  # by one entry of the variable, then by another
            every = letters.targets(of + by)
            return every[:of], every[of:]
        free = letters.targets(by)
        letters.reserved = set(free)
        return letters.pair("ij", of, free), free

    @cached_property
    def index_expr(self) -> Expr:
        """Return the derivative of the value's entry (i, j) by the variable's entry (p, q)."""
        return self.index_at(*self.ends)

    @property
    def entry_expr(self) -> Expr:
        """Return the same as the steps end in it, where they bring no names of their own."""
        found = self.forward.entry if self.forward is not None else self.index_expr
        made = [e for e in walk(found) if e.is_name and str(e.data) not in self.problem.definitions]
        return self.index_expr if made else found

    def index_at(self, value: Sequence[Index], by: Sequence[Index]) -> Expr:
        """Return the derivative of one entry of the value by one of the variable."""
        letters = Letters(self.problem.taken)
        letters.reserved = {*value, *by}
        found = Forms(Raiser(), letters).monomials(self.term, (*value, *by))
        return total([m.along_path() for m in found])

    @property
    def index_form(self) -> str:
        """Return the derivative of entry (i, j) by entry (p, q) in the language."""
        return text(self.index_expr)

    @property
    def value_name(self) -> str:
        """Return a name for what is differentiated, which the problem does not use."""
        if self.is_hessian:
            return name_of_gradient(self.problem, self.value, self.of, several=self.several)
        return name_of_value(self.problem, self.value)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Return the steps: of a Hessian the gradient, then the derivative of its entry.

        Every ``before = after`` can be evaluated.
        """
        first: Sequence[Step] = ()
        if self.is_hessian:
            first = DerivedGradients(self.problem, [self.of])[self.of].steps
        return (*first, *self.own_steps)

    @cached_property
    def own_steps(self) -> tuple[Step, ...]:
        """Return the steps after those of the gradient."""
        if self.forward is None:
            return tuple(self._by_cotangent())
        steps = list(self.forward.steps)
        if self._is_plain:
            steps += self._closing(self.forward, self._all_ends)
        if self.kronecker_sum is not None:
            steps += self.kronecker_sum.steps(self.forward.monomials, *self.ends)
        return tuple(steps)

    def _closing(self, found: Forward, ends: tuple[str, ...]) -> list[Step]:
        """Return the steps from an entry to the matrix; names of Jacobians are put in last."""
        whole = self.in_step_names
        names = [e for e in found.jacobians.values() if e in {*walk(found.entry, Expr.is_name)}]
        if not names or self._chain is None:
            return closing_steps(whole, ends, found.monomials)
        product = self._chain[0].chained(found.stages[-1].term, found.jacobians)
        steps = closing_steps(product, ends, found.monomials)
        known = {*walk(product)}
        put = [e for e in found.jacobians.values() if e in known]
        reason: Reason = ("definition of ", *listed(put))
        if put:
            before, after = place(product, ends), place(whole, ends)
            steps.append(Step(before, after, Act.IDENTITY, reason))
        return steps

    @property
    def _all_ends(self) -> tuple[str, ...]:
        return (*self.ends[0], *self.ends[1])

    @property
    def _is_plain(self) -> bool:
        """Whether the entry at (i, p) of the matrix is the derivative of entry i by entry p."""
        return all(len(e) < 2 for e in self.ends) and self.layout == "numerator"

    @cached_property
    def forward(self) -> Forward | None:
        """Return the derivation of an entry; None where it is a function of whole matrices."""
        try:
            flat = all(len(e) < 2 for e in self.ends) and self.variable.shape != SCALAR
            named = self._chain if flat else None
            return forward(self._staged, self.ends, named and named[0])
        except NoEntriesError:
            return None

    @cached_property
    def _staged(self) -> Staged:
        """Return the value by its stages; no name means something else than in the gradient's."""
        values: dict[Expr, Any] = {}
        root = lower(self.value, values).term
        target = lower(self.variable.expr, values).term
        taken = [*self.problem.taken]
        meant = self._meant() if self.is_hessian else {}
        while True:
            found = staged(self.value_name, root, target, self.raiser, taken)
            own = self._spelled(found.found) if meant else {}
            clashing = [n for n, value in own.items() if meant.get(n, value) != value]
            if not clashing:
                return found
            taken += clashing

    @cached_property
    def identified(self) -> Identified:
        """Return the derivation by differentials; raises MissingRuleError where there is none.

        It ends in dy = J dx, that of a Hessian in d²L = dxᵀ H dx.
        """
        posed, (_, found) = self._staged, self._chained()
        matrix, by, moving = self.in_step_names, self.variable.expr, (self.name,)
        steps = [*found.steps, *collected(found.matrix, matrix, by, moving)]
        if self.kronecker_sum is not None:
            rows = self.kronecker_sum.named
            steps += collected(matrix, rows, by, moving, "the same matrix, a term for each row")
            matrix = rows
        if self.is_hessian and not self.is_mixed:
            loss = named_expr(self.problem.objective_name, self.problem.objective)
            steps += second_differential(loss, posed.value, by, matrix, moving)
        return Identified(tuple(steps), matrix)

    @cached_property
    def _chain(self) -> tuple[ForwardDifferentials, Identified] | None:
        """The derivation by differentials, and what it found; None where there is none."""
        try:
            return self._chained()
        except MissingRuleError:
            return None

    def _chained(self) -> tuple[ForwardDifferentials, Identified]:
        chain = ForwardDifferentials(self._staged)
        return chain, chain.found()

    @cached_property
    def not_identified(self) -> str:
        """Return why there is no derivation by differentials; nothing where there is one."""
        try:
            return "" if self.identified else "it has no steps"
        except MissingRuleError as error:
            return error.subject

    @cached_property
    def numerator(self) -> Expr:
        """Return the matrix in numerator layout."""
        if self.layout == "numerator":
            return self.expr
        return replace(self, layout="numerator").expr

    @cached_property
    def in_names(self) -> Problem:
        """Return the problem with the automatic names of the steps among its definitions."""
        if self.is_hessian:
            found = DerivedGradients(self.problem, [*dict.fromkeys((self.of, self.name))])
            stages, objective = found.stages, found.staged_objective
        else:
            stages, objective = self._staged.found[:-1], self._staged.value.args[0]
        met = {*walk(objective)}
        names = {str(s.expr.data): s.expr.args[0] for s in stages if s.expr in met}
        return replace(self.problem, objective=objective, definitions=names)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Return the named intermediates, what is differentiated last."""
        return self._staged.found

    @property
    def named_jacobians(self) -> list[tuple[Expr, Expr]]:
        """Return the names of Jacobians on the way in index form, with what they are of."""
        found = self.forward.jacobians if self.forward is not None else {}
        return [(name, t.data) for t, name in found.items()]

    @property
    def stated(self) -> Expr:
        """Return the name of what is differentiated, standing for it."""
        return self._staged.value

    def _meant(self) -> dict[str, str]:
        """Return what the names of the gradient's steps mean; that of a direction is kept free."""
        problem, values = self.problem, dict[Expr, Any]()
        root = lower(problem.objective, values).term
        leaves = [lower(problem.variables[n].expr, values).term for n in problem.wrt]
        known = [*problem.taken, problem.objective_name]
        stages = Stages(root, leaves, self.raiser.natural, known).stages.values()
        return {**self._spelled(stages), self._directions[0]: ""}

    def _spelled(self, stages: Iterable[Stage]) -> dict[str, str]:
        """Return the values of automatic names without any name in them."""
        inner: dict[Term, Term] = {}
        for s in stages:
            inner[s.term] = in_leaves(s.value, inner, {})
        written = self.raiser.natural
        return {str(s.expr.data): text(written(inner[s.term])) for s in stages if s.automatic}

    def _by_cotangent(self) -> Iterator[Step]:
        """Yield the steps by way of the product with a cotangent, where entries have no form."""
        yield from DerivedGradients(self.posed, [self.name])[self.name].steps
        value, by = self.ends
        slope = partial(place(self.value, value), place(self.variable.expr, by))
        yield Step(slope, self.index_expr, Act.JACOBIAN, (_JACOBIAN,), True)
        if self._is_plain and self.variable.shape != SCALAR:
            yield Step(self.index_expr, place(self.expr, self._all_ends), Act.MATRIX, (_LAW,))

    @cached_property
    def posed(self) -> Problem:
        """Return the problem whose gradient is the product with a cotangent: L of the value."""
        if self.value.is_scalar and not self.is_hessian:
            return self.problem
        name = free_name(self.problem, "LJFHPQ", named=self.is_hessian)
        given = free_name(self.problem, [c for c in self._directions if c != name])
        loss = node("loss", (self.value,), SCALAR, (name, given))
        upstream = {**self.problem.upstream, given: self.value}
        return replace(self.problem, objective=loss, upstream=upstream, wrt=(self.name,), label="")

    def recheck(self) -> int:
        """Evaluate every step; return how many equations were checked. Raises CheckError."""
        count = recheck(self.posed if self.forward is None else self.problem, self.steps)
        further = [] if self.not_identified else [*self.identified.steps]
        if self.kronecker_sum is not None:
            whole = self.kronecker_sum.whole
            further.append(Step(self.numerator, whole, Act.IDENTITY, ("row by row",), True))
        return count + (recheck(self.problem, further) if further else 0)

    def product(self, name: str = "v") -> DirectionProduct:
        """Return the product with a direction, a matrix called ``name``; J itself is not formed.

        For a Hessian the direction has the shape of the variable, for a Jacobian that of the
        value: the transposed Jacobian times it, a pullback. Raises InputError for a name in use.
        """
        if self.is_mixed:  # the transpose of the one whose rows and columns are the other way
            return hessian_of(self.problem, self.name, self.layout, self.of)._pulled_back(name)
        return self._pulled_back(name)

    def _pulled_back(self, name: str) -> DirectionProduct:
        """Return the transpose times a direction in the shape of what is differentiated."""
        check_name(name, "a direction")
        if name in self.problem.taken:
            raise InputError(f"{name!r} is in use already", remedy='pass another: product("v")')
        values: dict[Expr, Any] = {}
        direction = var(name, self.value.shape)
        value = lower(self.value, values).term
        by = lower(self.variable.expr, values).term
        term = product(value, by, direction)
        raiser = Raiser(values, _facts(self.problem, self.name))
        return DirectionProduct(direction, raiser.shaped(term, self.variable.shape), term)

    def direction_product(self, mark: str = "") -> DirectionProduct:
        """Return the product with a direction under a name that the problem does not use.

        ``mark`` ends the name: v_w, where other directions are about.
        """
        return self.product(free_name(self.problem, [f"{c}{mark}" for c in self._directions]))

    @property
    def _directions(self) -> Sequence[str]:
        """Return names for a direction, of which the first that is free is taken."""
        shape = self.variable.shape if self.is_mixed else self.value.shape
        return [*("vuzs" if shape[1] == ONE else "VDUZ"), "Direction"]


@dataclass(frozen=True)
class DirectionProduct:
    """The product of a Hessian, or of a transposed Jacobian, with a direction."""

    direction: Expr
    expr: Expr
    term: Term

    @property
    def text(self) -> str:
        """Return the product in the expression language; it parses back."""
        return shared_text(self.expr)

    @property
    def latex(self) -> str:
        """Return the product as LaTeX mathematics."""
        return latex(Writer()(self.expr))

    def __repr__(self) -> str:
        return self.text


def _turned_parts(x: Expr) -> int:
    """Return how many sums and products stand transposed in an expression."""
    return sum(e.is_transpose and bool(e.args[0].args) for e in walk(x))


def jacobian_of(problem: Problem, name: str, layout: str = "numerator") -> DerivativeMatrix:
    """Return the Jacobian of the objective by a variable."""
    variable = _variable(problem, name, layout)
    values: dict[Expr, Any] = {}
    value = problem.objective
    if value.op == "vec" and variable.shape != SCALAR:
        value = value.args[0]  # the rows are in vec order anyway
    refuse_tensors(value.shape, variable)
    root = lower(value, values).term
    leaf = lower(variable.expr, values).term
    term = jacobian(root, leaf)
    raiser = Raiser(values, _facts(problem, name))
    return DerivativeMatrix(problem, variable, value, term, raiser, "jacobian", layout)


def hessian_of(
    problem: Problem,
    name: str,
    layout: str = "numerator",
    by: str | None = None,
    *,
    entries: bool = False,
    several: bool = False,
) -> DerivativeMatrix:
    """Return the Hessian of a scalar objective by a variable.

    With ``by``, it is the mixed one: the Jacobian by that variable of the gradient by the first.
    A tensor has ``entries`` of second derivatives, where these are asked for, and no matrix. With
    ``several`` in one document, each gradient is named after its variable.
    """
    variable = _variable(problem, name, layout)
    other = _variable(problem, name if by is None else by, layout)
    if not problem.objective.is_scalar:
        raise ShapeError(
            f"the objective is {describe(problem.objective.shape)}; a Hessian needs a scalar",
            remedy="write sum(..) around it, or ask for its Jacobian",
        )
    for v in () if entries else (variable, other):
        refuse_tensors(problem.objective.shape, v)
    values: dict[Expr, Any] = {}
    root = lower(problem.objective, values).term
    leaf, column = (lower(v.expr, values).term for v in (variable, other))
    refuse_given(root, leaf)
    refuse_given(root, column)
    # Facts hold at the point only, so that they are not used before the second derivative.
    gradient = Simplifier()(reverse(root, [leaf]).gradient(leaf))
    labels = [named(problem.labelled, root)] if problem.labelled else []
    raiser = Raiser(values, _facts(problem, name, other.name), labels=labels)
    value = raiser.shaped(gradient, variable.shape)
    term = jacobian(gradient, column)
    found = DerivativeMatrix(problem, other, value, term, raiser, "hessian", layout, name)
    return replace(found, several=several)


def _facts(problem: Problem, *by: str) -> Facts:
    """Return what is known of the variables, but for those that are differentiated by."""
    known = problem.variables.values()
    return Facts({v.name: v.properties for v in known if v.name not in by and v.properties})


def _variable(problem: Problem, name: str, layout: str) -> Variable:
    if layout not in LAYOUTS:
        raise InputError(f"no layout {layout!r}", remedy=f"there are: {', '.join(LAYOUTS)}")
    if name not in problem.variables:
        raise UnknownNameError(
            f"cannot differentiate with respect to {name!r}: it is not a variable of the problem",
            remedy=f"the variables are: {', '.join(problem.variables)}",
        )
    return problem.variables[name]
