"""Takes a mended formula; tells by its looks whether it keeps what was wrong and undoes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

from ..core.expr import Expr, walk
from ..ops import TABLE

_PLAIN = {"num", "size", "var", "const", "named", "transpose", "entry"}
_PRODUCTS = {"mul", "matmul", "neg", "transpose"}


def choices(x: Expr) -> int:
    """Return how many choices between branches a formula makes."""
    return sum(TABLE[e.op].pieces != "" for e in walk(x))


def is_roundabout(x: Expr, right: Expr) -> bool:
    """Whether a formula makes more choices than the right one, or a power of one thing twice."""
    return choices(x) > choices(right) or any(map(_repeats, walk(x)))


def _repeats(x: Expr) -> bool:
    """Whether a product has one factor in several powers, or a power of ones."""
    if x.is_power:
        return x.args[0].is_ones
    if x.op not in ("mul", "div", "matmul"):
        return False
    bases = Counter(base for base, _ in _factors(x, Fraction(1)))
    powers: dict[Expr, set[Fraction]] = {}
    for base, power in _factors(x, Fraction(1)):
        powers.setdefault(base, set()).add(power)
    return any(bases[b] > 1 and powers[b] != {Fraction(1)} for b in bases if b.op not in _PLAIN)


def _factors(x: Expr, power: Fraction) -> Iterator[tuple[Expr, Fraction]]:
    """Yield the factors of a product with their powers."""
    if x.op in _PRODUCTS and not (x.is_matrix_product and x.is_scalar):
        for a in x.args:
            yield from _factors(a, power)
    elif x.is_quotient:
        yield from _factors(x.args[0], power)
        yield from _factors(x.args[1], -power)
    elif x.op == "sqrt":
        yield from _factors(x.args[0], power / 2)
    elif x.is_power and isinstance(x.args[1].data, Fraction):
        yield from _factors(x.args[0], power * x.args[1].data)
    else:
        yield x, power
