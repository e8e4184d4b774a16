"""The code of Jacobians and Hessians: right, tested where it is written, and noticed if changed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.codegen.module import compile_module
from symderiv.core.cells import each, flat
from symderiv.core.errors import CheckError, InputError, UnsupportedError
from symderiv.derivation.derivations import DerivedGradients
from symderiv.documents.checks import in_digits
from symderiv.evidence.differences import draw
from symderiv.evidence.example import worked_example, worked_jacobian
from symderiv.evidence.second_derivatives import verify_jacobian
from symderiv.problems import library
from symderiv.results.derived import verify_folder
from symderiv.values.explicit import Dual, Explicit
from symderiv.values.sampling import point

JACOBIANS = [
    ("x * (A @ x)", "x", {"A": "n, n", "x": "n"}),
    ("softmax(x, axis=0)", "x", {"x": "n"}),
    ("A @ X @ B", "X", {"A": "m, n", "X": "n, d", "B": "d, k"}),
    ("X.T @ X", "X", {"X": "n, d"}),
    ("t * x", "t", {"t": "scalar", "x": "n"}),
    ("t * t * X", "t", {"t": "scalar", "X": "n, d"}),
    ("A @ x", "x", {"A": "m, n", "x": "n, 1"}),
    ("x.T @ A", "x", {"A": "n, m", "x": "n"}),
    ("inv(X)", "X", {"X": "n, n invertible"}),
    ("3 * t", "t", {"t": "scalar"}),
    ("h = tanh(A @ x); h * h", "x", {"A": "m, n", "x": "n"}),
]
HESSIANS = [
    ("norm(A @ x - y)**4", "x", {"A": "m, n", "x": "n", "y": "m"}),
    ("trace(X.T @ A @ X)", "X", {"A": "n, n", "X": "n, d"}),
    ("sum(x ** 3)", "x", {"x": "n, 1"}),
    ("t ** 3", "t", {"t": "scalar"}),
    ("logdet(X)", "X", {"X": "n, n spd"}),
    ("r = A @ x - y; sum(softplus(r))", "x", {"A": "m, n", "x": "n", "y": "m"}),
    ("x.T @ x", "x", {"x": "n"}),
]
SIZES = [{"n": 2, "m": 3, "d": 2, "k": 2}, dict.fromkeys("nmdk", 1)]


def made(kind: str, text: str, by: str, declared: dict[str, str], layout: str) -> sd.Jacobian:
    return getattr(sd, kind)(sd.problem(text, **declared), by, layout=layout)


def exact(j: sd.Jacobian, values: dict[str, Any], sizes: dict[str, int]) -> Any:
    """Return the printed matrix at a point, entry by entry, in exact or long numbers."""
    cells = Explicit(sizes, values).cells(j.data.expr)
    return np.array(each(lambda x: float(Dual.of(x).value), cells))


def array(cells: Any, written: int) -> Any:
    full = np.array(each(float, cells))
    return full if written == 2 else full[:, 0] if written == 1 else full[0, 0]


CASES = [("jacobian", *c) for c in JACOBIANS] + [("hessian", *c) for c in HESSIANS]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("sizes", SIZES, ids=["several", "ones"])
@pytest.mark.parametrize("layout", ["numerator", "denominator"])
@pytest.mark.parametrize(("kind", "text", "by", "declared"), CASES)
def test_code_computes_the_printed_matrix(kind, text, by, declared, layout, sizes) -> None:
    j = made(kind, text, by, declared, layout)
    sizes = {d: sizes[d] for d in j.problem.dims}
    values = point(j.problem, sizes, 1, integers=3)
    code = j.compile()
    variables = j.problem.variables
    arrays = [array(values[n], len(v.written)) for n, v in variables.items()]
    found = getattr(code, kind)(*arrays)
    expected = exact(j, values, sizes)
    if variables[by].written:
        assert np.shape(found) == expected.shape
    assert np.allclose(np.reshape(found, expected.shape), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.slow
def test_written_tests_pass(tmp_path: Path) -> None:
    for k, (kind, text, by, declared) in enumerate(CASES):
        for layout in ("numerator", "denominator"):
            posed = sd.problem(text, name=f"case{k}_{layout}", **declared)
            getattr(sd, kind)(posed, by, layout=layout).write(tmp_path, ["py"])
    for name in ("logistic-regression", "multinomial-regression"):
        sd.derive(name, order=2).write(tmp_path, ["py"])
    words = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout


SECOND = [n for n in library.names() if library.load_named(n).order == 2]


@pytest.mark.parametrize("name", SECOND)
def test_hessians_of_the_library_are_differences_of_its_gradients(name) -> None:
    d = sd.derive(name)
    code = d.compile()
    rng = np.random.default_rng(0)
    sizes = {k: 3 + i for i, k in enumerate(d.problem.dims)}
    x, _ = draw(d.data, sizes, 0)
    for h in code.module.matrices:
        found = getattr(code, h.name)(*x.values())
        way = rng.uniform(-1, 1, x[h.by].shape)
        ends = [code.backward(*{**x, h.by: x[h.by] + s * 1e-6 * way}.values()) for s in (1, -1)]
        slope = np.ravel(ends[0][h.of] - ends[1][h.of], "F") / 2e-6
        moved = found @ np.ravel(way, "F") if way.ndim else found * way
        assert np.allclose(np.ravel(moved), slope, atol=1e-7)
        if h.product:
            product = getattr(code, h.product)(*x.values(), way)
            assert product.shape == x[h.of].shape
            assert np.allclose(np.ravel(product, "F"), slope, atol=1e-7)


def test_names_of_functions_are_those_of_the_variables() -> None:
    one = sd.hessian("norm(X @ w) ** 2", "w").compile()
    assert [m.name for m in one.module.matrices] == ["hessian"]
    two = sd.derive("logistic-regression", order=2).compile()
    assert {"hessian_w", "hessian_b", "hessian_w_product"} <= {*two.others}
    with pytest.raises(AttributeError, match="it has forward, backward, hessian_w"):
        two.jacobian  # noqa: B018


def test_the_product_of_a_jacobian_is_backward() -> None:
    rng = np.random.default_rng(0)
    a, x, v = rng.random((3, 3)), rng.random(3), rng.random(3)
    code = sd.jacobian("x * (A @ x)", "x", A="n, n", x="n").compile()
    assert code.module.forward == ("A", "x")
    assert np.allclose(code.backward(a, x, v)["x"], code.jacobian(a, x).T @ v)


def test_float32_is_kept_and_shapes_are_checked() -> None:
    code = sd.hessian("norm(A @ x - y) ** 4", "x").compile()
    a, x, y = np.ones((2, 3), np.float32), np.ones(3, np.float32), np.ones(2, np.float32)
    assert code.hessian(a, x, y).dtype == code.hessian_product(a, x, y, x).dtype == np.float32
    with pytest.raises(ValueError, match=r"v has shape \(2,\); expected \(m,\), where m is 3"):
        code.hessian_product(a, x, y, y)
    with pytest.raises(ValueError, match=r"y has shape \(3,\); expected"):
        code.hessian(a, x, x)


def test_a_direction_has_a_name_of_its_own() -> None:
    code = sd.hessian("v.T @ v * sum(u)", "v", v="n", u="n").compile()
    (hessian,) = code.module.matrices
    assert hessian.direction not in ("u", "v")
    assert np.allclose(code.hessian([1, 2], [1, 1]), 4 * np.eye(2))


def test_hessians_where_their_formula_divides_by_zero() -> None:
    cubed = sd.hessian("norm(w) ** 3", "w", w="d").compile()
    assert np.array_equal(cubed.hessian(np.zeros(2)), np.zeros((2, 2)))
    with np.errstate(all="ignore"):  # a norm has no Hessian at 0, and none is made up
        bent = sd.hessian("norm(w)", "w", w="d").compile().hessian(np.zeros(2))
    assert not np.any(np.isfinite(np.diag(bent)))


def test_code_that_was_changed_is_noticed(tmp_path: Path) -> None:
    sd.jacobian("x * (A @ x)", "x").write(tmp_path, ["py"])
    assert verify_folder(tmp_path)[1] == []
    code = tmp_path / "derivation.py"
    code.write_text(code.read_text().replace("np.diag(A @ x)", "np.diag(A @ (2 * x))"))
    assert verify_folder(tmp_path)[1] == [
        "derivation.py is not what is written from this derivation"
    ]


@pytest.mark.parametrize("part", ["H = X.T @ X", "Hv = X.T @ (X @ v)"])
def test_wrong_code_is_found(part: str) -> None:
    h = sd.hessian("0.5 * norm(X @ w) ** 2", "w")
    code = h.compile()
    assert part in code.source
    wrong = replace(code.module, source=code.source.replace(part, part.replace("= ", "= 2 * ")))
    with pytest.raises(CheckError, match="differs from differences|product"):
        verify_jacobian(h.data, compile_module(wrong))


def test_tensors_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="a tensor has no vec"):
        sd.jacobian("T * 2", "T", T="n, d, k").compile()


def test_a_value_with_an_unspecified_loss_is_refused() -> None:
    with pytest.raises(InputError, match="the unspecified L in it"):
        sd.jacobian("x * L(x)", "x", x="n").verify()


def document(result: Any, folder: Path) -> str:
    result.write(folder, ["md"])
    return (folder / "derivation.md").read_text()


def test_the_document_of_a_jacobian_has_shapes_numbers_and_code(tmp_path: Path) -> None:
    page = document(sd.jacobian("x * (A @ x)", "x"), tmp_path)
    headings = [line[3:] for line in page.splitlines() if line.startswith("## ")]
    assert [h.split(" ", 1)[1].split(" with")[0] for h in headings] == [
        "Problem",
        "Jacobian",
        "Dimension check",
        "Numeric example",
        "Code",
    ]
    assert r"(n \times n)(n \times n) + (n \times n)" in page
    assert "def jacobian(x, A):" in page
    assert "def backward(x, A, v):" in page


def test_the_document_of_a_function_defines_it(tmp_path: Path) -> None:
    page = document(sd.jacobian("softmax(x, axis=0)", "x"), tmp_path)
    assert "**Lemma 1.**" in page
    assert page.count("what is differentiated") == 1
    assert "names $`\\mathop{\\mathrm{softmax}}" not in page


def test_the_document_of_hessians_shows_them_as_it_shows_gradients(tmp_path: Path) -> None:
    page = document(sd.derive("logistic-regression", order=2), tmp_path)
    box = page.partition("## 1 ")[0]
    assert box.count(r"\partial^{2} L") == 3  # by w, by b, and the mixed one
    assert "positive semidefinite" in box
    assert "The Hessians beside central differences of the gradients" in page
    assert "def hessian_w_product(X, w, b, y, v_w):" in page
    assert r"\mathbf{v}_{w}" in page  # the direction has the name that it has in the code


def test_a_hessian_alone_has_its_objective_and_its_gradient(tmp_path: Path) -> None:
    page = document(sd.hessian("norm(A @ x - y)**4", "x"), tmp_path)
    assert page.startswith("# Gradient and Hessian of L with respect to x")
    assert r"\frac{\partial L}{\partial \mathbf{x}}" in page


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("kind", "text", "by", "declared"), CASES)
@pytest.mark.parametrize("layout", ["numerator", "denominator"])
def test_numbers_beside_a_matrix_agree(kind, text, by, declared, layout) -> None:
    j = made(kind, text, by, declared, layout).data
    of_gradient = kind == "hessian"
    derivation = DerivedGradients(j.problem, [by]) if of_gradient else None
    example = worked_example(derivation, [j]) if derivation else worked_jacobian(j)
    assert example is not None
    (numbers,) = example.matrices
    pairs = zip(flat(numbers.cells), flat(numbers.quotients), strict=True)
    assert all(len(set(in_digits(float(x), float(q)))) == 1 for x, q in pairs)


MIXED = [
    ("sum(softplus(X @ w + b) * c)", ("w", "c"), {"X": "n, d", "w": "d, 1", "b": "n", "c": "n"}),
    ("sum(softplus(X @ w + b))", ("w", "b"), {"X": "n, d", "w": "d", "b": "scalar"}),
    ("sum(softplus(X @ w + b))", ("b", "w"), {"X": "n, d", "w": "d", "b": "scalar"}),
    ("norm(A @ X - Y * t)**2", ("X", "t"), {"A": "m, n", "X": "n, d", "Y": "m, d", "t": "scalar"}),
    ("norm(A @ B)**2", ("A", "B"), {"A": "m, n", "B": "n, d"}),
]


@pytest.mark.sampled(5)
@pytest.mark.parametrize("layout", ["numerator", "denominator"])
@pytest.mark.parametrize(("text", "by", "declared"), MIXED)
def test_mixed_second_derivatives(text, by, declared, layout, tmp_path: Path) -> None:
    d = sd.derive(sd.problem(text, **declared), wrt=by)
    h = d.hessian(*by, layout=layout)
    turned = d.hessian(*by[::-1], layout=layout).data
    h.verify()  # the code, against differences; the product, against the matrix
    assert h.data.label == f"d2L/d{by[0]} d{by[1]}"
    sizes = dict.fromkeys(d.problem.dims, 2)
    here = Explicit(sizes, point(d.problem, sizes, 1, integers=3))
    one, two = (
        np.array(each(lambda x: float(Dual.of(x).value), here.cells(x.expr)))
        for x in (h.data, turned)
    )
    if all(d.problem.variables[n].written for n in by):
        assert np.allclose(one, two.T)  # the order of differentiation does not matter
    h.write(tmp_path, ["md", "py"])
    assert verify_folder(tmp_path)[1] == []
    assert "Mixed second derivatives with respect to" in (tmp_path / "derivation.md").read_text()


def test_a_derivation_of_order_two_has_the_mixed_ones_too() -> None:
    d = sd.derive("logistic-regression", order=2)
    assert [h.data.variables for h in d.hessians] == [("w",), ("b",), ("w", "b")]
    assert {"d2L/dw2", "d2L/db2", "d2L/dw db"} <= {*d.verify().gradients}
    code = d.compile()
    x, w, y = np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([0.5, 1.0]), np.array([1.0, 0.0])
    step = 1e-6
    ends = [code.backward(x, w, 0.3 + s * step, y)["w"] for s in (1, -1)]
    assert np.allclose(code.hessian_w_b(x, w, 0.3, y), (ends[0] - ends[1]) / (2 * step))


def test_names_in_the_steps_of_a_jacobian_have_numbers() -> None:
    example = worked_jacobian(sd.jacobian("relu(A @ x)", "x").data)
    assert example is not None
    assert [*example.forward] == ["z", "y"]
    assert len({x > 0 for x in flat(example.forward["z"])}) == 2  # one unit off and one on


def test_a_value_that_has_a_name_is_stated_once(tmp_path: Path) -> None:
    page = document(sd.jacobian("y = A @ x; y", "x"), tmp_path)
    problem = page.partition("## 1 ")[2].partition("## 2 ")[0]
    assert problem.count(r"{\mathbf{y}} =") == 1
    assert r"\mathbf{y} = \mathbf{y}" not in page


def test_the_document_of_a_jacobian_explains_its_notation(tmp_path: Path) -> None:
    page = document(sd.jacobian("X.T @ A", "X", X="n, m", A="n, k"), tmp_path)
    (said,) = [line for line in page.splitlines() if line.startswith("Notation:")]
    assert r"A \otimes B" in said
    assert "K_{n,m}" in said
