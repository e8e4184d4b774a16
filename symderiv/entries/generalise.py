"""From the entries of a gradient alone to a matrix form: what pattern do all entries share?

SymPy's entries at several small sizes go in, together with the shapes of the names; a matrix
expression comes out, or None. No candidate is given and none is assumed.

Contract: a pattern reproduces every entry at every size that was looked at, in index form
exactly, in matrix form at a rational point. Where none does, the answer is None, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from ..expr import Expr, Index, add, dims_of, named, num, own_indices, transpose, var, walk, zeros
from ..expr import mul as times
from ..language.problem import Problem
from ..ops import TABLE
from ..shapes import ONE, Shape
from .build import EntryRoad
from .families import Family, Observation
from .functions import Names, axes_of, with_named_functions
from .points import Point, same_entries
from .polynomials import Polynomial, PolynomialReader, Unreadable

Grid = Sequence[Sequence[Any]]
Sizes = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Pattern:
    """What all entries have in common.

    ``expr`` is the matrix form, ``entry`` the entry at (p, q) as a sum over named indices,
    ``families`` its contractions; ``names`` says what the names in them stand for (``#1`` is a
    function that was found inside the entries); ``sizes`` are those that were looked at.
    """

    expr: Expr
    entry: Expr
    families: tuple[Family, ...]
    names: Mapping[str, Expr]
    sizes: tuple[Sizes, ...]

    @property
    def text(self) -> str:
        """The matrix form in the expression language."""
        return written(self.expr)


def written(x: Expr, level: int = 0) -> str:
    """Return an expression as text, in parentheses where it binds looser than ``level``."""
    operator = TABLE[x.op]
    text = operator.text(x, written)
    return f"({text})" if operator.level(x) < level else text


def generalise(
    problem: Problem, wrt: str, sizes: Sequence[Sizes] | None = None
) -> Pattern | None:
    """Return the pattern of the gradient by ``wrt``, found from its SymPy entries; or None.

    ``sizes`` defaults to three choices in which no dimension keeps its size.

    >>> from symderiv.language.problem import problem
    >>> p = problem("Z = X @ W + ones(n) @ b.T; L(Z)", X="n, d", W="d, m", b="m")
    >>> [generalise(p, w).text for w in p.wrt]
    ['G @ W.T', 'X.T @ G', 'G.T @ ones(n)']
    """
    names = names_of(problem)
    chosen = tuple(sizes) if sizes is not None else typical_sizes(problem)
    grids = [(s, EntryRoad(problem, s).gradient(wrt)) for s in chosen]
    return find_pattern(grids, names, names[wrt].shape)


def names_of(problem: Problem) -> dict[str, Expr]:
    """Return what the symbols of entries may be entries of: variables, gradients, definitions."""
    names = problem.known()
    names.update((n, named(n, x)) for n, x in problem.definitions.items())
    for e in walk(problem.objective):
        if e.op == "loss":
            assert isinstance(e.data, tuple)
            names.setdefault(str(e.data[0]), e)
    return names


def typical_sizes(problem: Problem) -> tuple[Sizes, ...]:
    """Return three choices of sizes in which every dimension takes three different sizes."""
    symbols = list(problem.dims)
    least = max([2, *_positions(problem.objective)])
    if not symbols:
        return ({},)
    if len(symbols) == 1:
        return tuple({symbols[0]: least + k} for k in (2, 1, 0))
    cycle = [1, 0, 2] if len(symbols) <= 3 else [1, 0]
    shifts = ([1, 2, 0], [0, 1, 2], [2, 0, 1])
    return tuple(
        {s: least + shift[cycle[k % len(cycle)]] for k, s in enumerate(symbols)}
        for shift in shifts
    )


def _positions(x: Expr) -> list[int]:
    found: list[Index] = [i for e in walk(x) for i in own_indices(e)]
    found += [int(str(e.data)) for e in walk(x) if e.op == "onehot"]
    return [i for i in found if isinstance(i, int)]


def find_pattern(
    grids: Sequence[tuple[Sizes, Grid]], names: Mapping[str, Expr], shape: Shape
) -> Pattern | None:
    """Return the pattern that all entries of all grids share, or None.

    ``grids`` are SymPy entries of a matrix of the given shape at several sizes, in the symbols
    ``X_{1,2}``; ``names`` are the expressions that those are entries of.
    """
    reader = PolynomialReader()
    leaves = {n: x for n, x in names.items()}
    leaves.update({"const:pi": _constant("pi"), "const:e": _constant("e")})
    taken = frozenset({*names, *(s for x in names.values() for s in dims_of(x))})
    known = Names(leaves, taken)
    label_dims = tuple(d for d in shape if d != ONE)
    try:
        raw = [Observation(s, _labelled(grid, shape, reader)) for s, grid in grids]
        observations = with_named_functions(raw, known)
        families = known.search(observations, label_dims)
        matrix = known.expression(families, label_dims)
    except Unreadable:
        return None
    candidate = _shaped(matrix, shape, bool(families))
    if not all(_reproduces(candidate, s, grid, names) for s, grid in grids):
        return None
    cells = [f.entry(known.leaves) for f in families]
    entry = add(*cells) if cells else num(0)
    used = {f.name for family in families for f in family.factors}
    shown = {n: x for n, x in known.leaves.items() if n in used}
    return Pattern(candidate, entry, families, shown, tuple(dict(s) for s, _ in grids))


def _constant(name: str) -> Expr:
    from ..expr import node

    return node("const", (), (ONE, ONE), name)


def _labelled(
    grid: Grid, shape: Shape, reader: PolynomialReader
) -> dict[tuple[int, ...], Polynomial]:
    kept = [d != ONE for d in shape]
    return {
        tuple(k for k, keep in zip((i, j), kept, strict=True) if keep): reader.read(x)
        for i, r in enumerate(grid, 1)
        for j, x in enumerate(r, 1)
    }
