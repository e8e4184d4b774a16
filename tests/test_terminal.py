"""What the command line prints: in the characters of the stream, coloured only where it may be."""

import ast
import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from weakref import ref

import pytest

import symderiv
from symderiv.cli import terminal
from symderiv.cli.main import main
from symderiv.notation.ascii import ascii_mathematics

ROOT = Path(symderiv.__file__).parent
DERIVE = ("derive", "sum(exp(X @ w) * y) + norm(alpha * X)", "--var", "alpha: scalar", "--wrt", "X")
CHECK = ("check", "L(X @ W)", "--wrt", "W", "--claim", "G.T @ X")


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def printed(
    monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...], encoding: str, kind: Any = Terminal
) -> str:
    stream = kind(io.BytesIO(), encoding=encoding, write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    with pytest.raises(SystemExit):
        main(args)
    stream.flush()
    return bytes(stream.buffer.getvalue()).decode(encoding)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "ascii", "cp437", "koi8-r", "big5"])
@pytest.mark.parametrize("args", [DERIVE, CHECK, ("list",)])
def test_a_narrow_encoding_gets_ascii_mathematics(
    args: tuple[str, ...], encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = printed(monkeypatch, args, encoding, io.TextIOWrapper)
    wide = printed(monkeypatch, args, "utf-8", io.TextIOWrapper)
    assert len(text.splitlines()) == len(wide.splitlines())
    if args is DERIVE and encoding == "ascii":
        assert "dL/dX" in text
        assert "alpha" in text


@pytest.mark.sampled(3)
@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "utf-8"])
@pytest.mark.parametrize("args", [(*DERIVE, "--json"), (*CHECK, "--json"), ("list", "--json")])
def test_data_loses_nothing_in_a_narrow_encoding(
    args: tuple[str, ...], encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = printed(monkeypatch, args, encoding, io.TextIOWrapper)
    assert json.loads(text) == json.loads(printed(monkeypatch, args, "utf-8", io.TextIOWrapper))


@pytest.mark.parametrize(
    ("wide", "plain"),
    [
        ("∂L/∂W = Xᵀ G", "dL/dW = X^T G"),
        ("A⁻¹ x²", "A^(-1) x^2"),
        ("∑ᵢ x_{i} ⊙ λ₁", "sum_i x_{i} .* lambda_1"),
        ("‖x̂‖ ≤ √n", "||x_hat|| <= sqrtn"),
        ("naïve – “quoted”", 'naive - "quoted"'),
        ("中", "U+4E2D"),
        ("plain", "plain"),
    ],
)
def test_mathematics_has_a_form_in_ascii(wide: str, plain: str) -> None:
    assert ascii_mathematics(wide) == plain


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(
    variables: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in printed(monkeypatch, CHECK, "utf-8")) is coloured
    assert "\x1b[" not in printed(monkeypatch, CHECK, "utf-8", io.TextIOWrapper)


@pytest.mark.parametrize("width", [40, 72])
def test_lines_fit_the_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", str(width))
    lines = printed(monkeypatch, ("derive", "linear-layer", "--wrt", "b"), "utf-8").splitlines()
    assert max(map(len, lines)) <= width
    wide = printed(monkeypatch, ("derive", "linear-layer", "--wrt", "b"), "utf-8", io.TextIOWrapper)
    assert " ".join(" ".join(lines).split()) == " ".join(wide.split())
    listed = printed(monkeypatch, ("list",), "utf-8").splitlines()
    assert max(map(len, listed)) <= max(width, 50)


def test_a_place_in_a_text_is_not_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    line = f"    {'x + ' * 15}x\n    {' ' * 50}^"
    stream = Terminal(io.BytesIO(), encoding="utf-8", write_through=True)
    monkeypatch.setattr(sys, "stderr", stream)
    terminal.say(f"error: {'word ' * 10}\n{line}", err=True)
    shown = bytes(stream.buffer.getvalue()).decode()
    assert shown.endswith(f"{line}\n")
    assert shown.count("\n") > 3


def test_text_of_a_user_moves_no_cursor(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "x\x1b[2J\x1b]0;t\x07\x9b5m\u202e"
    for args in (("derive", evil), ("derive", "x", "--var", f"{evil}: n"), (evil,), ("-" + evil,)):
        with pytest.raises(SystemExit) as ended:
            main(args)
        assert ended.value.code == 2
        shown = capsys.readouterr().err
        assert not set("\x1b\x07\x9b\u202e") & set(shown)


def test_everything_is_printed_through_one_door() -> None:
    for path in (ROOT / "cli").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        calls = [n.func for n in ast.walk(tree) if isinstance(n, ast.Call)]
        direct = [f for f in calls if isinstance(f, ast.Attribute) and f.attr in ("echo", "secho")]
        assert not direct or path.name == "terminal.py", path.name
        assert not [f for f in calls if isinstance(f, ast.Name) and f.id == "print"], path.name


def test_an_interrupt_that_a_callback_lost_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Thing:
        pass

    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    started = time.monotonic()
    thing = Thing()
    watched = ref(thing, interrupted)
    with terminal.interrupts_kept():
        del thing
        assert watched() is None
        with pytest.raises(KeyboardInterrupt):
            time.sleep(30)
    assert time.monotonic() - started < 20


@pytest.mark.sampled(2)
@pytest.mark.parametrize("delay", [0.6, 1.1])
def test_an_interrupt_ends_a_run_without_a_traceback(delay: float, tmp_path: Path) -> None:
    code = "from symderiv.cli.main import main; main(['derive', 'decoder-block', '-o', 'out'])"
    run = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT.parent), "PATH": ""},
    )
    time.sleep(delay)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert run.returncode in (130, -signal.SIGINT)
    assert "Error" not in err
    assert not (tmp_path / "out").exists()
