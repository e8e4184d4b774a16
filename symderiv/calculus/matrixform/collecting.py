"""Takes the terms of a sum; returns fewer: ``A @ x / s + A.T @ x / s`` is ``(A + A.T) @ x / s``.

Terms with the same scalars are joined, then the outer factor that most of them share, on the left
or on the right, is taken out, until none is. Nothing is multiplied out.
"""

from __future__ import annotations

from ...core.expr import Expr, matmul, num
from ...core.shapes import Dim
from ...tensor import Scale
from .pieces import PieceProduct, diagonal, is_scaling, plus

Outer = tuple[int, Expr, Dim]  # the side, the factor, the columns of the product


def collect(terms: list[PieceProduct]) -> list[PieceProduct]:
    """Return the terms of a sum with common scalars and common outer factors taken out."""
    groups: dict[tuple[Expr, ...], list[PieceProduct]] = {}
    for t in _diagonals(terms):
        groups.setdefault(t.scalars if t.body is not None else (), []).append(t)
    result: list[PieceProduct] = []
    for scalars, group in groups.items():
        members = _factored(group) if len(group) > 1 else group
        if not scalars or len(members) == 1:
            result += members
            continue
        common = _common_scale([t.scale for t in members])
        inner = [_divided(t, common) for t in members]
        result.append(PieceProduct(common, scalars, plus([t.expr() for t in inner])))
    return result


def _diagonals(terms: list[PieceProduct]) -> list[PieceProduct]:
    """Join diagonal matrices: diag(u) + 2 * diag(v) is diag(u + 2 * v)."""
    spots = [k for k, t in enumerate(terms) if _weights(t) is not None]
    if len(spots) < 2:
        return terms
    found = [terms[k] for k in spots]
    common = _common_scale([t.scale for t in found])
    inner = plus([_over(t, common).expr() for t in found])
    joined = PieceProduct(common, (), diagonal(inner))
    rest = [t for k, t in enumerate(terms) if k not in spots]
    return [*rest[: spots[0]], joined, *rest[spots[0] :]]


def _weights(t: PieceProduct) -> Expr | None:
    """Return the column that a diagonal matrix is made of, or None."""
    body = t.body
    return body.args[0] if body is not None and is_scaling(body) else None


def _scaled(terms: list[PieceProduct]) -> list[PieceProduct]:
    """Join 2 * X and diag(u) @ X to diag(2 + u) @ X."""
    groups: dict[Expr | None, list[int]] = {}
    for k, t in enumerate(terms):
        groups.setdefault(_unscaled(t)[1], []).append(k)
    for rest, spots in groups.items():
        weights = [_unscaled(terms[k])[0] for k in spots]
        if len(spots) < 2 or all(w is None for w in weights) or rest is None:
            continue
        common = _common_scale([terms[k].scale for k in spots])
        inner = [
            PieceProduct(_divided(terms[k], common).scale, (), w).expr()
            for k, w in zip(spots, weights, strict=True)
        ]
        joined = PieceProduct(common, terms[spots[0]].scalars, matmul(diagonal(plus(inner)), rest))
        kept = [joined if k == spots[0] else t for k, t in enumerate(terms) if k not in spots[1:]]
        return _scaled(kept)
    return terms


def _unscaled(t: PieceProduct) -> tuple[Expr | None, Expr | None]:
    """Return the weights in front of a product, or None, and what they scale."""
    body = t.body
    if body is None or not body.is_matrix_product or not is_scaling(body.args[0]):
        return None, body
    return body.args[0].args[0], matmul(*body.args[1:])


def _over(t: PieceProduct, common: Scale) -> PieceProduct:
    sizes = () if common.sizes else t.scale.sizes
    return PieceProduct(Scale(t.scale.value / common.value, sizes), t.scalars, _weights(t))


def _factored(terms: list[PieceProduct]) -> list[PieceProduct]:
    """Take outer factors out of terms that have the same scalars."""
    terms = _scaled(terms)
    while True:
        best = _best(terms)
        if best is None:
            return terms
        members = [t for t in terms if _outer(t.body, best[0]) == best]
        side, factor, _ = best
        common = _common_scale([t.scale for t in members])
        inner = [_divided(_without(t, side), common) for t in members]
        body = plus([t.expr() for t in _diagonals(_factored(inner))])
        whole = matmul(body, factor) if side else matmul(factor, body)
        place = terms.index(members[0])
        joined = PieceProduct(common, members[0].scalars, whole)
        terms = [
            joined if k == place else t
            for k, t in enumerate(terms)
            if k == place or t not in members
        ]


def _outer(x: Expr | None, side: int) -> Outer | None:
    """Return the first (0) or last (1) factor of a product of at least two, and its columns.

    A column may stand beside a matrix, and shares factors on the left with it; taken out, they
    would leave it beside a matrix that can be square.
    """
    if x is None or not x.is_matrix_product or x.is_scalar:
        return None
    return side, x.args[-side], x.shape[1]


def _without(t: PieceProduct, side: int) -> PieceProduct:
    assert t.body is not None
    rest = t.body.args[:-1] if side else t.body.args[1:]
    return PieceProduct(t.scale, t.scalars, matmul(*rest))


def _best(terms: list[PieceProduct]) -> Outer | None:
    counts: dict[Outer, int] = {}
    for t in terms:
        for side in (1, 0):
            found = _outer(t.body, side)
            if found is not None and found[1].op not in ("ones", "diag"):
                counts[found] = counts.get(found, 0) + 1
    shared = {k: c for k, c in counts.items() if c > 1}
    return max(shared, key=lambda k: shared[k]) if shared else None


def _common_scale(scales: list[Scale]) -> Scale:
    """Return the scale that all terms share, up to sign; 1 where they differ."""
    first = scales[0]
    if any(abs(s.value) != abs(first.value) or s.sizes != first.sizes for s in scales):
        return Scale()
    negative = all(s.value < 0 for s in scales)
    return Scale(-abs(first.value) if negative else abs(first.value), first.sizes)


def _divided(t: PieceProduct, common: Scale) -> PieceProduct:
    """Return a term without the scale and the scalars that stand in front of the whole sum."""
    sizes = () if common.sizes else t.scale.sizes
    body = t.body if t.body is not None else num(1)
    return PieceProduct(Scale(t.scale.value / common.value, sizes), (), body)
