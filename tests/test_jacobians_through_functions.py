"""Jacobians and Hessians through functions of whole matrices, against dual numbers and differences.

Where a form is stated it is the one that is printed; ``verify`` compares every column.
"""

from __future__ import annotations

import pytest

import symderiv as sd

DECLARED = {
    "X": "n, d", "W": "d, m", "M": "n, k", "N": "k, d", "w": "d", "v": "m", "x": "n", "y": "n",
    "A": "n, n", "B": "m, m", "C": "n, m", "a": "3", "b": "3", "k": "scalar",
}  # fmt: skip
JACOBIANS = [
    ("concat(X @ w, v, axis=0)", "w", "concat(X, zeros(m, d), axis=0)"),
    ("concat(x, x * y, axis=0)", "x", "concat(eye(n), diag(y), axis=0)"),
    ("concat(X @ W, C, axis=1)", "W", "kron(concat(eye(m), zeros(m, m), axis=0), X)"),
    ("concat(x, A @ x, axis=1)", "x", "kron(onehot(1, 2), eye(n)) + kron(onehot(2, 2), A)"),
    ("tril(A)", "A", "diag(vec(tril(ones(n, n))))"),
    ("cholesky(A)", "A", ""),
    ("sqrtm(A)", "A", "inv(kron(sqrtm(A), eye(n)) + kron(eye(n), sqrtm(A).T)).T"),
    ("sylvester(A, B, C)", "C", "inv(kron(B, eye(n)) + kron(eye(m), A.T)).T"),
    ("expm(A)", "A", ""),
    ("matrix_power(A, 7)", "A", ""),
    ("diagonal_sums(A) @ x", "A", ""),
    ("prod_others(x)", "x", "prod_others(x @ ones(n).T, eye(n), axis=0).T"),
    ("cross(a, b)", "a", "cross(ones(3) @ b.T, eye(3))"),
    ("polar(X)", "X", ""),
    ("right_singular(X)", "X", ""),
    ("eigvecsh(A)", "A", ""),
]
HESSIANS = [
    ("sum(concat(M, X, axis=1) ** 4)", "X", "12 * diag(vec(X ** 2))"),
    ("sum(exp(concat(X @ w, v, axis=0)))", "w", "X.T @ diag(exp(X @ w)) @ X"),
    ("prod(x)", "x", "prod_others(x @ ones(n).T, eye(n), axis=0)"),
    ("prod(X)", "X", ""),
    ("sum(prod(X, axis=1))", "X", ""),
    ("trace(expm(A))", "A", ""),
    ("sum(expm(A))", "A", ""),
    ("trace(expm(A) @ X @ X.T)", "A", ""),
    ("trace(sqrtm(A))", "A", ""),
    ("trace(sqrtm(A) @ X @ X.T)", "A", ""),
    ("sum(eigvalsh(A) ** 2)", "A", ""),
    ("max(eigvalsh(A))", "A", ""),
    ('norm(X, "nuc")', "X", ""),
    ("norm(X, 2)", "X", ""),
    ("norm(cross(a, b)) ** 2", "a", ""),
]


def declared(text: str) -> dict[str, str]:
    words = set("".join(c if c.isalnum() else " " for c in text).split())
    return {k: v for k, v in DECLARED.items() if k in words}


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("text", "wrt", "form"), JACOBIANS)
def test_jacobian_agrees_with_dual_numbers_and_differences(text: str, wrt: str, form: str) -> None:
    found = sd.jacobian(text, wrt, **declared(text))
    assert found.verify()
    assert form in ("", found.text)


@pytest.mark.sampled(5)
@pytest.mark.parametrize(("text", "wrt", "form"), HESSIANS)
def test_hessian_agrees_with_dual_numbers_and_differences(text: str, wrt: str, form: str) -> None:
    found = sd.hessian(text, wrt, **declared(text))
    assert found.verify()
    assert form in ("", found.text)


def test_fused_axis_may_stand_beside_others() -> None:
    text = 'vec(X @ N.T).T @ einsum("aik,ajk->ij", T, T) @ z'
    found = sd.derive(text, **declared("X N"), T="p, k*n, q", z="k*n")
    assert found["z"].text == "sum(T @ T.mT @ vec(X @ N.T), axis=0)"
    assert found["X"].text == "reshape(sum(T @ T.mT @ z, axis=0), k, n).T @ N"
    sizes = {"n": 2, "d": 1, "k": 2, "p": 2, "q": 1}
    assert found.recheck(sizes)


@pytest.mark.parametrize("name", ["expm", "logm"])
def test_the_derivative_of_a_derivative_is_a_block_of_that_of_a_block_matrix(name: str) -> None:
    found = sd.derive(f"trace({name}_frechet(A, C) @ B)", wrt="A", **dict.fromkeys("ABC", "n, n"))
    blocks = "kron(eye(2), A.T) + kron(onehot(1, 2) @ onehot(2, 2).T, C.T)"
    assert found["A"].text == (
        f"kron(onehot(1, 2).T, eye(n)) @ {name}_frechet({blocks}, kron(eye(2), B.T)) @ "
        "kron(onehot(2, 2), eye(n))"
    )
    assert found.data.ambient.recheck({"n": 2}) if name == "expm" else found["A"].steps
