"""Table entries of the operator signs: sums, products, quotients, powers, transpose, matmul."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import ClassVar

from ..core.cells import turned_over
from ..core.expr import BINDERS, Expr, node, num, number, power, transpose
from ..core.shapes import ONE, SCALAR, Dim, Shape, Unifier
from ..notation.math import (
    TRANSPOSE,
    Fence,
    Frac,
    Math,
    Num,
    Op,
    Root,
    Row,
    Script,
    Sym,
    Tint,
    Under,
    row,
    sup,
)
from ..tensor import (
    COLUMN,
    INNER,
    ROW,
    Scale,
    Term,
    Value,
    add,
    call,
    monomial,
    product,
    scaled,
    spread,
)
from .base import (
    ATOM,
    POWER,
    PRODUCT,
    SIGN,
    SUM,
    Cells,
    Codes,
    EntryPlace,
    Pointwise,
    Texts,
    Writes,
    binds,
    broadcast,
    is_indicator,
    is_plain,
    register,
    total,
)
from .exact_work import products
from .flops import free, pairwise, product_flops
from .reductions import beside_ones

_MINUS = Scale(Fraction(-1))
_BOOK = "Petersen and Pedersen, The Matrix Cookbook (2012)"


def _signed(e: Expr) -> tuple[bool, Expr]:
    if e.is_negative:
        return True, e.args[0]
    if e.is_number and number(e) < 0:
        return True, num(-number(e))
    if e.is_hadamard and e.args[0].is_number and number(e.args[0]) < 0:
        head = num(-number(e.args[0]))
        rest = e.args[1:]
        positive = rest if number(head) == 1 else (head, *rest)
        whole = positive[0] if len(positive) == 1 else node("mul", positive, e.shape)
        return True, whole
    return False, e


def _add_lower(e: Expr, args: Sequence[Value]) -> Value:
    parts = spread(args, e.shape)
    return Value(add([p.term for p in parts]), e.shape, parts[0].loose)


def _last_alone(args: Sequence[Expr]) -> int:
    """Return how many operands can be read from the left; the others are grouped.

    ``A * x`` of a square A and a column x is refused, so that A * x * x.T is A * (x * x.T).
    """
    shape: Shape = SCALAR
    for k, a in enumerate(args):
        if shape[-2] == shape[-1] != ONE and a.shape == (shape[-2], ONE) and k < len(args) - 1:
            return k
        shape = Unifier().broadcast(shape, a.shape)
    return len(args)


def _in_groups(e: Expr, text: Texts, sign: str, level: int) -> str | None:
    """Return the text of a chain whose later operands have to be grouped, or None."""
    alone = _last_alone(e.args)
    if alone == len(e.args):
        return None
    parts = []
    for args in (e.args[:alone], e.args[alone:]):
        shape = reduce(Unifier().broadcast, (a.shape for a in args))
        parts.append(args[0] if len(args) == 1 else node(e.op, args, shape))
    return f"{text(parts[0], level)} {sign} ({text(parts[1])})"


def _add_text(e: Expr, text: Texts) -> str:
    grouped = _in_groups(e, text, "+", SUM)
    if grouped is not None:
        return grouped
    pieces = []
    for k, term in enumerate(e.args):
        minus, body = _signed(term)
        sign = ("-" if minus else "") if not k else (" - " if minus else " + ")
        pieces.append(sign + text(body, PRODUCT if minus else SIGN))
    return "".join(pieces)


def _add_notation(e: Expr, write: Writes) -> Math:
    items: list[Math] = []
    for k, term in enumerate(e.args):
        minus, body = _signed(term)
        if k or minus:
            items.append(Op("−" if minus else "+"))
        items.append(write.spread(body, e, _behind_minus(body) if minus else SIGN))
    return row(*items)


def _behind_minus(body: Expr) -> int:
    """Return how tightly notation must bind behind a minus: that of a sum over i is in front."""
    return SIGN if body.op in BINDERS else PRODUCT


_WIDEST = 100  # terms of a sum in code that are added one by one


def _add_code(e: Expr, code: Codes) -> str:
    pieces = []
    for k, term in enumerate(e.args):
        minus, body = _signed(term)
        sign = ("-" if minus else "") if not k else (" - " if minus else " + ")
        level = (PRODUCT if k else _below_minus(body)) if minus else SIGN
        pieces.append(sign + code.spread(body, e, level))
    if len(pieces) <= _WIDEST:
        return "".join(pieces)
    # Each sign nests what stands before it, and Python reads no more than so many levels.
    signed = [p.removeprefix(" + ").replace(" - ", "-", 1) if p[0] == " " else p for p in pieces]
    groups = [signed[k : k + _WIDEST] for k in range(0, len(signed), _WIDEST)]
    return " + ".join("(" + " + ".join(g) + ")" for g in groups)


def _below_minus(body: Expr) -> int:
    """Return how tightly code must bind behind a minus: NumPy negates no comparison."""
    first = body
    while first.is_scaled:
        first = first.args[0]
    return POWER if is_indicator(first) else PRODUCT


register(
    name="add",
    entrywise=True,
    plain=True,
    flops=pairwise,
    tensors="batch",
    usage="x + y",
    law="linearity: the derivative of a sum is the sum of the derivatives",
    source=f"{_BOOK}, eq. 34",
    level=binds(SUM),
    lower=_add_lower,
    explicit=lambda e, args, at: reduce(lambda a, b: broadcast([a, b], lambda x, y: x + y), args),
    text=_add_text,
    notation=_add_notation,
    numpy=_add_code,
    samples=("X + 2 * X", "X - ones(n) @ x.T @ A @ X", "X + s", "x + x", "3 - X"),
    bad=("X + A @ X.T", "X + A", "A + x", "x + X.T"),
)
register(
    name="neg",
    linear=True,
    entrywise=True,
    plain=True,
    flops=free,
    tensors="batch",
    usage="-x",
    law="linearity",
    source=f"{_BOOK}, eq. 33",
    level=binds(SIGN),
    lower=lambda e, args: Value(scaled(args[0].term, _MINUS), e.shape, args[0].loose),
    explicit=lambda e, args, at: broadcast([args[0]], lambda x: -x),
    text=lambda e, text: "-" + text(e.args[0], PRODUCT),
    notation=lambda e, write: row(Op("−"), write(e.args[0], _behind_minus(e.args[0]))),
    numpy=lambda e, code: "-" + code(e.args[0], _below_minus(e.args[0])),
    samples=("-X", "-(X + X)"),
    bad=("~X", "not X"),
)


def _mul_text(e: Expr, text: Texts) -> str:
    grouped = _in_groups(e, text, "*", PRODUCT)
    if grouped is not None:
        return grouped
    last = len(e.args) - 1
    scalars_only = all(a.is_scalar for a in e.args[:last])
    if e.is_scalar:  # (u.T @ A @ u) * (v.T @ B @ v): one product alone may go without parentheses
        scalars_only = all(not a.is_matrix_product for a in e.args[:last])
    pieces = []
    for k, factor in enumerate(e.args):
        joins = _has_bare_product(factor) if k else factor.is_matrix_product
        loose = joins and not (k == last and scalars_only)
        pieces.append(text(factor, POWER if loose or (k and factor.is_negative) else PRODUCT))
    return " * ".join(pieces)


def _has_bare_product(e: Expr) -> bool:
    """Whether what stands before the text of an expression would join its matrix product."""
    while e.is_quotient or (e.is_hadamard and all(a.is_scalar for a in e.args[:-1])):
        e = e.args[0] if e.is_quotient else e.args[-1]
    return e.is_matrix_product


def _mul_notation(e: Expr, write: Writes) -> Math:
    items: list[Math] = []
    for k, factor in enumerate(e.args):
        wide = factor.op in BINDERS and k < len(e.args) - 1
        level = ATOM if wide or (k and factor.is_number and number(factor) < 0) else PRODUCT
        both = k and not factor.is_scalar and not e.args[k - 1].is_scalar
        digits = k and factor.is_number and number(factor) >= 0
        if both or digits:
            items.append(Op("⊙" if both else "·"))
        loose = not factor.is_scalar and (factor.op == "kron" or _has_bare_product(factor))
        tight = ATOM if loose and _entrywise(e) else level
        written = write.spread(factor, e, tight)
        if k and not (both or digits) and _ends_in_d(e.args[k - 1]) and _is_letter(written):
            items.append(Op("·"))  # d X would be the differential of X
        items.append(written)
    return row(*items)


def _is_letter(math: Math) -> bool:
    """Whether a formula begins with a letter, or with a parenthesis that d could be applied to."""
    if isinstance(math, Row):
        return _is_letter(math.items[0])
    if isinstance(math, Tint | Under):
        return _is_letter(math.body)
    return isinstance(math.base if isinstance(math, Script) else math, Sym | Fence)


def _ends_in_d(factor: Expr) -> bool:
    """Whether a factor ends in the letter d, the sign of a differential before a name."""
    if factor.op == "size":
        assert isinstance(factor.data, Dim)
        return factor.data.symbols[-1:] == ("d",) or "d" in factor.data.symbols
    return factor.is_symbol and str(factor.data) == "d"


def _entrywise(e: Expr) -> bool:
    return sum(not a.is_scalar for a in e.args) > 1


def _mul_code(e: Expr, code: Codes) -> str:
    # Beside another factor a comparison can stay one: NumPy multiplies by it as by 0 and 1.
    plain = any(not is_indicator(a) and not is_plain(a) for a in e.args)
    bare = [a for a in e.args if plain and is_indicator(a) and not code.is_named(a)]
    bare = [a for a in bare if a.shape == e.shape]
    first = next((a for a in e.args if not is_plain(a)), None)
    # A number times a comparison would be in double precision: that stands behind then.
    late = bare if first in bare and first is not e.args[0] else []
    pieces = []
    for k, a in enumerate([*(a for a in e.args if a not in late), *late]):
        if a in bare:
            left, right = (code.spread(x, a) for x in a.args[:2])
            pieces.append(f"({left} {a.data} {right})")
        else:
            loose = k and a.op in ("matmul", "neg", "mul", "div")
            pieces.append(code.spread(a, e, POWER if loose else PRODUCT))
    return " * ".join(pieces)


register(
    name="mul",
    entrywise=True,
    flops=pairwise,
    tensors="batch",
    usage="x * y",
    law="product rule, entry by entry",
    source="Magnus and Neudecker, Matrix Differential Calculus (2019), ch. 8, Hadamard product",
    level=binds(PRODUCT),
    lower=lambda e, args: product([(a, ROW, COLUMN) for a in args], e.shape),
    explicit=lambda e, args, at: reduce(lambda a, b: broadcast([a, b], lambda x, y: x * y), args),
    text=_mul_text,
    notation=_mul_notation,
    numpy=_mul_code,
    samples=("X * X", "s * X", "(ones(n) @ x.T @ A @ X) * X", "x * (A @ x / 3)", "x * x.T"),
    bad=("X * A @ A", "X * X.T", "A * x"),
)


def _div_text(e: Expr, text: Texts) -> str:
    over, under = e.args
    # Python reads -2 / 3 without parentheses, and so do people.
    return f"{text(over, SIGN if over.is_number else PRODUCT)} / {text(under, POWER)}"


def _div_notation(e: Expr, write: Writes) -> Math:
    over, under = e.args
    if under.is_scalar:
        if not over.is_scalar and not over.is_number:
            level = PRODUCT if over.is_matrix_product else POWER  # (1/n) Xᵀ G is a product
            return row(Frac(Num("1"), write(under)), write(over, level))
        return Frac(write(over), write(under))
    if over.is_scalar:
        return row(write(over, POWER), Op("⊘"), write.spread(under, e, ATOM))
    return row(write.spread(over, e, ATOM), Op("⊘"), write.spread(under, e, ATOM))


def _div_code(e: Expr, code: Codes) -> str:
    over, under = e.args
    return f"{code.spread(over, e, PRODUCT)} / {code.spread(under, e, POWER)}"


register(
    name="div",
    linear=True,
    entrywise=True,
    singular=1,
    tensors="batch",
    usage="x / y",
    law="quotient rule, entry by entry",
    source=f"{_BOOK}, eq. 39 with the power rule",
    level=binds(PRODUCT),
    lower=lambda e, args: product([(a, ROW, COLUMN) for a in args], e.shape, exponents=(1, -1)),
    explicit=lambda e, args, at: broadcast(args, lambda x, y: x / y),
    text=_div_text,
    notation=_div_notation,
    numpy=_div_code,
    samples=("X / s", "1 / X", "X / (ones(n) @ ones(d).T + X * X)", "x / sum(x)"),
    bad=("X / A @ A", "X // 2", "X / 0", "X % 2"),
    domain="positive",
)


@dataclass(frozen=True)
class PowerCall:
    """The entrywise power with an exponent that is not a number."""

    name: str = "pow"
    data: None = None
    entrywise: ClassVar[bool] = True

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the cotangent times y x^(y-1), or times x^y log x."""
        base, exponent = node.children
        if position == 1:
            log = Pointwise(base).apply("log").term
            return monomial((cotangent, 1), (node, 1), (log, 1))
        lower = (Pointwise(exponent) - 1).term
        rest = call(self, (base, lower), node.dims)
        return monomial((cotangent, 1), (exponent, 1), (rest, 1))

    def rebuild(self, args: tuple[Expr, ...]) -> Expr:
        """Return the call as an expression."""
        return power(*args)


def rational(x: Expr) -> Fraction | None:
    """Return the number that is written, also as a quotient; None for anything else."""
    if x.is_number:
        return number(x)
    parts = [rational(a) for a in x.args] if x.op in ("neg", "div") else []
    known = [p for p in parts if p is not None]
    if not parts or len(known) < len(parts):
        return None
    if x.is_negative:
        return -known[0]
    return known[0] / known[1] if known[1] else None


def _pow_lower(e: Expr, args: Sequence[Value]) -> Value:
    exponent = rational(e.args[1])
    if exponent is not None:
        return product([(args[0], ROW, COLUMN)], e.shape, exponents=(exponent,))
    parts = spread(args, e.shape)
    term = call(PowerCall(), tuple(p.term for p in parts), parts[0].term.dims)
    return Value(term, e.shape, parts[0].loose)


def _pow_notation(e: Expr, write: Writes) -> Math:
    base, exponent = e.args
    if base.is_scalar and exponent.is_number and number(exponent) == Fraction(1, 2):
        return Root(write(base))
    plain = base.is_scalar and exponent.is_scalar
    mark = row(write(exponent)) if plain else row(Op("⊙"), write(exponent, POWER))
    body = write(base, ATOM)
    # The square of dx is not the change of a square.
    return sup(Fence("(", body, ")") if base.op == "differential" else body, mark)


def _pow_text(e: Expr, text: Texts) -> str:
    base, exponent = e.args
    # Python reads x ** -1 without parentheses, and so do people.
    return f"{text(base, ATOM)} ** {text(exponent, SIGN if exponent.is_number else POWER)}"


def _pow_code(e: Expr, code: Codes) -> str:
    base, exponent = e.args
    if exponent.is_number and number(exponent) == Fraction(1, 2):
        return f"np.sqrt({code(base)})"
    level = SIGN if exponent.is_number else POWER
    return f"{code.spread(base, e, ATOM)} ** {code.spread(exponent, e, level)}"


register(
    name="pow",
    entrywise=True,
    tensors="batch",
    usage="x ** y",
    law="power rule, entry by entry",
    source="elementary calculus",
    level=binds(POWER),
    lower=_pow_lower,
    explicit=lambda e, args, at: broadcast(args, at.math.power),
    text=_pow_text,
    notation=_pow_notation,
    numpy=_pow_code,
    samples=("X ** 2", "X ** 3", "X ** -1", "X ** s", "2 ** X", "X ** 0.5"),
    bad=("X ** A", "X ^ 2", "A ** -1 ** X.T"),
    domain="positive",
)


def _matmul_lower(e: Expr, args: Sequence[Value]) -> Value:
    count = len(args)
    marks = [ROW, *(INNER + k for k in range(count - 1)), COLUMN]
    return product([(a, marks[k], marks[k + 1]) for k, a in enumerate(args)], e.shape)


def _matmul_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    def times(a: Cells, b: Cells) -> Cells:
        return [[total([x * y for x, y in zip(r, c, strict=True)]) for c in zip(*b)] for r in a]

    # Fractions are the same in any order of multiplying: a vector in a chain keeps it short.
    exact = len(args) > 2 and all(isinstance(x, Fraction) for a in args for r in a for x in r)
    parts = list(args)
    while exact and len(parts) > 1:
        cost = [len(a) * len(b) * len(b[0]) for a, b in zip(parts, parts[1:], strict=False)]
        k = cost.index(min(cost))
        parts[k : k + 2] = [times(*parts[k : k + 2])]
    return reduce(times, parts)


register(
    name="matmul",
    work=products,
    plain=True,
    flops=product_flops,
    tensors="batch",
    usage="x @ y",
    law="entry of a matrix product",
    source=f"{_BOOK}, eq. 37",
    level=binds(PRODUCT),
    lower=_matmul_lower,
    explicit=_matmul_cells,
    text=lambda e, text: " @ ".join(text(a, POWER) for a in e.args),
    notation=lambda e, write: row(*(write(a, POWER) for a in e.args)),
    numpy=lambda e, code: code.chain(e.args),
    samples=("A @ X", "X.T @ A @ X", "x.T @ A @ x * X", "x @ x.T @ X", "A @ x", "A @ A @ A"),
    bad=("X @ X", "x @ x", "X @ A", "A @ x.T"),
)


def _transpose_code(e: Expr, code: Codes) -> str:
    source = code(e.args[0], ATOM)
    if len(e.shape) > 2:
        return f"{source}.mT"
    return source if ONE in e.shape else f"{source}.T"


def _transposed(e: Expr, write: Writes) -> Math:
    """Return the notation of a transpose; that of column sums, 1ᵀ X, is Xᵀ 1."""
    inner = e.args[0]
    if inner.op not in ("sum", "mean") or inner.data != 0 or len(inner.args[0].shape) > 2:
        return sup(write(inner, ATOM), TRANSPOSE)
    return beside_ones(inner, transpose(inner.args[0]), write)


register(
    name="transpose",
    linear=True,
    moves=True,
    plain=True,
    flops=free,
    tensors="batch",
    usage="x.T, T.mT",
    law="transpose: an entry of the transpose has its indices swapped",
    source=f"{_BOOK}, eq. 44",
    lower=lambda e, args: product([(args[0], COLUMN, ROW)], e.shape),
    explicit=lambda e, args, at: turned_over(args[0]),
    text=lambda e, text: text(e.args[0], ATOM) + (".T" if len(e.shape) == 2 else ".mT"),
    notation=_transposed,
    numpy=_transpose_code,
    samples=("X.T", "(A @ X).T", "(X + X).T @ A"),
    bad=("X.t", "X.H", "X'", "X.T()"),
)
