"""Texts as mathematicians type them to texts of the expression language.

``x'Ax`` is ``x.T @ A @ x``, ``||Xw - y||^2`` is ``norm(X @ w - y) ** 2``.

Contract: pure; knows names and kinds, but no shapes, so that what comes out may not be readable:
``propose`` reads it before an error shows it. What has no form raises NoFormError.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from ..core.errors import LanguageError, TooLargeError

# Words for functions, by the name that they have here.
ALIASES = {
    "tr": "trace",
    "Tr": "trace",
    "Trace": "trace",
    "ln": "log",
    "Det": "det",
    "sgn": "sign",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "inverse": "inv",
    "otimes": "kron",
    "ReLU": "relu",
    "Softmax": "softmax",
    "SoftMax": "softmax",
    "Diag": "diag",
    "Exp": "exp",
    "Log": "log",
    "lse": "logsumexp",
    "LogSumExp": "logsumexp",
}

# Functions whose value is a number whatever they are given.
SCALAR_VALUED = ("trace", "det", "logdet", "norm", "norm1", "norminf", "dot", "sum", "mean")

MINUS = ("-", "−", "–", "—")
PRODUCTS = ("@", "×", "⊗", ".")  # the sign of a matrix product, and what is written for it
INNER = ("·", "⋅", "∙", "•")  # an inner product of columns, a product otherwise
ENTRYWISE = ("⊙", "∘", "⊛", ".*")

# Bars come in pairs of one sign.
BARS = ("|", "||", "‖", "∥")

# Raised signs and what they say as exponents.
EXPONENTS = {
    "ᵀ": "T",
    "⊤": "T",
    "†": "T",
    "⁻¹": "-1",
    "⁻ᵀ": "-T",
    "⁰": "0",
    "¹": "1",
    "²": "2",
    "³": "3",
    "⁴": "4",
    "⁻²": "-2",
}

# Signs that have another spelling in tokens.
SPELLED = {"½": "0.5", "¼": "0.25", "〈": "⟨", "〉": "⟩", "⟪": "⟨", "⟫": "⟩", "’": "'", "′": "'"}

LOWERED = str.maketrans({low: f"_{k}" for k, low in enumerate("₀₁₂₃₄₅₆₇₈₉")})

# Middle dots and raised digits are signs here, although Unicode lets them stand in names.
TOKEN = re.compile(
    r"\s+|[0-9.]+[jJ](?!\w)|[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+|\.[A-Za-z]\w*(?![\w(])"
    r"|(?:(?![·•½¼⁰¹²³⁴ᵀ])\w)+"
    r"|\"[^\"]*\"|'[A-Za-z]+'(?=\s*[,)])|\*\*|\|\||\.\*|⁻[¹ᵀ²]|."
)


_SUM, _SIGN, _PRODUCT, _POWER, _ATOM = 1, 2, 3, 4, 5
_DEEPEST = 60

Kind = str  # "scalar" | "vector" | "matrix" | "" where it is not known


class NoFormError(Exception):
    """The text has no form in the language that this module could find."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A rewritten part: its text, how tightly that binds, and what kind of value it is."""

    text: str
    level: int = _ATOM
    kind: Kind = ""

    def at(self, level: int) -> str:
        """Return the text, in parentheses where it binds looser."""
        return self.text if self.level >= level else f"({self.text})"


@dataclass(frozen=True)
class KnownNames:
    """What the names of a text are: kinds of variables, and names of functions."""

    kinds: Mapping[str, Kind]
    functions: frozenset[str] = field(default_factory=frozenset)

    def kind(self, name: str) -> Kind:
        """Return the kind of a name; of one that nothing is known of, by its letter."""
        if name in self.kinds:
            return self.kinds[name]
        if name[0].isupper():
            return "matrix"
        return "scalar" if name[0] in "abcdefg" or not name.isascii() else "vector"

    def split(self, word: str) -> list[str] | None:
        """Return the names that are glued in a word, one name included; None where it is none."""
        if word in self.kinds or word in self.functions or word in ALIASES:
            return [word]
        return self._known_parts(word) or self._letters(word)

    def place(self, word: str) -> str | None:
        """Return the entry that a word with an index stands for: x[i] for x_i, or None."""
        stem, under, index = word.rpartition("_")
        joined = stem + index
        if under and joined in self.kinds:
            return joined
        if not under or stem not in self.kinds or not index.isalnum():
            return None
        marks = index if index.isdecimal() or len(index) == 1 else ", ".join(index)
        return f"{stem}[{marks}]"

    def _known_parts(self, word: str) -> list[str] | None:
        longest = max(map(len, self.kinds), default=0)
        # From the end on, so that every rest is split once.
        rests: dict[int, list[str]] = {len(word): []}
        for start in reversed(range(len(word))):
            for stop in range(min(len(word), start + longest), start, -1):
                if stop in rests and word[start:stop] in self.kinds:
                    rests[start] = [word[start:stop], *rests[stop]]
                    break
        return rests.get(0)

    def _letters(self, word: str) -> list[str] | None:
        """Return the letters of a short word with a capital in it, each with its digits."""
        parts = re.findall(r"[^\W\d_](?:_?\d+)?", word)
        if "".join(parts) != word:
            return None
        short = len(parts) < 4 and word.lower() != word and word not in self.functions
        return parts if len(parts) == 1 or short else None


def glued(word: str, known: Mapping[str, object]) -> list[str] | None:
    """Return the known names of which a word is made, two at least, or None.

    >>> glued("AX", {"A": 1, "X": 1}), glued("AX", {"A": 1})
    (['A', 'X'], None)
    """
    parts = KnownNames(dict.fromkeys(known, ""))._known_parts(word)
    return parts if parts is not None and len(parts) > 1 else None


def _tokens(line: str) -> Iterator[str]:
    at, line = 0, line.translate(LOWERED)
    while at < len(line):
        match = TOKEN.match(line, at)
        if match is None:
            raise NoFormError
        at = match.end()
        if not match.group().isspace():
            yield SPELLED.get(match.group(), match.group())


class Rewriter:
    """A descent over the tokens of one line."""

    def __init__(self, line: str, names: KnownNames, star: str, power: str) -> None:
        self.names, self.star, self.power = names, star, power
        self.tokens = [*_tokens(line), "", "", ""]  # the end, as far as is looked ahead
        self.at = self.depth = 0
        self.open: list[str] = []

    @property
    def next(self) -> str:
        """The token that is next; empty at the end."""
        return self.tokens[self.at]

    def take(self, wanted: str = "") -> str:
        """Return the next token and go on; it must be the wanted one, where one is given."""
        token = self.next
        if not token or (wanted and token != wanted):
            raise NoFormError
        self.at += 1
        return token

    def statement(self) -> str:
        """Return a definition or an expression; ``f(x) = ..`` is what it is equal to."""
        head = re.match(r"\w+\Z", self.next)
        name = ""
        if head and self.tokens[1] == "=" and self.tokens[2] != "=":
            name, self.at = self.next, 2
        elif head and "=" in self.tokens and self.tokens[1] == "(":
            self.at = self.tokens.index("=") + 1
        found = self.sum()
        if self.next:
            raise NoFormError
        return f"{name} = {found.text}" if name else found.text

    def sum(self) -> _Piece:
        """Return a sum of products."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise NoFormError
        found = self.product()
        while self.next in ("+", *MINUS):
            sign = "+" if self.take() == "+" else "-"
            right = self.product()
            text = f"{found.text} {sign} {right.at(_SIGN if sign == '+' else _PRODUCT)}"
            found = _Piece(text, _SUM, found.kind or right.kind)
        self.depth -= 1
        return found

    def product(self) -> _Piece:
        """Return a product, written with a sign or side by side."""
        found = self.factor()
        while True:
            token = self.next
            if token in PRODUCTS or token in ENTRYWISE or token in INNER or token in ("/", "*"):
                self.take()
                found = self.joined(token, found, self.factor())
            elif self.starts_a_factor():
                found = self.joined("", found, self.factor())
            else:
                return found

    def starts_a_factor(self) -> bool:
        """Whether the next token begins a factor, so that a product is meant."""
        token = self.next
        if not token:
            return False
        closes = bool(self.open) and token == self.open[-1]
        return token[0].isalnum() or (token in ("(", "√", "⟨", *BARS) and not closes)

    def joined(self, sign: str, left: _Piece, right: _Piece) -> _Piece:
        """Return a product or a quotient of two factors."""
        kinds = {left.kind, right.kind}
        kind = (left.kind if right.kind == "scalar" else right.kind) if "scalar" in kinds else ""
        if sign == "*":
            sign = "*" if "scalar" in kinds else self.star
        elif sign in ENTRYWISE:
            sign = "*"
        elif sign == "⊗":
            return _Piece(f"kron({left.text}, {right.text})", _ATOM, "matrix")
        elif sign in INNER and kinds == {"vector"} and not left.text.endswith(".T"):
            return _Piece(f"{left.at(_ATOM)}.T @ {right.at(_POWER)}", _PRODUCT, "scalar")
        elif sign != "/":
            sign = "*" if "scalar" in kinds else "@"
        first = left.text if left.level == _SIGN else left.at(_PRODUCT)
        return _Piece(f"{first} {sign} {right.at(_POWER)}", _PRODUCT, kind)

    def factor(self) -> _Piece:
        """Return a factor with its sign, its power and its marks."""
        if self.next in ("+", *MINUS):
            sign = "" if self.take() == "+" else "-"
            found = self.factor()
            return _Piece(f"{sign}{found.at(_PRODUCT)}", _SIGN if sign else found.level, found.kind)
        found = self.primary()
        while True:
            token = self.next
            if token == "'":
                self.take()
                found = _transposed(found)
            elif token in EXPONENTS:
                self.take()
                found = self.raised(found, EXPONENTS[token])
            elif token in ("^", "**"):
                self.take()
                found = self.raised(found, self.exponent())
            elif token == "[":
                found = _Piece(f"{found.at(_ATOM)}{self.verbatim()}", _ATOM, "")
            elif token.startswith(".") and token[1:].isidentifier():
                self.take()
                found = _Piece(f"{found.at(_ATOM)}{token}", _ATOM, found.kind)
            else:
                return found

    def exponent(self) -> str:
        """Return what stands behind ^: a group, or one sign."""
        if self.next in ("{", "("):
            close = "}" if self.take() == "{" else ")"
            inner = self.next if self.tokens[self.at + 1] == close else ""
            if inner in ("T", "⊤", "top", "H"):
                self.take()
            else:
                inner = self.sum().text
            self.take(close)
            return inner
        minus = "-" if self.next in MINUS else ""
        if minus:
            self.take()
        token = self.take()
        if token[0] in "T⊤" and not minus and token not in self.names.kinds:
            if token[1:]:  # x^TAx: an exponent without braces is one sign
                self.at -= 1
                self.tokens[self.at] = token[1:]
            return "T"
        if not (token[0].isalnum()):
            raise NoFormError
        return f"{minus}{token}{self.tower()}"

    def tower(self) -> str:
        """Return what an exponent is raised to itself: a tower of powers is read from above."""
        above = self.tokens[self.at + 1]
        if self.next not in ("^", "**") or above[:1] in ("T", "⊤", "", *MINUS):
            return ""
        self.take()
        return f" ** {self.exponent()}"

    def raised(self, base: _Piece, exponent: str) -> _Piece:
        """Return a power; of a matrix, its transpose, its inverse or a product with itself."""
        if exponent in ("T", "⊤", "top"):
            return _transposed(base)
        if base.text == "e" and "e" not in self.names.kinds:
            return _Piece(f"exp({exponent})")
        is_matrix = base.kind != "scalar" and base.kind != "vector" and self.power == "@"
        if is_matrix and exponent in ("-1", "-T"):
            found = _Piece(f"inv({base.text})", _ATOM, "matrix")
            return found if exponent == "-1" else _transposed(found)
        if base.kind == "matrix" and self.power == "@" and exponent.isdecimal():
            return _Piece(f"matrix_power({base.text}, {exponent})", _ATOM, "matrix")
        power = exponent if re.fullmatch(r"-?\w+(\.\d+)?", exponent) else f"({exponent})"
        return _Piece(f"{base.at(_ATOM)} ** {power}", _POWER, base.kind)

    def primary(self) -> _Piece:
        """Return a number, a name, a call, or what stands in brackets or between bars."""
        token = self.take()
        if token[0].isdigit() or (token[0] == "." and token[1:2].isdigit()):
            if token[-1] in "jJ":
                raise NoFormError  # an imaginary number
            return _Piece(token, _ATOM, "scalar")
        if token == "(":
            return self.enclosed(")")
        if token in BARS:
            return self.between_bars(token)
        if token == "⟨":
            left, right = self.enclosed(","), self.enclosed("⟩")
            return _Piece(f"dot({left.text}, {right.text})", _ATOM, "scalar")
        if token == "√":
            inner = self.primary()
            return _Piece(f"sqrt({inner.text})", _ATOM, inner.kind)
        if token[0].isalpha():
            return self.word(token)
        raise NoFormError

    def enclosed(self, close: str) -> _Piece:
        """Return the sum up to a closing sign."""
        self.open.append(close)
        found = self.sum()
        self.take(close)
        self.open.pop()
        return found

    def between_bars(self, bar: str) -> _Piece:
        """Return a norm, an absolute value or a determinant."""
        inner = self.enclosed(bar)
        if bar == "|":
            name = "det" if inner.kind == "matrix" else "abs"
            return _Piece(f"{name}({inner.text})", _ATOM, "scalar" if name == "det" else inner.kind)
        name, rest = "norm", self.next
        if rest.startswith("_"):
            self.take()
            kind = rest[1:] or self.take()
            name = {"1": "norm1", "∞": "norminf", "inf": "norminf"}.get(kind, "norm")
            if name == "norm" and kind not in ("2", "F"):
                raise NoFormError
        return _Piece(f"{name}({inner.text})", _ATOM, "scalar")

    def word(self, token: str) -> _Piece:
        """Return a function of what follows, or the names that are glued in a word."""
        if token.endswith("_") and self.next == "{":
            self.take()
            token += self.take()
            self.take("}")
        known = token in self.names.kinds
        name = ALIASES.get(token, token)
        if not known and name in self.names.functions:
            return self.called(name)
        if self.next == "(" and not known and self.names.split(token) in (None, [token]):
            return _Piece(f"{token}{self.verbatim()}")
        entry = None if known else self.names.place(token)
        if entry is not None:
            return _Piece(entry, _ATOM, "scalar" if "[" in entry else self.names.kind(entry))
        parts = self.names.split(token)
        if parts is None:
            raise NoFormError
        # The last part takes the marks that follow; the others are factors in front.
        self.tokens[self.at : self.at] = parts[1:]
        return _Piece(parts[0], _ATOM, self.names.kind(parts[0]))

    def called(self, name: str) -> _Piece:
        """Return a call; without parentheses, of the next factor, a trace of the product."""
        kind = "scalar" if name in SCALAR_VALUED else ""
        if self.next == "(":
            self.take()
            arguments = [self.sum().text]
            while self.next == ",":
                self.take()
                arguments.append(self.argument())
            self.take(")")
            inner = ", ".join(arguments)
        else:
            found = self.product() if name in SCALAR_VALUED else self.factor()
            inner = found.text
            if name == "log" and (bars := re.fullmatch(r"det\((.*)\)", inner)):
                return _Piece(f"logdet({bars[1]})", _ATOM, "scalar")
        return _Piece(f"{name}({inner})", _ATOM, kind)

    def argument(self) -> str:
        """Return a further argument: an option, a text, or an expression."""
        if self.next[:1] in "\"'" and len(self.next) > 1:
            return self.take()
        if self.tokens[self.at + 1] == "=":
            return f"{self.take()}{self.take()}{self.sum().text}"
        return self.sum().text

    def verbatim(self) -> str:
        """Return brackets and what is in them, with every expression inside rewritten."""
        close = "]" if self.take() == "[" else ")"
        parts = []
        while self.next and self.next != close:
            parts.append(self.take() if self.next in (",", ":") else self.sum().text)
        self.take(close)
        inside = " ".join(parts).replace(" ,", ",")
        return f"[{inside}]" if close == "]" else f"({inside})"


def _transposed(x: _Piece) -> _Piece:
    if x.kind == "scalar":
        return x
    return _Piece(f"{x.at(_ATOM)}.T", _ATOM, x.kind)


_LONGEST = 2_000  # characters of a text that is looked at
_LONGEST_PROPOSAL = 400


def rewritten(text: str, names: KnownNames, reads: Callable[[str], bool]) -> str | None:
    """Return a text of the language that says what a text says, or None.

    ``reads`` tells whether a proposal can be read; the first that can is returned.

    >>> rewritten("||Xw - y||^2", KnownNames({}), lambda text: True)
    'norm(X @ w - y) ** 2'
    """
    if len(text) > _LONGEST:
        return None
    lines = [line for line in re.split(r"[;\n]", text.partition("#")[0]) if line.strip()]
    for star, power in (("*", "@"), ("@", "@"), ("*", "*"), ("@", "*")):
        try:
            found = [Rewriter(line, names, star, power).statement() for line in lines]
        except (NoFormError, RecursionError):
            continue
        proposal = "; ".join(found)
        if len(proposal) <= _LONGEST_PROPOSAL and not _same(proposal, text) and reads(proposal):
            return proposal
    return None


def propose(
    error: LanguageError, text: str, names: KnownNames, read: Callable[[str], object]
) -> None:
    """Let an error say how its text is written in the language, where ``read`` can read that.

    A number beyond the limits is written as it should be: what could be read says something else.
    """
    if isinstance(error, TooLargeError):
        return

    def reads(proposal: str) -> bool:
        try:
            read(proposal)
        except LanguageError:
            return False
        return True

    found = rewritten(text, names, reads)
    if found is not None:
        error.remedy = f"write {found}"


def _same(left: str, right: str) -> bool:
    """Whether two texts are one program, so that nothing was rewritten."""
    try:
        return ast.dump(ast.parse(left)) == ast.dump(ast.parse(right.strip()))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
