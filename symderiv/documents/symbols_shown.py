"""The scribe: one derivation's notation, so that a symbol looks the same all through.

Contract: reads names, shapes and roles off a derivation; computes no derivative and no value.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..core.expr import BINDERS, Expr, entry, free_indices, named, own_indices, sum_index, var, walk
from ..core.shapes import ONE, SCALAR, Dim, Shape
from ..derivation.narration import Section, cotangent_names
from ..notation.math import (
    PARTIAL,
    TRANSPOSE,
    WRONG,
    Big,
    Fence,
    Math,
    Num,
    Op,
    Sym,
    Tint,
    Under,
    Word,
    fraction_of_partials,
    row,
    sub,
    sup,
)
from ..ops import SUM, TABLE
from ..ops.leaves import size_notation
from ..ops.text import text
from ..ops.written import Writer, shape_notation
from .theme import COTANGENT, DELTA, INPUT

if TYPE_CHECKING:
    from ..derivation.derivations import DerivedGradients

_LEAVES = ("var", "named", "ones", "zeros", "eye", "onehot")


class ProofWriter(Writer):
    """Writes sums inside sums as they stand in a line of a proof: without parentheses."""

    def __call__(self, e: Expr, level: int = SUM) -> Math:
        if e.op != "Sum" or e.args[0].op != "Sum":
            return super().__call__(e, level)
        body = Big("∑", *self.limits(*sum_index(e)), self(e.args[0], SUM))
        operator = TABLE["Sum"]
        binds = operator.written or operator.level
        return Fence("(", body, ")") if binds(e) < level else body


class ShapedWriter(ProofWriter):
    """Writes the shape under every symbol that has one; under a transpose, its shape."""

    def __call__(self, e: Expr, level: int = SUM) -> Math:
        leaf = e.args[0] if e.is_transpose else e
        if leaf.op not in _LEAVES or e.shape == SCALAR:
            return super().__call__(e, level)
        plain = ProofWriter(
            self.roles,
            full=self.full,
            delta=self.delta,
            differentials=self.differentials,
            cotangent=self.cotangent,
            names=self.names,
        )
        return Under(plain(e, level), shape_notation(e.shape))


class MarkingWriter(ProofWriter):
    """Writes the wrong parts of a claim in the colour of what is wrong, and in no other."""

    def marking(self, wrong: Collection[Expr]) -> MarkingWriter:
        """Return the writer that marks some nodes."""
        self.wrong = wrong
        return self

    def __call__(self, e: Expr, level: int = SUM) -> Math:
        if e not in self.wrong:
            return super().__call__(e, level)
        plain = ProofWriter(
            differentials=self.differentials, names=self.names, cotangent=self.cotangent
        )
        return Tint(WRONG, plain(e, level))


@dataclass(frozen=True, slots=True)
class RowSum:
    """A gradient as a sum over rows: which index, how far, and the two factors of a term."""

    index: str
    dim: Dim
    form: Math
    terms: tuple[tuple[str, str], ...]  # (matrix, letter of its row)


_MANY = 3  # definitions of a problem whose gradients stand in a table, with a graph
_LONG = 2_000  # characters that nobody pastes into a line


class Scribe:
    """Writes everything about one derivation, by one choice of colours and letters."""

    def __init__(
        self, derivation: DerivedGradients, meanings: Mapping[str, str], cotangent: str = "d"
    ) -> None:
        self.derivation, self.problem = derivation, derivation.problem
        self.sections = list(derivation.sections)
        self.meanings = {v.name: v.meaning for v in self.problem.variables.values() if v.meaning}
        self.meanings.update(meanings)
        self.roles = _roles(derivation, self.sections)
        made = cotangent_names(self.sections)
        choices: dict[str, Any] = {
            "delta": DELTA,
            "differentials": made,
            "names": derivation.problem.taken,
            "cotangent": cotangent,
        }
        self.write = ProofWriter(self.roles, **choices)
        self.write_full = ProofWriter(self.roles, full=True, **choices)
        self.write_shaped = ShapedWriter(self.roles, full=True, **choices)
        self.loss = Sym(self.problem.objective_name)
        self.numpy: Callable[[Expr], str] = lambda _: ""  # a line of NumPy, where one is at hand
        self.stated: Expr | None = None  # the name of a value that is no scalar objective
        # Names of other steps than those of gradients, and what they stand for.
        self.further: list[tuple[Expr, tuple[str | Math, ...]]] = []

    @property
    def compact(self) -> bool:
        """Whether there is so much to say that it is said in less room: a network."""
        return self.derivation.is_network

    @property
    def tabled(self) -> bool:
        """Whether there are so many values on the way that all gradients stand in one table."""
        return len(self.problem.definitions) >= _MANY

    def copied(self, x: Expr) -> tuple[tuple[str, str], ...]:
        """Return what a page offers to copy of a result: the language, and a line of NumPy."""
        found = (("text", text(x)), ("NumPy", self.numpy(x)))
        return tuple((what, written) for what, written in found if 0 < len(written) < _LONG)

    def write_marked(self, tree: Expr, wrong: Collection[Expr]) -> Math:
        """Return a formula with the parts marked that are wrong."""
        made = self.write.differentials
        return MarkingWriter(
            self.roles,
            delta=DELTA,
            differentials=made,
            names=self.write.names,
            cotangent=self.write.cotangent,
        ).marking(wrong)(tree)

    def name(self, name: str) -> Math:
        """Return a variable, definition or given gradient by its name."""
        known = self.known.get(name)
        return self.write(known) if known is not None else self.write.name(name)

    @cached_property
    def names(self) -> set[str]:
        """All names of the problem and of its derivation, which mean the same all through."""
        made = (e for s in self.sections for e in (s.target, s.given) if e is not None)
        return {*self.problem.taken, *(str(e.data) for e in made if e.is_symbol)}

    @cached_property
    def known(self) -> dict[str, Expr]:
        """The symbols of the problem by name."""
        problem = self.problem
        found = {v.name: v.expr for v in problem.variables.values()}
        found.update((n, named(n, x)) for n, x in problem.definitions.items())
        found.update((g, var(g, x.shape)) for g, x in problem.upstream.items())
        return found

    @cached_property
    def given_at(self) -> dict[str, Expr]:
        """For each given gradient, the argument of its loss, by the name that it goes by."""
        found = dict(self.problem.upstream)
        if self.stated is not None:
            return found
        for e in walk(self.derivation.staged_objective):
            if e.is_loss and isinstance(e.data, tuple):
                found[str(e.data[1])] = e.args[0]
        return found

    def gradient(self, by: Expr) -> Math:
        """Return the symbol of the gradient, as a fraction."""
        return fraction_of_partials(self.loss, self.write(by))

    def gradient_inline(self, by: Expr) -> Math:
        """Return the symbol of the gradient, on one line."""
        return row(PARTIAL, self.loss, Op("/"), PARTIAL, self.write(by))

    def section(self, name: str) -> Section:
        """Return the section of a requested variable."""
        return self.derivation[name].section

    @cached_property
    def wanted(self) -> tuple[str, ...]:
        """The requested variables."""
        return tuple(self.derivation)

    def row_sum(self, section: Section) -> RowSum | None:
        """Return the gradient as a sum over rows, where its last index line is one."""
        if len(section.summed) != 1 or not section.entry:
            return None
        index, dim = section.summed[0]
        for step in reversed(section.steps):
            entries = _row_entries(step.after, index)
            if entries is not None:
                return self._row_sum(section, index, dim, entries)
        return None

    def _row_sum(
        self, section: Section, index: str, dim: Dim, entries: list[Expr]
    ) -> RowSum | None:
        by_free = {_second(e): e for e in entries}
        scalars = [e for e in entries if _second(e) == 1]
        ordered = [by_free.get(p) for p in section.entry]
        if any(e is None for e in ordered) or len(entries) != len(ordered) + len(scalars):
            return None
        if len(scalars) > 1 or (scalars and len(section.entry) > 1):
            return None
        terms: list[tuple[str, str]] = []
        parts: list[Math] = [self.write(e) for e in scalars]
        for k, e in enumerate(x for x in ordered if x is not None):
            letter = self.row_letter(str(e.args[0].data))
            if letter is None:
                return None
            terms.append((str(e.args[0].data), letter))
            part = self.row_symbol(str(e.args[0].data), letter, Sym(index))
            parts.append(sup(part, TRANSPOSE) if k else part)
        lower = row(Sym(index), Op("="), Num("1"))
        form = Big("∑", lower, size_notation(dim), row(*parts))
        return RowSum(index, dim, form, tuple(terms))

    def row_symbol(self, matrix: str, letter: str, index: Math) -> Math:
        """Return the row of a matrix as a column vector: x_i."""
        body = sub(Sym(letter, bold=True), index)
        return Tint(self.roles[matrix], body) if matrix in self.roles else body

    def row_letter(self, name: str) -> str | None:
        """Return the letter for a row of a matrix, where it is free: x for X."""
        taken = {*self.derivation.problem.taken, *(i for s in self.sections for i in s.entry)}
        letter = name.lower()
        return letter if len(name) == 1 and name.isupper() and letter not in taken else None

    def axes(self, section: Section) -> dict[str, int]:
        """Return for each name which of its indices the final form sums over."""
        if len(section.summed) != 1:
            return {}
        index = section.summed[0][0]
        for step in reversed(section.steps):
            found = _positions(step.after, index)
            if found:
                return found
        return {}


def shape_words(shape: Shape) -> Math:
    """Return a shape as notation; that of a scalar in words."""
    return Word("scalar", function=False) if shape == SCALAR else shape_notation(shape)


def mentioned(x: Expr) -> dict[str, Expr]:
    """Return the names that an expression is written in, in order; not what they stand for."""
    found: dict[str, Expr] = {}

    def visit(e: Expr) -> None:
        if e.is_symbol:
            found.setdefault(str(e.data), e)
        else:
            for a in e.args:
                visit(a)

    visit(x)
    return found


def generic_entry(x: Expr, marks: Sequence[str] = "ijkl") -> Expr:
    """Return the entry of a tensor, matrix or vector at general indices."""
    left = iter([*marks, *(f"i{k}" for k in range(1, 9))])
    return entry(x, *(1 if d == ONE else next(left) for d in x.shape))


def _roles(derivation: DerivedGradients, sections: list[Section]) -> dict[str, str]:
    """Return one role for each coloured name."""
    # A cotangent that equals a variable goes by its name, and has its colour.
    given = [str(s.given.data) for s in sections if s.given is not None and s.given.is_name]
    cotangents = {*derivation.problem.upstream, *given}
    roles = dict.fromkeys(sorted(cotangents), COTANGENT)
    first = next(iter(derivation), None)
    if first is None:
        return roles
    for name, e in mentioned(derivation[first].section.result).items():
        if name != first and name not in roles and e.shape != SCALAR:
            roles[name] = INPUT
    return roles


def _row_entries(x: Expr, index: str) -> list[Expr] | None:
    """Return the entries that a sum over one row index multiplies, or None."""
    if x.op != "Sum" or sum_index(x)[0] != index:
        return None
    body = x.args[0]
    factors = list(body.args) if body.is_hadamard else [body]
    plain = all(f.op == "entry" and f.args[0].is_symbol for f in factors)
    if not plain or any(own_indices(f)[0] != index for f in factors):
        return None
    return factors if all(_second(f) != index for f in factors) else None


def _second(e: Expr) -> str | int:
    return own_indices(e)[1]


def _positions(x: Expr, index: str) -> dict[str, int]:
    found: dict[str, int] = {}
    bound = {sum_index(e)[0] for e in walk(x) if e.op in BINDERS}
    if index not in bound | set(free_indices(x)):
        return found
    for e in walk(x):
        if e.op != "entry" or index not in own_indices(e):
            continue
        turned = e.args[0].is_transpose
        source = e.args[0].args[0] if turned else e.args[0]
        if source.is_symbol:
            axis = own_indices(e).index(index)
            # A vector has one index, whatever its orientation.
            found[str(source.data)] = 0 if ONE in source.shape else 1 - axis if turned else axis
    return found
