"""Table entries of determinants, inverses, powers and parts of a matrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from ..core.cells import turned_over
from ..core.errors import MissingRuleError
from ..core.expr import Expr, node, number, var, walk
from ..core.shapes import ONE, SCALAR, swapped
from ..notation.math import TRANSPOSE, Big, Fence, Math, Num, Op, Sym, Word, row, sup
from ..tensor import (
    COLUMN,
    INNER,
    ROW,
    Factor,
    Scale,
    Term,
    Value,
    call,
    constant,
    contract,
    delta,
    monomial,
    plain_number,
    product,
    spread,
    unit,
)
from .arithmetic import PowerCall
from .base import (
    ATOM,
    POWER,
    SUM,
    Application,
    Cells,
    Codes,
    Definition,
    EntryPlace,
    Expansion,
    Identity,
    OperatorCall,
    Pointwise,
    ShapeOf,
    Writes,
    binds,
    broadcast,
    leading,
    read_pointwise,
    register,
    total,
)
from .batches import batch_code, over_batch, scalar_cells
from .exact_work import minors
from .flops import cubic, free, iterative, solved
from .grids import adjugate, determinant, entrywise, inverse, times, whole_power
from .inverses import AdjugateCall, DirectionCall, MatrixCall
from .inverses import determinant as determinant_of
from .inverses import inverse as inverse_of
from .inverses import logdet as logdet_of
from .matrix_algebra import Mat, identity_multiple
from .reductions import inner_code

_BOOK = "Petersen and Pedersen, The Matrix Cookbook (2012)"
_LONGEST_PRODUCT = 5  # factors that a power with a number as exponent is written out to


def one(at: EntryPlace) -> Any:
    """Return the number 1 among the scalars that a place computes with."""
    return at.math.number(Fraction(1))


def read_square(name: str, *, scalar: bool = False) -> Callable[[Application], Expr]:
    """Return how ``name(A)`` of a square matrix is read; the value is a square or a scalar."""

    def build(call: Application) -> Expr:
        call.expect(1)
        x = call.square(0)
        return node(name, (x,), over_batch(call.shape(x)) if scalar else x.shape)

    return build


def lowered(function: Callable[[Term], Term], at_scalar: Callable[[Term], Term]) -> Any:
    """Return the lowering of a function of a matrix; one of dimension 1 is a scalar."""

    def lower(e: Expr, args: Sequence[Value]) -> Value:
        body = args[0]
        chosen = at_scalar if e.args[0].shape[-2:] == SCALAR else function
        return Value(chosen(body.term), e.shape, body.loose)

    return lower


def numpy_call(name: str, at_scalar: str = "{x}") -> Callable[[Expr, Codes], str]:
    """Return the code ``name(A)``; ``at_scalar`` is what stands for a 1 x 1 matrix."""

    def code(e: Expr, write: Codes) -> str:
        if e.args[0].is_scalar:
            return at_scalar.format(x=write(e.args[0], ATOM))
        return write.function(e, name)

    return code


def _same(term: Term) -> Term:
    return term


def _unit(term: Term) -> Term:
    return constant(Scale(), term.dims)


def _log_absolute(term: Term) -> Term:
    log = Pointwise(monomial((term, 2))).apply("log")
    return (log * Fraction(1, 2)).term


def _determinant_code(e: Expr, code: Codes) -> str:
    if e.args[0].is_scalar:
        return code(e.args[0], ATOM)
    return batch_code(e, code, f"np.linalg.det({code(e.args[0])})")


register(
    name="det",
    rests_on=Expansion("det(X)", "adjugate(X).T", "{inv(X)} = {C.T / y}, where {X} is invertible"),
    work=minors,
    flops=cubic(Fraction(2, 3)),
    tensors="whole",
    patterned=False,
    build=read_square("det", scalar=True),
    usage="det(A)",
    law="derivative of the determinant: det(X) X⁻ᵀ, where X is invertible",
    source=f"{_BOOK}, eq. 49",
    lower=lowered(determinant_of, _same),
    explicit=scalar_cells(lambda x, at: determinant(x, one(at))),
    numpy=_determinant_code,
    samples=(
        "det(A) * X",
        "det(X.T @ X + eye(d)) * X",
        "det(s * A @ A) * A",
        "det(inv(A).T) * x",
        "det(T @ T.mT + A)",
    ),
    bad=("det()", "det(X)", "det(x)", "det(A, A)", "det(T)"),
)


def _logdet_notation(e: Expr, write: Writes) -> Math:
    inside = row(Word("det"), Fence("(", write(e.args[0]), ")"))
    return row(Word("log"), Fence("|", inside, "|"))


def _log_determinant(x: Cells, at: EntryPlace) -> Any:
    whole = determinant(x, one(at))
    return at.math.log(whole * whole) / 2


def _logdet_code(e: Expr, code: Codes) -> str:
    if e.args[0].is_scalar:
        return f"np.log(np.abs({code(e.args[0])}))"
    return batch_code(e, code, f"np.linalg.slogdet({code(e.args[0])})[1]")


register(
    name="logdet",
    rests_on=Definition.of_matrix("logdet(X)", "t = det(X); log(t**2) / 2"),
    work=minors,
    singular=0,
    flops=cubic(Fraction(2, 3)),
    tensors="whole",
    patterned=False,
    build=read_square("logdet", scalar=True),
    usage="logdet(A), which is log |det A|",
    law="derivative of log |det X|: X⁻ᵀ, where X is invertible",
    source=f"{_BOOK}, eq. 57",
    lower=lowered(logdet_of, _log_absolute),
    explicit=scalar_cells(_log_determinant),
    notation=_logdet_notation,
    numpy=_logdet_code,
    analytic=False,
    samples=(
        "logdet(A) * X",
        "logdet(A @ A.T + eye(n)) * x",
        "logdet(2 * A @ inv(A + 9 * eye(n))) * A",
        "logdet(T @ T.mT + eye(n))",
        "Sum(i, x[i] * logdet(eye(d) + X[i, :].T @ X[i, :])) * X",
    ),
    bad=("logdet()", "logdet(X)", "logdet(A, A)"),
)


def _inverse_notation(e: Expr, write: Writes) -> Math:
    body = e.args[0]
    if body.is_transpose:
        return sup(write(body.args[0], ATOM), row(Op("−"), TRANSPOSE))
    return sup(write(body, ATOM), row(Op("−"), Num("1")))


register(
    name="inv",
    rests_on=Identity.of_matrix(
        "inv(X)", "X @ Y", "eye(n)", "multiplied by {Y} from the left, with {Y @ X} = {eye(n)}"
    ),
    work=minors,
    singular=0,
    flops=cubic(2),
    tensors="batch",
    patterned=False,
    build=read_square("inv"),
    usage="inv(A)",
    law="derivative of an inverse: dX⁻¹ = −X⁻¹ dX X⁻¹",
    source=f"{_BOOK}, eq. 59 and 124",
    lower=lowered(inverse_of, lambda t: monomial((t, -1))),
    explicit=lambda e, args, at: inverse(args[0], one(at)),
    notation=_inverse_notation,
    numpy=numpy_call("np.linalg.inv", "1 / {x}"),
    samples=(
        "inv(A) @ X",
        "inv(A + 20 * eye(n))",
        "x.T @ inv(A @ A.T + eye(n)) @ x * x",
        "inv(s * A @ A.T)",
        "inv(inv(A) + diag(x))",
        "trace(inv(X.T @ X + eye(d))) * X",
        "inv(T @ T.mT + eye(n)) @ X",
    ),
    bad=("inv()", "inv(X)", "inv(x)", "inv(A, A)", "A ** -1 @ inv(X)"),
)
register(
    name="adjugate",
    rests_on=Definition.of_matrix("adjugate(X)", "t = det(X); t * inv(X)"),
    work=minors,
    flops=iterative,
    patterned=False,
    build=read_square("adjugate"),
    usage="adjugate(A)",
    law="product rule on adjugate(X) = det(X) X⁻¹, where X is invertible",
    source="Magnus and Neudecker, Matrix Differential Calculus (2019), section 8.5",
    lower=lowered(lambda t: call(AdjugateCall(), (t,), t.dims), _unit),
    explicit=lambda e, args, at: adjugate(args[0], one(at)),
    numpy=numpy_call("_adjugate", "1.0"),
    samples=("adjugate(A) @ X", "adjugate(A + eye(n)).T @ x"),
    bad=("adjugate()", "adjugate(X)", "adj(A)"),
)


def _pulled_lower(e: Expr, args: Sequence[Value]) -> Value:
    raise MissingRuleError("adjugate_pullback stands in code only and is not differentiated")


def _pulled_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    """Return (<C, Y> I - Y^T C) X^-T with the adjugate Y of an invertible X."""
    x, c = args
    y = adjugate(x, one(at))
    scale = total([a * b for r, q in zip(c, y, strict=True) for a, b in zip(r, q, strict=True)])
    product = times(turned_over(y), c)
    body = [[scale - v if i == j else -v for j, v in enumerate(r)] for i, r in enumerate(product)]
    return times(body, turned_over(inverse(x, one(at))))


register(
    name="adjugate_pullback",
    flops=iterative,
    usage="adjugate_pullback(A, C), in code only",
    law="the gradient of the sum of C ⊙ adjugate(X), of a singular X too",
    source="Magnus and Neudecker, Matrix Differential Calculus (2019), section 8.5",
    lower=_pulled_lower,
    explicit=_pulled_cells,
    numpy=lambda e, code: code.function(e, "_adjugate_pullback"),
    samples=(),
    bad=("adjugate_pullback(A, A)",),
    internal="what code computes, and no function of the language",
)


@dataclass(frozen=True)
class PinvCall(MatrixCall):
    """The Moore-Penrose inverse of a matrix of full rank."""

    shape: ClassVar[ShapeOf] = staticmethod(lambda args: args[0].shape[::-1])
    name: str = "pinv"

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the pullback in the output P: Golub and Pereyra (1973), eq. 4.12.

        -P^T C P^T + (I - X P) C^T P P^T + P^T P C^T (I - P X), where the rank stays as it is.
        """
        x, p, c = Mat(node.children[0]), Mat(node), Mat(cotangent)
        left = (x.one() - x @ p) @ c.T @ p @ p.T
        right = p.T @ p @ c.T @ (p.one() - p @ x)
        return (-(p.T @ c @ p.T) + left + right).term


def _build_pinv(call: Application) -> Expr:
    call.expect(1)
    x = call.expr(0)
    return node("pinv", (x,), swapped(x.shape))


def _pinv_lower(e: Expr, args: Sequence[Value]) -> Value:
    body = args[0]
    if ONE in e.args[0].shape:
        square = product([(body, INNER, INNER + 1)], SCALAR, exponents=(2,))
        parts = [(body, COLUMN, ROW), (square, ROW, COLUMN)]
        return product(parts, e.shape, exponents=(1, -1))
    *lead, rows, cols = body.term.dims
    return Value(call(PinvCall(), (body.term,), (*lead, cols, rows)), e.shape, body.loose)


def _pinv_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    cells, across = args[0], turned_over(args[0])
    if len(cells) < len(cells[0]):
        return times(across, inverse(times(cells, across), one(at)))
    return times(inverse(times(across, cells), one(at)), across)


def _pinv_code(e: Expr, code: Codes) -> str:
    source = e.args[0]
    if source.is_scalar:
        return f"1 / {code(source, ATOM)}"
    if ONE in source.shape:
        return f"{code(source, ATOM)} / ({inner_code(source, source, code)})"
    return f"np.linalg.pinv({code(source)})"


register(
    name="pinv",
    rests_on=Identity(
        "pinv(X)",
        "X.T @ X @ Y",
        "X.T",
        (("X", "n, d"),),
        "multiplied by the inverse of {X.T @ X}, or transposed for a wide {X}",
    ),
    singular=0,
    flops=iterative,
    patterned=False,
    build=_build_pinv,
    usage="pinv(X)",
    law="derivative of the pseudo-inverse, where X has full rank",
    source="Golub and Pereyra, SIAM Journal on Numerical Analysis 10 (1973), eq. 4.12",
    lower=_pinv_lower,
    explicit=_pinv_cells,
    notation=lambda e, write: sup(write(e.args[0], ATOM), Op("+")),
    numpy=_pinv_code,
    written=binds(POWER),
    analytic=False,
    samples=("pinv(X)", "A @ pinv(X.T) * X", "pinv(x) @ X"),
    bad=("pinv()", "pinv(X, X)", "pinv(T)"),
)


def _build_solve(call: Application) -> Expr:
    call.expect(2)
    a, b = call.times(0, 1)
    stacks = [var("", (*x.shape[:-2], ONE, ONE)) for x in (a, b)]
    return node("solve", (a, b), (*call.common_shape(*stacks)[:-2], a.shape[-1], b.shape[-1]))


def _solve_lower(e: Expr, args: Sequence[Value]) -> Value:
    a = args[0]
    inverted = monomial((a.term, -1)) if e.args[0].is_scalar else inverse_of(a.term)
    factors = [(Value(inverted, a.shape, a.loose), ROW, INNER), (args[1], INNER, COLUMN)]
    return product(factors, e.shape)


def _solve_code(e: Expr, code: Codes) -> str:
    a, b = e.args
    if a.is_scalar:
        return f"{code(b, POWER)} / {code(a, POWER)}"
    if len(e.shape) > 2:
        return f"np.linalg.solve({code.full(a)}, {code.full(b)})"
    return f"np.linalg.solve({code(a)}, {code(b)})"


register(
    name="solve",
    rests_on=Identity(
        "solve(A, B)",
        "A @ Y",
        "B",
        (("A", "n, n"), ("B", "n, m")),
        "multiplied by {inv(A)} from the left",
    ),
    work=minors,
    singular=0,
    flops=solved,
    tensors="batch",
    patterned=False,
    build=_build_solve,
    usage="solve(A, b), which is inv(A) @ b",
    law="derivative of an inverse: dX⁻¹ = −X⁻¹ dX X⁻¹",
    source=f"{_BOOK}, eq. 59",
    lower=_solve_lower,
    explicit=lambda e, args, at: times(inverse(args[0], one(at)), args[1]),
    notation=lambda e, write: row(
        sup(write(e.args[0], ATOM), row(Op("−"), Num("1"))), write(e.args[1], POWER)
    ),
    numpy=_solve_code,
    written=binds(3),
    samples=(
        "solve(A, X)",
        "solve(A + 9 * eye(n), x)",
        "x.T @ solve(A.T, x) * X",
        "solve(A, T)",
        "solve(T @ T.mT + eye(n), x) * T",
    ),
    bad=("solve(A)", "solve(X, A)", "solve(A, X.T)", "solve(A, x, x)"),
)


# Powers ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MatrixPowerCall(MatrixCall):
    """A matrix to a whole power that is a symbol, or a large number."""

    name: str = "matrix_power"

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the sum of (X^r)^T C (X^(k-1-r))^T over r: The Matrix Cookbook (2012), eq. 91.

        Where C is a multiple s of the identity it is s k (X^(k-1))^T (eq. 121).
        """
        x, k = node.children
        if position == 1:
            raise MissingRuleError(
                "no rule for the derivative of matrix_power with respect to its exponent",
                remedy="differentiate with respect to the matrix: wrt=['X']",
            )
        scalar = identity_multiple(cotangent)
        if scalar is None:
            return call(PowerPullbackCall(), (x, k, cotangent), x.dims)
        lower = (Pointwise(k) - 1).term
        return Mat(matrix_power(x, lower)).T.times(scalar, k).term


@dataclass(frozen=True)
class PowerPullbackCall(DirectionCall):
    """The pullback of a matrix power, linear in the cotangent."""

    name: str = "matrix_power_pullback"

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the adjoint in C, which is the same sum over X^T; none is known in X and k."""
        if position != 2:
            raise MissingRuleError(
                "no rule for the second derivative of matrix_power with a symbol as exponent",
                remedy="write a number for the exponent: matrix_power(X, 3)",
            )
        x, k, _ = node.children
        return call(self, (Mat(x).T.term, k, cotangent), node.dims)


def matrix_power(term: Term, exponent: Term) -> Term:
    """Return a power of a term: a product where the exponent is a small number."""
    whole = plain_number(exponent)
    if whole is None or whole.denominator != 1 or abs(whole) > _LONGEST_PRODUCT:
        return call(MatrixPowerCall(), (term, exponent), term.dims)
    if not whole:
        labels = (*leading(term, 2), "row", "column")
        parts = [Factor(delta(term.dims[-1]), labels[-2:])]
        return contract(parts, labels, dict(zip(labels, term.dims, strict=True)))
    base = Mat(inverse_of(term) if whole < 0 else term)
    result = base
    for _ in range(abs(int(whole)) - 1):
        result = result @ base
    return result.term


def _build_power(call: Application) -> Expr:
    call.expect(2)
    x = call.square(0)
    return node("matrix_power", (x, call.whole_number(1)), x.shape)


def _power_lower(e: Expr, args: Sequence[Value]) -> Value:
    body, exponent = args
    if not e.args[0].is_scalar:
        return Value(matrix_power(body.term, exponent.term), e.shape, body.loose)
    k = e.args[1]
    if k.is_number:
        return product([(body, ROW, COLUMN)], e.shape, exponents=(number(k),))
    parts = spread(args, e.shape)
    term = call(PowerCall(), tuple(p.term for p in parts), parts[0].term.dims)
    return Value(term, e.shape, parts[0].loose)


_HIGHEST = 2_000  # power of a matrix; one that is written ends at 1,000


def whole(value: Any) -> int:
    """Return a scalar as a whole number; raises ValueError, and MissingRuleError for a symbol."""
    plain = getattr(value, "value", value)
    try:
        found = int(plain)
    except TypeError:
        raise MissingRuleError(f"the entries of a power with the exponent {value}") from None
    if found != plain:
        raise ValueError(f"the exponent {plain} is no whole number")
    if abs(found) > _HIGHEST:
        raise ValueError(f"the exponent {plain} is too large")
    return found


def _power_code(e: Expr, code: Codes) -> str:
    x, k = e.args
    if x.is_scalar:
        return f"{code(x, ATOM)} ** {code(k, ATOM)}"
    return f"np.linalg.matrix_power({code(x)}, {exponent_code(k, code)})"


def exponent_code(k: Expr, code: Codes) -> str:
    """Return an exponent as an int; sizes and numbers are ints already."""
    plain = all(e.op in ("num", "size", "add", "neg", "mul") for e in walk(k))
    return code(k) if plain else f"int({code(k)})"


register(
    name="matrix_power",
    rests_on="the product rule on X X .. X",
    flops=iterative,
    patterned=False,
    build=_build_power,
    usage="matrix_power(A, k)",
    law="derivative of a power: the sum of (Xʳ)ᵀ C (Xᵏ⁻¹⁻ʳ)ᵀ over r = 0, .., k − 1",
    source=f"{_BOOK}, eq. 91 and 121",
    lower=_power_lower,
    explicit=lambda e, args, at: whole_power(args[0], whole(args[1][0][0]), one(at)),
    notation=lambda e, write: sup(write(e.args[0], ATOM), write(e.args[1])),
    numpy=_power_code,
    written=binds(POWER),
    samples=(
        "matrix_power(A, 3) @ X",
        "matrix_power(A + 9 * eye(n), -2) @ x",
        "matrix_power(A, 0) @ X",
        "matrix_power(A, 7) @ x",
        "matrix_power(A, k) @ X",
        "trace(matrix_power(A, k)) * x",
        "matrix_power(A + 9 * eye(n), -k) @ x",
    ),
    bad=(
        "matrix_power(A)",
        "matrix_power(X, 2)",
        "matrix_power(A, 0.5)",
        "matrix_power(A, x)",
        "matrix_power(A, 2000)",
    ),
)


def _build_power_pullback(call: Application) -> Expr:
    call.expect(3)
    x = call.square(0)
    k, c = call.whole_number(1), call.expr(2)
    same_matrices(call, x, c, 2)
    return node("matrix_power_pullback", (x, k, c), call.shape(c))


def same_matrices(call: Application, x: Expr, c: Expr, position: int) -> None:
    """Check that a direction is a matrix of the shape of ``x``, or many of those."""
    shape = call.shape(c)
    if len(shape) == 2 or len(call.shape(x)) > 2:
        call.same_shape(x, c)
        return
    for k in (-2, -1):
        call.equal_dims(call.shape(x)[k], shape[k], f"the size of axis {k}", position)


def _power_pullback_lower(e: Expr, args: Sequence[Value]) -> Value:
    x, k, c = args
    if e.is_scalar:
        one_less = (Pointwise(k.term) - 1).term
        power = call(PowerCall(), (x.term, one_less), ())
        return Value(monomial((k.term, 1), (power, 1), (c.term, 1)), e.shape)
    if len(e.args[0].shape) == len(e.shape) or x.loose:
        x, c = spread([x, c], e.shape)
    return Value(call(PowerPullbackCall(), (x.term, k.term, c.term), c.term.dims), e.shape, c.loose)


def _power_pullback_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    x, c, k = turned_over(args[0]), args[2], whole(args[1][0][0])
    if k < 0:  # d X^-m = -Y d(X^m) Y with Y = X^-m
        y = whole_power(x, k, one(at))
        c, k, sign = times(times(y, c), y), -k, -1
    else:
        sign = 1
    result = entrywise(lambda v: v * 0, c)
    for _ in range(k):
        result, c = entrywise(lambda v, w: v + w, times(result, x), c), times(x, c)
    return entrywise(lambda v: v * sign, result)


def _power_pullback_notation(e: Expr, write: Writes) -> Math:
    x, k, c = e.args
    r, base = Sym("r"), write(x, ATOM)
    rest = row(write(k), Op("−"), Num("1"), Op("−"), r)
    first = sup(Fence("(", sup(base, r), ")"), TRANSPOSE)
    last = sup(Fence("(", sup(base, rest), ")"), TRANSPOSE)
    body = row(first, write(c, POWER), last)
    return Big("∑", row(r, Op("="), Num("0")), row(write(k), Op("−"), Num("1")), body)


def _power_pullback_code(e: Expr, code: Codes) -> str:
    x, k, c = e.args
    if e.is_scalar:
        left, exponent = code(x, ATOM), code(k, ATOM)
        return f"{exponent} * {left} ** ({exponent} - 1) * {code(c, POWER)}"
    return code.called("_matrix_power_pullback", code(x), exponent_code(k, code), code(c))


register(
    name="matrix_power_pullback",
    rests_on="linear in C; the product rule in X",
    flops=iterative,
    tensors="batch",
    patterned=False,
    build=_build_power_pullback,
    usage="matrix_power_pullback(A, k, C)",
    law="the sum of (Xʳ)ᵀ C (Xᵏ⁻¹⁻ʳ)ᵀ over r = 0, .., k − 1 is linear in C",
    source=f"{_BOOK}, eq. 91",
    lower=_power_pullback_lower,
    explicit=_power_pullback_cells,
    notation=_power_pullback_notation,
    numpy=_power_pullback_code,
    written=binds(SUM),
    samples=(
        "matrix_power_pullback(eye(n) + ones(n, n), k, A)",
        "matrix_power_pullback(3 * eye(n), 4, A.T) @ X",
        "matrix_power_pullback(3 * eye(n), -k, A) @ X",
        "matrix_power_pullback(3 * eye(n), 2, T @ T.mT)",
    ),
    bad=("matrix_power_pullback(A, k)", "matrix_power_pullback(A, 2, X)"),
)


# Products and parts ------------------------------------------------------------------------------


def _build_outer(call: Application) -> Expr:
    call.expect(2)
    x, y = call.vector(0), call.vector(1)
    return node("outer", (x, y), (_length(x), _length(y)))


def _length(x: Expr) -> Any:
    return x.shape[0] if x.shape[1] == ONE else x.shape[1]


register(
    name="outer",
    rests_on="linear in each factor",
    build=_build_outer,
    usage="outer(x, y), which is x @ y.T",
    law="entry of an outer product",
    source=f"{_BOOK}, eq. 70",
    lower=lambda e, args: product([(args[0], ROW, ROW), (args[1], COLUMN, COLUMN)], e.shape),
    explicit=lambda e, args, at: [[x * y for r in args[1] for y in r] for q in args[0] for x in q],
    notation=lambda e, write: row(write(e.args[0], POWER), sup(write(e.args[1], ATOM), TRANSPOSE)),
    numpy=lambda e, code: (
        f"np.outer({code(e.args[0])}, {code(e.args[1])})"
        if ONE not in e.shape
        else f"{code(e.args[0], POWER)} * {code(e.args[1], POWER)}"
    ),
    written=binds(3),
    samples=("outer(x, x) @ X", "outer(A @ x, X.T @ x)", "outer(x, ones(1)) * x"),
    bad=("outer(x)", "outer(X, x)", "outer(A, A)"),
)


def _build_hadamard(call: Application) -> Expr:
    call.expect(2)
    x, y = call.expr(0), call.expr(1)
    return node("hadamard", (x, y), call.same_shape(x, y))


register(
    name="hadamard",
    rests_on="linear in each factor",
    entrywise=True,
    build=_build_hadamard,
    usage="hadamard(X, Y), which is X * Y",
    law="product rule, entry by entry",
    source="Magnus and Neudecker, Matrix Differential Calculus (2019), ch. 8, Hadamard product",
    lower=lambda e, args: product([(a, ROW, COLUMN) for a in args], e.shape),
    explicit=lambda e, args, at: broadcast(args, lambda x, y: x * y),
    notation=lambda e, write: row(write(e.args[0], POWER), Op("⊙"), write(e.args[1], POWER)),
    numpy=lambda e, code: f"{code(e.args[0], POWER)} * {code(e.args[1], POWER)}",
    written=binds(3),
    samples=("hadamard(X, A @ X)", "hadamard(x, x) * x"),
    bad=("hadamard(X)", "hadamard(X, A)", "hadamard(X, x)", "hadamard(X, s)"),
)


@dataclass(frozen=True)
class TriangleCall(OperatorCall):
    """The lower or the upper triangle of a matrix, with its diagonal."""

    takes_matrices: ClassVar[bool] = True
    name: str

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the same triangle of the cotangent."""
        return call(self, (cotangent,), node.dims)

    def along(self, node: Term, slopes: Mapping[int, Term], extra: int) -> Term:
        """Return the triangle of a slope with further axes: its product with a triangle of ones."""
        slope, count = slopes[0], len(node.dims)
        ones = constant(Scale(), node.dims[-2:])
        triangle = Factor(call(self, (ones,), ones.dims), (count - 2, count - 1))
        labels = tuple(range(count + extra))
        return contract([triangle, Factor(slope, labels)], labels, dict(enumerate(slope.dims)))


def _triangle_lower(e: Expr, args: Sequence[Value]) -> Value:
    body, shape = args[0], e.args[0].shape
    if ONE not in shape:
        return Value(call(TriangleCall(e.op), (body.term,), body.term.dims), e.shape, body.loose)
    whole_line = shape == SCALAR or (e.op == "tril") == (shape[1] == ONE)
    if whole_line:
        return body
    dim = _length(e)
    first = Factor(unit(1, dim), (ROW if shape[1] == ONE else COLUMN,))
    return product([(body, ROW, COLUMN)], e.shape, extra=[first])


def _triangle_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    none = at.math.number(Fraction(0))
    side = 1 if e.op == "tril" else -1
    return [
        [x if side * (i - j) >= 0 else none for j, x in enumerate(r)] for i, r in enumerate(args[0])
    ]


def _triangle_code(e: Expr, code: Codes) -> str:
    shape = e.args[0].shape
    body = code(e.args[0])
    if ONE not in shape:
        return f"np.{e.op}({body})"
    if shape == SCALAR or (e.op == "tril") == (shape[1] == ONE):
        return code(e.args[0], ATOM)
    return f"{code(e.args[0], POWER)} * np.eye(1, {code.size(_length(e))}, dtype=dtype)[0]"


for _name, _word in (("tril", "lower"), ("triu", "upper")):
    register(
        name=_name,
        linear=True,
        flops=free,
        build=read_pointwise(_name),
        usage=f"{_name}(X), the {_word} triangle with the diagonal",
        explained=f"keeps the diagonal and the {_word} triangle",
        law="linearity: the entries of the other triangle do not take part",
        source="definition",
        lower=_triangle_lower,
        explicit=_triangle_cells,
        numpy=_triangle_code,
        samples=(f"{_name}(X)", f"{_name}(A @ A) @ X", f"{_name}(x) * x", f"{_name}(x.T) * x.T"),
        bad=(f"{_name}()", f"{_name}(X, 1)", f"{_name}(X, X)"),
    )
