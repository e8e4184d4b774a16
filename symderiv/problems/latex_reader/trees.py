"""Trees of the language that formulas stand for: Python's nodes, and what they have besides.

Contract: every node has Python's places, in bytes of the line, so that the elaborator shows them.
"""

from __future__ import annotations

import ast

from ...core.errors import LanguageError, Span
from ...core.expr import Expr
from ..syntax_nodes import N
from .laid_out import Item, RowLayout
from .tokens import place


class Formula(ast.expr):
    """A whole formula that is not yet read: names decide how."""

    row: RowLayout


class Derived(ast.expr):
    """A derivative, or several in a chain: of the first name, by each of those behind it.

    The first is "" for the objective; ``given`` is its given gradient by the second, if there is.
    ``refused`` says why it is none of those that stand in a formula.
    """

    path: tuple[str, ...]
    given: ast.expr | None
    nabla: bool  # whether it is written so, which for what is no scalar is either layout
    refused: LanguageError | None = None


class KnownTree(ast.expr):
    """What is read already: reading it again would double the work at every level."""

    value: Expr


def at_item(node: N, text: str, first: Item, last: Item | None = None) -> N:
    """Return a node with the place of an item, or from one item to another."""
    where = place(text, first.start, max((last or first).stop, first.start + 1))
    line = text.split("\n")[where.line]
    node.lineno = node.end_lineno = where.line + 1
    node.col_offset = len(line[: where.start].encode())
    node.end_col_offset = len(line[: where.stop].encode())
    return node


def span(text: str, item: Item) -> Span:
    """Return the place of an item."""
    return place(text, item.start, item.stop)
