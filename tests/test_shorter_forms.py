"""Forms that a person would shorten: inverses, definitions, symmetry, multiples of the identity."""

from __future__ import annotations

import pytest

import symderiv as sd

DECLARED = {
    "A": "n, n", "S": "n, n", "X": "n, d", "F": "n, d", "x": "n", "y": "n", "a": "n", "t": "n",
    "h": "n onehot", "Z": "n, k", "Y": "n, k onehot", "B": "n, g*k", "T": "b, n, d", "s": "scalar",
    "K": "n, n symmetric",
}  # fmt: skip
GRADIENTS = [
    ("logdet(inv(A) + S)", "A", "-inv(A).T @ inv(S @ A + eye(n)).T"),
    ("logdet(eye(n) + inv(S) @ A)", "A", "inv(A + S).T"),
    ("logdet(eye(n) + inv(S) @ A)", "S", "-inv(A + S).T @ A.T @ inv(S).T"),
    ("logdet(eye(n) + A @ inv(S))", "A", "inv(A + S).T"),
    ("trace(inv(inv(S) + A))", "S", "inv(S @ A + eye(n)).T @ inv(A @ S + eye(n)).T"),
    ("P = inv(K); trace(inv(P + A))", "K", "P @ inv(P + A).T @ inv(P + A).T @ P"),
    ("trace(inv(inv(K) + A))", "K", "inv(K @ A + eye(n)).T @ inv(A @ K + eye(n)).T"),
    ("trace(S @ inv(S + A))", "S", "inv(S + A).T @ A.T @ inv(S + A).T"),
    ("trace(2 * S @ inv(3 * S + A))", "S", "2 * inv(3 * S + A).T @ A.T @ inv(3 * S + A).T"),
    ("trace(inv(A - S) @ S)", "S", "inv(A - S).T @ A.T @ inv(A - S).T"),
    ("trace(inv(eye(n) + K) @ K)", "K", "inv(eye(n) + K) @ inv(eye(n) + K)"),
    ("trace(S @ inv(S + A) @ A)", "S", "inv(S + A).T @ A.T @ A.T @ inv(S + A).T"),
    ("s * trace(S @ inv(n * S + A))", "S", "s * inv(n * S + A).T @ A.T @ inv(n * S + A).T"),
    ("trace(S @ inv(S + A + x @ y.T))", "S", "R = inv(S + A + x @ y.T).T; R @ (A + x @ y.T).T @ R"),
    ("C = F.T @ F; J = sqrt(det(C)); 2 * J", "F", "2 * J * F @ inv(C)"),
    ("p = exp(-x.T @ A @ x / 2); 2 * p", "x", "-p * (A + A.T) @ x"),
    ("E = exp(a); q = sum(E); P = E / q; -sum(t * log(P))", "a", "sum(t) * P - t"),
    ("E = exp(a); q = sum(E); P = E / q; -h.T @ log(P)", "a", "P - h"),
    ("q = sum(exp(Z), axis=1); P = exp(Z) / q; -sum(Y * log(P)) / n", "Z", "(P - Y) / n"),
    ("A = X @ X.T + s * eye(n); y.T @ solve(A, y)", "X", "-2 * solve(A, y) @ solve(A, y).T @ X"),
    ("A = X @ X.T; logdet(A + eye(n))", "X", "2 * inv(A + eye(n)) @ X"),
    (
        "L(softmax(T, axis=1))",
        "T",
        "softmax(T, axis=1) * (G - sum(G * softmax(T, axis=1), axis=1))",
    ),
    ("sum(concat(x, y, axis=0) ** 2)", "x", "2 * x"),
]
# The value of a definition is written by its name, also where the definition is the objective.
NAMED = [
    ("J = sqrt(det(A)); J", "A", "0.5 * J * inv(A).T"),
    ("J = sqrt(det(A))", "A", "0.5 * J * inv(A).T"),
    ("J = sqrt(det(A)); log(1 + J)", "A", "0.5 * J * inv(A).T / (1 + J)"),
    ("J = sqrt(det(A.T @ A)); J", "A", "J * inv(A).T"),
    ("J = det(A); J", "A", "J * inv(A).T"),
    ("J = 1 / det(A); J", "A", "-J * inv(A).T"),
    ("p = sigmoid(x.T @ y); p", "x", "p * (1 - p) * y"),
    ("p = 1 / (1 + exp(-x.T @ y)); p", "x", "p * (1 - p) * y"),
    ("p = exp(x.T @ y); p", "x", "p * y"),
    ("p = tanh(x.T @ y); p", "x", "(1 - p ** 2) * y"),
    ("p = exp(-0.5 * norm(x - y) ** 2) / s; p", "x", "-p * (x - y)"),
    ("p = exp(-0.5 * norm(x - y) ** 2) / s; log(1 + p)", "x", "-p * (x - y) / (1 + p)"),
    ("q = sum(exp(x)); p = s / q; p", "x", "-p * exp(x) / q"),
    ("r = norm(x); r", "x", "x / r"),
    ("r = norm(x); s * r", "x", "s * x / r"),
    ("r = sqrt(sum((x - y) ** 2) + s); r", "x", "(x - y) / r"),
    ("q = (x.T @ x) ** (3 / 2); q", "x", "3 * sqrt(x.T @ x) * x"),
    ("q = x.T @ x; p = q ** (-3 / 2); p", "x", "-3 * x / q ** 2.5"),
    ("p = x * y; sum(x * y * p)", "x", "2 * y * p"),
    ("q = sqrt(x.T @ S @ x); q", "x", "0.5 * (S + S.T) @ x / q"),
    ("x.T @ x", "x", "2 * x"),
    ("exp(x.T @ y)", "x", "exp(x.T @ y) * y"),
]
SECOND = [
    ("var(x)", "2 * (eye(n) - ones(n, n) / n) / n"),
    ("sum((x - mean(x)) ** 2)", "2 * (eye(n) - ones(n, n) / n)"),
]


def declared(text: str) -> dict[str, str]:
    written = {part.split("=")[0].strip() for part in text.split(";")[:-1]}
    words = set("".join(c if c.isalnum() else " " for c in text).split()) - written
    return {k: v for k, v in DECLARED.items() if k in words}


@pytest.mark.parametrize(("text", "wrt", "form"), GRADIENTS)
def test_gradient_has_the_short_form(text: str, wrt: str, form: str) -> None:
    found = sd.derive(text, wrt=[wrt], **declared(text))
    assert found[wrt].text == form
    assert found.recheck()


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("text", "wrt", "form"), NAMED)
def test_the_value_of_a_definition_has_its_name(text: str, wrt: str, form: str) -> None:
    problem = sd.problem(text, **declared(text))
    found = sd.derive(problem, wrt=[wrt])
    assert found[wrt].text == form
    assert found.recheck()
    assert found.verify()
    assert sd.check(problem, wrt=wrt, claim=form).verdict == "right"


def test_a_hessian_has_the_name_of_the_objective() -> None:
    found = sd.hessian("p = exp(-0.5 * norm(x - y) ** 2) / s; p", "x", x="n", y="n", s="scalar")
    assert found.text == "p * ((x - y) @ (x - y).T - eye(n))"
    assert found.recheck()


@pytest.mark.parametrize(
    "text", ["J = x[1] ** (1 / 2); J + x[1] ** 2", "J = 1 / x[1]; where(x[1] > 0, J, x[1] ** 3)"]
)
def test_a_name_with_a_smaller_domain_stands_for_nothing_else(text: str) -> None:
    """A root, or a quotient, is not defined wherever what it is made of is."""
    found = sd.derive(text, wrt=["x"], x="n")["x"].text
    assert "J ** 4" not in found
    assert "J ** (-2)" not in found


@pytest.mark.parametrize(("text", "form"), SECOND)
def test_number_beside_the_identity_is_a_matrix_of_ones(text: str, form: str) -> None:
    assert sd.hessian(text, "x", x="n").text == form


def test_group_norm_sums_along_an_axis() -> None:
    text = "L(layernorm(reshape(B, n, g, k), s))"
    found = sd.derive(text, wrt=["B"], **declared(text))
    assert "einsum" not in found["B"].text
    assert "sum(G, axis=2)" in found["B"].text


def test_a_row_beside_a_square_matrix_is_not_turned_into_a_column_that_could_go_anywhere() -> None:
    p = sd.problem("sum(matrix_power(B + 9 * eye(n), -2) @ x)", B="n, n", x="n")
    found = sd.derive(p)["B"]
    assert sd.check(p, wrt="B", claim=found.text)
