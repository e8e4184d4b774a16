"""A function of the language applied to expressions, sizes and options that are there already.

``applied("softmax", X, axis=0)`` is what reading ``softmax(X, axis=0)`` gives: both are made by the
entry of the function, which asks for its arguments and for checks of their shapes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from ..core.errors import LanguageError, ShapeError, Span
from ..core.expr import Expr, num
from ..core.shapes import ONE, Dim, DimMismatchError, Shape, Unifier, describe
from ..ops import FUNCTIONS, TABLE
from ..ops.text import text


def applied(name: str, *args: Any, **options: int | None) -> Expr:
    """Return a function of the language of its arguments; raises ShapeError.

    An argument is what stands in its place: an expression, a size, a number or a text, and for
    ``where`` a comparison ``(left, ">", right)``.

    >>> from symderiv.core.expr import var
    >>> from symderiv.core.shapes import symbol
    >>> X = var("X", (symbol("n"), symbol("d")))
    >>> applied("softmax", X, axis=0), applied("einsum", "ij,kj->ik", X, X).shape[1]
    (softmax(var('X')), Dim(coefficient=1, symbols=('n',)))
    """
    call = GivenArguments(name, args, options)
    build = FUNCTIONS[name].build
    assert build is not None
    return call.checked(build(call))


class CheckedArguments(ABC):
    """The checks of arguments that table entries ask for (see ``ops.base.Application``)."""

    def __init__(self, name: str, unifier: Unifier) -> None:
        self.name, self._unifier = name, unifier
        self.read: set[Expr] = set()

    @abstractmethod
    def expr(self, position: int) -> Expr:
        """Return an argument as an expression."""

    @abstractmethod
    def _source(self, position: int) -> str:
        """Return an argument as it was written."""

    @abstractmethod
    def _span(self, position: int | None = None) -> Span | None:
        """Return the place of an argument, or of the whole call."""

    def _usage(self) -> str:
        operator = FUNCTIONS.get(self.name)
        return f"write {operator.usage}" if operator else f"write {self.name}(X)"

    def checked(self, x: Expr) -> Expr:
        """Return what was read, where every function in it takes tensors that it was given."""
        seen: set[Expr] = set()
        waiting = [x]
        while waiting:
            e = waiting.pop()
            if e in self.read or e in seen:
                continue
            seen.add(e)
            tensor = next((a for a in e.args if len(a.shape) > 2), None)
            if tensor is not None and not TABLE[e.op].tensors:
                raise ShapeError(
                    f"{self.name}: no rule for a tensor; its argument is "
                    f"{describe(self.shape(tensor))}",
                    span=self._span(),
                    remedy=f"{self.name} takes matrices; einsum covers sums of products",
                )
            waiting.extend(e.args if not e.is_name else ())  # checked when it was defined
        return x

    def fail(self, message: str, position: int | None = None, remedy: str = "") -> LanguageError:
        """Return the error to raise about the call, or about one of its arguments."""
        span = self._span(position)
        return ShapeError(f"{self.name}: {message}", span=span, remedy=remedy or self._usage())

    def refuse(self, x: Expr, problem: str, remedy: str) -> ShapeError:
        """Return the error for an argument whose shape does not do; it is raised by the entry."""
        source = self._source(0)
        subject = f"{self.name}({source}): {problem}"
        return ShapeError(
            subject.replace("{shape}", describe(self.shape(x))),
            span=self._span(0),
            remedy=remedy.replace("{x}", source),
        )

    def shape(self, x: Expr) -> Shape:
        """Return the shape of an argument, as far as it is known."""
        return self._unifier.resolve_shape(x.shape)

    def _unify(self, left: Dim, right: Dim, error: Callable[[], LanguageError]) -> Dim:
        try:
            return self._unifier.unify(left, right)
        except DimMismatchError:
            raise error() from None

    def equal_dims(self, left: Dim, right: Dim, what: str, position: int) -> Dim:
        """Return the size that two dimensions must share; ``what`` says of what they are."""
        a, b = map(self._unifier.resolve, (left, right))
        message = f"{what} is {a} and {b}".replace("?", "")
        return self._unify(a, b, lambda: self.fail(message, position))

    def square(self, position: int) -> Expr:
        """Return an argument that must be square."""
        x = self.expr(position)

        def error() -> ShapeError:
            return ShapeError(
                f"{self.name} needs a square matrix; {self._source(position)} is "
                f"{describe(self.shape(x))}",
                span=self._span(position),
                remedy="multiply it to a square one first: X.T @ X",
            )

        rows, cols = self.shape(x)[-2:]
        self._unify(rows, cols, error)
        return x

    def vector(self, position: int) -> Expr:
        """Return an argument that must be a column or a row."""
        x = self.expr(position)
        shape = self.shape(x)
        if ONE in shape or shape[1].is_unknown:
            return x
        raise ShapeError(
            f"{self.name} needs vectors; {self._source(position)} is {describe(shape)}",
            span=self._span(position),
            remedy="a product of matrices is written with @, an entrywise one with *",
        )

    def times(self, left: int, right: int) -> tuple[Expr, Expr]:
        """Return a square argument and one with as many rows."""
        a, b = self.square(left), self.expr(right)
        columns, rows = self.shape(a)[-1], self.shape(b)[-2]
        message = f"{self._source(right)} has {rows} rows, not {columns}"
        remedy = f"write a column or a matrix of {columns} rows"
        self._unify(columns, rows, lambda: self.fail(message, right, remedy))
        return a, b

    def same_columns(self, left: Expr, right: Expr, position: int) -> None:
        """Check that two arguments have as many columns; the second stands at ``position``."""
        first, second = self.shape(left)[1], self.shape(right)[1]
        message = f"{self._source(position)} has {second} columns, not {first}"
        self._unify(first, second, lambda: self.fail(message, position))

    def common_shape(self, *args: Expr) -> Shape:
        """Return the broadcast of the shapes of the arguments."""
        shape: Shape = (ONE, ONE)
        for x in args:
            try:
                shape = self._unifier.broadcast(shape, self.shape(x))
            except DimMismatchError:
                raise self.fail(
                    f"{describe(shape)} and {describe(x.shape)} do not fit",
                    remedy="its arguments must have one shape, or be scalars",
                ) from None
        return shape

    def same_shape(self, left: Expr, right: Expr) -> Shape:
        """Return the shape that two arguments must share."""
        a, b = self.shape(left), self.shape(right)

        def error() -> LanguageError:
            return self.fail(
                f"the shapes {describe(a)} and {describe(b)} differ",
                remedy="both arguments must have the same shape",
            )

        if len(a) != len(b):
            raise error()
        return tuple(self._unify(p, q, error) for p, q in zip(a, b, strict=True))


class GivenArguments(CheckedArguments):
    """Arguments that are given as what they are: an entry finds them where it asks for them."""

    def __init__(self, name: str, args: tuple[Any, ...], options: dict[str, int | None]) -> None:
        super().__init__(name, Unifier())
        self._args, self._options = args, options
        self.read.update(a for a in args if isinstance(a, Expr))

    def _source(self, position: int) -> str:
        return text(self.expr(position))

    def _span(self, position: int | None = None) -> Span | None:
        return None

    def expect(self, least: int, most: int | None = None, *keywords: str) -> int:
        """Return the number of arguments."""
        return len(self._args)

    def axis(self, default: int | None = None, of: Expr | None = None) -> int | None:
        """Return the option ``axis``."""
        return self._options.get("axis", default)

    def _given(self, position: int, expected: Any = None) -> Any:
        return self._args[position]

    expr = dim = position = text = offset = constant = comparison = choice = index = _given

    def whole_number(self, position: int) -> Expr:
        """Return a whole number as an expression."""
        k = self._given(position)
        return k if isinstance(k, Expr) else num(k)

    def integers(self, position: int) -> tuple[Any, ...]:
        """Return the arguments from a position on."""
        return self._args[position:]

    dims = integers

    def indices(self) -> Any:
        """Return two indices and their common range."""
        return self._args

    def bound(self, node_of: Callable[[str, Dim, Expr], Expr]) -> Expr:
        """Return ``Sum(i, body)`` or its like, given the index, its range and the body."""
        return node_of(*self._args)
