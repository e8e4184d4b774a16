"""Takes an expression; returns its text in the language, which parses back to an equal one."""

from __future__ import annotations

from ..core.expr import Expr
from . import SUM, TABLE


def text(e: Expr, level: int = SUM) -> str:
    """Return an expression in the language, in parentheses where it binds looser than ``level``.

    >>> from symderiv.core.expr import matmul, transpose, var
    >>> from symderiv.core.shapes import symbol
    >>> X = var("X", (symbol("n"), symbol("d")))
    >>> text(matmul(transpose(X), X))
    'X.T @ X'
    """
    operator = TABLE[e.op]
    body = operator.text(e, text)
    return f"({body})" if operator.level(e) < level else body
