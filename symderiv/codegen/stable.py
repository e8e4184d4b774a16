"""Expressions in the form that is computed: none overflows on the way to a value that does not.

Contract: the value is that of what is printed, wherever that is finite; a named intermediate is
looked through where what it names makes a stable form, ``P = softmax(A); log(P)`` too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..expr import Expr, add, div, mul, neg, node, num, number, power, rebuild, transpose, with_args
from ..shapes import ONE, Dim

# What only moves entries, so that an entrywise function may be taken before.
_MOVES = {
    "transpose", "row", "column", "entry", "reshape", "vec", "permute", "split_heads",
    "merge_heads", "part",
}  # fmt: skip
_MOST_RULES = 8  # at one node
_LIMITED = {"exp", "softmax", "sigmoid", "cosh"}  # positive, and with a logarithm of their own


class Stable:
    """Rewrites expressions into stable forms; remembers them. Named values are left by name."""

    def __init__(self) -> None:
        self._memo: dict[Expr, Expr] = {}

    def __call__(self, x: Expr) -> Expr:
        """Return an equal expression that neither overflows nor cancels where it need not."""
        return rebuild(x, self._changed, lambda e: e.op == "named")

    def _changed(self, e: Expr, args: tuple[Expr, ...]) -> Expr:
        work = _signed(e, args)
        for _ in range(_MOST_RULES):
            rule = _RULES.get(work.op)
            found = rule(work, self.seen) if rule is not None else None
            if found is None:
                break
            work = found
        return work

    def seen(self, e: Expr) -> Expr:
        """Return what a name stands for, itself in its stable form."""
        if e.op != "named":
            return e
        if e not in self._memo:
            self._memo[e] = e  # a name that its own value mentions would have no end
            self._memo[e] = self.seen(self(e.args[0]))
        return self._memo[e]


Seen = Callable[[Expr], Expr]


# Logarithms --------------------------------------------------------------------------------------


def _log(e: Expr, seen: Seen) -> Expr | None:
    """Take the logarithm of exponentials, of their sums and quotients, without them."""
    return logarithm(e.args[0], seen) or _near_one(e.args[0])


def _log1p(e: Expr, seen: Seen) -> Expr | None:
    """Write log1p(exp(x)) as softplus(x), log1p(-sigmoid(x)) as -softplus(x)."""
    inside = e.args[0]
    y = seen(inside)
    if y.op == "exp":
        return _entrywise("softplus", y.args[0])
    if y.op == "neg" and seen(y.args[0]).op == "sigmoid":
        return neg(_entrywise("softplus", seen(y.args[0]).args[0]))
    return seen(y.args[0]) if y.op == "expm1" else None


def _near_one(x: Expr) -> Expr | None:
    """Write log(1 + x) as log1p(x): it keeps the digits of a small x."""
    rest = _without_one(x)
    return None if rest is None or rest.shape != x.shape else _entrywise("log1p", rest)


def logarithm(x: Expr, seen: Seen) -> Expr | None:
    """Return log(x) of an x that is positive by its form, or None where there is none stable."""
    y = seen(x)
    if y.op in _MOVES and y.args:
        inside = logarithm(y.args[0], seen)
        return None if inside is None else _signed(y, (inside,))
    if y.op in _LOGARITHMS:
        return _LOGARITHMS[y.op](y, seen)
    return None


def _log_of_sum(y: Expr, seen: Seen) -> Expr | None:
    body = seen(y.args[0])
    if body.op != "exp":
        return None
    whole = node("logsumexp", (body.args[0],), y.shape, y.data)
    if y.op == "sum":
        return whole
    dims = body.shape if y.data is None else (body.shape[int(str(y.data))],)
    return add(whole, neg(_entrywise("log", _count(dims))))


def _log_of_product(y: Expr, seen: Seen) -> Expr | None:
    """Split the factors off that are positive by their form."""
    found = [(f, logarithm(f, seen)) for f in y.args]
    rest = [f for f, log in found if log is None]
    logs = [log for _, log in found if log is not None]
    if not logs or any(f.op == "named" and f.shape != y.shape for f in rest):
        return None
    if rest:
        logs.insert(0, _entrywise("log", mul(*rest)))
    return _in_shape(add(*logs), y)


def _log_of_quotient(y: Expr, seen: Seen) -> Expr | None:
    over, under = (logarithm(a, seen) for a in y.args)
    if over is None and under is None:
        return None
    left = over if over is not None else _entrywise("log", y.args[0])
    right = under if under is not None else _entrywise("log", y.args[1])
    if y.args[0] == num(1):
        return neg(right)
    return _in_shape(add(left, neg(right)), y)


def _log_of_power(y: Expr, seen: Seen) -> Expr | None:
    inside = logarithm(y.args[0], seen)
    if inside is None or y.args[1].op != "num":
        return None
    return mul(y.args[1], inside)


def _log_of_add(y: Expr, seen: Seen) -> Expr | None:
    """Return log(1 - sigmoid(x)), log(1 + exp(x)) and log(exp(a) + exp(b)) by softplus."""
    rest = _without_one(y)
    if rest is not None and rest.op == "neg" and seen(rest.args[0]).op == "sigmoid":
        return _in_shape(neg(_entrywise("softplus", seen(rest.args[0]).args[0])), y)
    pair = _two_powers(y, seen)
    if pair is None:
        return None
    a, b = pair
    if a == num(0):
        return _in_shape(_entrywise("softplus", b), y)
    return _in_shape(add(a, _entrywise("softplus", add(b, neg(a)))), y)


def _log_of_product_with_ones(y: Expr, seen: Seen) -> Expr | None:
    """Return the logarithm of exp(X) @ ones(d), or of ones(n).T @ exp(X)."""
    if len(y.args) != 2 or len(y.shape) > 2:
        return None
    left, right = y.args
    if right.op == "ones" and right.shape[1] == ONE and seen(left).op == "exp":
        body, axis = seen(left).args[0], 1
    elif _is_ones_row(left) and seen(right).op == "exp":
        body, axis = seen(right).args[0], 0
    else:
        return None
    return node("logsumexp", (body,), y.shape, None if y.is_scalar else axis)


def _is_ones_row(e: Expr) -> bool:
    return e.op == "transpose" and e.args[0].op == "ones" and e.shape[0] == ONE


_LOGARITHMS: dict[str, Callable[[Expr, Seen], Expr | None]] = {
    "exp": lambda y, seen: y.args[0],
    "softmax": lambda y, seen: node("logsoftmax", y.args, y.shape, y.data),
    "sigmoid": lambda y, seen: neg(_entrywise("softplus", neg(y.args[0]))),
    # log(cosh(x)) = softplus(2x) - x - log(2)
    "cosh": lambda y, seen: add(
        _entrywise("softplus", mul(num(2), y.args[0])),
        neg(y.args[0]),
        neg(_entrywise("log", num(2))),
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


def _times(over: int, under: int, x: Expr | None) -> Expr | None:
    return None if x is None else div(mul(num(over), x), num(under))


# Quotients ---------------------------------------------------------------------------------------


def _product(e: Expr, seen: Seen) -> Expr | None:
    """Fold exp(x) / sum(exp(x)), exp(x) / (1 + exp(x)) and what is multiplied by them."""
    over, under = _factors(e)
    for k, d in enumerate(under):
        for j, n in enumerate((*over, num(1))):
            whole = _quotient(n, d, seen)
            if whole is not None and whole.shape in (n.shape, d.shape):
                left = [*over[:j], whole, *over[j + 1 :]]
                return _quotient_of(left, [*under[:k], *under[k + 1 :]], e)
    return _cancelled(over, under, e, seen) or _spread_over(over, under, e, seen)


def _cancelled(over: Sequence[Expr], under: Sequence[Expr], e: Expr, seen: Seen) -> Expr | None:
    """Write p (y / p) as y, where a name stands for the quotient too."""
    for k, p in enumerate(over):
        if seen(p).op not in _LIMITED:
            continue
        rest = [*over[:k], *over[k + 1 :]]
        if _holds(under, p, seen):
            return _quotient_of(rest, _dropped(under, p, seen), e)
        for j, q in enumerate(rest):
            above, below = _factors(seen(q)) if q.op == "named" else ([q], [])
            if _holds(below, p, seen):
                left = [*rest[:j], *above, *rest[j + 1 :]]
                return _quotient_of(left, [*under, *_dropped(below, p, seen)], e)
    return None


def _factors(e: Expr) -> tuple[list[Expr], list[Expr]]:
    """Return the factors of a product or a quotient, over and under the line."""
    if e.op == "neg":
        over, under = _factors(e.args[0])
        return [num(-1), *over], under
    if e.op == "mul":
        parts = [_factors(a) for a in e.args]
        return [f for p in parts for f in p[0]], [f for p in parts for f in p[1]]
    if e.op == "div":
        (over, more), (under, fewer) = map(_factors, e.args)
        return [*over, *fewer], [*more, *under]
    if e.op == "pow" and e.args[1].op == "num":
        count = number(e.args[1])
        if count in (2, 3, 4):
            return [e.args[0]] * int(count), []
        if count in (-1, -2, -3):
            return [], [e.args[0]] * -int(count)
    return [e], []


def _quotient_of(over: Sequence[Expr], under: Sequence[Expr], like: Expr) -> Expr:
    top = mul(*over)
    return _in_shape(div(top, mul(*under)) if under else top, like)


def _quotient(n: Expr, d: Expr, seen: Seen) -> Expr | None:
    """Return n / d for a power of e over a sum of such, or None."""
    over, under = seen(n), seen(d)
    if over.op == "sinh" and under.op == "cosh" and over.args == under.args:
        return _entrywise("tanh", over.args[0])
    if over.op == "exp":
        axis = _summed_axis(under, over, seen)
        if axis is not None:
            return node("softmax", over.args, over.shape, axis[0])
    pair = _two_powers(under, seen)
    if pair is None or under.shape not in (over.shape, n.shape) and n != num(1):
        return None
    a, b = pair
    top = over.args[0] if over.op == "exp" else num(0) if n == num(1) else None
    if top == a:
        return _entrywise("sigmoid", add(a, neg(b)) if a != num(0) else neg(b))
    if top == b:
        return _entrywise("sigmoid", add(b, neg(a)) if a != num(0) else b)
    return None


def _summed_axis(under: Expr, over: Expr, seen: Seen) -> tuple[int | None] | None:
    """Return, in a tuple, the axis along which a sum goes over ``over``; None where it does not."""
    axis: int | None
    if under.op == "sum" and seen(under.args[0]) == over:
        axis = None if under.data is None else int(str(under.data))
    elif under.op == "matmul" and len(under.args) == 2 and len(under.shape) == 2:
        left, right = under.args
        if right.op == "ones" and right.shape[1] == ONE and seen(left) == over:
            axis = 1
        elif _is_ones_row(left) and seen(right) == over:
            axis = 0
        else:
            return None
    else:
        return None
    if ONE in over.shape and len(over.shape) == 2:
        line = 0 if over.shape[1] == ONE else 1
        return (line,) if axis in (None, line) and not over.is_scalar else None
    return (axis,)


def _spread_over(
    over: Sequence[Expr], under: Sequence[Expr], e: Expr, seen: Seen
) -> Expr | None:
    """Write p (a - y / p) as p a - y, for a p that may underflow to 0."""
    for k, p in enumerate(over):
        if seen(p).op not in _LIMITED:
            continue
        for j, s in enumerate(over):
            parts = [_factors(_over(t, p, seen)) for t in s.args] if s.op == "add" else []
            if s.shape != e.shape or not any(_holds(b, p, seen) for _, b in parts):
                continue
            others = [f for i, f in enumerate(over) if i not in (j, k)]
            terms = [
                _quotient_of(a, _dropped(b, p, seen), s)
                if _holds(b, p, seen)
                else mul(p, _quotient_of(a, b, t))
                for (a, b), t in zip(parts, s.args, strict=True)
            ]
            return _quotient_of([*others, add(*terms)], under, e)
    return None


def _over(t: Expr, p: Expr, seen: Seen) -> Expr:
    """Return a summand, or what it names where that is divided by p."""
    return seen(t) if t.op == "named" and _holds(_factors(seen(t))[1], p, seen) else t


def _holds(factors: Sequence[Expr], p: Expr, seen: Seen) -> bool:
    return any(seen(f) == seen(p) for f in factors)


def _dropped(factors: Sequence[Expr], p: Expr, seen: Seen) -> list[Expr]:
    first = next(k for k, f in enumerate(factors) if seen(f) == seen(p))
    return [f for k, f in enumerate(factors) if k != first]


def _add(e: Expr, seen: Seen) -> Expr | None:
    """Write exp(x) - 1 as expm1(x): it keeps the digits of a small x."""
    rest = _without_one(e, -1)
    if rest is None or rest.op != "exp" or rest.shape != e.shape:
        return None
    return _entrywise("expm1", rest.args[0])


def _inner(e: Expr, seen: Seen) -> Expr | None:
    """Fold a quotient whose terms are summed by an inner product."""
    if not e.is_scalar or len(e.args) != 2 or e.args[0].is_scalar or len(e.args[1].shape) > 2:
        return None
    column, other = _turned(e.args[0]), e.args[1]
    over, under = _factors(column)
    folded = _product(_quotient_of([*over, other], under, column), seen)
    return None if folded is None else node("sum", (folded,), e.shape)


def _turned(e: Expr) -> Expr:
    """Return a transpose that is taken of the factors of a product."""
    if e.op in ("mul", "div", "neg"):
        args = tuple(map(_turned, e.args))
        return {"mul": mul, "div": div, "neg": neg}[e.op](*args)
    if e.op == "pow" and e.args[1].is_scalar:
        return power(_turned(e.args[0]), e.args[1])
    return transpose(e)


def _signed(e: Expr, args: tuple[Expr, ...]) -> Expr:
    """Return a node with other arguments; two signs, or two transposes, are none."""
    if e.op == "neg":
        inner = args[0]
        if inner.op == "sum" and inner.args[0].op == "neg":
            return with_args(inner, inner.args[0].args)
        return neg(inner)
    return transpose(args[0]) if e.op == "transpose" else with_args(e, args)


# Parts -------------------------------------------------------------------------------------------


def _entrywise(name: str, x: Expr) -> Expr:
    return node(name, (x,), x.shape)


def _count(dims: Sequence[Dim]) -> Expr:
    return mul(*(node("size", (), (ONE, ONE), d) for d in dims if d != ONE))


def _without_one(e: Expr, one: int = 1) -> Expr | None:
    """Return x where an expression is 1 + x (or, asked for -1, x - 1)."""
    if e.op != "add" or len(e.args) < 2:
        return None
    for k, a in enumerate(e.args):
        if a == num(one) or (one == 1 and a.op == "ones" and a.shape == e.shape):
            return add(*(b for j, b in enumerate(e.args) if j != k))
    return None


def _two_powers(e: Expr, seen: Seen) -> tuple[Expr, Expr] | None:
    """Return a and b where an expression is exp(a) + exp(b); a is 0 for 1 + exp(b)."""
    rest = _without_one(e)
    if rest is not None:
        power_ = seen(rest)
        return (num(0), power_.args[0]) if power_.op == "exp" else None
    if e.op != "add" or len(e.args) != 2:
        return None
    a, b = map(seen, e.args)
    return (a.args[0], b.args[0]) if a.op == b.op == "exp" else None


def _in_shape(x: Expr, like: Expr) -> Expr:
    """Return an expression that has lost an axis of ones with that axis again."""
    if x.shape == like.shape:
        return x
    return add(x, node("zeros", (), like.shape))


_RULES: dict[str, Callable[[Expr, Seen], Expr | None]] = {
    "log": _log,
    "log1p": _log1p,
    "div": _product,
    "mul": _product,
    "matmul": _inner,
    "add": _add,
}
