"""Takes an index term and a shape; returns it as a matrix expression that a person would write.

Each bound index is summed out by the smallest matrix operation that does it; what is left on the
free indices is put together. Source of the reading: Laue, Mitterreiter and Giesen, "A simple and
efficient tensor calculus", AAAI 2020.

Contract: the result equals the term for every size; a term without a matrix form raises
MissingRuleError, it is never approximated.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import islice

from ...core.errors import MissingRuleError
from ...core.expr import Expr, eye, matmul, node, num, rebuild, transpose, walk, with_args, zeros
from ...core.scale import UNIT_SCALE
from ...core.shapes import ONE, Shape, broadcast
from ...core.transposing import flip
from ...core.unit_axes import fitted
from ...tensor import (
    Parts,
    Term,
    Value,
    contract,
    factors_of,
    is_entrywise,
    is_symmetric,
    is_whole,
    is_zero,
    scaled,
    summands,
)
from ..simplify import Facts, Reuse, Simplifier
from .broadcasting import is_spreading, may_spread
from .collecting import collect
from .einsums import TensorRaiser
from .nested_axes import without_nested_axes
from .paired_axes import without_fuses
from .pieces import Piece, PieceProduct, called, plus, raised_power, untransposed
from .reshaped import reshaped
from .walking import Reduced, Walk, onehot, shape_of


def with_solves(x: Expr, symmetric: Collection[Expr] = ()) -> Expr:
    """Return an expression with products by inverses as solutions of linear equations.

    ``symmetric`` are matrices that are their own transposes.
    """

    def turned(f: Expr) -> Expr:
        return f if f in symmetric else flip(f)

    def change(old: Expr, args: tuple[Expr, ...]) -> Expr:
        new = with_args(old, args)
        return _product(new.args, turned) if new.is_matrix_product else new

    return rebuild(x, change, Expr.is_name)


def _product(factors: Sequence[Expr], turned: Callable[[Expr], Expr]) -> Expr:
    """Return a product solved from the left, and from the right behind a vector."""
    cut = next((k for k, f in enumerate(factors[:-1], 1) if f.shape[-1] == ONE), None)
    cut = cut or _before_inverses(factors)
    if not cut:
        return matmul(*_from_left(factors))
    behind = [turned(f) for f in reversed(factors[cut:])]
    return matmul(*_from_left(factors[:cut]), flip(matmul(*_from_left(behind))))


def _before_inverses(factors: Sequence[Expr]) -> int:
    """Return where the last factor stands that inverses at the end stand behind; 0 without any."""
    last = len(factors) - 1
    while last and _inverted(factors[last]) is not None:
        last -= 1
    return last if last < len(factors) - 1 else 0


def _from_left(factors: Sequence[Expr]) -> list[Expr]:
    done = [factors[-1]]
    for f in reversed(factors[:-1]):
        matrix = _inverted(f)
        if matrix is None:
            done.insert(0, f)
        else:
            right = matmul(*done)
            stacks = [(*x.shape[:-2], ONE, ONE) for x in (matrix, right)]
            shape = (*broadcast(stacks)[:-2], matrix.shape[-1], right.shape[-1])
            done = [node("solve", (matrix, right), shape)]
    return done


def _inverted(x: Expr) -> Expr | None:
    """Return the matrix of which an expression is the inverse, or None."""
    if x.op == "inv":
        return x.args[0]
    if x.is_transpose and x.args[0].op == "inv":
        return transpose(x.args[0].args[0])
    return None


def raised(term: Term, shape: Shape) -> Expr:
    """Return a term as a matrix expression of the given shape; raises MissingRuleError."""
    return Raiser().shaped(term, shape)


class Raiser:
    """Raises terms, remembering what is shared between them."""

    def __init__(
        self,
        written: Mapping[Expr, Value] | None = None,
        facts: Facts | None = None,
        *,
        labels: Sequence[Term] = (),  # the objective under the name that the writer gave it
        strict: bool = False,
    ) -> None:
        self._memo: dict[Term, Expr] = {}
        self._symmetric: set[Expr] = set()  # of the first ``_asked`` in the memo
        self._asked = 0
        self._is_strict = strict  # whether a term without a matrix form is an error, not an einsum
        self.tensors = TensorRaiser(
            self.natural, self.product, self._in_matrices, self._spread_scalar
        )
        self.simplify = Simplifier(facts)
        # Who writes 1 bᵀ sums by ones; who writes sum(X, axis=0) or broadcasts, by sums.
        self.sums = "ones" if any(x.is_ones for x in written or ()) else "sum"
        self.solves = any(x.op == "solve" for x in written or ())
        self.spreads = any(is_spreading(x) for x in written or ())
        self._learn(written or {})
        self.simplify.keep(self._memo)
        self._written = dict(self._memo)
        named = [v.term for v in (written or {}).values() if v.term.is_name and not v.loose]
        self._reuse = Reuse(_values(named), _values(labels), facts)
        self.writes_scalars = any(not t.dims for t in self._written)

    def _learn(self, written: Mapping[Expr, Value]) -> None:
        """Remember what the writer wrote for terms."""
        for x, value in written.items():
            is_name = value.term.is_name and not value.loose
            if is_name and _is_written(value.term.children[0]):
                self._memo[value.term.children[0]] = _turned(x, shape_of(value.term))
                if len(x.shape) > 2:
                    self.tensors.memo[value.term.children[0], x.shape] = x
            # What the writer wrote is what the reader knows: it comes back as it stands.
            if _is_written(value.term) and not value.loose:
                if len(x.shape) > 2:
                    self.tensors.memo.setdefault((value.term, x.shape), x)
                natural = _turned(x, shape_of(value.term))
                if natural.shape == shape_of(value.term):
                    known = self._memo.setdefault(value.term, natural)
                    # Of I X and X the reader gets X, whichever was written first.
                    if known is not natural and _parts(natural) < _parts(known):
                        self._memo[value.term] = natural
                    assumed = self.simplify.assumed(value.term)
                    if _is_written(assumed):  # the transpose of a symmetric name is the name
                        self._memo.setdefault(assumed, natural)

    def written(self, term: Term) -> Expr | None:
        """Return what the writer wrote for a term, if they did."""
        return self._written.get(term)

    def shaped(self, term: Term, shape: Shape, reuse: Reuse | None = None) -> Expr:
        """Return a term, simplified, as an expression of the given shape.

        Names stand for what they name: those of the writer, or those that are given.
        """
        term = self.simplify(term)
        with_names = (reuse or self._reuse)(term)
        if with_names is not term:
            term = self.simplify(with_names)
        if len(shape) > 2:
            return self.tensors.shaped(term, shape)
        found = _turned(self.natural(term), shape)
        if not self.solves:
            return found
        new = islice(self._memo.items(), self._asked, None)
        self._symmetric |= {x for t, x in new if len(t.dims) == 2 and is_symmetric(t)}
        self._asked = len(self._memo)
        return with_solves(found, self._symmetric)

    def _in_matrices(self, term: Term) -> PieceProduct:
        """Return a term as a product of matrices; raises MissingRuleError where it is none."""
        strict = Raiser(strict=True)
        strict.sums = self.sums
        return strict.product(term)

    def natural(self, term: Term) -> Expr:
        """Return a term with its first axis as the row."""
        found = self._memo.get(term)
        if found is None:
            found = self._memo[term] = self._raise(term)
        return found

    def _raise(self, term: Term) -> Expr:
        if len(term.dims) > 2:
            return self.tensors.shaped(term, shape_of(term))
        if is_zero(term):
            return zeros(*shape_of(term)) if term.dims else num(0)
        if term.is_atom:
            expr: Expr = term.data
            return _turned(expr, shape_of(term))
        if term.is_shared:
            return self.natural(term.children[0])
        if term.is_call:
            value = called(term.data, self._arguments(term))
            return _turned(value, shape_of(term)) if len(value.shape) > 2 else value
        if term.is_sum:
            return self._sum(term)
        if term.is_delta:
            return eye(term.dims[0])
        if term.is_unit:
            return onehot(term)
        return self.product(term).expr()

    def _arguments(self, term: Term) -> tuple[Expr, ...]:
        """Return the arguments of a call; scalars stay scalars where another gives the shape."""
        if is_whole(term):
            return tuple(self.natural(a) for a in term.children)
        if not is_entrywise(term):
            return tuple(self.natural(a) for a in term.children)
        spread = [self._spread_scalar(a) for a in term.children]
        if all(s is not None for s in spread):
            return tuple(self.natural(a) for a in term.children)
        pairs = zip(term.children, spread, strict=True)
        return tuple(self.natural(a) if s is None else s.expr() for a, s in pairs)

    def _spread_scalar(self, term: Term) -> PieceProduct | None:
        """Return a scalar that is spread over the axes of a term, or None where it is not one."""
        if term.is_sum and term.dims:
            parts = [(s, self._spread_scalar(b)) for s, b in summands(term)]
            known = [PieceProduct(s * p.scale, p.scalars) for s, p in parts if p is not None]
            whole = len(known) == len(parts)
            return PieceProduct(UNIT_SCALE, (plus([p.expr() for p in known]),)) if whole else None
        if not term.is_contraction or any(f.dims for f in term.children):
            return None
        return self.product(term) if not term.dims else Walk(self, term).product(spread=True)

    def product(self, term: Term) -> PieceProduct:
        """Return a term as a scale, scalars and a body."""
        if term.is_contraction and not is_zero(term):
            if any(c.is_fuse for c in term.children):
                return self._fused(term)
            try:
                return self._power(term) or Walk(self, term).product()
            except MissingRuleError:
                if self._is_strict:
                    raise
                return self.tensors.product(term, shape_of(term))
        body = self.natural(term)
        return (
            PieceProduct(UNIT_SCALE, (body,))
            if body.is_scalar
            else PieceProduct(UNIT_SCALE, (), body)
        )

    def _fused(self, term: Term) -> PieceProduct:
        """Return a contraction with fused axes: with vec and kron, or as a reshaped tensor."""
        try:
            return self.product(without_nested_axes(self, term) or without_fuses(self, term))
        except MissingRuleError:
            if self._is_strict:
                raise
            return reshaped(self.tensors, term, shape_of(term))

    def reduced(self, term: Term) -> Reduced:
        """Return a term of any number of axes with its bound indices summed out."""
        if term.is_contraction:
            return Walk(self, term).reduced()
        if term.is_delta:
            return Reduced(UNIT_SCALE, (), (), ((0, 1),))
        return Reduced(UNIT_SCALE, (), (Piece(self.natural(term), *range(len(term.dims))),), ())

    def _power(self, term: Term) -> PieceProduct | None:
        """Return a number, or a multiple of one power, without a walk; None for anything else."""
        scale, labels, exponents, _ = term.data
        if not term.children:
            return None if term.dims else PieceProduct(scale)
        child = term.children[0]
        if len(labels) > 1 or child.is_indicator:
            return None
        if len(child.dims) != len(term.dims) or labels[0] != tuple(range(len(term.dims))):
            return None
        body = raised_power(self.natural(child), exponents[0])
        return PieceProduct(scale, (), body) if term.dims else PieceProduct(scale, (body,))

    def _sum(self, term: Term) -> Expr:
        parts = [scaled(body, scale) for scale, body in summands(term)]
        spread = [self._narrowed(body) for body in parts]
        needed = set().union(*(x for _, x in spread)) == set(range(len(term.dims)))
        # A number beside the identity reads as a multiple of it, which it is not.
        beside_identity = any(_is_identity(body) for body in parts)
        terms: list[PieceProduct] = []
        for body, (narrow, axes) in zip(parts, spread, strict=True):
            plain = needed and not (beside_identity and not axes)
            p = self._beside(narrow, axes, term) if plain else None
            terms.append(p or self.product(body))
        return untransposed(plus([t.expr() for t in collect(terms)]))

    def _narrowed(self, term: Term) -> tuple[Term, set[int]]:
        """Return a term without the axes over which it is only spread, and the axes it has."""
        axes = set(range(len(term.dims)))
        if not term.is_contraction or is_zero(term):
            return term, axes
        scale, factors, dims = factors_of(term)
        carried = sorted(axes & {x for f in factors for x in f.labels})
        if len(carried) == len(axes):
            return term, axes
        ranges = {k: d for k, d in enumerate(dims) if k not in axes or k in carried}
        return contract(factors, carried, ranges, scale), set(carried)

    def _beside(self, narrow: Term, axes: set[int], whole: Term) -> PieceProduct | None:
        """Return a summand as it may stand beside the others: a scalar, a column, a row."""
        p = self.product(narrow)
        if len(axes) == len(whole.dims) or not axes:
            return p
        body = p.body if p.body is not None and axes == {0} else p.body and flip(p.body)
        if body is None or not may_spread(body, shape_of(whole)):
            return None
        return PieceProduct(p.scale, p.scalars, body)


def _turned(x: Expr, shape: Shape) -> Expr:
    """Return an expression in a shape that has the same axes."""
    if x.shape == shape or len(x.shape) == len(shape) == 2:
        return x if x.shape == shape else flip(x)
    return fitted(x, shape)


def _values(names: Iterable[Term]) -> list[tuple[Term, Term]]:
    """Return names with what they name."""
    return [(t, t.children[0]) for t in names]


def _is_identity(term: Term) -> bool:
    """Whether a term of two axes is a multiple of the identity, or a diagonal matrix."""
    factors = Parts.of(term).factors if len(term.dims) == 2 else ()
    return any(f.term.is_delta and {*f.labels} == {0, 1} for f in factors)


def _parts(x: Expr) -> int:
    """Return how many parts an expression has, names counting as one."""
    return sum(1 for _ in walk(x, Expr.is_name))


def _is_written(term: Term) -> bool:
    """Whether a term is more than a name: what somebody could have written in several ways."""
    composite = term.kind in ("add", "call") or (term.is_contraction and term.children)
    return bool(composite)
