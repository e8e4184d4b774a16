"""Declarations: ``X: n, d symmetric`` to a variable, and the default kinds of undeclared names.

Contract: knows how names and shapes are declared, nothing of expressions.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.errors import DeclarationError, InputError, Span, UnknownNameError
from ..core.expr import Variable
from ..core.plaintext import shortened
from ..core.shapes import ONE, Dim, Shape, size, summed_sizes, symbol
from .properties import PROPERTIES, SQUARE, is_word_of_properties, remedy_for
from .sentences import NAME, check_name, sentence

_LONGEST = 1_000  # characters of a shape
_PART = re.compile(r"[^\s,]+")


@dataclass(slots=True)
class Declarations:
    """What is declared: variables, losses, entrywise functions, and the dimensions they use."""

    variables: dict[str, Variable] = field(default_factory=dict)
    losses: dict[str, None] = field(default_factory=dict)
    entrywise: dict[str, None] = field(default_factory=dict)
    dims: dict[str, None] = field(default_factory=dict)

    def copy(self) -> Declarations:
        """Return declarations that can be added to without changing these."""
        return Declarations(
            dict(self.variables), dict(self.losses), dict(self.entrywise), dict(self.dims)
        )

    def declare(self, name: str, text: object, meaning: str = "") -> None:
        """Add the declaration ``name: text``; raises DeclarationError with its place."""
        if not isinstance(text, str) or not isinstance(name, str):
            check_name(name, "")
            raise DeclarationError(
                f"the shape of {name} is {shortened(text)}, not a text",
                remedy=f'write it as a text: {name}="n, d"',
            )
        # Python reads the letters of names so in a text; what is no letter stays to be refused.
        name = "".join(unicodedata.normalize("NFKC", c) if is_letter(c) else c for c in name)
        line = f"{name}: {text}"
        self.check_name(name, line)
        if len(text) > _LONGEST:
            raise DeclarationError(
                f"the shape of {name} has {len(text):,} characters; the limit is {_LONGEST:,}",
                remedy='a shape is a few sizes: "n, d"',
            )
        meaning = sentence(meaning, f"the meaning of {name}")
        words = [(m.group(), m.start() + len(name) + 2) for m in _PART.finditer(text)]
        if [w for w, _ in words] == ["loss"]:
            self.losses[name] = None
        elif [w for w, _ in words] == ["entrywise"]:
            self.entrywise[name] = None
        else:
            self._declare_variable(name, line, words, meaning)

    def check_name(self, name: str, line: str) -> None:
        """Refuse what is no name, or is in use; raises DeclarationError."""
        here = Span(line, 0, len(name))
        check_name(name, "", here)
        if name in self.variables or name in self.losses or name in self.entrywise:
            raise DeclarationError(f"{name!r} is declared twice", span=here)

    def _declare_variable(
        self, name: str, line: str, words: list[tuple[str, int]], meaning: str
    ) -> None:
        here = Span(line, 0, len(line))
        properties = tuple(w for w, _ in words if w in PROPERTIES)
        sizes = [(w, at) for w, at in words if w not in PROPERTIES and w != "scalar"]
        self._check_words(name, line, sizes)
        if not words:
            raise DeclarationError(
                f"{name} has no shape", span=here, remedy=f"write {name}: scalar, n, or n, d"
            )
        if any(w == "scalar" for w, _ in words) and sizes:
            raise DeclarationError(
                f"{name} is a scalar and has a shape",
                span=here,
                remedy=f"write one of them: {name}: scalar, or {name}: n",
            )
        dims = [self._dim(word, Span(line, at, at + len(word)), name) for word, at in sizes]
        if len(dims) > 2 and dims[0] == ONE:
            raise DeclarationError(
                f"the first axis of {name} has size 1",
                span=here,
                remedy=f"leave it out: {name}: {', '.join(map(str, dims[1:]))}",
            )
        kind = ("scalar", "vector", "matrix", "tensor")[min(len(dims), 3)]
        shape: Shape = (*dims, *(ONE,) * (2 - len(dims)))
        if SQUARE & set(properties) and shape[-2] != shape[-1]:
            raise DeclarationError(
                f"{name} is {' '.join(properties)} but not square",
                span=here,
                remedy=f"give it two equal sizes: {name}: n, n {properties[0]}",
            )
        self._check_structure(name, properties, kind, here)
        self.variables[name] = Variable(name, shape, kind, properties, False, meaning)

    @staticmethod
    def _check_words(name: str, line: str, words: list[tuple[str, int]]) -> None:
        """Refuse words that are no property where only a property can stand."""
        for word, at in words:
            # Sizes are separated by commas; what follows one without a comma says what it is.
            before = line[len(name) + 1 : at].rpartition(",")[2].split()
            follows = any(w not in PROPERTIES for w in before)
            near = len(word) > 3 and difflib.get_close_matches(word, [*PROPERTIES, "scalar"], 1)
            if follows or near or is_word_of_properties(word):
                raise DeclarationError(
                    f"{word!r} in the shape of {name} is not a property",
                    span=Span(line, at, at + len(word)),
                    remedy=remedy_for(word),
                )

    def _check_structure(
        self, name: str, properties: tuple[str, ...], kind: str, here: Span
    ) -> None:
        """Refuse structures for which no points can be drawn, so that nothing could be checked."""
        structures = [p for p in properties if p in SQUARE]
        if kind == "tensor" and structures:
            raise DeclarationError(
                f"{structures[0]} is a property of a matrix, and {name} is a tensor",
                span=here,
                remedy="leave it out, or declare one matrix",
            )
        others = [p for p in structures if p not in ("orthogonal", "invertible")]
        if "orthogonal" in structures and others:
            raise DeclarationError(
                f"{name} is orthogonal and {others[0]}: there is no rule for both together",
                span=here,
                remedy="declare the one that is used",
            )

    def _dim(self, word: str, here: Span, name: str) -> Dim:
        if "+" in word.strip("+"):
            return summed_sizes([self._dim(w, here, name) for w in word.strip("()").split("+")])
        result = ONE
        for part in word.split("*"):
            if part.isdecimal() and 0 < int(part) < 10**9:
                result = result * size(int(part))
            elif NAME.match(part):
                self.dims[check_name(part, "", here)] = None
                result = result * symbol(part)
            else:
                raise DeclarationError(
                    f"{word!r} in the shape of {name} is not a size",
                    span=here,
                    remedy="a size is a symbol (n), a positive integer, n*m or n+1",
                )
        return result

    def check(self) -> None:
        """Refuse a name that is two things: a variable and a size, a derivative f' and another."""
        for function in self.entrywise:
            for name in derivatives_of(function):
                if name in {**self.variables, **self.dims, **self.losses, **self.entrywise}:
                    raise DeclarationError(
                        f"{name!r} is the derivative of {function}, and declared as something else",
                        remedy="give one of them another name",
                    )
        for name in self.dims:
            if name in self.variables:
                raise DeclarationError(
                    f"{name!r} is declared as a variable and used as a size",
                    remedy="give one of them another name",
                )


def derivatives_of(function: str) -> tuple[str, ...]:
    """Return the names under which the derivatives of an unspecified function are written.

    >>> derivatives_of("f")
    ('fp', 'fpp', 'fppp')
    """
    return tuple(function + "p" * order for order in (1, 2, 3))


def is_letter(sign: str) -> bool:
    """Whether a sign may stand in a name: a letter (Latin or Greek), a digit or _.

    Greek letters in another shape (ϕ, ϵ) are those that Python reads them as.

    >>> is_letter("X"), is_letter("λ"), is_letter("ϕ"), is_letter("·"), is_letter("ᵀ")
    (True, True, True, False, False)
    """
    read = sign if sign.isascii() else unicodedata.normalize("NFKC", sign)
    return (sign.isascii() or not read.isascii()) and NAME.match(f"x{read}") is not None


def default_kind(name: str) -> str:
    """Return the kind of an undeclared name: the rule of the language for single letters.

    >>> default_kind("a"), default_kind("x"), default_kind("Wq")
    ('scalar', 'vector', 'matrix')
    """
    if name[0].isupper():
        return "matrix"
    if len(name) == 1 and not name.isascii():
        return "scalar"
    if len(name) == 1 and name in "abcdefg":
        return "scalar"
    if len(name) == 1 and name in "hijklmnopqrstuvwxyz":
        return "vector"
    raise UnknownNameError(f"{name!r} is not declared")


def fresh_dims(taken: set[str]) -> list[str]:
    """Return names for inferred dimensions, the conventional ones first."""
    names = [c for c in "nmkpqrstuvw" if c not in taken]
    return names + [f"n{k}" for k in range(1, 200) if f"n{k}" not in taken]


def parse_var_options(texts: Sequence[str]) -> dict[str, str]:
    """Return declarations ``"X: n, d"`` by name; raises DeclarationError, also for one of two."""
    found: dict[str, str] = {}
    for text in texts:
        name, shape = parse_var_option(text)
        if name in found:
            raise DeclarationError(
                f"{shortened(name)} is declared twice", remedy="leave one of them out"
            )
        found[name] = shape
    return found


def parse_var_option(text: str) -> tuple[str, str]:
    """Split ``"X: n, d"``; raises DeclarationError.

    >>> parse_var_option("X: n, d")
    ('X', 'n, d')
    """
    name, colon, shape = text.partition(":")
    if not colon:
        raise DeclarationError(
            "a declaration needs a colon",
            span=Span(text, 0, len(text)),
            remedy='write it as --var "X: n, d"',
        )
    return name.strip(), shape.strip()


_WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_DEFINED = re.compile(r"(?:^|[;\n])[ \t]*([A-Za-z_]\w*)[ \t]*=(?!=)")
_COMMENT = re.compile(r"#[^\n]*")


def declared_by(
    variables: Mapping[str, str] | None,
    keywords: Mapping[str, str],
    options: Mapping[str, object],
    used: Collection[str] = (),
) -> dict[str, Any]:
    """Return the declarations of ``variables=`` and of the keywords of a call.

    ``options`` are the options that were given, ``used`` the names that the text uses. Raises
    DeclarationError where a name could be meant both ways, InputError for what is no table.

    >>> declared_by({"name": "n"}, {"X": "n, d"}, {"title": "a"}, ["X", "name"])
    {'name': 'n', 'X': 'n, d'}
    """
    if variables is None:
        variables = {}
    if not isinstance(variables, Mapping):
        raise InputError(
            f"variables= is {shortened(variables)}, not a table of declarations",
            remedy='variables={"X": "n, d"}',
        )
    for name in keywords:
        if name in variables:
            raise DeclarationError(
                f"{name!r} is declared twice: in variables=, and as {name}=",
                remedy="leave one of them out",
            )
    for name, value in options.items():
        if name in used and name not in variables and value:
            shape = value if isinstance(value, str) and len(value) < 40 else "n"
            raise DeclarationError(
                f"{name}= is an option here, and {name!r} a name in the text",
                remedy=f'declare it in a table: variables={{"{name}": "{shape}"}}',
            )
    return {**variables, **keywords}


def used_names(text: object) -> set[str]:
    """Return the names that a text uses and does not define itself.

    >>> sorted(used_names("Z = X @ W; L(Z)"))
    ['L', 'W', 'X']
    """
    if not isinstance(text, str):
        return set()
    plain = _COMMENT.sub("", text)
    return {*_WORD.findall(plain)} - {*_DEFINED.findall(plain)}
