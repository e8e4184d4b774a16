"""Takes a contraction of tensors; returns it as products summed along axes, or None if no shorter.

``einsum("ngk,ngi,ngi->ngk", Y, Y, S)`` is ``Y * sum(Y * S, axis=2)``: what is summed over stands on
an axis that its factors do not have in the result, and is kept with size 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from ...core.expr import Expr, mul
from ...core.shapes import ONE, Dim, Shape, trimmed
from ...tensor import Factor, Label, Term, factors_of
from .batch_axes import summed
from .pieces import PieceProduct, raised_power

Shaped = Callable[[Term, Shape], Expr]


def axis_sums(shaped: Shaped, term: Term, shape: Shape) -> PieceProduct | None:
    """Return a contraction of tensors with a sum along an axis for each index that is bound."""
    scale, factors, dims = factors_of(term)
    free = len(term.dims)
    bound = range(free, len(dims))
    if len(shape) < 3 or not bound or any(f.term.kind in _OTHERS for f in factors):
        return None
    left = iter(range(free))
    axes: list[Label | None] = [next(left) if d != ONE else None for d in shape]
    groups = {x: [f for f in factors if x in f.labels] for x in bound}
    if any(len({*f.labels} & {*bound}) > 1 or len({*f.labels}) < len(f.labels) for f in factors):
        return None
    parts = [_in_place(shaped, f, axes, dims) for f in factors if not {*f.labels} & {*bound}]
    for x, group in groups.items():
        parts.append(_summed(shaped, x, group, axes, dims))
    known = [p for p in parts if p is not None]
    if len(known) < len(parts) or not known:
        return None
    body = mul(*known) if len(known) > 1 else known[0]
    return PieceProduct(scale, (), body) if body.shape == shape else None


_OTHERS = ("delta", "unit", "fuse", "share")


def _in_place(
    shaped: Shaped, f: Factor, axes: Sequence[Label | None], dims: Sequence[Dim]
) -> Expr | None:
    """Return a factor as a tensor whose axes stand where those of the result do; or None."""
    spots = [axes.index(x) if x in axes else -1 for x in f.labels]
    if spots != sorted(spots) or -1 in spots:
        return None
    lead = tuple(dims[int(str(x))] if x in f.labels else ONE for x in axes)
    return raised_power(shaped(f.term, trimmed(lead)), Fraction(f.exponent))


def _summed(
    shaped: Shaped,
    x: Label,
    group: Sequence[Factor],
    axes: Sequence[Label | None],
    dims: Sequence[Dim],
) -> Expr | None:
    """Return the sum of a product along the axis that an index is put on; or None."""
    others = {y for f in group for y in f.labels}
    for k in sorted(range(len(axes)), key=lambda k: (axes[k] is not None, -k)):
        if axes[k] in others:
            continue
        moved = [x if j == k else y for j, y in enumerate(axes)]
        parts = [_in_place(shaped, f, moved, dims) for f in group]
        known = [p for p in parts if p is not None]
        if known and len(known) == len(parts):
            body = mul(*known) if len(known) > 1 else known[0]
            rank = len(axes) - len(body.shape)
            if k >= rank and body.shape[k - rank] != ONE:
                return summed(body, k - rank)
    return None
