"""Choices that are computed without leaving the domain of the branch that is not taken.

NumPy computes both branches of a choice: ``where(x > 0, sqrt(x), 0)`` takes the root of a negative
number, and in a gradient 0 times its infinite slope is no number. So what is undefined in a branch
that is not taken gets an argument from inside the domain there. Contract: where a branch is taken,
nothing is changed.
"""

from __future__ import annotations

from fractions import Fraction

from ..core.expr import Expr, free_indices, node, num, number, walk, with_args
from ..core.shapes import broadcast
from ..ops import TABLE
from .powers import Seen

_FACTORS = {"mul", "div", "neg", "named"}  # 0 where one of their factors over the line is
_NAMES = 4  # inside each other, whose values are guarded where they are used in a branch
_OPPOSITE = {">": "<=", "<": ">=", ">=": "<", "<=": ">"}
_INSIDE = num(Fraction(1, 2))  # lies in the domain of every entrywise function

Conditions = tuple[Expr, ...]  # each an indicator: where(a > b, 1, 0)


class Guarded:
    """Puts guards into expressions; remembers them. Named values are left by name."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._memo: dict[tuple[Expr, Conditions, int], Expr] = {}
        self._zero: dict[Expr, Conditions] = {}  # the conditions without which a value is 0

    def __call__(self, x: Expr) -> Expr:
        """Return an expression whose untaken branches are defined."""
        return self._under(x, (), _NAMES)

    def _under(self, e: Expr, given: Conditions, names: int) -> Expr:
        """Return ``e`` for use where all the conditions hold, and defined where they do not.

        It is looked into ``names`` names that stand inside each other.
        """
        key = (e, given, names)
        if key not in self._memo:
            self._memo[key] = self._one(e, given, names)
        return self._memo[key]

    def _one(self, e: Expr, given: Conditions, names: int) -> Expr:
        if e.is_name:
            value = self._seen(e) if given and names > 0 else e
            found = value if value is e else self._under(value, given, names - 1)
            return e if found is value else found
        if e.op == "where":
            left, right = (self._under(a, (), names) for a in e.args[:2])
            if e.args[2].op == e.args[3].op == "num":
                return with_args(e, (left, right, *e.args[2:]))
            yes = _condition(e, str(e.data))
            no = _condition(e, _OPPOSITE[str(e.data)])
            chosen = [
                # What is compared is computed anyway.
                a if a in e.args[:2] else self._under(a, (*given, c), names)
                for a, c in zip(e.args[2:], (yes, no), strict=True)
            ]
            return with_args(e, (left, right, *chosen))
        if e.is_scaled:
            more = [c for c in self._indicators(e) if c not in given]
            given = (*given, *more)
        below = given if TABLE[e.op].entrywise else _scalars(given)
        if e.is_loss:
            below = ()  # an unspecified loss is known by its argument, and has a value wherever
        e = with_args(e, tuple(self._under(a, below, names) for a in e.args))
        return _guarded(e, given) if given else e

    def _indicators(self, x: Expr) -> Conditions:
        """Return the conditions of the factors over the line that are 0 where they fail."""
        for e in walk(x, lambda e: e.op not in _FACTORS, self._zero):
            over = () if e.op not in _FACTORS else e.args if e.is_hadamard else e.args[:1]
            own = _condition_of(e)
            found = [*(c for a in over for c in self._zero[a]), *([] if own is None else [own])]
            self._zero[e] = tuple(dict.fromkeys(found))
        return self._zero[x]


def _guarded(e: Expr, given: Conditions) -> Expr:
    """Return a node with an argument from inside its domain where a condition fails."""
    operator = TABLE[e.op]
    if e.is_quotient:
        return with_args(e, (e.args[0], _divisor(e.args[1], given)))
    if operator.entrywise and operator.singular is not None:
        return with_args(e, (_chosen(e.args[0], given),))
    if e.is_power and not _is_whole(e.args[1]):
        return with_args(e, (_chosen(e.args[0], given), e.args[1]))
    return e


def _divisor(x: Expr, given: Conditions) -> Expr:
    """Return a divisor that is not 0 where a condition fails."""
    if x.is_hadamard:
        return with_args(x, tuple(_divisor(a, given) for a in x.args))
    if x.is_power and x.args[1].is_number:
        return with_args(x, (_divisor(x.args[0], given), x.args[1]))
    # The argument of a root or an exponential is guarded already, and then it is not 0.
    return x if x.op in ("sqrt", "exp") else _chosen(x, given)


def _is_whole(e: Expr) -> bool:
    return e.is_number and number(e).denominator == 1 and number(e) >= 0


def _chosen(x: Expr, given: Conditions) -> Expr:
    if x.is_constant:
        return x
    for c in given:
        spread = broadcast([c.shape, x.shape]) if len(c.shape) == len(x.shape) else c.shape
        fits = c.is_scalar or (len(c.shape) == len(x.shape) and spread == x.shape)
        if fits and (x.op, x.args[:2], x.data) != ("where", c.args[:2], c.data):
            x = node("where", (*c.args[:2], x, _INSIDE), x.shape, c.data)
    return x


def _condition(e: Expr, sign: str) -> Expr:
    """Return the indicator of a comparison, in the shape of what it compares."""
    left, right = e.args[:2]
    shape = left.shape if right.is_scalar else right.shape
    if not left.is_scalar and not right.is_scalar:
        shape = broadcast([left.shape, right.shape])
    return node("where", (left, right, num(1), num(0)), shape, sign)


def _condition_of(e: Expr) -> Expr | None:
    """Return what must hold for a choice between a number and 0 not to be 0, else None."""
    if e.op != "where" or {a.op for a in e.args[2:]} != {"num"}:
        return None
    yes, no = (number(a) for a in e.args[2:])
    if bool(yes) == bool(no):
        return None
    return _condition(e, str(e.data) if yes else _OPPOSITE[str(e.data)])


def _scalars(given: Conditions) -> Conditions:
    return tuple(c for c in given if c.is_scalar and not free_indices(c))
