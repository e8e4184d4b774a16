r"""Claims in LaTeX: what each spelling is read as, what is refused where, what is ambiguous.

``READINGS`` and its like are tables: a spelling more is a line more. What this program prints as
LaTeX reads back to an equal expression; what does not is listed by its class.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from test_claim_cases import CASES as CLAIMS
from test_claim_cases import posed

import symderiv as sd
from symderiv.claims.deciding import Comparer
from symderiv.claims.latex_claims import stated
from symderiv.claims.reading import read_claim
from symderiv.cli.main import main
from symderiv.core.errors import AmbiguousTextError, LanguageError, SymderivError
from symderiv.core.expr import Expr, walk
from symderiv.notation.latex import latex
from symderiv.ops.text import text
from symderiv.ops.written import Writer
from symderiv.problems import ClaimText, Problem
from symderiv.problems.files import load_text
from symderiv.problems.library import names

IDENTITIES = json.loads(
    (Path(__file__).parent / "data/identities.json").read_text(encoding="utf-8")
)

SCALARS = dict.fromkeys(("a", "b", "c", "sigma", "lam", "mu", "T"), "scalar")
PROBLEMS: dict[str, Problem] = {
    "linear": sd.load("linear-layer"),
    "square": sd.problem("L(A @ B @ C)", A="n, n", B="n, n", C="n, n"),
    "mixed": sd.problem(
        "a * x.T @ A @ y + b * c * sum(z * x) + sigma * lam * mu * T + sum(X @ w)",
        **SCALARS,
        **dict.fromkeys("xyz", "n"),
        **dict.fromkeys("XY", "n, d"),
        A="n, n",
        w="d",
    ),
    "network": sd.problem(
        "Z = f(X @ W1 + ones(n) @ b1.T); y_hat = Z @ W_2 + W_x @ Wq; L(y_hat)",
        X="n, d",
        W1="d, h",
        W_2="h, m",
        b1="h",
        W_x="n, p",
        Wq="p, m",
        f="entrywise",
        x_bar="n",
        Sigma="d, d",
        eps="scalar",
    ),
    "scalars": sd.problem("a * sum(x)", a="scalar", x="n"),
    "word": sd.problem("XW = X @ W; L(XW)", X="n, n", W="n, n"),
}

READINGS = [
    # transposes and inverses
    ("linear", r"X^\top G", "X.T @ G"),
    ("linear", r"X^T G", "X.T @ G"),
    ("linear", r"X^{T}G", "X.T @ G"),
    ("linear", r"X^t G", "X.T @ G"),
    ("linear", r"X^{\mathsf T} G", "X.T @ G"),
    ("linear", r"X^{\mathrm{T}} G", "X.T @ G"),
    ("linear", r"X^\mathsf{T}G", "X.T @ G"),
    ("linear", r"X^\intercal G", "X.T @ G"),
    ("linear", r"X'G", "X.T @ G"),
    ("linear", r"{X}^{{\top}} G", "X.T @ G"),
    ("linear", r"(G^\top X)^\top", "(G.T @ X).T"),
    ("square", r"(AB)^{-1} C", "inv(A @ B) @ C"),
    ("square", r"A^{-\top} B^{-T}", "inv(A).T @ inv(B).T"),
    ("square", r"A^2 B^{-1}", "matrix_power(A, 2) @ inv(B)"),
    ("square", r"A^{-1\top}", "inv(A).T"),
    ("square", r"A^{\top -1}", "inv(A.T)"),
    ("square", r"A^{T-1}", "inv(A.T)"),
    ("square", r"A^{-1T}", "inv(A).T"),
    ("square", r"A^{-1,\top}", "inv(A.T)"),
    ("square", r"A^{-1'}", "inv(A.T)"),
    ("square", r"A^{-1^\top}", "inv(A.T)"),
    ("square", r"A^{\top^{-1}}", "inv(A.T)"),
    ("square", r"A^{(-1)\top}", "matrix_power(A.T, -1)"),
    ("square", r"A^{-2\top}", "matrix_power(A.T, -2)"),
    ("square", r"A^{-\top 2}", "matrix_power(A.T, -2)"),
    ("square", r"A^{2\top} B", "matrix_power(A.T, 2) @ B"),
    ("square", r"A^{\top 2} B", "matrix_power(A.T, 2) @ B"),
    ("square", r"A^{-2T}", "matrix_power(A.T, -2)"),
    ("square", r"A^{+}", "pinv(A)"),
    # products
    ("square", r"AB", "A @ B"),
    ("square", r"A \cdot B", "A @ B"),
    ("square", r"A \odot B", "A * B"),
    ("square", r"A \circ B", "A * B"),
    ("square", r"A \otimes B", "kron(A, B)"),
    ("square", r"A \oslash B", "A / B"),
    ("square", r"2 \times A", "2 * A"),
    ("square", r"2 \cdot 3 A", "2 * 3 * A"),
    ("square", r"\langle A, B \rangle C", "dot(A, B) * C"),
    ("mixed", r"x^\top A y \, x", "(x.T @ A @ y) * x"),
    ("mixed", r"A x^\top y", "A * (x.T @ y)"),
    ("mixed", r"x \cdot y", "x.T @ y"),
    ("mixed", r"x y^\top", "x @ y.T"),
    ("mixed", r"Xw \odot y", "(X @ w) * y"),
    ("mixed", r"X^\top y \odot w", "(X.T @ y) * w"),
    ("mixed", r"a \, b / c \cdot x", "a * b / c * x"),
    ("mixed", r"1/2 x", "1 / 2 * x"),
    ("mixed", r"\frac{x}{a}", "x / a"),
    ("mixed", r"\frac{1}{x}", "1 / x"),
    ("mixed", r"\frac12 x + \tfrac{1}{3} y - \dfrac a2 z", "1 / 2 * x + 1 / 3 * y - a / 2 * z"),
    # functions
    ("square", r"\operatorname{tr}(AB) C", "trace(A @ B) * C"),
    ("square", r"\tr A B", "trace(A @ B)"),
    ("square", r"\mathrm{tr}(A) B", "trace(A) * B"),
    ("mixed", r"\tr A x", "trace(A) * x"),
    ("square", r"A \otimes B \otimes C", "kron(kron(A, B), C)"),
    ("mixed", r"\frac{1}{n} \sum_{i=1}^n (x_i - y_i) z", "1 / n * Sum(i, (x[i] - y[i]) * z)"),
    ("square", r"\operatorname{tr} AB \operatorname{tr} C", "trace(A @ B) * trace(C)"),
    ("square", r"tr(AB) C", "trace(A @ B) * C"),
    ("square", r"|A| B", "det(A) * B"),
    ("square", r"\lvert A \rvert \det(B)", "det(A) * det(B)"),
    ("square", r"\log\det A", "logdet(A)"),
    ("square", r"\log |A| \, B", "logdet(A) * B"),
    ("square", r"\log\left|\det(A)\right|", "logdet(A)"),
    ("square", r"\operatorname{vec}(A)", "vec(A)"),
    ("square", r"A \operatorname{diag}(B \mathbf{1})", "A @ diag(B @ ones(n))"),
    ("square", r"\mathrm{diag}(A) + \text{diag}(B)", "diag(A) + diag(B)"),
    ("square", r"\exp(A)", "exp(A)"),
    ("square", r"\sigma(A)", "sigmoid(A)"),
    ("square", r"\sigma'(A)", "sigmoid(A) * (1 - sigmoid(A))"),
    ("square", r"\tanh'(A) \odot \tanh^2(A)", "(1 - tanh(A) ** 2) * tanh(A) ** 2"),
    ("square", r"\mathrm{ReLU}(A)", "relu(A)"),
    ("square", r"\operatorname{softmax}(A)", "softmax(A)"),
    ("mixed", r"\operatorname{softmax}(x)", "softmax(x, axis=0)"),
    ("square", r"\mathbf{1}_{A > 0} \odot B", "where(A > 0, 1, 0) * B"),
    ("square", r"\mathbb{1}[A > 0] \odot B", "where(A > 0, 1, 0) * B"),
    ("mixed", r"\log(a) x", "log(a) * x"),
    ("mixed", r"\sin a \cos b", "sin(a) * cos(b)"),
    ("mixed", r"e^{-a^2} x", "exp(-a ** 2) * x"),
    ("mixed", r"e^{x}", "exp(x)"),
    ("mixed", r"\ln a", "log(a)"),
    ("mixed", r"\sqrt{x}", "sqrt(x)"),
    ("mixed", r"\sqrt[3]{a} x", "a ** (1 / 3) * x"),
    ("mixed", r"\max(x, 0)", "maximum(x, 0)"),
    ("mixed", r"x^{\odot 2}", "x ** 2"),
    # norms
    ("mixed", r"\|x\|^2 x", "norm(x) ** 2 * x"),
    ("mixed", r"\lVert x \rVert_2^2", "norm(x) ** 2"),
    ("mixed", r"\left\| x \right\|_1", "norm1(x)"),
    ("mixed", r"\|x\|_\infty", "norminf(x)"),
    ("mixed", r"|a| x", "abs(a) * x"),
    ("square", r"\|A\|_F^2 A", "norm(A) ** 2 * A"),
    ("square", r"\|A\|_2", "norm(A, 2)"),
    ("square", r"\|A\|_*", 'norm(A, "nuc")'),
    # indices
    ("linear", r"\sum_i X_{i,:}^\top G_{i,:}", "Sum(i, X[i, :].T @ G[i, :])"),
    ("linear", r"\sum_{i=1}^n X_{i\cdot}^\top G_{i:}", "Sum(i, X[i, :].T @ G[i, :])"),
    ("linear", r"\sum_i X_{ip} G_{i,q}", "Sum(i, X[i, p] * G[i, q])"),
    ("square", r"\sum_{i,j} A_{ij} B_{ij} C", "Sum(i, Sum(j, A[i, j] * B[i, j] * C))"),
    ("square", r"\sum_i \sum_j A_{ij} B", "Sum(i, Sum(j, A[i, j] * B))"),
    ("square", r"\sum_i A_{ii} \sum_i B_{ii}", "Sum(i, A[i, i]) * Sum(i, B[i, i])"),
    ("square", r"\sum_i A_{ii} B + C", "Sum(i, A[i, i] * B) + C"),
    ("square", r"A_{12} B", "A[1, 2] * B"),
    ("square", r"(AB)_{ij}", "(A @ B)[i, j]"),
    ("square", r"A^\top_{ij}", "A.T[i, j]"),
    ("mixed", r"\delta_{ij} x_j", "delta(i, j) * x[j]"),
    ("mixed", r"x_i^2", "x[i] ** 2"),
    # constants
    ("linear", r"G^\top \mathbf{1}", "G.T @ ones(n)"),
    ("linear", r"G^\top \mathbf{1}_n", "G.T @ ones(n)"),
    ("linear", r"G^\top 1_n", "G.T @ ones(n)"),
    ("linear", r"G^\top \vec 1", "G.T @ ones(n)"),
    ("linear", r"G^\top \mathbb{1}", "G.T @ ones(n)"),
    ("square", r"A I + I_n B + \mathbf{I} C", "A @ eye(n) + eye(n) @ B + eye(n) @ C"),
    ("square", r"1 - A", "1 - A"),
    ("square", r"10^{-2} A", "10 ** -2 * A"),
    ("square", r"\mathbf{0} + A", "zeros(n, n) + A"),
    # names
    ("linear", r"\mathbf{X}^\top \boldsymbol{G}", "X.T @ G"),
    ("linear", r"\bm X^\top \mathcal{G}", "X.T @ G"),
    ("mixed", r"\lambda \mu x", "lam * mu * x"),
    ("mixed", r"\sigma x", "sigma * x"),
    ("mixed", r"\vec{x}", "x"),
    ("network", r"W^{(1)}", "W1"),
    ("network", r"W_1 W_{2}", "W1 @ W_2"),
    ("network", r"\hat{y}", "y_hat"),
    ("network", r"\widehat{\mathbf y}", "y_hat"),
    ("network", r"\bar x", "x_bar"),
    ("network", r"\Sigma \varepsilon", "Sigma * eps"),
    ("network", r"\mathbf{W}_q", "Wq"),
    ("network", r"(W_1)_{ij}", "W1[i, j]"),
    ("network", r"W_{1,ij}", "W1[i, j]"),
    ("network", r"f'(X W_1 + \mathbf{1} b_1^\top)", "fp(X @ W1 + ones(n) @ b1.T)"),
    ("network", r"f''(Z)", "fpp(Z)"),
    ("word", r"X W", "X @ W"),
    ("word", r"\mathit{XW}", "XW"),
    # given gradients
    ("linear", r"X^\top \frac{\partial L}{\partial Z}", "X.T @ G"),
    ("linear", r"X^\top \nabla_Z L", "X.T @ G"),
    ("linear", r"X^\top \partial_Z L", "X.T @ G"),
    ("linear", r"X^\top \frac{dL}{dZ}", "X.T @ G"),
    ("linear", r"\left(\frac{\partial \mathcal{L}}{\partial Z}\right)^\top X", "G.T @ X"),
    ("linear", r"\sum_i X_{ip} \frac{\partial L}{\partial Z_{iq}}", "Sum(i, X[i, p] * G[i, q])"),
    ("linear", r"X^\top dZ", "X.T @ G"),
    ("linear", r"X^\top \mathrm{d}Z", "X.T @ G"),
    ("network", r"\nabla_{\hat y} L \, W_2^\top", "G @ W_2.T"),
    # layout only
    ("linear", r"X^{\top} \, \! \; \quad ~ G.", "X.T @ G"),
    ("linear", r"\left( X \right)^\top \bigl[ G \bigr]", "X.T @ G"),
    ("linear", r"\underbrace{X^\top}_{\text{input}} {\color{red}{G}}", "X.T @ G"),
    ("linear", "Xᵀ".replace("ᵀ", "^⊤") + " G", "X.T @ G"),
    ("linear", "X^\\top % transposed\n G", "X.T @ G"),
]


@pytest.mark.parametrize(("problem", "formula", "expected"), READINGS)
def test_a_formula_is_read_as(problem: str, formula: str, expected: str) -> None:
    reading = read_claim(PROBLEMS[problem], formula, syntax="latex")
    assert reading.refusal is None
    assert text(reading.expr) == expected


AMBIGUOUS = [
    ("word", "XW", "XW, or X @ W", r"write \mathit{XW}"),
    ("mixed", "A^T", "A.T, or matrix_power(A, T)", r"write X^\top"),
    ("square", r"AB \odot C", "(A @ B) * C, or A @ (B * C)", r"(AB) \odot C"),
    ("square", r"A_{ij}^\top", "A.T[i, j], or A[i, j]", r"write (A^\top)_{ij}"),
    ("square", r"A_{ij}^2", "A[i, j] ** 2, or matrix_power(A, 2)[i, j]", "write (A_{ij})^2"),
    ("square", r"e^A", "exp(A) entry by entry, or expm(A)", r"write \exp(A)"),
    ("square", r"\sqrt{A}", "sqrt(A) entry by entry, or sqrtm(A)", "sqrtm"),
    ("square", r"\|A\|", r"\|X\| of a matrix has more than one meaning", r"\|X\|_F"),
    ("mixed", "a/bc", "a / b * c, or a / (b * c)", r"\frac{a}{bc}"),
    ("mixed", r"\log a b", "log(a) * b, or log(a * b)", r"write \log(a) b"),
    ("mixed", r"\log(a)^2 x", "log(a) ** 2, or log(a ** 2)", r"write (\log(a))^2"),
    ("mixed", r"\sigma(x)", "sigmoid(x), or sigma * x", r"\operatorname{sigmoid}"),
    ("mixed", r"x \otimes y", "x @ y.T, or kron(x, y)", r"write x y^\top"),
]


@pytest.mark.parametrize(("problem", "formula", "both", "remedy"), AMBIGUOUS)
def test_two_readings_are_shown(problem: str, formula: str, both: str, remedy: str) -> None:
    with pytest.raises(AmbiguousTextError) as error:
        read_claim(PROBLEMS[problem], formula, syntax="latex")
    assert both in error.value.subject
    assert remedy in error.value.remedy
    assert error.value.span is not None


REFUSED = [
    # problem, formula, what is wrong, what stands over the carets, remedy
    ("linear", r"X^\tpo G", r"the macro \tpo is not known", r"\tpo", r"did you mean \top"),
    ("linear", r"\hadamard X", r"\hadamard is not read here", r"\hadamard", r"\odot"),
    ("linear", r"\mathbb{E} X", r"\mathbb{E} is not read here", r"\mathbb{E}", "mean"),
    ("linear", r"\input{x}", r"\input is not read here", r"\input", "the formula itself"),
    ("linear", r"X & G", "a stray &", "&", "align"),
    ("linear", r"X^{\top G", "'{' is never closed", "{", "add '}'"),
    ("linear", r"(X G", "'(' is never closed", "(", "close it with )"),
    ("linear", r"(X ] G", "']' closes '('", "]", "close it with )"),
    ("linear", r"X G}", "'}' closes nothing", "}", "remove it"),
    ("linear", r"\left( X \right] G", r"\right] closes \left(", "]", "close it with )"),
    ("linear", r"V^\top G", "'V' is no name of the problem", "V", "there are: X, W, b, G, Z"),
    ("linear", r"\hat X G", "'Xhat' is no name", r"\hat X", "there are"),
    ("linear", r"X_i G", "X has two indices", "X_i", "X_{i,:} for the row"),
    ("linear", r"X^10", "LaTeX takes only 1", "10", "write ^{10}"),
    ("linear", r"X^{2}^{3}", "a second superscript", "^", "a^{b^c}"),
    ("linear", r"X^\dagger G", "can be an adjoint", r"\dagger", r"X^\top"),
    ("linear", r"X + \sum_i", "nothing is summed", r"\sum_i", "write what it sums"),
    ("linear", r"\sum_i X_{ip} G_{iq} + X_{iq}", "i is no longer bound", "i", "\\sum_i ("),
    ("linear", r"\sum_{i=0}^n X_{iq}", "indices start at 1", "{i=0}", r"\sum_{i=1}"),
    ("linear", r"X \odot", "a factor is missing", r"\odot", "write what is multiplied"),
    ("linear", r"X + + G", "a term is missing", "+", "write what is added"),
    ("linear", r"2 3 X", "two numbers side by side", "3", r"\cdot"),
    (
        "linear",
        r"\frac{\partial L}{\partial X} W",
        "with respect to X is not given",
        None,
        "G = dL/dZ",
    ),
    ("linear", r"X^\top \mathrm{d}W", "dW is no name", r"\mathrm{d}W", "G"),
    ("mixed", r"x_n", "n is a size", "n", "a letter of its own"),
    ("mixed", r"x^2", "a power of what is n x 1", "x^2", r"\odot 2"),
    ("mixed", r"a'", "a prime at the scalar a", "a'", "name of its own"),
    ("mixed", r"\|x\|_{\odot}", "the norm with this subscript is not read", r"{\odot}", r"\|x\|_2"),
    ("mixed", r"x \times y", r"\times of two arrays", r"x \times y", r"\odot"),
    ("mixed", r"|x|", "around what is n x 1", "|x|", r"\|x\|"),
    ("square", r"\frac{A}{B}", "a quotient by B", r"\frac{A}{B}", "B^{-1}"),
    ("square", r"A^{1/2}", "a root of a matrix", "A^{1/2}", "sqrtm"),
    ("square", r"A^{\top\top}", "the transpose in this superscript", r"{\top\top}", r"X^{-2\top}"),
    ("square", r"A^{2\top 3}", "the transpose in this superscript", r"{2\top 3}", r"(X^{-2})^\top"),
    ("square", r"(A_{12})^{-1T}", "in the exponent of the scalar", None, "leave it out"),
    ("scalars", r"a^T", "in the exponent of the scalar a", None, "declare what it stands for"),
    ("scalars", r"a^{-T}", "in the exponent of the scalar", None, "declare what it stands for"),
    ("scalars", r"a^{T-1}", "in the exponent of the scalar", None, "declare what it stands for"),
    ("network", r"W^{(3)}", "'W3' is no name", "W", "there are"),
    ("network", r"X^{(i)}", "no part of a name", "{(i)}", "X_{i,:}"),
]


@pytest.mark.parametrize(("problem", "formula", "subject", "marked", "remedy"), REFUSED)
def test_what_is_not_read_is_shown(
    problem: str, formula: str, subject: str, marked: str | None, remedy: str
) -> None:
    with pytest.raises(LanguageError) as error:
        read_claim(PROBLEMS[problem], formula, syntax="latex")
    found = error.value
    assert subject in found.subject
    assert remedy in found.remedy
    assert found.span is not None
    if marked is not None:
        line = found.span.text.split("\n")[found.span.line]
        assert line[found.span.start : found.span.stop] == marked


def test_shapes_that_do_not_fit_make_a_claim_wrong_and_not_unreadable() -> None:
    v = sd.check("linear-layer", wrt="W", claim="X G", syntax="latex")
    assert (v.verdict, v.correction) == ("wrong", "X.T @ G")
    v = sd.check("linear-layer", wrt="W", claim="X^T G + b", syntax="latex")
    assert v.verdict == "wrong"


HOSTILE = [
    "",
    "%",
    "X" * 10_000,
    "X " * 5_000,
    "X + " * 2_500 + "X",
    "(" * 5_000 + "X" + ")" * 5_000,
    "{" * 39 + "X" + "}" * 39,
    r"\frac{" * 1_000 + "X" + "}{2}" * 1_000,
    r"\mathbf" * 1_000 + "X",
    r"\hat" * 1_000,
    r"\sin" * 1_000,
    r"\log" * 35 + " a",
    r"\log a \frac{" * 30 + "a" + "}{b} b" * 30,
    r"\sqrt{" * 38 + "a" + "}" * 38,
    r"\left|" * 38 + "a" + r"\right|" * 38,
    r"a^{" * 38 + "a" + "}" * 38,
    r"\sigma(" * 38 + "a" + ")" * 38,
    r"\sigma(" * 18 + "a" + ")^2" * 18,
    "X" + "'" * 1_000,
    "|" * 1_001,
    "a/bc " * 200,
    r"\sum_i " * 300,
    r"\input{/etc/passwd}",
    r"\write18{ls}",
    r"\def\x{\x}\x",
    r"\begin{bmatrix} 1 \end{bmatrix}",
    r"\left( X",
    r"X \right)",
    "\\",
    "\x00",
    "X_{ij",
    "_",
    "^",
    "'",
    "&",
    "$$",
    "a,b",
    r"\langle x",
    r"\frac",
    r"\sqrt[",
    r"\sum",
    r"\nabla",
    r"X \nabla_{} L",
    r"\partial",
    r"\left\lfloor X \right\rfloor G",
    r"\mathbf{}",
    r"\text{for all } i",
    "é",
    "X_{" + "i" * 1_000 + "}",
    "9" * 5_000,
]


@pytest.mark.parametrize("formula", HOSTILE, ids=lambda f: f[:12])
def test_hostile_texts_are_read_or_refused_soon(formula: str) -> None:
    start = time.perf_counter()
    with suppress(SymderivError):
        (claim,) = stated(PROBLEMS["mixed"], ClaimText("dJ/dX", (formula,), syntax="latex"))
        read_claim(PROBLEMS["mixed"], claim.says[0], syntax="latex")
    assert time.perf_counter() - start < 10


# what an equation is about

SUBJECTS = [
    (r"\frac{\partial L}{\partial W_1} = X", "dL/dW1"),
    (r"\partial L/\partial W_1 = X", "dL/dW1"),
    (r"\nabla_{W_1} L = X", "dL/dW1"),
    (r"\nabla_{W_1} = X", "dL/dW1"),
    (r"\nabla_{W1} L = X", "dL/dW1"),
    (r"\nabla_{\mathbf{W}_1} \mathcal{L}(W_1) := X", "dL/dW1"),
    (r"\frac{dL}{dW_1} = X", "dL/dW1"),
    (r"dL/dW_q = X", "dL/dWq"),
    (r"\frac{\mathrm{d}L}{\mathrm{d}W_q} = X", "dL/dWq"),
    (r"\partial_{W_2} L = X", "dL/dW_2"),
    (r"\frac{\partial}{\partial W^{(1)}} L = X", "dL/dW1"),
    (r"dW_1 = X", "dL/dW1"),
    (r"\frac{\partial L}{\partial \hat{y}} = G", "dL/dy_hat"),
    (r"\frac{\partial L}{\partial (W_1)_{pq}} = X", "dL/dW1[p, q]"),
    (r"\frac{\partial L}{\partial W_{1,pq}} = X", "dL/dW1[p, q]"),
    (r"\left(\frac{\partial L}{\partial W_1}\right)_{p,q} = X", "dL/dW1[p, q]"),
    (r"\frac{\partial L}{\partial X_{ij}} = X", "dL/dX[i, j]"),
    (r"\frac{\partial L}{\partial X_{11}} = X", "dL/dX[1, 1]"),
]


def claims(formula: str, about: str = "", problem: str = "network") -> list[ClaimText]:
    return stated(PROBLEMS[problem], ClaimText(about, (formula,), syntax="latex"))


@pytest.mark.parametrize(("formula", "about"), SUBJECTS)
def test_a_left_hand_side_says_what_a_claim_is_about(formula: str, about: str) -> None:
    (claim,) = claims(formula)
    assert claim.about == about
    assert len(claim.says) == 1


NOT_ABOUT = [
    (r"X = G", "nothing says what this is about"),
    (r"\nabla L = G", "nothing says what this is about"),
    (r"\nabla_{} L = G", "nothing says what this is about"),
    (r"J_{} = G", "nothing says what this is about"),
    (r"\frac{\partial \hat y}{\partial X} = G", "not about the objective"),
    (r"\frac{\partial L}{\partial V} = G", "'V' is no name"),
    (r"\frac{\partial L}{\partial X^\top} = G", "not about its transpose"),
    (r"\frac{\partial L}{\partial X_{i,:}} = G", "a gradient or an entry of it"),
    (r"= G", "a side of the equation is missing"),
    (r"\nabla_X L =", "a side of the equation is missing"),
]


@pytest.mark.parametrize(("formula", "subject"), NOT_ABOUT)
def test_a_left_hand_side_that_is_no_gradient_is_refused(formula: str, subject: str) -> None:
    with pytest.raises(LanguageError, match=subject):
        claims(formula)


def test_what_is_asked_and_the_left_hand_side_agree() -> None:
    assert claims(r"\nabla_X L = G", "dL/dX")[0].about == "dL/dX"
    assert claims(r"\nabla L = G", "dL/dX")[0].about == "dL/dX"
    assert claims(r"\frac{\partial L}{\partial X_{ij}} = G_{ij}", "dL/dX")[0].about == "dL/dX[i, j]"
    with pytest.raises(LanguageError, match="is about dL/dX, and the claim about dL/dW1"):
        claims(r"\nabla_X L = G", "dL/dW1")


WRAPPED = [
    r"$\nabla_X L = G$",
    r"$$\nabla_X L = G.$$",
    r"\[ \nabla_X L = G, \]",
    "\\begin{equation} \\label{eq:a}\n \\nabla_X L = G % the claim\n\\end{equation}",
    r"\begin{align*} \nabla_X L &= G \nonumber \end{align*}",
    r"\begin{equation}\begin{split} \nabla_X L &= \\ & G \end{split}\end{equation}",
    "We find\n\\begin{align}\n\\nabla_X L &= G \\\\\n\\end{align}\nas $X$ is free.",
]


@pytest.mark.parametrize("formula", WRAPPED)
def test_environments_are_taken_off(formula: str) -> None:
    (claim,) = claims(formula)
    assert (claim.about, claim.says) == ("dL/dX", ("G",))


def test_every_equation_of_an_environment_is_a_claim() -> None:
    found = claims(
        r"\begin{align} \nabla_{W_1} L &= X^\top G \\ \nabla_{b_1} L &= G^\top \mathbf{1} \\"
        r" &\quad + 0 \end{align}"
    )
    assert [c.about for c in found] == ["dL/dW1", "dL/db1"]


def test_things_that_are_equal_are_a_chain() -> None:
    about_equal = ClaimText("equal", (r"X^\top G = (G^\top X)^\top = X' G",), syntax="latex")
    v = sd.claims.Checker(PROBLEMS["linear"]).check(about_equal)
    assert v.verdict == "right"
    assert v.read_as == "X.T @ G = (G.T @ X).T = X.T @ G"


# doors


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(list(args))
    out, err = capsys.readouterr()
    return int(str(stop.value.code)), out, err


def test_python_checks_a_claim_in_latex() -> None:
    v = sd.check("linear-layer", wrt="W", claim=r"X^\top G", syntax="latex")
    assert (v.verdict, v.read_as) == ("right", "X.T @ G")
    v = sd.check("L(X @ W)", claim=r"\nabla_W L = G^\top X", syntax="latex", X="n, d", W="d, m")
    assert (v.verdict, v.claim.about) == ("transposed", "dL/dW")
    entry = r"\frac{\partial L}{\partial W_{pq}} = \sum_i X_{ip} G_{iq}"
    assert sd.check("linear-layer", claim=entry, syntax="latex").verdict == "right"
    assert sd.check("linear-layer", wrt="W", claim="X.T @ G").read_as == ""


@pytest.mark.parametrize("claim", ["I", r"\operatorname{diag}(\mathbf{1})"])
def test_a_square_constant_is_no_gradient_of_another_shape(claim: str) -> None:
    v = sd.check(PROBLEMS["linear"], wrt="W", claim=claim, syntax="latex")
    assert v.verdict == "wrong"
    assert f"{claim} is d x d, not d x m" in v.diagnosis


def test_sizes_that_are_not_written_come_from_the_gradient() -> None:
    v = sd.check("trace(A) ** 2", wrt="A", claim=r"2 \tr(A) I", syntax="latex", A="n, n")
    assert (v.verdict, v.read_as) == ("right", "2 * trace(A) * eye(n)")
    v = sd.check("sum(x) + 0 * sum(y)", wrt="x", claim=r"\mathbf 1", syntax="latex", x="n", y="n")
    assert v.verdict == "right"
    v = sd.check("sum(x) + 0 * sum(y)", wrt="y", claim="0", syntax="latex", x="n", y="n")
    assert (v.verdict, v.read_as) == ("right", "zeros(n)")


def test_a_problem_is_not_stated_in_latex() -> None:
    with pytest.raises(sd.SymderivError, match="only claims are"):
        sd.problem(r"\|x\|^2", syntax="latex", x="n")


def test_the_command_line_checks_claims_in_latex(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    claim = r"\frac{\partial L}{\partial W} = X^\top G"
    code, out, _ = run(capsys, "check", "linear-layer", "--claim-latex", claim)
    assert code == 0
    assert "read as: X.T @ G" in out
    code, out, _ = run(
        capsys, "check", "linear-layer", "--wrt", "W", "--claim-latex", "G^T X", "--json"
    )
    assert code == 1
    assert json.loads(out)[0]["read_as"] == "G.T @ X"
    path = tmp_path / "claim.tex"
    path.write_text("\\begin{align}\n" + claim + " % mine\n\\end{align}\n", encoding="utf-8")
    assert run(capsys, "check", "linear-layer", "--claim-latex", f"@{path}")[0] == 0
    assert run(capsys, "check", "linear-layer", "--claim-latex", str(path))[0] == 0


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--claim-latex", "X^T G"], "nothing says what this is about"),
        (["--claim-latex", "X^{T G", "--wrt", "W"], "never closed"),
        (["--claim-latex", "@none.tex"], "cannot be read"),
        (["--claim-latex", "X", "--claim", "X", "--wrt", "W"], "two claims"),
        (["--claim-latex", r"\nabla_b L = X", "--wrt", "W"], "is about dL/db"),
        (["--claim-latex", ""], "empty input"),
    ],
)
def test_the_command_line_refuses_with_exit_code_2(
    args: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "check", "linear-layer", *args)
    assert code == 2
    assert message in out + err
    assert "Traceback" not in out + err


FILE = r"""
[variables]
X = "n, d"
W = "d, m"
[objective]
value = "L(X @ W)"
[[claims]]
latex = '\frac{\partial L}{\partial W} = X^\top G'
[[claims]]
about = "dL/dX"
latex = 'G^\top W'
[[claims]]
about = "equal"
latex = ['X^\top G', '(G^\top X)^\top']
"""


def test_problem_files_hold_claims_in_latex() -> None:
    d = sd.derive(load_text(FILE, "file"))
    assert [v.verdict for v in d.verdicts] == ["right", "wrong", "right"]
    both = FILE.replace("latex = 'G", "says = 'G'\nlatex = 'G")
    with pytest.raises(LanguageError, match="'says' and 'latex'"):
        load_text(both, "file")


# what is printed reads back

REFUSED_CLASSES = {
    "a sum over indices as an array": "is a name or a size already",
    "the derivative of a matrix power": "indices start at 1",
}


def printed() -> Iterator[tuple[str, Problem, Expr, str]]:
    """Yield every gradient of the library and of the published cases, and every claim."""
    for name in names():
        d = sd.derive(sd.load(name))
        for variable in d.problem.wrt:
            yield name, d.problem, d[variable].expr, d[variable].latex
    for name, case in IDENTITIES.items():
        if case["kind"] == "gradient":
            d = sd.derive(case["expr"], wrt=case["wrt"], **case["variables"])
            yield name, d.problem, d[case["wrt"]].expr, d[case["wrt"]].latex
    for case in CLAIMS:
        p = posed(case)
        reading = read_claim(p, case["claim"])
        if reading.refusal is None:
            yield case["id"], p, reading.expr, latex(Writer()(reading.expr))


def with_intermediates(p: Problem, x: Expr) -> Problem:
    """Return a problem that also defines the named parts of a derivation's result."""
    parts = [(str(e.data), e.args[0]) for e in walk(x) if e.op == "named"]
    return replace(p, definitions={**p.definitions, **dict(reversed(parts))})


def outcome(p: Problem, x: Expr, formula: str) -> str:
    """Return "equal", or the class of what is refused."""
    p = with_intermediates(p, x)
    try:
        reading = read_claim(p, formula, syntax="latex", shape=x.shape)
    except LanguageError as error:
        return next(c for c, words in REFUSED_CLASSES.items() if words in error.subject)
    assert reading.refusal is None, (formula, str(reading.refusal))
    assert reading.expr.shape == x.shape, formula
    same = reading.expr == x or Comparer(p, [reading.expr, x]).equal(reading.expr, x)
    assert same, (formula, text(reading.expr), text(x))
    return "equal"


@pytest.mark.parametrize(
    "every",
    [pytest.param(8, marks=pytest.mark.slow), pytest.param(1, marks=pytest.mark.exhaustive)],
)
def test_what_is_printed_reads_back_to_what_it_was(every: int) -> None:
    some = islice(printed(), None, None, every)
    found = Counter(outcome(p, x, formula) for _, p, x, formula in some)
    assert found["equal"] >= 0.95 * found.total()


# derivatives of definitions, which the program computes itself

FACTORED = {
    "layer": sd.problem("z = W @ x + b; h = tanh(z); L(h)", W="m, n", x="n", b="m"),
    "rows": sd.problem("Z = X @ W; H = tanh(Z); L(H)", X="n, d", W="d, m"),
    "fit": sd.problem(
        "g = A @ x - y; s = g.T @ g; 0.5 * s * a", A="m, n", x="n", y="m", a="scalar"
    ),
    "named": sd.problem("z = A @ x; L = exp(z.T @ z); L", A="n, n", x="n"),
    "both": sd.problem("z = A @ x; L(z) + 0.5 * z.T @ z", A="n, n", x="n"),
    "square": sd.problem("u = A @ x; v = tanh(B @ u); L(v)", A="n, n", B="n, n", x="n"),
}
FACTORS = [
    ("layer", "x", r"\frac{\partial L}{\partial z} \frac{\partial z}{\partial x}", "right"),
    ("layer", "x", r"\frac{\partial z}{\partial x} \frac{\partial L}{\partial z}", "right"),
    ("layer", "x", r"\left(\frac{\partial z}{\partial x}\right)^\top \nabla_z L", "right"),
    ("layer", "x", r"\left(\frac{\partial h}{\partial x}\right)^\top G", "right"),
    (
        "layer",
        "x",
        r"\frac{\partial L}{\partial h} \cdot \frac{\partial h}{\partial z} "
        r"\cdot \frac{\partial z}{\partial x}",
        "right",
    ),
    (
        "layer",
        "x",
        r"\left(\frac{\partial h}{\partial z} \frac{\partial z}{\partial x}\right)^\top G",
        "right",
    ),
    ("layer", "x", r"W^\top \nabla_z L", "right"),
    ("layer", "x", r"W^\top \frac{\partial L}{\partial h}", "wrong"),
    ("layer", "x", r"2 \frac{\partial L}{\partial z} \frac{\partial z}{\partial x}", "wrong"),
    ("layer", "W", r"\frac{\partial L}{\partial z} \frac{\partial z}{\partial W}", "right"),
    ("layer", "W", r"\nabla_z L \, x^\top", "right"),
    ("layer", "b", r"\frac{dL}{dz}", "right"),
    ("rows", "W", r"\frac{\partial \ell}{\partial Z} \frac{\partial Z}{\partial W}", "right"),
    ("rows", "W", r"X^\top \frac{\partial \ell}{\partial Z}", "right"),
    ("rows", "W", r"\frac{\partial L}{\partial H} \frac{\partial H}{\partial W}", "right"),
    ("rows", "W", r"X^\top \nabla_H L", "wrong"),
    ("fit", "x", r"A^\top \nabla_g L", "right"),
    ("fit", "x", r"\frac{dL}{ds} \frac{ds}{dg} \frac{dg}{dx}", "right"),
    ("fit", "x", r"\frac{1}{2} a \frac{\partial s}{\partial x}", "right"),
    ("fit", "x", r"a \frac{\partial s}{\partial x}", "wrong"),
    ("fit", "x", r"\nabla_x s \, \nabla_s L", "right"),
    ("named", "x", r"\frac{\partial L}{\partial z} \frac{\partial z}{\partial x}", "right"),
    ("both", "x", r"A^\top \frac{\partial L}{\partial z}", "wrong"),  # G is a part of it
    ("both", "x", r"\frac{\partial L}{\partial z} \frac{\partial z}{\partial x}", "wrong"),
    (
        "both",
        "x",
        r"\frac{\partial L}{\partial z} \frac{\partial z}{\partial x} + A^\top z",
        "right",
    ),
    ("named", "x", r"A^\top \frac{\partial L}{\partial z}", "right"),
    ("square", "x", r"\frac{\partial v}{\partial x}^\top G", "right"),
    ("square", "x", r"\frac{\partial v}{\partial x} G", "wrong"),  # a Jacobian has rows for v
    ("square", "x", r"A^\top \frac{\partial v}{\partial u}^\top G", "right"),
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("problem", "wrt", "formula", "verdict"), FACTORS)
def test_derivatives_of_definitions_are_computed(
    problem: str, wrt: str, formula: str, verdict: str
) -> None:
    found = sd.check(FACTORED[problem], wrt=wrt, claim=formula, syntax="latex")
    assert found.verdict == verdict


EMPTY = [
    ("layer", "dL/dh", r"\nabla_h L", "latex", "G"),
    ("layer", "dL/dh[i]", r"\frac{\partial L}{\partial h_i}", "latex", "G[i]"),
    ("layer", "dL/dz", r"\frac{\partial L}{\partial z}", "latex", "G * (1 - h ** 2)"),
    ("layer", "dL/dx", r"\nabla_x L", "latex", "W.T @ (G * (1 - h ** 2))"),
    ("layer", "dL/dx", r"\nabla_x L + x - x", "latex", "W.T @ (G * (1 - h ** 2))"),
    ("layer", "dL/dh", r"1 \cdot \nabla_h L", "latex", "G"),
    ("layer", "dL/dh", r"\frac{2}{2} \nabla_h L + 0", "latex", "G"),
    ("layer", "dL/dh", r"I \frac{\partial L}{\partial h}", "latex", "G"),
    ("layer", "dL/dh", "(dL/dh)", "python", "G"),
    ("layer", "dL/dx[i]", r"(\nabla_x L)_i", "latex", "(W.T @ (G * (1 - h ** 2)))[i]"),
    ("layer", "dL/dx", r"\nabla_x L = \frac{\partial L}{\partial x}", "latex", "W.T @ (G *"),
    ("layer", "dL/dx", r"\nabla_x L = \nabla_x L = \frac{dL}{dx}", "latex", "W.T @ (G *"),
    ("layer", "dz/dx", r"\frac{\partial z}{\partial x}", "latex", "W"),
    ("named", "dL/dx", r"\frac{\partial L}{\partial x}", "latex", "2 * L * A.T @ z"),
    ("line", "dy/dx", r"\frac{\partial y}{\partial x}", "latex", "A"),
    ("layer", "dL/dh", "dL/dh", "python", "G"),
    ("layer", "dL/dx", "(dL / dx)", "python", "W.T @ (G * (1 - h ** 2))"),
    ("layer", "dL/dx", "dL/dx; = dL/dx", "python", "W.T @ (G * (1 - h ** 2))"),
    ("deep", "dL/dP", "dP", "python", "dB @ V.T"),
]
FACTORED["line"] = sd.problem("y = A @ x; y", A="m, n", x="n")
FACTORED["deep"] = sd.problem(
    "A = X @ W; P = tanh(A); B = P @ V; Q = tanh(B); R = Q @ U; L(R)",
    **{"X": "n, d", "W": "d, d", "V": "d, d", "U": "d, d"},
)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("problem", "about", "says", "syntax", "right"), EMPTY)
def test_a_claim_that_says_only_what_it_is_about_is_not_right(
    problem: str, about: str, says: str, syntax: str, right: str
) -> None:
    found = sd.check(FACTORED[problem], about=about, claim=says, syntax=syntax)
    assert found.verdict == "undecided", found
    assert "itself; write what that comes to in " in found.diagnosis
    assert found.correction.startswith(right), found.correction


SAYING = [
    ("layer", "dL/dx", r"\nabla_x L = W^\top \nabla_z L", "latex", "right"),
    ("layer", "dL/dx", r"\nabla_x L = \nabla_x L = W^\top \nabla_z L", "latex", "right"),
    ("layer", "dL/dx", r"2 \nabla_x L", "latex", "wrong"),
    ("layer", "dL/dx", r"\nabla_x L = \nabla_x L = W^\top G", "latex", "wrong"),
    ("layer", "dL/db", r"\nabla_z L", "latex", "right"),
    ("layer", "dL/dh", "G", "python", "right"),
    ("deep", "dL/dW", "X.T @ dA", "python", "right"),
]


@pytest.mark.parametrize(("problem", "about", "says", "syntax", "verdict"), SAYING)
def test_a_claim_that_says_more_is_decided(
    problem: str, about: str, says: str, syntax: str, verdict: str
) -> None:
    found = sd.check(FACTORED[problem], about=about, claim=says, syntax=syntax)
    assert found.verdict == verdict, found


UNFACTORED = [
    (
        "layer",
        "x",
        r"\frac{\partial z}{\partial W} x",
        "is no matrix",
        "the chain",
    ),
    ("layer", "x", r"(\nabla_x z)^\top \nabla_z L", "or its transpose", r"\frac{\partial z}"),
    ("layer", "x", r"\frac{\partial z}{\partial h} G", "does not depend on it", "made of"),
    (
        "layer",
        "x",
        r"\frac{\partial L}{\partial b} \odot b",
        "with respect to b is not given",
        "G = dL/dh",
    ),
    (
        "named",
        "x",
        r"\frac{\partial L}{\partial A} x",
        "with respect to A is not given",
        "claims are about",
    ),
]


@pytest.mark.parametrize(("problem", "wrt", "formula", "subject", "remedy"), UNFACTORED)
def test_a_derivative_that_is_no_matrix_is_refused(
    problem: str, wrt: str, formula: str, subject: str, remedy: str
) -> None:
    with pytest.raises(LanguageError) as error:
        sd.check(FACTORED[problem], wrt=wrt, claim=formula, syntax="latex")
    assert subject in error.value.subject
    assert remedy in error.value.remedy
    assert error.value.span is not None


def test_how_a_derivative_was_read_is_said() -> None:
    claim = r"\left(\frac{\partial z}{\partial x}\right)^\top \frac{\partial L}{\partial z}"
    found = sd.check(FACTORED["layer"], wrt="x", claim=claim, syntax="latex")
    assert "dz/dx is the Jacobian, rows for z and columns for x" in found.read_as
    assert "dL/dz is the gradient, in the shape of z" in found.read_as


def test_lines_in_latex_are_a_chain() -> None:
    p = sd.problem("x.T @ A @ x", A="n, n", x="n")
    lines = [r"(A + A^\top) x", r"A x - A^\top x"]
    found = sd.check(p, wrt="x", claim=lines, syntax="latex")
    assert [line.status for line in found.lines] == ["holds", "breaks"]
    for written in (
        r"\nabla_x L = A x + A^\top x = (A + A^\top) x",
        r"\begin{aligned} \nabla_x L &= A x + A^\top x \\ &= (A + A^\top) x \end{aligned}",
    ):
        found = sd.check(p, claim=written, syntax="latex")
        assert [line.status for line in found.lines] == ["holds", "holds"]


def test_equations_about_different_things_are_claims_of_their_own() -> None:
    written = r"\nabla_W L = X^\top G \\ \nabla_b L = G^\top \mathbf 1"
    with pytest.raises(LanguageError, match="about dL/dW and dL/db"):
        sd.check("linear-layer", claim=written, syntax="latex")
