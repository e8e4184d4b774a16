"""Naming what is repeated: ``S = softmax(Z, axis=1); S * (G - sum(S * G, axis=1))``.

Contract: the result is equal to the expression; a name is given only where that makes the whole
shorter. What stands under a named index has no meaning outside its sum and stays where it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..expr import Expr, dims_of, free_indices, named, rebuild, walk, with_args
from ..shapes import ONE
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
    names.update(str(e.data) for e in walk(x) if e.op in ("var", "named"))
    while True:
        found = _best(x, made)
        if found is None:
            break
        name = _name(found, names)
        names.add(name)
        x, made = _with_name(x, made, found, name)
    order = [e for e in walk(x) if e in made]
    return order, x


def shared_text(x: Expr, taken: Iterable[str] = (), defined: Iterable[Expr] = ()) -> str:
    """Return an expression in the language, what is repeated in it defined before it."""
    definitions, rest = shared(x, taken, defined)
    return "; ".join([*(f"{d.data} = {text(d.args[0])}" for d in definitions), text(rest)])


def _with_name(
    x: Expr, made: dict[Expr, None], old: Expr, name: str
) -> tuple[Expr, dict[Expr, None]]:
    """Return the expression and the names so far with one more name put in."""
    renewed: dict[Expr, Expr] = {}

    def change(e: Expr, args: tuple[Expr, ...]) -> Expr:
        new = with_args(e, args)
        if e in made or e is old:
            new = renewed[e] = named(name, new) if e is old else new
        return new

    body = rebuild(x, change)
    return body, dict.fromkeys([*(renewed.get(e, e) for e in made), renewed[old]])


def _best(x: Expr, made: dict[Expr, None]) -> Expr | None:
    sizes: dict[Expr, int] = {}
    order = list(_printed(x, made))
    for e in order:
        inside = e.args if e.op != "named" else ()
        sizes[e] = 1 + sum(sizes[a] for a in inside) + (len(e.args) - 2) * (len(inside) > 2)
    count = dict.fromkeys(order, 0)
    count[x] = 1
    best, most = None, _LEAST_GAIN - 1
    for e in reversed(order):
        times = 1 if e in made else count[e]
        for a in e.args if e.op != "named" or e in made else ():
            count[a] += times
    for e in order:
        gain = count[e] * sizes[e] - (count[e] + 2 + sizes[e])
        if e.op not in _LEAVES and gain > most and e is not x and not free_indices(e):
            best, most = e, gain
    return best


def _printed(x: Expr, made: dict[Expr, None]) -> Iterator[Expr]:
    """Yield what is printed, arguments first: the values of the writer's names are not."""
    seen: set[Expr] = set()
    stack: list[tuple[Expr, bool]] = [(x, False)]
    while stack:
        e, expanded = stack.pop()
        if expanded:
            yield e
        elif e not in seen:
            seen.add(e)
            stack.append((e, True))
            inside = e.args if e.op != "named" or e in made else ()
            stack.extend((a, False) for a in reversed(inside))


def _name(x: Expr, taken: set[str]) -> str:
    kind = "scalar" if x.is_scalar else "vector" if ONE in x.shape else "matrix"
    pool = _POOLS[kind]
    names = [*pool, *(f"{pool[0]}{k}" for k in range(1, 1000))]
    name: str = next(n for n in names if n not in taken)
    return name
