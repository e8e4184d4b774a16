"""Takes a term and a leaf in it; returns the derivative of every entry by every entry, as a term.

Reverse mode with a seed v gives v^T J, a term that is linear in v. Each place of v is replaced by
Kronecker deltas, and the axes of v move outward through products and sums, and through calls whose
entry says how (``along``); so the whole chain of factors is there before anything is multiplied
(cross-country elimination: Griewank and Walther, Evaluating Derivatives, 2008, chapter 9; for
tensor expressions: Laue, Mitterreiter and Giesen, AAAI 2020). Any other call raises.
"""

from __future__ import annotations

from typing import Any

from ..core.errors import MissingRuleError
from ..core.expr import Expr, var
from ..core.shapes import SCALAR, Dim
from ..tensor import (
    Factor,
    Label,
    Parts,
    Scale,
    Term,
    add,
    contract,
    delta,
    is_zero,
    leaf,
    scaled,
    summands,
    zero,
)
from .reverse import dependents, reverse

# No name of the language has a space in it.
_SEED = var("unknown cotangent", SCALAR)


def jacobian(value: Term, by: Term) -> Term:
    """Return the derivative of every entry of ``value`` by every entry of a leaf.

    The axes of the result are those of ``value``, then those of ``by``.
    """
    seed = leaf(_SEED, value.dims)
    pulled = reverse(value, [by], seed).gradient(by)
    if not by.dims and _is_called_on(pulled, seed):
        # The product with the seed is a scalar, linear in it: its gradient is the derivative.
        return reverse(pulled, [seed]).gradient(seed)
    slope = _Slope(seed).of(pulled)
    outer = len(by.dims)
    labels = tuple(range(len(slope.dims)))
    out = labels[outer:] + labels[:outer]
    if is_zero(slope):
        return zero(value.dims + by.dims)
    # Each summand by itself, so that none of them is written as a transpose of a sum.
    dims: dict[Any, Dim] = dict(enumerate(slope.dims))
    return add([contract([Factor(b, labels)], out, dims, s) for s, b in _summands(slope)])


def product(value: Term, by: Term, direction: Expr) -> Term:
    """Return the product of the transposed Jacobian with a direction of the shape of ``value``.

    For a gradient, whose Jacobian is symmetric, this is the product of the Hessian with it.
    """
    return reverse(value, [by], leaf(direction, value.dims)).gradient(by)


def _is_called_on(term: Term, seed: Term) -> bool:
    """Whether the seed sits inside a call, through which its axes cannot move."""
    return any(t.is_call for t in dependents(term, {seed}))


class _Slope:
    """The linear map of a term that is linear in one leaf, axis by axis."""

    def __init__(self, seed: Term) -> None:
        self.seed = seed
        self._known: dict[Term, Term | None] = {}

    def of(self, term: Term) -> Term:
        """Return a term with the axes of ``term``, then those of the seed."""
        found = self._of(term)
        return zero(term.dims + self.seed.dims) if found is None else found

    def _of(self, term: Term) -> Term | None:
        """Return the map, or None where the term does not contain the seed."""
        if term not in self._known:
            self._known[term] = self._read(term)
        return self._known[term]

    def _read(self, term: Term) -> Term | None:
        if term is self.seed:
            return _identity(term.dims)
        if term.is_alias:
            return self._of(term.children[0])
        inside = [(k, c, f) for k, c in enumerate(term.children) if (f := self._of(c)) is not None]
        if not inside:
            return None
        if term.is_sum:
            return add([scaled(f, term.data[k]) for k, _, f in inside])
        if term.is_contraction:
            (spot, _, slope) = inside[0]
            return self._moved(term, spot, slope)
        along = getattr(term.data, "along", None)
        if along is not None:
            moved: Term = along(term, {k: f for k, _, f in inside}, len(self.seed.dims))
            return moved
        name = getattr(term.data, "name", term.kind)
        raise MissingRuleError(
            f"no rule for the Jacobian through {name}: it is applied to the cotangent",
            remedy="the product with a vector has one: .product(..)",
        )

    def _moved(self, term: Term, spot: int, slope: Term) -> Term:
        """Move the axes of the seed out of one factor of a product."""
        scale, factors, _, dims = Parts.of(term)
        marks: tuple[Label, ...] = tuple(("seed", k) for k in range(len(self.seed.dims)))
        dims.update(zip(marks, self.seed.dims, strict=True))
        target = factors[spot]
        others = [f for k, f in enumerate(factors) if k != spot]
        out = (*range(len(term.dims)), *marks)
        # A sum in front of which matrices stand stays one factor, the rest is multiplied out; a
        # sum of terms with more than two axes could not be read as a matrix.
        free = set(range(len(term.dims)))
        open_ = len(slope.dims) > 2 or set(target.labels) <= free
        if not open_:
            others, slope = _weighted(others, Factor(slope, (*target.labels, *marks)), dims)
        parts = [scaled(b, s) for s, b in _summands(slope)] if open_ else [slope]
        return add(
            [
                contract([*others, Factor(p, (*target.labels, *marks))], out, dims, scale)
                for p in parts
            ]
        )


def _weighted(
    others: list[Factor], slope: Factor, dims: dict[Any, Dim]
) -> tuple[list[Factor], Term]:
    """Multiply what scales the rows of a sum into it: diag(s) - s sᵀ, not (I - s 1ᵀ) diag(s)."""
    ends = set(slope.labels)
    weights = [f for f in others if len(f.labels) == 1 and set(f.labels) <= ends]
    if not weights or not slope.term.is_sum:
        return others, slope.term
    rest = [f for f in others if f not in weights]
    ranges = {x: dims[x] for x in slope.labels}
    parts = [
        contract([*weights, slope._replace(term=b)], slope.labels, ranges, s)
        for s, b in _summands(slope.term)
    ]
    return rest, add(parts)


def _summands(term: Term) -> list[tuple[Scale, Term]]:
    """Return the summands of a term, those of a scaled sum one by one."""
    found: list[tuple[Scale, Term]] = []
    for scale, body in summands(term):
        inner = _summands(body) if body.is_sum else [(Scale(), body)]
        found += [(scale * s, b) for s, b in inner]
    return found


def _identity(dims: tuple[Dim, ...]) -> Term:
    count = len(dims)
    factors = [Factor(delta(d), (k, count + k)) for k, d in enumerate(dims)]
    return contract(factors, range(2 * count), dict(enumerate(dims + dims)))
