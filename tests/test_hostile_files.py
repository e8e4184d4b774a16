"""Files from anybody: read by a grammar within limits, run nothing, write below their folder."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hostile import MODULES, NAMES, TEXTS

import symderiv as sd
from symderiv.cli.main import main
from symderiv.core.errors import InputError, ProblemFileError, SymderivError
from symderiv.problems.files import load_file, load_text
from symderiv.problems.sentences import named_after, problem_name
from symderiv.problems.toml_tables import LARGEST
from symderiv.results import check_all
from symderiv.results.derived import verify_folder
from symderiv.results.writing import write_files

OBJECTIVE = '[objective]\nvalue = "L(X @ W)"\n'


def toml(text: str) -> str:
    """Return a text as a string of TOML; it has no lone halves of characters."""
    plain = text.replace("\ud800", "?")
    return (
        '"' + "".join(c if c.isalnum() and c.isascii() else f"\\U{ord(c):08x}" for c in plain) + '"'
    )


def problem_file(text: str) -> str:
    """Return a problem file with a text in every field that takes one."""
    t = toml(text)
    return (
        f'title = {t}\nname = "layer"\nquestion = {t}\nsource = {t}\nupstream = "dZ"\n'
        '[variables]\nX = "n, d"\nW = "d, m"\n'
        f'[meaning]\nX = {t}\nZ = {t}\ndZ = {t}\n[definitions]\nZ = "X @ W"\n'
        '[objective]\nvalue = "L(Z)"\n'
        f'[[claims]]\nabout = "dL/dW"\nsays = "X.T @ dZ"\nquestion = {t}\n'
    )


def sheet(text: str) -> str:
    """Return a sheet of which a text is every field, where it can be read or not."""
    t = toml(text)
    return (
        f'title = {t}\n[[check]]\nname = {t}\nproblem = "x.T @ A @ x"\nwrt = "x"\nclaim = {t}\n'
        f'question = {t}\n[[check]]\nname = {t}\nproblem = {t}\nabout = {t}\nclaim = "x"\n'
        f'[[check]]\nproblem = "x.T @ x"\nabout = "dL/dx"\nclaim = "2 * x"\nsyntax = {t}\n'
    )


# What a run opens for writing, starts or connects to, seen by the interpreter itself.
AUDIT = """
import os, sys
sys.path[:0] = {path!r}
import symderiv.cli.main, symderiv.cli.derive, symderiv.cli.check, symderiv.cli.verify
import symderiv.results.derived
folder, seen = os.path.realpath(sys.argv[1]), []
before = set(sys.modules)
STARTS = ("os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "subprocess.Popen",
          "socket.connect", "socket.bind", "urllib.Request", "ctypes.dlopen", "os.putenv",
          "os.symlink", "os.link", "os.chmod", "shutil.rmtree", "pty.spawn")
CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.truncate")

def hook(event, args):
    if event in STARTS and event != "shutil.rmtree":
        seen.append((event, str(args)))
    opens = event == "open" and (set(str(args[1])) & set("wax+") or (args[2] or 0) & 3)
    if opens or event in CHANGES:
        paths = args[:2] if event == "os.rename" else args[:1]
        for p in paths:
            if isinstance(p, (str, bytes, os.PathLike)):
                real = os.path.realpath(os.fsdecode(p))
                if not (real + os.sep).startswith(folder + os.sep) and real != os.devnull:
                    seen.append((event, real))

sys.addaudithook(hook)
for line in sys.stdin.read().splitlines():
    try:
        symderiv.cli.main.main(line.split("\\t"))
    except SystemExit as ended:
        print("code", ended.code)
wrong = [m for m in set(sys.modules) - before if m.split(".")[0] in ("pwned", "layer")]
print("seen", seen + wrong)
"""


def audited(folder: Path, lines: list[list[str]]) -> str:
    code = AUDIT.format(path=[str(Path(__file__).parent.parent)])
    done = subprocess.run(
        [sys.executable, "-B", "-c", textwrap.dedent(code), str(folder)],
        input="\n".join("\t".join(line) for line in lines),
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder), "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def run_texts(folder: Path, names: list[str], formats: str) -> None:
    lines = []
    for k, name in enumerate(names):
        (folder / f"p{k}.toml").write_text(problem_file(TEXTS[name]), encoding="utf-8")
        (folder / f"s{k}.toml").write_text(sheet(TEXTS[name]), encoding="utf-8")
        lines.append(
            ["derive", str(folder / f"p{k}.toml"), "-o", str(folder / f"o{k}"), "--format"]
        )
        lines[-1].append(formats)
        lines.append(["check", str(folder / f"p{k}.toml")])
        lines.append(["check", str(folder / f"s{k}.toml"), "-o", str(folder / f"r{k}"), "--format"])
        lines[-1].append("md,tex,json")
        lines.append(["verify", str(folder / f"o{k}")])
    out = audited(folder, lines)
    assert out.splitlines()[-1] == "seen []"
    codes = [line.split()[1] for line in out.splitlines() if line.startswith("code ")]
    assert codes == ["0", "0", "2", "0"] * len(names)
    assert not list(folder.rglob("pwned*"))
    for k in range(len(names)):
        written = sorted(p.name for p in (folder / f"o{k}").iterdir())
        ends = [f"derivation.{f}" for f in ("html", "md", "pdf", "tex") if f in formats.split(",")]
        ends += ["derivation-body.tex"] if "derivation.tex" in ends else []
        assert written == sorted(
            [*ends, "certificate.json", "graph.svg", "layer.py", "test_layer.py"]
        )


def test_the_audit_sees_what_is_written_elsewhere_and_what_is_started(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    out = audited(inside, [["derive", "x.T @ x", "-o", str(tmp_path / "out"), "--format", "md"]])
    assert f"('os.mkdir', '{tmp_path / 'out'}')" in out
    assert f"('open', '{tmp_path / 'out'}" in out


@pytest.mark.slow
def test_a_run_starts_nothing_and_writes_below_its_folder(tmp_path: Path) -> None:
    run_texts(tmp_path, ["docstring", "latex-write"], "md,tex,pdf,py,html,svg")


@pytest.mark.slow
@pytest.mark.sampled(4, rest="exhaustive")
@pytest.mark.parametrize("name", TEXTS)
def test_no_text_starts_anything_or_leaves_its_folder(name: str, tmp_path: Path) -> None:
    run_texts(tmp_path, [name], "md,tex,pdf,py,html,svg")


@pytest.mark.parametrize("name", [n for n in (*NAMES, *MODULES) if n != "\ud800"])
def test_a_file_that_names_a_problem_as_nothing_can_be_called_is_refused(name: str) -> None:
    with pytest.raises(SymderivError) as refused:
        load_text(f"name = {toml(name)}\n{OBJECTIVE}", "layer")
    assert refused.value.span is not None
    assert refused.value.span.line == 0


def test_a_file_without_a_name_gives_its_own_as_far_as_it_is_one(tmp_path: Path) -> None:
    for stem in ("my layer", "1st", "numpy", "a;b", "...", "é", "import", "-", "ok-name"):
        path = tmp_path / f"{stem}.toml"
        path.write_text(OBJECTIVE, encoding="utf-8")
        assert problem_name(load_file(path).name) == named_after(stem)


@pytest.mark.parametrize(
    ("source", "words", "line"),
    [
        ("titel = 'x'\n" + OBJECTIVE, "did you mean 'title'", 0),
        ("title = 3\n" + OBJECTIVE, "title is 3, not a text", 0),
        ("title = ['x']\n" + OBJECTIVE, "title is a list, not a text", 0),
        ("\nsource = true\n" + OBJECTIVE, "source is True, not a text", 1),
        ("upstream = 'a b'\n" + OBJECTIVE, "upstream 'a b' is not a name", 0),
        ("variables = 3\n" + OBJECTIVE, "variables is not a table", 0),
        ("[variables]\nX = ['n']\n" + OBJECTIVE, "variables.X is a list", 1),
        ("[variables]\n'X Y' = 'n'\n" + OBJECTIVE, "'X Y' is not a name", 1),
        ("[variables.X]\nn = 'd'\n" + OBJECTIVE, "variables.X is a dict, not a text", 0),
        ("[meaning]\nX = 3\n" + OBJECTIVE, "meaning.X is 3", 1),
        (OBJECTIVE + "order = 3\n", "objective.order is 3", 2),
        (OBJECTIVE + "order = '2'\n", "objective.order is '2'", 2),
        (OBJECTIVE + "wrt = []\n", "not a list of names", 2),
        (OBJECTIVE + "wrt = ['W', 3]\n", "not a list of names", 2),
        (OBJECTIVE + "[[claims]]\nabout = 3\nsays = 'x'\n", "claims 1, about is 3", 3),
        (OBJECTIVE + "[[claims]]\nabout = 'x'\nsays = 'x'\nsay = 'x'\n", "no entry 'say'", 5),
        (OBJECTIVE + "[[claims]]\nabout = 'x'\nsays = 'x'\nquestion = 3\n", "question is 3", 5),
        (OBJECTIVE + "[claims]\nabout = 'x'\n", "not a list of tables", 2),
        (OBJECTIVE + "[stack]\nshared = [3]\n", "not a list of names", 3),
        ('title = "x\n' + OBJECTIVE, "is not TOML", 0),
        (OBJECTIVE + "[objective]\n", "is not TOML", 2),
        ("a = [\n" + OBJECTIVE, "is not TOML", 1),
        ("x = " + "[" * 100_000, "brackets nest too deep", 0),
        ("x = " + "{a = " * 100_000, "brackets nest too deep", 0),
        (".".join("a" * 100_000) + " = 1", "a name of more than 40 parts", 0),
        ("x = " + "1" * 10_000, "is not TOML", None),
        (f"title = '{'a' * 20_000}'\n" + OBJECTIVE, "20,000 characters", 0),
        (f"[objective]\nvalue = '{'(' * 99_000}'\n", "nested deeper", None),
        (f"[objective]\nvalue = '{'x' * 200_000}'\n", "200,000 characters", 1),
    ],
)
def test_what_is_not_as_documented_is_refused_with_its_place(
    source: str, words: str, line: int | None
) -> None:
    with pytest.raises(SymderivError) as refused:
        load_text(source, "layer")
    assert words in str(refused.value)
    assert len(str(refused.value)) < 600
    if line is not None:
        assert refused.value.span is not None
        assert refused.value.span.line == line


def test_what_is_no_regular_file_of_text_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "zero.toml").symlink_to("/dev/zero")
    (tmp_path / "large.toml").write_bytes(b"#" * (LARGEST + 1))
    (tmp_path / "latin.toml").write_bytes(b"\ntitle = '\xe9'\n")
    for name, words in {
        "pipe": "a device or a pipe",
        "folder": "a folder",
        "zero": "a device or a pipe",
        "large": "the limit is",
        "latin": "is not UTF-8 text: line 2",
        "none": "cannot be read",
    }.items():
        for read in (load_file, check_all):
            with pytest.raises(ProblemFileError, match=words):
                read(tmp_path / f"{name}.toml")


def test_a_claim_of_the_command_line_is_read_from_a_file_alone(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "pipe.tex").symlink_to("/dev/zero")
    for asked in (["--claim", "@pipe"], ["--claim-latex", "@pipe"], ["--claim-latex", "pipe.tex"]):
        option = [o.replace("pipe", str(tmp_path / "pipe")) for o in asked]
        with pytest.raises(SystemExit) as ended:
            main(["check", "x.T @ x", "--wrt", "x", *option])
        assert ended.value.code == 2


def test_a_sheet_reads_files_of_its_own_folder_alone(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.toml").write_text(OBJECTIVE, encoding="utf-8")
    (inside / "link.toml").symlink_to(tmp_path / "secret.toml")
    for name in ("../secret.toml", str(tmp_path / "secret.toml"), "link.toml"):
        text = f'[[check]]\nproblem = {toml(name)}\nwrt = "W"\nclaim = "X.T @ G"\n'
        (inside / "sheet.toml").write_text(text, encoding="utf-8")
        (answer,) = check_all(inside / "sheet.toml")
        assert answer.status == "unreadable"
        assert "not in the folder of the sheet" in answer.reason


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a/b", "..", ".x", "", "a\0b", "x\ny", "é", "a" * 300]
)
def test_nothing_is_written_by_a_name_that_is_a_path(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no name of a file"):
        write_files(tmp_path / "out", {name: b""})
    assert not (tmp_path / "out").exists()


def test_a_link_in_the_folder_is_replaced_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("kept")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "a.md").symlink_to(outside)
    (path,) = write_files(folder, {"a.md": b"new"}, force=True)
    assert outside.read_text() == "kept"
    assert not path.is_symlink()
    assert path.read_bytes() == b"new"
    assert [p.name for p in folder.iterdir()] == ["a.md"]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    with pytest.raises(SystemExit) as ended:
        main(["derive", "x.T @ A @ x", "--wrt", "x", "-o", str(folder), "--format", "md,py"])
    assert not ended.value.code
    return folder


CHANGES = {
    "no-object": lambda d: [d],
    "no-problem": lambda d: {k: v for k, v in d.items() if k != "problem"},
    "unknown": lambda d: {**d, "run": "x"},
    "problem-text": lambda d: {**d, "problem": "x"},
    "name": lambda d: {**d, "problem": {**d["problem"], "name": "../../x"}},
    "module": lambda d: {**d, "problem": {**d["problem"], "name": "numpy"}},
    "variables": lambda d: {**d, "problem": {**d["problem"], "variables": {"x": 3}}},
    "variable": lambda d: {**d, "problem": {**d["problem"], "variables": {"x)": "n"}}},
    "upstream": lambda d: {**d, "problem": {**d["problem"], "upstream": ["G=1"]}},
    "losses": lambda d: {**d, "problem": {**d["problem"], "losses": "L"}},
    "loss": lambda d: {**d, "problem": {**d["problem"], "losses": ["os.system"]}},
    "claims": lambda d: {**d, "problem": {**d["problem"], "claims": [{"about": 1, "says": []}]}},
    "wrt": lambda d: {**d, "problem": {**d["problem"], "wrt": [3]}},
    "text": lambda d: {**d, "problem": {**d["problem"], "text": "__import__('os')"}},
    "order": lambda d: {**d, "problem": {**d["problem"], "order": 9}},
    "formats": lambda d: {**d, "options": {"formats": "md"}},
    "format": lambda d: {**d, "options": {"formats": ["exe"]}},
    "engine": lambda d: {**d, "options": {"engine": "sh"}},
    "markdown": lambda d: {**d, "options": {"markdown": "x"}},
    "style": lambda d: {**d, "options": {"style": "x"}},
    "structured": lambda d: {**d, "options": {"structured": []}},
    "kind": lambda d: {**d, "options": {"kind": "x"}},
    "options": lambda d: {**d, "options": []},
    "files": lambda d: {**d, "files": ["a"]},
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_tampered_certificate_is_refused(name: str, written: Path, tmp_path: Path) -> None:
    data = json.loads((written / "certificate.json").read_text(encoding="utf-8"))
    (tmp_path / "certificate.json").write_text(json.dumps(CHANGES[name](data)), encoding="utf-8")
    with pytest.raises(SymderivError) as refused:
        verify_folder(tmp_path)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("made", ["jacobian", "hessian"])
def test_the_folder_of_a_matrix_is_verified(made: str, tmp_path: Path) -> None:
    matrix = (
        sd.jacobian("A @ x", "x") if made == "jacobian" else sd.hessian("norm(X @ w) ** 2", "w")
    )
    matrix.write(tmp_path, ["md"])
    assert verify_folder(tmp_path)[1] == []


def test_files_of_a_tampered_folder_are_not_followed(written: Path, tmp_path: Path) -> None:
    for path in written.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert verify_folder(tmp_path)[1] == []
    (tmp_path / "derivation.md").unlink()
    (tmp_path / "derivation.md").symlink_to("/dev/zero")
    (tmp_path / "derivation.py").unlink()
    os.mkfifo(tmp_path / "derivation.py")
    data = json.loads((tmp_path / "certificate.json").read_text(encoding="utf-8"))
    data["files"]["../../etc/passwd"] = "x"
    data["differences"] = [3]
    (tmp_path / "certificate.json").write_text(json.dumps(data), encoding="utf-8")
    found = verify_folder(tmp_path)[1]
    assert [line for line in found if "link" in line and line.startswith("derivation")] == [
        "derivation.md is no file of its own: a link, a folder or a device",
        "derivation.py is no file of its own: a link, a folder or a device",
    ]
    assert any("etc/passwd' is listed, and not written" in line for line in found)


@pytest.mark.parametrize("content", ["[" * 100_000, "{", '"x"', "1" * 10_000, "", "\0"])
def test_what_is_no_certificate_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "certificate.json").write_text(content, encoding="utf-8")
    with pytest.raises(SymderivError):
        verify_folder(tmp_path)
