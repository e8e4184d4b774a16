"""Tokens to layout: braces, delimiters, scripts, and what each macro lays out.

Contract: knows the shape of LaTeX, no names and no meaning. Raises ParseError for what does not
close or has no base, UnsupportedError for a macro that is not read, with the nearest that is.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import replace

from ...core.errors import LanguageError, ParseError, UnsupportedError
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
    Token,
    place,
    tokens,
)

DEEPEST = 40
_MOST_PRIMES = 4
NAMES = {")": ")", "]": "]", "}": "\\}", ">": "\\rangle", "|": "|", "||": "\\|", "": "}"}


def parse_row(text: str) -> RowLayout:
    r"""Return the layout of a formula.

    >>> [type(item).__name__ for item in parse_row(r"X^\top \frac{1}{n} G").items]
    ['Scripted', 'Fraction', 'Symbol']
    """
    parser = Parser(text)
    row = parser.row(None)
    if parser.next.kind != "end":
        raise parser.stray(parser.next)
    return row


def is_prime(row: RowLayout) -> bool:
    """Whether a superscript is one prime."""
    return len(row.items) == 1 and row.items[0] == Sign(row.start, row.stop, "prime")


class Parser:
    """Reads tokens from the left; every method returns an item with its place."""

    def __init__(self, text: str) -> None:
        self.text, self.tokens, self.at = text, tokens(text), 0
        self.depth = 0
        self.open: list[str | None] = []

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def fail(
        self, message: str, at: Token | Item, remedy: str, kind: type[LanguageError] = ParseError
    ) -> LanguageError:
        """Return the error about a token or an item."""
        return kind(message, span=place(self.text, at.start, at.stop), remedy=remedy)

    def stray(self, token: Token) -> LanguageError:
        """Return the error about what cannot stand where it does."""
        if token.kind == "end":
            return self.fail("the formula ends too early", token, "something is missing here")
        if token.kind == "row":
            return self.fail("a new line in a formula", token, r"write one formula, without \\")
        if token.is_char("&"):
            return self.fail(
                "a stray &", token, r"& aligns in \begin{align}; leave it out elsewhere"
            )
        closes = token.text in tables.CLOSING or token.text == "right" or self._sized(token)
        what = "closes nothing" if closes else "cannot stand here"
        return self.fail(f"{self._shown(token)} {what}", token, "remove it")

    # rows

    def row(self, closer: str | None) -> RowLayout:
        """Return items up to a closing delimiter, a closing brace or the end."""
        start = self.next.start
        self.deeper()
        self.open.append(closer)
        items: list[Item] = []
        over: RowLayout | None = None
        while not self._ends(closer, items):
            if self.next.kind == "macro" and self.next.text == "over":
                over = self._numerator(over, items)
                items = []
                continue
            if self.next.is_char("^", "_", "'"):
                if not items:
                    raise self.fail("a script without a base", self.next, "write the base first")
                items[-1] = self.scripts(items[-1])
                continue
            item = self.item()
            if item is not None:
                items.append(item)
        self.depth -= 1
        self.open.pop()
        body = RowLayout(start, items[-1].stop if items else start, tuple(items))
        if over is None:
            return body
        if not items:
            raise self.fail("a denominator is missing here", self.next, r"write \frac{a}{b}")
        whole = Fraction(over.start, body.stop, over, replace(body, start=items[0].start))
        return RowLayout(over.start, body.stop, (whole,))

    def _numerator(self, over: RowLayout | None, items: list[Item]) -> RowLayout:
        """Return what stands before \\over, which is taken."""
        token = self.take()
        if over is not None or not items:
            raise self.fail("\\over stands between two", token, r"write \frac{a}{b}")
        return RowLayout(items[0].start, items[-1].stop, tuple(items))

    def deeper(self) -> None:
        """Count a level; raises UnsupportedError for one too many."""
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.fail(
                f"nested deeper than {DEEPEST} levels",
                self.next,
                "name inner parts by definitions of the problem",
                UnsupportedError,
            )

    def _ends(self, closer: str | None, items: list[Item]) -> bool:
        token = self.next
        if token.kind in ("end", "row") or token.is_char("}", "&"):
            return True
        if token.kind == "macro" and token.text == "right":
            return True
        bar = self.bar(token)
        if bar is not None:
            ready = bool(items) and not isinstance(items[-1], Sign)
            return bar == closer and ready
        return self._closing(token) is not None

    def bar(self, token: Token) -> str | None:
        if token.kind == "macro":
            return "||" if token.text == "|" else tables.BARS.get(token.text)
        return "|" if token.is_char("|") else None

    def _closing(self, token: Token) -> str | None:
        if token.kind not in ("char", "macro") or token.is_char("}"):
            return None
        if self._sized(token):
            follows = self.tokens[min(self.at + 1, len(self.tokens) - 1)]
            side = token.text[-1]
            bar = self.bar(follows)
            if bar is not None:
                inner = side == "g" and self.open[-1] == bar
                return bar if side == "r" or inner else None
            return tables.CLOSING.get(follows.text)
        if token.kind == "macro" and token.text in ("]", ")"):
            return None
        return tables.CLOSING.get(token.text)

    def _sized(self, token: Token) -> bool:
        return token.kind == "macro" and token.text in tables.SIZES

    # items

    def item(self) -> Item | None:
        """Return the next item without its scripts; None for what is left out."""
        token = self.take()
        if token.kind == "letter":
            return Symbol(token.start, token.stop, token.text)
        if token.kind == "number":
            return Number(token.start, token.stop, token.text)
        if token.is_char("{"):
            body = self.row("")
            end = self._expect("}", token)
            only = body.items[0] if len(body.items) == 1 else None
            if isinstance(only, Symbol) and only.word:  # {\rm tr} is a word like any other
                return replace(only, start=token.start, stop=end.stop)
            return Group(token.start, end.stop, "", body)
        if token.kind == "macro":
            return self.macro(token)
        if token.text in tables.OPENING or token.text in tables.BARS:
            return self.group(token, token)
        if token.text in tables.CHARACTERS:
            return Sign(token.start, token.stop, tables.CHARACTERS[token.text])
        if token.is_char("$"):
            raise self.fail("a stray $", token, "write one formula, without $")
        raise self.fail(
            f"{token.text!r} is no sign of a formula", token, "write it as a macro of LaTeX"
        )

    def _expect(self, char: str, opened: Token | Item) -> Token:
        if not self.next.is_char(char):
            if self.next.kind == "end":
                raise self.fail("'{' is never closed", opened, "add '}'")
            raise self.stray(self.next)
        return self.take()

    def group(self, token: Token, opener: Token) -> Item:
        """Return what stands between a delimiter and the one that closes it; \\left is a token."""
        left = token.kind == "macro" and token.text == "left"
        shown = f"\\left{opener.text}" if left else repr(opener.text)
        closer = self.bar(opener) or tables.OPENING.get(opener.text)
        if closer is None:
            raise self.fail(f"{shown} opens nothing", opener, "write \\left( .. \\right)")
        if closer in ("floor", "ceil"):
            raise self.fail("rounding has no derivative", token, "leave it out", UnsupportedError)
        body = self.row("\\right" if left else closer)
        remedy = f"close it with {NAMES[closer]}"
        if self.next.kind == "end":
            remedy = f"add \\right{NAMES[closer]}" if left else remedy
            raise self.fail(f"{shown} is never closed", token if left else opener, remedy)
        if left and self.next.text != "right":
            raise self.stray(self.next)
        if left or self._sized(self.next):
            self.take()
        end = self.next
        found = self.bar(end) or (tables.CLOSING.get(end.text) if left else self._closing(end))
        if found is None:
            raise self.stray(end)
        if found != closer:
            what = f"\\right{end.text}" if left else repr(end.text)
            raise self.fail(f"{what} closes {shown}", end, remedy)
        return Group(token.start, self.take().stop, closer, body)

    # scripts

    def scripts(self, base: Item) -> Item:
        """Return an item with the scripts that follow it."""
        sub: RowLayout | None = None
        sups: list[RowLayout] = []
        while self.next.is_char("^", "_", "'"):
            token = self.take()
            if token.text == "'":
                mark = Sign(token.start, token.stop, "prime")
                sups.append(RowLayout(token.start, token.stop, (mark,)))
                if len(sups) > _MOST_PRIMES:
                    raise self.fail(
                        "too many primes", token, "write a derivative with respect to a name"
                    )
                continue
            row = self.script(token)
            if token.text == "^":
                if any(not is_prime(s) for s in sups):
                    raise self.fail("a second superscript", token, "write (a^b)^c or a^{b^c}")
                sups.append(row)
            elif sub is not None:
                raise self.fail(
                    "a second subscript", token, "put both into one: X_{ij}, or (W_1)_{ij}"
                )
            else:
                sub = row
        stop = self.tokens[self.at - 1].stop
        return Scripted(base.start, stop, base, sub, tuple(sups))

    def _shown(self, token: Token) -> str:
        return f"\\{token.text}" if token.kind == "macro" else repr(token.text)

    def script(self, token: Token) -> RowLayout:
        """Return the script behind ^ or _."""
        follows = self.next
        if follows.kind == "number" and len(follows.text) > 1:
            raise self.fail(
                f"LaTeX takes only {follows.text[0]} of {token.text}{follows.text}",
                follows,
                f"write {token.text}{{{follows.text}}}",
            )
        return self.argument(token)

    def argument(self, token: Token) -> RowLayout:
        """Return an argument of a macro: in braces, or one item."""
        follows = self.next
        if follows.kind in ("end", "row") or follows.is_char("}", "&", "^", "_"):
            raise self.fail(
                f"{self._shown(token)} has nothing to go with", token, "write it in braces"
            )
        if follows.is_char("{"):
            opened = self.take()
            body = self.row("")
            end = self._expect("}", opened)
            return RowLayout(opened.start, end.stop, body.items)
        if follows.kind == "number" and len(follows.text) > 1 and follows.text.isdecimal():
            # \frac12: an argument is one digit.
            first = replace(follows, text=follows.text[0], stop=follows.start + 1)
            rest = replace(follows, text=follows.text[1:], start=follows.start + 1)
            self.tokens[self.at : self.at + 1] = [first, rest]
        self.deeper()
        item = self.item()
        self.depth -= 1
        if item is None:
            return self.argument(token)
        return RowLayout(item.start, item.stop, (item,))

    # macros

    def macro(self, token: Token) -> Item | None:
        """Return what a macro stands for; raises UnsupportedError for one that is not read."""
        name = token.text
        build = _MACROS.get(name)
        if build is not None:
            return build(self, token)
        if name in tables.DROPPED:
            self._options()
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
    return parser.group(token, parser.take())


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
    item = row.items[0] if len(row.items) == 1 else row
    inner = item.base
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
