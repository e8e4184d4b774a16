"""Takes a term that matrices alone cannot write; returns it in batched matrices, or as an einsum.

Where every factor carries its batch axes in front, in one order, the rest of a contraction is
raised as one of matrices, over names that stand for the factors, and that form is then read for
tensors (``X.mT @ G`` summed over the batch). Everything else is written as an einsum.

Contract: the result equals the term for every size; where neither form exists, MissingRuleError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from ...core.errors import MissingRuleError
from ...core.expr import Expr, eye, mul, node, num, ones, transpose, var, zeros
from ...core.shapes import ONE, SCALAR, Dim, Shape, Unifier, trimmed
from ...core.unit_axes import fitted
from ...tensor import (
    Factor,
    Label,
    Parts,
    Scale,
    Term,
    connected,
    contract,
    factors_of,
    is_entrywise,
    is_zero,
    leaf,
    scaled,
    summands,
)
from .batch_axes import Lift, missing, no_form, summed, total
from .pieces import PieceProduct, called, plus, raised_power
from .reshaped import reshaped

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


_LETTERS = "ijklmnpqrstuvwxyzabcdefgho"


@dataclass(slots=True)
class _Split:
    """One factor of a batched contraction: its batch labels, and those of its matrix."""

    factor: Factor
    batch: tuple[Label, ...]
    core: tuple[Label, ...]


@dataclass(slots=True)
class _Batch:
    """A contraction seen as one of matrices: batch labels (those summed first) and the rest."""

    bound: list[Label]
    free: list[Label]
    ends: tuple[Label | None, Label | None]
    parts: list[_Split]
    dims: dict[Label, Dim]

    def shape(self, batch: Sequence[Label], core: Sequence[Dim]) -> Shape:
        """Return the shape of something that carries some of the batch labels."""
        lead = tuple(self.dims[x] if x in batch else ONE for x in (*self.bound, *self.free))
        return trimmed((*lead, *(*core, *SCALAR)[:2]))


@dataclass(slots=True)
class TensorRaiser:
    """Raises what has no form in matrices alone.

    ``natural`` and ``plain`` raise any term of at most two axes; ``strict`` fails where there is
    no form in matrices.
    """

    natural: Callable[[Term], Expr]
    plain: Callable[[Term], PieceProduct]
    strict: Callable[[Term], PieceProduct]
    spread: Callable[[Term], PieceProduct | None]
    memo: dict[tuple[Term, Shape], Expr] = field(default_factory=dict)

    def shaped(self, term: Term, shape: Shape) -> Expr:
        """Return a term in a shape whose axes, but for those of size 1, are the term's."""
        if len(shape) == 2:
            return fitted(self.natural(term), shape)
        found = self.memo.get((term, shape))
        if found is None:
            found = self.memo[term, shape] = self._raise(term, shape)
        return found

    def _raise(self, term: Term, shape: Shape) -> Expr:
        if is_zero(term):
            return zeros(*shape) if shape != SCALAR else num(0)
        if term.is_atom:
            return fitted(term.data, shape)
        if term.is_shared:
            return self.shaped(term.children[0], shape)
        if term.is_call:
            # A function of the last axes needs these as they are: entrywise ones take any shape.
            if is_entrywise(term):
                args = (self._argument(a, shape) for a in term.children)
            else:
                args = (self.natural(a) for a in term.children)
            value = called(term.data, tuple(args))
            if value.is_scalar and shape != SCALAR:  # of scalars that are spread alone
                return PieceProduct(Scale(), (value,), ones(*shape)).expr()
            return fitted(value, shape)
        if term.is_sum:
            return self._sum(term, shape)
        if term.is_sifting:
            return fitted(self.natural(term), shape)
        if term.is_fuse:
            return fitted(node("reshape", (eye(term.dims[0]),), term.dims), shape)
        return self.product(term, shape).expr()

    def _argument(self, term: Term, shape: Shape) -> Expr:
        """Return an argument of an entrywise function; a scalar stays one."""
        scalar = self.spread(term)
        return self.shaped(term, shape) if scalar is None else scalar.expr()

    def _sum(self, term: Term, shape: Shape) -> Expr:
        parts = [_narrowed(scaled(body, scale), shape) for scale, body in summands(term)]
        # What is spread over an axis may stand beside others where one of them has it.
        enough = Unifier()
        whole: Shape = SCALAR
        for _, small in parts:
            whole = enough.broadcast(whole, small)
        terms = []
        for (body, small), (scale, full) in zip(parts, summands(term), strict=True):
            p = self._beside(body, small) if whole == shape else self.product(full, shape)
            factor = Scale() if whole == shape else scale
            terms.append(PieceProduct(factor * p.scale, p.scalars, p.body).expr())
        return plus(terms)

    def _beside(self, term: Term, shape: Shape) -> PieceProduct:
        """Return a summand that may be spread beside the others."""
        if len(shape) > 2:
            return self.product(term, shape)
        p = self.plain(term)
        body = None if p.body is None else fitted(p.body, shape)
        return PieceProduct(p.scale, p.scalars, body)

    def product(self, term: Term, shape: Shape) -> PieceProduct:
        """Return a term as a scale, scalars and a body of the given shape."""
        if not term.is_contraction or is_zero(term):
            body = self.shaped(term, shape)
            return (
                PieceProduct(Scale(), (), body)
                if shape != SCALAR
                else PieceProduct(Scale(), (body,))
            )
        if not term.children:
            return PieceProduct(term.data[0], (), ones(*shape) if shape != SCALAR else None)
        apart = self._closed_parts(term, shape)
        if apart is not None:
            return apart
        batch = self._split(term, shape)
        if batch is not None:
            try:
                p = self._batched(batch, shape)
                return PieceProduct(factors_of(term)[0] * p.scale, p.scalars, p.body)
            except MissingRuleError:
                pass
        return axis_sums(self.shaped, term, shape) or self._einsum(term, shape)

    def _closed_parts(self, term: Term, shape: Shape) -> PieceProduct | None:
        """Return a product of scalars and one rest, where factors share no index with the rest."""
        scale, factors, all_dims = factors_of(term)
        groups = _connected(factors, range(len(term.dims)))
        closed = [
            g for g in groups if not any(int(str(x)) < len(term.dims) for f in g for x in f.labels)
        ]
        if not closed or len(groups) == 1 or len(closed) == len(groups) == len(factors):
            return None
        parts = [_product_of(g, (), all_dims) for g in closed]
        rest = [f for g in groups if g not in closed for f in g]
        scalars = [self.natural(p) for p in parts]
        if not term.dims:
            return PieceProduct(scale, tuple(scalars))
        p = self.product(_product_of(rest, tuple(range(len(term.dims))), all_dims), shape)
        return PieceProduct(scale * p.scale, (*scalars, *p.scalars), p.body)

    # as matrices under batch axes

    def _split(self, term: Term, shape: Shape) -> _Batch | None:
        """Return a contraction as one of matrices under batch labels, or None where it is not."""
        _, factors, all_dims = factors_of(term)
        given = factors
        factors = tuple(_summed_alone(f, given, len(term.dims), all_dims) for f in given)
        left: Iterator[Label] = iter(range(len(term.dims)))
        axes = [next(left) if d != ONE else None for d in shape]
        free: list[Label] = [x for x in axes[:-2] if x is not None]
        ends = (axes[-2], axes[-1])
        bound: list[Label] = []
        for f in factors:
            for x in f.labels[:-2]:
                if x in ends:
                    return None
                if x not in free and x not in bound:
                    bound.append(x)
        if not bound and not free and factors == given:
            return None
        order = [*bound, *free]
        parts = []
        for f in factors:
            spots = [order.index(x) for x in f.labels if x in order]
            core = tuple(x for x in f.labels if x not in order)
            lead = f.labels[: len(spots)]
            in_front = f.labels == (*lead, *core) and spots == sorted(set(spots))
            if not in_front or len(core) > 2 or (f.term.is_sifting and spots):
                return None
            parts.append(_Split(f, lead, core))
        return _Batch(bound, free, ends, parts, dict(enumerate(all_dims)))

    def _batched(self, batch: _Batch, shape: Shape) -> PieceProduct:
        meaning: dict[Expr, Expr] = {}
        parts = [
            Factor(self._stand_in(k, p, batch, meaning), p.core, p.factor.exponent)
            for k, p in enumerate(batch.parts)
        ]
        out = [x for x in batch.ends if x is not None]
        inside = {x: batch.dims[x] for x in (*out, *(y for p in batch.parts for y in p.core))}
        core = self.strict(contract(parts, out, inside))
        body = PieceProduct(Scale(), core.scalars, core.body).expr()
        if out and batch.ends[0] is None:
            body = transpose(body)
        lifted = Lift(meaning)(body)
        ends = [batch.dims[x] if x is not None else ONE for x in batch.ends]
        wanted = batch.shape([*batch.bound, *batch.free], ends)
        if lifted.shape != wanted:
            lifted = mul(ones(*missing(lifted.shape, wanted)), lifted)
        if lifted.shape != wanted:
            raise no_form()
        for _ in batch.bound:
            lifted = summed(lifted, 0)
        if shape == SCALAR:
            return PieceProduct(core.scale, (total(lifted),))
        if lifted.shape != shape:
            raise no_form()
        return PieceProduct(core.scale, (), lifted)

    def _stand_in(self, k: int, part: _Split, batch: _Batch, meaning: dict[Expr, Expr]) -> Term:
        """Return a name for the matrix that a factor is at one position of the batch."""
        term = part.factor.term
        if term.is_sifting:
            return term
        dims = tuple(batch.dims[x] for x in part.core)
        shape = batch.shape(part.batch, dims)
        value = self.shaped(term, shape)
        if value.op == "reshape":
            raise no_form()  # an einsum says the same without it
        written = str(term.data.data) if term.is_atom else f"~{k:03d}"
        alike = sum(
            str(x.data).rstrip("'") == written and v is not value for x, v in meaning.items()
        )
        name = var(written + "'" * alike, (*dims, *SCALAR)[:2])
        meaning[name] = value
        return leaf(name, dims)

    # as an einsum

    def _einsum(self, term: Term, shape: Shape) -> PieceProduct:
        scale, factors, out, dims = Parts.of(term)
        if any(f.term.is_fuse for f in factors):
            return reshaped(self, term, shape)
        scalars: list[Expr] = []
        parts: list[tuple[Expr, tuple[Label, ...]]] = []
        for f in factors:
            x = self._factor(f)
            if f.labels:
                parts.append((x, f.labels))
            else:
                scalars.append(x)
        known = {x for _, labels in parts for x in labels}
        parts += [(ones(dims[x]), (x,)) for x in out if x not in known]
        if not parts:
            return PieceProduct(scale, tuple(scalars))
        body = _single(parts, out) or _written(parts, out, dims)
        if shape == SCALAR:
            return PieceProduct(scale, (*scalars, body))
        return PieceProduct(scale, tuple(scalars), fitted(body, shape))

    def _factor(self, f: Factor) -> Expr:
        if f.term.is_delta:
            return eye(f.term.dims[0])
        return raised_power(self.natural(f.term), Fraction(f.exponent))


def _narrowed(term: Term, shape: Shape) -> tuple[Term, Shape]:
    """Return a term without the axes over which it is only spread, and its shape then."""
    if not term.is_contraction or is_zero(term):
        return term, shape
    scale, factors, dims = factors_of(term)
    carried = {int(str(x)) for f in factors for x in f.labels}
    left = iter(range(len(term.dims)))
    axes = [next(left) if d != ONE else None for d in shape]
    small = trimmed(tuple(d if x in carried else ONE for x, d in zip(axes, shape, strict=True)))
    if small == (shape[-2], ONE) and shape[-2] == shape[-1]:
        return term, shape  # a bare column could go to the rows or to the columns
    out = [k for k in range(len(term.dims)) if k in carried]
    ranges = {k: dims[k] for k in carried}
    return contract(factors, out, ranges, scale), small


def _single(parts: Sequence[tuple[Expr, tuple[Label, ...]]], out: tuple[Label, ...]) -> Expr | None:
    """Return one factor with its axes in another order, or None where there is more to it."""
    if len(parts) != 1 or sorted(map(str, parts[0][1])) != sorted(map(str, out)):
        return None
    x, labels = parts[0]
    if len(set(labels)) < len(labels) or len(labels) < 3:
        return None
    order = tuple(labels.index(k) for k in out)
    if order == out:
        return x
    if order[:-2] == out[:-2]:
        return transpose(x)
    return node("permute", (x,), tuple(x.shape[k] for k in order), order)


def _written(
    parts: Sequence[tuple[Expr, tuple[Label, ...]]], out: tuple[Label, ...], dims: dict[Label, Dim]
) -> Expr:
    """Return an einsum; a letter is the name of its dimension where that is one letter."""
    letters: dict[Label, str] = {}
    for x in (*out, *(x for _, labels in parts for x in labels)):
        if x not in letters:
            wanted = str(dims[x]) if len(str(dims[x])) == 1 and str(dims[x]).isalpha() else ""
            pool = [*wanted, *_LETTERS]
            letters[x] = next(c for c in pool if c not in letters.values())
    inputs = tuple("".join(letters[x] for x in labels) for _, labels in parts)
    ends = tuple(dims[x] for x in out)
    shape = (*ends, *SCALAR)[: max(2, len(ends))]
    args = tuple(x for x, _ in parts)
    return node("einsum", args, shape, (inputs, "".join(letters[x] for x in out)))


def _summed_alone(f: Factor, factors: Sequence[Factor], free: int, dims: Sequence[Dim]) -> Factor:
    """Return a factor summed over the batch labels that no other factor and no result has."""
    others = {x for g in factors if g is not f for x in g.labels}
    alone = [x for x in f.labels[:-2] if int(str(x)) >= free and x not in others]
    left = tuple(x for x in f.labels if x not in alone)
    is_all = len(factors) == 1 and left == tuple(range(free))
    if not alone or f.exponent != 1 or is_all or len({*f.labels}) < len(f.labels):
        return f
    inside = {x: dims[int(str(x))] for x in f.labels}
    return Factor(contract([f], left, inside), left)


def _connected(factors: Sequence[Factor], free: Sequence[int]) -> list[list[Factor]]:
    """Return the factors in groups that share indices; all that have a free one are together."""
    ends = set(free)
    groups = connected(factors, lambda f: {*f.labels, *(ends if ends & {*f.labels} else ())})
    return [[f for f in factors if f in members] for _, members in groups]


def _product_of(factors: Sequence[Factor], out: tuple[int, ...], dims: Sequence[Dim]) -> Term:
    used = {int(str(x)) for f in factors for x in f.labels} | set(out)
    return contract(factors, out, {x: dims[x] for x in sorted(used)})
