"""Takes the definition of a function; returns the derivative of its entry, derived from that.

A lemma states the function in simpler ones, differentiates an entry of that as any other value is
differentiated, and folds what comes out: it is written in the function's own output.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain, count
from typing import Any, TypeVar

from ..calculus import lower
from ..calculus.matrixform import Raiser
from ..calculus.simplify import Reuse
from ..core.errors import NoEntriesError
from ..core.expr import (
    BINDERS,
    Expr,
    Variable,
    add,
    differential,
    entry,
    index_sum,
    mul,
    named,
    partial,
    rebuild,
    var,
    variables,
    walk,
    with_args,
    zeros,
)
from ..core.shapes import SCALAR
from ..ops import TABLE
from ..ops.base import Basis, Definition, Expansion, Identity
from ..ops.text import text
from ..problems import Problem
from ..problems import problem as posed
from ..problems.problem import kind_of
from ..tensor import Scale, constant
from .narration import Step, canonical
from .narration.differentials import changes
from .narration.entry_forms import Ends, Forms, Letters, Monomial, place, total
from .narration.forward import Forward, forward, staged
from .narration.slopes import jacobian, pulled
from .narration.stage_words import joined, listed
from .narration.steps import Act, DerivativeOf, LawOf, Reason
from .rechecking import recheck

_WORTH = 3  # letters that a step must save
_MEANING = 14  # letters that explaining a name takes


@dataclass(frozen=True)
class Lemma:
    """The derivative of one function, from its definition, for one vector or number.

    >>> from symderiv.ops import TABLE
    >>> from symderiv.ops.text import text
    >>> lemma = lemma_of(TABLE["softmax"].rests_on)
    >>> text(lemma.steps[-2].after)
    'y[i] * delta(i, p) - y[i] * y[p]'
    """

    problem: Problem  # with the cotangent among its variables
    function: Expr  # the function itself, of the variable
    value: Expr  # the name of the output, standing for the definition
    steps: tuple[Step, ...]

    @property
    def short(self) -> tuple[Step, ...]:
        """The steps with one line for the derivative of each name."""
        return tuple(_chains(self.steps))

    def recheck(self) -> int:
        """Evaluate every step; return how many equations were checked. Raises CheckError."""
        return recheck(self.problem, self.steps)


def lemmas_of(steps: Iterable[Step], taken: frozenset[str] = frozenset()) -> dict[str, Lemma]:
    """Return by operator the lemmas that steps rest on, each after those that it rests on."""
    found: dict[str, Lemma] = {}
    met: set[str] = set()  # sinh rests on cosh, and cosh on sinh

    def visit(names: Iterable[str]) -> None:
        for name in dict.fromkeys(names):
            basis = TABLE[name].rests_on
            if name not in met and not isinstance(basis, str):
                met.add(name)
                lemma = lemma_of(basis, taken)
                met_there = [e for s in lemma.steps for e in walk(s.after, lambda e: e.is_name)]
                # What is known by its equation, as the inverse is, needs no definition to be read.
                own = [e.op for e in met_there if is_defined(e)]
                visit([*_laws(lemma.steps), *(op for op in own if op != lemma.function.op)])
                found[name] = lemma

    visit(_laws(steps))
    return found


def _laws(steps: Iterable[Step]) -> list[str]:
    """Return the operators whose lemmas steps rest on."""
    laws = [part for s in steps for part in s.reason if isinstance(part, LawOf)]
    return [law.operator for law in laws if has_lemma(law.operator, law.data)]


def is_defined(e: Expr) -> bool:
    """Whether an expression is a function that is defined by simpler ones."""
    return isinstance(TABLE[e.op].rests_on, Definition) and has_lemma(e.op, e.data)


@cache
def has_lemma(operator: str, data: Hashable) -> bool:
    """Whether the lemma of an operator is about the function that its ``data`` says, if any.

    >>> has_lemma("norm", None), has_lemma("norm", "nuc"), has_lemma("softmax", 1)
    (True, False, True)
    """
    entry = TABLE[operator]
    if isinstance(entry.rests_on, str) or data is None or entry.axis:
        return not isinstance(entry.rests_on, str)
    basis = entry.rests_on
    call = posed(basis.call, variables=dict(basis.declared)).objective
    return any(e.op == operator and e.data == data for e in walk(call))


@cache
def lemma_of(basis: Basis, taken: frozenset[str] = frozenset()) -> Lemma:
    """Return the lemma of a function, in names that are not ``taken``."""
    if isinstance(basis, Identity):
        return _by_identity(_renamed(basis, taken))
    if isinstance(basis, Expansion):
        return _by_expansion(_renamed(basis, taken))
    return _by_definition(_renamed(basis, taken), taken)


def definition_of(operator: str, taken: frozenset[str] = frozenset()) -> tuple[Expr, Expr] | None:
    """Return a function, and what it is in simpler ones, of names that are not ``taken``."""
    basis = TABLE[operator].rests_on
    if not isinstance(basis, Definition):
        return None
    new = _renamed(basis, taken)
    call, value = (posed(t, variables=dict(new.declared)).objective for t in (new.call, new.value))
    return call, rebuild(
        value, lambda e, args: args[0] if e.op == "named" else with_args(e, args), lambda _: False
    )


def _by_definition(definition: Definition, taken: frozenset[str]) -> Lemma:
    problem = posed(definition.value, variables=dict(definition.declared))
    x = problem.variables[definition.by]
    found = _Found(definition, problem, x)
    steps = _of_numbers(found.way) if x.kind == "scalar" else found.way.steps
    last = steps[-1].after
    folded = found.folded(last, steps is found.way.steps)
    if folded is not None and canonical(total(folded)) is not canonical(last):
        steps = (*steps, _fold(last, total(folded), found))
    used = {*found.taken, *taken}
    given = next(n for n in chain("gvw", (f"g{k}" for k in count(1))) if n not in used)
    cotangent = Variable(given, found.way.value.shape, kind_of(found.way.value.shape))
    if x.kind != "scalar" and found.of:
        known = folded if folded is not None else found.way.monomials
        steps = (*steps, found.pulled(cotangent, known))
    problem = replace(problem, variables={**problem.variables, given: cotangent})
    return Lemma(problem, found.function, found.way.value, steps)


def _fold(last: Expr, folded: Expr, found: _Found) -> Step:
    """Return the step to the output of the function, or to that of others."""
    uses = {e for e in walk(folded) if has_lemma(e.op, e.data) and e not in {*walk(last)}}
    others = [LawOf(e.op, f"definition of {e.op}", e.data) for e in sorted(uses, key=text)]
    why: list[Sequence[str | Expr]] = [[law] for law in dict.fromkeys(others)]
    gone = {s.expr for s in found.way.stages} & {*walk(last)} - {*walk(folded)}
    inner = {e for x in gone for e in walk(x) if e is not x}  # those are put in, and cancel
    names = sorted(gone - inner, key=text)
    if found.way.value in {*walk(folded)}:
        why.insert(0, ("definition of ", found.way.value))
    elif not why:
        why.append(("definition of ", *listed(names or [found.way.value])))
    return Step(last, folded, Act.FOLD, joined(why))


def _by_expansion(expansion: Expansion) -> Lemma:
    """Return the lemma of a function that is linear in each row, by its expansion along one."""
    problem = posed(expansion.call, variables=dict(expansion.declared))
    (x,) = problem.variables.values()
    y = named(expansion.output, problem.objective)
    cofactors = posed(expansion.cofactors, variables=dict(expansion.declared)).objective
    name = named(expansion.name, cofactors)
    here = ("p", "q")
    along = index_sum("q", x.shape[1], mul(entry(x.expr, *here), entry(name, *here)))
    slope = partial(y, entry(x.expr, *here))
    rule = total(_rule_of(problem.objective, y, x.expr, here))
    shape = ", ".join(map(str, x.shape))
    known = {**dict(expansion.declared), expansion.name: shape, expansion.output: "scalar"}
    said = _said(expansion.solved, known)
    steps = (
        Step(
            y,
            along,
            Act.EXPANSION,
            ("expanded along a row; ", name, " holds the cofactors"),
            True,
        ),
        Step(
            slope,
            entry(name, *here),
            Act.EXPANSION,
            ("the cofactors of a row do not contain it",),
            True,
        ),
        Step(entry(name, *here), rule, Act.FOLD, said),
    )
    return Lemma(problem, problem.objective, y, steps)


def _by_identity(identity: Identity) -> Lemma:
    """Return the lemma of a function by an equation that it satisfies, differentiated."""
    problem = posed(identity.call, variables=dict(identity.declared))
    y = named(identity.output, problem.objective)
    shape = ", ".join(map(str, y.shape))
    equation = {**dict(identity.declared), identity.output: shape}
    sides = [posed(t, variables=equation).objective for t in (identity.left, identity.right)]
    moving = tuple(sorted(problem.variables))
    names = [v.expr for v in problem.variables.values()]
    output = var(identity.output, y.shape)

    def change(x: Expr, by: Sequence[Expr]) -> Expr:
        terms = [
            c
            for n in by
            for c in changes(
                lower(x, {}).term,
                lower(n, {}).term,
                differential(y if n is output else n, moving),
                x,
                Raiser().shaped,
            )
        ]
        return _put(add(*terms) if terms else zeros(*x.shape), {output: y})

    left, right = sides
    own = _put(change(problem.objective, names), {problem.objective: y})
    equal = [_put(x, {output: y}) for x in sides]
    steps = (
        Step(equal[0], equal[1], Act.IDENTITY, ("what ", y, " satisfies"), True),
        Step(change(left, [*names, output]), change(right, [*names, output]), *_BOTH, True),
        Step(differential(y, moving), own, Act.SOLVED, _said(identity.solved, equation), True),
        *_by_entries(problem, y),
    )
    return Lemma(problem, problem.objective, y, steps)


def _said(words: str, declared: Mapping[str, str]) -> Reason:
    """Return the words of a reason, with what stands in braces as expressions."""
    parts = _BRACED.split(words)
    found = [
        posed(t, variables=dict(declared)).objective if k % 2 else t for k, t in enumerate(parts)
    ]
    return tuple(x for x in found if x)


def _by_entries(problem: Problem, y: Expr) -> list[Step]:
    """Return the derivatives of an entry by an entry of each variable, if there are such."""
    if not lower(problem.objective, {}).term.is_call or y.shape == SCALAR:
        return []
    found = []
    of, by = ("i", "j"), ("p", "q")
    for v in problem.variables.values():
        try:
            rule = total(_rule_of(problem.objective, y, v.expr, by, of))
        except NoEntriesError:
            return []
        if any(e.op in BINDERS for e in walk(rule)):
            return []  # longer than the line of differentials
        slope = partial(entry(y, *of), entry(v.expr, *by))
        why: Reason = ("entry by entry, where only ", entry(v.expr, *by), " changes")
        found.append(Step(slope, rule, Act.CALCULUS, why, True))
    return found


_BOTH: tuple[Act, Reason] = (Act.BOTH_SIDES, ("product rule on both sides",))


def _put(x: Expr, new: Mapping[Expr, Expr]) -> Expr:
    """Return an expression with some of its parts replaced; names stay whole."""

    def change(e: Expr, args: tuple[Expr, ...]) -> Expr:
        return new.get(e) or with_args(e, args)

    return rebuild(x, change, lambda e: e.op == "named" and e not in new)


class _Found:
    """A definition differentiated, and the ways in which the result can be written."""

    def __init__(self, definition: Definition, problem: Problem, x: Variable) -> None:
        values: dict[Expr, Any] = {}
        root = lower(problem.objective, values).term
        self._by = x.expr
        self._target = lower(x.expr, values).term
        self.taken = {*problem.taken, definition.output}
        self.letters = Letters([*self.taken, "g"])
        self.by = self.letters.targets(len(self._target.dims))
        self.letters.reserved = set(self.by)
        self.of = self.letters.pair("ij", len(root.dims), self.by)
        ends = (self.of, self.by)
        name = definition.output
        way = staged(name, root, self._target, Raiser(values), problem.taken)
        self.way = forward(way, ends)
        variables = dict(definition.declared)
        self.function: Expr = posed(definition.call, variables=variables).objective

    def folded(self, last: Expr, has_names: bool) -> Sequence[Monomial] | None:
        """Return the derivative as it reads best; None as it stands."""
        ways = [None, self._in_output() if has_names else None, self._by_rule()]
        as_it_stands = self._length(last) - _WORTH
        return min(ways, key=lambda w: as_it_stands if w is None else self._length(total(w)))

    def _length(self, x: Expr) -> int:
        """Return how long a form reads; a name that only the lemma knows counts for its meaning."""
        inner = {s.expr for s in self.way.stages} - {self.way.value}
        return len(text(x)) + _MEANING * len(inner & {*walk(x, Expr.is_name)})

    def _in_output(self) -> Sequence[Monomial] | None:
        """Return the derivative with the output in the place of what it is."""
        names = {var(str(s.expr.data), s.expr.shape): s.expr for s in self.way.stages}
        y = self.way.value
        name = lower(var(str(y.data), y.shape), {}).term
        entry = lower(_as_variables(total(self.way.monomials)), {})
        term = Reuse([(name, lower(_as_variables(y.args[0]), {}).term)])(entry.term)
        ends = tuple(i for i, _ in entry.loose)
        if term is entry.term or {*ends} != {*self.of, *self.by}:
            return None
        found = Forms(Raiser(), self.letters).monomials(term, ends)

        def change(e: Expr, args: tuple[Expr, ...]) -> Expr:
            return names.get(e) or with_args(e, args)

        back = [replace(m, factors=tuple(rebuild(f, change) for f in m.factors)) for m in found]
        return [m.along_path() for m in back]

    def _by_rule(self) -> Sequence[Monomial]:
        """Return the derivative as the function's own rule has it."""
        return _rule_of(self.function, self.way.value, self._by, self.by, self.of)

    def pulled(self, cotangent: Variable, known: Sequence[Monomial]) -> Step:
        """Return the step that sums the derivative of every entry with a cotangent."""
        y, dims = self.way.value, lower(self.way.value, {}).term.dims
        given = place(cotangent.expr, self.of)
        before = mul(given, partial(place(y, self.of), place(self._by, self.by)))
        for name, dim in reversed(list(zip(self.of, dims, strict=True))):
            before = index_sum(str(name), dim, before)
        run = Monomial(Scale(), (given,), (), tuple(zip(map(str, self.of), dims)))
        after = total([run.times(m).sifted()[0] for m in known])
        return Step(
            before,
            after,
            Act.PULLED,
            ("times the cotangent ", cotangent.expr, " of ", y, ", summed"),
            True,
        )


def _rule_of(function: Expr, name: Expr, by: Expr, ends: Ends, of: Ends = ()) -> Sequence[Monomial]:
    """Return the derivative of an entry of a function as its own rule has it."""
    letters = Letters([*map(str, (*ends, *of, *variables(function), name.data)), "g"])
    atom, target = lower(function, {}).term, lower(by, {}).term
    forms = Forms(Raiser(), letters, [(atom, name)])
    if atom.dims:
        found = jacobian(forms, letters, atom, target, of, ends)
    else:
        found = forms.monomials(pulled(atom, target, constant(Scale(), ())), ends)
    return [m.along_path() for m in found]


def _as_variables(x: Expr) -> Expr:
    """Return an expression with every name as a variable, which stands for nothing."""

    def change(e: Expr, args: tuple[Expr, ...]) -> Expr:
        return var(str(e.data), e.shape) if e.op == "named" else with_args(e, args)

    return rebuild(x, change, lambda e: e.op == "named")


def _of_numbers(found: Forward) -> tuple[Step, ...]:
    """Return the steps for a function of a number: by the chain rule at once, with no names."""
    whole = _spelled(found, found.value.args[0])
    first = Step(found.value, whole, Act.DEFINITION, ("definition of ", found.value), True)
    opening = next(s.before for s in reversed(found.steps) if s.opens)
    last = _spelled(found, found.steps[-1].after)
    rules = [s.reason for s in found.steps if s.law not in _TACIT]
    said = dict.fromkeys(p for r in rules for p in _without_names(r))
    chained: list[Reason] = [("chain rule",)] if len(found.stages) > 1 else []
    return first, Step(opening, last, Act.CALCULUS, joined([*said, *chained]), True)


def _without_names(reason: Reason) -> list[Reason]:
    """Return the parts of a reason but those that are about the names on the way."""
    parts: list[list[str | Expr]] = [[]]
    for x in reason:
        if x == "; ":
            parts.append([])
        else:
            parts[-1].append(x)
    mere = (DerivativeOf, Expr)
    return [tuple(p) for p in parts if not isinstance(p[0], mere)]


def _spelled(found: Forward, x: Expr) -> Expr:
    """Return an expression with every automatic name but that of the value written out."""
    names = {s.expr for s in found.stages if s.automatic}

    def change(e: Expr, args: tuple[Expr, ...]) -> Expr:
        return args[0] if e in names else with_args(e, args)

    return rebuild(x, change, lambda e: e.op == "named" and e not in names)


_SILENT = (Act.SIFT, Act.LINEARITY)
_TACIT = (*_SILENT, Act.DEFINITION, Act.NAMES, Act.ENTRIES)


def _chains(steps: Sequence[Step]) -> list[Step]:
    """Return steps with those of each derivative joined to one line."""
    found: list[Step] = []
    reasons: list[Sequence[str | Expr]] = []
    for s in steps:
        if s.opens:
            reasons = []
        if s.law not in _SILENT:
            reasons.append(s.reason)
        if s.opens or s.law is Act.FOLD or found[-1].before.op != "partial":
            found.append(replace(s, reason=joined(reasons)))
        else:
            found[-1] = replace(found[-1], after=s.after, law=Act.CALCULUS, reason=joined(reasons))
        if s.law is Act.FOLD:
            found[-1] = s
    return found


_FREE = {
    "X": "AMBZ",
    "Y": "RSUV",
    "A": "MBK",
    "B": "CDN",
    "x": "xuzvab",
    "y": "ysvzub",
    "n": "nmdkNM",
    "t": "tsrh",
    "c": "crhu",
}


Kind = TypeVar("Kind", Definition, Identity, Expansion)


def _renamed(basis: Kind, taken: Collection[str]) -> Kind:
    """Return a definition or an identity in names that are not taken; parameters keep theirs."""
    fields = {f.name: getattr(basis, f.name) for f in dataclasses.fields(basis)}
    by = fields.get("by", "")
    own: set[str] = {n for n, v in basis.declared if v != "scalar" or n == by} | {basis.output}
    own |= {x for t in fields.values() if isinstance(t, str) for x in _DEFINED.findall(t)}
    own |= {d for _, v in basis.declared for d in _SIZE.findall(v) if v != "scalar"}
    used: set[str] = {*taken, *own}
    new: dict[str, str] = {}
    name: str
    for name in sorted(own & {*taken}):
        pool = (*_FREE.get(name, ""), *(f"{name}{k}" for k in range(1, len(used) + 2)))
        new[name] = next(c for c in pool if c not in used)
        used.add(new[name])

    def swap(t: str) -> str:
        return t if t == "scalar" else _WORD.sub(lambda m: new.get(m[0], m[0]), t)

    words = (Act.SOLVED, "of_rows")
    changed = {k: swap(v) for k, v in fields.items() if isinstance(v, str) and k not in words}
    if Act.SOLVED in fields:  # words, and mathematics in braces
        changed[Act.SOLVED] = _BRACED.sub(lambda m: f"{{{swap(m[1])}}}", fields[Act.SOLVED])
    declared = tuple((swap(n), swap(v)) for n, v in basis.declared)
    return replace(basis, declared=declared, **changed)


_BRACED = re.compile(r"\{(.*?)\}")
_DEFINED, _SIZE, _WORD = (re.compile(r) for r in (r"\b(\w+) =(?!=)", r"[a-z]\w*", r"\b\w+\b"))
