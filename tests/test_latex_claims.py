"""Claims in LaTeX: what is read, what is refused, and our own formulas read back."""

from __future__ import annotations

from pathlib import Path

import pytest

import symderiv as sd
from symderiv import library
from symderiv.cli.main import main
from symderiv.errors import LanguageError, SymderivError

LAYER = sd.load("linear-layer")
QUADRATIC = sd.problem("x.T @ A @ x", A="n, n", x="n")
LEAST = sd.problem("0.5 * norm(X @ w - y) ** 2", X="n, d", w="d", y="n")
TANH = sd.problem("Z = X @ W; L(f(Z))", X="n, d", W="d, m", f="entrywise")
LOGDET = sd.problem("logdet(S) + trace(inv(S) @ A)", S="p, p", A="p, p")

READ = [
    (LAYER, "W", r"X^\top G", "right"),
    (LAYER, "W", r"X^{\mathsf{T}} G", "right"),
    (LAYER, "W", r"\mathbf{X}^T \mathbf{G}", "right"),
    (LAYER, "W", r"X' G", "right"),
    (LAYER, "W", r"\left(G^\top X\right)^{T}", "right"),
    (LAYER, "W", r"G^\top X", "transposed"),
    (LAYER, "W", r"X^\top \frac{\partial L}{\partial Z}", "right"),
    (LAYER, "W", r"-X^\intercal \nabla_Z L", "wrong"),
    (LAYER, "b", r"G^\top \mathbf{1}_n", "right"),
    (LAYER, "b", r"G^\top \mathbf 1", "right"),
    (QUADRATIC, "x", r"(A + A^\top) x", "right"),
    (QUADRATIC, "x", r"2 A x", "right-if"),
    (QUADRATIC, "x", r"2 x^\top A", "wrong"),
    (QUADRATIC, "A", r"x x^\top", "right"),
    (LEAST, "w", r"X^{\top}(X \mathbf{w} - \mathbf{y})", "right"),
    (LEAST, "w", r"2 X^{\top}(X w - y)", "wrong"),
    (TANH, "W", r"X^\top (G \odot f'(Z))", "right"),
    (TANH, "W", r"X^\top (G f'(Z))", "wrong"),
    (LOGDET, "S", r"S^{-\top} - S^{-T} A^\top S^{-\top}", "right"),
    (LOGDET, "S", r"S^{-1} - S^{-1} A S^{-1}", "transposed"),
]


@pytest.mark.parametrize(("problem", "wrt", "claim", "verdict"), READ, ids=[r[2] for r in READ])
def test_usual_spellings_are_read(problem: sd.Problem, wrt: str, claim: str, verdict: str) -> None:
    found = sd.check(problem, wrt=wrt, claim=claim, syntax="latex")
    assert found.verdict == verdict, found.read_as


@pytest.mark.parametrize(
    "claim",
    [
        r"\frac{\partial L}{\partial W} = X^\top G",
        r"\dfrac{\partial L}{\partial W} = X^\top G",
        r"\partial L / \partial W = X^\top G",
        r"\nabla_W L = X^\top G",
        r"\frac{\partial L}{\partial W_{pq}} = \sum_{i=1}^n X_{ip} G_{iq}",
        r"\frac{\partial L}{\partial W_{pq}} = \sum_i G_{i,q} X_{i,p}",
        "\\begin{align*}\n\\frac{\\partial L}{\\partial W} &= X^\\top G \\\\\n\\end{align*}",
        r"\[ \frac{\partial L}{\partial W} = X^\top G \]",
    ],
)
def test_left_hand_sides_say_what_a_claim_is_about(claim: str) -> None:
    assert sd.check(LAYER, claim=claim, syntax="latex").verdict == "right"


def test_the_reading_is_shown() -> None:
    found = sd.check(LAYER, wrt="W", claim=r"\mathbf X^\top G", syntax="latex")
    assert found.read_as == "X.T @ G"


def test_lines_in_latex_are_a_chain() -> None:
    lines = [r"(A + A^\top) x", r"A x - A^\top x"]
    found = sd.check(QUADRATIC, wrt="x", claim=lines, syntax="latex")
    assert [line.status for line in found.lines] == ["holds", "breaks"]
    text = r"\begin{aligned} \nabla_x L &= A x + A^\top x \\\\ &= (A + A^\top) x \end{aligned}"
    found = sd.check(QUADRATIC, claim=text, syntax="latex")
    assert [line.status for line in found.lines] == ["holds", "holds"]


def test_equations_about_different_things_are_claims_of_their_own() -> None:
    text = r"\nabla_W L = X^\top G \\\\ \nabla_b L = G^\top \mathbf 1"
    with pytest.raises(LanguageError, match="about dL/dW and dL/db"):
        sd.check(LAYER, claim=text, syntax="latex")


@pytest.mark.parametrize(
    ("claim", "words"),
    [
        (r"X^\foo G", "\\foo is not known"),
        (r"\frac{X^\top}{", "is never closed"),
        (r"X^\top Q", "Q"),
        (r"\input{secret}", "\\input"),
        (r"\write18{ls}", "\\write"),
        ("", ""),
        (r"X^\top G }", ""),
        ("{" * 500 + "X" + "}" * 500, ""),
        (r"\left( X", "is never closed"),
        ("X" * 10_000, ""),
    ],
)
def test_what_cannot_be_read_is_refused(claim: str, words: str) -> None:
    with pytest.raises(SymderivError) as failure:
        sd.check(LAYER, wrt="W", claim=claim, syntax="latex")
    assert words in str(failure.value)


def test_a_left_hand_side_about_something_else_is_refused() -> None:
    with pytest.raises(LanguageError, match="about dL/dW"):
        sd.check(LAYER, wrt="b", claim=r"\frac{\partial L}{\partial W} = X^\top G", syntax="latex")


def test_two_readings_that_both_fit_are_shown() -> None:
    p = sd.problem("T * trace(X.T @ Y)", X="n, n", Y="n, n", T="scalar")
    with pytest.raises(LanguageError, match="two ways"):
        sd.check(p, wrt="Y", claim="T X^T", syntax="latex")


# An einsum without a matrix form is printed with a bracket that is not read back.
NOT_READ = {"convolution-1d", "convolution-2d"}


@pytest.mark.parametrize("name", [n for n in library.names() if n not in NOT_READ][::4])
def test_our_own_formulas_read_back(name: str) -> None:
    d = sd.derive(name)
    for wrt, result in d.items():
        found = sd.check(d.problem, wrt=wrt, claim=result.latex, syntax="latex")
        assert found.verdict == "right", (wrt, result.latex, found.read_as)


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in library.names() if n not in NOT_READ])
def test_every_formula_of_the_library_reads_back(name: str) -> None:
    test_our_own_formulas_read_back(name)


def test_command_line_and_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*args: str) -> int:
        with pytest.raises(SystemExit) as stopped:
            main(("check", *args))
        return int(str(stopped.value.code))

    claim = r"\frac{\partial L}{\partial W} = X^\top G"
    assert run("linear-layer", "--claim-latex", claim) == 0
    assert "read as: X.T @ G" in capsys.readouterr().out
    path = tmp_path / "claim.tex"
    path.write_text(f"% mine\n\\begin{{equation}}\n{claim}\n\\end{{equation}}\n", encoding="utf-8")
    assert run("linear-layer", "--claim-latex", str(path)) == 0
    assert run("linear-layer", "--claim-latex", f"@{path}") == 0
    capsys.readouterr()
    assert run("linear-layer", "--claim-latex", "X G") == 2
    assert "nothing says what this is about" in capsys.readouterr().err
    problem = tmp_path / "layer.toml"
    problem.write_text(
        '[variables]\nX = "n, d"\nW = "d, m"\n[objective]\nvalue = "L(X @ W)"\n'
        "[[claims]]\nlatex = '\\nabla_W L = X^\\top G'\n",
        encoding="utf-8",
    )
    assert run(str(problem)) == 0
