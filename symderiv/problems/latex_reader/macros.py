"""Macros: what each of them lays out.

Contract: a macro that is in no table is refused, with the nearest one that is.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import replace

from ...core.errors import LanguageError, UnsupportedError
from . import macro_tables as tables
from .laid_out import (
    BigOperator,
    Fraction,
    Group,
    Item,
    Number,
    RootLayout,
    RowLayout,
    Scripted,
    Sign,
    Symbol,
)
from .parser import NAMES, Parser
from .tokens import Token


def parse_row(text: str) -> RowLayout:
    r"""Return the layout of a formula.

    >>> [type(item).__name__ for item in parse_row(r"X^\top \frac{1}{n} G").items]
    ['Scripted', 'Fraction', 'Symbol']
    """
    parser = MacroParser(text)
    row = parser.row(None)
    if parser.next.kind != "end":
        raise parser.stray(parser.next)
    return row


class MacroParser(Parser):
    """Reads macros."""

    def macro(self, token: Token) -> Item | None:
        """Return what a macro stands for; raises UnsupportedError for one that is not read."""
        name = token.text
        build = _MACROS.get(name)
        if build is not None:
            return build(self, token)
        if name in tables.DROPPED:
            self._options()
            for _ in range(tables.DROPPED[name]):
                self.argument(token)
            return None
        if name in tables.TRANSPARENT:
            rows = [self.argument(token) for _ in range(tables.TRANSPARENT[name])]
            return Group(token.start, rows[-1].stop, "", rows[-1])
        if name in tables.GREEK_MACROS:
            return Symbol(token.start, token.stop, tables.GREEK_MACROS[name], greek=True)
        if name in tables.LETTERS:
            return Symbol(token.start, token.stop, tables.LETTERS[name])
        if name in tables.FUNCTION_MACROS:
            return Symbol(token.start, token.stop, name, word=True)
        if name in tables.SIGNS:
            return Sign(token.start, token.stop, tables.SIGNS[name])
        if name in tables.SIZES:
            return self.group(token, self.take()) if self._opens() else None
        if name in tables.OPENING or name in tables.BARS:
            return self.group(token, token)
        raise self._unknown(token)

    def _opens(self) -> bool:
        return self.next.text in tables.OPENING or self.bar(self.next) is not None

    def _options(self) -> None:
        while self.next.is_char("["):
            while not self.next.is_char("]") and self.next.kind != "end":
                self.take()
            self.take()

    def _unknown(self, token: Token) -> LanguageError:
        name = token.text
        if name in tables.REFUSED:
            return self.fail(
                f"\\{name} is not read here", token, tables.REFUSED[name], UnsupportedError
            )
        alike = [k for k in KNOWN if abs(len(k) - len(name)) < 2]
        near = difflib.get_close_matches(name, alike, 1)
        remedy = f"did you mean \\{near[0]}?" if near else "write it with the macros of amsmath"
        return self.fail(f"the macro \\{name} is not known", token, remedy, UnsupportedError)


def _left(parser: Parser, token: Token) -> Item:
    opener = parser.take()
    if opener.text == "." or (opener.text not in tables.OPENING and not parser.bar(opener)):
        raise parser.fail(f"{opener.text!r} opens nothing", opener, "write \\left( .. \\right)")
    macro = opener.kind == "macro"
    bar = "||" if macro and opener.text == "|" else None
    closer = bar or tables.OPENING.get(opener.text) or tables.BARS[opener.text]
    body = parser.row("\\right")
    if parser.next.kind != "macro" or parser.next.text != "right":
        if parser.next.kind == "end":
            raise parser.fail("\\left is never closed", token, "add \\right" + NAMES[closer])
        raise parser.stray(parser.next)
    parser.take()
    end = parser.take()
    found = parser.bar(end) or tables.CLOSING.get(end.text)
    if found != closer:
        raise parser.fail(f"\\right{end.text} closes \\left{opener.text}", end, parser.add(closer))
    return Group(token.start, end.stop, closer, body)


def _right(parser: Parser, token: Token) -> Item:
    raise parser.fail("\\right closes nothing", token, "remove it, or add \\left(")


def _fraction(parser: Parser, token: Token) -> Item:
    over = parser.argument(token)
    under = parser.argument(token)
    return Fraction(token.start, under.stop, over, under)


def _root(parser: Parser, token: Token) -> Item:
    degree = None
    if parser.next.is_char("["):
        opened = parser.take()
        degree = parser.row("]")
        if not parser.next.is_char("]"):
            raise parser.fail("'[' is never closed", opened, "add ']'")
        parser.take()
    body = parser.argument(token)
    return RootLayout(token.start, body.stop, degree, body)


def _sum(parser: Parser, token: Token) -> Item:
    return BigOperator(token.start, token.stop)


def _product(parser: Parser, token: Token) -> Item:
    """Return the sign of a product over an index, or the function of all entries."""
    if parser.next.is_char("_"):
        return BigOperator(token.start, token.stop, "Prod")
    return Symbol(token.start, token.stop, "prod", word=True)


def _brace(parser: Parser, token: Token) -> Item:
    """Return what a brace is drawn under, without its label."""
    body = parser.argument(token)
    if parser.next.is_char("_", "^"):
        parser.argument(parser.take())
    return Group(token.start, body.stop, "", body)


def _font(parser: Parser, token: Token) -> Item:
    row = _scope(parser, token)
    bold = token.text in tables.BOLD
    if token.text in ("mathbb", "mathds"):
        letters = "".join(i.name for i in row.items if isinstance(i, Symbol))
        remedy = tables.REFUSED.get(f"mathbb{{{letters}}}")
        if remedy is not None:
            raise parser.fail(
                f"\\mathbb{{{letters}}} is not read here",
                replace(token, stop=row.stop),
                remedy,
                UnsupportedError,
            )
    items = tuple(_marked(item, bold) for item in row.items)
    if len(items) == 1 and isinstance(items[0], Symbol | Number):
        return replace(items[0], start=token.start, stop=row.stop)
    return Group(token.start, row.stop, "", replace(row, items=items))


def _marked(item: Item, bold: bool) -> Item:
    return replace(item, bold=True) if bold and isinstance(item, Symbol | Number) else item


def _scope(parser: Parser, token: Token) -> RowLayout:
    """Return what a font is for: its argument, or for a switch the rest of its braces."""
    if token.text not in tables.SWITCHES or parser.next.is_char("{"):
        return parser.argument(token)
    if parser.open[-1] == "":
        return parser.row("")
    letters = []
    while parser.next.kind == "letter":
        found = parser.take()
        letters.append(Symbol(found.start, found.stop, found.text))
    if not letters:
        return parser.argument(token)
    return RowLayout(letters[0].start, letters[-1].stop, tuple(letters))


def _word(parser: Parser, token: Token) -> Item:
    row = _scope(parser, token)
    parts: list[str] = []
    for item in row.items:
        if isinstance(item, Group) and not item.kind and len(item.body.items) == 1:
            item = item.body.items[0]
        if isinstance(item, Symbol):
            parts.append(item.name)
        elif isinstance(item, Number):
            parts.append(item.text)
        else:
            return Group(token.start, row.stop, "", row)
    name = "".join(parts)
    if name == "1":
        return Number(token.start, row.stop, "1", bold=True)
    function = token.text == "operatorname" or len(name) > 1
    greek = len(row.items) == 1 and name in tables.GREEK_MACROS.values() and len(name) > 1
    if not name:
        raise parser.fail(f"\\{token.text} is empty", token, "write a name in it")
    return Symbol(token.start, row.stop, name, word=function, greek=greek, upright=True)


def _accent(parser: Parser, token: Token) -> Item:
    accent = tables.ACCENTS[token.text]
    row = parser.argument(token)
    item = row.items[0] if len(row.items) == 1 else None
    inner = item.base if isinstance(item, Scripted) else item
    if isinstance(inner, Number) and accent == "vec":
        return replace(inner, start=token.start, stop=row.stop, bold=True)
    if not isinstance(inner, Symbol):
        raise parser.fail(
            f"\\{token.text} stands over one letter", replace(token, stop=row.stop), "\\hat{y}"
        )
    marked = replace(inner, accent=accent, start=token.start)
    if isinstance(item, Scripted):
        return replace(item, base=marked, start=token.start, stop=row.stop)
    return replace(marked, stop=row.stop)


_MACROS: dict[str, Callable[[Parser, Token], Item]] = {
    "left": _left,
    "right": _right,
    "sqrt": _root,
    "sum": _sum,
    "prod": _product,
    "underbrace": _brace,
    "overbrace": _brace,
    **dict.fromkeys(("frac", "tfrac", "dfrac", "cfrac", "nicefrac", "sfrac"), _fraction),
    **dict.fromkeys(tables.FONTS, _font),
    **dict.fromkeys(tables.WORDS, _word),
    **dict.fromkeys(tables.ACCENTS, _accent),
}
KNOWN = sorted(
    {
        *_MACROS,
        *tables.GREEK_MACROS,
        *tables.FUNCTION_MACROS,
        *tables.SIGNS,
        *tables.OPENING,
        *tables.CLOSING,
    }
)
