"""Takes what a claim is about; returns what it should equal: a gradient, a Jacobian, an entry.

Contract: the derivative comes from the derivation; names and indices that are not those of the
problem are refused here. A Jacobian is in numerator layout, matrices column by column.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations, islice

from ..core.errors import IndexNameError, ParseError, UnknownNameError
from ..core.expr import Expr, Index, Variable, free_ranges, variables
from ..core.positions import AxisBlock, at_marks
from ..core.shapes import ONE, SCALAR, Dim, DimMismatchError, Shape, describe, difference, symbol
from ..derivation.derivations import DerivedGradients, is_network, require_scalar
from ..derivation.jacobians import DerivativeMatrix, hessian_of, jacobian_of
from ..derivation.value_names import name_of_value
from ..problems import Problem
from ..problems.problem import kind_of
from .about import About
from .layouts import Ends
from .mistakes import NO_GRADIENT, Mistake, Mistaken, Mistakes, NoMistakes, quoted, total
from .verdict import GRADIENT, HESSIAN, JACOBIAN

_OWN_LETTER = "an index needs a letter of its own: dL/dW[p, q]"


@dataclass(frozen=True)
class Target:
    """What a claim should be equal to, and what its search needs to know of it."""

    truth: Expr
    mistakes: Callable[[], Mistaken]
    word: str = GRADIENT
    name: str = ""  # of the variable; "" where the claim is about no derivative
    layout: str = ""  # how a Jacobian is laid out, in words
    ends: Ends | None = None  # what the rows and columns of a Jacobian run over
    ranges: dict[str, Dim] = field(default_factory=dict)  # of the indices of an entry
    pick: Callable[[Expr], Expr] = lambda whole: whole  # of a whole derivative, what is claimed
    called: str = ""  # the name that stands for it in other gradients: dH for that of H


def of_expression(truth: Expr, word: str) -> Target:
    """Return the target of what is claimed to equal an expression: the line before."""
    return Target(truth, NoMistakes, word, ranges=free_ranges(truth))


def about_text(problem: Problem, name: str, order: int = 1) -> str:
    """Return how the derivative of a problem by a variable is written: dL/dW, dy/dx, d2L/dw2."""
    scalar = problem.objective.shape == SCALAR
    of = problem.objective_name if scalar else name_of_value(problem, problem.objective)
    return f"d2{of}/d{name}2" if order == 2 else f"d{of}/d{name}"


class Targets:
    """The derivatives of one problem that claims may be about, each derived once."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self._sizes = _written_sizes(problem)
        self._gradients: dict[tuple[str, str], Expr] = {}
        self._matrices: dict[tuple[str, ...], DerivativeMatrix] = {}

    def __call__(self, about: About) -> Target:
        """Return what a claim is about; raises LanguageError, MissingRuleError."""
        posed = self._posed(about)
        for name in dict.fromkeys((about.name, about.by or about.name)):
            self._check_variable(about, name)
        if about.order == 1 and posed.objective.shape == SCALAR:
            return self._gradient(about, posed)
        return self._matrix(about, posed)

    def gradient(self, name: str) -> Expr:
        """Return the gradient of the objective by a variable or a definition."""
        return self._gradient_of(self.problem, "", name)

    # what is differentiated

    def _posed(self, about: About) -> Problem:
        """Return the problem whose objective is differentiated: that of the claim's value."""
        problem = self.problem
        if about.of in problem.definitions:
            names = list(problem.definitions)
            before = names[: names.index(about.of)]
            earlier = {n: problem.definitions[n] for n in before}
            value = problem.definitions[about.of]
            return replace(problem, objective=value, definitions=earlier, claims=(), label="")
        if about.of in ("", problem.objective_name):
            return problem
        free = about.of not in problem.known() and about.of not in problem.dims
        scalar = problem.objective.shape == SCALAR
        if free and (about.of == "L" if scalar else len(about.of) == 1):
            return problem
        called = problem.objective_name if scalar else name_of_value(problem, problem.objective)
        start = about.text.index(about.of, about.text.index("d") + 1)
        raise ParseError(
            f"a claim about d{about.of} is not about the objective, which is {called}",
            span=replace(about.span, start=start, stop=start + len(about.of)),
            remedy=f"write d{called}/d{about.name}",
        )

    def _check_variable(self, about: About, name: str) -> None:
        problem = self.problem
        known = [*problem.variables]
        if name in known or (name in problem.definitions and self._is_plain(about)):
            return
        raise UnknownNameError(
            f"the claim is about {name!r}, which is not a variable of the problem",
            remedy=f"the variables are: {', '.join(known)}",
        )

    def _is_plain(self, about: About) -> bool:
        """Whether a claim is about the gradient of the objective itself."""
        whole = about.order == 1 and self.problem.objective.shape == SCALAR
        return whole and about.of not in self.problem.definitions

    # gradients

    def _name_of_cotangent(self, about: About) -> str:
        if not self._is_plain(about) or not is_network(self.problem):
            return ""
        return self.whole.adjoint_names.get(about.name, "")

    def _gradient(self, about: About, posed: Problem) -> Target:
        if about.at:
            raise IndexNameError(
                f"{about.of} is a scalar and has no entries", span=about.span, remedy="no index"
            )
        whole = self._gradient_of(posed, about.of, about.name)

        def pick(x: Expr) -> Expr:
            return _entry(about, x, self._sizes) if about.indices else x

        truth = pick(whole)
        return Target(
            truth,
            lambda: Mistakes(posed, about.name, whole, GRADIENT),
            name=about.name,
            ranges=free_ranges(truth) if about.indices else {},
            pick=pick,
            called=self._name_of_cotangent(about),
        )

    def _gradient_of(self, posed: Problem, of: str, name: str) -> Expr:
        key = (of if of in self.problem.definitions else "", name)
        if key not in self._gradients:
            require_scalar(posed)
            if name in posed.definitions and name not in posed.variables:
                self._gradients[key] = self._whole_of(posed).by_definition(name)
            elif is_network(posed):
                self._gradients[key] = self._whole_of(posed)[name].expr
            else:
                self._gradients[key] = DerivedGradients(posed, [name])[name].expr
        return self._gradients[key]

    @cached_property
    def whole(self) -> DerivedGradients:
        """The gradients of the objective by all variables; they share the names they use."""
        return DerivedGradients(self.problem, list(self.problem.variables))

    def _whole_of(self, posed: Problem) -> DerivedGradients:
        return (
            self.whole if posed is self.problem else DerivedGradients(posed, list(posed.variables))
        )

    # Jacobians and Hessians

    def _matrix(self, about: About, posed: Problem) -> Target:
        made = self._made(about, posed)
        rows = posed.variables[about.name].shape if about.order == 2 else made.value.shape
        by_number = made.variable.shape == SCALAR
        ranges: dict[str, Dim] = {}
        if about.is_entry:
            marks, by = self._marks(about, rows, made.variable.shape, ranges)
            truth = made.index_at(marks, by)
        else:
            truth = made.expr
        word = JACOBIAN if about.order == 1 else HESSIAN
        return Target(
            truth,
            NoMistakes if about.is_entry else lambda: LiftedMistakes(made, word),
            word,
            name=made.name,
            layout=_layout(about, made, posed),
            ends=None if by_number or about.is_entry else Ends(rows, made.variable.shape),
            ranges=ranges,
        )

    def _made(self, about: About, posed: Problem) -> DerivativeMatrix:
        key = (about.of if about.of in self.problem.definitions else "", about.name, about.by)
        if key not in self._matrices:
            self._matrices[key] = (
                hessian_of(posed, about.name, by=about.by)
                if about.order == 2
                else jacobian_of(posed, about.name)
            )
        return self._matrices[key]

    def _marks(
        self, about: About, rows: Shape, cols: Shape, ranges: dict[str, Dim]
    ) -> tuple[list[Index], list[Index]]:
        """Return the indices of both ends of an entry, and note the ranges of those with a name."""
        found: list[list[Index]] = []
        size = next((i for i in (*about.at, *about.indices) if i in self._sizes), None)
        if size is not None:
            raise IndexNameError(f"{size} is a size", span=about.span, remedy=_OWN_LETTER)
        for what, shape, written in (("value", rows, about.at), ("variable", cols, about.indices)):
            axes = [d for d in shape if d != ONE]
            if len(written) != len(axes):
                count = {0: "no index", 1: "one index", 2: "two indices"}[len(axes)]
                raise IndexNameError(
                    f"an entry of the {what} ({describe(shape)}) has {count}, not {len(written)}",
                    span=about.span,
                    remedy="write dy[i]/dx[j], dY[i, j]/dX[p, q], d2L/dw[i]dw[j]",
                )
            for i, dim in zip(written, axes, strict=True):
                if not i.isdecimal() and ranges.setdefault(i, dim) != dim:
                    raise IndexNameError(
                        f"the index {i} runs over {ranges[i]} and over {dim}",
                        span=about.span,
                        remedy="use two indices",
                    )
            found.append([int(i) if i.isdecimal() else i for i in written])
        return found[0], found[1]


def _layout(about: About, made: DerivativeMatrix, posed: Problem) -> str:
    """Return what the rows and the columns of a Jacobian run over, in words."""
    if about.order == 2 and about.by == about.name:
        return "the rows and the columns run over the entries of the variable"
    of = about.name if about.order == 2 else about.of or name_of_value(posed, made.value)
    return f"the rows belong to `{of}`, the columns to `{made.name}` (numerator layout)"


def _written_sizes(problem: Problem) -> set[str]:
    """Return the sizes that the writer named, so that they are no letters for an index."""
    shapes = [v.shape for v in problem.variables.values() if not v.inferred]
    return {name for shape in shapes for dim in shape for name in dim.names}


def _entry(about: About, gradient: Expr, sizes: Collection[str]) -> Expr:
    """Return the entry of the gradient that an entry claim is about; a size is the last place."""
    indices = list(about.indices)
    rank = len(gradient.shape)
    if len(indices) == 1 and rank == 2 and gradient.shape[1] == ONE:
        indices.append("1")
    marks = [
        _last(about, i, dim) if i in sizes else int(i) if i.isdecimal() else i
        for i, dim in zip(indices, gradient.shape, strict=False)
    ]
    if len(indices) != rank:
        raise IndexNameError(
            f"an entry of the gradient with respect to {about.name} "
            f"({describe(gradient.shape)}) has {'two' if rank == 2 else rank} indices, "
            f"not {len(indices)}",
            remedy=f"write dL/d{about.name}[{', '.join('pqrstuvw'[:rank])}]",
        )
    return at_marks(gradient, marks)


def _last(about: About, size: str, dim: Dim) -> AxisBlock:
    """Return the place on an axis that a size stands for: the last, where it is that of the axis.

    Raises IndexNameError where there is no such place for all sizes.
    """
    try:
        before, behind = difference([symbol(size)], [ONE]), difference([dim], [symbol(size)])
    except DimMismatchError:
        behind = symbol(size)
    if behind is not None:
        raise IndexNameError(
            f"{size} is a size, and no place of 1..{dim}",
            span=about.span,
            remedy=_OWN_LETTER,
        )
    return AxisBlock(before, ONE, None)


_MOST = 60  # mistakes that are lifted


class LiftedMistakes:
    """What comes out when a Jacobian or a Hessian is derived wrongly."""

    def __init__(self, made: DerivativeMatrix, word: str) -> None:
        self._made, self._word = made, word

    @cached_property
    def _pulled(self) -> Mistakes | None:
        posed, name = self._made.posed, self._made.name
        try:
            return Mistakes(posed, name, DerivedGradients(posed, [name])[name].expr, self._word)
        except NO_GRADIENT:
            return None

    @cached_property
    def parts(self) -> list[Expr]:
        """The terms of the product rule, or nothing where one has no matrix form."""
        pulled = self._pulled.parts if self._pulled is not None else []
        found = [self._lifted(p) for p in pulled]
        return [p for p in found if p is not None] if None not in found else []

    def __iter__(self) -> Iterator[Mistake]:
        yield from self._forgotten()
        if self._pulled is None:
            return
        for m in islice(self._pulled, _MOST):
            if m.slip == "missing-term" or any(self._given in variables(x) for x in m.about):
                continue  # in a Jacobian nothing comes in
            expr = self._lifted(m.expr)
            if expr is not None:
                yield replace(m, expr=expr)

    def _forgotten(self) -> Iterator[Mistake]:
        for count in range(len(self.parts) - 1, 0, -1):
            for kept in combinations(self.parts, count):
                left = [p for p in self.parts if p not in kept]
                term, verb = ("term", "is") if len(left) == 1 else ("terms", "are")
                said = " and ".join(map(quoted, left))
                words = f"the {term} {said} of the product rule {verb} missing"
                yield Mistake("missing-term", words, total(kept))

    def derivative(self, x: Expr) -> Expr | None:
        """Return None: a scalar in a Jacobian is no slip of its own."""
        return None

    @property
    def _given(self) -> str:
        return next(n for n in self._made.posed.upstream if n not in self._made.problem.upstream)

    def _lifted(self, pulled: Expr) -> Expr | None:
        """Return the Jacobian whose product with the cotangent is given, if it has a form."""
        posed, given = self._made.posed, self._given
        if given not in variables(pulled) or pulled.shape != self._made.variable.shape:
            return None
        shape = posed.upstream[given].shape
        known = {n: Variable(n, x.shape, kind_of(x.shape)) for n, x in variables(pulled).items()}
        question = replace(
            posed,
            objective=pulled,
            variables={**posed.variables, **known, given: Variable(given, shape, kind_of(shape))},
            definitions={},
            claims=(),
            upstream={},
        )
        try:
            if self._made.variable.kind == "scalar":
                return DerivedGradients(question, [given])[given].expr
            found = jacobian_of(question, given, "denominator").expr
        except NO_GRADIENT:
            return None
        return found if found.shape == self._made.shape else None
