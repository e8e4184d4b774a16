"""Sizes that are numbers are sizes like any other: the checks take a symbol for each.

What holds for every n holds for 500, so a problem whose entries are too many to be checked one by
one is checked with a symbol in the place of every such number. The same number is the same symbol;
one that a reshape, a Kronecker product or a concatenation makes of others is their product or sum;
small numbers stay. Contract: the text with symbols is read again, so shapes that fit because of
the numbers alone have no problem of this kind: None.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations_with_replacement
from math import prod
from typing import Any

from ..core.errors import LanguageError
from ..core.expr import Expr, node, rebuild, walk_all
from ..core.shapes import Dim, Shape, summed_sizes, symbol
from ..ops import TABLE
from ..ops.text import text
from . import Problem
from .declarations import Declarations
from .problem import build

MOST_ENTRIES = 100  # of a variable, at sizes that are compared entry by entry
SMALLEST = 4  # smaller numbers mean themselves: 1 is a row, 3 are coordinates


def is_large(problem: Problem) -> bool:
    """Whether a variable has too many entries even where all symbols are 1."""
    least = dict.fromkeys(problem.dims, 1)
    shapes = (v.shape for v in problem.variables.values())
    return any(prod(d.at({**dict.fromkeys(d.names, 1), **least}) for d in s) > MOST_ENTRIES
               for s in shapes)  # fmt: skip


def with_symbols(problem: Problem) -> tuple[Problem, dict[str, int]] | None:
    """Return a problem with symbols for the numbers among its sizes, and what they stand for."""
    if not is_large(problem):
        return None
    nodes = list(walk_all([problem.objective, *problem.definitions.values()]))
    declared = {d.coefficient for v in problem.variables.values() for d in v.shape}
    numbers = {d.coefficient for e in nodes for d in e.shape} | declared
    taken = {*problem.known(), *problem.dims, *problem.declared.losses, *problem.declared.entrywise}
    sizes: dict[int, Dim] = {}
    ops = {e.op for e in nodes}
    for number in sorted(n for n in numbers if n >= SMALLEST):
        made = _made(number, sizes, ops)
        name = f"n{number}"
        while name in taken:
            name += "_"
        sizes[number] = symbol(name) if made is None else made
    names = {
        d.symbols[0]: n for n, d in sizes.items() if len(d.symbols) == 1 and d.names == d.symbols
    }
    try:
        return _stated(problem, sizes), names
    except LanguageError:
        return None


def _made(number: int, sizes: Mapping[int, Dim], ops: set[str]) -> Dim | None:
    """Return a size as the product or the sum of smaller ones, where an operator makes it so."""
    for a, b in combinations_with_replacement(sizes, 2):
        if a * b == number and any(TABLE[op].multiplies for op in ops):
            return sizes[a] * sizes[b]
        if a + b == number and "concat" in ops:
            return summed_sizes([sizes[a], sizes[b]])
    return None


def _mapped(data: Any, sizes: Mapping[int, Dim]) -> Any:
    if isinstance(data, Dim):
        known = sizes.get(data.coefficient)
        return data if known is None else known * Dim(1, data.symbols)
    return tuple(_mapped(d, sizes) for d in data) if isinstance(data, tuple) else data


def _stated(problem: Problem, sizes: Mapping[int, Dim]) -> Problem:
    """Return the problem with other sizes, read from its text."""

    def shape(dims: Shape) -> Shape:
        return tuple(_mapped(d, sizes) for d in dims)

    def change(e: Expr, args: tuple[Expr, ...]) -> Expr:
        return node(e.op, args, shape(e.shape), _mapped(e.data, sizes))

    lines = [f"{n} = {text(rebuild(x, change))}" for n, x in problem.definitions.items()]
    lines.append(text(rebuild(problem.objective, change)))
    declared = Declarations()
    for name in problem.declared.losses:
        declared.declare(name, "loss")
    for name in problem.declared.entrywise:
        declared.declare(name, "entrywise")
    for name, v in problem.variables.items():
        written = ", ".join(map(str, shape(v.written))) or "scalar"
        declared.declare(name, " ".join([written, *v.properties]))
    given = [*problem.upstream]
    upstream = None if not given else given[0] if len(given) == 1 else given[0].removesuffix("1")
    return build("\n".join(lines), declared, wrt=problem.wrt, name=problem.name, upstream=upstream)
