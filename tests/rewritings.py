"""Other ways to write one formula: one table entry for each, all of them keep its value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from formulas import everywhere, put, without

from symderiv.core.expr import (
    Expr,
    add,
    div,
    mul,
    node,
    num,
    rebuild,
    transpose,
    with_args,
)
from symderiv.core.shapes import ONE, swapped
from symderiv.problems import Problem

Rewrite = Callable[[Expr], Iterator[Expr]]


def _transposed_twice(e: Expr) -> Iterator[Expr]:
    if e.op == "matmul":
        parts = tuple(transpose(f) for f in reversed(e.args))
        yield transpose(node("matmul", parts, swapped(e.shape)))


def _expanded(e: Expr) -> Iterator[Expr]:
    if e.op in ("mul", "matmul"):
        for k, f in enumerate(e.args):
            if f.op == "add" and (e.op == "mul" or all(t.shape == f.shape for t in f.args)):
                yield node("add", tuple(put(e, (k,), t) for t in f.args), e.shape)
    if e.op in ("neg", "div", "transpose") and e.args[0].op == "add":
        x = e.args[0]
        if all(t.shape == x.shape for t in x.args):
            yield node("add", tuple(put(e, (0,), t) for t in x.args), e.shape)


def _factored(e: Expr) -> Iterator[Expr]:
    if e.op == "add" and len(e.args) == 2:
        a, b = e.args
        for kind in ("mul", "matmul"):
            if a.op == b.op == kind and a.shape == b.shape:
                yield from _with_common_ends(a, b)


def _with_common_ends(a: Expr, b: Expr) -> Iterator[Expr]:
    for k in (0, -1):
        if a.args[k] is b.args[k]:
            rest = [without(x, k % len(x.args)) for x in (a, b)]
            if rest[0].shape == rest[1].shape or a.op == "matmul":
                inner = node("add", tuple(rest), rest[0].shape)
                both = (a.args[0], inner) if k == 0 else (inner, a.args[-1])
                yield node(a.op, both, a.shape)


def _reordered(e: Expr) -> Iterator[Expr]:
    if e.op in ("add", "mul"):
        yield node(e.op, e.args[::-1], e.shape)


def _doubled(e: Expr) -> Iterator[Expr]:
    if e.op == "mul":
        for k, f in enumerate(e.args):
            if f is num(2):
                yield add(without(e, k), without(e, k))


def _as_fraction(e: Expr) -> Iterator[Expr]:
    if e.op == "div" and e.args[1].is_scalar:
        yield mul(div(num(1), e.args[1]), e.args[0])


def _denied_twice(e: Expr) -> Iterator[Expr]:
    if e.op not in ("num", "size", "neg"):
        yield node("neg", (node("neg", (e,), e.shape),), e.shape)


def _inverse_of_transpose(e: Expr) -> Iterator[Expr]:
    if e.op == "transpose" and e.args[0].op == "inv":
        x = e.args[0].args[0]
        yield node("inv", (transpose(x),), x.shape)
    if e.op == "inv":
        yield transpose(node("inv", (transpose(e.args[0]),), e.shape))


def _sum_as_product(e: Expr) -> Iterator[Expr]:
    if e.op == "sum" and e.data in (0, 1) and len(e.args[0].shape) == 2:
        x = e.args[0]
        n, m = x.shape
        if e.data == 0 and n != ONE:
            ones = node("ones", (), (n, ONE))
            yield node("matmul", (transpose(ones), x), e.shape)
        if e.data == 1 and m != ONE:
            yield node("matmul", (x, node("ones", (), (m, ONE))), e.shape)


REWRITINGS: dict[str, Rewrite] = {
    "transposed twice": _transposed_twice,
    "expanded": _expanded,
    "factored": _factored,
    "reordered": _reordered,
    "2 x as x + x": _doubled,
    "x / n as 1/n x": _as_fraction,
    "denied twice": _denied_twice,
    "inverse of a transpose": _inverse_of_transpose,
    "sum as a product": _sum_as_product,
}


def rewritten(x: Expr, rewrite: Rewrite) -> list[Expr]:
    """Return a formula with one place written in another way."""
    return [y for y in everywhere(x, rewrite) if y is not x]


def new_names(p: Problem) -> dict[str, str]:
    return {n: f"{n}q{k}" for k, n in enumerate([*p.variables, *p.definitions])}


def renamed(p: Problem) -> Problem:
    """Return a problem with a new name for every variable and definition."""
    names = new_names(p)
    known = {names[n]: replace(v, name=names[n]) for n, v in p.variables.items()}
    return replace(
        p,
        variables=known,
        definitions={names[n]: with_names(x, names) for n, x in p.definitions.items()},
        objective=with_names(p.objective, names),
        wrt=tuple(names[n] for n in p.wrt),
        claims=(),
    )


def with_names(x: Expr, names: dict[str, str]) -> Expr:
    """Return a formula with other names of variables and definitions."""

    def change(e: Expr, args: tuple[Expr, ...]) -> Expr:
        new = names.get(str(e.data)) if e.op in ("var", "named") else None
        return node(e.op, args, e.shape, new) if new else with_args(e, args)

    return rebuild(x, change)
