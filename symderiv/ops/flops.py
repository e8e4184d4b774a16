"""Takes a node; returns its number of floating point operations, a polynomial in the sizes.

Conventions. An addition, subtraction, multiplication or division of two numbers is one flop, so a
product of m x p and p x n takes 2mnp (Golub and Van Loan, Matrix Computations, 4th ed., section
1.1.15). One value of exp, tanh, a root, a power or a comparison is one flop as well. A sum of n
numbers takes n. Signs, transposes, copies, reshapes and arithmetic on sizes are free.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from ..core.errors import MissingRuleError
from ..core.expr import Expr
from ..core.shapes import ONE, Dim, parts_of

Symbols = tuple[str, ...]


@dataclass(frozen=True)
class Flops:
    """A polynomial in the sizes, exact: ``2*n*d*m``.

    >>> from symderiv.core.shapes import symbol
    >>> n, d = symbol("n"), symbol("d")
    >>> count = Flops.of(n, d, times=2) + Flops.of(n)
    >>> str(count), str(count.ordered(["n", "d"])), count.at(n=3, d=5)
    ('2*d*n + n', '2*n*d + n', 33)
    """

    terms: tuple[tuple[Symbols, Fraction], ...] = ()

    @staticmethod
    def of(*dims: Dim, times: int | Fraction = 1) -> Flops:
        """Return a multiple of a product of sizes."""
        found: dict[Symbols, Fraction] = {(): Fraction(times)}
        for dim in dims:
            for factor in (Dim(dim.coefficient), *(Dim(1, (s,)) for s in dim.symbols)):
                name = factor.symbols[0] if factor.symbols else ""
                parts = parts_of(name) if name.startswith("(") else (factor,)
                grown: dict[Symbols, Fraction] = {}
                for symbols, value in found.items():
                    for part in parts:
                        key = tuple(sorted(symbols + part.symbols))
                        grown[key] = grown.get(key, Fraction(0)) + value * part.coefficient
                found = grown
        return Flops(_sorted(found))

    def __add__(self, other: Flops) -> Flops:
        found: dict[Symbols, Fraction] = {}
        for symbols, value in (*self.terms, *other.terms):
            key = tuple(sorted(symbols))
            found[key] = found.get(key, Fraction(0)) + value
        return Flops(_sorted(found))

    def times(self, dims: Sequence[Dim]) -> Flops:
        """Return as many of these as a product of sizes says."""
        return total(
            Flops.of(*dims, *(Dim(1, (s,)) for s in symbols), times=value)
            for symbols, value in self.terms
        )

    def ordered(self, sizes: Sequence[str]) -> Flops:
        """Return the same polynomial, its sizes printed in the order given."""
        place = {s: k for k, s in enumerate(sizes)}
        return Flops(
            tuple((tuple(sorted(t, key=lambda s: (place.get(s, 99), s))), v) for t, v in self.terms)
        )

    def at(self, /, **sizes: int) -> int | Fraction:
        """Return the number at given sizes; raises KeyError for a size that is missing."""
        value = sum(v * prod(sizes[s] for s in t) for t, v in self.terms)
        return int(value) if value == int(value) else Fraction(value)

    @property
    def leading(self) -> Flops:
        """The terms that divide no other term: those that count when all sizes are large."""
        return Flops(
            tuple(
                (t, v)
                for t, v in self.terms
                if not any(t != u and _divides(t, u) for u, _ in self.terms)
            )
        )

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __str__(self) -> str:
        return " + ".join(_monomial(t, v) for t, v in self.terms).replace("+ -", "- ") or "0"


def _sorted(found: Mapping[Symbols, Fraction]) -> tuple[tuple[Symbols, Fraction], ...]:
    items = [(t, v) for t, v in found.items() if v]
    return tuple(sorted(items, key=lambda item: (-len(item[0]), item[0])))


def _divides(few: Symbols, many: Symbols) -> bool:
    return all(few.count(s) <= many.count(s) for s in few)


def _monomial(symbols: Symbols, value: Fraction) -> str:
    parts = [f"{s}**{symbols.count(s)}" if symbols.count(s) > 1 else s for s in symbols]
    factors = list(dict.fromkeys(parts))
    head = [str(value)] if value != 1 or not factors else []
    return "*".join([*head, *factors])


def total(counts: object) -> Flops:
    """Return the sum of counts."""
    found = Flops()
    for c in counts:  # type: ignore[attr-defined]
        found = found + c
    return found


Count = Callable[[Expr], Flops]


def entries(e: Expr) -> Flops:
    """Return one flop for every entry of a result."""
    return Flops.of(*e.shape)


def free(e: Expr) -> Flops:
    """Return none: a copy, a sign, a number."""
    return Flops()


def per_entry(flops: int, whole: int = 0) -> Count:
    """Return a count of ``flops`` for every entry of the first argument, ``whole`` of the rest.

    ``whole`` is for every line that is reduced to one number.
    """

    def count(e: Expr) -> Flops:
        shape = e.args[0].shape
        lines = e.shape if e.shape != shape else (*shape[:-1], ONE)
        return Flops.of(*shape, times=flops) + Flops.of(*lines, times=whole)

    return count


def cubic(share: int | Fraction) -> Count:
    """Return a multiple of n^3, n the order of the first argument, for every matrix of a batch."""

    def count(e: Expr) -> Flops:
        *batch, n, _ = e.args[0].shape
        return Flops.of(*batch, n, n, n, times=share)

    return count


def pairwise(e: Expr) -> Flops:
    """Return what adding or multiplying the arguments from the left takes, with broadcasting."""
    found = Flops()
    for k in range(1, len(e.args)):
        shapes = [a.shape for a in e.args[: k + 1]]
        deep = max(map(len, shapes))
        full = [(ONE,) * (deep - len(s)) + s for s in shapes]
        found = found + Flops.of(*(next((d for d in ds if d != ONE), ONE) for ds in zip(*full)))
    return found


def solved(e: Expr) -> Flops:
    """Return 2/3 n^3 for the LU factorization and 2n^2 for every column of the right side."""
    *batch, n, m = e.args[1].shape
    return Flops.of(*batch, n, n, n, times=Fraction(2, 3)) + Flops.of(*batch, n, n, m, times=2)


def iterative(e: Expr) -> Flops:
    """Refuse: how often the method iterates depends on the values."""
    raise MissingRuleError(
        f"no count of flops for {e.op}: what it takes depends on the values",
        remedy="count the parts without it",
    )


def product_flops(e: Expr) -> Flops:
    """Return what a chain of products takes in reading order, as generated code multiplies it.

    A factor of ones is a sum, or a copy; a diagonal factor is a scaling; a matrix times products
    that end in a vector is multiplied from the right.
    """
    return _chain(list(e.args))


def _chain(factors: list[Expr]) -> Flops:
    if len(factors) == 1:
        return Flops()
    first, last = factors[0], factors[-1]
    if any(len(f.shape) > 2 for f in factors):
        return _from_left(factors)
    thin = next((k for k in range(1, len(factors)) if factors[k].shape[0] == ONE), None)
    if thin is not None:
        inner = _chain(factors[:thin]) + _chain(factors[thin:])
        copied = (thin == 1 and first.is_all_ones) or (
            thin == len(factors) - 1 and last.is_all_ones
        )
        return inner if copied else inner + Flops.of(first.shape[0], last.shape[1])
    if last.is_all_ones and last.shape[1] == ONE:
        return _chain(factors[:-1]) + Flops.of(first.shape[0], last.shape[0])
    if first.is_row_of_ones:
        return _chain(factors[1:]) + Flops.of(first.shape[1], last.shape[1])
    spot = next((k for k, f in enumerate(factors) if f.is_diagonal), None)
    if spot is not None:
        return _scaled(factors, spot)
    if last.shape[1] == ONE and first.shape[0] != ONE:
        return _from_left([first, last]) if len(factors) == 2 else _from_right(factors)
    return _from_left(factors)


def _scaled(factors: list[Expr], spot: int) -> Flops:
    left, rest = factors[:spot], factors[spot + 1 :]
    size = factors[spot].shape[0]
    if not left:
        return _chain(rest) + Flops.of(size, rest[-1].shape[1])
    rows = left[0].shape[0]
    found = _chain(left) + Flops.of(rows, size)
    if rest:
        found = found + _chain(rest) + Flops.of(rows, size, rest[-1].shape[1], times=2)
    return found


def _from_left(factors: list[Expr]) -> Flops:
    found = Flops()
    batch: Sequence[Dim] = factors[0].shape[:-2]
    for f in factors[1:]:
        batch = max(batch, f.shape[:-2], key=len)
        found = found + Flops.of(*batch, factors[0].shape[-2], *f.shape[-2:], times=2)
    return found


def _from_right(factors: list[Expr]) -> Flops:
    return total(Flops.of(*f.shape, times=2) for f in factors[:-1])
