"""Takes a scalar term and leaves; returns the cotangents of all between, and the pullbacks applied.

There is one rule for all multilinear algebra: the cotangent of one factor of a contraction is the
contraction of the other factors with the cotangent of the whole (Griewank and Walther, Evaluating
Derivatives, 2008, section 3.2; for contractions: Laue, Mitterreiter and Giesen, NeurIPS 2018).
Sums pass a cotangent on; every other function brings its pullback from the operator table.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from ..core.errors import MissingRuleError
from ..core.expr import Expr, walk
from ..ops import TABLE
from ..tensor import (
    Factor,
    Label,
    Parts,
    Scale,
    Term,
    Value,
    add,
    constant,
    contract,
    delta,
    is_zero,
    scaled,
    share,
    walk_terms,
    zero,
)
from ..tensor.terms import ONE_EXPONENT


def lower(x: Expr, memo: dict[Expr, Value] | None = None) -> Value:
    """Return the index term of an expression; ``memo`` keeps what is shared between calls."""
    done: dict[Expr, Value] = {} if memo is None else memo
    for e in walk(x, known=done):
        if not TABLE[e.op].tensors and any(len(a.shape) > 2 for a in e.args):
            raise MissingRuleError(f"no rule for {e.op} of a tensor")
        done[e] = TABLE[e.op].lower(e, [done[a] for a in e.args])
    return done[x]


class Pullback(NamedTuple):
    """One application of a rule: the cotangent of ``node`` sent to its child at ``position``."""

    node: Term
    position: int
    cotangent: Term
    result: Term


@dataclass(slots=True)
class Reverse:
    """The cotangents that reverse mode found, and how."""

    root: Term
    cotangents: dict[Term, Term] = field(default_factory=dict)
    tape: list[Pullback] = field(default_factory=list)

    def gradient(self, leaf: Term) -> Term:
        """Return the cotangent of a leaf; the zero term is derived, not assumed."""
        return self.cotangents.get(leaf, zero(leaf.dims))


def contraction_rule(node: Term, position: int, cotangent: Term) -> Term:
    """Return the cotangent that a contraction sends to one of its factors.

    With Z = sum of a product of factors A, B, .. and cotangent C of Z, factor A receives the
    contraction of C with B, ..; where A carries an exponent e, also e A^(e-1). An index that A
    carries twice (a trace, a diagonal) is told apart by a Kronecker delta.
    """
    scale, factors, _, dims = Parts.of(node)
    target = factors[position]
    parts = [f for k, f in enumerate(factors) if k != position]
    if target.exponent is not ONE_EXPONENT and target.exponent != 1:
        parts.append(Factor(target.term, target.labels, target.exponent - 1))
        scale = scale * Scale(target.exponent)
    parts.append(Factor(cotangent, tuple(range(len(node.dims)))))
    out: list[Label] = []
    for slot, label in enumerate(target.labels):
        if label in out:
            fresh = ("again", slot)
            dims[fresh] = target.term.dims[slot]
            parts.append(Factor(delta(dims[fresh]), (label, fresh)))
            label = fresh
        out.append(label)
    return contract(parts, out, dims, scale)


def reverse(
    root: Term,
    leaves: Iterable[Term],
    seed: Term | None = None,
    name: Callable[[Term, Term], Term] | None = None,
) -> Reverse:
    """Return the cotangents of everything between a term and the given leaves.

    ``seed`` is the cotangent of the term itself; 1 for a scalar by default. ``name`` may give the
    cotangent of a named intermediate a name of its own, so that what lies before it stays short.
    """
    order = dependents(root, set(leaves))
    result = Reverse(root)
    waiting: dict[Term, list[Term]] = {
        root: [constant(Scale(), root.dims) if seed is None else seed]
    }
    for node in reversed(order):
        cotangent = add(waiting.pop(node, [zero(node.dims)]))
        if name is not None and node.is_name:
            cotangent = name(node, cotangent)
        if getattr(node.data, "reuses_cotangent", False):
            cotangent = share(cotangent)
        result.cotangents[node] = cotangent
        if is_zero(cotangent):
            continue
        for position, child in enumerate(node.children):
            if child in order:
                sent = _pull(node, position, cotangent)
                result.tape.append(Pullback(node, position, cotangent, sent))
                waiting.setdefault(child, []).append(sent)
    return result


def _pull(node: Term, position: int, cotangent: Term) -> Term:
    if node.is_contraction:
        return contraction_rule(node, position, cotangent)
    if node.is_sum:
        return scaled(cotangent, node.data[position])
    if node.is_alias:
        return cotangent
    pulled: Term = node.data.pullback(node, position, cotangent)
    return pulled


def dependents(root: Term, leaves: Container[Term]) -> dict[Term, None]:
    """Return the nodes that depend on leaves, arguments before the nodes that use them."""
    depends: dict[Term, None] = {}
    for node in walk_terms(root):
        if node in leaves or any(c in depends for c in node.children):
            depends[node] = None
    return depends
