"""Problems of more than four definitions, whose gradients are named on the way, end to end."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

import symderiv as sd
from symderiv import derive, problem
from symderiv.calculus.simplify import readings
from symderiv.core.budget import allowed
from symderiv.core.errors import CheckError, UnsupportedError
from symderiv.derivation.rechecking import recheck
from symderiv.entries import agrees
from symderiv.evidence import example as examples
from symderiv.evidence.example import worked_example
from symderiv.tensor import terms
from symderiv.values.explicit import Explicit

CASES = {
    "loss": ("H1 = X @ W; H2 = relu(H1); H3 = H2 @ W; H4 = H3 * 2; H5 = H4 ** 2; L(H5)", {}),
    "the name of a gradient is taken": (
        "H = X @ W; K = tanh(H) * dH; M = K @ W; N = exp(M / 9); P = N + H; sum(P * P) + sum(dH_)",
        {"dH": "n, d", "dH_": "n, d"},
    ),
    "no loss, and a gradient that two intermediates share": (
        "B = S @ W; C = B @ S; D = inv(C + 9 * eye(d)); E = D @ B; F = E.T @ E; H = F * S;"
        "trace(H @ Q) + sum(X)",
        {"S": "d, d symmetric", "Q": "d, d orthogonal"},
    ),
    "names of Python": (
        "np = X @ W; len_ = np ** 2; len = len_ * 2; _read = len + 1; forward = softmax(_read);"
        "sum(forward * forward)",
        {},
    ),
    "scalars": (
        "a = sum(X @ W); b = a ** 2; c = exp(b / 1000); s = log(c + a ** 2); t = s * c; t + a * s",
        {},
    ),
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", CASES)
def test_deep_problems_are_verified(name: str) -> None:
    text, more = CASES[name]
    assert derive(problem(text, X="n, d", W="d, d", **more)).verify()


def test_a_size_that_hides_what_the_code_uses_is_refused() -> None:
    d = derive(problem("mean(X)", X="np, d"))
    with pytest.raises(UnsupportedError, match="a size named np"):
        d.compile()


def test_constant_gradients_of_scalars_have_the_common_dtype() -> None:
    f = derive(problem("sum(x) + a + n * b", x="n", a="scalar", b="scalar")).compile()
    ones = [np.ones(shape, dtype=np.float32) for shape in (3, (), ())]
    assert all(np.asarray(g).dtype == np.float32 for g in f.backward(*ones).values())


def nested(name: str, depth: int) -> str:
    """Return a function of a function of .. of x."""
    return f"{name}(" * depth + "x" + ")" * depth


NESTED = {
    "losses": nested("L", 40),
    "unspecified functions": f"sum({nested('f', 40)})",
    "functions": f"sum({nested('tanh', 30)})",
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", NESTED)
def test_functions_inside_each_other_have_bounded_digits(name: str, monkeypatch) -> None:
    digits = [0]
    multiply = Fraction.__mul__

    def counted(a, b):
        found = multiply(a, b)
        if isinstance(found, Fraction):
            digits.append(max(digits.pop(), found.numerator.bit_length()))
        return found

    monkeypatch.setattr(Fraction, "__mul__", counted)
    d = sd.derive(NESTED[name], x="n")
    assert not d.verify().left_out
    assert d.files(["md"])
    assert digits[0] < 200_000  # each level multiplies digits by 2, or by 6


def test_a_worked_example_has_numbers_that_a_person_reads() -> None:
    assert worked_example(sd.derive(nested("L", 2), x="n").data) is not None
    assert worked_example(sd.derive(nested("L", 12), x="n").data) is None


@pytest.mark.slow
def test_products_of_many_matrices_are_checked_on_the_road_of_entries() -> None:
    count = 12
    declared = {f"A{k}": f"n{k}, n{k + 1}" for k in range(count)}
    d = sd.derive("L(" + " @ ".join(declared) + ")", variables=declared)
    certificate = d.verify()
    assert not certificate.left_out  # the printed equations among them: sums inside sums
    assert all("by dual numbers" not in r and r["exact"] for r in certificate.roads)
    wrong = d.problem.read(f"2 * ({d['A3'].text})")
    assert agrees(d.problem, "A3", wrong, [dict.fromkeys(d.problem.dims, 2)]).mismatch


def test_sums_inside_sums_are_worked_out_index_by_index() -> None:
    p = sd.problem("L(A @ B @ C)", A="n, n", B="n, n", C="n, n")
    body = " * ".join(["A[i, j]", "B[j, k]", "C[k, l]", "A[l, r]", "B[r, s]", "C[s, t]"])
    for index in "tsrlkji":
        body = f"Sum({index}, {body})"
    nested_sums, product = p.read(body), p.read("sum(A @ B @ C @ A @ B @ C)")
    steps = list(derive(p).data["A"].steps)
    step = replace(steps[0], before=nested_sums, after=product)
    with allowed("seven sums of 3 terms", 3_000):  # 3**7 terms, of six factors each
        assert recheck(p, [step], {"n": 3}) == 1
    with pytest.raises(CheckError):
        recheck(p, [replace(step, after=p.read("sum(A @ B @ C @ A @ B @ A)"))], {"n": 3})


def test_names_in_sums_are_read_and_factors_are_compared_once_for_each(monkeypatch) -> None:
    met: list[list[tuple[object, ...]]] = []
    for module, name in ((readings, "_reads_names"), (terms, "_precedes")):
        met.append([])
        noted = _noted(getattr(module, name), met[-1])
        monkeypatch.setattr(module, name, noted)
    monkeypatch.setattr(terms, "_compared", {})
    assert "tanh" in sd.hessian(f"sum({nested('tanh', 12)})", x="n").text
    # Once in the gradient, and once in its derivative.
    assert all(calls and len(calls) <= 2 * len({*calls}) for calls in met)


def _noted(function, calls):
    def noted(*given):
        calls.append(given)  # which keeps the terms, so that they stay the same objects
        return function(*given)

    return noted


def test_exact_products_with_a_vector_are_worked_out_from_the_vector(monkeypatch) -> None:
    met: list[tuple[object, ...]] = []
    monkeypatch.setattr(Fraction, "__mul__", _noted(Fraction.__mul__, met))
    p = problem(f"sum({' @ '.join(['A'] * 8)} @ x)", A="n, n", x="n")
    rows = [[Fraction(i + 2 * j + 1, 3) for j in range(4)] for i in range(4)]
    column = [[Fraction(k, 5)] for k in range(4)]
    found = Explicit({"n": 4}, {"A": rows, "x": column}).cells(p.objective)[0][0]
    assert len(met) == 8 * 4 * 4
    for _ in range(8):
        column = [[sum(a * b[0] for a, b in zip(r, column, strict=True))] for r in rows]
    assert found == sum(c[0] for c in column)


def test_differences_are_taken_only_of_examples_that_may_be_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn, taken = [], []
    example, differences = examples._example, examples._differences
    monkeypatch.setattr(examples, "_example", lambda *a: drawn.append(a) or example(*a))
    monkeypatch.setattr(examples, "_differences", lambda *a: taken.append(a) or differences(*a))
    found = worked_example(derive(problem("trace(A @ B @ C)", A="n, n", B="n, n", C="n, n")).data)
    assert found is not None
    assert set(found.quotients) == {"A", "B", "C"}
    assert len(taken) < 3 * len(drawn)


@pytest.mark.parametrize(
    "text",
    [
        "L(tril(sqrt(y.T @ y) * y) * sqrt(y.T @ y) * y)",
        "L(tan(sqrt(y.T @ y) * (sqrt(y.T @ y) * y).T @ y) * sqrt(y.T @ y) * y)",
    ],
)
def test_a_part_without_a_name_of_its_own_is_derived_by_its_rule(text: str) -> None:
    d = sd.derive(text, y="n")
    assert d["y"].steps
    assert d.verify().steps["equations"] > 0
