"""Texts as mathematicians type them are refused with the text to write, which can be read."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

import symderiv as sd
from symderiv.core import errors
from symderiv.problems.problem import problem

DECLARED = {"X": "n, d", "W": "d, m", "w": "d", "y": "n", "A": "d, d", "x": "d", "Z": "n, d"}

# What is typed, and what the error says to write instead.
REWRITTEN = (
    ("L(X·W)", "L(X @ W)"),
    ("L(XW)", "L(X @ W)"),
    ("L(X W)", "L(X @ W)"),
    ("L(X × W)", "L(X @ W)"),
    ("trace(AA)", "trace(A @ A)"),
    ("x'Ax", "x.T @ A @ x"),
    ("x^TAx", "x.T @ A @ x"),
    ("x^{T} A x", "x.T @ A @ x"),
    ("xᵀAx", "x.T @ A @ x"),
    ("x·w", "x.T @ w"),
    ("⟨x, Aw⟩", "dot(x, A @ w)"),
    ("||Xw - y||^2", "norm(X @ w - y) ** 2"),
    ("‖Xw − y‖₂²", "norm(X @ w - y) ** 2"),
    ("½||Xw-y||²", "0.5 * norm(X @ w - y) ** 2"),
    ("||w||_1", "norm1(w)"),
    ("(Xw-y)'(Xw-y)/2", "(X @ w - y).T @ (X @ w - y) / 2"),
    ("L(2X)", "L(2 * X)"),
    ("L(2(X + Z))", "L(2 * (X + Z))"),
    ("sum(|x|)", "sum(abs(x))"),
    ("L(X^T)", "L(X.T)"),
    ("L(X^2)", "L(X ** 2)"),
    ("trace(A^2)", "trace(matrix_power(A, 2))"),
    ("L(A^-1)", "L(inv(A))"),
    ("L(A⁻¹)", "L(inv(A))"),
    ("tr(A)", "trace(A)"),
    ("tr AA", "trace(A @ A)"),
    ("log|A|", "logdet(A)"),
    ("sum(ln(x^2))", "sum(log(x ** 2))"),
    ("L(X⊙Z)", "L(X * Z)"),
    ("f(x) = x'Ax", "x.T @ A @ x"),
    ("sum(e^{-x})", "sum(exp(-x))"),
    ("x_1 + x_2", "x[1] + x[2]"),
    ("r = Xw - y; r'r", "r = X @ w - y; r.T @ r"),
    ("A(x + w)", "A @ (x + w)"),
    ("sigmoid(x'w)", "sigmoid(x.T @ w)"),
    ("√(x'x)", "sqrt(x.T @ x)"),
    ("sum(x^2^3)", "sum(x ** (2 ** 3))"),
    ("trace(A^-1^T)", "trace(inv(A).T)"),
)


@pytest.mark.parametrize(("typed", "text"), REWRITTEN)
def test_what_is_typed_is_rewritten_in_the_error(typed: str, text: str) -> None:
    with pytest.raises(errors.LanguageError) as raised:
        problem(typed, **DECLARED)
    assert raised.value.remedy == f"write {text}"
    assert raised.value.span is not None
    problem(text, **DECLARED)


def test_nothing_need_be_declared_for_a_rewriting() -> None:
    with pytest.raises(errors.LanguageError, match=r"write norm\(A @ x - b\) \*\* 2"):
        sd.derive("||Ax - b||^2")


@pytest.mark.parametrize(
    ("claim", "text"), [("X'G", "X.T @ G"), ("X^T G", "X.T @ G"), ("XᵀG", "X.T @ G")]
)
def test_a_claim_is_rewritten_too(claim: str, text: str) -> None:
    with pytest.raises(errors.LanguageError) as raised:
        sd.check("L(X @ W)", wrt="W", claim=claim)
    assert raised.value.remedy == f"write {text}"
    assert sd.check("L(X @ W)", wrt="W", claim=text).verdict == "right"


KEPT = (
    ("L(qq @ x)", "declare it"),
    ("L(X @ W + w)", "the shapes must be equal"),
    ("J(X @ W)", "J: loss"),
    ("sum(conj(x))", "every variable is real"),
    ("sum(X.H)", "every variable is real"),
    ("sum(2j * x)", "every variable and number is real"),
    ("L(A.I)", "inv(A)"),
    ("lambda * sum(x)", "λ"),
    ("scan(x, X)", "scan is no part of the language"),
    ("conv1d(x, w)", "convolution-1d"),
    # What is beyond a limit is written as it should be: nothing else says the same.
    ("sum(x ** 10 ** 10)", "exponents go up to 1000"),
    ("sum(x ^ 10 ^ 10)", "a power is written **"),
    ("sum(x ** -10 ** 10)", "exponents go up to 1000"),
    ("sum((A * A) ** 5000)", "exponents go up to 1000"),
    ("2 ** 10 ** 10 * sum(x)", "exponents go up to 1000"),
    ("sum(x) * 1e999", "numbers are smaller than 1e300"),
)


@pytest.mark.parametrize(("typed", "remedy"), KEPT)
def test_what_has_no_rewriting_keeps_its_remedy(typed: str, remedy: str) -> None:
    with pytest.raises(errors.LanguageError) as raised:
        problem(typed, **DECLARED)
    assert remedy in raised.value.remedy


def test_a_name_made_of_others_is_no_variable() -> None:
    with pytest.raises(errors.UnknownNameError, match="A and X exist"):
        problem("trace(AX) + sum(A) + sum(X)")
    assert "AX" in problem("trace(AX)").variables


@pytest.mark.parametrize("name", ["λ", "α", "Σ", "ϕ", "λ_1"])
def test_greek_names_are_declared(name: str) -> None:
    d = sd.derive(sd.problem(f"{name} * sum(x)", **{name: "scalar", "x": "n"}))
    read = next(n for n, v in d.problem.variables.items() if v.kind == "scalar")
    assert sd.equal(d["x"].text, f"{read} * ones(n)", **{read: "scalar"})
    assert d[read].text == "sum(x)"
    assert d.compile().backward(x=np.ones(2), **{read: 3.0})["x"].tolist() == [3, 3]


SIGNS = "·ᵀ²½ℝ⁻∞℘ª"


@pytest.mark.parametrize("sign", SIGNS)
def test_signs_that_python_takes_for_letters_are_no_names(sign: str) -> None:
    with pytest.raises(errors.LanguageError) as raised:
        problem(f"sum(X{sign}W)", **DECLARED)
    assert raised.value.span is not None


def test_an_undeclared_e_in_latex_is_asked_for() -> None:
    p = sd.problem("e * sum(x)", x="n")
    with pytest.raises(errors.AmbiguousTextError, match=r"e is not declared"):
        sd.check(p, wrt="x", claim=r"e \mathbf 1", syntax="latex")
    for claim in (r"\mathrm{e} \mathbf 1", r"e^{1} \mathbf 1", r"\exp(1) \mathbf 1"):
        assert sd.check(p, wrt="x", claim=claim, syntax="latex").verdict == "right"
    assert sd.derive(p)["x"].latex == r"\mathrm{e} \mathbf{1}"


_PIECES = (
    *("X", "W", "x", "w", "n", "2", "0.5", "(", ")", "[", "]", "@", "*", "+", "-", "/", "**", ".T"),
    *(",", ":", "^", "'", "|", "||", "·", "ᵀ", "²", "⁻¹", "√", "sum", "log", "norm", "tr", "Sum"),
    *("Prod", "i", "i + 1", "1:k", "2:n", "[i, :]", "delta", "onehot", "eye", "where", ">", "="),
    *(
        ";",
        "\n",
        " ",
        "#",
        "λ",
        "\u202e",
        "\x00",
        "中",
        "{",
        "}",
        "\\",
        "0",
        "1e400",
        "_",
        "‖",
        "½",
    ),
)


def refusal(text: str, declared: dict[str, str]) -> errors.LanguageError | None:
    try:
        problem(text, **declared)
    except errors.LanguageError as error:
        return error
    return None


@pytest.mark.parametrize("seed", range(8))
def test_any_text_is_a_problem_or_refused_at_its_place(seed: int) -> None:
    random = Random(seed)
    for _ in range(60):
        text = "".join(random.choice(_PIECES) for _ in range(random.choice((2, 4, 8, 16))))
        declared = DECLARED if random.random() < 0.7 else {}
        error = refusal(text, declared)
        if error is not None:
            assert error.span is not None or not text.partition("#")[0].strip(), text
            assert error.remedy, text


LONG = (
    *("(" * 5000, "x'" * 3000, "^" * 9999, "|" * 5000, "a" * 9999, "x[1]" * 2000, ";" * 9999),
    *("\n" * 9999, "x = " * 2000, "sum(" + "XA" * 900 + ")", "." * 9999, "x^" * 3000 + "2"),
    *("sum(x" + "[1:n]" * 2000 + ")", 'einsum("' + "i" * 3000 + '->", x)', "λ" * 9000),
)


@pytest.mark.parametrize("text", LONG, ids=lambda t: t[:8])
def test_long_texts_are_refused_shortly(text: str) -> None:
    with pytest.raises(errors.LanguageError) as raised:
        problem(text, **DECLARED)
    assert len(raised.value.remedy) < 1000
