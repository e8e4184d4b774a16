"""Pieces of a contraction on their way to matrix form: takes two, returns them as one.

A piece is a matrix expression with the labels of its row and its column (None where it has
none): a path of matrices becomes a product, a vector on an index of a matrix a scaling, a closed
cycle a trace, what hangs together entrywise a Hadamard product.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cmp_to_key
from hashlib import sha256
from typing import NamedTuple

from ...core.errors import MissingRuleError
from ...core.expr import Expr, add, div, matmul, mul, neg, node, num, number, ones, power, transpose
from ...core.remembering import remembered
from ...core.scale import UNIT_SCALE
from ...core.shapes import ONE, SCALAR, Dim, Shape
from ...core.transposing import count_transposes, flip, is_reciprocal, transposes, turns_spread
from ...ops import TABLE
from ...ops.leaves import decimal
from ...tensor import Label, Scale
from ...tensor.terms import ONE_EXPONENT, Function

_LONGEST = 1000  # characters of a spelling


class Piece(NamedTuple):
    """An expression whose row and column carry labels; ``path`` are the factors of a product."""

    expr: Expr
    row: Label | None = None
    column: Label | None = None
    symmetric: bool = False
    path: tuple[Piece, ...] = ()

    @property
    def labels(self) -> frozenset[Label]:
        """Return the labels that are there."""
        return frozenset(x for x in (self.row, self.column) if x is not None)

    @property
    def is_matrix(self) -> bool:
        """Whether both ends carry a label."""
        return self.row is not None and self.column is not None

    def is_vector_on(self, label: Label) -> bool:
        """Whether one end carries a label and the other none."""
        return not self.is_matrix and label in (self.row, self.column)

    @property
    def is_loop(self) -> bool:
        """Whether both ends carry the same label."""
        return self.row is not None and self.row == self.column

    def meets(self, label: Label) -> bool:
        """Whether one of the ends carries a label."""
        return label in (self.row, self.column)

    def turned(self) -> Piece:
        """Return the transpose."""
        if self.path:
            path = tuple(p.turned() for p in reversed(self.path))
            return Piece(matmul(*(p.expr for p in path)), self.column, self.row, path=path)
        turned = self.expr if self.symmetric else flip(self.expr)
        return Piece(turned, self.column, self.row, self.symmetric)

    @property
    def parts(self) -> tuple[Piece, ...]:
        """Return the factors of a product, or the piece itself."""
        return self.path or (self,)

    def starting(self, label: Label) -> Piece:
        """Return the piece with ``label`` on its row."""
        return self if self.row == label else self.turned()

    def ending(self, label: Label) -> Piece:
        """Return the piece with ``label`` on its column."""
        return self if self.column == label else self.turned()

    def upright(self) -> Piece:
        """Return a vector as a column."""
        return self if self.column is None else self.turned()


def hadamard(exprs: Sequence[Expr]) -> Expr:
    """Return the entrywise product of expressions of one shape; quotients stay quotients."""
    if len(exprs) == 1:
        return exprs[0]
    over = [e for e in exprs if not is_reciprocal(e)]
    under = [e.args[1] for e in exprs if is_reciprocal(e)]
    top = _product(over) if over else num(1)
    return div(top, _product(under)) if under else top


def _product(exprs: Sequence[Expr]) -> Expr:
    return mul(*exprs) if len(exprs) > 1 else exprs[0]


def raised_power(x: Expr, exponent: Fraction) -> Expr:
    """Return a power as people write it: 1/x, sqrt(x), x ** 2."""
    if exponent is ONE_EXPONENT or exponent == 1:
        return x
    if exponent < 0:
        return div(num(1), raised_power(x, -exponent))
    if exponent == Fraction(1, 2):
        return node("sqrt", (x,), x.shape)
    return power(x, num(exponent))


def base_and_exponent(x: Expr) -> tuple[Expr, Fraction]:
    """Return what a power is one of, and its exponent: the inverse of ``raised_power``."""
    if is_reciprocal(x):
        base, exponent = base_and_exponent(x.args[1])
        return base, -exponent
    if x.op == "sqrt":
        return x.args[0], Fraction(1, 2)
    if x.op == "pow" and x.args[1].op == "num":
        return x.args[0], number(x.args[1])
    return x, Fraction(1)


def diagonal(x: Expr) -> Expr:
    """Return diag of a column, or the diagonal of a matrix as a column."""
    if x.shape[1] == ONE:
        return node("diag", (x,), (x.shape[0], x.shape[0]))
    return node("diag", (x,), (x.shape[0], ONE))


def chain(left: Piece, middle: Label, right: Piece) -> Piece:
    """Return the product of two pieces over a label."""
    a, b = left.ending(middle), right.starting(middle)
    turns = transposes(a.expr) + transposes(b.expr)
    if turns:
        back = (b.turned(), a.turned())
        if turns > sum(transposes(p.expr) for p in back):
            a, b = back
    return Piece(matmul(a.expr, b.expr), a.row, b.column, path=(*a.parts, *b.parts))


def is_scaling(x: Expr) -> bool:
    """Whether a matrix is diagonal, made of a column."""
    return x.op == "diag" and x.shape[1] != ONE


def _spelled(x: Expr) -> str:
    """Return a stable spelling of an expression, to break ties; of a long one, how it begins."""
    # What ends a name sorts before every letter, so that X comes before X2 and (X, Y) before both.
    inside = "\t".join(spelled(a) for a in x.args)
    whole = f"{x.op}\n{x.data}\n{inside}\t"
    if len(whole) <= _LONGEST:
        return whole
    return whole[: _LONGEST // 2] + sha256(whole.encode()).hexdigest()


spelled = remembered(_spelled)


def _compared(left: Expr, right: Expr) -> int:
    """Return below 0 where the left one is spelled first, however far into them that shows."""
    stack, seen = [(left, right)], set()
    while stack:
        a, b = pair = stack.pop()
        if a is b or pair in seen:
            continue
        seen.add(pair)
        words = (a.op, str(a.data)), (b.op, str(b.data))
        if words[0] != words[1]:
            return -1 if words[0] < words[1] else 1
        # Arguments that only one of them has decide after those before.
        more = len(a.args) - len(b.args)
        both = [(x, y) for x, y in zip(a.args, b.args) if x is not y]
        if more and not both:
            return more
        stack += reversed(both)
    return 0


by_spelling = cmp_to_key(_compared)


def inner_product(u: Piece, v: Piece) -> Expr:
    """Return u.T @ v of two columns, as the writer would order a chain: fewest transposes."""
    candidates = [matmul(a.turned().expr, b.expr) for a, b in ((u, v), (v, u))]
    return min(candidates, key=lambda e: (transposes(e), by_spelling(e)))


def cycle(piece: Piece) -> Expr:
    """Return the trace of a product, turned so that it starts as a person would."""
    candidates = []
    for side in (piece.parts, piece.turned().parts):
        exprs = [p.expr for p in side]
        for k in range(len(exprs)):
            candidates.append(matmul(*exprs[k:], *exprs[:k]))
    best = min(candidates, key=lambda e: (transposes(e), by_spelling(e)))
    return node("trace", (best,), SCALAR)


def summed(piece: Piece, label: Label, dim: Dim, style: str) -> Piece:
    """Return a piece summed over one of its labels: ``sum`` or ``mean``, or a product with ones."""
    if style == "ones":
        body = piece.ending(label)
        return Piece(matmul(body.expr, ones(dim)), body.row, None)
    rows, cols = piece.expr.shape
    if piece.row == label:
        return Piece(node(style, (piece.expr,), (ONE, cols), 0), None, piece.column)
    return Piece(node(style, (piece.expr,), (rows, ONE), 1), piece.row, None)


def spread_out(column: Expr | None, row: Expr | None, shape: Shape) -> Expr:
    """Return the matrix u v^T of a column u and a row v^T; missing ones are 1."""
    if row is None and column is None:
        return ones(*shape)
    left = column if column is not None else ones(shape[0])
    return matmul(left, row if row is not None else transpose(ones(shape[1])))


class PieceProduct(NamedTuple):
    """A scale, scalar expressions, and a body (None where the product is a scalar)."""

    scale: Scale
    scalars: tuple[Expr, ...] = ()
    body: Expr | None = None

    def expr(self) -> Expr:
        """Return ``-2 * s * X / n``: numbers, sizes and scalars in front, quotients behind."""
        if self.scale is UNIT_SCALE and not self.scalars and self.body is not None:
            return self.body
        over = [e for e in self.scalars if not is_reciprocal(e)]
        under = [e.args[1] for e in self.scalars if is_reciprocal(e)]
        for name, exponent in self.scale.sizes:
            size = node("size", (), SCALAR, Dim(1, (name,)))
            parts = over if exponent > 0 else under
            parts.append(raised_power(size, Fraction(abs(exponent))))
        value = abs(self.scale.value)
        plain = value.numerator == value.denominator == 1
        if self.body is not None and is_reciprocal(self.body):
            under.append(self.body.args[1])
        elif self.body is not None:
            over.append(self.body)
        if not plain and _reads_better_below(value, bool(over) or not under):
            under.insert(0, num(value.denominator))
            value = Fraction(value.numerator)
        top = over if plain or value == 1 else [num(value), *over]
        result = mul(*top) if top else num(1)
        if under:
            result = div(result, _product(under))
        return neg(result) if self.scale.value.numerator < 0 else result


def _reads_better_below(value: Fraction, has_top: bool) -> bool:
    """Whether a number is written as a quotient: X / 3, but 0.5 * X."""
    if value.denominator == 1 or (has_top and value.numerator != 1 and decimal(value)):
        return False
    return value.denominator % 3 == 0 or value.denominator > 1000 or not has_top


def plus(terms: Sequence[Expr]) -> Expr:
    """Return a sum: positive terms first, plain before transposed ones, the identity last."""

    def place(t: Expr) -> tuple[bool, bool, int]:
        return (t.is_negative or _negative(t), _is_identity(t), transposes(t))

    return add(*sorted(terms, key=place))


def untransposed(x: Expr) -> Expr:
    """Return ``X.T @ B.T + B.T @ X.T`` as ``(X @ B + B @ X).T``: a sum of transposes alone."""
    if not x.is_sum or ONE in x.shape or turns_spread(x):
        return x
    if any(not _inner(t).is_matrix_product for t in x.args):
        return x
    turned = [flip(t) for t in x.args]
    if any(transposes(_inner(t)) for t in turned):
        return x
    saved = sum(map(count_transposes, x.args)) - sum(map(count_transposes, turned))
    return transpose(plus(turned)) if saved > 2 else x


def _inner(t: Expr) -> Expr:
    """Return the product in a summand with a sign or a number in front."""
    return t.args[-1] if t.op in ("neg", "mul") else t


def _is_identity(t: Expr) -> bool:
    return t.op == "eye" or (t.is_hadamard and t.args[-1].op == "eye")


def _negative(t: Expr) -> bool:
    return t.is_number and number(t) < 0


def called(function: Function, args: Sequence[Expr]) -> Expr:
    """Return a call as an expression; raises where the language has it of single matrices only."""
    known = TABLE.get(function.name)
    if known is not None and not known.tensors and any(len(a.shape) > 2 for a in args):
        raise MissingRuleError(
            f"no form for {known.spelled or known.name} of many matrices at once",
            remedy="write the terms of the sum one by one",
        )
    value: Expr = function.rebuild(tuple(args))
    return value
