"""Many claims at once: sheets are read, answered in order, and reported in every format."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import symderiv as sd
from symderiv.cli.main import main
from symderiv.core.errors import InputError, ProblemFileError
from symderiv.results import Answers, check_all

LAYER = 'problem = "L(X @ W + ones(n) @ b.T)"\nvariables = { X = "n, d", W = "d, m", b = "m" }\n'
SHEET = f"""
title = "Homework 3"
[[check]]
name = "Ada"
{LAYER}
wrt = "W"
claim = "X.T @ G"
[[check]]
name = "Bob"
{LAYER}
about = "dL/dW[p, q]"
claim = "G[i, p] * X[i, q]"
[[check]]
name = "Cleo"
problem = "x.T @ A @ x"
wrt = "x"
claim = ["(A + A.T) @ x", "2 * A @ x"]
[[check]]
problem = "softmax-cross-entropy"
wrt = "Z"
claim = "softmax(Z) - T"
[[check]]
problem = "L(X @ W"
wrt = "W"
claim = "X"
[[check]]
problem = "A @ sin(x)"
wrt = "x"
claim = "A * cos(x)"
[[check]]
problem = "A @ sin(x)"
wrt = "x"
claim = "A @ diag(cos(x)) * sqrt(q)"
"""
FOUND = ["right", "wrong", "right-if", "wrong", "unreadable", "wrong", "unreadable"]


@pytest.fixture
def sheet(tmp_path: Path) -> Path:
    path = tmp_path / "homework.toml"
    path.write_text(SHEET, encoding="utf-8")
    return path


def test_answers_keep_the_order_of_the_claims(sheet: Path) -> None:
    answers = sd.check(sheet)
    assert isinstance(answers, Answers)
    assert [a.status for a in answers] == FOUND
    assert [a.name for a in answers][:4] == ["Ada", "Bob", "Cleo", "homework 4"]
    assert answers.counts == {"right": 1, "right-if": 1, "wrong": 3, "unreadable": 2}
    assert answers.exit_code == 2
    assert answers[2].why == "A is symmetric"
    assert "never closed" in answers[4].reason
    assert "^" in answers[6].reason


@pytest.mark.slow
def test_processes_side_by_side_give_the_same_bytes(sheet: Path) -> None:
    one, two = check_all(sheet), check_all(sheet, jobs=2)
    assert one.files(["md", "tex", "json"]) == two.files(["md", "tex", "json"])


def test_lines_of_json_are_the_same_claims(tmp_path: Path) -> None:
    path = tmp_path / "claims.jsonl"
    rows = [
        {"problem": "sum(X @ w)", "wrt": "w", "claim": "X.T @ ones(n)", "variables": {"X": "n, d"}},
        {"problem": "0.5 * x.T @ x", "wrt": "x", "claim": "2 * x", "name": "half"},
    ]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n\n", encoding="utf-8")
    answers = check_all(path)
    assert [(a.name, a.status) for a in answers] == [("claims 1", "right"), ("half", "wrong")]


def test_a_file_beside_the_sheet_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "layer.toml").write_text(
        '[variables]\nX = "n, d"\nW = "d, m"\n[objective]\nvalue = "L(X @ W)"\n', encoding="utf-8"
    )
    sheet = tmp_path / "sheet.toml"
    sheet.write_text(
        '[[check]]\nproblem = "layer.toml"\nwrt = "X"\nclaim = "G @ W.T"\n', encoding="utf-8"
    )
    assert check_all(sheet).counts == {"right": 1}


def test_a_ready_made_problem_is_answered_on_one_page(tmp_path: Path) -> None:
    answers = sd.check("linear-layer")
    page = answers.files(["md", "pdf"])
    assert (
        page["answers.pdf"].count(b"/Type /Page\n") + page["answers.pdf"].count(b"/Type/Page/") <= 1
    )
    text = page["answers.md"].decode()
    assert text.count("**No.**") == 3
    assert "The claim, and the right form:" in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[check]]\nwrt = "x"\nclaim = "x"\n', "no 'problem'"),
        ('[[check]]\nproblem = "x.T @ x"\nwrt = "x"\n', "no 'claim'"),
        ('[[check]]\nproblem = "x.T @ x"\nclaim = "x"\n', "needs wrt or about"),
        ('[[check]]\nproblem = "x.T @ x"\nclaims = "x"\n', "did you mean 'claim'"),
        ('[[check]]\nproblem = 3\nwrt = "x"\nclaim = "x"\n', "not a text"),
        ('[[check]]\nproblem = "x.T @ x"\nwrt = "x"\nclaim = "x"\norder = 3\n', "order is 3"),
        ("check = 3\n", "not a list of tables"),
        ("check = []\n", "no claim to check"),
        ("[[check]\n", "is not TOML"),
    ],
)
def test_malformed_sheets_are_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProblemFileError) as failure:
        check_all(path)
    assert words in str(failure.value)


def test_lines_that_are_no_objects_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    for text in ("{", "[1]"):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ProblemFileError, match="line 1"):
            check_all(path)


def test_a_text_without_a_claim_is_refused() -> None:
    with pytest.raises(InputError, match="wrt= and claim="):
        sd.check("x.T @ x")


def run(*args: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(args)
    return int(str(stopped.value.code))


@pytest.mark.slow
def test_command_line(sheet: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", str(sheet), "linear-layer", "-j", "2", "-o", str(tmp_path / "report")) == 2
    out = capsys.readouterr().out
    assert "10 claims: 1 right, 1 right-if, 6 wrong, 2 unreadable" in out
    assert sorted(p.name for p in (tmp_path / "report").iterdir()) == [
        "answers-body.tex",
        *(f"answers.{end}" for end in ("json", "md", "pdf", "tex")),
    ]
    assert run("check", str(sheet), "--json") == 2
    data = json.loads(capsys.readouterr().out)
    assert [d["verdict"] for d in data] == FOUND
    assert data[0]["name"] == "Ada"


def test_command_line_refuses_what_a_sheet_says_itself(
    sheet: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("check", str(sheet), "--wrt", "W", "--claim", "X") == 2
    assert "leave out" in capsys.readouterr().err
    assert run("check", str(sheet.parent / "missing.toml")) == 2
    assert "cannot be read" in capsys.readouterr().err
    assert run("check", str(sheet), "--format", "doc", "-o", "x") == 2
    assert "no format 'doc'" in capsys.readouterr().err
