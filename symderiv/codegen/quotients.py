"""Quotients of powers of e by sums of them, and what is multiplied by them.

Contract: a factor p that may underflow to 0 is never divided by where p (y / p) is y.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..core.expr import Expr, add, dim_size, div, matmul, mul, neg, node, num, remade, transpose
from ..core.shapes import ONE
from .powers import Seen, entrywise, factors, in_shape, shifted, signed, turned, two_powers

_LIMITED = {"exp", "softmax", "sigmoid", "cosh"}  # positive, and with a logarithm of their own


def folded_product(e: Expr, seen: Seen) -> Expr | None:
    """Fold exp(x) / sum(exp(x)), exp(x) / (1 + exp(x)) and what is multiplied by them."""
    over, under = factors(e)
    for above, below in ((over, under), *_written_out(over, under, seen)):
        for k, d in enumerate(below):
            for j, n in enumerate((*above, num(1))):
                folded = _folded(n, d, seen)
                if folded is None and d.is_scalar:
                    inside = _divided(n, d, seen)
                    folded = None if inside is None else (inside, [])
                if folded is not None:
                    left = [*above[:j], folded[0], *above[j + 1 :]]
                    return _quotient_of(left, [*below[:k], *folded[1], *below[k + 1 :]], e)
    return _cancelled(over, under, e, seen) or _spread_over(over, under, e, seen)


def _written_out(
    over: Sequence[Expr], under: Sequence[Expr], seen: Seen
) -> Iterator[tuple[list[Expr], list[Expr]]]:
    """Yield the factors with one of them as the quotient that it is a name for."""
    for k, q in enumerate(over):
        above, below = factors(seen(q)) if q.is_name else ([q], [])
        if below:
            yield [*over[:k], *above, *over[k + 1 :]], [*under, *below]


def _divided(x: Expr, d: Expr, seen: Seen) -> Expr | None:
    """Return x / d for a sum d of powers of e that x is made of linearly, or None."""
    whole = _quotient(x, d, seen)
    if whole is not None and whole.shape == x.shape:
        return whole
    if x.is_sum:
        terms = [_divided(a, d, seen) for a in x.args]
        return None if None in terms else add(*(t for t in terms if t is not None))
    if x.op in ("mul", "matmul", "div", "neg"):
        for k, a in enumerate(x.args[:1] if x.op in ("div", "neg") else x.args):
            inside = _divided(a, d, seen)
            if inside is not None:
                return remade(x, (*x.args[:k], inside, *x.args[k + 1 :]))
    if x.op in ("transpose", "sum", "mean"):
        inside = _divided(x.args[0], d, seen)
        return None if inside is None else signed(x, (inside,))
    return None


def _folded(n: Expr, d: Expr, seen: Seen) -> tuple[Expr, list[Expr]] | None:
    """Return n / d as a numerator and what is left under the line, or None."""
    whole = _quotient(n, d, seen)
    if whole is not None and whole.shape in (n.shape, d.shape):
        return whole, []
    over, found = seen(n), shifted(d, seen)
    if found is not None and over.op == "exp" and over.args[0] is found[0]:
        powers, top, total = found
        return entrywise("exp", add(powers, neg(top))), [total]
    return None


def _cancelled(over: Sequence[Expr], under: Sequence[Expr], e: Expr, seen: Seen) -> Expr | None:
    """Write p (y / p) as y, where a name stands for the quotient too."""
    for k, p in enumerate(over):
        if seen(p).op not in _LIMITED:
            continue
        rest = [*over[:k], *over[k + 1 :]]
        for above, below in ((rest, under), *_written_out(rest, under, seen)):
            if _holds(below, p, seen):
                return _quotient_of(above, _dropped(below, p, seen), e)
    return None


def _quotient_of(over: Sequence[Expr], under: Sequence[Expr], like: Expr) -> Expr:
    top = mul(*(f for f in over if f is not num(1)))
    return in_shape(div(top, mul(*under)) if under else top, like)


def _quotient(n: Expr, d: Expr, seen: Seen) -> Expr | None:
    """Return n / d for a power of e over a sum of such, or None."""
    over, under = seen(n), seen(d)
    if over.op == "sinh" and under.op == "cosh" and over.args == under.args:
        return entrywise("tanh", over.args[0])
    if n is num(1) and under.op == "cosh":  # its square is 1 / (4 sigmoid(2u) sigmoid(-2u))
        twice = mul(num(2), under.args[0])
        both = mul(entrywise("sigmoid", twice), entrywise("sigmoid", neg(twice)))
        return mul(num(2), entrywise("sqrt", both))
    if over.op == "exp":
        axis = _summed_axis(under, over, seen)
        if axis is not None:
            share = node("softmax", over.args, over.shape, axis[0])
            return mul(_count_of(over, axis[0]), share) if under.op == "mean" else share
    pair = two_powers(under, seen)
    if pair is None or under.shape not in (over.shape, n.shape) and n != num(1):
        return None
    a, b = pair
    top = over.args[0] if over.op == "exp" else num(0) if n == num(1) else None
    if top == a:
        return entrywise("sigmoid", add(a, neg(b)) if a != num(0) else neg(b))
    if top == b:
        return entrywise("sigmoid", add(b, neg(a)) if a != num(0) else b)
    return None


def _count_of(x: Expr, axis: int | None) -> Expr:
    dims = x.shape if axis is None else (x.shape[axis],)
    return mul(*(dim_size(d) for d in dims if d != ONE))


def _summed_axis(under: Expr, over: Expr, seen: Seen) -> tuple[int | None] | None:
    """Return, in a tuple, the axis along which a sum goes over ``over``; None where it does not."""
    axis: int | None
    if under.op in ("sum", "mean") and seen(under.args[0]) == over:
        axis = None if under.data is None else int(str(under.data))
    elif under.is_matrix_product and len(under.args) == 2 and len(under.shape) == 2:
        left, right = under.args
        if right.is_column_of_ones and seen(left) == over:
            axis = 1
        elif left.is_row_of_ones and seen(right) == over:
            axis = 0
        else:
            return None
    else:
        return None
    if ONE in over.shape and len(over.shape) == 2:
        line = 0 if over.shape[1] == ONE else 1
        return (line,) if axis in (None, line) and not over.is_scalar else None
    return (axis,)


def _spread_over(over: Sequence[Expr], under: Sequence[Expr], e: Expr, seen: Seen) -> Expr | None:
    """Write p (a - y / p) as p a - y, and exp(x) (a / d + b / f) for sums d, f as two quotients."""
    for k, p in enumerate(over):
        if seen(p).op not in _LIMITED:
            continue
        for j, s in enumerate(over):
            if not s.is_sum or j == k:
                continue
            terms = [_times_summand(p, _over(t, p, seen), seen) for t in s.args]
            divides = any(_holds(factors(_over(t, p, seen))[1], p, seen) for t in s.args)
            if None not in terms or (divides and s.shape == e.shape):
                others = [f for i, f in enumerate(over) if i not in (j, k)]
                pairs = zip(terms, s.args, strict=True)
                whole = add(*(mul(p, a) if t is None else t for t, a in pairs))
                return _quotient_of([*others, whole], under, e)
    return None


def _times_summand(p: Expr, t: Expr, seen: Seen) -> Expr | None:
    """Return p times a summand where that folds, or None."""
    above, below = factors(t)
    if _holds(below, p, seen):
        return _quotient_of(above, _dropped(below, p, seen), t)
    for k, d in enumerate(below):
        folded = _folded(p, d, seen)
        if folded is not None:
            rest = [*below[:k], *folded[1], *below[k + 1 :]]
            top = mul(folded[0], *above)
            return div(top, mul(*rest)) if rest else top
    return None


def _holds(factors: Sequence[Expr], p: Expr, seen: Seen) -> bool:
    return any(seen(f) == seen(p) for f in factors)


def _dropped(factors: Sequence[Expr], p: Expr, seen: Seen) -> list[Expr]:
    first = next(k for k, f in enumerate(factors) if seen(f) == seen(p))
    return [f for k, f in enumerate(factors) if k != first]


def _over(t: Expr, p: Expr, seen: Seen) -> Expr:
    """Return a summand, or what it names where that is a quotient."""
    return seen(t) if t.is_name and factors(seen(t))[1] else t


def _by_rows(e: Expr, seen: Seen) -> Expr | None:
    """Write exp(U).T @ (y / (exp(U) @ w)) with the powers of each row below its largest."""
    left, right = e.args
    if not left.is_transpose or right.shape[1] != ONE:
        return None
    powers = seen(left.args[0])
    if powers.op != "exp":
        return None
    over, under = factors(right)
    for k, d in enumerate(under):
        found = shifted(d, seen)
        if found is not None and found[0] is powers.args[0] and found[1].shape == d.shape:
            moved = entrywise("exp", add(found[0], neg(found[1])))
            rest = [*under[:k], found[2], *under[k + 1 :]]
            return matmul(transpose(moved), _quotient_of(over, rest, right))
    return None


def folded_inner(e: Expr, seen: Seen) -> Expr | None:
    """Fold a quotient whose terms are summed by an inner product."""
    if len(e.args) != 2 or len(e.args[1].shape) > 2 or len(e.args[0].shape) > 2:
        return None
    if not e.is_scalar or e.args[0].is_scalar:
        return _by_rows(e, seen)
    column, other = turned(e.args[0]), e.args[1]
    over, under = factors(column)
    folded = folded_product(_quotient_of([*over, other], under, column), seen)
    return None if folded is None else node("sum", (folded,), e.shape)
