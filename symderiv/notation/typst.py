"""Notation as Typst mathematics (without dollar signs).

Purpose: print the tree so that it looks as the LaTeX does, in Typst's own markup.
Contract: pure; every identifier that the writer chose is either one letter or a quoted string, so
that no name can be taken for a Typst function; commas, colons and slashes that are meant as signs
cannot be taken for syntax. Must not know expressions or operators: only the nodes of the tree.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from symderiv.notation.identifiers import Name, name_of, scientific
from symderiv.notation.math import (
    WRONG,
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
from symderiv.notation.spacing import Gap, gap, indices, is_numeric, items_of, opens, unstacked

# Signs that Typst's syntax would claim, or that have a better character in mathematics.
_SIGNS = {
    ",": "comma",
    ":": 'class("punctuation", colon)',
    ";": "semi",
    "<": "lt",
    ">": "gt",
    "·": "⋅",
    "-": "−",
    "/": "slash",
    ".": "dot.basic",
    "*": "ast.basic",
}
_DELIMITERS = {"(": r"\(", ")": r"\)", "[": r"\[", "]": r"\]", "{": r"\{", "}": r"\}", "|": r"\|"}
_ROUND = frozenset("()[]{}")
_ACCENTS = {"bar": "macron", "ddot": "dot.double", "vec": "arrow"}
_LIMITED = frozenset(["max", "min", "sup", "inf", "lim", "det", "gcd", "Pr", "argmax", "argmin"])
_SPACES = {
    Gap.NONE: " ",
    Gap.APPLY: " ",
    Gap.OPERATOR: " ",
    Gap.INNER: " thin ",
    Gap.THIN: " thin ",
    Gap.NOTED: " med ",
    Gap.WORD: " med ",
    Gap.DOT: " ⋅ ",
}
_SCRIPT_SPACES = _SPACES | {Gap.THIN: " ", Gap.DOT: " "}
_NAME = re.compile(r"[A-Za-z][\w-]*")
_WORD_LAST = re.compile(r'"\)+$')
_WORD_FIRST = re.compile(r'(\w+\()*(italic|bold|upright)\("')
_HEX = re.compile(r"#[0-9A-Fa-f]{6}")


def typst(math: Math, *, colors: Mapping[str, str] | None = None) -> str:
    """Return Typst mathematics, to be put between dollar signs.

    ``colors`` gives for each role a Typst colour expression (a variable, ``rgb("#0b62a4")``) or
    ``#rrggbb``. A role that is not in it is not coloured.

    >>> from symderiv.notation.math import TRANSPOSE, fraction_of_partials, sup
    >>> gradient = fraction_of_partials(Sym("L"), Sym("W"))
    >>> typst(row(gradient, Op("="), sup(Sym("X"), TRANSPOSE), Sym("G")))
    'frac(∂ L, ∂ W) = X^(⊤) G'
    >>> typst(Tint("input", Sym("x_hat")), colors={"input": "c-blue"})
    'text(fill: #c-blue, hat(x))'
    """
    return _Typst(colors or {}).show(math)


class _Typst:
    """One method per node class, named after it."""

    def __init__(self, colors: Mapping[str, str]) -> None:
        self.colors = colors

    def show(self, node: Math) -> str:
        method: Callable[[Any], str] = getattr(self, type(node).__name__.lower())
        return method(node)

    def sym(self, node: Sym) -> str:
        name = name_of(node)
        return self._scripts(_core(name, node.bold or name.bold), name.sub, name.sup)

    def num(self, node: Num) -> str:
        power = scientific(node.text)
        if power is None:
            return node.text
        factor = "" if power[0] == "1" else f"{power[0]} ⋅ "
        return f"{factor}10^({power[1].replace('-', '−')})"

    def op(self, node: Op) -> str:
        return _SIGNS.get(node.char, node.char)

    def word(self, node: Word) -> str:
        if node.function:
            limits = ", limits: #true" if node.text in _LIMITED else ""
            return f"op({_quoted(node.text)}{limits})"
        if len(node.text) == 1 and not node.text.isascii():
            return node.text
        return f"upright({node.text if len(node.text) == 1 else _quoted(node.text)})"

    def row(self, node: Row, spaces: Mapping[Gap, str] = _SPACES) -> str:
        items = items_of(node)
        text = ""
        for i, item in enumerate(items):
            shown = self.show(item)
            if spaces is _SCRIPT_SPACES and item == Op(","):
                shown = r"\,"  # needs no space after it, which would show before a word
            space = spaces[gap(items[i - 1], item)] if i else ""
            text += ("" if space == " " and _may_touch(text, shown) else space) + shown
        return text

    def frac(self, node: Frac) -> str:
        return f"frac({self.show(node.over)}, {self.show(node.under)})"

    def script(self, node: Script) -> str:
        node = unstacked(node)
        if isinstance(node.base, Sym):
            name = name_of(node.base)
            core = _core(name, node.base.bold or name.bold)
            above = [part for part in (name.sup, node.sup) if part is not None]
            return self._scripts(core, node.sub or name.sub, row(*above) if above else None)
        base = self.show(node.base)
        if isinstance(node.base, (Under, Brace)):
            base = f"scripts({base})"
        elif isinstance(node.base, (Row, Script, Big)):
            base = f'class("normal", {base})'
        return self._scripts(base, node.sub, node.sup)

    def _scripts(self, base: str, below: Math | None, above: Math | None) -> str:
        if below is not None:
            base += f"_({self._small(below)})"
        if above is not None:
            base += f"^({self._small(above)})"
        return base

    def _small(self, node: Math) -> str:
        """Return a script: side by side means one index after the other, not a product."""
        body = indices(node)
        return self.row(body, _SCRIPT_SPACES) if isinstance(body, Row) else self.show(body)

    def root(self, node: Root) -> str:
        return f"sqrt({self.show(node.body)})"

    def fence(self, node: Fence) -> str:
        left = _DELIMITERS.get(node.left, node.left)
        right = _DELIMITERS.get(node.right, node.right)
        body = self.show(node.body)
        if node.left in _ROUND and node.right in _ROUND and not node.body.tall:
            return f"{left}{body}{right}"  # escaped: these do not grow
        return f"lr({left} {body} {right})"

    def big(self, node: Big) -> str:
        sign = node.char if len(node.char) == 1 else self.word(Word(node.char))
        space = _SPACES[Gap.THIN] if opens(node.body) else " "
        body = self.show(node.body)
        return f"{self._scripts(sign, node.lower, node.upper)}{space}{body}".rstrip()

    def under(self, node: Under) -> str:
        note = f"text(size: #0.9em, {self.show(node.note)})"
        note = self._coloured("note", note)
        return f"attach(limits({self.show(node.body)}), b: {note})"

    def brace(self, node: Brace) -> str:
        return f"underbrace({self.show(node.body)}, {self.show(node.label)})"

    def grid(self, node: Grid) -> str:
        rows = "; ".join(", ".join(self.show(cell) for cell in line) for line in node.rows)
        numbers = all(is_numeric(cell) for line in node.rows for cell in line)
        return f'mat(delim: "["{", align: #right" if numbers else ""}, {rows})'

    def tint(self, node: Tint) -> str:
        if node.role == WRONG:
            return self._coloured(WRONG, f"underline({self.show(node.body)})")
        return self._coloured(node.role, self.show(node.body))

    def _coloured(self, role: str, body: str) -> str:
        colour = self.colors.get(role)
        if colour is None:
            return body
        if _HEX.fullmatch(colour):
            colour = f'rgb("{colour}")'
        fill = colour if _NAME.fullmatch(colour) else f"({colour})"
        return f"text(fill: #{fill}, {body})"


def _core(name: Name, bold: bool) -> str:
    """Return a name's letter with its accent, without scripts."""
    if name.is_word:
        text = f"{'bold' if bold else 'italic'}({_quoted(name.core)})"
    elif name.core.isalnum():
        text = f"bold({name.core})" if bold else name.core
        text = f"upright({text})" if bold and name.core.isascii() else text
    else:
        text = _quoted(name.core)
    if name.accent:
        text = f"{_ACCENTS.get(name.accent, name.accent)}({text})"
    return f"upright({name.prefix}) {text}" if name.prefix else text


def _may_touch(left: str, right: str) -> bool:
    """Return whether to leave out the space between two pieces.

    A space beside quoted text shows in Typst; elsewhere it does not, and is kept for reading.
    """
    if right == r"\," or left.endswith(r"\,"):
        return True
    word = _WORD_LAST.search(left) or _WORD_FIRST.match(right)
    return bool(word) and not (left[-1].isalnum() and right[0].isalnum())


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
