"""The Python interface: results and their forms, evaluation, compiled code, certificates."""

import json
from pathlib import Path

import numpy as np
import pytest

import symderiv as sd
from symderiv.core.errors import DisagreementError, InputError, MissingRuleError, UnknownNameError
from symderiv.core.expr import mul, num


@pytest.fixture(scope="module")
def linear() -> sd.Derivation:
    p = sd.problem("Z = X @ W + ones(n) @ b.T; L(Z)", X="n, d", W="d, m", b="m")
    return sd.derive(p, wrt=["W", "b", "X"])


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("text", "variables", "gradients"),
    [
        (
            "Z = X @ W + ones(n) @ b.T; L(Z)",
            {"X": "n, d", "W": "d, m", "b": "m"},
            {"W": "X.T @ G", "b": "G.T @ ones(n)", "X": "G @ W.T"},
        ),
        (
            "0.5*norm(X @ W + ones(n) @ b.T - Y)**2",
            {"X": "n, d", "W": "d, m", "b": "m", "Y": "n, m"},
            {
                "W": "X.T @ (X @ W + ones(n) @ b.T - Y)",
                "b": "(X @ W + ones(n) @ b.T - Y).T @ ones(n)",
                "X": "(X @ W + ones(n) @ b.T - Y) @ W.T",
            },
        ),
        ("x.T @ A @ x", {}, {"x": "(A + A.T) @ x", "A": "x @ x.T"}),
        ("trace(A @ X @ B)", {}, {"X": "A.T @ B.T", "A": "B.T @ X.T", "B": "X.T @ A.T"}),
        ("sum(tanh(X @ w))", {}, {"w": "X.T @ (1 - tanh(X @ w) ** 2)"}),
    ],
)
def test_both_roads_return_the_same(
    text: str, variables: dict[str, str], gradients: dict[str, str]
) -> None:
    d = sd.derive(text, wrt=list(gradients), **variables)
    assert {n: r.text for n, r in d.items()} == gradients
    certificate = d.verify()
    for road in certificate.roads:
        p = d.problem
        assert road["pattern"] != "no pattern"
        pattern = p.read(road["pattern"])
        assert (
            sd.claims.Checker(p)
            .check(  # type: ignore[attr-defined]
                sd.problems.ClaimText(f"dL/d{road['by']}", (road["pattern"],))  # type: ignore[attr-defined]
            )
            .verdict
            == "right"
        ), pattern


def test_result_has_all_its_forms(linear: sd.Derivation) -> None:
    r = linear["W"]
    assert (str(r), repr(r), r.text) == ("X.T @ G",) * 3
    assert r.latex == "X^{\\top} G"
    assert r.index_form == "Sum(k, X[k, p] * G[k, q])"
    assert r._repr_latex_() == "$\\displaystyle X^{\\top} G$"
    assert r.steps[-1].reason == "matrix product, read right to left"
    assert linear["b"].index_form == "Sum(k, G[k, p])"
    assert "\\begin{aligned}" in linear._repr_latex_()


def test_text_and_index_form_parse_back(linear: sd.Derivation) -> None:
    for r in linear.values():
        assert linear.problem.read(r.text) is r.expr
    checker = sd.check(linear.problem, about="dL/dW[p, q]", claim=linear["W"].index_form)
    assert checker.verdict == "right"


def test_evaluate_takes_arrays_and_ignores_other_names(linear: sd.Derivation) -> None:
    rng = np.random.default_rng(0)
    X, W, b, G = (rng.normal(size=s) for s in ((4, 3), (3, 2), 2, (4, 2)))
    values = {"X": X, "W": W, "b": b, "G": G, "unused": 1}
    np.testing.assert_allclose(linear["W"].evaluate(**values), X.T @ G)
    np.testing.assert_allclose(linear["b"].evaluate(**values), G.sum(axis=0))
    np.testing.assert_allclose(linear["X"].evaluate(**values), G @ W.T)
    assert linear["b"].evaluate(**values).shape == (2,)


def test_evaluate_takes_sizes_and_functions() -> None:
    d = sd.derive("sum(f(X)) / n", wrt="X", X="n, d", f="entrywise")
    X = np.ones((2, 3))
    found = d["X"].evaluate(X=X, fp=lambda t: 3 * t * t)
    np.testing.assert_allclose(found, 3 * X / 2)
    e = sd.derive("trace(eye(n)) * a", wrt="a", a="scalar")
    assert e["a"].evaluate(n=4) == 4


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"X": np.ones((4, 3))}, "no value for G"),
        ({"X": np.ones((4, 3)), "G": np.ones((5, 2))}, "expected (n, m) with n = 4"),
        ({"X": np.ones(4), "G": np.ones((4, 2))}, "X has shape (4,); expected (n, d)"),
        ({"X": "abc", "G": np.ones((4, 2))}, "not an array of numbers"),
    ],
)
def test_wrong_arrays_are_refused(linear: sd.Derivation, values: dict, words: str) -> None:
    with pytest.raises(InputError) as caught:
        linear["W"].evaluate(**values)
    assert words in str(caught.value)


def test_compiled_code_runs(linear: sd.Derivation) -> None:
    rng = np.random.default_rng(0)
    X, W, b, G = (rng.normal(size=s) for s in ((4, 3), (3, 2), 2, (4, 2)))
    f = linear.compile()
    np.testing.assert_allclose(f.forward(X, W, b), X @ W + b)
    gradients = f.backward(X, W, b, G)
    np.testing.assert_allclose(gradients["W"], X.T @ G)
    assert list(gradients) == ["W", "b", "X"]


def test_float32_stays_float32(linear: sd.Derivation) -> None:
    arrays = [np.ones(s, np.float32) for s in ((4, 3), (3, 2), 2, (4, 2))]
    f = linear.compile()
    assert f.forward(*arrays[:3]).dtype == np.float32
    assert all(g.dtype == np.float32 for g in f.backward(*arrays).values())


def test_certificate_holds_roads_sizes_seeds_errors_versions(linear: sd.Derivation) -> None:
    data = json.loads(linear.verify().to_json())
    assert [r["by"] for r in data["roads"]] == ["W", "b", "X"]
    assert all(r["exact"] and r["choices"] == 27 for r in data["roads"])
    assert data["differences"][0]["seeds"] == [0, 1, 2]
    sizes = data["differences"][0]["sizes"]
    assert len(sizes) == 3
    assert any(s["n"] == 1 for s in sizes)
    assert any(s["d"] == 1 for s in sizes)
    assert all(d["error"] < d["bound"] for d in data["differences"])
    assert {"python", "sympy", "numpy"} <= set(data["versions"])


def test_roads_that_disagree_print_nothing(
    linear: sd.Derivation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    d = sd.derive("L(X @ W)", wrt="W", X="n, d", W="d, m")
    wrong = mul(num(2), d["W"].expr)
    object.__setattr__(d.data["W"], "expr", wrong)
    with pytest.raises(DisagreementError) as caught:
        d.write(tmp_path / "out")
    assert "is not" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_unknown_names_and_orders_are_refused(linear: sd.Derivation) -> None:
    with pytest.raises(UnknownNameError):
        linear["Q"]
    with pytest.raises(UnknownNameError):
        sd.derive("L(X)", wrt="Q")
    with pytest.raises(MissingRuleError):
        sd.derive("L(X)", order=3)
    with pytest.raises(InputError, match="takes no layout"):
        sd.derive("L(X)", layout="numerator")
    assert "layout" in sd.derive("sum(layout)", variables={"layout": "n"})
    with pytest.raises(InputError):
        sd.check("L(X)", wrt="X")
    with pytest.raises(InputError):
        linear.write("unused", formats=["doc"])


def test_zero_gradient_is_derived() -> None:
    d = sd.derive("sum(X - X) + s", wrt=["X", "s"], X="n, d", s="scalar")
    assert d["X"].text == "zeros(n, d)"
    assert d["s"].text == "1"
    d.verify()


def test_result_does_not_depend_on_the_order_of_calls() -> None:
    texts = ["x.T @ A @ x", "norm(A @ x) ** 2", "sum(exp(A @ x))"]
    first = [sd.derive(t, wrt="x").__repr__() for t in texts]
    again = [sd.derive(t, wrt="x").__repr__() for t in reversed(texts)]
    assert first == again[::-1]
