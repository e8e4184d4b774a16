"""Claims about Jacobians, Hessians and intermediates, in numerator layout."""

import pytest

import symderiv as sd
from symderiv.claims import Checker
from symderiv.claims.deciding import Comparer
from symderiv.cli.main import main
from symderiv.core.errors import SymderivError
from symderiv.problems import ClaimText, problem
from symderiv.values.explicit import same_cells

SINE = ("A @ sin(x)", {"A": "m, n", "x": "n"})
TWICE = ("A @ X @ B", {"A": "m, n", "X": "n, d", "B": "d, k"})
SQUARE = ("X @ X", {"X": "n, n"})
PRODUCT = ("x * (A @ x)", {"A": "n, n", "x": "n"})
SOFTMAX = ("softmax(x, axis=0)", {"x": "n"})
TANH = ("tanh(A @ x)", {"A": "m, n", "x": "n"})
INVERSE = ("inv(X)", {"X": "n, n"})

JACOBIANS = [
    (SINE, "x", "A @ diag(cos(x))", "right", ""),
    (SINE, "x", "A * cos(x).T", "right", ""),
    (SINE, "x", "diag(cos(x)) @ A.T", "transposed", "transposed"),
    (SINE, "x", "-A @ diag(cos(x))", "wrong", "sign"),
    (SINE, "x", "2 * A @ diag(cos(x))", "wrong", "missing-factor"),
    (SINE, "x", "A", "wrong", "chain-factor"),
    (SINE, "x", "A @ diag(sin(x))", "wrong", "chain-factor"),
    (SINE, "x", "A.T @ diag(cos(x))", "wrong", "transposed"),
    (SINE, "x", "cos(x)", "wrong", ""),
    (TWICE, "X", "kron(B.T, A)", "right", ""),
    (TWICE, "X", "kron(B, A.T)", "transposed", "transposed"),
    (TWICE, "X", "kron(A, B.T)", "wrong", "vec-order"),
    (TWICE, "X", "kron(B, A)", "wrong", "transposed"),
    (TWICE, "X", "kron(B.T, A) / 2", "wrong", "missing-factor"),
    (SQUARE, "X", "kron(X.T, eye(n)) + kron(eye(n), X)", "right", ""),
    (SQUARE, "X", "kron(X.T, eye(n))", "wrong", "missing-term"),
    (SQUARE, "X", "kron(X, eye(n)) + kron(eye(n), X)", "right-if", "assumption"),
    (SQUARE, "X", "2 * X", "wrong", ""),
    (PRODUCT, "x", "diag(A @ x) + diag(x) @ A", "right", ""),
    (PRODUCT, "x", "diag(A @ x)", "wrong", "missing-term"),
    (PRODUCT, "x", "diag(A @ x) - diag(x) @ A", "wrong", "sign"),
    (SOFTMAX, "x", "diag(softmax(x, axis=0))", "wrong", "missing-term"),
    (TANH, "x", "diag(1 - tanh(A @ x) ** 2) @ A", "right", ""),
    (TANH, "x", "A", "wrong", "chain-factor"),
    (TANH, "x", "diag(1 - tanh(A @ x)) @ A", "wrong", ""),
    (INVERSE, "X", "-kron(inv(X).T, inv(X))", "right", ""),
    (INVERSE, "X", "kron(inv(X).T, inv(X))", "wrong", "sign"),
    (("x * x", {"x": "n"}), "x", "2 * x", "wrong", "elementwise"),
    (("X * X", {"X": "n, d"}), "X", "2 * X", "wrong", "elementwise"),
    (("exp(s) * x", {"x": "n", "s": "scalar"}), "s", "exp(s) * x", "right", ""),
    (("exp(s) * x", {"x": "n", "s": "scalar"}), "s", "x", "wrong", "chain-factor"),
    (("A @ x", {"A": "m, 1", "x": "1"}), "x", "A", "right", ""),
    (("A @ x", {"A": "2, 3", "x": "3"}), "x", "A", "right", ""),
    (("A @ x", {"A": "3, 3", "x": "3"}), "x", "A.T", "transposed", "transposed"),
    (("Y = A @ x; Y", {"A": "m, n", "x": "n"}), "x", "A", "right", ""),
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("of", "wrt", "claim", "verdict", "slip"), JACOBIANS)
def test_claim_about_a_jacobian(of, wrt, claim, verdict, slip) -> None:
    found = sd.check(of[0], wrt=wrt, claim=claim, **of[1])
    assert found.verdict == verdict, found.diagnosis
    assert slip in ("", *found.slips), found.diagnosis
    assert "gradient" not in found.diagnosis
    truth = sd.jacobian(of[0], wrt, **of[1])
    p = problem(of[0], **of[1])
    right = p.read(found.correction) if found.correction else truth.expr
    assert Comparer(p, [right, truth.expr]).equal(right, truth.expr)
    c = found.counterexample
    assert c is None or not same_cells(c.claimed_cells, c.right_cells)


REGRESSION = ("norm(X @ w - y)**2", {"X": "n, d", "w": "d", "y": "n"})
QUADRATIC = ("x.T @ A @ x", {"A": "n, n", "x": "n"})
BILINEAR = ("x.T @ A @ y", {"A": "n, m", "x": "n", "y": "m"})
LOGSUM = ("logsumexp(x)", {"x": "n"})
SOFTPLUS = ("sum(softplus(X @ w))", {"X": "n, d", "w": "d"})
EXPS = ("sum(exp(x))", {"x": "n"})
S = "softmax(x, axis=0)"

ABOUTS = [
    # Hessians
    (REGRESSION, "d2L/dw2", "2 * X.T @ X", "right"),
    (REGRESSION, "d^2L/dw^2", "2 * X.T @ X", "right"),
    (REGRESSION, "d2L/dw2", "X.T @ X", "wrong"),
    (REGRESSION, "d2L/dw2", "2 * X @ X.T", "wrong"),
    (REGRESSION, "d2L/dw2", "2 * X.T @ (X @ w - y)", "wrong"),
    (QUADRATIC, "d2L/dx2", "2 * A", "right-if"),
    (QUADRATIC, "d2L/dx2", "A - A.T", "wrong"),
    (LOGSUM, "d2L/dx2", f"diag({S}) - {S} @ {S}.T", "right"),
    (SOFTPLUS, "d2L/dw2", "X.T @ diag(sigmoid(X @ w)) @ X", "wrong"),
    # mixed ones: rows of the first variable, columns of the second
    (BILINEAR, "d2L/dx dy", "A", "right"),
    (BILINEAR, "d2L/dy dx", "A.T", "right"),
    (BILINEAR, "d2L/dx dy", "A.T", "transposed"),
    (BILINEAR, "d2L/dx dx", "zeros(n, n)", "right"),
    # entries
    (EXPS, "d2L/dx[i]dx[j]", "delta(i, j) * exp(x[i])", "right"),
    (EXPS, "d2L/dx[i] dx[j]", "exp(x[i])", "wrong"),
    (EXPS, "d2L/dx[2]dx[2]", "exp(x[2])", "right"),
    (EXPS, "d2L/dx[1]dx[2]", "0 * x[1]", "right"),
    (BILINEAR, "d2L/dx[i]dy[j]", "A[i, j]", "right"),
    (BILINEAR, "d2L/dx[i]dy[j]", "A[j, i]", "wrong"),
    (SINE, "dy[i]/dx[j]", "A[i, j] * cos(x[j])", "right"),
    (SINE, "dy[i]/dx[j]", "A[i, j] * cos(x[i])", "wrong"),
    (SINE, "dy[1]/dx[2]", "A[1, 2] * cos(x[2])", "right"),
    (SINE, "dy[1]/dx[2]", "A[2, 1] * cos(x[2])", "wrong"),
    (TWICE, "dY[i, j]/dX[p, q]", "A[i, p] * B[q, j]", "right"),
    (TWICE, "dY[i, j]/dX[p, q]", "A[p, i] * B[q, j]", "wrong"),
    (("x * x", {"x": "n"}), "dy[i]/dx[i]", "2 * x[i]", "right"),
    (("x * x", {"x": "n"}), "dy[i]/dx[j]", "2 * x[i]", "wrong"),
    (("exp(s) * x", {"x": "n", "s": "scalar"}), "dy[i]/ds", "exp(s) * x[i]", "right"),
    # indices that a sum of the derivation would have taken
    (("A @ B @ x", {"A": "m, n", "B": "n, d", "x": "d"}), "dy[k]/dx[l]",
     "Sum(r, A[k, r] * B[r, l])", "right"),
]  # fmt: skip


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("of", "about", "claim", "verdict"), ABOUTS)
def test_claim_about_a_derivative_by_its_name(of, about, claim, verdict) -> None:
    found = sd.check(of[0], about=about, claim=claim, **of[1])
    assert found.verdict == verdict, found.diagnosis


NETWORK = ("Z = X @ W; Y = tanh(Z); L(Y)", {"X": "n, d", "W": "d, m"})
VECTORS = ("z = X @ w; y = tanh(z); s = sum(y); L(y) + s", {"X": "n, d", "w": "d"})


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("of", "about", "claim", "verdict"),
    [
        (NETWORK, "dL/dZ", "G * (1 - Y ** 2)", "right"),
        (NETWORK, "dL/dZ", "G * (1 - Z ** 2)", "wrong"),
        (NETWORK, "dL/dZ[i, j]", "G[i, j] * (1 - Y[i, j] ** 2)", "right"),
        (NETWORK, "dL/dZ[i, j]", "G[j, i] * (1 - Y[i, j] ** 2)", "wrong"),
        (NETWORK, "dZ/dX", "kron(W.T, eye(n))", "right"),
        (NETWORK, "dY[i, j]/dX[p, q]", "delta(i, p) * W[q, j] * (1 - Y[i, j] ** 2)", "right"),
        (VECTORS, "dy/dw", "diag(1 - y ** 2) @ X", "right"),
        (VECTORS, "dz/dw", "X", "right"),
        (VECTORS, "dz/dw", "X.T", "transposed"),
        (VECTORS, "ds/dw", "X.T @ (1 - y ** 2)", "right"),
        (VECTORS, "ds/dw", "X.T @ (1 - y)", "wrong"),
        (VECTORS, "d2s/dw2", "-2 * X.T @ diag(y * (1 - y ** 2)) @ X", "right"),
        (VECTORS, "d2s/dw2", "2 * X.T @ diag(y * (1 - y ** 2)) @ X", "wrong"),
    ],
)
def test_claims_about_intermediates(of, about, claim, verdict) -> None:
    p = problem(of[0], **of[1])
    found = Checker(p).check(ClaimText(about, (claim,)))
    assert found.verdict == verdict, found.diagnosis
    assert found.corrects == about


def test_chains_of_jacobians_and_hessians() -> None:
    lines = ["S = softmax(x, axis=0)", "dy/dx = diag(S) - S @ S.T", "diag(S) + S @ S.T"]
    v = sd.check(SOFTMAX[0], wrt="x", claim=lines, **SOFTMAX[1])
    assert [x.status for x in v.lines] == ["defines", "holds", "breaks"]
    assert v.correction == "S = softmax(x, axis=0); diag(S) - S @ S.T"
    lines = ["2 * X.T @ X", "d2L/dw2 = 2 * (X.T @ X).T", "X.T @ X"]
    v = sd.check(REGRESSION[0], wrt="w", order=2, claim=lines, **REGRESSION[1])
    assert [x.status for x in v.lines] == ["holds", "holds", "breaks"]


def test_layout_is_named() -> None:
    v = sd.check(SINE[0], wrt="x", claim="diag(cos(x)) @ A.T", **SINE[1])
    assert "numerator layout" in v.diagnosis
    v = sd.check(TWICE[0], wrt="X", claim="kron(A, B.T)", **TWICE[1])
    assert "row by row" in v.diagnosis


@pytest.mark.parametrize(
    ("of", "about", "words"),
    [
        (SINE, "dq/dz", "'z', which is not a variable"),
        (SINE, "dYes/dx", "not about the objective, which is y"),
        (SINE, "dA/dx", "    dA/dx\n     ^"),
        (SINE, "d2L/dx2", "a Hessian needs a scalar"),
        (SINE, "dy/dx[j]", "has one index, not 0"),
        (SINE, "dy[i, j]/dx[j]", "has one index, not 2"),
        (SINE, "dy[0]/dx[1]", "'0' is not an index"),
        (SINE, "dy[i]/dx[i]", "runs over m and over n"),
        (QUADRATIC, "d2L/dx", "a claim cannot be about"),
        (QUADRATIC, "d2L/dxdA", "a claim cannot be about"),
        (QUADRATIC, "d3L/dx3", "a claim cannot be about"),
        (QUADRATIC, "d2L/dx dq", "'q', which is not a variable"),
        (QUADRATIC, "dL[i]/dx", "has no entries"),
        (("L(x) + x.T @ x", {"x": "n"}), "d2J/dx2", "no rule for the second derivative"),
        (("T * T", {"T": "b, n, d"}), "dy/dT", "a tensor has no vec"),
    ],
)
def test_what_there_is_no_derivative_of_is_refused(of, about, words) -> None:
    with pytest.raises(SymderivError) as caught:
        sd.check(of[0], about=about, claim="x", **of[1])
    assert words in str(caught.value)


def test_order_is_one_or_two_and_said_once() -> None:
    for wrong in ({"wrt": "x", "order": 3}, {"about": "d2L/dx2", "order": 2}):
        with pytest.raises(SymderivError):
            sd.check(QUADRATIC[0], claim="A", **wrong, **QUADRATIC[1])


def test_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    for args, code, words in (
        (["A @ sin(x)", "--wrt", "x", "--claim", "A @ diag(cos(x))"], 0, "equals the Jacobian"),
        (["x.T @ A @ x", "--wrt", "x", "--order", "2", "--claim", "A + A.T"], 0, "the Hessian"),
        (["x.T @ A @ x", "--wrt", "x", "--order", "2", "--claim", "2 * A"], 1,
         "in part: right on the diagonal only"),
        (["x.T @ A @ x", "--about", "dL/dx", "--order", "2", "--claim", "A"], 2, "--about says"),
    ):  # fmt: skip
        with pytest.raises(SystemExit) as caught:
            main(["check", *args])
        out, err = capsys.readouterr()
        assert (caught.value.code, words in out + err) == (code, True), out + err


@pytest.mark.slow
def test_sizes_that_contain_each_other_are_not_taken_as_equal() -> None:
    v = sd.check("tanh(X @ W)", "W", "diag(vec(1 - tanh(X @ W)**2))", X="n, d", W="d, m")
    assert v.verdict == "wrong"
