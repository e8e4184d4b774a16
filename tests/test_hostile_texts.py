"""What a user writes that is no mathematics is data in every output, whatever it holds."""

import ast
import json
import re
import unicodedata
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hostile import FIELDS, MODULES, NAMES, PLAIN, TEXTS, posed
from markdown_it import MarkdownIt
from webpages import elements

import symderiv as sd
from symderiv.codegen.guard import checked
from symderiv.codegen.module import module_of
from symderiv.codegen.testfile import source_of_test
from symderiv.core.errors import CheckError, SymderivError
from symderiv.core.plaintext import json_text, visible
from symderiv.documents.graph import graph_of
from symderiv.documents.graphprint import GraphPicture
from symderiv.documents.render import latex, markdown, pdf, typst
from symderiv.documents.web import html
from symderiv.evidence.verification import Evidence, problem_data
from symderiv.problems import ClaimText
from symderiv.results import Answer, Answers
from symderiv.results.outputs import Manner, document


@cache
def evidence() -> Evidence:
    return sd.derive(posed(PLAIN)).evidence


@cache
def page(text: str) -> Any:
    derivation = sd.derive(posed(text))
    return document(derivation.data, evidence(), derivation.verdicts, Manner("index"))


def constants(source: str) -> list[str]:
    nodes = ast.walk(ast.parse(source))
    return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]


@pytest.mark.sampled(6)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_generated_code_holds_a_text_in_constants_alone(text: str) -> None:
    plain = module_of(sd.derive(posed(PLAIN, "title")).data)
    skeleton = _without_docstrings(plain.source)
    for field in FIELDS:
        derivation = sd.derive(posed(text, field))
        module = module_of(derivation.data)
        assert _without_docstrings(module.source) == skeleton
        assert not [c for c in module.source if c != "\n" and not c.isprintable()]
        holding = [c for c in constants(module.source) if text in c]
        assert len(holding) == _expected(field), field
        test = source_of_test(derivation.data, module)
        assert ast.parse(test)
        assert not [c for c in constants(test) if text in c]


def _expected(field: str) -> int:
    """Return how many docstrings show a field: that of the module, or of both functions."""
    return {"title": 1, "meaning": 2}.get(field, 0)


def _without_docstrings(source: str) -> str:
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            del body[0]
    return ast.dump(tree)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_latex_runs_no_command_of_a_text(text: str) -> None:
    known = _commands(latex(page(PLAIN)))
    source = latex(page(text))
    assert _commands(source) <= known | _SPELLED
    assert not set(source) & {c for c in map(chr, range(0x20)) if c != "\n"}
    assert _braces(source) == 0
    assert source.count("\\end{document}") == 1
    for row in re.findall(r"\\\\\s*(\S)", source.partition("\\begin{document}")[2]):
        assert row not in "[*"


_SPELLED = {
    *("textbackslash textasciicircum textasciitilde textbar textless textgreater").split(),
    *("textquotedbl textsuperscript ldots ss o l quad").split(),
}


def _commands(source: str) -> set[str]:
    return set(re.findall(r"(?<!\\)(?:\\\\)*\\([A-Za-z@]+)", source))


def _braces(source: str) -> int:
    plain = re.sub(r"\\.", "", source)
    return plain.count("{") - plain.count("}")


@pytest.mark.sampled(6)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_typst_calls_nothing_of_a_text(text: str) -> None:
    assert _calls(typst(page(text))) <= _calls(typst(page(PLAIN))) | {"super"}


def _calls(source: str) -> set[str]:
    """Return what stands behind a # in markup: neither escaped nor in a string."""
    plain = re.sub(r'"(?:\\.|[^"\\])*"', '""', re.sub(r"\\\\|\\[^\"u]", "", source))
    return set(re.findall(r"#(\w+|\S)", plain))


def test_documents_of_all_texts_compile() -> None:
    for text in ("\n".join(TEXTS.values()), *(TEXTS[n] for n in ("typst-read", "typst-string"))):
        assert pdf(page(text)).startswith(b"%PDF")


@pytest.mark.sampled(6)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_markdown_has_no_element_of_a_text(text: str) -> None:
    tokens = _parsed(markdown(page(text)))
    for token in tokens:
        if token.type.startswith("html"):
            assert re.fullmatch(r"</?(span|code|a)>|<a id=\"(line|lemma)-\d+\">", token.content)
        if token.type == "link_open":
            assert re.fullmatch(r"#(line|lemma)-\d+", token.attrs["href"])
        assert token.type not in ("blockquote_open", "hr", "code_block")
        assert token.type != "image" or token.attrs["src"] == "graph.svg"
    plain = _parsed(markdown(page(PLAIN)))
    for kind in ("heading_open", "table_open", "fence", "bullet_list_open", "ordered_list_open"):
        assert _count(tokens, kind) == _count(plain, kind)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_web_page_has_the_elements_of_the_document_alone(text: str) -> None:
    plain, found = (elements(html(page(t))) for t in (PLAIN, text))
    assert [tag for tag, _ in found] == [tag for tag, _ in plain]
    assert [{*given} for _, given in found] == [{*given} for _, given in plain]


def _parsed(source: str) -> list[Any]:
    return list(_flat(MarkdownIt("gfm-like", {"linkify": False}).parse(source)))


def _flat(tokens: Any) -> Iterator[Any]:
    for token in tokens:
        yield token
        yield from _flat(token.children or ())


def _count(tokens: list[Any], kind: str) -> int:
    return sum(t.type == kind for t in tokens)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_pictures_have_the_elements_of_the_graph_alone(text: str) -> None:
    plain, found = (
        ElementTree.fromstring(GraphPicture(graph_of(sd.derive(posed(t, "title")).data)).svg())
        for t in (PLAIN, text)
    )
    assert [e.tag for e in found.iter()] == [e.tag for e in plain.iter()]
    assert [e.attrib for e in found.iter()] == [e.attrib for e in plain.iter()]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_json_holds_a_text_as_it_is_and_shows_all_of_it(text: str) -> None:
    problem = posed(text)
    certificate = replace(evidence().certificate, problem=problem_data(problem))
    source = certificate.to_json()
    data = json.loads(source)["problem"]
    assert data["title"] == data["question"] == data["source"] == data["meanings"]["X"] == text
    assert data["claims"][0]["question"] == text
    for char in source:
        assert char == "\n" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co")
    assert json.loads(json_text(text, ascii_only=True)) == text


@cache
def checked_claims() -> Answers:
    answers = sd.check(posed(PLAIN))
    assert isinstance(answers, Answers)
    return answers


def told(text: str) -> Answers:
    """Return answers of which every text is the given one: a verdict, and a claim without one."""
    (answer,) = checked_claims()
    claim = ClaimText(text, (text, text), text)
    named = replace(answer, name=text, reason=text)
    unread = Answer(text, claim, answer.problem, "unreadable", reason=text)
    return Answers((named, unread, replace(unread, problem=None)))


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_reports_of_claims_hold_texts_as_data(text: str) -> None:
    files = told(text).files(["md", "tex", "html", "json"], title=text)
    known = told(PLAIN).files(["tex"], title=PLAIN)["answers.tex"].decode()
    assert _commands(files["answers.tex"].decode()) <= _commands(known) | _SPELLED
    assert _braces(files["answers.tex"].decode()) == 0
    for token in _parsed(files["answers.md"].decode()):
        assert token.type not in ("link_open", "image", "html_block", "hr", "blockquote_open")
        if token.type == "html_inline":
            assert token.content in ("<span>", "</span>", "<code>", "</code>")
    plain = elements(told(PLAIN).files(["html"], title=PLAIN)["answers.html"].decode())
    tags = {tag for tag, _ in plain}
    assert {tag for tag, _ in elements(files["answers.html"].decode())} <= tags
    data = json.loads(files["answers.json"])
    assert data[0]["name"] == data[1]["about"] == data[1]["reason"] == text


def test_a_report_of_all_texts_compiles() -> None:
    for text in ("\n".join(TEXTS.values()), *(TEXTS[n] for n in ("typst-read", "typst-string"))):
        assert told(text).files(["pdf"], title=text)["answers.pdf"].startswith(b"%PDF")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_name_is_refused_wherever_a_name_stands(name: str) -> None:
    places = [
        lambda: sd.problem("L(X @ W)", name=name or " "),
        lambda: sd.problem("L(X @ W)", upstream=name),
        lambda: sd.problem("L(X @ W)", variables={name: "n, d"}),
        lambda: sd.problem("L(X @ W)", X="n, d, " + (re.sub(r"[\s,]", "!", name) or "!")),
        lambda: sd.problem("L(X @ W)", meanings={name: "x"}),
        lambda: sd.problem("L(X @ W)", wrt=[name]),
        lambda: sd.derive("L(X @ W)", wrt=[name]),
        lambda: sd.load(f"{name}/none"),
        lambda: sd.check("L(X @ W)", wrt=name, claim="X"),
    ]
    for ask in places:
        with pytest.raises(SymderivError) as refused:
            ask()
        assert len(str(refused.value)) < 2_000


@pytest.mark.parametrize("name", MODULES)
def test_a_problem_takes_the_name_of_no_module(name: str) -> None:
    with pytest.raises(SymderivError, match="a problem cannot be called"):
        sd.problem("L(X @ W)", name=name)


def test_a_wide_form_of_a_sign_of_latex_is_that_sign_escaped() -> None:
    assert "\\textbackslash{}input\\{" in latex(page(TEXTS["latex-wide"]))


@pytest.mark.parametrize(
    "source",
    [
        "import os",
        "from os import system",
        "import numpy.f2py.os",
        "x = __import__('os')",
        "x = eval('1')",
        "x = open('f')",
        "x = ().__class__",
        "x = getattr(1, 'real')",
        "global np",
        "class A:\n    pass",
    ],
)
def test_code_that_the_generator_never_writes_is_not_run(source: str) -> None:
    with pytest.raises(CheckError, match="may not use"):
        checked(source)


def test_invisible_characters_are_shown_by_their_escapes() -> None:
    assert visible("a\u202e\x1b\n\tb") == "a\\u202e\\x1b\n\tb"
