"""Every operator name that stands as a string is a key of the table of operators."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import symderiv
from symderiv.core.expr import Expr
from symderiv.core.nodes import Notion
from symderiv.ops import TABLE
from symderiv.tensor.terms import KINDS, Term

ROOT = Path(symderiv.__file__).parent
MAKERS = {"node", "expr_node"}


@cache
def constants() -> dict[str, list[ast.expr]]:
    """Return what names are assigned at the top of modules, by name."""
    found: dict[str, list[ast.expr]] = {}
    for path in ROOT.rglob("*.py"):
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(statement, ast.Assign):
                targets = statement.targets
            elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
                targets = [statement.target]
            else:
                continue
            for target in targets:
                if isinstance(target, ast.Name):
                    found.setdefault(f"{path}:{target.id}", []).append(statement.value)  # type: ignore[arg-type]
    return found


def is_op(e: ast.AST) -> bool:
    """Whether an expression is the name of an operator, or a collection of such names."""
    if isinstance(e, ast.SetComp):
        return is_op(e.elt)
    if isinstance(e, ast.Set | ast.Tuple):
        return any(map(is_op, e.elts))
    return isinstance(e, ast.Attribute) and e.attr == "op"


def names_in(e: ast.expr, path: Path) -> Iterator[str]:
    """Yield the strings that an operator's name is compared with or looked up in."""
    if isinstance(e, ast.Constant) and isinstance(e.value, str):
        yield e.value
    elif isinstance(e, ast.Set | ast.Tuple | ast.List):
        for x in e.elts:
            yield from names_in(x, path)
    elif isinstance(e, ast.Starred):
        yield from names_in(e.value, path)
    elif isinstance(e, ast.Dict):
        for key in e.keys:
            yield from names_in(key, path) if key is not None else ()
    elif isinstance(e, ast.BinOp) and isinstance(e.op, ast.BitOr | ast.Add):
        yield from names_in(e.left, path)
        yield from names_in(e.right, path)
    elif isinstance(e, ast.Call) and isinstance(e.func, ast.Name) and e.func.id == "frozenset":
        for x in e.args:
            yield from names_in(x, path)
    elif isinstance(e, ast.Name):
        for value in constants().get(f"{path}:{e.id}", []):
            yield from names_in(value, path)


def asked(e: ast.AST) -> Iterator[ast.expr]:
    """Yield what stands where operator names must stand."""
    if isinstance(e, ast.Compare):
        sides = [e.left, *e.comparators]
        if any(map(is_op, sides)):
            yield from (s for s in sides if not is_op(s))
    elif isinstance(e, ast.BinOp) and isinstance(e.op, ast.BitAnd | ast.Sub):
        for one, other in ((e.left, e.right), (e.right, e.left)):
            if is_op(one):
                yield other
    elif isinstance(e, ast.Subscript) and is_op(e.slice):
        yield e.value
    elif isinstance(e, ast.Call) and isinstance(e.func, ast.Attribute) and e.func.attr == "get":
        if e.args and is_op(e.args[0]):
            yield e.func.value
    elif isinstance(e, ast.Call) and isinstance(e.func, ast.Name) and e.func.id in MAKERS:
        yield from e.args[:1]


def places() -> Iterator[tuple[str, str]]:
    for path in sorted(ROOT.rglob("*.py")):
        where = path.relative_to(ROOT).as_posix()
        for e in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for part in asked(e):
                for name in names_in(part, path):
                    yield f"{where}:{e.lineno}", name  # type: ignore[attr-defined]


@pytest.mark.slow
def test_operator_names_in_code_are_keys_of_the_table() -> None:
    found = list(places())
    assert len(found) > 300  # what is looked for is found
    assert {name for _, name in found} >= {"where", "cross_entropy", "matmul"}
    assert [(place, name) for place, name in found if name not in TABLE] == []


def test_notions_are_of_kinds_that_there_are() -> None:
    for base, kinds in ((Expr, TABLE.keys()), (Term, set(KINDS))):
        notions = [n for n in vars(base).values() if isinstance(n, Notion)]
        assert notions
        assert {kind for n in notions for kind in n.kinds} <= kinds
