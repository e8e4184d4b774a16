"""Notation as one line of Unicode, for a terminal.

Purpose: what a person reads best where nothing can be raised or lowered: ``∂L/∂W = Xᵀ G``.
Contract: pure; one line; a script is either wholly made of Unicode's raised or lowered characters
or written out (``^(p+q)``, ``X[i,q]``); indices look alike all through one formula.
Must not know expressions or operators: only the nodes of the tree.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any

from symderiv.notation.identifiers import name_of, scientific
from symderiv.notation.math import (
    PARTIAL,
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
from symderiv.notation.spacing import Gap, gap, indices, is_unary, items_of

_SUPERSCRIPTS = dict(
    zip(
        "0123456789+−-=()abcdefghijklmnoprstuvwxyzT⊤′⋆∗",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀᵀ′**",
        strict=True,
    )
)
_SUBSCRIPTS = dict(
    zip(
        "0123456789+−-=()aehijklmnoprstuvxβγρφχ",
        "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ",
        strict=True,
    )
)
_ACCENTS = {
    "hat": "\u0302",
    "bar": "\u0304",
    "tilde": "\u0303",
    "dot": "\u0307",
    "ddot": "\u0308",
    "vec": "\u20d7",
}
RAISED = {mark: c for c, mark in _SUPERSCRIPTS.items() if mark not in "′*" and c not in "−⊤"}
LOWERED = {mark: c for c, mark in _SUBSCRIPTS.items() if c != "−"}
ACCENT_MARKS = {mark: name for name, mark in _ACCENTS.items()}
_TIGHT = frozenset("×/")
_AFTER = frozenset(",:;")
_SPACES = dict.fromkeys(Gap, " ") | {Gap.APPLY: "", Gap.DOT: "·"}
_PREFIXES = frozenset("∂∇d")


def unicode(math: Math) -> str:
    """Return one line of text.

    >>> from symderiv.notation.math import TRANSPOSE, fraction_of_partials, sup
    >>> gradient = fraction_of_partials(Sym("L"), Sym("W"))
    >>> unicode(row(gradient, Op("="), sup(Sym("X"), TRANSPOSE), Sym("G")))
    '∂L/∂W = Xᵀ G'
    >>> unicode(Script(Sym("G"), row(Sym("i"), Sym("q"))))
    'G[i,q]'
    """
    return _Unicode(_lowers_all(math)).show(math)


class _Unicode:
    """One method per node class, named after it."""

    def __init__(self, lowers: bool) -> None:
        self.lowers = lowers

    def show(self, node: Math) -> str:
        method: Callable[[Any], str] = getattr(self, type(node).__name__.lower())
        return method(node)

    def sym(self, node: Sym) -> str:
        return self._named(node, None)

    def _named(self, node: Sym, above: Math | None) -> str:
        name = name_of(node)
        text = name.prefix + name.core
        if name.accent and name.is_word:
            text += f"_{name.accent}"
        elif name.accent:
            text = unicodedata.normalize("NFC", text + _ACCENTS[name.accent])
        if name.sub is not None:
            plain = _tight(name.sub)
            low = "" if isinstance(name.sub, Word) else _through(_SUBSCRIPTS, plain)
            text += low or f"_{plain}"
        parts = [part for part in (name.sup, above) if part is not None]
        return text + (self._raised(row(*parts)) if parts else "")

    def num(self, node: Num) -> str:
        power = scientific(node.text)
        if power is None:
            return node.text
        factor = "" if power[0] == "1" else f"{power[0]}·"
        return f"{factor}10{_through(_SUPERSCRIPTS, power[1])}"

    def op(self, node: Op) -> str:
        return node.char

    def word(self, node: Word) -> str:
        return node.text

    def row(self, node: Row) -> str:
        items = items_of(node)
        text = ""
        for i, item in enumerate(items):
            before = items[i - 1] if i else None
            after = items[i + 1] if i + 1 < len(items) else None
            shown = self._guarded(before, item, after)
            text += self._space(items, i) + shown
        return text

    def _guarded(self, before: Math | None, item: Math, after: Math | None) -> str:
        """Return an item; a fraction beside a factor in parentheses."""
        shown = self.show(item)
        alone = all(near is None or isinstance(_bare(near), Op) for near in (before, after))
        return shown if alone or not isinstance(_bare(item), Frac) else f"({shown})"

    def _space(self, items: tuple[Math, ...], i: int) -> str:
        if i == 0:
            return ""
        before, here = _bare(items[i - 1]), _bare(items[i])
        if isinstance(here, Op):
            return "" if here.char in _AFTER | _TIGHT else " "
        if isinstance(before, Op):
            return "" if before.char in _TIGHT or is_unary(items, i - 1) else " "
        if isinstance(before, Word) and before.text in _PREFIXES:
            return ""
        between = gap(items[i - 1], items[i])
        return "" if _is_number_with_letter(before, here) else _SPACES[between]

    def frac(self, node: Frac) -> str:
        return f"{self._grouped(node.over)}/{self._grouped(node.under)}"

    def _grouped(self, node: Math) -> str:
        """Return what may stand beside a slash or under a raised sign, in parentheses if needed."""
        shown = self.show(node)
        return shown if _is_atom(node) else f"({shown})"

    def script(self, node: Script) -> str:
        base = _bare(node.base)
        if isinstance(base, Sym) and node.sub is None:
            return self._named(base, node.sup)
        text = self._grouped(node.base)
        if node.sub is not None:
            own = isinstance(base, Sym) and name_of(base).sub is not None
            text += f"[{_tight(node.sub, ',')}]" if own else self._lowered(node.sub)
        return text + (self._raised(node.sup) if node.sup is not None else "")

    def _raised(self, node: Math) -> str:
        plain = _tight(node)
        return _through(_SUPERSCRIPTS, plain) or (f"^{plain}" if len(plain) == 1 else f"^({plain})")

    def _lowered(self, node: Math) -> str:
        plain = _tight(node)
        if _is_label(node):
            return f"_{plain}"
        if self.lowers:
            return _through(_SUBSCRIPTS, plain)
        return f"[{_tight(node, ',')}]"

    def root(self, node: Root) -> str:
        return f"√{self.show(node.body)}" if _is_short(node.body) else f"√({self.show(node.body)})"

    def fence(self, node: Fence) -> str:
        return f"{node.left}{self.show(node.body)}{node.right}"

    def big(self, node: Big) -> str:
        lower = _tight(node.lower) if node.lower is not None else ""
        upper = _tight(node.upper) if node.upper is not None else ""
        below = _through(_SUBSCRIPTS, lower) or f"_{lower}" if lower else ""
        if len(lower) > 1 and below.startswith("_"):
            below = f"_({lower})"
        above = self._raised(node.upper) if node.upper is not None and upper else ""
        return f"{node.char}{below}{above} {self.show(node.body)}".rstrip()

    def under(self, node: Under) -> str:
        return f"{self._grouped(node.body)}:{_tight(node.note)}"

    def brace(self, node: Brace) -> str:
        return f"{self._grouped(node.body)} {{{self.show(node.label)}}}"

    def grid(self, node: Grid) -> str:
        lines = [[self.show(cell) for cell in line] for line in node.rows]
        loose = any(" " in cell for line in lines for cell in line)
        return "[" + "; ".join((", " if loose else " ").join(line) for line in lines) + "]"

    def tint(self, node: Tint) -> str:
        return self.show(node.body)


def _bare(node: Math) -> Math:
    return _bare(node.body) if isinstance(node, Tint) else node


def _is_number_with_letter(before: Math, here: Math) -> bool:
    """Return whether this is 2 before a letter or parenthesis, written without a space."""
    base = here.base if isinstance(here, Script) else here
    return isinstance(before, Num) and isinstance(base, (Sym, Fence)) and before.text.isdigit()


def _is_label(node: Math) -> bool:
    """Return whether a subscript is a word or a capital, as in the Frobenius norm: no index."""
    return isinstance(node, Word) or (isinstance(node, Sym) and node.name.isupper())


def _is_short(node: Math) -> bool:
    bare = _bare(node)
    return isinstance(bare, (Sym, Num)) and len(unicode(bare)) == 1


def _is_atom(node: Math) -> bool:
    """Return whether a slash or a raised sign beside this is read as meant."""
    bare = _bare(node)
    if isinstance(bare, Row):
        return len(bare.items) == 2 and bare.items[0] == PARTIAL and _is_atom(bare.items[1])
    return not isinstance(bare, (Frac, Big, Brace, Under))


def _through(table: dict[str, str], text: str) -> str:
    """Return text in raised or lowered characters, or nothing where one is missing."""
    return "".join(table[char] for char in text) if all(c in table for c in text) else ""


def _tight(node: Math, comma: str = "") -> str:
    """Return what stands in a script: no spaces, and a comma between indices if asked for."""
    node = indices(node)
    items = items_of(node) if isinstance(node, Row) else (node,)
    text = ""
    for i, item in enumerate(items):
        signs = isinstance(item, Op) or (i and isinstance(items[i - 1], Op))
        text += (comma if i and not signs else "") + unicode(item)
    return text


def _lowers_all(math: Math) -> bool:
    """Return whether every index in a formula has lowered characters.

    Names and upright words carry their own; they do not count.
    """
    return all(_through(_SUBSCRIPTS, _tight(index)) for index in _indices(math))


def _indices(node: Math) -> Iterator[Math]:
    if isinstance(node, Script) and node.sub is not None and not _is_label(node.sub):
        yield node.sub
    for field in fields(node):
        yield from _indices_in(getattr(node, field.name))


def _indices_in(value: object) -> Iterator[Math]:
    if isinstance(value, Math):
        yield from _indices(value)
    elif isinstance(value, tuple):
        for item in value:
            yield from _indices_in(item)
