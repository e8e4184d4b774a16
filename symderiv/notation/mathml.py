"""Notation as MathML Core: what browsers set without a script.

Contract: pure; elements and attributes of MathML Core alone, so that nothing needs a library; all
text is escaped. Colours are classes (``c-input``), symbols carry their name (``data-s="W_1"``) for
a page that says what one means. Must not know expressions or operators: only the nodes of the tree.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

from .identifiers import Name, name_of, scientific
from .math import (
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
from .spacing import Gap, gap, indices, is_numeric, is_unary, items_of, opens, unstacked

_PREFIX, _INFIX = ' form="prefix"', ' form="infix"'
_APPLIED = "<mo>&#x2061;</mo>"  # a function and its argument, read so by a screen reader
_THIN, _MEDIUM, _WIDE = (f'<mspace width="{w}em"/>' for w in ("0.167", "0.222", "0.4"))
_SPACES = {
    Gap.NONE: "",
    Gap.APPLY: "",
    Gap.OPERATOR: _APPLIED + _THIN,
    Gap.INNER: _THIN,
    Gap.THIN: _THIN,
    Gap.NOTED: _WIDE,
    Gap.WORD: _MEDIUM,
    Gap.DOT: "<mo>⋅</mo>",
}
_SCRIPT_SPACES = _SPACES | {Gap.THIN: "", Gap.DOT: ""}
_SIGNS = {"·": "⋅", "-": "−"}
_ACCENTS = {"hat": "^", "bar": "¯", "tilde": "~", "dot": "˙", "ddot": "¨", "vec": "→"}
_LIMITED = frozenset(["max", "min", "sup", "inf", "lim", "argmax", "argmin"])
_SLOPED, _BOLD, _BOLD_DIGIT = 0x1D434, 0x1D400, 0x1D7CE  # A, A and 0 of Unicode's alphabets
_PLANCK = 0x210E  # where Unicode has the sloped h
_GREEK, _BOLD_GREEK = 0x391, 0x1D6A8


def mathml(math: Math, *, style: str = "inline", follows: bool = False) -> str:
    """Return a ``math`` element, of running text (``inline``), ``display`` style or a ``block``.

    Where another one ``follows``, the sign that ends it stands between the two.

    >>> print(mathml(row(Sym("X"), Op("="), Frac(Num("1"), Sym("n")))))
    <math><mi data-s="X">X</mi><mo>=</mo><mfrac><mn>1</mn><mi data-s="n">n</mi></mfrac></math>
    """
    attribute = {"inline": "", "display": ' displaystyle="true"', "block": ' display="block"'}
    body = _MathML().show(math)
    before, opened, sign = body.rpartition("<mo>")
    if follows and opened and sign.index("<") == len(sign) - len("</mo>"):
        body = f"{before}<mo{_INFIX}>{sign}"
    return f"<math{attribute[style]}>{body}</math>"


class _MathML:
    """One method per node class, named after it; each returns one element where one is needed."""

    def show(self, node: Math) -> str:
        method: Callable[[Any], str] = getattr(self, type(node).__name__.lower())
        return method(node)

    def one(self, node: Math) -> str:
        """Return a node as one element, as the children of a fraction or a script are."""
        if isinstance(node, (Row, Tint, Fence, Big, Grid)) or _is_scientific(node):
            return f"<mrow>{self.show(node)}</mrow>"
        return self.show(node)

    def sym(self, node: Sym) -> str:
        name = name_of(node)
        core = _core(name, node.bold or name.bold, node.name)
        return self._scripts(core, name.sub, name.sup)

    def num(self, node: Num) -> str:
        power = scientific(node.text)
        if power is None:
            return f"<mn>{_text(node.text)}</mn>"
        factor = "" if power[0] == "1" else f"<mn>{power[0]}</mn><mo>⋅</mo>"
        exponent = power[1].replace("-", "−")
        return f"{factor}<msup><mn>10</mn><mn>{exponent}</mn></msup>"

    def op(self, node: Op) -> str:
        close = ' lspace="0" rspace="0"' if node.char == "/" else ""
        return f"<mo{close}>{_text(_SIGNS.get(node.char, node.char))}</mo>"

    def word(self, node: Word) -> str:
        text = _text(node.text)
        if node.text in _LIMITED:
            return f"<mo>{text}</mo>"
        if len(node.text) == 1:
            return f'<mi mathvariant="normal">{text}</mi>'
        return f"<mi>{text}</mi>" if node.function else f"<mtext>{text}</mtext>"

    def row(self, node: Row, spaces: dict[Gap, str] = _SPACES) -> str:
        items = items_of(node)
        parts: list[str] = []
        for k, item in enumerate(items):
            if k:
                parts.append(self._between(items[k - 1], item, spaces))
            parts.append(self._signed(item) if is_unary(items, k) else self.show(item))
        return "".join(parts)

    def _between(self, left: Math, right: Math, spaces: dict[Gap, str]) -> str:
        between = gap(left, right)
        if between is Gap.APPLY and isinstance(left, Word) and left.function:
            return _APPLIED
        return spaces[between]

    def _signed(self, node: Math) -> str:
        """Return the sign of what follows it, which stands close to that."""
        return self.show(node).replace("<mo", f"<mo{_PREFIX}", 1)

    def frac(self, node: Frac) -> str:
        return f"<mfrac>{self.one(node.over)}{self.one(node.under)}</mfrac>"

    def script(self, node: Script) -> str:
        node = unstacked(node)
        if isinstance(node.base, Sym):
            name = name_of(node.base)
            core = _core(name, node.base.bold or name.bold, node.base.name)
            above = [part for part in (name.sup, node.sup) if part is not None]
            return self._scripts(core, node.sub or name.sub, row(*above) if above else None)
        return self._scripts(self.one(node.base), node.sub, node.sup)

    def _scripts(self, base: str, below: Math | None, above: Math | None) -> str:
        low = self._small(below) if below is not None else ""
        high = self._small(above) if above is not None else ""
        kind = ("sub" if low else "") + ("sup" if high else "")
        return f"<m{kind}>{base}{low}{high}</m{kind}>" if kind else base

    def _small(self, node: Math) -> str:
        """Return a script: side by side means one index after the other, not a product."""
        body = indices(node)
        if isinstance(body, Row):
            return f"<mrow>{self.row(body, _SCRIPT_SPACES)}</mrow>"
        return self.one(body)

    def root(self, node: Root) -> str:
        return f"<msqrt>{self.show(node.body)}</msqrt>"

    def fence(self, node: Fence) -> str:
        grows = "" if node.body.tall else ' stretchy="false"'
        left = f'<mo form="prefix" fence="true"{grows}>{_text(node.left)}</mo>'
        right = f'<mo form="postfix" fence="true"{grows}>{_text(node.right)}</mo>'
        return f"<mrow>{left}{self.show(node.body)}{right}</mrow>"

    def big(self, node: Big) -> str:
        sign = f"<mo>{_text(node.char)}</mo>"
        if len(node.char) > 1:
            sign = f'<mo movablelimits="true">{_text(node.char)}</mo>'
        low = self._small(node.lower) if node.lower is not None else ""
        high = self._small(node.upper) if node.upper is not None else ""
        kind = "under" * bool(low) + "over" * bool(high)
        whole = f"<m{kind}>{sign}{low}{high}</m{kind}>" if kind else sign
        space = _THIN if opens(node.body) else ""
        return f"{whole}{space}{self.show(node.body)}"

    def under(self, node: Under) -> str:
        note = f'<mrow class="c-note">{self.show(node.note)}</mrow>'
        return f"<munder>{self.one(node.body)}{note}</munder>"

    def brace(self, node: Brace) -> str:
        braced = f'<munder>{self.one(node.body)}<mo stretchy="true">⏟</mo></munder>'
        return f"<munder>{braced}{self.one(node.label)}</munder>"

    def grid(self, node: Grid) -> str:
        lines = "".join(
            f"<mtr>{''.join(f'<mtd>{self.show(cell)}</mtd>' for cell in line)}</mtr>"
            for line in node.rows
        )
        numbers = all(is_numeric(cell) for line in node.rows for cell in line)
        table = f"<mtable{' class=' + chr(34) + 'n' + chr(34) if numbers else ''}>{lines}</mtable>"
        return f'<mrow><mo form="prefix">[</mo>{table}<mo form="postfix">]</mo></mrow>'

    def tint(self, node: Tint) -> str:
        body = self.show(node.body)
        if isinstance(node.body, Op):  # an operator keeps its spaces only as an element of the row
            return body.replace("<mo", f'<mo class="c-{node.role}"', 1)
        return f'<mrow class="c-{node.role}">{body}</mrow>'


def _is_scientific(node: Math) -> bool:
    return isinstance(node, Num) and scientific(node.text) is not None


def _core(name: Name, bold: bool, symbol: str) -> str:
    """Return a name's letter with its accent, without scripts."""
    mark = f' data-s="{escape(symbol)}"'
    if bold:
        core = f'<mi mathvariant="normal"{mark}>{_lettered(name.core, _bold)}</mi>'
    elif name.is_word:
        core = f"<mi{mark}>{_lettered(name.core, _sloped)}</mi>"
    else:
        core = f"<mi{mark}>{_text(name.core)}</mi>"
    if name.accent:
        accent = _ACCENTS[name.accent]
        core = f'<mover accent="true">{core}<mo stretchy="false">{accent}</mo></mover>'
    return (
        f'<mrow><mi mathvariant="normal">{name.prefix}</mi>{core}</mrow>' if name.prefix else core
    )


def _lettered(text: str, letter: Callable[[str], str]) -> str:
    return _text("".join(map(letter, text)))


def _sloped(char: str) -> str:
    """Return a letter in the sloped alphabet: an identifier of several is upright otherwise."""
    if char == "h":
        return chr(_PLANCK)
    return _of_alphabet(char, _SLOPED)


def _bold(char: str) -> str:
    if "0" <= char <= "9":
        return chr(_BOLD_DIGIT + ord(char) - ord("0"))
    if "Α" <= char <= "Ω":
        return chr(_BOLD_GREEK + ord(char) - _GREEK)
    if "α" <= char <= "ω":
        return chr(_BOLD_GREEK + 26 + ord(char) - ord("α"))
    return _of_alphabet(char, _BOLD)


def _of_alphabet(char: str, first: int) -> str:
    if "A" <= char <= "Z":
        return chr(first + ord(char) - ord("A"))
    if "a" <= char <= "z":
        return chr(first + 26 + ord(char) - ord("a"))
    return char


def _text(text: str) -> str:
    return escape(text, quote=False)
