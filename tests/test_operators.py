"""Conventions of single operators: ties, zeros, first maximal entries, axes, missing rules."""

from __future__ import annotations

import numpy as np
import pytest

import symderiv as sd
from symderiv.core.errors import NoEntriesError, ShapeError
from symderiv.evidence.verification import check_roads


def gradient(text: str, **arrays: object) -> np.ndarray:
    shapes = {n: ", ".join("nd"[: np.ndim(a)]) or "scalar" for n, a in arrays.items()}
    (name, *_) = arrays
    sizes = dict(zip("nd", np.shape(arrays[name]), strict=False))
    return sd.derive(text, wrt=name, **shapes)[name].evaluate(**arrays, **sizes)


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("sum(abs(x))", [0.0, -2.0, 3.0], [0, -1, 1]),
        ("sum(sign(x))", [0.0, -2.0, 3.0], [0, 0, 0]),
        ("sum(relu(x))", [0.0, -2.0, 3.0], [0, 0, 1]),
        ("sum(maximum(x, 0))", [0.0, -2.0, 3.0], [0, 0, 1]),
        ("sum(minimum(x, 0))", [0.0, -2.0, 3.0], [0, 1, 0]),
        ("sum(leaky_relu(x, 0.5))", [0.0, -2.0, 3.0], [0.5, 0.5, 1]),
        ("max(x)", [1.0, 3.0, 3.0], [0, 1, 0]),
        ("min(x)", [3.0, 1.0, 1.0], [0, 1, 0]),
        ("norminf(x)", [1.0, -3.0, 3.0], [0, -1, 0]),
        ("norm1(x)", [1.0, -3.0, 0.0], [1, -1, 0]),
        ("prod(x)", [2.0, 0.0, 3.0], [0, 6, 0]),
        ("prod(x)", [0.0, 0.0, 3.0], [0, 0, 0]),
    ],
)
def test_points_where_a_convention_or_a_zero_decides(
    text: str, at: list[float], expected: list[float]
) -> None:
    np.testing.assert_array_equal(gradient(text, x=np.array(at)), expected)


def test_first_maximal_entry_of_every_row_and_column() -> None:
    x = np.array([[1.0, 5.0, 5.0], [5.0, 2.0, 2.0]])
    np.testing.assert_array_equal(gradient("sum(max(X, axis=1))", X=x), [[0, 1, 0], [1, 0, 0]])
    np.testing.assert_array_equal(gradient("sum(max(X, axis=0))", X=x), [[0, 1, 1], [1, 0, 0]])
    np.testing.assert_array_equal(gradient("max(X)", X=x), [[0, 1, 0], [0, 0, 0]])


def test_second_slope_of_a_product_is_exact_at_zeros() -> None:
    d = sd.derive("y.T @ prod_others(x)", wrt="x", x="n", y="n")
    x, y = np.array([0.0, 2.0, 3.0]), np.array([1.0, 10.0, 100.0])
    expected = [10 * 3 + 100 * 2, 1 * 3 + 100 * 0, 1 * 2 + 10 * 0]
    np.testing.assert_array_equal(d["x"].evaluate(x=x, y=y), expected)


def test_softmax_of_a_column_is_refused_with_the_axis_to_write() -> None:
    for name in ("softmax", "logsoftmax"):
        with pytest.raises(ShapeError, match=rf"write {name}\(x, axis=0\)"):
            sd.derive(f"L({name}(x))", x="n")
        sd.derive(f"L({name}(x, axis=0))", x="n")


@pytest.mark.parametrize("text", ["softmax(1000 * X)", "logsoftmax(1000 * X)"])
def test_large_arguments_do_not_overflow(text: str) -> None:
    with np.errstate(over="raise", invalid="raise"):
        out = sd.derive(f"L({text})", X="n, d").compile().forward(np.eye(3))
        assert np.all(np.isfinite(out))
        value = sd.derive("logsumexp(1000 * X)", X="n, d").compile().forward(np.eye(3))
    assert value == pytest.approx(1000 + np.log(3))


def test_norms_by_their_kind() -> None:
    texts = {
        'norm(X, "nuc")': "polar(X)",
        "norm(X, 2)": "left_singular(X) @ right_singular(X).T",
        'norm(X, "fro")': "X / norm(X)",
        "norm1(X)": "sign(X)",
    }
    for text, expected in texts.items():
        assert sd.derive(text, X="n, d")["X"].text == expected
    assert sd.derive("norm(x, 2)", x="n")["x"].text == "x / norm(x)"
    with pytest.raises(ShapeError, match="norm\\(.., 1\\) of a matrix has two readings"):
        sd.derive("norm(X, 1)", X="n, d")


def test_singular_vectors_have_a_rule_and_no_entries() -> None:
    for name in ("polar", "left_singular", "right_singular"):
        (road,) = check_roads(sd.derive(f"L({name}(X))", X="n, d").data)
        assert name in road["by dual numbers"]
    d = sd.derive('norm(X, "nuc")', X="n, d")
    (road,) = check_roads(d.data)
    assert "norm_nuclear" in road["by dual numbers"]
    assert not road["exact"]
    assert any("dual numbers" in line for line in d.verify().lines())
    with pytest.raises(NoEntriesError, match="norm_nuclear"):
        d.write("unused", formats=["md"], style="entries")


def test_gelu_reads_as_it_is_written_on_paper() -> None:
    found = sd.derive("sum(gelu(X))", X="n, d")["X"].text
    assert found == "X * exp(-0.5 * X ** 2) / sqrt(2 * pi) + 0.5 * (erf(X / sqrt(2)) + 1)"


def test_scipy_is_imported_only_where_it_is_needed() -> None:
    assert "import scipy.special" in sd.derive("L(erf(X))", X="n, d").compile().source
    assert "scipy" not in sd.derive("L(exp(X))", X="n, d").compile().source


def test_functions_of_rows_under_an_index_are_functions_along_an_axis() -> None:
    for body, expected in {
        "max(X[i, :])": "max_mask(X, axis=1)",
        "logsumexp(X[i, :])": "softmax(X)",
        "norm1(X[i, :])": "sign(X)",
    }.items():
        assert sd.derive(f"Sum(i, {body})", X="n, d")["X"].text == expected
