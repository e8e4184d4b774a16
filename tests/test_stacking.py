"""Stacks of equal blocks: names, what is shared, gradients, refusals, and linear growth."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import symderiv as sd
from symderiv.bench.derive_times import growth
from symderiv.cli.main import cli
from symderiv.core.errors import (
    DeclarationError,
    InputError,
    ProblemFileError,
    ShapeError,
    UnknownNameError,
)

# The text of a block with its declarations; the input and the output have one shape.
BLOCKS = {
    "linear": ("Z = X @ W + ones(n) @ b.T; L(Z)", {"X": "n, d", "W": "d, d", "b": "d"}),
    "ffn": (
        "H = X @ W1 + b1.T; Z = tanh(H) @ W2 + b2.T; L(Z)",
        {"X": "n, d", "W1": "d, m", "b1": "m", "W2": "m, d", "b2": "d"},
    ),
    "rms": (
        "N = rmsnorm(X, eps); Z = X + (N * g.T) @ W; L(Z)",
        {"X": "n, d", "g": "d", "W": "d, d", "eps": "scalar positive"},
    ),
}
SIZES = {"n": 3, "d": 4, "m": 2}


def block(name: str) -> sd.Problem:
    text, shapes = BLOCKS[name]
    return sd.problem(text, **shapes)


def arrays(p: sd.Problem) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    drawn = {
        v.name: rng.normal(size=[d.at(SIZES) for d in v.written]) for v in p.variables.values()
    }
    drawn.update({"eps": np.array(0.1)} if "eps" in drawn else {})
    return {**drawn, "G": rng.normal(size=(SIZES["n"], SIZES["d"]))}


def reference(name: str, values: dict[str, Any], k: int) -> Any:
    x = values["X"]
    for i in range(1, k + 1):
        w = {n.removesuffix(f"_{i}"): a for n, a in values.items() if n.endswith(f"_{i}")}
        if name == "linear":
            x = x @ w["W"] + w["b"]
        elif name == "ffn":
            x = np.tanh(x @ w["W1"] + w["b1"]) @ w["W2"] + w["b2"]
        else:
            root = np.sqrt((x * x).mean(axis=1, keepdims=True) + values["eps"])
            x = x + (x / root * w["g"]) @ w["W"]
    return (values["G"] * x).sum()


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("name", BLOCKS)
def test_gradients_are_those_of_the_composed_blocks(name: str, k: int) -> None:
    p = sd.stack(block(name), k)
    d, values = sd.derive(p), arrays(p)
    assert set(p.wrt) == set(p.variables)
    for by in d:
        direction = np.random.default_rng(1).normal(size=values[by].shape)
        ahead, behind = (
            reference(name, {**values, by: values[by] + s * 1e-6 * direction}, k) for s in (1, -1)
        )
        found = (d[by].evaluate(**values) * direction).sum()
        assert found == pytest.approx((ahead - behind) / 2e-6, rel=1e-6, abs=1e-7)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", BLOCKS)
def test_stacks_of_two_pass_every_check(name: str) -> None:
    assert sd.derive(sd.stack(block(name), 2)).verify().roads


def test_numbers_stand_behind_every_name() -> None:
    p = sd.stack(block("ffn"), 2)
    assert p.wrt == ("X", "W1_1", "W1_2", "b1_1", "b1_2", "W2_1", "W2_2", "b2_1", "b2_2")
    assert p.text.splitlines() == [
        "H_1 = X @ W1_1 + b1_1.T",
        "Z_1 = tanh(H_1) @ W2_1 + b2_1.T",
        "H_2 = Z_1 @ W1_2 + b1_2.T",
        "Z_2 = tanh(H_2) @ W2_2 + b2_2.T",
        "L(Z_2)",
    ]
    assert sd.derive(p)["W1_2"].latex.count("W_{2,2}") == 1


def test_meanings_title_and_source_of_a_library_block_are_kept() -> None:
    one, p = sd.load("encoder-block"), sd.stack("encoder-block", 2)
    assert p.variables["Wq_2"].meaning == "weights of the queries, block 2"
    assert p.meanings["Z_1"] == "outputs, block 1"
    assert p.variables["eps"] == one.variables["eps"]
    assert (p.title, p.source) == (f"{one.title}: 2 blocks", one.source)
    assert len(sd.derive(p)) == 2 * 16 + 1


def test_scalars_and_constants_are_shared_and_what_is_asked_for() -> None:
    p = sd.problem(
        "Z = X + a * M * (X @ W); L(Z)",
        wrt=["X", "W", "a"],
        X="n, d",
        W="d, d",
        M="n, d",
        a="scalar",
    )
    found = sd.stack(p, 2, input="X")
    assert list(found.variables) == ["X", "a", "M", "W_1", "W_2"] or set(found.variables) == {
        "X",
        "a",
        "M",
        "W_1",
        "W_2",
    }
    tied = sd.stack(p, 2, input="X", shared=["W", "M"])
    assert {"W", "M", "a_1", "a_2"} <= set(tied.variables)
    assert set(sd.derive(tied)) == {"X", "W", "a_1", "a_2"}


def test_the_rest_of_an_objective_stands_once_and_uses_the_last_output() -> None:
    p = sd.problem("Z = X @ W; r = Z - Y; sum(r * r)", wrt=["W"], X="n, d", W="d, d", Y="n, d")
    found = sd.stack(p, 2, input="X", output="Z")
    assert found.text == "Z_1 = X @ W_1\nZ_2 = Z_1 @ W_2\nr = Z_2 - Y\nsum(r * r)"
    assert found.wrt == ("W_1", "W_2")


def test_an_output_without_a_name_gets_one() -> None:
    assert sd.stack("L(X @ W)", 2, X="n, d", W="d, d").text.splitlines()[-1] == "L(Z_2)"


def refused(text: str, error: type[Exception], words: str, k: Any = 2, **more: Any) -> None:
    asked = {n: more.pop(n) for n in ("input", "output", "shared") if n in more}
    with pytest.raises(error, match=words):
        sd.stack(sd.problem(text, **more), k, **asked)


def test_refusals_say_what_does_not_fit() -> None:
    shapes = {"X": "n, d", "W": "d, d"}
    for k in (0, -1, 1.5, True):
        refused("L(X @ W)", InputError, "1 or more", k, **shapes)
    refused("L(X @ W)", ShapeError, "no variable has the shape", X="n, d", W="d, m")
    refused("L(X @ W)", ShapeError, "it cannot feed", X="n, d", W="d, m", input="X")
    refused("L(X * M @ W)", InputError, "X, M have the shape", **shapes, M="n, d")
    refused("sum(X @ W)", InputError, "cannot be told", **shapes)
    refused("L(X @ W)", UnknownNameError, "the input: 'Y'", **shapes, input="Y")
    refused("L(X @ W)", UnknownNameError, "the output 'Y'", **shapes, output="Y")
    refused("L(X @ W)", UnknownNameError, "shared between", **shapes, shared=["V"])
    head = "Z = X @ W; sum(Z) + sum(W)"
    refused(head, InputError, "uses W", **shapes, input="X", output="Z")


def test_names_that_would_become_one_are_refused() -> None:
    shapes = {"X": "n, d", "W": "d, d", "W_1": "d, d", "W_1_1": "d, d"}
    text = "Z = X @ W @ W_1 @ W_1_1; L(Z)"
    assert len(sd.stack(sd.problem(text, **shapes), 2).variables) == 7
    refused(text, DeclarationError, "W would be called W_1", 1, **shapes, shared=["W_1"])
    refused(
        "Z = X @ W @ ones(W_2, d) @ V; L(Z)",
        DeclarationError,
        "W would be called W_2",
        **{"X": "n, d", "W": "d, W_2", "V": "d, d"},
    )


def test_problem_files_say_what_is_fed(tmp_path: Path) -> None:
    file = tmp_path / "block.toml"
    start = '[variables]\nX = "n, d"\nM = "n, d"\nW = "d, d"\n[objective]\nvalue = "L(X @ W * M)"\n'
    file.write_text(start + '[stack]\ninput = "X"\nshared = ["M"]\n')
    assert set(sd.stack(file, 2).variables) == {"X", "M", "W_1", "W_2"}
    for table in ('[stack]\ninputs = "X"\n', '[stack]\nshared = "M"\n', "[stack]\ninput = 1\n"):
        file.write_text(start + table)
        with pytest.raises(ProblemFileError):
            sd.load(file)


@pytest.mark.slow
def test_command_line_stacks_blocks(tmp_path: Path) -> None:
    text = ["derive", "L(X + X @ W)", "--var", "X: n, d", "--var", "W: d, d"]
    result = CliRunner().invoke(cli, [*text, "--blocks", "2", "--json"])
    assert result.exit_code == 0, result.output
    assert '"W_2"' in result.output
    assert CliRunner().invoke(cli, [*text, "--blocks", "0"]).exit_code != 0
    folder = tmp_path / "found"
    done = CliRunner().invoke(cli, [*text, "--blocks", "2", "-o", str(folder), "--format", "md,py"])
    assert done.exit_code == 0, done.output
    assert CliRunner().invoke(cli, ["verify", str(folder)]).exit_code == 0


def test_deriving_grows_with_the_blocks_and_no_faster() -> None:
    counts = (4, 8, 16)
    times = []
    for k in counts:
        p = sd.stack("encoder-block", k)
        found = []
        for _ in range(3):
            start = time.perf_counter()
            d = sd.derive(p)
            found.append(time.perf_counter() - start)
        assert len(d) == 16 * k + 1
        times.append(min(found))
    assert growth(list(counts), times) < 1.5
