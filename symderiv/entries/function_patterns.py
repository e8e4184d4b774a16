"""Takes entries with functions in them; returns them with a name for every function.

``tanh(sum_j X[i, j] w[j])`` is not a polynomial, but its argument is. Innermost first, the atoms
of one kind are gathered, the indices that stand still inside each of them become its labels, the
pattern of the arguments is sought by the same search as that of the entries, and the atoms are
then entries of a new name (``#1``) that stands for ``tanh(X @ w)``.

Contract: a new name is introduced only if its pattern reproduces every atom at every size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ..core.expr import Expr, node, num
from ..core.shapes import ONE, Dim
from ..core.transposing import count_transposes
from ..ops.distributions import polygamma
from .eliminating import piece
from .families import Family, FamilySearch, Labels, Observation
from .polynomials import Atom, Monomial, Polynomial, UnreadableError, freeze, merge, plus
from .short_sums import summed_up

_MOST_LEVELS = 8
Kind = tuple[Any, ...]
Slot = tuple[int, int, int]  # argument, type of monomial in it, place of an index in that


class CrowdedError(UnreadableError):
    """No pattern, but the sizes are too small to tell all indices apart."""


@dataclass
class FunctionNames:
    """The names that patterns are made of: an expression and the dimensions of the axes of each."""

    leaves: dict[str, Expr]
    taken: frozenset[str] = frozenset()
    axes: dict[str, tuple[Dim, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self.axes = {n: axes_of(x) for n, x in self.leaves.items()}

    def add(self, x: Expr) -> str:
        """Give an expression a name of its own."""
        name = f"#{sum(n[0] == '#' for n in self.leaves) + 1}"
        self.leaves[name], self.axes[name] = x, axes_of(x)
        return name

    def search(
        self, observations: Sequence[Observation], label_dims: tuple[Dim, ...]
    ) -> tuple[Family, ...]:
        """Return the families of observed entries; raises UnreadableError where there are none."""
        for o in observations:
            for p in o.entries.values():
                self._check(p)
        search = FamilySearch(observations, self.axes, label_dims, self.taken)
        found = search.run()
        if found is None:
            raise CrowdedError if search.is_crowded() else UnreadableError
        return found

    def _check(self, p: Polynomial) -> None:
        for m in p:
            for (name, index, _), _e in m:
                if len(self.axes.get(name, ())) != len(index) or name not in self.axes:
                    raise UnreadableError

    def expression(self, families: Sequence[Family], label_dims: tuple[Dim, ...]) -> Expr:
        """Return families as matrix algebra; raises UnreadableError where they are not."""
        pieces = [piece(f, self.leaves, label_dims) for f in families]
        whole = [p for p in pieces if p is not None]
        if len(whole) < len(pieces):
            raise UnreadableError
        return summed_up(whole) if whole else num(0)


def axes_of(x: Expr) -> tuple[Dim, ...]:
    """Return the dimensions of the axes that an entry of an expression has indices for."""
    return tuple(d for d in x.shape if d != ONE)


def with_named_functions(
    observations: Sequence[Observation], names: FunctionNames
) -> Sequence[Observation]:
    """Return the observations with every function as an entry of a name; raises UnreadableError."""
    for _ in range(_MOST_LEVELS):
        groups = [_groups(o) for o in observations]
        if not any(groups):
            return observations
        kinds = [sorted(g) for g in groups]
        if any(list(map(_shape_of, k)) != list(map(_shape_of, kinds[0])) for k in kinds):
            raise UnreadableError
        renames: list[dict[Atom, Atom]] = [{} for _ in observations]
        for row in zip(*kinds, strict=True):
            atoms = [g[kind] for g, kind in zip(groups, row, strict=True)]
            sizes = [o.sizes for o in observations]
            for rename, found in zip(renames, _named(row[0][0], atoms, sizes, names), strict=True):
                rename.update(found)
        observations = [
            Observation(o.sizes, {at: _renamed(p, rename) for at, p in o.entries.items()})
            for o, rename in zip(observations, renames, strict=True)
        ]
    raise UnreadableError


def _groups(o: Observation) -> dict[Kind, list[Atom]]:
    """Return the innermost functions by kind: head, and what each argument is a sum of."""
    found = {atom for atom, inner in _functions(o.entries.values()).items() if not inner}
    groups: dict[Kind, list[Atom]] = {}
    for atom in sorted(found):
        kind = (atom[0], tuple(_signature(dict(child)) for child in atom[2]))
        groups.setdefault(kind, []).append(atom)
    return groups


def _functions(entries: Iterable[Iterable[Monomial]]) -> dict[Atom, bool]:
    """Return every function in some entries, and whether there are functions in it."""
    found: dict[Atom, bool] = {}

    def look(monomials: Iterable[Monomial]) -> bool:
        any_there = False
        for m in monomials:
            for atom, _ in m:
                if atom[2]:
                    any_there = True
                    if atom not in found:
                        inner = [look(m for m, _ in child) for child in atom[2]]
                        found[atom] = any(inner)
        return any_there

    for p in entries:
        look(p)
    return found


def _type(m: Monomial) -> tuple[tuple[str, Fraction], ...]:
    return tuple((atom[0], e) for atom, e in m)


def _signature(p: Polynomial) -> tuple[Any, ...]:
    coefficients: dict[Any, set[Fraction]] = {}
    for m, c in p.items():
        coefficients.setdefault(_type(m), set()).add(c)
    return tuple((t, tuple(sorted(coefficients[t]))) for t in sorted(coefficients))


def _shape_of(kind: Kind) -> Any:
    """Return a kind without its coefficients, which may depend on the sizes."""
    head, children = kind
    return head, tuple(tuple(t for t, _ in child) for child in children)


def _named(
    head: str,
    groups: Sequence[list[Atom]],
    sizes: Sequence[Mapping[str, int]],
    names: FunctionNames,
) -> list[dict[Atom, Atom]]:
    """Return, for every size, the atoms of one kind as entries of a new name."""
    still = [_still_slots(atoms) for atoms in groups]
    slots = [s for s in sorted(still[0]) if all(s in other for other in still)]
    slots = _distinct(slots, groups, names)
    dims = tuple(_dim(s, groups[0][0], names) for s in slots)
    if len(dims) > 2:
        raise UnreadableError
    tables = [{tuple(_value(s, a) for s in slots): a for a in atoms} for atoms in groups]
    if any(len(t) < len(atoms) for t, atoms in zip(tables, groups, strict=True)):
        raise UnreadableError
    x, turned = _function(head, tables, sizes, names, dims)
    name = names.add(x)

    def place(labels: Labels) -> Labels:
        return labels[::-1] if turned else labels

    return [{a: (name, place(labels), ()) for labels, a in t.items()} for t in tables]


def _places(m: Monomial, names: FunctionNames | None = None) -> list[Any]:
    if names is None:
        return [k for atom, _ in m for k in atom[1]]
    return [d for atom, _ in m for d in names.axes.get(atom[0], ())]


def _by_type(atom: Atom) -> Iterator[tuple[int, int, list[Monomial]]]:
    for c, child in enumerate(atom[2]):
        types: dict[Any, list[Monomial]] = {}
        for m, _ in child:
            types.setdefault(_type(m), []).append(m)
        for t, key in enumerate(sorted(types)):
            yield c, t, types[key]


def _still_slots(atoms: Sequence[Atom]) -> dict[Slot, None]:
    """Return the index places that have one value throughout each atom."""
    result: dict[Slot, None] | None = None
    for atom in atoms:
        still: dict[Slot, None] = {}
        for c, t, monomials in _by_type(atom):
            columns = zip(*map(_places, monomials), strict=True)
            still.update({(c, t, k): None for k, v in enumerate(columns) if len(set(v)) == 1})
        result = still if result is None else {s: None for s in result if s in still}
    return result or {}


def _value(slot: Slot, atom: Atom) -> int:
    c, t, k = slot
    return int(next(_places(ms[0])[k] for a, b, ms in _by_type(atom) if (a, b) == (c, t)))


def _dim(slot: Slot, atom: Atom, names: FunctionNames) -> Dim:
    c, t, k = slot
    found = next(_places(ms[0], names) for a, b, ms in _by_type(atom) if (a, b) == (c, t))
    if k >= len(found):
        raise UnreadableError
    dim = found[k]
    assert isinstance(dim, Dim)
    return dim


def _distinct(
    slots: Sequence[Slot], groups: Sequence[list[Atom]], names: FunctionNames
) -> list[Slot]:
    """Return the places without those that always have the value of an earlier one."""
    kept: dict[Any, Slot] = {}
    for s in slots:
        values = tuple(_value(s, a) for atoms in groups for a in atoms)
        kept.setdefault((_dim(s, groups[0][0], names), values), s)
    return list(kept.values())


def _function(
    head: str,
    tables: Sequence[Mapping[Labels, Atom]],
    sizes: Sequence[Mapping[str, int]],
    names: FunctionNames,
    dims: tuple[Dim, ...],
) -> tuple[Expr, bool]:
    """Return a function of the patterns of its arguments, and whether its axes are swapped."""

    def arguments(turn: int) -> list[Expr]:
        found = []
        for c in range(len(next(iter(tables[0].values()))[2])):
            observations = [
                Observation(s, {at[::turn]: dict(a[2][c]) for at, a in t.items()})
                for s, t in zip(sizes, tables, strict=True)
            ]
            families = names.search(observations, dims[::turn])
            found.append(names.expression(families, dims[::turn]))
        return found

    plain, swapped = arguments(1), arguments(-1) if len(dims) == 2 else None
    if swapped is not None and _transposes(swapped) < _transposes(plain):
        return _applied(head, swapped), True
    return _applied(head, plain), False


def _transposes(xs: Sequence[Expr]) -> int:
    return sum(map(count_transposes, xs))


def _applied(head: str, args: Sequence[Expr]) -> Expr:
    """Return the function that an atom stands for."""
    (x,) = args
    name, *data = head.split(":")
    makers: dict[str, Callable[[], Expr]] = {
        "sum": lambda: x,
        "apply": lambda: node("apply", (x,), x.shape, (data[0], int(data[1]))),
        "where": lambda: node("where", (x, num(0), num(1), num(0)), x.shape, data[0]),
        "polygamma": lambda: polygamma(int(data[0]), x),
    }
    return makers.get(name, lambda: node(name, (x,), x.shape))()


def _renamed(p: Polynomial, names: dict[Atom, Atom]) -> Polynomial:
    return plus(*({_renamed_monomial(m, names): c} for m, c in p.items()))


def _renamed_monomial(m: Monomial, names: dict[Atom, Atom]) -> Monomial:
    return merge((_renamed_atom(atom, names), e) for atom, e in m)


def _renamed_atom(atom: Atom, names: dict[Atom, Atom]) -> Atom:
    """Return an atom with functions in it as entries of names; it is kept among these."""
    if not atom[2]:
        return atom
    if atom not in names:
        children = tuple(freeze(_renamed(dict(child), names)) for child in atom[2])
        names[atom] = (atom[0], atom[1], children)
    return names[atom]
