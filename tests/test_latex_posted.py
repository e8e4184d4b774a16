r"""LaTeX as people post it: left-hand sides that say the derivative in words of their own, old TeX.

``RIGHT`` and ``WRONG`` are tables of a problem, the variable, and formulas; what is neither is
refused, and never read as something else.
"""

from __future__ import annotations

import pytest

import symderiv as sd
from symderiv.core.errors import LanguageError

QUADRATIC = ("x.T @ A @ x", "x", {"A": "n, n", "x": "n"})
SQUARES = ("sum(x**2)", "x", {"x": "n"})
FIT = ("0.5*norm(W @ x - y)**2", "W", {"W": "m, n", "x": "n", "y": "m"})
LINE = ("0.5*norm(X @ w - y)**2", "w", {"X": "n, d", "w": "d", "y": "n"})
MAP = ("A @ x", "x", {"A": "m, n", "x": "n"})
TRACE = ("trace(inv(X))", "X", {"X": "n, n"})
NET = ("y = sigmoid(W @ x); L(y)", "x", {"W": "m, n", "x": "n"})

RIGHT = [
    *(
        (QUADRATIC, f"{left} = (A + A^\\top) x")
        for left in (
            r"f'(x)",
            r"f^\prime(x)",
            r"\nabla f",
            r"\nabla f(x)",
            r"\nabla_x f",
            r"\partial_x f",
            r"\dot f",
            r"\dot{f}(x)",
            r"f_x",
            r"\operatorname{grad} f",
            r"\mathrm{grad}\, f(x)",
            r"\nabla(x^\top A x)",
            r"(x^\top A x)'",
            r"\frac{\partial x^\top A x}{\partial x}",
            r"\frac{\partial}{\partial x} x^\top A x",
            r"\frac{\partial}{\partial x}(x^T A x)",
            r"\frac{d}{dx} x^\top A x",
            r"\nabla_x x^\top A x",
            r"\partial(x^\top A x)/\partial x",
            r"\mathcal{L}'",
            r"{\partial x^\top A x \over \partial x}",
            r"\frac{\mathrm{d}}{\mathrm{d}x}\left(x^\top A x\right)",
            r"J'(x)",
            r"\nabla_{\mathbf x} J",
        )
    ),
    *(
        (QUADRATIC, f"{left} = x^\\top (A + A^\\top)")
        for left in (
            r"Df",
            r"Df(x)",
            r"\mathrm{D} f(x)",
            r"D_x f",
            r"J_f(x)",
            r"\frac{\partial f}{\partial x^\top}",
            r"\frac{\partial x^\top A x}{\partial x^T}",
        )
    ),
    *(
        (QUADRATIC, formula)
        for formula in (
            r"df = x^\top(A + A^\top) dx",
            r"\mathrm{d}f = x^\top(A + A^\top)\, \mathrm{d}x",
            r"d(x^\top A x) = (dx)^\top (A + A^\top) x",
            r"dL = (A+A^T)x : dx",
            r"\delta L = \langle (A + A^T) x, \delta x \rangle",
            r"df = dx^T A x + x^T A dx",
        )
    ),
    *((SQUARES, f"{left} = 2x") for left in (r"f'", r"f'(x)", r"\frac{df}{dx}", r"L'(x)")),
    *(
        (FIT, formula)
        for formula in (
            r"\frac{\partial}{\partial W} \tfrac12 \lVert Wx - y\rVert^2 = (Wx-y)x^\top",
            r"dL = \operatorname{tr}(x (Wx-y)^\top dW)",
            r"dL = \operatorname{tr}\left(((Wx-y)x^\top)^\top dW\right)",
            r"dL = (Wx-y)x^\top : dW",
            r"dL = (Wx-y) : dW\,x",
            r"\mathrm{d}L = \operatorname{Tr}[x(Wx-y)^\top \mathrm{d}W]",
            r"\mathrm dL = (Wx - y)^T \, \mathrm dW \, x",
            r"\delta L = (Wx-y)x^\top : \delta W",
            r"{\partial L \over \partial W} = (W{\bf x} - {\bf y}){\bf x}^T",
        )
    ),
    *(
        (LINE, formula)
        for formula in (
            r"\sum_i (x_i^\top w - y_i) x_i",
            r"\sum_{i=1}^n (w^\top x_i - y_i) x_i",
            r"\frac{\partial L}{\partial w_j} = \sum_i x_{ij} (\sum_k x_{ik} w_k - y_i)",
            r"\frac{\partial L}{\partial w_k} = \sum_i (x_i^\top w - y_i) x_{ik}",
            r"\eqalign{\nabla_w L &= X^T(Xw - y) \cr &= X^TXw - X^Ty}",
        )
    ),
    *(
        (MAP, f"{left} = A")
        for left in (
            r"Df",
            r"f'(x)",
            r"J",
            r"J_f",
            r"\frac{\partial f}{\partial x}",
            r"\frac{\partial Ax}{\partial x}",
            r"\frac{\partial Ax}{\partial x^\top}",
            r"\frac{\partial}{\partial x} Ax",
        )
    ),
    (MAP, r"df = A\,dx"),
    *(
        (TRACE, formula)
        for formula in (
            r"\frac{\partial {\rm tr}(X^{-1})}{\partial X} = -(X^{-2})^T",
            r"{\partial\,{\rm tr}(X^{-1}) \over \partial X} = -X^{-T}X^{-T}",
            r"\begin{eqnarray} {\partial L\over\partial X} &=& -(X^{-2})^T \end{eqnarray}",
            r"dL = -{\rm tr}(X^{-1}\,dX\,X^{-1})",
        )
    ),
    (NET, r"W^\top \left(\frac{\partial L}{\partial y} \odot y \odot (1-y)\right)"),
    *(
        (SQUARES, formula)
        for formula in (
            r"\frac{\partial L}{\partial x_k} = 2 x_k",
            r"2 x + \left(\sum_{i=1}^{n-1} x_{i+1} x_i - x_{2:n}^\top x_{1:n-1}\right) x",
            r"2x \prod_i x_i^0",
        )
    ),
    *(
        (("trace(A @ X @ B)", "X", dict.fromkeys("AXB", "n, n")), formula)
        for formula in (
            r"\frac{\partial}{\partial X}\text{Tr}(AXB) = A^T B^T",
            r"{\partial\over\partial X}{\rm Tr}[AXB]=A^TB^T",
            r"\frac{\partial\,\mathrm{tr}(AXB)}{\partial X}=(BA)^T",
            r"\frac{\partial f}{\partial X_{ij}} = (BA)_{ji}",
        )
    ),
    *(
        (("logdet(X)", "X", {"X": "n, n invertible"}), formula)
        for formula in (
            r"d\log\det X = \operatorname{tr}(X^{-1}dX)",
            r"d(\ln\det X)={\rm tr}(X^{-1}\,dX)",
            r"\frac{\partial \log|X|}{\partial X} = X^{-\top}",
        )
    ),
    (NET, r"W^T (\nabla_y L \circ y \circ (1-y))"),
]

WRONG = [
    (QUADRATIC, r"f'(x) = 2Ax"),
    (QUADRATIC, r"\nabla f = A x"),
    (QUADRATIC, r"Df(x) = x^\top A"),
    (QUADRATIC, r"df = 2 x^\top A dx"),
    (QUADRATIC, r"f'(x) = x^\top A x"),
    (FIT, r"dL = 2(Wx-y)x^T : dW"),
    (FIT, r"\frac{\partial}{\partial W} \tfrac12 \lVert Wx - y\rVert^2 = 2(Wx-y)x^\top"),
    (LINE, r"\sum_i (x_i^\top w + y_i) x_i"),
    (MAP, r"Df = 2A"),
]

REFUSED = [
    (
        QUADRATIC,
        r"\frac{\partial y^\top A x}{\partial x} = (A + A^\top) x",
        "not about the objective",
    ),
    (QUADRATIC, r"\frac{\partial x^\top x}{\partial x} = 2x", "not about the objective"),
    (QUADRATIC, r"d(x^\top x) = 2 x^\top dx", "not about the objective"),
    (FIT, r"dL = (Wx-y)x^\top", "has no differential in it"),
    (FIT, r"dL = dW : dW", "is not linear in dW"),
    (LINE, r"\frac{a \over}{b}", "denominator is missing"),
    (LINE, r"\eqalign{X^T(Xw - y)", "never closed"),
    (MAP, r"\nabla f = A^\top", "the Jacobian or its transpose"),
]


@pytest.mark.parametrize("left", ["dL", r"\mathrm{d}L", "df"])
def test_a_differential_is_read_where_d_is_a_size(left: str) -> None:
    p = sd.problem("trace(M.T @ W)", M="n, d", W="n, d")
    for right in (r"\operatorname{tr}(M^\top dW)", "M : dW", r"\langle M, dW \rangle"):
        assert sd.check(p, wrt="W", claim=f"{left} = {right}", syntax="latex").verdict == "right"
    wrong = sd.check(p, wrt="W", claim=f"{left} = 2 M : dW", syntax="latex")
    assert wrong.verdict == "wrong"


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("problem", "formula"), RIGHT)
def test_a_right_formula_is_right_as_it_is_posted(problem: tuple, formula: str) -> None:
    text, wrt, variables = problem
    found = sd.check(sd.problem(text, **variables), wrt=wrt, claim=formula, syntax="latex")
    assert found.verdict == "right", found.read_as


@pytest.mark.parametrize(("problem", "formula"), WRONG)
def test_a_wrong_formula_is_wrong_as_it_is_posted(problem: tuple, formula: str) -> None:
    text, wrt, variables = problem
    found = sd.check(sd.problem(text, **variables), wrt=wrt, claim=formula, syntax="latex")
    assert found.verdict in ("wrong", "right-if")  # right for a symmetric A


@pytest.mark.parametrize(("problem", "formula", "subject"), REFUSED)
def test_what_could_be_misread_is_refused(problem: tuple, formula: str, subject: str) -> None:
    text, wrt, variables = problem
    with pytest.raises(LanguageError, match=subject):
        sd.check(sd.problem(text, **variables), wrt=wrt, claim=formula, syntax="latex")


def test_a_differential_says_the_gradient_that_was_read_from_it() -> None:
    text, wrt, variables = FIT
    p = sd.problem(text, **variables)
    found = sd.check(p, wrt=wrt, claim=r"dL = 2(Wx-y)x^T : dW", syntax="latex")
    assert (found.read_as, found.claim.about) == ("2 * (W @ x - y) @ x.T", "dL/dW")
    assert sd.check(p, claim=r"dL = (Wx-y)x^T : dW", syntax="latex").claim.about == "dL/dW"


def test_a_letter_that_is_read_as_a_constant_is_said() -> None:
    p = sd.problem("sum(exp(x))", x="n")
    found = sd.check(p, wrt="x", claim=r"e^{x} + 0 \pi x", syntax="latex")
    assert "pi = 3.14159.." in found.read_as


def test_a_sample_is_a_row_or_the_column_where_only_that_fits() -> None:
    claim = r"\sum_i (x_i^\top w - y_i) x_i"
    for text, shape, part in (
        ("0.5 * norm(X @ w - y)**2", "n, d", "X[i, :].T"),
        ("0.5 * norm(X.T @ w - y)**2", "d, n", "X[:, i]"),
    ):
        p = sd.problem(text, X=shape, w="d", y="n")
        found = sd.check(p, wrt="w", claim=claim, syntax="latex")
        assert found.verdict == "right"
        assert part in found.read_as
