"""Derivations by differentials: all gradients at once, every line checked."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import symderiv as sd
from symderiv.core.errors import CheckError
from symderiv.core.expr import walk
from symderiv.derivation.rechecking import recheck
from symderiv.ops import TABLE
from symderiv.ops.text import text

LIBRARY = sorted(p.stem for p in (Path(sd.__file__).parent / "problems" / "library").glob("*.toml"))


@pytest.mark.sampled(12)
@pytest.mark.parametrize("name", LIBRARY)
def test_every_problem_of_the_library_has_one(name: str) -> None:
    d = sd.derive(name).data
    steps = d.differentials
    assert recheck(d.problem, steps) >= len(steps)
    # In the end there is one inner product for each variable.
    last = steps[-1].after
    moved = {text(e.args[0]) for e in walk(last) if e.op == "differential"}
    assert moved == {*d}


def test_the_linear_layer_is_derived_in_four_lines() -> None:
    steps = sd.derive("linear-layer").data.differentials
    assert [text(s.after) for s in steps] == [
        "dot(G, d(Z))",
        "X @ d(W) + ones(n) @ d(b).T + d(X) @ W",
        "dot(G, X @ d(W)) + dot(G, ones(n) @ d(b).T) + dot(G, d(X) @ W)",
        "dot(X.T @ G, d(W)) + dot(G.T @ ones(n), d(b)) + dot(G @ W.T, d(X))",
    ]


def test_a_wrong_line_is_noticed() -> None:
    d = sd.derive("linear-layer").data
    first, *rest = d.differentials
    with pytest.raises(CheckError):
        recheck(d.problem, [first, replace(rest[0], after=rest[0].before.args[0]), *rest[1:]])


def test_only_the_variables_asked_for_change() -> None:
    steps = sd.derive("linear-layer", wrt="W").data.differentials
    assert text(steps[1].after) == "X @ d(W)"


@pytest.mark.slow
def test_cotangents_have_a_bar_beside_differentials() -> None:
    page = sd.derive("ffn-relu").files(["md"], style="differential")["derivation.md"].decode()
    assert r"\bar{H}" in page
    assert re.search(r"\\mathrm{d} ?H", page)


@pytest.mark.parametrize(
    ("objective", "variables", "reason"),
    [
        ("norm(A @ x - y)**2", {"A": "m, n", "x": "n", "y": "m"}, "product rule"),
        ("logdet(X)", {"X": "n, n"}, TABLE["logdet"].law),
        ("L(X @ W)", {"X": "n, d", "W": "d, m"}, "definition of the gradient"),
    ],
)
def test_only_an_unspecified_loss_has_its_gradient_by_definition(
    objective: str, variables: dict[str, str], reason: str
) -> None:
    steps = sd.derive(objective, **variables).data.differentials
    first = next(s for s in steps if s.before.op == "differential")
    assert first.reason == (reason,)
