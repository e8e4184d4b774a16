"""Functions of the language in the steps that libraries of arrays have to write for them.

``e = exp(z - max(z)); e / sum(e)`` is a softmax, ``log(sum(exp(z)))`` a logsumexp, and
``1 / (1 + exp(-z))`` a sigmoid. What is subtracted for the sake of rounding is the same number all
along the axis; it changes neither the value nor the derivative, and is left out.

Contract: takes expressions with their operations one by one (see ``array_expressions``); both sides
of every rule are equal for all arrays, by an identity of real functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import exp, inf, pi, prod, sqrt

from ...core.expr import Expr, node, num, walk_all, with_args
from ...core.shapes import ONE, Shape, reduced_shape, times
from .array_expressions import function, is_turned, negative, raw, turned

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


def _stable_softplus(e: Expr) -> Expr | None:
    """Return softplus(x) for max(x, 0) + softplus(-|x|)."""
    if len(e.args) != 2:
        return None
    for ramp, rest in (e.args, e.args[::-1]):
        if ramp.op == "relu" and rest.op == "softplus" and rest.args[0].is_negative:
            inner = rest.args[0].args[0]
            if inner.op == "abs" and inner.args[0] is ramp.args[0]:
                return function("softplus")(ramp.args[0])
    return None


def _without_zero(e: Expr) -> Expr | None:
    """Return x for 0 + x, with which ``sum`` of Python begins."""
    return next((x for zero, x in (e.args, e.args[::-1]) if zero is num(0)), None)


def _mean(e: Expr) -> Expr | None:
    """Return mean(x) for sum(x) / n, where n numbers were added."""
    above, below = e.args
    found = _reduction(above, "sum")
    if found is None or below.op != "size" or above.op not in ("sum", "reshape", "transpose"):
        return None
    x, axis = found
    added = times(x.shape) if axis is None else x.shape[axis]
    if below.data != added or (axis is None and above.op != "sum"):
        return None
    kept = node("mean", (x,), reduced_shape(x.shape, axis), axis)
    if kept.shape == e.shape:
        return kept
    return turned(kept) if turned(kept).shape == e.shape else node("reshape", (kept,), e.shape)


def _positive(e: Expr) -> Expr | None:
    """Return x for |x|, where x is a sum of exponentials."""
    found = _reduction(e.args[0], "sum")
    return e.args[0] if found is not None and found[0].op == "exp" else None


def _factors(e: Expr) -> tuple[Expr, ...]:
    """Return the factors of a product, those of a division by a number among them."""
    if e.op == "mul":
        return tuple(f for a in e.args for f in _factors(a))
    if e.op == "div" and e.args[1].is_number:
        return (*_factors(e.args[0]), raw("div", num(1), e.args[1]))
    return (e,)


def _activation(e: Expr) -> Expr | None:
    """Return silu(x) for x sigmoid(x), gelu(x) for x (1 + erf(x / sqrt(2))) / 2 and its like."""
    factors = list(_factors(e))
    for gate in factors:
        rest = list(factors)
        rest.remove(gate)
        if gate.op == "sigmoid" and gate.args[0] in rest:
            rest.remove(gate.args[0])
            return _product([function("silu")(gate.args[0]), *rest])
        found = _gelu(gate, rest)
        if found is not None:
            return found
    return None


def _gelu(gate: Expr, rest: list[Expr]) -> Expr | None:
    """Return what 1 + erf(..) or 1 + tanh(..) makes of x / 2 beside it."""
    step = _beside_one(gate)
    halves = [f for f in rest if _value(f) == 0.5]
    if step is None or not halves:
        return None
    rest.remove(halves[0])
    for x in rest:
        name = _gate_of(step, x)
        if name is not None:
            rest.remove(x)
            return _product([function(name)(x), *rest])
    return None


def _beside_one(e: Expr) -> Expr | None:
    """Return u for 1 + u; -u for 1 - u where u is odd is read by its argument."""
    if not e.is_sum or len(e.args) != 2:
        return None
    for one, other in (e.args, e.args[::-1]):
        if one is num(1):
            return other
    return None


def _gate_of(step: Expr, x: Expr) -> str | None:
    """Return which gelu has a gate for x, if one has: by erf, or its approximation by tanh."""
    sign = -1 if step.is_negative else 1
    inner = step.args[0] if step.is_negative else step
    if inner.op == "erf":
        found = _polynomial(inner.args[0], x)
        return "gelu" if found and _near(found, {1: sign * sqrt(0.5)}) else None
    if inner.op == "tanh":
        found = _polynomial(inner.args[0], x)
        c = sign * sqrt(2 / pi)
        return "gelu_tanh" if found and _near(found, {1: c, 3: c * 0.044715}) else None
    return None


def _near(found: dict[int, float], wanted: dict[int, float]) -> bool:
    return found.keys() == wanted.keys() and all(
        abs(found[k] - wanted[k]) <= 1e-14 * abs(wanted[k]) for k in wanted
    )


def _polynomial(e: Expr, x: Expr) -> dict[int, float] | None:
    """Return the coefficients of a polynomial of x by its powers, None for what is none."""
    if e is x:
        return {1: 1.0}
    value = _value(e)
    if value is not None:
        return {0: value}
    parts = [_polynomial(a, x) for a in e.args] if e.op in ("add", "mul", "neg") else []
    if e.op == "pow" and _value(e.args[1]) is not None:
        exponent = _value(e.args[1]) or 0.5
        base = _polynomial(e.args[0], x)
        return _powered(base, int(exponent)) if exponent == int(exponent) and exponent > 0 else None
    if e.op == "div" and _value(e.args[1]):
        parts = [_polynomial(e.args[0], x), {0: 1 / (_value(e.args[1]) or 1)}]
    if not parts or any(p is None for p in parts):
        return None
    known = [p for p in parts if p is not None]
    if e.op == "add":
        return {k: sum(p.get(k, 0.0) for p in known) for k in sorted({k for p in known for k in p})}
    if e.op == "neg":
        return {k: -c for k, c in known[0].items()}
    found = {0: 1.0}
    for p in known:
        found = _times(found, p)
    return found


def _times(p: dict[int, float], q: dict[int, float]) -> dict[int, float]:
    found: dict[int, float] = {}
    for i, a in p.items():
        for j, b in q.items():
            found[i + j] = found.get(i + j, 0.0) + a * b
    return found


def _powered(p: dict[int, float] | None, exponent: int) -> dict[int, float] | None:
    found: dict[int, float] = {0: 1.0}
    for _ in range(exponent):
        found = _times(found, p or {})
    return found if p else None


def _value(e: Expr) -> float | None:
    """Return what an expression of numbers is."""
    if e.is_number:
        return float(e.data)  # type: ignore[arg-type]
    if e.op == "const":
        return {"pi": pi, "e": exp(1)}.get(str(e.data))
    if e.op not in _NUMBERS:
        return None
    values = [_value(a) for a in e.args]
    if any(v is None for v in values):
        return None
    return _NUMBERS[e.op](*(v for v in values if v is not None))


_NUMBERS: dict[str, Callable[..., float]] = {
    "neg": lambda a: -a,
    "add": lambda *a: sum(a),
    "mul": lambda *a: prod(a),
    "div": lambda a, b: a / b if b else inf,
    "pow": lambda a, b: a**b if a > 0 else inf,
    "sqrt": lambda a: sqrt(a) if a >= 0 else inf,
}


def _product(factors: list[Expr]) -> Expr:
    found = factors[0]
    for f in factors[1:]:
        found = raw("mul", found, f)
    return found


_RULES: dict[str, tuple[Callable[[Expr], Expr | None], ...]] = {
    "div": (_softmax, _sigmoid, _normed, _mean, _activation),
    "mul": (_activation,),
    "abs": (_positive,),
    "log": (_logsumexp, _softplus),
    "log1p": (_softplus_of_exp,),
    "add": (_without_zero, _stable_softplus, _logsoftmax, _shifted_logsumexp),
}
