"""Nodes of Python's syntax trees with their places, made by hand."""

from __future__ import annotations

import ast
from typing import TypeVar

N = TypeVar("N", bound=ast.expr)


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
