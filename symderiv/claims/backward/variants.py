"""Takes a gradient; yields those that slips give, as expressions to compare with.

Slips in the formula: a term, a factor or a sign of the gradient changed in one place. Slips in the
pullback: the derivative of one function left out or taken at its output, or a definition held
constant; these are gradients of a changed problem, so that every formula of it is met.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from ...calculus import lower
from ...calculus.matrixform import Raiser
from ...core.errors import SymderivError
from ...core.expr import (
    Expr,
    Variable,
    add,
    free_indices,
    mul,
    neg,
    node,
    substitute,
    transpose,
    var,
    walk,
)
from ...core.expr import ones as ones_of
from ...core.shapes import SCALAR
from ...derivation.derivations import DerivedGradients
from ...ops.base import ENTRYWISE, Pointwise
from ...ops.text import text
from ...problems import Problem
from ...problems.problem import kind_of

_MOST_PLACES = 160
_MOST_CUTS = 16
_FEW = 5  # definitions of which two at once are taken as constants


@dataclass(frozen=True, slots=True)
class Variant:
    """A wrong gradient, with the slip that leads to it; ``extra`` are values it is written in."""

    slip: str
    sentence: str
    expr: Expr
    extra: dict[str, Expr] = field(default_factory=dict)


def formula_slips(truth: Expr) -> Iterator[Variant]:
    """Yield the gradient with one place of its formula changed."""
    places = list(dict.fromkeys(walk(truth)))[::-1]
    for e in places[:_MOST_PLACES]:
        for slip, sentence, changed in _changes(e):
            if changed.shape == e.shape:
                yield Variant(slip, sentence, substitute(truth, {e: changed}))


def _changes(e: Expr) -> Iterator[tuple[str, str, Expr]]:
    if e.op == "add":
        for k, t in enumerate(e.args):
            rest = [*e.args[:k], *e.args[k + 1 :]]
            yield "missing-term", f"The term {_signed(t)} is missing.", add(*rest)
            yield "sign", f"The sign of the term {_signed(t)} is wrong.", _at(e, k, neg(t))
    elif e.op in ("mul", "matmul"):
        for k, f in enumerate(e.args):
            rest = [*e.args[:k], *e.args[k + 1 :]]
            if f.op == "num" or (e.op == "matmul" and f.shape[-1] != f.shape[-2]):
                continue
            left = mul(*rest) if e.op == "mul" else _product(rest)
            if left is not None:
                yield "missing-factor", f"The factor {_short(f)} is left out.", left
        if e.op == "matmul":
            yield from _turned_factors(e)
    elif e.op == "div":
        if e.args[1].op != "num":
            yield "missing-factor", f"The division by {_short(e.args[1])} is left out.", e.args[0]
    elif e.op == "mean":
        yield "sum-vs-mean", f"A sum stands for {_short(e)}.", node("sum", e.args, e.shape, e.data)
    elif e.op == "sum":
        yield (
            "sum-vs-mean",
            f"A mean stands for {_short(e)}.",
            node("mean", e.args, e.shape, e.data),
        )


def _at(e: Expr, k: int, new: Expr) -> Expr:
    return node(e.op, (*e.args[:k], new, *e.args[k + 1 :]), e.shape, e.data)


def _product(factors: Sequence[Expr]) -> Expr | None:
    if len(factors) < 2:
        return factors[0] if factors else None
    return node("matmul", tuple(factors), (factors[0].shape[-2], factors[-1].shape[-1]))


def _turned_factors(e: Expr) -> Iterator[tuple[str, str, Expr]]:
    for k, f in enumerate(e.args):
        if len(f.shape) == 2 and f.shape[0] == f.shape[1] and f.shape != SCALAR:
            yield "transposed", f"{_short(f)} must be transposed.", _at(e, k, transpose(f))


def _signed(t: Expr) -> str:
    return f"`-{text(t.args[0])}`" if t.op == "neg" else _short(t)


def _short(x: Expr) -> str:
    return f"`{text(x)}`"


# slips in the pullback


def pullback_slips(problem: Problem, name: str) -> Iterator[Variant]:
    """Yield the gradients by a variable that wrong pullbacks of one function give."""
    if name not in problem.variables:
        return
    yield from _whole_slips(problem, name)
    every = dict.fromkeys(walk(problem.objective))
    met = [e for e in every if _is_single(e) and not free_indices(e)]
    for e in met[:_MOST_CUTS]:
        for slip, sentence, slope in _slopes(e):
            changed, extra = _with_slope(e, slope)
            yield from _derived(problem, name, {e: changed}, extra, slip, sentence)
    yield from _cuts(problem, name)


def _cuts(problem: Problem, name: str) -> Iterator[Variant]:
    """Yield the gradients in which one or two definitions are taken as constants."""
    met = {str(e.data): e for e in walk(problem.objective) if e.op == "named"}
    cut = [met[n] for n in problem.definitions if n in met and not _is_last(problem, n)]
    cut = cut[:_MOST_CUTS]
    for some in [*((e,) for e in cut), *combinations(cut[:_FEW], 2)]:
        held = {e: var(f"held_{k}_", e.shape) for k, e in enumerate(some)}
        extra = {str(v.data): e.args[0] for e, v in held.items()}
        names = " and ".join(str(e.data) for e in some)
        one = len(some) == 1
        sentence = f"The path{'' if one else 's'} through {names} {'is' if one else 'are'} left out"
        sentence += f": {names} {'is taken as constant' if one else 'are taken as constants'}."
        yield from _derived(problem, name, held, extra, "missing-path", sentence)


def _whole_slips(problem: Problem, name: str) -> Iterator[Variant]:
    truth = DerivedGradients(problem, [name])[name].expr
    for g in problem.upstream:
        given = problem.given(g)
        if given.shape != SCALAR:
            yield Variant(
                "missing-upstream",
                f"The upstream gradient {g} is left out.",
                substitute(truth, {given: ones_of(*given.shape)}),
            )


def _is_single(e: Expr) -> bool:
    """Whether a node is a function of one array of its own shape, such as relu or softmax."""
    same = bool(e.args) and e.args[0].shape == e.shape and all(a.is_scalar for a in e.args[1:])
    return same and (e.op in ENTRYWISE or e.op in ("softmax", "logsoftmax", "layernorm", "rmsnorm"))


def _is_last(problem: Problem, name: str) -> bool:
    loss = problem.objective
    return loss.op == "loss" and loss.args[0].op == "named" and loss.args[0].data == name


def _slopes(e: Expr) -> Iterator[tuple[str, str, Expr | None]]:
    """Yield what stands for the derivative of a function: nothing, or a wrong one."""
    f, x = e.op, text(e.args[0])
    yield "chain-factor", f"The derivative of {f} at `{x}` is left out.", None
    if e.op not in ENTRYWISE or len(e.args) != 1:
        return
    out = node(e.op, (e,), e.shape, e.data)
    for slip, sentence, at, value in (
        ("chain-argument", f"The derivative of {f} is taken at its output, not at `{x}`.", e, out),
        (
            "chain-argument",
            f"The derivative of {f} is written in its output, and given the input `{x}`.",
            e.args[0],
            e.args[0],
        ),
        (
            "chain-argument",
            f"The derivative of {f} is written in its output, and given the derivative at it.",
            e,
            e,
        ),
    ):
        slope = _derivative(e, at, value)
        if slope is not None:
            yield slip, sentence, slope


def _derivative(e: Expr, at: Expr, value: Expr) -> Expr | None:
    """Return the derivative of an entrywise function, its argument and output set at will."""
    function = ENTRYWISE[e.op](e.data)
    try:
        terms = [Pointwise(lower(x).term) for x in (at, value)]
        return Raiser().shaped(function.derivative(*terms).term, e.shape)
    except (SymderivError, AttributeError):
        return None


def _with_slope(e: Expr, slope: Expr | None) -> tuple[Expr, dict[str, Expr]]:
    """Return a function of the same value whose derivative is another: slope * x + rest."""
    x = e.args[0]
    straight = x if slope is None else mul(slope, x)
    extra = {"rest_": add(e, neg(straight))}
    changed = x
    if slope is not None:
        extra["slope_"] = slope
        changed = mul(var("slope_", e.shape), x)
    return add(changed, var("rest_", e.shape)), extra


def _derived(
    problem: Problem,
    name: str,
    values: dict[Expr, Expr],
    extra: dict[str, Expr],
    slip: str,
    sentence: str,
) -> Iterator[Variant]:
    changed = substitute(problem.objective, values)
    held = {n: Variable(n, x.shape, kind_of(x.shape)) for n, x in extra.items()}
    other = replace(problem, objective=changed, label="", variables={**problem.variables, **held})
    try:
        yield Variant(slip, sentence, DerivedGradients(other, [name])[name].expr, extra)
    except SymderivError:
        return
