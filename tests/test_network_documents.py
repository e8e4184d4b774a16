"""Documents of networks: short, in the writer's names, and no derivation twice."""

from __future__ import annotations

import re
from functools import cache

import pytest
from test_library import NAMES

import symderiv as sd
from symderiv.codegen.module import module_of
from symderiv.derivation.narration import canonical, essential
from symderiv.documents.arrange import build
from symderiv.documents.model import Boxed, CostTable
from symderiv.documents.render import latex, markdown, pictures
from symderiv.documents.widths import lines, width
from symderiv.notation.unicode import unicode
from symderiv.ops.written import Writer

ROOM = 36.0  # em of a formula in the table of all gradients


@cache
def document(name: str) -> sd.documents.model.Document:
    d = sd.derive(sd.load(name))
    return build(d.data, code=module_of(d.data).excerpt)


@pytest.mark.parametrize("name", NAMES)
def test_a_cited_derivation_is_the_earlier_one_renamed(name: str) -> None:
    d = sd.derive(sd.load(name))
    sections = {s.target: s for s in d.sections}
    for target, known in d.data.repeats.items():
        assert known.model.target not in d.data.repeats
        model, own = essential(known.model), essential(sections[target])
        assert [s.law for s in model] == [s.law for s in own]
        for a, b in zip(model, own, strict=True):
            for before, after in ((a.before, b.before), (a.after, b.after)):
                assert canonical(known.renaming.apply(before)) is canonical(after)


def test_the_weights_and_biases_of_the_encoder_are_derived_once() -> None:
    d = sd.derive(sd.load("encoder-block"))
    cited = {str(t.data): str(a.model.target.data) for t, a in d.data.repeats.items()}
    assert cited["N1"] == "N2"
    assert cited["R1"] == "R2"
    assert (cited["Wk"], cited["Wv"]) == ("Wq", "Wq")
    assert (cited["W1"], cited["W2"]) == ("Wo", "Wo")
    assert {cited[b] for b in ("beta1", "beta2", "b1", "b2")} == {"bo"}


def test_different_derivations_are_not_cited() -> None:
    d = sd.derive(sd.load("encoder-block"))
    assert not {"K", "Q", "X", "A", "S"} & {str(t.data) for t in d.data.repeats}
    assert not sd.derive(sd.load("linear-layer")).data.repeats


@pytest.mark.slow
def test_the_encoder_has_fewer_than_twelve_pages() -> None:
    d = sd.derive(sd.load("encoder-block"))
    whole = build(d.data, code=module_of(d.data).excerpt, verdicts=d.verdicts)
    assert len(pictures(whole, ppi=10)) < 12


def test_the_encoder_is_written_in_the_names_of_its_definitions() -> None:
    d = sd.derive(sd.load("encoder-block"))
    made = [str(s.expr.data) for s in d.data.stages if s.automatic]
    assert made == ["sigma1", "sigma2"]  # what the norms divide by
    known = {*d.problem.definitions, *d.problem.variables, "G"}
    assert {n[1:] for n in d.data.adjoints} <= known
    sections = {str(s.given.data) for s in d.sections if s.given is not None}
    assert sections - {"G"} == {*d.data.adjoints}


@pytest.mark.parametrize("name", ["encoder-block", "decoder-block", "lstm-cell", "vae-loss"])
def test_every_result_has_at_most_two_lines(name: str) -> None:
    doc = document(name)
    tables = [b for b in doc.blocks if isinstance(b, CostTable)]
    shown = [m for t in tables for m in (*(r.formula for r in t.rows), *t.where)]
    assert shown
    for formula in shown:
        found = lines(formula, ROOM)
        assert len(found) <= 2
        assert max(map(width, found)) < 1.25 * ROOM


def test_every_cotangent_is_explained_once_and_in_backward_order() -> None:
    d = sd.derive(sd.load("encoder-block"))
    (table,) = (b for b in build(d.data).blocks if isinstance(b, CostTable))
    order = [unicode(Writer()(s.given)) for s in d.sections if s.given is not None]
    heads = [unicode(r.gradient).partition(" ≔ ") for r in table.rows]
    assert [name for name, defined, _ in heads if defined] == order
    assert {by for name, defined, by in heads if not defined} == {""}
    assert len(heads) == len(order) + len(d.problem.wrt)


def test_boxes_are_numbered_and_every_format_prints_them() -> None:
    doc = document("encoder-block")
    boxes = [b for b in doc.blocks if isinstance(b, Boxed)]
    assert [b.number for b in boxes] == sorted({b.number for b in boxes})
    assert re.search(r"steps \[\d+\]\(#line-\d+\)–\[", markdown(doc))
    assert r"\showbeside" in latex(doc)
