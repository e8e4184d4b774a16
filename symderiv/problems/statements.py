"""Statements to definitions and an objective, each unspecified loss with its given gradient.

Contract: what is read is complete in itself; a name stands for one thing.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping
from itertools import chain, count

from ..core.errors import DeclarationError, IndexNameError
from ..core.expr import Expr, free_indices, node, rebuild, walk
from ..core.shapes import SCALAR
from .declarations import Declarations, derivatives_of
from .elaborate import CONSTANTS, Elaborator
from .found_sizes import settle
from .grammar import Statement

_CONSTRUCTORS = ("ones", "zeros", "eye", "onehot")


def declare_constructor_sizes(statements: list[Statement], declared: Declarations) -> None:
    """``ones(n)`` and ``eye(n)`` declare n, also for what stands before them."""
    for statement in statements:
        for at in ast.walk(statement.value):
            named_call = isinstance(at, ast.Call) and isinstance(at.func, ast.Name)
            if not named_call or at.func.id not in _CONSTRUCTORS:  # type: ignore[attr-defined]
                continue
            sizes = at.args[1:] if at.func.id == "onehot" else at.args  # type: ignore[attr-defined]
            for size in sizes:
                for leaf in ast.walk(size):
                    if isinstance(leaf, ast.Name) and leaf.id not in declared.variables:
                        declared.dims.setdefault(leaf.id)


def names_taken(statements: list[Statement], declared: Declarations) -> set[str]:
    """Return the names of definitions and of everything that is declared."""
    taken = {s.name or "" for s in statements} | set(declared.variables)
    return taken | {*declared.dims, *declared.losses, *declared.entrywise}


def free_gradient_name(statements: list[Statement], declared: Declarations) -> str:
    """Return a name for the given gradient that nothing else has: G, mostly."""
    names = {at.id for s in statements for at in ast.walk(s.value) if isinstance(at, ast.Name)}
    taken = names | names_taken(statements, declared)
    more = (f"G_up{k}" for k in count(1))
    return next(g for g in chain(("G", "dL", "dLoss", "G_up"), more) if g not in taken)


def read_statements(
    make: Callable[..., Elaborator], statements: list[Statement], declared: Declarations
) -> tuple[dict[str, Expr], Expr, str]:
    """Return definitions, the objective and its name, if it has one; raises LanguageError.

    The last line is the objective, or names it: a definition called L is the loss.
    """
    definitions: dict[str, Expr] = {}
    for k, statement in enumerate(statements):
        reader = make(definitions)
        value = settle(reader, reader.read(statement.value))
        loose = free_indices(value)
        if loose:
            raise IndexNameError(
                f"the index {next(iter(loose))} is free: nothing sums over it",
                span=statement.span,
                remedy=f"bind it: Sum({next(iter(loose))}, ...)",
            )
        if statement.name is None and k < len(statements) - 1:
            raise DeclarationError(
                "an expression before the last line has no name",
                span=statement.span,
                remedy="name it (Z = ...), or write only one objective, last",
            )
        if statement.name is None:
            return _without_repeated(definitions, value)
        _check_definition(statement, declared, definitions)
        definitions[statement.name] = value
    last = statements[-1]
    if value.shape == SCALAR and last.name is not None:
        del definitions[last.name]
        return definitions, value, last.name
    raise DeclarationError(
        "there is no objective: the last line is a definition",
        span=last.span,
        remedy=f"add what is to be differentiated, such as L({last.name})",
    )


def _without_repeated(
    definitions: dict[str, Expr], objective: Expr
) -> tuple[dict[str, Expr], Expr, str]:
    """Take a last line that only repeats the name of a number defined last as that definition."""
    last = next(reversed(definitions), "")
    if objective.op == "named" and objective.data == last and objective.shape == SCALAR:
        others = {n: x for n, x in definitions.items() if n != last}
        return others, definitions[last], last
    return definitions, objective, ""


def _check_definition(
    statement: Statement, declared: Declarations, definitions: Mapping[str, Expr]
) -> None:
    name = statement.name or ""
    for taken, what in (
        (declared.variables, "a variable"),
        (definitions, "defined already"),
        (declared.dims, "a size"),
        (declared.entrywise, "an unspecified function"),
        ({p for f in declared.entrywise for p in derivatives_of(f)}, "the derivative of one"),
        (dict.fromkeys(CONSTANTS), "a constant"),
    ):
        if name in taken:
            raise DeclarationError(
                f"{name!r} is {what}", span=statement.span, remedy="use another name"
            )
    Declarations().check_name(name, name)


def losses_of(x: Expr) -> list[Expr]:
    """Return the unspecified losses in an expression."""
    return [e for e in walk(x) if e.op == "loss"]


def number_losses(
    definitions: dict[str, Expr],
    objective: Expr,
    upstream: str,
    taken: Collection[str] = (),
) -> tuple[dict[str, Expr], Expr]:
    """Give every unspecified loss a gradient of its own: G when there is one, else G1, G2, ..

    None of them has a name that is ``taken``: they are G_1, G_2, .. where one would.
    """
    found = losses_of(objective)
    if len(found) < 2:
        return definitions, objective
    while any(f"{upstream}{k}" in taken for k in range(1, len(found) + 1)):
        upstream += "_"
    number = {e: f"{upstream}{k}" for k, e in enumerate(found, 1)}

    def change(old: Expr, args: tuple[Expr, ...]) -> Expr:
        data = (old.data[0], number[old]) if old in number else old.data  # type: ignore[index]
        return node(old.op, args, old.shape, data)

    return {n: rebuild(x, change) for n, x in definitions.items()}, rebuild(objective, change)


def _parts(loss: Expr) -> tuple[str, str]:
    """Return the name of an unspecified loss and that of its gradient."""
    assert isinstance(loss.data, tuple)
    return loss.data[0], loss.data[1]


def given_gradients(
    objective: Expr, declared: Declarations, definitions: Mapping[str, Expr]
) -> dict[str, Expr]:
    """Return the given gradients by name, each with the argument of its loss."""
    given: dict[str, Expr] = {}
    losses = losses_of(objective)
    for e in losses:
        name = _parts(e)[1]
        taken = {**declared.variables, **definitions, **declared.dims}
        called = {*declared.losses, *declared.entrywise, *(loss for loss, _ in map(_parts, losses))}
        if name in taken or name in called:
            raise DeclarationError(
                f"the given gradient {name!r} has the name of a variable",
                remedy='give it another: upstream = "dZ"',
            )
        given[name] = e.args[0]
    return given
