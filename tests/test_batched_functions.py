"""Functions of matrices at every position of a tensor, and under an index of a sum."""

from __future__ import annotations

import pytest

import symderiv as sd

DECLARED = {
    "T": "t, n, n", "U": "t, n, d", "A": "n, n", "M": "d, d", "X": "n, d", "C": "n", "c": "t",
    "x": "n",
}  # fmt: skip
CLAIMS = [
    ("c.T @ det(T)", "c", "det(T)"),
    ("c.T @ trace(T)", "c", "trace(T)"),
    ("sum(norm(U) ** 2)", "U", "2 * U"),
    ('sum(norm(U, "nuc"))', "U", "polar(U)"),
    ("sum(eigvalsh(T))", "T", "ones(t, 1, 1) * eye(n)"),
    ("sum(solve(A, U))", "U", "ones(t, 1, 1) * (inv(A).T @ ones(n, d))"),
    (
        "Sum(i, C[i] * logdet(M + X[i, :].T @ X[i, :]))",
        "M",
        "Sum(i, C[i] * inv(M + X[i, :].T @ X[i, :]).T)",
    ),
    (
        "Sum(i, det(M + C[i] * eye(d)))",
        "M",
        "Sum(i, det(M + C[i] * eye(d)) * inv(M + C[i] * eye(d)).T)",
    ),
    (
        "Sum(i, X[i, :] @ solve(M, X[i, :].T))",
        "M",
        "-Sum(i, inv(M).T @ X[i, :].T @ X[i, :] @ inv(M).T)",
    ),
]


def declared(text: str) -> dict[str, str]:
    words = set("".join(c if c.isalnum() else " " for c in text).split())
    return {k: v for k, v in DECLARED.items() if k in words}


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("text", "wrt", "claim"), CLAIMS)
def test_gradient_is_the_one_of_every_matrix(text: str, wrt: str, claim: str) -> None:
    found = sd.check(sd.problem(text, **declared(text)), wrt=wrt, claim=claim)
    assert found.verdict == "right", f"{text}: {found}"


def test_stack_of_determinants_is_a_column() -> None:
    p = sd.problem("L(logdet(T))", T="t, n, n")
    assert [str(d) for d in p.objective.args[0].shape] == ["t", "1"]
    assert sd.derive(p)["T"].text == 'einsum("t,tin->tni", G, inv(T))'


@pytest.mark.parametrize("text", ["det(U)", "inv(U)", "trace(U)", "solve(A, T @ U @ U.mT @ X)"])
def test_stack_that_is_not_square_is_refused(text: str) -> None:
    with pytest.raises(sd.SymderivError):
        sd.problem(f"sum({text})", **{**declared(text), "X": "d, n"})
