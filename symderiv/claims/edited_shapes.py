"""Takes a changed formula; returns it with the shapes that reading its text anew would give.

An operator without a rule here is settled where it stands over arguments of the same shapes in a
formula that was read.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import reduce

from ..core.expr import (
    Expr,
    add,
    free_ranges,
    index_sum,
    is_one_per_row,
    matmul,
    mul,
    neg,
    node,
    sum_index,
    transpose,
    walk_all,
)
from ..core.shapes import ONE, SCALAR, Dim, DimMismatchError, Shape, broadcast
from ..ops import TABLE


class _ClashError(Exception):
    """No formula of these shapes can be read."""


class Reshaper:
    """Settles the shapes of formulas that share most of their parts."""

    def __init__(
        self,
        names: Mapping[str, Expr],
        formulas: Iterable[Expr],
        ranges: Mapping[str, Dim] | None = None,
    ) -> None:
        self._names = names  # a claim that was read under equal sizes has them in other shapes
        self._ranges = ranges or {}  # of free indices
        self._seen: dict[Hashable, Shape] = {  # in formulas that were read
            _use(e, e.args): e.shape for e in walk_all([*formulas])
        }
        self._known: dict[Expr, Expr | None] = {}

    def __call__(self, x: Expr) -> Expr | None:
        """Return a formula with its shapes, or None where they clash or cannot be told."""
        if x.op in ("var", "named"):
            return self._names.get(str(x.data), x)
        if not x.args:
            return x
        if x not in self._known:
            args = [self(a) for a in x.args]
            try:
                known = tuple(a for a in args if a is not None)
                self._known[x] = self._made(x, known) if len(known) == len(args) else None
            except (_ClashError, DimMismatchError):
                self._known[x] = None
        return self._known[x]

    def _made(self, x: Expr, args: tuple[Expr, ...]) -> Expr:
        if x.op in _RULES:
            made = _RULES[x.op](x, args)
        else:
            shape = self._seen.get(_use(x, args))
            if shape is None and TABLE[x.op].entrywise:
                shape = _spread(args)
            made = node(x.op, args, shape or _along(x, args[0].shape), x.data)
        ranges = dict(self._ranges)
        for name, dim in (r for e in (*args, made) for r in free_ranges(e).items()):
            if ranges.setdefault(name, dim) != dim:
                raise _ClashError
        return made


def _use(x: Expr, args: Iterable[Expr]) -> Hashable:
    return x.op, x.data, *(a.shape for a in args)


def _spread(args: Iterable[Expr]) -> Shape:
    """Return the shape of a combination entry by entry; nothing says where a bare column goes."""
    shape = broadcast([a.shape for a in args])
    square = len(shape) == 2 and shape[0] == shape[1] != ONE
    bare = [a for a in args if a.shape[0] != a.shape[-1] == ONE and not is_one_per_row(a)]
    if square and bare and not any(a.op == "eye" for a in args):
        raise _ClashError
    return shape


def _combined(join: Callable[[Expr, Expr], Expr]) -> Callable[[Expr, tuple[Expr, ...]], Expr]:
    def join_two(left: Expr, right: Expr) -> Expr:
        _spread((left, right))
        return join(left, right)

    return lambda x, args: reduce(join_two, args)


def _multiplied(left: Expr, right: Expr) -> Expr:
    if SCALAR in (left.shape, right.shape):
        return mul(left, right)
    if left.shape[-1] != right.shape[-2]:
        raise _ClashError
    return matmul(left, right)


def _along(x: Expr, shape: Shape) -> Shape:
    """Return the shape of what keeps or takes away the axis that its data is."""
    if TABLE[x.op].axis == "keeps":
        return shape
    if TABLE[x.op].axis == "reduces" and x.data is None:
        return SCALAR
    if not TABLE[x.op].axis or len(shape) > 2 or x.data not in (0, 1):
        raise _ClashError
    return (ONE, shape[1]) if x.data == 0 else (shape[0], ONE)


def _of_square(x: Expr, args: tuple[Expr, ...]) -> Expr:
    shape = args[0].shape
    if len(shape) > 2 or shape[0] != shape[1]:
        raise _ClashError
    return node(x.op, args, shape if x.op == "inv" else SCALAR, x.data)


def _indexed(x: Expr, args: tuple[Expr, ...]) -> Expr:
    if len(args[0].shape) != len(x.args[0].shape):
        raise _ClashError
    if x.op == "entry":
        return node(x.op, args, SCALAR, x.data)
    rows, columns = args[0].shape
    return node(x.op, args, (ONE, columns) if x.op == "row" else (rows, ONE), x.data)


def _summed(x: Expr, args: tuple[Expr, ...]) -> Expr:
    name, dim = sum_index(x)
    return index_sum(name, free_ranges(args[0]).get(name, dim), args[0])


_RULES: dict[str, Callable[[Expr, tuple[Expr, ...]], Expr]] = {
    "add": _combined(add),
    "mul": _combined(mul),
    "matmul": lambda x, args: reduce(_multiplied, args),
    "neg": lambda x, args: neg(*args),
    "transpose": lambda x, args: transpose(*args),
    "Sum": _summed,
    **dict.fromkeys(("row", "column", "entry"), _indexed),
    **dict.fromkeys(("trace", "det", "logdet", "inv"), _of_square),
}
