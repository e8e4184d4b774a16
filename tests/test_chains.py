"""Claims of several lines: the first wrong one is named, and what became of those after it."""

from pathlib import Path

import pytest

import symderiv as sd
from symderiv.claims import Checker
from symderiv.claims.chains import told
from symderiv.claims.deciding import Comparer
from symderiv.claims.verdict import ClaimLine, Verdict
from symderiv.cli.main import main
from symderiv.core.errors import DeclarationError, InputError, LanguageError, ParseError
from symderiv.problems import ClaimText, problem

LINEAR = ("Z = X @ W + ones(n) @ b.T; L(Z)", {"X": "n, d", "W": "d, m", "b": "m"})
QUADRATIC = ("x.T @ A @ x", {"x": "n", "A": "n, n"})
LOGDET = ("logdet(A)", {"A": "n, n"})

GRADIENTS = [
    # all right, written in every way
    (LINEAR, "W", ["dL/dW = X.T @ G", "= (G.T @ X).T", "Sum(i, X[i, :].T @ G[i, :])"],
     "right", "holds holds holds"),
    # one line, with and without its left side
    (LINEAR, "W", ["dL/dW = X.T @ G"], "right", ""),
    (LINEAR, "W", ["= G.T @ X"], "transposed", ""),
    # the error is carried on, then mended
    (LINEAR, "W", ["X.T @ G", "-X.T @ G", "X.T @ (-G)", "X.T @ G"],
     "wrong", "holds breaks follows recovers"),
    (LINEAR, "W", ["2 * X.T @ G", "X.T @ G + X.T @ G"], "wrong", "breaks follows"),
    (LINEAR, "W", ["2 * X.T @ G", "X.T @ G"], "wrong", "breaks recovers"),
    # two errors
    (LINEAR, "W", ["X.T @ G", "2 * X.T @ G", "3 * X.T @ G"], "wrong", "holds breaks breaks"),
    # transposed all through
    (LINEAR, "W", ["G.T @ X", "(X.T @ G).T"], "transposed", "transposed follows"),
    (LINEAR, "W", ["G.T @ X", "2 * X.T @ G"], "wrong", "transposed breaks"),
    (LOGDET, "A", ["inv(A).T", "inv(A)", "inv(A.T)"], "transposed", "holds transposed recovers"),
    # shapes that do not fit, first, in the middle and last
    (LINEAR, "W", ["X.T @ G", "X @ G", "X.T @ G"], "wrong", "holds unreadable recovers"),
    (LINEAR, "W", ["X @ G", "X.T @ G"], "wrong", "unreadable recovers"),
    (LINEAR, "W", ["X.T @ G", "X @ G"], "wrong", "holds unreadable"),
    # under an assumption, which later lines may use
    (QUADRATIC, "x", ["(A + A.T) @ x", "2 * A @ x", "2 * A.T @ x"],
     "right-if", "holds right-if follows"),
    (QUADRATIC, "x", ["2 * A @ x", "A @ x"], "wrong", "right-if breaks"),
    # local definitions, one using the other
    (LINEAR, "W", ["S = X.T", "S @ G"], "right", "defines holds"),
    (LINEAR, "W", ["S = X.T", "T = -S", "= -T @ G", "T @ G"],
     "wrong", "defines defines holds breaks"),
    # free indices that are not those of the gradient
    (LINEAR, "W", ["X[i, :].T @ G[i, :]", "X[k, :].T @ G[k, :]", "X.T @ G"],
     "wrong", "breaks breaks recovers"),
    # what a chain is about: a definition
    (LINEAR, "Z", ["dL/dZ = G", "2 * G / 2", "G / 2"], "wrong", "holds holds breaks"),
]  # fmt: skip


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("of", "wrt", "lines", "verdict", "statuses"), GRADIENTS)
def test_every_line_gets_its_status(of, wrt, lines, verdict, statuses) -> None:
    found = sd.check(of[0], wrt=wrt, claim=lines, **of[1])
    assert found.verdict == verdict, found.diagnosis
    assert " ".join(x.status for x in found.lines) == statuses
    assert found.corrects == f"dL/d{wrt}"


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("of", "wrt", "lines", "verdict", "statuses"), GRADIENTS)
def test_correction_of_a_chain_equals_the_gradient(of, wrt, lines, verdict, statuses) -> None:
    found = sd.check(of[0], wrt=wrt, claim=lines, **of[1])
    p = problem(of[0], **of[1])
    truth = Checker(p).gradient(wrt)
    again = problem(f"{of[0].rpartition(';')[0]};{found.correction}".strip(";"), **of[1],
                    **{g: ", ".join(map(str, x.shape)) for g, x in p.upstream.items()})  # fmt: skip
    assert found.truth is truth
    assert Comparer(again, [again.objective, truth]).equal(again.objective, truth)


PROOFS = [
    (["trace(A @ B)", "trace(B @ A)"], "right", "holds holds"),
    (["trace(A @ B)", "trace(B @ A)", "sum(A * B.T)"], "right", "holds holds holds"),
    (["trace(A @ B)", "trace(B @ B)", "trace(B @ A)"], "wrong", "holds breaks recovers"),
    (["trace(A @ B)", "2 * trace(B @ B)", "trace(B @ B) * 2"], "wrong", "holds breaks follows"),
    (["trace(A @ B)", "trace(A.T @ B)", "trace(B @ A)"], "right-if", "holds breaks recovers"),
    (["A @ x", "x.T @ A.T", "A @ x"], "transposed", "holds breaks recovers"),
    (["A @ x", "x @ A", "A @ x"], "wrong", "holds unreadable recovers"),
    (["x @ A", "A @ x", "A @ x"], "wrong", "unreadable holds holds"),
    (["S = A @ x", "S + S", "2 * A @ x", "2 * x.T @ A.T"], "transposed",
     "defines holds holds breaks"),
    (["A[i, :] @ x", "Sum(j, A[i, j] * x[j])", "Sum(j, A[j, i] * x[i])"], "right-if",
     "holds holds breaks"),
    (["B[i, :]", "B[k, :]", "B[i, :]"], "wrong", "holds breaks recovers"),
    (["1 / (x - x)", "x", "x"], "wrong", "holds breaks follows"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "verdict", "statuses"), PROOFS)
def test_a_proof_needs_no_gradient(lines, verdict, statuses) -> None:
    found = sd.check(
        "sum(A @ x) + sum(B)", about="equal", claim=lines, A="n, n", B="n, n", x="n"
    )  # fmt: skip
    assert found.verdict == verdict, found.diagnosis
    assert " ".join(x.status for x in found.lines) == statuses


def test_a_problem_without_a_scalar_can_have_a_proof() -> None:
    assert sd.check("A @ x", about="equal", claim=["A @ x", "(x.T @ A.T).T"]).verdict == "right"


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["X.T @ G", "-X.T @ G", "X.T @ G"],
         "Line 2 is the first that is wrong: the sign is wrong; line 3 is right again."),
        (["G.T @ X", "X.T @ G"],
         "Line 1 is wrong already: it is the transpose; line 2 is right again."),
        (["-X.T @ G", "X.T @ (-G)", "(-G.T @ X).T", "(-1) * X.T @ G"],
         "Line 1 is wrong already: the sign is wrong; lines 2 to 4 only carry the error on."),
        (["S = X.T", "-S @ G", "S @ G"],
         "Line 2 is wrong already: the sign is wrong; line 3 is right again."),
    ],
)  # fmt: skip
def test_diagnosis_is_one_sentence(lines: list[str], words: str) -> None:
    assert sd.check(LINEAR[0], wrt="W", claim=lines, **LINEAR[1]).diagnosis == words


def test_slip_is_sought_against_the_line_before() -> None:
    lines = ["X.T @ X @ w - X.T @ y", "X.T @ (X @ w - y)", "X.T @ (X @ w + y)"]
    v = sd.check("0.5 * norm(X @ w - y)**2", wrt="w", claim=lines, X="n, d", w="d", y="n")
    assert v.correction == "X.T @ (X @ w - y)"
    lines = [lines[0], "X.T @ X @ w + X.T @ y"]
    v = sd.check("0.5 * norm(X @ w - y)**2", wrt="w", claim=lines, X="n, d", w="d", y="n")
    assert v.correction == "X.T @ X @ w - X.T @ y"


def test_place_of_shapes_that_do_not_fit_is_kept() -> None:
    v = sd.check(LINEAR[0], wrt="W", claim=["X.T @ G", "= X @ G", "X.T @ G"], **LINEAR[1])
    place = v.lines[1].place
    assert place is not None
    assert place.render().split("\n") == ["    X @ G", "      ^"]
    assert "d columns do not meet n rows" in v.diagnosis


@pytest.mark.parametrize(
    ("lines", "error", "words"),
    [
        (["X.T @ G", ""], ParseError, "line 2: empty input"),
        (["X.T @ G", "  "], ParseError, "line 2: empty input"),
        (["=", "X.T @ G"], ParseError, "line 1: empty input"),
        (["X.T @ G", "X.T @ @ G"], ParseError, "line 2"),
        (["X.T @ G", "X.T @ Q"], LanguageError, "line 2: 'Q' is not declared"),
        (["S.T @ G", "S = X"], LanguageError, "line 1: 'S' is not declared"),
        (["S = X.T", "X.T @ G"], ParseError, "line 1 defines S, and no later line uses it"),
        (["S = X.T", "T = S @ G"], ParseError, "no line claims anything"),
        (["S = X.T", "S = X", "S @ G"], DeclarationError, "line 2: 'S' is defined already"),
        (["W = X", "W.T @ G"], DeclarationError, "line 1: 'W' is a variable"),
        (["Z = X", "Z.T @ G"], DeclarationError, "line 1: 'Z' is defined already"),
        (["G = X", "X.T @ G"], DeclarationError, "line 1: 'G' is the given gradient"),
        (["d = X", "d.T @ G"], DeclarationError, "line 1: 'd' is a size"),
        (["e = X", "e.T @ G"], DeclarationError, "line 1: 'e' is a constant"),
        (["L = X", "L.T @ G"], DeclarationError, "line 1: 'L' is the objective"),
        (["lambda = X", "X.T @ G"], LanguageError, "line 1"),
        (["S = X[i, :]", "S.T @ G"], DeclarationError, "line 1: the definition of S has the free"),
        (["S = X @ G", "S"], LanguageError, "line 1: X is n x d and G is n x m"),
        (["dL/dX = X.T @ G", "X.T @ G"], ParseError, "line 1: the line is about dL/dX"),
        (["dL/dW[1, 1] = X", "X.T @ G"], ParseError, "line 1: the line is about dL/dW[1, 1]"),
        (["X.T @ G = X.T @ G", "X.T @ G"], ParseError, "line 1: the line has two sides"),
        (["dL/dW = X.T @ G = X.T @ G"], ParseError, "the line says two things"),
        ([], InputError, "the claim has no lines"),
        ([["X.T @ G"]], InputError, "list is no text"),
        ([1, 2], InputError, "int is no text"),
    ],
)
def test_lines_that_cannot_be_read_are_refused(lines, error, words) -> None:
    with pytest.raises(error) as caught:
        sd.check(LINEAR[0], wrt="W", claim=lines, **LINEAR[1])
    assert words in str(caught.value)


def test_an_equals_sign_inside_parentheses_is_no_left_side() -> None:
    lines = ["sum(G, axis=0).T", 'einsum("ij->j", G)', "Sum(i, G[i, :].T)"]
    assert sd.check(LINEAR[0], wrt="b", claim=lines, **LINEAR[1]).verdict == "right"


@pytest.mark.slow
def test_a_hundred_lines() -> None:
    lines = [f"X.T @ G * {k} / {k}" for k in range(1, 51)]
    lines += [f"2 * X.T @ G * {k} / {k}" for k in range(1, 51)]
    v = sd.check(LINEAR[0], wrt="W", claim=lines, **LINEAR[1])
    assert v.verdict == "wrong"
    assert v.diagnosis.startswith("Line 51 is the first that is wrong: ")
    assert v.diagnosis.endswith("; lines 52 to 100 only carry the error on.")


def test_long_histories_are_cut() -> None:
    lines = ["X.T @ G" if k % 2 else "2 * X.T @ G" for k in range(20)]
    v = sd.check(LINEAR[0], wrt="W", claim=lines, **LINEAR[1])
    assert v.diagnosis.endswith("; and so on.")
    assert len(v.diagnosis) < 250


def test_sizes_of_one() -> None:
    lines = ["2 * x", "x + x", "2 * x.T", "x"]
    v = sd.check("sum(x * x)", wrt="x", claim=lines, x="1")
    assert [x.status for x in v.lines] == ["holds", "holds", "holds", "breaks"]
    assert sd.check("s**2", wrt="s", claim=["2 * s", "s + s"], s="scalar").verdict == "right"


def test_other_syntax() -> None:
    lines = ["= X' * G", "(G' * X)'"]
    p = problem(LINEAR[0], **LINEAR[1])
    assert sd.check(p, wrt="W", claim=lines, syntax="matrixcalculus").verdict == "right"


def test_entry_chains() -> None:
    lines = ["dL/dW[p,q] = Sum(i, X[i, p] * G[i, q])", "= Sum(i, X[i, q] * G[i, p])"]
    v = sd.check(LINEAR[0], about="dL/dW[p, q]", claim=lines, **LINEAR[1])
    assert [x.status for x in v.lines] == ["holds", "unreadable"]
    assert v.slips[0] == "index-swap"


def test_problem_file_and_documents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "chain.toml"
    path.write_text(
        '[variables]\nA = "n, n"\nx = "n"\n[objective]\nvalue = "x.T @ A @ x"\nwrt = ["x"]\n'
        '[[claims]]\nabout = "dL/dx"\nsays = ["(A + A.T) @ x", "A @ x - A.T @ x", "A @ x"]\n',
        encoding="utf-8",
    )
    with pytest.raises(SystemExit) as caught:
        main(["check", str(path)])
    assert caught.value.code == 1
    out = capsys.readouterr().out
    assert "    1  holds   (A + A.T) @ x\n    2  breaks  A @ x - A.T @ x\n" in out
    assert "  wrong: A @ x - A.T @ x\n               ^\n" in out
    sd.derive(sd.load(path)).write(tmp_path / "out", formats=["md"])
    text = (tmp_path / "out" / "derivation.md").read_text(encoding="utf-8")
    assert "Is every line right?" in text
    assert r"\underline{A^{\top} \mathbf{x}}" in text


def test_command_line_takes_lines_and_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lines.txt"
    path.write_text("# homework\n\nX.T @ G  # by the product rule\n= G.T @ X\n", encoding="utf-8")
    for claims in (["--claim", "X.T @ G", "--claim", "= G.T @ X"], ["--claim", f"@{path}"]):
        with pytest.raises(SystemExit) as caught:
            main(["check", "L(X @ W)", "--wrt", "W", *claims])
        assert caught.value.code == 1
        assert "2  transposed  = G.T @ X" in capsys.readouterr().out
    path.write_text("# nothing\n", encoding="utf-8")
    for file in (path, tmp_path / "none.txt"):
        with pytest.raises(SystemExit) as caught:
            main(["check", "L(X @ W)", "--wrt", "W", "--claim", f"@{file}"])
        assert caught.value.code == 2


def test_data_for_machines_holds_the_lines() -> None:
    p = problem(LINEAR[0], **LINEAR[1])
    data = Checker(p).check(ClaimText("dL/dW", ("X.T @ G", "-X.T @ G"))).as_dict()
    assert [x["status"] for x in data["lines"]] == ["holds", "breaks"]
    assert data["marked"] == {"text": "-X.T @ G", "places": [[0, 1]]}


def test_the_cause_of_a_line_is_said_whole_and_nothing_else_of_its_diagnosis() -> None:
    claim, cause = ClaimText("dL/dW", ("X",)), "it is 1. X times too large"
    found = Verdict(claim=claim, verdict="wrong", diagnosis="It is. More of it.", cause=cause)
    line = ClaimLine(number=1, text="X", status="breaks")
    assert told(found, 1, [line]) == f"Line 1 is wrong already: {cause}."
