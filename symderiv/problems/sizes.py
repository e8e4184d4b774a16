"""Sizes in a text: symbols, positive integers, and what those make by + - and *.

Contract: a symbol that nothing declares is declared by being used as a size, unless the reader is
closed. ``SizeReader`` is the part of the elaborator that reads them.
"""

from __future__ import annotations

import ast
from collections.abc import Callable

from ..core.errors import LanguageError
from ..core.expr import Expr, Variable
from ..core.shapes import Dim, DimMismatchError, Unifier, difference, size, symbol
from .declarations import Declarations

Signed = tuple[list[Dim], list[Dim]]  # what is added, and what is taken away
Fail = Callable[[str, ast.AST], LanguageError]  # the error for what is no size, and where


class SizeReader:
    """Reads sizes; the elaborator supplies the names."""

    declared: Declarations
    definitions: dict[str, Expr]
    inferred: dict[str, Variable]
    indices: dict[str, Dim]
    unifier: Unifier
    closed: bool

    def source(self, at: ast.AST) -> str:
        """Return the text of a syntax node, shortened."""
        raise NotImplementedError

    def dimension(self, at: ast.expr, fail: Fail) -> Dim:
        """Return a size; raises what ``fail`` returns."""
        try:
            found = difference(*self.signed(at, fail))
        except DimMismatchError:
            found = None
        if found is None:
            raise fail(f"{self.source(at)} is no size: it is not positive", at)
        return found

    def signed(self, at: ast.expr, fail: Fail) -> Signed:
        """Return a sum of sizes, some of them taken away."""
        if isinstance(at, ast.BinOp) and isinstance(at.op, ast.Add | ast.Sub):
            (plus, minus), (more, less) = self.signed(at.left, fail), self.signed(at.right, fail)
            if isinstance(at.op, ast.Sub):
                more, less = less, more
            return [*plus, *more], [*minus, *less]
        if isinstance(at, ast.BinOp) and isinstance(at.op, ast.Mult):
            left, right = self.dimension(at.left, fail), self.dimension(at.right, fail)
            return [left * right], []
        if isinstance(at, ast.Constant) and type(at.value) is int and 0 < at.value < 10**9:
            return [size(at.value)], []
        if isinstance(at, ast.Name):
            return [self._symbol(at, fail)], []
        raise fail(f"{self.source(at)} is not a size (a symbol or a positive integer)", at)

    def _symbol(self, at: ast.Name, fail: Fail) -> Dim:
        name = at.id
        others = (self.declared.variables, self.definitions, self.inferred, self.indices)
        if name not in self.declared.dims and any(name in names for names in others):
            raise fail(f"{name} is not a size (a symbol or a positive integer)", at)
        if name not in self.declared.dims and self.closed:
            there = ", ".join(self.declared.dims) or "none"
            raise fail(f"{name} is not a size of the problem; there are: {there}", at)
        self.declared.dims.setdefault(name)
        return self.unifier.resolve(symbol(name))
