"""The syntax of matrixcalculus.org: documented examples, meaning of every sign, refusals."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

import symderiv as sd
from symderiv.core.errors import InputError, LanguageError
from symderiv.ops import FUNCTIONS
from symderiv.problems.problem import Problem
from symderiv.results.derived import verify_folder

# The scalar examples of the documentation page of matrixcalculus.org, and its opening example,
# each with what it says in the language of this package and the variables that it reads.
DOCUMENTED = [
    ("0.5*x'*A*x", "0.5 * x.T @ A @ x", "x: n; A: n, n", ()),
    ("x'*A*x + c*sin(y)'*x", "x.T @ A @ x + c * sin(y).T @ x", "x: n; A: n, n; c; y: n", ()),
    ("sin(x)'*y", "sin(x).T @ y", "x: n; y: n", ()),
    ("(y.*v)'*x", "(y * v).T @ x", "y: n; v: n; x: n", ()),
    ("a^b", "a ** b", "a; b", ()),
    ("norm1(A*x-y)", "norm1(A @ x - y)", "A: n, m; x: m; y: n", ("norm1",)),
    ("norm2(A*x-y)^2", "norm(A @ x - y) ** 2", "A: n, m; x: m; y: n", ()),
    (
        "sum(log(exp(-y.*(X*w)) + vector(1)))",
        "sum(log(exp(-y * (X @ w)) + ones(n)))",
        "y: n; X: n, m; w: m",
        (),
    ),
    ("tr(A*X'*B*X*C)", "trace(A @ X.T @ B @ X @ C)", "A: n, m; X: k, m; B: k, k; C: m, n", ()),
    ("log(det(inv(X)))", "log(det(inv(X)))", "X: n, n", ("det", "inv")),
]
SIGNS = [
    ("sum(A*B)", "sum(A @ B)"),
    ("sum(A.*B)", "sum(A * B)"),
    ("sum(A./B)", "sum(A / B)"),
    ("sum(A.^2)", "sum(A ** 2)"),
    ("sum(x.^a)", "sum(x ** a)"),
    ("sum(a*X)", "sum(a * X)"),
    ("sum(X*a)", "sum(X * a)"),
    ("sum(X/a)", "sum(X / a)"),
    ("x'*x/2", "x.T @ x / 2"),
    ("-a^2", "-a ** 2"),
    ("a^-2", "a ** -2"),
    ("a/b/c", "a / b / c"),
    ("a-b-c", "a - b - c"),
    ("2.*a + 2.5*b + .5*c", "2 * a + 2.5 * b + 0.5 * c"),
    ("a + 1e-2*b", "a + 0.01 * b"),
    ("sum((A')')", "sum(A)"),
    ("sum(A'')", "sum(A)"),
    ("tr(x*y')", "trace(x @ y.T)"),
    ("(x'*y)*(y'*x)", "(x.T @ y) * (y.T @ x)"),
    ("sum(x.^2')", "sum((x ** 2).T)"),
    ("x'*vector(2)", "2 * x.T @ ones(n)"),
    ("tr(X*eye)", "trace(X @ eye(n))"),
    ("sum(X*(X' + matrix(1)))", "sum(X @ (X.T + ones(m, n)))"),
    ("sum(e*x)", "sum(e * x)"),
    ("z = X*w; z'*z", "z = X @ w\nz.T @ z"),
    ("z = X*w\n  z'*z  # a comment", "z = X @ w\nz.T @ z"),
    ("L(X*w)", "L(X @ w)"),
    ("norm2(X)^2", "norm(X) ** 2"),
]
REFUSED = [
    ("", "empty", None),
    ("x'*", "too early", 3),
    ("2x", "cannot stand", 1),
    ("x y", "cannot stand", 2),
    ("x**2", "\\*\\*", 1),
    ("a^b^c", "two ways", 3),
    ("X[1]", "'\\['", 1),
    ("A\\x", "no sign", 1),
    ("sum(x", "never closed", 3),
    ("sum(x))", "closes nothing", 6),
    ("sum(,x)", "cannot stand", 4),
    ("sum(x*y)", "a column", 5),
    ("sum(x*A)", "a column", 5),
    ("sum(A*x')", "a row", 5),
    ("sum(x + X)", "a column", 6),
    ("sum(x + x')", "a row", 6),
    ("sum(x.*X)", "a matrix", 5),
    ("sum(x^2)", "no such power", 5),
    ("sum(A^x)", "no such power", 5),
    ("sum(A^0.5)", "no such power", 5),
    ("sum(x/y)", "a column", 6),
    ("sum(a^x)", "a column", 6),
    ("sum(vector(1))", "size", None),
    ("sum(foo(x))", "'foo'", 4),
    ("x'*A*x; y'*y", "has no name", 0),
    ("a = b = c", "cannot stand", 6),
    ("é'*é", "no sign", 0),
    ("(" * 200 + "x" + ")" * 200, "nested", None),
]


def read(text: str, **declared: str) -> Problem:
    return sd.problem(text, syntax="matrixcalculus", **declared)


def shapes(p: Problem) -> str:
    parts = []
    for v in p.variables.values():
        sizes = ", ".join(str(d) for d in v.shape if str(d) != "1")
        parts.append(f"{v.name}: {sizes}" if sizes else v.name)
    return "; ".join(parts)


@pytest.mark.parametrize(("text", "meaning", "variables", "needs"), DOCUMENTED)
def test_documented_example(
    text: str, meaning: str, variables: str, needs: tuple[str, ...]
) -> None:
    if not set(needs) <= set(FUNCTIONS):
        pytest.skip(f"no table entry yet: {needs}")
    p = read(text)
    assert p.text == meaning
    assert shapes(p) == variables
    found = sd.derive(text, syntax="matrixcalculus")
    assert list(found) == list(p.variables)


@pytest.mark.parametrize(("text", "meaning"), SIGNS)
def test_sign(text: str, meaning: str) -> None:
    p = read(text)
    assert p.text == meaning
    declared = {
        v.name: ", ".join(str(d) for d in v.shape[: ["scalar", "vector", "matrix"].index(v.kind)])
        or "scalar"
        for v in p.variables.values()
    }
    assert sd.problem(p.text, **declared).objective is p.objective


@pytest.mark.parametrize(("text", "words", "column"), REFUSED)
def test_refusal_has_its_place(text: str, words: str, column: int | None) -> None:
    with pytest.raises(LanguageError, match=words) as caught:
        read(text)
    assert caught.value.remedy or "closed" in str(caught.value)
    if column is not None:
        assert caught.value.span is not None
        assert caught.value.span.start == column
        assert caught.value.span.text == text


def test_declared_name_wins() -> None:
    p = read("e'*x*h", e="n", x="n", h="scalar")
    assert p.text == "(e.T @ x) * h"


def test_place_in_a_later_line() -> None:
    with pytest.raises(LanguageError) as caught:
        read("z = X*w\nsum(z + X)")
    assert "sum(z + X)\n          ^" in str(caught.value)


@pytest.mark.skipif("matrix_power" not in FUNCTIONS, reason="no table entry yet")
def test_power_of_a_matrix_is_not_entrywise() -> None:
    assert read("tr(A^3)").text == "trace(matrix_power(A, 3))"
    assert read("tr(A^-1)").text == "trace(inv(A))"


def test_gradient_has_the_value_that_the_site_documents() -> None:
    rng = np.random.default_rng(0)
    a, x, y = rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=4)
    d = sd.derive("norm2(A*x-y)^2", wrt="x", syntax="matrixcalculus")
    assert np.allclose(d["x"].evaluate(A=a, x=x, y=y), 2 * a.T @ (a @ x - y))


def test_documented_example_that_is_a_vector() -> None:
    found = sd.jacobian("A*exp(x)", "x", syntax="matrixcalculus")
    assert found.text == "A @ diag(exp(x))"


def test_claims_and_equality_in_the_syntax() -> None:
    text, options = "norm2(A*x-y)^2", {"wrt": "x", "syntax": "matrixcalculus"}
    assert sd.check(text, claim="2*A'*(A*x-y)", **options).verdict == "right"
    assert sd.check(text, claim="2*(A*x-y)'*A", **options).verdict == "transposed"
    assert sd.check(text, claim="A'*(A*x-y)", **options).verdict == "wrong"
    assert sd.equal("(A*B)'", "B'*A'", syntax="matrixcalculus").verdict == "right"
    assert sd.equal("A.*B", "A*B", syntax="matrixcalculus").verdict == "wrong"


def test_unknown_syntax_is_refused() -> None:
    with pytest.raises(InputError, match="no syntax 'matlab'"):
        sd.problem("x", syntax="matlab")


def test_certificate_of_a_translated_problem_runs_again(tmp_path: object) -> None:
    d = sd.derive("z = X*w - y; z'*z", wrt="w", syntax="matrixcalculus")
    d.write(str(tmp_path), ["py"])
    _, differing = verify_folder(str(tmp_path))
    assert differing == []


@pytest.mark.slow
def test_command_line() -> None:
    def run(*args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "symderiv", *args, "--syntax", "matrixcalculus"]
        return subprocess.run(command, capture_output=True, text=True)

    found = run("derive", "0.5*x'*A*x", "--wrt", "x", "--json")
    assert json.loads(found.stdout)["gradients"]["x"]["text"] == "0.5 * (A + A.T) @ x"
    assert run("check", "x'*x", "--wrt", "x", "--claim", "2*x").returncode == 0
    assert run("equal", "(A*B)'", "A'*B'").returncode == 1
    refused = run("derive", "x'*A*")
    assert refused.returncode == 2
    assert "^" in refused.stderr
