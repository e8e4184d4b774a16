"""A plan of assignments: what is computed under which name, with repeated parts computed once."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count

from ..core.expr import Expr, free_indices, walk
from ..core.shapes import SCALAR, Dim
from ..problems.numpy_axes import array_shape
from .numpy_code import Coder, is_trivial


@dataclass(frozen=True, slots=True)
class Assignment:
    """``name = code``, with the shapes as a comment."""

    name: str
    code: str
    comment: str


def shape_text(dims: Sequence[Dim]) -> str:
    """Return the axes of an array as Python writes a shape.

    >>> from symderiv.core.shapes import symbol
    >>> shape_text([symbol("m")])
    '(m,)'
    """
    inside = ", ".join(map(str, dims))
    return f"({inside},)" if len(dims) == 1 else f"({inside})"


def comment(e: Expr) -> str:
    """Return the shapes of a product and of its result: ``(d, n)(n, m) -> (d, m)``."""
    whole = shape_text(array_shape(e.shape))
    if e.shape == SCALAR:
        return "scalar"
    plain = e.is_matrix_product and all(f.op in ("var", "named", "transpose") for f in e.args)
    if not plain:
        return whole
    return "".join(shape_text(array_shape(f.shape)) for f in e.args) + f" -> {whole}"


def plan(
    outputs: Sequence[tuple[str, Expr]], coder: Coder, taken: Iterable[str]
) -> list[Assignment]:
    """Return the assignments that compute the outputs; what is used twice is computed once."""
    uses: dict[Expr, int] = {}
    seen: set[Expr] = set()
    for _, x in outputs:
        uses[x] = uses.get(x, 0) + 1
        for e in _inside(x, coder):
            if e in seen:
                continue
            seen.add(e)
            for a in () if e in coder.names else e.args:
                uses[a] = uses.get(a, 0) + 1
    lines: list[Assignment] = []
    # What the coder has names for is read by lines to come, so that none is given again.
    names = {*taken, *(n for n, _ in outputs), *coder.names.values()}
    free = (f"t{k}" for k in count(1) if f"t{k}" not in names)
    for name, x in outputs:
        for e in _inside(x, coder):
            repeated = uses.get(e, 0) > 1 and not is_trivial(e) and not e.is_name
            if repeated and e is not x and e not in coder.names and not free_indices(e):
                fresh = next(free)
                lines.append(Assignment(fresh, _bare(coder(e)), comment(e)))
                coder.names[e] = fresh
        lines.append(Assignment(name, _bare(coder(x)), comment(x)))
        if not is_trivial(x):
            coder.names.setdefault(x, name)
    return lines


def _bare(code: str) -> str:
    """Return an expression without parentheses around the whole of it."""
    whole = ast.parse(code, mode="eval").body
    if whole.col_offset != 1 or code[0] != "(" or isinstance(whole, ast.Tuple):
        return code
    return code[1:-1]


def _inside(x: Expr, coder: Coder) -> list[Expr]:
    """Return the nodes that computing ``x`` meets, arguments first: nothing below a name."""
    return list(walk(x, lambda e: e.is_name or e in coder.names))
