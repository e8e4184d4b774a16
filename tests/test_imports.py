"""Imports run one way, the engine imports no numpy, and functions import nothing."""

import ast
from pathlib import Path

import symderiv

ROOT = Path(symderiv.__file__).parent

# From the bottom up: a part may import parts on lines above it, and its own.
LAYERS = [
    ["errors", "plaintext", "shapes", "interning", "budget", "cells", "dual"],
    ["expr", "fitting", "positions"],
    ["remembering"],
    ["counting"],
    ["notation.math", "notation.names", "notation.spacing"],
    ["tensor"],
    ["ops", "notation.latex", "notation.typst", "notation.unicode", "notation.words"],
    ["notation.ascii"],
    ["notation.text", "notation.written", "notation"],
    ["fixedpoint"],
    ["highprecision"],
    ["chaining", "scalars"],
    ["interop.from_sympy", "interop"],
    ["language", "explicit"],
    ["rounding"],
    ["tracing", "stacking", "literals"],
    ["simplify"],
    ["sampling", "calculus", "matrixform"],
    ["narration", "entries"],
    ["interop.to_sympy"],
    ["rechecking"],
    ["derivation"],
    ["mentions"],
    ["jacobians", "structured", "costs"],
    ["claims", "codegen"],
    ["evidence.certificate", "documents"],
    ["evidence", "library", "writing"],
    ["debugging"],
    ["outputs"],
    ["secondorder"],
    ["results"],
    ["grading"],
    ["posing"],
    ["api"],
    ["bench"],
    ["cli"],
    ["__main__", "__init__"],
]
ENGINE = [
    "literals",
    "budget",
    "errors",
    "shapes",
    "counting",
    "costs",
    "mentions",
    "interning",
    "cells",
    "dual",
    "fitting",
    "expr",
    "remembering",
    "positions",
    "notation",
    "tensor",
    "ops",
    "language",
    "fixedpoint",
    "highprecision",
    "explicit",
    "rounding",
    "scalars",
    "sampling",
    "calculus",
    "simplify",
    "matrixform",
    "narration",
    "entries",
    "rechecking",
    "derivation",
    "jacobians",
    "structured",
    "claims",
    "library",
]
# The entry road knows nothing of the index road, and documents compute nothing.
FORBIDDEN = {
    "entries": ["tensor", "calculus", "matrixform", "narration", "derivation"],
    "documents": ["tensor", "calculus", "matrixform", "entries"],
    "tensor": ["ops"],
    "ops": ["calculus", "matrixform", "entries", "language"],
    "calculus": ["entries"],
    "cli": ["tensor", "calculus", "matrixform", "entries"],
}


def modules() -> dict[str, ast.Module]:
    """Return every module of the package, parsed, by its dotted name below the package."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = ast.parse(path.read_text(encoding="utf-8"))
    return found


def imported(name: str, tree: ast.Module) -> set[str]:
    """Return the modules of this package that a module imports when it runs."""
    is_package = (ROOT / name.replace(".", "/")).is_dir()
    here = [] if name == "__init__" else name.split(".")
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level and not _only_for_types(tree, node):
            up = node.level - (1 if is_package or name == "__init__" else 0)
            base = here[: len(here) - up] if up else here
            path = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            found |= {path} if path else {a.name for a in node.names}
    return found


def _only_for_types(tree: ast.Module, node: ast.ImportFrom) -> bool:
    blocks = [n for n in ast.walk(tree) if isinstance(n, ast.If)]
    return any(
        isinstance(b.test, ast.Name) and b.test.id == "TYPE_CHECKING" and node in ast.walk(b)
        for b in blocks
    )


def layer(name: str) -> int:
    """Return the layer of a module: that of its longest name in the list."""
    parts = name.split(".")
    for k in range(len(parts), 0, -1):
        for number, names in enumerate(LAYERS):
            if ".".join(parts[:k]) in names:
                return number
    raise AssertionError(f"{name} is in no layer: add it to LAYERS")


def test_imports_run_one_way() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, tree in modules().items()
        for other in imported(name, tree)
        if name != "__init__" and layer(other) > layer(name)
    ]
    assert not wrong, "\n".join(wrong)


def test_roads_and_documents_do_not_reach_what_they_must_not_know() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, tree in modules().items()
        for other in imported(name, tree)
        if other.split(".")[0] in FORBIDDEN.get(name.split(".")[0], [])
    ]
    assert not wrong, "\n".join(wrong)


def test_engine_imports_no_numpy() -> None:
    for name, tree in modules().items():
        if name.split(".")[0] not in ENGINE:
            continue
        for node in ast.walk(tree):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(n.split(".")[0] == "numpy" for n in names), name


def test_functions_import_optional_packages_only() -> None:
    for name, tree in modules().items():
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef):
                continue
            for node in ast.walk(function):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    inside = [a.name for a in node.names]
                    inside = [node.module] if isinstance(node, ast.ImportFrom) else inside
                    assert all(str(n).split(".")[0] in ("jax", "torch") for n in inside), name


def test_files_and_functions_stay_short() -> None:
    tables = ("ops",)
    for name, tree in modules().items():
        path = ROOT / (name.replace(".", "/") + ".py")
        path = path if path.exists() else ROOT / name.replace(".", "/") / "__init__.py"
        if name.split(".")[0] not in tables:
            assert len(path.read_text(encoding="utf-8").splitlines()) <= 600, name
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                first = function.body[0]
                documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
                start = first.end_lineno if documented else function.lineno
                assert (function.end_lineno or 0) - (start or 0) <= 40, f"{name}.{function.name}"


def test_public_names_are_those_of_the_list() -> None:
    assert sorted(symderiv.__all__) == symderiv.__all__
    for name in symderiv.__all__:
        assert getattr(symderiv, name) is not None
    assert len(symderiv.__all__) <= 16
