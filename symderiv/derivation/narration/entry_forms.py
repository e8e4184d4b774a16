"""Takes an index term; returns its entry as a sum of products, with indices named for people.

A ``Monomial`` is one such product: a scale, scalar factors, Kronecker deltas not yet sifted, and
the indices it is summed over. It is differentiated factor by factor and sifted delta by delta,
each as a step of its own. ``expr`` of it is an ordinary expression, which anybody can evaluate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, count, islice

from ...calculus.matrixform import Raiser
from ...calculus.matrixform.pieces import PieceProduct, base_and_exponent, raised_power
from ...core.expr import (
    BINDERS,
    Expr,
    Index,
    add,
    delta,
    entry,
    free_indices,
    index_sum,
    marks_of,
    neg,
    num,
    rebuild,
    sum_index,
    with_args,
    with_marks,
)
from ...core.shapes import ONE, SCALAR, Dim
from ...ops.vectors import pair_entry
from ...tensor import Factor, Scale, Term, factors_of, is_entrywise, is_zero, summands

Ends = tuple[Index, ...]
_MINUS = Scale(Fraction(-1))


class Letters:
    """Hands out index letters that are not names of the problem."""

    def __init__(self, taken: Sequence[str]) -> None:
        self._taken = set(taken)
        self.reserved: set[Index] = set()  # the indices of the entry that is being derived
        self._once = False

    def pick(self, wanted: str, used: Sequence[Index] = ()) -> str:
        """Return the first free letter, in the order wanted and then by convention."""
        pool = chain(wanted, "ijklrstuvwabcfgh", (f"i{k}" for k in count(1)))
        known = (self._taken, self.reserved, used)
        found: str = next(c for c in pool if not any(c in names for names in known))
        if self._once:
            self.reserved.add(found)
        return found

    @contextmanager
    def once(self, *used: Index) -> Iterator[None]:
        """Hand out every letter once while this lasts, and none of those that are used."""
        before = self.reserved
        self.reserved, self._once = {*before, *used}, True
        yield
        self.reserved, self._once = before, False

    @contextmanager
    def beside(self, used: Sequence[Index]) -> Iterator[None]:
        """Hand out none of the letters that are used around what is written meanwhile."""
        before = self.reserved
        self.reserved = {*before, *used}
        yield
        self.reserved = before

    def targets(self, number: int) -> tuple[str, ...]:
        """Return the indices p, q, .. of an entry to differentiate by; no sum ever uses them."""
        pool = chain("pqrs", (f"{c}{k}" for k in count(1) for c in "pq"))
        return tuple(islice((c for c in pool if c not in self._taken), number))

    def pair(self, wanted: str, count: int, used: Sequence[Index] = ()) -> tuple[str, ...]:
        """Return ``count`` different letters."""
        found: list[str] = []
        for k in range(count):
            found.append(self.pick(wanted[k:] if k < len(wanted) else "", [*found, *used]))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Monomial:
    """A product of scalars under sums over named indices."""

    scale: Scale
    factors: tuple[Expr, ...]
    deltas: tuple[tuple[Index, Index, Dim], ...] = ()
    bound: tuple[tuple[str, Dim], ...] = ()

    def expr(self) -> Expr:
        """Return the monomial as an expression, a minus in front of its sums."""
        parts = (*self.factors, *(delta(*d) for d in self.deltas))
        minus = self.scale.value < 0
        body = PieceProduct(self.scale * _MINUS if minus else self.scale, parts).expr()
        for name, dim in reversed(self.bound):
            body = index_sum(name, dim, body)
        return neg(body) if minus else body

    def times(self, other: Monomial) -> Monomial:
        """Return the product with another one, whose summed indices have other letters."""
        return Monomial(
            self.scale * other.scale,
            _powers_joined((*self.factors, *other.factors)),
            (*self.deltas, *other.deltas),
            (*self.bound, *other.bound),
        )

    def is_matrix_product(self, ends: Ends) -> bool:
        """Whether it is a sum of products in which no two factors share a free index."""
        free = [set(free_indices(x)) for x in self.factors]
        shared = any(sum(i in names for names in free) > 1 for i in ends)
        return bool(self.bound) and len(self.factors) > 1 and not shared

    def sifted(self) -> tuple[Monomial, list[str]]:
        """Return the monomial with every delta on a bound index removed, and those indices."""
        gone: list[str] = []
        work = self
        for _ in self.deltas:
            found = work._next_sift()
            if found is None:
                break
            old, new, rest = found
            gone.append(old)
            work = Monomial(
                work.scale,
                tuple(rename(f, old, new) for f in work.factors),
                tuple((_swap(a, old, new), _swap(b, old, new), d) for a, b, d in rest),
                tuple(b for b in work.bound if b[0] != old),
            )
        return (work.along_path() if gone else work), gone

    def renamed(self, old: str, new: Index) -> Monomial:
        """Return the monomial with another letter for one index."""
        return Monomial(
            self.scale,
            tuple(rename(f, old, new) for f in self.factors),
            tuple((_swap(a, old, new), _swap(b, old, new), d) for a, b, d in self.deltas),
            tuple((str(_swap(name, old, new)), d) for name, d in self.bound),
        )

    def along_path(self) -> Monomial:
        """Return the factors in the order in which their indices follow each other."""
        bound = {b[0] for b in self.bound}
        marks = [tuple(free_indices(f)) for f in self.factors]
        order = path(marks, bound)
        return replace(self, factors=tuple(self.factors[k] for k in order))

    def _next_sift(self) -> tuple[str, Index, list[tuple[Index, Index, Dim]]] | None:
        names = [b[0] for b in self.bound]
        for k, (a, b, _) in enumerate(self.deltas):
            for old, new in ((a, b), (b, a)):
                if old in names:
                    return str(old), new, [d for n, d in enumerate(self.deltas) if n != k]
        return None


def _powers_joined(factors: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """Return factors with those that are powers of the same number as one: σ⁻² σ⁻¹ is σ⁻³."""
    pairs = [base_and_exponent(f) for f in factors]
    bases = [b for b, _ in pairs]
    repeated = {b for b, e in pairs if (e != 1 or b.is_name) and bases.count(b) > 1}
    found = [f for f, b in zip(factors, bases, strict=True) if b not in repeated]
    for base in dict.fromkeys(b for b in bases if b in repeated):
        exponent = sum((e for b, e in pairs if b is base), Fraction())
        found += [raised_power(base, exponent)] if exponent else []
    return tuple(found)


def path(marks: Sequence[Sequence[Index]], bound: set[str]) -> list[int]:
    """Return an order of factors in which each starts, where it can, with the last one's index.

    It begins with the factor that carries the first free index, as (A B)_pq is read.
    """
    left = list(range(len(marks)))
    order: list[int] = [k for k in left if not marks[k]]
    left = [k for k in left if marks[k]]
    here: Index | None = None
    while left:
        free = [(str(x), k) for k in left for x in marks[k] if x not in bound]
        next_ = [k for k in left if here in marks[k]] if here is not None else []
        chosen = next_[0] if next_ else (min(free)[1] if free else left[0])
        order.append(chosen)
        left.remove(chosen)
        others = [x for x in marks[chosen] if x != here and x in bound]
        here = others[-1] if others else None
    return order


def _swap(i: Index, old: str, new: Index) -> Index:
    return new if i == old else i


def rename(x: Expr, old: str, new: Index) -> Expr:
    """Return an expression with one free index replaced."""

    def change(e: Expr, args: tuple[Expr, ...]) -> Expr:
        if e.op in BINDERS and sum_index(e)[0] == old:
            return e
        if old in marks_of(e):
            return with_marks(e, args, [new if i == old else i for i in marks_of(e)])
        return with_args(e, args)

    # What a name stands for has no free index of its own.
    return rebuild(x, change, Expr.is_name)


def place(x: Expr, ends: Ends) -> Expr:
    """Return the entry of a matrix expression at the indices of its axes (dimensions not 1)."""
    if x.shape == SCALAR:
        return x
    left = iter(ends)
    return entry(x, *(1 if d == ONE else next(left) for d in x.shape))


class Forms:
    """Writes terms entry by entry; ``raiser`` supplies what stays a whole matrix (norm(R)).

    A function, or a power, that ``names`` has a name for is written by it.
    """

    def __init__(
        self, raiser: Raiser, letters: Letters, names: Iterable[tuple[Term, Expr]] = ()
    ) -> None:
        self._raiser, self.letters = raiser, letters
        self._names: dict[Term, tuple[Expr, Fraction]] = {}  # by the base: a power that has a name
        self._spelled: Expr | None = None
        for value, name in names:
            if value.kind == "call":
                self._names[value] = (name, Fraction(1))
            elif len(value.children) == 1 and (f := _only_power(value)) is not None:
                self._names[f.term] = (name, Fraction(f.exponent))

    @contextmanager
    def spelled_out(self, name: Expr) -> Iterator[None]:
        """Write out what one name stands for while this lasts."""
        self._spelled = name
        yield
        self._spelled = None

    def monomials(self, term: Term, ends: Ends) -> list[Monomial]:
        """Return a term's entry at ``ends`` as a sum of products."""
        return [m for _, _, m in self.expanded(term, ends)]

    def expanded(
        self, term: Term, ends: Ends
    ) -> Iterator[tuple[tuple[Factor, ...], tuple[Ends, ...], Monomial]]:
        """Yield every summand: its factors, the indices of each, and the monomial they make."""
        if is_zero(term):
            return
        # The longest products first, as people write Z = XW + b; what is subtracted, last.
        parts = sorted(summands(term), key=lambda p: (p[0].value < 0, -len(p[1].children)))
        for scale, body in parts:
            if not body.is_contraction:
                factor = Factor(body, tuple(range(len(ends))))
                expr = self.entry(body, ends)
                yield (factor,), (tuple(ends),), Monomial(scale, (expr,))
                continue
            inner, factors, dims = factors_of(body)
            factors, dims = _along(factors, dims, len(ends))
            names: list[Index] = list(ends)
            names += self.letters.pair(self._bound_letters(ends), len(dims) - len(ends), ends)
            spots = tuple(tuple(names[int(str(x))] for x in f.labels) for f in factors)
            with self.letters.beside(names):
                exprs, deltas = self._split(factors, spots)
            bound = tuple(zip(map(str, names[len(ends) :]), dims[len(ends) :], strict=True))
            yield factors, spots, Monomial(scale * inner, exprs, deltas, bound)

    @staticmethod
    def _bound_letters(ends: Ends) -> str:
        return "klrstuvw" if ends else "ijklrstu"

    def _split(
        self, factors: tuple[Factor, ...], spots: tuple[Ends, ...]
    ) -> tuple[tuple[Expr, ...], tuple[tuple[Index, Index, Dim], ...]]:
        exprs: list[Expr] = []
        deltas: list[tuple[Index, Index, Dim]] = []
        for f, spot in zip(factors, spots, strict=True):
            if f.term.is_delta:
                deltas.append((spot[0], spot[1], f.term.dims[0]))
            elif f.term.is_unit:
                deltas.append((spot[0], f.term.data, f.term.dims[0]))
            else:
                exprs.append(self.power(f.term, spot, f.exponent))
        return tuple(exprs), tuple(deltas)

    def power(self, term: Term, ends: Ends, exponent: Fraction) -> Expr:
        """Return a power of one entry of a term as a scalar expression."""
        name, root = self._names.get(term, (None, Fraction(1)))
        if (
            name is not None
            and name is not self._spelled
            and Fraction(exponent / root).denominator == 1
        ):
            return raised_power(place(name, ends), Fraction(exponent / root))
        return raised_power(self._spelled_entry(term, ends), exponent)

    def entry(self, term: Term, ends: Ends) -> Expr:
        """Return one entry of a term as a scalar expression."""
        return self.power(term, ends, Fraction(1))

    def _spelled_entry(self, term: Term, ends: Ends) -> Expr:
        if term.is_atom:
            return place(term.data, ends)
        if term.is_call:
            whole = any(c.dims != term.dims for c in term.children)
            if whole or not is_entrywise(term):
                return place(self._raiser.natural(term), ends)
            rebuilt: Expr = term.data.rebuild(tuple(self.entry(c, ends) for c in term.children))
            return rebuilt
        if term.is_shared:
            return self.entry(term.children[0], ends)
        if term.is_delta:
            return delta(ends[0], ends[1], term.dims[0])
        if term.is_unit:
            return delta(ends[0], term.data, term.dims[0])
        if term.is_fuse:
            return pair_entry(term.dims[1], term.dims[2], (ends[0], ends[1], ends[2]))
        return total(self.monomials(term, ends))


def _only_power(value: Term) -> Factor | None:
    """Return the one factor of a value that is a power of it, entry by entry."""
    if value.kind != "contract":
        return None
    scale, factors, dims = factors_of(value)
    own = tuple(range(len(value.dims)))
    if len(factors) != 1 or scale != Scale() or len(dims) > len(own) or factors[0].labels != own:
        return None
    return factors[0]


def _along(
    factors: tuple[Factor, ...], dims: tuple[Dim, ...], free: int
) -> tuple[tuple[Factor, ...], tuple[Dim, ...]]:
    """Return factors in path order, their bound indices numbered as they are met."""
    marks = [tuple(map(_spelled, f.labels)) for f in factors]
    order = path(marks, {_spelled(x) for x in range(free, len(dims))})
    number = {x: x for x in range(free)}
    for k in order:
        for x in factors[k].labels:
            number.setdefault(int(str(x)), len(number))
    for x in range(len(dims)):
        number.setdefault(x, len(number))
    moved = sorted(number, key=lambda x: number[x])
    renamed = tuple(
        Factor(
            factors[k].term,
            tuple(number[int(str(x))] for x in factors[k].labels),
            factors[k].exponent,
        )
        for k in order
    )
    return renamed, tuple(dims[x] for x in moved)


def _spelled(label: object) -> str:
    return f"{label:04d}"


def total(monomials: Sequence[Monomial]) -> Expr:
    """Return a sum of monomials as an expression; the empty sum is the number zero."""
    return add(*(m.expr() for m in monomials)) if monomials else num(0)


def differentiated(
    forms: Forms,
    term: Term,
    ends: Ends,
    is_target: Callable[[Term], bool],
    slope: Callable[[Factor, Ends], list[Monomial]],
) -> list[Monomial]:
    """Return the product rule: every factor that meets the target, replaced by its slope."""
    found: list[Monomial] = []
    for factors, spots, whole in forms.expanded(term, ends):
        for k, f in enumerate(factors):
            if f.term.is_sifting or not is_target(f.term):
                continue
            rest_factors = factors[:k] + factors[k + 1 :]
            rest_spots = spots[:k] + spots[k + 1 :]
            exprs, deltas = forms._split(rest_factors, rest_spots)
            used = [*(x for spot in spots for x in spot), *(name for name, _ in whole.bound)]
            with forms.letters.beside(used):
                slopes = slope(f, spots[k])
            around = Monomial(whole.scale, exprs, deltas, whole.bound)
            found += [around.times(s) for s in slopes]
    return found
