"""What a user writes that is not mathematics: sentences and names, checked in one place.

Contract: a sentence (title, question, source, meaning) may hold any character; every output
escapes it. A name is what can be a module, a file and a parameter: anything else is refused.
"""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Mapping, Sequence

from ..core.errors import DeclarationError, InputError, Span
from ..core.plaintext import shortened

LONGEST_SENTENCE = 10_000  # characters
LONGEST_NAME = 100

_LETTER = "A-Za-zΑ-ΡΣ-Ωα-ω"  # Latin and Greek
NAME = re.compile(rf"_?[{_LETTER}][{_LETTER}0-9_]*\Z")
_PROBLEM_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*\Z")

# A module of one of these names in the folder of a generated test would be imported instead.
_HIDDEN = {
    *(name.lower() for name in sys.stdlib_module_names),
    *("test", "numpy", "scipy", "pytest", "conftest", "jax", "torch", "sympy", "symderiv"),
}


def sentence(value: object, what: str) -> str:
    """Return a text that is shown as it stands; raises InputError for what is none.

    >>> sentence("one layer", "the title")
    'one layer'
    """
    if not isinstance(value, str):
        raise InputError(
            f"{what} is {shortened(value)}, not a text", remedy="write it in quotes, as a string"
        )
    if len(value) > LONGEST_SENTENCE:
        raise InputError(
            f"{what} has {len(value):,} characters; the limit is {LONGEST_SENTENCE:,}",
            remedy="write a shorter one",
        )
    return _plain(value)


def sentences(values: object, what: str) -> dict[str, str]:
    """Return sentences by the name that they are about; raises InputError."""
    if not isinstance(values, Mapping):
        raise InputError(
            f"{what} is {shortened(values)}, not a table of texts", remedy='{"X": "the inputs"}'
        )
    return {
        check_name(name, f"a name of {what}"): sentence(value, f"{what}.{name}")
        for name, value in values.items()
    }


def names_of(values: object, what: str) -> tuple[str, ...]:
    """Return names as a tuple: a text with commas, or a list of texts; raises InputError."""
    if isinstance(values, str):
        return tuple(v.strip() for v in values.split(","))
    if not isinstance(values, Sequence) or not all(isinstance(v, str) for v in values):
        raise InputError(f"{what} is {shortened(values)}, not names", remedy='["W", "b"]')
    return tuple(values)


def check_name(name: object, what: str, span: Span | None = None) -> str:
    """Return what can be a name in the language and in code; raises DeclarationError.

    >>> check_name("x_1", "the upstream")
    'x_1'
    """
    if not isinstance(name, str) or not NAME.match(name):
        raise DeclarationError(
            f"{what} {shortened(name)} is not a name".strip(),
            span=span,
            remedy="a name is letters, digits and _ and starts with a letter",
        )
    if len(name) > LONGEST_NAME:
        raise DeclarationError(
            f"a name of {len(name):,} letters; the limit is {LONGEST_NAME}",
            remedy="use a shorter one",
        )
    if keyword.iskeyword(name):
        raise DeclarationError(
            f"{name!r} is a keyword of Python, in which the code is generated",
            span=span,
            remedy=f"use another name, such as {name}_",
        )
    return _plain(name)


def problem_name(name: object) -> str:
    """Return a name of a problem, which its files and its module carry; raises DeclarationError.

    >>> problem_name("linear-layer")
    'linear-layer'
    """
    if not isinstance(name, str) or not _PROBLEM_NAME.match(name) or len(name) > LONGEST_NAME:
        raise DeclarationError(
            f"the name of the problem, {shortened(name)}, cannot be the name of a file",
            remedy=f"write letters, digits, - and _, at most {LONGEST_NAME}, a letter first",
        )
    if _is_taken(name):
        what = "is a keyword of Python" if keyword.iskeyword(name) else "is the name of a module"
        raise DeclarationError(
            f"a problem cannot be called {name!r}: that {what}, and code is generated in Python",
            remedy=f"use another name, such as {name}-problem",
        )
    return _plain(name)


def _plain(text: str) -> str:
    """Return a text as one of Python's own: what a class made of it spells otherwise is left."""
    return "".join([text])


def named_after(stem: str) -> str:
    """Return the name of a problem whose file has none: what its stem has of a name.

    >>> named_after("my layer"), named_after("1st"), named_after("numpy")
    ('my_layer', 'problem_1st', 'numpy_problem')
    """
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", stem)[: LONGEST_NAME // 2].strip("_-")
    if not name[:1].isalpha():
        name = f"problem_{name}".rstrip("_")
    return f"{name}_problem" if _is_taken(name) else name


def _is_taken(name: str) -> bool:
    plain = name.replace("-", "_")
    return plain.lower() in _HIDDEN or keyword.iskeyword(plain)
