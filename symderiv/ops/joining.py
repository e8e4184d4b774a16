"""Table entries of concat and part: matrices side by side, and a block of one.

The gradient of a block of ``concat`` is the part of the gradient in its place; that of a part is
itself between zeros. Source: NumPy reference manual, numpy.concatenate and slicing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..core.expr import Expr, node
from ..core.positions import AxisBlock, block, cut
from ..core.shapes import (
    ONE,
    SCALAR,
    Dim,
    DimMismatchError,
    Shape,
    describe,
    left_over,
    summed_sizes,
    trimmed,
)
from ..core.unit_axes import fitted
from ..notation.math import Fence, Math, Op, Word, listed, row, sub
from ..tensor import (
    COLUMN,
    ROW,
    Factor,
    Term,
    Value,
    add,
    call,
    contract,
    factors_of,
    is_entrywise,
    is_zero,
    product,
    scaled,
    summands,
    unit,
    zero,
)
from .base import ATOM, Application, Cells, Codes, EntryPlace, Texts, Writes, register
from .flops import free
from .leaves import axes, size_notation, size_text

Sizes = tuple[Dim, ...]


def _with_size(dims: Sizes, after: int, size: Dim) -> tuple[Dim, ...]:
    """Return dimensions with another size on the axis that ``after`` others follow."""
    place = len(dims) - after - 1
    return (*dims[:place], size, *dims[place + 1 :])


def _shape(dims: Sizes) -> Shape:
    return trimmed((*dims, *SCALAR)[: max(2, len(dims))])


@dataclass(frozen=True)
class ConcatCall:
    """Blocks of given sizes along one axis; ``after`` axes follow it."""

    data: tuple[Sizes, int]
    name: str = "concat"

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the part of the cotangent in the place of the argument."""
        sizes, after = self.data
        return part_term(cotangent, sizes[:position], sizes[position], sizes[position + 1 :], after)

    def along(self, node: Term, slopes: Mapping[int, Term], extra: int) -> Term:
        """Return slopes of the blocks, which have further axes behind, side by side."""
        sizes, after = self.data
        whole = next(iter(slopes.values())).dims
        beyond = whole[len(whole) - extra :]
        blocks = [
            slopes.get(k, zero((*axes(_with_size(node.dims, after, s)), *beyond)))
            for k, s in enumerate(sizes)
        ]
        return concat_term(blocks, sizes, after + extra)

    def rebuild(self, args: tuple[Expr, ...]) -> Expr:
        """Return the call as an expression."""
        sizes, after = self.data
        longest = next(k for k, s in enumerate(sizes) if s != ONE or k == len(sizes) - 1)
        found = list(axes(args[longest].shape))
        if sizes[longest] == ONE:
            found.insert(len(found) - after, ONE)
        whole = _with_size(tuple(found), after, summed_sizes(sizes))
        blocks = [
            fitted(x, _shape(_with_size(whole, after, s))) for x, s in zip(args, sizes, strict=True)
        ]
        return node("concat", tuple(blocks), _shape(whole), len(whole) - after - 1)


def concat_term(terms: Sequence[Term], sizes: Sizes, after: int) -> Term:
    """Return terms side by side along the axis that ``after`` others follow."""
    k = next((k for k, s in enumerate(sizes) if s != ONE), 0)
    dims = terms[k].dims
    if sizes[k] == ONE:
        place = len(dims) - after
        dims = (*dims[:place], ONE, *dims[place:])
    whole = _with_size(dims, after, summed_sizes(sizes))
    if all(map(is_zero, terms)):
        return zero(whole)
    return call(ConcatCall((sizes, after)), tuple(terms), whole)


@dataclass(frozen=True)
class PartCall:
    """A block of an axis: the sizes before it (one or none), its own, those behind; ``after``."""

    data: tuple[Sizes, Dim, Sizes, int]
    name: str = "part"

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the cotangent between zeros."""
        before, size, behind, after = self.data
        dims = node.children[0].dims
        zeros = [zero(axes(_with_size(dims, after, s))) for s in (*before, *behind)]
        count = len(before)
        terms = [*zeros[:count], cotangent, *zeros[count:]]
        return concat_term(terms, (*before, size, *behind), after)

    def along(self, node: Term, slopes: Mapping[int, Term], extra: int) -> Term:
        """Return the block of a slope that has further axes behind."""
        before, size, behind, after = self.data
        return inner_part(slopes[0], before, size, behind, after + extra)

    def rebuild(self, args: tuple[Expr, ...]) -> Expr:
        """Return the call as an expression."""
        before, size, behind, after = self.data
        dims = axes(args[0].shape)
        body = fitted(args[0], _shape(dims))
        axis = len(dims) - after - 1
        shape = _shape(_with_size(dims, after, size))
        found = node("part", (body,), shape, (before, size, behind, axis))
        return fitted(found, _shape(axes(shape)))


def part_term(term: Term, before: Sizes, size: Dim, behind: Sizes, after: int) -> Term:
    """Return a block of a term along the axis that ``after`` others follow."""
    joined = [_joined(s) for s in (before, behind)]
    if not before and not behind:
        return term
    dims = axes(_with_size(term.dims, after, size))
    if is_zero(term):
        return zero(dims)
    if size == ONE and not any(d.symbols for d in joined[0]):
        return _at_position(term, sum(d.coefficient for d in joined[0]) + 1, after)
    return call(PartCall((joined[0], size, joined[1], after)), (term,), dims)


def _at_position(term: Term, position: int, after: int) -> Term:
    """Return a term at a position of the axis that ``after`` others follow, as X[1, :] has it."""
    labels, place = tuple(range(len(term.dims))), len(term.dims) - after - 1
    factors = [Factor(term, labels), Factor(unit(position, term.dims[place]), (place,))]
    free = [x for x in labels if x != place]
    return contract(factors, free, dict(enumerate(term.dims)))


def inner_part(term: Term, before: Sizes, size: Dim, behind: Sizes, after: int) -> Term:
    """Return a block of a term, taken of what the term is made of along that axis.

    The block of a sum or a product is that of its summands or factors; the block of blocks side
    by side is one of them where it lies between the same others.
    """

    def inside(x: Term, last: int) -> Term:
        return inner_part(x, before, size, behind, last)

    place = len(term.dims) - after - 1
    if term.is_sum:
        parts = [scaled(inside(b, after), s) for s, b in summands(term)]
        return add(parts)
    if term.is_contraction and not is_zero(term):
        scale, factors, all_dims = factors_of(term)
        if all(f.labels.count(place) < 2 and not f.term.is_fuse for f in factors):
            cut = [
                Factor(
                    inside(f.term, len(f.labels) - f.labels.index(place) - 1),
                    tuple(x for x in f.labels if x != place or size != ONE),
                    f.exponent,
                )
                if place in f.labels
                else f
                for f in factors
            ]
            dims = {x: d for x, d in enumerate(all_dims) if x != place or size != ONE}
            dims.update({place: size} if size != ONE else {})
            return contract(cut, [x for x in range(len(term.dims)) if x in dims], dims, scale)
    if is_entrywise(term):
        args = tuple(inside(c, after) for c in term.children)
        return call(term.data, args, axes(_with_size(term.dims, after, size)))
    whole = block_at(term, before, size, behind, after)
    return part_term(term, before, size, behind, after) if whole is None else whole


def block_at(term: Term, before: Sizes, size: Dim, behind: Sizes, after: int) -> Term | None:
    """Return the one of some blocks side by side that lies between others; None where it is not."""
    if not term.is_call or term.data.name != "concat" or term.data.data[1] != after:
        return None
    sizes, _ = term.data.data
    wanted = [_joined(before), _joined(behind)]
    for k, s in enumerate(sizes):
        if s == size and [_joined(sizes[:k]), _joined(sizes[k + 1 :])] == wanted:
            found: Term = term.children[k]
            return found
    return None


def _joined(sizes: Sizes) -> Sizes:
    return tuple([summed_sizes(sizes)] if sizes else [])


def _axis(e: Expr) -> int:
    """Return the axis, counted from the front of the longest shape."""
    return int(str(e.data[-1] if isinstance(e.data, tuple) else e.data))


def _after(shape: Shape, axis: int) -> int:
    return sum(d != ONE for d in shape[axis + 1 :])


def _padded(shape: Shape, rank: int) -> Shape:
    return (ONE,) * (rank - len(shape)) + shape


def _build_concat(call: Application) -> Expr:
    count = call.expect(2, 8, "axis")
    args = tuple(call.expr(k) for k in range(count))
    longest = max(args, key=lambda a: len(a.shape))
    axis = call.axis(None, longest)
    if axis is None:
        raise call.fail("along which axis? there is no default")
    shapes = [_padded(call.shape(a), len(longest.shape)) for a in args]
    whole = list(shapes[0])
    for k, shape in enumerate(shapes[1:], 1):
        for place, (a, b) in enumerate(zip(whole, shape, strict=True)):
            if place != axis:
                what = f"beside {describe(shapes[0])} stands {describe(shape)}: axis {place}"
                whole[place] = call.equal_dims(a, b, what, k)
    whole[axis] = summed_sizes(s[axis] for s in shapes)
    return node("concat", args, trimmed(tuple(whole)), axis)


def _build_part(call: Application) -> Expr:
    call.expect(3, 3, "axis")
    x, before, size = call.expr(0), call.offset(1), call.dim(2)
    axis = call.axis(None, x)
    if axis is None:
        raise call.fail("along which axis? there is no default")
    shape = call.shape(x)
    try:
        rest = left_over(shape[axis], [*([before] if before is not None else []), size])
    except DimMismatchError:
        raise call.fail(
            f"{size} behind {before or 0} is no part of {shape[axis]}",
            remedy="a part is known to fit: part(concat(X, Y, axis=0), n, m, axis=0)",
        ) from None
    return block(x, axis, before, size, rest)


def _concat_lower(e: Expr, args: Sequence[Value]) -> Value:
    axis, rank = _axis(e), len(e.shape)
    loose = {name: dim for v in args for name, dim in v.loose}
    values = [product([(v, ROW, COLUMN)], v.shape, loosen=loose) for v in args]
    sizes = tuple(_padded(v.shape, rank)[axis] for v in values)
    term = concat_term([v.term for v in values], sizes, _after(e.shape, axis))
    return Value(term, e.shape, values[0].loose)


def _part_lower(e: Expr, args: Sequence[Value]) -> Value:
    assert isinstance(e.data, tuple)
    before, size, behind, axis = e.data
    after = _after(e.args[0].shape, axis)
    return Value(part_term(args[0].term, before, size, behind, after), e.shape, args[0].loose)


def _concat_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    def joined(parts: list[Any], axis: int) -> Any:
        if not axis:
            return [x for part in parts for x in part]
        return [joined(list(row_), axis - 1) for row_ in zip(*parts, strict=True)]

    full: list[Any] = []
    for x, cells in zip(e.args, args, strict=True):
        for _ in range(len(e.shape) - len(x.shape)):
            cells = [cells]
        full.append(cells)
    result: Cells = joined(full, _axis(e))
    return result


def _part_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    assert isinstance(e.data, tuple)
    before, size, _, axis = e.data
    start = sum(at.size(d) for d in before)
    if at.size(size) < 1:
        raise ValueError(f"a part of size {size} has no entries at these sizes")

    def cut(cells: Any, axis: int) -> Any:
        if axis:
            return [cut(part, axis - 1) for part in cells]
        return cells[start : start + at.size(size)]

    cells = cut(args[0], axis)
    for _ in range(len(e.args[0].shape) - len(e.shape)):
        cells = cells[0]
    result: Cells = cells
    return result


def _concat_code(e: Expr, code: Codes) -> str:
    if len(e.shape) == 2 and ONE in e.shape:
        parts = [f"np.reshape({code.array(a)}, (1,))" if a.is_scalar else code(a) for a in e.args]
        return f"np.concatenate(({', '.join(parts)}))"
    parts = [code.full(a) for a in e.args]
    lacking = [len(e.shape) - max(2, len(a.shape)) for a in e.args]
    parts = [f"({p})[{'None, ' * n}:]" if n else p for p, n in zip(parts, lacking, strict=True)]
    return f"np.concatenate(({', '.join(parts)}), axis={_axis(e)})"


def _part_code(e: Expr, code: Codes) -> str:
    assert isinstance(e.data, tuple)
    before, size, behind, axis = e.data
    shape = e.args[0].shape
    start = code.size(before[0]) if before else ""
    stop = code.size(summed_sizes([*before, size])) if behind else ""
    if len(shape) == 2 and ONE in shape:
        found = f"{code(e.args[0], ATOM)}[{start}:{stop}]"
        return f"{found}[0]" if e.is_scalar else found
    found = f"{code(e.args[0], ATOM)}[{':, ' * axis}{start}:{stop}]"
    return code.packed(found, (*shape[:axis], size, *shape[axis + 1 :]), e.shape)


def ends(span: AxisBlock) -> tuple[Dim, Dim]:
    """Return the first and the last place of a block."""
    before = [span.before] if span.before is not None else []
    return summed_sizes([*before, ONE]), summed_sizes([*before, span.size])


def span_text(span: AxisBlock | None) -> str:
    """Return a block as it stands between brackets: 2:n, one place, or : for all."""
    if span is None:
        return ":"
    first, last = map(size_text, ends(span))
    return first if span.size == ONE else f"{first}:{last}"


def span_notation(span: AxisBlock | None) -> Math:
    """Return a block as it stands in a subscript."""
    if span is None:
        return Op(":")
    first, last = map(size_notation, ends(span))
    return bare(first) if span.size == ONE else row(bare(first), Op(":"), bare(last))


def bare(x: Math) -> Math:
    """Return what stands in parentheses without them."""
    return x.body if isinstance(x, Fence) else x


def _part_text(e: Expr, text: Texts) -> str:
    base, spans = cut(e)
    is_column = len(spans) == 2 and base.shape[1] == ONE
    marks = map(span_text, spans[:1] if is_column else spans)
    return f"{text(base, ATOM)}[{', '.join(marks)}]"


def _part_notation(e: Expr, write: Writes) -> Math:
    base, spans = cut(e)
    is_column = len(spans) == 2 and base.shape[1] == ONE
    marks = map(span_notation, spans[:1] if is_column else spans)
    # A number is set as an entry is, a part of a vector as the vector.
    return sub(write.inner(base) if e.is_scalar else write(base, ATOM), listed(*marks))


register(
    name="concat",
    explained="puts arrays one after another along an axis",
    flops=free,
    tensors="whole",
    build=_build_concat,
    usage="concat(X, Y, axis=0)",
    law="each block of the result has the gradient of its place",
    source="NumPy reference manual, numpy.concatenate",
    lower=_concat_lower,
    explicit=_concat_cells,
    text=lambda e, text: f"concat({', '.join(text(a) for a in e.args)}, axis={_axis(e)})",
    notation=lambda e, write: row(
        sub(Word("concat"), Word(f"axis {_axis(e)}", function=False)),
        Fence("(", listed(*(write(a) for a in e.args)), ")"),
    ),
    numpy=_concat_code,
    samples=(
        "concat(X, A, axis=1) @ concat(X, A, axis=1).T",
        "concat(X * X, x.T @ X, axis=0) @ X.T",
        "concat(T, X, axis=0) * X",
        "concat(x, X.T @ x, axis=0)",
        "concat(X, X, X, axis=0) @ X.T",
        "concat(s, x, axis=0) @ x.T",
    ),
    bad=(
        "concat(X, A, axis=0)",
        "concat(X)",
        "concat(X, X)",
        "concat(X, X, axis=2)",
        "concat(X, T, axis=1)",
    ),
)
register(
    name="part",
    linear=True,
    moves=True,
    flops=free,
    tensors="whole",
    build=_build_part,
    usage="X[2:n, :], x[n], part(X, before, size, axis=0): a block of an axis",
    law="the gradient of a part is itself between zeros",
    source="NumPy reference manual, basic slicing",
    lower=_part_lower,
    explicit=_part_cells,
    text=_part_text,
    notation=_part_notation,
    numpy=_part_code,
    samples=(
        "part(concat(X * X, A, axis=1), d, n, axis=1) @ X",
        "part(concat(X * X, A, axis=1), 0, d, axis=1)",
        "part(concat(x * x, X.T @ x, s, axis=0), n, d, axis=0)",
        "part(concat(T * T, X, axis=0), 0, t, axis=0) * X",
        "x[2:n].T @ X[2:n, :]",
        "X[1:n - 1, 2:d] @ X[1:n - 1, 2:d].T",
        "T[1, :, :] * X",
        "x[n] * X[n, 1] * X",
    ),
    bad=(
        "part(X, 0, t, axis=0)",
        "part(X, 0, n)",
        "part(X, n, axis=0)",
        "part(X, n, n, axis=0)",
        "X[2:1, :]",
        "X[0:n, :]",
        "X[1:n + 1, :]",
        "X[1:2:3, :]",
        "x[x]",
    ),
)
