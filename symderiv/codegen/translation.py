"""Generated NumPy source as source for another array library; layout and comments stay.

Contract: what one operator computes is said once, in NumPy, by its table entry; a target says how
each word of NumPy's is spelled in its own library. A word that it has none for is refused by name.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from textwrap import dedent, indent

from ..core.errors import UnsupportedError
from ..core.expr import Expr
from ..ops import TABLE
from .assignments import Assignment
from .numpy_code import Coder

# The functions of plain numbers, for what stands in ``float(..)``.
_MATH = {
    "sqrt", "exp", "log", "log2", "log10", "log1p", "expm1", "sin", "cos", "tan", "sinh", "cosh",
    "tanh", "pi", "e",
}  # fmt: skip
_ATOMS = (ast.Name, ast.Call, ast.Attribute, ast.Subscript)
_PLAIN = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "abs": "fabs"}


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is translated: its arguments and keywords as source of the target.

    ``is_number`` says of each argument whether it is a plain number of Python's.
    """

    arguments: tuple[str, ...]
    keywords: Mapping[str, str]
    is_number: tuple[bool, ...] = ()

    def to(self, name: str, *more: str) -> str:
        """Return the call of another function, with further arguments."""
        named = (f"{k}={v}" for k, v in self.keywords.items())
        return f"{name}({', '.join([*self.arguments, *more, *named])})"

    def without(self, *names: str) -> Call:
        """Return the call without some of its keywords."""
        return replace(self, keywords={k: v for k, v in self.keywords.items() if k not in names})


Word = str | Callable[[Call], str]


@dataclass(frozen=True)
class ArrayLibrary:
    """An array library: how its code is named, imported and spelled.

    ``words`` has NumPy's and SciPy's names without ``np.``, ``methods`` those of arrays that are
    called otherwise, ``calls`` the helpers that the library has functions for, ``helpers`` the
    sources of the others.
    """

    name: str
    title: str
    read: str
    words: Mapping[str, Word]
    methods: Mapping[str, Callable[[str, Call], str]]
    keywords: Mapping[str, str]
    calls: Mapping[str, Word]
    helpers: Mapping[str, str]
    transpose: str
    numbers: frozenset[str] = field(default_factory=frozenset)

    def code(self, source: str) -> str:
        """Return an expression or statements of NumPy's, in the words of this library."""
        return _Translator(self, source).whole()

    def assignments(self, lines: Iterable[Assignment]) -> list[Assignment]:
        """Return assignments with their code in the words of this library."""
        return [replace(line, code=self.code(line.code)) for line in lines]

    def body(self, lines: Iterable[str]) -> list[str]:
        """Return the lines of a function, at their margin."""
        whole = dedent("\n".join(lines))
        return indent(self.code(whole), "    ").split("\n")

    def sources(self, *bodies: str) -> list[str]:
        """Return the helpers that code calls, with those that they call themselves."""
        wanted: set[str] = set()
        stack = list(bodies)
        while stack:
            fresh = names_in(stack.pop()) & self.helpers.keys() - wanted
            wanted |= fresh
            stack += (self.helpers[name] for name in fresh)
        return [source for name, source in self.helpers.items() if name in wanted]

    def require(self, expressions: Iterable[Expr]) -> None:
        """Refuse an expression with an operator that this library has no code for, by its name."""
        for e in expressions:
            operator = TABLE[e.op]
            coder = Coder({a: f"x{k}" for k, a in enumerate(e.args)})
            try:
                self.code(operator.numpy(e, coder))
            except UnsupportedError as error:
                name = operator.spelled or operator.name
                raise UnsupportedError(
                    f"{name} has no code for {self.title}, which has no {error.subject}",
                    remedy=f"write the NumPy module (--format py), or {name} in other functions",
                ) from None


class _Translator:
    """Goes over the syntax tree and gives every node its text: its own where nothing changes."""

    def __init__(self, target: ArrayLibrary, source: str) -> None:
        self.target = target
        self.bytes = source.encode()
        self.tree = ast.parse(source)
        starts = [0]
        for line in source.split("\n"):
            starts.append(starts[-1] + len(line.encode()) + 1)
        self.starts = starts
        self.in_number = False

    def whole(self) -> str:
        return self._spliced(self.tree, 0, len(self.bytes))

    def _span(self, node: ast.expr | ast.stmt | ast.keyword) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self.starts[node.lineno - 1] + node.col_offset
        return start, self.starts[node.end_lineno - 1] + node.end_col_offset

    def _spliced(self, node: ast.AST, start: int, end: int) -> str:
        """Return the text of a node with those of the expressions in it."""
        parts, at = [], start
        spans = sorted((*self._span(c), c) for c in self._inside(node))
        for first, last, child in spans:
            parts += [self.bytes[at:first].decode(), self.text(child)]
            at = last
        return "".join([*parts, self.bytes[at:end].decode()])

    def _inside(self, node: ast.AST) -> Iterable[ast.expr]:
        """Yield the outermost expressions and statements inside a node."""
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                yield child
            else:
                yield from self._inside(child)

    def text(self, node: ast.expr) -> str:
        """Return an expression in the words of the target."""
        if isinstance(node, ast.Call):
            found = self._call(node)
            if found is not None:
                return found
        if isinstance(node, ast.Attribute):
            name = _dotted(node)
            if name:
                return self._constant(name)
            if node.attr == "T":
                return f"{self._operand(node.value)}.{self.target.transpose}"
        return self._spliced(node, *self._span(node))

    def _operand(self, node: ast.expr) -> str:
        """Return what stands before a point, in parentheses where it needs them."""
        text = self.text(node)
        return text if isinstance(node, _ATOMS) else f"({text})"

    def _constant(self, name: str) -> str:
        if name in ("pi", "e"):
            return f"math.{name}"
        word = self.target.words.get(name)
        if not isinstance(word, str):
            raise UnsupportedError(name)
        return word

    def _call(self, node: ast.Call) -> str | None:
        """Return a call, where the target writes it otherwise."""
        name = _dotted(node.func)
        plain = node.func.id if isinstance(node.func, ast.Name) else ""
        if plain == "float" and not self.in_number:
            self.in_number = True
            inside = self.text(node.args[0])
            self.in_number = False
            return inside if _is_from_math(inside) else f"float({inside})"
        if self.in_number and name:
            return self._number(name, node)
        if name == "asarray" and _dotted(_function_of(node.args[0])) == "where":
            inner = node.args[0]
            assert isinstance(inner, ast.Call)
            return self._function("where of numbers", self._parts(inner))
        call = self._parts(node)
        if name:
            return self._function(name, call)
        if plain in self.target.calls:
            return _applied(self.target.calls[plain], call)
        if plain.startswith("_") and plain not in ("_read", "_forward"):
            if plain not in self.target.helpers:
                raise UnsupportedError(plain.strip("_"))
            return call.to(plain) if self._is_renamed(node) else None
        if isinstance(node.func, ast.Attribute) and not isinstance(node.func.value, ast.Constant):
            value = self._operand(node.func.value)
            method = self.target.methods.get(node.func.attr)
            if method:
                return method(value, call)
            return call.to(f"{value}.{node.func.attr}") if self._is_renamed(node) else None
        return None

    def _is_renamed(self, node: ast.Call) -> bool:
        return any(k.arg in self.target.keywords for k in node.keywords)

    def _function(self, name: str, call: Call) -> str:
        word = self.target.words.get(name)
        if word is None:
            raise UnsupportedError(name)
        return _applied(word, call)

    def _number(self, name: str, node: ast.Call) -> str:
        """Return a function of plain numbers: that of ``math``, or NumPy's."""
        if name == "real":
            return self.text(node.args[0])
        inside = [self.text(a) for a in node.args]
        if name in _MATH or name in _PLAIN:
            return f"math.{_PLAIN.get(name, name)}({', '.join(inside)})"
        kept = (k for k in node.keywords if not (k.arg == "dtype" and _is_name(k.value, "dtype")))
        inside += [f"{k.arg}={self.text(k.value)}" for k in kept]
        module = "scipy" if name.startswith(("special.", "linalg.expm")) else "np"
        return f"{module}.{name}({', '.join(inside)})"

    def _is_number(self, node: ast.expr) -> bool:
        """Whether an expression is made of literals, sizes, and of what ``float`` gives."""
        if isinstance(node, ast.Call):
            return _is_name(node.func, "float")
        if isinstance(node, ast.Name):
            return node.id in self.target.numbers
        if isinstance(node, ast.Constant):
            return isinstance(node.value, int | float)
        if isinstance(node, ast.BinOp):
            return self._is_number(node.left) and self._is_number(node.right)
        return isinstance(node, ast.UnaryOp) and self._is_number(node.operand)

    def _parts(self, node: ast.Call) -> Call:
        """Return the arguments of a call as source."""
        renamed = self.target.keywords
        arguments = [self.text(a) for a in node.args]
        keywords = {renamed.get(k.arg, k.arg): self.text(k.value) for k in node.keywords if k.arg}
        return Call(tuple(arguments), keywords, tuple(map(self._is_number, node.args)))


def _applied(word: Word, call: Call) -> str:
    return call.to(word) if isinstance(word, str) else word(call)


def names_in(source: str) -> set[str]:
    """Return the names that source mentions."""
    return {n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name)}


def _dotted(node: ast.expr) -> str:
    """Return the name of what NumPy or SciPy has, without ``np.`` and ``scipy.``; else nothing."""
    if not isinstance(node, ast.Attribute):
        return ""
    if isinstance(node.value, ast.Name):
        return node.attr if node.value.id in ("np", "scipy") else ""
    above = _dotted(node.value)
    return f"{above}.{node.attr}" if above else ""


def _function_of(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _is_from_math(code: str) -> bool:
    """Whether source is one value of the module ``math``: a float as it is."""
    tree = ast.parse(code, mode="eval").body
    at = _function_of(tree)
    return isinstance(at, ast.Attribute) and _is_name(at.value, "math")


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
