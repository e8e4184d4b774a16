"""Table entries of matrix functions and decompositions: expm, logm, sqrtm, cholesky, eigvalsh.

A matrix function f(X) is differentiated along E by its Frechet derivative L(X, E), whose adjoint
is L(X^T, .): Higham, Functions of Matrices (2008), section 3.2. Where the cotangent is a multiple
of the identity, which commutes with X, that is f'(X)^T. The derivatives that have no closed form
are functions of the language too, each linear in its last argument.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from ..core.cells import flat, turned_over
from ..core.errors import MissingRuleError
from ..core.expr import Expr, node
from ..core.scale import UNIT_SCALE
from ..core.shapes import ONE, Dim
from ..notation.math import Fence, Frac, Math, Num, Word, row, sup
from ..tensor import (
    Factor,
    Label,
    Parts,
    Scale,
    Term,
    Value,
    add,
    call,
    constant,
    contract,
    delta,
    fuse,
    monomial,
    scaled,
    spread,
    unit,
)
from .base import (
    ATOM,
    POWER,
    Application,
    Cells,
    Codes,
    EntryPlace,
    Identity,
    OperatorCall,
    Pointwise,
    ShapeOf,
    Writes,
    binds,
    leading,
    register,
    written_function,
)
from .batches import every_matrix, over_batch
from .exact_work import iterated
from .flops import cubic, iterative
from .grids import entrywise
from .grids import sylvester as sylvester_cells
from .inverses import DirectionCall, InvCall, MatrixCall
from .inverses import inverse as inverse_of
from .matrices import TriangleCall, lowered, numpy_call, read_square, same_matrices
from .matrix_algebra import Mat, diagonal_between, identity_multiple

_HIGHAM = "Higham, Functions of Matrices (2008)"
_HALF = Fraction(1, 2)
_MINUS = Scale(Fraction(-1))


def sylvester(a: Mat, b: Mat, c: Mat) -> Mat:
    """Return the solution S of A S + S B = C."""
    return Mat(call(SylvesterCall(), (a.term, b.term, c.term), c.term.dims))


@dataclass(frozen=True)
class PrimaryCall(MatrixCall):
    """A primary matrix function: expm, logm or sqrtm."""

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return L(X^T, C), or s f'(X)^T for a cotangent s I: Higham (2008), eq. 3.2, thm 3.6."""
        x, y, c = Mat(node.children[0]), Mat(node), Mat(cotangent)
        scalar = identity_multiple(cotangent)
        if scalar is not None:
            return _SLOPES[self.name](x, y).T.times(scalar).term
        return _ALONG[self.name](x.T, y.T, c).term


def _frechet(name: str) -> Callable[[Mat, Mat, Mat], Mat]:
    return lambda x, y, c: Mat(call(FrechetCall(name), (x.term, c.term), c.term.dims))


# The derivative of the scalar function, in the argument and the output.
_SLOPES: dict[str, Callable[[Mat, Mat], Mat]] = {
    "expm": lambda x, y: y,
    "logm": lambda x, y: Mat(inverse_of(x.term)),
    "sqrtm": lambda x, y: Mat(inverse_of(y.term)) * _HALF,
}
# The derivative along a matrix; Y S + S Y = C for the root: Higham (2008), section 6.1.
_TWO = Dim(2)
_ALONG: dict[str, Callable[[Mat, Mat, Mat], Mat]] = {
    "expm": _frechet("expm_frechet"),
    "logm": _frechet("logm_frechet"),
    "sqrtm": lambda x, y, c: sylvester(y, y, c),
}


def outer_of(left: Term, right: Term) -> Term:
    """Return the matrix of the products of the entries of two vectors."""
    dims = dict(enumerate((*left.dims, *right.dims)))
    return contract([Factor(left, (0,)), Factor(right, (1,))], (0, 1), dims)


def _blocks(places: Term, x: Term) -> Term:
    """Return the Kronecker product of a 2 x 2 matrix and a matrix."""
    n = x.dims[0]
    fuses = [Factor(fuse(_TWO, n), (0, 2, 4)), Factor(fuse(_TWO, n), (1, 3, 5))]
    dims = {0: _TWO * n, 1: _TWO * n, 2: _TWO, 3: _TWO, 4: n, 5: n}
    return contract([Factor(places, (2, 3)), Factor(x, (4, 5)), *fuses], (0, 1), dims)


@dataclass(frozen=True)
class FrechetCall(DirectionCall):
    """The derivative of a matrix function along a matrix, linear in the latter."""

    name: str

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the adjoint in the direction, L(X^T, C), or that in the matrix.

        The latter is the second derivative at X^T along both: L of a block matrix holds it,
        by Higham (2008), eq. 3.16, once more.
        """
        x = Mat(node.children[0]).T
        if not position:
            return self._second(x.term, Mat(node.children[1]).T.term, cotangent)
        return call(self, (x.term, cotangent), node.dims)

    def _second(self, x: Term, c: Term, e: Term) -> Term:
        """Return the upper right block of L([[X, C], [0, X]], [[E, 0], [0, E]])."""
        if len(x.dims) > 2 or len(e.dims) > 2:
            raise MissingRuleError(
                f"no rule for the derivative of many {self.name} with respect to a matrix"
            )
        n = x.dims[0]
        same, above = delta(_TWO), outer_of(unit(1, _TWO), unit(2, _TWO))
        blocks = add([_blocks(same, x), _blocks(above, c)])
        whole = call(self, (blocks, _blocks(same, e)), (_TWO * n, _TWO * n))
        factors = [Factor(whole, (0, 1)), Factor(unit(1, _TWO), (2,)), Factor(unit(2, _TWO), (3,))]
        fuses = [Factor(fuse(_TWO, n), (0, 2, 4)), Factor(fuse(_TWO, n), (1, 3, 5))]
        dims = {0: _TWO * n, 1: _TWO * n, 2: _TWO, 3: _TWO, 4: n, 5: n}
        return contract([*factors, *fuses], (4, 5), dims)


def _matrix_cells(name: str) -> Callable[[Expr, Sequence[Cells], EntryPlace], Cells]:
    return lambda e, args, at: at.math.matrix(name, args[0])


def _primary(
    name: str,
    law: str,
    source: str,
    at_scalar: Callable[[Term], Term],
    scalar_code: str,
    samples: tuple[str, ...],
    **stated: Any,
) -> None:
    register(
        name=name,
        flops=iterative,
        build=read_square(name),
        usage=f"{name}(A)",
        law=law,
        source=source,
        lower=lowered(lambda t: call(PrimaryCall(name), (t,), t.dims), at_scalar),
        explicit=_matrix_cells(name),
        numpy=numpy_call(f"_{name}", scalar_code),
        samples=samples,
        bad=(f"{name}()", f"{name}(X)", f"{name}(A, A)"),
        **{"analytic": False, "work": iterated, **stated},
    )


_EXPONENTIAL = "is the exponential of a matrix, the sum of Xᵏ / k! over k"
_LOGARITHM = "is the principal logarithm of a matrix, whose exponential is that matrix"


def _entrywise_of(name: str) -> Callable[[Term], Term]:
    return lambda t: Pointwise(t).apply(name).term


_primary(
    "expm",
    "Fréchet derivative of the exponential; its trace has the gradient (eˣ)ᵀ",
    f"{_HIGHAM}, thm 3.6 and section 10.2",
    _entrywise_of("exp"),
    "np.exp({x})",
    ("expm(A / 9) @ X", "trace(expm(A / 9)) * x"),
    rests_on="its power series, differentiated term by term",
    explained=_EXPONENTIAL,
    analytic=True,
    is_exponential=True,
)
_primary(
    "logm",
    "Fréchet derivative of the principal logarithm; its trace has the gradient X⁻ᵀ",
    f"{_HIGHAM}, thm 3.6 and section 11.2",
    _entrywise_of("log"),
    "np.log({x})",
    ("logm(A @ A.T / 99 + eye(n)) @ X", "trace(logm(A @ A.T / 99 + eye(n))) * x"),
    rests_on=Identity.of_matrix(
        "logm(X)", "expm(Y)", "X", "the derivative of log undoes that of exp"
    ),
)


def _root_notation(e: Expr, write: Writes) -> Math:
    return sup(write(e.args[0], ATOM), Frac(Num("1"), Num("2")))


_primary(
    "sqrtm",
    "derivative of the principal root Y: Y dY + dY Y = dX",
    f"{_HIGHAM}, section 6.1",
    lambda t: monomial((t, _HALF)),
    "np.sqrt({x})",
    ("sqrtm(A @ A.T + 9 * eye(n)) @ X", "trace(sqrtm(A @ A.T + eye(n))) * x"),
    rests_on=Identity.of_matrix(
        "sqrtm(X)", "Y @ Y", "X", "a Sylvester equation, with {Y} on both sides"
    ),
    notation=_root_notation,
    written=binds(POWER),
)


# Their derivatives along a matrix ----------------------------------------------------------------


def _build_pair(call: Application) -> Expr:
    call.expect(2)
    x, c = call.square(0), call.expr(1)
    same_matrices(call, x, c, 1)
    return node(call.name, (x, c), call.shape(c))


def _pair_lower(e: Expr, args: Sequence[Value]) -> Value:
    if len(e.args[0].shape) < len(e.shape) and not args[0].loose:
        x, c = args
        return Value(call(FrechetCall(e.op), (x.term, c.term), c.term.dims), e.shape, c.loose)
    x, c = spread(args, e.shape)
    if e.is_scalar:
        slope = (
            Pointwise(x.term).apply("exp") if e.op == "expm_frechet" else Pointwise(x.term) ** -1
        )
        return Value((slope * Pointwise(c.term)).term, e.shape, x.loose)
    return Value(call(FrechetCall(e.op), (x.term, c.term), x.term.dims), e.shape, x.loose)


def _frechet_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    """Return the upper right block of f([[X, C], [0, X]]): Higham (2008), eq. 3.16.

    It is linear in C, of which the entries are taken as at most 1: what a function of a matrix
    takes grows with the entries.
    """
    x, c = args
    none, scale = at.math.number(Fraction(0)), at.math.scale(flat(c))
    size = len(x)
    upper = [[*r, *(y / scale for y in q)] for r, q in zip(x, c, strict=True)]
    lower = [[*([none] * size), *r] for r in x]
    whole = at.math.matrix(e.op.removesuffix("_frechet"), [*upper, *lower])
    return [[y * scale for y in r[size:]] for r in whole[:size]]


def _frechet_notation(e: Expr, write: Writes) -> Math:
    head = row(Word("D", function=False), Word(e.op.removesuffix("_frechet")))
    return row(head, Fence("(", write(e.args[0]), ")"), Fence("[", write(e.args[1]), "]"))


def _frechet_code(e: Expr, code: Codes) -> str:
    x, c = e.args
    if e.is_scalar and e.op == "expm_frechet":
        return f"np.exp({code(x)}) * {code(c, POWER)}"
    if e.is_scalar:
        return f"{code(c, POWER)} / {code(x, POWER)}"
    return code.called(f"_{e.op}", code(x), code(c))


for _function in ("expm", "logm"):
    register(
        name=f"{_function}_frechet",
        rests_on="linear in C; the derivative of a block of a larger matrix in A",
        work=iterated,
        is_exponential=_function == "expm",
        explained=_EXPONENTIAL if _function == "expm" else _LOGARITHM,
        flops=iterative,
        tensors="batch",
        build=_build_pair,
        usage=f"{_function}_frechet(A, C), the derivative of {_function} at A along C",
        law="a derivative along a matrix is linear in that",
        source=f"{_HIGHAM}, section 3.2",
        lower=_pair_lower,
        explicit=_frechet_cells,
        notation=_frechet_notation,
        numpy=_frechet_code,
        samples=(
            f"{_function}_frechet(2 * eye(n) + ones(n, n), A)",
            f"{_function}_frechet(5 * eye(n) + onehot(1, n) @ ones(n).T, A @ A.T) @ X",
            f"{_function}_frechet(2 * eye(n) + ones(n, n), T @ T.mT)",
        ),
        bad=(f"{_function}_frechet(A)", f"{_function}_frechet(A, X)"),
        analytic=False,
    )


def _kronecker_solved(a: Term, b: Term) -> Term:
    """Return the inverse of I kron A + B^T kron I."""
    n, m = a.dims[-1], b.dims[-1]
    lead = max(leading(a, 2), leading(b, 2), key=len)
    dims: dict[Label, Dim] = dict(zip(lead, (a if len(a.dims) > 2 else b).dims, strict=False))
    dims.update({"r": n, "p": n, "c": m, "q": m, "whole": m * n, "again": m * n})
    pairs = [Factor(fuse(m, n), ("whole", "c", "r")), Factor(fuse(m, n), ("again", "q", "p"))]
    left = [Factor(a, (*leading(a, 2), "r", "p")), Factor(delta(m), ("c", "q"))]
    right = [Factor(b, (*leading(b, 2), "q", "c")), Factor(delta(n), ("r", "p"))]
    out = (*lead, "whole", "again")
    whole = add([contract([*pairs, *side], out, dims) for side in (left, right)])
    return call(InvCall(), (whole,), whole.dims)


@dataclass(frozen=True)
class SylvesterCall(OperatorCall):
    """The solution S of A S + S B = C."""

    shape: ClassVar[ShapeOf] = staticmethod(lambda args: args[2].shape)
    takes_matrices: ClassVar[bool] = True
    name: str = "sylvester"

    def along(self, node: Term, slopes: Mapping[int, Term], extra: int) -> Term:
        """Return the solutions for a right-hand side with further axes.

        vec S = (I kron A + B^T kron I)^-1 vec C: Horn and Johnson (1991), lemma 4.3.1.
        """
        if set(slopes) != {2}:
            raise MissingRuleError("no rule for sylvester along its first matrices")
        slope = slopes[2]
        solved = _kronecker_solved(node.children[0], node.children[1])
        lead = leading(node, 2)
        more = tuple(("more", k) for k in range(extra))
        n, m = node.dims[-2:]
        dims: dict[Label, Dim] = dict(zip((*lead, "p", "q", *more), slope.dims, strict=True))
        dims.update({"r": n, "c": m, "whole": m * n, "again": m * n})
        parts = [
            Factor(fuse(m, n), ("whole", "c", "r")),
            Factor(solved, (*leading(solved, 2), "whole", "again")),
            Factor(fuse(m, n), ("again", "q", "p")),
            Factor(slope, (*lead, "p", "q", *more)),
        ]
        return contract(parts, (*lead, "r", "c", *more), dims)

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return Z with A^T Z + Z B^T = cotangent; by A it is -Z S^T and by B -S^T Z.

        From A dS + dS B = dC - dA S - S dB: Horn and Johnson, Topics (1991), section 4.4.
        """
        a, b = Mat(node.children[0]), Mat(node.children[1])
        s, z = Mat(node), sylvester(a.T, b.T, Mat(cotangent))
        return (z if position == 2 else -(z @ s.T) if position == 0 else -(s.T @ z)).term


def _build_sylvester(call: Application) -> Expr:
    call.expect(3)
    a, c = call.times(0, 2)
    b = call.square(1)
    call.same_columns(c, b, 1)
    return node("sylvester", (a, b, c), c.shape)


def _sylvester_lower(e: Expr, args: Sequence[Value]) -> Value:
    a, b, c = args
    if e.is_scalar:
        parts = spread(args, e.shape)
        whole = Pointwise(parts[0].term) + Pointwise(parts[1].term)
        return Value((Pointwise(parts[2].term) * whole**-1).term, e.shape, parts[0].loose)
    if ONE in e.shape:  # a row or a column: one of both matrices is a number
        square, number = (a, b) if e.shape[1] == ONE else (b, a)
        lifted = Mat(square.term)
        shifted = lifted + lifted.one().times(number.term)
        turned = shifted if e.shape[1] == ONE else shifted.T
        label = leading(c.term, 1)
        inverted = inverse_of(turned.term)
        dims = dict(zip((*leading(inverted, 2), "r", "c"), inverted.dims, strict=True))
        parts_ = [
            Factor(inverted, (*leading(inverted, 2), "r", "c")),
            Factor(c.term, (*label, "c")),
        ]
        return Value(contract(parts_, (*leading(inverted, 2), "r"), dims), e.shape, c.loose)
    return Value(call(SylvesterCall(), (a.term, b.term, c.term), c.term.dims), e.shape, c.loose)


def _sylvester_code(e: Expr, code: Codes) -> str:
    a, b, c = e.args
    if e.is_scalar:
        return f"{code(c, POWER)} / ({code(a)} + {code(b)})"
    return code.called("_sylvester", code(a), code(b), code(c))


register(
    name="sylvester",
    rests_on=Identity(
        "sylvester(A, B, C)",
        "A @ Y + Y @ B",
        "C",
        (("A", "n, n"), ("B", "m, m"), ("C", "n, m")),
        "a Sylvester equation, with the same {A} and {B}",
    ),
    work=iterated,
    flops=iterative,
    patterned=False,
    build=_build_sylvester,
    usage="sylvester(A, B, C), which is S with A @ S + S @ B = C",
    law="derivative of the solution S: A dS + dS B = dC − dA S − S dB",
    source="Horn and Johnson, Topics in Matrix Analysis (1991), section 4.4",
    lower=_sylvester_lower,
    explicit=lambda e, args, at: sylvester_cells(*args),
    numpy=_sylvester_code,
    samples=(
        "sylvester(A @ A.T + eye(n), 9 * eye(d), X)",
        "sylvester(A + 9 * eye(n), A.T + 9 * eye(n), A @ A)",
    ),
    bad=("sylvester(A, A)", "sylvester(A, A, X)", "sylvester(X, A, A)"),
    analytic=False,
)


# Decompositions of a symmetric matrix ------------------------------------------------------------


@dataclass(frozen=True)
class CholeskyCall(OperatorCall):
    """The lower triangular L with L L^T = (X + X^T) / 2."""

    takes_matrices: ClassVar[bool] = True
    name: str = "cholesky"

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return L^-T (P + P^T) L^-1 / 2 with the triangle P of L^T C, its diagonal halved.

        Murray, Differentiation of the Cholesky decomposition (2016), eq. 8 to 10.
        """
        factor = Mat(node)
        body = factor.T @ Mat(cotangent)
        lower = Mat(call(TriangleCall("tril"), (body.term,), body.term.dims))
        middle = lower + lower.T - _diagonal_of(body)
        inverted = Mat(inverse_of(node))
        return (inverted.T @ middle @ inverted * _HALF).term


def _diagonal_of(matrix: Mat) -> Mat:
    """Return a matrix with zeros off its diagonal."""
    lead, dims = matrix.lead, matrix.term.dims
    labels = (*lead, "row", "column")
    parts = [Factor(matrix.term, (*lead, "row", "row")), Factor(delta(dims[-1]), labels[-2:])]
    return Mat(contract(parts, labels, dict(zip(labels, dims, strict=True))))


def _symmetrised(cells: Cells) -> Cells:
    return entrywise(lambda x, y: (x + y) / 2, cells, turned_over(cells))


def _cholesky_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    """Return the factor row by row: Golub and Van Loan, Matrix Computations (2013), alg. 4.2.1."""
    x = _symmetrised(args[0])
    none = at.math.number(Fraction(0))
    size = len(x)
    found: Cells = [[none] * size for _ in range(size)]
    for i in range(size):
        for j in range(i + 1):
            rest = x[i][j]
            for k in range(j):
                rest = rest - found[i][k] * found[j][k]
            found[i][j] = at.math.root(rest) if i == j else rest / found[j][j]
    return found


register(
    name="cholesky",
    rests_on=Identity.of_matrix(
        "cholesky(X)",
        "Y @ Y.T",
        "(X + X.T) / 2",
        "Y⁻¹ dY is lower triangular, and with its transpose it is Y⁻¹ dS Y⁻ᵀ",
    ),
    flops=cubic(Fraction(1, 3)),
    patterned=False,
    build=read_square("cholesky"),
    usage="cholesky(A), the lower factor of (A + A.T) / 2",
    law="derivative of the Cholesky factor of the symmetric part of X",
    source="Murray, Differentiation of the Cholesky decomposition (2016), eq. 8-10",
    lower=lowered(lambda t: call(CholeskyCall(), (t,), t.dims), lambda t: monomial((t, _HALF))),
    explicit=_cholesky_cells,
    notation=written_function("chol"),
    numpy=numpy_call("_cholesky", "np.sqrt({x})"),
    samples=("cholesky(A @ A.T + 2 * eye(n))", "trace(cholesky(A @ A.T + 2 * eye(n))) * x"),
    bad=("cholesky()", "cholesky(X)", "cholesky(A, A)"),
    analytic=False,
)


@dataclass(frozen=True)
class EigenvaluesCall(OperatorCall):
    """The eigenvalues of (X + X^T) / 2 in rising order."""

    shape: ClassVar[ShapeOf] = staticmethod(
        lambda args: over_batch(args[0].shape, (args[0].shape[-1], ONE))
    )
    takes_matrices: ClassVar[bool] = True
    name: str = "eigvalsh"

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return V diag(C) V^T with the eigenvectors V: Magnus (1985), theorem 1."""
        x = node.children[0]
        v = Mat(call(EigenvectorsCall(), (x,), x.dims))
        return diagonal_between(v, cotangent, v.T).term


@dataclass(frozen=True)
class EigenvectorsCall(OperatorCall):
    """The orthonormal eigenvectors of (X + X^T) / 2, as columns, of rising eigenvalues."""

    takes_matrices: ClassVar[bool] = True
    name: str = "eigvecsh"

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the symmetric part of V (F * (V^T C)) V^T, F_ij = 1 / (l_j - l_i) or F_ii = 0.

        From dV = V (F * (V^T dX V)): Magnus (1985), theorem 1.
        """
        x, v = node.children[0], Mat(node)
        values = call(EigenvaluesCall(), (x,), x.dims[:-1])
        inside = Mat(_entry_product(_gaps(values), (v.T @ Mat(cotangent)).term))
        whole = v @ inside @ v.T
        return ((whole + whole.T) * _HALF).term


def _gaps(values: Term) -> Term:
    """Return 1 / (l_j - l_i) off the diagonal, and 0 on it: 1 / (l_j - l_i + I_ij) - I_ij."""
    lead, n = leading(values, 1), values.dims[-1]
    labels = (*lead, "r", "c")
    dims: dict[Label, Dim] = dict(zip(lead, values.dims, strict=False))
    dims.update({"r": n, "c": n})
    identity = contract([Factor(delta(n), ("r", "c"))], labels, dims)
    ahead = contract([Factor(values, (*lead, "c"))], labels, dims)
    behind = contract([Factor(values, (*lead, "r"))], labels, dims, _MINUS)
    return add([monomial((add([ahead, behind, identity]), -1)), scaled(identity, _MINUS)])


def _entry_product(left: Term, right: Term) -> Term:
    return monomial((left, 1), (right, 1))


def _build_eigenvalues(call: Application) -> Expr:
    call.expect(1)
    x = call.square(0)
    return node("eigvalsh", (x,), over_batch(call.shape(x), (call.shape(x)[-1], ONE)))


def _eigenvalues_lower(e: Expr, args: Sequence[Value]) -> Value:
    body = args[0]
    if e.args[0].shape[-1] == ONE:
        return Value(body.term, e.shape, body.loose)
    term = call(EigenvaluesCall(), (body.term,), body.term.dims[:-1])
    return Value(term, e.shape, body.loose)


def _vector_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    if len(e.args[0].shape) == 2:
        return _spectral_cells(e, args, at)
    found: Cells = every_matrix(
        args[0], lambda x: [r[0] for r in at.math.matrix(e.op, _symmetrised(x))]
    )
    return found


def _spectral_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    found: Cells = at.math.matrix(e.op, _symmetrised(args[0]))
    return found


register(
    name="eigvalsh",
    explained="are the eigenvalues of a symmetric matrix in rising order",
    rests_on="A v = λ v and vᵀ v = 1: see the source",
    work=iterated,
    flops=cubic(Fraction(4, 3)),
    tensors="whole",
    build=_build_eigenvalues,
    usage="eigvalsh(A), of (A + A.T) / 2, in rising order",
    law="derivative of a simple eigenvalue with the unit eigenvector v: dλ = vᵀ dX v",
    source="Magnus, On differentiating eigenvalues and eigenvectors (1985), theorem 1",
    lower=_eigenvalues_lower,
    explicit=_vector_cells,
    notation=written_function("eigvals"),
    numpy=numpy_call("_eigvalsh"),
    samples=("eigvalsh(A)", "eigvalsh(A @ A.T).T @ x * x", "eigvalsh(T @ T.mT + A)"),
    bad=("eigvalsh()", "eigvalsh(X)", "eigvalsh(A, A)"),
    analytic=False,
)


def _one_like(term: Term) -> Term:
    return constant(Scale(), term.dims)


register(
    name="eigvecsh",
    explained="has their eigenvectors of length 1 as its columns",
    rests_on="A v = λ v and vᵀ v = 1: see the source",
    work=iterated,
    flops=cubic(9),
    tensors="batch",
    build=read_square("eigvecsh"),
    usage="eigvecsh(A), of (A + A.T) / 2, as columns; the largest entry of each is positive",
    law="the eigenvectors of a symmetric matrix are orthonormal",
    source="Magnus, On differentiating eigenvalues and eigenvectors (1985), theorem 1",
    lower=lowered(lambda t: call(EigenvectorsCall(), (t,), t.dims), _one_like),
    explicit=_spectral_cells,
    notation=written_function("eigvecs"),
    numpy=numpy_call("_eigvecsh", "1.0"),
    samples=("eigvecsh(A) @ X", "eigvecsh(A @ A.T) * A"),
    bad=("eigvecsh()", "eigvecsh(X)"),
    analytic=False,
)


def along_itself(term: Term) -> Term | None:
    """Return C f'(X) for the derivative of f at X along a multiple C of X itself, else None.

    C commutes with X, and so with every function of it: Higham (2008), theorem 1.13.
    """
    if not isinstance(term.data, FrechetCall) or len(term.dims) != 2:
        return None
    x, c = term.children
    if _direction(x) is not _direction(c):
        return None
    name = term.data.name.removesuffix("_frechet")
    y = call(PrimaryCall(name), (x,), x.dims)
    slope = _SLOPES[name](Mat(x), Mat(y)).term
    dims = dict.fromkeys(range(3), x.dims[0])
    return contract([Factor(c, (0, 2)), Factor(slope, (2, 1))], (0, 1), dims)


def _direction(term: Term) -> Term:
    """Return a matrix without the numbers and scalars in front of it."""
    parts = Parts.of(term)
    inside = tuple(f for f in parts.factors if f.labels)
    return parts._replace(factors=inside, scale=UNIT_SCALE).term()
