"""Makes index terms, the one form in which all of multilinear algebra looks alike.

A *contraction* is ``scale * sum over the bound indices of a product of entries``. Matrix product,
transpose, trace, outer and Hadamard product, diag, sum and broadcasting are all contractions;
they differ only in which indices are shared, summed or left free. A factor may carry an exponent,
so that quotients and powers are monomials too. Everything else is a sum of contractions, or the
call of a function whose pullback an operator's table entry supplies.

Contract: terms are immutable and shared: equal terms are one object.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterator
from fractions import Fraction
from itertools import count
from operator import attrgetter
from typing import Any, NamedTuple, Protocol

from ..core.expr import Expr
from ..core.interning import Interned
from ..core.nodes import Notion, arguments_first, of_kind
from ..core.scale import UNIT_SCALE, Scale
from ..core.shapes import Dim

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

    ``symmetric`` says whether its two axes may be exchanged; None until somebody asked. ``place``
    is where it stands among terms, ``order`` where it stands among those with an equal place too;
    ``number`` tells it from every term that ever was.

    >>> from symderiv.core.expr import var
    >>> n = Dim(1, ("n",))
    >>> x = leaf(var("x", (n, Dim())), (n,))
    >>> x, x.kind, x is leaf(var("x", (n, Dim())), (n,))
    (leaf[var('x')], 'leaf', True)
    """

    __slots__ = (
        "kind",
        "dims",
        "data",
        "children",
        "place",
        "symmetric",
        "number",
        "_spelled",
        "__weakref__",
    )
    kind: str
    dims: Dims
    data: Any
    children: tuple[Term, ...]
    place: tuple[int, str]
    symmetric: bool | None
    number: int
    _spelled: str | None

    is_leaf = Notion("leaf")
    is_name = Notion("named")
    is_atom = Notion("leaf", "named")  # read as it stands
    is_shared = Notion("share")
    is_alias = Notion("named", "share")  # of its only child
    is_call = Notion("call")
    is_sum = Notion("add")
    is_contraction = Notion("contract")
    is_delta = Notion("delta")
    is_unit = Notion("unit")
    is_fuse = Notion("fuse")
    is_sifting = Notion("delta", "unit")
    is_indicator = Notion("delta", "unit", "fuse")  # its entries are 0 and 1

    @property
    def order(self) -> Order:
        """Return where a term stands among all others, whatever they were made from first."""
        return Order(self)

    @property
    def spelled(self) -> str:
        """Return what a term is besides its kind, its name and its children."""
        if self._spelled is None:
            data = self.data
            self._spelled = repr(data) if not isinstance(data, Expr) else str(data.data)
        return self._spelled

    def __repr__(self) -> str:
        return f"{self.kind}{self.children or ''}[{self.data}]"


class Order:
    """A place in the order of all terms, which depends on names only by their own order.

    Terms are compared by kind and name, then by what they hold, then child by child; where two of
    them differ in names alone, those decide, and where they differ in ranges alone, these.
    """

    __slots__ = ("term",)

    def __init__(self, term: Term) -> None:
        self.term = term

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Order) and self.term is other.term

    def __hash__(self) -> int:
        return id(self.term)

    def __lt__(self, other: Order) -> bool:
        a, b = self.term, other.term
        if a.place != b.place:
            return a.place < b.place
        key = (a.number, b.number)
        found = _compared.get(key)
        if found is None:
            if len(_compared) >= _MOST_COMPARED:
                _compared.clear()
            found = _compared[key] = _precedes(a, b)
        return found


# Factors of a product nested in each other are compared down to what they nest, at every sorting.
_compared: dict[tuple[int, int], bool] = {}
_MOST_COMPARED = 100_000


def _precedes(a: Term, b: Term) -> bool:
    stack = [(a, b)]
    ranges: tuple[list[str], list[str]] | None = None
    while stack:
        a, b = stack.pop()
        if a is b:
            continue
        if ranges is None and a.dims != b.dims:
            ranges = [str(d) for d in a.dims], [str(d) for d in b.dims]
        if a.place != b.place:
            return a.place < b.place
        sizes = (len(a.children), len(b.children))
        if sizes[0] != sizes[1]:
            return sizes[0] < sizes[1]
        if a.spelled != b.spelled:
            return a.spelled < b.spelled
        stack += zip(reversed(a.children), reversed(b.children), strict=True)
    return ranges is not None and ranges[0] < ranges[1]


_terms: Interned[Term] = Interned()
_numbers = count()
KINDS = ("leaf", "named", "unit", "call", "contract", "add", "share", "fuse", "delta")
_RANK = {kind: rank for rank, kind in enumerate(KINDS)}  # in sorting order


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
    return _terms.get(key) or _made(key, kind, dims, data, children, name, symmetric)


def _made(
    key: Hashable,
    kind: str,
    dims: Dims,
    data: Hashable,
    children: tuple[Term, ...],
    name: str,
    symmetric: bool | None = None,
) -> Term:
    term: Term = of_kind(Term, kind)()
    term.kind, term.dims, term.data, term.children = kind, dims, data, children
    term.place = (_RANK[kind], name)
    term.symmetric = symmetric
    term.number = next(_numbers)
    term._spelled = None
    _terms.put(key, term)
    return term


ONE_EXPONENT = Fraction(1)


def contraction(
    scale: Scale,
    children: tuple[Term, ...],
    labels: tuple[tuple[int, ...], ...],
    exponents: tuple[Fraction, ...],
    dims: Dims,
    outs: Dims,
) -> Term:
    """Return the one contraction with these parts, which must be canonical."""
    # Numbers that are almost always 1 are dear to hash; the ranges of bound indices are known.
    if scale is UNIT_SCALE or scale.is_unit:
        scale, front = UNIT_SCALE, None
    else:
        front = (scale.value.numerator, scale.value.denominator, scale.sizes)
    powers: tuple[tuple[int, int], ...] | None = None
    if any(e is not ONE_EXPONENT for e in exponents):
        exponents = tuple([ONE_EXPONENT if e == 1 else e for e in exponents])
        plain = all(e is ONE_EXPONENT for e in exponents)
        powers = None if plain else tuple([(e.numerator, e.denominator) for e in exponents])
    key = (outs, labels, powers, children, front)
    found = _terms.get(key)
    if found is None:
        found = _made(key, "contract", outs, (scale, labels, exponents, dims), children, "")
    return found


class Factor(NamedTuple):
    """One factor of a contraction: a term, the label of each of its axes, an exponent.

    The sum of X[i, j] I[j, k] over j is X itself:

    >>> from symderiv.core.expr import var
    >>> from symderiv.tensor import contract
    >>> n, d = Dim(1, ("n",)), Dim(1, ("d",))
    >>> X = leaf(var("X", (n, d)), (n, d))
    >>> factors = Factor(X, ("i", "j")), Factor(delta(d), ("j", "k"))
    >>> contract(factors, ["i", "k"], {"i": n, "j": d, "k": d})
    leaf[var('X')]
    """

    term: Term
    labels: tuple[Label, ...]
    exponent: Fraction = ONE_EXPONENT


_children_of = attrgetter("children")


def walk_terms(
    term: Term, leave: Callable[[Term], bool] | None = None, known: Container[Term] = ()
) -> Iterator[Term]:
    """Yield every distinct term in a term, children first, as ``walk`` does for expressions."""
    return arguments_first([term], _children_of, leave, known)


def is_whole(term: Term) -> bool:
    """Whether a term is the call of a function of whole matrices, not of their entries."""
    return term.is_call and getattr(term.data, "takes_matrices", False)


def moves_entries(term: Term) -> bool:
    """Whether a term is a call whose entries are those of its argument, in another order."""
    return term.is_call and getattr(term.data, "moves_entries", False)


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


def call(function: Function, args: tuple[Term, ...], dims: Dims) -> Term:
    """Return a function of terms."""
    return intern("call", dims, function, args, function.name)


def total(scales: tuple[Scale, ...], bodies: tuple[Term, ...]) -> Term:
    """Return the one sum with these summands, which must be canonical: sorted, none alike."""
    key = (bodies, tuple((s.value.numerator, s.value.denominator, s.sizes) for s in scales))
    return _terms.get(key) or _made(key, "add", bodies[0].dims, scales, bodies, "")


_ZERO_SCALE = Scale(Fraction(0))


def zero(dims: Dims) -> Term:
    """Return the zero term."""
    return contraction(_ZERO_SCALE, (), (), (), dims, dims)


def is_entrywise(term: Term) -> bool:
    """Whether a term is a call that acts on every entry of its arguments alone."""
    return term.is_call and bool(getattr(term.data, "entrywise", False))


def plain_number(term: Term) -> Fraction | None:
    """Return the number that every entry of a term is, or None."""
    if not term.is_contraction or term.children or term.data[0].sizes:
        return None
    value: Fraction = term.data[0].value
    return value


def is_zero(term: Term) -> bool:
    """Whether a term is the zero term."""
    return term.is_contraction and not term.children and not term.data[0].value


def factors_of(term: Term) -> tuple[Scale, tuple[Factor, ...], Dims]:
    """Return the parts of a contraction; its free indices are 0, 1, .. in axis order."""
    scale, label_lists, exponents, dims = term.data
    factors = tuple(map(Factor, term.children, label_lists, exponents))
    return scale, factors, dims
