"""Variables that are declared by keyword, beside the options of a function.

Contract: no declaration is lost. A name that is an option of the function too is declared in
``variables=``; where the text uses such a name and only the option was given, that is an error.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from ..core.errors import DeclarationError, InputError
from ..core.plaintext import shortened

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
