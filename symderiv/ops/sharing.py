"""Takes an expression; returns it with what is repeated in it named: ``S = softmax(Z); S * S``.

Contract: the result is equal to the expression; a name is given only where that makes the whole
shorter. What stands under a named index has no meaning outside its sum and stays where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ..core.expr import Expr, dims_of, free_indices, named, rebuild, walk, with_args
from ..core.nodes import arguments_first
from ..core.shapes import ONE
from .text import text

_POOLS = {"matrix": "SRUVHPQZ", "vector": "srzuvqp", "scalar": "stcrkq"}
_MEANT = ("L", "f", "g", "h", "e")  # these mean something without being declared
_LEAST_GAIN = 4  # names, numbers and signs that a name must save
_LEAVES = {"var", "named", "num", "size", "const", "ones", "zeros", "eye", "onehot", "delta"}


def shared(
    x: Expr, taken: Iterable[str] = (), defined: Iterable[Expr] = ()
) -> tuple[list[Expr], Expr]:
    """Return definitions (``named`` nodes, each after those it uses) and what is left.

    ``defined`` are names in ``x`` that nobody wrote and that are therefore defined as well.
    """
    made = dict.fromkeys(defined)
    names = {*taken, *_MEANT, *dims_of(x)}
    names.update(str(e.data) for e in walk(x) if e.is_symbol)
    given = _Names(names)
    while True:
        found = {e: given.next(e) for e in _best(x, made)}
        if not found:
            break
        x, made = _with_names(x, made, found)
    order = [e for e in walk(x) if e in made]
    return order, x


def shared_text(x: Expr, taken: Iterable[str] = (), defined: Iterable[Expr] = ()) -> str:
    """Return an expression in the language, what is repeated in it defined before it."""
    definitions, rest = shared(x, taken, defined)
    return "; ".join([*(f"{d.data} = {text(d.args[0])}" for d in definitions), text(rest)])


def _with_names(
    x: Expr, made: dict[Expr, None], found: dict[Expr, str]
) -> tuple[Expr, dict[Expr, None]]:
    """Return the expression and the names so far with more names put in."""
    renewed: dict[Expr, Expr] = {}

    def change(e: Expr, args: tuple[Expr, ...]) -> Expr:
        new = with_args(e, args)
        if e in found:
            new = renewed[e] = named(found[e], new)
        elif e in made:
            renewed[e] = new
        return new

    body = rebuild(x, change)
    return body, dict.fromkeys([*(renewed.get(e, e) for e in made), *(renewed[e] for e in found)])


def _best(x: Expr, made: dict[Expr, None]) -> list[Expr]:
    """Return what is worth a name most, and what comes after it as far as it is no part of it."""
    sizes: dict[Expr, int] = {}
    order = list(_printed(x, made))
    users: dict[Expr, list[Expr]] = {e: [] for e in order}
    for e in order:
        inside = e.args if not e.is_name else ()
        sizes[e] = 1 + sum(sizes[a] for a in inside) + (len(e.args) - 2) * (len(inside) > 2)
        for a in inside:
            users[a].append(e)
    count = dict.fromkeys(order, 0)
    count[x] = 1
    for e in reversed(order):
        times = 1 if e in made else count[e]
        for a in e.args if not e.is_name or e in made else ():
            count[a] += times
    gains: dict[Expr, int] = {}
    for e in order:
        gain = count[e] * sizes[e] - (count[e] + 2 + sizes[e])
        if e.op not in _LEAVES and gain >= _LEAST_GAIN and e is not x and not free_indices(e):
            gains[e] = gain
    found: list[Expr] = []
    touched: set[Expr] = set()
    for e in sorted(gains, key=lambda e: -gains[e]):
        if e in touched:  # a name in it, or around it, changes what it is worth
            break
        found.append(e)
        _touch(e, touched, lambda e: e.args if not e.is_name else ())
        _touch(e, touched, users.__getitem__)
    return found


def _touch(e: Expr, touched: set[Expr], beside: Callable[[Expr], Iterable[Expr]]) -> None:
    """Add what can be reached from an expression one way, and the expression itself."""
    stack = [e]
    touched.discard(e)
    while stack:
        top = stack.pop()
        if top not in touched:
            touched.add(top)
            stack += beside(top)


def _printed(x: Expr, made: dict[Expr, None]) -> Iterator[Expr]:
    """Yield what is printed, arguments first: the values of the writer's names are not."""
    return arguments_first([x], lambda e: e.args if not e.is_name or e in made else ())


class _Names:
    """Hands out names that nothing has, by what they are for."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = taken
        self._numbers: dict[str, int] = {}

    def next(self, x: Expr) -> str:
        """Return the next name for a scalar, a vector or a matrix."""
        kind = "scalar" if x.is_scalar else "vector" if ONE in x.shape else "matrix"
        pool = _POOLS[kind]
        name = next((n for n in pool if n not in self._taken), None)
        while name is None or name in self._taken:
            self._numbers[pool[0]] = number = self._numbers.get(pool[0], 0) + 1
            name = f"{pool[0]}{number}"
        self._taken.add(name)
        return name
