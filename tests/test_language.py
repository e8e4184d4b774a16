"""The language: what is read, with which shapes, and how everything else is refused."""

import subprocess
import sys
import time
from dataclasses import dataclass, field

import pytest

from symderiv.core import errors
from symderiv.core.shapes import describe
from symderiv.ops.text import text
from symderiv.problems import load_text, problem

XWB = {"X": "n, d", "W": "d, m", "b": "m"}


def shape_of(expression: str, **variables: str) -> str:
    """Return the shape that an expression is read with, through the argument of a loss."""
    p = problem(f"L({expression})", **variables)
    return describe(p.objective.args[0].shape)


@pytest.mark.parametrize(
    ("expression", "shape"),
    [
        ("X @ W", "n x m"),
        ("X @ W + b.T", "n x m"),
        ("X @ W + ones(n) @ b.T", "n x m"),
        ("X.T", "d x n"),
        ("X[1, :]", "1 x d"),
        ("X[:, 2]", "n x 1"),
        ("X[1, 2]", "1 x 1"),
        ("sum(X)", "1 x 1"),
        ("sum(X, axis=0)", "1 x d"),
        ("sum(X, axis=1)", "n x 1"),
        ("mean(X, axis=-1)", "n x 1"),
        ("X / sum(X, axis=1)", "n x d"),
        ("diag(b)", "m x m"),
        ("diag(X.T @ X)", "d x 1"),
        ("b @ b.T", "m x m"),
        ("b + b.T", "m x m"),
        ("2 * X ** 2 - X / 3", "n x d"),
        ("tanh(X) * relu(X)", "n x d"),
        ("Sum(i, X[i, :].T @ X[i, :])", "d x d"),
        ("Sum(i, Sum(j, delta(i, j) * X[i, j])) * X", "n x n"),
        ("eye(k)", "k x k"),
        ("ones(n, m)", "n x m"),
        ("trace(X.T @ X) * b", "m x 1"),
        ("where(X > 0, X, 0)", "n x d"),
        ("(b.T @ b) @ b.T", "1 x m"),
        ("n * X", "n x d"),
    ],
)
def test_shapes_are_inferred(expression: str, shape: str) -> None:
    variables = dict(XWB)
    if "delta" in expression:
        variables["X"] = "n, n"
    assert shape_of(expression, **variables) == shape


@pytest.mark.parametrize(
    ("expression", "shapes"),
    [
        ("x.T @ A @ x", {"x": "n x 1", "A": "n x n"}),
        ("L(X @ W + ones(n) @ b.T)", {"X": "n x m", "W": "m x k", "b": "1 x 1"}),
        ("trace(A @ X @ B)", {"A": "n x m", "X": "m x k", "B": "k x n"}),
        ("sum(tanh(X @ w))", {"X": "n x m", "w": "m x 1"}),
        ("a * x.T @ y", {"a": "1 x 1", "x": "n x 1", "y": "n x 1"}),
        ("L(X * Y + Z)", {"X": "n x m", "Y": "n x m", "Z": "n x m"}),
    ],
)
def test_undeclared_names_follow_the_rule_of_letters(
    expression: str, shapes: dict[str, str]
) -> None:
    p = problem(expression)
    assert {n: describe(v.shape) for n, v in p.variables.items()} == shapes
    assert all(v.inferred for v in p.variables.values())


@pytest.mark.parametrize(
    "expression",
    [
        "X @ W + ones(n) @ b.T",
        "-X @ W * 2 - X @ W / 3",
        "(X + X) ** 2 @ W",
        "(X * (X + 1)) @ W",
        "X @ (W @ b) @ b.T",
        "-(X ** 2) @ W",
        "X ** -1 @ W",
        "2 ** (X @ W)",
        "(X @ W).T @ (X @ W)",
        "tanh(X @ W) * (X @ W)",
        "Sum(i, X[i, :].T @ X[i, :]) @ W",
        "X / (1 + X * X) @ W",
        "X - (X - (X - X / 2)) @ W @ W.T",
    ],
)
def test_text_parses_back_to_the_same_expression(expression: str) -> None:
    p = problem(f"L({expression})", **XWB)
    again = problem(f"L({text(p.objective.args[0])})", **XWB)
    assert again.objective is p.objective, text(p.objective)


@pytest.mark.parametrize(
    "text",
    [
        "L(A / sum(A, axis=1))",
        "m = sum(A, axis=1); L(A / m)",
        "L(A / sqrt(mean(A ** 2, axis=1)))",
        "m = mean(A, axis=1); L((A - m) * 2)",
    ],
)
def test_a_reduction_that_keeps_its_axis_goes_to_the_rows(text: str) -> None:
    assert problem(text, A="n, n").objective.is_scalar


def test_definitions_are_kept_by_name() -> None:
    p = problem("Z = X @ W\nY = relu(Z); L(Y)", X="n, d", W="d, m")
    assert list(p.definitions) == ["Z", "Y"]
    assert p.objective.args[0].data == "Y"


def test_a_sum_of_thousands_of_terms_is_read() -> None:
    p = problem(" + ".join(["x.T @ x"] * 700), x="n")
    assert len(p.objective.args) == 700


def test_given_gradient_avoids_a_name_in_use() -> None:
    assert list(problem("L(G @ X)", G="n, n", X="n, d").upstream) == ["dL"]
    assert list(problem("L(X)", X="n, d", upstream="dZ").upstream) == ["dZ"]


def test_two_losses_have_two_gradients() -> None:
    p = problem("L(X @ W) + L(X)", X="n, d", W="d, m")
    assert sorted(p.upstream) == ["G1", "G2"]


@dataclass(frozen=True)
class Bad:
    """A malformed problem: its text, the error's class, the text under the caret, the remedy."""

    text: str
    error: type[errors.SymderivError]
    place: str
    remedy: str
    variables: dict[str, str] = field(default_factory=lambda: dict(XWB))

    def __str__(self) -> str:
        return self.text


BAD = [
    Bad("", errors.ParseError, "", "write an expression"),
    Bad("   \n  ", errors.ParseError, "", "write an expression"),
    Bad("L(X @ W", errors.ParseError, "(", "add ')'"),
    Bad("L(X @ W))", errors.ParseError, ")", "remove it"),
    Bad("L(X @ (W])", errors.ParseError, "]", "remove it"),
    Bad("L(X' @ W)", errors.ParseError, "'", "X.T"),
    Bad("L(X @)", errors.ParseError, ")", "write it with"),
    Bad("L(X .* W)", errors.ParseError, "*", "entrywise product is *"),
    Bad("L(X ^ 2)", errors.UnsupportedError, "^", "**"),
    Bad("L(X // 2)", errors.UnsupportedError, "//", "a quotient is written /"),
    Bad("L(X / 0)", errors.UnsupportedError, "0", "divide by another number"),
    Bad("L(X % 2)", errors.UnsupportedError, "%", "no remainder"),
    Bad("L(X @ W + b)", errors.ShapeError, "+", "X @ W + b.T"),
    Bad("b @ b", errors.ShapeError, "@", "b.T @ b"),
    Bad("L(W @ X)", errors.ShapeError, "@", "the columns of the left factor"),
    Bad("L(X @ X)", errors.ShapeError, "@", "X @ X.T"),
    Bad("L(X + W)", errors.ShapeError, "+", "the shapes must be equal"),
    Bad("L(X + X.T)", errors.ShapeError, "+", "transposed"),
    Bad("L(W.T @ W + b)", errors.AmbiguousShapeError, "+", "b.T for every row"),
    Bad("L(b * (W.T @ W))", errors.AmbiguousShapeError, "*", "b @ ones(m).T"),
    Bad("trace(X)", errors.ShapeError, "X", "multiply it to a square one"),
    Bad("dot(X, W)", errors.ShapeError, "dot(X, W)", "same shape"),
    Bad("L(qq @ W)", errors.UnknownNameError, "qq", "declare it"),
    Bad("L(Xx @ W)", errors.UnknownNameError, "Xx", "did you mean X?"),
    Bad("L(softmx(X))", errors.UnknownNameError, "softmx", "did you mean softmax"),
    Bad("L(tanhh(X))", errors.UnknownNameError, "tanhh", "did you mean tanh?"),
    Bad("tr(X.T @ X)", errors.UnknownNameError, "tr", "write trace(X.T @ X)"),
    Bad("__import__('os')", errors.UnknownNameError, "__import__", "there are:"),
    Bad("L(X.__class__)", errors.UnsupportedError, "X.__class__", ".T"),
    Bad("L(X.real)", errors.UnsupportedError, "X.real", "every variable is real"),
    Bad("(lambda x: x)(X)", errors.UnsupportedError, "lambda x: x", "called by its name"),
    Bad("L([X, W])", errors.UnsupportedError, "[X, W]", "matrices are names"),
    Bad("L(X if X else W)", errors.UnsupportedError, "X if X else W", "where(c > 0, a, b)"),
    Bad("L(X > 0)", errors.UnsupportedError, "X > 0", "inside where"),
    Bad("sum(X, axis=2)", errors.ParseError, "2", "sum(X, axis=1)"),
    Bad("sum(X, dim=1)", errors.ParseError, "dim=1", "sum(X, axis=1)"),
    Bad("L(tanh(X, W))", errors.ParseError, "tanh(X, W)", "write tanh(x)"),
    Bad("L(X[0, :])", errors.IndexNameError, "0", "start at 1"),
    Bad("L(X[i, :])", errors.IndexNameError, "L(X[i, :])", "Sum(i, ...)"),
    Bad("L(X[2:1, :])", errors.IndexNameError, "2:1", "places count from 1"),
    Bad("L(X[1])", errors.IndexNameError, "X[1]", "X[i, j]"),
    Bad("Sum(i, X[i, i])", errors.RangeClashError, "i", "one range"),
    Bad("Sum(i, 1)", errors.IndexNameError, "i", "X[i, :]"),
    Bad("Sum(X, 1)", errors.ParseError, "X", "Sum(i, x[i])"),
    Bad("Z = X @ W", errors.DeclarationError, "Z", "L(Z)"),
    Bad("X = X @ W; L(X)", errors.DeclarationError, "X", "another name"),
    Bad("X; L(X)", errors.DeclarationError, "X", "name it"),
    Bad("for i in X: L(X)", errors.UnsupportedError, "for i in X: L(X)", "definitions"),
    Bad("import os", errors.UnsupportedError, "import os", "definitions"),
    Bad("Z += X; L(Z)", errors.UnsupportedError, "Z += X", "definitions"),
    Bad("True * L(X)", errors.UnsupportedError, "True", "2, 0.5"),
    Bad("1e400 * L(X)", errors.TooLargeError, "1e400", "1e300"),
    Bad("'a' * L(X)", errors.UnsupportedError, "'a'", "2, 0.5"),
    Bad("L(X)", errors.DeclarationError, "in", "another name", {"in": "n, d"}),
    Bad("L(X)", errors.DeclarationError, "X y", "letters, digits", {"X y": "n, d"}),
    Bad("L(X)", errors.DeclarationError, "n-1", "a size is", {"X": "n-1, d"}),
    Bad("L(X)", errors.DeclarationError, "symetric", "'symmetric'", {"X": "n, n symetric"}),
    Bad("L(X)", errors.DeclarationError, "X: n, d spd", "two equal sizes", {"X": "n, d spd"}),
    Bad("L(X)", errors.DeclarationError, "X: ", "scalar, n, or n, d", {"X": ""}),
    Bad("L(X)", errors.DeclarationError, "", "another name", {"X": "X, d"}),
]


@pytest.mark.parametrize("bad", BAD, ids=str)
def test_malformed_problem_is_refused_with_place_and_remedy(bad: Bad) -> None:
    with pytest.raises(errors.SymderivError) as caught:
        problem(bad.text, **bad.variables)
    error = caught.value
    assert type(error) is bad.error, repr(error)
    assert error.exit_code == 2
    assert bad.remedy in error.remedy, error.remedy
    if bad.place:
        assert error.span is not None, str(error)
        line = error.span.text.split("\n")[error.span.line]
        assert line[error.span.start : error.span.stop] == bad.place, str(error)
        assert "^" in str(error)


@pytest.mark.parametrize(
    "hostile",
    [
        '__import__("os").system("touch owned")',
        "().__class__.__bases__[0]",
        "(lambda: 1)()",
        "[x for x in X]",
        "f'{X}'",
        "exec('1')",
        "(" * 10_000 + "X" + ")" * 10_000,
        "-" * 10_000 + "X",
        "X" + ".T" * 5_000,
        "tanh(" * 3_000 + "X" + ")" * 3_000,
        "X **" * 3_000 + " X",
        "[" * 10_000,
        "1" * 10_000,
        "\0",
        "X\ud800",
        "é" * 10_000,
        "#" * 10_000,
        "not " * 5_000 + "X",
    ],
    ids=lambda h: ascii(h[:24]),
)
def test_hostile_input_is_refused_at_once_and_nothing_runs(hostile: str) -> None:
    start = time.perf_counter()
    with pytest.raises(errors.SymderivError):
        problem(hostile, X="n, d")
    # Not a benchmark: what is refused must not hang.
    assert time.perf_counter() - start < 5


def test_python_is_never_evaluated(tmp_path: object) -> None:
    code = (
        "import sys; sys.addaudithook(lambda e, a: sys.exit(f'ran {e}') "
        "if e in ('exec', 'os.system', 'subprocess.Popen') and LOCKED else None)\n"
        "LOCKED = False\n"
        "from symderiv.problems import problem\n"
        "from symderiv.core.errors import SymderivError\n"
        "LOCKED = True\n"
        "for text in ('__import__(\"os\")', 'L(X).x', 'eval(\"1\")', 'L(X)'):\n"
        "    try:\n        problem(text, X='n, d')\n    except SymderivError:\n        pass\n"
        "LOCKED = False\nprint('quiet')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "quiet", done.stderr


@pytest.mark.parametrize(
    ("source", "words", "place"),
    [
        ("title = 1", "there is no objective", ""),
        ("[objective]\nvalue = 3", "objective.value is 3", "value"),
        ("[objective]\nvalu = 'L(X)'", "no entry 'valu'", "valu"),
        (
            "[variable]\nX = 'n'\n[objective]\nvalue = 'L(X)'",
            "did you mean 'variables'",
            "variable",
        ),
        ("[variables]\nX = 3\n[objective]\nvalue = 'L(X)'", "variables.X is 3", "X"),
        ("[objective]\nvalue = 'L(X @ y'", "never closed", "("),
        ("[objective]\nvalue = 'L(X)'\nwrt = 3", "not a list of names", "wrt"),
        (
            "[objective]\nvalue = 'L(X)'\nwrt = ['Q']",
            "cannot differentiate with respect to 'Q'",
            "",
        ),
        ("[objective]\nvalue = 'L(X)'\n[[claims]]\nsays = 'X'", "has no 'about'", "claims"),
        ("[objective\nvalue = 1", "is not TOML", ""),
        ("[definitions]\n'a b' = 'X'\n[objective]\nvalue = 'L(X)'", "'a b' is not a name", "a b"),
    ],
)
def test_malformed_problem_file_names_the_entry(source: str, words: str, place: str) -> None:
    with pytest.raises(errors.LanguageError) as caught:
        load_text(source, "layer")
    assert words in str(caught.value)
    assert "layer" in str(caught.value)
    if place:
        span = caught.value.span
        assert span is not None
        assert span.text.split("\n")[span.line][span.start : span.stop] == place


def test_error_tree_is_one_family() -> None:
    for name in dir(errors):
        thing = getattr(errors, name)
        if isinstance(thing, type) and issubclass(thing, Exception) and name.endswith("Error"):
            assert issubclass(thing, errors.SymderivError)
            assert thing.__doc__


def test_space_around_lines_moves_no_place() -> None:
    assert text(problem("   2.5 * x.T @ x").objective) == "2.5 * x.T @ x"
    assert text(problem("z = 12.5 * x\n    12.5 * z.T @ z").objective) == "12.5 * z.T @ z"
    with pytest.raises(errors.LanguageError) as caught:
        problem("   x.T @ y?")
    assert caught.value.span is not None
    assert caught.value.span.text == "x.T @ y?"
    assert text(problem("x.T @ x", x="n").read("   12.5 * x")) == "12.5 * x"
