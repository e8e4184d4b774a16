"""Takes the sections of a derivation; returns which are equal to an earlier one but for the names.

Two sections are alike when one substitution of symbols for symbols, indices for indices and sizes
for sizes turns the steps of the first into those of the second. It is found by walking both side
by side, never by a name or a known pattern, and ``Renaming.apply`` carries it out, so that
anybody can check it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import TypeVar

from ...core.expr import Expr, node, rebuild
from ...core.shapes import Dim
from ...ops.text import text
from .sections import Section
from .steps import Step

_COMMUTES = frozenset({"add", "mul"})
_MOST_ORDERS = 5  # arguments whose orders are all tried
_LEAST = 3  # steps that citing must save


@dataclass(frozen=True)
class Renaming:
    """What takes the place of what: symbols and index letters, one to one, and sizes."""

    symbols: dict[Expr, Expr] = field(default_factory=dict)
    indices: dict[str, str] = field(default_factory=dict)
    sizes: dict[Dim, Dim] = field(default_factory=dict)

    @property
    def changes(self) -> tuple[tuple[Expr, Expr], ...]:
        """Return the symbols that change, with what takes their place."""
        return tuple((a, b) for a, b in self.symbols.items() if a is not b)

    def apply(self, x: Expr) -> Expr:
        """Return an expression with every symbol, index and size in it replaced."""

        if x.is_symbol:
            return self.symbols.get(x, x)
        args = tuple(map(self.apply, x.args))
        return node(x.op, args, tuple(map(self._size, x.shape)), self._data(x))

    def _size(self, dim: Dim) -> Dim:
        return self.sizes.get(dim, dim)

    def _data(self, e: Expr) -> object:
        if e.op == "partial":
            return ()  # which names are held fixed is told by the reason
        return _mapped(e.data, lambda i: self.indices.get(i, i), self._size)


@dataclass(frozen=True)
class Alike:
    """A section that follows from an earlier one by a renaming.

    ``shown`` are steps of its own that the earlier one does not give: what a name stands for.
    """

    model: Section
    renaming: Renaming
    shown: tuple[Step, ...]


def cotangent_names(sections: Sequence[Section]) -> frozenset[str]:
    """Return the names that were made for cotangents: dH for that of H."""
    given = [(s.given, s.target) for s in sections if s.given is not None]
    made = [(str(g.data), str(x.data)) for g, x in given if g.is_name]
    # One that equals something else goes by that one's name.
    return frozenset(name for name, of in made if name.rstrip("_") == f"d{of}".rstrip("_"))


def alike(sections: Sequence[Section]) -> dict[Expr, Alike]:
    """Return for each target whose derivation repeats an earlier one which, and the renaming."""
    found: dict[Expr, Alike] = {}
    models: list[Section] = []
    for s in sections:
        if len(essential(s)) < _LEAST:
            continue
        known = next((a for a in (_compare(m, s) for m in models) if a is not None), None)
        if known is not None:
            found[s.target] = known
        else:
            models.append(s)
    return found


def essential(section: Section) -> list[Step]:
    """Return the steps of a section but those that only say what a name stands for."""
    return [s for s in section.steps if not _defines(s)]


def _defines(step: Step) -> bool:
    return step.opens and step.before.op != "partial"


def _compare(model: Section, other: Section) -> Alike | None:
    first, second = essential(model), essential(other)
    if len(first) != len(second) or [s.law for s in first] != [s.law for s in second]:
        return None
    work = _Matching()
    for a, b in zip(first, second, strict=True):
        if not (work.same(a.before, b.before) and work.same(a.after, b.after)):
            return None
        if not work.reasons(a, b):
            return None
    renaming = Renaming(work.symbols, work.indices, work.sizes)
    stated = [s for s in model.steps if _defines(s)]
    own = [s for s in other.steps if _defines(s)]
    follow = [(renaming.apply(s.before), canonical(renaming.apply(s.after))) for s in stated]
    shown = tuple(s for s in own if (s.before, canonical(s.after)) not in follow)
    return Alike(model, renaming, shown)


class _Matching:
    """A renaming as it is found; what is tried and fails is taken back."""

    def __init__(self) -> None:
        self.symbols: dict[Expr, Expr] = {}
        self.indices: dict[str, str] = {}
        self.sizes: dict[Dim, Dim] = {}

    def same(self, a: Expr, b: Expr) -> bool:
        """Whether ``b`` is ``a`` renamed, as far as is known; what is new is noted."""
        if a.is_symbol or b.is_symbol:
            kinds = {a.op, b.op} <= {"var", "named"}
            return kinds and self._shapes(a, b) and _bind(self.symbols, a, b)
        if a.op != b.op or len(a.args) != len(b.args) or not self._shapes(a, b):
            return False
        if a.op != "partial" and not self._data(a.data, b.data):
            return False
        if a.op not in _COMMUTES or len(a.args) > _MOST_ORDERS:
            return self._all(a.args, b.args)
        return any(self._tried(a.args, order) for order in permutations(b.args))

    def reasons(self, a: Step, b: Step) -> bool:
        """Whether the reasons of two steps say the same of what they are about."""
        first, second = (s.reason if s.own is None else s.own for s in (a, b))
        if len(first) != len(second):
            return False
        return all(
            p == q if isinstance(p, str) or isinstance(q, str) else self.same(p, q)
            for p, q in zip(first, second, strict=True)
        )

    def _all(self, first: Sequence[Expr], second: Sequence[Expr]) -> bool:
        return all(self.same(x, y) for x, y in zip(first, second, strict=True))

    def _tried(self, first: Sequence[Expr], second: Sequence[Expr]) -> bool:
        before = dict(self.symbols), dict(self.indices), dict(self.sizes)
        if self._all(first, second):
            return True
        self.symbols, self.indices, self.sizes = before
        return False

    def _shapes(self, a: Expr, b: Expr) -> bool:
        return self._data(tuple(a.shape), tuple(b.shape))

    def _data(self, a: object, b: object) -> bool:
        if isinstance(a, Dim) and isinstance(b, Dim):
            fixed = not a.symbols or not b.symbols
            # Two sizes may become one: what holds for all sizes holds where they are equal.
            return a == b if fixed else self.sizes.setdefault(a, b) == b
        if isinstance(a, tuple) and isinstance(b, tuple):
            return len(a) == len(b) and all(map(self._data, a, b))
        if isinstance(a, str) and isinstance(b, str):
            return _bind(self.indices, a, b)
        return a == b


def canonical(x: Expr) -> Expr:
    """Return an expression with its products and sums in one order, as far as that says nothing."""

    def change(e: Expr, args: tuple[Expr, ...]) -> Expr:
        if e.op in _COMMUTES:
            args = tuple(sorted(args, key=text))
        return node(e.op, args, e.shape, () if e.op == "partial" else e.data)

    return rebuild(x, change, Expr.is_name)


def _mapped(data: object, index: Callable[[str], str], size: Callable[[Dim], Dim]) -> object:
    if isinstance(data, Dim):
        return size(data)
    if isinstance(data, tuple):
        return tuple(_mapped(d, index, size) for d in data)
    return index(data) if isinstance(data, str) else data


T = TypeVar("T", Expr, str)


def _bind(known: dict[T, T], a: T, b: T) -> bool:
    """Note that ``b`` takes the place of ``a``; False where that is not one to one."""
    if a in known:
        return known[a] == b
    if b in known.values():
        return False
    known[a] = b
    return True
