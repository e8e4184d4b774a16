"""Gradients by structured variables: the one that was asked for, everywhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import symderiv as sd
from symderiv.codegen.structured_arrays import PROJECTIONS
from symderiv.core import errors
from symderiv.derivation.narration.entry_forms import place
from symderiv.evidence.differences import draw
from symderiv.results.derived import verify_folder
from symderiv.results.outputs import entries_example

STRUCTURED = [
    ("L(X)", "symmetric", "independent", "G + G.T - diag(diag(G))"),
    ("L(X)", "symmetric", "tangent", "0.5 * (G + G.T)"),
    ("trace(A @ X)", "symmetric", "independent", "A + A.T - diag(diag(A))"),
    ("trace(A @ X)", "symmetric", "ambient", "A.T"),
    ("trace(A @ X)", "skew", "independent", "A.T - A"),
    ("trace(A @ X)", "diagonal", "tangent", "diag(diag(A))"),
    ("trace(A @ X)", "orthogonal", "tangent", None),
    ("trace(X @ X @ A)", "skew", "tangent", None),
    ("trace(A @ X)", "lower", "independent", "tril(A.T)"),
    ("trace(A @ X)", "upper", "tangent", "triu(A.T)"),
    ("trace(A @ X)", "toeplitz", "independent", "diagonal_sums(A.T)"),
    ("logdet(X)", "spd", "independent", "2 * inv(X) - diag(diag(inv(X)))"),
]


@pytest.mark.parametrize(("expr", "structure", "convention", "form"), STRUCTURED)
def test_structured_gradient(expr: str, structure: str, convention: str, form: str | None) -> None:
    declared = {"X": f"n, n {structure}", **({"A": "n, n"} if "A" in expr else {})}
    d = sd.derive(expr, wrt="X", structured=convention, **declared)
    if form is not None:
        assert d["X"].text == form
    certificate = d.verify()
    assert (len(certificate.roads) == 2) == (convention != "ambient")
    assert certificate.gradients == {"X": d["X"].text}
    inputs, given = draw(d.data, {"n": 3}, 0)
    found = d.compile().backward(*inputs.values(), *given.values())["X"]
    np.testing.assert_allclose(found, d["X"].evaluate(**inputs, **given), rtol=1e-12)


@pytest.mark.parametrize(("expr", "structure", "convention", "form"), STRUCTURED)
def test_steps_end_in_the_gradient_that_was_asked_for(
    expr: str, structure: str, convention: str, form: str | None
) -> None:
    d = sd.derive(expr, wrt="X", structured=convention, X=f"n, n {structure}", A="n, n")
    section = d["X"].data.section
    assert section.result == d["X"].expr
    assert section.steps[-1].after == place(d["X"].expr, section.entry)
    d.recheck()


def test_the_generated_test_knows_the_convention(tmp_path: Path) -> None:
    d = sd.derive("logdet(S)", structured="independent", S="n, n symmetric")
    d.write(tmp_path, ["md", "py"])
    assert "counts every free entry of a symmetric matrix once" in d.code
    assert "np.diag" in d.code
    page = (tmp_path / "derivation.md").read_text("utf-8")
    assert page.split("**Result.**")[1].split("##")[0].count("diag") == 2
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    assert verify_folder(tmp_path)[1] == []


def test_a_wrong_projection_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROJECTIONS, ("symmetric", "independent"), "g + g.T")
    d = sd.derive("logdet(S)", structured="independent", S="n, n symmetric")
    with pytest.raises(errors.CheckError, match="the generated gradient with respect to S differs"):
        d.verify()


def test_second_derivatives_under_a_convention_are_refused_by_name() -> None:
    with pytest.raises(
        errors.MissingRuleError, match="second derivatives with respect to S as symmetric"
    ):
        sd.derive("logdet(S)", structured="tangent", order=2, S="n, n symmetric")
    d = sd.derive("logdet(S) + x.T @ x", structured="tangent", S="n, n symmetric", x="n")
    with pytest.raises(
        errors.MissingRuleError, match="second derivatives with respect to S as symmetric"
    ):
        d.hessian("S")
    assert d.hessian("x").text == "2 * eye(n)"


def test_entries_by_a_structure_are_not_shown_as_independent_ones() -> None:
    d = sd.derive("x.T @ S @ x", structured="independent", S="n, n symmetric", x="n")
    assert [n for n, _ in entries_example(d.data).gradients] == ["x"]
    with pytest.raises(errors.NoEntriesError, match="entries of S as independent"):
        entries_example(sd.derive("logdet(S)", structured="independent", S="n, n symmetric").data)


def test_a_wrong_structured_gradient_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symderiv.derivation.structured._diagonal", lambda term: term)
    d = sd.derive("trace(A @ X)", wrt="X", structured="independent", A="n, n", X="n, n symmetric")
    with pytest.raises(errors.DisagreementError, match="independent gradient by X"):
        d.verify()


def test_conventions_that_are_not_there_are_refused() -> None:
    with pytest.raises(errors.InputError, match="no convention 'free'"):
        sd.derive("trace(X)", structured="free", X="n, n symmetric")
    with pytest.raises(errors.MissingRuleError, match="independent entries of the orthogonal"):
        sd.derive("trace(X)", structured="independent", X="n, n orthogonal")


def test_gradient_by_a_toeplitz_matrix_sums_its_diagonals() -> None:
    d = sd.derive("trace(A @ T)", wrt="T", structured="independent", A="n, n", T="n, n toeplitz")
    assert d["T"].text == "diagonal_sums(A.T)"
    found = d["T"].evaluate(A=[[1.0, 2.0], [3.0, 4.0]])
    assert found.tolist() == [[5.0, 3.0], [2.0, 5.0]]
    d.verify()
