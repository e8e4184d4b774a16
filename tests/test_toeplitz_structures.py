"""Toeplitz matrices that are symmetric, skew, triangular or diagonal as well."""

from __future__ import annotations

import pytest

import symderiv as sd
from symderiv.derivation.structured import INDEPENDENT, TANGENT

# By every free entry: the sum of the ambient gradient over the places that it takes.
FREE = [
    ("toeplitz", "diagonal_sums(B.T)"),
    (
        "symmetric toeplitz",
        "diagonal_sums(B.T) + diagonal_sums(B.T).T - diag(diag(diagonal_sums(B.T)))",
    ),
    ("skew toeplitz", "diagonal_sums(B.T) - diagonal_sums(B.T).T"),
    ("lower toeplitz", "tril(diagonal_sums(B.T))"),
    ("upper toeplitz", "triu(diagonal_sums(B.T))"),
]
ALL = ["diagonal toeplitz", "spd toeplitz", *(kind for kind, _ in FREE)]


@pytest.mark.parametrize(("kind", "form"), FREE)
def test_every_free_entry_of_a_toeplitz_matrix_counts_once(kind: str, form: str) -> None:
    found = sd.derive("trace(A @ B)", structured=INDEPENDENT, A=f"n, n {kind}", B="n, n")
    assert found["A"].text == form


@pytest.mark.sampled(4)
@pytest.mark.parametrize("convention", [TANGENT, INDEPENDENT])
@pytest.mark.parametrize("kind", ALL)
def test_gradient_is_the_slope_along_each_free_entry(kind: str, convention: str) -> None:
    found = sd.derive("x.T @ A @ A @ x", structured=convention, A=f"n, n {kind}", x="n")
    assert found.verify()
