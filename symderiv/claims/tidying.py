"""Takes a mended formula; returns it with its numbers put together, or whether it is a detour.

2 * 2 * X / 2 is 2 * X. A detour keeps what was wrong, and undoes it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from ..core.expr import Expr, node, num, walk
from ..core.scale import UNIT_SCALE, Scale
from ..core.shapes import SCALAR, Dim
from ..ops import TABLE

_PRODUCTS = ("mul", "div", "neg", "matmul")


@dataclass
class _Parts:
    """A number times powers of sizes times a body, which may be missing."""

    scale: Scale = UNIT_SCALE
    body: Expr | None = None


def tidied(x: Expr) -> Expr:
    """Return a formula whose products have one number, one sign and every size once.

    >>> from symderiv.core.expr import var
    >>> from symderiv.ops.text import text
    >>> X = var("X", (Dim(1, ("n",)), Dim(1, ("d",))))
    >>> twice = node("mul", (num(2), node("mul", (num(3), X), X.shape)), X.shape)
    >>> text(tidied(node("div", (twice, num(4)), X.shape)))
    '3 * X / 2'
    """
    if x.op in ("add", "neg"):
        args = tuple(map(tidied, x.args))
        x = x if args == x.args else node(x.op, args, x.shape, x.data)
    if x.op not in _PRODUCTS:
        return x
    found = _joined(_parts(x), x)
    return found if _count(found) < _count(x) else x


def _chain(x: Expr) -> Iterator[Expr]:
    """Yield what a product is made of, through the products and quotients in it."""
    yield x
    if x.op in _PRODUCTS:
        for a in x.args:
            yield from _chain(a)


def _count(x: Expr) -> int:
    """Return how many numbers, sizes and signs stand in a product."""
    return sum(
        (e.op in ("num", "size", "neg")) + (e.is_number and str(e.data).startswith("-"))
        for e in _chain(x)
    )


def _parts(x: Expr) -> _Parts:
    if x.is_number and isinstance(x.data, Fraction) and x.data:
        return _Parts(Scale(x.data))
    if x.op == "size" and isinstance(x.data, Dim):
        return _Parts(Scale.of(x.data))
    if x.is_negative:
        inner = _parts(x.args[0])
        return _Parts(Scale(Fraction(-1)) * inner.scale, inner.body)
    if x.op not in _PRODUCTS:
        return _Parts(body=x)
    found = _Parts()
    bodies: list[Expr] = []
    for k, a in enumerate(x.args):
        inner = _parts(a)
        over = x.is_quotient and k > 0
        found.scale *= inner.scale.power(-1) if over else inner.scale
        if inner.body is not None or x.is_matrix_product:
            bodies.append(inner.body if inner.body is not None else a)
        elif over or (x.is_quotient and k == 0):
            bodies.append(num(1))
    found.body = _whole(x, bodies)
    return found


def _whole(x: Expr, bodies: list[Expr]) -> Expr | None:
    if x.is_quotient:
        top, below = bodies
        if below.is_number:
            return None if top.is_number else top
    if not bodies:
        return None
    return bodies[0] if len(bodies) == 1 else node(x.op, tuple(bodies), x.shape, x.data)


def _joined(parts: _Parts, like: Expr) -> Expr:
    """Return the number and the sizes in front of the body, and what divides it below."""
    size = abs(parts.scale.value)
    above = [num(size.numerator)] if size.numerator > 1 else []
    below = [num(size.denominator)] if size.denominator > 1 else []
    for name, power in parts.scale.sizes:
        factor = node("size", (), SCALAR, Dim(1, (name,)))
        (above if power > 0 else below).extend([factor] * abs(power))
    body = [parts.body] if parts.body is not None else []
    factors = [*above, *body] or [num(1)]
    whole = factors[0] if len(factors) == 1 else node("mul", tuple(factors), like.shape)
    if below:
        under = below[0] if len(below) == 1 else node("mul", tuple(below), SCALAR)
        whole = node("div", (whole, under), like.shape)
    return node("neg", (whole,), like.shape) if parts.scale.value < 0 else whole


_PLAIN = {"num", "size", "var", "const", "named", "transpose", "entry"}
_FACTORED = {"mul", "matmul", "neg", "transpose"}


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
    if x.op in _FACTORED and not (x.is_matrix_product and x.is_scalar):
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
