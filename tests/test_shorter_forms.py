"""Forms that a person would shorten: inverses, definitions, symmetry, multiples of the identity."""

from __future__ import annotations

import pytest

import symderiv as sd

DECLARED = {
    "A": "n, n", "S": "n, n", "X": "n, d", "F": "n, d", "x": "n", "y": "n", "a": "n", "t": "n",
    "h": "n onehot", "Z": "n, k", "Y": "n, k onehot", "B": "n, g*k", "T": "b, n, d", "s": "scalar",
}  # fmt: skip
GRADIENTS = [
    ("logdet(inv(A) + S)", "A", "-inv(A).T @ inv(S @ A + eye(n)).T"),
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
