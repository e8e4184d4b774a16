"""Table entries of what has no arguments: numbers, names, sizes, constant matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

from ..core.cells import built
from ..core.errors import UnsupportedError
from ..core.expr import Expr, column, eye, node, number
from ..core.expr import delta as kronecker
from ..core.shapes import ONE, Dim, Shape, parts_of, trimmed
from ..notation.math import TRANSPOSE, Fence, Frac, Math, Num, Op, Script, Sym, Word, row, sup
from ..tensor import Factor, Scale, Value, constant, contract, delta, leaf, product, unit, zero
from .base import (
    ATOM,
    PRODUCT,
    SIGN,
    Application,
    Cells,
    Codes,
    EntryPlace,
    Texts,
    Writes,
    letter_or_word,
    register,
)
from .flops import free

_LARGEST_INTEGER = 2**53


def axes(shape: Shape) -> tuple[Dim, ...]:
    """Return the dimensions that are axes of a term: those that are not 1."""
    return tuple(d for d in shape if d != ONE)


def decimal(value: Fraction) -> str | None:
    """Return a short terminating decimal of a fraction, or None.

    >>> decimal(Fraction(1, 2)), decimal(Fraction(-5, 4)), decimal(Fraction(1, 3))
    ('0.5', '-1.25', None)
    """
    # Of many places only where the writer must have thought in tens: 0.044715, but 1/64.
    for places in range(1, 5 if value.denominator % 5 else 10):
        shifted = value * 10**places
        if shifted.denominator == 1:
            digits = str(abs(shifted.numerator)).rjust(places + 1, "0")
            return f"{'-' * (value < 0)}{digits[:-places]}.{digits[-places:]}"
    return None


def _size_symbol(name: str) -> Math:
    if name[0] != "(":
        return Sym(name)
    items: list[Math] = []
    for part in parts_of(name):
        sign = Op("−" if part.coefficient < 0 else "+")
        body = size_notation(Dim(abs(part.coefficient), part.symbols))
        items += [sign, body] if items else [body]
    return Fence("(", row(*items), ")")


def size_text(dim: Dim) -> str:
    """Return a size as an argument is written: without parentheses around all of it.

    >>> from symderiv.core.shapes import difference, symbol
    >>> size_text(difference([symbol("n")], [ONE]))
    'n - 1'
    """
    text = str(dim)
    single = dim.coefficient == 1 and len(dim.symbols) == 1 and text[0] == "("
    return text[1:-1] if single else text


def told_size(dim: Dim) -> Math:
    """Return a size as a constant says it: a product with its signs, as it is one size."""
    single = len(dim.symbols) + (dim.coefficient != 1) < 2
    parts = [dim] if single else [Dim(dim.coefficient, ())] * (dim.coefficient != 1)
    parts += [] if single else [Dim(1, (s,)) for s in dim.symbols]
    return row(*[x for d in parts for x in (Op("·"), size_notation(d))][1:])


def size_notation(dim: Dim) -> Math:
    """Return a dimension as notation."""
    numbers: list[Math] = [Num(str(dim.coefficient))]
    # A d stands last: in front of another letter it would be the sign of a differential.
    symbols = [_size_symbol(s) for s in sorted(dim.symbols, key=lambda s: s == "d")]
    return row(*(symbols if symbols and dim.coefficient == 1 else numbers + symbols))


def _leaf(**changes: Any) -> None:
    entry = {"law": "a constant does not depend on the variable", "source": "definition", **changes}
    register(**entry)


def _number_text(e: Expr, text: object) -> str:
    value = number(e)
    if value.denominator == 1:
        return str(value.numerator)
    return decimal(value) or f"({value.numerator} / {value.denominator})"


def _number_code(e: Expr, code: object) -> str:
    """Return a number as NumPy takes it: what no machine integer holds, as a float."""
    value = number(e)
    if abs(value) < _LARGEST_INTEGER:
        return _number_text(e, code)
    try:
        return repr(float(value))
    except OverflowError:
        raise UnsupportedError(
            f"a number of {len(str(abs(int(value))))} digits does not fit into a float",
            remedy="numbers in code are smaller than 1e308",
        ) from None


def _number_notation(e: Expr, write: Writes) -> Math:
    value = abs(number(e))
    short = decimal(value) if value.denominator > 1000 else None
    body: Math = Num(short or str(value.numerator))
    if value.denominator != 1 and not short:
        body = Frac(body, Num(str(value.denominator)))
    return row(Op("−"), body) if number(e) < 0 else body


_leaf(
    name="num",
    plain=True,
    flops=free,
    usage="2, 0.5",
    level=lambda e: SIGN if number(e) < 0 else ATOM,
    lower=lambda e, args: Value(constant(Scale(number(e))), e.shape),
    explicit=lambda e, args, at: [[at.math.number(number(e))]],
    text=_number_text,
    notation=_number_notation,
    numpy=_number_code,
    samples=("2 * X", "0.5 * X", "X / 3"),
    bad=("1e400 * X", "2j * X", "'2' * X", "True * X"),
)
_leaf(
    name="var",
    plain=True,
    flops=free,
    tensors="whole",
    usage="X",
    law="the entries of a variable are independent",
    lower=lambda e, args: Value(leaf(e, axes(e.shape)), e.shape),
    explicit=lambda e, args, at: at.given(e),
    text=lambda e, text: str(e.data),
    notation=lambda e, write: write.symbol(e),
    numpy=lambda e, code: code.name(e),
    samples=("X",),
    bad=("X.real", "X?"),
)


def _size(e: Expr) -> Dim:
    assert isinstance(e.data, Dim)
    return e.data


_leaf(
    name="size",
    flops=free,
    usage="n",
    level=lambda e: ATOM if _size(e) == (1, _size(e).symbols[:1]) else PRODUCT,
    lower=lambda e, args: Value(constant(Scale.of(_size(e))), e.shape),
    explicit=lambda e, args, at: [[at.math.number(Fraction(at.size(_size(e))))]],
    text=lambda e, text: str(e.data),
    notation=lambda e, write: size_notation(_size(e)),
    numpy=lambda e, code: code.size(_size(e)),
    samples=("X / n", "n * d * X"),
    bad=("n()",),
)
_leaf(
    name="const",
    flops=free,
    usage="pi, e",
    lower=lambda e, args: Value(leaf(e, ()), e.shape),
    explicit=lambda e, args, at: [[at.math.constant(str(e.data))]],
    text=lambda e, text: str(e.data),
    # Upright, as ISO 80000-2 has it: an e in italics is a name.
    notation=lambda e, write: Word("e", function=False) if e.data == "e" else Sym(str(e.data)),
    numpy=lambda e, code: f"np.{e.data}",
    samples=("pi * X",),
    bad=("pi(X)",),
)


def _build_constant(name: str) -> Callable[[Application], Expr]:
    def build(call: Application) -> Expr:
        count = call.expect(1, 8)
        dims = tuple(map(call.dim, range(count)))
        return node(name, (), trimmed(dims if count > 1 else (*dims, ONE)))

    return build


def _build_eye(call: Application) -> Expr:
    call.expect(1)
    return eye(call.dim(0))


def _build_onehot(call: Application) -> Expr:
    call.expect(2)
    dim = call.dim(1)
    place = call.index(0, dim)
    if isinstance(place, int):
        return node("onehot", (), (dim, ONE), place)
    return column(eye(dim), place)


def _build_delta(call: Application) -> Expr:
    call.expect(2)
    return kronecker(*call.indices())


def _filled(e: Expr, at: EntryPlace, value: int) -> Cells:
    cell = at.math.number(Fraction(value))
    filled: Cells = built([at.size(d) for d in e.shape], lambda *place: cell)
    return filled


def _shape_text(e: Expr, text: Texts) -> str:
    dims = e.shape[:1] if len(e.shape) == 2 and e.shape[1] == ONE else e.shape
    return f"{e.op}({', '.join(map(size_text, dims))})"


def _ones_notation(e: Expr, write: Writes) -> Math:
    one = Sym("1", bold=True)
    if len(e.shape) > 2:
        marks = [x for d in e.shape for x in (Op("×"), told_size(d))][1:]
        return Script(one, sub=row(*marks))
    if e.shape == (ONE, ONE):
        return Num("1")
    up, across = (Script(one, sub=told_size(d)) if write.sized else one for d in e.shape)
    ends = [up] * (e.shape[0] != ONE) + [sup(across, TRANSPOSE)] * (e.shape[1] != ONE)
    return row(*ends)


def _zeros_notation(e: Expr, write: Writes) -> Math:
    nought = Sym("0", bold=True)
    if not write.sized or e.shape == (ONE, ONE):
        return nought
    dims = [told_size(d) for d in e.shape if d != ONE or e.shape[0] == ONE]
    return Script(nought, sub=row(*[x for d in dims for x in (Op("×"), d)][1:]))


def _eye_notation(e: Expr, write: Writes) -> Math:
    sizes = [told_size(e.shape[0])]
    letter = Script(Sym("I"), sub=sizes[0]) if write.sized else Sym("I")
    return letter_or_word("I", "eye", lambda e: sizes, letter)(e, write)


_leaf(
    name="ones",
    flops=free,
    build=_build_constant("ones"),
    usage="ones(n, m)",
    lower=lambda e, args: Value(constant(Scale(), axes(e.shape)), e.shape),
    explicit=lambda e, args, at: _filled(e, at, 1),
    text=_shape_text,
    notation=_ones_notation,
    written=lambda e: ATOM if ONE in e.shape or len(e.shape) > 2 else PRODUCT,
    numpy=lambda e, code: code.filled(e, "ones"),
    samples=("ones(n, d) + X", "ones(n).T @ X", "ones(n) @ ones(d).T * X", "ones(t, n, d) * X"),
    bad=("ones()", "ones(X)", "ones(0)"),
)


_leaf(
    name="zeros",
    flops=free,
    build=_build_constant("zeros"),
    usage="zeros(n, m)",
    lower=lambda e, args: Value(zero(axes(e.shape)), e.shape),
    explicit=lambda e, args, at: _filled(e, at, 0),
    text=_shape_text,
    notation=_zeros_notation,
    numpy=lambda e, code: code.filled(e, "zeros"),
    samples=("zeros(n, d) + X",),
    bad=("zeros()", "zeros(X)"),
)


def _identity(e: Expr, args: Sequence[Value]) -> Value:
    labels = tuple(range(len(axes(e.shape))))
    factors = [Factor(delta(e.shape[0]), labels)] if labels else []
    return Value(contract(factors, labels, dict(enumerate(axes(e.shape)))), e.shape)


def _indicator(rows: int, cols: int, at: EntryPlace, hit: Any) -> Cells:
    return [[at.math.number(Fraction(int(hit(i, j)))) for j in range(cols)] for i in range(rows)]


_leaf(
    name="eye",
    flops=free,
    build=_build_eye,
    usage="eye(n)",
    lower=_identity,
    explicit=lambda e, args, at: _indicator(
        at.size(e.shape[0]), at.size(e.shape[1]), at, lambda i, j: i == j
    ),
    text=lambda e, text: f"eye({size_text(e.shape[0])})",
    notation=_eye_notation,
    numpy=lambda e, code: code.filled(e, "eye"),
    samples=("A + eye(n)", "(A - 2 * eye(n)) @ X"),
    bad=("eye()", "eye(n, d)", "eye(A)"),
)
_leaf(
    name="onehot",
    flops=free,
    build=_build_onehot,
    usage="onehot(1, n)",
    lower=lambda e, args: Value(unit(int(str(e.data)), e.shape[0]), e.shape),
    explicit=lambda e, args, at: _indicator(
        at.size(e.shape[0]), 1, at, lambda i, j: i + 1 == e.data
    ),
    text=lambda e, text: f"onehot({e.data}, {size_text(e.shape[0])})",
    notation=lambda e, write: letter_or_word(
        "e",
        "onehot",
        lambda e: [Num(str(e.data)), size_notation(e.shape[0])],
        Script(Sym("e", bold=True), sub=Num(str(e.data))),
    )(e, write),
    numpy=lambda e, code: code.filled(e, "onehot"),
    samples=("onehot(1, n).T @ X", "onehot(1, n) @ onehot(1, d).T * X"),
    bad=("onehot(n)", "onehot(0, n)", "onehot(5, 3)", "onehot(1.5, n)", "onehot(X, n)"),
)


def _delta_parts(e: Expr) -> tuple[str | int, str | int, Dim]:
    assert isinstance(e.data, tuple)
    return e.data


def _delta_lower(e: Expr, args: Sequence[Value]) -> Value:
    i, j, dim = _delta_parts(e)
    if isinstance(i, int) and isinstance(j, int):
        return Value(constant(Scale(Fraction(int(i == j)))), e.shape)
    loosen = {x: dim for x in (i, j) if isinstance(x, str)}
    if len(loosen) == 2 or i == j:
        extra = [Factor(delta(dim), (i, j))]
    else:
        extra = [Factor(unit(x, dim), (y,)) for x, y in ((i, j), (j, i)) if isinstance(x, int)]
    return product([], e.shape, extra=extra, loosen=loosen)


def _delta_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    i, j, _ = _delta_parts(e)
    return [[at.math.number(Fraction(int(at.position(i) == at.position(j))))]]


def _delta_notation(e: Expr, write: Writes) -> Math:
    marks = [write.index(x) for x in _delta_parts(e)[:2]]
    short = Script(Sym("delta"), sub=row(*marks))
    return letter_or_word("δ", "kronecker", lambda e: marks, short)(e, write)


def _delta_code(e: Expr, code: Codes) -> str:
    i, j, _ = _delta_parts(e)
    return f"float({code.index(i)} == {code.index(j)})"


_leaf(
    name="delta",
    flops=free,
    build=_build_delta,
    usage="delta(i, j)",
    law="sifting: a sum over an index with a delta picks one term",
    source="definition; Kronecker's delta",
    lower=_delta_lower,
    explicit=_delta_cells,
    text=lambda e, text: "delta({}, {})".format(*_delta_parts(e)[:2]),
    notation=_delta_notation,
    numpy=_delta_code,
    samples=("Sum(i, Sum(j, delta(i, j) * A[i, j])) * X",),
    bad=("delta(1)", "Sum(i, delta(i, 1.5))", "delta(X, A)"),
)
