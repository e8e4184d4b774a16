"""What a traced function computed: nodes with NumPy's shapes, and their text in the language.

NumPy has vectors of one axis, the language has columns and rows. A node of one axis can be written
as either, and who uses it says which: ``{0}`` in a template is the column, ``{0:r}`` the row.

Contract: a node is immutable and knows its NumPy shape; its text has that shape in the language
(a vector is a column, leading axes of size 1 are left out).
"""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate, count

from ...core.shapes import ONE, Dim
from ...ops import FUNCTIONS

_ATOM = re.compile(r"[\w.]+\Z")
_NAME = re.compile(r"[A-Za-z]\w*\Z", re.ASCII)
_LONG = 60  # characters that are not written twice
_DEEP = 24  # brackets in each other, above which what is inside gets a name
_RESERVED = {"pi", "e", "Sum", *FUNCTIONS}
_order = count()


@dataclass(eq=False, slots=True)
class Node:
    """One value: its NumPy shape, templates of its text, and what it was made of."""

    dims: tuple[Dim, ...]
    column: str  # the template; for one axis that of a column, "" where there is only a row
    args: tuple[Node, ...] = ()
    row: str = ""  # for one axis: the template of a row, "" where there is only a column
    per_row: bool = False  # whether it holds the result of a reduction of rows
    size: Dim | None = None  # the size that a number is
    made: str = ""  # the entrywise template or the reduction it was made by, ..
    of: tuple[Node, ...] = ()  # .. of what, ..
    axes: tuple[int, ...] = ()  # .. and along which axes
    order: int = field(default_factory=lambda: next(_order))

    @property
    def rank(self) -> int:
        """Return how many axes NumPy gives it."""
        return len(self.dims)


class _Text:
    """The text of an argument; the format ``r`` asks for the row of a vector."""

    def __init__(self, column: str, row: str) -> None:
        self.column, self.row = column, row

    def __format__(self, asked: str) -> str:
        text = self.row if asked == "r" else self.column
        return text if _ATOM.match(text) else f"({text})"


def reachable(result: Node) -> list[Node]:
    """Return everything that a value is made of, arguments first."""
    seen: dict[Node, None] = {result: None}
    stack = [result]
    while stack:
        for a in stack.pop().args:
            if a not in seen:
                seen[a] = None
                stack.append(a)
    return sorted(seen, key=lambda n: n.order)


def statements(
    result: Node, wished: Mapping[Node, str], taken: Iterable[str], name_result: bool
) -> tuple[list[str], str]:
    """Return definitions, one to a line, and the text of the result.

    ``wished`` names nodes; a name that is taken gets a number. What is long and used more than
    once gets a name as well, so that the text grows no faster than the function, and so does what
    is nested deep: the steps of a loop are no brackets that anybody wrote.
    """
    nodes = reachable(result)
    uses = Counter(a for n in nodes for a in n.args)
    used = {*taken, *_RESERVED}
    lines: list[str] = []
    texts: dict[Node, _Text] = {}
    for n in nodes:
        text = _written(n, texts)
        name = wished.get(n) if n.args and (name_result or n is not result) else None
        repeated = uses[n] > 1 and len(text.column) > _LONG
        if name is None and (repeated or _depth(text.column) > _DEEP):
            name = "T"
        if name is not None:
            name = _fresh(name, used)
            used.add(name)
            lines.append(f"{name} = {text.column}")
            text = _Text(name, name if n.dims == (ONE,) else f"{name}.T")
        texts[n] = text
    return lines, texts[result].column


def formula(result: Node) -> str:
    """Return the text of a value, in which nothing has a name of its own."""
    texts: dict[Node, _Text] = {}
    for n in reachable(result):
        texts[n] = _written(n, texts)
    return texts[result].column


def _written(n: Node, texts: Mapping[Node, _Text]) -> _Text:
    parts = [texts[a] for a in n.args]
    column, row = n.column.format(*parts), n.row.format(*parts)
    if n.rank != 1 or n.dims == (ONE,):
        return _Text(column or row, column or row)
    return _Text(column or f"({row}).T", row or f"({column}).T")


def _depth(text: str) -> int:
    """Return how many brackets of a text are in each other."""
    steps = [1 if c in "([" else -1 for c in text if c in "()[]"]
    return max(accumulate(steps), default=0)


def _fresh(name: str, used: set[str]) -> str:
    name = name.strip("_") or "T"
    name = name if _NAME.match(name) else "T"
    if name not in used and not keyword.iskeyword(name):
        return name
    return next(f"{name}{k}" for k in count(1) if f"{name}{k}" not in used)
