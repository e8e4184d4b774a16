"""Claims in LaTeX: text to layout to the elaborator's trees.

Conventions, where a formula on paper leaves room:

* Letters stand side by side: ``XW`` is X times W, or the name XW where only that is declared. A
  name is found however it is decorated: ``\\mathbf W_1``, ``W^{(1)}`` and ``W_{1}`` are a declared
  W1 or W_1, ``\\hat y`` is y_hat or yhat, ``\\lambda`` is lam, lambda_ or lambda.
* A product is that of linear algebra, ``\\odot`` and ``\\circ`` go entry by entry, ``x \\cdot y``
  of two columns is their inner product, ``\\times`` takes a scalar, ``\\otimes`` is the Kronecker
  product.
* ``X^T`` transposes, ``X'`` too; ``f'(Z)`` is the derivative of a function.
* A sum extends over the product that follows, not over + and -. So does a trace without
  parentheses: ``\\tr A B`` is tr(AB). Parentheses right behind a function hold its argument.
* ``\\frac{\\partial L}{\\partial Z}`` on the right-hand side is the given gradient at Z.
* Nothing is spread: a column is not added to a matrix; a number and a matrix are, entry by entry.

Where two readings of a place both have fitting shapes and are not the same, the error shows both;
``\\log x y``, ``a / bc`` and ``A B \\odot C`` of square matrices are such places.

Own tables instead of a library: latex2sympy and SymPy's parser multiply matrices as numbers and
guess at names, pylatexenc has no mathematics.
"""

from __future__ import annotations

from ..grammar import Statement
from .equations import Equation, equations
from .laid_out import at_item, place
from .meaning import Formula, LatexReader
from .parser import parse_row
from .subject import subject


def parse(text: str) -> list[Statement]:
    """Return one formula as a tree that names will give a meaning; raises LanguageError."""
    row = parse_row(text)
    found = at_item(Formula(), text, row)
    found.row = row
    return [Statement(None, found, place(text, row.start, row.stop))]
