"""Determinants, inverses, powers, matrix functions: laws, gradients against JAX, second order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.api import derive
from symderiv.calculus import lower, reverse
from symderiv.calculus.matrixform import Raiser
from symderiv.codegen.evaluation import evaluate
from symderiv.core.errors import LanguageError
from symderiv.core.expr import Expr
from symderiv.derivation.derivations import DerivedGradients
from symderiv.ops.inverses import determinant, inverse, logdet
from symderiv.ops.text import text
from symderiv.problems.problem import Problem, problem
from symderiv.tensor import Term
from symderiv.values.explicit import Explicit, same_cells
from symderiv.values.sampling import point

DECLARED = {
    "A": "n, n", "B": "n, n", "X": "n, d", "Y": "n, n", "x": "n", "y": "n", "s": "scalar",
}  # fmt: skip


def read(written: str) -> Problem:
    names = "".join(c if c.isalnum() or c == "_" else " " for c in written).split()
    return problem(written, **{k: v for k, v in DECLARED.items() if k in names})


def value(written: str) -> Expr:
    return read(f"L({written})").objective.args[0]


def answer(written: str) -> str:
    """Return the value as it is written after the laws of square factors."""
    x = value(written)
    return text(Raiser().shaped(lower(x).term, x.shape))


# Laws of square factors --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "simplified"),
    [
        ("inv(A @ B)", "inv(B) @ inv(A)"),
        ("inv(A.T)", "inv(A).T"),
        ("inv(s * A)", "inv(A) / s"),
        ("inv(2 * A)", "0.5 * inv(A)"),
        ("inv(inv(A))", "A"),
        ("inv(A @ inv(B))", "B @ inv(A)"),
        ("inv(diag(x))", "diag(1 / x)"),
        ("inv(eye(n)) @ A", "A"),
        ("inv(A @ diag(x) @ B)", "inv(B) @ diag(1 / x) @ inv(A)"),
        ("inv(A.T @ A)", "inv(A) @ inv(A).T"),
        ("inv(X.T @ X)", "inv(X.T @ X)"),
        ("inv(A * B)", "inv(A * B)"),
        ("inv(A + B)", "inv(A + B)"),
        ("inv(trace(A) * B)", "inv(trace(A) * B)"),
        ("det(A @ B)", "det(A) * det(B)"),
        ("det(A.T)", "det(A)"),
        ("det(s * A)", "det(A) * s ** n"),
        ("det(inv(A))", "1 / det(A)"),
        ("det(diag(x))", "prod(x)"),
        ("det(X.T @ X)", "det(X.T @ X)"),
        ("det(eye(n)) * s", "s"),
        ("logdet(A @ B)", "logdet(A) + logdet(B)"),
        ("logdet(inv(A))", "-logdet(A)"),
        ("logdet(-A)", "logdet(A)"),
        ("logdet(X.T @ X)", "logdet(X.T @ X)"),
        ("solve(A, x)", "inv(A) @ x"),
        ("matrix_power(A, 2)", "A @ A"),
        ("matrix_power(A, -2)", "inv(A) @ inv(A)"),
        ("matrix_power(A, 0) @ B", "B"),
    ],
)
def test_square_factors_are_taken_apart(written: str, simplified: str) -> None:
    assert answer(written) == simplified


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize(
    "written",
    [
        "inv(A @ diag(x) @ B.T)",
        "det(s * A @ B.T)",
        "det(A @ diag(x))",
        "logdet(3 * A @ inv(B))",
        "inv(-A @ inv(B))",
    ],
)
def test_law_keeps_the_value(written: str, size: int) -> None:
    p = read(f"L({written})")
    x = p.objective.args[0]
    sizes = dict.fromkeys(p.dims, size)
    for seed in range(8):
        at = Explicit(sizes, point(p, sizes, seed))
        try:
            expected = at.cells(x)
        except (ZeroDivisionError, ValueError):
            continue  # a singular matrix
        assert same_cells(at.cells(Raiser().shaped(lower(x).term, x.shape)), expected)
        return
    pytest.fail("no point in the domain")


def test_split_says_nothing_where_no_law_applies() -> None:
    a = lower(value("A")).term
    rectangular = lower(value("X.T @ X")).term
    for function, name in ((inverse, "inv"), (determinant, "det"), (logdet, "logdet")):
        for term in (a, rectangular):
            assert (function(term).data.name, function(term).children) == (name, (term,))


def test_leading_axes_are_carried_along() -> None:
    """The inverse of a product under a named index is the product of the inverses under it."""
    batch = lower(read("sum(Sum(i, X[i, 1] * inv(A * x[i])))").objective)
    assert batch.term.dims == ()


# Gradients ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "wrt", "gradient"),
    [
        ("det(A)", "A", "det(A) * inv(A).T"),
        ("logdet(A)", "A", "inv(A).T"),
        ("trace(inv(A) @ B)", "A", "-inv(A).T @ B.T @ inv(A).T"),
        ("trace(matrix_power(A, k))", "A", "k * matrix_power(A, k - 1).T"),
        ("x.T @ matrix_power(A, k) @ y", "A", "matrix_power_pullback(A, k, x @ y.T)"),
        ("trace(expm(A))", "A", "expm(A).T"),
        ("trace(logm(A))", "A", "inv(A).T"),
        ("trace(sqrtm(A))", "A", "0.5 * inv(sqrtm(A)).T"),
        ("3 * trace(expm(2 * A))", "A", "6 * expm(2 * A).T"),
        ("x.T @ expm(A) @ y", "A", "expm_frechet(A.T, x @ y.T)"),
        ("x.T @ solve(A, y)", "A", "-solve(A.T, x) @ solve(A, y).T"),
        ("sum(eigvalsh(A) * x)", "A", "eigvecsh(A) @ diag(x) @ eigvecsh(A).T"),
        ("sum(tril(A) * B)", "A", "tril(B)"),
        ("logdet(A @ B)", "A", "inv(A).T"),
    ],
)
def test_gradient_reads_as_in_the_books(written: str, wrt: str, gradient: str) -> None:
    assert DerivedGradients(read(written), [wrt])[wrt].text == gradient


JAX = [
    "det(A)",
    "logdet(A)",
    "sum(inv(A) * B)",
    "sum(adjugate(A) * B)",
    "sum(pinv(X) * X.T)",
    "x.T @ solve(A, y)",
    "sum(matrix_power(A, 3) * B)",
    "sum(matrix_power(A, 7) * B)",
    "sum(matrix_power(A, -2) * B)",
    "sum(expm(A / 4) * B)",
    "trace(expm(A / 4))",
    "sum(cholesky(A @ A.T + 2 * eye(n)) * B)",
    "sum(eigvalsh(A) * x)",
    "sum(tril(A @ A) * B) + sum(triu(A) * A)",
    "sum(outer(x, A @ y) * B)",
]


@pytest.mark.parametrize("written", JAX)
def test_gradient_agrees_with_jax(written: str) -> None:
    jax = pytest.importorskip("jax")
    jnp = pytest.importorskip("jax.numpy")
    pytest.importorskip("jax.scipy.linalg")
    jax.config.update("jax_enable_x64", True)
    p = read(written)
    found = DerivedGradients(p)
    rng = np.random.default_rng(3)
    shapes = {"A": (4, 4), "B": (4, 4), "X": (4, 3), "x": (4,), "y": (4,)}
    given = {n: rng.normal(size=shapes[n]) for n in p.variables}
    if "A" in given:
        given["A"] = given["A"] + 4 * np.eye(4)
    by_hand = {
        "adjugate": lambda a: jnp.linalg.det(a) * jnp.linalg.inv(a),
        "cholesky": lambda a: jnp.linalg.cholesky((a + a.T) / 2),
        "det": jnp.linalg.det,
        "diag": jnp.diag,
        "eigvalsh": lambda a: jnp.linalg.eigvalsh((a + a.T) / 2),
        "expm": jax.scipy.linalg.expm,
        "eye": lambda n: jnp.eye(n),
        "inv": jnp.linalg.inv,
        "logdet": lambda a: jnp.linalg.slogdet(a)[1],
        "matrix_power": jnp.linalg.matrix_power,
        "n": 4,
        "outer": jnp.outer,
        "pinv": jnp.linalg.pinv,
        "solve": jnp.linalg.solve,
        "sum": jnp.sum,
        "trace": jnp.trace,
        "tril": jnp.tril,
        "triu": jnp.triu,
    }
    gradients = jax.grad(lambda arrays: eval(written, {**by_hand, **arrays}))(given)
    for name, result in found.items():
        np.testing.assert_allclose(
            evaluate(result.expr, given), gradients[name], rtol=1e-9, atol=1e-9
        )


@pytest.mark.parametrize("written", ["sum(logm(A) * B)", "sum(sqrtm(A) * B)", "trace(sqrtm(A))"])
def test_gradient_agrees_with_differences(written: str) -> None:
    p = read(written)
    rng = np.random.default_rng(2)
    given = {"A": rng.normal(size=(3, 3)) + 5 * np.eye(3), "B": rng.normal(size=(3, 3))}
    found = evaluate(DerivedGradients(p, ["A"])["A"].expr, given)
    np.testing.assert_allclose(found, _differences(p.objective, given), rtol=1e-6, atol=1e-8)


def _differences(x: Expr, given: dict[str, Any]) -> Any:
    result = np.zeros((*given["A"].shape, *np.shape(evaluate(x, given))))
    for place in np.ndindex(given["A"].shape):
        ends = []
        for sign in (1, -1):
            moved = np.array(given["A"])
            moved[place] += sign * 1e-5
            ends.append(evaluate(x, {**given, "A": moved}))
        result[place] = (ends[0] - ends[1]) / 2e-5
    return result


# Second order ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        "logdet(A)",
        "det(A)",
        "sum(inv(A) * B)",
        "sum(adjugate(A) * B)",
        "sum(pinv(A) * B)",
        "trace(expm(A))",
        "trace(sqrtm(A))",
        "sum(sqrtm(A) * B)",
        "sum(expm(A) * B)",
        "sum(logm(A) * B)",
        "trace(matrix_power(A, 7))",
        "sum(cholesky(A) * B)",
    ],
)
def test_second_derivative_along_a_matrix(written: str) -> None:
    """Reverse over reverse: the gradient of <gradient, Y> is the Hessian applied to Y."""
    p = read(f"{written} + 0 * sum(Y)" if "Y" not in written else written)
    first = DerivedGradients(p, ["A"])["A"].term
    a = lower(p.variables["A"].expr).term
    direction = lower(p.variables["Y"].expr).term
    product = _inner(first, direction)
    second = Raiser().shaped(reverse(product, [a]).gradient(a), p.variables["A"].shape)
    rng = np.random.default_rng(5)
    given = {n: rng.normal(size=(3, 3)) for n in p.variables}
    given["A"] = given["A"] @ given["A"].T + 3 * np.eye(3) + 0.3 * given["Y"]
    gradient = Raiser().shaped(first, p.variables["A"].shape)
    jacobian = _differences(gradient, given)
    expected = np.einsum("ijkl,kl->ij", jacobian, given["Y"])
    np.testing.assert_allclose(evaluate(second, given), expected, rtol=2e-5, atol=1e-6)


def _inner(left: Term, right: Term) -> Term:
    from symderiv.ops.matrix_algebra import Mat, inner

    return inner(Mat(left), Mat(right))


# Domains and refusals ----------------------------------------------------------------------------


def test_gradients_at_a_singular_matrix_exist_where_they_are_cofactors() -> None:
    singular = np.array([[1.0, 2.0], [2.0, 4.0]])
    det, log = (derive(f"{f}(A)", A="n, n")["A"] for f in ("det", "logdet"))
    np.testing.assert_allclose(det.evaluate(A=singular), [[4, -2], [-2, 1]], atol=1e-12)
    np.testing.assert_array_equal(det.evaluate(A=np.zeros((2, 2))), np.zeros((2, 2)))
    with pytest.raises(np.linalg.LinAlgError):
        log.evaluate(A=singular)


def test_adjugate_of_a_singular_matrix_is_exact() -> None:
    x = value("adjugate(A)")
    found = evaluate(x, {"A": np.array([[1.0, 2.0], [2.0, 4.0]])})
    np.testing.assert_allclose(found, [[4, -2], [-2, 1]])


def test_matrix_of_dimension_one_is_a_scalar() -> None:
    d = derive(
        "det(A) + logdet(A) + trace(inv(A)) + trace(pinv(A)) + trace(expm(A)) + trace(sqrtm(A))"
        " + trace(adjugate(A)) + trace(cholesky(A)) + trace(eigvalsh(A))"
        " + trace(matrix_power(A, 2))",
        A="1, 1",
    )["A"]
    a = 0.7
    root = 0.5 / np.sqrt(a)
    expected = 1 + 1 / a - 2 / a**2 + np.exp(a) + root + 0 + root + 1 + 2 * a
    np.testing.assert_allclose(d.evaluate(A=np.array([[a]])), [[expected]])


def test_exponent_that_is_no_whole_number_is_refused() -> None:
    with pytest.raises(LanguageError, match="not a whole number"):
        read("trace(matrix_power(A, 0.5))")


# Derivations with everything around them ---------------------------------------------------------


@pytest.mark.sampled(4)
@pytest.mark.parametrize(
    "written",
    [
        "logdet(X.T @ X)",
        "L(inv(A) @ X)",
        "S = inv(A @ A.T + eye(n)); x.T @ S @ x",
        "L(expm(A) @ X)",
    ],
)
def test_derivation_is_checked_and_written(written: str, tmp_path: Path) -> None:
    d = sd.derive(read(written))
    assert d.recheck() > 0
    d.write(tmp_path, formats=["md", "tex", "py"])
    assert any(tmp_path.iterdir())


CASES = Path(__file__).parent / "data/matrix_cases.json"


@pytest.mark.parametrize("case", json.loads(CASES.read_text()), ids=lambda c: str(c["id"]))
def test_published_gradient_is_found(case: dict[str, Any]) -> None:
    result = sd.derive(case["expr"], wrt=case["wrt"], **case["declared"])[case["wrt"]]
    for draw in case["draws"]:
        arrays = {n: np.array(a) for n, a in draw["inputs"].items()}
        found = np.asarray(result.evaluate(**case["dims"], **arrays))
        expected = np.array(draw["expected"]).reshape(found.shape)
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize(
    ("text", "wrt", "expected"),
    [
        ("g.T @ solve(X, b)", "X", "-solve(X.T, g) @ solve(X, b).T"),
        ("g.T @ inv(X) @ b", "X", "-inv(X).T @ g @ b.T @ inv(X).T"),
        ("norm(solve(X, B)) ** 2", "B", "2 * solve(X.T, solve(X, B))"),
        ("norm(solve(X, B)) ** 2", "X", "-2 * solve(X.T, solve(X, B)) @ solve(X, B).T"),
        ("L(solve(X, b))", "b", "solve(X.T, G)"),
    ],
)
def test_who_solves_is_answered_by_solving(text: str, wrt: str, expected: str) -> None:
    d = sd.derive(text, wrt=wrt, X="n, n", B="n, m", b="n", g="n")
    assert d[wrt].text == expected
