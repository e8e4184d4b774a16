"""Logarithms of what is positive by its form: of powers of e, of their sums and quotients.

Source of the shift by the largest exponent: Blanchard, Higham and Higham, Accurately computing the
log-sum-exp and softmax functions, IMA Journal of Numerical Analysis 41 (2021), eq. 1.5.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..core.expr import Expr, add, div, mul, neg, node, num
from ..core.shapes import ONE, Dim
from ..ops import TABLE
from .powers import Seen, entrywise, in_shape, shifted, signed, two_powers, without_one


class _Looking:
    """Looks into names as another does, but not into more than a few that stand in each other."""

    def __init__(self, seen: Seen, names: int = 4) -> None:
        self._seen, self._names = seen, names

    def __call__(self, e: Expr) -> Expr:
        """Return what a name stands for."""
        return self._seen(e) if self._names else e

    def deeper(self) -> _Looking:
        """Return what looks into one name fewer."""
        return _Looking(self._seen, max(self._names - 1, 0))


def stable_log(e: Expr, seen: Seen) -> Expr | None:
    """Take the logarithm of exponentials, of their sums and quotients, without them."""
    return logarithm(e.args[0], _Looking(seen)) or _near_one(e.args[0])


def stable_log1p(e: Expr, seen: Seen) -> Expr | None:
    """Write log1p(exp(x)) as softplus(x), log1p(-sigmoid(x)) as -softplus(x)."""
    inside = e.args[0]
    y = seen(inside)
    if y.op == "exp":
        return entrywise("softplus", y.args[0])
    if y.is_negative and seen(y.args[0]).op == "sigmoid":
        return neg(entrywise("softplus", seen(y.args[0]).args[0]))
    return seen(y.args[0]) if y.op == "expm1" else None


def _near_one(x: Expr) -> Expr | None:
    """Write log(1 + x) as log1p(x): it keeps the digits of a small x."""
    rest = without_one(x)
    return None if rest is None or rest.shape != x.shape else entrywise("log1p", rest)


def logarithm(x: Expr, seen: Seen) -> Expr | None:
    """Return log(x) of an x that is positive by its form, or None where there is none stable."""
    y = seen(x)
    if x.is_name and isinstance(seen, _Looking):
        seen = seen.deeper()
    if TABLE[y.op].moves:
        inside = logarithm(y.args[0], seen)
        return None if inside is None else signed(y, (inside,))
    if y.op in _LOGARITHMS:
        return _LOGARITHMS[y.op](y, seen)
    return None


def _log_of_sum(y: Expr, seen: Seen) -> Expr | None:
    body = seen(y.args[0])
    if body.op != "exp":
        return _log_of_shifted(y, seen)
    whole = node("logsumexp", (body.args[0],), y.shape, y.data)
    if y.op == "sum":
        return whole
    dims = body.shape if y.data is None else (body.shape[int(str(y.data))],)
    return add(whole, neg(entrywise("log", _count(dims))))


def _log_of_product(y: Expr, seen: Seen) -> Expr | None:
    """Split the factors off that are positive by their form."""
    found = [(f, logarithm(f, seen)) for f in y.args]
    rest = [f for f, log in found if log is None]
    logs = [log for _, log in found if log is not None]
    if not logs or any(f.is_name and f.shape != y.shape for f in rest):
        return None
    if rest:
        logs.insert(0, entrywise("log", mul(*rest)))
    return in_shape(add(*logs), y)


def _log_of_quotient(y: Expr, seen: Seen) -> Expr | None:
    over, under = (logarithm(a, seen) for a in y.args)
    if over is None and under is None:
        return None
    left = over if over is not None else entrywise("log", y.args[0])
    right = under if under is not None else entrywise("log", y.args[1])
    if y.args[0] == num(1):
        return neg(right)
    return in_shape(add(left, neg(right)), y)


def _log_of_power(y: Expr, seen: Seen) -> Expr | None:
    inside = logarithm(y.args[0], seen)
    if inside is None or not y.args[1].is_number:
        return None
    return mul(y.args[1], inside)


def _log_of_add(y: Expr, seen: Seen) -> Expr | None:
    """Return log(1 - sigmoid(x)), log(1 + exp(x)) and log(exp(a) + exp(b)) by softplus."""
    rest = without_one(y)
    if rest is not None and rest.is_negative and seen(rest.args[0]).op == "sigmoid":
        return in_shape(neg(entrywise("softplus", seen(rest.args[0]).args[0])), y)
    pair = two_powers(y, seen)
    if pair is None:
        return None
    a, b = pair
    if a == num(0):
        return in_shape(entrywise("softplus", b), y)
    return in_shape(add(a, entrywise("softplus", add(b, neg(a)))), y)


def _log_of_product_with_ones(y: Expr, seen: Seen) -> Expr | None:
    """Return the logarithm of exp(X) @ ones(d), or of ones(n).T @ exp(X)."""
    if len(y.args) != 2 or len(y.shape) > 2:
        return None
    left, right = y.args
    if right.is_column_of_ones and seen(left).op == "exp":
        body, axis = seen(left).args[0], 1
    elif left.is_row_of_ones and seen(right).op == "exp":
        body, axis = seen(right).args[0], 0
    else:
        return _log_of_shifted(y, seen)
    return node("logsumexp", (body,), y.shape, None if y.is_scalar else axis)


def _log_of_shifted(y: Expr, seen: Seen) -> Expr | None:
    found = shifted(y, seen)
    return None if found is None else in_shape(add(found[1], entrywise("log", found[2])), y)


def _times(over: int, under: int, x: Expr | None) -> Expr | None:
    return None if x is None else div(mul(num(over), x), num(under))


def _count(dims: Sequence[Dim]) -> Expr:
    return mul(*(node("size", (), (ONE, ONE), d) for d in dims if d != ONE))


_LOGARITHMS: dict[str, Callable[[Expr, Seen], Expr | None]] = {
    "exp": lambda y, seen: y.args[0],
    "softmax": lambda y, seen: node("logsoftmax", y.args, y.shape, y.data),
    "sigmoid": lambda y, seen: neg(entrywise("softplus", neg(y.args[0]))),
    # log(cosh(x)) = softplus(2x) - x - log(2)
    "cosh": lambda y, seen: add(
        entrywise("softplus", mul(num(2), y.args[0])),
        neg(y.args[0]),
        neg(entrywise("log", num(2))),
    ),
    "sum": _log_of_sum,
    "mean": _log_of_sum,
    "matmul": _log_of_product_with_ones,
    "mul": _log_of_product,
    "div": _log_of_quotient,
    "pow": _log_of_power,
    "sqrt": lambda y, seen: _times(1, 2, logarithm(y.args[0], seen)),
    "square": lambda y, seen: _times(2, 1, logarithm(y.args[0], seen)),
    "add": _log_of_add,
}
