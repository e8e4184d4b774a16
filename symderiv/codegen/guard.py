"""Generated code runs here and nowhere else, after it was looked at.

Contract: generated code imports NumPy and SciPy alone, or the array library that it is written
for, and uses no name that it does not bind but a few of Python's own; anything else is an error of
the generator, and is not run.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

from ..core.errors import BudgetError, CheckError

_BUILTINS = frozenset(
    (
        "ValueError KeyError abs all any dict enumerate float int isinstance len list map max min "
        "range set slice sorted str sum tuple zip complex bool"
    ).split()
)
_BARRED = (ast.AsyncFunctionDef, ast.Global, ast.Nonlocal)
_OF_CLASSES = frozenset({"super", "staticmethod", "RuntimeError"})
# The modules of a library whose functions and classes a module for it is made of.
_LIBRARIES = {
    "torch": frozenset({"torch", "math"}),
    "jax": frozenset(
        {"jax", "jax.numpy", "jax.scipy.special", "jax.scipy.linalg", "math", "functools"}
    ),
}


def run(source: str, space: dict[str, Any], file: str, library: str = "") -> dict[str, Any]:
    """Run generated source in a namespace and return that; raises CheckError.

    >>> run("y = x + 1", {"x": 1}, "<sum>")["y"]
    2
    """
    try:
        code = compile(checked(source, space, library), file, "exec")
    except RecursionError:
        raise BudgetError(
            "generated code nests too deeply for Python",
            remedy="name parts of the problem by definitions",
        ) from None
    exec(code, space)
    return space


def checked(source: str, bound: Iterable[str] = (), library: str = "") -> ast.Module:
    """Return the syntax tree of generated source; raises CheckError for what it may not hold.

    ``bound`` are names that the source finds bound, and modules that it may import besides;
    ``library`` is the array library that it is written for: ``torch`` or ``jax``.

    >>> checked("__import__('os')")
    Traceback (most recent call last):
    symderiv.core.errors.CheckError: generated code may not use __import__; it is not run
    """
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    known = {*_BUILTINS, *bound, *(name for node in nodes for name in _bound(node))}
    known |= _OF_CLASSES if library else frozenset()
    for node in nodes:
        name = _barred(node, known, {*bound}, library)
        if name:
            raise CheckError(f"generated code may not use {name}; it is not run")
    return tree


def _bound(node: ast.AST) -> list[str]:
    """Return the names that a node binds."""
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        return [node.id]
    if isinstance(node, ast.arg):
        return [node.arg]
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [a.asname or a.name.split(".")[0] for a in node.names]
    return []


def _barred(node: ast.AST, known: set[str], modules: set[str], library: str) -> str:
    """Return what a node uses and may not, or nothing."""
    if isinstance(node, _BARRED) or (isinstance(node, ast.ClassDef) and not library):
        return type(node).__name__
    if isinstance(node, ast.Name) and (node.id not in known or _is_special(node.id)):
        return node.id
    if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
        return "" if library and node.attr == "__init__" else node.attr
    theirs = _LIBRARIES.get(library, frozenset())
    if isinstance(node, ast.ImportFrom):
        return "" if node.module in theirs else "ImportFrom"
    if isinstance(node, ast.Import):
        wrong = [a.name for a in node.names if not _is_allowed(a.name, {*modules, *theirs})]
        return wrong[0] if wrong else ""
    return ""


def _is_special(name: str) -> bool:
    """Whether Python gives a name a meaning of its own: ``__import__``, not ``__``."""
    return name.startswith("__") and bool(name.strip("_"))


def _is_allowed(module: str, modules: set[str]) -> bool:
    return module == "numpy" or module.split(".")[0] == "scipy" or module in modules
