"""The command line: what it prints, writes and exits with; never a traceback."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from symderiv.cli.main import main

XWB = ["--var", "X: n, d", "--var", "W: d, m", "--var", "b: m"]


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    """Run the command line in this process; return exit code, output and errors."""
    with pytest.raises(SystemExit) as stopped:
        main(list(args))
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    return int(stopped.value.code or 0), out, err


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    for command in ("derive", "check", "equal", "verify", "list"):
        assert command in out
        assert run(capsys, command, "--help")[0] == 0


def test_help_does_not_load_sympy_or_numpy() -> None:
    code = (
        "import sys\nfrom symderiv.cli.main import main\ntry:\n    main(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "print([m for m in ('sympy', 'numpy', 'jinja2', 'typst') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_derive_prints_result_steps_and_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "derive", "linear-layer", "--wrt", "W")
    assert code == 0
    assert "∂L/∂W = Xᵀ G" in out
    assert "X.T @ G" in out
    assert "matrix product, read right to left" in out
    last = out.strip().splitlines()[-1]
    assert last.startswith("checked: index road and SymPy entries agree exactly")


def test_derive_prints_every_entry(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "derive", "linear-layer", "--wrt", "W", "--style", "entries")
    assert code == 0
    assert "Z₁₂ = X₁₁ W₁₂ + X₁₂ W₂₂ + b₂" in out
    assert "∂L/∂W₂₁ = X₁₂ G₁₁ + X₂₂ G₂₁" in out
    assert "matrix product" not in out


def test_derive_prints_back_how_undeclared_names_were_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, _ = run(capsys, "derive", "x.T @ A @ x", "--wrt", "x")
    assert code == 0
    assert "x: n; A: n, n" in out
    assert "(A + A.T) @ x" in out


def test_derive_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "derive", "linear-layer", "--json")
    data = json.loads(out)
    assert code == 0
    assert data["gradients"]["W"]["text"] == "X.T @ G"
    assert data["gradients"]["W"]["index_form"] == "Sum(k, X[k, p] * G[k, q])"
    assert data["certificate"]["roads"][0]["pattern"] == "X.T @ G"


@pytest.mark.slow
def test_derive_writes_what_is_asked_for(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    code, out, _ = run(capsys, "derive", "linear-layer", "-o", str(folder), "--format", "md,py")
    assert code == 0
    assert sorted(p.name for p in folder.iterdir()) == [
        "certificate.json",
        "derivation.md",
        "linear_layer.py",
        "test_linear_layer.py",
    ]
    assert f"wrote {folder / 'derivation.md'}" in out
    assert run(capsys, "verify", str(folder))[0] == 0
    certificate = folder / "certificate.json"
    whole = certificate.read_text()
    for old, new in (
        ('"entries": 108', '"entries": 9'),
        ('"verdict": "wrong"', '"verdict": "right"'),
    ):
        assert old in whole
        certificate.write_text(whole.replace(old, new))
        assert run(capsys, "verify", str(folder))[0] == 1
    certificate.write_text("{}")
    assert run(capsys, "verify", str(folder))[0] == 2
    certificate.write_text(whole)
    (folder / "linear_layer.py").write_text("tampered")
    code, out, _ = run(capsys, "verify", str(folder))
    assert code == 1
    assert "differs: linear_layer.py" in out


def test_check_of_a_problem_file(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "check", "linear-layer")
    assert code == 1
    assert out.count("  No. ") == 3
    assert out.count("counterexample: n = 2") == 3


@pytest.mark.parametrize(
    ("claim", "code"), [("X.T @ G", 0), ("G.T @ X", 1), ("2 * X.T @ G", 1), ("X.T @ Q", 2)]
)
def test_check_exits_with_the_verdict(
    capsys: pytest.CaptureFixture[str], claim: str, code: int
) -> None:
    text = "L(X @ W + ones(n) @ b.T)"
    assert run(capsys, "check", text, "--wrt", "W", "--claim", claim)[0] == code
    assert run(capsys, "check", text, *XWB, "--wrt", "W", "--claim", claim)[0] == code


def test_check_says_so_where_nothing_decides(capsys: pytest.CaptureFixture[str]) -> None:
    claim = ("--wrt", "x", "--claim", "sqrt(-exp(x)) / 2")
    code, out, _ = run(capsys, "check", "sum(sqrt(-exp(x)))", *claim)
    assert code == 1
    assert "Not decided. No point was found" in out


def test_check_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "check", "linear-layer", "--json")
    assert code == 1
    assert [v["verdict"] for v in json.loads(out)] == ["wrong"] * 3


def test_equal_exits_with_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "equal", "(A @ B).T", "B.T @ A.T")[0] == 0
    assert run(capsys, "equal", "A @ B", "B @ A", "--var", "A: n, n", "--var", "B: n, n")[0] == 1
    assert run(capsys, "equal", "A @ B", "B @")[0] == 2


def test_list_shows_the_ready_made_problems(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "list")
    assert code == 0
    (line,) = (line for line in out.splitlines() if line.startswith("  linear-layer "))
    assert line.split(maxsplit=1)[1].startswith("Position-wise linear layer: Z = X @ W")
    assert max(map(len, out.splitlines())) <= 102


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["derive"], "Missing argument"),
        (["derive", ""], "empty input"),
        (["derive", "linear-layr"], "ready-made: linear-layer"),
        (["derive", "nothing.toml"], "cannot be read"),
        (["derive", "linear-layer", "--wrt", "Q"], "cannot differentiate with respect to 'Q'"),
        (["derive", "linear-layer", "--format", "doc"], "no format 'doc'"),
        (["derive", "linear-layer", "--format", ""], "--format names no format"),
        (["derive", "linear-layer", "--format", "md"], "say where: -o FOLDER"),
        (["derive", "linear-layer", "--lemmas", "full"], "say where: -o FOLDER"),
        (["check", "linear-layer", "--format", "md"], "say where: -o FOLDER"),
        (["derive", "x.T @ x", "-o", ""], "-o names nothing"),
        (["check", "linear-layer", "-o", ""], "-o names nothing"),
        (["page", "-o", ""], "-o names nothing"),
        (["derive", "x.T @ x", "-o", "unused", "--format", "svg"], "no graph.svg"),
        (["derive", "x.T @ x", "--name", "class"], "such as class-problem"),
        (["derive", "x.T @ x", "--name", "test"], "such as test-problem"),
        (["derive", "linear_layer"], "ready-made: linear-layer"),
        (["deriv"], "did you mean derive?"),
        (["derive", "linear-layer", "--var", "X: n"], "a file declares its own"),
        (["derive", "L(X)", "--var", "X n"], "needs a colon"),
        (["derive", "L(X)", "--var", "X: n", "--var", "X: m"], "declared twice"),
        (["derive", "X @ W", *XWB], "a gradient needs a scalar"),
        (["derive", "L(X @ W + b)", *XWB], "write X @ W + b.T"),
        (["derive", "5"], "nothing to differentiate with respect to"),
        (["derive", "delta(1, 2) * s", "--var", "s: scalar"], "range of delta(1, 2)"),
        (["derive", '__import__("os")'], "no rule for a function '__import__'"),
        (["derive", "L(softmin(X))"], "no rule for a function 'softmin'"),
        (["check", "L(X)"], "there is no claim"),
        (["check", "L(X)", "--wrt", "X"], "--wrt needs --claim"),
        (["check", "L(X)", "--claim", "X"], "--claim needs --wrt"),
        (["verify", "nowhere"], "cannot be read as a certificate"),
        (["derve"], "no command 'derve'"),
        (["derive", "linear-layer", "--nope"], "No such option"),
        (["derive", "linear-layer", "-o", "/proc/nowhere"], "cannot write"),
    ],
    ids=lambda a: " ".join(a)[:40] if isinstance(a, list) else "",
)
def test_bad_input_exits_with_2_and_says_what_to_write(
    capsys: pytest.CaptureFixture[str], args: list[str], words: str
) -> None:
    code, _, err = run(capsys, *args)
    assert code == 2
    assert words in err


def test_what_is_declared_in_vain_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "derive", "x.T @ x", "--var", "x: n", "--var", "Q: n, n")
    assert code == 0
    assert err == 'note: --var "Q" is not used: there is no Q in the expression\n'
    assert "note" not in out
    for args in (
        ("derive", "sum(α * x)", "--var", "α: scalar"),
        ("check", "x.T @ x", "--var", "Q: n, n", "--wrt", "x", "--claim", "Q @ x"),
        ("equal", "x", "y", "--var", "y: n"),
    ):
        assert run(capsys, *args)[2] == ""


def test_a_graph_that_cannot_be_is_left_out(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    args = ("derive", "x.T @ x", "-o", str(tmp_path), "--format", "svg,py", "--name", "square")
    code, _, err = run(capsys, *args, "--title", "A square")
    assert code == 0
    assert "note: no graph.svg" in err
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names == ["certificate.json", "square.py", "test_square.py"]
    known = json.loads((tmp_path / "certificate.json").read_text())["problem"]
    assert (known["name"], known["title"]) == ("square", "A square")
    assert run(capsys, "verify", str(tmp_path))[0] == 0


def test_a_file_that_was_changed_is_overwritten_only_by_force(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "square.py").write_text("mine")
    args = ("derive", "x.T @ x", "-o", str(tmp_path), "--format", "py", "--name", "square")
    code, _, err = run(capsys, *args)
    assert code == 2
    assert "--force" in err
    assert (tmp_path / "square.py").read_text() == "mine"
    assert run(capsys, *args, "--force")[0] == 0


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "-V") == run(capsys, "--version")


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("symderiv de", ["derive"]),
        ("symderiv derive linear", ["linear-layer"]),
        ("symderiv derive linear-layer --format md,h", ["md,html"]),
        ("symderiv check linear-layer --form", ["--format"]),
        ("symderiv derive x --lemmas s", ["short"]),
    ],
)
def test_the_shell_completes(
    words: str,
    completed: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["symderiv"])
    monkeypatch.setenv("_SYMDERIV_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    code, out, _ = run(capsys)
    assert code == 0
    assert [line.partition(",")[2] for line in out.splitlines()] == completed


def test_nothing_is_half_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("symderiv.results.writing.os.replace", fail)
    code, _, err = run(
        capsys, "derive", "linear-layer", "-o", str(tmp_path / "out"), "--format", "md"
    )
    assert code == 2
    assert "No space left" in err
    assert list((tmp_path / "out").iterdir()) == []


def test_an_expression_may_begin_with_a_minus(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "derive", "-sum(X * X)", "--var", "X: n, d", "--json")
    assert code == 0
    assert "-2 * X" in out
    code, out, _ = run(capsys, "check", "-sum(X)", "--wrt", "X", "--claim", "-ones(n, d)")
    assert code in (0, 2)  # n and d are not the sizes that an undeclared X gets
    code, _, err = run(capsys, "derive", "-q", "sum(X)")
    assert code == 2
    assert "-q" in err


@pytest.mark.parametrize("text", ["2**(2**(2**9)) * a", "2**9**9 * a", "a * (2**1000)**2"])
def test_a_number_too_large_to_compute_with_is_refused(
    capsys: pytest.CaptureFixture[str], text: str
) -> None:
    code, _, err = run(capsys, "derive", text)
    assert code == 2
    assert "too large" in err
    assert "^" in err


def test_a_reshape_whose_sizes_are_an_equation_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, _, err = run(capsys, "derive", "sum(reshape(X, 3, 4)**2)", "--var", "X: n, d")
    assert code == 2
    assert "d*n = 12" in err


def test_an_error_of_the_program_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("dZ")

    monkeypatch.setattr("symderiv.results.derived.Derivation.verify", fail)
    code, _, err = run(capsys, "derive", "sum(X * X)")
    assert code == 1
    assert "KeyError in the program" in err
    assert "report" in err


def test_the_pages_of_the_documentation_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["docs"])
    assert ended.value.code == 0
    listed = capsys.readouterr().out
    assert "language" in listed
    assert max(map(len, listed.splitlines())) < 160
    with pytest.raises(SystemExit):
        main(["docs", "language"])
    assert capsys.readouterr().out.startswith("# The language")
    with pytest.raises(SystemExit) as ended:
        main(["docs", "langage"])
    assert ended.value.code == 2
    assert "did you mean language?" in capsys.readouterr().err


@pytest.mark.slow
def test_derive_prints_differentials_of_tensors_too(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(
        capsys, "derive", "S = softmax(Q @ K.mT); sum((S @ V) ** 2)", "--var", "Q: h,n,k",
        "--var", "K: h,n,k", "--var", "V: h,n,k", "--wrt", "Q", "--style", "differential",
    )  # fmt: skip
    assert code == 0
    assert "dS put in" in out
    assert "sift" not in out
