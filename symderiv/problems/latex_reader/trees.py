"""Trees of the language that formulas stand for: Python's nodes, and what they have besides.

Contract: every node has Python's places, in bytes of the line, so that the elaborator shows them.
"""

from __future__ import annotations

import ast
from typing import TypeVar

from ...core.errors import LanguageError, Span
from ...core.expr import Expr
from .laid_out import Item, RowLayout
from .tokens import place

N = TypeVar("N", bound=ast.expr)


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
    return at_range(node, text, first.start, (last or first).stop)


def at_range(node: N, text: str, start: int, stop: int) -> N:
    """Return a node with the place of a range of the text."""
    where = place(text, start, max(stop, start + 1))
    line = text.split("\n")[where.line]
    node.lineno = node.end_lineno = where.line + 1
    node.col_offset = len(line[: where.start].encode())
    node.end_col_offset = len(line[: where.stop].encode())
    return node


def like(node: N, other: ast.expr) -> N:
    """Return a node with the place of another."""
    return ast.copy_location(node, other)


def joined(node: N, left: ast.expr, right: ast.expr) -> N:
    """Return a node with the place from one node to another."""
    ast.copy_location(node, left)
    node.end_lineno, node.end_col_offset = right.end_lineno, right.end_col_offset
    return node


def name(word: str, other: ast.expr) -> ast.Name:
    """Return a name at the place of another node."""
    return like(ast.Name(word, ast.Load()), other)


def call(word: str, args: list[ast.expr], other: ast.expr, **options: object) -> ast.Call:
    """Return a call of a function of the language at the place of another node."""
    keywords = [
        ast.keyword(k, like(ast.Constant(v), other))  # type: ignore[arg-type]
        for k, v in options.items()
    ]
    return like(ast.Call(name(word, other), args, keywords), other)


def transposed(value: ast.expr, other: ast.expr) -> ast.Attribute:
    """Return a transpose at the place of another node."""
    return like(ast.Attribute(value, "T", ast.Load()), other)


def binary(op: ast.operator, left: ast.expr, right: ast.expr) -> ast.BinOp:
    """Return an operator between two nodes."""
    return joined(ast.BinOp(left, op, right), left, right)


def span(text: str, item: Item) -> Span:
    """Return the place of an item."""
    return place(text, item.start, item.stop)
