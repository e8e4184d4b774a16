"""The page to type in: what it is answered, how it is served, and how it works in a browser."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import Any
from zipfile import ZipFile

import pytest
from browser import AXE, CHROMIUM, Browser
from hostile import TEXTS
from webpages import elements, read

import symderiv as sd
from symderiv.core.errors import SymderivError
from symderiv.page.answering import ANSWERS, answer
from symderiv.page.assets import app_page
from symderiv.page.server import PageServer
from symderiv.page.single import engine_archive, single_page
from symderiv.page.worker import Worker
from symderiv.problems import library

ROWS = {"text": "norm(X @ w - y)**2", "variables": "X: n, d\nw: d\ny: n"}
browser_needed = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
RUNTIME = os.environ.get("SYMDERIV_RUNTIME", "")  # the folder of the npm package pyodide


def test_names_have_their_shapes_while_typing() -> None:
    found = answer({"what": "read", "text": "L(X @ W)", "variables": "X: n, d"})
    shapes = {n["name"]: (n["shape"], n.get("inferred", False)) for n in found["names"]}
    assert shapes == {"X": ("n × d", False), "W": ("d × m", True), "G": ("n × m", False)}
    assert found["kinds"] == ["gradient", "hessian"]
    assert answer({"what": "read", "text": "A @ x"})["kinds"] == ["jacobian"]


def test_what_cannot_be_read_says_where_and_what_to_write() -> None:
    error = answer({"what": "read", "text": "L(X @ W", "variables": ""})["error"]
    assert error["start"] == 7 or error["shown"].rstrip().endswith("^")
    assert error["remedy"]
    error = answer({"what": "read", "text": "X @ Y", "variables": "X: n, d\nY: n, d"})["error"]
    assert error["kind"] == "ShapeError"
    assert "^" in error["shown"]


@pytest.mark.parametrize("kind", ["gradient", "hessian"])
def test_a_derivative_is_that_of_the_package(kind: str) -> None:
    found = answer({"what": "derive", **ROWS, "name": "w", "kind": kind})
    d = sd.derive(ROWS["text"], wrt="w", X="n, d", w="d", y="n")
    expected = d["w"] if kind == "gradient" else d.hessian("w")
    assert found["results"][0]["text"] == expected.text
    assert found["results"][0]["latex"] == expected.latex
    assert "math" in {tag for tag, _ in elements(found["html"])}


@pytest.mark.parametrize("style", ["index", "differential"])
def test_steps_are_checked_before_they_are_shown(style: str) -> None:
    found = answer({"what": "steps", **ROWS, "name": "w", "style": style})
    assert found["checked"] > 3
    assert sum(tag == "li" for tag, _ in elements(found["html"])) > 2
    matrix = {"text": "softmax(x, axis=0)", "name": "x", "kind": "jacobian"}
    found = answer({"what": "steps", **matrix})
    assert "Lemma 1" in found["html"]


def test_a_claim_is_answered_in_the_language_and_in_latex() -> None:
    asked = {"what": "claim", "text": "L(X @ W)", "name": "W"}
    assert answer({**asked, "claim": "G.T @ X"})["verdicts"] == ["transposed"]
    wrong = answer({**asked, "claim": "2 * X.T @ G"})
    assert wrong["verdicts"] == ["wrong"]
    assert "<strong>No.</strong>" in wrong["html"]
    latex = r"\frac{\partial L}{\partial W} = X^\top G"
    assert answer({**asked, "claim": latex, "syntax": "latex"})["verdicts"] == ["right"]
    jacobian = {"text": "softmax(x, axis=0)", "name": "x", "kind": "jacobian"}
    claim = "diag(softmax(x, axis=0)) - softmax(x, axis=0) @ softmax(x, axis=0).T"
    assert answer({"what": "claim", **jacobian, "claim": claim})["verdicts"] == ["right"]
    refused = answer({**asked, "claim": "X +"})
    assert not refused["ok"]


@pytest.mark.sampled(10)
@pytest.mark.parametrize("name", library.names())
def test_every_example_is_read_as_the_problem_that_it_is(name: str) -> None:
    said = answer({"what": "example", "name": name})
    asked = {k: said[k] for k in ("text", "variables", "upstream")}
    found = answer({"what": "derive", **asked, "name": ",".join(said["wrt"])})
    expected = sd.derive(sd.load(name))
    assert [r["text"] for r in found["results"]] == [r.text for r in expected.values()]


@pytest.mark.parametrize(
    "asked",
    [
        None,
        [],
        {},
        {"what": "run"},
        {"what": "derive", "text": 3},
        {"what": "derive", "file": "/etc/passwd"},
        {"what": "derive", "text": "x" * 30_000},
        {"what": "derive", "text": "x.T @ x", "kind": "third"},
        {"what": "derive", "text": "encoder-block"},
        {"what": "derive", "text": "/etc/passwd.toml"},
        {"what": "example", "name": "../../secret"},
        {"what": "derive", "text": "__import__('os')"},
        {"what": "derive", "text": "(" * 3_000},
        {"what": "derive", "text": "x.T @ x", "variables": "x n"},
        {"what": "derive", "text": "x.T @ x", "name": "y"},
    ],
)
def test_what_is_no_question_is_refused_in_words(asked: Any) -> None:
    found = answer(asked)
    assert not found["ok"]
    assert 3 < len(found["error"]["message"]) < 500


@pytest.mark.sampled(12)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_hostile_text_is_no_element_of_an_answer(text: str) -> None:
    for what in ANSWERS:
        found = answer({"what": what, "text": text, "claim": text, "name": "x"})
        for _, given in elements(found.get("html", "")):
            assert not [a for a in given if a.startswith("on")]


def test_the_engine_of_the_page_needs_no_arrays_and_no_command_line() -> None:
    code = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("numpy", "scipy", "click", "typst", "torch", "jax"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
from symderiv.page.answering import ANSWERS, answer
asked = {"text": "sum(softmax(X @ w, axis=0) * y)", "name": "w", "claim": "X"}
print([answer({"what": w, **asked, "name": "attention" if w == "example" else "w"})["ok"]
       for w in ANSWERS])
print(*(answer({"what": "code", **asked, "target": t})["code"].count(f"import {t}")
        for t in ("numpy", "torch", "jax")))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[0] == str([True] * len(ANSWERS))
    assert run.stdout.splitlines()[1] == "1 1 2"


@pytest.mark.slow
def test_an_answer_that_takes_too_long_is_ended_and_the_next_one_comes() -> None:
    with Worker(seconds=20) as worker:
        assert worker.ask({"what": "derive", "text": "x.T @ x"})["ok"]
        worker.seconds = 0.0
        slow = worker.ask({"what": "example", "name": "encoder-block"})
        assert "within 0 seconds" in slow["error"]["message"]
        worker.seconds = 20
        assert worker.ask({"what": "derive", "text": "x.T @ x"})["ok"]


@pytest.mark.slow
def test_an_answer_that_takes_too_much_memory_is_refused() -> None:
    with Worker(seconds=20, memory=1 << 20) as worker:
        found = worker.ask({"what": "derive", "text": "x.T @ x"})
        assert "memory" in found["error"]["message"]


@pytest.fixture(scope="module")
def served() -> Iterator[PageServer]:
    with PageServer(seconds=60) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def asked_over(
    server: PageServer, method: str, path: str, body: bytes = b"", **headers: str
) -> tuple[int, str]:
    line = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    line.request(method, path, body, given)
    found = line.getresponse()
    text = found.read().decode()
    line.close()
    return found.status, text


def test_the_page_answers_its_own_machine_and_its_own_page_alone(served: PageServer) -> None:
    own = served.address.rstrip("/")
    question = json.dumps({"what": "derive", "text": "x.T @ x", "name": "x"}).encode()
    usual = {"Content_Type": "application/json", "Origin": own}
    assert asked_over(served, "GET", "/")[0] == 200
    assert asked_over(served, "GET", "/app.js")[0] == 200
    status, text = asked_over(served, "POST", "/answer", question, **usual)
    assert (status, json.loads(text)["results"][0]["text"]) == (200, "2 * x")
    assert asked_over(served, "GET", "/", Host="attacker.example")[0] == 403
    assert asked_over(served, "POST", "/answer", question, **{**usual, "Origin": "null"})[0] == 403
    plain = {**usual, "Content_Type": "text/plain"}
    assert asked_over(served, "POST", "/answer", question, **plain)[0] == 404
    for path in ("/../../etc/passwd", "/symderiv/__init__.py", "/answer"):
        assert asked_over(served, "GET", path)[0] == 404
    assert asked_over(served, "POST", "/answer", b"[" * 50_000, **usual)[0] == 400
    assert asked_over(served, "POST", "/answer", b"x" * 200_000, **usual)[0] == 413
    assert asked_over(served, "DELETE", "/")[0] == 501


def test_the_frame_of_the_page_is_closed_and_names_its_fields() -> None:
    page = read(app_page())
    fields = {given.get("id") for tag, given in page.found if tag in ("textarea", "select")}
    labelled = {given.get("for") for tag, given in page.found if tag == "label"}
    assert {"text", "variables", "claim"} <= labelled
    assert {"text", "variables", "kind", "name", "claim", "syntax", "examples"} == fields
    assert not [a for _, given in page.found for a in given if a.startswith("on") or a == "style"]


@browser_needed
@pytest.mark.slow
def test_a_reader_types_clicks_copies_and_goes_back(served: PageServer, tmp_path: Path) -> None:
    with Browser(tmp_path) as b:
        b.open(served.address)
        b.until("document.body.dataset.ready === 'yes'")
        assert "∂" in b.run("document.getElementById('answer').textContent")
        b.type("text", "norm(X @ w - y)**2")
        b.type("variables", "X: n, d")
        b.until("document.getElementById('names').textContent.includes('w: d × 1')")
        b.click("go")
        b.until("document.getElementById('answer').textContent.includes('w')")
        b.until("document.getElementById('checked').textContent.includes('entries')")
        first = b.run("location.hash")
        b.click("tab-steps")
        b.until("document.querySelectorAll('#panel li').length > 5")
        b.type("claim", "X.T @ (X @ w - y)")
        b.run("document.getElementById('name').value = 'w'; about()")
        b.run("document.querySelector('#check button').click()")
        b.until("document.getElementById('verdict').textContent.includes('No.')")
        assert "factor 2" in b.run("document.getElementById('verdict').textContent")
        b.type("text", "trace(A @ X)")
        b.type("variables", "")
        b.click("go")
        b.until("document.getElementById('names').textContent.includes('A:')")
        b.until("location.hash !== " + json.dumps(first))
        b.run("history.back()")
        b.until("document.getElementById('text').value.startsWith('norm')")
        b.type("text", "norm(X @ w - y")
        b.until("!document.getElementById('trouble').hidden")
        assert "^" in b.run("document.getElementById('trouble').textContent")
        assert b.said == []


@browser_needed
@pytest.mark.slow
def test_the_page_fits_a_phone_and_dark_rooms(served: PageServer, tmp_path: Path) -> None:
    with Browser(tmp_path) as b:
        b.resize(390, 844, dark=True)
        b.open(served.address)
        b.until("document.body.dataset.ready === 'yes'")
        b.click("tab-steps")
        b.until("document.querySelectorAll('#panel li').length > 5")
        assert b.run("document.documentElement.scrollWidth") <= 390
        ground = b.run("getComputedStyle(document.body).backgroundColor")
        assert ground == "rgb(20, 24, 29)"


@browser_needed
@pytest.mark.slow
@pytest.mark.skipif(not AXE, reason="SYMDERIV_AXE names no script of axe-core")
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_is_accessible(served: PageServer, tmp_path: Path, dark: bool) -> None:
    with Browser(tmp_path) as b:
        b.resize(1200, dark=dark)
        b.open(served.address)
        b.until("document.body.dataset.ready === 'yes'")
        b.click("tab-steps")
        b.until("document.querySelectorAll('#panel li').length > 5")
        b.run(Path(AXE).read_text(encoding="utf-8") + "; 0")
        found = b.run("axe.run().then((r) => r.violations.map((v) => [v.id, v.nodes[0].html]))")
        assert found == []


@pytest.mark.slow
def test_the_single_page_is_the_same_each_time_and_holds_what_it_needs() -> None:
    page = single_page()
    assert page == single_page()
    assert len(page.encode()) < 12_000_000
    with ZipFile(BytesIO(engine_archive())) as archive:
        names = set(archive.namelist())
    assert {"symderiv/page/answering.py", "symderiv/templates/part.html.j2"} <= names
    assert "symderiv/problems/library/linear-layer.toml" in names
    assert not [n for n in names if "/tests/" in n or n.startswith("symderiv/cli")]


def test_a_folder_that_is_no_runtime_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SymderivError, match=r"lacks pyodide\.mjs"):
        single_page(tmp_path)


@pytest.mark.slow
def test_the_engine_works_from_its_archive_alone(tmp_path: Path) -> None:
    archive = tmp_path / "engine.zip"
    archive.write_bytes(engine_archive())
    with ZipFile(archive) as packed:
        packed.extractall(tmp_path / "engine")
    code = (
        "import sys; sys.path[:0] = [sys.argv[1]]; from symderiv.page.answering import answer;"
        "import symderiv, jinja2; assert sys.argv[1] in symderiv.__file__ and jinja2.__file__;"
        "print(answer({'what': 'derive', 'text': 'x.T @ x', 'name': 'x'})['results'][0]['text'])"
    )
    run = subprocess.run(
        [sys.executable, "-S", "-c", code, str(tmp_path / "engine")],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
    )
    assert run.stdout.strip() == "2 * x", run.stderr


@browser_needed
@pytest.mark.slow
@pytest.mark.skipif(not RUNTIME, reason="SYMDERIV_RUNTIME names no folder of the npm package")
def test_the_single_page_works_from_a_disk_without_a_network(tmp_path: Path) -> None:
    file = tmp_path / "symderiv.html"
    file.write_text(single_page(Path(RUNTIME)), encoding="utf-8")
    with Browser(tmp_path / "profile") as b:
        b.call("Network.enable")
        nothing = {"latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        b.call("Network.emulateNetworkConditions", offline=True, **nothing)
        b.open(file.as_uri())
        b.until("document.body.dataset.ready === 'yes'", 120)
        assert "∂" in b.run("document.getElementById('answer').textContent")
        b.until("document.getElementById('checked').textContent.includes('entries')", 60)
        b.type("text", "trace(A @ X @ A.T")
        b.until("!document.getElementById('trouble').hidden")
