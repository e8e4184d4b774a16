"""Table entries of entries, rows, columns, and sums over a named index."""

from __future__ import annotations

from collections.abc import Sequence

from ..cells import entry_at
from ..counting import Flops, free
from ..expr import Expr, Index, sum_index
from ..notation.math import TRANSPOSE, Big, Math, Op, Script, Sym, row, sub, sup
from ..shapes import ONE, Dim, Shape
from ..tensor import COLUMN, ROW, Factor, Label, Value, contract, product, unit
from .base import (
    ATOM,
    PRODUCT,
    SIGN,
    Cells,
    Codes,
    Operator,
    Place,
    Texts,
    Writes,
    binds,
    broadcast,
    register,
)

_LAW = "an entry, row or column is a product with unit vectors"


def _pick(value: Value, shape: Shape, picks: Sequence[tuple[Index, Dim] | None]) -> Value:
    """Return an entry, row or column: a pick of a named index, of a position, or of nothing."""
    marks: list[Label] = [ROW, COLUMN]
    loosen: dict[str, Dim] = {}
    extra: list[Factor] = []
    for end, pick in enumerate(picks):
        if pick is None or pick[1] == ONE:
            continue
        index, dim = pick
        if isinstance(index, str):
            marks[end], loosen[index] = index, dim
        else:
            marks[end] = ("at", end)
            extra.append(Factor(unit(index, dim), (marks[end],)))
    return product([(value, marks[0], marks[1])], shape, extra=extra, loosen=loosen)


def _entry_lower(e: Expr, args: Sequence[Value]) -> Value:
    if len(e.args[0].shape) > 2:
        return _tensor_entry(e, args[0])
    i, j = _pair(e)
    rows, cols = e.args[0].shape
    return _pick(args[0], e.shape, ((i, rows), (j, cols)))


def _tensor_entry(e: Expr, value: Value) -> Value:
    loose = dict(value.loose)
    marks: list[Label] = list(loose)
    extra: list[Factor] = []
    for k, (index, dim) in enumerate(zip(_place(e), e.args[0].shape, strict=True)):
        if dim == ONE:
            continue
        if isinstance(index, str):
            loose[index] = dim
            marks.append(index)
        else:
            marks.append(("at", k))
            extra.append(Factor(unit(index, dim), (marks[-1],)))
    dims: dict[Label, Dim] = dict(zip(marks, value.term.dims, strict=True))
    dims.update(loose)
    left = tuple(sorted(loose.items()))
    term = contract([Factor(value.term, tuple(marks)), *extra], [n for n, _ in left], dims)
    return Value(term, e.shape, left)


def _place(e: Expr) -> tuple[Index, ...]:
    assert isinstance(e.data, tuple)
    return e.data


def _pair(e: Expr) -> tuple[Index, Index]:
    assert isinstance(e.data, tuple)
    return e.data[0], e.data[1]


def _index(e: Expr) -> Index:
    assert isinstance(e.data, str | int)
    return e.data


def _entry_text(e: Expr, text: Texts) -> str:
    if len(e.args[0].shape) > 2:
        return f"{text(e.args[0], ATOM)}[{', '.join(map(str, _place(e)))}]"
    i, j = _pair(e)
    inside = f"{i}" if e.args[0].shape[1] == ONE and j == 1 else f"{i}, {j}"
    return f"{text(e.args[0], ATOM)}[{inside}]"


def _entry_notation(e: Expr, write: Writes) -> Math:
    source = e.args[0]
    place = _place(e)
    kept = [x for x, d in zip(place, source.shape, strict=True) if d != ONE] or [place[0]]
    parts: list[Math] = [write.index(x) for x in kept]
    return sub(write.inner(source), row(*parts))


def _entry_code(e: Expr, code: Codes) -> str:
    shape = e.args[0].shape
    pairs = zip(_place(e), shape, strict=True)
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
        return f"{source}[{code.index(_index(e))}]"
    return f"{source}[:, {code.index(_index(e))}]"


def _line_notation(e: Expr, write: Writes) -> Math:
    mark = write.index(_index(e))
    if e.args[0].op == "eye":
        unit = Script(Sym("e", bold=True), sub=mark)
        return sup(unit, TRANSPOSE) if e.op == "row" else unit
    dots = Op(":")
    return sub(write.inner(e.args[0]), row(mark, dots) if e.op == "row" else row(dots, mark))


def _row_cells(e: Expr, args: Sequence[Cells], at: Place) -> Cells:
    return [list(args[0][at.position(_index(e)) - 1])]


def _column_cells(e: Expr, args: Sequence[Cells], at: Place) -> Cells:
    return [[r[at.position(_index(e)) - 1]] for r in args[0]]


def _entry_cells(e: Expr, args: Sequence[Cells], at: Place) -> Cells:
    return [[entry_at(args[0], [at.position(i) for i in _place(e)])]]


register(
    Operator(
        name="entry",
        flops=free,
        tensors="whole",
        usage="X[i, j], T[i, j, k]",
        law=_LAW,
        source="definition",
        level=binds(ATOM),
        lower=_entry_lower,
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
        ),
        bad=(
            "X[0, 1]",
            "X[1.5, 1]",
            "X[1, 2, 3]",
            "X[i, j]",
            "X[1]",
            "s[1, 1, 1]",
            "T[1, 2]",
            "T[1, :, 2]",
        ),
    )
)
register(
    Operator(
        name="row",
        flops=free,
        usage="X[i, :]",
        law=_LAW,
        source="definition",
        level=binds(ATOM),
        lower=lambda e, args: _pick(args[0], e.shape, ((_index(e), e.args[0].shape[0]), None)),
        explicit=_row_cells,
        text=lambda e, text: f"{text(e.args[0], ATOM)}[{e.data}, :]",
        notation=_line_notation,
        numpy=_line_code,
        samples=("X[1, :] @ X.T", "Sum(i, X[i, :].T @ X[i, :]) @ X.T"),
        bad=("X[0, :]", "X[1:2, :]", "X[:, :]", "X[i, :]"),
    )
)
register(
    Operator(
        name="column",
        flops=free,
        usage="X[:, j]",
        law=_LAW,
        source="definition",
        level=binds(ATOM),
        lower=lambda e, args: _pick(args[0], e.shape, (None, (_index(e), e.args[0].shape[1]))),
        explicit=_column_cells,
        text=lambda e, text: f"{text(e.args[0], ATOM)}[:, {e.data}]",
        notation=_line_notation,
        numpy=_line_code,
        samples=("X[:, 1].T @ X", "Sum(j, X[:, j] @ X[:, j].T) @ X"),
        bad=("X[:, 0]", "X[:, 'a']", "X[:, 1, 2]"),
    )
)


def _sum_cells(e: Expr, args: Sequence[Cells], at: Place) -> Cells:
    result, *others = at.over(e)
    for cells in others:
        result = broadcast([result, cells], lambda x, y: x + y)
    return result


def _sum_notation(e: Expr, write: Writes) -> Math:
    lower, upper = write.limits(*sum_index(e))
    body = write(e.args[0], PRODUCT)
    return Big("∑", lower, upper, body)


def _sum_code(e: Expr, code: Codes) -> str:
    name, dim = sum_index(e)
    return f"sum({code(e.args[0])} for {code.index(name)} in range({code.size(dim)}))"


register(
    Operator(
        name="Sum",
        flops=lambda e: Flops.of(sum_index(e)[1], *e.shape),
        tensors="whole",
        build=lambda call: call.bound_sum(),
        usage="Sum(i, x[i])",
        law="linearity: a finite sum is differentiated term by term",
        source="elementary calculus",
        level=binds(ATOM),
        lower=lambda e, args: product([(args[0], ROW, COLUMN)], e.shape, bind=dict([sum_index(e)])),
        explicit=_sum_cells,
        text=lambda e, text: f"Sum({sum_index(e)[0]}, {text(e.args[0])})",
        notation=_sum_notation,
        numpy=_sum_code,
        written=binds(SIGN),
        samples=("Sum(i, X[i, :].T @ X[i, :]) @ X.T", "Sum(i, Sum(j, X[i, j] ** 2)) * X"),
        bad=("Sum(i, 1)", "Sum(1, X)", "Sum(i)", "Sum(i, X[i, i])", "Sum(X, X)"),
    )
)
