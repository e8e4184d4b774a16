"""Takes SymPy's entries of a gradient at several small sizes; returns a matrix expression, or None.

No candidate is given and none is assumed. A pattern reproduces every entry at every size that was
looked at, in index form exactly, in matrix form at a rational point; where none does, it is None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.cells import flat, places
from ..core.errors import BudgetError, NoEntriesError
from ..core.expr import Expr, add, dims_of, mul, named, node, num, ones, walk, zeros
from ..core.shapes import ONE, SCALAR, Shape
from ..core.transposing import flip
from ..ops import TABLE
from ..problems.problem import Problem
from ..values.sampling import least_sizes
from .entry_matrices import EntryRoad
from .families import Family, Observation
from .function_patterns import CrowdedError, FunctionNames, axes_of, with_named_functions
from .points import OUTSIDE_DOMAIN, points
from .polynomials import Polynomial, PolynomialReader, UnreadableError
from .stages import is_part, stages_of

Grid = Sequence[Sequence[Any]]
Sizes = Mapping[str, int]

# The sizes that the first dimension takes, the second, ..; no product of powers of them is the
# same in all choices, so that coefficients such as 1/n can be told.
_SIZES = ((4, 3, 2, 3), (2, 4, 3, 2), (3, 2, 2, 3), (2, 3, 2, 3), (3, 2, 2, 2))


_MOST_MONOMIALS = 6_000


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


class Roads:
    """The SymPy entries of one problem by sizes, for the patterns of all its gradients."""

    def __init__(self, problem: Problem, together: Sequence[str] = ()) -> None:
        self.problem, self._together = problem, together
        self._found: dict[tuple[tuple[str, int], ...], EntryRoad] = {}

    def gradient(self, wrt: str, sizes: Sizes) -> Grid:
        """Return the entries of the gradient by ``wrt``."""
        key = tuple(sorted(sizes.items()))
        if key not in self._found:
            self._found[key] = EntryRoad(self.problem, sizes)
        return self._found[key].symbolic(wrt, self._together)


def generalise(
    problem: Problem, wrt: str, sizes: Sequence[Sizes] | None = None, roads: Roads | None = None
) -> Pattern | None:
    """Return the pattern of the gradient by ``wrt``, found from its SymPy entries; or None.

    ``sizes`` defaults to three choices in which no dimension keeps its size, and to larger ones
    where those cannot tell all indices apart. ``roads`` keeps entries for further variables.

    >>> from symderiv.problems.problem import problem
    >>> from symderiv.ops.text import text
    >>> p = problem("Z = X @ W + ones(n) @ b.T; L(Z)", X="n, d", W="d, m", b="m")
    >>> [text(generalise(p, w).expr) for w in p.wrt]
    ['G @ W.T', 'X.T @ G', 'G.T @ ones(n)']
    """
    names = names_of(problem)
    if not all(TABLE[e.op].patterned for e in walk(problem.objective)):
        return None
    if any(map(is_part, names)):
        return None  # entries that are too long to be written out have too many terms to sort
    if any(len(axes_of(x)) > 2 for x in names.values()):
        return None  # the patterns sought are those of matrices
    roads = roads or Roads(problem)
    choices = (typical_sizes(problem), typical_sizes(problem, 1)) if sizes is None else (sizes,)
    for chosen in choices:
        try:
            grids = [(s, roads.gradient(wrt, s)) for s in chosen]
            return _pattern(grids, names, names[wrt].shape)
        except CrowdedError:
            continue
        except (UnreadableError, NoEntriesError, BudgetError):
            return None
    return None


def names_of(problem: Problem) -> dict[str, Expr]:
    """Return what the symbols of entries may be entries of: variables, gradients, definitions."""
    names = problem.known()
    names.update((n, named(n, x)) for n, x in problem.definitions.items())
    for e, name in stages_of(problem.objective).items():
        names.setdefault(name, e)
    return names


def typical_sizes(problem: Problem, extra: int = 0) -> tuple[Sizes, ...]:
    """Return the sizes to look at; positions such as X[1, 4] exist at all of them."""
    least = least_sizes([problem.objective, *problem.definitions.values()])
    rows = len(_SIZES[0]) if len(problem.dims) > 4 else 3
    columns = {s: _SIZES[k % len(_SIZES)] for k, s in enumerate(problem.dims)}
    if not columns:
        return ({},)
    return tuple(
        least.raised(
            {s: column[r] + extra + max(0, least.get(s, 1) - 2) for s, column in columns.items()}
        )
        for r in range(rows)
    )


def find_pattern(
    grids: Sequence[tuple[Sizes, Grid]], names: Mapping[str, Expr], shape: Shape
) -> Pattern | None:
    """Return the pattern that all entries of all grids share, or None.

    ``grids`` are SymPy entries of a matrix of the given shape at several sizes, in the symbols
    ``X_{1,2}``; ``names`` are the expressions that those are entries of.
    """
    try:
        return _pattern(grids, names, shape)
    except UnreadableError:
        return None


def _pattern(
    grids: Sequence[tuple[Sizes, Grid]], names: Mapping[str, Expr], shape: Shape
) -> Pattern | None:
    reader = PolynomialReader()
    leaves = {**names, **{f"const:{c}": node("const", (), SCALAR, c) for c in ("pi", "e")}}
    taken = frozenset({*names, *(s for x in names.values() for s in dims_of(x))})
    known = FunctionNames(leaves, taken)
    label_dims = tuple(d for d in shape if d != ONE)
    if len(label_dims) > 2 or any(len(a) > 2 for a in known.axes.values()):
        raise UnreadableError  # the patterns sought are those of matrices
    raw = [Observation(s, _labelled(grid, shape, reader)) for s, grid in grids]
    if sum(len(x) for o in raw for x in o.entries.values()) > _MOST_MONOMIALS:
        raise UnreadableError  # too long a sum to be told apart in a person's patience
    observations = with_named_functions(raw, known)
    families = known.search(observations, label_dims)
    matrix = known.expression(families, label_dims)
    candidate = _shaped(matrix, shape)
    if not all(_reproduces(candidate, s, grid, names) for s, grid in grids):
        return None
    cells = [f.entry(known.leaves) for f in families]
    entry = add(*cells) if cells else num(0)
    used = {f.name for family in families for f in family.factors}
    shown = {n: x for n, x in known.leaves.items() if n in used}
    return Pattern(candidate, entry, families, shown, tuple(dict(s) for s, _ in grids))


def _labelled(
    grid: Grid, shape: Shape, reader: PolynomialReader
) -> dict[tuple[int, ...], Polynomial]:
    kept = [d != ONE for d in shape]
    return {
        tuple(k for k, keep in zip(place, kept, strict=True) if keep): reader.read(x)
        for place, x in zip(places(grid), flat(grid), strict=True)
    }


def _shaped(matrix: Expr, shape: Shape) -> Expr:
    """Return what was found over the labels in the shape of the gradient."""
    if matrix is num(0):
        return zeros(*shape) if shape != SCALAR else matrix
    if matrix.is_scalar and shape != SCALAR:
        return mul(matrix, ones(*shape))
    return flip(matrix) if shape[0] == ONE else matrix


def _reproduces(candidate: Expr, sizes: Sizes, grid: Grid, names: Mapping[str, Expr]) -> bool:
    """Whether the matrix form has the value of every entry at a rational point."""
    for point in points(names, sizes, others=[candidate]):
        try:
            cells = point.cells(candidate)
            return all(point.same(x, y) for x, y in zip(flat(grid), flat(cells), strict=True))
        except OUTSIDE_DOMAIN:
            continue
    return False
