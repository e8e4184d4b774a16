"""Takes a function and its argument; returns the derivative of one entry by one entry.

A pullback is linear in the cotangent: what stands with the cotangent's entry (i, j) in entry
(p, q) of the pullback is the derivative of entry (i, j) by entry (p, q). So every function that
has a pullback has the entries of its Jacobian, with no rule of its own for them.
"""

from __future__ import annotations

from ...core.errors import NoEntriesError
from ...core.expr import BINDERS, Expr, sum_index, var, walk_all
from ...core.shapes import SCALAR
from ...tensor import Factor, Scale, Term, add, leaf
from .entry_forms import Ends, Forms, Letters, Monomial, differentiated
from .stage_words import meets


def pulled(atom: Term, target: Term, cotangent: Term) -> Term:
    """Return the cotangent that a function sends to one of its arguments, at all its places."""
    return add(
        [
            atom.data.pullback(atom, k, cotangent)
            for k, child in enumerate(atom.children)
            if child is target
        ]
    )


def jacobian(
    forms: Forms, letters: Letters, atom: Term, target: Term, ends: Ends, by: Ends
) -> list[Monomial]:
    """Return d atom[ends] / d target[by] as a sum of products of entries.

    Raises NoEntriesError where the pullback is a function of the whole cotangent.
    """
    # No name that a writer can choose, so it is no factor that was there before.
    seed = leaf(var("?seed", (*atom.dims, *SCALAR)[: max(2, len(atom.dims))]), atom.dims)
    with letters.once(*ends, *by):
        found = _coefficients(forms, pulled(atom, target, seed), seed, ends, by)
    return [relettered(m.sifted()[0], letters, (*ends, *by)) for m in found]


def _coefficients(forms: Forms, term: Term, seed: Term, ends: Ends, at: Ends) -> list[Monomial]:
    """Return what stands with the entry of the seed in an entry of a term that is linear in it."""

    if term.is_call:
        # The seed stands inside a function: no product of entries with the seed's.
        raise NoEntriesError(f"the derivative of single entries has no form: {term.data.name}")

    def slope(f: Factor, spots: Ends) -> list[Monomial]:
        if f.term is seed:
            pairs = zip(spots, ends, seed.dims, strict=True)
            return [Monomial(Scale(), (), tuple((a, b, d) for a, b, d in pairs))]
        return _coefficients(forms, f.term, seed, ends, spots)

    return differentiated(forms, term, at, lambda t: meets(t, seed), slope)


def relettered(m: Monomial, letters: Letters, used: Ends) -> Monomial:
    """Return a monomial with the letters that people would take for its bound indices."""
    parts = walk_all(m.factors, Expr.is_name)
    inner = {sum_index(e)[0] for e in parts if e.op in BINDERS}
    old = [name for name, _ in m.bound]
    new = letters.pair("klrstuvw", len(old), (*used, *old, *sorted(inner)))
    for before, after in zip(old, new, strict=True):
        m = m.renamed(before, after)
    return m
