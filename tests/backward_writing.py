"""Derivations written as backward functions of NumPy, with names and habits that people have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Any

import numpy as np
import scipy
from rewritings import with_names

from symderiv.codegen.assignments import array_shape
from symderiv.codegen.helpers import SOURCES, imports, with_needs
from symderiv.codegen.numpy_code import Coder, python_name
from symderiv.core.expr import Expr, free_indices, rebuild, walk, with_args
from symderiv.core.shapes import SCALAR
from symderiv.derivation.derivations import DerivedGradients
from symderiv.ops.functions import spelled
from symderiv.problems import Problem

UPSTREAM = (
    "dout", "dLdy", "delta", "error", "accum_grad", "grad_y", "next_dz", "top_diff", "d_out",
    "upstream",
)  # fmt: skip
LOCALS = ("out", "grad", "delta", "error", "z", "h", "a", "scores", "cache", "upstream")
RETURNS = ("tuple", "dict", "single")


@dataclass(frozen=True)
class Habits:
    """How one function is written."""

    upstream: str
    returns: str
    columns: bool  # whether vectors are declared with two axes
    locals: tuple[str, ...]  # names of the intermediates of the problem
    shuffled: bool  # whether the upstream gradient comes first

    @staticmethod
    def of(seed: str) -> Habits:
        """Return habits drawn at random."""
        r = Random(seed)
        names = list(LOCALS)
        r.shuffle(names)
        return Habits(
            upstream=r.choice(UPSTREAM),
            returns=r.choice(RETURNS),
            columns=r.random() < 0.5,
            locals=tuple(names),
            shuffled=r.random() < 0.5,
        )


def habitual(p: Problem, habits: Habits) -> Problem:
    """Return a problem whose intermediates and vectors are those of a person's forward pass."""
    taken = {*p.variables, *p.upstream, *p.dims, *p.declared.entrywise, p.objective_name}
    free = [n for n in habits.locals if n not in taken]
    names = dict(zip(p.definitions, free, strict=False))
    variables = {
        n: replace(v, kind="matrix") if habits.columns and v.kind == "vector" else v
        for n, v in p.variables.items()
    }
    return replace(
        p,
        variables=variables,
        definitions={names.get(n, n): with_names(x, names) for n, x in p.definitions.items()},
        objective=with_names(p.objective, names),
        upstream={g: with_names(x, names) for g, x in p.upstream.items()},
        claims=(),
    )


@dataclass(frozen=True)
class Written:
    """A backward function, with its source."""

    source: str
    function: Callable[..., Any]
    wrt: tuple[str, ...]


def written(p: Problem, gradients: dict[str, Expr], habits: Habits) -> Written:
    """Return the function that computes some gradients as formulas."""
    coder, lines = Coder(), []
    taken = {*p.variables, *p.upstream, *p.dims}
    upstream = next(iter(p.upstream), "")
    chosen = habits.upstream if habits.upstream not in taken else f"{habits.upstream}_"
    formulas = list(gradients.values())
    for k, e in enumerate(inner(formulas)):
        # A local name of its own, as the parameter may have the name of the intermediate.
        name = f"{e.data}_{k}" if str(e.data) in (*taken, chosen) else str(e.data)
        name = f"{name}_{k}" if any(x.startswith(f"    {name} = ") for x in lines) else name
        lines.append(f"    {name} = {coder(opened(e.args[0]))}")
        coder.names[e] = name
    for n, x in gradients.items():
        value = coder(opened(x))
        if p.variables[n].kind == "matrix" and len(array_shape(p.variables[n].shape)) == 1:
            value = f"np.reshape({value}, {n}_shape)"
        lines.append(f"    d{n} = {value}")
    params = [python_name(n) for n in p.variables]
    params = [chosen, *params] if upstream and habits.shuffled else params
    params += [chosen] if upstream and not habits.shuffled else []
    functions = sorted({spelled(e) for x in formulas for e in walk(x) if e.op == "apply"})
    head, hidden = opening(p, upstream, chosen, coder)
    result = returned(list(gradients), habits.returns)
    signature = ", ".join([*params, *functions, *hidden])
    body = [f"def backward({signature}):", *head, *lines, f"    return {result}"]
    sources = [SOURCES[h] for h in with_needs(coder.helpers)]
    space: dict[str, Any] = {"np": np, "scipy": scipy, "dtype": float}
    whole = "\n\n".join([*imports("\n".join([*body, *sources])), *sources, "\n".join(body)])
    exec(compile(whole, "<a backward pass>", "exec"), space)  # written by this module
    return Written("\n".join(body), space["backward"], tuple(gradients))


def inner(formulas: list[Expr]) -> list[Expr]:
    """Return the intermediates that formulas are written in, those that others need first."""
    found = dict.fromkeys(e for x in formulas for e in walk(x) if e.op == "named")
    return [e for e in found if not free_indices(e)]


def opened(x: Expr) -> Expr:
    """Return a formula without names for what has open indices."""

    def change(e: Expr, args: tuple[Expr, ...]) -> Expr:
        return args[0] if e.op == "named" else with_args(e, args)

    return rebuild(x, change, lambda e: e.op == "named" and not free_indices(e))


def opening(p: Problem, upstream: str, chosen: str, coder: Coder) -> tuple[list[str], list[str]]:
    """Return the first lines (names of the upstream gradient, of sizes), and sizes to be given."""
    hidden = []
    lines = [f"    {upstream} = {chosen}"] if upstream else []
    thin = [
        n
        for n, v in p.variables.items()
        if v.kind == "matrix" and len(array_shape(v.shape)) == 1 and v.shape != SCALAR
    ]
    lines += [f"    {n}_shape = {n}.shape" for n in thin]
    for size in coder.sizes:
        places = [
            f"{python_name(n)}.shape[{k}]"
            for n, v in p.variables.items()
            for k, d in enumerate(v.shape)
            if str(d) == size
        ]
        if places:
            lines.append(f"    {size} = {places[0]}")
        else:
            hidden.append(size)
    lines += [f"    {n} = {n}.ravel()" for n in thin]
    if upstream and len(array_shape(p.upstream[upstream].shape)) == 1:
        lines.append(f"    {upstream} = {upstream}.ravel()")
    return lines, hidden


def returned(names: list[str], how: str) -> str:
    """Return what stands behind ``return``."""
    if how == "dict":
        return "{" + ", ".join(f'"d{n}": d{n}' for n in names) + "}"
    if len(names) == 1 and how == "single":
        return f"d{names[0]}"
    return "(" + ", ".join(f"d{n}" for n in names) + ",)"


def derived(p: Problem, wrt: str) -> Expr:
    """Return the gradient by one variable."""
    return DerivedGradients(p, list(p.variables))[wrt].expr
