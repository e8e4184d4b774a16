"""Takes the summands of a sum; returns it short, with what they share written once.

``X.T @ X @ W + X.T @ ones(n) @ b.T - X.T @ Y`` becomes ``X.T @ (X @ W + ones(n) @ b.T - Y)``:
a factor that most summands begin or end with, or have as a Hadamard factor, is taken out of
those, and so on inside and outside.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from math import gcd, lcm

from ..core.expr import Expr, add, div, matmul, mul, neg, num, number, ones
from ..core.scale import UNIT_SCALE, Scale
from ..core.shapes import ONE
from ..core.transposing import count_transposes, flip
from .eliminating import PatternPiece, hadamard, raised
from .polynomials import UnreadableError

_MOST_SUMMANDS = 24


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to take a factor out: where it stands, what is left, and how to put it back."""

    rank: int
    factor: Expr
    rests: tuple[tuple[int, PatternPiece], ...]  # position of the summand, what is left of it
    join: Callable[[Expr, Expr], Expr]


def summed_up(pieces: Sequence[PatternPiece]) -> Expr:
    """Return the sum of at least one summand, with what they share taken out.

    Raises UnreadableError for more summands than a person would call one pattern.
    """
    if len(pieces) > _MOST_SUMMANDS:
        raise UnreadableError
    return _written(_as_one(pieces, lambda whole: whole, _Work()))


@dataclass(slots=True)
class _Work:
    """How many rounds of looking for common factors are left."""

    rounds: int = 60

    def spend(self) -> None:
        """Use one round; raises UnreadableError where none is left."""
        if not self.rounds:
            raise UnreadableError
        self.rounds -= 1


def _as_one(
    pieces: Sequence[PatternPiece], join: Callable[[Expr], Expr], work: _Work
) -> PatternPiece:
    """Return a sum as one summand: its common front, and its joined rest."""
    if len(pieces) == 1:
        (p,) = pieces
        return p if p.core is None else replace(p, core=join(p.core))
    common, rest = _common_front(pieces)
    inner = _collected(rest, work)
    front = common.coefficient * inner.coefficient
    whole = join(num(1) if inner.core is None else inner.core)
    return PatternPiece(front, common.scalars + inner.scalars, whole)


def _common_front(pieces: Sequence[PatternPiece]) -> tuple[PatternPiece, list[PatternPiece]]:
    """Take the common number, powers of sizes and scalar factors out."""
    values = [p.coefficient.value for p in pieces]
    share = Fraction(gcd(*(v.numerator for v in values)), lcm(*(v.denominator for v in values)))
    if all(v < 0 for v in values):
        share = -share
    powers = [dict(p.coefficient.sizes) for p in pieces]
    sizes = {s: powers[0][s] for s in powers[0] if all(q.get(s) == powers[0][s] for q in powers)}
    scalars = [s for s in dict.fromkeys(pieces[0].scalars) if all(s in p.scalars for p in pieces)]
    rest = [_less(p, share, sizes, scalars) for p in pieces]
    return PatternPiece(Scale(share, tuple(sizes.items())), tuple(scalars), None), rest


def _less(
    p: PatternPiece, share: Fraction, sizes: dict[str, int], scalars: list[Expr]
) -> PatternPiece:
    left = list(p.scalars)
    for s in scalars:
        left.remove(s)
    kept = tuple((s, e) for s, e in p.coefficient.sizes if s not in sizes)
    return PatternPiece(Scale(p.coefficient.value / share, kept), tuple(left), p.core)


def _collected(pieces: list[PatternPiece], work: _Work) -> PatternPiece:
    """Return the sum, taking out one shared matrix factor after the other."""
    while len(pieces) > 1:
        work.spend()
        way = max(_ways(pieces), key=lambda w: (len(w.rests), w.rank), default=None)
        if way is None:
            terms = [_written(p) for p in _ones_as_number(pieces)]
            return PatternPiece(UNIT_SCALE, (), _total(terms))
        taken = [k for k, _ in way.rests]
        joined = _as_one([rest for _, rest in way.rests], partial(way.join, way.factor), work)
        pieces = [
            joined if k == taken[0] else p
            for k, p in enumerate(pieces)
            if k == taken[0] or k not in taken
        ]
    return pieces[0]


def _ones_as_number(pieces: list[PatternPiece]) -> list[PatternPiece]:
    """Write a matrix of ones beside another matrix as the number 1, which is spread over it."""
    if all(p.core is None or _is_ones(p.core) for p in pieces):
        return pieces
    return [replace(p, core=None) if p.core and _is_ones(p.core) else p for p in pieces]


def _is_ones(x: Expr) -> bool:
    if x.is_matrix_product:
        return len(x.args) == 2 and x.args[0].shape[1] == ONE and all(map(_is_ones, x.args))
    return x.is_all_ones


def _total(terms: list[Expr]) -> Expr:
    """Return the plain sum, positive terms first, turned over where that saves transposes."""
    whole = add(*sorted(terms, key=_order))
    over = flip(add(*sorted(map(flip, terms), key=_order)))
    return over if count_transposes(over) < count_transposes(whole) else whole


def _order(term: Expr) -> tuple[bool, int]:
    return term.is_negative, count_transposes(term)


def _chain(core: Expr | None) -> tuple[Expr, ...]:
    if core is None:
        return ()
    return core.args if core.is_matrix_product else (core,)


def _ways(pieces: list[PatternPiece]) -> list[_Way]:
    """Return every way to take a factor out of two or more summands."""
    firsts: dict[Expr, list[tuple[int, PatternPiece]]] = {}
    lasts: dict[Expr, list[tuple[int, PatternPiece]]] = {}
    entrywise: dict[Expr, list[tuple[int, PatternPiece]]] = {}
    for k, p in enumerate(pieces):
        chain = _chain(p.core)
        if len(chain) > 1:
            firsts.setdefault(chain[0], []).append((k, replace(p, core=matmul(*chain[1:]))))
            lasts.setdefault(chain[-1], []).append((k, replace(p, core=matmul(*chain[:-1]))))
        for factor, rest in _hadamard_factors(p):
            entrywise.setdefault(factor, []).append((k, rest))
    ways = [
        _Way(3, f, _with_sizes(f, r, pieces), lambda f, x: matmul(x, f)) for f, r in lasts.items()
    ]
    ways += [_Way(2, f, tuple(r), matmul) for f, r in firsts.items()]
    ways += [_Way(1, f, tuple(r), lambda f, x: mul(f, x)) for f, r in entrywise.items()]
    return [w for w in ways if len(w.rests) > 1]


def _hadamard_factors(p: PatternPiece) -> list[tuple[Expr, PatternPiece]]:
    """Return each entrywise factor of a summand with what is left (the number 1 for all of it)."""
    core = p.core
    if core is None:
        return []
    if not core.is_hadamard:
        return [(core, replace(p, core=None))]
    return [
        (f, replace(p, core=hadamard([g for j, g in enumerate(core.args) if j != k])))
        for k, f in enumerate(core.args)
    ]


def _with_sizes(
    last: Expr, rests: list[tuple[int, PatternPiece]], pieces: list[PatternPiece]
) -> tuple[tuple[int, PatternPiece], ...]:
    """Let ``n * b`` join summands that end in ones(n): it is b @ ones(n).T @ ones(n)."""
    dim = last.shape[0]
    if len(rests) < 2 or not last.is_column_of_ones or len(dim.symbols) != 1:
        return tuple(rests)
    (name,) = dim.symbols
    powers = {dict(rest.coefficient.sizes).get(name, 0) for _, rest in rests}
    found = list(rests)
    for k, p in enumerate(pieces):
        own = dict(p.coefficient.sizes).get(name, 0)
        joins = dim.coefficient == 1 and powers == {own - 1}
        if joins and p.core is not None and p.core.shape[1] == ONE:
            less = p.coefficient * Scale(Fraction(1), ((name, -1),))
            core = matmul(p.core, flip(ones(dim)))
            found.append((k, replace(p, coefficient=less, core=core)))
    return tuple(sorted(found, key=lambda f: f[0]))


def _written(p: PatternPiece) -> Expr:
    """Return one summand as an expression: number, sizes, scalars, the rest, a fraction bar."""
    value = abs(p.coefficient.value)
    over = [s for s in p.scalars if not _is_under(s)]
    under = [raised(s.args[0], -number(s.args[1])) for s in p.scalars if _is_under(s)]
    parts = [*over, *([p.core] if p.core is not None else [])]
    sizes = p.coefficient.sizes
    if parts and value.numerator == 1 and sizes and all(e < 0 for _, e in sizes):
        divisor = Scale(Fraction(value.denominator), tuple((s, -e) for s, e in sizes))
        under.insert(0, divisor.expr())
    elif value != 1 or sizes or not parts:
        parts.insert(0, Scale(value, sizes).expr())
    whole = mul(*parts)
    if under:
        whole = div(whole, mul(*under))
    return neg(whole) if p.coefficient.value < 0 else whole


def _is_under(s: Expr) -> bool:
    return s.fixed_power[1] < 0
