"""Takes a changed formula; returns the shapes that reading its text anew would give, or ``OPEN``.

An operator without a rule here is settled where it stands over arguments of the same shapes in a
formula that was read.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping

from ..core.expr import Expr, node, walk_all
from ..core.shapes import ONE, SCALAR, DimMismatchError, Shape, broadcast, swapped
from ..ops import TABLE

Settled = Expr | None | str  # None: the shapes clash
OPEN = "open"


class _ClashError(Exception):
    pass


class _OpenError(Exception):
    pass


class Reshaper:
    """Settles the shapes of formulas that share most of their parts."""

    def __init__(self, names: Mapping[str, Expr], formulas: Iterable[Expr]) -> None:
        self._names = names  # a claim that was read under equal sizes has them in other shapes
        self._seen: dict[Hashable, Shape] = {  # in formulas that were read
            _use(e, [a.shape for a in e.args]): e.shape for e in walk_all([*formulas])
        }
        self._known: dict[Expr, Settled] = {}

    def __call__(self, x: Expr) -> Settled:
        """Return a formula with its shapes, None where they clash, or ``OPEN``."""
        if x not in self._known:
            self._known[x] = self._settled(x)
        return self._known[x]

    def _settled(self, x: Expr) -> Settled:
        if x.op in ("var", "named"):
            return self._names.get(str(x.data), x)
        if not x.args:
            return x
        args: list[Expr] = []
        for a in x.args:
            found = self(a)
            if not isinstance(found, Expr):
                return found
            args.append(found)
        try:
            return node(x.op, tuple(args), self._shape(x, args), x.data)
        except (_ClashError, DimMismatchError):
            return None
        except _OpenError:
            return OPEN

    def _shape(self, x: Expr, args: list[Expr]) -> Shape:
        shapes = [a.shape for a in args]
        rule = _spread if TABLE[x.op].entrywise else _RULES.get(x.op)
        if rule is not None:
            return rule(x, shapes)
        found = self._seen.get(_use(x, shapes))
        if found is None:
            raise _OpenError
        return found


def _use(x: Expr, shapes: list[Shape]) -> Hashable:
    return x.op, x.data, *shapes


def _spread(x: Expr, shapes: list[Shape]) -> Shape:
    found = broadcast(shapes)
    square = len(found) == 2 and found[0] == found[1] != ONE
    if square and any(s[0] != s[1] == ONE for s in shapes):
        raise _OpenError  # a column and a square matrix: the reader decides
    return found


def _product(x: Expr, shapes: list[Shape]) -> Shape:
    if any(s == SCALAR or len(s) > 2 for s in shapes):
        raise _OpenError
    for a, b in zip(shapes, shapes[1:], strict=False):
        if a[1] != b[0]:
            raise _ClashError
    found = (shapes[0][0], shapes[-1][1])
    inner = [(shapes[0][0], s[1]) for s in shapes[:-1]]
    if SCALAR in inner:
        raise _OpenError
    return found


def _reduced(x: Expr, shapes: list[Shape]) -> Shape:
    (shape,) = shapes
    if x.data is None:
        return SCALAR
    if len(shape) > 2 or x.data not in (0, 1):
        raise _OpenError
    return (ONE, shape[1]) if x.data == 0 else (shape[0], ONE)


def _of_square(x: Expr, shapes: list[Shape]) -> Shape:
    (shape,) = shapes
    if len(shape) > 2 or shape[0] != shape[1]:
        raise _ClashError if len(shape) == 2 else _OpenError
    return shape if x.op == "inv" else SCALAR


_SAME: Callable[[Expr, list[Shape]], Shape] = lambda x, shapes: shapes[0]  # noqa: E731

_RULES: dict[str, Callable[[Expr, list[Shape]], Shape]] = {
    "matmul": _product,
    "transpose": lambda x, shapes: swapped(shapes[0]),
    **dict.fromkeys(("sum", "mean"), _reduced),
    **dict.fromkeys(("trace", "det", "logdet", "inv"), _of_square),
    **dict.fromkeys(("neg", "Sum"), _SAME),
}
