"""What to write instead of a product whose sizes do not meet, and of names that there are not.

Contract: pure; what is proposed is text of the language, in the words of the writer.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Iterable

from ..core.shapes import ONE, Shape

Source = Callable[[ast.expr], str]


def product_remedy(at: ast.BinOp, left: Shape, right: Shape, source: Source) -> str:
    """Return what to write instead of ``x @ y``, for the shapes of x and y.

    >>> from symderiv.core.shapes import symbol
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


def broadcast_remedy(a: Shape, b: Shape, x: str, y: str, sign: str) -> str:
    """Return what to write instead of ``x sign y`` of two shapes that do not broadcast."""
    for (rows, cols), other, name, left in ((b[-2:], a, y, x), (a[-2:], b, x, y)):
        if cols == ONE and rows == other[-1]:
            return (
                f"write {left} {sign} {name}.T to use {name} in every row, or give {name} "
                f"the size {other[-2]} to use it in every column"
            )
    if a == (b[1], b[0]):
        return f"is one of them transposed? write {y}.T"
    return "the shapes must be equal, or one of them a row, a column or a scalar"


_REAL = "every variable is real"
_COMPLEX = ("conj", "conjugate", "real", "imag", "Re", "Im", "re", "im", "angle")
_ABSENT = {
    "scan": "write its steps as definitions: h1 = ..; h2 = ..",
    "conv1d": "the ready-made problem convolution-1d is written in shifts",
    "conv2d": "the ready-made problem convolution-2d is written in shifts",
    "pad": "put zeros beside it: concat(zeros(1, d), X, axis=0)",
    "maxpool": "take the max of a reshape: max(reshape(x, n, k), axis=1)",
    "label": "write the one-hot matrix of the labels: Y: n, k onehot",
}
_ATTRIBUTES = {
    "H": f"{_REAL}: the conjugate transpose is .T",
    "A": "a matrix is an array already: leave .A out",
    "I": "the inverse is inv({x})",
    **dict.fromkeys(_COMPLEX, f"{_REAL}: leave it out"),
}


def attribute_remedy(name: str, owner: str) -> str:
    """Return what to write instead of an attribute that there is not.

    >>> attribute_remedy("H", "X"), attribute_remedy("I", "A")
    ('every variable is real: the conjugate transpose is .T', 'the inverse is inv(A)')
    """
    known = "the only attributes are .T, the transpose, and .mT, that of the last two axes"
    return _ATTRIBUTES.get(name, known).replace("{x}", owner)


def function_remedy(name: str, functions: Iterable[str]) -> str:
    """Return what to write instead of a function that there is not.

    >>> function_remedy("sinn", ["sin", "cos"]), function_remedy("conj", ["cos"])
    ('did you mean sin?', 'every variable is real: leave conj out')
    >>> function_remedy("J", ["cos"])
    'an unspecified function of the whole is declared J: loss, one of each entry J: entrywise'
    """
    if name in _COMPLEX:
        return f"{_REAL}: leave {name} out"
    if name in _ABSENT:
        return f"{name} is no part of the language: {_ABSENT[name]}"
    if name == "tr":
        return "the trace is written trace(A)"
    near = difflib.get_close_matches(name, list(functions), 1)
    if near and len(name) > 1:
        return f"did you mean {near[0]}?"
    if name[0].isupper() or len(name) == 1 or not name.isascii():
        of_whole, of_entries = f"{name}: loss", f"{name}: entrywise"
        return (
            f"an unspecified function of the whole is declared {of_whole}, "
            f"one of each entry {of_entries}"
        )
    return f"there are: {', '.join(sorted(functions))}"
