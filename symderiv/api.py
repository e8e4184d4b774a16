"""The Python interface: problem, load, derive, check, equal, and what they return."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from . import stacking
from .claims import Checker, Verdict
from .debugging import BackwardVerdict, BackwardVerdicts, check_backward
from .errors import (
    DeclarationError,
    InputError,
    MissingRuleError,
    ShapeError,
)
from .evidence import Certificate
from .interop.from_sympy import Written, is_sympy
from .language import ClaimText, Problem, load_file
from .language.declarations import Declarations
from .language.problem import as_written, build
from .language.syntaxes import syntax_of
from .library import load_named, names
from .outputs import differing, jacobian_files, rerun
from .results import Derivation
from .secondorder import Jacobian, hessian_by, jacobian_by
from .shapes import describe
from .structured import (
    AMBIENT,
)

LAYOUTS = ("denominator", "numerator")


def load(source: str | Path) -> Problem:
    """Return the problem of a TOML file, or a ready-made one by its name.

    >>> load("linear-layer").wrt
    ('W', 'b', 'X')
    """
    path = Path(source)
    if path.suffix == ".toml" or path.is_file():
        return load_file(path)
    return load_named(str(source))


def _declared(source: Any, variables: Mapping[str, str], syntax: str = "python") -> Problem:
    written = as_written(source)
    declared = Declarations()
    for name, shape in {**written.variables, **variables}.items():
        declared.declare(name, shape)
    return build(written, declared, syntax=syntax)


def _name(wrt: Any) -> str | None:
    """Return the name of a variable that is named, or given as a symbol of SymPy."""
    return None if wrt is None else str(getattr(wrt, "name", wrt))


def _chosen(wrt: Any) -> list[str] | None:
    """Return the names of variables: a text with commas, a symbol of SymPy, or a list of these."""
    if wrt is None:
        return None
    if isinstance(wrt, str):
        return [w.strip() for w in wrt.split(",")]
    return [str(_name(w)) for w in ([wrt] if is_sympy(wrt) else wrt)]


def _problem(
    of: Problem | str | Path | Any, variables: Mapping[str, str], syntax: str = "python"
) -> Problem:
    if isinstance(of, Problem):
        if variables:
            raise InputError("a problem has its variables declared already")
        return of
    if isinstance(of, Path) or (isinstance(of, str) and (of in names() or of.endswith(".toml"))):
        return load(of)
    return _declared(of, variables, syntax)


def _claimed(claim: Any, p: Problem, syntax: str) -> tuple[str, str]:
    """Return a claim as text with its syntax; what SymPy declares must be what the problem does."""
    written = as_written(claim)
    declared = Declarations()
    for name, shape in written.variables.items():
        declared.declare(name, shape)
    known = {n: x.shape for n, x in p.known().items()}
    for v in declared.variables.values():
        if known.get(v.name, v.shape) != v.shape:
            raise ShapeError(
                f"{v.name} is {describe(v.shape)} in the claim and {describe(known[v.name])} in "
                "the problem",
                remedy="give it the shape that it has in the problem",
            )
    return written.text, syntax if isinstance(claim, str) else "python"


def derive(
    of: Problem | str | Path | Any,
    wrt: Sequence[str] | str | Any | None = None,
    *,
    order: int | None = None,
    layout: str = "denominator",
    structured: str = "ambient",
    syntax: str = "python",
    **variables: str,
) -> Derivation:
    """Return the gradients of a problem, or of a text whose variables are declared by keyword.

    A gradient has the shape of its variable (denominator layout). ``syntax="matrixcalculus"``
    reads the text as matrixcalculus.org does; an expression of SymPy is read as it stands (its
    symbols are real), and ``wrt`` may be one of its symbols. Raises LanguageError for what cannot
    be read, MissingRuleError for what no rule covers.

    With ``order=2`` the Hessians by every variable are derived, checked and printed too; the
    problem of a file may ask for them itself.
    ``structured`` says what the gradient by a symmetric, skew, diagonal, lower or upper variable
    means: "ambient" takes all entries as independent, "tangent" projects that onto the structure
    (for an orthogonal variable: onto its tangent space), "independent" counts each free entry once.

    >>> derive("L(X @ W + ones(n) @ b.T)", X="n, d", W="d, m", b="m")["b"]
    G.T @ ones(n)
    """
    if layout not in LAYOUTS:
        raise InputError(f"no layout {layout!r}", remedy=f"there are: {', '.join(LAYOUTS)}")
    if layout == "numerator":
        raise MissingRuleError(
            "no rule for the numerator layout yet",
            remedy="a gradient is printed in the shape of its variable; transpose it",
        )
    problem = _problem(of, variables, syntax)
    return Derivation(problem, _chosen(wrt), structured=structured, order=order)


def stack(
    of: Problem | str | Path | Any,
    k: int,
    *,
    input: str | None = None,  # noqa: A002 - the word of the field
    output: str | None = None,
    shared: Sequence[str] | None = None,
    syntax: str = "python",
    **variables: str,
) -> Problem:
    """Return the problem of k copies of a block, the output of each feeding the next.

    The number of a block stands behind every name of it. The output is the argument of L, the
    input the one variable of its shape, unless they are given; what is in ``shared`` exists once
    (by default scalars and what is not differentiated by). Raises ShapeError where the output does
    not fit the input, UnknownNameError, DeclarationError where two names would become one,
    InputError where the input cannot be told.

    >>> p = stack("Z = X + X @ W; L(Z)", 2, X="n, d", W="d, d")
    >>> derive(p)["W_1"]
    X.T @ (G + G @ W_2.T)
    """
    block = _problem(of, variables, syntax)
    return stacking.stack(block, k, input=input, output=output, shared=shared)


def jacobian(
    of: Problem | str | Path | Any,
    wrt: str | Any | None = None,
    *,
    layout: str = "numerator",
    syntax: str = "python",
    **variables: str,
) -> Jacobian:
    """Return the Jacobian of a vector or a matrix: J[i, j] = dy_i / dx_j (numerator layout).

    Matrices on either side are read in vec order, column by column; by a scalar, the result has
    the shape of the expression. ``layout="denominator"`` transposes.

    >>> jacobian("x * (A @ x)", "x")
    diag(x) @ A + diag(A @ x)
    >>> jacobian("A @ X @ B", "X", X="n, d")
    kron(B.T, A)
    """
    return jacobian_by(_problem(of, variables, syntax), _name(wrt), layout)


def hessian(
    of: Problem | str | Path | Any,
    wrt: str | Any | None = None,
    *,
    layout: str = "numerator",
    syntax: str = "python",
    **variables: str,
) -> Jacobian:
    """Return the Hessian of a scalar, the Jacobian of its gradient, in vec order.

    >>> hessian("sum(softplus(X @ w))", "w").product("v")
    X.T @ (sigmoid(X @ w) * (1 - sigmoid(X @ w)) * (X @ v))
    """
    return hessian_by(_problem(of, variables, syntax), _name(wrt), layout)


@overload
def check(
    of: Problem | str | Path | Any,
    wrt: str,
    claim: Callable[..., Any],
    *,
    syntax: str = "python",
    **variables: str,
) -> BackwardVerdict: ...


@overload
def check(
    of: Problem | str | Path | Any,
    wrt: list[str] | tuple[str, ...] | None = None,
    *,
    claim: Callable[..., Any],
    syntax: str = "python",
    **variables: str,
) -> BackwardVerdicts: ...


@overload
def check(
    of: Problem | str | Path | Any,
    wrt: str | Any | None = None,
    claim: str | Any | None = None,
    *,
    about: str | None = None,
    syntax: str = "python",
    **variables: str,
) -> Verdict: ...


def check(
    of: Problem | str | Path | Any,
    wrt: str | Any | None = None,
    claim: str | Any | None = None,
    *,
    about: str | None = None,
    syntax: str = "python",
    **variables: str,
) -> Verdict | BackwardVerdicts:
    """Return whether a claimed gradient is right; if not, why, and what it should be.

    The verdict is "right", "transposed", "right-if", "wrong", or "undecided" where no point tells.
    ``about`` may name an entry instead: ``about="dL/dW[p, q]"``.
    A callable is a backward function of arrays: it takes them by the names of its parameters
    (variables, the given gradient ``G``, definitions), and returns a gradient, or a dict or tuple
    of several. Its verdict is by numbers at random points; without ``wrt``, or with a list, there
    is one for each gradient, by name.

    >>> v = check("L(X @ W)", wrt="W", claim="G.T @ X", X="n, d", W="d, m")
    >>> v.verdict, v.correction
    ('transposed', 'X.T @ G')
    """
    if callable(claim) and not is_sympy(claim):
        found = check_backward(_problem(of, variables, syntax), claim, _chosen(wrt))
        return found[str(_name(wrt))] if isinstance(wrt, str) and wrt in found else found
    if claim is None or (wrt is None and about is None):
        raise InputError("a check needs wrt= and claim=", remedy='check(p, wrt="W", claim="..")')
    p = _problem(of, variables, syntax)
    says, syntax = _claimed(claim, p, syntax)
    text = ClaimText(about or f"d{p.objective_name}/d{_name(wrt)}", (says,), syntax=syntax)
    return Checker(p).check(text)


def equal(
    left: str | Any, right: str | Any, *, syntax: str = "python", **variables: str
) -> Verdict:
    """Return whether two expressions are equal, at random points of several sizes.

    Either may be an expression of SymPy.

    >>> equal("(A @ B).T", "B.T @ A.T").verdict
    'right'
    """
    sides = [as_written(left), as_written(right)]
    if sides[0].symbols or sides[1].symbols:
        syntax = _common_syntax(left, right, syntax)
    declared = {**_agreeing(*sides), **variables}
    a, b = (side.text for side in sides)
    for written in (a, b):
        syntax_of(syntax).parse(written)  # so that an error shows what was written
    p = _declared(f"sum({a}) + sum({b})", declared, syntax)
    try:
        together = _declared(f"dot({a}, {b})", declared, syntax)
    except ShapeError:
        together = p
    # Undeclared shapes may be found by setting both sides equal, but not shrunk to 1 by it.
    fixed = [d for v in together.variables.values() if v.inferred for d in v.shape if not d.symbols]
    before = [d for v in p.variables.values() if v.inferred for d in v.shape if not d.symbols]
    p = together if len(fixed) == len(before) else p
    return Checker(p).check(ClaimText("equal", (a, b), syntax=syntax))


def _common_syntax(left: Any, right: Any, syntax: str) -> str:
    if syntax != "python" and (isinstance(left, str) or isinstance(right, str)):
        raise InputError(
            "an expression of SymPy is compared with a text in the language",
            remedy='leave syntax="python"',
        )
    return "python"


def _agreeing(left: Written, right: Written) -> dict[str, str]:
    """Return what both sides declare; raises DeclarationError where they differ."""
    for name in left.symbols.keys() & right.symbols.keys():
        if left.symbols[name] != right.symbols[name]:
            raise DeclarationError(
                f"{name!r} names two different things of SymPy",
                remedy="give them two names, or the same size and assumptions",
            )
    return {**left.variables, **right.variables}


def verify_folder(folder: str | Path) -> tuple[Certificate, list[str]]:
    """Run the certificate of a folder again; return the new one and what differs.

    Raises InputError where there is no certificate, CheckError where a check fails.
    """
    path = Path(folder) / "certificate.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as a certificate: {error}",
            remedy="write one with: symderiv derive .. -o FOLDER",
        ) from None
    try:
        p, wrt, options = rerun(data)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError):
        raise InputError(
            f"{path} is not a certificate of this program",
            remedy="write one with: symderiv derive .. -o FOLDER",
        ) from None
    asked = data.get("options", {})
    if "kind" in asked:
        matrix = jacobian_by(p, wrt[0], str(asked.get("layout", "numerator")))
        files = jacobian_files(matrix, matrix.certificate, options[0], options[2])
        return matrix.certificate, differing(Path(folder), data, files)
    fresh = Derivation(
        p, wrt, structured=asked.get("structured", AMBIENT), order=asked.get("order")
    )
    certificate = fresh.verify()
    files = fresh.files(options[0], style=options[1], engine=options[2])
    return certificate, differing(Path(folder), data, files)
