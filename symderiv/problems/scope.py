"""What a text may name, and what is known so far of its sizes and indices.

Contract: a symbol that nothing declares is declared by being used as a size, unless the scope is
closed. Sizes are symbols, positive integers, and what those make by + - and *.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from ..core.errors import IndexNameError, LanguageError, Span, UnknownSizeError
from ..core.expr import BINDERS, Expr, Variable, dims_of, node, rebuild, walk
from ..core.positions import Use
from ..core.shapes import Dim, DimMismatchError, Shape, Unifier, difference, size, symbol
from .declarations import Declarations
from .grammar import lines_of, span_of

Signed = tuple[list[Dim], list[Dim]]  # what is added, and what is taken away
Fail = Callable[[str, ast.AST], LanguageError]  # the error for what is no size, and where


class Scope:
    """The declarations of one text, its definitions so far, and what they bind."""

    def __init__(
        self,
        text: str,
        declared: Declarations,
        definitions: dict[str, Expr],
        *,
        unifier: Unifier | None = None,
        upstream: str = "G",
        infer: bool = False,
    ) -> None:
        self.text, self.declared, self.definitions = text, declared, definitions
        self.lines = lines_of(text)
        self.unifier = unifier or Unifier()
        self.upstream, self.infer = upstream, infer
        self.gradients: dict[tuple[str, Expr], str] = {}  # of losses that are known by argument
        self.indices: dict[str, Dim] = {}
        self.uses: dict[str, list[Use]] = {}
        self.bound: set[str] = set()
        self.inferred: dict[str, Variable] = {}
        self.closed = False  # whether constructors may no longer declare sizes
        self.depth = 0  # of what is being read

    # places and errors

    def span(self, at: ast.AST) -> Span:
        """Return where a syntax node stands in the text."""
        return span_of(self.text, at)

    def source(self, at: ast.AST) -> str:
        """Return the text of a syntax node, shortened."""
        span = self.span(at)
        text = self.lines[span.line][span.start : span.stop]
        return text if len(text) <= 40 else text[:37] + "..."

    def unify(self, left: Dim, right: Dim, error: Callable[[], LanguageError]) -> Dim:
        """Make two dimensions equal, or raise what ``error`` says."""
        try:
            return self.unifier.unify(left, right)
        except DimMismatchError:
            raise error() from None

    def between(self, left: ast.expr, right: ast.expr) -> Span:
        """Return the place of the operator sign between two operands."""
        a, b = self.span(left), self.span(right)
        if a.line != b.line:
            return b
        gap = self.lines[a.line][a.stop : b.start]
        inner = gap.strip().strip("()").strip()
        start = a.stop + gap.find(inner) if inner else a.stop
        return Span(self.text, start, start + max(len(inner), 1), a.line)

    # sizes

    def shape(self, x: Expr) -> Shape:
        """Return the shape of an expression with everything bound put in."""
        return self.unifier.resolve_shape(x.shape)

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

    # readings that are taken back

    def state(self) -> tuple[Any, ...]:
        """Return what is bound so far."""
        return self.unifier.state(), dict(self.indices), set(self.bound), self.depth

    def restore(self, before: tuple[Any, ...]) -> None:
        """Go back to what was bound before a reading."""
        state, indices, bound, self.depth = before
        self.unifier.restore(state)
        self.indices.clear()
        self.indices.update(indices)
        self.bound.clear()
        self.bound.update(bound)


def settle(scope: Scope, x: Expr) -> Expr:
    """Return an expression with every dimension that was found out put in."""
    if scope.unifier.is_idle and not scope.gradients:
        return x

    def change(old: Expr, args: tuple[Expr, ...]) -> Expr:
        data = old.data
        if isinstance(data, Dim):
            data = scope.unifier.resolve(data)
        elif old.op in (*BINDERS, "delta") and isinstance(data, tuple):
            data = (*data[:-1], scope.unifier.resolve(data[-1]))
        elif old.op == "part" and isinstance(data, tuple):
            start, own, rest, axis = data
            start, rest = map(scope.unifier.resolve_shape, (start, rest))
            data = (start, scope.unifier.resolve(own), rest, axis)
        elif old.is_loss and isinstance(data, tuple):
            data = (data[0], scope.gradients.get((data[0], args[0]), data[1]))
        shape = scope.unifier.resolve_shape(old.shape)
        same = args == old.args and shape == old.shape and data == old.data
        return old if same else node(old.op, args, shape, data)

    def leave(old: Expr) -> bool:
        # A definition was settled when it was read; an equation that was assumed changes it too.
        known = old.is_name and scope.definitions.get(str(old.data)) is old.args[0]
        return known and not scope.unifier.assumed

    settled = rebuild(x, change, leave)
    for e in walk(settled, leave):
        if e.op == "delta" and isinstance(e.data, tuple) and e.data[2].is_unknown:
            raise IndexNameError(
                f"the range of delta({e.data[0]}, {e.data[1]}) is not known",
                remedy="use its indices elsewhere too, as in Sum(i, delta(i, 1) * x[i])",
            )
    if any(d.startswith("?") for d in dims_of(settled, leave)):
        raise UnknownSizeError(
            "the size of a constant vector or matrix is not known",
            remedy="write it, ones(n, d) or \\mathbf{1}_{n \\times d}, or combine it with "
            "something of a known size",
        )
    return settled
