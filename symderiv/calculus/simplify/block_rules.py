"""Rules of blocks: what stands side by side, its parts, and zeros between them."""

from __future__ import annotations

from typing import Any

from ...core.shapes import ONE, Dim
from ...ops.joining import ConcatCall, PartCall, block_at, concat_term, inner_part
from ...tensor import (
    Factor,
    Parts,
    Scale,
    Term,
    add,
    constant,
    contract,
    delta,
    is_zero,
    scaled,
    summands,
    unit,
    zero,
)
from ...tensor.terms import Dims
from .rule import RuleContext


def block_of_blocks(term: Term, context: RuleContext) -> Term | None:
    """Write the block of blocks side by side as the one that it is."""
    if not isinstance(term.data, PartCall):
        return None
    inner = term.children[0]
    if inner.kind in ("leaf", "named", "share"):
        return None
    found = block_at(inner, *term.data.data)
    if found is None:  # the block of a product, where that is shorter
        new = inner_part(inner, *term.data.data)
        found = new if context.sizes(new) < context.sizes(term) else None
    return found


def identity_block(term: Term, context: RuleContext) -> Term | None:
    """Write rows of the identity as an identity between zeros."""
    if not isinstance(term.data, PartCall) or not term.children[0].is_delta:
        return None
    before, size, behind, after = term.data.data
    if after != 1:
        return None
    if size == ONE:
        return _one_at(term.dims[0], before, behind)
    return _between_zeros(delta(size), 1, before, size, behind)


def _one_at(dim: Dim, before: Dims, behind: Dims) -> Term:
    """Return the column with a 1 between zeros."""
    if all(not d.symbols for d in before):
        return unit(1 + sum(d.coefficient for d in before), dim)
    blocks = [*(zero((d,)) for d in before), constant(Scale()), *(zero((d,)) for d in behind)]
    return concat_term(blocks, (*before, ONE, *behind), 0)


def _once(f: Factor, label: Any) -> bool:
    return f.labels.count(label) == 1


def _cut(f: Factor, old: Any, new: Any, block: Any) -> Factor:
    """Return a factor with a block of one of its axes, under another label."""
    before, size, behind, _ = block
    place = f.labels.index(old)
    term = inner_part(f.term, before, size, behind, len(f.labels) - place - 1)
    return Factor(term, tuple(new if x == old else x for x in f.labels), f.exponent)


def _again(
    parts: Parts, gone: tuple[int, ...], new: list[Factor], old: Any, sizes: dict[Any, Dim]
) -> Term:
    """Return the contraction with other factors, one of its indices gone for another."""
    kept = [g for j, g in enumerate(parts.factors) if j not in gone]
    dims = {**{x: d for x, d in parts.dims.items() if x != old}, **sizes}
    return contract([*kept, *new], parts.out, dims, parts.scale)


def _between_zeros(term: Term, place: int, before: Dims, size: Dim, behind: Dims) -> Term:
    """Return a term between zeros along one of its axes, or along one that it lacks for size 1."""
    own = term.dims if size != ONE else (*term.dims[:place], ONE, *term.dims[place:])
    after = len(own) - place - 1

    def empty(dim: Dim) -> Term:
        dims = (*own[:place], dim, *own[place + 1 :])
        return zero(tuple(d for d in dims if d != ONE))

    blocks = [*map(empty, before), term, *map(empty, behind)]
    return concat_term(blocks, (*before, size, *behind), after)


def zero_blocks(parts: Parts, context: RuleContext) -> Term | None:
    """Sum over the one block that is not zero: concat(X, 0).T @ Y = X.T @ (rows of Y)."""
    for k, f in parts.calls("concat"):
        sizes, after = f.term.data.data
        full = [j for j, c in enumerate(f.term.children) if not is_zero(c)]
        place = len(f.labels) - after - 1
        whole = f.labels[place]
        if len(full) != 1 or f.exponent != 1 or whole in parts.out or not _once(f, whole):
            continue
        met = [j for j, g in enumerate(parts.factors) if whole in g.labels and j != k]
        if sizes[full[0]] == ONE or not all(_once(parts.factors[j], whole) for j in met):
            continue
        if any(parts.factors[j].term.is_fuse for j in met):
            continue  # an axis that runs over pairs has no blocks
        size, block = sizes[full[0]], ("block", whole)
        ends = (sizes[: full[0]], size, sizes[full[0] + 1 :], 0)
        labels = tuple(block if x == whole else x for x in f.labels)
        cut = [_cut(parts.factors[j], whole, block, ends) for j in met]
        only = Factor(f.term.children[full[0]], labels)
        return _again(parts, (k, *met), [only, *cut], whole, {block: size})
    return None


def zeros_outside(parts: Parts, context: RuleContext) -> Term | None:
    """Multiply blocks side by side where only one is not zero: A @ concat(X, 0) = concat(A @ X, 0).

    The zeros stay outside where nothing is summed over their axis.
    """
    for k, f in parts.calls("concat"):
        sizes, after = f.term.data.data
        full = [j for j, c in enumerate(f.term.children) if not is_zero(c)]
        place = len(f.labels) - after - 1
        whole = f.labels[place]
        alone = whole in parts.out and sum(g.labels.count(whole) for g in parts.factors) == 1
        as_it_stands = len(parts.factors) == 1 and f.labels == parts.out
        if len(full) != 1 or f.exponent != 1 or not alone or as_it_stands:
            continue
        j = full[0]
        gone = {whole} if sizes[j] == ONE else set()
        ranges = {x: d for x, d in {**parts.dims, whole: sizes[j]}.items() if x not in gone}
        rest = [g for i, g in enumerate(parts.factors) if i != k]
        block = Factor(f.term.children[j], tuple(x for x in f.labels if x not in gone))
        body = contract([*rest, block], [x for x in parts.out if x not in gone], ranges)
        spot = parts.out.index(whole)
        blocks = _between_zeros(body, spot, sizes[:j], sizes[j], sizes[j + 1 :])
        return scaled(blocks, parts.scale)
    return None


def blocks_add_up(term: Term, context: RuleContext) -> Term | None:
    """Add blocks side by side block by block, where one of them is zero."""
    groups: dict[Any, list[int]] = {}
    pairs = list(summands(term))
    for k, (_, body) in enumerate(pairs):
        if body.is_call and isinstance(body.data, ConcatCall):
            groups.setdefault(body.data.data, []).append(k)
    for (sizes, after), members in groups.items():
        bodies = [pairs[k][1] for k in members]
        if len(members) < 2 or not any(is_zero(c) for b in bodies for c in b.children):
            continue
        blocks = [
            add([scaled(pairs[k][1].children[j], pairs[k][0]) for k in members])
            for j in range(len(sizes))
        ]
        rest = [scaled(b, s) for k, (s, b) in enumerate(pairs) if k not in members]
        return add([concat_term(blocks, sizes, after), *rest])
    return None
