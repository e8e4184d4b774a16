"""The ready-made problems: each derives, and its gradients are those of its function."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

import symderiv as sd
from symderiv.evidence.backends import check_backends, installed
from symderiv.evidence.differences import (
    TOLERANCE,
    backward,
    differences,
    draw,
    hidden_sizes,
    relative_error,
)
from symderiv.problems import library
from symderiv.results.derived import verify_folder

NAMES = library.names()
OTHER_QUESTION = {"linear-layer"}  # asks what is not so
LONG = {  # claims, seconds
    *("ffn-gelu", "multi-head-attention", "encoder-block", "decoder-block"),
    *("convolution-2d", "reconstruction-error"),
}
NO_EFFECT = {"bk", "bk1", "bk2"}  # a bias of the keys moves all scores of a row by the same
D_ATTENTION = "(S * (G @ V.T - sum(S * (G @ V.T), axis=1)))"
D_HEADS = (
    "dO = G @ Wo.T; dS = split_heads(dO, h) @ V.mT; dA = S * (dS - sum(dS * S, axis=2)); "
    "dQ = dA @ K / sqrt(k); X.T @ merge_heads(dQ)"
)
# Gradients as the sources print them, letter by letter.
FORMS = {
    ("ffn-relu", "W1"): "X.T @ (where(H > 0, 1, 0) * (G @ W2.T))",
    ("swiglu", "W3"): "dH = G @ W2.T; dV = A * dH; X.T @ dV",
    ("softmax-cross-entropy", "W"): "X.T @ (softmax(Z) - T) / n",
    ("batch-norm", "X"): (
        "dY = G * g.T; dv = -0.5 * sum(Y * dY, axis=0) / (v + eps); "
        "dD = dY / sqrt(v + eps) + 2 * D * dv / n; dmu = -sum(dD, axis=0); dD + dmu / n"
    ),
    ("layer-norm", "X"): (
        "(G * g.T - mean(G * g.T, axis=1) - Y * mean(Y * G * g.T, axis=1))"
        " / sqrt(var(X, axis=1) + eps)"
    ),
    ("rms-norm", "X"): (
        "(G * g.T - Y * mean(Y * G * g.T, axis=1)) / sqrt(eps + mean(X ** 2, axis=1))"
    ),
    ("attention", "Q"): f"{D_ATTENTION} @ K / sqrt(k)",
    ("attention", "K"): f"{D_ATTENTION}.T @ Q / sqrt(k)",
    ("causal-attention", "Q"): f"{D_ATTENTION} @ K / sqrt(k)",
    ("multi-head-attention", "Wq"): D_HEADS,
    ("residual-post-norm", "gamma"): "sum(G * Y, axis=0).T",
    ("encoder-block", "W2"): (
        "dN2 = G * gamma2.T; dR2 = (dN2 - mean(dN2, axis=1) - N2 * mean(dN2 * N2, axis=1))"
        " / sqrt(var(R2, axis=1) + eps); F.T @ dR2"
    ),
    ("lora", "B"): "a * G.T @ X @ A.T / r",
}


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_the_function(name: str) -> None:
    d = sd.derive(name)
    compiled = d.compile()
    sizes = {dim: 3 + k % 2 for k, dim in enumerate(d.problem.dims)}
    keywords = hidden_sizes(compiled, sizes)
    method = "complex step" if compiled.module.analytic else "central differences"
    largest = dict.fromkeys(d, 0.0)
    for seed in (1, 2):
        inputs, given = draw(d.data, sizes, seed)
        # Small weights keep softmax from saturating, where the gradients of scores are near 0.
        inputs = {n: a / 2 if n[0] in "Wb" else a for n, a in inputs.items()}
        found = backward(compiled, inputs, given, keywords)
        for variable in d:
            expected = differences(compiled, inputs, given, keywords, variable, method)
            assert relative_error(found[variable], expected) < TOLERANCE[method], variable
            printed = d[variable].evaluate(**inputs, **given, **sizes)
            assert relative_error(printed, found[variable]) < 1e-12, variable
            largest[variable] = max(largest[variable], np.max(np.abs(expected)))
    assert {v for v in d if largest[v] < 1e-2} <= NO_EFFECT


@pytest.mark.parametrize("name", NAMES)
def test_files_are_complete(name: str) -> None:
    data = tomllib.loads((files(library) / f"{name}.toml").read_text(encoding="utf-8"))
    p = sd.load(name)
    assert data["title"] == p.title
    assert data["claims"]
    assert p.source == data["source"]
    named = {p.objective_name} & {*data["meaning"]}  # a last line that only names the objective
    assert {*p.meanings} == {*p.variables, *p.definitions, *p.upstream, *named}


@pytest.mark.parametrize(("name", "variable"), FORMS)
def test_gradients_have_the_form_of_the_source(name: str, variable: str) -> None:
    assert sd.derive(name)[variable].text == FORMS[name, variable]


def test_every_problem_stands_in_one_group_of_the_list() -> None:
    assert sorted(n for names in library.GROUPS.values() for n in names) == NAMES


def test_the_encoder_block_has_all_its_parameters() -> None:
    assert len(set(sd.derive("encoder-block")) - {"X"}) == 16
    assert len(set(sd.derive("decoder-block")) - {"X", "E"}) == 26


@pytest.mark.sampled(12, rest="exhaustive")
@pytest.mark.parametrize("name", sorted({*NAMES} - OTHER_QUESTION - LONG))
def test_claims_are_right(name: str) -> None:
    assert [v.verdict for v in sd.derive(name).verdicts if v.verdict != "right"] == []


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_other_programs(name: str) -> None:
    d = sd.derive(name)
    found = check_backends(d.data, d.compile())
    assert [b["name"] for b in found] == installed()
    for b in found:
        assert b.get("error", 1.0) < 1e-8, b


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", NAMES)
def test_every_check_passes_and_the_certificate_runs_again(name: str, tmp_path: Path) -> None:
    d = sd.derive(name)
    d.write(tmp_path, ["md", "tex", "py"])
    assert verify_folder(tmp_path)[1] == []
    assert d.verify().differences
    assert name in OTHER_QUESTION or {v.verdict for v in d.verdicts} == {"right"}
