"""Index terms: the one form in which all of multilinear algebra looks alike.

A *contraction* is ``scale * sum over the bound indices of a product of entries``. Matrix product,
transpose, trace, outer and Hadamard product, diag, sum and broadcasting are all contractions;
they differ only in which indices are shared, summed or left free. A factor may carry an exponent,
so that quotients and powers are monomials too. Everything else is a sum of contractions, or the
call of a function whose pullback an operator's table entry supplies.

Contract: terms are immutable and shared (equal terms are one object). ``contract`` and ``add``
return canonical terms: deltas sifted, nested contractions merged, equal factors gathered, bound
indices renamed, factors and summands sorted, like summands added. This module names no operator.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from fractions import Fraction
from hashlib import blake2b
from typing import Any, Protocol
from weakref import WeakValueDictionary

from ..expr import Expr
from ..shapes import Dim
from .scale import Scale

Label = Hashable
Dims = tuple[Dim, ...]


class Function(Hashable, Protocol):
    """What a call needs to know of the operator it came from (supplied by the operator table)."""

    @property
    def name(self) -> str: ...
    @property
    def data(self) -> Hashable: ...
    def pullback(self, node: Term, position: int, cotangent: Term) -> Term: ...
    def rebuild(self, args: tuple[Expr, ...]) -> Expr: ...


class Term:
    """A node: ``kind`` is leaf, named, delta, unit, fuse, share, add, call or contract.

    ``symmetric`` says whether its two axes may be exchanged; None until somebody asked.
    """

    __slots__ = ("kind", "dims", "data", "children", "order", "symmetric", "__weakref__")
    kind: str
    dims: Dims
    data: Any
    children: tuple[Term, ...]
    order: tuple[int, str, bytes]
    symmetric: bool | None

    def __repr__(self) -> str:
        return f"{self.kind}{self.children or ''}[{self.data}]"


_terms: WeakValueDictionary[Hashable, Term] = WeakValueDictionary()
_KINDS = ("leaf", "named", "unit", "call", "contract", "add", "share", "fuse", "delta")
_RANK = {kind: rank for rank, kind in enumerate(_KINDS)}  # in sorting order


def intern(
    kind: str,
    dims: Dims,
    data: Hashable,
    children: tuple[Term, ...],
    name: str,
    symmetric: bool | None = None,
) -> Term:
    """Return the one term with these parts."""
    key = (kind, dims, data, children, symmetric)
    found = _terms.get(key)
    if found is None:
        found = Term()
        found.kind, found.dims, found.data, found.children = kind, dims, data, children
        digest = blake2b(f"{kind}|{name}|{_spell(data)}".encode(), digest_size=8)
        for child in children:
            digest.update(child.order[2])
        found.symmetric = symmetric
        found.order = (_RANK[kind], name, digest.digest())
        _terms[key] = found
    return found


def _spell(data: Hashable) -> str:
    return repr(data) if not isinstance(data, Expr) else str(data.data)


@dataclass(frozen=True, slots=True)
class Factor:
    """One factor of a contraction: a term, the label of each of its axes, an exponent."""

    term: Term
    labels: tuple[Label, ...]
    exponent: Fraction = Fraction(1)


def is_whole(term: Term) -> bool:
    """Whether a term is the call of a function of whole matrices, not of their entries."""
    return term.kind == "call" and getattr(term.data, "takes_matrices", False)


def leaf(expr: Expr, dims: Dims, *, symmetric: bool = False) -> Term:
    """Return a variable, or a given cotangent, as a term."""
    return intern("leaf", dims, expr, (), str(expr.data), symmetric)


def named(expr: Expr, value: Term) -> Term:
    """Return a definition the writer named; it stays a name in every result."""
    return intern("named", value.dims, expr, (value,), str(expr.data))


def delta(dim: Dim) -> Term:
    """Return the Kronecker delta over one dimension."""
    return intern("delta", (dim, dim), None, (), "")


def unit(position: int, dim: Dim) -> Term:
    """Return the unit vector with its 1 at ``position`` (counted from 1)."""
    return intern("unit", (dim,), position, (), f"{position:06d}")


def fuse(slow: Dim, fast: Dim) -> Term:
    """Return the indicator of ``k = s * fast + f``: one axis for two, as vec and kron have.

    Its axes are k, s and f, each counted from 0, so that the last one runs fastest.
    """
    return intern("fuse", (slow * fast, slow, fast), None, (), "")


def share(term: Term) -> Term:
    """Return a sum as one factor and one summand: what is used more than once is not merged.

    It stands for its only child; a term that is no sum is returned as it is.
    """
    if term.kind == "contract":
        is_sum = len(term.data[3]) > len(term.dims) or any(c.kind == "add" for c in term.children)
    else:
        is_sum = term.kind == "add"
    if not is_sum:
        return term
    return intern("share", term.dims, None, (term,), "")


def call(function: Function, args: tuple[Term, ...], dims: Dims) -> Term:
    """Return a function of terms."""
    return intern("call", dims, function, args, function.name)


def zero(dims: Dims) -> Term:
    """Return the zero term."""
    return intern("contract", dims, (Scale(Fraction(0)), (), (), dims), (), "")


def is_entrywise(term: Term) -> bool:
    """Whether a term is a call that acts on every entry of its arguments alone."""
    return term.kind == "call" and bool(getattr(term.data, "entrywise", False))


def is_zero(term: Term) -> bool:
    """Whether a term is the zero term."""
    return term.kind == "contract" and not term.data[0].value


def factors_of(term: Term) -> tuple[Scale, tuple[Factor, ...], Dims]:
    """Return the parts of a contraction; its free indices are 0, 1, .. in axis order."""
    scale, label_lists, exponents, dims = term.data
    factors = tuple(map(Factor, term.children, label_lists, exponents))
    return scale, factors, dims
