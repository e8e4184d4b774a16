"""Generated modules: their tests pass in an empty directory; the code is an expert's."""

import ast
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import symderiv as sd
from symderiv.codegen.evaluation import evaluate
from symderiv.codegen.module import compile_module, module_of
from symderiv.codegen.testfile import checked_sizes, size_choices, source_of_test
from symderiv.evidence.differences import (
    backward,
    box,
    callables,
    check_differences,
    draw,
    hidden_sizes,
)

XW = {"X": "n, d", "W": "d, m"}
PROBLEMS = {
    "linear": ("Z = X @ W + ones(n) @ b.T; L(Z)", {**XW, "b": "m"}),
    "squares": ("0.5*norm(X @ W + ones(n) @ b.T - Y)**2", {**XW, "b": "m", "Y": "n, m"}),
    "quadratic": ("x.T @ A @ x", {}),
    "cubic": ("x.T @ A @ A @ x * (x.T @ x)", {}),
    "trace": ("trace(A @ X @ B)", {}),
    "tanh": ("sum(tanh(X @ w))", {}),
    "network": ("H = relu(X @ W1 + ones(n) @ c.T); Y = H @ W2; L(Y)",
                {"X": "n, d", "W1": "d, h", "W2": "h, m", "c": "h"}),
    "quotient": ("(x.T @ A @ x) / (x.T @ B @ x)",
                 {"x": "n positive", "A": "n, n positive", "B": "n, n positive"}),
    "scaling": ("L(diag(s) @ X)", {"s": "n", "X": "n, d"}),
    "rows": ("L(X / sum(X, axis=1))", {"X": "n, d positive"}),
    "logistic": ("mean(sigmoid(X @ w) * y) + sum(w) ** 2", {}),
    "logs": ("sum(log(x) * sqrt(y)) / n", {"x": "n", "y": "n"}),
    "indexed": ("Sum(i, norm(X[i, :])) + X[1, 1] ** 2", {"X": "n, d"}),
    "mixed": ("Y = tanh(X @ W); L(Y) + 0.5 * sum(W * W) / n", XW),
    "squared_loss": ("L(X @ W) ** 2", XW),
    "two_losses": ("Y = X @ W; L(Y) + L(tanh(Y))", XW),
    "outer": ("L(x @ y.T @ A)", {"x": "n", "y": "m", "A": "m, k"}),
    "columns": ("L(X @ diag(s) + ones(n) @ (A @ s).T)", {"X": "n, d", "s": "d", "A": "d, d"}),
    "scalars": ("a * s ** 2 + exp(s) / a", {"a": "scalar positive", "s": "scalar"}),
    "one_column": ("L(X @ w)", {"X": "n, 1", "w": "1"}),
    "positions": ("sum(x[3] * x) + onehot(2, n).T @ x", {"x": "n"}),
    "unspecified": ("sum(f(X @ w)) + sum(w) / n", {"X": "n, d", "w": "d", "f": "entrywise"}),
    "hidden": ("trace(eye(q)) * sum(x * x)", {"x": "n"}),
    "indicators": ("sum(relu(x) + relu(x - 1)) + s * sum(where(x > 0, 2, 3))",
                   {"x": "n", "s": "scalar"}),
    "other_branch": ("Z = X @ W; H = tanh(Y); sum((Z - H) ** 2)", {**XW, "Y": "n, m"}),
    "thin": ("sum(tanh(X * r)) + norm(X @ v - y) ** 2",
             {"X": "n, d", "r": "1, d", "v": "d, 1", "y": "n, 1"}),
    "clashes": ("L(X * dX * Y) + sum(value * out)",
                {"X": "n, d", "dX": "n, d", "Y": "n, d", "value": "t1", "out": "t1"}),
    "aliases": ("H = tanh(x); Z = A @ H; Z.T @ H + sum(Z)", {"x": "n", "A": "n, n"}),
    "lines": ("sum(X[1, :] * X.T[:, 1].T) + sum(x.T[1, :] * x[:, 1].T)", {"X": "n, d", "x": "d"}),
    "variance": ("norm(x - mean(x)) ** 2 / (n - 1)", {"x": "n"}),
    "roots": ("sum(X) / sqrt(d) + sum(log1p(exp(X)))", {"X": "n, d"}),
    "row": ("L(r @ A)", {"r": "1, n", "A": "n, m"}),
    "reserved": ("L(np @ sum_ + lambda_)", {"np": "n, d", "sum_": "d, m", "lambda_": "scalar"}),
}  # fmt: skip


def derived(name: str) -> sd.Derivation:
    """Return the derivation of one of the problems."""
    text, variables = PROBLEMS[name]
    return sd.derive(text, **variables)


@pytest.mark.parametrize("name", PROBLEMS)
def test_generated_gradients_equal_differences(name: str) -> None:
    d = derived(name)
    compiled = compile_module(module_of(d.data, name))
    found = check_differences(d.data, compiled)
    assert {f.name for f in found} == set(d)


@pytest.mark.slow
def test_generated_tests_pass_in_an_empty_directory(tmp_path: Path) -> None:
    for name in PROBLEMS:
        d = derived(name)
        module = module_of(d.data, name)
        positive = list(box(d.data, compile_module(module)).positive)
        (tmp_path / f"{name}.py").write_text(module.source)
        (tmp_path / f"test_{name}.py").write_text(source_of_test(d.data, module, positive))
    done = subprocess.run(
        [sys.executable, "-I", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "."],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.slow
def test_generated_test_fails_for_wrong_code(tmp_path: Path) -> None:
    d = derived("linear")
    module = module_of(d.data, "linear")
    for right, wrong in (("X.T @ G ", "2 * X.T @ G "), ("G @ W.T ", "-G @ W.T "),
                         ("G.sum(axis=0)", "G.mean(axis=0)")):  # fmt: skip
        assert right in module.source
        (tmp_path / "linear.py").write_text(module.source.replace(right, wrong))
        (tmp_path / "test_linear.py").write_text(source_of_test(d.data, module))
        done = subprocess.run(
            [sys.executable, "-I", "-m", "pytest", "-q", "-p", "no:cacheprovider", "."],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1, done.stdout


def test_generated_code_imports_numpy_only() -> None:
    for name in PROBLEMS:
        lines = module_of(derived(name).data, name).source.splitlines()
        assert [x for x in lines if x.startswith(("import", "from"))] == ["import numpy as np"]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("linear", "Z = X @ W + b "),
        ("linear", "dW = X.T @ G "),
        ("linear", "db = G.sum(axis=0) "),
        ("linear", "dX = G @ W.T "),
        ("squares", "R = X @ W + b - Y "),
        ("squares", "db = R.sum(axis=0) "),
        ("network", "dZ = dH * (Z > 0) "),
        ("scaling", "dX = s[:, None] * G "),
        ("tanh", "dX = np.outer(dz, w) "),
    ],
)
def test_code_is_what_a_person_would_write(name: str, line: str) -> None:
    source = module_of(derived(name).data, name).source
    assert any(x.strip().startswith(line) for x in source.splitlines()), source


def test_cache_saves_the_forward_pass() -> None:
    f = derived("network").compile()
    inputs, given = draw(derived("network").data, checked_sizes(derived("network").data)[0], 0)
    cache: dict = {}
    f.forward(*inputs.values(), cache=cache)
    assert set(cache) == {"Z", "H"}
    cached = f.backward(*inputs.values(), *given.values(), cache=cache)
    plain = f.backward(*inputs.values(), *given.values())
    assert all(np.array_equal(cached[n], plain[n]) for n in plain)


@pytest.mark.parametrize("name", PROBLEMS)
def test_float32_and_integers(name: str) -> None:
    d = derived(name)
    f = d.compile()
    sizes = checked_sizes(d.data)[0]
    inputs, given = draw(d.data, sizes, 0, box(d.data, f).positive)
    for kind, expected in ((np.float32, np.float32), (int, np.float64)):
        arrays = [
            {n: np.asarray(np.ones_like(a), kind) for n, a in x.items()} for x in (inputs, given)
        ]
        for gradient in backward(f, *arrays, {**callables(f), **hidden_sizes(f, sizes)}).values():
            assert np.asarray(gradient).dtype == expected, name


def test_wrong_shape_is_refused_with_the_expected_one() -> None:
    f = derived("linear").compile()
    X, W, b, G = np.ones((4, 3)), np.ones((3, 2)), np.ones(2), np.ones((4, 2))
    with pytest.raises(ValueError, match=r"W has shape \(2, 3\); expected \(d, m\), where d is 3"):
        f.backward(X, W.T, b, G)
    with pytest.raises(ValueError, match=r"b has shape \(2, 1\); expected \(m,\)$"):
        f.forward(X, W, b[:, None])
    with pytest.raises(ValueError, match=r"G has shape \(3, 2\); expected \(n, m\)"):
        f.backward(X, W, b, G[:3])


@pytest.mark.parametrize("function", ["f.forward", "f.backward"])
def test_traceback_shows_the_generated_line(function: str) -> None:
    import traceback

    f = derived("linear").compile()
    try:
        f.forward(np.ones(3), np.ones(3), np.ones(3))
    except ValueError:
        assert "raise ValueError" in traceback.format_exc()


@pytest.mark.slow
def test_a_deep_network_is_checked_and_its_code_passes() -> None:
    layers = "; ".join(f"H{k} = tanh({'X' if k == 1 else f'H{k - 1}'} @ W{k})" for k in range(1, 7))
    shapes = {"X": "n, d", **{f"W{k}": "d, d" for k in range(1, 7)}}
    d = sd.derive(f"{layers}; L(H6)", wrt=["W1", "W6"], **shapes)
    assert d["W6"].text == "H5.T @ (G * (1 - H6 ** 2))"
    assert "dH1 = (dH2 * (1 - H2 ** 2)) @ W2.T" in d["W1"].text
    d.verify()


@pytest.mark.parametrize(
    ("objective", "wanted"),
    [
        ("dot(-where(x > 0, 1, 0) * y, y)", -4.0),
        ("dot(-where(x > 0, 1, 0) * y + x, y)", -5.0),
        ("dot(-(where(x > 0, 1, 0) * y / x), y)", -4.0),
        ("dot(y - where(x > 0, 1, 0) * y, y)", 9.0),
    ],
)
def test_a_product_that_begins_with_a_comparison_is_negated(objective: str, wanted: float) -> None:
    p = sd.problem(objective, x="n", y="n")
    assert evaluate(p.objective, {"x": np.array([1.0, -1.0]), "y": np.array([2.0, 3.0])}) == wanted


def test_a_value_that_a_sum_writes_with_its_sign_is_kept_without_it() -> None:
    d = sd.derive("S = (x - y) ** 2 * m; sum(S) / sum(m)", x="n, t", y="n, t", m="n, t")
    rng = np.random.default_rng(2)
    arrays = {n: rng.uniform(1, 2, (3, 4)) for n in "xym"}
    found = d.compile().backward(**arrays)
    for n in arrays:
        assert np.allclose(found[n], d[n].evaluate(**arrays))


def test_many_sizes_of_a_check_stay_small_and_neighbours_differ() -> None:
    for sizes in size_choices(40):
        assert max(sizes) <= 7
        assert all(a != b for a, b in pairwise(sizes))


@pytest.mark.parametrize("objective", [
    "Z = minimum(1 / exp(x*ones(n, n)), (V * eye(n)) @ (1 / exp(x*ones(n, n)))) "
    "/ exp(x*ones(n, n)); sum(square(sin(Z) * A))",
    "Z = minimum(1 / (1 + square(cos(ones(n, n)))), 3 + (V * eye(n)) @ (1 / (1 + square(cos("
    "ones(n, n)))))) / (1 + square(cos(ones(n, n)))); "
    "sum(square(abs(A @ log2(exp(sin(Z)))) * log2(exp(sin(Z)))))",
])  # fmt: skip
def test_a_local_name_that_a_later_line_reads_is_given_once(objective: str) -> None:
    posed = sd.problem(
        objective, A="n, n", V="n, n", **({"x": "scalar"} if "x*" in objective else {})
    )
    compiled = compile_module(module_of(sd.derive(posed).data))
    for f in ast.parse(compiled.source).body:
        if isinstance(f, ast.FunctionDef) and f.name in ("forward", "backward"):
            given = [
                t.id for e in ast.walk(f) if isinstance(e, ast.Assign) for t in e.targets
                if isinstance(t, ast.Name) and t.id not in ("A", "V", "x", "cache")
            ]  # fmt: skip
            assert sorted(given) == sorted(set(given))
    values = {"A": np.eye(2) + 0.5, "V": np.array([[-5.0, 1.0], [2.0, 3.0]]), "x": 0.3}
    at = {v: np.array(values[v]) for v in posed.variables}
    found = compiled.backward(**at)["V"]
    for spot in np.ndindex(2, 2):
        step = np.zeros((2, 2))
        step[spot] = 1e-6
        ahead, behind = (
            compiled.forward(**{**at, "V": at["V"] + s * step}) for s in (1, -1)
        )  # fmt: skip
        np.testing.assert_allclose(found[spot], (ahead - behind) / 2e-6, rtol=1e-6, atol=1e-7)


def test_an_expression_is_written_as_code_once_for_all_points(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[object] = []

    def noted(x, *others):
        written.append(x)
        return coded(x, *others)

    evaluating = sys.modules["symderiv.codegen.evaluation"]
    coded = evaluating._coded
    monkeypatch.setattr(evaluating, "_coded", noted)
    x = sd.problem("sum(tanh(x) ** 7)", x="n").objective
    found = [float(evaluate(x, {"x": np.full(n, 0.5)})) for n in (1, 2, 3)]
    assert np.allclose(found, [n * np.tanh(0.5) ** 7 for n in (1, 2, 3)])
    assert len(written) == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("L(X @ W + b.T)", "db = G.sum(axis=(0, 1))"),
        ("L(X * g.T)", "dg = (G * X).sum(axis=(0, 1))"),
        ("L(X * g.T)", "dX = G * g"),
        ("L(X @ W)", "dW = (X.mT @ G).sum(axis=0)"),
        ("L(diag(g) @ X.mT)", "dg = (G * X.mT).sum(axis=(0, 2))"),
        ("L(mean(X, axis=0))", "out = X.mean(axis=0)"),
    ],
)
def test_code_of_tensors_is_as_clean_as_that_of_matrices(text: str, line: str) -> None:
    d = sd.derive(sd.problem(text, X="B, t, d", W="d, m", b="m", g="d"))
    assert any(x.partition("  #")[0].strip() == line for x in d.code.split("\n")), d.code
