"""Places in a formula: what stands there, and the formula with something else there.

The shapes of a changed formula are settled by reading its text anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from symderiv.core.expr import Expr, with_args

Place = tuple[int, ...]
Change = Callable[[Expr], Iterator[Expr]]


MOST = 250  # places of a long formula, the shallow ones


def places(x: Expr) -> list[Place]:
    """Return the places of a formula, the whole first; none below a named intermediate."""
    found: list[Place] = [()]
    for place in found:
        e = at(x, place)
        if e.op != "named" and len(found) < MOST:
            found += [(*place, k) for k in range(len(e.args))]
    return found


def at(x: Expr, place: Place) -> Expr:
    for k in place:
        x = x.args[k]
    return x


def put(x: Expr, place: Place, there: Expr) -> Expr:
    if not place:
        return there
    k, *rest = place
    args = [*x.args]
    args[k] = put(args[k], tuple(rest), there)
    return with_args(x, tuple(args))


def everywhere(x: Expr, change: Change, where: Callable[[Place], bool] | None = None) -> list[Expr]:
    """Return the formulas with one place changed."""
    return [
        put(x, p, there)
        for p in places(x)
        if where is None or where(p)
        for there in change(at(x, p))
    ]


def without(x: Expr, k: int) -> Expr:
    """Return a sum or product without one of its terms or factors."""
    rest = (*x.args[:k], *x.args[k + 1 :])
    return rest[0] if len(rest) == 1 else with_args(x, rest)
