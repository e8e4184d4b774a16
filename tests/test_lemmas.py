"""What derivatives rest on: every function of the table is defined, and differentiated once."""

from dataclasses import replace

import pytest

import symderiv as sd
from symderiv.core.errors import CheckError
from symderiv.derivation.lemmas import lemma_of, lemmas_of
from symderiv.derivation.narration.steps import Act, LawOf
from symderiv.ops import TABLE
from symderiv.ops.base import Definition, Identity
from symderiv.ops.text import text

BASES = {o.name: o.rests_on for o in TABLE.values() if not isinstance(o.rests_on, str)}
# What stands for itself: names, numbers, constants, and products of what is there.
GIVEN = {
    "mul", "pow", "size", "const", "ones", "zeros", "eye", "onehot", "delta", "causal_mask",
    "max_mask", "min_mask", "apply", "concat", "Prod", "commutation",
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_every_derivative_rests_on_something(name: str) -> None:
    o = TABLE[name]
    assert o.rests_on or o.linear or o.plain or o.internal or name in GIVEN


@pytest.mark.sampled(14)
@pytest.mark.parametrize("name", BASES)
def test_every_line_of_every_lemma_holds(name: str) -> None:
    lemma = lemma_of(BASES[name])
    assert lemma.recheck() > 0
    assert len(lemma.short) <= 12


@pytest.mark.parametrize(
    "name", ["softmax", "layernorm", "norm", "inv", "sigmoid", "cross_entropy"]
)
def test_a_lemma_keeps_clear_of_names_that_are_taken(name: str) -> None:
    basis = BASES[name]
    assert isinstance(basis, Definition | Identity)
    taken = frozenset({"x", "y", "t", "n", "X", "Y", "g", "mu", "s"})
    lemma = lemma_of(basis, taken)
    assert not taken & {*lemma.problem.taken, str(lemma.value.data)}
    assert lemma.recheck() == lemma_of(basis).recheck()


def test_a_wrong_definition_is_noticed() -> None:
    found = lemma_of(Definition.of_vector("softmax(x, axis=0)", "t = sum(exp(x)); exp(x) / t"))
    basis = BASES["softmax"]
    assert isinstance(basis, Definition)
    wrong = lemma_of(replace(basis, value="t = 1 + sum(exp(x)); exp(x) / t"))
    assert wrong.steps != found.steps  # another function has another derivative
    steps = (*found.steps[:-1], replace(found.steps[-1], after=found.steps[0].after))
    with pytest.raises(CheckError):
        replace(found, steps=steps).recheck()


def test_a_wrong_identity_is_noticed() -> None:
    basis = Identity.of_matrix("inv(X)", "X @ Y @ X", "eye(n)", "wrongly")
    with pytest.raises(CheckError):
        lemma_of(basis).recheck()


def test_softmax_is_derived_as_textbooks_do() -> None:
    basis = BASES["softmax"]
    assert isinstance(basis, Definition)
    lines = [text(s.after) for s in lemma_of(basis).short]
    assert lines == [
        "Sum(i, exp(x[i]))",
        "exp(x[p])",
        "exp(x[i]) / t",
        "-exp(x[i]) * exp(x[p]) / t ** 2 + exp(x[i]) * delta(i, p) / t",
        "y[i] * delta(i, p) - y[i] * y[p]",
        "g[p] * y[p] - Sum(i, g[i] * y[i] * y[p])",
    ]


def test_a_sum_that_is_zero_is_dropped_with_its_reason() -> None:
    basis = BASES["layernorm"]
    assert isinstance(basis, Definition)
    (dropped,) = (s for s in lemma_of(basis).steps if s.law == "zero sum")
    assert text(dropped.after) == "2 * c[p] / n"
    assert dropped.reason[0] == "the entries of "


def test_lemmas_come_after_those_that_they_rest_on() -> None:
    d = sd.derive("gaussian-process")
    steps = [s for section in d.sections for s in section.steps]
    names = list(lemmas_of(steps))
    assert names.index("inv") < names.index("logdet")


@pytest.mark.sampled(3)
@pytest.mark.parametrize("lemmas", ["none", "short", "full"])
def test_a_document_has_the_lemmas_that_were_asked_for(lemmas: str) -> None:
    page = sd.derive("softmax-cross-entropy").files(["md"], lemmas=lemmas)["derivation.md"]
    shown = page.decode()
    assert ("Lemma 1" in shown) is (lemmas != "none")
    assert ("lemma [1](#lemma-1)" in shown) is (lemmas != "none")


def test_the_certificate_counts_the_lines_of_lemmas() -> None:
    plain = sd.derive("L(X @ W)", X="n, d", W="d, m", wrt="W").verify().steps["equations"]
    assert (
        sd.derive("L(softmax(X @ W))", X="n, d", W="d, m", wrt="W").verify().steps["equations"]
        > plain + lemma_of(BASES["softmax"]).recheck()
    )  # type: ignore[arg-type]


def test_reasons_hold_mathematics_in_the_names_of_the_lemma() -> None:
    basis = TABLE["inv"].rests_on
    assert not isinstance(basis, str)
    steps = lemma_of(basis, frozenset("X")).steps
    said = "".join(p if isinstance(p, str) else text(p) for p in steps[2].reason)
    assert said == "multiplied by Y from the left, with Y @ A = eye(n)"


@pytest.mark.parametrize(
    ("name", "last"), [("inv", "-Y[i, p] * Y[q, j]"), ("sigmoid", "y * (1 - y)")]
)
def test_lemmas_end_in_what_derivations_use(name: str, last: str) -> None:
    basis = TABLE[name].rests_on
    assert not isinstance(basis, str)
    assert text(lemma_of(basis).steps[-1].after) == last


FOLDED = [
    ("sum(log(1 + exp(-y * (X @ w))))", {"X": "n, d", "w": "d", "y": "n"}, "r", "sigmoid(r)"),
    ("log(sum(exp(x)))", {"x": "n"}, "x", "softmax(x, axis=0)"),
    ("sum(log(sum(exp(X @ W), axis=1)))", {"X": "n, d", "W": "d, m"}, "Z", "softmax(Z)"),
]


@pytest.mark.parametrize(("objective", "variables", "target", "folded"), FOLDED)
def test_what_folds_to_a_function_is_folded_in_a_printed_step(
    objective: str, variables: dict[str, str], target: str, folded: str
) -> None:
    found = sd.derive(objective, **variables)
    section = next(s for s in found.sections if str(s.target.data) == target)
    put, fold = [s for s in section.steps if s.law is Act.FOLD]
    assert put.after is fold.before
    assert text(section.result) == folded
    assert isinstance(fold.reason[0], LawOf)
    whole = [s for s in found.data.differentials if s.law is Act.FOLD]
    assert text(whole[-1].after) == folded
    assert found.recheck() > 0


def test_nothing_is_folded_that_the_writer_named() -> None:
    found = sd.derive("p = 1 + exp(x); sum(log(p))", x="n")
    assert all(s.law is not Act.FOLD for section in found.sections for s in section.steps)
