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
from typing import ClassVar, TypeVar

from ..core.errors import LanguageError, ParseError, ShapeError, Span, UnsupportedError
from ..core.expr import Expr, eye, mul, number, ones
from ..core.shapes import ONE, SCALAR, Shape, describe
from .calls import ApplicationReader
from .elaborate import Elaborator
from .grammar import Statement, check_brackets, prepared

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
N = TypeVar("N", bound=ast.expr)
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
        return self.chain(SUMS, self.product)

    def product(self) -> ast.expr:
        return self.chain(PRODUCTS, self.signed)

    def chain(
        self, signs: dict[str, type[ast.operator]], operand: Callable[[], ast.expr]
    ) -> ast.expr:
        """Return operands of equal precedence, joined from the left."""
        left = operand()
        while self.sees(*signs):
            op = signs[self.take().text]()
            right = operand()
            left = _between(ast.BinOp(left, op, right), left, right)
        return left

    def signed(self) -> ast.expr:
        signs: list[_Token] = []
        while self.sees("+", "-"):
            signs.append(self.take())
        result = self.power()
        for token in reversed(signs):
            op: ast.unaryop = ast.USub() if token.text == "-" else ast.UAdd()
            result = _from(ast.UnaryOp(op, result), token, result)
        return result

    def power(self) -> ast.expr:
        result = self.transposed(self.atom())
        if not self.sees(*POWERS):
            return result
        op = POWERS[self.take().text]()
        signs: list[_Token] = []
        while self.sees("+", "-"):
            signs.append(self.take())
        exponent = self.atom()
        for token in reversed(signs):
            sign: ast.unaryop = ast.USub() if token.text == "-" else ast.UAdd()
            exponent = _from(ast.UnaryOp(sign, exponent), token, exponent)
        result = self.transposed(_between(ast.BinOp(result, op, exponent), result, exponent))
        if self.sees(*POWERS):
            raise self.fail(
                "a power of a power can be read in two ways",
                self.next,
                "write (a^b)^c or a^(b^c)",
            )
        return result

    def transposed(self, result: ast.expr) -> ast.expr:
        while self.sees("'", ".'"):
            mark = self.take()
            turned = _place(ast.Attribute(result, "T", ast.Load()), result)
            turned.end_lineno, turned.end_col_offset = mark.line + 1, mark.start + len(mark.text)
            result = turned
        return result

    def atom(self) -> ast.expr:
        token = self.next
        if token.kind == "number":
            self.take()
            whole = token.text.isdecimal()
            value = int(token.text) if whole and len(token.text) < 400 else float(token.text)
            return _at(ast.Constant(value), token)
        if token.kind == "name":
            self.take()
            return self.call(token) if self.sees("(") else self.name(token)
        if self.sees("("):
            self.take()
            inner = self.sum()
            self.closing()
            return inner
        raise self.unexpected()

    def name(self, token: _Token) -> ast.expr:
        name = _at(ast.Name(token.text, ast.Load()), token)
        return _at(ast.Call(name, [], []), token) if token.text == "eye" else name

    def call(self, token: _Token) -> ast.expr:
        function = _at(ast.Name(_NAMES.get(token.text, token.text), ast.Load()), token)
        self.take()
        args: list[ast.expr] = []
        while not self.sees(")"):
            args.append(self.sum())
            if not self.sees(",", ")"):
                raise self.unexpected()
            if self.sees(","):
                self.take()
        end = self.take()
        result = _at(ast.Call(function, args, []), token)
        result.end_lineno, result.end_col_offset = end.line + 1, end.start + 1
        return result

    def closing(self) -> None:
        if not self.sees(")"):
            raise self.unexpected()
        self.take()


def _at(node: N, token: _Token) -> N:
    node.lineno, node.col_offset = token.line + 1, token.start
    node.end_lineno, node.end_col_offset = token.line + 1, token.start + len(token.text)
    return node


def _place(node: N, like: ast.expr) -> N:
    return ast.copy_location(node, like)


def _between(node: N, left: ast.expr, right: ast.expr) -> N:
    _place(node, left)
    node.end_lineno, node.end_col_offset = right.end_lineno, right.end_col_offset
    return node


def _from(node: N, token: _Token, right: ast.expr) -> N:
    node.lineno, node.col_offset = token.line + 1, token.start
    node.end_lineno, node.end_col_offset = right.end_lineno, right.end_col_offset
    return node


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
            build = _SIZED.get(at.func.id)
            if build is not None and not (at.args and at.func.id == "eye"):
                return build(self, ApplicationReader(self, self.read, at, at.func.id))
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
        whole = right.op == "num" and number(right).denominator == 1 and number(right) >= -1
        if not whole or ONE in (rows, cols):
            raise UnsupportedError(
                f"{self.source(at)}: no such power of a matrix",
                span=self.between(at.left, at.right),
                remedy=remedy,
            )
        self.unify(rows, cols, lambda: self._mismatch(at, left, left, remedy))
        name, args = ("inv", [at.left]) if number(right) == -1 else ("matrix_power", [])
        function = ast.copy_location(ast.Name(name, ast.Load()), at)
        args = args or [at.left, at.right]
        return self.read(ast.copy_location(ast.Call(function, args, []), at))


def _described(shape: Shape) -> str:
    """Return a shape, or what kind it is where a size of it is not known yet."""
    if not any(d.is_unknown for d in shape):
        return describe(shape)
    if ONE in shape:
        return "a column" if shape[1] == ONE else "a row"
    return "a matrix"


def _vector(reader: MatrixReader, call: ApplicationReader) -> Expr:
    call.expect(1)
    return _constant(call, ones(reader.unifier.fresh()))


def _matrix(reader: MatrixReader, call: ApplicationReader) -> Expr:
    call.expect(1)
    return _constant(call, ones(reader.unifier.fresh(), reader.unifier.fresh()))


def _constant(call: ApplicationReader, filled: Expr) -> Expr:
    value = call.expr(0)
    return filled if value.op == "num" and number(value) == 1 else mul(value, filled)


def _eye(reader: MatrixReader, call: ApplicationReader) -> Expr:
    return eye(reader.unifier.fresh())


_SIZED: dict[str, Callable[[MatrixReader, ApplicationReader], Expr]] = {
    "vector": _vector,
    "matrix": _matrix,
    "eye": _eye,
}
