"""Indices of the language, and what to write where shapes do not fit.

Contract: an index is a symbol that is no variable, or a position from 1; a symbol has one range.
"""

from __future__ import annotations

import ast
from functools import partial

from ..core.errors import IndexNameError, RangeClashError
from ..core.expr import Expr, Index
from ..core.positions import AxisBlock, Shift, Use, allowed, at_marks, placed, steps
from ..core.shapes import ONE, Dim, DimMismatchError, Shape, describe, difference, size
from .scope import Scope, Signed

Mark = Index | Shift | AxisBlock | None


def subscript(scope: Scope, at: ast.Subscript, x: Expr) -> Expr:
    """Return the entry, the row, the column or the part of a value that a subscript picks."""
    parts = list(at.slice.elts) if isinstance(at.slice, ast.Tuple) else [at.slice]
    shape = scope.shape(x)
    is_column = len(parts) == 1 and len(shape) == 2 and shape[1] == ONE
    if len(parts) != len(shape) and not is_column:
        raise _miscounted(scope, at, parts, shape)
    marks = [_mark(scope, p, d) for p, d in zip(parts, shape, strict=False)]
    if all(isinstance(p, ast.Slice) and p.lower is p.upper is None for p in parts):
        raise IndexNameError(
            f"{scope.source(at)} is the whole of it",
            span=scope.span(at),
            remedy=f"write {scope.source(at.value)}",
        )
    if is_column:
        whole = marks[0] is None or isinstance(marks[0], AxisBlock)
        return at_marks(x, [*marks, None if whole else 1])
    if len(shape) > 2 and not all(isinstance(m, str | int | Shift) for m in marks):
        marks = [_slab(scope, at, m, d) for m, d in zip(marks, shape, strict=True)]
    return at_marks(x, marks)


def _miscounted(
    scope: Scope, at: ast.Subscript, parts: list[ast.expr], shape: Shape
) -> IndexNameError:
    letters = ", ".join("ijklrstuvw"[: len(shape)])
    remedy = "write X[i, j] for an entry, X[i, :] for a row, X[:, j] for a column"
    if len(shape) > 2:
        remedy = f"write {scope.source(at.value)}[{letters}], or : for a whole axis"
    return IndexNameError(
        f"{scope.source(at)} has {len(parts)} index{'es' * (len(parts) != 1)}; "
        f"{scope.source(at.value)} is {describe(shape)}",
        span=scope.span(at),
        remedy=remedy,
    )


def _slab(scope: Scope, at: ast.Subscript, mark: Mark, dim: Dim) -> Mark:
    """Return a position on an axis of a tensor as a block of size 1."""
    if isinstance(mark, int):
        return _cut(scope, at, dim, ([size(mark)], []), ([size(mark)], []))
    return mark


def _mark(scope: Scope, at: ast.expr, dim: Dim) -> Mark:
    """Return what stands between the brackets for one axis; None is the whole of it."""
    if not isinstance(at, ast.Slice):
        return position(scope, at, dim)
    if at.step is not None:
        raise IndexNameError(
            f"{scope.source(at)}: every place from the first to the last is taken",
            span=scope.span(at),
            remedy="write X[1:k, :]",
        )
    if at.lower is None and at.upper is None:
        return None
    start = ([ONE], []) if at.lower is None else place(scope, at.lower)
    is_open = scope.unifier.resolve(dim).is_unknown
    if at.upper is None:
        stop: Signed = ([dim], [])
    else:
        stop = place(scope, at.upper)
        if is_open and start != ([ONE], []) and len(stop[0]) == 1 and not stop[1]:
            # x[2:n] of an x that nothing declares goes to its end.
            scope.unifier.unify(dim, stop[0][0])
            is_open = False
    if is_open:
        raise IndexNameError(
            f"{scope.source(at)}: how large the axis is that this is a part of is not known",
            span=scope.span(at),
            remedy="declare the shape of what it is taken from",
        )
    return _cut(scope, at, scope.unifier.resolve(dim), start, stop)


def _cut(scope: Scope, at: ast.AST, dim: Dim, start: Signed, stop: Signed) -> AxisBlock | None:
    """Return the block from one place to another, both included."""
    try:
        before = difference(start[0], [*start[1], ONE])
        length = difference([*stop[0], *start[1], ONE], [*stop[1], *start[0]])
        behind = difference([dim, *stop[1]], stop[0])
    except DimMismatchError:
        length = None
    if length is None or length.coefficient < 0:
        raise IndexNameError(
            f"{scope.source(at)} is no part of 1..{dim}".replace("?", ""),
            span=scope.span(at),
            remedy="places count from 1, and both ends are included: x[2:n]",
        )
    found = AxisBlock(before, length, behind)
    return None if before is None and behind is None else found


def place(scope: Scope, at: ast.expr) -> Signed:
    """Return a place made of sizes and numbers as what is added and what is taken away."""
    is_zero = isinstance(at, ast.Constant) and at.value == 0
    if is_zero or (isinstance(at, ast.UnaryOp) and isinstance(at.op, ast.USub)):
        raise IndexNameError(
            f"{scope.source(at)}: places count from 1",
            span=scope.span(at),
            remedy="the last place of x: n is x[n], the one before it x[n - 1]",
        )
    return scope.signed(at, partial(_no_place, scope))


def _no_place(scope: Scope, message: str, at: ast.AST) -> IndexNameError:
    return IndexNameError(
        f"{scope.source(at)} is not a place",
        span=scope.span(at),
        remedy="a place is a number from 1, a size, or a sum of those: x[2:n], x[k + 1]",
    )


def position(scope: Scope, at: ast.expr, dim: Dim) -> Index | Shift | AxisBlock:
    """Return an index, a shifted one, or a place that a size stands for: x[n], x[n - 1]."""
    names = {n.id for n in ast.walk(at) if isinstance(n, ast.Name)}
    if isinstance(at, ast.BinOp) and names & scope.bound:
        return _shifted(scope, at, dim)
    if isinstance(at, ast.UnaryOp):
        place(scope, at)
    is_sum = isinstance(at, ast.BinOp) and isinstance(at.op, ast.Add | ast.Sub)
    is_size = isinstance(at, ast.Name) and at.id in scope.declared.dims
    if is_sum and names - set(scope.declared.dims):
        raise IndexNameError(
            f"{scope.source(at)}: only an index that a Sum or a Prod binds can be shifted",
            span=scope.span(at),
            remedy="write the sum: Sum(i, x[i + 1] * x[i])",
        )
    if (is_sum and names) or (is_size and not names & set(scope.indices)):
        one = place(scope, at)
        # Where the one place there is is taken, that is the whole axis.
        return _cut(scope, at, scope.unifier.resolve(dim), one, one) or 1
    return index(scope, at, dim)


def _shifted(scope: Scope, at: ast.BinOp, dim: Dim) -> Shift | str:
    """Return i + 1, and make the range of i such that there is a place."""
    pairs = ((at.left, at.right, True), (at.right, at.left, isinstance(at.op, ast.Add)))
    for name, number, fits in pairs:
        whole = isinstance(number, ast.Constant) and type(number.value) is int
        if isinstance(name, ast.Name) and name.id in scope.bound and whole and fits:
            if not isinstance(at.op, ast.Add | ast.Sub) or abs(number.value) >= 10**6:  # type: ignore[attr-defined]
                break
            sign = 1 if isinstance(at.op, ast.Add) else -1
            offset = sign * number.value  # type: ignore[attr-defined]
            _use(scope, name, dim, offset)
            return Shift(name.id, offset) if offset else name.id
    raise IndexNameError(
        f"{scope.source(at)} is not an index",
        span=scope.span(at),
        remedy="an index is shifted by a number: x[i + 1], X[i - 1, j]",
    )


def index(scope: Scope, at: ast.expr, dim: Dim) -> Index:
    """Return an index and make its range ``dim``; raises IndexNameError."""
    if isinstance(at, ast.Constant) and type(at.value) is int:
        _check_position(scope, at, at.value, dim)
        return int(at.value)
    if (
        not isinstance(at, ast.Name)
        or at.id in scope.definitions
        or (at.id in scope.declared.variables and at.id not in scope.bound)
    ):
        raise IndexNameError(
            f"{scope.source(at)} is not an index",
            span=scope.span(at),
            remedy="an index is a symbol that is not a variable, or an integer from 1",
        )
    _use(scope, at, dim, 0)
    return at.id


def _use(scope: Scope, at: ast.Name, dim: Dim, offset: int) -> None:
    """Note a use of an index; its range is that of the axis, or some places more or less."""
    known = scope.indices.setdefault(at.id, dim)
    if at.id in scope.bound:
        scope.uses.setdefault(at.id, []).append(Use(dim, offset))
        if steps(scope.unifier.resolve(known), scope.unifier.resolve(dim)) is not None:
            return
    scope.indices[at.id] = scope.unify(
        known,
        dim,
        lambda: RangeClashError(
            f"the index {at.id} runs over {scope.unifier.resolve(known)} elsewhere and over "
            f"{scope.unifier.resolve(dim)} here".replace("?", ""),
            span=scope.span(at),
            remedy="an index has one range; are two indices swapped?",
        ),
    )


def bind(scope: Scope, name: str, body: Expr) -> Expr:
    """Return a body in which an index that was bound runs from 1 to what is its range then."""
    uses = [Use(scope.unifier.resolve(u.dim), u.offset) for u in scope.uses.pop(name, [])]
    if len({*uses}) < 2 and not any(u.offset for u in uses):
        return body
    found = allowed(uses)
    scope.indices[name] = found.size
    return placed(body, name, found, scope.unifier.resolve)


def _check_position(scope: Scope, at: ast.expr, value: int, dim: Dim) -> None:
    top = scope.unifier.resolve(dim)
    if value < 1 or (not top.symbols and value > top.coefficient):
        raise IndexNameError(
            f"the index {value} is out of range 1..{top}".replace("?", ""),
            span=scope.span(at),
            remedy="indices start at 1, as on paper",
        )
