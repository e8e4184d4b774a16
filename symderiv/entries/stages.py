"""Takes an objective; returns which of its parts get symbols of their own, with their names.

These are its definitions, its losses, and the parts whose entries would be long when written out in
the symbols before them, counted by walking the entries with lengths in the place of numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

from ..core.cells import built, flat
from ..core.errors import NoEntriesError
from ..core.expr import Expr, dims_of, free_indices, node, rebuild, var, walk, with_args
from ..core.shapes import Shape
from ..ops import Cells
from ..values.explicit import Explicit
from ..values.sampling import least_sizes
from .symbols import loss_name

_LONGEST = 200  # operations in an entry
_FACTORS = 6  # matrices in a product that is not parted
_DEEPEST = 16  # functions inside each other in it: a derivative has a factor for each
_WRITTEN_OUT = 20_000  # and of one that SymPy is given at all, at the sizes that are compared
_PART = "part."  # no name of the language has a dot


def stages_of(objective: Expr) -> dict[Expr, str]:
    """Return the stages that an objective uses, in order, with the name of their symbols.

    >>> from symderiv.problems.problem import problem
    >>> [name for name in stages_of(problem("Z = X @ W; L(Z)").objective).values()]
    ['Z', 'L']
    """
    return dict(_stages_of(objective))


@lru_cache(maxsize=64)
def parted(x: Expr) -> Expr:
    """Return an expression whose long products of matrices are products of products.

    Each begins with the product of those before, which is a stage: else an entry has a term for
    every path through all of them. No other product stands inside a product.
    """

    def change(e: Expr, args: tuple[Expr, ...]) -> Expr:
        if not e.is_matrix_product or len(args) <= _FACTORS or len(e.shape) > 2:
            return with_args(e, args)
        product = args[0]
        for a in args[1:]:
            product = node("matmul", (product, a), (product.shape[0], a.shape[1]))
        return product

    return rebuild(x, change)


def refuse_long(x: Expr, sizes: Mapping[str, int]) -> None:
    """Raise NoEntriesError where SymPy would be given entries that are too long for it."""
    here = Explicit(sizes, {}, math=_LengthMath())
    here.values.update((str(e.data), _ones(e.shape, here)) for e in walk(x) if e.op == "var")
    if _longest(here, x)[0] > _WRITTEN_OUT:
        raise NoEntriesError(f"an entry of {x.op} has too many operations to be written out")


@lru_cache(maxsize=64)
def _stages_of(objective: Expr) -> tuple[tuple[Expr, str], ...]:
    objective = parted(objective)
    nodes = [*walk(objective)]
    several = sum(e.is_loss for e in nodes) > 1
    found = {
        e: str(e.data) if e.is_name else loss_name(e, several)
        for e in nodes
        if e.op in ("named", "loss")
    }
    parts = _too_long(objective, nodes, found)
    # In the order of the objective, each after those that it uses.
    return tuple((e, found.get(e) or parts[e]) for e in nodes if e in found or e in parts)


def is_part(name: str) -> bool:
    """Whether a name is that of a part that the writer gave no name."""
    return name.startswith(_PART)


def _too_long(objective: Expr, nodes: Sequence[Expr], found: Mapping[Expr, str]) -> dict[Expr, str]:
    """Return the parts whose entries are long in the symbols of the stages before them."""
    least = least_sizes([objective])
    sizes = least.raised(dict.fromkeys(dims_of(objective), 2))
    here = Explicit(sizes, {}, math=_LengthMath())
    lengths, cuts = here.values, dict(found)
    parts: dict[Expr, str] = {}
    inner = {e.args[0] for e in nodes if e.is_matrix_product and e.args[0].is_matrix_product}
    for e in nodes:
        if e.is_variable:
            lengths[str(e.data)] = _ones(e.shape, here)
        elif e.is_loss and isinstance(e.data, tuple):
            lengths[str(e.data[1])] = _ones(e.args[0].shape, here)
        if e in cuts:
            lengths[cuts[e]] = _ones(e.shape, here)
        elif e.args and e is not objective and not free_indices(e):
            longest, deepest = _longest(here, local(e, cuts, ()))
            if longest > _LONGEST or deepest > _DEEPEST or e in inner:
                cuts[e] = parts[e] = f"{_PART}{len(parts) + 1}"
                lengths[cuts[e]] = _ones(e.shape, here)
    return parts


def _longest(here: Explicit, x: Expr) -> tuple[int, int]:
    """Return the length of the longest entry, and how deep functions are inside each other."""
    try:
        cells = flat(here.cells(x))
        return max(map(_length, cells)), max(map(_depth, cells))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        return 0, 0  # it has no entries, or none at these sizes: SymPy says so


def _ones(shape: Shape, here: Explicit) -> Cells:
    cells: Cells = built([here.size(d) for d in shape], lambda *_: _Length(1))
    return cells


def _length(x: Any) -> int:
    return x.count if isinstance(x, _Length) else 1


def _depth(x: Any) -> int:
    return x.depth if isinstance(x, _Length) else 0


class _Length:
    """The number of operations in an entry that is not a number, and of functions in a row."""

    __slots__ = ("count", "depth")

    def __init__(self, count: int, depth: int = 0) -> None:
        self.count, self.depth = count, depth

    def _with(self, other: Any) -> Any:
        return _Length(self.count + _length(other) + 1, max(self.depth, _depth(other)))

    def _times(self, other: Any) -> Any:
        return other if isinstance(other, Fraction) and not other else self._with(other)

    def __neg__(self) -> Any:
        return self

    def __sub__(self, other: Any) -> Any:
        return Fraction(0) if other is self else self._with(other)

    __add__ = __radd__ = __rsub__ = _with
    __truediv__ = __pow__ = __rpow__ = _with
    __mul__ = __rmul__ = __rtruediv__ = _times


class _LengthMath:
    """Scalar functions on lengths: everything that is put together adds up."""

    weight = 1

    def number(self, value: Fraction) -> Any:
        """Return a rational number."""
        return value

    def matrix(self, name: str, *grids: Cells) -> Cells:
        """Refuse: such entries have no closed form."""
        raise ValueError(name)

    def unspecified(self, letter: str, order: int, x: Any) -> Any:
        """Return the length of an unspecified function."""
        return _total(x)

    def pick(self, sign: str, values: Sequence[Any], results: Sequence[Any]) -> Any:
        """Return the length of a choice between results, each with a test of all values."""
        return _total(*results, *[*values] * len(results))

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        return _total


def _total(*args: Any) -> Any:
    """Return the length of a function of some entries; signs among them count for nothing."""
    count = sum(_length(a) for a in args if not isinstance(a, str))
    return _Length(count + 1, max(map(_depth, args)) + 1)


def local(x: Expr, cuts: Mapping[Expr, str], definitions: Collection[str]) -> Expr:
    """Return an expression with the definitions and losses inside it as plain names.

    Any other name in it, that of a cotangent, is written out.
    """

    def is_cut(e: Expr) -> bool:
        return e in cuts or (e.is_name and str(e.data) in definitions)

    done: dict[Expr, Expr] = {}
    for e in walk(x, is_cut):
        if is_cut(e):
            done[e] = var(cuts.get(e, str(e.data)), e.shape)
        elif e.is_name:
            done[e] = done[e.args[0]]
        else:
            done[e] = with_args(e, tuple(done[a] for a in e.args))
    return done[x]
