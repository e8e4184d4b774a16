"""Every problem that can be derived has a document, in every format; losses may be nested."""

from __future__ import annotations

from random import Random

import pytest
from test_table import DECLARED, PUBLIC, wrapped

import symderiv as sd
from symderiv.codegen.module import compile_module, module_of
from symderiv.core.errors import NoEntriesError
from symderiv.core.expr import walk
from symderiv.derivation.derivations import DerivedGradients
from symderiv.documents.arrange import build
from symderiv.documents.render import latex, markdown, typst
from symderiv.evidence.example import worked_example
from symderiv.problems.problem import problem
from symderiv.results.outputs import entries_example

EVERY = [(op.name, s) for op in PUBLIC for s in op.samples]
FEW = Random(0).sample(EVERY, 24)


def written(sample: str) -> list[str]:
    """Return the document of a sample of the table as Markdown, LaTeX and Typst."""
    p = problem(wrapped(sample), **DECLARED)
    used = {str(e.data) for e in walk(p.objective) if e.op == "var"}
    d = DerivedGradients(p, [n for n in p.variables if n in used])
    try:
        explicit = entries_example(d)
    except NoEntriesError:
        explicit = None
    page = build(
        d,
        explicit=explicit,
        example=worked_example(d),
        code=compile_module(module_of(d)).module.excerpt,
    )
    return [show(page) for show in (markdown, latex, typst)]


@pytest.mark.parametrize(("name", "sample"), FEW)
def test_some_samples_have_documents(name: str, sample: str) -> None:
    assert all(written(sample)), name


@pytest.mark.slow
@pytest.mark.sampled(by="name", rest="exhaustive")
@pytest.mark.parametrize(("name", "sample"), EVERY)
def test_every_sample_has_a_document(name: str, sample: str) -> None:
    assert all(written(sample)), name


NESTED = {
    "L(L(x) * x)": "L(x) * G2 + (G2.T @ x) * G1",
    "L(x * L(x) + L(2 * x))": "L(x) * G3 + 2 * sum(G3) * G2 + (G3.T @ x) * G1",
}


@pytest.mark.parametrize("text", NESTED)
def test_a_loss_inside_a_loss_is_passed_to_the_code(text: str) -> None:
    d = sd.derive(sd.problem(text, x="n"))
    assert d["x"].text == NESTED[text]
    assert d.verify()
