"""Formulas as they are written: a tree of the text, in which shapes play no part.

Contract: sums and products are flat, a sign stands in front of its product, and a tree is written
back to a text that reads as the same formula.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from ..core.errors import LanguageError
from ..problems.grammar import only_expression, parse

_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Mult: "*",
    ast.MatMult: "@",
    ast.Div: "/",
    ast.Pow: "**",
}
_SIGNS: dict[type[ast.cmpop], str] = {ast.Gt: ">", ast.Lt: "<", ast.GtE: ">=", ast.LtE: "<="}
_LEVELS = {"compare": 0, "+": 1, "neg": 2, "*": 3, "@": 3, "/": 3, "**": 5}
_FLAT = ("+", "*", "@")
PRODUCTS = ("*", "@", "/")
_ATOM = 9


@dataclass(frozen=True, slots=True)
class WrittenForm:
    """One node: an operator, a call, an index or a name, with what stands in it."""

    op: str  # "+ * @ / ** neg compare T call index name number other"
    args: tuple[WrittenForm, ...] = ()
    data: str = ""  # the name, the number, the index, or the axis of a call

    def __str__(self) -> str:
        return written(self)

    def walk(self) -> Iterator[WrittenForm]:
        """Yield every node."""
        yield self
        for a in self.args:
            yield from a.walk()


def form_of(text: str) -> WrittenForm | None:
    """Return the tree of a text, or None where it is no expression.

    >>> str(form_of("2*X.T@(-G)"))
    '-2 * X.T @ G'
    """
    try:
        return _form(only_expression(parse(text)))
    except (LanguageError, RecursionError):
        return None


def _form(e: ast.expr) -> WrittenForm:
    match e:
        case ast.BinOp(left, ast.Sub(), right):
            return joined("+", _form(left), negative(_form(right)))
        case ast.BinOp(left, op, right) if type(op) in _BINARY:
            return joined(_BINARY[type(op)], _form(left), _form(right))
        case ast.UnaryOp(ast.USub(), operand):
            return negative(_form(operand))
        case ast.Attribute(value, ("T" | "mT") as name):
            return WrittenForm("T", (_form(value),), name)
        case ast.Call(ast.Name(name), args, keywords) if not any(
            isinstance(a, ast.Starred) for a in args
        ):
            more = ", ".join(ast.unparse(k) for k in keywords)
            return WrittenForm("call", tuple(map(_form, args)), f"{name}|{more}")
        case ast.Subscript(value, index):
            return WrittenForm("index", (_form(value),), ast.unparse(index).strip("()"))
        case ast.Compare(left, [sign], [right]) if type(sign) in _SIGNS:
            return WrittenForm("compare", (_form(left), _form(right)), _SIGNS[type(sign)])
        case ast.Name(name):
            return WrittenForm("name", (), name)
        case ast.Constant(int() | float() as number):
            return WrittenForm("number", (), str(number))
    return WrittenForm("other", (), ast.unparse(e))


def negative(x: WrittenForm) -> WrittenForm:
    """Return the negative, without two signs."""
    return x.args[0] if x.op == "neg" else WrittenForm("neg", (x,))


def joined(op: str, *args: WrittenForm) -> WrittenForm:
    """Return a sum or product, flat, its sign in front, and a number before a matrix product."""
    minus = False
    found: list[WrittenForm] = []
    numbers: list[WrittenForm] = []
    for k, a in enumerate(args):
        if op in PRODUCTS and a.op == "neg":
            minus, a = not minus, a.args[0]
        if op == "@" and a.op == "*" and a.args[0].op == "number":
            numbers.append(a.args[0])
            a = joined("*", *a.args[1:])
        flat = a.op == op and op in _FLAT and (op == "+" or k == 0 or op == "*" or a.op == "@")
        found += a.args if flat else (a,)
    whole = found[0] if len(found) == 1 else WrittenForm(op, tuple(found))
    if numbers:
        whole = WrittenForm("*", (*numbers, whole))
    return negative(whole) if minus else whole


def expanded(x: WrittenForm, *, numbers: bool = False) -> WrittenForm:
    """Return a formula with its products multiplied out, or, of ``numbers``, only those by one.

    >>> x = form_of("2 * X.T @ (X @ w - y)")
    >>> str(expanded(x))
    '2 * X.T @ X @ w - 2 * X.T @ y'
    >>> str(expanded(form_of("2 * (X.T @ (X @ w - y) + w)"), numbers=True))
    '2 * X.T @ (X @ w - y) + 2 * w'
    """
    args = [expanded(a, numbers=numbers) for a in x.args]
    if x.op == "T" and args[0].op in ("+", "neg"):
        terms = [WrittenForm("T", (a,), x.data) for a in args[0].args]
        return joined("+", *terms) if args[0].op == "+" else negative(terms[0])
    if x.op == "neg" and args[0].op == "+":
        return joined("+", *map(negative, args[0].args))
    at = next((k for k, a in enumerate(args) if a.op == "+"), None)
    others = [a for k, a in enumerate(args) if k != at]
    allowed = not numbers or all(a.op == "number" for a in others)
    if x.op in ("*", "@") and at is not None and allowed:
        terms = [joined(x.op, *args[:at], a, *args[at + 1 :]) for a in args[at].args]
        return joined("+", *(expanded(a, numbers=numbers) for a in terms))
    if x.op in (*_FLAT, "/"):
        return joined(x.op, *args)
    return WrittenForm(x.op, tuple(args), x.data)


def flipped(x: WrittenForm) -> WrittenForm:
    """Return the transpose with products written out: that of u.T @ v is v.T @ u."""
    if x.op == "T":
        return x.args[0]
    if x.op == "@":
        return joined("@", *map(flipped, reversed(x.args)))
    if x.op in ("*", "+", "neg", "/"):
        return WrittenForm(x.op, tuple(map(flipped, x.args)))
    return x if x.op == "number" else WrittenForm("T", (x,), "T")


def written(x: WrittenForm, level: int = 0) -> str:
    """Return the text of a tree, in parentheses where it binds looser than ``level``."""
    own = _LEVELS.get(x.op, _ATOM)
    body = _body(x, own)
    return f"({body})" if own < level else body


def _body(x: WrittenForm, own: int) -> str:
    match x.op:
        case "+":
            terms = [_signed(a) for a in x.args]
            first = terms[0][1] if terms[0][0] == "+" else f"-{terms[0][1]}"
            return " ".join([first, *(f"{sign} {term}" for sign, term in terms[1:])])
        case "*" | "@" | "/":
            plain = x.op == "*" and all(a.op == "number" for a in x.args[:-1])
            levels = [own + (k > 0 and not (plain and a.op == "@")) for k, a in enumerate(x.args)]
            ends = [written(a, level) for a, level in zip(x.args, levels, strict=True)]
            return f" {x.op} ".join(ends)
        case "**":
            return f"{written(x.args[0], own + 1)} ** {written(x.args[1], own)}"
        case "neg":
            return f"-{written(x.args[0], _LEVELS['*'])}"
        case "compare":
            return f" {x.data} ".join(written(a, 1) for a in x.args)
        case "T":
            return f"{written(x.args[0], _ATOM)}.{x.data}"
        case "index":
            return f"{written(x.args[0], _ATOM)}[{x.data}]"
        case "call":
            name, more = x.data.split("|", 1)
            return f"{name}({', '.join([*map(written, x.args), *([more] if more else [])])})"
    return x.data


def _signed(x: WrittenForm) -> tuple[str, str]:
    return ("-", written(x.args[0], 3)) if x.op == "neg" else ("+", written(x, 2))
