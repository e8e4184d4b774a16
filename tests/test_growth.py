"""Chains of steps: what a derivation takes grows with their number, not with its powers.

Calls of functions are counted, never seconds, so the bounds are the same on every machine.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from math import log

import numpy as np
import pytest

from symderiv import derive, problem, trace
from symderiv.calculus.simplify import factoring
from symderiv.tensor import Parts

# What stands for ``{x}`` is the step before; a name that is used with it is a constant.
ENTRYWISE = (
    "abs arccos arcsin arctan cos cosh elu erf exp expm1 gelu gelu_tanh log log1p relu sigmoid "
    "sign silu sin sinh softplus sqrt square tan tanh"
)
TWICE = {
    f"{sign} {name}": (f"{{x}} {sign} {name}({{x}})", "n")
    for sign in "*+"
    for name in ENTRYWISE.split()
}
ONCE = {name: (f"{name}({{x}})", "n") for name in ENTRYWISE.split()}
VECTORS = {
    "normalized": ("{x} / norm({x})", "n"),
    "normalized by norm1": ("{x} / norm1({x})", "n"),
    "normalized by norminf": ("{x} / norminf({x})", "n"),
    "normalized by the sum": ("{x} / sum({x})", "n"),
    "centred": ("{x} - mean({x})", "n"),
    "below the maximum": ("{x} - max({x})", "n"),
    "below logsumexp": ("{x} - logsumexp({x})", "n"),
    "times the product": ("{x} * prod({x})", "n"),
    "standardized": ("{x} / sqrt(var({x}) + 1)", "n"),
    "times its square": ("{x} * ({x}.T @ {x})", "n"),
    "a sum over an index": ("{x} * Sum(i, {x}[i] ** 2)", "n"),
    "an entry": ("{x} * {x}[1]", "n"),
    "a rational function": ("{x} / (1 + {x} ** 2)", "n"),
    "a choice": ("where({x} > 0, {x}, {x} ** 2)", "n"),
    "a maximum": ("maximum({x}, {x} ** 2)", "n"),
    "an unspecified function": ("{x} * f({x})", "n"),
    "a product": ("A @ {x}", "n"),
    "an equation solved": ("{x} + solve(A, {x})", "n"),
    "a gate": ("{x} * sigmoid(u * {x})", "n"),
    "a tied recurrent network": ("tanh(A @ {x} + u)", "n"),
    "a tied recurrent network with input": ("tanh(A @ {x} + B @ u + v)", "n"),
    "a scalar": ("{x} / (1 + {x})", "scalar"),
}
MATRICES = {
    "a product with a function": ("{x} @ tanh({x})", "n, n"),
    "a cube": ("{x} @ {x}.T @ {x}", "n, d"),
    "softmax": ("softmax({x})", "n, d"),
    "times softmax": ("{x} * softmax({x})", "n, d"),
    "plus logsoftmax": ("{x} + logsoftmax({x})", "n, d"),
    "layer normalization": ("{x} + layernorm({x}, 0.1)", "n, d"),
    "root mean square": ("{x} + rmsnorm({x}, 0.1)", "n, d"),
    "batch normalization": (
        "({x} - mean({x}, axis=0)) / sqrt(var({x}, axis=0) + 0.1)",
        "n, d",
    ),
    "attention": ("softmax({x} @ {x}.T) @ {x}", "n, d"),
    "a residual layer": ("{x} + tanh({x} @ A)", "n, n"),
    "an inverse": ("inv({x})", "n, n"),
    "plus the inverse": ("{x} + inv({x})", "n, n"),
    "plus the pseudoinverse": ("{x} + pinv({x}).T", "n, d"),
    "plus the adjugate": ("{x} + adjugate({x})", "n, n"),
    "an equation with its own matrix": ("solve({x}, {x}.T)", "n, n"),
    "times the determinant": ("{x} * det({x})", "n, n"),
    "logdet": ("{x} + logdet({x}) * A", "n, n"),
    "times the trace": ("{x} * trace({x})", "n, n"),
    "by the Frobenius norm": ("{x} / norm({x})", "n, d"),
    "by the nuclear norm": ('{x} / norm({x}, "nuc")', "n, n"),
    "by the spectral norm": ("{x} / norm({x}, 2)", "n, n"),
    "a power": ("matrix_power({x}, 3)", "n, n"),
    "the exponential": ("{x} @ expm({x})", "n, n"),
    "the root": ("{x} + sqrtm({x})", "n, n"),
    "eigenvalues": ("{x} @ diag(eigvalsh({x}))", "n, n"),
    "the lower part": ("{x} @ tril({x})", "n, n"),
    "the symmetric part": ("{x} + {x}.T @ A", "n, n"),
    "einsum": ('einsum("ij,jk->ik", {x}, {x})', "n, n"),
}
CHAINS = {**ONCE, **TWICE, **VECTORS, **MATRICES}
QUICK = (
    "tanh",
    "* tanh",
    "+ tanh",
    "normalized",
    "a tied recurrent network",
    "a sum over an index",
    "a product with a function",
    "plus the inverse",
    "times softmax",
)


def chain(form: str, shape: str, steps: int) -> tuple[str, dict[str, str]]:
    """Return a problem of that many definitions, each made of the one before."""
    lines, x = [], "x"
    for k in range(1, steps + 1):
        lines.append(f"x{k} = {form.format(x=x)}")
        x = f"x{k}"
    known = {"A": "n, n", "B": "n, n", "u": "n", "v": "n", "f": "entrywise"}
    used = {name: s for name, s in known.items() if name in form.replace("tanh", "")}
    return "\n".join([*lines, f"L({x})"]), {"x": shape, **used}


def everything(text: str, variables: dict[str, str]) -> None:
    """Derive, print and generate code."""
    d = derive(problem(text, **variables))
    for r in d.values():
        assert r.text
        assert r.latex
        assert r.unicode
        assert r.index_form
        assert r.steps
    assert d.code


def calls(work: Callable[[], None]) -> int:
    """Return how many calls of Python functions something takes.

    What others left behind is collected before: the callbacks of its weak references are not ours.
    """
    count = 0

    def see(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    gc.collect()
    gc.disable()
    before = sys.getprofile()
    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(before)
        gc.enable()
    return count


def exponent(name: str, few: int, many: int) -> float:
    """Return the power of the number of steps with which the calls grow."""
    form, shape = CHAINS[name]
    everything(*chain(form, shape, 4))  # what is found once and for all
    counts = [calls(lambda k=k: everything(*chain(form, shape, k))) for k in (few, many)]
    return log(counts[1] / counts[0]) / log(many / few)


@pytest.mark.sampled(8)
@pytest.mark.parametrize("name", QUICK)
def test_work_is_linear_in_the_number_of_steps(name: str) -> None:
    assert exponent(name, 16, 32) <= 1.1


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", CHAINS)
def test_work_is_linear_in_two_hundred_steps(name: str) -> None:
    assert exponent(name, 100, 200) <= 1.1


def test_what_could_leave_a_summand_is_found_once_for_each(monkeypatch) -> None:
    found: list[object] = []

    def noted(parts: Parts) -> object:
        found.append(parts)
        return candidates(parts)

    candidates = factoring._candidates
    monkeypatch.setattr(factoring, "_candidates", noted)
    counts = []
    for steps in (8, 16, 32):
        found.clear()
        text, variables = chain("{x} * sigmoid(u * {x})", "n", steps)
        assert derive(problem(text, **variables))["u"].text
        counts.append(len(found))
    assert counts[2] - counts[1] == 2 * (counts[1] - counts[0])


def test_loops_of_a_traced_function_are_derived_whatever_their_length() -> None:
    def network(x: np.ndarray, W: np.ndarray) -> np.ndarray:
        for _ in range(200):
            x = np.tanh(W @ x)
        return x

    d = derive(trace(network, loss="L", x="n", W="n, n", wrt="x"))
    assert len(d["x"].text) < 20_000
    assert len(d["x"].latex) < 20_000
    assert d["x"].steps
    assert d.code
