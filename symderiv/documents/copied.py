"""What a reader can copy of a result beside its LaTeX: the language, and NumPy."""

from __future__ import annotations

from ..codegen.numpy_code import Coder
from ..core.expr import Expr
from ..ops.text import text

_LONG = 2_000  # characters that nobody pastes into a line


def copied(x: Expr) -> tuple[tuple[str, str], ...]:
    """Return an expression as it is written in the language and, in one line, in NumPy.

    >>> from symderiv.problems import problem
    >>> copied(problem("X.T @ softmax(Z)", X="n, d", Z="n, k").objective)
    (('text', 'X.T @ softmax(Z)'),)
    >>> copied(problem("X.T @ exp(Z)", X="n, d", Z="n, k").objective)[1]
    ('NumPy', 'X.T @ np.exp(Z)')
    """
    coder = Coder()
    code = coder(x)
    plain = not coder.helpers and "dtype" not in code  # nothing that a module has to define
    found = [("text", text(x)), *([("NumPy", code)] if plain else [])]
    return tuple((what, written) for what, written in found if len(written) < _LONG)
