"""Claims: every verdict is decided by evaluation, every counterexample really separates."""

from itertools import pairwise

import pytest

import symderiv as sd
from symderiv.claims import Checker
from symderiv.claims.deciding import Comparer
from symderiv.core.errors import IndexNameError, LanguageError, ParseError, UnknownNameError
from symderiv.ops.text import text
from symderiv.problems import ClaimText, problem
from symderiv.values.explicit import Explicit, same_cells

LINEAR = ("L(X @ W + ones(n) @ b.T)", {"X": "n, d", "W": "d, m", "b": "m"})
SQUARES = ("0.5 * norm(X @ w - y) ** 2", {"X": "n, d", "w": "d", "y": "n"})
QUADRATIC = ("x.T @ A @ x", {"x": "n", "A": "n, n"})
MEAN = ("mean((X @ w - y) ** 2)", SQUARES[1])
NETWORK = ("L(tanh(X @ W))", {"X": "n, d", "W": "d, m"})
LABELS = ("-sum(Y * logsoftmax(Z))", {"Y": "n, k", "Z": "n, k"})
ABSOLUTE = ("abs(x.T @ y)", {"x": "n", "y": "n"})
RECTIFIED = ("L(relu(X @ W))", {"X": "n, d", "W": "d, m"})

TABLE = [
    (LINEAR, "W", "X.T @ G", "right", ()),
    (LINEAR, "W", "(G.T @ X).T", "right", ()),
    (LINEAR, "W", "Sum(i, X[i, :].T @ G[i, :])", "right", ()),
    (LINEAR, "W", "X.T @ (G - G / 2) * 2", "right", ()),
    (LINEAR, "W", "G.T @ X", "transposed", ("transposed",)),
    (LINEAR, "W", "-X.T @ G", "wrong", ("sign",)),
    (LINEAR, "W", "X.T @ G / 2", "wrong", ("missing-factor",)),
    (LINEAR, "W", "X.T @ G / n", "wrong", ("sum-vs-mean",)),
    (LINEAR, "W", "n * X.T @ G", "wrong", ("sum-vs-mean",)),
    (LINEAR, "W", "X[i, :].T @ G[i, :]", "wrong", ("missing-sum",)),
    (LINEAR, "W", "G[i, :].T @ X[i, :]", "wrong", ("missing-sum", "transposed")),
    (LINEAR, "W", "G @ X.T", "wrong", ("factor-order",)),
    (LINEAR, "b", "G.T @ ones(n)", "right", ()),
    (LINEAR, "b", "sum(G, axis=0).T", "right", ()),
    (LINEAR, "b", "sum(G, axis=0)", "transposed", ("transposed",)),
    (LINEAR, "b", "G[i, :].T", "wrong", ("missing-sum",)),
    (LINEAR, "b", "mean(G, axis=0).T", "wrong", ("sum-vs-mean",)),
    (LINEAR, "X", "G @ W.T", "right", ()),
    (LINEAR, "X", "G @ W", "wrong", ("transposed",)),
    (SQUARES, "w", "X.T @ (X @ w - y)", "right", ()),
    (SQUARES, "w", "X.T @ X @ w - X.T @ y", "right", ()),
    (SQUARES, "w", "2 * X.T @ (X @ w - y)", "wrong", ("missing-factor",)),
    (SQUARES, "w", "X.T @ (y - X @ w)", "wrong", ("sign",)),
    (SQUARES, "w", "(X @ w - y).T @ X", "transposed", ("transposed",)),
    (QUADRATIC, "x", "(A + A.T) @ x", "right", ()),
    (QUADRATIC, "x", "2 * A @ x", "right-if", ("assumption",)),
    (QUADRATIC, "x", "x.T @ (A + A.T)", "transposed", ("transposed",)),
    (QUADRATIC, "A", "x @ x.T", "right", ()),
    (MEAN, "w", "2 * X.T @ (X @ w - y) / n", "right", ()),
    (MEAN, "w", "2 * X.T @ (X @ w - y)", "wrong", ("sum-vs-mean",)),
    (NETWORK, "W", "X.T @ (G * (1 - tanh(X @ W) ** 2))", "right", ()),
    (NETWORK, "W", "X.T @ G", "wrong", ("chain-factor",)),
    (NETWORK, "W", "X.T @ (G * (1 - tanh(tanh(X @ W)) ** 2))", "wrong", ("chain-factor",)),
    (QUADRATIC, "x", "A @ x", "wrong", ()),
    (MEAN, "w", "-2 * X.T @ (X @ w + y) / n", "wrong", ()),
    (("mean(x ** 2)", {"x": "n"}), "x", "x / 2", "right-if", ("assumption",)),
    (("mean(x ** 2)", {"x": "n"}), "x", "-x / 3", "wrong", ()),
    (LABELS, "Z", "softmax(Z, axis=1) - Y", "right-if", ("assumption",)),
    (ABSOLUTE, "x", "y", "right-if", ("assumption",)),
    (RECTIFIED, "W", "X.T @ G", "wrong", ("chain-factor",)),
]
ASSUMED = [
    (("mean(x ** 2)", {"x": "n"}), "x", "x / 2", "n = 4"),
    (LABELS, "Z", "softmax(Z, axis=1) - Y", "every row of Y sums to 1"),
    (ABSOLUTE, "x", "y", "the entries of x and y are positive"),
    (
        ("norm(P @ x)**2", {"P": "n, n", "x": "n"}),
        "x",
        "2 * P @ x",
        "P is symmetric and idempotent",
    ),
    (("norm(Q @ x)**2", {"Q": "n, n", "x": "n"}), "x", "2 * x", "Q is orthogonal"),
    (("sum((x - m)**2)", {"x": "n", "m": "scalar"}), "m", "0 * m", "m = mean(x)"),
    (("sum(A @ x) / n", {"A": "m, n", "x": "n"}), "x", "A.T @ ones(m) / m", "m = n"),
]


@pytest.mark.parametrize(("of", "wrt", "claim", "words"), ASSUMED)
def test_assumption_under_which_a_claim_is_right_is_found(of, wrt, claim, words) -> None:
    found = sd.check(of[0], wrt=wrt, claim=claim, **of[1])
    assert (found.verdict, found.assumption) == ("right-if", words)
    assert found.counterexample is not None  # it is not right in general


def test_inverse_for_transpose_is_a_slip() -> None:
    found = sd.check("L(W @ X)", wrt="W", claim="G @ inv(X)", W="m, n", X="n, n")
    assert (found.verdict, found.slips) == ("wrong", ("transposed",))


@pytest.mark.sampled(2)
@pytest.mark.parametrize(("of", "wrt", "claim", "verdict", "slips"), TABLE)
def test_claim_gets_its_verdict_and_its_slip(of, wrt, claim, verdict, slips) -> None:
    found = sd.check(of[0], wrt=wrt, claim=claim, **of[1])
    assert (found.verdict, found.slips[: len(slips)]) == (verdict, slips), found.diagnosis


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("of", "wrt", "claim", "verdict", "slips"), TABLE)
def test_correction_equals_the_gradient(of, wrt, claim, verdict, slips) -> None:
    found = sd.check(of[0], wrt=wrt, claim=claim, **of[1])
    p = problem(of[0], **of[1])
    right = p.read(found.correction)
    truth = sd.derive(p)[wrt].expr
    assert Comparer(p, [right, truth]).equal(right, truth)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("of", "wrt", "claim", "verdict", "slips"), TABLE)
def test_counterexample_separates_both_sides(of, wrt, claim, verdict, slips) -> None:
    found = sd.check(of[0], wrt=wrt, claim=claim, **of[1])
    c = found.counterexample
    if c is None:
        assert verdict in ("right", "transposed")
        return
    assert not same_cells(c.claimed_cells, c.right_cells)
    p = problem(of[0], **of[1])
    sizes = {**dict.fromkeys(p.dims, 1), **c.sizes}
    at = Explicit(sizes, c.values, positions=c.indices)
    assert same_cells(at.cells(c.claimed), c.claimed_cells)
    assert same_cells(at.cells(c.right), c.right_cells)


def test_counterexample_is_the_smallest() -> None:
    found = sd.check(LINEAR[0], wrt="W", claim="X[i, :].T @ G[i, :]", **LINEAR[1])
    assert found.counterexample is not None
    assert found.counterexample.sizes == {"n": 2, "d": 1, "m": 1}
    found = sd.check(LINEAR[0], wrt="W", claim="2 * X.T @ G", **LINEAR[1])
    assert found.counterexample is not None
    assert found.counterexample.sizes == {"n": 1, "d": 1, "m": 1}


def test_asker_gets_three_right_answers() -> None:
    p = sd.load("linear-layer")
    verdicts = [Checker(p).check(c) for c in p.claims]
    assert [v.answer for v in verdicts] == ["No."] * 3
    assert verdicts[0].slips == ("missing-sum", "transposed")
    assert verdicts[1].slips == ("missing-sum", "transposed")
    assert verdicts[2].slips == ("missing-sum", "index-swap")
    assert [v.correction for v in verdicts] == [
        "Sum(i, X[i, :].T @ G[i, :])",
        "Sum(i, X[i, :].T @ G[i, :])",
        "Sum(i, G[i, q] * X[i, p])",
    ]
    assert [v.corrects for v in verdicts] == ["dL/dW", "dL/dW", "dL/dW[p, q]"]
    for v in verdicts:
        assert v.counterexample is not None
        assert v.counterexample.sizes["n"] == 2


@pytest.mark.parametrize(
    ("about", "says", "verdict"),
    [
        ("dL/dW[p, q]", "Sum(i, X[i, p] * G[i, q])", "right"),
        ("dL/dW[p, q]", "(X.T @ G)[p, q]", "right"),
        ("dL/dW[1, 2]", "Sum(i, X[i, 1] * G[i, 2])", "right"),
        ("dL/dW[1, 2]", "Sum(i, X[i, 2] * G[i, 1])", "wrong"),
        ("dL/dW[p, q]", "X[i, p] * G[i, q]", "wrong"),
        ("dL/db[q]", "Sum(i, G[i, q])", "right"),
        ("dL/db[q]", "G[i, q]", "wrong"),
    ],
)
def test_entry_claims(about: str, says: str, verdict: str) -> None:
    p = problem(LINEAR[0], **LINEAR[1])
    assert Checker(p).check(ClaimText(about, (says,))).verdict == verdict


@pytest.mark.parametrize(
    ("says", "verdict"),
    [
        (("X.T @ G", "(G.T @ X).T", "Sum(i, X[i, :].T @ G[i, :])"), "right"),
        (("X.T @ G", "G.T @ X"), "transposed"),
        (("X.T @ G", "2 * X.T @ G"), "wrong"),
        (("X[1, :].T @ G[1, :]", "X[2, :].T @ G[2, :]", "X[3, :].T @ G[3, :]"), "wrong"),
        (("X @ W", "Z"), "wrong"),
        (("X @ W + ones(n) @ b.T", "Z"), "right"),
    ],
)
def test_claims_that_several_things_are_equal(says: tuple[str, ...], verdict: str) -> None:
    p = problem("Z = X @ W + ones(n) @ b.T; L(Z)", **LINEAR[1])
    assert Checker(p).check(ClaimText("equal", says)).verdict == verdict


def test_right_only_when_two_sizes_are_equal_is_wrong() -> None:
    found = sd.check("L(X @ W)", wrt="W", claim="X @ G", X="n, d", W="d, m")
    assert found.verdict == "wrong"
    assert "columns" in found.diagnosis


@pytest.mark.parametrize(
    ("expression", "claim", "variables"),
    [
        ("0.5 * x.T @ x", "x * (1 + (n - 1) * (n - 2))", {"x": "n"}),
        ("0.5 * x.T @ x", "x * (1 + (n - 1) * (n - 2) * (n - 3) * (n - 4))", {"x": "n"}),
        ("0.5 * x.T @ x", "x + relu(x - 50)", {"x": "n"}),
        ("0.5 * x.T @ x", "x + where(x > 100, 1, 0)", {"x": "n"}),
        ("0.5 * x.T @ x", "exp(log(x))", {"x": "n"}),
        ("0.5 * x.T @ x", "sqrt(x) ** 2", {"x": "n"}),
        ("sum(fpp(x))", "6 / 5 * ones(n)", {"x": "n", "f": "entrywise"}),
        ("L(x) ** 2", "10 / 3 * G", {"x": "n"}),
    ],
)
def test_what_is_right_at_small_points_only_is_wrong(expression, claim, variables) -> None:
    assert sd.check(expression, wrt="x", claim=claim, **variables).verdict == "wrong"


@pytest.mark.parametrize(
    ("left", "right"),
    [("L(X)", "L(Y)"), ("x @ x.T", "x.T @ x"), ("sum(x)", "x"), ("trace(A)", "A"),
     ("relu(x - 1000)", "0 * x")],
)  # fmt: skip
def test_different_things_are_not_equal(left: str, right: str) -> None:
    assert sd.equal(left, right).verdict == "wrong"


def test_claims_may_be_about_definitions() -> None:
    p = problem("H = tanh(X @ W); Y = H @ V; L(Y)", X="n, d", W="d, h", V="h, m")
    assert sd.check(p, wrt="Y", claim="G").verdict == "right"
    assert sd.check(p, wrt="H", claim="G @ V.T").verdict == "right"
    assert sd.check(p, wrt="H", claim="G @ V").verdict == "wrong"


def test_verdict_does_not_depend_on_names() -> None:
    for a, b in pairwise(["X", "Q", "alpha"]):
        for name in (a, b):
            v = sd.check(
                f"L({name} @ W)", wrt="W", claim=f"G.T @ {name}", **{name: "n, d"}, W="d, m"
            )
            assert v.verdict == "transposed"


@pytest.mark.parametrize(
    ("about", "says", "error"),
    [
        ("dL/dQ", "X", UnknownNameError),
        ("dFoo/dW", "X.T @ G", ParseError),
        ("dL/dW", "ones(d, q)", ParseError),
        ("gradient", "X", ParseError),
        ("dL/dW[p]", "X[1, 1]", IndexNameError),
        ("dL/dW[p, 0]", "X[1, 1]", ParseError),
        ("dL/dW", "X.T @", ParseError),
        ("dL/dW", "X.T @ H", UnknownNameError),
        ("dL/dW", "", ParseError),
        ("dL/dW", "__import__('os')", UnknownNameError),
        ("dL/dW", "X[0, :].T @ G", IndexNameError),
    ],
)
def test_claim_that_cannot_be_read_is_refused(about: str, says: str, error: type) -> None:
    p = problem(LINEAR[0], **LINEAR[1])
    with pytest.raises(error) as caught:
        Checker(p).check(ClaimText(about, (says,)))
    assert isinstance(caught.value, LanguageError)


@pytest.mark.parametrize(
    ("left", "right", "verdict"),
    [
        ("(A @ B).T", "B.T @ A.T", "right"),
        ("trace(A @ B)", "trace(B @ A)", "right"),
        ("x.T @ y", "y.T @ x", "right"),
        ("trace(A.T @ A)", "norm(A) ** 2", "right"),
        ("sum(tanh(X))", "sum(tanh(X.T))", "right"),
        ("A.T @ A", "A @ A.T", "wrong"),
        ("A @ B", "B @ A", "wrong"),
        ("x @ y.T", "y @ x.T", "transposed"),
        ("sin(x) ** 2 + cos(x) ** 2", "ones(n)", "right"),
        ("sqrt(x ** 2)", "x", "wrong"),
    ],
)
def test_two_expressions_are_compared(left: str, right: str, verdict: str) -> None:
    assert sd.equal(left, right).verdict == verdict


def test_verdict_texts_are_in_the_language() -> None:
    p = sd.load("linear-layer")
    for claim in p.claims:
        v = Checker(p).check(claim)
        assert v.correction_expr is not None
        assert text(v.correction_expr) == v.correction


def test_large_values_keep_what_a_declaration_fixes() -> None:
    for shape, left, right in (
        ("n, k onehot", "sum(T, axis=1)", "ones(n)"),
        ("n, n orthogonal", "T.T @ T", "eye(n)"),
        ("n, k binary", "T * T", "T"),
        ("n, k pm1", "T * T", "ones(n, k)"),
        ("n, k unit01", "abs(1 - T)", "1 - T"),
    ):
        assert sd.equal(left, right, T=shape).verdict == "right", shape


@pytest.mark.slow
def test_claims_may_use_the_names_that_gradients_are_written_in() -> None:
    p = sd.load("encoder-block")
    assert sd.check(p, wrt="W2", claim="F.T @ dR2").verdict == "right"
    assert sd.check(p, wrt="W2", claim="(dR2.T @ F).T").verdict == "right"
    found = sd.check(p, wrt="W2", claim="H.T @ dR2")
    assert (found.verdict, found.slips[0]) == ("wrong", "wrong-variable")
    assert found.correction == "F.T @ dR2"


@pytest.mark.slow
def test_gradients_that_are_all_but_zero_do_not_make_a_claim_right() -> None:
    claim = "X[i, :].T @ merge_heads(dQ1)[i, :]"
    found = sd.check(sd.load("decoder-block"), wrt="Wq1", claim=claim)
    assert (found.verdict, found.slips) == ("wrong", ("missing-sum",))


def test_vanishing_gradient_excuses_no_claim() -> None:
    of, variables = "det(A @ X)", {"A": "n, n", "X": "n, n invertible"}
    assert sd.check(of, wrt="X", claim="-det(A @ X) * inv(X).T", **variables).verdict == "wrong"


def test_index_form_of_nested_sums_reads_back() -> None:
    p = sd.load("attention")
    form = sd.derive(p)["Q"].index_form
    assert Checker(p).check(ClaimText("dL/dQ[p, q]", (form,))).verdict == "right"


@pytest.mark.parametrize(
    ("objective", "claim"),
    [("sum(sqrt(-exp(x)))", "sqrt(-exp(x)) / 2"), ("sum(log(-exp(x)))", "ones(n)")],
)
def test_equality_that_no_point_decides_is_not_decided(objective: str, claim: str) -> None:
    found = sd.check(objective, wrt="x", claim=claim, x="n")
    assert (found.verdict, found.answer) == ("undecided", "Not decided.")
    assert found.diagnosis.startswith("No point was found")


@pytest.mark.parametrize("claim", ["2 * T", "T", "T * trace(W @ W.T)", "-G @ W.T + T", "G @ W"])
@pytest.mark.parametrize("wrt", ["T", "W"])
def test_wrong_claims_about_tensors_are_answered(claim: str, wrt: str) -> None:
    found = sd.check("L(T @ W)", wrt=wrt, claim=claim, T="t, n, d", W="d, m")
    assert found.verdict == "wrong"
    assert found.correction_expr is not None


NET = ("L(tanh(X @ W) * tanh(X @ W))", {"X": "n, d", "W": "d, m"})


@pytest.mark.slow
@pytest.mark.parametrize("between", ["; ", "\n", " ;\n"])
def test_a_claim_may_define_names_before_what_it_says(between: str) -> None:
    right = between.join(["S = tanh(X @ W)", "2 * X.T @ (S * G * (1 - S ** 2))"])
    wrong = between.join(["S = tanh(X @ W)", "2 * X.T @ (S * G * (1 - S))"])
    assert sd.check(NET[0], wrt="W", claim=right, variables=NET[1])
    verdict = sd.check(NET[0], wrt="W", claim=wrong, variables=NET[1])
    assert verdict.verdict == "wrong"
    assert sd.check(NET[0], wrt="W", claim=verdict.correction, variables=NET[1])


def test_a_result_as_it_is_printed_is_a_claim() -> None:
    p = problem("sum(sigmoid(A @ x) * tanh(sigmoid(A @ x)) ** 2)", A="n, d", x="d")
    for name, result in sd.derive(p).items():
        assert ";" in result.text
        assert sd.check(p, wrt=name, claim=result.text)


def test_a_claim_that_only_defines_says_what_is_missing() -> None:
    with pytest.raises(ParseError, match="definitions stand before it"):
        sd.check(NET[0], wrt="W", claim="S = tanh(X @ W);", variables=NET[1])


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        ("X.T @ G", "the derivation ends in this very form"),
        ("(G.T @ X).T", "the same sum of products as `X.T @ G`"),
        ("X.T @ (G - G / 2) * 2", "written in indices, it is the same sum of products"),
    ],
)
def test_a_right_claim_is_told_why(claim: str, why: str) -> None:
    text_, declared = LINEAR
    found = sd.check(text_, wrt="W", claim=claim, **declared)
    assert found.verdict == "right"
    assert why in found.why
    assert found.why.replace("`", "") in str(found)
