"""What to write instead of a matrix product whose sizes do not meet.

Contract: pure; what is proposed is text of the language, in the words of the writer.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from ..shapes import ONE, Shape

Source = Callable[[ast.expr], str]


def product_remedy(at: ast.BinOp, left: Shape, right: Shape, source: Source) -> str:
    """Return what to write instead of ``x @ y``, for the shapes of x and y.

    >>> from symderiv.shapes import symbol
    >>> n, d = symbol("n"), symbol("d")
    >>> product_remedy(ast.parse("A @ B.T", mode="eval").body, (n, d), (n, d), ast.unparse)
    'write A @ B'
    """
    x, y = _factor(at.left, source), _factor(at.right, source)
    if len(left) > 2 or len(right) > 2:
        return "the last two axes are multiplied; .mT swaps them"
    if isinstance(at.left, ast.BinOp) and not source(at).startswith("("):
        sign = {ast.Mult: "*", ast.Div: "/"}.get(type(at.left.op))
        if sign is not None:
            a, b = source(at.left.left), source(at.left.right)
            return f"{sign} and @ bind alike, from the left: write {a} {sign} ({b} @ {y})"
    if left[1] == ONE and right[1] == ONE:
        inner, outer = _turned(at.left, source), _turned(at.right, source)
        return f"write {inner} @ {y} for the inner product or {x} @ {outer} for the outer"
    if left[1] == right[1]:
        return f"write {x} @ {_turned(at.right, source)}"
    if left[0] == right[0]:
        return f"write {_turned(at.left, source)} @ {y}"
    return "the columns of the left factor must be as many as the rows of the right"


def _factor(at: ast.expr, source: Source) -> str:
    """Return a factor as text; what binds less than a product, or is on its right, in brackets."""
    return f"({source(at)})" if isinstance(at, ast.BinOp | ast.UnaryOp) else source(at)


def _turned(at: ast.expr, source: Source) -> str:
    """Return the transpose as text; a transpose is taken back."""
    if isinstance(at, ast.Attribute) and at.attr == "T":
        return source(at.value)
    return f"{_factor(at, source)}.T"
