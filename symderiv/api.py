"""The Python interface: problem, load, derive, check, equal, and what they return."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, overload

from .claims import Checker, Verdict, about_text
from .claims.backward import BackwardVerdict, BackwardVerdicts, check_backward
from .core.errors import DeclarationError, InputError, ShapeError
from .core.plaintext import shortened
from .core.shapes import describe
from .problems import ClaimText, Problem, stacking
from .problems.declarations import Declarations, declared_by, parse_var_options
from .problems.from_sympy import WrittenText, is_sympy
from .problems.grammar import only_expression
from .problems.library import GROUPS, load_named
from .problems.library import names as problem_names
from .problems.other_names import renamed
from .problems.posing import PosingCall, load, name_of, names_of, names_problem, posed, stated
from .problems.problem import as_written, default_title
from .problems.sentences import problem_name, sentence
from .problems.syntaxes import LATEX, PYTHON, SYNTAXES, problem_syntax, syntax_of
from .problems.tracing import trace
from .results import Answers, check_all, is_sheet, verdict_on
from .results.derived import Derivation
from .results.second_order import Jacobian, hessian_by, jacobian_by

__all__ = [
    "STATING",
    "Problem",
    "called",
    "check",
    "derive",
    "equal",
    "hessian",
    "jacobian",
    "load",
    "parse_var_options",
    "problem_names",
    "read",
    "ready_made",
    "stack",
]

STATING = [s.name for s in SYNTAXES.values() if s.states_problems]  # the syntaxes of problems


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


def read(
    of: str,
    options: Sequence[str] = (),
    upstream: str | None = None,
    syntax: str = PYTHON.name,
) -> Problem:
    """Return the problem that an argument of the command line names or states.

    >>> read("L(X @ W)", ["X: n, d", "W: d, m"]).wrt
    ('X', 'W')
    """
    return posed(of, PosingCall(parse_var_options(options), {}, syntax, {}, upstream))


def called(problem: Problem, name: str | None = None, title: str | None = None) -> Problem:
    """Return a problem under another name, which its files carry, or another title.

    >>> called(load("linear-layer"), "layer").name
    'layer'
    """
    if name is not None:
        problem = replace(problem, name=problem_name(name))
    if title is not None:
        problem = replace(
            problem, title=sentence(title, "the title") or default_title(problem.text)
        )
    return problem


def with_other_names(problem: Problem, renaming: Sequence[str]) -> Problem:
    """Return a problem with names replaced, each written as ``W=weight``.

    >>> with_other_names(load("linear-layer"), ["W=weight", "b=bias"]).wrt
    ('weight', 'bias', 'X')
    """
    pairs = [r.partition("=") for r in renaming]
    for old, sign, new in pairs:
        if not (old.strip() and sign and new.strip()):
            raise InputError(f"{shortened(old)} is renamed to nothing", remedy="write W=weight")
    return renamed(problem, {old.strip(): new.strip() for old, _, new in pairs})


def ready_made() -> dict[str, list[Problem]]:
    """Return the ready-made problems by their groups."""
    return {group: [load_named(n) for n in names] for group, names in GROUPS.items()}


def derive(
    of: Problem | str | Path | Any,
    /,
    wrt: Sequence[str] | str | Any | None = None,
    *,
    order: int | None = None,
    structured: str = "ambient",
    syntax: str = "python",
    variables: Mapping[str, str] | None = None,
    **declarations: str,
) -> Derivation:
    """Return the gradients of a problem, or of a text whose variables are declared by keyword.

    A name that is an option here (``order``) is declared in a table: ``variables={"order": "n"}``.
    A gradient has the shape of its variable (denominator layout); in the numerator layout it is
    the transpose. ``syntax="matrixcalculus"``
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
    if "layout" in declarations:
        raise InputError(
            "a gradient has the shape of its variable: it takes no layout",
            remedy="its transpose is the numerator layout; jacobian(..) and hessian(..) take one; "
            'a variable of that name is declared in variables={"layout": "n"}',
        )
    options = {"wrt": wrt, "order": order}
    call = PosingCall(variables, declarations, syntax, options)
    return Derivation(posed(of, call), names_of(wrt), structured=structured, order=order)


def stack(
    of: Problem | str | Path | Any,
    k: int,
    /,
    *,
    input: str | None = None,  # noqa: A002 - the word of the field
    output: str | None = None,
    shared: Sequence[str] | None = None,
    syntax: str = "python",
    variables: Mapping[str, str] | None = None,
    **declarations: str,
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
    options = {"input": input, "output": output, "shared": shared}
    block = posed(of, PosingCall(variables, declarations, syntax, options))
    return stacking.stack(block, k, input=input, output=output, shared=shared)


def jacobian(
    of: Problem | str | Path | Any,
    /,
    wrt: str | Any | None = None,
    *,
    layout: str = "numerator",
    syntax: str = "python",
    variables: Mapping[str, str] | None = None,
    **declarations: str,
) -> Jacobian:
    """Return the Jacobian of a vector or a matrix: J[i, j] = dy_i / dx_j (numerator layout).

    Matrices on either side are read in vec order, column by column; by a scalar, the result has
    the shape of the expression. ``layout="denominator"`` transposes.

    >>> jacobian("x * (A @ x)", "x")
    diag(x) @ A + diag(A @ x)
    >>> jacobian("A @ X @ B", "X", X="n, d")
    kron(B.T, A)
    """
    call = PosingCall(variables, declarations, syntax, {"wrt": wrt})
    return jacobian_by(posed(of, call), name_of(wrt), layout)


def hessian(
    of: Problem | str | Path | Any,
    /,
    wrt: str | Any | None = None,
    *,
    layout: str = "numerator",
    syntax: str = "python",
    variables: Mapping[str, str] | None = None,
    **declarations: str,
) -> Jacobian:
    """Return the Hessian of a scalar, the Jacobian of its gradient, in vec order.

    >>> hessian("sum(softplus(X @ w))", "w").product("v")
    X.T @ (sigmoid(X @ w) * (1 - sigmoid(X @ w)) * (X @ v))
    """
    call = PosingCall(variables, declarations, syntax, {"wrt": wrt})
    return hessian_by(posed(of, call), name_of(wrt), layout)


@overload
def check(
    of: Problem | str | Path | Any,
    /,
    wrt: str,
    claim: Callable[..., Any],
    *,
    order: int = 1,
    jobs: int = 1,
    syntax: str = "python",
    variables: Mapping[str, str] | None = None,
    **declarations: str,
) -> BackwardVerdict: ...


@overload
def check(
    of: Problem | str | Path | Any,
    /,
    wrt: list[str] | tuple[str, ...] | None = None,
    *,
    claim: Callable[..., Any],
    order: int = 1,
    jobs: int = 1,
    syntax: str = "python",
    variables: Mapping[str, str] | None = None,
    **declarations: str,
) -> BackwardVerdicts: ...


@overload
def check(of: Problem | str | Path, /, *, jobs: int = 1) -> Answers: ...


@overload
def check(
    of: Problem | str | Path | Any,
    /,
    wrt: str | Any | None = None,
    *,
    claim: str | Any | Sequence[str | Any],
    about: str | None = None,
    order: int = 1,
    jobs: int = 1,
    syntax: str = "python",
    variables: Mapping[str, str] | None = None,
    **declarations: str,
) -> Verdict: ...


def check(
    of: Problem | str | Path | Any,
    /,
    wrt: str | Any | None = None,
    claim: str | Any | Sequence[str | Any] | None = None,
    *,
    about: str | None = None,
    order: int = 1,
    jobs: int = 1,
    syntax: str = "python",
    variables: Mapping[str, str] | None = None,
    **declarations: str,
) -> Verdict | BackwardVerdicts | Answers:
    """Return whether a claimed derivative is right; if not, why, and what it should be.

    The verdict is "right", "transposed", "right-if", "wrong", or "undecided" where no point tells,
    or where the claim says only the derivative itself: ``dL/dW`` of dL/dW.
    The claim is about the gradient, about the Jacobian where the objective is not a scalar
    (numerator layout, matrices column by column), with ``order=2`` about the Hessian. ``about``
    names an entry or another derivative instead: ``"dL/dW[p, q]"``, ``"dy[i]/dx[j]"``,
    ``"d2L/dx dy"``, that of a definition ``"dZ/dX"``.
    A list is a chain of lines that should all be equal: to the derivative, or with
    ``about="equal"`` to each other. The verdict names the first wrong one and holds all in
    ``lines``. A line ``S = ..`` defines a name for the lines below it.
    With ``syntax="latex"`` the claim is a formula of LaTeX, whose left-hand side may say what it is
    about; ``read_as`` of the verdict shows how it was read.
    A claim may be written as NumPy is (``np.dot(X.T, dout)``, ``G.sum(axis=0)``), and call the
    given gradient dZ, dL/dZ or dout; ``read_as`` shows how it was read.
    ``of`` may be a function of arrays, a forward pass of NumPy, JAX or PyTorch, which is traced:
    its arguments are declared as in ``trace``.
    A callable claim is a backward function of arrays: it takes them by the names of its parameters
    (variables, definitions; the one parameter that is nothing else is the given gradient), and
    returns a gradient, or a dict or tuple of several. ``cache`` is what the forward pass returns
    beside its value; gradients that it leaves in its object, or in the layers there, count
    (``self.dW``, ``self.grads["W"]``). Its verdict is by numbers at points of every branch,
    "undecided" where it raises or where a gradient cannot be told to be of a variable, and
    ``read_as`` says what its parameters were read as; without ``wrt``, or with a list, there is
    one for each gradient, by name.
    Without a claim, all claims of a problem or of a file of claims are answered, ``jobs`` of them
    side by side; the answers are a sequence that counts itself and writes a report.

    >>> v = check("L(X @ W)", wrt="W", claim="G.T @ X", X="n, d", W="d, m")
    >>> v.verdict, v.correction
    ('transposed', 'X.T @ G')
    >>> lines = ["(A + A.T) @ x", "A @ x - A.T @ x", "A @ x + A.T @ x"]
    >>> check("x.T @ A @ x", wrt="x", claim=lines).diagnosis
    'Line 2 is the first that is wrong: the sign of `-A.T @ x` is wrong; line 3 is right again.'
    >>> check("linear-layer").counts
    {'wrong': 3}
    """
    if callable(of) and not isinstance(of, Problem) and not is_sympy(of):
        of = _traced(of, variables, declarations)
        variables, declarations = None, {}
    options = {"wrt": wrt, "claim": claim, "about": about, "order": order != 1 and order}
    call = PosingCall(variables, declarations, syntax, options)
    if callable(claim) and not is_sympy(claim):
        found = check_backward(posed(of, call), claim, names_of(wrt))
        return found[wrt] if isinstance(wrt, str) and wrt in found else found
    if claim is None and wrt is None and about is None and not call.declares:
        return _answers(of, jobs)
    named = wrt is not None or about is not None or syntax == LATEX.name
    if claim is None or not named:
        raise InputError("a check needs wrt= and claim=", remedy='check(p, wrt="W", claim="..")')
    if isinstance(order, bool) or order not in (1, 2):
        raise InputError(f"no derivative of order {order!r}", remedy="there are 1 and 2")
    if about is not None and order == 2:
        raise InputError(
            "about= says the order itself", remedy='about="d2L/dw2", or wrt= and order=2'
        )
    # LaTeX is a way to write claims; the problem stays in the language.
    states = syntax_of(syntax).states_problems
    p = posed(of, call if states else call.read_as(PYTHON.name))
    says, syntax = _said(claim, p, syntax)
    about = None if about is None else sentence(about, "about=")
    asked = about or (about_text(p, str(name_of(wrt)), order) if wrt is not None else "")
    return verdict_on(p, ClaimText(asked, says, syntax=syntax))


def _traced(function: Any, variables: Mapping[str, Any] | None, declarations: Any) -> Problem:
    """Return the problem of a function, with an unspecified loss around what is no scalar."""
    found = trace(function, variables=variables, **declarations)
    if found.objective.is_scalar:
        return found
    return trace(function, loss="L", variables=variables, **declarations)


def _answers(of: Any, jobs: int) -> Answers:
    """Return the answers to the claims of a problem, a ready-made one, or a file."""
    if isinstance(of, Problem) or names_problem(of) or (isinstance(of, str) and is_sheet(of)):
        return check_all(of, jobs=jobs)
    raise InputError("a check needs wrt= and claim=", remedy='check(p, wrt="W", claim="..")')


def _said(claim: Any, p: Problem, syntax: str) -> tuple[tuple[str, ...], str]:
    """Return a claim, or the lines of one, as texts in one syntax."""
    lines = list(claim) if isinstance(claim, (list, tuple)) else [claim]
    if not lines:
        raise InputError("the claim has no lines", remedy='claim=["X.T @ G", ..]')
    found = [_claimed(line, p, syntax) for line in lines]
    if len({s for _, s in found}) > 1:
        raise _two_syntaxes()
    return tuple(said for said, _ in found), found[0][1]


def equal(
    left: str | Any,
    right: str | Any,
    /,
    *,
    syntax: str = "python",
    variables: Mapping[str, str] | None = None,
    **declarations: str,
) -> Verdict:
    """Return whether two expressions are equal, at random points of several sizes.

    Either may be an expression of SymPy.

    >>> equal("(A @ B).T", "B.T @ A.T").verdict
    'right'
    """
    sides = [as_written(left), as_written(right)]
    if sides[0].symbols or sides[1].symbols:
        syntax = _common_syntax(left, right, syntax)
    a, b = (side.text for side in sides)
    given = declared_by(variables, declarations, {}, ())
    call = PosingCall({**_agreeing(*sides), **given}, {}, syntax)
    problem_syntax(syntax)
    for written in (a, b):
        only_expression(syntax_of(syntax).parse(written))  # an error shows what was written
    p = stated(f"sum({a}) + sum({b})", call)
    try:
        together = stated(f"dot({a}, {b})", call)
    except ShapeError:
        together = p
    # Undeclared shapes may be found by setting both sides equal, but not shrunk to 1 by it.
    fixed = [d for v in together.variables.values() if v.inferred for d in v.shape if not d.symbols]
    before = [d for v in p.variables.values() if v.inferred for d in v.shape if not d.symbols]
    p = together if len(fixed) == len(before) else p
    return Checker(p).check(ClaimText("equal", (a, b), syntax=syntax))


def _common_syntax(left: Any, right: Any, syntax: str) -> str:
    if syntax != "python" and (isinstance(left, str) or isinstance(right, str)):
        raise _two_syntaxes()
    return "python"


def _two_syntaxes() -> InputError:
    return InputError(
        "an expression of SymPy is compared with a text in the language",
        remedy='leave syntax="python"',
    )


def _agreeing(left: WrittenText, right: WrittenText) -> dict[str, str]:
    """Return what both sides declare; raises DeclarationError where they differ."""
    for name in left.symbols.keys() & right.symbols.keys():
        if left.symbols[name] != right.symbols[name]:
            raise DeclarationError(
                f"{name!r} names two different things of SymPy",
                remedy="give them two names, or the same size and assumptions",
            )
    return {**left.variables, **right.variables}
