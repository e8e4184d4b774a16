"""Takes a contraction with fused axes that is no Kronecker form; returns it as reshaped tensors.

An axis of the result that runs over a pair is two axes of a tensor, read row by row; one that is
summed over is two axes of whatever carries it.
"""

from __future__ import annotations

from typing import Any

from ...core.expr import Expr, eye, node
from ...core.shapes import SCALAR, Dim, Shape
from ...tensor import Factor, Label, Parts, Term, contract, delta
from .paired_axes import held
from .pieces import PieceProduct


def reshaped(raiser: Any, term: Term, shape: Shape) -> PieceProduct:
    """Return a contraction with fused axes; ``raiser`` raises the tensors."""
    scale, factors, out, dims = Parts.of(term)
    parts = _within(raiser, _joined(raiser, [*factors], dims, out), dims, out)
    ends: list[Label] = []
    for x in out:
        pair = next((f for f in parts if f.term.is_fuse and f.labels[0] == x), None)
        if pair is None:
            ends.append(x)
            continue
        parts.remove(pair)
        for y in pair.labels[1:]:
            ends.append(_fresh(y, parts, dims, ends, out))
        dims.pop(x)
    parts = [f._replace(term=_pairs(f.term)) if f.term.is_fuse else f for f in parts]
    used = {x for f in parts for x in f.labels} | set(ends)
    inner = contract(parts, ends, {x: d for x, d in dims.items() if x in used}, scale)
    whole = (*inner.dims, *SCALAR)[: max(2, len(inner.dims))]
    found = raiser.product(inner, whole)
    if found.body is None or shape == whole:
        return PieceProduct(found.scale, found.scalars, found.body)
    return PieceProduct(found.scale, found.scalars, _in_shape(found.body, shape))


def _pairs(fused: Term) -> Term:
    """Return the places of all pairs, each once, as the rows of an identity."""
    return held(node("reshape", (eye(fused.dims[0]),), fused.dims))


def _in_shape(body: Expr, shape: Shape) -> Expr:
    while body.op == "reshape":
        body = body.args[0]
    return node("reshape", (body,), shape)


def _joined(
    raiser: Any, parts: list[Factor], dims: dict[Any, Dim], out: tuple[Label, ...]
) -> list[Factor]:
    """Return factors in which a pair of axes of one factor alone, fused, is one axis of it."""
    for pair in [f for f in parts if f.term.is_fuse]:
        k, slow, fast = pair.labels
        rest = [f for f in parts if f is not pair]
        met = [f for f in rest if slow in f.labels or fast in f.labels]
        needed = any(f.term.is_fuse and f.labels[0] == k for f in rest)
        if k in out or not needed or len(met) != 1 or {slow, fast} & set(out):
            continue
        (f,) = met
        if (
            f.term.is_fuse
            or f.exponent != 1
            or sorted(f.labels, key=str) != sorted({*f.labels}, key=str)
        ):
            continue
        kept = [x for x in f.labels if x not in (slow, fast)]
        ranges = {x: dims[x] for x in f.labels}
        ordered = contract([f], (*kept, slow, fast), ranges)
        shape = (*ordered.dims[:-2], dims[k])
        whole = raiser.shaped(ordered, ordered.dims)
        closed = held(_in_shape(whole, (*shape, *SCALAR)[: max(2, len(shape))]))
        parts = [*(g for g in rest if g is not f), Factor(closed, (*kept, k))]
        dims.pop(slow)
        dims.pop(fast)
    return parts


def _within(
    raiser: Any, parts: list[Factor], dims: dict[Any, Dim], out: tuple[Label, ...]
) -> list[Factor]:
    """Return factors in which every fused axis that is summed over is two axes of its carrier."""
    for pair in [f for f in parts if f.term.is_fuse]:
        k, slow, fast = pair.labels
        carriers = [f for f in parts if k in f.labels and f is not pair]
        if k in out or not carriers:
            continue
        if any(f.term.is_fuse or f.labels.count(k) > 1 for f in carriers):
            continue
        parts = [f for f in parts if f is not pair and f not in carriers]
        for f in carriers:
            place = f.labels.index(k)
            shape = (*f.term.dims[:place], dims[slow], dims[fast], *f.term.dims[place + 1 :])
            opened = held(_in_shape(raiser.natural(f.term), shape))
            labels = (*f.labels[:place], slow, fast, *f.labels[place + 1 :])
            parts.append(Factor(opened, labels, f.exponent))
        dims.pop(k)
    return parts


def _fresh(
    x: Label, parts: list[Factor], dims: dict[Any, Dim], ends: list[Label], taken: tuple[Label, ...]
) -> Label:
    """Return a label for an axis of the result; one that is taken is tied to another."""
    if x not in ends and x not in taken:
        return x
    mark = ("tied", len(dims), len(ends))
    dims[mark] = dims[x]
    parts.append(Factor(delta(dims[x]), (x, mark)))
    return mark
