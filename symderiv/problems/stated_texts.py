"""What a text says under declarations; where it cannot be read, what to write instead.

Contract: declarations are added to (inferred variables, sizes of constructors); nothing else is
kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from ..core.errors import LanguageError
from ..core.expr import Expr
from ..ops import FUNCTIONS
from .declarations import Declarations
from .grammar import Statement
from .inferring import infer, is_open
from .proposals import propose
from .rewriting import KnownNames
from .statements import (
    declare_constructor_sizes,
    free_gradient_name,
    names_taken,
    number_losses,
    read_statements,
)
from .syntaxes import PYTHON, Syntax


@dataclass(frozen=True, slots=True)
class Stated:
    """What a text says: its statements, its definitions, its objective and what that is called."""

    statements: list[Statement]
    definitions: dict[str, Expr]
    objective: Expr
    label: str = ""


def stated(text: str, declared: Declarations, upstream: str | None, written: Syntax) -> Stated:
    """Return what a text says; raises LanguageError, with what to write instead."""
    before = declared.copy()
    try:
        return _stated(text, declared, upstream, written)
    except LanguageError as error:
        if written is PYTHON:
            kinds = {v.name: v.kind for v in before.variables.values()}
            names = known_names(before, kinds)
            propose(error, text, names, lambda x: _stated(x, before.copy(), upstream, PYTHON))
        raise


def _stated(text: str, declared: Declarations, upstream: str | None, written: Syntax) -> Stated:
    statements = written.parse(text)
    declare_constructor_sizes(statements, declared)
    declared.check()
    gradient = upstream or free_gradient_name(statements, declared)
    make = partial(written.reader, text, declared, upstream=gradient)
    inferred = infer(make, statements, declared) if is_open(statements, declared) else {}
    if inferred:
        declared.variables.update(inferred)
        declared.check()
    definitions, objective, label = read_statements(make, statements, declared)
    taken = names_taken(statements, declared) if upstream is None else ()
    definitions, objective = number_losses(definitions, objective, gradient, taken)
    return Stated(statements, definitions, objective, label)


def known_names(declared: Declarations, kinds: Mapping[str, str]) -> KnownNames:
    """Return what the names of a text are, for proposals of how it is written."""
    called = frozenset((*FUNCTIONS, *declared.losses, *declared.entrywise, "L"))
    return KnownNames({**dict.fromkeys(declared.dims, "scalar"), **kinds}, called)
