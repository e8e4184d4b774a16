"""Notation read aloud: the alternative text of an equation in an accessible PDF.

Purpose: a short English reading, ``partial L by partial W equals X transpose times G``.
Contract: pure and deterministic; only ASCII words, digits and the writer's own letters; no node is
skipped. Must not know expressions or operators, nor say what a formula means.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symderiv.notation.identifiers import GREEK_NAMES, name_of, scientific
from symderiv.notation.math import (
    DIFFERENTIAL,
    PARTIAL,
    TRANSPOSE,
    Big,
    Brace,
    Fence,
    Frac,
    Grid,
    Math,
    Num,
    Op,
    Root,
    Row,
    Script,
    Sym,
    Tint,
    Under,
    Word,
    row,
)
from symderiv.notation.spacing import Gap, gap, items_of

_SIGNS = {
    "+": "plus",
    "−": "minus",
    "-": "minus",
    "·": "times",
    "⊙": "entrywise times",
    "⊗": "Kronecker times",
    "⊘": "entrywise over",
    "=": "equals",
    "≠": "is not equal to",
    "∈": "in",
    "<": "is less than",
    ">": "is greater than",
    "≤": "is at most",
    "≥": "is at least",
    "≔": "is defined as",
    "→": "to",
    "↦": "maps to",
    "⟹": "implies",
    "≈": "is approximately",
    "×": "by",
    ":": ":",
    "/": "over",
}
_WORDS = {
    "⊤": "transpose",
    "∂": "partial",
    "∇": "gradient of",
    "∞": "infinity",
    "…": "and so on",
    "⋯": "and so on",
    "⋮": "and so on",
    "⋱": "and so on",
    "′": "prime",
    "⋆": "star",
    "∗": "star",
    "ℝ": "the reals",
    "tr": "trace",
    "det": "determinant",
    "exp": "exponential",
    "diag": "diagonal",
    "ln": "log",
}
_BIG = {"∑": "sum", "∏": "product", "∫": "integral", "⋃": "union"}
_CONSTANTS = {"1": "ones", "0": "zeros"}
_ACCENTS = {"ddot": "double dot", "vec": "vector"}
_POWERS: dict[Math, str] = {
    TRANSPOSE: "transpose",
    Num("2"): "squared",
    Num("3"): "cubed",
    row(Op("−"), Num("1")): "inverse",
    row(Op("−"), TRANSPOSE): "inverse transpose",
    Word("′", function=False): "prime",
    Word("⋆", function=False): "star",
}
_FENCES = {
    "‖": ("the norm of", "end norm"),
    "|": ("the absolute value of", "end absolute value"),
    "⟨": ("the inner product of", "end inner product"),
    "(": ("open paren", "close paren"),
    "[": ("open bracket", "close bracket"),
    "{": ("open brace", "close brace"),
    "⌊": ("the floor of", "end floor"),
    "⌈": ("the ceiling of", "end ceiling"),
}
_BETWEEN = {Gap.NONE: "times", Gap.THIN: "times", Gap.INNER: "times", Gap.NOTED: "times"}
_BETWEEN |= {Gap.DOT: "times"}
_SINGLE = (Sym, Num, Word, Script, Grid)


def words(math: Math) -> str:
    """Return a plain English reading.

    >>> from symderiv.notation.math import fraction_of_partials, sup
    >>> gradient = fraction_of_partials(Sym("L"), Sym("W"))
    >>> words(row(gradient, Op("="), sup(Sym("X"), TRANSPOSE), Sym("G")))
    'partial L by partial W equals X transpose times G'
    >>> words(Script(Fence("‖", Sym("x_hat"), "‖"), sup=Num("2")))
    'the norm of x hat squared'
    """
    return _Words().show(math).replace(" ,", ",").replace(" :", ":").rstrip(",")


class _Words:
    """One method per node class, named after it."""

    def show(self, node: Math) -> str:
        method: Callable[[Any], str] = getattr(self, type(node).__name__.lower())
        return method(node)

    def sym(self, node: Sym) -> str:
        name = name_of(node)
        core = GREEK_NAMES.get(name.core, name.core).replace("_", " ")
        core = _CONSTANTS.get(core, core) if name.bold else core
        parts = [name.prefix, core, _ACCENTS.get(name.accent, name.accent)]
        if name.sub is not None:
            parts.append(f"sub {self._index(name.sub)}")
        if name.sup is not None:
            parts += [_WORDS.get(self.show(part), self.show(part)) for part in _items(name.sup)]
        return " ".join(part for part in parts if part)

    def num(self, node: Num) -> str:
        power = scientific(node.text)
        if power is None:
            return node.text
        factor = "" if power[0] == "1" else f"{power[0]} times "
        return f"{factor}10 to the power {power[1].replace('-', 'minus ')}"

    def op(self, node: Op) -> str:
        return _SIGNS.get(node.char, node.char)

    def word(self, node: Word) -> str:
        return _WORDS.get(node.text, node.text.replace("_", " "))

    def row(self, node: Row) -> str:
        items = items_of(node)
        parts: list[str] = []
        for i, item in enumerate(items):
            link = self._link(items[i - 1], item) if i else ""
            parts += [link] if link else []
            parts.append(self._argument(item) if link == "of" else self.show(item))
        return " ".join(part for part in parts if part)

    def _link(self, left: Math, right: Math) -> str:
        """Return the word between two neighbours: times, of, or nothing."""
        between = gap(left, right)
        a, b = _bare(left), _bare(right)
        if isinstance(a, Op) or isinstance(b, Op) or between is Gap.WORD or a in _CHANGES:
            return ""
        if isinstance(a, Word) and a.function:
            return "of"
        if between is Gap.APPLY and isinstance(b, Fence):
            # f(x) and A(x) look alike: of a single thing it is said, of a sum left open.
            named = isinstance(a, Sym) and isinstance(_bare(b.body), _SINGLE)
            return "of" if named else "" if isinstance(a, Sym) else "times"
        return "times" if between in _BETWEEN or between is Gap.OPERATOR else ""

    def _argument(self, node: Math) -> str:
        """Return what follows ``of``: parentheses around a single thing are not read."""
        bare = _bare(node)
        if isinstance(bare, Fence) and bare.left == "(" and isinstance(_bare(bare.body), _SINGLE):
            return self.show(bare.body)
        return self.show(node)

    def frac(self, node: Frac) -> str:
        over, under = self.show(node.over), self.show(node.under)
        if _is_partial(node.over) and _is_partial(node.under):
            return f"{over} by {under}"
        if _is_single(node.over) and _is_single(node.under):
            return f"{over} over {under}"
        return f"the fraction {over} over {under} end fraction"

    def script(self, node: Script) -> str:
        text = self.show(node.base)
        if node.sub is not None:
            text += f" sub {self._index(node.sub)}"
        if node.sup is not None:
            text += " " + (_POWERS.get(node.sup) or f"to the power {self.show(node.sup)}")
        return text

    def _index(self, node: Math) -> str:
        """Return indices one after the other, as they are read: i j."""
        return " ".join(self.show(item) for item in _items(node) if item != Op(","))

    def root(self, node: Root) -> str:
        return f"the square root of {self.show(node.body)}" + _end(node.body, "root")

    def fence(self, node: Fence) -> str:
        opening, closing = _FENCES.get(node.left, (node.left, node.right))
        body = self.show(node.body)
        if node.left in "‖|" and _is_single(node.body):
            return f"{opening} {body}"
        if node.left == "⟨":
            body = body.replace(" ,", " and", 1)
        return f"{opening} {body} {closing}"

    def big(self, node: Big) -> str:
        text = f"the {_BIG.get(node.char, node.char)}"
        if node.lower is not None:
            text += f" over {self.show(node.lower).replace('equals', 'from', 1)}"
        if node.upper is not None:
            text += f" to {self.show(node.upper)}"
        return f"{text} of {self.show(node.body)}"

    def under(self, node: Under) -> str:
        return f"{self.show(node.body)}, {self.show(node.note)},"

    def brace(self, node: Brace) -> str:
        return f"{self.show(node.body)}, which is {self.show(node.label)},"

    def grid(self, node: Grid) -> str:
        lines = [", ".join(self.show(cell) for cell in line) for line in node.rows]
        columns = len(node.rows[0]) if node.rows else 0
        body = "; ".join(f"row {i}: {line}" for i, line in enumerate(lines, start=1))
        return f"the {len(lines)} by {columns} matrix with {body}; end matrix"

    def tint(self, node: Tint) -> str:
        return self.show(node.body)


_CHANGES = (PARTIAL, DIFFERENTIAL)


def _bare(node: Math) -> Math:
    return _bare(node.body) if isinstance(node, Tint) else node


def _items(node: Math) -> tuple[Math, ...]:
    return items_of(node) if isinstance(node, Row) else (node,)


def _is_single(node: Math) -> bool:
    return isinstance(_bare(node), _SINGLE)


def _is_partial(node: Math) -> bool:
    bare = _bare(node)
    return isinstance(bare, Row) and len(bare.items) == 2 and bare.items[0] == PARTIAL


def _end(body: Math, what: str) -> str:
    return "" if _is_single(body) else f" end {what}"
