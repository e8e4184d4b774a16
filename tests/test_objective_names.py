"""The last line of a problem: an expression, a definition of the loss, or the name of one."""

from __future__ import annotations

import pytest

import symderiv as sd
from symderiv.core import errors

SAME = (
    "0.5 * norm(X @ w - y) ** 2",
    "L = 0.5 * norm(X @ w - y) ** 2",
    "L = 0.5 * norm(X @ w - y) ** 2; L",
    "J = 0.5 * norm(X @ w - y) ** 2; J",
    "cost = 0.5 * norm(X @ w - y) ** 2",
)


@pytest.mark.parametrize("text", SAME)
def test_a_definition_may_be_the_loss(text: str) -> None:
    p = sd.problem(text, X="n, d", w="d", y="n")
    d = sd.derive(p, wrt="w")
    assert p.definitions == {}
    assert p.objective_name == (text.split()[0] if "=" in text else "L")
    assert d["w"].text == "X.T @ (X @ w - y)"
    plain = sd.derive(sd.problem(SAME[0], X="n, d", w="d", y="n"), wrt="w")
    assert len(d["w"].steps) == len(plain["w"].steps)
    assert sd.check(p, wrt="w", claim="X.T @ (X @ w - y)").verdict == "right"


def test_a_claim_may_use_the_name_of_the_objective() -> None:
    p = sd.problem("J = sqrt(det(C)); J", C="n, n")
    assert sd.check(p, wrt="C", claim="0.5 * J * inv(C).T").verdict == "right"
    assert sd.check(p, wrt="C", claim="J * inv(C).T").verdict == "wrong"
    assert sd.check(p, about="dJ/dC", claim="0.5 * J * inv(C).T").verdict == "right"


def test_other_definitions_stay_names() -> None:
    p = sd.problem("r = X @ w - y; L = r.T @ r", X="n, d", w="d", y="n")
    assert list(p.definitions) == ["r"]
    assert sd.derive(p, wrt="w")["w"].text == "2 * X.T @ r"


def test_the_name_of_an_earlier_definition_stays_a_name() -> None:
    p = sd.problem("a = x.T @ x; c = a ** 2; a", x="n")
    assert list(p.definitions) == ["a", "c"]


def test_a_matrix_is_no_loss() -> None:
    with pytest.raises(errors.DeclarationError, match=r"L\(Z\)"):
        sd.problem("Z = X @ W", X="n, d", W="d, m")
