"""Takes a problem; yields gradients with one rule broken as people break it, likeliest first.

Contract: proposes only. Each is what comes out when one step is done wrongly (a derivative left
out or taken at the wrong place, a factor of a product held fixed, another variable); whether a
claim is one of them is decided by evaluation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Protocol

from ..core.errors import SymderivError
from ..core.expr import (
    Expr,
    Variable,
    free_indices,
    mul,
    node,
    num,
    substitute,
    variables,
    walk,
    with_args,
)
from ..core.shapes import SCALAR, DimMismatchError, Shape
from ..derivation.derivations import DerivedGradients
from ..ops import TABLE
from ..ops.text import text
from ..problems import Problem
from ..problems.problem import kind_of
from .reasons import inlined
from .verdict import MISSING_FACTOR

_HELD, _PAIRED = 16, 5  # definitions that are held fixed, alone and two at once
_OCCURRENCES = 5  # of a variable, of which every choice may be forgotten
_STAGES = 14  # functions on the way to the variable whose derivative may be taken wrongly
_ELSEWHERE = 8  # places at which a derivative may be taken wrongly
_ARGUMENT = "chain-argument"
_LONG = 48  # letters of a formula that a sentence still quotes
_RATIONAL = {"num", "size", "add", "neg", "mul", "div"}
NO_GRADIENT = (SymderivError, DimMismatchError, TypeError, ValueError)  # what has no gradient here


@dataclass(frozen=True, slots=True)
class Mistake:
    """A gradient with one mistake in its derivation."""

    slip: str
    sentence: str
    expr: Expr
    about: tuple[Expr, ...] = ()  # what the mistake is about: what comes in, or where it was taken
    kind: str = ""  # the slip in a narrower word, where there is one


class Mistaken(Protocol):
    """A derivation to be done wrongly: what a search takes from it."""

    @property
    def parts(self) -> list[Expr]: ...
    def __iter__(self) -> Iterator[Mistake]: ...
    def derivative(self, x: Expr) -> Expr | None: ...


class NoMistakes:
    """Of a claim that is not about a derivative: nothing was derived."""

    parts: list[Expr] = []

    def __iter__(self) -> Iterator[Mistake]:
        return iter(())

    def derivative(self, x: Expr) -> Expr | None:
        """Return None: there is no variable."""
        return None


class Mistakes:
    """What comes out when the gradient by one variable, or by a definition, is derived wrongly."""

    def __init__(self, problem: Problem, name: str, truth: Expr, word: str) -> None:
        self._truth, self._word = truth, word  # "the gradient", or what it is a part of
        self._written: dict[Expr, Expr] = {}
        self._names = {*problem.known(), *problem.dims}
        objective = problem.objective
        if name in problem.definitions:
            value = problem.definitions[name]
            stage = next(e for e in walk(objective) if e.is_name and e.data == name)
            self._variable = self._fresh(value.shape)
            self._written[self._variable.expr] = stage
            objective = substitute(objective, {stage: self._variable.expr})
        else:
            self._variable = problem.variables[name]
        self._problem, self._named = problem, objective
        self._objective = inlined(objective)

    def __iter__(self) -> Iterator[Mistake]:
        for found in self._found():
            try:
                yield replace(found, expr=substitute(found.expr, self._written))
            except DimMismatchError:
                continue

    def _found(self) -> Iterator[Mistake]:
        yield from self._held()
        yield from self._forgotten()
        yield from self._broken()
        yield from self._at_stages()
        yield from self._by_others()
        yield from self._flat()

    # tools

    def _fresh(self, shape: Shape) -> Variable:
        name = next(n for n in (f"U{k}" for k in range(1, 1000)) if n not in self._names)
        self._names.add(name)
        return Variable(name, shape, kind_of(shape))

    def _gradient(self, objective: Expr, *by: Variable) -> list[Expr]:
        """Return the gradients of an expression, which may use further variables."""
        known = {**self._problem.variables, self._variable.name: self._variable}
        known.update(
            {n: Variable(n, e.shape, kind_of(e.shape)) for n, e in variables(objective).items()}
        )
        known.update({v.name: v for v in by})
        posed = replace(
            self._problem, objective=objective, variables=known, definitions={}, claims=()
        )
        found = DerivedGradients(posed, [v.name for v in by])
        return [found[v.name].expr for v in by]

    @cached_property
    def _stages(self) -> list[Expr]:
        """The functions of the variable inside the objective, those nearest to it first."""
        on_the_way: dict[Expr, None] = {self._variable.expr: None}
        for e in walk(self._objective):
            if any(a in on_the_way for a in e.args):
                on_the_way[e] = None
        ends = (self._variable.expr, self._objective)
        return [e for e in on_the_way if e not in ends and not free_indices(e)]

    def derivative(self, x: Expr) -> Expr | None:
        """Return the gradient of a scalar, or None where there is none."""
        if self._variable.expr not in set(walk(inlined(x))):
            return None
        try:
            (found,) = self._gradient(inlined(x), self._variable)
        except NO_GRADIENT:
            return None
        return substitute(found, self._written)

    # definitions

    def _held(self) -> Iterator[Mistake]:
        """One definition or two held fixed, where the variable goes other ways, too."""
        met = {str(e.data): e for e in walk(self._named) if e.is_name}
        known = [met[n] for n in self._problem.definitions if n in met][:_HELD]
        for some in (*((e,) for e in known), *combinations(known[:_PAIRED], 2)):
            fixed = {e: self._fresh(e.shape).expr for e in some}
            rest = inlined(substitute(self._named, fixed))
            if self._variable.expr not in set(walk(rest)):
                continue
            try:
                (found,) = self._gradient(rest, self._variable)
            except NO_GRADIENT:
                continue
            names = " and ".join(str(e.data) for e in some)
            taken = "is taken as a constant" if len(some) == 1 else "are taken as constants"
            yield Mistake(
                "missing-term",
                f"what goes through {names} is missing: {names} {taken}",
                substitute(found, {v: inlined(e) for e, v in fixed.items()}),
                kind="missing-path",
            )

    # the product rule

    @cached_property
    def parts(self) -> list[Expr]:
        """The terms of the product rule, one for each place in which the variable stands."""
        copies: list[Variable] = []
        try:
            split = self._split(self._objective, copies)
            parts = self._gradient(split, *copies)
        except (*NO_GRADIENT, _TooManyError):
            return []
        back = {c.expr: self._variable.expr for c in copies}
        return [substitute(substitute(p, back), self._written) for p in parts]

    def _forgotten(self) -> Iterator[Mistake]:
        """Every choice of occurrences of the variable held fixed."""
        parts = self.parts
        places = range(len(parts))
        for count in range(len(parts) - 1, 0, -1):
            for kept in combinations(places, count):
                left = [parts[k] for k in places if k not in kept]
                if all(any(p is parts[k] for k in kept) for p in left):
                    said = " and ".join(dict.fromkeys(map(quoted, left)))
                    words = f"a factor 2 is missing at {said}"
                    yield Mistake(MISSING_FACTOR, words, total([parts[k] for k in kept]))
                    continue
                said = " and ".join(quoted(p) for p in left)
                term, verb = ("term", "is") if len(left) == 1 else ("terms", "are")
                yield Mistake(
                    "missing-term",
                    f"the {term} {said} of the product rule {verb} missing: "
                    f"the variable stands in {len(parts)} places",
                    total([parts[k] for k in kept]),
                )

    def _split(self, x: Expr, copies: list[Variable]) -> Expr:
        """Return an expression in which every occurrence of the variable is a variable."""
        if x is self._variable.expr:
            if len(copies) == _OCCURRENCES:
                raise _TooManyError
            copies.append(self._fresh(x.shape))
            return copies[-1].expr
        if self._variable.expr not in set(walk(x)):
            return x
        return with_args(x, tuple(self._split(a, copies) for a in x.args))

    # the chain rule

    def _broken(self) -> Iterator[Mistake]:
        """The derivative of one function left out, doubled, or taken at the wrong place."""
        # Where a derivative is plain, other slips are made.
        stages = [e for e in self._stages if not TABLE[e.op].plain][:_STAGES]
        for u in stages:
            inner = [k for k, a in enumerate(u.args) if a in {*self._stages, self._variable.expr}]
            if len(inner) != 1 or _is_multiple(u):
                continue
            try:
                yield from self._broken_at(u, u.args[inner[0]], inner[0])
            except NO_GRADIENT:
                continue

    def _broken_at(self, u: Expr, a: Expr, place: int) -> Iterator[Mistake]:
        above, beside = self._cotangent(u)
        inside, seed = self._fresh(a.shape), self._fresh(u.shape)
        args = (*u.args[:place], inside.expr, *u.args[place + 1 :])
        contrast = _dot(seed.expr, with_args(u, args))
        (local,) = self._gradient(contrast, inside)
        through = self._through(a)
        for m in self._locals(u, a, local, inside.expr, seed.expr, above):
            found = substitute(through[0], {through[1]: m.expr})
            yield replace(m, expr=total([found, *beside]))
        if beside:
            words = f"{quoted(u)} depends on the variable too, and was held fixed"
            yield Mistake("missing-term", words, total(beside))

    def _cotangent(self, u: Expr) -> tuple[Expr, list[Expr]]:
        """Return the gradient by a stage, and the gradient by the other ways, if there are any."""
        stage = self._fresh(u.shape)
        cut = substitute(self._objective, {u: stage.expr})
        ways = [stage]
        if self._variable.expr in set(walk(cut)):
            ways.append(self._variable)
        above, *beside = (substitute(g, {stage.expr: u}) for g in self._gradient(cut, *ways))
        return above, beside

    def _through(self, a: Expr) -> tuple[Expr, Expr]:
        """Return the pullback of an inner expression to the variable, and its seed."""
        seed = self._fresh(a.shape)
        if a is self._variable.expr:
            return seed.expr, seed.expr
        (found,) = self._gradient(_dot(seed.expr, a), self._variable)
        return found, seed.expr

    def _locals(
        self, u: Expr, a: Expr, local: Expr, inside: Expr, seed: Expr, above: Expr
    ) -> Iterator[Mistake]:
        """Yield what may be sent on instead of the derivative of ``u`` times what comes in."""

        def at(place: Expr, incoming: Expr = above) -> Expr:
            return substitute(local, {inside: place, seed: incoming})

        name = f"the derivative of {quoted(u)}"
        ones = node("ones", (), u.shape) if u.shape != SCALAR else num(1)
        fits = u.shape == a.shape
        if fits:
            kind = MISSING_FACTOR if u.is_hadamard else ""
            yield Mistake("chain-factor", f"{name} is left out of the chain", above, kind=kind)
            yield Mistake("chain-factor", f"{name} stands in the chain twice", at(a, at(a)))
        if variables(above):
            said = f"{name} is there, but not the gradient that comes in"
            yield Mistake("chain-factor", said, at(a, ones), (above,), "missing-upstream")
        for place in self._elsewhere(u, a, above) if inside in set(walk(local)) else ():
            said = f"{name} is taken at {quoted(place)} instead of {quoted(a)}"
            yield Mistake("chain-factor", said, at(place), (place,), _ARGUMENT)
            more = f"{said}, and the gradient that comes in is missing"
            yield Mistake("chain-factor", more, at(place, ones), (above,), _ARGUMENT)
        # s (1 - s) with the wrong s.
        value = with_args(u, tuple(inside if x is a else x for x in u.args))
        for other in (a, above) if fits else ():
            if not variables(other) or value not in set(walk(local)):
                continue
            said = f"{name}, written in its value, is taken with {quoted(other)} for the value"
            wrong = substitute(at(inside), {value: other, inside: a})
            yield Mistake("chain-factor", said, wrong, (above,), _ARGUMENT)
            wrong = substitute(at(inside, ones), {value: other, inside: a})
            more = f"{said}, and the gradient that comes in is missing"
            yield Mistake("chain-factor", more, wrong, (above,), _ARGUMENT)
        if u.op == "softmax":
            only = "only the diagonal of the Jacobian of softmax is there"
            yield Mistake("elementwise", only, mul(above, u, _one_minus(u)))
            yield Mistake("missing-term", f"{only}, and only its first term", mul(above, u))

    def _elsewhere(self, u: Expr, a: Expr, above: Expr) -> list[Expr]:
        same = [e for e in (u, above) if e.shape == a.shape]
        args = [x for e in self._stages for x in (*e.args, e)]
        shaped = [e for e in args if len(e.shape) == len(a.shape) and not e.is_coefficient]
        rest = [e for e in dict.fromkeys(shaped) if e not in (a, u, above)]
        return [*same, *rest[:_ELSEWHERE]]

    # other questions

    def _at_stages(self) -> Iterator[Mistake]:
        """The gradient by what is on the way to the variable."""
        for u in self._stages[:_STAGES]:
            if u.is_transpose:
                continue
            try:
                above, _ = self._cotangent(u)
            except NO_GRADIENT:
                continue
            words = f"it is {self._word} with respect to {quoted(u)}"
            if self._spreads(u):
                yield Mistake(
                    "missing-sum", f"{words}, not summed over where the variable goes", above
                )
            else:
                words = f"{words}; the last factor of the chain is missing"
                yield Mistake("chain-factor", words, above)

    def _spreads(self, u: Expr) -> bool:
        """Whether a stage only adds the variable to something, in every row or entry."""
        if u.is_sum:
            return any(map(self._spreads, u.args))
        plain = [a.args[0] if a.is_transpose else a for a in (u.args or (u,))]
        is_repeated = u.is_product and any(a.is_ones for a in plain)
        alone = len(plain) == 1 and u.op in ("var", "transpose")
        return self._variable.expr in plain and (alone or is_repeated)

    def _by_others(self) -> Iterator[Mistake]:
        others = [v for v in self._problem.variables.values() if v is not self._variable]
        met = variables(self._objective)
        for v in others:
            if v.name not in met:
                continue
            try:
                (found,) = self._gradient(self._objective, v)
            except NO_GRADIENT:
                continue
            words = f"it is {self._word} with respect to `{v.name}`"
            yield Mistake("wrong-variable", words, found, (v.expr,))

    def _flat(self) -> Iterator[Mistake]:
        """Given gradients taken as one."""
        given = {self._problem.given(g): None for g in self._problem.upstream}
        ones = {g: node("ones", (), g.shape) if g.shape != SCALAR else num(1) for g in given}
        if ones:
            words = " and ".join(f"`{text(g)}`" for g in ones)
            found = substitute(self._truth, dict(ones))
            said = f"the gradient that comes in, {words}, is missing"
            yield Mistake("chain-factor", said, found, tuple(given), "missing-upstream")


class _TooManyError(Exception):
    pass


def quoted(x: Expr) -> str:
    """Return an expression as a sentence quotes it: the beginning of a long one."""
    written = text(x)
    if len(written) <= _LONG:
        return f"`{written}`"
    return f"`{written[:_LONG].rstrip()} ..`"


def _is_multiple(u: Expr) -> bool:
    """Whether it is a rational multiple, whose factor is forgotten for itself."""
    if not u.is_scaled:
        return False
    numbers = [all(e.op in _RATIONAL for e in walk(a)) for a in u.args]
    return numbers.count(False) == 1 and (u.is_hadamard or numbers[1])


def total(terms: Sequence[Expr]) -> Expr:
    """Return a sum."""
    return terms[0] if len(terms) == 1 else node("add", tuple(terms), terms[0].shape)


def _one_minus(x: Expr) -> Expr:
    return node("add", (node("neg", (x,), x.shape), num(1)), x.shape)


def _dot(a: Expr, b: Expr) -> Expr:
    """Return the sum of all entries of a product."""
    product = node("mul", (a, b), b.shape)
    return product if b.shape == SCALAR else node("sum", (product,), SCALAR, None)
