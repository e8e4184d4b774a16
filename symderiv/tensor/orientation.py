"""Takes values, terms with a row and a column; returns their contractions, as values again.

An axis exists only where the dimension is not 1 (batch axes as well), so a row and a column hold
the same one-axis term and transposing either costs nothing. An entry ``X[i, j]`` under a named
index leaves that index as a *loose* axis, in front of all others, until ``Sum`` binds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from ..core.scale import UNIT_SCALE, Scale
from ..core.shapes import ONE, Dim, Shape
from .contractions import contract
from .terms import ONE_EXPONENT, Factor, Label, Term

# Loose indices are strings, so these never clash with one; batch axes are labelled -1 (the
# innermost), -2, .., so that equal positions meet wherever batches are broadcast.
ROW, COLUMN, INNER = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Value:
    """A term with the shape it stands for; ``loose`` are named indices that no Sum bound yet.

    >>> from symderiv.calculus import lower
    >>> from symderiv.core.expr import transpose, var
    >>> x = var("x", (Dim(1, ("n",)), ONE))
    >>> column, row = lower(x), lower(transpose(x))
    >>> column.term is row.term, column.shape == row.shape
    (True, False)
    """

    term: Term
    shape: Shape
    loose: tuple[tuple[str, Dim], ...] = ()


def labels(value: Value, row: Label, column: Label) -> tuple[Label, ...]:
    """Return a label for every axis of a value's term."""
    ends = tuple(x for x, _ in axis_labels(value.shape, row, column))
    return tuple(name for name, _ in value.loose) + ends


def axis_labels(shape: Shape, row: Label, column: Label) -> list[tuple[Label, Dim]]:
    """Return a label and the dimension for every axis of a shape that is not 1."""
    batch = range(2 - len(shape), 0)
    return [(x, d) for x, d in zip((*batch, row, column), shape, strict=True) if d != ONE]


def product(
    factors: Sequence[tuple[Value, Label, Label]],
    shape: Shape,
    *,
    extra: Sequence[Factor] = (),
    exponents: Sequence[int | Fraction] = (),
    scale: Scale = UNIT_SCALE,
    loosen: Mapping[str, Dim] | None = None,
    bind: Mapping[str, Dim] | None = None,
) -> Value:
    """Return the contraction of values, each with a row and a column label, as a value.

    ``ROW`` and ``COLUMN`` label the row and the column of the result, ``extra`` are further
    factors, ``loosen`` names labels that become loose indices, ``bind`` loose ones to be summed.
    """
    loose: dict[str, Dim] = dict(loosen or {})
    dims: dict[Label, Dim] = {}
    dims.update(loose)
    dims.update(bind or {})
    parts: list[Factor] = []
    for k, (value, row, column) in enumerate(factors):
        marks = labels(value, row, column)
        dims.update(zip(marks, value.term.dims, strict=True))
        loose.update(value.loose)
        parts.append(
            Factor(value.term, marks, Fraction(exponents[k]) if exponents else ONE_EXPONENT)
        )
    for factor in extra:
        dims.update(zip(factor.labels, factor.term.dims, strict=True))
        parts.append(factor)
    ends = axis_labels(shape, ROW, COLUMN)
    dims.update(ends)
    left = tuple((n, d) for n, d in sorted(loose.items()) if n not in (bind or {}))
    out = [n for n, _ in left] + [x for x, _ in ends]
    return Value(contract(parts, out, dims, scale), shape, left)


def spread(values: Sequence[Value], shape: Shape) -> list[Value]:
    """Return values with the same axes: each broadcast to ``shape`` and to all loose indices."""
    loose: dict[str, Dim] = {}
    for value in values:
        loose.update(value.loose)
    whole = tuple(sorted(loose.items()))
    return [
        v
        if v.shape == shape and v.loose == whole
        else product([(v, ROW, COLUMN)], shape, loosen=loose)
        for v in values
    ]


def gathered(
    factors: Sequence[tuple[Value, Sequence[Label]]], out: Sequence[Label], shape: Shape
) -> Value:
    """Return the contraction of values with a label for every axis of each; ``out`` labels
    every axis of the result. Axes of size 1 have no part in it."""
    loose: dict[str, Dim] = {}
    dims: dict[Label, Dim] = {}
    parts: list[Factor] = []
    for value, marks in factors:
        kept = [x for x, d in zip(marks, value.shape, strict=True) if d != ONE]
        labelled = (*(n for n, _ in value.loose), *kept)
        loose.update(value.loose)
        dims.update(zip(labelled, value.term.dims, strict=True))
        parts.append(Factor(value.term, labelled))
    ends = [(x, d) for x, d in zip(out, shape, strict=True) if d != ONE]
    dims.update(ends)
    left = tuple(sorted(loose.items()))
    return Value(contract(parts, [x for x, _ in [*left, *ends]], dims), shape, left)
