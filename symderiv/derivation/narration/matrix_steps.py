"""Takes the entry of a gradient; returns the last steps of its derivation, to the matrix form."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.expr import BINDERS, Expr, index_sum, mul, walk
from ...core.shapes import ONE, Dim
from .entry_forms import Ends, Monomial, place, total
from .stage_words import joined, listed
from .steps import Act, Reason, Step

Bound = tuple[str, Dim]
_INDEXED = ("entry", *BINDERS)


def closing_steps(
    result: Expr, ends: Ends, monomials: Sequence[Monomial], rests_on: Sequence[Reason] = ()
) -> list[Step]:
    """Return the steps from the entry of a gradient, summed over indices, to its matrix form.

    What the form ``rests_on`` beyond the order of its sums is part of the reason.
    """
    steps: list[Step] = []
    last = total(monomials)
    turned = _as_product(result, ends, monomials)
    if turned is not None and turned is not last:
        reason = ("transpose: an entry with its indices swapped",)
        steps.append(Step(last, turned, Act.TRANSPOSE, reason))
        last = turned
    final = place(result, ends)
    if final is not last:
        law = Act.READ if turned is not None else Act.MATRIX
        if final.op != "entry" and not any(e.op in _INDEXED for e in walk(last, Expr.is_name)):
            law = Act.COLLECTED
        why = joined([_reason(law, last, final), *rests_on])
        steps.append(Step(last, final, law, why))
    return steps


def _reason(law: Act, last: Expr, final: Expr) -> Reason:
    """Return the reason of a form, with the names that stand in it for what they name."""
    known = {e: None for e in walk(last, Expr.is_name) if e.is_name}
    new = [e for e in dict.fromkeys(walk(final, Expr.is_name)) if e.is_name and e not in known]
    if not new:
        return (law.value,)
    return (*([f"{law.value}; "] if final.op == "entry" else []), "definition of ", *listed(new))


def _as_product(result: Expr, ends: Ends, monomials: Sequence[Monomial]) -> Expr | None:
    """Return (A B)_pq as a sum over the inner indices, with transposes where they stand."""
    scalars, body = _front(result)
    if not body.is_matrix_product or len(monomials) != 1 or ONE in result.shape:
        return None
    factors = body.args
    if any(len(f.shape) > 2 for f in factors):
        return None  # read off position by position; no transpose to be turned back
    plain = all(f.op in ("var", "named", "transpose") for f in factors)
    if not plain or not any(f.is_transpose for f in factors):
        return None
    if ONE in [d for f in factors for d in f.shape]:
        return None
    order = _matched(list(monomials[0].bound), [f.shape[1] for f in factors[:-1]])
    if order is None:
        return None
    marks = [ends[0], *(name for name, _ in order), ends[1]]
    product = mul(*scalars, *(place(f, (marks[k], marks[k + 1])) for k, f in enumerate(factors)))
    for name, dim in reversed(order):
        product = index_sum(name, dim, product)
    return product


def _front(x: Expr) -> tuple[list[Expr], Expr]:
    if x.is_hadamard and all(a.is_scalar for a in x.args[:-1]):
        return list(x.args[:-1]), x.args[-1]
    return [], x


def _matched(inner: list[Bound], wanted: list[Dim]) -> list[Bound] | None:
    """Return the indices in the order of the ranges wanted, each used once; None if impossible."""
    left = list(inner)
    found: list[Bound] = []
    for dim in wanted:
        hit = next((b for b in left if b[1] == dim), None)
        if hit is None:
            return None
        left.remove(hit)
        found.append(hit)
    return None if left else found
