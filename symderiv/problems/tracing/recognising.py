"""Functions of the language in the steps that NumPy has to write for them.

``e = exp(z - max(z)); e / sum(e)`` is a softmax, ``log(sum(exp(z)))`` a logsumexp, and
``1 / (1 + exp(-z))`` a sigmoid. What is subtracted for the sake of rounding is the same number all
along the axis; it changes neither the value nor the derivative, and is left out.

Contract: both sides of every rule are equal for all arrays, by an identity of real functions; a
node that no rule fits is returned as it is.
"""

from __future__ import annotations

from collections.abc import Callable

from ...core.shapes import ONE, Dim, trimmed
from .building import reduce, reshape
from .traced_nodes import Node

_Axes = tuple[int, ...]


def fused(n: Node) -> Node:
    """Return a node, or the one function that its last steps make up."""
    for rule in _RULES.get(n.made, ()):
        found = rule(n)
        if found is not None and found.dims == n.dims:
            return found
    return n


def is_same(a: Node, b: Node) -> bool:
    """Whether two nodes were written alike."""
    if a is b:
        return True
    alike = (a.column, a.row, a.dims, len(a.args)) == (b.column, b.row, b.dims, len(b.args))
    return alike and bool(a.args) and all(map(is_same, a.args, b.args))


def _padded(dims: tuple[Dim, ...], rank: int) -> tuple[Dim, ...]:
    return (ONE,) * (rank - len(dims)) + dims


def _goes_back(n: Node, source: Node, kind: str) -> bool:
    """Whether a node is a reduction of ``source`` that broadcasts along the reduced axes."""
    if n.made != kind or not is_same(n.of[0], source):
        return False
    kept = tuple(ONE if k in n.axes else d for k, d in enumerate(source.dims))
    return _padded(n.dims, source.rank) == kept


def _unshifted(u: Node, axes: _Axes) -> Node:
    """Return z for z - c, where c is the same all along the axes."""
    while u.made == "{0} - {1}" and u.of[0].dims == u.dims:
        c = _padded(u.of[1].dims, u.rank)
        if any(c[k] != ONE for k in axes):
            break
        u = u.of[0]
    return u


def _normalized(name: str, u: Node, axes: _Axes) -> Node | None:
    """Return softmax or logsoftmax of what was shifted."""
    z = _unshifted(u, axes)
    if len(axes) > 1 and (len(axes) < z.rank or z.rank > 2):
        return None
    place = None if len(axes) > 1 else axes[0] - (z.rank - len(trimmed(z.dims)))
    if z.rank == 1:
        place = 0
    if any(z.dims[k] == ONE for k in axes):
        return None  # the language refuses what is 1 everywhere
    text = f"{name}({{0}}, axis={place})"
    per_row = z.per_row
    return Node(z.dims, text, (z,), per_row=per_row, made=name, of=(z,), axes=axes)


def _softmax(n: Node) -> Node | None:
    e, total = n.of
    if e.made != "exp({0})" or not _goes_back(total, e, "sum"):
        return None
    return _normalized("softmax", e.of[0], total.axes)


def _logsoftmax(n: Node) -> Node | None:
    u, total = n.of
    if not _goes_back(total, u, "logsumexp"):
        return None
    return _normalized("logsoftmax", u, total.axes)


def _logsumexp(n: Node) -> Node | None:
    (total,) = n.of
    if total.made != "sum" or total.of[0].made != "exp({0})":
        return None
    return _reduced(total.of[0].of[0], total.axes, n.dims)


def _reduced(u: Node, axes: _Axes, dims: tuple[Dim, ...]) -> Node:
    kept = reduce("logsumexp", u, axes, keepdims=True)
    return reduce("logsumexp", u, axes) if dims != kept.dims else kept


def _shifted_logsumexp(n: Node) -> Node | None:
    """Return logsumexp(z) for c + logsumexp(z - c)."""
    for total, c in (n.of, n.of[::-1]):
        if total.made != "logsumexp" or total.dims != n.dims:
            continue
        u, axes = total.of[0], total.axes
        z = u.of[0] if u.made == "{0} - {1}" else u
        if z is u or z.dims != u.dims or not _is_constant(u.of[1], u, axes):
            continue
        kept = tuple(ONE if k in axes else d for k, d in enumerate(u.dims))
        if is_same(c, u.of[1]) or (c.dims == total.dims and _is_expanded(u.of[1], c, kept)):
            return _reduced(z, axes, n.dims)
    return None


def _is_constant(c: Node, u: Node, axes: _Axes) -> bool:
    return all(_padded(c.dims, u.rank)[k] == ONE for k in axes)


def _is_expanded(wide: Node, c: Node, kept: tuple[Dim, ...]) -> bool:
    """Whether ``wide`` holds the numbers of c with the reduced axes in their places."""
    if wide.dims != kept:
        return False
    if is_same(wide, reshape(c, kept)):
        return True
    alike = wide.made and (wide.made, wide.axes) == (c.made, c.axes)
    return bool(alike) and len(wide.of) == len(c.of) == 1 and is_same(wide.of[0], c.of[0])


def _normed(n: Node) -> Node | None:
    """Return layernorm(x, eps) or rmsnorm(x, eps) for the quotient that it is."""
    above, root = n.of
    below = root.of[0] if root.made == "sqrt({0})" else None
    if below is None or below.made != "{0} + {1}":
        return None
    for spread, eps in (below.of, below.of[::-1]):
        if eps.rank:
            continue
        is_square = _is_mean_square(spread, above)
        if above.made == "{0} - {1}" and _is_spread(above.of[1], above.of[0], "mean"):
            if is_square or _is_spread(spread, above.of[0], "var"):
                return _norm("layernorm", above.of[0], eps)
        elif is_square:
            return _norm("rmsnorm", above, eps)
    return None


def _is_spread(n: Node, x: Node, kind: str) -> bool:
    """Whether a node is a reduction of the last axis of x, kept."""
    return _goes_back(n, x, kind) and n.axes == (x.rank - 1,)


def _is_mean_square(n: Node, u: Node) -> bool:
    """Whether a node is the mean of u ** 2 along the last axis, kept."""
    if n.made != "mean":
        return False
    square = n.of[0]
    return _is_spread(n, square, "mean") and _is_square(square, u)


def _is_square(n: Node, u: Node) -> bool:
    if n.made == "square({0})":
        return is_same(n.of[0], u)
    if n.made == "{0} ** {1}":
        return is_same(n.of[0], u) and n.of[1].column in ("2", "2.0")
    return n.made == "{0} * {1}" and all(is_same(f, u) for f in n.of)


def _norm(name: str, x: Node, eps: Node) -> Node | None:
    if x.dims[-1] == ONE:
        return None
    column, row = f"{name}({{0}}, {{1}})", ""
    if x.rank == 1:
        column, row = "", f"{name}({{0:r}}, {{1}})"
    return Node(x.dims, column, (x, eps), row, x.per_row, made=name, of=(x,))


def _one_and_exp(n: Node) -> Node | None:
    """Return u for 1 + exp(u)."""
    if n.made == "{0} + {1}":
        for number, e in (n.of, n.of[::-1]):
            if _is_one(number) and e.made == "exp({0})":
                return e.of[0]
    return None


def _sigmoid(n: Node) -> Node | None:
    """Return a * sigmoid(-u) for a / (1 + exp(u)), with which silu is written as well."""
    above, below = n.of
    u = _one_and_exp(below)
    if u is None:
        return None
    z, text = (u.of[0], "{0}") if u.made == "-{0}" else (u, "-{0}")
    if _is_one(above):
        return _named("sigmoid", f"sigmoid({text})", z)
    if text == "{0}" and is_same(above, z):
        return _named("silu", "silu({0})", z)
    return None


def _softplus(n: Node) -> Node | None:
    """Return softplus(u) for log(1 + exp(u))."""
    u = _one_and_exp(n.of[0])
    return None if u is None else _named("softplus", "softplus({0})", u)


def _softplus_of_exp(n: Node) -> Node | None:
    (e,) = n.of
    return _named("softplus", "softplus({0})", e.of[0]) if e.made == "exp({0})" else None


def _named(name: str, text: str, z: Node) -> Node:
    row = text.replace("{0}", "{0:r}") if z.rank == 1 else ""
    return Node(z.dims, text, (z,), row, z.per_row, made=name, of=(z,))


def _without_zero(n: Node) -> Node | None:
    """Return x for 0 + x, with which ``sum`` of Python begins."""
    for zero, x in (n.of, n.of[::-1]):
        if not zero.args and zero.column in ("0", "0.0"):
            return x
    return None


def _is_one(n: Node) -> bool:
    return not n.args and n.column in ("1", "1.0")


_RULES: dict[str, tuple[Callable[[Node], Node | None], ...]] = {
    "{0} / {1}": (_softmax, _sigmoid, _normed),
    "{0} - {1}": (_logsoftmax,),
    "log({0})": (_logsumexp, _softplus),
    "log1p({0})": (_softplus_of_exp,),
    "{0} + {1}": (_without_zero, _shifted_logsumexp),
}
