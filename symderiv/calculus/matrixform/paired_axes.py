"""Takes a contraction whose axes run over pairs; returns it by vec, kron and reshape, without.

It is cut at its free indices and at the places of its fuses. What hangs together behind one place
is the vec of a matrix, behind two a Kronecker form; a vector on a place whose pair is needed
outside is folded back into a matrix. Where neither is possible, a fuse is two matrices of zeros and
ones on its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...core.expr import Expr, eye, node, ones
from ...core.shapes import ONE, Dim
from ...core.transposing import flip
from ...ops.vectors import kron, vec
from ...tensor import Factor, Label, Parts, Term, connected, contract, delta
from ...tensor.terms import intern
from .kron import Side, kron_form
from .pieces import spelled


def without_fuses(raiser: Any, term: Term) -> Term:
    """Return a contraction with its fuses read as matrices; the term itself if it has none."""
    while term.is_contraction and any(c.is_fuse for c in term.children):
        term = _Cut(raiser, term).step()
    return term


def held(x: Expr) -> Term:
    """Return an expression as a term that stands for itself."""
    return intern("leaf", tuple(d for d in x.shape if d != ONE), x, (), spelled(x))


@dataclass(frozen=True, slots=True)
class _Component:
    """Factors that hang together by indices other than free ones and places."""

    factors: tuple[Factor, ...]
    fuses: tuple[Factor, ...]
    outer: tuple[Label, ...]  # free indices and places of others

    @property
    def sides(self) -> int:
        """Return how many axes it has once it is a matrix."""
        return len(self.fuses) + len(self.outer)


class _Cut:
    """One contraction, cut into components."""

    def __init__(self, raiser: Any, term: Term) -> None:
        self.raiser, self.term = raiser, term
        self.scale, self.factors, self.out, self.dims = Parts.of(term)
        self.fuses = [f for f in self.factors if f.term.is_fuse]
        self.places = {f.labels[0] for f in self.fuses}
        self.components = self._components()

    def _components(self) -> list[_Component]:
        cut = self.places | set(self.out)
        found = []
        for _, members in connected(self.factors, lambda f: {*f.labels} - cut):
            fuses = tuple(f for f in members if f.term.is_fuse)
            plain = tuple(f for f in members if not f.term.is_fuse)
            marks = {x for f in plain for x in f.labels} | {x for f in fuses for x in f.labels[1:]}
            outer = sorted(marks & cut, key=str)
            found.append(_Component(plain, fuses, tuple(outer)))
        return sorted(found, key=lambda c: min(self.factors.index(f) for f in c.factors + c.fuses))

    def step(self) -> Term:
        """Return the contraction with at least one fuse fewer."""
        fused = [c for c in self.components if c.fuses]
        for c in fused:
            if any(x in self.out for x in c.outer) or c.sides > 2:
                folded = self._fold(c)
                if folded is not None:
                    return folded
        for c in fused:
            if c.sides <= 2 and not any(f.labels[0] in c.outer for f in c.fuses):
                return self._stack(c)
        for c in fused:
            folded = self._fold(c)
            if folded is not None:
                return folded
        free = [f for f in self.fuses if set(f.labels[1:]) & set(self.out)]
        return self._split((free or self.fuses)[0])

    def _fold(self, component: _Component) -> Term | None:
        """Fold the vector on a place back into a matrix over the pair; None without one."""
        for f in component.fuses:
            k, slow, fast = f.labels
            if k in self.out or sum(g.labels[0] == k for g in self.fuses) > 1:
                continue
            meets = [c for c in self.components if not c.fuses and k in c.outer]
            inside = any(k in c.outer for c in self.components if c.fuses)
            if not meets or inside or any(c.outer != (k,) for c in meets):
                continue
            parts = [g for c in meets for g in c.factors]
            vector = self.raiser.natural(contract(parts, (k,), self._ranges(parts, (k,))))
            matrix = _unvec(vector, self.dims[slow], self.dims[fast])
            rest = [g for g in self.factors if g not in parts and g is not f]
            return self._again([*rest, Factor(held(matrix), (fast, slow))])
        return None

    def _split(self, f: Factor) -> Term:
        """Take an index of a pair out: k = (s, f) is where k is in row s, and in column f."""
        k, slow, fast = f.labels
        others = [x for g in self.factors if g is not f for x in g.labels]
        used = [x for x in (slow, fast) if x in self.out or x in others]
        x = next((x for x in used if x in self.out), used[0])
        n, m = self.dims[slow], self.dims[fast]
        line = kron(eye(n), ones(m)) if x == slow else kron(ones(n), eye(m))
        fresh = ("split", slow if x == slow else fast)
        labels = tuple(fresh if y == x else y for y in f.labels)
        rest = [g for g in self.factors if g is not f]
        parts = [*rest, Factor(f.term, labels), Factor(held(line), (k, x))]
        ranges = {**self._ranges(parts, self.out), fresh: self.dims[x]}
        return contract(parts, self.out, ranges, self.scale)

    def _stack(self, component: _Component) -> Term:
        """Read a component as the vec of a matrix, or as a Kronecker form."""
        rest = [g for g in self.factors if g not in (*component.factors, *component.fuses)]
        labels: list[Label] = []
        sides: list[Side] = []
        parts = list(component.factors)
        ranges = self._ranges((*parts, *component.fuses), ())
        out: list[Label] = []
        for f in component.fuses:
            labels.append(f.labels[0])
            sides.append(Side(self.dims[f.labels[1]], self.dims[f.labels[2]]))
            out += self._apart(f.labels[1:], parts, ranges)
            ranges.pop(f.labels[0], None)
        for x in component.outer:
            labels.append(x)
            sides.append(Side(None, self.dims[x]))
            out += self._apart((x,), parts, ranges)
        body = contract(parts, out, ranges)
        if len(sides) == 1:
            matrix = self.raiser.natural(contract([Factor(body, (1, 0))], (0, 1), _turned(body)))
            stacked = vec(matrix)
        else:
            stacked = kron_form(self.raiser, body, sides[0], sides[1])
        return self._again([*rest, Factor(held(stacked), tuple(labels))])

    @staticmethod
    def _apart(labels: Sequence[Label], parts: list[Factor], ranges: dict[Any, Dim]) -> list[Label]:
        """Return fresh labels for indices that another axis may use as well."""
        fresh: list[Label] = []
        for x in labels:
            mark = ("apart", len(parts))
            ranges[mark] = ranges[x]
            parts.append(Factor(delta(ranges[x]), (x, mark)))
            fresh.append(mark)
        return fresh

    def _ranges(self, factors: Sequence[Factor], extra: Sequence[Label]) -> dict[Any, Dim]:
        used = {x for f in factors for x in f.labels} | set(extra)
        return {x: d for x, d in self.dims.items() if x in used}

    def _again(self, factors: Sequence[Factor]) -> Term:
        return contract(factors, self.out, self._ranges(factors, self.out), self.scale)


def _turned(body: Term) -> dict[Any, Dim]:
    return {0: body.dims[1], 1: body.dims[0]}


def _unvec(v: Expr, slow: Dim, fast: Dim) -> Expr:
    """Return the matrix, fast x slow, whose columns stand one below the other in ``v``."""
    if v.op == "vec" and v.args[0].shape == (fast, slow):
        return v.args[0]
    if v.op == "vec":
        v = flip(v.args[0])
    return flip(node("reshape", (v,), (slow, fast)))
