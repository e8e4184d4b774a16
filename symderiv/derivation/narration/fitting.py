"""Takes a step; says whether its two sides are those of what it claims to do.

Contract: decided from the sides alone, not from the words of the reason. It says nothing of
whether the step holds: that is what ``rechecking`` is for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ...core.expr import BINDERS, Expr, walk
from .steps import POWER, POWERS, Act, Step


@dataclass(frozen=True, slots=True)
class Need:
    """What a law asks of a step, in words and as a test."""

    words: str
    holds: Callable[[Step], bool]


def misfit(step: Step) -> str:
    """Return what the law of a step asks for and its sides lack; nothing where they fit.

    >>> from symderiv import derive
    >>> from dataclasses import replace
    >>> sifted = derive("x.T @ A @ x", A="n, n", x="n")["A"].steps[-2]
    >>> misfit(sifted), misfit(replace(sifted, law=Act.LINEARITY))
    ('', 'linearity needs the derivative of a sum or of a multiple')
    """
    need = NEEDS[step.law]
    if not need.holds(step):
        return f"{step.law.name.lower()} needs {need.words}"
    if POWER in step.reason and not (_has(step.before, *POWERS) or _inner(step)):
        return "the power rule needs a power"
    one_line = step.law is Act.CALCULUS  # several steps in one: the delta is gone again
    deltas = _count(step.after, "delta") - _count(step.before, "delta")
    if "entries of " in step.reason and deltas <= 0 and not one_line:
        return "independent entries need a delta"
    return ""


def _parts(x: Expr) -> list[Expr]:
    return list(walk(x, Expr.is_name))


def _has(x: Expr, *ops: str) -> bool:
    return any(e.op in ops for e in _parts(x))


def _count(x: Expr, *ops: str) -> int:
    """Return how often operators stand in an expression, at every place of a shared part."""
    if x.is_name:
        return 0
    return (x.op in ops) + sum(_count(a, *ops) for a in x.args)


def _inner(step: Step) -> bool:
    """Whether what is differentiated is named, and its value holds a power."""
    of = [e.args[0] for e in _parts(step.before) if e.op in ("partial", "differential")]
    names = [x.args[0] if x.op == "entry" else x for x in of]
    return any(x.op == "named" and _has(x.args[0], *POWERS) for x in names)


def _name(x: Expr) -> Expr:
    return x.args[0] if x.op == "entry" else x


def _terms(x: Expr) -> list[Expr]:
    """Return what is added up, under sums and minus signs."""
    if x.op == "add":
        return [t for a in x.args for t in _terms(a)]
    return _terms(x.args[0]) if x.op in ("neg", *BINDERS) else [x]


def _is_definition(step: Step) -> bool:
    return step.opens and _name(step.before).is_symbol and step.after is not step.before


def _is_linear(step: Step) -> bool:
    """Whether each term holds one derivative, and there was a sum or a factor to take out."""
    terms = _terms(step.after)
    bare = len(terms) == 1 and terms[0] is step.after and terms[0].op == "partial"
    kept = len(step.reason) > 1  # other terms, which do not contain the variable
    ones = all(_count(t, "partial") <= 1 for t in terms)
    return step.before.op == "partial" and ones and (not bare or kept)


def _is_product_rule(step: Step) -> bool:
    return step.before.op == "partial" and _count(step.after, "partial") > 1


def _is_known(step: Step) -> bool:
    return _has(step.before, "partial") and not _has(step.after, "partial")


def _is_chain(step: Step) -> bool:
    """Whether every term with derivatives multiplies two: of the objective, and of a stage."""
    pairs = [t for t in _terms(step.after) if _has(t, "partial")]
    return step.before.op == "partial" and all(_count(t, "partial") == 2 for t in pairs)


def _is_sift(step: Step) -> bool:
    fewer_sums = _count(step.after, *BINDERS) < _count(step.before, *BINDERS)
    return fewer_sums and _count(step.after, "delta") < _count(step.before, "delta")


def _is_matrix_form(step: Step) -> bool:
    indexed = _has(step.before, "entry", *BINDERS) and not _has(step.after, *BINDERS)
    return step.after.op == "entry" or indexed


def _is_scalar_form(step: Step) -> bool:
    return step.after.op != "entry" and not _has(step.before, "entry", *BINDERS)


def _is_product_entry(step: Step) -> bool:
    sums = [e for e in _parts(step.after) if e.op in BINDERS]
    return _is_definition(step) and any(_count(e, "entry") > 1 for e in sums)


def _gains(op: str) -> Callable[[Step], bool]:
    return lambda s: _count(s.after, op) > _count(s.before, op)


def _shrinks(step: Step) -> bool:
    return len(_terms(step.after)) < len(_terms(step.before)) or step.after.op == "num"


def _changes(step: Step) -> bool:
    return step.after is not step.before


def _of_change(step: Step) -> bool:
    return step.before.op == "differential"


def _inner_products(step: Step) -> bool:
    return all(_has(t, "differential") for t in _terms(step.after)) or step.after.op == "num"


def _put_in(step: Step) -> bool:
    """Whether known derivatives take the place of symbols, or a differential that of a name."""
    return _is_known(step) or (_has(step.before, "differential") and _inner_products(step))


def _side_moves(step: Step) -> bool:
    return _inner_products(step) and _has(step.before, "differential") and _changes(step)


def _ends_in_changes(step: Step) -> bool:
    """Whether each term on the right is a change, or something times one."""
    changes = [_last(t) for t in _terms(step.after)]
    return all(x.op == "differential" for x in changes) and _has(step.before, "differential")


def _last(x: Expr) -> Expr:
    """Return what stands last in a product, without vec around it."""
    while x.is_product or x.op == "vec":
        x = x.args[-1]
    return x


NEEDS: dict[Act, Need] = {
    Act.DEFINITION: Need("a name on the left", _is_definition),
    Act.NAMES: Need("a name on the left", _is_definition),
    Act.ENTRIES: Need("the entry of a name", lambda s: s.before.op == "entry" and s.opens),
    Act.OBJECTIVE: Need("the objective on the left", _is_definition),
    Act.MATMUL: Need("a sum over products of entries", _is_product_entry),
    Act.LINEARITY: Need("the derivative of a sum or of a multiple", _is_linear),
    Act.PRODUCT: Need("two places at least", _is_product_rule),
    Act.INDEPENDENT: Need("derivatives that become deltas", _is_known),
    Act.KNOWN: Need("derivatives that are worked out", _is_known),
    Act.CALCULUS: Need("a derivative that is worked out", _is_known),
    Act.CHAIN: Need("products of two derivatives", _is_chain),
    Act.SUBSTITUTE: Need("symbols that are replaced", _put_in),
    Act.SIFT: Need("a sum and a delta that go", _is_sift),
    Act.ZERO_SUM: Need("a term that goes", _shrinks),
    Act.TRANSPOSE: Need("a transpose that comes", _gains("transpose")),
    Act.READ: Need("sums that become a product", _is_matrix_form),
    Act.MATRIX: Need("entries or sums on the left, a matrix on the right", _is_matrix_form),
    Act.COLLECTED: Need("numbers on both sides", _is_scalar_form),
    Act.FREE: Need("the entry of a gradient", lambda s: s.after.op == "entry"),
    Act.JACOBIAN: Need("one derivative on the left", lambda s: s.before.op == "partial"),
    Act.DIFFERENTIAL: Need("a differential on the left", _of_change),
    Act.MOVE: Need("inner products on both sides", _side_moves),
    Act.COLLECT: Need("inner products on the right", _inner_products),
    Act.FRONT: Need("changes that stand last in each term", _ends_in_changes),
    Act.IDENTITY: Need("two sides", _changes),
    Act.BOTH_SIDES: Need("a change on the left", lambda s: _has(s.before, "differential")),
    Act.SOLVED: Need("a differential on the left", _of_change),
    Act.EXPANSION: Need("an opening", lambda s: s.opens),
    Act.FOLD: Need("another form", _changes),
    Act.PULLED: Need("a cotangent times a derivative", lambda s: _has(s.before, "partial")),
}
