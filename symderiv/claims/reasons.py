"""Takes two formulas that were found equal; returns why they are, in the mathematics of them.

Contract: a reason is read off the two formulas, in the order of what asks the least of a reader:
one form, one sum of products in indices, the same with definitions put in, the same after the rules
of matrix algebra, each as it stands. Where none of these shows it, it rests on evaluation.
"""

from __future__ import annotations

from ..calculus.reverse import lower
from ..calculus.simplify.simplifier import Simplifier
from ..core.errors import SymderivError
from ..core.expr import Expr, rebuild, walk_all, with_args
from ..derivation.derivations import facts_of
from ..ops.text import text
from ..problems import Problem
from ..tensor import Term

_MOST = 2_000  # nodes; of larger formulas nothing is rewritten for the sake of a sentence
_LONG = 80  # characters of a formula that a sentence holds


def why_equal(problem: Problem, claimed: Expr, truth: Expr, *, exact: bool) -> str:
    """Return the reason why two equal formulas are equal, as a clause that ends a sentence.

    ``exact`` says whether they were compared in exact arithmetic.

    >>> from symderiv import problem
    >>> p = problem("Z = X @ W; L(Z)", X="n, d", W="d, m")
    >>> X, G = p.known()["X"], p.known()["G"]
    >>> from symderiv.core.expr import matmul, transpose
    >>> one, two = transpose(matmul(transpose(G), X)), matmul(transpose(X), G)
    >>> why_equal(p, one, two, exact=True)
    'written in indices, it is the same sum of products as `X.T @ G`'
    """
    if claimed is truth:
        return "the derivation ends in this very form"
    form = f"`{text(truth)}`" if len(text(truth)) <= _LONG else "the form derived above"
    if sum(1 for _ in walk_all([claimed, truth])) <= _MOST:
        try:
            shown = _shown(problem, claimed, truth)
        except SymderivError:
            shown = ""
        if shown:
            return f"{shown} {form}"
    if exact:
        return (
            f"its difference from {form} is 0 at random rational points, which of rational "
            "functions proves it up to an exception of probability 0 (Schwartz, Zippel)"
        )
    return f"it agrees with {form} to 40 digits at random points"


def _shown(problem: Problem, claimed: Expr, truth: Expr) -> str:
    """Return how one formula is rewritten as the other; "" where no way is known."""
    if _term(claimed) is _term(truth):
        return "written in indices, it is the same sum of products as"
    left, right = (_term(inlined(x)) for x in (claimed, truth))
    if left is right:
        return "with the definitions put in, it is the same sum of products as"
    simplify = Simplifier(facts_of(problem))
    if simplify(_term(claimed)) is simplify(_term(truth)) or simplify(left) is simplify(right):
        return "by the rules of matrix algebra it simplifies to the same form as"
    return ""


def _term(x: Expr) -> Term:
    return lower(x).term


def inlined(x: Expr) -> Expr:
    """Return a formula with the values of its names put in."""
    return rebuild(x, lambda e, args: args[0] if e.is_name else with_args(e, args))
