"""The same problem with other names for its variables, definitions and given gradients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ..core.errors import DeclarationError, UnknownNameError
from ..core.plaintext import shortened
from ..ops.text import text
from . import Problem
from .declarations import Declarations
from .problem import build
from .stacking import with_names


def renamed(of: Problem, names: Mapping[str, str]) -> Problem:
    """Return a problem with names replaced; claims, which are about the old ones, stay behind.

    Raises UnknownNameError for a name that it has not, DeclarationError for one that is none, or
    is taken.

    >>> from symderiv import problem
    >>> p = renamed(problem("Z = X @ W; L(Z)", X="n, d", W="d, m"), {"X": "x_in", "Z": "out"})
    >>> print(p.text)
    out = x_in @ W
    L(out)
    """
    known = [*of.variables, *of.definitions, *of.upstream]
    for old, new in names.items():
        if old not in known:
            raise UnknownNameError(
                f"{shortened(old)} cannot be renamed: the problem has no such name",
                remedy=f"its names are: {', '.join(known)}",
            )
        if not isinstance(new, str) or not new.isidentifier():
            raise DeclarationError(f"{shortened(new)} is no name", remedy=f"rename {old} to a word")
    after = [names.get(n, n) for n in known]
    for new in after:
        if after.count(new) > 1 or (new in of.dims and new not in known):
            raise DeclarationError(f"{new} would be the name of two things", remedy="use another")
    declared = Declarations()
    for name in of.declared.losses:
        declared.declare(name, "loss")
    for name in of.declared.entrywise:
        declared.declare(name, "entrywise")
    for v in of.variables.values():
        declared.declare(names.get(v.name, v.name), v.declared, v.meaning)
    lines = [f"{names.get(n, n)} = {text(with_names(x, names))}" for n, x in of.definitions.items()]
    upstream = next(iter(of.upstream)) if len(of.upstream) == 1 else None
    built = build(
        "\n".join([*lines, text(with_names(of.objective, names))]),
        declared,
        wrt=[names.get(w, w) for w in of.wrt],
        title=of.title,
        name=of.name,
        upstream=None if upstream is None else names.get(upstream, upstream),
        meanings={names.get(n, n): m for n, m in of.meanings.items() if n not in of.variables},
    )
    return replace(built, source=of.source, order=of.order)
