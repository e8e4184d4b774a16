"""Takes an ambient gradient, a term; returns it as tangent, or by the independent entries.

The ambient gradient takes all entries as independent. The tangent gradient is its orthogonal
projection onto the matrices of the structure, or, at an orthogonal matrix, onto the tangent space
of the Stiefel manifold (Edelman, Arias and Smith, SIAM J. Matrix Anal. Appl. 20, 1998, section
2.2.1). The independent one counts each free entry once (Petersen and Pedersen, The Matrix Cookbook,
2012, eq. 138).
"""

from __future__ import annotations

from fractions import Fraction

from ..core.errors import InputError, MissingRuleError
from ..core.expr import Variable, node, var
from ..core.shapes import ONE
from ..ops import TABLE
from ..ops.toeplitz import diagonal_sums
from ..tensor import (
    Factor,
    Scale,
    Term,
    Value,
    add,
    constant,
    contract,
    delta,
    leaf,
    monomial,
    scaled,
    transposed,
)

AMBIENT, TANGENT, INDEPENDENT = "ambient", "tangent", "independent"
CONVENTIONS = (AMBIENT, TANGENT, INDEPENDENT)
# In the order in which one wins over another: a diagonal matrix is symmetric too.
_STRUCTURES = ("diagonal", "toeplitz", "symmetric", "spd", "skew", "lower", "upper", "orthogonal")
_BESIDE_TOEPLITZ = ("diagonal", "symmetric", "skew", "lower", "upper")
_WORDS = {
    AMBIENT: "takes its entries as independent",
    TANGENT: "is projected onto the tangent space of the {structure} matrices",
    INDEPENDENT: "counts every free entry of a {structure} matrix once",
}


def structure_of(variable: Variable) -> str | None:
    """Return the structure of a matrix that its properties give it, or None."""
    if ONE in variable.shape:
        return None
    found = next((s for s in _STRUCTURES if s in variable.properties), None)
    if "toeplitz" not in variable.properties:
        return "symmetric" if found == "spd" else found
    names = ["symmetric" if p == "spd" else p for p in variable.properties]
    other = next((s for s in _BESIDE_TOEPLITZ if s in names), "")
    return f"{other} toeplitz".strip()


def words(variable: Variable, convention: str) -> str:
    """Return what a gradient by a variable is under a convention, as the end of a sentence."""
    return _WORDS[convention].format(structure=structure_of(variable))


def check_convention(convention: str) -> None:
    """Refuse a convention that does not exist."""
    if convention not in CONVENTIONS:
        raise InputError(
            f"no convention {convention!r} for structured variables",
            remedy=f"there are: {', '.join(CONVENTIONS)}",
        )


def projected(gradient: Term, variable: Variable, structure: str, convention: str) -> Term:
    """Return a gradient under a convention, as a term."""
    if structure == "symmetric":
        both = add([gradient, transposed(gradient)])
        if convention == TANGENT:
            return scaled(both, Scale(Fraction(1, 2)))
        return add([both, scaled(_diagonal(gradient), Scale(Fraction(-1)))])
    if structure == "skew":
        both = add([gradient, scaled(transposed(gradient), Scale(Fraction(-1)))])
        return scaled(both, Scale(Fraction(1, 2))) if convention == TANGENT else both
    if structure == "diagonal":
        return _diagonal(gradient)
    if structure.endswith("toeplitz"):
        other = structure.removesuffix("toeplitz").strip()
        if convention == INDEPENDENT:
            along = diagonal_sums(gradient)
            return projected(along, variable, other, convention) if other else along
        counts = diagonal_sums(constant(Scale(), gradient.dims))
        inside = projected(gradient, variable, other, convention) if other else gradient
        return monomial((diagonal_sums(inside), 1), (counts, -1))
    if structure in ("lower", "upper"):
        return _triangle(gradient, variable, "tril" if structure == "lower" else "triu")
    if convention == INDEPENDENT:
        raise MissingRuleError(
            f"no independent entries of the orthogonal matrix {variable.name} are chosen",
            remedy='ask for structured="tangent"',
        )
    return _on_stiefel(gradient, leaf(variable.expr, gradient.dims))


def _diagonal(term: Term) -> Term:
    dims = dict(enumerate(term.dims))
    factors = [Factor(term, (0, 0)), Factor(delta(term.dims[0]), (0, 1))]
    return contract(factors, (0, 1), dims)


def _triangle(term: Term, variable: Variable, name: str) -> Term:
    if name not in TABLE:
        raise MissingRuleError(f"no rule for a function {name!r}, which keeps a triangle")
    whole = node(name, (var(variable.name, variable.shape),), variable.shape)
    return TABLE[name].lower(whole, [Value(term, variable.shape)]).term


def _on_stiefel(gradient: Term, x: Term) -> Term:
    """Return G - X sym(Xᵀ G)."""
    dims = dict.fromkeys(range(4), x.dims[0])
    inner = [Factor(x, (2, 0)), Factor(gradient, (2, 1))]
    product = contract(inner, (0, 1), {k: dims[k] for k in range(3)})
    half = scaled(add([product, transposed(product)]), Scale(Fraction(-1, 2)))
    ranges = {k: dims[k] for k in range(3)}
    moved = contract([Factor(x, (0, 2)), Factor(half, (2, 1))], (0, 1), ranges)
    return add([gradient, moved])
