"""What a first user writes: a Gaussian process, a deep network, claims with poles, notation."""

import numpy as np
import pytest

import symderiv as sd
from symderiv.documents.escape import latex_text, typst_text
from symderiv.notation.unicode import unicode
from symderiv.ops.written import Writer


def test_a_gradient_on_the_way_is_no_intermediate_of_the_forward_pass() -> None:
    d = sd.derive(
        "0.5 * y.T @ inv(K + s * eye(n)) @ y + 0.5 * logdet(K + s * eye(n))",
        wrt=["K", "s"],
        K="n, n symmetric",
        y="n",
        s="scalar",
    )
    d.verify()
    f = d.compile()
    assert "dZ" not in f.source.split("def backward")[0]
    found = f.backward(np.eye(2), np.ones(2), 1.0)
    np.testing.assert_allclose(found["K"], 0.5 * (np.eye(2) / 2 - np.ones((2, 2)) / 4))


@pytest.mark.exhaustive
def test_a_network_of_six_layers_is_checked() -> None:
    lines, shapes, last = [], {"X": "n, d"}, "X"
    for k in range(1, 7):
        shapes[f"W{k}"] = "d, d"
        lines.append(f"Y{k} = relu({last} @ W{k})")
        last = f"Y{k}"
    d = sd.derive("; ".join([*lines, f"L({last})"]), wrt=["W1"], **shapes)
    assert d.verify().roads[0]["entries"]


@pytest.mark.parametrize(
    ("left", "right", "verdict"),
    [
        ("A @ inv(A)", "eye(n)", "right"),
        ("inv(A) @ A + A", "eye(n) + A", "right"),
        ("inv(x @ x.T)", "eye(n)", "wrong"),
        ("1 / (a - a)", "a", "wrong"),
    ],
)
def test_a_pole_of_one_side_decides_nothing(left: str, right: str, verdict: str) -> None:
    assert sd.equal(left, right).verdict == verdict


def shown(text: str, **variables: str) -> str:
    return unicode(Writer()(sd.problem(text, **variables).objective))


def test_notation_of_unit_vectors_and_reshapes() -> None:
    assert shown("L(eye(n)[:, 2])") == "L(e₂)"
    assert shown("L(eye(n)[2, :])") == "L(e₂ᵀ)"
    assert "m×n" in shown("L(reshape(x, m, n))", x="m*n")


def test_prose_in_typst_has_no_code_points_for_a_transpose() -> None:
    text = "det(X) X⁻ᵀ, (Xᵏ⁻¹⁻ʳ)ᵀ, eˣ"
    assert "U+" not in typst_text(text)
    assert "X#super[−⊤];" in typst_text(text)
    assert r"X\textsuperscript{\(-\)\(\top\)}" in latex_text(text)


def test_a_structured_gradient_shows_as_text() -> None:
    d = sd.derive("logdet(S)", wrt="S", structured="independent", S="p, p symmetric")
    assert repr(d["S"]) == str(d["S"]) == d["S"].text


def test_a_side_that_cannot_be_read_is_shown_as_it_was_written() -> None:
    with pytest.raises(sd.SymderivError) as caught:
        sd.equal("X @", "Y")
    assert "sum" not in str(caught.value).split("write it")[0]


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("L(X * ones(n) @ g.T)", "write X * (ones(n) @ g.T)"),
        ("L((X + X) @ X)", "write (X + X) @ X.T"),
        ("L(X @ (X + X))", "write X @ (X + X).T"),
        ("L(X @ w @ y)", ""),
    ],
)
def test_the_remedy_of_a_product_is_an_expression(text: str, remedy: str) -> None:
    with pytest.raises(sd.SymderivError) as caught:
        sd.problem(text, X="n, d", g="d", w="d", y="n")
    assert remedy in str(caught.value)
    assert ".T.T" not in str(caught.value)
