"""Takes an index term of a square matrix; returns its inverse or determinant, split by laws.

The factors of a product are found by one walk along the labels; a law is applied where every factor
is square, and then holds wherever the whole is invertible.

Source of the laws: Petersen and Pedersen, The Matrix Cookbook (2012), eq. 1-4 and 18-24; Horn and
Johnson, Matrix Analysis (2013), sections 0.3 and 0.5.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from ..core.errors import MissingRuleError
from ..core.scale import UNIT_SCALE
from ..core.shapes import Dim
from ..tensor import (
    Factor,
    Label,
    Parts,
    Scale,
    Term,
    add,
    call,
    constant,
    contract,
    monomial,
    scaled,
    zero,
)
from .arithmetic import PowerCall
from .base import OperatorCall, ShapeOf, moved_to_back, moved_to_front
from .batches import over_batch
from .matrix_algebra import Mat, inner
from .matrix_axes import along


@dataclass(frozen=True)
class MatrixCall(OperatorCall):
    """A function of one square matrix whose value is a matrix of the same shape."""

    takes_matrices: ClassVar[bool] = True
    keeps_symmetry: ClassVar[bool] = True
    name: str = ""


class DirectionCall(OperatorCall):
    """A function of matrices that is linear in its last argument, a direction."""

    shape: ClassVar[ShapeOf] = staticmethod(lambda args: args[-1].shape)
    takes_matrices: ClassVar[bool] = True
    keeps_symmetry: ClassVar[bool] = True

    def along(self: Any, node: Term, slopes: Mapping[int, Term], extra: int) -> Term:
        """Return the values for directions with further axes, one by one."""
        *others, _ = node.children
        if set(slopes) != {len(others)}:
            raise MissingRuleError(f"no rule for {self.name} along its matrix")
        directions = moved_to_front(slopes[len(others)], extra)
        return moved_to_back(call(self, (*others, directions), directions.dims), extra)


@dataclass(frozen=True)
class InvCall(MatrixCall):
    """The inverse of a matrix."""

    name: str = "inv"

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return -Y^T C Y^T with the output Y: The Matrix Cookbook (2012), eq. 124."""
        y = Mat(node).T
        return (-(y @ Mat(cotangent) @ y)).term


@dataclass(frozen=True)
class AdjugateCall(MatrixCall):
    """The adjugate of a matrix: the transposed matrix of its cofactors."""

    name: str = "adjugate"

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return (<C, Y> I - Y^T C) X^-T with the output Y, for an invertible X.

        Product rule on Y = det(X) X^-1: Magnus and Neudecker (2019), section 8.5.
        """
        y, c = Mat(node), Mat(cotangent)
        body = y.one().times(inner(c, y)) - y.T @ c
        return (body @ Mat(inverse(node.children[0])).T).term


@dataclass(frozen=True)
class DetCall(OperatorCall):
    """The determinant."""

    shape: ClassVar[ShapeOf] = staticmethod(lambda args: over_batch(args[0].shape))
    takes_matrices: ClassVar[bool] = True
    name: str = "det"

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the cotangent times det(X) X^-T: The Matrix Cookbook (2012), eq. 49."""
        return Mat(inverse(node.children[0])).T.times(cotangent, node).term


@dataclass(frozen=True)
class LogdetCall(OperatorCall):
    """The logarithm of the absolute value of the determinant."""

    shape: ClassVar[ShapeOf] = staticmethod(lambda args: over_batch(args[0].shape))
    takes_matrices: ClassVar[bool] = True
    name: str = "logdet"

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the cotangent times X^-T: The Matrix Cookbook (2012), eq. 57."""
        return Mat(inverse(node.children[0])).T.times(cotangent).term


# The factors of a product ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Chain:
    """A product of square matrices: scalars, vectors on its indices, matrices in order."""

    scale: Scale
    scalars: tuple[Factor, ...]  # with leading axes alone
    weights: tuple[Factor, ...]  # diagonal matrices
    matrices: tuple[Factor, ...]
    link: tuple[Factor, ...]  # the delta of a diagonal matrix, where there is no other matrix
    lead: tuple[Label, ...]
    ends: tuple[Label, Label]
    dims: dict[Label, Dim]

    @property
    def size(self) -> Dim:
        return self.dims[self.ends[0]]


def _chain(term: Term) -> _Chain | None:
    """Return the square factors of a term, or None where it is no product of such."""
    if len(term.dims) < 2 or term.dims[-1] != term.dims[-2]:
        return None
    if not (term.is_contraction or term.is_delta):
        return None
    ends = (len(term.dims) - 2, len(term.dims) - 1)
    lead = tuple(range(ends[0]))
    scale, factors, _, dims = Parts.of(term)
    if not scale.value or any(d != dims[ends[0]] for x, d in dims.items() if x not in lead):
        return None
    by_core: dict[int, list[Factor]] = {0: [], 1: [], 2: []}
    for f in factors:
        core = [x for x in f.labels if x not in lead]
        if len(core) > 2 or f.term.is_unit or (len(core) == 2 and f.exponent != 1):
            return None
        by_core[len(core)].append(f)
    link = tuple(f for f in by_core[2] if f.term.is_delta)
    matrices = [f for f in by_core[2] if not f.term.is_delta]
    if any(x in lead for f in matrices for x in f.labels[-2:]):
        return None  # its row and its column are not its last axes
    bound = len(dims) - len(term.dims)
    order = _in_order(matrices, ends, bound, lead) if not link else None
    if order is None and (not link or matrices or bound):
        return None
    scalars, weights = tuple(by_core[0]), tuple(by_core[1])
    path: tuple[Factor, ...] = tuple(order or ())
    return _Chain(scale, scalars, weights, path, link, lead, ends, dims)


def _in_order(
    matrices: list[Factor], ends: tuple[int, int], bound: int, lead: tuple[Label, ...]
) -> list[Factor] | None:
    """Return the matrices along the one path from the row to the column, or None."""
    left, here = list(matrices), ends[0]
    found: list[Factor] = []
    while left:
        met = [f for f in left if here in f.labels]
        if len(met) != 1:
            return None
        left.remove(met[0])
        found.append(met[0])
        others = [x for x in met[0].labels if x != here and x not in lead]
        if len(others) != 1:
            return None
        here = int(str(others[0]))
    whole = here == ends[1] and len(found) == bound + 1
    return found if whole else None


# Laws --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Law:
    """A named equation between index terms; ``apply`` returns None where it says nothing."""

    name: str
    law: str
    apply: Callable[[Term], Term | None]


def _inverse_of_inverse(term: Term) -> Term | None:
    return term.children[0] if _is_inverse(term) else None


def _is_inverse(term: Term) -> bool:
    return term.is_call and isinstance(term.data, InvCall)


def _inverse_of_product(term: Term) -> Term | None:
    chain = _chain(term)
    if chain is None:
        return None
    parts = [Factor(f.term, f.labels, -f.exponent) for f in (*chain.scalars, *chain.weights)]
    parts += chain.link
    for f in chain.matrices:
        *front, i, j = f.labels
        parts.append(Factor(inverse(f.term), (*front, j, i)))
    row, column = chain.ends
    return contract(parts, (*chain.lead, column, row), dict(chain.dims), chain.scale.power(-1))


def _determinant_of_inverse(term: Term) -> Term | None:
    return monomial((determinant(term.children[0]), -1)) if _is_inverse(term) else None


def _determinant_of_product(term: Term) -> Term | None:
    chain = _chain(term)
    if chain is None or any(f.labels[-1] in chain.lead for f in chain.weights):
        return None
    plain = chain.scale == UNIT_SCALE and not chain.scalars
    parts = [Factor(determinant(f.term), f.labels[:-2]) for f in chain.matrices]
    for f in chain.weights:  # det(diag(x)) is the product of the entries
        parts.append(Factor(along("prod", monomial((f.term, f.exponent)), (-1,)), f.labels[:-1]))
    if not plain:
        scalar = contract(chain.scalars, chain.lead, _lead_dims(chain), chain.scale)
        parts.append(Factor(_to_the_size(scalar, chain.size), chain.lead))
    return contract(parts, chain.lead, _lead_dims(chain))


def _lead_dims(chain: _Chain) -> dict[Label, Dim]:
    return {x: chain.dims[x] for x in chain.lead}


def _to_the_size(scalar: Term, size: Dim) -> Term:
    """Return a scalar to the power of a dimension."""
    if not size.symbols:
        return monomial((scalar, size.coefficient))
    exponent = constant(Scale.of(size), scalar.dims)
    return call(PowerCall(), (scalar, exponent), scalar.dims)


def _logdet_of_inverse(term: Term) -> Term | None:
    minus = Scale(Fraction(-1))
    return scaled(logdet(term.children[0]), minus) if _is_inverse(term) else None


def _logdet_of_product(term: Term) -> Term | None:
    chain = _chain(term)
    if chain is None or chain.weights:
        return None
    scale = chain.scale
    if scale.value < 0:  # |det(-X)| = |det(X)|
        scale = scale * Scale(Fraction(-1))
    plain = scale == UNIT_SCALE and not chain.scalars
    if not chain.matrices:
        return zero(term.dims[:-2]) if plain else None
    if len(chain.matrices) == 1 and not plain:
        return None
    first, *others = chain.matrices
    parts = [_spread(logdet(f.term), f.labels[:-2], chain) for f in others]
    if plain:
        return add([_spread(logdet(first.term), first.labels[:-2], chain), *parts])
    out = (*chain.lead, *first.labels[-2:])
    whole = contract([*chain.scalars, first], out, _core_dims(chain, out), scale)
    return add([call(LogdetCall(), (whole,), whole.dims[:-2]), *parts])


def _spread(term: Term, labels: tuple[Label, ...], chain: _Chain) -> Term:
    return contract([Factor(term, labels)], chain.lead, _lead_dims(chain))


def _core_dims(chain: _Chain, out: tuple[Label, ...]) -> dict[Label, Dim]:
    return {x: chain.dims[x] for x in out}


INVERSE_LAWS = (
    Law("inverse-of-inverse", "the inverse of an inverse is the matrix", _inverse_of_inverse),
    Law(
        "inverse-of-product",
        "the inverse of a product of square factors is the product of their inverses, reversed",
        _inverse_of_product,
    ),
)
DETERMINANT_LAWS = (
    Law(
        "determinant-of-inverse",
        "the determinant of an inverse is the reciprocal of the determinant",
        _determinant_of_inverse,
    ),
    Law(
        "determinant-of-product",
        "the determinant of a product of square factors is the product of their determinants",
        _determinant_of_product,
    ),
)
LOGDET_LAWS = (
    Law("logdet-of-inverse", "log |det X⁻¹| = −log |det X|", _logdet_of_inverse),
    Law("logdet-of-product", "log |det XY| = log |det X| + log |det Y|", _logdet_of_product),
)


def _first(laws: tuple[Law, ...], term: Term) -> Term | None:
    for law in laws:
        found = law.apply(term)
        if found is not None:
            return found
    return None


def inverse(term: Term) -> Term:
    """Return the inverse on the last two axes, by those of square factors where there are such.

    inv(A B) = inv(B) inv(A), inv(A.T) = inv(A).T, inv(s A) = inv(A) / s, inv(inv(A)) = A,
    inv(diag(x)) = diag(1/x), inv(I) = I.
    """
    return _first(INVERSE_LAWS, term) or call(InvCall(), (term,), term.dims)


def determinant(term: Term) -> Term:
    """Return the determinant over the last two axes, by those of square factors.

    det(A B) = det(A) det(B), det(A.T) = det(A), det(s A) = s^n det(A), det(inv(A)) = 1/det(A),
    det(diag(x)) = prod(x).
    """
    return _first(DETERMINANT_LAWS, term) or call(DetCall(), (term,), term.dims[:-2])


def logdet(term: Term) -> Term:
    """Return log |det| over the last two axes, by that of square factors.

    logdet(A B) = logdet(A) + logdet(B), logdet(inv(A)) = -logdet(A), logdet(-A) = logdet(A).
    """
    return _first(LOGDET_LAWS, term) or call(LogdetCall(), (term,), term.dims[:-2])
