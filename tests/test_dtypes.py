"""Generated code computes in the precision of the arrays that it is given."""

from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.codegen.module import compile_module, module_of
from symderiv.codegen.testfile import checked_sizes
from symderiv.evidence.differences import backward, callables, draw, hidden_sizes, objective
from symderiv.problems import library

SQUARE = {"A": "n, n"}


@pytest.mark.sampled(2)
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("name", library.names())
def test_every_problem_of_the_library_keeps_the_dtype(name: str, kind: Any) -> None:
    d = sd.derive(name)
    code = compile_module(module_of(d.data))
    sizes = checked_sizes(d.data)[0]
    inputs, given = draw(d.data, sizes, 0, list(d.problem.variables))
    # A scalar of Python never widens, and no integer does.
    arrays = {n: float(a) if a.ndim == 0 else a.astype(kind) for n, a in inputs.items()}
    given = {n: a.astype(kind) for n, a in given.items()}
    keywords = {**callables(code), **hidden_sizes(code, sizes)}
    found = backward(code, arrays, given, keywords)
    for value in (objective(code, arrays, given, keywords), *found.values()):
        assert np.asarray(value).dtype == kind


@pytest.mark.parametrize(
    ("text", "shapes", "point"),
    [
        ("sum(rmsnorm(X, eps) ** 2)", {"X": "B, t, d", "eps": "scalar"}, {"eps": 1e-5}),
        ("sum(layernorm(X, eps) * y)", {"X": "n, d", "eps": "scalar", "y": "n"},
         {"eps": 1, "y": np.array([1, 0])}),
        ("a * sum(x ** 2) * softplus(2) * sigmoid(1.5)", {"x": "n", "a": "scalar"}, {"a": 3}),
        ("sum(concat(x[1] * x[2], 3, x, axis=0))", {"x": "n"}, {}),
        ("sum(softplus(x) * where(x > 0, n, 2 * n)) + sum(relu(2 * x) ** 2) / 3", {"x": "n"}, {}),
        ("sum(0.5 * maximum(2 * x, y) * sin(x))", {"x": "n", "y": "n"}, {}),
        ("trace(expm(A) @ logm(eye(n) + A @ A.T)) + sum(sqrtm(eye(n) + A @ A.T))", SQUARE, {}),
        ("sum(eigvalsh(A @ A.T)) + norm(A, 2) + sum(cholesky(eye(n) + A @ A.T))", SQUARE, {}),
    ],
)  # fmt: skip
def test_numbers_and_functions_of_matrices_do_not_widen(
    text: str, shapes: dict[str, str], point: dict[str, Any]
) -> None:
    d = sd.derive(sd.problem(text, **shapes))
    code = compile_module(module_of(d.data))
    rng = np.random.default_rng(0)
    arrays = {
        n: point.get(n, rng.uniform(0.5, 1.5, (2,) * len(v.written)).astype(np.float32))
        for n, v in d.problem.variables.items()
    }
    found = {"": code.forward(*arrays.values()), **code.backward(*arrays.values())}
    assert {np.asarray(v).dtype.name for v in found.values()} == {"float32"}
    for n, r in d.items():
        assert r.evaluate(**arrays).dtype == np.float32
        np.testing.assert_allclose(r.evaluate(**arrays), found[n], rtol=1e-4, atol=1e-4)


def test_where_nothing_is_a_float_code_computes_in_double_precision() -> None:
    code = compile_module(module_of(sd.derive("a * sum(x)", a="scalar").data))
    found = code.backward(x=np.array([1, 2]), a=0.5)
    assert {v.dtype.name for v in found.values()} == {"float64"}
    assert code.forward(a=2, x=np.array([1j, 2])) == 4 + 2j


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_sum_of_no_terms_is_an_array_of_zeros(kind: Any) -> None:
    code = compile_module(
        module_of(sd.derive("L(Sum(i, X[i + 1, :].T @ X[i, :]) @ X.T)", X="n, d").data)
    )
    value = code.forward(np.ones((1, 2), kind))
    (gradient,) = code.backward(np.ones((1, 2), kind), np.ones((2, 1), kind)).values()
    assert (value.shape, value.dtype, value.any()) == ((2, 1), kind, False)
    assert (gradient.shape, gradient.dtype) == ((1, 2), kind)
