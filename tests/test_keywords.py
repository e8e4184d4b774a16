"""Variables are declared by keyword or in a table, and no declaration is lost."""

from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.core.errors import DeclarationError, InputError, SymderivError

OPTIONS = ("name", "title", "claims", "wrt", "upstream", "meanings", "syntax", "variables", "text")
OTHERS = ("of", "order", "layout", "structured", "left", "right", "self", "k", "about", "jobs")


@pytest.mark.parametrize("name", [*OPTIONS, *OTHERS])
def test_a_variable_may_have_the_name_of_any_option(name: str) -> None:
    text = f"sum({name} * x)"
    table = {name: "n", "x": "n"}
    assert sd.problem(text, variables=table).variables[name].shape
    assert sd.derive(text, name, variables=table)[name].text == "x"
    assert sd.jacobian(f"{name} * x", "x", variables=table).text == f"diag({name})"
    assert sd.hessian(f"{name}.T @ x ** 2", "x", variables=table).text == f"2 * diag({name})"
    assert sd.check(text, wrt=name, claim="x", variables=table).verdict == "right"
    assert sd.equal(f"{name} + x", f"x + {name}", variables=table).verdict == "right"
    result = sd.derive(text, "x", variables=table)["x"]
    values: dict[str, Any] = {name: np.array([1.0, 2.0]), "x": np.zeros(2)}
    assert result.evaluate(**values).tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("ask", "option"),
    [
        (lambda: sd.problem("sum(name * x)", name="n", x="n"), "name"),
        (lambda: sd.problem("sum(title * x)", title="n", x="n"), "title"),
        (lambda: sd.problem("sum(claims * x)", claims="n", x="n"), "claims"),
        (lambda: sd.problem("sum(upstream * x)", upstream="n", x="n"), "upstream"),
        (lambda: sd.derive("sum(order * x)", order="n", x="n"), "order"),
        (lambda: sd.derive("sum(wrt * x)", wrt="n", x="n"), "wrt"),
        (lambda: sd.check("sum(about * x)", wrt="x", claim="x", about="n", x="n"), "about"),
        (lambda: sd.trace(lambda title, x: (title * x).sum(), title="n", x="n"), "title"),
    ],
)
def test_a_name_that_could_be_both_is_refused_with_what_to_write(ask: Any, option: str) -> None:
    with pytest.raises(DeclarationError, match=rf"{option}= is an option here") as refused:
        ask()
    assert f'variables={{"{option}": "n"}}' in str(refused.value)


def test_what_is_an_argument_by_place_may_be_declared_by_keyword() -> None:
    assert sd.derive("of.T @ of", of="n")["of"].text == "2 * of"
    assert sd.stack("L(X @ k)", 2, X="n, d", k="d, d").variables["k_1"].shape
    assert sd.equal("left + right", "right + left", left="n", right="n").verdict == "right"
    assert sd.problem("text.T @ text", text="n").wrt == ("text",)


def test_a_variable_is_declared_once() -> None:
    with pytest.raises(DeclarationError, match="declared twice"):
        sd.problem("x.T @ x", variables={"x": "n"}, x="m")
    with pytest.raises(InputError, match="not a table of declarations"):
        sd.problem("x.T @ x", variables="n")  # type: ignore[arg-type]


@pytest.mark.parametrize("of", ["linear-layer", "problem"])
def test_a_problem_that_declares_its_variables_takes_no_others(of: str) -> None:
    given = sd.problem("x.T @ x", x="n") if of == "problem" else of
    with pytest.raises(InputError, match="declared already"):
        sd.derive(given, X="n, m")
    with pytest.raises(InputError, match="declared already"):
        sd.derive(given, variables={"X": "n, m"})


def test_a_traced_function_may_have_parameters_of_any_name() -> None:
    def loss(title: Any, name: Any, self: Any) -> Any:
        return (title * name * self).sum()

    shapes = {"title": "n", "name": "n", "self": "n"}
    assert sd.derive(sd.trace(loss, variables=shapes))["name"].text == "self * title"


@pytest.mark.parametrize(
    "ask",
    [
        lambda: sd.problem(None),
        lambda: sd.problem(b"x"),
        lambda: sd.problem("x.T @ x", x=None),
        lambda: sd.problem("x.T @ x", x=b"n"),
        lambda: sd.problem("x.T @ x", title=3),
        lambda: sd.problem("x.T @ x", title="a" * 20_000),
        lambda: sd.problem("x.T @ x", name=3),
        lambda: sd.problem("x.T @ x", upstream=3),
        lambda: sd.problem("x.T @ x", meanings="n"),
        lambda: sd.problem("x.T @ x", meanings={"x": 3}),
        lambda: sd.problem("x.T @ x", meanings={3: "x"}),
        lambda: sd.problem("x.T @ x", claims=["x"]),
        lambda: sd.problem("x.T @ x", claims=3),
        lambda: sd.problem("x.T @ x", wrt=3),
        lambda: sd.problem("x.T @ x", wrt=[3]),
        lambda: sd.problem("x.T @ x", syntax=3),
        lambda: sd.load(3),
        lambda: sd.load("a\0b"),
        lambda: sd.load("a" * 5_000),
        lambda: sd.derive("x.T @ x", 3),
        lambda: sd.derive("x.T @ x", [3]),
        lambda: sd.derive("x.T @ x", order="2"),
        lambda: sd.derive("x.T @ x", structured=[]),
        lambda: sd.derive("x.T @ x", layout=[]),
        lambda: sd.jacobian("x * x", 3),
        lambda: sd.check("x.T @ x", wrt=3, claim="x"),
        lambda: sd.check("x.T @ x", wrt="x", claim=3),
        lambda: sd.check("x.T @ x", wrt="x", claim=[3]),
        lambda: sd.check("x.T @ x", wrt="x", claim="x", about=3),
        lambda: sd.check("x.T @ x", wrt="x", claim="x", order="2"),
        lambda: sd.check(3),
        lambda: sd.check("linear-layer", jobs="2"),
        lambda: sd.check("linear-layer", jobs=0),
        lambda: sd.equal("x", 3),
        lambda: sd.stack("linear-layer", "2"),
        lambda: sd.stack("linear-layer", 2.5),
        lambda: sd.trace(3, x="n"),
        lambda: sd.trace(print, x="n"),
        lambda: sd.derive("x.T @ x").write(3),
        lambda: sd.derive("x.T @ x").write("a\0b"),
        lambda: sd.derive("x.T @ x").files("md"),
        lambda: sd.derive("x.T @ x").files(3),
        lambda: sd.derive("x.T @ x").files(["md"], style=3),
        lambda: sd.derive("x.T @ x").files(["pdf"], engine=3),
        lambda: sd.derive("x.T @ x").hessian(3),
        lambda: sd.derive("x.T @ x")[3],
        lambda: sd.derive("x.T @ x")["x"].evaluate(x=[[1], [1, 2]]),
        lambda: sd.derive("x.T @ x")["x"].evaluate(x="abc"),
        lambda: sd.derive("x.T @ x")["x"].evaluate(x=[object()]),
        lambda: sd.derive("x.T @ x")["x"].evaluate(x=None),
        lambda: sd.derive("x.T @ x")["x"].evaluate(),
        lambda: sd.equal("x = 1", "x"),
        lambda: sd.equal("x; y", "x"),
        lambda: sd.problem("L(x)", x="n", upstream="L"),
        lambda: sd.problem("L(x)", x="n", upstream="n"),
        lambda: sd.stack("L(X + X @ W)", 10**6, X="n, d", W="d, d"),
    ],
)
def test_an_argument_of_a_wrong_type_is_an_error_of_this_package(ask: Any) -> None:
    with pytest.raises(SymderivError):
        ask()
