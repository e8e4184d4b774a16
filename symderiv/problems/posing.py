"""What is given to us as a problem (a text, a file, a name, an expression of SymPy), decided once.

Contract: a declaration is read or refused, never lost; an argument of a wrong type is an error
that says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from ..core.errors import InputError, UnknownNameError
from ..core.plaintext import shortened
from . import Problem, load_file
from .declarations import Declarations, declared_by, used_names
from .from_sympy import is_sympy
from .library import load_named, names
from .problem import as_written, build

# What is written as a name is: words of two letters or more, with hyphens.
_WORDS = re.compile(r"[^\W_][\w.]+(-[\w.]{2,})+")
_WORD = re.compile(r"[a-z]\w+")  # as a name of the language it would have to be declared


class PosingCall(NamedTuple):
    """What a call declares: in ``variables=``, by keywords, and which options it gives."""

    variables: Mapping[str, str] | None
    declarations: Mapping[str, str]
    syntax: str = "python"
    options: Mapping[str, object] = {}
    upstream: str | None = None  # the name of the given gradient

    @property
    def declares(self) -> list[str]:
        """Return the names that are declared."""
        given = [self.upstream] if self.upstream else []
        return [*(self.variables or {}), *self.declarations, *given]

    def read_as(self, syntax: str) -> PosingCall:
        """Return the same call for a text in another syntax."""
        return self._replace(syntax=syntax)


def load(source: str | Path) -> Problem:
    """Return the problem of a TOML file, or a ready-made one by its name.

    >>> load("linear-layer").wrt
    ('W', 'b', 'X')
    """
    if not isinstance(source, str | Path):
        raise InputError(f"{shortened(source)} names no problem", remedy='load("linear-layer")')
    path = Path(source)
    if path.suffix == ".toml" or _is_file(path):
        return load_file(path)
    return load_named(str(source))


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def posed(of: Problem | str | Path | Any, call: PosingCall) -> Problem:
    """Return the problem that is given in one of the ways there are; raises LanguageError."""
    if isinstance(of, Problem):
        _refuse_declarations(call, "a problem")
        return of
    if names_problem(of):
        _refuse_declarations(call, "a file")
        return load(of)
    if isinstance(of, str) and not call.declares and _WORDS.fullmatch(of):
        raise _no_problem(of, get_close_matches(of, names()) or names())
    if isinstance(of, str) and not call.declares and _WORD.fullmatch(of):
        near = get_close_matches(of.replace("_", "-"), names())
        if near:
            raise _no_problem(of, near)
    return stated(of, call)


def _no_problem(name: str, known: list[str]) -> UnknownNameError:
    return UnknownNameError(
        f"there is no file and no ready-made problem {name!r}",
        remedy=f"ready-made: {', '.join(known)}; a file ends in .toml",
    )


def names_problem(of: object) -> bool:
    """Whether what is given names a file or a ready-made problem; any other text states one.

    >>> names_problem("linear-layer"), names_problem("my.toml"), names_problem("L(X @ W)")
    (True, True, False)
    """
    return isinstance(of, Path) or (isinstance(of, str) and (of in names() or is_file_name(of)))


def is_file_name(text: str) -> bool:
    """Whether a text is the name of a problem's file."""
    return text.endswith(".toml")


def stated(source: Any, call: PosingCall) -> Problem:
    """Return the problem that a text, or an expression of SymPy, states."""
    written = as_written(source)
    given = declared_by(call.variables, call.declarations, call.options, used_names(written.text))
    declared = Declarations()
    for name, shape in {**written.variables, **given}.items():
        declared.declare(name, shape)
    return build(written, declared, upstream=call.upstream, syntax=call.syntax)


def _refuse_declarations(call: PosingCall, what: str) -> None:
    if call.declares:
        raise InputError(
            f"the variables are declared already: {what} declares its own",
            remedy=f"leave out: {', '.join(call.declares)[:80]}",
        )


def name_of(wrt: Any) -> str | None:
    """Return the name of a variable that is named, or given as a symbol of SymPy."""
    if wrt is None or isinstance(wrt, str):
        return wrt
    name = getattr(wrt, "name", None)
    if not isinstance(name, str):
        raise InputError(f"{shortened(wrt)} is not the name of a variable", remedy='wrt="W"')
    return name


def names_of(wrt: Any) -> list[str] | None:
    """Return the names of variables: a text with commas, a symbol of SymPy, or a list of these."""
    if wrt is None:
        return None
    if isinstance(wrt, str):
        return [w.strip() for w in wrt.split(",")]
    if not isinstance(wrt, list | tuple) and not is_sympy(wrt):
        raise InputError(f"{shortened(wrt)} is no list of variables", remedy='wrt=["W", "b"]')
    return [str(name_of(w)) for w in ([wrt] if is_sympy(wrt) else wrt)]
