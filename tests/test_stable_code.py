"""Generated code where what is written overflows, divides by zero or leaves its domain."""

import warnings
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

import symderiv as sd
from symderiv.codegen.module import compile_module, module_of
from symderiv.values.explicit import ExactMath, Explicit

WIDE = [-750.0, -1.0, 0.0, 2.0**-40, 30.0, 750.0]
ROWS = [[750.0, 0.0, -3.0], [-750.0, 2.0, 1.0]]
PAIR = {"x": "n", "y": "n"}
OTHER = [30.0, -750.0, 1.0, 0.0, 750.0, 2.0]

# Objectives with values and gradients that floats hold, though an exponential in them overflows.
LARGE: list[tuple[str, dict[str, str], dict[str, Any]]] = [
    ("sum(log1p(exp(x)))", {}, {"x": WIDE}),
    ("sum(log(1 + exp(x)))", {}, {"x": WIDE}),
    ("sum(log(exp(-x) + 1))", {}, {"x": WIDE}),
    ("sum(y * log(exp(x) + exp(y)))", PAIR, {"x": WIDE, "y": OTHER}),
    ("sum(exp(x) / (exp(x) + exp(y)))", PAIR, {"x": WIDE, "y": OTHER}),
    ("sum(exp(x) / (1 + exp(x)) ** 2)", {}, {"x": WIDE}),
    ("sum(1 / (1 + exp(-x)))", {}, {"x": WIDE}),
    ("log(sum(exp(x)))", {}, {"x": WIDE}),
    ("sum(log(sum(exp(X), axis=1)))", {}, {"X": ROWS}),
    ("sum(log(sum(exp(X), axis=0)) * log(exp(X) @ ones(d)))", {"X": "n, d"}, {"X": ROWS}),
    ("log(mean(exp(x)))", {}, {"x": WIDE}),
    ("log(a.T @ exp(x))", {"x": "n", "a": "n"}, {"x": WIDE, "a": np.arange(1.0, 7.0)}),
    ("sum(log(exp(X) @ w))", {"X": "n, d", "w": "d"}, {"X": ROWS, "w": [0.5, 0.25, 0.25]}),
    ("sum(log(sum(W * exp(X), axis=0)))", {"X": "n, d", "W": "n, d"},
     {"X": ROWS, "W": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]}),
    ("sum(Y * log(softmax(X)))", {"X": "n, d", "Y": "n, d"}, {"X": ROWS, "Y": np.eye(3)[1:]}),
    ("P = softmax(X, axis=0); -sum(Y * log(P)) / n", {"X": "n, d", "Y": "n, d"},
     {"X": ROWS, "Y": np.eye(3)[1:]}),
    ("P = softmax(X); -sum(Y * log(P)) / n", {"X": "n, d", "Y": "n, d onehot"},
     {"X": ROWS, "Y": np.eye(3)[1:]}),
    ("A = 3 * X; B = A + X; C = 2 * B; Z = C - A; P = softmax(Z); -sum(Y * log(P)) / n",
     {"X": "n, d", "Y": "n, d onehot"}, {"X": ROWS, "Y": np.eye(3)[1:]}),
    ("E = exp(X); S = sum(E, axis=1); P = E / S; -sum(Y * log(P))", {"X": "n, d", "Y": "n, d"},
     {"X": ROWS, "Y": np.eye(3)[1:]}),
    ("sum(log(exp(x) / sum(exp(x))))", {}, {"x": WIDE}),
    ("norm(exp(x) / sum(exp(x)))", {}, {"x": WIDE}),
    ("sum(sin(x) / cosh(x) + 1 / cosh(x) ** 2)", {}, {"x": [-750.0, 0.0, 0.5, 750.0]}),
    ("log(mean(exp(max(x) * x - y)))", PAIR, {"x": [0.5, 30.0], "y": [-2.0, 700.0]}),
    ("log(sum(exp(where(x < 0, softmax(x, axis=0), y))))", PAIR, {"x": WIDE, "y": OTHER}),
    ("mean(where(x < y, logsoftmax(y, axis=0), log(exp(x) + exp(y))))", PAIR,
     {"x": [750.0, -1.0], "y": [-750.0, 700.0]}),
    ("-sum(log(sigmoid(x)) + log(1 - sigmoid(x)))", {}, {"x": WIDE}),
    ("p = sigmoid(X @ w); -sum(y * log(p) + (1 - y) * log(1 - p))",
     {"X": "n, d", "w": "d", "y": "n"}, {"X": ROWS, "w": [1.0, 2.0, 3.0], "y": [1.0, 0.0]}),
    ("sum(log(cosh(x)))", {}, {"x": WIDE}),
    ("sum(log(2 * sigmoid(x) ** 3))", {}, {"x": WIDE}),
    ("sum(log(1 + x ** 2) + exp(y) - 1)", PAIR, {"x": [2.0**-30, 3.0], "y": [2.0**-40, -40.0]}),
]  # fmt: skip


def compiled(text: str, shapes: Mapping[str, str]) -> Any:
    """Return the callables of the code of a problem."""
    return compile_module(module_of(sd.derive(sd.problem(text, **shapes)).data))


def run(code: Any, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value and the gradients; a warning of NumPy is an error."""
    inputs = [arrays[n] for n in code.module.forward]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return {"": code.forward(*inputs), **code.backward(*inputs)}


class Digits(ExactMath):
    """Scalar functions of so many digits that exp(-750) counts beside exp(750)."""

    def number(self, value: Fraction) -> Any:
        """Return a rational number."""
        return mpmath.mpf(value.numerator) / value.denominator

    def power(self, x: Any, y: Any) -> Any:
        """Return x to the y."""
        return mpmath.power(x, y)

    def root(self, x: Any) -> Any:
        """Return the square root."""
        return mpmath.sqrt(x)

    def __getattr__(self, name: str) -> Any:
        return getattr(mpmath, name)


def exact(text: str, shapes: Mapping[str, str], arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value and the gradients of an objective, by differences of 720 digits."""
    problem = sd.problem(text, **shapes)
    sizes: dict[str, int] = {}
    for n, v in problem.variables.items():
        sizes.update((str(d), k) for d, k in zip(v.shape, np.shape(arrays[n]), strict=False))

    def value(moved: Mapping[str, Any]) -> Any:
        cells = {n: a.reshape((*a.shape, 1, 1)[:2]).tolist() for n, a in moved.items()}
        return Explicit(sizes, cells, math=Digits()).cells(problem.objective)[0][0]

    with mpmath.workdps(720):
        at = {n: np.vectorize(mpmath.mpf, otypes=[object])(a) for n, a in arrays.items()}
        step = mpmath.mpf(10) ** -350
        here = value(at)
        found: dict[str, Any] = {"": float(here)}
        for n in problem.wrt:
            found[n] = np.zeros(at[n].shape)
            for place in np.ndindex(at[n].shape):
                moved = at[n].copy()
                moved[place] += step
                found[n][place] = float((value({**at, n: moved}) - here) / step)
    return found


@pytest.mark.parametrize(("text", "shapes", "point"), LARGE, ids=[t for t, _, _ in LARGE])
def test_the_stable_form_is_computed(
    text: str, shapes: dict[str, str], point: dict[str, Any]
) -> None:
    code = compiled(text, shapes)
    expected = exact(text, shapes, {n: np.asarray(a) for n, a in point.items()})
    for kind, bound in ((np.float64, 1e-12), (np.float32, 1e-5)):
        arrays = {n: np.asarray(a, dtype=kind) for n, a in point.items()}
        for name, value in run(code, arrays).items():
            scale = np.maximum(1e-3 if kind is np.float64 else 1, np.abs(expected[name]))
            assert np.asarray(value).dtype == kind, name
            assert np.all(np.abs(value - expected[name]) <= bound * scale), name


# Objectives at points where a branch that is not taken, or the formula, is undefined: the value
# and the gradients by the variables in their order.
SINGULAR: list[tuple[str, dict[str, str], dict[str, Any], list[Any]]] = [
    ("sum(where(x > 0, sqrt(x), 0))", {}, {"x": [-4.0, 0.0, 4.0]}, [2, [0, 0, 0.25]]),
    ("sum(where(abs(x) > 0, 1 / x, 0))", {}, {"x": [-2.0, 0.0, 4.0]}, [-0.25, [-0.25, 0, -0.0625]]),
    ("Q = sqrt(x); sum(where(x > 0, Q, 0) * y)", PAIR, {"x": [-4.0, 0, 4], "y": [1.0, 2, 3]},
     [6, [0, 0, 0.75], [0, 0, 2]]),
    ("sum(where(x > 0, x ** 0.5, 1 / x) ** 2)", {}, {"x": [-2.0, 4.0]}, [4.25, [0.25, 1]]),
    ("sum(where(x > 1, 1, where(x > 0, log(x), x)))", {}, {"x": [-1.0, 1, 2]}, [0, [1, 1, 0]]),
    ("sum(where(x > 0, x, exp(x) - 1))", {}, {"x": [1000.0, 0, -1000]}, [999, [1, 1, 0]]),
    ("sum(where(X > 0, where(X < 1, sqrt(X * (1 - X)), 0), 0))", {},
     {"X": [[-1.0, 0.5], [2, 0]]}, [0.5, [[0, 0], [0, 0]]]),
    ("where(norm(x) > 0, sum(x) / norm(x), 0)", {}, {"x": [0.0, 0]}, [0, [0, 0]]),
    ("a = 2 * x; b = 3 * a; c = b + x; d = c * x; q = sqrt(d - 7); sum(where(x > 1, q, 0))", {},
     {"x": [-1.0, 0, 2]}, [21**0.5, [0, 0, 14 / 21**0.5]]),
    ("norm(x)", {}, {"x": [0.0, 0]}, [0, [0, 0]]),
    ("norm(logsoftmax(where(x > 0, x, 2 * x), axis=0))", {"x": "n"}, {"x": [0.5]}, [0, [0]]),
    ("norm(X @ w - y)", {}, {"X": np.eye(2), "w": [1.0, 1], "y": [1.0, 1]},
     [0, np.zeros((2, 2)), [0, 0], [0, 0]]),
    ("sum(sqrt(sum(X ** 2, axis=1)))", {}, {"X": [[0.0, 0], [3, 4]]}, [5, [[0, 0], [0.6, 0.8]]]),
    ("det(A)", {}, {"A": np.diag([0.0, 1, 2])}, [0, np.diag([2.0, 0, 0])]),
    ("det(A) ** 2 + det(A)", {}, {"A": np.diag([3.0, 0, 2])}, [0, np.diag([0, 6.0, 0])]),
    ("det(X.T @ X)", {}, {"X": [[1.0, 1], [1, 1], [0, 0]]}, [0, np.zeros((3, 2))]),
    ("sum(adjugate(A))", {}, {"A": [[1.0, 2], [2, 4]]}, [1, [[1, -1], [-1, 1]]]),
    ("trace(adjugate(A))", {}, {"A": np.diag([0.0, 0, 2])}, [0, np.diag([2, 2, 0])]),
    ("Y = adjugate(A @ A); trace(Y)", {"A": "n, n"}, {"A": np.diag([0.0, 1, 2])},
     [4, np.diag([0, 8, 4])]),
    ("x.T @ A @ x * det(A)", {"x": "n", "A": "n, n"}, {"x": [1.0, 0], "A": [[1.0, 2], [2, 4]]},
     [0, [0, 0], [[4, -2], [-2, 1]]]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "shapes", "point", "expected"), SINGULAR)
def test_code_is_defined_where_the_function_is(
    text: str, shapes: dict[str, str], point: dict[str, Any], expected: list[Any]
) -> None:
    code = compiled(text, shapes)
    for kind, bound in ((np.float64, 1e-12), (np.float32, 1e-5)):
        found = run(code, {n: np.asarray(a, dtype=kind) for n, a in point.items()})
        for value, wanted in zip(found.values(), expected, strict=True):
            assert np.asarray(value).dtype == kind
            np.testing.assert_allclose(value, wanted, rtol=bound, atol=bound)


def test_gradients_are_evaluated_as_they_are_computed() -> None:
    d = sd.derive("norm(X @ w) + det(B) * sum(where(w > 0, sqrt(w), 0))", B="k, k")
    point = {"X": np.eye(2), "w": np.array([0.0, -1.0]), "B": np.diag([0.0, 2.0])}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert d["B"].evaluate(**point).tolist() == [[0, 0], [0, 0]]
        assert d["w"].evaluate(**point).tolist() == [0, -1]


def test_code_goes_by_a_name_only_where_it_divides_no_more_than_the_printed_form() -> None:
    d = sd.derive("P = softmax(A); -sum(Y * log(P)) / n", A="n, k", Y="n, k onehot")
    assert d["A"].text == "(P - Y) / n"
    assert "dA = (P - Y) / n" in module_of(d.data).source


def test_a_loss_in_a_branch_keeps_its_argument() -> None:
    d = sd.derive(
        "s = L(1 / (1 + square(x))); L(clip(x, 1 / (1 + square(s * sum(x))), 2))", x="n", wrt="x"
    )
    assert d.verify().left_out == ()
