"""Every symbol of a document is explained in it, once, and means one thing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from library_documents import derived, document_of, walked

import symderiv as sd
from symderiv.derivation.derivations import DerivedGradients
from symderiv.derivation.lemmas import lemmas_of
from symderiv.documents.arrange import build
from symderiv.documents.conditions import conditions
from symderiv.documents.model import (
    Display,
    Document,
    Heading,
    IndexRow,
    Line,
    Paragraph,
    ResultBox,
    Strong,
    SymbolRow,
)
from symderiv.documents.render import markdown
from symderiv.documents.symbols_shown import Scribe
from symderiv.notation.math import Big, Script, Sym, Tint, Word
from symderiv.notation.unicode import unicode
from symderiv.problems import library

NAMES = library.names()
STYLES = ("index", "differential")
# What everybody learns at school or in a first course on matrices.
SCHOOL = {"e", "pi"}
FUNCTIONS = {*"exp log det tr sinh cosh tanh sign sin cos tan max min".split(), "⊤", "∂", "ℝ", "…"}


def letters(x: object) -> set[str]:
    return {m.name for m in walked(x) if isinstance(m, Sym)}


def explained(page: Document, cotangents: set[str]) -> set[str]:
    """Return the letters that something in a document says the meaning of."""
    found: set[str] = set()
    section = ""
    for b in walked(page.blocks):
        if isinstance(b, Heading) and b.level == 1:
            section = "".join(p for p in b.title if isinstance(p, str))
        if isinstance(b, SymbolRow | IndexRow) or (isinstance(b, Display) and section == "Problem"):
            found |= letters(b)
        elif isinstance(b, ResultBox):
            found |= letters(b.where)
        elif _introduces(b):
            found |= letters(b)
        elif isinstance(b, Line) and b.left is not None:
            left = b.left.base if isinstance(b.left, Script) else b.left
            left = left.body if isinstance(left, Tint) else left
            found |= letters((left, b.reason)) if isinstance(left, Sym) else set()
            found |= letters(b.reason) if "cotangent" in str(b.reason) else set()
        if isinstance(b, Paragraph) and " and so for every name" in b.text:
            found |= cotangents
    return found


INTRODUCES = ("Indices", "Notation", "Take ", "Beside", "The same, split")


def _introduces(b: object) -> bool:
    words = b.text if isinstance(b, Paragraph) else b.lead if isinstance(b, Display) else ()
    first = words[0] if words else ""
    return isinstance(first, Strong) or str(first).startswith(INTRODUCES)


@pytest.mark.sampled(20)
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", NAMES)
def test_every_symbol_is_explained(name: str, style: str) -> None:
    page = document_of(name, style)
    given = [s.given for s in derived(name).sections if s.given is not None]
    cotangents = letters(tuple(Scribe(derived(name), {}).write(e) for e in given))
    cotangents |= {f"d{n}" for n in derived(name).problem.definitions}  # in the graph
    unknown = letters(page.blocks) - explained(page, cotangents) - SCHOOL
    assert not {x for x in unknown if not x.endswith("_bar")}


@pytest.mark.sampled(20)
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", NAMES)
def test_every_function_is_defined(name: str, style: str) -> None:
    page = document_of(name, style)
    said = [b for b in walked(page.blocks) if _introduces(b)]
    known = {m.text for m in walked(tuple(said)) if isinstance(m, Word)}
    used = {m.text for m in walked(page.blocks) if isinstance(m, Word) and m.function}
    assert used <= known | FUNCTIONS


@pytest.mark.sampled(20)
@pytest.mark.parametrize("name", NAMES)
def test_every_symbol_has_one_line(name: str) -> None:
    rows = [r for r in walked(document_of(name).blocks) if isinstance(r, SymbolRow)]
    symbols = [unicode(r.symbol) for r in rows]
    assert len(symbols) == len({*symbols})
    indices = [m for r in walked(document_of(name).blocks) if isinstance(r, IndexRow) for m in [r]]
    marks = {unicode(r.index) for r in indices}
    assert not marks & {*symbols}


@pytest.mark.sampled(20)
@pytest.mark.parametrize("name", NAMES)
def test_no_letter_means_two_things(name: str) -> None:
    d = derived(name)
    stages = {str(e.data) for s in d.sections for e in (s.target, s.given) if e is not None}
    names = {*d.problem.variables, *d.problem.definitions, *d.problem.upstream, *stages}
    sizes = {*d.problem.dims}
    indices = {i for s in d.sections for i in (*s.entry, *(n for n, _ in s.summed))}
    assert not names & sizes
    assert not indices & (names | sizes)
    own = [*(s for section in d.sections for s in section.steps), *d.differentials]
    for lemma in lemmas_of(own, frozenset(Scribe(d, {}).names)).values():
        local = {*lemma.problem.variables, *lemma.problem.definitions, str(lemma.value.data)}
        shared = {*d.problem.variables} & {"eps"}  # what a function is given besides its variable
        assert not (local - shared) & (names | sizes | indices), lemma.function


AXES = re.compile(r"(sum|mean|var)_?\{?(\\mathrm\{)?(rows|cols|axis)")


@pytest.mark.sampled(20)
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", NAMES)
def test_documents_speak_mathematics(name: str, style: str) -> None:
    shown = markdown(document_of(name, style))
    assert not AXES.search(shown)
    assert not re.search(r"\b([Gg]radient|[Dd]erivative|Jacobian|Hessian)s? by \$", shown)


@pytest.mark.parametrize(
    ("text", "shapes", "said"),
    [
        ("norm(r)", {"r": "n"}, ["r is not 0"]),
        ("norm(r) ** 2", {"r": "n"}, []),
        ("logdet(X)", {"X": "n, n"}, ["X is invertible"]),
        ("logdet(X)", {"X": "n, n spd"}, []),
        ("sum(log(x))", {"x": "n"}, ["x is above 0"]),
        ("sum(log(x))", {"x": "n positive"}, []),
        ("x.T @ A @ x / (x.T @ x)", {"x": "n", "A": "n, n"}, ["xᵀ x is not 0"]),
        ("sum(exp(x))", {"x": "n"}, []),
    ],
)
def test_conditions_are_said(text: str, shapes: dict[str, str], said: list[str]) -> None:
    d = sd.derive(text, **shapes)
    found = conditions(Scribe(DerivedGradients(d.problem, list(d)), {}))
    words = ["".join(p if isinstance(p, str) else unicode(p) for p in c) for c in found]  # type: ignore[arg-type]
    assert words == said


CASES = json.loads((Path(__file__).parent / "data/identities.json").read_text(encoding="utf-8"))
GRADIENTS = [n for n, c in CASES.items() if c["kind"] == "gradient"]


@pytest.mark.sampled(40)
@pytest.mark.parametrize("name", GRADIENTS)
def test_every_symbol_and_function_of_a_case_is_explained(name: str) -> None:
    case = CASES[name]
    found = sd.derive(case["expr"], wrt=case["wrt"], **case["variables"])
    d = DerivedGradients(found.problem, list(found))
    page = build(d, meanings=found.problem.meanings)
    given = [s.given for s in d.sections if s.given is not None]
    cotangents = letters(tuple(Scribe(d, {}).write(e) for e in given))
    sums = [m for m in walked(page.blocks) if isinstance(m, Big) and m.upper is not None]
    bound = letters(tuple(m.lower for m in sums))
    unknown = letters(page.blocks) - explained(page, cotangents) - SCHOOL - bound
    tabled = any(isinstance(b, IndexRow) for b in walked(page.blocks))
    assert not {x for x in unknown if not x.endswith("_bar")} - ({*"ijpq"} if not tabled else set())
    said = [b for b in walked(page.blocks) if _introduces(b)]
    known = {m.text for m in walked(tuple(said)) if isinstance(m, Word)}
    used = {m.text for m in walked(page.blocks) if isinstance(m, Word) and m.function}
    assert used <= known | FUNCTIONS


def test_a_lemma_is_cited_for_the_function_that_it_is_about() -> None:
    """The 2-norm has a lemma, from its definition; the sum of singular values has another law."""
    shown = markdown(build(DerivedGradients(sd.problem('norm(X, "nuc")', X="n, m"), ["X"])))
    assert "Lemma" not in shown
    assert "orthogonal polar factor" in shown
