r"""Notation as LaTeX, for amsmath + mathtools + xcolor, amsmath alone, or GitHub's MathJax.

Purpose: print the tree, in one line, so that spacing survives colour and no script is stacked.
Contract: pure; the text compiles in math mode; dialect ``github`` uses no macro that GitHub blocks
(``\operatorname``, ``\mbox``, ``\phantom``, ``\colorbox``, ``\bm``, ``\htmlClass``), never starts
with a Markdown list or quote sign and has fewer than 50 colours.
Must not know expressions or operators: only the nodes of the tree.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, Literal

from symderiv.notation.identifiers import GREEK_LATEX, Name, name_of, scientific
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
from symderiv.notation.spacing import (
    Gap,
    gap,
    indices,
    is_numeric,
    is_unary,
    items_of,
    opens,
    unstacked,
)

Dialect = Literal["latex", "amsmath", "github"]

_BUILT_IN = (
    "arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim liminf"
    " limsup ln log max min Pr sec sin sinh sup tan tanh"
)
_FUNCTIONS = frozenset(_BUILT_IN.split())
_RELATIONS = {
    "=": "=",
    "≠": r"\neq",
    "∈": r"\in",
    "<": "<",
    ">": ">",
    "≤": r"\leq",
    "≥": r"\geq",
    "≔": r"\coloneqq",
    "→": r"\to",
    "⟹": r"\implies",
    "≈": r"\approx",
    "∝": r"\propto",
    "≡": r"\equiv",
    "↦": r"\mapsto",
}
_BINARIES = {
    "+": "+",
    "−": "-",
    "-": "-",
    "±": r"\pm",
    "·": r"\cdot",
    "⊙": r"\odot",
    "×": r"\times",
    "⊗": r"\otimes",
    "∘": r"\circ",
    "⊘": r"\oslash",
    "/": "/",
}
_PUNCTUATION = {",": ",", ":": r"\colon", ";": ";", ".": "."}
_SIGNS = _RELATIONS | _BINARIES | _PUNCTUATION
# What GitHub's MathJax lacks, or Markdown could take for HTML.
_DIALECT_SIGNS: dict[str, dict[str, str]] = {
    "latex": {},
    "amsmath": {"≔": r"\mathrel{:=}"},
    "github": {"<": r"\lt", ">": r"\gt", "≔": r"\mathrel{:=}"},
}
_CLASSES = (
    dict.fromkeys(_RELATIONS, r"\mathrel")
    | dict.fromkeys(_BINARIES, r"\mathbin")
    | dict.fromkeys(_PUNCTUATION, r"\mathpunct")
)
_SYMBOLS = {
    "⊤": r"\top",
    "∂": r"\partial",
    "∇": r"\nabla",
    "∞": r"\infty",
    "…": r"\ldots",
    "⋯": r"\cdots",
    "⋮": r"\vdots",
    "⋱": r"\ddots",
    "′": r"\prime",
    "⋆": r"\star",
    "∗": r"\ast",
    "†": r"\dagger",
    "ℓ": r"\ell",
    "ℝ": r"\mathbf{R}",  # \mathbb would need amsfonts
    "∅": r"\emptyset",
    "∀": r"\forall",
    "∃": r"\exists",
}
_SPECIAL = {
    "\\": r"\backslash",
    "^": r"\wedge",
    "~": r"\sim",
    "|": r"\vert",
    "<": "{<}",
    ">": "{>}",
    "*": r"\ast",
}
_SPECIAL |= {char: f"\\{char}" for char in "_#$%&{}"}
_TEXT_MACROS = _SPECIAL | GREEK_LATEX | _SYMBOLS
_DELIMITERS = {
    "(": "(",
    ")": ")",
    "[": "[",
    "]": "]",
    "{": r"\lbrace",
    "}": r"\rbrace",
    "⟨": r"\langle",
    "⟩": r"\rangle",
    "⌊": r"\lfloor",
    "⌋": r"\rfloor",
    "⌈": r"\lceil",
    "⌉": r"\rceil",
}
_BARS = {"|": "vert", "‖": "Vert"}
_BIG = {"∑": r"\sum", "∏": r"\prod", "∫": r"\int", "⋃": r"\bigcup", "max": r"\max", "min": r"\min"}
_SPACES = {
    Gap.NONE: " ",
    Gap.APPLY: "",
    Gap.OPERATOR: " ",
    Gap.INNER: " ",
    Gap.THIN: r" \, ",
    Gap.NOTED: r" \; ",
    Gap.WORD: r" \; ",
    Gap.DOT: r" \cdot ",
}
_SCRIPT_SPACES = _SPACES | {Gap.THIN: " ", Gap.DOT: ""}
_MAX_COLOURS = 49
_NOT_FIRST = ("+", "-", "*", "#", ">", "=")


def latex(
    math: Math, *, colors: Mapping[str, str] | None = None, dialect: Dialect = "latex"
) -> str:
    r"""Return one line of LaTeX, without dollar signs.

    ``colors`` gives a colour for each role: a name known to xcolor, or ``#rrggbb``. A role that is
    not in it is not coloured; nor is anything in a GitHub formula that exceeds GitHub's limit.
    Raises ``ValueError`` for a sign or delimiter that has no LaTeX here.

    >>> from symderiv.notation.math import TRANSPOSE, fraction_of_partials, sup
    >>> gradient = fraction_of_partials(Sym("L"), Sym("W"))
    >>> latex(row(gradient, Op("="), sup(Sym("X"), TRANSPOSE), Sym("G")))
    '\\frac{\\partial L}{\\partial W} = X^{\\top} G'
    >>> latex(row(Word("tr"), Fence("(", Sym("W_1"), ")")), dialect="github")
    '\\mathop{\\mathrm{tr}}\\nolimits(W_{1})'
    """
    if dialect not in _DIALECT_SIGNS:
        raise ValueError(
            f"unknown LaTeX dialect {dialect!r}; choose 'latex', 'amsmath' or 'github'"
        )
    github = dialect == "github"
    text = _Latex(colors or {}, dialect).show(math)
    if github and text.count(r"\color{") > _MAX_COLOURS:
        text = _Latex({}, dialect).show(math)
    if github and text.startswith(_NOT_FIRST):
        # As a relation it keeps its space; a sign stays the sign of what follows.
        text = "{}" + text if text[0] in "=>" else "{" + text[0] + "}" + text[1:]
    return text


class _Latex:
    """One method per node class, named after it."""

    def __init__(self, colors: Mapping[str, str], dialect: Dialect) -> None:
        self.colors, self.signs = colors, _DIALECT_SIGNS[dialect]
        self.github, self.mathtools = dialect == "github", dialect == "latex"

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
        factor = "" if power[0] == "1" else rf"{power[0]} \cdot "
        return f"{factor}10^{{{power[1]}}}"

    def op(self, node: Op) -> str:
        return self.signs.get(node.char) or _found(_SIGNS, node.char)

    def word(self, node: Word) -> str:
        if not node.function:
            if node.text == "ℝ" and self.github:
                return r"\mathbb{R}"
            return _SYMBOLS.get(node.text) or _plain(node.text)
        if node.text in _FUNCTIONS:
            return "\\" + node.text
        if self.github:
            name = GREEK_LATEX.get(node.text) or rf"\mathrm{{{_escaped(node.text)}}}"
            return rf"\mathop{{{name}}}\nolimits"
        return rf"\operatorname{{{_escaped(node.text)}}}"

    def row(self, node: Row, spaces: Mapping[Gap, str] = _SPACES) -> str:
        items = items_of(node)
        if not items:
            return "{}"
        shown = [self.show(item) for item in items]
        parts = [shown[0]]
        for i in range(1, len(items)):
            space = self._space(items, i, spaces)
            if space == " " and not _would_merge(parts[-1], shown[i]):
                signs = isinstance(items[i - 1], Op) or isinstance(items[i], Op)
                letters = not signs and len(parts[-1]) == len(shown[i]) == 1
                small = spaces is _SCRIPT_SPACES or is_unary(items, i - 1)
                space = "" if letters or small or shown[i] == "," else space
            parts += [space, shown[i]]
        return "".join(parts)

    def _space(self, items: tuple[Math, ...], i: int, spaces: Mapping[Gap, str]) -> str:
        left, right = items[i - 1], items[i]
        between = gap(left, right)
        fence = right.base if isinstance(right, Script) else right
        if between is Gap.APPLY and isinstance(fence, Fence) and fence.body.tall:
            return r" \mathopen{}"  # \left alone would put a space between f and its parenthesis
        if between is Gap.INNER and not isinstance(right, Big):
            # A fraction and a coloured group are ordinary symbols to TeX, which it does not space.
            plain = isinstance(left, (Frac, Tint)) or isinstance(right, (Frac, Tint))
            return spaces[Gap.THIN if plain else Gap.INNER]
        return spaces[between]

    def frac(self, node: Frac) -> str:
        return rf"\frac{{{self.show(node.over)}}}{{{self.show(node.under)}}}"

    def script(self, node: Script) -> str:
        node = unstacked(node)
        if isinstance(node.base, Sym):
            name = name_of(node.base)
            core = _core(name, node.base.bold or name.bold)
            above = [part for part in (name.sup, node.sup) if part is not None]
            return self._scripts(core, node.sub or name.sub, row(*above) if above else None)
        base = self.show(node.base)
        if not isinstance(node.base, (Num, Word, Fence)) or base.startswith(r"\color"):
            base = f"{{{base}}}"
        return self._scripts(base, node.sub, node.sup)

    def _scripts(self, base: str, below: Math | None, above: Math | None) -> str:
        if below is not None:
            base += f"_{{{self._small(below)}}}"
        if above is not None:
            base += f"^{{{self._small(above)}}}"
        return base

    def _small(self, node: Math) -> str:
        """Return a script: side by side means one index after the other, not a product."""
        body = indices(node)
        return self.row(body, _SCRIPT_SPACES) if isinstance(body, Row) else self.show(body)

    def root(self, node: Root) -> str:
        return rf"\sqrt{{{self.show(node.body)}}}"

    def fence(self, node: Fence) -> str:
        left, right = _delimiter(node.left, "l"), _delimiter(node.right, "r")
        body = self.show(node.body)
        if node.body.tall:
            return rf"\left{left} {body} \right{right}"
        pad = " " if left[-1].isalpha() or right[-1].isalpha() else ""
        return f"{left}{pad}{body}{pad}{right}"

    def big(self, node: Big) -> str:
        sign = _BIG.get(node.char) or self.word(Word(node.char))
        body = self.show(node.body)
        space = _SPACES[Gap.THIN] if opens(node.body) else " "
        return f"{self._scripts(sign, node.lower, node.upper)}{space}{body}".rstrip()

    def under(self, node: Under) -> str:
        note = rf"\scriptscriptstyle {self.show(node.note)}"
        return rf"\underset{{{self._coloured('note', note)}}}{{{self.show(node.body)}}}"

    def brace(self, node: Brace) -> str:
        return rf"\underbrace{{{self.show(node.body)}}}_{{{self.show(node.label)}}}"

    def grid(self, node: Grid) -> str:
        rows = r" \\ ".join(" & ".join(self.show(cell) for cell in line) for line in node.rows)
        numbers = all(is_numeric(cell) for line in node.rows for cell in line)
        if numbers and self.mathtools:
            return rf"\begin{{bmatrix*}}[r] {rows} \end{{bmatrix*}}"
        return rf"\begin{{bmatrix}} {rows} \end{{bmatrix}}"

    def tint(self, node: Tint) -> str:
        if node.role not in self.colors and node.role != WRONG:
            return self.show(node.body)
        if isinstance(node.body, Row):
            first = items_of(Row((node,)))
            if first != (node,):  # signs at an edge: each item is coloured on its own
                return self.row(Row(first))
        coloured = self._coloured(node.role, self.show(node.body))
        if isinstance(node.body, Op):
            return _CLASSES[node.body.char] + coloured
        if isinstance(node.body, Word) and node.body.function:
            return rf"\mathop{{{coloured}}}\nolimits"  # the reset of a colour follows its group
        return coloured

    def _coloured(self, role: str, body: str) -> str:
        colour = self.colors.get(role)
        body = rf"\underline{{{body}}}" if role == WRONG else body
        if colour is None:
            return body
        if colour.startswith("#") and not self.github:
            return rf"{{\color[HTML]{{{colour[1:].upper()}}}{{{body}}}}}"
        # Inner braces: right where \color is a switch and where it takes an argument.
        return rf"{{\color{{{colour}}}{{{body}}}}}"


def _core(name: Name, bold: bool) -> str:
    """Return a name's letter with its accent, without scripts."""
    core = name.core
    if core in GREEK_LATEX:
        text = rf"\boldsymbol{{{GREEK_LATEX[core]}}}" if bold else GREEK_LATEX[core]
    elif name.is_word or not core.isascii() or core in _SPECIAL:
        text = rf"\{'mathbf' if bold else 'mathit'}{{{_escaped(core)}}}"
    else:
        text = rf"\mathbf{{{core}}}" if bold else core
    if name.accent:
        wide = name.is_word and name.accent in ("hat", "tilde")
        text = rf"\{'wide' if wide else ''}{name.accent}{{{text}}}"
    return rf"\mathrm{{{name.prefix}}}{text}" if name.prefix else text


def _would_merge(left: str, right: str) -> bool:
    """Return whether a control word would run into the letter that follows it."""
    return right[0].isalpha() and re.search(r"\\[A-Za-z]+$", left) is not None


def _plain(text: str) -> str:
    r"""Return upright text; special characters stand outside of ``\text`` as math macros."""
    if text.isascii() and text.isalnum():
        return rf"\mathrm{{{text}}}"
    parts: list[str] = []
    run = ""
    for char in text:
        macro = _TEXT_MACROS.get(char) or ("" if char.isascii() else _SIGNS.get(char, ""))
        if not macro:
            run += _folded(char)
            continue
        parts += [rf"\text{{{run}}}"] if run else []
        parts.append(macro + (" " if macro[-1].isalpha() else ""))
        run = ""
    return "".join(parts + ([rf"\text{{{run}}}"] if run else [])).rstrip()


def _escaped(text: str) -> str:
    r"""Return text for the inside of ``\mathit`` and its like: letters, digits and macros."""
    return "".join(_in_word(char) for char in text)


def _in_word(char: str) -> str:
    if char in GREEK_LATEX:
        # The upright and bold alphabets have other characters in the places of Greek letters.
        return rf"\mathnormal{{{GREEK_LATEX[char]}}}"
    macro = _TEXT_MACROS.get(char, "")
    return (f"{{{macro}}}" if macro[-1].isalpha() else macro) if macro else _folded(char)


def _folded(char: str) -> str:
    """Return a letter that every font has: without its accent, else as its code point."""
    if char.isascii():
        return char
    base = "".join(c for c in unicodedata.normalize("NFKD", char) if c.isascii())
    return base or f"U{ord(char):04X}"


def _delimiter(char: str, side: str) -> str:
    return rf"\{side}{_BARS[char]}" if char in _BARS else _found(_DELIMITERS, char)


def _found(table: Mapping[str, str], char: str) -> str:
    if char not in table:
        raise ValueError(f"no LaTeX for {char!r}; known: {' '.join(table)}")
    return table[char]
