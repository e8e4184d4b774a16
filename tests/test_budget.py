"""Nothing is unbounded: what would take too much is left out and named, or refused in a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import pytest
from _pytest.mark import ParameterSet

import symderiv as sd
from symderiv.claims import deciding
from symderiv.cli.main import main
from symderiv.core.budget import allowed, spend
from symderiv.core.errors import BudgetError, SymderivError

MANY = [f"n{k}" for k in range(20)]

# Verified as always, though naive ways of checking would take for ever.
CHECKED = {
    "exponentials of exponentials": ("sum(exp(exp(exp(exp(x)))))", {"x": "n"}),
    "twenty sizes": (
        " + ".join(f"sum(x{k} ** 2)" for k in range(20)),
        {f"x{k}": n for k, n in enumerate(MANY)},
    ),
    "forty squares": (
        "; ".join(["Z1 = X", *(f"Z{k + 1} = Z{k} * Z{k}" for k in range(1, 40))]) + "; sum(Z40)",
        {"X": "n, d"},
    ),
    "a power of a matrix": ("trace(matrix_power(A, 10))", {"A": "n, n"}),
    "a high power": ("sum(x ** 1000)", {"x": "n"}),
    "a size of four factors": ("sum(x)", {"x": "n*n*n*n"}),
    "a sum of many terms": (" + ".join(["sum(x * y)"] * 300), {"x": "n", "y": "n"}),
}
# The gradient is there, and the certificate says what was not checked.
LEFT_OUT = {
    "six Kronecker products": ("trace(kron(kron(kron(kron(kron(A, A), A), A), A), A))", "entries"),
    "a far entry": ("X[99999, 1]", "entries"),
    "a farther entry": ("x[1000000000]", "entries"),
    "the thousandth power": ("trace(matrix_power(A, 1000))", "product"),
}
REFUSED = {
    "a product of thousands": ("trace(" + " @ ".join(["A"] * 2000) + ")", "2,000 factors"),
    "a tower of powers": ("sum(x ** 10 ** 10)", "the exponent 10 ** 10 is too large"),
    "a number of many digits": ("sum(x) * " + "7" * 50_000, "a number of 50,000 digits"),
    "a decimal of many digits": ("sum(x) * 1." + "7" * 5_000, "a number of 5,000 digits"),
}


SLOW = {
    "forty squares",
    "twenty sizes",
    "the thousandth power",
    "a far entry",
    "a product of thousands",
}


def each(names: Iterable[str]) -> list[ParameterSet]:
    """Return the cases of a table, those that take seconds marked as slow."""
    return [pytest.param(n, marks=[pytest.mark.slow] * (n in SLOW)) for n in names]


@pytest.mark.parametrize("name", each(CHECKED))
def test_what_only_looks_large_is_verified(name: str) -> None:
    text, variables = CHECKED[name]
    certificate = sd.derive(text, **variables).verify()
    assert certificate.roads
    assert not certificate.left_out


@pytest.mark.parametrize("name", each(LEFT_OUT))
def test_a_check_that_is_too_much_is_left_out_and_named(name: str) -> None:
    text, reason = LEFT_OUT[name]
    d = sd.derive(text, **({"A": "n, n"} if "A" in text else {}))
    assert all(r.text for r in d.values())
    certificate = d.verify()
    assert any(re.search(rf"takes more than [\d,]+ steps: .*{reason}", x)
               for x in certificate.left_out)  # fmt: skip
    assert all(f"not checked: {x}" in certificate.lines() for x in certificate.left_out)
    assert certificate.as_dict()["left out"] == list(certificate.left_out)


@pytest.mark.slow
def test_a_hessian_of_which_too_much_is_to_be_checked_is_there() -> None:
    h = sd.hessian("x[999999] ** 2", x="n")
    assert h.text == "2 * onehot(999999, n) @ onehot(999999, n).T"
    found = h.verify()
    words = r"the comparison of the Hessian with dual numbers takes more than [\d,]+ steps: "
    assert any(re.match(words, x) for x in found.left_out)
    assert all(f"not checked: {x}" in found.lines() for x in found.left_out)
    assert found.as_dict()["left out"] == list(found.left_out)


def test_a_position_beyond_the_usual_sizes_is_no_hindrance() -> None:
    found = sd.hessian("x[5] ** 2 * x[1]", x="n").verify()
    assert not found.left_out
    assert found.roads[-1]["entries"] == 25


def test_sizes_that_are_numbers_are_checked_as_symbols_in_a_hessian() -> None:
    found = sd.hessian("sum(x ** 4)", x="500").verify()
    assert found.symbols == {"n500": 500}
    assert not found.left_out
    found = sd.derive("sum(X ** 3)", X="300, 70", order=2).verify()
    (why,) = found.left_out
    assert why.startswith("the check of the Hessian at its own sizes takes more than 400,000 steps")


KRON = "kron(kron(kron(A, B), kron(A, B)), kron(kron(A, B), kron(A, B)))"
TOO_MUCH = "the comparison at n = 2, m = 3 takes more than 1,000,000 steps: "


def test_a_verdict_says_what_was_not_compared() -> None:
    shapes = {"A": "n, m", "B": "n, m"}
    found = sd.equal(KRON, f"1 * {KRON}", variables=shapes)
    assert found.verdict == "undecided"
    (why,) = found.left_out
    assert why.startswith(TOO_MUCH)
    assert found.checked == ["not decided", f"not checked: {why}"]
    assert found.as_dict()["left out"] == [why]
    p = sd.problem("trace(kron(kron(A, B), kron(C, D)))", **dict.fromkeys("ABCD", "n, n"))
    right = sd.check(p, wrt="A", claim="trace(B) * trace(C) * trace(D) * eye(n)")
    assert right.verdict == "right"
    assert not right.left_out
    assert "left out" not in right.as_dict()


@pytest.mark.exhaustive
def test_a_right_verdict_names_the_sizes_that_were_too_many() -> None:
    left = "kron(kron(kron(A, B), kron(A, B)), A)"
    right = "kron(kron(kron(A, B), A), kron(B, A))"
    found = sd.equal(left, right, variables={"A": "n, m", "B": "k, p"})
    assert found.verdict == "right"
    assert "the comparison at n = 5, m = 6, k = 7, p = 8" in " ".join(found.left_out)


def test_the_command_line_says_what_was_not_compared(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["equal", KRON, f"1 * {KRON}", "--var", "A: n, m", "--var", "B: n, m"]
    said = {}
    for how in ([], ["--json"]):
        with pytest.raises(SystemExit, match="1"):
            main([*asked, *how])
        said[bool(how)] = capsys.readouterr().out
    assert f"not checked: {TOO_MUCH}" in said[False]
    assert json.loads(said[True])["left out"][0].startswith(TOO_MUCH)


@pytest.mark.parametrize("name", each(REFUSED))
def test_what_is_too_large_is_refused_by_name(name: str) -> None:
    text, reason = REFUSED[name]
    with pytest.raises(SymderivError) as caught:
        sd.derive(text, **({"A": "n, n"} if "A" in text else {}))
    assert reason in str(caught.value)


def test_steps_are_counted_for_the_innermost_work() -> None:
    with allowed("the whole", 10):
        spend(9, "the first part")
        with allowed("a part", 5), pytest.raises(BudgetError, match="a part takes more than 5"):
            spend(6, "too much")
        spend(1, "the last part")
        with pytest.raises(BudgetError, match="the whole takes more than 10 steps: one more"):
            spend(1, "one more")
    spend(10**12, "nobody counts")


@pytest.mark.slow
@pytest.mark.parametrize("form", ["{x} / norm({x})", "{x} * (1 + {x}.T @ {x})"])
def test_entries_of_a_long_chain_are_not_written_out(form: str) -> None:
    steps = [f"x{k + 1} = {form.format(x=f'x{k}')}" for k in range(8)]
    files = sd.derive("\n".join([*steps, "L(x8)"]), x0="n").files(["md"])
    assert len(files["derivation.md"]) < 200_000


def test_sizes_that_are_taken_as_equal_in_a_circle_end() -> None:
    p = sd.problem("sum(V[2:d, :] ** 2)", V="d, n")
    claim = "concat(V[2:d, :], zeros(n).T, axis=0) + concat(zeros(n).T, V[1:d - 1, :].T, axis=0)"
    found = sd.check(p, wrt="V", claim=claim)
    assert found.verdict == "wrong"
    assert found.slips == ("shape",)


def test_nothing_is_drawn_for_what_is_too_much_to_look_at(monkeypatch) -> None:
    monkeypatch.setattr(deciding, "_PIECEWISE", 0)
    monkeypatch.setattr(deciding, "region", None)  # which is where the points would be drawn
    right = "2 * X[4, 1] * onehot(4, n) @ onehot(1, d).T"
    assert sd.check("X[4, 1] ** 2", wrt="X", claim=right, X="n, d").verdict == "right"
