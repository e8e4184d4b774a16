"""Right is said of no claim that is wrong somewhere, and of every claim that is right everywhere.

Thresholds and constants that are off by a bit, identities that hold on a part of a property.
"""

from __future__ import annotations

import pytest

import symderiv as sd

# What is differentiated, the variable, the shapes; the right claims, and the wrong ones.
GRADIENTS = [
    (
        "sum(relu(x - 0.3))",
        "x",
        {"x": "n"},
        [
            "where(x > 0.3, 1, 0)",
            "where(10*x > 3, 1, 0)",
            "where(x - 0.3 > 0, 1, 0)",
            "where(0.3 < x, 1, 0)",
            "0.5 + 0.5 * sign(x - 0.3)",
        ],
        [
            "where(x > 0.30000000000001, 1, 0)",
            "where(x > 0.29, 1, 0)",
            "where(x > 1/3, 1, 0)",
            "0.5 + 0.5 * sign(x - 0.31)",
        ],
    ),
    (
        "sum(maximum(x, 1000))",
        "x",
        {"x": "n"},
        ["where(x > 1000, 1, 0)"],
        ["where(x > 1001, 1, 0)", "where(x > 999.999, 1, 0)"],
    ),
    (
        "sum(clip(x, -1, 1))",
        "x",
        {"x": "n"},
        [
            "where(x > -1, where(x < 1, 1, 0), 0)",
            "where(abs(x) < 1, 1, 0)",
            "where(x**2 < 1, 1, 0)",
        ],
        ["where(abs(x) < 1.0001, 1, 0)", "where(x**2 < 1.0001, 1, 0)", "where(x < 1, 1, 0)"],
    ),
    (
        "sum(leaky_relu(x, 0.01))",
        "x",
        {"x": "n"},
        ["where(x > 0, 1, 0.01)", "0.505 + 0.495 * sign(x)"],
        [
            "where(x > 0, 1, 0.0100001)",
            "where(x > 0.001, 1, 0.01)",
            "where(x > 0, 1, 0.01 * where(x > -1000, 1, 2))",
        ],
    ),
    (
        "sum(elu(x))",
        "x",
        {"x": "n"},
        ["where(x > 0, 1, exp(x))", "where(x > 0, 1, 1 + elu(x))", "minimum(1, exp(x))"],
        ["where(x > 0.001, 1, exp(x))", "minimum(1, exp(x) + 0.0000001)"],
    ),
    (
        "sum(relu(x)**2)",
        "x",
        {"x": "n"},
        ["2 * relu(x)", "2 * x * where(x > 0, 1, 0)", "x + abs(x)", "2 * maximum(x, 0)"],
        ["2 * relu(x - 0.000001)", "2 * where(x > 0.0001, x, 0)"],
    ),
    (
        "sum(abs(x)**3)",
        "x",
        {"x": "n"},
        ["3 * x * abs(x)", "3 * x**2 * sign(x)", "where(x > 0, 3 * x**2, -3 * x**2)"],
        ["3 * abs(x)**2", "where(x > 1, 3 * x**2, where(x > 0.9999, 0, -3*x**2*sign(-x)))"],
    ),
    (
        "sum(sign(x) * x)",
        "x",
        {"x": "n"},
        ["sign(x)", "where(x > 0, 1, -1)", "x / abs(x)"],
        ["x / (abs(x) + 0.0000000001)", "tanh(1000000 * x)"],
    ),
    (
        "sum(where(x > y, x, y))",
        "x",
        {"x": "n", "y": "n"},
        ["where(x > y, 1, 0)", "where(x - y > 0, 1, 0)", "where(x**3 > y**3, 1, 0)"],
        ["where(x > 2 * y, 1, 0)", "where(x + 0.001 > y, 1, 0)", "where(x**2 > y**2, 1, 0)"],
    ),
    (
        "sum(maximum(x, maximum(y, z)))",
        "x",
        {"x": "n", "y": "n", "z": "n"},
        [
            "where(x > y, where(x > z, 1, 0), 0)",
            "where(x > maximum(y, z), 1, 0)",
            "where(2 * x > y + z, where(x > y, where(x > z, 1, 0), 0), 0)",
        ],
        ["where(x > y, 1, 0)", "where(x > y, where(x > z + 0.00001, 1, 0), 0)"],
    ),
    (
        "max(x)",
        "x",
        {"x": "n"},
        ["max_mask(x)", "max_mask(2 * x)", "max_mask(x**3)", "max_mask(exp(x))"],
        ["max_mask(x + 0.001 * x**2)"],
    ),
    (
        "norm1(X @ w - y)",
        "w",
        {"X": "n, d", "w": "d", "y": "n"},
        [
            "X.T @ sign(X @ w - y)",
            "X.T @ where(X @ w > y, 1, -1)",
            "X.T @ ((X @ w - y) / abs(X @ w - y))",
        ],
        ["X.T @ sign(X @ w - y + 0.0001)", "X.T @ where(X @ w > 1.00001 * y, 1, -1)"],
    ),
    (
        "sum(maximum(0, 1 - y * (X @ w))) / n",
        "w",
        {"X": "n, d", "w": "d", "y": "n pm1"},
        [
            "-X.T @ (y * where(y * (X @ w) < 1, 1, 0)) / n",
            "-X.T @ where(1 - y * (X @ w) > 0, y, 0) / n",
        ],
        [
            "-X.T @ (y * where(y * (X @ w) < 0.999, 1, 0)) / n",
            "-X.T @ (y * where(X @ w < y, 1, 0)) / n",
            "-X.T @ (y * where(y * (X @ w) < 1, 1, 0))",
        ],
    ),
    (
        "sum(where(x < 0, 0, where(x < 1, x**2 / 2, x - 0.5)))",
        "x",
        {"x": "n"},
        ["where(x < 0, 0, where(x < 1, x, 1))", "clip(x, 0, 1)", "minimum(relu(x), 1)"],
        ["clip(x, 0, 1.0001)", "relu(x)"],
    ),
    (
        "sum(relu(X @ relu(y)))",
        "y",
        {"X": "n, d", "y": "d"},
        ["where(y > 0, 1, 0) * (X.T @ where(X @ relu(y) > 0, 1, 0))"],
        [
            "where(y > 0, 1, 0) * (X.T @ where(X @ y > 0, 1, 0))",
            "where(y > 0.0001, 1, 0) * (X.T @ where(X @ relu(y) > 0, 1, 0))",
        ],
    ),
    (
        "0.5 * norm(x)**2",
        "x",
        {"x": "n"},
        ["x", "1.0 * x", "3 * x / 3"],
        ["0.9999999 * x", "x + 0.0000001", "2 * 0.4999999 * x"],
    ),
    (
        "sum(exp(x / 3))",
        "x",
        {"x": "n"},
        ["exp(x / 3) / 3", "(1/3) * exp((1/3) * x)"],
        ["0.3333333333 * exp(x / 3)", "exp(0.3333333333333333 * x) / 3"],
    ),
    (
        "sum(sin(x))",
        "x",
        {"x": "n"},
        ["cos(x)", "sin(x + pi / 2)"],
        ["sin(x + 1.5707963267948966)", "cos(x + 0.00000000000000000001)"],
    ),
    ("sum(gelu(x))", "x", {"x": "n"}, [], ["gelu(x) / x"]),
    (
        "sum(tanh(x))",
        "x",
        {"x": "n"},
        ["1 - tanh(x)**2", "1 / cosh(x)**2", "4 * sigmoid(2 * x) * (1 - sigmoid(2 * x))"],
        ["1 - tanh(x)**2 + 0.0000000000001 * x"],
    ),
]
# Shapes, pairs that are equal, and pairs that are not.
EQUALITIES = [
    (
        {"A": "n, n"},
        [("det(A.T)", "det(A)"), ("det(A)**2", "det(A @ A.T)")],
        [("logdet(A)", "log(det(A))"), ("abs(det(A))", "det(A)"), ("det(-A)", "-det(A)")],
    ),
    (
        {"A": "n, n invertible"},
        [("inv(inv(A))", "A"), ("det(inv(A))", "1 / det(A)"), ("sqrt(det(A)**2)", "abs(det(A))")],
        [
            ("log(det(A))", "logdet(A)"),
            ("abs(trace(A))", "trace(A)"),
            ("sign(det(A))", "1 + 0 * det(A)"),
            ("sqrt(det(A)**2)", "det(A)"),
        ],
    ),
    (
        {"X": "n, n orthogonal"},
        [
            ("det(X)**2", "1 + 0 * trace(X)"),
            ("adjugate(X)", "det(X) * X.T"),
            ("inv(X)", "X.T"),
            ("abs(det(X))", "1 + 0 * det(X)"),
            ("trace(X)", "trace(inv(X))"),
        ],
        [("det(X)", "1 + 0 * trace(X)"), ("adjugate(X)", "X.T"), ("X @ X", "eye(n)")],
    ),
    ({"X": "4, 4 orthogonal"}, [("adjugate(X)", "det(X) * X.T")], [("adjugate(X)", "X.T")]),
    (
        {"S": "n, n spd"},
        [
            ("maximum(eigvalsh(S), 0)", "eigvalsh(S)"),
            ("logdet(S)", "log(det(S))"),
            ("relu(trace(S))", "trace(S)"),
            ('norm(S, "nuc")', "trace(S)"),
            ("sqrtm(S) @ sqrtm(S)", "S"),
        ],
        [
            ("maximum(eigvalsh(S), 1)", "eigvalsh(S)"),
            ("abs(logdet(S))", "logdet(S)"),
            ("relu(logdet(S))", "logdet(S)"),
            ("relu(trace(S) - 1)", "trace(S) - 1"),
            ("abs(S)", "S"),
            ("maximum(trace(S @ S), trace(S))", "trace(S @ S)"),
        ],
    ),
    (
        {"S": "n, n symmetric"},
        [("S @ S", "S.T @ S")],
        [
            ('norm(S, "nuc")', "trace(S)"),
            ("logdet(S)", "log(det(S))"),
            ("abs(eigvalsh(S))", "eigvalsh(S)"),
        ],
    ),
    (
        {"x": "n positive"},
        [("abs(x)", "x"), ("sqrt(x**2)", "x"), ("relu(x)", "x")],
        [
            ("maximum(x, 1)", "x"),
            ("log(x)", "abs(log(x))"),
            ("maximum(x, x**2)", "x**2"),
            ("maximum(x, 0.001)", "x"),
        ],
    ),
    (
        {"p": "n unit01"},
        [("abs(log(p))", "-log(p)"), ("maximum(p, p**2)", "p"), ("minimum(p, 1)", "p")],
        [("relu(p - 0.05)", "p - 0.05"), ("relu(0.95 - p)", "0.95 - p"), ("maximum(p, 0.5)", "p")],
    ),
    (
        {"x": "n"},
        [
            ("sqrt(x**2)", "abs(x)"),
            ("maximum(x, 0)", "relu(x)"),
            ("relu(x) - relu(-x)", "x"),
            ("relu(x) + relu(-x)", "abs(x)"),
            ("norm(x)**2", "x.T @ x"),
            ("min(x)", "-max(-x)"),
            ("var(x)", "mean(x**2) - mean(x)**2"),
            ("abs(x) * abs(x)", "x * x"),
            ("x * x / x", "x"),
            ("max(x)", "sum(max_mask(x) * x)"),
            ("maximum(x, -x)", "abs(x)"),
            ("x**3 / abs(x)", "x * abs(x)"),
        ],
        [
            ("abs(x)", "x"),
            ("sqrt(x**2)", "x"),
            ("norm(x)", "norm1(x)"),
            ("max(x)", "norminf(x)"),
            ("max(x)", "sum(x) / n"),
        ],
    ),
    (
        {"b": "n binary"},
        [("b * b", "b"), ("abs(b)", "b"), ("relu(b - 0.5) * 2", "b")],
        [("b", "ones(n)")],
    ),
    ({"q": "n pm1"}, [("q * q", "ones(n)"), ("1 / q", "q")], [("abs(q)", "q")]),
    ({"c": "n count"}, [("abs(c)", "c")], [("minimum(c, 5)", "c"), ("relu(c - 1) ", "c - 1")]),
    (
        {"P": "n, k sums_to_one"},
        [("sum(P, axis=1)", "ones(n)"), ("sum(P)", "n + 0 * sum(P)")],
        [("abs(P)", "P"), ("sum(P)", "1 + 0 * sum(P)")],
    ),
    (
        {"D": "n, n diagonal"},
        [("det(D)", "prod(diag(D))"), ("D @ D", "D * D")],
        [("abs(trace(D))", "trace(D)")],
    ),
    (
        {"K": "n, n skew"},
        [("trace(K)", "0 * trace(K)"), ("K @ K", "(K @ K).T")],
        [("abs(K)", "K"), ("det(K)", "0 * det(K)")],
    ),
    (
        {"X": "n, d", "y": "n"},
        [("norm(X)**2", "trace(X.T @ X)")],
        [("sum(abs(X @ X.T))", "norm(X)**2")],
    ),
    (
        {"X": "n, d"},
        [("logdet(X.T @ X)", "log(det(X.T @ X))")],
        [("norm(X)", "norm(X, 2)"), ("norm(X)", 'norm(X, "nuc")'), ("X / norm(X)", "sign(X)")],
    ),
]

CLAIMS = [
    (of, wrt, shapes, claim, is_right)
    for of, wrt, shapes, right, wrong in GRADIENTS
    for is_right, claims in ((True, right), (False, wrong))
    for claim in claims
]
PAIRS = [
    (shapes, *pair, is_right)
    for shapes, right, wrong in EQUALITIES
    for is_right, pairs in ((True, right), (False, wrong))
    for pair in pairs
]


@pytest.mark.sampled(12)
@pytest.mark.parametrize(("of", "wrt", "shapes", "claim", "is_right"), CLAIMS)
def test_gradient_is_right_exactly_where_it_is_right_everywhere(
    of, wrt, shapes, claim, is_right
) -> None:
    found = sd.check(sd.problem(of, **shapes), wrt=wrt, claim=claim)
    assert found.verdict != "undecided"
    assert (found.verdict == "right") == is_right, found.evidence


@pytest.mark.sampled(12)
@pytest.mark.parametrize(("shapes", "left", "right", "is_right"), PAIRS)
def test_formulas_are_equal_exactly_where_they_are_equal_everywhere(
    shapes, left, right, is_right
) -> None:
    found = sd.equal(left, right, **shapes)
    assert found.verdict != "undecided"
    assert (found.verdict == "right") == is_right, found.evidence


@pytest.mark.parametrize("claim", ["sqrt(1 - n) * ones(n)", "-sqrt(1 - n) * ones(n)"])
def test_what_is_0_wherever_it_is_defined_decides_nothing(claim: str) -> None:
    p = sd.problem("sum(sqrt(1 - n) * x)", x="n")  # defined for n = 1 alone, and 0 there
    assert sd.check(p, wrt="x", claim=claim).verdict == "undecided"


def test_a_gradient_that_is_0_is_right() -> None:
    p = sd.problem("sum(leaky_relu(1 / (1 + x**2), s))", x="n", s="scalar")
    assert sd.check(p, wrt="s", claim="0").verdict == "right"
