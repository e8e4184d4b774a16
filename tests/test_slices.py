"""Slices and shifted indices: positions count from 1, both ends are included, as on paper."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.core import errors
from symderiv.core.expr import sum_index, walk
from symderiv.core.shapes import describe
from symderiv.ops.text import text as spelled
from symderiv.problems.problem import problem

SHAPES = {
    "x": "n",
    "y": "n",
    "z": "n",
    "X": "n, d",
    "Z": "n, d",
    "A": "n, n",
    "W": "d, m",
    "T": "t, n, d",
    "B": "t, d, m",
}


def posed(text: str) -> sd.Problem:
    names = {n: s for n, s in SHAPES.items() if any(c in text for c in (n,))}
    return problem(text, **names)


# A text, and its value by NumPy, of arrays of 5 x 4 (T: 3 x 5 x 4) with k = 2.
VALUES = (
    ("sum(x[2:n])", lambda a: a.x[1:].sum()),
    ("sum(x[2:4])", lambda a: a.x[1:4].sum()),
    ("sum(x[:3])", lambda a: a.x[:3].sum()),
    ("sum(x[3:])", lambda a: a.x[2:].sum()),
    ("x[n] * x[n - 1]", lambda a: a.x[-1] * a.x[-2]),
    ("sum(X[1:k, 1:k])", lambda a: a.X[:2, :2].sum()),
    ("sum(X[:, 1:k])", lambda a: a.X[:, :2].sum()),
    ("sum(X[k + 1:n, 2])", lambda a: a.X[2:, 1].sum()),
    ("X[n, d]", lambda a: a.X[-1, -1]),
    ("sum(X[n, :])", lambda a: a.X[-1].sum()),
    ("sum(T[1, :, :])", lambda a: a.T[0].sum()),
    ("sum(T[:, 2, 2:d])", lambda a: a.T[:, 1, 1:].sum()),
    ("T[t, 1, d]", lambda a: a.T[-1, 0, -1]),
    ("Sum(i, x[i + 1] * x[i])", lambda a: a.x[1:] @ a.x[:-1]),
    ("Sum(i, x[i - 1] * x[i])", lambda a: a.x[1:] @ a.x[:-1]),
    ("Sum(i, x[i - 1] * x[i + 2])", lambda a: a.x[:-3] @ a.x[3:]),
    ("Sum(i, x[i + 1])", lambda a: a.x.sum()),
    ("Sum(i, (x[1 + i] - x[i]) ** 2)", lambda a: (np.diff(a.x) ** 2).sum()),
    ("Sum(i, X[i + 1, :] @ X[i, :].T)", lambda a: (a.X[1:] * a.X[:-1]).sum()),
    (
        "Sum(i, Sum(j, X[i + 1, j] * X[i, j + 1]))",
        lambda a: (a.X[1:, :-1] * a.X[:-1, 1:]).sum(),
    ),
    ("Sum(i, Sum(j, delta(i + 1, j) * x[i] * y[j]))", lambda a: a.x[:-1] @ a.y[1:]),
    ("Sum(i, A[i, i + 1])", lambda a: np.trace(a.A, 1)),
    ("Prod(i, x[i])", lambda a: a.x.prod()),
    ("Prod(i, x[i + 1] - x[i])", lambda a: np.diff(a.x).prod()),
    ("Sum(j, Prod(i, X[i, j]))", lambda a: a.X.prod(axis=0).sum()),
    ("sum(Sum(i, onehot(i, n) * x[i] ** 2) * y)", lambda a: (a.x**2) @ a.y),
    ('sum(einsum("...ij,...jk->...ik", T, B))', lambda a: (a.T @ a.B).sum()),
    ('sum(einsum("...ij,jk->...ik", T, W))', lambda a: (a.T @ a.W).sum()),
    ('sum(einsum("...i,...i->...", X, Z) ** 2)', lambda a: ((a.X * a.Z).sum(1) ** 2).sum()),
    ("log(x[2])", lambda a: np.log(a.x[1])),
    ("x[1] / x[3]", lambda a: a.x[0] / a.x[2]),
    ("sum(x / X[:, 2])", lambda a: (a.x / a.X[:, 1]).sum()),
    ("sum(x / x[1])", lambda a: (a.x / a.x[0]).sum()),
    ("sqrt(X[1, 2]) * X[2, 1] ** -1.5", lambda a: a.X[0, 1] ** 0.5 * a.X[1, 0] ** -1.5),
    ("sum(X[:, 1:2] / X[:, 3])", lambda a: (a.X[:, :2] / a.X[:, 2:3]).sum()),
)


class Arrays:
    def __init__(self) -> None:
        rng = np.random.default_rng(3)
        sizes = {"n": 5, "d": 4, "m": 2, "t": 3}
        for name, shape in SHAPES.items():
            dims = [sizes[d.strip()] for d in shape.split(",")]
            setattr(self, name, rng.uniform(0.5, 2, dims))

    def of(self, p: sd.Problem) -> dict[str, object]:
        return {n: getattr(self, n) for n in p.variables} | ({"k": 2} if "k" in p.dims else {})


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_a_position_is_the_one_on_paper(text: str, value: object) -> None:
    p, arrays = posed(text), Arrays()
    d = sd.derive(p)
    given = arrays.of(p)
    f = d.compile()
    assert np.isclose(f.forward(**given), value(arrays))  # type: ignore[operator]
    found = f.backward(**given)
    step = 1e-6
    for name in d:
        direction = np.random.default_rng(1).normal(size=given[name].shape)
        moved = Arrays(), Arrays()
        setattr(moved[0], name, given[name] + step * direction)
        setattr(moved[1], name, given[name] - step * direction)
        slope = (value(moved[0]) - value(moved[1])) / (2 * step)  # type: ignore[operator]
        assert np.isclose((found[name] * direction).sum(), slope, rtol=1e-5), name


@pytest.mark.sampled(3)
@pytest.mark.parametrize("text", [t for t, _ in VALUES])
def test_it_derives_prints_and_can_be_claimed(text: str) -> None:
    p = posed(text)
    d = sd.derive(p)
    assert p.read(spelled(p.objective)) is p.objective
    for name, result in d.items():
        assert result.latex
        if ";" not in result.text:
            assert sd.check(p, wrt=name, claim=result.text).verdict == "right"
            assert sd.check(p, wrt=name, claim=f"2 * ({result.text})").verdict == "wrong"


@pytest.mark.parametrize("text", [t for t, _ in VALUES][::3])
def test_both_roads_agree(text: str) -> None:
    assert sd.derive(posed(text)).verify()


RANGES = (
    ("Sum(i, x[i])", "n"),
    ("Sum(i, x[i + 1])", "n"),
    ("Sum(i, x[i + 1] * x[i])", "(n - 1)"),
    ("Sum(i, x[i - 1] * x[i + 1])", "(n - 2)"),
    ("r = x[2:n]; Sum(i, r[i] * x[i])", "(n - 1)"),
    ("r = x[2:n]; Sum(i, r[i] * x[i + 2])", "(n - 2)"),
)


@pytest.mark.parametrize(("text", "size"), RANGES)
def test_the_range_of_a_sum_is_what_all_places_allow(text: str, size: str) -> None:
    sums = [e for e in walk(posed(text).objective) if e.op == "Sum"]
    assert str(sum_index(sums[0])[1]) == size


def test_shapes_of_slices_meet() -> None:
    p = posed("r = x[2:n] - x[1:n - 1]; L(r)")
    assert describe(p.definitions["r"].shape) == "(n - 1) x 1"
    assert posed("x[1:n]").objective.op == "var"


# Named indices of tensors beside whole axes, and what they are in NumPy.
SLABS = (
    ("Sum(i, sum(T[i, :, :] @ w))", lambda t, w: (t @ w).sum()),
    ("Sum(i, sum(log(T[:, i, :] @ w)))", lambda t, w: np.log(t @ w).sum()),
    ("Sum(i, sum(T[:, :, i] / w[i]))", lambda t, w: (t / w).sum()),
    ("Sum(i, logdet(eye(n) + T[i, :, :] @ T[i, :, :].T))",
     lambda t, w: sum(np.linalg.slogdet(np.eye(4) + m @ m.T)[1] for m in t)),
    ("Sum(i, Sum(j, norm(T[i, :, j])))", lambda t, w: np.sqrt((t**2).sum(axis=1)).sum()),
    ("Sum(i, Sum(j, exp(T[i, j, :] @ w)))", lambda t, w: np.exp(t @ w).sum()),
    ("sum(Prod(i, T[i, :, :]) @ w)", lambda t, w: (t.prod(axis=0) @ w).sum()),
    ("sum(Prod(i, T[:, i, :]) @ w)", lambda t, w: (t.prod(axis=1) @ w).sum()),
    ("sum(Prod(i, T[:, :, i]))", lambda t, w: t.prod(axis=2).sum()),
    ("Sum(i, sum(T[2, i, :] ** 2))", lambda t, w: (t[1] ** 2).sum()),
    ("Sum(i, sum(T[i, :, 2:d] ** 2))", lambda t, w: (t[:, :, 1:] ** 2).sum()),
    ("Sum(i, sum(T[i + 1, :, :] * T[i, :, :]))", lambda t, w: (t[1:] * t[:-1]).sum()),
    ("Sum(i, sum(T[:, i + 1, :] / T[:, i, :]))", lambda t, w: (t[:, 1:] / t[:, :-1]).sum()),
    ("Sum(i, sum(softmax(T[i, :, :]) * w.T))",
     lambda t, w: (np.exp(t) / np.exp(t).sum(axis=2, keepdims=True) * w).sum()),
    ("Sum(i, sum(exp(Q[:, i, :, :] @ w)))", lambda q, w: np.exp(q @ w).sum()),
    ("Sum(i, sum(Q[:, :, i, :]) ** 2 * w[1])",
     lambda q, w: w[0] * (q.sum(axis=(0, 1, 3)) ** 2).sum()),
    ("sum(Prod(i, Q[:, i, :, :]) @ w)", lambda q, w: (q.prod(axis=1) @ w).sum()),
    ("Sum(i, Sum(j, sum(Q[i, :, j, :] @ w) ** 2))", lambda q, w: ((q @ w).sum(axis=1) ** 2).sum()),
)  # fmt: skip


@pytest.mark.sampled(5)
@pytest.mark.parametrize(("text", "value"), SLABS)
def test_a_named_index_of_a_tensor_stands_beside_whole_axes(text: str, value: Any) -> None:
    name, shape = ("Q", "s, t, n, d") if "Q" in text else ("T", "t, n, d")
    d = sd.derive(text, variables={name: shape, "w": "d"})
    rng = np.random.default_rng(5)
    sizes = {"s": 2, "t": 2, "n": 4, "d": 3}
    tensor = rng.uniform(0.5, 1.5, [sizes[x] for x in shape.split(", ")])
    w = rng.uniform(0.5, 1.5, 3)
    known = {name: tensor, "w": w, **sizes}
    slopes = np.zeros(tensor.shape)
    for spot in np.ndindex(tensor.shape):
        step = np.zeros(tensor.shape)
        step[spot] = 1e-6
        slopes[spot] = (value(tensor + step, w) - value(tensor - step, w)) / 2e-6
    assert np.allclose(d[name].evaluate(**known), slopes, rtol=1e-6, atol=1e-8), d[name].text
    assert spelled(d.problem.objective) == spelled(
        problem(spelled(d.problem.objective), **{name: shape, "w": "d"}).objective
    )
    assert d.verify().roads


def test_a_tensor_with_an_axis_of_size_1_is_verified() -> None:
    for text in ("Sum(i, sum(T[i, :, :] * X))", "sum(T @ X.T)"):
        assert sd.derive(text, T="a, 1, c", X="b, c").verify().roads


REFUSED = (
    ("sum(x[0:n])", "the last place of x: n is x[n]"),
    ("sum(x[3:2])", "places count from 1"),
    ("sum(x[2:n + 1])", "places count from 1"),
    ("x[-1]", "the last place of x: n is x[n]"),
    ("sum(x[1:n:2])", "X[1:k, :]"),
    ("x[i + 1]", "Sum(i, x[i + 1] * x[i])"),
    ("Sum(i, x[2 * i])", "an index is shifted by a number"),
    ("Sum(i, x[n - i])", "an index is shifted by a number"),
    ("Sum(i, x[i] * X[1, i])", "an index has one range"),
    ("Sum(i, x[i + 1] * X[1, i])", "an index has one range"),
    ("Sum(i, T[i, :])", "write T[i, j, k], or : for a whole axis"),
    ("L(T[i, :, :])", "bind it: Sum(i, ...)"),
    ("Sum(i, T[i, i, :])", "an index has one range"),
    ("sum(X[1:2])", "X[i, j]"),
    ("sum(x[1:x])", "a place is a number"),
    ("x[1.5]", "an index is a symbol"),
    ("sum(zeros(n - n))", "write zeros"),
)


@pytest.mark.parametrize(("text", "remedy"), REFUSED)
def test_what_is_no_place_is_refused(text: str, remedy: str) -> None:
    with pytest.raises(errors.LanguageError) as raised:
        posed(text)
    assert remedy in raised.value.remedy, raised.value
    assert raised.value.span is not None


def test_a_part_of_something_undeclared_needs_its_shape() -> None:
    with pytest.raises(errors.IndexNameError, match="declare the shape"):
        problem("sum(X[1:k, 1:k])")
    assert describe(problem("sum(x[2:n])").variables["x"].shape) == "n x 1"


LAST = (
    ("Sum(i, x[i + 1] * x[i])", "dL/dx[n]", "x[n - 1]", "right"),
    ("Sum(i, x[i + 1] * x[i])", "dL/dx[n]", "x[n]", "wrong"),
    ("Sum(i, x[i + 1] * x[i])", "dL/dx[1]", "x[2]", "right"),
    ("L(X @ W)", "dL/dW[d, q]", "Sum(i, X[i, d] * G[i, q])", "right"),
    ("L(X @ W)", "dL/dW[d, m]", "X[:, d].T @ G[:, m]", "right"),
)


@pytest.mark.parametrize(("text", "about", "claim", "verdict"), LAST)
def test_a_size_between_brackets_is_the_last_place(
    text: str, about: str, claim: str, verdict: str
) -> None:
    assert sd.check(posed(text), about=about, claim=claim).verdict == verdict


@pytest.mark.parametrize("about", ["dL/dW[n, m]", "dL/dW[m, d]"])
def test_a_size_of_another_axis_is_no_index(about: str) -> None:
    with pytest.raises(errors.IndexNameError, match="a letter of its own"):
        sd.check(posed("L(X @ W)"), about=about, claim="G[1, 1]")


SECOND = (
    ("Sum(i, (x[i + 1] - x[i]) ** 2)", "x"),
    ("sum(exp(x[2:n] / x[1:n - 1]))", "x"),
    ("x[n] ** 3", "x"),
    ("log(x[2]) + x[1] / x[3]", "x"),
    ("sum(x / x[1])", "x"),
    ("Prod(i, x[i])", "x"),
    ("sum(X[1:k, 1:k] ** 3)", "X"),
    ("Sum(i, Sum(j, X[i + 1, j] ** 2 * X[i, j]))", "X"),
    ("logdet(A[1:k, 1:k])", "A"),
)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("text", "name"), SECOND)
def test_hessians_go_through_slices_and_shifts(text: str, name: str) -> None:
    hessian = sd.hessian(posed(text), name)
    assert hessian.verify()
    assert hessian.latex


FIRST = (
    ("x[2:n] / x[1:n - 1]", "x"),
    ("x / x[1]", "x"),
    ("log(X[:, 2])", "X"),
    ("x[1:2] / x[3]", "x"),
    ("X[1:k, 1:k] @ y[1:k]", "X"),
    ("Sum(i, onehot(i, n) * x[i] ** 2)", "x"),
    ('einsum("...i,...i->...", X, Z)', "X"),
)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("text", "name"), FIRST)
def test_jacobians_go_through_slices_and_entries(text: str, name: str) -> None:
    found = sd.jacobian(posed(text), name)
    assert found.verify()
    if ";" not in found.text:
        assert sd.check(posed(text), wrt=name, claim=found.text).verdict == "right"


TOO_LARGE = (
    ("sum(X[1:k, 2:d])", {"k": 6}, "n - k is -1"),
    ("sum(X[k + 1:n, :] ** 2)", {"k": 6}, "n - k is -1"),
    ("sum(x[2:7])", {}, "n - 7 is -2"),
    ("Sum(i, x[i + 8] * x[i])", {}, "n - 8 is -3"),
)


@pytest.mark.parametrize(("text", "sizes", "message"), TOO_LARGE)
def test_code_refuses_a_part_that_there_is_not(
    text: str, sizes: dict[str, int], message: str
) -> None:
    d = sd.derive(posed(text))
    given = {n: getattr(Arrays(), n) for n in d.problem.variables} | sizes
    f = d.compile()
    for call in (f.forward, f.backward):
        with pytest.raises(ValueError, match=message):
            call(**given)
    with pytest.raises(errors.InputError, match=message):
        next(iter(d.values())).evaluate(**given)


def test_a_part_may_be_the_whole_axis() -> None:
    d = sd.derive(posed("sum(X[1:k, :] ** 2)"))
    x = Arrays().X
    assert np.allclose(d.compile().backward(X=x, k=5)["X"], 2 * x)
    assert np.allclose(d["X"].evaluate(X=x, k=5), 2 * x)
