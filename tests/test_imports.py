"""Laws of the house: which way imports run, names that stand once, what docstrings say."""

import ast
import re
from functools import cache
from pathlib import Path

import symderiv

ROOT = Path(symderiv.__file__).parent

# From the bottom up: a room may import rooms that stand before it, and nothing that stands after.
ROOMS = [
    "core",
    "errors",
    "notation",
    "tensor",
    "ops",
    "calculus",
    "problems",
    "values",
    "entries",
    "derivation",
    "codegen",
    "evidence",
    "claims",
    "documents",
    "page",
    "results",
    "api",
    "cli",
    "bench",
    "__main__",
    "__init__",
]
# What leads from a text to its gradients, its steps and a verdict: it runs in a browser.
ENGINE = ROOMS[: ROOMS.index("derivation") + 1] + ["claims"]
OF_ARRAYS = ("problems.tracing", "claims.backward")  # functions of arrays, where there is NumPy
# The entry road knows nothing of the index road, documents compute nothing, and so on.
FORBIDDEN = {
    "entries": ["tensor", "calculus", "derivation"],
    "derivation": ["entries"],
    "documents": ["tensor", "calculus", "entries"],
    "tensor": ["ops"],
    "values": ["calculus"],
    "problems": ["calculus", "tensor"],
    "cli": [r for r in ROOMS if r not in ("core", "notation", "page", "results", "api", "cli")],
}

# What the others stand on: each of these classes is shown by an example.
SHOWN = {
    "core.expr": ("Expr", "Variable"),
    "core.shapes": ("Dim", "Unifier"),
    "core.scale": ("Scale",),
    "notation.math": ("Math",),
    "tensor.terms": ("Term", "Factor"),
    "tensor.orientation": ("Value",),
    "ops.base": ("Operator",),
    "problems.problem": ("Problem", "ClaimText"),
    "values.explicit": ("Explicit",),
    "derivation.derivations": ("Gradient", "DerivedGradients"),
    "derivation.narration.steps": ("Step",),
    "derivation.narration.sections": ("Section",),
    "evidence.certificate": ("Certificate",),
    "claims.verdict": ("Verdict",),
    "documents.model": ("Document",),
}


@cache
def modules() -> dict[str, ast.Module]:
    """Return every module of the package, parsed, by its dotted name below the package."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = ast.parse(path.read_text(encoding="utf-8"))
    return found


@cache
def imported(name: str, tree: ast.Module) -> set[str]:
    """Return the modules of this package that a module imports when it runs."""
    is_package = (ROOT / name.replace(".", "/")).is_dir()
    here = [] if name == "__init__" else name.split(".")
    found = set()
    skipped = _only_for_types(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level and node not in skipped:
            up = node.level - (1 if is_package or name == "__init__" else 0)
            base = here[: len(here) - up] if up else here
            path = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            for a in node.names:
                inside = f"{path}.{a.name}".strip(".")
                found.add(inside if _is_module(inside) else path)
    return found


def _is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def _only_for_types(tree: ast.Module) -> set[ast.AST]:
    """Return what stands under ``if TYPE_CHECKING``."""
    blocks = [n for n in ast.walk(tree) if isinstance(n, ast.If)]
    only = [b for b in blocks if isinstance(b.test, ast.Name) and b.test.id == "TYPE_CHECKING"]
    return {n for b in only for n in ast.walk(b)}


def test_every_module_stands_in_a_room() -> None:
    rooms = {name.split(".")[0] for name in modules()}
    assert rooms == set(ROOMS)
    loose = [name for name in rooms if (ROOT / f"{name}.py").is_file()]
    assert len(loose) <= 6, loose


def test_imports_run_one_way() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, tree in modules().items()
        for other in imported(name, tree)
        if name != "__init__" and ROOMS.index(other.split(".")[0]) > ROOMS.index(name.split(".")[0])
    ]
    assert not wrong, "\n".join(wrong)


def test_no_modules_import_each_other_in_a_circle() -> None:
    trees = modules()
    waiting = {name: {*imported(name, tree)} - {name} for name, tree in trees.items()}
    while waiting:
        free = {name for name, needs in waiting.items() if not needs & waiting.keys()}
        assert free, f"in a circle: {sorted(waiting)}"
        waiting = {name: needs for name, needs in waiting.items() if name not in free}


def test_rooms_do_not_reach_what_they_must_not_know() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, tree in modules().items()
        for other in imported(name, tree)
        if other.split(".")[0] in FORBIDDEN.get(name.split(".")[0], [])
    ]
    assert not wrong, "\n".join(wrong)


def test_no_name_of_a_module_stands_twice() -> None:
    found: dict[str, list[str]] = {}
    for name in modules():
        if name != "errors":  # the door to those of the core
            found.setdefault(name.rpartition(".")[2], []).append(name)
    twice = {what: where for what, where in found.items() if len(where) > 1}
    assert not twice, twice


def test_no_name_of_a_class_stands_twice() -> None:
    found: dict[str, list[str]] = {}
    for name, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(name)
    twice = {what: where for what, where in found.items() if len(where) > 1}
    assert not twice, twice


def test_engine_imports_no_numpy() -> None:
    for name, tree in modules().items():
        if name.split(".")[0] not in ENGINE or name.startswith(OF_ARRAYS):
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


def test_every_module_begins_with_a_sentence_on_a_line() -> None:
    for name, tree in modules().items():
        first = (ast.get_docstring(tree) or "").split("\n\n")[0]
        assert re.fullmatch(r"[^a-z\s].*[.?]", first), name
        assert len(first.split()) > 3, name


def test_the_classes_that_others_stand_on_have_examples() -> None:
    for name, classes in SHOWN.items():
        body = modules()[name].body
        found = {n.name: ast.get_docstring(n) or "" for n in body if isinstance(n, ast.ClassDef)}
        assert all(">>> " in found[c] for c in classes), name


def test_public_names_are_those_of_the_list() -> None:
    assert sorted(symderiv.__all__) == symderiv.__all__
    for name in symderiv.__all__:
        assert getattr(symderiv, name) is not None
    assert len(symderiv.__all__) <= 16
