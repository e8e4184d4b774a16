"""Shifted indices and cut axes, x[i + 1] and x[2:n], to blocks that plain indices run over.

x[i + 1] under a sum over i is entry i of a block of x; the range of i is what all of its places
allow, counted from 1. So no rule needs to know of shifts.

Contract: raises DimMismatchError where a range is empty or two ranges cannot be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from .expr import (
    Expr,
    Index,
    column,
    entry,
    eye,
    index_ranges,
    marks_of,
    node,
    rebuild,
    row,
    slab,
    walk,
    with_args,
    with_marks,
)
from .shapes import ONE, Dim, DimMismatchError, difference, size, summed_sizes, trimmed


class Shift(NamedTuple):
    """An index plus a number, while the range of the index is not known yet."""

    name: str
    offset: int


def block(x: Expr, axis: int, before: Dim | None, size: Dim, behind: Dim | None) -> Expr:
    """Return the part of an axis between so many places and so many others; None for none."""
    if before is None and behind is None:
        return x
    start, rest = ((d,) if d is not None else () for d in (before, behind))
    shape = trimmed((*x.shape[:axis], size, *x.shape[axis + 1 :]))
    return node("part", (x,), shape, (start, size, rest, axis))


class AxisBlock(NamedTuple):
    """A part of an axis: how much stands before it (None for nothing), its size, what follows."""

    before: Dim | None
    size: Dim
    behind: Dim | None

    def of(self, x: Expr, axis: int) -> Expr:
        """Return the block of an expression along an axis."""
        return block(x, axis, *self)


class Use(NamedTuple):
    """A place at which an index stands: the size of the axis, and what is added to the index."""

    dim: Dim
    offset: int


class Range(NamedTuple):
    """What an index runs over: from one number on, so many."""

    first: int
    size: Dim


def steps(left: Dim, right: Dim) -> int | None:
    """Return by how much a dimension is larger than another, where that is a number.

    >>> from symderiv.core.shapes import symbol
    >>> n = symbol("n")
    >>> steps(n, difference([n], [ONE])), steps(n, symbol("m"))
    (1, None)
    """
    for sign, a, b in ((1, left, right), (-1, right, left)):
        try:
            found = difference([a], [b])
        except DimMismatchError:
            continue
        if found is None:
            return 0
        return sign * found.coefficient if not found.symbols else None
    return None


def allowed(uses: Sequence[Use]) -> Range:
    """Return the range of an index at whose every use there is a place.

    >>> from symderiv.core.shapes import symbol
    >>> n = symbol("n")
    >>> first, count = allowed([Use(n, 1), Use(n, 0), Use(n, -1)])
    >>> first, str(count)
    (2, '(n - 2)')
    """
    base = uses[0].dim
    first = max(1 - use.offset for use in uses)
    tops = []
    for use in uses:
        more = steps(use.dim, base)
        if more is None:
            raise DimMismatchError(use.dim, base)
        tops.append(more - use.offset)
    count = added(base, min(tops) - first + 1)
    if count is None:
        raise DimMismatchError(base, size(first))
    return Range(first, count)


def added(dim: Dim, number: int) -> Dim | None:
    """Return a dimension and a number, None for nothing."""
    plus, minus = ([size(number)], []) if number > 0 else ([], [size(-number)] if number else [])
    return difference([dim, *plus], minus)


def placed(body: Expr, name: str, found: Range, resolve: Callable[[Dim], Dim]) -> Expr:
    """Return a body with every place of an index in a block over which the index runs.

    The index then runs from 1 to ``found.size``; ``resolve`` puts in what is known of a size.
    """

    def change(old: Expr, args: tuple[Expr, ...]) -> Expr:
        if any(_offset(m, name) is not None for m in marks_of(old)):
            return _placed(old, _whole(old, args, resolve), name, found, resolve)
        return with_args(old, args)

    # A definition has no free index.
    return rebuild(body, change, Expr.is_name)


def _whole(e: Expr, args: tuple[Expr, ...], resolve: Callable[[Dim], Dim] | None = None) -> Expr:
    """Return what the indices of a node stand at: an argument, or the identity for a delta."""
    if args:
        return args[0]
    (dim, _) = index_ranges(e)
    return eye(dim if resolve is None else resolve(dim))


def _offset(mark: object, name: str) -> int | None:
    if isinstance(mark, Shift):
        return mark.offset if mark.name == name else None
    return 0 if mark == name else None


def _placed(old: Expr, x: Expr, name: str, found: Range, resolve: Callable[[Dim], Dim]) -> Expr:
    kept: list[object] = []
    for axis, mark in enumerate(marks_of(old)):
        offset = _offset(mark, name)
        if offset is None:
            kept.append(mark)
            continue
        dim, before = resolve(x.shape[axis]), offset + found.first - 1
        start = size(before) if before else None
        behind = difference([dim], [found.size, *([] if start is None else [start])])
        x = block(x, axis, start, found.size, behind)
        kept.append(name)
    return _standing(old, x, kept)


def _standing(old: Expr, x: Expr, new: Sequence[object]) -> Expr:
    """Return the entry, row or column of an expression at marks; a delta is one of an identity."""
    return with_marks(old, (x,), new) if old.args else node("entry", (x,), old.shape, tuple(new))


def at_marks(x: Expr, marks: Sequence[Index | Shift | AxisBlock | None]) -> Expr:
    """Return what marks take of an expression, one for each axis: an index, a block, or all."""
    blocks = [isinstance(m, AxisBlock) for m in marks]
    # From the last axis on, so that an axis that falls away moves no other.
    for axis in reversed(range(len(marks))):
        mark = marks[axis]
        if isinstance(mark, AxisBlock):
            x = mark.of(x, axis)
    marks, blocks = marks[-len(x.shape) :], blocks[-len(x.shape) :]
    single = [isinstance(m, AxisBlock) and m.size == ONE for m in marks]
    left: list[object] = [None if b else m for b, m in zip(blocks, marks, strict=True)]
    if all(m is None for m in left):
        return x
    if all(m is not None or s for m, s in zip(left, single, strict=True)):
        return entry(x, *(1 if m is None else m for m in left))  # type: ignore[arg-type]
    if len(left) > 2:
        return slab(x, tuple(left))  # type: ignore[arg-type]
    if left[0] is not None:
        return row(x, left[0])  # type: ignore[arg-type]
    return column(x, left[1])  # type: ignore[arg-type]


class Cut(NamedTuple):
    """Blocks of blocks as what they are taken from, with what is taken of each of its axes."""

    base: Expr
    spans: tuple[AxisBlock | None, ...]


def cut(x: Expr) -> Cut:
    """Return what an expression is a block of, through blocks of blocks.

    >>> from symderiv.core.expr import var
    >>> from symderiv.core.shapes import symbol
    >>> n = symbol("n")
    >>> x = block(var("x", (n, ONE)), 0, ONE, difference([n], [ONE]), None)
    >>> [str(d) for d in cut(x).spans[0][:2]]
    ['1', '(n - 1)']
    """
    if x.op != "part":
        return Cut(x, (None,) * len(x.shape))
    assert isinstance(x.data, tuple)
    start, own, rest, axis = x.data
    inner = cut(x.args[0])
    # Leading axes of size 1 fell away.
    place = axis + len(inner.spans) - len(x.args[0].shape)
    outer = inner.spans[place] or AxisBlock(None, own, None)
    before, behind = (
        summed_sizes(found) if (found := [*more, *([d] if d is not None else [])]) else None
        for more, d in ((start, outer.before), (rest, outer.behind))
    )
    spans = list(inner.spans)
    spans[place] = AxisBlock(before, own, behind)
    return Cut(inner.base, tuple(spans))


def shown(body: Expr, name: str, dim: Dim) -> Expr:
    """Return the body of a sum over ``name`` in which a place of a block is a shifted one.

    The shifted index is a text, x["i + 1"], to be printed. Where what is printed would be read
    with another range of the index, the body stays as it is.
    """
    uses = []
    for e in walk(body, Expr.is_name):
        uses += [_use(_whole(e, e.args), k) for k, m in enumerate(marks_of(e)) if m == name]
    if not any(u.offset or u.dim != dim for u in uses):
        return body
    try:
        tight = allowed(uses) == Range(1, dim)
    except DimMismatchError:
        return body
    return rebuild(body, lambda e, args: _shown(e, args, name)) if tight else body


def _use(x: Expr, axis: int) -> Use:
    found = _without(x, axis)
    return Use(found[0].shape[axis], found[1])


def _without(x: Expr, axis: int) -> tuple[Expr, int]:
    """Return an expression without a block along an axis, and how many places it left out."""
    if x.op != "part" or len(x.shape) != len(x.args[0].shape):
        return x, 0
    assert isinstance(x.data, tuple)
    start, own, rest, own_axis = x.data
    if own_axis != axis:
        inner, offset = _without(x.args[0], axis)
        ends = (next(iter(d), None) for d in (start, rest))
        return block(inner, own_axis, next(ends), own, next(ends)), offset
    if any(d.symbols for d in start):
        return x, 0
    inner, offset = _without(x.args[0], axis)
    return inner, offset + sum(d.coefficient for d in start)


def _shown(e: Expr, args: tuple[Expr, ...], name: str) -> Expr:
    if name not in marks_of(e):
        return with_args(e, args)
    x, kept = _whole(e, args), list[object](marks_of(e))
    for axis, mark in enumerate(marks_of(e)):
        if mark == name:
            x, offset = _without(x, axis)
            sign = "+" if offset > 0 else "-"
            kept[axis] = f"{name} {sign} {abs(offset)}" if offset else name
    return _standing(e, x, kept)
