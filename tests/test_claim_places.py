"""Where a claim is wrong: in its text, and in the entries of its value."""

import pytest

import symderiv as sd
from symderiv.claims.places import marked, unshared, wrong_places
from symderiv.ops.text import text
from symderiv.problems import problem

KNOWN = {"A": "n, n", "B": "n, n", "X": "n, n", "x": "n", "y": "n", "s": "scalar"}

PLACES = [  # what is claimed, what is right, and carets under the wrong places
    ("A @ x + y",
     "A.T @ x + y",
     "^"),
    ("A @ A @ x",  # the same factor twice: only one is wrong
     "A @ A.T @ x",
     "    ^"),
    ("A.T @ x",
     "A @ x",
     " ^^"),
    ("A @ x - y",
     "A @ x + y",
     "      ^"),
    ("A @ x + y",
     "A @ x - y",
     "      ^"),
    ("-A @ x",
     "A @ x",
     "^"),
    ("A @ x / 2",
     "A @ x",
     "      ^^^"),
    ("2 * A @ x",
     "A @ x",
     "^^^"),
    ("A @ (x - 2 * y)",
     "A @ (x - 3 * y)",
     "         ^"),
    ("A @ exp(x - y)",
     "A @ exp(y - x)",
     "        ^   ^"),
    ("A @ sin(x) + sin(x)",
     "A @ sin(x) + cos(x)",
     "             ^^^^^^"),
    ("A @ x + B @ x + y",
     "A @ x + y",
     "        ^^^^^"),
    ("A @ x - B @ x + y",
     "A @ x + y",
     "      ^^^^^^^"),
    ("Sum(i, (A[i, :] @ x) * y[i])",
     "Sum(i, (A[:, i].T @ x) * y[i])",
     "        ^^^^^^^"),
    ("A.T @ x + A @ x",
     "A.T @ y + A @ y",
     "      ^       ^"),
    ("x * (A @ y) * s",
     "x * (B @ y) * s",
     "     ^"),
]  # fmt: skip


@pytest.mark.parametrize(("claimed", "right", "carets"), PLACES)
def test_the_smallest_wrong_places_are_marked(claimed: str, right: str, carets: str) -> None:
    p = problem("sum(A @ x) + sum(B) + sum(X) + sum(y) + s", **KNOWN)
    found = marked(p.read(claimed), p.read(right))
    assert found is not None
    assert found.text == text(p.read(claimed))
    assert found.text == claimed
    assert found.carets == carets
    assert "".join(t for t, _ in found.parts()) == claimed
    assert (
        "".join("^" if wrong else " " for t, wrong in found.parts() for _ in t).rstrip() == carets
    )


@pytest.mark.parametrize(
    ("claimed", "right"),
    [
        ("A @ x", "A @ x"),  # nothing is wrong
        ("A @ x", "2 * A @ x"),  # something is missing around it
        ("A @ B", "B @ A"),  # another order
        ("x", "y"),
        ("A @ x", "x * y"),
        ("A @ x", "B @ y"),  # every part is wrong
    ],
)
def test_nothing_is_marked_where_the_whole_is_wrong(claimed: str, right: str) -> None:
    p = problem("sum(A @ x) + sum(B) + sum(X) + sum(y) + s", **KNOWN)
    assert marked(p.read(claimed), p.read(right)) is None


def test_an_unshared_tree_prints_the_same() -> None:
    p = problem("sum(A @ x) + sum(B) + sum(X) + sum(y) + s", **KNOWN)
    for written in ("A @ A @ x - 2 * x", "x * x * (A @ x)", "A * (x * x.T)", "diag(x) @ A / s"):
        paths: dict = {}
        tree = unshared(p.read(written), paths)
        assert text(tree) == text(p.read(written))
        assert len(set(paths.values())) == len(paths)


def test_a_claim_that_is_right_has_no_wrong_place() -> None:
    p = problem("sum(A @ x) + sum(B) + sum(X) + sum(y) + s", **KNOWN)
    assert wrong_places(p.read("A @ x"), p.read("A @ x")) == []
    assert sd.check("x.T @ A @ x", wrt="x", claim="(A + A.T) @ x").marked is None


def test_marks_where_sizes_were_taken_as_equal() -> None:
    v = sd.check("L(X @ W + Z)", wrt="W", claim="X @ G", X="n, d", W="d, m", Z="n, m")
    assert v.marked is not None
    assert v.marked.carets == "^"
    v = sd.check("L(X @ W @ V)", wrt="W", claim="X.T @ G @ V", X="n, d", W="d, m", V="m, k")
    assert v.marked is not None
    assert v.marked.carets == "          ^"


PARTS = [
    ("x.T @ A @ x", "d2L/dx2", "2 * A", "right on the diagonal only"),
    ("logsumexp(x)", "d2L/dx2", "-softmax(x, axis=0) @ softmax(x, axis=0).T",
     "right off the diagonal only"),
    ("sum(X)", "dL/dX", "tril(ones(n, n))", "right on and below the diagonal only"),
    ("sum(X)", "dL/dX", "triu(ones(n, n))", "right on and above the diagonal only"),
    ("sum(X)", "dL/dX", "tril(ones(n, n)) - eye(n)", "right below the diagonal only"),
    ("sum(X)", "dL/dX", "triu(ones(n, n)) - eye(n)", "right above the diagonal only"),
    ("sum(X)", "dL/dX", "eye(n)", "right on the diagonal only"),
    ("sum(X)", "dL/dX", "ones(n, n) - eye(n)", "right off the diagonal only"),
    ("sum(X)", "dL/dX", "onehot(1, n) @ ones(n).T", "right in the first row only"),
    ("sum(X)", "dL/dX", "ones(n) @ onehot(1, n).T", "right in the first column only"),
    ("sum(X)", "dL/dX", "(ones(n) - onehot(1, n)) @ ones(n).T", "right in all rows but the first"),
    ("sum(x)", "dL/dx", "onehot(1, n)", "right in the first entry only"),
    ("sum(x)", "dL/dx", "ones(n) - onehot(1, n)", "right in all entries but the first"),
    ("sum(x)", "dL/dx", "2 * ones(n)", ""),
    ("sum(x)", "dL/dx", "onehot(2, n)", ""),  # no set that is named
    ("sum(X)", "dL/dX", "X", ""),
    ("sum(X)", "dL/dX", "ones(n) @ x.T", ""),
]  # fmt: skip


@pytest.mark.parametrize(("of", "about", "claim", "holds"), PARTS)
def test_entries_in_which_a_wrong_claim_is_right(of, about, claim, holds) -> None:
    p = problem(f"Q = {of}; Q + 0 * sum(A) + 0 * sum(x) + 0 * sum(X)", A="n, n", x="n", X="n, n")
    v = sd.check(p, about=about.replace("L", "Q"), claim=claim)
    assert v.verdict in ("wrong", "right-if")
    assert v.holds == holds
