"""What takes long says how far it is: on a terminal, on the error stream, and nowhere else."""

import io
import sys
import time
from typing import Any

import pytest

import symderiv as sd
from symderiv.cli import progress
from symderiv.cli.main import main
from symderiv.core.telling import listening, tell
from symderiv.results.derived import Derivation


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, quiet: bool = False, kind: Any = Terminal) -> str:
    """Return what is shown of two things that take long."""
    stream = kind()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "_PATIENCE", 0.0)
    with progress.shown(quiet):
        tell("the first check", 1, 3)
        time.sleep(0.15)
        tell("the first check", 2, 3)
        tell("[bold]the second check")
        time.sleep(0.15)
    return str(stream.getvalue())


def test_a_bar_moves_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    text = shown(monkeypatch)
    assert "the first check" in text
    assert "1 of 3" in text
    assert "[bold]the second check" in text
    assert text.endswith("\x1b[2K")  # nothing of it stays


@pytest.mark.parametrize("variable", [("TERM", "dumb"), ("NO_COLOR", "1")])
def test_plain_lines_where_no_cursor_moves(
    variable: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(*variable)
    assert shown(monkeypatch) == "the first check ..\n[bold]the second check ..\n"


def test_nothing_is_shown_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert shown(monkeypatch, quiet=True) == ""
    assert shown(monkeypatch, kind=io.StringIO) == ""


def test_what_is_quick_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress.shown():
        tell("the first check")
    assert sys.stderr.getvalue() == ""


def test_every_check_is_told() -> None:
    found: list[tuple[str, int, int]] = []
    with listening(lambda *what: found.append(what)):
        sd.derive("x.T @ A @ x", wrt="x").verify()
    said = list(dict.fromkeys(what for what, _, _ in found))
    assert said == [
        "the comparison of both roads",
        "the comparison of both roads, size by size",
        "the check of the printed equations",
        "the check of generated code in exact numbers",
        "the check of generated code by differences",
        "the comparison with other libraries",
    ]
    assert [(k, n) for what, k, n in found if n] == [(0, 3), (1, 3), (2, 3)]


def test_a_result_is_printed_before_its_checks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class EndedError(Exception):
        pass

    def fail(*_: object, **__: object) -> None:
        raise EndedError

    monkeypatch.setattr(Derivation, "verify", fail)
    with pytest.raises(SystemExit):
        main(["derive", "x.T @ A @ x", "--wrt", "x"])
    out, err = capsys.readouterr()
    assert "(A + A.T) @ x" in out
    assert "checked" not in out
    assert "EndedError" in err
