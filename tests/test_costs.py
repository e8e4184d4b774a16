"""Flops against counts by hand, against published ones, and against a run that counts products."""

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.codegen.module import compile_module, module_of
from symderiv.core.errors import MissingRuleError
from symderiv.core.expr import BINDERS, node, var, walk
from symderiv.core.shapes import SCALAR, symbol
from symderiv.derivation.costs import CostRow, Costs, costs_of
from symderiv.derivation.derivations import DerivedGradients
from symderiv.evidence.differences import backward, callables, draw, hidden_sizes, stand_ins
from symderiv.ops import TABLE
from symderiv.ops.flops import Flops, iterative
from symderiv.problems.library import load_named, names
from symderiv.problems.problem import problem


@cache
def derived(name: str) -> DerivedGradients:
    """Return the derivation of a ready-made problem."""
    return DerivedGradients(load_named(name))


def flops(costs: Costs, name: str) -> str:
    """Return the flops of one row as text."""
    return next(str(r.flops) for r in costs.rows if r.name == name)


def test_linear_layer_by_hand() -> None:
    costs = costs_of(derived("linear-layer"))
    assert flops(costs, "Z") == "2*n*d*m + n*m"
    assert flops(costs, "dW") == flops(costs, "dX") == "2*n*d*m"
    assert flops(costs, "db") == "n*m"
    assert costs.ratio == 2


def test_attention_by_hand() -> None:
    """Q K' and S V take 2 n m k and 2 n m v: 4 n^2 d where all are as long and as wide."""
    costs = costs_of(derived("attention"))
    assert costs.forward.leading.at(n=7, m=7, k=3, v=3) == 4 * 7**2 * 3
    assert str(costs.backward.leading) == "4*n*k*m + 4*n*m*v"
    assert flops(costs, "S") == "5*n*m"
    assert costs.ratio == 2


def test_encoder_block_by_hand() -> None:
    """24 n d^2 + 4 n^2 d with m = 4d and h k = d.

    Narayanan et al., Efficient Large-Scale Language Model Training on GPU Clusters Using
    Megatron-LM (2021), appendix: a forward pass of a layer takes 24 B s h^2 + 4 B s^2 h.
    """
    costs = costs_of(derived("encoder-block"))
    n, h, k = 5, 2, 3
    d = h * k
    assert costs.forward.leading.at(n=n, d=d, m=4 * d, h=h, k=k) == 24 * n * d**2 + 4 * n**2 * d
    assert costs.ratio == 2
    assert flops(costs, "dH") == "2*n*m"


def test_what_is_computed_once_is_counted_once() -> None:
    text = "Y = A @ X; L(Y @ inv(S)) + sum(inv(S))"
    costs = sd.derive(text, A="m, n", X="n, d", S="d, d", wrt="X").costs()
    count = dict(costs.forward.terms)
    assert count[("d", "d", "d")] == 2


def test_what_depends_on_values_is_refused() -> None:
    with pytest.raises(MissingRuleError, match="no count of flops for expm"):
        sd.derive("trace(expm(A) @ B)", A="n, n", B="n, n", wrt="B").costs()


def test_factorizations_have_their_published_leading_terms() -> None:
    n = symbol("n")
    a = var("A", (n, n))
    for name, share in (("inv", 2), ("cholesky", Fraction(1, 3)), ("logdet", Fraction(2, 3))):
        shape = SCALAR if name == "logdet" else (n, n)
        e = node(name, (a,), shape)
        assert TABLE[name].flops(e) == Flops.of(n, n, n, times=share)


@pytest.mark.parametrize("name", names())
def test_counts_are_positive_and_grow(name: str) -> None:
    costs = costs_of(derived(name))
    assert all(v > 0 for r in costs.rows for _, v in r.flops.terms)
    small = dict.fromkeys(costs.sizes, 5)
    large = dict.fromkeys(costs.sizes, 6)
    assert costs.forward.at(**small) <= costs.forward.at(**large)
    assert {f"d{n}" for n in derived(name)} <= {r.name for r in costs.rows}
    assert costs.at(**small)["backward"] <= 8 * costs.at(**small)["forward"] + 200


class Counting(np.ndarray):
    """An array that counts the flops of the matrix products it takes part in."""

    count = 0

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        plain = [np.asarray(x) for x in inputs]
        if ufunc is np.matmul:
            inner = plain[0].shape[-1]
            Counting.count += 2 * inner * np.matmul(*plain).size
        if "out" in options:
            options["out"] = tuple(np.asarray(x) for x in options["out"])
        found = getattr(ufunc, method)(*plain, **options)
        return found.view(Counting) if isinstance(found, np.ndarray) else found


@pytest.mark.parametrize(
    "name", ["ffn-relu", "swiglu", "attention", "encoder-block", "decoder-block"]
)
def test_products_are_those_that_the_generated_code_computes(name: str) -> None:
    d = derived(name)
    f = compile_module(module_of(d))
    f.forward.__globals__["_read"] = counted(f.forward.__globals__["_read"])
    sizes = {s: 3 + k for k, s in enumerate(d.problem.dims)}
    inputs, given = draw(d, sizes, 0)
    options = {**callables(f), **hidden_sizes(f, sizes)}
    kept: dict = {}
    Counting.count = 0
    f.forward(*inputs.values(), **stand_ins(f, given), **options, cache=kept)
    forward, Counting.count = Counting.count, 0
    backward(f, inputs, given, {**options, "cache": kept})
    costs = costs_of(d)
    for part, count in ((("forward",), forward), (("cotangent", "gradient"), Counting.count)):
        expected = sum(
            (v * int(np.prod([sizes[s] for s in t])) for r in costs.rows if r.part in part
             for t, v in of_products(r)), Fraction(0)
        )  # fmt: skip
        assert count == expected


def of_products(r: CostRow) -> list[tuple[tuple[str, ...], Fraction]]:
    """Return the terms of a row that matrix products take: more than one for every entry."""
    own = sorted(s for d in r.shape for s in d.symbols)
    return [(t, v) for t, v in r.flops.terms if v % 2 == 0 and sorted(t) != own and len(t) > 2]


def counted(read: Any) -> Any:
    """Return what reads arrays, and makes them count."""

    def reading(**arrays: Any) -> Any:
        found, sizes, dtype = read(**arrays)
        return [a.view(Counting) for a in found], sizes, dtype

    return reading


DECLARED = {
    "X": "n, d",
    "A": "n, n",
    "x": "n",
    "s": "scalar",
    "f": "entrywise",
    "T": "t, n, d",
    "H": "n, h*k",
}


@pytest.mark.parametrize("name", [n for n, o in TABLE.items() if not o.internal])
def test_every_operator_is_counted_or_refuses(name: str) -> None:
    for text in TABLE[name].samples:
        *definitions, last = text.split("; ")
        posed = problem("; ".join([*definitions, f"L({last})"]), **DECLARED)
        for e in walk(posed.objective):
            by_values = e.op == "norm" and e.data is not None
            if TABLE[e.op].flops is iterative or by_values:
                with pytest.raises(MissingRuleError, match=e.op):
                    TABLE[e.op].flops(e)
                continue
            count = TABLE[e.op].flops(e)
            names = {s for t, _ in count.terms for s in t}
            assert count.at(**dict.fromkeys(names, 9)) >= 0, text
            sizes = {s for a in (e, *e.args) for d in a.shape for s in d.names}
            if e.op not in BINDERS:
                assert {s for t, _ in count.terms for s in t} <= sizes
