"""Jacobians and Hessians: published ones, their layouts, and differences for many others."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.calculus import lower
from symderiv.cli.main import main
from symderiv.codegen.evaluation import evaluate
from symderiv.core import errors
from symderiv.core.expr import Expr, walk
from symderiv.derivation.derivations import DerivedGradients
from symderiv.derivation.jacobians import hessian_of
from symderiv.ops.text import text
from symderiv.problems.library import load_named
from symderiv.results.derived import verify_folder
from symderiv.values.dual import Dual
from symderiv.values.scalars import DualMath

CASES = json.loads((Path(__file__).parent / "data" / "jacobian_cases.json").read_text("utf-8"))
# Two slopes of det that share a factor are not put together.
LONGER = {"cookbook-48"}
NODE = re.compile(r"[A-Za-z_]\w*|\d+\.?\d*|\*\*|[-+*/@]")


def posed(case: dict[str, Any]) -> sd.Jacobian:
    make = sd.jacobian if case["kind"] == "jacobian" else sd.hessian
    return make(case["expr"], case["wrt"], **case["vars"])


def arrays(case: dict[str, Any], draw: dict[str, Any]) -> dict[str, Any]:
    values = {**case["dims"], **{n: np.array(v) for n, v in draw["inputs"].items()}}
    if draw.get("f"):
        a, b, c, d = draw["f"]
        values["f"] = lambda t: a * np.sin(b * t + c) + d * t * t
        values["fp"] = lambda t: a * b * np.cos(b * t + c) + 2 * d * t
        values["fpp"] = lambda t: -a * b * b * np.sin(b * t + c) + 2 * d
    return values


@pytest.mark.parametrize("case", CASES, ids=lambda c: c["id"])
def test_published_case_has_its_numbers_and_is_as_short(case: dict[str, Any]) -> None:
    found = posed(case)
    for draw in case["draws"]:
        value = found.evaluate(**arrays(case, draw))
        expected = np.array(draw["expected"])
        np.testing.assert_allclose(value.reshape(expected.shape), expected, rtol=1e-8, atol=1e-10)
    if case["truth"] and case["id"] not in LONGER:
        assert len(NODE.findall(found.text)) <= 1.25 * len(NODE.findall(case["truth"])), found.text


NESTED = {
    **{"A": "m, k", "B": "n, k", "C": "n, p", "D": "p, k", "W": "q, m", "S": "m, m symmetric"},
    **{"s": "scalar", "x": "m*n"},
}
BLOCKS = [
    ("khatri_rao(A, B)", "A", "diag(vec(kron(ones(m), B))) @ kron(eye(k*m), ones(n))"),
    ("khatri_rao(A, B)", "B", "diag(vec(kron(A, ones(n)))) @ kron(eye(k), kron(ones(m), eye(n)))"),
    ("khatri_rao(W @ A, B)", "A", "diag(vec(kron(ones(q), B))) @ kron(eye(k), kron(W, ones(n)))"),
    (
        "s * kron(A, C)",
        "A",
        "s * diag(vec(kron(ones(k, m).T, C))) @ kron(eye(k), kron(ones(p), kron(eye(m), ones(n))))",
    ),
    (
        "kron(A.T, C)",
        "A",
        "diag(vec(kron(ones(k, m), C))) "
        "@ kron(eye(m), kron(ones(p), kron(eye(k), ones(n)))) @ commutation(m, k)",
    ),
    (
        "khatri_rao(A, tanh(B)).T",
        "B",
        "diag(vec(kron(A.T, ones(n).T))) @ kron(ones(m), eye(k*n)) "
        "@ diag(vec((1 - tanh(B) ** 2).T)) @ commutation(n, k)",
    ),
    ("khatri_rao(A, B) * x", "B", ""),
    ("khatri_rao(A, khatri_rao(B, D))", "B", ""),
    ("kron(A, A) / trace(S)", "A", ""),
    ("kron(A, C) / trace(C.T @ C)", "C", ""),
    ("kron(S, C)", "S", ""),
    ("kron(kron(A, C), D)", "C", ""),
    ("kron(A, sum(C, axis=0))", "C", ""),
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("expr", "by", "form"), BLOCKS)
def test_rows_over_pairs_of_pairs_have_a_block_for_each_index(
    expr: str, by: str, form: str
) -> None:
    found = sd.jacobian(expr, by, **used(expr, NESTED))
    assert found.text == form or not form
    assert "einsum" not in found.text
    rng = np.random.default_rng(1)
    sizes = {"m": 2, "k": 3, "n": 2, "p": 1, "q": 3, "m*n": 4}
    values: dict[str, Any] = {
        n: rng.normal(size=[sizes[str(d)] for d in v.written])
        for n, v in found.problem.variables.items()
    }
    base, step = values[by], 1e-6
    columns = []
    for j in range(base.shape[1]):
        for i in range(base.shape[0]):
            ends = []
            for sign in (1, -1):
                moved = base.copy()
                moved[i, j] += sign * step
                ends.append(evaluated(found, {**values, by: moved}).ravel(order="F"))
            columns.append((ends[0] - ends[1]) / (2 * step))
    expected = np.array(columns).T
    np.testing.assert_allclose(found.evaluate(**values), expected, rtol=1e-6, atol=1e-7)


MATRICES = {"X": "n, m", "Y": "n, m", "A": "n, n", "B": "m, m", "x": "n", "y": "m", "s": "scalar"}
FORMS = [
    ("A @ X @ B", "X", "kron(B.T, A)"),
    ("X.T", "X", "commutation(n, m)"),
    ("X * Y", "X", "diag(vec(Y))"),
    ("X @ y", "X", "kron(y.T, eye(n))"),
    ("x @ y.T", "x", "kron(y, eye(n))"),
    ("X @ X.T", "X", "kron(X, eye(n)) + commutation(n, n) @ kron(X, eye(n))"),
    ("A @ A", "A", "kron(A.T, eye(n)) + kron(eye(n), A)"),
    ("kron(x, y)", "y", "kron(x, eye(m))"),
    ("exp(A @ X)", "X", "diag(vec(exp(A @ X))) @ kron(eye(m), A)"),
    ("A @ tanh(X @ y)", "X", "kron(y.T, A @ diag(1 - tanh(X @ y) ** 2))"),
    ("X / s", "s", "-X / s ** 2"),
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("expr", "by", "form"), FORMS)
def test_jacobian_has_the_form_that_people_write(expr: str, by: str, form: str) -> None:
    found = sd.jacobian(expr, by, **used(expr, MATRICES))
    assert found.text == form
    assert found.verify().roads[0]["entries"] > 0
    again = found.problem.read(found.text)
    assert lower(again).term is lower(found.expr).term


def used(expr: str, declared: dict[str, str]) -> dict[str, str]:
    names = set(re.findall(r"[A-Za-z_]\w*", expr))
    return {n: s for n, s in declared.items() if n in names}


HESSIANS = [
    ("trace(X.T @ A @ X @ B)", "X", "kron(B, A.T) + kron(B.T, A)"),
    ("trace(A @ A)", "A", "2 * commutation(n, n)"),
    ("sum(exp(X @ y))", "y", "X.T @ diag(exp(X @ y)) @ X"),
    ("sum(exp(X @ y))", "X", "kron(y @ y.T, diag(exp(X @ y)))"),
    ("x.T @ X @ y", "X", "zeros(m*n, m*n)"),
    ("sum(exp(X @ B))", "X", "kron(B, eye(n)) @ diag(vec(exp(X @ B))) @ kron(B.T, eye(n))"),
    ("sum(exp(A @ X))", "X", "kron(eye(m), A.T) @ diag(vec(exp(A @ X))) @ kron(eye(m), A)"),
    ("sum(exp(A @ X @ B))", "X", "kron(B, A.T) @ diag(vec(exp(A @ X @ B))) @ kron(B.T, A)"),
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("expr", "by", "form"), HESSIANS)
def test_hessian_has_the_form_that_people_write(expr: str, by: str, form: str) -> None:
    found = sd.hessian(expr, by, **used(expr, MATRICES))
    assert found.text == form
    found.verify()


@pytest.mark.parametrize("expr", ["A @ X @ B", "X * Y", "tanh(X @ y)", "kron(X, y)", "X / norm(X)"])
def test_product_with_a_direction_is_the_difference(expr: str) -> None:
    rng = np.random.default_rng(1)
    sizes = {"n": 3, "m": 2}
    declared = used(expr, MATRICES)
    values = {
        n: rng.normal(size=[sizes[d] for d in s.split(", ") if d in sizes])
        for n, s in declared.items()
    }
    jacobian = sd.jacobian(expr, "X", **declared)
    direction = rng.normal(size=(3, 2))
    step = 1e-6
    ahead, behind = (
        evaluated(jacobian, {**values, "X": values["X"] + sign * step * direction})
        for sign in (1, -1)
    )
    difference = ((ahead - behind) / (2 * step)).ravel(order="F")
    product = jacobian.evaluate(**values) @ direction.ravel(order="F")
    np.testing.assert_allclose(product, difference, rtol=1e-6, atol=1e-8)


def evaluated(jacobian: sd.Jacobian, values: dict[str, Any]) -> Any:
    return evaluate(jacobian.problem.objective, values)


def test_denominator_layout_is_the_transpose() -> None:
    plain = sd.jacobian("A @ x", "x", A="m, n", x="n")
    turned = sd.jacobian("A @ x", "x", layout="denominator", A="m, n", x="n")
    assert (plain.text, turned.text) == ("A", "A.T")
    values = {"A": np.arange(6.0).reshape(2, 3), "x": np.ones(3)}
    assert (turned.evaluate(**values) == plain.evaluate(**values).T).all()
    turned.verify()
    with pytest.raises(errors.InputError, match="no layout 'rows'"):
        sd.jacobian("A @ x", "x", layout="rows", A="m, n", x="n")


def test_scalar_has_a_row_for_a_jacobian() -> None:
    d = sd.derive("trace(A @ X)", wrt="X", A="m, n", X="n, m")
    assert d.jacobian("X").text == "vec(A.T).T"
    values = {"A": np.ones((2, 3)), "X": np.ones((3, 2))}
    assert d.jacobian("X").evaluate(**values).shape == (1, 6)


def test_sizes_come_from_arrays_that_the_result_does_not_use() -> None:
    assert sd.jacobian("vec(X)", "X", X="n, m").evaluate(X=np.ones((2, 3))).shape == (6, 6)


def test_hessian_multiplies_a_direction_without_being_formed() -> None:
    h = sd.derive("sum(softplus(X @ w))", wrt="w", X="n, m", w="m").hessian("w")
    assert h.product("v").text == "X.T @ (sigmoid(X @ w) * (1 - sigmoid(X @ w)) * (X @ v))"
    with pytest.raises(errors.InputError, match="'X' is in use"):
        h.product("X")


def test_index_form_names_the_entries_of_value_and_variable() -> None:
    masked = "norm(M * (X - U @ V.T)) ** 2"
    found = sd.hessian(masked, "U", X="n, m", U="n, k", V="m, k", M="n, m")
    assert found.text == "2 * kron(V.T, eye(n)) @ diag(vec(M ** 2)) @ kron(V, eye(n))"
    assert "M[p, l] ** 2" in found.index_form
    found.verify()


def test_second_derivative_of_an_unspecified_loss_is_refused() -> None:
    with pytest.raises(errors.MissingRuleError, match="second derivative of the unspecified L"):
        sd.hessian("L(X @ w)", "w", X="n, m", w="m")
    with pytest.raises(errors.ShapeError, match="a Hessian needs a scalar"):
        sd.hessian("X @ w", "w", X="n, m", w="m")


def test_a_gradient_of_a_matrix_says_to_ask_for_the_jacobian() -> None:
    with pytest.raises(errors.ShapeError, match=r"a gradient needs a scalar") as caught:
        sd.derive("X @ W", X="n, d", W="d, m")
    assert "jacobian(..)" in str(caught.value)


def test_every_step_of_a_hessian_holds() -> None:
    found = sd.hessian("sum(exp(X @ w))", "w", X="n, m", w="m")
    assert len(found.steps) > 4
    assert found.recheck() > 20


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "text",
    [
        "vec(A @ X @ B) - kron(B.T, A) @ vec(X)",
        "commutation(n, m) @ vec(X) - vec(X.T)",
        "kron(A, B) @ kron(X, Y.T) - kron(A @ X, B @ Y.T)",
        "kron(A, B).T - kron(A.T, B.T)",
        "reshape(vec(X), m, n).T - X",
        "commutation(n, m) @ commutation(m, n) - eye(n*m)",
        "kron(x, y) - vec(y @ x.T)",
    ],
)
def test_identity_of_vec_and_kron_holds(text: str) -> None:
    left, right = text.split(" - ")
    assert sd.equal(left, right, **used(text, MATRICES)).verdict == "right"


def test_a_product_of_sizes_may_be_a_number_that_the_arrays_satisfy() -> None:
    declared = {"X": "m, n", "Y": "p, q", "u": "6", "v": "20"}
    d = sd.derive("u.T @ kron(X, Y) @ v", wrt="Y", **declared)
    assert d["Y"].text == "reshape(u, m, p).T @ X @ reshape(v, n, q)"
    rng = np.random.default_rng(0)
    x, y, u, v = (rng.normal(size=k) for k in ((3, 4), (2, 5), 6, 20))
    expected = u.reshape(3, 2).T @ x @ v.reshape(4, 5)
    np.testing.assert_allclose(d["Y"].evaluate(X=x, Y=y, u=u, v=v), expected)
    with pytest.raises(errors.MissingRuleError, match="no check where sizes have to satisfy"):
        d.verify()


# What is written --------------------------------------------------------------------------------


def test_documents_of_order_two_are_written_and_verified(tmp_path: Path) -> None:
    d = sd.derive("norm(X @ w) ** 2", wrt="w", order=2, X="n, m", w="m")
    d.write(tmp_path, ["md", "tex"])
    page = (tmp_path / "derivation.md").read_text("utf-8")
    assert "Hessian with respect to" in page
    assert "in which no Hessian is formed" in page
    _, differing = verify_folder(tmp_path)
    assert differing == []


def test_documents_of_a_jacobian_and_a_structure_are_written(tmp_path: Path) -> None:
    sd.jacobian("A @ X", "X", layout="denominator", A="m, n", X="n, d").write(tmp_path, ["md"])
    assert "denominator layout" in (tmp_path / "derivation.md").read_text("utf-8")
    assert verify_folder(tmp_path)[1] == []
    d = sd.derive("trace(A @ X)", wrt="X", structured="tangent", A="n, n", X="n, n symmetric")
    d.write(tmp_path, ["md"])
    page = (tmp_path / "derivation.md").read_text("utf-8")
    assert "is projected onto the tangent space of the symmetric matrices" in page
    assert verify_folder(tmp_path)[1] == []


def test_command_line_prints_jacobians_hessians_and_structures(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*words: str) -> str:
        with pytest.raises(SystemExit) as stopped:
            main(["derive", *words])
        assert not stopped.value.code
        return capsys.readouterr().out

    assert "diag(x) @ A + diag(A @ x)" in run("x * (A @ x)", "--wrt", "x", "--jacobian")
    turned = run("A @ x", "--wrt", "x", "--jacobian", "--layout", "denominator")
    assert "A.T" in turned
    assert "2 * X.T @ X @ v" in run("norm(X @ w) ** 2", "--wrt", "w", "--order", "2")
    shape = ["--var", "X: n, n symmetric", "--structured", "independent"]
    assert "A + A.T - diag(diag(A))" in run("trace(A @ X)", "--wrt", "X", *shape)
    data = json.loads(run("A @ x", "--wrt", "x", "--jacobian", "--json"))
    assert data["jacobians"]["x"]["text"] == "A"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("expr", "name", "shapes"),
    [
        ("vec(Y @ C).T @ einsum('aik,ajk->ij', T, T) @ vec(Y @ C)", "Y",
         {"Y": "n, m", "C": "m, d", "T": "a, n*d, k"}),
        ("sum(einsum('aij,j->i', T, x) ** 3)", "x", {"T": "a, n, d", "x": "d"}),
    ],
)  # fmt: skip
def test_a_hessian_beside_a_tensor_is_verified(
    expr: str, name: str, shapes: dict[str, str]
) -> None:
    lines = sd.hessian(expr, name, **shapes).verify().lines()
    assert any("dual numbers agree" in line for line in lines)


def test_slopes_of_long_powers_have_a_bounded_number_of_digits() -> None:
    power = DualMath().power(Dual(Fraction(7, 3), Fraction(1)), Fraction(10**9))
    assert not isinstance(power.slope, Fraction)
    short = DualMath().power(Dual(Fraction(7, 3), Fraction(1)), Fraction(3))
    assert short == Dual(Fraction(343, 27), Fraction(49, 3))


@pytest.mark.parametrize(
    ("objective", "by", "shapes", "shown"),
    [
        ("norm(A @ x - y)**2", "x", {"A": "m, n", "y": "m"}, "positive semidefinite"),
        ("norm(A @ x - y)**4", "x", {"A": "m, n", "y": "m"}, "positive semidefinite"),
        ("sum(log(1 + exp(-y * (X @ w))))", "w", {"X": "n, d", "y": "n"}, "positive semidefinite"),
        ("-sum(log(x))", "x", {"x": "n positive"}, "positive definite"),
        ("norm(x)**2 + norm(A @ x)**2", "x", {"A": "m, n"}, "positive definite"),
        ("x.T @ S @ x", "x", {"S": "n, n spd"}, "positive definite"),
        ("x.T @ A @ x", "x", {"A": "n, n"}, ""),
        ("sum(cos(x))", "x", {"x": "n"}, ""),
        ("-norm(x)**2", "x", {"x": "n"}, ""),
        ("c * norm(x)**2", "x", {"x": "n", "c": "scalar"}, ""),
    ],
)
def test_a_hessian_is_called_definite_where_its_form_shows_it(
    objective: str, by: str, shapes: dict[str, str], shown: str
) -> None:
    found = sd.hessian(objective, by, variables=shapes)
    assert found.data.definiteness == shown
    rng = np.random.default_rng(0)
    sizes = {"n": 3, "m": 4, "d": 3}
    for _ in range(5):
        values = {}
        for name, v in found.problem.variables.items():
            a = rng.normal(size=[sizes.get(str(d), 1) for d in v.shape])
            a = np.abs(a) + 0.1 if "positive" in v.properties else a
            a = a @ a.T + np.eye(3) if "spd" in v.properties else a
            scalar = v.kind == "scalar"
            values[name] = float(a[0, 0]) if scalar else a[:, 0] if v.kind == "vector" else a
        least = np.linalg.eigvalsh(found.evaluate(**values)).min()
        if shown:
            assert least >= (1e-9 if shown == "positive definite" else -1e-9)


@pytest.mark.parametrize(
    ("value", "by", "lines"),
    [
        ("softmax(x, axis=0)", "x", 3),
        ("x * (A @ x)", "x", 5),
        ("A @ X @ B", "X", 4),
        ("inv(A) @ x", "A", 5),
    ],
)
def test_a_jacobian_is_differentiated_directly(value: str, by: str, lines: int) -> None:
    found = sd.jacobian(value, by).data
    assert len(found.own_steps) == lines
    assert found.recheck() > 0
    # No objective is made up for it, and no cotangent.
    names = {str(e.data) for s in found.own_steps for e in walk(s.after) if e.is_symbol}
    assert not names & {"J", "F", "G"}


def test_a_hessian_differentiates_the_gradient() -> None:
    found = sd.hessian("norm(A @ x - y)**4", "x", A="m, n", y="m").data
    first = next(s for s in found.own_steps if text(s.before) == "g[p]")
    # A power of a norm is smooth: it is not taken through the norm.
    assert text(first.after) == "Sum(k, Sum(l, 4 * A[k, p] * r[k] * r[l] ** 2))"
    assert text(found.own_steps[-1].after).endswith("[p, q]")


def test_the_document_of_a_jacobian_has_no_objective(tmp_path: Path) -> None:
    sd.jacobian("x * (A @ x)", "x").write(tmp_path, ["md"])
    page = (tmp_path / "derivation.md").read_text()
    assert r"\partial L" not in page
    assert r"\frac{\partial y_{i}}{\partial x_{p}}" in page


@pytest.mark.parametrize(
    ("objective", "by", "shapes", "seen"),
    [
        ("norm(A @ x - y)**2", "x", {"A": "m, n", "y": "m"}, "square"),
        ("norm(A @ x - y)**4", "x", {"A": "m, n", "y": "m"}, "multiplied out"),
        ("sum(log(1 + exp(-y * (X @ w))))", "w", {"X": "n, d", "y": "n"}, "scaled"),
        ("-sum(log(x))", "x", {"x": "n positive"}, "diagonal"),
        ("norm(x)**2 + norm(A @ x)**2", "x", {"A": "m, n"}, "sum"),
        ("x.T @ A.T @ S @ A @ x", "x", {"S": "m, m spd", "A": "m, n"}, "weighted"),
        ("x.T @ A @ x", "x", {"A": "n, n"}, None),
    ],
)
def test_the_form_that_shows_it_is_said(
    objective: str, by: str, shapes: dict[str, str], seen: str | None
) -> None:
    assert sd.hessian(objective, by, variables=shapes).data.seen_as == seen


def test_no_sum_of_matrices_is_transposed_in_a_hessian() -> None:
    found = sd.hessian("norm(A @ x - y)**4", "x", variables={"A": "m, n", "y": "m"})
    assert found.text == "s = A @ x - y; A.T @ (4 * norm(s) ** 2 * A + 8 * s @ s.T @ A)"
    assert found.data.recheck() > 0


@pytest.mark.parametrize(
    ("value", "shapes", "whole"),
    [
        ("softmax(x, axis=0)", {"x": "n"}, "diag(y) - y @ y.T"),
        ("exp(A @ x)", {"x": "n", "A": "m, n"}, "diag(y) @ A"),
        ("x * (A @ x)", {"x": "n", "A": "n, n"}, "diag(x) @ A + diag(A @ x)"),
    ],
)
def test_a_jacobian_is_written_in_the_output_where_that_says_it_all(
    value: str, shapes: dict[str, str], whole: str
) -> None:
    found = sd.jacobian(value, "x", variables=shapes)
    assert text(found.data.in_output[0]) == whole


def test_names_in_the_steps_of_a_hessian_mean_nothing_else_in_the_gradient() -> None:
    problem = load_named("multinomial-regression")
    gradient = [s for x in DerivedGradients(problem).sections for s in x.steps]
    hessian = hessian_of(problem, "W")
    meant: dict[str, set[Expr]] = {}
    for s in (*gradient, *hessian.own_steps):
        for e in (*walk(s.before), *walk(s.after)):
            if e.is_name:
                meant.setdefault(str(e.data), set()).add(e.args[0])
    assert all(len(values) == 1 for values in meant.values())
    direction = text(hessian.direction_product().direction)
    assert direction not in meant


def test_a_name_of_the_gradient_is_kept_in_its_hessian() -> None:
    hessian = sd.hessian("norm(A @ x - y)**4", "x", variables={"A": "m, n", "y": "m"}).data
    gradient = DerivedGradients(hessian.problem)["x"].steps
    names = {str(e.data) for s in gradient for e in walk(s.after) if e.is_name}
    assert "r" in names & {str(e.data) for s in hessian.own_steps for e in walk(s.after)}


@pytest.mark.parametrize("by", ["b", "w"])
def test_the_last_line_of_a_second_derivative_is_its_matrix_form(by: str) -> None:
    hessian = hessian_of(load_named("logistic-regression"), "w", by=by)
    last = hessian.own_steps[-1].after
    assert last.op == "entry"
    assert last.args[0].shape == hessian.expr.shape
    assert hessian.recheck() > 0
