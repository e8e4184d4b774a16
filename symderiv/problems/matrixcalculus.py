"""The syntax of matrixcalculus.org: text to a syntax tree, and what its signs mean.

``*`` is the product of matrices and of scalars with them, ``.* ./ .^`` go entry by entry, ``'``
transposes, ``^`` is a power of a scalar or of a square matrix. As in MATLAB, whose signs these
are, ``'`` and the powers bind tightest, then a leading sign, then products, then sums. Source:
the documentation page of matrixcalculus.org (Laue, Mitterreiter, Giesen).

Contract: the tree has Python's node classes and places in the text as it was written, so that
every error shows it. Text is parsed, never evaluated. ``MatrixReader`` differs from the elaborator
only where that syntax means something else: products and quotients are those of linear algebra,
shapes must match, ``vector(c)`` and ``matrix(c)`` take the size that their place gives them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from ..core.errors import LanguageError, ParseError, ShapeError, Span, UnsupportedError
from ..core.expr import Expr, eye, mul, number, ones
from ..core.shapes import ONE, SCALAR, Shape, describe
from .calls import ApplicationReader
from .elaborate import Elaborator
from .grammar import Statement, check_brackets, prepared
from .syntax_nodes import N, binary, call, joined, transposed

# Division by a scalar and a power with ``^`` have meanings of their own; they get the node
# classes of signs that the language does not have.
SUMS: dict[str, type[ast.operator]] = {"+": ast.Add, "-": ast.Sub}
PRODUCTS: dict[str, type[ast.operator]] = {
    "*": ast.MatMult,
    "/": ast.FloorDiv,
    ".*": ast.Mult,
    "./": ast.Div,
}
POWERS: dict[str, type[ast.operator]] = {"^": ast.BitXor, ".^": ast.Pow}
_NAMES = {"tr": "trace", "norm2": "norm", "adj": "adjugate"}

_TOKEN = re.compile(
    r"(?P<space>[ \t]+|\#.*)"
    r"|(?P<end>[;\n])"
    r"|(?P<number>(?:\d+\.\d+|\.\d+|\d+\.(?![*/^'])|\d+)(?:[eE][+-]?\d+)?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign>\.[*/^']|\*\*|[-+*/^'(),=])"
)
_HINTS = {
    "**": "a power is written ^, or .^ entry by entry",
    "@": "the matrix product is written *",
    "\\": "the solution of A*x = b is written inv(A)*b",
    "[": "vectors and matrices are names",
    "==": "one = defines a name: z = X*w",
}


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # "number" | "name" | "sign" | "end"
    text: str
    line: int
    start: int


def parse(text: str) -> list[Statement]:
    """Return the statements of a text; raises ParseError or UnsupportedError.

    >>> ast.unparse(parse("0.5*x'*A*x")[0].value)
    '0.5 @ x.T @ A @ x'
    """
    text = prepared(text)
    check_brackets(text)
    found = _Parser(text, _tokens(text)).statements()
    if not found:
        raise ParseError("there is only a comment", remedy="write an expression: x'*A*x")
    return found


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    at = line = begin = depth = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        here = Span(text, at - begin, at - begin + 1, line)
        if match is None:
            raise ParseError(
                f"{text[at]!r} is no sign of matrixcalculus.org's syntax",
                span=here,
                remedy=_HINTS.get(text[at], "it has + - * / ^ .* ./ .^ ' and calls: sum(x)"),
            )
        kind, word = str(match.lastgroup), match.group()
        if word == "**":
            raise ParseError("** is no sign of this syntax", span=here, remedy=_HINTS["**"])
        depth += (word == "(") - (word == ")")
        if kind != "space" and not (kind == "end" and depth):
            found.append(_Token(kind, word, line, at - begin))
        at = match.end()
        if word == "\n":
            line, begin = line + 1, at
    return [*found, _Token("end", "", line, len(text) - begin)]


class _Parser:
    """Reads tokens by precedence; every method returns a node with its place."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self.text, self.tokens, self.at = text, tokens, 0

    @property
    def next(self) -> _Token:
        return self.tokens[self.at]

    def take(self) -> _Token:
        self.at += 1
        return self.tokens[self.at - 1]

    def sees(self, *signs: str) -> bool:
        """Whether the next token is one of these signs."""
        return self.next.kind == "sign" and self.next.text in signs

    def span(self, token: _Token) -> Span:
        return Span(self.text, token.start, token.start + max(len(token.text), 1), token.line)

    def fail(self, message: str, token: _Token, remedy: str) -> ParseError:
        return ParseError(message, span=self.span(token), remedy=remedy)

    def statements(self) -> list[Statement]:
        found: list[Statement] = []
        while self.at < len(self.tokens):
            if self.next.kind == "end":
                self.take()
                continue
            found.append(self.statement())
            if self.next.kind != "end":
                raise self.unexpected()
        return found

    def statement(self) -> Statement:
        first = self.next
        follows = self.tokens[self.at + 1]
        if first.kind == "name" and (follows.kind, follows.text) == ("sign", "="):
            self.at += 2
            return Statement(first.text, self.sum(), self.span(first))
        value = self.sum()
        last = getattr(value, "end_col_offset", first.start + 1)
        stop = last if value.end_lineno == first.line + 1 else first.start + 1
        return Statement(None, value, Span(self.text, first.start, stop, first.line))

    def unexpected(self) -> ParseError:
        token = self.next
        if token.kind == "end":
            return self.fail("the expression ends too early", token, "something is missing here")
        remedy = "two things side by side are not multiplied: write * between them"
        if token.kind == "sign":
            remedy = _HINTS["=="] if token.text == "=" else "an operand is missing before it"
        return self.fail(f"{token.text!r} cannot stand here", token, remedy)

    def sum(self) -> ast.expr:
        return self.chain(SUMS, lambda: self.chain(PRODUCTS, lambda: self.signed(self.power)))

    def chain(
        self, signs: dict[str, type[ast.operator]], operand: Callable[[], ast.expr]
    ) -> ast.expr:
        """Return operands of equal precedence, joined from the left."""
        left = operand()
        while self.sees(*signs):
            op = signs[self.take().text]()
            left = binary(op, left, operand())
        return left

    def signed(self, operand: Callable[[], ast.expr]) -> ast.expr:
        """Return an operand with the signs before it."""
        signs: list[_Token] = []
        while self.sees("+", "-"):
            signs.append(self.take())
        value = operand()
        for token in reversed(signs):
            op: ast.unaryop = ast.USub() if token.text == "-" else ast.UAdd()
            value = joined(ast.UnaryOp(op, value), _at(ast.Constant(0), token), value)
        return value

    def power(self) -> ast.expr:
        result = self.transposed(self.atom())
        if not self.sees(*POWERS):
            return result
        op = POWERS[self.take().text]()
        result = self.transposed(binary(op, result, self.signed(self.atom)))
        if self.sees(*POWERS):
            raise self.fail(
                "a power of a power can be read in two ways",
                self.next,
                "write (a^b)^c or a^(b^c)",
            )
        return result

    def transposed(self, result: ast.expr) -> ast.expr:
        while self.sees("'", ".'"):
            mark = _at(ast.Constant(0), self.take())
            result = joined(transposed(result, result), result, mark)
        return result

    def atom(self) -> ast.expr:
        if self.next.kind == "number":
            token = self.take()
            whole = token.text.isdecimal() and len(token.text) < 400
            return _at(ast.Constant(int(token.text) if whole else float(token.text)), token)
        if self.next.kind == "name":
            token = self.take()
            name = _at(ast.Name(token.text, ast.Load()), token)
            if self.sees("("):
                return self.call(name)
            return call("eye", [], name) if name.id == "eye" else name
        if not self.sees("("):
            raise self.unexpected()
        self.take()
        inner = self.sum()
        if not self.sees(")"):
            raise self.unexpected()
        self.take()
        return inner

    def call(self, name: ast.Name) -> ast.expr:
        self.take()
        args: list[ast.expr] = []
        while not self.sees(")"):
            args.append(self.sum())
            if not self.sees(",", ")"):
                raise self.unexpected()
            if self.sees(","):
                self.take()
        found = call(_NAMES.get(name.id, name.id), args, name)
        return joined(found, name, _at(ast.Constant(0), self.take()))


def _at(node: N, token: _Token) -> N:
    node.lineno = node.end_lineno = token.line + 1
    node.col_offset, node.end_col_offset = token.start, token.start + len(token.text)
    return node


_CONSTANTS = {"vector": 1, "matrix": 2}  # with how many sizes, which their place gives
_ENTRYWISE = {"+": "+", "-": "-", "*": ".*", "/": "./", "**": ".^"}


class MatrixReader(Elaborator):
    """Reads the trees that ``matrixcalculus.parse`` makes."""

    signs: ClassVar[dict[type[ast.operator], str]] = {
        **Elaborator.signs,
        ast.FloorDiv: "quotient",
        ast.BitXor: "power",
    }

    def read(self, at: ast.expr) -> Expr:
        """Return the expression that a syntax tree stands for."""
        if isinstance(at, ast.Call) and isinstance(at.func, ast.Name):
            name, fresh = at.func.id, self.unifier.fresh
            if name == "eye" and not at.args:
                return eye(fresh())
            if name in _CONSTANTS:
                found = ApplicationReader(self, self.read, at, name)
                found.expect(1)
                filled = ones(*(fresh() for _ in range(_CONSTANTS[name])))
                value = found.expr(0)
                is_one = value.is_number and number(value) == 1
                return filled if is_one else mul(value, filled)
        if isinstance(at, ast.Name) and at.id == "e" and not self._is_known("e"):
            return self._undeclared(at)
        return super().read(at)

    def _is_known(self, name: str) -> bool:
        return any(name in x for x in (self.declared.variables, self.definitions, self.inferred))

    def _combine(self, sign: str, at: ast.BinOp, left: Expr, right: Expr) -> Expr:
        if sign == "@":
            self._check_product(at, left, right)
        elif sign == "quotient":
            self._check_scalar(at, right)
            sign = "/"
        elif sign == "power":
            if not left.is_scalar:
                return self._matrix_power(at, left, right)
            self._check_scalar(at, right)
            sign = "**"
        else:
            self._check_shapes(sign, at, left, right)
        return super()._combine(sign, at, left, right)

    def _check_product(self, at: ast.BinOp, left: Expr, right: Expr) -> None:
        a, b = self.shape(left), self.shape(right)
        if SCALAR in (a, b):
            return
        x, y = self.source(at.left), self.source(at.right)
        remedy = "the columns of the left factor must be as many as the rows of the right"
        if a[1] == ONE and b[1] == ONE:
            remedy = f"write ({x})'*({y}), ({x})*({y})' or ({x}).*({y})"
        error = self._mismatch(at, left, right, remedy)
        # A size that is not known yet is never taken as 1: x*y of two vectors is a slip.
        if (a[1] == ONE) != (b[0] == ONE):
            raise error
        self.unify(a[1], b[0], lambda: error)

    def _check_shapes(self, sign: str, at: ast.BinOp, left: Expr, right: Expr) -> None:
        a, b = self.shape(left), self.shape(right)
        if SCALAR in (a, b):
            return
        remedy = f"both sides of {_ENTRYWISE[sign]} must have one shape, or one be a scalar"
        error = self._mismatch(at, left, right, remedy)
        for p, q in zip(a, b, strict=True):
            if (p == ONE) != (q == ONE):
                raise error
            self.unify(p, q, lambda: error)

    def _mismatch(self, at: ast.BinOp, left: Expr, right: Expr, remedy: str) -> LanguageError:
        a, b = _described(self.shape(left)), _described(self.shape(right))
        return ShapeError(
            f"{self.source(at.left)} is {a} and {self.source(at.right)} is {b}",
            span=self.between(at.left, at.right),
            remedy=remedy,
        )

    def _check_scalar(self, at: ast.BinOp, right: Expr) -> None:
        if not right.is_scalar:
            sign = "/" if isinstance(at.op, ast.FloorDiv) else "^"
            raise ShapeError(
                f"{self.source(at.right)} is {_described(self.shape(right))}; what follows {sign} "
                "is a scalar",
                span=self.span(at.right),
                remedy=f"entry by entry it is written .{sign}",
            )

    def _matrix_power(self, at: ast.BinOp, left: Expr, right: Expr) -> Expr:
        """Return A^k: a power of the matrix, never of its entries."""
        rows, cols = self.shape(left)
        remedy = "entry by entry it is written .^; of a square matrix, A^2 and A^-1"
        whole = right.is_number and number(right).denominator == 1 and number(right) >= -1
        if not whole or ONE in (rows, cols):
            raise UnsupportedError(
                f"{self.source(at)}: no such power of a matrix",
                span=self.between(at.left, at.right),
                remedy=remedy,
            )
        self.unify(rows, cols, lambda: self._mismatch(at, left, left, remedy))
        if number(right) == -1:
            return self.read(call("inv", [at.left], at))
        return self.read(call("matrix_power", [at.left, at.right], at))


def _described(shape: Shape) -> str:
    """Return a shape, or what kind it is where a size of it is not known yet."""
    if not any(d.is_unknown for d in shape):
        return describe(shape)
    if ONE in shape:
        return "a column" if shape[1] == ONE else "a row"
    return "a matrix"
