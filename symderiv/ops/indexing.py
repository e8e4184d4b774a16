"""Table entries of entries, rows, columns, and sums over a named index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import add, mul
from typing import Any

from ..core.cells import entry_at
from ..core.expr import Expr, Index, index_sum, marks_of, node, own_indices, sum_index
from ..core.positions import AxisBlock, cut, shown
from ..core.shapes import ONE, Dim, is_difference
from ..notation.math import TRANSPOSE, Big, Math, Num, Op, Script, Sym, listed, row, sub, sup
from ..tensor import COLUMN, ROW, Factor, Label, Value, contract, labels, product, unit
from ..tensor.orientation import axis_labels
from .base import (
    ATOM,
    POWER,
    PRODUCT,
    SIGN,
    Cells,
    Codes,
    EntryPlace,
    Texts,
    Writes,
    binds,
    broadcast,
    register,
)
from .flops import Flops, free
from .joining import bare, span_notation, span_text
from .leaves import size_notation
from .matrix_axes import along

_LAW = "an entry, row or column is a product with unit vectors"


def _lower(e: Expr, args: Sequence[Value]) -> Value:
    """Return what indices leave: named ones are loose, positions products with unit vectors."""
    (value,) = args
    loose: dict[str, Dim] = dict(value.loose)
    names: list[Label] = [*loose]
    out: list[Label] = []
    extra: list[Factor] = []
    for k, (mark, dim) in enumerate(zip(marks_of(e), e.args[0].shape, strict=True)):
        if dim == ONE:
            continue
        names.append(mark if isinstance(mark, str) else ("axis", k))
        if isinstance(mark, str):
            loose[mark] = dim
        elif mark is None:
            out.append(names[-1])
        else:
            extra.append(Factor(unit(mark, dim), (names[-1],)))
    left = tuple(sorted(loose.items()))
    dims: dict[Label, Dim] = dict(zip(names, value.term.dims, strict=True))
    dims.update(loose)
    term = contract([Factor(value.term, tuple(names)), *extra], [*(n for n, _ in left), *out], dims)
    return Value(term, e.shape, left)


def _cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    def taken(cells: Any, marks: Sequence[Index | None]) -> Any:
        if not marks:
            return cells
        mark, *rest = marks
        picked = cells if mark is None else [cells[at.position(mark) - 1]]
        return [taken(c, rest) for c in picked]

    found: Cells = taken(args[0], marks_of(e))
    for _ in range(len(e.args[0].shape) - len(e.shape)):
        found = found[0]
    return found


def _text_in_block(source: Expr, marks: Sequence[Index | None], text: Texts) -> str | None:
    """Return places of a block as those of what it is taken from, where its axes are whole."""
    base, spans = cut(source)
    if len(spans) != len(marks) or base.shape[1] == ONE:
        return None
    if any(m is not None and s is not None for m, s in zip(marks, spans, strict=True)):
        return None
    parts = [span_text(s) if m is None else str(m) for m, s in zip(marks, spans, strict=True)]
    return f"{text(base, ATOM)}[{', '.join(parts)}]"


def _text(e: Expr, text: Texts) -> str:
    plain = ", ".join(":" if m is None else str(m) for m in marks_of(e))
    return _text_in_block(e.args[0], marks_of(e), text) or f"{text(e.args[0], ATOM)}[{plain}]"


def _entry_text(e: Expr, text: Texts) -> str:
    if len(e.args[0].shape) > 2:
        return f"{text(e.args[0], ATOM)}[{', '.join(map(str, own_indices(e)))}]"
    i, j = own_indices(e)
    inside = f"{i}" if e.args[0].shape[1] == ONE and j == 1 else f"{i}, {j}"
    return f"{text(e.args[0], ATOM)}[{inside}]"


def _entry_notation(e: Expr, write: Writes) -> Math:
    source = e.args[0]
    place = own_indices(e)
    if source.op == "part":
        return _in_block(source, place, write)
    kept = [x for x, d in zip(place, source.shape, strict=True) if d != ONE] or [place[0]]
    parts: list[Math] = [write.index(x) for x in kept]
    mark = row(*parts)
    return sub(write.inner(source, mark), mark)


def _in_block(source: Expr, marks: Sequence[Index | None], write: Writes) -> Math:
    """Return places of a block as those of what it is taken from: x_{i+1}."""
    base, spans = cut(source)
    gone = len(spans) - len(source.shape)
    places: list[Index | None] = [*(None,) * gone, *marks]
    parts = [
        span_notation(span) if place is None else _moved(place, span, write)
        for place, span, dim in zip(places, spans, base.shape, strict=True)
        if dim != ONE
    ]
    return sub(write.inner(base), listed(*parts) if None in marks else row(*_apart(parts)))


def _apart(parts: Sequence[Math]) -> list[Math]:
    """Return places side by side, with commas where one of them is a sum."""
    if all(isinstance(p, Sym | Num) for p in parts):
        return list(parts)
    return [listed(*parts)]


def _moved(place: Index, span: AxisBlock | None, write: Writes) -> Math:
    """Return a place in a block as one of the whole."""
    if span is None or span.before is None:
        return write.index(place)
    if isinstance(place, int) and not span.before.symbols:
        return write.index(place + span.before.coefficient)
    return row(write.index(place), Op("+"), bare(size_notation(span.before)))


def _entry_code(e: Expr, code: Codes) -> str:
    shape = e.args[0].shape
    pairs = zip(own_indices(e), shape, strict=True)
    kept = [x for x, d in pairs if d != ONE or len(shape) > 2]
    source = code(e.args[0], ATOM)
    return f"{source}[{', '.join(code.index(x) for x in kept)}]" if kept else source


def _line_code(e: Expr, code: Codes) -> str:
    """Return a row or a column as a 1-D array; that of a vector is the vector or its entry."""
    rows, cols = e.args[0].shape
    across, along = (rows, cols) if e.op == "row" else (cols, rows)
    source = code(e.args[0], ATOM)
    if across == ONE:
        return source
    if along == ONE or e.op == "row":
        return f"{source}[{code.index(*own_indices(e))}]"
    return f"{source}[:, {code.index(*own_indices(e))}]"


def _line_notation(e: Expr, write: Writes) -> Math:
    mark = write.index(*own_indices(e))
    if e.args[0].op == "eye" and not write.is_taken("e"):
        unit = Script(Sym("e", bold=True), sub=mark)
        return sup(unit, TRANSPOSE) if e.op == "row" else unit
    if e.args[0].op == "part":
        return _in_block(e.args[0], marks_of(e), write)
    dots = Op(":")
    return sub(write.inner(e.args[0]), row(mark, dots) if e.op == "row" else row(dots, mark))


def _entry_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    return [[entry_at(args[0], [at.position(i) for i in own_indices(e)])]]


register(
    name="entry",
    linear=True,
    moves=True,
    plain=True,
    flops=free,
    tensors="whole",
    usage="X[i, j], T[i, j, k]",
    law=_LAW,
    source="definition",
    lower=_lower,
    explicit=_entry_cells,
    text=_entry_text,
    notation=_entry_notation,
    numpy=_entry_code,
    samples=(
        "X[1, 2] * X",
        "Sum(i, x[i] * X[i, 1]) * X",
        "(A @ X)[2, 1] * X",
        "x[1] * x",
        "T[1, 2, 1] * X",
        "Sum(i, Sum(j, T[i, j, 1] * T[i, 2, 1])) * X",
        "Sum(i, x[i + 1] * x[i]) * X",
        "X / X[1, 2]",
    ),
    bad=(
        "X[0, 1]",
        "X[1.5, 1]",
        "X[1, 2, 3]",
        "X[i, j]",
        "X[1]",
        "s[1, 1, 1]",
        "T[1, 2]",
        "x[i + 1]",
        "x[-1]",
        "Sum(i, x[2 * i])",
    ),
)
register(
    name="row",
    linear=True,
    moves=True,
    plain=True,
    flops=free,
    usage="X[i, :]",
    law=_LAW,
    source="definition",
    lower=_lower,
    explicit=_cells,
    text=_text,
    notation=_line_notation,
    numpy=_line_code,
    samples=(
        "X[1, :] @ X.T",
        "Sum(i, X[i, :].T @ X[i, :]) @ X.T",
        "Sum(i, X[i + 1, :].T @ X[i, :]) @ X.T",
    ),
    bad=("X[0, :]", "X[::2, :]", "X[:, :]", "X[i, :]"),
)
register(
    name="column",
    linear=True,
    moves=True,
    plain=True,
    flops=free,
    usage="X[:, j]",
    law=_LAW,
    source="definition",
    lower=_lower,
    explicit=_cells,
    text=_text,
    notation=_line_notation,
    numpy=_line_code,
    samples=(
        "X[:, 1].T @ X",
        "Sum(j, X[:, j] @ X[:, j].T) @ X",
        "Sum(i, onehot(i, n) * x[i] ** 2).T @ X",
    ),
    bad=("X[:, 0]", "X[:, 'a']", "X[:, 1, 2]"),
)


def _slab_notation(e: Expr, write: Writes) -> Math:
    source, marks = e.args[0], marks_of(e)
    if source.op == "part":
        return _in_block(source, marks, write)
    parts = [Op(":") if m is None else write.index(m) for m in marks]
    return sub(write.inner(source), listed(*parts))


def _slab_code(e: Expr, code: Codes) -> str:
    """Return a part of an array, in which an axis with an index has size 1 or is left out."""
    source, marks = e.args[0], marks_of(e)
    gone = len(source.shape) - len(e.shape)
    is_thin = len(e.shape) == 2  # a vector has one axis
    parts: list[str] = []
    for k, (mark, dim) in enumerate(zip(marks, source.shape, strict=True)):
        if mark is not None:
            parts += [code.index(mark), *([] if is_thin or k < gone else ["None"])]
        else:
            parts.append("0" if dim == ONE and (is_thin or k < gone) else ":")
    return f"{code(source, ATOM)}[{', '.join(parts)}]"


register(
    name="slab",
    linear=True,
    moves=True,
    plain=True,
    flops=free,
    tensors="whole",
    usage="T[i, :, :]",
    law=_LAW,
    source="definition",
    lower=_lower,
    explicit=_cells,
    text=_text,
    notation=_slab_notation,
    numpy=_slab_code,
    samples=(
        "Sum(i, T[i, :, :] @ T[i, :, :].T) @ X",
        "Sum(j, sum(exp(T[:, j, :]))) * X",
        "Sum(i, Sum(j, T[i, :, j] * T[i, :, j])) * X",
        "Sum(i, sum(T[i + 1, :, :] * T[i, :, :])) * X",
    ),
    bad=("T[i, :, :]", "T[0, :, :]", "T[i, :]", "Sum(i, T[i, i, :])"),
)


def _gathered_cells(combine: Callable[[Any, Any], Any]) -> Callable[..., Cells]:
    """Return how the bodies at every position of an index become one."""

    def cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
        result, *others = at.over(e)
        for more in others:
            result = broadcast([result, more], combine)
        return result

    return cells


def _big(sign: str) -> Callable[[Expr, Writes], Math]:
    def notation(e: Expr, write: Writes) -> Math:
        lower, upper = write.limits(*sum_index(e))
        return Big(sign, lower, upper, write(e.args[0], PRODUCT if sign == "∑" else POWER))

    return notation


def _product(index: str, dim: Dim, body: Expr) -> Expr:
    return node("Prod", (body,), body.shape, (index, dim))


def _binder_text(e: Expr, text: Texts) -> str:
    name, dim = sum_index(e)
    return f"{e.op}({name}, {text(shown(e.args[0], name, dim))})"


def _product_lower(e: Expr, args: Sequence[Value]) -> Value:
    """Return the product along the axis that the index of a body is."""
    name, dim = sum_index(e)
    (value,) = args
    loose = tuple((n, d) for n, d in value.loose if n != name)
    ends = axis_labels(e.shape, ROW, COLUMN)
    dims: dict[Label, Dim] = {**dict(value.loose), **dict(ends), name: dim}
    out = [*(n for n, _ in loose), *(x for x, _ in ends), name]
    body = contract([Factor(value.term, labels(value, ROW, COLUMN))], out, dims)
    return Value(along("prod", body, (-1,)), e.shape, loose)


def _product_code(e: Expr, code: Codes) -> str:
    name, dim = sum_index(e)
    items = f"[{code(e.args[0])} for {code.index(name)} in range({code.size(dim)})]"
    return f"np.prod({items}{'' if e.is_scalar else ', axis=0'})"


def _sum_code(e: Expr, code: Codes) -> str:
    name, dim = sum_index(e)
    terms = f"{code(e.args[0])} for {code.index(name)} in range({code.size(dim)})"
    if e.is_scalar or not is_difference(dim):
        return f"sum({terms})"
    return f"sum(({terms}), {code.filled(e, 'zeros')})"  # n - 1 terms may be none at all


register(
    name="Sum",
    plain=True,
    flops=lambda e: Flops.of(sum_index(e)[1], *e.shape),
    tensors="whole",
    build=lambda call: call.bound(index_sum),
    usage="Sum(i, x[i])",
    law="linearity: a finite sum is differentiated term by term",
    source="elementary calculus",
    lower=lambda e, args: product([(args[0], ROW, COLUMN)], e.shape, bind=dict([sum_index(e)])),
    explicit=_gathered_cells(add),
    text=_binder_text,
    notation=_big("∑"),
    numpy=_sum_code,
    written=binds(SIGN),
    samples=("Sum(i, X[i, :].T @ X[i, :]) @ X.T", "Sum(i, Sum(j, X[i, j] ** 2)) * X"),
    bad=("Sum(i, 1)", "Sum(1, X)", "Sum(i)", "Sum(i, X[i, i])", "Sum(X, X)"),
)
register(
    name="Prod",
    flops=lambda e: Flops.of(sum_index(e)[1], *e.shape),
    tensors="whole",
    build=lambda call: call.bound(_product),
    usage="Prod(i, x[i])",
    law="the slope of a product by one factor is the product of the others",
    source="product rule",
    lower=_product_lower,
    explicit=_gathered_cells(mul),
    text=_binder_text,
    notation=_big("∏"),
    numpy=_product_code,
    patterned=False,
    written=binds(SIGN),
    samples=(
        "Prod(i, x[i]) * x",
        "Prod(i, 1 + X[i, 1] * x[i]) * X",
        "Sum(j, Prod(i, X[i, j])) * X",
        "Prod(i, X[i, :]) @ X.T",
        "sum(Prod(j, 1 + T[:, j, :])) * X",
    ),
    bad=("Prod(i, 2)", "Prod(1, X)", "Prod(i)", "Prod(i, X[i, i])"),
)
