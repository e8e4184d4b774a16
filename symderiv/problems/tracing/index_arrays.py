"""Integers in a traced program: indices along an axis, and labels.

What ``arange(n)`` holds where n is a symbol is known by how it is used: ``row >= column`` is 1 on
and below the diagonal, ``row == column`` the identity. Labels are known by their one-hot rows:
``label == column`` is these, and what is picked by labels is a product with them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...core.shapes import Dim, Shape
from .array import FUNCTIONS, UFUNCS, Traced, sized
from .array_expressions import call, filled
from .user_places import refuse

_SWAPPED = {">": "<", "<": ">", ">=": "<=", "<=": ">=", "==": "==", "!=": "!="}
_REMEDY = "give the mask to the function as an argument, with a shape of its own"
_OPPOSITE = {">": "<=", "<=": ">", ">=": "<", "<": ">=", "==": "!=", "!=": "=="}
_STRICT = {">": -1, "<": 1, ">=": 0, "<=": 0}


@dataclass(frozen=True, slots=True)
class Positions:
    """An array of integers: the index along one of its axes, plus an integer."""

    dims: Shape
    axis: int
    shift: int = 0

    def moved(self, by: int) -> Positions:
        """Return the integers with another added."""
        return replace(self, shift=self.shift + by)

    @property
    def shape(self) -> tuple[Any, ...]:
        """Return the sizes, as those of an array."""
        return tuple(map(sized, self.dims))


class ClassesNeededError(Exception):
    """Labels are used, and how many there are was not declared: so many."""

    def __init__(self, name: str, classes: Dim) -> None:
        super().__init__(f"{name}: {classes}")
        self.name, self.classes = name, classes


@dataclass(frozen=True, slots=True)
class Labels:
    """An array of labels 0 .. k-1, with the array of their one-hot rows, which has one axis more.

    ``own`` are the axes of the labels, ``tail`` those behind them, along which nothing changes.
    The rows are None as long as nobody said how many labels there are.
    """

    name: str
    own: Shape
    rows: Traced | None = None
    tail: Shape = ()

    @property
    def dims(self) -> Shape:
        """Return the axes of the labels as they stand here."""
        return (*self.own, *self.tail)

    @property
    def shape(self) -> tuple[Any, ...]:
        """Return the sizes, as those of an array."""
        return tuple(map(sized, self.dims))

    def one_hot(self, classes: Dim) -> Traced:
        """Return the one-hot rows; raises ClassesNeededError where they are not known."""
        if self.rows is None:
            raise ClassesNeededError(self.name, classes)
        if self.rows._array.dims[-1] != classes:
            raise refuse(
                f"{self.name} are labels of {self.rows._array.dims[-1]} classes, and pick one of "
                f"{classes}",
                f"declare {classes} classes",
            )
        return self.rows

    def reshaped(self, own: Shape) -> Labels:
        """Return the same labels along other axes."""
        rows = self.rows
        if rows is not None:
            rows = rows.reshape((*map(sized, own), sized(rows._array.dims[-1])))
        return replace(self, own=own, rows=rows, tail=())


def compared(a: Any, sign: str, b: Any) -> Traced | Mask:
    """Return where a comparison of integers holds, as a condition."""
    if isinstance(b, Labels):
        a, b = b, a
    if isinstance(a, Labels):
        return _equal_to_label(a, sign, b)
    if not isinstance(a, Positions) or not isinstance(b, Positions):
        raise refuse("a comparison of a position with a number", _REMEDY)
    rows, columns = a.axis - len(a.dims), b.axis - len(b.dims)
    if rows > columns:
        a, b, sign = b, a, _SWAPPED[sign]
        rows, columns = columns, rows
    if (rows, columns) != (-2, -1):
        raise refuse("a comparison of positions along other axes than the last two", _REMEDY)
    return Mask((a.dims[-2], b.dims[-1]), a.shift - b.shift, sign)


@dataclass(frozen=True, slots=True)
class Mask:
    """Where row + shift stands in a relation to column, on a matrix: a triangle or the diagonal."""

    dims: Shape
    shift: int
    sign: str

    def kept(self, x: Any) -> Any:
        """Return an array with zeros where this does not hold."""
        if not getattr(x, "ndim", 0):
            return self.ones() if x == 1 else UFUNCS["multiply"](self.ones(), x)
        if self.sign in ("==", "!="):
            return FUNCTIONS[np.where](self.condition(), x, 0)
        triangle = np.tril if self.sign[0] == ">" else np.triu
        return FUNCTIONS[triangle](x, self.shift + _STRICT[self.sign])

    def condition(self) -> Any:
        """Return where it holds, as a condition."""
        return UFUNCS["greater"](self.ones(), 0)

    def ones(self) -> Any:
        """Return the matrix that is 1 where this holds, and 0 elsewhere."""
        n, m = self.dims
        if self.sign in ("==", "!="):
            if self.shift or n != m:
                raise refuse("a diagonal beside the main one", _REMEDY)
            eye = Traced(call("eye", (n, n), n))
            return eye if self.sign == "==" else UFUNCS["subtract"](1, eye)
        return self.kept(Traced(filled("ones", (n, m))))

    @property
    def is_causal(self) -> bool:
        """Whether this holds on and below the diagonal of a square matrix, nowhere else."""
        least = self.shift + _STRICT.get(self.sign, 1)
        return self.dims[0] == self.dims[1] and self.sign[0] == ">" and least == 0

    def opposite(self) -> Mask:
        """Return where this does not hold."""
        return replace(self, sign=_OPPOSITE[self.sign])


@dataclass(frozen=True, slots=True)
class Hot(Mask):
    """Where a label is its column: what is 1 there are its one-hot rows."""

    rows: Any = None

    def kept(self, x: Any) -> Any:
        """Return an array with zeros where this does not hold."""
        return UFUNCS["multiply"](self.rows, x)

    def ones(self) -> Any:
        """Return the one-hot rows."""
        return self.rows

    def opposite(self) -> Mask:
        """Return where this does not hold."""
        return replace(self, rows=UFUNCS["subtract"](1, self.rows))

    @property
    def is_causal(self) -> bool:
        """Return False: it is no mask of positions."""
        return False


def _equal_to_label(a: Labels, sign: str, b: Any) -> Mask:
    """Return the one-hot rows of labels, as a condition, where they are compared with all."""
    fits = isinstance(b, Positions) and b.axis == len(b.dims) - 1 and not b.shift
    if not fits or sign != "==" or len(a.tail) != 1:
        raise refuse(
            "a comparison with labels", "compare with all of them: y[:, None] == arange(k)"
        )
    return Hot(b.dims, 0, sign, a.one_hot(b.dims[-1]))


def mask_of(x: Any) -> Mask | None:
    """Return where an array of ones and zeros is 1, if it is a triangle of ones."""
    e = x._array.expr if isinstance(x, Traced) else None
    if isinstance(x, Mask):
        return x
    if e is None or e.op not in ("tril", "triu") or e.args[0].op != "ones":
        return None
    return Mask(e.shape, 0, ">=" if e.op == "tril" else "<=")


@dataclass(frozen=True, slots=True)
class Counted:
    """An index counted from the end, which is chosen where one is negative: here, nowhere."""


def picked_rows(table: Any, labels: Labels) -> Any:
    """Return the rows of a table that labels pick: ``W[y]``."""
    rows = labels.one_hot(table._array.dims[0])
    return rows if table._array.expr.op == "eye" else UFUNCS["matmul"](rows, table)


def picked_entries(x: Any, labels: Labels) -> Any:
    """Return one entry of every row, the one that its label picks: ``P[arange(n), y]``."""
    return FUNCTIONS[np.sum](UFUNCS["multiply"](labels.one_hot(x._array.dims[-1]), x), axis=-1)


def no_number(x: Any) -> Any:
    """Return what is an array or a number; raises what says that others are no numbers."""
    if isinstance(x, Positions):
        raise refuse("arithmetic with positions (arange) of a size that is a symbol", _REMEDY)
    if isinstance(x, Labels):
        raise refuse("arithmetic with labels", "labels pick entries or rows: P[arange(n), y], W[y]")
    return x
