"""Symbolic sizes and shapes: their arithmetic, whether they can be equal, their broadcast.

A dimension is a positive size ``coefficient * product of symbols``. Symbols that a writer chose are
rigid (distinct symbols are distinct sizes); symbols that start with ``?`` are unknowns, which a
``Unifier`` may bind. A shape ends in rows and columns; the axes in front of those are batch axes,
and the first of them is not 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from math import prod
from typing import NamedTuple


class Dim(NamedTuple):
    """A size: an integer times a product of symbols (sorted, with repetition).

    >>> found = symbol("n") * size(2) * symbol("d")
    >>> str(found), found.at({"n": 3, "d": 5})
    ('2*d*n', 30)
    """

    coefficient: int = 1
    symbols: tuple[str, ...] = ()

    def __str__(self) -> str:
        head = [str(self.coefficient)] if self.coefficient != 1 or not self.symbols else []
        return "*".join([*head, *self.symbols])

    def __mul__(self, other: Dim) -> Dim:  # type: ignore[override]
        symbols = tuple(sorted(self.symbols + other.symbols))
        return Dim(self.coefficient * other.coefficient, symbols)

    @property
    def is_unknown(self) -> bool:
        """Whether this is a single unknown, free to be bound."""
        return self.coefficient == 1 and len(self.symbols) == 1 and self.symbols[0][0] == "?"

    @property
    def names(self) -> tuple[str, ...]:
        """Return the symbols that a writer declared; those inside a sum too."""
        return _names(self.symbols)

    def at(self, sizes: Mapping[str, int]) -> int:
        """Return the size once every symbol has one."""
        return self.coefficient * prod(
            sum(p.at(sizes) for p in parts_of(s)) if s[0] == "(" else sizes[s] for s in self.symbols
        )


@lru_cache(maxsize=4096)
def _names(symbols: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(n for s in symbols for n in (symbol_names(s) if s[0] == "(" else (s,)))


ONE = Dim()
Shape = tuple[Dim, ...]
SCALAR: Shape = (ONE, ONE)


@lru_cache(maxsize=4096)
def symbol(name: str) -> Dim:
    """Return the dimension that is the single symbol ``name``."""
    return Dim(1, (name,))


def size(value: int) -> Dim:
    """Return the dimension that is the integer ``value``."""
    return Dim(value, ())


def describe(shape: Shape) -> str:
    """Return a shape as people write it: ``n x d``.

    >>> describe((symbol("n"), size(3)))
    'n x 3'
    """
    return " x ".join(map(str, shape)).replace("?", "")


def trimmed(shape: Shape) -> Shape:
    """Return a shape without leading batch axes of size 1: they change nothing.

    >>> describe(trimmed((ONE, symbol("n"), symbol("d"))))
    'n x d'
    """
    while len(shape) > 2 and shape[0] == ONE:
        shape = shape[1:]
    return shape


def reduced_shape(shape: Shape, axis: int | None) -> Shape:
    """Return the shape of a reduction: its axis is kept with size 1, unless it is leading."""
    if axis is None:
        return SCALAR
    return trimmed((*shape[:axis], ONE, *shape[axis + 1 :]))


@lru_cache(maxsize=4096)
def parts_of(name: str) -> tuple[Dim, ...]:
    """Return the dimensions whose sum a symbol such as ``(m + n)`` stands for.

    >>> parts_of("(m + 2*n)")
    (Dim(coefficient=1, symbols=('m',)), Dim(coefficient=2, symbols=('n',)))
    """
    found = []
    for part in _cut(name[1:-1], "+-"):
        minus, body = part[0] == "-", part.lstrip("+- ")
        factors = [f.strip("* ") for f in _cut(body, "*")]
        numbers = [f for f in factors if f.isdecimal()]
        names = tuple(sorted(f for f in factors if not f.isdecimal()))
        found.append(Dim(prod(map(int, numbers)) * (-1 if minus else 1), names))
    return tuple(found)


def _cut(text: str, signs: str) -> list[str]:
    """Return the parts between signs that are in no parentheses, each with its sign in front."""
    parts, depth = [""], 0
    for c in text:
        depth += (c == "(") - (c == ")")
        if c in signs and not depth:
            parts.append("")
        parts[-1] += c
    return [p.strip() for p in parts]


def symbol_names(name: str) -> tuple[str, ...]:
    """Return the declared symbols inside a sum."""
    return tuple(n for part in parts_of(name) for n in part.names)


def summed_sizes(dims: Iterable[Dim]) -> Dim:
    """Return the sum of dimensions: 2*n, or a symbol of its own for n and m.

    >>> str(summed_sizes([symbol("n"), symbol("m")])), str(summed_sizes([symbol("n")] * 2))
    ('(m + n)', '2*n')
    """
    return _gathered(dims, ())  # type: ignore[return-value]


def left_over(whole: Dim, dims: Iterable[Dim]) -> Dim | None:
    """Return what is left of a dimension without others: None for nothing.

    Raises DimMismatchError where they are no part of it.
    """
    left = difference([whole], dims)
    if left is not None and is_difference(left):
        raise DimMismatchError(whole, summed_sizes(dims))
    return left


def difference(plus: Iterable[Dim], minus: Iterable[Dim]) -> Dim | None:
    """Return a sum of dimensions without others, which may be a size only for some sizes.

    None stands for nothing; raises DimMismatchError where it is less than that for all sizes.

    >>> n = symbol("n")
    >>> str(difference([n], [ONE])), str(difference([n, ONE], [n]))
    ('(n - 1)', '1')
    """
    return _gathered(plus, minus)


def is_difference(dim: Dim) -> bool:
    """Whether a dimension is a size only where others are large enough: n - 1, n - k.

    >>> is_difference(difference([symbol("n")], [ONE])), is_difference(symbol("n"))
    (True, False)
    """
    return any(
        part.coefficient < 0 or is_difference(part)
        for s in dim.symbols
        if s[0] == "("
        for part in parts_of(s)
    )


def _gathered(plus: Iterable[Dim], minus: Iterable[Dim]) -> Dim | None:
    plus, minus = list(plus), list(minus)
    counts: dict[tuple[str, ...], int] = {}
    for sign, dims in ((1, plus), (-1, minus)):
        for dim in dims:
            single = len(dim.symbols) == 1 and dim.symbols[0][0] == "("
            for part in parts_of(dim.symbols[0]) if single else (Dim(1, dim.symbols),):
                count = sign * dim.coefficient * part.coefficient
                counts[part.symbols] = counts.get(part.symbols, 0) + count
    kept = [Dim(c, names) for names, c in sorted(counts.items()) if c]
    added, taken = ([d for d in kept if (d.coefficient > 0) is up] for up in (True, False))
    if taken and not added:
        raise DimMismatchError(summed_sizes(plus), summed_sizes(minus))
    if len(kept) < 2:
        return kept[0] if kept else None
    less = "".join(f" - {Dim(-d.coefficient, d.symbols)}" for d in taken)
    return symbol(f"({' + '.join(map(str, added))}{less})")


def times(dims: Iterable[Dim]) -> Dim:
    """Return the product of dimensions."""
    result = ONE
    for dim in dims:
        result = result * dim
    return result


def divided(dim: Dim, by: Dim) -> Dim | None:
    """Return the quotient of two dimensions, or None where it is no dimension.

    >>> divided(Dim(6, ("h", "k")), Dim(2, ("h",)))
    Dim(coefficient=3, symbols=('k',))
    """
    left = list(dim.symbols)
    for name in by.symbols:
        if name not in left:
            return None
        left.remove(name)
    quotient, rest = divmod(dim.coefficient, by.coefficient)
    return None if rest else Dim(quotient, tuple(left))


def swapped(shape: Shape) -> Shape:
    """Return a shape with its rows and columns exchanged."""
    return (*shape[:-2], shape[-1], shape[-2])


class DimMismatchError(Exception):
    """Two dimensions that are different sizes; caught where the place is known."""

    def __init__(self, left: Dim, right: Dim) -> None:
        super().__init__(f"{left} is not {right}")
        self.left, self.right = left, right


def _may_equal(product: Dim, literal: Dim) -> bool:
    """Whether a product of several symbols can have a literal size."""
    several = len(product.symbols) > 1 and not any(s[0] == "?" for s in product.symbols)
    return several and not literal.symbols and literal.coefficient % product.coefficient == 0


class Unifier:
    """Binds unknown dimensions so that shapes fit.

    With ``collect=True`` a clash of two rigid dimensions is recorded in ``assumed`` and taken as
    an equation (that is how a wrong claim gets a size at which it can be evaluated); where it
    ``overlooks`` clashes, nothing comes of one (that is how a wrong claim is a tree as written).

    >>> unifier, n = Unifier(), symbol("n")
    >>> unknown = unifier.fresh()
    >>> unifier.unify(unknown, n) == n == unifier.resolve(unknown)
    True
    """

    def __init__(self, *, collect: bool = False) -> None:
        self._bound: dict[str, Dim] = {}
        self._count = 0
        self.collect, self.overlooks = collect, False
        self.assumed: list[tuple[Dim, Dim]] = []

    def fresh(self) -> Dim:
        """Return an unknown that nothing is known about."""
        self._count += 1
        return symbol(f"?{self._count}")

    def state(self) -> tuple[dict[str, Dim], int]:
        """Return what is bound, to come back to."""
        return dict(self._bound), len(self.assumed)

    def restore(self, state: tuple[dict[str, Dim], int]) -> None:
        """Come back to what was bound; unknowns stay distinct from those made since."""
        self._bound = dict(state[0])
        del self.assumed[state[1] :]

    @property
    def is_idle(self) -> bool:
        """Whether no size was ever unknown or bound, so that there is nothing to put in."""
        return not self._bound and not self._count

    def resolve(self, dim: Dim) -> Dim:
        """Return ``dim`` with everything that is bound put in."""
        bound = self._bound
        if not bound or bound.keys().isdisjoint(dim.names):
            return dim
        result = size(dim.coefficient)
        for s in dim.symbols:
            if s[0] == "(":
                known = self._resolved_sum(s)
            else:
                known = self.resolve(self._bound[s]) if s in self._bound else symbol(s)
            result = result * known
        return result

    def _resolved_sum(self, name: str) -> Dim:
        """Return a sum with everything that is bound put in; raises where nothing is left of it."""
        parts = [self.resolve(part) for part in parts_of(name)]
        found = difference(parts, ())
        if found is None:
            raise DimMismatchError(*parts[:2])
        return found

    def unify(self, left: Dim, right: Dim) -> Dim:
        """Make two dimensions equal and return them; raises DimMismatchError."""
        left, right = self.resolve(left), self.resolve(right)
        if left == right:
            return left
        for unknown, other in ((left, right), (right, left)):
            if unknown.is_unknown and unknown.symbols[0] not in other.symbols:
                self._bound[unknown.symbols[0]] = other
                return other
        for product, literal in ((left, right), (right, left)):
            if _may_equal(product, literal):
                return literal  # m*p = 6 is an equation that the arrays have to satisfy
        if self.collect:
            return self._assume(left, right)
        raise DimMismatchError(left, right)

    def _assume(self, left: Dim, right: Dim) -> Dim:
        if self.overlooks:
            return left
        for rigid, other in ((right, left), (left, right)):
            single = rigid.coefficient == 1 and len(rigid.symbols) == 1
            if single and rigid.symbols[0] not in other.names:  # n = n*m binds nothing
                self.assumed.append((left, right))
                self._bound[rigid.symbols[0]] = other
                return other
        raise DimMismatchError(left, right)

    def resolve_shape(self, shape: Shape) -> Shape:
        """Return a shape with everything that is bound put in."""
        return tuple(map(self.resolve, shape))

    def broadcast(self, left: Shape, right: Shape) -> Shape:
        """Return the NumPy broadcast of two shapes; raises DimMismatchError."""
        if left == right:
            return self.resolve_shape(left)
        rank = max(len(left), len(right))
        padded = ((ONE,) * (rank - len(s)) + s for s in (left, right))
        return tuple(self._broadcast(a, b) for a, b in zip(*padded, strict=True))

    def _broadcast(self, left: Dim, right: Dim) -> Dim:
        left, right = self.resolve(left), self.resolve(right)
        if left == ONE:
            return right
        if right == ONE:
            return left
        return self.unify(left, right)


def broadcast(shapes: Sequence[Shape]) -> Shape:
    """Return the broadcast of shapes that fit; raises DimMismatchError."""
    if all(s == shapes[0] for s in shapes):
        return shapes[0]
    unifier = Unifier()
    shape = SCALAR
    for s in shapes:
        shape = unifier.broadcast(shape, s)
    return shape
