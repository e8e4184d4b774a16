"""Index terms and their matrix form: the canonical form law by law, gradients as texts."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest

from symderiv.calculus import lower
from symderiv.calculus.matrixform import raised
from symderiv.core.expr import Expr, entry, free_ranges, index_sum, mul, node, var
from symderiv.core.shapes import ONE, SCALAR, Dim, symbol
from symderiv.derivation.derivations import DerivedGradients
from symderiv.ops.text import text
from symderiv.problems.problem import problem
from symderiv.tensor import (
    Factor,
    Scale,
    Term,
    add,
    call,
    constant,
    contract,
    delta,
    factors_of,
    fuse,
    is_symmetric,
    is_zero,
    leaf,
    monomial,
    scaled,
    summands,
    transposed,
    unit,
    zero,
)

N, D, M = symbol("n"), symbol("d"), symbol("m")
RANGES = {"i": N, "j": N, "k": N, "l": N, "p": N, "q": N, "a": D, "b": D, "c": D}
THIRD, TWO, THREE, HALF = (Fraction(1, 3), Fraction(2), Fraction(3), Fraction(1, 2))


def named_leaf(name: str, *dims: Dim) -> Term:
    shape = (*dims, ONE, ONE)
    return leaf(var(name, (shape[0], shape[1])), dims)


A, B = named_leaf("A", N, N), named_leaf("B", N, N)
X, Y = named_leaf("X", N, D), named_leaf("Y", N, D)
x, y, v, s = named_leaf("x", N), named_leaf("y", N), named_leaf("v", D), named_leaf("s")


def product(out: str, *parts: tuple[Term, str] | tuple[Term, str, Fraction], scale: Scale | None
            = None) -> Term:  # fmt: skip
    """Return a contraction whose labels are letters: ``product("ij", (A, "ik"), (B, "kj"))``."""
    factors = [Factor(p[0], tuple(p[1]), p[2] if len(p) == 3 else Fraction(1)) for p in parts]
    used = {c for p in parts for c in p[1]} | set(out)
    return contract(factors, tuple(out), {c: RANGES[c] for c in used}, scale or Scale())


def of_size(dim: Dim, exponent: int = 1) -> Scale:
    return Scale.of(dim, exponent)


EQUAL: list[tuple[str, Term, Term]] = [
    # Deltas
    ("a delta sifts the sum", product("i", (delta(N), "ij"), (x, "j")), x),
    ("a delta sifts from either side", product("i", (delta(N), "ji"), (x, "j")), x),
    ("deltas chain", product("i", (delta(N), "ij"), (delta(N), "jk"), (x, "k")), x),
    ("a delta between equal indices is 1", product("i", (delta(N), "ii"), (x, "i")), x),
    ("a delta is symmetric", product("ij", (delta(N), "ji")), delta(N)),
    ("a repeated delta counts once", product("ij", (delta(N), "ij"), (delta(N), "ij")), delta(N)),
    ("a closed delta counts its range", product("", (delta(N), "ij"), (delta(N), "ij")),
     constant(of_size(N))),
    ("a delta makes a trace", product("", (delta(N), "ij"), (A, "ij")), product("", (A, "kk"))),
    ("a delta between free indices stays", product("ij", (delta(N), "ij"), (x, "i")),
     product("ij", (x, "i"), (delta(N), "ji"))),
    # Traces
    ("a trace is cyclic", product("", (A, "ij"), (B, "ji")), product("", (B, "kl"), (A, "lk"))),
    ("a trace of a transpose",
     product("", (A, "ij"), (B, "ij")), product("", (B, "ij"), (A, "ij"))),
    ("a trace of four is cyclic", product("", (A, "ij"), (B, "jk"), (A, "kl"), (B, "li")),
     product("", (B, "ij"), (A, "jk"), (B, "kl"), (A, "li"))),
    ("a product of equal scalars is a square",
     product("", (x, "i"), (y, "i"), (y, "j"), (x, "j")),
     product("", (x, "i"), (y, "j"), (x, "j"), (y, "i"))),
    # Powers
    ("equal factors are gathered", product("i", (x, "i"), (x, "i")), monomial((x, 2))),
    ("powers are added", monomial((x, 2), (x, 3)), monomial((x, 5))),
    ("opposite powers cancel", monomial((x, 2), (y, 1), (x, -2)), y),
    ("fractional powers are added", monomial((x, HALF), (x, HALF)), x),
    ("a power of 0 is 1", monomial((x, 0), (y, 1)), y),
    ("a power of a power", monomial((monomial((x, 2)), 3)), monomial((x, 6))),
    ("a power of a product", monomial((monomial((x, 1), (y, 2)), 2)), monomial((x, 2), (y, 4))),
    ("a power of a multiple", monomial((scaled(x, Scale(TWO)), 3)),
     monomial((x, 3), scale=Scale(Fraction(8)))),
    ("factors on other indices are not gathered",
     product("ij", (x, "i"), (x, "j")), product("ij", (x, "j"), (x, "i"))),
    # Nested contractions
    ("a product is associative", product("ij", (product("ij", (A, "ik"), (B, "kj")), "il"),
     (A, "lj")), product("ij", (A, "ik"), (product("ij", (B, "ik"), (A, "kj")), "kj"))),
    ("a bound index of one is not that of another",
     product("", (product("", (x, "i")), ""), (product("", (x, "i")), "")),
     product("", (x, "i"), (x, "j"))),
    ("scales multiply", product("i", (scaled(x, Scale(TWO)), "i"), scale=Scale(THREE)),
     scaled(x, Scale(Fraction(6)))),
    ("sizes cancel", scaled(scaled(x, of_size(N)), of_size(N, -1)), x),
    ("an index that nothing carries counts its range", contract([], (), {"i": N}),
     constant(of_size(N))),
    # Names of bound indices, order of factors and axes
    ("bound indices have no names", product("i", (A, "ij"), (x, "j")),
     product("p", (A, "pq"), (x, "q"))),
    ("factors commute", product("i", (x, "j"), (A, "ij")), product("i", (A, "ij"), (x, "j"))),
    ("a transpose of a transpose", product("ij", (product("ji", (A, "ij")), "ji")), A),
    ("the transpose of a product",
     product("ji", (product("ij", (A, "ik"), (B, "kj")), "ij")),
     product("ji", (B, "kj"), (A, "ik"))),
    # Sums
    ("like terms are added", add([x, x, x]), scaled(x, Scale(THREE))),
    ("opposite terms cancel", add([x, y, scaled(x, Scale(-TWO / 2))]), y),
    ("terms commute", add([x, y]), add([y, x])),
    ("sums are flattened", add([add([x, y]), y]), add([x, scaled(y, Scale(TWO))])),
    ("like terms with sizes are added apart",
     add([scaled(x, of_size(N)), scaled(x, of_size(N)), x]),
     add([x, scaled(x, Scale(TWO) * of_size(N))])),
    ("zero is added without trace", add([x, zero((N,))]), x),
    ("the opposite of a sum", scaled(add([x, y]), Scale(-TWO / 2)),
     scaled(add([y, x]), Scale(-TWO / 2))),
    ("the same product from two sides is added",
     add([product("", (x, "i"), (A, "ij"), (y, "j")), product("", (y, "j"), (x, "i"), (A, "ij"))]),
     product("", (x, "i"), (A, "ij"), (y, "j"), scale=Scale(TWO))),
    # Unit vectors
    ("a unit vector is idempotent", product("i", (unit(1, N), "i"), (unit(1, N), "i")), unit(1, N)),
    ("a unit vector has length 1",
     product("", (unit(2, N), "i"), (unit(2, N), "i")), product("", (unit(2, N), "i"))),
    ("unit vectors are orthogonal",
     product("", (unit(1, N), "i"), (unit(2, N), "i")), zero(())),
]  # fmt: skip


@pytest.mark.parametrize(("law", "left", "right"), EQUAL, ids=[law for law, _, _ in EQUAL])
def test_equal_terms_are_one_object(law: str, left: Term, right: Term) -> None:
    assert left is right, f"{law}: {left} is not {right}"


DIFFERENT: list[tuple[str, Term, Term]] = [
    ("a matrix is not its transpose", A, product("ji", (A, "ij"))),
    ("a trace is not a sum", product("", (A, "ii")), product("", (A, "ij"))),
    ("a diagonal is not a row",
     product("i", (A, "ii")), product("i", (A, "ij"), (unit(1, N), "j"))),
    ("x'x is not (sum of x)^2", product("", (x, "i"), (x, "i")), product("", (x, "i"), (x, "j"))),
    ("A'A is not A A'", product("ij", (A, "ki"), (A, "kj")), product("ij", (A, "ik"), (A, "jk"))),
    ("tr(AA) is not tr(A'A)", product("", (A, "ij"), (A, "ji")), product("", (A, "ij"), (A, "ij"))),
    ("A B is not B A", product("ij", (A, "ik"), (B, "kj")), product("ij", (B, "ik"), (A, "kj"))),
    ("a size is not another", constant(of_size(N)), constant(of_size(D))),
    ("a unit vector is not another", unit(1, N), unit(2, N)),
    ("a root of a square is not its argument", monomial((monomial((x, 2)), HALF)), x),
    ("a square of a sum is not a sum of squares",
     monomial((product("", (x, "i")), 2)), product("", (x, "i", TWO))),
]  # fmt: skip


@pytest.mark.parametrize(("law", "left", "right"), DIFFERENT, ids=[d[0] for d in DIFFERENT])
def test_different_terms_are_different_objects(law: str, left: Term, right: Term) -> None:
    assert left is not right, f"{law}: both are {left}"


# The parts of a term -----------------------------------------------------------------------------


def test_free_indices_are_numbered_in_the_order_of_the_axes() -> None:
    term = product("ij", (A, "ik"), (B, "kj"))
    _, factors, dims = factors_of(term)
    assert dims == (N, N, N)
    assert [(f.term, f.labels) for f in factors] == [(A, (0, 2)), (B, (2, 1))]


def test_zero_scale_gives_the_zero_term() -> None:
    term = product("ij", (A, "ij"), scale=Scale(Fraction(0)))
    assert is_zero(term)
    assert term.dims == (N, N)
    assert is_zero(add([A, scaled(A, Scale(Fraction(-1)))]))
    assert summands(term) == []


def test_zero_absorbs_factors() -> None:
    assert is_zero(product("i", (zero((N,)), "i"), (x, "i")))
    assert is_zero(monomial((zero(()), 1), (s, 1)))


def test_inverse_of_zero_is_kept_and_not_cancelled() -> None:
    assert not is_zero(monomial((zero((N,)), -1)))


def test_products_of_sums_stay_unexpanded() -> None:
    both = add([x, y])
    term = product("i", (A, "ij"), (both, "j"))
    assert both in term.children
    assert len(summands(term)) == 1


def test_function_of_equal_terms_is_one_object() -> None:
    from symderiv.ops.base import ENTRYWISE

    twice = scaled(x, Scale(TWO))
    assert call(ENTRYWISE["exp"](None), (add([x, x]),), (N,)) is call(
        ENTRYWISE["exp"](None), (twice,), (N,)
    )


@pytest.mark.parametrize(
    ("scale", "power", "expected"),
    [
        (Scale(TWO), 3, Scale(Fraction(8))),
        (Scale(TWO) * of_size(N), -1, Scale(HALF, (("n", -1),))),
        (of_size(N) * of_size(D), 2, Scale(Fraction(1), (("d", 2), ("n", 2)))),
        (of_size(N), 0, Scale()),
    ],
)
def test_power_of_a_scale(scale: Scale, power: int, expected: Scale) -> None:
    assert scale.power(power) == expected


def test_size_of_a_product_of_dimensions() -> None:
    assert Scale.of(Dim(2) * N * N * D) == Scale(TWO, (("d", 1), ("n", 2)))


# Terms to matrices -------------------------------------------------------------------------------

LEAVES = [
    (zero((N, D)), "zeros(n, d)"), (zero(()), "0"), (constant(Scale(), (N,)), "ones(n)"),
    (delta(N), "eye(n)"), (unit(2, N), "onehot(2, n)"),
    (constant(Scale(TWO) * of_size(N, -1)), "2 / n"),
    (product("ij", (x, "i"), (y, "j")), "x @ y.T"),
    (product("ij", (delta(N), "ij"), (x, "i")), "diag(x)"),
    (product("i", (A, "ii")), "diag(A)"),
    (product("", (A, "ii")), "trace(A)"),
    (product("", (A, "ii"), (x, "i")), "diag(A).T @ x"),
    (product("", (A, "ii"), (B, "ii")), "diag(A).T @ diag(B)"),
    (product("i", (A, "ij"), (B, "jj")), "A @ diag(B)"),
    (product("ij", (A, "ij"), (x, "i")), "diag(x) @ A"),
    (product("ij", (A, "ij"), (B, "jj")), "A @ diag(diag(B))"),
    (product("", (A, "ij")), "sum(A)"),
    (product("", (x, "i"), (A, "ij"), (y, "j")), "x.T @ A @ y"),
    (product("", (X, "ia"), (Y, "ia")), "sum(X * Y)"),
    (product("ij", (X, "ia"), (Y, "ja")), "X @ Y.T"),
    (product("ia", (X, "ia", -Fraction(1))), "1 / X"),
]  # fmt: skip


def read_alone(written: str) -> Expr:
    declared = {"A": "n, n", "B": "n, n", "X": "n, d", "Y": "n, d", "x": "n", "y": "n"}
    return problem("sum(X) + sum(A)", **declared).read(written)


@pytest.mark.parametrize(("term", "expected"), LEAVES, ids=[t for _, t in LEAVES])
def test_term_has_its_matrix_form(term: Term, expected: str) -> None:
    dims = (*term.dims, ONE, ONE)
    found = raised(term, (dims[0], dims[1]))
    assert lower(found).term is term, f"{text(found)} is another term"
    assert lower(read_alone(expected)).term is term, f"{expected} is another term"
    assert text(found) == expected


def test_shape_decides_between_row_and_column() -> None:
    assert text(raised(x, (N, ONE))) == "x"
    assert text(raised(x, (ONE, N))) == "x.T"
    assert raised(s, SCALAR) is node("var", (), SCALAR, "s")


DECLARED = {
    "X": "n, d", "W": "d, m", "b": "m", "A": "n, n", "B": "n, n", "x": "n", "y": "n",
    "s": "scalar", "f": "entrywise",
}  # fmt: skip
GRADIENTS = [
    ("s * diag(B)[1]", "s", "diag(B)[1]"),
    ("0 * s + sum(x)", "s", "0"),
    ("L((A.T @ B.T) @ x)", "A", "B.T @ x @ G.T"),
    ("trace(A @ B @ A @ B)", "A", "2 * B.T @ A.T @ B.T"),
    ("sum((X.T @ (diag(A) * x)) ** 2)", "x", "2 * diag(A) * (X @ X.T @ (x * diag(A)))"),
    ("x.T @ A @ x", "x", "(A + A.T) @ x"),
    ("x.T @ A @ x", "A", "x @ x.T"),
    ("L(A @ B)", "A", "G @ B.T"),
    ("L(A @ B)", "B", "A.T @ G"),
    ("L(X @ W + ones(n) @ b.T)", "W", "X.T @ G"),
    ("L(X @ W + ones(n) @ b.T)", "b", "G.T @ ones(n)"),
    ("L(X @ W + ones(n) @ b.T)", "X", "G @ W.T"),
    ("L((A @ B).T)", "A", "G.T @ B.T"),
    ("L(A.T)", "A", "G.T"),
    ("sum(sqrt(x))", "x", "1 / (2 * sqrt(x))"),
    ("sum(x ** 3)", "x", "3 * x ** 2"),
    ("sum(1 / x)", "x", "-1 / x ** 2"),
    ("trace(A)", "A", "eye(n)"),
    ("trace(A @ B)", "A", "B.T"),
    ("trace(A.T @ B)", "A", "B"),
    ("trace(A @ A)", "A", "2 * A.T"),
    ("trace(X.T @ A @ X)", "X", "(A + A.T) @ X"),
    ("trace(X.T @ A @ X)", "A", "X @ X.T"),
    ("trace(A @ B @ A.T)", "A", "A @ (B + B.T)"),
    ("sum(X)", "X", "ones(n, d)"),
    ("mean(X)", "X", "ones(n, d) / (d * n)"),
    ("L(sum(X, axis=0))", "X", "ones(n) @ G"),
    ("L(sum(X, axis=1))", "X", "G @ ones(d).T"),
    ("L(mean(X, axis=0))", "X", "ones(n) @ G / n"),
    ("L(diag(x) @ X)", "x", "sum(G * X, axis=1)"),
    ("L(diag(x) @ X)", "X", "diag(x) @ G"),
    ("L(diag(A))", "A", "diag(G)"),
    ("L(diag(x))", "x", "diag(G)"),
    ("sum(diag(A) * x)", "A", "diag(x)"),
    ("sum(diag(A) * (A @ x))", "A", "diag(A @ x) + diag(A) @ x.T"),
    ("x.T @ diag(y) @ x", "y", "x ** 2"),
    ("x.T @ diag(y) @ x", "x", "2 * x * y"),
    ("norm(x)", "x", "x / norm(x)"),
    ("norm(A @ x - y) ** 2", "x", "2 * A.T @ (A @ x - y)"),
    ("norm(X) ** 2", "X", "2 * X"),
    ("norm(A @ x - y)", "A", "(A @ x - y) @ x.T / norm(A @ x - y)"),
    ("L(tanh(A @ x))", "A", "(G * (1 - tanh(A @ x) ** 2)) @ x.T"),
    ("L(X * X)", "X", "2 * G * X"),
    ("L(s * X)", "s", "sum(G * X)"),
    ("L(X / s)", "s", "-sum(G * X) / s ** 2"),
    ("L(f(A @ x))", "x", "A.T @ (G * fp(A @ x))"),
    ("sum(exp(x.T @ y) * x)", "x", "exp(x.T @ y) * (1 + sum(x) * y)"),
    ("X[1, 2] ** 2", "X", "2 * X[1, 2] * onehot(1, n) @ onehot(2, d).T"),
    ("L(X[1, :])", "X", "onehot(1, n) @ G"),
    ("Sum(i, X[i, :] @ X[i, :].T)", "X", "2 * X"),
    ("log(x.T @ y)", "x", "y / (x.T @ y)"),
    ("dot(A, B)", "A", "B"),
    ("L(x @ y.T)", "x", "G @ y"),
    ("L(x.T * s)", "x", "s * G.T"),
    ("Z = A @ x; norm(Z) ** 2", "A", "2 * Z @ x.T"),
    ("L(relu(X))", "X", "G * where(X > 0, 1, 0)"),
    ("L(X + s)", "s", "sum(G)"),
    ("L(X[:, 1])", "X", "G @ onehot(1, d).T"),
]


@pytest.mark.parametrize(
    ("written", "wrt", "expected"), GRADIENTS, ids=[f"{t} by {w}" for t, w, _ in GRADIENTS]
)
def test_gradient_is_written_as_people_do(written: str, wrt: str, expected: str) -> None:
    found = gradient(written, wrt)
    assert found == expected, f"problem({written!r}, wrt={wrt!r})"


def gradient(written: str, wrt: str) -> str:
    words: Sequence[str] = "".join(c if c.isalnum() else " " for c in written).split()
    p = problem(written, **{k: v for k, v in DECLARED.items() if k in words})
    return DerivedGradients(p, [wrt])[wrt].text


def test_a_bound_index_does_not_lend_its_range_to_a_free_one_of_the_same_name() -> None:
    n, m = symbol("n"), symbol("m")
    x, y = var("x", (n, ONE)), var("y", (m, ONE))
    product = mul(entry(x, "i", 1), index_sum("i", m, entry(y, "i", 1)))
    assert free_ranges(product) == {"i": n}


# Symmetry, and the fuse that makes one axis of two ----------------------------------------------


def test_a_symmetric_leaf_forgets_the_order_of_its_axes() -> None:
    n = symbol("n")
    p = leaf(var("P", (n, n)), (n, n), symmetric=True)
    x = leaf(var("x", (n, ONE)), (n,))
    dims = {"i": n, "j": n}
    left = contract([Factor(p, ("i", "j")), Factor(x, ("j",))], ("i",), dims)
    right = contract([Factor(p, ("j", "i")), Factor(x, ("j",))], ("i",), dims)
    assert left is right


def test_a_gram_matrix_is_symmetric_and_a_product_is_not() -> None:
    n, d = symbol("n"), symbol("d")
    x = leaf(var("X", (n, d)), (n, d))
    a = leaf(var("A", (d, d)), (d, d))
    dims = {"k": n, "i": d, "j": d}
    assert is_symmetric(contract([Factor(x, ("k", "i")), Factor(x, ("k", "j"))], ("i", "j"), dims))
    assert not is_symmetric(a)
    both = add([a, transposed(a)])
    assert is_symmetric(both)
    assert not is_symmetric(add([a, scaled(transposed(a), Scale(Fraction(2)))]))


def test_fuses_of_one_place_have_one_pair() -> None:
    n, m = symbol("n"), symbol("m")
    a, b = leaf(var("A", (n, m)), (n, m)), leaf(var("B", (n, m)), (n, m))
    dims = {"k": n * m, "i": n, "j": m, "p": n, "q": m}
    factors = [
        Factor(fuse(m, n), ("k", "j", "i")),
        Factor(fuse(m, n), ("k", "q", "p")),
        Factor(a, ("i", "j")),
        Factor(b, ("p", "q")),
    ]
    inner = contract([Factor(a, ("i", "j")), Factor(b, ("i", "j"))], (), {"i": n, "j": m})
    assert contract(factors, (), dims) is inner


def test_a_fuse_of_which_nothing_else_knows_counts_once() -> None:
    n, m = symbol("n"), symbol("m")
    dims = {"k": n * m, "i": n, "j": m}
    assert contract([Factor(fuse(n, m), ("k", "i", "j"))], ("i", "j"), dims) is constant(
        Scale(), (n, m)
    )
    diagonal = contract([Factor(fuse(n, n), ("k", "i", "i"))], ("k",), {"k": n * n, "i": n})
    assert diagonal is not constant(Scale(), (n * n,))


def test_factors_that_differ_in_their_ranges_alone_have_an_order() -> None:
    r = "reshape(X, d, n)"
    texts = (f"trace({r} @ X) * sum({r} @ X)", f"sum({r} @ X) * trace({r} @ X)")
    first, second = (lower(problem(t, X="n, d").objective).term for t in texts)
    assert first is second
