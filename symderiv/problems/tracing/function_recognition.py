"""Functions of the language in the steps that libraries of arrays have to write for them.

``e = exp(z - max(z)); e / sum(e)`` is a softmax, ``log(sum(exp(z)))`` a logsumexp, and
``1 / (1 + exp(-z))`` a sigmoid. What is subtracted for the sake of rounding is the same number all
along the axis; it changes neither the value nor the derivative, and is left out.

Contract: takes expressions with their operations one by one (see ``array_expressions``); both sides
of every rule are equal for all arrays, by an identity of real functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ...core.expr import Expr, node, num, walk_all, with_args
from ...core.shapes import ONE, Shape, reduced_shape
from .array_expressions import function, is_turned, negative, turned

_Axis = int | None


def recognised(roots: Iterable[Expr]) -> dict[Expr, Expr]:
    """Return every part of some expressions with the functions that their steps make up.

    >>> from symderiv.core.expr import var
    >>> from symderiv.core.shapes import symbol
    >>> from symderiv.problems.tracing.array_expressions import raw
    >>> x = var("x", (symbol("n"), ONE))
    >>> e = raw("div", num(1), raw("add", num(1), function("exp")(negative(x))))
    >>> recognised([e])[e]
    sigmoid(var('x'))
    """
    found: dict[Expr, Expr] = {}
    for x in walk_all(list(roots), Expr.is_name):
        found[x] = _fused(x if x.is_name else with_args(x, tuple(found[a] for a in x.args)))
    return found


def _fused(e: Expr) -> Expr:
    """Return a node, or the one function that its last steps make up."""
    for rule in _RULES.get(e.op, ()):
        found = rule(e)
        if found is not None and found.shape == e.shape:
            return found
    return e


def _difference(e: Expr) -> tuple[Expr, Expr] | None:
    """Return x and y for x - y."""
    is_one = e.is_sum and len(e.args) == 2 and e.args[1].is_negative
    return (e.args[0], e.args[1].args[0]) if is_one else None


def _base(e: Expr) -> Expr:
    """Return what the entries of an array are in order, whatever its axes."""
    while e.op == "reshape" or is_turned(e):
        e = e.args[0]
    return e


def _reduction(e: Expr, kind: str) -> tuple[Expr, _Axis] | None:
    """Return what the numbers of an array are a reduction of, and along which axis."""
    e = _base(e)
    if e.op == kind:
        return e.args[0], e.data  # type: ignore[return-value]
    if e.op != "einsum" or kind != "sum" or len(e.args) > 1:
        return None
    assert isinstance(e.data, tuple)
    (letters,), left = e.data
    dropped = [k for k, c in enumerate(letters) if c not in left]
    in_order = "".join(c for c in letters if c in left) == left and len(set(letters)) == len(
        letters
    )
    return (e.args[0], dropped[0]) if in_order and len(dropped) == 1 else None


def _goes_back(e: Expr, kind: str) -> tuple[Expr, _Axis] | None:
    """Return the same for a reduction that broadcasts along its axis."""
    found = _reduction(e, kind)
    return found if found and e.shape == reduced_shape(found[0].shape, found[1]) else None


def _is_same_along(c: Expr, shape: Shape, axis: _Axis) -> bool:
    """Whether an array beside one of a shape has the same number all along an axis of that."""
    if axis is None:
        return c.is_scalar
    place = axis - (len(shape) - len(c.shape))
    return place < 0 or c.shape[place] == ONE


def _unshifted(u: Expr, axis: _Axis) -> Expr:
    """Return z for z - c, where c is the same all along the axis."""
    while (pair := _difference(u)) and pair[0].shape == u.shape:
        if not _is_same_along(pair[1], u.shape, axis):
            break
        u = pair[0]
    return u


def _normalized(name: str, u: Expr, axis: _Axis) -> Expr | None:
    """Return softmax or logsoftmax of what was shifted."""
    z = _unshifted(u, axis)
    if axis is None and z.shape[1:] == (ONE,):
        axis = 0
    if len(z.shape) > 2 if axis is None else z.shape[axis] == ONE:
        return None  # the language refuses what is 1 everywhere
    return node(name, (z,), z.shape, axis)


def _softmax(e: Expr) -> Expr | None:
    above, below = e.args
    total = _goes_back(below, "sum")
    if total is None or above.op != "exp" or total[0] is not above:
        return None
    return _normalized("softmax", above.args[0], total[1])


def _logsoftmax(e: Expr) -> Expr | None:
    pair = _difference(e)
    total = _goes_back(pair[1], "logsumexp") if pair else None
    if pair is None or total is None or total[0] is not pair[0]:
        return None
    return _normalized("logsoftmax", *total)


def _logsumexp(e: Expr) -> Expr | None:
    total = _reduction(e.args[0], "sum")
    if total is None or total[0].op != "exp":
        return None
    return _reduced(total[0].args[0], total[1], e.shape)


def _reduced(u: Expr, axis: _Axis, shape: Shape) -> Expr:
    """Return the logsumexp of an array in a shape."""
    kept = node("logsumexp", (u,), reduced_shape(u.shape, axis), axis)
    if kept.shape == shape:
        return kept
    return turned(kept) if turned(kept).shape == shape else node("reshape", (kept,), shape)


def _shifted_logsumexp(e: Expr) -> Expr | None:
    """Return logsumexp(z) for c + logsumexp(z - c)."""
    for total, c in (e.args, e.args[::-1]):
        found = _reduction(total, "logsumexp") if total.shape == e.shape else None
        pair = _difference(found[0]) if found else None
        if found is None or pair is None or pair[0].shape != found[0].shape:
            continue
        axis, inside = found[1], pair[1]
        kept = reduced_shape(found[0].shape, axis)
        is_same = c is inside and (c.is_scalar or total.shape == kept)
        is_same |= (inside.shape, c.shape) == (kept, total.shape) and _base(inside) is _base(c)
        if is_same and _is_same_along(inside, found[0].shape, axis):
            return _reduced(pair[0], axis, e.shape)
    return None


def _normed(e: Expr) -> Expr | None:
    """Return layernorm(x, eps) or rmsnorm(x, eps) for the quotient that it is."""
    above, root = e.args
    if root.op != "sqrt" or not root.args[0].is_sum or len(root.args[0].args) != 2:
        return None
    pair = _difference(above)
    for spread, eps in (root.args[0].args, root.args[0].args[::-1]):
        is_square = _is_mean_square(spread, above)
        if not eps.is_scalar:
            continue
        if pair is not None and _is_of_rows(pair[1], pair[0], "mean"):
            if is_square or _is_of_rows(spread, pair[0], "variance"):
                return _norm("layernorm", pair[0], eps)
        elif is_square:
            return _norm("rmsnorm", above, eps)
    return None


def _is_of_rows(e: Expr, x: Expr, kind: str) -> bool:
    """Whether an array is a reduction of the last axis of x, kept."""
    found = _goes_back(e, kind)
    last = (None,) if x.shape[1:] == (ONE,) else (len(x.shape) - 1,)
    return found is not None and found[0] is x and found[1] in last


def _is_mean_square(e: Expr, u: Expr) -> bool:
    """Whether an array is the mean of u ** 2 along the last axis, kept."""
    found = _goes_back(e, "mean")
    square = found[0] if found else e
    is_square = square in (
        function("square")(u),
        node("pow", (u, num(2)), u.shape),
        node("mul", (u, u), u.shape),
    )
    return is_square and _is_of_rows(e, square, "mean")


def _norm(name: str, x: Expr, eps: Expr) -> Expr | None:
    if x.shape[-1] == ONE:
        row = turned(x)
        return None if x.is_scalar else turned(node(name, (row, eps), row.shape))
    return node(name, (x, eps), x.shape)


def _one_and_exp(e: Expr) -> Expr | None:
    """Return u for 1 + exp(u)."""
    if e.is_sum and len(e.args) == 2:
        for one, power in (e.args, e.args[::-1]):
            if one is num(1) and power.op == "exp":
                return power.args[0]
    return None


def _sigmoid(e: Expr) -> Expr | None:
    """Return a * sigmoid(-u) for a / (1 + exp(u)), with which silu is written as well."""
    above, below = e.args
    u = _one_and_exp(below)
    if u is None:
        return None
    if above is num(1):
        return function("sigmoid")(u.args[0] if u.is_negative else negative(u))
    return function("silu")(above) if u.is_negative and u.args[0] is above else None


def _softplus(e: Expr) -> Expr | None:
    """Return softplus(u) for log(1 + exp(u))."""
    u = _one_and_exp(e.args[0])
    return None if u is None else function("softplus")(u)


def _softplus_of_exp(e: Expr) -> Expr | None:
    power = e.args[0]
    return function("softplus")(power.args[0]) if power.op == "exp" else None


def _without_zero(e: Expr) -> Expr | None:
    """Return x for 0 + x, with which ``sum`` of Python begins."""
    return next((x for zero, x in (e.args, e.args[::-1]) if zero is num(0)), None)


_RULES: dict[str, tuple[Callable[[Expr], Expr | None], ...]] = {
    "div": (_softmax, _sigmoid, _normed),
    "log": (_logsumexp, _softplus),
    "log1p": (_softplus_of_exp,),
    "add": (_without_zero, _logsoftmax, _shifted_logsumexp),
}
