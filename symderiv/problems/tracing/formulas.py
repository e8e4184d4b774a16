"""Formulas of NumPy as texts, read with NumPy's meaning: ``np.dot(X.T, G)``, ``G.sum(axis=0)``.

A claim that is written so, or that calls the given gradient dZ or dL/dZ, becomes a text in the
language. Contract: a formula is read, never executed: names, numbers, operators, and the functions
and methods that the tracer follows. Shapes and broadcasting are NumPy's; a vector has one axis.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...core.errors import LanguageError, ShapeError, UnsupportedError
from ...core.expr import Expr, node
from ...core.shapes import ONE, SCALAR, Shape, symbol
from ...ops.base import ENTRYWISE
from ...ops.text import text as spelled
from .. import Problem
from ..given_gradients import derived_from, is_of_the_output, is_upstream_word
from ..grammar import parse_expression, prepared, span_of
from ..numpy_axes import array_shape, given_axes, keeps_axis
from .array import FUNCTIONS, UFUNCS, Traced, operand, sized
from .array_expressions import SymbolArray, entrywise, function, raw, shown, turned
from .array_operations import normalized
from .function_recognition import recognised
from .local_definitions import written
from .user_places import without_places

_ROOTS = ("np", "numpy")
_METHODS = (
    "sum mean max min prod var std dot transpose swapaxes reshape ravel squeeze flatten copy clip "
    "diagonal trace conj"
).split()
_ATTRIBUTES = ("T", "mT", "shape", "size", "ndim", "real")
_NORMALIZED = ("softmax", "logsoftmax")
_UNSPECIFIED = ("f", "g", "h")  # entrywise functions, where none is declared
_SIGNS: dict[type[ast.AST], str] = {
    ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide",
    ast.MatMult: "matmul", ast.Pow: "power",
    ast.Gt: "greater", ast.Lt: "less", ast.GtE: "greater_equal", ast.LtE: "less_equal",
    ast.Eq: "equal", ast.NotEq: "not_equal",
}  # fmt: skip


def in_language(problem: Problem, text: str) -> str:
    """Return a formula as a text in the language: itself, where it is one already.

    Raises UnsupportedError for what is followed nowhere, ShapeError where NumPy would refuse.

    >>> from symderiv.problems import problem
    >>> p = problem("Z = X @ W; L(Z)", X="n, d", W="d, m")
    >>> in_language(p, "np.dot(X.T, dL/dZ)"), in_language(p, "G @ W.T")
    ('X.T @ G', 'G @ W.T')
    """
    try:
        tree = parse_expression(text)
    except LanguageError:
        return text  # the reader of the language says what is wrong with it
    renaming = _Renaming(problem, tree)
    named = renaming.visit(tree)
    if _is_numpy(named, problem):
        return _converted(problem, prepared(text), named)
    return ast.unparse(named) if renaming.done else text


def _is_numpy(tree: ast.AST, problem: Problem) -> bool:
    """Whether a formula has a part that NumPy has and the language has not."""
    if isinstance(tree, ast.Name):
        return tree.id in _ROOTS and tree.id not in problem.known()
    if isinstance(tree, ast.Compare) or (isinstance(tree, ast.Constant) and tree.value is None):
        return True
    parts = list(ast.iter_child_nodes(tree))
    if isinstance(tree, ast.Call):
        if isinstance(tree.func, ast.Attribute):
            return True
        if isinstance(tree.func, ast.Name) and tree.func.id == "where" and tree.args:
            parts = [*ast.iter_child_nodes(tree.args[0]), *tree.args[1:]]
    return any(_is_numpy(part, problem) for part in parts)


class _Renaming(ast.NodeTransformer):
    """Puts the name of the given gradient for dL/dZ, dZ, dout and their like."""

    def __init__(self, problem: Problem, tree: ast.expr) -> None:
        self.problem, self.done = problem, False
        loss = problem.objective
        pure = loss.op == "loss" and loss.args[0].op == "named"
        self.output = str(loss.args[0].data) if pure else None
        self.given = next(iter(problem.upstream)) if len(problem.upstream) == 1 else None
        names = dict.fromkeys(_values(tree))
        self.unknown = [n for n in names if not self._is_known(n)]
        words = [n for n in self.unknown if self._is_upstream(n)]
        self.word = words[0] if len(words) == 1 and self.given not in names else None

    def _is_known(self, name: str) -> bool:
        p = self.problem
        return name in (*p.known(), *p.dims, *p.declared.entrywise, *_ROOTS, "pi", "e")

    def _is_upstream(self, name: str) -> bool:
        if is_of_the_output(name):
            return True
        inner = derived_from(name, self.problem.definitions)
        return inner == self.output if inner is not None else is_upstream_word(name)

    def visit_BinOp(self, at: ast.BinOp) -> ast.expr:  # noqa: N802
        """Read dL/dZ as one name, also in ``X.T @ dL/dZ`` and ``dL/dZ.T``."""
        above = at.left
        last = above.right if isinstance(above, ast.BinOp) else above
        inside, below = _innermost(at.right)
        loss = last.id if isinstance(at.op, ast.Div) and isinstance(last, ast.Name) else ""
        if below is not None and loss == f"d{self.problem.objective_name}":
            name = self._gradient_by(below.id) if loss in self.unknown else None
            if name is not None:
                self.done = True
                below.id = name
                if not isinstance(above, ast.BinOp):
                    return self.visit(inside)  # type: ignore[no-any-return]
                whole = ast.BinOp(above.left, above.op, inside)
                return self.visit(ast.copy_location(whole, at))  # type: ignore[no-any-return]
        return self.generic_visit(at)  # type: ignore[return-value]

    def _gradient_by(self, word: str) -> str | None:
        """Return the name of the gradient that dZ stands for below dL, if there is one."""
        p, inner = self.problem, word[1:]
        if not word.startswith("d") or inner in p.variables:
            return None
        if inner in p.definitions and inner != self.output:
            return word if word in p.definitions else None
        return self.given

    def visit_Name(self, at: ast.Name) -> ast.expr:  # noqa: N802
        """Read another word for the given gradient."""
        if at.id != self.word or self.given is None:
            return at
        self.done = True
        return ast.copy_location(ast.Name(self.given), at)


def _innermost(at: ast.expr) -> tuple[ast.expr, ast.Name | None]:
    """Return a part, and the name that its attributes, methods and indices are of."""
    inner = at
    while not isinstance(inner, ast.Name):
        if isinstance(inner, ast.Attribute | ast.Subscript):
            inner = inner.value
        elif isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
            inner = inner.func
        else:
            return at, None
    return at, inner


def _values(at: ast.AST) -> Iterator[str]:
    """Yield the names in a formula that stand for values: no functions, no indices."""
    if isinstance(at, ast.Name):
        yield at.id
    for child in ast.iter_child_nodes(at):
        called = isinstance(at, ast.Call) and child is at.func and isinstance(child, ast.Name)
        index = isinstance(at, ast.Subscript) and child is at.slice
        if not called and not index:
            yield from _values(child)


def _converted(problem: Problem, text: str, tree: ast.expr) -> str:
    """Return a formula of NumPy in the language.

    An intermediate that is a column may have kept its axis in the forward pass, or not.
    """
    with without_places():
        try:
            return _Reader(problem, text, keeps=False).formula(tree)
        except ShapeError:
            if not any(_is_thin(x) for x in problem.definitions.values()):
                raise
            return _Reader(problem, text, keeps=True).formula(tree)


def _is_thin(x: Expr) -> bool:
    return len(array_shape(x.shape)) == 1


class _Reader:
    def __init__(self, problem: Problem, text: str, *, keeps: bool) -> None:
        self.problem, self.text, self.keeps = problem, text, keeps

    def formula(self, tree: ast.expr) -> str:
        found = self.read(tree)
        if not isinstance(found, Traced):
            return str(found)
        dims = found._array.dims
        if len(dims) > 2 and dims[0] == ONE:
            raise ShapeError(
                f"the formula has the shape {shown(dims)}",
                span=span_of(self.text, tree),
                remedy="leave the axis of size 1 out",
            )
        x = found._array.expr
        return spelled(written(recognised([x])[x]))

    def _fail(self, at: ast.AST, message: str, remedy: str = "") -> UnsupportedError:
        return UnsupportedError(message, span=span_of(self.text, at), remedy=remedy)

    def read(self, at: ast.AST) -> Any:
        """Return what a part of the formula is; errors get its place."""
        try:
            return self._read(at)
        except LanguageError as error:
            if error.span is not None:
                raise
            span = span_of(self.text, at)
            raise type(error)(error.subject, span=span, remedy=error.remedy) from None
        except (TypeError, ValueError, AttributeError, IndexError) as error:
            raise self._fail(at, str(error)) from None

    def _read(self, at: ast.AST) -> Any:
        match at:
            case ast.Constant():
                return at.value
            case ast.Tuple():
                return tuple(map(self.read, at.elts))
            case ast.List():
                return list(map(self.read, at.elts))
            case ast.Slice():
                return slice(*(None if x is None else self.read(x) for x in (at.lower, at.upper)))
            case ast.Name():
                return self._name(at)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                value = self.read(at.operand)
                return -value if isinstance(at.op, ast.USub) else value
            case ast.BinOp():
                return self._combined(at, at.op, at.left, at.right)
            case ast.Compare(ops=[sign], comparators=[right]):
                return self._combined(at, sign, at.left, right)
            case ast.Attribute():
                return self._attribute(at)
            case ast.Subscript():
                return self.read(at.value)[self.read(at.slice)]
            case ast.Call():
                return self._called(at)
        remedy = "write (a < b) & (b < c)" if isinstance(at, ast.Compare) else ""
        raise self._fail(at, f"{type(at).__name__} is no part of a formula", remedy)

    def _combined(self, at: ast.AST, sign: ast.AST, left: ast.expr, right: ast.expr) -> Any:
        name = _SIGNS.get(type(sign))
        if name is None:
            raise self._fail(at, f"no rule for {type(sign).__name__}", "write + - * / @ **")
        a, b = self.read(left), self.read(right)
        if all(type(x) in (int, float) for x in (a, b)):
            a = Traced(operand(a))  # written out, not worked out
        return UFUNCS[name](a, b)

    def _name(self, at: ast.Name) -> Any:
        problem = self.problem
        if at.id in problem.variables:
            dims: Shape = problem.variables[at.id].written
        elif at.id in problem.upstream:
            dims = given_axes(problem, at.id)
        elif at.id in problem.definitions:
            x = problem.definitions[at.id]
            whole = keeps_axis(x, problem.variables) or (self.keeps and _is_thin(x))
            dims = x.shape if whole else array_shape(x.shape)
        elif at.id in problem.dims:
            return sized(symbol(at.id))
        elif at.id in ("pi", "e"):
            return Traced(SymbolArray((), node("const", (), SCALAR, at.id)))
        else:
            known = ", ".join([*problem.known(), *problem.dims])
            raise self._fail(at, f"{at.id!r} is not declared", f"there are: {known}")
        x = problem.known()[at.id]
        is_row = len(dims) == 1 and x.shape[0] == ONE != dims[0]
        return Traced(SymbolArray(dims, turned(x) if is_row else x), shared=True)

    def _attribute(self, at: ast.Attribute) -> Any:
        if isinstance(at.value, ast.Name) and at.value.id in _ROOTS:
            if at.attr in ("pi", "e"):
                return Traced(SymbolArray((), node("const", (), SCALAR, at.attr)))
            if at.attr == "newaxis":
                return None
        elif at.attr in _ATTRIBUTES:
            return getattr(self.read(at.value), at.attr)
        raise self._fail(at, f".{at.attr} is not followed", "write .T, .shape, or a function of np")

    def _called(self, at: ast.Call) -> Any:
        options = {k.arg: self.read(k.value) for k in at.keywords if k.arg is not None}
        options.pop("dtype", None)
        args = [self.read(a) for a in at.args]
        if isinstance(at.func, ast.Name):
            return self._of_the_language(at, at.func.id, args)(*args, **options)
        if not isinstance(at.func, ast.Attribute):
            raise self._fail(at, "what is called is no function", "write np.sum(X, axis=0)")
        path = ast.unparse(at.func).split(".")
        if path[0] in _ROOTS and all(map(str.isidentifier, path)):
            return self._of_numpy(at, path[1:])(*args, **options)
        if at.func.attr not in _METHODS:
            raise self._fail(at, f".{at.func.attr}() is not followed", f"{', '.join(_METHODS)} are")
        return getattr(self.read(at.func.value), at.func.attr)(*args, **options)

    def _of_numpy(self, at: ast.Call, path: list[str]) -> Callable[..., Any]:
        home: Any = np
        for word in path:
            home = None if word.startswith("_") else getattr(home, word, None)
        if isinstance(home, np.ufunc) and home.__name__ in UFUNCS:
            return UFUNCS[home.__name__]
        found = FUNCTIONS.get(home) if callable(home) else None
        if found is None:
            raise self._fail(at, f"np.{'.'.join(path)} has no counterpart in the language")
        return found

    def _of_the_language(self, at: ast.Call, name: str, args: list[Any]) -> Callable[..., Any]:
        """Return a function that the language has, beside those of NumPy."""
        if name in ENTRYWISE:
            return lambda x: Traced(entrywise(function(name), x._array))
        if name in _NORMALIZED:
            return lambda x, axis=-1: Traced(normalized(name, x._array, axis))
        if name == "len":
            return lambda x: x.shape[0]
        stem = name.rstrip("p")
        if stem in (self.problem.declared.entrywise or _UNSPECIFIED):
            order = (stem, len(name) - len(stem))
            return lambda x: Traced(entrywise(lambda e: raw("apply", e, data=order), x._array))
        if name in ("diag", "trace", "ones", "eye", "where", "sum", "mean", "inv", "outer"):
            return self._of_numpy(at, ["linalg", name] if name == "inv" else [name])
        raise self._fail(at, f"no function {name!r} in a formula of NumPy", f"write np.{name}(..)")
