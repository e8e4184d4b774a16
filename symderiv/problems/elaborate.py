"""Syntax tree to expression: names, shapes by unification, indices; every error has its place.

Contract: one method per syntax class, in a table; a class that is not in the table is refused.
Nothing is evaluated. What a function means is asked of its table entry (``Operator.build``).
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable
from fractions import Fraction
from functools import reduce
from typing import ClassVar

from ..core.errors import (
    AmbiguousShapeError,
    IndexNameError,
    ShapeError,
    TooLargeError,
    UnknownNameError,
    UnsupportedError,
)
from ..core.expr import (
    Expr,
    Variable,
    add,
    dim_size,
    div,
    is_one_per_row,
    matmul,
    mul,
    named,
    neg,
    node,
    num,
    number,
    power,
    transpose,
    var,
)
from ..core.plaintext import shortened
from ..core.shapes import ONE, SCALAR, DimMismatchError, Shape, describe, symbol
from ..ops import FUNCTIONS, TABLE
from .calls import ApplicationReader
from .declarations import default_kind
from .grammar import DEEPEST
from .indices import subscript
from .remedies import attribute_remedy, broadcast_remedy, function_remedy, product_remedy
from .scope import Scope

CONSTANTS = ("pi", "e")
_LARGEST_EXPONENT = 1000
_REMEDIES = {
    ast.BitXor: "a power is written **",
    ast.FloorDiv: "a quotient is written /",
    ast.Mod: "there is no remainder in the language",
    ast.Compare: "comparisons stand inside where(c > 0, a, b) only",
    ast.Lambda: "functions are named: exp, tanh, or f declared as 'f: entrywise'",
    ast.IfExp: "a choice is written where(c > 0, a, b)",
    ast.List: "matrices are names; their entries are X[i, j]",
    ast.Tuple: "one expression, without commas",
    ast.Call: "a function is called by its name: sum(X)",
}


class Elaborator(Scope):
    """Reads syntax trees of one text against declarations and the definitions so far."""

    signs: ClassVar[dict[type[ast.operator], str]] = {
        ast.Add: "+",
        ast.Sub: "-",
        ast.Mult: "*",
        ast.Div: "/",
        ast.MatMult: "@",
        ast.Pow: "**",
    }

    # the walk

    def read(self, at: ast.expr) -> Expr:
        """Return the expression that a syntax tree stands for."""
        reader = _READERS.get(type(at))
        if reader is None:
            raise UnsupportedError(
                f"{type(at).__name__} is Python, but not a construct of this language",
                span=self.span(at),
                remedy=_REMEDIES.get(type(at), "write it with + - * / ** @ .T and calls"),
            )
        self.depth += 1
        if self.depth > DEEPEST:
            raise UnsupportedError(
                f"nested deeper than {DEEPEST} levels",
                span=self.span(at),
                remedy="name inner parts by definitions: Z = ...; L(Z)",
            )
        result = reader(self, at)
        self.depth -= 1
        return result

    def _number(self, at: ast.Constant) -> Expr:
        value = at.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UnsupportedError(
                f"{self.source(at)} is not a real number",
                span=self.span(at),
                remedy="every variable and number is real; numbers are integers and decimals: "
                "2, 0.5",
            )
        span = self.span(at)
        digits = self.lines[span.line][span.start : span.stop]
        # As a float it over- or underflows before its exact value is too long to compute with.
        lost = isinstance(value, float) and (value == float("inf") or not value)
        if lost and any(c in "123456789" for c in digits.lower().split("e")[0]):
            raise TooLargeError(
                f"{self.source(at)} is too large or too small a number",
                span=self.span(at),
                remedy="numbers are smaller than 1e300 and larger than 1e-300",
            )
        return num(Fraction(digits.replace("_", "")) if isinstance(value, float) else value)

    def _name(self, at: ast.Name) -> Expr:
        name = at.id
        if name in self.definitions:
            return named(name, self.definitions[name])
        if name in self.declared.variables:
            return self.declared.variables[name].expr
        if name in self.inferred:
            return self.inferred[name].expr
        if name in self.declared.dims:
            return dim_size(self.unifier.resolve(symbol(name)))
        if name in CONSTANTS:
            return node("const", (), SCALAR, name)
        if name in self.indices:
            raise IndexNameError(
                f"the index {name} is not a number",
                span=self.span(at),
                remedy=f"indices stand in brackets and in delta: X[{name}, :], delta({name}, j)",
            )
        return self._undeclared(at)

    def _undeclared(self, at: ast.Name) -> Expr:
        name = at.id
        known = [*self.declared.variables, *self.definitions, *self.declared.dims, *self.inferred]
        near = difflib.get_close_matches(name, known, 1)
        short = shortened(name)
        remedy = f"did you mean {near[0]}?" if near else f'declare it: --var "{short[1:-1]}: n, d"'
        if name in FUNCTIONS:
            remedy = f"{name} is a function: {FUNCTIONS[name].usage}"
        error = UnknownNameError(f"{short} is not declared", span=self.span(at), remedy=remedy)
        if not self.infer or (near and len(name) > 1) or name in TABLE or name.startswith("_"):
            raise error
        try:
            kind = default_kind(name)
        except UnknownNameError:
            raise error from None
        dims = [self.unifier.fresh() for _ in range(("scalar", "vector", "matrix").index(kind))]
        shape = (dims[0] if dims else ONE, dims[1] if len(dims) > 1 else ONE)
        self.inferred[name] = Variable(name, shape, kind, (), True)
        return var(name, shape)

    def _unary(self, at: ast.UnaryOp) -> Expr:
        if isinstance(at.op, ast.USub):
            return neg(self.read(at.operand))
        if isinstance(at.op, ast.UAdd):
            return self.read(at.operand)
        raise UnsupportedError(
            f"{self.source(at)}: no such sign in the language",
            span=self.span(at),
            remedy="the signs are + and -",
        )

    def _binary(self, at: ast.BinOp) -> Expr:
        # A long sum leans to the left; walking its spine in a loop keeps the stack shallow.
        spine: list[ast.BinOp] = []
        left: ast.expr = at
        while isinstance(left, ast.BinOp):
            spine.append(left)
            left = left.left
        result, place = self.read(left), left
        for step in reversed(spine):
            sign = self.signs.get(type(step.op))
            if sign is None:
                raise UnsupportedError(
                    f"{self.source(step)}: no such operator in the language",
                    span=self.between(place, step.right),
                    remedy=_REMEDIES.get(type(step.op), "the operators are + - * / ** @"),
                )
            right = self.read(step.right)
            result = self._combine(sign, step, result, right)
            place = step
        return result

    def _combine(self, sign: str, at: ast.BinOp, left: Expr, right: Expr) -> Expr:
        if sign == "@":
            return self._matmul(at, left, right)
        if sign == "/" and right.is_number and not number(right):
            raise UnsupportedError(
                "division by zero", span=self.span(at.right), remedy="divide by another number"
            )
        self._check_broadcast(sign, at, left, right)
        if sign == "+":
            return add(left, right)
        if sign == "-":
            return add(left, neg(right))
        if sign == "**":
            return self._power(at, left, right)
        return mul(left, right) if sign == "*" else div(left, right)

    def _power(self, at: ast.BinOp, base: Expr, exponent: Expr) -> Expr:
        if abs(constant_value(exponent) or 0) > _LARGEST_EXPONENT:
            raise TooLargeError(
                f"the exponent {self.source(at.right)} is too large",
                span=self.span(at.right),
                remedy=f"exponents go up to {_LARGEST_EXPONENT}",
            )
        found = power(base, exponent)
        if not abs(constant_value(found) or 0) < LARGEST_NUMBER:
            raise TooLargeError(
                f"{self.source(at)} is too large a number",
                span=self.span(at),
                remedy="numbers are smaller than 1e300 and larger than 1e-300",
            )
        return found

    def _check_broadcast(self, sign: str, at: ast.BinOp, left: Expr, right: Expr) -> None:
        a, b = self.shape(left), self.shape(right)
        for column_, other, x, value in ((a, b, at.left, left), (b, a, at.right, right)):
            square = other[-2] == other[-1] != ONE
            # A tensor says by its axes where it goes.
            bare = column_ == (other[-2], ONE) and column_ != other
            # x * I is the same diagonal matrix whether x goes to the rows or to the columns.
            either = sign == "*" and "eye" in (left.op, right.op)
            # What a reduction made can only go to the rows.
            sure = either or is_one_per_row(value) or self.unifier.collect
            if square and bare and not sure:
                name = self.source(x)
                raise AmbiguousShapeError(
                    f"{name} is a column and the other side is square ({describe(other)}): "
                    "it could go to every row or to every column",
                    span=self.between(at.left, at.right),
                    remedy=f"write {name}.T for every row, or {name} @ ones({other[-1]}).T "
                    "for every column",
                )
        try:
            self.unifier.broadcast(a, b)
        except DimMismatchError:
            raise ShapeError(
                f"{self.source(at.left)} is {describe(a)} and {self.source(at.right)} is "
                f"{describe(b)}: they cannot be combined entry by entry with {sign}",
                span=self.between(at.left, at.right),
                remedy=broadcast_remedy(a, b, self.source(at.left), self.source(at.right), sign),
            ) from None

    def _matmul(self, at: ast.BinOp, left: Expr, right: Expr) -> Expr:
        a, b = self.shape(left), self.shape(right)
        if SCALAR in (a, b):
            return mul(left, right)
        self.unify(a[-1], b[-2], lambda: self._no_product(at, a, b))
        if len(a) > 2 and len(b) > 2:
            self.check_batches(at, a, b)
        return matmul(left, right)

    def _no_product(self, at: ast.BinOp, a: Shape, b: Shape) -> ShapeError:
        x, y = self.source(at.left), self.source(at.right)
        clash = f"{a[-1]} columns do not meet {b[-2]} rows".replace("?", "")
        return ShapeError(
            f"{x} is {describe(a)} and {y} is {describe(b)}: {clash}",
            span=self.between(at.left, at.right),
            remedy=product_remedy(at, a, b, self.source),
        )

    def attribute(self, at: ast.Attribute) -> Expr:
        """Return ``X.T`` or ``T.mT``; raises UnsupportedError or ShapeError."""
        if at.attr not in ("T", "mT"):
            raise UnsupportedError(
                f".{at.attr} is not part of the language",
                span=self.span(at),
                remedy=attribute_remedy(at.attr, self.source(at.value)),
            )
        x = self.read(at.value)
        if at.attr == "T" and len(x.shape) > 2:
            raise ShapeError(
                f"{self.source(at.value)} is {describe(self.shape(x))}: .T swaps the axes of a "
                "matrix",
                span=self.span(at),
                remedy=f"write {self.source(at.value)}.mT to swap the last two axes",
            )
        return transpose(x)

    def check_batches(self, at: ast.BinOp, a: Shape, b: Shape) -> None:
        """Refuse a product of tensors whose batch axes do not broadcast; raises ShapeError."""
        try:
            self.unifier.broadcast((*a[:-2], ONE, ONE), (*b[:-2], ONE, ONE))
        except DimMismatchError:
            raise ShapeError(
                f"{self.source(at.left)} is {describe(a)} and {self.source(at.right)} is "
                f"{describe(b)}: their batch axes are different",
                span=self.between(at.left, at.right),
                remedy="batch axes are aligned from the right and must be equal",
            ) from None

    def _subscript(self, at: ast.Subscript) -> Expr:
        return subscript(self, at, self.read(at.value))

    def _call(self, at: ast.Call) -> Expr:
        if not isinstance(at.func, ast.Name):
            raise UnsupportedError(
                f"{self.source(at.func)} cannot be called",
                span=self.span(at.func),
                remedy=_REMEDIES[ast.Call],
            )
        name = at.func.id
        call = ApplicationReader(self, self.read, at, name)
        # A variable called mean is no reason to do without mean(..), which nothing else can mean.
        is_matrix = name in self.declared.variables or name in self.definitions
        if is_matrix and name not in FUNCTIONS:
            raise UnsupportedError(
                f"{name} is a matrix, not a function",
                span=self.span(at.func),
                remedy=f"an entry of it is {name}[i, j]; a product is written with * or @",
            )
        if name in self.declared.losses or name == "L":
            call.expect(1)
            x = call.expr(0)
            return node("loss", (x,), SCALAR, (name, self.upstream))
        order = self._entrywise_order(name)
        if order is not None:
            call.expect(1)
            x = call.expr(0)
            return node("apply", (x,), x.shape, order)
        operator = FUNCTIONS.get(name)
        if operator is None or operator.build is None:
            raise self._unknown_function(at.func)
        return call.checked(operator.build(call))

    def _entrywise_order(self, name: str) -> tuple[str, int] | None:
        letters = dict(self.declared.entrywise)
        for letter in "fgh":
            if letter not in self.declared.variables:
                letters[letter] = None
        for order in (0, 1, 2, 3):
            stem = name[: len(name) - order]
            if stem in letters and name == stem + "p" * order:
                return stem, order
        return None

    def _unknown_function(self, at: ast.Name) -> UnknownNameError:
        remedy = function_remedy(at.id, FUNCTIONS)
        return UnknownNameError(
            f"no rule for a function {at.id!r}", span=self.span(at), remedy=remedy
        )


_READERS: dict[type[ast.expr], Callable[..., Expr]] = {
    ast.Constant: Elaborator._number,
    ast.Name: Elaborator._name,
    ast.UnaryOp: Elaborator._unary,
    ast.BinOp: Elaborator._binary,
    ast.Attribute: Elaborator.attribute,
    ast.Call: Elaborator._call,
    ast.Subscript: Elaborator._subscript,
}


LARGEST_NUMBER = 1e300

_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "add": lambda x, y: x + y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "pow": lambda x, y: x**y,
}


def constant_value(e: Expr) -> float | None:
    """Return the value of sums, products and powers of numbers; None of anything else.

    It is infinite where it is too large for a float.

    >>> from symderiv.core.expr import num, power
    >>> constant_value(power(num(2), num(3))), constant_value(power(num(9), num(999)))
    (8.0, inf)
    """
    try:
        if e.is_number:
            return float(number(e))
        if e.is_negative:
            value = constant_value(e.args[0])
            return None if value is None else -value
        if e.op not in _ARITHMETIC:
            return None
        values = [constant_value(a) for a in e.args]
        known = [v for v in values if v is not None]
        found = reduce(_ARITHMETIC[e.op], known) if len(known) == len(values) else None
        return found if isinstance(found, float) else None  # a root of -1 is left to others
    except ZeroDivisionError:
        return None
    except OverflowError:
        return float("inf")
