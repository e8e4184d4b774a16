"""Words after a shape: each is a property that is read and said, or it is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest

import symderiv as sd
from symderiv.core import errors
from symderiv.documents.arrange import build as build_document
from symderiv.problems.declarations import Declarations
from symderiv.problems.problem import problem
from symderiv.problems.properties import PROPERTIES, crosswise, readings
from symderiv.values.sampling import point

REFUSED = (
    ("n complex", "complex", "every variable is real"),
    ("n, n psd", "psd", "spd"),
    ("n label", "label", "onehot"),
    ("n label(k)", "label(k)", "onehot"),
    ("n, label(k)", "label(k)", "onehot"),
    ("n integer", "integer", "count"),
    ("n, n positive definite", "definite", "spd"),
    ("n, n, psd", "psd", "spd"),
    ("n, n hermitian", "hermitian", "every variable is real"),
    ("n, n antisymmetric", "antisymmetric", "skew"),
    ("n, n unitary", "unitary", "orthogonal"),
    ("n, k one-hot", "one-hot", "onehot_cols"),
    ("n, d wide", "wide", "the properties are: symmetric skew"),
    ("n, n symetric", "symetric", "'symmetric'"),
    ("n d", "d", "separated by commas"),
    ("n onehot_cols wide", "wide", "the properties are: symmetric skew"),
    ("n, n spd d", "d", "separated by commas"),
    ("n x d", "x", "separated by commas"),
    ("scaler", "scaler", "'scalar'"),
)


@pytest.mark.parametrize(("declared", "word", "remedy"), REFUSED)
def test_an_unknown_word_after_a_shape_is_no_axis(declared: str, word: str, remedy: str) -> None:
    with pytest.raises(errors.DeclarationError) as raised:
        Declarations().declare("x", declared)
    span = raised.value.span
    assert span is not None
    assert span.text[span.start : span.stop] == word
    assert remedy in raised.value.remedy


@pytest.mark.parametrize("name", PROPERTIES)
def test_every_property_is_read_back(name: str) -> None:
    declared = Declarations()
    declared.declare("X", f"n, n {name}")
    assert len(list(readings(declared.variables["X"]))) == 1
    declared.declare("Y", f"n, n, {name}")  # with a comma as well
    assert declared.variables["Y"].properties == (name,)


def test_sizes_are_words_too() -> None:
    declared = Declarations()
    declared.declare("T", "batch, heads, time")
    assert [str(d) for d in declared.variables["T"].shape] == ["batch", "heads", "time"]


def test_onehot_means_rows_and_onehot_cols_columns() -> None:
    rows = problem("sum(Y)", Y="n, k onehot")
    cols = problem("sum(Y)", Y="n, k onehot_cols")
    for seed in range(5):
        sizes = {"n": 3, "k": 4}
        assert all(sum(r) == 1 for r in point(rows, sizes, seed)["Y"])
        cells = point(cols, sizes, seed)["Y"]
        assert all(sum(c) == 1 for c in zip(*cells, strict=True))
        assert {x for r in cells for x in r} <= {Fraction(0), Fraction(1)}


# With samples in columns the sums of one-hot columns are 1, and with samples in rows of rows.
SOFTMAX = (
    ("onehot", 1, "softmax(Z) - Y"),
    ("onehot_cols", 0, "softmax(Z, axis=0) - Y"),
)


@pytest.mark.parametrize(("kind", "axis", "text"), SOFTMAX)
def test_a_onehot_sum_is_one_along_its_axis(kind: str, axis: int, text: str) -> None:
    p = sd.problem(f"-sum(Y * logsoftmax(Z, axis={axis}))", Z="k, n", Y=f"k, n {kind}")
    assert sd.derive(p, wrt="Z")["Z"].text == text
    assert sd.check(p, wrt="Z", claim=text).verdict == "right"


MET = (
    ("-sum(Y * log(softmax(Z, axis=0)))", "softmax"),
    ("sum(logsumexp(Z, axis=0)) - sum(Y * Z)", "logsumexp"),
    ("sum(sum(Y * Z, axis=0) ** 2)", "sum"),
    ("P = softmax(Z, axis=0); -sum(Y * log(P))", "softmax"),
    ("-sum(Y * logsoftmax(Z, axis=1))", None),
    ("-sum(Y * logsoftmax(Z))", None),
    ("-sum(Y * Z)", None),
)


@pytest.mark.parametrize(("text", "op"), MET)
def test_what_goes_down_columns_is_pointed_out_beside_onehot_rows(text: str, op: str) -> None:
    p = problem(text, Z="k, n", Y="k, n onehot")
    found = crosswise(p.objective, p.variables["Y"])
    assert (found.op if found is not None else None) == op
    other = problem(text, Z="k, n", Y="k, n onehot_cols")
    assert crosswise(other.objective, other.variables["Y"]) is None


def test_a_document_says_how_onehot_is_read() -> None:
    p = problem("-sum(Y * log(softmax(Z, axis=0)))", Z="k, n", Y="k, n onehot")
    text = repr(build_document(sd.derive(p, wrt="Z").data))
    assert "has one-hot rows" in text
    assert "onehot_cols" in text


@pytest.mark.parametrize("name", ["ᵀ", "X·W", "ℝ", "x²", "1x", "X W", ""])
def test_a_sign_that_is_no_letter_is_no_name(name: str) -> None:
    with pytest.raises(errors.DeclarationError):
        Declarations().declare(name, "n")
