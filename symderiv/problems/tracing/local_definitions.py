"""Names for what local variables held: an expression, and the definitions that it is written by.

Expressions come as they were written, one operation a node; what leaves here is as the language
reads it: products and sums are flattened, and the row of a vector is made of the rows of its parts.
"""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import accumulate, count

from ...core.expr import (
    MAKERS,
    Expr,
    add,
    dim_size,
    matmul,
    mul,
    named,
    node,
    num,
    transpose,
    walk_all,
)
from ...core.shapes import ONE, Dim, parts_of, symbol
from ...ops import FUNCTIONS, TABLE
from ...ops.text import text
from .array_expressions import is_turned

_NAME = re.compile(r"[A-Za-z]\w*\Z", re.ASCII)
_LONG = 50  # characters that are not written twice
_DEEP = 8  # brackets in each other, above which what is inside gets a name
_RESERVED = {"pi", "e", "Sum", *FUNCTIONS}


def written(x: Expr) -> Expr:
    """Return an expression as the language reads it, in which nothing has a name of its own."""
    return _Writing().value(x)


def definitions(
    result: Expr, wished: Mapping[Expr, str], taken: Iterable[str], name_result: bool
) -> tuple[dict[str, Expr], Expr]:
    """Return definitions by name, and the result in which they are used.

    ``wished`` names values, in the order of the function; a name that is taken gets a number. What
    is long and used more than once gets a name as well, so that the text grows no faster than the
    function, and so does what is nested deep: the steps of a loop are no brackets that anybody
    wrote.
    """
    reachable = set(walk_all([result], Expr.is_name))
    nodes = list(walk_all([*(x for x in wished if x in reachable), result], Expr.is_name))
    uses = used(nodes)
    names = {*taken, *_RESERVED}
    writing, found = _Writing(), {}
    for x in nodes:
        if is_turned(x) and x.args[0].shape[1] == ONE:
            continue  # it is named as the column is
        value = writing.value(x)
        spelled = text(value)
        name = wished.get(x) if x.args and (name_result or x is not result) else None
        if name is None and ((uses[x] > 1 and len(spelled) > _LONG) or _depth(spelled) > _DEEP):
            name = "T"
        if name is not None:
            name = _fresh(name, names)
            names.add(name)
            found[name] = value
            writing.names[x] = named(name, value)
    return found, writing.names.get(result) or writing.value(result)


def used(nodes: list[Expr]) -> Counter[Expr]:
    """Return how often each of some nodes is used by the others; a vector by its rows too."""
    uses: Counter[Expr] = Counter()
    for x in reversed(nodes):
        for a in x.args:
            uses[a] += uses[x] if is_turned(x) else 1
    return uses


class _Writing:
    """Makes values of what was written, with the names given so far."""

    def __init__(self) -> None:
        self.names: dict[Expr, Expr] = {}
        self._values: dict[Expr, Expr] = {}

    def value(self, x: Expr) -> Expr:
        """Return the value of what has no name."""
        if x not in self._values:
            self._values[x] = self._value(x)
        return self._values[x]

    def _value(self, x: Expr) -> Expr:
        if x.op == "size" and isinstance(x.data, Dim):
            return _size(x.data)
        if is_turned(x):
            return self._turned(x.args[0])
        if x.args and self._is_row(x):  # of rows only, which a column is made of last
            return transpose(self._turned(x))
        return x if x.is_name else _made(x, [self._known(a) for a in x.args])

    def _known(self, x: Expr) -> Expr:
        return self.names.get(x) or self.value(x)

    def _is_row(self, x: Expr) -> bool:
        """Whether a column is made of rows alone, entry by entry."""
        if x in self.names or is_turned(x):
            return x not in self.names and x.args[0].shape[1] != ONE
        vectors = [a for a in x.args if not a.is_scalar]
        is_column = TABLE[x.op].entrywise and x.shape[1:] == (ONE,)
        return bool(vectors) and is_column and all(map(self._is_row, vectors))

    def _turned(self, x: Expr) -> Expr:
        """Return the row of a column, made of the rows of its parts, or the column of a row."""
        if x in self.names:
            return transpose(self.names[x])
        if is_turned(x):
            return self._known(x.args[0])
        if x.shape[1:] == (ONE,) and TABLE[x.op].entrywise:
            parts = [self._known(a) if a.is_scalar else self._turned(a) for a in x.args]
            return _made(x, parts, turned=True)
        if x.is_matrix_product and x.shape[1:] == (ONE,):
            matrix, column = x.args
            return matmul(self._turned(column), transpose(self._known(matrix)))
        return transpose(self._known(x))


def _depth(text: str) -> int:
    """Return how many brackets of a text are in each other."""
    steps = [1 if c in "([" else -1 for c in text if c in "()[]"]
    return max(accumulate(steps), default=0)


def _made(x: Expr, args: list[Expr], turned: bool = False) -> Expr:
    if x.op in MAKERS:
        return MAKERS[x.op](*args)
    return node(x.op, tuple(args), x.shape[::-1] if turned else x.shape, x.data)


def _size(dim: Dim) -> Expr:
    """Return a size as arithmetic of its symbols."""
    factors = [] if dim.coefficient == 1 and dim.symbols else [num(dim.coefficient)]
    for name in dim.symbols:
        parts = parts_of(name) if name[0] == "(" else ()
        factors.append(add(*map(_size, parts)) if parts else dim_size(symbol(name)))
    return mul(*factors)


def _fresh(name: str, used: set[str]) -> str:
    name = name.strip("_") or "T"
    name = name if _NAME.match(name) else "T"
    if name not in used and not keyword.iskeyword(name):
        return name
    return next(f"{name}{k}" for k in count(1) if f"{name}{k}" not in used)
