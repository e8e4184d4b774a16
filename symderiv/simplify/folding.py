"""Rules that put a product under a name it has, and two inverses under one."""

from __future__ import annotations

from collections.abc import Iterator

from ..ops.inverses import inverse
from ..tensor import Factor, Label, Term, add, contract, delta, scaled, summands
from .parts import Parts, plain, same_but_for_names
from .rule import Context


def names_fold(parts: Parts, context: Context) -> Term | None:
    """Write E / s as P beside a sum that divides by P, where P = E / s: E (1 - t / P) / s = P - t.

    Only where the sum then loses its own fraction: P takes the place of several factors.
    """
    for k, f in enumerate(parts.factors):
        if f.term.kind != "add" or f.exponent != 1:
            continue
        for name, labels in _divisors_by_name(f):
            value = plain(name.children[0])
            pattern = Parts.of(value)
            if value.kind != "contract" or len(pattern.factors) < 2:
                continue
            met = _met(pattern, parts, dict(zip(pattern.out, labels, strict=True)), k)
            if met is not None:
                named = Factor(name, labels)
                return parts.replaced(met, [named], pattern.scale.power(-1))
    return None


def _met(
    pattern: Parts, parts: Parts, names: dict[Label, Label], apart: int
) -> tuple[int, ...] | None:
    """Return which factors those of a pattern are, read without names; None where some lack."""
    found: list[int] = []
    for wanted in pattern.factors:
        if not set(wanted.labels) <= set(names):
            return None
        labels = tuple(names[x] for x in wanted.labels)
        k = next(
            (
                k
                for k, f in enumerate(parts.factors)
                if k not in (apart, *found)
                and (f.labels, f.exponent) == (labels, wanted.exponent)
                and (f.term is wanted.term or same_but_for_names(f.term, wanted.term))
            ),
            None,
        )
        if k is None:
            return None
        found.append(k)
    return tuple(found)


def _divisors_by_name(f: Factor) -> Iterator[tuple[Term, tuple[Label, ...]]]:
    """Yield the names that divide summands of a sum, with their labels outside it."""
    for _, body in summands(f.term):
        inside = Parts.of(plain(body))
        names = dict(zip(inside.out, f.labels, strict=True))
        for g in inside.factors:
            if g.term.kind == "named" and g.exponent == -1 and set(g.labels) <= set(inside.out):
                yield g.term, tuple(names[x] for x in g.labels)


def inverses_join(parts: Parts, context: Context) -> Term | None:
    """Write inv(A) @ inv(inv(A) + S) as inv(I + S @ A): one inverse in place of three."""
    for k, f in parts.calls("inv"):
        for j, g in parts.calls("inv"):
            whole = g.term.children[0]
            if k == j or whole.kind != "add" or f.exponent != 1 or g.exponent != 1:
                continue
            if len(f.labels) != 2 or not any(b is f.term for _, b in summands(whole)):
                continue
            matrix, ends = f.term.children[0], None
            if f.labels[1] == g.labels[0] and parts.only_in(f.labels[1], k, j):
                joined, ends = _times(whole, matrix, f.term, right=True), (f.labels[0], g.labels[1])
            elif g.labels[1] == f.labels[0] and parts.only_in(f.labels[0], k, j):
                joined, ends = (
                    _times(whole, matrix, f.term, right=False),
                    (g.labels[0], f.labels[1]),
                )
            if ends is not None:
                return parts.replaced((k, j), [Factor(inverse(joined), ends)])
    return None


def _times(whole: Term, matrix: Term, inverted: Term, *, right: bool) -> Term:
    """Return a sum times a matrix whose inverse is one of the summands, term by term."""
    dims = dict.fromkeys((0, 1, "inner"), matrix.dims[0])
    found = []
    for scale, body in summands(whole):
        if body is inverted:
            found.append(scaled(delta(matrix.dims[0]), scale))
            continue
        left, last = (body, matrix) if right else (matrix, body)
        ends = [Factor(left, (0, "inner")), Factor(last, ("inner", 1))]
        found.append(contract(ends, (0, 1), dims, scale))
    return add(found)
