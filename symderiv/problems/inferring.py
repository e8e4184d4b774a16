"""Names that a text uses without declaring them: whether there are any, and their shapes."""

from __future__ import annotations

import ast
from collections.abc import Callable

from ..core.errors import UnknownNameError
from ..core.expr import Variable
from ..core.plaintext import shortened
from ..core.shapes import symbol
from .declarations import Declarations, fresh_dims
from .elaborate import CONSTANTS, Elaborator
from .grammar import Statement
from .rewriting import glued


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
