"""A call ``name(..)`` that is being read: arguments are checked as a table entry asks for them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Hashable
from fractions import Fraction

from ..core.errors import IndexNameError, ParseError, Span
from ..core.expr import Expr, Index, number
from ..core.positions import AxisBlock
from ..core.shapes import SCALAR, Dim, DimMismatchError
from .call_arguments import CheckedArguments
from .indices import bind, position
from .scope import Scope

_LARGEST_POWER = 1000
_COMPARISONS = {ast.Gt: ">", ast.Lt: "<", ast.GtE: ">=", ast.LtE: "<="}


class ApplicationReader(CheckedArguments):
    """The arguments of one call, as table entries see them (see ``ops.base.Application``)."""

    def __init__(
        self, scope: Scope, expression: Callable[[ast.expr], Expr], at: ast.Call, name: str
    ) -> None:
        super().__init__(name, scope.unifier)
        self._scope, self._expression, self._at = scope, expression, at
        self._keywords = {k.arg: k.value for k in at.keywords}

    def _source(self, position: int) -> str:
        return self._scope.source(self._at.args[position])

    def _span(self, position: int | None = None) -> Span:
        return self._scope.span(self._at if position is None else self._at.args[position])

    def _fail(self, message: str, at: ast.AST | None = None) -> ParseError:
        span = self._scope.span(at or self._at)
        return ParseError(f"{self.name}: {message}", span=span, remedy=self._usage())

    def expect(self, least: int, most: int | None = None, *keywords: str) -> int:
        """Check the number of arguments and the names of the keywords; return the number."""
        for k in self._at.keywords:
            if k.arg not in keywords:
                raise self._fail(f"no option {k.arg or '**'!r}", k)
        top = least if most is None else most
        positional = self._at.args[: top + len(keywords)]
        for extra, keyword in zip(positional[top:], keywords, strict=False):
            self._keywords.setdefault(keyword, extra)
        count = len(self._at.args)
        if not least <= count <= top + len(keywords):
            wanted = str(least) if top == least else f"{least} to {top}"
            raise self._fail(f"{wanted} argument{'s' * (wanted != '1')} expected, got {count}")
        for a in self._at.args:
            if isinstance(a, ast.Starred):
                raise self._fail("arguments are written one by one", a)
        return min(count, top)

    def text(self, position: int) -> str:
        """Return an argument that is a text in quotes."""
        at = self._at.args[position]
        if isinstance(at, ast.Constant) and isinstance(at.value, str):
            return at.value
        raise self._fail(f"{self._scope.source(at)} is not a text in quotes", at)

    def _rest(self, position: int) -> list[ast.expr]:
        """Return the arguments from a position on; one tuple of them counts as they."""
        rest = list(self._at.args[position:])
        if len(rest) == 1 and isinstance(rest[0], ast.Tuple):
            return list(rest[0].elts)
        return rest

    def integers(self, position: int) -> tuple[int, ...]:
        """Return the arguments from a position on as whole numbers."""
        found: list[int] = []
        for at in self._rest(position):
            try:
                value = ast.literal_eval(at)
            except ValueError:
                value = None
            if type(value) is not int:
                raise self._fail(f"{self._scope.source(at)} is not a whole number", at)
            found.append(value)
        return tuple(found)

    def offset(self, position: int) -> Dim | None:
        """Return an argument that is a size, or None for 0."""
        at = self._at.args[position]
        is_zero = isinstance(at, ast.Constant) and at.value == 0 and type(at.value) is int
        return None if is_zero else self._dim(at)

    def dims(self, position: int) -> tuple[Dim, ...]:
        """Return the arguments from a position on as sizes."""
        return tuple(map(self._dim, self._rest(position)))

    def expr(self, position: int) -> Expr:
        """Return an argument as an expression."""
        x = self._expression(self._at.args[position])
        self.read.add(x)
        return x

    def dim(self, position: int) -> Dim:
        """Return an argument as a size; a symbol that nothing declares is declared by it."""
        return self._dim(self._at.args[position])

    def _dim(self, at: ast.expr) -> Dim:
        return self._scope.dimension(at, self._fail)

    def position(self, position: int) -> int:
        """Return an argument that is a place counted from 1."""
        at = self._at.args[position]
        if isinstance(at, ast.Constant) and type(at.value) is int and at.value >= 1:
            return at.value
        raise self._fail(f"{self._scope.source(at)} is not a place counted from 1", at)

    def axis(self, default: int | None = None, of: Expr | None = None) -> int | None:
        """Return the ``axis`` option, counted from the front: None, 0 or 1 for a matrix ``of``."""
        at = self._keywords.get("axis")
        if at is None:
            return default
        if isinstance(at, ast.Constant) and at.value is None:
            return None
        rank = 2 if of is None else len(of.shape)
        known = {str(k): k for k in range(rank)} | {str(k - rank): k for k in range(rank)}
        source = repr(at.value) if isinstance(at, ast.Constant) else self._scope.source(at)
        if source not in known:
            there = ", ".join(["None", *map(str, range(rank))])
            raise self._fail(f"axis={source} is not an axis; there are {there} and -1", at)
        return known[source]

    def choice(self, position: int, allowed: tuple[Hashable, ...]) -> Hashable:
        """Return an argument that is one of a few constants."""
        at = self._at.args[position]
        value = at.value if isinstance(at, ast.Constant) else None
        if type(value) not in map(type, allowed) or value not in allowed:
            known = ", ".join(map(repr, allowed))
            raise self._fail(f"{self._scope.source(at)} is none of {known}", at)
        return value

    def constant(self, position: int) -> Hashable:
        """Return an argument that is a number or a text as it is written, else None."""
        at = self._at.args[position]
        return at.value if isinstance(at, ast.Constant) else None

    def comparison(self, position: int) -> tuple[Expr, str, Expr]:
        """Return an argument ``left > right``."""
        at = self._at.args[position]
        if isinstance(at, ast.Compare) and len(at.ops) == 1 and type(at.ops[0]) in _COMPARISONS:
            right = self._expression(at.comparators[0])
            return self._expression(at.left), _COMPARISONS[type(at.ops[0])], right
        raise self._fail("its first argument is a comparison with <, <=, > or >=", at)

    def whole_number(self, position: int) -> Expr:
        """Return a scalar argument that stands for a whole number.

        A name that nothing declares is a size: ``k`` in ``matrix_power(X, k)``.
        """
        at, scope = self._at.args[position], self._scope
        for name in (n.id for n in ast.walk(at) if isinstance(n, ast.Name)):
            taken = name in scope.declared.variables or name in scope.definitions
            if not (taken or scope.closed or name in scope.inferred or name in scope.indices):
                scope.declared.dims.setdefault(name)
        x = self.expr(position)
        value = number(x) if x.is_number else Fraction(0)
        if scope.shape(x) != SCALAR or value.denominator != 1 or abs(value) > _LARGEST_POWER:
            raise self._fail(
                f"{scope.source(at)} is not a whole number up to {_LARGEST_POWER}, a size or a "
                "scalar",
                at,
            )
        return x

    def indices(self) -> tuple[Index, Index, Dim]:
        """Return the two indices of ``delta`` and their common range."""
        unknown = self._scope.unifier.fresh()
        i, j = (self._delta_index(a, unknown) for a in self._at.args)
        return i, j, self._scope.unifier.resolve(unknown)

    def index(self, position: int, dim: Dim) -> Index:
        """Return an argument that is an index, or a place counted from 1."""
        return self._delta_index(self._at.args[position], dim)

    def _delta_index(self, at: ast.expr, dim: Dim) -> Index:
        found = position(self._scope, at, dim)
        if isinstance(found, AxisBlock):
            raise self._fail(f"{self._scope.source(at)} is not an index", at)
        return found  # type: ignore[return-value]  # a shift is put in when its Sum is read

    def bound(self, node_of: Callable[[str, Dim, Expr], Expr]) -> Expr:
        """Return ``Sum(i, body)`` or its like: the index is bound, its range found in the body."""
        self.expect(2)
        scope, at = self._scope, self._at.args[0]
        if not isinstance(at, ast.Name) or at.id in scope.definitions:
            raise self._fail(f"{scope.source(at)} is not an index", at)
        name = at.id
        if name in scope.declared.variables or name in scope.bound or name in scope.declared.dims:
            raise self._fail(f"{name} is in use already; an index needs a name of its own", at)
        outer = scope.indices.pop(name, None)
        scope.indices[name] = scope.unifier.fresh()
        scope.bound.add(name)
        try:
            body = bind(scope, name, self._expression(self._at.args[1]))
        except DimMismatchError as error:
            raise IndexNameError(
                f"there is no {name} for which all places of it exist: {error}".replace("?", ""),
                span=scope.span(self._at),
                remedy="an index runs over what all of its places allow: x[i + 1] * x[i]",
            ) from None
        scope.bound.discard(name)
        dim = scope.unifier.resolve(scope.indices.pop(name))
        if outer is not None:
            scope.indices[name] = outer
        if dim.is_unknown and not scope.infer:
            raise IndexNameError(
                f"the range of the index {name} is not known: nothing in the body uses it",
                span=scope.span(at),
                remedy=f"use it as an index, X[{name}, :], or multiply by the size instead",
            )
        return node_of(name, dim, body)
