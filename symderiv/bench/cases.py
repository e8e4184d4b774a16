"""Cases that SymPy's matrix expressions can state: our text, and the same as SymPy builds it.

They are of the kinds that tables of matrix derivatives list (Petersen and Pedersen, The Matrix
Cookbook, 2012, chapters 2 and 10). Sizes are symbols when a case is timed, numbers when it is
checked; a vector is a column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy
from sympy import Determinant, HadamardProduct, Inverse, MatMul, MatrixSymbol, Symbol, Trace
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

SIZES = {"n": 3, "m": 2, "p": 2}  # at which derivatives are checked


class SympyNames:
    """The variables of a case as SymPy's, by attribute."""

    def __init__(self, shapes: Mapping[str, str], sizes: Mapping[str, int] | None = None) -> None:
        self.symbols: dict[str, Any] = {}
        for name, shape in shapes.items():
            dims = [_size(d.strip(), sizes) for d in shape.split(",")]
            scalar = shape == "scalar"
            rows, cols = (*dims, 1)[:2]
            self.symbols[name] = Symbol(name) if scalar else MatrixSymbol(name, rows, cols)

    def __getattr__(self, name: str) -> Any:
        return self.symbols[name]


def _size(name: str, sizes: Mapping[str, int] | None) -> Any:
    return sizes.get(name, 1) if sizes else Symbol(name, integer=True, positive=True)


@dataclass(frozen=True, slots=True)
class Case:
    """One derivative: the objective in both languages, the variables, and by which of them."""

    text: str
    wrt: str
    shapes: Mapping[str, Any]
    build: Callable[[Any], Any]


_A = {"A": "n, n"}
_X, _XNM = {"X": "n, n"}, {"X": "n, m"}
_VECTOR = {"x": "n"}
_AB = {"a": "n", "b": "n"}


def _trace(*factors: Any) -> Any:
    return Trace(MatMul(*factors))


def _each(function: Any, x: Any) -> Any:
    return ElementwiseApplyFunction(function, x)


CASES = (
    Case("a.T @ x", "x", {"a": "n", "x": "n"}, lambda m: m.a.T * m.x),
    Case("x.T @ A @ x", "x", {**_A, **_VECTOR}, lambda m: m.x.T * m.A * m.x),
    Case(
        "x.T @ A @ x + b.T @ x",
        "x",
        {**_A, **_VECTOR, "b": "n"},
        lambda m: m.x.T * m.A * m.x + m.b.T * m.x,
    ),
    Case("a.T @ X @ b", "X", {**_XNM, "a": "n", "b": "m"}, lambda m: m.a.T * m.X * m.b),
    Case("a.T @ X.T @ b", "X", {**_XNM, "a": "m", "b": "n"}, lambda m: m.a.T * m.X.T * m.b),
    Case(
        "a.T @ X.T @ X @ b",
        "X",
        {**_XNM, "a": "m", "b": "m"},
        lambda m: m.a.T * m.X.T * m.X * m.b,
    ),
    Case(
        "(X @ b + c).T @ D @ (X @ b + c)",
        "X",
        {**_XNM, "b": "m", "c": "n", "D": "n, n"},
        lambda m: (m.X * m.b + m.c).T * m.D * (m.X * m.b + m.c),
    ),
    Case(
        "(y - X @ w).T @ (y - X @ w)",
        "w",
        {**_XNM, "y": "n", "w": "m"},
        lambda m: (m.y - m.X * m.w).T * (m.y - m.X * m.w),
    ),
    Case("trace(X)", "X", _X, lambda m: Trace(m.X)),
    Case("trace(A @ X)", "X", {**_A, **_X}, lambda m: _trace(m.A, m.X)),
    Case(
        "trace(A @ X @ B)",
        "X",
        {"A": "p, n", **_XNM, "B": "m, p"},
        lambda m: _trace(m.A, m.X, m.B),
    ),
    Case(
        "trace(A @ X.T @ B)",
        "X",
        {"A": "p, m", **_XNM, "B": "n, p"},
        lambda m: _trace(m.A, m.X.T, m.B),
    ),
    Case("trace(X @ X)", "X", _X, lambda m: _trace(m.X, m.X)),
    Case("trace(X.T @ X)", "X", _XNM, lambda m: _trace(m.X.T, m.X)),
    Case("trace(X.T @ A @ X)", "X", {**_A, **_XNM}, lambda m: _trace(m.X.T, m.A, m.X)),
    Case(
        "trace(A @ X @ B @ X)",
        "X",
        {"A": "m, n", **_XNM, "B": "m, n"},
        lambda m: _trace(m.A, m.X, m.B, m.X),
    ),
    Case(
        "trace(B.T @ X.T @ C @ X @ X.T @ C @ X @ B)",
        "X",
        {"B": "m, p", **_XNM, "C": "n, n"},
        lambda m: _trace(m.B.T, m.X.T, m.C, m.X, m.X.T, m.C, m.X, m.B),
    ),
    Case("trace(inv(X))", "X", _X, lambda m: Trace(Inverse(m.X))),
    Case(
        "trace(A @ inv(X) @ B)",
        "X",
        {"A": "m, n", **_X, "B": "n, m"},
        lambda m: _trace(m.A, Inverse(m.X), m.B),
    ),
    Case("a.T @ inv(X) @ b", "X", {**_X, **_AB}, lambda m: m.a.T * Inverse(m.X) * m.b),
    Case("det(X)", "X", _X, lambda m: Determinant(m.X)),
    Case("log(det(X))", "X", _X, lambda m: sympy.log(Determinant(m.X))),
    Case(
        "a.T @ sin(X) @ b",
        "X",
        {**_XNM, "a": "n", "b": "m"},
        lambda m: m.a.T * _each(sympy.sin, m.X) * m.b,
    ),
    Case(
        "a.T @ exp(A @ X @ B) @ b",
        "X",
        {"A": "p, n", **_XNM, "B": "m, p", "a": "p", "b": "p"},
        lambda m: m.a.T * _each(sympy.exp, m.A * m.X * m.B) * m.b,
    ),
    Case(
        "a.T @ (A * X) @ b",
        "X",
        {"A": "n, m", **_XNM, "a": "n", "b": "m"},
        lambda m: m.a.T * HadamardProduct(m.A, m.X) * m.b,
    ),
    Case("trace(A.T @ A) + trace(X.T @ X)", "X", {**_A, **_X}, lambda m: _two_squares(m.A, m.X)),
)


def _two_squares(a: Any, x: Any) -> Any:
    return _trace(a.T, a) + _trace(x.T, x)
