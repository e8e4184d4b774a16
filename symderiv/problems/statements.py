"""Statements of a text to definitions and an objective, each loss with its given gradient.

Contract: what is read is complete in itself; a name stands for one thing. Declarations are added
to (inferred variables, sizes of constructors); where a text cannot be read, the error says what to
write instead.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain, count

from ..core.errors import DeclarationError, IndexNameError, LanguageError, UnknownNameError
from ..core.expr import Expr, Variable, free_indices, node, rebuild, walk
from ..core.plaintext import shortened
from ..core.shapes import SCALAR, symbol
from ..ops import FUNCTIONS
from .declarations import Declarations, derivatives_of, fresh_dims
from .elaborate import CONSTANTS, Elaborator
from .grammar import Statement
from .rewriting import KnownNames, glued, propose
from .scope import settle
from .syntaxes import PYTHON, Syntax

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
    if objective.is_name and objective.data == last and objective.shape == SCALAR:
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
    return [e for e in walk(x) if e.is_loss]


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


def is_open(statements: list[Statement], declared: Declarations) -> bool:
    """Whether a name occurs that is neither declared nor defined nor that of a function."""
    known = {*declared.variables, *declared.dims, *CONSTANTS, *(s.name for s in statements)}
    for statement in statements:
        nodes = list(ast.walk(statement.value))
        called = {id(at.func) for at in nodes if isinstance(at, ast.Call)}
        names = (at for at in nodes if isinstance(at, ast.Name) and id(at) not in called)
        if any(at.id not in known for at in names):
            return True
    return False


def infer(
    make: Callable[..., Elaborator], statements: list[Statement], declared: Declarations
) -> dict[str, Variable]:
    """Return the undeclared variables with their shapes named."""
    reader = make({}, infer=True)
    for statement in statements:
        value = reader.read(statement.value)
        if statement.name:
            reader.definitions[statement.name] = value
    _refuse_glued(reader, statements, {*declared.variables, *reader.inferred})
    taken = {*declared.dims, *declared.variables, *reader.inferred, *CONSTANTS}
    free = iter(fresh_dims(taken))
    for variable in reader.inferred.values():
        for dim in variable.shape:
            for unknown in reader.unifier.resolve(dim).symbols:
                if unknown.startswith("?"):
                    name = next(free)
                    declared.dims[name] = None
                    reader.unifier.unify(symbol(unknown), symbol(name))
    return {
        v.name: Variable(v.name, reader.unifier.resolve_shape(v.shape), v.kind, (), True)
        for v in reader.inferred.values()
    }


def _refuse_glued(reader: Elaborator, statements: list[Statement], names: set[str]) -> None:
    """Refuse an undeclared name that is made of others: AX where there are A and X."""
    known = {**dict.fromkeys(names), **reader.definitions}
    for statement in statements:
        for at in ast.walk(statement.value):
            if not isinstance(at, ast.Name) or at.id not in reader.inferred:
                continue
            others = {n: None for n in known if n != at.id}
            parts = glued(at.id, others)
            if parts is not None:
                whole = shortened(at.id)
                raise UnknownNameError(
                    f"{whole} is not declared, and {' and '.join(dict.fromkeys(parts))} exist",
                    span=reader.span(at),
                    remedy=f"write {' @ '.join(parts[:20])}, or declare {whole[1:-1]}",
                )


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
