"""Whatever a writer calls a thing, nothing else has that name: renaming changes no value."""

import ast
import builtins
import keyword
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.codegen.helpers import SOURCES
from symderiv.codegen.module import compile_module, module_of
from symderiv.codegen.testfile import source_of_test
from symderiv.core.errors import DeclarationError, InputError, SymderivError

SIZES = {"n": 3, "d": 2, "m": 4}

# Problems with everything that gets names: definitions, losses, functions, indices, thin arrays.
PROBLEMS = {
    "chain": (
        "Z = X @ W + ones(n) @ b.T; H = softmax(Z) * Z; sum(H * H / (1 + Z * Z))",
        {"X": "n, d", "W": "d, m", "b": "m"},
    ),
    "loss": ("Z = X @ W; L(tanh(Z) * Z)", {"X": "n, d", "W": "d, m"}),
    "losses": ("Z = X @ W; L(Z) + J(Z * Z)", {"X": "n, d", "W": "d, m", "J": "loss"}),
    "function": ("Z = X @ W; sum(f(Z) * f(Z) * Z)", {"X": "n, d", "W": "d, m", "f": "entrywise"}),
    "indices": ("Sum(i, Sum(j, X[i, j] * exp(X[i, j] * w[j])))", {"X": "n, d", "w": "d"}),
    "column": ("Z = X @ v; sum(Z * Z * Z)", {"X": "n, d", "v": "d, 1"}),
    "solve": ("K = A @ A.T + eye(n); logdet(K) + y.T @ solve(K, y)", {"A": "n, n", "y": "n"}),
    "sizes": ("sum(layernorm(X, c) * var(X, axis=1)) / n", {"X": "n, d", "c": "scalar"}),
}
ROLES = {
    "chain": ("X", "W", "b", "Z", "H"),
    "loss": ("X", "W", "Z"),
    "losses": ("X", "Z", "J"),
    "function": ("X", "Z", "f"),
    "indices": ("X", "w", "i", "j"),
    "column": ("v", "X"),
    "solve": ("A", "y", "K"),
    "sizes": ("X", "c"),
}


def values(shapes: dict[str, str], text: str) -> dict[str, Any]:
    """Return arrays for the variables and given gradients, and callables for functions."""
    rng = np.random.default_rng(0)
    found: dict[str, Any] = {}
    for name, shape in shapes.items():
        if shape == "entrywise":
            found |= {name: np.sin, f"{name}p": np.cos, f"{name}pp": lambda t: -np.sin(t)}
        elif shape != "loss":
            axes = [] if shape == "scalar" else [SIZES.get(s.strip(), 1) for s in shape.split(",")]
            found[name] = rng.uniform(0.5, 1.5, axes)
    return found


def generated_names() -> set[str]:
    """Return every identifier of the modules and tests that are generated of these problems."""
    sources = [*SOURCES.values()]
    for text, shapes in PROBLEMS.values():
        derivation = sd.derive(text, variables=shapes)
        module = module_of(derivation.data)
        sources += [module.source, source_of_test(derivation.data, module)]
    found: set[str] = set()
    for source in sources:
        for node in ast.walk(ast.parse(source)):
            for field in ("id", "arg", "name", "asname"):
                found.add(getattr(node, field, None) or "")
    return {n for n in found if n.isidentifier() and not n.startswith("__")}


AUTOMATIC = (
    *("named_0_", "named_1_", "value_", "value", "out", "t1", "t2", "self", "np", "scipy", "_"),
    *("G", "dL", "dX", "dZ", "dW", "X_shape", "Z_std", "cache", "sizes", "dtype", "forward"),
    *("backward", "SHAPES", "_read", "_softmax", "_part0", "_value", "_part0_", "_value_", "x"),
    *("len_", "np_", "S", "T", "P", "L", "J", "E", "s", "p", "q", "k", "r", "fp", "fpp", "Lp"),
)
BUILTINS = [n for n in dir(builtins) if not n.startswith("__")]
NAMES = sorted({*AUTOMATIC, *BUILTINS, *generated_names()} - {*keyword.kwlist, "_"})


def renamed(text: str, shapes: dict[str, str], old: str, new: str) -> tuple[str, dict[str, str]]:
    pattern = re.compile(rf"\b{old}\b")
    return pattern.sub(new, text), {pattern.sub(new, n): s for n, s in shapes.items()}


def rename_values(given: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    suffixed = {f"{old}{p}": f"{new}{p}" for p in ("", "p", "pp")}
    return {suffixed.get(n, n): v for n, v in given.items()}


def results(text: str, shapes: dict[str, str], given: dict[str, Any]) -> list[Any]:
    """Return the gradients by every road to a number: evaluation, and compiled code."""
    derivation = sd.derive(text, variables=shapes)
    upstream = derivation.problem.upstream
    rng = np.random.default_rng(1)
    for name in upstream:
        given = {**given, name: rng.uniform(0.5, 1.5, (SIZES["n"], SIZES["m"]))}
    found = [r.evaluate(**given) for r in derivation.values()]
    module = module_of(derivation.data)
    ast.parse(source_of_test(derivation.data, module))
    code = compile_module(module)
    arrays = [given[n] for n in (*derivation.problem.variables, *upstream)]
    local = {n.rstrip("_"): v for n, v in given.items()}
    keywords: dict[str, Any] = {n: local[n.rstrip("_")] for n, _ in module.functions}
    keywords |= {n: lambda z: z.sum() for n in module.losses}
    backward = code.backward(*arrays, **keywords)
    return [*found, *(backward[n] for n in derivation)]


EVERY = 48  # of all names in all roles, what is tried


def cases() -> Iterator[tuple[str, str, str]]:
    for number, name in enumerate(NAMES):
        for k, (problem, roles) in enumerate(ROLES.items()):
            for r, role in enumerate(roles):
                if (7 * number + 3 * k + r) % EVERY == 0:
                    yield problem, role, name


@pytest.mark.sampled(8)
@pytest.mark.parametrize(("problem", "role", "name"), list(cases()))
def test_renaming_changes_no_value(problem: str, role: str, name: str) -> None:
    text, shapes = PROBLEMS[problem]
    if re.search(rf"\b{name}\b", f"{text} {' '.join([*shapes, *shapes.values()])}"):
        return  # it would be two things
    given = values(shapes, text)
    expected = results(text, shapes, given)
    text, shapes = renamed(text, shapes, role, name)
    try:
        found = results(text, shapes, rename_values(given, role, name))
    except SymderivError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:  # no variable is refused but for its meaning in the language
        assert name in refusal
        derivatives = {f"{n}p" for n, s in shapes.items() if s == "entrywise"}
        known = name in RESERVED or name.rstrip("p") + "p" in derivatives
        assert known or shapes.get(name, "loss") in ("loss", "entrywise")
        return
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


RESERVED = {"pi", "e"}  # constants of the language


@pytest.mark.parametrize("name", keyword.kwlist)
def test_a_keyword_of_python_is_no_name(name: str) -> None:
    with pytest.raises(DeclarationError, match="keyword of Python"):
        sd.problem(f"{'x'}.T @ x", variables={name: "n"})


@pytest.mark.sampled(8)
@pytest.mark.parametrize("name", ["S", "T", "P", "E", "L", "J", "s", "t1", "dZ", "dW", "self"])
def test_names_that_a_printed_gradient_introduces_are_free(name: str) -> None:
    text, shapes = renamed(*PROBLEMS["chain"], "Z", name)
    posed = sd.problem(text, variables=shapes)
    printed = sd.derive(posed)["b"].text
    assert sd.check(posed, "b", claim=printed.split("; "))


def test_a_derivative_of_a_function_has_its_name_alone() -> None:
    for other in ("fp", "fpp"):
        for kind in ("n", "entrywise", "loss", "scalar"):
            with pytest.raises(DeclarationError, match="is the derivative of f"):
                sd.problem("sum(f(x))", x="n", f="entrywise", variables={other: kind})
        with pytest.raises(DeclarationError, match="is the derivative of one"):
            sd.problem(f"{other} = x; sum(f({other}))", x="n", f="entrywise")
    names = {"amp": "entrywise", "clip_p": "entrywise", "x": "n"}
    assert sd.derive("sum(amp(x) * clip_p(x))", variables=names).verify().differences


def test_a_name_of_sixty_letters_is_a_name() -> None:
    long = "a" * 60
    derivation = sd.derive(f"Z = X @ {long}; sum(Z * Z)", variables={"X": "n, d", long: "d"})
    files = derivation.files(["md", "tex", "pdf", "py"])
    assert f"def forward(X, {long}," in files["derivation.py"].decode()
    with pytest.raises(DeclarationError, match="a name of 101 letters"):
        sd.problem("sum(x)", variables={"x": "n", "a" * 101: "n"})


@pytest.mark.parametrize("size", [5, 1, np.int64(5), "2", True, -1])
def test_a_size_that_the_arrays_contradict_is_refused(size: Any) -> None:
    result = sd.derive("sum(x * y) / n", x="n", y="n")["x"]
    for arrays in ({"x": np.ones(2), "y": np.ones(2)}, {"y": np.ones(2)}):
        assert np.array_equal(result.evaluate(**arrays, n=2), [0.5, 0.5])
        assert np.array_equal(result.evaluate(**arrays, n=np.int64(2)), [0.5, 0.5])
        with pytest.raises(InputError, match="is given, and"):
            result.evaluate(**arrays, n=size)
    hidden = sd.derive("sum(ones(n) @ x.T)", x="d")["x"]
    assert hidden.evaluate(x=np.ones(2), n=np.int32(3)).tolist() == [3.0, 3.0]
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        with pytest.raises(InputError, match="is not shown by any array"):
            hidden.evaluate(x=np.ones(2), n=size if not isinstance(size, np.integer) else "5")


@pytest.mark.parametrize("size", ["np", "scipy", "dtype", "float", "sizes"])
def test_a_size_may_be_called_as_a_module_where_code_does_not_need_it(size: str) -> None:
    result = sd.derive("sum(exp(X))", variables={"X": f"{size}, d"})["X"]
    assert np.array_equal(result.evaluate(X=np.zeros((2, 3))), np.ones((2, 3)))


@pytest.mark.parametrize("name", ["x);import os", "lambda", "", "a b", "__x", 3, None])
def test_a_direction_has_a_name(name: Any) -> None:
    with pytest.raises(SymderivError):
        sd.hessian("sum(v ** 3)", "v").product(name)
