r"""What is printed as LaTeX reads back as itself: every operator, and names that look alike.

The samples of the table are printed, and so are their gradients; what comes back is equal in value
or refused for a reason that is listed here, never something else.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import combinations

import pytest
from test_table import derived, posed, value_of

import symderiv as sd
from symderiv.calculus import lower
from symderiv.claims.deciding import Comparer
from symderiv.claims.reading import read_claim
from symderiv.core.errors import LanguageError, SymderivError, UndefinedError
from symderiv.core.expr import (
    Expr,
    add,
    eye,
    matmul,
    mul,
    neg,
    num,
    ones,
    rebuild,
    transpose,
    walk,
    with_args,
)
from symderiv.core.shapes import ONE, SCALAR, Shape
from symderiv.notation.identifiers import spelled_out
from symderiv.notation.latex import latex
from symderiv.notation.unicode import unicode
from symderiv.ops import TABLE
from symderiv.ops.written import Writer
from symderiv.problems import Problem

# Arrays that only their entries describe, and sums of powers of a matrix, are read by nobody.
REFUSED = {
    "einsum": r"[ \sum_j A_ij X_jk ]_ik",
    "matrix_power": "a sum over powers",
    "matrix_power_pullback": "a sum over powers",
    "expm": r"D expm(A)[B]",
    "expm_frechet": r"D expm(A)[B]",
    "logm": r"D logm(A)[B]",
    "logm_frechet": r"D logm(A)[B]",
    "outer": "with a number",
    "sqrtm": "its gradient",
    "sqrtm_pullback": "no notation of its own",
}
# An index that has the letter of a size, and constants whose size nothing tells.
TENSORS = {"T", "H"}
_SLOW = {"expm", "expm_frechet", "logm", "logm_frechet", "sqrtm", "sqrtm_pullback", "sylvester"}
CASES = [
    pytest.param(op.name, s, id=f"{op.name}: {s}")
    for op in TABLE.values()
    for s in op.samples
    if not op.internal and op.name not in _SLOW and "; " not in s
]


def outcome(p: Problem, x: Expr) -> str:
    """Return "equal", "wrong", or why the printed form of an expression is refused."""
    parts = [(str(e.data), e.args[0]) for e in walk(x) if e.op == "named"]
    p = replace(p, definitions={**p.definitions, **dict(reversed(parts))})
    names = (*p.variables, *p.dims, *p.definitions, *p.upstream)
    written = latex(Writer(names=names)(x))
    try:
        reading = read_claim(p, written, syntax="latex", shape=x.shape)
    except LanguageError as error:
        return error.subject
    if reading.refusal is not None:
        return str(reading.refusal)
    found = reading.expr
    if found.shape != x.shape:
        return "wrong"
    return "equal" if is_same(found, x) or Comparer(p, [found, x]).equal(found, x) else "wrong"


def is_same(found: Expr, x: Expr) -> bool:
    """Whether two expressions are one term, which needs no point to compare them at."""
    if found == x:
        return True
    with suppress(SymderivError):
        return lower(found).term is lower(x).term
    return False


@pytest.mark.parametrize(("name", "sample"), CASES)
def test_a_printed_value_reads_back_as_itself(name: str, sample: str) -> None:
    found = outcome(posed(sample), value_of(posed(sample)))
    assert found != "wrong", sample
    uses = {str(e.data) for e in walk(posed(sample).objective) if e.op == "var"}
    at_the_end = sample == "x[n] * X[n, 1] * X"  # x_n can be any entry, or the last
    if name not in REFUSED and not uses & TENSORS and not at_the_end:
        assert found == "equal", sample


# constants

# Of 0 in a product, and of a power of a matrix of roots, no point of the comparison is defined.
SINGULAR = {"inv", "solve", "logdet", "cholesky", "eigvalsh", "eigenvector", "det", "adjugate"}


def constants(shape: Shape) -> Iterator[Expr]:
    """Yield the constants that may stand where a variable of a shape does."""
    if len(shape) > 2 or shape == SCALAR:
        return
    flat = shape[1] == ONE
    yield ones(shape[0]) if flat else ones(*shape)
    if not flat:
        yield matmul(ones(shape[0]), transpose(ones(shape[1])))
    if shape[0] == shape[1]:
        yield eye(shape[0])
        yield add(ones(*shape), neg(mul(num(2), eye(shape[0]))))


def with_constants(x: Expr) -> Iterator[Expr]:
    """Yield an expression with each of its variables, and all of them, replaced by constants."""
    found = [v for v in walk(x) if v.op == "var"]
    choices = {v: list(constants(v.shape)) for v in found}
    single = [{v: c} for v in found for c in choices[v]]
    for chosen in [*single, {v: cs[0] for v, cs in choices.items() if cs}]:
        with suppress(SymderivError):

            def change(old: Expr, args: tuple[Expr, ...], by: dict[Expr, Expr] = chosen) -> Expr:
                return by.get(old) or with_args(old, args)

            yield rebuild(x, change)


@pytest.mark.sampled(4)
@pytest.mark.parametrize(("name", "sample"), CASES)
def test_an_operator_of_constants_reads_back_as_itself(name: str, sample: str) -> None:
    p = posed(sample)
    # The gradient of an unspecified loss is given at its own argument only.
    for x in with_constants(value_of(p)) if name != "loss" else ():
        try:
            assert outcome(p, x) != "wrong", x
        except UndefinedError:
            assert name in SINGULAR


SIZED = [
    ("tril(ones(n, n))", r"\operatorname{tril}(\mathbf{1} \mathbf{1}^{\top})"),
    (
        "sum(tril(ones(n, n)), axis=0)",
        r"\operatorname{tril}(\mathbf{1}_{n} \, \mathbf{1}_{n}^{\top})",
    ),
    ("matrix_power(ones(n, n), 2)", r"(\mathbf{1} \mathbf{1}^{\top})^{2}"),
    ("trace(eye(n)) * x", r"\operatorname{tr}(I_{n})"),
    ("norm(ones(n)) * x", r"\lVert \mathbf{1}_{n} \rVert"),
    ("ones(n).T @ ones(n) * x", r"\mathbf{1}_{n}^{\top} \, \mathbf{1}_{n}"),
    ("norm(ones(n*d)) * x", r"\mathbf{1}_{d\cdot n}"),
    ("concat(ones(n - 2, d), X[1:2, :], axis=0)", r"\mathbf{1}_{(n - 2)}"),
    ("norm(zeros(n, d)) * x", r"\mathbf{0}_{n\times d}"),
    ("triu(ones(n, n)) @ tril(eye(n)) @ x", r"I_{n}"),
    ("X @ ones(d)", r"X \mathbf{1}"),
]


@pytest.mark.parametrize(("written", "part"), SIZED)
def test_a_constant_says_its_size_where_nothing_else_does(written: str, part: str) -> None:
    p = sd.problem("sum(X) + sum(x)", X="n, d", x="n")
    x = p.read(written)
    assert part in latex(Writer(names=("X", "x", "n", "d"))(x))
    assert outcome(p, x) == "equal"


def test_a_constant_of_no_size_is_refused_and_not_wrong() -> None:
    p = sd.problem("sum(x)", x="n")
    with pytest.raises(LanguageError, match="size of a constant") as error:
        sd.check(p, wrt="x", claim=r"\operatorname{tr}(I) x", syntax="latex")
    assert r"\mathbf{1}_{n" in error.value.remedy


@pytest.mark.slow
@pytest.mark.sampled(by="name", rest="exhaustive")
@pytest.mark.parametrize(("name", "sample"), CASES)
def test_a_printed_gradient_never_reads_back_as_another(name: str, sample: str) -> None:
    try:
        results = derived(sample).values()
    except SymderivError:
        return  # nothing to differentiate by
    for r in results:
        assert outcome(posed(sample), r.expr) != "wrong", r.text


# names

ALIKE = [
    ("W_1", "W1"),
    ("x_hat", "xhat"),
    ("alpha", "alpha_"),
    ("lam", "lambda_"),
    ("eps", "epsilon"),
    ("omicron", "o"),
    ("x_i1", "x_i_1"),
]


@pytest.mark.parametrize(("first", "second"), ALIKE)
def test_names_that_look_alike_print_apart_and_read_back(first: str, second: str) -> None:
    p = sd.problem(f"sum({first} * {first}) + 3 * sum({second})", **{first: "n", second: "n"})
    d = sd.derive(p)
    assert d[first].text == f"2 * {first}"
    shown = {str(latex(Writer(names=(first, second)).name(n))) for n in (first, second)}
    assert len(shown) == 2
    for name in (first, second):
        verdict = sd.check(p, wrt=name, claim=d[name].latex, syntax="latex")
        assert verdict.verdict == "right", d[name].latex


POOL = (
    *("W", "W1", "W_1", "W1_", "w1", "x", "x_1", "x1", "x_hat", "xhat", "x_bar", "xbar"),
    *("alpha", "alpha_", "lam", "lambda_", "lmbda", "eps", "epsilon", "I", "I_n", "e", "e_1"),
    *(
        "delta",
        "M_causal",
        "dZ",
        "d_Z",
        "Wq",
        "W_q",
        "b_out",
        "bout",
        "o",
        "omicron",
        "pi_",
        "Alpha",
    ),
)


def test_two_names_never_print_alike() -> None:
    drawn = random.Random(0)
    for _ in range(200):
        names = tuple(drawn.sample(POOL, 8))
        write = Writer(names=names)
        for show in (latex, unicode):
            shown = [show(write.name(n)) for n in names]
            pairs = [(a, b) for a, b in combinations(range(8), 2) if shown[a] == shown[b]]
            assert not pairs, [(names[a], names[b], shown[a]) for a, b in pairs]


def test_of_names_that_look_alike_a_letter_keeps_its_looks() -> None:
    assert spelled_out(("alpha_", "alpha")) == {"alpha_"}
    assert spelled_out(("X", "x", "A", "W1")) == frozenset()


CONSTANTS = [
    ("trace(inv(I + 3 * eye(n)))", "I", "n, n"),
    ("sum((I + eye(n)) @ x * x)", "x", "n"),
    ("exp(e.T @ e) + e[1]", "e", "n"),
    ("exp(x.T @ e) + x[2]", "x", "n"),
    ("K.T @ commutation(n, d) @ vec(X)", "X", "n, d"),
    ("d * sum(X * X)", "X", "n, d"),
    ("sum(delta) * sum(Sum(i, Sum(j, delta(i, j) * A[i, j])) * A)", "A", "n, n"),
]


@pytest.mark.parametrize(("text", "wrt", "shape"), CONSTANTS)
def test_a_constant_never_prints_as_a_name(text: str, wrt: str, shape: str) -> None:
    known = {"I": "n, n", "e": "n", "x": "n", "x_1": "scalar", "K": "n*d", "delta": "n"}
    used = {n: s for n, s in known.items() if n in text.replace("exp(", "").replace("eye", "")}
    d = sd.derive(sd.problem(text, **{**used, wrt: shape}), wrt=wrt)
    found = outcome(d.problem, d[wrt].expr)
    assert found == "equal", (d[wrt].latex, found)


def test_an_inverse_of_a_transpose_is_one_superscript() -> None:
    p = sd.problem("x.T @ solve(A.T, y)", A="n, n", x="n", y="n")
    assert r"A^{-\top} \mathbf{y}" in sd.derive(p, wrt="x")["x"].latex
    q = sd.problem("sum(pinv(X.T) * Y)", X="n, d", Y="n, d")
    assert r"(X^{\top})^{+}" in latex(Writer()(q.objective))


def test_a_kronecker_product_inside_an_entrywise_one_has_brackets() -> None:
    p = sd.problem("sum(kron(x, X) * Y)", x="n", X="n, d", Y="n*n, d")
    assert r"(\mathbf{x} \otimes X) \odot Y" in latex(Writer()(p.objective))
