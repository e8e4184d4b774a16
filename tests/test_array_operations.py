"""Operations on arrays of symbols need no traced array: each is what NumPy's is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from symderiv.codegen.evaluation import evaluate
from symderiv.core.errors import ShapeError
from symderiv.core.expr import var
from symderiv.core.shapes import ONE, symbol
from symderiv.problems import problem
from symderiv.problems.call_arguments import applied
from symderiv.problems.tracing import array_operations as ops
from symderiv.problems.tracing.array_expressions import SymbolArray, entrywise, number
from symderiv.problems.tracing.function_recognition import recognised
from symderiv.problems.tracing.local_definitions import written

N, D, T = (symbol(c) for c in "ndt")
SIZES = {"n": 4, "d": 3, "t": 2}
ARRAYS = {
    "x": SymbolArray((N,), var("x", (N, ONE))),
    "y": SymbolArray((D,), var("y", (D, ONE))),
    "X": SymbolArray((N, D), var("X", (N, D))),
    "A": SymbolArray((D, D), var("A", (D, D))),
    "P": SymbolArray((T, N, D), var("P", (T, N, D))),
}

Operation = Callable[..., Any]
OPERATIONS: list[tuple[str, Operation, Operation]] = [
    ("x X", ops.matmul, np.matmul),
    ("X y", ops.matmul, np.matmul),
    ("P A", ops.matmul, np.matmul),
    ("P y", ops.matmul, np.matmul),
    ("X y", lambda a, b: entrywise("hypot", a, b), np.hypot),
    ("A y", lambda a, b: entrywise("divide", b, a), lambda a, b: b / a),
    ("X", lambda a: ops.reduced("mean", a, 0), lambda a: a.mean(0)),
    ("P", lambda a: ops.reduced("max", a, (0, 2), keepdims=True), lambda a: a.max((0, 2))),
    ("P", lambda a: ops.variance(a, 1, ddof=1), lambda a: a.var(1, ddof=1)),
    ("P", lambda a: ops.transposed(a, (2, 0, 1)), lambda a: a.transpose(2, 0, 1)),
    ("P", lambda a: ops.moved(a, 0, -1), lambda a: np.moveaxis(a, 0, -1)),
    ("x y", ops.outer, np.outer),
    ("P A", lambda a, b: ops.einsum("...i,ij", a, b), lambda a, b: a @ b),
    ("P A", lambda a, b: ops.tensordot(a, b, 1), lambda a, b: np.tensordot(a, b, 1)),
    ("P", lambda a: ops.picked(a, [2, None, 1]), lambda a: a[1, :, 0]),
    ("x x", lambda *a: ops.stacked(a, 1), lambda *a: np.stack(a, 1)),
    ("X X", lambda *a: ops.concatenated(a, -1), lambda *a: np.concatenate(a, -1)),
    (
        "X",
        lambda a: ops.where(ops.negated(ops.compared(a, ">", number(0))), number(0), a),
        lambda a: np.where(a > 0, a, 0),
    ),
    ("X", lambda a: ops.norm(a, 1, axis=0), lambda a: np.linalg.norm(a, 1, axis=0)),
    ("X", lambda a: ops.normalized("softmax", a, 0), lambda a: np.exp(a) / np.exp(a).sum(0)),
]


@pytest.mark.parametrize(("names", "ours", "theirs"), OPERATIONS)
def test_an_operation_is_that_of_numpy(names: str, ours: Operation, theirs: Operation) -> None:
    rng = np.random.default_rng(5)
    values = {n: rng.normal(size=[SIZES[str(d)] for d in a.dims]) for n, a in ARRAYS.items()}
    made = ours(*(ARRAYS[n] for n in names.split()))
    expected = theirs(*(values[n] for n in names.split()))
    found = evaluate(written(made.expr), {**values, **SIZES})
    assert [d.at(SIZES) for d in made.dims if d != ONE] == list(expected.shape)
    assert np.allclose(np.squeeze(found), expected)


def test_functions_are_recognised_in_the_steps_of_any_library() -> None:
    z = ARRAYS["P"]
    shifted = entrywise("subtract", z, ops.reduced("max", z, -1, keepdims=True))
    e = entrywise("exp", shifted)
    e = entrywise("divide", e, ops.reduced("sum", e, -1, keepdims=True))
    assert recognised([e.expr])[e.expr] is applied("softmax", z.expr, axis=2)


# What a text says, and the same of what is there.
CALLS: list[tuple[str, Callable[..., Any]]] = [
    ("softmax(X, axis=0)", lambda p: applied("softmax", p["X"], axis=0)),
    ("where(X > 0, X, 2)", lambda p: applied("where", (p["X"], ">", p["0"]), p["X"], p["2"])),
    ('einsum("ij,kj->ik", X, X)', lambda p: applied("einsum", "ij,kj->ik", p["X"], p["X"])),
    ("reshape(X, d, n)", lambda p: applied("reshape", p["X"], D, N)),
    ("transpose(P, 1, 0, 2)", lambda p: applied("transpose", p["P"], 1, 0, 2)),
    ("concat(X, X, axis=1)", lambda p: applied("concat", p["X"], p["X"], axis=1)),
    ("onehot(2, n)", lambda p: applied("onehot", 2, N)),
    ("matrix_power(A, 2)", lambda p: applied("matrix_power", p["A"], 2)),
    ("solve(A, y)", lambda p: applied("solve", p["A"], p["y"])),
    ('norm(A, "nuc")', lambda p: applied("norm", p["A"], "nuc")),
    ("sum(Sum(i, X[i, :]))", lambda p: applied("sum", p["Sum(i, X[i, :])"])),
]


@pytest.mark.parametrize(("text", "made"), CALLS, ids=[text for text, _ in CALLS])
def test_a_function_is_applied_as_its_text_is_read(text: str, made: Operation) -> None:
    p = problem("sum(X) + sum(P) + sum(A @ y)", X="n, d", A="d, d", y="d", P="t, n, d")

    class Read(dict[str, Any]):
        def __missing__(self, part: str) -> Any:
            return p.read(part)

    assert made(Read()) is p.read(text)


def test_what_does_not_fit_a_function_is_refused() -> None:
    with pytest.raises(ShapeError, match="inv needs a square matrix; X is n x d"):
        applied("inv", ARRAYS["X"].expr)
    with pytest.raises(ShapeError, match=r"solve: x has n rows, not d"):
        applied("solve", ARRAYS["A"].expr, ARRAYS["x"].expr)
    with pytest.raises(ShapeError, match="no rule for a tensor"):
        applied("pinv", ARRAYS["P"].expr)
