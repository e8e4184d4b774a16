"""Documents of Jacobians: where entries stand, and which symbols are explained."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

import symderiv as sd
from symderiv.cli.main import main
from symderiv.core.errors import CheckError, DisagreementError, MissingRuleError
from symderiv.core.expr import Expr, mul, num, transpose
from symderiv.derivation.narration.forward_differentials import ForwardDifferentials
from symderiv.derivation.rechecking import recheck
from symderiv.entries.matrix_entries import check_entries, matrix_entries
from symderiv.ops.text import text
from symderiv.results import outputs


def _document(value: str, **shapes: str) -> str:
    by = next(iter(shapes))
    return sd.jacobian(value, by, variables=shapes).files(["md"])["derivation.md"].decode()


def test_a_jacobian_in_vec_order_says_where_an_entry_stands() -> None:
    said = _document("X @ A @ X.T", X="n, d", A="d, d")
    assert "stands in row $`i + (j - 1) n`$ and column $`p + (q - 1) n`$" in said
    assert r"where $`B \otimes C`$ has $`B_{jq} \, C_{ip}`$." in said  # A has a meaning
    assert "stands in row" not in _document("exp(x)", x="n")


COMPOSED = "h = W @ x + b; softmax(tanh(h), axis=0)"
SHAPES = {"x": "n", "W": "m, n", "b": "m"}


def _styled(style: str, order: int = 1) -> str:
    if order == 2:
        d = sd.derive("norm(A @ x - y)**4", wrt="x", order=2, A="m, n", y="m", x="n")
        return d.files(["md"], style=style)["derivation.md"].decode()
    j = sd.jacobian(COMPOSED, "x", variables=SHAPES)
    return j.files(["md"], style=style)["derivation.md"].decode()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("order", [1, 2])
def test_each_style_is_the_one_that_was_asked_for(order: int) -> None:
    marks = {
        "differential": "What stands ",
        "index": "sift $`k`$",
        "entries": "The entries of ",
    }
    for style in marks:
        said = _styled(style, order)
        assert {s for s, words in marks.items() if words in said} == {style}
    whole = _styled("all", order)
    assert all(words in whole for words in marks.values())


def test_a_composition_is_a_product_of_the_jacobians_on_the_way() -> None:
    found = sd.jacobian(COMPOSED, "x", variables=SHAPES).data
    product = "(diag(y) - y @ y.T) @ diag(1 - z ** 2) @ W"
    assert text(found.in_output[0]) == product
    assert text(found.identified.steps[-1].after) == f"{product} @ d(x)"
    assert text(found.own_steps[-1].after) == f"({product})[i, p]"
    assert [text(name) for name, _ in found.named_jacobians] == ["J_z"]


def test_a_second_differential_is_checked_against_the_objective_itself() -> None:
    found = sd.hessian("x.T @ A @ x", "x", variables={"x": "n", "A": "n, n"}).data
    second = next(s for s in found.identified.steps if text(s.before) == "d(d(L))")
    halved = replace(second, after=mul(num(Fraction(1, 2)), second.after))
    assert recheck(found.problem, [second]) == 1
    with pytest.raises(CheckError):
        recheck(found.problem, [halved])


def test_sympy_s_entries_are_compared_with_the_matrix() -> None:
    found = sd.jacobian("x * (A @ x)", "x", variables={"x": "n", "A": "n, n"}).data
    entries = matrix_entries(found.problem, found.value, "x", {"n": 2})
    assert check_entries(found.problem, entries, found.expr) == 4
    with pytest.raises(DisagreementError):
        check_entries(found.problem, entries, transpose(found.expr))


def test_a_style_that_there_is_not_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> Expr:
        raise MissingRuleError("z is a tensor, which has no vec")

    monkeypatch.setattr(ForwardDifferentials, "_local", refused)
    monkeypatch.setattr(outputs, "small_entries", lambda _: "they are too many")
    j = sd.jacobian("tanh(A @ x)", "x", variables={"x": "n", "A": "m, n"})
    said = j.files(["md"], style="all")["derivation.md"].decode()
    assert "There is none by differentials: z is a tensor, which has no vec." in said
    assert "Its entries are not written out: they are too many." in said


def test_lemmas_of_a_jacobian_use_no_cotangent_and_automatic_names_are_explained() -> None:
    said = _document("softmax(x, axis=0) / sum(x**2)", x="n")
    assert "cotangent" not in said
    assert any(
        line.startswith(r"| $`s`$ | $`\mathrm{scalar}`$ | names") for line in said.splitlines()
    )


def test_second_derivatives_by_a_tensor_are_given_by_entries() -> None:
    shapes = {"T": "n, d, m", "W": "d, m"}
    d = sd.derive("sum(einsum('ijk,jk->i', T, W)**2)", order=2, variables=shapes)
    assert [h.data.variables for h in d.hessians] == [("W",)]
    assert [h.variables for h in d.second_entries] == [("T",), ("T", "W")]
    assert [text(h.entry_expr) for h in d.second_entries][
        0
    ] == "2 * W[p1, q1] * W[q, r] * delta(p, s)"
    assert all(h.recheck() > 0 for h in d.second_entries)
    said = d.files(["md"])["derivation.md"].decode()
    assert said.count("There is no matrix of them (T is n x d x m: a tensor has no vec)") == 2
    assert "d2L/dT dW" in d.verify().gradients


@pytest.mark.parametrize(
    ("objective", "shapes", "order", "name"),
    [
        ("sum(x ** 3)", {"x": "n"}, "x", "g"),
        ("sum(g * x ** 3)", {"x": "n", "g": "n"}, "x", "gamma"),
        ("sum(g(x))", {"x": "n"}, "x", "gamma"),
        ("sum(x ** 3 * y)", {"x": "n", "y": "n"}, "x, y", "g_x"),
    ],
)
def test_the_gradient_has_a_name_that_means_nothing_else(
    objective: str, shapes: dict[str, str], order: str, name: str
) -> None:
    d = sd.derive(objective, wrt=order, order=2, variables=shapes)
    assert str(d.hessians[0].data.stated.data) == name
    said = d.files(["md"])["derivation.md"].decode()
    assert r"gradient $`\partial L / \partial \mathbf{x}`$ |" in said


@pytest.mark.parametrize(
    ("objective", "shapes", "whole", "block"),
    [
        (  # Bishop (2006), equation 4.110
            "U = softmax(X @ W, axis=1); -sum(Y * log(U))",
            {"X": "n, d", "W": "d, K", "Y": "n, K onehot"},
            "Sum(k, kron(diag(U[k, :].T) - U[k, :].T @ U[k, :], X[k, :].T @ X[k, :]))",
            "Sum(k, (U[k, q] * delta(q, s) - U[k, q] * U[k, s]) * X[k, :].T @ X[k, :])",
        ),
        ("norm(X @ W - Y)**2", {"X": "n, d", "W": "d, K", "Y": "n, K"}, "", ""),
    ],
)
def test_a_hessian_that_is_a_sum_over_rows_is_given_in_blocks(
    objective: str, shapes: dict[str, str], whole: str, block: str
) -> None:
    found = sd.hessian(objective, "W", variables=shapes).data
    rows = found.kronecker_sum
    assert (text(rows.whole) if rows else "") == whole
    assert (text(rows.block) if rows and rows.block else "") == block
    assert found.recheck() > 0
    if rows is not None:
        last = found.own_steps[-1]
        wrong = replace(last, after=mul(num(2), last.after))
        with pytest.raises(CheckError):
            recheck(found.problem, [wrong])


@pytest.mark.parametrize("option", [["--exercise"], ["--cotangent", "bar"]])
def test_what_is_of_gradients_alone_is_refused_for_a_jacobian(
    option: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["derive", "exp(x)", "--jacobian", *option, "-o", str(tmp_path / "none")])
    assert stopped.value.code == 2
    assert "a Jacobian has no cotangents" in capsys.readouterr().err


def test_a_jacobian_on_the_way_has_a_free_name_and_a_matrix_has_none() -> None:
    shapes = {"x": "n", "J_z": "n"}
    found = sd.jacobian("z = x * tanh(x); J_z * softmax(z, axis=0)", "x", variables=shapes).data
    assert [text(name) for name, _ in found.named_jacobians] == ["Jac_z", "J_r"]
    assert found.recheck() > 0
    through = sd.jacobian(
        "Z = exp(x @ x.T); softmax(Z @ x, axis=0)", "x", variables={"x": "n"}
    ).data
    assert "J_Z" not in {text(name) for name, _ in through.named_jacobians}
    assert through.recheck() > 0
