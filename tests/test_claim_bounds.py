"""Claims are decided, or given up, by counted work; assumptions are those that people make."""

from __future__ import annotations

from fractions import Fraction

import pytest

import symderiv as sd
import symderiv.values.fixedpoint as fixedpoint
import symderiv.values.highprecision as high
from symderiv.claims import boundaries, deciding, failures
from symderiv.core.errors import UnsupportedError
from symderiv.core.expr import entry, partial, var
from symderiv.core.shapes import Dim
from symderiv.entries import agrees
from symderiv.ops import decompositions
from symderiv.results import check_all
from symderiv.values.explicit import Explicit, same
from symderiv.values.fixedpoint import square_root
from symderiv.values.sampling import point

ROOT = ("trace(sqrtm(K))", {"K": "n, n"}, "K")
LOG = ("trace(logm(K))", {"K": "n, n"}, "K")
NUCLEAR = ('norm(X, "nuc")', {"X": "n, d"}, "X")
STACKED = ("sum(concat(M, Z, axis=0) ** 2)", {"M": "n, d", "Z": "m, d"}, "M")
LOGITS = {"X": "n, d", "W": "d, k", "T": "n, k"}
SAMPLE = {"X": "n, d", "w": "d", "q": "n"}

DECIDED = [
    (ROOT, "0.5 * inv(sqrtm(K)).T", "right"),
    (ROOT, "0.5 * inv(sqrtm(K))", "transposed"),
    (ROOT, "inv(sqrtm(K)).T", "wrong"),
    (LOG, "inv(K).T", "right"),
    (LOG, "logm(inv(K)).T", "wrong"),
    (NUCLEAR, "X @ inv(sqrtm(X.T @ X))", "right-if"),
    (NUCLEAR, "polar(X)", "right"),
    (("L(Z)", {"Z": "n, d"}, "Z"), "G**1000", "wrong"),
    (("sum(x)", {"x": "n"}, "x"), "x**1000", "wrong"),
    (STACKED, "2 * Z", "wrong"),
    (STACKED, "M", "wrong"),
    (STACKED, "part(2 * concat(M, Z, axis=0), 1, n, axis=0)", "wrong"),
    (STACKED, "part(2 * concat(M, Z, axis=0), 0, n, axis=0)", "right"),
]


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("of", "claim", "verdict"), DECIDED)
def test_claim_about_functions_of_matrices_is_decided(of, claim, verdict) -> None:
    found = sd.check(of[0], wrt=of[2], claim=claim, **of[1])
    assert found.verdict == verdict, found.diagnosis


def test_power_that_is_too_large_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedError, match="the exponent"):
        sd.check("L(Z)", wrt="Z", claim="G**10**10", Z="n, d")


def test_claim_that_inverts_needs_a_matrix_of_full_rank() -> None:
    found = sd.check(NUCLEAR[0], wrt="X", claim="X @ inv(sqrtm(X.T @ X))", X="n, d")
    assert found.assumption == "n >= d"


def test_roots_of_large_matrices_are_taken_in_few_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    met: list[int] = []

    def noted(a, bits):
        met.append(bits)
        return square_root(a, bits)

    root = high._in_integers(noted, high._as_root)
    root([[high.HIGH.mpf(10) ** 12, high.HIGH.mpf(1)], [high.HIGH.mpf(1), high.HIGH.mpf(10)]])
    assert max(met) < 2000
    with pytest.raises(ValueError, match="too many digits"):
        high.MATRIX["expm"]([[high.HIGH.mpf(10) ** 6]])


FAR = "2 * X[1999, 1] * onehot(1999, n) @ onehot(1, d).T"


def test_what_is_too_much_to_decide_is_compared_at_one_point(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    met: list[object] = []

    def noted(left, right, here):
        met.append(here)
        return compared(left, right, here)

    compared = deciding.difference
    monkeypatch.setattr(deciding, "difference", noted)
    found = sd.check("X[1999, 1]**2", wrt="X", claim=FAR, X="n, d")
    assert (found.verdict, len(met)) == ("undecided", 1)
    assert "takes more than" in found.left_out[0]


def test_what_is_dear_to_compute_fails_where_it_was_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_):
        raise AssertionError("one that tells them apart is known")

    p = sd.problem("X[1999, 1]**2", X="n, d")
    sides = p.read(FAR), p.read("3 * X")
    comparer = deciding.Comparer(p, sides)
    assert not comparer.equal(*sides)
    monkeypatch.setattr(failures, "_SOUGHT", 1000)
    monkeypatch.setattr(deciding.Comparer, "at", refuse)
    found = failures.smallest_failure(comparer, *sides)
    assert found is not None
    *_, left, right = found
    assert left != right


def test_what_has_no_pieces_is_not_looked_at_for_boundaries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_):
        raise AssertionError("nothing is chosen, so there is no boundary")

    monkeypatch.setattr(boundaries, "_differences", refuse)
    monkeypatch.setattr(deciding.Comparer, "may_equal", refuse)
    p = sd.problem("sum(x ** 3)", x="n")
    sides = p.read("3 * x ** 2"), p.read("2 * x")
    assert failures.smallest_failure(deciding.Comparer(p, sides), *sides) is not None
    sides = p.read("relu(x)"), p.read("2 * x")
    with pytest.raises(AssertionError, match="nothing is chosen"):
        failures.smallest_failure(deciding.Comparer(p, sides), *sides)


MATRIX = [
    ["5", "1", "-0.5", "0.25"],
    ["0", "4", "1", "1"],
    ["1", "0", "6", "0.1"],
    ["1", "1", "2", "7"],
]


def test_logarithms_take_few_roots_and_keep_their_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    roots: list[int] = []

    def noted(a, bits):
        roots.append(bits)
        return square_root(a, bits)

    monkeypatch.setattr(fixedpoint, "square_root", noted)
    with high.HIGH.workdps(150):
        cells = [[high.HIGH.mpf(x) for x in r] for r in MATRIX]
        again = high.MATRIX["expm"](high.MATRIX["logm"](cells))
    gaps = [
        abs(x - y) for r, q in zip(cells, again, strict=True) for x, y in zip(r, q, strict=True)
    ]
    assert max(gaps) < high.HIGH.mpf(10) ** -145
    assert len(roots) <= 6


@pytest.mark.parametrize("name", ["expm", "logm"])
def test_a_derivative_along_a_large_matrix_takes_no_more_than_along_a_small_one(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    products: list[int] = []
    plain = fixedpoint._times
    monkeypatch.setattr(fixedpoint, "_times", lambda *a: products.append(a[2]) or plain(*a))
    p = sd.problem(f"sum({name}_frechet(A, C))", A="n, n", C="n, n")
    counts, values = [], []
    for size in (1, 10**9 + 7):
        high._matrix.cache_clear()
        products.clear()
        drawn = {"A": [[2, Fraction(1, 2)], [Fraction(1, 3), 3]], "C": [[1, 2], [3, 5]]}
        drawn["C"] = [[Fraction(x * size) for x in r] for r in drawn["C"]]
        drawn["A"] = [[Fraction(x) for x in r] for r in drawn["A"]]
        values.append(Explicit({"n": 2}, drawn).cells(p.objective)[0][0] / size)
        counts.append(sum(products))
    assert counts[1] <= 1.1 * counts[0]
    assert same(*values)


def test_slopes_at_a_point_share_the_value_of_a_function_of_matrices() -> None:
    p = sd.problem("sum(logm(A @ A.T + eye(n)) * B)", A="n, n", B="n, n")
    high._matrix.cache_clear()
    agrees(p, "A", sd.derive(p)["A"].expr, [{"n": 2}])
    found = high._matrix.cache_info()
    assert found.misses <= 2 * 4 + 4  # both ends of each difference, and a few values
    assert found.hits >= 3


def test_a_slope_computes_nothing_again_that_does_not_depend_on_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    solved: list[int] = []
    plain = decompositions.sylvester_cells
    monkeypatch.setattr(decompositions, "sylvester_cells", lambda *a: solved.append(1) or plain(*a))
    p = sd.problem("sum(tanh(sylvester(A, A, B) @ X) * X)", A="n, n", B="n, n", X="n, n")
    drawn = point(p, {"n": 2}, 0)
    here, x = Explicit({"n": 2}, drawn), p.known()["X"]
    found = [here.cells(partial(p.objective, entry(x, k, 1)))[0][0] for k in (1, 2)]
    assert len(solved) == 2  # for the value, and for all slopes
    slopes = Explicit({"n": 2}, drawn).cells(sd.derive(p)["X"].expr)
    assert all(same(s, slopes[k][0]) for k, s in enumerate(found))
    here.cells(partial(p.objective, entry(p.known()["A"], 1, 1)))
    assert len(solved) == 4  # one more for the gradient, and one for what does depend on A


def test_functions_of_matrices_count_as_work() -> None:
    n = Dim(1, ("n",))
    k = var("K", (n, n))
    root = sd.problem("trace(sqrtm(K))", K="n, n").objective.args[0]
    assert deciding.work([root], {"n": 5}) > 1000 * deciding.work([k], {"n": 5})
    assert deciding.work([root], {"n": 40}) > deciding._MOST_WORK


ASSUMED = [
    ("cross_entropy(X @ W, T)", LOGITS, "W", "X.T @ (softmax(X @ W) - T) / n",
     "every row of T sums to 1"),
    ("-sum(T * logsoftmax(X @ W)) / n", LOGITS, "W", "X.T @ (softmax(X @ W) - T) / n",
     "every row of T sums to 1"),
    ("-sum(log(0.5 * (1 + erf(q * (X @ w) / sqrt(2)))))", SAMPLE, "w",
     "-X.T @ (q * exp(-(X @ w)**2 / 2) / sqrt(2 * pi) / (0.5 * (1 + erf(q * (X @ w) / sqrt(2)))))",
     "the entries of q are 1 or -1"),
]  # fmt: skip


@pytest.mark.parametrize(("of", "shapes", "wrt", "claim", "words"), ASSUMED)
def test_natural_assumption_is_offered(of, shapes, wrt, claim, words) -> None:
    found = sd.check(of, wrt=wrt, claim=claim, **shapes)
    assert (found.verdict, found.assumption) == ("right-if", words)


UNNATURAL = [
    # One label is 1: that its sum divides says that a factor was forgotten.
    ("norm(X @ w - y)**2 / c", {"X": "n, d", "w": "d", "y": "n onehot", "c": "scalar"}, "w",
     "2 * X.T @ (X @ w - y)"),
    # A mask that the claim does not mention was forgotten.
    ("norm((X @ W) * M)**2", {"X": "n, d", "W": "d, p", "M": "n, p"}, "W", "2 * X.T @ (X @ W)"),
    # An entrywise product was forgotten.
    ("sum((A @ x) * (B @ x) * c)", {"A": "n, p", "B": "n, p", "c": "n", "x": "p"}, "x",
     "A.T @ (B @ x * c) + B.T @ (A @ x)"),
]  # fmt: skip


@pytest.mark.parametrize(("of", "shapes", "wrt", "claim"), UNNATURAL)
def test_slip_is_not_excused_by_an_assumption(of, shapes, wrt, claim) -> None:
    found = sd.check(of, wrt=wrt, claim=claim, **shapes)
    assert found.verdict == "wrong", found.assumption


def test_every_answer_to_one_problem_keeps_its_name(tmp_path) -> None:
    posed = 'problem = "L(X @ W)"\nwrt = "W"\nvariables = {X = "n, d", W = "d, m"}\n'
    students = {"Ada": "X.T @ G", "Bob": "G.T @ X", "Cleo": "X.T @ G", "Dora": "X.T @ G + W"}
    other = 'problem = "sum(x)"\nwrt = "x"\nclaim = "x"\nvariables = {x = "n"}\n'
    sheet = "".join(f'[[check]]\nname = "{n}"\n{posed}claim = "{c}"\n' for n, c in students.items())
    path = tmp_path / "homework.toml"
    for text in (sheet, f"{sheet}[[check]]\n{other}"):  # of one problem, and of two
        path.write_text(text, encoding="utf-8")
        page = check_all(path).files(["md"])["answers.md"].decode()
        headings = [line for line in page.splitlines() if line.startswith("#")]
        for name in students:
            assert sum(f"{name}: " in line for line in headings) == 1
