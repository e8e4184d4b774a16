"""The entry road: SymPy entries, the pattern they share, and comparison with a given gradient."""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
from fractions import Fraction
from pathlib import Path

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from symderiv import derive, entries, load
from symderiv.core.budget import allowed
from symderiv.core.cells import entry_at, flat, places
from symderiv.core.errors import CheckError, InputError, NoEntriesError, UnknownNameError
from symderiv.core.expr import entry, partial
from symderiv.core.scale import Scale
from symderiv.entries import (
    EntryRoad,
    agrees,
    compare_all,
    explicit_entries,
    find_pattern,
    generalise,
    gradient_entries,
    names_of,
    small_sizes,
    typical_sizes,
)
from symderiv.entries.families import fit
from symderiv.entries.points import OUTSIDE_DOMAIN, points
from symderiv.entries.stages import is_part, stages_of
from symderiv.ops import TABLE
from symderiv.ops.text import text
from symderiv.problems.problem import Problem, problem
from symderiv.values.explicit import Explicit, same

LINEAR = {"X": "n, d", "W": "d, m", "b": "m"}
AFFINE = "X @ W + ones(n) @ b.T"
RESIDUAL = f"({AFFINE} - Y)"


def linear() -> Problem:
    return problem(f"Z = {AFFINE}; L(Z)", **LINEAR)


def sym(name: str) -> sympy.Symbol:
    return sympy.Symbol(name, real=True)


# Explicit entries -------------------------------------------------------------------------------


def test_entries_of_a_product_are_sums_over_the_inner_index() -> None:
    found = explicit_entries(linear(), {"n": 2, "d": 2, "m": 2})
    z = sym("W_{1,2}") * sym("X_{1,1}") + sym("W_{2,2}") * sym("X_{1,2}") + sym("b_{2}")
    assert found.values["Z"][0, 1] == z
    assert found.names["Z"][1, 0] == sym("Z_{2,1}")
    zero, x11, x21 = sympy.Integer(0), sym("X_{1,1}"), sym("X_{2,1}")
    assert found.partials["Z", "W"][1, 2] == sympy.Matrix([[zero, x11], [zero, x21]])
    assert found.gradients["W"][0, 1] == x11 * sym("G_{1,2}") + x21 * sym("G_{2,2}")


def test_argument_of_a_loss_is_kept_under_the_name_of_its_gradient() -> None:
    found = explicit_entries(problem("L(2 * x)", x="n"), {"n": 2})
    assert list(found.values["G"]) == [2 * sym("x_{1}"), 2 * sym("x_{2}")]


def test_gradient_agrees_with_differentiating_the_written_out_objective() -> None:
    p = problem("Z = X @ W; H = tanh(Z); sum(H * H) + 3 * sum(Z)", X="n, d", W="d, m")
    sizes = {"n": 2, "d": 2, "m": 1}
    road = EntryRoad(p, sizes)
    z = [[road.cells(p.definitions["Z"])[i][0]] for i in range(2)]
    whole = sum(sympy.tanh(r[0]) ** 2 + 3 * r[0] for r in z)
    values = {
        s: x
        for name in ("H", "Z")
        for s, x in zip(
            [r[0] for r in road.symbols[name]],
            [sympy.tanh(r[0]) if name == "H" else r[0] for r in z],
            strict=True,
        )
    }
    for r, q in zip(road.gradient("W"), road.symbols["W"], strict=True):
        derived = r[0].subs({s: x for s, x in values.items() if s.name[0] == "H"})
        derived = derived.subs({s: x for s, x in values.items() if s.name[0] == "Z"})
        assert sympy.expand(derived - whole.diff(q[0])) == 0


def test_loss_is_differentiated_through_its_value_too() -> None:
    (row,) = gradient_entries(problem("L(x) ** 2 * a", x="n"), "x", {"n": 1})
    assert row[0] == 2 * sym("a") * sym("L") * sym("G_{1}")


def test_several_losses_have_gradients_of_their_own() -> None:
    p = problem("L(2 * x) + K(x)", x="n", K="loss", L="loss")
    (row,) = gradient_entries(p, "x", {"n": 1})
    assert row[0] == 2 * sym("G1_{1}") + sym("G2_{1}")


def test_gradient_by_a_definition_and_missing_inputs() -> None:
    p = problem("Z = X @ W; 2 * L(Z)", X="n, d", W="d, m")
    assert gradient_entries(p, "Z", {"n": 1, "d": 2, "m": 1}) == [[2 * sym("G_{1,1}")]]
    with pytest.raises(InputError, match="no size is given for m"):
        gradient_entries(p, "W", {"n": 1, "d": 2})
    with pytest.raises(UnknownNameError, match="'Q'"):
        gradient_entries(p, "Q", {"n": 1, "d": 2, "m": 1})


def test_deep_networks_stay_small() -> None:
    layers = "; ".join(f"H{k} = tanh(H{k - 1} @ W{k})" for k in range(1, 7))
    shapes = {"H0": "n, n", **{f"W{k}": "n, n" for k in range(1, 7)}}
    road = EntryRoad(problem(f"{layers}; L(H6)", **shapes), {"n": 3})
    entry = road.gradient("W5")[0][0]
    assert {s.name[:2] for s in entry.free_symbols} == {"G_", "H4", "H5", "W5", "W6"}


SAMPLES = [(op.name, s) for op in TABLE.values() for s in op.samples if s != "internal"]


@pytest.mark.parametrize(
    "text",
    [
        "L(softmax(X @ W) * X[1, 1])",
        "sum(exp(f(X) ** 3 / (1 + X ** 2)) * sqrt(X * Y)) / norm(X)",
        "sum(where(X > Y, abs(X) ** Y, log(X ** X)))",
        "sum(normal_cdf(tanh(polygamma(2, X * Y)))) * det(A)",
        "Z = tanh(A @ X); sum(Z / (1 + Z * Z)) + trace(inv(A))",
    ],
)
def test_derivatives_are_those_of_sympy_to_the_letter(text: str) -> None:
    shapes = {"X": "n, d", "Y": "n, d", "A": "n, n", "W": "d, d", "f": "entrywise"}
    p = problem(text, **{n: s for n, s in shapes.items() if n in text})
    road = EntryRoad(p, {"n": 2, "d": 2})
    for stage in road.stages:
        for x in flat(stage.cells):
            for s in sorted(x.free_symbols, key=str):
                assert road.partial(x, s) == x.diff(s)


@pytest.mark.sampled(by="name")
@pytest.mark.parametrize(("name", "sample"), SAMPLES)
def test_every_operator_has_the_slope_of_its_value(name: str, sample: str) -> None:
    *definitions, last = sample.split(";")
    shapes = {
        "X": "n, d",
        "A": "n, n",
        "x": "n",
        "s": "scalar",
        "f": "entrywise",
        "T": "t, n, d",
        "H": "n, h*k",
    }
    p = problem(";".join([*definitions, f"sum({last})"]), **shapes)
    sizes = {"n": 2, "d": 3, "t": 2, "h": 2, "k": 1}
    for wrt in p.wrt:
        road = EntryRoad(p, sizes)
        for point in points(names_of(p), sizes, others=[p.objective]):
            try:
                derived = road.gradient(wrt, lift=point.value, plus=lambda terms: sum(terms, 0))
                break
            except NoEntriesError:
                return  # SymPy has no entries of it; dual numbers check it instead
            except OUTSIDE_DOMAIN:
                continue
        else:
            pytest.fail(f"{name}: no point in the domain of {sample}")
        dual, v = Explicit(sizes, point.values), p.variables[wrt].expr
        for spot in places(derived):
            by = v if v.is_scalar else entry(v, *spot)
            expected = dual.derivative(partial(p.objective, by))[0][0]
            assert same(entry_at(derived, spot), expected), (sample, wrt)


# The pattern ------------------------------------------------------------------------------------

PATTERNS = [
    (f"Z = {AFFINE}; L(Z)", LINEAR, {"W": "X.T @ G", "b": "G.T @ ones(n)", "X": "G @ W.T"}),
    (
        f"0.5 * norm{RESIDUAL} ** 2",
        {**LINEAR, "Y": "n, m"},
        {
            "W": f"X.T @ {RESIDUAL}",
            "b": f"{RESIDUAL}.T @ ones(n)",
            "X": f"{RESIDUAL} @ W.T",
            "Y": "Y - X @ W - ones(n) @ b.T",
        },
    ),
    (
        f"mean({RESIDUAL} ** 2)",
        {**LINEAR, "Y": "n, m"},
        {"W": f"2 / (m * n) * X.T @ {RESIDUAL}"},
    ),
    ("x.T @ A @ x", {"x": "n", "A": "n, n"}, {"x": "(A + A.T) @ x", "A": "x @ x.T"}),
    ("trace(A @ X @ B)", {"A": "n, d", "X": "d, m", "B": "m, n"}, {"X": "A.T @ B.T"}),
    ("trace(A @ A @ A)", {"A": "n, n"}, {"A": "3 * A.T @ A.T"}),
    ("trace(A @ X @ A.T @ C)", {"A": "n, d", "X": "d, d", "C": "n, n"},
     {"A": "C @ A @ X + C.T @ A @ X.T", "X": "A.T @ C.T @ A"}),
    ("sum(X ** 2)", {"X": "n, d"}, {"X": "2 * X"}),
    ("mean(X)", {"X": "n, d"}, {"X": "ones(n, d) / (n * d)"}),
    ("sum(X) * trace(A)", {"X": "n, d", "A": "n, n"},
     {"X": "trace(A) * ones(n, d)", "A": "sum(X) * eye(n)"}),
    ("norm(X)", {"X": "n, d"}, {"X": "X / norm(X)"}),
    ("x.T @ diag(w) @ x", {"x": "n", "w": "n"}, {"x": "2 * w * x", "w": "x ** 2"}),
    ("sum((X - mean(X, axis=0)) ** 2)", {"X": "n, d"},
     {"X": "2 * (X - ones(n) @ ones(n).T @ X / n)"}),
    ("X[1, 2] ** 2 + sum(X ** 2)", {"X": "n, d"},
     {"X": "2 * (X + X[1, 2] * onehot(1, n) @ onehot(2, d).T)"}),
    ("sum(tanh(X @ w))", {"X": "n, d", "w": "d"}, {"w": "X.T @ (1 - tanh(X @ w) ** 2)"}),
    ("L(f(X @ W))", {"X": "n, d", "W": "d, m", "f": "entrywise"},
     {"W": "X.T @ (fp(X @ W) * G)"}),
    ("L(relu(X @ W))", {"X": "n, d", "W": "d, m"},
     {"W": "X.T @ (where(X @ W > 0, 1, 0) * G)"}),
    ("Z = X @ W; H = tanh(Z); L(H @ V)", {"X": "n, d", "W": "d, h", "V": "h, m"},
     {"W": "X.T @ ((G @ V.T) * (1 - tanh(Z) ** 2))", "V": "H.T @ G", "H": "G @ V.T"}),
    ("y.T @ exp(x) / sum(exp(x))", {"x": "n", "y": "n"}, {"y": "exp(x) / sum(exp(x))"}),
    ("pi * sum(A @ X)", {"A": "3, n", "X": "n, 2"}, {"X": "pi * A.T @ ones(3) @ ones(2).T"}),
    ("a * b + a ** 2", {}, {"a": "2 * a + b"}),
    ("sum(X, axis=0) @ c", {"X": "n, d", "c": "d"}, {"c": "X.T @ ones(n)"}),
    ("sum(X * 0)", {"X": "n, d"}, {"X": "zeros(n, d)"}),
]  # fmt: skip


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("source", "shapes", "wrt", "expected"),
    [(s, v, w, e) for s, v, found in PATTERNS for w, e in found.items()],
)
def test_pattern_of_entries_is_found(
    source: str, shapes: dict[str, str], wrt: str, expected: str
) -> None:
    p = problem(source, **shapes)
    found = generalise(p, wrt)
    assert found is not None
    assert text(found.expr) == expected
    assert agrees(p, wrt, found.expr).agrees
    assert agrees(p, wrt, p.read(text(found.expr))).agrees


def test_pattern_says_what_each_family_sums() -> None:
    found = generalise(linear(), "W")
    assert found is not None
    (family,) = found.families
    assert family.labels == ("p", "q")
    assert [str(d) for _, d in family.summed] == ["n"]
    assert text(found.entry) == "Sum(i, G[i, q] * X[i, p])"
    assert found.sizes == typical_sizes(linear())


@pytest.mark.parametrize(
    ("source", "shapes", "expected"),
    [
        ("3 * trace(X)", {"X": "n, n"}, "3 * delta(p, q)"),
        ("X[1, 2] ** 2", {"X": "n, d"}, "2 * X[1, 2] * delta(1, p) * delta(2, q)"),
        ("sum(tanh(X @ w))", {"X": "n, d", "w": "d"}, "-tanh(X @ w)[p] ** 2 * w[q] + w[q]"),
    ],
)
def test_entry_of_a_pattern_shows_its_deltas(
    source: str, shapes: dict[str, str], expected: str
) -> None:
    found = generalise(problem(source, **shapes), "X")
    assert found is not None
    assert text(found.entry) == expected


def grids(p: Problem, wrt: str) -> list[tuple[dict[str, int], list[list[sympy.Expr]]]]:
    return [(dict(s), gradient_entries(p, wrt, s)) for s in typical_sizes(p)]


@pytest.mark.parametrize("place", [(0, 0), (1, 0), (-1, -1)])
@pytest.mark.parametrize("which", [0, 1, 2])
def test_one_changed_entry_leaves_no_pattern(place: tuple[int, int], which: int) -> None:
    p = linear()
    for change in (lambda x: 2 * x, lambda x: x.args[0], lambda x: x + 1, lambda x: x * 0):
        found = grids(p, "W")
        i, j = place
        found[which][1][i][j] = change(found[which][1][i][j])
        assert find_pattern(found, names_of(p), p.variables["W"].shape) is None


def test_partial_sums_are_no_pattern() -> None:
    p = problem("sum(x)", x="n")
    found = [
        ({"n": n}, [[sum(sym(f"x_{{{k}}}") for k in range(1, i + 1))] for i in range(1, n + 1)])
        for n in (4, 3, 2)
    ]
    assert find_pattern(found, names_of(p), p.variables["x"].shape) is None


def test_coefficient_that_is_no_power_of_sizes_is_no_pattern() -> None:
    p = problem("sum(x)", x="n")
    found = [
        ({"n": n}, [[sym(f"x_{{{i}}}") / (n * n + 1)] for i in range(1, n + 1)]) for n in (4, 3, 2)
    ]
    assert find_pattern(found, names_of(p), p.variables["x"].shape) is None


def test_contraction_that_is_no_matrix_algebra_is_no_pattern() -> None:
    source = "Sum(k, Sum(l, Sum(i, Sum(j, P[k, l]*A[k, i]*B[k, j]*C[l, i]*D[l, j]*E[i, j]))))"
    shapes = {"P": "a, b", "A": "a, c", "B": "a, d", "C": "b, c", "D": "b, d", "E": "c, d"}
    p = problem(source, **shapes)
    sizes = [{"a": 2, "b": 2, "c": 2, "d": 3}, {"a": 3, "b": 2, "c": 2, "d": 2}]
    assert generalise(p, "P", sizes) is None


def test_unknown_functions_are_no_pattern() -> None:
    p = problem("sum(x)", x="n")
    found = [
        ({"n": n}, [[sympy.gamma(sym(f"x_{{{i}}}"))] for i in range(1, n + 1)]) for n in (3, 2)
    ]
    assert find_pattern(found, names_of(p), p.variables["x"].shape) is None


def test_fit_does_not_choose_between_explanations() -> None:
    volume = [({"n": 2, "d": 3}, Fraction(1, 2)), ({"n": 3, "d": 2}, Fraction(1, 3))]
    assert fit(volume) is None
    assert fit([*volume, ({"n": 3, "d": 3}, Fraction(1, 3))]) == Scale(Fraction(1), (("n", -1),))


@pytest.mark.parametrize("count", range(1, 6))
def test_typical_sizes_tell_all_coefficients_apart(count: int) -> None:
    names = [f"n{k}" for k in range(count)]
    shapes = {f"x{k}": s for k, s in enumerate(names)}
    p = problem(" + ".join(f"sum({x})" for x in shapes), **shapes)
    sizes = typical_sizes(p)
    rows = [
        [sympy.multiplicity(q, s[n]) - sympy.multiplicity(q, sizes[0][n]) for n in names]
        for s in sizes[1:]
        for q in (2, 3)
    ]
    assert sympy.Matrix(rows).rank() == count


SQUARES = ["A", "B", "C", "A.T", "B.T", "C.T", "(A * B)", "(B * C.T)"]
SQUARES += ["diag(x)", "x @ y.T", "ones(n) @ y.T", "eye(n)"]
CHAIN = st.lists(st.sampled_from(SQUARES), min_size=1, max_size=2).map(" @ ".join)


@settings(max_examples=8, deadline=None)
@given(CHAIN, CHAIN, st.sampled_from(["+", "-", "*"]), st.sampled_from("ABx"), st.booleans())
def test_random_contractions_are_recovered(
    first: str, second: str, sign: str, wrt: str, is_loss: bool
) -> None:
    whole = f"({first}) {sign} ({second}) + x @ y.T"
    source = f"L({whole})" if is_loss else f"sum(({whole}) @ A)"
    p = problem(source, **dict.fromkeys("ABC", "n, n"), x="n", y="n")
    found = generalise(p, wrt)
    assert found is not None
    assert agrees(p, wrt, found.expr).agrees
    assert agrees(p, wrt, p.read(text(found.expr))).agrees


@pytest.mark.slow
@settings(max_examples=3, deadline=None)
@given(st.permutations(["X @ W", "ones(n) @ b.T", "2 * Y", "-(a * Y)"]), st.integers(2, 4))
def test_random_residuals_are_recovered(terms: list[str], count: int) -> None:
    p = problem(f"norm({' + '.join(terms[:count])}) ** 2", **LINEAR, Y="n, m", a="scalar")
    for wrt in p.wrt:
        found = generalise(p, wrt)
        assert found is not None
        assert agrees(p, wrt, found.expr).agrees


# Comparison -------------------------------------------------------------------------------------


def test_right_gradients_agree_at_all_sizes_from_one() -> None:
    p = linear()
    claims = {"W": "X.T @ G", "b": "G.T @ ones(n)", "X": "G @ W.T"}
    found = compare_all(p, {w: p.read(c) for w, c in claims.items()})
    for w, c in found.items():
        assert (c.agrees, c.exact, c.digits) == (True, True, None), w
        assert len(c.sizes) == 27
        assert {"n": 1, "d": 1, "m": 1} in c.sizes
    assert (found["W"].entries, found["b"].entries) == (108, 54)
    assert found["W"].identities == 18


@pytest.mark.parametrize(
    ("source", "shapes", "wrt", "claim", "first"),
    [
        ("L(X @ W)", {"X": "n, d", "W": "d, m"}, "W", "X.T @ G + W", (1, 1, 1)),
        ("L(X @ W)", {"X": "n, d", "W": "d, m"}, "W", "d * X.T @ G", (1, 2, 1)),
        ("L(X @ W)", {"X": "n, d", "W": "d, m"}, "W", "ones(d) @ X[1, :] @ X.T @ G / sum(X)",
         None),
        ("x.T @ A @ x", {"x": "n", "A": "n, n"}, "x", "2 * A @ x", (2,)),
        ("x.T @ A @ x", {"x": "n", "A": "n, n symmetric"}, "x", "2 * A @ x", "right"),
        ("sum(tanh(x))", {"x": "n"}, "x", "1 - tanh(x)", (1,)),
        ("sum(tanh(x))", {"x": "n"}, "x", "1 - tanh(x) ** 2", "right"),
        ("norm(A @ x - b)", {"A": "n, d", "x": "d", "b": "n"}, "x",
         "A.T @ (A @ x - b) / norm(A @ x - b)", "right"),
        ("sum(log(X))", {"X": "n, 3"}, "X", "1 / X", "right"),
        ("L(X @ X[2, :].T)", {"X": "n, d"}, "X",
         "G @ X[2, :] + onehot(2, n) @ G.T @ X", "right"),
        ("S = exp(X) / sum(exp(X), axis=1); L(S)", {"X": "n, d"}, "X",
         "S * (G - sum(G * S, axis=1))", "right"),
        ("S = exp(X) / sum(exp(X), axis=1); L(S)", {"X": "n, d"}, "X",
         "S * (G - sum(G * S, axis=0))", (1, 2)),
    ],
)  # fmt: skip
def test_mismatch_is_found_and_placed(
    source: str, shapes: dict[str, str], wrt: str, claim: str, first: object
) -> None:
    p = problem(source, **shapes)
    found = agrees(p, wrt, p.read(claim))
    if first == "right":
        assert found.agrees
        assert found.entries > 0
        return
    assert not found.agrees
    assert found.mismatch is not None
    assert found.mismatch.derived != found.mismatch.candidate
    if first is not None:
        assert tuple(found.mismatch.sizes.values()) == first


def test_sizes_without_a_written_position_are_left_out() -> None:
    p = problem("sum(X[2, :])", X="n, d")
    assert all(s["n"] >= 2 for s in small_sizes(p))
    assert agrees(p, "X", p.read("onehot(2, n) @ ones(d).T")).agrees


def test_products_of_dimensions_are_sizes() -> None:
    p = problem("0.5 * norm(x) ** 2 + sum(y)", x="n*m", y="n")
    assert agrees(p, "x", p.read("x")).agrees
    found = generalise(p, "x")
    assert found is not None
    assert text(found.expr) == "x"


def test_many_dimensions_are_sampled() -> None:
    p = problem("L(A @ B @ C @ D)", A="a, b", B="b, c", C="c, d", D="d, h")
    assert len(small_sizes(p)) == 27
    assert agrees(p, "B", p.read("A.T @ G @ D.T @ C.T")).agrees
    assert not agrees(p, "B", p.read("A.T @ G @ D.T @ C.T / c")).agrees


def test_wrong_shape_and_empty_domain_are_errors() -> None:
    p = problem("sum(log(-x * x))", x="n")
    with pytest.raises(InputError, match="gradient with respect to x is n x 1, not 1 x n"):
        agrees(p, "x", p.read("2 / x.T"))
    with pytest.raises(CheckError, match="no point"):
        agrees(problem("sum(sqrt(-x ** 2 - 1))", x="n"), "x", p.read("x"))
    with pytest.raises(CheckError, match="no point was found"):
        agrees(problem("sum(1 / (x - x))", x="n"), "x", p.read("x"))


# The house --------------------------------------------------------------------------------------


def test_entry_road_imports_nothing_of_the_index_road() -> None:
    folder = Path(entries.__file__).parent
    for file in folder.glob("*.py"):
        for at in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(at, ast.ImportFrom):
                module = at.module or ""
                assert not {"tensor", "calculus", "matrixform"} & set(module.split(".")), file


def test_examples_in_docstrings_run() -> None:
    for info in pkgutil.iter_modules(entries.__path__):
        module = importlib.import_module(f"symderiv.entries.{info.name}")
        assert doctest.testmod(module).failed == 0, info.name


@pytest.mark.slow
def test_a_part_that_is_long_written_out_has_symbols_of_its_own() -> None:
    p = problem("mean(exp(inv(exp(sin(C)) + 4 * eye(d)) @ inv(exp(sin(C)) + 2 * eye(d)) @ U))",
                C="d, d", U="d, n")  # fmt: skip
    names = list(stages_of(p.objective).values())
    assert names
    assert all(map(is_part, names))
    road = EntryRoad(p, {"d": 2, "n": 2})
    assert max(c.count_ops() for s in road.stages for c in flat(s.cells)) < 500
    candidate = derive(p)["C"].expr
    assert agrees(p, "C", candidate).agrees
    assert not agrees(p, "C", p.read(f"2 * ({text(candidate)})")).agrees


def test_short_problems_have_the_stages_that_were_written() -> None:
    for name in ("linear-layer", "layer-norm", "encoder-block", "neo-hooke"):
        p = load(name)
        assert not any(map(is_part, stages_of(p.objective).values()))


def test_long_entries_are_not_written_out_in_documents() -> None:
    p = problem("sum(inv(inv(A + B) + inv(A @ B)))", A="n, n", B="n, n")
    with pytest.raises(NoEntriesError, match="not written out"):
        explicit_entries(p, {"n": 3})


@pytest.mark.slow
def test_functions_that_stand_in_many_entries_are_looked_at_once() -> None:
    p = problem("log(1 + sum(square(norm1(U) * U)))", U="d, n")
    with allowed("the pattern"):
        found = entries.generalise(p, "U")
    assert found is not None
    assert agrees(p, "U", found.expr).agrees


@pytest.mark.parametrize(
    "text",
    [
        "L(relu(clip(tanh(X @ y), -1, 1)))",
        "L(clip(cos(X @ y), -tanh(X @ maximum(y, 0)), 2))",
        "L(abs(relu(X @ y) - minimum(X @ y, 1)))",
    ],
)
def test_a_choice_inside_a_condition_is_not_unfolded(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("SymPy unfolds or simplifies a condition")

    piecewise = importlib.import_module("sympy.functions.elementary.piecewise")
    monkeypatch.setattr(piecewise, "piecewise_fold", refuse)
    monkeypatch.setattr(sympy.Basic, "simplify", refuse)
    p = problem(text, X="n, n", y="n")
    found = compare_all(p, {w: r.expr for w, r in derive(p).items()}, [{"n": 1}, {"n": 2}])
    for w, c in found.items():
        assert (c.agrees, c.reason, len(c.sizes)) == (True, "", 2), w
        wrong = p.read("2 * X" if w == "X" else "2 * y")
        assert not agrees(p, w, wrong, [{"n": 2}]).agrees


def test_nested_choices_have_a_pattern() -> None:
    p = problem("sum(relu(minimum(x, 1)))", x="n")
    found = generalise(p, "x")
    assert found is not None
    assert agrees(p, "x", found.expr).agrees


def test_what_is_too_long_at_some_sizes_is_not_written_out_there() -> None:
    p = problem("sum(sylvester(cos(A) + 9 * eye(n), cos(A).T + 9 * eye(n), A @ A))", A="n, n")
    with pytest.raises(NoEntriesError, match="an entry of sylvester has too many operations"):
        EntryRoad(p, {"n": 3}).gradient("A")
    assert flat(EntryRoad(p, {"n": 1}).gradient("A"))
    found = agrees(p, "A", derive(p)["A"].expr, [{"n": 1}, {"n": 3}])
    assert (found.agrees, len(found.sizes)) == (True, 2)
    assert "too many operations" in found.reason


def test_what_is_no_number_is_not_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("SymPy evaluates a symbol")

    monkeypatch.setattr(sympy.Expr, "__float__", refuse)
    p = problem("sum(sylvester(A, B, C))", A="n, n", B="n, n", C="n, n")
    assert EntryRoad(p, {"n": 2}).stages


def test_absolute_values_are_of_real_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("SymPy takes real parts")

    monkeypatch.setattr(sympy.Abs, "_eval_derivative", refuse)
    p = problem("sum(abs(log(1 + abs(x)) * x))", x="n")
    found = agrees(p, "x", derive(p)["x"].expr, [{"n": 2}])
    assert (found.agrees, found.reason) == (True, "")
    assert not agrees(p, "x", p.read("2 * x"), [{"n": 2}]).agrees


@pytest.mark.parametrize("text", [
    "sum(tanh(max(X) * X))",
    "L(tanh(cholesky(X @ X.T + eye(n)) * X)) * sum(sinh(cholesky(X @ X.T + eye(n))))",
    "arctan2(tanh(trace(cholesky(X @ X.T + eye(n))) * X[1, 1]), 2)",
    "sum(cosh(f(X)))",
])  # fmt: skip
def test_sympy_is_not_asked_whether_an_entry_is_real(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(part: object, _: object) -> object:
        assert part == 0, "SymPy divides an imaginary part by pi"
        return sympy.Integer(0)

    given = {"f": "entrywise"} if "f(" in text else {}
    p = problem(text, X="n, n", **given)
    monkeypatch.setattr(sympy.Mod, "eval", refuse)
    found = compare_all(p, {w: r.expr for w, r in derive(p).items()}, [{"n": 2}])["X"]
    assert (found.agrees, found.reason) == (True, "")
    assert not agrees(p, "X", p.read("2 * X"), [{"n": 2}]).agrees
