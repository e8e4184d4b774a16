"""Matrices over index terms: which axis of a term is the row and which the column.

Contract: an axis exists only where the dimension is not 1, so a row and a column hold the same
one-axis term and transposing either costs nothing. An entry ``X[i, j]`` under a named index
leaves that index as a *loose* axis, in front of the row and the column, until ``Sum`` binds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from ..shapes import ONE, Dim, Shape
from .contraction import contract
from .scale import UNIT_SCALE, Scale
from .terms import ONE_EXPONENT, Factor, Label, Term

ROW, COLUMN, INNER = 0, 1, 2  # loose indices are strings, so these never clash with one


@dataclass(frozen=True, slots=True)
class Value:
    """A term with the shape it stands for; ``loose`` are named indices that no Sum bound yet."""

    term: Term
    shape: Shape
    loose: tuple[tuple[str, Dim], ...] = ()


def labels(value: Value, row: Label, column: Label) -> tuple[Label, ...]:
    """Return a label for every axis of a value's term."""
    ends = tuple(x for x, dim in zip((row, column), value.shape, strict=True) if dim != ONE)
    return tuple(name for name, _ in value.loose) + ends


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
    ends = [(x, d) for x, d in zip((ROW, COLUMN), shape, strict=True) if d != ONE]
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
